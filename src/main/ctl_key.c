/* SPDX-License-Identifier: MIT */
#include "main/ctl_key.h"

#include "app/cli.h"
#include "config/keys_edit.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static void
print_key(const struct config *config, const char *name, const char *key)
{
	const char *host = config->n_hosts > 0 ? config->hosts[0] : "ROUTER";
	printf("%s\n\nThe key of %s. It is shown only once, and not stored. Claude Code sends it "
	       "besides its own login\nin one of these ways:\n\n"
	       "  ANTHROPIC_CUSTOM_HEADERS=\"x-router-key: %s\"\n"
	       "  ANTHROPIC_BASE_URL=http://%s/k/%s\n",
	       key, name, key, host, key);
	if (config->access == ACCESS_OPEN)
		fputs("claude-router-ctl: access = \"open\": a key is not required, but with it a "
		      "client on "
		      "another machine is served with stored credentials, too\n",
		      stderr);
}

static int
add(const struct config *config, const char *name, struct buf *error)
{
	char key[KEY_SIZE];
	if (!keys_edit_add(config, name, key, error))
		return EX_CANTCREAT;
	print_key(config, name, key);
	OPENSSL_cleanse(key, sizeof key);
	return EXIT_SUCCESS;
}

static int
list(const struct config *config, struct buf *error)
{
	struct keys *keys = keys_load(config->keys_file, error);
	if (keys == NULL)
		return EX_CONFIG;
	printf("%s\n", config->keys_file);
	for (size_t i = 0; i < keys_count(keys); i++) {
		const struct key *key = keys_at(keys, i);
		printf("  %-12s %s\n", key->name, key->since[0] == '\0' ? "-" : key->since);
	}
	keys_free(keys);
	return EXIT_SUCCESS;
}

static int delete (const struct config *config, const char *name, struct buf *error)
{
	return keys_edit_remove(config, name, error) ? EXIT_SUCCESS : EX_CANTCREAT;
}

static int
run(const struct config *config, char *const *words, struct buf *error)
{
	bool named = words[1] != NULL && words[2] == NULL;
	if (strcmp(words[0], "add") == 0 && named)
		return add(config, words[1], error);
	if (strcmp(words[0], "remove") == 0 && named)
		return delete (config, words[1], error);
	if (strcmp(words[0], "list") == 0 && words[1] == NULL)
		return list(config, error);
	if (!buf_puts(error, "usage: key add NAME | list | remove NAME"))
		return EX_OSERR;
	return EX_USAGE;
}

int
ctl_key(const char *config_path, char *const *words)
{
	struct buf error;
	buf_init(&error, CONFIG_FILE_MAX);
	struct config *config = config_load(config_path, &error);
	int status = config == NULL ? EX_CONFIG : run(config, words, &error);
	if (status != EXIT_SUCCESS)
		fprintf(stderr, "claude-router-ctl: %s\n", cli_why(&error));
	config_free(config);
	buf_free(&error);
	return status;
}
