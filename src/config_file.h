/* Reading one of our small files: configuration, tokens, keys.
 *
 * The caller owns the buffers; nothing stays open and nothing is remembered. Never
 * waits; safe in any thread. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "buf.h"

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

/* Whether a file of that mode is safe from others: none of them reads or writes
 * it, and its group does not write it. If not, why gets a sentence that says what
 * to type. */
bool config_file_is_private(const char *path, mode_t mode, struct buf *why);

#endif
