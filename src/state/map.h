/* SPDX-License-Identifier: MIT */
/* A state file as it is mapped, and what keeps it so: the locks on its bytes,
 * survival of a cut below the mapping (SIGBUS), our last copy, and following
 * the path to whatever stands there now.
 *
 * A struct state_map is its opener's, who must not move it while it is open: a
 * signal handler knows its address. One thread a process; never fork without
 * exec while one is open (the locks would outlive us in the child). */
#ifndef STATE_MAP_H
#define STATE_MAP_H

#include "state/image.h"

#include <signal.h>
#include <sys/types.h>

struct state_map {
	struct state_image *image;     /* mapped; anonymous memory while there can be no file */
	struct state_image *last;      /* our last copy of it, whence it can be made anew */
	uint64_t kept;                 /* header.changes of that copy */
	volatile sig_atomic_t is_lost; /* set by the handler of SIGBUS */
	bool is_readonly;
	bool is_checking; /* we hold the check's lock */
	bool is_troubled; /* told in the log that there is no file */
	int process;      /* the process slot whose lock we hold; -1: none */
	int fd;           /* -1: no file */
	dev_t dev;
	ino_t ino;
	char *path;
	struct state_map *next; /* of all that are open */
};

/* Opens or makes the file at path, for looking only or not, and maps it. False
 * and an error text if that cannot be; then there is nothing to end. May wait
 * up to 5 s. */
bool state_map_init(struct state_map *map, const char *path, bool is_readonly, struct buf *error);

/* Unmaps and frees, with all locks. The struct may be zeros. */
void state_map_fini(struct state_map *map);

/* What to read from: the file, or our last copy while the file is cut. Valid
 * until the next state_map_follow(). */
const struct state_image *state_map_view(const struct state_map *map);

/* Looks whether the path still leads to what is mapped, and mends that. What
 * cannot be mended now is tried again at the next call; until then it goes on in
 * memory, and says so in the log once. */
void state_map_follow(struct state_map *map);

/* Brings our copy up to what is mapped. False: that is cut. */
bool state_map_keep(struct state_map *map);

/* The write lock; tries for some microseconds. True without a file: nobody else
 * can see that memory. Not to be taken twice: that
 * would succeed, and the first unlock would end both. */
bool state_map_lock(const struct state_map *map);
void state_map_unlock(const struct state_map *map);

/* The check's lock, which follows us to a file made anew. False: somebody has it,
 * be it we, or the map is for looking only. */
bool state_map_lock_check(struct state_map *map);
void state_map_unlock_check(struct state_map *map);

/* Our process slot, with its lock until the map is closed or another file mapped;
 * the first call takes one that nobody living has. NULL: there is none left. Not
 * for a map that is for looking only. */
struct state_process *state_map_claim_process(struct state_map *map);

/* Whether somebody living, be it we, has the slot i < STATE_PROCESSES. */
bool state_map_has_process(const struct state_map *map, size_t i);

#endif
