/* SPDX-License-Identifier: MIT */
/* Ids of tool calls that Claude would reject, on their way to the client and back.
 *
 * Claude accepts ^[a-zA-Z0-9_-]+$ only, and rejects every later turn of a conversation that holds
 * another id. So another provider's id becomes, where it must, "router_NAME_ID": NAME and ID with
 * each byte that is not a letter or digit as -xx. That is undone on the way to its maker; all
 * others accept it as it is. The same id always becomes the same text. Pure; thread-safe.
 * BEHAVIOUR.md 7, PROTOCOLS.md 7. */
#ifndef DIALECT_TOOL_ID_H
#define DIALECT_TOOL_ID_H

#include "base/caps.h"
#include "json/scan.h"

#define TOOL_ID_MARK       "router_"
#define TOOL_ID_MARKED_MAX 512

/* Whether Claude would reject an id for a byte in it; whether we marked it. text holds the span. */
bool tool_id_is_odd(const char *text, struct span id);
bool tool_id_is_marked(const char *text, struct span id);

/* Writes the marked id, with its NUL; provider: its maker's name, "" when unknown. Returns its
 * length; 0: the id is too long. */
size_t tool_id_mark(const char *provider, const char *text, struct span id,
		    char out[static TOOL_ID_MARKED_MAX]);

/* Writes the id that this provider made, with its NUL; false when it is not marked as its own. */
bool tool_id_unmark(const char *provider, const char *marked, char out[static TOOL_ID_MAX + 1]);

#endif
