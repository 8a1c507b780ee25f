/* SPDX-License-Identifier: MIT */
/* responses: what OpenAI's Responses are sent, and what the client sees of their answers (PROTOCOLS.md 10). */

#include "translated.h"

#include "dialect/openai_parts.h"

#define GPT              "gpt-6-sol"
#define PLAIN            "gpt-4.1"
#define U(content)       "{'role':'user','content':" content "}"
#define AS(content)      "{'role':'assistant','content':[" content "]}"
#define SAID(text)       "{'role':'assistant','content':'" text "'}"
#define TEXT(text)       "{'type':'text','text':'" text "'}"
#define CALL(id)         "{'type':'tool_use','id':'" id "','name':'Bash','input':{'c':1.50}}"
#define RES(id, content) "{'type':'tool_result','tool_use_id':'" id "','content':" content "}"
#define THOUGHT(text, signature)                                                                   \
	"{'type':'thinking','thinking':'" text "','signature':'" signature "'}"
#define OWN "router.openai.rs_1:gAAA-_=="
#define FC(id)                                                                                     \
	"{'type':'function_call','call_id':'" id "','name':'Bash','arguments':'{\\\"c\\\":1.50}'}"
#define OUT(id, output) "{'type':'function_call_output','call_id':'" id "','output':" output "}"
#define RS(summary)                                                                                \
	"{'type':'reasoning','id':'rs_1','summary':[" summary "],'encrypted_content':'gAAA-_=='}"
#define PART(text) "{'type':'summary_text','text':'" text "'}"
#define IN(text)   "{'type':'input_text','text':'" text "'}"
#define IMG        "{'type':'image','source':{'type':'base64','media_type':'image/png','data':'AA=='}}"
#define IMAGE      "{'type':'input_image','detail':'auto','image_url':'data:image/png;base64,AA=='}"
#define PDF                                                                                        \
	"{'type':'document','title':'t.pdf','source':{'type':'base64','media_type':'"              \
	"application/pdf','data':'AA'}}"
#define BASH                                                                                       \
	"{'name':'Bash','description':'d','input_schema':{'type':'object','properties':{'c':{}}}}"
#define FUNCTION                                                                                   \
	"{'type':'function','name':'Bash','description':'d','parameters':"                         \
	"{'type':'object','properties':{'c':{}}},'strict':false}"
#define NO_EFFORT ",'reasoning':{'effort':'none'},'store':false"
#define EFFORT(effort)                                                                             \
	",'reasoning':{'effort':'" effort "','summary':'auto'},"                                   \
	"'include':['reasoning.encrypted_content'],'store':false"
#define INPUT(items) "'model':'gpt-6-sol','input':[" items "]"
#define LONG         "toolu_0123456789012345678901234567890123456789"

static const struct {
	int line;
	const char *name, *model;
	unsigned quirks;
	const char *body, *want; /* in braces */
} requests[] = {
    {__LINE__, "a word", GPT, 0, "'max_tokens':99,'messages':[" U("'hi'") "]",
     "'model':'gpt-6-sol','max_output_tokens':99,'input':[" U("'hi'") "]" NO_EFFORT},
    {__LINE__, "a model that does not reason", PLAIN, 0,
     "'stream':true,'temperature':0.70,'top_p':1e0,'stop_sequences':['a'],'messages':[" U(
	 "'hi'") "]",
     "'model':'gpt-4.1','temperature':0.70,'top_p':1e0,'input':[" U(
	 "'hi'") "],'store':false,'stream':true"},
    {__LINE__, "thinking", GPT, 0,
     "'max_tokens':200000,'temperature':0,'thinking':{'type':'adaptive'},"
     "'output_config':{'effort':'max'},'messages':[" U("'hi'") "]",
     "'model':'gpt-6-sol','max_output_tokens':128000,'input':[" U("'hi'") "]" EFFORT("xhigh")},
    {__LINE__, "tools beside thinking", GPT, 0,
     "'thinking':{'type':'adaptive'},'messages':[" U("'hi'") "],'tools':[" BASH "]",
     INPUT(U("'hi'")) ",'tools':[" FUNCTION "]" EFFORT("medium")},
    {__LINE__, "a thought needs room", "o3", 0,
     "'max_tokens':1,'thinking':{'type':'enabled'},'output_config':{'effort':'low'},'messages':[]",
     "'model':'o3','max_output_tokens':1024,'input':[]" EFFORT("low")},
    {__LINE__, "a probe of one token", GPT, 0, "'max_tokens':1,'messages':[]",
     "'model':'gpt-6-sol','max_output_tokens':16,'input':[]" NO_EFFORT},
    {__LINE__, "no limit", GPT, QUIRK_NO_MAX_TOKENS, "'max_tokens':9,'messages':[]",
     INPUT("") NO_EFFORT},
    {__LINE__, "no summary, where the organization may not read it", GPT, QUIRK_NO_SUMMARY,
     "'thinking':{'type':'adaptive'},'messages':[]",
     INPUT("") ",'reasoning':{'effort':'medium'},'include':['reasoning.encrypted_content'],"
	       "'store':false"},
    {__LINE__, "no encrypted content", GPT, QUIRK_NO_REPLAY,
     "'thinking':{'type':'adaptive'},'messages':[]",
     INPUT("") ",'reasoning':{'effort':'medium','summary':'auto'},'store':false"},
    {__LINE__, "no effort", GPT, QUIRK_NO_EFFORT, "'thinking':{'type':'adaptive'},'messages':[]",
     INPUT("") ",'store':false"},
    {__LINE__, "no sampling", PLAIN, QUIRK_NO_SAMPLING, "'temperature':0.70,'messages':[]",
     "'model':'gpt-4.1','input':[],'store':false"},
    {__LINE__, "instructions, without the billing text", GPT, 0,
     "'system':[{'type':'text','text':'x-anthropic-billing-header: 1'}," TEXT("a") "," TEXT(
	 "b") "],'messages':[" U("'hi'") "]",
     "'model':'gpt-6-sol','instructions':'a\\nb','input':[" U("'hi'") "]" NO_EFFORT},
    {__LINE__, "a later system message is the user's text", GPT, 0,
     "'messages':[" U("'hi'") ",{'role':'system','content':'s'}]",
     INPUT(U("'hi\\n<system-reminder>\\ns\\n</system-reminder>'")) NO_EFFORT},
    {__LINE__, "turns", GPT, 0,
     "'messages':[" U("'a'") "," U("'b'") "," AS(TEXT("c")) "," U("'d'") "]",
     INPUT(U("'a\\nb'") "," SAID("c") "," U("'d'")) NO_EFFORT},
    {__LINE__, "an image, a file", GPT, 0, "'messages':[" U("[" TEXT("a") "," IMG "," PDF "]") "]",
     INPUT(U("[" IN("a") "," IMAGE
			 ",{'type':'input_file','filename':'t.pdf','file_data':'data:application/"
			 "pdf;base64,AA'}]")) NO_EFFORT},
    {__LINE__, "an image by address", GPT, 0,
     "'messages':[" U("[{'type':'image','source':{'type':'url','url':'https://x/y'}}]") "]",
     INPUT(U("[{'type':'input_image','detail':'auto','image_url':'https://x/y'}]")) NO_EFFORT},
    {__LINE__, "a call and its result", GPT, 0,
     "'messages':[" AS(CALL("toolu_1")) "," U("[" RES("toolu_1", "'x'") "]") "]",
     INPUT(FC("toolu_1") "," OUT("toolu_1", "'x'")) NO_EFFORT},
    {__LINE__, "reasoning, text, a call: in their order", GPT, 0,
     "'messages':[" AS(THOUGHT("t", OWN) "," TEXT("a") "," CALL("toolu_1")) "," U(
	 "[" RES("toolu_1", "'x'") "]") "]",
     INPUT(RS(PART("t")) "," SAID("a") "," FC("toolu_1") "," OUT("toolu_1", "'x'")) NO_EFFORT},
    {__LINE__, "reasoning that shows nothing goes back, too", GPT, 0,
     "'messages':[" AS(THOUGHT("", OWN) "," CALL("toolu_1")) "," U(
	 "[" RES("toolu_1", "'x'") "]") "]",
     INPUT(RS("") "," FC("toolu_1") "," OUT("toolu_1", "'x'")) NO_EFFORT},
    {__LINE__, "two thoughts, of two items", GPT, 0,
     "'messages':[" AS(THOUGHT("t", OWN) "," THOUGHT("u", OWN) "," TEXT("a")) "]",
     INPUT(RS(PART("t")) "," RS(PART("u")) "," SAID("a")) NO_EFFORT},
    {__LINE__, "reasoning that led to nothing does not", GPT, 0,
     "'messages':[" AS(TEXT("a") "," THOUGHT("t", OWN)) "," U("'go on'") "]",
     INPUT(SAID("a") "," U("'go on'")) NO_EFFORT},
    {__LINE__, "nor that of others", GPT, 0,
     "'messages':[" AS(THOUGHT("t", "Eqo=") "," THOUGHT("t", "router.kimi.a:b") "," THOUGHT(
	 "t",
	 "router.openai.") "," THOUGHT("t",
				       "router.openai.reasoning") "," THOUGHT("", "") ",{'type':'"
										      "redacted_"
										      "thinking','"
										      "data':'"
										      "router."
										      "openai.rs_"
										      "1:x'}"
										      "," TEXT(
											  "a")) "]",
     INPUT(SAID("a")) NO_EFFORT},
    {__LINE__, "nor what its maker could not open", GPT, QUIRK_NO_SEALED,
     "'messages':[" AS(THOUGHT("t", OWN) "," TEXT("a")) "]", INPUT(SAID("a")) NO_EFFORT},
    {__LINE__, "results come first, the user's words behind them", GPT, 0,
     "'messages':[" AS(CALL("toolu_1") "," CALL("toolu_2")) "," U("[" TEXT("t") "," RES(
	 "toolu_2", "'y'") "]") "," U("[" RES("toolu_1", "'x'") "," TEXT("u") "]") "]",
     INPUT(FC("toolu_1") "," FC("toolu_2") "," OUT("toolu_2", "'y'") "," OUT(
	 "toolu_1", "'x'") "," U("'t\\nu'")) NO_EFFORT},
    {__LINE__, "a failed call", GPT, 0,
     "'messages':[" AS(CALL("toolu_1")) "," U(
	 "[{'type':'tool_result','tool_use_id':'toolu_1','is_error':true,'content':[" TEXT(
	     "a") "," TEXT("b") "]}]") "]",
     INPUT(FC("toolu_1") "," OUT("toolu_1", "'Error: a\\nb'")) NO_EFFORT},
    {__LINE__, "an image in a result stays there", GPT, 0,
     "'messages':[" AS(CALL("toolu_1")) "," U(
	 "[" RES("toolu_1", "[" TEXT("a") "," IMG "]") "]") "]",
     INPUT(FC("toolu_1") "," OUT("toolu_1", "[" IN("a") "," IMAGE "]")) NO_EFFORT},
    {__LINE__, "a call without a result is text", GPT, 0,
     "'messages':[" AS(CALL("toolu_1")) "," U("'no'") "]",
     INPUT(SAID("[Tool call]\\nBash\\n{\\\"c\\\":1.50}") "," U("'no'")) NO_EFFORT},
    {__LINE__, "an id that is too long", GPT, 0,
     "'messages':[" AS(CALL(LONG)) "," U("[" RES(LONG, "'x'") "]") "]",
     INPUT(FC("call_4f011ac1050db6c05a15f65c10054085") "," OUT(
	 "call_4f011ac1050db6c05a15f65c10054085", "'x'")) NO_EFFORT},
    {__LINE__, "any tool, one at a time", GPT, 0,
     "'messages':[],'tools':[" BASH
     "],'tool_choice':{'type':'any','disable_parallel_tool_use':true}",
     INPUT("") ",'tools':[" FUNCTION
	       "],'tool_choice':'required','parallel_tool_calls':false" NO_EFFORT},
    {__LINE__, "a named tool", GPT, 0,
     "'messages':[],'tools':[" BASH "],'tool_choice':{'type':'tool','name':'Bash'}",
     INPUT("") ",'tools':[" FUNCTION "],'tool_choice':{'type':'function','name':'Bash'}" NO_EFFORT},
    {__LINE__, "a schema for the answer", GPT, 0,
     "'messages':[],'output_config':{'format':{'type':'json_schema','schema':{'type':'object'}}}",
     INPUT("") ",'reasoning':{'effort':'none'},'text':{'format':{'type':'json_schema','name':'"
	       "output','schema':{'type':'object'}}},'store':false"},
    {__LINE__, "OpenAI gets a hash of who asks", PLAIN, 0,
     "'messages':[],'metadata':{'user_id':'u'}",
     "'model':'gpt-4.1','input':[],'safety_identifier':'HASH','prompt_cache_key':'HASH','store':"
     "false"},
};

/* --- Streams --------------------------------------------------------------------------- */

#define E(type, members)                                                                           \
	"event: " type "\ndata: {'type':'" type "','sequence_number':1," members "}\n\n"
#define RESPONSE(more)                                                                             \
	"'response':{'id':'resp_1','object':'response','created_at':7,'model':'M','error':null,"   \
	"'incomplete_details':null," more "}"
#define CREATED                                                                                    \
	E("response.created", RESPONSE("'status':'in_progress','output':[],'usage':null"))         \
	E("response.in_progress", RESPONSE("'status':'in_progress','output':[]"))
#define USAGE                                                                                      \
	"'usage':{'input_tokens':100,'input_tokens_details':{'cached_tokens':60,"                  \
	"'cache_write_tokens':30},'output_tokens':2,'output_tokens_details':{'reasoning_tokens':"  \
	"1},'total_tokens':102}"
#define END   E("response.completed", RESPONSE("'status':'completed','output':[{}]," USAGE))
#define ENDED "in=10 read=60 written=30 out=2"
#define INCOMPLETE(reason)                                                                         \
	E("response.incomplete", "'response':{'id':'resp_1','model':'M','status':'incomplete',"    \
				 "'incomplete_details':{'reason':'" reason "'}," USAGE "}")
#define ADDED(i, item) E("response.output_item.added", "'output_index':" i ",'item':{" item "}")
#define DONE(i, item)  E("response.output_item.done", "'output_index':" i ",'item':{" item "}")
#define MSG            "'type':'message','id':'msg_1','role':'assistant','content':[]"
#define DELTA(i, text) E("response.output_text.delta", "'output_index':" i ",'delta':'" text "'")
#define ARGS(i, text)                                                                              \
	E("response.function_call_arguments.delta", "'output_index':" i ",'delta':'" text "'")
#define THINK(i, p, text)                                                                          \
	E("response.reasoning_summary_text.delta",                                                 \
	  "'output_index':" i ",'summary_index':" p ",'delta':'" text "'")
#define PARAGRAPH(i, p)                                                                            \
	E("response.reasoning_summary_part.added",                                                 \
	  "'output_index':" i ",'summary_index':" p ",'part':{'type':'summary_text','text':''}")
#define REASON(more) "'type':'reasoning','id':'rs_1','encrypted_content':'gA=='," more
#define FCALL(id, name, args)                                                                      \
	"'type':'function_call','id':'fc_1','call_id':'" id "','name':'" name                      \
	"','arguments':'" args "'"
#define SEALED "=router.openai.rs_1:gA==; "

static const struct {
	int line;
	const char *name, *bytes, *want;
} streams[] = {
    {__LINE__, "text",
     CREATED ADDED("0", MSG) E("response.content_part.added",
			       "'output_index':0,'part':{'type':'output_text','text':''}")
	 DELTA("0", "Hi") DELTA("0", " you")
	     E("response.output_text.done", "'output_index':0,'text':'Hi you'")
		 DONE("0", "'type':'message','content':[{'type':'output_text','text':'Hi "
			   "you'}]") END,
     "start M; text; +Hi; + you; end end_turn " ENDED},
    {__LINE__, "no end: it is cut", CREATED DELTA("0", "Hi"), "start M; text; +Hi; "},
    {__LINE__, "what comes behind the end is nothing",
     CREATED DELTA("0", "a") END "data: [DONE]\n\n", "start M; text; +a; end end_turn " ENDED},
    {__LINE__, "reasoning, a call",
     CREATED ADDED("0", REASON("'summary':[]")) PARAGRAPH("0", "0") THINK("0", "0", "t") PARAGRAPH(
	 "0", "1") THINK("0", "1", "u") DONE("0", REASON("'summary':[{'text':'t'},{'text':'u'}]"))
	 ADDED("1", FCALL("call_abcdef", "B", "")) ARGS("1", "{\\\"a") ARGS("1", "\\\":1}")
	     DONE("1", FCALL("call_abcdef", "B", "{\\\"a\\\":1}")) END,
     "start M; thinking; +t; +\n\n; +u; " SEALED
     "call call_abcdef B; +{\"a; +\":1}; end tool_use " ENDED},
    {__LINE__, "reasoning that shows nothing",
     CREATED ADDED("0", REASON("'summary':[]")) DONE("0", REASON("'summary':[]")) ADDED("1", MSG)
	 DELTA("1", "a") END,
     "start M; thinking; " SEALED "text; +a; end end_turn " ENDED},
    {__LINE__, "… and of two items",
     CREATED DONE("0", REASON("'summary':[]")) ADDED("1", REASON("'summary':[]"))
	 THINK("1", "0", "t") DONE("1", REASON("'summary':[]")) DELTA("2", "a") END,
     "start M; thinking; " SEALED "thinking; +t; " SEALED "text; +a; end end_turn " ENDED},
    {__LINE__, "reasoning without encrypted content",
     CREATED ADDED("0", "'type':'reasoning','id':'rs_1'") E("response.reasoning_text.delta",
							    "'output_index':0,'delta':'t'")
	 DONE("0", "'type':'reasoning','id':'rs_1','encrypted_content':null") DELTA("1", "a") END,
     "start M; thinking; +t; =router.openai.; text; +a; end end_turn " ENDED},
    {__LINE__, "an id that cannot be told apart",
     CREATED DONE("0", "'type':'reasoning','id':'r:1','encrypted_content':'x'") DELTA("1", "a") END,
     "start M; text; +a; end end_turn " ENDED},
    {__LINE__, "blank text is left out", CREATED DELTA("0", "\\n") END,
     "start M; end end_turn " ENDED},
    {__LINE__, "two messages are two blocks",
     CREATED ADDED("0", MSG) DELTA("0", "a") DONE("0", MSG) ADDED("1", MSG) DELTA("1", "b") END,
     "start M; text; +a; text; +b; end end_turn " ENDED},
    {__LINE__, "two calls, interleaved",
     CREATED ADDED("0", FCALL("call_abcdef", "B", "")) ADDED("1", FCALL("call_ghijkl", "R", ""))
	 ARGS("0", "{") ARGS("1", "{\\\"b\\\"") ARGS("0", "}") ARGS("1", ":2}") END,
     "start M; call call_abcdef B; +{; +}; call call_ghijkl R; +{\"b\"; +:2}; end tool_use " ENDED},
    {__LINE__, "a call without deltas",
     CREATED ADDED("0", FCALL("call_abcdef", "B", ""))
	 DONE("0", FCALL("call_abcdef", "B", "{\\\"a\\\":1}")) END,
     "start M; call call_abcdef B; +{\"a\":1}; end tool_use " ENDED},
    {__LINE__, "a call that was cut",
     CREATED ADDED("0", FCALL("call_abcdef", "B", "")) ARGS("0", "{\\\"a")
	 DONE("0", FCALL("call_abcdef", "B", "{\\\"a")) INCOMPLETE("max_output_tokens"),
     "start M; call call_abcdef B; +{\"a; end max_tokens " ENDED},
    {__LINE__, "a call without arguments, or an id",
     CREATED ADDED("0", FCALL("", "B", "")) DONE("0", FCALL("", "B", "")) END,
     "start M; call call_ID000 B; +{}; end tool_use " ENDED},
    {__LINE__, "a refusal",
     CREATED ADDED("0", MSG) E("response.refusal.delta", "'output_index':0,'delta':'No'")
	 E("response.refusal.delta", "'output_index':0,'delta':'.'") END,
     "start M; text; +No; +.; end refusal " ENDED},
    {__LINE__, "a filter", CREATED DELTA("0", "a") INCOMPLETE("content_filter"),
     "start M; text; +a; end refusal " ENDED},
    {__LINE__, "a reason that nobody knows", CREATED DELTA("0", "a") INCOMPLETE("max_messages"),
     "start M; text; +a; end end_turn " ENDED},
    {__LINE__, "no usage",
     CREATED DELTA("0", "three") E("response.completed", "'response':{'status':'completed'}"),
     "start M; text; +three; end end_turn out=1"},
    {__LINE__, "no deltas at all",
     CREATED E(
	 "response.completed",
	 RESPONSE("'status':'completed','output':[{" REASON(
	     "'summary':[{'type':'summary_text','text':'t'},{'type':'summary_text','text':'u'}"
	     "]") "},{'type':'message','content':[{'type':'output_text','text':'a'},{'type':'"
		  "refusal','refusal':'No'}]}]," USAGE)),
     "start M; thinking; +t; +\n\n; +u; " SEALED "text; +a; +No; end refusal " ENDED},
    {__LINE__, "items that come whole",
     CREATED ADDED("0", MSG) DONE("0", "'type':'message','content':[{'text':'a'}]")
	 ADDED("1", "'type':'reasoning'")
	     DONE("1", "'type':'reasoning','content':[{'type':'reasoning_text','text':'t'}]") END,
     "start M; text; +a; thinking; +t; =router.openai.; end end_turn " ENDED},
    {__LINE__, "JSON in place of a stream",
     "data: {'id':'resp_1','object':'response','created_at':7,'model':'M','status':'completed','"
     "output':[{" FCALL("call_abcdef", "B", "{}") "}]," USAGE "}\n\n",
     "start M; call call_abcdef B; +{}; end tool_use " ENDED},
    {__LINE__, "a beginning that was lost", DONE("0", REASON("'summary':[]")) DELTA("1", "a") END,
     "start ; thinking; " SEALED "text; +a; end end_turn " ENDED},
    {__LINE__, "a response that failed",
     CREATED E(
	 "response.failed",
	 "'response':{'status':'failed','error':{'code':'rate_limit_exceeded','message':'no'}}"),
     "start M; error rate_limit_error: no"},
    {__LINE__, "… and does not say why", CREATED E("response.failed", "'response':{}"),
     "start M; error api_error: The provider reports an error, and does not say which."},
    {__LINE__, "an error first", E("error", "'code':'server_error','message':'no','param':null"),
     "error api_error: no"},
    {__LINE__, "an error in an object, in mid-stream",
     CREATED DELTA("0", "a") E("error", "'error':{'type':'tokens','code':'insufficient_quota','"
					"message':'no'}"),
     "start M; text; +a; error billing_error: no"},
    {__LINE__, "an error that is no JSON", "event: error\ndata: {'code':'x\x01'}\n\n",
     "error api_error: The provider reports an error, and does not say which."},
    {__LINE__, "an error without its event's name", "data: {'type':'error','message':'no'}\n\n",
     "error api_error: no"},
    {__LINE__, "other events, what is no JSON",
     CREATED E("response.queued", RESPONSE("'status':'queued'"))
	 E("response.web_search_call.searching",
	   "'output_index':0") "data: {'id'\n\n" DELTA("0", "a") END,
     "start M; text; +a; end end_turn " ENDED},
};

/* --- JSON -------------------------------------------------------------------------------- */

#define R(output, more)                                                                            \
	"{'id':'resp_1','object':'response','created_at':7,'model':'M','output':[" output          \
	"]," more "}"
#define A(content, reason)                                                                         \
	"{'id':'resp_1','type':'message','role':'assistant','model':'M','content':[" content       \
	"],'stop_reason':'" reason "','stop_sequence':null,'usage':{'input_tokens':10,"            \
	"'cache_creation_input_tokens':30,'cache_read_input_tokens':60,'output_tokens':2}}"

static const struct {
	int line;
	const char *name, *json, *want;
} answers[] = {
    {__LINE__, "JSON: reasoning, text, calls",
     R("{" REASON(
	   "'summary':[{'text':'t'},{'text':'u'}]") "},{'type':'message','content':[{'type':"
						    "'output_text','text':'a'}]},{" FCALL(
							"call_abcdef", "B",
							"{\\\"a\\\": 1}") "},{" FCALL("", "R",
										      "") "}",
       "'status':'completed','error':null," USAGE),
     A(THOUGHT("t\\n\\nu", "router.openai.rs_1:gA==") "," TEXT(
	   "a") ",{'type':'tool_use','id':'call_abcdef','name':'B','input':{'a': 1}},"
		"{'type':'tool_use','id':'call_ID003','name':'R','input':{}}",
       "tool_use")},
    {__LINE__, "JSON: reasoning that shows nothing",
     R("{" REASON("'summary':[]") "},{'type':'message','content':[{'text':'a'}]}", USAGE),
     A(THOUGHT("", "router.openai.rs_1:gA==") "," TEXT("a"), "end_turn")},
    {__LINE__, "JSON: a refusal", R("{'type':'message','content':[{'refusal':'No.'}]}", USAGE),
     A(TEXT("No."), "refusal")},
    {__LINE__, "JSON: a length",
     R("{'type':'message','content':[{'text':'a'}]}",
       "'status':'incomplete','incomplete_details':{'reason':'max_output_tokens'}," USAGE),
     A(TEXT("a"), "max_tokens")},
    {__LINE__, "JSON: nothing", R("{'type':'other'}", USAGE), A("", "end_turn")},
    {__LINE__, "JSON: one that failed stays", "{'object':'response','status':'failed'}",
     "{'object':'response','status':'failed'}"},
    {__LINE__, "JSON: an error stays", "{'error':{'message':'no'}}", "{'error':{'message':'no'}}"},
    {__LINE__, "JSON: no JSON stays", "<html>", "<html>"},
};

/* --- Quirks -------------------------------------------------------------------------------- */

static const struct {
	int line;
	int status;
	unsigned want;
	const char *text;
} quirks[] = {
    {__LINE__, 400, QUIRK_NO_SUMMARY,
     "Your organization must be verified to generate reasoning summaries.\",\"type\":"
     "\"invalid_request_error\",\"param\":\"reasoning.summary\""},
    {__LINE__, 400, QUIRK_NO_SEALED, "The encrypted content gAAA...DQ== could not be verified."},
    {__LINE__, 404, QUIRK_NO_SEALED,
     "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false."},
    {__LINE__, 400, QUIRK_NO_SEALED,
     "Item 'rs_1' of type 'reasoning' was provided without its required following item."},
    {__LINE__, 400, QUIRK_NO_REPLAY, "Encrypted content is not supported with this model."},
    {__LINE__, 400, QUIRK_NO_EFFORT,
     "Unsupported parameter: 'reasoning.effort' is not supported with this model."},
    {__LINE__, 400, QUIRK_NO_MAX_TOKENS, "Unsupported parameter: max_output_tokens"},
    {__LINE__, 400, QUIRK_NO_SAMPLING,
     "Unsupported parameter: 'temperature' is not supported with this model."},
    {__LINE__, 400, 0, "Your input exceeds the context window of this model."},
    {__LINE__, 500, 0, "reasoning.summary"},
};

int
main(int argc, char **argv)
{
	const struct dialect *d = &dialect_responses;
	tap_start("responses", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(requests); i++)
		check_request_row(requests[i].line, requests[i].name, d, requests[i].model,
				  requests[i].quirks, requests[i].body, requests[i].want);
	for (size_t i = 0; i < TAP_COUNT(streams); i++)
		check_stream_row(streams[i].line, streams[i].name, d, streams[i].bytes,
				 streams[i].want);
	for (size_t i = 0; i < TAP_COUNT(answers); i++)
		check_answer_row(answers[i].line, answers[i].name, d, answers[i].json,
				 answers[i].want);
	for (size_t i = 0; i < TAP_COUNT(quirks); i++)
		TAP_INT_AT(quirks[i].line, quirks[i].text,
			   d->quirk(quirks[i].status, quirks[i].text), quirks[i].want);
	TAP_STR("found by its name", dialect_find("openai-responses")->path, "/v1/responses");
	TAP_INT("what its maker could not open is of one request",
		QUIRKS_REMEMBERED & QUIRK_NO_SEALED, 0);
	check_first_words(d);
	check_samples(d, GPT);
	return tap_finish();
}
