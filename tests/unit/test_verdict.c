/* SPDX-License-Identifier: MIT */
/* verdict: what each response means. A row for each case of BEHAVIOUR.md 4 and each limit of a
 * pause; at the end, that every row of the table decided a case. */

#include "route/verdict.h"

#include "base/digest.h"
#include "client/request.h"

#include "tap.h"

#define NOW_MS    INT64_C(1795460400000)
#define NOW_S     1795460400
#define SECOND    INT64_C(1000)
#define MINUTE    (60 * SECOND)
#define HOUR      (60 * MINUTE)
#define DAY       (24 * HOUR)
#define COOLDOWN  (5 * MINUTE)
#define UNIFIED   "anthropic-ratelimit-unified-"
#define JSON_TYPE "content-type: application/json\r\n"
#define SSE_TYPE  "content-type: text/event-stream; charset=utf-8\r\n"
#define HTML_TYPE "content-type: text/html\r\n"
#define ERROR(type, text)                                                                          \
	"{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" text "\"}}"
#define EVENT(name, data) "event: " name "\ndata: " data "\n\n"
#define START             EVENT("message_start", "{\"type\":\"message_start\",\"message\":{}}")
#define MESSAGE                                                                                    \
	"{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"insufficient "           \
	"balance\"}]}"
#define IN_1H   "1795464000"
#define IN_2D   "1795633200"
#define NO_TIME (-1)

/* What is unusual about the evidence. */
enum trait {
	STREAM = 1,     /* a stream was asked for */
	CONTENT = 2,    /* its content began */
	OWN = 4,        /* the client's own credential */
	OTHER = 8,      /* not a Claude provider */
	LATELY = 16,    /* a bare 429 came within the last minute */
	PLAN_ONLY = 32, /* plan_limits_only */
	HALF_HEAD = 64, /* the head's end did not arrive */
	LAST = 128,     /* no other candidate is available */
};

struct expected {
	int line;
	const char *name;
	int status;
	const char *head, *body;
	unsigned traits;
	enum ending ending;
	const char *row;
	enum verdict_kind kind;
	bool retry;
	enum pause_kind pause;
	enum scope scope;
	int64_t until_in; /* from now; NO_TIME: not compared */
};

static const struct expected cases[] = {
    /* Served */
    {__LINE__, "a JSON response", 200, JSON_TYPE, MESSAGE, 0, ENDING_WHOLE, "served", VERDICT_PASS,
     false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "a JSON response whose connection was cut after its end", 200, JSON_TYPE, MESSAGE, 0,
     ENDING_CUT, "served", VERDICT_PASS, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "a JSON response cut in its middle", 200, JSON_TYPE, "{\"type\":\"mess", 0,
     ENDING_CUT, "lost", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "a JSON response that ends in its middle", 200, JSON_TYPE, "{\"type\":\"mess", 0,
     ENDING_WHOLE, "unusable response", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "a stream with content", 200, SSE_TYPE, START, STREAM | CONTENT, ENDING_WHOLE,
     "served", VERDICT_PASS, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "content on paid extra usage", 200,
     SSE_TYPE UNIFIED "overage-in-use: true\r\n" UNIFIED "5h-status: rejected\r\n" UNIFIED
		      "5h-reset: " IN_1H "\r\n",
     START, STREAM | CONTENT | PLAN_ONLY, ENDING_WHOLE, "paid extra usage", VERDICT_PASS, false,
     PAUSE_NAMED, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "paid extra usage that is allowed", 200, SSE_TYPE UNIFIED "overage-in-use: true\r\n",
     START, STREAM | CONTENT, ENDING_WHOLE, "served", VERDICT_PASS, false, PAUSE_NONE,
     SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "a rejected window on a 200 does not count", 200,
     JSON_TYPE UNIFIED "5h-status: rejected\r\n", MESSAGE, 0, ENDING_WHOLE, "served", VERDICT_PASS,
     false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},

    /* No response at all */
    {__LINE__, "an end in the middle of the head", 200, "content-ty\r\n", "", HALF_HEAD,
     ENDING_WHOLE, "lost", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "no connection", 0, "", "", STREAM, ENDING_CONNECT, "unreachable", VERDICT_COOL,
     true, PAUSE_SHORT, SCOPE_EVERYBODY, NO_TIME},
    {__LINE__, "cut before the content", 200, SSE_TYPE, START, STREAM, ENDING_CUT, "lost",
     VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "no first byte", 0, "", "", STREAM, ENDING_FIRST_BYTE, "lost", VERDICT_COOL, true,
     PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "silence before the content", 200, SSE_TYPE, START, STREAM, ENDING_IDLE, "lost",
     VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "an endless head", 200, "", "", 0, ENDING_TOO_BIG, "too large", VERDICT_HOP, false,
     PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "no memory for the attempt", 0, "", "", 0, ENDING_OURS, "local failure", VERDICT_HOP,
     false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},

    /* Windows of the account, of a family */
    {__LINE__, "the five-hour window", 429,
     UNIFIED "status: rejected\r\n" UNIFIED "5h-status: rejected\r\n" UNIFIED "5h-reset: " IN_1H
	     "\r\n" UNIFIED "7d-status: allowed\r\n" UNIFIED "7d-reset: " IN_2D "\r\n",
     ERROR("rate_limit_error", "This request would exceed your account's rate limit."), STREAM,
     ENDING_WHOLE, "account window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "both windows: the later reset", 429,
     UNIFIED "5h-status: rejected\r\n" UNIFIED "5h-reset: " IN_1H "\r\n" UNIFIED
	     "7d-status: rejected\r\n" UNIFIED "7d-reset: " IN_2D "\r\n",
     "", 0, ENDING_WHOLE, "account window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT,
     2 * DAY},
    {__LINE__, "a rejected window despite x-should-retry", 429,
     "x-should-retry: true\r\n" UNIFIED "5h-status: rejected\r\n" UNIFIED "5h-reset: " IN_1H "\r\n",
     "", 0, ENDING_WHOLE, "account window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "a window whose body was cut", 429,
     UNIFIED "5h-status: rejected\r\n" UNIFIED "5h-reset: " IN_1H "\r\n", "\x1f\x8b", 0, ENDING_CUT,
     "account window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "other words that mean rejected", 429,
     UNIFIED "5h-status: payment_required\r\n" UNIFIED "5h-reset: " IN_1H "\r\n", "", 0,
     ENDING_WHOLE, "account window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "only a family's window", 429,
     UNIFIED "status: rejected\r\n" UNIFIED "5h-status: allowed\r\n" UNIFIED
	     "7d_opus-status: rejected\r\n" UNIFIED "7d_opus-reset: " IN_2D "\r\n",
     "", 0, ENDING_WHOLE, "family window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_FAMILY, 2 * DAY},
    {__LINE__, "rejected, without windows", 429,
     UNIFIED "status: rejected\r\n" UNIFIED "reset: " IN_1H "\r\n" UNIFIED
	     "representative-claim: five_hour\r\n",
     "", 0, ENDING_WHOLE, "unified rejection", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT,
     HOUR},
    {__LINE__, "rejected, without windows or reset", 429, UNIFIED "status: rejected\r\n", "", 0,
     ENDING_WHOLE, "unified rejection", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT,
     COOLDOWN},
    {__LINE__, "rejected, without reset, but with retry-after", 429,
     UNIFIED "status: rejected\r\nretry-after: 30\r\n", "", 0, ENDING_WHOLE, "unified rejection",
     VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, 30 * SECOND},
    {__LINE__, "overage refused, no reset: this request only", 429,
     UNIFIED "overage-disabled-reason: out_of_credits\r\n", "", 0, ENDING_WHOLE, "overage refused",
     VERDICT_HOP, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},

    /* Resets, clamped */
    {__LINE__, "a five-hour reset 400 days away", 429,
     UNIFIED "5h-status: rejected\r\n" UNIFIED "5h-reset: 1830020400\r\n", "", 0, ENDING_WHOLE,
     "account window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, 6 * HOUR},
    {__LINE__, "a seven-day reset 400 days away", 429,
     UNIFIED "7d-status: rejected\r\n" UNIFIED "7d-reset: 1830020400\r\n", "", 0, ENDING_WHOLE,
     "account window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, 8 * DAY},
    {__LINE__, "a reset in milliseconds", 429,
     UNIFIED "5h-status: rejected\r\n" UNIFIED "5h-reset: " IN_1H "000\r\n", "", 0, ENDING_WHOLE,
     "account window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "a reset in the past", 429,
     UNIFIED "5h-status: rejected\r\n" UNIFIED "5h-reset: 1795460399\r\n", "", 0, ENDING_WHOLE,
     "account window", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, COOLDOWN},
    {__LINE__, "a negative reset", 429,
     UNIFIED "5h-status: rejected\r\n" UNIFIED "5h-reset: -5\r\n", "", 0, ENDING_WHOLE,
     "account window", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, COOLDOWN},
    {__LINE__, "a reset that is not a number", 429,
     UNIFIED "5h-status: rejected\r\n" UNIFIED "5h-reset: soon\r\n", "", 0, ENDING_WHOLE,
     "account window", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, COOLDOWN},

    /* Texts */
    {__LINE__, "out of extra usage", 400, JSON_TYPE,
     ERROR("invalid_request_error",
	   "You're out of extra usage. Add more at claude.ai/settings/usage and keep going."),
     0, ENDING_WHOLE, "out of extra usage", VERDICT_COOL, false, PAUSE_TIMED, SCOPE_ACCOUNT,
     MINUTE},
    {__LINE__, "extra usage required for long context", 429, JSON_TYPE,
     ERROR("rate_limit_error", "Extra usage is required for long context requests."), 0,
     ENDING_WHOLE, "extra usage required", VERDICT_HOP, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "usage limit with an epoch", 429, JSON_TYPE,
     ERROR("rate_limit_error", "Claude AI usage limit reached|" IN_1H), 0, ENDING_WHOLE,
     "usage limit text", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "usage limit with an epoch, under a 403", 403, JSON_TYPE,
     ERROR("permission_error", "Claude AI usage limit reached|" IN_1H), 0, ENDING_WHOLE,
     "usage limit text", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "usage limit without a time", 400, JSON_TYPE,
     ERROR("invalid_request_error", "Your usage limit has been reached."), 0, ENDING_WHOLE,
     "usage limit text", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, COOLDOWN},
    {__LINE__, "usage limit with a date", 400, JSON_TYPE,
     ERROR("invalid_request_error",
	   "You have reached your specified API usage limits. You will regain "
	   "access on 2026-11-25 at 19:00 UTC."),
     0, ENDING_WHOLE, "usage limit text", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, 2 * DAY},
    {__LINE__, "402", 402, JSON_TYPE, "{}", OTHER, ENDING_WHOLE, "no balance", VERDICT_COOL, false,
     PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "Kimi's quota under a 429", 429, JSON_TYPE,
     "{\"error\":{\"type\":\"exceeded_current_quota_error\",\"message\":\"x\"}}", OTHER,
     ENDING_WHOLE, "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "credit balance under a 400", 400, JSON_TYPE,
     ERROR("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
     0, ENDING_WHOLE, "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "for Claude Code only", 400, JSON_TYPE,
     ERROR("invalid_request_error",
	   "This credential is only authorized for use with Claude Code and "
	   "cannot be used for other API requests."),
     0, ENDING_WHOLE, "for Claude Code only", VERDICT_HOP, false, PAUSE_NONE, SCOPE_ACCOUNT,
     NO_TIME},

    /* Chat Completions: PROTOCOLS.md 8, Errors */
    {__LINE__, "OpenAI: the quota is used up", 429, JSON_TYPE "x-ratelimit-reset-requests: 20s\r\n",
     "{\"error\":{\"message\":\"You exceeded your current quota, please check your plan and "
     "billing "
     "details.\",\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\"}}",
     OTHER, ENDING_WHOLE, "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "OpenAI: the budget is used up", 429, JSON_TYPE,
     "{\"error\":{\"message\":\"Billing hard limit has been "
     "reached.\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"billing_hard_limit_"
     "reached\"}}",
     OTHER, ENDING_WHOLE, "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "OpenAI: a rate limit with its reset", 429,
     JSON_TYPE "x-ratelimit-reset-tokens: 6m0s\r\n",
     "{\"error\":{\"message\":\"Rate limit reached for x on tokens per min "
     "(TPM).\",\"type\":\"tokens\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}",
     OTHER, ENDING_WHOLE, "429 with a time", VERDICT_COOL, false, PAUSE_TIMED, SCOPE_ACCOUNT,
     6 * MINUTE},
    {__LINE__, "OpenAI: a rate limit without one", 429, JSON_TYPE,
     "{\"error\":{\"message\":\"Rate limit "
     "reached.\",\"type\":\"requests\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}",
     OTHER, ENDING_WHOLE, "429", VERDICT_HOP, true, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "Groq: too many tokens for a minute", 413,
     JSON_TYPE "x-ratelimit-reset-tokens: 6m0s\r\n",
     "{\"error\":{\"message\":\"Request too large for model "
     "x.\",\"type\":\"tokens\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}",
     OTHER, ENDING_WHOLE, "rewrite rejected", VERDICT_HOP, false, PAUSE_NONE, SCOPE_ACCOUNT,
     NO_TIME},
    {__LINE__, "OpenAI: the context is too long", 400, JSON_TYPE,
     "{\"error\":{\"message\":\"Your input exceeds the context window of this "
     "model.\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"context_length_"
     "exceeded\"}}",
     OTHER, ENDING_WHOLE, "rewrite rejected", VERDICT_HOP, false, PAUSE_NONE, SCOPE_ACCOUNT,
     NO_TIME},
    {__LINE__, "OpenAI: a model that is unknown", 404, JSON_TYPE,
     "{\"error\":{\"message\":\"The model x does not exist or you do not have access to "
     "it.\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"model_not_found\"}}",
     OTHER, ENDING_WHOLE, "model unknown", VERDICT_SUCCESSOR, false, PAUSE_NONE, SCOPE_ACCOUNT,
     NO_TIME},
    {__LINE__, "OpenAI: a model that the project has not", 403, JSON_TYPE,
     "{\"error\":{\"message\":\"Project x does not have access to model "
     "y\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"model_not_found\"}}",
     OTHER, ENDING_WHOLE, "model unknown", VERDICT_SUCCESSOR, false, PAUSE_NONE, SCOPE_ACCOUNT,
     NO_TIME},
    {__LINE__, "a message whose last words follow an escape", 404, JSON_TYPE,
     "{\"error\":{\"message\":\"there is no \\\"x\\\" model\"}}", OTHER, ENDING_WHOLE,
     "model unknown", VERDICT_SUCCESSOR, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "OpenRouter: a model that is unknown", 400, JSON_TYPE,
     "{\"error\":{\"message\":\"x is not a valid model ID\",\"code\":400}}", OTHER, ENDING_WHOLE,
     "model unknown", VERDICT_SUCCESSOR, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "OpenAI: the key", 401, JSON_TYPE,
     "{\"error\":{\"message\":\"Incorrect API key "
     "provided.\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"invalid_api_key\"}}",
     OTHER, ENDING_WHOLE, "credential rejected", VERDICT_BENCH, false, PAUSE_BENCH, SCOPE_ACCOUNT,
     HOUR},
    {__LINE__, "OpenAI: a region", 403, JSON_TYPE,
     "{\"error\":{\"message\":\"Country, region, or territory not "
     "supported\",\"type\":\"request_forbidden\",\"param\":null,\"code\":\"unsupported_country_"
     "region_territory\"}}",
     OTHER, ENDING_WHOLE, "forbidden", VERDICT_COOL, false, PAUSE_SHORT, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "OpenAI: overload", 503, JSON_TYPE,
     "{\"error\":{\"message\":\"The engine is currently overloaded, please try again "
     "later.\",\"type\":\"server_error\",\"param\":null,\"code\":null}}",
     OTHER, ENDING_WHOLE, "busy", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "OpenAI: content that is refused", 400, JSON_TYPE,
     "{\"error\":{\"message\":\"The response was "
     "filtered.\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"content_filter\"}}",
     OTHER, ENDING_WHOLE, "rewrite rejected", VERDICT_HOP, false, PAUSE_NONE, SCOPE_ACCOUNT,
     NO_TIME},
    {__LINE__, "OpenAI: its quota in a 200", 200, JSON_TYPE,
     "{\"error\":{\"message\":\"x\",\"type\":\"insufficient_quota\",\"param\":null,\"code\":"
     "\"insufficient_quota\"}}",
     OTHER, ENDING_WHOLE, "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "OpenAI: its error in a 200", 200, JSON_TYPE,
     "{\"error\":{\"message\":\"x\",\"type\":\"server_error\",\"param\":null,\"code\":null}}",
     OTHER, ENDING_WHOLE, "busy", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},

    /* Busy */
    {__LINE__, "529", 529, JSON_TYPE, ERROR("overloaded_error", "Overloaded"), 0, ENDING_WHOLE,
     "overloaded", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "unified resets on a 529 are not used", 529,
     UNIFIED "5h-status: rejected\r\n" UNIFIED "5h-reset: " IN_1H "\r\n", "{}", 0, ENDING_WHOLE,
     "busy", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "overloaded as the first event", 200, SSE_TYPE,
     EVENT("error", ERROR("overloaded_error", "Overloaded")), STREAM, ENDING_WHOLE, "overloaded",
     VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "overloaded after message_start", 200, SSE_TYPE,
     START EVENT("error", ERROR("overloaded_error", "Overloaded")), STREAM, ENDING_WHOLE,
     "overloaded", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "Kimi's engine overloaded under a 429", 429, JSON_TYPE "retry-after: 3600\r\n",
     "{\"error\":{\"type\":\"engine_overloaded_error\",\"message\":\"x\"}}", OTHER, ENDING_WHOLE,
     "overloaded", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "500", 500, JSON_TYPE, ERROR("api_error", "x"), 0, ENDING_WHOLE, "busy",
     VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "500 that says not to retry", 500, "x-should-retry: false\r\n", "", 0, ENDING_WHOLE,
     "busy", VERDICT_COOL, false, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "an HTML page with a 404", 404, HTML_TYPE, "<html>not found model", 0, ENDING_WHOLE,
     "HTML page", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "an HTML page with a 200", 200, HTML_TYPE, "<html>", STREAM, ENDING_WHOLE,
     "HTML page", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "an empty 200", 200, "", "", 0, ENDING_WHOLE, "unusable response", VERDICT_COOL,
     true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "an empty stream", 200, SSE_TYPE, "", STREAM, ENDING_WHOLE, "unusable response",
     VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "a stream without content", 200, SSE_TYPE, START, STREAM, ENDING_WHOLE,
     "unusable response", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "JSON where a stream was asked for", 200, JSON_TYPE, MESSAGE, STREAM, ENDING_WHOLE,
     "wrong format", VERDICT_HOP, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "a redirect", 302, "location: http://127.0.0.1/\r\n", "", 0, ENDING_WHOLE,
     "unusable response", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME},
    {__LINE__, "408", 408, JSON_TYPE, "{}", 0, ENDING_WHOLE, "conflict", VERDICT_HOP, true,
     PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},

    /* Throttled */
    {__LINE__, "retry-after in seconds", 429, "retry-after: 30\r\n", "", 0, ENDING_WHOLE,
     "429 with a time", VERDICT_COOL, false, PAUSE_TIMED, SCOPE_ACCOUNT, 30 * SECOND},
    {__LINE__, "retry-after as a date", 429, "retry-after: Mon, 23 Nov 2026 19:30:00 GMT\r\n", "",
     0, ENDING_WHOLE, "429 with a time", VERDICT_COOL, false, PAUSE_TIMED, SCOPE_ACCOUNT,
     30 * MINUTE},
    {__LINE__, "retry-after beyond all numbers", 429, "retry-after: 9223372036854774\r\n", "", 0,
     ENDING_WHOLE, "429 with a time", VERDICT_COOL, false, PAUSE_TIMED, SCOPE_ACCOUNT, 8 * DAY},
    {__LINE__, "retry-after that is nonsense", 429, "retry-after: whenever\r\n", "", 0,
     ENDING_WHOLE, "429", VERDICT_HOP, true, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "a bare 429", 429, JSON_TYPE, ERROR("rate_limit_error", "x"), 0, ENDING_WHOLE, "429",
     VERDICT_HOP, true, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "a second bare 429 within a minute", 429, JSON_TYPE, ERROR("rate_limit_error", "x"),
     LATELY, ENDING_WHOLE, "429 again", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "a rate limit as the first event", 200, SSE_TYPE,
     EVENT("error", ERROR("rate_limit_error", "x")), STREAM, ENDING_WHOLE, "429", VERDICT_HOP, true,
     PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},

    /* Rejected credentials, models, requests */
    {__LINE__, "401 on a stored credential", 401, JSON_TYPE, ERROR("authentication_error", "x"), 0,
     ENDING_WHOLE, "credential rejected", VERDICT_BENCH, false, PAUSE_BENCH, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "403 on a stored credential", 403, JSON_TYPE,
     ERROR("permission_error", "key revoked"), 0, ENDING_WHOLE, "credential rejected",
     VERDICT_BENCH, false, PAUSE_BENCH, SCOPE_ACCOUNT, HOUR},
    {__LINE__, "401 on the client's own", 401, JSON_TYPE, ERROR("authentication_error", "x"), OWN,
     ENDING_WHOLE, "client's own credential", VERDICT_PASS, false, PAUSE_NONE, SCOPE_ACCOUNT,
     NO_TIME},
    {__LINE__, "403 about a model", 403, JSON_TYPE,
     ERROR("permission_error", "no access to this model"), 0, ENDING_WHOLE, "model forbidden",
     VERDICT_HOP, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "an unknown model at Claude", 404, JSON_TYPE, ERROR("not_found_error", "model: x"),
     0, ENDING_WHOLE, "model unknown", VERDICT_SUCCESSOR, false, PAUSE_NONE, SCOPE_ACCOUNT,
     NO_TIME},
    {__LINE__, "an unknown model at DeepSeek", 400, JSON_TYPE,
     "{\"error\":{\"message\":\"Model Not Exist\",\"type\":\"invalid_request_error\"}}", OTHER,
     ENDING_WHOLE, "model unknown", VERDICT_SUCCESSOR, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "an unknown model at Kimi", 404, JSON_TYPE,
     "{\"error\":{\"type\":\"resource_not_found_error\",\"message\":\"Not found the model x\"}}",
     OTHER, ENDING_WHOLE, "model unknown", VERDICT_SUCCESSOR, false, PAUSE_NONE, SCOPE_ACCOUNT,
     NO_TIME},
    {__LINE__, "a 400 of Claude", 400, JSON_TYPE,
     ERROR("invalid_request_error", "prompt is too long: 203052 tokens > 200000 maximum"), 0,
     ENDING_WHOLE, "request rejected", VERDICT_PASS, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "a 413 of Claude", 413, JSON_TYPE, ERROR("request_too_large", "x"), 0, ENDING_WHOLE,
     "request rejected", VERDICT_PASS, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "a 400 of another provider", 400, JSON_TYPE,
     "{\"error\":{\"message\":\"unknown variant `x`\",\"type\":\"invalid_request_error\"}}", OTHER,
     ENDING_WHOLE, "rewrite rejected", VERDICT_HOP, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
    {__LINE__, "a 422 of another provider", 422, JSON_TYPE, "{}", OTHER, ENDING_WHOLE,
     "rewrite rejected", VERDICT_HOP, false, PAUSE_NONE, SCOPE_ACCOUNT, NO_TIME},
};

#define DELTA(reason)                                                                              \
	EVENT("message_delta",                                                                     \
	      "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason "\"}}")
#define STOP         EVENT("message_stop", "{\"type\":\"message_stop\"}")
#define OTHERS(text) "{\"error\":{" text "}}"

/* Cases that depend on what was asked for, on the request's words, or on its family. */
static const struct asking {
	struct expected is;
	const char *request, *header;
	enum asked asked;
	const char *family, *paused; /* the one asked for, the one that is paused */
} asking[] = {
    /* A proper end without a block is a result. */
    {.is = {__LINE__, "a refusal without a block", 200, SSE_TYPE, START DELTA("refusal") STOP,
	    STREAM, ENDING_WHOLE, "served", VERDICT_PASS, .until_in = NO_TIME}},
    {.is = {__LINE__, "max_tokens without a block, of another provider", 200, SSE_TYPE,
	    START DELTA("max_tokens") STOP, STREAM | OTHER, ENDING_CUT, "served", VERDICT_PASS,
	    .until_in = NO_TIME}},
    {.is = {__LINE__, "an empty turn of Claude", 200, SSE_TYPE, START DELTA("end_turn") STOP,
	    STREAM, ENDING_WHOLE, "served", VERDICT_PASS, .until_in = NO_TIME}},
    {.is = {__LINE__, "an empty turn of another provider", 200, SSE_TYPE,
	    START DELTA("end_turn") STOP, STREAM | OTHER, ENDING_WHOLE, "empty turn", VERDICT_HOP,
	    .until_in = NO_TIME}},
    {.is = {__LINE__, "an empty turn of the last provider", 200, SSE_TYPE,
	    START DELTA("end_turn") STOP, STREAM | OTHER | LAST, ENDING_WHOLE, "served",
	    VERDICT_PASS, .until_in = NO_TIME}},
    {.is = {__LINE__, "an empty turn of another provider as JSON", 200, JSON_TYPE,
	    "{\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\"}", OTHER,
	    ENDING_WHOLE, "empty turn", VERDICT_HOP, .until_in = NO_TIME}},
    {.is = {__LINE__, "a stop_reason without message_stop", 200, SSE_TYPE, START DELTA("refusal"),
	    STREAM, ENDING_WHOLE, "unusable response", VERDICT_COOL, true, PAUSE_SHORT,
	    SCOPE_SPREADING, NO_TIME}},

    /* A success is recognized by what it contains. */
    {.is = {__LINE__, "201 with a message", 201, JSON_TYPE, MESSAGE, 0, ENDING_WHOLE, "served",
	    VERDICT_PASS, .until_in = NO_TIME}},
    {.is = {__LINE__, "an empty object", 200, JSON_TYPE, "{}", 0, ENDING_WHOLE, "unusable response",
	    VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME}},
    {.is = {__LINE__, "an error that is null", 200, JSON_TYPE, "{\"error\":null}", 0, ENDING_WHOLE,
	    "unusable response", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME}},
    {.is = {__LINE__, "a code alone", 200, JSON_TYPE, "{\"code\":500}", 0, ENDING_WHOLE, "busy",
	    VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME}},
    {.is = {__LINE__, "a code that is a status", 200, JSON_TYPE,
	    OTHERS("\"message\":\"x\",\"code\":429"), OTHER, ENDING_WHOLE, "429", VERDICT_HOP, true,
	    .until_in = NO_TIME}},
    {.is = {__LINE__, "a code that is not a status", 200, JSON_TYPE, "{\"code\":0,\"data\":{}}",
	    OTHER, ENDING_WHOLE, "unusable response", VERDICT_COOL, true, PAUSE_SHORT,
	    SCOPE_SPREADING, NO_TIME}},
    {.is = {__LINE__, "Kimi's quota in a 200", 200, JSON_TYPE,
	    OTHERS("\"type\":\"exceeded_current_quota_error\",\"message\":\"x\""), OTHER,
	    ENDING_WHOLE, "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR}},
    {.is = {__LINE__, "a reseller's quota as the first event", 200, SSE_TYPE,
	    EVENT("error", OTHERS("\"code\":\"insufficient_user_quota\",\"message\":\"x\"")),
	    STREAM | OTHER, ENDING_WHOLE, "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN,
	    SCOPE_ACCOUNT, HOUR}},
    {.is = {__LINE__, "DeepSeek's key in a 200, beside its code for all", 200, JSON_TYPE,
	    OTHERS("\"type\":\"authentication_error\",\"code\":\"invalid_request_error\""), OTHER,
	    ENDING_WHOLE, "credential rejected", VERDICT_BENCH, false, PAUSE_BENCH, SCOPE_ACCOUNT,
	    HOUR}},
    {.is = {__LINE__, "an unknown type beside that code", 200, JSON_TYPE,
	    OTHERS("\"type\":\"strange_error\",\"code\":\"invalid_request_error\""), OTHER,
	    ENDING_WHOLE, "busy", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME}},
    {.is = {__LINE__, "Kimi's key in a 200", 200, JSON_TYPE,
	    OTHERS("\"type\":\"incorrect_api_key_error\",\"message\":\"x\""), OTHER, ENDING_WHOLE,
	    "credential rejected", VERDICT_BENCH, false, PAUSE_BENCH, SCOPE_ACCOUNT, HOUR}},
    {.is = {__LINE__, "a turn of another provider with blank texts only", 200, JSON_TYPE,
	    "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"\\n \"}],"
	    "\"stop_reason\":\"end_turn\"}",
	    OTHER, ENDING_WHOLE, "empty turn", VERDICT_HOP, .until_in = NO_TIME}},
    {.is = {__LINE__, "a turn of another provider with thinking only", 200, JSON_TYPE,
	    "{\"type\":\"message\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"\"}],"
	    "\"stop_reason\":\"end_turn\"}",
	    OTHER, ENDING_WHOLE, "served", VERDICT_PASS, .until_in = NO_TIME}},
    {.is = {__LINE__, "OpenAI's form", 200, JSON_TYPE,
	    "{\"id\":\"c\",\"object\":\"chat.completion\",\"choices\":[]}", OTHER, ENDING_WHOLE,
	    "unusable response", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING, NO_TIME}},
    {.is = {__LINE__, "204", 204, "", "", 0, ENDING_WHOLE, "unusable response", VERDICT_COOL, true,
	    PAUSE_SHORT, SCOPE_SPREADING, NO_TIME}},
    {.is = {__LINE__, "a stream where JSON was asked for", 200, SSE_TYPE, START, 0, ENDING_CUT,
	    "wrong format", VERDICT_HOP, .until_in = NO_TIME}},
    {.is = {__LINE__, "a count", 200, JSON_TYPE, "{\"input_tokens\":3}", 0, ENDING_WHOLE, "served",
	    VERDICT_PASS, .until_in = NO_TIME},
     .asked = ASKED_COUNT},
    {.is = {__LINE__, "a message where a count was asked for", 200, JSON_TYPE, MESSAGE, 0,
	    ENDING_WHOLE, "unusable response", VERDICT_COOL, true, PAUSE_SHORT, SCOPE_SPREADING,
	    NO_TIME},
     .asked = ASKED_COUNT},
    {.is = {__LINE__, "a list of models", 200, JSON_TYPE, "{\"data\":[]}", 0, ENDING_WHOLE,
	    "served", VERDICT_PASS, .until_in = NO_TIME},
     .asked = ASKED_MODELS},

    /* A client's words pause nothing. */
    {.is = {__LINE__, "a model's name that mentions limits", 400, JSON_TYPE,
	    ERROR("invalid_request_error", "model: usage limit reached"), 0, ENDING_WHOLE,
	    "request rejected", VERDICT_PASS, .until_in = NO_TIME},
     .request = "{\"model\":\"Usage Limit Reached\"}"},
    {.is = {__LINE__, "a variant that mentions the balance", 400, JSON_TYPE,
	    OTHERS("\"message\":\"unknown variant `insufficient balance`\""), OTHER, ENDING_WHOLE,
	    "rewrite rejected", VERDICT_HOP, .until_in = NO_TIME},
     .request = "{\"tool_choice\":{\"type\":\"insufficient balance\"}}"},
    {.is = {__LINE__, "the same written in escapes", 400, JSON_TYPE,
	    ERROR("invalid_request_error", "model: usage limit reached"), 0, ENDING_WHOLE,
	    "request rejected", VERDICT_PASS, .until_in = NO_TIME},
     .request = "{\"model\":\"\\u0055s\\u0061ge\\u0020limit reached\"}"},
    {.is = {__LINE__, "a header that mentions limits", 400, JSON_TYPE,
	    ERROR("invalid_request_error", "anthropic-version: Usage limit reached"), 0,
	    ENDING_WHOLE, "request rejected", VERDICT_PASS, .until_in = NO_TIME},
     .header = "usage limit reached"},
    {.is = {__LINE__, "a limit whose time is a client's", 429, JSON_TYPE,
	    ERROR("rate_limit_error", "usage limit reached for x|" IN_2D), 0, ENDING_WHOLE,
	    "usage limit text", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, COOLDOWN},
     .request = "{\"model\":\"x|" IN_2D "\"}"},
    {.is = {__LINE__, "a provider's refusal that repeats a limit's noun", 400, JSON_TYPE,
	    OTHERS("\"message\":\"usage limit: Your request exceeded model token limit : 9\""),
	    OTHER, ENDING_WHOLE, "rewrite rejected", VERDICT_HOP, .until_in = NO_TIME},
     .request = "{\"model\":\"usage limit\"}"},
    {.is = {__LINE__, "a limit's words beside the message", 400, JSON_TYPE,
	    "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"x\",\"param\":\"usage "
	    "limit reached\"}}",
	    OTHER, ENDING_WHOLE, "rewrite rejected", VERDICT_HOP, .until_in = NO_TIME}},
    {.is = {__LINE__, "words of the balance under a 404", 404, JSON_TYPE,
	    OTHERS("\"message\":\"insufficient balance\""), OTHER, ENDING_WHOLE, "rewrite rejected",
	    VERDICT_HOP, .until_in = NO_TIME}},
    {.is = {__LINE__, "a limit after a NUL", 429, JSON_TYPE,
	    ERROR("rate_limit_error", "\\u0000usage limit reached|" IN_1H), 0, ENDING_WHOLE,
	    "usage limit text", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_ACCOUNT, HOUR}},

    /* Quota words, wherever a provider puts them. */
    {.is = {__LINE__, "insufficient_user_quota", 403, JSON_TYPE,
	    OTHERS("\"code\":\"insufficient_user_quota\",\"type\":\"new_api_error\",\"message\":"
		   "\"x\""),
	    OTHER, ENDING_WHOLE, "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT,
	    HOUR}},
    {.is = {__LINE__, "a user's quota in words only", 403, JSON_TYPE,
	    OTHERS("\"type\":\"v_api_error\",\"message\":\"user quota is not enough\""), OTHER,
	    ENDING_WHOLE, "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR}},
    {.is = {__LINE__, "access_terminated_error", 403, JSON_TYPE,
	    OTHERS("\"type\":\"access_terminated_error\",\"message\":\"x\""), OTHER, ENDING_WHOLE,
	    "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR}},
    {.is = {__LINE__, "the usage limit of a billing cycle", 403, JSON_TYPE,
	    OTHERS("\"type\":\"permission_denied_error\",\"message\":\"You've reached your usage "
		   "limit for this billing cycle.\""),
	    OTHER, ENDING_WHOLE, "usage limit text", VERDICT_COOL, false, PAUSE_COOLDOWN,
	    SCOPE_ACCOUNT, COOLDOWN}},
    {.is = {__LINE__, "a weekly usage limit", 429, JSON_TYPE,
	    OTHERS("\"message\":\"Your weekly (7-day) usage limit is used up\""), OTHER,
	    ENDING_WHOLE, "usage limit text", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT,
	    COOLDOWN}},
    {.is = {__LINE__, "a disabled organization under a 400", 400, JSON_TYPE,
	    ERROR("invalid_request_error", "This organization has been disabled."), 0, ENDING_WHOLE,
	    "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR}},
    {.is = {__LINE__, "an organization on hold", 400, JSON_TYPE,
	    OTHERS("\"type\":\"invalid_request_error\",\"details\":{\"error_code\":"
		   "\"organization_on_hold\"}"),
	    0, ENDING_WHOLE, "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT,
	    HOUR}},
    {.is = {__LINE__, "long context is not part of this subscription", 400, JSON_TYPE,
	    ERROR("invalid_request_error", "The long context beta is not yet available for this "
					   "subscription."),
	    0, ENDING_WHOLE, "extra usage required", VERDICT_HOP, .until_in = NO_TIME}},

    {.is = {__LINE__, "a usage limit in other words", 403, JSON_TYPE,
	    OTHERS("\"message\":\"Your account has exceeded the usage limit for the week.\""),
	    OTHER, ENDING_WHOLE, "usage limit text", VERDICT_COOL, false, PAUSE_COOLDOWN,
	    SCOPE_ACCOUNT, COOLDOWN}},
    {.is = {__LINE__, "fast mode that a model does not have", 400, JSON_TYPE,
	    ERROR("invalid_request_error", "speed: fast mode is not supported by this model"), 0,
	    ENDING_WHOLE, "request rejected", VERDICT_PASS, .until_in = NO_TIME}},
    {.is = {__LINE__, "a quota under a 401", 401, JSON_TYPE,
	    OTHERS("\"code\":\"insufficient_user_quota\",\"message\":\"x\""), OTHER, ENDING_WHOLE,
	    "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR}},
    {.is = {__LINE__, "a disabled organization under a 401", 401, JSON_TYPE,
	    ERROR("authentication_error", "This organization has been disabled."), OWN,
	    ENDING_WHOLE, "no balance", VERDICT_COOL, false, PAUSE_COOLDOWN, SCOPE_ACCOUNT, HOUR}},

    /* A credential is benched only for an error about it. */
    {.is = {__LINE__, "a 401 in the provider's form, in any language", 401, JSON_TYPE,
	    OTHERS("\"type\":\"new_api_error\",\"message\":\"\\u65e0\\u6548\""), OTHER,
	    ENDING_WHOLE, "credential rejected", VERDICT_BENCH, false, PAUSE_BENCH, SCOPE_ACCOUNT,
	    HOUR}},
    {.is = {__LINE__, "a 403 about the key, beside a request with tokens", 403, JSON_TYPE,
	    ERROR("permission_error", "This access token has been revoked."), 0, ENDING_WHOLE,
	    "credential rejected", VERDICT_BENCH, false, PAUSE_BENCH, SCOPE_ACCOUNT, HOUR},
     .request = "{\"max_tokens\":1}"},
    {.is = {__LINE__, "a 403 about a key without permission", 403, JSON_TYPE,
	    ERROR("permission_error", "Your API key does not have permission to use the "
				      "specified resource."),
	    0, ENDING_WHOLE, "credential rejected", VERDICT_BENCH, false, PAUSE_BENCH,
	    SCOPE_ACCOUNT, HOUR},
     .request = "{\"content\":\"my api key, its permission\"}"},
    {.is = {__LINE__, "a 403 about a suspended key", 403, JSON_TYPE,
	    OTHERS("\"type\":\"permission_denied_error\",\"message\":\"This key is suspended.\""),
	    OTHER, ENDING_WHOLE, "credential rejected", VERDICT_BENCH, false, PAUSE_BENCH,
	    SCOPE_ACCOUNT, HOUR}},
    {.is = {__LINE__, "a 403 about tokens that are not a credential", 403, JSON_TYPE,
	    ERROR("permission_error", "No more than 1000 tokens a minute are allowed here."), 0,
	    ENDING_WHOLE, "forbidden", VERDICT_COOL, false, PAUSE_SHORT, SCOPE_ACCOUNT, NO_TIME}},
    {.is = {__LINE__, "a 403 about a key that may not do this", 403, JSON_TYPE,
	    ERROR("permission_error", "Your API key may not be used from this address."), 0,
	    ENDING_WHOLE, "forbidden", VERDICT_COOL, false, PAUSE_SHORT, SCOPE_ACCOUNT, NO_TIME}},
    {.is = {__LINE__, "a 403 of an intermediary", 403, "content-type: text/plain\r\n",
	    "Not available in your region", 0, ENDING_WHOLE, "intermediary", VERDICT_COOL, true,
	    PAUSE_SHORT, SCOPE_SPREADING, NO_TIME}},
    {.is = {__LINE__, "the same for the client's own login", 403, JSON_TYPE,
	    "{\"message\":\"blocked\"}", OWN, ENDING_WHOLE, "intermediary", VERDICT_COOL, true,
	    PAUSE_SHORT, SCOPE_SPREADING, NO_TIME}},
    {.is = {__LINE__, "a 403 that names no reason", 403, JSON_TYPE, ERROR("permission_error", "x"),
	    0, ENDING_WHOLE, "forbidden", VERDICT_COOL, false, PAUSE_SHORT, SCOPE_ACCOUNT,
	    NO_TIME}},
    {.is = {__LINE__, "a 401 that names no reason", 401, JSON_TYPE, "{}", OTHER, ENDING_WHOLE,
	    "forbidden", VERDICT_COOL, false, PAUSE_SHORT, SCOPE_ACCOUNT, NO_TIME}},

    /* A rejected body */
    {.is = {__LINE__, "a 413 page", 413, HTML_TYPE, "<html>", 0, ENDING_WHOLE, "body rejected",
	    VERDICT_HOP, .until_in = NO_TIME}},

    /* Families */
    {.is = {__LINE__, "another family's window beside a time of its own", 429,
	    UNIFIED "7d_opus-status: rejected\r\n" UNIFIED "7d_opus-reset: " IN_2D
		    "\r\nretry-after: 30\r\n",
	    "", 0, ENDING_WHOLE, "another family's window", VERDICT_COOL, false, PAUSE_TIMED,
	    SCOPE_FAMILY, 30 * SECOND},
     .family = "sonnet"},
    {.is = {__LINE__, "its own window beside a time", 429,
	    UNIFIED "7d_opus-status: rejected\r\n" UNIFIED "7d_opus-reset: " IN_2D
		    "\r\nretry-after: 30\r\n",
	    "", 0, ENDING_WHOLE, "family window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_FAMILY,
	    2 * DAY},
     .family = "opus"},
    {.is = {__LINE__, "two families, its own among them", 429,
	    UNIFIED "7d_opus-status: rejected\r\n" UNIFIED "7d_opus-reset: " IN_2D "\r\n" UNIFIED
		    "7d_sonnet-status: rejected\r\n" UNIFIED "7d_sonnet-reset: " IN_1H "\r\n",
	    "", 0, ENDING_WHOLE, "family window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_FAMILY,
	    HOUR},
     .family = "sonnet",
     .paused = "sonnet"},
    {.is = {__LINE__, "another family's window alone", 429,
	    UNIFIED "7d_opus-status: rejected\r\n" UNIFIED "7d_opus-reset: " IN_2D "\r\n", "", 0,
	    ENDING_WHOLE, "family window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_FAMILY, 2 * DAY},
     .family = "sonnet",
     .paused = "opus"},
    {.is = {__LINE__, "Fable's window by its own name", 429,
	    UNIFIED "7d_oi-status: rejected\r\n" UNIFIED "7d_oi-reset: " IN_2D
		    "\r\nretry-after: 30\r\n",
	    "", 0, ENDING_WHOLE, "another family's window", VERDICT_COOL, false, PAUSE_TIMED,
	    SCOPE_FAMILY, 30 * SECOND},
     .family = "sonnet",
     .paused = "sonnet"},
    {.is = {__LINE__, "Fable's window without a time", 429,
	    UNIFIED "7d_oi-status: rejected\r\n" UNIFIED "7d_oi-reset: " IN_2D "\r\n", "", 0,
	    ENDING_WHOLE, "family window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_FAMILY, 2 * DAY},
     .family = "sonnet",
     .paused = "sonnet"},
    {.is = {__LINE__, "a window of an unknown family", 429,
	    UNIFIED "7d_x-status: rejected\r\n" UNIFIED "7d_x-reset: " IN_2D "\r\n", "", 0,
	    ENDING_WHOLE, "family window", VERDICT_COOL, false, PAUSE_NAMED, SCOPE_FAMILY, 2 * DAY},
     .family = "sonnet",
     .paused = "sonnet"},
};

static bool decided[64];

static void
read_head(struct response *response, int status, const char *head, bool whole)
{
	char line[256];
	response_init(response);
	if (status == 0)
		return;
	int n = snprintf(line, sizeof line, "HTTP/1.1 %d Whatever\r\n", status);
	response_line(response, line, (size_t)n, NOW_MS, HIDE_NOTHING);
	while (*head != '\0') {
		size_t len = strcspn(head, "\n") + 1;
		response_line(response, head, len, NOW_MS, HIDE_NOTHING);
		head += len;
	}
	if (whole)
		response_line(response, "\r\n", 2, NOW_MS, HIDE_NOTHING);
}

static void
note_decided(const char *row)
{
	for (size_t i = 0; verdict_row(i) != NULL; i++)
		if (strcmp(verdict_row(i), row) == 0)
			decided[i] = true;
}

static void
check_case(const struct expected *c, const struct asking *of)
{
	struct response response;
	struct header header = {"anthropic-version", of->header};
	const struct headers headers = {&header, of->header != NULL};
	read_head(&response, c->status, c->head, !(c->traits & HALF_HEAD));
	const struct evidence evidence = {
	    .ending = c->ending,
	    .response = &response,
	    .body = c->body,
	    .body_len = strlen(c->body),
	    .request = of->request,
	    .request_len = of->request == NULL ? 0 : strlen(of->request),
	    .headers = &headers,
	    .family = of->family == NULL ? 0 : digest_name(of->family),
	    .asked = of->asked,
	    .others_ready = !(c->traits & LAST),
	    .wants_stream = c->traits & STREAM,
	    .content = c->traits & CONTENT,
	    .is_authority = !(c->traits & OTHER),
	    .stored = !(c->traits & OWN),
	    .throttled_lately = c->traits & LATELY,
	    .plan_limits_only = c->traits & PLAN_ONLY,
	    .cooldown_ms = COOLDOWN,
	    .now_ms = NOW_MS,
	};
	const struct verdict v = verdict_judge(&evidence);
	int64_t until_in = c->until_in == NO_TIME ? NO_TIME : v.until_ms - NOW_MS;
	TAP_ROW_AT(c->line, c->name,
		   strcmp(v.row, c->row) == 0 && v.kind == c->kind && v.retry == c->retry &&
		       v.pause == c->pause && v.scope == c->scope && until_in == c->until_in,
		   "expected \"%s\" %s retry %d pause %d scope %d in %" PRId64
		   " ms\ngot      \"%s\" %s retry %d pause %d scope %d in %" PRId64 " ms",
		   c->row, verdict_name(c->kind), c->retry, c->pause, c->scope, c->until_in, v.row,
		   verdict_name(v.kind), v.retry, v.pause, v.scope, until_in);
	if (of->paused != NULL)
		TAP_ROW_AT(c->line, c->name, v.family == digest_name(of->paused),
			   "another family than %s is paused", of->paused);
	note_decided(v.row);
	response_fini(&response);
}

/* Whether another credential at the same provider may do better. */
static const struct {
	int line;
	const char *name;
	struct verdict verdict;
	bool is_about_credential;
} credentials[] = {
    {__LINE__, "a limit", {VERDICT_COOL, .pause = PAUSE_NAMED, .status = 429}, true},
    {__LINE__,
     "a family's",
     {VERDICT_COOL, .pause = PAUSE_NAMED, .scope = SCOPE_FAMILY, .status = 429},
     true},
    {__LINE__, "a rejected one", {VERDICT_BENCH, .pause = PAUSE_BENCH, .status = 401}, true},
    {__LINE__, "no balance", {VERDICT_COOL, .pause = PAUSE_COOLDOWN, .status = 402}, true},
    {__LINE__, "a bare 429", {VERDICT_HOP, .status = 429}, true},
    {__LINE__, "a model that this one may not use", {VERDICT_HOP, .status = 403}, true},
    {__LINE__,
     "a provider that fails",
     {VERDICT_COOL, .pause = PAUSE_SHORT, .scope = SCOPE_SPREADING, .status = 503},
     false},
    {__LINE__,
     "one that throttles all",
     {VERDICT_COOL, .pause = PAUSE_SHORT, .scope = SCOPE_SPREADING, .status = 429},
     false},
    {__LINE__,
     "one that is not reached",
     {VERDICT_COOL, .pause = PAUSE_SHORT, .scope = SCOPE_EVERYBODY},
     false},
    {__LINE__, "a request that is refused", {VERDICT_HOP, .status = 400}, false},
    {__LINE__, "a model that is unknown", {VERDICT_SUCCESSOR, .status = 404}, false},
    {__LINE__, "an empty turn", {VERDICT_HOP, .status = 200}, false},
};

int
main(int argc, char **argv)
{
	tap_start("verdict", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(credentials); i++)
		TAP_ROW_AT(credentials[i].line, credentials[i].name,
			   verdict_is_about_credential(&credentials[i].verdict) ==
			       credentials[i].is_about_credential,
			   "expected %d", credentials[i].is_about_credential);
	for (size_t i = 0; i < TAP_COUNT(cases); i++)
		check_case(&cases[i], &(struct asking){.asked = ASKED_MESSAGE});
	for (size_t i = 0; i < TAP_COUNT(asking); i++)
		check_case(&asking[i].is, &asking[i]);
	for (size_t i = 0; verdict_row(i) != NULL; i++) {
		char name[96];
		snprintf(name, sizeof name, "some case is decided by: %s", verdict_row(i));
		TAP_OK(name, decided[i]);
	}
	return tap_finish();
}
