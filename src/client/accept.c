/* SPDX-License-Identifier: MIT */
#include "client/accept.h"

#include "base/caps.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "client/access.h"
#include "client/params.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_SIZE = 64 * 1024,
	ACCEPTS_AN_ITERATION = 64, /* of the loop, at most */
	PAUSE_WITHOUT_DESCRIPTORS_MS = 100,
};

/* The record that is being read. */
struct record {
	FCGI_Header header;
	size_t have;    /* bytes of the header that have arrived */
	size_t content; /* bytes of content still to come */
	size_t padding; /* bytes of padding still to come */
};

enum phase {
	PHASE_PARAMS, /* until the empty PARAMS record */
	PHASE_BODY,   /* until the empty STDIN record */
	PHASE_SERVED, /* the route's function replies */
	PHASE_EARLY,  /* replied before the whole request was read: the rest is drained */
	PHASE_CLOSED, /* to be freed at the end of the loop's iteration */
};

struct connection {
	struct client client;
	struct acceptor *acceptor;
	struct connection *next, **link;
	enum phase phase;
	unsigned *counted; /* the count that includes it; NULL: none does */
	struct watch watch;
	struct timer timer;
	int64_t end_ms; /* when its request must be complete, steady clock */
	struct task free_later;
	struct record record;
	struct buf head; /* BEGIN_REQUEST and PARAMS records as they came, for libfcgi */
};

struct acceptor {
	struct app *app;
	const struct routes *routes;
	struct watch watch;
	struct timer pause;
	int fd;
	unsigned burst;           /* how many clients to accept in the next iteration, at most */
	unsigned streams, others; /* admitted and still connected */
	struct params_parser parser;
	struct connection *connections;
	char scratch[READ_SIZE];
};

/* --- The end of a connection ------------------------------------------ */

static void
connection_free(struct connection *c)
{
	struct loop *loop = c->acceptor->app->loop;
	loop_unwatch(loop, &c->watch);
	loop_cancel(loop, &c->timer);
	loop_recall(&c->free_later);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	c->acceptor->app->clients--;
	if (c->counted != NULL)
		--*c->counted;
	request_fini(&c->client.request);
	reply_fini(&c->client.reply);
	buf_free(&c->head);
	free(c);
}

static void
run_free(struct task *task)
{
	connection_free(CONTAINER_OF(task, struct connection, free_later));
}

static void
abort_handling(struct client *client)
{
	const struct handler *handler = client->handler;
	client->handler = NULL;
	if (handler != NULL)
		handler->aborted(client->handling);
}

/* Ends a connection; its memory is freed at the end of the loop's iteration, since callers
 * may still use it. */
static void
disconnect(struct connection *c)
{
	if (c->phase == PHASE_CLOSED)
		return;
	abort_handling(&c->client);
	c->phase = PHASE_CLOSED;
	loop_unwatch(c->acceptor->app->loop, &c->watch);
	loop_queue(c->acceptor->app->loop, &c->free_later);
}

static void
reply_disconnected(struct reply *reply)
{
	disconnect(CONTAINER_OF(reply, struct connection, client.reply));
}

/* SERVERS.md, rule 4: an early reply arrives only if the rest of the request is drained. */
static void
reply_drained(struct reply *reply)
{
	struct connection *c = CONTAINER_OF(reply, struct connection, client.reply);
	const struct handler *handler = c->client.handler;
	if (!reply->ended || reply_backlog(reply) > 0) {
		if (handler != NULL && handler->drained != NULL)
			handler->drained(c->client.handling);
	} else if (c->phase == PHASE_EARLY) {
		shutdown(reply->fd, SHUT_WR);
		if (!loop_after(c->acceptor->app->loop, &c->timer, DRAIN_FOR_MS))
			disconnect(c);
	} else {
		disconnect(c);
	}
}

/* --- Records ---------------------------------------------------------- */

void
client_refuse(struct client *client, int status, const char *lines, const char *type,
	      const char *message)
{
	const struct request *r = &client->request;
	const struct log_field fields[] = {
	    LOG_TEXT("id", r->id),
	    LOG_TEXT("client", request_client(r)),
	    LOG_TEXT("path", r->route->id == ROUTE_NONE ? "-" : r->path),
	    LOG_NUMBER("status", status),
	    LOG_TEXT("why", message),
	};
	log_fields(LOG_INFO, "refused", fields, COUNT(fields));
	reply_error(&client->reply, status, lines, type, message, r->id);
}

/* Replies with an error before the request is complete. */
static void
refuse(struct connection *c, const struct refusal *refusal)
{
	struct loop *loop = c->acceptor->app->loop;
	char lines[128] = "";
	if (refusal->allow != NULL)
		snprintf(lines, sizeof lines, "allow: %s\r\n", refusal->allow);
	else if (refusal->status == 503)
		snprintf(lines, sizeof lines, REPLY_RETRY_LINE);
	else if (refusal->status ==
		 401) /* else Claude Code retries for three minutes: CLIENT.md 3 */
		snprintf(lines, sizeof lines, "x-should-retry: false\r\n");
	loop_unwatch(loop, &c->watch);
	loop_cancel(loop, &c->timer);
	c->phase = PHASE_EARLY;
	client_refuse(&c->client, refusal->status, lines, refusal->type, refusal->message);
}

static void
timer_due(struct timer *timer)
{
	struct connection *c = CONTAINER_OF(timer, struct connection, timer);
	if (c->phase == PHASE_EARLY)
		disconnect(c);
	else
		refuse(c, &(struct refusal){408, "timeout_error",
					    "No part of the request arrived for 60 seconds, or it "
					    "took longer than the deadline.",
					    NULL});
}

static void
serve(struct connection *c)
{
	struct loop *loop = c->acceptor->app->loop;
	struct request *r = &c->client.request;
	loop_unwatch(loop, &c->watch);
	loop_cancel(loop, &c->timer);
	/* Less than was announced: the client disconnected during its upload. */
	if (r->content_length >= 0 && (size_t)r->content_length != r->body.len) {
		disconnect(c);
		return;
	}
	c->phase = PHASE_SERVED;
	if (!reply_watch(&c->client.reply)) {
		disconnect(c);
		return;
	}
	struct refusal refusal = request_read_body(r);
	c->client.reply.no_body = strcmp(r->method, "HEAD") == 0;
	if (refusal.status != 0)
		client_refuse(&c->client, refusal.status, "", refusal.type, refusal.message);
	else
		r->route->reply(&c->client);
}

/* Counts the request towards its limit. Routes of operators have a limit of their own, so
 * that they work when max_streams is reached. */
static struct refusal
claim_place(struct connection *c)
{
	struct acceptor *a = c->acceptor;
	bool stream = !c->client.request.route->reserved;
	unsigned max = stream ? a->app->config->max_streams : OPERATOR_PLACES_MAX;
	unsigned *taken = stream ? &a->streams : &a->others;
	if (*taken < max) {
		++*taken;
		c->counted = taken;
		return refusal_none;
	}
	return refusal_make(503, "api_error",
			    "More than %s%u requests are running. Try again in 2 seconds.",
			    stream ? "max_streams: " : "", max);
}

static struct refusal
admit(struct client *client)
{
	const struct app *app = client->app;
	const struct access_rules rules = {
	    .config = app->config,
	    .keys = app->keys,
	    .admin_token = tokens_admin(app->tokens),
	    .page_key = state_key(app->state),
	    .now_ms = clock_wall_ms(),
	};
	const struct admission a = access_admit(&rules, &client->request);
	if (a.client != NULL) {
		snprintf(client->request.client, sizeof client->request.client, "%s",
			 a.client->name);
		client->request.budget = a.client->budget;
	}
	client->request.anonymous = a.anonymous;
	client->request.admin = a.admin;
	return a.refusal;
}

static struct refusal
read_params(struct connection *c)
{
	struct acceptor *a = c->acceptor;
	const struct config *config = a->app->config;
	struct refusal refusal = params_parse(&a->parser, &c->head);
	if (refusal.status == 0)
		refusal = request_read_params(&c->client.request, a->parser.request.envp, config,
					      a->routes);
	params_release(&a->parser);
	buf_free(&c->head);
	if (refusal.status == 0)
		refusal = admit(&c->client);
	return refusal.status == 0 ? claim_place(c) : refusal;
}

static void
params_done(struct connection *c)
{
	struct refusal refusal = read_params(c);
	struct request *r = &c->client.request;
	c->phase = PHASE_BODY;
	if (refusal.status != 0)
		refuse(c, &refusal);
	else if (r->content_length > 0 && !buf_reserve(&r->body, (size_t)r->content_length))
		refuse(c, &refusal_out_of_memory);
}

/* The body does not fit into its buffer: it is too large, or we are out of memory. */
static void
refuse_body(struct connection *c, size_t n)
{
	const struct buf *body = &c->client.request.body;
	struct refusal refusal = refusal_out_of_memory;
	if (n > body->max - body->len)
		refusal =
		    refusal_make(413, "request_too_large",
				 "The body is larger than max_request_bytes (%zu).", body->max);
	refuse(c, &refusal);
}

/* Adds a part of a record's content to the parameters or the body. */
static void
add_content(struct connection *c, const char *bytes, size_t n)
{
	struct request *r = &c->client.request;
	uint8_t type = c->record.header.type;
	if (c->phase == PHASE_PARAMS && type != FCGI_STDIN) {
		if (n > c->head.max - c->head.len)
			refuse(c, &(struct refusal){431, "invalid_request_error",
						    "The request's headers are larger than 64 KB.",
						    NULL});
		else if (!buf_add(&c->head, bytes, n))
			refuse(c, &refusal_out_of_memory);
	} else if (c->phase == PHASE_BODY && type == FCGI_STDIN && !buf_add(&r->body, bytes, n)) {
		refuse_body(c, n);
	}
}

/* Whether the record belongs to the connection's request. */
static bool
is_ours(const struct connection *c)
{
	const FCGI_Header *h = &c->record.header;
	return ((unsigned)h->requestIdB1 << 8 | h->requestIdB0) == c->client.reply.request_id;
}

/* Checks the complete header of a record. False: not FastCGI as we support it. */
static bool
begin_record(struct connection *c)
{
	const FCGI_Header *h = &c->record.header;
	c->record.content = (size_t)h->contentLengthB1 << 8 | h->contentLengthB0;
	c->record.padding = h->paddingLength;
	bool known = h->type == FCGI_BEGIN_REQUEST || h->type == FCGI_PARAMS ||
		     h->type == FCGI_STDIN || h->type == FCGI_DATA;
	bool first = c->head.len == 0 && c->phase == PHASE_PARAMS;
	if (c->phase == PHASE_SERVED)
		return h->version == FCGI_VERSION_1;
	if (h->version != FCGI_VERSION_1 || !known || first != (h->type == FCGI_BEGIN_REQUEST))
		return false;
	if (first)
		c->client.reply.request_id =
		    (uint16_t)((unsigned)h->requestIdB1 << 8 | h->requestIdB0);
	if (!is_ours(c))
		return false;
	if (c->phase == PHASE_PARAMS && h->type != FCGI_STDIN) {
		/* libfcgi gets no padding to skip. */
		FCGI_Header bare = *h;
		bare.paddingLength = 0;
		add_content(c, (const char *)&bare, sizeof bare);
	}
	return true;
}

/* The web server aborts a request (FastCGI 1.0, section 5.4): for the handler, the client
 * has disconnected; the web server gets an end of the request as after an early reply. */
static void
abort_request(struct connection *c)
{
	if (c->client.reply.ended)
		return;
	abort_handling(&c->client);
	c->phase = PHASE_EARLY;
	reply_end(&c->client.reply);
}

static void
end_record(struct connection *c)
{
	const FCGI_Header *h = &c->record.header;
	bool empty = h->contentLengthB1 == 0 && h->contentLengthB0 == 0;
	c->record.have = 0;
	if (empty && c->phase == PHASE_PARAMS && h->type == FCGI_PARAMS)
		params_done(c);
	else if (empty && c->phase == PHASE_BODY && h->type == FCGI_STDIN)
		serve(c);
	else if (c->phase == PHASE_SERVED && h->type == FCGI_ABORT_REQUEST && is_ours(c))
		abort_request(c);
}

static size_t
min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool
is_collecting(const struct connection *c)
{
	return c->phase == PHASE_PARAMS || c->phase == PHASE_BODY;
}

/* Parses records from bytes of the web server, which may be split anywhere. */
static void
parse_records(struct connection *c, const char *bytes, size_t n)
{
	struct record *r = &c->record;
	while (n > 0 && (is_collecting(c) || c->phase == PHASE_SERVED)) {
		size_t part;
		if (r->have < sizeof r->header) {
			part = min(n, sizeof r->header - r->have);
			memcpy((char *)&r->header + r->have, bytes, part);
			r->have += part;
			if (r->have == sizeof r->header && !begin_record(c)) {
				disconnect(c);
				return;
			}
		} else if (r->content > 0) {
			part = min(n, r->content);
			add_content(c, bytes, part);
			r->content -= part;
		} else {
			part = min(n, r->padding);
			r->padding -= part;
		}
		bytes += part;
		n -= part;
		if (r->have == sizeof r->header && r->content == 0 && r->padding == 0)
			end_record(c);
	}
}

/* Bytes that arrive after the request. */
static void
reply_received(struct reply *reply, const char *bytes, size_t n)
{
	parse_records(CONTAINER_OF(reply, struct connection, client.reply), bytes, n);
}

/* How many bytes of a body may go where they will stay: those of its record, as far as room was
 * reserved for them. */
static size_t
direct_bytes(const struct connection *c)
{
	const struct buf *body = &c->client.request.body;
	bool is_body = c->phase == PHASE_BODY && c->record.have == sizeof c->record.header &&
		       c->record.header.type == FCGI_STDIN;
	return is_body && body->data != NULL ? min(c->record.content, body->cap - body->len) : 0;
}

/* n bytes of its record have come to the end of the body. */
static void
note_direct(struct connection *c, size_t n)
{
	struct buf *body = &c->client.request.body;
	body->len += n;
	body->data[body->len] = '\0';
	c->record.content -= n;
	if (c->record.content == 0 && c->record.padding == 0)
		end_record(c);
}

/* Reads what has arrived, in at most 8 reads: a fast upload makes progress, and the other
 * clients do not starve. */
static void
collect(struct connection *c)
{
	struct acceptor *a = c->acceptor;
	struct buf *body = &c->client.request.body;
	for (int i = 0; i < 8 && is_collecting(c); i++) {
		size_t direct = direct_bytes(c);
		struct iovec to[] = {
		    {direct > 0 ? body->data + body->len : a->scratch, direct},
		    {a->scratch, sizeof a->scratch},
		};
		struct msghdr message = {.msg_iov = to, .msg_iovlen = COUNT(to)};
		ssize_t n = recvmsg(c->client.reply.fd, &message, MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			disconnect(c);
			return;
		}
		size_t taken = min((size_t)n, direct);
		if (taken > 0)
			note_direct(c, taken);
		parse_records(c, a->scratch, (size_t)n - taken);
		if ((size_t)n < direct + sizeof a->scratch)
			return;
	}
}

/* Sets the timer for more of the request: a slow line may take its time, as long as bytes
 * arrive. */
static bool
await_more(struct connection *c)
{
	int64_t remaining_ms = c->end_ms - clock_steady_ms();
	return loop_after(c->acceptor->app->loop, &c->timer,
			  remaining_ms < COLLECT_FOR_MS ? remaining_ms : COLLECT_FOR_MS);
}

static void
ready(struct watch *watch, uint32_t events)
{
	struct connection *c = CONTAINER_OF(watch, struct connection, watch);
	(void)events;
	collect(c);
	/* The parameters arrive in one piece; a body arrives at the client's pace. */
	if (c->phase == PHASE_BODY && !await_more(c))
		disconnect(c);
}

/* Web servers send a request in one piece, so usually all of it can be read at once. */
static bool
begin(struct connection *c)
{
	struct loop *loop = c->acceptor->app->loop;
	collect(c);
	c->end_ms = clock_steady_ms() + c->acceptor->app->config->deadline_ms;
	return !is_collecting(c) ||
	       (loop_watch(loop, &c->watch, c->client.reply.fd, EPOLLIN) && await_more(c));
}

/* --- Accepting -------------------------------------------------------- */

static bool
connection_new(struct acceptor *a, int fd)
{
	struct connection *c = calloc(1, sizeof *c);
	struct app *app = a->app;
	if (c == NULL) {
		close(fd);
		return false;
	}
	c->acceptor = a;
	c->client.app = app;
	c->watch.ready = ready;
	c->timer.due = timer_due;
	c->free_later.run = run_free;
	buf_init_secret(&c->head, PARAMS_MAX);
	request_init(&c->client.request, app->config->max_request_bytes);
	reply_init(&c->client.reply, app->loop, fd, app->config->idle_timeout_ms, &app->unread);
	c->client.reply.disconnected = reply_disconnected;
	c->client.reply.drained = reply_drained;
	c->client.reply.received = reply_received;
	c->next = a->connections;
	c->link = &a->connections;
	if (c->next != NULL)
		c->next->link = &c->next;
	a->connections = c;
	app->clients++;
	if (begin(c))
		return true;
	connection_free(c);
	return false;
}

static void
resume(struct timer *timer)
{
	struct acceptor *a = CONTAINER_OF(timer, struct acceptor, pause);
	if (!loop_watch(a->app->loop, &a->watch, a->fd, EPOLLIN))
		loop_after(a->app->loop, &a->pause, PAUSE_WITHOUT_DESCRIPTORS_MS);
}

/* Out of descriptors or memory: other processes of ours may have some. */
static void
pause_accepting(struct acceptor *a)
{
	loop_unwatch(a->app->loop, &a->watch);
	loop_after(a->app->loop, &a->pause, PAUSE_WITHOUT_DESCRIPTORS_MS);
	log_line(LOG_WARNING, "out of descriptors or memory for another client: raise the limit "
			      "of open files (ulimit -n) or lower max_streams");
}

/* One at a time while few clients connect, since an accept4() that finds none costs as much
 * as one that succeeds; twice as many whenever all of them succeed. */
static void
accept_some(struct watch *watch, uint32_t events)
{
	struct acceptor *a = CONTAINER_OF(watch, struct acceptor, watch);
	(void)events;
	for (unsigned i = 0; i < a->burst; i++) {
		int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			    errno == ENOBUFS)
				pause_accepting(a);
			a->burst = 1;
			return;
		}
		if (!connection_new(a, fd)) {
			pause_accepting(a);
			return;
		}
	}
	a->burst = a->burst < ACCEPTS_AN_ITERATION ? 2 * a->burst : a->burst;
}

static bool
start_accepting(struct acceptor *a)
{
	int flags = fcntl(a->fd, F_GETFL);
	if (flags == -1 || fcntl(a->fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return false;
	a->burst = 1;
	if (params_init(&a->parser) && loop_watch(a->app->loop, &a->watch, a->fd, EPOLLIN))
		return true;
	params_fini(&a->parser);
	return false;
}

struct acceptor *
acceptor_new(struct app *app, int fd, const struct routes *routes, struct buf *error)
{
	struct acceptor *a = calloc(1, sizeof *a);
	if (a != NULL) {
		a->app = app;
		a->routes = routes;
		a->fd = fd;
		a->watch.ready = accept_some;
		a->pause.due = resume;
	}
	if (a == NULL || !start_accepting(a)) {
		buf_append_cut(error, "cannot listen for the web server: %s", strerror(errno));
		free(a);
		return NULL;
	}
	return a;
}

void
acceptor_stop(struct acceptor *a)
{
	/* Clients that have connected already are still accepted. */
	a->burst = LAST_ACCEPTS_MAX;
	if (a->watch.events != 0)
		accept_some(&a->watch, 0);
	loop_unwatch(a->app->loop, &a->watch);
	loop_cancel(a->app->loop, &a->pause);
	if (a->fd != -1)
		close(a->fd);
	a->fd = -1;
}

void
acceptor_free(struct acceptor *a)
{
	if (a == NULL)
		return;
	acceptor_stop(a);
	for (struct connection *c = a->connections, *next; c != NULL; c = next) {
		next = c->next;
		disconnect(c);
		connection_free(c);
	}
	params_fini(&a->parser);
	free(a);
}
