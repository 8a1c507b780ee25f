/* SPDX-License-Identifier: MIT */
/* upstream/response.c, verdict.c: two bytes of circumstances, a provider's head, line by line, a
 * blank line, and its body. What is forwarded is clean, and a pause has bounds. */
#include "fuzz.h"

#include "base/caps.h"
#include "route/verdict.h"

#define NOW INT64_C(1800000000000)

/* "name: value\r\n", printable, and none that controls a web server. */
static void
check_forwarded(const struct buf *forwarded)
{
	const char *text = buf_text(forwarded);
	MUST(strlen(text) == forwarded->len && forwarded->len <= RESPONSE_HEAD_FORWARDED_MAX);
	while (*text != '\0') {
		const char *end = strstr(text, "\r\n"), *colon = strchr(text, ':');
		MUST(end != NULL && colon != NULL && colon < end && colon[1] == ' ');
		for (const char *c = text; c < end; c++)
			MUST(*c >= ' ' && *c <= '~');
		MUST(strncasecmp(text, "x-accel", 7) != 0 && strncasecmp(text, "status", 6) != 0 &&
		     strncasecmp(text, "set-cookie", 10) != 0 &&
		     strncasecmp(text, "location", 8) != 0);
		text = end + 2;
	}
}

static void
check_verdict(const struct verdict *v)
{
	MUST(v->row != NULL && verdict_name(v->kind) != NULL);
	MUST(memchr(v->why, '\0', sizeof v->why) != NULL && fuzz_is_shown(v->why));
	if (v->pause == PAUSE_NONE || v->pause == PAUSE_SHORT)
		return;
	struct health health = {0};
	const struct health_change change = {.event = HEALTH_EVENT_PAUSED,
					     .pause = v->pause,
					     .now_ms = NOW,
					     .began_ms = NOW,
					     .until_ms = v->until_ms,
					     .jitter = UINT32_MAX};
	health_apply(&health, &change);
	MUST(health.until_ms >= NOW && health.until_ms <= NOW + HEALTH_PAUSE_MAX_MS);
}

/* Each line as libcurl delivers it: up to its \n. */
static size_t
read_head(struct response *a, const char *text, size_t n, bool hide)
{
	size_t at = 0;
	while (at < n && !a->complete) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t length = end == NULL ? n - at : (size_t)(end - text) + 1 - at;
		char *line = fuzz_copy(text + at, length);
		response_line(a, line, length, NOW, hide ? HIDE_ORGANIZATION : HIDE_NOTHING);
		free(line);
		at += length;
	}
	return at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct response a;
	if (n < 2)
		return 0;
	unsigned way = data[0] | (unsigned)data[1] << 8;
	char *text = fuzz_text(data + 2, n - 2);
	response_init(&a);
	size_t at = read_head(&a, text, n - 2, way & 1);
	check_forwarded(&a.forwarded);
	char *body = fuzz_text(text + at, n - 2 - at);
	struct evidence e = {
	    .ending = (enum ending)(way >> 8 & 7) > ENDING_OURS ? ENDING_WHOLE
								: (enum ending)(way >> 8 & 7),
	    .response = &a,
	    .body = body,
	    .body_len = n - 2 - at,
	    .request = way & 64 ? body : NULL, /* all of it is the client's */
	    .request_len = n - 2 - at,
	    .wants_stream = way & 2,
	    .content = way & 4,
	    .is_authority = way & 8,
	    .stored = way & 1,
	    .throttled_lately = way & 16,
	    .plan_limits_only = way & 32,
	    .cooldown_ms = 300000,
	    .now_ms = NOW,
	};
	struct verdict v = verdict_judge(&e);
	check_verdict(&v);
	response_fini(&a);
	free(body);
	free(text);
	return 0;
}
