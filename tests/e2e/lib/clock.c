/* SPDX-License-Identifier: MIT */
/* Settable clocks for tests, by LD_PRELOAD: the time of day is the real one plus the milliseconds that stand as an int64
 * in the file named by TEST_CLOCK_FILE, and CLOCK_MONOTONIC, on which timers run, plus those behind them (none, when the
 * file ends there). The file is mapped, so a change is seen at once, by every process; but one that sleeps until a timer
 * is due sleeps on, until something else wakes it. Raw system calls only: a sanitizer may not be up yet. */
#include "../../raw.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

enum { WALL, STEADY, CLOCKS };

static int64_t
offset_ms(int clock)
{
	static const volatile int64_t *shared;
	static const int64_t none[CLOCKS];
	if (!shared) {
		const char *path = getenv("TEST_CLOCK_FILE");
		long fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
		long map = fd >= 0
			       ? syscall(RAW_MMAP, NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0L)
			       : -1;
		shared = map > 0 ? (const volatile int64_t *)map : none;
		if (fd >= 0)
			syscall(SYS_close, fd);
	}
	return shared[clock];
}

static int
shifted(clockid_t id, struct timespec *now)
{
	if (syscall(RAW_CLOCK_GETTIME, id, now))
		return -1;
	bool is_wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
	if (!is_wall && id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
		return 0;
	const int64_t ms = offset_ms(is_wall ? WALL : STEADY),
		      ns = now->tv_nsec + ms % 1000 * 1000000;
	now->tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
	now->tv_nsec = (long)(ns - ((ns >= 1000000000) - (ns < 0)) * INT64_C(1000000000));
	return 0;
}

int
clock_gettime(clockid_t id, struct timespec *now)
{
	return shifted(id, now);
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec ts;
	(void)zone;
	if (shifted(CLOCK_REALTIME, &ts))
		return -1;
	*now = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
	return 0;
}

time_t
time(time_t *now)
{
	struct timespec ts;
	shifted(CLOCK_REALTIME, &ts);
	if (now)
		*now = ts.tv_sec;
	return ts.tv_sec;
}
