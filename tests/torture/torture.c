/* SPDX-License-Identifier: MIT */
/* Makes one call fail, by LD_PRELOAD: the n-th of those that take memory, or read, write, connect, map … something.
 * What to do stands in the file named by TORTURE_FILE (struct page), which the test writes and this maps. Off, nothing
 * is counted. What libfcgi and libconfuse take for themselves is left alone: they end the process, or go on
 * with what is freed, when they get none, and are asked only when there is enough (src/client/params.c,
 * src/config/syntax.c). */
#include "../raw.h"

#include <confuse.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unwind.h>

enum { WHERE = 4096 - 56 };

struct page {
	_Atomic uint64_t on;    /* 0: off; 1: the n-th alone; 2: the n-th and all memory after it */
	_Atomic uint64_t n;     /* which call fails; 0: none, they are only counted */
	_Atomic uint64_t way;   /* which of a call's errors */
	_Atomic uint64_t count; /* calls so far */
	_Atomic uint64_t failed; /* of those */
	_Atomic uint64_t ways;   /* in which the first of them can fail */
	char where[WHERE];       /* the call, and by whom: "OBJECT+0xOFFSET SYMBOL", a line each */
};

static struct page nowhere;
static struct page *page = &nowhere;
static struct code {
	uintptr_t from, to;
} fcgi, ours; /* libfcgi's, and the program's own */
static _Thread_local int inside, is_parsing;

/* --- Before the real functions are known: dlsym() itself takes and gives back memory. ------------------------------ */

static struct {
	int looking;
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
} memory;

static char early[16384];
static size_t n_early;

static void *
early_memory(size_t n)
{
	n = (n + 15) & ~(size_t)15;
	if (n > sizeof early - n_early)
		_exit(126);
	n_early += n;
	return early + n_early - n;
}

static int
is_early(const void *p)
{
	return (const char *)p >= early && (const char *)p < early + sizeof early;
}

/* Whether the real ones are there. */
static int
look(void)
{
	if (memory.free || memory.looking)
		return memory.free != NULL;
	memory.looking = 1;
	*(void **)&memory.malloc = dlsym(RTLD_NEXT, "malloc");
	*(void **)&memory.calloc = dlsym(RTLD_NEXT, "calloc");
	*(void **)&memory.realloc = dlsym(RTLD_NEXT, "realloc");
	*(void **)&memory.free = dlsym(RTLD_NEXT, "free");
	return 1;
}

#define REAL(type, name, ...)                                                                      \
	static type (*real)(__VA_ARGS__);                                                          \
	if (!real)                                                                                 \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

/* --- Which call fails -------------------------------------------------------------------------------------------- */

static int
find_code(struct dl_phdr_info *object, size_t size, void *context)
{
	(void)size;
	(void)context;
	bool is_fcgi = strstr(object->dlpi_name, "libfcgi.so") != NULL;
	if (!is_fcgi && object->dlpi_name[0] != '\0')
		return 0;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + segment->p_vaddr;
		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0)
			*(is_fcgi ? &fcgi : &ours) = (struct code){from, from + segment->p_memsz};
	}
	return 0;
}

static bool
is_in(const struct code *code, const void *caller)
{
	return (uintptr_t)caller >= code->from && (uintptr_t)caller < code->to;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("TORTURE_FILE");
	dl_iterate_phdr(find_code, NULL);
	long fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	long map =
	    syscall(RAW_MMAP, NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
	syscall(SYS_close, fd);
	if (map > 0)
		page = (struct page *)map;
}

static _Unwind_Reason_Code
tell_frame(struct _Unwind_Context *context, void *argument)
{
	size_t *at = argument;
	uintptr_t address = _Unwind_GetIP(context);
	Dl_info info = {0};
	if (*at > WHERE - 200)
		return _URC_END_OF_STACK;
	if (dladdr((void *)(address - 1), &info) != 0 && info.dli_fname != NULL)
		*at += (size_t)snprintf(page->where + *at, WHERE - *at, "%.100s+%#lx %.80s\n",
					info.dli_fname,
					(unsigned long)(address - 1 - (uintptr_t)info.dli_fbase),
					info.dli_sname == NULL ? "" : info.dli_sname);
	return _URC_NO_REASON;
}

/* Not by backtrace(), which loads a library first. */
static void
tell_where(const char *call, int error)
{
	size_t at = (size_t)snprintf(page->where, WHERE, "%s: errno %d\n", call, error);
	_Unwind_Backtrace(tell_frame, &at);
}

/* 0: the call is made as ever; else its error. */
static int
fails(const char *call, const int *errors, size_t n_errors, const void *caller)
{
	uint64_t on = atomic_load(&page->on);
	if (on == 0 || inside || is_in(&fcgi, caller) || (is_parsing && !is_in(&ours, caller)))
		return 0;
	uint64_t count = atomic_fetch_add(&page->count, 1) + 1, n = atomic_load(&page->n);
	if (count != n && !(on == 2 && n != 0 && count > n && errors[0] == ENOMEM && n_errors == 1))
		return 0;
	int error = errors[atomic_load(&page->way) % n_errors];
	inside = 1;
	if (atomic_fetch_add(&page->failed, 1) == 0) {
		atomic_store(&page->ways, n_errors);
		tell_where(call, error);
	}
	inside = 0;
	errno = error;
	return error;
}

#define ERRORS(...)      (const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int)
#define FAILS(name, ...) fails(#name, ERRORS(__VA_ARGS__), __builtin_return_address(0))

/* --- Memory ------------------------------------------------------------------------------------------------------ */

void *
malloc(size_t n)
{
	if (!look())
		return early_memory(n);
	return FAILS(malloc, ENOMEM) ? NULL : memory.malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	if (!look())
		return early_memory(n * size);
	return FAILS(calloc, ENOMEM) ? NULL : memory.calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	if (!look() || is_early(p)) {
		void *fresh = malloc(n);
		return fresh == NULL || p == NULL ? fresh : memcpy(fresh, p, n);
	}
	return FAILS(realloc, ENOMEM) ? NULL : memory.realloc(p, n);
}

void *
reallocarray(void *p, size_t n, size_t size)
{
	REAL(void *, reallocarray, void *, size_t, size_t);
	return FAILS(reallocarray, ENOMEM) ? NULL : real(p, n, size);
}

void
free(void *p)
{
	if (look() && !is_early(p))
		memory.free(p);
}

char *
strdup(const char *text)
{
	REAL(char *, strdup, const char *);
	return FAILS(strdup, ENOMEM) ? NULL : real(text);
}

char *
strndup(const char *text, size_t n)
{
	REAL(char *, strndup, const char *, size_t);
	return FAILS(strndup, ENOMEM) ? NULL : real(text, n);
}

void *
mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	REAL(void *, mmap, void *, size_t, int, int, int, off_t);
	return FAILS(mmap, ENOMEM, ENODEV) ? MAP_FAILED
					   : real(at, n, protection, flags, fd, offset);
}

/* --- Bytes ------------------------------------------------------------------------------------------------------- */

ssize_t
read(int fd, void *bytes, size_t n)
{
	REAL(ssize_t, read, int, void *, size_t);
	return FAILS(read, EIO, EINTR, EAGAIN) ? -1 : real(fd, bytes, n);
}

ssize_t
pread(int fd, void *bytes, size_t n, off_t at)
{
	REAL(ssize_t, pread, int, void *, size_t, off_t);
	return FAILS(pread, EIO, EINTR) ? -1 : real(fd, bytes, n, at);
}

ssize_t
write(int fd, const void *bytes, size_t n)
{
	REAL(ssize_t, write, int, const void *, size_t);
	return FAILS(write, ENOSPC, EINTR, EAGAIN, EPIPE) ? -1 : real(fd, bytes, n);
}

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
	return FAILS(pwrite, ENOSPC, EINTR) ? -1 : real(fd, bytes, n, at);
}

ssize_t
recv(int fd, void *bytes, size_t n, int flags)
{
	REAL(ssize_t, recv, int, void *, size_t, int);
	return FAILS(recv, ECONNRESET, EINTR, EAGAIN, ENOMEM) ? -1 : real(fd, bytes, n, flags);
}

ssize_t
recvfrom(int fd, void *bytes, size_t n, int flags, __SOCKADDR_ARG from, socklen_t *size)
{
	REAL(ssize_t, recvfrom, int, void *, size_t, int, __SOCKADDR_ARG, socklen_t *);
	return FAILS(recvfrom, ECONNRESET, EINTR, EAGAIN) ? -1
							  : real(fd, bytes, n, flags, from, size);
}

ssize_t
send(int fd, const void *bytes, size_t n, int flags)
{
	REAL(ssize_t, send, int, const void *, size_t, int);
	return FAILS(send, ECONNRESET, EINTR, EAGAIN, EPIPE) ? -1 : real(fd, bytes, n, flags);
}

/* --- Descriptors ------------------------------------------------------------------------------------------------- */

int
socket(int domain, int type, int protocol)
{
	REAL(int, socket, int, int, int);
	return FAILS(socket, EMFILE, ENOBUFS, EACCES) ? -1 : real(domain, type, protocol);
}

int
socketpair(int domain, int type, int protocol, int fds[2])
{
	REAL(int, socketpair, int, int, int, int *);
	return FAILS(socketpair, EMFILE, ENFILE) ? -1 : real(domain, type, protocol, fds);
}

int
connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
	REAL(int, connect, int, __CONST_SOCKADDR_ARG, socklen_t);
	return FAILS(connect, ENETUNREACH, ECONNREFUSED, EADDRNOTAVAIL, EINTR)
		   ? -1
		   : real(fd, address, size);
}

int
accept4(int fd, __SOCKADDR_ARG address, socklen_t *size, int flags)
{
	REAL(int, accept4, int, __SOCKADDR_ARG, socklen_t *, int);
	return FAILS(accept4, EMFILE, ECONNABORTED, EINTR, ENOMEM) ? -1
								   : real(fd, address, size, flags);
}

int
epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	REAL(int, epoll_ctl, int, int, int, struct epoll_event *);
	/* What is removed is not refused: no kernel does. */
	return what != EPOLL_CTL_DEL && FAILS(epoll_ctl, ENOMEM, ENOSPC)
		   ? -1
		   : real(epoll, what, fd, event);
}

int
epoll_wait(int epoll, struct epoll_event *events, int n, int ms)
{
	REAL(int, epoll_wait, int, struct epoll_event *, int, int);
	return FAILS(epoll_wait, EINTR) ? -1 : real(epoll, events, n, ms);
}

int
poll(struct pollfd *fds, nfds_t n, int ms)
{
	REAL(int, poll, struct pollfd *, nfds_t, int);
	return FAILS(poll, EINTR, ENOMEM) ? -1 : real(fds, n, ms);
}

int
pipe2(int fds[2], int flags)
{
	REAL(int, pipe2, int *, int);
	return FAILS(pipe2, EMFILE, ENFILE) ? -1 : real(fds, flags);
}

int
open(const char *path, int flags, ...)
{
	REAL(int, open, const char *, int, ...);
	va_list more;
	va_start(more, flags);
	mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
	va_end(more);
	return FAILS(open, EMFILE, EACCES, ENOENT) ? -1 : real(path, flags, mode);
}

int
fcntl(int fd, int what, ...)
{
	REAL(int, fcntl, int, int, ...);
	va_list more;
	va_start(more, what);
	void *argument = va_arg(more, void *);
	va_end(more);
	/* Flags are not refused: no kernel does, and libcurl's sockets would block. */
	bool is_flags = what == F_GETFL || what == F_SETFL || what == F_GETFD || what == F_SETFD;
	int refused = is_flags                                   ? 0
		      : (what == F_OFD_SETLK || what == F_SETLK) ? FAILS(fcntl, EAGAIN, ENOLCK)
								 : FAILS(fcntl, ENOMEM, EINVAL);
	return refused ? -1 : real(fd, what, argument);
}

int
fstat(int fd, struct stat *st)
{
	REAL(int, fstat, int, struct stat *);
	return FAILS(fstat, EIO, EOVERFLOW) ? -1 : real(fd, st);
}

int
stat(const char *path, struct stat *st)
{
	REAL(int, stat, const char *, struct stat *);
	return FAILS(stat, EACCES, ENOENT) ? -1 : real(path, st);
}

int
getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	REAL(int, getsockopt, int, int, int, void *, socklen_t *);
	return FAILS(getsockopt, ENOBUFS, EINVAL) ? -1 : real(fd, level, name, value, size);
}

int
setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	REAL(int, setsockopt, int, int, int, const void *, socklen_t);
	return FAILS(setsockopt, ENOBUFS, EINVAL) ? -1 : real(fd, level, name, value, size);
}

int
getsockname(int fd, __SOCKADDR_ARG address, socklen_t *size)
{
	REAL(int, getsockname, int, __SOCKADDR_ARG, socklen_t *);
	return FAILS(getsockname, ENOBUFS) ? -1 : real(fd, address, size);
}

int
getpeername(int fd, __SOCKADDR_ARG address, socklen_t *size)
{
	REAL(int, getpeername, int, __SOCKADDR_ARG, socklen_t *);
	return FAILS(getpeername, ENOTCONN) ? -1 : real(fd, address, size);
}

/* --- libconfuse, and what libc takes for it ------------------------------------------------------------------------ */

int
cfg_parse_buf(cfg_t *cfg, const char *text)
{
	REAL(int, cfg_parse_buf, cfg_t *, const char *);
	is_parsing = 1;
	int result = real(cfg, text);
	is_parsing = 0;
	return result;
}

/* --- The rest ---------------------------------------------------------------------------------------------------- */

ssize_t
getrandom(void *bytes, size_t n, unsigned flags)
{
	REAL(ssize_t, getrandom, void *, size_t, unsigned);
	return FAILS(getrandom, ENOSYS, EINTR) ? -1 : real(bytes, n, flags);
}

int
ftruncate(int fd, off_t size)
{
	REAL(int, ftruncate, int, off_t);
	return FAILS(ftruncate, ENOSPC, EINTR) ? -1 : real(fd, size);
}

int
posix_fallocate(int fd, off_t at, off_t size)
{
	REAL(int, posix_fallocate, int, off_t, off_t);
	int error = FAILS(posix_fallocate, ENOSPC, EINTR);
	return error ? error : real(fd, at, size);
}

int
rename(const char *from, const char *to)
{
	REAL(int, rename, const char *, const char *);
	return FAILS(rename, ENOSPC, EACCES) ? -1 : real(from, to);
}
