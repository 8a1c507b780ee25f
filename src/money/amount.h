/* SPDX-License-Identifier: MIT */
/* Counts and amounts of money as text, by integers alone. Amounts are nano-dollars (money/price.h);
 * one below 0, which nobody writes, is shown as 0. Functions return text. Pure; thread-safe. */
#ifndef MONEY_AMOUNT_H
#define MONEY_AMOUNT_H

#include <stdint.h>

#define AMOUNT_SIZE 40 /* fits all of these */

/* "1,234,567" */
const char *amount_count(int64_t count, char text[static AMOUNT_SIZE]);

/* "$1,234.57", rounded half up to cents; "< $0.01" for less than a cent; "$0.00" is nothing. */
const char *amount_dollars(int64_t nano_usd, char text[static AMOUNT_SIZE]);

/* The same of a sum in which so many amounts, which are not known, are missing: "at least $1.20",
 * or "?" when a cent or more is not known of. */
const char *amount_at_least(int64_t nano_usd, int64_t unknown, char text[static AMOUNT_SIZE]);

/* "1234.567890120": all digits, for other programs. */
const char *amount_decimal(int64_t nano_usd, char text[static AMOUNT_SIZE]);

#endif
