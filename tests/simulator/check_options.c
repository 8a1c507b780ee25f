/* SPDX-License-Identifier: MIT */
/* The rules of Anthropic's about everything but the messages: PROTOCOLS.md §1 "Request", §6. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#define INVALID     "invalid_request_error"
#define CACHE_MARKS 4
#define NAME_CHARS  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static bool
model_is(const struct check *c, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strstr(c->model, *list) != NULL)
			return true;
	return false;
}

/* Opus 4.7+ and the 5.x take no sampling (§1). */
static bool
sampling(struct check *c)
{
	static const char *const fixed[] = {"opus-4-7", "opus-4-8", "opus-5",   "sonnet-5",
					    "haiku-5",  "fable-5",  "mythos-5", NULL};
	static const char *const names[] = {"temperature", "top_p", "top_k"};
	struct json_object *v;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!json_object_object_get_ex(c->body, names[i], &v))
			continue;
		if (!json_object_is_type(v, json_type_int) &&
		    !json_object_is_type(v, json_type_double))
			return check_refuse(c, 400, INVALID, "%s: Input should be a valid number",
					    names[i]);
		if (model_is(c, fixed) && !(i == 0 && json_object_get_double(v) == 1.0))
			return check_refuse(c, 400, INVALID, "`%s` is deprecated for this model.",
					    names[i]);
		if (json_object_get_double(v) < 0 || (i < 2 && json_object_get_double(v) > 1))
			return check_refuse(c, 400, INVALID, "%s: range: 0..1", names[i]);
	}
	return false;
}

static bool
max_tokens(struct check *c)
{
	static const char *const small[] = {"haiku-4-5", "opus-4-5", NULL};
	int64_t most = model_is(c, small) ? 64000 : 128000;

	if (c->counting || c->max_tokens <= most)
		return false;
	return check_refuse(c, 400, INVALID,
			    "max_tokens: %lld > %lld, which is the maximum allowed number of "
			    "output tokens for %s",
			    (long long)c->max_tokens, (long long)most, c->model);
}

/* §6: what the newer models always or never do. */
static bool
thinking(struct check *c)
{
	static const char *const types[] = {"adaptive", "enabled", "disabled", "between_tools",
					    NULL};
	static const char *const never_off[] = {"sonnet-5-5", "opus-5-5", "fable", NULL};
	static const char *const no_budget[] = {"sonnet-5-5", "opus-5-5", "haiku-5-5", "fable",
						NULL};
	struct json_object *o = json_object_object_get(c->body, "thinking");
	const char *type = check_text(o, "type", "");

	if (o == NULL)
		return false;
	if (!check_listed(type, types))
		return check_refuse(
		    c, 400, INVALID,
		    "thinking: Input tag '%s' found using 'type' does not match any "
		    "of the expected tags: 'adaptive', 'disabled', 'enabled', "
		    "'between_tools'",
		    type);
	if (strcmp(type, "disabled") == 0 && model_is(c, never_off))
		return check_refuse(c, 400, INVALID,
				    "\"thinking.type.disabled\" is not supported for this model.");
	if (strcmp(type, "enabled") == 0 && model_is(c, no_budget))
		return check_refuse(c, 400, INVALID,
				    "\"thinking.type.enabled\" is not supported for this model. "
				    "Use \"thinking.type.adaptive\".");
	return false;
}

static bool
effort(struct check *c)
{
	static const char *const fine[] = {"low", "medium", "high", "xhigh", "max", NULL};
	struct json_object *config = json_object_object_get(c->body, "output_config");

	if (config == NULL || check_listed(check_text(config, "effort", "low"), fine))
		return false;
	return check_refuse(c, 400, INVALID,
			    "output_config.effort: Input should be 'low', 'medium', 'high', "
			    "'xhigh' or 'max'");
}

/* ---- tools ---- */

static struct json_object *
tools_of(const struct check *c, size_t *n)
{
	struct json_object *tools = json_object_object_get(c->body, "tools");

	*n = json_object_is_type(tools, json_type_array) ? json_object_array_length(tools) : 0;
	return tools;
}

static bool
tool_named(struct json_object *tools, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(check_text(json_object_array_get_idx(tools, i), "name", ""), name) == 0)
			return true;
	return false;
}

/* A typed tool's own members are its own business; a custom one's are listed in §1. */
static bool
custom_tool(struct check *c, struct json_object *tool, size_t i)
{
	static const char *const keys[] = {
	    "name",   "description",   "input_schema",          "type",           "cache_control",
	    "strict", "defer_loading", "eager_input_streaming", "input_examples", "allowed_callers",
	    NULL};
	struct json_object *schema = json_object_object_get(tool, "input_schema");

	json_object_object_foreach(tool, key, value)
	{
		(void)value;
		if (!check_listed(key, keys))
			return check_refuse(c, 400, INVALID,
					    "tools.%zu.custom.%s: Extra inputs are not permitted",
					    i, key);
	}
	if (!json_object_is_type(schema, json_type_object))
		return check_refuse(c, 400, INVALID,
				    "tools.%zu.custom.input_schema: Field required", i);
	if (strcmp(check_text(schema, "type", ""), "object") != 0)
		return check_refuse(c, 400, INVALID,
				    "tools.%zu.custom.input_schema.type: Input should be 'object'",
				    i);
	return false;
}

/* name_YYYYMMDD of the kinds in §1. */
static bool
typed_known(const char *type)
{
	static const char *const kinds[] = {
	    "bash_",           "text_editor_", "memory_",    "computer_",
	    "code_execution_", "web_search_",  "web_fetch_", "tool_search_",
	    "advisor_",        "mcp_toolset",  NULL};

	for (const char *const *k = kinds; *k != NULL; k++)
		if (strncmp(type, *k, strlen(*k)) == 0)
			return true;
	return false;
}

static bool
one_tool(struct check *c, struct json_object *tools, size_t i)
{
	struct json_object *tool = json_object_array_get_idx(tools, i);
	const char *type = check_text(tool, "type", "custom"), *name = check_text(tool, "name", "");
	size_t len = strlen(name);

	if (strcmp(type, "custom") != 0 && !typed_known(type))
		return check_refuse(c, 400, INVALID,
				    "tools.%zu: Input tag '%s' found using 'type' does not match "
				    "any of the expected tags",
				    i, type);
	if (strcmp(type, "mcp_toolset") == 0)
		return false;
	if (len == 0 || len > 128 || strspn(name, NAME_CHARS) != len)
		return check_refuse(c, 400, INVALID,
				    "tools.%zu.%s.name: String should match pattern "
				    "'^[a-zA-Z0-9_-]{1,128}$'",
				    i, type);
	if (tool_named(tools, i, name))
		return check_refuse(c, 400, INVALID, "tools: Tool names must be unique.");
	return strcmp(type, "custom") == 0 && custom_tool(c, tool, i);
}

static bool
tool_choice(struct check *c)
{
	static const char *const types[] = {"auto", "any", "tool", "none", NULL};
	static const char *const unforced[] = {"sonnet-5-5", "opus-5-5", "fable-5-1", NULL};
	struct json_object *o = json_object_object_get(c->body, "tool_choice"), *tools;
	const char *type = check_text(o, "type", ""), *name = check_text(o, "name", "");
	size_t n;

	tools = tools_of(c, &n);
	if (o == NULL)
		return false;
	if (!check_listed(type, types))
		return check_refuse(c, 400, INVALID,
				    "tool_choice: Input tag '%s' found using 'type' does not match "
				    "any of the expected tags: 'any', 'auto', 'none', 'tool'",
				    type);
	if (n == 0)
		return check_refuse(
		    c, 400, INVALID,
		    "tool_choice: tool_choice may only be specified while providing tools.");
	if (strcmp(type, "tool") == 0 && !tool_named(tools, n, name))
		return check_refuse(c, 400, INVALID, "Tool '%s' not found in provided tools", name);
	if (strcmp(type, "any") != 0 && strcmp(type, "tool") != 0)
		return false;
	if (c->thinking || model_is(c, unforced))
		return check_refuse(
		    c, 400, INVALID,
		    "Thinking may not be enabled when tool_choice forces tool use.");
	return false;
}

static bool
tools(struct check *c)
{
	struct json_object *given = json_object_object_get(c->body, "tools"), *list;
	size_t n;

	list = tools_of(c, &n);
	if (given != NULL && !json_object_is_type(given, json_type_array))
		return check_refuse(c, 400, INVALID, "tools: Input should be a valid list");
	for (size_t i = 0; i < n; i++)
		if (one_tool(c, list, i))
			return true;
	return tool_choice(c);
}

/* ---- the system text, the rest ---- */

static bool
system_text(struct check *c)
{
	struct json_object *system = json_object_object_get(c->body, "system");

	if (system == NULL || json_object_is_type(system, json_type_string))
		return false;
	if (!json_object_is_type(system, json_type_array))
		return check_refuse(c, 400, INVALID, "system: Input should be a valid list");
	for (size_t i = 0; i < json_object_array_length(system); i++) {
		struct json_object *b = json_object_array_get_idx(system, i);

		if (strcmp(check_text(b, "type", ""), "text") != 0)
			return check_refuse(c, 400, INVALID,
					    "system.%zu.type: Input should be 'text'", i);
		if (check_blank(json_object_object_get(b, "text")) == CHECK_EMPTY)
			return check_refuse(c, 400, INVALID,
					    "system: text content blocks must be non-empty");
		if (check_blank(json_object_object_get(b, "text")) == CHECK_BLANK)
			return check_refuse(
			    c, 400, INVALID,
			    "system: text content blocks must contain non-whitespace text");
	}
	return false;
}

static bool
stop_sequences(struct check *c)
{
	struct json_object *stops = json_object_object_get(c->body, "stop_sequences");

	if (stops == NULL)
		return false;
	if (!json_object_is_type(stops, json_type_array))
		return check_refuse(c, 400, INVALID,
				    "stop_sequences: Input should be a valid list");
	for (size_t i = 0; i < json_object_array_length(stops); i++)
		if (check_blank(json_object_array_get_idx(stops, i)) != CHECK_FULL)
			return check_refuse(
			    c, 400, INVALID,
			    "stop_sequences: each stop sequence must contain non-whitespace");
	return false;
}

static bool
metadata(struct check *c)
{
	struct json_object *o = json_object_object_get(c->body, "metadata");

	if (!json_object_is_type(o, json_type_object))
		return false;
	json_object_object_foreach(o, key, value)
	{
		(void)value;
		if (strcmp(key, "user_id") != 0)
			return check_refuse(c, 400, INVALID,
					    "metadata.%s: Extra inputs are not permitted", key);
	}
	return false;
}

static size_t
marks_in(struct json_object *list)
{
	size_t n = 0;

	if (!json_object_is_type(list, json_type_array))
		return 0;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		n += json_object_object_get(json_object_array_get_idx(list, i), "cache_control") !=
		     NULL;
	return n;
}

static bool
cache_marks(struct check *c)
{
	struct json_object *messages = json_object_object_get(c->body, "messages");
	size_t n = marks_in(json_object_object_get(c->body, "system")) +
		   marks_in(json_object_object_get(c->body, "tools"));

	for (size_t i = 0; i < json_object_array_length(messages); i++)
		n += marks_in(
		    json_object_object_get(json_object_array_get_idx(messages, i), "content"));
	return n > CACHE_MARKS &&
	       check_refuse(c, 400, INVALID,
			    "A maximum of 4 blocks with cache_control may be provided. Found %zu.",
			    n);
}

bool
check_claude_options(struct check *c)
{
	struct json_object *stream = json_object_object_get(c->body, "stream");

	if (stream != NULL && !json_object_is_type(stream, json_type_boolean))
		return check_refuse(c, 400, INVALID, "stream: Input should be a valid boolean");
	return max_tokens(c) || thinking(c) || effort(c) || sampling(c) || tools(c) ||
	       system_text(c) || stop_sequences(c) || metadata(c) || cache_marks(c);
}
