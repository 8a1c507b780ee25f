/* SPDX-License-Identifier: MIT */
/* The user that a program runs as when root started it: the owner of the state's directory, so
 * that it creates no file which the responder cannot write.
 *
 * Changes the whole process, for good. To be called before there are threads. */
#ifndef APP_OWNER_H
#define APP_OWNER_H

#include "base/buf.h"

#include <stdbool.h>

/* Started by root, the process gets the user, group and supplementary groups of the owner of
 * path's directory. Started by another user, or when root owns the directory, nothing changes.
 * The process stays undumpable, although a change of user resets that (prctl(2)). False and an
 * error text: the directory does not exist or the change failed; the process must then exit. */
bool owner_become(const char *path, struct buf *error);

#endif
