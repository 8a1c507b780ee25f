/* SPDX-License-Identifier: MIT */
/* dialect: what each provider is sent, and what the client sees of its answers.
 * Rewritten bodies are judged by a checker that reads them with json-c's own
 * parser and knows nothing of the code that wrote them (PROTOCOLS.md 2, 3, 5). */

#include "dialect/dialect.h"
#include "dialect/origin.h"
#include "dialect/tool_id.h"

#include "material.h"

#include <json-c/json.h>

#define BODY_MAX (64 << 20)
static const uint8_t key[DIGEST_KEY_SIZE] = {1, 2, 3};

/* --- Handing over -------------------------------------------------------------- */

static enum handover_result
hand_over(const char *dialect, const char *model, unsigned quirks, const char *body, size_t n,
	  struct buf *out)
{
	struct message m;
	char error[ERROR_TEXT_MAX];
	buf_init(out, BODY_MAX);
	if (!message_read(body, n, &m, error))
		return HANDOVER_FAILED;
	struct handover h = {.provider = dialect,
			     .model = model,
			     .body = body,
			     .body_len = n,
			     .message = &m,
			     .key = key,
			     .quirks = quirks};
	return dialect_find(dialect)->encode(&h, out);
}

/* The body that goes out, as it is or rewritten; malloc'ed. */
static char *
sent(const char *dialect, const char *model, unsigned quirks, const char *body)
{
	struct buf out;
	enum handover_result result = hand_over(dialect, model, quirks, body, strlen(body), &out);
	char *text = result == HANDOVER_FAILED  ? strdup("failed")
		     : result == HANDOVER_AS_IS ? strdup(body)
						: strdup(buf_text(&out));
	buf_free(&out);
	return text;
}

static const struct request_row {
	int line;
	const char *name;
	const char *dialect, *model;
	unsigned quirks;
	const char *body, *want;
} requests[] = {
#define A(name, body, want)                                                                        \
	{                                                                                          \
		__LINE__, name, "anthropic", NULL, 0, body, want                                   \
	}
#define M(blocks)                                                                                  \
	"{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\","            \
	"\"content\":[" blocks "]}, {\"role\":\"user\",\"content\":\"r\"}]}"
#define EMPTY_M                                                                                    \
	"{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}, "                                   \
	"{\"role\":\"user\",\"content\":\"r\"}]}"
#define TXT     "{\"type\":\"text\",\"text\":\"a\"}"
#define CLAUDE  "{\"type\":\"thinking\",\"thinking\":\"c\",\"signature\":\"Eqo=\"}"
#define MARKED  "{\"type\":\"thinking\",\"thinking\":\"d\",\"signature\":\"router.deepseek.u-1\"}"
#define WITH_ID "{\"type\":\"thinking\",\"id\":\"rs:1\",\"thinking\":\"d\",\"signature\":\"\"}"
    A("nothing to do", M(TXT), M(TXT)),
    A("an id of an older session",
      M("{\"type\":\"tool_use\",\"id\":\"f.B:0\",\"name\":\"B\",\"input\":{}}"),
      M("{\"type\":\"tool_use\",\"id\":\"router__f-2eB-3a0\",\"name\":\"B\",\"input\":{}}")),
    A("its result", M("{\"type\":\"tool_result\",\"tool_use_id\":\"f.B:0\",\"content\":\"x\"}"),
      M("{\"type\":\"tool_result\",\"tool_use_id\":\"router__f-2eB-3a0\",\"content\":\"x\"}")),
    A("a marked id stays",
      M("{\"type\":\"tool_use\",\"id\":\"router_kimi_f-2eB-3a0\",\"name\":\"B\",\"input\":{}}"),
      M("{\"type\":\"tool_use\",\"id\":\"router_kimi_f-2eB-3a0\",\"name\":\"B\",\"input\":{}}")),
    A("another one's search becomes text",
      M("{\"type\":\"server_tool_use\",\"id\":\"router_deepseek_c-5f1\",\"name\":\"web_search\","
	"\"input\":{\"query\":\"q \\\"x\\\"\"}},{\"type\":\"web_search_tool_result\","
	"\"tool_use_id\":\"router_deepseek_c-5f1\",\"content\":[{\"type\":\"web_search_result\","
	"\"title\":\"T\",\"url\":\"http://u\",\"encrypted_content\":\"e\"}]}," TXT),
      M("{\"type\":\"text\",\"text\":\"[Tool call: web_search]\\nq \\\"x\\\"\"},{\"type\":\"text\","
	"\"text\":\"[Tool result]\\nT\\nhttp://u\"}," TXT)),
    A("Claude's own search stays",
      M("{\"type\":\"server_tool_use\",\"id\":\"srvtoolu_1\",\"name\":\"web_search\",\"input\":{}"
	"}"),
      M("{\"type\":\"server_tool_use\",\"id\":\"srvtoolu_1\",\"name\":\"web_search\","
	"\"input\":{}}")),
    A("Claude's own stays", M(CLAUDE "," TXT), M(CLAUDE "," TXT)),
    A("marked first", M(MARKED " , " TXT), M(TXT)),
    A("marked last", M(TXT " , " MARKED), M(TXT)),
    A("marked between", M(TXT "," MARKED ", " CLAUDE), M(TXT ", " CLAUDE)),
    A("marked twice first", M(MARKED "," MARKED "," TXT), M(TXT)),
    A("marked on both sides", M(MARKED "," TXT "," MARKED "," MARKED), M(TXT)),
    A("what goes with an odd id, last", M(TXT "," WITH_ID), M(TXT)),
    A("what goes with an odd id, first", M(WITH_ID "," TXT), M(TXT)),
    A("empty signature", M("{\"signature\":\"\",\"thinking\":\"x\",\"type\":\"thinking\"}," TXT),
      M(TXT)),
    A("no signature", M("{\"type\":\"thinking\",\"thinking\":\"x\"}," TXT), M(TXT)),
    A("redacted, marked", M("{\"type\":\"redacted_thinking\",\"data\":\"router.kimi.x\"}," TXT),
      M(TXT)),
    A("redacted, Claude's", M("{\"type\":\"redacted_thinking\",\"data\":\"Eqo\"}," TXT),
      M("{\"type\":\"redacted_thinking\",\"data\":\"Eqo\"}," TXT)),
    A("escaped mark",
      M("{\"type\":\"thinking\",\"thinking\":\"x\",\"signature\":\"router\\u002ekimi.\"}," TXT),
      M(TXT)),
    A("escaped type", M("{\"type\":\"th\\u0069nking\",\"signature\":\"\"}," TXT), M(TXT)),
    A("nothing but marked: the message goes", M(MARKED), EMPTY_M),
    A("nothing but marked, twice", M(MARKED "," MARKED), EMPTY_M),
    A("content that came empty stays", M(""), M("")),
    A("thinking inside an input is no thinking",
      M("{\"type\":\"tool_use\",\"input\":{\"content\":[" MARKED "]}}"),
      M("{\"type\":\"tool_use\",\"input\":{\"content\":[" MARKED "]}}")),
    A("white space and numbers keep their bytes",
      "{ \"x\" : 1.50e+3,\n\"messages\":[ {\"content\":[ " MARKED " , " TXT " ]} ] }",
      "{ \"x\" : 1.50e+3,\n\"messages\":[ {\"content\":[ " TXT " ]} ] }"),
    {__LINE__, "model mapped", "anthropic", "n\"1", 0,
     "{\"model\" : \"old\",\"x\":{\"model\":\"old\"}}",
     "{\"model\" : \"n\\\"1\",\"x\":{\"model\":\"old\"}}"},
    {__LINE__, "model the same", "anthropic", "old", 0, "{\"model\":\"o\\u006cd\"}",
     "{\"model\":\"o\\u006cd\"}"},
    {__LINE__, "both models of one name", "anthropic", "n", 0, "{\"model\":\"a\",\"model\":\"b\"}",
     "{\"model\":\"n\",\"model\":\"n\"}"},
    {__LINE__, "login fields", "anthropic", NULL, QUIRK_NO_LOGIN_FIELDS,
     "{\"safeguards\":[1],\"a\":1}", "{\"a\":1}"},
    {__LINE__, "login fields last", "anthropic", NULL, QUIRK_NO_LOGIN_FIELDS,
     "{\"a\":1 , \"safeguards\":{}}", "{\"a\":1}"},
    {__LINE__, "login fields alone", "anthropic", NULL, QUIRK_NO_LOGIN_FIELDS,
     "{\"safeguards\":[1]}", "{}"},
    {__LINE__, "login fields not asked away", "anthropic", NULL, 0, "{\"safeguards\":[1]}",
     "{\"safeguards\":[1]}"},
#define D(name, body, want)                                                                        \
	{                                                                                          \
		__LINE__, name, "deepseek", "ds", 0,                                               \
		    "{\"messages\":[],\"thinking\":{\"type\":\"adaptive\"}," body "}",             \
		    "{\"model\":\"ds\"," want ",\"messages\":[]}"                                  \
	}
#define ON  "\"thinking\":{\"type\":\"enabled\"}"
#define OFF "\"thinking\":{\"type\":\"disabled\"}"
    D("adaptive, effort medium", "\"output_config\":{\"effort\":\"medium\"}",
      ON ",\"output_config\":{\"effort\":\"high\"}"),
    D("tiny max_tokens", "\"max_tokens\":1,\"output_config\":{\"effort\":\"max\"}",
      "\"max_tokens\":1," OFF),
    D("max_tokens 0", "\"max_tokens\":0", "\"max_tokens\":1," OFF),
    D("max_tokens capped", "\"max_tokens\":999999", "\"max_tokens\":393216," ON),
    D("json schema and unknown fields dropped",
      "\"output_config\":{\"format\":{}},\"top_k\":1,\"service_tier\":\"x\",\"new\":1", ON),
    D("sampling kept as it stands", "\"temperature\":0.70,\"top_p\":1e0",
      "\"temperature\":0.70,\"top_p\":1e0," ON),
    D("stops without empty ones", "\"stop_sequences\":[\"\",\"a\",7]",
      "\"stop_sequences\":[\"a\"]," ON),
    D("system: billing and cache marks dropped",
      "\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: "
      "1\"},{\"type\":\"text\",\"text\":\"\u00e4/\\u0000\",\"cache_control\":{}}]",
      ON ",\"system\":[{\"type\":\"text\",\"text\":\"\u00e4/\\u0000\"}]"),
    D("choice without tools dropped", "\"tool_choice\":{\"type\":\"auto\"},\"tools\":[]", ON),
    {__LINE__, "thinking unsaid is off", "deepseek", "ds", 0, "{\"messages\":[]}",
     "{\"model\":\"ds\"," OFF ",\"messages\":[]}"},
    {__LINE__, "no thinking asked by a 400", "deepseek", "ds", QUIRK_NO_THINKING,
     "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"messages\":[]}",
     "{\"model\":\"ds\"," OFF ",\"messages\":[]}"},
    {__LINE__, "forced tool", "deepseek", "ds", 0,
     "{\"thinking\":{\"type\":\"enabled\"},\"tools\":[{\"name\":\"a\",\"strict\":true,\"input_"
     "schema\":{\"strict\":1}},{\"name\":\"b\",\"defer_loading\":true},{\"type\":\"bash_20250124\","
     "\"name\":\"bash\"},{\"type\":\"web_search_20250305\",\"name\":\"web_search\",\"cache_"
     "control\":{}}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"a\",\"disable_parallel_tool_"
     "use\":true},\"messages\":[]}",
     "{\"model\":\"ds\"," OFF ",\"messages\":[],\"tool_choice\":{\"type\":\"tool\",\"name\":\"a\"},"
     "\"tools\":[{\"name\":\"a\",\"input_schema\":{\"strict\":1}},{\"name\":\"bash\","
     "\"description\":\"Runs a "
     "command in a shell that lives on between "
     "calls.\",\"input_schema\":{\"type\":\"object\",\"properties\":{"
     "\"command\":{\"type\":\"string\"},\"restart\":{\"type\":\"boolean\"}}}},{"
     "\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]}"},
    {__LINE__, "forced tool on k3", "kimi", "kimi-k3", 0,
     "{\"tools\":[{\"name\":\"a\"}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"a\"},"
     "\"messages\":[]}",
     "{\"model\":\"kimi-k3\",\"messages\":[],\"tool_choice\":{\"type\":\"any\"},\"tools\":[{"
     "\"name\":\"a\"}]}"},
    {__LINE__, "forced tool on k2", "kimi", "kimi-k2", 0,
     "{\"tools\":[{\"name\":\"a\"}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"a\"},"
     "\"messages\":[]}",
     "{\"model\":\"kimi-k2\",\"messages\":[],\"tool_choice\":{\"type\":\"auto\"},\"tools\":[{"
     "\"name\":\"a\"}]}"},
    {__LINE__, "deferred tool once referenced", "kimi", "kimi-k3", 0,
     "{\"tools\":[{\"name\":\"a\",\"defer_loading\":true}],\"messages\":[{\"role\":\"assistant\","
     "\"content\":[{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"s\",\"input\":{}}]},{\"role\":"
     "\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"type\":"
     "\"tool_reference\",\"tool_name\":\"a\"}]}]}]}",
     "{\"model\":\"kimi-k3\",\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_"
     "use\",\"id\":\"1\",\"name\":\"s\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":"
     "\"tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"type\":\"text\",\"text\":\"[Tool now "
     "available]\\na\"}]}]}],\"tools\":[{\"name\":\"a\"}]}"},
    {__LINE__, "k3 is not told about thinking", "kimi", "kimi-k3", 0,
     "{\"thinking\":{\"type\":\"adaptive\"},\"temperature\":1,\"max_tokens\":128000,\"cache_"
     "control\":{\"type\":\"x\"},\"stop_sequences\":[\"123456789012345678901234567890123\",\"a\"],"
     "\"output_config\":{\"effort\":\"xhigh\",\"format\":{\"a\":null}},\"messages\":[]}",
     "{\"model\":\"kimi-k3\",\"max_tokens\":32768,\"stop_sequences\":[\"a\"],\"output_config\":{"
     "\"effort\":\"high\",\"format\":{\"a\":null}},\"cache_control\":{\"type\":\"ephemeral\"},"
     "\"messages\":[]}"},
    {__LINE__, "k2.6 off", "kimi", "kimi-k2.6", 0,
     "{\"thinking\":{\"type\":\"disabled\"},\"messages\":[]}",
     "{\"model\":\"kimi-k2.6\"," OFF ",\"messages\":[]}"},
    {__LINE__, "k2.7 cannot be off", "kimi", "kimi-k2.7-code", 0,
     "{\"thinking\":{\"type\":\"disabled\"},\"messages\":[]}",
     "{\"model\":\"kimi-k2.7-code\",\"messages\":[]}"},
    {__LINE__, "k2.7 on", "kimi", "kimi-k2.7-code", 0,
     "{\"thinking\":{\"type\":\"adaptive\"},\"messages\":[]}",
     "{\"model\":\"kimi-k2.7-code\"," ON ",\"messages\":[]}"},
    {__LINE__, "images go to flash", "deepseek", "deepseek-v4-pro", 0,
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":"
     "\"url\",\"url\":\"u\"}}]}]}",
     "{\"model\":\"deepseek-flash\"," OFF
     ",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":"
     "\"url\",\"url\":\"u\"}}]}]}"},
#define T(name, dialect, quirks, blocks, want)                                                     \
	{                                                                                          \
		__LINE__, name, dialect, "m", quirks, "{" ON ",\"messages\":[" blocks "]}", want   \
	}
#define DS(want)    "{\"model\":\"m\"," ON ",\"messages\":[" want "]}"
#define KI(want)    "{\"model\":\"m\",\"messages\":[" want "]}"
#define U(content)  "{\"role\":\"user\",\"content\":" content "}"
#define AS(content) "{\"role\":\"assistant\",\"content\":[" content "]}"
#define SY(content) "{\"role\":\"system\",\"content\":" content "}"
#define CALL                                                                                       \
	"{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"B\",\"input\":{\"n\":"                     \
	"123456789012345678901234567890,\"f\":1.10,\"z\":-0,\"h\":1e2,\"e\":null}}"
#define NULS                                                                                       \
	"{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"B\",\"input\":{\"n\\u0000a\":1,"           \
	"\"n\\u0000b\":2,\"n\":\"\\u0000\"}}"
#define RES  "{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":\"x\"}"
#define HOLD "{\"type\":\"thinking\",\"thinking\":\"tool call\"}"
    T("deepseek: foreign thinking at a tool", "deepseek", 0, AS(CLAUDE "," CALL) "," U("[" RES "]"),
      DS(AS(HOLD "," CALL) "," U("[" RES "]"))),
    T("deepseek: own thinking unmarked", "deepseek", 0, AS(MARKED "," CALL) "," U("[" RES "]"),
      DS(AS("{\"type\":\"thinking\",\"thinking\":\"d\",\"signature\":\"u-1\"}," CALL) "," U("[" RES
											    "]"))),
    T("deepseek: foreign thinking elsewhere", "deepseek", 0, AS(CLAUDE "," TXT), DS(AS(TXT))),
    T("deepseek: nothing but foreign thinking", "deepseek", 0,
      U("\"a\"") "," AS(CLAUDE) "," U("\"b\""), DS(U("\"a\"") "," U("\"b\""))),
    T("deepseek: role system kept", "deepseek", 0, U("\"a\"") "," SY("\"s\""),
      DS(U("\"a\"") "," SY("\"s\""))),
    T("deepseek: role system as user", "deepseek", QUIRK_SYSTEM_AS_USER, U("\"a\"") "," SY("\"s\""),
      DS(U("["
	   "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"<system-reminder>"
	   "\\ns\\n</system-reminder>\"}"
	   "]"))),
    T("deepseek: web search kept", "deepseek", 0,
      AS("{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{\"query\":"
	 "\"q\"}},{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[]}"),
      DS(AS(
	  "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{\"query\":"
	  "\"q\"}},{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[]}"))),
    T("deepseek: half a web search", "deepseek", 0,
      AS("{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{\"query\":"
	 "\"q\"}}"),
      DS(AS("{\"type\":\"text\",\"text\":\"[Tool "
	    "call]\\nweb_search\\n{\\\"query\\\":\\\"q\\\"}\"}"))),
    T("deepseek: a NUL in a text, and two names that differ behind one", "deepseek", 0,
      AS("{\"type\":\"text\",\"text\":\"\\u0000b\"}," NULS) "," U("[" RES "]"),
      DS(AS(HOLD ",{\"type\":\"text\",\"text\":\"\\u0000b\"}," NULS) "," U("[" RES "]"))),
    T("deepseek: a NUL in a document", "deepseek", 0,
      U("[{\"type\":\"document\",\"title\":\"T\\u0000U\"}]"),
      DS(U("[{\"type\":\"text\",\"text\":\"[Document]\\nT\\u0000U\"}]"))),
    T("deepseek: document", "deepseek", 0,
      U("[{\"type\":\"document\",\"title\":\"T\",\"source\":{\"type\":\"text\",\"media_type\":"
	"\"text/"
	"plain\",\"data\":\"body\"}},{\"type\":\"document\",\"source\":{\"type\":\"base64\","
	"\"media_type\":\"application/pdf\",\"data\":\"AAAA\"}}]"),
      DS(U("[{\"type\":\"text\",\"text\":\"[Document]\\nT\\ntext/"
	   "plain\\nbody\"},{\"type\":\"text\",\"text\":\"[Document]\\napplication/pdf\"}]"))),
    T("deepseek: call without a result", "deepseek", 0, AS(CALL) "," U("\"no\""),
      DS(AS("{\"type\":\"text\",\"text\":\"[Tool "
	    "call]\\nB\\n{\\\"n\\\":123456789012345678901234567890,\\\"f\\\":1.10,\\\"z\\\":-0,"
	    "\\\"h\\\":1e2,"
	    "\\\"e\\\":null}\"}") "," U("\"no\""))),
    T("deepseek: result without a call", "deepseek", 0, U("[" RES "]"),
      DS(U("[{\"type\":\"text\",\"text\":\"[Tool result]\\nx\"}]"))),
    T("deepseek: empty result, empty text", "deepseek", 0,
      AS("{\"type\":\"text\",\"text\":\"\"}," CALL) "," U(
	  "[{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":[]}]"),
      DS(AS(HOLD "," CALL) "," U(
	  "[{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":\"[no output]\"}]"))),
    T("kimi: thinking of others dropped", "kimi", 0,
      AS(CLAUDE "," MARKED "," CALL) "," U("[" RES "]"), KI(AS(CALL) "," U("[" RES "]"))),
    T("kimi: placeholder on its 400", "kimi", QUIRK_THINKING_PLACEHOLDER,
      AS(CLAUDE "," CALL) "," U("[" RES "]"), KI(AS(HOLD "," CALL) "," U("[" RES "]"))),
    T("kimi: own thinking without signature", "kimi", 0,
      AS("{\"type\":\"thinking\",\"thinking\":\"k\",\"signature\":\"router.kimi.\"}," TXT),
      KI(AS("{\"type\":\"thinking\",\"thinking\":\"k\"}," TXT))),
    T("kimi: another's name begins like its own", "kimi", 0,
      AS("{\"type\":\"thinking\",\"thinking\":\"k\",\"signature\":\"router.kimi2.\"}," TXT),
      KI(AS(TXT))),
    T("kimi: system between call and result", "kimi", 0,
      AS(CALL) "," SY("[{\"type\":\"text\",\"text\":\"s\"}]") "," U("[" RES "]"),
      KI(AS(CALL) "," U(
	  "[" RES
	  ",{\"type\":\"text\",\"text\":\"<system-reminder>\\ns\\n</system-reminder>\"}]"))),
    T("kimi: system first and last", "kimi", 0, SY("\"s\"") "," AS(TXT) "," SY("\"t\""),
      KI(U("[{\"type\":\"text\",\"text\":\"<system-reminder>\\ns\\n</system-reminder>\"}]") "," AS(
	  TXT) "," U("[{\"type\":\"text\",\"text\":\"<system-reminder>\\nt\\n</"
		     "system-reminder>\"}]"))),
    T("kimi: image by address", "kimi", 0,
      U("[{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.png\"}}]"),
      KI(U("[{\"type\":\"text\",\"text\":\"[Image, not shown]\\nhttps://x/y.png\"}]"))),
    T("kimi: web search as text, both halves", "kimi", 0,
      AS("{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}},{"
	 "\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[{\"type\":\"web_"
	 "search_result\",\"title\":\"t\",\"url\":\"u\",\"encrypted_content\":\"zzz\"}]}"),
      KI(AS("{\"type\":\"text\",\"text\":\"[Tool "
	    "call]\\nweb_search\\n{}\"},{\"type\":\"text\",\"text\":\"[Web search "
	    "result]\\nt\\nu\"}"))),
    T("kimi: unknown block", "kimi", 0, U("[{\"type\":\"brandnew\",\"text\":\"t\"}]"),
      KI(U("[{\"type\":\"text\",\"text\":\"[brandnew]\\nt\"}]"))),
};

static void
check_requests(void)
{
	for (size_t i = 0; i < TAP_COUNT(requests); i++) {
		const struct request_row *r = &requests[i];
		char *once = sent(r->dialect, r->model, r->quirks, r->body);
		char *again = sent(r->dialect, r->model, r->quirks, r->body);
		TAP_STR_AT(r->line, r->name, once, r->want);
		TAP_ROW_AT(r->line, "… the same bytes each time", !strcmp(once, again), "%s",
			   r->name);
		/* What was stripped for Claude needs no more stripping. */
		if (strcmp(r->dialect, "anthropic") == 0) {
			char *twice = sent(r->dialect, r->model, r->quirks, once);
			TAP_STR_AT(r->line, "… and idempotent", twice, once);
			free(twice);
		}
		free(once);
		free(again);
	}
}

/* --- The independent checker ------------------------------------------------------ */

static const char *
text_of(json_object *o, const char *name)
{
	json_object *v = NULL;
	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, name, &v) ||
	    !json_object_is_type(v, json_type_string))
		return "";
	return json_object_get_string(v);
}

static bool
among(const char *word, const char *list)
{
	char quoted[128];
	snprintf(quoted, sizeof quoted, " %s ", word);
	return strlen(word) < 100 && strstr(list, quoted) != NULL;
}

static const char *
only_members(json_object *o, const char *list)
{
	json_object_object_foreach(o, name, value)
	{
		(void)value;
		if (!among(name, list))
			return name;
	}
	return NULL;
}

static bool
has_block(json_object *messages, size_t i, const char *type, const char *member, const char *id)
{
	json_object *content = NULL;
	if (i >= json_object_array_length(messages))
		return false;
	json_object_object_get_ex(json_object_array_get_idx(messages, i), "content", &content);
	if (!json_object_is_type(content, json_type_array))
		return false;
	for (size_t b = 0; b < json_object_array_length(content); b++) {
		json_object *block = json_object_array_get_idx(content, b);
		if (!strcmp(text_of(block, "type"), type) &&
		    (!member || !strcmp(text_of(block, member), id)))
			return true;
	}
	return false;
}

/* The nearest message of a role from i on, in a direction. */
static size_t
nearest(json_object *messages, size_t i, int step, const char *role)
{
	size_t n = json_object_array_length(messages);
	while (i < n && strcmp(text_of(json_object_array_get_idx(messages, i), "role"), role))
		i = (size_t)((ssize_t)i + step);
	return i;
}

struct verdict {
	bool deepseek;
	bool thinking; /* {enabled} was sent */
	char wrong[200];
};

static bool
wrong(struct verdict *v, const char *what, const char *detail)
{
	if (*v->wrong == '\0')
		snprintf(v->wrong, sizeof v->wrong, "%s: %s", what, detail ? detail : "");
	return false;
}

static void
judge_block(struct verdict *v, json_object *messages, size_t i, json_object *block)
{
	const char *type = text_of(block, "type");
	if (!among(type, v->deepseek ? " text image thinking tool_use tool_result server_tool_use "
				       "web_search_tool_result "
				     : " text image thinking tool_use tool_result "))
		wrong(v, "block", type);
	const char *extra = only_members(
	    block,
	    " type text source thinking signature id name input tool_use_id content is_error ");
	if (extra)
		wrong(v, "member of a block", extra);
	if (!strcmp(type, "text") &&
	    json_object_get_string_len(json_object_object_get(block, "text")) == 0)
		wrong(v, "empty text", NULL);
	if (!strncmp(text_of(block, "signature"), "router.", 7) ||
	    (!v->deepseek && *text_of(block, "signature")))
		wrong(v, "signature", text_of(block, "signature"));
	if (!strcmp(type, "tool_use") &&
	    !has_block(messages, nearest(messages, i, 1, "user"), "tool_result", "tool_use_id",
		       text_of(block, "id")))
		wrong(v, "tool_use without result", text_of(block, "id"));
	if (!strcmp(type, "tool_result") &&
	    !has_block(messages, nearest(messages, i, -1, "assistant"), "tool_use", "id",
		       text_of(block, "tool_use_id")))
		wrong(v, "tool_result without tool_use", text_of(block, "tool_use_id"));
}

static void
judge_message(struct verdict *v, json_object *messages, size_t i)
{
	json_object *message = json_object_array_get_idx(messages, i), *content = NULL;
	const char *role = text_of(message, "role"),
		   *extra = only_members(message, " role content ");
	if (extra)
		wrong(v, "member of a message", extra);
	if (!among(role, v->deepseek ? " user assistant system " : " user assistant "))
		wrong(v, "role", role);
	json_object_object_get_ex(message, "content", &content);
	if (json_object_is_type(content, json_type_string)
		? json_object_get_string_len(content) == 0
		: !json_object_is_type(content, json_type_array) ||
		      json_object_array_length(content) == 0)
		wrong(v, "empty content", role);
	if (json_object_is_type(content, json_type_array))
		for (size_t b = 0; b < json_object_array_length(content); b++)
			judge_block(v, messages, i, json_object_array_get_idx(content, b));
	if (v->thinking && v->deepseek && has_block(messages, i, "tool_use", NULL, NULL) &&
	    !has_block(messages, i, "thinking", NULL, NULL))
		wrong(v, "tool turn without thinking", NULL);
}

static void
judge_tools(struct verdict *v, json_object *tools)
{
	for (size_t i = 0; i < json_object_array_length(tools); i++) {
		json_object *tool = json_object_array_get_idx(tools, i);
		bool search = v->deepseek && !strncmp(text_of(tool, "type"), "web_search_", 11);
		const char *extra = only_members(
		    tool, search
			      ? " type name max_uses allowed_domains blocked_domains user_location "
			      : " name description input_schema ");
		if (extra)
			wrong(v, "member of a tool", extra);
		if (!strcmp(text_of(tool, "name"), "DeferredToolPlaceholder"))
			wrong(v, "placeholder tool", NULL);
	}
	if (json_object_array_length(tools) == 0)
		wrong(v, "empty tools", NULL);
}

static void
judge_body(struct verdict *v, json_object *body)
{
	static const char common[] =
	    " model messages max_tokens system stream stop_sequences tools tool_choice metadata "
	    "thinking output_config ";
	json_object *part = NULL;
	const char *extra = NULL;
	json_object_object_foreach(body, name, value)
	{
		(void)value;
		if (!among(name, common) &&
		    !among(name, v->deepseek ? " temperature top_p " : " cache_control "))
			extra = name;
	}
	if (extra)
		wrong(v, "member of the body", extra);
	if (json_object_object_get_ex(body, "thinking", &part))
		v->thinking = !strcmp(text_of(part, "type"), "enabled");
	if (v->deepseek && !part)
		wrong(v, "thinking is not mentioned", NULL);
	if (json_object_object_get_ex(body, "output_config", &part) && v->deepseek && !v->thinking)
		wrong(v, "effort with thinking disabled", NULL);
	if (part && *text_of(part, "effort") && !among(text_of(part, "effort"), " low high max "))
		wrong(v, "effort", text_of(part, "effort"));
	if (json_object_object_get_ex(body, "max_tokens", &part) &&
	    json_object_get_int64(part) > (v->deepseek ? 393216 : 32768))
		wrong(v, "max_tokens", json_object_get_string(part));
	if (json_object_object_get_ex(body, "metadata", &part) &&
	    (strlen(text_of(part, "user_id")) != 64 ||
	     strspn(text_of(part, "user_id"), "0123456789abcdef") != 64))
		wrong(v, "user_id", text_of(part, "user_id"));
	if (json_object_object_get_ex(body, "system", &part) &&
	    strstr(json_object_to_json_string(part), "\"x-anthropic-billing-header:"))
		wrong(v, "billing text", NULL);
	if (json_object_object_get_ex(body, "tools", &part))
		judge_tools(v, part);
	if (!json_object_object_get_ex(body, "messages", &part))
		wrong(v, "no messages", NULL);
	else
		for (size_t i = 0; i < json_object_array_length(part); i++)
			judge_message(v, part, i);
}

static json_object *
parse(struct verdict *v, const char *text, int flags)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
	json_tokener_set_flags(tokener, flags);
	json_object *o = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
	if (!json_object_is_type(o, json_type_object))
		wrong(v, "no JSON object",
		      json_tokener_error_desc(json_tokener_get_error(tokener)));
	json_tokener_free(tokener);
	return o;
}

/* json-c 0.18's strict rules refuse all that is not ASCII, so the form is judged without it. */
static void
judge_form(struct verdict *v, const char *text)
{
	char *ascii = strdup(text);
	for (char *c = ascii; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	json_object_put(parse(v, ascii, JSON_TOKENER_STRICT));
	free(ascii);
}

/* "" when a rewritten body is one that the provider takes. */
static const char *
judge(const char *dialect, const char *text)
{
	static struct verdict v;
	v = (struct verdict){.deepseek = !strcmp(dialect, "deepseek")};
	judge_form(&v, text);
	json_object *body = parse(&v, text, 0);
	if (json_object_is_type(body, json_type_object))
		judge_body(&v, body);
	json_object_put(body);
	return v.wrong;
}

static const char *const rewriting[] = {"deepseek", "kimi"};

static void
check_samples(void)
{
	static const char *const models[] = {"deepseek-flash", "kimi-k3"};
	for (size_t i = 0; i < TAP_COUNT(material_names); i++) {
		size_t n = 0;
		char *body = material_sample(material_names[i], &n), name[100];
		if (body == NULL) {
			tap_skip(material_names[i], "no samples here");
			continue;
		}
		for (size_t d = 0; d < TAP_COUNT(rewriting); d++) {
			char *text = sent(rewriting[d], models[d], 0, body);
			snprintf(name, sizeof name, "%s for %s", material_names[i], rewriting[d]);
			TAP_STR(name, judge(rewriting[d], text), "");
			free(text);
		}
		char *as_is = sent("anthropic", NULL, 0, body);
		snprintf(name, sizeof name, "%s for Claude is untouched", material_names[i]);
		TAP_OK(name, !strcmp(as_is, body));
		free(as_is);
		free(body);
	}
}

/* --- A conversation that changes its provider at every turn ------------------------- */

/* Turn t was answered by provider t % 3, with thinking signed in its way, and a tool. */
static void
add_turn(struct buf *b, unsigned t)
{
	static const char *const signatures[] = {"EqoBclaude+/=", "router.deepseek.uuid",
						 "router.kimi."};
	const char *signature = signatures[t % 3];
	bool tool = t % 5 != 4;
	if (!buf_printf(b,
			",{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
			"\"t%u\",\"signature\":\"%s\"}",
			t, signature) ||
	    (tool &&
	     !buf_printf(
		 b,
		 ",{\"type\":\"tool_use\",\"id\":\"tu%u\",\"name\":\"Bash\",\"input\":{\"a\":%u}}",
		 t, t)) ||
	    !buf_puts(b, "]},{\"role\":\"user\",\"content\":") ||
	    (tool ? !buf_printf(
			b,
			"[{\"type\":\"tool_result\",\"tool_use_id\":\"tu%u\",\"content\":\"x\"}]}",
			t)
		  : !buf_printf(b, "\"out%u\"}", t)))
		abort();
}

static char *
conversation(unsigned turns)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	if (!buf_puts(&b, "{\"model\":\"claude-opus-5-5\",\"thinking\":{\"type\":\"adaptive\"},"
			  "\"messages\":[{\"role\":\"user\",\"content\":\"q\"}"))
		abort();
	for (unsigned t = 0; t < turns; t++)
		add_turn(&b, t);
	if (!buf_puts(&b, "]}"))
		abort();
	return buf_take(&b);
}

static void
check_switches(void)
{
	unsigned grown = 0, judged = 0;
	for (unsigned turns = 1; turns <= 12; turns++) {
		char *now = conversation(turns), *next = conversation(turns + 1);
		char *cut = sent("anthropic", NULL, 0, now),
		     *cut_next = sent("anthropic", NULL, 0, next);
		/* Without its "]}" each is the beginning of the next. */
		grown += !strncmp(cut, cut_next, strlen(cut) - 2) && !strstr(cut, "router.") &&
			 (strstr(cut, "EqoBclaude") != NULL);
		for (size_t d = 0; d < TAP_COUNT(rewriting); d++) {
			char *text = sent(rewriting[d], "m", 0, now);
			const char *bad = judge(rewriting[d], text);
			if (*bad)
				TAP_STR(rewriting[d], bad, "");
			judged += !*bad && !strstr(text, "EqoB") && !strstr(text, "router.");
			free(text);
		}
		free(now);
		free(next);
		free(cut);
		free(cut_next);
	}
	TAP_INT("Claude: turn n is the beginning of turn n + 1", grown, 12);
	TAP_INT("others: every turn is accepted", judged, 24);
}

/* --- Answers ------------------------------------------------------------------------- */

#define E(name, data) "event: " name "\ndata: " data "\n\n"
#define BEGIN(i, block)                                                                            \
	E("content_block_start",                                                                   \
	  "{\"type\":\"content_block_start\",\"index\":" #i ",\"content_block\":{" block "}}")
#define DELTA(i, delta)                                                                            \
	E("content_block_delta",                                                                   \
	  "{\"type\":\"content_block_delta\",\"index\":" #i ",\"delta\":{" delta "}}")
#define STOP(i)    E("content_block_stop", "{\"type\":\"content_block_stop\",\"index\":" #i "}")
#define SIGN(i, s) DELTA(i, "\"type\":\"signature_delta\",\"signature\":\"" s "\"")
#define THINK(i)   BEGIN(i, "\"type\":\"thinking\",\"thinking\":\"\"")
#define MORE(i)    DELTA(i, "\"type\":\"thinking_delta\",\"thinking\":\"x\"")

#define TOOL(i, id) BEGIN(i, "\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"n\",\"input\":{}")
#define SERVER(i, id)                                                                              \
	BEGIN(i, "\"type\":\"server_tool_use\",\"id\":\"" id "\",\"name\":\"web_search\"")
#define SAY(i)        BEGIN(i, "\"type\":\"text\",\"text\":\"\"")
#define SAID(i, text) DELTA(i, "\"type\":\"text_delta\",\"text\":\"" text "\"")

static const struct {
	int line;
	const char *name, *in, *out;
} streams[] = {
    {__LINE__, "signature marked", THINK(0) MORE(0) SIGN(0, "u") STOP(0),
     THINK(0) MORE(0) SIGN(0, "router.p.u") STOP(0)},
    {__LINE__, "no signature", THINK(0) MORE(0) STOP(0),
     THINK(0) MORE(0) SIGN(0, "router.p.") STOP(0)},
    {__LINE__, "the first block is the client's first", THINK(3) MORE(3) STOP(3),
     THINK(0) MORE(0) SIGN(0, "router.p.") STOP(0)},
    {__LINE__, "a signature that is null",
     BEGIN(0, "\"type\":\"thinking\",\"signature\":null") STOP(0),
     BEGIN(0, "\"type\":\"thinking\",\"signature\":null") SIGN(0, "router.p.") STOP(0)},
    {__LINE__, "a signature behind the next block's start",
     THINK(0) MORE(0) TOOL(1, "t1") SIGN(0, "u") STOP(0) STOP(1),
     THINK(0) MORE(0) TOOL(1, "t1") SIGN(0, "router.p.u") STOP(0) STOP(1)},
    {__LINE__, "a doubled stop", TOOL(0, "t1") STOP(0) STOP(0), TOOL(0, "t1") STOP(0)},
    {__LINE__, "a delta of a block that is over", THINK(0) SIGN(0, "u") STOP(0) MORE(0),
     THINK(0) SIGN(0, "router.p.u") STOP(0)},
    {__LINE__, "an id that Claude refuses", TOOL(0, "functions.Bash:0") STOP(0),
     TOOL(0, "router_p_functions-2eBash-3a0") STOP(0)},
    {__LINE__, "an id that Claude takes", TOOL(0, "call_00-x") STOP(0),
     TOOL(0, "call_00-x") STOP(0)},
    {__LINE__, "an id that looks like a mark", TOOL(0, "router_p_x") STOP(0),
     TOOL(0, "router_p_router-5fp-5fx") STOP(0)},
    {__LINE__, "the id of a server's tool", SERVER(0, "call_1") STOP(0),
     SERVER(0, "router_p_call-5f1") STOP(0)},
    {__LINE__, "a blank text, and the indices behind it",
     THINK(0) SIGN(0, "u") STOP(0) SAY(1) SAID(1, "\\n\\n") STOP(1) TOOL(2, "t1") STOP(2),
     THINK(0) SIGN(0, "router.p.u") STOP(0) TOOL(1, "t1") STOP(1)},
    {__LINE__, "white space, and then a word", SAY(0) SAID(0, "\\n") SAID(0, "x") STOP(0),
     SAY(0) SAID(0, "\\n") SAID(0, "x") STOP(0)},
    {__LINE__, "a blank text, and then one with a word",
     SAY(0) STOP(0) SAY(1) SAID(1, " ") SAID(1, "x") STOP(1),
     SAY(0) SAID(0, " ") SAID(0, "x") STOP(0)},
    {__LINE__, "empty signature", THINK(0) SIGN(0, "") STOP(0),
     THINK(0) SIGN(0, "router.p.") STOP(0)},
    {__LINE__, "empty signature in the start",
     BEGIN(0, "\"type\":\"thinking\",\"signature\":\"\"") STOP(0),
     BEGIN(0, "\"type\":\"thinking\",\"signature\":\"\"") SIGN(0, "router.p.") STOP(0)},
    {__LINE__, "signature in the start",
     BEGIN(0, "\"signature\":\"u\",\"type\":\"thinking\"") STOP(0),
     BEGIN(0, "\"signature\":\"router.p.u\",\"type\":\"thinking\"") STOP(0)},
    {__LINE__, "redacted", BEGIN(0, "\"type\":\"redacted_thinking\",\"data\":\"z\"") STOP(0),
     BEGIN(0, "\"type\":\"redacted_thinking\",\"data\":\"router.p.z\"") STOP(0)},
    {__LINE__, "two blocks", THINK(0) STOP(0) THINK(1) SIGN(1, "v") STOP(1),
     THINK(0) SIGN(0, "router.p.") STOP(0) THINK(1) SIGN(1, "router.p.v") STOP(1)},
    {__LINE__, "text untouched",
     ": hi\r\n\r\n" BEGIN(0, "\"type\":\"text\",\"text\":\"\"")
	 DELTA(0, "\"type\":\"text_delta\",\"text\":\"signature_delta\"") STOP(0),
     ": hi\r\n\r\n" BEGIN(0, "\"type\":\"text\",\"text\":\"\"")
	 DELTA(0, "\"type\":\"text_delta\",\"text\":\"signature_delta\"") STOP(0)},
    {__LINE__, "data in two lines",
     THINK(0) "event: content_block_delta\r\ndata: "
	      "{\"delta\":{\"type\":\"signature_delta\",\r\ndata: "
	      "\"signature\":\"u\"}}\r\n\r\n" STOP(0),
     THINK(0) E("content_block_delta",
		"{\"delta\":{\"type\":\"signature_delta\", \"signature\":\"router.p.u\"}}")
	 STOP(0)},
    {__LINE__, "broken JSON passes",
     THINK(0) E("content_block_delta", "{\"delta\":{\"type\":\"signature_delta\"") STOP(0),
     THINK(0) E("content_block_delta", "{\"delta\":{\"type\":\"signature_delta\"")
	 SIGN(0, "router.p.") STOP(0)},
};

static void
relabelled(const struct dialect *d, const char *bytes, size_t n, struct buf *out)
{
	struct origin origin = {.provider = "p"};
	struct sse s;
	struct sse_event e;
	sse_init(&s);
	for (; sse_next(&s, bytes, n, &e) == SSE_EVENT; bytes += e.raw_len, n -= e.raw_len)
		if (!d->decode_event(&origin, &e, out))
			abort();
	origin_fini(&origin);
	sse_fini(&s);
}

static void
check_streams(void)
{
	for (size_t i = 0; i < TAP_COUNT(streams); i++)
		for (size_t d = 0; d < TAP_COUNT(rewriting); d++) {
			struct buf out;
			buf_init(&out, 1 << 20);
			relabelled(dialect_find(rewriting[d]), streams[i].in, strlen(streams[i].in),
				   &out);
			TAP_STR_AT(streams[i].line, streams[i].name, buf_text(&out),
				   streams[i].out);
			buf_free(&out);
		}
	TAP_OK("Claude's events pass", dialect_find("anthropic")->decode_event == NULL);
	TAP_OK("Claude's answers pass", dialect_find("anthropic")->decode_json == NULL);
}

static void
check_answers(void)
{
	static const char *const pairs[][2] = {
	    {"{\"content\":[{\"type\":\"thinking\",\"thinking\":\"x\",\"signature\":\"u\"}, "
	     "{\"type\":\"text\",\"text\":\" x\"}] }",
	     "{\"content\":[{\"type\":\"thinking\",\"thinking\":\"x\",\"signature\":\"router.p.u\"}"
	     ", {\"type\":\"text\",\"text\":\" x\"}] }"},
	    {"{\"content\":[{\"type\":\"text\",\"text\":\"\\n\\n\"},{\"type\":\"tool_use\",\"id\":"
	     "\"f.B:0\",\"name\":\"B\"}]}",
	     "{\"content\":[{\"type\":\"tool_use\",\"id\":\"router_p_f-2eB-3a0\",\"name\":\"B\"}]"
	     "}"},
	    {"{\"content\":[{\"type\":\"thinking\",\"signature\":null}]}",
	     "{\"content\":[{\"type\":\"thinking\",\"signature\":\"router.p.\"}]}"},
	    {"{\"content\":[{\"type\":\"thinking\",\"thinking\":\"x\" }]}",
	     "{\"content\":[{\"type\":\"thinking\",\"thinking\":\"x\",\"signature\":\"router.p.\" "
	     "}]}"},
	    {"{\"content\":[{\"type\":\"thinking\",\"signature\":\"\"}]}",
	     "{\"content\":[{\"type\":\"thinking\",\"signature\":\"router.p.\"}]}"},
	    {"{\"content\":\"x\"}", "{\"content\":\"x\"}"},
	    {"{\"content\":[{\"type\":\"thinking\",\"signature\":\"u\"}],",
	     "{\"content\":[{\"type\":\"thinking\",\"signature\":\"u\"}],"},
	    {"<html>", "<html>"},
	    {"", ""},
	};
	for (size_t i = 0; i < TAP_COUNT(pairs); i++) {
		struct buf out;
		buf_init(&out, 1 << 20);
		bool fine = dialect_find("kimi")->decode_json("p", -1, pairs[i][0],
							      strlen(pairs[i][0]), &out);
		TAP_STR(pairs[i][0], fine ? buf_text(&out) : NULL, pairs[i][1]);
		buf_free(&out);
	}
}

/* There and back, and back for nobody else. */
static void
check_ids(void)
{
	static const char *const ids[] = {"functions.Bash:0", "a b", "_", "router_p_x", "\xc3\xbc"};
	static const char *const makers[] = {"p", "p_x", "p-x", "p_", ""};
	for (size_t i = 0; i < TAP_COUNT(ids); i++)
		for (size_t m = 0; m < TAP_COUNT(makers); m++) {
			char marked[TOOL_ID_MARKED_MAX], back[TOOL_ID_MAX + 1];
			struct span id = {0, strlen(ids[i])};
			size_t n = tool_id_mark(makers[m], ids[i], id, marked);
			TAP_OK("Claude takes it", !tool_id_is_odd(marked, (struct span){0, n}));
			for (size_t o = 0; o < TAP_COUNT(makers); o++) {
				bool own = tool_id_unmark(makers[o], marked, back);
				TAP_INT(makers[o], own, o == m);
				if (own)
					TAP_STR(ids[i], back, ids[i]);
			}
		}
	char long_id[TOOL_ID_MAX + 2], marked[TOOL_ID_MARKED_MAX];
	memset(long_id, 'x', sizeof long_id);
	TAP_INT("too long", tool_id_mark("p", long_id, (struct span){0, TOOL_ID_MAX + 1}, marked),
		0);
	TAP_OK("half an escape", !tool_id_unmark("p", "router_p_-2", long_id));
	TAP_OK("no escape", !tool_id_unmark("p", "router_p_-zz", long_id));
	char *text =
	    sent("kimi", "m", 0,
		 M("{\"type\":\"tool_use\",\"id\":\"router_kimi_f-2eB-3a0\",\"name\":\"B\","
		   "\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
		   "\"tool_use_id\":\"router_kimi_f-2eB-3a0\",\"content\":\"x\"}"));
	TAP_OK("its maker gets its own id", strstr(text, "\"id\":\"f.B:0\"") != NULL &&
						strstr(text, "\"tool_use_id\":\"f.B:0\"") != NULL);
	free(text);
}

static void
check_client_tools(void)
{
	static const char body[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],"
				   "\"tools\":[{\"type\":\"bash_20250124\","
				   "\"name\":\"bash\"}],\"tool_choice\":{\"type\":\"odd\"}}";
	for (size_t d = 0; d < TAP_COUNT(rewriting); d++) {
		char *text = sent(rewriting[d], "m", 0, body);
		TAP_OK("a shell is an ordinary tool", strstr(text, "\"name\":\"bash\"") != NULL &&
							  strstr(text, "\"command\"") != NULL &&
							  strstr(text, "bash_2025") == NULL);
		TAP_OK("an unknown tool_choice goes to nobody", strstr(text, "odd") == NULL);
		free(text);
	}
}

/* --- Refusing, quirks, names ------------------------------------------------------------ */

static void
check_refusals(void)
{
	static const struct {
		int line;
		const char *dialect, *model;
		struct message message;
		const char *why;
	} rows[] = {
	    {__LINE__, "anthropic", "x", {.needs = ~0u, .bytes = 1u << 30}, NULL},
	    {__LINE__,
	     "deepseek",
	     "x",
	     {.needs = NEED_IMAGES | NEED_FORCED_TOOL | NEED_JSON_SCHEMA | NEED_WEB_SEARCH},
	     NULL},
	    {__LINE__,
	     "deepseek",
	     "x",
	     {.needs = NEED_COMPUTER, .own_tools = true},
	     "computer use"},
	    {__LINE__, "deepseek", "deepseek-v4-pro", {.needs = NEED_IMAGES}, NULL},
	    {__LINE__, "deepseek", "x", {.needs = NEED_CONTINUATION}, "thread, container or file"},
	    {__LINE__, "deepseek", "x", {.needs = NEED_MCP_SERVERS}, "mcp servers"},
	    {__LINE__, "deepseek", "x", {.needs = NEED_SERVER_TOOLS}, "server tools"},
	    {__LINE__, "deepseek", "x", {.needs = NEED_SERVER_TOOLS, .own_tools = true}, NULL},
	    {__LINE__, "deepseek", "x", {.bytes = 4000000}, NULL},
	    {__LINE__, "deepseek", "x", {.bytes = 4000004}, "too large"},
	    {__LINE__,
	     "deepseek",
	     "x",
	     {.bytes = 8000000, .data_bytes = 7000000, .files = 5},
	     NULL},
	    {__LINE__, "kimi", "kimi-k3", {.needs = NEED_WEB_SEARCH}, "server tools"},
	    {__LINE__, "kimi", "kimi-k3", {.bytes = 4000000}, NULL},
	    {__LINE__, "kimi", "kimi-k2.6", {.bytes = 1048580}, "too large"},
	    {__LINE__,
	     "kimi",
	     "kimi-for-coding",
	     {.bytes = 2097153, .data_bytes = 2097000, .files = 1},
	     "too large"},
	};
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		TAP_STR_AT(rows[i].line, rows[i].dialect,
			   dialect_find(rows[i].dialect)->refuses(&rows[i].message, rows[i].model),
			   rows[i].why);
}

static void
check_quirks(void)
{
	static const struct {
		const char *dialect;
		int status;
		const char *text;
		unsigned quirk;
	} rows[] = {
	    {"anthropic", 400, "safeguards: Extra inputs are not permitted", QUIRK_NO_LOGIN_FIELDS},
	    {"anthropic", 400, "foo: Extra inputs are not permitted", 0},
	    {"anthropic", 500, "safeguards: Extra inputs are not permitted", 0},
	    {"deepseek", 422,
	     "messages[1].role: unknown variant `system`, expected `user` or `assistant`",
	     QUIRK_SYSTEM_AS_USER},
	    {"deepseek", 400,
	     "The `content[].thinking` in the thinking mode must be passed back to the API.",
	     QUIRK_NO_THINKING},
	    {"deepseek", 400, "Thinking mode does not support this tool_choice", QUIRK_NO_THINKING},
	    {"deepseek", 400, "Model Not Exist", 0},
	    {"kimi", 400,
	     "thinking is enabled but reasoning_content is missing in assistant tool call message "
	     "at index 2",
	     QUIRK_THINKING_PLACEHOLDER},
	    {"kimi", 429, "reasoning_content is missing", 0},
	};
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		TAP_INT(rows[i].text,
			dialect_find(rows[i].dialect)->quirk(rows[i].status, rows[i].text),
			rows[i].quirk);
}

static void
check_names(void)
{
	static const char *const names[] = {"anthropic", "deepseek", "kimi", "openai"};
	struct buf all;
	buf_init(&all, ERROR_TEXT_MAX);
	TAP_OK("unknown dialect", dialect_find("gemini") == NULL);
	for (size_t i = 0; i < TAP_COUNT(names); i++)
		TAP_OK(names[i], dialect_find(names[i]) != NULL);
	dialect_names(&all);
	TAP_STR("all names", buf_text(&all),
		"anthropic, deepseek, kimi, openai or openai-responses");
	buf_free(&all);
}

/* --- Damage ------------------------------------------------------------------------------ */

static void
damage_one(const char *body, size_t len)
{
	static const char *const names[] = {"anthropic", "deepseek", "kimi"};
	char *exact = material_exact(body, len);
	struct buf out;
	for (size_t d = 0; d < TAP_COUNT(names); d++) {
		enum handover_result result = hand_over(
		    names[d], d ? "m" : NULL, (unsigned)material_random(16), exact, len, &out);
		/* What is still taken by us must be fit to send. */
		if (result == HANDOVER_REWRITTEN && d > 0) {
			const char *bad = judge(names[d], buf_text(&out));
			if (*bad && strncmp(bad, "role", 4) && strncmp(bad, "no JSON", 7))
				TAP_ROW(names[d], false, "%s\n%.*s", bad,
					(int)(len < 3000 ? len : 3000), exact);
		}
		buf_free(&out);
	}
	buf_init(&out, BODY_MAX);
	if (!dialect_find("kimi")->decode_json("p", -1, exact, len, &out))
		TAP_ROW("answer", false, "failed");
	buf_clear(&out);
	relabelled(dialect_find("kimi"), exact, len, &out);
	buf_free(&out);
	free(exact);
}

static void
check_damage(void)
{
	unsigned rounds = 0;
	for (time_t began = time(NULL); material_more(began, rounds); rounds++) {
		size_t which = material_random(TAP_COUNT(requests) + TAP_COUNT(streams) + 1);
		char *talk = conversation(3);
		const char *body = which < TAP_COUNT(requests) ? requests[which].body
				   : which == TAP_COUNT(requests)
				       ? talk
				       : streams[which - TAP_COUNT(requests) - 1].in;
		size_t n = strlen(body);
		char *copy = calloc(1, n + 256);
		memcpy(copy, body, n);
		damage_one(copy, material_damage(copy, n));
		free(copy);
		free(talk);
	}
	TAP_OK("damage", rounds > 0);
}

int
main(int argc, char **argv)
{
	tap_start("dialect", argc, argv);
	check_requests();
	check_samples();
	check_switches();
	check_streams();
	check_answers();
	check_ids();
	check_client_tools();
	check_refusals();
	check_quirks();
	check_names();
	check_damage();
	return tap_finish();
}
