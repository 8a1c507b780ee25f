/* SPDX-License-Identifier: MIT */
#include "doctor/diagnose.h"

#include "base/count.h"
#include "base/str.h"
#include "config/text.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* --- Files ------------------------------------------------------------ */

static bool
is_member(const struct diagnose_user *user, gid_t group)
{
	for (size_t i = 0; i < user->n_groups; i++)
		if (user->groups[i] == group)
			return true;
	return false;
}

bool
diagnose_access(const struct diagnose_user *user, const struct stat *st, int want)
{
	mode_t bits = (mode_t)want; /* R_OK, W_OK, X_OK are the bits of a mode */
	if (user->uid == 0)
		return true;
	if (st->st_uid == user->uid)
		bits <<= 6;
	else if (is_member(user, st->st_gid))
		bits <<= 3;
	return (st->st_mode & bits) == bits;
}

/* statfs(2) */
bool
diagnose_is_remote(long f_type)
{
	static const uint32_t types[] = {
	    0x6969,     /* nfs */
	    0x517b,     /* smb */
	    0xff534d42, /* cifs */
	    0xfe534d42, /* smb2 */
	    0x01021997, /* 9p */
	    0x5346414f, /* afs */
	    0x00c36400, /* ceph */
	    0x73757245, /* coda */
	};
	for (size_t i = 0; i < COUNT(types); i++)
		if (types[i] == (uint32_t)f_type)
			return true;
	return false;
}

static bool
contains(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

/* Those of conf/tokens.txt.example and README.md, and what people write for "something". */
bool
diagnose_is_placeholder(const char *value)
{
	static const char *const words[] = {"YOUR_",        "YOUR-",    "xxxx",    "...",
					    "\xe2\x80\xa6", "changeme", "example", "A_LONG_RANDOM"};
	for (size_t i = 0; i < COUNT(words); i++)
		if (contains(value, words[i]))
			return true;
	return value[0] == '<' || value[0] == '$' || strcmp(value, "sk-") == 0;
}

/* --- cron ------------------------------------------------------------- */

/* Whether cron or the shell removes a backslash in front of next. */
static bool
is_escape(char next, bool quoted)
{
	return next == '%' || (!quoted && next != '\0' && next != '\n');
}

/* Reads the next word of a line as cron and the shell unquote it (app/crontab.h), cut to size;
 * false at the line's end. */
static bool
next_word(const char **at, char *word, size_t size)
{
	const char *c = *at + strspn(*at, " \t"), *start = c;
	size_t n = 0;
	bool quoted = false;
	for (; *c != '\0' && *c != '\n' && (quoted || (*c != ' ' && *c != '\t')); c++) {
		if (*c == '\'') {
			quoted = !quoted;
			continue;
		}
		c += *c == '\\' && is_escape(c[1], quoted);
		if (n + 1 < size)
			word[n++] = *c;
	}
	word[n] = '\0';
	*at = c;
	return c > start;
}

static void
copy_value(char *out, size_t size, const char *value, size_t n)
{
	if (n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n - 1] == value[0]) {
		value++;
		n -= 2;
	}
	snprintf(out, size, "%.*s", (int)n, value);
}

/* Keeps NAME=value if the name is one of ours. */
static void
take_assignment(struct diagnose_cron *entry, const char *name, size_t name_n, const char *value,
		size_t value_n)
{
	if (name_n == 20 && memcmp(name, "CLAUDE_ROUTER_CONFIG", 20) == 0)
		copy_value(entry->config, sizeof entry->config, value, value_n);
	else if (name_n == 17 && memcmp(name, "ROUTER_STATE_FILE", 17) == 0)
		copy_value(entry->state, sizeof entry->state, value, value_n);
}

/* Reads a line NAME = value. False: it has another form. */
static bool
read_assignment(const char *line, struct diagnose_cron *entry)
{
	size_t n = strcspn(line, "\n");
	size_t name = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");
	const char *at = line + name + strspn(line + name, " \t");
	if (name == 0 || *at != '=')
		return false;
	at++;
	at += strspn(at, " \t");
	const char *end = line + n;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	take_assignment(entry, line, name, at, (size_t)(end - at));
	return true;
}

static void
read_times(const char **at, char *times, size_t size)
{
	char word[64];
	size_t len = 0;
	int fields = *(*at + strspn(*at, " \t")) == '@' ? 1 : 5;
	times[0] = '\0';
	for (int i = 0; i < fields && next_word(at, word, sizeof word); i++) {
		int n = snprintf(times + len, size - len, "%s%s", i == 0 ? "" : " ", word);
		if (n < 0 || (size_t)n >= size - len)
			return;
		len += (size_t)n;
	}
}

static void
read_entry(const char *line, struct diagnose_cron *entry)
{
	struct diagnose_cron read = *entry;
	char word[1024];
	const char *at = line;
	bool config_next = false;
	read_times(&at, read.times, sizeof read.times);
	if (!next_word(&at, read.user, sizeof read.user))
		return;
	while (next_word(&at, word, sizeof word)) {
		const char *equals = strchr(word, '=');
		if (config_next)
			snprintf(read.config, sizeof read.config, "%s", word);
		config_next = strcmp(word, "--config") == 0 || strcmp(word, "-c") == 0;
		if (str_starts_with(word, "--config="))
			snprintf(read.config, sizeof read.config, "%s", word + strlen("--config="));
		else if (equals != NULL)
			take_assignment(&read, word, (size_t)(equals - word), equals + 1,
					strlen(equals + 1));
		if (str_ends_with(word, strlen(word), "claude-router-check"))
			snprintf(read.program, sizeof read.program, "%s", word);
	}
	if (read.program[0] != '\0')
		*entry = read;
}

void
diagnose_crontab(const char *text, struct diagnose_cron *entry)
{
	*entry = (struct diagnose_cron){.times = ""};
	for (const char *line = text; *line != '\0' && entry->times[0] == '\0';) {
		const char *at = line + strspn(line, " \t");
		if (*at != '#' && *at != '\n' && !read_assignment(at, entry))
			read_entry(at, entry);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

bool
diagnose_same_times(const char *a, const char *b)
{
	char one[64], other[64];
	read_times(&a, one, sizeof one);
	read_times(&b, other, sizeof other);
	return strcmp(one, other) == 0;
}

/* --- The web server --------------------------------------------------- */

/* Whether this is all of /health that a client without admin rights gets: {"status": …}. */
static bool
is_bare_status(const char *body)
{
	static const char *const words[] = {"healthy", "degraded", "unhealthy"};
	json_object *o = json_tokener_parse(body);
	bool bare = json_object_is_type(o, json_type_object) && json_object_object_length(o) == 1;
	const char *status =
	    bare ? json_object_get_string(json_object_object_get(o, "status")) : NULL;
	bool ours = false;
	for (size_t i = 0; status != NULL && i < COUNT(words); i++)
		ours = ours || strcmp(status, words[i]) == 0;
	json_object_put(o);
	return ours;
}

enum diagnose_site
diagnose_site(long status, const char *body)
{
	const char *at = body + strspn(body, " \t\r\n");
	if (*at == '{' && (strstr(at, "\"failover_count\"") != NULL || is_bare_status(at)))
		return SITE_ROUTER;
	if (*at == '{' && strstr(at, "\"not_found_error\"") != NULL)
		return SITE_WRONG_PREFIX;
	return status == 500 || (status >= 502 && status <= 504) ? SITE_NO_RESPONDER : SITE_OTHER;
}

enum diagnose_server
diagnose_server(const char *header)
{
	if (contains(header, "lighttpd"))
		return SERVER_LIGHTTPD;
	if (contains(header, "apache"))
		return SERVER_APACHE;
	return contains(header, "nginx") ? SERVER_NGINX : SERVER_OTHER;
}

/* SERVERS.md, "At a glance". */
static const char *const directives[][SERVERS] = {
    [DIRECTIVE_STREAM] = {"switch off the web server's buffering of responses",
			  "write server.stream-response-body = 2 (lighttpd)",
			  "write FcgidOutputBufferSize 0, or flushpackets=on after ProxyPass "
			  "(Apache), and SetEnv no-gzip 1",
			  "write fastcgi_buffering off; gzip off; (nginx)"},
    [DIRECTIVE_AUTHORIZATION] =
	{"have the web server pass on the header Authorization",
	 "remove what deletes or uses the header Authorization (lighttpd)",
	 "write CGIPassAuth On (Apache)",
	 "write fastcgi_param HTTP_AUTHORIZATION $http_authorization; (nginx)"},
    [DIRECTIVE_SILENCE] =
	{"raise the web server's time limits to 900 seconds",
	 "write server.max-write-idle = 900 (lighttpd)",
	 "write FcgidIOTimeout 900 and FcgidBusyTimeout 1200, or timeout=900 after "
	 "ProxyPass (Apache)",
	 "write fastcgi_read_timeout 900s; (nginx)"},
    [DIRECTIVE_ABORT] = {"nothing is known for this web server",
			 "write \"tcp-fin-propagate\" => \"enable\" into fastcgi.server (lighttpd)",
			 "nothing: Apache notices it only when it sends the next event",
			 "write fastcgi_ignore_client_abort off; (nginx)"},
};

const char *
diagnose_directive(enum diagnose_directive directive, enum diagnose_server server,
		   size_t body_bytes, char *text, size_t size)
{
	/* Above our own limit, so that clients get the router's 413. */
	size_t megabytes = (body_bytes + (1 << 20) - 1) / (1 << 20) + 2;
	if (directive != DIRECTIVE_BODY)
		snprintf(text, size, "%s", directives[directive][server]);
	else if (server == SERVER_LIGHTTPD)
		snprintf(text, size, "write server.max-request-size = %zu (lighttpd)",
			 megabytes * 1024);
	else if (server == SERVER_APACHE)
		snprintf(text, size, "write FcgidMaxRequestLen %zu (Apache)",
			 megabytes * 1024 * 1024);
	else if (server == SERVER_NGINX)
		snprintf(text, size, "write client_max_body_size %zum; (nginx)", megabytes);
	else
		snprintf(text, size, "let the web server accept requests of %zu MB", megabytes);
	return text;
}

bool
diagnose_is_buffered(const struct diagnose_event *events, size_t n)
{
	if (n < 2)
		return false;
	int64_t sent_ms = events[n - 1].sent_ms - events[0].sent_ms;
	int64_t arrived_ms = events[n - 1].arrived_ms - events[0].arrived_ms;
	return arrived_ms * 2 < sent_ms;
}

/* --- Providers -------------------------------------------------------- */

/* X509_V_ERR_… of openssl/x509_vfy.h, which libcurl passes on. It compares the names
 * itself, before it fetches the result: then 1, the initial value, is left. */
enum { NO_ERROR = 0, NOT_FETCHED = 1, NOT_YET_VALID = 9, EXPIRED = 10, OTHER_NAME = 62 };

static struct diagnose_fault
certificate_fault(long verify)
{
	static const struct diagnose_fault
	    expired = {"provider-certificate-expired",
		       "its certificate has expired, or this machine's clock is wrong",
		       "type date; if the time is right, only the provider can fix it", false},
	    early = {"provider-certificate-early",
		     "its certificate is not valid yet, or this machine's clock is wrong",
		     "sudo timedatectl set-ntp true", false},
	    name = {"provider-certificate-name", "its certificate is for another name",
		    "fix url in the configuration; the certificate's names: openssl s_client "
		    "-connect ",
		    true},
	    unknown = {"provider-certificate-unknown",
		       "its certificate is not signed by an authority that this machine trusts",
		       "sudo apt install ca-certificates; for a gateway of your own write ca_file "
		       "= \"/path/ca.pem\" into its section",
		       false};
	switch (verify) {
	case EXPIRED:
		return expired;
	case NOT_YET_VALID:
		return early;
	case NO_ERROR:
	case NOT_FETCHED:
	case OTHER_NAME:
		return name;
	default:
		return unknown;
	}
}

static const struct {
	CURLcode code;
	bool proxy; /* only when a proxy is configured */
	struct diagnose_fault fault;
} faults[] = {
    {CURLE_COULDNT_RESOLVE_HOST,
     false,
     {"provider-dns", "its name could not be resolved",
      "check url in the configuration, and /etc/resolv.conf: getent hosts ", true}},
    {CURLE_COULDNT_RESOLVE_PROXY,
     false,
     {"provider-proxy", "its proxy's name could not be resolved", "fix proxy in the configuration",
      false}},
    {CURLE_COULDNT_CONNECT,
     true,
     {"provider-proxy", "its proxy refuses connections", "fix proxy in the configuration", false}},
    {CURLE_COULDNT_CONNECT,
     false,
     {"provider-refused", "it refuses connections",
      "check url in the configuration, and whether a firewall stops this machine", false}},
    {CURLE_OPERATION_TIMEDOUT,
     false,
     {"provider-timeout", "it did not respond in time",
      "check whether a firewall stops this machine: curl -v ", true}},
    {CURLE_SSL_CACERT_BADFILE,
     false,
     {"provider-ca-file", "the certificates to trust could not be read",
      "fix ca_file or ca_path in the configuration", false}},
    {CURLE_SSL_CONNECT_ERROR,
     false,
     {"provider-tls", "the TLS handshake failed", "check url in the configuration: https or http?",
      false}},
};

struct diagnose_fault
diagnose_connection(CURLcode code, long verify, bool proxy)
{
	if (code == CURLE_OK)
		return (struct diagnose_fault){.id = NULL};
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return certificate_fault(verify);
	for (size_t i = 0; i < COUNT(faults); i++)
		if (faults[i].code == code && (proxy || !faults[i].proxy))
			return faults[i].fault;
	return (struct diagnose_fault){"provider-connection",
				       "the connection was lost before a response",
				       "check url in the configuration: curl -v ", true};
}

/* --- Money ------------------------------------------------------------ */

bool
diagnose_is_price_old(int64_t checked_at_ms, int64_t now_ms)
{
	return checked_at_ms >= 0 && now_ms - checked_at_ms > 90 * INT64_C(86400000);
}

/* --- Claude Code ------------------------------------------------------ */

const char *
diagnose_base_url(const char *url, bool *works)
{
	*works = false;
	if (!text_has_scheme(url, "http") && !text_has_scheme(url, "https"))
		return "does not begin with http:// or https://";
	if (strpbrk(url, " \t\"'") != NULL)
		return "contains a space or a quote";
	if (strpbrk(url, "?#") != NULL)
		return "contains a query or a fragment";
	size_t n = text_url_length(url);
	if (n >= 9 && memcmp(url + n - 9, "/messages", 9) == 0)
		return "ends in /messages, which Claude Code adds by itself";
	*works = true;
	return n >= 3 && memcmp(url + n - 3, "/v1", 3) == 0
		   ? "ends in /v1, which Claude Code adds by itself"
		   : NULL;
}

bool
diagnose_no_proxy(const char *list, const char *host)
{
	size_t host_n = strlen(host);
	for (const char *at = list; *at != '\0';) {
		at += strspn(at, ", \t.");
		size_t n = strcspn(at, ", \t");
		if ((n == 1 && *at == '*') || (n == host_n && strncasecmp(at, host, n) == 0))
			return true;
		at += n;
	}
	return false;
}

bool
diagnose_is_true(const char *value)
{
	return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0 &&
	       strcasecmp(value, "false") != 0;
}
