/* SPDX-License-Identifier: MIT */
/* The progress of a streamed response: what the client has seen of it, and how it can end when its
 * provider dies (BEHAVIOUR.md 6, CLIENT.md 4). Pure; one for each stream. */
#ifndef DIALECT_STREAM_H
#define DIALECT_STREAM_H

#include "base/caps.h"
#include "dialect/sse.h"
#include "dialect/usage.h"

#include <stdint.h>

enum block_kind { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_TOOL_USE, BLOCK_OTHER };

struct stream {
	bool started;  /* message_start was seen */
	bool content;  /* a block has content, or has ended: BEHAVIOUR 6, the gate */
	bool delta;    /* message_delta with its stop_reason was seen */
	bool complete; /* message_stop was seen */
	bool failed;   /* an error event was seen */
	struct stream_block {
		int64_t index;
		enum block_kind kind;
		bool empty;      /* nothing of it has come yet */
	} open[STREAM_OPEN_MAX]; /* the blocks that are open now, the newest last */
	unsigned n_open;
	bool beyond_thinking; /* a block that is not thinking has started */
	bool tool_done;       /* the last block was a complete tool_use */
	struct usage usage;
	int64_t text_bytes; /* of deltas, about: for an estimate of tokens that were not reported */
};

void stream_init(struct stream *s);

/* Records an event that goes to the client, in the client's form. */
void stream_note(struct stream *s, const struct sse_event *event);

/* What the stream used. Of one that broke off before it said so: as many output tokens as its text
 * has, by three bytes a token, and *estimated. */
struct usage stream_usage(const struct stream *s, bool *estimated);

/* The best end of a stream whose provider died after its content began. */
enum mend {
	MEND_NOTHING,    /* message_delta was seen, which completes a message; adds message_stop */
	MEND_ERROR,      /* event: error, overloaded_error */
	MEND_MAX_TOKENS, /* closed properly, stop_reason max_tokens */
	MEND_TOOL_USE,   /* closed properly, stop_reason tool_use */
};

/* Chooses it. claude_code: the client is Claude Code (claude-cli/…); may_close: its session had
 * fewer than two closed messages in a row. */
enum mend stream_mend(const struct stream *s, bool claude_code, bool may_close);

/* "", "error", "max_tokens", "tool_use": its name in the log. */
const char *stream_mend_name(enum mend mend);

/* Appends the events of that end. error_event: the provider's error event to use for MEND_ERROR, as
 * it came (NULL, 0: ours). False: out is full, or out of memory. */
bool stream_close(const struct stream *s, enum mend mend, const char *error_event, size_t error_len,
		  struct buf *out) __attribute__((warn_unused_result));

#endif
