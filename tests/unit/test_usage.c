/* SPDX-License-Identifier: MIT */
/* usage: what a JSON response reports, and what a stream's start and end report one after the
 * other (PROTOCOLS.md 1, "Usage"). */
#include "dialect/usage.h"

#include "base/buf.h"

#include "tap.h"

#define IN     "\"input_tokens\":"
#define OUT    "\"output_tokens\":"
#define READ   "\"cache_read_input_tokens\":"
#define WRITE  "\"cache_creation_input_tokens\":"
#define FOR_5M "\"ephemeral_5m_input_tokens\":"
#define FOR_1H "\"ephemeral_1h_input_tokens\":"
#define SPLIT  "\"cache_creation\":"
#define TOOLS  "\"server_tool_use\":"
#define SEARCH "\"web_search_requests\":"
struct want {
	int64_t input, read, write, for_5m, for_1h, output, searches;
	bool is_fast, is_odd;
};

#define NONE -1, -1, -1, -1, -1, -1, -1

static const struct {
	int line;
	const char *name, *first, *second; /* usage objects; NULL: there is no second */
	struct want want;
	int64_t total;
} rows[] = {
    /* One object */
    {__LINE__,
     "all four kinds",
     "{" IN "1," WRITE "20," READ "300," OUT "4}",
     NULL,
     {1, 300, 20, -1, -1, 4, -1, false, false},
     321},
    {__LINE__, "no cache", "{" OUT "4," IN "1}", NULL, {1, -1, -1, -1, -1, 4, -1, false, false}, 1},
    {__LINE__, "nothing", "{}", NULL, {NONE, false, false}, -1},
    {__LINE__, "null", "null", NULL, {NONE, false, false}, -1},
    {__LINE__,
     "null is not reported",
     "{" IN "null," OUT "0," SPLIT "null," TOOLS "null}",
     NULL,
     {-1, -1, -1, -1, -1, 0, -1, false, false},
     -1},
    {__LINE__, "a usage of no object", "7", NULL, {NONE, false, false}, -1},
    {__LINE__,
     "further members",
     "{\"output_tokens_details\":{\"thinking_tokens\":9}," OUT "2,\"service_tier\":\"standard\"}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, false},
     -1},
    {__LINE__, "deeper is not it", "{\"a\":{" OUT "2}}", NULL, {NONE, false, false}, -1},
    {__LINE__,
     "an iteration's count is not the sum",
     "{\"iterations\":[{" IN "9," OUT "9}]," IN "1}",
     NULL,
     {1, -1, -1, -1, -1, -1, -1, false, false},
     1},
    {__LINE__,
     "another kind of tool's count",
     "{" TOOLS "{" IN "9}," OUT "2}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, false},
     -1},
    {__LINE__,
     "the split of what was written",
     "{" IN "1," WRITE "70," SPLIT "{" FOR_5M "20," FOR_1H "50}}",
     NULL,
     {1, -1, 70, 20, 50, -1, -1, false, false},
     71},
    {__LINE__,
     "the split without its sum",
     "{" IN "1," SPLIT "{" FOR_5M "20," FOR_1H "50}}",
     NULL,
     {1, -1, -1, 20, 50, -1, -1, false, false},
     71},
    {__LINE__,
     "searches",
     "{" TOOLS "{" SEARCH "3,\"web_fetch_requests\":8}}",
     NULL,
     {-1, -1, -1, -1, -1, -1, 3, false, false},
     -1},
    {__LINE__,
     "fast",
     "{" OUT "2,\"speed\":\"fast\"}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, true, false},
     -1},
    {__LINE__,
     "standard",
     "{" OUT "2,\"speed\":\"standard\"}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, false},
     -1},
    {__LINE__,
     "a speed of null",
     "{" OUT "2,\"speed\":null}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, false},
     -1},

    /* Odd counts are ignored, and that is known */
    {__LINE__,
     "negative",
     "{" IN "-1," OUT "2}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, true},
     -1},
    {__LINE__,
     "a fraction",
     "{" IN "1.5," OUT "2}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, true},
     -1},
    {__LINE__,
     "a fraction of nothing",
     "{" IN "0.5," OUT "2}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, true},
     -1},
    {__LINE__,
     "an exponent",
     "{" IN "1e3," OUT "2}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, true},
     -1},
    {__LINE__,
     "the largest",
     "{" IN "2147483647}",
     NULL,
     {2147483647, -1, -1, -1, -1, -1, -1, false, false},
     2147483647},
    {__LINE__,
     "one above it",
     "{" IN "2147483648," OUT "2}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, true},
     -1},
    {__LINE__,
     "beyond 64 bits",
     "{" IN "99999999999999999999," OUT "2}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, true},
     -1},
    {__LINE__,
     "a text",
     "{" IN "\"12\"," OUT "2}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, true},
     -1},
    {__LINE__,
     "an odd split",
     "{" SPLIT "{" FOR_1H "-5}," OUT "2}",
     NULL,
     {-1, -1, -1, -1, -1, 2, -1, false, true},
     -1},
    {__LINE__, "odd searches", "{" TOOLS "{" SEARCH "0.1}}", NULL, {NONE, false, true}, -1},
    {__LINE__,
     "cut in the middle",
     "{" OUT "4," IN,
     NULL,
     {-1, -1, -1, -1, -1, 4, -1, false, true},
     -1},

    /* A start and an end */
    {__LINE__,
     "Claude: the end brings the output",
     "{" IN "10," READ "300," WRITE "70," SPLIT "{" FOR_5M "0," FOR_1H "70}," OUT "1}",
     "{" OUT "40}",
     {10, 300, 70, 0, 70, 40, -1, false, false},
     380},
    {__LINE__,
     "Claude: null at the end is not reported",
     "{" IN "10," READ "300," WRITE "70," OUT "1}",
     "{" IN "null," READ "null," WRITE "null," OUT "40," TOOLS "null}",
     {10, 300, 70, -1, -1, 40, -1, false, false},
     380},
    {__LINE__,
     "Claude: server tools make the input grow",
     "{" IN "10," READ "300," WRITE "70," SPLIT "{" FOR_5M "0," FOR_1H "70}," OUT "1}",
     "{" IN "25," READ "900," WRITE "80," OUT "40," TOOLS "{" SEARCH "2}}",
     {25, 900, 80, 0, 70, 40, 2, false, false},
     1005},
    {__LINE__,
     "an end with some kinds keeps the others",
     "{" IN "10," READ "300," OUT "1}",
     "{" IN "12," OUT "40}",
     {12, 300, -1, -1, -1, 40, -1, false, false},
     312},
    {__LINE__,
     "start and end are not added up",
     "{" IN "10," OUT "40}",
     "{" IN "10," OUT "40}",
     {10, -1, -1, -1, -1, 40, -1, false, false},
     10},
    {__LINE__,
     "Kimi: the end takes the cached ones out",
     "{" IN "1000," OUT "0}",
     "{" IN "200," READ "800," OUT "40,\"prompt_tokens\":1000}",
     {200, 800, -1, -1, -1, 40, -1, false, false},
     1000},
    {__LINE__,
     "Kimi: all of it was cached",
     "{" IN "1000," READ "0," OUT "0}",
     "{" IN "0," READ "1000," OUT "40}",
     {0, 1000, -1, -1, -1, 40, -1, false, false},
     1000},
    {__LINE__,
     "all of it was written",
     "{" IN "1000," OUT "0}",
     "{" IN "0," WRITE "1000," OUT "40}",
     {0, -1, 1000, -1, -1, 40, -1, false, false},
     1000},
    {__LINE__,
     "DeepSeek: nothing about its cache",
     "{" IN "1000," OUT "0}",
     "{" OUT "40}",
     {1000, -1, -1, -1, -1, 40, -1, false, false},
     1000},
    {__LINE__,
     "a later 0 does not replace",
     "{" IN "1000," OUT "0}",
     "{" IN "0," OUT "40}",
     {1000, -1, -1, -1, -1, 40, -1, false, false},
     1000},
    {__LINE__,
     "nor with zeros of the other kinds",
     "{" IN "1000," READ "500," WRITE "70," OUT "1}",
     "{" IN "0," READ "0," WRITE "0," OUT "40}",
     {1000, 500, 70, -1, -1, 40, -1, false, false},
     1570},
    {__LINE__,
     "0 of one kind replaces beside another",
     "{" IN "1000," WRITE "500}",
     "{" READ "500," WRITE "0," OUT "40}",
     {1000, 500, 0, -1, -1, 40, -1, false, false},
     1500},
    {__LINE__,
     "zeros after zeros",
     "{" IN "0," OUT "0}",
     "{" IN "0," READ "0," OUT "4}",
     {0, 0, -1, -1, -1, 4, -1, false, false},
     0},
    {__LINE__,
     "input with the end alone",
     "{" OUT "1}",
     "{" IN "10," OUT "40}",
     {10, -1, -1, -1, -1, 40, -1, false, false},
     10},
    {__LINE__,
     "an odd end keeps the start",
     "{" IN "10," OUT "1}",
     "{" IN "-3," OUT "4.5}",
     {10, -1, -1, -1, -1, 1, -1, false, true},
     10},
    {__LINE__,
     "an odd start stays known",
     "{" IN "-3," OUT "1}",
     "{" IN "10," OUT "4}",
     {10, -1, -1, -1, -1, 4, -1, false, true},
     10},
    {__LINE__,
     "fast at the start",
     "{" IN "10,\"speed\":\"fast\"}",
     "{" OUT "4}",
     {10, -1, -1, -1, -1, 4, -1, true, false},
     10},
    {__LINE__,
     "searches are cumulative",
     "{" TOOLS "{" SEARCH "0}}",
     "{" TOOLS "{" SEARCH "5}}",
     {-1, -1, -1, -1, -1, -1, 5, false, false},
     -1},
};

/* What was written to the cache, by the kind of it. */
static const struct {
	int line;
	const char *name;
	int64_t all, split_5m, split_1h;
	bool asked_for_1h;
	int64_t want_5m, want_1h;
} kinds[] = {
    {__LINE__, "written: nothing", -1, -1, -1, true, 0, 0},
    {__LINE__, "written: no split, 5 minutes asked for", 70, -1, -1, false, 70, 0},
    {__LINE__, "written: no split, an hour asked for", 70, -1, -1, true, 0, 70},
    {__LINE__, "written: the split decides, not what was asked for", 70, 70, 0, true, 70, 0},
    {__LINE__, "written: an hour without asking", 70, 0, 70, false, 0, 70},
    {__LINE__, "written: both kinds", 70, 20, 50, false, 20, 50},
    {__LINE__, "written: both kinds without a sum", -1, 20, 50, true, 20, 50},
    {__LINE__, "written: one kind without a sum", -1, -1, 50, false, 0, 50},
    {__LINE__, "written: more after the split, for 5 minutes", 100, 20, 50, false, 50, 50},
    {__LINE__, "written: more after the split, for an hour", 100, 20, 50, true, 20, 80},
    {__LINE__, "written: less than the split", 30, 20, 50, true, 0, 30},
    {__LINE__, "written: nothing after all", 0, 20, 50, false, 0, 0},
};

static void
read_text(struct usage *usage, const char *json)
{
	struct scan scan;
	scan_init(&scan, json, strlen(json));
	usage_read(usage, &scan);
}

static void
check_rows(void)
{
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		const struct want *want = &rows[i].want;
		struct usage got = USAGE_NONE;
		read_text(&got, rows[i].first);
		if (rows[i].second != NULL)
			read_text(&got, rows[i].second);
		TAP_ROW_AT(
		    rows[i].line, rows[i].name,
		    got.input == want->input && got.cache_read == want->read &&
			got.cache_write == want->write && got.cache_5m == want->for_5m &&
			got.cache_1h == want->for_1h && got.output == want->output &&
			got.searches == want->searches && got.is_fast == want->is_fast &&
			got.is_odd == want->is_odd && usage_total_input(&got) == rows[i].total,
		    "got input %" PRId64 " read %" PRId64 " write %" PRId64 " (5m %" PRId64
		    ", 1h %" PRId64 ") output %" PRId64 " searches %" PRId64 "%s%s",
		    got.input, got.cache_read, got.cache_write, got.cache_5m, got.cache_1h,
		    got.output, got.searches, got.is_fast ? " fast" : "", got.is_odd ? " odd" : "");
	}
}

static void
check_kinds(void)
{
	for (size_t i = 0; i < TAP_COUNT(kinds); i++) {
		struct usage usage = USAGE_NONE;
		bool asked = kinds[i].asked_for_1h;
		usage.cache_write = kinds[i].all;
		usage.cache_5m = kinds[i].split_5m;
		usage.cache_1h = kinds[i].split_1h;
		TAP_ROW_AT(kinds[i].line, kinds[i].name,
			   usage_cache_5m(&usage, asked) == kinds[i].want_5m &&
			       usage_cache_1h(&usage, asked) == kinds[i].want_1h,
			   "got %" PRId64 " for 5 minutes, %" PRId64 " for an hour",
			   usage_cache_5m(&usage, asked), usage_cache_1h(&usage, asked));
	}
}

static const struct {
	int line;
	const char *name, *json, *want;
} models[] = {
    {__LINE__, "model: a name", "\"claude-opus-5-5\"", "claude-opus-5-5"},
    {__LINE__, "model: escapes", "\"a\\u002fb\"", "a/b"},
    {__LINE__, "model: null", "null", ""},
    {__LINE__, "model: an object", "{\"id\":\"m\"}", ""},
    {__LINE__, "model: a control byte", "\"a\\u001bb\"", ""},
    {__LINE__, "model: 127 bytes",
     "\"0123456789012345678901234567890123456789012345678901234567890123"
     "012345678901234567890123456789012345678901234567890123456789012\"",
     "0123456789012345678901234567890123456789012345678901234567890123"
     "012345678901234567890123456789012345678901234567890123456789012"},
    {__LINE__, "model: 128 bytes",
     "\"0123456789012345678901234567890123456789012345678901234567890123"
     "0123456789012345678901234567890123456789012345678901234567890123\"",
     ""},
};

static void
check_models(void)
{
	for (size_t i = 0; i < TAP_COUNT(models); i++) {
		struct usage usage = USAGE_NONE;
		struct scan scan;
		scan_init(&scan, models[i].json, strlen(models[i].json));
		usage_read_model(&usage, &scan);
		TAP_ROW_AT(models[i].line, models[i].name,
			   strcmp(usage.model, models[i].want) == 0 && scan_end(&scan),
			   "expected \"%s\"\ngot      \"%s\"", models[i].want, usage.model);
	}
}

#define TYPE(type)   "{\"type\":\"" type "\","
#define OF(model)    "\"model\":\"" model "\","
#define ITER(list)   "\"iterations\":[" list "]"
#define IN_OUT(i, o) IN #i "," OUT #o

/* Each model's tokens as "model input/read/5m/1h/output"; after an asterisk if not all is known. */
static const struct {
	int line;
	const char *name, *model, *first, *second, *want, *sum;
} splits[] = {
    {__LINE__, "iterations: none", "m", "{" IN_OUT(3, 4) "}", NULL, " 3/-1/0/0/4", " 3/-1/0/0/4"},
    {__LINE__, "iterations: an empty list", "m", "{" IN_OUT(3, 4) "," ITER("") "}", NULL,
     " 3/-1/0/0/4", " 3/-1/0/0/4"},
    {__LINE__, "iterations: null", "m", "{" IN_OUT(3, 4) ",\"iterations\":null}", NULL,
     " 3/-1/0/0/4", " 3/-1/0/0/4"},
    {__LINE__, "iterations: a tool loop is in the sums", "m",
     "{" IN_OUT(30, 4) "," ITER(TYPE("message") OF("m") IN_OUT(10, 1) "}," TYPE("message") OF("m")
				    IN_OUT(20, 3) "}") "}",
     NULL, " 30/0/0/0/4", " 30/0/0/0/4"},
    {__LINE__, "iterations: those without a model are of the one that answers", "m",
     "{" IN_OUT(30, 4) "," ITER(TYPE("message") "\"model\":null," IN_OUT(30, 4) "}") "}", NULL,
     " 30/0/0/0/4", " 30/0/0/0/4"},
    {__LINE__, "iterations: a compaction is not in the sums", "m",
     "{" IN_OUT(30, 4) "," ITER(TYPE("compaction") IN_OUT(100, 10) "}," TYPE("message") OF("m")
				    IN_OUT(30, 4) "}") "}",
     NULL, " 130/0/0/0/14", " 130/0/0/0/14"},
    {__LINE__, "iterations: nor is an advisor", "m",
     "{" IN_OUT(30, 4) "," ITER(TYPE("message") OF("m") IN_OUT(30, 4) "}," TYPE("advisor_message")
				    OF("big") IN_OUT(7, 8) "}") "}",
     NULL, " 30/0/0/0/4 big 7/0/0/0/8", " 37/0/0/0/12"},
    {__LINE__, "iterations: a type of which nothing is known is beside the sums", "m",
     "{" IN_OUT(30, 4) "," ITER(TYPE("new") OF("big") IN_OUT(7, 8) "}") "}", NULL,
     " 30/0/0/0/4 big 7/0/0/0/8", " 37/0/0/0/12"},
    {__LINE__, "iterations: a model that declined, and the one that answered instead", "fb",
     "{" IN_OUT(30, 6) "," ITER(TYPE("message") OF("m") IN_OUT(10, 1) "}," TYPE("fallback_message")
				    OF("fb") IN_OUT(20, 5) "}") "}",
     NULL, " 20/0/0/0/5 m 10/0/0/0/1", " 30/0/0/0/6"},
    {__LINE__, "iterations: sums that have only the last of them", "fb",
     "{" IN_OUT(20, 5) "," ITER(TYPE("message") OF("m") IN_OUT(10, 1) "}," TYPE("fallback_message")
				    OF("fb") IN_OUT(20, 5) "}") "}",
     NULL, " 20/0/0/0/5 m 10/0/0/0/1", " 30/0/0/0/6"},
    {__LINE__, "iterations: what they leave out is the answering model's", "m",
     "{" IN_OUT(30, 4) "," ITER(TYPE("message") OF("x") IN_OUT(10, 1) "}") "}", NULL,
     " 20/0/0/0/3 x 10/0/0/0/1", " 30/0/0/0/4"},
    {__LINE__, "iterations: kinds of cache", "m",
     "{" IN "1," READ "2," WRITE "30," SPLIT "{" FOR_5M "10," FOR_1H "20}," OUT
     "4," ITER(TYPE("advisor_message") OF("big") IN "5," READ "6," WRITE "70," SPLIT "{" FOR_5M
						    "0," FOR_1H "70}," OUT "8}") "}",
     NULL, " 1/2/10/20/4 big 5/6/0/70/8", " 6/8/10/90/12"},
    {__LINE__, "iterations: the end's replace the start's", "m",
     "{" IN_OUT(30, 1) "," ITER(TYPE("message") OF("m") IN_OUT(30, 1) "}") "}",
     "{" IN_OUT(50, 9) "," ITER(TYPE("message") OF("m") IN_OUT(30, 4) "}," TYPE("message") OF("m")
				    IN_OUT(20, 5) "}") "}",
     " 50/0/0/0/9", " 50/0/0/0/9"},
    {__LINE__, "iterations: an end without them keeps the start's", "m",
     "{" IN_OUT(30, 1) "," ITER(TYPE("advisor_message") OF("big") IN_OUT(7, 8) "}") "}",
     "{" OUT "9}", " 30/0/0/0/9 big 7/0/0/0/8", " 37/0/0/0/17"},
    {__LINE__, "iterations: four models", "m",
     "{" IN_OUT(1, 1) "," ITER(TYPE("new") OF("a") IN_OUT(1, 1) "}," TYPE("new") OF("b")
				   IN_OUT(2, 2) "}," TYPE("new") OF("c") IN_OUT(3, 3) "}") "}",
     NULL, " 1/0/0/0/1 a 1/0/0/0/1 b 2/0/0/0/2 c 3/0/0/0/3", " 7/0/0/0/7"},
    {__LINE__, "iterations: a fifth", "m",
     "{" IN_OUT(1, 1) "," ITER(TYPE("new") OF("a") IN_OUT(1, 1) "}," TYPE("new") OF("b") IN_OUT(
	 2, 2) "}," TYPE("new") OF("c") IN_OUT(3, 3) "}," TYPE("new") OF("d") IN_OUT(4, 4) "}") "}",
     NULL, "* 1/0/0/0/1 a 1/0/0/0/1 b 2/0/0/0/2 c 3/0/0/0/3", "* 7/0/0/0/7"},
    {__LINE__, "iterations: a name that does not fit", "m",
     "{" IN_OUT(1, 1) "," ITER(TYPE("new") OF(
	 "0123456789012345678901234567890123456789012345678901234567890123") IN_OUT(1, 1) "}") "}",
     NULL, "* 1/0/0/0/1", "* 1/0/0/0/1"},
    {__LINE__, "iterations: odd ones", "m",
     "{" IN_OUT(1, 1) "," ITER("7,null,{}," TYPE("message") OF("m") IN_OUT(-4, 1) "}") "}", NULL,
     " 1/0/0/0/1", " 1/0/0/0/1"},
};

static void
put_tokens(struct buf *out, const struct usage *u, const char *model)
{
	buf_append_cut(out, "%s %" PRId64 "/%" PRId64 "/%" PRId64 "/%" PRId64 "/%" PRId64, model,
		       u->input, u->cache_read, usage_cache_5m(u, false), usage_cache_1h(u, false),
		       u->output);
}

static void
check_splits(void)
{
	for (size_t i = 0; i < TAP_COUNT(splits); i++) {
		struct usage got = USAGE_NONE, parts[USAGE_MODELS_MAX];
		struct buf split, sum;
		snprintf(got.model, sizeof got.model, "%s", splits[i].model);
		read_text(&got, splits[i].first);
		if (splits[i].second != NULL)
			read_text(&got, splits[i].second);
		buf_init(&split, 512);
		buf_init(&sum, 512);
		const char *mark = got.iterations.is_cut ? "*" : "";
		size_t n = usage_split(&got, parts);
		for (size_t j = 0; j < n; j++) {
			if (j > 0)
				buf_append_cut(&split, " ");
			put_tokens(&split, &parts[j], j == 0 ? mark : parts[j].model);
		}
		struct usage all = usage_sum(&got);
		put_tokens(&sum, &all, mark);
		TAP_ROW_AT(splits[i].line, splits[i].name,
			   strcmp(buf_text(&split), splits[i].want) == 0 &&
			       strcmp(buf_text(&sum), splits[i].sum) == 0 &&
			       strcmp(all.model, splits[i].model) == 0,
			   "expected %s, all:%s\ngot      %s, all:%s", splits[i].want,
			   splits[i].sum, buf_text(&split), buf_text(&sum));
		buf_free(&split);
		buf_free(&sum);
	}
}

int
main(int argc, char **argv)
{
	tap_start("usage", argc, argv);
	check_rows();
	check_kinds();
	check_models();
	check_splits();
	return tap_finish();
}
