/* SPDX-License-Identifier: MIT */
#include "dialect/message.h"

#include "base/count.h"
#include "base/digest.h"
#include "base/str.h"
#include "dialect/origin.h"

#include <stdio.h>
#include <string.h>

#define FILE_TOKENS   1600 /* about what Claude counts for a full-size image */
#define BLOCKS_WITHIN 2    /* a block, and the blocks of a tool result in it */

struct reader {
	struct scan s;
	struct message *out;
	size_t messages; /* their number */
	bool quota;      /* the last one read is a user's "quota" and nothing else */
	size_t tools;    /* their number */
	bool is_cold;    /* temperature 0 */
	bool thinks;     /* "thinking" is something other than null or disabled */
};

/* --- Blocks ---------------------------------------------------------------- */

/* What a block of a type means to routing (PROTOCOLS.md 1, Blocks). */
static const struct {
	const char *type;
	unsigned needs;
	bool thinking;
	bool result;
} block_types[] = {
    {"text", 0, false, false},
    {"tool_use", 0, false, false},
    {"tool_result", 0, false, true},
    {"thinking", 0, true, false},
    {"redacted_thinking", 0, true, false},
    {"image", NEED_IMAGES, false, false},
    {"container_upload", NEED_CONTINUATION, false, false},
};

/* Returns whether it is thinking. */
static bool
read_type(struct reader *r, bool *tool_result)
{
	struct span type;
	if (!scan_string(&r->s, &type))
		return false;
	for (size_t i = 0; i < COUNT(block_types); i++)
		if (span_is(r->s.text, type, block_types[i].type)) {
			r->out->needs |= block_types[i].needs;
			*tool_result |= block_types[i].result;
			return block_types[i].thinking;
		}
	return false;
}

/* source of an image or document: {type, media_type, data | url | file_id}. */
static void
read_source(struct reader *r)
{
	struct span key, value;
	for (scan_object(&r->s); scan_member(&r->s, &key);) {
		if (span_is(r->s.text, key, "file_id"))
			r->out->needs |= NEED_CONTINUATION;
		if (!span_is(r->s.text, key, "data")) {
			scan_skip(&r->s);
		} else if (scan_string(&r->s, &value)) {
			r->out->data_bytes += value.len;
			r->out->files++;
		}
	}
}

static void read_content(struct reader *r, unsigned within, bool *tool_result);

static void
read_cache_control(struct reader *r)
{
	struct span key, ttl;
	for (scan_object(&r->s); scan_member(&r->s, &key);)
		if (!span_is(r->s.text, key, "ttl"))
			scan_skip(&r->s);
		else if (scan_string(&r->s, &ttl))
			r->out->cache_1h |= span_is(r->s.text, ttl, "1h");
}

/* PROTOCOLS.md 7: the form of Claude's own ids. It may reject others. */
static void
read_id(struct reader *r)
{
	struct span id;
	if (scan_string(&r->s, &id) && !span_begins(r->s.text, id, "toolu_") &&
	    !span_begins(r->s.text, id, "srvtoolu_"))
		r->out->foreign_ids = true;
}

static void
read_block(struct reader *r, unsigned within, bool *tool_result)
{
	struct span key, text, signature = {0, 0};
	bool ignored = false, thinks = false;
	r->quota = false;
	for (scan_object(&r->s); scan_member(&r->s, &key);)
		if (span_is(r->s.text, key, "type"))
			thinks |= read_type(r, tool_result);
		else if (span_is(r->s.text, key, "signature") || span_is(r->s.text, key, "data"))
			scan_string(&r->s, &signature);
		else if (span_is(r->s.text, key, "source"))
			read_source(r);
		else if (span_is(r->s.text, key, "id") || span_is(r->s.text, key, "tool_use_id"))
			read_id(r);
		else if (span_is(r->s.text, key, "content") && within > 0)
			read_content(r, within - 1, &ignored);
		else if (span_is(r->s.text, key, "text"))
			r->quota = scan_string(&r->s, &text) && span_is(r->s.text, text, "quota");
		else if (span_is(r->s.text, key, "cache_control"))
			read_cache_control(r);
		else
			scan_skip(&r->s);
	r->out->foreign_thinking |= thinks && origin_is_foreign(r->s.text, signature);
}

static void
read_content(struct reader *r, unsigned within, bool *tool_result)
{
	struct span text;
	size_t blocks = 0;
	if (scan_peek(&r->s) != SCAN_ARRAY) {
		r->quota = scan_string(&r->s, &text) && span_is(r->s.text, text, "quota");
		return;
	}
	for (scan_array(&r->s); scan_element(&r->s); blocks++)
		read_block(r, within, tool_result);
	r->quota &= blocks == 1;
}

/* --- The body's members ---------------------------------------------------- */

static void
read_message(struct reader *r)
{
	struct span key, role = {0, 0};
	bool tool_result = false;
	r->quota = false;
	for (scan_object(&r->s); scan_member(&r->s, &key);)
		if (span_is(r->s.text, key, "role"))
			scan_string(&r->s, &role);
		else if (span_is(r->s.text, key, "content"))
			read_content(r, BLOCKS_WITHIN - 1, &tool_result);
		else
			scan_skip(&r->s);
	r->quota &= span_is(r->s.text, role, "user");
	if (!span_is(r->s.text, role, "system"))
		r->out->mid_loop = tool_result && span_is(r->s.text, role, "user");
}

static void
read_messages(struct reader *r)
{
	r->out->mid_loop = false;
	r->messages = 0;
	for (scan_array(&r->s); scan_element(&r->s); r->messages++)
		read_message(r);
}

static void
read_tool(struct reader *r)
{
	struct span key, type = {0, 0};
	bool typed = false;
	for (scan_object(&r->s); scan_member(&r->s, &key);)
		if (span_is(r->s.text, key, "type"))
			typed = scan_string(&r->s, &type);
		else if (span_is(r->s.text, key, "cache_control"))
			read_cache_control(r);
		else
			scan_skip(&r->s);
	/* Tool search only finds deferred tools: other providers get all of them at once. */
	bool own = span_is(r->s.text, type, "custom") || span_begins(r->s.text, type, "bash_") ||
		   span_begins(r->s.text, type, "text_editor_") ||
		   span_begins(r->s.text, type, "memory_");
	if (!typed || own)
		r->out->own_tools = true;
	else if (span_begins(r->s.text, type, "computer_"))
		r->out->needs |= NEED_COMPUTER;
	else if (span_begins(r->s.text, type, "web_search_"))
		r->out->needs |= NEED_WEB_SEARCH;
	else if (!span_begins(r->s.text, type, "tool_search_tool"))
		r->out->needs |= NEED_SERVER_TOOLS;
}

static void
read_tools(struct reader *r)
{
	r->tools = 0;
	for (scan_array(&r->s); scan_element(&r->s); r->tools++)
		read_tool(r);
}

/* Blocks, or a text. */
static void
read_system(struct reader *r)
{
	struct span key;
	for (scan_array(&r->s); scan_element(&r->s);)
		for (scan_object(&r->s); scan_member(&r->s, &key);)
			if (span_is(r->s.text, key, "cache_control"))
				read_cache_control(r);
			else
				scan_skip(&r->s);
}

static void
read_tool_choice(struct reader *r)
{
	struct span key, type;
	for (scan_object(&r->s); scan_member(&r->s, &key);)
		if (!span_is(r->s.text, key, "type"))
			scan_skip(&r->s);
		else if (scan_string(&r->s, &type) &&
			 (span_is(r->s.text, type, "any") || span_is(r->s.text, type, "tool")))
			r->out->needs |= NEED_FORCED_TOOL;
}

/* Returns the end of a word in n bytes of text; NULL: not found. */
static const char *
end_of(const char *text, size_t n, const char *word)
{
	const char *at = memmem(text, n, word, strlen(word));
	return at == NULL ? NULL : at + strlen(word);
}

/* The older form: user_<hash>_account_<uuid>_session_<uuid>. A part that is too long is "". */
static void
read_old_user_id(const char *user_id, size_t n, struct message *out)
{
	const struct {
		const char *mark, *next;
		char *to;
		size_t size;
	} parts[] = {{"user_", "_account_", out->device_id, sizeof out->device_id},
		     {"_account_", "_session_", out->account_id, sizeof out->account_id},
		     {"_session_", NULL, out->session_id, sizeof out->session_id}};
	for (size_t i = 0; i < COUNT(parts); i++) {
		const char *from = end_of(user_id, n, parts[i].mark), *end = user_id + n;
		if (from == NULL)
			continue;
		const char *next = parts[i].next;
		const char *to =
		    next == NULL ? NULL : memmem(from, (size_t)(end - from), next, strlen(next));
		struct span part = {(size_t)(from - user_id),
				    (size_t)((to == NULL ? end : to) - from)};
		span_unescape(user_id, part, parts[i].to, parts[i].size);
	}
}

/* metadata.user_id: JSON text with a session_id (CLIENT.md 1), or the older form. */
static void
read_user_id(const char *user_id, size_t n, struct message *out)
{
	const struct {
		const char *name;
		char *to;
		size_t size;
	} fields[] = {{"session_id", out->session_id, sizeof out->session_id},
		      {"device_id", out->device_id, sizeof out->device_id},
		      {"account_uuid", out->account_id, sizeof out->account_id}};
	struct scan s;
	struct span key, value;
	if (*user_id != '{' && end_of(user_id, n, "_session_") != NULL) {
		read_old_user_id(user_id, n, out);
		return;
	}
	scan_init(&s, user_id, n);
	for (scan_object(&s); scan_member(&s, &key);) {
		size_t i = 0;
		while (i < 3 && !span_is(user_id, key, fields[i].name))
			i++;
		if (i < 3)
			*fields[i].to = '\0';
		if (i == 3)
			scan_skip(&s);
		else if (scan_string(&s, &value))
			span_unescape(user_id, value, fields[i].to, fields[i].size);
	}
}

/* JSON text in a string, decoded whatever it holds: only the ids must be plain words. */
static void
read_metadata(struct reader *r)
{
	struct span key, value;
	struct message *m = r->out;
	char user_id[USER_ID_MAX + 2];
	for (scan_object(&r->s); scan_member(&r->s, &key);) {
		if (!span_is(r->s.text, key, "user_id")) {
			scan_skip(&r->s);
			continue;
		}
		m->session_id[0] = m->device_id[0] = m->account_id[0] = '\0';
		if (scan_string(&r->s, &value) && value.len <= USER_ID_MAX)
			read_user_id(user_id, span_decode(r->s.text, value, user_id), m);
	}
}

static void
read_output_config(struct reader *r)
{
	struct span key;
	for (scan_object(&r->s); scan_member(&r->s, &key); scan_skip(&r->s))
		if (span_is(r->s.text, key, "format") && scan_peek(&r->s) == SCAN_OBJECT)
			r->out->needs |= NEED_JSON_SCHEMA;
}

static void
read_output_format(struct reader *r)
{
	if (scan_peek(&r->s) == SCAN_OBJECT)
		r->out->needs |= NEED_JSON_SCHEMA;
	scan_skip(&r->s);
}

static void
read_continuation(struct reader *r)
{
	if (scan_peek(&r->s) != SCAN_NULL)
		r->out->needs |= NEED_CONTINUATION;
	scan_skip(&r->s);
}

static void
read_mcp_servers(struct reader *r)
{
	for (scan_array(&r->s); scan_element(&r->s); scan_skip(&r->s))
		r->out->needs |= NEED_MCP_SERVERS;
}

static void
read_model(struct reader *r)
{
	struct span model;
	*r->out->model = '\0';
	if (scan_string(&r->s, &model))
		span_unescape(r->s.text, model, r->out->model, sizeof r->out->model);
}

static void
read_stream(struct reader *r)
{
	bool is_null = scan_peek(&r->s) == SCAN_NULL;
	r->out->stream = false;
	r->out->stream_odd = !scan_bool(&r->s, &r->out->stream) && !is_null;
}

/* A number is 0 if it has no other digit before its exponent. */
static void
read_temperature(struct reader *r)
{
	bool is_number = scan_peek(&r->s) == SCAN_NUMBER;
	size_t from = scan_here(&r->s);
	scan_skip(&r->s);
	size_t zeros = from;
	while (zeros < r->s.at && strchr("-0.", r->s.text[zeros]) != NULL)
		zeros++;
	r->is_cold =
	    is_number && (zeros == r->s.at || r->s.text[zeros] == 'e' || r->s.text[zeros] == 'E');
}

static void
read_thinking(struct reader *r)
{
	struct span key, type;
	r->thinks = scan_peek(&r->s) != SCAN_NULL;
	for (scan_object(&r->s); scan_member(&r->s, &key);)
		if (!span_is(r->s.text, key, "type"))
			scan_skip(&r->s);
		else if (scan_string(&r->s, &type))
			r->thinks = !span_is(r->s.text, type, "disabled");
}

static void
read_max_tokens(struct reader *r)
{
	int64_t value;
	bool taken = scan_integer(&r->s, &value);
	r->out->max_tokens = !taken ? -1 : value < 0 ? 0 : value; /* -1: none */
}

/* PROTOCOLS.md 1, Request; all others are skipped. */
static const struct {
	const char *name;
	void (*read)(struct reader *r);
} members[] = {
    {"model", read_model},
    {"messages", read_messages},
    {"max_tokens", read_max_tokens},
    {"temperature", read_temperature},
    {"thinking", read_thinking},
    {"stream", read_stream},
    {"tools", read_tools},
    {"tool_choice", read_tool_choice},
    {"metadata", read_metadata},
    {"output_config", read_output_config},
    {"output_format", read_output_format},
    {"thread", read_continuation},
    {"container", read_continuation},
    {"mcp_servers", read_mcp_servers},
    {"system", read_system},
    {"cache_control", read_cache_control},
};

static void
read_member(struct reader *r, struct span key)
{
	for (size_t i = 0; i < COUNT(members); i++)
		if (span_is(r->s.text, key, members[i].name)) {
			members[i].read(r);
			return;
		}
	scan_skip(&r->s);
}

/* CLIENT.md 1: the quota probe and the title of a session. Only within a session: another client
 * may request nothing but structured output without tools, and its requests must be able to
 * probe. */
static bool
is_side_call(const struct reader *r)
{
	const struct message *m = r->out;
	if (*m->session_id == '\0')
		return false;
	bool quota = m->max_tokens == 1 && r->messages == 1 && r->quota;
	bool title = r->tools == 0 && (m->needs & NEED_JSON_SCHEMA) != 0;
	return quota || title;
}

bool
message_read(const char *body, size_t n, struct message *out, char error[static ERROR_TEXT_MAX])
{
	struct reader r = {.out = out};
	struct span key;
	*out = (struct message){.max_tokens = -1, .bytes = n};
	scan_init(&r.s, body, n);
	bool object = scan_peek(&r.s) == SCAN_OBJECT;
	for (scan_object(&r.s); scan_member(&r.s, &key);)
		read_member(&r, key);
	if (!scan_end(&r.s)) {
		snprintf(error, ERROR_TEXT_MAX,
			 "The request's body is not valid JSON: %s at byte %zu of %zu.", r.s.error,
			 r.s.at, n);
		return false;
	}
	if (!object) {
		snprintf(error, ERROR_TEXT_MAX,
			 "The request's body is JSON, but not an object: send "
			 "{\"model\":…,\"messages\":[…]}.");
		return false;
	}
	out->side_call = is_side_call(&r);
	out->repeatable = r.is_cold && !r.thinks && r.tools == 0 &&
			  (out->needs & (NEED_CONTINUATION | NEED_MCP_SERVERS)) == 0;
	return true;
}

int64_t
message_tokens(const struct message *message)
{
	return (int64_t)((message->bytes - message->data_bytes) / 4) +
	       (int64_t)message->files * FILE_TOKENS;
}

/* "claude-opus-5-5" and "claude-3-5-sonnet-20241022": the first part that is a word. */
const char *
message_family(const char *model, char family[static MODEL_NAME_MAX])
{
	static const char maker[] = "claude-";
	size_t n = 0;
	if (str_starts_with(model, maker)) {
		for (model += strlen(maker); *model != '\0' && !(*model >= 'a' && *model <= 'z');)
			model++;
		while (model[n] >= 'a' && model[n] <= 'z' && n < MODEL_NAME_MAX - 1)
			n++;
	}
	memcpy(family, model, n);
	family[n] = '\0';
	return family;
}

uint64_t
message_family_id(const char *model)
{
	char family[MODEL_NAME_MAX];
	message_family(model, family);
	return family[0] == '\0' ? 0 : digest_name(family);
}

uint64_t
message_window_family(const char *window)
{
	static const char *const families[] = {"opus", "sonnet", "haiku", "fable", "mythos"};
	const char *name = strchr(window, '_');
	if (name != NULL && strcmp(name, "_oi") == 0)
		return digest_name("fable");
	for (size_t i = 0; name != NULL && i < COUNT(families); i++)
		if (strcmp(name + 1, families[i]) == 0)
			return digest_name(families[i]);
	return 0;
}
