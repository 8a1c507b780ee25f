/* SPDX-License-Identifier: MIT */
/* Which candidates to try, in which order, and why: BEHAVIOUR.md 5.
 *
 * Pure: (configuration, state, request, now) → candidates. The caller collects what is known
 * about each provider into views, which the plan borrows. Thread-safe. */
#ifndef ROUTE_PLAN_H
#define ROUTE_PLAN_H

#include "config/credential.h"
#include "money/caps.h"
#include "state/health.h"

/* What is known about one provider with one credential for one request. */
struct plan_view {
	const struct provider *provider;
	unsigned index;               /* its number among the candidates, whatever their order */
	uint64_t pool;                /* bit i: number i is the same provider's; its own included */
	struct credential credential; /* why_none is NULL if it can be used */
	const char *refuses;          /* why it cannot serve this request; NULL: it can */
	struct caps_refusal capped;   /* whether a cap refuses it */
	struct health everybody;      /* its record for all accounts, */
	struct health account;        /* its record for this account, */
	struct health family;         /* and for this account and the requested model's family; */
	struct health drill;          /* what a drill that covers the request makes of it */
};

struct plan_query {
	const struct plan_view *views; /* in the order of preference */
	size_t n_views;
	bool plan_limits_only;
	const char *manual;        /* the provider that an admin switched to; "": none */
	uint64_t session_provider; /* id of the conversation's provider; 0: none yet */
	bool mid_loop;             /* the conversation is in the middle of a tool loop */
	bool side_call;            /* never a probe */
	bool may_spare;            /* a user turn: it may go elsewhere to spare a quota window */
	int64_t now_ms;
};

/* The reason for a candidate's place in the plan. */
enum standing {
	STANDING_READY,
	STANDING_CHOSEN, /* an admin switched to it */
	STANDING_KEPT,   /* it serves the conversation, which is in the middle of a tool loop */
	STANDING_PROBE,  /* its pause is due; this request may be the probe */
	STANDING_SPARED, /* its window is as full as leave_at says, until until_ms: last */
	/* From here on: skipped. */
	STANDING_PAUSED,  /* until until_ms */
	STANDING_BENCHED, /* until until_ms, when it is tried again */
	STANDING_PROBED,  /* another request is the probe */
	STANDING_PAID,    /* plan_limits_only */
	STANDING_CAPPED,  /* a cap is used up: until until_ms; 0: until something is repaired */
	STANDING_DISABLED,
	STANDING_UNCONFIGURED, /* no credential for this request */
	STANDING_UNABLE,       /* cannot serve this request */
};

struct candidate {
	const struct plan_view *view;
	enum standing standing;
	bool is_chosen; /* an admin switched to it, whatever its standing */
	int64_t
	    until_ms; /* PAUSED, BENCHED, PROBED, CAPPED: when it may be available; SPARED: reset */
	const struct health *cause; /* the record of the view that is the reason; NULL: none */
	const struct health_window *window; /* SPARED: of the view, the reason */
};

struct plan {
	struct candidate candidates[CANDIDATES_MAX]; /* the usable ones first, in order */
	size_t n;
	size_t n_usable; /* those that plan_usable() accepts */
};

struct plan plan_make(const struct plan_query *query);

/* Another request holds the lease of a candidate that was to be probed. */
void plan_refuse_probe(struct candidate *candidate, int64_t now_ms);

/* Whether a candidate of that standing may be tried. */
bool plan_usable(enum standing standing);

/* The earliest time at which one that is paused may be available; 0: none is paused. */
int64_t plan_earliest_ms(const struct plan *plan);

/* A pause in words: "claude_pro is paused until 18:00 (429 unified five_hour)", or that it rejects
 * its credential. name: the account's, or the provider's. Cut to size; returns text. */
const char *plan_pause_text(const struct health *paused, const char *name, int64_t now_ms,
			    char *text, size_t size);

/* The reason in words: "claude_pro is paused until 18:00 (429 unified five_hour)".
 * Cut to size; returns text. */
const char *plan_reason(const struct candidate *candidate, int64_t now_ms, char *text, size_t size);

/* Says that a provider is spared: "claude_pro is spared (5h 98 % ≥ 98 %), until 18:00". name: the
 * account's. Cut to size; returns text. */
const char *plan_spared_text(const struct provider *provider, const char *name,
			     const struct health_window *window, int64_t now_ms, char *text,
			     size_t size);

/* "ready", "resting", "probing", "benched", "spared", "capped", "unconfigured", "disabled". */
const char *plan_state_name(enum standing standing);

#endif
