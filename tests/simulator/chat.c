/* SPDX-License-Identifier: MIT */
#include "chat.h"

#include <stdio.h>
#include <string.h>

enum step {
	STEP_FIRST, /* what some send before anything else */
	STEP_ROLE,
	STEP_REASONING,
	STEP_TEXT,
	STEP_CALLS,
	STEP_FINISH,
	STEP_USAGE,
	STEP_DONE,
	STEP_OVER
};

static unsigned
habit(const struct say *s, enum habit h)
{
	return s->compat.set[h];
}

static const char *
finish_reason(const struct say *s)
{
	static const char *const names[][2] = {{"max_tokens", "length"},
					       {"model_context_window_exceeded", "length"},
					       {"tool_use", "tool_calls"},
					       {"refusal", "content_filter"}};

	if (s->calls_len > 0 && habit(s, HABIT_FINISH) == FINISH_STOP)
		return "stop";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i][0], s->stop_reason) == 0)
			return names[i][1];
	return "stop";
}

/* ---- parts that streams and JSON share ---- */

static void
usage_json(const struct say *s, struct buf *out)
{
	size_t written = s->cache_5m + s->cache_1h;
	size_t prompt = s->input_tokens + s->cache_read + written;

	buf_addf(out, "{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu",
		 prompt, s->output_tokens, prompt + s->output_tokens);
	if (habit(s, HABIT_CACHE) == CACHE_DETAILS)
		buf_addf(
		    out,
		    ",\"prompt_tokens_details\":{\"cached_tokens\":%zu,\"cache_write_tokens\":"
		    "%zu,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":"
		    "%d,\"audio_tokens\":0}",
		    s->cache_read, written, s->thinking != NULL ? 4 : 0);
	if (habit(s, HABIT_CACHE) == CACHE_HITS)
		buf_addf(out, ",\"prompt_cache_hit_tokens\":%zu,\"prompt_cache_miss_tokens\":%zu",
			 s->cache_read, prompt - s->cache_read);
	buf_adds(out, "}");
}

/* Reasoning under the server's name for it, a comma before it. */
static void
reasoning_json(const struct say *s, const char *text, size_t len, struct buf *out)
{
	unsigned name = habit(s, HABIT_REASONING);

	if (name == REASONING_CONTENT || name == REASONING_BOTH) {
		buf_adds(out, ",\"reasoning_content\":");
		buf_json(out, text, len);
	}
	if (name == REASONING_PLAIN || name == REASONING_BOTH) {
		buf_adds(out, ",\"reasoning\":");
		buf_json(out, text, len);
	}
}

static void
arguments_json(const struct say *s, const struct call *c, struct buf *out)
{
	buf_adds(out, "\"arguments\":");
	if (habit(s, HABIT_ARGUMENTS) == ARGUMENTS_OBJECT)
		buf_adds(out, c->input);
	else
		buf_jsons(out, habit(s, HABIT_ARGUMENTS) == ARGUMENTS_EMPTY ? "" : c->input);
}

/* {"index":…,"id":…,"type":"function" of call i, as far as the server says them; without the end. */
static void
call_head(const struct say *s, size_t i, bool first, bool streamed, struct buf *out)
{
	unsigned index = habit(s, HABIT_INDEX), ids = habit(s, HABIT_IDS);

	buf_adds(out, "{");
	if (streamed && index != INDEX_MISSING)
		buf_addf(out, "\"index\":%zu,",
			 index == INDEX_ZERO ? 0 : i + (index == INDEX_ONE ? 1 : 0));
	if ((first && ids != IDS_MISSING) || ids == IDS_REPEATED) {
		buf_adds(out, "\"id\":");
		buf_jsons(out, ids == IDS_EMPTY ? "" : s->calls[i].id);
		buf_adds(out, ",");
	}
	if (first)
		buf_adds(out, "\"type\":\"function\",");
	buf_adds(out, "\"function\":{");
	if (first || habit(s, HABIT_NAMES) == NAMES_REPEATED) {
		buf_adds(out, "\"name\":");
		buf_jsons(out, s->calls[i].name);
		buf_adds(out, ",");
	}
}

static void
call_whole(const struct say *s, size_t i, bool streamed, struct buf *out)
{
	call_head(s, i, true, streamed, out);
	arguments_json(s, &s->calls[i], out);
	buf_adds(out, "}}");
}

/* ---- chunks ---- */

static void
chunk_begin(const struct say *s, struct buf *out)
{
	buf_addf(out,
		 "data: {\"id\":\"%s\",\"object\":\"chat.completion.chunk\",\"created\":%lld,"
		 "\"model\":",
		 s->id, (long long)s->created);
	buf_jsons(out, s->model);
	buf_adds(out, ",\"system_fingerprint\":\"fp_simulated\",\"choices\":[");
}

/* OpenAI hides the lengths of its chunks; whoever is asked for usage says in all that it comes. */
static void
chunk_end(struct stream *s, bool usage, struct buf *out)
{
	bool each = habit(s->say, HABIT_USAGE) == USAGE_EACH;

	buf_adds(out, "]");
	if (usage || each) {
		buf_adds(out, ",\"usage\":");
		usage_json(s->say, out);
	} else if (s->say->wants_usage && habit(s->say, HABIT_USAGE) == USAGE_CHUNK) {
		buf_adds(out, ",\"usage\":null");
	}
	if (compat_is(&s->say->compat, "openai"))
		buf_adds(out, ",\"obfuscation\":\"sim\"");
	buf_adds(out, "}\n\n");
	s->told = s->told || usage;
}

/* A chunk with one choice; delta is its members, finish its reason or NULL. */
static void
chunk(struct stream *s, const struct buf *delta, const char *finish, bool usage, struct buf *out)
{
	chunk_begin(s->say, out);
	buf_adds(out, "{\"index\":0,\"delta\":{");
	buf_add(out, delta->data, delta->len);
	buf_adds(out, "},\"logprobs\":null,\"finish_reason\":");
	if (finish == NULL && habit(s->say, HABIT_FINISH) == FINISH_EMPTY)
		finish = "";
	buf_jsons(out, finish);
	buf_adds(out, "}");
	chunk_end(s, usage, out);
}

static void
plain_chunk(struct stream *s, const char *members, struct buf *out)
{
	struct buf delta = {0};

	buf_adds(&delta, members);
	chunk(s, &delta, NULL, false, out);
	buf_free(&delta);
}

static void
first(struct stream *s, struct buf *out)
{
	if (habit(s->say, HABIT_FIRST) == FIRST_COMMENT)
		buf_adds(out, ": OPENROUTER PROCESSING\n\n");
	else
		buf_adds(out, "data: {\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\","
			      "\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_"
			      "results\":{}}],\"choices\":[]}\n\n");
}

/* Does the last piece of the text say the finish_reason, too? */
static bool
text_finishes(const struct say *s)
{
	return habit(s, HABIT_FINISH) == FINISH_WITH && s->calls_len == 0 && !s->empty &&
	       (s->text != NULL || s->words > 0);
}

/* The next piece of the reasoning or of the text; true when that was the last. */
static bool
piece(struct stream *s, struct buf *out)
{
	const struct say *say = s->say;
	bool thinks = s->step == STEP_REASONING;
	const char *text = thinks ? say->thinking : say->text;
	char word[STREAM_WORD_MAX];
	struct buf delta = {0};
	size_t len;
	bool last;

	if (!thinks && say->words > 0) {
		text = word;
		len = stream_word(s, word);
		last = s->word >= say->words;
	} else {
		text += s->at;
		len = stream_piece(thinks ? say->thinking : say->text, s->at);
		s->at += len;
		last = text[len] == '\0';
	}
	if (thinks) {
		buf_adds(&delta, "\"content\":\"\"");
		reasoning_json(say, text, len, &delta);
	} else {
		buf_addf(&delta, "\"%s\":", say->refuses ? "refusal" : "content");
		buf_json(&delta, text, len);
	}
	chunk(s, &delta, last && !thinks && text_finishes(say) ? finish_reason(say) : NULL, false,
	      out);
	buf_free(&delta);
	s->at = last ? 0 : s->at;
	return last;
}

/* ---- calls ---- */

static void
call_chunk(struct stream *s, const struct buf *call, struct buf *out)
{
	struct buf delta = {0};

	buf_adds(&delta, "\"tool_calls\":[");
	buf_add(&delta, call->data, call->len);
	buf_adds(&delta, "]");
	chunk(s, &delta, NULL, false, out);
	buf_free(&delta);
}

static void
call_start(struct stream *s, size_t i, struct buf *out)
{
	struct buf call = {0};

	call_head(s->say, i, true, true, &call);
	buf_adds(&call, "\"arguments\":\"\"}}");
	call_chunk(s, &call, out);
	buf_free(&call);
	s->started++;
}

static void
call_piece(struct stream *s, size_t i, struct buf *out)
{
	const char *input = s->say->calls[i].input;
	size_t len = stream_piece(input, s->given[i]);
	struct buf call = {0};

	call_head(s->say, i, false, true, &call);
	buf_adds(&call, "\"arguments\":");
	buf_json(&call, input + s->given[i], len);
	buf_adds(&call, "}}");
	call_chunk(s, &call, out);
	buf_free(&call);
	s->given[i] += len;
}

/* The call whose arguments go on; with turns, the one behind the last that did. */
static size_t
next_call(const struct stream *s)
{
	const struct say *say = s->say;
	bool turns = habit(say, HABIT_CALLS) == CALLS_INTERLEAVED;

	for (size_t k = 0; k < say->calls_len; k++) {
		size_t i = turns ? (s->call + k) % say->calls_len : k;

		if (say->calls[i].input[s->given[i]] != '\0')
			return i;
	}
	return say->calls_len;
}

/* True when that was the last chunk of the calls. */
static bool
calls(struct stream *s, enum place *place, struct buf *out)
{
	const struct say *say = s->say;
	struct buf call = {0};
	size_t i;

	if (habit(say, HABIT_CALLS) == CALLS_WHOLE ||
	    habit(say, HABIT_ARGUMENTS) != ARGUMENTS_TEXT) {
		call_whole(say, s->call++, true, &call);
		call_chunk(s, &call, out);
		buf_free(&call);
		*place = PLACE_TOOL;
		return s->call == say->calls_len;
	}
	i = next_call(s);
	if (s->started < say->calls_len &&
	    (habit(say, HABIT_CALLS) == CALLS_INTERLEAVED || i == s->started)) {
		call_start(s, s->started, out);
		*place = PLACE_TOOL_START;
		return false;
	}
	call_piece(s, i, out);
	s->call = i + 1;
	*place = PLACE_TOOL;
	return next_call(s) == say->calls_len;
}

/* ---- the end ---- */

static void
finish(struct stream *s, struct buf *out)
{
	struct buf nothing = {0}, whole = {0};

	chunk(s, &nothing, finish_reason(s->say), habit(s->say, HABIT_USAGE) == USAGE_BESIDE,
	      &whole);
	if (habit(s->say, HABIT_USAGE) == USAGE_GROQ) {
		whole.len -= strlen("}\n\n");
		buf_adds(&whole, ",\"x_groq\":{\"id\":\"req_simulated\",\"usage\":");
		usage_json(s->say, &whole);
		buf_adds(&whole, "}}\n\n");
		s->told = true;
	}
	s->told = s->told || habit(s->say, HABIT_USAGE) == USAGE_EACH;
	buf_add(out, whole.data, whole.len);
	buf_free(&whole);
}

static void
usage_chunk(struct stream *s, struct buf *out)
{
	struct buf delta = {0};

	if (habit(s->say, HABIT_USAGE) == USAGE_WITH_DELTA) {
		buf_adds(&delta, "\"role\":\"assistant\",\"content\":\"\"");
		chunk(s, &delta, NULL, true, out);
		buf_free(&delta);
		return;
	}
	chunk_begin(s->say, out);
	chunk_end(s, true, out);
}

/* ---- the order of it all ---- */

static bool
has_step(const struct say *s, int step)
{
	unsigned usage = habit(s, HABIT_USAGE);

	switch (step) {
	case STEP_FIRST:
		return habit(s, HABIT_FIRST) != FIRST_ROLE;
	case STEP_REASONING:
		return s->thinking != NULL && !s->empty;
	case STEP_TEXT:
		return (s->text != NULL || s->words > 0) && !s->empty;
	case STEP_CALLS:
		return s->calls_len > 0 && !s->empty;
	case STEP_FINISH:
		return habit(s, HABIT_FINISH) != FINISH_NEVER && !text_finishes(s);
	case STEP_USAGE:
		return s->wants_usage && (usage == USAGE_CHUNK || usage == USAGE_WITH_DELTA);
	case STEP_DONE:
		return habit(s, HABIT_DONE) != DONE_NEVER;
	default:
		return true;
	}
}

static int
step_from(const struct say *s, int step)
{
	while (step < STEP_OVER && !has_step(s, step))
		step++;
	return step;
}

bool
chat_next(struct stream *s, struct buf *out, enum place *place)
{
	bool stay = false;

	s->step = step_from(s->say, s->step);
	*place = PLACE_NONE;
	switch (s->step) {
	case STEP_FIRST:
		first(s, out);
		break;
	case STEP_ROLE:
		plain_chunk(s, "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null", out);
		*place = PLACE_MESSAGE_START;
		break;
	case STEP_REASONING:
	case STEP_TEXT:
		*place = s->step == STEP_TEXT ? PLACE_TEXT : PLACE_THINKING;
		stay = !piece(s, out);
		break;
	case STEP_CALLS:
		stay = !calls(s, place, out);
		break;
	case STEP_FINISH:
		finish(s, out);
		*place = PLACE_MESSAGE_DELTA;
		break;
	case STEP_USAGE:
		usage_chunk(s, out);
		*place = PLACE_USAGE;
		break;
	case STEP_DONE:
		buf_adds(out, "data: [DONE]\n\n");
		*place = PLACE_END;
		break;
	default:
		return false;
	}
	if (!stay)
		s->step = step_from(s->say, s->step + 1);
	return true;
}

bool
chat_over(const struct stream *s)
{
	return s->step >= STEP_OVER;
}

/* ---- JSON ---- */

static void
content_json(const struct say *s, struct buf *out)
{
	struct buf words = {0};
	const char *text = s->empty ? NULL : s->text;

	for (long i = 1; i <= s->words && !s->empty; i++)
		buf_addf(&words, "w%ld ", i);
	text = words.len > 0 ? words.data : text;
	buf_adds(out, "\"content\":");
	if (text != NULL && !s->refuses && habit(s, HABIT_CONTENT) == CONTENT_PARTS) {
		buf_adds(out, "[{\"type\":\"text\",\"text\":");
		buf_jsons(out, text);
		buf_adds(out, "}]");
	} else {
		buf_jsons(out, s->refuses ? NULL : text);
	}
	buf_adds(out, ",\"refusal\":");
	buf_jsons(out, s->refuses ? text : NULL);
	buf_free(&words);
}

static void
message_json(const struct say *s, struct buf *out)
{
	buf_adds(out, "{\"role\":\"assistant\",");
	content_json(s, out);
	if (s->thinking != NULL && !s->empty)
		reasoning_json(s, s->thinking, strlen(s->thinking), out);
	if (s->calls_len > 0 && !s->empty) {
		buf_adds(out, ",\"tool_calls\":[");
		for (size_t i = 0; i < s->calls_len; i++) {
			buf_adds(out, i > 0 ? "," : "");
			call_whole(s, i, false, out);
		}
		buf_adds(out, "]");
	}
	buf_adds(out, ",\"annotations\":[]}");
}

void
chat_json(const struct say *s, struct buf *out)
{
	buf_addf(out,
		 "{\"id\":\"%s\",\"object\":\"chat.completion\",\"created\":%lld,\"model\":", s->id,
		 (long long)s->created);
	buf_jsons(out, s->model);
	buf_adds(out, ",\"choices\":[{\"index\":0,\"message\":");
	message_json(s, out);
	buf_addf(out, ",\"logprobs\":null,\"finish_reason\":\"%s\"}]", finish_reason(s));
	if (habit(s, HABIT_USAGE) != USAGE_NEVER) {
		buf_adds(out, ",\"usage\":");
		usage_json(s, out);
	}
	buf_adds(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_simulated\"}");
}
