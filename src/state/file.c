/* SPDX-License-Identifier: MIT */
#include "state/file.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OPEN_TRIES 32
#define FILE_MODE  0640

/* ---- Errors --------------------------------------------------------------- */

static void
explain_denied(const char *path, struct buf *error)
{
	char buffer[PATH_MAX];
	const char *directory = path_directory(path, buffer);
	unsigned us = (unsigned)geteuid();
	struct stat there;
	if (lstat(path, &there) == 0)
		buf_append_cut(
		    error,
		    "state file %s: not writable: it belongs to uid %u and has mode %04o, and "
		    "this is uid %u. Run this as the user that the router runs as; if that is this "
		    "one, type: chown %u %s && chmod 640 %s",
		    path, (unsigned)there.st_uid, (unsigned)there.st_mode & 07777, us, us, path,
		    path);
	else
		buf_append_cut(
		    error,
		    "state file %s: uid %u may not write in %s. Type: chown %u %s && chmod "
		    "u+rwx %s",
		    path, us, directory, us, directory, directory);
}

static void
explain_errno(const char *path, int number, struct buf *error)
{
	char buffer[PATH_MAX];
	const char *directory = path_directory(path, buffer);
	switch (number) {
	case ENOENT:
	case ENOTDIR:
		buf_append_cut(
		    error,
		    "state file %s: there is no directory %s. Type: mkdir -p %s && chown %u %s",
		    path, directory, directory, (unsigned)geteuid(), directory);
		break;
	case EACCES:
	case EPERM:
		explain_denied(path, error);
		break;
	case EROFS:
		buf_append_cut(
		    error,
		    "state file %s: the file system is read-only. Make it writable, or name "
		    "another place by state_file",
		    path);
		break;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		buf_append_cut(
		    error,
		    "state file %s: no room for its %zu KB (%s). Make room there (df %s), or name "
		    "another place by state_file",
		    path, sizeof(struct state_image) / 1024, strerror(number), directory);
		break;
	case ELOOP:
		buf_append_cut(
		    error, "state file %s: it is a symbolic link. Name the file that it leads to",
		    path);
		break;
	default:
		buf_append_cut(error, "state file %s: %s", path, strerror(number));
	}
}

/* ---- Opening and making --------------------------------------------------- */

/* A further result of the steps of state_file_open(). */
enum { AGAIN = -3 };

/* Creates the file, empty, ours and 0640 whatever the umask. Root, who may run the control program
 * first, gives it to the owner of the directory. */
static int
create(const char *path)
{
	char buffer[PATH_MAX];
	struct stat directory;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -1;
	if (geteuid() == 0 && stat(path_directory(path, buffer), &directory) == 0 &&
	    fchown(fd, directory.st_uid, directory.st_gid) != 0)
		log_line(LOG_WARNING, "state file %s: cannot give it to uid %u: %s", path,
			 (unsigned)directory.st_uid, strerror(errno));
	if (fchmod(fd, FILE_MODE) != 0)
		log_line(LOG_WARNING, "state file %s: cannot give it mode 0640: %s", path,
			 strerror(errno));
	return fd;
}

/* Opens what is at the path, or creates it. O_NONBLOCK: a FIFO would block. */
static int
open_path(const struct state_file_options *options, struct buf *error)
{
	int flags =
	    (options->is_readonly ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	int fd = open(options->path, flags);
	if (fd < 0 && errno == ENOENT && !options->is_readonly)
		fd = create(options->path);
	if (fd < 0 && errno == EEXIST)
		return AGAIN;
	struct stat here;
	if (fd >= 0 && fstat(fd, &here) == 0 && S_ISREG(here.st_mode))
		return fd;
	if (fd >= 0 || errno == EISDIR || errno == ENXIO)
		buf_append_cut(
		    error,
		    "state file %s: it is not a regular file. Move it away, or name another "
		    "place by state_file",
		    options->path);
	else if (errno == ENOENT && options->is_readonly)
		buf_append_cut(
		    error,
		    "state file %s: it does not exist yet; the router creates it when it starts",
		    options->path);
	else if (errno == EACCES && options->is_readonly)
		buf_append_cut(
		    error,
		    "state file %s: uid %u may not read it. Run this as root, or as the user "
		    "that the router runs as",
		    options->path, (unsigned)geteuid());
	else
		explain_errno(options->path, errno, error);
	if (fd >= 0)
		close(fd);
	return STATE_NO_FILE;
}

/* Waits for the process that creates the file, which takes a millisecond. */
static bool
lock_file(int fd, int how, int64_t for_ms)
{
	int64_t until_ms = clock_steady_ms() + for_ms;
	while (flock(fd, how | LOCK_NB) != 0) {
		if (clock_steady_ms() >= until_ms)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return true;
}

/* Gives an empty file its space and its content: our last copy, if there is one. */
static int
fill(const struct state_file_options *options, int fd, struct buf *error)
{
	struct state_image *image = calloc(1, sizeof *image);
	int number = image == NULL ? ENOMEM : posix_fallocate(fd, 0, sizeof *image);
	if (number == 0 && options->last != NULL) {
		memcpy(image, options->last, sizeof *image);
	} else if (number == 0) {
		state_image_make(image);
		number = state_image_make_key(image, options->key) ? 0 : errno;
	}
	if (number == 0 && !write_all(fd, image, sizeof *image))
		number = errno;
	state_image_free(image);
	if (number == 0)
		return fd;
	explain_errno(options->path, number, error);
	if (ftruncate(fd, 0) != 0)
		log_line(LOG_WARNING, "state file %s: %s", options->path, strerror(errno));
	return STATE_NO_FILE;
}

/* The seconds in the name of a file set aside, "<base>.bad-<seconds>"; 0: another name. */
static long long
seconds_of(const char *entry, const char *base)
{
	char *end;
	size_t n = strlen(base);
	if (!str_starts_with(entry, base) || !str_starts_with(entry + n, ".bad-"))
		return 0;
	const char *digits = entry + n + 5;
	errno = 0;
	long long seconds = strtoll(digits, &end, 10);
	return *digits >= '1' && *digits <= '9' && *end == '\0' && errno == 0 ? seconds : 0;
}

/* Removes what was set aside before, except the newest: a recurring fault must not fill the disk.
 * The one of this moment stays, whatever the clock says. */
static void
forget_oldest(const char *path, long long newest)
{
	char buffer[PATH_MAX], name[PATH_MAX + 32];
	long long kept[STATE_BAD_MAX - 1] = {0}; /* the newest others, so far; 0: none */
	const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
	DIR *listing = opendir(path_directory(path, buffer));
	for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) {
		long long oldest = seconds_of(entry->d_name, base);
		if (oldest == newest)
			continue;
		for (size_t i = 0; i < STATE_BAD_MAX - 1; i++) {
			long long before = kept[i];
			kept[i] = oldest > before ? oldest : before;
			oldest = oldest > before ? before : oldest;
		}
		snprintf(name, sizeof name, "%s.bad-%lld", base, oldest);
		if (oldest > 0 && unlinkat(dirfd(listing), name, 0) == 0)
			log_line(LOG_NOTICE, "state file %s: %s is removed; the newest %d are kept",
				 path, name, STATE_BAD_MAX);
	}
	if (listing != NULL)
		closedir(listing);
}

/* Moves a damaged file to path.bad-<seconds>; the caller holds its flock. */
static int
set_aside(const struct state_file_options *options, const char *why, struct buf *error)
{
	char name[PATH_MAX + 32];
	long long seconds = clock_wall_ms() / 1000 - 1;
	do
		snprintf(name, sizeof name, "%s.bad-%lld", options->path, ++seconds);
	while (access(name, F_OK) == 0);
	if (rename(options->path, name) != 0) {
		buf_append_cut(error, "state file %s: it is %s, and cannot be moved away: %s",
			       options->path, why, strerror(errno));
		return STATE_NO_FILE;
	}
	log_line(LOG_WARNING, "state file %s was %s: moved to %s, and recreated %s", options->path,
		 why, name, options->last == NULL ? "empty" : "from memory");
	forget_oldest(options->path, seconds);
	return AGAIN;
}

static const char *const cures[] = {
    [STATE_DAMAGED] = "The router sets it aside when it starts",
    [STATE_NEWER] = "Use the newer program, or name another place by state_file",
    [STATE_FOREIGN] = "Restart what still runs with the old key"};

/* Reads the file and does what it needs: with its flock held, so that no other process does it
 * too. */
static int
examine(const struct state_file_options *options, int fd, struct buf *error)
{
	struct stat here, there;
	if (fstat(fd, &here) != 0 || lstat(options->path, &there) != 0 ||
	    here.st_ino != there.st_ino || here.st_dev != there.st_dev)
		return AGAIN; /* it was moved away while we waited for the flock */
	if (here.st_size == 0 && !options->is_readonly)
		return fill(options, fd, error);
	struct state_image *image = calloc(1, sizeof *image);
	ssize_t n = image == NULL ? -1 : pread(fd, image, sizeof *image, 0);
	if (n < 0) {
		explain_errno(options->path, errno, error);
		state_image_free(image);
		return STATE_NO_FILE;
	}
	const char *why;
	size_t bytes = n < (ssize_t)sizeof *image ? (size_t)n : (size_t)here.st_size;
	enum state_soundness soundness = state_image_judge(image, bytes, &why);
	if (soundness == STATE_SOUND && options->key != NULL &&
	    memcmp(image->header.key, options->key, DIGEST_KEY_SIZE) != 0)
		soundness = STATE_FOREIGN, why = "made with another share_key";
	state_image_free(image);
	if (soundness == STATE_SOUND)
		return fd;
	if (!options->is_readonly &&
	    (soundness == STATE_DAMAGED || (soundness == STATE_FOREIGN && options->last == NULL)))
		return set_aside(options, why, error);
	buf_append_cut(error, "state file %s: it is %s. %s", options->path, why, cures[soundness]);
	return STATE_NO_FILE;
}

int
state_file_open(const struct state_file_options *options, int64_t for_ms, struct buf *error)
{
	for (int i = 0; i < OPEN_TRIES; i++) {
		int fd = open_path(options, error);
		if (fd == AGAIN)
			continue;
		if (fd < 0)
			return fd;
		int result = STATE_LATER;
		if (lock_file(fd, options->is_readonly ? LOCK_SH : LOCK_EX, for_ms))
			result = examine(options, fd, error);
		flock(fd, LOCK_UN);
		if (result >= 0)
			return fd;
		close(fd);
		if (result != AGAIN)
			return result;
	}
	return STATE_LATER;
}
