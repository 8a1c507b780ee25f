/* SPDX-License-Identifier: MIT */
#include "config/tokens.h"

#include "base/clock.h"
#include "base/count.h"
#include "config/credential.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ADMIN       "admin_token"
#define ENTRIES_MAX (PROVIDERS_MAX + 1 + COUNT(aliases))

/* The names that are accepted beside the configuration's providers and admin_token, whether the
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
    {"claude_api", "claude_api"},
    {"CLAUDE_API_KEY", "claude_api"},
};

struct entry {
	char name[PROVIDER_NAME_MAX]; /* the provider's, or ADMIN */
	const char *value;            /* within text or environment */
	int line;                     /* 0: from the environment only */
};

struct tokens {
	struct buf text;        /* of the file, split in place; wiped at the end */
	struct buf environment; /* provider.env_credential, each with its NUL; wiped, too */
	struct entry entries[ENTRIES_MAX];
	size_t n;
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
	buf_append_cut(r->error, "%s:%d: %s", r->config->tokens_file, r->line, text);
	return false;
}

/* The provider that a name in the file means, ADMIN, or NULL. */
static const char *
meaning_of(const struct config *config, const char *name)
{
	for (size_t i = 0; i < COUNT(aliases); i++)
		if (strcmp(aliases[i].name, name) == 0)
			return aliases[i].provider;
	if (strcmp(name, ADMIN) == 0)
		return ADMIN;
	const struct provider *provider = config_provider(config, name);
	return provider == NULL ? NULL : provider->name;
}

static struct entry *
find(struct tokens *tokens, const char *name)
{
	for (size_t i = 0; i < tokens->n; i++)
		if (strcmp(tokens->entries[i].name, name) == 0)
			return &tokens->entries[i];
	return NULL;
}

static void
enter(struct tokens *tokens, const char *name, const char *value, int line)
{
	struct entry *entry = &tokens->entries[tokens->n++];
	snprintf(entry->name, sizeof entry->name, "%s", name);
	entry->value = value;
	entry->line = line;
}

/* A credential's first letters show its maker (PROTOCOLS.md 4). One of Claude's in another
 * provider's line would be sent there. */
static bool
check_owner(const struct reader *r, const char *name, const char *value)
{
	bool login = credential_kind(value) == CREDENTIAL_LOGIN;
	bool key = credential_kind(value) == CREDENTIAL_API_KEY;
	bool pro = strcmp(name, "claude_pro") == 0, api = strcmp(name, "claude_api") == 0;
	bool other = strcmp(name, "deepseek") == 0 || strcmp(name, "kimi") == 0;
	if (pro && key)
		return refuse(r, "the value of claude_pro is an API key: it belongs to claude_api");
	if (api && login)
		return refuse(r, "the value of claude_api is a login: it belongs to claude_pro");
	if (other && (login || key))
		return refuse(r, "the value of %s is a credential of Claude's", name);
	return true;
}

static bool
check_value(const struct reader *r, const char *name, const char *value)
{
	size_t n = strlen(value);
	if (n == 0)
		return refuse(r, "%s has no value: write it, or # before the line", name);
	if (value[0] == '"' || value[0] == '\'')
		return refuse(r, "write the value of %s without quotes", name);
	if (n > TOKEN_MAX)
		return refuse(r, "the value of %s is longer than %d bytes", name, TOKEN_MAX);
	for (size_t i = 0; i < n; i++)
		if (value[i] <= ' ' || value[i] > '~')
			return refuse(r,
				      "the value of %s holds a space or another byte that no "
				      "credential has: write one value a line, comments on "
				      "lines of their own",
				      name);
	return check_owner(r, name, value);
}

/* Takes a name and its value. An unknown name is never shown: it may be a value whose name is
 * missing. */
static bool
take_pair(struct reader *r, const char *name, const char *value)
{
	const char *meant = meaning_of(r->config, name);
	if (meant == NULL)
		return refuse(r, "unknown name: use claude_pro, deepseek, kimi, "
				 "claude_api, another provider of the configuration, "
				 "or admin_token");
	if (!check_value(r, name, value))
		return false;
	struct entry *before = find(r->tokens, meant);
	if (before != NULL && before->line > 0)
		return refuse(r, "duplicate %s, first defined on line %d", meant, before->line);
	if (before == NULL)
		enter(r->tokens, meant, value, r->line);
	else
		before->line = r->line; /* the environment's value overrides the file's */
	return true;
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
	for (struct lines lines = lines_of(text->data, text->len); lines_next(&lines);) {
		r->line = lines.number;
		if (lines_is_binary(&lines))
			return refuse(r, "holds a NUL byte: this is not a text file");
		text->data[lines.end] = '\0';
		if (!take_line(r, text->data + lines.begin))
			return false;
	}
	return true;
}

static bool
take_file(struct reader *r)
{
	struct stat st;
	struct buf *text = &r->tokens->text;
	return config_read_private(r->config->tokens_file, text, &st, r->error) != FILE_UNUSABLE &&
	       take_lines(r);
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
		enter(tokens, config->providers[i].name, tokens->environment.data + at, 0);
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
	if (take_environment(tokens, config) && take_file(&r))
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
	free(tokens);
}

/* --- Queries -------------------------------------------------------------- */

const char *
tokens_get(const struct tokens *tokens, const char *provider)
{
	for (size_t i = 0; i < tokens->n; i++)
		if (strcmp(tokens->entries[i].name, provider) == 0)
			return tokens->entries[i].value;
	return NULL;
}

const char *
tokens_admin(const struct tokens *tokens)
{
	return tokens_get(tokens, ADMIN);
}

int64_t
tokens_loaded_ms(const struct tokens *tokens)
{
	return tokens->loaded_at;
}
