/* SPDX-License-Identifier: MIT */
/* access: which requests are allowed, as which client, or refused with which status (BEHAVIOUR.md 2). */
#include "app/routes.h"
#include "client/access.h"

#include "base/digest.h"
#include "tap.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is left out is 0 */

#define KEY   "crk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define WRONG "crk_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define TOKEN "the-admin-token"

#define HERE  "HTTP_HOST=127.0.0.1"    /* with 127.0.0.1: trusted */
#define THERE "HTTP_HOST=evil.example" /* never trusted */

enum { EXTRAS = 3 };

static struct network loopback[] = {
    {.address = {[10] = 0xff, [11] = 0xff, [12] = 127}, .bits = 104},
};

#define MESSAGES "POST /v1/messages"
#define COUNT    "POST /v1/messages/count_tokens"
#define MODELS   "GET /v1/models"
#define MODEL    "GET /v1/models/claude-opus-5-5"
#define HEALTH   "GET /health"
#define GREETING "GET /"
#define STATUS   "GET /v1/status"
#define SWITCH   "POST /v1/switch-provider"
#define CHECK    "POST /v1/health-check"

static const struct {
	int line;
	const char *name;
	enum access access;
	const char *what; /* method and URI */
	const char *extra[EXTRAS];
	int status; /* 0: allowed */
	const char *client;
	bool anonymous;
} rows[] = {
    /* open */
    {__LINE__, "open: any client", ACCESS_OPEN, MESSAGES, {THERE}, 0, ""},
    {__LINE__, "open: a key", ACCESS_OPEN, MESSAGES, {THERE, "HTTP_X_ROUTER_KEY=" KEY}, 0, "anna"},
    {__LINE__,
     "open: a key in the path",
     ACCESS_OPEN,
     "POST /k/" KEY "/v1/messages",
     {THERE},
     0,
     "anna"},
    {__LINE__,
     "open: a wrong key",
     ACCESS_OPEN,
     MESSAGES,
     {HERE, "HTTP_X_ROUTER_KEY=" WRONG},
     401,
     ""},
    {__LINE__,
     "open: a wrong key in the path",
     ACCESS_OPEN,
     "POST /k/" WRONG "/v1/messages",
     {HERE},
     401,
     ""},
    {__LINE__,
     "open: a foreign word in the path",
     ACCESS_OPEN,
     "POST /k/x/v1/messages",
     {HERE},
     401,
     ""},
    {__LINE__, "open: an empty key", ACCESS_OPEN, MESSAGES, {HERE, "HTTP_X_ROUTER_KEY="}, 401, ""},
    {__LINE__,
     "open: a wrong key as API key",
     ACCESS_OPEN,
     MESSAGES,
     {HERE, "HTTP_X_API_KEY=" WRONG},
     401,
     ""},
    {__LINE__,
     "open: dummy is ignored",
     ACCESS_OPEN,
     MESSAGES,
     {HERE, "HTTP_X_API_KEY=dummy"},
     0,
     ""},
    {__LINE__, "open: all of health for any client", ACCESS_OPEN, HEALTH, {THERE}, 0, ""},
    /* keys */
    {__LINE__, "keys: messages", ACCESS_KEYS, MESSAGES, {THERE}, 401, ""},
    {__LINE__, "keys: messages from loopback", ACCESS_KEYS, MESSAGES, {HERE}, 401, ""},
    {__LINE__,
     "keys: messages from an admin",
     ACCESS_KEYS,
     MESSAGES,
     {HERE, "HTTP_X_ROUTER_ADMIN=" TOKEN},
     401,
     ""},
    {__LINE__,
     "keys: the admin token is not a key",
     ACCESS_KEYS,
     MESSAGES,
     {THERE, "HTTP_AUTHORIZATION=Bearer " TOKEN},
     401,
     ""},
    {__LINE__,
     "keys: the admin token as a key",
     ACCESS_KEYS,
     MESSAGES,
     {THERE, "HTTP_X_ROUTER_KEY=" TOKEN},
     401,
     ""},
    {__LINE__,
     "keys: a login is not a key",
     ACCESS_KEYS,
     MESSAGES,
     {HERE, "HTTP_AUTHORIZATION=Bearer sk-ant-oat01-x"},
     401,
     ""},
    {__LINE__, "keys: count_tokens", ACCESS_KEYS, COUNT, {HERE}, 401, ""},
    {__LINE__, "keys: models", ACCESS_KEYS, MODELS, {HERE}, 401, ""},
    {__LINE__, "keys: one model", ACCESS_KEYS, MODEL, {HERE}, 401, ""},
    {__LINE__,
     "keys: by header",
     ACCESS_KEYS,
     MESSAGES,
     {THERE, "HTTP_X_ROUTER_KEY=" KEY},
     0,
     "anna"},
    {__LINE__,
     "keys: by header beside a login",
     ACCESS_KEYS,
     MESSAGES,
     {THERE, "HTTP_X_ROUTER_KEY=" KEY, "HTTP_AUTHORIZATION=Bearer sk-ant-oat01-x"},
     0,
     "anna"},
    {__LINE__, "keys: by path", ACCESS_KEYS, "POST /k/" KEY "/v1/messages", {THERE}, 0, "anna"},
    {__LINE__,
     "keys: by x-api-key",
     ACCESS_KEYS,
     MESSAGES,
     {THERE, "HTTP_X_API_KEY=" KEY},
     0,
     "anna"},
    {__LINE__,
     "keys: by bearer",
     ACCESS_KEYS,
     MESSAGES,
     {THERE, "HTTP_AUTHORIZATION=Bearer " KEY},
     0,
     "anna"},
    {__LINE__,
     "keys: the same one twice",
     ACCESS_KEYS,
     "POST /k/" KEY "/v1/messages",
     {THERE, "HTTP_X_ROUTER_KEY=" KEY},
     0,
     "anna"},
    {__LINE__,
     "keys: by Basic",
     ACCESS_KEYS,
     MESSAGES,
     {THERE, "HTTP_AUTHORIZATION=Basic " KEY},
     401,
     ""},
    {__LINE__,
     "keys: a bearer without \"Bearer\"",
     ACCESS_KEYS,
     MESSAGES,
     {THERE, "HTTP_AUTHORIZATION=" KEY},
     401,
     ""},
    {__LINE__,
     "keys: as a cookie",
     ACCESS_KEYS,
     MESSAGES,
     {THERE, "HTTP_COOKIE=x-router-key=" KEY},
     401,
     ""},
    {__LINE__, "keys: in the query", ACCESS_KEYS, "POST /v1/messages?key=" KEY, {THERE}, 401, ""},
    {__LINE__,
     "keys: a space behind it",
     ACCESS_KEYS,
     MESSAGES,
     {THERE, "HTTP_X_ROUTER_KEY=" KEY " "},
     401,
     ""},
    /* for anyone */
    {__LINE__, "keys: the greeting", ACCESS_KEYS, GREETING, {THERE}, 0, "", true},
    {__LINE__, "keys: health without a key", ACCESS_KEYS, HEALTH, {THERE}, 0, "", true},
    {__LINE__,
     "keys: health with a wrong key",
     ACCESS_KEYS,
     HEALTH,
     {THERE, "HTTP_X_ROUTER_KEY=" WRONG},
     0,
     "",
     true},
    {__LINE__,
     "keys: health for a client",
     ACCESS_KEYS,
     HEALTH,
     {THERE, "HTTP_X_ROUTER_KEY=" KEY},
     0,
     "anna"},
    {__LINE__, "keys: health from loopback", ACCESS_KEYS, HEALTH, {HERE}, 0, ""},
    {__LINE__,
     "keys: health with the admin token",
     ACCESS_KEYS,
     HEALTH,
     {THERE, "HTTP_X_ROUTER_ADMIN=" TOKEN},
     0,
     ""},
    /* for admins */
    {__LINE__, "status from loopback", ACCESS_KEYS, STATUS, {HERE}, 0, ""},
    {__LINE__,
     "status with the admin token",
     ACCESS_OPEN,
     STATUS,
     {THERE, "HTTP_X_ROUTER_ADMIN=" TOKEN},
     0,
     ""},
    {__LINE__,
     "status with it as bearer",
     ACCESS_KEYS,
     STATUS,
     {THERE, "HTTP_AUTHORIZATION=Bearer " TOKEN},
     0,
     ""},
    {__LINE__,
     "status with another token",
     ACCESS_OPEN,
     STATUS,
     {THERE, "HTTP_X_ROUTER_ADMIN=" TOKEN "x"},
     403,
     ""},
    {__LINE__, "status without anything", ACCESS_OPEN, STATUS, {THERE}, 403, ""},
    {__LINE__,
     "status with a client key",
     ACCESS_KEYS,
     STATUS,
     {THERE, "HTTP_X_ROUTER_KEY=" KEY},
     403,
     ""},
    {__LINE__,
     "status with a client key as the admin token",
     ACCESS_KEYS,
     STATUS,
     {THERE, "HTTP_X_ROUTER_ADMIN=" KEY},
     403,
     ""},
    {__LINE__,
     "status with a client key in the path",
     ACCESS_KEYS,
     "GET /k/" KEY "/v1/status",
     {THERE},
     403,
     ""},
    {__LINE__,
     "a switch with a client key",
     ACCESS_KEYS,
     SWITCH,
     {THERE, "HTTP_AUTHORIZATION=Bearer " KEY},
     403,
     ""},
    {__LINE__,
     "a health check with a client key",
     ACCESS_KEYS,
     CHECK,
     {THERE, "HTTP_X_API_KEY=" KEY},
     403,
     ""},
};

static struct keys *keys;

/* "GET /x", with the row's other parameters. */
static struct refusal
read_request(struct request *r, const char *what, const char *const *extra, const struct config *c)
{
	char method[64], uri[256];
	char address[] = "REMOTE_ADDR=127.0.0.1";
	const char *space = strchr(what, ' ');
	char *params[EXTRAS + 4] = {method, uri, address};
	snprintf(method, sizeof method, "REQUEST_METHOD=%.*s", (int)(space - what), what);
	snprintf(uri, sizeof uri, "REQUEST_URI=%s", space + 1);
	for (size_t i = 0; i < EXTRAS && extra[i] != NULL; i++)
		params[3 + i] = (char *)(uintptr_t)extra[i];
	request_init(r, 1000);
	return request_read_params(r, params, c, &app_routes);
}

static void
check_row(size_t i)
{
	const struct config config = {
	    .access = rows[i].access, .admin_from = loopback, .n_admin_from = 1};
	const struct access_rules rules = {&config, keys, TOKEN};
	struct request r;
	struct refusal c = read_request(&r, rows[i].what, rows[i].extra, &config);
	struct admission a = {.refusal = c};
	if (c.status == 0)
		a = access_admit(&rules, &r);
	const char *said = a.refusal.message, *client = a.client == NULL ? "" : a.client->name;
	bool helps = rows[i].status != 401 || strstr(said, "key add NAME") != NULL;
	bool leaks =
	    strstr(said, KEY) != NULL || strstr(said, WRONG) != NULL || strstr(said, TOKEN) != NULL;
	TAP_ROW_AT(rows[i].line, rows[i].name,
		   a.refusal.status == rows[i].status && strcmp(client, rows[i].client) == 0 &&
		       a.anonymous == rows[i].anonymous && helps && !leaks,
		   "expected %d as \"%s\", stranger %d\ngot      %d as \"%s\", stranger %d: %s",
		   rows[i].status, rows[i].client, rows[i].anonymous, a.refusal.status, client,
		   a.anonymous, said);
	request_fini(&r);
}

/* Who gets the figures of /health. */
static void
check_figures(void)
{
	static const struct {
		const char *name, *extra[EXTRAS];
		bool expected;
	} figures[] = {
	    {"figures: a stranger", {THERE}, false},
	    {"figures: a client key", {THERE, "HTTP_X_ROUTER_KEY=" KEY}, true},
	    {"figures: a wrong key", {THERE, "HTTP_X_ROUTER_KEY=" WRONG}, false},
	    {"figures: an admin", {HERE}, true},
	    {"figures: the admin token", {THERE, "HTTP_X_ROUTER_ADMIN=" TOKEN}, true},
	};
	const struct config config = {
	    .access = ACCESS_OPEN, .admin_from = loopback, .n_admin_from = 1};
	const struct access_rules rules = {&config, keys, TOKEN};
	for (size_t i = 0; i < TAP_COUNT(figures); i++) {
		struct request r;
		read_request(&r, HEALTH, figures[i].extra, &config);
		struct admission a = access_admit(&rules, &r);
		r.admin = a.admin;
		if (a.client != NULL)
			snprintf(r.client, sizeof r.client, "%s", a.client->name);
		TAP_ROW(figures[i].name, access_may_see_figures(&r) == figures[i].expected,
			"expected %d", figures[i].expected);
		request_fini(&r);
	}
}

/* Without a keys file, or with one that cannot be used. */
static void
check_without_keys(void)
{
	static const char *const shown[EXTRAS] = {HERE, "HTTP_X_ROUTER_KEY=" KEY};
	static const char *const none[EXTRAS] = {HERE};
	const struct config closed = {.access = ACCESS_KEYS}, open = {.access = ACCESS_OPEN};
	const struct access_rules rules = {&closed, NULL, NULL}, open_rules = {&open, NULL, NULL};
	struct request r;
	read_request(&r, MESSAGES, shown, &closed);
	TAP_INT("no keys: a key", access_admit(&rules, &r).refusal.status, 401);
	TAP_INT("no keys, open: a key", access_admit(&open_rules, &r).refusal.status, 401);
	request_fini(&r);
	read_request(&r, MESSAGES, none, &closed);
	TAP_INT("no keys, open: no key", access_admit(&open_rules, &r).refusal.status, 0);
	request_fini(&r);
	read_request(&r, STATUS, none, &closed);
	TAP_INT("no admins", access_admit(&rules, &r).refusal.status, 403);
	request_fini(&r);
	TAP_OK("no keys: a warning", keys_warning(&closed, NULL) != NULL);
	TAP_OK("no keys, open: none", keys_warning(&open, NULL) == NULL);
	TAP_OK("keys: none", keys_warning(&closed, keys) == NULL);
}

/* A budget binds each machine alone. */
static void
check_shared_budgets(const char *hex)
{
	char text[256], share[] = "valkey://h", none[] = "";
	struct buf error;
	buf_init(&error, 4096);
	snprintf(text, sizeof text, "alice %s daily=2\n", hex);
	struct keys *budgeted = keys_parse("keys", text, strlen(text), &error);
	const struct config several = {.share = share}, parts = {.share = share, .share_hosts = 3},
			    closed = {.share = share, .share_caps = SHARE_CAPS_CLOSED},
			    one = {.share = none};
	TAP_OK("a budget on several machines", keys_warning(&several, budgeted) != NULL);
	TAP_OK("a budget in parts", keys_warning(&parts, budgeted) == NULL);
	TAP_OK("a budget of all", keys_warning(&closed, budgeted) == NULL);
	TAP_OK("a budget on one machine", keys_warning(&one, budgeted) == NULL);
	keys_free(budgeted);
	buf_free(&error);
}

int
main(int argc, char **argv)
{
	uint8_t hash[KEY_HASH_SIZE];
	char hex[DIGEST_HEX_SIZE], text[256];
	struct buf error;
	buf_init(&error, 4096);
	tap_start("access", argc, argv);
	keys_hash(KEY, hash);
	snprintf(text, sizeof text, "anna %s\n", digest_hex(hash, hex));
	keys = keys_parse("keys", text, strlen(text), &error);
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(i);
	check_figures();
	check_without_keys();
	check_shared_budgets(hex);
	keys_free(keys);
	buf_free(&error);
	return tap_finish();
}
