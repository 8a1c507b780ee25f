/* SPDX-License-Identifier: MIT */
#include "upstream/response.h"

#include "base/clock.h"
#include "base/count.h"
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIFIED    "anthropic-ratelimit-unified-"
#define RATE_LIMIT "x-ratelimit-"

enum { FORWARDED_USUAL = 1000 }; /* Claude's own */

void
response_init(struct response *r)
{
	*r = (struct response){.retry_after_ms = -1,
			       .should_retry = -1,
			       .requests.reset_ms = -1,
			       .tokens.reset_ms = -1};
	buf_init(&r->forwarded, RESPONSE_HEAD_FORWARDED_MAX);
}

void
response_fini(struct response *r)
{
	buf_free(&r->forwarded);
}

/* A whole number; -1 for anything else. */
static int64_t
read_number(const char *text)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	bool whole = end != text && (*end == '\0' || *end == '.');
	return errno == 0 && whole && n >= 0 && n < INT64_MAX / 1000 ? n : -1;
}

/* An epoch: in seconds, but some send milliseconds, and some a date. 0: none. */
static int64_t
read_epoch_ms(const char *text)
{
	int64_t n = read_number(text);
	int64_t at_ms = n == -1 ? clock_parse_ms(text) : clock_epoch_ms(n);
	return at_ms == -1 ? 0 : at_ms;
}

/* Seconds, of a list the first; may be a fraction, and larger than any integer. -1: not a
 * number. */
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

static int64_t
ms_of(double seconds)
{
	return seconds < (double)HEALTH_PAUSE_MAX_MS / 1000 ? (int64_t)(seconds * 1000)
							    : HEALTH_PAUSE_MAX_MS;
}

/* At least a second, or we would retry without end. */
static void
set_retry_after(struct response *r, int64_t ms)
{
	ms = ms > HEALTH_PAUSE_MAX_MS ? HEALTH_PAUSE_MAX_MS : ms;
	r->retry_after_ms = ms < 1000 ? 1000 : ms;
}

/* False: no time, or not the first one. */
static bool
read_retry_after(struct response *r, const char *value, int64_t now_ms)
{
	double seconds = read_seconds(value);
	int64_t at_ms = seconds < 0 ? clock_parse_ms(value) : -1;
	if (r->retry_after_ms != -1 || (seconds < 0 && at_ms == -1))
		return false;
	set_retry_after(r, seconds < 0 ? at_ms - now_ms : ms_of(seconds));
	return true;
}

/* The finer one of two that say the same: it counts where it comes first. */
static bool
read_retry_after_ms(struct response *r, const char *value)
{
	int64_t ms = read_number(value);
	if (r->retry_after_ms != -1 || ms < 0)
		return false;
	set_retry_after(r, ms);
	return true;
}

/* A duration as Go writes it ("6m0s", "1h2m59.56s", "120ms"), or seconds alone: PROTOCOLS.md 8.
 * -1: neither, or none. */
static int64_t
read_duration_ms(const char *text)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"ms", 0.001}, {"us", 0}, {"ns", 0}, {"h", 3600}, {"m", 60}, {"s", 1}};
	double total = 0;
	bool any = false;
	for (char *end; *text >= '0' && *text <= '9'; any = true) {
		double n = strtod(text, &end);
		size_t i = 0;
		while (i < COUNT(units) && !str_starts_with(end, units[i].unit))
			i++;
		if (i == COUNT(units))
			return !any && *end == '\0' && n > 0 ? ms_of(n) : -1;
		total += n * units[i].seconds;
		text = end + strlen(units[i].unit);
	}
	return any && *text == '\0' && total > 0 ? ms_of(total) : -1;
}

/* "reset-tokens" and the like. */
static void
read_rate_limit(struct response *r, const char *name, const char *value)
{
	const char *of = strrchr(name, '-');
	struct rate_limit *limit = of == NULL                     ? NULL
				   : strcmp(of, "-requests") == 0 ? &r->requests
				   : strcmp(of, "-tokens") == 0   ? &r->tokens
								  : NULL;
	if (limit == NULL)
		return;
	if (str_starts_with(name, "reset-"))
		limit->reset_ms = read_duration_ms(value);
	else if (str_starts_with(name, "remaining-"))
		limit->used_up = strcmp(value, "0") == 0;
}

static struct health_window *
window(struct response *r, const char *name, size_t n)
{
	if (n == 0 || n >= HEALTH_WINDOW_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < r->n_windows; i++)
		if (strlen(r->windows[i].name) == n && memcmp(r->windows[i].name, name, n) == 0)
			return &r->windows[i];
	if (r->n_windows == WINDOWS_MAX)
		return NULL;
	struct health_window *fresh = &r->windows[r->n_windows++];
	memcpy(fresh->name, name, n);
	return fresh;
}

const struct health_window *
response_window(const struct response *r, const char *name)
{
	for (size_t i = 0; i < r->n_windows; i++)
		if (strcmp(r->windows[i].name, name) == 0)
			return &r->windows[i];
	return NULL;
}

/* PROTOCOLS.md 4: these values mean that the request was rejected. */
static bool
is_rejection(const char *value)
{
	static const char *const words[] = {"rejected", "rate_limited", "blocked",
					    "payment_required"};
	for (size_t i = 0; i < COUNT(words); i++)
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
read_overage(struct response *r, const char *what, const char *value)
{
	if (strcmp(what, "in-use") == 0)
		r->overage = strcmp(value, "true") == 0;
	else if (strcmp(what, "disabled-reason") == 0)
		r->overage_refused = true;
}

/* "5h-status", "7d_opus-reset": a quota window and one of its values. */
static void
read_window(struct response *r, const char *name, const char *value)
{
	const char *dash = strchr(name, '-');
	if (dash == NULL || name[0] < '0' || name[0] > '9')
		return;
	struct health_window *w = window(r, name, (size_t)(dash - name));
	if (w == NULL)
		return;
	if (strcmp(dash, "-status") == 0)
		w->rejected = is_rejection(value);
	else if (strcmp(dash, "-reset") == 0)
		w->reset_ms = read_epoch_ms(value);
	else if (strcmp(dash, "-utilization") == 0)
		w->permille = read_permille(value);
}

/* A word of the protocol, safe to show in logs, terminals and replies. */
static bool
is_word(const char *value)
{
	return value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static void
read_unified(struct response *r, const char *name, const char *value)
{
	if (strcmp(name, "status") == 0)
		r->rejected = is_rejection(value);
	else if (strcmp(name, "reset") == 0)
		r->reset_ms = read_epoch_ms(value);
	else if (strcmp(name, "representative-claim") == 0)
		snprintf(r->claim, sizeof r->claim, "%s", is_word(value) ? value : "");
	else if (str_starts_with(name, "overage-"))
		read_overage(r, name + strlen("overage-"), value);
	else
		read_window(r, name, value);
}

/* BEHAVIOUR.md 3: what may be forwarded to the client. */
static bool
may_forward(const char *name, enum response_hide hide)
{
	static const char *const names[] = {"x-should-retry", "request-id"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	if (hide != HIDE_NOTHING && strcmp(name, "anthropic-organization-id") == 0)
		return false;
	return hide != HIDE_ANTHROPIC && str_starts_with(name, "anthropic-");
}

static void
forward(struct response *r, const char *name, const char *value)
{
	const char *const pieces[] = {name, ": ", value, "\r\n"};
	size_t n = 0;
	for (const char *c = value; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return;
	for (size_t i = 0; i < COUNT(pieces); i++)
		n += strlen(pieces[i]);
	/* What does not fit is left out as a whole. */
	bool first = r->forwarded.data == NULL && n < FORWARDED_USUAL;
	bool fits = buf_reserve(&r->forwarded, first ? FORWARDED_USUAL : n);
	for (size_t i = 0; fits && i < COUNT(pieces); i++)
		fits = buf_puts(&r->forwarded, pieces[i]);
}

/* As whole seconds: Claude Code and the SDK wait that long (CLIENT.md 6, 8). */
static void
forward_retry_after(struct response *r)
{
	char seconds[24];
	snprintf(seconds, sizeof seconds, "%" PRId64, (r->retry_after_ms + 999) / 1000);
	forward(r, "retry-after", seconds);
}

/* PROTOCOLS.md 8: resets come with every response, and those of a 429 count where it has no time of
 * its own: that of the limit which is used up, or the later one. */
static void
end_head(struct response *r)
{
	int64_t requests_ms = r->requests.reset_ms, tokens_ms = r->tokens.reset_ms;
	bool one = r->requests.used_up != r->tokens.used_up;
	int64_t later_ms = requests_ms > tokens_ms ? requests_ms : tokens_ms;
	int64_t ms = !one ? later_ms : r->requests.used_up ? requests_ms : tokens_ms;
	r->complete = r->status >= 200;
	if (r->status != 429 || r->retry_after_ms != -1 || ms < 0)
		return;
	set_retry_after(r, ms);
	forward_retry_after(r);
}

static void
read_header(struct response *r, const char *name, const char *value, int64_t now_ms,
	    enum response_hide hide)
{
	if (strcmp(name, "content-type") == 0) {
		r->sse = strncasecmp(value, "text/event-stream", 17) == 0;
		r->html = strncasecmp(value, "text/html", 9) == 0;
	} else if (strcmp(name, "retry-after") == 0) {
		if (read_retry_after(r, value, now_ms))
			forward_retry_after(r);
	} else if (strcmp(name, "retry-after-ms") == 0) {
		if (read_retry_after_ms(r, value))
			forward_retry_after(r);
	} else if (str_starts_with(name, RATE_LIMIT)) {
		read_rate_limit(r, name + strlen(RATE_LIMIT), value);
	} else if (strcmp(name, "x-should-retry") == 0) {
		r->should_retry = strcmp(value, "true") == 0    ? 1
				  : strcmp(value, "false") == 0 ? 0
								: -1;
	} else if (strcmp(name, "request-id") == 0) {
		r->has_request_id = value[0] != '\0';
	} else if (str_starts_with(name, UNIFIED)) {
		read_unified(r, name + strlen(UNIFIED), value);
	}
	if (may_forward(name, hide))
		forward(r, name, value);
}

static void
begin_head(struct response *r, const char *line)
{
	response_fini(r);
	response_init(r);
	const char *space = strchr(line, ' ');
	int64_t status = space == NULL ? -1 : strtol(space + 1, NULL, 10);
	r->status = status >= 100 && status <= 999 ? (int)status : 0;
}

/* Splits a header line into its lower-case name and its value. */
static char *
split(char *line)
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
response_line(struct response *r, const char *line, size_t n, int64_t now_ms,
	      enum response_hide hide)
{
	char text[RESPONSE_HEAD_FORWARDED_MAX];
	while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' ' ||
			 line[n - 1] == '\t'))
		n--;
	if (n == 0) {
		end_head(r);
		return;
	}
	if (n >= sizeof text || memchr(line, '\0', n) != NULL)
		return;
	memcpy(text, line, n);
	text[n] = '\0';
	if (str_starts_with(text, "HTTP/")) {
		begin_head(r, text);
		return;
	}
	char *value = split(text);
	if (value != NULL)
		read_header(r, text, value, now_ms, hide);
}
