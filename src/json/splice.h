/* SPDX-License-Identifier: MIT */
/* A copy of a text with pieces cut out and pieces inserted, made in one pass from left to right;
 * the rest stays byte for byte.
 *
 * The text and out are borrowed. Nothing is copied before the first change, so that an unchanged
 * text costs nothing. One thread. */
#ifndef JSON_SPLICE_H
#define JSON_SPLICE_H

#include "base/buf.h"

struct splice {
	const char *text;
	struct buf *out;
	size_t copied; /* bytes of the text that are done */
	bool changed;
	bool full; /* out was too small, or out of memory */
};

/* Cuts the bytes [from, to), which begin at or after the previous change. */
void splice_cut(struct splice *s, size_t from, size_t to);

/* Inserts n bytes before the byte at. */
void splice_insert(struct splice *s, size_t at, const void *bytes, size_t n);

/* Copies the rest, up to len. False: out was too small at any time, or out of memory. */
bool splice_end(struct splice *s, size_t len) __attribute__((warn_unused_result));

/* The current position, and the return to it: changes made in between are undone. */
struct splice_mark {
	size_t out_len;
	size_t copied;
	bool changed;
};
struct splice_mark splice_here(const struct splice *s);
void splice_back(struct splice *s, struct splice_mark mark);

/* A list (of elements or members) from which some are cut, with their commas. */
struct splice_list {
	bool kept;    /* an element was kept … */
	bool cutting; /* … none was so far: all are cut, from `from` on */
	size_t from;
	size_t end;   /* of the last element */
	size_t count; /* elements seen */
};

/* The next element begins at; it ends at, and is kept or cut. */
void splice_item(struct splice *s, struct splice_list *list, size_t at);
void splice_item_end(struct splice *s, struct splice_list *list, size_t at, size_t end, bool keep);

/* Ends the list; returns whether all its elements (at least one) were cut. */
bool splice_list_end(struct splice *s, struct splice_list *list);

#endif
