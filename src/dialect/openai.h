/* SPDX-License-Identifier: MIT */
/* Chat Completions, of OpenAI and of those who speak like it (PROTOCOLS.md 8): what the files of
 * this dialect have in common, and some of which Responses (responses.h) needs, too. Pure;
 * thread-safe. */
#ifndef DIALECT_OPENAI_H
#define DIALECT_OPENAI_H

#include "dialect/dialect.h"
#include "dialect/rewrite.h"

/* The least limit of a request whose model reasons: openai_least_limit(). */
enum { OPENAI_ROOM_TO_THINK = 1024 };

/* What is known of a model, by its name. */
struct openai_model {
	const char *begin;  /* of its name, without its maker ("openai/") */
	bool is_openai;     /* one of OpenAI's own, and so is its server, most likely */
	const char *least;  /* reasoning_effort for none, or for little; NULL: it takes none */
	const char *most;   /* … and the highest */
	bool reasons_alone; /* it refuses tools while it reasons */
	bool has_sampling;  /* temperature, top_p and stop are accepted */
	bool has_parallel;  /* parallel_tool_calls, too */
	int64_t context_tokens;
	int64_t output_tokens;
};

/* Never NULL: the last one is any other. */
const struct openai_model *openai_model(const char *name);

/* rewrite_rules.choose and dialect.refuses of both APIs. */
void openai_choose(const struct handover *handover, enum thinking asked,
		   struct rewrite_choice *choice);
const char *openai_refuses(const struct message *message, const char *model);

/* Writes what rewrite_request() has made, which is Anthropic's form, as Chat Completions': a new
 * tree, which the caller must json_object_put(). Sets r->failed when out of memory. */
json_object *openai_request(struct rewrite *r);

/* For it: writes the messages into to. */
void openai_messages(struct rewrite *r, json_object *to);

/* dialect.translate_event, .translate_end, .decode_json and .decode_error. */
bool openai_stream_event(struct translation *t, const struct sse_event *event, struct buf *out);
bool openai_stream_end(struct translation *t, struct buf *out);
bool openai_json(const char *provider, int64_t input_tokens, const char *json, size_t n,
		 struct buf *out);
bool openai_error(int status, const char *body, size_t n, struct buf *out);

#endif
