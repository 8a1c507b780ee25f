/* SPDX-License-Identifier: MIT */
/* The kinds of settings: how a text becomes a time, a size, a choice, a path or a list's entry, and
 * the sentence that says what is allowed.
 *
 * Settings are constant tables (config/settings.h); what they fill belongs to the caller, and so do
 * the texts and arrays that a parse function allocates there. No state, no I/O: safe in any thread,
 * each target in one at a time. */
#ifndef CONFIG_KINDS_H
#define CONFIG_KINDS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PARSE_BAD: not an allowed value. The target is unchanged, but a list of names may hold those that
 * came before. */
enum parse_result { PARSE_OK, PARSE_BAD, PARSE_NO_MEMORY };

struct setting;

/* Parses a text into the setting's field of target, a struct config or a struct provider. For a
 * list it is called once for each entry. */
typedef enum parse_result parse_fn(const struct setting *setting, void *target, const char *text);

/* Appends which values are allowed. */
typedef void allowed_fn(const struct setting *setting, struct buf *out);

/* A word that may be written, and what it means. */
struct choice {
	const char *word;
	int means;
};

struct setting {
	const char *name;
	const char *initial; /* the default; of a list, entries between spaces; NULL: none */
	parse_fn *parse;
	size_t offset;
	size_t count_offset;         /* of a list: of its number of entries */
	int64_t min, max;            /* ms, bytes or plain numbers */
	bool (*check)(const char *); /* of a text */
	/* Says why check refuses a text, in place of showing the text, which may hold a secret. */
	const char *(*refusal)(const char *);
	const struct choice *choices; /* ended by one without a word */
	allowed_fn *allowed;
	const char *allowed_text; /* instead of allowed */
	const char *variable;     /* of the environment, which overrides the file */
	bool list;
	bool required; /* must be written where a known provider has no default */
};

/* The kinds, and the type of what each fills. */
parse_fn setting_parse_time;     /* int64_t, in milliseconds from min to max */
parse_fn setting_parse_drain;    /* as setting_parse_time, or -1 for "auto" */
parse_fn setting_parse_whole;    /* unsigned, from min to max */
parse_fn setting_parse_size;     /* size_t, in bytes from min to max */
parse_fn setting_parse_cap;      /* int64_t: text_read_cap() */
parse_fn setting_parse_switch;   /* bool */
parse_fn setting_parse_choice;   /* int or an enum: one of choices */
parse_fn setting_parse_text;     /* char *: a copy of what check accepts */
parse_fn setting_parse_optional; /* as setting_parse_text; NULL when it is empty */
parse_fn setting_parse_url;      /* char *: a provider's URL without slashes or /v1 at its end */
parse_fn setting_parse_host;     /* list, char **: the array and its texts are allocated */
parse_fn setting_parse_network;  /* list, struct network *: the array is allocated */

allowed_fn setting_allowed_time;
allowed_fn setting_allowed_whole;
allowed_fn setting_allowed_size;
allowed_fn setting_allowed_choice;

/* Appends the sentence that says what is allowed; at most ERROR_TEXT_MAX bytes. */
void setting_allowed(const struct setting *setting, struct buf *out);

/* Returns the setting's field of target. */
void *setting_field(const struct setting *setting, void *target);

/* Stores a copy of n bytes in a place and frees the older text there: PARSE_OK or
 * PARSE_NO_MEMORY. */
enum parse_result setting_store(char **place, const char *text, size_t n);

#endif
