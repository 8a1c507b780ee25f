/* SPDX-License-Identifier: MIT */
/* An exchange from inside: for choose.c, which plans, exchange.c, which asks,
 * judges and relays, and route/close.c, which has the last word. Nobody else. */
#ifndef ROUTE_EXCHANGE_IMPL_H
#define ROUTE_EXCHANGE_IMPL_H

#include "route/candidates.h"
#include "route/exchange.h"
#include "route/relay.h"
#include "route/verdict.h"
#include "upstream/attempt.h"
#include "json/end.h"

enum exchange_phase {
	EXCHANGE_ASKING,   /* an attempt runs, nothing of it is on its way to the client */
	EXCHANGE_WAITING,  /* for a retry, or for the earliest provider */
	EXCHANGE_RELAYING, /* a stream is on its way */
	EXCHANGE_ENDED,    /* the reply is written; the attempt may still come to rest */
};

/* The provider that is asked now. */
struct target {
	const struct provider *provider; /* NULL: nobody was asked yet */
	struct health_key key;           /* of the account */
	struct health_key lease;         /* the record whose probe we are, */
	bool leased;                     /* if we are */
	bool stored;                     /* the credential is a stored one */
	uint64_t own;                    /* key.account, if it is the client's own; else 0 */
	bool others_ready;               /* somebody else could answer */
	size_t first_name;               /* place of the name that is asked for first, */
	size_t successor;                /* how many names of its model rule were refused */
	unsigned quirks;                 /* enum quirk, or'ed */
	unsigned retries;
	char model[MODEL_NAME_MAX]; /* the name to send; "" : as asked */
	int64_t began_ms;           /* the attempt, wall clock */
	int64_t start_ms;           /* the attempt, steady clock */
	int64_t news_ms;            /* its last bytes, steady clock */
	int64_t failed_ms;          /* its status was an error's, steady clock; 0: it is none */
	struct json_end json;       /* of its response, when that is JSON */
	int64_t life_ms;            /* its last bytes that were no pings, steady clock */
};

struct exchange {
	struct client *client; /* NULL: gone, or served */
	struct app *app;
	struct config *config;   /* our share of what was in force when it began: all that is */
	struct tokens *tokens;   /* decided here is decided by these, to the end */
	struct request *request; /* the client's; NULL with it */
	enum exchange_phase phase;
	bool quiet;             /* count_tokens and models change nobody's health */
	uint64_t holder;        /* our name as a probe */
	uint64_t family;        /* of the model asked for; 0: none */
	struct session session; /* key 0: none */
	struct health_kin kin;  /* who the client says to be */
	int64_t start_ms;       /* steady clock */
	int64_t first_ms;       /* first byte to the client, since start_ms; -1: none yet */
	int64_t held_ms;        /* spent waiting for the earliest */
	unsigned done;          /* bit i: providers[i] was asked and is not to be asked again */
	unsigned paused;        /* of done: those that rest since then */
	unsigned attempts;
	struct target target;
	struct attempt *attempt;
	struct buf body; /* rewritten for the provider; empty: the request's own */
	struct relay relay;
	bool relay_begun;
	struct verdict verdict; /* the last one; row NULL: none yet */
	int kept_status;        /* an answer to pass when nobody has a better one; 0: none */
	struct buf kept_lines;
	struct buf kept_body;
	enum mend mend;
	bool is_cut; /* the provider broke its stream off, and mend says what was done */
	char passed
	    [64]; /* who was preferred to the first that was asked, and why not: for the log */
	struct buf trail;                 /* the attempts, for the log */
	void (*next)(struct exchange *x); /* when step is due */
	struct timer step;
	struct timer watch; /* time limits */
};

/* Frees it, and takes everything back. */
void exchange_free(struct exchange *x);

/* Asks the next candidate that may be asked now; if there is none, waits for the
 * earliest, or concludes. */
void exchange_plan(struct exchange *x);

/* Finds out whose request it is, as far as that is told, and who serves the
 * conversation. */
void exchange_identify(struct exchange *x);

/* Asks the provider of x->target. */
void exchange_ask(struct exchange *x);

/* Goes on with next in a while; without memory for a timer it concludes. */
void exchange_wait(struct exchange *x, int64_t in_ms, void (*next)(struct exchange *x));

/* What is left of the time to the first content; 0 or less: nothing. */
int64_t exchange_remaining_ms(const struct exchange *x);

/* The place of a provider in the configuration, and in x->done. */
size_t exchange_index(const struct exchange *x, const struct provider *provider);

/* Nobody can response; plan: of now. */
void close_no_provider(struct exchange *x, const struct plan *plan);

/* The answer that was kept. */
void close_with_kept(struct exchange *x);

/* A JSON answer of the provider that is asked now. */
void close_with_json(struct exchange *x, const char *json, size_t n);

/* What can be answered without any provider: a token estimate, a model list. */
void close_locally(struct exchange *x);

/* An error of our own. */
void close_with_error(struct exchange *x, int status, const char *lines, const char *type,
		      const char *message);

/* The end of a stream that was opened with close_open_stream(). */
void close_open_stream(struct exchange *x);
void close_stream(struct exchange *x);

/* The client has left. */
void close_aborted(struct exchange *x);

#endif
