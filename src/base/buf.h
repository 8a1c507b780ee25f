/* SPDX-License-Identifier: MIT */
/* A byte buffer that grows up to a maximum, and no further.
 *
 * Ownership: the buffer owns its bytes; buf_free() ends it and may be called twice. One thread at a
 * time. Every buffer is created with its maximum, so that no input from outside can make the
 * process grow without bound; all maxima are in caps.h. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NUL after the last byte whenever it is not NULL */
	size_t len;
	size_t cap;
	size_t max;  /* bytes, without the NUL */
	bool secret; /* its bytes are overwritten before they are freed */
};

/* Makes an empty buffer; allocates nothing. */
void buf_init(struct buf *b, size_t max_bytes);

/* The same for credentials: their bytes are overwritten before the memory is freed, also when the
 * buffer grows. Not for buf_take(). */
void buf_init_secret(struct buf *b, size_t max_bytes);

/* Frees the bytes; the buffer is empty and usable again afterwards. */
void buf_free(struct buf *b);

/* The functions that append return false and leave the buffer unchanged when its maximum would be
 * exceeded, or when out of memory. */
bool buf_add(struct buf *b, const void *bytes, size_t n) __attribute__((warn_unused_result));
bool buf_puts(struct buf *b, const char *text) __attribute__((warn_unused_result));
bool buf_printf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));

/* Appends a text as far as the maximum allows, and nothing when out of memory: for sentences, whose
 * beginning is enough. */
void buf_append_cut(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for n more bytes at data + len; the caller then adds to len. */
bool buf_reserve(struct buf *b, size_t n) __attribute__((warn_unused_result));

/* Drops the first n bytes (n <= len). Costs a move of what remains. */
void buf_drop(struct buf *b, size_t n);

/* Keeps the first n bytes (n <= len) and drops the rest. */
void buf_cut(struct buf *b, size_t n);

/* Empties the buffer and keeps its memory. */
void buf_clear(struct buf *b);

/* Returns the bytes, which the caller must free(); never NULL unless out of memory. The buffer is
 * empty afterwards. */
char *buf_take(struct buf *b);

/* Returns the text so far, "" when there is none. Valid until the buffer changes. */
const char *buf_text(const struct buf *b);

#endif
