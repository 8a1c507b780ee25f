/* SPDX-License-Identifier: MIT */
#include "operator/self_test.h"

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "route/replies.h"
#include "json/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct self_test {
	struct client *client;
	struct timer timer;
	int64_t start_ms;
	unsigned events; /* sent so far */
	bool is_silent;  /* counted in app->silent_self_tests */
};

static void
send_event(struct self_test *t, const char *name, json_object *data)
{
	struct reply *reply = &t->client->reply;
	struct buf text;
	char head[64];
	buf_init(&text, ERROR_TEXT_MAX);
	/* Out of memory: {}, since a part could be taken for the whole. */
	bool written = data != NULL && tree_write(data, &text);
	t->events++;
	int n = snprintf(head, sizeof head, "event: %s\ndata: ", name);
	reply_body(reply, head, (size_t)n);
	reply_body(reply, written ? text.data : "{}", written ? text.len : 2);
	reply_body(reply, "\n\n", 2);
	buf_free(&text);
	json_object_put(data);
}

static json_object *
event_data(const struct self_test *t)
{
	json_object *o = json_object_new_object();
	tree_put(o, "at_ms", json_object_new_int64(clock_steady_ms() - t->start_ms));
	return o;
}

/* Names and numbers only: no secret of the client is repeated. */
static json_object *
what_arrived(const struct self_test *t)
{
	const struct client *client = t->client;
	const struct request *r = &client->request;
	bool authorized = headers_find(&r->headers, "authorization") != NULL;
	json_object *o = event_data(t);
	tree_put(o, "version", json_object_new_string(PACKAGE_VERSION));
	tree_put(o, "pid", json_object_new_int64(getpid()));
	tree_put(o, "body_bytes", json_object_new_int64((int64_t)r->body.len));
	tree_put(o, "authorization", json_object_new_boolean(authorized));
	tree_put(o, "address", json_object_new_string(r->address));
	tree_put(o, "silences", json_object_new_int64(client->app->silent_self_tests));
	return o;
}

static void
end_silence(struct self_test *t)
{
	if (t->is_silent)
		t->client->app->silent_self_tests--;
	t->is_silent = false;
}

static void
wait_for(struct self_test *t, int64_t in_ms)
{
	if (!loop_after(t->client->app->loop, &t->timer, in_ms))
		reply_end(&t->client->reply);
}

static void
tick(struct timer *timer)
{
	struct self_test *t = CONTAINER_OF(timer, struct self_test, timer);
	end_silence(t);
	send_event(t, "tick", event_data(t));
	if (t->events < SELF_TEST_EVENTS)
		wait_for(t, SELF_TEST_TICK_MS);
	else
		reply_end(&t->client->reply);
}

static void
log_self_test(const struct client *client)
{
	const struct log_field fields[] = {
	    LOG_TEXT("id", client->request.id),
	    LOG_TEXT("client", client->request.address),
	    LOG_NUMBER("silence", client->request.silence_s),
	    LOG_NUMBER("bytes", (int64_t)client->request.body.len),
	};
	log_fields(LOG_DEBUG, "self_test", fields, COUNT(fields));
}

static void
aborted(void *handling)
{
	struct self_test *t = handling;
	end_silence(t);
	loop_cancel(t->client->app->loop, &t->timer);
	free(t);
}

static const struct handler handler = {.aborted = aborted};

void
self_test_start(struct client *client)
{
	uint32_t silence_s = client->request.silence_s;
	if (silence_s > 0 && client->app->silent_self_tests >= SELF_TESTS_SILENT_MAX) {
		client_refuse(client, 503, REPLY_RETRY_LINE, "api_error",
			      "Too many self-tests are running. Try again later.");
		return;
	}
	struct self_test *t = calloc(1, sizeof *t);
	if (t == NULL) {
		replies_out_of_memory(client);
		return;
	}
	*t = (struct self_test){.client = client, .timer.due = tick, .start_ms = clock_steady_ms()};
	client->handler = &handler;
	client->handling = t;
	log_self_test(client);
	reply_head(&client->reply, 200, REPLY_STREAM_LINES);
	send_event(t, "request", what_arrived(t));
	t->is_silent = silence_s > 0;
	client->app->silent_self_tests += t->is_silent;
	wait_for(t, silence_s > 0 ? (int64_t)silence_s * 1000 : SELF_TEST_TICK_MS);
}
