/* SPDX-License-Identifier: MIT */
#include "money/amount.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NANO_PER_DOLLAR INT64_C(1000000000)
#define NANO_PER_CENT   (NANO_PER_DOLLAR / 100)

const char *
amount_count(int64_t count, char text[static AMOUNT_SIZE])
{
	char digits[AMOUNT_SIZE];
	int n = snprintf(digits, sizeof digits, "%" PRId64, count < 0 ? 0 : count);
	char *to = text;
	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

const char *
amount_dollars(int64_t nano_usd, char text[static AMOUNT_SIZE])
{
	char dollars[AMOUNT_SIZE];
	bool up = nano_usd % NANO_PER_CENT >= NANO_PER_CENT / 2;
	int64_t cents = nano_usd / NANO_PER_CENT + up;
	if (nano_usd > 0 && nano_usd < NANO_PER_CENT)
		snprintf(text, AMOUNT_SIZE, "< $0.01");
	else if (nano_usd <= 0)
		snprintf(text, AMOUNT_SIZE, "$0.00");
	else
		snprintf(text, AMOUNT_SIZE, "$%.30s.%02d", amount_count(cents / 100, dollars),
			 (int)(cents % 100));
	return text;
}

const char *
amount_at_least(int64_t nano_usd, int64_t unknown, char text[static AMOUNT_SIZE])
{
	static const char words[] = "at least ";
	size_t n = strlen(words);
	char known[AMOUNT_SIZE];
	if (unknown <= 0)
		return amount_dollars(nano_usd, text);
	if (nano_usd < NANO_PER_CENT)
		snprintf(text, AMOUNT_SIZE, "?");
	else
		snprintf(text, AMOUNT_SIZE, "%s%.*s", words, AMOUNT_SIZE - (int)n - 1,
			 amount_dollars(nano_usd, known));
	return text;
}

const char *
amount_decimal(int64_t nano_usd, char text[static AMOUNT_SIZE])
{
	int64_t amount = nano_usd < 0 ? 0 : nano_usd;
	snprintf(text, AMOUNT_SIZE, "%" PRId64 ".%09" PRId64, amount / NANO_PER_DOLLAR,
		 amount % NANO_PER_DOLLAR);
	return text;
}
