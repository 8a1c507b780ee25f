/* SPDX-License-Identifier: MIT */
#include "app/reload.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
path_of_config(const struct app *r)
{
	bool must_exist;
	return config_path(r->reload.config_path, &must_exist);
}

/* A line for each line of text, which may be long. */
static void
log_lines(int level, const char *text)
{
	for (size_t n; *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		log_line(level, "%.*s", (int)n, text);
	}
}

/* Keeps what is wrong with a file that was loaded, or not, and logs what was not
 * known. */
static void
note_error(char *known, size_t size, bool loaded, const struct buf *error, const char *consequence)
{
	char text[CONFIG_ERROR_MAX];
	/* Without memory there may be none to say so. */
	const char *why = loaded ? "" : error->len > 0 ? error->data : "memory is short";
	snprintf(text, size < sizeof text ? size : sizeof text, "%s", why);
	bool news = strcmp(text, known) != 0;
	snprintf(known, size, "%s", text);
	if (!news || text[0] == '\0')
		return;
	log_lines(LOG_ERR, text);
	log_line(LOG_ERR, "%s", consequence);
}

/* --- Loading ---------------------------------------------------------- */

static bool
says_same_of_log(const struct config *a, const struct config *b)
{
	return strcmp(a->log, b->log) == 0 && a->log_level == b->log_level &&
	       a->log_format == b->log_format;
}

/* The configuration that stands in the file, the log switched to what it says;
 * NULL: it cannot be used. */
static struct config *
load_config(struct app *r, struct buf *error)
{
	file_watch_mark(&r->reload.config, path_of_config(r));
	struct config *fresh = config_load(r->reload.config_path, error);
	if (fresh == NULL)
		return NULL;
	bool good = true;
	if (fresh->path == NULL && r->config->path != NULL) {
		buf_append_cut(error, "%s: is gone; for the defaults, start anew", r->config->path);
		good = false;
	} else if (!says_same_of_log(fresh, r->config)) {
		good = log_open(r->reload.program, fresh->log, fresh->log_level,
				fresh->log_format == LOG_JSON, error);
	}
	if (good)
		return fresh;
	config_free(fresh);
	return NULL;
}

/* Loads and notes what is wrong. */
static struct config *
try_config(struct app *r)
{
	struct buf error;
	buf_init(&error, CONFIG_FILE_MAX);
	struct config *fresh = load_config(r, &error);
	note_error(r->reload.config_error, sizeof r->reload.config_error, fresh != NULL, &error,
		   "the old configuration stays in force");
	buf_free(&error);
	return fresh;
}

static struct tokens *
try_tokens(struct app *r, const struct config *config)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	file_watch_mark(&r->reload.tokens, config->tokens_file);
	struct tokens *fresh = tokens_load(config, &error);
	note_error(r->reload.tokens_error, sizeof r->reload.tokens_error, fresh != NULL, &error,
		   "the old tokens stay in force");
	buf_free(&error);
	return fresh;
}

static const char *
without_new_keys(const struct app *r)
{
	return r->keys == NULL ? "until it can be used no client key is right"
			       : "the old client keys stay in force";
}

static struct keys *
try_keys(struct app *r, const struct config *config)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	file_watch_mark(&r->reload.keys, config->keys_file);
	struct keys *fresh = keys_load(config->keys_file, &error);
	note_error(r->reload.keys_error, sizeof r->reload.keys_error, fresh != NULL, &error,
		   without_new_keys(r));
	buf_free(&error);
	return fresh;
}

/* --- Putting in force ------------------------------------------------- */

/* An operator's choice of somebody who is not there any more is no choice. */
static void
mend_switch(struct app *r)
{
	struct summary summary;
	state_summary(r->state, &summary);
	if (summary.manual[0] == '\0' || config_provider(r->config, summary.manual) != NULL)
		return;
	/* What cannot be written now is queued. */
	state_switch(r->state, "");
	log_line(LOG_NOTICE, "%s, which was chosen by hand, is configured no more: auto again",
		 summary.manual);
}

/* The state is shared by all that run, and holds the secret by which
 * conversations know their providers: it is not left in passing. */
static void
note_restart(struct app *r)
{
	char text[ERROR_TEXT_MAX] = "";
	if (strcmp(r->config->state_file, r->reload.state_file) != 0)
		snprintf(text, sizeof text,
			 "state_file = %s: waits for the next start; until then %s",
			 r->config->state_file, r->reload.state_file);
	bool news = strcmp(text, r->reload.restart) != 0;
	snprintf(r->reload.restart, sizeof r->reload.restart, "%s", text);
	if (news && text[0] != '\0')
		log_line(LOG_WARNING, "%s", text);
}

static void
put_config_in_force(struct app *r, struct config *fresh)
{
	notifier_follow(r->notifier, fresh);
	config_free(r->config);
	r->config = fresh;
	r->reload.config_loaded_ms = clock_wall_ms();
	log_line(LOG_NOTICE, "%s: taken up", path_of_config(r));
	note_restart(r);
	mend_switch(r);
}

static void
put_tokens_in_force(struct app *r, struct tokens *fresh)
{
	tokens_free(r->tokens);
	r->tokens = fresh;
}

static void
put_keys_in_force(struct app *r, struct keys *fresh)
{
	keys_free(r->keys);
	r->keys = fresh;
}

static void
warn_of_access(const struct app *r)
{
	const char *warning = keys_warning(r->config, r->keys);
	if (warning != NULL)
		log_line(LOG_WARNING, "%s", warning);
}

struct files {
	bool config, tokens, keys;
};

/* A new configuration comes with tokens and keys that were read by it; if those
 * cannot be used, with the old ones, so that one wrong line in one file does not
 * keep the others from being taken up. */
static void
take_up(struct app *r, struct files want)
{
	struct config *config = want.config ? try_config(r) : NULL;
	const struct config *by = config == NULL ? r->config : config;
	struct tokens *tokens = config != NULL || want.tokens ? try_tokens(r, by) : NULL;
	struct keys *keys = config != NULL || want.keys ? try_keys(r, by) : NULL;
	if (config != NULL)
		put_config_in_force(r, config);
	if (tokens != NULL)
		put_tokens_in_force(r, tokens);
	if (keys != NULL)
		put_keys_in_force(r, keys);
	if (tokens != NULL && want.tokens)
		log_line(LOG_NOTICE, "%s: taken up", r->config->tokens_file);
	if (keys != NULL && want.keys)
		log_line(LOG_NOTICE, "%s: taken up", r->config->keys_file);
	if (config != NULL || keys != NULL)
		warn_of_access(r);
}

/* --- Public ----------------------------------------------------------- */

bool
reload_begin(struct app *r, struct buf *error)
{
	r->reload.state_file = strdup(r->config->state_file);
	if (r->reload.state_file == NULL) {
		buf_append_cut(error, "memory is short");
		return false;
	}
	r->reload.followed = state_reload_asked(r->state);
	mend_switch(r);
	if (r->reload.keys_error[0] != '\0') {
		log_lines(LOG_ERR, r->reload.keys_error);
		log_line(LOG_ERR, "%s", without_new_keys(r));
	}
	warn_of_access(r);
	return true;
}

void
reload_end(struct app *r)
{
	free(r->reload.state_file);
	r->reload.state_file = NULL;
}

void
reload_now(struct app *r)
{
	take_up(r, (struct files){true, true, true});
}

bool
reload_poll(struct app *r)
{
	struct reload *reload = &r->reload;
	uint64_t asked = state_reload_asked(r->state);
	enum file_change config = file_watch_poll(&reload->config, path_of_config(r));
	enum file_change tokens = file_watch_poll(&reload->tokens, r->config->tokens_file);
	enum file_change keys = file_watch_poll(&reload->keys, r->config->keys_file);
	if (asked != reload->followed) {
		reload->followed = asked;
		reload_now(r);
		return false;
	}
	if (config == FILE_CHANGING || tokens == FILE_CHANGING || keys == FILE_CHANGING)
		return true;
	take_up(r, (struct files){
		       .config = config == FILE_CHANGED || reload->config_error[0] != '\0',
		       .tokens = tokens == FILE_CHANGED || reload->tokens_error[0] != '\0',
		       .keys = keys == FILE_CHANGED || reload->keys_error[0] != '\0',
		   });
	return false;
}

uint64_t
reload_followed(const struct app *r)
{
	const struct reload *reload = &r->reload;
	bool stale = reload->config_error[0] != '\0' || reload->tokens_error[0] != '\0' ||
		     reload->keys_error[0] != '\0';
	return reload->followed << 1 | stale;
}
