/* SPDX-License-Identifier: MIT */
/* What the tests of files with secrets share: a text with NULs, a file of a mode, and which modes are refused. */
#ifndef PRIVATE_H
#define PRIVATE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A text that may hold NULs, and its size. */
#define AND_NUL(text) text, sizeof(text) - 1

/* Makes the file anew. */
static void
private_write(const char *path, const char *bytes, size_t n, mode_t mode)
{
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, bytes, n) != (ssize_t)n || fchmod(fd, mode) == -1 ||
	    close(fd) == -1)
		abort();
}

static const struct {
	int line;
	mode_t mode;
	bool good;
} private_modes[] = {
    {__LINE__, 0600, true},  {__LINE__, 0400, true},  {__LINE__, 0640, true},
    {__LINE__, 0440, true},  {__LINE__, 0644, false}, {__LINE__, 0604, false},
    {__LINE__, 0660, false}, {__LINE__, 0620, false}, {__LINE__, 0602, false},
    {__LINE__, 0601, false}, {__LINE__, 0666, false}, {__LINE__, 0777, false},
};

#endif
