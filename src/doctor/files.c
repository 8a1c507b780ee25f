/* SPDX-License-Identifier: MIT */
/* Configuration, environment, credentials: what the operator wrote. */
#include "config/text.h"
#include "doctor/checks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- Configuration ---------------------------------------------------- */

static const char *
config_file(const struct doctor *d)
{
	bool must_exist;
	return config_path(d->config_path, &must_exist);
}

/* Every mistake is a finding of its own. */
static void
tell_mistakes(struct doctor *d, const char *errors)
{
	for (const char *line = errors; *line != '\0';) {
		size_t n = strcspn(line, "\n");
		findings_add(&d->findings, SEVERITY_ERROR, "config", "%.*s", (int)n, line);
		findings_cure(&d->findings, "mend that, then type: claude-router --check-config");
		line += n + (line[n] == '\n');
	}
}

static void
load_config(struct doctor *d)
{
	const char *path = config_file(d);
	struct buf errors;
	if (access(path, R_OK) == -1 && errno == EACCES) {
		doctor_cannot_look(d, path);
		return;
	}
	buf_init(&errors, CONFIG_FILE_MAX);
	d->app.config = config_load(d->config_path, &errors);
	if (d->app.config == NULL)
		tell_mistakes(d, buf_text(&errors));
	buf_free(&errors);
}

/* --- Environment ------------------------------------------------------ */

/* What goes before the file here, and may be unknown to the web server. */
enum { MAX_RETRIES, RETRY_DELAY, TOKENS_FILE, STATE_FILE, VARIABLES };
static const char *const names[VARIABLES] = {"MAX_RETRIES", "RETRY_DELAY", "ROUTER_TOKENS_FILE",
					     "ROUTER_STATE_FILE"};

static bool
says_the_same(int variable, const char *value, const struct config *config)
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
tell_overrides(struct doctor *d, char *const values[VARIABLES], const struct config *file)
{
	for (int i = 0; i < VARIABLES; i++) {
		if (values[i] == NULL || says_the_same(i, values[i], file))
			continue;
		findings_add(&d->findings, SEVERITY_WARNING, "environment",
			     "%s=%s in this shell goes before the configuration file here, and the "
			     "web server's responders need not know it",
			     names[i], doctor_shown(values[i]));
		findings_cure(&d->findings, "unset %s, or write it into %s", names[i],
			      config_file(d));
	}
}

/* Takes the variables away, loads, and puts them back. */
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
		tell_overrides(d, values, file);
	config_free(file);
	for (int i = 0; i < VARIABLES; i++)
		free(values[i]);
	if (d->app.config != NULL)
		doctor_open_state(d);
	// gcc-suppress analyzer-malloc-leak ; all of values was freed
}

/* --- Tokens ----------------------------------------------------------- */

static void
tell_missing_tokens(struct doctor *d, const char *path)
{
	const struct config *config = d->app.config;
	for (size_t i = 0; i < config->n_providers; i++)
		if (config->providers[i].env_credential != NULL)
			return;
	findings_add(&d->findings, SEVERITY_ERROR, "tokens-missing",
		     "%s: there is no such file, so nobody takes over from Claude Pro", path);
	findings_cure(&d->findings,
		      "sudo install -m 0600 -o %s -g %s /dev/null %s, then write into it: "
		      "deepseek = your key",
		      d->user.name, d->user.group, path);
}

static bool
file_is_usable(struct doctor *d, const char *path, const struct stat *st)
{
	if ((st->st_mode & (S_IWGRP | S_IRWXO)) != 0) {
		findings_add(&d->findings, SEVERITY_ERROR, "tokens-mode",
			     "%s: mode %04o lets other users at the credentials, so it is refused",
			     path, (unsigned)st->st_mode & 07777);
		findings_cure(&d->findings, "sudo chmod %s %s",
			      (st->st_mode & S_IRGRP) != 0 ? "640" : "600", path);
		return false;
	}
	if (!doctor_user_may(&d->user, path, R_OK)) {
		findings_add(&d->findings, SEVERITY_ERROR, "tokens-owner",
			     "%s: %s, whom the responder runs as, may not read it", path,
			     d->user.name);
		findings_cure(&d->findings, "sudo chown %s:%s %s", d->user.name, d->user.group,
			      path);
	}
	return true;
}

static void
look_for_placeholders(struct doctor *d)
{
	const struct config *config = d->app.config;
	for (size_t i = 0; i < config->n_providers; i++) {
		const char *name = config->providers[i].name;
		const char *value = tokens_get(d->app.tokens, name);
		if (value == NULL || !judge_placeholder(value))
			continue;
		findings_add(&d->findings, SEVERITY_ERROR, "tokens-placeholder",
			     "%s: the value of %s is the example's, no credential",
			     config->tokens_file, name);
		findings_cure(&d->findings,
			      "write your own value behind %s = in %s, or # before "
			      "the line",
			      name, config->tokens_file);
	}
}

/* Whether anybody but the client's own credentials serves. */
static bool
anybody_takes_over(const struct doctor *d)
{
	const struct config *config = d->app.config;
	for (size_t i = 0; i < config->n_providers; i++) {
		const struct provider *p = &config->providers[i];
		if (p->enabled && !p->takes_login && tokens_get(d->app.tokens, p->name) != NULL)
			return true;
	}
	return false;
}

static void
look_into_tokens(struct doctor *d, const char *path)
{
	struct buf error;
	buf_init(&error, CONFIG_FILE_MAX);
	d->app.tokens = tokens_load(d->app.config, &error);
	if (d->app.tokens == NULL) {
		findings_add(&d->findings, SEVERITY_ERROR, "tokens-content", "%s",
			     buf_text(&error));
		findings_cure(&d->findings, "mend that line, then type: claude-router "
					    "--check-config");
	} else if (!anybody_takes_over(d)) {
		findings_add(&d->findings, SEVERITY_WARNING, "tokens-none",
			     "%s: no provider has a credential, so nobody takes over from Claude "
			     "Pro",
			     path);
		findings_cure(&d->findings, "write into %s: deepseek = your key", path);
	}
	if (d->app.tokens != NULL)
		look_for_placeholders(d);
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
		tell_missing_tokens(d, path);
	if (exists && !file_is_usable(d, path, &st))
		return;
	if (exists ? access(path, R_OK) == -1 : errno == EACCES)
		doctor_cannot_look(d, path);
	else if (exists)
		look_into_tokens(d, path);
}

/* --- Keys ------------------------------------------------------------- */

static void
say_no_key(struct doctor *d, const char *path)
{
	findings_add(&d->findings, SEVERITY_ERROR, "keys-missing",
		     "access = \"keys\" lets nobody in: %s holds no key", path);
	findings_cure(&d->findings, "sudo claude-router-ctl key add NAME");
}

static void
look_into_keys(struct doctor *d, const char *path)
{
	struct buf error;
	buf_init(&error, CONFIG_FILE_MAX);
	struct keys *keys = keys_load(path, &error);
	if (keys == NULL) {
		findings_add(&d->findings, SEVERITY_ERROR, "keys-content", "%s", buf_text(&error));
		findings_cure(&d->findings, "mend that, then type: claude-router --check-config");
	} else if (keys_count(keys) == 0 && d->app.config->access == ACCESS_KEYS) {
		say_no_key(d, path);
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
		doctor_cannot_look(d, path);
	else if (exists)
		look_into_keys(d, path);
	else
		say_no_key(d, path);
	if (exists && !doctor_user_may(&d->user, path, R_OK)) {
		findings_add(&d->findings, SEVERITY_ERROR, "keys-owner",
			     "%s: %s, whom the responder runs as, may not read it", path,
			     d->user.name);
		findings_cure(&d->findings, "sudo chown %s:%s %s", d->user.name, d->user.group,
			      path);
	}
}
