/* SPDX-License-Identifier: MIT */
/* doctor: what observations mean, from file modes to a stream's arrival times. */

#include "base/path.h"
#include "doctor/diagnose.h"
#include "doctor/report.h"

#include "tap.h"

#include <unistd.h>

/* --- Files ------------------------------------------------------------ */

enum { ROUTER = 33, OTHER = 1000 };

static const struct {
	int line;
	const char *name;
	uid_t user, owner;
	gid_t group;
	mode_t mode;
	int want;
	bool may;
} files[] = {
    {__LINE__, "the owner reads", ROUTER, ROUTER, OTHER, 0600, R_OK, true},
    {__LINE__, "the owner writes", ROUTER, ROUTER, OTHER, 0400, W_OK, false},
    {__LINE__, "a member of the group reads", ROUTER, 0, 99, 0640, R_OK, true},
    {__LINE__, "a member of the group writes", ROUTER, 0, 99, 0640, R_OK | W_OK, false},
    {__LINE__, "neither owner nor member", ROUTER, 0, 0, 0640, R_OK, false},
    {__LINE__, "everybody reads", ROUTER, 0, 0, 0644, R_OK, true},
    {__LINE__, "the owner without rights is not saved by the others'", ROUTER, ROUTER, 0, 0044,
     R_OK, false},
    {__LINE__, "root", 0, OTHER, OTHER, 0, R_OK | W_OK | X_OK, true},
    {__LINE__, "a directory to write in", ROUTER, ROUTER, ROUTER, 0700, W_OK | X_OK, true},
    {__LINE__, "a directory to read in", ROUTER, ROUTER, ROUTER, 0600, W_OK | X_OK, false},
};

static void
check_files(void)
{
	for (size_t i = 0; i < TAP_COUNT(files); i++) {
		const struct diagnose_user user = {
		    .uid = files[i].user, .groups = {ROUTER, 99}, .n_groups = 2};
		const struct stat st = {.st_uid = files[i].owner,
					.st_gid = files[i].group,
					.st_mode = S_IFREG | files[i].mode};
		TAP_ROW_AT(files[i].line, files[i].name,
			   diagnose_access(&user, &st, files[i].want) == files[i].may,
			   "expected %s", files[i].may ? "that it may" : "that it may not");
	}
	TAP_OK("nfs is a network's", diagnose_is_remote(0x6969));
	TAP_OK("ext4 is not", !diagnose_is_remote(0xef53));
}

static void
check_directories(void)
{
	char directory[PATH_MAX];
	TAP_STR("a file's directory", path_directory("/etc/router/x", directory), "/etc/router");
	TAP_STR("of one at the root", path_directory("/x", directory), "/");
	TAP_STR("of one that names none", path_directory("x", directory), ".");
	TAP_STR("below this one", path_directory("a/x", directory), "a");
}

static void
check_placeholders(void)
{
	static const char *const examples[] = {
	    "YOUR_DEEPSEEK_KEY", "your-api-key", "sk-xxxxxxxx", "sk-...",
	    "sk-\xe2\x80\xa6",   "<key>",        "changeme",    "${KEY}",
	    "sk-example",        "sk-"};
	static const char *const real[] = {"sk-ant-api03-abcDEF", "sk-0123456789abcdef",
					   "sk-stored-kimi"};
	for (size_t i = 0; i < TAP_COUNT(examples); i++)
		TAP_ROW(examples[i], diagnose_is_placeholder(examples[i]), "expected: an example");
	for (size_t i = 0; i < TAP_COUNT(real); i++)
		TAP_ROW(real[i], !diagnose_is_placeholder(real[i]), "expected: no example");
}

/* --- cron ------------------------------------------------------------- */

static const struct {
	int line;
	const char *name, *text;
	struct diagnose_cron entry;
} crontabs[] = {
    {__LINE__,
     "as we ship it",
     "# Claude Router\nSHELL=/bin/sh\nCLAUDE_ROUTER_CONFIG=/etc/claude-router/claude-router.conf\n"
     "ROUTER_STATE_FILE=/var/lib/claude-router/state\n"
     "0-4 * * * * www-data /usr/sbin/claude-router-check\n",
     {"0-4 * * * *", "www-data", "/etc/claude-router/claude-router.conf",
      "/var/lib/claude-router/state", "/usr/sbin/claude-router-check"}},
    {__LINE__,
     "as --print-crontab has it",
     "7 */2 * * * www-data ROUTER_STATE_FILE=/s /usr/sbin/claude-router-check --config /c\n",
     {"7 */2 * * *", "www-data", "/c", "/s", "/usr/sbin/claude-router-check"}},
    {__LINE__,
     "as --print-crontab has it, of paths that need quotes",
     "7 * * * * root ROUTER_STATE_FILE='/a b/\\%$\"`'\\''s' /usr/sbin/claude-router-check "
     "--config '/c\\''\\'' \\''\\%'\n",
     {"7 * * * *", "root", "/c\\\\ \\%", "/a b/%$\"`'s", "/usr/sbin/claude-router-check"}},
    {__LINE__,
     "tabs, quotes, no line end",
     "ROUTER_STATE_FILE = \"/s\"\n5\t*  * * *\troot\t/x/claude-router-check --config=/c",
     {"5 * * * *", "root", "/c", "/s", "/x/claude-router-check"}},
    {__LINE__,
     "@hourly",
     "@hourly www-data /usr/sbin/claude-router-check\n",
     {"@hourly", "www-data", "", "", "/usr/sbin/claude-router-check"}},
    {__LINE__,
     "others' entries, and one that is commented out",
     "17 * * * * root cd / && run-parts /etc/cron.hourly\n"
     "#0-4 * * * * www-data /usr/sbin/claude-router-check\n",
     {"", "", "", "", ""}},
    {__LINE__, "nothing", "", {"", "", "", "", ""}},
    {__LINE__, "half a line", "0-4 * *", {"", "", "", "", ""}},
};

static void
check_crontabs(void)
{
	for (size_t i = 0; i < TAP_COUNT(crontabs); i++) {
		struct diagnose_cron got;
		const struct diagnose_cron *want = &crontabs[i].entry;
		diagnose_crontab(crontabs[i].text, &got);
		TAP_ROW_AT(crontabs[i].line, crontabs[i].name,
			   strcmp(got.times, want->times) == 0 &&
			       strcmp(got.user, want->user) == 0 &&
			       strcmp(got.config, want->config) == 0 &&
			       strcmp(got.state, want->state) == 0 &&
			       strcmp(got.program, want->program) == 0,
			   "expected %s|%s|%s|%s|%s\ngot      %s|%s|%s|%s|%s", want->times,
			   want->user, want->config, want->state, want->program, got.times,
			   got.user, got.config, got.state, got.program);
	}
	TAP_OK("times differ by spaces", diagnose_same_times("0-4 * * * *", " 0-4  *\t* * *"));
	TAP_OK("times differ", !diagnose_same_times("0-4 * * * *", "0-5 * * * *"));
}

/* --- The web server --------------------------------------------------- */

static const struct {
	int line;
	const char *name;
	long status;
	const char *body;
	enum diagnose_site answer;
} healths[] = {
    {__LINE__, "our health", 200, "{ \"status\": \"healthy\", \"failover_count\": 0 }",
     SITE_ROUTER},
    {__LINE__, "our health, no provider is usable", 503,
     "{\"status\":\"unhealthy\",\"failover_count\":3}", SITE_ROUTER},
    {__LINE__, "our health, for clients without admin rights", 200, "{\"status\":\"degraded\"}",
     SITE_ROUTER},
    {__LINE__, "our health, for clients without admin rights, no provider is usable", 503,
     "{ \"status\": \"unhealthy\" }\n", SITE_ROUTER},
    {__LINE__, "our 404", 404, "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\"}}",
     SITE_WRONG_PREFIX},
    {__LINE__, "lighttpd without a responder", 503, "<?xml version=\"1.0\"?><html>",
     SITE_NO_RESPONDER},
    {__LINE__, "nginx without a responder", 502, "<html>", SITE_NO_RESPONDER},
    {__LINE__, "mod_fcgid without a responder", 500, "<html>", SITE_NO_RESPONDER},
    {__LINE__, "another site", 200, "<html>", SITE_OTHER},
    {__LINE__, "another site's 404", 404, "", SITE_OTHER},
    {__LINE__, "another program's health", 200, "{\"status\":\"ok\"}", SITE_OTHER},
    {__LINE__, "another program's health, with our word and more", 200,
     "{\"status\":\"healthy\",\"database\":\"up\"}", SITE_OTHER},
    {__LINE__, "another program's health in another form", 200, "{\"status\":[\"healthy\"]}",
     SITE_OTHER},
    {__LINE__, "half an object", 200, "{\"status\":", SITE_OTHER},
};

static const struct {
	int line;
	const char *name;
	int64_t sent[4], came[4];
	size_t n;
	bool buffered;
} streams[] = {
    {__LINE__, "as they were sent", {0, 150, 300, 450}, {5, 156, 304, 455}, 4, false},
    {__LINE__, "all at once", {0, 150, 300, 450}, {455, 455, 455, 456}, 4, true},
    {__LINE__, "in two halves", {0, 150, 300, 450}, {155, 155, 300, 310}, 4, true},
    {__LINE__, "late, but apart", {0, 150, 300, 450}, {900, 1050, 1200, 1350}, 4, false},
    {__LINE__, "a slow sender", {0, 300, 900, 1200}, {5, 305, 905, 1205}, 4, false},
    {__LINE__, "one event tells nothing", {0}, {500}, 1, false},
    {__LINE__, "none", {0}, {0}, 0, false},
};

static const struct {
	int line;
	const char *name;
	enum diagnose_directive setting;
	const char *server;
	const char *text; /* in it */
} settings[] = {
    {__LINE__, "lighttpd streams", DIRECTIVE_STREAM, "lighttpd/1.4.69",
     "server.stream-response-body = 2"},
    {__LINE__, "lighttpd takes 32 MB", DIRECTIVE_BODY, "lighttpd/1.4.69",
     "server.max-request-size = 34816"},
    {__LINE__, "nginx takes 32 MB", DIRECTIVE_BODY, "nginx/1.22.1", "client_max_body_size 34m;"},
    {__LINE__, "Apache takes 32 MB", DIRECTIVE_BODY, "Apache/2.4.67 (Debian)",
     "FcgidMaxRequestLen 35651584"},
    {__LINE__, "Apache passes the login", DIRECTIVE_AUTHORIZATION, "Apache", "CGIPassAuth On"},
    {__LINE__, "lighttpd allows silence", DIRECTIVE_SILENCE, "lighttpd",
     "server.max-write-idle = 900"},
    {__LINE__, "lighttpd reports a disconnect", DIRECTIVE_ABORT, "lighttpd",
     "\"tcp-fin-propagate\" => \"enable\""},
    {__LINE__, "another server", DIRECTIVE_BODY, "", "34 MB"},
};

static void
check_server(void)
{
	for (size_t i = 0; i < TAP_COUNT(healths); i++)
		TAP_INT_AT(healths[i].line, healths[i].name,
			   diagnose_site(healths[i].status, healths[i].body), healths[i].answer);
	for (size_t i = 0; i < TAP_COUNT(streams); i++) {
		struct diagnose_event events[4];
		for (size_t k = 0; k < 4; k++)
			events[k] = (struct diagnose_event){streams[i].sent[k], streams[i].came[k]};
		TAP_INT_AT(streams[i].line, streams[i].name,
			   diagnose_is_buffered(events, streams[i].n), streams[i].buffered);
	}
	for (size_t i = 0; i < TAP_COUNT(settings); i++) {
		char text[256];
		diagnose_directive(settings[i].setting, diagnose_server(settings[i].server),
				   32 << 20, text, sizeof text);
		TAP_ROW_AT(settings[i].line, settings[i].name,
			   strstr(text, settings[i].text) != NULL, "expected … %s …\ngot      %s",
			   settings[i].text, text);
	}
}

/* --- Providers -------------------------------------------------------- */

static const struct {
	int line;
	const char *name;
	CURLcode code;
	long verify;
	bool proxy;
	const char *id;
} connections[] = {
    {__LINE__, "fine", CURLE_OK, 0, false, NULL},
    {__LINE__, "no such name", CURLE_COULDNT_RESOLVE_HOST, 0, false, "provider-dns"},
    {__LINE__, "refused", CURLE_COULDNT_CONNECT, 0, false, "provider-refused"},
    {__LINE__, "refused by the proxy", CURLE_COULDNT_CONNECT, 0, true, "provider-proxy"},
    {__LINE__, "no answer", CURLE_OPERATION_TIMEDOUT, 0, false, "provider-timeout"},
    {__LINE__, "expired", CURLE_PEER_FAILED_VERIFICATION, 10, false,
     "provider-certificate-expired"},
    {__LINE__, "not yet valid", CURLE_PEER_FAILED_VERIFICATION, 9, false,
     "provider-certificate-early"},
    {__LINE__, "another name", CURLE_PEER_FAILED_VERIFICATION, 0, false,
     "provider-certificate-name"},
    {__LINE__, "another name, as libcurl 7.88 tells it", CURLE_PEER_FAILED_VERIFICATION, 1, false,
     "provider-certificate-name"},
    {__LINE__, "self-signed", CURLE_PEER_FAILED_VERIFICATION, 18, false,
     "provider-certificate-unknown"},
    {__LINE__, "no issuer", CURLE_PEER_FAILED_VERIFICATION, 20, false,
     "provider-certificate-unknown"},
    {__LINE__, "plain http at https", CURLE_SSL_CONNECT_ERROR, 0, false, "provider-tls"},
    {__LINE__, "no ca_file", CURLE_SSL_CACERT_BADFILE, 0, false, "provider-ca-file"},
    {__LINE__, "cut off", CURLE_GOT_NOTHING, 0, false, "provider-connection"},
};

/* --- Claude Code ------------------------------------------------------ */

static const struct {
	int line;
	const char *url;
	bool odd, works;
} urls[] = {
    {__LINE__, "http://127.0.0.1:8000", false, true},
    {__LINE__, "http://127.0.0.1:8000/", false, true},
    {__LINE__, "http://127.0.0.1/claude-router/", false, true},
    {__LINE__, "https://router.example/k/abcd/", false, true},
    {__LINE__, "http://127.0.0.1:8000/v1", true, true},
    {__LINE__, "http://127.0.0.1:8000/v1/", true, true},
    {__LINE__, "http://127.0.0.1:8000/v1/messages", true, false},
    {__LINE__, "127.0.0.1:8000", true, false},
    {__LINE__, "\"http://127.0.0.1:8000\"", true, false},
    {__LINE__, "http://127.0.0.1:8000 ", true, false},
    {__LINE__, "http://127.0.0.1:8000?x=1", true, false},
};

static void
check_client(void)
{
	for (size_t i = 0; i < TAP_COUNT(connections); i++)
		TAP_STR_AT(connections[i].line, connections[i].name,
			   diagnose_connection(connections[i].code, connections[i].verify,
					       connections[i].proxy)
			       .id,
			   connections[i].id);
	for (size_t i = 0; i < TAP_COUNT(urls); i++) {
		bool works, odd = diagnose_base_url(urls[i].url, &works) != NULL;
		TAP_ROW_AT(urls[i].line, urls[i].url, odd == urls[i].odd && works == urls[i].works,
			   "got odd %d, works %d", odd, works);
	}
	TAP_OK("NO_PROXY names it", diagnose_no_proxy("localhost, 127.0.0.1", "127.0.0.1"));
	TAP_OK("NO_PROXY names all", diagnose_no_proxy("*", "127.0.0.1"));
	TAP_OK("NO_PROXY names others", !diagnose_no_proxy("localhost,127.0.0.10", "127.0.0.1"));
	TAP_OK("NO_PROXY is empty", !diagnose_no_proxy("", "127.0.0.1"));
	TAP_OK("1 means yes", diagnose_is_true("1"));
	TAP_OK("0 means no",
	       !diagnose_is_true("0") && !diagnose_is_true("") && !diagnose_is_true(NULL));
}

/* --- Findings --------------------------------------------------------- */

static void
check_too_many(void)
{
	static struct report f;
	report_cure(&f, "a cure of nothing");
	for (int i = 0; i <= REPORT_FINDINGS_MAX; i++) {
		report_add(&f, SEVERITY_NOTE, "some", "finding %d", i);
		report_cure(&f, "cure %d", i);
	}
	TAP_INT("more findings than there is room for are dropped", f.n, REPORT_FINDINGS_MAX);
	TAP_STR("with their cures", f.findings[REPORT_FINDINGS_MAX - 1].cure, "cure 63");
}

/* --- Money ------------------------------------------------------------ */

static void
check_prices(void)
{
	const int64_t day = 86400000, checked = 20000 * day;
	TAP_OK("prices of 90 days ago are not old",
	       !diagnose_is_price_old(checked, checked + 90 * day));
	TAP_OK("prices are old after that", diagnose_is_price_old(checked, checked + 90 * day + 1));
	TAP_OK("nor of tomorrow, where the clock is behind",
	       !diagnose_is_price_old(checked, checked - day));
	TAP_OK("nor without a date", !diagnose_is_price_old(-1, checked));
}

int
main(int argc, char **argv)
{
	tap_start("doctor", argc, argv);
	check_too_many();
	check_files();
	check_directories();
	check_placeholders();
	check_crontabs();
	check_server();
	check_client();
	check_prices();
	return tap_finish();
}
