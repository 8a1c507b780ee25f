/* SPDX-License-Identifier: MIT */
/* metrics: from figures to the lines that Prometheus reads. */
#include "operator/metrics.h"

#include "base/caps.h"
#include "tap.h"

#include <stdlib.h>

/* A page of two providers, which cases change. */
static struct metrics
usual(void)
{
	return (struct metrics){
	    .version = "1.2",
	    .n_providers = 2,
	    .providers = {{.name = "claude_pro", .active = true}, {.name = "deepseek"}},
	    .failovers = 7,
	    .streams = 5,
	    .processes = 2,
	    .none = {[COUNT_UNRECORDED] = 9},
	    .caps = {{"all", "month", INT64_C(20500000000), 1, 2},
		     {"deepseek", "day", 5, INT64_C(1000000000), 0}},
	    .n_caps = 2,
	    .config = {1700000000500, true},
	    .tokens = {0, false},
	    .is_sharing = true,
	    .share = {.since_ms = 1, .delay_ms = 1002, .machines = 3, .refused = 4},
	};
}

static const char *
page_of(const struct metrics *m)
{
	static struct buf page;
	buf_free(&page);
	buf_init(&page, METRICS_PAGE_MAX);
	return metrics_write(m, &page) ? buf_text(&page) : "(does not fit)";
}

/* Whether a whole line of the page is that. */
static bool
has_line(const char *page, const char *line)
{
	size_t n = strlen(line);
	for (const char *at = page; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, line, n) == 0 && at[n] == '\n')
			return true;
	}
	return false;
}

/* Of one figure to its line: where it is put, and what must be on the page. */
static const struct {
	int line;
	const char *name;
	enum counter counter;
	uint64_t n;
	const char *text;
} counter_rows[] = {
    {__LINE__, "a request", COUNT_ENDINGS, 3,
     "claude_router_requests_total{provider=\"claude_pro\",outcome=\"ok\"} 3"},
    {__LINE__, "one that went away", COUNT_ENDINGS + 3, 4,
     "claude_router_requests_total{provider=\"claude_pro\",outcome=\"left\"} 4"},
    {__LINE__, "an attempt that hops", COUNT_VERDICTS + 1, 5,
     "claude_router_attempts_total{provider=\"claude_pro\",verdict=\"hop\"} 5"},
    {__LINE__, "an attempt that is made again", COUNT_VERDICTS + 5, 6,
     "claude_router_attempts_total{provider=\"claude_pro\",verdict=\"retry\"} 6"},
    {__LINE__, "a busy provider's rest", COUNT_PAUSES + PAUSE_SHORT, 1,
     "claude_router_rests_total{provider=\"claude_pro\",reason=\"busy\"} 1"},
    {__LINE__, "a window's rest", COUNT_PAUSES + PAUSE_NAMED, 1,
     "claude_router_rests_total{provider=\"claude_pro\",reason=\"reset\"} 1"},
    {__LINE__, "a bench", COUNT_PAUSES + PAUSE_BENCH, 1,
     "claude_router_rests_total{provider=\"claude_pro\",reason=\"refused\"} 1"},
    {__LINE__, "the largest number", COUNT_ENDINGS + 2, UINT64_MAX,
     "claude_router_requests_total{provider=\"claude_pro\",outcome=\"cut\"} 18446744073709551615"},
    {__LINE__, "a bucket counts in those above it", COUNT_FIRST_BYTE, 2,
     "claude_router_first_byte_seconds_bucket{provider=\"claude_pro\",le=\"600\"} 2"},
    {__LINE__, "what is beyond all bounds is only in the last",
     COUNT_FIRST_BYTE + HISTOGRAM_BUCKETS - 1, 2,
     "claude_router_first_byte_seconds_bucket{provider=\"claude_pro\",le=\"600\"} 0"},
    {__LINE__, "and in the count", COUNT_FIRST_BYTE + HISTOGRAM_BUCKETS - 1, 2,
     "claude_router_first_byte_seconds_count{provider=\"claude_pro\"} 2"},
    {__LINE__, "tokens of a kind", COUNT_TOKENS + 3, 12,
     "claude_router_tokens_total{provider=\"claude_pro\",kind=\"cache_1h\"} 12"},
    {__LINE__, "what was billed", COUNT_COST, UINT64_C(1234567890123),
     "claude_router_cost_dollars_total{provider=\"claude_pro\"} 1234.567890123"},
    {__LINE__, "a nano-dollar", COUNT_COST, 1,
     "claude_router_cost_dollars_total{provider=\"claude_pro\"} 0.000000001"},
    {__LINE__, "more than there is", COUNT_COST, UINT64_MAX,
     "claude_router_cost_dollars_total{provider=\"claude_pro\"} 9223372036.854775807"},
    {__LINE__, "what was billed and is not known", COUNT_COST_UNKNOWN, 2,
     "claude_router_cost_unknown_total{provider=\"claude_pro\"} 2"},
    {__LINE__, "what cost more than was reserved", COUNT_BOUND_EXCEEDED, 3,
     "claude_router_bound_exceeded_total{provider=\"claude_pro\"} 3"},
    {__LINE__, "what a drill answered", COUNT_DRILLED, 2,
     "claude_router_drilled_total{provider=\"claude_pro\"} 2"},
    {__LINE__, "a sum is in seconds", COUNT_DURATION + HISTOGRAM_BUCKETS, 12034,
     "claude_router_request_duration_seconds_sum{provider=\"claude_pro\"} 12.034"},
};

static void
check_counters(void)
{
	for (size_t i = 0; i < TAP_COUNT(counter_rows); i++) {
		struct metrics m = usual();
		m.providers[0].counts[counter_rows[i].counter] = counter_rows[i].n;
		const char *page = page_of(&m);
		TAP_ROW_AT(counter_rows[i].line, counter_rows[i].name,
			   has_line(page, counter_rows[i].text), "expected the line\n%s\ngot\n%s",
			   counter_rows[i].text, page);
	}
}

static const struct {
	int line;
	const char *name, *text;
	bool is_there;
} usual_rows[] = {
    {__LINE__, "the version", "claude_router_build_info{version=\"1.2\"} 1", true},
    {__LINE__, "streams", "claude_router_streams 5", true},
    {__LINE__, "processes", "claude_router_processes 2", true},
    {__LINE__, "failovers", "claude_router_failovers_total 7", true},
    {__LINE__, "who can be asked", "claude_router_provider_active{provider=\"claude_pro\"} 1",
     true},
    {__LINE__, "who cannot", "claude_router_provider_active{provider=\"deepseek\"} 0", true},
    {__LINE__, "what was never counted is 0",
     "claude_router_requests_total{provider=\"deepseek\",outcome=\"cut\"} 0", true},
    {__LINE__, "nobody's requests",
     "claude_router_requests_total{provider=\"none\",outcome=\"error\"} 0", true},
    {__LINE__, "nobody is no provider that rests",
     "claude_router_rests_total{provider=\"none\",reason=\"busy\"} 0", false},
    {__LINE__, "nobody has tokens",
     "claude_router_tokens_total{provider=\"none\",kind=\"input\"} 0", false},
    {__LINE__, "the state is shared", "claude_router_share_connected 1", true},
    {__LINE__, "by so many machines", "claude_router_share_machines 3", true},
    {__LINE__, "so late", "claude_router_share_delay_seconds 1.002", true},
    {__LINE__, "what was forged", "claude_router_share_refused_total 4", true},
    {__LINE__, "rows that were lost", "claude_router_ledger_dropped_total 9", true},
    {__LINE__, "a cap", "claude_router_cap_dollars{scope=\"all\",period=\"month\"} 20.500000000",
     true},
    {__LINE__, "what is used of it",
     "claude_router_cap_used_dollars{scope=\"deepseek\",period=\"day\"} 1.000000000", true},
    {__LINE__, "what is reserved of it",
     "claude_router_cap_reserved_dollars{scope=\"all\",period=\"month\"} 0.000000002", true},
    {__LINE__, "a file in force", "claude_router_config_last_reload_successful 1", true},
    {__LINE__, "since when",
     "claude_router_config_last_reload_success_timestamp_seconds 1700000000.500", true},
    {__LINE__, "a file that is not", "claude_router_tokens_last_reload_successful 0", true},
    {__LINE__, "a type", "# TYPE claude_router_first_byte_seconds histogram", true},
};

static void
check_usual(void)
{
	struct metrics m = usual();
	const char *page = page_of(&m);
	for (size_t i = 0; i < TAP_COUNT(usual_rows); i++)
		TAP_ROW_AT(usual_rows[i].line, usual_rows[i].name,
			   has_line(page, usual_rows[i].text) == usual_rows[i].is_there,
			   "expected %sthe line\n%s\ngot\n%s", usual_rows[i].is_there ? "" : "not ",
			   usual_rows[i].text, page);
	TAP_OK("nobody rests", strstr(page, "resting_until_timestamp_seconds{") == NULL);
	TAP_OK("no window is known", strstr(page, "quota_window_utilization_ratio{") == NULL);
}

static void
check_share(void)
{
	struct metrics m = usual();
	m.share.since_ms = 0;
	const char *page = page_of(&m);
	TAP_OK("the server is away", has_line(page, "claude_router_share_connected 0"));
	TAP_OK("then nobody shares", has_line(page, "claude_router_share_machines 0"));
	TAP_OK("then nothing is late", strstr(page, "\nclaude_router_share_delay") == NULL);
	m.is_sharing = false;
	TAP_OK("nothing is shared", strstr(page_of(&m), "share") == NULL);
}

#define UTILIZATION "claude_router_quota_window_utilization_ratio{provider=\"claude_pro\",window="
#define RESET       "claude_router_quota_window_reset_timestamp_seconds{provider=\"claude_pro\",window="

static const struct {
	int line;
	const char *name;
	struct health_window windows[2];
	const char *text;
	const char *no_text; /* NULL: none */
} window_rows[] = {
    {__LINE__,
     "how much of it",
     {{"5h", 1700000000000, 625, 0}},
     UTILIZATION "\"5h\"} 0.625",
     NULL},
    {__LINE__, "more than all of it", {{"5h", 0, 1005, 0}}, UTILIZATION "\"5h\"} 1.005", RESET},
    {__LINE__, "its end", {{"7d", 1700000000000, 1, 0}}, RESET "\"7d\"} 1700000000.000", NULL},
    {__LINE__, "a time before 1970", {{"7d", -1, 1, 0}}, RESET "\"7d\"} 0.000", NULL},
    {__LINE__,
     "the second one",
     {{"", 0, 0, 0}, {"7d", 1, 1, 0}},
     UTILIZATION "\"7d\"} 0.001",
     UTILIZATION "\"\"}"},
    {__LINE__,
     "one name once",
     {{"5h", 0, 1, 0}, {"5h", 0, 2, 0}},
     UTILIZATION "\"5h\"} 0.001",
     UTILIZATION "\"5h\"} 0.002"},
    {__LINE__,
     "quotes and strokes",
     {{"a\"b\\c", 0, 0, 0}},
     UTILIZATION "\"a\\\"b\\\\c\"} 0.000",
     NULL},
    {__LINE__,
     "a line's end, and no text",
     {{"a\nb\xff", 0, 0, 0}},
     UTILIZATION "\"a_b_\"} 0.000",
     NULL},
};

static void
check_windows(void)
{
	for (size_t i = 0; i < TAP_COUNT(window_rows); i++) {
		struct metrics m = usual();
		memcpy(m.providers[0].windows, window_rows[i].windows,
		       sizeof window_rows[i].windows);
		const char *page = page_of(&m), *no = window_rows[i].no_text;
		TAP_ROW_AT(window_rows[i].line, window_rows[i].name,
			   has_line(page, window_rows[i].text) &&
			       (no == NULL || strstr(page, no) == NULL),
			   "expected\n%s\nnot\n%s\ngot\n%s", window_rows[i].text,
			   no == NULL ? "" : no, strstr(page, "# HELP claude_router_quota"));
	}
}

static const struct {
	int line;
	int64_t ms;
	size_t bucket;
} bucket_rows[] = {
    {__LINE__, -5, 0},
    {__LINE__, 0, 0},
    {__LINE__, 100, 0},
    {__LINE__, 101, 1},
    {__LINE__, 1000, 3},
    {__LINE__, 600000, HISTOGRAM_BUCKETS - 2},
    {__LINE__, 600001, HISTOGRAM_BUCKETS - 1},
    {__LINE__, INT64_MAX, HISTOGRAM_BUCKETS - 1},
};

static void
check_largest(void)
{
	struct metrics m = usual();
	char names[PROVIDERS_MAX][PROVIDER_NAME_MAX];
	m.n_providers = PROVIDERS_MAX;
	m.providers[0].until_ms = 1700000000000;
	for (size_t i = 0; i < PROVIDERS_MAX; i++) {
		snprintf(names[i], sizeof names[i], "%02zu_%028d", i, 0);
		m.providers[i] = m.providers[0];
		m.providers[i].name = names[i];
		memset(m.providers[i].counts, 0xff, sizeof m.providers[i].counts);
		for (size_t w = 0; w < HEALTH_WINDOWS; w++)
			snprintf(m.providers[i].windows[w].name, HEALTH_WINDOW_NAME_MAX,
				 "\"%zu\"\"\"\"\"\"\"\"\"\"\"\"\"", w);
	}
	const char *page = page_of(&m);
	TAP_OK("the largest page fits", strlen(page) > 50000);
	struct buf small;
	buf_init(&small, 1000);
	TAP_OK("one that does not fit is told", !metrics_write(&m, &small));
	buf_free(&small);
}

int
main(int argc, char **argv)
{
	struct metrics none = {.version = ""};
	tap_start("metrics", argc, argv);
	check_usual();
	check_counters();
	check_share();
	check_windows();
	for (size_t i = 0; i < TAP_COUNT(bucket_rows); i++)
		TAP_INT_AT(bucket_rows[i].line, "a time's bucket",
			   histogram_bucket(bucket_rows[i].ms), bucket_rows[i].bucket);
	check_largest();
	TAP_OK("without any provider there is a page",
	       has_line(page_of(&none), "claude_router_processes 0"));
	page_of(&(struct metrics){.version = "", .n_providers = 0});
	return tap_finish();
}
