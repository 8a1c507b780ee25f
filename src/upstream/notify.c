/* SPDX-License-Identifier: MIT */
#include "upstream/notify.h"

#include "base/caps.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NOTICE_FOR_MS = 30000,
	VARIABLES = 4,
};

/* A command or a webhook that runs. */
struct run {
	struct notifier *notifier; /* NULL: free */
	pid_t pid;                 /* of a command; 0: a webhook */
	struct watch watch;        /* its pidfd */
	struct timer timer;
	struct transfer transfer;
	CURL *easy;
	struct curl_slist *headers;
	char *body;
};

struct notifier {
	struct loop *loop;
	struct pool *pool;
	const struct config *config;
	struct run runs[NOTICES_MAX];
	void (*idle)(void *owner);
	void *owner;
};

static const char *
event_name(enum notice notice)
{
	static const char *const words[] = {"left",   "returned", "paid", "near",
					    "spared", "cap",      "drill"};
	return words[notice];
}

static void
end_run(struct run *run)
{
	struct notifier *n = run->notifier;
	loop_cancel(n->loop, &run->timer);
	if (run->watch.events != 0) {
		int fd = run->watch.fd;
		loop_unwatch(n->loop, &run->watch);
		close(fd);
	}
	if (run->easy != NULL)
		pool_return(n->pool, run->easy, (struct pool_key){0});
	curl_slist_free_all(run->headers);
	free(run->body);
	*run = (struct run){0};
	if (n->idle != NULL && !notifier_busy(n))
		n->idle(n->owner);
}

static void
reap(struct run *run)
{
	int status = 0;
	waitpid(run->pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		log_line(LOG_WARNING, "on_change: the command ended with %s %d",
			 WIFEXITED(status) ? "status" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	run->pid = 0;
}

static void
command_ended(struct watch *watch, uint32_t events)
{
	struct run *run = CONTAINER_OF(watch, struct run, watch);
	(void)events;
	reap(run);
	end_run(run);
}

/* Its time is over: kills it with all that it started, since it leads its session. */
static void
kill_command(struct run *run)
{
	kill(-run->pid, SIGKILL);
	reap(run);
}

static void
too_late(struct timer *timer)
{
	struct run *run = CONTAINER_OF(timer, struct run, timer);
	if (run->pid != 0)
		kill_command(run);
	end_run(run);
}

/* --- A command -------------------------------------------------------- */

/* Splits on_change at its spaces; no shell reads it. */
static bool
split(char *text, char *arguments[static NOTICE_ARGUMENTS_MAX + 1])
{
	char *rest = NULL;
	size_t n = 0;
	for (char *a = strtok_r(text, " ", &rest); a != NULL; a = strtok_r(NULL, " ", &rest)) {
		if (n == NOTICE_ARGUMENTS_MAX)
			return false;
		arguments[n++] = a;
	}
	arguments[n] = NULL;
	return n > 0;
}

/* The child inherits nothing: no descriptor, no environment, no signal mask. */
static int
spawn(pid_t *pid, char *const *arguments, char *const *environment)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	sigemptyset(&none);
	sigfillset(&defaults);
	if (posix_spawn_file_actions_init(&files) != 0)
		return ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return ENOMEM;
	}
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						  POSIX_SPAWN_SETSIGDEF);
	int error = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDWR, 0);
	for (int fd = STDOUT_FILENO; error == 0 && fd <= STDERR_FILENO; fd++)
		error = posix_spawn_file_actions_adddup2(&files, STDIN_FILENO, fd);
	/* libcurl's sockets are inheritable, and other descriptors may be. */
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	if (error == 0)
		error = posix_spawn(pid, arguments[0], &files, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

static bool
start_command(struct run *run, enum notice notice, const char *provider, const char *sentence)
{
	char *arguments[NOTICE_ARGUMENTS_MAX + 1];
	char event[64], name[64], text[ERROR_TEXT_MAX];
	char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	char *environment[VARIABLES + 1] = {path, event, name, text, NULL};
	char *command = strdup(run->notifier->config->on_change);
	snprintf(event, sizeof event, "ROUTER_EVENT=%s", event_name(notice));
	snprintf(name, sizeof name, "ROUTER_PROVIDER=%s", provider);
	snprintf(text, sizeof text, "ROUTER_TEXT=%s", sentence);
	int error = command != NULL && split(command, arguments)
			? spawn(&run->pid, arguments, environment)
			: ENOMEM;
	free(command);
	if (error != 0) {
		log_line(LOG_WARNING, "on_change: cannot start the command: %s", strerror(error));
		run->pid = 0;
		return false;
	}
	run->watch.ready = command_ended;
	int fd = pidfd_open(run->pid, 0);
	if (fd != -1 && loop_watch(run->notifier->loop, &run->watch, fd, EPOLLIN))
		return true;
	if (fd != -1)
		close(fd);
	kill_command(run);
	return false;
}

/* --- A webhook -------------------------------------------------------- */

static void
webhook_ended(struct transfer *transfer, CURLcode code)
{
	struct run *run = CONTAINER_OF(transfer, struct run, transfer);
	long status = 0;
	curl_easy_getinfo(run->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		log_line(LOG_WARNING, "on_change: the webhook failed: %s",
			 curl_easy_strerror(code));
	else if (status < 200 || status > 299) /* redirects are not followed */
		log_line(LOG_WARNING, "on_change: the webhook replied with %ld", status);
	/* The timer already runs, so that setting it again needs no memory. */
	loop_after(run->notifier->loop, &run->timer, 0);
}

static size_t
ignore(char *bytes, size_t size, size_t n, void *context)
{
	(void)bytes;
	(void)context;
	return size * n;
}

static char *
webhook_body(enum notice notice, const char *provider, const char *sentence)
{
	char at[CLOCK_RFC3339_SIZE];
	json_object *o = json_object_new_object();
	tree_put(o, "event", json_object_new_string(event_name(notice)));
	tree_put(o, "provider", json_object_new_string(provider));
	tree_put(o, "text", json_object_new_string(sentence));
	tree_put(o, "at", json_object_new_string(clock_rfc3339(clock_wall_ms(), at)));
	struct buf text;
	buf_init(&text, RESPONSE_HEAD_MAX);
	bool written = tree_write(o, &text);
	json_object_put(o);
	if (!written)
		buf_free(&text);
	return written ? buf_take(&text) : NULL;
}

static bool
start_webhook(struct run *run, enum notice notice, const char *provider, const char *sentence)
{
	struct notifier *n = run->notifier;
	bool ready;
	run->easy = pool_borrow(n->pool, (struct pool_key){0}, &ready);
	run->headers = curl_slist_append(NULL, "content-type: application/json");
	run->body = webhook_body(notice, provider, sentence);
	if (run->easy == NULL || run->headers == NULL || run->body == NULL)
		return false;
	curl_easy_setopt(run->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(run->easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(run->easy, CURLOPT_TIMEOUT_MS, (long)NOTICE_FOR_MS);
	curl_easy_setopt(run->easy, CURLOPT_HTTPHEADER, run->headers);
	curl_easy_setopt(run->easy, CURLOPT_POSTFIELDS, run->body);
	curl_easy_setopt(run->easy, CURLOPT_WRITEFUNCTION, ignore);
	run->transfer.ended = webhook_ended;
	return pool_set_text(run->easy, CURLOPT_URL, n->config->on_change) &&
	       pool_set_text(run->easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       pool_set_text(run->easy, CURLOPT_PROXY, "") &&
	       pool_add(n->pool, run->easy, &run->transfer);
}

/* --- Public ----------------------------------------------------------- */

struct notifier *
notifier_new(struct loop *loop, struct pool *pool, const struct config *config)
{
	struct notifier *n = calloc(1, sizeof *n);
	if (n == NULL)
		return NULL;
	n->loop = loop;
	n->pool = pool;
	n->config = config;
	return n;
}

void
notifier_follow(struct notifier *n, const struct config *config)
{
	n->config = config;
}

void
notifier_free(struct notifier *n)
{
	if (n == NULL)
		return;
	n->idle = NULL;
	for (size_t i = 0; i < NOTICES_MAX; i++) {
		struct run *run = &n->runs[i];
		if (run->notifier == NULL)
			continue;
		if (run->pid != 0)
			kill_command(run);
		end_run(run);
	}
	free(n);
}

bool
notifier_busy(const struct notifier *n)
{
	for (size_t i = 0; i < NOTICES_MAX; i++)
		if (n->runs[i].notifier != NULL)
			return true;
	return false;
}

void
notifier_when_idle(struct notifier *n, void (*idle)(void *owner), void *owner)
{
	n->idle = idle;
	n->owner = owner;
}

void
notify(struct notifier *n, enum notice notice, const char *provider, const char *sentence)
{
	struct run *run = n->runs;
	log_line(LOG_NOTICE, "%s", sentence);
	if (n->config->on_change[0] == '\0')
		return;
	while (run < n->runs + NOTICES_MAX && run->notifier != NULL)
		run++;
	if (run == n->runs + NOTICES_MAX) {
		log_line(LOG_WARNING,
			 "on_change: too many are still running; this one is only logged");
		return;
	}
	run->notifier = n;
	run->timer.due = too_late;
	bool is_command = n->config->on_change[0] == '/';
	/* The timer first: a webhook that fails at once sets it again before this returns. */
	bool started = loop_after(n->loop, &run->timer, NOTICE_FOR_MS) &&
		       (is_command ? start_command(run, notice, provider, sentence)
				   : start_webhook(run, notice, provider, sentence));
	if (!started)
		end_run(run);
}
