/* SPDX-License-Identifier: MIT */
/* reload: what the files say, and what is in force after it. The rows are steps: each goes on from
 * the files and the state of the one before. */
#include "app/open.h"
#include "app/reload.h"

#include "private.h"
#include "tap.h"

#include <unistd.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is left out is 0 */

static char dir[] = "/tmp/test_reload.XXXXXX";
static struct app app;

#define HASH_A "25a4bf9597c8660872d52fbb1ba49aff57501fcb413851d61196679d91ce8076"
#define HASH_B "35a4bf9597c8660872d52fbb1ba49aff57501fcb413851d61196679d91ce8076"

/* How a step has the files loaded. */
enum { NOW, POLL, REQUEST };

#define GONE ((const char *)"")

static const struct {
	int line;
	const char *name;
	const char *config, *tokens, *keys; /* what is written first; NULL: left; GONE: removed */
	int how;
	bool again; /* reload_poll() wants to be called again soon, and is */
	unsigned max_retries;
	const char *token; /* of deepseek; NULL: none */
	size_t n_keys;
	/* Parts of the errors and of the log; NULL: there is none. */
	const char *config_error, *tokens_error, *keys_error, *log;
} steps[] = {
    {__LINE__, "nothing has changed", .how = POLL, .max_retries = 1, .token = "sk-1", .n_keys = 1},
    {__LINE__, "all three are loaded at once", "max_retries = 2", "deepseek = sk-2",
     "anna " HASH_A "\nbert " HASH_B, NOW, false, 2, "sk-2", 2, .log = "keys: reloaded"},

    /* What cannot be used */
    {__LINE__, "a wrong setting leaves the old configuration", "max_retries = 99", .how = NOW,
     .max_retries = 2, .token = "sk-2", .n_keys = 2, .config_error = ":1: max_retries = 99",
     .log = "the old configuration stays in force"},
    {__LINE__, "it is logged once", .how = POLL, .max_retries = 2, .token = "sk-2", .n_keys = 2,
     .config_error = ":1: max_retries = 99"},
    {__LINE__, "the other files are loaded all the same", NULL, "deepseek = sk-3", .how = NOW,
     .max_retries = 2, .token = "sk-3", .n_keys = 2, .config_error = ":1: max_retries = 99",
     .log = "tokens: reloaded"},
    {__LINE__, "a configuration that was removed is an error", GONE, .how = NOW, .max_retries = 2,
     .token = "sk-3", .n_keys = 2, .config_error = "config",
     .log = "the old configuration stays in force"},
    {__LINE__, "wrong tokens leave the old ones", "max_retries = 3", "deepsek = sk-4", .how = NOW,
     .max_retries = 3, .token = "sk-3", .n_keys = 2,
     .tokens_error = "tokens:1:", .log = "the old tokens stay in force"},
    {__LINE__, "wrong keys leave the old ones", NULL, "deepseek = sk-4", "anna", .how = NOW,
     .max_retries = 3, .token = "sk-4", .n_keys = 2,
     .keys_error = "keys:1:", .log = "the old client keys stay in force"},
    {__LINE__, "a log that cannot be opened", "max_retries = 4\nlog = \"/no/such/directory/log\"",
     NULL, "anna " HASH_A, .how = NOW, .max_retries = 3, .token = "sk-4", .n_keys = 1,
     .config_error = "/no/such/directory/log", .log = "the old configuration stays in force"},
    {__LINE__, "all is well again", "max_retries = 4", .how = NOW, .max_retries = 4,
     .token = "sk-4", .n_keys = 1, .log = "config: reloaded"},

    /* What goes together */
    {__LINE__, "a new provider and its token",
     "max_retries = 5\nprovider extra {\n  dialect = "
     "\"anthropic\"\n  url = \"https://extra.example\"\n}\nprovider deepseek { }",
     "extra = sk-x\ndeepseek = sk-5", .how = NOW, .max_retries = 5, .token = "sk-5", .n_keys = 1,
     .log = "config: reloaded"},
    {__LINE__, "a token of a provider that is no more", "max_retries = 6", .how = NOW,
     .max_retries = 6, .token = "sk-5", .n_keys = 1,
     .tokens_error = "tokens:1:", .log = "the old tokens stay in force"},
    {__LINE__, "files that were removed are empty", NULL, GONE, GONE, .how = NOW, .max_retries = 6,
     .log = "tokens: reloaded"},

    /* By itself, and on request */
    {__LINE__, "a file that is being written is waited for", "max_retries = 7", .how = POLL,
     .again = true, .max_retries = 7, .log = "config: reloaded"},
    {__LINE__, "tokens alone", NULL, "deepseek = sk-8", .how = POLL, .again = true,
     .max_retries = 7, .token = "sk-8", .log = "tokens: reloaded"},
    {__LINE__, "keys alone", NULL, NULL, "anna " HASH_A, .how = POLL, .again = true,
     .max_retries = 7, .token = "sk-8", .n_keys = 1, .log = "keys: reloaded"},
    {__LINE__, "a request does not wait", "max_retries = 8", .how = REQUEST, .max_retries = 8,
     .token = "sk-8", .n_keys = 1, .log = "config: reloaded"},
    {__LINE__, "a request loads what has not changed, too", .how = REQUEST, .max_retries = 8,
     .token = "sk-8", .n_keys = 1, .log = "tokens: reloaded"},
};

/* --- Files ------------------------------------------------------------ */

static const char *
in_dir(const char *name)
{
	static char path[sizeof dir + 32];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void
write_file(const char *name, const char *text)
{
	if (text == GONE)
		unlink(in_dir(name));
	else if (text != NULL)
		private_write(in_dir(name), text, strlen(text), 0600);
}

/* With the settings that every configuration here has, behind those of the row. */
static void
write_config(const char *text, const char *state)
{
	char all[2048];
	if (text == NULL || text == GONE) {
		write_file("config", text);
		return;
	}
	const char *log = strstr(text, "log =") == NULL ? "log" : NULL;
	const char *section = strstr(text, "provider");
	size_t n = section == NULL ? strlen(text) : (size_t)(section - text);
	int len = snprintf(all, sizeof all,
			   "%.*s\ntokens_file = \"%s/tokens\"\nkeys_file = \"%s/keys\"\n"
			   "state_file = \"%s/%s\"\n",
			   (int)n, text, dir, dir, dir, state);
	if (log != NULL)
		len += snprintf(all + len, sizeof all - (size_t)len, "log = \"%s/log\"\n", dir);
	snprintf(all + len, sizeof all - (size_t)len, "%s\n", text + n);
	write_file("config", all);
}

static const char *
logged(void)
{
	static char text[8192];
	FILE *file = fopen(in_dir("log"), "r");
	size_t n = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
	text[n] = '\0';
	if (file == NULL || fclose(file) != 0 || truncate(in_dir("log"), 0) == -1)
		abort();
	return text;
}

/* --- Steps ------------------------------------------------------------ */

static bool
holds(const char *text, const char *part)
{
	return part == NULL ? text[0] == '\0' : strstr(text, part) != NULL;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
check_step(size_t i)
{
	bool again = false;
	write_config(steps[i].config, "state");
	write_file("tokens", steps[i].tokens);
	write_file("keys", steps[i].keys);
	if (steps[i].how == NOW)
		reload_now(&app);
	if (steps[i].how == REQUEST)
		state_reload_request(app.state);
	if (steps[i].how != NOW)
		again = reload_poll(&app);
	if (again)
		reload_poll(&app);
	const struct reload *r = &app.reload;
	bool is_stale =
	    r->config_error[0] != '\0' || r->tokens_error[0] != '\0' || r->keys_error[0] != '\0';
	const char *token = tokens_get(app.tokens, "deepseek"), *log = logged();
	TAP_ROW_AT(
	    steps[i].line, steps[i].name,
	    again == steps[i].again && app.config->max_retries == steps[i].max_retries &&
		same(token, steps[i].token) && keys_count(app.keys) == steps[i].n_keys &&
		holds(r->config_error, steps[i].config_error) &&
		holds(r->tokens_error, steps[i].tokens_error) &&
		holds(r->keys_error, steps[i].keys_error) && holds(log, steps[i].log) &&
		(reload_followed(&app) & 1) == is_stale,
	    "expected again %d, max_retries %u, token %s, %zu keys, errors %s, %s, %s, log …%s…"
	    "\ngot again %d, %u, %s, %zu, %s, %s, %s, followed %" PRIu64 ", log %s",
	    steps[i].again, steps[i].max_retries, steps[i].token, steps[i].n_keys,
	    steps[i].config_error, steps[i].tokens_error, steps[i].keys_error, steps[i].log, again,
	    app.config->max_retries, token, keys_count(app.keys), r->config_error, r->tokens_error,
	    r->keys_error, reload_followed(&app), log);
}

/* --- What does not fit a row -------------------------------------------- */

static void
check_switch(void)
{
	struct summary summary;
	state_switch(app.state, "kimi");
	write_config("max_retries = 1\nprovider deepseek { }", "state");
	reload_now(&app);
	state_summary(app.state, &summary);
	TAP_STR("a switch to a provider that is no longer configured ends", summary.manual, "");
	TAP_OK("and that is logged",
	       strstr(logged(), "kimi, chosen by hand, is no longer configured") != NULL);
	state_switch(app.state, "deepseek");
	reload_now(&app);
	state_summary(app.state, &summary);
	TAP_STR("another switch stays", summary.manual, "deepseek");
}

static void
check_state_file(void)
{
	write_config("max_retries = 2", "other");
	reload_now(&app);
	TAP_INT("all else takes effect", app.config->max_retries, 2);
	TAP_OK("another state file waits for the next start",
	       strstr(app.reload.restart, "other: waits for the next start; until then") != NULL &&
		   access(in_dir("other"), F_OK) == -1);
	write_config("max_retries = 2", "state");
	reload_now(&app);
	TAP_STR("until the old one is back", app.reload.restart, "");
	logged();
}

/* Of the machines that share their state. */
static void
check_server(void)
{
	static const char key[] = "share_key = " HASH_A "\n";
	write_file("tokens", key);
	write_config("max_retries = 3\nshare = \"valkey://h\"", "state");
	reload_now(&app);
	TAP_STR("a server waits for the next start", app.reload.restart,
		"share: waits for the next start; until then nothing is shared");
	TAP_INT("and all else does not", app.config->max_retries, 3);
	free(app.reload.share);
	app.reload.share = strdup("valkey://h"); /* as if it had been there at the start */
	reload_now(&app);
	TAP_STR("so does another key than the state file's", app.reload.restart,
		"share_key: waits for the next start; until then the old one");
	write_config("max_retries = 3", "state");
	reload_now(&app);
	TAP_STR("and no server", app.reload.restart,
		"share: waits for the next start; until then valkey://h");
	free(app.reload.share);
	app.reload.share = strdup("");
	reload_now(&app);
	TAP_STR("nothing shared before and after", app.reload.restart, "");
}

/* The directory of a log appears: no file has changed, and yet the configuration can be used. */
static void
check_retry(void)
{
	char text[256];
	snprintf(text, sizeof text, "max_retries = 3\nlog = \"%s/logs/log\"", dir);
	write_config(text, "state");
	reload_now(&app);
	TAP_INT("a log without its directory", app.config->max_retries, 2);
	if (mkdir(in_dir("logs"), 0700) == -1)
		abort();
	reload_poll(&app);
	TAP_INT("what could not be used is tried again at each poll", app.config->max_retries, 3);
	write_config("max_retries = 2", "state");
	reload_now(&app);
	unlink(in_dir("logs/log"));
	rmdir(in_dir("logs"));
	logged();
}

/* A request that runs holds its share of what was in force when it began. */
static void
check_shares(void)
{
	struct config *config = config_share(app.config);
	struct tokens *tokens = tokens_share(app.tokens);
	write_config("max_retries = 9", "state");
	write_file("tokens", "deepseek = sk-9");
	reload_now(&app);
	TAP_OK("what runs keeps the old ones",
	       config->max_retries == 2 && app.config->max_retries == 9 &&
		   same(tokens_get(tokens, "deepseek"), "sk-8") &&
		   same(tokens_get(app.tokens, "deepseek"), "sk-9"));
	config_free(config);
	tokens_free(tokens);
}

static void
start(void)
{
	static char path[sizeof dir + 16];
	struct buf error;
	buf_init(&error, 4096);
	snprintf(path, sizeof path, "%s/config", dir);
	write_config("max_retries = 1", "state");
	write_file("tokens", "deepseek = sk-1");
	write_file("keys", "anna " HASH_A);
	const struct app_options options = {
	    .program = "test", .config_path = path, .asks_providers = true};
	if (app_open(&app, &options, &error) != 0 || !reload_begin(&app, &error)) {
		printf("# %s\n", buf_text(&error));
		abort();
	}
	buf_free(&error);
	logged();
}

int
main(int argc, char **argv)
{
	static const char *const made[] = {"config", "tokens", "keys", "state", "log"};
	tap_start("reload", argc, argv);
	if (mkdtemp(dir) == NULL)
		abort();
	start();
	for (size_t i = 0; i < TAP_COUNT(steps); i++)
		check_step(i);
	check_switch();
	check_state_file();
	check_retry();
	check_shares();
	check_server();
	app_close(&app);
	for (size_t i = 0; i < TAP_COUNT(made); i++)
		unlink(in_dir(made[i]));
	rmdir(dir);
	return tap_finish();
}
