/* SPDX-License-Identifier: MIT */
#include "app/respawn.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
	LIVED_MS = 100, /* a child killed sooner may have been killed by its own start-up: */
	WAIT_MS = 100,  /* the next one waits, twice as long each time */
};

/* The signals that the parent waits for: of its children, and those it forwards to them. */
static void
parent_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
}

/* fork() keeps what is blocked: each child unblocks it again. */
static void
block_child_signal(int how)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(how, &set, NULL);
}

bool
respawn_is_abandoned(const struct respawned *r)
{
	return r->starter != 0 && getppid() != r->parent && kill(r->starter, 0) == -1 &&
	       errno == ESRCH;
}

/* Waits until the child has exited. True: by itself; false: it was asked to stop by a signal. */
static bool
wait_for(pid_t child, int *status)
{
	sigset_t set;
	bool by_itself = true;
	parent_signals(&set);
	for (;;) {
		int signo = sigwaitinfo(&set, NULL);
		if (signo == SIGCHLD && waitpid(child, status, WNOHANG) == child)
			return by_itself;
		if (signo == SIGTERM || signo == SIGINT)
			by_itself = false;
		if (signo > 0 && signo != SIGCHLD)
			kill(child, signo);
	}
}

/* False: a signal asks to stop. */
static bool
wait_ms(int ms)
{
	sigset_t set;
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return ms == 0 || sigtimedwait(&set, NULL, &time) == -1;
}

static int
next_wait(int waited_ms, int64_t lived_ms)
{
	if (lived_ms >= LIVED_MS)
		return 0;
	int ms = waited_ms == 0 ? WAIT_MS : 2 * waited_ms;
	return ms < RESPAWN_WAIT_MAX_MS ? ms : RESPAWN_WAIT_MAX_MS;
}

struct respawned
respawn(void)
{
	struct respawned r = {.parent = getpid(), .starter = getppid()};
	int ms = 0;
	block_child_signal(SIG_BLOCK);
	prctl(PR_SET_NAME, "router-respawn"); /* how ps and doctor distinguish the two */
	while (wait_ms(ms)) {
		int status = 0;
		int64_t start_ms = clock_steady_ms();
		pid_t child = fork();
		if (child == 0) {
			block_child_signal(SIG_UNBLOCK);
			prctl(PR_SET_NAME, "claude-router");
			return r;
		}
		if (child == -1) {
			ms = next_wait(ms, 0);
			continue;
		}
		bool by_itself = wait_for(child, &status);
		if (!by_itself || !WIFSIGNALED(status))
			_exit(WIFSIGNALED(status) ? EX_SOFTWARE : WEXITSTATUS(status));
		r.killed_by = WTERMSIG(status);
		ms = next_wait(ms, clock_steady_ms() - start_ms);
	}
	_exit(EXIT_SUCCESS);
}
