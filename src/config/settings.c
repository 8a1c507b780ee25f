/* SPDX-License-Identifier: MIT */
#include "config/settings.h"

#include "base/count.h"
#include "base/digest.h"
#include "base/log.h"
#include "config/config.h"
#include "config/share_url.h"
#include "config/text.h"
#include "dialect/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Kinds of providers and of the health check -------------------------------- */

static enum parse_result
take_dialect(const struct setting *setting, void *target, const char *text)
{
	const struct dialect *dialect = dialect_find(text);
	const struct dialect **place = setting_field(setting, target);
	if (dialect == NULL)
		return PARSE_BAD;
	*place = dialect;
	return PARSE_OK;
}

static void
allowed_dialect(const struct setting *setting, struct buf *out)
{
	(void)setting;
	buf_append_cut(out, "use ");
	dialect_names(out);
}

/* "a|b|c": a model's name and its successors. */
static enum parse_result
take_names(const char *text, char *names[static MODEL_NAMES_MAX], size_t *n)
{
	for (;; text++) {
		size_t length = strcspn(text, "|");
		if (!text_is_word(text, length, "-._:/@+[]", MODEL_NAME_MAX - 1) ||
		    *n == MODEL_NAMES_MAX)
			return PARSE_BAD;
		if (setting_store(&names[*n], text, length) != PARSE_OK)
			return PARSE_NO_MEMORY;
		(*n)++;
		text += length;
		if (*text == '\0')
			return PARSE_OK;
	}
}

static enum parse_result
take_health_check_model(const struct setting *setting, void *target, const char *text)
{
	struct config *config = target;
	(void)setting;
	return take_names(text, config->health_check_models, &config->n_health_check_models);
}

/* A rule is known by the provider's name and its own text, so that the state file forgets what
 * worked when either changes. */
static bool
name_rule(struct model_rule *rule, const char *provider, const char *text)
{
	char *name = NULL;
	if (asprintf(&name, "%s %s", provider, text) == -1)
		return false;
	rule->id = digest_name(name);
	free(name);
	return true;
}

static enum parse_result
take_model_rule(const struct setting *setting, void *target, const char *text)
{
	struct provider *provider = target;
	size_t glob_len = strcspn(text, "=");
	(void)setting;
	if (provider->n_models == MODEL_RULES_MAX || text[glob_len] != '=' ||
	    !text_is_word(text, glob_len, "-._:/@+[]*?!^\\", MODEL_NAME_MAX - 1))
		return PARSE_BAD;
	struct model_rule *rule = &provider->models[provider->n_models++];
	if (!name_rule(rule, provider->name, text) ||
	    setting_store(&rule->glob, text, glob_len) != PARSE_OK)
		return PARSE_NO_MEMORY;
	return take_names(text + glob_len + 1, rule->names, &rule->n_names);
}

/* "5h=98%": a window, and how much of it is used before the next provider is preferred. */
static enum parse_result
take_leave_at(const struct setting *setting, void *target, const char *text)
{
	struct provider *provider = target;
	size_t n = strcspn(text, "=");
	const char *number = text + n + (text[n] == '=');
	uint64_t percent;
	bool is_name =
	    (n == 1 && text[0] == '*') || (text_is_word(text, n, "_", HEALTH_WINDOW_NAME_MAX - 1) &&
					   text[0] >= '0' && text[0] <= '9');
	if (provider->n_leave_at == LEAVE_AT_MAX || !is_name ||
	    !text_read_digits(&number, 3, &percent) || strcmp(number, "%") != 0 ||
	    percent < (uint64_t)setting->min || percent > (uint64_t)setting->max)
		return PARSE_BAD;
	struct leave_at *at = &provider->leave_at[provider->n_leave_at++];
	snprintf(at->window, sizeof at->window, "%.*s", (int)n, text);
	at->permille = (uint32_t)percent * 10;
	return PARSE_OK;
}

/* "": it is allowed. */
static const char *
share_refusal(const char *text)
{
	struct share_url url;
	const char *why = "";
	if (text[0] != '\0')
		share_url_parse(text, &url, &why);
	return why;
}

static bool
is_share(const char *text)
{
	return share_refusal(text)[0] == '\0';
}

/* --- The settings --------------------------------------------------------- */

#define TEXT_OF(number)  TEXT_OF_(number)
#define TEXT_OF_(number) #number
#define SECONDS(n)       (INT64_C(1000) * (n))
#define MINUTES(n)       SECONDS(60 * (n))
#define HOURS(n)         MINUTES(60 * (n))
#define DAYS(n)          HOURS(24 * (n))
#define A_PATH           "use an absolute path"
#define A_SWITCH         "use true or false"
#define A_NETWORK        "use addresses or networks, such as \"10.1.2.3\", \"127.0.0.0/8\", \"::1\""

static const struct choice access_choices[] = {
    {"open", ACCESS_OPEN}, {"keys", ACCESS_KEYS}, {NULL, 0}};
static const struct choice cache_choices[] = {
    {"off", CACHE_OFF}, {"explicit", CACHE_EXPLICIT}, {NULL, 0}};
static const struct choice dashboard_choices[] = {
    {"admin", DASHBOARD_ADMIN}, {"token", DASHBOARD_TOKEN}, {"off", DASHBOARD_OFF}, {NULL, 0}};
static const struct choice level_choices[] = {{"error", LOG_ERR},     {"warning", LOG_WARNING},
					      {"notice", LOG_NOTICE}, {"info", LOG_INFO},
					      {"debug", LOG_DEBUG},   {NULL, 0}};
static const struct choice format_choices[] = {
    {"logfmt", LOG_LOGFMT}, {"json", LOG_JSON}, {NULL, 0}};
const struct choice credential_choices[] = {{"client", CREDENTIAL_CLIENT},
					    {"stored", CREDENTIAL_STORED},
					    {"any", CREDENTIAL_ANY},
					    {NULL, 0}};
static const struct choice balance_choices[] = {
    {"sticky", BALANCE_STICKY}, {"order", BALANCE_ORDER}, {"spread", BALANCE_SPREAD}, {NULL, 0}};

static const struct choice share_caps_choices[] = {
    {"split", SHARE_CAPS_SPLIT}, {"closed", SHARE_CAPS_CLOSED}, {NULL, 0}};

/* In the order of claude-router.conf(5). */
#define AT(member) .offset = offsetof(struct config, member)
#define A_TIME(member, from, to)                                                                   \
	.parse = setting_parse_time, .allowed = setting_allowed_time, AT(member), .min = (from),   \
	.max = (to)
#define A_CAP(member)                                                                              \
	.parse = setting_parse_cap, AT(member),                                                    \
	.allowed_text = "use off, or dollars from 0.01 to 100000, such as \"5\" or \"2.50\""

static const struct setting in_root[] = {
    {"tokens_file", SYSCONFDIR "/claude-router/tokens.txt", setting_parse_text, AT(tokens_file),
     .check = text_is_path, .allowed_text = A_PATH, .variable = "ROUTER_TOKENS_FILE"},
    {"state_file", LOCALSTATEDIR "/lib/claude-router/state", setting_parse_text, AT(state_file),
     .check = text_is_path, .allowed_text = A_PATH, .variable = "ROUTER_STATE_FILE"},
    {"prices_file", SYSCONFDIR "/claude-router/prices", setting_parse_text, AT(prices_file),
     .check = text_is_path, .allowed_text = A_PATH},
    {"max_retries", "3", setting_parse_whole, AT(max_retries), .min = 0, .max = 10,
     .allowed = setting_allowed_whole, .variable = "MAX_RETRIES"},
    {"retry_delay", "1.0", A_TIME(retry_delay_ms, 0, SECONDS(60)), .variable = "RETRY_DELAY"},
    {"hold", "20", A_TIME(hold_ms, 0, MINUTES(10))},
    {"deadline", "15m", A_TIME(deadline_ms, SECONDS(1), HOURS(2))},
    {"stream_deadline", "60m", A_TIME(stream_deadline_ms, SECONDS(1), HOURS(24))},
    {"connect_timeout", "10", A_TIME(connect_timeout_ms, SECONDS(1), MINUTES(5))},
    {"first_byte_timeout", "5m", A_TIME(first_byte_timeout_ms, SECONDS(1), HOURS(1))},
    {"idle_timeout", "290", A_TIME(idle_timeout_ms, SECONDS(1), HOURS(1))},
    {"max_request_bytes", "32M", setting_parse_size, AT(max_request_bytes), .min = 1 << 10,
     .max = 1 << 30, .allowed = setting_allowed_size},
    {"max_streams", "2000", setting_parse_whole, AT(max_streams), .min = 1, .max = 100000,
     .allowed = setting_allowed_whole},
    {"drain", "auto", setting_parse_drain, AT(drain_ms), .min = 0, .max = HOURS(1),
     .allowed_text = "use auto, or a time from 0 to 1h, such as 30 (seconds) or \"10m\""},
    {"access", "open", setting_parse_choice, AT(access), .choices = access_choices,
     .allowed = setting_allowed_choice},
    {"keys_file", SYSCONFDIR "/claude-router/keys", setting_parse_text, AT(keys_file),
     .check = text_is_path, .allowed_text = A_PATH},
    {"allow_open", "false", setting_parse_switch, AT(allow_open), .allowed_text = A_SWITCH},
    {"admin_from", "127.0.0.0/8 ::1", setting_parse_network, AT(admin_from),
     .count_offset = offsetof(struct config, n_admin_from), .list = true,
     .allowed_text = A_NETWORK},
    {"trusted_proxies", "", setting_parse_network, AT(trusted_proxies),
     .count_offset = offsetof(struct config, n_trusted_proxies), .list = true,
     .allowed_text = A_NETWORK},
    {"hosts", "", setting_parse_host, AT(hosts), .count_offset = offsetof(struct config, n_hosts),
     .list = true, .allowed_text = "use names without a port, such as \"router.example\""},
    {"dashboard", "admin", setting_parse_choice, AT(dashboard), .choices = dashboard_choices,
     .allowed = setting_allowed_choice},
    {"plan_limits_only", "false", setting_parse_switch, AT(plan_limits_only),
     .allowed_text = A_SWITCH},

    {"count_cache", "true", setting_parse_switch, AT(count_cache), .allowed_text = A_SWITCH},
    {"cache", "off", setting_parse_choice, AT(cache), .choices = cache_choices,
     .allowed_text = "use off or explicit"},

    {"ledger", "auto", setting_parse_text, AT(ledger), .check = text_is_ledger,
     .allowed_text = "use auto, off or an absolute path"},
    {"ledger_flush", "5", A_TIME(ledger_flush_ms, SECONDS(1), MINUTES(5))},
    {"ledger_keep", "90d", setting_parse_time, AT(ledger_keep_ms), .min = DAYS(1),
     .max = DAYS(3650), .allowed_text = "use a time from 1d to 3650d, such as \"90d\""},

    {"daily_cap", "off", A_CAP(daily_cap)},
    {"monthly_cap", "off", A_CAP(monthly_cap)},

    {"share", "", setting_parse_text, AT(share), .check = is_share, .refusal = share_refusal},
    {"share_hosts", "0", setting_parse_whole, AT(share_hosts), .min = 0, .max = SHARE_HOSTS_MAX,
     .allowed = setting_allowed_whole},
    {"share_caps", "split", setting_parse_choice, AT(share_caps), .choices = share_caps_choices,
     .allowed_text = "use split or closed"},

    {"health_check_enabled", "true", setting_parse_switch, AT(health_check_enabled),
     .allowed_text = A_SWITCH},
    {"health_check_cron", "0-4 * * * *", setting_parse_text, AT(health_check_cron),
     .check = text_is_cron,
     .allowed_text = "use the five time fields of a crontab entry, such as \"0-4 * * * *\""},
    {"health_check_message", "ping", setting_parse_text, AT(health_check_message),
     .check = text_is_message, .allowed_text = "use one line of 1 to 1000 bytes in UTF-8"},
    {"health_check_model", "claude-haiku-5-5|claude-haiku-4-5", take_health_check_model,
     .allowed_text =
	 "use a model's name, or \"name|successor\" (at most " TEXT_OF(MODEL_NAMES_MAX) " names)"},

    {"log", "auto", setting_parse_text, AT(log), .check = text_is_log,
     .allowed_text = "use auto, syslog or an absolute path"},
    {"log_level", "info", setting_parse_choice, AT(log_level), .choices = level_choices,
     .allowed = setting_allowed_choice},
    {"log_format", "logfmt", setting_parse_choice, AT(log_format), .choices = format_choices,
     .allowed = setting_allowed_choice},
    {"on_change", "", setting_parse_text, AT(on_change), .check = text_is_on_change,
     .allowed_text = "use an absolute path with arguments, or an http(s) URL"},
};

#undef AT
#define AT(member) .offset = offsetof(struct provider, member)

static const struct setting in_provider[] = {
    {"dialect", NULL, take_dialect, AT(dialect), .allowed = allowed_dialect, .required = true},
    {"url", NULL, setting_parse_url, AT(url), .required = true,
     .allowed_text =
	 "use https://HOST[:PORT][/PATH], without user, query, fragment or an API's path: "
	 "/v1/messages or /v1/chat/completions"},
    {"credential", "stored", setting_parse_choice, AT(credential), .choices = credential_choices,
     .allowed = setting_allowed_choice},
    {"balance", "sticky", setting_parse_choice, AT(balance), .choices = balance_choices,
     .allowed = setting_allowed_choice},
    {"models", "", take_model_rule, .list = true,
     .allowed_text = "use \"glob=name\" or \"glob=name|successor\" (at most " TEXT_OF(
	 MODEL_RULES_MAX) " rules of " TEXT_OF(MODEL_NAMES_MAX) " names)"},
    {"cooldown", "5m", A_TIME(cooldown_ms, SECONDS(1), HOURS(24))},
    {"leave_at", "", take_leave_at, .list = true, .min = 50, .max = 100,
     .allowed_text = "use \"window=percent\" from 50% to 100%, such as \"5h=98%\", \"7d=95%\" or "
		     "\"*=90%\" (at most " TEXT_OF(LEAVE_AT_MAX) " windows)"},
    {"paid", "false", setting_parse_switch, AT(paid), .allowed_text = A_SWITCH},
    {"daily_cap", "off", A_CAP(daily_cap)},
    {"monthly_cap", "off", A_CAP(monthly_cap)},
    {"enabled", "true", setting_parse_switch, AT(enabled), .allowed_text = A_SWITCH},
    {"ca_file", NULL, setting_parse_optional, AT(ca_file), .check = text_is_path,
     .allowed_text = A_PATH},
    {"ca_path", NULL, setting_parse_optional, AT(ca_path), .check = text_is_path,
     .allowed_text = A_PATH},
    {"proxy", NULL, setting_parse_optional, AT(proxy), .check = text_is_proxy,
     .allowed_text = "use SCHEME://HOST[:PORT], where SCHEME is http, https, socks4, socks4a, "
		     "socks5 or socks5h"},
    {"dns_cache", "60", A_TIME(dns_cache_ms, 0, HOURS(24))},
    {"allow_plain", "false", setting_parse_switch, AT(allow_plain), .allowed_text = A_SWITCH},
    {"trust_url", "false", setting_parse_switch, AT(trust_url), .allowed_text = A_SWITCH},
};

const struct settings_table root_settings = {in_root, COUNT(in_root)};
const struct settings_table provider_settings = {in_provider, COUNT(in_provider)};

/* --- The known providers -------------------------------------------------- */

const struct known_provider known_providers[] = {
    {.name = "claude_pro",
     .takes_login = true,
     .initial =
	 {
	     {"dialect", "anthropic"},
	     {"url", "https://api.anthropic.com"},
	     {"credential", "any"},
	 }},
    {.name = "deepseek",
     .initial =
	 {
	     {"dialect", "deepseek"},
	     {"url", "https://api.deepseek.com/anthropic"},
	     {"models", "claude-opus-*=deepseek-v4-pro|deepseek-reasoner "
			"*=deepseek-flash|deepseek-reasoner"},
	     {"paid", "true"},
	 }},
    {.name = "kimi",
     .initial =
	 {
	     {"dialect", "kimi"},
	     {"url", "https://api.moonshot.ai/anthropic"},
	     {"models", "*=kimi-k3.1-pro|kimi-k3|kimi-k2"},
	     {"paid", "true"},
	 }},
    {.name = "openai",
     .initial =
	 {
	     {"dialect", "openai-responses"},
	     {"url", "https://api.openai.com"},
	     {"models", "claude-haiku-*=gpt-6-luna|gpt-6-sol "
			"claude-opus-*=gpt-6.1-sol|gpt-6-sol "
			"*=gpt-6-sol|gpt-6.1-sol"},
	     {"paid", "true"},
	 }},
    {.name = "claude_api",
     .takes_api_key = true,
     .initial =
	 {
	     {"dialect", "anthropic"},
	     {"url", "https://api.anthropic.com"},
	     {"credential", "any"},
	     {"paid", "true"},
	 }},
};

const size_t n_known_providers = COUNT(known_providers);

const struct known_provider *
known_provider(const char *name)
{
	for (size_t i = 0; name != NULL && i < COUNT(known_providers); i++)
		if (strcmp(known_providers[i].name, name) == 0)
			return &known_providers[i];
	return NULL;
}

const char *
initial_text(const struct setting *setting, const struct known_provider *known)
{
	for (size_t i = 0; known != NULL && i < COUNT(known->initial); i++) {
		const char *name = known->initial[i].setting;
		if (name != NULL && strcmp(name, setting->name) == 0)
			return known->initial[i].text;
	}
	return setting->initial;
}
