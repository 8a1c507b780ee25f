/* SPDX-License-Identifier: MIT */
/* provider - the six providers: their ports, their state, and what happens to a request.
 *
 * One static table, provider_at(); it lives as long as the program. A provider
 * owns its faults, records, gate and retired names. */
#ifndef SIM_PROVIDER_H
#define SIM_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "bill.h"
#include "compat.h"
#include "fault.h"
#include "http.h"
#include "record.h"

#define RETIRED_MAX ((size_t)32)

enum family { FAMILY_CLAUDE, FAMILY_DEEPSEEK, FAMILY_KIMI, FAMILY_OPENAI, FAMILIES };

struct answer;
struct json_object;

/* "Stop after each event until I say so." Tokens are shared by a provider's streams. */
struct gate {
	bool hold;
	long tokens;
	struct answer *first; /* who waits, oldest first */
};

struct provider {
	const char *name;
	enum family family;
	const char *base;  /* path before /v1/… */
	bool login;        /* wants a Claude login, not an API key (PROTOCOLS.md §4) */
	bool claude_extra; /* has count_tokens and models */
	struct endpoint plain, tls;
	struct fault *faults; /* the queue */
	struct ring ring;
	struct bill bill;
	struct gate gate;
	char *retired[RETIRED_MAX];
	size_t retired_len;
	bool recording;
	bool lenient_thinking; /* Kimi: a tool turn may lack its thinking (PROTOCOLS.md §9) */
	struct compat compat;  /* openai: whom it plays (PROTOCOLS.md §8) */
	bool identity;    /* claude_pro: insist on Claude Code's system line (PROTOCOLS.md §4) */
	uint64_t answers; /* numbers request, message and tool ids; since the last reset */
	uint64_t epoch;   /* counts resets, so that an old answer's end is not counted after one */
	uint64_t refused, malformed;
	char *seen; /* the last body parsed, and what it was: a benchmark repeats itself */
	size_t seen_len;
	struct json_object *seen_json;
};

#define PROVIDERS 6

struct provider *provider_at(size_t i);
struct provider *provider_named(const char *name, size_t len); /* NULL: no such one */

/* Opens a plain port each and, with a context, a TLS port each. */
void providers_open(SSL_CTX *tls);

void provider_reset(struct provider *p); /* as new, but its connections stay */
void providers_reset(void);              /* all, and the sequence of requests */
bool provider_retired(const struct provider *p, const char *model);
bool provider_retire(struct provider *p, const char *model); /* false: too many */

/* A request's answer has come to its end (answer.c says so). */
void provider_ended(struct provider *p, struct record *r, uint64_t epoch);

/* What such an answer costs is put on the bill, while records are kept. */
void provider_charge(struct provider *p, const struct record *r, uint64_t epoch, struct charge *c);

extern unsigned provider_chunk_delay_ms; /* --chunk-delay */

#endif
