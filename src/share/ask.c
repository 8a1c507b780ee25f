/* SPDX-License-Identifier: MIT */
#include "share/ask.h"

#include "state/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ASK_VERSION = 1,
	SOCKET_MODE = 0660,
};

/* A question has SHARE_ASKED as its answer. */
struct message {
	uint32_t version;
	uint32_t answer;
	uint32_t kind;
	uint32_t reserve;
	union {
		struct share_lease lease;
		struct budget_want part;
	};
};
_Static_assert(sizeof(struct share_lease) == 32 && sizeof(struct budget_want) == 32 &&
		   sizeof(struct message) == 48,
	       "without padding, which would send our memory");

static struct message
message_of(const struct share_wish *wish, enum share_answer answer)
{
	struct message m = {.version = ASK_VERSION, .answer = answer, .kind = wish->kind};
	if (wish->kind == SHARE_PART)
		m.part = wish->part;
	else
		m.lease = wish->lease;
	return m;
}

/* False: the path is too long for a socket. */
static bool
address_of(const char *state_file, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(at->sun_path, sizeof at->sun_path, "%s.share", state_file);
	return n > 0 && (size_t)n < sizeof at->sun_path;
}

static int
open_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* --- Who asks --------------------------------------------------------- */

static void
answered(struct share_ask *ask, enum share_answer answer)
{
	share_ask_end(ask);
	ask->answered(ask, answer);
}

static void
on_ready(struct watch *watch, uint32_t events)
{
	struct share_ask *ask = CONTAINER_OF(watch, struct share_ask, watch);
	struct message m;
	(void)events;
	ssize_t n = recv(watch->fd, &m, sizeof m, MSG_TRUNC);
	if (n != (ssize_t)sizeof m || (m.answer != SHARE_GRANTED && m.answer != SHARE_REFUSED))
		return;
	const struct message expected = message_of(&ask->wish, (enum share_answer)m.answer);
	if (memcmp(&m, &expected, sizeof m) == 0)
		answered(ask, (enum share_answer)m.answer);
}

static void
on_late(struct timer *timer)
{
	answered(CONTAINER_OF(timer, struct share_ask, timer), SHARE_SILENT);
}

/* Connected before it has a name, so that nobody but the messenger can ever send to it. */
static bool
send_question(int fd, const struct sockaddr_un *to, const struct share_wish *wish)
{
	const struct sockaddr_un own = {.sun_family = AF_UNIX};
	const struct message m = message_of(wish, SHARE_ASKED);
	return connect(fd, (const struct sockaddr *)to, sizeof *to) == 0 &&
	       bind(fd, (const struct sockaddr *)&own, sizeof own.sun_family) == 0 &&
	       send(fd, &m, sizeof m, MSG_NOSIGNAL) == (ssize_t)sizeof m;
}

enum share_answer
share_ask_begin(struct share_ask *ask, struct loop *loop, const char *state_file,
		const struct share_wish *wish)
{
	struct sockaddr_un to;
	int fd = address_of(state_file, &to) ? open_socket() : -1;
	if (fd == -1)
		return SHARE_SILENT;
	ask->watch.ready = on_ready;
	ask->timer.due = on_late;
	ask->wish = *wish;
	bool sent = send_question(fd, &to, wish);
	bool is_alone = !sent && (errno == ENOENT || errno == ECONNREFUSED);
	if (sent && loop_watch(loop, &ask->watch, fd, EPOLLIN)) {
		ask->loop = loop;
		if (loop_after(loop, &ask->timer, SHARE_ASK_MS))
			return SHARE_ASKED;
		share_ask_end(ask);
		return SHARE_SILENT;
	}
	close(fd);
	return is_alone ? SHARE_GRANTED : SHARE_SILENT;
}

void
share_ask_end(struct share_ask *ask)
{
	if (ask->loop == NULL)
		return;
	loop_cancel(ask->loop, &ask->timer);
	loop_forget(ask->loop, &ask->watch);
	close(ask->watch.fd);
	ask->loop = NULL;
}

/* --- Who answers ------------------------------------------------------ */

/* False and errno: something is there that is no socket, or that cannot be removed. */
static bool
remove_stale(const char *path)
{
	struct stat st;
	if (lstat(path, &st) == -1)
		return errno == ENOENT;
	errno = EEXIST;
	return S_ISSOCK(st.st_mode) && unlink(path) == 0;
}

int
share_answer_open(const char *state_file, struct buf *error)
{
	struct sockaddr_un at;
	bool fits = address_of(state_file, &at);
	errno = ENAMETOOLONG;
	int fd = fits && remove_stale(at.sun_path) ? open_socket() : -1;
	/* With that mode from the start: what chmod() would find a moment later may be another. */
	mode_t usual = umask(0777 & ~SOCKET_MODE);
	bool is_bound = fd != -1 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
	umask(usual);
	if (is_bound)
		return fd;
	buf_append_cut(error, "%s.share: %s", state_file, strerror(errno));
	if (fd != -1)
		close(fd);
	return -1;
}

void
share_answer_close(int fd, const char *state_file)
{
	struct sockaddr_un at;
	if (fd == -1)
		return;
	if (address_of(state_file, &at))
		unlink(at.sun_path);
	close(fd);
}

/* Of what cannot be answered nobody waits for an answer. */
bool
share_answer_receive(int fd, struct share_question *q)
{
	for (;;) {
		struct message m = {0};
		q->from_size = sizeof q->from;
		ssize_t n = recvfrom(fd, &m, sizeof m, MSG_TRUNC, (struct sockaddr *)&q->from,
				     &q->from_size);
		if (n == -1 && errno != EINTR)
			return false;
		if (m.kind == SHARE_PART)
			q->wish = (struct share_wish){.kind = SHARE_PART, .part = m.part};
		else
			q->wish = (struct share_wish){.kind = SHARE_LEASE, .lease = m.lease};
		if (n == (ssize_t)sizeof m && m.version == ASK_VERSION && m.answer == SHARE_ASKED &&
		    m.kind <= SHARE_PART && q->from_size > sizeof q->from.sun_family)
			return true;
	}
}

void
share_answer_send(int fd, const struct share_question *q, bool granted)
{
	const struct message m = message_of(&q->wish, granted ? SHARE_GRANTED : SHARE_REFUSED);
	sendto(fd, &m, sizeof m, MSG_NOSIGNAL, (const struct sockaddr *)&q->from, q->from_size);
}
