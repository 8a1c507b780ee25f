/* Claude's own API: bodies go out byte for byte, but for what would make Claude
 * refuse them (PROTOCOLS.md 7, BEHAVIOUR.md 7).
 *
 * Thinking that Claude did not sign (marked by us, or with an empty or missing
 * signature) is cut from the history, and nothing put in its place. A message
 * that consisted of such thinking alone is cut as a whole: an empty content is
 * a 400, anything we put in would be new text in the history, and Claude joins
 * the turns on both sides by itself. What is cut depends on the block alone, so
 * each request of a conversation is cut in the same way, and Claude's own
 * blocks stay valid: turn n's messages are the beginning of turn n + 1's. */

#include "dialect.h"
#include "mark.h"
#include "splice.h"

#include <string.h>

/* PROTOCOLS.md 9: what only a login may send. */
static const char *const login_fields[] = {"safeguards"};

struct editor {
	struct scan s;
	struct splice splice;
	const struct handover *handover;
	bool map_model;
};

/* Takes a block; whether it stays. */
static bool
keep_block(struct scan *s)
{
	struct span key, type, signature = {0, 0};
	bool thinking = false;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "signature") || span_is(s->text, key, "data"))
			scan_string(s, &signature);
		else if (!span_is(s->text, key, "type"))
			scan_skip(s);
		else if (scan_string(s, &type))
			thinking = span_is(s->text, type, "thinking") ||
				   span_is(s->text, type, "redacted_thinking");
	return !thinking || !mark_foreign(s->text, signature);
}

/* Takes a message's content; whether anything of it stays. */
static bool
edit_content(struct editor *e)
{
	struct splice_list list = {0};
	for (scan_array(&e->s); scan_element(&e->s);) {
		size_t at = scan_here(&e->s);
		splice_item(&e->splice, &list, at);
		bool keep = keep_block(&e->s);
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
drops(const struct editor *e, struct span key)
{
	if ((e->handover->quirks & QUIRK_NO_LOGIN_FIELDS) == 0)
		return false;
	for (size_t i = 0; i < sizeof login_fields / sizeof *login_fields; i++)
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
		bool keep = !drops(e, key);
		splice_item(&e->splice, &list, key.at - 1);
		if (e->map_model && span_is(e->s.text, key, "model"))
			edit_model(e);
		else if (e->handover->message->has_thinking && span_is(e->s.text, key, "messages"))
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
	if (!e.map_model && !h->message->has_thinking && (h->quirks & QUIRK_NO_LOGIN_FIELDS) == 0)
		return HANDOVER_AS_IS;
	scan_init(&e.s, h->body, h->body_len);
	edit_body(&e);
	if (!scan_end(&e.s))
		return HANDOVER_FAILED;
	if (!e.splice.changed)
		return HANDOVER_AS_IS;
	return splice_end(&e.splice, h->body_len) ? HANDOVER_REWRITTEN : HANDOVER_FAILED;
}

/* Claude's words about what it cannot do are for the client (BEHAVIOUR 4). */
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
	for (size_t i = 0; i < sizeof login_fields / sizeof *login_fields; i++)
		if (strstr(text, login_fields[i]) != NULL)
			return QUIRK_NO_LOGIN_FIELDS;
	return 0;
}

const struct dialect dialect_anthropic = {
    .name = "anthropic",
    .claude = true,
    .counts_tokens = true,
    .context_tokens = 1000000, /* PROTOCOLS.md 6 */
    .refuses = anthropic_refuses,
    .request = anthropic_request,
    .quirk = anthropic_quirk,
};
