/* SPDX-License-Identifier: MIT */
/* habits - what each provider makes in its own way: ids, signatures, searches, blank texts.
 *
 * Pure; every text is the caller's to free. `number` is the answer's, so nothing is random. */
#ifndef SIM_HABITS_H
#define SIM_HABITS_H

#include <stddef.h>
#include <stdint.h>

#include "provider.h"

/* A call's id. at: which of the answer's calls; before: how many calls the conversation has had.
 * Claude: toolu_…; DeepSeek: call_00_…; Kimi: functions.NAME:INDEX, the index over the conversation. */
char *habit_call_id(const struct provider *p, uint64_t number, size_t at, size_t before,
		    const char *name);

/* Under a thinking block (PROTOCOLS.md §2, §3, §7); NULL: this provider signs nothing. */
char *habit_signature(const struct provider *p, uint64_t number);

/* The web search tool's pair, for those who have it: the id, and the result's content as JSON. */
char *habit_search_id(const struct provider *p, uint64_t number);
char *habit_search_content(const struct provider *p, uint64_t number);

/* The text that stands before a conversation's step of that number; NULL: none. */
char *habit_text_before_call(const struct provider *p, long step);

#endif
