/* SPDX-License-Identifier: MIT */
/* compat - the servers that speak Chat Completions (OpenAI and Azure: Responses, too), and what each of them does in its own way.
 *
 * A habit is a word of a closed list; a server is a set of habits (PROTOCOLS.md §8). The control port
 * chooses. A plain value: copy it, nothing is to be freed. Pure. */
#ifndef SIM_COMPAT_H
#define SIM_COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct json_object;

/* In the order of the table in compat.c; so are the words under each. */
enum habit {
	HABIT_REASONING,
	HABIT_CALLS,
	HABIT_INDEX,
	HABIT_IDS,
	HABIT_NAMES,
	HABIT_ARGUMENTS,
	HABIT_CONTENT,
	HABIT_USAGE,
	HABIT_CACHE,
	HABIT_FINISH,
	HABIT_DONE,
	HABIT_FIRST,
	HABIT_STREAM,
	HABIT_ERRORS,
	HABIT_ERROR_EVENTS,
	HABIT_KEYS,
	HABIT_MODELS,
	HABIT_ROLES,
	HABIT_CHOICE,
	HABIT_REPLAY,
	HABIT_SUMMARIES,
	HABITS
};

enum { REASONING_NONE, REASONING_CONTENT, REASONING_PLAIN, REASONING_BOTH };
enum { CALLS_DELTAS, CALLS_INTERLEAVED, CALLS_WHOLE };
enum { INDEX_COUNTED, INDEX_MISSING, INDEX_ZERO, INDEX_ONE };
enum { IDS_GIVEN, IDS_MISSING, IDS_EMPTY, IDS_REPEATED };
enum { NAMES_ONCE, NAMES_REPEATED };
enum { ARGUMENTS_TEXT, ARGUMENTS_OBJECT, ARGUMENTS_EMPTY };
enum { CONTENT_TEXT, CONTENT_PARTS };
enum { USAGE_CHUNK, USAGE_WITH_DELTA, USAGE_BESIDE, USAGE_EACH, USAGE_GROQ, USAGE_NEVER };
enum { CACHE_DETAILS, CACHE_HITS, CACHE_UNTOLD };
enum { FINISH_TOLD, FINISH_STOP, FINISH_EMPTY, FINISH_NEVER, FINISH_WITH };
enum { DONE_TOLD, DONE_NEVER };
enum { FIRST_ROLE, FIRST_FILTER, FIRST_COMMENT };
enum { STREAM_EVENTS, STREAM_JSON };
enum { ERRORS_OPENAI, ERRORS_FLAT, ERRORS_TEXT, ERRORS_NUMBER };
enum { ERROR_EVENTS_CHUNK, ERROR_EVENTS_NAMED, ERROR_EVENTS_BESIDE };
enum { KEYS_NEEDED, KEYS_ANY };
enum { MODELS_KNOWN, MODELS_ANY };
enum { ROLES_FREE, ROLES_ALTERNATE };
enum { CHOICE_FREE, CHOICE_WORDS };
enum { REPLAY_FREE, REPLAY_NEVER, REPLAY_NEEDED };
enum { SUMMARIES_TOLD, SUMMARIES_NEVER, SUMMARIES_REFUSED };

struct compat {
	unsigned server; /* an index of the table */
	unsigned char set[HABITS];
	char refuses[256]; /* parameters that it does not take, "," before and behind each */
};

/* OpenAI's own habits. */
void compat_reset(struct compat *c);

/* {"server":NAME, HABIT:WORD, "refuses":[PARAMETER, …]}: a server, then what differs from it.
 * False, and a sentence in *why, when the object says something else; c is as before then. */
bool compat_choose(struct compat *c, struct json_object *spec, struct buf *why);

void compat_json(const struct compat *c, struct buf *out);
void compat_list(struct buf *out); /* servers and habits, for people */

bool compat_is(const struct compat *c, const char *server);
bool compat_is_openai(const struct compat *c); /* OpenAI itself, or Azure */
bool compat_refuses(const struct compat *c, const char *parameter);
const char *compat_base(const struct compat *c); /* of the path before /v1/… */

/* A call's id as that server makes them; the caller's to free. */
char *compat_call_id(const struct compat *c, uint64_t number, size_t at);

#endif
