/* SPDX-License-Identifier: MIT */
/* request, routes, credential: the facts in a client's FastCGI parameters (BEHAVIOUR.md 2, 3). */

#include "app/routes.h"
#include "client/request.h"
#include "config/credential.h"

#include "tap.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is left out is 0 */

enum { PARAMS_IN_A_ROW = 6 };

static struct network loopback[] = {
    {.address = {[10] = 0xff, [11] = 0xff, [12] = 127}, .bits = 104},
};
static struct network proxies[] = {
    {.address = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, .bits = 128},
};
static char host[] = "router.example";
static char *hosts[] = {host};
static const struct config config = {
    .admin_from = loopback,
    .n_admin_from = 1,
    .trusted_proxies = proxies,
    .n_trusted_proxies = 1,
    .hosts = hosts,
    .n_hosts = 1,
};

/* Reads a request with these parameters beside the usual ones. */
static struct refusal
read_request(struct request *r, const char *method, const char *uri, const char *address,
	     const char *const *extra)
{
	char line[3][256];
	char *params[PARAMS_IN_A_ROW + 4] = {line[0], line[1], line[2]};
	snprintf(line[0], sizeof line[0], "REQUEST_METHOD=%s", method);
	snprintf(line[1], sizeof line[1], "REQUEST_URI=%s", uri);
	snprintf(line[2], sizeof line[2], "REMOTE_ADDR=%s", address);
	for (size_t i = 0; i < PARAMS_IN_A_ROW && extra[i] != NULL; i++)
		params[3 + i] = (char *)(uintptr_t)extra[i];
	request_init(r, 1000);
	return request_read_params(r, params, &config, &app_routes);
}

/* --- Self-tests -------------------------------------------------------- */

static const struct {
	int line;
	const char *query;
	uint32_t seconds;
} silences[] = {
    {__LINE__, "", 0},
    {__LINE__, "?silence=0", 0},
    {__LINE__, "?silence=65", 65},
    {__LINE__, "?beta=true&silence=600", 600},
    {__LINE__, "?silence=601", SELF_TEST_SILENCE_MAX_S},
    {__LINE__, "?silence=999999999999999999999", 0},
    {__LINE__, "?silence=-1", 0},
    {__LINE__, "?silence=1x", 0},
    {__LINE__, "?silence=", 0},
};

static void
check_silence(size_t i)
{
	static const char *const nothing[PARAMS_IN_A_ROW] = {0};
	struct request r;
	char uri[128];
	snprintf(uri, sizeof uri, "/v1/self-test%s", silences[i].query);
	read_request(&r, "POST", uri, "127.0.0.1", nothing);
	TAP_INT_AT(silences[i].line, uri, r.silence_s, silences[i].seconds);
	request_fini(&r);
}

/* --- Reports ----------------------------------------------------------- */

static const struct {
	int line;
	const char *query;
	const char *days, *by, *after, *limit;
} reports[] = {
    {__LINE__, "", NULL, NULL, NULL, NULL},
    {__LINE__, "?", NULL, NULL, NULL, NULL},
    {__LINE__, "?days=7&by=model", "7", "model", NULL, NULL},
    {__LINE__, "?limit=5&after=12&x=1", NULL, NULL, "12", "5"},
    {__LINE__, "?days=&by", "", NULL, NULL, NULL},
    {__LINE__, "?beta=true&days=1&days=2&bydays=3", "2", NULL, NULL, NULL},
};

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
check_report(size_t i)
{
	static const char *const nothing[PARAMS_IN_A_ROW] = {0};
	struct request r;
	char uri[128];
	snprintf(uri, sizeof uri, "/v1/usage%s", reports[i].query);
	read_request(&r, "GET", uri, "127.0.0.1", nothing);
	bool fine = same(r.days, reports[i].days) && same(r.by, reports[i].by) &&
		    same(r.after, reports[i].after) && same(r.limit, reports[i].limit);
	TAP_ROW_AT(reports[i].line, uri, fine && r.query[0] == '\0', "got %s, %s, %s, %s", r.days,
		   r.by, r.after, r.limit);
	request_fini(&r);
}

/* --- Routes ----------------------------------------------------------- */

static const struct {
	int line;
	const char *method, *uri;
	int status; /* of the refusal; 0: none */
	enum route_id route;
	const char *path, *query, *key;
} routes[] = {
    {__LINE__, "POST", "/v1/messages", 0, ROUTE_MESSAGES, "/v1/messages", "", NULL},
    {__LINE__, "POST", "/v1/messages?beta=true", 0, ROUTE_MESSAGES, "/v1/messages", "beta=true",
     NULL},
    {__LINE__, "POST", "/v1/messages?x=1&beta=true&y", 0, ROUTE_MESSAGES, "/v1/messages",
     "beta=true", NULL},
    {__LINE__, "POST", "/v1/self-test?silence=5", 0, ROUTE_OTHER, "/v1/self-test", "", NULL},
    {__LINE__, "GET", "/v1/models?limit=5&evil=1&after_id=a", 0, ROUTE_MODELS, "/v1/models",
     "limit=5&after_id=a", NULL},
    {__LINE__, "GET", "/v1/models?limit=5&beta=true", 0, ROUTE_MODELS, "/v1/models",
     "limit=5&beta=true", NULL},
    {__LINE__, "GET", "/v1/models?limit=5%20x#y", 0, ROUTE_MODELS, "/v1/models", "", NULL},
    {__LINE__, "POST", "/v1/v1/messages", 0, ROUTE_MESSAGES, "/v1/messages", "", NULL},
    {__LINE__, "POST", "/v1/v1/v1/messages", 404, ROUTE_NONE, NULL, NULL, NULL},
    {__LINE__, "POST", "/k/abc_DEF-9/v1/messages", 0, ROUTE_MESSAGES, "/v1/messages", "",
     "abc_DEF-9"},
    {__LINE__, "POST", "/k/abc/v1/v1/messages?beta=true", 0, ROUTE_MESSAGES, "/v1/messages",
     "beta=true", "abc"},
    {__LINE__, "POST", "/k//v1/messages", 404, ROUTE_NONE, NULL, NULL, NULL},
    {__LINE__, "POST", "/k/a%2fb/v1/messages", 404, ROUTE_NONE, NULL, NULL, NULL},
    {__LINE__, "POST", "/k/..%2fv1/%2e%2e/messages", 404, ROUTE_NONE, NULL, NULL, NULL},
    {__LINE__, "POST", "/v1/messages/", 404, ROUTE_NONE, NULL, NULL, NULL},
    {__LINE__, "POST", "//v1/messages", 404, ROUTE_NONE, NULL, NULL, NULL},
    {__LINE__, "POST", "/v1/%6dessages", 404, ROUTE_NONE, NULL, NULL, NULL},
    {__LINE__, "POST", "http://host/v1/messages", 404, ROUTE_NONE, NULL, NULL, NULL},
    {__LINE__, "GET", "/v1/messages", 405, ROUTE_MESSAGES, NULL, NULL, NULL},
    {__LINE__, "GET", "/v1/models/claude-opus-5-5", 0, ROUTE_MODEL, "/v1/models/claude-opus-5-5",
     "", NULL},
    {__LINE__, "GET", "/v1/models/a%20b", 404, ROUTE_NONE, NULL, NULL, NULL},
    {__LINE__, "GET", "/v1/models/", 404, ROUTE_NONE, NULL, NULL, NULL},
    {__LINE__, "GET", "/v1/models/../status", 404, ROUTE_NONE, NULL, NULL, NULL},
    {__LINE__, "HEAD", "/", 0, ROUTE_OTHER, "/", "", NULL},
    {__LINE__, "HEAD", "/health?live=1", 0, ROUTE_OTHER, "/health", "", NULL},
    {__LINE__, "POST", "/health", 405, ROUTE_OTHER, NULL, NULL, NULL},
    {__LINE__, "get", "/health", 405, ROUTE_OTHER, NULL, NULL, NULL},
    {__LINE__, "GE", "/health", 405, ROUTE_OTHER, NULL, NULL, NULL},
};

static void
check_route(size_t i)
{
	static const char *const nothing[PARAMS_IN_A_ROW] = {NULL};
	struct request r;
	char name[160];
	snprintf(name, sizeof name, "%s %s", routes[i].method, routes[i].uri);
	struct refusal c = read_request(&r, routes[i].method, routes[i].uri, "127.0.0.1", nothing);
	bool fine = c.status == routes[i].status && r.route->id == routes[i].route;
	if (c.status == 0)
		fine = fine && same(r.path, routes[i].path) && same(r.query, routes[i].query) &&
		       same(r.client_key, routes[i].key);
	TAP_ROW_AT(routes[i].line, name, fine, "got %d route %d path %s query %s key %s", c.status,
		   r.route->id, r.path, r.query, r.client_key == NULL ? "-" : r.client_key);
	request_fini(&r);
}

static void
check_unknown_path(void)
{
	static const char *const nothing[PARAMS_IN_A_ROW] = {NULL};
	struct request r;
	const struct refusal c = read_request(&r, "GET", "/v2", "127.0.0.1", nothing);
	TAP_STR("an unknown path: the table's routes are named", c.message,
		"Unknown path. Claude Router serves /v1/messages, /v1/messages/count_tokens, "
		"/v1/models, /health, /v1/status, /v1/usage, /v1/events, /v1/switch-provider, "
		"/v1/retry-provider, "
		"/v1/health-check, /v1/drill, /metrics, /dashboard, /v1/self-test.");
	request_fini(&r);
}

/* --- The client ------------------------------------------------------- */

static const struct {
	int line;
	const char *name, *address;
	const char *extra[PARAMS_IN_A_ROW];
	int status;
	const char *trusted; /* the address */
	bool local;
} askers[] = {
    {__LINE__,
     "from loopback, by address",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1:8000"},
     0,
     "127.0.0.1",
     true},
    {__LINE__,
     "from loopback, by localhost",
     "127.0.0.9",
     {"HTTP_HOST=LocalHost"},
     0,
     "127.0.0.9",
     true},
    {__LINE__, "from loopback v6", "::1", {"HTTP_HOST=[::1]:8000"}, 0, "::1", true},
    {__LINE__,
     "by a name of ours",
     "127.0.0.1",
     {"HTTP_HOST=Router.Example:8000"},
     0,
     "127.0.0.1",
     true},
    {__LINE__,
     "by another name (DNS rebinding)",
     "127.0.0.1",
     {"HTTP_HOST=evil.example"},
     0,
     "",
     false},
    {__LINE__,
     "by a name that begins like an address",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1.evil.example"},
     0,
     "",
     false},
    {__LINE__, "without a Host", "127.0.0.1", {NULL}, 0, "", false},
    {__LINE__,
     "from another machine",
     "192.168.1.5",
     {"HTTP_HOST=192.168.1.2:8000"},
     0,
     "192.168.1.5",
     false},
    {__LINE__,
     "from a web page",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_ORIGIN=https://evil.example", "CONTENT_TYPE=application/json"},
     0,
     "",
     false},
    {__LINE__,
     "from a web page of another site",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_SEC_FETCH_SITE=cross-site",
      "CONTENT_TYPE=application/json; charset=utf-8"},
     0,
     "",
     false},
    {__LINE__,
     "typed into a browser",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_SEC_FETCH_SITE=none", "CONTENT_TYPE=Application/JSON"},
     0,
     "127.0.0.1",
     true},
    {__LINE__,
     "through an untrusted proxy",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=127.0.0.1"},
     0,
     "",
     false},
    {__LINE__,
     "Forwarded",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_FORWARDED=for=127.0.0.1"},
     0,
     "",
     false},
    {__LINE__,
     "X-Real-IP",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_REAL_IP=127.0.0.1"},
     0,
     "",
     false},
    {__LINE__, "Via", "127.0.0.1", {"HTTP_HOST=127.0.0.1", "HTTP_VIA=1.1 x"}, 0, "", false},
    {__LINE__,
     "through a trusted proxy: the last address",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=127.0.0.1, 192.168.1.9"},
     0,
     "192.168.1.9",
     false},
    {__LINE__,
     "two trusted proxies: the client of the first",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=127.0.0.1, 192.168.1.9, 10.0.0.1"},
     0,
     "192.168.1.9",
     false},
    {__LINE__,
     "the same in two lines",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=127.0.0.1,192.168.1.9",
      "HTTP_X_FORWARDED_FOR= 10.0.0.1 ", "SERVER_SOFTWARE=nginx/1.22.1"},
     0,
     "192.168.1.9",
     false},
    {__LINE__,
     "only trusted proxies",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=10.0.0.1, 10.0.0.1"},
     0,
     "",
     false},
    {__LINE__,
     "a trusted proxy that names no client",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_VIA=1.1 x"},
     0,
     "",
     false},
    {__LINE__,
     "an unreadable address behind a trusted proxy",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=127.0.0.1, unknown, 10.0.0.1"},
     0,
     "",
     false},
    {__LINE__,
     "with ports and brackets",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=[fd00::9]:123, 10.0.0.1:80"},
     0,
     "fd00::9",
     false},
    {__LINE__,
     "a network is not an address",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=127.0.0.0/8"},
     0,
     "",
     false},
    {__LINE__,
     "a form on another site",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_ORIGIN=null", "CONTENT_TYPE=text/plain"},
     415,
     NULL,
     false},
    {__LINE__,
     "the content-type under both of its names",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "CONTENT_TYPE=application/json", "HTTP_CONTENT_TYPE=application/json"},
     0,
     "127.0.0.1",
     true},
    {__LINE__,
     "a forged first line behind a trusted proxy",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9",
      "SERVER_SOFTWARE=nginx/1.22.1"},
     0,
     "192.168.1.9",
     false},
    {__LINE__,
     "a second line, spelled with underscores (lighttpd)",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9", "HTTP_X_FORWARDED_FOR=127.0.0.2",
      "SERVER_SOFTWARE=lighttpd/1.4.69"},
     0,
     "",
     false},
    {__LINE__,
     "a proxy beside a proxy that is not here",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=127.0.0.1"},
     0,
     "",
     false},
    {__LINE__,
     "the same with its client",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9, 127.0.0.1"},
     0,
     "",
     false},
    {__LINE__,
     "the same by v6",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9, ::1"},
     0,
     "",
     false},
    {__LINE__,
     "the same by mapped v6",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9, [::ffff:127.0.0.1]:80"},
     0,
     "",
     false},
    {__LINE__,
     "a trusted proxy by mapped v6, a client by it",
     "::ffff:10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=::ffff:192.168.1.9, ::ffff:10.0.0.1"},
     0,
     "::ffff:192.168.1.9",
     false},
    {__LINE__,
     "v6 without brackets",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=fd00::9,10.0.0.1"},
     0,
     "fd00::9",
     false},
    {__LINE__,
     "brackets without a port",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=[fd00::9]"},
     0,
     "fd00::9",
     false},
    {__LINE__,
     "blanks around",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=  192.168.1.9  ,  10.0.0.1 "},
     0,
     "192.168.1.9",
     false},
    {__LINE__,
     "unreadable: nothing",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR="},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: blanks",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR= "},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: an empty entry",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9, , 10.0.0.1"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: a comma at the end",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9,"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: a comma alone",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=,"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: text behind an address",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9 or so"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: a port that is not one",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9:x"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: no port behind a colon",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9:"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: too long a port",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9:1234567"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: an open bracket",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=[fd00::9"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: a bracket alone",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=["},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: text behind a bracket",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=[fd00::9]x"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: v4 in brackets",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=[192.168.1.9]"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: quotes",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=\"192.168.1.9\""},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: a zone",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=fe80::1%eth0"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: a name",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=localhost"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: v4 of three numbers",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=127.1.1"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable: of Forwarded",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=for=192.168.1.9"},
     0,
     "",
     false},
    {__LINE__,
     "unreadable, but left of the client's",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=x, 192.168.1.9, 10.0.0.1"},
     0,
     "192.168.1.9",
     false},
    {__LINE__,
     "X-Real-IP behind a trusted proxy does not count",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_REAL_IP=192.168.1.9"},
     0,
     "",
     false},
    {__LINE__,
     "nor is Forwarded",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_FORWARDED=for=192.168.1.9"},
     0,
     "",
     false},
    {__LINE__,
     "beside X-Forwarded-For they are ignored",
     "10.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_FOR=192.168.1.9", "HTTP_FORWARDED=for=127.0.0.1",
      "HTTP_X_REAL_IP=127.0.0.1", "HTTP_VIA=1.1 x"},
     0,
     "192.168.1.9",
     false},
    {__LINE__,
     "another X-Forwarded header",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_X_FORWARDED_PROTO=https"},
     0,
     "",
     false},
    {__LINE__, "a local socket", "unix:", {"HTTP_HOST=127.0.0.1"}, 0, "", false},
    {__LINE__,
     "a Host that is not ours: text behind the port",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1:80@evil.example"},
     0,
     "",
     false},
    {__LINE__,
     "a Host that is not ours: text behind localhost",
     "127.0.0.1",
     {"HTTP_HOST=localhost:80@evil.example"},
     0,
     "",
     false},
    {__LINE__,
     "a Host that is not ours: text behind a bracket",
     "127.0.0.1",
     {"HTTP_HOST=[::1]evil.example"},
     0,
     "",
     false},
    {__LINE__, "a Host that is not ours: an empty one", "127.0.0.1", {"HTTP_HOST="}, 0, "", false},
    {__LINE__,
     "a Host that is not ours: a sub-domain",
     "127.0.0.1",
     {"HTTP_HOST=x.localhost"},
     0,
     "",
     false},
    {__LINE__,
     "a Host that is not ours: two, joined",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1, evil.example"},
     0,
     "",
     false},
    {__LINE__,
     "a browser without a content-type",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_SEC_FETCH_MODE=no-cors"},
     415,
     NULL,
     false},
    {__LINE__,
     "a browser with another's parameter",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_SEC_FETCH_MODE=no-cors",
      "CONTENT_TYPE=text/plain; application/json"},
     415,
     NULL,
     false},
    {__LINE__,
     "a browser with half a type",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_SEC_FETCH_MODE=no-cors", "CONTENT_TYPE=application/jsonx"},
     415,
     NULL,
     false},
    {__LINE__,
     "a browser with a form's type",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_SEC_FETCH_MODE=no-cors",
      "CONTENT_TYPE=multipart/form-data; boundary=x"},
     415,
     NULL,
     false},
    {__LINE__,
     "no browser, without a content-type",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_ANTHROPIC_DANGEROUS_DIRECT_BROWSER_ACCESS=true"},
     0,
     "127.0.0.1",
     true},
    {__LINE__,
     "a control byte in a header",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_USER_AGENT=a\001b"},
     400,
     NULL,
     false},
    {__LINE__,
     "a control byte in a header's name",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_ANTHROPIC_X\r\nX_API_KEY=b"},
     400,
     NULL,
     false},
    {__LINE__,
     "a colon in a header's name",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_ANTHROPIC_X:=b"},
     400,
     NULL,
     false},
    {__LINE__,
     "a header without a name",
     "127.0.0.1",
     {"HTTP_HOST=127.0.0.1", "HTTP_=b"},
     400,
     NULL,
     false},
    {__LINE__,
     "a credential twice",
     "127.0.0.1",
     {"HTTP_AUTHORIZATION=Bearer a", "HTTP_AUTHORIZATION=Bearer b"},
     400,
     NULL,
     false},
    {__LINE__, "a credential with a comma", "127.0.0.1", {"HTTP_X_API_KEY=a, b"}, 400, NULL, false},
    {__LINE__, "a body beyond the limit", "127.0.0.1", {"CONTENT_LENGTH=1001"}, 413, NULL, false},
    {__LINE__,
     "a body at the limit",
     "127.0.0.1",
     {"CONTENT_LENGTH=1000", "HTTP_HOST=127.0.0.1"},
     0,
     "127.0.0.1",
     true},
    {__LINE__,
     "a length of many digits",
     "127.0.0.1",
     {"CONTENT_LENGTH=99999999999999999999"},
     413,
     NULL,
     false},
    {__LINE__, "a length below zero", "127.0.0.1", {"CONTENT_LENGTH=-1"}, 400, NULL, false},
    {__LINE__,
     "a length that is not a number",
     "127.0.0.1",
     {"CONTENT_LENGTH=12 KB"},
     400,
     NULL,
     false},
    {__LINE__,
     "an empty length",
     "127.0.0.1",
     {"CONTENT_LENGTH=", "HTTP_HOST=127.0.0.1"},
     0,
     "127.0.0.1",
     true},
};

static void
check_asker(size_t i)
{
	struct request r;
	struct refusal c =
	    read_request(&r, "POST", "/v1/messages", askers[i].address, askers[i].extra);
	bool fine = c.status == askers[i].status;
	if (c.status == 0)
		fine = fine && same(r.address, askers[i].trusted) && r.local == askers[i].local;
	TAP_ROW_AT(askers[i].line, askers[i].name, fine, "got %d, believed \"%s\", local %d: %s",
		   c.status, r.address, r.local, c.message);
	request_fini(&r);
}

/* --- Headers that came twice ------------------------------------------- */

static const struct {
	int line;
	const char *name; /* of the header */
	const char *extra[PARAMS_IN_A_ROW];
	const char *value;
} doubled[] = {
    {__LINE__, "content-type", {"CONTENT_TYPE=a/b, a/b"}, "a/b"},
    {__LINE__,
     "content-type",
     {"CONTENT_TYPE=a/b", "HTTP_CONTENT_TYPE=a/b", "HTTP_CONTENT_TYPE=c/d"},
     "a/b"},
    {__LINE__, "content-type", {"CONTENT_TYPE=", "HTTP_CONTENT_TYPE=a/b"}, "a/b"},
    {__LINE__,
     "anthropic-version",
     {"HTTP_ANTHROPIC_VERSION=2023-06-01, 2023-06-01"},
     "2023-06-01"},
    {__LINE__, "anthropic-version", {"HTTP_ANTHROPIC_VERSION=1", "HTTP_ANTHROPIC_VERSION=2"}, "1"},
    {__LINE__, "anthropic-beta", {"HTTP_ANTHROPIC_BETA=a, b"}, "a, b"},
    {__LINE__, "x-claude-code-session-id", {"HTTP_X_CLAUDE_CODE_SESSION_ID=s , t"}, "s"},
    {__LINE__, "x-app", {"HTTP_X_APP=,"}, ""},
    {__LINE__,
     "user-agent",
     {"HTTP_USER_AGENT=claude-cli/2 (external, sdk-cli)"},
     "claude-cli/2 (external, sdk-cli)"},
};

static void
check_doubled(size_t i)
{
	struct request r;
	read_request(&r, "POST", "/v1/messages", "127.0.0.1", doubled[i].extra);
	const char *value = headers_find(&r.headers, doubled[i].name);
	TAP_ROW_AT(doubled[i].line, doubled[i].name, same(value, doubled[i].value),
		   "expected \"%s\"\ngot      \"%s\"", doubled[i].value, value);
	request_fini(&r);
}

/* --- Client keys ------------------------------------------------------ */

#define KEY_A "crk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_B "crk_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static const struct {
	int line;
	const char *name, *uri;
	const char *extra[PARAMS_IN_A_ROW];
	int status;
	const char *key; /* NULL: none was sent */
} key_rows[] = {
    {__LINE__, "none", "/v1/messages", {NULL}, 0, NULL},
    {__LINE__, "in the path", "/k/" KEY_A "/v1/messages", {NULL}, 0, KEY_A},
    {__LINE__, "in the path, v1 doubled", "/k/" KEY_A "/v1/v1/messages", {NULL}, 0, KEY_A},
    {__LINE__, "a header", "/v1/messages", {"HTTP_X_ROUTER_KEY=" KEY_A}, 0, KEY_A},
    {__LINE__, "an empty header is an unknown key", "/v1/messages", {"HTTP_X_ROUTER_KEY="}, 0, ""},
    {__LINE__, "x-api-key", "/v1/messages", {"HTTP_X_API_KEY=" KEY_A}, 0, KEY_A},
    {__LINE__, "bearer", "/v1/messages", {"HTTP_AUTHORIZATION=bearer " KEY_A}, 0, KEY_A},
    {__LINE__,
     "another provider's API key",
     "/v1/messages",
     {"HTTP_X_API_KEY=your_api_key"},
     0,
     NULL},
    {__LINE__, "a login", "/v1/messages", {"HTTP_AUTHORIZATION=Bearer sk-ant-oat01-x"}, 0, NULL},
    {__LINE__, "Basic", "/v1/messages", {"HTTP_AUTHORIZATION=Basic " KEY_A}, 0, NULL},
    {__LINE__,
     "x-api-key beside a login",
     "/v1/messages",
     {"HTTP_X_API_KEY=" KEY_A, "HTTP_AUTHORIZATION=Bearer sk-ant-oat01-x"},
     0,
     KEY_A},
    {__LINE__,
     "the same one everywhere",
     "/k/" KEY_A "/v1/messages",
     {"HTTP_X_ROUTER_KEY=" KEY_A, "HTTP_X_API_KEY=" KEY_A, "HTTP_AUTHORIZATION=Bearer " KEY_A},
     0,
     KEY_A},
    {__LINE__,
     "path and header differ",
     "/k/" KEY_A "/v1/messages",
     {"HTTP_X_ROUTER_KEY=" KEY_B},
     400,
     NULL},
    {__LINE__,
     "header and x-api-key differ",
     "/v1/messages",
     {"HTTP_X_ROUTER_KEY=" KEY_A, "HTTP_X_API_KEY=" KEY_B},
     400,
     NULL},
    {__LINE__,
     "x-api-key and bearer differ",
     "/v1/messages",
     {"HTTP_X_API_KEY=" KEY_A, "HTTP_AUTHORIZATION=Bearer " KEY_B},
     400,
     NULL},
    {__LINE__,
     "the header twice",
     "/v1/messages",
     {"HTTP_X_ROUTER_KEY=" KEY_A, "HTTP_X_ROUTER_KEY=" KEY_A},
     400,
     NULL},
    {__LINE__,
     "the header joined by the web server",
     "/v1/messages",
     {"HTTP_X_ROUTER_KEY=" KEY_A ", " KEY_B},
     400,
     NULL},
    {__LINE__,
     "the admin token twice",
     "/v1/messages",
     {"HTTP_X_ROUTER_ADMIN=a", "HTTP_X_ROUTER_ADMIN=b"},
     400,
     NULL},
};

/* A client key is not a credential for a provider, and makes no admin. */
static void
check_key(size_t i)
{
	struct request r;
	struct refusal c =
	    read_request(&r, "POST", key_rows[i].uri, "127.0.0.1", key_rows[i].extra);
	bool fine = c.status == key_rows[i].status && strstr(c.message, "crk_") == NULL;
	if (c.status == 0)
		fine = fine && same(r.client_key, key_rows[i].key) && r.api_key == NULL &&
		       (r.login == NULL || strncmp(r.login, "sk-ant-", 7) == 0) &&
		       (r.presented_token == NULL || strncmp(r.presented_token, "crk_", 4) != 0);
	TAP_ROW_AT(key_rows[i].line, key_rows[i].name, fine,
		   "got %d, key %s, login %s, API key %s: %s", c.status, r.client_key, r.login,
		   r.api_key, c.message);
	request_fini(&r);
}

/* --- Whose credential ------------------------------------------------- */

#define LOGIN   "sk-ant-oat01-login"
#define API_KEY "sk-ant-api03-key"

static const struct {
	int line;
	const char *name;
	const char *extra[PARAMS_IN_A_ROW];
	enum credential_use use;
	bool takes_login, may_use_stored;
	const char *stored;
	const char *value; /* NULL: none */
	bool is_stored;
} choices[] = {
    {__LINE__,
     "a login is forwarded",
     {"HTTP_AUTHORIZATION=Bearer " LOGIN},
     CREDENTIAL_ANY,
     true,
     true,
     "s",
     LOGIN,
     false},
    {__LINE__,
     "a login is not an API key",
     {"HTTP_AUTHORIZATION=Bearer " LOGIN},
     CREDENTIAL_ANY,
     false,
     true,
     "s",
     "s",
     true},
    {__LINE__,
     "an API key is forwarded",
     {"HTTP_X_API_KEY=" API_KEY},
     CREDENTIAL_ANY,
     false,
     false,
     NULL,
     API_KEY,
     false},
    {__LINE__,
     "an API key as bearer",
     {"HTTP_AUTHORIZATION=bearer " API_KEY},
     CREDENTIAL_ANY,
     false,
     false,
     NULL,
     API_KEY,
     false},
    {__LINE__,
     "an API key is not a login",
     {"HTTP_X_API_KEY=" API_KEY},
     CREDENTIAL_ANY,
     true,
     true,
     "s",
     "s",
     true},
    {__LINE__,
     "a login in x-api-key is the login",
     {"HTTP_X_API_KEY=" LOGIN},
     CREDENTIAL_CLIENT,
     true,
     true,
     "s",
     LOGIN,
     false},
    {__LINE__,
     "Bearer with more blanks, in another case",
     {"HTTP_AUTHORIZATION=bEARER   " LOGIN},
     CREDENTIAL_CLIENT,
     true,
     true,
     "s",
     LOGIN,
     false},
    {__LINE__,
     "anything else is not forwarded",
     {"HTTP_AUTHORIZATION=Bearer your_api_key"},
     CREDENTIAL_ANY,
     true,
     true,
     "s",
     "s",
     true},
    {__LINE__,
     "only stored",
     {"HTTP_AUTHORIZATION=Bearer " LOGIN},
     CREDENTIAL_STORED,
     true,
     true,
     "s",
     "s",
     true},
    {__LINE__, "only the client's", {NULL}, CREDENTIAL_CLIENT, true, true, "s", NULL, false},
    {__LINE__,
     "an unknown client gets no stored one",
     {NULL},
     CREDENTIAL_ANY,
     true,
     false,
     "s",
     NULL,
     false},
    {__LINE__, "none is stored", {NULL}, CREDENTIAL_STORED, false, true, NULL, NULL, false},
};

static void
check_choice(size_t i)
{
	struct request r;
	read_request(&r, "POST", "/v1/messages", "127.0.0.1", choices[i].extra);
	const struct client_credentials client = {
	    .login = r.login, .api_key = r.api_key, .may_use_stored = choices[i].may_use_stored};
	const struct provider provider = {.credential = choices[i].use,
					  .takes_login = choices[i].takes_login};
	const struct stored_credential stored = {.weight = 1, .value = choices[i].stored};
	const struct credential c =
	    credential_choose(&provider, &client, stored.value == NULL ? NULL : &stored);
	TAP_ROW_AT(choices[i].line, choices[i].name,
		   same(c.value, choices[i].value) && c.stored == choices[i].is_stored &&
		       (c.value == NULL) == (c.why_none != NULL),
		   "expected %s stored %d\ngot      %s stored %d", choices[i].value,
		   choices[i].is_stored, c.value, c.stored);
	request_fini(&r);
}

/* --- Bodies ------------------------------------------------------------ */

static const struct {
	int line;
	const char *name, *encoding, *body;
	int status;
	const char *message; /* a part of it, or what is left of the body */
} bodies[] = {
    {__LINE__, "plain", NULL, "{}", 0, "{}"},
    {__LINE__, "identity", "Identity", "{}", 0, "{}"},
    {__LINE__, "no encoding at all", "", "{}", 0, "{}"},
    {__LINE__, "byte order mark", NULL, "\xef\xbb\xbf{}", 0, "{}"},
    {__LINE__, "byte order mark alone", NULL, "\xef\xbb\xbf", 400, "at byte 0"},
    {__LINE__, "two byte order marks", NULL, "\xef\xbb\xbf\xef\xbb\xbf{}", 400, "at byte 0"},
    {__LINE__, "half a byte order mark", NULL, "\xef\xbb{}", 400, "byte 0 of 4"},
    {__LINE__, "gzip", "gzip", "\x1f\x8b", 415, "content-encoding: gzip is not supported"},
    {__LINE__, "zstd", "zstd", "(\xb5/\xfd", 415, "content-encoding: zstd is"},
    {__LINE__, "two encodings", "gzip, br", "{}", 415, "content-encoding: gzip, br is"},
    {__LINE__, "an encoding that is not a name", "x\xff\"y", "{}", 415, "content-encoding: x is"},
    {__LINE__, "invalid UTF-8", NULL, "{\"a\":\"\xe4\"}", 400, "byte 6 of 9"},
};

static void
check_body(size_t i)
{
	struct request r;
	char encoding[64];
	snprintf(encoding, sizeof encoding, "HTTP_CONTENT_ENCODING=%s",
		 bodies[i].encoding == NULL ? "" : bodies[i].encoding);
	struct refusal c = read_request(
	    &r, "POST", "/v1/messages", "127.0.0.1",
	    (const char *const[PARAMS_IN_A_ROW]){bodies[i].encoding == NULL ? NULL : encoding});
	bool taken = c.status == 0 && buf_add(&r.body, bodies[i].body, strlen(bodies[i].body));
	c = request_read_body(&r);
	const char *got = c.status == 0 ? buf_text(&r.body) : c.message;
	TAP_ROW_AT(
	    bodies[i].line, bodies[i].name,
	    taken && c.status == bodies[i].status && strstr(got, bodies[i].message) != NULL &&
		(c.status != 0 || r.message.bytes == r.body.len),
	    "expected %d …%s…\ngot      %d %s", bodies[i].status, bodies[i].message, c.status, got);
	request_fini(&r);
}

int
main(int argc, char **argv)
{
	tap_start("request", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(routes); i++)
		check_route(i);
	check_unknown_path();
	for (size_t i = 0; i < TAP_COUNT(silences); i++)
		check_silence(i);
	for (size_t i = 0; i < TAP_COUNT(reports); i++)
		check_report(i);
	for (size_t i = 0; i < TAP_COUNT(askers); i++)
		check_asker(i);
	for (size_t i = 0; i < TAP_COUNT(doubled); i++)
		check_doubled(i);
	for (size_t i = 0; i < TAP_COUNT(key_rows); i++)
		check_key(i);
	for (size_t i = 0; i < TAP_COUNT(choices); i++)
		check_choice(i);
	for (size_t i = 0; i < TAP_COUNT(bodies); i++)
		check_body(i);
	return tap_finish();
}
