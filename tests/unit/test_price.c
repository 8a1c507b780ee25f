/* SPDX-License-Identifier: MIT */
/* price: what a response cost and what a request may cost, by the shipped prices and by others;
 * and what is wrong with a file of prices. All expected amounts are computed by hand. */
#include "money/price.h"

#include "base/caps.h"
#include "base/clock.h"
#include "config/config.h"
#include "private.h"
#include "tap.h"

static char dir[] = "/tmp/test_price.XXXXXX";
static char own_file[sizeof dir + sizeof("/own")];
static char shipped_file[sizeof dir + sizeof("/shipped")];

#define UNKNOWN (-1)
#define NONE    (-1)                   /* not reported */
#define PEAK    "2026-11-27T06:00:00Z" /* a Friday */
#define OFFPEAK "2026-11-27T12:00:00Z"
#define MOST    PRICE_NANO_USD_MAX

#define USAGE(in, read, write, for_5m, for_1h, out, search, fast, odd)                             \
	{                                                                                          \
		.input = in, .cache_read = read, .cache_write = write, .cache_5m = for_5m,         \
		.cache_1h = for_1h, .output = out, .searches = search, .is_fast = fast,            \
		.is_odd = odd                                                                      \
	}

/* NULL: the file does not exist. */
static struct prices *
load(const char *own, const char *shipped, struct buf *errors)
{
	unlink(own_file);
	unlink(shipped_file);
	if (own != NULL)
		private_write(own_file, own, strlen(own), 0644);
	if (shipped != NULL)
		private_write(shipped_file, shipped, strlen(shipped), 0644);
	return prices_load(own_file, shipped_file, errors);
}

static struct prices *
load_good(const char *own, const char *shipped)
{
	struct buf errors;
	buf_init(&errors, 8192);
	struct prices *prices = load(own, shipped, &errors);
	if (prices == NULL)
		TAP_STR("loaded", buf_text(&errors), "");
	buf_free(&errors);
	return prices;
}

/* The table that is installed; NULL where the source is not here. */
static struct prices *
load_shipped(void)
{
	const char *source = getenv("TEST_SRCDIR");
	char path[4096];
	struct buf errors;
	snprintf(path, sizeof path, "%s/conf/prices", source == NULL ? "." : source);
	if (access(path, R_OK) == -1)
		return NULL;
	unlink(own_file);
	buf_init(&errors, 8192);
	struct prices *prices = prices_load(own_file, path, &errors);
	TAP_STR("the shipped prices have no mistake", buf_text(&errors), "");
	buf_free(&errors);
	return prices;
}

static int64_t
amount(const struct cost *cost)
{
	return cost->is_known ? cost->nano_usd : UNKNOWN;
}

/* --- The shipped prices, each kind alone: 1000 tokens ----------------------- */

/* Thousandths of a dollar for a million tokens, which are micro-dollars for 1000. */
static const struct {
	int line;
	const char *model, *at;
	int64_t in, w5m, w1h, read, out;
} table[] = {
    {__LINE__, "claude-opus-5-5", PEAK, 4000, 5000, 8000, 200, 20000},
    {__LINE__, "claude-opus-5", PEAK, 5000, 6250, 10000, 500, 25000},
    {__LINE__, "claude-opus-4-5", PEAK, 5000, 6250, 10000, 500, 25000},
    {__LINE__, "claude-opus-4-6", PEAK, 5000, 6250, 10000, 500, 25000},
    {__LINE__, "claude-opus-4-7", PEAK, 5000, 6250, 10000, 500, 25000},
    {__LINE__, "claude-opus-4-8", PEAK, 5000, 6250, 10000, 500, 25000},
    {__LINE__, "claude-opus-4-5-20251101", PEAK, 5000, 6250, 10000, 500, 25000},
    {__LINE__, "claude-sonnet-5-5", PEAK, 2000, 2500, 4000, 100, 10000},
    {__LINE__, "claude-sonnet-5-5", "2026-10-07T00:00:00Z", 2000, 2500, 4000, 100, 10000},
    {__LINE__, "claude-sonnet-5-5", "2026-10-06T23:59:59.999Z", 2000, 2500, 4000, 200, 10000},
    {__LINE__, "claude-sonnet-5", PEAK, 2000, 2500, 4000, 200, 10000},
    {__LINE__, "claude-sonnet-4-5", PEAK, 3000, 3750, 6000, 300, 15000},
    {__LINE__, "claude-sonnet-4-6", PEAK, 3000, 3750, 6000, 300, 15000},
    {__LINE__, "claude-haiku-5-5", PEAK, 100, 125, 200, 10, 500},
    {__LINE__, "claude-haiku-4-5", PEAK, 1000, 1250, 2000, 100, 5000},
    {__LINE__, "claude-haiku-4-5-20251001", PEAK, 1000, 1250, 2000, 100, 5000},
    {__LINE__, "claude-fable-5-1", PEAK, 10000, 12500, 20000, 250, 50000},
    {__LINE__, "claude-fable-5", PEAK, 10000, 12500, 20000, 1000, 50000},
    {__LINE__, "deepseek-v4-pro", PEAK, 1320, 1320, 1320, 44, 3960},
    {__LINE__, "deepseek-v4-pro", OFFPEAK, 660, 660, 660, 22, 1980},
    {__LINE__, "deepseek-flash", PEAK, 300, 300, 300, 6, 1200},
    {__LINE__, "deepseek-flash", OFFPEAK, 150, 150, 150, 3, 600},
    {__LINE__, "kimi-k3.1-pro", PEAK, 2000, 2000, 4000, 200, 10000},
    {__LINE__, "kimi-k3.1-pro-highspeed", PEAK, 4000, 4000, 8000, 200, 20000},
    {__LINE__, "kimi-k3", PEAK, 3000, 3000, 3000, 300, 15000},
    {__LINE__, "kimi-k2.7-code", PEAK, 950, 950, 950, 190, 4000},
    {__LINE__, "kimi-k2.6", PEAK, 950, 950, 950, 160, 4000},
    {__LINE__, "kimi-k2", PEAK, 950, 950, 950, 160, 4000},
    {__LINE__, "deepseek-reasoner", PEAK, 300, 300, 300, 28, 1200},
    {__LINE__, "gpt-6.1-sol", PEAK, 2000, 2500, 4000, 100, 10000},
    {__LINE__, "gpt-6-sol", PEAK, 2000, 2500, 4000, 200, 10000},
    {__LINE__, "gpt-6-luna", PEAK, 100, 125, 200, 10, 500},
};

static void
check_table(const struct prices *prices)
{
	for (size_t i = 0; i < TAP_COUNT(table); i++) {
		const int64_t want[] = {table[i].in, table[i].w5m, table[i].w1h, table[i].read,
					table[i].out};
		const struct usage usages[] = {
		    {.input = 1000},
		    {.cache_write = 1000, .cache_5m = 1000},
		    {.cache_1h = 1000, .cache_write = 1000},
		    {.cache_read = 1000},
		    {.output = 1000},
		};
		struct price_query query = {"x", table[i].model, clock_parse_ms(table[i].at), false,
					    NULL};
		bool good = true;
		for (size_t j = 0; j < TAP_COUNT(usages); j++) {
			struct cost cost = prices_cost(prices, &query, &usages[j]);
			good &= amount(&cost) == want[j] * 1000 &&
				strcmp(cost.checked, "2026-11-27") == 0;
		}
		TAP_ROW_AT(table[i].line, table[i].model, good, "at %s", table[i].at);
	}
}

/* A cap on a provider whose first name has no price would leave it out, without a word of it. */
static void
check_defaults(const struct prices *prices)
{
	char file[sizeof dir + sizeof("/conf")];
	struct buf errors;
	const struct price_request request = {.text_bytes = 10, .max_tokens = 10};
	unsigned names = 0;
	snprintf(file, sizeof file, "%s/conf", dir);
	private_write(file, "", 0, 0644);
	buf_init(&errors, 8192);
	struct config *config = config_load(file, &errors);
	TAP_STR("the defaults are a configuration", buf_text(&errors), "");
	for (size_t i = 0; config != NULL && i < config->n_providers; i++) {
		const struct provider *p = &config->providers[i];
		for (size_t j = 0; j < p->n_models; j++)
			for (size_t k = 0; k < p->models[j].n_names; k++, names++) {
				char *model = p->models[j].names[k];
				const struct price_query query = {
				    .provider = p->name,
				    .model = model,
				    .at_ms = clock_parse_ms(PEAK),
				};
				struct cost bound = prices_bound(prices, &query, &request);
				TAP_ROW(model, bound.is_known, "a default of %s without a price",
					p->name);
			}
	}
	TAP_OK("there are default names", names >= 4);
	unlink(file);
	config_free(config);
	buf_free(&errors);
}

/* --- Whole responses by the shipped prices ---------------------------------- */

static const struct {
	int line;
	const char *name, *model, *at;
	struct usage usage;
	bool asked_for_1h;
	int64_t want; /* nano-dollars */
} whole[] = {
    /* 3 x 4000 + 150,000 x 200 + 2000 x 8000 + 800 x 20,000 */
    {__LINE__, "a warm turn", "claude-opus-5-5", PEAK,
     USAGE(3, 150000, 2000, NONE, NONE, 800, NONE, false, false), true, 62012000},
    {__LINE__, "the same with a cache of 5 minutes", "claude-opus-5-5", PEAK,
     USAGE(3, 150000, 2000, NONE, NONE, 800, NONE, false, false), false, 56012000},
    {__LINE__, "the split decides", "claude-opus-5-5", PEAK,
     USAGE(3, 150000, 2000, 500, 1500, 800, NONE, false, false), true, 60512000},

    /* Tiers: 100, 10, 125 and 500 nano-dollars a token; above 500, 50, 625 and 2500 */
    {__LINE__, "tier -1", "claude-haiku-5-5", PEAK,
     USAGE(99999, NONE, NONE, NONE, NONE, 10, NONE, false, false), false, 9999900 + 5000},
    {__LINE__, "tier 0", "claude-haiku-5-5", PEAK,
     USAGE(100000, NONE, NONE, NONE, NONE, 10, NONE, false, false), false, 10000000 + 5000},
    {__LINE__, "tier +1", "claude-haiku-5-5", PEAK,
     USAGE(100001, NONE, NONE, NONE, NONE, 10, NONE, false, false), false, 50000500 + 25000},
    {__LINE__, "tier 0 of all kinds of input", "claude-haiku-5-5", PEAK,
     USAGE(1, 99989, 10, NONE, NONE, 0, NONE, false, false), false, 100 + 999890 + 1250},
    {__LINE__, "tier +1 of all kinds of input", "claude-haiku-5-5", PEAK,
     USAGE(1, 99990, 10, NONE, NONE, 0, NONE, false, false), false, 500 + 4999500 + 6250},
    {__LINE__, "tier +1 of an hour's writes", "claude-haiku-5-5", PEAK,
     USAGE(1, NONE, 100000, NONE, NONE, 0, NONE, false, false), true, 500 + 100000000},
    {__LINE__, "output is in no tier", "claude-haiku-5-5", PEAK,
     USAGE(1, NONE, NONE, NONE, NONE, 200000, NONE, false, false), false, 100 + 100000000},
    {__LINE__, "another tier 0", "gpt-6.1-sol", PEAK,
     USAGE(272000, NONE, NONE, NONE, NONE, 1, NONE, false, false), false, 544000000 + 10000},
    {__LINE__, "another tier +1", "gpt-6.1-sol", PEAK,
     USAGE(272001, NONE, NONE, NONE, NONE, 1, NONE, false, false), false, 1088004000 + 15000},
    {__LINE__, "a tier without w5m", "gpt-6.1-sol", PEAK,
     USAGE(0, NONE, 272001, NONE, NONE, 0, NONE, false, false), false, 1088004000},
    {__LINE__, "a tier without w1h", "gpt-6.1-sol", PEAK,
     USAGE(0, NONE, 272001, NONE, NONE, 0, NONE, false, false), true, 1088004000},
    {__LINE__, "before an unknown tier", "gpt-6-sol", PEAK,
     USAGE(272000, NONE, NONE, NONE, NONE, 1, NONE, false, false), false, 544000000 + 10000},
    {__LINE__, "in an unknown tier", "gpt-6-sol", PEAK,
     USAGE(272001, NONE, NONE, NONE, NONE, 1, NONE, false, false), false, UNKNOWN},
    {__LINE__, "in another", "gpt-6-luna", PEAK,
     USAGE(272001, NONE, NONE, NONE, NONE, 1, NONE, false, false), false, UNKNOWN},

    /* Speed: 8000, 400, 10,000, 16,000, 40,000 */
    {__LINE__, "fast", "claude-opus-5-5", PEAK, USAGE(1000, 2000, 30, 20, 10, 5, NONE, true, false),
     false, 8000000 + 800000 + 200000 + 160000 + 200000},
    {__LINE__, "fast without a price for it", "claude-opus-5", PEAK,
     USAGE(1000, NONE, NONE, NONE, NONE, 5, NONE, true, false), false, UNKNOWN},

    /* Searches: 10,000,000 at Claude's, 740,000 at DeepSeek's */
    {__LINE__, "searches", "claude-sonnet-5-5", PEAK,
     USAGE(1, NONE, NONE, NONE, NONE, 1, 3, false, false), false, 2000 + 10000 + 30000000},
    {__LINE__, "searches are not dearer in fast mode", "claude-opus-5-5", PEAK,
     USAGE(0, NONE, NONE, NONE, NONE, 1, 1, true, false), false, 40000 + 10000000},
    {__LINE__, "searches are not cheaper off-peak", "deepseek-v4-pro", OFFPEAK,
     USAGE(0, NONE, NONE, NONE, NONE, 1, 2, false, false), false, 1980 + 1480000},
    {__LINE__, "searches without a price", "kimi-k3", PEAK,
     USAGE(1, NONE, NONE, NONE, NONE, 1, 1, false, false), false, UNKNOWN},
    {__LINE__, "no searches need no price", "kimi-k3", PEAK,
     USAGE(1, NONE, NONE, NONE, NONE, 1, 0, false, false), false, 3000 + 15000},

    /* Periods, of 1000 tokens of output */
    {__LINE__,
     "before the first period",
     "deepseek-v4-pro",
     "2026-08-16T15:59:59.999Z",
     {.output = 1000},
     false,
     UNKNOWN},
    {__LINE__,
     "the first period begins",
     "deepseek-v4-pro",
     "2026-08-16T16:00:00Z",
     {.output = 1000},
     false,
     1980000},

    /* Names */
    {__LINE__, "no line", "claude-opus-6", PEAK, {.output = 1}, false, UNKNOWN},
    {__LINE__, "no line for a longer name", "claude-opus-5-7", PEAK, {.output = 1}, false, UNKNOWN},
    {__LINE__, "no line for a name of nothing", "", PEAK, {.output = 1}, false, UNKNOWN},
    {__LINE__, "a date is 8 digits", "claude-opus-5-2026010", PEAK, {.output = 1}, false, UNKNOWN},
    {__LINE__, "and digits alone", "claude-opus-5-2026010x", PEAK, {.output = 1}, false, UNKNOWN},
    {__LINE__, "a name that is but a date", "-20260101", PEAK, {.output = 1}, false, UNKNOWN},

    /* What was not reported */
    {__LINE__, "nothing reported", "kimi-k3", PEAK,
     USAGE(NONE, NONE, NONE, NONE, NONE, NONE, NONE, false, false), false, UNKNOWN},
    {__LINE__, "no output reported", "kimi-k3", PEAK,
     USAGE(1, NONE, NONE, NONE, NONE, NONE, NONE, false, false), false, UNKNOWN},
    {__LINE__, "no input reported", "kimi-k3", PEAK,
     USAGE(NONE, NONE, NONE, NONE, NONE, 1, NONE, false, false), false, UNKNOWN},
    {__LINE__, "one kind of input is enough", "kimi-k3", PEAK,
     USAGE(NONE, 10, NONE, NONE, NONE, 1, NONE, false, false), false, 3000 + 15000},
    {__LINE__, "nothing used", "kimi-k3", PEAK,
     USAGE(0, NONE, NONE, NONE, NONE, 0, NONE, false, false), false, 0},
    {__LINE__, "the most tokens", "claude-fable-5", PEAK,
     USAGE(INT32_MAX, INT32_MAX, INT32_MAX, NONE, NONE, INT32_MAX, INT32_MAX, false, false), true,
     MOST},
};

/* Peak and off-peak by the minute, of 1000 tokens of output: 3,960,000 and 1,980,000. */
static const struct {
	int line;
	const char *name, *at;
	bool is_peak;
} minutes[] = {
    {__LINE__, "Friday before the first peak", "2026-11-27T00:59:59.999Z", false},
    {__LINE__, "Friday in it", "2026-11-27T01:00:00Z", true},
    {__LINE__, "Friday at its end", "2026-11-27T03:59:59.999Z", true},
    {__LINE__, "Friday after it", "2026-11-27T04:00:00Z", false},
    {__LINE__, "Friday before the second", "2026-11-27T05:59:59.999Z", false},
    {__LINE__, "Friday in the second", "2026-11-27T06:00:00Z", true},
    {__LINE__, "Friday at the second's end", "2026-11-27T09:59:59.999Z", true},
    {__LINE__, "Friday after the second", "2026-11-27T10:00:00Z", false},
    {__LINE__, "Friday at noon", "2026-11-27T12:00:00Z", false},
    {__LINE__, "Saturday", "2026-11-28T01:00:00Z", false},
    {__LINE__, "Saturday, second", "2026-11-28T06:00:00Z", false},
    {__LINE__, "Sunday", "2026-11-29T02:00:00Z", false},
    {__LINE__, "Sunday, last minute", "2026-11-29T23:59:59Z", false},
    {__LINE__, "Monday before the first", "2026-11-30T00:59:59Z", false},
    {__LINE__, "Monday in it", "2026-11-30T01:00:00Z", true},
    {__LINE__, "Tuesday", "2026-12-01T01:00:00Z", true},
    {__LINE__, "Wednesday", "2026-12-02T01:00:00Z", true},
    {__LINE__, "Thursday", "2026-12-03T01:00:00Z", true},
    {__LINE__, "a leap day, a Tuesday", "2028-02-29T01:00:00Z", true},
};

static void
check_whole(const struct prices *prices)
{
	for (size_t i = 0; i < TAP_COUNT(whole); i++) {
		struct price_query query = {"x", whole[i].model, clock_parse_ms(whole[i].at),
					    whole[i].asked_for_1h, NULL};
		struct cost cost = prices_cost(prices, &query, &whole[i].usage);
		TAP_INT_AT(whole[i].line, whole[i].name, amount(&cost), whole[i].want);
	}
	for (size_t i = 0; i < TAP_COUNT(minutes); i++) {
		struct price_query query = {"x", "deepseek-v4-pro", clock_parse_ms(minutes[i].at),
					    false, NULL};
		struct usage usage = {.output = 1000};
		struct cost cost = prices_cost(prices, &query, &usage);
		TAP_INT_AT(minutes[i].line, minutes[i].name, amount(&cost),
			   minutes[i].is_peak ? 3960000 : 1980000);
	}
	TAP_INT("when the shipped prices were checked", prices_checked_at(prices),
		clock_parse_ms("2026-11-27T00:00:00Z"));
}

/* --- The shipped prices before a request is sent ---------------------------- */

static const struct {
	int line;
	const char *name, *model, *at;
	struct price_request request;
	bool asked_for_1h;
	int64_t want;
} bounds[] = {
    /* 150,000 x 8000 + 128,000 x 20,000 */
    {__LINE__,
     "bound: Claude with an hour",
     "claude-opus-5-5",
     PEAK,
     {300000, 0, 128000, false, false},
     true,
     INT64_C(3760000000)},
    {__LINE__,
     "bound: Claude with 5 minutes",
     "claude-opus-5-5",
     PEAK,
     {300000, 0, 128000, false, false},
     false,
     INT64_C(3310000000)},
    {__LINE__,
     "bound: fast",
     "claude-opus-5-5",
     PEAK,
     {300000, 0, 128000, true, false},
     true,
     INT64_C(7520000000)},
    {__LINE__,
     "bound: fast without a price",
     "claude-opus-5",
     PEAK,
     {300000, 0, 128000, true, false},
     true,
     UNKNOWN},
    {__LINE__,
     "bound: DeepSeek in peak",
     "deepseek-v4-pro",
     PEAK,
     {300000, 0, 128000, false, false},
     true,
     198000000 + 506880000},
    {__LINE__,
     "bound: DeepSeek off-peak",
     "deepseek-v4-pro",
     OFFPEAK,
     {300000, 0, 128000, false, false},
     true,
     99000000 + 253440000},
    {__LINE__,
     "bound: flash",
     "deepseek-flash",
     PEAK,
     {300000, 0, 128000, false, false},
     false,
     45000000 + 153600000},
    {__LINE__,
     "bound: Kimi",
     "kimi-k3.1-pro",
     PEAK,
     {300000, 0, 32768, false, false},
     false,
     300000000 + 327680000},
    {__LINE__, "bound: a byte is a token", "kimi-k3", PEAK, {1, 0, 0, false, false}, false, 3000},
    {__LINE__, "bound: two are one", "kimi-k3", PEAK, {2, 0, 0, false, false}, false, 3000},
    {__LINE__, "bound: three are two", "kimi-k3", PEAK, {3, 0, 0, false, false}, false, 6000},
    {__LINE__, "bound: nothing", "kimi-k3", PEAK, {0, 0, 0, false, false}, false, 0},
    {__LINE__,
     "bound: two images",
     "kimi-k3",
     PEAK,
     {2, 2, 1, false, false},
     false,
     30003000 + 15000},
    {__LINE__,
     "bound: a search tool",
     "claude-opus-5",
     PEAK,
     {0, 0, 1, false, true},
     false,
     25000 + 100000000},
    {__LINE__,
     "bound: a search tool without a price",
     "kimi-k3",
     PEAK,
     {0, 0, 1, false, true},
     false,
     UNKNOWN},
    {__LINE__,
     "bound: tier 0",
     "claude-haiku-5-5",
     PEAK,
     {200000, 0, 10, false, false},
     false,
     12500000 + 5000},
    {__LINE__,
     "bound: tier +1",
     "claude-haiku-5-5",
     PEAK,
     {200001, 0, 10, false, false},
     false,
     62500625 + 25000},
    {__LINE__,
     "bound: tier +1 by an image",
     "claude-haiku-5-5",
     PEAK,
     {190002, 1, 10, false, false},
     false,
     62500625 + 25000},
    {__LINE__,
     "bound: an unknown tier",
     "gpt-6-sol",
     PEAK,
     {544001, 0, 10, false, false},
     false,
     UNKNOWN},
    {__LINE__, "bound: no line", "claude-opus-6", PEAK, {1, 0, 1, false, false}, false, UNKNOWN},
    {__LINE__,
     "bound: a text without end",
     "kimi-k3",
     PEAK,
     {INT64_MAX, 0, 0, false, false},
     false,
     MOST},
    {__LINE__,
     "bound: images without end",
     "kimi-k3",
     PEAK,
     {0, INT64_MAX, 0, false, false},
     false,
     MOST},
    {__LINE__,
     "bound: output without end",
     "kimi-k3",
     PEAK,
     {1, 0, INT64_MAX, false, false},
     false,
     MOST},
};

static void
check_bounds(const struct prices *prices)
{
	for (size_t i = 0; i < TAP_COUNT(bounds); i++) {
		struct price_query query = {"x", bounds[i].model, clock_parse_ms(bounds[i].at),
					    bounds[i].asked_for_1h, NULL};
		struct cost cost = prices_bound(prices, &query, &bounds[i].request);
		TAP_INT_AT(bounds[i].line, bounds[i].name, amount(&cost), bounds[i].want);
	}
}

/* --- Other files, of which a request of input and output is priced ------------ */

#define DAY "2026-11-27T00:00:00Z"

static const struct {
	int line;
	const char *name, *own, *shipped, *provider, *model, *at;
	int64_t input, output;
	int64_t want;
	const char *checked;
} files[] = {
    {__LINE__, "no files", NULL, NULL, "x", "a", DAY, 1, 1, UNKNOWN, ""},
    {__LINE__, "empty files", "", "", "x", "a", DAY, 1, 1, UNKNOWN, ""},
    {__LINE__, "the operator's file comes first", "a in=1 out=1", "a in=2 out=2", "x", "a", DAY, 1,
     1, 2000, ""},
    {__LINE__, "what it lacks comes from the other", "b in=1 out=1", "a in=2 out=2", "x", "a", DAY,
     1, 1, 4000, ""},
    {__LINE__, "so does what it has from a later time", "a from=2026-11-28 in=1 out=1",
     "a in=2 out=2", "x", "a", DAY, 1, 1, 4000, ""},
    {__LINE__, "the first line that fits", "a* in=1 out=1\nab in=3 out=3", NULL, "x", "ab", DAY, 1,
     1, 2000, ""},
    {__LINE__, "a provider's own prices", "* in=9 out=9\nbackup:* in=1 out=1", NULL, "backup", "a",
     DAY, 1, 1, 2000, ""},
    {__LINE__, "are not another's", "* in=9 out=9\nbackup:* in=1 out=1", NULL, "kimi", "a", DAY, 1,
     1, 18000, ""},
    {__LINE__, "they come before all others", "a in=9 out=9", "backup:a in=1 out=1", "backup", "a",
     DAY, 1, 1, 2000, ""},
    {__LINE__, "a colon in a model's name", "a?b in=1 out=1", NULL, "x", "a:b", DAY, 1, 1, 2000,
     ""},
    {__LINE__, "0 because a line says so", "a in=0 out=0", NULL, "x", "a", DAY, 5, 5, 0, ""},
    {__LINE__, "what is free need not be reported", "a in=0 out=0", NULL, "x", "a", DAY, NONE, NONE,
     0, ""},
    {__LINE__, "free input alone", "a in=0 out=1", NULL, "x", "a", DAY, NONE, 5, 5000, ""},
    {__LINE__, "free output alone", "a in=1 out=0", NULL, "x", "a", DAY, 5, NONE, 5000, ""},
    {__LINE__, "input with reads that are not free", "a in=0 read=1 out=0", NULL, "x", "a", DAY,
     NONE, 5, UNKNOWN, ""},
    {__LINE__, "a model whose price is unknown", "a unknown", "a in=1 out=1", "x", "a", DAY, 1, 1,
     UNKNOWN, ""},

    /* Rounding: 1 pico-dollar a token */
    {__LINE__, "a pico-dollar is a nano-dollar", "a in=0.000001 out=0", NULL, "x", "a", DAY, 1, 0,
     1, ""},
    {__LINE__, "so are 1000 of them", "a in=0.000001 out=0", NULL, "x", "a", DAY, 1000, 0, 1, ""},
    {__LINE__, "and 1001 are two", "a in=0.000001 out=0", NULL, "x", "a", DAY, 1001, 0, 2, ""},
    {__LINE__, "the sum is rounded, not its parts", "a in=0.0005 out=0.0005", NULL, "x", "a", DAY,
     1, 1, 1, ""},
    {__LINE__, "half a pico-dollar is one",
     "a in=0.000001 out=0 peak=\"sat 00:00-00:01\" offpeak=0.5", NULL, "x", "a", DAY, 1000, 0, 1,
     ""},
    {__LINE__, "one and a half are two", "a in=0.000003 out=0 peak=\"sat 00:00-00:01\" offpeak=0.5",
     NULL, "x", "a", DAY, 501, 0, 2, ""},

    /* Maxima: 10,000 dollars for a million are 10^10 pico-dollars for one */
    {__LINE__, "the dearest", "a in=10000 out=10000.000000", NULL, "x", "a", DAY, 1, 1, 20000000,
     ""},
    {__LINE__, "8 million dollars", "a in=10000 out=0", NULL, "x", "a", DAY, 800000000, 0,
     INT64_C(8000000000000000), ""},
    {__LINE__, "one part that is too much", "a in=10000 out=0", NULL, "x", "a", DAY, 1000000000, 0,
     MOST, ""},
    {__LINE__, "a sum that is too much", "a in=10000 out=10000", NULL, "x", "a", DAY, 800000000,
     800000000, MOST, ""},

    /* Times of the week; the day is a Friday */
    {__LINE__, "all days", "a in=2 out=0 peak=00:00-00:01 offpeak=0", NULL, "x", "a", DAY, 1, 0,
     2000, ""},
    {__LINE__, "one day", "a in=2 out=0 peak=\"fri 00:00-24:00\" offpeak=0", NULL, "x", "a",
     "2026-11-27T23:59:59.999Z", 1, 0, 2000, ""},
    {__LINE__, "the day after it", "a in=2 out=0 peak=\"fri 00:00-24:00\" offpeak=0", NULL, "x",
     "a", "2026-11-28T00:00:00Z", 1, 0, 0, ""},
    {__LINE__, "days across the week's end", "a in=2 out=0 peak=\"sat-mon 0:00-24:00\" offpeak=0",
     NULL, "x", "a", "2026-11-30T12:00:00Z", 1, 0, 2000, ""},
    {__LINE__, "the day after those", "a in=2 out=0 peak=\"sat-mon 0:00-24:00\" offpeak=0", NULL,
     "x", "a", "2026-12-01T12:00:00Z", 1, 0, 0, ""},
    {__LINE__, "the day before those", "a in=2 out=0 peak=\"sat-mon 0:00-24:00\" offpeak=0", NULL,
     "x", "a", "2026-11-27T12:00:00Z", 1, 0, 0, ""},

    /* Four tiers */
    {__LINE__, "the first tier",
     "a in=1 out=0 over=10: in=2 out=0 over=20: in=3 out=0 over=30: "
     "in=4 out=0",
     NULL, "x", "a", DAY, 10, 0, 10000, ""},
    {__LINE__, "the second",
     "a in=1 out=0 over=10: in=2 out=0 over=20: in=3 out=0 over=30: "
     "in=4 out=0",
     NULL, "x", "a", DAY, 20, 0, 40000, ""},
    {__LINE__, "the third",
     "a in=1 out=0 over=10: in=2 out=0 over=20: in=3 out=0 over=30: "
     "in=4 out=0",
     NULL, "x", "a", DAY, 21, 0, 63000, ""},
    {__LINE__, "the fourth",
     "a in=1 out=0 over=10: in=2 out=0 over=20: in=3 out=0 over=30: "
     "in=4 out=0",
     NULL, "x", "a", DAY, 31, 0, 124000, ""},

    /* Dates */
    {__LINE__, "no date", "a in=1 out=0\nchecked 2026-11-01", NULL, "x", "a", DAY, 1, 0, 1000, ""},
    {__LINE__, "the line's date", "checked 2026-11-01\na in=1 out=0\nchecked 2026-11-02", NULL, "x",
     "a", DAY, 1, 0, 1000, "2026-11-01"},
    {__LINE__, "the date of a line that does not price it", "checked 2026-11-01\na unknown", NULL,
     "x", "a", DAY, 1, 0, UNKNOWN, "2026-11-01"},
    {__LINE__, "a date is of its file", "checked 2026-11-01", "a in=1 out=0", "x", "a", DAY, 1, 0,
     1000, ""},

    /* Form */
    {__LINE__, "line ends of DOS", "# x\r\n\r\na in=1 out=0\r\n", NULL, "x", "a", DAY, 1, 0, 1000,
     ""},
    {__LINE__, "a byte order mark",
     "\xef\xbb\xbf"
     "a in=1 out=0\n",
     NULL, "x", "a", DAY, 1, 0, 1000, ""},
    {__LINE__, "blanks and a comment", " \ta\t in=1   out=0 # in=7", NULL, "x", "a", DAY, 1, 0,
     1000, ""},
    {__LINE__, "values in quotes", "a in=\"1\" out=\"0\"# x", NULL, "x", "a", DAY, 1, 0, 1000, ""},
    {__LINE__, "all decimals", "a in=1.234567 out=0", NULL, "x", "a", DAY, 1000, 0, 1234567, ""},
    {__LINE__, "a few decimals", "a in=1.05 out=0", NULL, "x", "a", DAY, 1000, 0, 1050000, ""},
};

static void
check_files(void)
{
	for (size_t i = 0; i < TAP_COUNT(files); i++) {
		struct prices *prices = load_good(files[i].own, files[i].shipped);
		if (prices == NULL)
			continue;
		struct price_query query = {files[i].provider, files[i].model,
					    clock_parse_ms(files[i].at), false, NULL};
		struct usage usage = USAGE_NONE;
		usage.input = files[i].input;
		usage.output = files[i].output;
		struct cost cost = prices_cost(prices, &query, &usage);
		TAP_ROW_AT(files[i].line, files[i].name,
			   amount(&cost) == files[i].want &&
			       (cost.is_known || cost.nano_usd == 0) &&
			       strcmp(cost.checked, files[i].checked) == 0,
			   "expected %" PRId64 " of \"%s\"\ngot      %" PRId64 " of \"%s\"",
			   files[i].want, files[i].checked, amount(&cost), cost.checked);
		prices_free(prices);
	}
}

/* 1000 tokens of kinds that a line leaves out: at 1 dollar for a million, 1,000,000. */
static void
check_missing_kinds(void)
{
	struct prices *prices = load_good("a in=1 out=5\nb in=1 w5m=1.25 out=5", NULL);
	const struct usage read = {.cache_read = 1000}, write = {.cache_write = 1000};
	const struct {
		int line;
		const char *name, *model;
		const struct usage *usage;
		bool asked_for_1h;
		int64_t want;
	} missing[] = {
	    {__LINE__, "reads cost what input costs", "a", &read, false, 1000000},
	    {__LINE__, "so do writes", "a", &write, false, 1000000},
	    {__LINE__, "for an hour, too", "a", &write, true, 1000000},
	    {__LINE__, "reads, where writes have a price", "b", &read, false, 1000000},
	    {__LINE__, "writes that have a price", "b", &write, false, 1250000},
	    {__LINE__, "an hour then costs twice the input", "b", &write, true, 2000000},
	};
	for (size_t i = 0; prices != NULL && i < TAP_COUNT(missing); i++) {
		struct price_query query = {"x", missing[i].model, 0, missing[i].asked_for_1h,
					    NULL};
		struct cost cost = prices_cost(prices, &query, missing[i].usage);
		TAP_INT_AT(missing[i].line, missing[i].name, amount(&cost), missing[i].want);
	}
	prices_free(prices);
}

/* Which line prices a response of the provider "x" to "sent": one token. */
static const struct {
	int line;
	const char *name, *answered, *prices;
	int64_t want;
	const char *model;
} answers[] = {
    {__LINE__, "answered: the model that answered", "got", "got in=2 out=0\nsent in=1 out=0", 2000,
     "got"},
    {__LINE__, "answered: also behind the one that was sent", "got",
     "sent in=1 out=0\ngot in=2 out=0", 2000, "got"},
    {__LINE__, "answered: not reported", "", "got in=2 out=0\nsent in=1 out=0", 1000, "sent"},
    {__LINE__, "answered: not known to the caller", NULL, "got in=2 out=0\nsent in=1 out=0", 1000,
     "sent"},
    {__LINE__, "answered: a snapshot", "got-20251001", "got in=2 out=0\nsent in=1 out=0", 2000,
     "got-20251001"},
    {__LINE__, "answered: a name without a price", "an alias", "got in=2 out=0\nsent in=1 out=0",
     1000, "sent"},
    {__LINE__, "answered: neither has a price", "an alias", "got in=2 out=0", UNKNOWN, "an alias"},
    {__LINE__, "answered: no price for what was sent, and nothing reported", "", "got in=2 out=0",
     UNKNOWN, "sent"},
    {__LINE__, "answered: the provider's own price of what was sent comes first", "got",
     "got in=2 out=0\nx:sent in=3 out=0", 3000, "sent"},
    {__LINE__, "answered: its own price of what answered before it", "got",
     "x:sent in=3 out=0\nx:got in=4 out=0", 4000, "got"},
    {__LINE__, "answered: another provider's prices are none", "got",
     "y:got in=4 out=0\nsent in=1 out=0", 1000, "sent"},
    {__LINE__, "answered: somebody knows that its price is unknown", "got",
     "got unknown\nsent in=1 out=0", UNKNOWN, "got"},
};

static void
check_answers(void)
{
	for (size_t i = 0; i < TAP_COUNT(answers); i++) {
		struct prices *prices = load_good(answers[i].prices, NULL);
		const struct price_query query = {
		    .provider = "x", .model = "sent", .answered = answers[i].answered};
		const struct usage usage = {.input = 1};
		if (prices == NULL)
			continue;
		struct cost cost = prices_cost(prices, &query, &usage);
		TAP_ROW_AT(answers[i].line, answers[i].name,
			   amount(&cost) == answers[i].want &&
			       strcmp(cost.model, answers[i].model) == 0,
			   "expected %" PRId64 " of %s\ngot      %" PRId64 " of %s",
			   answers[i].want, answers[i].model, amount(&cost), cost.model);
		prices_free(prices);
	}
}

/* Iterations of further models, by these prices. */
#define FURTHER                                                                                    \
	"m in=1 out=0 fast=2 over=100: in=10 out=0\nbig in=5 out=0\nquick in=3 out=0 fast=3\n"
#define EACH(model, input)                                                                         \
	"{\"type\":\"advisor_message\",\"model\":\"" model "\",\"input_tokens\":" #input           \
	",\"output_tokens\":0}"

static const struct {
	int line;
	const char *name, *usage;
	int64_t want;
} further[] = {
    {__LINE__, "iterations: each by its model's price", EACH("big", 2), 3000 + 2 * 5000},
    {__LINE__, "iterations: two models more", EACH("big", 2) "," EACH("quick", 1),
     3000 + 2 * 5000 + 3000},
    {__LINE__, "iterations: one model without a price", EACH("big", 2) "," EACH("new", 1), UNKNOWN},
    {__LINE__, "iterations: the tier is of all input", EACH("big", 98), 3 * 10000 + 98 * 5000},
    {__LINE__, "iterations: below the tier", EACH("big", 97), 3 * 1000 + 97 * 5000},
    {__LINE__, "iterations: fast, where the further model is not",
     EACH("big", 2) "],\"speed\":\"fast\",\"x\":[", 6000 + 2 * 5000},
    {__LINE__, "iterations: fast, where the further model can be",
     EACH("quick", 2) "],\"speed\":\"fast\",\"x\":[", 6000 + 2 * 9000},
    {__LINE__, "iterations: more models than are kept",
     EACH("big", 1) "," EACH("quick", 1) "," EACH("m2", 0) "," EACH("m3", 0), UNKNOWN},
};

static void
check_further(void)
{
	struct prices *prices = load_good(FURTHER "m* in=0 out=0\n", NULL);
	const struct price_query query = {.provider = "x", .model = "m", .answered = "m"};
	for (size_t i = 0; prices != NULL && i < TAP_COUNT(further); i++) {
		struct usage usage = {.model = "m"};
		struct scan scan;
		char json[1024];
		snprintf(json, sizeof json,
			 "{\"input_tokens\":3,\"output_tokens\":0,\"iterations\":[%s]}",
			 further[i].usage);
		scan_init(&scan, json, strlen(json));
		usage_read(&usage, &scan);
		struct cost cost = prices_cost(prices, &query, &usage);
		TAP_ROW_AT(further[i].line, further[i].name,
			   amount(&cost) == further[i].want && strcmp(cost.model, "m") == 0,
			   "expected %" PRId64 "\ngot      %" PRId64, further[i].want,
			   amount(&cost));
	}
	prices_free(prices);
}

static void
check_lower_tier(void)
{
	struct prices *prices = load_good("a in=5 out=5 over=10: in=1 out=1", NULL);
	struct price_query query = {"x", "a", 0, false, NULL};
	struct price_request request = {.text_bytes = 40, .max_tokens = 1};
	if (prices == NULL)
		return;
	struct cost cost = prices_bound(prices, &query, &request);
	TAP_INT("bound: a lower tier that is dearer", amount(&cost), 20 * 5000 + 5000);
	prices_free(prices);
}

static void
check_owners(void)
{
	struct prices *prices =
	    load_good("checked 2026-11-03\na in=1 out=1", "checked 2026-11-02\nchecked 2026-11-01");
	struct price_query query = {"x", "a", 0, false, NULL};
	struct usage usage = {.output = 1};
	if (prices == NULL)
		return;
	TAP_INT("the latest check", prices_checked_at(prices),
		clock_parse_ms("2026-11-03T00:00:00Z"));
	TAP_OK("a share is the same", prices_share(prices) == prices);
	prices_free(prices);
	struct cost cost = prices_cost(prices, &query, &usage);
	TAP_INT("what one owner gives up stays the other's", amount(&cost), 1000);
	prices_free(prices);
	prices_free(NULL);
	prices = load_good("a in=1 out=1", NULL);
	TAP_INT("never checked", prices == NULL ? 0 : prices_checked_at(prices), -1);
	prices_free(prices);
}

/* --- Bad files ---------------------------------------------------------------- */

#define A_PRICE "use US dollars for a million tokens, from 0 to 10000, such as 0.125"
#define AN_OVER                                                                                    \
	"use tokens of input and a colon, such as over=100000: (at most 4 prices, each for more "  \
	"tokens)"
#define A_PEAK                                                                                     \
	"use days and times in UTC, such as \"mon-fri 01:00-04:00,06:00-10:00\" (at most 4 "       \
	"times, "                                                                                  \
	"none past midnight)"
#define A_FROM  "use a day or a minute in UTC, such as 2026-08-16 or 2026-08-16T16:00Z"
#define A_NAME  "use MODEL or PROVIDER:MODEL, such as claude-opus-5 or backup:*, or checked DATE"
#define NO_IN   "needs in=PRICE and out=PRICE, or the word unknown"
#define A_CHECK "checked: use checked DATE, such as checked 2026-11-27"
#define PAIR    "offpeak= and peak= need each other"

/* What is said about the operator's file, behind "PATH:". */
static const struct {
	int line;
	const char *name, *text, *says;
} bad[] = {
    {__LINE__, "no field", "a\n", "1: a: " NO_IN},
    {__LINE__, "no out", "\n\na in=1\n", "3: a: " NO_IN},
    {__LINE__, "no in", "a out=1\n", "1: a: " NO_IN},
    {__LINE__, "no out in a tier", "a in=1 out=1 over=5: in=1\n", "1: over: " NO_IN},
    {__LINE__, "no in before a tier", "a over=5: in=1 out=1\n", "1: a: " NO_IN},
    {__LINE__, "a model of odd letters", "a,b in=1 out=1\n", "1: a,b: " A_NAME},
    {__LINE__, "no model behind the colon", "a: in=1 out=1\n", "1: a:: " A_NAME},
    {__LINE__, "no provider before it", ":a in=1 out=1\n", "1: :a: " A_NAME},
    {__LINE__, "two colons", "a:b:c in=1 out=1\n", "1: a:b:c: " A_NAME},
    {__LINE__, "a provider that is a glob", "b*:a in=1 out=1\n", "1: b*:a: " A_NAME},
    {__LINE__, "a field before the model", "in=1 out=1\n", "1: in=1: " A_NAME},
    {__LINE__, "an unknown field", "a in=1 out=1 cache=1\n",
     "1: cache=1: use in=, w5m=, w1h=, read=, out=, search=, fast=, offpeak=, peak=, from=, "
     "over=N: or unknown"},
    {__LINE__, "a field without =", "a in=1 out=1 fast\n",
     "1: fast: use in=, w5m=, w1h=, read=, out=, search=, fast=, offpeak=, peak=, from=, over=N: "
     "or unknown"},
    {__LINE__, "a negative price", "a in=-1 out=1\n", "1: in=-1: " A_PRICE},
    {__LINE__, "an empty price", "a in= out=1\n", "1: in=: " A_PRICE},
    {__LINE__, "a price with an exponent", "a in=1 out=1e3\n", "1: out=1e3: " A_PRICE},
    {__LINE__, "a price with a currency", "a in=$1 out=1\n", "1: in=$1: " A_PRICE},
    {__LINE__, "a comma", "a in=1,5 out=1\n", "1: in=1,5: " A_PRICE},
    {__LINE__, "a point without decimals", "a in=1. out=1\n", "1: in=1.: " A_PRICE},
    {__LINE__, "a point alone", "a in=.5 out=1\n", "1: in=.5: " A_PRICE},
    {__LINE__, "seven decimals", "a in=1 out=1 read=0.0000001\n", "1: read=0.0000001: " A_PRICE},
    {__LINE__, "too dear", "a in=1 out=1 w5m=10000.000001\n", "1: w5m=10000.000001: " A_PRICE},
    {__LINE__, "far too dear", "a in=1 out=1 w1h=99999999999\n", "1: w1h=99999999999: " A_PRICE},
    {__LINE__, "a search of nothing", "a in=1 out=1 search=x\n",
     "1: search=x: use US dollars for 1000 searches, from 0 to 10000, such as 10"},
    {__LINE__, "fast mode that is cheaper", "a in=1 out=1 fast=0.999\n",
     "1: fast=0.999: use the factor of prices in fast mode, from 1 to 100, such as 2"},
    {__LINE__, "fast mode that is too dear", "a in=1 out=1 fast=100.001\n",
     "1: fast=100.001: use the factor of prices in fast mode, from 1 to 100, such as 2"},
    {__LINE__, "off-peak that is dearer", "a in=1 out=1 offpeak=1.001 peak=00:00-01:00\n",
     "1: offpeak=1.001: use the factor of prices outside of peak, from 0 to 1, such as 0.5"},
    {__LINE__, "off-peak without peak", "a in=1 out=1 offpeak=0.5\n", "1: a: " PAIR},
    {__LINE__, "peak without off-peak", "a in=1 out=1 peak=01:00-02:00\n", "1: a: " PAIR},
    {__LINE__, "peak on no day", "a in=1 out=1 offpeak=1 peak=\"day 01:00-02:00\"\n",
     "1: peak=day 01:00-02:00: " A_PEAK},
    {__LINE__, "peak to no day", "a in=1 out=1 offpeak=1 peak=\"mon- 01:00-02:00\"\n",
     "1: peak=mon- 01:00-02:00: " A_PEAK},
    {__LINE__, "peak on a long day", "a in=1 out=1 offpeak=1 peak=\"monday 01:00-02:00\"\n",
     "1: peak=monday 01:00-02:00: " A_PEAK},
    {__LINE__, "peak at no time", "a in=1 out=1 offpeak=1 peak=\"mon \"\n",
     "1: peak=mon : " A_PEAK},
    {__LINE__, "peak of no length", "a in=1 out=1 offpeak=1 peak=01:00-01:00\n",
     "1: peak=01:00-01:00: " A_PEAK},
    {__LINE__, "peak past midnight", "a in=1 out=1 offpeak=1 peak=22:00-02:00\n",
     "1: peak=22:00-02:00: " A_PEAK},
    {__LINE__, "a minute too late", "a in=1 out=1 offpeak=1 peak=22:00-24:01\n",
     "1: peak=22:00-24:01: " A_PEAK},
    {__LINE__, "60 minutes", "a in=1 out=1 offpeak=1 peak=01:60-03:00\n",
     "1: peak=01:60-03:00: " A_PEAK},
    {__LINE__, "peak without an end", "a in=1 out=1 offpeak=1 peak=01:00\n",
     "1: peak=01:00: " A_PEAK},
    {__LINE__, "a time after a comma", "a in=1 out=1 offpeak=1 peak=01:00-02:00,\n",
     "1: peak=01:00-02:00,: " A_PEAK},
    {__LINE__, "five times",
     "a in=1 out=1 offpeak=1 peak=1:00-2:00,3:00-4:00,5:00-6:00,7:00-8:00,9:00-9:01\n",
     "1: peak=1:00-2:00,3:00-4:00,5:00-6:00,7:00-8:00,9:00-9:01: " A_PEAK},
    {__LINE__, "a day that does not exist", "a in=1 out=1 from=2026-02-29\n",
     "1: from=2026-02-29: " A_FROM},
    {__LINE__, "a time without a zone", "a in=1 out=1 from=2026-02-28T10:00\n",
     "1: from=2026-02-28T10:00: " A_FROM},
    {__LINE__, "a time with seconds", "a in=1 out=1 from=2026-02-28T10:00:00Z\n",
     "1: from=2026-02-28T10:00:00Z: " A_FROM},
    {__LINE__, "a day of words", "a in=1 out=1 from=yesterday!\n", "1: from=yesterday!: " A_FROM},
    {__LINE__, "tiers of the same size", "a in=1 out=1 over=5: in=1 out=1 over=5: in=1 out=1\n",
     "1: over=5:: " AN_OVER},
    {__LINE__, "a tier from 0", "a in=1 out=1 over=0: in=1 out=1\n", "1: over=0:: " AN_OVER},
    {__LINE__, "a tier without a colon", "a in=1 out=1 over=5 in=1 out=1\n", "1: over=5: " AN_OVER},
    {__LINE__, "a tier of nothing", "a in=1 out=1 over=: in=1 out=1\n", "1: over=:: " AN_OVER},
    {__LINE__, "a tier too large", "a in=1 out=1 over=1000000000: in=1 out=1\n",
     "1: over=1000000000:: " AN_OVER},
    {__LINE__, "five tiers",
     "a unknown over=1: unknown over=2: unknown over=3: unknown over=4: unknown\n",
     "1: over=4:: " AN_OVER},
    {__LINE__, "a search price of a tier", "a in=1 out=1 over=5: in=1 out=1 search=1\n",
     "1: search=1: must be before over="},
    {__LINE__, "twice", "a in=1 out=1 in=2\n", "1: in=2: duplicate"},
    {__LINE__, "twice in a tier", "a in=1 out=1 over=5: in=1 out=1 out=1\n", "1: out=1: duplicate"},
    {__LINE__, "a price that is unknown", "a in=1 out=1 unknown\n",
     "1: unknown: use either prices or this word"},
    {__LINE__, "a tier that is unknown", "a in=1 out=1 over=5: read=1 unknown\n",
     "1: unknown: use either prices or this word"},
    {__LINE__, "one quote", "a in=1 out=1 peak=\"mon 01:00-02:00\n",
     "1: peak=\"mon 01:00-02:00: there is no second \""},
    {__LINE__, "checked at no time", "checked\n", "1: " A_CHECK},
    {__LINE__, "checked at a minute", "checked 2026-08-16T16:00Z\n", "1: " A_CHECK},
    {__LINE__, "checked on a day that does not exist", "checked 2026-13-01\n", "1: " A_CHECK},
    {__LINE__, "checked on two days", "checked 2026-11-01 2026-11-02\n", "1: " A_CHECK},
    {__LINE__, "the same model twice", "a in=1 out=1\nb in=1 out=1\na in=2 out=2\n",
     "3: a: is never used, since line 1 has the same model: write the latest from= first"},
    {__LINE__, "the latest price last", "x:a in=1 out=1\nx:a from=2026-11-01 in=2 out=2\n",
     "2: a: is never used, since line 1 has the same model: write the latest from= first"},
    {__LINE__, "an escape sequence", "a in=\033[31m out=1\n", "1: in=\\x1B[31m: " A_PRICE},
};

static void
check_bad(void)
{
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		char want[1024];
		struct buf errors;
		buf_init(&errors, 8192);
		snprintf(want, sizeof want, "%s:%s", own_file, bad[i].says);
		struct prices *prices = load(bad[i].text, "a in=1 out=1", &errors);
		TAP_STR_AT(bad[i].line, bad[i].name, prices == NULL ? buf_text(&errors) : "good",
			   want);
		prices_free(prices);
		buf_free(&errors);
	}
}

static void
check_all_at_once(void)
{
	char want[1024];
	struct buf errors;
	buf_init(&errors, 8192);
	struct prices *prices =
	    load("a in=x out=y\nb in=1 out=1\nc read=1\n", "a in=1 out=1\n\nd\n", &errors);
	snprintf(want, sizeof want,
		 "%s:1: in=x: " A_PRICE "\n%s:1: out=y: " A_PRICE "\n%s:3: c: " NO_IN
		 "\n%s:3: d: " NO_IN,
		 own_file, own_file, own_file, shipped_file);
	TAP_STR("all mistakes of both files", prices == NULL ? buf_text(&errors) : "good", want);
	prices_free(prices);
	buf_free(&errors);
}

static void
expect_error(int line, const char *name, const char *says)
{
	struct buf errors;
	buf_init(&errors, 8192);
	struct prices *prices = prices_load(own_file, shipped_file, &errors);
	TAP_ROW_AT(line, name, prices == NULL && strstr(buf_text(&errors), says) != NULL,
		   "expected %s\ngot      %s", says, buf_text(&errors));
	prices_free(prices);
	buf_free(&errors);
}

static void
check_kinds(void)
{
	struct buf many;
	unlink(shipped_file);
	private_write(own_file, AND_NUL("a in=1 out=1\nb in=1\0 out=1\n"), 0644);
	expect_error(__LINE__, "a NUL byte", "/own:2: contains a NUL byte: not a text file");
	buf_init(&many, PRICES_FILE_MAX + 1);
	for (int i = 0; i <= PRICES_MAX; i++)
		if (!buf_printf(&many, "a%d in=1 out=1\n", i))
			abort();
	private_write(own_file, many.data, many.len, 0644);
	expect_error(__LINE__, "too many lines",
		     "/own:1001: a1000: there are more than 1000 prices");
	while (buf_puts(&many, "#"))
		;
	private_write(own_file, many.data, many.len, 0644);
	expect_error(__LINE__, "a file that is too large", "/own: ");
	buf_free(&many);
	unlink(own_file);
	if (mkdir(own_file, 0700) == 0)
		expect_error(__LINE__, "a directory", "/own: ");
	rmdir(own_file);
}

int
main(int argc, char **argv)
{
	tap_start("price", argc, argv);
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(own_file, sizeof own_file, "%s/own", dir);
	snprintf(shipped_file, sizeof shipped_file, "%s/shipped", dir);
	struct prices *shipped = load_shipped();
	if (shipped == NULL) {
		tap_skip("the shipped prices", "they are not here");
	} else {
		check_defaults(shipped);
		check_table(shipped);
		check_whole(shipped);
		check_bounds(shipped);
	}
	prices_free(shipped);
	check_files();
	check_missing_kinds();
	check_answers();
	check_further();
	check_lower_tier();
	check_owners();
	check_bad();
	check_all_at_once();
	check_kinds();
	unlink(own_file);
	unlink(shipped_file);
	rmdir(dir);
	return tap_finish();
}
