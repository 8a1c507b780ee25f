/* SPDX-License-Identifier: MIT */
/* Reading one of our small files: configuration, tokens, keys.
 *
 * The caller owns the buffers; nothing stays open and nothing is remembered. Never
 * waits; safe in any thread. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "base/buf.h"

#include <stdbool.h>
#include <sys/stat.h>

enum file_read { FILE_READ, FILE_ABSENT, FILE_UNUSABLE };

/* Reads a file once: appends it to bytes, whose maximum is the limit (one byte
 * less, to see the end) and whose memory is not moved for a file that keeps its
 * size; *st gets the status of what was read. Only a regular file is read. Unless
 * FILE_READ, why gets a sentence that begins with the path, cut at its maximum,
 * and bytes may hold a part of the file. */
enum file_read config_read_file(const char *path, struct buf *bytes, struct stat *st,
				struct buf *why);

/* The same of a file with secrets: unusable, too, unless none but its owner and group
 * read it and none but its owner writes it; the sentence says what to type. To one that
 * is absent nothing is said. */
enum file_read config_read_private(const char *path, struct buf *bytes, struct stat *st,
				   struct buf *why);

/* The lines of a text, one after the other. */
struct lines {
	const char *text;
	size_t n;
	size_t next;       /* where the next line begins */
	size_t begin, end; /* of this line, without its \n */
	int number;        /* of this line, from 1 */
};

/* The text's n bytes are borrowed; a byte order mark in front is passed over. */
struct lines lines_of(const char *text, size_t n);

/* Goes on to the next line; false: there is none. */
bool lines_next(struct lines *lines);

/* Whether this line holds a NUL, as no text does. */
bool lines_is_binary(const struct lines *lines);

#endif
