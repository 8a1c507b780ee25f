#include "sse.h"

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
	free(s->tool_id);
	free(s->tool_name);
	free(s->tool_input);
	free(s);
}

/* ---- events, PROTOCOLS.md §1 "SSE" ---- */

#define DATA(type) "event: " type "\ndata: {\"type\":\"" type "\""
#define END        "}\n\n"

static void
usage(const struct say *s, size_t output_tokens, struct buf *out)
{
	buf_addf(out,
		 "\"usage\":{\"input_tokens\":%zu,\"cache_creation_input_tokens\":0,\"cache_read_"
		 "input_tokens\":0,"
		 "\"output_tokens\":%zu}",
		 s->input_tokens, output_tokens);
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
	usage(s, 1, out);
	buf_adds(out, "}" END);
}

static void
block_start(const struct stream *s, const char *block, struct buf *out)
{
	buf_addf(out, DATA("content_block_start") ",\"index\":%d,\"content_block\":%s" END,
		 s->index, block);
}

static void
tool_start(const struct stream *s, struct buf *out)
{
	struct buf block = {0};

	buf_addf(&block, "{\"type\":\"tool_use\",\"id\":\"%s\",\"name\":", s->say->tool_id);
	buf_jsons(&block, s->say->tool_name);
	buf_adds(&block, ",\"input\":{}}");
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
	usage(s, s->output_tokens, out);
	buf_adds(out, END);
}

/* One word with the space behind it; a text of a single word is cut in two. */
static size_t
piece_len(const char *text, size_t at)
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
	size_t len = piece_len(text, s->at);

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

static bool
word(struct stream *s, struct buf *out)
{
	char text[64];
	int len = s->say->pace_ms == 0
		      ? snprintf(text, sizeof(text), "w%ld ", ++s->word)
		      : snprintf(text, sizeof(text), "w%ld@%lld ", ++s->word, clock_ns());

	delta(s, "text_delta", "text", text, (size_t)len, out);
	return s->word >= s->say->words;
}

enum step {
	STEP_MESSAGE_START,
	STEP_PING,
	STEP_THINKING_START,
	STEP_THINKING,
	STEP_SIGNATURE,
	STEP_THINKING_STOP,
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
step_after(const struct say *s, int step)
{
	step++;
	if (step == STEP_THINKING_START && (s->thinking == NULL || s->empty))
		step = STEP_TEXT_START;
	if (step == STEP_SIGNATURE && s->signature == NULL)
		step = STEP_THINKING_STOP;
	if (step == STEP_TEXT_START && ((s->text == NULL && s->words == 0) || s->empty))
		step = STEP_TOOL_START;
	if (step == STEP_TOOL_START && (s->tool_id == NULL || s->empty))
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
		*stay = !piece(s, "input_json_delta", "partial_json", s->say->tool_input, out);
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

	if (s->step >= STEP_OVER)
		return false;
	if (s->step >= STEP_THINKING_START && s->step <= STEP_THINKING_STOP)
		*place = thinking_step(s, &stay, out);
	else if (s->step >= STEP_TEXT_START && s->step <= STEP_TEXT_STOP)
		*place = text_step(s, &stay, out);
	else if (s->step >= STEP_TOOL_START && s->step <= STEP_TOOL_STOP)
		*place = tool_step(s, &stay, out);
	else
		*place = message_step(s, out);
	if (!stay)
		s->step = step_after(s->say, s->step);
	return true;
}

bool
stream_over(const struct stream *s)
{
	return s->step >= STEP_OVER;
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
	if (s->text != NULL || s->words > 0) {
		buf_adds(out, comma);
		text_json(s, out);
		comma = ",";
	}
	if (s->tool_id != NULL) {
		buf_addf(out, "%s{\"type\":\"tool_use\",\"id\":\"%s\",\"name\":", comma,
			 s->tool_id);
		buf_jsons(out, s->tool_name);
		buf_addf(out, ",\"input\":%s}", s->tool_input);
	}
}

void
say_json(const struct say *s, struct buf *out)
{
	buf_addf(out,
		 "{\"id\":\"%s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":", s->id);
	buf_jsons(out, s->model);
	buf_adds(out, ",\"content\":[");
	if (!s->empty)
		content_json(s, out);
	buf_addf(out, "],\"stop_reason\":\"%s\",\"stop_sequence\":null,", s->stop_reason);
	usage(s, s->output_tokens, out);
	buf_adds(out, "}");
}
