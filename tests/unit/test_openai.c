/* SPDX-License-Identifier: MIT */
/* openai: what Chat Completions are sent, and what the client sees of their answers (PROTOCOLS.md 8). */

#include "dialect/dialect.h"
#include "dialect/openai.h"

#include "translated.h"

/* --- Requests ------------------------------------------------------------------------ */

#define GPT              "gpt-6-sol"
#define LOCAL            "qwen3"
#define U(content)       "{'role':'user','content':" content "}"
#define AS(content)      "{'role':'assistant','content':[" content "]}"
#define CALL(id)         "{'type':'tool_use','id':'" id "','name':'Bash','input':{'c':1.50}}"
#define RES(id, content) "{'type':'tool_result','tool_use_id':'" id "','content':" content "}"
#define CALLS(id)                                                                                  \
	"{'role':'assistant','content':null,'tool_calls':[{'id':'" id                              \
	"','type':'function','function':{'name':'Bash','arguments':'{\\\"c\\\":1.50}'}}]}"
#define TOOL(id, text) "{'role':'tool','content':'" text "','tool_call_id':'" id "'}"
#define IMG            "{'type':'image','source':{'type':'base64','media_type':'image/png','data':'AA=='}}"
#define URL            "{'type':'image_url','image_url':{'url':'data:image/png;base64,AA=='}}"
#define BASH                                                                                       \
	"{'name':'Bash','description':'d','input_schema':{'type':'object','properties':{'c':{}}}}"
#define FUNCTION                                                                                   \
	"{'type':'function','function':{'name':'Bash','description':'d','parameters':"             \
	"{'type':'object','properties':{'c':{}}}}}"
#define LONG "toolu_0123456789012345678901234567890123456789"

static const struct request_row {
	int line;
	const char *name, *model;
	unsigned quirks;
	const char *body, *want; /* in braces */
} requests[] = {
    {__LINE__, "a word", LOCAL, 0, "'max_tokens':9,'messages':[" U("'hi'") "]",
     "'model':'qwen3','max_tokens':9,'messages':[" U("'hi'") "]"},
    {__LINE__, "a stream asks for its usage", LOCAL, 0, "'stream':true,'messages':[" U("'hi'") "]",
     "'model':'qwen3','messages':[" U(
	 "'hi'") "],'stream':true,'stream_options':{'include_usage':true}"},
    {__LINE__, "… or does not", LOCAL, QUIRK_NO_USAGE, "'stream':true,'messages':[" U("'hi'") "]",
     "'model':'qwen3','messages':[" U("'hi'") "],'stream':true"},
    {__LINE__, "OpenAI's reasoning models", GPT, 0,
     "'max_tokens':200000,'temperature':0,'top_p':0.9,'top_k':3,'stop_sequences':['x'],'thinking':{"
     "'type':'adaptive'},"
     "'output_config':{'effort':'max'},'messages':[" U("'hi'") "]",
     "'model':'gpt-6-sol','max_completion_tokens':128000,'messages':[" U(
	 "'hi'") "],'reasoning_effort':'xhigh'"},
    {__LINE__, "by way of a reseller", "openai/gpt-5", 0, "'max_tokens':9,'messages':[]",
     "'model':'openai/"
     "gpt-5','max_completion_tokens':1024,'messages':[],'reasoning_effort':'minimal'"},
    {__LINE__, "a probe of one token, where it may be one", GPT, 0, "'max_tokens':1,'messages':[]",
     "'model':'gpt-6-sol','max_completion_tokens':1,'messages':[],'reasoning_effort':'none'"},
    {__LINE__, "no thinking is no effort", GPT, 0, "'thinking':{'type':'disabled'},'messages':[]",
     "'model':'gpt-6-sol','messages':[],'reasoning_effort':'none'"},
    {__LINE__, "thinking without an effort", "o3", 0, "'thinking':{'type':'enabled'},'messages':[]",
     "'model':'o3','messages':[],'reasoning_effort':'medium'"},
    {__LINE__, "tools beside reasoning are refused there", GPT, 0,
     "'thinking':{'type':'adaptive'},'output_config':{'effort':'high'},'messages':[],'tools':[" BASH
     "]",
     "'model':'gpt-6-sol','messages':[],'tools':[" FUNCTION "],'reasoning_effort':'none'"},
    {__LINE__, "and not at older ones", "gpt-5.1", 0,
     "'thinking':{'type':'adaptive'},'output_config':{'effort':'high'},'messages':[],'tools':[" BASH
     "]",
     "'model':'gpt-5.1','messages':[],'tools':[" FUNCTION "],'reasoning_effort':'high'"},
    {__LINE__, "a model that nobody knows refuses them, too", LOCAL, QUIRK_NO_REASONING,
     "'messages':[],'tools':[" BASH "]",
     "'model':'qwen3','messages':[],'tools':[" FUNCTION "],'reasoning_effort':'none'"},
    {__LINE__, "no effort at all", "gpt-oss-20b", QUIRK_NO_EFFORT,
     "'thinking':{'type':'adaptive'},'messages':[]", "'model':'gpt-oss-20b','messages':[]"},
    {__LINE__, "other servers: sampling and stops", LOCAL, 0,
     "'temperature':0.70,'top_p':1e0,'stop_sequences':['a','b','c','d','e'],'thinking':{'type':'"
     "adaptive'},"
     "'output_config':{'effort':'high'},'messages':[]",
     "'model':'qwen3','temperature':0.70,'top_p':1e0,'stop':['a','b','c','d'],'messages':[]"},
    {__LINE__, "without sampling", LOCAL, QUIRK_NO_SAMPLING,
     "'temperature':0.70,'stop_sequences':['a'],'messages':[]", "'model':'qwen3','messages':[]"},
    {__LINE__, "the other name of max_tokens", LOCAL, QUIRK_OTHER_MAX_TOKENS,
     "'max_tokens':9,'messages':[]", "'model':'qwen3','max_completion_tokens':9,'messages':[]"},
    {__LINE__, "… and back", GPT, QUIRK_OTHER_MAX_TOKENS, "'max_tokens':9,'messages':[]",
     "'model':'gpt-6-sol','max_tokens':9,'messages':[],'reasoning_effort':'none'"},
    {__LINE__, "no max_tokens", LOCAL, QUIRK_NO_MAX_TOKENS, "'max_tokens':9,'messages':[]",
     "'model':'qwen3','messages':[]"},
    {__LINE__, "one system message, without the billing text", LOCAL, 0,
     "'system':[{'type':'text','text':'x-anthropic-billing-header: 1'},{'type':'text','text':'a'},"
     "{'type':'text','text':'b','cache_control':{'type':'ephemeral'}}],'messages':[" U("'hi'") "]",
     "'model':'qwen3','messages':[{'role':'system','content':'a\\nb'}," U("'hi'") "]"},
    {__LINE__, "a later system message is the user's text", LOCAL, 0,
     "'messages':[" U("'hi'") ",{'role':'system','content':'s'}]",
     "'model':'qwen3','messages':[" U("'hi\\n<system-reminder>\\ns\\n</system-reminder>'") "]"},
    {__LINE__, "two messages of a user are one", LOCAL, 0, "'messages':[" U("'a'") "," U("'b'") "]",
     "'model':'qwen3','messages':[" U("'a\\nb'") "]"},
    {__LINE__, "an image", LOCAL, 0,
     "'messages':[" U("[{'type':'text','text':'a'}," IMG ",{'type':'text','text':'b'}]") "]",
     "'model':'qwen3','messages':[" U("[{'type':'text','text':'a'}," URL
				      ",{'type':'text','text':'b'}]") "]"},
    {__LINE__, "an image by address", LOCAL, 0,
     "'messages':[" U("[{'type':'image','source':{'type':'url','url':'https://x/y'}}]") "]",
     "'model':'qwen3','messages':[" U(
	 "[{'type':'image_url','image_url':{'url':'https://x/y'}}]") "]"},
    {__LINE__, "a PDF", GPT, 0,
     "'messages':[" U("[{'type':'document','title':'t.pdf','source':{'type':'base64','media_type':'"
		      "application/pdf','data':'AA'}}]") "]",
     "'model':'gpt-6-sol','messages':[" U(
	 "[{'type':'file','file':{'filename':'t.pdf','file_data':'data:application/"
	 "pdf;base64,AA'}}]") "],'reasoning_effort':'none'"},
    {__LINE__, "a PDF elsewhere", LOCAL, 0,
     "'messages':[" U("[{'type':'document','title':'t.pdf','source':{'type':'base64','media_type':'"
		      "application/pdf','data':'AA'}}]") "]",
     "'model':'qwen3','messages':[" U("'[Document]\\nt.pdf\\napplication/pdf'") "]"},
    {__LINE__, "a document's text", LOCAL, 0,
     "'messages':[" U("[{'type':'document','source':{'type':'text','media_type':'text/"
		      "plain','data':'body'}}]") "]",
     "'model':'qwen3','messages':[" U("'[Document]\\ntext/plain\\nbody'") "]"},
    {__LINE__, "a call and its result", LOCAL, 0,
     "'messages':[" AS(CALL("toolu_1")) "," U("[" RES("toolu_1", "'x'") "]") "]",
     "'model':'qwen3','messages':[" CALLS("toolu_1") "," TOOL("toolu_1", "x") "]"},
    {__LINE__, "text before a call stays", LOCAL, 0,
     "'messages':[" AS("{'type':'text','text':'a'}," CALL("toolu_1")) "," U(
	 "[" RES("toolu_1", "'x'") "]") "]",
     "'model':'qwen3','messages':[{'role':'assistant','content':'a','tool_calls':[{'id':'toolu_1','"
     "type':'function',"
     "'function':{'name':'Bash','arguments':'{\\\"c\\\":1.50}'}}]}," TOOL("toolu_1", "x") "]"},
    {__LINE__, "results follow their calls, texts come behind", LOCAL, 0,
     "'messages':[" AS(CALL("toolu_1") "," CALL("toolu_2")) "," U(
	 "[{'type':'text','text':'t'}," RES(
	     "toolu_2", "'y'") "]") "," U("[" RES("toolu_1",
						  "'x'") ",{'type':'text','text':'u'}]") "]",
     "'model':'qwen3','messages':[{'role':'assistant','content':null,'tool_calls':["
     "{'id':'toolu_1','type':'function','function':{'name':'Bash','arguments':'{\\\"c\\\":1.50}'}},"
     "{'id':'toolu_2','type':'function','function':{'name':'Bash','arguments':'{\\\"c\\\":1.50}'}}]"
     "}," TOOL("toolu_2", "y") "," TOOL("toolu_1", "x") "," U("'t\\nu'") "]"},
    {__LINE__, "a failed call, with blocks", LOCAL, 0,
     "'messages':[" AS(CALL("toolu_1")) "," U(
	 "[{'type':'tool_result','tool_use_id':'toolu_1','is_error':true,'content':[{'type':'text',"
	 "'text':'a'},{'type':'text','text':'b'}]}]") "]",
     "'model':'qwen3','messages':[" CALLS("toolu_1") "," TOOL("toolu_1", "Error: a\\nb") "]"},
    {__LINE__, "an image in a result", LOCAL, 0,
     "'messages':[" AS(CALL("toolu_1")) "," U("[" RES("toolu_1", "[" IMG "]") "]") "]",
     "'model':'qwen3','messages':[" CALLS("toolu_1") "," TOOL(
	 "toolu_1", "[An image, which the next message shows]") "," U("[" URL "]") "]"},
    {__LINE__, "a call without a result is text", LOCAL, 0,
     "'messages':[" AS(CALL("toolu_1")) "," U("'no'") "]",
     "'model':'qwen3','messages':[{'role':'assistant','content':'[Tool "
     "call]\\nBash\\n{\\\"c\\\":1.50}'}," U("'no'") "]"},
    {__LINE__, "an id that is too long", LOCAL, 0,
     "'messages':[" AS(CALL(LONG)) "," U("[" RES(LONG, "'x'") "]") "]",
     "'model':'qwen3','messages':[" CALLS("call_4f011ac1050db6c05a15f65c10054085") "," TOOL(
	 "call_4f011ac1050db6c05a15f65c10054085", "x") "]"},
    {__LINE__, "its own id, as it made it", LOCAL, 0,
     "'messages':[" AS(CALL("router_openai_f-2eB-3a0")) "," U(
	 "[" RES("router_openai_f-2eB-3a0", "'x'") "]") "]",
     "'model':'qwen3','messages':[" CALLS("f.B:0") "," TOOL("f.B:0", "x") "]"},
    {__LINE__, "its own thinking goes back as it came", LOCAL, 0,
     "'messages':[" AS("{'type':'thinking','thinking':'t','signature':'router.openai.reasoning'},{'"
		       "type':'text','text':'a'}") "]",
     "'model':'qwen3','messages':[{'role':'assistant','content':'a','reasoning':'t'}]"},
    {__LINE__, "under its other name", LOCAL, 0,
     "'messages':[" AS("{'type':'thinking','thinking':'t','signature':'router.openai.reasoning_"
		       "content'},{'type':'text','text':'a'}") "]",
     "'model':'qwen3','messages':[{'role':'assistant','content':'a','reasoning_content':'t'}]"},
    {__LINE__, "unless it refuses that", LOCAL, QUIRK_NO_REPLAY,
     "'messages':[" AS("{'type':'thinking','thinking':'t','signature':'router.openai.reasoning'},{'"
		       "type':'text','text':'a'}") "]",
     "'model':'qwen3','messages':[{'role':'assistant','content':'a'}]"},
    {__LINE__, "a turn of nothing else is none, and the user's are one", LOCAL, QUIRK_NO_REPLAY,
     "'messages':[" U("'a'") "," AS("{'type':'thinking','thinking':'t','signature':'router.openai."
				    "reasoning'}") "," U("'b'") "]",
     "'model':'qwen3','messages':[" U("'a\\nb'") "]"},
    {__LINE__, "that of others does not", LOCAL, 0,
     "'messages':[" AS("{'type':'thinking','thinking':'t','signature':'Eqo='},{'type':'thinking','"
		       "thinking':'t','signature':'router.kimi.'},"
		       "{'type':'redacted_thinking','data':'x'},{'type':'text','text':'a'}") "]",
     "'model':'qwen3','messages':[{'role':'assistant','content':'a'}]"},
    {__LINE__, "a placeholder where one is required", LOCAL, QUIRK_THINKING_PLACEHOLDER,
     "'messages':[" AS(CALL("toolu_1")) "," U("[" RES("toolu_1", "'x'") "]") "]",
     "'model':'qwen3','messages':[{'role':'assistant','content':null,'reasoning_content':'tool "
     "call','tool_calls':[{'id':'toolu_1',"
     "'type':'function','function':{'name':'Bash','arguments':'{\\\"c\\\":1.50}'}}]}," TOOL(
	 "toolu_1", "x") "]"},
    {__LINE__, "a tool without properties", LOCAL, 0,
     "'messages':[],'tools':[{'name':'a','input_schema':{'type':'object','x':1}}]",
     "'model':'qwen3','messages':[],'tools':[{'type':'function','function':{'name':'a','parameters'"
     ":{'type':'object','x':1,'properties':{}}}}]"},
    {__LINE__, "arrays of nothing, wherever a schema is", LOCAL, 0,
     "'messages':[],'tools':[{'name':'a','input_schema':{'type':'object','properties':{'type':{"
     "'type':'array'},'items':{'anyOf':[{'type':['array','null']}]},'d':{'type':'string','default':"
     "{'type':'array'}},'e':{'type':'array','items':{'type':'array'}}}}}]",
     "'model':'qwen3','messages':[],'tools':[{'type':'function','function':{'name':'a','parameters'"
     ":"
     "{'type':'object','properties':{'type':{'type':'array','items':{}},'items':{'anyOf':[{'type':["
     "'array','null'],'items':{}}]},'d':{'type':'string','default':{'type':'array'}},'e':{'type':'"
     "array','items':{'type':'array','items':{}}}}}}}]"},
    {__LINE__, "no schema at all", LOCAL, 0, "'messages':[],'tools':[{'name':'a'}]",
     "'model':'qwen3','messages':[],'tools':[{'type':'function','function':{'name':'a','parameters'"
     ":{'type':'object','properties':{}}}}]"},
    {__LINE__, "any tool", LOCAL, 0,
     "'messages':[],'tools':[" BASH
     "],'tool_choice':{'type':'any','disable_parallel_tool_use':true}",
     "'model':'qwen3','messages':[],'tools':[" FUNCTION
     "],'tool_choice':'required','parallel_tool_calls':false"},
    {__LINE__, "… but not to those that do not know it", "o3", 0,
     "'messages':[],'tools':[" BASH
     "],'tool_choice':{'type':'auto','disable_parallel_tool_use':true}",
     "'model':'o3','messages':[],'tools':[" FUNCTION
     "],'tool_choice':'auto','reasoning_effort':'low'"},
    {__LINE__, "no tool", LOCAL, 0,
     "'messages':[],'tools':[" BASH "],'tool_choice':{'type':'none'}",
     "'model':'qwen3','messages':[],'tools':[" FUNCTION "],'tool_choice':'none'"},
    {__LINE__, "a named tool", "gpt-4o", 0,
     "'messages':[],'tools':[" BASH
     ",{'name':'b','input_schema':{'properties':{}}}],'tool_choice':{'type':'tool','name':'Bash'}",
     "'model':'gpt-4o','messages':[],'tools':[" FUNCTION
     ",{'type':'function','function':{'name':'b','parameters':{'properties':{}}}}],"
     "'tool_choice':{'type':'function','function':{'name':'Bash'}}"},
    {__LINE__, "a named tool where no name is taken", LOCAL, 0,
     "'messages':[],'tools':[" BASH ",{'name':'b'}],'tool_choice':{'type':'tool','name':'Bash'}",
     "'model':'qwen3','messages':[],'tools':[" FUNCTION "],'tool_choice':'required'"},
    {__LINE__, "a schema for the answer", LOCAL, 0,
     "'messages':[],'output_config':{'format':{'type':'json_schema','schema':{'type':'object'}}}",
     "'model':'qwen3','messages':[],'response_format':{'type':'json_schema','json_schema':{'name':'"
     "output','schema':{'type':'object'}}}"},
    {__LINE__, "who asks stays with us", LOCAL, 0, "'messages':[],'metadata':{'user_id':'u'}",
     "'model':'qwen3','messages':[]"},
    {__LINE__, "OpenAI gets a hash", "gpt-4o", 0, "'messages':[],'metadata':{'user_id':'u'}",
     "'model':'gpt-4o','messages':[],'safety_identifier':'HASH','prompt_cache_key':'HASH'"},
};

static void
check_requests(void)
{
	for (size_t i = 0; i < TAP_COUNT(requests); i++)
		check_request_row(requests[i].line, requests[i].name, &dialect_openai,
				  requests[i].model, requests[i].quirks, requests[i].body,
				  requests[i].want);
}

/* --- Streams --------------------------------------------------------------------------- */

#define C(choice)          "data: {'id':'chatcmpl-1','created':7,'model':'M','choices':[" choice "]}\n\n"
#define D(delta)           C("{'index':0,'delta':{" delta "},'finish_reason':null}")
#define F(reason)          C("{'index':0,'delta':{},'finish_reason':'" reason "'}")
#define T(calls)           D("'tool_calls':[" calls "]")
#define CALL_0(more)       "{'index':0," more "}"
#define CALL_1(more)       "{'index':1," more "}"
#define HEAD(id, n)        "'id':'" id "','type':'function','function':{'name':'" n "','arguments':''}"
#define ARGS(text)         "'function':{'arguments':'" text "'}"
#define WHOLE(id, n, text) "'id':'" id "','function':{'name':'" n "','arguments':'" text "'}"
#define USAGE              "data: {'choices':[],'usage':{'prompt_tokens':9,'completion_tokens':2}}\n\n"
#define DONE               "data: [DONE]\n\n"

static const struct stream_row {
	int line;
	const char *name, *bytes, *want;
} streams[] = {
    {__LINE__, "text",
     D("'role':'assistant','content':''") D("'content':'Hi'") D("'content':' you'") F("stop")
	 USAGE DONE,
     "start M; text; +Hi; + you; end end_turn in=9 out=2"},
    {__LINE__, "no [DONE]", D("'content':'Hi'") F("stop") USAGE,
     "start M; text; +Hi; end end_turn in=9 out=2"},
    {__LINE__, "no [DONE] and no usage", D("'content':'three'") F("length"),
     "start M; text; +three; end max_tokens out=1"},
    {__LINE__, "[DONE] without a reason", D("'content':'Hi'") DONE,
     "start M; text; +Hi; end end_turn out=0"},
    {__LINE__, "neither: it is cut", D("'content':'Hi'"), "start M; text; +Hi; "},
    {__LINE__, "nothing but [DONE]", DONE, "start ; end end_turn out=0"},
    {__LINE__, "an empty reason is none",
     C("{'delta':{'content':'a'},'finish_reason':''}") D("'content':'b'") F("stop") DONE,
     "start M; text; +a; +b; end end_turn out=0"},
    {__LINE__, "usage beside the reason, cached and written apart",
     D("'content':'a'") "data: "
			"{'model':'M','choices':[{'delta':{},'finish_reason':'stop'}],'usage':{'"
			"prompt_tokens':100,"
			"'completion_tokens':2,'prompt_tokens_details':{'cached_tokens':60,'cache_"
			"write_tokens':30}}}\n\n" DONE,
     "start M; text; +a; end end_turn in=10 read=60 written=30 out=2"},
    {__LINE__, "usage in each chunk",
     "data: {'model':'M','choices':[{'delta':{'content':'a'}}],'usage':{'prompt_tokens':5,"
     "'completion_tokens':1}}\n\n"
     "data: "
     "{'choices':[{'delta':{'content':'b'},'finish_reason':'stop'}],'usage':{'prompt_tokens':5,"
     "'completion_tokens':2}}\n\n" DONE,
     "start M; text; +a; +b; end end_turn in=5 out=2"},
    {__LINE__, "Groq's usage",
     D("'content':'a'") "data: {'choices':[{'delta':{},'finish_reason':'stop'}],'x_groq':{'usage':"
			"{'prompt_tokens':5,'completion_tokens':2}}}\n\n" DONE,
     "start M; text; +a; end end_turn in=5 out=2"},
    {__LINE__, "Azure: chunks without a choice or a delta",
     "data: {'choices':[],'id':'','model':'','prompt_filter_results':[{}]}\n\n" D(
	 "'content':'a'") "data: "
			  "{'id':'','choices':[{'index':0,'finish_reason':null,'content_filter_"
			  "results':{}}]}\n\n" F("stop") DONE,
     "start M; text; +a; end end_turn out=0"},
    {__LINE__, "comments and other members",
     ": OPENROUTER PROCESSING\n\n" D("'content':'a','obfuscation':'x'") F("stop") DONE,
     "start M; text; +a; end end_turn out=0"},
    {__LINE__, "reasoning",
     D("'reasoning_content':'t'") D("'reasoning_content':'u','content':null") D("'content':'a'")
	 F("stop") DONE,
     "start M; thinking; +t; +u; =router.openai.reasoning_content; text; +a; end end_turn out=1"},
    {__LINE__, "reasoning under both names",
     D("'reasoning':'t','reasoning_content':'t'") D("'content':'a'") F("stop") DONE,
     "start M; thinking; +t; =router.openai.reasoning; text; +a; end end_turn out=0"},
    {__LINE__, "blank text is left out",
     D("'reasoning':'t'") D("'content':'\\n\\n'") T(CALL_0(WHOLE("call_abcdef", "B", "{}")))
	 F("tool_calls") DONE,
     "start M; thinking; +t; =router.openai.reasoning; call call_abcdef B; +{}; end tool_use "
     "out=1"},
    {__LINE__, "blank text before text is not",
     D("'content':'\\n'") D("'content':' '") D("'content':'a'") F("stop") DONE,
     "start M; text; +\n ; +a; end end_turn out=1"},
    {__LINE__, "content in parts",
     D("'content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]") F("stop") DONE,
     "start M; text; +a; +b; end end_turn out=0"},
    {__LINE__, "a refusal", D("'refusal':'No'") D("'refusal':'.'") F("stop") DONE,
     "start M; text; +No; +.; end refusal out=1"},
    {__LINE__, "a filter", D("'content':'a'") F("content_filter") DONE,
     "start M; text; +a; end refusal out=0"},
    {__LINE__, "a call",
     T(CALL_0(HEAD("call_abcdef", "B"))) T(CALL_0(ARGS("{\\\"a"))) T(CALL_0(ARGS("\\\":1}")))
	 F("tool_calls") DONE,
     "start M; call call_abcdef B; +{\"a; +\":1}; end tool_use out=3"},
    {__LINE__, "a call, and stop", T(CALL_0(WHOLE("call_abcdef", "B", "{}"))) F("stop") DONE,
     "start M; call call_abcdef B; +{}; end tool_use out=0"},
    {__LINE__, "a call that was cut",
     T(CALL_0(WHOLE("call_abcdef", "B", "{\\\"a"))) F("length") DONE,
     "start M; call call_abcdef B; +{\"a; end max_tokens out=1"},
    {__LINE__, "a call without arguments", T(CALL_0(HEAD("call_abcdef", "B"))) F("tool_calls") DONE,
     "start M; call call_abcdef B; +{}; end tool_use out=0"},
    {__LINE__, "arguments as an object",
     T(CALL_0("'id':'call_abcdef','function':{'name':'B','arguments':{'a':'\\n'}}")) F("stop") DONE,
     "start M; call call_abcdef B; +{\"a\":\"\\n\"}; end tool_use out=5"},
    {__LINE__, "what follows the arguments is dropped",
     T(CALL_0(WHOLE("call_abcdef", "B", "{}}"))) T(CALL_0(ARGS("x"))) F("stop") DONE,
     "start M; call call_abcdef B; +{}; end tool_use out=0"},
    {__LINE__, "two calls, one after the other",
     T(CALL_0(HEAD("call_abcdef", "B"))) T(CALL_0(ARGS("{}"))) T(CALL_1(HEAD("call_ghijkl", "R")))
	 T(CALL_1(ARGS("{\\\"b\\\""))) T(CALL_1(ARGS(":2}"))) F("tool_calls") DONE,
     "start M; call call_abcdef B; +{}; call call_ghijkl R; +{\"b\"; +:2}; end tool_use out=3"},
    {__LINE__, "two calls, interleaved",
     T(CALL_0(HEAD("call_abcdef", "B")) "," CALL_1(HEAD("call_ghijkl", "R"))) T(CALL_0(ARGS("{")))
	 T(CALL_1(ARGS("{\\\"b\\\""))) T(CALL_0(ARGS("}"))) T(CALL_1(ARGS(":2}"))) F("tool_calls")
	     DONE,
     "start M; call call_abcdef B; +{; +}; call call_ghijkl R; +{\"b\"; +:2}; end tool_use out=3"},
    {__LINE__, "text within a call waits for its end",
     T(CALL_0(HEAD("call_abcdef", "B"))) T(CALL_0(ARGS("{"))) D("'content':'a'")
	 T(CALL_0(ARGS("}"))) D("'content':'b'") F("tool_calls") DONE,
     "start M; call call_abcdef B; +{; +}; text; +a; +b; end tool_use out=1"},
    {__LINE__, "index 0 for all",
     T(CALL_0(WHOLE("call_abcdef", "B", "{}"))) T(CALL_0(WHOLE("call_ghijkl", "R", "{}"))) F("stop")
	 DONE,
     "start M; call call_abcdef B; +{}; call call_ghijkl R; +{}; end tool_use out=1"},
    {__LINE__, "no index",
     T("{" WHOLE("call_abcdef", "B", "{\\\"a\\\"") "}") T("{" ARGS(":1}") "}")
	 T("{" WHOLE("call_ghijkl", "R", "{}") "}") F("stop") DONE,
     "start M; call call_abcdef B; +{\"a\"; +:1}; call call_ghijkl R; +{}; end tool_use out=3"},
    {__LINE__, "no id",
     T(CALL_0("'function':{'name':'B','arguments':'{}'}"))
	 T(CALL_0("'function':{'name':'R','arguments':'{}'}")) F("stop") DONE,
     "start M; call call_ID000 B; +{}; call call_ID001 R; +{}; end tool_use out=1"},
    {__LINE__, "an id that comes again in each message",
     T(CALL_0(WHOLE("call_0", "B", "{}"))) F("stop") DONE,
     "start M; call call_ID000 B; +{}; end tool_use out=0"},
    {__LINE__, "one id for all",
     T(CALL_0(WHOLE("call_abcdef", "B", "{}"))) T(CALL_1(WHOLE("call_abcdef", "R", "{}"))) F("stop")
	 DONE,
     "start M; call call_abcdef B; +{}; call call_ID001 R; +{}; end tool_use out=1"},
    {__LINE__, "id and name in each delta",
     T(CALL_0(WHOLE("call_abcdef", "B", "{"))) T(CALL_0(WHOLE("call_abcdef", "B", "}"))) F("stop")
	 DONE,
     "start M; call call_abcdef B; +{; +}; end tool_use out=0"},
    {__LINE__, "the first index is 1", T(CALL_1(WHOLE("call_abcdef", "B", "{}"))) F("stop") DONE,
     "start M; call call_abcdef B; +{}; end tool_use out=0"},
    {__LINE__, "an id that Claude refuses",
     T(CALL_0(WHOLE("functions.B:0", "B", "{}"))) F("stop") DONE,
     "start M; call router_openai_functions-2eB-3a0 B; +{}; end tool_use out=0"},
    {__LINE__, "a name that Claude refuses",
     T(CALL_0(WHOLE("call_abcdef", "my tool\\u0000", "{}"))) F("stop") DONE,
     "start M; call call_abcdef my_tool_u0000; +{}; end tool_use out=0"},
    {__LINE__, "arguments that belong to no call",
     T(CALL_0(ARGS("{}"))) D("'content':'a'") F("stop") DONE,
     "start M; text; +a; end end_turn out=0"},
    {__LINE__, "an error first",
     "data: {'error':{'message':'no','type':'server_error','code':null}}\n\n",
     "error api_error: no"},
    {__LINE__, "an error with a status", "data: {'error':{'message':'no','code':429}}\n\n" DONE,
     "error rate_limit_error: no"},
    {__LINE__, "an error in mid-stream",
     D("'content':'a'") "data: "
			"{'id':'x','choices':[{'delta':{'content':''},'finish_reason':'error'}],"
			"'error':{'code':502,'message':'gone'}}\n\n" DONE,
     "start M; text; +a; error api_error: gone"},
    {__LINE__, "an error as a sentence", "data: {'error':'no'}\n\n", "error api_error: no"},
    {__LINE__, "an error by its event's name",
     "event: error\ndata: {'object':'error','message':'no','code':400}\n\n",
     "error invalid_request_error: no"},
    {__LINE__, "an error that is no JSON", "event: error\ndata: {'code':'x\x01'}\n\n",
     "error api_error: The provider reports an error, and does not say which."},
    {__LINE__, "the reason error alone", D("'content':'a'") F("error") DONE,
     "start M; text; +a; error api_error: The provider reports an error, and does not say which."},
    {__LINE__, "a context that is too long",
     "data: {'error':{'message':'Your input exceeds the context window of this "
     "model.','code':'context_length_exceeded'}}\n\n",
     "error invalid_request_error: prompt is too long: Your input exceeds the context window of "
     "this model."},
    {__LINE__, "what is no JSON is skipped",
     "data: {'id'\n\n" D("'content':'a'") "data: \n\n" F("stop") DONE,
     "start M; text; +a; end end_turn out=0"},
    {__LINE__, "a whole message in place of a delta",
     C("{'message':{'role':'assistant','content':'a'},'finish_reason':'stop'}") DONE,
     "start M; text; +a; end end_turn out=0"},
};

static void
check_streams(void)
{
	for (size_t i = 0; i < TAP_COUNT(streams); i++)
		check_stream_row(streams[i].line, streams[i].name, &dialect_openai,
				 streams[i].bytes, streams[i].want);
}

/* --- JSON, and errors -------------------------------------------------------------------- */

#define M(message, finish)                                                                         \
	"{'id':'chatcmpl-1','model':'M','choices':[{'index':0,'message':{" message                 \
	"},'finish_reason':'" finish "'}],"                                                        \
	"'usage':{'prompt_tokens':9,'completion_tokens':2,'prompt_tokens_details':{'cached_"       \
	"tokens':4}}}"
#define A(content, reason)                                                                         \
	"{'id':'chatcmpl-1','type':'message','role':'assistant','model':'M','content':[" content   \
	"],'stop_reason':'" reason "','stop_sequence':null,'usage':{'input_tokens':5,'cache_read_" \
	"input_tokens':4,'output_tokens':2}}"

static const struct {
	int line;
	const char *name, *json, *want;
} answers[] = {
    {__LINE__, "JSON: text", M("'content':'Hi'", "stop"),
     A("{'type':'text','text':'Hi'}", "end_turn")},
    {__LINE__, "JSON: reasoning, text, calls",
     M("'reasoning':'t','content':'a','tool_calls':[{'id':'call_abcdef','function':{'name':'B','"
       "arguments':'{\\\"a\\\": 1}'}},"
       "{'id':'call_ghijkl','function':{'name':'R','arguments':''}}]",
       "tool_calls"),
     A("{'type':'thinking','thinking':'t','signature':'router.openai.reasoning'},{'type':'text','"
       "text':'a'},"
       "{'type':'tool_use','id':'call_abcdef','name':'B','input':{'a': "
       "1}},{'type':'tool_use','id':'call_ghijkl','name':'R','input':{}}",
       "tool_use")},
    {__LINE__, "JSON: arguments that are none",
     M("'content':null,'tool_calls':[{'id':'call_abcdef','function':{'name':'B','arguments':'{"
       "\\\"a'}}]",
       "length"),
     A("{'type':'tool_use','id':'call_abcdef','name':'B','input':{}}", "max_tokens")},
    {__LINE__, "JSON: arguments as an object",
     M("'tool_calls':[{'id':'call_abcdef','function':{'name':'B','arguments':{'a':1}}}]", "stop"),
     A("{'type':'tool_use','id':'call_abcdef','name':'B','input':{'a':1}}", "tool_use")},
    {__LINE__, "JSON: parts, blank text",
     M("'content':[{'type':'text','text':' '},{'type':'text','text':'b'}]", "stop"),
     A("{'type':'text','text':'b'}", "end_turn")},
    {__LINE__, "JSON: a refusal", M("'content':null,'refusal':'No.'", "stop"),
     A("{'type':'text','text':'No.'}", "refusal")},
    {__LINE__, "JSON: nothing", M("'content':''", "stop"), A("", "end_turn")},
    {__LINE__, "JSON: no usage: it is estimated",
     "{'id':'chatcmpl-1','model':'M','choices':[{'message':{'content':'three'},'finish_reason':'"
     "stop'}]}",
     "{'id':'chatcmpl-1','type':'message','role':'assistant','model':'M','content':[{'type':'text',"
     "'"
     "text':'three'}],'stop_reason':'end_turn','stop_sequence':null,'usage':{'input_tokens':77,'"
     "output_tokens':1,'estimated':true}}"},
    {__LINE__, "JSON: an error stays", "{'error':{'message':'no'}}", "{'error':{'message':'no'}}"},
    {__LINE__, "JSON: the reason error stays",
     "{'choices':[{'message':{},'finish_reason':'error'}]}",
     "{'choices':[{'message':{},'finish_reason':'error'}]}"},
    {__LINE__, "JSON: no JSON stays", "<html>", "<html>"},
};

static const struct {
	int line;
	const char *name;
	int status;
	const char *body, *want;
} errors[] = {
    {__LINE__, "error: a rate limit", 429,
     "{'error':{'message':'Slow.','type':'tokens','param':null,'code':'rate_limit_exceeded'}}",
     "{'type':'error','error':{'type':'rate_limit_error','message':'Slow.'}}"},
    {__LINE__, "error: a sentence", 400, "{'error':'Invalid.'}",
     "{'type':'error','error':{'type':'invalid_request_error','message':'Invalid.'}}"},
    {__LINE__, "error: vLLM's", 404,
     "{'object':'error','message':'No.','type':'NotFoundError','code':404}",
     "{'type':'error','error':{'type':'not_found_error','message':'No.'}}"},
    {__LINE__, "error: too long", 400,
     "{'error':{'message':'This model\\u0027s maximum context length is 9 "
     "tokens.','code':'context_length_exceeded'}}",
     "{'type':'error','error':{'type':'invalid_request_error','message':'prompt is too long: This "
     "model\\u0027s maximum context length is 9 tokens.'}}"},
    {__LINE__, "error: a status that Claude has not", 500,
     "{'error':{'message':'Oh.','type':'server_error'}}",
     "{'type':'error','error':{'type':'api_error','message':'Oh.'}}"},
    {__LINE__, "error: one that is in the client's form", 400,
     "{'type':'error','error':{'type':'x','message':'prompt is too long: y maximum context "
     "length'}}",
     "{'type':'error','error':{'type':'invalid_request_error','message':'prompt is too long: y "
     "maximum context length'}}"},
    {__LINE__, "error: no JSON", 502, "bad gateway", "bad gateway"},
};

static void
check_answers(void)
{
	for (size_t i = 0; i < TAP_COUNT(answers); i++)
		check_answer_row(answers[i].line, answers[i].name, &dialect_openai, answers[i].json,
				 answers[i].want);
	for (size_t i = 0; i < TAP_COUNT(errors); i++) {
		char *body = quoted(errors[i].body), *want = quoted(errors[i].want);
		struct buf out;
		buf_init(&out, TRANSLATED_MAX);
		TAP_OK("… decoded", openai_error(errors[i].status, body, strlen(body), &out));
		TAP_STR_AT(errors[i].line, errors[i].name, buf_text(&out), want);
		buf_free(&out);
		free(body);
		free(want);
	}
}

/* --- Quirks, and what is passed over -------------------------------------------------------- */

static const struct {
	int line;
	int status;
	unsigned want;
	const char *text;
} quirks[] = {
    {__LINE__, 400, QUIRK_OTHER_MAX_TOKENS,
     "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
     "'max_completion_tokens' instead."},
    {__LINE__, 422, QUIRK_OTHER_MAX_TOKENS,
     "[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens')}]"},
    {__LINE__, 400, QUIRK_NO_MAX_TOKENS,
     "max_tokens is too large: 32000. This model supports at most 16384 completion tokens"},
    {__LINE__, 400, QUIRK_NO_MAX_TOKENS,
     "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (5000 "
     "in the messages, 4000 in the completion)."},
    {__LINE__, 400, 0,
     "Could not finish the message because max_tokens or model output limit was reached. Please "
     "try again with higher max_tokens."},
    {__LINE__, 400, QUIRK_NO_REASONING,
     "Function tools with reasoning_effort are not supported for gpt-6-sol in "
     "/v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to "
     "'none'."},
    {__LINE__, 400, QUIRK_NO_EFFORT, "`reasoning_effort` must be one of `none` or `default`"},
    {__LINE__, 400, QUIRK_NO_EFFORT, "Model grok-4 does not support parameter reasoningEffort."},
    {__LINE__, 400, QUIRK_NO_USAGE, "Unknown parameter: 'stream_options'."},
    {__LINE__, 400, QUIRK_NO_SAMPLING,
     "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) "
     "value is supported."},
    {__LINE__, 400, QUIRK_NO_SAMPLING,
     "Unsupported parameter: 'stop' is not supported with this model."},
    {__LINE__, 400, QUIRK_NO_REPLAY,
     "'messages.1' : for 'role:assistant' … [('messages.1' : property 'reasoning_content' is "
     "unsupported)]"},
    {__LINE__, 400, QUIRK_THINKING_PLACEHOLDER,
     "The `reasoning_content` in the thinking mode must be passed back to the API."},
    {__LINE__, 400, 0, "Your input exceeds the context window of this model."},
    {__LINE__, 500, 0, "Unsupported parameter: 'max_tokens'"},
};

static void
check_quirks(void)
{
	const struct dialect *d = dialect_find("openai");
	for (size_t i = 0; i < TAP_COUNT(quirks); i++)
		TAP_INT_AT(quirks[i].line, quirks[i].text,
			   d->quirk(quirks[i].status, quirks[i].text), quirks[i].want);
}

static const struct {
	int line;
	const char *model, *body, *why;
} refused[] = {
    {__LINE__, GPT, "{'messages':[]}", NULL},
    {__LINE__, GPT, "{'thread':{'id':'x'},'messages':[]}", "thread, container or file"},
    {__LINE__, GPT, "{'mcp_servers':[{}],'messages':[]}", "mcp servers"},
    {__LINE__, GPT, "{'tools':[{'type':'computer_20250124'}],'messages':[]}", "computer use"},
    {__LINE__, GPT, "{'tools':[{'type':'web_search_20250305','name':'web_search'}],'messages':[]}",
     "server tools"},
    {__LINE__, GPT,
     "{'tools':[{'type':'web_search_20250305','name':'web_search'},{'name':'a'}],'messages':[]}",
     NULL},
};

static void
check_refused(void)
{
	for (size_t i = 0; i < TAP_COUNT(refused); i++) {
		char *body = quoted(refused[i].body), error[ERROR_TEXT_MAX];
		struct message m;
		TAP_OK("… read", message_read(body, strlen(body), &m, error));
		TAP_STR_AT(refused[i].line, "passed over with a reason",
			   dialect_find("openai")->refuses(&m, refused[i].model), refused[i].why);
		free(body);
	}
	struct message m = {.bytes = 4 * 300000};
	TAP_STR("too large for an older one", dialect_find("openai")->refuses(&m, "gpt-5.1"),
		"too large");
	TAP_STR("not for a newer one", dialect_find("openai")->refuses(&m, GPT), NULL);
}

/* The message that a server without ids and times gives to a request of so many tokens. */
static void
answer_nameless(bool streamed, int64_t input_tokens, struct buf *out)
{
	const struct dialect *d = &dialect_openai;
	char *json = quoted("{'choices':[{'message':{'tool_calls':[{'function':{'name':'B',"
			    "'arguments':'{}'}}]},'finish_reason':'tool_calls'}]}");
	const struct sse_event event = {.raw = "", .data = json, .data_len = strlen(json)};
	struct translation t;
	buf_init(out, TRANSLATED_MAX);
	translation_init(&t, "openai", input_tokens);
	TAP_OK("… is translated",
	       streamed ? d->translate_event(&t, &event, out) && d->translate_end(&t, out)
			: d->decode_json("openai", input_tokens, json, strlen(json), out));
	translation_fini(&t);
	free(json);
}

/* Claude refuses a history in which two calls have one id. */
static void
check_nameless(void)
{
	for (int streamed = 0; streamed < 2; streamed++) {
		struct buf first, second;
		answer_nameless(streamed, 100, &first);
		answer_nameless(streamed, 109, &second);
		const char *one = strstr(buf_text(&first), "\"call_");
		const char *other = strstr(buf_text(&second), "\"call_");
		TAP_OK("calls of two messages that have no id differ in theirs",
		       one != NULL && other != NULL && strncmp(one, other, 22) != 0);
		buf_free(&first);
		buf_free(&second);
	}
}

int
main(int argc, char **argv)
{
	tap_start("openai", argc, argv);
	check_nameless();
	check_requests();
	check_streams();
	check_answers();
	check_quirks();
	check_refused();
	check_first_words(&dialect_openai);
	check_samples(&dialect_openai, GPT);
	return tap_finish();
}
