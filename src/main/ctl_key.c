/* SPDX-License-Identifier: MIT */
#include "main/ctl_key.h"

#include "app/cli.h"
#include "base/count.h"
#include "config/keys_edit.h"
#include "config/text.h"
#include "money/amount.h"

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

/* Reads what is given of a budget; the rest is what. */
static bool
read_budget(const struct ctl_key_options *options, int64_t what, struct key_budget *budget,
	    struct buf *error)
{
	const char *const texts[] = {options->daily, options->monthly};
	int64_t *const caps[] = {&budget->daily_cap, &budget->monthly_cap};
	for (size_t i = 0; i < COUNT(texts); i++) {
		*caps[i] = what;
		if (texts[i] == NULL || text_read_cap(texts[i], caps[i]))
			continue;
		buf_append_cut(error,
			       "--%s %s: use off, or dollars from 0.01 to 100000, such as 5 or "
			       "2.50",
			       i == 0 ? "daily" : "monthly", texts[i]);
		return false;
	}
	return true;
}

static int
add(const struct config *config, const char *name, const struct ctl_key_options *options,
    struct buf *error)
{
	char key[KEY_SIZE];
	struct key_budget budget;
	if (!read_budget(options, 0, &budget, error))
		return EX_USAGE;
	if (!keys_edit_add(config, name, &budget, key, error))
		return EX_CANTCREAT;
	print_key(config, name, key);
	OPENSSL_cleanse(key, sizeof key);
	return EXIT_SUCCESS;
}

static int
set_budget(const struct config *config, const char *name, const struct ctl_key_options *options,
	   struct buf *error)
{
	struct key_budget budget;
	if (!read_budget(options, -1, &budget, error))
		return EX_USAGE;
	return keys_edit_budget(config, name, &budget, error) ? EXIT_SUCCESS : EX_CANTCREAT;
}

/* "$2.00 a day, $20.00 a month" */
static const char *
budget_text(const struct key_budget *budget, char text[static 2 * AMOUNT_SIZE + 20])
{
	char daily[AMOUNT_SIZE], monthly[AMOUNT_SIZE];
	bool is_daily = budget->daily_cap != 0, is_monthly = budget->monthly_cap != 0;
	snprintf(text, 2 * AMOUNT_SIZE + 20, "%s%s%s%s%s",
		 is_daily ? amount_dollars(budget->daily_cap, daily) : "", is_daily ? " a day" : "",
		 is_daily && is_monthly ? ", " : "",
		 is_monthly ? amount_dollars(budget->monthly_cap, monthly) : "",
		 is_monthly ? " a month" : "");
	return text;
}

static int
list(const struct config *config, struct buf *error)
{
	char budget[2 * AMOUNT_SIZE + 20];
	struct keys *keys = keys_load(config->keys_file, error);
	if (keys == NULL)
		return EX_CONFIG;
	printf("%s\n", config->keys_file);
	for (size_t i = 0; i < keys_count(keys); i++) {
		const struct key *key = keys_at(keys, i);
		budget_text(&key->budget, budget);
		printf("  %-12s %s%s%s\n", key->name, key->since[0] == '\0' ? "-" : key->since,
		       budget[0] == '\0' ? "" : "  ", budget);
	}
	keys_free(keys);
	return EXIT_SUCCESS;
}

static int delete (const struct config *config, const char *name, struct buf *error)
{
	return keys_edit_remove(config, name, error) ? EXIT_SUCCESS : EX_CANTCREAT;
}

static int
run(const struct config *config, char *const *words, const struct ctl_key_options *options,
    struct buf *error)
{
	bool named = words[1] != NULL && words[2] == NULL;
	bool has_budget = options->daily != NULL || options->monthly != NULL;
	if (strcmp(words[0], "add") == 0 && named)
		return add(config, words[1], options, error);
	if (strcmp(words[0], "budget") == 0 && named && has_budget)
		return set_budget(config, words[1], options, error);
	if (strcmp(words[0], "remove") == 0 && named && !has_budget)
		return delete (config, words[1], error);
	if (strcmp(words[0], "list") == 0 && words[1] == NULL && !has_budget)
		return list(config, error);
	if (!buf_puts(error, "usage: key add NAME [--daily DOLLARS] [--monthly DOLLARS] | list | "
			     "remove NAME |\n       key budget NAME [--daily DOLLARS|off] "
			     "[--monthly DOLLARS|off]"))
		return EX_OSERR;
	return EX_USAGE;
}

int
ctl_key(const char *config_path, char *const *words, const struct ctl_key_options *options)
{
	struct buf error;
	buf_init(&error, CONFIG_FILE_MAX);
	struct config *config = config_load(config_path, &error);
	int status = config == NULL ? EX_CONFIG : run(config, words, options, &error);
	if (status != EXIT_SUCCESS)
		cli_error("claude-router-ctl", status, cli_why(&error));
	config_free(config);
	buf_free(&error);
	return status;
}
