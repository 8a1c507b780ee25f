/* SPDX-License-Identifier: MIT */
#include "config/file.h"

#include "base/caps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static enum file_read
unusable(struct buf *why, const char *path, const char *reason)
{
	buf_append_cut(why, "%s: %s", path, reason);
	return FILE_UNUSABLE;
}

static enum file_read
unreadable(struct buf *why, const char *path)
{
	int reason = errno;
	buf_append_cut(why, "%s: %s", path, strerror(reason));
	if (reason == EACCES)
		buf_append_cut(why, ": let user %u read it", (unsigned)geteuid());
	return reason == ENOENT ? FILE_ABSENT : FILE_UNUSABLE;
}

static enum file_read
read_all(int fd, const char *path, struct buf *bytes, struct buf *why)
{
	for (;;) {
		if (!buf_reserve(bytes, 1)) {
			buf_append_cut(why, "%s: is larger than %zu bytes, or out of memory", path,
				       bytes->max);
			return FILE_UNUSABLE;
		}
		ssize_t n = read(fd, bytes->data + bytes->len, bytes->cap - bytes->len);
		if (n == -1 && errno != EINTR)
			return unreadable(why, path);
		if (n == 0)
			return FILE_READ;
		if (n > 0)
			bytes->len += (size_t)n;
		bytes->data[bytes->len] = '\0';
	}
}

enum file_read
config_read_file(const char *path, struct buf *bytes, struct stat *st, struct buf *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return unreadable(why, path);
	enum file_read result;
	if (fstat(fd, st) == -1)
		result = unreadable(why, path);
	else if (!S_ISREG(st->st_mode))
		result = unusable(why, path, "is not a regular file");
	else if (st->st_size < 0 || !buf_reserve(bytes, (size_t)st->st_size + 1))
		result = unusable(why, path, "is too large, or out of memory");
	else
		result = read_all(fd, path, bytes, why);
	close(fd);
	return result;
}

enum file_read
config_read_private(const char *path, struct buf *bytes, struct stat *st, struct buf *why)
{
	struct buf reason;
	buf_init(&reason, ERROR_TEXT_MAX + 4096);
	enum file_read read = config_read_file(path, bytes, st, &reason);
	if (read == FILE_UNUSABLE)
		buf_append_cut(why, "%s", buf_text(&reason));
	buf_free(&reason);
	if (read != FILE_READ || (st->st_mode & (S_IWGRP | S_IRWXO)) == 0)
		return read;
	buf_append_cut(why,
		       "%s: mode %04o lets other users read or change the credentials: chmod 600 "
		       "%s (or 640 for a group that may read them)",
		       path, (unsigned)st->st_mode & 07777, path);
	return FILE_UNUSABLE;
}

/* --- Lines ------------------------------------------------------------ */

struct lines
lines_of(const char *text, size_t n)
{
	static const char mark[] = "\xef\xbb\xbf";
	bool marked = n >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0;
	return (struct lines){.text = text, .n = n, .next = marked ? strlen(mark) : 0};
}

bool
lines_next(struct lines *l)
{
	if (l->next >= l->n)
		return false;
	const char *newline = memchr(l->text + l->next, '\n', l->n - l->next);
	l->begin = l->next;
	l->end = newline == NULL ? l->n : (size_t)(newline - l->text);
	l->next = l->end + 1;
	l->number++;
	return true;
}

bool
lines_is_binary(const struct lines *l)
{
	return memchr(l->text + l->begin, '\0', l->end - l->begin) != NULL;
}
