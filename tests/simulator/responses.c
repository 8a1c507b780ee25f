/* SPDX-License-Identifier: MIT */
#include "responses.h"

#include <stdio.h>
#include <string.h>

enum step {
	STEP_CREATED,
	STEP_PROGRESS,
	STEP_REASONING_ADDED, /* its item, … */
	STEP_SUMMARY_ADDED,   /* … a part of its summary, … */
	STEP_SUMMARY,
	STEP_SUMMARY_TEXT_DONE,
	STEP_SUMMARY_DONE,
	STEP_REASONING_DONE,
	STEP_MESSAGE_ADDED,
	STEP_CONTENT_ADDED,
	STEP_TEXT,
	STEP_TEXT_DONE,
	STEP_CONTENT_DONE,
	STEP_MESSAGE_DONE,
	STEP_CALL_ADDED, /* for each call */
	STEP_CALL,
	STEP_ARGUMENTS_DONE,
	STEP_CALL_DONE,
	STEP_END,
	STEP_OVER
};

/* ---- items ---- */

static bool
reasons(const struct say *s)
{
	return s->thinking != NULL && !s->empty;
}

static bool
speaks(const struct say *s)
{
	return (s->text != NULL || s->words > 0) && !s->empty;
}

static size_t
calls_of(const struct say *s)
{
	return s->empty ? 0 : s->calls_len;
}

/* The number that an item has in the output. */
static size_t
index_of(const struct say *s, int step, size_t call)
{
	if (step < STEP_MESSAGE_ADDED)
		return 0;
	return (reasons(s) ? 1 : 0) + (step < STEP_CALL_ADDED ? 0 : (speaks(s) ? 1 : 0) + call);
}

/* The answer's own number, behind the last "_" of its id. */
static const char *
number_of(const struct say *s)
{
	const char *at = strrchr(s->id, '_');

	return at != NULL ? at + 1 : s->id;
}

static void
item_id(const struct say *s, int step, size_t call, struct buf *out)
{
	if (step < STEP_MESSAGE_ADDED)
		buf_addf(out, "\"rs_openai_%s\"", number_of(s));
	else if (step < STEP_CALL_ADDED)
		buf_addf(out, "\"msg_openai_%s\"", number_of(s));
	else
		buf_addf(out, "\"fc_openai_%s_%zu\"", number_of(s), call);
}

static void
text_json(const struct say *s, struct buf *out)
{
	struct buf words = {0};

	for (long i = 1; i <= s->words; i++)
		buf_addf(&words, "w%ld ", i);
	buf_jsons(out, s->words > 0 ? words.data : s->text);
	buf_free(&words);
}

static void
summary_part(const struct say *s, bool done, struct buf *out)
{
	buf_adds(out, "{\"type\":\"summary_text\",\"text\":");
	buf_jsons(out, done ? s->thinking : "");
	buf_adds(out, "}");
}

static void
content_part(const struct say *s, bool done, struct buf *out)
{
	buf_adds(out, s->refuses ? "{\"type\":\"refusal\",\"refusal\":"
				 : "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],"
				   "\"text\":");
	if (done)
		text_json(s, out);
	else
		buf_adds(out, "\"\"");
	buf_adds(out, "}");
}

static void
reasoning_item(const struct say *s, bool done, struct buf *out)
{
	buf_adds(out, "{\"id\":");
	item_id(s, STEP_REASONING_ADDED, 0, out);
	buf_adds(out, ",\"type\":\"reasoning\",\"summary\":[");
	if (done && !s->hides)
		summary_part(s, true, out);
	buf_adds(out, "],\"encrypted_content\":");
	/* While it is in progress it need not be whole. */
	buf_jsons(out, s->signature != NULL && !done ? "gAAAunfinished" : s->signature);
	buf_adds(out, "}");
}

static void
message_item(const struct say *s, bool done, struct buf *out)
{
	bool cut = strcmp(s->stop_reason, "max_tokens") == 0;

	buf_adds(out, "{\"id\":");
	item_id(s, STEP_MESSAGE_ADDED, 0, out);
	buf_addf(out,
		 ",\"type\":\"message\",\"status\":\"%s\",\"role\":\"assistant\",\"content\":[",
		 !done ? "in_progress"
		 : cut ? "incomplete"
		       : "completed");
	if (done)
		content_part(s, true, out);
	buf_adds(out, "]}");
}

static void
call_item(const struct say *s, size_t i, bool done, struct buf *out)
{
	buf_adds(out, "{\"id\":");
	item_id(s, STEP_CALL_ADDED, i, out);
	buf_addf(out, ",\"type\":\"function_call\",\"status\":\"%s\",\"call_id\":",
		 done ? "completed" : "in_progress");
	buf_jsons(out, s->calls[i].id);
	buf_adds(out, ",\"name\":");
	buf_jsons(out, s->calls[i].name);
	buf_adds(out, ",\"arguments\":");
	buf_jsons(out, done ? s->calls[i].input : "");
	buf_adds(out, "}");
}

static void
output(const struct say *s, struct buf *out)
{
	const char *comma = "";

	if (reasons(s)) {
		reasoning_item(s, true, out);
		comma = ",";
	}
	if (speaks(s)) {
		buf_adds(out, comma);
		message_item(s, true, out);
		comma = ",";
	}
	for (size_t i = 0; i < calls_of(s); i++) {
		buf_adds(out, comma);
		call_item(s, i, true, out);
		comma = ",";
	}
}

/* ---- the response ---- */

static const char *
incomplete_for(const struct say *s)
{
	if (strcmp(s->stop_reason, "max_tokens") == 0 ||
	    strcmp(s->stop_reason, "model_context_window_exceeded") == 0)
		return "max_output_tokens";
	return strcmp(s->stop_reason, "refusal") == 0 ? "content_filter" : NULL;
}

static void
usage(const struct say *s, struct buf *out)
{
	size_t written = s->cache_5m + s->cache_1h;
	size_t input = s->input_tokens + s->cache_read + written;

	buf_addf(out,
		 ",\"usage\":{\"input_tokens\":%zu,\"input_tokens_details\":{\"cached_tokens\":%zu,"
		 "\"cache_write_tokens\":%zu},\"output_tokens\":%zu,\"output_tokens_details\":{"
		 "\"reasoning_tokens\":%d},\"total_tokens\":%zu}",
		 input, s->cache_read, written, s->output_tokens, s->thinking != NULL ? 4 : 0,
		 input + s->output_tokens);
}

static void
response(const struct say *s, bool ended, struct buf *out)
{
	const char *reason = ended ? incomplete_for(s) : NULL;

	buf_addf(out,
		 "{\"id\":\"%s\",\"object\":\"response\",\"created_at\":%lld,\"status\":\"%s\","
		 "\"background\":false,\"error\":null,\"incomplete_details\":",
		 s->id, (long long)s->created,
		 !ended           ? "in_progress"
		 : reason != NULL ? "incomplete"
				  : "completed");
	if (reason != NULL)
		buf_addf(out, "{\"reason\":\"%s\"}", reason);
	else
		buf_adds(out, "null");
	buf_adds(out, ",\"instructions\":null,\"metadata\":{},\"model\":");
	buf_jsons(out, s->model);
	buf_adds(out, ",\"access_programs\":null,\"parallel_tool_calls\":true,"
		      "\"temperature\":1,\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1,"
		      "\"output\":[");
	if (ended)
		output(s, out);
	buf_adds(out, "]");
	if (ended && s->compat.set[HABIT_USAGE] != USAGE_NEVER)
		usage(s, out);
	buf_adds(out, "}");
}

void
responses_json(const struct say *s, struct buf *out)
{
	response(s, true, out);
}

/* ---- events ---- */

static void
begin(struct stream *s, const char *type, struct buf *out)
{
	buf_addf(out, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%ld", type, type,
		 s->sequence++);
}

static void
end(struct buf *out)
{
	buf_adds(out, "}\n\n");
}

static void
response_event(struct stream *s, const char *type, bool ended, struct buf *out)
{
	begin(s, type, out);
	buf_adds(out, ",\"response\":");
	response(s->say, ended, out);
	end(out);
}

static void
item_event(struct stream *s, bool done, struct buf *out)
{
	begin(s, done ? "response.output_item.done" : "response.output_item.added", out);
	buf_addf(out, ",\"output_index\":%zu,\"item\":", index_of(s->say, s->step, s->call));
	if (s->step < STEP_MESSAGE_ADDED)
		reasoning_item(s->say, done, out);
	else if (s->step < STEP_CALL_ADDED)
		message_item(s->say, done, out);
	else
		call_item(s->say, s->call, done, out);
	end(out);
}

/* The beginning of an event that belongs to an item; more: members behind those that say which. */
static void
begin_of_item(struct stream *s, const char *type, const char *more, struct buf *out)
{
	begin(s, type, out);
	buf_adds(out, ",\"item_id\":");
	item_id(s->say, s->step, s->call, out);
	buf_addf(out, ",\"output_index\":%zu%s", index_of(s->say, s->step, s->call), more);
}

static void
part_event(struct stream *s, bool done, struct buf *out)
{
	bool summary = s->step < STEP_MESSAGE_ADDED;

	if (summary)
		begin_of_item(s,
			      done ? "response.reasoning_summary_part.done"
				   : "response.reasoning_summary_part.added",
			      ",\"summary_index\":0,\"part\":", out);
	else
		begin_of_item(s,
			      done ? "response.content_part.done" : "response.content_part.added",
			      ",\"content_index\":0,\"part\":", out);
	(summary ? summary_part : content_part)(s->say, done, out);
	end(out);
}

/* Behind the last delta: all of the text. */
static void
text_done(struct stream *s, struct buf *out)
{
	const struct say *say = s->say;

	if (s->step < STEP_MESSAGE_ADDED) {
		begin_of_item(s, "response.reasoning_summary_text.done",
			      ",\"summary_index\":0,\"text\":", out);
		buf_jsons(out, say->thinking);
	} else if (s->step < STEP_CALL_ADDED) {
		begin_of_item(s,
			      say->refuses ? "response.refusal.done" : "response.output_text.done",
			      say->refuses ? ",\"content_index\":0,\"refusal\":"
					   : ",\"content_index\":0,\"logprobs\":[],\"text\":",
			      out);
		text_json(say, out);
	} else {
		begin_of_item(s, "response.function_call_arguments.done", ",\"arguments\":", out);
		buf_jsons(out, say->calls[s->call].input);
	}
	end(out);
}

static void
begin_delta(struct stream *s, struct buf *out)
{
	if (s->step == STEP_SUMMARY)
		begin_of_item(s, "response.reasoning_summary_text.delta",
			      ",\"summary_index\":0,\"obfuscation\":\"sim\",\"delta\":", out);
	else if (s->step == STEP_CALL)
		begin_of_item(s, "response.function_call_arguments.delta",
			      ",\"obfuscation\":\"sim\",\"delta\":", out);
	else
		begin_of_item(
		    s, s->say->refuses ? "response.refusal.delta" : "response.output_text.delta",
		    s->say->refuses ? ",\"content_index\":0,\"delta\":"
				    : ",\"content_index\":0,\"logprobs\":[],\"delta\":",
		    out);
}

/* The next delta of the text that the step is about; true: it was the last. */
static bool
delta(struct stream *s, struct buf *out)
{
	const struct say *say = s->say;
	const char *text = s->step == STEP_SUMMARY ? say->thinking
			   : s->step == STEP_CALL  ? say->calls[s->call].input
						   : say->text;
	char word[STREAM_WORD_MAX];
	size_t len;
	bool last;

	begin_delta(s, out);
	if (s->step == STEP_TEXT && say->words > 0) {
		len = stream_word(s, word);
		buf_json(out, word, len);
		last = s->word >= say->words;
	} else {
		len = stream_piece(text, s->at);
		buf_json(out, text + s->at, len);
		s->at += len;
		last = text[s->at] == '\0';
	}
	end(out);
	s->at = last ? 0 : s->at;
	return last;
}

/* ---- the order of it all ---- */

static bool
has_step(const struct stream *s, int step)
{
	const struct say *say = s->say;

	if (step >= STEP_SUMMARY_ADDED && step <= STEP_SUMMARY_DONE)
		return reasons(say) && !say->hides;
	if (step >= STEP_REASONING_ADDED && step <= STEP_REASONING_DONE)
		return reasons(say);
	if (step >= STEP_MESSAGE_ADDED && step <= STEP_MESSAGE_DONE)
		return speaks(say);
	if (step >= STEP_CALL_ADDED && step <= STEP_CALL_DONE)
		return s->call < calls_of(say);
	return true;
}

static void
go_on(struct stream *s)
{
	if (s->step == STEP_CALL_DONE && ++s->call < calls_of(s->say)) {
		s->step = STEP_CALL_ADDED;
		return;
	}
	do
		s->step++;
	while (s->step < STEP_OVER && !has_step(s, s->step));
}

static const enum place places[] = {
    [STEP_CREATED] = PLACE_MESSAGE_START,
    [STEP_REASONING_ADDED] = PLACE_THINKING_START,
    [STEP_SUMMARY] = PLACE_THINKING,
    [STEP_REASONING_DONE] = PLACE_THINKING_END,
    [STEP_CONTENT_ADDED] = PLACE_TEXT_START,
    [STEP_TEXT] = PLACE_TEXT,
    [STEP_MESSAGE_DONE] = PLACE_TEXT_END,
    [STEP_CALL_ADDED] = PLACE_TOOL_START,
    [STEP_CALL] = PLACE_TOOL,
    [STEP_CALL_DONE] = PLACE_TOOL_END,
    [STEP_END] = PLACE_END,
    [STEP_OVER] = PLACE_NONE,
};

/* False: there is more of this step. */
static bool
step(struct stream *s, struct buf *out)
{
	switch (s->step) {
	case STEP_CREATED:
	case STEP_PROGRESS:
		response_event(
		    s, s->step == STEP_CREATED ? "response.created" : "response.in_progress", false,
		    out);
		return true;
	case STEP_REASONING_ADDED:
	case STEP_MESSAGE_ADDED:
	case STEP_CALL_ADDED:
		item_event(s, false, out);
		return true;
	case STEP_SUMMARY_ADDED:
	case STEP_CONTENT_ADDED:
		part_event(s, false, out);
		return true;
	case STEP_SUMMARY:
	case STEP_TEXT:
	case STEP_CALL:
		return delta(s, out);
	case STEP_SUMMARY_TEXT_DONE:
	case STEP_TEXT_DONE:
	case STEP_ARGUMENTS_DONE:
		text_done(s, out);
		return true;
	case STEP_SUMMARY_DONE:
	case STEP_CONTENT_DONE:
		part_event(s, true, out);
		return true;
	case STEP_REASONING_DONE:
	case STEP_MESSAGE_DONE:
	case STEP_CALL_DONE:
		item_event(s, true, out);
		return true;
	default:
		response_event(s,
			       incomplete_for(s->say) != NULL ? "response.incomplete"
							      : "response.completed",
			       true, out);
		s->told = true;
		return true;
	}
}

bool
responses_next(struct stream *s, struct buf *out, enum place *place)
{
	if (s->step >= STEP_OVER)
		return false;
	*place = places[s->step];
	if (step(s, out))
		go_on(s);
	return true;
}

bool
responses_over(const struct stream *s)
{
	return s->step >= STEP_OVER;
}
