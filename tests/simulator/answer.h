/* SPDX-License-Identifier: MIT */
/* answer - one HTTP answer of a provider: made of parts, bent by a fault, then played.
 *
 * provider.c makes it and attaches it to a connection; a fault may change any
 * field before the first byte goes out; from then on only answer_next() does.
 * An answer is owned by its connection's data pointer and freed by
 * answer_next() when it is through, or by answer_gone(). */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "bill.h"
#include "buf.h"
#include "http.h"
#include "provider.h"
#include "record.h"
#include "sse.h"

/* What a fault does when the answer reaches its place. */
enum act {
	ACT_NONE,
	ACT_RESET,
	ACT_CLOSE,
	ACT_END, /* end the transfer properly, but here */
	ACT_STALL,
	ACT_HALF,  /* half of the next event, then strike.end */
	ACT_TEXT,  /* write strike.text, then ACT_END */
	ACT_PACE,  /* from here byte by byte, strike.delay_ms apart */
	ACT_PAUSE, /* go on after strike.delay_ms */
	ACT_DRIP /* strike.text every strike.delay_ms, strike.count times (-1: for ever), then go on */
};

struct strike {
	enum act act, end;
	enum place at;
	size_t at_bytes;
	unsigned delay_ms;
	long count;
	struct buf text;
};

enum framing { FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE };
enum phase { PHASE_DELAY, PHASE_HEAD, PHASE_BODY, PHASE_TAIL, PHASE_OVER };

struct answer {
	struct conn *conn;
	struct provider *provider;
	struct record *record; /* NULL when recording is off */
	uint64_t epoch, number;

	enum form form; /* of its messages */
	int status;
	const char *error_code,
	    *error_param; /* borrowed; what answer_error() puts into OpenAI's form */
	bool http10;
	enum framing framing;
	long length_lie;    /* added to Content-Length */
	struct buf headers; /* whole lines; Content-Type with them */
	struct buf before;  /* raw bytes ahead of the head */
	struct buf after;   /* raw bytes behind the end */
	struct buf wire;    /* non-empty: these bytes are the whole answer, then FIN */
	struct buf body;
	bool streaming;
	bool
	    wants_limits; /* a normal answer: shows the usual limits, unless a fault showed others */
	struct stream stream;
	struct charge charge; /* model NULL: this answer costs nothing */
	int64_t made;         /* deltas of content that went out */
	bool began;           /* something of the message did */
	struct strike strike;
	int64_t delay_ms; /* before the first byte */

	enum phase phase;
	struct timer timer;
	enum place part_at; /* the place that the part in `event` reaches */
	bool struck, waited, gated, half_shown, body_given;
	uint64_t body_sent;
	struct buf event;
	struct answer *gate_next;
};

struct answer *answer_new(struct provider *p, struct conn *c, struct record *r);

/* Drops what was prepared: status, headers, body, stream. The request ids stay. */
void answer_wipe(struct answer *a);

void answer_header(struct answer *a, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* An error in the provider's own shape (PROTOCOLS.md §1-3 "Errors"); wipes first. */
void answer_error(struct answer *a, int status, const char *type, const char *message);
void error_json(const struct answer *a, const char *type, const char *message, struct buf *out);

void answer_json(struct answer *a, int status);                  /* a->body is the JSON */
void answer_say(struct answer *a, struct say *s, bool streamed); /* takes s */
void answer_flatten(struct answer *a);                           /* a stream becomes a body */
void answer_message(const struct answer *a,
		    struct buf *out); /* head and body as bytes, for faults */

enum next answer_next(struct answer *a); /* frees the answer with NEXT_DONE, _FIN and _RST */
void answer_gone(struct answer *a);      /* the peer left; frees it */

void gates_serve(void); /* a loop hook: lets waiting streams use their tokens */

#endif
