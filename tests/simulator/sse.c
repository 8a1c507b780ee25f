/* SPDX-License-Identifier: MIT */
#include "sse.h"

#include "chat.h"
#include "responses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *name;
	enum place place;
} places[] = {
    {"start", PLACE_START},
    {"half_head", PLACE_HALF_HEAD},
    {"head", PLACE_HEAD},
    {"message_start", PLACE_MESSAGE_START},
    {"ping", PLACE_PING},
    {"thinking_start", PLACE_THINKING_START},
    {"thinking", PLACE_THINKING},
    {"thinking_end", PLACE_THINKING_END},
    {"text_start", PLACE_TEXT_START},
    {"text", PLACE_TEXT},
    {"text_end", PLACE_TEXT_END},
    {"tool_start", PLACE_TOOL_START},
    {"tool", PLACE_TOOL},
    {"tool_end", PLACE_TOOL_END},
    {"message_delta", PLACE_MESSAGE_DELTA},
    {"usage", PLACE_USAGE},
    {"end", PLACE_END},
};

#define PLACES (sizeof(places) / sizeof(places[0]))

enum place
place_named(const char *name)
{
	for (size_t i = 0; i < PLACES; i++)
		if (strcmp(places[i].name, name) == 0)
			return places[i].place;
	return PLACE_NONE;
}

const char *
place_name(enum place at)
{
	for (size_t i = 0; i < PLACES; i++)
		if (places[i].place == at)
			return places[i].name;
	return at == PLACE_BYTES ? "bytes" : "none";
}

void
place_list(struct buf *out)
{
	for (size_t i = 0; i < PLACES; i++)
		buf_addf(out, "%s%s", i ? ", " : "", places[i].name);
}

const char *
say_stop_reason(const char *name)
{
	static const char *const known[] = {"end_turn",
					    "max_tokens",
					    "stop_sequence",
					    "pause_turn",
					    "refusal",
					    "tool_use",
					    "model_context_window_exceeded"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i], name) == 0)
			return known[i];
	return known[0];
}

void
say_free(struct say *s)
{
	if (s == NULL)
		return;
	free(s->id);
	free(s->model);
	free(s->thinking);
	free(s->signature);
	free(s->text);
	free(s->search_id);
	free(s->search_content);
	for (size_t i = 0; i < s->calls_len; i++) {
		free(s->calls[i].id);
		free(s->calls[i].name);
		free(s->calls[i].input);
	}
	free(s);
}

/* ---- events, PROTOCOLS.md §1 "SSE" ---- */

#define DATA(type) "event: " type "\ndata: {\"type\":\"" type "\""
#define END        "}\n\n"

enum usage_at { USAGE_START, USAGE_DELTA, USAGE_JSON };

/* Input by kinds, as far as this answer names them. */
static void
usage_input(const struct say *s, enum usage_at at, struct buf *out)
{
	size_t written = s->cache_5m + s->cache_1h;
	bool sums = s->telling == TELLS_SUM || (s->telling == TELLS_LATE && at == USAGE_START);

	if (at == USAGE_DELTA && s->telling == TELLS_ONCE)
		return;
	if (at == USAGE_DELTA && s->telling == TELLS_NULL) {
		buf_adds(out, "\"input_tokens\":null,\"cache_creation_input_tokens\":null,"
			      "\"cache_read_input_tokens\":null,");
		return;
	}
	if (sums) {
		buf_addf(out, "\"input_tokens\":%zu,", s->input_tokens + s->cache_read);
		return;
	}
	buf_addf(out,
		 "\"input_tokens\":%zu,\"cache_creation_input_tokens\":%zu,\"cache_read_"
		 "input_tokens\":%zu,",
		 s->input_tokens, written, s->cache_read);
	if (written > 0 && at != USAGE_DELTA)
		buf_addf(out,
			 "\"cache_creation\":{\"ephemeral_5m_input_tokens\":%zu,\"ephemeral_1h_"
			 "input_tokens\":%zu},",
			 s->cache_5m, s->cache_1h);
}

static void
usage(const struct say *s, enum usage_at at, struct buf *out)
{
	buf_adds(out, "\"usage\":{");
	usage_input(s, at, out);
	if (s->search_id != NULL && at != USAGE_START)
		buf_adds(out, "\"server_tool_use\":{\"web_search_requests\":1},");
	buf_addf(out, "\"output_tokens\":%zu}", at == USAGE_START ? 1 : s->output_tokens);
}

static void
message_start(const struct say *s, struct buf *out)
{
	buf_addf(out,
		 DATA("message_start") ",\"message\":{\"id\":\"%s\",\"type\":\"message\",\"role\":"
				       "\"assistant\",\"model\":",
		 s->id);
	buf_jsons(out, s->model);
	buf_adds(out, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,");
	usage(s, USAGE_START, out);
	buf_adds(out, "}" END);
}

static void
block_start(const struct stream *s, const char *block, struct buf *out)
{
	buf_addf(out, DATA("content_block_start") ",\"index\":%d,\"content_block\":%s" END,
		 s->index, block);
}

static void
call_json(const struct call *c, const char *input, struct buf *out)
{
	buf_adds(out, "{\"type\":\"tool_use\",\"id\":");
	buf_jsons(out, c->id);
	buf_adds(out, ",\"name\":");
	buf_jsons(out, c->name);
	buf_addf(out, ",\"input\":%s}", input);
}

/* ---- a web search: the call and what it found, whole (PROTOCOLS.md §1 "Blocks") ---- */

#define SEARCH_INPUT "{\"query\": \"simulated\"}"

static void
search_call_json(const struct say *s, const char *input, struct buf *out)
{
	buf_addf(out,
		 "{\"type\":\"server_tool_use\",\"id\":\"%s\",\"name\":\"web_search\",\"input\":"
		 "%s}",
		 s->search_id, input);
}

static void
search_result_json(const struct say *s, struct buf *out)
{
	buf_addf(out, "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"%s\",\"content\":%s}",
		 s->search_id, s->search_content);
}

static void
tool_start(const struct stream *s, struct buf *out)
{
	struct buf block = {0};

	call_json(&s->say->calls[s->call], "{}", &block);
	block_start(s, block.data, out);
	buf_free(&block);
}

static void
delta(const struct stream *s, const char *type, const char *field, const char *text, size_t len,
      struct buf *out)
{
	buf_addf(out,
		 DATA("content_block_delta") ",\"index\":%d,\"delta\":{\"type\":\"%s\",\"%s\":",
		 s->index, type, field);
	buf_json(out, text, len);
	buf_adds(out, "}" END);
}

static void
block_stop(struct stream *s, struct buf *out)
{
	buf_addf(out, DATA("content_block_stop") ",\"index\":%d" END, s->index);
	s->index++;
	s->at = 0;
}

static void
message_delta(const struct say *s, struct buf *out)
{
	buf_addf(
	    out,
	    DATA("message_delta") ",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null},",
	    s->stop_reason);
	usage(s, USAGE_DELTA, out);
	buf_adds(out, END);
}

/* One word with the space behind it; a text of a single word is cut in two. */
size_t
stream_piece(const char *text, size_t at)
{
	const char *space = strchr(text + at, ' ');
	size_t half = strlen(text) / 2;

	if (space != NULL)
		return (size_t)(space + 1 - (text + at));
	if (at > 0 || half == 0)
		return strlen(text + at);
	while (half > 1 && ((unsigned char)text[half] & 0xc0) == 0x80)
		half--;
	return half;
}

/* Sends the next piece of text; true when that was the last. */
static bool
piece(struct stream *s, const char *type, const char *field, const char *text, struct buf *out)
{
	size_t len = stream_piece(text, s->at);

	delta(s, type, field, text + s->at, len, out);
	s->at += len;
	return text[s->at] == '\0';
}

static long long
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

size_t
stream_word(struct stream *s, char text[static STREAM_WORD_MAX])
{
	return (size_t)(s->say->pace_ms == 0
			    ? snprintf(text, STREAM_WORD_MAX, "w%ld ", ++s->word)
			    : snprintf(text, STREAM_WORD_MAX, "w%ld@%lld ", ++s->word, clock_ns()));
}

static bool
word(struct stream *s, struct buf *out)
{
	char text[STREAM_WORD_MAX];
	size_t len = stream_word(s, text);

	delta(s, "text_delta", "text", text, len, out);
	return s->word >= s->say->words;
}

enum step {
	STEP_MESSAGE_START,
	STEP_PING,
	STEP_THINKING_START,
	STEP_THINKING,
	STEP_SIGNATURE,
	STEP_THINKING_STOP,
	STEP_SEARCH_START,
	STEP_SEARCH,
	STEP_SEARCH_STOP,
	STEP_FOUND,
	STEP_FOUND_STOP,
	STEP_TEXT_START,
	STEP_TEXT,
	STEP_TEXT_STOP,
	STEP_TOOL_START,
	STEP_TOOL_EMPTY,
	STEP_TOOL,
	STEP_TOOL_STOP,
	STEP_MESSAGE_DELTA,
	STEP_MESSAGE_STOP,
	STEP_OVER
};

/* The step after one that is done, leaving out the blocks that this message does not have. */
static int
step_after(struct stream *stream)
{
	const struct say *s = stream->say;
	int step = stream->step + 1;

	if (stream->step == STEP_TOOL_STOP && ++stream->call < s->calls_len)
		return STEP_TOOL_START;
	if (step == STEP_THINKING_START && (s->thinking == NULL || s->empty))
		step = STEP_SEARCH_START;
	if (step == STEP_SIGNATURE && s->signature == NULL)
		step = STEP_THINKING_STOP;
	if (step == STEP_SEARCH_START && (s->search_id == NULL || s->empty))
		step = STEP_TEXT_START;
	if (step == STEP_TEXT_START && ((s->text == NULL && s->words == 0) || s->empty))
		step = STEP_TOOL_START;
	if (step == STEP_TOOL_START && (s->calls_len == 0 || s->empty))
		step = STEP_MESSAGE_DELTA;
	return step;
}

static enum place
thinking_step(struct stream *s, bool *stay, struct buf *out)
{
	const struct say *say = s->say;

	switch (s->step) {
	case STEP_THINKING_START:
		/* Kimi's and DeepSeek's blocks start alike; the field is absent where no signature follows. */
		block_start(s,
			    say->signature
				? "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"
				: "{\"type\":\"thinking\",\"thinking\":\"\"}",
			    out);
		return PLACE_THINKING_START;
	case STEP_THINKING:
		*stay = !piece(s, "thinking_delta", "thinking", say->thinking, out);
		return PLACE_THINKING;
	case STEP_SIGNATURE:
		delta(s, "signature_delta", "signature", say->signature, strlen(say->signature),
		      out);
		return PLACE_NONE;
	default:
		block_stop(s, out);
		return PLACE_THINKING_END;
	}
}

static enum place
search_step(struct stream *s, struct buf *out)
{
	struct buf block = {0};

	if (s->step == STEP_SEARCH_START)
		search_call_json(s->say, "{}", &block);
	if (s->step == STEP_FOUND)
		search_result_json(s->say, &block);
	if (block.len > 0)
		block_start(s, block.data, out);
	else if (s->step == STEP_SEARCH)
		delta(s, "input_json_delta", "partial_json", SEARCH_INPUT, strlen(SEARCH_INPUT),
		      out);
	else
		block_stop(s, out);
	buf_free(&block);
	return PLACE_NONE;
}

static enum place
text_step(struct stream *s, bool *stay, struct buf *out)
{
	switch (s->step) {
	case STEP_TEXT_START:
		block_start(s, "{\"type\":\"text\",\"text\":\"\"}", out);
		return PLACE_TEXT_START;
	case STEP_TEXT:
		*stay = s->say->words > 0 ? !word(s, out)
					  : !piece(s, "text_delta", "text", s->say->text, out);
		return PLACE_TEXT;
	default:
		block_stop(s, out);
		return PLACE_TEXT_END;
	}
}

static enum place
tool_step(struct stream *s, bool *stay, struct buf *out)
{
	switch (s->step) {
	case STEP_TOOL_START:
		tool_start(s, out);
		return PLACE_TOOL_START;
	case STEP_TOOL_EMPTY:
		delta(s, "input_json_delta", "partial_json", "", 0, out);
		return PLACE_NONE;
	case STEP_TOOL:
		*stay = !piece(s, "input_json_delta", "partial_json", s->say->calls[s->call].input,
			       out);
		return PLACE_TOOL;
	default:
		block_stop(s, out);
		return PLACE_TOOL_END;
	}
}

static enum place
message_step(struct stream *s, struct buf *out)
{
	switch (s->step) {
	case STEP_MESSAGE_START:
		message_start(s->say, out);
		return PLACE_MESSAGE_START;
	case STEP_PING:
		buf_adds(out, DATA("ping") END);
		return PLACE_PING;
	case STEP_MESSAGE_DELTA:
		message_delta(s->say, out);
		s->told = true;
		return PLACE_MESSAGE_DELTA;
	default:
		buf_adds(out, DATA("message_stop") END);
		return PLACE_END;
	}
}

bool
stream_next(struct stream *s, struct buf *out, enum place *place)
{
	bool stay = false;

	if (s->say->form == FORM_CHAT)
		return chat_next(s, out, place);
	if (s->say->form == FORM_RESPONSES)
		return responses_next(s, out, place);
	if (s->step >= STEP_OVER)
		return false;
	if (s->step >= STEP_THINKING_START && s->step <= STEP_THINKING_STOP)
		*place = thinking_step(s, &stay, out);
	else if (s->step >= STEP_SEARCH_START && s->step <= STEP_FOUND_STOP)
		*place = search_step(s, out);
	else if (s->step >= STEP_TEXT_START && s->step <= STEP_TEXT_STOP)
		*place = text_step(s, &stay, out);
	else if (s->step >= STEP_TOOL_START && s->step <= STEP_TOOL_STOP)
		*place = tool_step(s, &stay, out);
	else
		*place = message_step(s, out);
	if (!stay)
		s->step = step_after(s);
	return true;
}

bool
stream_over(const struct stream *s)
{
	return s->say->form == FORM_CHAT        ? chat_over(s)
	       : s->say->form == FORM_RESPONSES ? responses_over(s)
						: s->step >= STEP_OVER;
}

/* ---- PROTOCOLS.md §1 "Response" ---- */

static void
text_json(const struct say *s, struct buf *out)
{
	struct buf words = {0};

	for (long i = 1; i <= s->words; i++)
		buf_addf(&words, "w%ld ", i);
	buf_adds(out, "{\"type\":\"text\",\"text\":");
	buf_jsons(out, s->words > 0 ? words.data : s->text);
	buf_adds(out, "}");
	buf_free(&words);
}

static void
content_json(const struct say *s, struct buf *out)
{
	const char *comma = "";

	if (s->thinking != NULL) {
		buf_adds(out, "{\"type\":\"thinking\",\"thinking\":");
		buf_jsons(out, s->thinking);
		if (s->signature != NULL) {
			buf_adds(out, ",\"signature\":");
			buf_jsons(out, s->signature);
		}
		buf_adds(out, "}");
		comma = ",";
	}
	if (s->search_id != NULL) {
		buf_adds(out, comma);
		search_call_json(s, SEARCH_INPUT, out);
		buf_adds(out, ",");
		search_result_json(s, out);
		comma = ",";
	}
	if (s->text != NULL || s->words > 0) {
		buf_adds(out, comma);
		text_json(s, out);
		comma = ",";
	}
	for (size_t i = 0; i < s->calls_len; i++) {
		buf_adds(out, comma);
		call_json(&s->calls[i], s->calls[i].input, out);
		comma = ",";
	}
}

void
say_json(const struct say *s, struct buf *out)
{
	if (s->form != FORM_MESSAGES) {
		(s->form == FORM_CHAT ? chat_json : responses_json)(s, out);
		return;
	}
	buf_addf(out,
		 "{\"id\":\"%s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":", s->id);
	buf_jsons(out, s->model);
	buf_adds(out, ",\"content\":[");
	if (!s->empty)
		content_json(s, out);
	buf_addf(out, "],\"stop_reason\":\"%s\",\"stop_sequence\":null,", s->stop_reason);
	usage(s, USAGE_JSON, out);
	buf_adds(out, "}");
}
