/* SPDX-License-Identifier: MIT */
#include "base/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	SOCKET_MODE = 0660,
	FIRST_PASSED = 3, /* SD_LISTEN_FDS_START */
};

static bool
is_listening(int fd)
{
	int listening = 0;
	socklen_t size = sizeof listening;
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

/* --- Opened by systemd: sd_listen_fds(3), without its library ---------- */

/* A variable that holds one positive number; 0 for any other. */
static long
number_of(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	long number = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' ? number : 0;
}

/* *fd is closed on exec; -1: nothing was passed to this process. The variables are unset, so that
 * no child believes them. */
static bool
take_passed(int *fd, struct buf *error)
{
	bool ours = number_of("LISTEN_PID") == (long)getpid();
	long passed = number_of("LISTEN_FDS");
	*fd = -1;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!ours || passed == 0)
		return true;
	if (passed != 1)
		buf_append_cut(error, "systemd passed %ld sockets: pass one only", passed);
	else if (!is_listening(FIRST_PASSED))
		buf_append_cut(error, "what systemd passed is not a listening socket: the .socket "
				      "unit wants ListenStream= and Accept=no");
	else if (fcntl(FIRST_PASSED, F_SETFD, FD_CLOEXEC) == -1)
		buf_append_cut(error, "the socket of systemd: %s", strerror(errno));
	else
		*fd = FIRST_PASSED;
	return *fd != -1;
}

/* --- Opened by us ------------------------------------------------------- */

/* A socket at which no process listens any more blocks the path of ours. */
static bool
remove_stale(const struct sockaddr_un *address)
{
	struct stat st;
	if (lstat(address->sun_path, &st) == -1)
		return errno == ENOENT;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return false;
	}
	/* Non-blocking: a full backlog, or a stopped process, would make us wait. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return false;
	bool alive = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
	int why = errno;
	close(fd);
	if (!alive && why == ECONNREFUSED)
		return unlink(address->sun_path) == 0;
	/* A process listens, is overloaded, or receives datagrams. */
	errno = alive || why == EAGAIN || why == EPROTOTYPE ? EADDRINUSE : why;
	return false;
}

static int
listen_at(const char *path, struct buf *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = -1;
	errno = ENAMETOOLONG;
	if (strlen(path) < sizeof address.sun_path) {
		memcpy(address.sun_path, path, strlen(path));
		fd = remove_stale(&address) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	}
	/* With that mode from the start: what chmod() would find at the path a moment later may be
	 * something else. */
	mode_t usual = umask(0777 & ~SOCKET_MODE);
	bool bound = fd != -1 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
	umask(usual);
	if (bound && listen(fd, BACKLOG) == 0)
		return fd;
	const char *slash = strrchr(path, '/');
	int reason = errno;
	if (reason == ENOENT && slash != NULL)
		buf_append_cut(error,
			       "%s: there is no directory %.*s. Type: install -d -m 0750 %.*s",
			       path, (int)(slash - path), path, (int)(slash - path), path);
	else
		buf_append_cut(error, "%s: %s", path,
			       reason == EEXIST ? "there is a file that is no socket"
						: strerror(reason));
	if (fd != -1)
		close(fd);
	return -1;
}

/* --- One of them -------------------------------------------------------- */

static bool
open_own(struct listener *l, const char *path, struct buf *error)
{
	struct stat st;
	l->fd = listen_at(path, error);
	l->path = path;
	l->inode = l->fd != -1 && stat(path, &st) == 0 ? st.st_ino : 0;
	return l->fd != -1;
}

bool
listener_open(struct listener *l, const char *path, struct buf *error)
{
	*l = (struct listener){.fd = -1};
	if (!take_passed(&l->fd, error))
		return false;
	l->own_service = path != NULL || l->fd != -1;
	if (path == NULL && l->fd == -1 && is_listening(STDIN_FILENO))
		l->fd = STDIN_FILENO;
	if (path == NULL && l->fd != -1)
		return true;
	if (path != NULL && l->fd == -1)
		return open_own(l, path, error);
	l->fd = -1;
	if (path != NULL)
		buf_append_cut(error, "systemd already passed a socket: omit --socket");
	else
		buf_append_cut(error,
			       "standard input is not a listening socket: start claude-router "
			       "from a web server, by its systemd units, or with --socket "
			       "PATH");
	return false;
}

void
listener_remove(const struct listener *l)
{
	struct stat st;
	if (l->path != NULL && stat(l->path, &st) == 0 && st.st_ino == l->inode)
		unlink(l->path);
}
