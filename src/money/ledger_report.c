/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/count.h"
#include "money/ledger_file.h"
#include "json/tree.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BUSY_MS 100 /* readers need not wait while there is a WAL */

/* --- A connection with an end ----------------------------------------------- */

/* Called by SQLite now and then; other than 0 ends the statement. */
static int
is_over(void *until_ms)
{
	const int64_t *until = until_ms;
	return clock_steady_ms() >= *until;
}

/* until_ms lives as long as the connection. */
static sqlite3 *
open_report(const char *path, int64_t *until_ms, struct buf *error)
{
	sqlite3 *db = ledger_connect(path, LEDGER_READ, BUSY_MS, error);
	*until_ms = clock_steady_ms() + LEDGER_REPORT_MS;
	if (db != NULL)
		sqlite3_progress_handler(db, 10000, is_over, until_ms);
	return db;
}

/* The report, if all went well; else it is freed, with the reason in error. */
static json_object *
close_report(sqlite3 *db, const char *path, int result, json_object *report, struct buf *error)
{
	if (result != SQLITE_DONE && result != SQLITE_OK) {
		ledger_explain(db, path, error);
		if (result == SQLITE_INTERRUPT) {
			bool added = buf_puts(error, ": it took too long. Ask for less");
			(void)added;
		}
		json_object_put(report);
		report = NULL;
	}
	sqlite3_close(db);
	return report;
}

/* --- Usage ------------------------------------------------------------------ */

#define LARGEST "sum(cost) DESC, sum(requests) DESC, 1"

/* One for each way to group: enum ledger_by. */
static const struct {
	const char *name;
	const char *members[2], *columns[2]; /* of a row */
	const char *order;
} groups[] = {
    [LEDGER_BY_MODEL] = {"model", {"model"}, {"served"}, LARGEST},
    [LEDGER_BY_PROVIDER] = {"provider", {"provider"}, {"provider"}, LARGEST},
    [LEDGER_BY_CLIENT] = {"client", {"client"}, {"client"}, LARGEST},
    [LEDGER_BY_DAY] = {"day", {"day"}, {"day"}, "1"},
    [LEDGER_BY_DAY_AND_PROVIDER] = {"day,provider",
				    {"day", "provider"},
				    {"day", "provider"},
				    "1, 2"},
};

bool
ledger_by_read(const char *text, enum ledger_by *by)
{
	for (size_t i = 0; i < COUNT(groups); i++) {
		if (strcmp(text, groups[i].name) != 0)
			continue;
		*by = (enum ledger_by)i;
		return true;
	}
	return false;
}

static const char *const sums[] = {"requests", "errors",        "input",  "cache_read",
				   "cache_5m", "cache_1h",      "output", "searches",
				   "spent",    "spent_unknown", "worth",  "worth_unknown"};

#define SUMS                                                                                       \
	"sum(requests), sum(errors), sum(input), sum(cache_read), sum(cache_5m), sum(cache_1h),"   \
	" sum(output), sum(searches), sum(iif(billed, cost, 0)), sum(iif(billed, unknown, 0)),"    \
	" sum(iif(billed, 0, cost)), sum(iif(billed, 0, unknown)) FROM day WHERE day >= ?"

/* The sums of a row, which begin at column from. */
static void
put_sums(sqlite3_stmt *statement, int from, json_object *row)
{
	for (int i = 0; i < (int)COUNT(sums); i++)
		tree_put(row, sums[i],
			 json_object_new_int64(sqlite3_column_int64(statement, from + i)));
}

/* What a row is about; returns the number of columns. */
static int
put_members(sqlite3_stmt *statement, enum ledger_by by, json_object *row)
{
	int n = 0;
	for (; n < 2 && groups[by].members[n] != NULL; n++) {
		const char *text = (const char *)sqlite3_column_text(statement, n);
		bool is_day = strcmp(groups[by].members[n], "day") == 0;
		tree_put(row, groups[by].members[n],
			 is_day ? json_object_new_int64(sqlite3_column_int64(statement, n))
				: json_object_new_string(text == NULL ? "" : text));
	}
	return n;
}

static json_object *
make_row(sqlite3_stmt *statement, enum ledger_by by)
{
	json_object *row = json_object_new_object();
	put_sums(statement, put_members(statement, by, row), row);
	return row;
}

/* Adds the rows and whether there were more; an SQLite result. */
static int
add_rows(sqlite3 *db, int64_t since, enum ledger_by by, json_object *report)
{
	char sql[1024];
	json_object *rows = json_object_new_array();
	sqlite3_stmt *statement = NULL;
	bool has_two = groups[by].columns[1] != NULL;
	snprintf(sql, sizeof sql, "SELECT %s%s%s, " SUMS " GROUP BY 1%s ORDER BY %s LIMIT ?",
		 groups[by].columns[0], has_two ? ", " : "", has_two ? groups[by].columns[1] : "",
		 has_two ? ", 2" : "", groups[by].order);
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (result == SQLITE_OK) {
		sqlite3_bind_int64(statement, 1, since);
		sqlite3_bind_int64(statement, 2, LEDGER_REPORT_MAX + 1);
		while ((result = sqlite3_step(statement)) == SQLITE_ROW &&
		       tree_count(rows) < LEDGER_REPORT_MAX)
			tree_add(rows, make_row(statement, by));
	}
	tree_put(report, "cut", json_object_new_boolean(result == SQLITE_ROW));
	tree_put(report, "rows", rows);
	sqlite3_finalize(statement);
	return result == SQLITE_ROW ? SQLITE_DONE : result;
}

static int
add_total(sqlite3 *db, int64_t since, json_object *report)
{
	json_object *total = json_object_new_object();
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(db, "SELECT " SUMS, -1, &statement, NULL);
	if (result == SQLITE_OK) {
		sqlite3_bind_int64(statement, 1, since);
		result = sqlite3_step(statement);
	}
	if (result == SQLITE_ROW)
		put_sums(statement, 0, total);
	tree_put(report, "total", total);
	sqlite3_finalize(statement);
	return result == SQLITE_ROW ? SQLITE_DONE : result;
}

/* The report of a ledger without a row. */
static void
add_nothing(json_object *report)
{
	json_object *total = json_object_new_object();
	tree_put(report, "cut", json_object_new_boolean(0));
	tree_put(report, "rows", json_object_new_array());
	for (size_t i = 0; i < COUNT(sums); i++)
		tree_put(total, sums[i], json_object_new_int64(0));
	tree_put(report, "total", total);
}

/* The first of so many days, of which the last is today. Noon is in every day. */
static int64_t
first_day(int64_t now_ms, int days)
{
	time_t seconds = (time_t)(now_ms / 1000);
	struct tm tm;
	if (localtime_r(&seconds, &tm) == NULL)
		return 0;
	tm.tm_mday -= days - 1;
	tm.tm_hour = 12;
	tm.tm_isdst = -1;
	return ledger_day((int64_t)mktime(&tm) * 1000);
}

json_object *
ledger_usage(const char *path, int64_t now_ms, int days, enum ledger_by by, struct buf *error)
{
	int64_t until_ms, since = first_day(now_ms, days);
	sqlite3 *db = open_report(path, &until_ms, error);
	if (db == NULL && error->len > 0)
		return NULL;
	json_object *report = json_object_new_object();
	tree_put(report, "days", json_object_new_int(days));
	tree_put(report, "since", json_object_new_int64(since));
	tree_put(report, "by", json_object_new_string(groups[by].name));
	if (db == NULL) {
		add_nothing(report);
		return report;
	}
	int result = add_rows(db, since, by, report);
	if (result == SQLITE_DONE)
		result = add_total(db, since, report);
	return close_report(db, path, result, report, error);
}

/* --- What was billed -------------------------------------------------------- */

static const char *
text_at(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	return text == NULL ? "" : text;
}

bool
ledger_spent(const char *path, int64_t now_ms, ledger_spent_fn *each, void *arg, struct buf *error)
{
	int64_t until_ms, today = ledger_day(now_ms);
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = open_report(path, &until_ms, error);
	if (db == NULL)
		return error->len == 0;
	int result = sqlite3_prepare_v2(
	    db,
	    "SELECT provider, client, sum(iif(day = ?2, cost, 0)), sum(cost) FROM day"
	    " WHERE billed AND day BETWEEN ?1 AND ?2 GROUP BY provider, client",
	    -1, &statement, NULL);
	if (result == SQLITE_OK) {
		sqlite3_bind_int64(statement, 1, today / 100 * 100 + 1);
		sqlite3_bind_int64(statement, 2, today);
		while ((result = sqlite3_step(statement)) == SQLITE_ROW)
			each(arg, text_at(statement, 0), text_at(statement, 1),
			     sqlite3_column_int64(statement, 2),
			     sqlite3_column_int64(statement, 3));
	}
	sqlite3_finalize(statement);
	bool is_read = result == SQLITE_DONE;
	close_report(db, path, result, NULL, error);
	return is_read;
}

/* --- Events ----------------------------------------------------------------- */

static json_object *
make_event(sqlite3_stmt *statement)
{
	static const char *const texts[] = {"kind", "provider", "text"};
	char at[CLOCK_RFC3339_SIZE];
	json_object *event = json_object_new_object();
	tree_put(event, "id", json_object_new_int64(sqlite3_column_int64(statement, 0)));
	clock_rfc3339(sqlite3_column_int64(statement, 1), at);
	tree_put(event, "at", json_object_new_string(at));
	for (int i = 0; i < (int)COUNT(texts); i++) {
		const char *text = (const char *)sqlite3_column_text(statement, 2 + i);
		tree_put(event, texts[i], json_object_new_string(text == NULL ? "" : text));
	}
	return event;
}

static bool
put_event(sqlite3_stmt *statement, bool is_first, struct buf *out)
{
	json_object *event = make_event(statement);
	bool is_put = (is_first || buf_puts(out, ",")) && tree_write(event, out);
	json_object_put(event);
	return is_put;
}

bool
ledger_events(const char *path, int64_t after, int limit, struct buf *out, struct buf *error)
{
	int64_t until_ms;
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = open_report(path, &until_ms, error);
	if (db == NULL)
		return error->len == 0 && buf_puts(out, "{\"events\":[]}");
	bool is_put = buf_puts(out, "{\"events\":[");
	int result =
	    sqlite3_prepare_v2(db,
			       "SELECT * FROM (SELECT id, at, kind, provider, text FROM event"
			       " WHERE id > ? ORDER BY id DESC LIMIT ?) ORDER BY id",
			       -1, &statement, NULL);
	if (result == SQLITE_OK) {
		sqlite3_bind_int64(statement, 1, after);
		sqlite3_bind_int(statement, 2, limit);
		for (int n = 0; is_put && (result = sqlite3_step(statement)) == SQLITE_ROW; n++)
			is_put = put_event(statement, n == 0, out);
	}
	sqlite3_finalize(statement);
	close_report(db, path, is_put ? result : SQLITE_OK, NULL, error);
	return is_put && result == SQLITE_DONE && buf_puts(out, "]}");
}
