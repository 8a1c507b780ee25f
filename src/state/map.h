/* SPDX-License-Identifier: MIT */
/* A mapped state file: the locks on its bytes, survival of a truncation below the mapping (SIGBUS),
 * our last copy, and following the path to the file that is there now.
 *
 * A struct state_map belongs to its caller, who must not move it while it is open: a signal handler
 * knows its address. One thread for each process; never fork without exec while one is open (the
 * locks would outlive us in the child). */
#ifndef STATE_MAP_H
#define STATE_MAP_H

#include "state/image.h"

#include <signal.h>
#include <sys/types.h>

struct state_map {
	struct state_image *image;     /* mapped; anonymous memory while there can be no file */
	struct state_image *last;      /* our last copy of it, to recreate it from */
	uint64_t kept;                 /* header.changes of that copy */
	volatile sig_atomic_t is_lost; /* set by the handler of SIGBUS */
	bool is_readonly;
	bool is_checking; /* we hold the health check's lock */
	bool is_sharing;  /* we hold the messenger's lock */
	bool is_reported; /* it was logged that there is no file */
	int process;      /* the process slot whose lock we hold; -1: none */
	int fd;           /* -1: no file */
	dev_t dev;
	ino_t ino;
	char *path;
	bool is_keyed;                /* only a file with this key is mapped */
	uint8_t key[DIGEST_KEY_SIZE]; /* zeros if not */
	struct state_map *next;       /* of all that are open */
};

/* Opens or creates the file at path, with that key (NULL: any), read-only or not, and maps it.
 * False and an error text on failure; then there is nothing to end. May wait up to 5 s. */
bool state_map_init(struct state_map *map, const char *path, const uint8_t *key, bool is_readonly,
		    struct buf *error);

/* Unmaps and frees, and releases all locks. The struct may be zeros. */
void state_map_fini(struct state_map *map);

/* Returns what to read from: the file, or our last copy while the file is truncated. Valid until
 * the next state_map_follow(). */
const struct state_image *state_map_view(const struct state_map *map);

/* Checks whether the path still leads to what is mapped, and maps the right file if not. On failure
 * it continues in memory, which it logs once, and tries again at the next call. */
void state_map_follow(struct state_map *map);

/* Updates our copy from what is mapped. False: that is truncated. */
bool state_map_keep(struct state_map *map);

/* The write lock; tries for some microseconds. True without a file: no other process sees that
 * memory. Never take it twice: that would succeed, and the first unlock would end both. */
bool state_map_lock(const struct state_map *map);
void state_map_unlock(const struct state_map *map);

/* The health check's lock, which follows us to a recreated file. False: a process holds it, perhaps
 * this one, or the map is read-only. */
bool state_map_lock_check(struct state_map *map);
void state_map_unlock_check(struct state_map *map);

/* The messenger's lock, which follows us to a recreated file as long as no other process has it
 * there. False: another process holds it, or the map is read-only. */
bool state_map_lock_share(struct state_map *map);

/* Whether a process, perhaps this one, holds it. */
bool state_map_is_shared(const struct state_map *map);

/* Returns our process slot, locked until the map is closed or another file mapped; the first call
 * takes one that no living process has. NULL: none is left. Not for a read-only map. */
struct state_process *state_map_claim_process(struct state_map *map);

/* Whether a living process, perhaps this one, has the slot i < STATE_PROCESSES. */
bool state_map_has_process(const struct state_map *map, size_t i);

#endif
