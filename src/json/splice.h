/* SPDX-License-Identifier: MIT */
/* A copy of a text with pieces cut out and pieces put in, made in one pass from
 * left to right; what is not named stays byte for byte.
 *
 * The text and out are borrowed. Nothing is copied before the first change, so
 * that an unchanged text costs nothing. */
#ifndef JSON_SPLICE_H
#define JSON_SPLICE_H

#include "base/buf.h"

struct splice {
	const char *text;
	struct buf *out;
	size_t copied; /* bytes of the text that are dealt with */
	bool changed;
	bool full; /* out could not take it all */
};

/* Leaves out the bytes [from, to), which begin at or behind what was changed before. */
void splice_cut(struct splice *s, size_t from, size_t to);

/* Puts n bytes in before the byte at. */
void splice_insert(struct splice *s, size_t at, const void *bytes, size_t n);

/* Copies the rest, up to len. False when out was too small at any time. */
bool splice_end(struct splice *s, size_t len) __attribute__((warn_unused_result));

/* Where the splice stands, and back there: changes made in between are undone. */
struct splice_mark {
	size_t out_len;
	size_t copied;
	bool changed;
};
struct splice_mark splice_here(const struct splice *s);
void splice_back(struct splice *s, struct splice_mark mark);

/* A list (of elements or members) from which some are cut, with their commas. */
struct splice_list {
	bool kept;    /* an element stays … */
	bool cutting; /* … none does so far, and from `from` on all go */
	size_t from;
	size_t end;   /* of the last element */
	size_t count; /* elements seen */
};

/* The next element begins at; ends at, and stays or goes. */
void splice_item(struct splice *s, struct splice_list *list, size_t at);
void splice_item_end(struct splice *s, struct splice_list *list, size_t at, size_t end, bool keep);

/* Ends the list; whether all its elements went (there was at least one). */
bool splice_list_end(struct splice *s, struct splice_list *list);

#endif
