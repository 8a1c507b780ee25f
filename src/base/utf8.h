/* SPDX-License-Identifier: MIT */
/* UTF-8 according to RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. Pure. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* Returns the offset of the first byte that is not UTF-8, n when all are. */
size_t utf8_valid(const char *text, size_t n);

/* Returns the length of the multi-byte character that n bytes (at least one) begin with; 0:
 * none. */
size_t utf8_sequence(const char *text, size_t n);

#endif
