/* SPDX-License-Identifier: MIT */
/* Claude's own checks: PROTOCOLS.md §1, §4, §7. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "check.h"

#define INVALID      "invalid_request_error"
#define IDENTITY     "You are Claude Code, Anthropic's official CLI for Claude."
#define IDENTITY_SDK "You are a Claude agent, built on Anthropic's Claude Agent SDK."
#define BODY_MAX     ((size_t)32 << 20)

/* ---- head ---- */

static bool
unauthorized(struct check *c, const char *text)
{
	return check_refuse(c, 401, "authentication_error", "%s", text);
}

static bool
beta(const struct check *c, const char *name)
{
	for (size_t i = 0; i < c->request->headers_len; i++)
		if (strcasecmp(c->request->headers[i].name, "anthropic-beta") == 0 &&
		    strstr(c->request->headers[i].value, name) != NULL)
			return true;
	return false;
}

static bool
login(struct check *c)
{
	const char *bearer = request_header(c->request, "authorization");
	const char *token =
	    bearer != NULL && strncasecmp(bearer, "Bearer ", 7) == 0 ? bearer + 7 : "";

	if (request_header(c->request, "x-api-key") != NULL)
		return unauthorized(c, "invalid x-api-key");
	if (bearer == NULL)
		return unauthorized(c, "x-api-key header is required");
	if (request_header_count(c->request, "authorization") != 1 ||
	    strncmp(token, "sk-ant-oat01-", 13) != 0 || strchr(token, ',') != NULL)
		return unauthorized(c, "Invalid bearer token");
	if (strstr(token, "revoked") != NULL)
		return unauthorized(c, "OAuth token has expired. Please obtain a new token or "
				       "refresh your existing token.");
	if (!beta(c, "oauth-2025-04-20"))
		return unauthorized(c, "OAuth authentication is currently not supported.");
	return false;
}

static bool
api_key(struct check *c)
{
	const char *key = request_header(c->request, "x-api-key");

	if (request_header(c->request, "authorization") != NULL)
		return unauthorized(c, "Invalid bearer token");
	if (key == NULL)
		return unauthorized(c, "x-api-key header is required");
	if (request_header_count(c->request, "x-api-key") != 1 ||
	    strncmp(key, "sk-ant-api", 10) != 0 || strchr(key, ',') != NULL ||
	    strstr(key, "revoked") != NULL)
		return unauthorized(c, "invalid x-api-key");
	if (beta(c, "oauth-2025-04-20"))
		check_problem(c, "anthropic-beta oauth-2025-04-20 with an API key");
	return false;
}

bool
check_claude_credential(struct check *c)
{
	return c->provider->login ? login(c) : api_key(c);
}

/* ---- body ---- */

static bool
known_field(const struct check *c, const char *name)
{
	static const char *const both[] = {
	    "model",         "messages",      "system",      "tools",     "tool_choice", "thinking",
	    "output_config", "cache_control", "mcp_servers", "container", "speed",       NULL};
	static const char *const messages[] = {"max_tokens",
					       "stream",
					       "stop_sequences",
					       "metadata",
					       "service_tier",
					       "inference_geo",
					       "diagnostics",
					       "temperature",
					       "top_p",
					       "top_k",
					       "compaction",
					       "fallbacks",
					       "fallback_credit_token",
					       "billing_policy",
					       "output_format",
					       "thread",
					       NULL};

	if (check_listed(name, both) || (!c->counting && check_listed(name, messages)))
		return true;
	if (strcmp(name, "context_management") == 0)
		return beta(c, "context-management-");
	/* PROTOCOLS.md §9: of a login only. */
	return strcmp(name, "safeguards") == 0 && c->provider->login;
}

static bool
fields(struct check *c)
{
	json_object_object_foreach(c->body, key, value)
	{
		(void)value;
		if (!known_field(c, key))
			return check_refuse(c, 400, INVALID, "%s: Extra inputs are not permitted",
					    key);
	}
	return false;
}

static bool
empty_messages(struct check *c)
{
	struct json_object *messages = json_object_object_get(c->body, "messages");
	size_t n = json_object_array_length(messages);

	for (size_t i = 0; i < n; i++) {
		struct json_object *m = json_object_array_get_idx(messages, i), *content = NULL;
		bool last = i + 1 == n && strcmp(check_text(m, "role", ""), "assistant") == 0;

		json_object_object_get_ex(m, "content", &content);
		if (last)
			continue;
		if (json_object_is_type(content, json_type_array)
			? json_object_array_length(content) == 0
			: json_object_get_string_len(content) == 0)
			return check_refuse(c, 400, INVALID,
					    "messages.%zu: all messages must have non-empty "
					    "content except for the optional "
					    "final assistant message",
					    i);
		if (json_object_is_type(content, json_type_string) &&
		    check_blank(content) == CHECK_BLANK)
			return check_refuse(
			    c, 400, INVALID,
			    "messages: text content blocks must contain non-whitespace text");
	}
	return false;
}

static bool
message_field(const struct check *c, struct json_object *message, const char *key)
{
	if (strcmp(key, "role") == 0 || strcmp(key, "content") == 0)
		return true;
	/* What Claude Code sends with its system message (seen on the wire, 2.1.330). */
	return strcmp(key, "output_config") == 0 &&
	       strcmp(check_text(message, "role", ""), "system") == 0 &&
	       beta(c, "per-turn-control-");
}

static bool
message_fields(struct check *c)
{
	struct json_object *messages = json_object_object_get(c->body, "messages");

	for (size_t i = 0; i < json_object_array_length(messages); i++) {
		struct json_object *m = json_object_array_get_idx(messages, i);

		json_object_object_foreach(m, key, value)
		{
			(void)value;
			if (!message_field(c, m, key))
				return check_refuse(
				    c, 400, INVALID,
				    "messages.%zu.%s: Extra inputs are not permitted", i, key);
		}
	}
	return false;
}

static bool
thinking(struct check *c)
{
	struct json_object *o = json_object_object_get(c->body, "thinking"), *budget = NULL;
	const char *type = check_text(o, "type", "disabled");

	c->thinking = strcmp(type, "adaptive") == 0 || strcmp(type, "enabled") == 0;
	if (strcmp(type, "enabled") != 0)
		return false;
	if (!json_object_object_get_ex(o, "budget_tokens", &budget))
		return check_refuse(c, 400, INVALID,
				    "thinking.enabled.budget_tokens: Field required");
	if (json_object_get_int64(budget) < 1024)
		return check_refuse(c, 400, INVALID,
				    "thinking.enabled.budget_tokens: Input should be greater than "
				    "or equal to 1024");
	if (!c->counting && json_object_get_int64(budget) >= c->max_tokens)
		return check_refuse(c, 400, INVALID,
				    "`max_tokens` must be greater than `thinking.budget_tokens`");
	return false;
}

/* PROTOCOLS.md §4; Claude Code's -p says the second sentence. */
static bool
identity(struct check *c)
{
	struct json_object *system = json_object_object_get(c->body, "system"), *block;
	const char *text = "";

	if (!c->provider->identity || strstr(c->model, "haiku") != NULL)
		return false;
	for (size_t i = 0;
	     json_object_is_type(system, json_type_array) && i < json_object_array_length(system);
	     i++) {
		block = json_object_array_get_idx(system, i);
		text = check_text(block, "text", "");
		if (strncmp(text, "x-anthropic-billing-header", 26) != 0)
			break;
	}
	if (json_object_is_type(system, json_type_string))
		text = json_object_get_string(system);
	if (strcmp(text, IDENTITY) == 0 || strcmp(text, IDENTITY_SDK) == 0)
		return false;
	return check_refuse(c, 400, INVALID, "Error");
}

bool
check_claude(struct check *c)
{
	if (c->request->body_len > BODY_MAX)
		return check_refuse(c, 413, "request_too_large",
				    "Request exceeds the maximum size");
	if (fields(c) || thinking(c) || check_claude_options(c) || identity(c))
		return true;
	if (strncmp(c->model, "claude-", 7) != 0 || provider_retired(c->provider, c->model))
		return check_refuse(c, 404, "not_found_error", "model: %s", c->model);
	return message_fields(c) || empty_messages(c) || check_claude_blocks(c) ||
	       check_claude_turns(c);
}
