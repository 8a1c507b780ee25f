/* SPDX-License-Identifier: MIT */
/* ledger*.c: what is written, and whatever may happen to the file, with real processes that are
 * killed for real. CHECK_ALL=1 kills more of them; SEED=N repeats a run. */
#include "../raw.h"
#include "base/caps.h"
#include "base/clock.h"
#include "money/ledger.h"
#include "money/ledger_recost.h"
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOON     INT64_C(1795780800000) /* 2026-11-27 12:00 UTC */
#define DAY      INT64_C(86400000)
#define FOR_EVER INT64_C(3600000)
#define PATIENCE INT64_C(30000)
#define NOBODY   65534

static int64_t steady_jump_ns; /* each call finds the steady clock so much further ahead */
static bool steady_stands;     /* else, however long a call takes on a busy machine */

/* In the place of libc's. */
int
clock_gettime(clockid_t id, struct timespec *now)
{
	static int64_t ahead_ns;
	long result = syscall(RAW_CLOCK_GETTIME, id, now);
	if (id != CLOCK_MONOTONIC)
		return (int)result;
	if (steady_stands)
		*now = (struct timespec){.tv_sec = 1};
	ahead_ns += steady_jump_ns;
	now->tv_sec += ahead_ns / 1000000000;
	return (int)result;
}

/* ---- Helpers --------------------------------------------------------------- */

static void
remove_all(const char *directory)
{
	DIR *listing = opendir(directory);
	must(listing != NULL, "opendir");
	for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
		char path[512];
		snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (entry->d_type == DT_DIR)
			remove_all(path);
		else
			unlink(path);
	}
	closedir(listing);
	rmdir(directory);
}

static int
count_files(const char *prefix)
{
	int n = 0;
	DIR *listing = opendir(top);
	must(listing != NULL, "opendir");
	for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
		n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(listing);
	return n;
}

static int
finish(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		must(errno == EINTR, "waitpid");
	return status;
}

/* Runs in a child; it returns its exit status. */
static pid_t
start(int (*run)(const char *, int), const char *path, int fd)
{
	fflush(stdout);
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0)
		_exit(run(path, fd));
	return pid;
}

static struct ledger *
new_at(const char *path, int64_t flush_ms)
{
	struct ledger *ledger =
	    ledger_new(&(struct ledger_options){.path = path, .flush_ms = flush_ms, .retry_ms = 1});
	must(ledger != NULL, "ledger_new");
	return ledger;
}

/* A row of the number n, each sum of which depends on it. */
static struct ledger_row
row_of(int n)
{
	struct ledger_row row = LEDGER_ROW_EMPTY;
	row.at_ms = NOON + n % 3 * DAY;
	row.attempt = n;
	row.session = (uint64_t)getpid();
	row.status = 200;
	row.error = n % 7 == 0;
	row.input = n % 5 == 0 ? -1 : n;
	row.cache_read = n % 11;
	row.output = 2 * n;
	row.cost = n % 13 == 0 ? -1 : 1000 + n;
	row.billed = n % 2 == 0;
	snprintf(row.provider, sizeof row.provider, "%s", n % 3 == 0 ? "kimi" : "deepseek");
	snprintf(row.served, sizeof row.served, "model-%d", n % 4);
	snprintf(row.client, sizeof row.client, "%s", n % 5 == 0 ? "alice" : "");
	return row;
}

/* Puts rows from number first on; returns how many were taken. */
static int
put_rows(struct ledger *ledger, int first, int n)
{
	int taken = 0;
	for (int i = first; i < first + n; i++) {
		struct ledger_row row = row_of(i);
		taken += ledger_put(ledger, &row);
	}
	return taken;
}

/* Rows through a ledger of their own; true if all of them were written. */
static bool
write_rows(const char *path, int first, int n)
{
	struct ledger *ledger = new_at(path, FOR_EVER);
	bool put = put_rows(ledger, first, n) == n;
	return ledger_close(ledger, PATIENCE) == 0 && put;
}

/* The writer's thread has no event for others, so its status is polled. */
static bool
await(struct ledger *ledger, enum ledger_state state, uint64_t written)
{
	struct ledger_status status;
	int64_t until_ms = clock_steady_ms() + PATIENCE;
	do {
		ledger_status(ledger, &status);
		if (status.state == state && status.written == written)
			return true;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	} while (clock_steady_ms() < until_ms);
	return false;
}

/* How many notices there are, all of which are taken; the last one is kept. */
static int
take_notices(struct ledger *ledger, struct ledger_notice *last)
{
	int n = 0;
	while (ledger_notice(ledger, last))
		n++;
	return n;
}

static sqlite3 *
open_sql(const char *path)
{
	sqlite3 *db;
	must(sqlite3_open(path, &db) == SQLITE_OK, "sqlite3_open");
	return db;
}

/* What a statement returns, as text; or the error. */
static const char *
sql(const char *path, const char *text)
{
	static char result[1024];
	sqlite3 *db = open_sql(path);
	sqlite3_stmt *statement = NULL;
	sqlite3_busy_timeout(db, 5000);
	int code = sqlite3_prepare_v2(db, text, -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	snprintf(result, sizeof result, "%s",
		 code == SQLITE_ROW    ? (const char *)sqlite3_column_text(statement, 0)
		 : code == SQLITE_DONE ? "(done)"
				       : sqlite3_errmsg(db));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return result;
}

static int
number(const char *path, const char *text)
{
	return (int)strtol(sql(path, text), NULL, 10);
}

static void
run_sql(const char *path, const char *text)
{
	sqlite3 *db = open_sql(path);
	must(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK, text);
	sqlite3_close(db);
}

/* Rows of the table day that are not the sums of the requests, and the other way round. */
static int
count_wrong_sums(const char *path)
{
#define KEPT                                                                                       \
	"SELECT day, provider, served, client, billed, requests, errors, input, cache_read,"       \
	" cache_5m, cache_1h, output, searches, cost, unknown FROM day"
#define SUMMED                                                                                     \
	"SELECT day, provider, ifnull(served, ''), ifnull(client, ''), billed, count(*),"          \
	" sum(error), sum(ifnull(input, 0)), sum(ifnull(cache_read, 0)), sum(ifnull(cache_5m, "    \
	"0)),"                                                                                     \
	" sum(ifnull(cache_1h, 0)), sum(ifnull(output, 0)), sum(ifnull(searches, 0)),"             \
	" sum(ifnull(cost, 0)), sum(cost IS NULL) FROM request GROUP BY 1, 2, 3, 4, 5"
	return number(path, "SELECT (SELECT count(*) FROM (" KEPT " EXCEPT " SUMMED ")) +"
			    " (SELECT count(*) FROM (" SUMMED " EXCEPT " KEPT "))");
}

static void
poke(const char *path, off_t at, const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	must(fd >= 0 && pwrite(fd, bytes, n, at) == (ssize_t)n, "poke");
	close(fd);
}

static uint64_t random_state;

static uint32_t
random_below(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(random_state >> 33) % n;
}

/* ---- What is written ------------------------------------------------------- */

static void
check_file(const char *path)
{
	struct stat there;
	TAP_INT("the file's mode", stat(path, &there) == 0 ? there.st_mode & 07777 : 0, 0640);
	TAP_INT("the application's id", number(path, "PRAGMA application_id"), 0x43526c67);
	TAP_INT("the schema's version", number(path, "PRAGMA user_version"), 1);
	TAP_STR("the journal", sql(path, "PRAGMA journal_mode"), "wal");
}

static void
check_row(void)
{
	const char *path = in_top("row");
	struct ledger_row row = {
	    .at_ms = NOON,
	    .id = "req_1",
	    .attempt = 2,
	    .client = "alice",
	    .session = UINT64_MAX,
	    .provider = "kimi",
	    .credential = "work",
	    .kind = LEDGER_TITLE,
	    .asked = "claude-opus-5-5",
	    .served = "kimi-k3",
	    .status = 200,
	    .ending = "cut",
	    .error = true,
	    .first_byte_ms = 3,
	    .ms = 4,
	    .input = 5,
	    .cache_read = 6,
	    .cache_5m = 7,
	    .cache_1h = 8,
	    .output = 9,
	    .searches = 10,
	    .speed = "fast",
	    .estimated = true,
	    .cost = 11,
	    .billed = true,
	    .price = "2026-11-27",
	};
	struct ledger_row empty = LEDGER_ROW_EMPTY;
	struct ledger_event event = {.at_ms = NOON, .kind = "paid", .provider = "kimi"};
	struct ledger *ledger = new_at(path, FOR_EVER);
	TAP_OK("nothing is made before the first row", access(path, F_OK) != 0);
	memset(empty.client, 'x', KEY_NAME_MAX - 2);
	empty.client[KEY_NAME_MAX - 2] = '\xc3';
	ledger_put(ledger, &row);
	ledger_put(ledger, &empty);
	ledger_put_event(ledger, &event);
	TAP_INT("all is written at the end", ledger_close(ledger, PATIENCE), 0);
	check_file(path);
	TAP_STR("a row",
		sql(path, "SELECT at || ' ' || day || ' ' || rid || ' ' || attempt || ' ' || client"
			  " || ' ' || session || ' ' || provider || ' ' || credential || ' ' ||"
			  " kind || ' ' || asked || ' ' || served || ' ' || status || ' ' || ending"
			  " || ' ' || error || ' ' || first_byte_ms || ' ' || ms || ' ' || input ||"
			  " ' ' || cache_read || ' ' || cache_5m || ' ' || cache_1h || ' ' ||"
			  " output || ' ' || searches || ' ' || speed || ' ' || estimated || ' ' ||"
			  " cost || ' ' || billed || ' ' || price FROM request WHERE id = 1"),
		"1795780800000 20261127 req_1 2 alice -1 kimi work 1 claude-opus-5-5 kimi-k3 200 "
		"cut 1 3 4 5 6 7 8 9 10 fast 1 11 1 2026-11-27");
	TAP_INT("what is not known is NULL",
		number(path, "SELECT (rid IS NULL) + (credential IS NULL) + (asked IS NULL) +"
			     " (served IS NULL) + (ending IS NULL) + (first_byte_ms IS NULL) +"
			     " (input IS NULL) + (cache_read IS NULL) + (cache_5m IS NULL) +"
			     " (cache_1h IS NULL) + (output IS NULL) + (searches IS NULL) +"
			     " (speed IS NULL) + (cost IS NULL) + (price IS NULL)"
			     " FROM request WHERE id = 2"),
		15);
	TAP_INT("half a character is left out",
		number(path, "SELECT length(client) FROM request WHERE id = 2"), KEY_NAME_MAX - 2);
	TAP_STR(
	    "an event",
	    sql(path, "SELECT at || ' ' || kind || ' ' || provider || ifnull(text, '') FROM event"),
	    "1795780800000 paid kimi");
}

static void
check_batches(void)
{
	const char *path = in_top("batches");
	struct ledger_status status;
	struct ledger *ledger = new_at(path, FOR_EVER);
	put_rows(ledger, 0, LEDGER_BATCH + 1);
	TAP_OK("a full batch is written at once", await(ledger, LEDGER_OPEN, LEDGER_BATCH));
	ledger_status(ledger, &status);
	TAP_INT("the next row waits for others", status.queued, 1);
	TAP_INT("it is written at the end", ledger_close(ledger, PATIENCE), 0);
	TAP_INT("it and all the others", number(path, "SELECT count(*) FROM request"),
		LEDGER_BATCH + 1);
	ledger = new_at(path, 1);
	put_rows(ledger, 100, 1);
	TAP_OK("a row waits for flush_ms", await(ledger, LEDGER_OPEN, 1));
	put_rows(ledger, 200, 700);
	ledger_close(ledger, PATIENCE);
	TAP_INT("day holds the sums", count_wrong_sums(path), 0);
	TAP_INT("of all rows", number(path, "SELECT sum(requests) FROM day"), LEDGER_BATCH + 702);
	TAP_INT("nothing is left beside the file", count_files("batches"), 1);
	TAP_INT("closing nothing", ledger_close(NULL, 0), 0);
}

static void
check_idle(void)
{
	char wal[128];
	const char *path = in_top("idle");
	snprintf(wal, sizeof wal, "%s-wal", path);
	struct ledger *ledger = ledger_new(
	    &(struct ledger_options){.path = path, .flush_ms = 1, .retry_ms = 1, .idle_ms = 1});
	put_rows(ledger, 0, 1);
	TAP_OK("an idle file is closed", await(ledger, LEDGER_CLOSED, 1));
	TAP_OK("without a WAL", access(wal, F_OK) != 0);
	put_rows(ledger, 1, 1);
	TAP_OK("and opened again", await(ledger, LEDGER_CLOSED, 2));
	ledger_close(ledger, PATIENCE);
}

/* Whether all threads but this one block a signal, by /proc. */
static bool
others_block(int signal_number)
{
	bool all = true;
	int n = 0;
	DIR *listing = opendir("/proc/self/task");
	must(listing != NULL, "opendir");
	for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
		char path[300], line[256];
		if (entry->d_name[0] == '.' || strtol(entry->d_name, NULL, 10) == getpid())
			continue;
		snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
		FILE *file = fopen(path, "re");
		while (file != NULL && fgets(line, sizeof line, file) != NULL)
			if (strncmp(line, "SigBlk:", 7) == 0 && ++n > 0)
				all &= strtoull(line + 7, NULL, 16) >> (signal_number - 1) & 1;
		if (file != NULL)
			fclose(file);
	}
	closedir(listing);
	return all && n > 0;
}

static void
check_signals(void)
{
	struct ledger *ledger = new_at(in_top("signals"), 1);
	put_rows(ledger, 0, 1);
	await(ledger, LEDGER_OPEN, 1); /* a thread that has just begun blocks all signals anyway */
	TAP_OK("the thread gets no SIGTERM", others_block(SIGTERM) && others_block(SIGCHLD));
	ledger_close(ledger, PATIENCE);
}

/* ---- Queue and faults ------------------------------------------------------ */

static int
leave_stuck(const char *path, int fd)
{
	(void)fd;
	sqlite3 *db = open_sql(path);
	must(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK, "lock");
	struct ledger *ledger = new_at(path, 1);
	put_rows(ledger, 0, 3);
	int64_t began_ms = clock_steady_ms();
	bool lost = ledger_close(ledger, 10) == 3;
	return lost && clock_steady_ms() - began_ms < 2000 ? 0 : 1;
}

static void
check_full_queue(void)
{
	const char *path = in_top("queue");
	struct ledger_status status;
	write_rows(path, 0, 1);
	sqlite3 *db = open_sql(path);
	must(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK, "lock");
	struct ledger *ledger = new_at(path, 1);
	TAP_INT("so many rows wait", put_rows(ledger, 1, LEDGER_QUEUE_MAX + 76), LEDGER_QUEUE_MAX);
	ledger_status(ledger, &status);
	TAP_INT("the others are dropped and counted", status.dropped, 76);
	TAP_INT("none is written meanwhile", status.written, 0);
	sqlite3_close(db);
	TAP_INT("what waited is written", ledger_close(ledger, PATIENCE), 0);
	TAP_INT("all of it", number(path, "SELECT count(*) FROM request"), 1 + LEDGER_QUEUE_MAX);
	TAP_INT("in order", number(path, "SELECT max(id - attempt) FROM request"), 1);
	TAP_INT("a process ends even if its disk is stuck", finish(start(leave_stuck, path, -1)),
		0);
}

/* As when the configuration names another file. */
static void
check_left_behind(void)
{
	const char *path = in_top("behind");
	struct ledger *ledger = new_at(path, FOR_EVER);
	put_rows(ledger, 0, 100);
	ledger_close(ledger, 0);
	for (int64_t until_ms = clock_steady_ms() + PATIENCE; clock_steady_ms() < until_ms;) {
		if (access(path, F_OK) == 0 && number(path, "SELECT count(*) FROM request") == 100)
			break;
		sched_yield();
	}
	TAP_INT("closing need not wait, and all is written",
		number(path, "SELECT count(*) FROM request"), 100);
}

/* A fault that begins, lasts and ends: what is said, and what is written. */
static void
check_fault(const char *name, const char *path, void (*spoil)(const char *),
	    void (*repair)(const char *), const char *why, int before)
{
	char row[128];
	struct ledger_status status;
	struct ledger_notice notice = {0, ""};
	struct ledger *ledger = new_at(path, 1);
	if (before > 0) {
		put_rows(ledger, 0, before);
		must(await(ledger, LEDGER_OPEN, (uint64_t)before), "await");
	}
	spoil(path);
	put_rows(ledger, before, 200);
	snprintf(row, sizeof row, "%s: it is reported", name);
	bool failed = await(ledger, LEDGER_FAILING, (uint64_t)before);
	ledger_status(ledger, &status);
	TAP_ROW(row, failed && strstr(status.why, why) != NULL, "expected \"%s\"\ngot \"%s\"", why,
		status.why);
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL); /* several tries */
	snprintf(row, sizeof row, "%s: it is logged once", name);
	TAP_ROW(row, take_notices(ledger, &notice) == 1, "expected 1 line, last \"%s\"",
		notice.text);
	repair(path);
	snprintf(row, sizeof row, "%s: writing goes on", name);
	TAP_ROW(row, await(ledger, LEDGER_OPEN, (uint64_t)(before + 200)), "it does not");
	snprintf(row, sizeof row, "%s: that is logged once", name);
	TAP_ROW(row, take_notices(ledger, &notice) == 1 && strstr(notice.text, "written again"),
		"expected 1 line, last \"%s\"", notice.text);
	ledger_close(ledger, PATIENCE);
	snprintf(row, sizeof row, "%s: nothing is lost or there twice", name);
	TAP_ROW(row,
		number(path, "SELECT count(*) FROM request") == before + 200 &&
		    number(path, "SELECT count(DISTINCT attempt) FROM request") == before + 200 &&
		    count_wrong_sums(path) == 0,
		"got %s rows", sql(path, "SELECT count(*) FROM request"));
}

static void
remove_directory(const char *path)
{
	char directory[128];
	snprintf(directory, sizeof directory, "%.*s", (int)(strrchr(path, '/') - path), path);
	remove_all(directory);
}

static void
make_directory(const char *path)
{
	char directory[128];
	snprintf(directory, sizeof directory, "%.*s", (int)(strrchr(path, '/') - path), path);
	must(mkdir(directory, 0755) == 0, "mkdir");
}

static void
limit_files(const char *path)
{
	struct rlimit limit;
	(void)path;
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 16384;
	must(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
}

static void
unlimit_files(const char *path)
{
	struct rlimit limit;
	(void)path;
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = limit.rlim_max;
	must(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
}

static void
change_mode(const char *path, mode_t file_mode, mode_t directory_mode)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	char name[140];
	for (size_t i = 0; i < TAP_COUNT(parts); i++) {
		snprintf(name, sizeof name, "%s%s", path, parts[i]);
		chmod(name, file_mode);
	}
	*strrchr(name, '/') = '\0';
	must(chmod(name, directory_mode) == 0, "chmod");
}

static void
forbid(const char *path)
{
	change_mode(path, 0440, 0555);
}

static void
allow(const char *path)
{
	change_mode(path, 0640, 0755);
}

/* Leaves no room on the file system. */
static void
fill_disk(const char *path)
{
	static const char zeros[4096];
	char name[140];
	snprintf(name, sizeof name, "%s-ballast", path);
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0, "ballast");
	while (write(fd, zeros, sizeof zeros) > 0)
		;
	close(fd);
}

static void
empty_disk(const char *path)
{
	char name[140];
	snprintf(name, sizeof name, "%s-ballast", path);
	unlink(name);
}

/* In a child, with rows of its own in the same output; its numbers go on from there. */
static void
check_in_child(const char *name, bool (*prepare)(const char *path), void (*check)(const char *path),
	       const char *path)
{
	unsigned counts[2] = {tap.run, tap.failed};
	int ends[2];
	must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	fflush(stdout);
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		if (!prepare(path))
			_exit(1);
		check(path);
		fflush(stdout);
		must(write(ends[1], (unsigned[]){tap.run, tap.failed}, sizeof counts) > 0, "write");
		_exit(0);
	}
	close(ends[1]);
	bool ended = read(ends[0], counts, sizeof counts) == sizeof counts;
	close(ends[0]);
	int status = finish(pid);
	tap.run = counts[0];
	tap.failed = counts[1];
	if (!ended && WIFEXITED(status) && WEXITSTATUS(status) == 1)
		tap_skip(name, "needs root");
	else
		TAP_ROW(name, ended, "the child ended with %d", status);
}

static bool
mount_small(const char *path)
{
	char directory[128];
	snprintf(directory, sizeof directory, "%.*s", (int)(strrchr(path, '/') - path), path);
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", directory, "tmpfs", 0, "size=1m") == 0;
}

static bool
become_nobody(const char *path)
{
	char directory[128];
	snprintf(directory, sizeof directory, "%.*s", (int)(strrchr(path, '/') - path), path);
	return chmod(top, 0755) == 0 && chown(directory, NOBODY, NOBODY) == 0 &&
	       setgid(NOBODY) == 0 && setuid(NOBODY) == 0;
}

static void
check_full_disk(const char *path)
{
	check_fault("a full disk", path, fill_disk, empty_disk, "full", 10);
}

static void
check_readonly(const char *path)
{
	check_fault("a read-only file", path, forbid, allow, "", 0);
}

static void
check_faults(void)
{
	signal(SIGXFSZ, SIG_IGN);
	make_directory(in_top("gone/usage.db"));
	check_fault("no directory", in_top("gone/usage.db"), remove_directory, make_directory,
		    "unable to open database file", 0);
	check_fault("a file at its limit", in_top("limit"), limit_files, unlimit_files, "disk I/O",
		    10);
	make_directory(in_top("small/usage.db"));
	check_in_child("on a small disk", mount_small, check_full_disk, in_top("small/usage.db"));
	make_directory(in_top("nobody/usage.db"));
	check_in_child("as nobody", become_nobody, check_readonly, in_top("nobody/usage.db"));
}

/* ---- Files of others ------------------------------------------------------- */

static void
damage_all(const char *path)
{
	char bytes[8192];
	memset(bytes, 'x', sizeof bytes);
	poke(path, 0, bytes, sizeof bytes);
}

static void
damage_pages(const char *path)
{
	char bytes[4096];
	struct stat there;
	memset(bytes, 'x', sizeof bytes);
	must(stat(path, &there) == 0, "stat");
	for (off_t at = sizeof bytes; at < there.st_size; at += (off_t)sizeof bytes)
		poke(path, at, bytes, sizeof bytes);
}

static void
check_damage(const char *name, void (*damage)(const char *))
{
	char row[128];
	const char *path = in_top("damaged");
	struct ledger_notice notice = {0, ""};
	write_rows(path, 0, 500);
	damage(path);
	struct ledger *ledger = new_at(path, 1);
	put_rows(ledger, 0, 3);
	snprintf(row, sizeof row, "%s: a new file is made", name);
	TAP_ROW(row,
		await(ledger, LEDGER_OPEN, 3) && number(path, "SELECT count(*) FROM request") == 3,
		"got %s rows", sql(path, "SELECT count(*) FROM request"));
	snprintf(row, sizeof row, "%s: it is logged", name);
	TAP_ROW(row, take_notices(ledger, &notice) == 1 && strstr(notice.text, ".bad-") != NULL,
		"got \"%s\"", notice.text);
	ledger_close(ledger, PATIENCE);
	snprintf(row, sizeof row, "%s: the old one is kept", name);
	TAP_ROW(row, count_files("damaged.bad-") > 0, "it is gone");
	remove_all(top);
	must(mkdir(top, 0700) == 0, "mkdir");
}

/* Two processes find the same damage, or none of the two that the other has seen. */
static void
check_damage_under_way(void)
{
	const char *path = in_top("damaged");
	struct ledger *ledgers[2] = {new_at(path, 1), new_at(path, 1)};
	for (int i = 0; i < 2; i++) {
		put_rows(ledgers[i], 0, 1);
		await(ledgers[i], LEDGER_OPEN, 1);
	}
	rename(path, in_top("damaged.bad-1"));
	unlink(in_top("damaged-wal"));
	for (int i = 0; i < 2; i++) {
		put_rows(ledgers[i], 1, 1);
		await(ledgers[i], LEDGER_OPEN, 2);
	}
	for (int i = 0; i < 2; i++)
		ledger_close(ledgers[i], PATIENCE);
	TAP_INT("a file moved away is made anew", number(path, "SELECT count(*) FROM request"), 2);
	TAP_STR("and sound", sql(path, "PRAGMA integrity_check"), "ok");
	for (int i = 0; i < 4; i++) {
		damage_all(path);
		write_rows(path, 0, 1);
	}
	TAP_INT("only some damaged files are kept", count_files("damaged.bad-"), 3);
}

static void
check_off(const char *name, const char *change, const char *why)
{
	char row[128];
	const char *path = in_top("other");
	struct ledger_status status;
	struct ledger_notice notice = {0, ""};
	write_rows(path, 0, 1);
	run_sql(path, change);
	struct ledger *ledger = new_at(path, 1);
	put_rows(ledger, 0, 2);
	snprintf(row, sizeof row, "%s: the ledger is off", name);
	bool is_off = await(ledger, LEDGER_OFF, 0);
	ledger_status(ledger, &status);
	TAP_ROW(row, is_off && strstr(status.why, why) != NULL, "expected \"%s\"\ngot \"%s\"", why,
		status.why);
	snprintf(row, sizeof row, "%s: nothing is queued", name);
	TAP_ROW(row, put_rows(ledger, 0, 1) == 0, "a row was taken");
	ledger_status(ledger, &status);
	snprintf(row, sizeof row, "%s: rows count as dropped", name);
	TAP_INT(row, status.dropped, 3);
	snprintf(row, sizeof row, "%s: it is logged once", name);
	TAP_INT(row, take_notices(ledger, &notice), 1);
	ledger_close(ledger, PATIENCE);
	snprintf(row, sizeof row, "%s: the file stays as it was", name);
	TAP_ROW(row, number(path, "SELECT count(*) FROM request") == 1 && count_files("other") == 1,
		"got %s rows in %d files", sql(path, "SELECT count(*) FROM request"),
		count_files("other"));
	unlink(path);
}

static void
check_schemas(void)
{
	check_off("a newer schema", "PRAGMA user_version = 2", "newer version of the program");
	check_off("another program's file", "PRAGMA application_id = 7", "another program's");
	const char *path = in_top("older");
	poke(path, 0, "", 0);
	write_rows(path, 0, 1);
	TAP_INT("an empty file is filled", number(path, "SELECT count(*) FROM request"), 1);
	run_sql(path, "PRAGMA user_version = 0");
	write_rows(path, 1, 1);
	TAP_INT("an older schema is upgraded", number(path, "PRAGMA user_version"), 1);
	TAP_INT("with its rows", number(path, "SELECT count(*) FROM request"), 2);
	run_sql(path, "DROP TABLE day");
	struct ledger *ledger = new_at(path, 1);
	put_rows(ledger, 2, 1);
	TAP_OK("a table that is gone is a fault", await(ledger, LEDGER_FAILING, 0));
	TAP_INT("of which nothing is half written", ledger_close(ledger, PATIENCE), 1);
	TAP_INT("really nothing", number(path, "SELECT count(*) FROM request"), 2);
}

/* Where the WAL's shared memory would be there is something that cannot be opened. */
static void
check_no_wal(void)
{
	const char *path = in_top("journal");
	must(symlink("/nowhere/at/all", in_top("journal-shm")) == 0, "symlink");
	TAP_OK("without shared memory rows are written", write_rows(path, 0, 100));
	TAP_OK("and again", write_rows(path, 100, 100));
	unlink(in_top("journal-shm"));
	TAP_STR("with a rollback journal", sql(path, "PRAGMA journal_mode"), "delete");
	TAP_INT("all of them", number(path, "SELECT count(*) FROM request"), 200);
}

/* ---- Several processes, and kills -------------------------------------------- */

static int
write_many(const char *path, int fd)
{
	char byte;
	struct ledger *ledger = new_at(path, 1);
	must(read(fd, &byte, 1) == 0, "read"); /* until all begin at once */
	for (int i = 0; i < 3000;) {
		struct ledger_row row = row_of(i);
		if (ledger_put(ledger, &row))
			i++;
		else
			sched_yield();
	}
	return ledger_close(ledger, PATIENCE) == 0 ? 0 : 1;
}

static int
write_one(const char *path, int fd)
{
	char byte;
	must(read(fd, &byte, 1) == 0, "read");
	return write_rows(path, 0, 1) ? 0 : 1;
}

/* Runs it in so many processes that begin at once; returns how many failed. */
static int
run_together(int (*run)(const char *, int), const char *path, int n)
{
	pid_t pids[8];
	int ends[2], failed = 0;
	must(pipe(ends) == 0, "pipe");
	for (int i = 0; i < n; i++) {
		fflush(stdout);
		pids[i] = fork();
		must(pids[i] >= 0, "fork");
		if (pids[i] == 0) {
			close(ends[1]);
			_exit(run(path, ends[0]));
		}
	}
	close(ends[0]);
	close(ends[1]);
	for (int i = 0; i < n; i++)
		failed += finish(pids[i]) != 0;
	return failed;
}

static void
check_two(void)
{
	const char *path = in_top("two");
	TAP_INT("two processes write all they have", run_together(write_many, path, 2), 0);
	TAP_INT("into one file", number(path, "SELECT count(*) FROM request"), 6000);
	TAP_INT("with its sums", count_wrong_sums(path), 0);
	TAP_STR("and no damage", sql(path, "PRAGMA integrity_check"), "ok");
}

static void
check_eight(void)
{
	const char *path = in_top("eight");
	int failed = 0, missing = 0, moved = 0;
	for (int i = 0; i < 10; i++) {
		failed += run_together(write_one, path, 8);
		missing += 8 - number(path, "SELECT count(*) FROM request");
		damage_all(path);
		failed += run_together(write_one, path, 8);
		missing += 8 - number(path, "SELECT count(*) FROM request");
		moved += count_files("eight.bad-");
		remove_all(top);
		must(mkdir(top, 0755) == 0, "mkdir");
	}
	TAP_INT("eight begin at once, and none waits in vain", failed, 0);
	TAP_INT("no row is lost", missing, 0);
	TAP_INT("a damaged file is moved once", moved, 10);
}

/* Writes full batches for ever, and a byte for each. */
static int
write_for_ever(const char *path, int fd)
{
	struct ledger *ledger = new_at(path, FOR_EVER);
	for (int i = 1; i < INT_MAX;) {
		struct ledger_row row = row_of(i);
		if (!ledger_put(ledger, &row))
			sched_yield();
		else if (i++ % LEDGER_BATCH == 0)
			must(write(fd, "x", 1) == 1, "write");
	}
	return 0;
}

static void
check_kills(void)
{
	const char *path = in_top("killed");
	int rounds = getenv("CHECK_ALL") != NULL ? 500 : 30, unsound = 0, parted = 0, wrong = 0;
	int rows = 0;
	for (int i = 0; i < rounds; i++) {
		int ends[2];
		char byte;
		must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
		pid_t pids[2] = {start(write_for_ever, path, ends[1]),
				 start(write_for_ever, path, ends[1])};
		for (uint32_t n = 1 + random_below(60); n > 0; n--)
			must(read(ends[0], &byte, 1) == 1, "read");
		for (int j = 0; j < 2; j++) {
			kill(pids[j], SIGKILL);
			finish(pids[j]);
		}
		close(ends[0]);
		close(ends[1]);
		if (access(path, F_OK) != 0 || number(path, "PRAGMA user_version") == 0)
			continue; /* killed before the first batch */
		unsound += strcmp(sql(path, "PRAGMA integrity_check"), "ok") != 0;
		parted +=
		    number(path, "SELECT count(*) FROM (SELECT 1 FROM request GROUP BY session"
				 " HAVING count(*) % 64 != 0 OR max(attempt) != count(*))");
		wrong += count_wrong_sums(path);
		rows += number(path, "SELECT count(*) FROM request");
		if (i % 5 == 4)
			unlink(path); /* checking takes longer the longer it is */
	}
	TAP_ROW("a killed writer leaves a sound file", unsound == 0 && rows > 1000,
		"expected 0 unsound of %d, with rows\ngot      %d, %d rows", rounds, unsound, rows);
	TAP_INT("with whole batches, none left out", parted, 0);
	TAP_INT("and their sums", wrong, 0);
	TAP_INT("and nothing set aside", count_files("killed.bad-"), 0);
}

/* ---- Keeping and reading --------------------------------------------------- */

static void
check_prune(void)
{
	const char *path = in_top("pruned");
	struct ledger_pruned pruned;
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	TAP_OK("nothing to prune", ledger_prune(path, DAY, PATIENCE, &pruned, &error));
	TAP_OK("makes no file", access(path, F_OK) != 0);
	struct ledger *ledger = new_at(path, 1);
	int64_t now_ms = clock_wall_ms();
	for (int i = 0; i < 1610;) {
		struct ledger_row row = row_of(i);
		struct ledger_event event = {.at_ms = i < 1600 ? now_ms - 91 * DAY : now_ms,
					     .kind = "left"};
		row.at_ms = event.at_ms;
		if (i % 5 != 0 ? ledger_put(ledger, &row) : ledger_put_event(ledger, &event))
			i++;
		else
			sched_yield();
	}
	ledger_close(ledger, PATIENCE);
	TAP_OK("no time to prune", ledger_prune(path, 90 * DAY, 0, &pruned, &error));
	TAP_OK("is reported", !pruned.finished && pruned.rows == 0);
	TAP_OK("pruning", ledger_prune(path, 90 * DAY, PATIENCE, &pruned, &error));
	TAP_OK("comes to an end", pruned.finished);
	TAP_INT("old rows are deleted", pruned.rows, 1280);
	TAP_INT("old events too", pruned.events, 320);
	TAP_INT("newer ones stay", number(path, "SELECT count(*) FROM request"), 8);
	TAP_INT("the sums stay", number(path, "SELECT sum(requests) FROM day"), 1288);
	run_sql(path, "PRAGMA user_version = 9");
	TAP_OK("a newer file is not pruned", !ledger_prune(path, 1, PATIENCE, &pruned, &error) &&
						 strstr(buf_text(&error), "newer version") != NULL);
	buf_free(&error);
}

static void
expect_report(const char *name, json_object *report, const char *wanted)
{
	TAP_STR(name,
		report == NULL ? "(error)"
			       : json_object_to_json_string_ext(report, JSON_C_TO_STRING_PLAIN),
		wanted);
	json_object_put(report);
}

static void
put_used(struct ledger *ledger, int64_t at_ms, const char *provider, const char *served,
	 const char *client, bool billed, int64_t cost)
{
	struct ledger_row row = LEDGER_ROW_EMPTY;
	row.at_ms = at_ms;
	row.billed = billed;
	row.cost = cost;
	row.input = 1;
	row.cache_read = 2;
	row.cache_5m = 3;
	row.cache_1h = 4;
	row.output = 5;
	snprintf(row.provider, sizeof row.provider, "%s", provider);
	snprintf(row.served, sizeof row.served, "%s", served);
	snprintf(row.client, sizeof row.client, "%s", client);
	ledger_put(ledger, &row);
}

#define SUMS_OF(n, five, spent, spent_unknown, worth, worth_unknown)                               \
	"\"requests\":" #n ",\"errors\":0,\"input\":" #n ",\"cache_read\":" five                   \
	",\"searches\":0,"                                                                         \
	"\"spent\":" #spent ",\"spent_unknown\":" #spent_unknown ",\"worth\":" #worth              \
	",\"worth_unknown\":" #worth_unknown "}"
#define ONE   "2,\"cache_5m\":3,\"cache_1h\":4,\"output\":5"
#define TWO   "4,\"cache_5m\":6,\"cache_1h\":8,\"output\":10"
#define THREE "6,\"cache_5m\":9,\"cache_1h\":12,\"output\":15"
#define FOUR  "8,\"cache_5m\":12,\"cache_1h\":16,\"output\":20"
#define TOTAL "],\"total\":{" SUMS_OF(4, FOUR, 100, 1, 900, 0) "}"

static struct prices *
prices_of(const char *text)
{
	const char *path = in_top("prices");
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	unlink(path);
	poke(path, 0, text, strlen(text));
	struct prices *prices = prices_load(path, "/nonexistent/prices", &error);
	must(prices != NULL, buf_text(&error));
	buf_free(&error);
	return prices;
}

/* As "rows changed unknown kept mixed, spent before>after, worth before>after". */
static void
expect_recost(const char *name, const char *path, int64_t since_ms, const char *prices_text,
	      const char *want)
{
	struct ledger_recosted d;
	struct buf error;
	char got[256];
	struct prices *prices = prices_of(prices_text);
	buf_init(&error, ERROR_TEXT_MAX);
	bool fine = ledger_recost(path, since_ms, prices, &d, &error);
	snprintf(got, sizeof got,
		 "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 ", %" PRId64 ">%" PRId64
		 ", %" PRId64 ">%" PRId64,
		 d.rows, d.changed, d.unknown, d.kept, d.mixed, d.spent.before, d.spent.after,
		 d.worth.before, d.worth.after);
	TAP_STR(name, fine ? got : buf_text(&error), want);
	TAP_INT(name, fine && access(path, F_OK) == 0 ? count_wrong_sums(path) : 0, 0);
	buf_free(&error);
	prices_free(prices);
}

/* A token costs 1000 nano-dollars at a dollar for a million. */
static void
check_recost(void)
{
	char path[512]; /* longer lived than in_top()'s */
	snprintf(path, sizeof path, "%s", in_top("recosted"));
	expect_recost("recost: no file", path, 0, "", "0 0 0 0 0, 0>0, 0>0");
	TAP_OK("recost: none is made", access(path, F_OK) != 0);
	struct ledger *ledger = new_at(path, FOR_EVER);
	put_used(ledger, NOON - DAY, "kimi", "a", "", true, 7000);
	put_used(ledger, NOON, "kimi", "a", "alice", true, 7000);
	put_used(ledger, NOON, "kimi", "new", "", true, -1);
	put_used(ledger, NOON, "claude_pro", "a", "", false, -1);
	put_used(ledger, NOON, "kimi", "gone", "", true, 50);
	put_used(ledger, NOON, "", "", "", false, 0);
	struct ledger_row mixed = row_of(1);
	mixed.is_mixed = true;
	snprintf(mixed.served, sizeof mixed.served, "a");
	ledger_put(ledger, &mixed);
	must(ledger_close(ledger, PATIENCE) == 0, "written");
	const char *a = "a in=0 read=0 w5m=1 w1h=2 out=4\n";
	expect_recost("recost: the rows since a time", path, NOON, a,
		      "5 2 1 1 1, 7050>31050, 1001>32001");
	TAP_STR("recost: the earlier one stays",
		sql(path, "SELECT cost FROM request WHERE at < 1795780800000"), "7000");
	TAP_INT("recost: its day, too", number(path, "SELECT cost FROM day ORDER BY day"), 7000);
	expect_recost("recost: once more changes nothing", path, NOON, a,
		      "5 0 1 1 1, 31050>31050, 32001>32001");
	expect_recost("recost: a line for what had none", path, NOON,
		      "checked 2026-11-28\nnew in=1 out=0\n",
		      "5 1 0 3 1, 31050>41050, 32001>32001");
	TAP_STR("recost: the price's date",
		sql(path, "SELECT price FROM request WHERE served = 'new'"), "2026-11-28");
	run_sql(path, "PRAGMA user_version = 9");
	struct ledger_recosted done;
	struct buf error;
	struct prices *prices = prices_of(a);
	buf_init(&error, ERROR_TEXT_MAX);
	TAP_OK("recost: a newer file is not changed",
	       !ledger_recost(path, 0, prices, &done, &error) &&
		   strstr(buf_text(&error), "newer version") != NULL);
	buf_free(&error);
	prices_free(prices);
}

/* More rows than one transaction has. */
static void
check_recost_many(void)
{
	char path[512];
	snprintf(path, sizeof path, "%s", in_top("recosted-many"));
	must(write_rows(path, 1, LEDGER_QUEUE_MAX - 1), "written");
	expect_recost("recost: several transactions", path, 0, "* in=0 out=1\n",
		      "1023 1023 0 0 0, 713352>523264000, 715371>524288000");
}

static void
check_usage(void)
{
	const char *path = in_top("used");
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	expect_report("a report of no file", ledger_usage(path, NOON, 1, LEDGER_BY_DAY, &error),
		      "{\"days\":1,\"since\":20261127,\"by\":\"day\",\"cut\":false,\"rows\":[],"
		      "\"total\":{\"requests\":0,\"errors\":0,\"input\":0,\"cache_read\":0,"
		      "\"cache_5m\":0,\"cache_1h\":0,\"output\":0,\"searches\":0,\"spent\":0,"
		      "\"spent_unknown\":0,\"worth\":0,\"worth_unknown\":0}}");
	struct ledger *ledger = new_at(path, FOR_EVER);
	put_used(ledger, NOON - 7 * DAY, "kimi", "kimi-k3", "", true, 5); /* too old */
	put_used(ledger, NOON - 6 * DAY, "kimi", "kimi-k3", "bob", true, 100);
	put_used(ledger, NOON, "kimi", "kimi-k4", "", true, -1);
	put_used(ledger, NOON, "claude_pro", "opus", "bob", false, 400);
	put_used(ledger, NOON, "claude_pro", "opus", "", false, 500);
	ledger_close(ledger, PATIENCE);
	steady_stands = true;
	expect_report("usage by model", ledger_usage(path, NOON, 7, LEDGER_BY_MODEL, &error),
		      "{\"days\":7,\"since\":20261121,\"by\":\"model\",\"cut\":false,\"rows\":["
		      "{\"model\":\"opus\"," SUMS_OF(2, TWO, 0, 0, 900,
						     0) ","
							"{\"model\":\"kimi-k3\"," SUMS_OF(
							    1, ONE, 100, 0, 0,
							    0) ","
							       "{\"model\":\"kimi-k4\"," SUMS_OF(
								   1, ONE, 0, 1, 0, 0) TOTAL);
	expect_report("usage by provider", ledger_usage(path, NOON, 7, LEDGER_BY_PROVIDER, &error),
		      "{\"days\":7,\"since\":20261121,\"by\":\"provider\",\"cut\":false,\"rows\":["
		      "{\"provider\":\"claude_pro\"," SUMS_OF(
			  2, TWO, 0, 0, 900, 0) ","
						"{\"provider\":\"kimi\"," SUMS_OF(2, TWO, 100, 1, 0,
										  0) TOTAL);
	expect_report("usage by client", ledger_usage(path, NOON, 7, LEDGER_BY_CLIENT, &error),
		      "{\"days\":7,\"since\":20261121,\"by\":\"client\",\"cut\":false,\"rows\":["
		      "{\"client\":\"\"," SUMS_OF(2, TWO, 0, 1, 500,
						  0) ","
						     "{\"client\":\"bob\"," SUMS_OF(2, TWO, 100, 0,
										    400, 0) TOTAL);
	expect_report("usage by day", ledger_usage(path, NOON, 7, LEDGER_BY_DAY, &error),
		      "{\"days\":7,\"since\":20261121,\"by\":\"day\",\"cut\":false,\"rows\":["
		      "{\"day\":20261121," SUMS_OF(
			  1, ONE, 100, 0, 0, 0) ","
						"{\"day\":20261127," SUMS_OF(3, THREE, 0, 1, 900, 0)
						    TOTAL);
	expect_report("usage by day and provider",
		      ledger_usage(path, NOON, 7, LEDGER_BY_DAY_AND_PROVIDER, &error),
		      "{\"days\":7,\"since\":20261121,\"by\":\"day,provider\",\"cut\":false,"
		      "\"rows\":[{\"day\":20261121,\"provider\":\"kimi\"," SUMS_OF(
			  1, ONE, 100, 0, 0,
			  0) ",{\"day\":20261127,\"provider\":\"claude_"
			     "pro\"," SUMS_OF(2, TWO, 0, 0, 900,
					      0) ",{"
						 "\"day\":20261127,\"provider\":"
						 "\"kimi\"," SUMS_OF(1, ONE, 0, 1, 0, 0) TOTAL);
	steady_stands = false;
	buf_free(&error);
}

static void
check_usage_bounds(void)
{
	const char *path = in_top("used");
	struct buf error;
	enum ledger_by by = LEDGER_BY_DAY;
	buf_init(&error, ERROR_TEXT_MAX);
	steady_stands = true;
	run_sql(path,
		"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
		" INSERT INTO day SELECT 20261127, 'x', i, '', 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0"
		" FROM n");
	json_object *report = ledger_usage(path, NOON, 1, LEDGER_BY_MODEL, &error);
	TAP_OK("a long report is cut",
	       json_object_array_length(json_object_object_get(report, "rows")) ==
		       LEDGER_REPORT_MAX &&
		   json_object_get_boolean(json_object_object_get(report, "cut")));
	json_object_put(report);
	steady_jump_ns = LEDGER_REPORT_MS * INT64_C(1000000);
	TAP_OK("a slow report is an error",
	       ledger_usage(path, NOON, 1, LEDGER_BY_MODEL, &error) == NULL &&
		   strstr(buf_text(&error), "Ask for less") != NULL);
	steady_jump_ns = 0;
	steady_stands = false;
	damage_pages(path);
	TAP_OK("a damaged file is an error",
	       ledger_usage(path, NOON, 7, LEDGER_BY_DAY, &error) == NULL &&
		   strstr(buf_text(&error), "malformed") != NULL);
	TAP_OK("model is a choice", ledger_by_read("model", &by) && by == LEDGER_BY_MODEL);
	TAP_OK("day,provider is one, too",
	       ledger_by_read("day,provider", &by) && by == LEDGER_BY_DAY_AND_PROVIDER);
	TAP_OK("week is none", !ledger_by_read("week", &by));
	buf_free(&error);
}

/* What was billed, as "provider/client: today, month". */
static void
write_spent(void *arg, const char *provider, const char *client, int64_t today, int64_t month)
{
	struct buf *text = arg;
	buf_append_cut(text, "%s/%s: %" PRId64 ", %" PRId64 "\n", provider, client, today, month);
}

static void
check_spent(void)
{
	const char *path = in_top("spent");
	struct buf error, text;
	buf_init(&error, ERROR_TEXT_MAX);
	buf_init(&text, 4096);
	TAP_OK("no file: nothing was spent",
	       ledger_spent(path, NOON, write_spent, &text, &error) && text.len == 0);
	struct ledger *ledger = new_at(path, FOR_EVER);
	put_used(ledger, NOON - 27 * DAY, "kimi", "kimi-k3", "bob", true, 7); /* last month */
	put_used(ledger, NOON - 6 * DAY, "kimi", "kimi-k3", "bob", true, 100);
	put_used(ledger, NOON, "kimi", "kimi-k3", "bob", true, 20);
	put_used(ledger, NOON, "kimi", "kimi-k4", "bob", true, 3);
	put_used(ledger, NOON, "kimi", "kimi-k4", "", true, 50);
	put_used(ledger, NOON, "kimi", "kimi-k4", "", true, -1);
	put_used(ledger, NOON, "claude_pro", "opus", "bob", false, 400);
	put_used(ledger, NOON + DAY, "kimi", "kimi-k4", "", true, 9); /* the clock was set back */
	ledger_close(ledger, PATIENCE);
	TAP_OK("it is read", ledger_spent(path, NOON, write_spent, &text, &error));
	TAP_STR("what was billed in the day and the month", buf_text(&text),
		"kimi/: 50, 50\nkimi/bob: 23, 123\n");
	damage_pages(path);
	TAP_OK("a damaged file is an error",
	       !ledger_spent(path, NOON, write_spent, &text, &error) &&
		   strstr(buf_text(&error), "malformed") != NULL);
	buf_free(&text);
	buf_free(&error);
}

static void
expect_events(const char *name, const char *path, int64_t after, int limit, const char *wanted)
{
	struct buf events, error;
	buf_init(&events, RESPONSE_JSON_MAX);
	buf_init(&error, ERROR_TEXT_MAX);
	bool are_read = ledger_events(path, after, limit, &events, &error);
	TAP_STR(name, are_read ? buf_text(&events) : buf_text(&error), wanted);
	buf_free(&events);
	buf_free(&error);
}

static void
check_events(void)
{
	const char *path = in_top("events");
	struct buf error, small;
	buf_init(&error, ERROR_TEXT_MAX);
	expect_events("events of no file", path, 0, 10, "{\"events\":[]}");
	struct ledger *ledger = new_at(path, FOR_EVER);
	for (int i = 1; i <= 3; i++) {
		struct ledger_event event = {.at_ms = NOON + i, .kind = "left"};
		snprintf(event.text, sizeof event.text, "%d", i);
		ledger_put_event(ledger, &event);
	}
	ledger_close(ledger, PATIENCE);
#define EVENT(i)                                                                                   \
	"{\"id\":" #i ",\"at\":\"2026-11-27T12:00:00.00" #i                                        \
	"Z\",\"kind\":\"left\",\"provider\":\"\",\"text\":\"" #i "\"}"
	expect_events("the newest events", path, 0, 2, "{\"events\":[" EVENT(2) "," EVENT(3) "]}");
	expect_events("events after one", path, 2, 2, "{\"events\":[" EVENT(3) "]}");
	expect_events("no events after the last one", path, 3, 2, "{\"events\":[]}");
	buf_init(&small, sizeof "{\"events\":[" EVENT(2) - 1);
	TAP_OK("events that do not fit are no error of the ledger",
	       !ledger_events(path, 0, 2, &small, &error) && error.len == 0);
	buf_free(&small);
	TAP_OK("a directory has none, and the error says so",
	       !ledger_events(top, 0, 2, &small, &error) && error.len > 0);
	buf_free(&small);
	buf_free(&error);
}

static void
check_places(void)
{
	char path[PATH_MAX], longer[PATH_MAX + 1];
	memset(longer, 'x', sizeof longer);
	longer[0] = '/';
	longer[PATH_MAX] = '\0';
	TAP_STR("beside the state file", ledger_path("auto", "/var/x/state", path),
		"/var/x/usage.db");
	TAP_STR("no ledger", ledger_path("off", "/var/x/state", path), NULL);
	TAP_STR("a file of its own", ledger_path("/u.db", "/var/x/state", path), "/u.db");
	TAP_STR("not the state file", ledger_path("auto", "/x/usage.db", path), NULL);
	TAP_STR("no place is so long", ledger_path(longer, "/var/x/state", path), NULL);
	TAP_INT("a day", ledger_day(NOON), 20261127);
	setenv("TZ", "Pacific/Kiritimati", 1);
	tzset();
	TAP_INT("a day elsewhere", ledger_day(NOON), 20261128);
	setenv("TZ", "UTC", 1);
	tzset();
}

int
main(int argc, char **argv)
{
	const char *seed = getenv("SEED");
	random_state = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)clock_wall_ms();
	printf("# SEED=%" PRIu64 "\n", random_state);
	setenv("TZ", "UTC", 1);
	tzset();
	snprintf(top, sizeof top, "%s/test_ledger_XXXXXX", "/tmp");
	must(mkdtemp(top) != NULL, "mkdtemp");
	tap_start("ledger", argc, argv);
	check_damage("no database", damage_all);
	check_damage("damaged pages", damage_pages);
	check_damage_under_way();
	check_row();
	check_batches();
	check_idle();
	check_signals();
	check_full_queue();
	check_left_behind();
	check_faults();
	check_schemas();
	check_no_wal();
	check_two();
	check_eight();
	check_kills();
	check_prune();
	check_recost();
	check_recost_many();
	check_spent();
	check_usage();
	check_usage_bounds();
	check_events();
	check_places();
	remove_all(top);
	return tap_finish();
}
