/* SPDX-License-Identifier: MIT */
/* responses - a "model's" message as OpenAI's Responses has it: events of a stream, or one JSON text.
 *
 * Shapes: PROTOCOLS.md §10 "Answer", "Stream". sse.c calls it for a message of FORM_RESPONSES. */
#ifndef SIM_RESPONSES_H
#define SIM_RESPONSES_H

#include "buf.h"
#include "sse.h"

/* As stream_next(), stream_over() and say_json(). */
bool responses_next(struct stream *s, struct buf *out, enum place *place);
bool responses_over(const struct stream *s);
void responses_json(const struct say *s, struct buf *out);

#endif
