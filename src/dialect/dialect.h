/* SPDX-License-Identifier: MIT */
/* What a kind of provider wants to receive, and how its answer is to be read.
 * A dialect is one file and one line of the table in dialect.c. Facts:
 * PROTOCOLS.md 2, 3, 5, 6, 7. Contract: BEHAVIOUR.md 7.
 *
 * Pure: bytes in, bytes out; thread-safe. json-c is used only where a body must
 * be rewritten. */
#ifndef DIALECT_DIALECT_H
#define DIALECT_DIALECT_H

#include "base/buf.h"
#include "base/digest.h"
#include "dialect/message.h"
#include "dialect/sse.h"

/* A request to hand over. All borrowed. */
struct handover {
	const char *provider; /* the provider's name (letters, digits, - and _): marks carry it */
	const char *model;    /* the name to send; NULL: as asked */
	const char *body;
	size_t body_len;
	const struct message *message; /* of that body */
	const uint8_t *key;            /* DIGEST_KEY_SIZE bytes, hashes user ids */
	unsigned quirks;               /* enum quirk, or'ed: what a provider's 400 made us try */
};

/* A second form of the same request, for one retry after a 400 that asks for
 * it (PROTOCOLS.md 5, 9). */
enum quirk {
	QUIRK_THINKING_PLACEHOLDER = 1 << 0, /* Kimi: tool turns get a thinking block after all */
	QUIRK_SYSTEM_AS_USER = 1 << 1,       /* DeepSeek: role system becomes user text */
	QUIRK_NO_LOGIN_FIELDS =
	    1 << 2,                 /* Claude API: fields that only a login may send are dropped */
	QUIRK_NO_THINKING = 1 << 3, /* DeepSeek: this request goes without thinking */
};

/* Those that tell of the provider and its model; the others tell of one request. */
#define QUIRKS_REMEMBERED                                                                          \
	(unsigned)(QUIRK_THINKING_PLACEHOLDER | QUIRK_SYSTEM_AS_USER | QUIRK_NO_LOGIN_FIELDS)

enum handover_result {
	HANDOVER_AS_IS,     /* send the body byte for byte; out is empty */
	HANDOVER_REWRITTEN, /* send out */
	HANDOVER_FAILED,    /* out of memory, or out's maximum */
};

/* State of one answer stream on its way to the client (dialect/origin.h). All zero but the provider at the
 * start; origin_fini() at the end. */
#define ORIGIN_OPEN_MAX 16
struct origin {
	const char *provider; /* whose mark thinking and ids get */
	struct origin_block {
		int64_t index; /* the provider's … */
		int64_t as;    /* … and the client's */
		bool thinking;
		bool signature;  /* its signature_delta was seen */
	} open[ORIGIN_OPEN_MAX]; /* blocks that were begun and not stopped */
	unsigned n_open;
	int64_t next; /* the index of the next block that the client sees */
	bool moved;   /* some block has another index at the client */
	bool
	    holding; /* a text block with nothing but white space so far: the client may never see it */
	int64_t blank;   /* its index */
	struct buf held; /* its events */
};

struct dialect {
	const char *name;
	bool forwards_headers;   /* the client's anthropic-* headers and query go along, and an
				    API key goes as x-api-key */
	bool reports_quota;      /* anthropic-* headers of a response are true, and the client's */
	bool is_authority;       /* its 4xx is the client's to read, its empty turn is meant */
	bool takes_claude_names; /* of models, as they are */
	const char *path;        /* of messages, instead of the client's; NULL: the same */
	bool counts_tokens;      /* has /v1/messages/count_tokens, and /v1/models */
	int64_t context_tokens;  /* the largest request, in tokens */

	/* Why a request for this model cannot be served here, a few words for the
	 * log and explain ("images"), or NULL when it can. model: the name to send. */
	const char *(*refuses)(const struct message *message, const char *model);

	/* The name that request() really sends for this message when it was mapped to
	 * model: DeepSeek's flash takes images, its pro does not. For log and status;
	 * request() asks it itself. NULL: always the mapped one. */
	const char *(*model)(const struct message *message, const char *model);

	/* Writes the body to send into out (empty on entry). */
	enum handover_result (*encode)(const struct handover *handover, struct buf *out);

	/* Appends an event of the answer to out as the client shall see it, and what
	 * must go before it; or nothing, when the client is not to see it, or not yet. NULL:
	 * every event passes byte for byte. False: out is full, or out of memory. */
	bool (*decode_event)(struct origin *origin, const struct sse_event *event, struct buf *out);

	/* The same for a JSON answer; NULL: byte for byte. False: out of memory;
	 * what is no JSON object is copied as it is. */
	bool (*decode_json)(const char *provider, const char *json, size_t n, struct buf *out);

	/* The quirk that an error text asks for, 0 for none. text is the error body. */
	unsigned (*quirk)(int status, const char *text);
};

/* One more dialect: its file, and its line here. */
// clang-format off
#define DIALECTS(dialect) \
	dialect(anthropic) \
	dialect(deepseek) \
	dialect(kimi)
// clang-format on

#define DIALECT_DECLARE(name) extern const struct dialect dialect_##name;
DIALECTS(DIALECT_DECLARE)

/* By its name; NULL: unknown. */
const struct dialect *dialect_find(const char *name);

/* Appends all names, cut where they do not fit: "anthropic, deepseek or kimi". */
void dialect_names(struct buf *out);

/* A signature as the client shall keep it: "router.NAME.ORIGINAL". Claude Code
 * sends thinking back unchanged, whatever its signature (CLIENT.md 2). */
#define ORIGIN_PREFIX "router."

#endif
