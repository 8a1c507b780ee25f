/* SPDX-License-Identifier: MIT */
/* A cursor over JSON text: finds members and elements by their place in the bytes, builds no tree,
 * copies nothing, checks the syntax of all that it skips.
 *
 * struct scan s;
 * scan_init(&s, text, n);
 * struct span key;
 * for (scan_object(&s); scan_member(&s, &key);)
 * 	if (span_is(text, key, "model"))
 * 		scan_string(&s, &model);
 * 	else
 * 		scan_skip(&s);
 * if (!scan_end(&s)) …s.error says what is wrong, s.at where
 *
 * Each value must be taken by exactly one of scan_object, scan_array, scan_string, scan_integer,
 * scan_bool and scan_skip. After a syntax error every function returns false (or nothing more to
 * visit), so that loops end by themselves. Depth is bounded by JSON_DEPTH_MAX. Time is linear in
 * the text. Pure; thread-safe. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "base/caps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Some bytes of the text. */
struct span {
	size_t at;
	size_t len;
};

struct scan {
	const char *text;
	size_t len;
	size_t at;         /* the next byte to read */
	const char *error; /* NULL: none so far */
	unsigned depth;
	bool first;  /* no member or element of the innermost value was visited yet */
	bool passed; /* the entered value was of another kind: nothing to visit */
	uint8_t is_object[JSON_DEPTH_MAX / 8];
};

enum scan_kind {
	SCAN_BAD,
	SCAN_OBJECT,
	SCAN_ARRAY,
	SCAN_STRING,
	SCAN_NUMBER,
	SCAN_BOOL,
	SCAN_NULL
};

void scan_init(struct scan *s, const char *text, size_t len);

/* Returns the kind of the next value, without taking it. */
enum scan_kind scan_peek(struct scan *s);

/* Returns the offset of the next value's first byte. */
size_t scan_here(struct scan *s);

/* Enters an object or array. Any other value is skipped, as if it were empty: providers judge
 * bodies, we do not. */
void scan_object(struct scan *s);
void scan_array(struct scan *s);

/* Moves to the next member, whose value must then be taken, and returns its name, without quotes
 * and as it is written. False at the object's end, which is then left, and after an error. */
bool scan_member(struct scan *s, struct span *key);

/* Moves to the next element; false at the array's end, and after an error. */
bool scan_element(struct scan *s);

/* Takes a value of one kind; one of another kind is skipped: false. A string's span is between its
 * quotes, with escapes as they are written. */
bool scan_string(struct scan *s, struct span *value);
bool scan_integer(struct scan *s,
		  int64_t *value); /* a fraction is cut off; out of range: the nearest */
bool scan_bool(struct scan *s, bool *value);

/* Takes any value. */
void scan_skip(struct scan *s);

/* Whether the text was one whole JSON value with nothing after it. */
bool scan_end(struct scan *s);

/* Whether a string's span is exactly this word, or begins with it. Escapes count as what they mean
 * ("\u006dodel" is "model"), as providers read them. word: ASCII, without NUL. */
bool span_spells(const char *text, struct span span, const char *word);
bool span_begins(const char *text, struct span span, const char *word);

/* Names are compared with many words. What is as long as one has no escapes if it is the same. */
static inline bool
span_is(const char *text, struct span span, const char *word)
{
	size_t n = strlen(word);
	const char *c = text + span.at;
	if (span.len <= n)
		return span.len == n && memcmp(c, word, n) == 0;
	return (*c == *word || *c == '\\') && span_spells(text, span, word);
}

/* Returns the byte, or the character of an escape, that left bytes (at least one) of a string begin
 * with; *taken: how many of them it takes. 0: NUL, or an invalid escape. */
uint32_t scan_character(const char *c, size_t left, size_t *taken);

/* Whether a string's span holds only blanks, tabs and line ends. */
bool span_is_blank(const char *text, struct span span);

/* Writes the string of a span, escapes resolved, with a NUL, to out; false, and "" there, when it
 * does not fit or holds a NUL, an unpaired surrogate, or a control byte. */
bool span_unescape(const char *text, struct span span, char *out, size_t out_size);

/* The same for any text: nothing is refused, and an unpaired surrogate becomes U+FFFD. out has room
 * for span.len + 2 bytes; returns the bytes used, without the NUL after them. */
size_t span_decode(const char *text, struct span span, char *out);

#endif
