/* SPDX-License-Identifier: MIT */
#include "route/verdict.h"

#include "base/clock.h"
#include "base/count.h"
#include "base/digest.h"
#include "dialect/message.h"
#include "route/reading.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_MS INT64_C(1000)
#define HOUR_MS   (3600 * SECOND_MS)

/* --- Conditions ------------------------------------------------------- */

/* Whether it mentions one of these words. */
static bool
mentions_any(const struct reading *r, const char *const *words)
{
	for (; *words != NULL; words++)
		if (reading_mentions(r, *words))
			return true;
	return false;
}

/* Whether it mentions one of these words and one of those. */
static bool
mentions_any_pair(const struct reading *r, const char *const *these, const char *const *those)
{
	for (; *these != NULL; these++)
		for (size_t i = 0; those[i] != NULL; i++)
			if (reading_mentions_both(r, *these, those[i]))
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
window_rejected(const struct response *response, const char *name)
{
	const struct health_window *w = response_window(response, name);
	return w != NULL && w->rejected;
}

static bool
any_window_rejected(const struct response *response)
{
	for (size_t i = 0; i < response->n_windows; i++)
		if (response->windows[i].rejected)
			return true;
	return false;
}

static bool
is_content(const struct reading *r)
{
	return r->evidence->content && r->ending == ENDING_WHOLE;
}

/* A success is recognized by what it contains, not by the lack of an error. */
static bool
is_result(const struct reading *r)
{
	return r->ending == ENDING_WHOLE && is_success(r) && r->has_result;
}

static bool
is_served(const struct reading *r)
{
	return is_content(r) || is_result(r);
}

static bool
is_paid_extra(const struct reading *r)
{
	return r->evidence->plan_limits_only && r->response->overage && is_served(r);
}

/* A turn without content is a fault of some providers that are not Claude; another one may do
 * better. Any other stop_reason explains why there is no content. */
static bool
is_empty_turn(const struct reading *r)
{
	return is_result(r) && r->evidence->asked == ASKED_MESSAGE && !r->evidence->is_authority &&
	       r->evidence->others_ready && !r->blocks && r->end_turn;
}

static bool
is_wrong_format(const struct reading *r)
{
	return r->ending == ENDING_WHOLE && is_success(r) && r->wrong_format;
}

static bool
is_local_failure(const struct reading *r)
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
	return r->response->status == 429 &&
	       (window_rejected(r->response, "5h") || window_rejected(r->response, "7d"));
}

static bool
is_out_of_extra(const struct reading *r)
{
	static const char *const words[] = {"out of extra usage", "now draw from your extra usage",
					    NULL};
	return is_limit_status(r) && mentions_any(r, words);
}

static bool
is_extra_required(const struct reading *r)
{
	static const char *const words[] = {"extra usage is required", "usage credits are required",
					    "long context beta is not yet available", NULL};
	return (r->status == 429 && reading_mentions(r, "fast mode")) ||
	       (is_limit_status(r) && mentions_any(r, words));
}

static bool
is_usage_text(const struct reading *r)
{
	static const char *const limits[] = {"usage limit", "weekly limit", NULL};
	static const char *const reached[] = {"reached", "exceeded",      "exhausted", "used up",
					      "7-day",   "billing cycle", NULL};
	return is_limit_status(r) && mentions_any(r, limits) &&
	       mentions_any_pair(r, limits, reached);
}

/* Types and codes that providers and their resellers use: PROTOCOLS.md 1 to 4, 8. */
static bool
is_quota_code(const struct reading *r)
{
	return reading_contains(r, "quota") || reading_contains(r, "insufficient_balance") ||
	       reading_is(r, "access_terminated_error") || reading_is(r, "billing_error") ||
	       reading_is(r, "organization_on_hold") || reading_is(r, "organization_disabled") ||
	       reading_is(r, "billing_hard_limit_reached") || reading_is(r, "billing_not_active") ||
	       reading_contains(r, "linked_organization_") ||
	       reading_contains(r, "spend_limit_reached");
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
	return r->status == 402 ||
	       (is_limit_status(r) && (is_quota_code(r) || mentions_any(r, words)));
}

static bool
is_overloaded(const struct reading *r)
{
	return reading_is(r, "overloaded_error") || reading_is(r, "engine_overloaded_error");
}

static bool
is_model_unknown(const struct reading *r)
{
	bool named = reading_is(r, "model_not_found");
	if (r->status == 400)
		return named || strstr(r->message, "model not exist") != NULL ||
		       strstr(r->message, "not a valid model") != NULL;
	if (r->status == 403)
		return named;
	return r->status == 404 && !r->response->html &&
	       (strstr(r->message, "model") != NULL || reading_is(r, "not_found_error") ||
		reading_is(r, "resource_not_found_error"));
}

static bool
is_code_only(const struct reading *r)
{
	return r->status == 400 && reading_mentions(r, "only authorized for use with claude code");
}

/* The family that a window names. An unknown name stands for the family that was asked for. */
static uint64_t
family_of(const struct reading *r, const struct health_window *w)
{
	uint64_t family = message_window_family(w->name);
	return family == 0 ? r->evidence->family : family;
}

/* The family that the headers reject; of several, the one that was asked for, if it is among
 * them. */
static uint64_t
rejected_family(const struct reading *r)
{
	uint64_t first = 0;
	for (size_t i = 0; i < r->response->n_windows; i++) {
		const struct health_window *w = &r->response->windows[i];
		uint64_t family = w->rejected ? family_of(r, w) : 0;
		if (family != 0 && family == r->evidence->family)
			return family;
		first = first == 0 ? family : first;
	}
	return first == 0 ? r->evidence->family : first;
}

/* The family that a rejected window pauses. It is unconfirmed that 7d_oi means Fable, so the
 * family that was asked for is paused; else it would be asked again and again. */
static uint64_t
paused_family(const struct reading *r)
{
	uint64_t family = rejected_family(r);
	bool guessed = window_rejected(r->response, "7d_oi") && family == digest_name("fable");
	return guessed ? r->evidence->family : family;
}

static bool
is_family_window(const struct reading *r)
{
	return r->response->status == 429 && any_window_rejected(r->response);
}

/* It rejects another family, and has a retry-after for this one. */
static bool
is_timed_family(const struct reading *r)
{
	return is_family_window(r) && r->response->retry_after_ms >= 0 &&
	       r->evidence->family != 0 && rejected_family(r) != r->evidence->family;
}

static bool
is_unified_rejected(const struct reading *r)
{
	return r->response->status == 429 && r->response->rejected;
}

static bool
is_overage_refused(const struct reading *r)
{
	return r->response->status == 429 && r->response->overage_refused &&
	       r->response->reset_ms == 0;
}

static bool
is_timed(const struct reading *r)
{
	return r->status == 429 && r->response->retry_after_ms >= 0;
}

static bool
is_bare_again(const struct reading *r)
{
	return r->status == 429 && r->evidence->throttled_lately;
}

static bool
is_bare(const struct reading *r)
{
	return r->status == 429;
}

static bool
is_html(const struct reading *r)
{
	return r->response->html;
}

/* A page that rejects the body that was sent. */
static bool
is_body_rejected(const struct reading *r)
{
	static const int statuses[] = {400, 411, 413, 414, 415, 422, 431};
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (r->response->html && r->status == statuses[i])
			return true;
	return false;
}

static bool
is_busy(const struct reading *r)
{
	return r->status >= 500;
}

/* A 403 that the provider did not send itself: a region block, a VPN, a firewall in between. */
static bool
is_intermediary(const struct reading *r)
{
	return r->status == 403 && (r->evidence->is_authority ? !r->anthropic : !r->error);
}

static bool
is_model_forbidden(const struct reading *r)
{
	return r->status == 403 && strstr(r->message, "model") != NULL;
}

static bool
is_own_credential(const struct reading *r)
{
	return (r->status == 401 || r->status == 403) && !r->evidence->stored;
}

/* A credential is benched only when the error is about it; a 401 in the provider's form is about
 * nothing else, in whatever language. */
static bool
is_credential_rejected(const struct reading *r)
{
	static const char *const what[] = {"key", "credential", "token", "authenticat", NULL};
	static const char *const how[] = {"invalid",    "incorrect", "expired",      "revoked",
					  "disabled",   "not valid", "unauthorized", "fail",
					  "permission", "denied",    "suspended",    NULL};
	if (r->status == 401 && r->error)
		return true;
	return (r->status == 401 || r->status == 403) &&
	       (reading_contains(r, "authentication") || reading_contains(r, "api_key") ||
		reading_contains(r, "token_revoked") || mentions_any_pair(r, what, how));
}

static bool
is_forbidden(const struct reading *r)
{
	return r->status == 401 || r->status == 403;
}

static bool
is_rejected_by_claude(const struct reading *r)
{
	return r->status >= 400 && r->status < 500 && r->evidence->is_authority &&
	       r->status != 408 && r->status != 409;
}

static bool
is_conflict(const struct reading *r)
{
	return r->status == 408 || r->status == 409;
}

static bool
is_rejected(const struct reading *r)
{
	return r->status >= 400 && r->status < 500;
}

static bool
is_any(const struct reading *r)
{
	(void)r;
	return true;
}

/* --- How long a pause lasts ------------------------------------------- */

static int64_t
until_cooldown(const struct reading *r)
{
	return r->evidence->now_ms + r->evidence->cooldown_ms;
}

static int64_t
until_minute(const struct reading *r)
{
	return r->evidence->now_ms + 60 * SECOND_MS;
}

static int64_t
until_hour(const struct reading *r)
{
	return r->evidence->now_ms + HOUR_MS;
}

static int64_t
until_retry_after(const struct reading *r)
{
	return r->evidence->now_ms + r->response->retry_after_ms;
}

/* A reset as the headers name it, at most longest_ms from now; one that is 0 or in the past does
 * not count, and the cooldown applies. */
static int64_t
clamp_reset(const struct reading *r, int64_t reset_ms, int64_t longest_ms)
{
	if (reset_ms <= r->evidence->now_ms)
		return until_cooldown(r);
	return reset_ms - r->evidence->now_ms > longest_ms ? r->evidence->now_ms + longest_ms
							   : reset_ms;
}

static int64_t
longest(const char *window)
{
	return strcmp(window, "5h") == 0 ? 6 * HOUR_MS : HEALTH_PAUSE_MAX_MS;
}

/* The latest reset of the rejected windows (PROTOCOLS.md 4 (a)); family: only of its windows; 0: of
 * all. */
static int64_t
latest_reset(const struct reading *r, uint64_t family)
{
	int64_t latest_ms = 0;
	for (size_t i = 0; i < r->response->n_windows; i++) {
		const struct health_window *w = &r->response->windows[i];
		bool counts = w->rejected && w->reset_ms > r->evidence->now_ms &&
			      (family == 0 || family_of(r, w) == family);
		int64_t reset_ms = counts ? clamp_reset(r, w->reset_ms, longest(w->name)) : 0;
		if (reset_ms > latest_ms)
			latest_ms = reset_ms;
	}
	return latest_ms != 0 ? latest_ms
			      : clamp_reset(r, r->response->reset_ms, HEALTH_PAUSE_MAX_MS);
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
	if (r->response->reset_ms == 0 && r->response->retry_after_ms >= 0)
		return until_retry_after(r);
	bool five_hours = strcmp(r->response->claim, "five_hour") == 0;
	return clamp_reset(r, r->response->reset_ms, longest(five_hours ? "5h" : "7d"));
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
	if (end == bar + 1 || epoch < 0 || !reading_is_own(r, bar, (size_t)(end - bar)))
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
	if (regain == NULL || !reading_mentions(r, "regain access on ") ||
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
	return clamp_reset(r, epoch_ms != 0 ? epoch_ms : named_date_ms(r), HEALTH_PAUSE_MAX_MS);
}

/* --- The table -------------------------------------------------------- */

/* BEHAVIOUR.md 4. The first row that matches decides. With AGAIN, the same provider is tried once
 * more before the verdict applies. */
struct row {
	const char *name;
	bool (*matches)(const struct reading *r);
	enum verdict_kind kind;
	bool retry;
	enum pause_kind pause;
	enum scope scope;
	int64_t (*until)(const struct reading *r); /* NULL: no pause, or a short one */
};

#define AGAIN true
#define ONCE  false

/* clang-format off */
static const struct row rows[] = {
	/* A result, or no complete response. */
	{"paid extra usage",        is_paid_extra,          VERDICT_PASS,      ONCE,  PAUSE_NAMED,    SCOPE_ACCOUNT,   until_windows},
	{"empty turn",              is_empty_turn,          VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"served",                  is_served,              VERDICT_PASS,      ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"local failure",           is_local_failure,       VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"unreachable",             is_unreachable,         VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_EVERYBODY, NULL},
	{"lost",                    is_lost,                VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
	{"too large",               is_too_big,             VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"wrong format",            is_wrong_format,        VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	/* A rejected account window. */
	{"account window",          is_account_window,      VERDICT_COOL,      ONCE,  PAUSE_NAMED,    SCOPE_ACCOUNT,   until_windows},
	/* The error's own type or text. */
	{"out of extra usage",      is_out_of_extra,        VERDICT_COOL,      ONCE,  PAUSE_TIMED,    SCOPE_ACCOUNT,   until_minute},
	{"extra usage required",    is_extra_required,      VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"usage limit text",        is_usage_text,          VERDICT_COOL,      ONCE,  PAUSE_NAMED,    SCOPE_ACCOUNT,   until_named},
	{"no balance",              is_balance,             VERDICT_COOL,      ONCE,  PAUSE_COOLDOWN, SCOPE_ACCOUNT,   until_hour},
	{"overloaded",              is_overloaded,          VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
	{"model unknown",           is_model_unknown,       VERDICT_SUCCESSOR, ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"for Claude Code only",    is_code_only,           VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	/* Other unified headers. */
	{"another family's window", is_timed_family,        VERDICT_COOL,      ONCE,  PAUSE_TIMED,    SCOPE_FAMILY,    until_retry_after},
	{"family window",           is_family_window,       VERDICT_COOL,      ONCE,  PAUSE_NAMED,    SCOPE_FAMILY,    until_family},
	{"overage refused",         is_overage_refused,     VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"unified rejection",       is_unified_rejected,    VERDICT_COOL,      ONCE,  PAUSE_NAMED,    SCOPE_ACCOUNT,   until_unified},
	/* retry-after. */
	{"429 with a time",         is_timed,               VERDICT_COOL,      ONCE,  PAUSE_TIMED,    SCOPE_ACCOUNT,   until_retry_after},
	/* The status. */
	{"429 again",               is_bare_again,          VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_ACCOUNT,   NULL},
	{"429",                     is_bare,                VERDICT_HOP,       AGAIN, PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"body rejected",           is_body_rejected,       VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"HTML page",               is_html,                VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
	{"busy",                    is_busy,                VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
	{"intermediary",            is_intermediary,        VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
	{"model forbidden",         is_model_forbidden,     VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"client's own credential", is_own_credential,      VERDICT_PASS,      ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"credential rejected",     is_credential_rejected, VERDICT_BENCH,     ONCE,  PAUSE_BENCH,    SCOPE_ACCOUNT,   until_hour},
	{"forbidden",               is_forbidden,           VERDICT_COOL,      ONCE,  PAUSE_SHORT,    SCOPE_ACCOUNT,   NULL},
	{"request rejected",        is_rejected_by_claude,  VERDICT_PASS,      ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"conflict",                is_conflict,            VERDICT_HOP,       AGAIN, PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"rewrite rejected",        is_rejected,            VERDICT_HOP,       ONCE,  PAUSE_NONE,     SCOPE_ACCOUNT,   NULL},
	{"unusable response",       is_any,                 VERDICT_COOL,      AGAIN, PAUSE_SHORT,    SCOPE_SPREADING, NULL},
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
		return "no response in time";
	case ENDING_IDLE:
		return "silent for too long";
	case ENDING_TOO_BIG:
		return "response too large";
	case ENDING_OURS:
		return "local failure";
	case ENDING_WHOLE:
		break;
	}
	return "";
}

/* "429 unified five_hour", "529 overloaded", "no connection". */
static void
explain(const struct reading *r, const struct row *row, struct verdict *v)
{
	const struct response *response = r->response;
	if (r->ending != ENDING_WHOLE)
		snprintf(v->why, sizeof v->why, "%s", ending_text(r->ending));
	else if (row->until == until_windows || row->until == until_family ||
		 row->until == until_unified)
		snprintf(v->why, sizeof v->why, "%d unified %s", response->status,
			 response->claim[0] != '\0' ? response->claim : row->name);
	else if (isdigit((unsigned char)row->name[0]))
		snprintf(v->why, sizeof v->why, "%s", row->name);
	else
		snprintf(v->why, sizeof v->why, "%d %s", response->status, row->name);
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
	    .family = row->matches == is_family_window ? paused_family(&r) : e->family,
	    .until_ms = row->until == NULL ? 0 : row->until(&r),
	    .status = r.status,
	    .usage = r.usage,
	    .throttled = row->matches == is_bare || row->matches == is_bare_again,
	    .row = row->name,
	};
	/* No usable time was named. */
	if (v.pause == PAUSE_NAMED && v.until_ms == until_cooldown(&r))
		v.pause = PAUSE_COOLDOWN;
	explain(&r, row, &v);
	return v;
}

bool
verdict_is_about_credential(const struct verdict *v)
{
	if (v->pause != PAUSE_NONE)
		return v->scope < SCOPE_SPREADING;
	return v->status == 401 || v->status == 402 || v->status == 403 || v->status == 429;
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
	return i < COUNT(rows) ? rows[i].name : NULL;
}
