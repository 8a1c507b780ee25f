/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/count.h"
#include "money/ledger_file.h"

#include <sqlite3.h>
#include <time.h>

#define BUSY_MS  5000
#define PAUSE_MS 20 /* between transactions, so that the writers have their turn */

static const char *const statements[] = {
    "DELETE FROM request WHERE id IN (SELECT id FROM request WHERE at < ? LIMIT ?)",
    "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < ? LIMIT ?)",
};

/* Runs a statement until it deletes less than it may, or the time is over; *finished says which. */
static int
delete_old(sqlite3 *db, const char *sql, int64_t before_ms, int64_t until_ms, int64_t *deleted,
	   bool *finished)
{
	sqlite3_stmt *statement = NULL;
	int changes = LEDGER_PRUNE_MAX;
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	while (result == SQLITE_OK && changes == LEDGER_PRUNE_MAX && clock_steady_ms() < until_ms) {
		sqlite3_bind_int64(statement, 1, before_ms);
		sqlite3_bind_int(statement, 2, LEDGER_PRUNE_MAX);
		sqlite3_step(statement);
		result = sqlite3_reset(statement);
		changes = result == SQLITE_OK ? sqlite3_changes(db) : 0;
		*deleted += changes;
		if (changes == LEDGER_PRUNE_MAX)
			nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
	}
	*finished = *finished && result == SQLITE_OK && changes < LEDGER_PRUNE_MAX;
	sqlite3_finalize(statement);
	return result;
}

bool
ledger_prune(const char *path, int64_t keep_ms, int64_t for_ms, struct ledger_pruned *pruned,
	     struct buf *error)
{
	int64_t before_ms = clock_wall_ms() - keep_ms, until_ms = clock_steady_ms() + for_ms;
	int64_t *const deleted[] = {&pruned->rows, &pruned->events};
	int result = SQLITE_OK;
	*pruned = (struct ledger_pruned){.finished = true};
	sqlite3 *db = ledger_connect(path, LEDGER_WRITE, BUSY_MS, error);
	if (db == NULL)
		return error->len == 0;
	for (size_t i = 0; i < COUNT(statements) && result == SQLITE_OK; i++)
		result = delete_old(db, statements[i], before_ms, until_ms, deleted[i],
				    &pruned->finished);
	if (result != SQLITE_OK)
		ledger_explain(db, path, error);
	sqlite3_close(db);
	return result == SQLITE_OK;
}
