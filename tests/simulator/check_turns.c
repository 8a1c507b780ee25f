/* SPDX-License-Identifier: MIT */
/* The rules of Anthropic's about how blocks go together: ids, pairs, order (PROTOCOLS.md §5, last line; §1). */
#include <json-c/json.h>
#include <string.h>

#include "check.h"

#define INVALID "invalid_request_error"

static struct json_object *
block_at(struct json_object *content, size_t i, const char **type)
{
	struct json_object *b = json_object_array_get_idx(content, i);

	*type = check_text(b, "type", "");
	return b;
}

static bool
taken_before(struct json_object *content, size_t end, const char *type, const char *key,
	     const char *id)
{
	const char *other;

	for (size_t i = 0; i < end; i++) {
		struct json_object *b = block_at(content, i, &other);

		if (strcmp(other, type) == 0 && strcmp(check_text(b, key, ""), id) == 0)
			return true;
	}
	return false;
}

/* Results come first and once; calls have ids of their own. */
static bool
in_message(struct check *c, int message, struct json_object *content)
{
	bool results_over = false;
	const char *type;

	for (size_t i = 0; i < json_object_array_length(content); i++) {
		struct json_object *b = block_at(content, i, &type);
		const char *id = check_text(b, "tool_use_id", "");

		if (strcmp(type, "tool_result") != 0) {
			results_over = true;
			continue;
		}
		if (results_over)
			return check_refuse(c, 400, INVALID,
					    "messages.%d: `tool_use` ids were found without "
					    "`tool_result` blocks immediately after: %s. Each "
					    "`tool_use` block must have a corresponding "
					    "`tool_result` block in the next message.",
					    message - 1, id);
		if (taken_before(content, i, type, "tool_use_id", id))
			return check_refuse(c, 400, INVALID,
					    "messages.%d.content.%zu: each tool_use must have a "
					    "single result. Found multiple `tool_result` blocks "
					    "with id: %s",
					    message, i, id);
	}
	return false;
}

/* A server tool's call and its result stand in one message; only the last message may still wait for one. */
static bool
server_pairs(struct check *c, int message, struct json_object *content, bool last)
{
	const char *type;

	for (size_t i = 0; i < json_object_array_length(content); i++) {
		struct json_object *b = block_at(content, i, &type);
		const char *id = check_text(b, "id", "");
		size_t n = json_object_array_length(content);

		if (strcmp(type, "server_tool_use") == 0 &&
		    strcmp(check_text(b, "name", ""), "web_search") == 0 && !last &&
		    !taken_before(content, n, "web_search_tool_result", "tool_use_id", id))
			return check_refuse(
			    c, 400, INVALID,
			    "messages.%d: `web_search` tool use with id `%s` was found without a "
			    "corresponding `web_search_tool_result` block",
			    message, id);
		id = check_text(b, "tool_use_id", "");
		if (strcmp(type, "web_search_tool_result") == 0 &&
		    !taken_before(content, i, "server_tool_use", "id", id))
			return check_refuse(
			    c, 400, INVALID,
			    "messages.%d.content.%zu: unexpected `tool_use_id` found in "
			    "`web_search_tool_result` blocks: %s",
			    message, i, id);
	}
	return false;
}

/* Every call's id once in the whole conversation. The set is a JSON object: a table that is there. */
static bool
unique_ids(struct check *c, struct json_object *content, struct json_object *seen)
{
	const char *type;

	for (size_t i = 0; i < json_object_array_length(content); i++) {
		struct json_object *b = block_at(content, i, &type);
		const char *id = check_text(b, "id", "");

		if (strcmp(type, "tool_use") != 0 && strcmp(type, "server_tool_use") != 0)
			continue;
		if (json_object_object_get_ex(seen, id, NULL))
			return check_refuse(c, 400, INVALID,
					    "messages: `tool_use` ids must be unique");
		json_object_object_add(seen, id, NULL);
	}
	return false;
}

bool
check_claude_turns(struct check *c)
{
	struct json_object *messages = json_object_object_get(c->body, "messages"), *content;
	struct json_object *seen = json_object_new_object();
	size_t n = json_object_array_length(messages);
	bool refused = false;

	for (size_t i = 0; i < n && !refused; i++) {
		content = json_object_object_get(json_object_array_get_idx(messages, i), "content");
		if (json_object_is_type(content, json_type_array))
			refused = unique_ids(c, content, seen) || in_message(c, (int)i, content) ||
				  server_pairs(c, (int)i, content, i + 1 == n);
	}
	json_object_put(seen);
	return refused || check_pairs(c);
}
