/* SPDX-License-Identifier: MIT */
/* One file in a directory of our own, for targets that read files. */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char file_directory[64];

__attribute__((unused)) static void
file_forget(void)
{
	DIR *listing = opendir(file_directory);
	struct dirent *entry;
	while (listing != NULL && (entry = readdir(listing)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(listing), entry->d_name, 0);
	if (listing != NULL)
		closedir(listing);
	rmdir(file_directory);
}

/* The file's path, which lives on. In memory where there is such a place. */
__attribute__((unused)) static char *
file_write(const void *bytes, size_t n)
{
	static char path[96];
	if (file_directory[0] == '\0') {
		snprintf(file_directory, sizeof file_directory, "%s/claude-router-fuzz.XXXXXX",
			 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		MUST(mkdtemp(file_directory) != NULL);
		atexit(file_forget);
	}
	snprintf(path, sizeof path, "%s/file", file_directory);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
	close(fd);
	return path;
}

#endif
