/* SPDX-License-Identifier: MIT */
#include "dialect/translation.h"

#include "base/count.h"
#include "dialect/dialect.h"
#include "dialect/tool_id.h"
#include "json/end.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	WORD_MAX = 1024,    /* bytes of a call's id or name */
	LONGEST_NAME = 128, /* at Claude */
	SHORT_ID = 8,       /* bytes of an id that may come again in another message */
	BYTES_A_TOKEN = 3,  /* of text, for an estimate */
	ITEMS_AT_FIRST = 4,
};

/* One block of the message: text, thinking or a call. */
struct translation_item {
	enum block_kind kind;
	int64_t index;        /* of a call at the provider; -1: none */
	struct buf id, name;  /* of a call */
	struct json_end json; /* of its arguments */
	struct buf sealed;    /* of thinking: what its signature carries beside the mark */
	bool is_open;         /* its start is written */
	struct buf waiting;   /* what is not written yet */
};

void
translation_init(struct translation *t, const char *provider, int64_t input_tokens)
{
	*t = (struct translation){
	    .provider = provider, .input_tokens = input_tokens, .usage = USAGE_NONE};
}

void
translation_fini(struct translation *t)
{
	for (size_t i = 0; i < t->n; i++) {
		buf_free(&t->items[i].id);
		buf_free(&t->items[i].name);
		buf_free(&t->items[i].sealed);
		buf_free(&t->items[i].waiting);
	}
	free(t->items);
	t->items = NULL;
	t->n = t->head = 0;
}

/* --- Words of Anthropic's form ---------------------------------------------------- */

static bool
put_text(struct buf *out, struct json_text text)
{
	return text.len == 0 || buf_add(out, text.at, text.len);
}

static struct json_text
text_of(const struct buf *b)
{
	return (struct json_text){buf_text(b), b->len};
}

bool
translation_signature(const char *provider, const char *mark, struct json_text sealed,
		      struct buf *out)
{
	return buf_printf(out, "%s%s.%s", ORIGIN_PREFIX, provider, mark == NULL ? "" : mark) &&
	       put_text(out, sealed);
}

bool
translation_sealed(struct json_text id, struct json_text content, struct buf *out)
{
	if (id.len == 0 || content.len == 0 || memchr(id.at, TRANSLATION_SEAL, id.len) != NULL)
		return true;
	return put_text(out, id) && buf_printf(out, "%c", TRANSLATION_SEAL) &&
	       put_text(out, content);
}

bool
translation_id(const char *provider, uint64_t seed, size_t nth, struct json_text id,
	       struct buf *out)
{
	char marked[TOOL_ID_MARKED_MAX];
	struct span all = {0, id.len};
	if (id.len <= SHORT_ID)
		return buf_printf(out, "call_%016" PRIx64 "%03zu", seed, nth);
	if (!tool_id_is_odd(id.at, all) && !tool_id_is_marked(id.at, all))
		return put_text(out, id);
	size_t n = tool_id_mark(provider, id.at, all, marked);
	return n > 0 ? buf_add(out, marked, n)
		     : buf_printf(out, "call_%016" PRIx64 "%03zu", seed, nth);
}

/* A model may call what is no tool: the client says so, and its history keeps the name. */
bool
translation_name(struct json_text name, struct buf *out)
{
	size_t n = name.len < LONGEST_NAME ? name.len : LONGEST_NAME;
	for (size_t i = 0; i < n; i++) {
		bool odd = tool_id_is_odd(name.at, (struct span){i, 1});
		if (!buf_add(out, odd ? "_" : &name.at[i], 1))
			return false;
	}
	return true;
}

bool
translation_usage(const struct usage *u, int64_t input, int64_t output, struct buf *out)
{
	bool estimated = u->input < 0 && input >= 0;
	const struct {
		const char *name;
		int64_t count;
	} inputs[] = {{"input_tokens", estimated ? input : u->input},
		      {"cache_creation_input_tokens", u->cache_write},
		      {"cache_read_input_tokens", u->cache_read}};
	if (!buf_puts(out, "{"))
		return false;
	for (size_t i = 0; i < COUNT(inputs); i++)
		if (inputs[i].count >= 0 &&
		    !buf_printf(out, "\"%s\":%" PRId64 ",", inputs[i].name, inputs[i].count))
			return false;
	return buf_printf(out, "\"output_tokens\":%" PRId64 "%s}",
			  u->output >= 0 ? u->output : output,
			  estimated ? ",\"estimated\":true" : "");
}

/* --- Events ------------------------------------------------------------------------ */

static bool
begin_event(struct buf *out, const char *name)
{
	return buf_puts(out, "event: ") && buf_puts(out, name) &&
	       buf_puts(out, "\ndata: {\"type\":\"") && buf_puts(out, name) && buf_puts(out, "\"");
}

static bool
end_event(struct buf *out)
{
	return buf_puts(out, "}\n\n");
}

static bool
begin_block_event(const struct translation *t, struct buf *out, const char *name)
{
	return begin_event(out, name) && buf_printf(out, ",\"index\":%" PRId64, t->next);
}

static bool
put_call_start(const struct translation *t, const struct translation_item *item, struct buf *out)
{
	size_t nth = (size_t)(item - t->items);
	return buf_puts(out, "{\"type\":\"tool_use\",\"id\":\"") &&
	       translation_id(t->provider, t->seed, nth, text_of(&item->id), out) &&
	       buf_puts(out, "\",\"name\":\"") && translation_name(text_of(&item->name), out) &&
	       buf_puts(out, "\",\"input\":{}}");
}

static bool
put_start(const struct translation *t, const struct translation_item *item, struct buf *out)
{
	bool begun = begin_block_event(t, out, "content_block_start") &&
		     buf_puts(out, ",\"content_block\":");
	if (!begun)
		return false;
	if (item->kind == BLOCK_TOOL_USE)
		return put_call_start(t, item, out) && end_event(out);
	return buf_puts(out,
			item->kind == BLOCK_TEXT
			    ? "{\"type\":\"text\",\"text\":\"\"}"
			    : "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}") &&
	       end_event(out);
}

static bool
put_delta(struct translation *t, const char *delta, struct json_text text, struct buf *out)
{
	t->text_bytes += (int64_t)text.len;
	return text.len == 0 || (begin_block_event(t, out, "content_block_delta") &&
				 buf_puts(out, ",\"delta\":{\"type\":") && buf_puts(out, delta) &&
				 buf_puts(out, ":\"") && buf_add(out, text.at, text.len) &&
				 buf_puts(out, "\"}}\n\n"));
}

static const char *
delta_of(enum block_kind kind)
{
	return kind == BLOCK_TEXT       ? "\"text_delta\",\"text\""
	       : kind == BLOCK_THINKING ? "\"thinking_delta\",\"thinking\""
					: "\"input_json_delta\",\"partial_json\"";
}

static bool
has_begun(const struct json_end *json)
{
	return json->depth > 0 || json->done || json->other;
}

/* What comes between a block's content and its stop. */
static bool
put_completion(struct translation *t, const struct translation_item *item, struct buf *out)
{
	if (item->kind == BLOCK_TOOL_USE && !has_begun(&item->json))
		return put_delta(t, delta_of(item->kind), (struct json_text){"{}", 2}, out);
	if (item->kind != BLOCK_THINKING)
		return true;
	return begin_block_event(t, out, "content_block_delta") &&
	       buf_puts(out, ",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"") &&
	       translation_signature(t->provider, t->mark, text_of(&item->sealed), out) &&
	       buf_puts(out, "\"}") && end_event(out);
}

/* --- Items: the one at head goes out, those behind it wait ------------------------- */

static struct translation_item *
add_item(struct translation *t, enum block_kind kind)
{
	if (t->n == TRANSLATION_ITEMS_MAX)
		return NULL;
	if (t->items == NULL || (t->n >= ITEMS_AT_FIRST && (t->n & (t->n - 1)) == 0)) {
		size_t n = t->items == NULL ? ITEMS_AT_FIRST : 2 * t->n;
		struct translation_item *longer = realloc(t->items, n * sizeof *longer);
		if (longer == NULL)
			return NULL;
		t->items = longer;
	}
	struct translation_item *item = &t->items[t->n++];
	*item = (struct translation_item){.kind = kind, .index = -1};
	t->apart = false;
	buf_init(&item->id, WORD_MAX);
	buf_init(&item->name, WORD_MAX);
	buf_init(&item->sealed, TRANSLATION_HELD_MAX);
	buf_init(&item->waiting, TRANSLATION_HELD_MAX);
	return item;
}

static bool
is_finished(const struct translation_item *item)
{
	return item->kind != BLOCK_TOOL_USE || item->json.done || item->json.other;
}

static bool
hold(struct translation *t, struct translation_item *item, struct json_text text)
{
	t->held += text.len;
	return t->held <= TRANSLATION_HELD_MAX && put_text(&item->waiting, text);
}

static bool
is_blank(struct json_text text)
{
	return text.len == 0 || span_is_blank(text.at, (struct span){0, text.len});
}

/* A block that a client must not see: text or thinking of nothing, unless it is sealed. */
static bool
is_nothing(const struct translation_item *item, struct json_text piece)
{
	return item->kind != BLOCK_TOOL_USE && item->sealed.len == 0 &&
	       is_blank(text_of(&item->waiting)) && is_blank(piece);
}

/* Writes what waits of the item at head, and a piece; or lets it wait while it is blank. */
static bool
write_item(struct translation *t, struct translation_item *item, struct json_text piece,
	   struct buf *out)
{
	if (!item->is_open && is_nothing(item, piece))
		return hold(t, item, piece);
	if (!item->is_open && !put_start(t, item, out))
		return false;
	item->is_open = true;
	bool written = put_delta(t, delta_of(item->kind), text_of(&item->waiting), out) &&
		       put_delta(t, delta_of(item->kind), piece, out);
	t->held -= item->waiting.len;
	buf_free(&item->waiting);
	return written;
}

/* Ends the item at head. */
static bool
close_item(struct translation *t, struct buf *out)
{
	struct translation_item *item = &t->items[t->head++];
	if (!item->is_open) {
		t->held -= item->waiting.len;
		buf_free(&item->waiting);
		return true;
	}
	bool closed = put_completion(t, item, out) &&
		      begin_block_event(t, out, "content_block_stop") && end_event(out);
	t->held -= item->sealed.len;
	buf_free(&item->sealed);
	t->next++;
	return closed;
}

static bool
open_head(struct translation *t, struct buf *out)
{
	return write_item(t, &t->items[t->head], (struct json_text){0}, out);
}

/* Adds a piece to an item, and ends those before it that are finished. */
static bool
add_piece(struct translation *t, struct translation_item *item, struct json_text piece,
	  struct buf *out)
{
	size_t at = (size_t)(item - t->items);
	if (at < t->head) /* it is closed, and was finished */
		return true;
	bool added = at == t->head ? write_item(t, item, piece, out) : hold(t, item, piece);
	while (added && t->head + 1 < t->n && is_finished(&t->items[t->head]))
		added = close_item(t, out) && open_head(t, out);
	return added;
}

/* --- What comes -------------------------------------------------------------------- */

bool
translation_start(struct translation *t, struct json_text id, struct json_text model,
		  struct buf *out)
{
	if (t->started)
		return true;
	t->started = true;
	if (!begin_event(out, "message_start") || !buf_puts(out, ",\"message\":{\"id\":\""))
		return false;
	if (!(id.len > 0 ? put_text(out, id) : buf_printf(out, "msg_%016" PRIx64, t->seed)))
		return false;
	const struct usage none = {.cache_read = -1, .cache_write = -1};
	return buf_puts(out, "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"") &&
	       put_text(out, model) &&
	       buf_puts(out, "\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
			     "\"usage\":") &&
	       translation_usage(t->usage.input >= 0 ? &t->usage : &none, -1, 0, out) &&
	       buf_puts(out, "}") && end_event(out);
}

/* The last item, if it is of that kind and nothing was to be apart from it; else a new one. */
static struct translation_item *
last_item(struct translation *t, enum block_kind kind)
{
	struct translation_item *last = t->n == 0 || t->apart ? NULL : &t->items[t->n - 1];
	return last == NULL || last->kind != kind ? add_item(t, kind) : last;
}

bool
translation_text(struct translation *t, enum block_kind kind, struct json_text text,
		 struct buf *out)
{
	if (text.len == 0)
		return true;
	struct translation_item *last = last_item(t, kind);
	return last != NULL && add_piece(t, last, text, out);
}

void
translation_part(struct translation *t)
{
	t->apart = true;
}

bool
translation_seal(struct translation *t, struct json_text id, struct json_text content,
		 struct buf *out)
{
	const struct json_text none = {0};
	if (id.len == 0 || content.len == 0)
		return true;
	struct translation_item *item = last_item(t, BLOCK_THINKING);
	if (item == NULL || item->sealed.len > 0)
		return item != NULL;
	bool sealed = translation_sealed(id, content, &item->sealed);
	t->held += item->sealed.len;
	return sealed && t->held <= TRANSLATION_HELD_MAX && add_piece(t, item, none, out);
}

static bool
is_same(const struct buf *b, struct json_text text)
{
	return b->len == text.len && memcmp(buf_text(b), text.at, text.len) == 0;
}

/* The last call with that id, or that index; with neither, the last one. NULL: none. */
static struct translation_item *
last_call(const struct translation *t, struct json_text id, int64_t index)
{
	for (size_t i = t->n; i > 0; i--) {
		struct translation_item *item = &t->items[i - 1];
		if (item->kind == BLOCK_TOOL_USE && (id.len == 0 || is_same(&item->id, id)) &&
		    (index < 0 || item->index == index))
			return item;
	}
	return NULL;
}

/* PROTOCOLS.md 8. NULL: the piece begins a call, or belongs to none. */
static struct translation_item *
call_of(const struct translation *t, const struct call_piece *piece)
{
	const struct json_text none = {0};
	bool has_name = piece->name.len > 0;
	struct translation_item *item = NULL;
	if (piece->id.len > 0) {
		item = last_call(t, piece->id, -1);
		if (item != NULL && has_name && is_finished(item) && item->index != piece->index)
			return NULL;
		if (item != NULL || has_name)
			return item;
	}
	if (piece->index >= 0) {
		item = last_call(t, none, piece->index);
		if (item == NULL && has_name)
			return NULL;
	}
	if (item == NULL)
		item = last_call(t, none, -1);
	bool other =
	    item != NULL && has_name && (is_finished(item) || !is_same(&item->name, piece->name));
	return other ? NULL : item;
}

static struct translation_item *
new_call(struct translation *t, const struct call_piece *piece)
{
	struct translation_item *item = add_item(t, BLOCK_TOOL_USE);
	if (item == NULL)
		return NULL;
	/* Some give all of a message the same id: then each needs one of ours. */
	bool is_new = piece->id.len > 0 && last_call(t, piece->id, -1) == NULL;
	item->index = piece->index;
	return (!is_new || put_text(&item->id, piece->id)) && put_text(&item->name, piece->name)
		   ? item
		   : NULL;
}

/* How much of a piece belongs to the arguments: what follows their end does not. */
static size_t
take_arguments(struct json_end *json, struct json_text piece)
{
	size_t at = 0, used;
	for (; at < piece.len && !json->done; at += used) {
		uint32_t c = scan_character(piece.at + at, piece.len - at, &used);
		json_end_take(json, c < 128 ? (char)c : 'x');
	}
	return at;
}

/* A JSON value as the inside of a JSON string. */
static bool
put_escaped(struct buf *out, struct json_text value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.at[i];
		if (c == '"' || c == '\\' ? !buf_add(out, "\\", 1) || !buf_add(out, &c, 1)
		    : (unsigned char)c < ' '
			? !buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c)
			: !buf_add(out, &c, 1))
			return false;
	}
	return true;
}

bool
translation_call(struct translation *t, const struct call_piece *piece, struct buf *out)
{
	struct translation_item *item = call_of(t, piece);
	struct buf escaped;
	if (item == NULL && piece->name.len == 0)
		return true;
	if (item == NULL)
		item = new_call(t, piece);
	buf_init(&escaped, TRANSLATION_HELD_MAX);
	struct json_text arguments = piece->arguments;
	if (item != NULL && piece->is_whole && has_begun(&item->json))
		arguments.len = 0;
	bool taken = item != NULL && (!piece->is_object || put_escaped(&escaped, arguments));
	if (piece->is_object)
		arguments = text_of(&escaped);
	if (taken) {
		arguments.len = take_arguments(&item->json, arguments);
		taken = add_piece(t, item, arguments, out);
	}
	buf_free(&escaped);
	return taken;
}

bool
translation_has_calls(const struct translation *t)
{
	return last_call(t, (struct json_text){0}, -1) != NULL;
}

bool
translation_end(struct translation *t, struct buf *out)
{
	bool written = translation_start(t, (struct json_text){0}, (struct json_text){0}, out);
	while (written && t->head < t->n)
		written = open_head(t, out) && close_item(t, out);
	const char *reason = t->stop_reason != NULL     ? t->stop_reason
			     : translation_has_calls(t) ? "tool_use"
							: "end_turn";
	t->ended = true;
	return written && begin_event(out, "message_delta") &&
	       buf_printf(out,
			  ",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null},\"usage\":",
			  reason) &&
	       translation_usage(&t->usage, t->input_tokens, t->text_bytes / BYTES_A_TOKEN, out) &&
	       end_event(out) && begin_event(out, "message_stop") && end_event(out);
}

bool
translation_error(struct translation *t, const char *type, struct json_text code,
		  struct json_text message, struct buf *out)
{
	t->ended = true;
	return begin_event(out, "error") &&
	       buf_printf(out, ",\"error\":{\"type\":\"%s\",\"message\":\"", type) &&
	       put_text(out, message) && buf_puts(out, "\"") &&
	       (code.len == 0 || (buf_puts(out, ",\"code\":") && put_text(out, code))) &&
	       buf_puts(out, "}") && end_event(out);
}
