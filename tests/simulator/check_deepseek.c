/* SPDX-License-Identifier: MIT */
/* DeepSeek's own checks: PROTOCOLS.md §2. */
#include <json-c/json.h>
#include <string.h>

#include "check.h"

#define INVALID    "invalid_request_error"
#define BODY_MAX   ((size_t)48 << 20)
#define TOKENS_MAX 393216

static const char *const models[] = {"deepseek-flash", "deepseek-v4-pro", "deepseek-reasoner",
				     NULL};
static const char *const taken[] = {
    "model",       "messages", "max_tokens",    "stop_sequences", "stream", "system",   "tools",
    "tool_choice", "thinking", "output_config", "temperature",    "top_p",  "metadata", NULL};
static const char *const blocks[] = {"text",
				     "image",
				     "thinking",
				     "tool_use",
				     "tool_result",
				     "server_tool_use",
				     "web_search_tool_result",
				     NULL};
static const char *const inner_blocks[] = {"text", "image", NULL};

static bool
is_uuid(const char *s)
{
	for (size_t i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23
			? s[i] != '-'
			: strchr("0123456789abcdefABCDEF", s[i]) == NULL || s[i] == '\0')
			return false;
	return s[36] == '\0';
}

static bool
visit(struct check *c, const struct spot *s)
{
	const char *const *known = s->inner >= 0 ? inner_blocks : blocks;
	const char *signature = check_text(s->o, "signature", "");

	if (!check_listed(s->type, known))
		return check_refuse(c, 400, INVALID,
				    "Failed to deserialize the JSON body into the target type: "
				    "messages[%d]: unknown variant `%s`, "
				    "expected one of %s at line 1 column 1",
				    s->message, s->type,
				    s->inner >= 0 ? "`text`, `image`"
						  : "`text`, `image`, `thinking`, `tool_use`, "
						    "`tool_result`, `server_tool_use`, "
						    "`web_search_tool_result`");
	if (strcmp(s->type, "image") == 0 && strcmp(c->model, "deepseek-v4-pro") == 0)
		return check_refuse(c, 400, INVALID,
				    "Failed to deserialize the JSON body into the target type: "
				    "messages[%d]: unknown variant "
				    "`image`, expected `text` at line 1 column 1",
				    s->message);
	if (strcmp(s->type, "thinking") == 0 && signature[0] != '\0' && !is_uuid(signature))
		check_problem(c, "messages.%d.content.%d: a signature that DeepSeek did not make",
			      s->message, s->block);
	return false;
}

/* Its enumerations are closed: PROTOCOLS.md §2 "Refused". */
static bool
unknown_variant(struct check *c, const char *where, const char *value, const char *expected)
{
	return check_refuse(c, 400, INVALID,
			    "Failed to deserialize the JSON body into the target type: %s: unknown "
			    "variant `%s`, expected one of %s at line 1 column 1",
			    where, value, expected);
}

/* What Anthropic has and DeepSeek maps or ignores is a problem only (below); what nobody has is refused. */
static bool
enumerations(struct check *c)
{
	static const char *const choices[] = {"auto", "any", "tool", "none", NULL};
	static const char *const thinkings[] = {"adaptive", "enabled", "disabled", NULL};
	static const char *const efforts[] = {"low", "medium", "high", "xhigh", "max", NULL};
	const char *choice =
	    check_text(json_object_object_get(c->body, "tool_choice"), "type", "auto");
	const char *thought =
	    check_text(json_object_object_get(c->body, "thinking"), "type", "enabled");
	const char *much =
	    check_text(json_object_object_get(c->body, "output_config"), "effort", "low");

	if (!check_listed(choice, choices))
		return unknown_variant(c, "tool_choice", choice, "`auto`, `any`, `tool`, `none`");
	if (!check_listed(thought, thinkings))
		return unknown_variant(c, "thinking", thought, "`enabled`, `disabled`");
	return !check_listed(much, efforts) &&
	       unknown_variant(c, "output_config.effort", much, "`low`, `high`, `max`");
}

static bool
effort(struct check *c, bool disabled)
{
	struct json_object *config = json_object_object_get(c->body, "output_config");
	const char *value = check_text(config, "effort", NULL);
	static const char *const fine[] = {"low", "high", "max", NULL};

	if (!json_object_is_type(config, json_type_object))
		return false;
	json_object_object_foreach(config, key, v)
	{
		(void)v;
		if (strcmp(key, "effort") != 0)
			check_problem(c, "output_config has \"%s\"", key);
	}
	if (value != NULL && disabled)
		return check_refuse(
		    c, 400, INVALID,
		    "thinking options type cannot be disabled when reasoning_effort is set");
	if (value != NULL && !check_listed(value, fine))
		check_problem(c, "output_config.effort is \"%s\"", value);
	return false;
}

static bool
thinking(struct check *c)
{
	struct json_object *o = json_object_object_get(c->body, "thinking");
	const char *type = check_text(o, "type", "enabled"); /* on when not mentioned */
	const char *choice =
	    check_text(json_object_object_get(c->body, "tool_choice"), "type", "auto");
	bool disabled = strcmp(type, "disabled") == 0;

	c->thinking = !disabled;
	if (!disabled && strcmp(type, "enabled") != 0)
		check_problem(c, "thinking.type is \"%s\"", type);
	if (effort(c, disabled))
		return true;
	if (c->thinking && strcmp(choice, "tool") == 0)
		return check_refuse(c, 400, INVALID,
				    "Thinking mode does not support this tool_choice");
	if (c->thinking && c->max_tokens < 100)
		check_problem(c, "thinking is on with max_tokens %lld: it will eat them",
			      (long long)c->max_tokens);
	return false;
}

static bool
unthought(struct check *c, int message)
{
	(void)message;
	return check_refuse(
	    c, 400, INVALID,
	    "The `content[].thinking` in the thinking mode must be passed back to the API.");
}

bool
check_deepseek(struct check *c)
{
	struct json_object *stops = json_object_object_get(c->body, "stop_sequences");

	check_foreign(c, taken);
	if (json_object_is_type(stops, json_type_array) && json_object_array_length(stops) > 16)
		check_problem(c, "more than 16 stop_sequences");
	if (c->request->body_len > BODY_MAX)
		return check_refuse(c, 413, INVALID, "Request body too large");
	if (!check_listed(c->model, models) || provider_retired(c->provider, c->model))
		return check_refuse(c, 400, INVALID, "Model Not Exist");
	if (c->max_tokens > TOKENS_MAX)
		return check_refuse(
		    c, 422, INVALID,
		    "Invalid max_tokens value, the valid range of max_tokens is [1, %d]",
		    TOKENS_MAX);
	if (enumerations(c) || thinking(c) || check_blocks(c, visit) || check_pairs(c))
		return true;
	return c->thinking && check_tool_turns(c, unthought);
}
