/* SPDX-License-Identifier: MIT */
/* The inside of an exchange: its steps, and what they share. For exchange.c and step_*.c only.
 *
 * A step does its part and returns the next one, or NULL to wait for an event; only run() in
 * exchange.c follows them. No step calls another.
 *
 *     plan ─→ lease ─→ share ─→ ask ─→ receive ─→ judge ─→ relay ─→ close
 *      ↑ ↑      │                ↑                │ │ │      │       ↑ ↑
 *      │ └──────┘ refused        └─ retry, form ──┘ │ │      └→ mend ┘ │
 *      └──────────────────── next candidate ────────┘ └ JSON, or error ┘
 *
 * recall comes before the first plan of a message. lease only waits for a probe that other machines
 * might make, and ask for a larger part of a cap that they share. wait comes before a retry, before
 * another plan while all providers are paused, and while an equal request asks. ask goes to judge
 * when no transfer could be started, and to plan when a cap refuses. Not drawn: recall, plan, share
 * and wait go to close when they reply themselves, and exchange.c from any step when the client has
 * disconnected. One thread. */
#ifndef ROUTE_STEPS_H
#define ROUTE_STEPS_H

#include "client/accept.h"
#include "route/drilled.h"
#include "route/identity.h"
#include "route/outcome.h"
#include "route/relay.h"
#include "route/replies.h"
#include "route/response_cache.h"
#include "route/target.h"
#include "share/ask.h"
#include "upstream/attempt.h"

struct exchange;

struct step {
	const char *name;
	const struct step *(*run)(struct exchange *x);
};

extern const struct step step_recall;  /* replies with a message that was kept: step_recall.c */
extern const struct step step_plan;    /* chooses the next candidate: step_plan.c */
extern const struct step step_lease;   /* asks whether no other machine probes: step_lease.c */
extern const struct step step_share;   /* uses the response to an equal request: step_share.c */
extern const struct step step_ask;     /* starts an attempt: step_ask.c */
extern const struct step step_receive; /* reads what a verdict needs: step_ask.c */
extern const struct step step_judge;   /* decides what the response means: step_judge.c */
extern const struct step step_wait;    /* waits wait_ms, then goes on with after: step_wait.c */
extern const struct step step_relay;   /* sends the stream to the client: step_relay.c */
extern const struct step step_mend;    /* ends a broken stream: step_relay.c */
extern const struct step step_close; /* records the request, and frees the exchange: step_close.c */

struct exchange {
	struct client *client; /* borrowed; NULL once closed */
	struct app *app;
	struct config *config;   /* our shares of what was in force when it began; */
	struct tokens *tokens;   /* nothing else is used, to the end */
	struct request *request; /* the client's; NULL once closed */
	const struct step *step; /* the current one */
	bool auxiliary;          /* count_tokens and models change no provider's health */
	uint64_t probe_id;       /* our name as the holder of a lease: digest_name() of the
	                            request's random id */
	struct identity identity;
	int64_t start_ms; /* steady clock */
	int64_t first_ms; /* when the reply began, since start_ms; -1: it has not */
	int64_t held_ms;  /* time spent waiting for a provider to be available */
	uint64_t tried;   /* bit i: the candidate with index i is not tried again */
	uint64_t paused;  /* of tried: those that are paused since then */
	uint64_t capped;  /* the same: those that a cap refused, */
	uint64_t lacking; /* and until its period ends; */
	int64_t lacked;   /* of these the largest bound */
	uint64_t probed;  /* bit i: another machine may probe the candidate with index i */
	unsigned attempts;
	char skipped[64]; /* a preferred provider that was skipped, for the log */
	struct buf trail; /* the attempts, for the log */
	struct target target;
	struct share_ask share_ask;   /* for the lease of the target, or a part of a cap */
	struct drilled drilled;       /* whether a drill has its part in it */
	const struct provider *asked; /* of the last attempt; NULL: there was none */
	struct caps_claims claims;    /* what is reserved for the attempt */
	uint64_t loaded;              /* the account that carries the attempt, if it is counted */
	struct attempt *attempt;
	void (*on_progress)(void *x); /* called by attempts */
	struct buf body;    /* rewritten, until it is sent; empty: the request's own is to be */
	enum ending ending; /* of the attempt, for judge and mend */
	struct relay relay;
	bool relay_begun;       /* relay is initialized */
	bool is_streamed;       /* the response is a stream, or JSON that became one */
	struct buf decoded;     /* a JSON response in the client's form; empty: as it came */
	bool is_recorded;       /* the attempt is in the ledger */
	struct verdict verdict; /* the last one; row NULL: none yet */
	struct kept kept;
	enum mend mend;
	bool is_cut;        /* the provider broke its stream off; mend is how it was ended */
	int status;         /* as the client gets it, for close */
	struct timer timer; /* of wait, and of lingering after close */
	int64_t wait_ms;
	const struct step *after;
	struct timer timeouts;
	int64_t keep_ms; /* how long the response is kept, under flight.key; 0: it is not */
	struct flight flight;
	struct task leader_left; /* of flight */
};

/* --- What to return --------------------------------------------------- */

/* Wait, then go on with after. */
const struct step *steps_wait(struct exchange *x, int64_t ms, const struct step *after);

/* Judge the attempt, which ended like that, or has delivered enough. */
const struct step *steps_judge(struct exchange *x, enum ending ending);

/* The reply is written, with that status. */
const struct step *steps_close(struct exchange *x, int status);

/* The cluster's lease of the target's probe was answered so. */
const struct step *steps_leased(struct exchange *x, enum share_answer answer);

/* The wish for a larger part of a cap, for the attempt, was answered so. */
const struct step *steps_parted(struct exchange *x, enum share_answer answer);

/* Checks the timeouts now, and sets the timer for the next check. NULL: none is reached. */
const struct step *steps_check_timeouts(struct exchange *x);

/* --- What steps share ------------------------------------------------- */

/* Begins a reply: returns the client, with what the head needs. */
struct client *steps_begin_reply(struct exchange *x);

/* The client's key, for its budget. */
struct cap_client steps_key(const struct exchange *x);

/* The time until the request must have its first content; 0 or less: it has run out. */
int64_t steps_remaining_ms(const struct exchange *x);

/* The response's body, for a verdict: an error event, or all that was read so far. */
const struct buf *steps_response_body(const struct exchange *x);

/* Judges the attempt; content: a stream's content has begun. */
struct verdict steps_verdict(const struct exchange *x, enum ending ending, bool content);

/* The attempt with a verdict, for outcome.h. */
struct outcome steps_outcome(const struct exchange *x, const struct verdict *verdict);

/* Adds the attempt to the trail: "claude_pro:429:cool→18:00". */
void steps_note(struct exchange *x, const char *what);

/* Changes the provider's health according to the verdict; not for auxiliary requests. */
void steps_record_outcome(struct exchange *x);

/* Remembers which provider serves the conversation, and the router; not for side calls. */
void steps_remember_service(struct exchange *x);

/* Puts the attempt into the ledger, once, if its response began with a 2xx: it may be billed. */
void steps_record_attempt(struct exchange *x, const char *ending);

/* Add what a response depends on to the text whose hash is its key: a word with its NUL, so that no
 * two lists of them are the same bytes; path, query, body, and such headers of a request. False:
 * out of memory. */
bool steps_add_text(struct buf *key, const char *text);
bool steps_add_request(struct buf *key, const struct request *request);

/* Keeps the response's body for equal requests, if it is to be kept. */
void steps_keep_response(struct exchange *x, const struct buf *body);

/* Lets those go on that wait for this request's response; harmless if it is not shared. failed: no
 * response came, for a reason that may be theirs, too. */
void steps_leave_flight(struct exchange *x, bool failed);

/* Ends the attempt, and frees everything that belongs to it; what is still reserved for it was not
 * billed, and is given back. */
void steps_drop_attempt(struct exchange *x);

/* Releases everything that the exchange holds, and frees it. */
void steps_free(struct exchange *x);

#endif
