/* SPDX-License-Identifier: MIT */
/* Who is to be asked, in which order, and why: BEHAVIOUR.md 5.
 *
 * Pure: (configuration, state, request, now) → candidates. The caller collects
 * what is known of each provider into views; the plan decides; nothing here
 * reads a file or a clock. Thread-safe. */
#ifndef ROUTE_PLAN_H
#define ROUTE_PLAN_H

#include "config/credential.h"
#include "state/health.h"

/* One provider as one request sees it. */
struct plan_view {
	const struct provider *provider;
	unsigned index;               /* its place among the views */
	struct credential credential; /* why_none is NULL if it can be used */
	const char *refuses;          /* what it cannot do of this request; NULL: it can */
	struct health everybody;      /* its records: for all accounts, */
	struct health account;        /* for this account, */
	struct health family;         /* for this account and the family of the model asked for */
};

struct plan_query {
	const struct plan_view *views; /* in the configuration's order */
	size_t n_views;
	bool plan_limits_only;
	const char *manual; /* the provider chosen by hand; "" : none */
	uint64_t session;   /* the provider.id that serves this conversation; 0: none */
	bool mid_loop;      /* the conversation waits for the answer to a tool's result */
	bool side_call;     /* never a probe */
	int64_t now_ms;
};

/* Why a candidate stands where it does. */
enum standing {
	STANDING_READY,
	STANDING_CHOSEN, /* by hand */
	STANDING_KEPT,   /* it serves this conversation, which is in the middle of a tool loop */
	STANDING_PROBE,  /* its rest is over; this request may find out */
	/* From here on: not to be asked. */
	STANDING_PAUSED,  /* until until_ms */
	STANDING_BENCHED, /* until until_ms, when it is looked at again */
	STANDING_PROBED,  /* somebody else finds out right now */
	STANDING_PAID,    /* plan_limits_only */
	STANDING_DISABLED,
	STANDING_UNCONFIGURED, /* no credential for this request */
	STANDING_UNABLE,       /* cannot take this request */
};

struct candidate {
	const struct plan_view *view;
	enum standing standing;
	int64_t until_ms;           /* RESTS, BENCHED, PROBED: the earliest useful time */
	const struct health *cause; /* the record that says so, of the view; NULL: none */
};

struct plan {
	struct candidate candidates[PROVIDERS_MAX]; /* those to be asked come first */
	size_t n;
	size_t n_usable;
};

struct plan plan_make(const struct plan_query *ask);

/* A candidate that was to be probed turned out to be somebody else's to probe. */
void plan_refuse_probe(struct candidate *candidate, int64_t now_ms);

/* Whether a standing means that the provider can be asked. */
bool plan_usable(enum standing standing);

/* The earliest time at which one that rests may be asked; 0: none rests. */
int64_t plan_earliest_ms(const struct plan *plan);

/* The reason in words: "claude_pro is paused until 18:00 (429 unified five_hour)".
 * Cut to size; returns text. */
const char *plan_reason(const struct candidate *candidate, int64_t now_ms, char *text, size_t size);

/* "ready", "resting", "probing", "benched", "unconfigured", "disabled". */
const char *plan_state_name(enum standing standing);

#endif
