/* SPDX-License-Identifier: MIT */
/* tokens.txt, good and bad: which credentials are read from it, or which error. */
#include "config/tokens.h"
#include "private.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_KEY "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"

static char dir[] = "/tmp/test_tokens.XXXXXX";
static char file[sizeof dir + sizeof("/tokens.txt")];

/* Two providers of the four, and one of another name. */
static char no_share[] = "";
static struct config config = {
    .tokens_file = file,
    .share = no_share,
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
    {__LINE__, "openai", AND_NUL("openai = x\n"), "openai", "x"},
    {__LINE__, "OPENAI_API_KEY", AND_NUL("OPENAI_API_KEY=x\n"), "openai", "x"},
    {__LINE__, "MOONSHOT_API_KEY", AND_NUL("MOONSHOT_API_KEY=x\n"), "kimi", "x"},
    {__LINE__, "a provider that is not configured", AND_NUL("deepseek = x\nbackup = y\n"), "backup",
     "y"},
    {__LINE__, "none for a provider", AND_NUL("backup = abc\n"), "claude_pro", NULL},
    {__LINE__, "none for a stranger", AND_NUL("backup = abc\n"), "nobody", NULL},
    {__LINE__, "admin_token", AND_NUL("admin_token = abc\n"), "admin_token", "abc"},
    {__LINE__, "a server's password", AND_NUL("share = a=b@c/d\n"), "share", "a=b@c/d"},
    {__LINE__, "empty file", AND_NUL(""), "backup", NULL},
    {__LINE__, "several keys: the first", AND_NUL("backup.b = x\nbackup = y\n"), "backup", "x"},
    {__LINE__, "one login with a label", AND_NUL("claude_pro.mine = sk-ant-oat01-x\n"),
     "claude_pro", "sk-ant-oat01-x"},
    {__LINE__, "one value for two providers", AND_NUL("backup = x\nclaude_api = x\n"), "claude_api",
     "x"},
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

/* --- Several for a provider ----------------------------------------------------- */

static const struct {
	int line;
	const char *name;
	const char *text;
	size_t text_len;
	const char *provider;
	const char *all; /* as "label*weight=value …" */
} several[] = {
    {__LINE__, "none", AND_NUL("backup = a\n"), "claude_api", ""},
    {__LINE__, "one", AND_NUL("backup = a\n"), "backup", "*1=a "},
    {__LINE__, "three, in the file's order", AND_NUL("backup.work = a\nbackup = b\nbackup.2 = c\n"),
     "backup", "work*1=a *1=b 2*1=c "},
    {__LINE__, "other providers between them",
     AND_NUL("backup.a = a\nkimi.a = k\nclaude_pro = p\nbackup.b = b\n"), "backup", "a*1=a b*1=b "},
    {__LINE__, "weights", AND_NUL("backup*3 = a\nbackup.w*100 = b\nbackup.v*1=c\n"), "backup",
     "*3=a w*100=b v*1=c "},
    {__LINE__, "the longest label", AND_NUL("backup.abcdefghij-_5678 = a\n"), "backup",
     "abcdefghij-_5678*1=a "},
    {__LINE__, "by environment-style names", AND_NUL("KIMI_API_KEY = a\nKIMI_API_KEY.two = b\n"),
     "kimi", "*1=a two*1=b "},
    {__LINE__, "eight",
     AND_NUL("backup=0\nbackup.1=1\nbackup.2=2\nbackup.3=3\nbackup.4=4\nbackup.5=5\nbackup.6=6\n"
	     "backup.7=7\n"),
     "backup", "*1=0 1*1=1 2*1=2 3*1=3 4*1=4 5*1=5 6*1=6 7*1=7 "},
};

static void
check_several(void)
{
	for (size_t i = 0; i < TAP_COUNT(several); i++) {
		struct buf error, all;
		buf_init(&error, 4096);
		buf_init(&all, 4096);
		private_write(file, several[i].text, several[i].text_len, 0600);
		struct tokens *tokens = tokens_load(&config, &error);
		const struct stored_credential *s;
		for (size_t k = 0;
		     tokens != NULL && (s = tokens_at(tokens, several[i].provider, k)); k++)
			buf_append_cut(&all, "%s*%u=%s ", s->label, s->weight, s->value);
		TAP_STR_AT(several[i].line, several[i].name,
			   tokens == NULL ? buf_text(&error) : buf_text(&all), several[i].all);
		tokens_free(tokens);
		buf_free(&error);
		buf_free(&all);
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

    /* Several for a provider */
    {__LINE__, "a label twice", AND_NUL("backup.a = SECRET\nbackup.a = SECRET2\n"),
     ":2: duplicate backup.a, first defined on line 1"},
    {__LINE__, "a value twice", AND_NUL("backup = SECRET\nkimi = SECRET\nbackup.a = SECRET\n"),
     ":3: the value of backup.a is the same as that of backup on line 1"},
    {__LINE__, "a value twice by an alias",
     AND_NUL("kimi.a = SECRET\nMOONSHOT_API_KEY.b = SECRET\n"),
     ":2: the value of MOONSHOT_API_KEY.b is the same as that of kimi.a on line 1"},
    {__LINE__, "a second claude_pro", AND_NUL("claude_pro = SECRET\nclaude_pro.two = SECRET2\n"),
     ":2: a second claude_pro, the first is on line 1: a Claude subscription is its owner's, and "
     "several are not pooled"},
    {__LINE__, "a second claude_pro without a label",
     AND_NUL("claude_pro = SECRET\nclaude_pro = SECRET2\n"),
     ":2: a second claude_pro, the first is on line 1: a Claude subscription"},
    {__LINE__, "a second login elsewhere",
     AND_NUL("backup = sk-ant-oat01-SECRET\nbackup.b = sk-ant-oat01-SECRET2\n"),
     ":2: a second backup, the first is on line 1: a Claude subscription"},
    {__LINE__, "a login beside a key", AND_NUL("backup = SECRET\nbackup.b = sk-ant-oat01-SECRET\n"),
     ":2: a second backup, the first is on line 1: a Claude subscription"},
    {__LINE__, "no label", AND_NUL("backup. = SECRET\n"),
     ":1: the label after backup. is not one: use"},
    {__LINE__, "a label in capitals", AND_NUL("backup.SECRET = a\n"),
     ":1: the label after backup. is not"},
    {__LINE__, "a label that is too long", AND_NUL("backup.abcdefghij1234567 = SECRET\n"),
     "1 to 16 lower-case letters, digits, _ and -"},
    {__LINE__, "a label with a dot", AND_NUL("backup.a.b = SECRET\n"),
     ":1: the label after backup."},
    {__LINE__, "the ledger's word for a client's own", AND_NUL("backup.own = SECRET\n"),
     ":1: the label after backup. is not one"},
    {__LINE__, "a key in place of a label", AND_NUL("backup.sk-abcdef = SECRET\n"),
     ":1: the label after backup. is not one"},
    {__LINE__, "the ledger's word for no label", AND_NUL("backup.stored = SECRET\n"),
     ":1: the label after backup. is not one"},
    {__LINE__, "a weight of 0", AND_NUL("backup*0 = SECRET\n"),
     ":1: the weight after backup* is not one: use a whole number from 1 to 100"},
    {__LINE__, "a weight of 101", AND_NUL("backup.a*101 = SECRET\n"),
     ":1: the weight after backup*"},
    {__LINE__, "no weight", AND_NUL("backup* = SECRET\n"), ":1: the weight after backup*"},
    {__LINE__, "no number", AND_NUL("backup*1x = SECRET\n"), ":1: the weight after backup*"},
    {__LINE__, "a weight before the label", AND_NUL("backup*2.a = SECRET\n"),
     ":1: the weight after backup*"},
    {__LINE__, "a label of nobody", AND_NUL("SECRET.a = SECRET\n"), ":1: unknown name"},
    {__LINE__, "a label of the admin", AND_NUL("admin_token.a = SECRET\n"),
     ":1: admin_token has neither label nor weight"},
    {__LINE__, "a label of the server's password", AND_NUL("share.a = SECRET\n"),
     ":1: share has neither label nor weight"},
    {__LINE__, "a second key for all machines",
     AND_NUL("share_key = " HEX_KEY "\nshare_key = " HEX_KEY "\n"),
     ":2: duplicate share_key, first defined on line 1"},
    {__LINE__, "a key for all machines that is too short", AND_NUL("share_key = SECRET\n"),
     ":1: the value of share_key is not one: use 64 hexadecimal digits, a line that "
     "claude-router-ctl share key prints"},
    {__LINE__, "a key for all machines that is too long", AND_NUL("share_key = 0" HEX_KEY "\n"),
     ":1: the value of share_key is not one"},
    {__LINE__, "a key for all machines of other letters",
     AND_NUL("share_key = SECRETg789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"),
     ":1: the value of share_key is not one"},
    {__LINE__, "the owner of a labelled one", AND_NUL("deepseek.a = sk-ant-api03-SECRET\n"),
     ":1: the value of deepseek.a is a credential of Claude's"},
    {__LINE__, "nine",
     AND_NUL("backup=0\nbackup.1=1\nbackup.2=2\nbackup.3=3\nbackup.4=4\nbackup.5=5\nbackup.6=6\n"
	     "backup.7=7\nbackup.8=SECRET\n"),
     ":9: backup has more than 8 credentials"},
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

/* All of ten lines, in one reading. */
static void
check_all_lines(void)
{
	char text[512] = "backup = right\n", want[4096] = "";
	for (int line = 2; line <= 13; line++)
		strcat(text, "SECRET = x\n");
	for (int line = 2; line <= 11; line++)
		snprintf(want + strlen(want), sizeof want - strlen(want),
			 "%s%s:%d: unknown name: use claude_pro, deepseek, kimi, openai, "
			 "claude_api, another provider of the configuration, admin_token, share or "
			 "share_key",
			 line == 2 ? "" : "\n", file, line);
	struct buf error;
	buf_init(&error, sizeof want);
	private_write(file, text, strlen(text), 0600);
	TAP_OK("several wrong lines", tokens_load(&config, &error) == NULL);
	TAP_STR("several wrong lines: each is told, ten of them", buf_text(&error), want);
	buf_free(&error);
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

/* What many machines have in common. */
static void
check_share(void)
{
	static const uint8_t eight[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
	char server[] = "valkey://h";
	struct buf error;
	buf_init(&error, 4096);
	config.share = server;
	private_write(file, AND_NUL("share_key = " HEX_KEY "\n"), 0600);
	struct tokens *tokens = tokens_load(&config, &error);
	const uint8_t *key = tokens == NULL ? NULL : tokens_share_key(tokens);
	TAP_ROW("the machines' key",
		key != NULL && memcmp(key, eight, 8) == 0 && memcmp(key + 24, eight, 8) == 0,
		"got %s", key == NULL ? buf_text(&error) : "another one");
	TAP_STR("a server without a password", tokens == NULL ? "" : tokens_share_password(tokens),
		NULL);
	tokens_free(tokens);
	private_write(file, AND_NUL("share = SECRET\n"), 0600);
	expect_error(__LINE__, "a server without the machines' key",
		     "tokens.txt: the configuration has share, so share_key is needed: a line "
		     "that claude-router-ctl share key prints, the same one on each machine");
	unlink(file);
	expect_error(__LINE__, "a server without a file", "so share_key is needed");
	config.share = no_share;
	private_write(file, AND_NUL("share = abc\n"), 0600);
	tokens = tokens_load(&config, &error);
	TAP_STR("a password without a server",
		tokens == NULL ? buf_text(&error) : tokens_share_password(tokens), "abc");
	TAP_OK("no key", tokens != NULL && tokens_share_key(tokens) == NULL);
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
	private_write(file, AND_NUL("claude_api.b = b\nclaude_api*2 = c\n"), 0600);
	tokens = tokens_load(&config, &error);
	const struct stored_credential *s =
	    tokens == NULL ? NULL : tokens_at(tokens, "claude_api", 0);
	TAP_STR("the environment in the place of the one without a label",
		s == NULL ? buf_text(&error) : s->value, "Xrom-environment");
	TAP_INT("with the file's weight", s == NULL ? 0 : s->weight, 2);
	s = tokens == NULL ? NULL : tokens_at(tokens, "claude_api", 1);
	TAP_STR("beside the others of the file", s == NULL ? NULL : s->value, "b");
	TAP_OK("and no more", tokens != NULL && tokens_at(tokens, "claude_api", 2) == NULL);
	tokens_free(tokens);
	private_write(file, AND_NUL("claude_api.b = Xrom-environment\n"), 0600);
	tokens = tokens_load(&config, &error);
	TAP_OK("its value once more in the file",
	       tokens == NULL &&
		   strstr(buf_text(&error), ":1: the value of claude_api.b is the same as "
					    "that of claude_api in the environment"));
	tokens_free(tokens);
	config.providers[1].env_credential = NULL;
	buf_free(&error);
}

/* 48 values in all, whoever they are for. */
static void
check_many(void)
{
	struct config many = config;
	struct buf text, error;
	buf_init(&text, 8192);
	buf_init(&error, 4096);
	many.n_providers = 7;
	for (unsigned i = 0; i < 7; i++)
		snprintf(many.providers[i].name, sizeof many.providers[i].name, "p%u", i);
	for (unsigned i = 0; i < STORED_MAX; i++)
		buf_append_cut(&text, "p%u.l%u = v%u\n", i / 7, i, i);
	private_write(file, text.data, text.len, 0600);
	struct tokens *tokens = tokens_load(&many, &error);
	TAP_STR("as many as fit", tokens == NULL ? buf_text(&error) : tokens_get(tokens, "p6"),
		"v42");
	tokens_free(tokens);
	buf_append_cut(&text, "p6.l99 = SECRET\n");
	private_write(file, text.data, text.len, 0600);
	tokens = tokens_load(&many, &error);
	TAP_OK("one more",
	       tokens == NULL && strstr(buf_text(&error), ":49: there are more than 48 values"));
	tokens_free(tokens);
	buf_free(&text);
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
	check_several();
	check_bad();
	check_all_lines();
	check_many();
	check_modes();
	check_kinds();
	check_absence();
	check_sharing();
	check_share();
	check_environment();
	check_shipped();
	unlink(file);
	rmdir(dir);
	return tap_finish();
}
