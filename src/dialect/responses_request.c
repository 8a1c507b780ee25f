/* SPDX-License-Identifier: MIT */
/* A request for Responses, but for its input: PROTOCOLS.md 10, Request. */

#include "base/count.h"
#include "dialect/responses.h"

#include <string.h>

enum { LIMIT_MIN = 16 }; /* tokens: less is refused */

/* Without it a schema counts as strict, and most are not. */
static json_object *
new_tool(struct rewrite *r, json_object *tool)
{
	json_object *function = json_object_new_object();
	rewrite_put_text(r, function, "type", "function");
	openai_put_function(r, function, tool);
	rewrite_put(r, function, "strict", json_object_new_boolean(false));
	return function;
}

static json_object *
named_choice(struct rewrite *r, const char *name)
{
	return openai_typed(r, "function", "name", json_object_new_string(name));
}

static void
put_tools(struct rewrite *r, json_object *to)
{
	if (openai_put_tools(r, to, new_tool))
		openai_put_choice(r, to, named_choice);
}

static void
put_limit(struct rewrite *r, json_object *to)
{
	int64_t least = openai_least_limit(r, openai_effort(r, false));
	openai_put_limit(r, to, "max_output_tokens", least < LIMIT_MIN ? LIMIT_MIN : least);
}

/* There are no stop sequences. */
static void
put_sampling(struct rewrite *r, json_object *to)
{
	openai_put_sampling(r, to);
}

static void
put_instructions(struct rewrite *r, json_object *to)
{
	json_object *system = tree_get(r->out, "system");
	if (system != NULL)
		rewrite_put(r, to, "instructions", openai_text(r, system, "", ""));
}

/* Reasoning comes encrypted, since nothing is stored, and its summary for people to read. */
static void
put_reasoning(struct rewrite *r, json_object *to)
{
	const char *effort = openai_effort(r, false);
	unsigned quirks = r->handover->quirks;
	if (effort == NULL)
		return;
	json_object *reasoning = json_object_new_object();
	bool thinks = strcmp(effort, "none") != 0;
	rewrite_put_text(r, reasoning, "effort", effort);
	if (thinks && (quirks & QUIRK_NO_SUMMARY) == 0)
		rewrite_put_text(r, reasoning, "summary", "auto");
	rewrite_put(r, to, "reasoning", reasoning);
	if (!thinks || (quirks & QUIRK_NO_REPLAY) != 0)
		return;
	json_object *include = json_object_new_array();
	rewrite_add(r, include, json_object_new_string("reasoning.encrypted_content"));
	rewrite_put(r, to, "include", include);
}

static void
put_format(struct rewrite *r, json_object *to)
{
	json_object *format = json_object_new_object(), *text = json_object_new_object();
	rewrite_put_text(r, format, "type", "json_schema");
	bool asked = openai_put_schema(r, format);
	rewrite_put(r, text, "format", format);
	if (asked)
		rewrite_put(r, to, "text", text);
	else
		json_object_put(text);
}

static void
put_stream(struct rewrite *r, json_object *to)
{
	static const char *const names[] = {"stream", NULL};
	rewrite_put(r, to, "store", json_object_new_boolean(false));
	rewrite_copy(r, r->out, to, names);
}

json_object *
responses_request(struct rewrite *r)
{
	static openai_step *const steps[] = {
	    put_limit,     put_sampling, put_instructions, responses_input, put_tools,
	    put_reasoning, put_format,   openai_put_user,  put_stream,
	};
	return openai_build(r, steps, COUNT(steps));
}
