/* SPDX-License-Identifier: MIT */
/* answer_openai - the answers of OpenAI and those who speak like it that are no message: errors, the
 * list of models (PROTOCOLS.md §8 "Errors", "Models"). The headers are in limits.h. */
#ifndef SIM_ANSWER_OPENAI_H
#define SIM_ANSWER_OPENAI_H

#include "answer.h"

/* An error's body, for the answer's status, with its error_code and error_param. */
void openai_error_json(const struct answer *a, const char *type, const char *message,
		       struct buf *out);

/* The same in a stream, as the server sends it there: one event. body: its data, or NULL. */
void openai_error_event(const struct answer *a, const char *type, const char *message,
			const char *body, struct buf *out);

void openai_models(struct answer *a);
void openai_model(struct answer *a, const char *id);

#endif
