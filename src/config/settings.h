/* SPDX-License-Identifier: MIT */
/* The settings of claude-router.conf, and the providers that need none.
 *
 * Constant tables in the order of claude-router.conf(5), with each setting's name, default, field
 * and bounds. Safe in any thread. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/kinds.h"

struct settings_table {
	const struct setting *list;
	size_t n;
};

extern const struct settings_table root_settings;     /* they fill a struct config */
extern const struct settings_table provider_settings; /* they fill a struct provider */

/* What credential means, by enum credential_use. */
extern const struct choice credential_choices[];

/* A provider that needs no configuration, and its defaults where they differ from
 * provider_settings. */
struct known_provider {
	const char *name;
	bool takes_login;   /* the client credential here is a Claude login, not an API key */
	bool takes_api_key; /* $CLAUDE_API_KEY serves this one */
	struct {
		const char *setting, *text;
	} initial[5];
};

/* In the default order. */
extern const struct known_provider known_providers[];
extern const size_t n_known_providers;

/* Returns the known provider of that name; NULL: none, or name is NULL. */
const struct known_provider *known_provider(const char *name);

/* Returns the default of a setting for a known provider, or (NULL) for any other and outside a
 * provider; NULL: none. */
const char *initial_text(const struct setting *setting, const struct known_provider *known);

#endif
