/* SPDX-License-Identifier: MIT */
/* What is known of one account at one provider: does it rest, until when and
 * why, who probes it, and how full its quota windows are.
 *
 * Pure: transitions of a plain record, without clock or I/O, so that tables
 * can test them and any process can apply them to the shared file. A change is
 * a fact that can be stored, queued and sent. Contract: BEHAVIOUR.md 4, 5, 8.
 * Thread-safe (no state of its own). */
#ifndef STATE_HEALTH_H
#define STATE_HEALTH_H

#include "base/caps.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whom a record speaks of. */
struct health_key {
	uint64_t provider; /* provider.id */
	uint64_t account;  /* digest64 of the credential; 0: everybody at this provider */
	uint64_t family;   /* digest_name of the model family ("opus"); 0: all models */
};

/* Who may be behind a credential that is refreshed every few hours, as clients say it
 * themselves: keyed hashes, 0 for what was not told. BEHAVIOUR.md 8. */
struct health_kin {
	uint64_t person; /* the account */
	uint64_t device; /* the installation, else the conversation */
};

/* How sure an answer was of the rest that it wanted, the vaguest first. */
enum pause_kind {
	PAUSE_NONE,
	PAUSE_SHORT,    /* busy: no time named; the rest doubles while it repeats */
	PAUSE_COOLDOWN, /* a limit, no time named: the configured cooldown, or 1 h */
	PAUSE_TIMED,    /* retry-after */
	PAUSE_NAMED,    /* the reset of a window, or a time in the text */
	PAUSE_BENCH,    /* the credential is refused; until_ms is when to look again */
};

#define HEALTH_WINDOW_NAME_MAX 16
struct health_window {
	char name[HEALTH_WINDOW_NAME_MAX]; /* "5h", "7d", "7d_opus"; "" : unused */
	int64_t reset_ms;                  /* 0: not told */
	uint32_t permille;                 /* used; 1000 = all of it. May pass 1000 */
	uint32_t rejected;                 /* 1: this window refused the last request */
};

#define HEALTH_WINDOWS  4
#define HEALTH_TEXT_MAX 64
struct health {
	struct health_key key;
	char provider_name[PROVIDER_NAME_MAX];
	uint32_t pause;        /* enum pause_kind */
	uint32_t repeats;      /* short rests since the last success */
	int64_t since_ms;      /* when the answer came that began the rest, or lengthened it */
	int64_t until_ms;      /* when the rest is over; the rest then awaits its probe */
	int64_t lease_ms;      /* the probe's lease runs until then; 0: free */
	uint64_t lease_holder; /* who holds it */
	int64_t throttled_ms;  /* the last 429 that said nothing else */
	int64_t used_ms;       /* the last change of any kind: the oldest record gives way */
	int64_t success_ms;    /* last success; 0: none */
	int64_t error_ms;      /* last failure; 0: none */
	struct health_window windows[HEALTH_WINDOWS];
	char why[HEALTH_TEXT_MAX];   /* of the rest: "429 unified five_hour" */
	char error[HEALTH_TEXT_MAX]; /* of the last failure, our words */
	struct health_kin kin;       /* of an account whose credential clients bring */
};
_Static_assert(sizeof(struct health_window) == 32, "layout of the state file");
_Static_assert(offsetof(struct health, pause) == 56, "layout of the state file");
_Static_assert(offsetof(struct health, windows) == 128, "layout of the state file");
_Static_assert(offsetof(struct health, error) == 320, "layout of the state file");
_Static_assert(offsetof(struct health, kin) == 384, "layout of the state file");
_Static_assert(sizeof(struct health) == 400, "layout of the state file");

enum health_event {
	HEALTH_SERVED,   /* a 2xx that is no rejection */
	HEALTH_FAILED,   /* a failure that brings no rest */
	HEALTH_PAUSED,   /* a failure that brings a rest */
	HEALTH_LEASED,   /* somebody wants to be the probe, or to stay it */
	HEALTH_RELEASED, /* the probe ended without an answer that tells anything */
	HEALTH_RELIEVED, /* the check says: what is over by the clock is no rest */
	HEALTH_RETRIED,  /* a person says: look again now, whatever was said of the end */
};

/* A fact to apply. Fields that an event does not use are zero. */
struct health_change {
	enum health_event event;
	enum pause_kind pause; /* RESTS; LEASED: of the account that a new one is taken for */
	int64_t now_ms;
	int64_t began_ms;     /* SERVED, FAILED, RESTS: when the request began; RETRIED: when the
				 person said so, which is before now_ms if it had to wait */
	int64_t until_ms;     /* RESTS: ignored for PAUSE_SHORT, whose length is computed here */
	int64_t lease_for_ms; /* LEASED */
	uint64_t holder;      /* LEASED, RELEASED; 0 is nobody and gets no lease */
	uint32_t
	    jitter; /* RESTS: any number; spreads ends: of a short rest by up to 25 %, else by 5 % and 2 s at most */
	uint32_t throttled; /* FAILED: 1 if it was a 429 that said nothing else */
	struct health_window windows[HEALTH_WINDOWS]; /* told by the head of any answer; "": none */
	char why[HEALTH_TEXT_MAX];                    /* FAILED, RESTS, LEASED with a rest */
	struct health_kin kin; /* SERVED, FAILED, RESTS, LEASED; zeros leave what is known */
};

/* What a change did, for the log: only what was not so before. */
enum health_outcome {
	HEALTH_SAME,        /* nothing that anybody needs to be told */
	HEALTH_PAUSE_BEGAN, /* it had no rest and has one now; a probe that failed is no leaving */
	HEALTH_PAUSE_ENDED, /* it rested and is ready now */
	HEALTH_GRANTED,     /* LEASED: the lease is the holder's */
	HEALTH_REFUSED,     /* LEASED: somebody else's, or nothing to probe */
};

/* Applies a change. The rules:
 * - a rest that runs is never shortened by a vaguer answer, by a short one, nor
 *   by one whose request began before that was told; a vaguer answer may lengthen it;
 * - a bench is only ended by SERVED or RELIEVED; other answers lengthen it;
 * - a RELIEVED ends a rest that is over and that nobody probes, and no other: one
 *   may have begun since the check looked;
 * - a RETRIED makes a rest or bench that runs due, unless an answer told it, or
 *   lengthened it, after the person spoke;
 * - a LEASED that brings a rest makes a record of which nothing is known one
 *   whose rest is over, so that there is something to probe;
 * - short rests double when one follows another that is over; those that come
 *   while it runs are the other requests in flight, and no repeat;
 * - a SERVED whose request did not begin after the answer that brought the
 *   rest ends nothing, and says nothing of the windows: at the moment of a
 *   limit many requests are in flight, and some are still served;
 * - no rest is longer than HEALTH_PAUSE_MAX_MS or ends before now; clocks that
 *   jumped back do not lengthen one: what lies further ahead is over (and for
 *   a short rest, what lies further ahead than the longest short one);
 * - a lease is granted when the rest is over and no lease runs, or to its
 *   holder; a new rest ends it; it runs for HEALTH_LEASE_MAX_MS at most. */
enum health_outcome health_apply(struct health *health, const struct health_change *change);

/* Whether a change is worth writing: not one more success of a ready account
 * within the same second, which says nothing that is not known. */
bool health_is_news(const struct health *health, const struct health_change *change);

/* Whether a record may give way to another one, for which there is no room: it
 * always may when it has no rest or one that is over at now_ms; a rest that runs
 * gives way only to another that runs. */
bool health_may_give_way(const struct health *health, const struct health *to, int64_t now_ms);

/* Whether a record gives way sooner than another: one without a rest, the least
 * recently used first; then the rest that ends first. */
bool health_goes_first(const struct health *health, const struct health *other);

/* What is to be assumed of a new credential, of which nothing is known, from one
 * record (of the same family) of another account at the same provider. False:
 * nothing, since they are not of the same kin, or that one does not rest. True: *out,
 * a record with a key of its own, stands as from does when the person is the same and
 * the claim is_sure, else as one whose rest is over: a claim alone makes a probe, and
 * neither gives nor lifts a rest. */
bool health_inherit(const struct health *from, struct health_kin kin, bool is_sure, int64_t now_ms,
		    struct health *out);

/* How a record stands at a time. */
enum health_state {
	HEALTH_READY,
	HEALTH_IS_PAUSED, /* until until_ms */
	HEALTH_BENCHED,   /* until until_ms, when it is looked at again */
	HEALTH_DUE,       /* the rest is over; whoever gets the lease probes */
	HEALTH_PROBING,   /* the rest is over and somebody probes */
};
enum health_state health_state(const struct health *health, int64_t now_ms);

#define HEALTH_PAUSE_MAX_MS   (INT64_C(8) * 24 * 3600 * 1000)
#define HEALTH_LEASE_MAX_MS   300000
#define HEALTH_SHORT_FIRST_MS 15000
#define HEALTH_SHORT_MAX_MS   300000

#endif
