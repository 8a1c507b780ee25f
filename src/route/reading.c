/* SPDX-License-Identifier: MIT */
#include "route/reading.h"

#include "base/caps.h"
#include "base/count.h"
#include "dialect/sse.h"
#include "json/scan.h"

#include <ctype.h>
#include <string.h>

/* --- Words ------------------------------------------------------------------- */

static void
lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* Copies the beginning of a string, escapes resolved, in lower case; a NUL becomes a space. */
static void
copy_text(const char *json, struct span span, char *out, size_t size)
{
	char decoded[READING_TEXT_MAX + 2];
	size_t room = size < READING_TEXT_MAX ? size : READING_TEXT_MAX;
	bool is_cut = span.len > room - 2;
	if (is_cut)
		span.len = room - 2;
	/* Not in the middle of an escape: the longest is a pair of surrogates. */
	for (size_t i = span.len < 12 ? 0 : span.len - 12; is_cut && i < span.len; i++)
		if (json[span.at + i] == '\\')
			span.len = i;
	size_t n = span_decode(json, span, decoded);
	n = n < size ? n : size - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = decoded[i] == '\0' ? ' ' : decoded[i];
	out[n] = '\0';
	lower(out);
}

/* Reads a word of the protocol; "" if it does not fit. */
static void
read_word(struct scan *s, char *word)
{
	struct span value;
	if (scan_string(s, &value) && !span_unescape(s->text, value, word, READING_WORD_MAX))
		word[0] = '\0';
	lower(word);
}

bool
reading_is(const struct reading *r, const char *word)
{
	return strcmp(r->type, word) == 0 || strcmp(r->code, word) == 0;
}

bool
reading_contains(const struct reading *r, const char *part)
{
	return strstr(r->type, part) != NULL || strstr(r->code, part) != NULL;
}

/* Whether text begins with these words (lower case), as a provider that parsed its JSON would
 * repeat them: escapes resolved, in any case. */
static bool
matches(const char *text, size_t n, const char *words, size_t n_words)
{
	size_t at = 0, used = 0;
	for (size_t i = 0; i < n_words; i++, at += used) {
		if (at == n)
			return false;
		uint32_t c = scan_character(text + at, n - at, &used);
		if ((c < 128 ? (uint32_t)tolower((int)c) : c) != (unsigned char)words[i])
			return false;
	}
	return true;
}

/* Whether text contains these words (lower case, not empty). */
static bool
contains(const char *text, size_t n, const char *words, size_t n_words)
{
	for (size_t at = 0; at < n; at++)
		if ((text[at] == '\\' || tolower((unsigned char)text[at]) == words[0]) &&
		    matches(text + at, n - at, words, n_words))
			return true;
	return false;
}

bool
reading_is_own(const struct reading *r, const char *text, size_t n)
{
	const struct evidence *e = r->evidence;
	if (e->is_forgotten)
		return false;
	for (size_t i = 0; e->headers != NULL && i < e->headers->n; i++)
		if (contains(e->headers->list[i].value, strlen(e->headers->list[i].value), text, n))
			return false;
	return e->request == NULL || !contains(e->request, e->request_len, text, n);
}

bool
reading_mentions(const struct reading *r, const char *words)
{
	return strstr(r->message, words) != NULL && reading_is_own(r, words, strlen(words));
}

bool
reading_mentions_both(const struct reading *r, const char *one, const char *other)
{
	const char *a = strstr(r->message, one), *b = strstr(r->message, other);
	if (a == NULL || b == NULL)
		return false;
	const char *a_end = a + strlen(one), *b_end = b + strlen(other);
	const char *from = a < b ? a : b, *to = a_end > b_end ? a_end : b_end;
	return reading_is_own(r, from, (size_t)(to - from));
}

/* --- Errors --------------------------------------------------------------------- */

static void
read_details(struct reading *r, struct scan *s)
{
	struct span key;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "error_code"))
			read_word(s, r->code);
		else
			scan_skip(s);
}

static void
read_message(struct reading *r, struct scan *s)
{
	struct span message;
	if (scan_string(s, &message))
		copy_text(s->text, message, r->message, sizeof r->message);
}

/* A word, or a status as a number. */
static void
read_code(struct reading *r, struct scan *s)
{
	if (scan_peek(s) == SCAN_STRING)
		read_word(s, r->code);
	else if (!scan_integer(s, &r->number))
		r->number = 0;
}

/* {"type","message","code","details":{"error_code"}}: PROTOCOLS.md 1, 2, 3, 8; or a sentence. */
static void
read_error(struct reading *r, struct scan *s)
{
	struct span key;
	enum scan_kind kind = scan_peek(s);
	r->error = kind == SCAN_OBJECT || kind == SCAN_STRING;
	if (kind == SCAN_STRING) {
		read_message(r, s);
		return;
	}
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "type"))
			read_word(s, r->type);
		else if (span_is(s->text, key, "code"))
			read_code(r, s);
		else if (span_is(s->text, key, "details"))
			read_details(r, s);
		else if (span_is(s->text, key, "message"))
			read_message(r, s);
		else
			scan_skip(s);
}

/* The status that an error in a 2xx stands for: PROTOCOLS.md 1 "Errors", 3, 4, 8. 0: unknown. */
static int
status_of(const struct reading *r)
{
	static const struct {
		const char *word;
		int status;
	} table[] = {
	    {"invalid_request_error", 400},
	    {"authentication_error", 401},
	    {"invalid_authentication_error", 401},
	    {"incorrect_api_key_error", 401},
	    {"invalid_api_key", 401},
	    {"billing_error", 402},
	    {"permission_error", 403},
	    {"permission_denied_error", 403},
	    {"insufficient_user_quota", 403},
	    {"access_terminated_error", 403},
	    {"not_found_error", 404},
	    {"resource_not_found_error", 404},
	    {"request_too_large", 413},
	    {"rate_limit_error", 429},
	    {"rate_limit_reached_error", 429},
	    {"exceeded_current_quota_error", 429},
	    {"insufficient_quota", 429},
	    {"rate_limit_exceeded", 429},
	    {"context_length_exceeded", 400},
	    {"content_filter", 400},
	    {"model_not_found", 404},
	    {"server_error", 500},
	    {"api_error", 500},
	    {"timeout_error", 504},
	    {"overloaded_error", 529},
	    {"engine_overloaded_error", 529},
	};
	/* The type first. Beside an unknown type, the code invalid_request_error, the first of the
	 * table, is only padding. */
	for (size_t i = 0; i < COUNT(table); i++)
		if (strcmp(r->type, table[i].word) == 0)
			return table[i].status;
	for (size_t i = r->type[0] == '\0' ? 0 : 1; i < COUNT(table); i++)
		if (strcmp(r->code, table[i].word) == 0)
			return table[i].status;
	return r->number >= 400 && r->number < 600 ? (int)r->number : 0;
}

/* --- JSON responses --------------------------------------------------------------- */

/* The members of a response that show what it is. */
struct shape {
	bool message, content, blocks, tokens, data, id;
};

/* Whether a block is not blank: blank texts of some providers are dropped (dialect/origin.h). */
static bool
read_block(struct scan *s)
{
	struct span key, value;
	bool is_text = false, is_blank = false;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "type"))
			is_text = scan_string(s, &value) && span_is(s->text, value, "text");
		else if (span_is(s->text, key, "text"))
			is_blank = scan_string(s, &value) && span_is_blank(s->text, value);
		else
			scan_skip(s);
	return !is_text || !is_blank;
}

static void
read_content(struct scan *s, struct shape *shape)
{
	shape->content = scan_peek(s) == SCAN_ARRAY;
	for (scan_array(s); scan_element(s);)
		shape->blocks |= read_block(s);
}

static void
read_stop_reason(struct reading *r, struct scan *s)
{
	struct span reason;
	r->ended = scan_string(s, &reason);
	r->end_turn = r->ended && span_is(s->text, reason, "end_turn");
}

static void
read_member(struct reading *r, struct scan *s, struct span key, struct shape *shape)
{
	const char *json = s->text;
	struct span type;
	if (span_is(json, key, "error")) {
		read_error(r, s);
	} else if (span_is(json, key, "message")) {
		read_message(r, s); /* resellers put it beside "code" */
	} else if (span_is(json, key, "code")) {
		read_code(r, s);
	} else if (span_is(json, key, "content")) {
		read_content(s, shape);
	} else if (span_is(json, key, "stop_reason")) {
		read_stop_reason(r, s);
	} else if (span_is(json, key, "type")) {
		bool named = scan_string(s, &type);
		shape->message = named && span_is(json, type, "message");
		r->anthropic |= named && span_is(json, type, "error");
	} else if (span_is(json, key, "usage")) {
		usage_read(&r->usage, s);
	} else if (span_is(json, key, "model")) {
		usage_read_model(&r->usage, s);
	} else {
		shape->tokens |= span_is(json, key, "input_tokens") && scan_peek(s) == SCAN_NUMBER;
		shape->data |= span_is(json, key, "data") && scan_peek(s) == SCAN_ARRAY;
		shape->id |= span_is(json, key, "id") && scan_peek(s) == SCAN_STRING;
		scan_skip(s);
	}
}

static bool
is_asked_for(enum asked asked, const struct shape *shape)
{
	switch (asked) {
	case ASKED_MESSAGE:
		return shape->message || shape->content;
	case ASKED_COUNT:
		return shape->tokens;
	case ASKED_MODELS:
		return shape->data;
	case ASKED_MODEL:
		return shape->id;
	}
	return false;
}

/* False: not a complete JSON value. */
static bool
read_json(struct reading *r, const char *json, size_t n)
{
	struct shape shape = {0};
	struct scan s;
	struct span key;
	scan_init(&s, json, n);
	for (scan_object(&s); scan_member(&s, &key);)
		read_member(r, &s, key, &shape);
	bool whole = scan_end(&s);
	r->has_result = whole && !r->error && is_asked_for(r->evidence->asked, &shape);
	r->blocks = shape.blocks;
	return whole;
}

/* --- Streams -------------------------------------------------------------------------- */

static void
read_delta(struct reading *r, const struct sse_event *event)
{
	struct scan s;
	struct span key, inner;
	scan_init(&s, event->data, event->data_len);
	for (scan_object(&s); scan_member(&s, &key);) {
		if (!span_is(s.text, key, "delta")) {
			scan_skip(&s);
			continue;
		}
		for (scan_object(&s); scan_member(&s, &inner);)
			if (span_is(s.text, inner, "stop_reason"))
				read_stop_reason(r, &s);
			else
				scan_skip(&s);
	}
}

/* Reads the events of a stream without content, or of one that was not asked for. */
static void
read_stream(struct reading *r)
{
	struct sse sse;
	struct sse_event event;
	size_t at = 0;
	bool stopped = false;
	sse_init(&sse);
	while (sse_next(&sse, r->evidence->body + at, r->evidence->body_len - at, &event) ==
	       SSE_EVENT) {
		at += event.raw_len;
		if (event.kind == SSE_ERROR) {
			read_json(r, event.data, event.data_len);
			r->error = true;
		} else if (event.kind == SSE_MESSAGE_DELTA) {
			read_delta(r, &event);
		}
		r->wrong_format |= event.kind == SSE_MESSAGE_START && !r->evidence->wants_stream;
		stopped |= event.kind == SSE_MESSAGE_STOP;
	}
	sse_fini(&sse);
	r->ended = r->ended && stopped && !r->error;
	r->has_result = r->ended && r->evidence->wants_stream;
}

/* --- All of it --------------------------------------------------------------------------- */

/* Takes the beginning of a body that is not JSON as the error's message. */
static void
read_plain(struct reading *r)
{
	size_t n = r->evidence->body_len < READING_TEXT_MAX - 1 ? r->evidence->body_len
								: READING_TEXT_MAX - 1;
	for (size_t i = 0; i < n; i++)
		r->message[i] = r->evidence->body[i] == '\0' ? ' ' : r->evidence->body[i];
	r->message[n] = '\0';
	lower(r->message);
}

static void
read_body(struct reading *r)
{
	r->anthropic = r->response->has_request_id;
	if (r->response->sse || r->evidence->is_translated) {
		read_stream(r);
	} else if (!r->response->html) {
		if (!read_json(r, r->evidence->body, r->evidence->body_len) && !r->error)
			read_plain(r);
		r->wrong_format = r->has_result && r->evidence->wants_stream;
		r->has_result = r->has_result && !r->evidence->wants_stream;
	}
	if (r->status < 200 || r->status >= 300 || r->has_result)
		return;
	int named = status_of(r);
	if (named != 0 || r->error)
		r->status = named != 0 ? named : 502;
}

struct reading
reading_of(const struct evidence *e)
{
	struct reading r = {.evidence = e,
			    .response = e->response,
			    .ending = e->ending,
			    .status = e->response->status,
			    .usage = USAGE_NONE};
	/* A head without its end does not count, whatever libcurl reports. */
	if (!e->response->complete && r.ending == ENDING_WHOLE)
		r.ending = ENDING_CUT;
	if (e->content || !e->response->complete)
		return r;
	read_body(&r);
	/* An error's status counts however its body ends, and a response is complete when its JSON,
	 * or its stream, is (BEHAVIOUR 4). */
	bool judged = r.status >= 300 || r.has_result || r.wrong_format;
	if (judged &&
	    (e->ending == ENDING_CUT || e->ending == ENDING_IDLE || e->ending == ENDING_TOO_BIG))
		r.ending = ENDING_WHOLE;
	return r;
}
