/* SPDX-License-Identifier: MIT */
/* The options of claude-router.conf, and the providers that need none.
 *
 * Constant tables in the order of claude-router.conf(5): whoever needs to know an
 * option's name, default, place or bounds finds it here. Safe in any thread. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/kinds.h"

struct settings_table {
	const struct setting *options;
	size_t n;
};

extern const struct settings_table root_options;     /* they fill a struct config */
extern const struct settings_table provider_options; /* they fill a struct provider */

/* What credential means, by enum credential_use. */
extern const struct choice credential_choices[];

/* A provider that needs no configuration, and where it differs from the
 * defaults of provider_options. */
struct known_provider {
	const char *name;
	bool takes_login;   /* the client credential here is a Claude login, not an API key */
	bool takes_api_key; /* $CLAUDE_API_KEY serves this one */
	struct {
		const char *option, *text;
	} initial[5];
};

/* They in the default order. */
extern const struct known_provider known_providers[];
extern const size_t n_known_providers;

/* The known provider of that name; NULL when it is none of them or name is NULL. */
const struct known_provider *known_provider(const char *name);

/* The default of an option for a known provider, or (NULL) for any other and
 * outside of a provider; NULL: there is none. */
const char *initial_text(const struct setting *option, const struct known_provider *known);

#endif
