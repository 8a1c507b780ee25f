/* SPDX-License-Identifier: MIT */
/* Which credential a request uses at a provider: BEHAVIOUR.md 3. Pure; thread-safe; all strings are
 * borrowed. */
#ifndef CONFIG_CREDENTIAL_H
#define CONFIG_CREDENTIAL_H

#include "config/config.h"

/* What a credential of Claude's looks like (PROTOCOLS.md 4). */
enum credential_kind {
	CREDENTIAL_OTHER,
	CREDENTIAL_LOGIN,   /* sk-ant-oat… */
	CREDENTIAL_API_KEY, /* sk-ant-api… */
};

/* NULL is none: CREDENTIAL_OTHER. */
enum credential_kind credential_kind(const char *value);

/* One of a provider's credentials in tokens.txt: "deepseek.work*3 = …". */
struct stored_credential {
	char label[TOKEN_LABEL_MAX]; /* "work"; "" : none */
	unsigned weight;             /* 1 to WEIGHT_MAX */
	const char *value;
};

/* What a client sent, and what it may use. */
struct client_credentials {
	const char *login;   /* its Claude login; NULL: none */
	const char *api_key; /* its Claude API key; NULL: none */
	bool may_use_stored; /* access_may_use_stored() */
};

struct credential {
	const char *value;    /* NULL: there is none */
	bool stored;          /* the operator's, not the client's own */
	const char *label;    /* of a stored one; "" : none. NULL: it is not stored */
	const char *why_none; /* in words; NULL when there is one */
};

/* Whether it is the client's own, which costs the operator nothing. */
static inline bool
credential_is_own(const struct credential *credential)
{
	return credential->value != NULL && !credential->stored;
}

/* Whether messages with it cost the operator money. */
static inline bool
credential_is_billed(const struct credential *credential, const struct provider *provider)
{
	return provider->paid && !credential_is_own(credential);
}

/* Chooses one. stored: one that tokens.txt holds for the provider; NULL: it holds none. */
struct credential credential_choose(const struct provider *provider,
				    const struct client_credentials *client,
				    const struct stored_credential *stored);

/* Writes the name by which people know it, as in tokens.txt: the provider's, with the label if it
 * has one ("deepseek.work"). label: NULL or "" : none. Returns text. */
#define CREDENTIAL_NAME_SIZE (PROVIDER_NAME_MAX + TOKEN_LABEL_MAX)
const char *credential_name(const char *provider, const char *label,
			    char text[static CREDENTIAL_NAME_SIZE]);

#endif
