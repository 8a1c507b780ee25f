/* SPDX-License-Identifier: MIT */
/* buf - a growing byte string, the only one the simulator has.
 *
 * The caller owns the struct (zeroed = empty) and frees it with buf_free().
 * Nothing here can fail: out of memory, or over BUF_MAX, ends the program with
 * a message, which is the right thing for a test tool and for nothing else. */
#ifndef SIM_BUF_H
#define SIM_BUF_H

#include <stdarg.h>
#include <stddef.h>

#define BUF_MAX ((size_t)2 << 30) /* no buffer grows beyond this */

struct buf {
	char *data; /* always NUL-terminated once something was added */
	size_t len, cap;
};

void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *text);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_fill(struct buf *b, char byte, size_t times);

/* Adds text as a JSON string with its quotes; a byte that is not UTF-8 becomes \u00XX. */
void buf_json(struct buf *b, const char *text, size_t len);
void buf_jsons(struct buf *b, const char *text); /* NULL gives null */

/* Adds standard base64. */
void buf_base64(struct buf *b, const char *data, size_t len);

/* Makes room for at least n bytes behind data[len] and returns that place. */
char *buf_room(struct buf *b, size_t n);

void buf_drop(struct buf *b, size_t n); /* removes n bytes from the front */
void buf_clear(struct buf *b);          /* empty, memory kept */
void buf_free(struct buf *b);           /* empty, memory given back */

/* Length in bytes of the UTF-8 character at s (max bytes left), 0 if it is none. */
size_t utf8_len(const char *s, size_t max);

/* malloc and friends that end the program instead of returning NULL. */
void *xalloc(size_t size); /* zeroed */
char *xstrndup(const char *text, size_t len);
char *xstrdup(const char *text); /* NULL gives NULL */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
