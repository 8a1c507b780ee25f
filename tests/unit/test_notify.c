/* SPDX-License-Identifier: MIT */
/* notify: what on_change starts for which notice, and what is logged when it cannot be started or
 * fails. */
#include "upstream/notify.h"

#include "base/log.h"
#include "private.h"
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is left out is 0 */

static char dir[] = "/tmp/test_notify.XXXXXX";
static char script[sizeof dir + sizeof "/script"], out_file[sizeof dir + sizeof "/out"];
static char log_file[sizeof dir + sizeof "/log"];
static struct loop *loop;
static struct pool *pool;

/* The file's text, which is emptied. */
static const char *
read_file(const char *path)
{
	static char text[8192];
	FILE *file = fopen(path, "r");
	size_t n = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
	text[n] = '\0';
	if (file != NULL)
		fclose(file);
	if (truncate(path, 0) == -1 && errno != ENOENT)
		abort();
	return text;
}

static void
stop(void *owner)
{
	loop_stop(owner);
}

/* Sends n times the same notice, and waits until what was started has ended. Returns whether
 * anything was. */
static bool
send_notice(const char *on_change, enum notice notice, unsigned n)
{
	struct config config = {.on_change = strdup(on_change)};
	struct notifier *notifier = notifier_new(loop, pool, &config);
	notifier_when_idle(notifier, stop, loop);
	for (unsigned i = 0; i < n; i++)
		notify(notifier, notice, "kimi", "kimi has changed");
	bool started = notifier_busy(notifier);
	if (started)
		loop_run(loop);
	notifier_free(notifier);
	free(config.on_change);
	return started;
}

/* --- Commands --------------------------------------------------------- */

#define WORDS_8  " w w w w w w w w"
#define WORDS_32 WORDS_8 WORDS_8 WORDS_8 WORDS_8

static const struct {
	int line;
	const char *name;
	const char *on_change; /* S: the script, which writes what it is given and exits with $2 */
	enum notice notice;
	bool started;
	const char *out; /* all that the script wrote */
	const char *log; /* a part of the log; every notice is logged */
} commands[] = {
    {__LINE__, "left", "S", NOTICE_PAUSED, true, "left|kimi|kimi has changed||\n",
     "level=notice msg=\"kimi has changed\"\n"},
    {__LINE__, "returned", "S", NOTICE_AVAILABLE, true, "returned|kimi|kimi has changed||\n",
     "kimi has changed"},
    {__LINE__, "paid", "S", NOTICE_PAID, true, "paid|kimi|kimi has changed||\n",
     "kimi has changed"},
    {__LINE__, "nothing is configured", "", NOTICE_PAID, false, "", "kimi has changed"},
    {__LINE__, "arguments, without a shell", "S  $HOME;x  0", NOTICE_PAID, true,
     "paid|kimi|kimi has changed|$HOME;x|\n", "kimi has changed"},
    {__LINE__, "it fails", "S x 3", NOTICE_PAID, true, "paid|kimi|kimi has changed|x|\n",
     "on_change: the command ended with status 3"},
    {__LINE__, "a signal ends it", "S x kill", NOTICE_PAID, true, "paid|kimi|kimi has changed|x|\n",
     "on_change: the command ended with signal 9"},
    {__LINE__, "there is none", "/no/such/program", NOTICE_PAID, false, "",
     "on_change: cannot start the command: No such file or directory"},
    {__LINE__, "more words than it may have", "S" WORDS_32, NOTICE_PAID, false, "",
     "on_change: cannot start the command"},
};

static void
check_command(size_t i)
{
	char on_change[512];
	const char *rest = commands[i].on_change;
	snprintf(on_change, sizeof on_change, "%s%s", *rest == 'S' ? script : "",
		 *rest == 'S' ? rest + 1 : rest);
	bool started = send_notice(on_change, commands[i].notice, 1);
	char out[1024];
	snprintf(out, sizeof out, "%s", read_file(out_file));
	const char *log = read_file(log_file);
	TAP_ROW_AT(commands[i].line, commands[i].name,
		   started == commands[i].started && strcmp(out, commands[i].out) == 0 &&
		       strstr(log, commands[i].log) != NULL,
		   "expected started %d, out %s, log … %s …\ngot      started %d, out %s, log %s",
		   commands[i].started, commands[i].out, commands[i].log, started, out, log);
}

static void
check_too_many(void)
{
	send_notice(script, NOTICE_PAID, NOTICES_MAX + 1);
	unsigned lines = 0;
	for (const char *c = read_file(out_file); *c != '\0'; c++)
		lines += *c == '\n';
	TAP_INT("no more at once than there is room for", lines, NOTICES_MAX);
	TAP_OK("the next one is only logged",
	       strstr(read_file(log_file), "too many are still running") != NULL);
}

/* --- Webhooks --------------------------------------------------------- */

/* Replies to one request with a status, and writes its body into out_file. */
static void
serve_once(int fd, const char *status)
{
	char request[4096], response[128];
	size_t n = 0;
	const char *body = NULL;
	alarm(10);
	int client = accept(fd, NULL, NULL);
	while (body == NULL || strchr(body, '}') == NULL) {
		ssize_t got = read(client, request + n, sizeof request - 1 - n);
		if (got <= 0)
			_exit(1);
		n += (size_t)got;
		request[n] = '\0';
		body = strstr(request, "\r\n\r\n");
	}
	private_write(out_file, body + 4, strlen(body + 4), 0600);
	int len =
	    snprintf(response, sizeof response, "HTTP/1.1 %s\r\ncontent-length: 0\r\n\r\n", status);
	_exit(write(client, response, (size_t)len) == len ? 0 : 1);
}

static void
check_webhook(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof at;
	char url[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) == -1 || listen(fd, 1) == -1 ||
	    getsockname(fd, (struct sockaddr *)&at, &size) == -1)
		abort();
	pid_t pid = fork();
	if (pid == 0)
		serve_once(fd, "204 No Content");
	close(fd);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/hook", ntohs(at.sin_port));
	TAP_OK("a webhook is started", send_notice(url, NOTICE_PAUSED, 1));
	waitpid(pid, NULL, 0);
	const char *body = read_file(out_file);
	TAP_ROW("its body is JSON",
		strstr(body, "\"event\":\"left\",\"provider\":\"kimi\",\"text\":\"kimi has "
			     "changed\",\"at\":\"20") != NULL,
		"got %s", body);
	TAP_OK("no failure is logged", strstr(read_file(log_file), "failed") == NULL);
	send_notice(url, NOTICE_PAUSED, 1); /* nothing listens there now */
	TAP_OK("one that fails is logged",
	       strstr(read_file(log_file), "on_change: the webhook failed: ") != NULL);
}

int
main(int argc, char **argv)
{
	static const char text[] =
	    "#!/bin/sh\n"
	    "echo \"$ROUTER_EVENT|$ROUTER_PROVIDER|$ROUTER_TEXT|$1|$3\" >>\"${0%/*}/out\"\n"
	    "[ \"$2\" = kill ] && kill -9 $$\n"
	    "exit ${2:-0}\n";
	struct buf error;
	tap_start("notify", argc, argv);
	buf_init(&error, 4096);
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(script, sizeof script, "%s/script", dir);
	snprintf(out_file, sizeof out_file, "%s/out", dir);
	snprintf(log_file, sizeof log_file, "%s/log", dir);
	private_write(script, text, sizeof text - 1, 0700);
	loop = loop_new();
	pool = loop == NULL ? NULL : pool_new(loop);
	if (pool == NULL || !log_open("test", log_file, LOG_INFO, false, &error))
		abort();
	read_file(out_file);
	for (size_t i = 0; i < TAP_COUNT(commands); i++)
		check_command(i);
	check_too_many();
	check_webhook();
	pool_free(pool);
	loop_free(loop);
	buf_free(&error);
	unlink(script);
	unlink(out_file);
	unlink(log_file);
	rmdir(dir);
	return tap_finish();
}
