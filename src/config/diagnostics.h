/* SPDX-License-Identifier: MIT */
/* What is wrong with a configuration, collected to be reported in the file's order.
 *
 * The collection owns copies of all texts; diagnostics_fini() ends it. What does not fit, or finds
 * no memory, is left out; any is true all the same. One thread at a time. */
#ifndef CONFIG_DIAGNOSTICS_H
#define CONFIG_DIAGNOSTICS_H

#include "base/buf.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Instead of a line */
#define DIAGNOSTIC_WHOLE_FILE  0
#define DIAGNOSTIC_ENVIRONMENT INT_MAX

struct diagnostic {
	int line;
	size_t at; /* of its text */
};

struct diagnostics {
	const char *path; /* of the file; borrowed */
	struct buf texts; /* each ends in a NUL */
	struct diagnostic *list;
	size_t n;
	bool any; /* something is wrong, collected or left out */
};

/* Makes an empty collection of up to max_bytes. path must outlive it. */
void diagnostics_init(struct diagnostics *d, const char *path, size_t max_bytes);
void diagnostics_fini(struct diagnostics *d);

/* Adds one, of one line: "PATH:LINE: …", "PATH: …" or "environment: …". */
void diagnostics_add(struct diagnostics *d, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds one about the whole file, whose text already names the path. */
void diagnostics_add_whole(struct diagnostics *d, const char *text);

/* Adds "out of memory". */
void diagnostics_add_memory(struct diagnostics *d);

/* Appends all to out, a newline before each but a first one, ordered by their lines in the file;
 * those of one line in the order in which they came, those of the environment last. */
void diagnostics_report(struct diagnostics *d, struct buf *out);

#endif
