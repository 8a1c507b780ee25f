/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool
check_refuse(struct check *c, int status, const char *type, const char *fmt, ...)
{
	va_list ap;

	c->refused = true;
	c->status = status;
	snprintf(c->type, sizeof(c->type), "%s", type);
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
	return true;
}

void
check_problem(struct check *c, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->problems.len > 0)
		buf_adds(&c->problems, ",");
	buf_jsons(&c->problems, text);
}

bool
check_listed(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

const char *
check_text(struct json_object *o, const char *key, const char *otherwise)
{
	struct json_object *v = NULL;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
		return otherwise;
	return json_object_get_string(v);
}

/* ---- credentials, PROTOCOLS.md §2-4 ---- */

static bool
is_credential_header(const char *name)
{
	return strcasecmp(name, "authorization") == 0 || strcasecmp(name, "x-api-key") == 0;
}

/* Whose is this secret? A leak is one that belongs to somebody else. */
static bool
is_leak(const struct provider *p, const char *name, const char *value)
{
	bool claudes = strstr(value, "sk-ant-") != NULL;

	if (p->family != FAMILY_CLAUDE)
		return claudes;
	if (!is_credential_header(name))
		return claudes;
	if (!claudes)
		return strstr(value, "sk-") != NULL;
	return strstr(value, p->login ? "sk-ant-api" : "sk-ant-oat") != NULL;
}

static void
find_leaks(struct check *c)
{
	const struct request *r = c->request;

	for (size_t i = 0; i < r->headers_len; i++)
		if (is_leak(c->provider, r->headers[i].name, r->headers[i].value))
			c->leak = true;
	if (strstr(r->target, "sk-") != NULL)
		c->leak = true;
}

static bool
starts(const char *s, const char *with)
{
	return strncasecmp(s, with, strlen(with)) == 0;
}

/* BEHAVIOUR.md 3 "Credentials never cross": what of a client's head must not reach a foreigner. */
static void
foreign_headers(struct check *c)
{
	static const char *const never[] = {"anthropic-",   "x-stainless-", "x-claude-code-",
					    "x-app",        "cookie",       "forwarded",
					    "x-forwarded-", "x-real-ip",    "via",
					    "x-router-",    "proxy-"};

	for (size_t i = 0; i < c->request->headers_len; i++) {
		const struct header *h = &c->request->headers[i];

		for (size_t k = 0; k < sizeof(never) / sizeof(never[0]); k++)
			if (starts(h->name, never[k]))
				check_problem(c, "header %s sent to %s", h->name,
					      c->provider->name);
		if (starts(h->name, "user-agent") && strstr(h->value, "claude-cli") != NULL)
			check_problem(c, "the client's User-Agent sent to %s", c->provider->name);
	}
}

static bool
foreign_credential(struct check *c)
{
	const struct request *r = c->request;
	const char *bearer = request_header(r, "authorization"),
		   *key = request_header(r, "x-api-key"), *token = key;
	size_t n = request_header_count(r, "authorization") + request_header_count(r, "x-api-key");
	bool deepseek = c->provider->family == FAMILY_DEEPSEEK;

	if (bearer != NULL)
		token = starts(bearer, "Bearer ") ? bearer + 7 : NULL;
	if (n == 1 && token != NULL && strncmp(token, "sk-", 3) == 0 &&
	    strncmp(token, "sk-ant-", 7) != 0 && strchr(token, ',') == NULL &&
	    strstr(token, "revoked") == NULL)
		return false;
	if (deepseek && (n != 1 || token == NULL))
		return check_refuse(
		    c, 401, "authentication_error",
		    "Authentication Fails (auth header format should be Bearer sk-...)");
	if (deepseek)
		return check_refuse(c, 401, "authentication_error",
				    "Authentication Fails, Your api key: ****%s is invalid",
				    strlen(token) > 4 ? token + strlen(token) - 4 : "");
	if (n != 1 || token == NULL || strncmp(token, "sk-", 3) != 0)
		return check_refuse(c, 401, "invalid_authentication_error",
				    "Invalid Authentication");
	return check_refuse(c, 401, "incorrect_api_key_error", "Incorrect API key provided");
}

bool
check_credential(struct check *c)
{
	find_leaks(c);
	if (check_doubled(c))
		return true;
	if (c->provider->family == FAMILY_CLAUDE)
		return check_claude_credential(c);
	foreign_headers(c);
	return c->provider->family == FAMILY_OPENAI ? check_openai_credential(c)
						    : foreign_credential(c);
}

/* ---- walking a body ---- */

static bool
visit_inner(struct check *c, struct spot *s, bool (*visit)(struct check *, const struct spot *))
{
	struct json_object *content = NULL, *outer = s->o;

	if (strcmp(s->type, "tool_result") != 0 ||
	    !json_object_object_get_ex(outer, "content", &content) ||
	    !json_object_is_type(content, json_type_array))
		return false;
	for (s->inner = 0; s->inner < (int)json_object_array_length(content); s->inner++) {
		s->o = json_object_array_get_idx(content, (size_t)s->inner);
		s->type = check_text(s->o, "type", "");
		if (visit(c, s))
			return true;
	}
	return false;
}

static bool
visit_message(struct check *c, struct spot *s, struct json_object *message,
	      bool (*visit)(struct check *, const struct spot *))
{
	struct json_object *content = NULL;

	s->role = check_text(message, "role", "");
	json_object_object_get_ex(message, "content", &content);
	if (!json_object_is_type(content, json_type_array))
		return false;
	for (s->block = 0; s->block < (int)json_object_array_length(content); s->block++) {
		s->inner = -1;
		s->o = json_object_array_get_idx(content, (size_t)s->block);
		s->type = check_text(s->o, "type", "");
		if (visit(c, s) || visit_inner(c, s, visit))
			return true;
	}
	return false;
}

bool
check_blocks(struct check *c, bool (*visit)(struct check *c, const struct spot *s))
{
	struct json_object *messages = json_object_object_get(c->body, "messages");
	struct spot s = {0};

	for (s.message = 0; s.message < (int)json_object_array_length(messages); s.message++)
		if (visit_message(c, &s, json_object_array_get_idx(messages, (size_t)s.message),
				  visit))
			return true;
	return false;
}

static size_t
blocks_of(struct json_object *message, struct json_object **content)
{
	*content = NULL;
	json_object_object_get_ex(message, "content", content);
	return json_object_is_type(*content, json_type_array) ? json_object_array_length(*content)
							      : 0;
}

/* Has the message a block of that type (and, unless NULL, with that id under key)? */
static bool
has_block(struct json_object *message, const char *type, const char *key, const char *id)
{
	struct json_object *content;
	size_t n = blocks_of(message, &content);

	for (size_t i = 0; i < n; i++) {
		struct json_object *b = json_object_array_get_idx(content, i);

		if (strcmp(check_text(b, "type", ""), type) == 0 &&
		    (id == NULL || strcmp(check_text(b, key, ""), id) == 0))
			return true;
	}
	return false;
}

/* The next or previous message that is no system message (Claude Code puts those in between). */
static struct json_object *
neighbour(struct json_object *messages, int at, int step)
{
	for (at += step; at >= 0 && at < (int)json_object_array_length(messages); at += step) {
		struct json_object *m = json_object_array_get_idx(messages, (size_t)at);

		if (strcmp(check_text(m, "role", ""), "system") != 0)
			return m;
	}
	return NULL;
}

static bool
pair_missing(struct check *c, int message, const char *id, bool result)
{
	if (c->provider->family == FAMILY_DEEPSEEK)
		return check_refuse(c, 400, "invalid_request_error",
				    result ? "Messages with role 'tool' must be a response to a "
					     "preceding message with 'tool_calls'"
					   : "An assistant message with 'tool_calls' must be "
					     "followed by tool messages responding "
					     "to each 'tool_call_id'. (insufficient tool messages "
					     "following tool_calls message)");
	if (c->provider->family == FAMILY_KIMI)
		return check_refuse(c, 400, "invalid_request_error",
				    result
					? "Invalid request: tool_call_id %s is not found"
					: "Invalid request: an assistant message with 'tool_calls' "
					  "must be followed by tool "
					  "messages responding to each 'tool_call_id', missing: %s",
				    id);
	return check_refuse(
	    c, 400, "invalid_request_error",
	    result ? "messages.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. "
		     "Each `tool_result` "
		     "block must have a corresponding `tool_use` block in the previous message."
		   : "messages.%d: `tool_use` ids were found without `tool_result` blocks "
		     "immediately after: %s. "
		     "Each `tool_use` block must have a corresponding `tool_result` block in the "
		     "next message.",
	    message, id);
}

static bool
visit_pair(struct check *c, const struct spot *s)
{
	struct json_object *messages = json_object_object_get(c->body, "messages"), *other;
	const char *id;

	if (s->inner >= 0)
		return false;
	if (strcmp(s->type, "tool_use") == 0) {
		id = check_text(s->o, "id", "");
		other = neighbour(messages, s->message, 1);
		if (other == NULL || !has_block(other, "tool_result", "tool_use_id", id))
			return pair_missing(c, s->message, id, false);
	}
	if (strcmp(s->type, "tool_result") == 0) {
		id = check_text(s->o, "tool_use_id", "");
		other = neighbour(messages, s->message, -1);
		if (other == NULL || !has_block(other, "tool_use", "id", id))
			return pair_missing(c, s->message, id, true);
	}
	return false;
}

bool
check_pairs(struct check *c)
{
	return check_blocks(c, visit_pair);
}

bool
check_tool_turns(struct check *c, bool (*what)(struct check *c, int message))
{
	struct json_object *messages = json_object_object_get(c->body, "messages");

	for (size_t i = 0; i < json_object_array_length(messages); i++) {
		struct json_object *m = json_object_array_get_idx(messages, i);

		if (strcmp(check_text(m, "role", ""), "assistant") == 0 &&
		    has_block(m, "tool_use", NULL, NULL) && !has_block(m, "thinking", NULL, NULL) &&
		    what(c, (int)i))
			return true;
	}
	return false;
}

/* ---- what every provider wants ---- */

static bool
common(struct check *c)
{
	struct json_object *v = NULL;
	enum family family = c->provider->family;

	c->model = check_text(c->body, "model", "");
	c->max_tokens = -1;
	c->stream = json_object_object_get_ex(c->body, "stream", &v) && json_object_get_boolean(v);
	if (json_object_object_get_ex(c->body, "max_tokens", &v) &&
	    json_object_is_type(v, json_type_int))
		c->max_tokens = json_object_get_int64(v);
	if (c->model[0] == '\0')
		return check_refuse(c, 400, "invalid_request_error", "model: Field required");
	if (!json_object_object_get_ex(c->body, "messages", &v) ||
	    !json_object_is_type(v, json_type_array))
		return check_refuse(c, 400, "invalid_request_error", "messages: Field required");
	if (json_object_array_length(v) == 0)
		return check_refuse(c, 400, "invalid_request_error",
				    "messages: at least one message is required");
	if (!c->counting && c->max_tokens < 0)
		return check_refuse(c, family == FAMILY_DEEPSEEK ? 422 : 400,
				    "invalid_request_error", "max_tokens: Field required");
	return false;
}

static bool
check_roles(struct check *c)
{
	static const char *const roles[] = {"user", "assistant", "system", NULL};
	struct json_object *messages = json_object_object_get(c->body, "messages");

	for (size_t i = 0; i < json_object_array_length(messages); i++) {
		struct json_object *m = json_object_array_get_idx(messages, i), *content = NULL;

		if (!json_object_is_type(m, json_type_object) ||
		    !check_listed(check_text(m, "role", ""), roles))
			return check_refuse(
			    c, 400, "invalid_request_error",
			    "messages.%zu.role: Input should be 'user' or 'assistant'", i);
		json_object_object_get_ex(m, "content", &content);
		if (!json_object_is_type(content, json_type_array) &&
		    !json_object_is_type(content, json_type_string))
			return check_refuse(c, 400, "invalid_request_error",
					    "messages.%zu.content: Field required", i);
	}
	return false;
}

static bool
no_object(struct check *c)
{
	size_t at = c->body_fault_at;

	if (c->body_fault == JSON_UTF8)
		return check_refuse(c, 400, "invalid_request_error",
				    "The request body is not valid JSON: str is not valid UTF-8: "
				    "invalid byte 0x%02x at offset %zu",
				    (unsigned char)c->request->body[at], at);
	if (c->body_fault == JSON_NUL_NAME)
		return check_refuse(c, 400, "invalid_request_error",
				    "a name with \\u0000: Extra inputs are not permitted");
	return check_refuse(c, 400, "invalid_request_error", "The request body is not valid JSON");
}

bool
check_body(struct check *c)
{
	if (c->provider->family == FAMILY_OPENAI)
		return c->form == FORM_RESPONSES ? check_responses(c) : check_openai(c);
	if (c->body == NULL)
		return no_object(c);
	if (common(c) || check_roles(c))
		return true;
	switch (c->provider->family) {
	case FAMILY_CLAUDE:
		return check_claude(c);
	case FAMILY_DEEPSEEK:
		return check_deepseek(c);
	default:
		return check_kimi(c);
	}
}

/* ---- what a foreigner swallows, but should not get: PROTOCOLS.md §5 ---- */

static void
marks_in(struct check *c, const char *where, struct json_object *list)
{
	if (!json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (json_object_object_get(json_object_array_get_idx(list, i), "cache_control") !=
		    NULL)
			check_problem(c, "cache_control in %s.%zu", where, i);
}

static bool
visit_foreign(struct check *c, const struct spot *s)
{
	if (json_object_object_get(s->o, "cache_control") != NULL)
		check_problem(c, "cache_control in messages.%d.content.%d", s->message, s->block);
	if (strcmp(s->type, "text") == 0 &&
	    check_blank(json_object_object_get(s->o, "text")) != CHECK_FULL)
		check_problem(c, "empty or blank text block in messages.%d", s->message);
	return false;
}

static void
foreign_tools(struct check *c)
{
	static const char *const keys[] = {"name", "description", "input_schema",
					   "type", "max_uses",    NULL};
	struct json_object *tools = json_object_object_get(c->body, "tools");

	if (!json_object_is_type(tools, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(tools); i++) {
		struct json_object *tool = json_object_array_get_idx(tools, i);
		const char *type = check_text(tool, "type", "custom");

		if (!json_object_is_type(tool, json_type_object))
			continue;
		json_object_object_foreach(tool, key, value)
		{
			(void)value;
			if (!check_listed(key, keys) && strcmp(key, "cache_control") != 0)
				check_problem(c, "tools.%zu has \"%s\"", i, key);
		}
		if (strcmp(type, "custom") != 0 && (c->provider->family != FAMILY_DEEPSEEK ||
						    strcmp(type, "web_search_20250305") != 0))
			check_problem(c, "tools.%zu is a server tool, %s", i, type);
	}
}

static void
foreign_user_id(struct check *c)
{
	struct json_object *metadata = json_object_object_get(c->body, "metadata");
	const char *id = check_text(metadata, "user_id", "");

	if (!json_object_is_type(metadata, json_type_object))
		return;
	json_object_object_foreach(metadata, key, value)
	{
		(void)value;
		if (strcmp(key, "user_id") != 0)
			check_problem(c, "metadata has \"%s\"", key);
	}
	if (strlen(id) > 512 ||
	    id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] !=
		'\0')
		check_problem(c, "metadata.user_id is not [A-Za-z0-9_-] of at most 512 bytes");
}

static void
foreign_system(struct check *c)
{
	struct json_object *system = json_object_object_get(c->body, "system");

	marks_in(c, "system", system);
	if (!json_object_is_type(system, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(system); i++)
		if (starts(check_text(json_object_array_get_idx(system, i), "text", ""),
			   "x-anthropic-billing-header"))
			check_problem(c, "the billing text in system.%zu", i);
}

static void
foreign_messages(struct check *c)
{
	struct json_object *messages = json_object_object_get(c->body, "messages"), *content;

	for (size_t i = 0; i < json_object_array_length(messages); i++) {
		struct json_object *m = json_object_array_get_idx(messages, i);

		if (blocks_of(m, &content) == 0 &&
		    (!json_object_is_type(content, json_type_string) ||
		     json_object_get_string_len(content) == 0))
			check_problem(c, "messages.%zu has no content", i);
		json_object_object_foreach(m, key, value)
		{
			(void)value;
			if (strcmp(key, "role") != 0 && strcmp(key, "content") != 0)
				check_problem(c, "messages.%zu has \"%s\"", i, key);
		}
	}
}

void
check_foreign(struct check *c, const char *const *fields)
{
	json_object_object_foreach(c->body, key, value)
	{
		(void)value;
		if (!check_listed(key, fields))
			check_problem(c, "unknown field \"%s\"", key);
	}
	foreign_system(c);
	foreign_messages(c);
	foreign_tools(c);
	foreign_user_id(c);
	marks_in(c, "tools", json_object_object_get(c->body, "tools"));
	check_blocks(c, visit_foreign);
}
