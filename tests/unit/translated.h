/* SPDX-License-Identifier: MIT */
/* What a dialect of another form than Anthropic's sends, and what the client sees of its responses, for tables.
 * Shared by tests/unit/test_openai.c and tests/unit/test_responses.c. */
#ifndef TRANSLATED_H
#define TRANSLATED_H

#include "dialect/dialect.h"

#include "events.h"
#include "material.h"

#define TRANSLATED_MAX (64 << 20)

/* Tables are easier to read with ' in place of ". */
static char *
quoted(const char *text)
{
	char *copy = strdup(text);
	for (char *c = copy; *c != '\0'; c++)
		if (*c == '\'')
			*c = '"';
	return copy;
}

/* The body that the provider "openai" gets of that dialect. */
static char *
sent(const struct dialect *dialect, const char *model, unsigned quirks, const char *body)
{
	static const uint8_t key[DIGEST_KEY_SIZE] = {1, 2, 3};
	struct message m;
	char error[ERROR_TEXT_MAX];
	struct buf out;
	buf_init(&out, TRANSLATED_MAX);
	bool read = message_read(body, strlen(body), &m, error);
	const struct handover h = {.provider = "openai",
				   .model = model,
				   .body = body,
				   .body_len = strlen(body),
				   .message = &m,
				   .key = key,
				   .quirks = quirks};
	bool written = read && dialect->encode(&h, &out) == HANDOVER_REWRITTEN;
	char *text = strdup(written ? buf_text(&out) : "failed");
	buf_free(&out);
	return text;
}

/* The hash of the user "u" is shown as HASH. */
static void
hide_hash(char *text)
{
	static const uint8_t key[DIGEST_KEY_SIZE] = {1, 2, 3};
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE], *at;
	digest(key, "u", 1, hash);
	digest_hex(hash, hex);
	while ((at = strstr(text, hex)) != NULL) {
		memcpy(at, "HASH", 4);
		memmove(at + 4, at + strlen(hex), strlen(at + strlen(hex)) + 1);
	}
}

static void
check_request_row(int line, const char *name, const struct dialect *dialect, const char *model,
		  unsigned quirks, const char *in_braces, const char *want_in_braces)
{
	char text[8192];
	snprintf(text, sizeof text, "{%s}", in_braces);
	char *body = quoted(text);
	char *got = sent(dialect, model, quirks, body), *again = sent(dialect, model, quirks, body);
	hide_hash(got);
	hide_hash(again);
	snprintf(text, sizeof text, "{%s}", want_in_braces);
	char *want = quoted(text);
	TAP_STR_AT(line, name, got, want);
	TAP_OK("… the same bytes each time", strcmp(got, again) == 0);
	free(body);
	free(got);
	free(again);
	free(want);
}

/* Feeds the bytes in pieces of random sizes (0: at once). */
static void
translate(const struct dialect *dialect, const char *bytes, size_t size, struct buf *out)
{
	struct translation t;
	struct sse sse;
	struct sse_event event;
	struct buf held;
	size_t n = strlen(bytes);
	translation_init(&t, "openai", -1);
	sse_init(&sse);
	sse.named_only = true;
	buf_init(&held, TRANSLATED_MAX);
	bool done = true;
	for (size_t at = 0; at < n && done;) {
		size_t piece = size == 0 ? n : 1 + material_random(size);
		piece = piece > n - at ? n - at : piece;
		done = buf_add(&held, bytes + at, piece);
		at += piece;
		while (done && sse_next(&sse, buf_text(&held), held.len, &event) == SSE_EVENT) {
			size_t raw_len = event.raw_len;
			done = dialect->translate_event(&t, &event, out);
			buf_drop(&held, raw_len);
		}
	}
	TAP_OK("… room for all", done && dialect->translate_end(&t, out));
	buf_free(&held);
	sse_fini(&sse);
	translation_fini(&t);
}

/* What is made from the message's id differs from machine to machine: it is shown as ID. */
static void
hide_ids(char *text)
{
	char *at = text;
	while ((at = strstr(at, "call_")) != NULL) {
		at += strlen("call_");
		if (strspn(at, "0123456789abcdef") == 19)
			memmove(at + 2, at + 16, strlen(at + 16) + 1), memcpy(at, "ID", 2);
	}
}

static void
check_stream_row(int line, const char *name, const struct dialect *dialect,
		 const char *quoted_bytes, const char *want)
{
	char *bytes = quoted(quoted_bytes);
	struct buf whole, split;
	struct events e;
	buf_init(&whole, TRANSLATED_MAX);
	translate(dialect, bytes, 0, &whole);
	events_read(&e, buf_text(&whole), whole.len);
	char *text = strdup(buf_text(&e.text));
	hide_ids(text);
	TAP_STR_AT(line, name, text, want);
	TAP_STR_AT(line, "… valid", e.wrong, NULL);
	free(text);
	events_fini(&e);
	for (size_t size = 1; size < 200; size = size * 3) {
		buf_init(&split, TRANSLATED_MAX);
		translate(dialect, bytes, size, &split);
		TAP_OK("… however it is split",
		       split.len == whole.len &&
			   memcmp(buf_text(&split), buf_text(&whole), whole.len) == 0);
		buf_free(&split);
	}
	buf_free(&whole);
	free(bytes);
}

/* What a drill breaks off is a stream that has begun, and is one text. */
static void
check_first_words(const struct dialect *dialect)
{
	check_stream_row(__LINE__, "a drill's first words", dialect, dialect->first_words,
			 "start ; text; +This is a drill: ; ");
}

static void
check_answer_row(int line, const char *name, const struct dialect *dialect, const char *quoted_json,
		 const char *quoted_want)
{
	char *json = quoted(quoted_json), *want = quoted(quoted_want);
	struct buf out;
	buf_init(&out, TRANSLATED_MAX);
	TAP_OK("… decoded", dialect->decode_json("openai", 77, json, strlen(json), &out));
	hide_ids(out.data == NULL ? (char[]){""} : out.data);
	TAP_STR_AT(line, name, buf_text(&out), want);
	buf_free(&out);
	free(json);
	free(want);
}

/* Requests of Claude Code itself become JSON objects. */
static void
check_samples(const struct dialect *dialect, const char *model)
{
	for (size_t i = 0; i < TAP_COUNT(material_names); i++) {
		size_t n = 0;
		char *body = material_sample(material_names[i], &n);
		if (body == NULL)
			continue;
		char *out = sent(dialect, model, 0, body);
		json_object *tree = json_tokener_parse(out);
		TAP_ROW(material_names[i], json_object_is_type(tree, json_type_object),
			"expected a body, got %.200s", out);
		json_object_put(tree);
		free(out);
		free(body);
	}
}

#endif
