/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <fnmatch.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "answer_openai.h"
#include "gzip.h"
#include "limits.h"
#include "provider.h"

#define QUEUE_MAX   ((size_t)1000)
#define HUGE_HEADER ((size_t)1 << 20)

/* An error in one family's words; status 0: as Claude says it. */
struct error {
	int status;
	const char *type, *text;
	const char *code; /* OpenAI's alone */
};

struct fault_row {
	const char *name;
	void (*apply)(const struct fault *f, struct answer *a);
	enum act act;  /* for strike() */
	enum place at; /* where, unless "at" says otherwise */
	struct error errors[FAMILIES];
	const char *help;
};

struct fault {
	struct fault *next;
	const struct fault_row *row;
	struct json_object *spec; /* what the control port was given */
	long times, after;
};

/* ---- parameters ---- */

static const struct param {
	const char *name;
	enum json_type type, or_type;
	const char *help;
} params[] = {
    {"fault", json_type_string, json_type_string, "name of the fault"},
    {"times", json_type_int, json_type_int,
     "how many requests get it; -1: all until cleared (default 1)"},
    {"after", json_type_int, json_type_int, "let so many fitting requests pass first"},
    {"match", json_type_object, json_type_object,
     "only requests that fit: stream (bool), model (glob), path and credential (substrings)"},
    {"reset", json_type_int, json_type_double,
     "seconds from now until the limit is over (default 1800)"},
    {"retry_after", json_type_int, json_type_string, "value of a retry-after header"},
    {"at", json_type_string, json_type_int,
     "place in the answer, or a number of body bytes; for the faults that say so"},
    {"end", json_type_string, json_type_string,
     "half_event: what then: close, reset, stall, clean (default close)"},
    {"delay_ms", json_type_int, json_type_int,
     "slow, pause, pings, comments: the rhythm; else the wait before the first byte"},
    {"count", json_type_int, json_type_int,
     "pings, comments: how many, then go on (default -1: until the peer leaves)"},
    {"status", json_type_int, json_type_int, "another HTTP status"},
    {"type", json_type_string, json_type_string, "another error type"},
    {"code", json_type_string, json_type_string, "another error code (OpenAI's form)"},
    {"message", json_type_string, json_type_string, "another error text"},
    {"body", json_type_string, json_type_string, "another body, byte for byte"},
    {"content_type", json_type_string, json_type_string, "another Content-Type (raw, html)"},
    {"headers", json_type_array, json_type_array,
     "[[name,value],…] added to the answer's head as they are"},
    {"wire", json_type_string, json_type_string,
     "raw: these bytes are the whole answer, then the connection is closed"},
    {"location", json_type_string, json_type_string,
     "redirect: where to (default: the backup provider)"},
    {"family", json_type_string, json_type_string,
     "family_limit: suffix of the window (default 7d_opus)"},
    {"utilization", json_type_double, json_type_object, "0.97 for 5h, or {\"5h\":0.97,\"7d\":0.3}"},
    {"stop_reason", json_type_string, json_type_string,
     "no_content_stream: how it ends (default end_turn)"},
    {"bytes", json_type_int, json_type_int,
     "huge_header, wrong_length_*: how many (default 1048576, 100, 20)"},
};

#define PARAMS (sizeof(params) / sizeof(params[0]))

static const char *
text_of(const struct fault *f, const char *name, const char *otherwise)
{
	struct json_object *v = json_object_object_get(f->spec, name);

	return v != NULL ? json_object_get_string(v) : otherwise;
}

static long
number_of(const struct fault *f, const char *name, long otherwise)
{
	struct json_object *v = json_object_object_get(f->spec, name);

	return v != NULL ? (long)json_object_get_int64(v) : otherwise;
}

static int64_t
now_s(void)
{
	return clock_real_ms() / 1000;
}

static int64_t
reset_at(const struct fault *f)
{
	return now_s() + number_of(f, "reset", 1800);
}

/* ---- errors before content ---- */

static const struct error *
row_error(const struct fault *f, const struct answer *a)
{
	const struct error *e = &f->row->errors[a->provider->family];

	return e->status != 0 ? e : &f->row->errors[FAMILY_CLAUDE];
}

static void
retry_after(const struct fault *f, struct answer *a, const char *otherwise)
{
	const char *value = text_of(f, "retry_after", otherwise);

	if (value != NULL)
		answer_header(a, "retry-after", "%s", value);
}

static void
say_error(const struct fault *f, struct answer *a, const char *text)
{
	const struct error *e = row_error(f, a);
	const char *body = text_of(f, "body", NULL);

	a->error_code = text_of(f, "code", e->code);
	answer_error(a, (int)number_of(f, "status", e->status), text_of(f, "type", e->type),
		     text_of(f, "message", text));
	a->error_code = NULL;
	if (body != NULL) {
		buf_clear(&a->body);
		buf_adds(&a->body, body);
	}
}

static void
apply_error(const struct fault *f, struct answer *a)
{
	say_error(f, a, row_error(f, a)->text);
	retry_after(f, a, NULL);
}

static bool
is_openai(const struct answer *a)
{
	return a->provider->family == FAMILY_OPENAI;
}

/* §8: which of the two limits is at its end, and when it is whole again; the text says it, too. */
static void
openai_limit(const struct fault *f, struct answer *a, bool requests, int64_t ms)
{
	char text[300], when[LIMITS_DURATION_MAX];

	limits_duration(ms, when);
	snprintf(text, sizeof(text),
		 "Rate limit reached for gpt-6-sol in organization org-simulated on %s: Limit %ld, "
		 "Used %ld, Requested 1. Please try again in %s. Visit "
		 "https://platform.openai.com/account/rate-limits to learn more.",
		 requests ? "requests per day (RPD)" : "tokens per min (TPM)",
		 requests ? OPENAI_REQUESTS : OPENAI_TOKENS,
		 requests ? OPENAI_REQUESTS : OPENAI_TOKENS, when);
	say_error(f, a, text);
	retry_after(f, a, NULL);
	limits_openai(a, requests ? 0 : OPENAI_REQUESTS - 1, requests ? ms : 6,
		      requests ? OPENAI_TOKENS : 0, requests ? 0 : ms);
}

static void
apply_throttle(const struct fault *f, struct answer *a)
{
	say_error(f, a, row_error(f, a)->text);
	retry_after(f, a, "7");
}

/* PROTOCOLS.md §4: which window is rejected, the reset, the claim. */
static void
apply_limit(const struct fault *f, struct answer *a)
{
	bool week = strcmp(f->row->name, "usage_limit_7d") == 0;

	if (is_openai(a)) {
		openai_limit(f, a, week, 1000 * number_of(f, "reset", 1800));
		return;
	}
	struct unified u = limits_healthy(now_s());
	struct window *w = &u.windows[week ? 1 : 0];

	u.status = "rejected";
	u.claim = week ? "seven_day" : "five_hour";
	u.reset = reset_at(f);
	*w = (struct window){
	    .name = w->name, .status = "rejected", .utilization = 1.0, .reset = u.reset};
	apply_error(f, a);
	limits_unified(a, &u);
	answer_header(a, "x-should-retry", "true");
}

static void
apply_family_limit(const struct fault *f, struct answer *a)
{
	if (is_openai(a)) { /* each of its limits is a model's */
		openai_limit(f, a, false, 1000 * number_of(f, "reset", 1800));
		return;
	}
	struct unified u = limits_healthy(now_s());
	const char *family = text_of(f, "family", "7d_opus");
	char claim[64];

	snprintf(claim, sizeof(claim), "seven_day_%s",
		 strncmp(family, "7d_", 3) == 0 ? family + 3 : family);
	u.status = "rejected";
	u.claim = strcmp(family, "7d_oi") == 0 ? "seven_day_overage_included" : claim;
	u.reset = reset_at(f);
	u.windows[2] = (struct window){
	    .name = family, .status = "rejected", .utilization = 1.0, .reset = u.reset};
	apply_error(f, a);
	limits_unified(a, &u);
}

static void
apply_usage_text(const struct fault *f, struct answer *a)
{
	char text[80];

	snprintf(text, sizeof(text), "Claude AI usage limit reached|%lld", (long long)reset_at(f));
	say_error(f, a, text);
	retry_after(f, a, NULL);
}

static void
apply_regain_text(const struct fault *f, struct answer *a)
{
	char text[160];
	time_t at = (time_t)reset_at(f);
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text),
		 "You have reached your specified API usage limits. You will regain access on "
		 "%Y-%m-%d at %H:%M UTC.",
		 &tm);
	say_error(f, a, text);
	retry_after(f, a, NULL);
}

static void
plain(const struct fault *f, struct answer *a, int status, const char *content_type,
      const char *body)
{
	answer_wipe(a);
	a->status = (int)number_of(f, "status", status);
	a->framing = FRAMING_LENGTH;
	if (content_type != NULL)
		answer_header(a, "Content-Type", "%s", text_of(f, "content_type", content_type));
	buf_adds(&a->body, text_of(f, "body", body));
}

static void
apply_html(const struct fault *f, struct answer *a)
{
	struct buf page = {0};
	int status = row_error(f, a)->status;

	buf_addf(
	    &page,
	    "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"
	    "<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n",
	    row_error(f, a)->text, row_error(f, a)->text);
	plain(f, a, status, "text/html", page.data);
	retry_after(f, a, NULL);
	buf_free(&page);
}

static void
apply_empty(const struct fault *f, struct answer *a)
{
	plain(f, a, 200, "application/json", "");
}

static void
apply_empty_stream(const struct fault *f, struct answer *a)
{
	plain(f, a, 200, "text/event-stream; charset=utf-8", "");
	a->framing = FRAMING_CHUNKED;
}

static void
apply_redirect(const struct fault *f, struct answer *a)
{
	char home[80];
	const char *location;

	snprintf(home, sizeof(home), "http://127.0.0.1:%u/v1/messages",
		 provider_named("backup", 6)->plain.port);
	location = text_of(f, "location", home);
	plain(f, a, 302, "text/html", "<a href=\"elsewhere\">Found</a>.\n");
	buf_addf(&a->headers, "Location: %s\r\n", location);
}

static void
compress(const struct fault *f, struct answer *a, bool whole)
{
	struct buf zipped = {0};

	apply_error(f, a);
	gzip_stored(a->body.data, a->body.len, &zipped);
	if (!whole)
		zipped.len /= 2;
	buf_free(&a->body);
	a->body = zipped;
	answer_header(a, "Content-Encoding", "gzip");
}

static void
apply_gzip(const struct fault *f, struct answer *a)
{
	compress(f, a, true);
}

static void
apply_gzip_half(const struct fault *f, struct answer *a)
{
	compress(f, a, false);
}

static void
apply_raw(const struct fault *f, struct answer *a)
{
	struct json_object *wire = json_object_object_get(f->spec, "wire");

	plain(f, a, 200, text_of(f, "content_type", NULL), "");
	if (wire != NULL)
		buf_add(&a->wire, json_object_get_string(wire),
			(size_t)json_object_get_string_len(wire));
}

/* ---- faults at a place in the normal answer ---- */

static void
strike(const struct fault *f, struct answer *a, enum act act, enum place at)
{
	struct json_object *where = json_object_object_get(f->spec, "at");

	a->strike.act = act;
	a->strike.at = at;
	a->strike.delay_ms = (unsigned)number_of(f, "delay_ms", 10);
	a->strike.count = number_of(f, "count", -1);
	if (where == NULL)
		return;
	if (json_object_is_type(where, json_type_string)) {
		a->strike.at = place_named(json_object_get_string(where));
	} else {
		a->strike.at = PLACE_BYTES;
		a->strike.at_bytes = (size_t)json_object_get_int64(where);
	}
}

static void
apply_strike(const struct fault *f, struct answer *a)
{
	strike(f, a, f->row->act, f->row->at);
}

static void
apply_half(const struct fault *f, struct answer *a)
{
	const char *end = text_of(f, "end", "close");

	strike(f, a, ACT_HALF, PLACE_TEXT);
	a->strike.end = strcmp(end, "reset") == 0   ? ACT_RESET
			: strcmp(end, "stall") == 0 ? ACT_STALL
			: strcmp(end, "clean") == 0 ? ACT_END
						    : ACT_CLOSE;
}

static void
apply_split(const struct fault *f, struct answer *a)
{
	strike(f, a, ACT_PACE, PLACE_START);
	a->strike.delay_ms = (unsigned)number_of(f, "delay_ms", 0);
}

/* A fault inside a stream needs one, also where the request would get JSON or was refused. */
static void
need_stream(struct answer *a)
{
	if (a->streaming)
		return;
	answer_wipe(a);
	a->status = 200;
	a->framing = FRAMING_CHUNKED;
	answer_header(a, "Content-Type", "text/event-stream; charset=utf-8");
}

static void
apply_error_event(const struct fault *f, struct answer *a)
{
	const struct error *e = row_error(f, a);
	const char *body = text_of(f, "body", NULL);
	struct buf *text = &a->strike.text;

	need_stream(a);
	strike(f, a, ACT_TEXT, PLACE_HEAD);
	if (is_openai(a)) {
		a->error_code = text_of(f, "code", e->code);
		a->status = (int)number_of(f, "status", e->status);
		openai_error_event(a, text_of(f, "type", e->type), text_of(f, "message", e->text),
				   body, text);
		a->error_code = NULL;
		a->status = 200;
		return;
	}
	buf_adds(text, "event: error\ndata: ");
	if (body != NULL)
		buf_adds(text, body);
	else
		error_json(a, text_of(f, "type", e->type), text_of(f, "message", e->text), text);
	buf_adds(text, "\n\n");
}

static void
apply_garbage(const struct fault *f, struct answer *a)
{
	strike(f, a, ACT_TEXT, PLACE_HEAD);
	buf_adds(
	    &a->strike.text,
	    text_of(f, "body",
		    "\x01\x02 this is neither JSON nor an event {{{\r\r\n\ndata: {\"type\":\n\n"));
	if (a->strike.at != PLACE_START)
		return;
	/* Before the head: not HTTP at all. */
	buf_add(&a->wire, a->strike.text.data, a->strike.text.len);
	a->strike.act = ACT_NONE;
}

static void
apply_comments(const struct fault *f, struct answer *a)
{
	strike(f, a, ACT_DRIP, PLACE_HEAD);
	/* PROTOCOLS.md §2 "Waiting": comments in a stream, blank lines before JSON. */
	buf_adds(&a->strike.text, a->streaming ? ": keep-alive\n\n" : "\n");
	if (!a->streaming)
		a->framing = FRAMING_CHUNKED;
	a->strike.delay_ms = (unsigned)number_of(f, "delay_ms", 100);
}

static void
apply_pings(const struct fault *f, struct answer *a)
{
	if (!a->streaming || is_openai(a)) { /* no pings there; blank lines or comments do it */
		apply_comments(f, a);
		return;
	}
	strike(f, a, ACT_DRIP, PLACE_PING);
	buf_adds(&a->strike.text, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
	a->strike.delay_ms = (unsigned)number_of(f, "delay_ms", 100);
}

static void
apply_no_content(const struct fault *f, struct answer *a)
{
	/* The spec may be gone before the stream is: only these, which are constants. */
	const char *reason = say_stop_reason(text_of(f, "stop_reason", "end_turn"));
	struct buf body = {0};
	char id[] = "msg_empty", model[] = "none";
	struct say nothing = {.id = id,
			      .model = model,
			      .stop_reason = reason,
			      .input_tokens = 1,
			      .empty = true,
			      .compat = a->provider->compat,
			      .form = a->form};

	if (a->streaming) {
		a->stream.say->empty = true;
		a->stream.say->stop_reason = reason;
		return;
	}
	say_json(&nothing, &body);
	plain(f, a, 200, "application/json", body.data);
	buf_free(&body);
}

/* ---- the normal answer in an odd shape ---- */

static void
apply_pass(const struct fault *f, struct answer *a)
{
	(void)f;
	(void)a;
}

static void
apply_wrong_length(const struct fault *f, struct answer *a)
{
	bool longer = strcmp(f->row->name, "wrong_length_long") == 0;
	long by = number_of(f, "bytes", longer ? 100 : 20);

	answer_flatten(a);
	a->length_lie = longer ? by : by < (long)a->body.len ? -by : -(long)a->body.len;
}

static void
apply_huge_header(const struct fault *f, struct answer *a)
{
	buf_adds(&a->headers, "anthropic-huge: ");
	buf_fill(&a->headers, 'x', (size_t)number_of(f, "bytes", (long)HUGE_HEADER));
	buf_adds(&a->headers, "\r\n");
}

static void
apply_continue(const struct fault *f, struct answer *a)
{
	(void)f;
	buf_adds(&a->before, "HTTP/1.1 100 Continue\r\nX-Interim: yes\r\n\r\n");
}

static void
apply_http10(const struct fault *f, struct answer *a)
{
	(void)f;
	a->http10 = true;
	a->framing = FRAMING_CLOSE;
	conn_last(a->conn);
}

static void
apply_glued(const struct fault *f, struct answer *a)
{
	const char *body = text_of(f, "body", "{\"type\":\"message\",\"glued\":true}");

	buf_addf(&a->after,
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nrequest-id: req_glued\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
}

/* What a hostile provider could try on the web server in front of the router (BEHAVIOUR.md 3). */
static void
apply_steer(const struct fault *f, struct answer *a)
{
	(void)f;
	buf_adds(
	    &a->headers,
	    "X-Accel-Redirect: /etc/passwd\r\nX-Sendfile: /etc/passwd\r\nX-LIGHTTPD-send-file: "
	    "/etc/passwd\r\n"
	    "X-Accel-Buffering: yes\r\nStatus: 500 Steered\r\nSet-Cookie: steered=1; Path=/\r\n"
	    "Location: http://127.0.0.1:9/steered\r\nRefresh: 0; url=http://127.0.0.1:9/\r\n"
	    "Access-Control-Allow-Origin: *\r\nConnection: X-Steered, keep-alive\r\nX-Steered: "
	    "yes\r\n"
	    "anthropic-steered-folded: one\r\n Status: 501 folded\r\n\tX-Sendfile: /etc/shadow\r\n"
	    "anthropic-steered-control: a\x01\x02\x1b[31mb\x7f\r\nanthropic-steered-eight: "
	    "a\xff\xfe"
	    "b\r\n"
	    "anthropic-steered-bare: a\nX-Sendfile: /etc/hosts\r\n");
}

static void
apply_extra_usage(const struct fault *f, struct answer *a)
{
	struct unified u = limits_healthy(now_s());

	u.claim = "overage";
	u.windows[0] = (struct window){
	    .name = "5h", .status = "rejected", .utilization = 1.02, .reset = reset_at(f)};
	u.overage_status = "allowed";
	u.overage_reason = NULL;
	u.overage_in_use = true;
	limits_unified(a, &u);
}

static double
share(struct json_object *v, const char *window, double otherwise)
{
	struct json_object *own = NULL;

	if (v == NULL)
		return otherwise;
	if (!json_object_is_type(v, json_type_object))
		return strcmp(window, "5h") == 0 ? json_object_get_double(v) : otherwise;
	return json_object_object_get_ex(v, window, &own) ? json_object_get_double(own) : otherwise;
}

static void
apply_utilization(const struct fault *f, struct answer *a)
{
	struct json_object *v = json_object_object_get(f->spec, "utilization");
	struct unified u = limits_healthy(now_s());
	int64_t five = json_object_object_get(f->spec, "reset") ? reset_at(f) : u.reset;

	u.windows[0] = limits_window("5h", share(v, "5h", 0.95), five);
	u.windows[1] = limits_window("7d", share(v, "7d", 0.12), u.windows[1].reset);
	u.reset = five;
	if (u.windows[0].utilization >= 0.9 || u.windows[1].utilization >= 0.9)
		u.status = "allowed_warning";
	limits_unified(a, &u);
}

/* ---- the table ---- */

#define CLAUDE(status, type, text)       [FAMILY_CLAUDE] = {status, type, text}
#define DEEPSEEK(status, type, text)     [FAMILY_DEEPSEEK] = {status, type, text}
#define KIMI(status, type, text)         [FAMILY_KIMI] = {status, type, text}
#define OPENAI(status, type, code, text) [FAMILY_OPENAI] = {status, type, text, code}

/* The texts are PROTOCOLS.md's, §1 "Errors", §2, §3 and §4. */
#define RATE_LIMITED                                                                               \
	CLAUDE(429, "rate_limit_error",                                                            \
	       "This request would exceed your account's rate limit. Please try again later."),    \
	    DEEPSEEK(429, "rate_limit_error", "Rate limit reached: too many concurrent requests"), \
	    KIMI(429, "rate_limit_reached_error",                                                  \
		 "Your account reached max request concurrency, please try again later"),          \
	    OPENAI(429, "tokens", "rate_limit_exceeded",                                           \
		   "Rate limit reached for gpt-6-sol in organization org-simulated on tokens per " \
		   "min (TPM): Limit 2000000, Used 2000000, Requested 1.")
#define QUOTA                                                                                      \
	OPENAI(429, "insufficient_quota", "insufficient_quota",                                    \
	       "You exceeded your current quota, please check your plan and billing details.")

static const struct fault_row rows[] = {
    {"usage_limit", apply_limit, .errors = {RATE_LIMITED},
     .help = "429, unified 5h window rejected until `reset`"},
    {"usage_limit_7d", apply_limit, .errors = {RATE_LIMITED},
     .help = "429, unified 7d window rejected until `reset`"},
    {"family_limit", apply_family_limit, .errors = {RATE_LIMITED},
     .help = "429, only a model family's window (`family`) rejected until `reset`"},
    {"usage_text", apply_usage_text, .errors = {CLAUDE(429, "rate_limit_error", "")},
     .help = "429 (`status`) whose text is `Claude AI usage limit reached|<epoch>`"},
    {"regain_text", apply_regain_text, .errors = {CLAUDE(400, "invalid_request_error", "")},
     .help = "400 `… You will regain access on <date> …`, the date from `reset`"},
    {"out_of_extra_usage", apply_error,
     .errors = {CLAUDE(
	 400, "invalid_request_error",
	 "You're out of extra usage. Add more at claude.ai/settings/usage and keep going.")},
     .help = "400 `You're out of extra usage. …`"},
    {"long_context_credits", apply_error,
     .errors = {CLAUDE(429, "rate_limit_error",
		       "Usage credits are required for long context requests.")},
     .help = "429 `Usage credits are required for long context requests.`"},
    {"throttle", apply_throttle, .errors = {RATE_LIMITED},
     .help = "429 with retry-after (`retry_after`, default 7)"},
    {"throttle_bare", apply_error, .errors = {RATE_LIMITED},
     .help = "429 with no header that says how long"},
    {"balance", apply_error,
     .errors = {CLAUDE(402, "billing_error",
		       "Your account has a payment problem. Please check your billing details."),
		DEEPSEEK(402, "unknown_error", "Insufficient Balance"),
		KIMI(402, "exceeded_current_quota_error",
		     "Your account is suspended due to insufficient balance, please recharge your "
		     "account"),
		OPENAI(
		    402, "insufficient_quota", NULL,
		    "Insufficient credits. Add more using https://openrouter.ai/settings/credits")},
     .help = "402 in the provider's own shape and words; OpenAI's is OpenRouter's"},
    {"quota_exceeded", apply_error,
     .errors = {CLAUDE(429, "exceeded_current_quota_error",
		       "Your account is not active due to insufficient balance, please check your "
		       "plan and billing details"),
		QUOTA},
     .help = "429 (`status`) Kimi's exceeded_current_quota_error, OpenAI's insufficient_quota"},
    {"credit_low", apply_error,
     .errors = {CLAUDE(400, "invalid_request_error",
		       "Your credit balance is too low to access the Anthropic API. Please go to "
		       "Plans & Billing to upgrade "
		       "or purchase credits."),
		OPENAI(429, "billing_not_active", "billing_not_active",
		       "Your account is not active, please check your billing details on our "
		       "website.")},
     .help = "400 `Your credit balance is too low …`; OpenAI's 429 billing_not_active"},
    {"overloaded", apply_error,
     .errors = {CLAUDE(529, "overloaded_error", "Overloaded"),
		DEEPSEEK(503, "service_unavailable_error",
			 "Service is too busy. Please try again later."),
		KIMI(429, "engine_overloaded_error",
		     "The engine is currently overloaded, please try again later"),
		OPENAI(503, "server_error", NULL,
		       "That model is currently overloaded with other requests. You can retry your "
		       "request.")},
     .help = "529 Overloaded; DeepSeek's and OpenAI's 503, Kimi's 429 engine_overloaded_error"},
    {"overloaded_event", apply_error_event,
     .errors = {CLAUDE(200, "overloaded_error", "Overloaded"),
		OPENAI(503, "server_error", NULL, "The engine is currently overloaded")},
     .help = "200, then `event: error` (OpenAI: a chunk) overloaded_error as the first event, or "
	     "`at` a place"},
    {"error_event", apply_error_event,
     .errors = {CLAUDE(200, "api_error", "Internal server error"),
		OPENAI(502, "server_error", NULL, "Upstream error from the model's provider")},
     .help = "the same with `type` (default api_error), `message`, or the whole `body` of its data "
	     "line"},
    {"internal", apply_error,
     .errors = {CLAUDE(500, "api_error", "Internal server error"),
		DEEPSEEK(500, "internal_error", "Internal server error"),
		KIMI(500, "server_error", "Internal server error"),
		OPENAI(500, "server_error", NULL,
		       "The server had an error while processing your request. Sorry about that!")},
     .help = "500 with a JSON error"},
    {"bad_gateway", apply_html, .errors = {CLAUDE(502, "", "502 Bad Gateway")},
     .help = "502 with an HTML page"},
    {"unavailable", apply_error,
     .errors = {CLAUDE(503, "api_error", "Service unavailable"),
		DEEPSEEK(503, "service_unavailable_error",
			 "Service is too busy. Please try again later."),
		KIMI(503, "server_error", "Service unavailable"),
		OPENAI(503, "server_error", "slow_down", "Slow down")},
     .help = "503 with a JSON error"},
    {"timeout_504", apply_html, .errors = {CLAUDE(504, "", "504 Gateway Time-out")},
     .help = "504 with an HTML page"},
    {"html_200", apply_html, .errors = {CLAUDE(200, "", "Just a moment...")},
     .help = "200 (`status`) with an HTML page"},
    {"empty_200", apply_empty, .help = "200 with Content-Length: 0"},
    {"empty_stream", apply_empty_stream, .help = "200, an event stream without an event"},
    {"no_content_stream", apply_no_content,
     .help = "message_start … message_stop without a content block; JSON: `content` []"},
    {"unauthorized", apply_error,
     .errors =
	 {CLAUDE(
	      401, "authentication_error",
	      "OAuth token has expired. Please obtain a new token or refresh your existing token."),
	  DEEPSEEK(401, "authentication_error",
		   "Authentication Fails, Your api key: ****abcd is invalid"),
	  KIMI(401, "invalid_authentication_error", "Invalid Authentication"),
	  OPENAI(401, "invalid_request_error", "invalid_api_key",
		 "Incorrect API key provided: sk-abcd*****wxyz. You can find your API key at "
		 "https://platform.openai.com/account/api-keys.")},
     .help = "401 whatever the credential was"},
    {"forbidden_key", apply_error,
     .errors = {CLAUDE(403, "permission_error",
		       "Your API key does not have permission to use the specified resource."),
		DEEPSEEK(403, "permission_error", "Your api key has been disabled"),
		KIMI(403, "permission_denied_error", "The API key you are using has no permission"),
		OPENAI(403, "request_forbidden", "unsupported_country_region_territory",
		       "Country, region, or territory not supported")},
     .help = "403 about the key"},
    {"forbidden_model", apply_error,
     .errors = {CLAUDE(403, "permission_error", "Your account does not have access to this model."),
		DEEPSEEK(403, "permission_error", "This model is not available to your account"),
		KIMI(403, "permission_denied_error",
		     "You do not have permission to use this model"),
		OPENAI(403, "invalid_request_error", "model_not_found",
		       "Project `proj_simulated` does not have access to model `gpt-6-sol`")},
     .help = "403 about the model"},
    {"unknown_model", apply_error,
     .errors = {CLAUDE(404, "not_found_error", "model: retired-model"),
		DEEPSEEK(400, "invalid_request_error", "Model Not Exist"),
		KIMI(404, "resource_not_found_error",
		     "Not found the model retired-model or Permission denied"),
		OPENAI(
		    404, "invalid_request_error", "model_not_found",
		    "The model `retired-model` does not exist or you do not have access to it.")},
     .help = "404 (DeepSeek 400) as for a model that is not known"},
    {"bad_request", apply_error,
     .errors = {CLAUDE(400, "invalid_request_error", "messages.0: simulated bad request"),
		DEEPSEEK(400, "invalid_request_error",
			 "Failed to deserialize the JSON body into the target type"),
		KIMI(400, "invalid_request_error", "Invalid request: simulated bad request"),
		OPENAI(400, "invalid_request_error", "invalid_value",
		       "Invalid value: 'simulated'. Supported values are: none.")},
     .help = "400 with `message` and `type`"},
    {"too_large", apply_error,
     .errors = {CLAUDE(413, "request_too_large", "Request exceeds the maximum size"),
		OPENAI(413, "tokens", "rate_limit_exceeded",
		       "Request too large for model `simulated` on tokens per minute (TPM): Limit "
		       "6000, Requested 14368")},
     .help = "413 request_too_large"},
    {"unprocessable", apply_error,
     .errors = {CLAUDE(422, "invalid_request_error", "Unprocessable: simulated")},
     .help = "422 with `message`"},
    {"refuse", apply_strike, .act = ACT_CLOSE, .at = PLACE_START,
     .help = "closes the next accepted connection at once; a request on a kept one is closed "
	     "unanswered"},
    {"reset", apply_strike, .act = ACT_RESET, .at = PLACE_START,
     .help = "RST `at` a place (default start)"},
    {"close", apply_strike, .act = ACT_CLOSE, .at = PLACE_START,
     .help = "FIN `at` a place (default start)"},
    {"end", apply_strike, .act = ACT_END, .at = PLACE_HEAD,
     .help =
	 "ends the transfer properly (last chunk) `at` a place, the rest of the message missing"},
    {"stall", apply_strike, .act = ACT_STALL, .at = PLACE_START,
     .help = "says nothing more from `at` on, until the peer leaves"},
    {"pause", apply_strike, .act = ACT_PAUSE, .at = PLACE_HEAD,
     .help = "says nothing for `delay_ms` at `at`, then goes on"},
    {"pings", apply_pings,
     .help = "a ping event every `delay_ms` (100) at `at` (ping), `count` times or until the peer "
	     "leaves"},
    {"comments", apply_comments,
     .help = "`: keep-alive` (JSON: a blank line) every `delay_ms` (100) at `at` (head), `count` "
	     "times"},
    {"slow", apply_strike, .act = ACT_PACE, .at = PLACE_HEAD,
     .help = "one byte each `delay_ms` (10) from `at` (head) on"},
    {"garbage", apply_garbage,
     .help = "junk (`body`) at `at` (head), then a proper end; at start: no HTTP at all"},
    {"half_event", apply_half, .help = "half of the event after `at` (text), then `end`"},
    {"split", apply_split, .help = "every byte, head too, in a write and a segment of its own"},
    {"wrong_length_long", apply_wrong_length,
     .help = "Content-Length over the body (`bytes`, 100), then FIN"},
    {"wrong_length_short", apply_wrong_length,
     .help = "Content-Length short of the body (`bytes`, 20), connection kept"},
    {"gzip_error", apply_gzip,
     .errors = {CLAUDE(400, "invalid_request_error",
		       "Your credit balance is too low to access the Anthropic API."),
		DEEPSEEK(400, "unknown_error", "Insufficient Balance"),
		KIMI(403, "exceeded_current_quota_error",
		     "Your account is suspended due to insufficient balance"),
		QUOTA},
     .help = "a gzip-compressed error, though nobody asked: no balance, as 400 or 403 (`status`, "
	     "`message`, `body`)"},
    {"truncated_gzip", apply_gzip_half,
     .errors = {CLAUDE(500, "api_error", "Internal server error")},
     .help = "an error whose gzip body stops half-way (`status` 500)"},
    {"huge_header", apply_huge_header,
     .help = "a header line of 1 MB (`bytes`) before the normal answer"},
    {"continue_100", apply_continue, .help = "an interim 100 before the normal answer"},
    {"http10", apply_http10, .help = "the normal answer as HTTP/1.0, ended by FIN"},
    {"glued", apply_glued, .help = "a second response (`body`) glued behind the normal answer"},
    {"redirect", apply_redirect, .help = "302 to `location` (default: the backup provider)"},
    {"steer", apply_steer,
     .help = "normal answer with X-Accel-Redirect, X-Sendfile, Status, Set-Cookie …, folded lines, "
	     "bare LF and control bytes"},
    {"raw", apply_raw,
     .help = "`status`, `headers`, `body`, `content_type`; or all bytes of the answer in `wire`"},
    {"pass", apply_pass,
     .help = "the normal answer; for `headers`, `delay_ms`, or to let `times` requests through"},
    {"extra_usage", apply_extra_usage,
     .help = "normal answer, unified headers say overage in use (5h rejected, status allowed)"},
    {"utilization", apply_utilization,
     .help = "normal answer with `utilization` in its unified headers"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

void
fault_list(struct buf *out)
{
	buf_adds(out, "Faults:\n");
	for (size_t i = 0; i < ROWS; i++)
		buf_addf(out, "  %-21s %s\n", rows[i].name, rows[i].help);
	buf_adds(out, "\nParameters:\n");
	for (size_t i = 0; i < PARAMS; i++)
		buf_addf(out, "  %-21s %s\n", params[i].name, params[i].help);
	buf_adds(out, "\nPlaces (`at`), in the order an answer reaches them:\n  ");
	place_list(out);
	buf_adds(
	    out,
	    "\n  A JSON answer has no events: any place inside a stream means half of its body.\n");
}

/* ---- from the control port ---- */

static const struct fault_row *
row_named(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static bool
type_fits(struct json_object *v, const struct param *p)
{
	enum json_type type = json_object_get_type(v);

	return type == p->type || type == p->or_type ||
	       (type == json_type_int && p->type == json_type_double);
}

static bool
params_ok(struct json_object *spec, struct buf *why)
{
	json_object_object_foreach(spec, key, value)
	{
		const struct param *p = NULL;

		for (size_t i = 0; i < PARAMS && p == NULL; i++)
			p = strcmp(params[i].name, key) == 0 ? &params[i] : NULL;
		if (p == NULL) {
			buf_addf(why, "unknown parameter \"%s\"; there are:", key);
			for (size_t i = 0; i < PARAMS; i++)
				buf_addf(why, " %s", params[i].name);
			return false;
		}
		if (!type_fits(value, p)) {
			buf_addf(why, "\"%s\" has the wrong type: %s", key, p->help);
			return false;
		}
	}
	return true;
}

static bool
headers_ok(struct json_object *headers, struct buf *why)
{
	for (size_t i = 0; headers != NULL && i < json_object_array_length(headers); i++) {
		struct json_object *pair = json_object_array_get_idx(headers, i);

		if (!json_object_is_type(pair, json_type_array) ||
		    json_object_array_length(pair) != 2 ||
		    !json_object_is_type(json_object_array_get_idx(pair, 0), json_type_string) ||
		    !json_object_is_type(json_object_array_get_idx(pair, 1), json_type_string)) {
			buf_adds(why, "\"headers\" is a list of [name, value] pairs of strings");
			return false;
		}
	}
	return true;
}

static bool
match_ok(struct json_object *match, struct buf *why)
{
	if (match == NULL)
		return true;
	json_object_object_foreach(match, key, value)
	{
		enum json_type want =
		    strcmp(key, "stream") == 0 ? json_type_boolean : json_type_string;

		if ((strcmp(key, "stream") != 0 && strcmp(key, "model") != 0 &&
		     strcmp(key, "path") != 0 && strcmp(key, "credential") != 0) ||
		    !json_object_is_type(value, want)) {
			buf_adds(why, "\"match\" takes stream (true, false), model (a glob), "
				      "path and credential (substrings)");
			return false;
		}
	}
	return true;
}

/* An "at" that would do nothing is a test's mistake. */
static bool
takes_place(const struct fault_row *row)
{
	return row->apply == apply_strike || row->apply == apply_half ||
	       row->apply == apply_split || row->apply == apply_error_event ||
	       row->apply == apply_garbage || row->apply == apply_pings ||
	       row->apply == apply_comments;
}

static bool
place_ok(const struct fault *f, struct buf *why)
{
	struct json_object *at = json_object_object_get(f->spec, "at");

	if (at == NULL)
		return true;
	if (!takes_place(f->row)) {
		buf_addf(why, "%s has no \"at\"; these have:", f->row->name);
		for (size_t i = 0; i < ROWS; i++)
			if (takes_place(&rows[i]))
				buf_addf(why, " %s", rows[i].name);
		return false;
	}
	if (json_object_is_type(at, json_type_string)
		? place_named(json_object_get_string(at)) == PLACE_NONE
		: json_object_get_int64(at) < 0) {
		buf_addf(why, "unknown place \"%s\" for \"at\"; there are: ",
			 json_object_get_string(at));
		place_list(why);
		buf_adds(why, ", or a number of body bytes");
		return false;
	}
	return true;
}

static bool
in_range(const struct fault *f, const char *name, long least, long most, struct buf *why)
{
	long n = number_of(f, name, most);

	if (n >= least && n <= most)
		return true;
	buf_addf(why, "\"%s\" is between %ld and %ld", name, least, most);
	return false;
}

static bool
values_ok(const struct fault *f, struct buf *why)
{
	const char *end = text_of(f, "end", "close");

	if (strcmp(end, "close") != 0 && strcmp(end, "reset") != 0 && strcmp(end, "stall") != 0 &&
	    strcmp(end, "clean") != 0) {
		buf_adds(why, "\"end\" is close, reset, stall or clean");
		return false;
	}
	if (f->times < -1 || f->times == 0 || f->after < 0) {
		buf_adds(why, "\"times\" is 1 or more, or -1; \"after\" is 0 or more");
		return false;
	}
	return in_range(f, "status", 200, 999, why) && in_range(f, "delay_ms", 0, 86400000, why) &&
	       in_range(f, "bytes", 0, (long)BUF_MAX / 4, why) && place_ok(f, why);
}

bool
fault_queue(struct provider *p, struct json_object *spec, struct buf *why)
{
	struct fault *f = xalloc(sizeof(*f)), **end = &p->faults;
	const char *name;

	f->spec = json_object_get(spec);
	if (!params_ok(spec, why))
		goto bad;
	name = text_of(f, "fault", "");
	f->row = row_named(name);
	f->times = number_of(f, "times", 1);
	f->after = number_of(f, "after", 0);
	if (f->row == NULL) {
		buf_addf(why, "unknown fault \"%s\"; there are:", name);
		for (size_t i = 0; i < ROWS; i++)
			buf_addf(why, " %s", rows[i].name);
		goto bad;
	}
	if (!headers_ok(json_object_object_get(spec, "headers"), why) ||
	    !match_ok(json_object_object_get(spec, "match"), why) || !values_ok(f, why))
		goto bad;
	if (fault_count(p) >= QUEUE_MAX) {
		buf_adds(why, "1000 faults are queued already");
		goto bad;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = f;
	return true;
bad:
	json_object_put(f->spec);
	free(f);
	return false;
}

/* ---- the queue ---- */

static void
fault_free(struct fault *f)
{
	json_object_put(f->spec);
	free(f);
}

void
fault_clear(struct provider *p)
{
	while (p->faults != NULL) {
		struct fault *f = p->faults;

		p->faults = f->next;
		fault_free(f);
	}
}

size_t
fault_count(const struct provider *p)
{
	size_t n = 0;

	for (const struct fault *f = p->faults; f != NULL; f = f->next)
		n++;
	return n;
}

void
fault_json(const struct provider *p, struct buf *out)
{
	buf_adds(out, "[");
	for (const struct fault *f = p->faults; f != NULL; f = f->next)
		buf_addf(out, "%s{\"left\":%ld,\"after\":%ld,\"as\":%s}", f == p->faults ? "" : ",",
			 f->times, f->after,
			 json_object_to_json_string_ext(f->spec, JSON_C_TO_STRING_PLAIN));
	buf_adds(out, "]");
}

static bool
fits(const struct fault *f, const struct fault_subject *s)
{
	struct json_object *match = json_object_object_get(f->spec, "match"), *v = NULL;

	if (match == NULL)
		return true;
	if (json_object_object_get_ex(match, "stream", &v) &&
	    json_object_get_boolean(v) != s->stream)
		return false;
	if (json_object_object_get_ex(match, "path", &v) &&
	    strstr(s->path, json_object_get_string(v)) == NULL)
		return false;
	if (json_object_object_get_ex(match, "credential", &v) &&
	    (s->credential == NULL || strstr(s->credential, json_object_get_string(v)) == NULL))
		return false;
	if (json_object_object_get_ex(match, "model", &v) &&
	    (s->model == NULL || fnmatch(json_object_get_string(v), s->model, 0) != 0))
		return false;
	return true;
}

struct fault *
fault_take(struct provider *p, const struct fault_subject *s)
{
	for (struct fault *f = p->faults; f != NULL; f = f->next) {
		if (!fits(f, s))
			continue;
		if (f->after > 0) {
			f->after--;
			continue;
		}
		if (f->times > 0)
			f->times--;
		return f;
	}
	return NULL;
}

void
fault_done(struct provider *p, struct fault *f)
{
	struct fault **at = &p->faults;

	if (f->times != 0)
		return;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	fault_free(f);
}

bool
fault_refuse(struct provider *p)
{
	struct fault *f = p->faults;

	if (f == NULL || strcmp(f->row->name, "refuse") != 0 || f->after > 0 ||
	    json_object_object_get(f->spec, "match") != NULL)
		return false;
	if (f->times > 0)
		f->times--;
	fault_done(p, f);
	return true;
}

const char *
fault_name(const struct fault *f)
{
	return f->row->name;
}

void
fault_apply(const struct fault *f, struct answer *a)
{
	struct json_object *headers = json_object_object_get(f->spec, "headers");

	f->row->apply(f, a);
	if (a->strike.act != ACT_PACE && a->strike.act != ACT_PAUSE && a->strike.act != ACT_DRIP)
		a->delay_ms += number_of(f, "delay_ms", 0);
	for (size_t i = 0; headers != NULL && i < json_object_array_length(headers); i++) {
		struct json_object *pair = json_object_array_get_idx(headers, i);

		buf_addf(&a->headers, "%s: %s\r\n",
			 json_object_get_string(json_object_array_get_idx(pair, 0)),
			 json_object_get_string(json_object_array_get_idx(pair, 1)));
	}
}
