/* SPDX-License-Identifier: MIT */
#include "route/plan.h"

#include "base/clock.h"
#include "dialect/message.h"

#include <stdio.h>
#include <string.h>

/* The records that can pause a candidate. */
enum { RECORDS = 4 };
static const struct health *
record(const struct plan_view *view, size_t i)
{
	const struct health *records[] = {&view->everybody, &view->account, &view->family,
					  &view->drill};
	return records[i];
}

/* A side call is not a probe: its success would prove too little (CLIENT.md 6). */
static enum standing
standing_of(const struct plan_query *query, enum health_state state)
{
	switch (state) {
	case HEALTH_IS_PAUSED:
		return STANDING_PAUSED;
	case HEALTH_BENCHED:
		return STANDING_BENCHED;
	case HEALTH_PROBING:
		return STANDING_PROBED;
	case HEALTH_DUE:
		return query->side_call ? STANDING_PROBED : STANDING_PROBE;
	case HEALTH_READY:
		break;
	}
	return STANDING_READY;
}

/* A probe usually ends long before its lease. */
#define PROBE_USUAL_MS 5000

static int64_t
available_at_ms(const struct health *h, enum standing standing, int64_t now_ms)
{
	if (standing != STANDING_PROBED)
		return h->until_ms;
	int64_t soon_ms = now_ms + PROBE_USUAL_MS;
	return h->lease_ms < now_ms ? now_ms : h->lease_ms < soon_ms ? h->lease_ms : soon_ms;
}

/* The worst of the records decides; of equal ones, the one that ends last. */
static void
read_records(const struct plan_query *query, struct candidate *c)
{
	for (size_t i = 0; i < RECORDS; i++) {
		const struct health *h = record(c->view, i);
		enum standing standing = standing_of(query, health_state(h, query->now_ms));
		if (standing == STANDING_READY)
			continue;
		int64_t until_ms = available_at_ms(h, standing, query->now_ms);
		bool worse = plan_usable(c->standing) && !plan_usable(standing);
		bool longer = plan_usable(c->standing) == plan_usable(standing) &&
			      (c->standing == STANDING_READY || until_ms > c->until_ms);
		if (!worse && !longer)
			continue;
		c->standing = standing;
		c->until_ms = until_ms;
		c->cause = h;
	}
}

static bool
is_chosen(const struct plan_query *query, const struct plan_view *view)
{
	return query->manual[0] != '\0' && strcmp(query->manual, view->provider->name) == 0;
}

/* Figures that are older may be wrong: the account is used elsewhere, too. */
#define FIGURES_FOR_MS (INT64_C(15) * 60 * 1000)

static bool
is_of_other_family(const struct plan_view *view, const struct health_window *w)
{
	uint64_t family = message_window_family(w->name);
	return family != 0 && family != view->family.key.family;
}

/* A preference, not a pause (BEHAVIOUR.md 5). The record has one time for all of its windows; one
 * that was reported before it has no less used by now. */
static void
spare(const struct plan_query *query, struct candidate *c)
{
	const struct health *h = &c->view->account;
	int64_t age_ms = query->now_ms - h->success_ms;
	if (!query->may_spare || age_ms > FIGURES_FOR_MS || age_ms < -FIGURES_FOR_MS)
		return;
	for (size_t i = 0; i < HEALTH_WINDOWS; i++) {
		const struct health_window *w = &h->windows[i];
		uint32_t leave_at = config_leave_at(c->view->provider, w->name);
		if (w->name[0] == '\0' || leave_at == 0 || w->permille < leave_at ||
		    w->reset_ms <= query->now_ms || w->reset_ms <= c->until_ms ||
		    is_of_other_family(c->view, w))
			continue;
		c->standing = STANDING_SPARED;
		c->until_ms = w->reset_ms;
		c->window = w;
	}
}

static struct candidate
consider(const struct plan_query *query, const struct plan_view *view)
{
	struct candidate c = {
	    .view = view, .standing = STANDING_READY, .is_chosen = is_chosen(query, view)};
	bool is_billed = credential_is_billed(&view->credential, view->provider);
	if (!view->provider->enabled)
		c.standing = STANDING_DISABLED;
	else if (view->credential.why_none != NULL)
		c.standing = STANDING_UNCONFIGURED;
	else if (is_billed && query->plan_limits_only && !c.is_chosen)
		c.standing = STANDING_PAID;
	else if (view->refuses != NULL)
		c.standing = STANDING_UNABLE;
	else
		read_records(query, &c);
	bool is_paused = c.standing == STANDING_PAUSED || c.standing == STANDING_PROBED;
	if (view->capped.refuses &&
	    (plan_usable(c.standing) || (is_paused && view->capped.until_ms > c.until_ms))) {
		c.standing = STANDING_CAPPED; /* also when it was chosen by hand */
		c.until_ms = view->capped.until_ms;
		c.cause = NULL;
	}
	if (c.standing != STANDING_READY)
		return c;
	if (c.is_chosen)
		c.standing = STANDING_CHOSEN;
	else if (query->mid_loop && query->session_provider == view->provider->id)
		c.standing = STANDING_KEPT;
	else
		spare(query, &c);
	return c;
}

/* The place of a candidate: lower comes first. */
static int
rank(const struct candidate *c)
{
	if (!plan_usable(c->standing))
		return 4;
	if (c->standing == STANDING_SPARED)
		return 3;
	if (c->is_chosen)
		return 0;
	return c->standing == STANDING_KEPT ? 1 : 2;
}

static struct plan
make(const struct plan_query *query)
{
	struct plan plan = {0};
	struct candidate all[CANDIDATES_MAX];
	for (size_t i = 0; i < query->n_views; i++)
		all[i] = consider(query, &query->views[i]);
	for (int r = 0; r <= 4; r++)
		for (size_t i = 0; i < query->n_views; i++)
			if (rank(&all[i]) == r)
				plan.candidates[plan.n++] = all[i];
	while (plan.n_usable < plan.n && plan_usable(plan.candidates[plan.n_usable].standing))
		plan.n_usable++;
	return plan;
}

struct plan
plan_make(const struct plan_query *query)
{
	struct plan plan = make(query);
	if (plan.n_usable > 0 || !query->side_call)
		return plan;
	/* A side call that no provider could serve had better be a probe than fail. */
	struct plan_query probing = *query;
	probing.side_call = false;
	return make(&probing);
}

void
plan_refuse_probe(struct candidate *c, int64_t now_ms)
{
	c->standing = STANDING_PROBED;
	c->until_ms = now_ms + PROBE_USUAL_MS;
}

bool
plan_usable(enum standing standing)
{
	return standing < STANDING_PAUSED;
}

int64_t
plan_earliest_ms(const struct plan *plan)
{
	int64_t earliest_ms = 0;
	for (size_t i = 0; i < plan->n; i++) {
		const struct candidate *c = &plan->candidates[i];
		bool waits = c->standing == STANDING_PAUSED || c->standing == STANDING_PROBED ||
			     c->standing == STANDING_BENCHED ||
			     (c->standing == STANDING_CAPPED && c->until_ms != 0);
		if (waits && (earliest_ms == 0 || c->until_ms < earliest_ms))
			earliest_ms = c->until_ms;
	}
	return earliest_ms;
}

const char *
plan_pause_text(const struct health *h, const char *name, int64_t now_ms, char *text, size_t size)
{
	char until[CLOCK_SHORT_SIZE];
	clock_short(h->until_ms, now_ms, until);
	if (h->pause == PAUSE_BENCH)
		snprintf(text, size, "%s rejects its credential (%s); tried again at %s", name,
			 h->why, until);
	else
		snprintf(text, size, "%s is paused until %s (%s)", name, until, h->why);
	return text;
}

const char *
plan_spared_text(const struct provider *provider, const char *name,
		 const struct health_window *window, int64_t now_ms, char *text, size_t size)
{
	char when[CLOCK_SHORT_SIZE];
	snprintf(text, size, "%s is spared (%s %u %% ≥ %u %%), until %s", name, window->name,
		 window->permille / 10, config_leave_at(provider, window->name) / 10,
		 clock_short(window->reset_ms, now_ms, when));
	return text;
}

const char *
plan_reason(const struct candidate *c, int64_t now_ms, char *text, size_t size)
{
	static const struct health none = {0};
	char account[CREDENTIAL_NAME_SIZE];
	const char *provider = c->view->provider->name;
	const char *name =
	    c->cause == &c->view->everybody
		? provider
		: credential_name(c->view->provider->name, c->view->credential.label, account);
	const struct health *cause = c->cause == NULL ? &none : c->cause;
	switch (c->standing) {
	case STANDING_READY:
		snprintf(text, size, "%s is ready", name);
		break;
	case STANDING_CHOSEN:
		snprintf(text, size, "%s was chosen by hand", name);
		break;
	case STANDING_KEPT:
		snprintf(text, size, "%s finishes the tool loop that it began", name);
		break;
	case STANDING_PROBE:
		snprintf(text, size, "%s may be available again (was paused: %s)", name,
			 cause->why);
		break;
	case STANDING_SPARED:
		plan_spared_text(c->view->provider, name, c->window, now_ms, text, size);
		break;
	case STANDING_PAUSED:
	case STANDING_BENCHED:
		plan_pause_text(cause, name, now_ms, text, size);
		break;
	case STANDING_PROBED:
		snprintf(text, size, "%s may be available again; another request is probing it",
			 name);
		break;
	case STANDING_PAID:
		snprintf(text, size, "%s costs money and plan_limits_only is set", provider);
		break;
	case STANDING_CAPPED:
		snprintf(text, size, "%s", c->view->capped.text);
		break;
	case STANDING_DISABLED:
		snprintf(text, size, "%s is disabled", provider);
		break;
	case STANDING_UNCONFIGURED:
		snprintf(text, size, "%s has no credential: %s", provider,
			 c->view->credential.why_none);
		break;
	case STANDING_UNABLE:
		snprintf(text, size, "%s cannot take this request: %s", provider, c->view->refuses);
		break;
	}
	return text;
}

const char *
plan_state_name(enum standing standing)
{
	switch (standing) {
	case STANDING_PAUSED:
		return "resting";
	case STANDING_BENCHED:
		return "benched";
	case STANDING_PROBE:
	case STANDING_PROBED:
		return "probing";
	case STANDING_SPARED:
		return "spared";
	case STANDING_CAPPED:
		return "capped";
	case STANDING_DISABLED:
		return "disabled";
	case STANDING_UNCONFIGURED:
		return "unconfigured";
	default:
		return "ready";
	}
}
