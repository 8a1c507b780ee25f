/* SPDX-License-Identifier: MIT */
/* state*.c: the file and whatever may happen to it, with real processes that
 * are killed for real. CHECK_ALL=1 kills more of them; SEED=N repeats a run. */
#include "../raw.h"
#include "base/caps.h"
#include "base/clock.h"
#include "base/log.h"
#include "scratch.h"
#include "state/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define T      INT64_C(1800000000000)
#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)
#define NOBODY 65534

/* The file's layout as a stranger would read it: a change here is a new STATE_VERSION. */
#define FILE_SIZE  245760
#define VERSION_AT 8
#define SIZE_AT    12
#define LAYOUT_AT  16
#define FIRST_LAYOUT                                                                               \
	UINT64_C(0x82905fb5e5834449) /* where a process told each second that it lives */
#define FROZEN_LAYOUT   UINT64_C(0xf71e07e0fc9769cc) /* of 0.2.0 and all that follow */
#define KEY_AT          24
#define CHECKSUM_AT     64
#define HEALTH_INDEX_AT 256
#define HEALTHS_AT      39888
#define HEALTH_SIZE     816 /* one record: a word, two copies of 400 bytes, a word */
#define GUARD_AT        (FILE_SIZE - 8)
#define WRITE_BYTE      0
#define QUEUE_MAX       128

static int64_t clock_ahead_s;  /* the wall clock, set by us */
static int64_t steady_ahead_s; /* and the steady one, for what takes long */

/* In the place of libc's. */
int
clock_gettime(clockid_t id, struct timespec *now)
{
	long result = syscall(RAW_CLOCK_GETTIME, id, now);
	if (id == CLOCK_REALTIME)
		now->tv_sec += clock_ahead_s;
	if (id == CLOCK_MONOTONIC)
		now->tv_sec += steady_ahead_s;
	return (int)result;
}

/* ---- Helpers --------------------------------------------------------------- */

static struct state *
open_at(const char *path)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	struct state *state = state_open(path, &error);
	if (state == NULL)
		fprintf(stderr, "test_state: %s\n", buf_text(&error));
	must(state != NULL, "state_open");
	buf_free(&error);
	return state;
}

/* The error text of an opening that must fail; "(opened)" if it does not. */
static const char *
open_error(const char *path, struct state *(*open_it)(const char *, struct buf *))
{
	static char text[ERROR_TEXT_MAX];
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	struct state *state = open_it(path, &error);
	snprintf(text, sizeof text, "%s", state == NULL ? buf_text(&error) : "(opened)");
	state_close(state);
	buf_free(&error);
	return text;
}

static bool
holds(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* How often the log holds a text. */
static int
count_logged(const char *part)
{
	int n = 0;
	char line[4096];
	FILE *log = fopen(in_top("log"), "re");
	must(log != NULL, "log");
	while (fgets(line, sizeof line, log) != NULL)
		n += strstr(line, part) != NULL;
	fclose(log);
	return n;
}

static void
forget_log(void)
{
	must(truncate(in_top("log"), 0) == 0, "truncate log");
}

/* How many entries of the directory begin so. */
static int
count_files(const char *directory, const char *prefix)
{
	int n = 0;
	DIR *listing = opendir(directory);
	must(listing != NULL, "opendir");
	for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
		n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(listing);
	return n;
}

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

static void
remove_like(const char *prefix)
{
	DIR *listing = opendir(top);
	must(listing != NULL, "opendir");
	for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			unlinkat(dirfd(listing), entry->d_name, 0);
	closedir(listing);
}

static void
poke(const char *path, off_t at, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	must(fd >= 0 && pwrite(fd, bytes, n, at) == (ssize_t)n, "poke");
	close(fd);
}

static void
peek(const char *path, off_t at, void *bytes, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && pread(fd, bytes, n, at) == (ssize_t)n, "peek");
	close(fd);
}

static ino_t
inode_of(const char *path)
{
	struct stat there;
	return stat(path, &there) == 0 ? there.st_ino : 0;
}

/* Runs in a child; it must end by _exit() or be killed. */
static pid_t
start(void (*run)(const char *, int), const char *path, int fd)
{
	fflush(stdout);
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		run(path, fd);
		_exit(0);
	}
	return pid;
}

static int
finish(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		must(errno == EINTR, "waitpid");
	return status;
}

static void
kill_hard(pid_t pid)
{
	kill(pid, SIGKILL);
	finish(pid);
}

/* Runs in a child as nobody, which gives back up to ERROR_TEXT_MAX of text. */
static const char *
as_nobody(const char *path, const char *(*run)(const char *))
{
	static char text[ERROR_TEXT_MAX];
	int ends[2];
	must(pipe(ends) == 0, "pipe");
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgid(NOBODY) == 0 && setuid(NOBODY) == 0)
			dprintf(ends[1], "%s", run(path));
		_exit(0);
	}
	close(ends[1]);
	ssize_t n = read(ends[0], text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	close(ends[0]);
	finish(pid);
	return text;
}

static uint64_t random_state;

static uint32_t
random_below(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(random_state >> 33) % n;
}

static struct health_key
key_of(uint64_t n)
{
	return (struct health_key){.provider = 1 + n % 4, .account = n / 4, .family = 7};
}

static void
rest_until(struct state *state, uint64_t n, int64_t now_ms, int64_t until_ms)
{
	struct health_key key = key_of(n);
	struct health_change change = {.event = HEALTH_EVENT_PAUSED,
				       .pause = PAUSE_NAMED,
				       .now_ms = now_ms,
				       .began_ms = now_ms,
				       .until_ms = until_ms};
	snprintf(change.why, sizeof change.why, "rest %d", (int)n);
	state_health_change(state, &key, "claude_pro", &change);
}

static int64_t
until_of(const struct state *state, uint64_t n)
{
	struct health_key key = key_of(n);
	struct health health;
	state_health(state, &key, &health);
	return health.until_ms;
}

static void
put_session(struct state *state, uint64_t key, uint64_t provider, int64_t used_ms)
{
	state_session_put(state,
			  &(struct session){.key = key, .provider = provider, .used_ms = used_ms});
}

/* ---- Making and keeping ---------------------------------------------------- */

static void
check_persistence(void)
{
	const char *path = in_top("kept");
	struct state *state = open_at(path);
	struct stat there;
	struct summary summary;
	uint8_t key[DIGEST_KEY_SIZE];
	static const uint8_t zeros[DIGEST_KEY_SIZE];

	TAP_INT("a new file has its size", stat(path, &there) == 0 ? there.st_size : -1, FILE_SIZE);
	TAP_OK("its space is allocated", there.st_blocks * 512 >= FILE_SIZE);
	memcpy(key, state_key(state), sizeof key);
	TAP_OK("it has a key", memcmp(key, zeros, sizeof key) != 0);
	TAP_INT("nothing is known of anybody", until_of(state, 1), 0);
	state_summary(state, &summary);
	TAP_OK("nobody has served", summary.current[0] == '\0' && summary.manual[0] == '\0');

	rest_until(state, 1, T, T + HOUR);
	put_session(state, 5, 6, T);
	state_model_put(state, 8, 2, T);
	state_switch(state, "kimi");
	state_served(state, "deepseek");
	state_failover(state, T + 1);
	state_checked(state, T + 2, false);
	state_count(state, 3, COUNT_ATTEMPTS);
	state_close(state);

	state = open_at(path);
	struct health_key health_key = key_of(1);
	struct health health;
	struct session session;
	TAP_OK("a record is there again", state_health(state, &health_key, &health));
	TAP_INT("with its time", health.until_ms, T + HOUR);
	TAP_STR("its name", health.provider_name, "claude_pro");
	TAP_STR("its reason", health.why, "rest 1");
	TAP_OK("a session too", state_session(state, 5, &session) && session.provider == 6);
	TAP_INT("a model's name too", state_model(state, 8, T), 2);
	state_summary(state, &summary);
	TAP_STR("who was chosen", summary.manual, "kimi");
	TAP_STR("who served", summary.current, "deepseek");
	TAP_INT("the failovers", summary.failover_count, 1);
	TAP_INT("the last failover", summary.last_failover_ms, T + 1);
	TAP_INT("the last check", summary.last_check_ms, T + 2);
	TAP_INT("the failed checks", summary.check_failures, 1);
	TAP_INT("a counter", state_counted(state, 3, COUNT_ATTEMPTS), 1);
	TAP_OK("the key", memcmp(key, state_key(state), sizeof key) == 0);
	state_close(state);
	state_close(NULL);
}

static void
check_modes(void)
{
	static const mode_t masks[] = {0, 022, 077, 0777};
	for (size_t i = 0; i < TAP_COUNT(masks); i++) {
		char name[64];
		struct stat there;
		const char *path = in_top("mode");
		mode_t before = umask(masks[i]);
		state_close(open_at(path));
		umask(before);
		snprintf(name, sizeof name, "mode 0640 with umask %03o", (unsigned)masks[i]);
		TAP_INT(name, stat(path, &there) == 0 ? there.st_mode & 07777 : 0, 0640);
		unlink(path);
	}
	if (geteuid() != 0) {
		tap_skip("root makes it for the directory's owner", "not root");
		return;
	}
	struct stat there;
	mkdir(in_top("theirs"), 0755);
	must(chown(in_top("theirs"), NOBODY, NOBODY) == 0, "chown");
	state_close(open_at(in_top("theirs/state")));
	must(stat(in_top("theirs/state"), &there) == 0, "stat");
	TAP_INT("root makes it for the directory's owner", there.st_uid, NOBODY);
}

/* ---- What may be found at the path ----------------------------------------- */

static void
seal(const char *path)
{
	uint8_t header[CHECKSUM_AT];
	uint64_t hash = UINT64_C(14695981039346656037);
	peek(path, 0, header, sizeof header);
	for (size_t i = 0; i < sizeof header; i++)
		hash = (hash ^ header[i]) * UINT64_C(1099511628211);
	poke(path, CHECKSUM_AT, &hash, sizeof hash);
}

static void
poke_word(const char *path, off_t at, uint32_t value, bool is_sealed)
{
	poke(path, at, &value, sizeof value);
	if (is_sealed)
		seal(path);
}

static void
do_nothing(const char *path)
{
	(void)path;
}
static void
do_magic(const char *path)
{
	poke(path, 0, "X", 1);
}
static void
do_version(const char *path)
{
	poke_word(path, VERSION_AT, 99, false);
}
static void
do_newer(const char *path)
{
	poke_word(path, VERSION_AT, STATE_VERSION + 1, true);
}
static void
do_newer_longer(const char *path)
{
	poke_word(path, SIZE_AT, FILE_SIZE * 2, true);
	poke_word(path, VERSION_AT, STATE_VERSION + 1, true);
	must(truncate(path, FILE_SIZE * 2) == 0, "truncate");
}
static void
do_version_0(const char *path)
{
	poke_word(path, VERSION_AT, 0, true);
}
static void
do_size(const char *path)
{
	poke_word(path, SIZE_AT, FILE_SIZE - 8, true);
}
static void
do_layout(const char *path)
{
	poke_word(path, LAYOUT_AT, 1, true);
}
static void
do_frozen_layout(const char *path)
{
	uint64_t layout = FROZEN_LAYOUT;
	poke(path, LAYOUT_AT, &layout, sizeof layout);
	seal(path);
}
static void
do_first_layout(const char *path)
{
	uint64_t layout = FIRST_LAYOUT;
	poke(path, LAYOUT_AT, &layout, sizeof layout);
	seal(path);
}
static void
do_key(const char *path)
{
	poke_word(path, KEY_AT, 1, false);
}
static void
do_checksum(const char *path)
{
	poke_word(path, CHECKSUM_AT, 1, false);
}
static void
do_guard(const char *path)
{
	poke(path, GUARD_AT, "\0\0\0\0\0\0\0", 8);
}
static void
do_hole(const char *path)
{
	static const char zeros[4096];
	poke(path, 9 * 4096, zeros, sizeof zeros);
}
static void
do_regrown(const char *path)
{
	must(truncate(path, 4096) == 0 && truncate(path, FILE_SIZE) == 0, "truncate");
}
static void
do_cut_byte(const char *path)
{
	must(truncate(path, FILE_SIZE - 1) == 0, "truncate");
}
static void
do_cut_page(const char *path)
{
	must(truncate(path, 4096) == 0, "truncate");
}
static void
do_cut_header(const char *path)
{
	must(truncate(path, 10) == 0, "truncate");
}
static void
do_grown(const char *path)
{
	poke(path, FILE_SIZE, "x", 1);
}
static void
do_empty(const char *path)
{
	must(truncate(path, 0) == 0, "truncate");
}
static void
do_zeros(const char *path)
{
	must(truncate(path, 0) == 0 && truncate(path, FILE_SIZE) == 0, "truncate");
}
static void
do_text(const char *path)
{
	must(truncate(path, 0) == 0, "truncate");
	poke(path, 0, "state_file = \"/etc/passwd\"\n", 27);
}
static void
do_noise(const char *path)
{
	uint8_t bytes[FILE_SIZE];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)random_below(256);
	poke(path, 0, bytes, sizeof bytes);
}
static void
do_directory(const char *path)
{
	must(unlink(path) == 0 && mkdir(path, 0755) == 0, "mkdir");
}
static void
do_symlink(const char *path)
{
	must(rename(path, in_top("target")) == 0 && symlink("target", path) == 0, "symlink");
}
static void
do_fifo(const char *path)
{
	must(unlink(path) == 0 && mkfifo(path, 0640) == 0, "mkfifo");
}

enum found { KEPT, ANEW, ASIDE, REFUSED };
static const char *const found_names[] = {"kept", "made anew", "set aside and made anew",
					  "refused"};

static const struct found_row {
	int line;
	const char *name;
	void (*damage)(const char *path);
	enum found found;
	const char *words; /* in the log, or in the error */
} found_rows[] = {
    {__LINE__, "a sound file", do_nothing, KEPT, ""},
    {__LINE__, "an empty file", do_empty, ANEW, ""},
    {__LINE__, "another magic", do_magic, ASIDE, "not a state file"},
    {__LINE__, "a damaged version", do_version, ASIDE, "damaged in its header"},
    {__LINE__, "a version before the first", do_version_0, ASIDE, "of another layout"},
    {__LINE__, "another size told", do_size, ASIDE, "of another layout"},
    {__LINE__, "another layout", do_layout, ASIDE, "of another layout"},
    {__LINE__, "the layout of 0.2.0", do_frozen_layout, KEPT, ""},
    {__LINE__, "the first layout", do_first_layout, ASIDE, "of another layout"},
    {__LINE__, "a damaged key", do_key, ASIDE, "damaged in its header"},
    {__LINE__, "a damaged checksum", do_checksum, ASIDE, "damaged in its header"},
    {__LINE__, "a blank end", do_guard, ASIDE, "partly blank"},
    {__LINE__, "a blank page", do_hole, ASIDE, "partly blank"},
    {__LINE__, "cut and grown again", do_regrown, ASIDE, "partly blank"},
    {__LINE__, "a byte too short", do_cut_byte, ASIDE, "cut short"},
    {__LINE__, "one page left", do_cut_page, ASIDE, "cut short"},
    {__LINE__, "ten bytes left", do_cut_header, ASIDE, "cut short"},
    {__LINE__, "a byte too long", do_grown, ASIDE, "too long"},
    {__LINE__, "only zeros", do_zeros, ASIDE, "not a state file"},
    {__LINE__, "somebody's text", do_text, ASIDE, "cut short"},
    {__LINE__, "noise", do_noise, ASIDE, "not a state file"},
    {__LINE__, "a newer version", do_newer, REFUSED, "Use the newer program"},
    {__LINE__, "a newer version of another size", do_newer_longer, REFUSED, "newer version"},
    {__LINE__, "a directory", do_directory, REFUSED, "not a regular file"},
    {__LINE__, "a symbolic link", do_symlink, REFUSED, "symbolic link"},
    {__LINE__, "a FIFO", do_fifo, REFUSED, "not a regular file"},
};

/* Opens what was found; what came of it, and what was said. */
static enum found
what_came(const char *path, char words[static ERROR_TEXT_MAX])
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	struct state *state = state_open(path, &error);
	snprintf(words, ERROR_TEXT_MAX, "%s", buf_text(&error));
	buf_free(&error);
	if (state == NULL)
		return REFUSED;
	bool is_kept = until_of(state, 1) == T + HOUR;
	state_close(state);
	int n_bad = count_files(top, "found.bad-");
	return n_bad == 1 ? ASIDE : is_kept ? KEPT : ANEW;
}

static void
check_found(const struct found_row *row)
{
	char words[ERROR_TEXT_MAX];
	const char *path = in_top("found");
	struct state *state = open_at(path);
	rest_until(state, 1, T, T + HOUR);
	state_close(state);
	row->damage(path);
	ino_t before = inode_of(path);
	forget_log();
	enum found found = what_came(path, words);
	bool is_said = row->found == REFUSED ? holds(words, row->words)
		       : row->found == ASIDE
			   ? count_logged(row->words) == 1 && count_logged("found.bad-") == 1
			   : count_logged("found") == 0;
	bool is_left = row->found == ASIDE || inode_of(in_top("found")) == before;
	TAP_ROW_AT(row->line, row->name, found == row->found && is_said && is_left,
		   "expected %s, \"%s\", left alone unless set aside\ngot %s, error \"%s\", %s, "
		   "said %d",
		   found_names[row->found], row->words, found_names[found], words,
		   is_left ? "left alone" : "changed", is_said);
	rmdir(in_top("found"));
	remove_like("found");
	unlink(in_top("target"));
}

static void
check_aside(void)
{
	static const char *const names[] = {"aside.bad-1", "aside.bad-2", "aside.bad-9999999999",
					    "aside.bad-", "aside.bad-3x"};
	for (size_t i = 0; i < TAP_COUNT(names); i++)
		poke(in_top(names[i]), 0, "x", 1);
	poke(in_top("aside"), 0, "x", 1);
	state_close(open_at(in_top("aside")));
	TAP_OK("the newest set aside are kept",
	       inode_of(in_top("aside.bad-2")) != 0 && inode_of(in_top(names[2])) != 0);
	TAP_OK("the oldest is not", inode_of(in_top("aside.bad-1")) == 0);
	for (int i = 0; i < 5; i++) {
		do_magic(in_top("aside"));
		state_close(open_at(in_top("aside")));
	}
	TAP_INT("three are kept, and what is none of ours", count_files(top, "aside.bad-"), 3 + 2);
	remove_like("aside");
}

static const char *
try_open(const char *path)
{
	return open_error(path, state_open);
}

static const char *
try_readonly(const char *path)
{
	return open_error(path, state_open_readonly);
}

static void
check_refusals(void)
{
	TAP_OK("a missing directory is told with mkdir",
	       holds(try_open(in_top("none/state")), "Type: mkdir -p"));
	poke(in_top("plain"), 0, "x", 1);
	TAP_OK("a file as directory is told",
	       holds(try_open(in_top("plain/state")), "there is no directory"));
	TAP_OK("a read-only opening makes nothing",
	       holds(try_readonly(in_top("nothing")), "it does not exist yet") &&
		   count_files(top, "nothing") == 0);
	poke(in_top("damaged"), 0, "x", 1);
	TAP_OK("a read-only opening moves nothing",
	       holds(try_readonly(in_top("damaged")), "cut short") &&
		   count_files(top, "damaged") == 1);
	struct state *state = open_at(in_top("plain2"));
	state_close(state);
	if (geteuid() != 0) {
		tap_skip("refusals for others", "not root");
		return;
	}
	must(chmod(top, 0755) == 0, "chmod");
	TAP_OK("a file of somebody else is told with chown",
	       holds(as_nobody(in_top("plain2"), try_open), "type: chown 65534 "));
	TAP_OK("and with chmod", holds(as_nobody(in_top("plain2"), try_open), "&& chmod 640 "));
	TAP_OK("a directory of somebody else is told with chown",
	       holds(as_nobody(in_top("new"), try_open), "may not write in"));
	TAP_OK("looking at what one may not read is refused",
	       holds(as_nobody(in_top("plain2"), try_readonly), "Run this as root"));
	must(chmod(in_top("plain2"), 0644) == 0, "chmod");
	TAP_STR("looking at what one may read works", as_nobody(in_top("plain2"), try_readonly),
		"(opened)");
}

static void
check_readonly(void)
{
	uint8_t before[FILE_SIZE], after[FILE_SIZE];
	const char *path = in_top("looked");
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	struct state *writer = open_at(path);
	struct state *looker = state_open_readonly(path, &error);
	must(looker != NULL, "state_open_readonly");
	rest_until(writer, 1, T, T + HOUR);
	TAP_INT("who looks sees what others write", until_of(looker, 1), T + HOUR);
	peek(path, 0, before, sizeof before);
	rest_until(looker, 2, T, T + HOUR);
	put_session(looker, 1, 1, T);
	state_count(looker, 1, COUNT_REQUESTS);
	state_tick(looker, &(struct process){.pid = 1});
	TAP_OK("who looks cannot ask for a reload", !state_reload_request(looker));
	TAP_OK("who looks cannot switch", !state_switch(looker, "kimi"));
	TAP_OK("who looks cannot check", !state_check_lock(looker));
	peek(path, 0, after, sizeof after);
	TAP_OK("who looks changes no byte", memcmp(before, after, sizeof before) == 0);
	unlink(path);
	state_tick(looker, NULL);
	TAP_INT("who looks still sees a deleted file", until_of(looker, 1), T + HOUR);
	state_tick(writer, NULL);
	rest_until(writer, 2, T, T + 2 * HOUR);
	state_tick(looker, NULL);
	TAP_INT("and then the one made anew", until_of(looker, 2), T + 2 * HOUR);
	must(truncate(path, 0) == 0, "truncate");
	TAP_INT("who looks survives a cut", until_of(looker, 1), T + HOUR);
	state_close(looker);
	state_close(writer);
	buf_free(&error);
}

/* ---- Full disks ------------------------------------------------------------ */

static bool
limit_files(rlim_t bytes)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
	return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

static void
check_full(void)
{
	struct rlimit before;
	const char *path = in_top("full");
	getrlimit(RLIMIT_FSIZE, &before);
	must(limit_files(65536), "setrlimit");
	const char *error = try_open(path);
	TAP_OK("no room is told with its size", holds(error, "no room for its 240 KB"));
	TAP_OK("and its path", holds(error, path));
	must(setrlimit(RLIMIT_FSIZE, &before) == 0, "setrlimit");
	struct state *state = open_at(path);
	rest_until(state, 1, T, T + HOUR);
	must(limit_files(65536), "setrlimit");
	forget_log();
	unlink(path);
	for (int i = 0; i < 3; i++)
		state_tick(state, NULL);
	rest_until(state, 2, T, T + 2 * HOUR);
	TAP_INT("a full disk under way is no loss", until_of(state, 1), T + HOUR);
	TAP_INT("changes go on", until_of(state, 2), T + 2 * HOUR);
	must(setrlimit(RLIMIT_FSIZE, &before) == 0, "setrlimit");
	TAP_INT("it is told once", count_logged("Continuing in memory"), 1);
	state_tick(state, NULL);
	state_close(state);
	state = open_at(path);
	TAP_INT("with room again the file has it all", until_of(state, 1) + until_of(state, 2),
		2 * T + 3 * HOUR);
	state_close(state);
}

/* A file system of 64 KB, in a child with mounts of its own: gone with it. */
static void
open_on_tmpfs(const char *path, int fd)
{
	char file[256];
	snprintf(file, sizeof file, "%s/state", path);
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", path, "tmpfs", 0, "size=64k") != 0)
		dprintf(fd, "cannot mount");
	else
		dprintf(fd, "%s", try_open(file));
}

static void
check_full_disk(void)
{
	char text[ERROR_TEXT_MAX];
	int ends[2];
	must(pipe(ends) == 0, "pipe");
	mkdir(in_top("small"), 0755);
	pid_t pid = start(open_on_tmpfs, in_top("small"), ends[1]);
	close(ends[1]);
	ssize_t n = read(ends[0], text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	close(ends[0]);
	finish(pid);
	if (strcmp(text, "cannot mount") == 0)
		tap_skip("a full disk is told at start", "cannot mount");
	else
		TAP_OK("a full disk is told at start", holds(text, "No space left on device"));
}

/* ---- Eight at once --------------------------------------------------------- */

#define STARTERS 8

/* Waits for the start (the end of the pipe), opens, and tells the key. */
static void
tell_key(const char *path, int fd)
{
	char byte;
	while (read(fd, &byte, 1) > 0)
		;
	struct state *state = open_at(path);
	char name[64];
	snprintf(name, sizeof name, "key-%d", (int)getpid());
	poke(in_top(name), 0, state_key(state), DIGEST_KEY_SIZE);
	state_close(state);
}

/* True if all starters and we have the same key. */
static bool
start_together(const char *path)
{
	pid_t pids[STARTERS];
	int ends[2];
	bool is_same = true;
	must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	fflush(stdout);
	for (size_t i = 0; i < STARTERS; i++) {
		pids[i] = fork();
		must(pids[i] >= 0, "fork");
		if (pids[i] == 0) {
			close(ends[1]);
			tell_key(path, ends[0]);
			_exit(0);
		}
	}
	close(ends[0]);
	close(ends[1]);
	for (size_t i = 0; i < STARTERS; i++)
		is_same = finish(pids[i]) == 0 && is_same;
	struct state *state = open_at(path);
	for (size_t i = 0; i < STARTERS && is_same; i++) {
		char name[64];
		uint8_t key[DIGEST_KEY_SIZE];
		snprintf(name, sizeof name, "key-%d", (int)pids[i]);
		peek(in_top(name), 0, key, sizeof key);
		is_same = memcmp(key, state_key(state), sizeof key) == 0;
	}
	state_close(state);
	remove_like("key-");
	return is_same;
}

static void
check_together(const char *name, void (*damage)(const char *path), int n_bad)
{
	int failed = 0, rounds = 15;
	for (int i = 0; i < rounds; i++) {
		const char *path = in_top("start");
		state_close(open_at(path));
		damage(path);
		failed += !start_together(path) || count_files(top, "start.bad-") != n_bad;
		remove_like("start");
	}
	TAP_ROW(name, failed == 0,
		"expected one key and %d files set aside\ngot another in %d of %d rounds", n_bad,
		failed, rounds);
}

static void
do_unlink(const char *path)
{
	unlink(path);
}

/* ---- Kills ----------------------------------------------------------------- */

#define STEADY  6   /* keys that stay in the table */
#define PASSING 400 /* keys that push each other out */

/* Writes records whose every part tells one number, for ever; but the times,
 * which are later, and equal, when the change had to wait in the queue. */
static void
write_for_ever(const char *path, int fd)
{
	struct state *state = open_at(path);
	must(write(fd, "x", 1) == 1, "write");
	for (uint32_t n = (uint32_t)getpid() * 100000;; n++) {
		uint32_t steady = n % 4 ? 0 : n % STEADY;
		struct health_key key = key_of(n % 8 ? steady : STEADY + n / 8 % PASSING);
		struct health_change change = {
		    .event = HEALTH_EVENT_FAILED, .now_ms = n, .began_ms = n, .throttled = 1};
		for (size_t i = 0; i < HEALTH_WINDOWS; i++) {
			change.windows[i] = (struct health_window){.reset_ms = n, .permille = n};
			change.windows[i].name[0] = (char)('a' + i);
		}
		memset(change.why, 'a' + (int)(n % 26), sizeof change.why - 1);
		state_health_change(state, &key, "claude_pro", &change);
		state_session_put(
		    state, &(struct session){1 + n % STEADY, n, n, (uint32_t)n, ~(uint32_t)n});
	}
}

/* Cheap, so that as many reads as may be meet a write. */
static bool
is_torn(const struct health *health)
{
	uint32_t n = health->windows[0].permille;
	char letter = (char)('a' + n % 26);
	bool is_one = health->error_ms >= n && health->used_ms == health->error_ms &&
		      health->throttled_ms == health->error_ms && health->error[0] == letter &&
		      health->error[31] == letter && health->error[62] == letter;
	for (size_t i = 0; i < HEALTH_WINDOWS; i++)
		is_one =
		    is_one && health->windows[i].permille == n && health->windows[i].reset_ms == n;
	return !is_one;
}

struct reads {
	long reads, found, torn, foreign;
};

static void
read_once(const struct state *state, uint32_t n, struct reads *reads)
{
	struct health health;
	struct session session;
	struct health_key key = key_of(n % (STEADY + PASSING));
	reads->reads++;
	if (state_health(state, &key, &health)) {
		reads->found++;
		reads->torn += is_torn(&health);
		reads->foreign += memcmp(&key, &health.key, sizeof key) != 0;
	}
	if (state_session(state, 1 + n % STEADY, &session))
		reads->torn += (uint32_t)session.provider != session.mended ||
			       (uint64_t)session.used_ms != session.provider ||
			       session.credential != ~session.mended;
}

static pid_t
start_writer(const char *path, const int ends[2])
{
	char byte;
	pid_t pid = start(write_for_ever, path, ends[1]);
	must(read(ends[0], &byte, 1) == 1, "read");
	return pid;
}

/* No two records with one key, and none with a key of its own invention. */
static bool
are_unique(const struct state *state)
{
	static struct health healths[STATE_HEALTHS];
	size_t n = state_healths(state, 0, healths, STATE_HEALTHS);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (memcmp(&healths[i].key, &healths[j].key, sizeof healths[i].key) == 0)
				return false;
	return n <= STATE_HEALTHS;
}

static void
check_kills(void)
{
	const char *path = in_top("killed");
	struct state *state = open_at(path);
	struct reads reads = {0};
	int ends[2], kills = getenv("CHECK_ALL") != NULL ? 5000 : 300;
	int64_t until_ms = clock_steady_ms() + (getenv("CHECK_ALL") != NULL ? 120000 : 5000);
	must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	pid_t writers[2] = {start_writer(path, ends), start_writer(path, ends)};
	int killed = 0, twice = 0;
	for (; killed < kills && clock_steady_ms() < until_ms; killed++) {
		for (uint32_t i = 50 + random_below(4000); i > 0; i--)
			read_once(state, random_below(4) ? 0 : i, &reads);
		kill_hard(writers[killed % 2]);
		if (killed % 8 == 0) { /* only while nothing moves can all be listed once */
			kill_hard(writers[1 - killed % 2]);
			twice += !are_unique(state);
			writers[1 - killed % 2] = start_writer(path, ends);
		}
		writers[killed % 2] = start_writer(path, ends);
	}
	kill_hard(writers[0]);
	kill_hard(writers[1]);
	TAP_ROW("readers never see a torn record", reads.torn == 0 && reads.found > 1000,
		"expected 0 torn of more than 1000\ngot %ld torn of %ld read, %ld found, after %d "
		"kills",
		reads.torn, reads.reads, reads.found, killed);
	TAP_INT("nor another key's", reads.foreign, 0);
	TAP_INT("nor is a key there twice", twice, 0);
	TAP_OK("the lock of the killed is free", state_switch(state, "kimi"));
	printf("# %d kills, %ld reads, %ld found\n", killed, reads.reads, reads.found);
	close(ends[0]);
	close(ends[1]);
	state_close(state);
}

static void
insert_many(const char *path, int fd)
{
	(void)fd;
	struct state *state = open_at(path);
	for (uint64_t n = 0; n < 150; n++) {
		rest_until(state, n, T, T + HOUR);
		state_count(state, 1 + n % STATE_COUNTERS, COUNT_REQUESTS);
	}
	state_close(state);
}

static void
check_insertion(void)
{
	const char *path = in_top("inserted");
	struct state *state = open_at(path);
	pid_t pids[4];
	static struct health healths[STATE_HEALTHS];
	uint64_t sum = 0;
	for (size_t i = 0; i < TAP_COUNT(pids); i++)
		pids[i] = start(insert_many, path, -1);
	for (size_t i = 0; i < TAP_COUNT(pids); i++)
		finish(pids[i]);
	TAP_INT("four insert the same keys once", state_healths(state, 0, healths, STATE_HEALTHS),
		150);
	for (uint64_t provider = 1; provider <= STATE_COUNTERS; provider++)
		sum += state_counted(state, provider, COUNT_REQUESTS);
	TAP_INT("four count all they count", sum, 600);
	state_close(state);
}

/* ---- Locks and the queue --------------------------------------------------- */

/* Holds the write lock by a descriptor of its own until it is killed. */
static void
hold_lock(const char *path, int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = WRITE_BYTE, .l_len = 1};
	int file = open(path, O_RDWR | O_CLOEXEC);
	must(file >= 0 && fcntl(file, F_OFD_SETLKW, &lock) == 0, "lock");
	must(write(fd, "x", 1) == 1, "write");
	for (;;)
		pause();
}

static pid_t
start_holder(void (*hold)(const char *, int), const char *path)
{
	char byte;
	int ends[2];
	must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	pid_t pid = start(hold, path, ends[1]);
	must(read(ends[0], &byte, 1) == 1, "read");
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static void
check_queue(void)
{
	const char *path = in_top("queued");
	struct state *state = open_at(path);
	rest_until(state, 1, T, T + HOUR);
	state_served(state, "claude_pro");
	state_model_put(state, 8, 1, T);
	pid_t holder = start_holder(hold_lock, path);

	rest_until(state, 1, T + 1, T + 2 * HOUR);
	rest_until(state, 1, T + 2, T + 3 * HOUR);
	state_model_put(state, 8, 2, T);
	state_count(state, 9, COUNT_FAILURES);
	TAP_OK("a switch tells that it waits", !state_switch(state, "claude_api"));
	state_switch(state, "kimi");
	TAP_OK("a change of who serves is told", state_served(state, "deepseek"));
	TAP_OK("and told once", !state_served(state, "deepseek"));
	struct health_key key = key_of(1);
	struct health_change lease = {.event = HEALTH_EVENT_LEASED,
				      .now_ms = T + 9 * HOUR,
				      .holder = 7,
				      .lease_for_ms = SECOND};
	TAP_INT("a lease does not wait", state_health_change(state, &key, "claude_pro", &lease),
		HEALTH_REFUSED);
	state_tick(state, NULL);
	TAP_INT("readers see what was before", until_of(state, 1), T + HOUR);

	kill_hard(holder);
	state_tick(state, NULL);
	struct summary summary;
	state_summary(state, &summary);
	TAP_INT("then changes are applied in order", until_of(state, 1), T + 3 * HOUR);
	TAP_INT("models too", state_model(state, 8, T), 2);
	state_tick(state, NULL);
	TAP_INT("counters too, and once", state_counted(state, 9, COUNT_FAILURES), 1);
	TAP_STR("the switch too", summary.manual, "kimi");
	int64_t at_ms = state_switched_ms(state);
	state_switch_at(state, "deepseek", at_ms);
	state_switch_at(state, "claude_api", at_ms - 1);
	state_summary(state, &summary);
	TAP_STR("of two at one time the second holds, and no older one", summary.manual,
		"deepseek");
	state_switch(state, "kimi");
	TAP_STR("and who serves", summary.current, "deepseek");
	TAP_INT("a lease is granted again", state_health_change(state, &key, "claude_pro", &lease),
		HEALTH_GRANTED);
	state_close(state);
}

/* What waited while the clock was set is applied by the clock of now: else it would
 * take what others have noted since for a time beyond belief, and clear it. */
static void
check_queue_and_clock(void)
{
	const char *path = in_top("queued3");
	struct state *state = open_at(path), *other = open_at(path);
	rest_until(state, 1, T, T + SECOND);
	pid_t holder = start_holder(hold_lock, path);
	struct health_key key = key_of(1);
	struct health health;
	struct health_change failed = {.event = HEALTH_EVENT_FAILED, .now_ms = T, .began_ms = T};
	state_health_change(state, &key, "claude_pro", &failed);
	kill_hard(holder);
	clock_ahead_s = HOUR / SECOND;
	struct health_change lease = {.event = HEALTH_EVENT_LEASED,
				      .now_ms = T + HOUR,
				      .holder = 7,
				      .lease_for_ms = 60 * SECOND};
	TAP_INT("another process probes", state_health_change(other, &key, "claude_pro", &lease),
		HEALTH_GRANTED);
	state_tick(state, NULL);
	clock_ahead_s = 0;
	TAP_OK("what waited is there", state_health(other, &key, &health) && health.error_ms != 0);
	TAP_INT("and the probe still has its lease, though the clock was set",
		health_state(&health, T + HOUR + SECOND), HEALTH_PROBING);
	state_close(other);
	state_close(state);
}

static void
check_queue_ends(void)
{
	const char *path = in_top("queued2");
	struct session session;
	struct state *state = open_at(path);
	pid_t holder = start_holder(hold_lock, path);
	forget_log();
	for (uint64_t n = 1; n <= QUEUE_MAX + 20; n++)
		put_session(state, n, n, T);
	kill_hard(holder);
	TAP_INT("a full queue is told once", count_logged("keeps it locked"), 1);
	rest_until(state, 1, T, T + HOUR); /* the next change takes the queue along */
	TAP_OK("the oldest were dropped", !state_session(state, 20, &session));
	TAP_OK("no more than needed", state_session(state, 21, &session));
	TAP_OK("the newest is there", state_session(state, QUEUE_MAX + 20, &session));
	TAP_INT("the loss is told", count_logged("20 changes were lost"), 1);

	holder = start_holder(hold_lock, path);
	put_session(state, 999, 999, T);
	kill_hard(holder);
	state_close(state);
	state = open_at(path);
	TAP_OK("closing writes what waits", state_session(state, 999, &session));
	state_close(state);
}

static void
hold_check(const char *path, int fd)
{
	struct state *state = open_at(path);
	must(state_check_lock(state) && write(fd, "x", 1) == 1, "check lock");
	for (;;)
		pause();
}

static void
check_check_lock(void)
{
	const char *path = in_top("checked");
	struct state *one = open_at(path), *two = open_at(path);
	TAP_OK("one may check", state_check_lock(one));
	TAP_OK("not twice", !state_check_lock(one));
	TAP_OK("nobody else may", !state_check_lock(two));
	TAP_OK("writing goes on meanwhile", state_switch(two, "kimi") && state_switch(one, ""));
	unlink(path);
	state_tick(one, NULL);
	state_tick(two, NULL);
	TAP_OK("nor after the file was made anew", !state_check_lock(two));
	state_check_unlock(one);
	TAP_OK("then somebody else may", state_check_lock(two));
	state_close(two);
	TAP_OK("closing frees it", state_check_lock(one));
	state_check_unlock(one);
	pid_t holder = start_holder(hold_check, path);
	TAP_OK("another process may", !state_check_lock(one));
	kill_hard(holder);
	TAP_OK("a kill frees it", state_check_lock(one));
	state_close(one);
}

/* ---- What happens to a file under its mapping ------------------------------ */

static void
do_cut_end(const char *path)
{
	must(truncate(path, FILE_SIZE - 4096) == 0, "truncate");
}
static void
do_cut_middle(const char *path)
{
	must(truncate(path, HEALTHS_AT + 100) == 0, "truncate");
}
static void
do_rename(const char *path)
{
	must(rename(path, in_top("elsewhere")) == 0, "rename");
}
static void
do_replace_by_text(const char *path)
{
	poke(in_top("text"), 0, "hello\n", 6);
	must(rename(in_top("text"), path) == 0, "rename");
}

/* Whatever it is: history is read at once, a change is kept, and after a tick
 * of both there is a sound file with both. */
static const struct under_row {
	int line;
	const char *name;
	void (*harm)(const char *path);
	int n_bad;
} under_rows[] = {
    {__LINE__, "deleted", do_unlink, 0},
    {__LINE__, "moved away", do_rename, 0},
    {__LINE__, "cut to nothing", do_empty, 0},
    {__LINE__, "cut to a page", do_cut_page, 1},
    {__LINE__, "cut in a record", do_cut_middle, 1},
    {__LINE__, "cut at its end", do_cut_end, 1},
    {__LINE__, "cut by a byte", do_cut_byte, 1},
    {__LINE__, "cut and grown again", do_regrown, 1},
    {__LINE__, "zeros in its place", do_zeros, 1},
    {__LINE__, "a page of zeros", do_hole, 1},
    {__LINE__, "a byte longer", do_grown, 1},
    {__LINE__, "noise written over it", do_noise, 1},
    {__LINE__, "text written over it", do_text, 1},
    {__LINE__, "text in its place", do_replace_by_text, 1},
};

static void
check_under(const struct under_row *row)
{
	const char *path = in_top("under");
	struct state *one = open_at(path), *two = open_at(path);
	for (uint64_t n = 0; n < STATE_HEALTHS - 1; n++)
		rest_until(one, n, T, T + HOUR);
	state_tick(one, NULL);
	state_tick(two, NULL);
	row->harm(path);
	path = in_top("under");
	int64_t sum = 0;
	for (uint64_t n = 0; n < STATE_HEALTHS - 1; n++)
		sum += until_of(one, n) == T + HOUR;
	rest_until(one, 500, T, T + 2 * HOUR);
	state_tick(one, NULL);
	ino_t inode = inode_of(path);
	state_tick(two, NULL);
	rest_until(two, 1, T + 1, T + 3 * HOUR);
	bool is_kept = until_of(one, 500) == T + 2 * HOUR && until_of(two, 500) == T + 2 * HOUR;
	bool is_shared = until_of(one, 1) == T + 3 * HOUR && inode == inode_of(path);
	int n_bad = count_files(top, "under.bad-");
	/* A page in the middle may be read as unknown until the tick. */
	bool is_read = sum == STATE_HEALTHS - 1 || row->harm == do_hole;
	TAP_ROW_AT(row->line, row->name, is_read && is_kept && is_shared && n_bad == row->n_bad,
		   "expected %d records, the change kept, one file for both, %d set aside\n"
		   "got %" PRId64 " records, %s, %s, %d",
		   STATE_HEALTHS - 1, row->n_bad, sum, is_kept ? "kept" : "lost",
		   is_shared ? "one file" : "not one file", n_bad);
	state_close(one);
	state_close(two);
	struct state *again = open_at(path);
	char name[64];
	snprintf(name, sizeof name, "%s: who comes later sees it all", row->name);
	TAP_ROW_AT(row->line, name,
		   until_of(again, 500) == T + 2 * HOUR && until_of(again, 2) == T + HOUR,
		   "expected both records, got %" PRId64 " and %" PRId64, until_of(again, 500) - T,
		   until_of(again, 2) - T);
	state_close(again);
	remove_like("under");
	unlink(in_top("elsewhere"));
}

static void
check_replaced(void)
{
	const char *path = in_top("replaced"), *other = in_top("other");
	struct state *state = open_at(path), *theirs = open_at(other);
	uint8_t key[DIGEST_KEY_SIZE];
	memcpy(key, state_key(theirs), sizeof key);
	rest_until(state, 1, T, T + HOUR);
	rest_until(theirs, 1, T, T + 5 * HOUR);
	state_close(theirs);
	must(rename(other, path) == 0, "rename");
	state_tick(state, NULL);
	TAP_INT("a sound file in its place is taken", until_of(state, 1), T + 5 * HOUR);
	TAP_OK("with its key", memcmp(key, state_key(state), sizeof key) == 0);
	must(truncate(path, 0) == 0, "truncate");
	TAP_INT("and is the one remembered", until_of(state, 1), T + 5 * HOUR);
	state_tick(state, NULL);

	do_newer(path);
	ino_t inode = inode_of(path);
	forget_log();
	for (int i = 0; i < 3; i++)
		state_tick(state, NULL);
	rest_until(state, 2, T, T + HOUR);
	TAP_INT("beside a newer version one goes on from memory",
		until_of(state, 1) + until_of(state, 2), 2 * T + 6 * HOUR);
	TAP_INT("and tells it once", count_logged("newer version"), 1);
	TAP_INT("and leaves it alone", inode_of(path), inode);
	state_close(state);
}

/* The key that many machines have in common. */
static struct state *
open_keyed(const char *path, const uint8_t *key)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	struct state *state = state_open_keyed(path, key, &error);
	if (state == NULL)
		fprintf(stderr, "test_state: %s\n", buf_text(&error));
	must(state != NULL, "state_open_keyed");
	buf_free(&error);
	return state;
}

static bool
has_key(const struct state *state, const uint8_t *key)
{
	return memcmp(state_key(state), key, DIGEST_KEY_SIZE) == 0;
}

static void
check_keyed(void)
{
	static const uint8_t one[DIGEST_KEY_SIZE] = {1}, two[DIGEST_KEY_SIZE] = {2};
	const char *path = in_top("keyed");
	forget_log();
	struct state *state = open_keyed(path, one);
	rest_until(state, 1, T, T + HOUR);
	TAP_OK("a new file has the given key", has_key(state, one));
	state_close(state);
	state = open_at(path);
	TAP_OK("which is any key's", has_key(state, one) && until_of(state, 1) == T + HOUR);
	state_close(state);
	state = open_keyed(path, one);
	TAP_OK("and that key's", has_key(state, one) && until_of(state, 1) == T + HOUR);
	TAP_INT("so nothing is set aside", count_files(top, "keyed.bad-"), 0);

	struct state *other = open_keyed(path, two);
	TAP_OK("another key begins anew", has_key(other, two) && until_of(other, 1) == 0);
	TAP_INT("beside the old file", count_files(top, "keyed.bad-"), 1);
	TAP_INT("and says why", count_logged("was made with another share_key: moved to"), 1);

	ino_t inode = inode_of(path);
	for (int i = 0; i < 3; i++)
		state_tick(state, NULL);
	rest_until(state, 2, T, T + HOUR);
	TAP_OK("who still runs with the old key goes on",
	       has_key(state, one) && until_of(state, 1) + until_of(state, 2) == 2 * T + 2 * HOUR);
	TAP_INT("tells it once", count_logged("Restart what still runs with the old key"), 1);
	TAP_INT("and leaves the new file alone", inode_of(path), inode);
	state_close(other);
	unlink(path);
	state_tick(state, NULL);
	state_close(state);
	state = open_at(path);
	TAP_OK("a file that is gone is made again with the key",
	       has_key(state, one) && until_of(state, 1) == T + HOUR);
	state_close(state);
	remove_like("keyed");
}

static void
check_no_directory(void)
{
	mkdir(in_top("dir"), 0755);
	const char *path = in_top("dir/state");
	struct state *state = open_at(path);
	struct process process = {.pid = 1};
	rest_until(state, 1, T, T + HOUR);
	state_tick(state, &process);
	must(truncate(path, 0) == 0 && unlink(path) == 0 && rmdir(in_top("dir")) == 0, "rmdir");
	forget_log();
	for (int i = 0; i < 3; i++)
		state_tick(state, &process);
	rest_until(state, 2, T, T + HOUR);
	state_count(state, 1, COUNT_REQUESTS);
	TAP_INT("without a directory one goes on from memory",
		until_of(state, 1) + until_of(state, 2), 2 * T + 2 * HOUR);
	TAP_INT("and tells it once", count_logged("there is no directory"), 1);
	mkdir(in_top("dir"), 0755);
	state_tick(state, &process);
	TAP_INT("and tells that it is over", count_logged("reopened"), 1);
	struct state *other = open_at(in_top("dir/state"));
	TAP_INT("and what happened meanwhile is in the file", until_of(other, 2), T + HOUR);
	TAP_INT("counters too", state_counted(other, 1, COUNT_REQUESTS), 1);
	state_close(other);
	state_close(state);
}

/* Another mapping's SIGBUS is none of ours: the process must die of it. */
static void
die_elsewhere(const char *path, int fd)
{
	(void)fd;
	struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	must(freopen("/dev/null", "w", stderr) != NULL, "freopen");
	open_at(path);
	int other = open(in_top("short"), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	volatile char *bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	alarm(5); /* a handler that eats it would go round for ever */
	bytes[0] = 1;
}

static void
check_sigbus_elsewhere(void)
{
	int status = finish(start(die_elsewhere, in_top("sigbus"), -1));
	bool is_alarm = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
	TAP_OK("a SIGBUS elsewhere is deadly as ever", status != 0 && !is_alarm);
}

/* ---- Tables ---------------------------------------------------------------- */

/* A success of an account that is new: junk, as far as anybody can tell. */
static void
serve(struct state *state, uint64_t n, int64_t now_ms)
{
	struct health_key key = key_of(n);
	struct health_change change = {
	    .event = HEALTH_EVENT_SERVED, .now_ms = now_ms, .began_ms = now_ms - 1};
	state_health_change(state, &key, "claude_pro", &change);
}

static bool
is_known(const struct state *state, uint64_t n)
{
	struct health_key key = key_of(n);
	struct health health;
	return state_health(state, &key, &health);
}

/* What matters least gives way: no rest, the oldest first; then the rest that ends first. */
static void
check_what_matters(void)
{
	struct state *state = open_at(in_top("matters"));
	rest_until(state, 1, T, T + HOUR);
	for (uint64_t n = 1000; n < 1000 + 3 * STATE_HEALTHS; n++)
		serve(state, n, T + (int64_t)n);
	TAP_INT("a rest outlives any number of others", until_of(state, 1), T + HOUR);
	TAP_OK("of those without a rest the oldest went",
	       !is_known(state, 1000) && is_known(state, 1000 + 3 * STATE_HEALTHS - 1));
	for (uint64_t n = 2; n <= STATE_HEALTHS; n++)
		rest_until(state, n, T + 5000, T + (int64_t)(n + 1) * HOUR / 2);
	serve(state, 5000, T + 6000);
	TAP_OK("no running rest gives way to none",
	       until_of(state, 1) != 0 && !is_known(state, 5000));
	rest_until(state, 6000, T + 6000, T + 2 * HOUR);
	TAP_OK("of rests the one that ends first goes",
	       is_known(state, 6000) &&
		   (is_known(state, 1) != is_known(state, 2) || !is_known(state, 1)));
	serve(state, 5001, T + 90 * HOUR);
	TAP_OK("a rest that is over gives way to anything", is_known(state, 5001));
	state_close(state);
}

/* A person's word makes all rests of a provider due, but for what came after it. */
static void
check_retry(void)
{
	const char *path = in_top("retried");
	struct state *state = open_at(path);
	struct health health;
	rest_until(state, 4, T, T + HOUR);
	rest_until(state, 8, T, T + 100 * HOUR);
	rest_until(state, 5, T, T + HOUR);
	struct health_key key = key_of(4), other = key_of(5);
	TAP_OK("a retry is written at once", state_retry(state, key.provider, T + 1000));
	state_health(state, &key, &health);
	TAP_INT("a rest is due", health_state(&health, T + 1000), HEALTH_DUE);
	key = key_of(8);
	state_health(state, &key, &health);
	TAP_INT("each account's", health_state(&health, T + 1000), HEALTH_DUE);
	state_health(state, &other, &health);
	TAP_INT("not another provider's",
		other.provider == key.provider ? HEALTH_IS_PAUSED : health_state(&health, T + 1000),
		HEALTH_IS_PAUSED);
	pid_t holder = start_holder(hold_lock, path);
	TAP_OK("a retry that waits says so", !state_retry(state, key.provider, T + 2000));
	kill_hard(holder);
	rest_until(state, 12, T + 3000, T + HOUR);
	state_tick(state, NULL);
	TAP_INT("what came after the word stays", until_of(state, 12), T + HOUR);
	state_close(state);
}

static void
check_eviction(void)
{
	struct state *state = open_at(in_top("evicted"));
	static struct health healths[STATE_HEALTHS + 1];
	struct session session;
	for (uint64_t n = 0; n < STATE_HEALTHS; n++)
		rest_until(state, n, T + (int64_t)n, T + HOUR);
	rest_until(state, 0, T + 1000, T + 2 * HOUR);
	rest_until(state, 900, T + 1001, T + HOUR);
	TAP_INT("a full table takes one more", until_of(state, 900), T + HOUR);
	TAP_INT("of those that end alike the first gave way", until_of(state, 1), 0);
	TAP_INT("the one that ends later did not", until_of(state, 0), T + 2 * HOUR);
	TAP_INT("nor did the second", until_of(state, 2), T + HOUR);
	TAP_INT("all are listed", state_healths(state, 0, healths, STATE_HEALTHS + 1),
		STATE_HEALTHS);
	TAP_INT("as many as asked", state_healths(state, 0, healths, 5), 5);
	size_t n_one = state_healths(state, 2, healths, STATE_HEALTHS);
	TAP_INT("those of a provider", n_one, STATE_HEALTHS / 4 - 1);
	for (uint64_t n = 1; n <= STATE_SESSIONS + 10; n++)
		put_session(state, n, n, T + (int64_t)n);
	TAP_OK("old sessions give way",
	       !state_session(state, 10, &session) && session.key == 10 && session.provider == 0);
	TAP_OK("young ones stay", state_session(state, 11, &session));
	for (uint64_t n = 1; n <= STATE_MODELS + 10; n++)
		state_model_put(state, n, 1, T + (int64_t)n);
	TAP_INT("old models give way", state_model(state, 10, T), 0);
	TAP_INT("young ones stay too", state_model(state, 11, T), 1);
	state_close(state);
}

/* Inserts into a full table, and dies at its first write to some of the pages. */
static const struct killed_row {
	int line;
	const char *name;
	size_t from_page, n_pages;
} killed_rows[] = {
    {__LINE__, "killed when a place is named or freed", 0, 1},
    {__LINE__, "killed when a record is written", 1, FILE_SIZE / 4096 - 1},
};

/* Where the file of that inode is mapped here. */
static char *
mapping_of(ino_t inode)
{
	char line[512];
	unsigned long long start = 0, its_inode = 0;
	FILE *maps = fopen("/proc/self/maps", "re");
	must(maps != NULL, "/proc/self/maps");
	while (its_inode != inode && fgets(line, sizeof line, maps) != NULL)
		if (sscanf(line, "%llx-%*x %*s %*x %*s %llu", &start, &its_inode) != 2)
			its_inode = 0;
	fclose(maps);
	must(its_inode == inode, "mapping");
	return (char *)(uintptr_t)start;
}

static void
die_inserting(const char *path, int row)
{
	struct rlimit none = {0, 0};
	struct state *state = open_at(path);
	char *pages = mapping_of(inode_of(path)) + killed_rows[row].from_page * 4096;
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGSEGV, SIG_DFL);
	must(mprotect(pages, killed_rows[row].n_pages * 4096, PROT_READ) == 0, "mprotect");
	rest_until(state, 900, T + 1000, T + HOUR);
}

/* Who is killed while a place changes hands leaves a record that can be found or
 * a free place: the same insertion, again, pushes out nobody else. */
static void
check_killed(const struct killed_row *row)
{
	const char *path = in_top("killed_inserting");
	static struct health healths[STATE_HEALTHS];
	struct state *state = open_at(path);
	for (uint64_t n = 0; n < STATE_HEALTHS; n++)
		rest_until(state, n, T + (int64_t)n, T + HOUR);
	state_close(state);
	int status = finish(start(die_inserting, path, (int)(row - killed_rows)));
	bool was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
	state = open_at(path);
	rest_until(state, 900, T + 1000, T + HOUR);
	size_t n = state_healths(state, 0, healths, STATE_HEALTHS);
	bool is_there = until_of(state, 900) != 0, is_second_there = until_of(state, 1) != 0;
	TAP_ROW_AT(row->line, row->name,
		   was_killed && n == STATE_HEALTHS && is_there && is_second_there,
		   "expected %d records after a kill, the new one and all but the oldest\n"
		   "got %zu, %s, new %s, second oldest %s",
		   STATE_HEALTHS, n, was_killed ? "killed" : "not killed",
		   is_there ? "there" : "lost", is_second_there ? "there" : "pushed out");
	state_close(state);
	unlink(path);
}

static int64_t
session_used(const struct state *state, uint64_t key)
{
	struct session session;
	return state_session(state, key, &session) ? session.used_ms - T : -1;
}

static void
check_sessions(void)
{
	struct state *state = open_at(in_top("sessions"));
	put_session(state, 1, 2, T);
	put_session(state, 1, 2, T + 59 * SECOND);
	TAP_INT("the same again is not written", session_used(state, 1), 0);
	put_session(state, 1, 2, T + 60 * SECOND);
	TAP_INT("but after a minute", session_used(state, 1), 60 * SECOND);
	put_session(state, 1, 3, T + 61 * SECOND);
	TAP_INT("or with another provider", session_used(state, 1), 61 * SECOND);
	state_session_put(state, &(struct session){1, 3, T + 62 * SECOND, 1, 0});
	TAP_INT("or mended", session_used(state, 1), 62 * SECOND);
	state_session_put(state, &(struct session){1, 3, T + 63 * SECOND, 1, 9});
	TAP_INT("or with another credential", session_used(state, 1), 63 * SECOND);
	state_session_put(state, &(struct session){1, 3, T - HOUR, 1, 9});
	TAP_INT("or when the clock jumped back", session_used(state, 1), -HOUR);
	put_session(state, 0, 3, T);
	TAP_INT("no session has no place", session_used(state, 0), -1);
	state_model_put(state, 4, 3, T);
	TAP_INT("what was learned is known for a day", state_model(state, 4, T + 24 * HOUR - 1), 3);
	TAP_INT("and then forgotten", state_model(state, 4, T + 24 * HOUR), 0);
	TAP_INT("also when the clock jumped back", state_model(state, 4, T - HOUR), 0);
	state_close(state);
}

static void
check_summary(void)
{
	struct state *state = open_at(in_top("summary"));
	struct summary summary;
	TAP_OK("the first to serve is a change", state_served(state, "claude_pro"));
	TAP_OK("the same is none", !state_served(state, "claude_pro"));
	TAP_OK("another one is", state_served(state, "deepseek"));
	TAP_OK("a switch is written", state_switch(state, "kimi"));
	TAP_OK("a name too long is cut",
	       state_switch(state, "0123456789012345678901234567890123456789"));
	state_summary(state, &summary);
	TAP_STR("to what there is room for", summary.manual, "0123456789012345678901234567890");
	state_switch(state, "");
	state_checked(state, T, false);
	state_checked(state, T, false);
	state_failover(state, T);
	state_failover(state, T + 5);
	state_summary(state, &summary);
	TAP_STR("automatic again", summary.manual, "");
	TAP_INT("failed checks add up", summary.check_failures, 2);
	TAP_INT("failovers too", summary.failover_count, 2);
	state_checked(state, T + 1, true);
	state_summary(state, &summary);
	TAP_INT("until one could tell", summary.check_failures, 0);
	state_close(state);
}

static void
check_counters(void)
{
	struct state *state = open_at(in_top("counters"));
	for (uint64_t provider = 1; provider <= STATE_COUNTERS; provider++)
		for (uint64_t n = 0; n < provider; n++)
			state_count(state, provider, COUNT_ATTEMPTS);
	TAP_INT("each provider has its own", state_counted(state, 7, COUNT_ATTEMPTS), 7);
	TAP_INT("each counter too", state_counted(state, 7, COUNT_FAILURES), 0);
	TAP_INT("a stranger has none", state_counted(state, 99, COUNT_ATTEMPTS), 0);
	state_count(state, 99, COUNT_ATTEMPTS);
	TAP_INT("one too many gets a place", state_counted(state, 99, COUNT_ATTEMPTS), 1);
	state_count(state, STATE_NOBODY, COUNT_ENDINGS);
	state_add(state, STATE_NOBODY, COUNTERS - 1, 41);
	uint64_t counts[COUNTERS];
	state_counts(state, STATE_NOBODY, counts);
	TAP_INT("many are added, also to nobody's", counts[COUNT_ENDINGS] + counts[COUNTERS - 1],
		42);
	state_count(state, 0, COUNT_ATTEMPTS);
	TAP_INT("nobody has none", state_counted(state, 0, COUNT_ATTEMPTS), 0);
	state_close(state);
}

/* ---- Processes ------------------------------------------------------------- */

static size_t
count_processes(const struct state *state)
{
	struct process seen[STATE_PROCESSES];
	return state_processes(state, seen, STATE_PROCESSES);
}

static void
check_processes(void)
{
	const char *path = in_top("processes");
	struct state *states[3] = {open_at(path), open_at(path), open_at(path)};
	struct process seen[STATE_PROCESSES];
	struct process last = {8, T, 5, 9, "1.2.3-fifteen.c"};
	TAP_INT("who only opens is no responder", count_processes(states[0]), 0);
	for (size_t i = 0; i < 3; i++)
		state_tick(states[i], &(struct process){.pid = 7, .streams = i});
	state_tick(states[2], &last);
	TAP_INT("all are seen, though pids repeat", state_processes(states[0], seen, 64), 3);
	TAP_OK("what one told last", memcmp(&seen[2], &last, sizeof last) == 0);
	TAP_INT("as many as asked for", state_processes(states[0], seen, 2), 2);
	state_tick(states[0], NULL);
	TAP_INT("a tick need not tell again", count_processes(states[0]), 3);
	struct state *looker = state_open_readonly(path, NULL);
	must(looker != NULL, "state_open_readonly");
	TAP_INT("who looks sees all", count_processes(looker), 3);
	state_close(looker);
	state_close(states[2]);
	TAP_INT("who closes is gone at once", count_processes(states[0]), 2);
	state_close(states[1]);
	state_close(states[0]);
	struct state *later = open_at(path);
	TAP_INT("what the dead left counts for nothing", count_processes(later), 0);
	state_close(later);
}

static void
check_many_processes(void)
{
	const char *path = in_top("many");
	struct state *states[STATE_PROCESSES + 2];
	for (uint64_t i = 0; i < TAP_COUNT(states); i++) {
		states[i] = open_at(path);
		state_tick(states[i], &(struct process){.pid = i + 1});
	}
	TAP_INT("one too many is not listed", count_processes(states[0]), STATE_PROCESSES);
	state_close(states[9]);
	state_tick(states[STATE_PROCESSES], &(struct process){.pid = 999});
	TAP_INT("until somebody goes", count_processes(states[0]), STATE_PROCESSES);
	for (size_t i = 0; i < TAP_COUNT(states); i++)
		if (i != 9)
			state_close(states[i]);
}

/* Until it is killed. */
static void
live(const char *path, int fd)
{
	struct state *state = open_at(path);
	state_tick(state, &(struct process){.pid = 1, .streams = 3});
	must(write(fd, "x", 1) == 1, "write");
	for (;;)
		pause();
}

static pid_t
start_living(const char *path)
{
	int ends[2];
	char byte;
	must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	pid_t pid = start(live, path, ends[1]);
	close(ends[1]);
	must(read(ends[0], &byte, 1) == 1, "it lives");
	close(ends[0]);
	return pid;
}

/* A process that is stopped lives, one that is killed does not. */
static void
check_killed_processes(void)
{
	const char *path = in_top("killed_processes");
	struct process seen[STATE_PROCESSES];
	pid_t pids[] = {start_living(path), start_living(path)};
	struct state *state = open_at(path);
	state_tick(state, &(struct process){.pid = 2});
	TAP_INT("other processes are seen", count_processes(state), 3);
	kill(pids[1], SIGSTOP);
	must(waitpid(pids[1], NULL, WUNTRACED) == pids[1], "stopped");
	kill_hard(pids[0]);
	size_t n = state_processes(state, seen, 64);
	TAP_INT("who is killed is gone at once, with its streams",
		n * 10 + seen[0].streams + seen[1].streams, 23);
	kill_hard(pids[1]);
	TAP_INT("and the second too", count_processes(state), 1);
	state_close(state);
}

/* Each to the file that is at the path now, and nobody twice. */
static void
check_followed_processes(void)
{
	const char *path = in_top("followed");
	struct state *one = open_at(path), *two = open_at(path);
	struct process processes[] = {{.pid = 1, .streams = 4}, {.pid = 2}};
	state_tick(one, &processes[0]);
	state_tick(two, &processes[1]);
	unlink(path);
	TAP_INT("a file that is deleted lists still", count_processes(one), 2);
	state_tick(one, &processes[0]);
	TAP_INT("who follows is alone at first", count_processes(one), 1);
	state_tick(two, &processes[1]);
	TAP_INT("until the other has followed", count_processes(one), 2);
	struct state *other = open_at(path);
	TAP_INT("and a third sees both", count_processes(other), 2);
	state_close(other);
	do_zeros(path);
	state_tick(one, &processes[0]);
	state_tick(two, &processes[1]);
	TAP_INT("a damaged file too", count_processes(two), 2);
	state_close(one);
	TAP_INT("and the lock is the new file's", count_processes(two), 1);
	state_close(two);
}

/* A file that cannot be written through its mapping: whoever tries dies. */
static void
idle(const char *path, int streams_after)
{
	struct process process = {1, T, 2, 3, "1.0"};
	struct state *state = open_at(path);
	signal(SIGSEGV, SIG_DFL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	state_tick(state, &process);
	must(mprotect(mapping_of(inode_of(path)), FILE_SIZE, PROT_READ) == 0, "mprotect");
	for (int i = 0; i < 10; i++) {
		state_tick(state, &process);
		state_reload_asked(state);
		count_processes(state);
	}
	process.streams = (uint64_t)streams_after;
	state_tick(state, &process);
	must(mprotect(mapping_of(inode_of(path)), FILE_SIZE, PROT_READ | PROT_WRITE) == 0, "");
	state_close(state);
}

static void
check_idle(void)
{
	const char *path = in_top("idle");
	uint8_t before[FILE_SIZE], after[FILE_SIZE];
	TAP_INT("ticks without news store nothing in the file", finish(start(idle, path, 2)), 0);
	int status = finish(start(idle, path, 7));
	TAP_INT("one with another number of streams does",
		WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGSEGV);
	struct state *state = open_at(path);
	struct process process = {1, T, 2, 3, "1.0"};
	state_tick(state, &process);
	peek(path, 0, before, sizeof before);
	for (int i = 0; i < 10; i++)
		state_tick(state, &process);
	state_close(state);
	peek(path, 0, after, sizeof after);
	TAP_OK("nor does closing", memcmp(before, after, sizeof before) == 0);
}

static void
check_reload(void)
{
	const char *path = in_top("reload");
	struct state *peer = open_at(path), *asked = open_at(path);
	uint64_t before = state_reload_asked(asked);
	state_tick(asked, NULL);
	TAP_INT("nobody asks for a reload by itself", state_reload_asked(asked), before);
	TAP_OK("a reload is asked for", state_reload_request(peer));
	TAP_OK("and seen at once", state_reload_asked(asked) != before);
	before = state_reload_asked(asked);
	unlink(path);
	state_tick(asked, NULL);
	TAP_INT("a file made anew asks for none", state_reload_asked(asked), before);
	state_close(peer);
	state_close(asked);
}

/* What others see of a messenger, which is a lock and what it last told. */
static void
check_messenger(void)
{
	const char *path = in_top("messenger");
	struct state *messenger = open_at(path), *other = open_at(path);
	const struct state_share said = {.since_ms = T, .tried_ms = 1, .machines = 3};
	struct state_share is;
	uint64_t changes = state_changes(other);
	state_share_put(messenger, &said);
	TAP_OK("without its lock none runs", !state_share(other, &is));
	TAP_OK("and none is connected", is.since_ms == 0 && is.silent_ms == 0);
	TAP_OK("one takes the lock", state_share_lock(messenger));
	TAP_OK("which no other gets", !state_share_lock(other));
	TAP_OK("then it runs", state_share(other, &is));
	TAP_OK("and is connected", is.since_ms == T && is.machines == 3 && is.silent_ms == 0);
	steady_ahead_s += 4;
	clock_ahead_s += 3600;
	state_share(other, &is);
	TAP_OK("for a while it may be busy, whoever sets the clock", is.since_ms == T);
	steady_ahead_s += 2;
	TAP_OK("then it runs still", state_share(other, &is));
	TAP_INT("but counts as not connected", is.since_ms, 0);
	TAP_OK("since it told something last",
	       llabs(is.silent_ms - (clock_wall_ms() - 6 * SECOND)) < SECOND);
	state_share_put(messenger, &said);
	state_share(other, &is);
	TAP_OK("until it does again", is.since_ms == T && is.silent_ms == 0);
	state_share_put(messenger, &(struct state_share){.tried_ms = 1});
	steady_ahead_s += 6;
	state_share(other, &is);
	TAP_INT("one that is not connected says that", is.silent_ms, 0);
	TAP_INT("none of it is a change to tell", state_changes(other), changes);
	clock_ahead_s = 0;
	state_close(messenger);
	state_close(other);
}

/* A reader may meet an index word of one key and, behind it, another's record. */
static void
check_reuse(void)
{
	const char *path = in_top("reused"), *other = in_top("other");
	struct state *state = open_at(path), *theirs = open_at(other);
	struct health health;
	struct health_key keys[] = {key_of(1), key_of(2)};
	uint64_t word;
	rest_until(state, 1, T, T + HOUR);
	rest_until(theirs, 2, T, T + HOUR);
	peek(other, HEALTH_INDEX_AT, &word, sizeof word);
	poke(path, HEALTH_INDEX_AT, &word, sizeof word);
	TAP_OK("another key's record is not taken", !state_health(state, &keys[1], &health));
	TAP_OK("and leaves no trace in the answer",
	       health.until_ms == 0 && health.key.provider == 3);
	TAP_INT("nor is it listed", state_healths(state, 0, &health, 1), 0);
	state_close(state);
	state_close(theirs);
}

/* What stands in a record may be anything. */
static void
check_garbage(void)
{
	const char *path = in_top("garbage");
	struct state *state = open_at(path);
	char noise[400 - 24];
	struct health health;
	struct health_key key = key_of(1);
	rest_until(state, 1, T, T + HOUR);
	memset(noise, 0xee, sizeof noise);
	for (off_t copy = 0; copy < 2; copy++)
		poke(path, HEALTHS_AT + 8 + copy * 400 + 24, noise, sizeof noise);
	TAP_OK("a record of noise is read", state_health(state, &key, &health));
	TAP_INT("its texts end",
		strlen(health.why) + strlen(health.error) + strlen(health.provider_name) +
		    strlen(health.windows[3].name),
		63 + 63 + 31 + 15);
	TAP_INT("its rest is one", health.pause, PAUSE_NONE);
	rest_until(state, 1, T, T + HOUR);
	TAP_INT("it can be changed", until_of(state, 1), T + HOUR);
	TAP_OK("records stand where a stranger expects them", HEALTH_SIZE == 8 + 2 * 400 + 8);
	state_close(state);
}

/* Times with which nobody can reckon. */
static void
check_endless_times(void)
{
	const char *path = in_top("times");
	struct state *state = open_at(path);
	const int64_t never = INT64_MIN;
	struct health health;
	struct health_key key = key_of(1);
	const struct health_change served = {
	    .event = HEALTH_EVENT_SERVED, .now_ms = T, .began_ms = T};
	rest_until(state, 1, T, T + HOUR);
	for (off_t copy = 0; copy < 2; copy++)
		for (size_t at = offsetof(struct health, since_ms);
		     at < offsetof(struct health, windows); at += sizeof never)
			poke(path, HEALTHS_AT + 8 + copy * 400 + (off_t)at, &never, sizeof never);
	TAP_OK("a record of endless times is read", state_health(state, &key, &health));
	TAP_INT("they are none", health.until_ms, 0);
	TAP_INT("it can be changed", state_health_change(state, &key, "claude_pro", &served),
		HEALTH_PAUSE_ENDED);
	state_close(state);
}

int
main(int argc, char **argv)
{
	struct buf error;
	tap_start("state", argc, argv);
	snprintf(top, sizeof top, "%s/test_state.XXXXXX", "/tmp");
	must(mkdtemp(top) != NULL, "mkdtemp");
	buf_init(&error, ERROR_TEXT_MAX);
	must(log_open("test_state", in_top("log"), LOG_DEBUG, false, &error), "log_open");
	random_state = getenv("SEED") != NULL ? strtoull(getenv("SEED"), NULL, 10) : 1;

	check_persistence();
	check_modes();
	for (size_t i = 0; i < TAP_COUNT(found_rows); i++)
		check_found(&found_rows[i]);
	check_aside();
	check_refusals();
	check_readonly();
	check_full();
	check_full_disk();
	check_together("eight make one file", do_unlink, 0);
	check_together("eight fill an empty file", do_empty, 0);
	check_together("eight set one damaged file aside", do_guard, 1);
	check_together("eight open a sound file", do_nothing, 0);
	check_kills();
	check_insertion();
	check_queue();
	check_queue_and_clock();
	check_queue_ends();
	check_check_lock();
	for (size_t i = 0; i < TAP_COUNT(under_rows); i++)
		check_under(&under_rows[i]);
	check_replaced();
	check_keyed();
	check_no_directory();
	check_sigbus_elsewhere();
	check_eviction();
	check_what_matters();
	check_retry();
	check_messenger();
	for (size_t i = 0; i < TAP_COUNT(killed_rows); i++)
		check_killed(&killed_rows[i]);
	check_sessions();
	check_summary();
	check_counters();
	check_processes();
	check_many_processes();
	check_killed_processes();
	check_followed_processes();
	check_idle();
	check_reload();
	check_reuse();
	check_garbage();
	check_endless_times();

	buf_free(&error);
	remove_all(top);
	return tap_finish();
}
