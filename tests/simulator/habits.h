/* SPDX-License-Identifier: MIT */
/* habits - what each provider makes in its own way: ids, signatures, searches, blank texts.
 *
 * Pure; every text is the caller's to free. `number` is the answer's, so nothing is random. */
#ifndef SIM_HABITS_H
#define SIM_HABITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "provider.h"

/* How a provider tells which tokens it has used (PROTOCOLS.md §1-3 "Usage"). */
enum telling {
	TELLS_ALL,  /* in message_start and message_delta */
	TELLS_ONCE, /* input in message_start alone, */
	TELLS_NULL, /* with nulls in message_delta */
	TELLS_LATE, /* in message_start all input is one number */
	TELLS_SUM   /* everywhere */
};

/* A call's id. at: which of the answer's calls; before: how many calls the conversation has had.
 * Claude: toolu_…; DeepSeek: call_00_…; Kimi: functions.NAME:INDEX, the index over the conversation. */
char *habit_call_id(const struct provider *p, uint64_t number, size_t at, size_t before,
		    const char *name);

/* Under a thinking block (PROTOCOLS.md §2, §3, §7); NULL: this provider signs nothing. */
char *habit_signature(const struct provider *p, uint64_t number);

/* Responses: the encrypted content of a reasoning item, and whether it belongs to one with that id. */
char *habit_seal(uint64_t number);
bool habit_seal_fits(const char *id, const char *content);

/* The web search tool's pair, for those who have it: the id, and the result's content as JSON. */
char *habit_search_id(const struct provider *p, uint64_t number);
char *habit_search_content(const struct provider *p, uint64_t number);

/* The text that stands before a conversation's step of that number; NULL: none. */
char *habit_text_before_call(const struct provider *p, long step);

/* Of an answer with tokens of the cache; Claude's and DeepSeek's differ from one to the next. */
enum telling habit_telling(const struct provider *p, uint64_t number);

#endif
