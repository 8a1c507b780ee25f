/* SPDX-License-Identifier: MIT */
/* An option's kinds: how a text becomes a time, a size, a choice, a path or a
 * list's entry, and what is said to be allowed.
 *
 * Options are constant tables (config/settings.h); what they fill belongs to the
 * caller, and so do the texts and arrays that a take function allocates there.
 * No state, no input or output: safe in any thread, each target in one at a time. */
#ifndef CONFIG_KINDS_H
#define CONFIG_KINDS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* WRONG: this is none of the allowed values. The target is left as it was, but
 * a list of names may hold those that came before. */
enum taken { TAKEN, WRONG, NO_MEMORY };

struct setting;

/* Checks a text and puts what it means into the option's place in target, a
 * struct config or a struct provider. A list's is called once for each entry. */
typedef enum taken parse_fn(const struct setting *option, void *target, const char *text);

/* Says which values are allowed. */
typedef void allowed_fn(const struct setting *option, struct buf *out);

/* A word that may be written, and what it means. */
struct choice {
	const char *word;
	int means;
};

struct setting {
	const char *name;
	const char *initial; /* the default; of a list, entries between spaces; NULL: none */
	parse_fn *take;
	size_t offset;
	size_t count_offset;          /* of a list: where the number of entries stands */
	int64_t min, max;             /* ms, bytes or plain numbers */
	bool (*check)(const char *);  /* of a text */
	const struct choice *choices; /* one without a word ends them */
	allowed_fn *allowed;
	const char *allowed_text; /* instead of allowed */
	const char *variable;     /* of the environment, which goes before the file */
	bool list;
	bool required; /* has no default where it has none for a provider of that name */
};

/* The kinds, and the type of what each fills. */
parse_fn setting_parse_time;     /* int64_t, in milliseconds from min to max */
parse_fn setting_parse_drain;    /* as setting_parse_time, or -1 for "auto" */
parse_fn setting_parse_whole;    /* unsigned, from min to max */
parse_fn setting_parse_size;     /* size_t, in bytes from min to max */
parse_fn setting_parse_switch;   /* bool */
parse_fn setting_parse_choice;   /* int or an enum: one of choices */
parse_fn setting_parse_text;     /* char *: a copy of what check finds good */
parse_fn setting_parse_optional; /* as setting_parse_text; NULL when it is empty */
parse_fn setting_parse_url;      /* char *: a provider's URL without slashes at its end */
parse_fn setting_parse_host;     /* list, char **: the array and its texts are allocated */
parse_fn setting_parse_network;  /* list, struct network *: the array is allocated */

allowed_fn setting_allowed_time;
allowed_fn setting_allowed_whole;
allowed_fn setting_allowed_size;
allowed_fn setting_allowed_choice;

/* Adds the sentence that tells what is allowed; at most ERROR_TEXT_MAX bytes. */
void setting_allowed(const struct setting *option, struct buf *out);

/* The option's place in target. */
void *setting_field(const struct setting *option, void *target);

/* Puts a copy of n bytes into a place, which may hold an older text that is freed
 * then: TAKEN or NO_MEMORY. */
enum taken setting_store(char **place, const char *text, size_t n);

#endif
