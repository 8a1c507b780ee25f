/* SPDX-License-Identifier: MIT */
/* The directory of a path, which need not exist. No I/O; thread-safe. */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <limits.h>

/* "/etc" of "/etc/x", "/" of "/x", "." of a bare name; cut at PATH_MAX, as the kernel
 * would refuse it. The path ends in no slash. Returns directory. */
const char *path_directory(const char *path, char directory[static PATH_MAX]);

#endif
