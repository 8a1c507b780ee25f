/* SPDX-License-Identifier: MIT */
#include "answer_openai.h"

#include <stdio.h>
#include <string.h>

#include "gpt.h"

static unsigned
habit(const struct answer *a, enum habit h)
{
	return a->provider->compat.set[h];
}

static void
word_or_null(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, ",\"%s\":", name);
	buf_jsons(out, value != NULL && value[0] != '\0' ? value : NULL);
}

void
openai_error_json(const struct answer *a, const char *type, const char *message, struct buf *out)
{
	unsigned form = habit(a, HABIT_ERRORS);

	if (form == ERRORS_FLAT)
		buf_adds(out, "{\"object\":\"error\",\"message\":");
	else if (form == ERRORS_TEXT)
		buf_adds(out, "{\"error\":");
	else
		buf_adds(out, "{\"error\":{\"message\":");
	buf_jsons(out, message);
	if (form == ERRORS_OPENAI || form == ERRORS_FLAT) {
		word_or_null(out, "type", type);
		word_or_null(out, "param", a->error_param);
	}
	if (form == ERRORS_OPENAI)
		word_or_null(out, "code", a->error_code);
	else if (form != ERRORS_TEXT)
		buf_addf(out, ",\"code\":%d", a->status);
	buf_adds(out, form == ERRORS_OPENAI || form == ERRORS_NUMBER ? "}}" : "}");
}

/* Responses: as its types have it, as it is seen (PROTOCOLS.md §10), or as the end of a response. */
static void
responses_error_event(const struct answer *a, const char *type, const char *message,
		      struct buf *out)
{
	unsigned how = habit(a, HABIT_ERROR_EVENTS);
	bool fails = how == ERROR_EVENTS_BESIDE;

	buf_adds(out, fails ? "event: response.failed\ndata: {\"type\":\"response.failed\","
			      "\"response\":{\"object\":\"response\",\"status\":\"failed\","
			      "\"error\":{"
			    : "event: error\ndata: {\"type\":\"error\",");
	if (how == ERROR_EVENTS_NAMED) {
		buf_adds(out, "\"error\":{\"type\":");
		buf_jsons(out, type);
		buf_adds(out, ",");
	}
	buf_adds(out, "\"message\":");
	buf_jsons(out, message);
	word_or_null(out, "code", a->error_code);
	word_or_null(out, "param", a->error_param);
	buf_adds(out, fails ? "}}" : how == ERROR_EVENTS_NAMED ? "}" : "");
	buf_addf(out, ",\"sequence_number\":%ld}\n\n", a->stream.sequence);
}

void
openai_error_event(const struct answer *a, const char *type, const char *message, const char *body,
		   struct buf *out)
{
	struct buf error = {0};
	unsigned how = habit(a, HABIT_ERROR_EVENTS);

	if (a->form == FORM_RESPONSES && body == NULL) {
		responses_error_event(a, type, message, out);
		return;
	}
	if (how == ERROR_EVENTS_NAMED)
		buf_adds(out, "event: error\n");
	buf_adds(out, "data: ");
	openai_error_json(a, type, message, &error);
	if (body != NULL) {
		buf_adds(out, body);
	} else if (how == ERROR_EVENTS_BESIDE) {
		buf_adds(
		    out,
		    "{\"id\":\"gen-simulated\",\"object\":\"chat.completion.chunk\",\"created\":"
		    "1,\"model\":\"simulated\",\"choices\":[{\"index\":0,\"delta\":{\"content\""
		    ":\"\"},\"finish_reason\":\"error\"}],");
		buf_adds(out, error.data + 1);
	} else {
		buf_adds(out, error.data);
	}
	buf_adds(out, "\n\n");
	buf_free(&error);
}

static void
model_json(struct buf *out, const char *id)
{
	buf_adds(out, "{\"id\":");
	buf_jsons(out, id);
	buf_adds(out, ",\"object\":\"model\",\"created\":1792540800,\"owned_by\":\"system\"}");
}

/* A server that takes any model shows two of its own. */
static const char *
shown(const struct answer *a, size_t i)
{
	static const char *const local[] = {"gpt-oss-20b", "qwen3-coder"};

	if (habit(a, HABIT_MODELS) == MODELS_ANY)
		return i < 2 ? local[i] : NULL;
	return gpt_at(i) != NULL ? gpt_at(i)->name : NULL;
}

void
openai_models(struct answer *a)
{
	buf_adds(&a->body, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; shown(a, i) != NULL; i++) {
		buf_adds(&a->body, i > 0 ? "," : "");
		model_json(&a->body, shown(a, i));
	}
	buf_adds(&a->body, "]}");
	answer_json(a, 200);
}

void
openai_model(struct answer *a, const char *id)
{
	char text[200];
	const char *name;

	for (size_t i = 0; (name = shown(a, i)) != NULL; i++)
		if (strcmp(name, id) == 0) {
			model_json(&a->body, id);
			answer_json(a, 200);
			return;
		}
	snprintf(text, sizeof(text), "The model '%.100s' does not exist", id);
	a->error_code = "model_not_found";
	a->error_param = "model";
	answer_error(a, 404, "invalid_request_error", text);
}
