/* SPDX-License-Identifier: MIT */
/* Replied: the last word of an exchange to its client, and the log's line of it. */
#include "base/clock.h"
#include "base/log.h"
#include "dialect/dialect.h"
#include "route/catalogue.h"
#include "route/exchange_impl.h"
#include "route/no_provider.h"
#include "route/outcome.h"

#include <stdio.h>
#include <string.h>

enum {
	LINGER_FOR_MS = 1000, /* an answer's transport may take so long to end after the answer */
	STATUS_LEFT = 499, /* nginx's word for a client that went away, known to who reads logs */
};

static const char *
provider_name(const struct exchange *x)
{
	return x->target.provider == NULL ? "none" : x->target.provider->name;
}

/* Whose account the operator pays for it; "": it costs nothing beyond the plan, or
 * the client pays by itself. */
static const char *
billed_to(const struct exchange *x, int status)
{
	const struct target *t = &x->target;
	bool is_billed = t->provider != NULL && t->provider->paid && t->stored && status < 400;
	return is_billed ? t->provider->name : "";
}

/* BEHAVIOUR 10: one line a request; what is not known is left out. */
static void
write_log(const struct exchange *x, int status)
{
	const struct request *r = x->request;
	const struct stream *s = &x->relay.stream;
	struct log_field fields[] = {
	    LOG_TEXT("id", r->id),
	    LOG_TEXT("client", request_client(r)),
	    LOG_TEXT("address", r->client[0] == '\0' ? "" : r->address),
	    LOG_TEXT("path", r->path),
	    LOG_TEXT("model", r->message.model),
	    LOG_TEXT("sent_model", x->target.model),
	    LOG_TEXT("provider", provider_name(x)),
	    LOG_TEXT("passed", x->passed),
	    LOG_TEXT("billed_to", billed_to(x, status)),
	    LOG_TEXT("attempts", buf_text(&x->trail)),
	    LOG_NUMBER("status", status),
	    LOG_NUMBER("bytes", (int64_t)x->client->reply.bytes),
	    LOG_NUMBER("first_ms", x->first_ms),
	    LOG_NUMBER("ms", clock_steady_ms() - x->start_ms),
	    LOG_NUMBER("input_tokens", x->relay_begun ? s->input_tokens : -1),
	    LOG_NUMBER("output_tokens", x->relay_begun ? s->output_tokens : -1),
	    LOG_TEXT("mended", stream_mend_name(x->mend)),
	};
	size_t n = 0;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		const struct log_field *f = &fields[i];
		if (f->text == NULL ? f->number >= 0 : f->text[0] != '\0')
			fields[n++] = *f;
	}
	log_fields(LOG_INFO, "request", fields, n);
}

static void
count(const struct exchange *x, int status)
{
	bool is_ours = strcmp(x->client->reply.provider, "none") == 0;
	struct outcome_count_request r = {
	    .provider = is_ours && status != STATUS_LEFT ? NULL : x->target.provider,
	    .ending = status == STATUS_LEFT ? REQUEST_ABORTED
		      : status >= 400       ? REQUEST_ERROR
		      : x->is_cut           ? REQUEST_CUT
					    : REQUEST_OK,
	    .first_byte_ms =
		x->first_ms == -1 ? -1 : x->start_ms + x->first_ms - x->target.start_ms,
	    .ms = clock_steady_ms() - x->start_ms,
	};
	if (!x->quiet)
		outcome_count_request(x->app->state, &r);
}

static void
be_freed(struct exchange *x)
{
	exchange_free(x);
}

/* The reply is written. A provider's connection stays warm only if its
 * transport comes to an end, which mostly is a matter of a turn. */
static void
end(struct exchange *x, int status)
{
	enum ending ending;
	write_log(x, status);
	count(x, status);
	x->phase = EXCHANGE_ENDED;
	x->client->exchange = NULL;
	x->client = NULL;
	x->request = NULL;
	loop_cancel(x->app->loop, &x->watch);
	/* libcurl must not go on to send a body that is freed with the client. */
	if (x->attempt != NULL && !attempt_ended(x->attempt, &ending) &&
	    !attempt_is_sent(x->attempt)) {
		attempt_free(x->attempt);
		x->attempt = NULL;
	}
	bool done = x->attempt == NULL || attempt_ended(x->attempt, &ending);
	x->next = be_freed;
	if (!loop_after(x->app->loop, &x->step, done ? 0 : LINGER_FOR_MS))
		x->next = NULL;
}

/* What the head says of us. */
static void
sign(struct exchange *x, const char *provider)
{
	if (x->first_ms == -1)
		x->first_ms = clock_steady_ms() - x->start_ms;
	x->client->reply.provider = provider;
	x->client->reply.attempts = x->attempts;
}

static void
reply_bytes(struct exchange *x, int status, const char *passed, const char *body, size_t n)
{
	struct buf lines;
	buf_init(&lines, 2 * RESPONSE_HEAD_FORWARDED_MAX);
	sign(x, provider_name(x));
	if (buf_puts(&lines, "content-type: application/json\r\n") && buf_puts(&lines, passed))
		reply_whole(&x->client->reply, status, lines.data, body, n);
	else
		reply_whole(&x->client->reply, status = 503, "retry-after: 2\r\n", "", 0);
	buf_free(&lines);
	end(x, status);
}

void
close_with_error(struct exchange *x, int status, const char *lines, const char *type,
		 const char *message)
{
	sign(x, "none");
	reply_error(&x->client->reply, status, lines, type, message, x->request->id);
	end(x, status);
}

void
close_no_provider(struct exchange *x, const struct plan *plan)
{
	struct no_provider e;
	char last[HEALTH_TEXT_MAX + PROVIDER_NAME_MAX + 4] = "";
	if (x->verdict.row != NULL)
		snprintf(last, sizeof last, "%s, %s", provider_name(x), x->verdict.why);
	no_provider_init(&e);
	const struct no_provider_query ask = {
	    .plan = plan,
	    .last = last,
	    .spent = x->attempts >= ATTEMPTS_MAX || exchange_remaining_ms(x) <= 0 ||
		     (x->verdict.row != NULL && x->verdict.status == 0),
	    .limited = x->verdict.row != NULL && x->verdict.kind == VERDICT_COOL,
	    .login = x->request->login != NULL,
	    .now_ms = clock_wall_ms(),
	};
	no_provider_reply(&e, &ask);
	close_with_error(x, e.status, buf_text(&e.lines), e.type, buf_text(&e.message));
	no_provider_fini(&e);
}

void
close_with_kept(struct exchange *x)
{
	if (x->kept_status == 0) {
		close_with_error(x, 503, "retry-after: 2\r\n", "api_error",
				 "The provider's answer cannot be passed on.");
		return;
	}
	reply_bytes(x, x->kept_status, buf_text(&x->kept_lines), buf_text(&x->kept_body),
		    x->kept_body.len);
}

void
close_with_json(struct exchange *x, const char *json, size_t n)
{
	const struct response *response = attempt_response(x->attempt);
	const struct dialect *dialect = x->target.provider->dialect;
	struct buf marked;
	buf_init(&marked, 2 * (size_t)RESPONSE_JSON_MAX);
	if (dialect->decode_json == NULL || x->quiet)
		reply_bytes(x, response->status, buf_text(&response->passed), json, n);
	else if (dialect->decode_json(x->target.provider->name, json, n, &marked))
		reply_bytes(x, response->status, buf_text(&response->passed), marked.data,
			    marked.len);
	else
		close_with_error(x, 503, "retry-after: 2\r\n", "api_error", "Out of memory.");
	buf_free(&marked);
}

void
close_locally(struct exchange *x)
{
	const struct config *config = x->config;
	const struct route *route = &x->request->route;
	const char *lines = "";
	json_object *body;
	if (route->id == ROUTE_COUNT_TOKENS) {
		body = catalogue_estimate(&x->request->message);
		lines = "x-router-estimate: 1\r\n";
	} else {
		body = route->id == ROUTE_MODEL ? catalogue_model(config, route->argument)
						: catalogue_models(config);
	}
	if (body == NULL) {
		close_with_error(x, 404, "", "not_found_error", "No provider knows this model.");
		return;
	}
	sign(x, "none");
	reply_json(&x->client->reply, 200, lines, body);
	end(x, 200);
}

void
close_open_stream(struct exchange *x)
{
	const struct response *response = attempt_response(x->attempt);
	struct buf lines;
	buf_init(&lines, 2 * RESPONSE_HEAD_FORWARDED_MAX);
	/* nginx would gather events without X-Accel-Buffering: SERVERS.md. */
	sign(x, provider_name(x));
	bool told =
	    buf_puts(&lines, "content-type: text/event-stream\r\ncache-control: no-cache\r\n"
			     "x-accel-buffering: no\r\n") &&
	    buf_puts(&lines, buf_text(&response->passed));
	relay_open(&x->relay, &x->client->reply,
		   told ? lines.data : "content-type: text/event-stream\r\n");
	buf_free(&lines);
	attempt_forget_head(x->attempt);
}

void
close_stream(struct exchange *x)
{
	reply_end(&x->client->reply);
	end(x, 200);
}

void
close_aborted(struct exchange *x)
{
	write_log(x, STATUS_LEFT);
	count(x, STATUS_LEFT);
	x->client->exchange = NULL;
	exchange_free(x);
}
