/* SPDX-License-Identifier: MIT */
/* Reading one of our small files: configuration, tokens, keys.
 *
 * The caller owns the buffers; nothing stays open. Never waits; safe in any thread. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "base/buf.h"

#include <stdbool.h>
#include <sys/stat.h>

enum file_read { FILE_READ, FILE_ABSENT, FILE_UNUSABLE };

/* Reads a file once: appends it to bytes, whose maximum is the limit (one byte less, to see the
 * end) and whose memory does not move for a file that keeps its size; *st: the status of what was
 * read. Reads regular files only. Unless FILE_READ, why gets a sentence that begins with the path,
 * cut at its maximum, and bytes may hold a part of the file. */
enum file_read config_read_file(const char *path, struct buf *bytes, struct stat *st,
				struct buf *why);

/* The same for a file with secrets: also unusable if others than its owner and group may read it,
 * or others than its owner may write it; the sentence says what to type. Adds no sentence for an
 * absent one. */
enum file_read config_read_private(const char *path, struct buf *bytes, struct stat *st,
				   struct buf *why);

/* Iterates over the lines of a text. */
struct lines {
	const char *text;
	size_t n;
	size_t next;       /* where the next line begins */
	size_t begin, end; /* of this line, without its \n */
	int number;        /* of this line, from 1 */
};

/* The text's n bytes are borrowed; a leading byte order mark is skipped. */
struct lines lines_of(const char *text, size_t n);

/* Moves to the next line; false: there is none. */
bool lines_next(struct lines *lines);

/* Whether this line holds a NUL, which no text does. */
bool lines_is_binary(const struct lines *lines);

#endif
