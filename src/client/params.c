/* SPDX-License-Identifier: MIT */
#include "client/params.h"

#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { LIBFCGI_STREAMS = 32 * 1024 };

/* --- Checking ---------------------------------------------------------- */

/* A position in the contents of the PARAMS records, as if they were one. */
struct contents {
	const char *at, *end;
	size_t remaining; /* of the record that at lies in */
};

/* Moves on to the next PARAMS record that is not empty, if this one is used up. False: the end. */
static bool
find_content(struct contents *c)
{
	while (c->remaining == 0) {
		FCGI_Header h;
		if ((size_t)(c->end - c->at) < sizeof h)
			return false;
		memcpy(&h, c->at, sizeof h);
		c->at += sizeof h;
		size_t length = (size_t)h.contentLengthB1 << 8 | h.contentLengthB0;
		if (length > (size_t)(c->end - c->at))
			return false;
		if (h.type == FCGI_PARAMS)
			c->remaining = length;
		else
			c->at += length;
	}
	return true;
}

static bool
read_byte(struct contents *c, uint8_t *byte)
{
	if (!find_content(c))
		return false;
	*byte = (uint8_t)*c->at++;
	c->remaining--;
	return true;
}

/* One byte, or four, the first of which has its highest bit set. */
static bool
read_length(struct contents *c, size_t *length)
{
	uint8_t byte;
	if (!read_byte(c, &byte))
		return false;
	*length = byte;
	if (byte < 0x80)
		return true;
	*length = byte & 0x7f;
	for (int i = 0; i < 3; i++) {
		if (!read_byte(c, &byte))
			return false;
		*length = *length << 8 | byte;
	}
	return true;
}

static bool
skip_text(struct contents *c, size_t length)
{
	while (length > 0) {
		if (!find_content(c))
			return false;
		size_t part = length < c->remaining ? length : c->remaining;
		if (memchr(c->at, '\0', part) != NULL)
			return false;
		c->at += part;
		c->remaining -= part;
		length -= part;
	}
	return true;
}

bool
params_are_whole(const char *records, size_t n)
{
	struct contents c = {.at = records, .end = records + n};
	size_t name, value;
	while (find_content(&c))
		if (!read_length(&c, &name) || !read_length(&c, &value) ||
		    !skip_text(&c, name + value))
			return false;
	return true;
}

/* --- Parsing ----------------------------------------------------------- */

static void
close_pipe(struct params_parser *p)
{
	for (int i = 0; i < 2; i++)
		if (p->pipe[i] != -1)
			close(p->pipe[i]);
	p->pipe[0] = p->pipe[1] = -1;
}

/* Opens a pipe that holds PARAMS_MAX bytes, if it is not open. The kernel makes smaller ones
 * for a user who has many: still large enough for nearly all requests. */
static bool
open_pipe(struct params_parser *p)
{
	if (p->pipe[0] != -1)
		return true;
	if (pipe2(p->pipe, O_CLOEXEC | O_NONBLOCK) == -1)
		return false;
	if (fcntl(p->pipe[1], F_GETPIPE_SZ) < PARAMS_MAX &&
	    fcntl(p->pipe[1], F_SETPIPE_SZ, PARAMS_MAX) == -1)
		log_line(LOG_WARNING, "the kernel allows this user only small pipes, so requests "
				      "with many headers may be refused for a while: raise "
				      "fs.pipe-user-pages-soft");
	return true;
}

bool
params_init(struct params_parser *p)
{
	p->pipe[0] = p->pipe[1] = -1;
	if (FCGX_Init() != 0)
		return false;
	/* libfcgi installs handlers of its own: SERVERS.md, "libfcgi". */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	return open_pipe(p);
}

void
params_fini(struct params_parser *p)
{
	close_pipe(p);
}

struct refusal
params_parse(struct params_parser *p, const struct buf *records)
{
	static const struct refusal unreadable = {
	    400, "invalid_request_error", "The web server's FastCGI request is malformed.", NULL};
	static const struct refusal no_pipe = {
	    503, "api_error", "Out of descriptors to read the request. Try again.", NULL};
	if (!params_are_whole(buf_text(records), records->len))
		return unreadable;
	/* For its streams, and 20 bytes for each byte of records: the shortest parameters. */
	if (!memory_has(LIBFCGI_STREAMS + 20 * records->len))
		return refusal_out_of_memory;
	if (!open_pipe(p))
		return no_pipe;
	if (write(p->pipe[1], records->data, records->len) != (ssize_t)records->len) {
		close_pipe(p);
		return no_pipe;
	}
	FCGX_InitRequest(&p->request, -1, 0);
	p->request.ipcFd = p->pipe[0];
	p->request.keepConnection = 1;
	if (FCGX_Accept_r(&p->request) != 0)
		p->pipe[0] = -1; /* libfcgi has closed it */
	else if (FCGX_GetError(p->request.in) == 0)
		return refusal_none;
	close_pipe(p);
	return unreadable;
}

/* Frees libfcgi's request; libfcgi must neither write nor close anything. */
void
params_release(struct params_parser *p)
{
	p->request.ipcFd = -1;
	p->request.keepConnection = 0;
	FCGX_Free(&p->request, 0);
}
