/* SPDX-License-Identifier: MIT */
/* Claude's own API: bodies are sent byte for byte, except for what Claude would reject
 * (PROTOCOLS.md 7, BEHAVIOUR.md 7).
 *
 * Thinking that Claude did not sign (marked by us, or with an empty or missing signature) is cut
 * from the history without a replacement. A message that held only such thinking is cut as a whole:
 * an empty content is a 400, a replacement would be new text in the history, and Claude joins the
 * turns on both sides by itself. What is cut depends on the block alone, so each request of a
 * conversation is cut in the same way, and Claude's own blocks stay valid: turn n's messages are
 * the beginning of turn n + 1's. */

#include "base/count.h"
#include "base/str.h"
#include "dialect/dialect.h"
#include "dialect/origin.h"
#include "dialect/tool_id.h"
#include "json/splice.h"

#include <string.h>

/* PROTOCOLS.md 9: what only a login may send. */
static const char *const login_fields[] = {"safeguards"};

struct editor {
	struct scan s;
	struct splice splice;
	const struct handover *handover;
	bool map_model;
	bool edits_history;
};

/* The parts of a history's block for which Claude might reject it. */
struct block {
	size_t at;             /* where it begins */
	bool thinking;         /* … of any kind */
	bool server;           /* a tool that a provider ran, or its result */
	bool has_id;           /* an id or tool_use_id … */
	struct span id;        /* … and its place */
	struct span signature; /* or the data of redacted thinking */
	struct span name;      /* of a tool */
	struct buf text;       /* its readable text, as JSON between quotes */
};

static void
read_type(struct scan *s, struct block *b)
{
	struct span type;
	if (!scan_string(s, &type))
		return;
	b->thinking =
	    span_is(s->text, type, "thinking") || span_is(s->text, type, "redacted_thinking");
	b->server = span_is(s->text, type, "server_tool_use") ||
		    str_ends_with(s->text + type.at, type.len, "_tool_result");
}

/* Reads what a search looked for and found: queries, titles, addresses; nothing encrypted. */
static void
read_text(struct scan *s, struct block *b)
{
	struct span key, text;
	if (scan_peek(s) == SCAN_ARRAY) {
		for (scan_array(s); scan_element(s);)
			read_text(s, b);
		return;
	}
	for (scan_object(s); scan_member(s, &key);) {
		bool readable = span_is(s->text, key, "query") || span_is(s->text, key, "title") ||
				span_is(s->text, key, "url");
		if (!readable)
			scan_skip(s);
		else if (scan_string(s, &text) && (!buf_puts(&b->text, "\\n") ||
						   !buf_add(&b->text, s->text + text.at, text.len)))
			return;
	}
}

static struct block
read_block(struct scan *s)
{
	struct block b = {.at = scan_here(s)};
	struct span key;
	buf_init(&b.text, s->len);
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "signature") || span_is(s->text, key, "data"))
			scan_string(s, &b.signature);
		else if (span_is(s->text, key, "id") || span_is(s->text, key, "tool_use_id"))
			b.has_id |= scan_string(s, &b.id);
		else if (span_is(s->text, key, "name"))
			scan_string(s, &b.name);
		else if (span_is(s->text, key, "type"))
			read_type(s, &b);
		else if (b.server &&
			 (span_is(s->text, key, "input") || span_is(s->text, key, "content")))
			read_text(s, &b);
		else
			scan_skip(s);
	return b;
}

/* Replaces a tool that another provider ran: Claude accepts neither its id nor its encrypted
 * parts. */
static void
put_as_text(struct editor *e, const struct block *b, size_t end)
{
	static const char begin[] = "{\"type\":\"text\",\"text\":\"[", close[] = "\"}";
	const char *word = b->name.len > 0 ? "Tool call: " : "Tool result";
	splice_insert(&e->splice, b->at, begin, sizeof begin - 1);
	splice_insert(&e->splice, b->at, word, strlen(word));
	splice_insert(&e->splice, b->at, e->s.text + b->name.at, b->name.len);
	splice_insert(&e->splice, b->at, "]", 1);
	splice_insert(&e->splice, b->at, buf_text(&b->text), b->text.len);
	splice_insert(&e->splice, b->at, close, sizeof close - 1);
	splice_cut(&e->splice, b->at, end);
}

/* Marks an id that Claude would reject and that was not marked on its way to the client: one of an
 * older session. Both halves of a pair change alike. */
static void
edit_id(struct editor *e, struct span id)
{
	char marked[TOOL_ID_MARKED_MAX];
	size_t n = tool_id_is_odd(e->s.text, id) ? tool_id_mark("", e->s.text, id, marked) : 0;
	if (n == 0)
		return;
	splice_insert(&e->splice, id.at, marked, n);
	splice_cut(&e->splice, id.at, id.at + id.len);
}

/* Edits a block; returns whether it is kept. */
static bool
edit_block(struct editor *e)
{
	struct block b = read_block(&e->s);
	bool foreign = b.server && b.has_id && !span_begins(e->s.text, b.id, "srvtoolu_");
	bool keep = !b.thinking || !origin_is_foreign(e->s.text, b.signature);
	if (foreign)
		put_as_text(e, &b, e->s.at);
	else if (b.has_id && keep) /* what is cut must not be edited, too: splice.h */
		edit_id(e, b.id);
	buf_free(&b.text);
	return keep;
}

/* Edits a message's content; returns whether any of it is kept. */
static bool
edit_content(struct editor *e)
{
	struct splice_list list = {0};
	for (scan_array(&e->s); scan_element(&e->s);) {
		size_t at = scan_here(&e->s);
		splice_item(&e->splice, &list, at);
		bool keep = edit_block(e);
		splice_item_end(&e->splice, &list, at, e->s.at, keep);
	}
	return !splice_list_end(&e->splice, &list);
}

static bool
edit_message(struct editor *e)
{
	struct span key;
	bool keep = true;
	for (scan_object(&e->s); scan_member(&e->s, &key);)
		if (span_is(e->s.text, key, "content"))
			keep = edit_content(e);
		else
			scan_skip(&e->s);
	return keep;
}

static void
edit_messages(struct editor *e)
{
	struct splice_list list = {0};
	for (scan_array(&e->s); scan_element(&e->s);) {
		size_t at = scan_here(&e->s);
		splice_item(&e->splice, &list, at);
		struct splice_mark begin = splice_here(&e->splice);
		bool keep = edit_message(e);
		if (!keep)
			splice_back(&e->splice, begin);
		splice_item_end(&e->splice, &list, at, e->s.at, keep);
	}
	splice_list_end(&e->splice, &list);
}

static void
edit_model(struct editor *e)
{
	struct span model;
	const char *name = e->handover->model;
	if (!scan_string(&e->s, &model))
		return;
	splice_cut(&e->splice, model.at, model.at + model.len);
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			splice_insert(&e->splice, model.at + model.len, "\\", 1);
		splice_insert(&e->splice, model.at + model.len, name, 1);
	}
}

static bool
is_dropped(const struct editor *e, struct span key)
{
	if ((e->handover->quirks & QUIRK_NO_LOGIN_FIELDS) == 0)
		return false;
	for (size_t i = 0; i < COUNT(login_fields); i++)
		if (span_is(e->s.text, key, login_fields[i]))
			return true;
	return false;
}

static void
edit_body(struct editor *e)
{
	struct splice_list list = {0};
	struct span key;
	for (scan_object(&e->s); scan_member(&e->s, &key);) {
		bool keep = !is_dropped(e, key);
		splice_item(&e->splice, &list, key.at - 1);
		if (e->map_model && span_is(e->s.text, key, "model"))
			edit_model(e);
		else if (e->edits_history && span_is(e->s.text, key, "messages"))
			edit_messages(e);
		else
			scan_skip(&e->s);
		splice_item_end(&e->splice, &list, key.at - 1, e->s.at, keep);
	}
	splice_list_end(&e->splice, &list);
}

static enum handover_result
anthropic_request(const struct handover *h, struct buf *out)
{
	struct editor e = {.splice = {.text = h->body, .out = out}, .handover = h};
	e.map_model = h->model != NULL && strcmp(h->model, h->message->model) != 0;
	e.edits_history = h->message->foreign_thinking || h->message->foreign_ids;
	if (!e.map_model && !e.edits_history && (h->quirks & QUIRK_NO_LOGIN_FIELDS) == 0)
		return HANDOVER_AS_IS;
	scan_init(&e.s, h->body, h->body_len);
	edit_body(&e);
	if (!scan_end(&e.s))
		return HANDOVER_FAILED;
	if (!e.splice.changed)
		return HANDOVER_AS_IS;
	return splice_end(&e.splice, h->body_len) ? HANDOVER_REWRITTEN : HANDOVER_FAILED;
}

/* Claude's own errors are for the client (BEHAVIOUR 4). */
static const char *
anthropic_refuses(const struct message *message, const char *model)
{
	(void)message;
	(void)model;
	return NULL;
}

static unsigned
anthropic_quirk(int status, const char *text)
{
	if (status != 400 || strstr(text, "Extra inputs are not permitted") == NULL)
		return 0;
	for (size_t i = 0; i < COUNT(login_fields); i++)
		if (strstr(text, login_fields[i]) != NULL)
			return QUIRK_NO_LOGIN_FIELDS;
	return 0;
}

const struct dialect dialect_anthropic = {
    .name = "anthropic",
    .forwards_headers = true,
    .keeps_cache_control = true,
    .reports_quota = true,
    .is_authority = true,
    .takes_claude_names = true,
    .has_auxiliary_routes = true,
    .context_tokens = 1000000, /* PROTOCOLS.md 6 */
    .refuses = anthropic_refuses,
    .encode = anthropic_request,
    .quirk = anthropic_quirk,
};
