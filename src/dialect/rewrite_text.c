/* SPDX-License-Identifier: MIT */
/* Blocks that a provider does not know, as text that its model can read. */

#include "base/count.h"
#include "dialect/rewrite.h"

#include <string.h>

/* Growth by white space between members of an input, at most. */
#define TEXT_MAX(r) (4 * (r)->handover->body_len + 4096)

/* PROTOCOLS.md 1, Blocks. The heading of any other is its type. */
static const struct {
	const char *type;
	const char *heading;
} headings[] = {
    {"tool_use", "Tool call"},
    {"server_tool_use", "Tool call"},
    {"mcp_tool_use", "Tool call"},
    {"tool_result", "Tool result"},
    {"web_search_tool_result", "Web search result"},
    {"web_fetch_tool_result", "Web page"},
    {"mcp_tool_result", "Tool result"},
    {"search_result", "Search result"},
    {"document", "Document"},
    {"image", "Image, not shown"},
    {"tool_reference", "Tool now available"},
    {"container_upload", "File, not shown"},
    {"compaction", "Summary of the conversation so far"},
};

/* The readable members of a block, in this order; nothing that is encrypted. */
static const char *const readable[] = {
    "title", "name",    "tool_name", "url",    "media_type", "source", "context",
    "text",  "content", "stdout",    "stderr", "error_code", "input",  NULL,
};

static bool
add_line(struct buf *b, const char *text)
{
	return *text == '\0' || (buf_puts(b, "\n") && buf_puts(b, text));
}

/* Recursion is bounded by the tree's depth. */
static bool
gather(struct buf *b, json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		return add_line(b, json_object_get_string(value));
	for (size_t i = 0; i < tree_count(value); i++)
		if (!gather(b, json_object_array_get_idx(value, i)))
			return false;
	if (!json_object_is_type(value, json_type_object))
		return true;
	for (const char *const *name = readable; *name != NULL; name++) {
		json_object *member = tree_get(value, *name);
		bool input = strcmp(*name, "input") == 0 && member != NULL;
		if (input ? !buf_puts(b, "\n") || !tree_write(member, b) : !gather(b, member))
			return false;
	}
	/* The source of a plain text document; other data is base64. */
	return !tree_is(value, "type", "text") || add_line(b, tree_text(value, "data"));
}

json_object *
rewrite_text(struct rewrite *r, const char *text)
{
	json_object *block = json_object_new_object();
	rewrite_put(r, block, "type", json_object_new_string("text"));
	rewrite_put(r, block, "text", json_object_new_string(text));
	return block;
}

static const char *
heading_of(json_object *block)
{
	const char *type = tree_text(block, "type");
	for (size_t i = 0; i < COUNT(headings); i++)
		if (strcmp(headings[i].type, type) == 0)
			return headings[i].heading;
	return *type == '\0' ? "Block" : type;
}

json_object *
rewrite_as_text(struct rewrite *r, json_object *block)
{
	struct buf b;
	buf_init(&b, TEXT_MAX(r));
	r->failed |= !buf_printf(&b, "[%s]", heading_of(block)) || !gather(&b, block);
	json_object *text = rewrite_text(r, buf_text(&b));
	buf_free(&b);
	return text;
}

json_object *
rewrite_content_text(struct rewrite *r, json_object *content, const char *before, const char *after)
{
	json_object *text = NULL;
	struct buf b;
	buf_init(&b, TEXT_MAX(r));
	r->failed |= !buf_puts(&b, before) || !gather(&b, content);
	bool empty = b.len == strlen(before);
	r->failed |= !buf_puts(&b, after);
	if (!empty)
		text = rewrite_text(r, buf_text(&b));
	buf_free(&b);
	return text;
}
