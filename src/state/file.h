/* SPDX-License-Identifier: MIT */
/* The way from a path to a descriptor of a sound state file: opening, making,
 * judging, setting aside, and the sentences for a person when there can be none.
 *
 * Owns nothing; the descriptor is the caller's to close. While a file is made,
 * filled, judged or moved, its flock is held, so any number of processes may
 * come at once; the flock is over when a function returns. One thread a process
 * (umask, signals). Logs what it sets aside. */
#ifndef STATE_FILE_H
#define STATE_FILE_H

#include "state/image.h"

/* What is to be opened. */
struct state_file_options {
	const char *path; /* below PATH_MAX */
	bool is_readonly; /* makes, moves and writes nothing */
	/* What a new file begins with; NULL: empty, with a new key. */
	const struct state_image *last;
};

enum { STATE_NO_FILE = -1, STATE_LATER = -2 };

/* A descriptor of a sound file at the path; STATE_NO_FILE with an error text
 * when there can be none; STATE_LATER when others are at it for longer than
 * for_ms, or moved it away 32 times meanwhile. A damaged file is set aside as
 * path.bad-<seconds>, of which the newest 3 are kept. */
int state_file_open(const struct state_file_options *request, int64_t for_ms, struct buf *error);

#endif
