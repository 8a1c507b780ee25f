/* SPDX-License-Identifier: MIT */
/* A request for Chat Completions, but for its messages: PROTOCOLS.md 8, Request. */

#include "base/count.h"
#include "dialect/openai_parts.h"

static json_object *
new_tool(struct rewrite *r, json_object *tool)
{
	json_object *function = json_object_new_object();
	openai_put_function(r, function, tool);
	return openai_typed(r, "function", "function", function);
}

static json_object *
named_choice(struct rewrite *r, const char *name)
{
	json_object *function = json_object_new_object();
	rewrite_put_text(r, function, "name", name);
	return openai_typed(r, "function", "function", function);
}

static void
put_tools(struct rewrite *r, json_object *to)
{
	if (openai_put_tools(r, to, new_tool))
		openai_put_choice(r, to, named_choice);
}

/* It may not go with tools. */
static const char *
effort_of(const struct rewrite *r)
{
	bool alone = openai_model(r->choice.model)->reasons_alone ||
		     (r->handover->quirks & QUIRK_NO_REASONING) != 0;
	return openai_effort(r, alone && tree_get(r->out, "tools") != NULL);
}

static void
put_limit(struct rewrite *r, json_object *to)
{
	bool other = (r->handover->quirks & QUIRK_OTHER_MAX_TOKENS) != 0;
	openai_put_limit(r, to,
			 openai_model(r->choice.model)->is_openai != other ? "max_completion_tokens"
									   : "max_tokens",
			 openai_least_limit(r, effort_of(r)));
}

static void
put_effort(struct rewrite *r, json_object *to)
{
	const char *effort = effort_of(r);
	if (effort != NULL)
		rewrite_put_text(r, to, "reasoning_effort", effort);
}

static void
put_sampling(struct rewrite *r, json_object *to)
{
	json_object *stops = tree_get(r->out, "stop_sequences");
	if (openai_put_sampling(r, to) && tree_count(stops) > 0)
		rewrite_put(r, to, "stop", json_object_get(stops));
}

static void
put_format(struct rewrite *r, json_object *to)
{
	json_object *schema = json_object_new_object();
	if (openai_put_schema(r, schema))
		rewrite_put(r, to, "response_format",
			    openai_typed(r, "json_schema", "json_schema", schema));
	else
		json_object_put(schema);
}

static void
put_stream(struct rewrite *r, json_object *to)
{
	static const char *const names[] = {"stream", NULL};
	rewrite_copy(r, r->out, to, names);
	if (!json_object_get_boolean(tree_get(r->out, "stream")) ||
	    (r->handover->quirks & QUIRK_NO_USAGE) != 0)
		return;
	json_object *options = json_object_new_object();
	rewrite_put(r, options, "include_usage", json_object_new_boolean(true));
	rewrite_put(r, to, "stream_options", options);
}

json_object *
openai_request(struct rewrite *r)
{
	static openai_step *const steps[] = {
	    put_limit,  put_sampling, openai_messages, put_tools,
	    put_effort, put_format,   openai_put_user, put_stream,
	};
	return openai_build(r, steps, COUNT(steps));
}
