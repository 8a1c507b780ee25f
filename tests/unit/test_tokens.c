/* SPDX-License-Identifier: MIT */
/* tokens.txt, good and bad: which credentials are read from it, or which error. */
#include "config/tokens.h"
#include "private.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/test_tokens.XXXXXX";
static char file[sizeof dir + sizeof("/tokens.txt")];

/* Two providers of the four, and one of another name. */
static struct config config = {
    .tokens_file = file,
    .providers = {{.name = "claude_pro"}, {.name = "claude_api"}, {.name = "backup"}},
    .n_providers = 3,
};

/* --- Good files ---------------------------------------------------------------- */

static const struct {
	int line;
	const char *name;
	const char *text;
	size_t text_len;
	const char *provider;
	const char *value; /* NULL: none */
} good[] = {
    {__LINE__, "a pair", AND_NUL("backup = abc\n"), "backup", "abc"},
    {__LINE__, "without spaces", AND_NUL("backup=abc\n"), "backup", "abc"},
    {__LINE__, "with many spaces", AND_NUL("  \t backup \t =  abc \t \n"), "backup", "abc"},
    {__LINE__, "without a line end", AND_NUL("backup = abc"), "backup", "abc"},
    {__LINE__, "CR", AND_NUL("# x\r\n\r\nbackup = abc\r\n"), "backup", "abc"},
    {__LINE__, "byte order mark",
     AND_NUL("\xef\xbb\xbf"
	     "backup = abc\n"),
     "backup", "abc"},
    {__LINE__, "comments and blank lines", AND_NUL("# a = b\n\n   # c\n \t\nbackup = abc\n#"),
     "backup", "abc"},
    {__LINE__, "# inside a value", AND_NUL("backup = a#c\n"), "backup", "a#c"},
    {__LINE__, "= inside a value", AND_NUL("backup = a=c==\n"), "backup", "a=c=="},
    {__LINE__, "several", AND_NUL("backup = a\nclaude_api = b\nclaude_pro = c\n"), "claude_api",
     "b"},
    {__LINE__, "CLAUDE_API_KEY", AND_NUL("CLAUDE_API_KEY=sk-ant-api03-x\n"), "claude_api",
     "sk-ant-api03-x"},
    {__LINE__, "CLAUDE_CODE_OAUTH_TOKEN", AND_NUL("CLAUDE_CODE_OAUTH_TOKEN=x\n"), "claude_pro",
     "x"},
    {__LINE__, "DEEPSEEK_API_KEY", AND_NUL("DEEPSEEK_API_KEY=x\n"), "deepseek", "x"},
    {__LINE__, "KIMI_API_KEY", AND_NUL("KIMI_API_KEY=x\n"), "kimi", "x"},
    {__LINE__, "MOONSHOT_API_KEY", AND_NUL("MOONSHOT_API_KEY=x\n"), "kimi", "x"},
    {__LINE__, "a provider that is not configured", AND_NUL("deepseek = x\nbackup = y\n"), "backup",
     "y"},
    {__LINE__, "none for a provider", AND_NUL("backup = abc\n"), "claude_pro", NULL},
    {__LINE__, "none for a stranger", AND_NUL("backup = abc\n"), "nobody", NULL},
    {__LINE__, "admin_token", AND_NUL("admin_token = abc\n"), "admin_token", "abc"},
    {__LINE__, "empty file", AND_NUL(""), "backup", NULL},
};

static void
check_good(void)
{
	for (size_t i = 0; i < TAP_COUNT(good); i++) {
		struct buf error;
		buf_init(&error, 4096);
		private_write(file, good[i].text, good[i].text_len, 0600);
		struct tokens *tokens = tokens_load(&config, &error);
		const char *value =
		    tokens == NULL ? buf_text(&error) : tokens_get(tokens, good[i].provider);
		TAP_STR_AT(good[i].line, good[i].name, value, good[i].value);
		tokens_free(tokens);
		buf_free(&error);
	}
}

/* --- Bad files ------------------------------------------------------------------ */

/* Whether a text holds the beginning of the secret, the directory's random name
 * aside. */
static bool
leaks(const char *text)
{
	for (const char *at = text; (at = strstr(at, "SEC")) != NULL; at++) {
		const char *path = strstr(text, dir);
		while (path != NULL && !(at >= path && at < path + strlen(dir)))
			path = strstr(path + 1, dir);
		if (path == NULL)
			return true;
	}
	return false;
}

static const struct {
	int line;
	const char *name;
	const char *text;
	size_t text_len;
	const char *says;
} bad[] = {
    {__LINE__, "no =", AND_NUL("\nSECRET\n"), "tokens.txt:2: write name = value"},
    {__LINE__, "no name", AND_NUL("= SECRET\n"), ":1: unknown name: use claude_pro"},
    {__LINE__, "unknown name", AND_NUL("# a\n\nSECRET = b\n"), ":3: unknown name"},
    {__LINE__, "names are exact", AND_NUL("Backup = SECRET\n"), ":1: unknown name"},
    {__LINE__, "export", AND_NUL("export KIMI_API_KEY=SECRET\n"), ":1: unknown name"},
    {__LINE__, "no value", AND_NUL("backup = \n"),
     ":1: backup has no value: write it, or # before"},
    {__LINE__, "an API key as the plan's login", AND_NUL("claude_pro = sk-ant-api03-SECRET\n"),
     ":1: the value of claude_pro is an API key: it belongs to claude_api"},
    {__LINE__, "a login as the API key", AND_NUL("claude_api = sk-ant-oat01-SECRET\n"),
     ":1: the value of claude_api is a login: it belongs to claude_pro"},
    {__LINE__, "a Claude login for DeepSeek", AND_NUL("deepseek = sk-ant-oat01-SECRET\n"),
     ":1: the value of deepseek is a credential of Claude's"},
    {__LINE__, "a Claude key for Kimi", AND_NUL("kimi = sk-ant-api03-SECRET\n"),
     ":1: the value of kimi is a credential of Claude's"},
    {__LINE__, "double quotes", AND_NUL("backup = \"SECRET\"\n"),
     ":1: write the value of backup without quotes"},
    {__LINE__, "single quotes", AND_NUL("backup = 'SECRET'\n"), "without quotes"},
    {__LINE__, "space inside", AND_NUL("backup = SEC RET\n"),
     ":1: the value of backup holds a space"},
    {__LINE__, "comment behind", AND_NUL("backup = SECRET # mine\n"),
     "comments on lines of their own"},
    {__LINE__, "control byte", AND_NUL("backup = SECRET\x01\n"), "holds a space or another byte"},
    {__LINE__, "CR inside", AND_NUL("backup = SEC\rRET\n"), "holds a space or another byte"},
    {__LINE__, "no ASCII", AND_NUL("backup = SECRET\xc3\xa9\n"), "holds a space or another byte"},
    {__LINE__, "NUL byte", AND_NUL("backup = a\nkimi = SEC\0RET\n"), ":2: holds a NUL byte"},
    {__LINE__, "NUL byte at the end", AND_NUL("backup = SECRET\0"), ":1: holds a NUL byte"},
    {__LINE__, "twice", AND_NUL("backup = SECRET\n\nbackup = SECRET\n"),
     ":3: duplicate backup, first defined on line 1"},
    {__LINE__, "twice by an alias", AND_NUL("kimi = SECRET\nKIMI_API_KEY = SECRET\n"),
     ":2: duplicate kimi, first defined on line 1"},
    {__LINE__, "admin_token twice", AND_NUL("admin_token = SECRET\nadmin_token = SECRET2\n"),
     ":2: duplicate admin_token, first defined on line 1"},
};

static void
expect_error(int line, const char *name, const char *says)
{
	struct buf error;
	buf_init(&error, 8192);
	struct tokens *tokens = tokens_load(&config, &error);
	const char *text = buf_text(&error);
	TAP_ROW_AT(line, name,
		   tokens == NULL && strstr(text, says) != NULL && !leaks(text) &&
		       strstr(text, "RET") == NULL,
		   "expected %s\n  and nothing of SECRET\ngot      %s", says, text);
	tokens_free(tokens);
	buf_free(&error);
}

static void
check_bad(void)
{
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		private_write(file, bad[i].text, bad[i].text_len, 0600);
		expect_error(bad[i].line, bad[i].name, bad[i].says);
	}
}

/* --- Modes and kinds of files ------------------------------------------------------ */

static void
check_modes(void)
{
	char says[sizeof file + 64], name[64];
	snprintf(says, sizeof says, "chmod 600 %s", file);
	for (size_t i = 0; i < TAP_COUNT(private_modes); i++) {
		snprintf(name, sizeof name, "mode %04o", (unsigned)private_modes[i].mode);
		private_write(file, AND_NUL("backup = SECRET\n"), private_modes[i].mode);
		if (!private_modes[i].good) {
			expect_error(private_modes[i].line, name, says);
			continue;
		}
		struct buf error;
		buf_init(&error, 4096);
		struct tokens *tokens = tokens_load(&config, &error);
		TAP_STR_AT(private_modes[i].line, name,
			   tokens == NULL ? buf_text(&error) : tokens_get(tokens, "backup"),
			   "SECRET");
		tokens_free(tokens);
		buf_free(&error);
	}
}

static void
check_kinds(void)
{
	config.tokens_file = dir;
	expect_error(__LINE__, "a directory", "is not a regular file");
	config.tokens_file = file;
	unlink(file);
	alarm(10); /* a FIFO must not hang us */
	if (mkfifo(file, 0600) == 0)
		expect_error(__LINE__, "a FIFO", "is not a regular file");
	alarm(0);
	char *large = malloc(TOKENS_FILE_MAX + 1);
	if (large == NULL)
		abort();
	memset(large, '\n', TOKENS_FILE_MAX + 1);
	private_write(file, large, TOKENS_FILE_MAX + 1, 0600);
	expect_error(__LINE__, "a file that is too large", "too large");
	struct buf small;
	buf_init(&small, 20);
	struct tokens *tokens = tokens_load(&config, &small);
	TAP_ROW("a reason longer than its buffer is cut",
		tokens == NULL && strncmp(buf_text(&small), "/tmp/test_tokens.", 17) == 0 &&
		    small.len == 20,
		"got %s", buf_text(&small));
	tokens_free(tokens);
	buf_free(&small);
	memset(large, 'x', TOKENS_FILE_MAX);
	memcpy(large, "backup=", 7);
	private_write(file, large, 7 + TOKEN_MAX + 1, 0600);
	expect_error(__LINE__, "a value that is too long",
		     ":1: the value of backup is longer than");
	free(large);
}

/* --- Owners and the environment ----------------------------------------------------- */

static void
check_absence(void)
{
	struct buf error;
	buf_init(&error, 4096);
	unlink(file);
	struct tokens *tokens = tokens_load(&config, &error);
	TAP_OK("no file is no error", tokens != NULL && error.len == 0);
	if (tokens == NULL)
		abort();
	TAP_STR("no file, no token", tokens_get(tokens, "backup"), NULL);
	TAP_STR("no file, no admin token", tokens_admin(tokens), NULL);
	tokens_free(tokens);
	buf_free(&error);
}

static void
check_sharing(void)
{
	struct buf error;
	buf_init(&error, 4096);
	private_write(file, AND_NUL("backup = abc\nadmin_token = xyz\n"), 0600);
	struct tokens *tokens = tokens_load(&config, &error);
	if (tokens == NULL)
		abort();
	TAP_STR("the admin token", tokens_admin(tokens), "xyz");
	TAP_OK("the time of loading", tokens_loaded_ms(tokens) > INT64_C(1600000000000));
	TAP_OK("a share is the same", tokens_share(tokens) == tokens);
	tokens_free(tokens);
	TAP_STR("what one owner gives up stays the other's", tokens_get(tokens, "backup"), "abc");
	tokens_free(tokens);
	unlink(file);
	buf_free(&error);
}

static void
check_environment(void)
{
	char key[] = "from-environment";
	struct buf error;
	buf_init(&error, 4096);
	config.providers[1].env_credential = key;
	private_write(file, AND_NUL("backup = abc\nclaude_api = from-file\n"), 0600);
	struct tokens *tokens = tokens_load(&config, &error);
	if (tokens == NULL)
		abort();
	config.providers[1].env_credential[0] = 'X'; /* tokens have their own copy */
	TAP_STR("the environment goes before the file", tokens_get(tokens, "claude_api"),
		"from-environment");
	TAP_STR("the file still serves the others", tokens_get(tokens, "backup"), "abc");
	tokens_free(tokens);
	private_write(file, AND_NUL("claude_api = SECRET\nCLAUDE_API_KEY = SECRET\n"), 0600);
	expect_error(__LINE__, "twice in the file beside the environment",
		     ":2: duplicate claude_api, first defined on line 1");
	unlink(file);
	tokens = tokens_load(&config, &error);
	TAP_STR("the environment without a file",
		tokens == NULL ? NULL : tokens_get(tokens, "claude_api"), "Xrom-environment");
	tokens_free(tokens);
	config.providers[1].env_credential = NULL;
	buf_free(&error);
}

/* The shipped example: every line that takes effect when its # is taken away. */
static void
check_shipped(void)
{
	const char *source = getenv("TEST_SRCDIR");
	char path[4096];
	struct stat st;
	struct buf text, why;
	snprintf(path, sizeof path, "%s/conf/tokens.txt.example", source == NULL ? "." : source);
	buf_init(&text, TOKENS_FILE_MAX);
	buf_init(&why, 8192);
	if (config_read_file(path, &text, &st, &why) != FILE_READ) {
		tap_skip("the shipped example", buf_text(&why));
	} else {
		for (char *at = text.data; (at = strchr(at, '#')) != NULL; at++)
			if (at[1] >= 'a' && at[1] <= 'z')
				*at = ' ';
		private_write(file, text.data, text.len, 0600);
		struct tokens *tokens = tokens_load(&config, &why);
		TAP_STR("the shipped example",
			tokens == NULL ? buf_text(&why) : tokens_get(tokens, "kimi"),
			"YOUR_KIMI_KEY");
		tokens_free(tokens);
	}
	buf_free(&text);
	buf_free(&why);
}

int
main(int argc, char **argv)
{
	tap_start("tokens", argc, argv);
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(file, sizeof file, "%s/tokens.txt", dir);
	check_good();
	check_bad();
	check_modes();
	check_kinds();
	check_absence();
	check_sharing();
	check_environment();
	check_shipped();
	unlink(file);
	rmdir(dir);
	return tap_finish();
}
