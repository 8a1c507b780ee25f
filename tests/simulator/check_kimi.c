/* SPDX-License-Identifier: MIT */
/* Kimi's own checks: PROTOCOLS.md §3. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#define INVALID  "invalid_request_error"
#define BODY_MAX ((size_t)100 << 20)

static const char *const models[] = {"kimi-k2",   "kimi-k3.1-pro",  "kimi-k3",
				     "kimi-k2.6", "kimi-k2.7-code", "kimi-k2.7-code-highspeed",
				     NULL};
static const char *const taken[] = {
    "model",          "messages", "max_tokens",  "system",   "stream",
    "stop_sequences", "tools",    "tool_choice", "metadata", "output_config",
    "cache_control",  "thinking", "temperature", NULL};
static const char *const blocks[] = {"text", "image", "thinking", "tool_use", "tool_result", NULL};

static bool
visit(struct check *c, const struct spot *s)
{
	if (s->inner >= 0 && strcmp(s->type, "text") != 0 && strcmp(s->type, "image") != 0)
		return check_refuse(
		    c, 400, INVALID,
		    "failed to convert tool result content: unsupported content type: %s", s->type);
	if (!check_listed(s->type, blocks))
		return check_refuse(
		    c, 400, INVALID,
		    "failed to convert message content: unsupported content type: %s", s->type);
	if (strcmp(s->type, "image") == 0 &&
	    strcmp(check_text(json_object_object_get(s->o, "source"), "type", ""), "base64") != 0)
		return check_refuse(
		    c, 400, INVALID,
		    "failed to convert message content: only base64 images are supported");
	if (strcmp(s->type, "thinking") == 0 && json_object_object_get(s->o, "signature") != NULL)
		check_problem(c, "messages.%d.content.%d: thinking with a signature", s->message,
			      s->block);
	return false;
}

static bool
system_role(struct check *c)
{
	struct json_object *messages = json_object_object_get(c->body, "messages");

	for (size_t i = 0; i < json_object_array_length(messages); i++)
		if (strcmp(check_text(json_object_array_get_idx(messages, i), "role", ""),
			   "system") == 0)
			return check_refuse(
			    c, 400, INVALID,
			    "invalid request: messages[%zu].role must be user or assistant", i);
	return false;
}

static bool
sampling(struct check *c)
{
	struct json_object *t = json_object_object_get(c->body, "temperature");
	struct json_object *stops = json_object_object_get(c->body, "stop_sequences");
	size_t n =
	    json_object_is_type(stops, json_type_array) ? json_object_array_length(stops) : 0;

	if (t != NULL && (json_object_get_double(t) < 1.0 || json_object_get_double(t) > 1.0))
		return check_refuse(c, 400, INVALID,
				    "invalid temperature: only 1 is allowed for this model");
	if (n > 5)
		return check_refuse(c, 400, INVALID,
				    "invalid stop: at most 5 stop sequences are allowed");
	for (size_t i = 0; i < n; i++)
		if (json_object_get_string_len(json_object_array_get_idx(stops, i)) > 32)
			return check_refuse(c, 400, INVALID,
					    "invalid stop: a stop sequence is at most 32 bytes");
	return false;
}

static bool
effort(struct check *c)
{
	static const char *const fine[] = {"low", "high", "max", NULL};
	struct json_object *config = json_object_object_get(c->body, "output_config");
	const char *value = check_text(config, "effort", "low");

	if (!check_listed(value, fine))
		return check_refuse(c, 400, INVALID,
				    "invalid effort: %s, only low, high, max are allowed", value);
	if (!json_object_is_type(config, json_type_object))
		return false;
	json_object_object_foreach(config, key, v)
	{
		(void)v;
		if (strcmp(key, "effort") != 0 && strcmp(key, "format") != 0)
			check_problem(c, "output_config has \"%s\"", key);
	}
	return false;
}

static bool
thinking(struct check *c)
{
	struct json_object *o = json_object_object_get(c->body, "thinking");
	const char *type = check_text(o, "type", NULL);
	bool k3 = strncmp(c->model, "kimi-k3", 7) == 0,
	     k27 = strncmp(c->model, "kimi-k2.7", 9) == 0;
	bool k26 = strcmp(c->model, "kimi-k2.6") == 0,
	     enabled = type != NULL && strcmp(type, "enabled") == 0;
	bool disabled = type != NULL && strcmp(type, "disabled") == 0;

	if (type != NULL && !k3 && !enabled && (k27 || !disabled))
		return check_refuse(
		    c, 400, INVALID,
		    "invalid thinking: only type=enabled is allowed for this model");
	if (type != NULL && (k3 || (disabled && !k26)))
		check_problem(c, "thinking {%s} sent to %s", type, c->model);
	c->thinking = k3 || k27 || enabled || (k26 && !disabled);
	return false;
}

static bool
unthought(struct check *c, int message)
{
	return check_refuse(c, 400, INVALID,
			    "thinking is enabled but reasoning_content is missing in assistant "
			    "tool call message at index %d",
			    message);
}

bool
check_kimi(struct check *c)
{
	const char *choice =
	    check_text(json_object_object_get(c->body, "tool_choice"), "type", "auto");

	check_foreign(c, taken);
	if (c->request->body_len > BODY_MAX)
		return check_refuse(c, 413, INVALID, "Request body too large");
	if (!check_listed(c->model, models) || provider_retired(c->provider, c->model))
		return check_refuse(c, 404, "resource_not_found_error",
				    "Not found the model %s or Permission denied", c->model);
	if (system_role(c) || sampling(c) || effort(c) || thinking(c) || check_blocks(c, visit) ||
	    check_pairs(c))
		return true;
	/* k3 treats a named tool as any. */
	if (c->thinking && strcmp(choice, "tool") == 0 && strncmp(c->model, "kimi-k3", 7) != 0)
		return check_refuse(
		    c, 400, INVALID,
		    "tool_choice 'specified' is incompatible with thinking enabled");
	return c->thinking && !c->provider->lenient_thinking && check_tool_turns(c, unthought);
}
