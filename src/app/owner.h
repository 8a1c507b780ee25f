/* SPDX-License-Identifier: MIT */
/* Who a program that root started goes on as: the owner of the state's
 * directory, so that no file of root's stands in the responder's way.
 *
 * Changes the process as a whole, for good. Before there are threads. */
#ifndef APP_OWNER_H
#define APP_OWNER_H

#include "base/buf.h"

#include <stdbool.h>

/* When root started this process, it goes on with the user, group and
 * supplementary groups of the owner of the directory of path; when somebody
 * else did, or root owns the directory, nothing changes. Still not dumpable
 * afterwards, although a change of user resets that (prctl(2)). False and an
 * error text when there is no such directory or the change fails: then the
 * process is to end. */
bool owner_become(const char *path, struct buf *error);

#endif
