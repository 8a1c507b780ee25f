/* SPDX-License-Identifier: MIT */
#include "config/file_watch.h"

static struct file_identity
identity_of(const char *path)
{
	struct stat st;
	if (stat(path, &st) == -1)
		return (struct file_identity){.exists = false};
	return (struct file_identity){true,       st.st_dev,  st.st_ino,
				      st.st_size, st.st_mtim, st.st_ctim};
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
same_identity(const struct file_identity *a, const struct file_identity *b)
{
	if (!a->exists || !b->exists)
		return a->exists == b->exists;
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(&a->modified, &b->modified) && same_time(&a->changed, &b->changed);
}

enum file_change
file_watch_poll(struct file_watch *watch, const char *path)
{
	const struct file_identity before = watch->seen;
	watch->seen = identity_of(path);
	if (!same_identity(&watch->seen, &before))
		return FILE_CHANGING;
	return same_identity(&watch->seen, &watch->read) ? FILE_SAME : FILE_CHANGED;
}

void
file_watch_mark(struct file_watch *watch, const char *path)
{
	watch->read = watch->seen = identity_of(path);
}
