/* SPDX-License-Identifier: MIT */
/* Opens the state file at a path: creates, checks and sets aside, and explains to people when there
 * can be none.
 *
 * Owns nothing; the caller closes the descriptor. While a file is created, filled, checked or
 * moved, its flock is held, so that any number of processes may call at once; no flock is held when
 * a function returns. One thread for each process (umask, signals). Logs what it sets aside. */
#ifndef STATE_FILE_H
#define STATE_FILE_H

#include "state/image.h"

/* What to open. */
struct state_file_options {
	const char *path; /* below PATH_MAX */
	bool is_readonly; /* creates, moves and writes nothing */
	/* The content of a new file; NULL: the state is being opened, and a new file is empty. */
	const struct state_image *last;
	const uint8_t *key; /* DIGEST_KEY_SIZE bytes that the file must have; NULL: any */
};

enum { STATE_NO_FILE = -1, STATE_LATER = -2 };

/* Returns a descriptor of a sound file at the path; STATE_NO_FILE with an error text when there can
 * be none, or the one there has another key while we have a content; STATE_LATER when other
 * processes hold it for longer than for_ms, or have moved it away 32 times. A damaged file, or one
 * with another key, is set aside as path.bad-<seconds>, of which the newest 3 are kept. */
int state_file_open(const struct state_file_options *options, int64_t for_ms, struct buf *error);

#endif
