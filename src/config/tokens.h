/* SPDX-License-Identifier: MIT */
/* tokens.txt: the stored credentials, several for a provider if need be (BEHAVIOUR.md 3).
 *
 * A struct tokens is immutable. It has any number of owners, by tokens_load() or tokens_share(),
 * and the last tokens_free() overwrites the values. No function here prints a value, and no error
 * holds one. One thread at a time. */
#ifndef CONFIG_TOKENS_H
#define CONFIG_TOKENS_H

#include "base/buf.h"
#include "base/digest.h"
#include "config/credential.h"

struct tokens;

/* Reads config->tokens_file. A file that does not exist is not an error: there are then no stored
 * credentials (but provider.env_credential, which overrides the file's). NULL when the file cannot
 * be used; then error says why, with file and line (ten lines at most, each wrong one on its own)
 * and what to type ("chmod 600 …" for one that others can read or its group can write). Names are
 * the providers of config, admin_token, share, share_key, and, whether config has them or not,
 * claude_pro, deepseek, kimi, openai, claude_api and their environment-style names, each with a
 * label and a weight if need be ("deepseek.work*3"); any other is an error, and so are a second
 * value for one name, the same value twice for one provider, a second login, since subscriptions
 * are not pooled, and no share_key where config has share. */
struct tokens *tokens_load(const struct config *config, struct buf *error);

/* Adds an owner, who must call tokens_free() too. Returns tokens. */
struct tokens *tokens_share(struct tokens *tokens);

/* Removes an owner; the last one overwrites and frees. NULL is fine. */
void tokens_free(struct tokens *tokens);

/* Returns the provider's credential number i, from 0 to CREDENTIALS_MAX - 1, in the file's order;
 * NULL: it has no more. Lives as long as tokens. */
const struct stored_credential *tokens_at(const struct tokens *tokens, const char *provider,
					  size_t i);

/* Returns the value of its first; NULL: none. Lives as long as tokens. */
const char *tokens_get(const struct tokens *tokens, const char *provider);

/* Returns the admin_token; NULL: none. */
const char *tokens_admin(const struct tokens *tokens);

/* Returns the password of the server that many machines share; NULL: none. */
const char *tokens_share_password(const struct tokens *tokens);

/* Returns the key that these machines have in common, DIGEST_KEY_SIZE bytes; NULL: none. Lives as
 * long as tokens. */
const uint8_t *tokens_share_key(const struct tokens *tokens);

/* When it was loaded, in milliseconds since 1970. */
int64_t tokens_loaded_ms(const struct tokens *tokens);

#endif
