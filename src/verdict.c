#include "verdict.h"

#include "caps.h"
#include "clock.h"
#include "scan.h"
#include "sse.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_MAX = 64, TEXT_MAX = 2048 };

#define SECOND_MS INT64_C(1000)
#define HOUR_MS   (3600 * SECOND_MS)

/* The evidence, and what its body says. */
struct reading {
	const struct evidence *e;
	const struct answer *a;
	enum ending ending;  /* whole also where enough arrived to judge by */
	int status;          /* as told, or as the error in a 200 stands for */
	bool error;          /* the body is an error of a known shape */
	bool empty;          /* there is no answer in the body */
	char type[TYPE_MAX]; /* error.type, else error.code: lower case */
	char text[TEXT_MAX]; /* the body's beginning, lower case */
};

/* --- Reading the body ------------------------------------------------- */

static void
lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

static void
read_word(struct scan *s, char *word, size_t size)
{
	struct span value;
	if (scan_string(s, &value) && !span_unescape(s->text, value, word, size))
		word[0] = '\0';
}

/* {"type","message","code","details":{"error_code"}}: PROTOCOLS.md 1, 2, 3. */
static void
read_error_object(struct reading *r, struct scan *s)
{
	char code[TYPE_MAX] = "";
	struct span key;
	r->error = scan_peek(s) == SCAN_OBJECT;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "type"))
			read_word(s, r->type, sizeof r->type);
		else if (span_is(s->text, key, "code"))
			read_word(s, code, sizeof code);
		else
			scan_skip(s);
	if (r->type[0] == '\0')
		memcpy(r->type, code, sizeof code);
	lower(r->type);
}

static void
read_json(struct reading *r, const char *json, size_t n)
{
	struct scan s;
	struct span key;
	scan_init(&s, json, n);
	for (scan_object(&s); scan_member(&s, &key);)
		if (span_is(json, key, "error"))
			read_error_object(r, &s);
		else
			scan_skip(&s);
	/* A JSON answer that does not end was cut on its way. */
	if (!scan_end(&s) && r->a->status == 200)
		r->empty = true;
}

/* A stream before its content: what is its first event that tells anything? */
static void
read_stream(struct reading *r)
{
	struct sse sse;
	struct sse_event event;
	size_t at = 0;
	sse_init(&sse);
	r->empty = true;
	while (sse_next(&sse, r->e->body + at, r->e->body_len - at, &event) == SSE_EVENT) {
		at += event.raw_len;
		if (event.kind == SSE_ERROR) {
			read_json(r, event.data, event.data_len);
			r->error = true;
		}
	}
	sse_fini(&sse);
}

/* The status that an error's type stands for: PROTOCOLS.md 1, Errors. */
static int
status_of(const char *type)
{
	static const struct {
		const char *type;
		int status;
	} table[] = {
	    {"invalid_request_error", 400}, {"authentication_error", 401},
	    {"billing_error", 402},         {"permission_error", 403},
	    {"not_found_error", 404},       {"request_too_large", 413},
	    {"rate_limit_error", 429},      {"api_error", 500},
	    {"timeout_error", 504},         {"overloaded_error", 529},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].type, type) == 0)
			return table[i].status;
	return 502;
}

static void
read_body(struct reading *r)
{
	if (r->a->sse)
		read_stream(r);
	else if (!r->a->html)
		read_json(r, r->e->body, r->e->body_len);
	if (r->status == 200 && r->error)
		r->status = status_of(r->type);
}

/* What a failure says. What a model said is not looked at. */
static void
read_text(struct reading *r)
{
	size_t n = r->e->body_len < TEXT_MAX - 1 ? r->e->body_len : TEXT_MAX - 1;
	for (size_t i = 0; i < n; i++)
		r->text[i] =
		    r->e->body[i] == '\0' ? ' ' : (char)tolower((unsigned char)r->e->body[i]);
}

static struct reading
read_evidence(const struct evidence *e)
{
	struct reading r = {
	    .e = e, .a = e->answer, .ending = e->ending, .status = e->answer->status};
	/* A head without its end is none, whatever libcurl makes of it. */
	if (!e->answer->complete && r.ending == ENDING_WHOLE)
		r.ending = ENDING_CUT;
	if (e->content || !e->answer->complete)
		return r;
	read_body(&r);
	if (r.status >= 300)
		read_text(&r);
	/* A head that tells a failure is one however its body ends, and a JSON
	 * answer is complete when its JSON is (BEHAVIOUR 4). */
	bool judged = r.status >= 300 || (!r.a->sse && !r.empty);
	if (judged &&
	    (e->ending == ENDING_CUT || e->ending == ENDING_IDLE || e->ending == ENDING_TOO_BIG))
		r.ending = ENDING_WHOLE;
	return r;
}

/* --- Conditions ------------------------------------------------------- */

static bool
has(const struct reading *r, const char *text)
{
	return strstr(r->text, text) != NULL;
}

static bool
is_type(const struct reading *r, const char *type)
{
	return strcmp(r->type, type) == 0;
}

static bool
is_limit_status(const struct reading *r)
{
	return r->status == 429 || r->status == 400 || r->status == 403;
}

static bool
window_rejected(const struct answer *a, const char *name)
{
	const struct health_window *w = answer_window(a, name);
	return w != NULL && w->rejected;
}

static bool
any_window_rejected(const struct answer *a)
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

static bool
is_json_answer(const struct reading *r)
{
	return r->ending == ENDING_WHOLE && r->status >= 200 && r->status < 300 && !r->a->sse &&
	       !r->a->html && !r->error && !r->empty && !r->e->wants_stream;
}

static bool
is_paid_extra(const struct reading *r)
{
	return r->e->plan_limits_only && r->a->overage && (is_content(r) || is_json_answer(r));
}

static bool
is_served(const struct reading *r)
{
	return is_content(r) || is_json_answer(r);
}

static bool
is_ours(const struct reading *r)
{
	return r->ending == ENDING_OURS;
}

static bool
is_unreachable(const struct reading *r)
{
	return r->ending == ENDING_CONNECT || r->ending == ENDING_CUT ||
	       r->ending == ENDING_FIRST_BYTE || r->ending == ENDING_IDLE;
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
	return has(r, "out of extra usage") || has(r, "now draw from your extra usage");
}

static bool
is_extra_wanted(const struct reading *r)
{
	return r->status == 429 && (has(r, "extra usage is required") ||
				    has(r, "usage credits are required") || has(r, "fast mode"));
}

static bool
is_usage_text(const struct reading *r)
{
	return is_limit_status(r) &&
	       (has(r, "usage limit reached") || has(r, "usage limit has been reached") ||
		has(r, "specified api usage limits"));
}

static bool
is_balance(const struct reading *r)
{
	return r->status == 402 || has(r, "insufficient balance") ||
	       has(r, "exceeded_current_quota_error") || has(r, "credit balance is too low") ||
	       has(r, "organization_on_hold") || has(r, "linked_organization_") ||
	       has(r, "spend_limit_reached");
}

static bool
is_overloaded(const struct reading *r)
{
	return is_type(r, "overloaded_error") || is_type(r, "engine_overloaded_error");
}

static bool
is_model_unknown(const struct reading *r)
{
	if (r->status == 400)
		return has(r, "model not exist");
	return r->status == 404 && !r->a->html &&
	       (has(r, "model") || is_type(r, "not_found_error") ||
		is_type(r, "resource_not_found_error"));
}

static bool
is_code_only(const struct reading *r)
{
	return r->status == 400 && has(r, "only authorized for use with claude code");
}

static bool
is_family_window(const struct reading *r)
{
	return r->a->status == 429 && any_window_rejected(r->a);
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

static bool
is_busy(const struct reading *r)
{
	return r->status >= 500;
}

static bool
is_model_forbidden(const struct reading *r)
{
	return r->status == 403 && has(r, "model");
}

static bool
is_refused_client(const struct reading *r)
{
	return (r->status == 401 || r->status == 403) && !r->e->stored;
}

static bool
is_refused(const struct reading *r)
{
	return r->status == 401 || r->status == 403;
}

static bool
is_blame_of_claude(const struct reading *r)
{
	return r->status >= 400 && r->status < 500 && r->e->claude && r->status != 408 &&
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
	return strcmp(window, "5h") == 0 ? 6 * HOUR_MS : HEALTH_REST_MAX_MS;
}

/* The latest reset of the rejected windows: PROTOCOLS.md 4 (a). */
static int64_t
until_windows(const struct reading *r)
{
	int64_t latest_ms = 0;
	for (size_t i = 0; i < r->a->n_windows; i++) {
		const struct health_window *w = &r->a->windows[i];
		bool told = w->reset_ms > r->e->now_ms;
		int64_t reset_ms = told ? sane_reset(r, w->reset_ms, longest(w->name)) : 0;
		if (w->rejected && reset_ms > latest_ms)
			latest_ms = reset_ms;
	}
	return latest_ms != 0 ? latest_ms : sane_reset(r, r->a->reset_ms, HEALTH_REST_MAX_MS);
}

static int64_t
until_unified(const struct reading *r)
{
	if (r->a->reset_ms == 0 && r->a->retry_after_ms >= 0)
		return until_retry_after(r);
	bool five_hours = strcmp(r->a->claim, "five_hour") == 0;
	return sane_reset(r, r->a->reset_ms, longest(five_hours ? "5h" : "7d"));
}

/* "…reached|1753560000" (seconds or milliseconds), "regain access on
 * 2026-08-01 at 00:00 UTC": PROTOCOLS.md 4. 0: no time is named. */
static int64_t
named_time_ms(const char *text)
{
	const char *bar = strchr(text, '|');
	if (bar != NULL) {
		char *end;
		long long epoch = strtoll(bar + 1, &end, 10);
		if (end - bar > 12)
			return epoch;
		return end == bar + 1 || epoch < 0 ? 0 : epoch * 1000;
	}
	const char *regain = strstr(text, "regain access on ");
	char date[32];
	int year, month, day, hour, minute;
	if (regain == NULL || sscanf(regain, "regain access on %4d-%2d-%2d at %2d:%2d utc", &year,
				     &month, &day, &hour, &minute) != 5)
		return 0;
	snprintf(date, sizeof date, "%04d-%02d-%02dT%02d:%02d:00Z", year % 10000, month % 100,
		 day % 100, hour % 100, minute % 100);
	int64_t at_ms = clock_parse_ms(date);
	return at_ms == -1 ? 0 : at_ms;
}

static int64_t
until_named(const struct reading *r)
{
	return sane_reset(r, named_time_ms(r->text), HEALTH_REST_MAX_MS);
}

/* --- The table -------------------------------------------------------- */

/* BEHAVIOUR.md 4. The first row that matches decides. "again" rows ask the same
 * provider once more before the verdict holds. */
struct row {
	const char *name;
	bool (*matches)(const struct reading *r);
	enum verdict_kind kind;
	bool retry;
	enum rest_kind rest;
	enum scope scope;
	int64_t (*until)(const struct reading *r); /* NULL: no rest, or a short one */
};

#define AGAIN true
#define ONCE  false

/* clang-format off */
static const struct row rows[] = {
	/* A served answer, and what happened before there was any. */
	{"paid extra usage",        is_paid_extra,       VERDICT_PASS,      ONCE,  REST_NAMED,    SCOPE_ACCOUNT,   until_windows},
	{"served",                  is_served,           VERDICT_PASS,      ONCE,  REST_NONE,     SCOPE_ACCOUNT,   NULL},
	{"our own trouble",         is_ours,             VERDICT_HOP,       ONCE,  REST_NONE,     SCOPE_ACCOUNT,   NULL},
	{"unreachable",             is_unreachable,      VERDICT_COOL,      AGAIN, REST_SHORT,    SCOPE_EVERYBODY, NULL},
	{"too big",                 is_too_big,          VERDICT_HOP,       ONCE,  REST_NONE,     SCOPE_ACCOUNT,   NULL},
	/* A rejected account window. */
	{"account window",          is_account_window,   VERDICT_COOL,      ONCE,  REST_NAMED,    SCOPE_ACCOUNT,   until_windows},
	/* The error's own type or text. */
	{"out of extra usage",      is_out_of_extra,     VERDICT_COOL,      ONCE,  REST_TIMED,    SCOPE_ACCOUNT,   until_minute},
	{"extra usage wanted",      is_extra_wanted,     VERDICT_HOP,       ONCE,  REST_NONE,     SCOPE_ACCOUNT,   NULL},
	{"usage limit text",        is_usage_text,       VERDICT_COOL,      ONCE,  REST_NAMED,    SCOPE_ACCOUNT,   until_named},
	{"no balance",              is_balance,          VERDICT_COOL,      ONCE,  REST_COOLDOWN, SCOPE_ACCOUNT,   until_hour},
	{"overloaded",              is_overloaded,       VERDICT_COOL,      AGAIN, REST_SHORT,    SCOPE_EVERYBODY, NULL},
	{"model unknown",           is_model_unknown,    VERDICT_SUCCESSOR, ONCE,  REST_NONE,     SCOPE_ACCOUNT,   NULL},
	{"for Claude Code only",    is_code_only,        VERDICT_HOP,       ONCE,  REST_NONE,     SCOPE_ACCOUNT,   NULL},
	/* Other unified headers. */
	{"family window",           is_family_window,    VERDICT_COOL,      ONCE,  REST_NAMED,    SCOPE_FAMILY,    until_windows},
	{"overage refused",         is_overage_refused,  VERDICT_HOP,       ONCE,  REST_NONE,     SCOPE_ACCOUNT,   NULL},
	{"unified rejection",       is_unified_rejected, VERDICT_COOL,      ONCE,  REST_NAMED,    SCOPE_ACCOUNT,   until_unified},
	/* retry-after. */
	{"429 with a time",         is_timed,            VERDICT_COOL,      ONCE,  REST_TIMED,    SCOPE_ACCOUNT,   until_retry_after},
	/* The status. */
	{"429 again",               is_bare_again,       VERDICT_COOL,      AGAIN, REST_SHORT,    SCOPE_ACCOUNT,   NULL},
	{"429",                     is_bare,             VERDICT_HOP,       AGAIN, REST_NONE,     SCOPE_ACCOUNT,   NULL},
	{"an HTML page",            is_html,             VERDICT_COOL,      AGAIN, REST_SHORT,    SCOPE_EVERYBODY, NULL},
	{"busy",                    is_busy,             VERDICT_COOL,      AGAIN, REST_SHORT,    SCOPE_EVERYBODY, NULL},
	{"model forbidden",         is_model_forbidden,  VERDICT_HOP,       ONCE,  REST_NONE,     SCOPE_ACCOUNT,   NULL},
	{"client's own credential", is_refused_client,   VERDICT_PASS,      ONCE,  REST_NONE,     SCOPE_ACCOUNT,   NULL},
	{"credential refused",      is_refused,          VERDICT_BENCH,     ONCE,  REST_BENCH,    SCOPE_ACCOUNT,   until_hour},
	{"request blamed",          is_blame_of_claude,  VERDICT_PASS,      ONCE,  REST_NONE,     SCOPE_ACCOUNT,   NULL},
	{"conflict",                is_conflict,         VERDICT_HOP,       AGAIN, REST_NONE,     SCOPE_ACCOUNT,   NULL},
	{"rewriting blamed",        is_blame,            VERDICT_HOP,       ONCE,  REST_NONE,     SCOPE_ACCOUNT,   NULL},
	{"no answer in the answer", is_anything,         VERDICT_COOL,      AGAIN, REST_SHORT,    SCOPE_EVERYBODY, NULL},
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
	const struct answer *a = r->a;
	if (r->ending != ENDING_WHOLE)
		snprintf(v->why, sizeof v->why, "%s", ending_text(r->ending));
	else if (row->until == until_windows || row->until == until_unified)
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
	struct reading r = read_evidence(e);
	const struct row *row = rows;
	while (!row->matches(&r))
		row++;
	struct verdict v = {
	    .kind = row->kind,
	    .retry = row->retry && e->answer->should_retry != 0,
	    .rest = row->rest,
	    .scope = row->scope,
	    .until_ms = row->until == NULL ? 0 : row->until(&r),
	    .status = r.status,
	    .throttled = row->matches == is_bare || row->matches == is_bare_again,
	    .row = row->name,
	};
	/* No usable time was named after all. */
	if (v.rest == REST_NAMED && v.until_ms == until_cooldown(&r))
		v.rest = REST_COOLDOWN;
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
