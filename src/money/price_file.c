/* SPDX-License-Identifier: MIT */
#include "money/price_file.h"

#include "base/clock.h"
#include "base/count.h"
#include "base/printable.h"
#include "base/str.h"
#include "config/file.h"
#include "config/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct price_list *list;
	struct diagnostics *diagnostics;
	size_t begin; /* index of this file's first price in the list */
	int line;
	char checked[PRICE_DATE_SIZE]; /* the latest of this file so far */
	struct price price;            /* of this line so far */
	unsigned seen;                 /* bit i: fields[i], of the line or of this tier */
	bool is_unknown;               /* this tier's prices, as its line says */
	bool is_bad;                   /* this line */
};

/* Adds "WORD: ALLOWED". Always false. */
static bool
complain(struct parser *p, const char *word, const char *allowed)
{
	char shown[PRINTABLE_SIZE];
	printable(word, strlen(word), shown, sizeof shown);
	diagnostics_add(p->diagnostics, p->line, "%s: %s", shown, allowed);
	p->is_bad = true;
	return false;
}

/* --- Numbers and times --------------------------------------------------- */

/* A number with at most so many decimals, without its point: "0.5" with 3 decimals is 500. */
static bool
read_decimal(const char *text, unsigned decimals, int64_t most, int64_t *value)
{
	uint64_t whole, part = 0;
	unsigned n = 0;
	if (!text_read_digits(&text, 9, &whole))
		return false;
	if (*text == '.') {
		const char *first = ++text;
		if (!text_read_digits(&text, decimals, &part))
			return false;
		n = (unsigned)(text - first);
	}
	for (unsigned i = 0; i < decimals; i++) {
		whole *= 10;
		part *= i < n ? 1 : 10;
	}
	*value = (int64_t)(whole + part);
	return *text == '\0' && *value <= most;
}

/* "2026-08-16" or, if it may have a time, "2026-08-16T16:00Z". */
static bool
read_date(const char *text, bool may_have_time, int64_t *at_ms)
{
	char full[CLOCK_RFC3339_SIZE], again[CLOCK_RFC3339_SIZE];
	size_t n = strlen(text);
	if (n == strlen("2026-08-16"))
		snprintf(full, sizeof full, "%sT00:00:00.000Z", text);
	else if (may_have_time && n == strlen("2026-08-16T16:00Z") && text[n - 1] == 'Z')
		snprintf(full, sizeof full, "%.16s:00.000Z", text);
	else
		return false;
	*at_ms = clock_parse_ms(full);
	/* There and back, since strptime(3) reads more forms, and days that do not exist. */
	return *at_ms >= 0 && strcmp(clock_rfc3339(*at_ms, again), full) == 0;
}

/* "mon" at the cursor; -1: none. */
static int
read_day(const char **at)
{
	static const char *const names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (strncmp(*at, names[i], 3) == 0) {
			*at += 3;
			return (int)i;
		}
	return -1;
}

/* "mon-fri ", "sat ", or nothing, which is all days. */
static bool
read_days(const char **at, uint8_t *days)
{
	*days = 0x7f;
	if (**at >= '0' && **at <= '9')
		return true;
	int day = read_day(at), last = day;
	if (**at == '-') {
		++*at;
		last = read_day(at);
	}
	if (day < 0 || last < 0 || **at != ' ')
		return false;
	*at += strspn(*at, " ");
	*days = (uint8_t)(1U << day);
	for (; day != last; day = (day + 1) % 7)
		*days |= (uint8_t)(1U << (day + 1) % 7);
	return true;
}

/* "06:00" in minutes, up to 24:00. */
static bool
read_minute(const char **at, int16_t *minute)
{
	uint64_t hours, minutes;
	if (!text_read_digits(at, 2, &hours) || *(*at)++ != ':' ||
	    !text_read_digits(at, 2, &minutes) || minutes > 59 || hours * 60 + minutes > 24 * 60)
		return false;
	*minute = (int16_t)(hours * 60 + minutes);
	return true;
}

/* --- Fields -------------------------------------------------------------- */

#define TEXT_OF(number)  TEXT_OF_(number)
#define TEXT_OF_(number) #number
#define A_PRICE          "use US dollars for a million tokens, from 0 to 10000, such as 0.125"
#define A_SEARCH         "use US dollars for 1000 searches, from 0 to 10000, such as 10"
#define A_FAST           "use the factor of prices in fast mode, from 1 to 100, such as 2"
#define AN_OFFPEAK       "use the factor of prices outside of peak, from 0 to 1, such as 0.5"
#define A_PEAK                                                                                     \
	"use days and times in UTC, such as \"mon-fri 01:00-04:00,06:00-10:00\" (at "              \
	"most " TEXT_OF(PEAK_RANGES_MAX) " times, none past midnight)"
#define A_FROM "use a day or a minute in UTC, such as 2026-08-16 or 2026-08-16T16:00Z"
#define AN_OVER                                                                                    \
	"use tokens of input and a colon, such as over=100000: (at most " TEXT_OF(                 \
	    PRICE_TIERS_MAX) " prices, each for more tokens)"

#define MOST_DOLLARS 10000

struct field {
	const char *name;
	bool (*parse)(struct parser *p, const struct field *field, const char *value);
	const char *allowed;
	size_t offset;   /* of rates, in struct price_rates */
	bool is_of_tier; /* rates: each tier has its own */
};

static struct price_rates *
tier(struct parser *p)
{
	return &p->price.tiers[p->price.n_tiers - 1];
}

static int64_t *
rate_of(struct price_rates *rates, size_t offset)
{
	return (int64_t *)((char *)rates + offset);
}

static bool
parse_rate(struct parser *p, const struct field *field, const char *value)
{
	return read_decimal(value, 6, INT64_C(1000000) * MOST_DOLLARS,
			    rate_of(tier(p), field->offset));
}

static bool
parse_search(struct parser *p, const struct field *field, const char *value)
{
	(void)field;
	if (!read_decimal(value, 6, INT64_C(1000000) * MOST_DOLLARS, &p->price.search))
		return false;
	p->price.search *= 1000; /* from micro-dollars for 1000 */
	return true;
}

static bool
parse_fast(struct parser *p, const struct field *field, const char *value)
{
	(void)field;
	return read_decimal(value, 3, 100000, &p->price.fast) && p->price.fast >= 1000;
}

static bool
parse_offpeak(struct parser *p, const struct field *field, const char *value)
{
	(void)field;
	return read_decimal(value, 3, 1000, &p->price.offpeak);
}

static bool
parse_peak(struct parser *p, const struct field *field, const char *value)
{
	struct price_peak *peak = &p->price.peak;
	(void)field;
	if (!read_days(&value, &peak->days))
		return false;
	for (;; value++) {
		int16_t begin, end;
		if (peak->n == PEAK_RANGES_MAX || !read_minute(&value, &begin) || *value++ != '-' ||
		    !read_minute(&value, &end) || begin >= end)
			return false;
		peak->ranges[peak->n].begin = begin;
		peak->ranges[peak->n].end = end;
		peak->n++;
		if (*value != ',')
			return *value == '\0';
	}
}

static bool
parse_from(struct parser *p, const struct field *field, const char *value)
{
	(void)field;
	return read_date(value, true, &p->price.from_ms);
}

#define RATE(name) #name, parse_rate, A_PRICE, offsetof(struct price_rates, name), true

enum { IN, W5M, W1H, READ, OUT, SEARCH, FAST, OFFPEAK, PEAK, FROM };

static const struct field fields[] = {
    [IN] = {RATE(in)},
    [W5M] = {RATE(w5m)},
    [W1H] = {RATE(w1h)},
    [READ] = {RATE(read)},
    [OUT] = {RATE(out)},
    [SEARCH] = {"search", parse_search, A_SEARCH, 0, false},
    [FAST] = {"fast", parse_fast, A_FAST, 0, false},
    [OFFPEAK] = {"offpeak", parse_offpeak, AN_OFFPEAK, 0, false},
    [PEAK] = {"peak", parse_peak, A_PEAK, 0, false},
    [FROM] = {"from", parse_from, A_FROM, 0, false},
};

static bool
has_seen(const struct parser *p, int field)
{
	return (p->seen >> field & 1) != 0;
}

/* --- Tiers --------------------------------------------------------------- */

static void
begin_tier(struct parser *p, int64_t over)
{
	p->price.tiers[p->price.n_tiers++] = (struct price_rates){over, -1, -1, -1, -1, -1};
	p->is_unknown = false;
	for (size_t i = 0; i < COUNT(fields); i++)
		if (fields[i].is_of_tier)
			p->seen &= ~(1U << i);
}

/* Fills in what the tier leaves out: rather dear than cheap. */
static void
end_tier(struct parser *p)
{
	struct price_rates *rates = tier(p);
	bool has_rates = false;
	for (int i = 0; i < (int)COUNT(fields); i++)
		has_rates |= fields[i].is_of_tier && has_seen(p, i);
	if (p->is_unknown && has_rates)
		complain(p, "unknown", "use either prices or this word");
	if (p->is_unknown)
		return;
	if (!has_seen(p, IN) || !has_seen(p, OUT))
		complain(p, p->price.n_tiers > 1 ? "over" : p->price.model,
			 "needs in=PRICE and out=PRICE, or the word unknown");
	if (!has_seen(p, W1H))
		rates->w1h = has_seen(p, W5M) ? 2 * rates->in : rates->in;
	if (!has_seen(p, W5M))
		rates->w5m = rates->in;
	if (!has_seen(p, READ))
		rates->read = rates->in;
}

/* "over=100000:", of which value is what follows the =. */
static bool
parse_over(struct parser *p, const char *value)
{
	uint64_t over;
	if (p->price.n_tiers == PRICE_TIERS_MAX || !text_read_digits(&value, 9, &over) ||
	    strcmp(value, ":") != 0 || (int64_t)over <= tier(p)->over)
		return false;
	end_tier(p);
	begin_tier(p, (int64_t)over);
	return true;
}

/* --- Lines --------------------------------------------------------------- */

static void
parse_field(struct parser *p, int i, const char *word, const char *value)
{
	const struct field *field = &fields[i];
	if (has_seen(p, i))
		complain(p, word, "duplicate");
	else if (!field->is_of_tier && p->price.n_tiers > 1)
		complain(p, word, "must be before over=");
	else if (!field->parse(p, field, value))
		complain(p, word, field->allowed);
	p->seen |= 1U << i;
}

/* False: what follows cannot be understood. */
static bool
parse_word(struct parser *p, const char *word)
{
	size_t n = strcspn(word, "=");
	if (strcmp(word, "unknown") == 0)
		return p->is_unknown = true;
	if (str_starts_with(word, "over="))
		return parse_over(p, word + 5) || complain(p, word, AN_OVER);
	for (int i = 0; i < (int)COUNT(fields); i++)
		if (word[n] == '=' && strlen(fields[i].name) == n &&
		    strncmp(word, fields[i].name, n) == 0) {
			parse_field(p, i, word, word + n + 1);
			return true;
		}
	complain(p, word,
		 "use in=, w5m=, w1h=, read=, out=, search=, fast=, offpeak=, peak=, from=, "
		 "over=N: or unknown");
	return true;
}

/* The next word, without the quotes around its value; NULL: none, or a comment. */
static char *
next_word(struct parser *p, char **at)
{
	char *word = *at + strspn(*at, " \t\r");
	if (*word == '\0' || *word == '#')
		return NULL;
	char *end = word + strcspn(word, " \t\r\"");
	*at = end + (*end != '\0');
	if (*end == '"') {
		size_t n = strcspn(end + 1, "\"");
		if (end[1 + n] == '\0') {
			complain(p, word, "there is no second \"");
			return NULL;
		}
		*at = end + 1 + n + 1;
		memmove(end, end + 1, n);
		end += n;
	}
	*end = '\0';
	return word;
}

/* "MODEL" or "PROVIDER:MODEL". */
static bool
parse_model(struct parser *p, char *word)
{
	char *colon = strchr(word, ':');
	char *model = colon == NULL ? word : colon + 1;
	if (!text_is_word(model, strlen(model), "-._/@+[]*?!^", MODEL_NAME_MAX - 1) ||
	    (colon != NULL &&
	     !text_is_word(word, (size_t)(colon - word), "_-", PROVIDER_NAME_MAX - 1)))
		return complain(p, word,
				"use MODEL or PROVIDER:MODEL, such as claude-opus-5 or backup:*, "
				"or checked DATE");
	if (colon != NULL) {
		*colon = '\0';
		p->price.provider = word;
	}
	p->price.model = model;
	return true;
}

static void
parse_checked(struct parser *p, char *rest)
{
	int64_t at_ms;
	const char *date = next_word(p, &rest);
	if (date == NULL || !read_date(date, false, &at_ms) || next_word(p, &rest) != NULL) {
		complain(p, "checked", "use checked DATE, such as checked 2026-11-27");
		return;
	}
	snprintf(p->checked, sizeof p->checked, "%s", date);
	if (at_ms > p->list->checked_at)
		p->list->checked_at = at_ms;
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A line that never wins is a mistake: mostly a new price written below the old one. */
static void
check_order(struct parser *p)
{
	for (size_t i = p->begin; i < p->list->n; i++) {
		const struct price *before = &p->list->prices[i];
		if (before->from_ms > p->price.from_ms ||
		    !is_same_text(before->model, p->price.model) ||
		    !is_same_text(before->provider, p->price.provider))
			continue;
		diagnostics_add(p->diagnostics, p->line,
				"%s: is never used, since line %d has the same model: write the "
				"latest from= first",
				p->price.model, before->line);
		p->is_bad = true;
		return;
	}
}

static void
append(struct parser *p)
{
	struct price_list *list = p->list;
	if (list->n == PRICES_MAX) {
		complain(p, p->price.model, "there are more than " TEXT_OF(PRICES_MAX) " prices");
		return;
	}
	struct price *longer = realloc(list->prices, (list->n + 1) * sizeof *longer);
	if (longer == NULL) {
		diagnostics_add_memory(p->diagnostics);
		return;
	}
	longer[list->n++] = p->price;
	list->prices = longer;
}

static void
parse_price(struct parser *p, char *model, char *rest)
{
	p->price = (struct price){.line = p->line, .search = -1, .fast = -1, .offpeak = -1};
	memcpy(p->price.checked, p->checked, sizeof p->price.checked);
	p->seen = 0;
	begin_tier(p, 0);
	if (!parse_model(p, model))
		return;
	for (const char *word; (word = next_word(p, &rest)) != NULL && parse_word(p, word);)
		;
	if (p->is_bad)
		return;
	end_tier(p);
	if (has_seen(p, PEAK) != has_seen(p, OFFPEAK))
		complain(p, p->price.model, "offpeak= and peak= need each other");
	check_order(p);
	if (!p->is_bad)
		append(p);
}

void
price_file_parse(struct price_list *list, struct buf *text, struct diagnostics *diagnostics)
{
	struct parser p = {.list = list, .diagnostics = diagnostics, .begin = list->n};
	for (struct lines lines = lines_of(text->data, text->len); lines_next(&lines);) {
		p.line = lines.number;
		p.is_bad = false;
		if (lines_is_binary(&lines)) {
			diagnostics_add(diagnostics, p.line,
					"contains a NUL byte: not a text file");
			return;
		}
		char *at = text->data + lines.begin;
		text->data[lines.end] = '\0';
		char *word = next_word(&p, &at);
		if (word != NULL && strcmp(word, "checked") == 0)
			parse_checked(&p, at);
		else if (word != NULL)
			parse_price(&p, word, at);
	}
}
