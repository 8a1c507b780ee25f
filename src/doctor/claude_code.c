/* SPDX-License-Identifier: MIT */
/* Claude Code's variables, in this shell and in its settings: CLIENT.md 1, 7. */
#include "base/path.h"
#include "config/text.h"
#include "doctor/checks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The environment of this user's Claude Code. */
struct client {
	struct doctor *d;
	char path[1024];       /* of settings.json; "" : unknown */
	json_object *settings; /* NULL: none */
	bool is_used;          /* this user has run Claude Code */
};

/* --- Where variables come from ---------------------------------------- */

/* A variable in settings.json, which overrides the shell's; NULL: not there. */
static const char *
in_settings(const struct client *c, const char *name)
{
	json_object *env = json_object_object_get(c->settings, "env");
	return json_object_is_type(env, json_type_object)
		   ? json_object_get_string(json_object_object_get(env, name))
		   : NULL;
}

/* NULL: not set, or empty. */
static const char *
variable(const struct client *c, const char *name)
{
	const char *value = in_settings(c, name);
	if (value == NULL)
		value = getenv(name);
	return value == NULL || value[0] == '\0' ? NULL : value;
}

/* How to unset a variable. */
static void
cure_by_removing(struct client *c, const char *name)
{
	if (in_settings(c, name) != NULL)
		report_cure(&c->d->report, "delete %s from env in %s", name, c->path);
	else
		report_cure(&c->d->report, "unset %s", name);
}

/* The router's URL, for a cure. */
static const char *
router_url(const struct client *c)
{
	return c->d->url[0] == '\0' ? "http://127.0.0.1:8000" : c->d->url;
}

static void
read_settings(struct client *c)
{
	struct buf text;
	const char *home = getenv("HOME"), *given = c->d->options->settings;
	char directory[PATH_MAX];
	struct stat st;
	if (given != NULL)
		snprintf(c->path, sizeof c->path, "%s", given);
	else if (home != NULL)
		snprintf(c->path, sizeof c->path, "%s/.claude/settings.json", home);
	else
		return;
	c->is_used = stat(path_directory(c->path, directory), &st) == 0;
	buf_init(&text, CONFIG_FILE_MAX);
	bool read = doctor_read_file(c->path, &text);
	c->settings = read ? json_tokener_parse(buf_text(&text)) : NULL;
	if (read && c->settings == NULL) {
		report_add(&c->d->report, SEVERITY_ERROR, "claude-settings",
			   "%s is not valid JSON, so Claude Code ignores it", c->path);
		report_cure(&c->d->report, "find the mistake: python3 -m json.tool %s", c->path);
	}
	buf_free(&text);
}

/* --- The base URL ----------------------------------------------------- */

static void
cure_by_setting(struct client *c)
{
	report_cure(&c->d->report, "export ANTHROPIC_BASE_URL=%s (or write it into env in %s)",
		    router_url(c), c->path[0] == '\0' ? "~/.claude/settings.json" : c->path);
}

static bool
is_router(const char *url)
{
	char health[1200];
	struct http_response response;
	snprintf(health, sizeof health, "%.*s/health?live=1", (int)text_url_length(url), url);
	const struct http_request request = {.url = health, .body_bytes = -1, .timeout_ms = 3000};
	bool found = http_fetch(&request, &response, 1) && response.code == CURLE_OK &&
		     diagnose_site(response.status, buf_text(&response.body)) == SITE_ROUTER;
	http_response_fini(&response);
	return found;
}

static void
check_base_url(struct client *c, const char *url)
{
	bool works;
	const char *fault = diagnose_base_url(url, &works);
	if (fault != NULL) {
		report_add(&c->d->report, works ? SEVERITY_NOTE : SEVERITY_ERROR, "claude-base-url",
			   "ANTHROPIC_BASE_URL=%s %s", doctor_shown(url).text, fault);
		cure_by_setting(c);
	} else if (c->d->url[0] != '\0' && strlen(url) < 1024 && !is_router(url)) {
		report_add(&c->d->report, SEVERITY_ERROR, "claude-base-url",
			   "ANTHROPIC_BASE_URL=%s: no router replies there",
			   doctor_shown(url).text);
		cure_by_setting(c);
	}
}

static void
report_missing(struct client *c)
{
	if (!c->is_used)
		return;
	report_add(&c->d->report, SEVERITY_WARNING, "claude-base-url-missing",
		   "ANTHROPIC_BASE_URL is not set: Claude Code bypasses the router");
	cure_by_setting(c);
}

/* --- Other variables -------------------------------------------------- */

/* Whether the plan is used by the client's own login. */
static bool
wants_login(const struct doctor *d)
{
	const struct config *config = d->app.config;
	const struct provider *p = config == NULL ? NULL : config_plan_provider(config);
	return p == NULL || d->app.tokens == NULL ||
	       (p->takes_login && tokens_get(d->app.tokens, p->name) == NULL);
}

static void
check_own_keys(struct client *c)
{
	static const char *const names[] = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"};
	for (size_t i = 0; i < COUNT(names); i++) {
		if (variable(c, names[i]) == NULL)
			continue;
		report_add(&c->d->report, SEVERITY_WARNING, "claude-own-key",
			   "%s is set beside ANTHROPIC_BASE_URL: Claude Code sends it instead of "
			   "your login, so your plan is not used",
			   names[i]);
		cure_by_removing(c, names[i]);
	}
	if (json_object_object_get(c->settings, "apiKeyHelper") != NULL) {
		report_add(&c->d->report, SEVERITY_WARNING, "claude-own-key",
			   "apiKeyHelper in %s: Claude Code sends its key instead of your login, "
			   "so your plan is not used",
			   c->path);
		report_cure(&c->d->report, "delete apiKeyHelper from %s", c->path);
	}
}

static void
check_other_apis(struct client *c)
{
	static const char *const names[] = {"CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX",
					    "CLAUDE_CODE_USE_FOUNDRY"};
	for (size_t i = 0; i < COUNT(names); i++) {
		if (!diagnose_is_true(variable(c, names[i])))
			continue;
		report_add(&c->d->report, SEVERITY_WARNING, "claude-elsewhere",
			   "%s is set: Claude Code bypasses the router", names[i]);
		cure_by_removing(c, names[i]);
	}
}

static void
check_api_url(struct client *c)
{
	if (variable(c, "ANTHROPIC_API_URL") == NULL)
		return;
	report_add(&c->d->report, SEVERITY_WARNING, "claude-api-url",
		   "ANTHROPIC_API_URL is set, which Claude Code ignores");
	report_cure(&c->d->report, "unset ANTHROPIC_API_URL; export ANTHROPIC_BASE_URL=%s",
		    router_url(c));
}

/* The variable by which requests to a URL go through a proxy; NULL: none. */
static const char *
proxy_variable(const struct client *c, const char *url)
{
	static const char *const plain[] = {"HTTP_PROXY", "http_proxy"};
	static const char *const secure[] = {"HTTPS_PROXY", "https_proxy"};
	const char *const *names = text_has_scheme(url, "https") ? secure : plain;
	for (size_t i = 0; i < 2; i++)
		if (variable(c, names[i]) != NULL)
			return names[i];
	return NULL;
}

static void
check_proxy(struct client *c, const char *url)
{
	struct url parts;
	const char *name = proxy_variable(c, url);
	const char *except = variable(c, "NO_PROXY");
	if (except == NULL)
		except = variable(c, "no_proxy");
	if (name == NULL || !text_read_url(url, &parts) ||
	    diagnose_no_proxy(except == NULL ? "" : except, parts.host))
		return;
	report_add(&c->d->report, SEVERITY_WARNING, "claude-proxy",
		   "%s is set, and NO_PROXY does not except %s: Claude Code sends its requests "
		   "through the proxy",
		   name, doctor_shown(parts.host).text);
	report_cure(&c->d->report, "export NO_PROXY=%s%s%s", doctor_shown(parts.host).text,
		    except == NULL ? "" : ",", except == NULL ? "" : doctor_shown(except).text);
}

/* --- The check -------------------------------------------------------- */

void
doctor_check_claude_code(struct doctor *d)
{
	struct client c = {.d = d};
	read_settings(&c);
	const char *url = variable(&c, "ANTHROPIC_BASE_URL");
	check_api_url(&c);
	if (url == NULL) {
		report_missing(&c);
	} else {
		check_base_url(&c, url);
		check_proxy(&c, url);
		if (wants_login(d))
			check_own_keys(&c);
	}
	if (url != NULL || c.is_used)
		check_other_apis(&c);
	json_object_put(c.settings);
}
