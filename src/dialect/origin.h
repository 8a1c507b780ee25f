/* SPDX-License-Identifier: MIT */
/* Whose thinking a block is, and whose ids: marks in signatures and tool ids (PROTOCOLS.md 7).
 *
 * A provider other than Claude signs its thinking in its own way, or not at
 * all. On the way to the client each of its signatures becomes
 * "router.NAME.ORIGINAL", and a block without one gets "router.NAME."; Claude
 * Code sends them back unchanged (CLIENT.md 2), so that they can be told apart
 * on the way to the next provider. Tool ids that Claude would refuse are marked as tool_id.h
 * has it, those of server tools always. Text blocks that are blank, which Claude would refuse in a
 * history, do not reach the client; the indices of those behind close up. Pure; thread-safe. */
#ifndef DIALECT_ORIGIN_H
#define DIALECT_ORIGIN_H

#include "dialect/dialect.h"
#include "json/scan.h"

/* Whether a signature (or the data of redacted thinking) is none that Claude
 * made: it is empty or marked. text holds span, as scan_string() gave it. */
bool origin_is_foreign(const char *text, struct span signature);

/* What follows the mark of this provider, NULL when the mark is another's or
 * there is none. */
const char *origin_own(const char *signature, const char *provider);

/* dialect.decode_event and dialect.decode_json of providers whose thinking gets a mark. */
void origin_fini(struct origin *origin);
bool origin_mark_event(struct origin *origin, const struct sse_event *event, struct buf *out);
bool origin_mark_json(const char *provider, const char *json, size_t n, struct buf *out);

#endif
