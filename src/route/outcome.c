/* SPDX-License-Identifier: MIT */
#include "route/outcome.h"

#include "base/clock.h"
#include "base/log.h"
#include "route/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPREADS_WITHIN_MS = 60000 }; /* BEHAVIOUR 4 */

void
outcome_report(struct app *app, enum notice notice, const char *provider, const char *sentence)
{
	static const char *const kinds[] = {
	    [NOTICE_PAUSED] = "left", [NOTICE_AVAILABLE] = "returned", [NOTICE_PAID] = "paid",
	    [NOTICE_NEAR] = "near",   [NOTICE_SPARED] = "spared",      [NOTICE_CAP] = "cap",
	    [NOTICE_DRILL] = "drill"};
	notify(app->notifier, notice, provider, sentence);
	ledger_tell(app->ledger, kinds[notice], provider, sentence);
}

/* Reports a pause that began or ended; only the process that changed it does. name: of the account
 * or provider. */
static void
announce(struct app *app, const struct provider *provider, const char *name,
	 enum health_outcome what, const struct health_key *key)
{
	struct health h;
	char sentence[ERROR_TEXT_MAX];
	int64_t now_ms = clock_wall_ms();
	if (what == HEALTH_PAUSE_ENDED) {
		snprintf(sentence, sizeof sentence, "%s is available again", name);
		outcome_report(app, NOTICE_AVAILABLE, provider->name, sentence);
	}
	if (what != HEALTH_PAUSE_BEGAN)
		return;
	state_failover(app->state, now_ms);
	state_health(app->state, key, &h);
	state_count(app->state, provider->id, COUNT_PAUSES + h.pause);
	plan_pause_text(&h, name, now_ms, sentence, sizeof sentence);
	outcome_report(app, NOTICE_PAUSED, provider->name, sentence);
}

/* Whether the same person's previous login has reported as much of the window. */
static bool
is_old_news(const struct state *state, const struct outcome *o, const struct health_window *w,
	    uint32_t mark, int64_t now_ms)
{
	struct health all[STATE_HEALTHS];
	size_t n = state_healths(state, o->key.provider, all, STATE_HEALTHS);
	for (size_t i = 0; i < n; i++)
		if (o->kin.person != 0 && all[i].kin.person == o->kin.person &&
		    all[i].key.account != o->key.account &&
		    health_used(&all[i], w->name, now_ms) >= mark)
			return true;
	return false;
}

/* "5-hour", "7-day opus"; as it is, where that is not a number of hours or days. */
static const char *
window_name(const struct health_window *w, char *text, size_t size)
{
	size_t digits = strspn(w->name, "0123456789");
	const char *unit = w->name + digits;
	const char *family = unit[0] != '\0' && unit[1] == '_' ? unit + 2 : NULL;
	if ((*unit != 'h' && *unit != 'd') || (unit[1] != '\0' && family == NULL))
		snprintf(text, size, "%s", w->name);
	else
		snprintf(text, size, "%.*s-%s%s%s", (int)digits, w->name,
			 *unit == 'h' ? "hour" : "day", family == NULL ? "" : " ",
			 family == NULL ? "" : family);
	return text;
}

static void
announce_near(struct app *app, const struct outcome *o, const struct health_window *w,
	      unsigned percent, int64_t now_ms)
{
	char name[64], account[CREDENTIAL_NAME_SIZE], when[CLOCK_SHORT_SIZE];
	char sentence[ERROR_TEXT_MAX];
	snprintf(sentence, sizeof sentence, "%s: %u %% of the %s window used, begins anew %s",
		 credential_name(o->provider->name, o->label, account), percent,
		 window_name(w, name, sizeof name), clock_short(w->reset_ms, now_ms, when));
	outcome_report(app, NOTICE_NEAR, o->provider->name, sentence);
}

/* Reports what a window has passed; of one that rejects, the pause says it. */
static void
announce_window(struct app *app, const struct outcome *o, const struct health_window *w,
		unsigned marks)
{
	char name[CREDENTIAL_NAME_SIZE], sentence[ERROR_TEXT_MAX];
	int64_t now_ms = clock_wall_ms();
	unsigned percent = marks & HEALTH_PASSED_95 ? 95 : marks & HEALTH_PASSED_80 ? 80 : 0;
	uint32_t leave_at = config_leave_at(o->provider, w->name);
	if (w->rejected)
		return;
	if (percent != 0 && !is_old_news(app->state, o, w, percent * 10, now_ms))
		announce_near(app, o, w, percent, now_ms);
	if (!(marks & HEALTH_PASSED_LEAVE_AT) || is_old_news(app->state, o, w, leave_at, now_ms))
		return;
	state_failover(app->state, now_ms);
	credential_name(o->provider->name, o->label, name);
	plan_spared_text(o->provider, name, w, now_ms, sentence, sizeof sentence);
	outcome_report(app, NOTICE_SPARED, o->provider->name, sentence);
}

static void
apply(struct app *app, const struct outcome *o, struct health_key key,
      const struct health_change *change)
{
	unsigned passed;
	char name[CREDENTIAL_NAME_SIZE];
	enum health_outcome what =
	    state_health_note(app->state, &key, o->provider->name, change, &passed);
	credential_name(o->provider->name, key.account == 0 ? NULL : o->label, name);
	announce(app, o->provider, name, what, &key);
	/* The account's record alone is known to hold all of its windows. */
	if (key.account == 0 || key.family != 0)
		return;
	for (size_t i = 0; passed != 0; i++, passed >>= HEALTH_MARK_BITS)
		announce_window(app, o, &change->windows[i],
				passed & ((1u << HEALTH_MARK_BITS) - 1));
}

static struct health_change
change_of(const struct outcome *o, enum health_event event)
{
	struct health_change change = {
	    .event = event, .now_ms = clock_wall_ms(), .began_ms = o->began_ms, .kin = o->kin};
	size_t room = sizeof change.windows / sizeof *change.windows;
	for (size_t i = 0; i < o->response->n_windows && i < room; i++) {
		change.windows[i] = o->response->windows[i];
		change.leave_at[i] = config_leave_at(o->provider, change.windows[i].name);
	}
	if (event != HEALTH_EVENT_SERVED)
		snprintf(change.why, sizeof change.why, "%s", o->verdict->why);
	return change;
}

/* A success is recorded for the account; it also ends the pauses of the family and of
 * everybody. */
static void
record_success(struct app *app, const struct outcome *o)
{
	struct health_change change = change_of(o, HEALTH_EVENT_SERVED);
	const struct health_key others[] = {
	    {.provider = o->key.provider},
	    {.provider = o->key.provider, .account = o->key.account, .family = o->family},
	};
	apply(app, o, o->key, &change);
	memset(change.windows, 0, sizeof change.windows);
	memset(&change.kin, 0,
	       sizeof change.kin); /* for everybody it means nothing; the family's record has it */
	for (size_t i = 0; i < 2; i++) {
		struct health h;
		bool same = i == 1 && o->family == 0;
		if (!same && state_health(app->state, &others[i], &h) && h.pause != PAUSE_NONE)
			apply(app, o, others[i], &change);
	}
}

/* Whether another account at this provider was paused within the last minute because of a
 * failure: then it is the provider's, not the account's. One that was throttled sent too many
 * requests itself. */
static bool
fails_for_others(const struct state *state, const struct health_key *key, int64_t now_ms)
{
	struct health all[STATE_HEALTHS];
	size_t n = state_healths(state, key->provider, all, STATE_HEALTHS);
	for (size_t i = 0; i < n; i++)
		if (all[i].key.account != 0 && all[i].key.account != key->account &&
		    all[i].pause == PAUSE_SHORT &&
		    llabs(now_ms - all[i].since_ms) <= SPREADS_WITHIN_MS &&
		    now_ms - all[i].throttled_ms > SPREADS_WITHIN_MS)
			return true;
	return false;
}

static void
record_pause(struct app *app, const struct outcome *o)
{
	struct health_change change = change_of(o, HEALTH_EVENT_PAUSED);
	struct health_key key = o->key;
	change.pause = o->verdict->pause;
	change.until_ms = o->verdict->until_ms;
	change.jitter = (uint32_t)(o->holder >> 16);
	change.throttled = o->verdict->throttled;
	if (o->verdict->scope == SCOPE_FAMILY)
		key.family = o->verdict->family;
	bool may_spread = o->verdict->scope == SCOPE_SPREADING;
	/* That the operator's other credentials see the same needs no proof. */
	bool is_everybodys = o->verdict->scope == SCOPE_EVERYBODY || (may_spread && o->is_pooled);
	bool spreads = may_spread && fails_for_others(app->state, &key, change.now_ms);
	if (!is_everybodys)
		apply(app, o, key, &change);
	if (!spreads && !is_everybodys)
		return;
	key.account = 0;
	change.kin = (struct health_kin){0};
	apply(app, o, key, &change);
}

void
outcome_count_attempt(struct state *state, const struct provider *provider,
		      const struct verdict *verdict, bool is_asked_again)
{
	unsigned what = is_asked_again && verdict->kind != VERDICT_SUCCESSOR ? COUNTED_VERDICTS - 1
									     : verdict->kind;
	_Static_assert(VERDICT_SUCCESSOR == COUNTED_VERDICTS - 2,
		       "the last verdict counted is a retry");
	state_count(state, provider->id, COUNT_ATTEMPTS);
	state_count(state, provider->id, COUNT_VERDICTS + what);
}

/* A client's own credential that its provider rejects gets no record: it would take the slot of
 * one that works. */
static bool
is_unknown_credential(const struct verdict *v)
{
	return v->kind == VERDICT_PASS && (v->status == 401 || v->status == 403);
}

void
outcome_record(struct app *app, const struct outcome *o)
{
	const struct verdict *v = o->verdict;
	if (verdict_is_success(v)) {
		record_success(app, o);
	} else {
		state_count(app->state, o->key.provider, COUNT_FAILURES);
		if (v->pause == PAUSE_NONE && !is_unknown_credential(v)) {
			struct health_change change = change_of(o, HEALTH_EVENT_FAILED);
			change.throttled = v->throttled;
			apply(app, o, o->key, &change);
		}
	}
	if (v->pause != PAUSE_NONE)
		record_pause(app, o);
}

void
outcome_probe_served(struct app *app, const struct outcome *o)
{
	record_success(app, o);
}

/* Whether a pause of the provider began while it served this request: then another one serves
 * by now. */
static bool
is_outdated(const struct state *state, const struct outcome *o)
{
	struct health h;
	state_health(state, &o->key, &h);
	return h.pause != PAUSE_NONE && h.since_ms >= o->began_ms;
}

void
outcome_serving(struct app *app, const struct outcome *o, bool is_billed)
{
	const struct provider *provider = o->provider;
	char sentence[ERROR_TEXT_MAX];
	if (is_outdated(app->state, o) || !state_served(app->state, provider->name))
		return;
	snprintf(sentence, sizeof sentence, "requests now go to %s%s%s%s", provider->name,
		 is_billed ? ", which costs money: billed to your " : "",
		 is_billed ? provider->name : "", is_billed ? " account" : "");
	if (is_billed)
		outcome_report(app, NOTICE_PAID, provider->name, sentence);
	else
		ledger_tell(app->ledger, "serving", provider->name, sentence);
}

void
outcome_spent(struct app *app, const struct caps_query *query)
{
	char sentence[ERROR_TEXT_MAX];
	while (caps_notice(query, app->state, sentence))
		outcome_report(app, NOTICE_CAP, query->provider->name, sentence);
}

void
outcome_log_billing(const struct provider *provider, const char *client)
{
	log_line(LOG_NOTICE, "a conversation of %s goes to %s: billed to your %s account", client,
		 provider->name, provider->name);
}
