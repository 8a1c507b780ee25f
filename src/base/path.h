/* SPDX-License-Identifier: MIT */
/* The directory of a path, which need not exist. No I/O; thread-safe. */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <limits.h>

/* "/etc" of "/etc/x", "/" of "/x", "." of a bare name; cut at PATH_MAX, which the kernel would
 * refuse. The path must not end in a slash. Returns directory. */
const char *path_directory(const char *path, char directory[static PATH_MAX]);

#endif
