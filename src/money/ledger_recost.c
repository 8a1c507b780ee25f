/* SPDX-License-Identifier: MIT */
#include "money/ledger_recost.h"

#include "money/ledger_file.h"

#include <sqlite3.h>
#include <string.h>
#include <time.h>

#define BUSY_MS  5000
#define PAUSE_MS 20 /* between transactions, so that the writers have their turn */

enum { SELECT, SET_ROW, ADD_TO_DAY, STATEMENTS };

static const char *const statements[STATEMENTS] = {
    [SELECT] = "SELECT id, at, day, provider, served, client, billed, input, cache_read, cache_5m,"
	       " cache_1h, output, searches, speed, estimated, cost FROM request"
	       " WHERE id > ? AND at >= ? AND provider <> '' ORDER BY id LIMIT ?",
    [SET_ROW] = "UPDATE request SET cost = ?, price = ? WHERE id = ?",
    [ADD_TO_DAY] = "UPDATE day SET cost = cost + ?, unknown = unknown - ? WHERE day = ? AND"
		   " provider = ? AND served = ? AND client = ? AND billed = ?",
};

/* The columns of SELECT. */
enum {
	ID,
	AT,
	DAY,
	PROVIDER,
	SERVED,
	CLIENT,
	BILLED,
	INPUT,
	CACHE_READ,
	CACHE_5M,
	CACHE_1H,
	OUTPUT,
	SEARCHES,
	SPEED,
	ESTIMATED,
	COST
};

struct recost {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	const struct prices *prices;
	struct ledger_recosted *done;
	int64_t last_id;
};

static int64_t
number_at(sqlite3_stmt *row, int column)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? -1
							       : sqlite3_column_int64(row, column);
}

static const char *
text_at(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	return text == NULL ? "" : text;
}

static struct cost
cost_of(const struct recost *r, sqlite3_stmt *row)
{
	const struct price_query query = {
	    .provider = text_at(row, PROVIDER),
	    .model = text_at(row, SERVED),
	    .at_ms = sqlite3_column_int64(row, AT),
	};
	struct usage usage = USAGE_NONE;
	usage.input = number_at(row, INPUT);
	usage.cache_read = number_at(row, CACHE_READ);
	usage.cache_5m = number_at(row, CACHE_5M);
	usage.cache_1h = number_at(row, CACHE_1H);
	usage.output = number_at(row, OUTPUT);
	usage.searches = number_at(row, SEARCHES);
	usage.is_fast = strcmp(text_at(row, SPEED), "fast") == 0;
	return prices_cost(r->prices, &query, &usage);
}

/* Runs a statement whose values are bound. */
static int
step(sqlite3_stmt *statement)
{
	sqlite3_step(statement);
	return sqlite3_reset(statement);
}

static int
change(struct recost *r, sqlite3_stmt *row, const struct cost *cost, int64_t old)
{
	sqlite3_stmt *set = r->statements[SET_ROW], *add = r->statements[ADD_TO_DAY];
	sqlite3_bind_int64(set, 1, cost->nano_usd);
	if (cost->checked[0] == '\0')
		sqlite3_bind_null(set, 2);
	else
		sqlite3_bind_text(set, 2, cost->checked, -1, SQLITE_STATIC);
	sqlite3_bind_int64(set, 3, sqlite3_column_int64(row, ID));
	sqlite3_bind_int64(add, 1, cost->nano_usd - (old < 0 ? 0 : old));
	sqlite3_bind_int64(add, 2, old < 0);
	sqlite3_bind_int64(add, 3, sqlite3_column_int64(row, DAY));
	sqlite3_bind_text(add, 4, text_at(row, PROVIDER), -1, SQLITE_STATIC);
	sqlite3_bind_text(add, 5, text_at(row, SERVED), -1, SQLITE_STATIC);
	sqlite3_bind_text(add, 6, text_at(row, CLIENT), -1, SQLITE_STATIC);
	sqlite3_bind_int64(add, 7, sqlite3_column_int64(row, BILLED));
	int result = step(set);
	return result == SQLITE_OK ? step(add) : result;
}

/* A row's new cost, counted; what was known never becomes unknown. */
static int
recost_row(struct recost *r, sqlite3_stmt *row)
{
	struct ledger_recosted *done = r->done;
	struct ledger_money *money =
	    sqlite3_column_int64(row, BILLED) != 0 ? &done->spent : &done->worth;
	int64_t old = number_at(row, COST);
	bool is_mixed = (sqlite3_column_int64(row, ESTIMATED) & LEDGER_MIXED) != 0;
	struct cost cost = {.is_known = false};
	if (!is_mixed)
		cost = cost_of(r, row);
	done->rows++;
	done->mixed += is_mixed;
	done->unknown += !is_mixed && !cost.is_known && old < 0;
	done->kept += !is_mixed && !cost.is_known && old >= 0;
	money->before += old < 0 ? 0 : old;
	money->after += cost.is_known ? cost.nano_usd : old < 0 ? 0 : old;
	if (!cost.is_known || cost.nano_usd == old)
		return SQLITE_OK;
	done->changed++;
	return change(r, row, &cost, old);
}

/* The next rows, at most LEDGER_PRUNE_MAX, *n of them. */
static int
recost_some(struct recost *r, int64_t since_ms, int *n)
{
	sqlite3_stmt *row = r->statements[SELECT];
	int result = SQLITE_OK;
	sqlite3_bind_int64(row, 1, r->last_id);
	sqlite3_bind_int64(row, 2, since_ms);
	sqlite3_bind_int(row, 3, LEDGER_PRUNE_MAX);
	while (result == SQLITE_OK && sqlite3_step(row) == SQLITE_ROW) {
		r->last_id = sqlite3_column_int64(row, ID);
		result = recost_row(r, row);
		++*n;
	}
	int end = sqlite3_reset(row);
	return result != SQLITE_OK ? result : end;
}

/* One transaction: *done counts what is committed. */
static int
recost_batch(struct recost *r, int64_t since_ms, int *n)
{
	const struct ledger_recosted before = *r->done;
	*n = 0;
	int result = sqlite3_exec(r->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (result == SQLITE_OK)
		result = recost_some(r, since_ms, n);
	if (result == SQLITE_OK)
		result = sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
	if (result != SQLITE_OK)
		*r->done = before;
	return result;
}

static int
recost_all(struct recost *r, int64_t since_ms)
{
	int n = LEDGER_PRUNE_MAX, result = SQLITE_OK;
	for (size_t i = 0; i < STATEMENTS && result == SQLITE_OK; i++)
		result = sqlite3_prepare_v2(r->db, statements[i], -1, &r->statements[i], NULL);
	while (result == SQLITE_OK && n == LEDGER_PRUNE_MAX) {
		result = recost_batch(r, since_ms, &n);
		if (n == LEDGER_PRUNE_MAX)
			nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
	}
	return result;
}

bool
ledger_recost(const char *path, int64_t since_ms, const struct prices *prices,
	      struct ledger_recosted *done, struct buf *error)
{
	struct recost r = {.prices = prices, .done = done};
	*done = (struct ledger_recosted){0};
	r.db = ledger_connect(path, LEDGER_WRITE, BUSY_MS, error);
	if (r.db == NULL)
		return error->len == 0;
	int result = recost_all(&r, since_ms);
	if (result != SQLITE_OK)
		ledger_explain(r.db, path, error);
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(r.statements[i]);
	sqlite3_close(r.db);
	return result == SQLITE_OK;
}
