/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include "base/count.h"
#include "base/digest.h"
#include "base/log.h"
#include "config/diagnostics.h"
#include "config/settings.h"
#include "config/syntax.h"
#include "config/text.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* A load in progress. */
struct loader {
	struct config *config;
	struct diagnostics diagnostics;
	bool broken;     /* an error ended the parsing */
	bool unfinished; /* so what this section lacks may come further down */
};

/* "setting = value: what is allowed", the value made safe to show. */
static void
report_bad_value(struct loader *l, int line, const struct setting *setting, const char *value)
{
	char shown[PRINTABLE_SIZE];
	struct buf allowed;
	if (setting->refusal != NULL) {
		diagnostics_add(&l->diagnostics, line, "%s: %s", setting->name,
				setting->refusal(value));
		return;
	}
	buf_init(&allowed, ERROR_TEXT_MAX);
	setting_allowed(setting, &allowed);
	printable(value, strlen(value), shown, sizeof shown);
	diagnostics_add(&l->diagnostics, line, "%s = %s: %s",
			line == DIAGNOSTIC_ENVIRONMENT ? setting->variable : setting->name, shown,
			buf_text(&allowed));
	buf_free(&allowed);
}

/* --- From texts to the configuration ------------------------------------- */

static void
take_value(struct loader *l, int line, const struct setting *setting, void *target,
	   const char *value)
{
	switch (setting->parse(setting, target, value)) {
	case PARSE_OK:
		break;
	case PARSE_BAD:
		report_bad_value(l, line, setting, value);
		break;
	case PARSE_NO_MEMORY:
		diagnostics_add_memory(&l->diagnostics);
		break;
	}
}

static void
take_initial(struct loader *l, const struct setting *setting, void *target, const char *initial)
{
	char entry[256];
	if (!setting->list) {
		take_value(l, DIAGNOSTIC_WHOLE_FILE, setting, target, initial);
		return;
	}
	for (size_t n; *initial != '\0'; initial += n + (initial[n] == ' ')) {
		n = strcspn(initial, " ");
		snprintf(entry, sizeof entry, "%.*s", (int)n, initial);
		take_value(l, DIAGNOSTIC_WHOLE_FILE, setting, target, entry);
	}
}

static void
report_missing(struct loader *l, const struct setting *setting, struct cfg_t *section,
	       const char *provider)
{
	struct buf allowed;
	buf_init(&allowed, ERROR_TEXT_MAX);
	setting_allowed(setting, &allowed);
	diagnostics_add(&l->diagnostics, syntax_line(section), "provider %s: %s is missing: %s",
			provider, setting->name, buf_text(&allowed));
	buf_free(&allowed);
}

static void
take_setting(struct loader *l, const struct setting *setting, struct cfg_t *section, void *target,
	     const char *provider)
{
	const char *initial = initial_text(setting, known_provider(provider));
	if (syntax_writes(section, setting->name)) {
		const struct assignment *written;
		for (size_t i = 0; (written = syntax_assignment(section, setting->name, i)) != NULL;
		     i++)
			take_value(l, written->line, setting, target, written->text);
	} else if (initial != NULL) {
		take_initial(l, setting, target, initial);
	} else if (setting->required && !l->unfinished) {
		report_missing(l, setting, section, provider);
	}
}

/* The line of the first of these settings that is written, else the section's end. */
static int
line_of(struct cfg_t *section, const char *first, const char *second)
{
	const struct assignment *written = syntax_assignment(section, first, 0);
	if (written == NULL)
		written = syntax_assignment(section, second, 0);
	return written != NULL   ? written->line
	       : section != NULL ? syntax_line(section)
				 : DIAGNOSTIC_WHOLE_FILE;
}

/* Checks what no setting shows alone: where credentials may be sent. */
static void
check_provider(struct loader *l, const struct provider *p, struct cfg_t *section)
{
	struct url url;
	if (p->url == NULL || !text_read_url(p->url, &url))
		return; /* already reported */
	bool plain = text_has_scheme(p->url, "http");
	bool near = text_is_loopback(url.host);
	bool claude = !plain && strcasecmp(url.host, "api.anthropic.com") == 0;
	if (plain && !near && !p->allow_plain)
		diagnostics_add(
		    &l->diagnostics, line_of(section, "url", "url"),
		    "url = %s: use https; plain http is taken only to a loopback address, "
		    "or with allow_plain = true",
		    p->url);
	if (p->credential != CREDENTIAL_STORED && !claude && !near && !p->trust_url)
		diagnostics_add(&l->diagnostics, line_of(section, "credential", "url"),
				"credential = %s: clients' own credentials go only to "
				"https://api.anthropic.com or a loopback address: use stored, or "
				"trust_url = true if %s may have them",
				credential_choices[p->credential].word, url.host);
}

/* A ledger that is no database is moved away as damaged: that must not be one of these files. */
static void
check_ledger(struct loader *l, struct cfg_t *cfg)
{
	const struct config *c = l->config;
	const struct {
		const char *name, *path;
	} others[] = {{"tokens_file", c->tokens_file},
		      {"state_file", c->state_file},
		      {"keys_file", c->keys_file},
		      {"log", c->log}};
	for (size_t i = 0; i < COUNT(others); i++)
		if (c->ledger[0] == '/' && strcmp(c->ledger, others[i].path) == 0)
			diagnostics_add(&l->diagnostics, line_of(cfg, "ledger", others[i].name),
					"ledger = %s: use a file of its own; this is %s", c->ledger,
					others[i].name);
}

static bool
has_cap(const struct config *c)
{
	int64_t any = c->daily_cap | c->monthly_cap;
	for (size_t i = 0; i < c->n_providers; i++)
		any |= c->providers[i].daily_cap | c->providers[i].monthly_cap;
	return any != 0;
}

/* With neither, each of the machines would spend a whole cap. */
static void
check_share(struct loader *l, struct cfg_t *cfg)
{
	const struct config *c = l->config;
	bool is_closed = c->share_caps == SHARE_CAPS_CLOSED;
	if (c->share[0] != '\0' && c->share_hosts == 0 && !is_closed && has_cap(c))
		diagnostics_add(&l->diagnostics, line_of(cfg, "share", "share"),
				"share: there is a cap, so share_hosts is needed, from 1 to %d: "
				"how many machines have a part of it; or share_caps = closed",
				SHARE_HOSTS_MAX);
	if (is_closed && c->share[0] == '\0')
		diagnostics_add(&l->diagnostics, line_of(cfg, "share_caps", "share_caps"),
				"share_caps = closed: there is no share, through which machines "
				"would take their parts");
	if (is_closed && c->share_hosts != 0)
		diagnostics_add(
		    &l->diagnostics, line_of(cfg, "share_hosts", "share_hosts"),
		    "share_hosts: with share_caps = closed no machine has a fixed part");
}

/* Lower case, so that it is no alias of tokens.txt, and not a word that means something else in
 * place of a provider's name. */
static bool
is_provider_name(const char *name)
{
	for (const char *c = name; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			return false;
	return text_is_word(name, strlen(name), "_-", PROVIDER_NAME_MAX - 1) && name[0] >= 'a' &&
	       strcmp(name, "auto") != 0 && strcmp(name, "admin_token") != 0 &&
	       strcmp(name, "share") != 0 && strcmp(name, "share_key") != 0 &&
	       strcmp(name, "all") != 0 && strcmp(name, "none") != 0;
}

static void
take_provider(struct loader *l, const char *name, struct cfg_t *section)
{
	struct config *config = l->config;
	int line = section == NULL ? DIAGNOSTIC_WHOLE_FILE : syntax_line(section);
	if (!is_provider_name(name)) {
		char shown[PRINTABLE_SIZE];
		printable(name, strlen(name), shown, sizeof shown);
		diagnostics_add(
		    &l->diagnostics, line,
		    "provider %s: use a name of up to %d lower-case letters, digits, _ and -, "
		    "but auto, all, none, admin_token, share and share_key",
		    shown, PROVIDER_NAME_MAX - 1);
		return;
	}
	if (config->n_providers == PROVIDERS_MAX) {
		diagnostics_add(&l->diagnostics, line,
				"provider %s: there are more than %d providers", name,
				PROVIDERS_MAX);
		return;
	}
	const struct known_provider *known = known_provider(name);
	struct provider *p = &config->providers[config->n_providers++];
	snprintf(p->name, sizeof p->name, "%s", name);
	p->id = digest_name(name);
	p->takes_login = known != NULL && known->takes_login;
	p->credential = CREDENTIAL_STORED; /* also when the written value is not allowed */
	for (size_t i = 0; i < provider_settings.n; i++)
		take_setting(l, &provider_settings.list[i], section, p, name);
	if (!l->unfinished)
		check_provider(l, p, section);
}

static void
take_providers(struct loader *l, struct cfg_t *cfg)
{
	size_t n = syntax_providers(cfg);
	for (size_t i = 0; i < n; i++) {
		struct cfg_t *section = syntax_provider(cfg, i);
		l->unfinished = l->broken && i + 1 == n;
		if (section != NULL)
			take_provider(l, syntax_title(section), section);
	}
	for (size_t i = 0; n == 0 && i < n_known_providers; i++)
		take_provider(l, known_providers[i].name, NULL);
}

/* --- The environment ----------------------------------------------------- */

/* A variable that is set and not empty, else NULL. */
static char *
variable(const char *name)
{
	char *value = getenv(name);
	return value == NULL || value[0] == '\0' ? NULL : value;
}

static void
take_environment(struct loader *l)
{
	for (size_t i = 0; i < root_settings.n; i++) {
		const struct setting *setting = &root_settings.list[i];
		const char *value = setting->variable == NULL ? NULL : variable(setting->variable);
		if (value != NULL)
			take_value(l, DIAGNOSTIC_ENVIRONMENT, setting, l->config, value);
	}
}

static void
wipe(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static bool
is_credential(const char *text)
{
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return n <= TOKEN_MAX;
}

/* CLAUDE_API_KEY as it was last set: the first load removes it from the environment, and later ones
 * still need it. */
static char *api_key;

/* Moves CLAUDE_API_KEY from the environment to api_key. */
static void
take_api_key(struct loader *l)
{
	char *value = variable("CLAUDE_API_KEY");
	if (value == NULL)
		return;
	char *copy = strdup(value);
	memset(value, 'x', strlen(value));
	unsetenv("CLAUDE_API_KEY");
	if (copy == NULL) {
		diagnostics_add_memory(&l->diagnostics);
	} else if (!is_credential(copy)) {
		diagnostics_add(
		    &l->diagnostics, DIAGNOSTIC_ENVIRONMENT,
		    "CLAUDE_API_KEY: use printable characters without spaces, at most %d",
		    TOKEN_MAX);
		wipe(copy);
	} else {
		wipe(api_key);
		api_key = copy;
	}
}

static void
give_api_key(struct loader *l)
{
	struct config *config = l->config;
	for (size_t i = 0; api_key != NULL && i < config->n_providers; i++) {
		struct provider *p = &config->providers[i];
		const struct known_provider *known = known_provider(p->name);
		if (known == NULL || !known->takes_api_key)
			continue;
		p->env_credential = strdup(api_key);
		if (p->env_credential == NULL)
			diagnostics_add_memory(&l->diagnostics);
	}
}

/* --- Loading ------------------------------------------------------------- */

const char *
config_path(const char *path, bool *must_exist)
{
	const char *standard = SYSCONFDIR "/claude-router/claude-router.conf";
	*must_exist = true;
	if (path != NULL)
		return path;
	path = variable("CLAUDE_ROUTER_CONFIG");
	*must_exist = path != NULL && strcmp(path, standard) != 0;
	return path != NULL ? path : standard;
}

/* Reads and parses the file, if there is one; NULL: only defaults, or an error that was
 * reported. */
static struct cfg_t *
read_settings(struct loader *l, bool must_exist)
{
	const char *path = l->diagnostics.path;
	struct buf text, why;
	struct stat st;
	struct cfg_t *cfg = NULL;
	/* It may hold a proxy's password; and read(2) needs room to see the end. */
	buf_init_secret(&text, CONFIG_FILE_MAX + 1);
	buf_init(&why, ERROR_TEXT_MAX + 4096);
	enum file_read read = config_read_file(path, &text, &st, &why);
	if (read == FILE_READ) {
		if (setting_store(&l->config->path, path, strlen(path)) != PARSE_OK)
			diagnostics_add_memory(&l->diagnostics);
		cfg = syntax_parse(&text, &l->diagnostics, &l->broken);
	} else if (read == FILE_UNUSABLE || must_exist) {
		l->broken = true;
		diagnostics_add_whole(&l->diagnostics, buf_text(&why));
	}
	buf_free(&why);
	buf_free(&text);
	return cfg;
}

static void
take_all(struct loader *l, bool must_exist)
{
	struct cfg_t *cfg = read_settings(l, must_exist);
	for (size_t i = 0; i < root_settings.n; i++)
		take_setting(l, &root_settings.list[i], cfg, l->config, NULL);
	take_providers(l, cfg);
	take_environment(l);
	give_api_key(l);
	if (!l->diagnostics.any) {
		check_ledger(l, cfg);
		check_share(l, cfg);
	}
	syntax_free(cfg);
}

struct config *
config_load(const char *path, struct buf *errors)
{
	static uint64_t loaded;
	bool must_exist;
	struct loader l = {.config = calloc(1, sizeof *l.config)};
	if (l.config != NULL) {
		l.config->serial = ++loaded;
		l.config->owners = 1;
	}
	path = config_path(path, &must_exist);
	diagnostics_init(&l.diagnostics, path, errors->max);
	take_api_key(&l);
	if (l.config != NULL)
		take_all(&l, must_exist);
	else
		diagnostics_add_memory(&l.diagnostics);
	if (l.diagnostics.any) {
		diagnostics_report(&l.diagnostics, errors);
		config_free(l.config);
		l.config = NULL;
	}
	diagnostics_fini(&l.diagnostics);
	return l.config;
}

static void
free_names(char *names[static MODEL_NAMES_MAX])
{
	for (size_t i = 0; i < MODEL_NAMES_MAX; i++)
		free(names[i]);
}

static void
free_provider(struct provider *p)
{
	for (size_t i = 0; i < p->n_models; i++) {
		free(p->models[i].glob);
		free_names(p->models[i].names);
	}
	free(p->url);
	free(p->ca_file);
	free(p->ca_path);
	wipe(p->proxy);
	wipe(p->env_credential);
}

struct config *
config_share(struct config *config)
{
	config->owners++;
	return config;
}

void
config_free(struct config *config)
{
	if (config == NULL || --config->owners > 0)
		return;
	for (size_t i = 0; i < config->n_providers; i++)
		free_provider(&config->providers[i]);
	for (size_t i = 0; i < config->n_hosts; i++)
		free(config->hosts[i]);
	free(config->hosts);
	free(config->admin_from);
	free(config->trusted_proxies);
	free_names(config->health_check_models);
	free(config->path);
	for (size_t i = 0; i < root_settings.n; i++)
		if (root_settings.list[i].parse == setting_parse_text)
			free(*(char **)setting_field(&root_settings.list[i], config));
	free(config);
}

/* --- Queries -------------------------------------------------------------- */

const struct provider *
config_provider(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_providers; i++)
		if (strcmp(config->providers[i].name, name) == 0)
			return &config->providers[i];
	return NULL;
}

const char *
config_display_name(const char *name)
{
	static const char *const names[][2] = {
	    {"claude_pro", "Claude Pro"}, {"deepseek", "DeepSeek"},     {"kimi", "Kimi"},
	    {"openai", "OpenAI"},         {"claude_api", "Claude API"},
	};
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i][0], name) == 0)
			return names[i][1];
	return name;
}

const struct provider *
config_plan_provider(const struct config *config)
{
	for (size_t i = 0; i < config->n_providers; i++)
		if (config->providers[i].takes_login)
			return &config->providers[i];
	return &config->providers[0];
}

const struct model_rule *
config_model_rule(const struct provider *provider, const char *model)
{
	for (size_t i = 0; i < provider->n_models; i++)
		if (fnmatch(provider->models[i].glob, model, 0) == 0)
			return &provider->models[i];
	return NULL;
}

uint32_t
config_leave_at(const struct provider *provider, const char *window)
{
	uint32_t any = 0;
	for (size_t i = 0; i < provider->n_leave_at; i++) {
		const struct leave_at *at = &provider->leave_at[i];
		if (strcmp(at->window, window) == 0)
			return at->permille;
		if (strcmp(at->window, "*") == 0)
			any = at->permille;
	}
	return any;
}
