/* SPDX-License-Identifier: MIT */
#include "main/ctl_share.h"

#include "app/cli.h"
#include "app/open.h"
#include "base/clock.h"
#include "config/share_url.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

/* What the messenger sends (share/wire.c); GET, DEL and HGET are its scripts', AUTH needs none. */
#define COMMANDS                                                                                   \
	"+select +time +hset +hget +hdel +hgetall +pexpire +publish +subscribe +set +get +del "    \
	"+eval"

#define DEFAULT_USER "router"

static int
print_key(struct buf *error)
{
	uint8_t key[DIGEST_KEY_SIZE];
	char hex[2 * sizeof key + 1];
	if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key) {
		buf_append_cut(error, "there are no random bytes");
		return EX_OSERR;
	}
	printf("share_key = %s\n", hex_write(key, sizeof key, hex));
	explicit_bzero(key, sizeof key);
	explicit_bzero(hex, sizeof hex);
	return EXIT_SUCCESS;
}

static int
print_acl(const struct config *config, const char *user, struct buf *error)
{
	struct share_url url;
	const char *why;
	/* Before the setting is there, its defaults. */
	share_url_parse(config->share[0] == '\0' ? "valkey://localhost" : config->share, &url,
			&why);
	if (user == NULL)
		user = url.user[0] == '\0' ? DEFAULT_USER : url.user;
	if (!share_url_is_user(user)) {
		buf_append_cut(error, "the user is not a name of 1 to %d letters, digits, _ . or -",
			       SHARE_USER_SIZE - 1);
		return EX_USAGE;
	}
	printf("ACL SETUSER %s reset on >PASSWORD ~%s:* &%s:* " COMMANDS "\n", user, url.prefix,
	       url.prefix);
	return EXIT_SUCCESS;
}

/* --- status ---------------------------------------------------------------- */

static void
print_connection(const struct state_share *share)
{
	char since[CLOCK_SHORT_SIZE];
	printf("connected since %s\n", clock_short(share->since_ms, clock_wall_ms(), since));
	if (share->machines > 0) /* it has counted them */
		printf("%u machine%s, answers within %" PRId64 " ms\n", share->machines,
		       share->machines == 1 ? "" : "s", share->delay_ms);
	if (share->clock_ms != 0)
		printf("the server's clock is %" PRId64 " ms %s ours\n",
		       share->clock_ms < 0 ? -share->clock_ms : share->clock_ms,
		       share->clock_ms < 0 ? "behind" : "before");
	if (share->refused > 0)
		printf("%" PRIu64 " texts were not of a machine with our share_key: ignored\n",
		       share->refused);
}

static int
print_status(const struct app *app)
{
	struct state_share share;
	char since[CLOCK_SHORT_SIZE];
	if (app->config->share[0] == '\0') {
		puts("share is not set: this machine's state is its own");
		return EXIT_SUCCESS;
	}
	bool is_running = state_share(app->state, &share);
	printf("%s\n", app->config->share);
	if (share.since_ms != 0) {
		print_connection(&share);
		return EXIT_SUCCESS;
	}
	if (!is_running)
		puts("claude-router-share does not run");
	else if (share.silent_ms != 0)
		printf("claude-router-share has not answered since %s\n",
		       clock_short(share.silent_ms, clock_wall_ms(), since));
	else if (share.tried_ms == 0)
		puts("not connected");
	else
		printf("not connected since %s\n",
		       clock_short(share.tried_ms, clock_wall_ms(), since));
	return EX_UNAVAILABLE;
}

static int
status(const char *config_path, struct buf *error)
{
	struct app app;
	const struct app_options options = {.program = "claude-router-ctl",
					    .config_path = config_path,
					    .as_owner = true,
					    .looks_only = true};
	int result = app_open(&app, &options, error);
	if (result != 0)
		return result;
	result = print_status(&app);
	app_close(&app);
	return result;
}

/* --- The command -------------------------------------------------------------- */

static int
acl(const char *config_path, const char *user, struct buf *error)
{
	struct config *config = config_load(config_path, error);
	int result = config == NULL ? EX_CONFIG : print_acl(config, user, error);
	config_free(config);
	return result;
}

static int
run(const char *config_path, char *const *words, struct buf *error)
{
	bool is_alone = words[1] == NULL;
	if (strcmp(words[0], "key") == 0 && is_alone)
		return print_key(error);
	if (strcmp(words[0], "acl") == 0 && (is_alone || words[2] == NULL))
		return acl(config_path, words[1], error);
	if (strcmp(words[0], "status") == 0 && is_alone)
		return status(config_path, error);
	buf_append_cut(error, "usage: share key | share acl [USER] | share status");
	return EX_USAGE;
}

int
ctl_share(const char *config_path, char *const *words)
{
	struct buf error;
	buf_init(&error, CONFIG_FILE_MAX);
	int result = run(config_path, words, &error);
	if (error.len > 0)
		cli_error("claude-router-ctl", result, cli_why(&error));
	buf_free(&error);
	return result;
}
