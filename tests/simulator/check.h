/* SPDX-License-Identifier: MIT */
/* check - what a provider objects to in a request. Strict: these checks are the tests' judge.
 *
 * A refusal is what the provider answers; a problem is what it would swallow,
 * though the router should not have sent it (PROTOCOLS.md §5). Pure but for
 * the problems they append; nothing here knows of sockets. */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "http.h"
#include "json.h"
#include "provider.h"
#include "sse.h"

struct json_object;

struct check {
	const struct provider *provider;
	const struct request *request;
	struct json_object *body;   /* an object; NULL for a request without one */
	enum json_fault body_fault; /* why the body is none, and at which byte */
	size_t body_fault_at;
	bool counting; /* count_tokens */
	enum form form;
	/* What was learned on the way: */
	const char *model; /* as asked, "" if none */
	bool stream, thinking;
	int64_t max_tokens;  /* -1: not given */
	struct buf problems; /* JSON strings, comma between */
	bool leak;
	bool refused;
	int status;
	char type[64], text[600];
	char code[64], param[160]; /* of OpenAI's errors; empty: null */
	bool wants_usage;          /* stream_options.include_usage */
	bool wants_summary;        /* Responses: reasoning.summary … */
	bool wants_sealed;         /* … and its encrypted content */
};

/* All return true when the request is refused, with status, type and text set. */
bool check_credential(struct check *c); /* leaks are noted here */
bool check_doubled(struct check *c);    /* a single-valued header given twice */
bool check_head(struct check *c);       /* content-type, anthropic-version */
bool check_body(struct check *c);

/* For the family's own checks. */
bool check_refuse(struct check *c, int status, const char *type, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void check_problem(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool check_claude_credential(struct check *c);
bool check_claude(struct check *c);
bool check_claude_options(struct check *c); /* all but the messages */
bool check_claude_blocks(struct check *c);  /* each block by itself */
bool check_claude_turns(struct check *c);   /* ids, pairs, order */
bool check_deepseek(struct check *c);
bool check_kimi(struct check *c);
bool check_openai_credential(struct check *c);
bool check_openai_route(struct check *c, bool known); /* refuses; known: the path, not the method */
bool check_openai(struct check *c);
bool check_responses(struct check *c);

/* Is the name in the NULL-ended list? */
bool check_listed(const char *name, const char *const *list);

/* The string at key, or otherwise. */
const char *check_text(struct json_object *o, const char *key, const char *otherwise);

/* Is a JSON string empty, of white space only, or neither? By its length: a \u0000 is a character. */
enum check_blankness { CHECK_EMPTY, CHECK_BLANK, CHECK_FULL };
enum check_blankness check_blank(struct json_object *text);

/* One block of a message; inner >= 0: that block inside the tool_result `block`. */
struct spot {
	int message, block, inner;
	const char *role, *type;
	struct json_object *o;
};

/* Calls visit for each block until one refuses. */
bool check_blocks(struct check *c, bool (*visit)(struct check *c, const struct spot *s));

/* tool_use and tool_result in pairs (PROTOCOLS.md §5, last line), in words that each family understands. */
bool check_pairs(struct check *c);

/* For each assistant message with a tool_use and no thinking: what(c, index) until one refuses. */
bool check_tool_turns(struct check *c, bool (*what)(struct check *c, int message));

/* Problems that DeepSeek and Kimi share: fields, billing text, user_id, tools, cache marks, empty content. */
void check_foreign(struct check *c, const char *const *fields);

#endif
