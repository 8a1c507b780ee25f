/* SPDX-License-Identifier: MIT */
/* accept.c, reply.c: bytes from the web server's side of the socket. First byte: the size of
 * the pieces. Nothing leaks, every connection ends, and replies are complete records. */
#include "file.h"

#include "base/count.h"
#include "base/listen.h"
#include "base/log.h"
#include "client/accept.h"

#include <sys/socket.h>
#include <sys/un.h>

static struct app app;
static struct acceptor *acceptor;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static struct config config = {
    .max_request_bytes = 65536, .max_streams = 100, .idle_timeout_ms = 1000};
static struct timer end;

static void
stop(struct timer *timer)
{
	(void)timer;
	loop_stop(app.loop);
}

static void
serve(struct client *client)
{
	reply_whole(&client->reply, 200, "content-type: text/plain\r\n", client->request.path,
		    strlen(client->request.path));
}

static const struct route list[] = {
    {"/v1/messages", "POST", ROUTE_CLIENTS, ROUTE_MESSAGES, false, serve},
    {"/v1/models/", "GET", ROUTE_CLIENTS, ROUTE_MODEL, false, serve},
    {"/health", "GET, HEAD", ROUTE_ANYONE, ROUTE_OTHER, true, serve},
    {"/v1/switch-provider", "POST", ROUTE_ADMIN, ROUTE_OTHER, true, serve},
};
static const struct routes routes = {list, COUNT(list)};

static void
open_acceptor(void)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	MUST(log_open("fuzz", "/dev/null", LOG_ERR, false, &error));
	snprintf(address.sun_path, sizeof address.sun_path, "%s", file_write("", 0));
	unlink(address.sun_path);
	app.loop = loop_new();
	app.config = &config;
	end.due = stop;
	struct listener listener;
	MUST(listener_open(&listener, address.sun_path, &error) && app.loop != NULL);
	acceptor = acceptor_new(&app, listener.fd, &routes, &error);
	MUST(acceptor != NULL);
	buf_free(&error);
}

static void
turn(void)
{
	MUST(loop_after(app.loop, &end, 0) && loop_run(app.loop));
}

/* The reply: complete records of version 1. */
static void
check_reply(int fd)
{
	static uint8_t bytes[1 << 20];
	size_t have = 0;
	for (ssize_t n; have < sizeof bytes &&
			(n = recv(fd, bytes + have, sizeof bytes - have, MSG_DONTWAIT)) > 0;)
		have += (size_t)n;
	for (size_t at = 0; at < have;) {
		MUST(have - at >= 8 && bytes[at] == 1);
		at += 8 + ((size_t)bytes[at + 4] << 8 | bytes[at + 5]) + bytes[at + 6];
		MUST(at <= have);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 1 || n > 100000)
		return 0;
	if (acceptor == NULL)
		open_acceptor();
	size_t piece = data[0] == 0 ? n : 1 + (size_t)data[0] * data[0];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	turn();
	unsigned turns = 0;
	for (size_t at = 1; at < n && turns < 64; turns++) {
		size_t length = n - at < piece || turns == 63 ? n - at : piece;
		ssize_t sent = send(fd, data + at, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0)
			break;
		at += (size_t)sent;
		turn();
	}
	shutdown(fd, SHUT_WR);
	for (unsigned i = 0; i < 4; i++)
		turn();
	check_reply(fd);
	close(fd);
	for (unsigned i = 0; i < 1000 && app.clients > 0; i++)
		turn();
	MUST(app.clients == 0 && app.unread == 0);
	return 0;
}
