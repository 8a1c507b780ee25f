/* SPDX-License-Identifier: MIT */
/* The two clocks. Resets and pauses are kept by the wall clock, which may jump; timers run on the
 * steady clock, which never does. Milliseconds. Thread-safe. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds since 1970, UTC. */
int64_t clock_wall_ms(void);

/* Milliseconds since some moment before the process began. */
int64_t clock_steady_ms(void);

#define CLOCK_RFC3339_SIZE sizeof("2025-07-14T19:00:00.000Z")

/* at_ms as RFC 3339 in UTC with milliseconds; returns text. Times outside the years 1970 to 9999
 * are shown as the nearest of these. */
const char *clock_rfc3339(int64_t at_ms, char text[static CLOCK_RFC3339_SIZE]);

/* Parses an RFC 3339 time or an HTTP date (RFC 9110, 5.6.7); -1 for anything else. */
int64_t clock_parse_ms(const char *text);

/* Milliseconds since 1970 of an epoch in seconds or, from 10^11 (as seconds: the year 5138) on, in
 * milliseconds. */
int64_t clock_epoch_ms(int64_t epoch);

#define CLOCK_SHORT_SIZE sizeof("Nov 23 18:00")

/* at_ms for people, in local time: "18:00" when it is less than a day from
 * now_ms, else "Nov 23 18:00"; returns text. */
const char *clock_short(int64_t at_ms, int64_t now_ms, char text[static CLOCK_SHORT_SIZE]);

#endif
