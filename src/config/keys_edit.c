/* SPDX-License-Identifier: MIT */
#include "config/keys_edit.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/path.h"
#include "base/write.h"
#include "config/file.h"
#include "config/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
	LOCK_TRIES = 500, /* of 20 ms each */
	NEW_FILE_MODE = 0640,
};

#define HEAD                                                                                       \
	"# Client keys of Claude Router: NAME, SHA-256 of the key, day. claude-router-ctl key.\n"

/* One change, from reading to renaming. */
struct edit {
	const struct config *config;
	struct buf *error;
	char path[PATH_MAX]; /* of the file itself */
	char directory[PATH_MAX];
	int lock;       /* the directory; -1: none */
	struct stat st; /* of the file; if there is none, of what gives the owner */
	struct buf text;
	struct keys *keys; /* of text */
};

static bool
fail(const struct edit *e, const char *path, const char *why)
{
	buf_append_cut(e->error, "%s: %s", path, why);
	return false;
}

static bool
fail_errno(const struct edit *e, const char *path)
{
	int reason = errno;
	fail(e, path, strerror(reason));
	if (reason == EACCES || reason == EPERM)
		buf_append_cut(e->error, ": run this as root, or as the owner of these files");
	return false;
}

/* --- Before ----------------------------------------------------------- */

static bool
find_path(struct edit *e)
{
	const char *path = e->config->keys_file;
	if (strlen(path) >= sizeof e->path)
		return fail(e, path, strerror(ENAMETOOLONG));
	if (realpath(path, e->path) == NULL) {
		if (errno != ENOENT)
			return fail_errno(e, path);
		snprintf(e->path, sizeof e->path, "%s", path);
	}
	path_directory(e->path, e->directory);
	return true;
}

static bool
lock(struct edit *e)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	e->lock = open(e->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->lock == -1)
		return fail_errno(e, e->directory);
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(e->lock, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail_errno(e, e->directory);
		nanosleep(&pause, NULL);
	}
	return fail(e, e->path, "another process has been changing it for 10 seconds");
}

/* The owner of a new file: the responder, as for the tokens, or else for the directory of the state
 * file (owner.h). */
static bool
find_owner(struct edit *e)
{
	char directory[PATH_MAX];
	if (stat(e->config->tokens_file, &e->st) == -1 &&
	    stat(path_directory(e->config->state_file, directory), &e->st) == -1 &&
	    fstat(e->lock, &e->st) == -1)
		return fail_errno(e, e->directory);
	e->st.st_mode = NEW_FILE_MODE;
	return buf_puts(&e->text, HEAD) || fail(e, e->path, strerror(ENOMEM));
}

static bool
read_keys(struct edit *e)
{
	enum file_read read = config_read_private(e->path, &e->text, &e->st, e->error);
	if (read == FILE_UNUSABLE || (read == FILE_ABSENT && !find_owner(e)))
		return false;
	e->keys = keys_parse(e->path, e->text.data, e->text.len, e->error);
	return e->keys != NULL;
}

static bool
begin(struct edit *e, const struct config *config, struct buf *error)
{
	*e = (struct edit){.config = config, .error = error, .lock = -1};
	/* It may hold a key by mistake. */
	buf_init_secret(&e->text, KEYS_FILE_MAX + 1);
	return find_path(e) && lock(e) && read_keys(e);
}

static void
end(struct edit *e)
{
	keys_free(e->keys);
	buf_free(&e->text);
	if (e->lock != -1)
		close(e->lock); /* and unlocked */
}

static const struct key *
key_named(const struct keys *keys, const char *name)
{
	for (size_t i = 0; i < keys_count(keys); i++)
		if (strcmp(keys_at(keys, i)->name, name) == 0)
			return keys_at(keys, i);
	return NULL;
}

/* --- After ------------------------------------------------------------ */

/* The owner before the bytes, so that no other user ever has them. The mode before the owner: in a
 * container, root without CAP_FOWNER may change only that of its own files. */
static bool
fill(const struct edit *e, int fd)
{
	struct stat now;
	if (fstat(fd, &now) == -1)
		return false;
	bool same = now.st_uid == e->st.st_uid && now.st_gid == e->st.st_gid;
	if (fchmod(fd, e->st.st_mode & 07777) == -1)
		return false;
	if (!same && fchown(fd, e->st.st_uid, e->st.st_gid) == -1)
		return false;
	return write_all(fd, e->text.data, e->text.len) && fsync(fd) == 0;
}

/* Under the lock no other process creates a file of that name: what is there was left by one that
 * was killed. */
static bool
write_keys(const struct edit *e)
{
	char fresh[PATH_MAX + sizeof(".new")];
	snprintf(fresh, sizeof fresh, "%s.new", e->path);
	if (unlink(fresh) == -1 && errno != ENOENT)
		return fail_errno(e, fresh);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return fail_errno(e, fresh);
	bool good = fill(e, fd) || fail_errno(e, fresh);
	if (close(fd) == -1 && good)
		good = fail_errno(e, fresh);
	if (good && rename(fresh, e->path) == -1)
		good = fail_errno(e, e->path);
	if (!good)
		unlink(fresh);
	else if (fsync(e->lock) == -1 && errno != EINVAL)
		good = fail_errno(e, e->directory);
	return good;
}

/* --- What can be changed ---------------------------------------------- */

/* 32 letters of six bits each. */
static bool
make_key(char key[static KEY_SIZE])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-_";
	uint8_t bytes[32];
	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		return false;
	size_t n = strlen(KEY_PREFIX);
	memcpy(key, KEY_PREFIX, n);
	for (size_t i = 0; i < sizeof bytes; i++)
		key[n + i] = letters[bytes[i] & 63];
	key[n + sizeof bytes] = '\0';
	explicit_bzero(bytes, sizeof bytes);
	return true;
}

enum { LINE_SIZE = KEY_NAME_MAX + DIGEST_HEX_SIZE + KEY_DATE_SIZE + 64 };

static size_t
write_line(const struct key *key, char line[static LINE_SIZE])
{
	char hex[DIGEST_HEX_SIZE], daily[32], monthly[32];
	const struct key_budget *budget = &key->budget;
	text_show_cap(budget->daily_cap, daily);
	text_show_cap(budget->monthly_cap, monthly);
	bool is_daily = budget->daily_cap != 0, is_monthly = budget->monthly_cap != 0;
	return (size_t)snprintf(line, LINE_SIZE, "%s %s%s%s%s%s%s%s\n", key->name,
				digest_hex(key->hash, hex), key->since[0] == '\0' ? "" : " ",
				key->since, is_daily ? " daily=" : "", is_daily ? daily : "",
				is_monthly ? " monthly=" : "", is_monthly ? monthly : "");
}

/* Puts a key's line at that place of the file, which must then be one that can be read. */
static bool
insert_line(struct edit *e, size_t at, const struct key *key)
{
	char line[LINE_SIZE];
	struct buf *text = &e->text;
	size_t n = write_line(key, line), behind = text->len - at;
	if (!buf_add(text, line, n))
		return fail(e, e->path, "would be too large, or out of memory");
	memmove(text->data + at + n, text->data + at, behind);
	memcpy(text->data + at, line, n);
	keys_free(e->keys);
	e->keys = keys_parse(e->path, text->data, text->len, e->error);
	return e->keys != NULL;
}

/* Adds the line of a new key. */
static bool
add(struct edit *e, const char *name, const struct key_budget *budget, char key[static KEY_SIZE])
{
	struct key line = {.budget = *budget};
	char now[CLOCK_RFC3339_SIZE];
	if (key_named(e->keys, name) != NULL) {
		buf_append_cut(e->error,
			       "%s already has a key: remove it first (key remove %s), or use "
			       "another name",
			       name, name);
		return false;
	}
	if (keys_count(e->keys) == KEYS_MAX)
		return fail(e, e->path, "already holds the maximum number of keys");
	if (!make_key(key))
		return fail(e, e->path, "cannot get random bytes for a key");
	keys_hash(key, line.hash);
	snprintf(line.name, sizeof line.name, "%s", name);
	snprintf(line.since, sizeof line.since, "%.*s", (int)KEY_DATE_SIZE - 1,
		 clock_rfc3339(clock_wall_ms(), now));
	bool whole = e->text.len == 0 || e->text.data[e->text.len - 1] == '\n';
	if (!whole && !buf_puts(&e->text, "\n"))
		return fail(e, e->path, strerror(ENOMEM));
	return insert_line(e, e->text.len, &line);
}

/* Cuts the line of that number out; returns where it was. */
static size_t
cut_line(struct buf *text, int line)
{
	char *at = text->data, *end = text->data + text->len;
	while (--line > 0)
		at = (char *)memchr(at, '\n', (size_t)(end - at)) + 1;
	char *newline = memchr(at, '\n', (size_t)(end - at));
	char *next = newline == NULL ? end : newline + 1;
	memmove(at, next, (size_t)(end - next));
	buf_cut(text, text->len - (size_t)(next - at));
	return (size_t)(at - text->data);
}

/* Copies the entry of a name, and cuts its line out; *at: from where. */
static bool
take_out(struct edit *e, const char *name, struct key *key, size_t *at)
{
	const struct key *found = key_named(e->keys, name);
	if (found == NULL) {
		buf_append_cut(e->error, "%s: no key has that name (key list shows them)", e->path);
		return false;
	}
	*key = *found;
	*at = cut_line(&e->text, key->line);
	return true;
}

bool
keys_edit_add(const struct config *config, const char *name, const struct key_budget *budget,
	      char key[static KEY_SIZE], struct buf *error)
{
	struct edit e;
	if (!keys_is_name(name)) {
		buf_append_cut(error,
			       "a key's name is a letter and up to %d letters, digits, '.', '_' or "
			       "'-'",
			       KEY_NAME_MAX - 2);
		return false;
	}
	bool done = begin(&e, config, error) && add(&e, name, budget, key) && write_keys(&e);
	end(&e);
	return done;
}

bool
keys_edit_budget(const struct config *config, const char *name, const struct key_budget *budget,
		 struct buf *error)
{
	struct edit e;
	struct key key;
	size_t at;
	bool done = begin(&e, config, error) && take_out(&e, name, &key, &at);
	if (done && budget->daily_cap >= 0)
		key.budget.daily_cap = budget->daily_cap;
	if (done && budget->monthly_cap >= 0)
		key.budget.monthly_cap = budget->monthly_cap;
	done = done && insert_line(&e, at, &key) && write_keys(&e);
	end(&e);
	return done;
}

bool
keys_edit_remove(const struct config *config, const char *name, struct buf *error)
{
	struct edit e;
	struct key key;
	size_t at;
	bool done = begin(&e, config, error) && take_out(&e, name, &key, &at) && write_keys(&e);
	end(&e);
	return done;
}
