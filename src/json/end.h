/* SPDX-License-Identifier: MIT */
/* Finds the end of a JSON object whose bytes come piece by piece, each read once: a response is
 * complete when its JSON is (BEHAVIOUR 4), and no provider may make us read all of it again for
 * each piece. Checks nothing of what is in between: scan.h does. Pure; one for each response. */
#ifndef JSON_END_H
#define JSON_END_H

#include <stdbool.h>
#include <stddef.h>

struct json_end {
	size_t at;    /* bytes that were read */
	size_t depth; /* of open objects and arrays */
	bool string;  /* within a string … */
	bool escaped; /* … after a backslash */
	bool done;    /* the object has ended */
	bool other;   /* not an object, or not alone */
};

/* Reads the bytes from end->at on, of a text that only grows. True, once, when its object ends with
 * the last byte that is not white space. */
bool json_end_reached(struct json_end *end, const char *text, size_t n);

/* The same for one byte more, in place of a text; end->at is not used. */
void json_end_take(struct json_end *end, char c);

#endif
