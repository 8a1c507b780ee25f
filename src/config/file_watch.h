/* SPDX-License-Identifier: MIT */
/* Detects a changed file by polling: one stat(2) each time. For what is reloaded while we run:
 * configuration, credentials.
 *
 * A change is reported when two polls in a row see the same file. Editors truncate a file and write
 * it again, or move it away and put a new one there: what is at the path in between is half a file,
 * or none, and may well parse.
 *
 * A struct file_watch belongs to its caller; all zero means a file that was absent. Nothing here
 * fails: a file whose status cannot be read counts as absent. One thread at a time. */
#ifndef CONFIG_FILE_WATCH_H
#define CONFIG_FILE_WATCH_H

#include <stdbool.h>
#include <sys/stat.h>

/* What a file looked like. */
struct file_identity {
	bool exists;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct file_watch {
	struct file_identity read; /* when it was read */
	struct file_identity seen; /* at the last poll */
};

enum file_change {
	FILE_SAME,     /* as it was read */
	FILE_CHANGING, /* another one than at the last poll: poll again soon */
	FILE_CHANGED,  /* another one than was read, and stable */
};

/* Polls the file at path. */
enum file_change file_watch_poll(struct file_watch *watch, const char *path);

/* Records that the file is about to be read. Call it before, never after: what is written during
 * the reading is then seen at the next poll. */
void file_watch_mark(struct file_watch *watch, const char *path);

#endif
