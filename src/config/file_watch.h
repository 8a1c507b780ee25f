/* SPDX-License-Identifier: MIT */
/* Whether a file has changed, seen by looking at it now and then: one stat(2) a
 * look. For what is taken up while we run: configuration, credentials.
 *
 * A change is told when two looks in a row see the same of it. Editors cut a file
 * and write it again, or move it away and put a new one there: what stands under
 * the path in between is half a file, or none, and may well be readable as one.
 *
 * A struct watch_file is its owner's; all zero it is one of a file that was not
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

struct watch_file {
	struct file_identity taken; /* when it was read */
	struct file_identity seen;  /* at the last look */
};

enum watch_news {
	WATCH_SAME,    /* as it was read */
	WATCH_MOVES,   /* another one than at the last look: look again soon */
	WATCH_CHANGED, /* another one than was read, and at rest */
};

/* Looks at the file that path leads to. */
enum watch_news watch_file_look(struct watch_file *watch, const char *path);

/* The file is about to be read. Called before, never after: what is written
 * while it is read is then seen at the next look. */
void watch_file_mark(struct watch_file *watch, const char *path);

#endif
