/* SPDX-License-Identifier: MIT */
/* What the other machines know, as far as this one has told it or been told: so that only news is
 * sent. Pure; a struct known belongs to its caller. One thread. */
#ifndef SHARE_KNOWN_H
#define SHARE_KNOWN_H

#include "share/fact.h"

/* More than a state file has records of all kinds together. */
#define KNOWN_MAX 1536

struct known;

/* NULL: out of memory. */
struct known *known_new(void);
void known_free(struct known *known); /* NULL is fine */

/* Forgets all of it: then everything is news. */
void known_clear(struct known *known);

/* Whether a fact adds to what is known: a health by health_is_news(); a session or a memory of a
 * model that is younger, and says something else or is not of the same minute; a later choice; a
 * drill by drill_join(). */
bool known_is_news(const struct known *known, const struct fact *fact, int64_t now_ms);

/* Adds it. False: there is no room, and nothing has changed. */
bool known_add(struct known *known, const struct fact *fact, int64_t now_ms);

#endif
