/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t
read_ms(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t
clock_steady_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

const char *
clock_rfc3339(int64_t at_ms, char text[static CLOCK_RFC3339_SIZE])
{
	const int64_t last_ms = 253402300799999; /* 9999-12-31T23:59:59.999Z */
	at_ms = at_ms < 0 ? 0 : at_ms > last_ms ? last_ms : at_ms;
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm utc;
	char day[sizeof("2025-07-14T19:00:00")];
	gmtime_r(&seconds, &utc);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text, CLOCK_RFC3339_SIZE, "%s.%03dZ", day, (int)(at_ms % 1000));
	return text;
}

/* What follows the seconds of an RFC 3339 time: a fraction, then Z or an offset. *rest_ms is to be
 * added. False: it is something else. */
static bool
read_rest(const char *rest, int64_t *rest_ms)
{
	*rest_ms = 0;
	if (*rest == '.') {
		int64_t unit = 100;
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			*rest_ms += (*rest - '0') * unit;
	}
	if (strcmp(rest, "Z") == 0 || strcmp(rest, "z") == 0)
		return true;
	/* Not sscanf(): it takes "-1" for a number of two digits, and a very large one. */
	static const char form[] = "+dd:dd";
	for (size_t i = 0; i < sizeof form; i++)
		if (form[i] == 'd' ? rest[i] < '0' || rest[i] > '9'
				   : rest[i] != form[i] && !(i == 0 && rest[i] == '-'))
			return false;
	int64_t hours = 10 * (rest[1] - '0') + rest[2] - '0';
	int64_t minutes = 10 * (rest[4] - '0') + rest[5] - '0';
	int64_t offset_ms = (hours * 60 + minutes) * 60000;
	*rest_ms += *rest == '+' ? -offset_ms : offset_ms;
	return true;
}

int64_t
clock_parse_ms(const char *text)
{
	struct tm tm = {0};
	int64_t rest_ms = 0;
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (rest == NULL || !read_rest(rest, &rest_ms)) {
		memset(&tm, 0, sizeof tm);
		rest_ms = 0;
		rest = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		if (rest == NULL || *rest != '\0')
			return -1;
	}
	int64_t at_ms = (int64_t)timegm(&tm) * 1000 + rest_ms;
	return at_ms < 0 ? -1 : at_ms;
}

int64_t
clock_epoch_ms(int64_t epoch)
{
	return epoch >= INT64_C(100000000000) ? epoch : epoch * 1000;
}

const char *
clock_short(int64_t at_ms, int64_t now_ms, char text[static CLOCK_SHORT_SIZE])
{
	const int64_t day_ms = 24 * 3600 * INT64_C(1000);
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm local;
	if (localtime_r(&seconds, &local) == NULL)
		memset(&local, 0, sizeof local);
	bool today = llabs(at_ms - now_ms) < day_ms;
	if (strftime(text, CLOCK_SHORT_SIZE, today ? "%H:%M" : "%b %d %H:%M", &local) == 0)
		text[0] = '\0';
	return text;
}
