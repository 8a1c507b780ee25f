/* SPDX-License-Identifier: MIT */
#include "app/reload.h"

#include "app/open.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
path_of_config(const struct app *app)
{
	bool must_exist;
	return config_path(app->reload.config_path, &must_exist);
}

/* Keeps the error of a file in known, "" when it was loaded, and logs it when it is new. */
static void
note_error(char *known, size_t size, bool loaded, const struct buf *error, const char *consequence)
{
	char text[CONFIG_ERROR_MAX];
	/* There is no text when it was out of memory. */
	const char *why = loaded ? "" : error->len > 0 ? error->data : "out of memory";
	snprintf(text, size < sizeof text ? size : sizeof text, "%s", why);
	bool is_new = strcmp(text, known) != 0;
	snprintf(known, size, "%s", text);
	if (!is_new || text[0] == '\0')
		return;
	log_lines(LOG_ERR, text);
	log_line(LOG_ERR, "%s", consequence);
}

/* --- Loading ---------------------------------------------------------- */

static bool
has_same_log(const struct config *a, const struct config *b)
{
	return strcmp(a->log, b->log) == 0 && a->log_level == b->log_level &&
	       a->log_format == b->log_format;
}

/* Loads the file, and reopens the log if its settings changed. NULL: it cannot be used. */
static struct config *
load_config(struct app *app, struct buf *error)
{
	file_watch_mark(&app->reload.config, path_of_config(app));
	struct config *fresh = config_load(app->reload.config_path, error);
	if (fresh == NULL)
		return NULL;
	bool good = true;
	if (fresh->path == NULL && app->config->path != NULL) {
		buf_append_cut(error, "%s: no longer exists; restart to use the defaults",
			       app->config->path);
		good = false;
	} else if (!has_same_log(fresh, app->config)) {
		good = log_open(app->reload.program, fresh->log, fresh->log_level,
				fresh->log_format == LOG_JSON, error);
	}
	if (good)
		return fresh;
	config_free(fresh);
	return NULL;
}

/* Loads a file and keeps its error. NULL: it cannot be used. */
static struct config *
try_config(struct app *app)
{
	struct buf error;
	buf_init(&error, CONFIG_FILE_MAX);
	struct config *fresh = load_config(app, &error);
	note_error(app->reload.config_error, sizeof app->reload.config_error, fresh != NULL, &error,
		   "the old configuration stays in force");
	buf_free(&error);
	return fresh;
}

static struct tokens *
try_tokens(struct app *app, const struct config *config)
{
	struct buf error;
	buf_init(&error, CONFIG_FILE_MAX);
	file_watch_mark(&app->reload.tokens, config->tokens_file);
	struct tokens *fresh = tokens_load(config, &error);
	note_error(app->reload.tokens_error, sizeof app->reload.tokens_error, fresh != NULL, &error,
		   "the old tokens stay in force");
	buf_free(&error);
	return fresh;
}

static const char *
keys_consequence(const struct app *app)
{
	return app->keys == NULL ? "until it can be used every client key is refused"
				 : "the old client keys stay in force";
}

static struct keys *
try_keys(struct app *app, const struct config *config)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	file_watch_mark(&app->reload.keys, config->keys_file);
	struct keys *fresh = keys_load(config->keys_file, &error);
	note_error(app->reload.keys_error, sizeof app->reload.keys_error, fresh != NULL, &error,
		   keys_consequence(app));
	buf_free(&error);
	return fresh;
}

static struct prices *
try_prices(struct app *app, const struct config *config)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	file_watch_mark(&app->reload.prices, config->prices_file);
	struct prices *fresh = prices_load(config->prices_file, PRICES_SHIPPED, &error);
	note_error(app->reload.prices_error, sizeof app->reload.prices_error, fresh != NULL, &error,
		   app->prices == NULL ? "costs are unknown until it can be used"
				       : "the old prices stay in force");
	buf_free(&error);
	return fresh;
}

/* --- Putting in force ------------------------------------------------- */

/* Ends an operator's switch to a provider that is no longer configured. */
static void
end_stale_switch(struct app *app)
{
	struct summary summary;
	state_summary(app->state, &summary);
	if (summary.manual[0] == '\0' || config_provider(app->config, summary.manual) != NULL)
		return;
	/* A change that cannot be written now is queued. */
	state_switch(app->state, "");
	log_line(LOG_NOTICE,
		 "%s, chosen by hand, is no longer configured; switching back to automatic",
		 summary.manual);
}

/* What many machines share is named by the state file's key. */
static bool
has_other_share_key(const struct app *app)
{
	const uint8_t *key = tokens_share_key(app->tokens);
	return app->reload.share[0] != '\0' && key != NULL &&
	       memcmp(key, state_key(app->state), DIGEST_KEY_SIZE) != 0;
}

/* The state is shared by all running processes, and contains the secret by which
 * conversations recognize their providers: only a restart can move to another one. */
static void
note_restart(struct app *app)
{
	char text[ERROR_TEXT_MAX] = "";
	if (strcmp(app->config->state_file, app->reload.state_file) != 0)
		snprintf(text, sizeof text,
			 "state_file = %s: waits for the next start; until then %s",
			 app->config->state_file, app->reload.state_file);
	else if (strcmp(app->config->share, app->reload.share) != 0)
		snprintf(text, sizeof text, "share: waits for the next start; until then %s",
			 app->reload.share[0] == '\0' ? "nothing is shared" : app->reload.share);
	else if (has_other_share_key(app))
		snprintf(text, sizeof text,
			 "share_key: waits for the next start; until then the old one");
	bool is_new = strcmp(text, app->reload.restart) != 0;
	snprintf(app->reload.restart, sizeof app->reload.restart, "%s", text);
	if (is_new && text[0] != '\0')
		log_line(LOG_WARNING, "%s", text);
}

static bool
has_same_ledger(const struct config *a, const struct config *b)
{
	return strcmp(a->ledger, b->ledger) == 0 && a->ledger_flush_ms == b->ledger_flush_ms &&
	       strcmp(a->state_file, b->state_file) == 0;
}

static void
use_config(struct app *app, struct config *fresh)
{
	bool same_ledger = has_same_ledger(fresh, app->config);
	notifier_follow(app->notifier, fresh);
	config_free(app->config);
	app->config = fresh;
	if (!same_ledger)
		app_open_ledger(app);
	app->reload.config_loaded_ms = clock_wall_ms();
	log_line(LOG_NOTICE, "%s: reloaded", path_of_config(app));
	end_stale_switch(app);
}

static void
log_keys_warning(const struct app *app)
{
	const char *warning = keys_warning(app->config, app->keys);
	if (warning != NULL)
		log_line(LOG_WARNING, "%s", warning);
}

struct files {
	bool config, tokens, keys, prices;
};

/* A new configuration comes with tokens and keys loaded by it. Those that cannot be used stay
 * the old ones, so that one wrong line in one file does not stop the others. */
static void
reload(struct app *app, struct files want)
{
	struct config *config = want.config ? try_config(app) : NULL;
	const struct config *by = config == NULL ? app->config : config;
	struct tokens *tokens = config != NULL || want.tokens ? try_tokens(app, by) : NULL;
	struct keys *keys = config != NULL || want.keys ? try_keys(app, by) : NULL;
	struct prices *prices = config != NULL || want.prices ? try_prices(app, by) : NULL;
	if (config != NULL)
		use_config(app, config);
	if (tokens != NULL) {
		tokens_free(app->tokens);
		app->tokens = tokens;
	}
	if (keys != NULL) {
		keys_free(app->keys);
		app->keys = keys;
	}
	if (prices != NULL) {
		prices_free(app->prices);
		app->prices = prices;
	}
	if (config != NULL || tokens != NULL)
		note_restart(app);
	if (config != NULL || tokens != NULL || keys != NULL || prices != NULL)
		state_drill_stop(app->state, 0);
	if (tokens != NULL && want.tokens)
		log_line(LOG_NOTICE, "%s: reloaded", app->config->tokens_file);
	if (keys != NULL && want.keys)
		log_line(LOG_NOTICE, "%s: reloaded", app->config->keys_file);
	if (prices != NULL && want.prices)
		log_line(LOG_NOTICE, "%s: reloaded", app->config->prices_file);
	if (config != NULL || keys != NULL) {
		log_keys_warning(app);
		app_begin_caps(app, false);
	}
}

/* --- Public ----------------------------------------------------------- */

bool
reload_begin(struct app *app, struct buf *error)
{
	app->reload.state_file = strdup(app->config->state_file);
	app->reload.share = strdup(app->config->share);
	if (app->reload.state_file == NULL || app->reload.share == NULL) {
		buf_append_cut(error, "out of memory");
		return false;
	}
	app->reload.followed = state_reload_asked(app->state);
	end_stale_switch(app);
	if (app->reload.keys_error[0] != '\0') {
		log_lines(LOG_ERR, app->reload.keys_error);
		log_line(LOG_ERR, "%s", keys_consequence(app));
	}
	log_keys_warning(app);
	if (app->reload.prices_error[0] != '\0') {
		log_lines(LOG_ERR, app->reload.prices_error);
		log_line(LOG_ERR, "costs are unknown until it can be used");
	}
	return true;
}

void
reload_end(struct app *app)
{
	free(app->reload.state_file);
	app->reload.state_file = NULL;
	free(app->reload.share);
	app->reload.share = NULL;
}

void
reload_now(struct app *app)
{
	reload(app, (struct files){true, true, true, true});
}

bool
reload_poll(struct app *app)
{
	struct reload *state = &app->reload;
	uint64_t asked = state_reload_asked(app->state);
	enum file_change config = file_watch_poll(&state->config, path_of_config(app));
	enum file_change tokens = file_watch_poll(&state->tokens, app->config->tokens_file);
	enum file_change keys = file_watch_poll(&state->keys, app->config->keys_file);
	enum file_change prices = file_watch_poll(&state->prices, app->config->prices_file);
	if (asked != state->followed) {
		state->followed = asked;
		reload_now(app);
		return false;
	}
	if (config == FILE_CHANGING || tokens == FILE_CHANGING || keys == FILE_CHANGING ||
	    prices == FILE_CHANGING)
		return true;
	reload(app, (struct files){
			.config = config == FILE_CHANGED || state->config_error[0] != '\0',
			.tokens = tokens == FILE_CHANGED || state->tokens_error[0] != '\0',
			.keys = keys == FILE_CHANGED || state->keys_error[0] != '\0',
			.prices = prices == FILE_CHANGED || state->prices_error[0] != '\0',
		    });
	return false;
}

uint64_t
reload_followed(const struct app *app)
{
	const struct reload *reload = &app->reload;
	bool stale = reload->config_error[0] != '\0' || reload->tokens_error[0] != '\0' ||
		     reload->keys_error[0] != '\0' || reload->prices_error[0] != '\0';
	return reload->followed << 1 | stale;
}
