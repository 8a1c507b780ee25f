/* SPDX-License-Identifier: MIT */
/* UTF-8, as RFC 3629 has it: no overlong form, no surrogate, nothing above U+10FFFF. Pure. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* The offset of the first byte that is none of UTF-8's, n when all are. */
size_t utf8_valid(const char *text, size_t n);

/* The length of the character of more than one byte that begins here, in n bytes, at least one; 0
 * when none does. */
size_t utf8_sequence(const char *text, size_t n);

#endif
