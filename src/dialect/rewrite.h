/* SPDX-License-Identifier: MIT */
/* Rewrites a Messages request for a provider that is not Claude: what the rewriting dialects have
 * in common (PROTOCOLS.md 5). Their differences are in struct rewrite_rules.
 *
 * The new body is a pure function of the handover: the same history gives the
 * same bytes, so that the provider's own cache holds. Thread-safe. */
#ifndef DIALECT_REWRITE_H
#define DIALECT_REWRITE_H

#include "dialect/dialect.h"
#include "json/tree.h"

struct rewrite;

/* What the client requested by "thinking". */
enum thinking { THINKING_UNSET, THINKING_ON, THINKING_OFF };

/* What a provider's rules choose for one request. */
struct rewrite_choice {
	const char *model;
	const char *thinking;   /* the type to send; NULL: none */
	bool effort;            /* output_config.effort is sent */
	bool placeholder;       /* tool turns without thinking get a placeholder */
	bool documents;         /* PDFs are accepted */
	const char *named_tool; /* what tool_choice "tool" becomes; "tool": unchanged */
};

struct rewrite_rules {
	const char *const *plain; /* members of the body that are copied, NULL last */
	int64_t max_tokens;
	size_t stops;       /* stop_sequences at most … */
	size_t stop_bytes;  /* … each of so many bytes at most */
	bool format;        /* output_config.format is accepted */
	bool cache_control; /* one, at the top level, requests caching of the prompt */
	bool system_role;   /* role "system" in messages is accepted */
	bool image_urls;
	bool web_search; /* the server tool, with its blocks */
	bool signatures; /* of its own thinking are sent back */
	bool sealed;     /* … also where the thinking shows no text */
	void (*choose)(const struct handover *handover, enum thinking asked,
		       struct rewrite_choice *choice);
	/* Returns the new body in another form than Anthropic's, which the caller owns; NULL: it
	 * stays in that one. */
	json_object *(*form)(struct rewrite *r);
};

/* The encode of a dialect with these rules. */
enum handover_result rewrite_request(const struct handover *handover,
				     const struct rewrite_rules *rules, struct buf *out);

/* What no rewriting can hand over to another provider (PROTOCOLS.md 6): a few words as
 * dialect.refuses returns, or NULL. context_tokens: of the model. */
const char *rewrite_refuses(const struct message *message, int64_t context_tokens, bool web_search);

/* --- Between rewrite*.c, and for form, only ----------------------------------- */

struct rewrite {
	const struct handover *handover;
	const struct rewrite_rules *rules;
	struct rewrite_choice choice;
	json_object *in;       /* the body as it came */
	json_object *out;      /* the new one */
	json_object *partners; /* a set: ids of tool calls whose other half is in the history */
	json_object *searches; /* the same for web searches, of one message */
	json_object *loaded;   /* a set: tools that a tool_reference introduced */
	json_object *waiting;  /* system texts for the next user message; NULL: none */
	bool failed;           /* out of memory */
};

/* Gives value to object under a name, a literal, or to an array; takes ownership. NULL means out of
 * memory, but for an array: no block. */
void rewrite_put(struct rewrite *r, json_object *object, const char *name, json_object *value);
void rewrite_add(struct rewrite *r, json_object *array, json_object *value);

/* The same for a text; NULL counts as out of memory. */
void rewrite_put_text(struct rewrite *r, json_object *object, const char *name, const char *text);

/* Copies the members of from with these names that are not null; NULL ends the names. */
void rewrite_copy(struct rewrite *r, json_object *from, json_object *to, const char *const *names);

/* Sets of texts. */
void rewrite_note(struct rewrite *r, json_object *set, const char *text);
bool rewrite_knows(json_object *set, const char *text);

/* Makes a text block; of any block, its readable text under a heading. */
json_object *rewrite_text(struct rewrite *r, const char *text);
json_object *rewrite_as_text(struct rewrite *r, json_object *block);

/* Makes a text block of the texts of a content (a string or blocks), between before and after;
 * NULL: it holds none. */
json_object *rewrite_content_text(struct rewrite *r, json_object *content, const char *before,
				  const char *after);

/* Writes out's "messages". */
void rewrite_messages(struct rewrite *r);

#endif
