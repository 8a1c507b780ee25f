/* SPDX-License-Identifier: MIT */
#include "upstream/response.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIFIED "anthropic-ratelimit-unified-"

enum { FORWARDED_USUAL = 1000 }; /* Claude's own */

void
response_init(struct response *a)
{
	*a = (struct response){.retry_after_ms = -1, .should_retry = -1};
	buf_init(&a->forwarded, RESPONSE_HEAD_FORWARDED_MAX);
}

void
response_fini(struct response *a)
{
	buf_free(&a->forwarded);
}

static bool
starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* A whole number of seconds or of units; -1 for anything else. */
static int64_t
read_number(const char *text)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	bool whole = end != text && (*end == '\0' || *end == '.');
	return errno == 0 && whole && n >= 0 && n < INT64_MAX / 1000 ? n : -1;
}

/* An epoch: seconds, but some tell milliseconds, and some a date. 0: none. */
static int64_t
read_epoch_ms(const char *text)
{
	const int64_t milliseconds_from = INT64_C(100000000000); /* in seconds, the year 5138 */
	int64_t n = read_number(text);
	if (n == -1) {
		int64_t at_ms = clock_parse_ms(text);
		return at_ms == -1 ? 0 : at_ms;
	}
	return n >= milliseconds_from ? n : n * 1000;
}

/* Seconds, of a list the first; also a fraction, and more than any number holds. -1: no number. */
static double
read_seconds(const char *text)
{
	char *end;
	if (*text != '.' && (*text < '0' || *text > '9'))
		return -1;
	double seconds = strtod(text, &end);
	end += strspn(end, " \t");
	return *end == '\0' || *end == ',' ? seconds : -1;
}

/* False: it tells nothing, or was told before. What is over at once is waited for a second all
 * the same, or it would be asked for ever. */
static bool
read_retry_after(struct response *a, const char *value, int64_t now_ms)
{
	double seconds = read_seconds(value);
	int64_t at_ms = seconds < 0 ? clock_parse_ms(value) : -1;
	if (a->retry_after_ms != -1 || (seconds < 0 && at_ms == -1))
		return false;
	int64_t ms = seconds < 0                                    ? at_ms - now_ms
		     : seconds < (double)HEALTH_PAUSE_MAX_MS / 1000 ? (int64_t)(seconds * 1000)
								    : HEALTH_PAUSE_MAX_MS;
	ms = ms > HEALTH_PAUSE_MAX_MS ? HEALTH_PAUSE_MAX_MS : ms;
	a->retry_after_ms = ms < 1000 ? 1000 : ms;
	return true;
}

static struct health_window *
window(struct response *a, const char *name, size_t n)
{
	if (n == 0 || n >= HEALTH_WINDOW_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < a->n_windows; i++)
		if (strlen(a->windows[i].name) == n && memcmp(a->windows[i].name, name, n) == 0)
			return &a->windows[i];
	if (a->n_windows == WINDOWS_MAX)
		return NULL;
	struct health_window *fresh = &a->windows[a->n_windows++];
	memcpy(fresh->name, name, n);
	return fresh;
}

const struct health_window *
response_window(const struct response *a, const char *name)
{
	for (size_t i = 0; i < a->n_windows; i++)
		if (strcmp(a->windows[i].name, name) == 0)
			return &a->windows[i];
	return NULL;
}

/* PROTOCOLS.md 4: these words mean that the request was refused. */
static bool
is_rejection(const char *value)
{
	static const char *const words[] = {"rejected", "rate_limited", "blocked",
					    "payment_required"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(value, words[i]) == 0)
			return true;
	return false;
}

static uint32_t
read_permille(const char *value)
{
	double share = strtod(value, NULL);
	return share > 0 && share < 1000 ? (uint32_t)(share * 1000 + 0.5) : 0;
}

static void
read_overage(struct response *a, const char *what, const char *value)
{
	if (strcmp(what, "in-use") == 0)
		a->overage = strcmp(value, "true") == 0;
	else if (strcmp(what, "disabled-reason") == 0)
		a->overage_refused = true;
}

/* "5h-status", "7d_opus-reset": a quota window and what is said of it. */
static void
read_window(struct response *a, const char *name, const char *value)
{
	const char *dash = strchr(name, '-');
	if (dash == NULL || name[0] < '0' || name[0] > '9')
		return;
	struct health_window *w = window(a, name, (size_t)(dash - name));
	if (w == NULL)
		return;
	if (strcmp(dash, "-status") == 0)
		w->rejected = is_rejection(value);
	else if (strcmp(dash, "-reset") == 0)
		w->reset_ms = read_epoch_ms(value);
	else if (strcmp(dash, "-utilization") == 0)
		w->permille = read_permille(value);
}

/* Words of the protocol; they are shown in logs, terminals and answers. */
static bool
is_word(const char *value)
{
	return value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static void
read_unified(struct response *a, const char *name, const char *value)
{
	if (strcmp(name, "status") == 0)
		a->rejected = is_rejection(value);
	else if (strcmp(name, "reset") == 0)
		a->reset_ms = read_epoch_ms(value);
	else if (strcmp(name, "representative-claim") == 0)
		snprintf(a->claim, sizeof a->claim, "%s", is_word(value) ? value : "");
	else if (starts_with(name, "overage-"))
		read_overage(a, name + strlen("overage-"), value);
	else
		read_window(a, name, value);
}

/* BEHAVIOUR.md 3: what may go back to the client. */
static bool
may_pass(const char *name, enum response_hide hide)
{
	static const char *const names[] = {"x-should-retry", "request-id"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	if (hide != HIDE_NOTHING && strcmp(name, "anthropic-organization-id") == 0)
		return false;
	return hide != HIDE_ANTHROPIC && starts_with(name, "anthropic-");
}

static void
pass(struct response *a, const char *name, const char *value)
{
	size_t n_name = strlen(name), n_value = strlen(value), n = n_name + n_value + 4;
	for (const char *c = value; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return;
	/* What does not fit is left out, whole. */
	bool first = a->forwarded.data == NULL && n < FORWARDED_USUAL;
	if (!buf_reserve(&a->forwarded, first ? FORWARDED_USUAL : n) ||
	    !buf_add(&a->forwarded, name, n_name) || !buf_add(&a->forwarded, ": ", 2) ||
	    !buf_add(&a->forwarded, value, n_value) || !buf_add(&a->forwarded, "\r\n", 2))
		return;
}

/* As a whole number of seconds: Claude Code and the SDK wait by it (CLIENT.md 6, 8). */
static void
pass_retry_after(struct response *a)
{
	char seconds[24];
	snprintf(seconds, sizeof seconds, "%" PRId64, (a->retry_after_ms + 999) / 1000);
	pass(a, "retry-after", seconds);
}

static void
read_header(struct response *a, const char *name, const char *value, int64_t now_ms,
	    enum response_hide hide)
{
	if (strcmp(name, "content-type") == 0) {
		a->sse = strncasecmp(value, "text/event-stream", 17) == 0;
		a->html = strncasecmp(value, "text/html", 9) == 0;
	} else if (strcmp(name, "retry-after") == 0) {
		if (read_retry_after(a, value, now_ms))
			pass_retry_after(a);
	} else if (strcmp(name, "x-should-retry") == 0) {
		a->should_retry = strcmp(value, "true") == 0    ? 1
				  : strcmp(value, "false") == 0 ? 0
								: -1;
	} else if (strcmp(name, "request-id") == 0) {
		snprintf(a->request_id, sizeof a->request_id, "%s", value);
	} else if (starts_with(name, UNIFIED)) {
		read_unified(a, name + strlen(UNIFIED), value);
	}
	if (may_pass(name, hide))
		pass(a, name, value);
}

static void
begin_head(struct response *a, const char *line)
{
	response_fini(a);
	response_init(a);
	const char *space = strchr(line, ' ');
	int64_t status = space == NULL ? -1 : strtol(space + 1, NULL, 10);
	a->status = status >= 100 && status <= 999 ? (int)status : 0;
}

/* Cuts a header line into its lower-case name and its value. */
static char *
cut(char *line)
{
	char *colon = strchr(line, ':');
	if (colon == NULL || colon == line || line[0] == ' ' || line[0] == '\t')
		return NULL;
	*colon = '\0';
	for (char *c = line; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 32);
		else if (*c <= ' ' || *c > '~')
			return NULL;
	char *value = colon + 1;
	return value + strspn(value, " \t");
}

void
response_line(struct response *a, const char *line, size_t n, int64_t now_ms,
	      enum response_hide hide)
{
	char text[RESPONSE_HEAD_FORWARDED_MAX];
	while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' ' ||
			 line[n - 1] == '\t'))
		n--;
	if (n == 0) {
		a->complete = a->status >= 200;
		return;
	}
	if (n >= sizeof text || memchr(line, '\0', n) != NULL)
		return;
	memcpy(text, line, n);
	text[n] = '\0';
	if (starts_with(text, "HTTP/")) {
		begin_head(a, text);
		return;
	}
	char *value = cut(text);
	if (value != NULL)
		read_header(a, text, value, now_ms, hide);
}
