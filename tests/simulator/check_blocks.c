/* SPDX-License-Identifier: MIT */
/* The rules of Anthropic's that look into a message's blocks: PROTOCOLS.md §1 "Blocks", §4, §7. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#define INVALID  "invalid_request_error"
#define ID_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
#define ANY_ROLE ""

/* A block's type: in whose messages it may stand, and which members it may have ("" marks an open one). */
static const struct kind {
	const char *type, *role;
	bool inner; /* inside a tool_result too */
	const char *keys[8];
} kinds[] = {
    {"text", ANY_ROLE, true, {"text", "citations"}},
    {"image", "user", true, {"source"}},
    {"document", "user", true, {"source", "title", "context", "citations"}},
    {"search_result", "user", true, {"source", "title", "content", "citations"}},
    {"thinking", "assistant", false, {"thinking", "signature"}},
    {"redacted_thinking", "assistant", false, {"data"}},
    {"tool_use", "assistant", false, {"id", "name", "input", "caller"}},
    {"tool_result", "user", false, {"tool_use_id", "content", "is_error"}},
    {"tool_reference", "user", true, {"tool_name"}},
    {"server_tool_use", "assistant", false, {"id", "name", "input", "caller"}},
    {"web_search_tool_result", "assistant", false, {"tool_use_id", "content", "caller"}},
    {"web_fetch_tool_result", "assistant", false, {"tool_use_id", "content", "caller"}},
    {"code_execution_tool_result", "assistant", false, {"tool_use_id", "content"}},
    {"bash_code_execution_tool_result", "assistant", false, {"tool_use_id", "content"}},
    {"text_editor_code_execution_tool_result", "assistant", false, {"tool_use_id", "content"}},
    {"tool_search_tool_result", "assistant", false, {"tool_use_id", "content"}},
    {"container_upload", "user", false, {"file_id"}},
    {"mcp_tool_use", "assistant", false, {""}},
    {"mcp_tool_result", "assistant", false, {""}},
    {"compaction", "assistant", false, {""}},
    {"fallback", "assistant", false, {""}},
    {"tool_addition", ANY_ROLE, false, {""}},
    {"tool_removal", ANY_ROLE, false, {""}},
};

static const struct kind *
kind_named(const char *type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return &kinds[i];
	return NULL;
}

/* Says where: "messages.3.content.0.tool_use.id", as Anthropic does. */
static bool
refuse_at(struct check *c, const struct spot *s, const char *member, const char *text)
{
	char inner[32] = "";

	if (s->inner >= 0)
		snprintf(inner, sizeof(inner), ".tool_result.content.%d", s->inner);
	return check_refuse(c, 400, INVALID, "messages.%d.content.%d%s.%s%s%s: %s", s->message,
			    s->block, inner, s->type, member[0] != '\0' ? "." : "", member, text);
}

static bool
known_members(struct check *c, const struct spot *s, const struct kind *k)
{
	if (k->keys[0][0] == '\0')
		return false;
	json_object_object_foreach(s->o, key, value)
	{
		bool known = strcmp(key, "type") == 0 || (strcmp(key, "cache_control") == 0 &&
							  strstr(s->type, "thinking") == NULL);

		(void)value;
		for (size_t i = 0; i < 8 && k->keys[i] != NULL && !known; i++)
			known = strcmp(k->keys[i], key) == 0;
		if (!known)
			return refuse_at(c, s, key, "Extra inputs are not permitted");
	}
	return false;
}

static bool
known_kind(struct check *c, const struct spot *s)
{
	const struct kind *k = kind_named(s->type);

	if (!json_object_is_type(s->o, json_type_object))
		return check_refuse(c, 400, INVALID,
				    "messages.%d.content.%d: Input should be a valid dictionary or "
				    "object to extract fields from",
				    s->message, s->block);
	if (k == NULL || (s->inner >= 0 && !k->inner))
		return check_refuse(c, 400, INVALID,
				    "messages.%d.content.%d: Input tag '%s' found using 'type' "
				    "does not match any of the expected tags",
				    s->message, s->block, s->type);
	if (k->role[0] != '\0' && strcmp(k->role, s->role) != 0)
		return check_refuse(c, 400, INVALID,
				    "messages.%d: `%s` blocks can only be in `%s` messages",
				    s->message, s->type, k->role);
	return known_members(c, s, k);
}

/* ---- ids ---- */

static bool
id_fits(struct check *c, const struct spot *s, const char *member, bool server)
{
	struct json_object *v = json_object_object_get(s->o, member);
	const char *id =
	    json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
	size_t len = id != NULL ? (size_t)json_object_get_string_len(v) : 0;
	size_t head = server ? strlen("srvtoolu_") : 0;

	if (id == NULL)
		return refuse_at(c, s, member, "Field required");
	if (server ? strncmp(id, "srvtoolu_", head) == 0 && len > head &&
			 strspn(id + head, ID_CHARS) == len - head
		   : len > 0 && strspn(id, ID_CHARS "-") == len)
		return false;
	return refuse_at(c, s, member,
			 server ? "String should match pattern '^srvtoolu_[a-zA-Z0-9_]+$'"
				: "String should match pattern '^[a-zA-Z0-9_-]+$'");
}

static bool
call(struct check *c, const struct spot *s, bool server)
{
	const char *name = check_text(s->o, "name", "");
	size_t len = strlen(name);

	if (id_fits(c, s, "id", server))
		return true;
	if (len == 0 || len > 200 || strspn(name, ID_CHARS "-") != len)
		return refuse_at(c, s, "name",
				 "String should match pattern '^[a-zA-Z0-9_-]{1,200}$'");
	if (!json_object_is_type(json_object_object_get(s->o, "input"), json_type_object))
		return refuse_at(c, s, "input", "Input should be a valid dictionary");
	return false;
}

/* ---- texts ---- */

enum check_blankness
check_blank(struct json_object *text)
{
	const char *s = json_object_get_string(text);
	size_t len = (size_t)json_object_get_string_len(text);

	if (len == 0)
		return CHECK_EMPTY;
	for (size_t i = 0; i < len; i++)
		if (s[i] == '\0' || strchr(" \t\r\n\v\f", s[i]) == NULL)
			return CHECK_FULL;
	return CHECK_BLANK;
}

static bool
text(struct check *c, const struct spot *s)
{
	struct json_object *v = json_object_object_get(s->o, "text");

	if (!json_object_is_type(v, json_type_string))
		return refuse_at(c, s, "text",
				 v == NULL ? "Field required" : "Input should be a valid string");
	if (check_blank(v) == CHECK_EMPTY)
		return check_refuse(c, 400, INVALID,
				    "messages: text content blocks must be non-empty");
	/* What a tool wrote may well be blank. */
	if (s->inner < 0 && check_blank(v) == CHECK_BLANK)
		return check_refuse(
		    c, 400, INVALID,
		    "messages: text content blocks must contain non-whitespace text");
	return false;
}

/* ---- what Claude made, and can tell ---- */

/* This simulator's signatures carry a number and its product (model.c); one that was altered does not fit. */
static bool
altered(const char *mark)
{
	static const char before[] = "GAIiQ0simulated+signature/";
	const char *at = strstr(mark, before);
	unsigned long long number, product;
	char rest[4] = "";

	if (strncmp(mark, "EqoB", 4) != 0)
		return true;
	if (at == NULL) /* a recorded one */
		return mark[strspn(mark, ID_CHARS "+/=-")] != '\0';
	return at - mark < 12 || sscanf(at - 12, "%12llx", &number) != 1 ||
	       sscanf(at + strlen(before), "%12llx%3s", &product, rest) != 2 ||
	       product != number * 2654435761u || strcmp(rest, "==") != 0;
}

static bool
marked(struct check *c, const struct spot *s, const char *member)
{
	const char *mark = check_text(s->o, member, NULL);

	if (mark == NULL)
		return refuse_at(c, s, member, "Field required");
	if (strcmp(s->type, "thinking") == 0 && check_text(s->o, "thinking", NULL) == NULL)
		return refuse_at(c, s, "thinking", "Field required");
	if (altered(mark))
		return check_refuse(c, 400, INVALID,
				    "messages.%d.content.%d: Invalid `%s` in `%s` block",
				    s->message, s->block, member, s->type);
	return false;
}

static bool
search_result(struct check *c, const struct spot *s)
{
	struct json_object *content = json_object_object_get(s->o, "content");

	if (id_fits(c, s, "tool_use_id", true))
		return true;
	if (json_object_is_type(content, json_type_object)) /* an error of the tool's */
		return check_text(content, "error_code", NULL) == NULL
			   ? refuse_at(c, s, "content", "Field required")
			   : false;
	if (!json_object_is_type(content, json_type_array))
		return refuse_at(c, s, "content", "Field required");
	for (size_t i = 0; i < json_object_array_length(content); i++) {
		struct json_object *hit = json_object_array_get_idx(content, i);

		if (strcmp(check_text(hit, "type", ""), "web_search_result") != 0)
			return refuse_at(c, s, "content", "Input should be 'web_search_result'");
		if (altered(check_text(hit, "encrypted_content", "")))
			return check_refuse(c, 400, INVALID,
					    "messages.%d.content.%d: Invalid `encrypted_content` "
					    "in `search_result` block",
					    s->message, s->block);
	}
	return false;
}

static bool
tool_result(struct check *c, const struct spot *s)
{
	struct json_object *content = json_object_object_get(s->o, "content");

	if (id_fits(c, s, "tool_use_id", false))
		return true;
	if (content != NULL && !json_object_is_type(content, json_type_array) &&
	    !json_object_is_type(content, json_type_string))
		return refuse_at(c, s, "content", "Input should be a valid string");
	return false;
}

static bool
visit(struct check *c, const struct spot *s)
{
	if (known_kind(c, s))
		return true;
	if (strcmp(s->type, "text") == 0)
		return text(c, s);
	if (strcmp(s->type, "thinking") == 0)
		return marked(c, s, "signature");
	if (strcmp(s->type, "redacted_thinking") == 0)
		return marked(c, s, "data");
	if (strcmp(s->type, "tool_use") == 0)
		return call(c, s, false);
	if (strcmp(s->type, "server_tool_use") == 0)
		return call(c, s, true);
	if (strcmp(s->type, "tool_result") == 0)
		return tool_result(c, s);
	return strcmp(s->type, "web_search_tool_result") == 0 && search_result(c, s);
}

bool
check_claude_blocks(struct check *c)
{
	return check_blocks(c, visit);
}
