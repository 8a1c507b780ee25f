/* SPDX-License-Identifier: MIT */
/* own_page: which POST is a button of the router's own page (BEHAVIOUR.md 2, "The page's buttons"). Each row
 * changes one thing of a request that is one. */
#include "app/routes.h"
#include "client/access.h"
#include "client/own_page.h"

#include "tap.h"

#pragma GCC diagnostic ignored                                                                     \
    "-Wmissing-field-initializers" /* what is left out is as it should be */

enum { PARAMS = 10 };

#define NONE   "-" /* not sent */
#define HOUR   INT64_C(3600000)
#define NOW_MS (20000 * 24 * HOUR + HOUR) /* an hour after midnight, UTC */

static const uint8_t key[DIGEST_KEY_SIZE] = {1, 2, 3}, other_key[DIGEST_KEY_SIZE] = {1, 2, 4};

/* NULL: as it should be. */
struct row {
	int line;
	const char *name;
	int status; /* of POST /v1/switch-provider; 0: allowed */
	const char *host, *origin, *site, *type, *token, *method, *address, *via, *forwarded;
	enum dashboard dashboard;
};

static const struct row rows[] = {
    {__LINE__, "a button", 0},
    {__LINE__, "by localhost", 0, .host = "localhost:8000", .origin = "http://localhost:8000"},
    {__LINE__, "by IPv6", 0, .host = "[::1]:8000", .origin = "http://[::1]:8000"},
    {__LINE__, "without a port", 0, .host = "127.0.0.1", .origin = "http://127.0.0.1"},
    {__LINE__, "a name in hosts", 0, .host = "router.example", .origin = "https://router.example"},
    {__LINE__, "behind a proxy with TLS, by an admin's address", 0, .host = "router.example",
     .origin = "https://router.example", .address = "10.0.0.1", .forwarded = "192.0.2.1"},
    {__LINE__, "with the page for anyone", 0, .dashboard = DASHBOARD_TOKEN},
    {__LINE__, "with yesterday's token", 0, .token = "yesterday"},
    {__LINE__, "the token of the day before", 403, .token = "before"},
    {__LINE__, "tomorrow's token", 403, .token = "tomorrow"},
    {__LINE__, "the token of another state file", 403, .token = "foreign"},
    {__LINE__, "without a token", 403, .token = NONE},
    {__LINE__, "an empty token", 403, .token = ""},
    {__LINE__, "a short token", 403, .token = "0123"},
    {__LINE__, "zeros", 403,
     .token = "0000000000000000000000000000000000000000000000000000000000000000"},
    {__LINE__, "the page is off", 403, .dashboard = DASHBOARD_OFF},
    {__LINE__, "another site", 403, .site = "cross-site", .origin = "https://evil.example"},
    {__LINE__, "another site, says it is ours", 403, .site = "cross-site"},
    {__LINE__, "another port of this machine", 403, .site = "same-site",
     .origin = "http://127.0.0.1:9000"},
    {__LINE__, "of nowhere", 403, .site = "none"},
    {__LINE__, "by a browser that does not say from where", 403, .site = NONE},
    {__LINE__, "from where in capitals", 403, .site = "Same-Origin"},
    {__LINE__, "from where, twice", 403, .site = "same-origin, cross-site"},
    {__LINE__, "origin null", 403, .origin = "null"},
    {__LINE__, "another port", 403, .origin = "http://127.0.0.1:8001"},
    {__LINE__, "no port", 403, .origin = "http://127.0.0.1"},
    {__LINE__, "the default port", 403, .host = "127.0.0.1:80", .origin = "http://127.0.0.1"},
    {__LINE__, "another name of ours", 403, .origin = "http://localhost:8000"},
    {__LINE__, "the origin in capitals", 403, .host = "localhost", .origin = "http://LOCALHOST"},
    {__LINE__, "an origin that goes on", 403, .origin = "http://127.0.0.1:8000/"},
    {__LINE__, "an origin with a user", 403, .origin = "http://x@127.0.0.1:8000"},
    {__LINE__, "an origin of another scheme", 403, .origin = "ftp://127.0.0.1:8000"},
    {__LINE__, "no scheme", 403, .origin = "127.0.0.1:8000"},
    {__LINE__, "an empty origin", 403, .origin = ""},
    {__LINE__, "an empty origin and host", 403, .host = "", .origin = "http://"},
    {__LINE__, "a name that was made to lead here", 403, .host = "evil.example:8000",
     .origin = "http://evil.example:8000"},
    {__LINE__, "no host", 403, .host = NONE},
    {__LINE__, "a form", 403, .type = "text/plain"},
    {__LINE__, "a form that says JSON somewhere", 403, .type = "text/plain; application/json"},
    {__LINE__, "a form of fields", 403, .type = "application/x-www-form-urlencoded"},
    {__LINE__, "without a type", 403, .type = NONE},
    {__LINE__, "from elsewhere", 403, .address = "192.0.2.7"},
    {__LINE__, "through a proxy that nobody trusts", 403, .via = "1.1 proxy"},
    {__LINE__, "through a trusted proxy, from elsewhere", 403, .address = "10.0.0.1",
     .forwarded = "192.0.2.7"},
    {__LINE__, "through a trusted proxy, from loopback", 403, .address = "10.0.0.1",
     .forwarded = "127.0.0.1"},
    {__LINE__, "read with GET, as a page of ours never does", 403, .method = "GET"},
};

static struct network admins[] = {
    {.address = {[10] = 0xff, [11] = 0xff, [12] = 127}, .bits = 104},
    {.address = {[15] = 1}, .bits = 128},
    {.address = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}, .bits = 128},
};
static struct network proxies[] = {
    {.address = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}, .bits = 128},
};

/* The word of a row as a token. */
static const char *
token_of(const char *word, char text[static OWN_PAGE_TOKEN_SIZE])
{
	if (word == NULL)
		return own_page_token(key, NOW_MS, text);
	if (strcmp(word, "yesterday") == 0)
		return own_page_token(key, NOW_MS - 2 * HOUR, text);
	if (strcmp(word, "before") == 0)
		return own_page_token(key, NOW_MS - 26 * HOUR, text);
	if (strcmp(word, "tomorrow") == 0)
		return own_page_token(key, NOW_MS + 24 * HOUR, text);
	return strcmp(word, "foreign") == 0 ? own_page_token(other_key, NOW_MS, text) : word;
}

struct params {
	char text[PARAMS][160];
	char *list[PARAMS + 1];
	size_t n;
};

static void
add(struct params *p, const char *name, const char *value)
{
	if (strcmp(value, NONE) == 0)
		return;
	snprintf(p->text[p->n], sizeof *p->text, "%s=%s", name, value);
	p->list[p->n] = p->text[p->n];
	p->n++;
}

static const char * or (const char *value, const char *usual)
{
	return value == NULL ? usual : value;
}

static void
add_all(struct params *p, const struct row *row)
{
	char token[OWN_PAGE_TOKEN_SIZE];
	bool reads = row->method != NULL;
	add(p, "REQUEST_METHOD", or (row->method, "POST"));
	add(p, "REQUEST_URI", reads ? "/v1/status" : "/v1/switch-provider");
	add(p, "REMOTE_ADDR", or (row->address, "127.0.0.1"));
	add(p, "CONTENT_TYPE", or (row->type, "application/json"));
	add(p, "HTTP_HOST", or (row->host, "127.0.0.1:8000"));
	add(p, "HTTP_ORIGIN", or (row->origin, "http://127.0.0.1:8000"));
	add(p, "HTTP_SEC_FETCH_SITE", or (row->site, "same-origin"));
	add(p, "HTTP_X_ROUTER_PAGE", token_of(row->token, token));
	add(p, "HTTP_VIA", or (row->via, NONE));
	add(p, "HTTP_X_FORWARDED_FOR", or (row->forwarded, NONE));
}

static void
check_row(const struct row *row)
{
	char host[] = "router.example";
	char *hosts[] = {host};
	const struct config config = {.admin_from = admins,
				      .n_admin_from = TAP_COUNT(admins),
				      .trusted_proxies = proxies,
				      .n_trusted_proxies = TAP_COUNT(proxies),
				      .hosts = hosts,
				      .n_hosts = 1,
				      .dashboard = row->dashboard};
	const struct access_rules rules = {.config = &config, .page_key = key, .now_ms = NOW_MS};
	const struct access_rules without = {.config = &config, .now_ms = NOW_MS};
	struct params params = {.n = 0};
	struct request r;
	add_all(&params, row);
	request_init(&r, 1000);
	struct refusal refusal = request_read_params(&r, params.list, &config, &app_routes);
	if (refusal.status == 0)
		refusal = access_admit(&rules, &r).refusal;
	TAP_ROW_AT(row->line, row->name, refusal.status == row->status,
		   "expected %d\ngot      %d: %s", row->status, refusal.status, refusal.message);
	TAP_ROW_AT(row->line, "without a key of its own it is never one",
		   access_admit(&without, &r).refusal.status == 403, "%s", row->name);
	TAP_ROW_AT(row->line, "it spends nothing all the same", !access_may_use_stored(&config, &r),
		   "%s", row->name);
	request_fini(&r);
}

/* The page itself: who gets it, and with a token. */
static const struct {
	int line;
	const char *name;
	enum dashboard dashboard;
	const char *host, *site;
	int status;
	bool admin;
} viewers[] = {
    {__LINE__, "an admin", DASHBOARD_ADMIN, "127.0.0.1:8000", "none", 0, true},
    {__LINE__, "an admin, anyone's page", DASHBOARD_TOKEN, "127.0.0.1:8000", "none", 0, true},
    {__LINE__, "an admin, no page", DASHBOARD_OFF, "127.0.0.1:8000", "none", 404, true},
    {__LINE__, "a frame of another site", DASHBOARD_ADMIN, "127.0.0.1:8000", "cross-site", 403,
     false},
    {__LINE__, "a name that was made to lead here", DASHBOARD_ADMIN, "evil.example", "none", 403,
     false},
    {__LINE__, "such a name, anyone's page", DASHBOARD_TOKEN, "evil.example", "none", 0, false},
};

static void
check_viewer(size_t i)
{
	const struct config config = {.admin_from = admins,
				      .n_admin_from = TAP_COUNT(admins),
				      .dashboard = viewers[i].dashboard};
	const struct access_rules rules = {.config = &config, .page_key = key, .now_ms = NOW_MS};
	struct params params = {.n = 0};
	struct request r;
	add(&params, "REQUEST_METHOD", "GET");
	add(&params, "REQUEST_URI", "/dashboard");
	add(&params, "REMOTE_ADDR", "127.0.0.1");
	add(&params, "HTTP_HOST", viewers[i].host);
	add(&params, "HTTP_SEC_FETCH_SITE", viewers[i].site);
	request_init(&r, 1000);
	struct refusal refusal = request_read_params(&r, params.list, &config, &app_routes);
	struct admission a = {.refusal = refusal};
	if (refusal.status == 0)
		a = access_admit(&rules, &r);
	TAP_ROW_AT(viewers[i].line, viewers[i].name,
		   a.refusal.status == viewers[i].status && a.admin == viewers[i].admin,
		   "expected %d, admin %d\ngot      %d, admin %d: %s", viewers[i].status,
		   viewers[i].admin, a.refusal.status, a.admin, a.refusal.message);
	request_fini(&r);
}

int
main(int argc, char **argv)
{
	tap_start("own_page", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(&rows[i]);
	for (size_t i = 0; i < TAP_COUNT(viewers); i++)
		check_viewer(i);
	return tap_finish();
}
