/* SPDX-License-Identifier: MIT */
/* What tests of files share: a directory of their own, and what must not fail on the way to a row. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "tap.h"

#include <errno.h>

static char top[64]; /* our directory: made and removed by the suite */

/* A path in our directory; lives until the fourth call after this one. */
static const char *
in_top(const char *name)
{
	static char paths[4][128];
	static size_t next;
	char *path = paths[next++ % TAP_COUNT(paths)];
	snprintf(path, sizeof paths[0], "%s/%s", top, name);
	return path;
}

static void
must(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "test_%s: %s: %s\n", tap.suite, what, strerror(errno));
	abort();
}

#endif
