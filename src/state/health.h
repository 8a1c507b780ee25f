/* SPDX-License-Identifier: MIT */
/* What is known of one account at one provider: whether it is paused, until when and why, which
 * request probes it, and how full its quota windows are.
 *
 * Pure: transitions of a plain record, without clock or I/O, so that tables can test them and any
 * process can apply them to the shared file. A change is a fact that can be stored, queued and
 * sent. Contract: BEHAVIOUR.md 4, 5, 8. Thread-safe (no state of its own). */
#ifndef STATE_HEALTH_H
#define STATE_HEALTH_H

#include "base/caps.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a record is about. */
struct health_key {
	uint64_t provider; /* provider.id */
	uint64_t account;  /* state_name() of the credential; 0: all at this provider */
	uint64_t family;   /* digest_name of the model family ("opus"); 0: all models */
};

/* The probable owner of a credential that is refreshed every few hours, as clients claim it: keyed
 * hashes, 0 for what is unknown. BEHAVIOUR.md 8. */
struct health_kin {
	uint64_t person; /* the account */
	uint64_t device; /* the installation, else the conversation */
};

/* How exactly a response gave the end of the pause, the vaguest first. */
enum pause_kind {
	PAUSE_NONE,
	PAUSE_SHORT,    /* busy: no time named; the pause doubles while it repeats */
	PAUSE_COOLDOWN, /* a limit, no time named: the configured cooldown, or 1 h */
	PAUSE_TIMED,    /* retry-after */
	PAUSE_NAMED,    /* the reset of a window, or a time in the text */
	PAUSE_BENCH,    /* the credential is rejected; until_ms: when to try again */
};

struct health_window {
	char name[HEALTH_WINDOW_NAME_MAX]; /* "5h", "7d", "7d_opus"; "" : unused */
	int64_t reset_ms;                  /* 0: unknown */
	uint32_t permille;                 /* used; 1000 = all of it. May exceed 1000 */
	uint32_t rejected;                 /* 1: this window rejected the last request */
};

#define HEALTH_WINDOWS 4
struct health {
	struct health_key key;
	char provider_name[PROVIDER_NAME_MAX];
	uint32_t pause;   /* enum pause_kind */
	uint32_t repeats; /* short pauses since the last success */
	int64_t since_ms; /* when the response came that began the pause, or extended it. It names
	                          the pause, and without one the last that ended; 0: none */
	int64_t until_ms; /* when the pause ends; it then needs a probe */
	int64_t lease_ms; /* the probe's lease runs until then; 0: free */
	uint64_t lease_holder; /* its holder */
	int64_t throttled_ms;  /* the last 429 without other information */
	int64_t used_ms;       /* the last change of any kind: the oldest record gives way */
	int64_t success_ms;    /* last success; 0: none */
	int64_t error_ms;      /* last failure; 0: none */
	struct health_window windows[HEALTH_WINDOWS];
	char why[HEALTH_TEXT_MAX];   /* of the pause: "429 unified five_hour" */
	char error[HEALTH_TEXT_MAX]; /* of the last failure, our words */
	struct health_kin kin;       /* of an account whose credential clients send */
};
_Static_assert(sizeof(struct health_window) == 32, "layout of the state file");
_Static_assert(offsetof(struct health, pause) == 56, "layout of the state file");
_Static_assert(offsetof(struct health, windows) == 128, "layout of the state file");
_Static_assert(offsetof(struct health, error) == 320, "layout of the state file");
_Static_assert(offsetof(struct health, kin) == 384, "layout of the state file");
_Static_assert(sizeof(struct health) == 400, "layout of the state file");

enum health_event {
	HEALTH_EVENT_SERVED,   /* a 2xx that is not a rejection */
	HEALTH_EVENT_FAILED,   /* a failure without a pause */
	HEALTH_EVENT_PAUSED,   /* a failure with a pause */
	HEALTH_EVENT_LEASED,   /* a request asks for the lease, or to keep it */
	HEALTH_EVENT_RELEASED, /* the probe ended without a meaningful response */
	HEALTH_EVENT_RELIEVED, /* the health check: a pause that is over by the clock ends */
	HEALTH_EVENT_RETRIED,  /* an operator: try again now, whatever the end was */
};

/* A fact to apply. Fields that an event does not use are zero. */
struct health_change {
	enum health_event event;
	enum pause_kind pause; /* PAUSED; LEASED: of the account that a new one is taken for */
	int64_t now_ms;
	int64_t began_ms;     /* when the request began; RETRIED: when the operator asked */
	int64_t until_ms;     /* PAUSED: ignored for PAUSE_SHORT, whose length is computed here */
	int64_t lease_for_ms; /* LEASED */
	uint64_t holder;      /* LEASED, RELEASED; 0 never gets a lease */
	uint32_t jitter; /* PAUSED: any number; delays ends, short ones by up to 25 %, others 5 % */
	uint32_t throttled; /* FAILED: 1 if it was a 429 without other information */
	struct health_window windows[HEALTH_WINDOWS]; /* from the head of any response; "": none */
	char why[HEALTH_TEXT_MAX];                    /* FAILED, PAUSED, LEASED with a pause */
	struct health_kin kin; /* SERVED, FAILED, PAUSED, LEASED; zeros leave what is known */
	uint32_t leave_at[HEALTH_WINDOWS]; /* of each of windows, for health_passed(); 0: none */
};

/* What a change did, for the log: only what is new. */
enum health_outcome {
	HEALTH_SAME,        /* nothing to report */
	HEALTH_PAUSE_BEGAN, /* it was not paused and is now; not for a failed probe */
	HEALTH_PAUSE_ENDED, /* it was paused and is ready now */
	HEALTH_GRANTED,     /* LEASED: the holder has the lease */
	HEALTH_REFUSED,     /* LEASED: another's, or nothing to probe */
};

/* Applies a change. The rules:
 * - a current pause is never shortened by a vaguer response, by a short pause, nor by a response
 *   whose request began before the pause's own response came; a vaguer one may extend it;
 * - a bench is only ended by SERVED or RELIEVED; other responses extend it;
 * - a RELIEVED ends only a pause that is over and not being probed: another one may have begun
 *   since the health check read the state;
 * - a RETRIED makes a current pause or bench due, unless a response began or extended it after the
 *   operator asked;
 * - a LEASED with a pause turns a record of which nothing is known into one whose pause is over, so
 *   that there is something to probe;
 * - short pauses double when one follows another that is over; those during a pause come from the
 *   other requests in flight, and are not repeats;
 * - a SERVED whose request did not begin after the response that began the pause ends nothing and
 *   updates no windows: at the moment of a limit many requests are in flight, and some are still
 *   served;
 * - a window that is not over only fills: a response that reports up to 2 % less of it is an older
 *   one;
 * - no pause is longer than HEALTH_PAUSE_MAX_MS or ends before now; a clock that jumped back does
 *   not extend one: one that ends further ahead is over (and a short one that ends further ahead
 *   than the longest short one);
 * - a lease is granted when the pause is over and there is no other lease, or to its holder; a new
 *   pause ends it; it lasts HEALTH_LEASE_MAX_MS at most. */
enum health_outcome health_apply(struct health *health, const struct health_change *change);

/* Returns how much of a window is used, in permille; 0 also when nothing is known of it, or when it
 * has begun anew by now. */
uint32_t health_used(const struct health *health, const char *window, int64_t now_ms);

/* Joins to a record what another machine knows of the same account, as that machine's record, its
 * times by our clock. In any order and however often, the same records give the same result:
 * - a pause that began after the last one that ended here is taken over; of two that run, the later
 *   end holds, so that news only makes a pause longer;
 * - the end of a pause ends it, and any that began before it, here, too;
 * - one of the same begin that is over here (a RETRIED has ended it) is not begun again;
 * - of a window, the later reset, then the fuller one;
 * - nothing is longer than health_apply() allows; what began in the future is ignored.
 * Leases and what is only told (success_ms, error) stay each machine's own. */
enum health_outcome health_merge(struct health *health, const struct health *other, int64_t now_ms);

/* Whether health_merge() with ours would change what another machine knows. */
bool health_is_news(const struct health *ours, const struct health *known, int64_t now_ms);

/* What a change made a window pass for the first time since it began. */
enum health_mark {
	HEALTH_PASSED_80 = 1,
	HEALTH_PASSED_95 = 2,
	HEALTH_PASSED_LEAVE_AT = 4,
};
#define HEALTH_MARK_BITS 4

/* Returns the marks that a change passed: window i's are HEALTH_MARK_BITS * i bits further left. */
unsigned health_passed(const struct health *before, const struct health *after,
		       const struct health_change *change);

/* Whether a change is worth writing: not one more success of a ready account within the same
 * second, which adds nothing. */
bool health_is_worth_writing(const struct health *health, const struct health_change *change);

/* Whether a record may give way to another one, for which there is no room: always when it is not
 * paused at now_ms; a paused one gives way only to another that is paused. */
bool health_may_give_way(const struct health *health, const struct health *to, int64_t now_ms);

/* Whether a record gives way sooner than another: one without a pause, the least recently used
 * first; then the one whose pause ends first. */
bool health_is_evicted_before(const struct health *health, const struct health *other);

/* What to assume of a new credential, of which nothing is known, from one record (of the same
 * family) of another account at the same provider. False: nothing, since they are not of the same
 * kin, or that one is not paused. True: *out, a record with its own key, is paused as from is when
 * the person is the same and the claim is_sure, else it is due: a claim alone causes a probe, and
 * neither begins nor ends a pause. */
bool health_inherit(const struct health *from, struct health_kin kin, bool is_sure, int64_t now_ms,
		    struct health *out);

/* The state of a record at a time. */
enum health_state {
	HEALTH_READY,
	HEALTH_IS_PAUSED, /* until until_ms */
	HEALTH_BENCHED,   /* until until_ms, when it is tried again */
	HEALTH_DUE,       /* the pause is over; the holder of the lease probes */
	HEALTH_PROBING,   /* the pause is over and a request probes */
};
enum health_state health_state(const struct health *health, int64_t now_ms);

#define HEALTH_PAUSE_MAX_MS   (INT64_C(8) * 24 * 3600 * 1000)
#define HEALTH_LEASE_MAX_MS   300000
#define HEALTH_SHORT_FIRST_MS 15000
#define HEALTH_SHORT_MAX_MS   300000

#endif
