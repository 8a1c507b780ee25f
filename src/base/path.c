/* SPDX-License-Identifier: MIT */
#include "base/path.h"

#include <stdio.h>
#include <string.h>

const char *
path_directory(const char *path, char directory[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int n = slash == NULL || slash == path ? 1 : (int)(slash - path);
	snprintf(directory, PATH_MAX, "%.*s", n, slash == NULL ? "." : path);
	return directory;
}
