/* SPDX-License-Identifier: MIT */
/* chat - a "model's" message as Chat Completions has it: chunks of a stream, or one JSON text.
 *
 * Shapes: PROTOCOLS.md §8 "Answer", "Stream", bent by the habits in say->compat. sse.c calls it for
 * a message of FORM_CHAT. */
#ifndef SIM_CHAT_H
#define SIM_CHAT_H

#include "buf.h"
#include "sse.h"

/* As stream_next(), stream_over() and say_json(). */
bool chat_next(struct stream *s, struct buf *out, enum place *place);
bool chat_over(const struct stream *s);
void chat_json(const struct say *s, struct buf *out);

#endif
