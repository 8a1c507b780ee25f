/* SPDX-License-Identifier: MIT */
#include "client/reply.h"

#include "base/caps.h"
#include "base/log.h"
#include "state/state.h"
#include "json/tree.h"

#include <errno.h>
#include <fastcgi.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_MAX 65528 /* bytes of content: the most that needs no padding */
#define HEAD_ROOM  256   /* bytes for our own header lines, and the records of a small reply */

static void
flush_later(struct reply *r)
{
	loop_queue(r->loop, &r->flush);
}

static void
disconnect(struct reply *r)
{
	loop_forget(r->loop, &r->watch);
	loop_cancel(r->loop, &r->stalled);
	loop_recall(&r->flush);
	r->ended = true;
	r->disconnected(r);
}

/* Sends as much as the kernel accepts. False: the client has disconnected. */
static bool
send_some(struct reply *r)
{
	size_t sent = 0;
	while (sent < r->out.len) {
		ssize_t n =
		    send(r->fd, r->out.data + sent, r->out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0)
			return false;
		sent += (size_t)n;
	}
	*r->unread -= sent;
	if (sent == r->out.len)
		buf_free(&r->out);
	else
		buf_drop(&r->out, sent);
	if (sent > 0)
		loop_cancel(r->loop, &r->stalled);
	return true;
}

static void
flush(struct reply *r)
{
	if (!send_some(r)) {
		disconnect(r);
		return;
	}
	uint32_t events = EPOLLIN | EPOLLRDHUP | (r->out.len > 0 ? EPOLLOUT : 0u);
	bool waits = r->out.len > 0 && r->stalled.place == 0;
	if (!loop_watch(r->loop, &r->watch, r->fd, events) ||
	    (waits && !loop_after(r->loop, &r->stalled, r->stalled_after_ms))) {
		disconnect(r);
		return;
	}
	if (r->out.len < UNREAD_STREAM_MAX / 2)
		r->drained(r);
}

static void
run_flush(struct task *task)
{
	flush(CONTAINER_OF(task, struct reply, flush));
}

static void
stalled(struct timer *timer)
{
	disconnect(CONTAINER_OF(timer, struct reply, stalled));
}

/* The web server closes the connection when the client has disconnected: SERVERS.md, rule 1.
 * What else arrives is the rest of a request with an early reply, or an FCGI_ABORT_REQUEST. */
static void
ready(struct watch *watch, uint32_t events)
{
	struct reply *r = CONTAINER_OF(watch, struct reply, watch);
	char scratch[16384];
	ssize_t n = events & EPOLLIN ? recv(r->fd, scratch, sizeof scratch, MSG_DONTWAIT) : -1;
	if (n == 0 || (n == -1 && events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
		disconnect(r);
		return;
	}
	if (n > 0)
		r->received(r, scratch, (size_t)n);
	if (events & EPOLLOUT)
		flush(r);
}

void
reply_init(struct reply *r, struct loop *loop, int fd, int64_t stalled_after_ms, size_t *unread)
{
	*r = (struct reply){.loop = loop,
			    .fd = fd,
			    .stalled_after_ms = stalled_after_ms,
			    .unread = unread,
			    .provider = "none"};
	r->watch.ready = ready;
	r->flush.run = run_flush;
	r->stalled.due = stalled;
	buf_init(&r->out, UNREAD_PROCESS_MAX);
}

bool
reply_watch(struct reply *r)
{
	return loop_watch(r->loop, &r->watch, r->fd, EPOLLIN | EPOLLRDHUP);
}

void
reply_fini(struct reply *r)
{
	loop_forget(r->loop, &r->watch);
	loop_cancel(r->loop, &r->stalled);
	loop_recall(&r->flush);
	*r->unread -= r->out.len;
	buf_free(&r->out);
	if (r->fd != -1)
		close(r->fd);
	r->fd = -1;
}

/* --- Records ---------------------------------------------------------- */

static bool
add_record(struct reply *r, uint8_t type, const void *content, size_t n)
{
	FCGI_Header header = {
	    .version = FCGI_VERSION_1,
	    .type = type,
	    .requestIdB1 = (unsigned char)(r->request_id >> 8),
	    .requestIdB0 = (unsigned char)r->request_id,
	    .contentLengthB1 = (unsigned char)(n >> 8),
	    .contentLengthB0 = (unsigned char)n,
	};
	bool is_large = r->out.len + n > UNREAD_LARGE;
	size_t max = UNREAD_PROCESS_MAX - (is_large ? UNREAD_KEPT : 0);
	if (*r->unread + sizeof header + n > max || !buf_reserve(&r->out, sizeof header + n) ||
	    !buf_add(&r->out, &header, sizeof header) || !buf_add(&r->out, content, n))
		return false;
	*r->unread += sizeof header + n;
	return true;
}

/* Out of memory for a part of the reply: the connection is cut, so that the client sees that a
 * part is missing. */
static void
write_out(struct reply *r, const char *bytes, size_t n)
{
	if (r->ended)
		return;
	while (n > 0) {
		size_t part = n < RECORD_MAX ? n : RECORD_MAX;
		if (!add_record(r, FCGI_STDOUT, bytes, part)) {
			log_line(LOG_WARNING,
				 "a reply from %s was cut: too many bytes wait for slow clients "
				 "(%zu MB), or out of memory",
				 r->provider, *r->unread / 1024 / 1024);
			reply_cut(r);
			return;
		}
		bytes += part;
		n -= part;
	}
	flush_later(r);
}

void
reply_head(struct reply *r, int status, const char *lines)
{
	char first[192], id[DRILL_ID_SIZE];
	state_drill_name(r->drill, id);
	int n = snprintf(first, sizeof first,
			 "Status: %d\r\nx-router-provider: %s\r\nx-router-attempts: %u\r\n%s%s%s",
			 status, r->provider, r->attempts,
			 id[0] == '\0' ? "" : "x-router-drill: ", id, id[0] == '\0' ? "" : "\r\n");
	write_out(r, first, (size_t)n);
	write_out(r, lines, strlen(lines));
	write_out(r, "\r\n", 2);
}

void
reply_body(struct reply *r, const char *bytes, size_t n)
{
	r->bytes += n;
	if (!r->no_body)
		write_out(r, bytes, n);
}

void
reply_end(struct reply *r)
{
	FCGI_EndRequestBody end = {.protocolStatus = FCGI_REQUEST_COMPLETE};
	if (r->ended)
		return;
	if (!add_record(r, FCGI_STDOUT, "", 0) ||
	    !add_record(r, FCGI_END_REQUEST, &end, sizeof end))
		reply_cut(r);
	r->ended = true;
	flush_later(r);
}

void
reply_cut(struct reply *r)
{
	if (!r->ended)
		shutdown(r->fd, SHUT_RDWR);
}

size_t
reply_backlog(const struct reply *r)
{
	return r->out.len;
}

void
reply_whole(struct reply *r, int status, const char *lines, const char *bytes, size_t n)
{
	/* Reserves all of it at once; if that fails, so will writing it. */
	size_t records = n / RECORD_MAX * sizeof(FCGI_Header);
	bool reserved = buf_reserve(&r->out, HEAD_ROOM + strlen(lines) + n + records);
	(void)reserved;
	reply_head(r, status, lines);
	reply_body(r, bytes, n);
	reply_end(r);
}

void
reply_json(struct reply *r, int status, const char *lines, json_object *object)
{
	struct buf head, body;
	buf_init(&head, RESPONSE_HEAD_MAX);
	buf_init(&body, RESPONSE_JSON_MAX);
	if (object == NULL || !tree_write(object, &body) ||
	    !buf_puts(&head, "content-type: application/json\r\n") || !buf_puts(&head, lines))
		reply_whole(r, 503, REPLY_RETRY_LINE, "", 0);
	else
		reply_whole(r, status, head.data, body.data, body.len);
	buf_free(&body);
	buf_free(&head);
	json_object_put(object);
}

void
reply_error(struct reply *r, int status, const char *lines, const char *type, const char *message,
	    const char *request_id)
{
	json_object *body = json_object_new_object();
	json_object *error = json_object_new_object();
	tree_put(body, "type", json_object_new_string("error"));
	tree_put(error, "type", json_object_new_string(type));
	tree_put(error, "message", json_object_new_string(message));
	tree_put(body, "error", error);
	tree_put(body, "request_id", json_object_new_string(request_id));
	reply_json(r, status, lines, body);
}
