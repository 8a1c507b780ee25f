/* SPDX-License-Identifier: MIT */
/* stream: what a cut stream's end should be, and what it looks like (CLIENT.md 4). */

#include "dialect/stream.h"

#include "material.h"

#define START                                                                                      \
	"event: message_start\ndata: "                                                             \
	"{\"type\":\"message_start\",\"message\":{\"model\":\"m-1\",\"usage\":{\"input_tokens\":"  \
	"10,\"cache_read_"                                                                         \
	"input_tokens\":5,\"cache_creation_input_tokens\":2,\"output_tokens\":1}}}\n\n"
#define OPEN(i, type)                                                                              \
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":" #i        \
	",\"content_block\":{\"type\":\"" type "\"}}\n\n"
#define DELTA(i, delta)                                                                            \
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":" #i        \
	",\"delta\":{" delta "}}\n\n"
#define TEXT(i)       DELTA(i, "\"type\":\"text_delta\",\"text\":\"x\"")
#define JSON(i, json) DELTA(i, "\"type\":\"input_json_delta\",\"partial_json\":\"" json "\"")
#define STOP(i)                                                                                    \
	"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":" #i "}\n\n"
#define END(reason)                                                                                \
	"event: message_delta\ndata: "                                                             \
	"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason                         \
	"\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":1}}\n\n"
#define DONE "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
#define ERROR                                                                                      \
	"event: error\ndata: "                                                                     \
	"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}" \
	"}\n\n"
#define THINKING OPEN(0, "thinking") STOP(0)

static const struct {
	int line;
	const char *name, *seen;
	bool claude_code, may_close;
	enum mend mend;
	const char *end;
} rows[] = {
    {__LINE__, "in the first text", START OPEN(0, "text") TEXT(0), true, true, MEND_MAX_TOKENS,
     STOP(0) END("max_tokens") DONE},
    {__LINE__, "text complete", START OPEN(0, "text") TEXT(0) STOP(0), true, true, MEND_MAX_TOKENS,
     END("max_tokens") DONE},
    {__LINE__, "another client", START OPEN(0, "text") TEXT(0), false, true, MEND_ERROR, ERROR},
    {__LINE__, "closed too often", START OPEN(0, "text") TEXT(0), true, false, MEND_ERROR, ERROR},
    {__LINE__, "in thinking", START OPEN(0, "thinking"), true, true, MEND_ERROR, ERROR},
    {__LINE__, "behind thinking", START THINKING, true, true, MEND_ERROR, ERROR},
    {__LINE__, "redacted thinking is thinking", START OPEN(0, "redacted_thinking"), true, true,
     MEND_ERROR, ERROR},
    {__LINE__, "text behind thinking", START THINKING OPEN(1, "text"), true, true, MEND_MAX_TOKENS,
     STOP(1) END("max_tokens") DONE},
    {__LINE__, "tool_use without JSON", START OPEN(0, "tool_use"), true, true, MEND_MAX_TOKENS,
     JSON(0, "{") STOP(0) END("max_tokens") DONE},
    {__LINE__, "tool_use with an empty delta", START OPEN(0, "tool_use") JSON(0, "") JSON(0, " "),
     true, true, MEND_MAX_TOKENS, JSON(0, "{") STOP(0) END("max_tokens") DONE},
    {__LINE__, "tool_use with a blank line", START OPEN(0, "tool_use") JSON(0, "\\n\\t"), true,
     true, MEND_MAX_TOKENS, JSON(0, "{") STOP(0) END("max_tokens") DONE},
    {__LINE__, "tool_use half said", START OPEN(0, "tool_use") JSON(0, "") JSON(0, "{\\\"a"), true,
     true, MEND_MAX_TOKENS, STOP(0) END("max_tokens") DONE},
    {__LINE__, "tool_use complete", START OPEN(0, "tool_use") JSON(0, "{}") STOP(0), true, true,
     MEND_TOOL_USE, END("tool_use") DONE},
    {__LINE__, "second tool_use half",
     START OPEN(0, "tool_use") JSON(0, "{}") STOP(0) OPEN(1, "tool_use"), true, true,
     MEND_MAX_TOKENS, JSON(1, "{") STOP(1) END("max_tokens") DONE},
    {__LINE__, "text behind a tool_use", START OPEN(0, "tool_use") STOP(0) OPEN(1, "text") STOP(1),
     true, true, MEND_MAX_TOKENS, END("max_tokens") DONE},
    {__LINE__, "unknown block", START OPEN(0, "brandnew"), true, true, MEND_MAX_TOKENS,
     STOP(0) END("max_tokens") DONE},
    {__LINE__, "behind message_delta", START OPEN(0, "text") STOP(0) END("end_turn"), true, true,
     MEND_NOTHING, DONE},
    {__LINE__, "behind message_delta, another client",
     START OPEN(0, "text") STOP(0) END("end_turn"), false, true, MEND_NOTHING, DONE},
    {__LINE__, "complete", START OPEN(0, "text") STOP(0) END("end_turn") DONE, true, true,
     MEND_NOTHING, ""},
    {__LINE__, "before any content", START, true, true, MEND_ERROR, ERROR},
};

static void
feed(struct stream *stream, const char *bytes)
{
	struct sse s;
	struct sse_event e;
	size_t n = strlen(bytes);
	sse_init(&s);
	for (; sse_next(&s, bytes, n, &e) == SSE_EVENT; bytes += e.raw_len, n -= e.raw_len)
		stream_note(stream, &e);
	sse_fini(&s);
}

static void
check_rows(void)
{
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		struct stream s;
		struct buf out;
		stream_init(&s);
		feed(&s, rows[i].seen);
		enum mend mend = stream_mend(&s, rows[i].claude_code, rows[i].may_close);
		buf_init(&out, 4096);
		bool fine = stream_close(&s, mend, NULL, 0, &out);
		TAP_ROW_AT(rows[i].line, rows[i].name,
			   fine && mend == rows[i].mend && !strcmp(buf_text(&out), rows[i].end),
			   "expected %d %s\ngot      %d %s", rows[i].mend, rows[i].end, mend,
			   buf_text(&out));
		/* What was closed is closed: read again with its end, nothing is open. */
		if (mend == MEND_MAX_TOKENS || mend == MEND_TOOL_USE) {
			feed(&s, buf_text(&out));
			TAP_ROW_AT(rows[i].line, rows[i].name,
				   s.complete && s.delta && s.n_open == 0,
				   "the end does not close the message");
		}
		buf_free(&out);
	}
}

static void
check_usage(void)
{
	struct stream s;
	stream_init(&s);
	TAP_INT("nothing told", usage_total_input(&s.usage), -1);
	feed(&s, START);
	TAP_INT("input: three kinds added", usage_total_input(&s.usage), 17);
	TAP_INT("output at the start", s.usage.output, 1);
	TAP_STR("the model that answers", s.usage.model, "m-1");
	feed(&s, "event: message_delta\ndata: "
		 "{\"delta\":{\"stop_reason\":null},\"usage\":{\"output_tokens\":40}}\n\n");
	TAP_INT("output is the latest", s.usage.output, 40);
	TAP_INT("input stays", usage_total_input(&s.usage), 17);
	TAP_STR("so does the model", s.usage.model, "m-1");
	TAP_OK("a delta without a reason is no end", !s.delta);
	feed(&s, "event: message_delta\ndata: "
		 "{\"usage\":{\"output_tokens\":-5,\"input_tokens\":99999999999999999999}}\n\n");
	feed(&s, OPEN(0, "tool_use") STOP(0));
	TAP_OK("a tool_use is done", s.tool_done);
	feed(&s, OPEN(1, "text"));
	TAP_OK("... and no longer the last block", !s.tool_done);
	TAP_OK("nonsense is not believed",
	       s.usage.output == 40 && usage_total_input(&s.usage) == 17);
}

static void
check_errors(void)
{
	static const char own[] = "event: error\r\ndata: {\"mine\":1}\r\n\r\n";
	struct stream s;
	struct buf out;
	stream_init(&s);
	feed(&s, START OPEN(0, "text") ERROR);
	TAP_OK("an error event is noted", s.failed);
	buf_init(&out, 4096);
	bool fine = stream_close(&s, MEND_ERROR, own, strlen(own), &out);
	TAP_OK("closed", fine);
	TAP_STR("the provider's own error as it came", buf_text(&out), own);
	buf_free(&out);
	buf_init(&out, 20);
	TAP_OK("no room is told", !stream_close(&s, MEND_MAX_TOKENS, NULL, 0, &out));
	buf_free(&out);
	TAP_STR("name", stream_mend_name(MEND_TOOL_USE), "tool_use");
	TAP_STR("no name", stream_mend_name(MEND_NOTHING), "");
}

int
main(int argc, char **argv)
{
	tap_start("stream", argc, argv);
	check_rows();
	check_usage();
	check_errors();
	return tap_finish();
}
