/* SPDX-License-Identifier: MIT */
/* no_provider: the refusal when no provider can reply (BEHAVIOUR.md 5), from a plan to status,
 * type, header lines and text. Providers are a, b, c, in that order; a takes logins. */
#include "route/no_provider.h"

#include "tap.h"

#include <stdlib.h>

#define NOW_MS INT64_C(1795460400000) /* 2026-11-23 19:00:00 UTC */
#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is left out is 0 */

enum { PROVIDERS = 3 };

/* How a candidate stands; READY is 0. */
struct stands {
	enum standing standing;
	int64_t for_ms;     /* from now */
	const char *window; /* of a, which the provider rejected; NULL: none */
	enum { CAP, BUDGET, RESERVED_BUDGET } by; /* CAPPED: by what */
};

/* What else is known. */
enum { LOGIN = 1, SPENT = 2, LIMITED = 4 };

#define PAUSED_FOR(ms) STANDING_PAUSED, (ms)
#define NONE_IS_SET_UP                                                                             \
	{                                                                                          \
		{STANDING_UNCONFIGURED}, {STANDING_UNCONFIGURED},                                  \
		{                                                                                  \
			STANDING_DISABLED                                                          \
		}                                                                                  \
	}

static const struct {
	int line;
	const char *name;
	struct stands candidates[PROVIDERS];
	unsigned traits;
	const char *last; /* NULL: no provider was tried */
	int status;
	const char *type, *lines, *message; /* lines: all; message: a part */
} rows[] = {
    {__LINE__,
     "soon: retry-after is the wait",
     {{PAUSED_FOR(40 * SECOND)}, {PAUSED_FOR(HOUR)}, {PAUSED_FOR(HOUR)}},
     LOGIN,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 40\r\n",
     "No provider can answer now: a is paused until 19:00 (429); b is paused until 20:00 (429); c"},
    {__LINE__,
     "part of a second is waited for whole",
     {{PAUSED_FOR(40 * SECOND + 1)}, {STANDING_DISABLED}, {STANDING_DISABLED}},
     LOGIN,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 41\r\n",
     "a is paused until"},
    {__LINE__,
     "in minutes: in parts of 55 s",
     {{PAUSED_FOR(240 * SECOND)}, {PAUSED_FOR(HOUR)}, {PAUSED_FOR(HOUR)}},
     LOGIN,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 55\r\n",
     "a is paused until"},
    {__LINE__,
     "in hours, with a login: Claude Code shows when",
     {{PAUSED_FOR(2 * HOUR)}, {PAUSED_FOR(3 * HOUR)}, {PAUSED_FOR(3 * HOUR)}},
     LOGIN,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 7200\r\n"
     "anthropic-ratelimit-unified-status: rejected\r\n"
     "anthropic-ratelimit-unified-reset: 1795467600\r\n"
     "anthropic-ratelimit-unified-representative-claim: five_hour\r\n",
     "a is paused until"},
    {__LINE__,
     "the window is the one that was rejected",
     {{PAUSED_FOR(2 * HOUR), "7d_opus"}, {PAUSED_FOR(3 * HOUR)}, {PAUSED_FOR(3 * HOUR)}},
     LOGIN,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 7200\r\n"
     "anthropic-ratelimit-unified-status: rejected\r\n"
     "anthropic-ratelimit-unified-reset: 1795467600\r\n"
     "anthropic-ratelimit-unified-representative-claim: seven_day_opus\r\n",
     "a is paused until"},
    {__LINE__,
     "in hours, without a login: the seconds alone",
     {{PAUSED_FOR(2 * HOUR)}, {PAUSED_FOR(3 * HOUR)}, {PAUSED_FOR(3 * HOUR)}},
     0,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 7200\r\n",
     "a is paused until"},
    {__LINE__,
     "another request is probing: soon",
     {{STANDING_PROBED, 5 * SECOND}, {STANDING_DISABLED}, {STANDING_DISABLED}},
     LOGIN,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 5\r\n",
     "another request is probing it"},
    {__LINE__,
     "benched alone: nothing to wait for",
     {{STANDING_BENCHED, HOUR}, {STANDING_UNCONFIGURED}, {STANDING_UNCONFIGURED}},
     LOGIN,
     NULL,
     503,
     "api_error",
     "x-should-retry: false\r\n",
     "No provider can answer this request: a rejects its credential (429); tried again at 20:00; "},
    {__LINE__,
     "benched, and another is paused",
     {{STANDING_BENCHED, HOUR}, {PAUSED_FOR(30 * SECOND)}, {STANDING_UNCONFIGURED}},
     LOGIN,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 30\r\n",
     "b is paused until"},
    {__LINE__,
     "a cap ends at a time, like a pause",
     {{STANDING_CAPPED, 40 * SECOND}, {PAUSED_FOR(HOUR)}, {STANDING_DISABLED}},
     0,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 40\r\n",
     "No provider can answer now: a has used its daily cap; b is paused"},
    {__LINE__,
     "the budget of the client's key: who serves again",
     {{PAUSED_FOR(40 * SECOND)},
      {STANDING_CAPPED, HOUR, NULL, BUDGET},
      {STANDING_CAPPED, HOUR, NULL, BUDGET}},
     LOGIN,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 40\r\n",
     "b's budget is used up; a serves again 19:00."},
    {__LINE__,
     "the budget of the client's key: when it begins anew",
     {{PAUSED_FOR(3 * HOUR)}, {STANDING_CAPPED, 2 * HOUR, NULL, BUDGET}, {STANDING_DISABLED}},
     0,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 7200\r\n",
     "b's budget is used up; it begins anew 21:00."},
    {__LINE__,
     "the budget of the client's key is reserved: soon",
     {{STANDING_UNCONFIGURED},
      {STANDING_CAPPED, 5 * SECOND, NULL, RESERVED_BUDGET},
      {STANDING_DISABLED}},
     0,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 5\r\n",
     "b's budget is used up."},
    {__LINE__,
     "one that only a person can lift does not",
     {{STANDING_CAPPED, -NOW_MS}, {STANDING_UNABLE}, {STANDING_DISABLED}},
     0,
     NULL,
     503,
     "api_error",
     "x-should-retry: false\r\n",
     "No provider can answer this request: a has used its daily cap; b cannot"},
    {__LINE__,
     "none can take the request",
     {{STANDING_UNABLE}, {STANDING_PAID}, {STANDING_DISABLED}},
     LOGIN,
     NULL,
     503,
     "api_error",
     "x-should-retry: false\r\n",
     "a cannot take this request: images; b costs money and plan_limits_only is set; c is "
     "disabled. See /v1/status on the router."},
    {__LINE__, "none is set up", NONE_IS_SET_UP, LOGIN, NULL, 403, "permission_error",
     "x-should-retry: false\r\n",
     "No provider is set up for this request: a has no credential: tokens.txt has none; b has no "
     "credential: tokens.txt has none; c is disabled. Add a credential to tokens.txt"},
    {__LINE__,
     "attempts or time used up, one is usable: send it again",
     {{STANDING_READY}, {STANDING_READY}, {STANDING_READY}},
     LOGIN | SPENT,
     NULL,
     503,
     "api_error",
     "retry-after: 2\r\n",
     "Send it again."},
    {__LINE__,
     "used up, and none is usable: when one is",
     {{PAUSED_FOR(30 * SECOND)}, {STANDING_DISABLED}, {STANDING_DISABLED}},
     SPENT,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 30\r\n",
     "a is paused until"},
    {__LINE__,
     "a limit that has passed since: at once",
     {{STANDING_PROBE}, {STANDING_DISABLED}, {STANDING_DISABLED}},
     LOGIN | LIMITED | SPENT,
     NULL,
     429,
     "rate_limit_error",
     "retry-after: 1\r\n",
     "a may be available again (was paused: 429)"},
    {__LINE__,
     "the last response is named",
     {{STANDING_READY}, {STANDING_DISABLED}, {STANDING_DISABLED}},
     SPENT,
     "a: 500",
     503,
     "api_error",
     "retry-after: 2\r\n",
     "Send it again. The last response: a: 500."},
};

static struct plan
make_plan(const struct stands *stands, struct provider *providers, struct plan_view *views,
	  struct health *records)
{
	struct plan plan = {.n = PROVIDERS};
	for (size_t i = 0; i < PROVIDERS; i++) {
		snprintf(providers[i].name, sizeof providers[i].name, "%c", (int)('a' + i));
		providers[i].takes_login = i == 0;
		snprintf(records[i].why, sizeof records[i].why, "429");
		if (stands[i].window != NULL) {
			records[i].windows[0].rejected = 1;
			snprintf(records[i].windows[0].name, sizeof records[i].windows[0].name,
				 "%s", stands[i].window);
		}
		records[i].until_ms = NOW_MS + stands[i].for_ms;
		records[i].pause =
		    stands[i].standing == STANDING_BENCHED ? PAUSE_BENCH : PAUSE_NAMED;
		views[i] = (struct plan_view){.provider = &providers[i],
					      .credential = {.why_none = "tokens.txt has none"},
					      .refuses = "images"};
		snprintf(views[i].capped.text, sizeof views[i].capped.text,
			 stands[i].by == CAP ? "%c has used its daily cap"
					     : "%c's budget is used up",
			 (int)('a' + i));
		views[i].capped.is_of_client = stands[i].by != CAP;
		views[i].capped.reason =
		    stands[i].by == RESERVED_BUDGET ? CAPS_RESERVED : CAPS_SPENT;
		plan.candidates[i] = (struct candidate){.view = &views[i],
							.standing = stands[i].standing,
							.until_ms = NOW_MS + stands[i].for_ms,
							.cause = &records[i]};
		plan.n_usable += plan_usable(stands[i].standing);
	}
	return plan;
}

static void
check_row(size_t i)
{
	struct provider providers[PROVIDERS] = {0};
	struct plan_view views[PROVIDERS];
	struct health records[PROVIDERS] = {0};
	const struct plan plan = make_plan(rows[i].candidates, providers, views, records);
	const struct no_provider_query query = {.plan = &plan,
						.last = rows[i].last == NULL ? "" : rows[i].last,
						.login = rows[i].traits & LOGIN,
						.spent = rows[i].traits & SPENT,
						.limited = rows[i].traits & LIMITED,
						.now_ms = NOW_MS};
	struct no_provider got;
	no_provider_init(&got);
	no_provider_reply(&got, &query);
	TAP_ROW_AT(rows[i].line, rows[i].name,
		   got.status == rows[i].status && strcmp(got.type, rows[i].type) == 0 &&
		       strcmp(buf_text(&got.lines), rows[i].lines) == 0 &&
		       strstr(buf_text(&got.message), rows[i].message) != NULL,
		   "expected %d %s\n%s… %s …\ngot      %d %s\n%s%s", rows[i].status, rows[i].type,
		   rows[i].lines, rows[i].message, got.status, got.type, buf_text(&got.lines),
		   buf_text(&got.message));
	no_provider_fini(&got);
}

int
main(int argc, char **argv)
{
	tap_start("no_provider", argc, argv);
	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(i);
	return tap_finish();
}
