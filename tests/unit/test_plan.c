/* SPDX-License-Identifier: MIT */
/* plan: which providers a request goes to, in which order, and why (BEHAVIOUR.md 5).
 * Providers are a, b, c, in that order. */

#include "route/plan.h"

#include "base/digest.h"
#include "tap.h"

#include <stdlib.h>

#define NOW_MS INT64_C(1795460400000) /* 2026-11-23 19:00:00 UTC */
#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)

enum { PROVIDERS = 3 };

/* What a setting leaves out is 0. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* A provider's health. */
enum {
	READY,
	PAUSED,
	BENCHED,
	DUE,
	LEASED,
	FAMILY_PAUSED,
	PAUSED_FOR_EVERYBODY,
	DRILLED,
	DRILL_DUE
};

/* What else is true of it. */
enum {
	PAID = 1,
	OWN = 2,
	OFF = 4,
	NO_CREDENTIAL = 8,
	UNABLE = 16,
	LEAVES = 32,
	CAPPED = 64,
	LONGER = 128,
	LABELLED = 256
};

struct scene {
	int health;
	unsigned traits;
	int64_t for_ms; /* how long it is paused from now */
	/* Of a window that resets in an hour, unless resets_in says otherwise. A provider that
	 * LEAVES does so at 5h=98%, 7d=95%, 7d_opus=80% and *=90%. */
	uint32_t permille;
	const char *window;
	int64_t resets_in, figures_ago;
};

static const struct {
	int line;
	const char *name;
	struct scene settings[PROVIDERS];
	const char *manual;
	bool plan_limits_only, mid_loop, side_call;
	char session;          /* the conversation's provider; 0: none */
	const char *order;     /* the usable ones, in order */
	const char *standings; /* of all, as the plan has them */
	int64_t earliest_in;   /* from now; -1: none is paused */
} cases[] = {
    {__LINE__, "by order", {{READY}, {READY}, {READY}}, "", 0, 0, 0, 0, "abc", "rrr", -1},
    {__LINE__,
     "a paused provider is skipped",
     {{PAUSED, 0, HOUR}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bc",
     "rrR",
     HOUR},
    {__LINE__,
     "a paused family",
     {{FAMILY_PAUSED, 0, HOUR}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bc",
     "rrR",
     HOUR},
    {__LINE__,
     "paused for everybody",
     {{PAUSED_FOR_EVERYBODY, 0, HOUR}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bc",
     "rrR",
     HOUR},
    {__LINE__,
     "paused by a drill",
     {{DRILLED, 0, HOUR}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bc",
     "rrR",
     HOUR},
    {__LINE__,
     "probed after it",
     {{DRILL_DUE}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "abc",
     "prr",
     -1},
    {__LINE__,
     "benched",
     {{BENCHED, 0, HOUR}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bc",
     "rrB",
     HOUR},
    {__LINE__,
     "without a credential",
     {{READY, NO_CREDENTIAL}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bc",
     "rrU",
     -1},
    {__LINE__, "disabled", {{READY, OFF}, {READY}, {READY}}, "", 0, 0, 0, 0, "bc", "rrD", -1},
    {__LINE__, "unable", {{READY}, {READY, UNABLE}, {READY}}, "", 0, 0, 0, 0, "ac", "rrX", -1},
    {__LINE__,
     "a pause that is due is probed",
     {{DUE}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "abc",
     "prr",
     -1},
    {__LINE__,
     "by one request at a time",
     {{LEASED, 0, 30 * SECOND}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bc",
     "rrP",
     5 * SECOND},
    {__LINE__,
     "and never by a side call",
     {{DUE}, {READY}, {READY}},
     "",
     0,
     0,
     1,
     0,
     "bc",
     "rrP",
     0},
    {__LINE__,
     "unless no other provider can serve it",
     {{DUE}, {READY, OFF}, {PAUSED, 0, HOUR}},
     "",
     0,
     0,
     1,
     0,
     "a",
     "pDR",
     HOUR},
    {__LINE__, "chosen by hand", {{READY}, {READY}, {READY}}, "c", 0, 0, 0, 0, "cab", "crr", -1},
    {__LINE__,
     "chosen by hand, but paused",
     {{READY}, {READY}, {PAUSED, 0, HOUR}},
     "c",
     0,
     0,
     0,
     0,
     "ab",
     "rrR",
     HOUR},
    {__LINE__,
     "chosen by hand and due",
     {{READY}, {READY}, {DUE}},
     "c",
     0,
     0,
     0,
     0,
     "cab",
     "prr",
     -1},
    {__LINE__,
     "in a tool loop the provider stays",
     {{READY}, {READY}, {READY}},
     "",
     0,
     1,
     0,
     'b',
     "bac",
     "krr",
     -1},
    {__LINE__,
     "even when the first may be available again",
     {{DUE}, {READY}, {READY}},
     "",
     0,
     1,
     0,
     'b',
     "bac",
     "kpr",
     -1},
    {__LINE__,
     "but not when it is paused",
     {{READY}, {PAUSED, 0, HOUR}, {READY}},
     "",
     0,
     1,
     0,
     'b',
     "ac",
     "rrR",
     HOUR},
    {__LINE__,
     "and not at the next user turn",
     {{READY}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     'b',
     "abc",
     "rrr",
     -1},
    {__LINE__,
     "a choice by hand overrides a tool loop",
     {{READY}, {READY}, {READY}},
     "c",
     0,
     1,
     0,
     'b',
     "cba",
     "ckr",
     -1},
    {__LINE__,
     "no paid provider",
     {{READY}, {READY, PAID}, {READY, PAID}},
     "",
     1,
     0,
     0,
     0,
     "a",
     "r$$",
     -1},
    {__LINE__,
     "paid by the client itself",
     {{READY}, {READY, PAID | OWN}, {READY, PAID}},
     "",
     1,
     0,
     0,
     0,
     "ab",
     "rr$",
     -1},
    {__LINE__,
     "no paid provider but the one chosen by hand",
     {{READY}, {READY, PAID}, {READY, PAID}},
     "c",
     1,
     0,
     0,
     0,
     "ca",
     "cr$",
     -1},
    {__LINE__,
     "a capped provider is skipped",
     {{READY, PAID | CAPPED, HOUR}, {READY}, {READY, PAID}},
     "",
     0,
     0,
     0,
     0,
     "bc",
     "rrC",
     HOUR},
    {__LINE__,
     "a choice by hand does not lift a cap",
     {{READY}, {READY, PAID | CAPPED, HOUR}, {READY}},
     "b",
     0,
     0,
     0,
     0,
     "ac",
     "rrC",
     HOUR},
    {__LINE__,
     "nor does a tool loop",
     {{READY}, {READY, PAID | CAPPED, HOUR}, {READY}},
     "",
     0,
     1,
     0,
     'b',
     "ac",
     "rrC",
     HOUR},
    {__LINE__,
     "a pause that ends before the cap does not count",
     {{PAUSED, PAID | CAPPED | LONGER, HOUR},
      {BENCHED, PAID | CAPPED | LONGER, HOUR},
      {READY, OFF}},
     "",
     0,
     0,
     0,
     0,
     "",
     "CBD",
     HOUR},
    {__LINE__,
     "a capped provider is not probed",
     {{READY}, {DUE, PAID | CAPPED}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "ac",
     "rrC",
     -1},
    {__LINE__,
     "a pause is named before a cap",
     {{READY}, {PAUSED, PAID | CAPPED, HOUR}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "ac",
     "rrR",
     HOUR},
    {__LINE__,
     "a cap without an end is no time to wait for",
     {{READY, PAID | CAPPED}, {PAUSED, 0, HOUR}, {READY, OFF}},
     "",
     0,
     0,
     0,
     0,
     "",
     "CRD",
     HOUR},
    {__LINE__,
     "all paused: the earliest counts",
     {{PAUSED, 0, 3 * HOUR}, {PAUSED, 0, HOUR}, {PAUSED, 0, 2 * HOUR}},
     "",
     0,
     0,
     0,
     0,
     "",
     "RRR",
     HOUR},

    /* leave_at */
    {__LINE__,
     "near its limit",
     {{READY, 0, 0, 999, "5h"}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "abc",
     "rrr",
     -1},
    {__LINE__,
     "spared",
     {{READY, LEAVES, 0, 980, "5h"}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bca",
     "rrs",
     -1},
    {__LINE__,
     "not yet",
     {{READY, LEAVES, 0, 979, "5h"}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "abc",
     "rrr",
     -1},
    {__LINE__,
     "by another window",
     {{READY, LEAVES, 0, 950, "7d"}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bca",
     "rrs",
     -1},
    {__LINE__,
     "its own value comes before *",
     {{READY, LEAVES, 0, 940, "7d"}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "abc",
     "rrr",
     -1},
    {__LINE__,
     "by *",
     {{READY, LEAVES, 0, 900, "1h"}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bca",
     "rrs",
     -1},
    {__LINE__,
     "by the family's window",
     {{READY, LEAVES, 0, 800, "7d_opus"}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bca",
     "rrs",
     -1},
    {__LINE__,
     "not by another family's",
     {{READY, LEAVES, 0, 999, "7d_sonnet"}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "abc",
     "rrr",
     -1},
    {__LINE__,
     "not when the window is over",
     {{READY, LEAVES, 0, 990, "5h", -1}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "abc",
     "rrr",
     -1},
    {__LINE__,
     "figures of 15 minutes ago",
     {{READY, LEAVES, 0, 990, "5h", HOUR, 900 * SECOND}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "bca",
     "rrs",
     -1},
    {__LINE__,
     "older figures",
     {{READY, LEAVES, 0, 990, "5h", HOUR, 900 * SECOND + 1}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "abc",
     "rrr",
     -1},
    {__LINE__,
     "figures of the future",
     {{READY, LEAVES, 0, 990, "5h", HOUR, -HOUR}, {READY}, {READY}},
     "",
     0,
     0,
     0,
     0,
     "abc",
     "rrr",
     -1},
    {__LINE__,
     "not in a tool loop",
     {{READY, LEAVES, 0, 990, "5h"}, {READY}, {READY}},
     "",
     0,
     1,
     0,
     'a',
     "abc",
     "krr",
     -1},
    {__LINE__,
     "not in a tool loop of an unknown session",
     {{READY, LEAVES, 0, 990, "5h"}, {READY}, {READY}},
     "",
     0,
     1,
     0,
     0,
     "abc",
     "rrr",
     -1},
    {__LINE__,
     "not for a side call",
     {{READY, LEAVES, 0, 990, "5h"}, {READY}, {READY}},
     "",
     0,
     0,
     1,
     0,
     "abc",
     "rrr",
     -1},
    {__LINE__,
     "not when chosen by hand",
     {{READY, LEAVES, 0, 990, "5h"}, {READY}, {READY}},
     "a",
     0,
     0,
     0,
     0,
     "abc",
     "crr",
     -1},
    {__LINE__,
     "a probe comes before",
     {{READY, LEAVES, 0, 990, "5h"}, {DUE}, {PAUSED, 0, HOUR}},
     "",
     0,
     0,
     0,
     0,
     "ba",
     "psR",
     HOUR},
    {__LINE__,
     "nobody else: it serves",
     {{READY, LEAVES, 0, 990, "5h"}, {BENCHED, 0, HOUR}, {READY, OFF}},
     "",
     0,
     0,
     0,
     0,
     "a",
     "sBD",
     HOUR},
    {__LINE__,
     "two of them: by order",
     {{READY, LEAVES, 0, 990, "5h"}, {READY, LEAVES, 0, 990, "5h"}, {READY, OFF}},
     "",
     0,
     0,
     0,
     0,
     "ab",
     "ssD",
     -1},
    {__LINE__,
     "nothing paid is chosen for it",
     {{READY, LEAVES, 0, 990, "5h"}, {READY, PAID}, {READY, PAID}},
     "",
     1,
     0,
     0,
     0,
     "a",
     "s$$",
     -1},
    {__LINE__,
     "unless the client pays",
     {{READY, LEAVES, 0, 990, "5h"}, {READY, PAID}, {READY, PAID | OWN}},
     "",
     1,
     0,
     0,
     0,
     "ca",
     "rs$",
     -1},
    {__LINE__,
     "a pause is more than that",
     {{PAUSED, LEAVES, HOUR, 990, "5h"}, {READY, OFF}, {READY, OFF}},
     "",
     0,
     0,
     0,
     0,
     "",
     "RDD",
     HOUR},
};

static struct provider providers[PROVIDERS];

static void
set_health(struct plan_view *view, const struct scene *s)
{
	bool drilled = s->health == DRILLED || s->health == DRILL_DUE;
	struct health *h = drilled                             ? &view->drill
			   : s->health == FAMILY_PAUSED        ? &view->family
			   : s->health == PAUSED_FOR_EVERYBODY ? &view->everybody
							       : &view->account;
	if (s->health == READY)
		return;
	bool over = s->health == DUE || s->health == LEASED || s->health == DRILL_DUE;
	h->pause = s->health == BENCHED ? PAUSE_BENCH : PAUSE_NAMED;
	h->since_ms = NOW_MS - 2 * HOUR;
	h->until_ms = over ? NOW_MS - SECOND : NOW_MS + s->for_ms;
	h->lease_ms = s->health == LEASED ? NOW_MS + s->for_ms : 0;
	h->lease_holder = s->health == LEASED ? 7 : 0;
	snprintf(h->why, sizeof h->why, "429 unified five_hour");
}

static void
set_window(struct plan_view *view, const struct scene *s)
{
	struct health_window *w = &view->account.windows[1];
	if (s->window == NULL)
		return;
	snprintf(w->name, sizeof w->name, "%s", s->window);
	w->permille = s->permille;
	w->reset_ms = NOW_MS + (s->resets_in == 0 ? HOUR : s->resets_in);
	view->account.success_ms = NOW_MS - s->figures_ago;
	view->family.key.family = digest_name("opus");
}

static void
set_view(struct plan_view *view, size_t i, const struct scene *s)
{
	static const struct leave_at marks[] = {
	    {"5h", 980}, {"*", 900}, {"7d", 950}, {"7d_opus", 800}};
	struct provider *p = &providers[i];
	*view = (struct plan_view){.provider = p};
	snprintf(p->name, sizeof p->name, "%c", (int)('a' + i));
	p->id = 'a' + i;
	p->paid = s->traits & PAID;
	p->enabled = !(s->traits & OFF);
	memcpy(p->leave_at, marks, sizeof marks);
	p->n_leave_at = s->traits & LEAVES ? TAP_COUNT(marks) : 0;
	view->credential.value = "sk";
	view->credential.stored = !(s->traits & OWN);
	view->credential.label = s->traits & LABELLED ? "work" : "";
	view->credential.why_none = s->traits & NO_CREDENTIAL ? "tokens.txt has none" : NULL;
	view->refuses = s->traits & UNABLE ? "images" : NULL;
	view->capped.refuses = s->traits & CAPPED;
	view->capped.until_ms = s->traits & LONGER                     ? NOW_MS + 2 * s->for_ms
				: s->for_ms == 0 || s->health != READY ? 0
								       : NOW_MS + s->for_ms;
	snprintf(view->capped.text, sizeof view->capped.text, "%s has used its cap", p->name);
	set_health(view, s);
	set_window(view, s);
}

static void
check_case(size_t i)
{
	static const char letters[] = {
	    [STANDING_READY] = 'r',  [STANDING_CHOSEN] = 'c',       [STANDING_KEPT] = 'k',
	    [STANDING_PROBE] = 'p',  [STANDING_PAUSED] = 'R',       [STANDING_BENCHED] = 'B',
	    [STANDING_PROBED] = 'P', [STANDING_PAID] = '$',         [STANDING_DISABLED] = 'D',
	    [STANDING_UNABLE] = 'X', [STANDING_UNCONFIGURED] = 'U', [STANDING_SPARED] = 's',
	    [STANDING_CAPPED] = 'C',
	};
	struct plan_view views[PROVIDERS];
	for (size_t k = 0; k < PROVIDERS; k++)
		set_view(&views[k], k, &cases[i].settings[k]);
	const struct plan_query query = {
	    .views = views,
	    .n_views = PROVIDERS,
	    .plan_limits_only = cases[i].plan_limits_only,
	    .manual = cases[i].manual,
	    .session_provider = (uint64_t)cases[i].session,
	    .mid_loop = cases[i].mid_loop,
	    .side_call = cases[i].side_call,
	    .may_spare = !cases[i].mid_loop && !cases[i].side_call,
	    .now_ms = NOW_MS,
	};
	const struct plan plan = plan_make(&query);
	char order[PROVIDERS + 1] = "", standings[PROVIDERS + 1] = "";
	for (size_t k = 0; k < plan.n; k++) {
		standings[k] = letters[plan.candidates[k].standing];
		if (k < plan.n_usable)
			order[k] = plan.candidates[k].view->provider->name[0];
	}
	int64_t earliest_ms = plan_earliest_ms(&plan);
	int64_t earliest_in = earliest_ms == 0 ? -1 : earliest_ms - NOW_MS;
	TAP_ROW_AT(cases[i].line, cases[i].name,
		   strcmp(order, cases[i].order) == 0 &&
		       strcmp(standings, cases[i].standings) == 0 &&
		       earliest_in == cases[i].earliest_in,
		   "expected order %s standings %s earliest in %" PRId64
		   " ms\ngot      order %s standings %s earliest in %" PRId64 " ms",
		   cases[i].order, cases[i].standings, cases[i].earliest_in, order, standings,
		   earliest_in);
}

/* The reasons that people read. */
static const struct {
	int line;
	struct scene setting;
	const char *manual, *reason;
} reasons[] = {
    {__LINE__, {READY}, "", "a is ready"},
    {__LINE__, {READY}, "a", "a was chosen by hand"},
    {__LINE__, {READY, LABELLED}, "", "a.work is ready"},
    {__LINE__,
     {PAUSED, LABELLED, 2 * HOUR},
     "",
     "a.work is paused until 21:00 (429 unified five_hour)"},
    {__LINE__,
     {PAUSED_FOR_EVERYBODY, LABELLED, 2 * HOUR},
     "",
     "a is paused until 21:00 (429 unified five_hour)"},
    {__LINE__, {READY, LABELLED | UNABLE}, "", "a cannot take this request: images"},
    {__LINE__, {PAUSED, 0, 2 * HOUR}, "", "a is paused until 21:00 (429 unified five_hour)"},
    {__LINE__,
     {BENCHED, 0, HOUR},
     "",
     "a rejects its credential (429 unified five_hour); tried again at 20:00"},
    {__LINE__, {DUE}, "", "a may be available again (was paused: 429 unified five_hour)"},
    {__LINE__,
     {LEASED, 0, 30 * SECOND},
     "",
     "a may be available again; another request is probing it"},
    {__LINE__, {READY, OFF}, "", "a is disabled"},
    {__LINE__, {READY, NO_CREDENTIAL}, "", "a has no credential: tokens.txt has none"},
    {__LINE__, {READY, LEAVES, 0, 989, "5h"}, "", "a is spared (5h 98 % ≥ 98 %), until 20:00"},
    {__LINE__,
     {READY, LEAVES, 0, 1000, "7d", 48 * HOUR},
     "",
     "a is spared (7d 100 % ≥ 95 %), until Nov 25 19:00"},
    {__LINE__, {READY, UNABLE}, "", "a cannot take this request: images"},
};

static void
check_reason(size_t i)
{
	struct plan_view view;
	char text[ERROR_TEXT_MAX];
	set_view(&view, 0, &reasons[i].setting);
	const struct plan_query query = {.views = &view,
					 .n_views = 1,
					 .manual = reasons[i].manual,
					 .may_spare = true,
					 .now_ms = NOW_MS};
	const struct plan plan = plan_make(&query);
	plan_reason(&plan.candidates[0], NOW_MS, text, sizeof text);
	TAP_STR_AT(reasons[i].line, reasons[i].reason, text, reasons[i].reason);
}

int
main(int argc, char **argv)
{
	tap_start("plan", argc, argv);
	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < TAP_COUNT(cases); i++)
		check_case(i);
	for (size_t i = 0; i < TAP_COUNT(reasons); i++)
		check_reason(i);
	return tap_finish();
}
