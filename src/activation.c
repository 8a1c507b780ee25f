#include "activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_PASSED = 3 }; /* SD_LISTEN_FDS_START */

bool
is_listening(int fd)
{
	int listening = 0;
	socklen_t size = sizeof listening;
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

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

bool
activation_take(int *fd, struct buf *error)
{
	bool ours = number_of("LISTEN_PID") == (long)getpid();
	long passed = number_of("LISTEN_FDS");
	*fd = -1;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!ours || passed == 0)
		return true;
	bool told = true;
	if (passed != 1)
		told = buf_printf(error, "systemd passed %ld sockets: one is enough", passed);
	else if (!is_listening(FIRST_PASSED))
		told = buf_puts(error, "what systemd passed is no listening socket: the .socket "
				       "unit wants ListenStream= and Accept=no");
	else if (fcntl(FIRST_PASSED, F_SETFD, FD_CLOEXEC) == -1)
		told = buf_printf(error, "the socket of systemd: %s", strerror(errno));
	else
		*fd = FIRST_PASSED;
	(void)told;
	return *fd != -1;
}
