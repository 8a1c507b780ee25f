/* SPDX-License-Identifier: MIT */
/* A message that arrives in pieces of another form, on its way to the client as Anthropic's events
 * (PROTOCOLS.md 1, SSE; 8): what the dialects have in common whose streams are not Anthropic's.
 *
 * Anthropic's blocks come one after the other, while the pieces of several tool calls may be
 * interleaved. So the first unfinished item goes out as it comes, and those behind it wait; a call
 * is finished when its JSON is. Blank text and thinking never reach the client, as in origin.h.
 *
 * Texts are the insides of JSON strings as the provider wrote them: they are copied, not decoded.
 * Pure; one for each stream. Bounded by TRANSLATION_ITEMS_MAX and TRANSLATION_HELD_MAX. */
#ifndef DIALECT_TRANSLATION_H
#define DIALECT_TRANSLATION_H

#include "base/buf.h"
#include "dialect/stream.h"
#include "dialect/usage.h"

/* The inside of a JSON string of the provider; at NULL: none. */
struct json_text {
	const char *at;
	size_t len;
};

struct translation_item;

struct translation {
	const char *provider;    /* whose mark thinking and ids get; borrowed */
	const char *mark;        /* what follows the provider in it: a literal; NULL: "" */
	int64_t input_tokens;    /* an estimate; -1: none */
	struct usage usage;      /* the last one that was reported */
	const char *stop_reason; /* Anthropic's: a literal; NULL: none was reported */
	bool refuses;            /* what it says is a refusal */
	bool apart;              /* the next text or thinking begins a block */
	bool started;            /* message_start is written */
	bool ended;              /* message_stop or an error is written: nothing follows */
	int64_t next;            /* the index of the next block */
	int64_t text_bytes;      /* that went out */
	uint64_t seed;           /* for ids of calls that the provider gave none */
	struct translation_item *items;
	size_t n, head; /* items before head are finished */
	size_t held;    /* bytes that wait */
};

/* input_tokens: of the request, estimated, for a provider that does not report them; -1: none. */
void translation_init(struct translation *t, const char *provider, int64_t input_tokens);
void translation_fini(struct translation *t);

/* The functions that write append to out. False: out is full, out of memory, or a bound is
 * exceeded; then the translation cannot go on. */

/* Writes message_start, once. */
bool translation_start(struct translation *t, struct json_text id, struct json_text model,
		       struct buf *out);

/* A piece of text or thinking (BLOCK_TEXT, BLOCK_THINKING). */
bool translation_text(struct translation *t, enum block_kind kind, struct json_text text,
		      struct buf *out);

/* What comes next is not part of the block before. */
void translation_part(struct translation *t);

/* What the provider wants to see again with the last thinking, or in place of thinking that it does
 * not show: an id and an encrypted content, which the block's signature then carries. */
bool translation_seal(struct translation *t, struct json_text id, struct json_text content,
		      struct buf *out);

/* A piece of a tool call. Which call it belongs to: one with its id, else with its index, else the
 * last one; but a finished call takes nothing more, so a piece with a name then begins another one
 * (PROTOCOLS.md 8 has what servers do). index: -1 for none. */
struct call_piece {
	int64_t index;
	struct json_text id, name, arguments;
	bool is_object; /* arguments are a JSON object, not the inside of a string */
	bool is_whole;  /* all of them: needed only where no piece has come before */
};
bool translation_call(struct translation *t, const struct call_piece *piece, struct buf *out);

/* Whether there was any call. */
bool translation_has_calls(const struct translation *t);

/* Writes the end of the message: open blocks, message_delta, message_stop. */
bool translation_end(struct translation *t, struct buf *out);

/* Writes an error event, after which nothing follows. code: a number or word as JSON; each may be
 * missing. */
bool translation_error(struct translation *t, const char *type, struct json_text code,
		       struct json_text message, struct buf *out);

/* Appends the id that the client gets for a call with this id at the provider, which is the nth of
 * its message: as it is, marked according to tool_id.h, or made from seed, where it has none or one
 * so short that it may come again. */
bool translation_id(const char *provider, uint64_t seed, size_t nth, struct json_text id,
		    struct buf *out);

/* Appends a tool's name, in which '_' takes the place of what Claude would refuse in a history. */
bool translation_name(struct json_text name, struct buf *out);

/* Appends the signature of thinking: the provider's mark, and what translation_sealed() made. */
bool translation_signature(const char *provider, const char *mark, struct json_text sealed,
			   struct buf *out);

/* Appends "ID:CONTENT"; nothing where one is missing, or the id could not be told apart. */
#define TRANSLATION_SEAL ':'
bool translation_sealed(struct json_text id, struct json_text content, struct buf *out);

/* Appends a usage as Anthropic's object. input, output: in place of counts that were not reported;
 * then the object says that it is "estimated". input: -1: it is left out. */
bool translation_usage(const struct usage *usage, int64_t input, int64_t output, struct buf *out);

#endif
