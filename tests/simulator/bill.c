/* SPDX-License-Identifier: MIT */
#include "bill.h"

#include <stdlib.h>
#include <string.h>

/* ---- the price lists ---- */

/* Nano-dollars a token, which are thousandths of a dollar for a million. */
struct rates {
	int64_t in, write_5m, write_1h, read, out;
};

#define DOLLAR    INT64_C(1000000000)
#define MIDNIGHT  INT64_C(1791331200000) /* 2026-10-07 00:00 UTC */
#define DAY_MS    INT64_C(86400000)
#define MINUTE_MS INT64_C(60000)

/* Claude: model pages of October and November 2026; DeepSeek: price page of 2026-11-15, in peak
 * hours; OpenAI: model pages of November 2026, up to 272000 tokens of input, and a write is a write,
 * however long it lasts; Kimi: lists of 2026-10-25 and before, which name no price of writing: it is not counted
 * apart. */
static const struct price {
	const char *model;
	int64_t until_ms; /* 0: for ever */
	struct rates rates;
	int64_t most; /* input up to which these hold, else those above; 0: always */
	struct rates above;
	bool peaks;       /* half of it at other hours */
	int64_t searches; /* 1000 of them */
} prices[] = {
    {"claude-opus-5-5", .rates = {4000, 5000, 8000, 200, 20000}, .searches = 10 * DOLLAR},
    {"claude-opus-5", .rates = {5000, 6250, 10000, 500, 25000}, .searches = 10 * DOLLAR},
    {"claude-opus-4-5", .rates = {5000, 6250, 10000, 500, 25000}, .searches = 10 * DOLLAR},
    {"claude-opus-4-6", .rates = {5000, 6250, 10000, 500, 25000}, .searches = 10 * DOLLAR},
    {"claude-opus-4-7", .rates = {5000, 6250, 10000, 500, 25000}, .searches = 10 * DOLLAR},
    {"claude-opus-4-8", .rates = {5000, 6250, 10000, 500, 25000}, .searches = 10 * DOLLAR},
    {"claude-sonnet-5-5", MIDNIGHT, {2000, 2500, 4000, 200, 10000}, .searches = 10 * DOLLAR},
    {"claude-sonnet-5-5", .rates = {2000, 2500, 4000, 100, 10000}, .searches = 10 * DOLLAR},
    {"claude-sonnet-5", .rates = {2000, 2500, 4000, 200, 10000}, .searches = 10 * DOLLAR},
    {"claude-sonnet-4-5", .rates = {3000, 3750, 6000, 300, 15000}, .searches = 10 * DOLLAR},
    {"claude-sonnet-4-6", .rates = {3000, 3750, 6000, 300, 15000}, .searches = 10 * DOLLAR},
    {"claude-haiku-5-5", .rates = {100, 125, 200, 10, 500}, .most = 100000,
     .above = {500, 625, 1000, 50, 2500}, .searches = 10 * DOLLAR},
    {"claude-haiku-4-5", .rates = {1000, 1250, 2000, 100, 5000}, .searches = 10 * DOLLAR},
    {"claude-fable-5-1", .rates = {10000, 12500, 20000, 250, 50000}, .searches = 10 * DOLLAR},
    {"claude-fable-5", .rates = {10000, 12500, 20000, 1000, 50000}, .searches = 10 * DOLLAR},
    /* A search is 0.005 CNY; of an account in dollars that is 0.00074, as 9 CNY are 1.32 dollars. */
    {"deepseek-v4-pro", .rates = {1320, 0, 0, 44, 3960}, .peaks = true, .searches = 740000000},
    {"deepseek-flash", .rates = {300, 0, 0, 6, 1200}, .peaks = true, .searches = 740000000},
    {"gpt-6.1-sol", .rates = {2000, 2500, 2500, 100, 10000}},
    {"gpt-6-sol", .rates = {2000, 2500, 2500, 200, 10000}},
    {"gpt-6-luna", .rates = {100, 125, 125, 10, 500}},
    {"kimi-k3.1-pro", .rates = {2000, 2000, 4000, 200, 10000}},
    {"kimi-k3.1-pro-highspeed", .rates = {4000, 4000, 8000, 200, 20000}},
    {"kimi-k3", .rates = {3000, 0, 0, 300, 15000}},
    {"kimi-k2.7-code", .rates = {950, 0, 0, 190, 4000}},
    {"kimi-k2.6", .rates = {950, 0, 0, 160, 4000}},
};

/* A model's own name, or that of a dated snapshot of it. */
static bool
is_model(const char *name, const char *model)
{
	size_t n = strlen(name);

	return strncmp(model, name, n) == 0 &&
	       (model[n] == '\0' ||
		(model[n] == '-' && strlen(model + n) == sizeof("-20251001") - 1));
}

/* Monday to Friday, 01:00 to 04:00 and 06:00 to 10:00 UTC. */
static bool
is_peak(int64_t at_ms)
{
	int64_t weekday = (at_ms / DAY_MS + 3) % 7; /* 0: Monday; 1970 began on a Thursday */
	int64_t hour = at_ms % DAY_MS / (60 * MINUTE_MS);

	return weekday < 5 && ((hour >= 1 && hour < 4) || (hour >= 6 && hour < 10));
}

int64_t
bill_cost(const char *model, int64_t at_ms, const struct used *u)
{
	int64_t input = u->input + u->read + u->write_5m + u->write_1h;

	for (size_t i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
		const struct price *p = &prices[i];
		const struct rates *r = p->most > 0 && input > p->most ? &p->above : &p->rates;
		int64_t sum = u->input * r->in + u->read * r->read + u->write_5m * r->write_5m +
			      u->write_1h * r->write_1h + u->output * r->out;

		if (!is_model(p->model, model) || (p->until_ms > 0 && at_ms >= p->until_ms))
			continue;
		return (p->peaks && !is_peak(at_ms) ? sum / 2 : sum) +
		       u->searches * p->searches / 1000;
	}
	return -1;
}

/* ---- charges ---- */

void
bill_add(struct bill *b, const struct charge *c)
{
	if (b->len == CHARGES_MAX) {
		b->lost++;
		return;
	}
	if (b->len == b->room) {
		b->room = b->room > 0 ? 2 * b->room : 64;
		b->list = realloc(b->list, b->room * sizeof(b->list[0]));
		if (b->list == NULL)
			die("out of memory");
	}
	b->list[b->len] = *c;
	b->list[b->len++].model = xstrdup(c->model);
}

void
bill_clear(struct bill *b)
{
	for (size_t i = 0; i < b->len; i++)
		free(b->list[i].model);
	free(b->list);
	*b = (struct bill){0};
}

static void
charge_json(const struct charge *c, const char *provider, struct buf *out)
{
	const struct used *u = &c->used;

	buf_addf(out, "{\"n\":%llu,\"at_ms\":%lld,\"provider\":\"%s\",\"model\":",
		 (unsigned long long)c->n, (long long)c->at_ms, provider);
	buf_jsons(out, c->model);
	buf_addf(out,
		 ",\"input\":%lld,\"cache_read\":%lld,\"cache_5m\":%lld,\"cache_1h\":%lld,"
		 "\"output\":%lld,\"searches\":%lld",
		 (long long)u->input, (long long)u->read, (long long)u->write_5m,
		 (long long)u->write_1h, (long long)u->output, (long long)u->searches);
	buf_addf(out,
		 ",\"cost\":%lld,\"streamed\":%s,\"told\":%s,\"finished\":%s,\"hides_reads\":%s},",
		 (long long)bill_cost(c->model, c->at_ms, u), c->streamed ? "true" : "false",
		 c->told ? "true" : "false", c->finished ? "true" : "false",
		 c->hides_reads ? "true" : "false");
}

void
bill_json(const struct bill *b, const char *provider, struct buf *out)
{
	for (size_t i = 0; i < b->len; i++)
		charge_json(&b->list[i], provider, out);
}
