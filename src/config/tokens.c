/* SPDX-License-Identifier: MIT */
#include "config/tokens.h"

#include "base/clock.h"
#include "base/count.h"
#include "config/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What is no provider's. */
#define ADMIN          "admin_token"
#define SHARE_PASSWORD "share"
#define SHARE_KEY      "share_key"

enum { WRONG_LINES_MAX = 10 }; /* that are reported: more, and it is another file */

static const char *const others[] = {ADMIN, SHARE_PASSWORD, SHARE_KEY};

/* The names that are accepted beside these and the configuration's providers, whether the
 * configuration has that provider or not: several configurations can share one tokens.txt. */
static const struct alias {
	const char *name, *provider;
} aliases[] = {
    {"claude_pro", "claude_pro"},
    {"CLAUDE_CODE_OAUTH_TOKEN", "claude_pro"},
    {"deepseek", "deepseek"},
    {"DEEPSEEK_API_KEY", "deepseek"},
    {"kimi", "kimi"},
    {"KIMI_API_KEY", "kimi"},
    {"MOONSHOT_API_KEY", "kimi"},
    {"openai", "openai"},
    {"OPENAI_API_KEY", "openai"},
    {"claude_api", "claude_api"},
    {"CLAUDE_API_KEY", "claude_api"},
};

struct entry {
	char name[PROVIDER_NAME_MAX];    /* the provider's, or one of others */
	struct stored_credential stored; /* its value is within text or environment */
	int line;                        /* 0: from the environment only */
};

struct tokens {
	struct buf text;        /* of the file, split in place; wiped at the end */
	struct buf environment; /* provider.env_credential, each with its NUL; wiped, too */
	struct entry entries[STORED_MAX];
	size_t n;
	uint8_t share_key[DIGEST_KEY_SIZE]; /* if there is one */
	int64_t loaded_at;
	unsigned owners;
};

/* --- Reading ------------------------------------------------------------- */

struct reader {
	struct tokens *tokens;
	const struct config *config;
	struct buf *error;
	int line;
};

/* Reports what is wrong with the line. Always false. Never pass a value. */
__attribute__((format(printf, 2, 3))) static bool
refuse(const struct reader *r, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	if (vsnprintf(text, sizeof text, format, args) < 0)
		text[0] = '\0';
	va_end(args);
	buf_append_cut(r->error, "%s%s:%d: %s", r->error->len == 0 ? "" : "\n",
		       r->config->tokens_file, r->line, text);
	return false;
}

static const char *
find_other(const char *name)
{
	for (size_t i = 0; i < COUNT(others); i++)
		if (strcmp(others[i], name) == 0)
			return others[i];
	return NULL;
}

/* The provider that a name in the file means, one of others, or NULL. */
static const char *
meaning_of(const struct config *config, const char *name)
{
	for (size_t i = 0; i < COUNT(aliases); i++)
		if (strcmp(aliases[i].name, name) == 0)
			return aliases[i].provider;
	const char *other = find_other(name);
	const struct provider *provider = config_provider(config, name);
	return other != NULL ? other : provider == NULL ? NULL : provider->name;
}

static void
enter(struct tokens *tokens, const char *name, const struct stored_credential *stored, int line)
{
	struct entry *entry = &tokens->entries[tokens->n++];
	snprintf(entry->name, sizeof entry->name, "%s", name);
	entry->stored = *stored;
	entry->line = line;
}

/* A credential's first letters show its maker (PROTOCOLS.md 4). One of Claude's in another
 * provider's line would be sent there. */
static bool
check_owner(const struct reader *r, const char *name, const char *shown, const char *value)
{
	bool login = credential_kind(value) == CREDENTIAL_LOGIN;
	bool key = credential_kind(value) == CREDENTIAL_API_KEY;
	bool pro = strcmp(name, "claude_pro") == 0, api = strcmp(name, "claude_api") == 0;
	bool other = strcmp(name, "deepseek") == 0 || strcmp(name, "kimi") == 0 ||
		     strcmp(name, "openai") == 0;
	if (pro && key)
		return refuse(r, "the value of %s is an API key: it belongs to claude_api", shown);
	if (api && login)
		return refuse(r, "the value of %s is a login: it belongs to claude_pro", shown);
	if (other && (login || key))
		return refuse(r, "the value of %s is a credential of Claude's", shown);
	return true;
}

static bool
check_value(const struct reader *r, const char *name, const char *shown, const char *value)
{
	size_t n = strlen(value);
	if (n == 0)
		return refuse(r, "%s has no value: write it, or # before the line", shown);
	if (value[0] == '"' || value[0] == '\'')
		return refuse(r, "write the value of %s without quotes", shown);
	if (n > TOKEN_MAX)
		return refuse(r, "the value of %s is longer than %d bytes", shown, TOKEN_MAX);
	for (size_t i = 0; i < n; i++)
		if (value[i] <= ' ' || value[i] > '~')
			return refuse(r,
				      "the value of %s holds a space or another byte that no "
				      "credential has: write one value a line, comments on "
				      "lines of their own",
				      shown);
	return check_owner(r, name, shown, value);
}

static bool
take_share_key(const struct reader *r, const char *value)
{
	uint8_t *key = r->tokens->share_key;
	if (strlen(value) == 2 * DIGEST_KEY_SIZE && hex_read(value, DIGEST_KEY_SIZE, key))
		return true;
	return refuse(r,
		      "the value of " SHARE_KEY " is not one: use %d hexadecimal digits, a line "
		      "that claude-router-ctl share key prints",
		      2 * DIGEST_KEY_SIZE);
}

/* "own" and "stored" stand for the client's own and for one without a label in the ledger. Labels
 * are shown, and one with sk- in it may be a key whose place was mistaken. */
static bool
is_label(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			return false;
	return text_is_word(text, strlen(text), "_-", TOKEN_LABEL_MAX - 1) &&
	       strcmp(text, "own") != 0 && strcmp(text, "stored") != 0 &&
	       strstr(text, "sk-") == NULL;
}

static bool
take_label(const struct reader *r, const char *name, const char *label, char *out)
{
	if (!is_label(label))
		return refuse(r,
			      "the label after %s. is not one: use 1 to %d lower-case letters, "
			      "digits, _ and -, but not own, stored or a part of a key",
			      name, TOKEN_LABEL_MAX - 1);
	snprintf(out, TOKEN_LABEL_MAX, "%s", label);
	return true;
}

static bool
take_weight(const struct reader *r, const char *name, const char *digits, unsigned *out)
{
	uint64_t weight;
	if (!text_read_digits(&digits, 3, &weight) || *digits != '\0' || weight < 1 ||
	    weight > WEIGHT_MAX)
		return refuse(r, "the weight after %s* is not one: use a whole number from 1 to %d",
			      name, WEIGHT_MAX);
	*out = (unsigned)weight;
	return true;
}

/* Cuts NAME[.LABEL][*WEIGHT] at its marks, and takes label and weight. *meant becomes what the name
 * means. An unknown name is never shown: it may be a value whose name is missing. */
static bool
take_name(const struct reader *r, char *name, const char **meant, struct stored_credential *out)
{
	char *weight = strchr(name, '*'), *label;
	if (weight != NULL)
		*weight++ = '\0';
	label = strchr(name, '.');
	if (label != NULL)
		*label++ = '\0';
	*meant = meaning_of(r->config, name);
	if (*meant == NULL)
		return refuse(r, "unknown name: use claude_pro, deepseek, kimi, openai, "
				 "claude_api, another provider of the configuration, "
				 "admin_token, share or share_key");
	if (find_other(*meant) != NULL && (label != NULL || weight != NULL))
		return refuse(r, "%s has neither label nor weight", *meant);
	out->weight = 1;
	return (label == NULL || take_label(r, name, label, out->label)) &&
	       (weight == NULL || take_weight(r, name, weight, &out->weight));
}

/* A login of Claude's is its owner's. */
static bool
is_login(const char *provider, const char *value)
{
	return strcmp(provider, "claude_pro") == 0 || credential_kind(value) == CREDENTIAL_LOGIN;
}

/* Whether one more fits beside another of the same provider. */
static bool
check_beside(const struct reader *r, const struct entry *before, const char *name,
	     const struct stored_credential *stored)
{
	char where[32], other[CREDENTIAL_NAME_SIZE];
	credential_name(before->name, before->stored.label, other);
	snprintf(where, sizeof where, before->line == 0 ? "in the environment" : "on line %d",
		 before->line);
	if (is_login(before->name, stored->value) || is_login(before->name, before->stored.value))
		return refuse(r,
			      "a second %s, the first is %s: a Claude subscription is its "
			      "owner's, and several are not pooled",
			      before->name, where);
	if (strcmp(before->stored.label, stored->label) == 0)
		return refuse(r, "duplicate %s, first defined %s", other, where);
	if (strcmp(before->stored.value, stored->value) == 0)
		return refuse(r, "the value of %s is the same as that of %s %s", name, other,
			      where);
	return true;
}

/* Enters a credential, unless the environment's overrides it. */
static bool
take_stored(struct reader *r, const char *meant, const char *name,
	    const struct stored_credential *stored)
{
	struct tokens *tokens = r->tokens;
	size_t n = 0;
	for (size_t i = 0; i < tokens->n; i++) {
		struct entry *before = &tokens->entries[i];
		if (strcmp(before->name, meant) != 0)
			continue;
		n++;
		if (before->line == 0 && stored->label[0] == '\0') {
			before->line = r->line;
			before->stored.weight = stored->weight;
			return true;
		}
		if (!check_beside(r, before, name, stored))
			return false;
	}
	if (n == CREDENTIALS_MAX)
		return refuse(r, "%s has more than %d credentials", meant, CREDENTIALS_MAX);
	if (tokens->n == STORED_MAX)
		return refuse(r, "there are more than %d values", STORED_MAX);
	enter(tokens, meant, stored, r->line);
	return true;
}

static bool
take_pair(struct reader *r, char *name, const char *value)
{
	struct stored_credential stored = {.value = value};
	char shown[CREDENTIAL_NAME_SIZE];
	const char *meant;
	if (!take_name(r, name, &meant, &stored))
		return false;
	credential_name(name, stored.label, shown);
	return check_value(r, name, shown, value) &&
	       (strcmp(meant, SHARE_KEY) != 0 || take_share_key(r, value)) &&
	       take_stored(r, meant, shown, &stored);
}

/* Trims spaces at both ends, in place. */
static char *
trim(char *text)
{
	text += strspn(text, " \t\r");
	size_t n = strlen(text);
	while (n > 0 && strchr(" \t\r", text[n - 1]) != NULL)
		n--;
	text[n] = '\0';
	return text;
}

static bool
take_line(struct reader *r, char *line)
{
	char *name = trim(line);
	if (name[0] == '\0' || name[0] == '#')
		return true;
	char *equals = strchr(name, '=');
	if (equals == NULL)
		return refuse(r, "write name = value");
	*equals = '\0';
	return take_pair(r, trim(name), trim(equals + 1));
}

static bool
take_lines(struct reader *r)
{
	const struct buf *text = &r->tokens->text;
	unsigned wrong = 0;
	for (struct lines lines = lines_of(text->data, text->len); lines_next(&lines);) {
		r->line = lines.number;
		if (lines_is_binary(&lines))
			return refuse(r, "holds a NUL byte: this is not a text file");
		text->data[lines.end] = '\0';
		wrong += !take_line(r, text->data + lines.begin);
		if (wrong == WRONG_LINES_MAX)
			break;
	}
	return wrong == 0;
}

static bool
take_file(struct reader *r)
{
	struct stat st;
	struct buf *text = &r->tokens->text;
	return config_read_private(r->config->tokens_file, text, &st, r->error) != FILE_UNUSABLE &&
	       take_lines(r);
}

/* Machines that share their state must know accounts by the same names. */
static bool
check_share(const struct reader *r)
{
	if (r->config->share[0] == '\0' || tokens_share_key(r->tokens) != NULL)
		return true;
	buf_append_cut(r->error,
		       "%s: the configuration has share, so " SHARE_KEY " is needed: a line that "
		       "claude-router-ctl share key prints, the same one on each machine",
		       r->config->tokens_file);
	return false;
}

/* Copies the environment's credentials, which override the file's. */
static bool
take_environment(struct tokens *tokens, const struct config *config)
{
	size_t size = 0;
	for (size_t i = 0; i < config->n_providers; i++)
		if (config->providers[i].env_credential != NULL)
			size += strlen(config->providers[i].env_credential) + 1;
	if (!buf_reserve(&tokens->environment, size)) /* all of it: the values must not move */
		return false;
	for (size_t i = 0; i < config->n_providers; i++) {
		const char *value = config->providers[i].env_credential;
		if (value == NULL)
			continue;
		size_t at = tokens->environment.len;
		if (!buf_add(&tokens->environment, value, strlen(value) + 1))
			return false;
		enter(tokens, config->providers[i].name,
		      &(struct stored_credential){.weight = 1,
						  .value = tokens->environment.data + at},
		      0);
	}
	return true;
}

/* Reports the reason when no other was reported. Always NULL. */
static struct tokens *
out_of_memory(struct buf *error)
{
	if (error->len == 0)
		buf_append_cut(error, "out of memory");
	return NULL;
}

struct tokens *
tokens_load(const struct config *config, struct buf *error)
{
	struct tokens *tokens = calloc(1, sizeof *tokens);
	struct reader r = {tokens, config, error, 0};
	if (tokens == NULL)
		return out_of_memory(error);
	buf_init_secret(&tokens->text, TOKENS_FILE_MAX + 1); /* read(2) needs room to see the end */
	buf_init_secret(&tokens->environment, PROVIDERS_MAX * (TOKEN_MAX + 1));
	tokens->loaded_at = clock_wall_ms();
	tokens->owners = 1;
	if (take_environment(tokens, config) && take_file(&r) && check_share(&r))
		return tokens;
	tokens_free(tokens);
	return out_of_memory(error);
}

struct tokens *
tokens_share(struct tokens *tokens)
{
	tokens->owners++;
	return tokens;
}

void
tokens_free(struct tokens *tokens)
{
	if (tokens == NULL || --tokens->owners > 0)
		return;
	buf_free(&tokens->text);
	buf_free(&tokens->environment);
	explicit_bzero(tokens->share_key, sizeof tokens->share_key);
	free(tokens);
}

/* --- Queries -------------------------------------------------------------- */

const struct stored_credential *
tokens_at(const struct tokens *tokens, const char *provider, size_t i)
{
	for (size_t k = 0; k < tokens->n; k++)
		if (strcmp(tokens->entries[k].name, provider) == 0 && i-- == 0)
			return &tokens->entries[k].stored;
	return NULL;
}

const char *
tokens_get(const struct tokens *tokens, const char *provider)
{
	const struct stored_credential *first = tokens_at(tokens, provider, 0);
	return first == NULL ? NULL : first->value;
}

const char *
tokens_admin(const struct tokens *tokens)
{
	return tokens_get(tokens, ADMIN);
}

const char *
tokens_share_password(const struct tokens *tokens)
{
	return tokens_get(tokens, SHARE_PASSWORD);
}

const uint8_t *
tokens_share_key(const struct tokens *tokens)
{
	return tokens_get(tokens, SHARE_KEY) == NULL ? NULL : tokens->share_key;
}

int64_t
tokens_loaded_ms(const struct tokens *tokens)
{
	return tokens->loaded_at;
}
