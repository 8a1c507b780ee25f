/* SPDX-License-Identifier: MIT */
/* openai_*.c, responses*.c, translation*.c: a response of Chat Completions or Responses, and a
 * request for it. Whatever comes: the client sees a stream in Anthropic's form, or the beginning of one, the same however the bytes
 * are split; and JSON where JSON came. Whatever is asked: turns alternate, and results follow their
 * calls. */
#include "fuzz.h"

#include "dialect/dialect.h"
#include "json/tree.h"

#include "../unit/events.h"

/* Feeds the bytes in pieces; seed 0: at once. False: the stream could not go on. */
static bool
translate(const struct dialect *dialect, const char *bytes, size_t n, uint32_t seed,
	  struct buf *out)
{
	struct translation t;
	struct sse sse;
	struct sse_event event;
	struct buf held;
	bool done = true;
	translation_init(&t, "openai", (int64_t)n);
	sse_init(&sse);
	sse.named_only = true;
	buf_init(&held, SSE_EVENT_MAX);
	for (size_t at = 0; at < n && done;) {
		seed = seed * 1664525 + (seed == 0 ? 0 : 1013904223);
		size_t piece = seed == 0 ? n : 1 + (seed >> 16) % 23;
		piece = piece > n - at ? n - at : piece;
		MUST(buf_add(&held, bytes + at, piece));
		at += piece;
		while (done && sse_next(&sse, buf_text(&held), held.len, &event) == SSE_EVENT) {
			size_t raw_len = event.raw_len;
			done = dialect->translate_event(&t, &event, out);
			buf_drop(&held, raw_len);
		}
	}
	done = done && dialect->translate_end(&t, out);
	buf_free(&held);
	sse_fini(&sse);
	translation_fini(&t);
	return done;
}

static void
check_stream(const struct dialect *dialect, const char *bytes, size_t n)
{
	struct buf whole, split;
	struct events e;
	buf_init(&whole, 64 * n + 65536);
	buf_init(&split, 64 * n + 65536);
	bool done = translate(dialect, bytes, n, 0, &whole);
	MUST(done == translate(dialect, bytes, n, 1 + (uint32_t)n, &split));
	MUST(whole.len == split.len && memcmp(buf_text(&whole), buf_text(&split), whole.len) == 0);
	events_read(&e, buf_text(&whole), whole.len);
	if (done && e.wrong != NULL)
		fprintf(stderr, "%s\n%s\n", e.wrong, buf_text(&whole));
	MUST(!done || e.wrong == NULL);
	events_fini(&e);
	buf_free(&whole);
	buf_free(&split);
}

static void
check_json(const struct dialect *dialect, const char *json, size_t n)
{
	struct buf message, error;
	buf_init(&message, 64 * n + 65536);
	buf_init(&error, 64 * n + 65536);
	bool decoded = dialect->decode_json("openai", (int64_t)n, json, n, &message);
	MUST(dialect->decode_error(400, json, n, &error));
	json_object *tree = tree_read(json, n);
	if (tree != NULL) {
		json_object *a = tree_read(buf_text(&message), message.len);
		json_object *b = tree_read(buf_text(&error), error.len);
		MUST((!decoded || a != NULL) && b != NULL);
		json_object_put(a);
		json_object_put(b);
	}
	json_object_put(tree);
	buf_free(&message);
	buf_free(&error);
}

/* Whether the message before, or the results before it, belong to a call with that id. */
static bool
answers(json_object *messages, size_t i, const char *id)
{
	while (i > 0 && tree_is(json_object_array_get_idx(messages, i - 1), "role", "tool"))
		i--;
	json_object *before = i == 0 ? NULL : json_object_array_get_idx(messages, i - 1);
	json_object *calls = tree_get(before, "tool_calls");
	for (size_t k = 0; k < tree_count(calls); k++)
		if (tree_is(json_object_array_get_idx(calls, k), "id", id))
			return true;
	return false;
}

static void
check_messages(json_object *messages)
{
	const char *last = "";
	for (size_t i = 0; i < tree_count(messages); i++) {
		json_object *message = json_object_array_get_idx(messages, i);
		const char *role = tree_text(message, "role");
		bool is_result = strcmp(role, "tool") == 0;
		MUST(strcmp(role, "system") != 0 || i == 0);
		MUST(is_result || strcmp(role, last) != 0);
		MUST(!is_result || answers(messages, i, tree_text(message, "tool_call_id")));
		last = role;
	}
}

/* Which item with that type has that id; the number of items: none. */
static size_t
find(json_object *items, const char *type, const char *id)
{
	size_t i = 0;
	while (i < tree_count(items) &&
	       !(tree_is(json_object_array_get_idx(items, i), "type", type) &&
		 tree_is(json_object_array_get_idx(items, i), "call_id", id)))
		i++;
	return i;
}

static void
check_input(json_object *items)
{
	size_t n = tree_count(items);
	for (size_t i = 0; i < n; i++) {
		json_object *item = json_object_array_get_idx(items, i);
		json_object *next = i + 1 < n ? json_object_array_get_idx(items, i + 1) : NULL;
		const char *id = tree_text(item, "call_id");
		if (tree_is(item, "type", "function_call"))
			MUST(find(items, "function_call_output", id) < n);
		if (tree_is(item, "type", "function_call_output"))
			MUST(find(items, "function_call", id) < i);
		if (tree_is(item, "type", "reasoning"))
			MUST(next != NULL && !tree_is(next, "role", "user") &&
			     !tree_is(next, "type", "function_call_output") &&
			     *tree_text(item, "encrypted_content") != '\0');
	}
}

static void
check_request(const struct dialect *dialect, const char *body, size_t n)
{
	static const uint8_t key[DIGEST_KEY_SIZE] = {7};
	static const char *const models[] = {"gpt-6-sol", "qwen3"};
	struct message message;
	char error[ERROR_TEXT_MAX];
	for (size_t i = 0; i < 2 && message_read(body, n, &message, error); i++) {
		const struct handover handover = {.provider = "openai",
						  .model = models[i],
						  .body = body,
						  .body_len = n,
						  .message = &message,
						  .key = key,
						  .quirks = (unsigned)n};
		struct buf out;
		buf_init(&out, 64 * n + 65536);
		MUST(dialect->encode(&handover, &out) == HANDOVER_REWRITTEN);
		json_object *tree = tree_read(buf_text(&out), out.len);
		MUST(tree != NULL);
		check_messages(tree_get(tree, "messages"));
		check_input(tree_get(tree, "input"));
		json_object_put(tree);
		buf_free(&out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct dialect *const dialects[] = {&dialect_openai, &dialect_responses};
	char *bytes = fuzz_copy(data, n);
	for (size_t i = 0; i < 2; i++) {
		check_stream(dialects[i], bytes, n);
		check_json(dialects[i], bytes, n);
		check_request(dialects[i], bytes, n);
	}
	free(bytes);
	return 0;
}
