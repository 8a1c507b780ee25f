/* SPDX-License-Identifier: MIT */
/* An exchange from inside: its steps, and what they share. For exchange.c and step_*.c,
 * nobody else.
 *
 * A step does its part and returns the next one, or NULL to wait for an event; only
 * exchange.c's run() follows them. No step calls another.
 *
 *     plan ──→ ask ──→ receive ──→ judge ──→ relay ──→ close
 *      ↑ ↑      ↑                  │ │ └──────────────↗ ↑
 *      │ │      └── wait ← retry ──┘ │       mend ──────┘
 *      │ └── next provider ──────────┘
 *      └──── wait (until one is available) */
#ifndef ROUTE_STEPS_H
#define ROUTE_STEPS_H

#include "client/accept.h"
#include "route/identity.h"
#include "route/outcome.h"
#include "route/relay.h"
#include "route/replies.h"
#include "route/target.h"
#include "upstream/attempt.h"

struct exchange;

struct step {
	const char *name;
	const struct step *(*run)(struct exchange *x);
};

extern const struct step step_plan;    /* chooses the next candidate: step_plan.c */
extern const struct step step_ask;     /* begins an attempt: step_ask.c */
extern const struct step step_receive; /* reads what comes before the verdict: step_ask.c */
extern const struct step step_judge;   /* decides what the response means: step_judge.c */
extern const struct step step_wait;    /* waits x->wait_ms, then x->after: step_wait.c */
extern const struct step step_relay;   /* passes the stream on: step_relay.c */
extern const struct step step_mend;    /* ends the stream of a provider that died */
extern const struct step step_close;   /* records the request and lets go: step_close.c */

struct exchange {
	struct client *client; /* NULL: gone, or replied to */
	struct app *app;
	struct config *config;   /* our share of what was in force when it began: all that is */
	struct tokens *tokens;   /* decided here is decided by these, to the end */
	struct request *request; /* the client's; NULL with it */
	const struct step *step; /* the one that was taken last, whose event is awaited */
	bool auxiliary;          /* count_tokens and models change no provider's health */
	uint64_t probe_id;       /* our name as a probe; random */
	struct identity identity;
	int64_t start_ms; /* steady clock */
	int64_t first_ms; /* first byte to the client, since start_ms; -1: none yet */
	int64_t held_ms;  /* spent waiting for a provider to be available */
	unsigned tried;   /* bit i: the candidate with index i is not to be asked again */
	unsigned paused;  /* of done: those that were paused since then */
	unsigned attempts;
	char skipped[64]; /* who was preferred to the first that was asked, for the log */
	struct buf trail; /* the attempts, for the log */
	struct target target;
	struct attempt *attempt;
	void (*on_progress)(void *x); /* what an attempt reports to */
	struct buf body;              /* rewritten for the provider; empty: the request's own */
	enum ending ending;           /* of the attempt, for judge and mend */
	struct relay relay;
	bool relay_begun;
	struct verdict verdict; /* the last one; row NULL: none yet */
	struct kept kept;
	enum mend mend;
	bool is_cut;        /* the provider broke its stream off, and mend says what was done */
	int status;         /* as the client sees it, for close */
	struct timer timer; /* of wait; once closed, the end */
	int64_t wait_ms;
	const struct step *after;
	struct timer limits;
};

/* --- What to return --------------------------------------------------- */

/* Waits, then goes on with after. */
const struct step *steps_wait(struct exchange *x, int64_t ms, const struct step *after);

/* The attempt has come so far that it can be judged. */
const struct step *steps_judge(struct exchange *x, enum ending ending);

/* The reply is written; the client sees that status. */
const struct step *steps_close(struct exchange *x, int status);

/* Checks the time limits now, and again when the next may have been reached. NULL: none
 * was reached. */
const struct step *steps_check_limits(struct exchange *x);

/* --- What steps share ------------------------------------------------- */

/* The client of a reply that begins now, with what its head says of us. */
struct client *steps_begin_reply(struct exchange *x);

/* The time until the request must have its first content; 0 or less: it is over. */
int64_t steps_remaining_ms(const struct exchange *x);

/* What the response says, or what came in its place: an error event, or all that was read. */
const struct buf *steps_response_body(const struct exchange *x);

/* The verdict on the attempt; content: a stream's content has begun. */
struct verdict steps_verdict(const struct exchange *x, enum ending ending, bool content);

/* Whether a verdict is a success. */
bool steps_is_served(const struct verdict *verdict);

/* The attempt with a verdict, for outcome.h. */
struct outcome steps_outcome(const struct exchange *x, const struct verdict *verdict);

/* Adds to the trail of the log: "claude_pro:429:cool→18:00". */
void steps_note(struct exchange *x, const char *what);

/* Changes the provider's health by x->verdict. Nothing for auxiliary requests. */
void steps_record_outcome(struct exchange *x);

/* Remembers who serves the conversation, and the router. Side calls move neither. */
void steps_remember_service(struct exchange *x);

/* Ends the attempt, and frees what came of it. */
void steps_drop_attempt(struct exchange *x);

/* Frees it, and takes everything back. */
void steps_free(struct exchange *x);

#endif
