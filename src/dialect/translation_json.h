/* SPDX-License-Identifier: MIT */
/* A whole response of another form as Anthropic's message: what the dialects have in common whose
 * responses are not Anthropic's (PROTOCOLS.md 1; 8). The same for streams: translation.h.
 *
 * Texts are the insides of JSON strings as the provider wrote them. Each function appends to out;
 * when that fails, full is set, and nothing more is written. Pure; thread-safe. */
#ifndef DIALECT_TRANSLATION_JSON_H
#define DIALECT_TRANSLATION_JSON_H

#include "dialect/translation.h"

struct translation_json {
	const char *provider; /* whose mark thinking and ids get; borrowed */
	struct buf *out;      /* borrowed */
	int64_t input_tokens; /* of the request, estimated; -1: none */
	int64_t text_bytes;   /* of the blocks */
	uint64_t seed;        /* for ids of calls that the provider gave none */
	size_t n;             /* blocks so far */
	size_t calls;         /* those of them that are calls */
	bool full;            /* out of memory, or too many */
};

void translation_json_begin(struct translation_json *j, struct json_text id,
			    struct json_text model);

/* Blank text and thinking are left out, but for thinking that is sealed (translation.h). */
void translation_json_text(struct translation_json *j, struct json_text text);
void translation_json_thinking(struct translation_json *j, struct json_text text, const char *mark,
			       struct json_text sealed);

/* The nth call that the provider named; input that is no JSON object becomes {}. */
void translation_json_call(struct translation_json *j, size_t nth, const struct call_piece *piece);

/* False: j is full. */
bool translation_json_end(struct translation_json *j, const char *stop_reason,
			  const struct usage *usage);

#endif
