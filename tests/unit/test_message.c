/* SPDX-License-Identifier: MIT */
/* message: the facts that routing needs. */

#include "dialect/message.h"

#include "material.h"

#define ID "9a7c1f1e-0000-4000-8000-000000000001"
#define SESSION                                                                                    \
	"\"metadata\":{\"user_id\":\"{\\\"device_id\\\":\\\"d\\\",\\\"session_id\\\":\\\"" ID      \
	"\\\"}\"}"
#define USER(content) "\"messages\":[{\"role\":\"user\",\"content\":" content "}]"
#define RESULT        "{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":\"x\"}"

enum { MID = 1, SIDE = 2, THINK = 4, OWN = 8, STREAM = 16 };

static const struct {
	int line;
	const char *name, *body;
	unsigned needs, flags;
	int64_t max_tokens;
	const char *model, *session;
} rows[] = {
    {__LINE__, "empty", "{}", 0, 0, -1, "", ""},
    {__LINE__, "plain", "{\"model\":\"m\",\"max_tokens\":5,\"stream\":true," USER("\"hi\"") "}", 0,
     STREAM, 5, "m", ""},
    {__LINE__, "escaped name counts as what it means", "{\"\\u006dodel\":\"m\\u002d1\"}", 0, 0, -1,
     "m-1", ""},
    {__LINE__, "of two models the last", "{\"model\":\"a\",\"model\":\"b\"}", 0, 0, -1, "b", ""},
    {__LINE__, "wrong kinds are absent",
     "{\"model\":7,\"stream\":\"yes\",\"max_tokens\":[],\"messages\":{},\"tools\":1}", 0, 0, -1, "",
     ""},
    {__LINE__, "model with a NUL", "{\"model\":\"a\\u0000b\"}", 0, 0, -1, "", ""},
    {__LINE__, "tool result last", "{" USER("[" RESULT "]") "}", 0, MID, -1, "", ""},
    {__LINE__, "tool result, system behind it",
     "{\"messages\":[{\"role\":\"user\",\"content\":[" RESULT
     "]},{\"role\":\"system\",\"content\":\"x\"}]}",
     0, MID, -1, "", ""},
    {__LINE__, "role behind the content",
     "{\"messages\":[{\"content\":[" RESULT "],\"role\":\"user\"}]}", 0, MID, -1, "", ""},
    {__LINE__, "tool result, then a user's turn",
     "{\"messages\":[{\"role\":\"user\",\"content\":[" RESULT
     "]},{\"role\":\"user\",\"content\":\"x\"}]}",
     0, 0, -1, "", ""},
    {__LINE__, "tool result, then an answer",
     "{\"messages\":[{\"role\":\"user\",\"content\":[" RESULT
     "]},{\"role\":\"assistant\",\"content\":\"x\"}]}",
     0, 0, -1, "", ""},
    {__LINE__, "tool result as an input only",
     "{" USER("[{\"type\":\"tool_use\",\"input\":" RESULT "}]") "}", 0, 0, -1, "", ""},
    {__LINE__, "image",
     "{" USER("[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"AAAA\"}}]") "}",
     NEED_IMAGES, 0, -1, "", ""},
    {__LINE__, "image in a tool result",
     "{" USER("[{\"type\":\"tool_result\",\"content\":[{\"type\":\"image\"}]}]") "}", NEED_IMAGES,
     MID, -1, "", ""},
    {__LINE__, "document of a file",
     "{" USER("[{\"source\":{\"type\":\"file\",\"file_id\":\"f\"},\"type\":\"document\"}]") "}",
     NEED_CONTINUATION, 0, -1, "", ""},
    {__LINE__, "thinking that nobody signed",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\"}]}]}", 0, THINK,
     -1, "", ""},
    {__LINE__, "thinking of another provider",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"signature\":\"router.kimi.\","
     "\"type\":\"thinking\"}]}]}",
     0, THINK, -1, "", ""},
    {__LINE__, "Claude's own thinking",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"signature\":"
     "\"Eq\"},{\"type\":\"redacted_thinking\",\"data\":\"Ep\"}]}]}",
     0, 0, -1, "", ""},
    {__LINE__, "thinking twice, of which one is Claude's",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"signature\":"
     "\"\"},{\"type\":\"thinking\",\"signature\":\"Eq\"}]}]}",
     0, THINK, -1, "", ""},
    {__LINE__, "redacted thinking, escaped",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"redacted_\\u0074hinking\"}]}]"
     "}",
     0, THINK, -1, "", ""},
    {__LINE__, "web search alone",
     "{\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]}", NEED_WEB_SEARCH, 0,
     -1, "", ""},
    {__LINE__, "server tool beside own",
     "{\"tools\":[{\"type\":\"code_execution_20250825\"},{\"name\":\"Bash\"}]}", NEED_SERVER_TOOLS,
     OWN, -1, "", ""},
    {__LINE__, "tool search needs nothing",
     "{\"tools\":[{\"type\":\"tool_search_tool_regex_20251119\"},{\"type\":\"custom\",\"name\":"
     "\"B\"}]}",
     0, OWN, -1, "", ""},
    {__LINE__, "forced tool", "{\"tool_choice\":{\"type\":\"tool\",\"name\":\"x\"}}",
     NEED_FORCED_TOOL, 0, -1, "", ""},
    {__LINE__, "tool_choice auto", "{\"tool_choice\":{\"type\":\"auto\"}}", 0, 0, -1, "", ""},
    {__LINE__, "container", "{\"container\":\"c\"}", NEED_CONTINUATION, 0, -1, "", ""},
    {__LINE__, "container null", "{\"container\":null,\"thread\":null}", 0, 0, -1, "", ""},
    {__LINE__, "thread", "{\"thread\":{\"type\":\"continue\"}}", NEED_CONTINUATION, 0, -1, "", ""},
    {__LINE__, "mcp servers", "{\"mcp_servers\":[{\"url\":\"x\"}]}", NEED_MCP_SERVERS, 0, -1, "",
     ""},
    {__LINE__, "no mcp servers", "{\"mcp_servers\":[]}", 0, 0, -1, "", ""},
    {__LINE__, "session as JSON", "{" SESSION "}", 0, 0, -1, "", ID},
    {__LINE__, "session of old",
     "{\"metadata\":{\"user_id\":\"user_ab12_account__session_" ID "\"}}", 0, 0, -1, "", ID},
    {__LINE__, "session in JSON of several lines",
     "{\"metadata\":{\"user_id\":\"{\\n\\t\\\"session_id\\\": \\\"" ID "\\\"\\n}\"}}", 0, 0, -1, "",
     ID},
    {__LINE__, "session beside a NUL within JSON within JSON",
     "{\"metadata\":{\"user_id\":\"{\\\"a\\\":\\\"\\\\u0000\\\",\\\"session_id\\\":\\\"" ID
     "\\\"}\"}}",
     0, 0, -1, "", ID},
    {__LINE__, "session beside half a character",
     "{\"metadata\":{\"user_id\":\"\\ud800_session_" ID "\"}}", 0, 0, -1, "", ID},
    {__LINE__, "session behind a NUL", "{\"metadata\":{\"user_id\":\"u\\u0000_session_" ID "\"}}",
     0, 0, -1, "", ID},
    {__LINE__, "a NUL in the session",
     "{\"metadata\":{\"user_id\":\"{\\\"session_id\\\":\\\"a\\\\u0000b\\\"}\"}}", 0, 0, -1, "", ""},
    {__LINE__, "a NUL in a session of old", "{\"metadata\":{\"user_id\":\"u_session_a\\u0000b\"}}",
     0, 0, -1, "", ""},
    {__LINE__, "of two users the last, who has no session",
     "{\"metadata\":{\"user_id\":\"u_session_" ID "\",\"user_id\":\"u\"}}", 0, 0, -1, "", ""},
    {__LINE__, "of two sessions the last, which is none",
     "{\"metadata\":{\"user_id\":\"{\\\"session_id\\\":\\\"a\\\",\\\"session_id\\\":7}\"}}", 0, 0,
     -1, "", ""},
    {__LINE__, "names of half a character", "{\"\\ud800\":1,\"\\ud800\\ud800\":{},\"model\":\"m\"}",
     0, 0, -1, "m", ""},
    {__LINE__, "model of half a character", "{\"model\":\"\\ud800\"}", 0, 0, -1, "", ""},
    {__LINE__, "no name behind a NUL", "{\"model\\u0000\":\"a\",\"mod\\u0000el\":\"b\"}", 0, 0, -1,
     "", ""},
    {__LINE__, "of two models the last, which is none", "{\"model\":\"a\",\"model\":7}", 0, 0, -1,
     "", ""},
    {__LINE__, "of two streams the last, which is none", "{\"stream\":true,\"stream\":0}", 0, 0, -1,
     "", ""},
    {__LINE__, "of two max_tokens the last, which is none",
     "{\"max_tokens\":5,\"max_tokens\":null}", 0, 0, -1, "", ""},
    {__LINE__, "max_tokens beyond all numbers", "{\"max_tokens\":1e400}", 0, 0, INT64_MAX, "", ""},
    {__LINE__, "max_tokens of -0", "{\"max_tokens\":-0}", 0, 0, 0, "", ""},
    {__LINE__, "max_tokens below all numbers", "{\"max_tokens\":-1e400}", 0, 0, 0, "", ""},
    {__LINE__, "characters of all lengths", "{\"a\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"}", 0,
     0, -1, "", ""},
    {__LINE__, "user without a session", "{\"metadata\":{\"user_id\":\"somebody\"}}", 0, 0, -1, "",
     ""},
    {__LINE__, "quota", "{\"max_tokens\":1," USER("\"quota\"") "," SESSION "}", 0, SIDE, 1, "", ID},
    {__LINE__, "quota as a block",
     "{\"max_tokens\":1," USER("[{\"type\":\"text\",\"text\":\"quota\"}]") "," SESSION "}", 0, SIDE,
     1, "", ID},
    {__LINE__, "quota with more to say",
     "{\"max_tokens\":1," USER(
	 "[{\"type\":\"text\",\"text\":\"quota\"},{\"type\":\"text\",\"text\":\"x\"}]") "," SESSION
											"}",
     0, 0, 1, "", ID},
    {__LINE__, "quota with room for an answer",
     "{\"max_tokens\":9," USER("\"quota\"") "," SESSION "}", 0, 0, 9, "", ID},
    {__LINE__, "title", "{\"tools\":[],\"output_config\":{\"format\":{}}," SESSION "}",
     NEED_JSON_SCHEMA, SIDE, -1, "", ID},
    {__LINE__, "structured output, no session", "{\"output_config\":{\"format\":{}}}",
     NEED_JSON_SCHEMA, 0, -1, "", ""},
    {__LINE__, "structured output with tools",
     "{\"tools\":[{\"name\":\"x\"}],\"output_config\":{\"format\":{}}," SESSION "}",
     NEED_JSON_SCHEMA, OWN, -1, "", ID},
};

static unsigned
flags_of(const struct message *m)
{
	return (m->mid_loop ? MID : 0u) | (m->side_call ? SIDE : 0u) |
	       (m->foreign_thinking ? THINK : 0u) | (m->own_tools ? OWN : 0u) |
	       (m->stream ? STREAM : 0u);
}

/* Which requests ask for the same answer each time. */
static const struct {
	int line;
	const char *name, *body;
	bool is_repeatable;
} repeatables[] = {
    {__LINE__, "temperature 0", "{\"temperature\":0}", true},
    {__LINE__, "0.0", "{\"temperature\":0.0}", true},
    {__LINE__, "-0", "{\"temperature\":-0}", true},
    {__LINE__, "0 with an exponent", "{\"temperature\":0.0e5}", true},
    {__LINE__, "a tenth", "{\"temperature\":0.1}", false},
    {__LINE__, "a tenth with an exponent", "{\"temperature\":1e-1}", false},
    {__LINE__, "the last one counts", "{\"temperature\":0,\"temperature\":1}", false},
    {__LINE__, "a word", "{\"temperature\":\"0\"}", false},
    {__LINE__, "null", "{\"temperature\":null}", false},
    {__LINE__, "no temperature", "{}", false},
    {__LINE__, "no tools", "{\"temperature\":0,\"tools\":[]}", true},
    {__LINE__, "a tool", "{\"temperature\":0,\"tools\":[{\"name\":\"x\"}]}", false},
    {__LINE__, "a server's tool", "{\"temperature\":0,\"tools\":[{\"type\":\"web_search_1\"}]}",
     false},
    {__LINE__, "thinking", "{\"temperature\":0,\"thinking\":{\"type\":\"adaptive\"}}", false},
    {__LINE__, "an odd thinking", "{\"temperature\":0,\"thinking\":true}", false},
    {__LINE__, "no thinking", "{\"temperature\":0,\"thinking\":{\"type\":\"disabled\"}}", true},
    {__LINE__, "thinking null", "{\"temperature\":0,\"thinking\":null}", true},
    {__LINE__, "MCP servers", "{\"temperature\":0,\"mcp_servers\":[{}]}", false},
    {__LINE__, "a container", "{\"temperature\":0,\"container\":\"c\"}", false},
};

static void
check_repeatable(void)
{
	for (size_t i = 0; i < TAP_COUNT(repeatables); i++) {
		struct message m;
		char name[100], error[ERROR_TEXT_MAX];
		const char *body = repeatables[i].body;
		snprintf(name, sizeof name, "repeatable: %s", repeatables[i].name);
		bool read = message_read(body, strlen(body), &m, error);
		TAP_ROW(name, read && m.repeatable == repeatables[i].is_repeatable,
			"line %d: expected %d", repeatables[i].line, repeatables[i].is_repeatable);
	}
}

/* Who a client says to be, in metadata.user_id. */
static const struct {
	int line;
	const char *name, *user_id, *device, *account;
} people[] = {
    {__LINE__, "device and account", "{\\\"device_id\\\":\\\"d\\\",\\\"account_uuid\\\":\\\"a\\\"}",
     "d", "a"},
    {__LINE__, "no account", "{\\\"account_uuid\\\":\\\"\\\",\\\"device_id\\\":\\\"d\\\"}", "d",
     ""},
    {__LINE__, "of other kinds", "{\\\"account_uuid\\\":7,\\\"device_id\\\":{}}", "", ""},
    {__LINE__, "of old", "user_ab12_account_a-1_session_" ID, "ab12", "a-1"},
    {__LINE__, "of old, without an account", "user_ab12_account__session_" ID, "ab12", ""},
    {__LINE__, "of old, out of order", "_session_x_account_y_user_", "", "y_user_"},
    {__LINE__, "none", "somebody", "", ""},
};

static void
check_people(void)
{
	for (size_t i = 0; i < TAP_COUNT(people); i++) {
		struct message m;
		char body[512], error[ERROR_TEXT_MAX] = "";
		snprintf(body, sizeof body, "{\"metadata\":{\"user_id\":\"%s\"}}",
			 people[i].user_id);
		bool fine = message_read(body, strlen(body), &m, error);
		TAP_ROW_AT(people[i].line, people[i].name,
			   fine && !strcmp(m.device_id, people[i].device) &&
			       !strcmp(m.account_id, people[i].account),
			   "expected device %s, account %s\ngot      device %s, account %s %s",
			   people[i].device, people[i].account, m.device_id, m.account_id, error);
	}
}

static void
check_rows(void)
{
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		struct message m;
		char error[ERROR_TEXT_MAX] = "";
		bool fine = message_read(rows[i].body, strlen(rows[i].body), &m, error);
		TAP_ROW_AT(rows[i].line, rows[i].name,
			   fine && m.needs == rows[i].needs && flags_of(&m) == rows[i].flags &&
			       m.max_tokens == rows[i].max_tokens &&
			       !strcmp(m.model, rows[i].model) &&
			       !strcmp(m.session_id, rows[i].session),
			   "expected needs %x, flags %x, max_tokens %jd, model %s, session %s\n"
			   "got      needs %x, flags %x, max_tokens %jd, model %s, session %s %s",
			   rows[i].needs, rows[i].flags, (intmax_t)rows[i].max_tokens,
			   rows[i].model, rows[i].session, m.needs, flags_of(&m),
			   (intmax_t)m.max_tokens, m.model, m.session_id, error);
	}
}

static const struct {
	const char *name;
	unsigned needs, flags;
} samples[] = {
    {"continue-after-max-tokens", 0, OWN | STREAM},
    {"count-tokens", 0, OWN},
    {"first-turn-oauth", 0, OWN | STREAM},
    {"first-turn-old-model", 0, OWN | STREAM},
    {"nonstream-fallback", 0, OWN},
    {"quota-probe", 0, SIDE},
    {"subagent-turn", 0, OWN | STREAM},
    {"title-call", NEED_JSON_SCHEMA, SIDE | STREAM},
    {"tool-turn", 0, OWN | STREAM | MID},
    {"tui-first-turn-login", 0, OWN | STREAM},
};

static void
check_samples(void)
{
	for (size_t i = 0; i < TAP_COUNT(samples); i++) {
		struct message m;
		char error[ERROR_TEXT_MAX] = "";
		size_t n = 0;
		char *body = material_sample(samples[i].name, &n);
		if (body == NULL) {
			tap_skip(samples[i].name, "no samples here");
			continue;
		}
		bool fine = message_read(body, n, &m, error);
		TAP_ROW(
		    samples[i].name,
		    fine && m.needs == samples[i].needs && flags_of(&m) == samples[i].flags &&
			(strlen(m.session_id) == 36 || !strcmp(samples[i].name, "count-tokens")),
		    "expected needs %x, flags %x\ngot      needs %x, flags %x, session %s %s",
		    samples[i].needs, samples[i].flags, m.needs, flags_of(&m), m.session_id, error);
		free(body);
	}
}

#define HOUR   "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}"
#define SHORT  "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"5m\"}"
#define TEXT_1 "{\"type\":\"text\",\"text\":\"x\","

static const struct {
	int line;
	const char *name, *body;
	bool want;
} hours[] = {
    {__LINE__, "1h: no cache", "{" USER("\"x\"") "}", false},
    {__LINE__, "1h: 5 minutes", "{\"system\":[" TEXT_1 SHORT "}]," USER("\"x\"") "}", false},
    {__LINE__, "1h: no ttl", "{\"cache_control\":{\"type\":\"ephemeral\"}}", false},
    {__LINE__, "1h: in the system prompt", "{\"system\":[" TEXT_1 SHORT "}," TEXT_1 HOUR "}]}",
     true},
    {__LINE__, "1h: in a tool", "{\"tools\":[{\"name\":\"t\"," HOUR "}]}", true},
    {__LINE__, "1h: in a message", "{" USER("[" TEXT_1 HOUR "}]") "}", true},
    {__LINE__, "1h: before a 5 minutes", "{" USER("[" TEXT_1 HOUR "}," TEXT_1 SHORT "}]") "}",
     true},
    {__LINE__, "1h: in a tool's result",
     "{" USER("[{\"type\":\"tool_result\",\"content\":[" TEXT_1 HOUR "}]}]") "}", true},
    {__LINE__, "1h: for the whole request", "{" HOUR "}", true},
    {__LINE__, "1h: escaped", "{\"cache_control\":{\"t\\u0074l\":\"\\u0031h\"}}", true},
    {__LINE__, "1h: a text that says so", "{\"system\":\"\\\"ttl\\\":\\\"1h\\\"\"}", false},
    {__LINE__, "1h: an input that says so",
     "{" USER("[{\"type\":\"tool_use\",\"input\":{" HOUR "}}]") "}", false},
    {__LINE__, "1h: of another kind", "{\"cache_control\":{\"ttl\":[\"1h\"]},\"system\":[7]}",
     false},
    {__LINE__, "1h: null", "{\"cache_control\":null,\"system\":null}", false},
};

static void
check_hours(void)
{
	for (size_t i = 0; i < TAP_COUNT(hours); i++) {
		struct message m;
		char error[ERROR_TEXT_MAX] = "";
		bool fine = message_read(hours[i].body, strlen(hours[i].body), &m, error);
		TAP_ROW_AT(hours[i].line, hours[i].name, fine && m.cache_1h == hours[i].want,
			   "expected %d\ngot      %d %s", hours[i].want, m.cache_1h, error);
	}
}

static void
check_errors(void)
{
	static const struct {
		int line;
		const char *name, *body, *error;
	} bad[] = {
	    {__LINE__, "array", "[]", "not an object"},
	    {__LINE__, "nothing", "", "at byte 0 of 0"},
	    {__LINE__, "cut", "{\"model\":\"x", "at byte 11 of 11"},
	    {__LINE__, "comma missing", "{\"a\":1 \"b\":2}", "at byte 7 of 13"},
	};
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		struct message m;
		char error[ERROR_TEXT_MAX] = "";
		bool fine = message_read(bad[i].body, strlen(bad[i].body), &m, error);
		TAP_ROW_AT(bad[i].line, bad[i].name, !fine && strstr(error, bad[i].error),
			   "expected …%s…\ngot      %s", bad[i].error, error);
	}
}

static void
check_families(void)
{
	static const char *const pairs[][2] = {
	    {"claude-opus-5-5", "opus"},
	    {"claude-3-5-sonnet-20241022", "sonnet"},
	    {"claude-haiku-4-5", "haiku"},
	    {"claude-opus[1m]", "opus"},
	    {"claude-", ""},
	    {"claude-2.1", ""},
	    {"deepseek-flash", ""},
	    {"", ""},
	};
	for (size_t i = 0; i < TAP_COUNT(pairs); i++) {
		char family[MODEL_NAME_MAX];
		TAP_STR(pairs[i][0], message_family(pairs[i][0], family), pairs[i][1]);
	}
}

static void
check_tokens(void)
{
	TAP_INT("tokens of text", message_tokens(&(struct message){.bytes = 4000}), 1000);
	TAP_INT(
	    "base64 is not counted as text",
	    message_tokens(&(struct message){.bytes = 1004000, .data_bytes = 1000000, .files = 1}),
	    2600);
}

/* A cut anywhere is an error, never a crash; damage is never a crash. */
static void
check_damage(void)
{
	size_t n = 0;
	struct message m;
	char error[ERROR_TEXT_MAX];
	char *body = material_sample("tool-turn", &n);
	if (body == NULL) {
		tap_skip("damage", "no samples here");
		return;
	}
	unsigned taken = 0;
	for (size_t cut = 0; cut < n; cut += cut < 2000 || cut > n - 2000 ? 1 : 37) {
		char *exact = material_exact(body, cut);
		taken += message_read(exact, cut, &m, error);
		free(exact);
	}
	TAP_INT("a cut body is never taken", taken, 0);
	unsigned rounds = 0;
	for (time_t began = time(NULL); material_more(began, rounds); rounds++) {
		char *copy = calloc(1, n + 256);
		memcpy(copy, body, n);
		size_t len = material_damage(copy, n);
		char *exact = material_exact(copy, len);
		message_read(exact, len, &m, error);
		free(exact);
		free(copy);
	}
	TAP_ROW("damage", rounds > 0, "no round was run");
	free(body);
}

int
main(int argc, char **argv)
{
	tap_start("message", argc, argv);
	check_rows();
	check_people();
	check_repeatable();
	check_samples();
	check_hours();
	check_errors();
	check_families();
	check_tokens();
	check_damage();
	return tap_finish();
}
