/* SPDX-License-Identifier: MIT */
/* balance: which of a provider's keys a request prefers; and, for many of them, how evenly they are
 * used and who moves when one is gone. */
#include "route/balance.h"

#include "base/digest.h"
#include "tap.h"

#include <stdlib.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is left out is 0 */

enum { SESSIONS = 30000 };

/* A session's hash: any numbers do. */
static uint64_t
session(unsigned i)
{
	char name[32];
	snprintf(name, sizeof name, "session %u", i);
	return digest_name(name);
}

/* --- Rows ------------------------------------------------------------- */

/* Three keys; what a row leaves out has weight 1. "h" in an order is the one of the hash. */
static const struct {
	int line;
	const char *name;
	enum balance balance;
	bool has_affinity, mid_loop;
	unsigned attempts[3], weights[3];
	int current;       /* -1: unknown */
	const char *order; /* "h": as the hash has it */
} rows[] = {
    {__LINE__, "without a session or client: the file's order", .current = -1, .order = "012"},
    {__LINE__, "sticky: the hash's order", BALANCE_STICKY, true, .current = -1, .order = "h"},
    {__LINE__,
     "sticky: whatever they carry",
     BALANCE_STICKY,
     true,
     false,
     {9, 5, 7},
     .current = -1,
     .order = "h"},
    {__LINE__, "sticky: back to its own key at a user turn", BALANCE_STICKY, true, .current = 0,
     .order = "h"},
    {__LINE__, "sticky: not in the middle of a loop", BALANCE_STICKY, true, true, .current = 0,
     .order = "0h"},
    {__LINE__, "order", BALANCE_ORDER, true, .current = -1, .order = "012"},
    {__LINE__, "order: back to the first", BALANCE_ORDER, true, .current = 2, .order = "012"},
    {__LINE__, "order: not in the middle of a loop", BALANCE_ORDER, true, true, .current = 2,
     .order = "201"},
    {__LINE__,
     "spread: the one that carries least",
     BALANCE_SPREAD,
     true,
     false,
     {3, 1, 2},
     .current = -1,
     .order = "120"},
    {__LINE__, "spread: of equal ones, as the hash has it", BALANCE_SPREAD, true, .current = -1,
     .order = "h"},
    {__LINE__,
     "spread: by their weights",
     BALANCE_SPREAD,
     true,
     false,
     {5, 2, 4},
     {3, 1, 1},
     .current = -1,
     .order = "012"},
    {__LINE__,
     "spread: a session stays",
     BALANCE_SPREAD,
     true,
     false,
     {9, 1, 2},
     .current = 0,
     .order = "012"},
};

static void
write_order(const struct balance_query *query, char text[static 4])
{
	size_t order[CREDENTIALS_MAX];
	balance_order(query, order);
	for (size_t i = 0; i < 3; i++)
		text[i] = (char)('0' + order[i]);
	text[3] = '\0';
}

/* "h" is the hash's order, of which "0h" leaves the 0 out. */
static void
write_expected(const char *row, const char hashed[static 4], char text[static 4])
{
	size_t n = 0;
	for (; *row != '\0' && *row != 'h'; row++)
		text[n++] = *row;
	for (const char *c = hashed; *row == 'h' && *c != '\0'; c++)
		if (n == 0 || *c != text[0])
			text[n++] = *c;
	text[n] = '\0';
}

static void
check_row(size_t i)
{
	static const char *const labels[] = {"", "work", "home"};
	struct balance_key keys[3];
	char order[4], hashed[4], expected[4];
	for (size_t k = 0; k < 3; k++)
		keys[k] =
		    (struct balance_key){.label = digest_name(labels[k]),
					 .weight = rows[i].weights[k] == 0 ? 1 : rows[i].weights[k],
					 .attempts = rows[i].attempts[k],
					 .is_current = (int)k == rows[i].current};
	struct balance_query query = {.balance = rows[i].balance,
				      .affinity = rows[i].has_affinity ? session(4) : 0,
				      .mid_loop = rows[i].mid_loop,
				      .keys = keys,
				      .n_keys = 3};
	write_order(&query, order);
	query.balance = BALANCE_STICKY;
	query.mid_loop = false;
	write_order(&query, hashed);
	write_expected(rows[i].order, hashed, expected);
	TAP_STR_AT(rows[i].line, rows[i].name, order, expected);
	if (rows[i].order[0] == 'h')
		TAP_OK("of which the file's order is another", strcmp(hashed, "012") != 0);
}

/* --- Many sessions ---------------------------------------------------- */

static size_t
first(const struct balance_key *keys, size_t n, unsigned i)
{
	size_t order[CREDENTIALS_MAX];
	const struct balance_query query = {.affinity = session(i), .keys = keys, .n_keys = n};
	balance_order(&query, order);
	return order[0];
}

static void
make_keys(struct balance_key *keys, size_t n, unsigned last_weight)
{
	for (size_t i = 0; i < n; i++) {
		char label[32];
		snprintf(label, sizeof label, "k%zu", i);
		keys[i] = (struct balance_key){.label = digest_name(label),
					       .weight = i + 1 < n ? 1 : last_weight};
	}
}

/* A key's share differs by less than 5 % from its weight's: of a fair coin, with 30 000 sessions
 * and 8 keys, that is more than three standard deviations. The same numbers come each time. */
static void
check_shares(size_t n, unsigned last_weight)
{
	struct balance_key keys[CREDENTIALS_MAX];
	unsigned shares[CREDENTIALS_MAX] = {0};
	char name[128];
	make_keys(keys, n, last_weight);
	for (unsigned i = 0; i < SESSIONS; i++)
		shares[first(keys, n, i)]++;
	for (size_t i = 0; i < n; i++) {
		double expected = SESSIONS * (double)keys[i].weight / (double)(n - 1 + last_weight);
		snprintf(name, sizeof name, "share of key %zu of %zu, the last one's weight %u", i,
			 n, last_weight);
		TAP_ROW(name, abs((int)(shares[i] - expected)) < expected * 0.05,
			"expected %.0f\ngot      %u", expected, shares[i]);
	}
}

/* Without one key, only the sessions that had it as their first move. */
static void
check_movement(size_t n, size_t gone)
{
	struct balance_key all[CREDENTIALS_MAX], left[CREDENTIALS_MAX];
	unsigned moved = 0, lost = 0;
	char name[128];
	make_keys(all, n, 1);
	for (size_t i = 0; i < n; i++)
		left[i - (i > gone)] = all[i];
	for (unsigned i = 0; i < SESSIONS; i++) {
		size_t before = first(all, n, i), after = first(left, n - 1, i);
		lost += before == gone;
		moved += before != gone && after + (after >= gone) != before;
	}
	snprintf(name, sizeof name, "without key %zu of %zu only its own sessions move", gone, n);
	TAP_ROW(name, moved == 0 && lost > 0, "%u of others moved, %u of its own", moved, lost);
}

int
main(int argc, char **argv)
{
	tap_start("balance", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(i);
	for (size_t n = 2; n <= CREDENTIALS_MAX; n++)
		check_shares(n, 1);
	check_shares(3, 3);
	for (size_t n = 2; n <= CREDENTIALS_MAX; n += 2)
		for (size_t gone = 0; gone < n; gone++)
			check_movement(n, gone);
	return tap_finish();
}
