/* SPDX-License-Identifier: MIT */
/* Writing a file as a whole. Thread-safe. */
#ifndef BASE_WRITE_H
#define BASE_WRITE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes all n bytes to a descriptor that blocks. False and errno: some may be written. */
bool write_all(int fd, const void *bytes, size_t n);

#endif
