/* SPDX-License-Identifier: MIT */
#include "dialect/translation_json.h"

#include "base/caps.h"
#include "json/scan.h"

enum { BYTES_A_TOKEN = 3 }; /* of text, for an estimate */

static bool
begin(struct translation_json *j, struct json_text content)
{
	j->text_bytes += (int64_t)content.len;
	j->full |= j->n == TRANSLATION_ITEMS_MAX || (j->n > 0 && !buf_puts(j->out, ","));
	j->n += j->full ? 0 : 1;
	return !j->full;
}

static void
put(struct translation_json *j, const char *text, struct json_text inner)
{
	j->full = j->full || !buf_puts(j->out, text) ||
		  (inner.len > 0 && !buf_add(j->out, inner.at, inner.len));
}

static void
put_words(struct translation_json *j, const char *text)
{
	put(j, text, (struct json_text){0});
}

static bool
is_blank(struct json_text text)
{
	return text.len == 0 || span_is_blank(text.at, (struct span){0, text.len});
}

void
translation_json_begin(struct translation_json *j, struct json_text id, struct json_text model)
{
	put(j, "{\"id\":\"", id);
	put(j, "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"", model);
	put_words(j, "\",\"content\":[");
}

void
translation_json_text(struct translation_json *j, struct json_text text)
{
	if (is_blank(text) || !begin(j, text))
		return;
	put(j, "{\"type\":\"text\",\"text\":\"", text);
	put_words(j, "\"}");
}

void
translation_json_thinking(struct translation_json *j, struct json_text text, const char *mark,
			  struct json_text sealed)
{
	if ((is_blank(text) && sealed.len == 0) || !begin(j, text))
		return;
	put(j, "{\"type\":\"thinking\",\"thinking\":\"", text);
	put_words(j, "\",\"signature\":\"");
	j->full = j->full || !translation_signature(j->provider, mark, sealed, j->out);
	put_words(j, "\"}");
}

/* Whether n bytes are one JSON object. */
static bool
is_object(const char *json, size_t n)
{
	struct scan s;
	scan_init(&s, json, n);
	bool object = scan_peek(&s) == SCAN_OBJECT;
	scan_skip(&s);
	return scan_end(&s) && object;
}

/* What the model wrote need not be JSON. */
static void
put_input(struct translation_json *j, const struct call_piece *piece)
{
	struct buf decoded;
	struct json_text input = piece->arguments;
	buf_init(&decoded, RESPONSE_JSON_MAX);
	if (!piece->is_object && input.len > 0 && buf_reserve(&decoded, input.len + 2)) {
		decoded.len = span_decode(input.at, (struct span){0, input.len}, decoded.data);
		input = (struct json_text){decoded.data, decoded.len};
	}
	if (!piece->is_object && !is_object(input.at, input.len))
		input = (struct json_text){"{}", 2};
	put(j, ",\"input\":", input);
	buf_free(&decoded);
}

void
translation_json_call(struct translation_json *j, size_t nth, const struct call_piece *piece)
{
	if (piece->name.len == 0 || !begin(j, piece->arguments))
		return;
	j->calls++;
	put_words(j, "{\"type\":\"tool_use\",\"id\":\"");
	j->full = j->full || !translation_id(j->provider, j->seed, nth, piece->id, j->out);
	put_words(j, "\",\"name\":\"");
	j->full = j->full || !translation_name(piece->name, j->out);
	put_words(j, "\"");
	put_input(j, piece);
	put_words(j, "}");
}

bool
translation_json_end(struct translation_json *j, const char *stop_reason, const struct usage *usage)
{
	int64_t input = j->input_tokens < 0 ? 0 : j->input_tokens;
	return !j->full &&
	       buf_printf(j->out, "],\"stop_reason\":\"%s\",\"stop_sequence\":null,\"usage\":",
			  stop_reason) &&
	       translation_usage(usage, input, j->text_bytes / BYTES_A_TOKEN, j->out) &&
	       buf_puts(j->out, "}");
}
