/* SPDX-License-Identifier: MIT */
/* Where a JSON object ends whose bytes come piece by piece, each looked at once: an answer is
 * complete when its JSON is (BEHAVIOUR 4), and nobody may make us read all of it again for each
 * piece. Tells nothing of what stands in between: scan.h does. Pure; one an answer. */
#ifndef JSON_END_H
#define JSON_END_H

#include <stdbool.h>
#include <stddef.h>

struct json_end {
	size_t at;    /* bytes that were looked at */
	size_t depth; /* of objects and arrays that are open */
	bool string;  /* within a string … */
	bool escaped; /* … behind a backslash */
	bool done;    /* the object has ended */
	bool other;   /* it is no object, or not alone */
};

/* Looks at the bytes from end->at on, of a text that only grows. True when its object ends with
 * the last byte that is no white space, which is told once: what that costs is paid once. */
bool json_end_reached(struct json_end *end, const char *text, size_t n);

#endif
