/* SPDX-License-Identifier: MIT */
#include "route/drill.h"

#include "base/caps.h"
#include "base/count.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A kind's name, and the reason of its pause as it is shown. */
static const struct {
	const char *name, *why;
} kinds[] = {
    [DRILL_LIMIT] = {"limit", "drill: as if 429 unified five_hour"},
    [DRILL_BUSY] = {"busy", "drill: as if 529 overloaded"},
    [DRILL_DOWN] = {"down", "drill: as if connection refused"},
    [DRILL_REFUSED] = {"refused", "drill: as if 401 invalid key"},
    [DRILL_CUT] = {"cut", "drill: as if cut off"},
};
_Static_assert(COUNT(kinds) == DRILL_KINDS, "a name for each");

const char *
drill_kind_name(enum drill_kind kind)
{
	return kinds[kind].name;
}

bool
drill_kind_find(const char *name, enum drill_kind *kind)
{
	for (*kind = 0; *kind < DRILL_KINDS; (*kind)++)
		if (strcmp(kinds[*kind].name, name) == 0)
			return true;
	return false;
}

/* --- Whose ------------------------------------------------------------- */

const char *
drill_session_scope(const char *session, char text[static DRILL_SCOPE_SIZE])
{
	snprintf(text, DRILL_SCOPE_SIZE, "drill/session/%.*s", SESSION_ID_MAX - 1, session);
	return text;
}

const char *
drill_client_scope(const char *client, char text[static DRILL_SCOPE_SIZE])
{
	snprintf(text, DRILL_SCOPE_SIZE, "drill/client/%.*s", KEY_NAME_MAX - 1, client);
	return text;
}

bool
drill_covers(const struct drill *d, const struct drill_request *r)
{
	return d->id != 0 && d->scope != 0 && (d->scope == r->session || d->scope == r->client);
}

bool
drill_may_begin_with(const struct drill *d, const struct drill_request *r)
{
	return d->id != 0 && d->scope == 0 && r->session != 0 && r->is_user_turn;
}

/* --- Which attempt ------------------------------------------------------ */

bool
drill_answers(const struct drill *d, const struct drill_request *r, const struct drill_attempt *a)
{
	if (d->left == 0 || !r->is_message || a->provider != d->provider || a->is_paused ||
	    !a->others_ready)
		return false;
	if (d->kind == DRILL_REFUSED)
		return a->stored;
	return d->kind != DRILL_CUT || !r->streams || r->claude_code;
}

struct health
drill_health(const struct drill *d)
{
	struct health h = {.key = {.provider = d->provider}};
	if (d->until_ms == 0)
		return h;
	h.pause = PAUSE_NAMED;
	h.since_ms = d->until_ms - d->rest_ms;
	h.until_ms = d->until_ms;
	snprintf(h.why, sizeof h.why, "%s", kinds[d->kind].why);
	return h;
}

/* --- What it says -------------------------------------------------------- */

#define JSON_LINE   "content-type: application/json\r\n"
#define STREAM_LINE "content-type: text/event-stream\r\n"

static bool
put_error(struct drill_response *out, int status, const char *lines, const char *type,
	  const char *message)
{
	return buf_printf(&out->head, "HTTP/1.1 %d Drill\r\n" JSON_LINE "%s\r\n", status, lines) &&
	       buf_printf(&out->body,
			  "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s\"}}",
			  type, message);
}

/* PROTOCOLS.md 4; where a provider knows no windows, retry-after says it. */
static bool
put_limit(const struct drill *d, const struct drill_form *form, struct drill_response *out)
{
	char lines[512];
	int64_t reset_s = (form->now_ms + d->rest_ms + 999) / 1000;
	if (form->reports_quota)
		snprintf(lines, sizeof lines,
			 "anthropic-ratelimit-unified-status: rejected\r\n"
			 "anthropic-ratelimit-unified-5h-status: rejected\r\n"
			 "anthropic-ratelimit-unified-5h-reset: %" PRId64 "\r\n"
			 "anthropic-ratelimit-unified-5h-utilization: 1.0\r\n"
			 "anthropic-ratelimit-unified-reset: %" PRId64 "\r\n"
			 "anthropic-ratelimit-unified-representative-claim: five_hour\r\n",
			 reset_s, reset_s);
	else
		snprintf(lines, sizeof lines, "retry-after: %" PRId64 "\r\n", d->rest_ms / 1000);
	return put_error(out, 429, lines, "rate_limit_error",
			 "This request would exceed your account's rate limit.");
}

/* A message that breaks off after its first words. */
static bool
put_cut(const struct drill_form *form, struct drill_response *out)
{
	out->ending = ENDING_CUT;
	if (!buf_printf(&out->head, "HTTP/1.1 200 OK\r\n%s\r\n",
			form->streams ? STREAM_LINE : JSON_LINE))
		return false;
	if (!form->streams)
		return buf_puts(&out->body, "{\"id\":\"msg_drill\",\"type\":\"message\",");
	if (form->first_words != NULL)
		return buf_puts(&out->body, form->first_words);
	return buf_puts(
	    &out->body,
	    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":"
	    "\"msg_drill\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"drill\","
	    "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":"
	    "{\"input_tokens\":0,\"output_tokens\":0}}}\n\n"
	    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
	    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
	    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
	    "\"delta\":{\"type\":\"text_delta\",\"text\":\"This is a drill: \"}}\n\n");
}

bool
drill_respond(const struct drill *d, const struct drill_form *form, struct drill_response *out)
{
	out->ending = ENDING_WHOLE;
	buf_init(&out->head, RESPONSE_HEAD_MAX);
	buf_init(&out->body, RESPONSE_ERROR_MAX);
	switch (d->kind) {
	case DRILL_LIMIT:
		return put_limit(d, form, out);
	case DRILL_BUSY:
		return put_error(out, 529, "", "overloaded_error", "Overloaded");
	case DRILL_REFUSED:
		return put_error(out, 401, "", "authentication_error", "invalid x-api-key");
	case DRILL_CUT:
		return put_cut(form, out);
	default:
		out->ending = ENDING_CONNECT;
		return true;
	}
}

void
drill_response_fini(struct drill_response *response)
{
	buf_free(&response->head);
	buf_free(&response->body);
}
