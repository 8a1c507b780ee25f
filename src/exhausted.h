/* The answer when nobody can answer: BEHAVIOUR.md 5, "When all rest" and "When
 * the last candidate fails". Pure but for the text's local time. */
#ifndef EXHAUSTED_H
#define EXHAUSTED_H

#include "buf.h"
#include "plan.h"

struct exhausted {
	int status;
	const char *type;
	struct buf lines;   /* header lines */
	struct buf message; /* names each provider and when it is back */
};

void exhausted_init(struct exhausted *e);
void exhausted_fini(struct exhausted *e);

/* plan: of now. last: what the last one asked said, in a few words; "" if nobody
 * was. login: the client has a Claude login, which Claude Code then
 * knows how to wait with (CLIENT.md 6). */
void exhausted_answer(struct exhausted *e, const struct plan *plan, const char *last, bool login,
		      int64_t now_ms);

#endif
