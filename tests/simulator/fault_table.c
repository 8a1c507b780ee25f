/* SPDX-License-Identifier: MIT */
#include "fault_row.h"

#include <string.h>

#define CLAUDE(status, type, text)       [FAMILY_CLAUDE] = {status, type, text}
#define DEEPSEEK(status, type, text)     [FAMILY_DEEPSEEK] = {status, type, text}
#define KIMI(status, type, text)         [FAMILY_KIMI] = {status, type, text}
#define OPENAI(status, type, code, text) [FAMILY_OPENAI] = {status, type, text, code}

/* The texts are PROTOCOLS.md's, §1 "Errors", §2, §3 and §4. */
#define RATE_LIMITED                                                                               \
	CLAUDE(429, "rate_limit_error",                                                            \
	       "This request would exceed your account's rate limit. Please try again later."),    \
	    DEEPSEEK(429, "rate_limit_error", "Rate limit reached: too many concurrent requests"), \
	    KIMI(429, "rate_limit_reached_error",                                                  \
		 "Your account reached max request concurrency, please try again later"),          \
	    OPENAI(429, "tokens", "rate_limit_exceeded",                                           \
		   "Rate limit reached for gpt-6-sol in organization org-simulated on tokens per " \
		   "min (TPM): Limit 2000000, Used 2000000, Requested 1.")
#define QUOTA                                                                                      \
	OPENAI(429, "insufficient_quota", "insufficient_quota",                                    \
	       "You exceeded your current quota, please check your plan and billing details.")

static const struct fault_row rows[] = {
    {"usage_limit", apply_limit, .errors = {RATE_LIMITED},
     .help = "429, unified 5h window rejected until `reset`"},
    {"usage_limit_7d", apply_limit, .errors = {RATE_LIMITED},
     .help = "429, unified 7d window rejected until `reset`"},
    {"family_limit", apply_family_limit, .errors = {RATE_LIMITED},
     .help = "429, only a model family's window (`family`) rejected until `reset`"},
    {"usage_text", apply_usage_text, .errors = {CLAUDE(429, "rate_limit_error", "")},
     .help = "429 (`status`) whose text is `Claude AI usage limit reached|<epoch>`"},
    {"regain_text", apply_regain_text, .errors = {CLAUDE(400, "invalid_request_error", "")},
     .help = "400 `… You will regain access on <date> …`, the date from `reset`"},
    {"out_of_extra_usage", apply_error,
     .errors = {CLAUDE(
	 400, "invalid_request_error",
	 "You're out of extra usage. Add more at claude.ai/settings/usage and keep going.")},
     .help = "400 `You're out of extra usage. …`"},
    {"long_context_credits", apply_error,
     .errors = {CLAUDE(429, "rate_limit_error",
		       "Usage credits are required for long context requests.")},
     .help = "429 `Usage credits are required for long context requests.`"},
    {"throttle", apply_throttle, .errors = {RATE_LIMITED},
     .help = "429 with retry-after (`retry_after`, default 7)"},
    {"throttle_bare", apply_error, .errors = {RATE_LIMITED},
     .help = "429 with no header that says how long"},
    {"balance", apply_error,
     .errors = {CLAUDE(402, "billing_error",
		       "Your account has a payment problem. Please check your billing details."),
		DEEPSEEK(402, "unknown_error", "Insufficient Balance"),
		KIMI(402, "exceeded_current_quota_error",
		     "Your account is suspended due to insufficient balance, please recharge your "
		     "account"),
		OPENAI(
		    402, "insufficient_quota", NULL,
		    "Insufficient credits. Add more using https://openrouter.ai/settings/credits")},
     .help = "402 in the provider's own shape and words; OpenAI's is OpenRouter's"},
    {"quota_exceeded", apply_error,
     .errors = {CLAUDE(429, "exceeded_current_quota_error",
		       "Your account is not active due to insufficient balance, please check your "
		       "plan and billing details"),
		QUOTA},
     .help = "429 (`status`) Kimi's exceeded_current_quota_error, OpenAI's insufficient_quota"},
    {"credit_low", apply_error,
     .errors = {CLAUDE(400, "invalid_request_error",
		       "Your credit balance is too low to access the Anthropic API. Please go to "
		       "Plans & Billing to upgrade "
		       "or purchase credits."),
		OPENAI(429, "billing_not_active", "billing_not_active",
		       "Your account is not active, please check your billing details on our "
		       "website.")},
     .help = "400 `Your credit balance is too low …`; OpenAI's 429 billing_not_active"},
    {"overloaded", apply_error,
     .errors = {CLAUDE(529, "overloaded_error", "Overloaded"),
		DEEPSEEK(503, "service_unavailable_error",
			 "Service is too busy. Please try again later."),
		KIMI(429, "engine_overloaded_error",
		     "The engine is currently overloaded, please try again later"),
		OPENAI(503, "server_error", NULL,
		       "That model is currently overloaded with other requests. You can retry your "
		       "request.")},
     .help = "529 Overloaded; DeepSeek's and OpenAI's 503, Kimi's 429 engine_overloaded_error"},
    {"overloaded_event", apply_error_event,
     .errors = {CLAUDE(200, "overloaded_error", "Overloaded"),
		OPENAI(503, "server_error", NULL, "The engine is currently overloaded")},
     .help = "200, then `event: error` (OpenAI: a chunk) overloaded_error as the first event, or "
	     "`at` a place"},
    {"error_event", apply_error_event,
     .errors = {CLAUDE(200, "api_error", "Internal server error"),
		OPENAI(502, "server_error", NULL, "Upstream error from the model's provider")},
     .help = "the same with `type` (default api_error), `message`, or the whole `body` of its data "
	     "line"},
    {"internal", apply_error,
     .errors = {CLAUDE(500, "api_error", "Internal server error"),
		DEEPSEEK(500, "internal_error", "Internal server error"),
		KIMI(500, "server_error", "Internal server error"),
		OPENAI(500, "server_error", NULL,
		       "The server had an error while processing your request. Sorry about that!")},
     .help = "500 with a JSON error"},
    {"bad_gateway", apply_html, .errors = {CLAUDE(502, "", "502 Bad Gateway")},
     .help = "502 with an HTML page"},
    {"unavailable", apply_error,
     .errors = {CLAUDE(503, "api_error", "Service unavailable"),
		DEEPSEEK(503, "service_unavailable_error",
			 "Service is too busy. Please try again later."),
		KIMI(503, "server_error", "Service unavailable"),
		OPENAI(503, "server_error", "slow_down", "Slow down")},
     .help = "503 with a JSON error"},
    {"timeout_504", apply_html, .errors = {CLAUDE(504, "", "504 Gateway Time-out")},
     .help = "504 with an HTML page"},
    {"html_200", apply_html, .errors = {CLAUDE(200, "", "Just a moment...")},
     .help = "200 (`status`) with an HTML page"},
    {"empty_200", apply_empty, .help = "200 with Content-Length: 0"},
    {"empty_stream", apply_empty_stream, .help = "200, an event stream without an event"},
    {"no_content_stream", apply_no_content,
     .help = "message_start … message_stop without a content block; JSON: `content` []"},
    {"unauthorized", apply_error,
     .errors =
	 {CLAUDE(
	      401, "authentication_error",
	      "OAuth token has expired. Please obtain a new token or refresh your existing token."),
	  DEEPSEEK(401, "authentication_error",
		   "Authentication Fails, Your api key: ****abcd is invalid"),
	  KIMI(401, "invalid_authentication_error", "Invalid Authentication"),
	  OPENAI(401, "invalid_request_error", "invalid_api_key",
		 "Incorrect API key provided: sk-abcd*****wxyz. You can find your API key at "
		 "https://platform.openai.com/account/api-keys.")},
     .help = "401 whatever the credential was"},
    {"forbidden_key", apply_error,
     .errors = {CLAUDE(403, "permission_error",
		       "Your API key does not have permission to use the specified resource."),
		DEEPSEEK(403, "permission_error", "Your api key has been disabled"),
		KIMI(403, "permission_denied_error", "The API key you are using has no permission"),
		OPENAI(403, "request_forbidden", "unsupported_country_region_territory",
		       "Country, region, or territory not supported")},
     .help = "403 about the key"},
    {"forbidden_model", apply_error,
     .errors = {CLAUDE(403, "permission_error", "Your account does not have access to this model."),
		DEEPSEEK(403, "permission_error", "This model is not available to your account"),
		KIMI(403, "permission_denied_error",
		     "You do not have permission to use this model"),
		OPENAI(403, "invalid_request_error", "model_not_found",
		       "Project `proj_simulated` does not have access to model `gpt-6-sol`")},
     .help = "403 about the model"},
    {"unknown_model", apply_error,
     .errors = {CLAUDE(404, "not_found_error", "model: retired-model"),
		DEEPSEEK(400, "invalid_request_error", "Model Not Exist"),
		KIMI(404, "resource_not_found_error",
		     "Not found the model retired-model or Permission denied"),
		OPENAI(
		    404, "invalid_request_error", "model_not_found",
		    "The model `retired-model` does not exist or you do not have access to it.")},
     .help = "404 (DeepSeek 400) as for a model that is not known"},
    {"bad_request", apply_error,
     .errors = {CLAUDE(400, "invalid_request_error", "messages.0: simulated bad request"),
		DEEPSEEK(400, "invalid_request_error",
			 "Failed to deserialize the JSON body into the target type"),
		KIMI(400, "invalid_request_error", "Invalid request: simulated bad request"),
		OPENAI(400, "invalid_request_error", "invalid_value",
		       "Invalid value: 'simulated'. Supported values are: none.")},
     .help = "400 with `message` and `type`"},
    {"too_large", apply_error,
     .errors = {CLAUDE(413, "request_too_large", "Request exceeds the maximum size"),
		OPENAI(413, "tokens", "rate_limit_exceeded",
		       "Request too large for model `simulated` on tokens per minute (TPM): Limit "
		       "6000, Requested 14368")},
     .help = "413 request_too_large"},
    {"unprocessable", apply_error,
     .errors = {CLAUDE(422, "invalid_request_error", "Unprocessable: simulated")},
     .help = "422 with `message`"},
    {"refuse", apply_strike, .act = ACT_CLOSE, .at = PLACE_START,
     .help = "closes the next accepted connection at once; a request on a kept one is closed "
	     "unanswered"},
    {"reset", apply_strike, .act = ACT_RESET, .at = PLACE_START,
     .help = "RST `at` a place (default start)"},
    {"close", apply_strike, .act = ACT_CLOSE, .at = PLACE_START,
     .help = "FIN `at` a place (default start)"},
    {"end", apply_strike, .act = ACT_END, .at = PLACE_HEAD,
     .help =
	 "ends the transfer properly (last chunk) `at` a place, the rest of the message missing"},
    {"stall", apply_strike, .act = ACT_STALL, .at = PLACE_START,
     .help = "says nothing more from `at` on, until the peer leaves"},
    {"pause", apply_strike, .act = ACT_PAUSE, .at = PLACE_HEAD,
     .help = "says nothing for `delay_ms` at `at`, then goes on"},
    {"pings", apply_pings,
     .help = "a ping event every `delay_ms` (100) at `at` (ping), `count` times or until the peer "
	     "leaves"},
    {"comments", apply_comments,
     .help = "`: keep-alive` (JSON: a blank line) every `delay_ms` (100) at `at` (head), `count` "
	     "times"},
    {"slow", apply_strike, .act = ACT_PACE, .at = PLACE_HEAD,
     .help = "one byte each `delay_ms` (10) from `at` (head) on"},
    {"garbage", apply_garbage,
     .help = "junk (`body`) at `at` (head), then a proper end; at start: no HTTP at all"},
    {"half_event", apply_half, .help = "half of the event after `at` (text), then `end`"},
    {"split", apply_split, .help = "every byte, head too, in a write and a segment of its own"},
    {"wrong_length_long", apply_wrong_length,
     .help = "Content-Length over the body (`bytes`, 100), then FIN"},
    {"wrong_length_short", apply_wrong_length,
     .help = "Content-Length short of the body (`bytes`, 20), connection kept"},
    {"gzip_error", apply_gzip,
     .errors = {CLAUDE(400, "invalid_request_error",
		       "Your credit balance is too low to access the Anthropic API."),
		DEEPSEEK(400, "unknown_error", "Insufficient Balance"),
		KIMI(403, "exceeded_current_quota_error",
		     "Your account is suspended due to insufficient balance"),
		QUOTA},
     .help = "a gzip-compressed error, though nobody asked: no balance, as 400 or 403 (`status`, "
	     "`message`, `body`)"},
    {"truncated_gzip", apply_gzip_half,
     .errors = {CLAUDE(500, "api_error", "Internal server error")},
     .help = "an error whose gzip body stops half-way (`status` 500)"},
    {"huge_header", apply_huge_header,
     .help = "a header line of 1 MB (`bytes`) before the normal answer"},
    {"continue_100", apply_continue, .help = "an interim 100 before the normal answer"},
    {"http10", apply_http10, .help = "the normal answer as HTTP/1.0, ended by FIN"},
    {"glued", apply_glued, .help = "a second response (`body`) glued behind the normal answer"},
    {"redirect", apply_redirect, .help = "302 to `location` (default: the backup provider)"},
    {"steer", apply_steer,
     .help = "normal answer with X-Accel-Redirect, X-Sendfile, Status, Set-Cookie …, folded lines, "
	     "bare LF and control bytes"},
    {"raw", apply_raw,
     .help = "`status`, `headers`, `body`, `content_type`; or all bytes of the answer in `wire`"},
    {"pass", apply_pass,
     .help = "the normal answer; for `headers`, `delay_ms`, or to let `times` requests through"},
    {"extra_usage", apply_extra_usage,
     .help = "normal answer, unified headers say overage in use (5h rejected, status allowed)"},
    {"utilization", apply_utilization,
     .help = "normal answer with `utilization` in its unified headers"},
};

const struct fault_row *
fault_row_at(size_t i)
{
	return i < sizeof(rows) / sizeof(rows[0]) ? &rows[i] : NULL;
}
