/* SPDX-License-Identifier: MIT */
/* Configurations, good and bad: what is read from each, or which errors. */
#include "base/digest.h"
#include "config/config.h"
#include "dialect/dialect.h"
#include "tap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#define DEFAULTS "no file at all" /* instead of a text */

static char dir[] = "/tmp/test_config.XXXXXX";
static char file[sizeof dir + sizeof("/claude-router.conf")];

/* --- What a configuration holds, as text ---------------------------------- */

static void put(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
put(struct buf *out, const char *format, ...)
{
	char text[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!buf_puts(out, text))
		abort();
}

static void
put_networks(struct buf *out, const char *name, const struct network *networks, size_t n)
{
	put(out, "%s=", name);
	for (size_t i = 0; i < n; i++)
		put(out, "%u.%u.%u.%u/%u,", networks[i].address[12], networks[i].address[13],
		    networks[i].address[14], networks[i].address[15], networks[i].bits);
	put(out, "\n");
}

static void
put_names(struct buf *out, const char *name, char *const *names, size_t n)
{
	put(out, "%s=", name);
	for (size_t i = 0; i < n; i++)
		put(out, "%s%s", i == 0 ? "" : "|", names[i]);
	put(out, "\n");
}

static const char *
text_or(const char *text)
{
	return text == NULL ? "NULL" : text;
}

static void
put_provider(struct buf *out, const struct provider *p)
{
	put(out, "[%s]\n", p->name);
	put(out, "dialect=%s\nurl=%s\ncredential=%d\n", p->dialect->name, p->url,
	    (int)p->credential);
	if (p->balance != BALANCE_STICKY)
		put(out, "balance=%d\n", (int)p->balance);
	for (size_t i = 0; i < p->n_models; i++)
		put_names(out, p->models[i].glob, p->models[i].names, p->models[i].n_names);
	for (size_t i = 0; i < p->n_leave_at; i++)
		put(out, "leave %s at %u\n", p->leave_at[i].window, p->leave_at[i].permille);
	put(out, "cooldown=%" PRId64 "\npaid=%d\nenabled=%d\n", p->cooldown_ms, p->paid,
	    p->enabled);
	if (p->daily_cap != 0 || p->monthly_cap != 0)
		put(out, "caps=%" PRId64 " %" PRId64 "\n", p->daily_cap, p->monthly_cap);
	put(out, "ca_file=%s\nca_path=%s\nproxy=%s\n", text_or(p->ca_file), text_or(p->ca_path),
	    text_or(p->proxy));
	put(out, "dns_cache=%" PRId64 "\nallow_plain=%d\ntrust_url=%d\nenv=%s\n", p->dns_cache_ms,
	    p->allow_plain, p->trust_url, text_or(p->env_credential));
	if (p->takes_login)
		put(out, "a login\n");
}

static void
put_config(struct buf *out, const struct config *c)
{
	put(out, "tokens_file=%s\nstate_file=%s\nkeys_file=%s\nprices_file=%s\n", c->tokens_file,
	    c->state_file, c->keys_file, c->prices_file);
	put(out, "max_retries=%u\nretry_delay=%" PRId64 "\nhold=%" PRId64 "\n", c->max_retries,
	    c->retry_delay_ms, c->hold_ms);
	put(out, "deadline=%" PRId64 "\nstream_deadline=%" PRId64 "\n", c->deadline_ms,
	    c->stream_deadline_ms);
	put(out, "connect=%" PRId64 "\nfirst_byte=%" PRId64 "\n", c->connect_timeout_ms,
	    c->first_byte_timeout_ms);
	put(out, "idle=%" PRId64 "\nbytes=%zu\nstreams=%u\ndrain=%" PRId64 "\n", c->idle_timeout_ms,
	    c->max_request_bytes, c->max_streams, c->drain_ms);
	put(out, "access=%d\nallow_open=%d\nplan_only=%d\ncount_cache=%d\ncache=%d\n",
	    (int)c->access, c->allow_open, c->plan_limits_only, c->count_cache, (int)c->cache);
	put(out, "dashboard=%d\n", (int)c->dashboard);
	put_networks(out, "admin_from", c->admin_from, c->n_admin_from);
	put_networks(out, "trusted", c->trusted_proxies, c->n_trusted_proxies);
	put_names(out, "hosts", c->hosts, c->n_hosts);
	put(out, "ledger=%s\nflush=%" PRId64 "\nkeep=%" PRId64 "\n", c->ledger, c->ledger_flush_ms,
	    c->ledger_keep_ms);
	put(out, "caps=%" PRId64 " %" PRId64 "\n", c->daily_cap, c->monthly_cap);
	put(out, "share=%s hosts=%u%s\n", c->share, c->share_hosts,
	    c->share_caps == SHARE_CAPS_CLOSED ? " closed" : "");
	put(out, "check=%d\ncron=%s\nmessage=%s\n", c->health_check_enabled, c->health_check_cron,
	    c->health_check_message);
	put_names(out, "check_model", c->health_check_models, c->n_health_check_models);
	put(out, "log=%s\nlevel=%d\nformat=%d\non_change=%s\n", c->log, c->log_level,
	    (int)c->log_format, c->on_change);
	for (size_t i = 0; i < c->n_providers; i++)
		put_provider(out, &c->providers[i]);
}

/* --- Loading, while watching standard output and error --------------------- */

static void
write_file(const char *path, const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, bytes, n) != (ssize_t)n || close(fd) == -1)
		abort();
}

/* Loads; *noise becomes the bytes that reached standard output and error. */
static struct config *
load(const char *path, struct buf *errors, off_t *noise)
{
	char watched[sizeof dir + sizeof("/noise")];
	snprintf(watched, sizeof watched, "%s/noise", dir);
	fflush(NULL);
	int out = dup(1), err = dup(2);
	int fd = open(watched, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
	struct config *config = config_load(path, errors);
	fflush(NULL);
	*noise = lseek(fd, 0, SEEK_END);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	close(fd);
	return config;
}

/* Loads a text; the dump of what it means, or the errors. */
static bool
load_text(const char *text, struct buf *result, off_t *noise)
{
	bool none = strcmp(text, DEFAULTS) == 0;
	if (none)
		unlink(file);
	else
		write_file(file, text, strlen(text));
	setenv("CLAUDE_ROUTER_CONFIG", file, 1);
	if (none)
		unsetenv("CLAUDE_ROUTER_CONFIG");
	struct config *config = load(NULL, result, noise);
	if (config != NULL)
		put_config(result, config);
	config_free(config);
	return config != NULL;
}

/* --- Good configurations --------------------------------------------------- */

struct good {
	int line;
	const char *name;
	const char *text;
	const char *holds; /* lines of the dump, one after the other */
};

static const struct good good[] = {
    {__LINE__, "defaults: files", DEFAULTS,
     "tokens_file=" SYSCONFDIR "/claude-router/tokens.txt\nstate_file=" LOCALSTATEDIR
     "/lib/claude-router/state\nkeys_file=" SYSCONFDIR
     "/claude-router/keys\nprices_file=" SYSCONFDIR "/claude-router/prices\n"},
    {__LINE__, "defaults: retries and times", DEFAULTS,
     "max_retries=3\nretry_delay=1000\nhold=20000\ndeadline=900000\n"
     "stream_deadline=3600000\nconnect=10000\nfirst_byte=300000\nidle=290000\nbytes="
     "33554432\nstreams=2000\ndrain=-1\n"},
    {__LINE__, "defaults: access", DEFAULTS,
     "access=0\nallow_open=0\nplan_only=0\ncount_cache=1\ncache=0\ndashboard=0\n"
     "admin_from=127.0.0.0/104,0.0.0.1/"
     "128,\ntrusted=\n"
     "hosts=\n"},
    {__LINE__, "defaults: ledger", DEFAULTS, "ledger=auto\nflush=5000\nkeep=7776000000\n"},
    {__LINE__, "defaults: check", DEFAULTS,
     "check=1\ncron=0-4 * * * *\nmessage=ping\ncheck_model=claude-haiku-5-5|claude-haiku-4-5\n"},
    {__LINE__, "defaults: log", DEFAULTS, "log=auto\nlevel=6\nformat=0\non_change=\n"},
    {__LINE__, "defaults: claude_pro is first", DEFAULTS,
     "on_change=\n[claude_pro]\ndialect=anthropic\nurl=https://api.anthropic.com\ncredential=2\n"
     "cooldown=300000\npaid=0\nenabled=1\nca_file=NULL\nca_path=NULL\nproxy=NULL\n"
     "dns_cache=60000\nallow_plain=0\ntrust_url=0\nenv=NULL\na login\n[deepseek]\n"},
    {__LINE__, "defaults: deepseek", DEFAULTS,
     "[deepseek]\ndialect=deepseek\nurl=https://api.deepseek.com/anthropic\ncredential=1\n"
     "claude-opus-*=deepseek-v4-pro|deepseek-reasoner\n*=deepseek-flash|deepseek-reasoner\n"
     "cooldown=300000\npaid=1\nenabled=1\n"},
    {__LINE__, "defaults: kimi", DEFAULTS,
     "env=NULL\n[kimi]\ndialect=kimi\nurl=https://api.moonshot.ai/anthropic\ncredential=1\n"
     "*=kimi-k3.1-pro|kimi-k3|kimi-k2\ncooldown=300000\npaid=1\n"},
    {__LINE__, "defaults: claude_api is last", DEFAULTS,
     "env=NULL\n[claude_api]\ndialect=anthropic\nurl=https://api.anthropic.com\ncredential=2\n"
     "cooldown=300000\npaid=1\nenabled=1\nca_file=NULL\nca_path=NULL\nproxy=NULL\n"
     "dns_cache=60000\nallow_plain=0\ntrust_url=0\nenv=NULL\n"},
    {__LINE__, "empty file", "", "max_retries=3\n"},
    {__LINE__, "only comments", "# a\n// b\n/* c\n */\n", "[claude_pro]\n"},
    {__LINE__, "byte order mark and CR", "\xef\xbb\xbfhold = 5\r\nmax_retries = 2\r\n",
     "max_retries=2\nretry_delay=1000\nhold=5000\n"},
    {__LINE__, "plain seconds", "hold = 7\n", "hold=7000\n"},
    {__LINE__, "fraction of a second", "retry_delay = 1.5\n", "retry_delay=1500\n"},
    {__LINE__, "fraction of a minute", "hold = 1.5m\n", "hold=90000\n"},
    {__LINE__, "milliseconds", "retry_delay = \"500ms\"\n", "retry_delay=500\n"},
    {__LINE__, "more digits than milliseconds", "retry_delay = 0.1239\n", "retry_delay=123\n"},
    {__LINE__, "seconds with a unit", "hold = 90s\n", "hold=90000\n"},
    {__LINE__, "minutes", "hold = \"10m\"\n", "hold=600000\n"},
    {__LINE__, "hours", "deadline = 2h\n", "deadline=7200000\n"},
    {__LINE__, "a day", "stream_deadline = 24h\n", "stream_deadline=86400000\n"},
    {__LINE__, "zero time", "hold = 0\nretry_delay = \"0s\"\n", "retry_delay=0\nhold=0\n"},
    {__LINE__, "size in bytes", "max_request_bytes = 1024\n", "bytes=1024\n"},
    {__LINE__, "size with K", "max_request_bytes = 64K\n", "bytes=65536\n"},
    {__LINE__, "size with m", "max_request_bytes = '1m'\n", "bytes=1048576\n"},
    {__LINE__, "largest size", "max_request_bytes = 1G\n", "bytes=1073741824\n"},
    {__LINE__, "bounds of whole numbers", "max_retries = 0\nmax_streams = 100000\n",
     "max_retries=0\n"},
    {__LINE__, "drain auto", "drain = auto\n", "drain=-1\n"},
    {__LINE__, "drain none", "drain = 0\n", "drain=0\n"},
    {__LINE__, "drain time", "drain = \"10m\"\n", "drain=600000\n"},
    {__LINE__, "who gets the page", "dashboard = token", "dashboard=1\n"},
    {__LINE__, "no page", "dashboard = \"off\"", "dashboard=2\n"},
    {__LINE__, "words for true", "allow_open = yes\nplan_limits_only = on\n",
     "allow_open=1\nplan_only=1\n"},
    {__LINE__, "words for false", "health_check_enabled = off\n", "check=0\n"},
    {__LINE__, "no cache of counts", "count_cache = false\n", "count_cache=0\n"},
    {__LINE__, "a cache of messages", "cache = explicit\n", "cache=1\n"},
    {__LINE__, "prices", "prices_file = /p\n", "prices_file=/p\n"},
    {__LINE__, "access keys", "access = keys\nkeys_file = /k\n", "keys_file=/k\n"},
    {__LINE__, "networks", "admin_from = { \"10.0.0.0/8\", \"192.168.1.7\" }\n",
     "admin_from=10.0.0.0/104,192.168.1.7/128,\n"},
    {__LINE__, "a list without braces", "admin_from = 10.1.2.3\n", "admin_from=10.1.2.3/128,\n"},
    {__LINE__, "an empty list replaces the default", "admin_from = { }\n", "admin_from=\n"},
    {__LINE__, "a list over lines with comments",
     "hosts = { \"a.example\", # one\n /* two */ \"b\" // three\n }\n", "hosts=a.example|b\n"},
    {__LINE__, "the same option in two sections",
     "provider kimi { paid = true }\nprovider deepseek { paid = false }\n",
     "[deepseek]\ndialect=deepseek\n"},
    {__LINE__, "a ledger elsewhere", "ledger = /var/u.db\nledger_flush = 1\nledger_keep = 3650d\n",
     "ledger=/var/u.db\nflush=1000\nkeep=315360000000\n"},
    {__LINE__, "no ledger", "ledger = off\n", "ledger=off\n"},
    {__LINE__, "defaults: no cap", DEFAULTS, "caps=0 0\n"},
    {__LINE__, "caps of all", "daily_cap = 0.01\nmonthly_cap = 100000\n",
     "caps=10000000 100000000000000\n"},
    {__LINE__, "no caps of all", "daily_cap = off\nmonthly_cap = \"off\"\n", "caps=0 0\n"},
    {__LINE__, "caps of a provider", "provider kimi { daily_cap = 2.5 monthly_cap = \"20.00\" }\n",
     "paid=1\nenabled=1\ncaps=2500000000 20000000000\n"},
    {__LINE__, "zeros after the cents", "daily_cap = 1.2500\n", "caps=1250000000 0\n"},
    {__LINE__, "defaults: nothing is shared", DEFAULTS, "share= hosts=0\n"},
    {__LINE__, "a server", "share = \"valkey://router@cache.example/1?prefix=x\"\n",
     "share=valkey://router@cache.example/1?prefix=x hosts=0\n"},
    {__LINE__, "a server, a cap and its machines",
     "share = \"valkey://h\"\nshare_hosts = 1000\ndaily_cap = 5\n",
     "caps=5000000000 0\nshare=valkey://h hosts=1000\n"},
    {__LINE__, "a server, a cap and no fixed parts",
     "share = \"valkey://h\"\nshare_caps = closed\ndaily_cap = 5\n",
     "caps=5000000000 0\nshare=valkey://h hosts=0 closed\n"},
    {__LINE__, "fixed parts, as by default",
     "share = \"valkey://h\"\nshare_caps = split\nshare_hosts = 2\ndaily_cap = 5\n",
     "caps=5000000000 0\nshare=valkey://h hosts=2\n"},
    {__LINE__, "machines without a server", "share_hosts = 2\n", "share= hosts=2\n"},
    {__LINE__, "cron of names", "health_check_cron = \"*/5 8-18 * JAN-jun mon,tue\"\n",
     "cron=*/5 8-18 * JAN-jun mon,tue\n"},
    {__LINE__, "one check model", "health_check_model = claude-haiku-9\n",
     "check_model=claude-haiku-9\n"},
    {__LINE__, "log file and level", "log = /var/log/r.log\nlog_level = debug\nlog_format = json\n",
     "log=/var/log/r.log\nlevel=7\nformat=1\n"},
    {__LINE__, "on_change program", "on_change = \"/usr/bin/notify --now 'x'\"\n",
     "on_change=/usr/bin/notify --now 'x'\n"},
    {__LINE__, "on_change URL", "on_change = \"http://10.0.0.1:8080/x?y=z\"\n",
     "on_change=http://10.0.0.1:8080/x?y=z\n"},
    {__LINE__, "comment signs in strings and words",
     "on_change = \"https://x.example/#a\" # no\nlog = /var/log//x\n",
     "log=/var/log//x\nlevel=6\nformat=0\non_change=https://x.example/#a\n"},
    {__LINE__, "escaped quote in a string", "health_check_message = \"a \\\"b\\\" # c\"\n",
     "message=a \"b\" # c\n"},
    {__LINE__, "environment in a string", "tokens_file = \"/x${T_NAME}y\"\n",
     "tokens_file=/x/from/env/y\n"},
    {__LINE__, "environment without quotes", "log = ${T_LOG}\nhold = 3\n", "log=syslog\n"},
    {__LINE__, "environment with a default", "tokens_file = \"${T_NONE:-/it's}\"\n",
     "tokens_file=/it's\n"},
    {__LINE__, "no environment between single quotes", "tokens_file = '/a${b' # }\nhold = 2\n",
     "tokens_file=/a${b\n"},
    {__LINE__, "only the providers that are named, in their order",
     "provider kimi { }\nprovider claude_pro { }\n",
     "on_change=\n[kimi]\ndialect=kimi\nurl=https://api.moonshot.ai/anthropic\ncredential=1\n"
     "*=kimi-k3.1-pro|kimi-k3|kimi-k2\ncooldown=300000\npaid=1\nenabled=1\nca_file=NULL\nca_path="
     "NULL\n"
     "proxy=NULL\ndns_cache=60000\nallow_plain=0\ntrust_url=0\nenv=NULL\n[claude_pro]\n"},
    {__LINE__, "a section replaces only what it says",
     "provider deepseek { cooldown = 1h paid = false }\n",
     "url=https://api.deepseek.com/anthropic\ncredential=1\n"
     "claude-opus-*=deepseek-v4-pro|deepseek-reasoner\n*=deepseek-flash|deepseek-reasoner\n"
     "cooldown=3600000\npaid=0\n"},
    {__LINE__, "models replaced by none", "provider deepseek { models = { } }\n",
     "credential=1\ncooldown=300000\n"},
    {__LINE__, "models replaced", "provider kimi { models = { \"a*=b|c\", \"*=d\" } }\n",
     "credential=1\na*=b|c\n*=d\ncooldown"},
    {__LINE__, "leave_at",
     "provider claude_pro { leave_at = { \"5h=98%\", \"7d_opus=50%\", \"*=100%\" } }\n",
     "credential=2\nleave 5h at 980\nleave 7d_opus at 500\nleave * at 1000\ncooldown"},
    {__LINE__, "leave_at of nothing", "provider claude_pro { leave_at = { } }\n",
     "credential=2\ncooldown"},
    {__LINE__, "a provider of another name",
     "provider backup { dialect = anthropic url = \"https://gw.example:8443/claude/\" }\n",
     "[backup]\ndialect=anthropic\nurl=https://gw.example:8443/claude\ncredential=1\n"
     "cooldown=300000\npaid=0\nenabled=1\n"},
    {__LINE__, "several slashes at a URL's end",
     "provider claude_pro { url = \"https://api.anthropic.com/v1///\" }\n",
     "url=https://api.anthropic.com\n"},
    {__LINE__, "scheme and host in capitals",
     "provider claude_pro { url = \"HTTPS://API.Anthropic.COM\" }\n",
     "url=HTTPS://API.Anthropic.COM\n"},
    {__LINE__, "a client's credential to this machine",
     "provider claude_pro { url = \"http://127.0.0.1:9001\" credential = client }\n",
     "url=http://127.0.0.1:9001\ncredential=0\n"},
    {__LINE__, "plain http to ::1", "provider claude_pro { url = \"http://[::1]:9001/x\" }\n",
     "url=http://[::1]:9001/x\n"},
    {__LINE__, "plain http to localhost", "provider kimi { url = \"http://localhost\" }\n",
     "url=http://localhost\n"},
    {__LINE__, "plain http anywhere when allowed",
     "provider kimi { url = \"http://sim.example\" allow_plain = true }\n",
     "url=http://sim.example\n"},
    {__LINE__, "a client's credential elsewhere when trusted",
     "provider claude_pro { url = \"https://gw.example\" trust_url = true }\n",
     "url=https://gw.example\ncredential=2\n"},
    {__LINE__, "several keys in order", "provider kimi { balance = \"order\" }\n",
     "credential=1\nbalance=1\n"},
    {__LINE__, "spread", "provider kimi { balance = spread }\n", "credential=1\nbalance=2\n"},
    {__LINE__, "elsewhere with a stored credential",
     "provider claude_pro { url = \"https://gw.example\" credential = stored }\n",
     "url=https://gw.example\ncredential=1\n"},
    {__LINE__, "certificates and proxy",
     "provider kimi { ca_file = /ca.pem ca_path = \"/ca\" proxy = \"socks5h://u:p@px:1080\" "
     "dns_cache = 0 enabled = false }\n",
     "enabled=0\nca_file=/ca.pem\nca_path=/ca\nproxy=socks5h://u:p@px:1080\ndns_cache=0\n"},
    {__LINE__, "empty means none",
     "provider kimi { ca_file = \"\" ca_path = '' proxy = \"${T_NONE}\" }\n",
     "ca_file=NULL\nca_path=NULL\nproxy=NULL\n"},
};

static void
check_good(const struct good *row)
{
	struct buf result;
	off_t noise;
	buf_init(&result, 1 << 20);
	bool loaded = load_text(row->text, &result, &noise);
	bool right = row->holds == NULL || strstr(buf_text(&result), row->holds) != NULL;
	TAP_ROW_AT(row->line, row->name, loaded && right && noise == 0,
		   "expected to hold\n%s\ngot%s, with %jd bytes on stdout or stderr\n%s",
		   row->holds == NULL ? "anything" : row->holds, loaded ? "" : " errors",
		   (intmax_t)noise, buf_text(&result));
	buf_free(&result);
}

/* --- Bad ones ---------------------------------------------------------------- */

struct bad {
	int line;
	const char *name;
	const char *text;
	const char *says[4]; /* all of these, in this order */
	const char *never;   /* a secret; else NULL */
};

static const struct bad bad[] = {
    {__LINE__,
     "number too large",
     "\nmax_retries = 99\n",
     {"claude-router.conf:2: max_retries = 99: use a whole number from 0 to 10\n"},
     NULL},
    {__LINE__, "number with a fraction", "max_retries = 1.5\n", {":1: max_retries = 1.5: "}, NULL},
    {__LINE__, "negative number", "max_retries = -1\n", {"max_retries = -1: "}, NULL},
    {__LINE__, "no number", "max_streams = many\n", {"from 1 to 100000"}, NULL},
    {__LINE__, "no streams", "max_streams = 0\n", {"max_streams = 0"}, NULL},
    {__LINE__,
     "number beyond any",
     "max_streams = 99999999999999999999999\n",
     {"max_streams = 9999"},
     NULL},
    {__LINE__, "empty number", "max_streams = \"\"\n", {"max_streams = : use"}, NULL},
    {__LINE__, "hexadecimal", "max_retries = 0x3\n", {"max_retries = 0x3"}, NULL},
    {__LINE__,
     "time too long",
     "hold = 11m\n",
     {":1: hold = 11m: use a time from 0 to 10m: seconds (1.5), or \"500ms\""},
     NULL},
    {__LINE__, "time too short", "deadline = 0.5\n", {"use a time from 1s to 2h"}, NULL},
    {__LINE__, "time too long", "stream_deadline = 25h\n", {"use a time from 1s to 24h"}, NULL},
    {__LINE__, "time of one point", "hold = 1.\n", {"hold = 1.: "}, NULL},
    {__LINE__, "time without number", "hold = s\n", {"hold = s: "}, NULL},
    {__LINE__, "time in months", "hold = 1M\n", {"hold = 1M: "}, NULL},
    {__LINE__, "time beyond any", "hold = 123456789h\n", {"hold = 123456789h: "}, NULL},
    {__LINE__, "time with a space", "hold = \"1 m\"\n", {"hold = 1 m: "}, NULL},
    {__LINE__, "infinite time", "hold = inf\n", {"hold = inf: "}, NULL},
    {__LINE__, "retry_delay over a minute", "retry_delay = 61\n", {"from 0 to 1m"}, NULL},
    {__LINE__,
     "size too small",
     "max_request_bytes = 1023\n",
     {"max_request_bytes = 1023: use a size from 1K to 1G"},
     NULL},
    {__LINE__, "size too large", "max_request_bytes = 2G\n", {"max_request_bytes = 2G"}, NULL},
    {__LINE__, "size with a wrong unit", "max_request_bytes = 1MB\n", {"= 1MB: use a size"}, NULL},
    {__LINE__,
     "drain of a wrong word",
     "drain = never\n",
     {"drain = never: use auto, or a time"},
     NULL},
    {__LINE__,
     "access of a wrong word",
     "access = closed\n",
     {"access = closed: use open or keys\n"},
     NULL},
    {__LINE__,
     "level of a wrong word",
     "log_level = trace\n",
     {"use error, warning, notice, info or debug"},
     NULL},
    {__LINE__, "format of a wrong word", "log_format = xml\n", {"use logfmt or json"}, NULL},
    {__LINE__,
     "relative log",
     "log = router.log\n",
     {"use auto, syslog or an absolute path"},
     NULL},
    {__LINE__,
     "no ledger's place",
     "ledger = usage.db\n",
     {"ledger = usage.db: use auto, off or an absolute path"},
     NULL},
    {__LINE__,
     "a ledger in another file's place",
     "hold = 3\nledger = /var/x\nkeys_file = /var/x\n",
     {":2: ledger = /var/x: use a file of its own; this is keys_file"},
     NULL},
    {__LINE__,
     "caps that are none",
     "daily_cap = 0\nmonthly_cap = 100000.01\nprovider kimi { daily_cap = $5 }\n"
     "provider deepseek { daily_cap = 0.005 }\n",
     {":1: daily_cap = 0: use off, or dollars from 0.01 to 100000, such as \"5\" or \"2.50\"",
      ":2: monthly_cap = 100000.01: use off", ":3: daily_cap = $5: use off",
      ":4: daily_cap = 0.005: use off"},
     NULL},
    {__LINE__,
     "a server's password",
     "share = \"valkey://u:pass/word@h\"\n",
     {":1: share: a password belongs in tokens.txt, as a line share = PASSWORD, not in this URL"},
     "pass/word"},
    {__LINE__,
     "no server",
     "share = cache.example\n",
     {":1: share: use valkey://HOST or redis://HOST, "},
     NULL},
    {__LINE__,
     "too many machines",
     "share_hosts = 1001\n",
     {":1: share_hosts = 1001: use a whole number from 0 to 1000"},
     NULL},
    {__LINE__,
     "a server and a cap",
     "monthly_cap = 5\nshare = \"valkey://h\"\n",
     {":2: share: there is a cap, so share_hosts is needed, from 1 to 1000: how many machines "},
     NULL},
    {__LINE__,
     "a server and a provider's cap",
     "share = \"valkey://h\"\nprovider kimi { daily_cap = 5 }\n",
     {":1: share: there is a cap, so share_hosts is needed"},
     NULL},
    {__LINE__,
     "parts of a cap without a server",
     "hold = 5\nshare_caps = closed\n",
     {":2: share_caps = closed: there is no share, through which machines would take their parts"},
     NULL},
    {__LINE__,
     "parts that are fixed and taken",
     "share = \"valkey://h\"\nshare_caps = closed\nshare_hosts = 3\n",
     {":3: share_hosts: with share_caps = closed no machine has a fixed part"},
     NULL},
    {__LINE__,
     "open caps",
     "share_caps = open\n",
     {":1: share_caps = open: use split or closed"},
     NULL},
    {__LINE__,
     "a ledger kept for hours",
     "ledger_keep = 23h\n",
     {"ledger_keep = 23h: use a time from 1d to 3650d, such as \"90d\""},
     NULL},
    {__LINE__,
     "nobody of those who may get the page",
     "dashboard = everybody\n",
     {"dashboard = everybody: use admin, token or off\n"},
     NULL},
    {__LINE__,
     "no truth value",
     "allow_open = maybe\n",
     {"allow_open = maybe: use true or false\n"},
     NULL},
    {__LINE__,
     "relative path",
     "tokens_file = tokens.txt\n",
     {"tokens_file = tokens.txt: use an absolute path"},
     NULL},
    {__LINE__,
     "a path that is not absolute",
     "prices_file = prices\n",
     {"prices_file = prices: use an absolute path"},
     NULL},
    {__LINE__, "path of a directory", "state_file = /var/\n", {"state_file = /var/"}, NULL},
    {__LINE__,
     "control byte in a path",
     "keys_file = \"/a\\nb\"\n",
     {"keys_file = /a\\x0Ab: "},
     NULL},
    {__LINE__,
     "network with too many bits",
     "admin_from = { \"1.2.3.4/33\" }\n",
     {"admin_from = 1.2.3.4/33: use addresses"},
     NULL},
    {__LINE__,
     "network of v6 with too many bits",
     "admin_from = { \"::/129\" }\n",
     {"::/129"},
     NULL},
    {__LINE__, "network without bits", "admin_from = \"1.2.3.4/\"\n", {"1.2.3.4/: use"}, NULL},
    {__LINE__,
     "network by name",
     "trusted_proxies = localhost\n",
     {"trusted_proxies = localhost: use addresses or networks"},
     NULL},
    {__LINE__,
     "host with a port",
     "hosts = { \"a\", \"b:80\" }\n",
     {"hosts = b:80: use names"},
     NULL},
    {__LINE__,
     "cron of four fields",
     "health_check_cron = \"0 * * *\"\n",
     {"use the five time fields"},
     NULL},
    {__LINE__, "cron of six fields", "health_check_cron = \"0 * * * * root\"\n", {"five"}, NULL},
    {__LINE__,
     "cron with a second line",
     "health_check_cron = \"0 * * * *\\n* * * * *\"\n",
     {"health_check_cron = 0 * * * *\\x0A* * * * *: use"},
     NULL},
    {__LINE__, "cron with a command", "health_check_cron = \"0 * * * $(id)\"\n", {"five"}, NULL},
    {__LINE__, "empty message", "health_check_message = \"\"\n", {"1 to 1000 bytes"}, NULL},
    {__LINE__,
     "message in Latin-1",
     "health_check_message = \"\xe4\"\n",
     {"health_check_message", "UTF-8"},
     NULL},
    {__LINE__, "no model", "health_check_model = \"a||b\"\n", {"health_check_model = a||b"}, NULL},
    {__LINE__,
     "too many models",
     "health_check_model = \"a|b|c|d|e|f|g|h|i\"\n",
     {"at most 8 names"},
     NULL},
    {__LINE__, "relative on_change", "on_change = notify\n", {"on_change = notify: use an"}, NULL},
    {__LINE__,
     "on_change of nothing",
     "on_change = \"https://\"\n",
     {"on_change = https://"},
     NULL},
    {__LINE__,
     "all wrong values at once",
     "hold = x\n\nlog = y\n# no\nprovider kimi { paid = z }\n",
     {".conf:1: hold = x: ", ".conf:3: log = y: ", ".conf:5: paid = z: "},
     NULL},
    {__LINE__,
     "errors in the order of the file",
     "log = y\nprovider kimi { paid = z }\naccess = q\nhold = x\n",
     {".conf:1: log = y: ", ".conf:2: paid = z: ", ".conf:3: access = q: ", ".conf:4: hold = x: "},
     NULL},
    {__LINE__,
     "errors of one line in the order of the options",
     "provider kimi { }\nlog = y hold = x\n",
     {":2: hold = x: ", ":2: log = y: "},
     NULL},
    {__LINE__,
     "an option twice",
     "hold = 1\naccess = open\n\nhold = 2\n",
     {".conf:4: duplicate hold, first defined on line 1\n"},
     "access"},
    {__LINE__,
     "an option three times, the last one wrong",
     "hold = 1\nhold = 2\nhold = x\n",
     {".conf:2: duplicate hold, first defined on line 1",
      ".conf:3: duplicate hold, first defined on line 2", ".conf:3: hold = x: "},
     NULL},
    {__LINE__,
     "an option of a section twice",
     "provider kimi {\n paid = true\n paid = true\n}\n",
     {".conf:3: duplicate paid, first defined on line 2"},
     NULL},
    {__LINE__,
     "a list twice is told once",
     "hosts = { a, b,\n c }\nhosts = { d, e }\n",
     {".conf:3: duplicate hosts, first defined on line 1"},
     "line 2 already"},
    {__LINE__,
     "a list, then an empty one",
     "hosts = a\nhosts = { }\n",
     {".conf:2: duplicate hosts, first defined on line 1"},
     NULL},
    {__LINE__,
     "an option twice before a syntax error",
     "hold = 1\nhold = 2\nlog y\n",
     {":2: duplicate hold, first defined on line 1", ":3: missing equal sign"},
     NULL},
    {__LINE__,
     "wrong values before a syntax error",
     "hold = x\nlog y\naccess = z\n",
     {":1: hold = x", ":2: missing equal sign after option 'log': write setting = value"},
     NULL},
    {__LINE__,
     "lines after comments of all kinds",
     "# a\n# b\n/* c\n*/ // d\n\nhold = x\n",
     {".conf:6: hold"},
     NULL},
    {__LINE__,
     "lines after a string of lines",
     "health_check_message = \"a\nb\\\nc\"\nhold = x\n",
     {".conf:3: health_check_message = a\\x0Abc", ".conf:4: hold"},
     NULL},
    {__LINE__,
     "unknown option",
     "max_retrys = 3\n",
     {".conf:1: no such option 'max_retrys': did you mean max_retries?\n"},
     NULL},
    {__LINE__,
     "unknown option like no other",
     "\nfrobnicate = 3\n",
     {".conf:2: no such option 'frobnicate': the example claude-router.conf lists"},
     NULL},
    {__LINE__,
     "unknown option in a section",
     "provider kimi {\n hold = 3\n}\n",
     {".conf:2: no such option 'hold'"},
     NULL},
    {__LINE__,
     "provider twice",
     "provider kimi { }\nprovider kimi { }\n",
     {".conf:2: found duplicate title 'kimi': write each provider once"},
     NULL},
    {__LINE__, "provider without a name", "provider { }\n", {"write provider NAME"}, NULL},
    {__LINE__, "a list where none may be", "hold = { 1, 2 }\n", {":1: unexpected token '{'"}, NULL},
    {__LINE__,
     "half a list",
     "hosts = { a, b\n",
     {":1: this brace is never closed: write }"},
     NULL},
    {__LINE__,
     "half a section",
     "provider kimi {\n paid = true\n",
     {":1: this brace is never closed"},
     NULL},
    {__LINE__,
     "nothing is missing in half a section",
     "provider x {\n paid = zz\n log = y\n}\n",
     {"paid = zz", ":3: no such option 'log'"},
     "is missing"},
    {__LINE__,
     "no value",
     "log = auto\nhold =",
     {":2: premature end of file: a value is missing"},
     NULL},
    {__LINE__,
     "the section before is checked all the same",
     "provider kimi { url = \"http://x.example\" }\nprovider claude_pro {\n log = 3\n}\n",
     {":1: url = http://x.example: use https;", ":3: no such option 'log'"},
     NULL},
    {__LINE__, "one brace too many", "hold = 3\n}\n", {":2: unexpected closing brace"}, NULL},
    {__LINE__,
     "a string without end",
     "hold = 3\nlog = \"/x\nhold = 4\n",
     {":2: unterminated string"},
     NULL},
    {__LINE__,
     "a string without end that libconfuse does not see",
     "hold = 3\n'abc",
     {":2: unterminated string"},
     NULL},
    {__LINE__, "a backslash at the end", "log = \"a\\", {":1: unterminated string"}, NULL},
    {__LINE__, "a comment without end", "/* x\nhold = 3\n", {":1: unterminated comment"}, NULL},
    {__LINE__,
     "a star without quotes",
     "health_check_cron = * * * * *\n",
     {":1: write * and + only between quotes"},
     NULL},
    {__LINE__, "adding to a list", "admin_from += { \"10.0.0.1\" }\n", {"a list as a whole"}, NULL},
    {__LINE__, "an empty option", "hold = 3\n\"\" = 3\n", {":2: a setting's name is empty"}, NULL},
    {__LINE__,
     "an empty option in a section",
     "provider kimi {\n\n${T_NONE} = 3 }\n",
     {":3: a setting's name is empty"},
     NULL},
    {__LINE__, "bad escape", "log = \"\\999\"\n", {"escape sequence '\\999'"}, NULL},
    {__LINE__,
     "a secret in a wrong place is starred",
     "retry_delay = \"sk-ant-api03-SECRET\"\n",
     {"retry_delay = ***: use"},
     "SECRET"},
    {__LINE__,
     "a secret as an option",
     "sk-ant-api03-SECRET = 1\n",
     {"no such option '***'"},
     "SECRET"},
    {__LINE__,
     "a secret in a URL is starred",
     "provider kimi { url = \"https://me:SECRET@kimi.example\" }\n",
     {"url = https://***@kimi.example: use https://"},
     "SECRET"},
    {__LINE__,
     "a secret in a proxy is starred",
     "provider kimi { proxy = \"http://me:SECRET@px:port\" }\n",
     {"proxy = http://***@px:port"},
     "SECRET"},
    {__LINE__,
     "URL without a scheme",
     "provider kimi { url = kimi.example }\n",
     {":1: url = kimi.example: use https://HOST"},
     NULL},
    {__LINE__,
     "URL with a wrong scheme",
     "provider kimi { url = \"ftp://kimi.example\" }\n",
     {"url = ftp://"},
     NULL},
    {__LINE__,
     "URL with a query",
     "provider kimi { url = \"https://kimi.example/?a=b\" }\n",
     {"without user, query, fragment"},
     NULL},
    {__LINE__,
     "URL with a fragment",
     "provider kimi { url = \"https://kimi.example/#a\" }\n",
     {"url = https"},
     NULL},
    {__LINE__,
     "URL with a control byte",
     "provider kimi { url = \"https://kimi.example/\\x01\" }\n",
     {"url = https://kimi.example/\\x01: "},
     NULL},
    {__LINE__,
     "URL with a line break",
     "provider kimi { url = \"https://kimi.example\\r\\nX: y\" }\n",
     {"\\x0D\\x0AX: y: use"},
     NULL},
    {__LINE__,
     "URL with a space",
     "provider kimi { url = \"https://kimi.example/a b\" }\n",
     {"a b: use"},
     NULL},
    {__LINE__,
     "URL with a backslash",
     "provider kimi { url = 'https://api.anthropic.com\\@x' }\n",
     {"url = "},
     NULL},
    {__LINE__, "URL without a host", "provider kimi { url = \"https:///x\" }\n", {"url = "}, NULL},
    {__LINE__,
     "URL with port 0",
     "provider kimi { url = \"https://kimi.example:0\" }\n",
     {"url = "},
     NULL},
    {__LINE__,
     "URL with port 65536",
     "provider kimi { url = \"https://kimi.example:65536\" }\n",
     {"url = "},
     NULL},
    {__LINE__,
     "URL with half an address",
     "provider kimi { url = \"https://[::1\" }\n",
     {"url = "},
     NULL},
    {__LINE__,
     "URL with no address in brackets",
     "provider kimi { url = \"https://[a]\" }\n",
     {"url = "},
     NULL},
    {__LINE__,
     "URL with an API's path",
     "provider kimi { url = \"https://kimi.example/x/v1/chat/completions\" }\n",
     {"an API's path: /v1/messages or /v1/chat/completions"},
     NULL},
    {__LINE__,
     "plain http",
     "provider kimi {\n paid = true\n url = \"http://kimi.example\"\n}\n",
     {":3: url = http://kimi.example: use https; plain http is taken only to a loopback"},
     NULL},
    {__LINE__,
     "plain http to what looks like this machine",
     "provider kimi { url = \"http://127.0.0.1.example\" }\n",
     {"use https"},
     NULL},
    {__LINE__,
     "plain http to a short form of 127.0.0.1",
     "provider kimi { url = \"http://127.1\" }\n",
     {"use https"},
     NULL},
    {__LINE__,
     "a login elsewhere by default",
     "provider claude_pro { url = \"https://gw.example\" }\n",
     {"credential = any: clients' own credentials go only to", "trust_url = true if gw.example"},
     NULL},
    {__LINE__,
     "a login elsewhere",
     "provider kimi {\n credential = client\n}\n",
     {":2: credential = client: clients' own"},
     NULL},
    {__LINE__,
     "a login to what looks like Claude",
     "provider claude_pro { url = \"https://api.anthropic.com.evil.example\" }\n",
     {"trust_url = true if api.anthropic.com.evil.example"},
     NULL},
    {__LINE__,
     "a login to Claude in plain text",
     "provider claude_pro { url = \"http://api.anthropic.com\" allow_plain = true }\n",
     {"credential = any: clients' own"},
     NULL},
    {__LINE__,
     "no balance",
     "provider kimi { balance = random }\n",
     {"balance = random: use sticky, order or spread\n"},
     NULL},
    {__LINE__,
     "no credential",
     "provider kimi { credential = mine }\n",
     {"credential = mine: use client, stored or any\n"},
     "clients' own"},
    {__LINE__,
     "unknown dialect",
     "provider kimi { dialect = gemini }\n",
     {"dialect = gemini: use anthropic, deepseek, kimi, openai or openai-responses\n"},
     NULL},
    {__LINE__,
     "another provider without dialect and url",
     "provider backup {\n}\n",
     {":2: provider backup: dialect is missing: use anthropic", "provider backup: url is missing"},
     NULL},
    {__LINE__,
     "provider of a wrong name",
     "provider 'A b' { }\n",
     {"provider A b: use a name of up to 31 lower-case letters"},
     NULL},
    {__LINE__,
     "provider auto",
     "provider auto { }\n",
     {"but auto, all, none, admin_token, share and share_key"},
     NULL},
    {__LINE__,
     "provider all",
     "provider all { }\n",
     {"but auto, all, none, admin_token, share and share_key"},
     NULL},
    {__LINE__,
     "provider share",
     "provider share { }\n",
     {"but auto, all, none, admin_token, share and share_key"},
     NULL},
    {__LINE__,
     "provider none",
     "provider none { }\n",
     {"but auto, all, none, admin_token, share and share_key"},
     NULL},
    {__LINE__,
     "provider of a long name",
     "provider abcdefghijabcdefghijabcdefghijab { }\n",
     {"use a name of up to 31"},
     NULL},
    {__LINE__,
     "model rule without =",
     "provider kimi { models = { \"kimi-k3\" } }\n",
     {"models = kimi-k3: use \"glob=name\" or \"glob=name|successor\""},
     NULL},
    {__LINE__,
     "model rule without a name",
     "provider kimi { models = { \"*=\" } }\n",
     {"models = *="},
     NULL},
    {__LINE__,
     "model rule without a glob",
     "provider kimi { models = { \"=a\" } }\n",
     {"models = =a"},
     NULL},
    {__LINE__,
     "model rule with spaces",
     "provider kimi { models = { \"a = b\" } }\n",
     {"models = a = b: use"},
     NULL},
    {__LINE__,
     "leave_at below 50 %",
     "provider kimi { leave_at = { \"5h=49%\" } }\n",
     {"leave_at = 5h=49%: use \"window=percent\" from 50% to 100%, such as \"5h=98%\""},
     NULL},
    {__LINE__,
     "leave_at above 100 %",
     "provider kimi { leave_at = { \"5h=101%\" } }\n",
     {"leave_at = 5h=101%: use"},
     NULL},
    {__LINE__,
     "leave_at without %",
     "provider kimi { leave_at = { \"5h=98\" } }\n",
     {"leave_at = 5h=98: use"},
     NULL},
    {__LINE__,
     "leave_at of half a percent",
     "provider kimi { leave_at = { \"5h=98.5%\" } }\n",
     {"leave_at = 5h=98.5%: use"},
     NULL},
    {__LINE__,
     "leave_at without a window",
     "provider kimi { leave_at = { \"98%\" } }\n",
     {"leave_at = 98%: use"},
     NULL},
    {__LINE__,
     "leave_at of no window",
     "provider kimi { leave_at = { \"overage=98%\" } }\n",
     {"leave_at = overage=98%: use"},
     NULL},
    {__LINE__,
     "too many windows",
     "provider kimi { leave_at = { \"1h=50%\", \"2h=50%\", \"3h=50%\", \"4h=50%\", \"5h=50%\", "
     "\"6h=50%\", \"7h=50%\", \"8h=50%\", \"9h=50%\" } }\n",
     {"leave_at = 9h=50%: use"},
     NULL},
    {__LINE__,
     "cooldown of nothing",
     "provider kimi { cooldown = 0 }\n",
     {"cooldown = 0: use a time from 1s to 24h"},
     NULL},
    {__LINE__,
     "relative ca_file",
     "provider kimi { ca_file = ca.pem }\n",
     {"ca_file = ca.pem"},
     NULL},
    {__LINE__,
     "proxy without a scheme",
     "provider kimi { proxy = \"px:3128\" }\n",
     {"proxy = px:3128: use SCHEME"},
     NULL},
    {__LINE__,
     "proxy with a path",
     "provider kimi { proxy = \"http://px/x\" }\n",
     {"proxy = "},
     NULL},
};

static void
check_bad(const struct bad *row)
{
	struct buf result;
	off_t noise;
	buf_init(&result, 1 << 20);
	bool loaded = load_text(row->text, &result, &noise);
	bool ended = buf_puts(&result, "\n"); /* so that a row can say that nothing follows */
	const char *missing = NULL, *at = buf_text(&result);
	for (size_t i = 0; i < TAP_COUNT(row->says) && row->says[i] != NULL && missing == NULL;
	     i++) {
		at = strstr(at, row->says[i]);
		if (at == NULL)
			missing = row->says[i];
		else
			at += strlen(row->says[i]);
	}
	bool leaked = row->never != NULL && strstr(buf_text(&result), row->never) != NULL;
	TAP_ROW_AT(row->line, row->name,
		   !loaded && ended && missing == NULL && !leaked && noise == 0,
		   "expected errors with %s\n  and without %s\n"
		   "got %s, with %jd bytes on stdout or stderr\n%s",
		   missing == NULL ? "all that it has" : missing,
		   row->never == NULL ? "(nothing)" : row->never, loaded ? "no error" : "errors",
		   (intmax_t)noise, buf_text(&result));
	buf_free(&result);
}

/* --- The environment ---------------------------------------------------------- */

static const struct {
	int line;
	const char *name;
	const char *variable, *value;
	bool good;
	const char *says;
} environment[] = {
    {__LINE__, "MAX_RETRIES goes before the file", "MAX_RETRIES", "7", true, "max_retries=7\n"},
    {__LINE__, "RETRY_DELAY goes before the file", "RETRY_DELAY", "2.5", true,
     "retry_delay=2500\n"},
    {__LINE__, "ROUTER_TOKENS_FILE goes before the file", "ROUTER_TOKENS_FILE", "/t", true,
     "tokens_file=/t\n"},
    {__LINE__, "ROUTER_STATE_FILE goes before the file", "ROUTER_STATE_FILE", "/s", true,
     "state_file=/s\n"},
    {__LINE__, "an empty variable is not set", "MAX_RETRIES", "", true, "max_retries=1\n"},
    {__LINE__, "a wrong MAX_RETRIES is named", "MAX_RETRIES", "99", false,
     "environment: MAX_RETRIES = 99: use a whole number from 0 to 10"},
    {__LINE__, "a wrong RETRY_DELAY is named", "RETRY_DELAY", "soon", false,
     "environment: RETRY_DELAY = soon: use a time"},
    {__LINE__, "a relative ROUTER_STATE_FILE is named", "ROUTER_STATE_FILE", "state", false,
     "environment: ROUTER_STATE_FILE = state: use an absolute path"},
    {__LINE__, "an unusable CLAUDE_API_KEY is not shown", "CLAUDE_API_KEY", "SECRET KEY", false,
     "environment: CLAUDE_API_KEY: use printable characters"},
};

static void
check_environment(void)
{
	for (size_t i = 0; i < TAP_COUNT(environment); i++) {
		struct buf result;
		off_t noise;
		buf_init(&result, 1 << 20);
		setenv(environment[i].variable, environment[i].value, 1);
		bool loaded = load_text("max_retries = 1\nretry_delay = 9\ntokens_file = /f\n"
					"state_file = /f\n",
					&result, &noise);
		unsetenv(environment[i].variable);
		const char *text = buf_text(&result);
		TAP_ROW_AT(environment[i].line, environment[i].name,
			   loaded == environment[i].good &&
			       strstr(text, environment[i].says) != NULL &&
			       strstr(text, "SECRET") == NULL,
			   "expected %s\ngot      %s", environment[i].says, text);
		buf_free(&result);
	}
}

static const char *
key_of(const struct config *config, const char *provider)
{
	const struct provider *p = config == NULL ? NULL : config_provider(config, provider);
	return p == NULL ? NULL : p->env_credential;
}

static void
check_api_key(void)
{
	struct buf errors;
	off_t noise;
	buf_init(&errors, 1 << 16);
	write_file(file, "", 0);
	setenv("CLAUDE_API_KEY", "sk-ant-api03-SECRET", 1);
	const char *place = getenv("CLAUDE_API_KEY");
	struct config *config = load(file, &errors, &noise);
	TAP_STR("CLAUDE_API_KEY serves claude_api", key_of(config, "claude_api"),
		"sk-ant-api03-SECRET");
	TAP_STR("CLAUDE_API_KEY serves nobody else", key_of(config, "claude_pro"), NULL);
	TAP_STR("CLAUDE_API_KEY is overwritten in the environment", place, "xxxxxxxxxxxxxxxxxxx");
	TAP_STR("CLAUDE_API_KEY is unset", getenv("CLAUDE_API_KEY"), NULL);
	config_free(config);
	config = load(file, &errors, &noise);
	TAP_STR("a reload still knows CLAUDE_API_KEY", key_of(config, "claude_api"),
		"sk-ant-api03-SECRET");
	config_free(config);
	setenv("CLAUDE_API_KEY", "sk-ant-api03-OTHER", 1);
	config = load(file, &errors, &noise);
	TAP_STR("a new CLAUDE_API_KEY replaces the old one", key_of(config, "claude_api"),
		"sk-ant-api03-OTHER");
	config_free(config);
	write_file(file, "provider kimi { }\n", 18);
	config = load(file, &errors, &noise);
	TAP_OK("CLAUDE_API_KEY without claude_api is no error", config != NULL);
	config_free(config);
	buf_free(&errors);
}

static void
check_sharing(void)
{
	struct buf errors;
	off_t noise;
	buf_init(&errors, 1 << 16);
	write_file(file, "provider kimi { }\n", 18);
	struct config *config = load(file, &errors, &noise);
	TAP_OK("a share is the same", config != NULL && config_share(config) == config);
	config_free(config);
	TAP_STR("what one owner gives up stays the other's",
		config == NULL ? NULL : config->providers[0].url,
		"https://api.moonshot.ai/anthropic");
	config_free(config);
	buf_free(&errors);
}

/* --- Files ---------------------------------------------------------------------- */

static void
expect_errors(const char *name, const char *path, const char *says)
{
	struct buf errors;
	off_t noise;
	buf_init(&errors, 1 << 16);
	alarm(10); /* a FIFO must not hang us */
	struct config *config = load(path, &errors, &noise);
	alarm(0);
	TAP_ROW(name, config == NULL && strstr(buf_text(&errors), says) != NULL && noise == 0,
		"expected %s\ngot      %s", says, buf_text(&errors));
	config_free(config);
	buf_free(&errors);
}

static void
check_files(void)
{
	char path[sizeof dir + 16];
	snprintf(path, sizeof path, "%s/none", dir);
	expect_errors("a file that was named and is not there", path, "No such file");
	expect_errors("a directory", dir, "is not a regular file");
	snprintf(path, sizeof path, "%s/fifo", dir);
	if (mkfifo(path, 0600) == 0)
		expect_errors("a FIFO", path, "is not a regular file");
	unlink(path);
	expect_errors("a device", "/dev/zero", "is not a regular file");
	write_file(file, "hold = 1\0\n", 10);
	expect_errors("a NUL byte", file, "holds a NUL byte");
	char *large = calloc(1, CONFIG_FILE_MAX + 2);
	if (large == NULL)
		abort();
	memset(large, '\n', CONFIG_FILE_MAX + 1);
	write_file(file, large, CONFIG_FILE_MAX + 1);
	expect_errors("a file that is too large", file, "too large");
	free(large);
	write_file(file, "", 0);
	chmod(file, 0);
	if (access(file, R_OK) == 0)
		tap_skip("a file that must not be read", "root may read everything");
	else
		expect_errors("a file that must not be read", file, "Permission denied: let user");
	chmod(file, 0600);
}

static void
check_path(void)
{
	const char *standard = SYSCONFDIR "/claude-router/claude-router.conf";
	bool must_exist;
	setenv("CLAUDE_ROUTER_CONFIG", "/env", 1);
	TAP_STR("path: the one given", config_path("/given", &must_exist), "/given");
	TAP_OK("path: the one given must exist", must_exist);
	TAP_STR("path: else the environment's", config_path(NULL, &must_exist), "/env");
	TAP_OK("path: the environment's must exist", must_exist);
	setenv("CLAUDE_ROUTER_CONFIG", standard, 1);
	config_path(NULL, &must_exist);
	TAP_OK("path: the standard one need not exist when the environment names it", !must_exist);
	setenv("CLAUDE_ROUTER_CONFIG", "", 1);
	TAP_STR("path: else the standard one", config_path(NULL, &must_exist), standard);
	TAP_OK("path: the standard one need not exist", !must_exist);
	unsetenv("CLAUDE_ROUTER_CONFIG");
}

/* Takes the # away from what is a setting in the shipped file, in place. */
static void
uncomment(char *text)
{
	for (char *line = text; line != NULL && *line != '\0';) {
		char *next = strchr(line, '\n');
		bool inner = strncmp(line, "#  ", 3) == 0 && line[3] >= 'a' && line[3] <= 'z';
		if (inner || (line[0] == '#' && line[1] >= 'a') || strncmp(line, "#}", 2) == 0)
			line[0] = ' ';
		line = next == NULL ? NULL : next + 1;
	}
}

static void
check_shipped(const char *source)
{
	char path[4096 + 32];
	snprintf(path, sizeof path, "%s/conf/claude-router.conf", source);
	struct buf text, why, defaults, shipped;
	struct stat st;
	off_t noise;
	buf_init(&text, CONFIG_FILE_MAX);
	buf_init(&why, 8192);
	buf_init(&defaults, 1 << 20);
	buf_init(&shipped, 1 << 20);
	if (config_read_file(path, &text, &st, &why) != FILE_READ) {
		tap_skip("the shipped file holds the defaults", buf_text(&why));
	} else {
		setenv("ROUTER_TOKENS_FILE", "/t", 1); /* all four depend on the prefix */
		setenv("ROUTER_STATE_FILE", "/s", 1);
		load_text("keys_file = /etc/claude-router/keys\n"
			  "prices_file = /etc/claude-router/prices\n",
			  &defaults, &noise);
		uncomment(text.data);
		load_text(buf_text(&text), &shipped, &noise);
		unsetenv("ROUTER_TOKENS_FILE");
		unsetenv("ROUTER_STATE_FILE");
		TAP_STR("the shipped file holds the defaults", buf_text(&shipped),
			buf_text(&defaults));
	}
	buf_free(&text);
	buf_free(&why);
	buf_free(&defaults);
	buf_free(&shipped);
}

/* Each line of the README that makes a provider of a server which speaks Chat Completions. */
static void
check_readme(const char *source)
{
	static const char begin[] = "    provider ", cut[] = "/v1\"";
	char path[4096 + 32], line[512];
	unsigned n = 0;
	snprintf(path, sizeof path, "%s/README.md", source);
	FILE *readme = fopen(path, "r");
	if (readme == NULL) {
		tap_skip("the README's servers", path);
		return;
	}
	while (fgets(line, sizeof line, readme) != NULL) {
		struct buf result;
		off_t noise;
		if (strncmp(line, begin, strlen(begin)) != 0 ||
		    strstr(line, "dialect = \"openai\"") == NULL)
			continue;
		n++;
		buf_init(&result, 1 << 20);
		line[strcspn(line, "\n")] = '\0';
		TAP_ROW(line + strlen(begin), load_text(line, &result, &noise),
			"expected no error, got %s", buf_text(&result));
		TAP_OK("… its url is taken as they write it",
		       strstr(line, cut) != NULL && strstr(buf_text(&result), "/v1\n") == NULL &&
			   strstr(buf_text(&result), "dialect=openai\nurl=http") != NULL);
		buf_free(&result);
	}
	fclose(readme);
	TAP_INT("servers in the README", n, 7);
}

/* --- Limits of tables -------------------------------------------------------------- */

static void
check_many(void)
{
	struct buf text, result;
	off_t noise;
	buf_init(&text, 1 << 16);
	buf_init(&result, 1 << 20);
	for (unsigned i = 0; i < PROVIDERS_MAX; i++)
		put(&text, "provider p%u { dialect = kimi url = \"https://p.example\" }\n", i);
	TAP_OK("as many providers as there may be",
	       load_text(buf_text(&text), &result, &noise) &&
		   strstr(buf_text(&result), "[p15]\n") != NULL);
	buf_clear(&result);
	put(&text, "provider more { dialect = kimi url = \"https://p.example\" }\n");
	TAP_OK("one provider more",
	       !load_text(buf_text(&text), &result, &noise) &&
		   strstr(buf_text(&result), ":17: provider more: there are more than 16") != NULL);
	buf_clear(&text);
	buf_clear(&result);
	put(&text, "provider kimi { models = {");
	for (unsigned i = 0; i < MODEL_RULES_MAX; i++)
		put(&text, "\"a%u=b\", ", i);
	put(&text, "\"one_more=b\" } }\n");
	TAP_OK("one model rule more",
	       !load_text(buf_text(&text), &result, &noise) &&
		   strstr(buf_text(&result), "models = one_more=b: ") != NULL &&
		   strstr(buf_text(&result), "at most 32 rules") != NULL);
	buf_free(&text);
	buf_free(&result);
}

/* --- Questions ------------------------------------------------------------------- */

static const struct {
	int line;
	const char *name;
	const char *address;
	bool in;
} addresses[] = {
    {__LINE__, "loopback", "127.0.0.1", true},
    {__LINE__, "the end of loopback", "127.255.255.255", true},
    {__LINE__, "beyond loopback", "128.0.0.1", false},
    {__LINE__, "loopback of v6", "::1", true},
    {__LINE__, "v4 in v6", "::ffff:127.0.0.1", true},
    {__LINE__, "v4 in v6 elsewhere", "::ffff:8.8.8.8", false},
    {__LINE__, "not a whole byte, in", "10.31.255.255", true},
    {__LINE__, "not a whole byte, out", "10.32.0.0", false},
    {__LINE__, "one address", "192.168.1.7", true},
    {__LINE__, "its neighbour", "192.168.1.6", false},
    {__LINE__, "v6 network", "fd00:1:2::3", true},
    {__LINE__, "v6 elsewhere", "fd00:1:3::3", false},
    {__LINE__, "no address", "localhost", false},
    {__LINE__, "empty", "", false},
    {__LINE__, "octal", "0127.0.0.1", false},
    {__LINE__, "short form", "127.1", false},
};

static void
check_addresses(void)
{
	struct buf errors;
	off_t noise;
	const char text[] = "admin_from = { \"127.0.0.0/8\", \"::1\", \"10.16.9.9/12\", "
			    "\"192.168.1.7\", \"fd00:1:2::/48\" }\n";
	buf_init(&errors, 4096);
	write_file(file, text, sizeof text - 1);
	struct config *config = load(file, &errors, &noise);
	if (config == NULL)
		abort();
	for (size_t i = 0; i < TAP_COUNT(addresses); i++)
		TAP_INT_AT(addresses[i].line, addresses[i].name,
			   network_includes(addresses[i].address, config->admin_from,
					    config->n_admin_from),
			   addresses[i].in);
	TAP_OK("no network", !network_includes("127.0.0.1", NULL, 0));
	config_free(config);
	buf_free(&errors);
}

static const struct {
	int line;
	const char *provider, *model, *name; /* NULL: as asked */
} models[] = {
    {__LINE__, "deepseek", "claude-opus-5-1", "deepseek-v4-pro"},
    {__LINE__, "deepseek", "claude-sonnet-5", "deepseek-flash"},
    {__LINE__, "deepseek", "anything/at.all", "deepseek-flash"},
    {__LINE__, "kimi", "claude-opus-5-1", "kimi-k3.1-pro"},
    {__LINE__, "claude_pro", "claude-opus-5-1", NULL},
    {__LINE__, "backup", "claude-haiku-5-5", "small"},
    {__LINE__, "backup", "claude-sonnet-5", NULL},
};

static void
check_models(void)
{
	struct buf errors;
	off_t noise;
	const char text[] = "provider deepseek { }\nprovider kimi { }\nprovider claude_pro { }\n"
			    "provider backup { dialect = kimi url = \"https://x.example\" "
			    "models = { \"claude-haiku-?-?=small\" } }\n"
			    "provider twin { dialect = kimi url = \"https://x.example\" "
			    "models = { \"claude-haiku-?-?=small\" } }\n";
	buf_init(&errors, 4096);
	write_file(file, text, sizeof text - 1);
	struct config *config = load(file, &errors, &noise);
	if (config == NULL)
		abort();
	for (size_t i = 0; i < TAP_COUNT(models); i++) {
		char name[128];
		snprintf(name, sizeof name, "model %s at %s", models[i].model, models[i].provider);
		const struct model_rule *rule =
		    config_model_rule(config_provider(config, models[i].provider), models[i].model);
		TAP_STR_AT(models[i].line, name, rule == NULL ? NULL : rule->names[0],
			   models[i].name);
	}
	const struct provider *backup = config_provider(config, "backup");
	const struct provider *twin = config_provider(config, "twin");
	TAP_OK("rules of two providers have two ids", backup->models[0].id != twin->models[0].id);
	TAP_OK("a rule's id is never 0", backup->models[0].id != 0);
	TAP_INT("a provider's id is its name's", backup->id, digest_name("backup"));
	struct provider p = {.leave_at = {{"*", 900}, {"5h", 980}}, .n_leave_at = 2, .name = "p"};
	TAP_INT("leave_at of a window", config_leave_at(&p, "5h"), 980);
	TAP_INT("leave_at of any other", config_leave_at(&p, "7d"), 900);
	TAP_INT("no leave_at", config_leave_at(backup, "5h"), 0);
	TAP_OK("no provider of that name", config_provider(config, "nobody") == NULL);
	config_free(config);
	buf_free(&errors);
}

int
main(int argc, char **argv)
{
	tap_start("config", argc, argv);
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(file, sizeof file, "%s/claude-router.conf", dir);
	char source[4096];
	const char *named = getenv("TEST_SRCDIR");
	snprintf(source, sizeof source, "%s", named == NULL ? "." : named);
	clearenv();
	setenv("T_NAME", "/from/env/", 1);
	setenv("T_LOG", "syslog", 1);
	for (size_t i = 0; i < TAP_COUNT(good); i++)
		check_good(&good[i]);
	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_bad(&bad[i]);
	check_environment();
	check_files();
	check_path();
	check_shipped(source);
	check_readme(source);
	check_many();
	check_addresses();
	check_models();
	check_api_key();
	check_sharing();
	unlink(file);
	char noise[sizeof dir + 8];
	snprintf(noise, sizeof noise, "%s/noise", dir);
	unlink(noise);
	rmdir(dir);
	return tap_finish();
}
