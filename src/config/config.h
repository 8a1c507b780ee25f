/* SPDX-License-Identifier: MIT */
/* claude-router.conf: what the operator decided.
 *
 * A struct config is built by config_load() and never changed afterwards. It has any number of
 * owners, by config_load() or config_share(), and everything in it lives until the last of them
 * frees it: a changed file makes a new one, while what began under the old one ends under it
 * (app.h). Contract: BEHAVIOUR.md 11. One thread at a time. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/caps.h"
#include "base/network.h"
#include "config/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dialect;

enum credential_use { CREDENTIAL_CLIENT, CREDENTIAL_STORED, CREDENTIAL_ANY };
enum balance { BALANCE_STICKY, BALANCE_ORDER, BALANCE_SPREAD };
enum access { ACCESS_OPEN, ACCESS_KEYS };
enum cache { CACHE_OFF, CACHE_EXPLICIT };
/* How machines share a cap: each has its Nth part, or takes of the whole what it needs. */
enum share_caps { SHARE_CAPS_SPLIT, SHARE_CAPS_CLOSED };
enum dashboard { DASHBOARD_ADMIN, DASHBOARD_TOKEN, DASHBOARD_OFF };
enum log_format { LOG_LOGFMT, LOG_JSON };

/* One "glob=name|successor" of a provider's models. */
struct model_rule {
	char *glob;
	char *names[MODEL_NAMES_MAX]; /* the current name, then its successors */
	size_t n_names;
	/* Of this rule at this provider: the state file remembers by it which name worked. */
	uint64_t id;
};

/* One "5h=98%" of a provider's leave_at. */
struct leave_at {
	char window[HEALTH_WINDOW_NAME_MAX]; /* as in /v1/status; "*": any other */
	uint32_t permille;
};

struct provider {
	char name[PROVIDER_NAME_MAX];
	uint64_t id; /* digest_name(name) */
	const struct dialect *dialect;
	char *url; /* without a trailing slash; the path begins with /v1/ */
	enum credential_use credential;
	enum balance balance;                      /* of several stored credentials */
	struct model_rule models[MODEL_RULES_MAX]; /* none: the model is sent as requested */
	size_t n_models;
	int64_t cooldown_ms;
	struct leave_at leave_at[LEAVE_AT_MAX];
	size_t n_leave_at;
	bool paid;
	int64_t daily_cap;   /* in nano-dollars, of what is billed to the operator; 0: off */
	int64_t monthly_cap; /* the same */
	bool enabled;
	char *ca_file; /* NULL: the system's */
	char *ca_path; /* NULL: the system's */
	char *proxy;   /* NULL: none; may hold a password: never log it */
	int64_t dns_cache_ms;
	bool allow_plain;
	bool trust_url;
	bool takes_login; /* the client's own credential here is its Claude login, not an API key */
	/* From CLAUDE_API_KEY (claude_api only), overrides tokens.txt; else NULL. */
	char *env_credential;
};

struct config {
	/* Counts the configurations that this process has loaded, from 1: no two share one. */
	uint64_t serial;
	char *path; /* of the file read; NULL: no file, only defaults */
	char *tokens_file;
	char *state_file;
	char *keys_file;
	char *prices_file;
	unsigned max_retries;
	int64_t retry_delay_ms;
	int64_t hold_ms;
	int64_t deadline_ms;        /* to the first content, or to the end of a JSON response */
	int64_t stream_deadline_ms; /* from a stream's first content to its end */
	int64_t connect_timeout_ms;
	int64_t first_byte_timeout_ms;
	int64_t idle_timeout_ms;
	size_t max_request_bytes;
	unsigned max_streams;
	int64_t drain_ms; /* -1: "auto" */
	enum access access;
	bool allow_open;
	struct network *admin_from;
	size_t n_admin_from;
	struct network *trusted_proxies;
	size_t n_trusted_proxies;
	char **hosts;
	size_t n_hosts;
	enum dashboard dashboard;
	bool plan_limits_only;
	bool count_cache;
	enum cache cache; /* of messages */
	char *ledger;     /* "auto", "off" or an absolute path: ledger_path() */
	int64_t ledger_flush_ms;
	int64_t ledger_keep_ms;
	int64_t daily_cap;    /* of all providers together, as in struct provider */
	int64_t monthly_cap;  /* the same */
	char *share;          /* config/share_url.h; "": this machine shares its state with none */
	unsigned share_hosts; /* each holds its part of every cap; 0: not said, so it is one */
	enum share_caps share_caps;
	bool health_check_enabled;
	char *health_check_cron;
	char *health_check_message;
	/* From "a|b": the current name, then its successors. */
	char *health_check_models[MODEL_NAMES_MAX];
	size_t n_health_check_models;
	char *log;     /* "auto", "syslog" or an absolute path */
	int log_level; /* as syslog(3): LOG_ERR … LOG_DEBUG */
	enum log_format log_format;
	char *on_change;                          /* "" : nothing */
	struct provider providers[PROVIDERS_MAX]; /* in the order of preference */
	size_t n_providers;
	unsigned owners; /* by config_load() and config_share() */
};

/* The file to read: path if not NULL, else $CLAUDE_ROUTER_CONFIG if not empty, else SYSCONFDIR
 * "/claude-router/claude-router.conf". *must_exist: whether it was given explicitly (then its
 * absence is an error); the default path in the environment, as our cron entry sets it, does not
 * count. The result lives as long as path and the environment. */
const char *config_path(const char *path, bool *must_exist);

/* Reads the configuration: the defaults, then the file of config_path(), then the environment
 * (MAX_RETRIES, RETRY_DELAY, CLAUDE_API_KEY, ROUTER_TOKENS_FILE, ROUTER_STATE_FILE). NULL when
 * anything is wrong; then errors holds one line for each mistake, in the order of the file, each
 * with file, line and what is allowed: "claude-router.conf:12: max_retries = 99: use a whole number
 * from 0 to 10". An empty variable counts as not set. What looks like a credential is shown as ***
 * in errors.
 *
 * CLAUDE_API_KEY is copied, overwritten with 'x' where the environment holds it
 * (/proc/PID/environ), and unset. The copy stays for the life of the process, so that a reload
 * still knows it; a later load that finds the variable set again takes the new value. */
struct config *config_load(const char *path, struct buf *errors);

/* Adds an owner, who must call config_free() too. Returns config. */
struct config *config_share(struct config *config);

/* Removes an owner; the last one overwrites credentials and frees it. NULL is fine. */
void config_free(struct config *config);

/* Returns the provider of that name; NULL: none. */
const struct provider *config_provider(const struct config *config, const char *name);

/* Returns a provider's name for people: "Claude Pro" for claude_pro. */
const char *config_display_name(const char *name);

/* Returns the provider of a health check that names none: Claude Pro, which takes logins, else the
 * first. */
const struct provider *config_plan_provider(const struct config *config);

/* Returns the use of a quota window, in permille, from which on the provider is spared; 0: never.
 * Pure. */
uint32_t config_leave_at(const struct provider *provider, const char *window);

/* Returns the rule for a requested model; NULL: it is sent as requested. Pure. */
const struct model_rule *config_model_rule(const struct provider *provider, const char *model);

#endif
