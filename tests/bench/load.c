/* SPDX-License-Identifier: MIT */
/* load - an HTTP/1.1 client for the benchmark: many requests, or many streams, from one thread.
 *
 *     load requests PORT PATH BODY CONNECTIONS REQUESTS [HEADER…]
 *     load streams  PORT PATH BODY STREAMS SECONDS [HEADER…]
 *     load first    PORT PATH BODY TIMES kept|fresh [HEADER…]
 *
 * BODY is a file; PORT is one of 127.0.0.1, and tls:PORT is asked by TLS. requests keeps its
 * connections and asks again as soon as it has an answer; streams starts all at once, says "ready"
 * on standard error when each has had its first event, and leaves after so many seconds; first asks
 * one request after the other, and times each to the first event with content: on one connection,
 * or fresh, each on a new one that it leaves then. One line of JSON comes out: times in
 * microseconds, from the sending of a request to the last byte of its answer, or, of streams, from
 * the moment that an event names ("w7@<ns>", SIM:PACE) to its arrival. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { READ_SIZE = 65536, TAIL_MAX = 64, HEAD_MAX = 16384 };

enum mode { REQUESTS, STREAMS, FIRST };
enum state { SENDING, HEAD, BODY };

struct connection {
	int fd;
	SSL *tls; /* NULL: without */
	enum state state;
	size_t sent;
	int64_t start_ns;
	char head[HEAD_MAX];
	size_t head_len;
	bool chunked, seen; /* seen: content, or a first event */
	bool kept;          /* it has had an answer, so that its server may end it at any time */
	long long left;     /* bytes of the body, or of the chunk, to come; -1: until the end */
	char line[32];      /* a chunk's size, as far as it is there */
	size_t line_len;
	char tail[TAIL_MAX]; /* what an event's mark may begin with */
	size_t tail_len;
};

static struct {
	enum mode mode;
	bool fresh;
	struct sockaddr_in address;
	SSL_CTX *tls;
	char *request;
	size_t request_len;
	size_t connections;
	size_t wanted, begun, done, failed, begun_streams, events;
	int64_t until_ns;
	int epoll;
	double *times;
	size_t n_times, max_times;
	struct connection *all;
} load;

static void
die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
note_time(int64_t ns)
{
	if (load.n_times == load.max_times) {
		load.max_times = load.max_times == 0 ? 65536 : 2 * load.max_times;
		load.times = realloc(load.times, load.max_times * sizeof *load.times);
		if (load.times == NULL)
			die("times");
	}
	load.times[load.n_times++] = (double)ns / 1000;
}

/* --- Connections --- */

static void
open_connection(struct connection *c)
{
	int one = 1;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		die("socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(c->fd, (struct sockaddr *)&load.address, sizeof load.address) == -1 &&
	    errno != EINPROGRESS)
		die("connect");
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
	if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &event) == -1)
		die("epoll");
	if (load.tls == NULL)
		return;
	c->tls = SSL_new(load.tls);
	if (c->tls == NULL || SSL_set_fd(c->tls, c->fd) != 1)
		die("TLS");
	SSL_set_connect_state(c->tls);
}

static void
close_connection(struct connection *c)
{
	SSL_free(c->tls);
	c->tls = NULL;
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
}

/* As send() and recv() return it. */
static ssize_t
tls_result(const struct connection *c, int n)
{
	if (n > 0)
		return n;
	int error = SSL_get_error(c->tls, n);
	errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
	return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static bool send_some(struct connection *c);
static void start(struct connection *c);
static void broken(struct connection *c, const char *why);

/* The next request on this connection, if one is wanted. */
static void
begin(struct connection *c)
{
	if (load.begun == load.wanted) {
		close_connection(c);
		return;
	}
	load.begun++;
	start(c);
}

static void
start(struct connection *c)
{
	bool fresh = c->fd == -1;
	if (fresh)
		open_connection(c);
	c->kept = !fresh;
	c->state = SENDING;
	c->sent = c->head_len = c->line_len = c->tail_len = 0;
	c->seen = c->chunked = false;
	c->start_ns = now_ns();
	if (!fresh && !send_some(c))
		broken(c, strerror(errno));
}

static void
fail(struct connection *c, const char *why)
{
	if (load.failed++ < 5)
		fprintf(stderr, "load: a request failed: %s\n", why);
	close_connection(c);
	if (load.mode == STREAMS)
		return;
	load.done++;
	begin(c);
}

/* The connection is gone. A server may end one that it kept, and then the request
 * was not looked at. */
static void
broken(struct connection *c, const char *why)
{
	if (!c->kept || c->head_len > 0) {
		fail(c, why);
		return;
	}
	close_connection(c);
	start(c);
}

static void
end(struct connection *c)
{
	if (load.mode == STREAMS) {
		fail(c, "the stream ended before its time");
		return;
	}
	if (load.mode == REQUESTS)
		note_time(now_ns() - c->start_ns);
	load.done++;
	begin(c);
}

static bool
send_some(struct connection *c)
{
	while (c->state == SENDING && c->sent < load.request_len) {
		const char *bytes = load.request + c->sent;
		size_t left = load.request_len - c->sent;
		ssize_t n = c->tls == NULL ? send(c->fd, bytes, left, MSG_NOSIGNAL)
					   : tls_result(c, SSL_write(c->tls, bytes, (int)left));
		if (n == -1)
			return errno == EAGAIN || errno == ENOTCONN;
		c->sent += (size_t)n;
	}
	if (c->state == SENDING)
		c->state = HEAD;
	return true;
}

/* --- What comes --- */

static void
first_event(struct connection *c)
{
	c->seen = true;
	if (load.mode == FIRST)
		note_time(now_ns() - c->start_ns);
	else if (++load.begun_streams == load.connections)
		fprintf(stderr, "ready\n");
}

/* Looks for "@<ns> " and, for first, for a content event. A mark may be cut by the end of what is here. */
static void
take_payload(struct connection *c, const char *bytes, size_t n)
{
	static char text[READ_SIZE + TAIL_MAX + 1];
	if (load.mode == REQUESTS)
		return;
	memcpy(text, c->tail, c->tail_len);
	memcpy(text + c->tail_len, bytes, n);
	n += c->tail_len;
	text[n] = '\0';
	char *at = text, *rest = text;
	if (!c->seen && strstr(text, "content_block_delta") != NULL)
		first_event(c);
	while (load.mode == STREAMS && (at = strchr(at, '@')) != NULL) {
		char *stop;
		long long sent_ns = strtoll(at + 1, &stop, 10);
		if (*stop == '\0')
			break;
		if (stop > at + 8) {
			note_time(now_ns() - sent_ns);
			load.events++;
		}
		at = rest = stop;
	}
	size_t kept = (size_t)(text + n - rest);
	if (kept >= TAIL_MAX)
		kept = TAIL_MAX - 1;
	c->tail_len = kept;
	memcpy(c->tail, text + n - kept, kept);
}

/* The line that begins a chunk. -1: not all of it is there; 0: the last one. */
static bool
take_size(struct connection *c, const char **bytes, size_t *n)
{
	while (*n > 0) {
		char b = **bytes;
		++*bytes, --*n;
		if (b == '\n' && c->line_len > 0) {
			c->line[c->line_len] = '\0';
			c->left = strtoll(c->line, NULL, 16);
			c->line_len = 0;
			return true;
		}
		if (b != '\r' && b != '\n' && c->line_len < sizeof c->line - 1)
			c->line[c->line_len++] = b;
	}
	return false;
}

/* False: the answer has ended, and so has what may be done with c here. */
static bool
take_body(struct connection *c, const char *bytes, size_t n)
{
	while (n > 0) {
		if (c->chunked && c->left == 0) {
			if (!take_size(c, &bytes, &n))
				return true;
			if (c->left == 0) {
				end(c);
				return false;
			}
			continue;
		}
		size_t part = c->left >= 0 && (long long)n > c->left ? (size_t)c->left : n;
		take_payload(c, bytes, part);
		bytes += part, n -= part;
		if (c->left > 0)
			c->left -= (long long)part;
		if (c->left == 0 && !c->chunked) {
			end(c);
			return false;
		}
	}
	return true;
}

static bool
take_head(struct connection *c, const char **bytes, size_t *n)
{
	size_t before = c->head_len;
	size_t part = *n < HEAD_MAX - 1 - before ? *n : HEAD_MAX - 1 - before;
	memcpy(c->head + before, *bytes, part);
	c->head_len += part;
	c->head[c->head_len] = '\0';
	char *stop = strstr(c->head, "\r\n\r\n");
	if (stop == NULL)
		return c->head_len == HEAD_MAX - 1 ? (fail(c, "endless head"), false) : false;
	size_t used = (size_t)(stop + 4 - c->head) - before;
	*bytes += used, *n -= used;
	stop[2] = '\0';
	if (strncmp(c->head, "HTTP/1.1 200", 12) != 0) {
		fail(c, c->head);
		return false;
	}
	char *length = strcasestr(c->head, "\r\ncontent-length:");
	c->chunked = strcasestr(c->head, "\r\ntransfer-encoding: chunked") != NULL;
	c->left = c->chunked ? 0 : length == NULL ? -1 : strtoll(length + 17, NULL, 10);
	c->state = BODY;
	return true;
}

static void
receive(struct connection *c)
{
	static char bytes[READ_SIZE];
	while (c->fd != -1) {
		ssize_t got = c->tls == NULL ? recv(c->fd, bytes, sizeof bytes, 0)
					     : tls_result(c, SSL_read(c->tls, bytes, sizeof bytes));
		if (got == -1 && errno == EAGAIN)
			return;
		if (got <= 0) {
			broken(c, got == 0 ? "closed" : strerror(errno));
			return;
		}
		const char *at = bytes;
		size_t n = (size_t)got;
		if (c->state == HEAD)
			if (!take_head(c, &at, &n))
				continue;
		if (!take_body(c, at, n))
			continue; /* what ends the connection may have come along */
		if (load.fresh && c->seen) {
			load.done++;
			close_connection(c);
			begin(c);
			return;
		}
	}
}

/* --- The run --- */

static void
read_body(const char *path, const char *target, char **headers)
{
	struct stat st;
	FILE *file = fopen(path, "r");
	if (file == NULL || fstat(fileno(file), &st) == -1)
		die(path);
	size_t size = (size_t)st.st_size + 65536;
	load.request = malloc(size);
	if (load.request == NULL)
		die("request");
	int n = snprintf(load.request, 65536,
			 "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
			 "anthropic-version: 2023-06-01\r\nContent-Length: %lld\r\n",
			 target, (long long)st.st_size);
	for (; *headers != NULL; headers++)
		n += snprintf(load.request + n, 65536 - (size_t)n, "%s\r\n", *headers);
	n += snprintf(load.request + n, 65536 - (size_t)n, "\r\n");
	load.request_len = (size_t)n + fread(load.request + n, 1, (size_t)st.st_size, file);
	fclose(file);
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double
percentile(double share)
{
	return load.n_times == 0 ? 0 : load.times[(size_t)(share * (double)(load.n_times - 1))];
}

static void
print_results(double seconds)
{
	qsort(load.times, load.n_times, sizeof *load.times, by_size);
	printf(
	    "{\"requests\":%zu,\"failed\":%zu,\"seconds\":%.3f,\"per_second\":%.1f,\"events\":%zu,"
	    "\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f}\n",
	    load.done, load.failed, seconds, (double)load.done / seconds, load.events,
	    percentile(0.5), percentile(0.9), percentile(0.99));
}

static bool
over(void)
{
	return load.mode == STREAMS ? now_ns() >= load.until_ns || load.failed == load.connections
				    : load.done == load.wanted;
}

static void
run(void)
{
	struct epoll_event events[256];
	while (!over()) {
		int n = epoll_wait(load.epoll, events, 256, 100);
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if (c->fd != -1 && !send_some(c))
				broken(c, strerror(errno));
			else if (c->fd != -1 && c->state != SENDING) /* TLS reads there, too */
				receive(c);
		}
	}
}

static void
ask_by_tls(void)
{
	load.tls = SSL_CTX_new(TLS_client_method());
	if (load.tls == NULL)
		die("TLS");
	SSL_CTX_set_mode(load.tls,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	signal(SIGPIPE, SIG_IGN);
}

int
main(int argc, char **argv)
{
	if (argc < 7) {
		fprintf(stderr, "load requests|streams|first PORT PATH BODY N "
				"REQUESTS|SECONDS|kept|fresh [HEADER…]\n");
		return 64;
	}
	load.mode = strcmp(argv[1], "streams") == 0 ? STREAMS
		    : strcmp(argv[1], "first") == 0 ? FIRST
						    : REQUESTS;
	bool by_tls = strncmp(argv[2], "tls:", 4) == 0;
	if (by_tls)
		ask_by_tls();
	load.address =
	    (struct sockaddr_in){.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(argv[2] + (by_tls ? 4 : 0))),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	read_body(argv[4], argv[3], argv + 7);
	size_t n = (size_t)atol(argv[5]);
	load.fresh = strcmp(argv[6], "fresh") == 0;
	load.connections = load.mode == FIRST ? 1 : n;
	load.wanted = load.mode == REQUESTS ? (size_t)atol(argv[6]) : n;
	struct rlimit files = {65536, 65536};
	setrlimit(RLIMIT_NOFILE, &files);
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.all = calloc(load.connections, sizeof *load.all);
	if (load.epoll == -1 || load.all == NULL)
		die("start");
	int64_t start_ns = now_ns();
	if (load.mode == STREAMS)
		load.until_ns = start_ns + (int64_t)(atof(argv[6]) * 1e9);
	for (size_t i = 0; i < load.connections; i++) {
		load.all[i].fd = -1;
		begin(&load.all[i]);
	}
	run();
	print_results((double)(now_ns() - start_ns) / 1e9);
	return load.failed > 0;
}
