/* SPDX-License-Identifier: MIT */
/* The ledger's file: its schema, its faults, and how a batch is written. Inside of money/ only.
 *
 * A struct ledger_file belongs to the ledger's thread. */
#ifndef MONEY_LEDGER_FILE_H
#define MONEY_LEDGER_FILE_H

#include "money/ledger.h"

struct sqlite3;
struct sqlite3_stmt;

#define LEDGER_MIXED 2 /* in request.estimated: ledger_row.is_mixed */

struct ledger_entry {
	bool is_event;
	union {
		struct ledger_row row;
		struct ledger_event event;
	};
};

struct ledger_file {
	const char *path;   /* borrowed */
	struct sqlite3 *db; /* NULL: closed */
	struct sqlite3_stmt *row, *day, *event;
	bool no_wal;              /* was found to be impossible where the file is */
	char why[ERROR_TEXT_MAX]; /* of the last write that failed */
	char
	    moved[ERROR_TEXT_MAX]; /* the sentence about a damaged file that was moved; "" : none */
};

enum ledger_result {
	LEDGER_WRITTEN,
	LEDGER_LATER,   /* nothing of the batch was written; it may be later */
	LEDGER_REFUSED, /* the file is not ours to write */
};

/* Writes all of a batch, n of at most LEDGER_BATCH, or nothing: opens the file if need be, and
 * makes it anew where it is damaged. Waits for other processes for at most busy_ms. After a failure
 * the file is closed. */
enum ledger_result ledger_file_write(struct ledger_file *file, const struct ledger_entry *entries,
				     size_t n, int64_t busy_ms);

/* The last process that closes the file removes its WAL. May be called twice. */
void ledger_file_close(struct ledger_file *file);

/* --- For reports and pruning ---------------------------------------------- */

enum ledger_access { LEDGER_READ, LEDGER_WRITE };

/* A connection to a file that exists, with the schema that we know; NULL: error says why, or is
 * left empty when there is no file or nothing in it yet. The caller's to sqlite3_close(). */
struct sqlite3 *ledger_connect(const char *path, enum ledger_access access, int64_t busy_ms,
			       struct buf *error);

/* Appends what went wrong last: "ledger PATH: …". */
void ledger_explain(struct sqlite3 *db, const char *path, struct buf *error);

#endif
