/* SPDX-License-Identifier: MIT */
/* OpenAI's rules about everything but messages and tools: PROTOCOLS.md §8 "Request". */
#include "check_openai.h"

#include <stdio.h>
#include <string.h>

#include "gpt.h"

#define STOPS_MAX ((size_t)4)
#define KEY_MAX   ((size_t)64)

static const struct compat *
compat_of(const struct check *c)
{
	return &c->provider->compat;
}

/* The model's own rules hold at OpenAI's servers; NULL: none are known. */
const struct gpt *
openai_rules(const struct check *c)
{
	return compat_is_openai(compat_of(c)) ? gpt_named(c->model) : NULL;
}

static bool
reasons(const struct check *c)
{
	const struct gpt *m = openai_rules(c);

	return m != NULL && gpt_reasons(m);
}

static struct json_object *
given(const struct check *c, const char *name)
{
	return json_object_object_get(c->body, name);
}

/* ---- the key ---- */

bool
check_openai_credential(struct check *c)
{
	const char *bearer = request_header(c->request, "authorization"), *key = NULL;
	size_t n;

	if (compat_of(c)->set[HABIT_KEYS] == KEYS_ANY)
		return false;
	if (bearer != NULL && strncmp(bearer, "Bearer ", 7) == 0 && bearer[7] != '\0')
		key = bearer + 7;
	if (key == NULL) {
		openai_refuse(c, NULL, NULL,
			      "You didn't provide an API key. You need to provide your API key in "
			      "an Authorization header using Bearer auth (i.e. Authorization: "
			      "Bearer YOUR_KEY).");
	} else if ((strncmp(key, "sk-", 3) == 0 || strncmp(key, "gsk_", 4) == 0) &&
		   strncmp(key, "sk-ant-", 7) != 0 && strstr(key, "revoked") == NULL &&
		   request_header(c->request, "x-api-key") == NULL) {
		return false;
	} else {
		n = strlen(key);
		openai_refuse(c, "invalid_api_key", NULL,
			      "Incorrect API key provided: %.8s*****%s. You can find your API key "
			      "at https://platform.openai.com/account/api-keys.",
			      key, n > 12 ? key + n - 4 : "");
	}
	c->status = 401;
	return true;
}

/* ---- the model ---- */

static bool
model_known(struct check *c)
{
	bool any = compat_of(c)->set[HABIT_MODELS] == MODELS_ANY;
	struct json_object *v = given(c, "model");

	if (v == NULL)
		return openai_refuse(c, NULL, NULL, "you must provide a model parameter");
	if (openai_type(c, "model", v, json_type_string, "a string"))
		return true;
	if (!provider_retired(c->provider, c->model) && (any || gpt_named(c->model) != NULL))
		return false;
	openai_refuse(c, compat_is(compat_of(c), "ollama") ? NULL : "model_not_found", NULL,
		      compat_is(compat_of(c), "ollama")
			  ? "model '%s' not found"
			  : "The model `%s` does not exist or you do not have access to it.",
		      c->model);
	c->status = 404;
	return true;
}

/* ---- parameters ---- */

/* What the router may send, and what else OpenAI knows. */
static const char *const expected[] = {"model",
				       "messages",
				       "max_completion_tokens",
				       "max_tokens",
				       "stream",
				       "stream_options",
				       "stop",
				       "temperature",
				       "top_p",
				       "tools",
				       "tool_choice",
				       "parallel_tool_calls",
				       "store",
				       "reasoning_effort",
				       "response_format",
				       "safety_identifier",
				       "verbosity",
				       "prompt_cache_key",
				       NULL};
static const char *const others[] = {
    "user",       "service_tier",      "metadata",         "seed",
    "n",          "logprobs",          "top_logprobs",     "logit_bias",
    "prediction", "frequency_penalty", "presence_penalty", "modalities",
    NULL};

bool
openai_unknown(struct check *c, const char *name)
{
	if (compat_of(c)->set[HABIT_ERRORS] == ERRORS_FLAT)
		return openai_refuse(c, NULL, NULL,
				     "[{'type': 'extra_forbidden', 'loc': ('body', '%s'), 'msg': "
				     "'Extra inputs are not permitted'}]",
				     name);
	if (compat_is(compat_of(c), "groq"))
		return openai_refuse(c, NULL, NULL, "property '%s' is unsupported", name);
	return openai_refuse(c, "unknown_parameter", name, "Unknown parameter: '%s'.", name);
}

/* At others than OpenAI: what they do not know, and pass over (PROTOCOLS.md §8). */
static bool
is_openais_own(const char *name)
{
	return strcmp(name, "safety_identifier") == 0 || strcmp(name, "prompt_cache_key") == 0 ||
	       strcmp(name, "max_completion_tokens") == 0;
}

static bool
parameters(struct check *c)
{
	bool foreign = !compat_is_openai(compat_of(c)) && gpt_named(c->model) == NULL;

	json_object_object_foreach(c->body, key, value)
	{
		(void)value;
		if ((!check_listed(key, expected) && !check_listed(key, others)) ||
		    compat_refuses(compat_of(c), key))
			return openai_unknown(c, key);
		if (check_listed(key, others))
			check_problem(c, "unneeded field \"%s\"", key);
		if (foreign && is_openais_own(key))
			check_problem(c, "\"%s\", which such a server does not know", key);
	}
	return false;
}

bool
openai_limit(struct check *c, const char *name, long long least)
{
	const struct gpt *m = openai_rules(c);
	struct json_object *v = given(c, name);
	long long n = json_object_get_int64(v);

	if (v == NULL)
		return false;
	if (openai_type(c, name, v, json_type_int, "an integer"))
		return true;
	if (n < least)
		return openai_refuse(c, "integer_below_min_value", name,
				     "Invalid '%s': integer below minimum value. Expected a value "
				     ">= %lld, but got %lld instead.",
				     name, least, n);
	c->max_tokens = n;
	return m != NULL && n > m->output &&
	       openai_refuse(c, "invalid_value", name,
			     "max_tokens is too large: %lld. This model supports at most %lld "
			     "completion tokens, whereas you provided %lld.",
			     n, (long long)m->output, n);
}

static bool
limits(struct check *c)
{
	bool old = given(c, "max_tokens") != NULL;

	c->max_tokens = -1;
	if (old && given(c, "max_completion_tokens") != NULL)
		return openai_refuse(c, "invalid_parameter_combination", NULL,
				     "Setting 'max_tokens' and 'max_completion_tokens' at the same "
				     "time is not supported.");
	if (old && reasons(c))
		return openai_refuse(c, "unsupported_parameter", "max_tokens",
				     "Unsupported parameter: 'max_tokens' is not supported with "
				     "this model. Use 'max_completion_tokens' instead.");
	return openai_limit(c, "max_tokens", 1) || openai_limit(c, "max_completion_tokens", 1);
}

bool
openai_sampling(struct check *c, const char *name, double most)
{
	struct json_object *v = given(c, name);
	double n = json_object_get_double(v);

	if (v == NULL)
		return false;
	if (!json_object_is_type(v, json_type_int) &&
	    openai_type(c, name, v, json_type_double, "a decimal"))
		return true;
	if (n < 0)
		return openai_refuse(c, "decimal_below_min_value", name,
				     "Invalid '%s': decimal below minimum value. Expected a value "
				     ">= 0, but got %g instead.",
				     name, n);
	if (n > most)
		return openai_refuse(c, "decimal_above_max_value", name,
				     "Invalid '%s': decimal above maximum value. Expected a value "
				     "<= %g, but got %g instead.",
				     name, most, n);
	return reasons(c) && (n < 1 || n > 1) &&
	       openai_refuse(c, "unsupported_value", name,
			     "Unsupported value: '%s' does not support %g with this model. Only "
			     "the default (1) value is supported.",
			     name, n);
}

static bool
stop(struct check *c)
{
	struct json_object *v = given(c, "stop");

	if (v == NULL)
		return false;
	if (reasons(c))
		return openai_refuse(c, "unsupported_parameter", "stop",
				     "Unsupported parameter: 'stop' is not supported with this "
				     "model.");
	if (json_object_is_type(v, json_type_string))
		return openai_text(c, "stop", v, (size_t)1 << 20);
	if (openai_array(c, "stop", v, 1, STOPS_MAX))
		return true;
	for (size_t i = 0; i < json_object_array_length(v); i++)
		if (openai_text(c, path_of("stop[%zu]", i).text, json_object_array_get_idx(v, i),
				(size_t)1 << 20))
			return true;
	return false;
}

static void
efforts_text(const struct gpt *m, char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; m->efforts[i] != NULL && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s'%s'", i > 0 ? ", " : "",
				      i > 0 && m->efforts[i + 1] == NULL ? "and " : "",
				      m->efforts[i]);
}

static bool
foreign_effort(struct check *c, const char *effort)
{
	if (compat_is(compat_of(c), "groq") && strstr(c->model, "gpt-oss") == NULL &&
	    strcmp(effort, "none") != 0 && strcmp(effort, "default") != 0)
		return openai_refuse(c, NULL, NULL,
				     "`reasoning_effort` must be one of `none` or `default`");
	return false;
}

/* Tools and reasoning do not go together at some, and reasoning is what they do when not told. */
static bool
tools_alone(struct check *c, const struct gpt *m, const char *effort)
{
	if (!m->alone || given(c, "tools") == NULL || strcmp(effort, "none") == 0)
		return false;
	return openai_refuse(c, NULL, "reasoning_effort",
			     "Function tools with reasoning_effort are not supported for %s in "
			     "/v1/chat/completions. To use function tools, use /v1/responses or "
			     "set reasoning_effort to 'none'.",
			     c->model);
}

bool
openai_effort(struct check *c, const char *path, struct json_object *v)
{
	static const char *const words[] = {"none", "minimal", "low", "medium",
					    "high", "xhigh",   "max", NULL};
	const struct gpt *m = openai_rules(c);
	char all[120] = "";

	if (v == NULL || m == NULL)
		return false;
	if (openai_word(c, path, v, words,
			"'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and 'max'"))
		return true;
	efforts_text(m, all, sizeof(all));
	return !gpt_takes_effort(m, json_object_get_string(v)) &&
	       openai_refuse(c, "unsupported_value", path,
			     "Unsupported value: '%s' does not support '%s' with this model. "
			     "Supported values are: %s.",
			     path, json_object_get_string(v), all);
}

static bool
effort(struct check *c)
{
	struct json_object *v = given(c, "reasoning_effort");
	const struct gpt *m = openai_rules(c);
	const char *said = check_text(c->body, "reasoning_effort", "");

	c->thinking =
	    compat_of(c)->set[HABIT_REASONING] != REASONING_NONE && strcmp(said, "none") != 0;
	if (m == NULL)
		return v != NULL && foreign_effort(c, said);
	if (v != NULL && !gpt_reasons(m))
		return openai_refuse(c, NULL, NULL,
				     "Unrecognized request argument supplied: reasoning_effort");
	if (openai_effort(c, "reasoning_effort", v))
		return true;
	if (tools_alone(c, m, said))
		return true;
	/* A token is not enough for a thought. */
	return gpt_reasons(m) && strcmp(said, "none") != 0 && c->max_tokens == 1 &&
	       openai_refuse(c, NULL, NULL,
			     "Could not finish the message because max_tokens or model output "
			     "limit was reached. Please try again with higher max_tokens.");
}

bool
openai_json_schema(struct check *c, const char *path, const char *whole, struct json_object *o)
{
	struct json_object *schema = json_object_object_get(o, "schema");
	struct path of;

	if (openai_name(c, path_of("%s.name", path).text, json_object_object_get(o, "name")))
		return true;
	of = path_of("response_format '%s'", check_text(o, "name", ""));
	return schema != NULL &&
	       openai_schema(c, whole, NULL, schema, of.text,
			     json_object_get_boolean(json_object_object_get(o, "strict")));
}

static bool
format(struct check *c)
{
	static const char *const types[] = {"text", "json_object", "json_schema", NULL};
	static const char *const keys[] = {"type", "json_schema", NULL};
	static const char *const inner[] = {"name", "description", "schema", "strict", NULL};
	struct json_object *v = given(c, "response_format"),
			   *schema = json_object_object_get(v, "json_schema");

	if (v == NULL)
		return false;
	if (openai_members(c, "response_format", v, keys) ||
	    openai_word(c, "response_format.type", json_object_object_get(v, "type"), types,
			"'json_object', 'json_schema', and 'text'"))
		return true;
	if (strcmp(check_text(v, "type", ""), "json_schema") != 0)
		return false;
	if (schema == NULL)
		return openai_missing(c, "response_format.json_schema");
	return openai_members(c, "response_format.json_schema", schema, inner) ||
	       openai_json_schema(c, "response_format.json_schema", "response_format", schema);
}

static bool
streaming(struct check *c)
{
	static const char *const keys[] = {"include_usage", "include_obfuscation", NULL};
	struct json_object *stream = given(c, "stream"), *options = given(c, "stream_options"),
			   *usage = json_object_object_get(options, "include_usage");

	if (stream != NULL && openai_type(c, "stream", stream, json_type_boolean, "a boolean"))
		return true;
	if (options == NULL)
		return false;
	if (!c->stream)
		return openai_refuse(c, NULL, "stream_options",
				     "The 'stream_options' parameter is only allowed when 'stream' "
				     "is enabled.");
	if (openai_members(c, "stream_options", options, keys))
		return true;
	c->wants_usage = json_object_get_boolean(usage);
	return usage != NULL && openai_type(c, "stream_options.include_usage", usage,
					    json_type_boolean, "a boolean");
}

bool
openai_identity(struct check *c)
{
	static const char *const names[] = {"safety_identifier", "prompt_cache_key", "user"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (given(c, names[i]) != NULL &&
		    openai_text(c, names[i], given(c, names[i]), KEY_MAX))
			return true;
	return false;
}

/* Nothing here counts tokens: a token is four bytes of the body. */
bool
openai_context(struct check *c, const char *param)
{
	const struct gpt *m = openai_rules(c);
	long long n = (long long)c->request->body_len / 4;

	return m != NULL && n > m->context &&
	       openai_refuse(c, "context_length_exceeded", param,
			     "This model's maximum context length is %lld tokens. However, your "
			     "messages resulted in %lld tokens. Please reduce the length of the "
			     "messages.",
			     (long long)m->context, n);
}

bool
openai_begins(struct check *c)
{
	if (c->body == NULL)
		return openai_refuse(c, NULL, NULL,
				     "We could not parse the JSON body of your request. The OpenAI "
				     "API expects a JSON payload, but what was sent was not valid "
				     "JSON.");
	c->model = check_text(c->body, "model", "");
	c->stream = json_object_get_boolean(given(c, "stream"));
	c->max_tokens = -1;
	return model_known(c);
}

bool
check_openai(struct check *c)
{
	return openai_begins(c) || parameters(c) || check_openai_messages(c) ||
	       check_openai_tools(c) || limits(c) || openai_sampling(c, "temperature", 2) ||
	       openai_sampling(c, "top_p", 1) || stop(c) || effort(c) || format(c) ||
	       streaming(c) || openai_identity(c) || openai_context(c, "messages");
}

bool
check_openai_route(struct check *c, bool known)
{
	if (!known)
		openai_refuse(c, NULL, NULL, "Invalid URL (%s %s)", c->request->method,
			      c->request->path);
	else
		openai_refuse(c, NULL, NULL, "Not allowed to %s on %s.", c->request->method,
			      c->request->path);
	c->status = known ? 405 : 404;
	return true;
}
