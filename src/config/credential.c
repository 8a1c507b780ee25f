/* SPDX-License-Identifier: MIT */
#include "config/credential.h"

#include "base/str.h"

#include <stdio.h>

enum credential_kind
credential_kind(const char *value)
{
	if (value != NULL && str_starts_with(value, "sk-ant-oat"))
		return CREDENTIAL_LOGIN;
	if (value != NULL && str_starts_with(value, "sk-ant-api"))
		return CREDENTIAL_API_KEY;
	return CREDENTIAL_OTHER;
}

/* The client's own, if this provider takes it. */
static const char *
own(const struct provider *provider, const struct client_credentials *client)
{
	if (provider->credential == CREDENTIAL_STORED)
		return NULL;
	return provider->takes_login ? client->login : client->api_key;
}

static const char *
why_none(const struct provider *provider, bool stored)
{
	if (provider->credential == CREDENTIAL_CLIENT)
		return provider->takes_login ? "the client sent no Claude login"
					     : "the client sent no Claude API key";
	if (stored)
		return "stored credentials serve only local clients (or allow_open) and client "
		       "keys; this request was remote, from a web page, or for a name that is "
		       "not in hosts";
	if (provider->credential == CREDENTIAL_ANY && provider->takes_login)
		return "the client sent no Claude login, and tokens.txt has none";
	return "tokens.txt has none";
}

struct credential
credential_choose(const struct provider *provider, const struct client_credentials *client,
		  const struct stored_credential *stored)
{
	const char *value = own(provider, client);
	if (value != NULL)
		return (struct credential){.value = value};
	bool may = provider->credential != CREDENTIAL_CLIENT && client->may_use_stored;
	if (may && stored != NULL)
		return (struct credential){
		    .value = stored->value, .stored = true, .label = stored->label};
	return (struct credential){.why_none = why_none(provider, stored != NULL)};
}

const char *
credential_name(const char *provider, const char *label, char text[static CREDENTIAL_NAME_SIZE])
{
	bool has_label = label != NULL && label[0] != '\0';
	snprintf(text, CREDENTIAL_NAME_SIZE, "%s%s%s", provider, has_label ? "." : "",
		 has_label ? label : "");
	return text;
}
