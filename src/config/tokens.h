/* SPDX-License-Identifier: MIT */
/* tokens.txt: the stored credentials (BEHAVIOUR.md 3).
 *
 * A struct tokens is immutable. It has any number of owners, by tokens_load() or tokens_share(),
 * and the last tokens_free() overwrites the values. No function here prints a value, and no error
 * holds one. One thread at a time. */
#ifndef CONFIG_TOKENS_H
#define CONFIG_TOKENS_H

#include "base/buf.h"
#include "config/config.h"

struct tokens;

/* Reads config->tokens_file. A file that does not exist is not an error: there are then no stored
 * credentials (but provider.env_credential, which overrides the file's). NULL when the file cannot
 * be used; then error says why, with file and line and what to type ("chmod 600 …" for one that
 * others can read or its group can write). Names are the providers of config, admin_token, and,
 * whether config has them or not, claude_pro, deepseek, kimi, claude_api and their
 * environment-style names; any other is an error, and so is a second value for one provider. */
struct tokens *tokens_load(const struct config *config, struct buf *error);

/* Adds an owner, who must call tokens_free() too. Returns tokens. */
struct tokens *tokens_share(struct tokens *tokens);

/* Removes an owner; the last one overwrites and frees. NULL is fine. */
void tokens_free(struct tokens *tokens);

/* Returns the credential stored for a provider; NULL: none. Lives as long as tokens. */
const char *tokens_get(const struct tokens *tokens, const char *provider);

/* Returns the admin_token; NULL: none. */
const char *tokens_admin(const struct tokens *tokens);

/* When it was loaded, in milliseconds since 1970. */
int64_t tokens_loaded_ms(const struct tokens *tokens);

#endif
