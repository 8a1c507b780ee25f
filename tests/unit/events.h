/* SPDX-License-Identifier: MIT */
/* A stream in Anthropic's form, judged with json-c's own parser (PROTOCOLS.md 1, SSE): whether it is one, and a short
 * text of it for tables. Shared by tests/unit/test_openai.c and tests/fuzz/fuzz_openai.c. */
#ifndef EVENTS_H
#define EVENTS_H

#include "base/buf.h"
#include "dialect/sse.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

struct events {
	const char *wrong; /* NULL: nothing so far */
	struct buf text;   /* "start M; 0 text; +Hi; stop; end end_turn in=9 out=2" */
	bool started, ended, has_end;
	int64_t next;       /* the index of the next block */
	bool open, is_call; /* a block is open … */
	char kind[32];
	bool has_signature, has_delta;
	struct buf arguments; /* of the open call */
};

static const char *
events_text(json_object *o, const char *name)
{
	json_object *value = NULL;
	return json_object_object_get_ex(o, name, &value) &&
		       json_object_is_type(value, json_type_string)
		   ? json_object_get_string(value)
		   : "";
}

static json_object *
events_get(json_object *o, const char *name)
{
	json_object *value = NULL;
	json_object_object_get_ex(o, name, &value);
	return value;
}

static void
events_wrong(struct events *e, const char *what)
{
	if (e->wrong == NULL)
		e->wrong = what;
}

#define EVENTS_SAY(e, ...) ((void)!buf_printf(&(e)->text, __VA_ARGS__))

static void
events_block_start(struct events *e, json_object *data)
{
	json_object *block = events_get(data, "content_block");
	const char *type = events_text(block, "type");
	if (e->open)
		events_wrong(e, "a block within a block");
	if (json_object_get_int64(events_get(data, "index")) != e->next)
		events_wrong(e, "a block's index");
	if (strcmp(type, "text") != 0 && strcmp(type, "thinking") != 0 &&
	    strcmp(type, "tool_use") != 0)
		events_wrong(e, "a block's type");
	snprintf(e->kind, sizeof e->kind, "%s", type);
	e->open = true;
	e->is_call = strcmp(type, "tool_use") == 0;
	e->has_signature = e->has_delta = false;
	buf_clear(&e->arguments);
	if (!e->is_call) {
		EVENTS_SAY(e, "%s; ", type);
		return;
	}
	const char *id = events_text(block, "id");
	if (*id == '\0' ||
	    id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] !=
		'\0')
		events_wrong(e, "a call's id");
	if (*events_text(block, "name") == '\0')
		events_wrong(e, "a call's name");
	EVENTS_SAY(e, "call %s %s; ", id, events_text(block, "name"));
}

static void
events_delta(struct events *e, json_object *data)
{
	static const char *const kinds[][3] = {{"text", "text_delta", "text"},
					       {"thinking", "thinking_delta", "thinking"},
					       {"thinking", "signature_delta", "signature"},
					       {"tool_use", "input_json_delta", "partial_json"}};
	json_object *delta = events_get(data, "delta");
	const char *type = events_text(delta, "type");
	size_t i = 0;
	while (i < 4 && (strcmp(kinds[i][1], type) != 0 || strcmp(kinds[i][0], e->kind) != 0))
		i++;
	if (!e->open || i == 4 || json_object_get_int64(events_get(data, "index")) != e->next) {
		events_wrong(e, "a delta");
		return;
	}
	if (e->has_signature)
		events_wrong(e, "a delta behind the signature");
	e->has_signature |= i == 2;
	e->has_delta = true;
	if (e->is_call)
		(void)!buf_puts(&e->arguments, events_text(delta, kinds[i][2]));
	EVENTS_SAY(e, "%s%s; ", i == 2 ? "=" : "+", events_text(delta, kinds[i][2]));
}

static void
events_block_stop(struct events *e, json_object *data)
{
	if (!e->open || json_object_get_int64(events_get(data, "index")) != e->next)
		events_wrong(e, "a stop");
	if (!e->has_delta)
		events_wrong(e, "an empty block");
	if (strcmp(e->kind, "thinking") == 0 && !e->has_signature)
		events_wrong(e, "thinking without a signature");
	e->open = false;
	e->next++;
}

static void
events_message_delta(struct events *e, json_object *data)
{
	json_object *usage = events_get(data, "usage"), *input = events_get(usage, "input_tokens");
	json_object *read = events_get(usage, "cache_read_input_tokens"),
		    *written = events_get(usage, "cache_creation_input_tokens");
	if (e->open || e->has_end)
		events_wrong(e, "a message_delta");
	if (!json_object_is_type(events_get(usage, "output_tokens"), json_type_int))
		events_wrong(e, "no output_tokens");
	e->has_end = true;
	EVENTS_SAY(e, "end %s", events_text(events_get(data, "delta"), "stop_reason"));
	if (input != NULL)
		EVENTS_SAY(e, " in=%lld", (long long)json_object_get_int64(input));
	if (read != NULL)
		EVENTS_SAY(e, " read=%lld", (long long)json_object_get_int64(read));
	if (written != NULL)
		EVENTS_SAY(e, " written=%lld", (long long)json_object_get_int64(written));
	EVENTS_SAY(e, " out=%lld",
		   (long long)json_object_get_int64(events_get(usage, "output_tokens")));
}

static void
events_take(struct events *e, const struct sse_event *event)
{
	json_object *data = json_tokener_parse(event->data);
	const char *type = events_text(data, "type");
	if (!json_object_is_type(data, json_type_object) || e->ended)
		events_wrong(e, e->ended ? "an event behind the end" : "data that is no JSON");
	if (e->started == (strcmp(type, "message_start") == 0) && strcmp(type, "error") != 0)
		events_wrong(e, "the beginning");
	if (strcmp(type, "message_start") == 0) {
		e->started = true;
		if (*events_text(events_get(data, "message"), "id") == '\0')
			events_wrong(e, "a message without an id");
		EVENTS_SAY(e, "start %s; ", events_text(events_get(data, "message"), "model"));
	} else if (strcmp(type, "content_block_start") == 0) {
		events_block_start(e, data);
	} else if (strcmp(type, "content_block_delta") == 0) {
		events_delta(e, data);
	} else if (strcmp(type, "content_block_stop") == 0) {
		events_block_stop(e, data);
	} else if (strcmp(type, "message_delta") == 0) {
		events_message_delta(e, data);
	} else if (strcmp(type, "message_stop") == 0) {
		if (!e->has_end)
			events_wrong(e, "a message_stop");
		e->ended = true;
	} else if (strcmp(type, "error") == 0) {
		json_object *error = events_get(data, "error");
		EVENTS_SAY(e, "error %s: %s", events_text(error, "type"),
			   events_text(error, "message"));
		e->ended = true;
	} else {
		events_wrong(e, "an unknown event");
	}
	json_object_put(data);
}

/* Judges a whole stream, or the beginning of one. To be ended by events_fini(). */
static void
events_read(struct events *e, const char *bytes, size_t n)
{
	struct sse sse;
	struct sse_event event;
	size_t at = 0;
	*e = (struct events){0};
	buf_init(&e->text, 256 * 1024 * 1024);
	buf_init(&e->arguments, 256 * 1024 * 1024);
	sse_init(&sse);
	for (; sse_next(&sse, bytes + at, n - at, &event) == SSE_EVENT; at += event.raw_len) {
		struct buf data;
		buf_init(&data, 256 * 1024 * 1024);
		(void)!buf_add(&data, event.data, event.data_len); /* with a NUL behind it */
		struct sse_event copy = event;
		copy.data = buf_text(&data);
		events_take(e, &copy);
		buf_free(&data);
	}
	if (at != n)
		events_wrong(e, "half an event");
	sse_fini(&sse);
}

static void
events_fini(struct events *e)
{
	buf_free(&e->text);
	buf_free(&e->arguments);
}

#endif
