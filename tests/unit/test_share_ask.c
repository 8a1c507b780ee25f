/* SPDX-License-Identifier: MIT */
/* share_ask: one question to the messenger and its answer, and what is neither. */
#include "share/ask.h"

#include "base/clock.h"
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct share_wish lease = {.kind = SHARE_LEASE, .lease = {{1, 2, 3}, 4}};
static const struct share_wish part = {.kind = SHARE_PART,
				       .part = {{7, BUDGET_MONTH, 3}, 1000, 20}};

/* An asker with its loop. */
static struct share_ask ask;
static struct loop *loop;
static int answers;
static enum share_answer last;

static void
on_answered(struct share_ask *a, enum share_answer answer)
{
	(void)a;
	answers++;
	last = answer;
	loop_stop(loop);
}

static enum share_answer
begin_wish(const char *state_file, const struct share_wish *wish)
{
	ask.answered = on_answered;
	answers = 0;
	last = SHARE_ASKED;
	return share_ask_begin(&ask, loop, state_file, wish);
}

static enum share_answer
begin(const char *state_file)
{
	return begin_wish(state_file, &lease);
}

static int
open_answering(const char *state_file)
{
	struct buf error;
	buf_init(&error, 512);
	int fd = share_answer_open(state_file, &error);
	if (fd == -1)
		fprintf(stderr, "%s\n", buf_text(&error));
	must(fd != -1, "a messenger");
	buf_free(&error);
	return fd;
}

static int
open_files(void)
{
	int n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void
check_answers(void)
{
	static const struct {
		const char *name;
		const struct share_wish *wish;
		bool granted;
		enum share_answer want;
	} rows[] = {
	    {"a lease is granted", &lease, true, SHARE_GRANTED},
	    {"a lease is refused", &lease, false, SHARE_REFUSED},
	    {"a part is granted", &part, true, SHARE_GRANTED},
	    {"a part is refused", &part, false, SHARE_REFUSED},
	};
	int fd = open_answering(in_top("state"));
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		struct share_question q;
		int before = open_files();
		const struct share_wish *wish = rows[i].wish;
		TAP_INT(rows[i].name, begin_wish(in_top("state"), wish), SHARE_ASKED);
		TAP_OK(rows[i].name, share_answer_receive(fd, &q));
		TAP_INT(rows[i].name, q.wish.kind, wish->kind);
		TAP_MEM(rows[i].name, &q.wish.lease, sizeof q.wish.lease, &wish->lease,
			sizeof wish->lease);
		share_answer_send(fd, &q, rows[i].granted);
		TAP_OK(rows[i].name, loop_run(loop));
		TAP_INT(rows[i].name, last, rows[i].want);
		TAP_INT("one answer", answers, 1);
		TAP_INT("nothing stays open", open_files(), before);
		share_answer_send(fd, &q, true); /* to nobody */
		share_ask_end(&ask);
		TAP_OK("no further question", !share_answer_receive(fd, &q));
	}
	share_answer_close(fd, in_top("state"));
}

static void
check_silence(void)
{
	int fd = open_answering(in_top("state"));
	int before = open_files();
	int64_t began_ms = clock_steady_ms();
	TAP_INT("nobody answers", begin(in_top("state")), SHARE_ASKED);
	TAP_OK("nobody answers", loop_run(loop));
	TAP_INT("nobody answers", last, SHARE_SILENT);
	TAP_OK("nobody answers: in time", clock_steady_ms() - began_ms >= SHARE_ASK_MS);
	TAP_INT("a question that is forgotten", begin(in_top("state")), SHARE_ASKED);
	share_ask_end(&ask);
	share_ask_end(&ask);
	TAP_INT("a question that is forgotten has no answer", answers, 0);
	TAP_INT("… and leaves nothing open", open_files(), before);
	/* A stopped messenger's queue fills up. */
	enum share_answer answer = SHARE_ASKED;
	for (int i = 0; i < 10000 && answer == SHARE_ASKED; i++) {
		answer = begin(in_top("state"));
		share_ask_end(&ask);
	}
	TAP_INT("an overloaded messenger is silent at once", answer, SHARE_SILENT);
	share_answer_close(fd, in_top("state"));
}

static void
check_absence(void)
{
	int fd = open_answering(in_top("state"));
	close(fd); /* killed: its socket stays */
	TAP_INT("a messenger that was killed", begin(in_top("state")), SHARE_GRANTED);
	fd = open_answering(in_top("state"));
	TAP_INT("its successor is asked", begin(in_top("state")), SHARE_ASKED);
	share_ask_end(&ask);
	share_answer_close(fd, in_top("state"));
	TAP_INT("no messenger", begin(in_top("state")), SHARE_GRANTED);
	TAP_INT("no directory", begin(in_top("none/state")), SHARE_GRANTED);
	share_ask_end(&ask);
}

static void
check_paths(void)
{
	char longest[200], path[sizeof longest + 8];
	struct sockaddr_un at;
	struct stat st;
	struct buf error;
	buf_init(&error, 512);
	snprintf(longest, sizeof longest, "%s/%0*d", top,
		 (int)(sizeof at.sun_path - strlen(top) - sizeof("/.share")), 0);
	int fd = open_answering(longest);
	snprintf(path, sizeof path, "%s.share", longest);
	TAP_INT("the longest path", strlen(path), sizeof at.sun_path - 1);
	TAP_INT("the longest path", begin(longest), SHARE_ASKED);
	share_ask_end(&ask);
	TAP_OK("its mode", stat(path, &st) == 0 && (st.st_mode & 07777) == 0660);
	share_answer_close(fd, longest);
	TAP_OK("it is removed", stat(path, &st) == -1);
	strcat(longest, "x");
	TAP_INT("one more byte: nobody can be asked", begin(longest), SHARE_SILENT);
	TAP_INT("… nor answer", share_answer_open(longest, &error), -1);
	TAP_OK("… and that is said", strstr(buf_text(&error), "too long") != NULL);
	buf_free(&error);
	fd = open(in_top("file.share"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	TAP_INT("a file in its place stays", share_answer_open(in_top("file"), &error), -1);
	TAP_OK("… and that is said", strstr(buf_text(&error), "exists") != NULL);
	TAP_OK("… still", unlink(in_top("file.share")) == 0);
	TAP_INT("no directory", share_answer_open(in_top("none/state"), &error), -1);
	share_answer_close(-1, in_top("state"));
	buf_free(&error);
}

/* The form, once more. */
struct datagram {
	uint32_t version, answer, kind, reserve;
	struct share_lease lease;
	char more;
};
#define DATAGRAM_SIZE offsetof(struct datagram, more)

static const struct wrong {
	const char *name;
	size_t size;
	struct datagram d;
} wrong[] = {
    {"nothing", 0, {1, 0, 0, 0, {{1, 2, 3}, 4}, 0}},
    {"too short", DATAGRAM_SIZE - 1, {1, 0, 0, 0, {{1, 2, 3}, 4}, 0}},
    {"too long", DATAGRAM_SIZE + 1, {1, 0, 0, 0, {{1, 2, 3}, 4}, 0}},
    {"another version", DATAGRAM_SIZE, {2, 0, 0, 0, {{1, 2, 3}, 4}, 0}},
    {"no version", DATAGRAM_SIZE, {0, 0, 0, 0, {{1, 2, 3}, 4}, 0}},
    {"an unknown kind", DATAGRAM_SIZE, {1, 0, 2, 0, {{1, 2, 3}, 4}, 0}},
    {"another kind", DATAGRAM_SIZE, {1, 0, SHARE_PART, 0, {{1, 2, 3}, 4}, 0}},
    {"another provider", DATAGRAM_SIZE, {1, 0, 0, 0, {{9, 2, 3}, 4}, 0}},
    {"another account", DATAGRAM_SIZE, {1, 0, 0, 0, {{1, 9, 3}, 4}, 0}},
    {"another family", DATAGRAM_SIZE, {1, 0, 0, 0, {{1, 2, 9}, 4}, 0}},
    {"another holder", DATAGRAM_SIZE, {1, 0, 0, 0, {{1, 2, 3}, 9}, 0}},
};

static void
check_wrong_questions(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX}, own = {.sun_family = AF_UNIX};
	struct share_question q;
	snprintf(to.sun_path, sizeof to.sun_path, "%s.share", in_top("state"));
	int fd = open_answering(in_top("state"));
	int peer = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(connect(peer, (struct sockaddr *)&to, sizeof to) == 0, "connect");
	struct datagram d = {1, SHARE_ASKED, SHARE_LEASE, 0, lease.lease, 0};
	must(send(peer, &d, DATAGRAM_SIZE, 0) == DATAGRAM_SIZE, "send");
	TAP_OK("who has no address is not received", !share_answer_receive(fd, &q));
	must(bind(peer, (struct sockaddr *)&own, sizeof own.sun_family) == 0, "bind");
	for (size_t i = 0; i < 6; i++) { /* any lease is one, and any part */
		must(send(peer, &wrong[i].d, wrong[i].size, 0) == (ssize_t)wrong[i].size, "send");
		TAP_ROW("what is no question is not received", !share_answer_receive(fd, &q), "%s",
			wrong[i].name);
	}
	d.answer = SHARE_GRANTED;
	must(send(peer, &d, DATAGRAM_SIZE, 0) == DATAGRAM_SIZE, "send");
	d.answer = SHARE_ASKED;
	must(send(peer, &d, DATAGRAM_SIZE, 0) == DATAGRAM_SIZE, "send");
	TAP_OK("after an answer, which is none, a question", share_answer_receive(fd, &q));
	TAP_OK("… one", !share_answer_receive(fd, &q));
	close(peer);
	share_answer_send(fd, &q, true); /* its asker has ended */
	share_answer_close(fd, in_top("state"));
}

static void
check_wrong_answers(void)
{
	struct share_question q;
	int fd = open_answering(in_top("state"));
	for (size_t i = 0; i < TAP_COUNT(wrong); i++) {
		struct datagram d = wrong[i].d;
		d.answer = SHARE_REFUSED;
		begin(in_top("state"));
		must(share_answer_receive(fd, &q), "a question");
		must(sendto(fd, &d, wrong[i].size, 0, (struct sockaddr *)&q.from, q.from_size) ==
			 (ssize_t)wrong[i].size,
		     "send");
		share_answer_send(fd, &q, true);
		loop_run(loop);
		TAP_ROW("what is no answer is ignored", last == SHARE_GRANTED, "%s: %d",
			wrong[i].name, last);
	}
	static const uint32_t no_answers[] = {SHARE_ASKED, SHARE_SILENT, 77};
	for (size_t i = 0; i < TAP_COUNT(no_answers); i++) {
		const struct datagram d = {1, no_answers[i], SHARE_LEASE, 0, lease.lease, 0};
		begin(in_top("state"));
		must(share_answer_receive(fd, &q), "a question");
		must(sendto(fd, &d, DATAGRAM_SIZE, 0, (struct sockaddr *)&q.from, q.from_size) > 0,
		     "send");
		share_answer_send(fd, &q, false);
		loop_run(loop);
		TAP_ROW("neither granted nor refused", last == SHARE_REFUSED, "%u: %d",
			no_answers[i], last);
	}
	begin(in_top("state"));
	must(share_answer_receive(fd, &q), "a question");
	int stranger = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct datagram d = {1, SHARE_GRANTED, SHARE_LEASE, 0, lease.lease, 0};
	TAP_ROW("a stranger cannot answer",
		sendto(stranger, &d, DATAGRAM_SIZE, 0, (struct sockaddr *)&q.from, q.from_size) ==
			-1 &&
		    errno == EPERM,
		"%s", strerror(errno));
	close(stranger);
	share_ask_end(&ask);
	share_answer_close(fd, in_top("state"));
}

int
main(int argc, char **argv)
{
	tap_start("share_ask", argc, argv);
	strcpy(top, "/tmp/test_share_ask.XXXXXX");
	must(mkdtemp(top) != NULL, "mkdtemp");
	loop = loop_new();
	must(loop != NULL, "a loop");
	check_answers();
	check_silence();
	check_absence();
	check_paths();
	check_wrong_questions();
	check_wrong_answers();
	loop_free(loop);
	must(rmdir(top) == 0, "rmdir");
	return tap_finish();
}
