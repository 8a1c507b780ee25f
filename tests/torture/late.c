/* SPDX-License-Identifier: MIT */
/* Makes a process late, by LD_PRELOAD. While the first byte of the file named by LATE_FILE is 'h', it waits before it
 * takes the write lock of a state file: what it has read by then may be past when it goes on. While it is 'd', the disk is
 * slow: fsync() and fdatasync() wait. That it waits is said by a 'w' as the second byte. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_BYTE = 0 }; /* STATE_WRITE_BYTE of src/state/layout.h */

static void
wait_while_told(char what)
{
	const struct timespec while_ = {.tv_nsec = 1000000};
	const char *path = getenv("LATE_FILE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	char byte;
	while (fd != -1 && pread(fd, &byte, 1, 0) == 1 && byte == what &&
	       pwrite(fd, "w", 1, 1) == 1)
		nanosleep(&while_, NULL);
	if (fd != -1)
		close(fd);
}

int
fcntl(int fd, int what, ...)
{
	static int (*real)(int, int, ...);
	va_list more;
	va_start(more, what);
	void *argument = va_arg(more, void *);
	va_end(more);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fcntl");
	const struct flock *lock = argument;
	if (what == F_OFD_SETLK && lock->l_type == F_WRLCK && lock->l_start == WRITE_BYTE)
		wait_while_told('h');
	return real(fd, what, argument);
}

/* Calls what the name means to libc, late. */
static int
flush_late(const char *name, int fd)
{
	int (*real)(int);
	*(void **)&real = dlsym(RTLD_NEXT, name);
	wait_while_told('d');
	return real(fd);
}

int
fsync(int fd)
{
	return flush_late("fsync", fd);
}

int
fdatasync(int fd)
{
	return flush_late("fdatasync", fd);
}
