/* SPDX-License-Identifier: MIT */
#include "money/price.h"

#include "base/count.h"
#include "config/file.h"
#include "money/price_file.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a request that is about to be sent: generous, so that no real one costs more. */
#define BYTES_A_TOKEN      2
#define TOKENS_AN_IMAGE    5000
#define SEARCHES_A_REQUEST 10

#define DAY_MS INT64_C(86400000)

struct prices {
	struct buf texts[2]; /* the operator's file, then the installed one, taken to pieces */
	struct price_list list;
	unsigned owners;
};

/* --- Loading ------------------------------------------------------------- */

static bool
load_file(struct prices *prices, struct buf *text, const char *path, struct buf *errors)
{
	struct stat st;
	struct buf why;
	struct diagnostics diagnostics;
	buf_init(text, PRICES_FILE_MAX + 1); /* read(2) wants room to see the end */
	buf_init(&why, ERROR_TEXT_MAX + 4096);
	diagnostics_init(&diagnostics, path, CONFIG_ERROR_MAX);
	enum file_read read = config_read_file(path, text, &st, &why);
	if (read == FILE_READ)
		price_file_parse(&prices->list, text, &diagnostics);
	else if (read == FILE_UNUSABLE)
		diagnostics_add_whole(&diagnostics, buf_text(&why));
	diagnostics_report(&diagnostics, errors);
	bool good = !diagnostics.any;
	diagnostics_fini(&diagnostics);
	buf_free(&why);
	return good;
}

struct prices *
prices_load(const char *own, const char *shipped, struct buf *errors)
{
	struct prices *prices = calloc(1, sizeof *prices);
	if (prices == NULL) {
		buf_append_cut(errors, "out of memory");
		return NULL;
	}
	prices->owners = 1;
	prices->list.checked_at = -1;
	bool good = load_file(prices, &prices->texts[0], own, errors);
	good &= load_file(prices, &prices->texts[1], shipped, errors);
	if (good)
		return prices;
	prices_free(prices);
	return NULL;
}

struct prices *
prices_share(struct prices *prices)
{
	prices->owners++;
	return prices;
}

void
prices_free(struct prices *prices)
{
	if (prices == NULL || --prices->owners > 0)
		return;
	for (size_t i = 0; i < COUNT(prices->texts); i++)
		buf_free(&prices->texts[i]);
	free(prices->list.prices);
	free(prices);
}

int64_t
prices_checked_at(const struct prices *prices)
{
	return prices->list.checked_at;
}

/* --- Looking up ---------------------------------------------------------- */

/* The length of a model's name without the date of a snapshot, as in claude-haiku-4-5-20251001. */
static size_t
undated_length(const char *model)
{
	const size_t date = strlen("-20251001");
	size_t n = strlen(model);
	if (n <= date || model[n - date] != '-' ||
	    strspn(model + n - date + 1, "0123456789") != date - 1)
		return n;
	return n - date;
}

/* The first line that prices the model, among those with the provider or those without one. */
static const struct price *
find_line(const struct price_list *list, const struct price_query *query, bool with_provider,
	  const char *model)
{
	char undated[MODEL_NAME_MAX];
	snprintf(undated, sizeof undated, "%.*s", (int)undated_length(model), model);
	for (size_t i = 0; i < list->n; i++) {
		const struct price *price = &list->prices[i];
		if ((price->provider != NULL) != with_provider || query->at_ms < price->from_ms)
			continue;
		if (with_provider && strcmp(price->provider, query->provider) != 0)
			continue;
		if (fnmatch(price->model, model, 0) == 0 || fnmatch(price->model, undated, 0) == 0)
			return price;
	}
	return NULL;
}

/* *model: whose name it is (struct cost). */
static const struct price *
find(const struct prices *prices, const struct price_query *query, const char **model)
{
	bool has_answered = query->answered != NULL && query->answered[0] != '\0';
	const char *const models[] = {has_answered ? query->answered : query->model, query->model};
	for (size_t i = 0; i < 2 * COUNT(models); i++) {
		*model = models[i % COUNT(models)];
		const struct price *price =
		    find_line(&prices->list, query, i < COUNT(models), *model);
		if (price != NULL)
			return price;
	}
	*model = models[0];
	return NULL;
}

static bool
is_peak(const struct price_peak *peak, int64_t at_ms)
{
	int64_t day = at_ms / DAY_MS, minute = at_ms % DAY_MS / 60000;
	int64_t weekday = (day + 4) % 7; /* 1970 began on a Thursday */
	if ((peak->days >> weekday & 1) == 0)
		return false;
	for (size_t i = 0; i < peak->n; i++)
		if (minute >= peak->ranges[i].begin && minute < peak->ranges[i].end)
			return true;
	return false;
}

/* --- Arithmetic: nothing is negative, and INT64_MAX is "at least that" ---- */

static int64_t
add(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int64_t
times(int64_t a, int64_t b)
{
	int64_t product;
	return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* Rounded up. Prices are below 10^13, and factors at most 10^5. */
static int64_t
scaled(int64_t rate, int64_t thousandths)
{
	return (rate * thousandths + 999) / 1000;
}

static struct price_rates
scaled_rates(const struct price_rates *rates, int64_t thousandths)
{
	return (struct price_rates){
	    .over = rates->over,
	    .in = scaled(rates->in, thousandths),
	    .w5m = scaled(rates->w5m, thousandths),
	    .w1h = scaled(rates->w1h, thousandths),
	    .read = scaled(rates->read, thousandths),
	    .out = scaled(rates->out, thousandths),
	};
}

/* A tier's prices at a time and a speed, which have a price. */
static struct price_rates
rates_at(const struct price *price, size_t tier, int64_t at_ms, bool is_fast)
{
	struct price_rates rates = price->tiers[tier];
	if (is_fast)
		rates = scaled_rates(&rates, price->fast);
	if (price->offpeak >= 0 && !is_peak(&price->peak, at_ms))
		rates = scaled_rates(&rates, price->offpeak);
	return rates;
}

static struct cost
known(const struct price *price, const char *model, int64_t pico_usd)
{
	struct cost cost = {.is_known = true, .model = model};
	cost.nano_usd = pico_usd / 1000 + (pico_usd % 1000 > 0);
	memcpy(cost.checked, price->checked, sizeof cost.checked);
	return cost;
}

/* Of a line that does not price this, or (NULL) of none. */
static struct cost
unknown(const struct price *price, const char *model)
{
	struct cost cost = {.is_known = false, .model = model};
	if (price != NULL)
		memcpy(cost.checked, price->checked, sizeof cost.checked);
	return cost;
}

static bool
is_input_free(const struct price_rates *rates)
{
	return rates->in == 0 && rates->w5m == 0 && rates->w1h == 0 && rates->read == 0;
}

/* The tier of so much input. */
static size_t
tier_of(const struct price *price, int64_t input)
{
	size_t tier = price->n_tiers - 1;
	while (tier > 0 && input <= price->tiers[tier].over)
		tier--;
	return tier;
}

/* Adds what one model used, of a request with so much input. False: that is not known. */
static bool
add_cost(const struct price *price, const struct price_query *query, const struct usage *usage,
	 int64_t input, int64_t *sum)
{
	if (price == NULL || (usage->is_fast && price->fast < 0) ||
	    (usage->searches > 0 && price->search < 0))
		return false;
	size_t tier = tier_of(price, input);
	if (price->tiers[tier].in < 0)
		return false;
	struct price_rates rates = rates_at(price, tier, query->at_ms, usage->is_fast);
	if ((input < 0 && !is_input_free(&rates)) || (usage->output < 0 && rates.out > 0))
		return false;
	const int64_t kinds[][2] = {
	    {usage->input, rates.in},
	    {usage->cache_read, rates.read},
	    {usage_cache_5m(usage, query->asked_for_1h), rates.w5m},
	    {usage_cache_1h(usage, query->asked_for_1h), rates.w1h},
	    {usage->output, rates.out},
	    {usage->searches, price->search},
	};
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i][0] > 0)
			*sum = add(*sum, times(kinds[i][0], kinds[i][1]));
	return true;
}

struct cost
prices_cost(const struct prices *prices, const struct price_query *query, const struct usage *usage)
{
	struct usage parts[USAGE_MODELS_MAX];
	size_t n = usage_split(usage, parts);
	const struct usage sum = usage_sum(usage);
	const char *model, *part_model;
	const struct price *price = find(prices, query, &model);
	int64_t input = usage_total_input(&sum), pico_usd = 0;
	bool is_known =
	    !usage->iterations.is_cut && add_cost(price, query, &parts[0], input, &pico_usd);
	for (size_t i = 1; i < n && is_known; i++) {
		struct price_query of_part = *query;
		of_part.model = of_part.answered = parts[i].model;
		const struct price *line = find(prices, &of_part, &part_model);
		/* Fast mode is the answering model's, and need not exist for the others. */
		parts[i].is_fast = usage->is_fast && line != NULL && line->fast >= 0;
		is_known = add_cost(line, &of_part, &parts[i], input, &pico_usd);
	}
	return is_known ? known(price, model, pico_usd) : unknown(price, model);
}

/* --- Before sending ------------------------------------------------------ */

static int64_t
dearest_input(const struct price_rates *rates, bool may_write_1h)
{
	int64_t most = rates->in;
	if (rates->read > most)
		most = rates->read;
	if (rates->w5m > most)
		most = rates->w5m;
	if (may_write_1h && rates->w1h > most)
		most = rates->w1h;
	return most;
}

struct cost
prices_bound(const struct prices *prices, const struct price_query *query,
	     const struct price_request *request)
{
	const char *model;
	const struct price *price = find(prices, query, &model);
	if (price == NULL || (request->is_fast && price->fast < 0) ||
	    (request->has_search && price->search < 0))
		return unknown(price, model);
	int64_t input =
	    add(request->text_bytes / BYTES_A_TOKEN + request->text_bytes % BYTES_A_TOKEN,
		times(request->images, TOKENS_AN_IMAGE));
	int64_t most = 0;
	/* In lower tiers, too: the estimate is high, and a higher tier need not be the dearer. */
	for (size_t tier = 0, last = tier_of(price, input); tier <= last; tier++) {
		if (price->tiers[tier].in < 0)
			return unknown(price, model);
		struct price_rates rates = rates_at(price, tier, query->at_ms, request->is_fast);
		int64_t sum = add(times(input, dearest_input(&rates, query->asked_for_1h)),
				  times(request->max_tokens, rates.out));
		most = sum > most ? sum : most;
	}
	if (request->has_search)
		most = add(most, times(SEARCHES_A_REQUEST, price->search));
	return known(price, model, most);
}
