/* SPDX-License-Identifier: MIT */
/* HTTP header lines as a list. Borrows all texts; thread-safe. */
#ifndef BASE_HEADERS_H
#define BASE_HEADERS_H

#include <stddef.h>

struct header {
	const char *name; /* lower case, with dashes */
	const char *value;
};

/* In the order in which they came; a name may occur more than once. */
struct headers {
	struct header *list;
	size_t n;
};

/* Returns the value of the first header of that name (lower case); NULL: there is none. */
const char *headers_find(const struct headers *headers, const char *name);

#endif
