/* SPDX-License-Identifier: MIT */
/* Whether a file has changed, seen by looking at it now and then: one stat(2) a
 * look. For what is taken up while we run: configuration, credentials.
 *
 * A change is told when two looks in a row see the same of it. Editors cut a file
 * and write it again, or move it away and put a new one there: what stands under
 * the path in between is half a file, or none, and may well be readable as one.
 *
 * A struct file_watch is its owner's; all zero it is one of a file that was not
 * there. Nothing here fails: what cannot be looked at counts as not there. */
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
	struct file_identity taken; /* when it was read */
	struct file_identity seen;  /* at the last look */
};

enum file_change {
	FILE_SAME,     /* as it was read */
	FILE_CHANGING, /* another one than at the last look: look again soon */
	FILE_CHANGED,  /* another one than was read, and at rest */
};

/* Looks at the file that path leads to. */
enum file_change file_watch_poll(struct file_watch *watch, const char *path);

/* The file is about to be read. Called before, never after: what is written
 * while it is read is then seen at the next look. */
void file_watch_mark(struct file_watch *watch, const char *path);

#endif
