/* SPDX-License-Identifier: MIT */
/* response: what is parsed of a provider's head, and what of it is forwarded (BEHAVIOUR.md 3). */

#include "upstream/response.h"

#include "tap.h"

#define NOW_MS INT64_C(1795460400000)

static void
take(struct response *a, const char *line)
{
	response_line(a, line, strlen(line), NOW_MS, HIDE_ORGANIZATION);
}

static const struct {
	int line;
	const char *name, *header, *forwarded;
} rows[] = {
    {__LINE__, "retry-after goes on", "Retry-After: 5\r\n", "retry-after: 5\r\n"},
    {__LINE__, "0 is a second", "Retry-After: 0\r\n", "retry-after: 1\r\n"},
    {__LINE__, "so is a fraction", "Retry-After: 0.25\r\n", "retry-after: 1\r\n"},
    {__LINE__, "more than a second is rounded up", "Retry-After: 7.2\r\n", "retry-after: 8\r\n"},
    {__LINE__, "of a list the first", "Retry-After: 7, 9\r\n", "retry-after: 7\r\n"},
    {__LINE__, "of two lines the first", "Retry-After: 7\r\nRetry-After: 9\r\n",
     "retry-after: 7\r\n"},
    {__LINE__, "of two lines the one that tells", "Retry-After: soon\r\nRetry-After: 9\r\n",
     "retry-after: 9\r\n"},
    {__LINE__, "what is absurd is 8 days", "Retry-After: 1e300\r\n", "retry-after: 691200\r\n"},
    {__LINE__, "a date is seconds", "Retry-After: Mon, 23 Nov 2026 19:30:00 GMT\r\n",
     "retry-after: 1800\r\n"},
    {__LINE__, "nonsense is left out", "Retry-After: soon\r\n", ""},
    {__LINE__, "so is a negative number", "Retry-After: -5\r\n", ""},
    {__LINE__, "anthropic-* goes on", "Anthropic-X: y\r\n", "anthropic-x: y\r\n"},
    {__LINE__, "a stored account's organization does not", "anthropic-organization-id: o\r\n", ""},
    {__LINE__, "a cookie does not", "Set-Cookie: a=b\r\n", ""},
    {__LINE__, "nor what steers a web server", "X-Accel-Redirect: /etc/passwd\r\n", ""},
    {__LINE__, "nor Status", "Status: 200\r\n", ""},
    {__LINE__, "nor a folded line", " anthropic-x: y\r\n", ""},
    {__LINE__, "nor a control byte", "anthropic-x: a\001b\r\n", ""},
    {__LINE__, "nor a name with a space", "anthropic x: y\r\n", ""},
};

/* More than may go on: what fits goes on whole, and no half line is left. */
static void
check_too_many(void)
{
	struct response a;
	char line[1100];
	response_init(&a);
	take(&a, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 8; i++) {
		snprintf(line, sizeof line, "anthropic-%d: %01000d\r\n", i, i);
		take(&a, line);
	}
	const char *text = buf_text(&a.forwarded);
	size_t n = strlen(text);
	TAP_OK("4 KB at most", n > 3000 && n <= RESPONSE_HEAD_FORWARDED_MAX);
	TAP_INT("the text ends where its length does", n, a.forwarded.len);
	TAP_STR("and with a whole line", text + n - 2, "\r\n");
	response_fini(&a);
}

static void
check_interim(void)
{
	struct response a;
	response_init(&a);
	take(&a, "HTTP/1.1 100 Continue\r\n");
	take(&a, "\r\n");
	TAP_OK("an interim head is not the answer", !a.complete);
	take(&a, "HTTP/1.1 429 No\r\n");
	take(&a, "\r\n");
	TAP_OK("the next one is", a.complete && a.status == 429);
	response_fini(&a);
}

/* What is shown in logs and on terminals is a word, whatever a provider sends. */
static void
check_claim(void)
{
	struct response a;
	response_init(&a);
	take(&a, "HTTP/1.1 429 x\r\n");
	take(&a, "anthropic-ratelimit-unified-representative-claim: five_hour\r\n");
	TAP_STR("a claim is kept", a.claim, "five_hour");
	take(&a, "anthropic-ratelimit-unified-representative-claim: a\033[2Jb\r\n");
	TAP_STR("one that is no word is not", a.claim, "");
	response_fini(&a);
}

static const struct {
	int line;
	const char *name, *told;
	int64_t reset_ms;
} times[] = {
    {__LINE__, "seconds", "1795453200", INT64_C(1795453200000)},
    {__LINE__, "milliseconds", "1795453200000", INT64_C(1795453200000)},
    {__LINE__, "a date", "2026-11-23T17:00:00Z", INT64_C(1795453200000)},
    {__LINE__, "a date with a fraction", "2026-11-23T17:00:00.250Z", INT64_C(1795453200250)},
    {__LINE__, "a date east of us", "2026-11-23T18:30:00+01:30", INT64_C(1795453200000)},
    {__LINE__, "a date west of us", "2026-11-23T12:00:00-05:00", INT64_C(1795453200000)},
    {__LINE__, "a date with half an offset", "2026-11-23T17:00:00+01", 0},
    {__LINE__, "a date with more than an offset", "2026-11-23T17:00:00+01:00Z", 0},
    {__LINE__, "a date with an offset below zero", "2026-11-23T17:00:00--1:-1", 0},
    {__LINE__, "a date with blanks in its offset", "2026-11-23T17:00:00+ 1: 0", 0},
    {__LINE__, "no date", "soon", 0},
};

static void
check_times(void)
{
	for (size_t i = 0; i < TAP_COUNT(times); i++) {
		struct response a;
		char line[128];
		response_init(&a);
		take(&a, "HTTP/1.1 429 x\r\n");
		snprintf(line, sizeof line, "anthropic-ratelimit-unified-reset: %s\r\n",
			 times[i].told);
		take(&a, line);
		TAP_INT_AT(times[i].line, times[i].name, a.reset_ms, times[i].reset_ms);
		response_fini(&a);
	}
}

/* PROTOCOLS.md 8: when a limit that names no time by itself is over. */
static const struct {
	int line;
	const char *name, *status, *header;
	int64_t retry_after_ms;
} limits[] = {
    {__LINE__, "retry-after-ms", "429", "retry-after-ms: 2500\r\n", 2500},
    {__LINE__, "of two that say the same the first", "429",
     "retry-after-ms: 2500\r\nretry-after: 3\r\n", 2500},
    {__LINE__, "a reset in seconds", "429", "x-ratelimit-reset-requests: 20s\r\n", 20000},
    {__LINE__, "in all units", "429", "x-ratelimit-reset-requests: 1h2m3.5s\r\n", 3723500},
    {__LINE__, "in milliseconds: at least a second", "429", "x-ratelimit-reset-tokens: 120ms\r\n",
     1000},
    {__LINE__, "a number alone", "429", "x-ratelimit-reset-tokens: 17\r\n", 17000},
    {__LINE__, "0 is none", "429", "x-ratelimit-reset-tokens: 0\r\n", -1},
    {__LINE__, "so is -1", "429", "x-ratelimit-reset-tokens: -1\r\n", -1},
    {__LINE__, "so is nonsense", "429", "x-ratelimit-reset-tokens: 6mx\r\n", -1},
    {__LINE__, "absurd is 8 days", "429", "x-ratelimit-reset-tokens: 999999h\r\n", 691200000},
    {__LINE__, "of two the later one", "429",
     "x-ratelimit-reset-requests: 8s\r\nx-ratelimit-reset-tokens: 6m0s\r\n", 360000},
    {__LINE__, "but that of the limit which is used up", "429",
     "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 8s\r\n"
     "x-ratelimit-remaining-tokens: 9\r\nx-ratelimit-reset-tokens: 6m0s\r\n",
     8000},
    {__LINE__, "retry-after counts more", "429",
     "x-ratelimit-reset-tokens: 6m0s\r\nretry-after: 5\r\n", 5000},
    {__LINE__, "a 200 has them, too", "200", "x-ratelimit-reset-tokens: 6m0s\r\n", -1},
};

static void
check_limits(void)
{
	for (size_t i = 0; i < TAP_COUNT(limits); i++) {
		struct response a;
		char status[32];
		response_init(&a);
		snprintf(status, sizeof status, "HTTP/1.1 %s x\r\n", limits[i].status);
		take(&a, status);
		for (const char *line = limits[i].header; *line != '\0';
		     line += strcspn(line, "\n") + 1)
			response_line(&a, line, strcspn(line, "\n") + 1, NOW_MS, HIDE_ANTHROPIC);
		take(&a, "\r\n");
		TAP_INT_AT(limits[i].line, limits[i].name, a.retry_after_ms,
			   limits[i].retry_after_ms);
		TAP_OK("… as the client is told",
		       (a.retry_after_ms == -1) == (buf_text(&a.forwarded)[0] == '\0'));
		response_fini(&a);
	}
}

/* Of a provider that is not Claude. */
static void
check_hidden(void)
{
	static const char line[] = "anthropic-ratelimit-unified-status: allowed\r\n";
	struct response a;
	response_init(&a);
	response_line(&a, line, strlen(line), NOW_MS, HIDE_ANTHROPIC);
	TAP_STR("another one's word of Claude's limits", buf_text(&a.forwarded), "");
	response_fini(&a);
}

int
main(int argc, char **argv)
{
	tap_start("response", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		struct response a;
		response_init(&a);
		take(&a, "HTTP/1.1 200 OK\r\n");
		for (const char *line = rows[i].header; *line != '\0';
		     line += strcspn(line, "\n") + 1)
			response_line(&a, line, strcspn(line, "\n") + 1, NOW_MS, HIDE_ORGANIZATION);
		TAP_STR_AT(rows[i].line, rows[i].name, buf_text(&a.forwarded), rows[i].forwarded);
		response_fini(&a);
	}
	check_too_many();
	check_claim();
	check_times();
	check_limits();
	check_interim();
	check_hidden();
	return tap_finish();
}
