/* SPDX-License-Identifier: MIT */
/* Errors of OpenAI's APIs in the client's form: PROTOCOLS.md 8, Errors. */

#include "base/caps.h"
#include "base/count.h"
#include "dialect/openai.h"
#include "dialect/openai_chunk.h"

#include <stdio.h>
#include <string.h>

static bool
contains(struct json_text text, const char *words)
{
	return text.len > 0 && memmem(text.at, text.len, words, strlen(words)) != NULL;
}

/* PROTOCOLS.md 1, Errors. A code is as it is in JSON: a status, or a word between quotes. */
static const struct {
	const char *code, *type;
} types[] = {
    {"400", "invalid_request_error"},
    {"401", "authentication_error"},
    {"402", "billing_error"},
    {"403", "permission_error"},
    {"404", "not_found_error"},
    {"413", "request_too_large"},
    {"422", "invalid_request_error"},
    {"429", "rate_limit_error"},
    {"503", "overloaded_error"},
    {"529", "overloaded_error"},
    {"\"insufficient_quota\"", "billing_error"},
    {"\"rate_limit_exceeded\"", "rate_limit_error"},
    {"\"context_length_exceeded\"", "invalid_request_error"},
    {"\"content_filter\"", "invalid_request_error"},
    {"\"invalid_prompt\"", "invalid_request_error"},
    {"\"model_not_found\"", "not_found_error"},
    {"\"invalid_api_key\"", "authentication_error"},
};

static const char *
type_of_code(struct json_text code)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (openai_is_word(code, types[i].code))
			return types[i].type;
	return NULL;
}

const char *
openai_error_type(const struct openai_failure *failure)
{
	const char *type = type_of_code(failure->code);
	if (type != NULL)
		return type;
	if (openai_is_word(failure->type, "invalid_request_error"))
		return "invalid_request_error";
	return openai_is_word(failure->type, "insufficient_quota") ? "billing_error" : "api_error";
}

/* Claude Code makes room in a conversation when it reads "prompt is too long": CLIENT.md 4. */
static bool
is_too_long(const struct openai_failure *failure)
{
	static const char *const words[] = {"maximum context length", "exceeds the context window",
					    "exceeds the available context size"};
	for (size_t i = 0; i < COUNT(words); i++)
		if (contains(failure->message, words[i]))
			return true;
	return openai_is_word(failure->code, "\"context_length_exceeded\"") ||
	       openai_is_word(failure->type, "exceed_context_size_error");
}

bool
openai_error_message(const struct openai_failure *failure, struct buf *out)
{
	if (is_too_long(failure) && !contains(failure->message, "prompt is too long") &&
	    !buf_puts(out, "prompt is too long: "))
		return false;
	if (failure->message.len == 0)
		return buf_puts(out, "The provider reports an error, and does not say which.");
	return buf_add(out, failure->message.at, failure->message.len);
}

bool
openai_fail(struct translation *t, const struct openai_failure *failure, struct buf *out)
{
	struct buf message;
	buf_init(&message, RESPONSE_ERROR_MAX);
	bool failed = openai_error_message(failure, &message) &&
		      translation_error(t, openai_error_type(failure), failure->code,
					(struct json_text){buf_text(&message), message.len}, out);
	buf_free(&message);
	return failed;
}

bool
openai_error(int status, const char *body, size_t n, struct buf *out)
{
	char number[16];
	struct openai_chunk chunk;
	bool is_object = openai_chunk_read(body, n, &chunk);
	if (!is_object || (!chunk.failure.is_error && chunk.failure.message.len == 0))
		return buf_add(out, body, n);
	int len = snprintf(number, sizeof number, "%d", status);
	const char *type = type_of_code((struct json_text){number, (size_t)len});
	return buf_printf(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"",
			  type != NULL ? type : openai_error_type(&chunk.failure)) &&
	       openai_error_message(&chunk.failure, out) && buf_puts(out, "\"}}");
}
