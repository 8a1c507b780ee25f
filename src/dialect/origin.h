/* SPDX-License-Identifier: MIT */
/* Which provider thinking and ids come from: marks in signatures and tool ids (PROTOCOLS.md 7).
 *
 * A provider other than Claude signs its thinking in its own way, or not at all. On the way to the
 * client each of its signatures becomes "router.NAME.ORIGINAL", and a block without one gets
 * "router.NAME."; Claude Code sends them back unchanged (CLIENT.md 2), so that the next handover
 * can distinguish them. Tool ids that Claude would reject are marked according to tool_id.h, those
 * of server tools always. Blank text blocks, which Claude would reject in a history, do not reach
 * the client; the indices of later blocks close up. Pure; thread-safe. */
#ifndef DIALECT_ORIGIN_H
#define DIALECT_ORIGIN_H

#include "dialect/dialect.h"
#include "json/scan.h"

/* Whether a signature (or the data of redacted thinking) is not Claude's: it is empty or marked.
 * text holds the span, as scan_string() gave it. */
bool origin_is_foreign(const char *text, struct span signature);

/* Returns what follows the mark of this provider; NULL: no mark, or another's. */
const char *origin_own(const char *signature, const char *provider);

/* The decode_event and decode_json of dialects whose thinking gets a mark. */
void origin_fini(struct origin *origin);
bool origin_mark_event(struct origin *origin, const struct sse_event *event, struct buf *out);
bool origin_mark_json(const char *provider, int64_t input_tokens, const char *json, size_t n,
		      struct buf *out);

#endif
