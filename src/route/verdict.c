/* SPDX-License-Identifier: MIT */
#include "route/verdict.h"

#include "base/clock.h"
#include "base/count.h"
#include "base/digest.h"
#include "route/reading.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_MS INT64_C(1000)
#define HOUR_MS   (3600 * SECOND_MS)

/* --- Conditions ------------------------------------------------------- */

/* One of several words. */
static bool
says_any(const struct reading *r, const char *const *words)
{
	for (; *words != NULL; words++)
		if (reading_says(r, *words))
			return true;
	return false;
}

/* One of these with one of those. */
static bool
says_both_any(const struct reading *r, const char *const *these, const char *const *those)
{
	for (; *these != NULL; these++)
		for (size_t i = 0; those[i] != NULL; i++)
			if (reading_says_both(r, *these, those[i]))
				return true;
	return false;
}

static bool
is_success(const struct reading *r)
{
	return r->status >= 200 && r->status < 300;
}

static bool
is_limit_status(const struct reading *r)
{
	return r->status == 429 || r->status == 400 || r->status == 401 || r->status == 403;
}

static bool
window_rejected(const struct response *a, const char *name)
{
	const struct health_window *w = response_window(a, name);
	return w != NULL && w->rejected;
}

static bool
any_window_rejected(const struct response *a)
{
	for (size_t i = 0; i < a->n_windows; i++)
		if (a->windows[i].rejected)
			return true;
	return false;
}

static bool
is_content(const struct reading *r)
{
	return r->e->content && r->ending == ENDING_WHOLE;
}

/* A success is known by what it is, not by what it lacks. */
static bool
is_answered(const struct reading *r)
{
	return r->ending == ENDING_WHOLE && is_success(r) && r->answered;
}

static bool
is_served(const struct reading *r)
{
	return is_content(r) || is_answered(r);
}

static bool
is_paid_extra(const struct reading *r)
{
	return r->e->plan_limits_only && r->a->overage && is_served(r);
}

/* A turn that ends without a word is a fault of some that are not Claude; somebody else may have
 * more to say. Any other stop_reason tells why there is nothing. */
static bool
is_empty_turn(const struct reading *r)
{
	return is_answered(r) && r->e->asked == ASKED_MESSAGE && !r->e->is_authority &&
	       r->e->others_ready && !r->blocks && r->end_turn;
}

static bool
is_other_form(const struct reading *r)
{
	return r->ending == ENDING_WHOLE && is_success(r) && r->other_form;
}

static bool
is_ours(const struct reading *r)
{
	return r->ending == ENDING_OURS;
}

static bool
is_unreachable(const struct reading *r)
{
	return r->ending == ENDING_CONNECT;
}

static bool
is_lost(const struct reading *r)
{
	return r->ending == ENDING_CUT || r->ending == ENDING_FIRST_BYTE ||
	       r->ending == ENDING_IDLE;
}

static bool
is_too_big(const struct reading *r)
{
	return r->ending == ENDING_TOO_BIG;
}

static bool
is_account_window(const struct reading *r)
{
	return r->a->status == 429 && (window_rejected(r->a, "5h") || window_rejected(r->a, "7d"));
}

static bool
is_out_of_extra(const struct reading *r)
{
	static const char *const words[] = {"out of extra usage", "now draw from your extra usage",
					    NULL};
	return is_limit_status(r) && says_any(r, words);
}

static bool
is_extra_wanted(const struct reading *r)
{
	static const char *const words[] = {"extra usage is required", "usage credits are required",
					    "long context beta is not yet available", NULL};
	return (r->status == 429 && reading_says(r, "fast mode")) ||
	       (is_limit_status(r) && says_any(r, words));
}

static bool
is_usage_text(const struct reading *r)
{
	static const char *const limits[] = {"usage limit", "weekly limit", NULL};
	static const char *const reached[] = {"reached", "exceeded",      "exhausted", "used up",
					      "7-day",   "billing cycle", NULL};
	return is_limit_status(r) && says_any(r, limits) && says_both_any(r, limits, reached);
}

/* PROTOCOLS.md 1 to 4: of types and codes that providers and their resellers use. */
static bool
is_quota_code(const struct reading *r)
{
	return reading_holds(r, "quota") || reading_holds(r, "insufficient_balance") ||
	       reading_is(r, "access_terminated_error") || reading_is(r, "billing_error") ||
	       reading_is(r, "organization_on_hold") || reading_is(r, "organization_disabled") ||
	       reading_holds(r, "linked_organization_") || reading_holds(r, "spend_limit_reached");
}

static bool
is_balance(const struct reading *r)
{
	static const char *const words[] = {"insufficient balance",
					    "credit balance is too low",
					    "insufficient quota",
					    "quota is not enough",
					    "exceeded your current quota",
					    "organization has been disabled",
					    "organization is on hold",
					    "organization is disabled",
					    NULL};
	return r->status == 402 || (is_limit_status(r) && (is_quota_code(r) || says_any(r, words)));
}

static bool
is_overloaded(const struct reading *r)
{
	return reading_is(r, "overloaded_error") || reading_is(r, "engine_overloaded_error");
}

static bool
is_model_unknown(const struct reading *r)
{
	if (r->status == 400)
		return strstr(r->message, "model not exist") != NULL;
	return r->status == 404 && !r->a->html &&
	       (strstr(r->message, "model") != NULL || reading_is(r, "not_found_error") ||
		reading_is(r, "resource_not_found_error"));
}

static bool
is_code_only(const struct reading *r)
{
	return r->status == 400 && reading_says(r, "only authorized for use with claude code");
}

/* The family that a window names: "7d_opus". PROTOCOLS.md 4, 9: a name that is no family of ours
 * speaks of the one that was asked for. */
static uint64_t
family_of(const struct reading *r, const struct health_window *w)
{
	static const char *const families[] = {"opus", "sonnet", "haiku", "fable", "mythos"};
	const char *name = strchr(w->name, '_');
	if (name != NULL && strcmp(name, "_oi") == 0)
		return digest_name("fable");
	for (size_t i = 0; name != NULL && i < COUNT(families); i++)
		if (strcmp(name + 1, families[i]) == 0)
			return digest_name(families[i]);
	return r->e->family;
}

/* The family that the headers reject: the one asked for, when it is among them. */
static uint64_t
rejected_family(const struct reading *r)
{
	uint64_t first = 0;
	for (size_t i = 0; i < r->a->n_windows; i++) {
		const struct health_window *w = &r->a->windows[i];
		uint64_t family = w->rejected ? family_of(r, w) : 0;
		if (family != 0 && family == r->e->family)
			return family;
		first = first == 0 ? family : first;
	}
	return first == 0 ? r->e->family : first;
}

/* Whose rest a rejected window is. That 7d_oi is Fable's is reported only: without a time of its
 * own, the one that was refused rests, or it would be asked again and again. */
static uint64_t
resting_family(const struct reading *r)
{
	uint64_t family = rejected_family(r);
	bool guessed = window_rejected(r->a, "7d_oi") && family == digest_name("fable");
	return guessed ? r->e->family : family;
}

static bool
is_family_window(const struct reading *r)
{
	return r->a->status == 429 && any_window_rejected(r->a);
}

/* It tells of another family, and gives this one a time of its own. */
static bool
is_timed_family(const struct reading *r)
{
	return is_family_window(r) && r->a->retry_after_ms >= 0 && r->e->family != 0 &&
	       rejected_family(r) != r->e->family;
}

static bool
is_unified_rejected(const struct reading *r)
{
	return r->a->status == 429 && r->a->rejected;
}

static bool
is_overage_refused(const struct reading *r)
{
	return r->a->status == 429 && r->a->overage_refused && r->a->reset_ms == 0;
}

static bool
is_timed(const struct reading *r)
{
	return r->status == 429 && r->a->retry_after_ms >= 0;
}

static bool
is_bare_again(const struct reading *r)
{
	return r->status == 429 && r->e->throttled_lately;
}

static bool
is_bare(const struct reading *r)
{
	return r->status == 429;
}

static bool
is_html(const struct reading *r)
{
	return r->a->html;
}

/* A page about the one body that was sent. */
static bool
is_about_body(const struct reading *r)
{
	static const int statuses[] = {400, 411, 413, 414, 415, 422, 431};
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (r->a->html && r->status == statuses[i])
			return true;
	return false;
}

static bool
is_busy(const struct reading *r)
{
	return r->status >= 500;
}

/* A 403 that is not the provider's own: a region, a VPN, a firewall in between. */
static bool
is_in_between(const struct reading *r)
{
	return r->status == 403 && (r->e->is_authority ? !r->anthropic : !r->error);
}

static bool
is_model_forbidden(const struct reading *r)
{
	return r->status == 403 && strstr(r->message, "model") != NULL;
}

static bool
is_refused_client(const struct reading *r)
{
	return (r->status == 401 || r->status == 403) && !r->e->stored;
}

/* A key is put aside only for words about it; a 401 of the provider's own form is about nothing
 * else, whatever its language. */
static bool
is_refused(const struct reading *r)
{
	static const char *const what[] = {"key", "credential", "token", "authenticat", NULL};
	static const char *const how[] = {"invalid",    "incorrect", "expired",      "revoked",
					  "disabled",   "not valid", "unauthorized", "fail",
					  "permission", "denied",    "suspended",    NULL};
	if (r->status == 401 && r->error)
		return true;
	return (r->status == 401 || r->status == 403) &&
	       (reading_holds(r, "authentication") || reading_holds(r, "api_key") ||
		reading_holds(r, "token_revoked") || says_both_any(r, what, how));
}

static bool
is_forbidden(const struct reading *r)
{
	return r->status == 401 || r->status == 403;
}

static bool
is_blame_of_claude(const struct reading *r)
{
	return r->status >= 400 && r->status < 500 && r->e->is_authority && r->status != 408 &&
	       r->status != 409;
}

static bool
is_conflict(const struct reading *r)
{
	return r->status == 408 || r->status == 409;
}

static bool
is_blame(const struct reading *r)
{
	return r->status >= 400 && r->status < 500;
}

static bool
is_anything(const struct reading *r)
{
	(void)r;
	return true;
}

/* --- How long a rest lasts -------------------------------------------- */

static int64_t
until_cooldown(const struct reading *r)
{
	return r->e->now_ms + r->e->cooldown_ms;
}

static int64_t
until_minute(const struct reading *r)
{
	return r->e->now_ms + 60 * SECOND_MS;
}

static int64_t
until_hour(const struct reading *r)
{
	return r->e->now_ms + HOUR_MS;
}

static int64_t
until_retry_after(const struct reading *r)
{
	return r->e->now_ms + r->a->retry_after_ms;
}

/* A reset that was told, clamped; one that lies in the past, or is not told,
 * tells nothing, and the cooldown holds. */
static int64_t
sane_reset(const struct reading *r, int64_t reset_ms, int64_t longest_ms)
{
	if (reset_ms <= r->e->now_ms)
		return until_cooldown(r);
	return reset_ms - r->e->now_ms > longest_ms ? r->e->now_ms + longest_ms : reset_ms;
}

static int64_t
longest(const char *window)
{
	return strcmp(window, "5h") == 0 ? 6 * HOUR_MS : HEALTH_PAUSE_MAX_MS;
}

/* The latest reset of the rejected windows (PROTOCOLS.md 4 (a)); family: of those that speak of
 * it, 0: of all. */
static int64_t
latest_reset(const struct reading *r, uint64_t family)
{
	int64_t latest_ms = 0;
	for (size_t i = 0; i < r->a->n_windows; i++) {
		const struct health_window *w = &r->a->windows[i];
		bool told = w->rejected && w->reset_ms > r->e->now_ms &&
			    (family == 0 || family_of(r, w) == family);
		int64_t reset_ms = told ? sane_reset(r, w->reset_ms, longest(w->name)) : 0;
		if (reset_ms > latest_ms)
			latest_ms = reset_ms;
	}
	return latest_ms != 0 ? latest_ms : sane_reset(r, r->a->reset_ms, HEALTH_PAUSE_MAX_MS);
}

static int64_t
until_windows(const struct reading *r)
{
	return latest_reset(r, 0);
}

static int64_t
until_family(const struct reading *r)
{
	return latest_reset(r, rejected_family(r));
}

static int64_t
until_unified(const struct reading *r)
{
	if (r->a->reset_ms == 0 && r->a->retry_after_ms >= 0)
		return until_retry_after(r);
	bool five_hours = strcmp(r->a->claim, "five_hour") == 0;
	return sane_reset(r, r->a->reset_ms, longest(five_hours ? "5h" : "7d"));
}

/* "…reached|1753560000": seconds or milliseconds. 0: no time is named. */
static int64_t
named_epoch_ms(const struct reading *r)
{
	const char *bar = strchr(r->message, '|');
	if (bar == NULL)
		return 0;
	char *end;
	long long epoch = strtoll(bar + 1, &end, 10);
	if (end == bar + 1 || epoch < 0 || !reading_owns(r, bar, (size_t)(end - bar)))
		return 0;
	return clock_epoch_ms(epoch);
}

/* "regain access on 2026-08-01 at 00:00 UTC": PROTOCOLS.md 4. 0: no time is named. */
static int64_t
named_date_ms(const struct reading *r)
{
	const char *regain = strstr(r->message, "regain access on ");
	char date[32];
	int year, month, day, hour, minute;
	if (regain == NULL || !reading_says(r, "regain access on ") ||
	    sscanf(regain, "regain access on %4d-%2d-%2d at %2d:%2d utc", &year, &month, &day,
		   &hour, &minute) != 5)
		return 0;
	snprintf(date, sizeof date, "%04d-%02d-%02dT%02d:%02d:00Z", year % 10000, month % 100,
		 day % 100, hour % 100, minute % 100);
	int64_t at_ms = clock_parse_ms(date);
	return at_ms == -1 ? 0 : at_ms;
}

static int64_t
until_named(const struct reading *r)
{
	int64_t epoch_ms = named_epoch_ms(r);
	return sane_reset(r, epoch_ms != 0 ? epoch_ms : named_date_ms(r), HEALTH_PAUSE_MAX_MS);
}

/* --- The table -------------------------------------------------------- */

/* BEHAVIOUR.md 4. The first row that matches decides. "again" rows ask the same
 * provider once more before the verdict holds. */
struct row {
	const char *name;
	bool (*matches)(const struct reading *r);
	enum verdict_kind kind;
	bool retry;
	enum pause_kind pause;
	enum scope scope;
	int64_t (*until)(const struct reading *r); /* NULL: no rest, or a short one */
};

#define AGAIN true
#define ONCE  false

/* clang-format off */
static const struct row rows[] = {
	/* A served response, and what happened before there was any. */
	{"paid extra usage",        is_paid_extra,       VERDICT_PASS,      ONCE,  PAUSE_NAMED,    SCOPE_ACCOUNT,   until_windows},
	{"empty turn",              is_empty_turn,       VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"served",                  is_served,           VERDICT_PASS,      ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"our own trouble",         is_ours,             VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"unreachable",             is_unreachable,      VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_EVERYBODY, NULL},
	{"lost",                    is_lost,             VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
	{"too big",                 is_too_big,          VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"another form",            is_other_form,       VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	/* A rejected account window. */
	{"account window",          is_account_window,   VERDICT_COOL,      ONCE,  PAUSE_NAMED,    SCOPE_ACCOUNT,   until_windows},
	/* The error's own type or text. */
	{"out of extra usage",      is_out_of_extra,     VERDICT_COOL,      ONCE,  PAUSE_TIMED,    SCOPE_ACCOUNT,   until_minute},
	{"extra usage wanted",      is_extra_wanted,     VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"usage limit text",        is_usage_text,       VERDICT_COOL,      ONCE,  PAUSE_NAMED,    SCOPE_ACCOUNT,   until_named},
	{"no balance",              is_balance,          VERDICT_COOL,      ONCE,  PAUSE_COOLDOWN, SCOPE_ACCOUNT,   until_hour},
	{"overloaded",              is_overloaded,       VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
	{"model unknown",           is_model_unknown,    VERDICT_SUCCESSOR, ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"for Claude Code only",    is_code_only,        VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	/* Other unified headers. */
	{"another family's window", is_timed_family,     VERDICT_COOL,      ONCE,  PAUSE_TIMED,    SCOPE_FAMILY,    until_retry_after},
	{"family window",           is_family_window,    VERDICT_COOL,      ONCE,  PAUSE_NAMED,    SCOPE_FAMILY,    until_family},
	{"overage refused",         is_overage_refused,  VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"unified rejection",       is_unified_rejected, VERDICT_COOL,      ONCE,  PAUSE_NAMED,    SCOPE_ACCOUNT,   until_unified},
	/* retry-after. */
	{"429 with a time",         is_timed,            VERDICT_COOL,      ONCE,  PAUSE_TIMED,    SCOPE_ACCOUNT,   until_retry_after},
	/* The status. */
	{"429 again",               is_bare_again,       VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_ACCOUNT,   NULL},
	{"429",                     is_bare,             VERDICT_HOP,       AGAIN, PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"about the body",          is_about_body,       VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"an HTML page",            is_html,             VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
	{"busy",                    is_busy,             VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
	{"somebody in between",     is_in_between,       VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
	{"model forbidden",         is_model_forbidden,  VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"client's own credential", is_refused_client,   VERDICT_PASS,      ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"credential refused",      is_refused,          VERDICT_BENCH,     ONCE,  PAUSE_BENCH,    SCOPE_ACCOUNT,   until_hour},
	{"forbidden",               is_forbidden,        VERDICT_COOL,      ONCE,  PAUSE_SHORT,    SCOPE_ACCOUNT,   NULL},
	{"request blamed",          is_blame_of_claude,  VERDICT_PASS,      ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"conflict",                is_conflict,         VERDICT_HOP,       AGAIN, PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"rewriting blamed",        is_blame,            VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"no answer in the answer", is_anything,         VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
};
/* clang-format on */

static const char *
ending_text(enum ending ending)
{
	switch (ending) {
	case ENDING_CONNECT:
		return "no connection";
	case ENDING_CUT:
		return "connection lost";
	case ENDING_FIRST_BYTE:
		return "no answer in time";
	case ENDING_IDLE:
		return "silent for too long";
	case ENDING_TOO_BIG:
		return "answer too big";
	case ENDING_OURS:
		return "could not be asked";
	case ENDING_WHOLE:
		break;
	}
	return "";
}

/* "429 unified five_hour", "529 overloaded", "no connection". */
static void
explain(const struct reading *r, const struct row *row, struct verdict *v)
{
	const struct response *a = r->a;
	if (r->ending != ENDING_WHOLE)
		snprintf(v->why, sizeof v->why, "%s", ending_text(r->ending));
	else if (row->until == until_windows || row->until == until_family ||
		 row->until == until_unified)
		snprintf(v->why, sizeof v->why, "%d unified %s", a->status,
			 a->claim[0] != '\0' ? a->claim : row->name);
	else if (isdigit((unsigned char)row->name[0]))
		snprintf(v->why, sizeof v->why, "%s", row->name);
	else
		snprintf(v->why, sizeof v->why, "%d %s", a->status, row->name);
}

struct verdict
verdict_judge(const struct evidence *e)
{
	struct reading r = reading_of(e);
	const struct row *row = rows;
	while (!row->matches(&r))
		row++;
	struct verdict v = {
	    .kind = row->kind,
	    .retry = row->retry && e->response->should_retry != 0,
	    .pause = row->pause,
	    .scope = row->scope,
	    .family = row->matches == is_family_window ? resting_family(&r) : e->family,
	    .until_ms = row->until == NULL ? 0 : row->until(&r),
	    .status = r.status,
	    .usage = r.usage,
	    .throttled = row->matches == is_bare || row->matches == is_bare_again,
	    .row = row->name,
	};
	/* No usable time was named after all. */
	if (v.pause == PAUSE_NAMED && v.until_ms == until_cooldown(&r))
		v.pause = PAUSE_COOLDOWN;
	explain(&r, row, &v);
	return v;
}

const char *
verdict_name(enum verdict_kind kind)
{
	static const char *const names[] = {"pass", "hop", "cool", "bench", "successor"};
	return names[kind];
}

const char *
verdict_row(size_t i)
{
	return i < sizeof rows / sizeof *rows ? rows[i].name : NULL;
}
