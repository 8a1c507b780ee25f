/* SPDX-License-Identifier: MIT */
/* OpenAI's Responses (PROTOCOLS.md 10): what the files of this dialect have in common, beside what
 * it shares with Chat Completions (openai.h, openai_parts.h, openai_read.h). Pure; thread-safe. */
#ifndef DIALECT_RESPONSES_H
#define DIALECT_RESPONSES_H

#include "dialect/openai_parts.h"

/* Writes what rewrite_request() has made, which is Anthropic's form, as a request for a response: a
 * new tree, which the caller must json_object_put(). Sets r->failed when out of memory. */
json_object *responses_request(struct rewrite *r);

/* For it: writes the messages into to. */
void responses_input(struct rewrite *r, json_object *to);

/* dialect.translate_event, .translate_end and .decode_json. */
bool responses_stream_event(struct translation *t, const struct sse_event *event, struct buf *out);
bool responses_stream_end(struct translation *t, struct buf *out);
bool responses_json(const char *provider, int64_t input_tokens, const char *json, size_t n,
		    struct buf *out);

#endif
