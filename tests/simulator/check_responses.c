/* SPDX-License-Identifier: MIT */
/* The rules of OpenAI's Responses about everything but the input: PROTOCOLS.md §10 "Request". */
#include <string.h>

#include "check_openai.h"
#include "gpt.h"

#define LIMIT_MIN 16

static struct json_object *
given(const struct check *c, const char *name)
{
	return json_object_object_get(c->body, name);
}

/* What the router may send, and what else OpenAI knows. */
static const char *const expected[] = {
    "model", "input",       "instructions",        "max_output_tokens", "temperature", "top_p",
    "tools", "tool_choice", "parallel_tool_calls", "reasoning",         "text",        "include",
    "store", "stream",      "safety_identifier",   "prompt_cache_key",  NULL};
static const char *const others[] = {"background",
				     "context_management",
				     "conversation",
				     "max_tool_calls",
				     "metadata",
				     "previous_response_id",
				     "prompt",
				     "prompt_cache_options",
				     "prompt_cache_retention",
				     "service_tier",
				     "stream_options",
				     "top_logprobs",
				     "truncation",
				     "user",
				     NULL};

static bool
parameters(struct check *c)
{
	json_object_object_foreach(c->body, key, value)
	{
		(void)value;
		if ((!check_listed(key, expected) && !check_listed(key, others)) ||
		    compat_refuses(&c->provider->compat, key))
			return openai_unknown(c, key);
		if (check_listed(key, others))
			check_problem(c, "unneeded field \"%s\"", key);
	}
	return false;
}

static bool
typed(struct check *c, const char *name, enum json_type type, const char *what)
{
	struct json_object *v = given(c, name);

	return v != NULL && openai_type(c, name, v, type, what);
}

/* Whoever does not say so has his conversation kept for 30 days. */
static bool
stateless(struct check *c)
{
	struct json_object *store = given(c, "store");

	if (typed(c, "store", json_type_boolean, "a boolean"))
		return true;
	if (store == NULL || json_object_get_boolean(store))
		check_problem(c, "\"store\" is not false");
	return false;
}

/* A model that does not reason has nothing to encrypt. */
static bool
include(struct check *c)
{
	static const char *const words[] = {"reasoning.encrypted_content", NULL};
	struct json_object *list = given(c, "include");
	const struct gpt *m = openai_rules(c);
	size_t n = 0;

	if (list != NULL && openai_type(c, "include", list, json_type_array, "an array"))
		return true;
	n = list != NULL ? json_object_array_length(list) : 0;
	for (size_t i = 0; i < n; i++)
		if (openai_word(c, path_of("include[%zu]", i).text,
				json_object_array_get_idx(list, i), words,
				"'reasoning.encrypted_content'"))
			return true;
	c->wants_sealed = n > 0;
	return n > 0 && m != NULL && !gpt_reasons(m) &&
	       openai_refuse(c, NULL, "include",
			     "Encrypted content is not supported with this model.");
}

static bool
summary(struct check *c, struct json_object *v)
{
	static const char *const words[] = {"auto", "concise", "detailed", NULL};

	if (v == NULL)
		return false;
	if (openai_word(c, "reasoning.summary", v, words, "'concise', 'detailed', and 'auto'"))
		return true;
	c->wants_summary = true;
	return c->provider->compat.set[HABIT_SUMMARIES] == SUMMARIES_REFUSED &&
	       openai_refuse(c, "unsupported_value", "reasoning.summary",
			     "Your organization must be verified to generate reasoning summaries. "
			     "Please go to: https://platform.openai.com/settings/organization/"
			     "general and click on Verify Organization.");
}

static bool
reasoning(struct check *c)
{
	static const char *const keys[] = {"effort", "summary", "context", NULL};
	struct json_object *v = given(c, "reasoning"),
			   *effort = json_object_object_get(v, "effort");
	const struct gpt *m = openai_rules(c);

	c->thinking =
	    (m == NULL || gpt_reasons(m)) && strcmp(check_text(v, "effort", ""), "none") != 0;
	if (v == NULL)
		return false;
	if (openai_members(c, "reasoning", v, keys))
		return true;
	if (m != NULL && !gpt_reasons(m))
		return openai_refuse(c, "unsupported_parameter", "reasoning.effort",
				     "Unsupported parameter: 'reasoning.effort' is not supported "
				     "with this model.");
	return openai_effort(c, "reasoning.effort", effort) ||
	       summary(c, json_object_object_get(v, "summary"));
}

static bool
format(struct check *c, struct json_object *v)
{
	static const char *const types[] = {"text", "json_object", "json_schema", NULL};
	static const char *const keys[] = {"type", "name", "description", "schema", "strict", NULL};

	if (v == NULL)
		return false;
	if (openai_members(c, "text.format", v, keys) ||
	    openai_word(c, "text.format.type", json_object_object_get(v, "type"), types,
			"'json_object', 'json_schema', and 'text'"))
		return true;
	if (strcmp(check_text(v, "type", ""), "json_schema") != 0)
		return false;
	if (json_object_object_get(v, "schema") == NULL)
		return openai_missing(c, "text.format.schema");
	return openai_json_schema(c, "text.format", "text.format.schema", v);
}

static bool
text(struct check *c)
{
	static const char *const keys[] = {"format", "verbosity", NULL};
	struct json_object *v = given(c, "text");

	return v != NULL && (openai_members(c, "text", v, keys) ||
			     format(c, json_object_object_get(v, "format")));
}

/* A model that reasons takes neither, whatever their values. */
static bool
sampling(struct check *c, const char *name, double most)
{
	const struct gpt *m = openai_rules(c);

	if (given(c, name) == NULL || m == NULL || !gpt_reasons(m))
		return openai_sampling(c, name, most);
	return openai_refuse(c, "unsupported_parameter", name,
			     "Unsupported parameter: '%s' is not supported with this model.", name);
}

bool
check_responses(struct check *c)
{
	return openai_begins(c) || parameters(c) ||
	       typed(c, "instructions", json_type_string, "a string") || check_responses_input(c) ||
	       check_openai_tools(c) || openai_limit(c, "max_output_tokens", LIMIT_MIN) ||
	       sampling(c, "temperature", 2) || sampling(c, "top_p", 1) || reasoning(c) ||
	       include(c) || text(c) || stateless(c) ||
	       typed(c, "stream", json_type_boolean, "a boolean") || openai_identity(c) ||
	       openai_context(c, "input");
}
