/* SPDX-License-Identifier: MIT */
/* The log: lines in both formats, foreign text, and the places where lines go. */
#include "base/log.h"
#include "tap.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char dir[] = "/tmp/test_log.XXXXXX";
static char file[sizeof dir + sizeof("/router.log")];

/* --- Foreign text ------------------------------------------------------------- */

#define WITH_SIZE(text) text, sizeof(text) - 1

static const struct {
	int line;
	const char *name;
	const char *text;
	size_t n;
	const char *shown;
} foreign[] = {
    {__LINE__, "plain", WITH_SIZE("Overloaded"), "Overloaded"},
    {__LINE__, "empty", WITH_SIZE(""), ""},
    {__LINE__, "control bytes", WITH_SIZE("a\r\nb\tc\x1b[0m\x7f"),
     "a\\x0D\\x0Ab\\x09c\\x1B[0m\\x7F"},
    {__LINE__, "NUL", WITH_SIZE("a\0b"), "a\\x00b"},
    {__LINE__, "UTF-8", WITH_SIZE("余额不足 é €"), "余额不足 é €"},
    {__LINE__, "four bytes of UTF-8", WITH_SIZE("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80"},
    {__LINE__, "C1 control",
     WITH_SIZE("\xc2\x9b"
	       "0m"),
     "\\xC2\\x9B0m"},
    {__LINE__, "no UTF-8", WITH_SIZE("\xff\xc3("), "\\xFF\\xC3("},
    {__LINE__, "a third byte that is none", WITH_SIZE("\xe2\x82(x"), "\\xE2\\x82(x"},
    {__LINE__, "user in a URL, not ASCII", WITH_SIZE("http://m\xc3\xa9:SECRET@x/"),
     "http://***@x/"},
    {__LINE__, "overlong", WITH_SIZE("\xc0\xaf\xe0\x80\xaf"), "\\xC0\\xAF\\xE0\\x80\\xAF"},
    {__LINE__, "surrogate", WITH_SIZE("\xed\xa0\x80"), "\\xED\\xA0\\x80"},
    {__LINE__, "beyond Unicode", WITH_SIZE("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80"},
    {__LINE__, "half a character at the end", WITH_SIZE("a\xe2\x82"), "a\\xE2\\x82"},
    {__LINE__, "an API key", WITH_SIZE("key sk-ant-api03-SECRET is bad"), "key *** is bad"},
    {__LINE__, "a login", WITH_SIZE("sk-ant-oat01-SECRET_x-y"), "***"},
    {__LINE__, "another provider's key", WITH_SIZE("(sk-SECRET)"), "(***)"},
    {__LINE__, "a key behind letters", WITH_SIZE("xsk-ant-SECRET"), "x***"},
    {__LINE__, "a key in capitals", WITH_SIZE("SK-ANT-SECRET"), "***"},
    {__LINE__, "a word that ends in sk-", WITH_SIZE("risk-free desk-job"), "risk-free desk-job"},
    {__LINE__, "a JWT", WITH_SIZE("t=eyJhbGciOi.eyJzdWIi.SECRET;"), "t=***;"},
    {__LINE__, "Bearer", WITH_SIZE("Authorization: Bearer SECRET+/x== end"),
     "Authorization: Bearer *** end"},
    {__LINE__, "Bearer alone", WITH_SIZE("Bearer a1SECRET"), "Bearer ***"},
    {__LINE__, "bearer as a word", WITH_SIZE("Invalid bearer token."), "Invalid bearer token."},
    {__LINE__, "x-api-key", WITH_SIZE("x-api-key: 12SECRET"), "x-api-key: ***"},
    {__LINE__, "x-api-key as a word", WITH_SIZE("invalid x-api-key"), "invalid x-api-key"},
    {__LINE__, "x-api-key in a sentence", WITH_SIZE("x-api-key header is required"),
     "x-api-key header is required"},
    {__LINE__, "api_key in JSON", WITH_SIZE("{\"api_key\":\"SECRET\"}"), "{\"api_key\":\"***\"}"},
    {__LINE__, "api_key in JSON in JSON", WITH_SIZE("{\\\"api_key\\\":\\\"SECRET\\\"}"),
     "{\\\"api_key\\\":\\\"***\\\"}"},
    {__LINE__, "user in a URL", WITH_SIZE("at https://me:SECRET@x.example/@b"),
     "at https://***@x.example/@b"},
    {__LINE__, "no user in a URL", WITH_SIZE("https://x.example/@b"), "https://x.example/@b"},
    {__LINE__, "a client key", WITH_SIZE("it is (crk_Ab-9_x)"), "it is (***)"},
    {__LINE__, "a client key within a word", WITH_SIZE("keycrk_Ab-9_x"), "key***"},
    {__LINE__, "a client key's header", WITH_SIZE("x-router-key: Abc9"), "x-router-key: ***"},
    {__LINE__, "a key in a path", WITH_SIZE("/k/SECRET/v1/messages"), "/k/***/v1/messages"},
    {__LINE__, "two secrets", WITH_SIZE("sk-SECRET sk-SECRET"), "*** ***"},
};

static void
check_foreign(void)
{
	char out[PRINTABLE_SIZE];
	for (size_t i = 0; i < TAP_COUNT(foreign); i++) {
		char *exact = malloc(foreign[i].n + 1); /* so that ASan sees who reads too far */
		if (exact == NULL)
			abort();
		char *copy = realloc(memcpy(exact, foreign[i].text, foreign[i].n),
				     foreign[i].n == 0 ? 1 : foreign[i].n);
		TAP_STR_AT(foreign[i].line, foreign[i].name,
			   printable(copy, foreign[i].n, out, sizeof out), foreign[i].shown);
		free(copy);
	}
}

static void
check_foreign_sizes(void)
{
	char text[600], out[PRINTABLE_SIZE], small[8];
	memset(text, 'a', sizeof text);
	TAP_INT("cut at 200 bytes", strlen(printable(text, sizeof text, out, sizeof out)), 200);
	memcpy(text + 190, " sk-ant-SECRET", 14);
	TAP_OK("a secret across the cut is starred",
	       strcmp(printable(text, sizeof text, out, sizeof out) + 190, " ***") == 0);
	memset(text, 1, sizeof text);
	TAP_INT("the largest result", strlen(printable(text, sizeof text, out, sizeof out)), 800);
	TAP_STR("a small result ends between characters",
		printable("ab\x01\x02", 4, small, sizeof small), "ab\\x01");
	TAP_STR("the smallest result", printable("ab", 2, small, 1), "");
	bool shown = false;
	for (size_t at = 0; at < 400; at++) {
		memset(text, '.', sizeof text);
		memcpy(text + at, " Bearer SECRET99", 16);
		shown = shown || strstr(printable(text, sizeof text, out, sizeof out), "SE");
	}
	TAP_OK("a secret at any place is starred", !shown);
}

/* --- Lines ------------------------------------------------------------------------ */

/* The log file's text; empties the file. */
static const char *
lines(char *text, size_t size)
{
	int fd = open(file, O_RDWR | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, size - 1);
	if (n == -1 || ftruncate(fd, 0) == -1)
		abort();
	close(fd);
	text[n] = '\0';
	return text;
}

static void
open_log(const char *target, int level, bool json)
{
	struct buf error;
	buf_init(&error, 4096);
	if (!log_open("test_log", target, level, json, &error))
		abort();
	buf_free(&error);
}

static const struct {
	int line;
	const char *name;
	struct log_field field;
	const char *logfmt, *json; /* behind the event */
} fields[] = {
    {__LINE__, "a word", {"a", "b", 0}, " a=b", "\"a\":\"b\""},
    {__LINE__, "a number", {"a", NULL, -5}, " a=-5", "\"a\":-5"},
    {__LINE__,
     "the smallest number",
     {"a", NULL, INT64_MIN},
     " a=-9223372036854775808",
     "\"a\":-9223372036854775808"},
    {__LINE__, "an empty text", {"a", "", 0}, " a=\"\"", "\"a\":\"\""},
    {__LINE__, "a space", {"a", "b c", 0}, " a=\"b c\"", "\"a\":\"b c\""},
    {__LINE__, "an equals sign", {"a", "b=c", 0}, " a=\"b=c\"", "\"a\":\"b=c\""},
    {__LINE__, "a quote", {"a", "b\"c", 0}, " a=\"b\\\"c\"", "\"a\":\"b\\\"c\""},
    {__LINE__, "a backslash", {"a", "b\\c", 0}, " a=\"b\\\\c\"", "\"a\":\"b\\\\c\""},
    {__LINE__,
     "a line end",
     {"a", "b\nlevel=error", 0},
     " a=\"b\\x0Alevel=error\"",
     "\"a\":\"b\\u000alevel=error\""},
    {__LINE__, "an escape", {"a", "\x1b[1m", 0}, " a=\"\\x1B[1m\"", "\"a\":\"\\u001b[1m\""},
    {__LINE__, "UTF-8", {"a", "cool→18:00", 0}, " a=\"cool→18:00\"", "\"a\":\"cool→18:00\""},
    {__LINE__, "no UTF-8", {"a", "\xff", 0}, " a=\"\\xFF\"", "\"a\":\"\xef\xbf\xbd\""},
};

static void
check_lines(void)
{
	char text[4 * LOG_LINE_MAX], want[512];
	for (size_t i = 0; i < TAP_COUNT(fields); i++) {
		open_log(file, LOG_INFO, false);
		log_fields(LOG_INFO, "request", &fields[i].field, 1);
		lines(text, sizeof text);
		snprintf(want, sizeof want, " level=info event=request%s\n", fields[i].logfmt);
		TAP_STR_AT(fields[i].line, fields[i].name, strchr(text, ' '), want);

		open_log(file, LOG_INFO, true);
		log_fields(LOG_INFO, "request", &fields[i].field, 1);
		lines(text, sizeof text);
		snprintf(want, sizeof want, ",\"level\":\"info\",\"event\":\"request\",%s}\n",
			 fields[i].json);
		TAP_STR_AT(fields[i].line, fields[i].name, strchr(text, ','), want);
		struct json_object *object = json_tokener_parse(text);
		TAP_ROW_AT(fields[i].line, "it is JSON", object != NULL, "got %s", text);
		json_object_put(object);
	}
}

static const struct {
	int line;
	int level, at;
	const char *word; /* NULL: nothing is written */
} levels[] = {
    {__LINE__, LOG_INFO, LOG_DEBUG, NULL},      {__LINE__, LOG_INFO, LOG_INFO, "info"},
    {__LINE__, LOG_INFO, LOG_NOTICE, "notice"}, {__LINE__, LOG_ERR, LOG_WARNING, NULL},
    {__LINE__, LOG_ERR, LOG_ERR, "error"},      {__LINE__, LOG_DEBUG, LOG_DEBUG, "debug"},
    {__LINE__, LOG_WARNING, LOG_CRIT, "error"}, {__LINE__, LOG_WARNING, LOG_WARNING, "warning"},
};

static void
check_levels(void)
{
	char text[4096], want[64], name[64];
	for (size_t i = 0; i < TAP_COUNT(levels); i++) {
		open_log(file, levels[i].level, false);
		log_line(levels[i].at, "%s", "x");
		lines(text, sizeof text);
		snprintf(want, sizeof want, " level=%s msg=x\n", levels[i].word);
		snprintf(name, sizeof name, "level %d at level %d", levels[i].at, levels[i].level);
		TAP_STR_AT(levels[i].line, name, text[0] == '\0' ? "" : strchr(text, ' '),
			   levels[i].word == NULL ? "" : want);
	}
}

static void
check_time(void)
{
	char text[4096];
	open_log(file, LOG_INFO, false);
	log_line(LOG_INFO, "x");
	lines(text, sizeof text);
	struct tm tm = {0};
	const char *rest = strptime(text, "time=%Y-%m-%dT%H:%M:%S", &tm);
	TAP_OK("a line begins with its time",
	       rest != NULL && rest[0] == '.' && strncmp(rest + 4, "Z level", 7) == 0);
}

static void
check_cuts(void)
{
	static char text[4 * LOG_LINE_MAX];
	static char large[3 * LOG_FIELD_MAX];
	struct log_field many[20];
	for (int json = 0; json < 2; json++) {
		open_log(file, LOG_INFO, json == 1);
		memset(large, 'a', sizeof large - 1);
		log_fields(LOG_INFO, "x", &LOG_TEXT("t", large), 1);
		lines(text, sizeof text);
		TAP_INT(json ? "json: a text is cut" : "logfmt: a text is cut",
			strspn(strstr(text, "aaaa"), "a"), LOG_FIELD_MAX);
		memset(large, 'a', LOG_FIELD_MAX - 1);
		memcpy(large + LOG_FIELD_MAX - 1, "€", 3);
		log_fields(LOG_INFO, "x", &LOG_TEXT("t", large), 1);
		lines(text, sizeof text);
		TAP_ROW(json ? "json: no character is cut" : "logfmt: no character is cut",
			strstr(text, "a\xe2") == NULL && strstr(text, "\\xE2") == NULL &&
			    strstr(text, "\xef\xbf\xbd") == NULL,
			"got %s", text + 900);
		memset(large, 1, sizeof large - 1);
		for (size_t i = 0; i < TAP_COUNT(many); i++)
			many[i] = LOG_TEXT("t", large);
		log_fields(LOG_INFO, "x", many, TAP_COUNT(many));
		lines(text, sizeof text);
		struct json_object *object = json ? json_tokener_parse(text) : NULL;
		TAP_ROW(json ? "json: a line is cut" : "logfmt: a line is cut",
			strlen(text) <= LOG_LINE_MAX &&
			    strcmp(text + strlen(text) - (json ? 10 : 7),
				   json ? ",\"cut\":1}\n" : " cut=1\n") == 0 &&
			    (!json || object != NULL),
			"got %s", text);
		json_object_put(object);
	}
}

/* --- Where lines go ----------------------------------------------------------------- */

static void
check_files(void)
{
	char text[4096], moved[sizeof file + 8], path[sizeof dir + 32];
	struct stat st;
	struct buf error;
	buf_init(&error, 4096);
	umask(0);
	unlink(file);
	open_log(file, LOG_INFO, false);
	TAP_OK("a log file is made 0640", stat(file, &st) == 0 && (st.st_mode & 0777) == 0640);
	snprintf(path, sizeof path, "%s/none/router.log", dir);
	TAP_OK("a file that cannot be opened",
	       !log_open("test_log", path, LOG_DEBUG, true, &error) &&
		   strstr(buf_text(&error), "No such file or directory") != NULL);
	log_line(LOG_INFO, "still here");
	TAP_OK("the log then goes on as before",
	       strstr(lines(text, sizeof text), "level=info msg=\"still here\"\n") != NULL);
	buf_clear(&error);
	TAP_OK("a target that is none",
	       !log_open("test_log", "stderr", LOG_INFO, true, &error) &&
		   strstr(buf_text(&error), "log = stderr: use auto") != NULL);
	buf_clear(&error);
	snprintf(path, sizeof path, "%s/fifo", dir);
	alarm(10);
	TAP_OK("a FIFO that nobody reads is an error, not a wait",
	       mkfifo(path, 0600) == 0 && !log_open("test_log", path, LOG_INFO, false, &error));
	alarm(0);
	unlink(path);
	snprintf(moved, sizeof moved, "%s.1", file);
	rename(file, moved);
	nanosleep(&(struct timespec){1, 50000000}, NULL); /* the path is looked at once a second */
	log_line(LOG_INFO, "after");
	TAP_OK("a file that was moved away is made again",
	       access(file, F_OK) == 0 && strstr(lines(text, sizeof text), "msg=after") != NULL);
	rename(file, moved);
	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
	nanosleep(&(struct timespec){1, 50000000}, NULL);
	log_line(LOG_INFO, "again");
	TAP_OK("another file in its place is used",
	       strstr(lines(text, sizeof text), "msg=again") != NULL);
	unlink(moved);
	buf_free(&error);
}

/* Puts fd in the place of standard error while lines are written. */
static void
with_stderr(int fd, const char *target, size_t n_lines)
{
	int saved = dup(2);
	dup2(fd, 2);
	open_log(target, LOG_INFO, false);
	for (size_t i = 0; i < n_lines; i++)
		log_line(LOG_INFO, "line %zu", i);
	open_log(file, LOG_INFO, false);
	dup2(saved, 2);
	close(saved);
}

static void
check_stderr(void)
{
	static char text[1 << 18];
	int ends[2];
	if (pipe(ends) == -1)
		abort();
	with_stderr(ends[1], "auto", 2);
	ssize_t n = read(ends[0], text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	TAP_OK("auto writes to a pipe", strstr(text, "msg=\"line 1\"\n") != NULL);
	alarm(10);
	with_stderr(ends[1], "auto", 5000); /* more than a pipe holds */
	alarm(0);
	TAP_OK("a full pipe is not waited for", true);
	lines(text, sizeof text);
	log_line(LOG_INFO, "next");
	lines(text, sizeof text);
	TAP_OK("what was lost is counted in the next line",
	       strstr(text, " level=warning event=log_lost lines=") != NULL);
	close(ends[0]);
	with_stderr(ends[1], "auto", 2); /* SIGPIPE would end us */
	TAP_OK("a pipe without a reader is not written to", true);
	close(ends[1]);
	int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
	with_stderr(fd, "auto", 1);
	close(fd);
	TAP_OK("auto writes to a file", strstr(lines(text, sizeof text), "line 0") != NULL);
}

int
main(int argc, char **argv)
{
	tap_start("log", argc, argv);
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(file, sizeof file, "%s/router.log", dir);
	check_foreign();
	check_foreign_sizes();
	check_lines();
	check_levels();
	check_time();
	check_cuts();
	check_files();
	check_stderr();
	unlink(file);
	rmdir(dir);
	return tap_finish();
}
