/* SPDX-License-Identifier: MIT */
#include "fault_row.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gzip.h"
#include "limits.h"

const struct error *
fault_error(const struct fault *f, const struct answer *a)
{
	const struct error *e = &f->row->errors[a->provider->family];

	return e->status != 0 ? e : &f->row->errors[FAMILY_CLAUDE];
}

static void
retry_after(const struct fault *f, struct answer *a, const char *otherwise)
{
	const char *value = fault_text(f, "retry_after", otherwise);

	if (value != NULL)
		answer_header(a, "retry-after", "%s", value);
}

static void
say_error(const struct fault *f, struct answer *a, const char *text)
{
	const struct error *e = fault_error(f, a);
	const char *body = fault_text(f, "body", NULL);

	a->error_code = fault_text(f, "code", e->code);
	answer_error(a, (int)fault_number(f, "status", e->status), fault_text(f, "type", e->type),
		     fault_text(f, "message", text));
	a->error_code = NULL;
	if (body != NULL) {
		buf_clear(&a->body);
		buf_adds(&a->body, body);
	}
}

void
apply_error(const struct fault *f, struct answer *a)
{
	say_error(f, a, fault_error(f, a)->text);
	retry_after(f, a, NULL);
}

bool
fault_is_openai(const struct answer *a)
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

void
apply_throttle(const struct fault *f, struct answer *a)
{
	say_error(f, a, fault_error(f, a)->text);
	retry_after(f, a, "7");
}

/* PROTOCOLS.md §4: which window is rejected, the reset, the claim. */
void
apply_limit(const struct fault *f, struct answer *a)
{
	bool week = strcmp(f->row->name, "usage_limit_7d") == 0;

	if (fault_is_openai(a)) {
		openai_limit(f, a, week, 1000 * fault_number(f, "reset", 1800));
		return;
	}
	struct unified u = limits_healthy(fault_now_s());
	struct window *w = &u.windows[week ? 1 : 0];

	u.status = "rejected";
	u.claim = week ? "seven_day" : "five_hour";
	u.reset = fault_reset_s(f);
	*w = (struct window){
	    .name = w->name, .status = "rejected", .utilization = 1.0, .reset = u.reset};
	apply_error(f, a);
	limits_unified(a, &u);
	answer_header(a, "x-should-retry", "true");
}

void
apply_family_limit(const struct fault *f, struct answer *a)
{
	if (fault_is_openai(a)) { /* each of its limits is a model's */
		openai_limit(f, a, false, 1000 * fault_number(f, "reset", 1800));
		return;
	}
	struct unified u = limits_healthy(fault_now_s());
	const char *family = fault_text(f, "family", "7d_opus");
	char claim[64];

	snprintf(claim, sizeof(claim), "seven_day_%s",
		 strncmp(family, "7d_", 3) == 0 ? family + 3 : family);
	u.status = "rejected";
	u.claim = strcmp(family, "7d_oi") == 0 ? "seven_day_overage_included" : claim;
	u.reset = fault_reset_s(f);
	u.windows[2] = (struct window){
	    .name = family, .status = "rejected", .utilization = 1.0, .reset = u.reset};
	apply_error(f, a);
	limits_unified(a, &u);
}

void
apply_usage_text(const struct fault *f, struct answer *a)
{
	char text[80];

	snprintf(text, sizeof(text), "Claude AI usage limit reached|%lld",
		 (long long)fault_reset_s(f));
	say_error(f, a, text);
	retry_after(f, a, NULL);
}

void
apply_regain_text(const struct fault *f, struct answer *a)
{
	char text[160];
	time_t at = (time_t)fault_reset_s(f);
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text),
		 "You have reached your specified API usage limits. You will regain access on "
		 "%Y-%m-%d at %H:%M UTC.",
		 &tm);
	say_error(f, a, text);
	retry_after(f, a, NULL);
}

void
fault_plain(const struct fault *f, struct answer *a, int status, const char *content_type,
	    const char *body)
{
	answer_wipe(a);
	a->status = (int)fault_number(f, "status", status);
	a->framing = FRAMING_LENGTH;
	if (content_type != NULL)
		answer_header(a, "Content-Type", "%s", fault_text(f, "content_type", content_type));
	buf_adds(&a->body, fault_text(f, "body", body));
}

void
apply_html(const struct fault *f, struct answer *a)
{
	struct buf page = {0};
	int status = fault_error(f, a)->status;

	buf_addf(
	    &page,
	    "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"
	    "<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n",
	    fault_error(f, a)->text, fault_error(f, a)->text);
	fault_plain(f, a, status, "text/html", page.data);
	retry_after(f, a, NULL);
	buf_free(&page);
}

void
apply_empty(const struct fault *f, struct answer *a)
{
	fault_plain(f, a, 200, "application/json", "");
}

void
apply_empty_stream(const struct fault *f, struct answer *a)
{
	fault_plain(f, a, 200, "text/event-stream; charset=utf-8", "");
	a->framing = FRAMING_CHUNKED;
}

void
apply_redirect(const struct fault *f, struct answer *a)
{
	char home[80];
	const char *location;

	snprintf(home, sizeof(home), "http://127.0.0.1:%u/v1/messages",
		 provider_named("backup", 6)->plain.port);
	location = fault_text(f, "location", home);
	fault_plain(f, a, 302, "text/html", "<a href=\"elsewhere\">Found</a>.\n");
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

void
apply_gzip(const struct fault *f, struct answer *a)
{
	compress(f, a, true);
}

void
apply_gzip_half(const struct fault *f, struct answer *a)
{
	compress(f, a, false);
}

void
apply_raw(const struct fault *f, struct answer *a)
{
	struct json_object *wire = json_object_object_get(f->spec, "wire");

	fault_plain(f, a, 200, fault_text(f, "content_type", NULL), "");
	if (wire != NULL)
		buf_add(&a->wire, json_object_get_string(wire),
			(size_t)json_object_get_string_len(wire));
}
