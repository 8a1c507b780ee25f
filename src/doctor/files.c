/* SPDX-License-Identifier: MIT */
/* The operator's files: configuration, credentials, client keys, and the variables that
 * override them. */
#include "base/path.h"
#include "config/text.h"
#include "doctor/checks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ADMIN_TOKEN_MIN = 16 };

/* --- Configuration ---------------------------------------------------- */

static const char *
config_file(const struct doctor *d)
{
	bool must_exist;
	return config_path(d->config_path, &must_exist);
}

/* Each error is a finding of its own. */
static void
report_errors(struct doctor *d, const char *id, const char *errors)
{
	for (const char *line = errors; *line != '\0';) {
		size_t n = strcspn(line, "\n");
		report_add(&d->report, SEVERITY_ERROR, id, "%.*s", (int)n, line);
		report_cure(&d->report, "fix it, then type: claude-router%s --check-config",
			    d->with_config);
		line += n + (line[n] == '\n');
	}
}

static void
load_config(struct doctor *d)
{
	const char *path = config_file(d);
	struct buf errors;
	if (access(path, R_OK) == -1 && errno == EACCES) {
		doctor_not_allowed(d, path);
		return;
	}
	buf_init(&errors, CONFIG_FILE_MAX);
	d->app.config = config_load(d->config_path, &errors);
	if (d->app.config == NULL)
		report_errors(d, "config", buf_text(&errors));
	buf_free(&errors);
}

/* --- Environment ------------------------------------------------------ */

/* What overrides the file in this shell, but perhaps not in the web server. */
enum { MAX_RETRIES, RETRY_DELAY, TOKENS_FILE, STATE_FILE, VARIABLES };
static const char *const names[VARIABLES] = {"MAX_RETRIES", "RETRY_DELAY", "ROUTER_TOKENS_FILE",
					     "ROUTER_STATE_FILE"};

static bool
is_same(int variable, const char *value, const struct config *config)
{
	int64_t ms = -1;
	uint64_t number;
	switch (variable) {
	case MAX_RETRIES:
		return text_read_digits(&value, 9, &number) && *value == '\0' &&
		       number == config->max_retries;
	case RETRY_DELAY:
		return text_read_time(value, &ms) && ms == config->retry_delay_ms;
	case TOKENS_FILE:
		return strcmp(value, config->tokens_file) == 0;
	default:
		return strcmp(value, config->state_file) == 0;
	}
}

static void
report_overrides(struct doctor *d, char *const values[VARIABLES], const struct config *file)
{
	for (int i = 0; i < VARIABLES; i++) {
		if (values[i] == NULL || is_same(i, values[i], file))
			continue;
		report_add(&d->report, SEVERITY_WARNING, "environment",
			   "%s=%s in this shell overrides the configuration file; the web server's "
			   "responders may run without it",
			   names[i], doctor_shown(values[i]).text);
		report_cure(&d->report, "unset %s, or write it into %s", names[i], config_file(d));
	}
}

/* Loads the configuration without the variables. values: malloc'ed, NULL: not set. */
static struct config *
load_without(const struct doctor *d, char *values[VARIABLES])
{
	struct buf errors;
	buf_init(&errors, CONFIG_FILE_MAX);
	for (int i = 0; i < VARIABLES; i++) {
		const char *value = getenv(names[i]);
		values[i] = value == NULL || value[0] == '\0' ? NULL : strdup(value);
		// gcc-suppress analyzer-malloc-leak ; values keeps it
		unsetenv(names[i]);
	}
	struct config *config = config_load(d->config_path, &errors);
	for (int i = 0; i < VARIABLES; i++)
		if (values[i] != NULL)
			setenv(names[i], values[i], 1);
	buf_free(&errors);
	return config;
}

void
doctor_check_environment(struct doctor *d)
{
	char *values[VARIABLES];
	struct config *file = load_without(d, values);
	load_config(d);
	if (file != NULL)
		report_overrides(d, values, file);
	config_free(file);
	for (int i = 0; i < VARIABLES; i++)
		free(values[i]);
	if (d->app.config != NULL)
		doctor_open_state(d);
	// gcc-suppress analyzer-malloc-leak ; all of values was freed
}

/* --- Tokens ----------------------------------------------------------- */

static void
report_missing_tokens(struct doctor *d, const char *path)
{
	const struct config *config = d->app.config;
	for (size_t i = 0; i < config->n_providers; i++)
		if (config->providers[i].env_credential != NULL)
			return;
	report_add(&d->report, SEVERITY_ERROR, "tokens-missing",
		   "%s: there is no such file, so no provider takes over from Claude Pro", path);
	report_cure(&d->report,
		    "sudo install -m 0600 -o %s -g %s /dev/null %s, then write into it: "
		    "deepseek = your key",
		    d->user.name, d->user.group, path);
}

static bool
file_is_usable(struct doctor *d, const char *path, const struct stat *st)
{
	if ((st->st_mode & (S_IWGRP | S_IRWXO)) != 0) {
		report_add(
		    &d->report, SEVERITY_ERROR, "tokens-mode",
		    "%s: mode %04o lets other users read or change the credentials, so it is "
		    "not used",
		    path, (unsigned)st->st_mode & 07777);
		report_cure(&d->report, "sudo chmod %s %s",
			    (st->st_mode & S_IRGRP) != 0 ? "640" : "600", path);
		return false;
	}
	if (!doctor_user_may(&d->user, path, R_OK)) {
		report_add(&d->report, SEVERITY_ERROR, "tokens-owner",
			   "%s: the responder's user %s may not read it", path, d->user.name);
		report_cure(&d->report, "sudo chown %s:%s %s", d->user.name, d->user.group, path);
	}
	return true;
}

static void
report_placeholder(struct doctor *d, const struct provider *p, const char *label)
{
	const char *file = d->app.config->tokens_file;
	char name[CREDENTIAL_NAME_SIZE];
	credential_name(p->name, label, name);
	report_add(&d->report, SEVERITY_ERROR, "tokens-placeholder",
		   "%s: the value of %s is an example, not a credential", file, name);
	report_cure(&d->report,
		    "write your own value after %s = in %s, or comment the line out "
		    "with #",
		    name, file);
}

static void
check_placeholders(struct doctor *d)
{
	const struct config *config = d->app.config;
	for (size_t i = 0; i < config->n_providers; i++) {
		const struct provider *p = &config->providers[i];
		const struct stored_credential *stored;
		for (size_t k = 0; (stored = tokens_at(d->app.tokens, p->name, k)) != NULL; k++)
			if (diagnose_is_placeholder(stored->value))
				report_placeholder(d, p, stored->label);
	}
}

/* Whether a provider has a credential that does not come from the client. */
static bool
has_successor(const struct doctor *d)
{
	const struct config *config = d->app.config;
	for (size_t i = 0; i < config->n_providers; i++) {
		const struct provider *p = &config->providers[i];
		if (p->enabled && !p->takes_login && tokens_get(d->app.tokens, p->name) != NULL)
			return true;
	}
	return false;
}

/* Whoever has it may read what was said to whom, and choose who pays. */
static void
check_admin_token(struct doctor *d, const char *path)
{
	const char *token = tokens_admin(d->app.tokens);
	if (token == NULL || (strlen(token) >= ADMIN_TOKEN_MIN && !diagnose_is_placeholder(token)))
		return;
	report_add(&d->report, SEVERITY_WARNING, "tokens-admin",
		   "%s: admin_token can be guessed: it is an example, or shorter than %d "
		   "characters",
		   path, ADMIN_TOKEN_MIN);
	report_cure(&d->report, "write another one: openssl rand -hex 16");
}

static void
check_tokens(struct doctor *d, const char *path)
{
	struct buf error;
	buf_init(&error, CONFIG_FILE_MAX);
	d->app.tokens = tokens_load(d->app.config, &error);
	if (d->app.tokens == NULL) {
		report_errors(d, "tokens-content", buf_text(&error));
	} else if (!has_successor(d)) {
		report_add(&d->report, SEVERITY_WARNING, "tokens-none",
			   "%s: no provider has a credential, so none takes over from Claude Pro",
			   path);
		report_cure(&d->report, "write into %s: deepseek = your key", path);
	}
	if (d->app.tokens != NULL) {
		check_placeholders(d);
		check_admin_token(d, path);
	}
	buf_free(&error);
}

void
doctor_check_tokens(struct doctor *d)
{
	struct stat st;
	if (d->app.config == NULL)
		return;
	const char *path = d->app.config->tokens_file;
	bool exists = stat(path, &st) == 0;
	if (!exists && errno == ENOENT)
		report_missing_tokens(d, path);
	if (exists && !file_is_usable(d, path, &st))
		return;
	if (exists ? access(path, R_OK) == -1 : errno == EACCES)
		doctor_not_allowed(d, path);
	else if (exists)
		check_tokens(d, path);
}

/* --- Keys ------------------------------------------------------------- */

static void
report_no_key(struct doctor *d, const char *path)
{
	report_add(&d->report, SEVERITY_ERROR, "keys-missing",
		   "access = \"keys\" refuses every client: %s has no key", path);
	report_cure(&d->report, "sudo claude-router-ctl key add NAME");
}

static void
check_keys(struct doctor *d, const char *path)
{
	struct buf error;
	buf_init(&error, CONFIG_FILE_MAX);
	struct keys *keys = keys_load(path, &error);
	if (keys == NULL) {
		report_errors(d, "keys-content", buf_text(&error));
	} else if (keys_count(keys) == 0 && d->app.config->access == ACCESS_KEYS) {
		report_no_key(d, path);
	}
	keys_free(keys);
	buf_free(&error);
}

void
doctor_check_keys(struct doctor *d)
{
	struct stat st;
	const struct config *config = d->app.config;
	if (config == NULL)
		return;
	const char *path = config->keys_file;
	bool exists = stat(path, &st) == 0;
	if (!exists && config->access != ACCESS_KEYS)
		return;
	if (exists ? access(path, R_OK) == -1 : errno == EACCES)
		doctor_not_allowed(d, path);
	else if (exists)
		check_keys(d, path);
	else
		report_no_key(d, path);
	if (exists && !doctor_user_may(&d->user, path, R_OK)) {
		report_add(&d->report, SEVERITY_ERROR, "keys-owner",
			   "%s: the responder's user %s may not read it", path, d->user.name);
		report_cure(&d->report, "sudo chown %s:%s %s", d->user.name, d->user.group, path);
	}
}

/* --- Log -------------------------------------------------------------- */

void
doctor_check_log(struct doctor *d)
{
	char directory[PATH_MAX];
	const struct diagnose_user *user = &d->user;
	const char *path = d->app.config == NULL ? "" : d->app.config->log;
	if (path[0] != '/')
		return;
	struct stat st;
	bool exists = stat(path, &st) == 0;
	if (!exists && errno == EACCES) {
		doctor_not_allowed(d, path);
		return;
	}
	path_directory(path, directory);
	if (exists ? doctor_user_may(user, path, W_OK)
		   : doctor_user_may(user, directory, W_OK | X_OK))
		return;
	report_add(&d->report, SEVERITY_ERROR, "log",
		   "log = %s: the responder's user %s may not write there, so it cannot start",
		   path, user->name);
	if (exists)
		report_cure(&d->report, "sudo chown %s:%s %s", user->name, user->group, path);
	else
		report_cure(&d->report, "sudo install -d -o %s -g %s -m 0750 %s", user->name,
			    user->group, directory);
}

/* --- What the responder could not reload ------------------------------ */

/* A member's member as text; NULL: it is null or not there. */
static const char *
text_in(json_object *o, const char *name, const char *member)
{
	return json_object_get_string(
	    json_object_object_get(json_object_object_get(o, name), member));
}

void
doctor_check_reloads(struct doctor *d)
{
	static const char picked_up[] = "fix it; the change is picked up within a second";
	const char *tokens = text_in(d->status, "tokens_file", "error");
	const char *keys = text_in(d->status, "keys_file", "error");
	const char *config = text_in(d->status, "config", "error");
	if (tokens != NULL) {
		report_add(&d->report, SEVERITY_ERROR, "responder-tokens",
			   "the responder still uses old credentials: %s",
			   doctor_shown(tokens).text);
		report_cure(&d->report, "%s", picked_up);
	}
	if (keys != NULL) {
		report_add(&d->report, SEVERITY_ERROR, "responder-keys",
			   "the responder cannot use the client keys: %s", doctor_shown(keys).text);
		report_cure(&d->report, "%s", picked_up);
	}
	if (config != NULL) {
		report_add(&d->report, SEVERITY_ERROR, "responder-config",
			   "the responder still uses an old configuration: %s",
			   doctor_shown(config).text);
		report_cure(&d->report, "fix it, then type: claude-router%s --check-config",
			    d->with_config);
	}
}
