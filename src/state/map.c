/* SPDX-License-Identifier: MIT */
#include "state/map.h"

#include "base/log.h"
#include "state/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TRIES  64
#define OPEN_FOR_MS 5000

/* A mutable global: a signal handler gets an address and nothing else, and must find the mapping
 * that contains it. */
static struct state_map *volatile maps;
static struct sigaction sigbus_before;

/* ---- SIGBUS --------------------------------------------------------------- */

/* The file was truncated below its mapping. Maps blank memory so that reading can continue, which
 * state_image_is_whole() detects; state_map_follow() repairs it. */
static void
on_sigbus(int signal_number, siginfo_t *info, void *context)
{
	(void)context;
	for (struct state_map *map = maps; map != NULL; map = map->next) {
		uintptr_t from = (uintptr_t)map->image, at = (uintptr_t)info->si_addr;
		if (from == 0 || at < from || at - from >= sizeof *map->image)
			continue;
		int saved_errno = errno;
		void *base = mmap(map->image, sizeof *map->image, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		errno = saved_errno;
		if (base == MAP_FAILED)
			break;
		map->is_lost = 1;
		return;
	}
	sigaction(SIGBUS, &sigbus_before, NULL);
	raise(signal_number);
}

static void
watch_mapping(struct state_map *map)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
	sigemptyset(&action.sa_mask);
	if (maps == NULL)
		sigaction(SIGBUS, &action, &sigbus_before);
	map->next = maps;
	maps = map;
}

static void
unwatch_mapping(struct state_map *map)
{
	struct state_map *volatile *at = &maps;
	while (*at != NULL && *at != map)
		at = (struct state_map *volatile *)&(*at)->next;
	if (*at == NULL)
		return;
	*at = map->next;
	if (maps == NULL)
		sigaction(SIGBUS, &sigbus_before, NULL);
}

/* ---- Locks ---------------------------------------------------------------- */

static bool
lock_byte(const struct state_map *map, off_t byte, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	return map->fd < 0 || fcntl(map->fd, F_OFD_SETLK, &lock) == 0;
}

/* Whether another process has locked it. F_OFD_GETLK does not report our own locks. */
static bool
is_locked(const struct state_map *map, off_t byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	return map->fd >= 0 && fcntl(map->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool
state_map_lock(const struct state_map *map)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (lock_byte(map, STATE_WRITE_BYTE, F_WRLCK))
			return true;
		sched_yield();
	}
	return false;
}

void
state_map_unlock(const struct state_map *map)
{
	lock_byte(map, STATE_WRITE_BYTE, F_UNLCK);
}

bool
state_map_lock_check(struct state_map *map)
{
	if (map->is_checking || map->is_readonly)
		return false; /* an OFD lock would be granted to its own holder again */
	map->is_checking = lock_byte(map, STATE_CHECK_BYTE, F_WRLCK);
	return map->is_checking;
}

void
state_map_unlock_check(struct state_map *map)
{
	if (map->is_checking)
		lock_byte(map, STATE_CHECK_BYTE, F_UNLCK);
	map->is_checking = false;
}

bool
state_map_lock_share(struct state_map *map)
{
	if (!map->is_sharing && !map->is_readonly)
		map->is_sharing = lock_byte(map, STATE_SHARE_BYTE, F_WRLCK);
	return map->is_sharing;
}

bool
state_map_is_shared(const struct state_map *map)
{
	return map->is_sharing || is_locked(map, STATE_SHARE_BYTE);
}

struct state_process *
state_map_claim_process(struct state_map *map)
{
	for (int i = 0; i < STATE_PROCESSES && map->process < 0; i++)
		if (lock_byte(map, STATE_PROCESS_BYTES + i, F_WRLCK))
			map->process = i;
	return map->process < 0 ? NULL : &map->image->processes[map->process];
}

bool
state_map_has_process(const struct state_map *map, size_t i)
{
	return map->process == (int)i || is_locked(map, STATE_PROCESS_BYTES + (off_t)i);
}

/* ---- Mapping -------------------------------------------------------------- */

/* Replaces the current mapping. */
static void
replace_mapping(struct state_map *map, struct state_image *image, int fd)
{
	struct state_image *before = map->image;
	map->image = image;
	/* on_sigbus() must know it before it is touched. */
	atomic_signal_fence(memory_order_seq_cst);
	map->is_lost = 0;
	map->kept = 0;
	if (before != NULL)
		munmap(before, sizeof *before);
	if (map->fd >= 0)
		close(map->fd);
	map->fd = fd;
	map->process = -1; /* its lock ended with the old file */
	if (map->is_checking)
		lock_byte(map, STATE_CHECK_BYTE, F_WRLCK);
	map->is_sharing = map->is_sharing && lock_byte(map, STATE_SHARE_BYTE, F_WRLCK);
}

/* Maps an open file, and takes ownership of its descriptor. */
static bool
map_file(struct state_map *map, int fd)
{
	struct stat here;
	int access = map->is_readonly ? PROT_READ : PROT_READ | PROT_WRITE;
	struct state_image *image = mmap(NULL, sizeof *image, access, MAP_SHARED, fd, 0);
	if (image == MAP_FAILED || fstat(fd, &here) != 0) {
		if (image != MAP_FAILED)
			munmap(image, sizeof *image);
		close(fd);
		return false;
	}
	replace_mapping(map, image, fd);
	map->dev = here.st_dev;
	map->ino = here.st_ino;
	return state_map_keep(map);
}

/* Continues in memory, with our last copy. */
static void
map_memory(struct state_map *map)
{
	struct state_image *image =
	    mmap(NULL, sizeof *image, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (image == MAP_FAILED)
		return; /* state_map_view() still has our copy, and changes wait in the queue */
	memcpy(image, map->last, sizeof *image);
	replace_mapping(map, image, -1);
}

bool
state_map_keep(struct state_map *map)
{
	return state_image_keep(map->last, map->image, &map->kept);
}

const struct state_image *
state_map_view(const struct state_map *map)
{
	return state_image_is_whole(map->image) ? map->image : map->last;
}

/* ---- Following the path --------------------------------------------------- */

static int
open_at_path(const struct state_map *map, int64_t for_ms, struct buf *error)
{
	struct state_file_options request = {map->path, map->is_readonly, map->last,
					     map->is_keyed ? map->key : NULL};
	return state_file_open(&request, for_ms, error);
}

static bool
is_at_path(const struct state_map *map)
{
	struct stat there;
	return map->fd >= 0 && lstat(map->path, &there) == 0 && there.st_ino == map->ino &&
	       there.st_dev == map->dev && there.st_size == sizeof *map->image;
}

/* Whether the mapping holds a state, as far as can be seen without a lock. */
static bool
is_mapping_sound(const struct state_map *map)
{
	const char *why;
	return !map->is_lost &&
	       state_image_judge(map->image, sizeof *map->image, &why) == STATE_SOUND &&
	       !map->is_lost;
}

void
state_map_follow(struct state_map *map)
{
	struct buf error;
	bool is_sound = is_mapping_sound(map);
	if (is_sound && is_at_path(map)) {
		/* Perhaps something was mounted over it for a while. */
		if (map->is_reported)
			log_line(LOG_NOTICE, "state file %s: it is available again", map->path);
		map->is_reported = false;
		return;
	}
	/* What can still be read of the mapping is the newest. */
	state_map_keep(map);
	buf_init(&error, ERROR_TEXT_MAX);
	int fd = open_at_path(map, 0, &error);
	if (fd >= 0 && map_file(map, fd)) {
		log_line(LOG_NOTICE, "state file %s: reopened", map->path);
		map->is_reported = false;
	} else if (fd != STATE_LATER) {
		if (!is_sound)
			map_memory(map);
		if (!map->is_reported)
			log_line(LOG_ERR, "%s. Continuing in memory",
				 fd >= 0 ? "state file: it cannot be mapped" : buf_text(&error));
		map->is_reported = true;
	}
	buf_free(&error);
}

/* ---- Opening and closing -------------------------------------------------- */

bool
state_map_init(struct state_map *map, const char *path, const uint8_t *key, bool is_readonly,
	       struct buf *error)
{
	*map = (struct state_map){.fd = -1,
				  .process = -1,
				  .is_readonly = is_readonly,
				  .is_keyed = key != NULL,
				  .path = strdup(path)};
	if (key != NULL)
		memcpy(map->key, key, sizeof map->key);
	if (map->path == NULL)
		goto no_memory;
	watch_mapping(map);
	int fd = open_at_path(map, OPEN_FOR_MS, error);
	if (fd == STATE_LATER)
		buf_append_cut(error,
			       "state file %s: another process keeps it locked: "
			       "see fuser %s",
			       path, path);
	if (fd < 0)
		goto failed;
	map->last = calloc(1, sizeof *map->last);
	if (map->last != NULL)
		state_image_make(map->last);
	if (map->last == NULL)
		close(fd);
	else if (map_file(map, fd))
		return true;
no_memory:
	buf_append_cut(error, "state file %s: %s", path, strerror(errno));
failed:
	state_map_fini(map);
	return false;
}

void
state_map_fini(struct state_map *map)
{
	if (map->path == NULL)
		return;
	if (map->image != NULL)
		munmap(map->image, sizeof *map->image);
	unwatch_mapping(map);
	if (map->fd >= 0)
		close(map->fd);
	state_image_free(map->last);
	free(map->path);
	explicit_bzero(map->key, sizeof map->key);
	*map = (struct state_map){.fd = -1, .process = -1};
}
