/* SPDX-License-Identifier: MIT */
/* service: what systemd is told, and at which sockets. */
#include "base/service.h"

#include "tap.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A datagram socket by that name, as systemd's; -1: it cannot be. */
static int
open_at(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t n = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	memcpy(at.sun_path, name, n);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return fd != -1 && bind(fd, (struct sockaddr *)&at, size) == 0 ? fd : -1;
}

static void
check_told(const char *what, const char *name)
{
	char got[64] = "";
	int fd = open_at(name);
	setenv("NOTIFY_SOCKET", name, 1);
	TAP_ROW(what, fd != -1 && service_tell(SERVICE_READY), "it was not sent");
	if (recv(fd, got, sizeof got - 1, 0) == -1)
		got[0] = '\0';
	TAP_STR(what, got, "READY=1");
	close(fd);
}

int
main(int argc, char **argv)
{
	tap_start("service", argc, argv);
	char dir[] = "/tmp/test_service.XXXXXX", path[64], abstract[64], longest[200];
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/notify", dir);
	snprintf(abstract, sizeof abstract, "@test_service.%d", (int)getpid());
	memset(longest, 'x', sizeof longest - 1);
	longest[0] = '/';
	longest[sizeof longest - 1] = '\0';
	check_told("at a path", path);
	check_told("at an abstract name", abstract);
	const char *const wrong[] = {"", "/", "@", "relative", longest, path /* nobody listens */};
	for (size_t i = 0; i < TAP_COUNT(wrong); i++) {
		setenv("NOTIFY_SOCKET", wrong[i], 1);
		TAP_ROW("nobody is told", !service_tell(SERVICE_READY), "at \"%s\"", wrong[i]);
	}
	unsetenv("NOTIFY_SOCKET");
	TAP_ROW("without a socket nobody is told", !service_tell(SERVICE_READY), "it was sent");
	unlink(path);
	rmdir(dir);
	return tap_finish();
}
