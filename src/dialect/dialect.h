/* SPDX-License-Identifier: MIT */
/* What a kind of provider expects to receive, and how its response is read. A dialect is one file
 * and one line of DIALECTS. Facts: PROTOCOLS.md 2, 3, 5 to 8, 10. Contract: BEHAVIOUR.md 7.
 *
 * Pure: bytes in, bytes out; thread-safe. json-c is used only where a body must
 * be rewritten. */
#ifndef DIALECT_DIALECT_H
#define DIALECT_DIALECT_H

#include "base/buf.h"
#include "base/caps.h"
#include "base/digest.h"
#include "dialect/message.h"
#include "dialect/sse.h"
#include "dialect/translation.h"

/* A request to hand over to a provider. All borrowed. */
struct handover {
	const char *provider; /* its name (letters, digits, - and _), for marks */
	const char *model;    /* the name to send; NULL: as requested */
	const char *body;
	size_t body_len;
	const struct message *message; /* of that body */
	const uint8_t *key;            /* DIGEST_KEY_SIZE bytes, hashes user ids */
	unsigned quirks;               /* enum quirk, or'ed: an error called for them */
};

/* Another form of the same request, for one retry after an error that calls for it (PROTOCOLS.md 5,
 * 9). */
enum quirk {
	QUIRK_THINKING_PLACEHOLDER = 1 << 0, /* Kimi: tool turns get a thinking block after all */
	QUIRK_SYSTEM_AS_USER = 1 << 1,       /* DeepSeek: role system becomes user text */
	QUIRK_NO_LOGIN_FIELDS = 1 << 2,      /* Claude API: no fields that only a login sends */
	QUIRK_NO_THINKING = 1 << 3,          /* DeepSeek: this request is sent without thinking */
	/* Chat Completions: PROTOCOLS.md 8, Pitfalls. */
	QUIRK_OTHER_MAX_TOKENS = 1 << 4, /* max_completion_tokens in place of max_tokens, or v.v. */
	QUIRK_NO_MAX_TOKENS = 1 << 5,    /* without either */
	QUIRK_NO_SAMPLING = 1 << 6,      /* without temperature, top_p and stop */
	QUIRK_NO_REASONING = 1 << 7,     /* reasoning_effort none beside tools */
	QUIRK_NO_EFFORT = 1 << 8,        /* without reasoning_effort */
	QUIRK_NO_USAGE = 1 << 9,         /* without stream_options */
	QUIRK_NO_REPLAY = 1 << 10,       /* its own reasoning is not given back */
	/* Responses, beside some of those: PROTOCOLS.md 10, Pitfalls. */
	QUIRK_NO_SUMMARY = 1 << 11, /* no summary of its reasoning is asked for */
	QUIRK_NO_SEALED = 1 << 12,  /* reasoning of this history is not given back */
};

/* Those that are true of the provider and its model; the others of one request only. */
#define QUIRKS_REMEMBERED ~(unsigned)(QUIRK_NO_THINKING | QUIRK_NO_SEALED)

enum handover_result {
	HANDOVER_AS_IS,     /* send the body byte for byte; out is empty */
	HANDOVER_REWRITTEN, /* send out */
	HANDOVER_FAILED,    /* out of memory, or out's maximum */
};

/* The state of one response stream on its way to the client (dialect/origin.h). Zero except the
 * provider at the start; origin_fini() at the end. */
struct origin {
	const char *provider; /* whose mark thinking and ids get */
	struct origin_block {
		int64_t index; /* the provider's … */
		int64_t as;    /* … and the client's */
		bool thinking;
		bool signature;  /* its signature_delta was seen */
	} open[ORIGIN_OPEN_MAX]; /* blocks that have started and not stopped */
	unsigned n_open;
	int64_t next;    /* the index of the next block for the client */
	bool moved;      /* some block has another index at the client */
	bool holding;    /* a text block of white space so far: the client may never see it */
	int64_t blank;   /* its index */
	struct buf held; /* its events */
};

struct dialect {
	const char *name;
	bool forwards_headers;    /* the client's anthropic-* headers and query go along, and an
				    API key goes as x-api-key */
	bool reports_quota;       /* anthropic-* headers of a response are true, and the client's */
	bool is_authority;        /* the client gets its 4xx, and its empty turn as it is */
	bool takes_claude_names;  /* of models, as they are */
	bool keeps_cache_control; /* all of the client's goes along: an hour is an hour */
	const char *path;         /* of messages, instead of the client's; NULL: the same */
	bool has_auxiliary_routes; /* has /v1/messages/count_tokens, and /v1/models */
	int64_t context_tokens;    /* the largest request, in tokens */
	int64_t least_output;      /* what encode() may raise a smaller max_tokens to; 0: none */

	/* Returns why a request for this model cannot be served here, a few words for the log and
	 * explain ("images"), or NULL when it can. model: the name to send. */
	const char *(*refuses)(const struct message *message, const char *model);

	/* Returns the name that encode() sends for this message when it was mapped to model:
	 * DeepSeek's flash takes images, its pro does not. For log and status; encode() uses it
	 * itself. NULL: always the mapped one. */
	const char *(*model)(const struct message *message, const char *model);

	/* Writes the body to send into out (empty on entry). */
	enum handover_result (*encode)(const struct handover *handover, struct buf *out);

	/* Appends an event of the response to out in the form for the client, and what must precede
	 * it; or nothing, when the client must not see it, or not yet. NULL: all events are
	 * forwarded byte for byte. False: out is full, or out of memory. */
	bool (*decode_event)(struct origin *origin, const struct sse_event *event, struct buf *out);

	/* In place of decode_event where a stream is not in Anthropic's form: appends the client's
	 * events that an event means, or none; at the end of the transfer those that complete a
	 * message which has come whole. NULL: it is in that form. False: as decode_event. */
	bool (*translate_event)(struct translation *t, const struct sse_event *event,
				struct buf *out);
	bool (*translate_end)(struct translation *t, struct buf *out);

	/* How such a stream begins, up to its first words: what a drill breaks off. NULL: as in
	 * Anthropic's form. */
	const char *first_words;

	/* The same for a JSON response; input_tokens: as for translation_init(). NULL: byte for
	 * byte. False: out of memory. What is not a JSON object is copied as it is. */
	bool (*decode_json)(const char *provider, int64_t input_tokens, const char *json, size_t n,
			    struct buf *out);

	/* The same for an error's body; it may have been translated already. status: its own; NULL:
	 * byte for byte. */
	bool (*decode_error)(int status, const char *body, size_t n, struct buf *out);

	/* Returns the quirk that an error body calls for; 0: none. */
	unsigned (*quirk)(int status, const char *text);
};

/* One more dialect: its file, and its line here. */
// clang-format off
#define DIALECTS(dialect) \
	dialect(anthropic) \
	dialect(deepseek) \
	dialect(kimi) \
	dialect(openai) \
	dialect(responses)
// clang-format on

#define DIALECT_DECLARE(name) extern const struct dialect dialect_##name;
DIALECTS(DIALECT_DECLARE)

/* By its name; NULL: unknown. */
const struct dialect *dialect_find(const char *name);

/* Appends all names, cut where they do not fit: "anthropic, deepseek or kimi". */
void dialect_names(struct buf *out);

/* The prefix of a signature as the client keeps it: "router.NAME.ORIGINAL". Claude Code sends
 * thinking back unchanged, with any signature (CLIENT.md 2). */
#define ORIGIN_PREFIX "router."

#endif
