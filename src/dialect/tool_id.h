/* SPDX-License-Identifier: MIT */
/* Ids of tool calls that Claude would refuse, on their way to the client and back.
 *
 * Claude takes ^[a-zA-Z0-9_-]+$ only, and a conversation that holds another id is refused at
 * every turn from then on. So an id that others made becomes, where it must, "router_NAME_ID":
 * NAME and ID with each byte that is no letter or digit as -xx. That is undone on the way to its
 * maker; all others take it as it is. The same id always becomes the same text.
 * Pure; thread-safe. BEHAVIOUR.md 7, PROTOCOLS.md 7. */
#ifndef DIALECT_TOOL_ID_H
#define DIALECT_TOOL_ID_H

#include "json/scan.h"

#define TOOL_ID_MARK       "router_"
#define TOOL_ID_MAX        128 /* of what is marked; a longer id stays as it is */
#define TOOL_ID_MARKED_MAX 512

/* Whether Claude refuses an id for a byte in it; whether it is one of ours. text holds span. */
bool tool_id_is_odd(const char *text, struct span id);
bool tool_id_is_marked(const char *text, struct span id);

/* The marked id, with its NUL; provider: its maker's name, "" when nobody knows it. Returns its
 * length, 0 when the id is too long. */
size_t tool_id_mark(const char *provider, const char *text, struct span id,
		    char out[static TOOL_ID_MARKED_MAX]);

/* The id that this provider made, with its NUL; false when it is not marked as its own. */
bool tool_id_unmark(const char *provider, const char *marked, char out[static TOOL_ID_MAX + 1]);

#endif
