/* SPDX-License-Identifier: MIT */
/* json/plain.c as machines without vectors have it, under names of its own, to compare it with what this one has. */
#ifndef PORTABLE_H
#define PORTABLE_H

#include "json/plain.h"

extern const char portable_escapes[256];
size_t portable_copy(char *to, const char *text, size_t n);
size_t portable_skip(const char *text, size_t n);

#define PLAIN_PORTABLE
#define plain_escapes portable_escapes
#define plain_copy    portable_copy
#define plain_skip    portable_skip
#include "../../src/json/plain.c"
#undef plain_escapes
#undef plain_copy
#undef plain_skip

#endif
