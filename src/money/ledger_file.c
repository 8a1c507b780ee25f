/* SPDX-License-Identifier: MIT */
#include "money/ledger_file.h"

#include "base/clock.h"
#include "base/count.h"
#include "base/path.h"
#include "base/utf8.h"
#include "money/ledger_day.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* --- The schema ----------------------------------------------------------- */

#define APPLICATION_ID 0x43526c67 /* "CRlg" */

/* upgrades[n] leads from user_version n to n + 1: a released one is never changed.
 *
 * request.at and event.at: ms since 1970. day: 20261127, in local time. kind: enum ledger_kind.
 * estimated: 1, and LEDGER_MIXED for a row of further models. cost: nano-dollars. NULL: not
 * reported, or not known. The table day holds the sums of request for each of its keys, made in the
 * same transactions, and is what reports read; cost sums what is known, and unknown counts the
 * rest. */
static const char *const upgrades[] = {
    "CREATE TABLE IF NOT EXISTS request(id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
    " day INTEGER NOT NULL, rid TEXT, attempt INTEGER, client TEXT, session INTEGER,"
    " provider TEXT NOT NULL, credential TEXT, kind INTEGER, asked TEXT, served TEXT,"
    " status INTEGER, ending TEXT, error INTEGER, first_byte_ms INTEGER, ms INTEGER,"
    " input INTEGER, cache_read INTEGER, cache_5m INTEGER, cache_1h INTEGER, output INTEGER,"
    " searches INTEGER, speed TEXT, estimated INTEGER, cost INTEGER, billed INTEGER, price TEXT);"
    "CREATE INDEX IF NOT EXISTS request_at ON request(at);"
    "CREATE TABLE IF NOT EXISTS day(day INTEGER, provider TEXT, served TEXT, client TEXT,"
    " billed INTEGER, requests INTEGER, errors INTEGER, input INTEGER, cache_read INTEGER,"
    " cache_5m INTEGER, cache_1h INTEGER, output INTEGER, searches INTEGER, cost INTEGER,"
    " unknown INTEGER, PRIMARY KEY(day, provider, served, client, billed)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS event(id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
    " kind TEXT NOT NULL, provider TEXT, text TEXT)",
};

#define LEDGER_VERSION ((int)COUNT(upgrades))

static const char insert_row[] =
    "INSERT INTO request(at, day, rid, attempt, client, session, provider, credential, kind,"
    " asked, served, status, ending, error, first_byte_ms, ms, input, cache_read, cache_5m,"
    " cache_1h, output, searches, speed, estimated, cost, billed, price) VALUES(?, ?, ?, ?, ?, ?,"
    " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

static const char add_to_day[] =
    "INSERT INTO day(day, provider, served, client, billed, requests, errors, input, cache_read,"
    " cache_5m, cache_1h, output, searches, cost, unknown)"
    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT(day, provider, served, client, billed) DO UPDATE SET"
    " requests = requests + excluded.requests,"
    " errors = errors + excluded.errors, input = input + excluded.input,"
    " cache_read = cache_read + excluded.cache_read, cache_5m = cache_5m + excluded.cache_5m,"
    " cache_1h = cache_1h + excluded.cache_1h, output = output + excluded.output,"
    " searches = searches + excluded.searches, cost = cost + excluded.cost,"
    " unknown = unknown + excluded.unknown";

static const char insert_event[] = "INSERT INTO event(at, kind, provider, text) VALUES(?, ?, ?, ?)";

/* --- Faults --------------------------------------------------------------- */

/* Beside SQLite's own results, which are not negative. */
enum { NEWER = -1, FOREIGN = -2 };

static void
explain(sqlite3 *db, const char *path, int result, char why[static ERROR_TEXT_MAX])
{
	bool is_of_system = (result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN;
	int number = db != NULL && is_of_system ? sqlite3_system_errno(db) : 0;
	if (result == NEWER)
		snprintf(why, ERROR_TEXT_MAX,
			 "ledger %s: it is of a newer version of the program. Use that one, or "
			 "name another file by ledger",
			 path);
	else if (result == FOREIGN)
		snprintf(why, ERROR_TEXT_MAX,
			 "ledger %s: it is another program's database. Name another file by ledger",
			 path);
	else
		snprintf(why, ERROR_TEXT_MAX, "ledger %s: %s%s%s%s", path,
			 db == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(db),
			 number == 0 ? "" : " (", number == 0 ? "" : strerror(number),
			 number == 0 ? "" : ")");
}

void
ledger_explain(sqlite3 *db, const char *path, struct buf *error)
{
	char why[ERROR_TEXT_MAX];
	explain(db, path, db == NULL ? SQLITE_NOMEM : sqlite3_errcode(db), why);
	buf_clear(error);
	bool added = buf_puts(error, why);
	(void)added; /* an error without its text is still one */
}

static bool
is_damage(int result)
{
	return (result & 0xff) == SQLITE_CORRUPT || (result & 0xff) == SQLITE_NOTADB;
}

/* Whether the shared memory that WAL needs was refused. (Its size is not: the disk is full.) */
static bool
is_no_wal(int result)
{
	return result == SQLITE_IOERR_SHMOPEN || result == SQLITE_IOERR_SHMMAP ||
	       result == SQLITE_IOERR_SHMLOCK || (result & 0xff) == SQLITE_CANTOPEN;
}

/* --- Opening -------------------------------------------------------------- */

static int
run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* The number that a statement returns. */
static int
read_number(sqlite3 *db, const char *sql, int64_t *number)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return result == SQLITE_ROW ? SQLITE_OK : result;
}

/* SQLITE_OK and the schema's version, 0 when there is nothing in the file; or a fault. */
static int
read_version(sqlite3 *db, int64_t *version)
{
	int64_t id = 0, tables = 0;
	int result = read_number(db, "PRAGMA user_version", version);
	if (result == SQLITE_OK)
		result = read_number(db, "PRAGMA application_id", &id);
	if (result == SQLITE_OK)
		result = read_number(db, "SELECT count(*) FROM sqlite_master", &tables);
	if (result != SQLITE_OK)
		return result;
	if (id != APPLICATION_ID && (id != 0 || *version != 0 || tables != 0))
		return FOREIGN;
	return *version > LEDGER_VERSION ? NEWER : SQLITE_OK;
}

/* Reads the version again under the lock: another process may have been faster. */
static int
upgrade(sqlite3 *db)
{
	int64_t version = 0;
	char sql[128];
	int result = run(db, "BEGIN IMMEDIATE");
	if (result == SQLITE_OK)
		result = read_version(db, &version);
	for (; result == SQLITE_OK && version < LEDGER_VERSION; version++)
		result = run(db, upgrades[version]);
	snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		 APPLICATION_ID, LEDGER_VERSION);
	return result == SQLITE_OK ? run(db, sql) : result;
}

/* For a connection whose locking is exclusive. With a rollback journal every commit waits for the
 * disk, or a power cut would damage the file. */
static int
use_journal(sqlite3 *db)
{
	int64_t version = 0;
	int result = read_version(db, &version);
	if (result == SQLITE_OK)
		result = run(db, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;"
				 "PRAGMA locking_mode = NORMAL");
	return result;
}

static int
use_wal(sqlite3 *db)
{
	int64_t version = 0;
	int result = read_version(db, &version);
	if (result == SQLITE_OK)
		result = run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
	return result;
}

/* The connection's settings, the journal and the schema. What is not ours is not changed. */
static int
set_up(struct ledger_file *file)
{
	int64_t version = 0;
	int result = SQLITE_OK;
	/* Set before all else, it makes SQLite read a file with a WAL without shared memory. */
	if (file->no_wal)
		result = run(file->db, "PRAGMA locking_mode = EXCLUSIVE");
	if (result == SQLITE_OK)
		result = run(file->db, "PRAGMA cache_size = -256; PRAGMA temp_store = MEMORY;"
				       "PRAGMA journal_size_limit = 4194304");
	if (result == SQLITE_OK)
		result = file->no_wal ? use_journal(file->db) : use_wal(file->db);
	if (result == SQLITE_OK)
		result = read_version(file->db, &version);
	if (result == SQLITE_OK && version < LEDGER_VERSION)
		result = upgrade(file->db);
	return result;
}

static int
prepare(struct ledger_file *file)
{
	int result = sqlite3_prepare_v3(file->db, insert_row, -1, SQLITE_PREPARE_PERSISTENT,
					&file->row, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_prepare_v3(file->db, add_to_day, -1, SQLITE_PREPARE_PERSISTENT,
					    &file->day, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_prepare_v3(file->db, insert_event, -1, SQLITE_PREPARE_PERSISTENT,
					    &file->event, NULL);
	return result;
}

/* A new connection; *db may have to be closed after a failure, too. */
static int
connect_to(const char *path, int flags, int64_t busy_ms, sqlite3 **db)
{
	int result = sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (*db == NULL) /* out of memory */
		return result;
	sqlite3_extended_result_codes(*db, 1);
	sqlite3_busy_timeout(*db, (int)busy_ms);
	return result;
}

/* Keeps two processes from making, converting or moving the file at once: SQLite would find it busy
 * without waiting, and the second that moves a damaged file would move the new one. -1: cannot be
 * had. It is given back by close(). */
static int
lock_directory(const char *path)
{
	char directory[PATH_MAX];
	int fd = open(path_directory(path, directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void
unlock_directory(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int
connect_and_set_up(struct ledger_file *file, int64_t busy_ms)
{
	int result = connect_to(file->path, SQLITE_OPEN_READWRITE, busy_ms, &file->db);
	return result == SQLITE_OK ? set_up(file) : result;
}

static int
open_file(struct ledger_file *file, int64_t busy_ms)
{
	int lock = lock_directory(file->path);
	/* SQLite makes files that everybody may read, and gives its own beside them the mode of
	 * this one. New and empty, it holds no lock that closing it could drop. */
	int fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd >= 0)
		close(fd);
	int result = connect_and_set_up(file, busy_ms);
	if (is_no_wal(result) && !file->no_wal) {
		sqlite3_close(file->db);
		file->no_wal = true;
		result = connect_and_set_up(file, busy_ms);
		file->no_wal = result == SQLITE_OK; /* else it was something else */
	}
	unlock_directory(lock);
	return result == SQLITE_OK ? prepare(file) : result;
}

void
ledger_file_close(struct ledger_file *file)
{
	sqlite3_finalize(file->row);
	sqlite3_finalize(file->day);
	sqlite3_finalize(file->event);
	sqlite3_close(file->db);
	file->row = file->day = file->event = NULL;
	file->db = NULL;
}

/* --- Damage --------------------------------------------------------------- */

static const char *const parts[] = {"-wal", "-shm", ""};

static int
compare_seconds(const void *a, const void *b)
{
	const long long *left = a, *right = b;
	return *left < *right ? -1 : *left > *right;
}

/* Removes the oldest files that were set aside: a fault that comes back must not fill the disk. */
static void
forget_oldest(const char *path)
{
	char directory[PATH_MAX], name[PATH_MAX + 32];
	long long seconds[64] = {0};
	size_t n = 0;
	const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
	size_t prefix = (size_t)snprintf(name, sizeof name, "%s.bad-", base);
	DIR *listing = opendir(path_directory(path, directory));
	for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) {
		char *end;
		if (n == COUNT(seconds) || strncmp(entry->d_name, name, prefix) != 0)
			continue;
		seconds[n] = strtoll(entry->d_name + prefix, &end, 10);
		n += *end == '\0';
	}
	qsort(seconds, n, sizeof seconds[0], compare_seconds);
	for (size_t i = 0; i + LEDGER_BAD_MAX < n; i++) {
		for (size_t part = 0; part < COUNT(parts); part++) {
			snprintf(name, sizeof name, "%s.bad-%lld%s", base, seconds[i], parts[part]);
			unlinkat(dirfd(listing), name, 0);
		}
	}
	if (listing != NULL)
		closedir(listing);
}

/* The WAL goes first: one that was left behind would be taken for the new file's. */
static bool
move_parts(struct ledger_file *file, long long seconds)
{
	char from[PATH_MAX + 8], to[PATH_MAX + 40];
	for (size_t i = 0; i < COUNT(parts); i++) {
		snprintf(from, sizeof from, "%s%s", file->path, parts[i]);
		snprintf(to, sizeof to, "%s.bad-%lld%s", file->path, seconds, parts[i]);
		if (rename(from, to) != 0 && (errno != ENOENT || parts[i][0] == '\0'))
			return false;
	}
	snprintf(file->moved, sizeof file->moved,
		 "ledger %s was damaged: it is %s.bad-%lld now, and a new one is made", file->path,
		 file->path, seconds);
	forget_oldest(file->path);
	return true;
}

/* Whether the open file is no longer the one of that name: moved by another process, or removed. */
static bool
has_moved(const struct ledger_file *file)
{
	int moved = 0;
	return sqlite3_file_control(file->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
		   SQLITE_OK &&
	       moved;
}

/* Moves the damaged file away, unless another process has done that. */
static bool
set_aside(struct ledger_file *file)
{
	char name[PATH_MAX + 32];
	long long seconds = clock_wall_ms() / 1000 - 1;
	int lock = lock_directory(file->path);
	do
		snprintf(name, sizeof name, "%s.bad-%lld", file->path, ++seconds);
	while (access(name, F_OK) == 0);
	bool done = lock >= 0 && (has_moved(file) || move_parts(file, seconds));
	unlock_directory(lock);
	return done;
}

/* --- Writing -------------------------------------------------------------- */

/* Binds one value after the other; the first failure stays. */
struct binder {
	sqlite3_stmt *statement;
	int at;
	int result;
};

static void
bound(struct binder *b, int result)
{
	if (b->result == SQLITE_OK)
		b->result = result;
}

static void
bind_number(struct binder *b, int64_t number)
{
	bound(b, sqlite3_bind_int64(b->statement, ++b->at, number));
}

/* -1 is NULL. */
static void
bind_known(struct binder *b, int64_t number)
{
	if (number >= 0)
		bind_number(b, number);
	else
		bound(b, sqlite3_bind_null(b->statement, ++b->at));
}

/* A text that was cut within a character ends before it. */
static void
bind_text(struct binder *b, const char *text)
{
	int n = (int)utf8_valid(text, strlen(text));
	bound(b, sqlite3_bind_text(b->statement, ++b->at, text, n, SQLITE_STATIC));
}

/* "" is NULL. */
static void
bind_word(struct binder *b, const char *text)
{
	if (text[0] != '\0')
		bind_text(b, text);
	else
		bound(b, sqlite3_bind_null(b->statement, ++b->at));
}

/* Runs the statement with what was bound. */
static int
step(struct binder *b)
{
	int result = b->result == SQLITE_OK ? sqlite3_step(b->statement) : b->result;
	sqlite3_reset(b->statement);
	sqlite3_clear_bindings(b->statement);
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int
write_row(struct ledger_file *file, const struct ledger_row *row)
{
	struct binder b = {.statement = file->row};
	bind_number(&b, row->at_ms);
	bind_number(&b, ledger_day(row->at_ms));
	bind_word(&b, row->id);
	bind_number(&b, row->attempt);
	bind_word(&b, row->client);
	bind_number(&b, (int64_t)row->session);
	bind_text(&b, row->provider);
	bind_word(&b, row->credential);
	bind_number(&b, row->kind);
	bind_word(&b, row->asked);
	bind_word(&b, row->served);
	bind_number(&b, row->status);
	bind_word(&b, row->ending);
	bind_number(&b, row->error);
	bind_known(&b, row->first_byte_ms);
	bind_known(&b, row->ms);
	bind_known(&b, row->input);
	bind_known(&b, row->cache_read);
	bind_known(&b, row->cache_5m);
	bind_known(&b, row->cache_1h);
	bind_known(&b, row->output);
	bind_known(&b, row->searches);
	bind_word(&b, row->speed);
	bind_number(&b, (row->estimated ? 1 : 0) | (row->is_mixed ? LEDGER_MIXED : 0));
	bind_known(&b, row->cost);
	bind_number(&b, row->billed);
	bind_word(&b, row->price);
	return step(&b);
}

static int
write_day(struct ledger_file *file, const struct ledger_day_sums *sums)
{
	struct binder b = {.statement = file->day};
	bind_number(&b, sums->day);
	bind_text(&b, sums->row->provider);
	bind_text(&b, sums->row->served);
	bind_text(&b, sums->row->client);
	bind_number(&b, sums->row->billed);
	bind_number(&b, sums->requests);
	bind_number(&b, sums->errors);
	bind_number(&b, sums->input);
	bind_number(&b, sums->cache_read);
	bind_number(&b, sums->cache_5m);
	bind_number(&b, sums->cache_1h);
	bind_number(&b, sums->output);
	bind_number(&b, sums->searches);
	bind_number(&b, sums->cost);
	bind_number(&b, sums->unknown);
	return step(&b);
}

static int
write_event(struct ledger_file *file, const struct ledger_event *event)
{
	struct binder b = {.statement = file->event};
	bind_number(&b, event->at_ms);
	bind_text(&b, event->kind);
	bind_word(&b, event->provider);
	bind_word(&b, event->text);
	return step(&b);
}

/* The rows and events, and once for each of its keys what they add to the table day. */
static int
write_entries(struct ledger_file *file, const struct ledger_entry *entries, size_t n)
{
	struct ledger_day_sums sums[LEDGER_BATCH];
	size_t n_sums = 0;
	int result = SQLITE_OK;
	for (size_t i = 0; i < n && result == SQLITE_OK; i++) {
		if (entries[i].is_event) {
			result = write_event(file, &entries[i].event);
			continue;
		}
		result = write_row(file, &entries[i].row);
		n_sums = ledger_day_add(sums, n_sums, &entries[i].row);
	}
	for (size_t i = 0; i < n_sums && result == SQLITE_OK; i++)
		result = write_day(file, &sums[i]);
	return result;
}

/* What is not committed is undone when the file is closed. */
static int
write_batch(struct ledger_file *file, const struct ledger_entry *entries, size_t n, int64_t busy_ms)
{
	if (file->db != NULL && has_moved(file))
		ledger_file_close(file);
	int result = SQLITE_OK;
	if (file->db == NULL)
		result = open_file(file, busy_ms);
	else
		sqlite3_busy_timeout(file->db, (int)busy_ms);
	if (result == SQLITE_OK)
		result = run(file->db, "BEGIN IMMEDIATE");
	if (result == SQLITE_OK)
		result = write_entries(file, entries, n);
	return result == SQLITE_OK ? run(file->db, "COMMIT") : result;
}

enum ledger_result
ledger_file_write(struct ledger_file *file, const struct ledger_entry *entries, size_t n,
		  int64_t busy_ms)
{
	for (bool again = true;; again = false) {
		int result = write_batch(file, entries, n, busy_ms);
		if (result == SQLITE_OK)
			return LEDGER_WRITTEN;
		explain(file->db, file->path, result, file->why);
		bool aside = again && is_damage(result) && set_aside(file);
		ledger_file_close(file);
		if (!aside)
			return result < 0 ? LEDGER_REFUSED : LEDGER_LATER;
	}
}

/* --- For reports and pruning ---------------------------------------------- */

sqlite3 *
ledger_connect(const char *path, enum ledger_access access_for, int64_t busy_ms, struct buf *error)
{
	sqlite3 *db = NULL;
	int64_t version = 0;
	buf_clear(error);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return NULL;
	bool reads = access_for == LEDGER_READ;
	int flags = reads ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	int result = connect_to(path, flags, busy_ms, &db);
	/* Else a reader that closes last would write the WAL into the file, and wait
	 * for the disk. */
	if (result == SQLITE_OK && reads)
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (result == SQLITE_OK)
		result = run(db, "PRAGMA cache_size = -256; PRAGMA temp_store = MEMORY");
	if (result == SQLITE_OK)
		result = read_version(db, &version);
	if (result == SQLITE_OK && version == LEDGER_VERSION)
		return db;
	if (result != SQLITE_OK) {
		char why[ERROR_TEXT_MAX];
		explain(db, path, result, why);
		bool added = buf_puts(error, why);
		(void)added;
	}
	sqlite3_close(db);
	return NULL;
}

/* --- Where, and which day ------------------------------------------------- */

const char *
ledger_path(const char *setting, const char *state_file, char path[static PATH_MAX])
{
	char directory[PATH_MAX];
	if (strcmp(setting, "off") == 0)
		return NULL;
	bool beside = strcmp(setting, "auto") == 0;
	int n = beside
		    ? snprintf(path, PATH_MAX, "%s/usage.db", path_directory(state_file, directory))
		    : snprintf(path, PATH_MAX, "%s", setting);
	return n > 0 && n < PATH_MAX && strcmp(path, state_file) != 0 ? path : NULL;
}

int64_t
ledger_day(int64_t at_ms)
{
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm tm;
	if (localtime_r(&seconds, &tm) == NULL)
		return 0;
	return (tm.tm_year + 1900) * INT64_C(10000) + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}
