/* SPDX-License-Identifier: MIT */
/* amount: money and counts as people and programs read them. */
#include "money/amount.h"
#include "tap.h"

#define DOLLAR INT64_C(1000000000)

static const struct {
	int line;
	int64_t nano, unknown;
	const char *dollars, *at_least, *decimal;
} amounts[] = {
    {__LINE__, 0, 0, "$0.00", "$0.00", "0.000000000"},
    {__LINE__, 0, 1, "$0.00", "?", "0.000000000"},
    {__LINE__, 1, 0, "< $0.01", "< $0.01", "0.000000001"},
    {__LINE__, 9999999, 2, "< $0.01", "?", "0.009999999"},
    {__LINE__, 10000000, 0, "$0.01", "$0.01", "0.010000000"},
    {__LINE__, 14999999, 0, "$0.01", "$0.01", "0.014999999"},
    {__LINE__, 15000000, 0, "$0.02", "$0.02", "0.015000000"},
    {__LINE__, 999 * DOLLAR / 1000, 0, "$1.00", "$1.00", "0.999000000"},
    {__LINE__, 994999999, 0, "$0.99", "$0.99", "0.994999999"},
    {__LINE__, 6 * DOLLAR / 5, 3, "$1.20", "at least $1.20", "1.200000000"},
    {__LINE__, 999999 * DOLLAR / 1000, 0, "$1,000.00", "$1,000.00", "999.999000000"},
    {__LINE__, 1234567 * DOLLAR, 1, "$1,234,567.00", "at least $1,234,567.00", "1234567.000000000"},
    {__LINE__, INT64_MAX, 1, "$9,223,372,036.85", "at least $9,223,372,036.85",
     "9223372036.854775807"},
    {__LINE__, -5 * DOLLAR, 0, "$0.00", "$0.00", "0.000000000"},
    {__LINE__, INT64_MIN, 1, "$0.00", "?", "0.000000000"},
};

static void
check_amount(size_t i)
{
	char name[64], text[AMOUNT_SIZE];
	snprintf(name, sizeof name, "%" PRId64, amounts[i].nano);
	TAP_STR_AT(amounts[i].line, name, amount_dollars(amounts[i].nano, text),
		   amounts[i].dollars);
	snprintf(name, sizeof name, "%" PRId64 " and %" PRId64 " unknown", amounts[i].nano,
		 amounts[i].unknown);
	TAP_STR_AT(amounts[i].line, name,
		   amount_at_least(amounts[i].nano, amounts[i].unknown, text), amounts[i].at_least);
	snprintf(name, sizeof name, "%" PRId64 " in decimals", amounts[i].nano);
	TAP_STR_AT(amounts[i].line, name, amount_decimal(amounts[i].nano, text),
		   amounts[i].decimal);
}

static const struct {
	int64_t count;
	const char *text;
} counts[] = {
    {0, "0"},
    {999, "999"},
    {1000, "1,000"},
    {123456, "123,456"},
    {1234567, "1,234,567"},
    {INT64_MAX, "9,223,372,036,854,775,807"},
    {-1, "0"},
};

int
main(int argc, char **argv)
{
	char text[AMOUNT_SIZE];
	tap_start("amount", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(amounts); i++)
		check_amount(i);
	for (size_t i = 0; i < TAP_COUNT(counts); i++)
		TAP_STR(counts[i].text, amount_count(counts[i].count, text), counts[i].text);
	return tap_finish();
}
