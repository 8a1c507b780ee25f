/* SPDX-License-Identifier: MIT */
/* The keys file, good and bad: whose a key is, or which error; and how it is changed. */
#include "config/keys_edit.h"
#include "private.h"
#include "tap.h"

#include "base/digest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/test_keys.XXXXXX";
static char file[sizeof dir + sizeof("/keys")];
static char tokens_file[sizeof dir + sizeof("/tokens.txt")];
static struct config config = {.keys_file = file, .tokens_file = tokens_file, .state_file = file};

static const struct key_budget no_budget;

#define KEY_A  "crk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_B  "crk_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define HASH_A "25a4bf9597c8660872d52fbb1ba49aff57501fcb413851d61196679d91ce8076"

/* In hexadecimal; the tables below say @A and @B. */
static char hash_a[DIGEST_HEX_SIZE], hash_b[DIGEST_HEX_SIZE];

/* text with the hashes for @A and @B; returns its length. */
static size_t
fill_in(const char *text, size_t n, char *out, size_t size)
{
	size_t len = 0;
	for (size_t i = 0; i < n && len + 2 < size; i++) {
		if (text[i] != '@') {
			out[len++] = text[i];
			continue;
		}
		const char *hash = text[++i] == 'A' ? hash_a : hash_b;
		memcpy(out + len, hash, strlen(hash));
		len += strlen(hash);
	}
	out[len] = '\0';
	return len;
}

/* --- Good files: @A and @B are the hashes of KEY_A and KEY_B ------------- */

static const struct {
	int line;
	const char *name, *text;
	size_t text_len;
	const char *key, *whose; /* NULL: nobody's */
	size_t n;
} good[] = {
    {__LINE__, "a key", AND_NUL("anna @A 2026-11-23\n"), KEY_A, "anna", 1},
    {__LINE__, "without a date", AND_NUL("anna @A\n"), KEY_A, "anna", 1},
    {__LINE__, "without a line end", AND_NUL("anna @A"), KEY_A, "anna", 1},
    {__LINE__, "CR, tabs, spaces", AND_NUL("  anna\t@A   2026-11-23 \r\n"), KEY_A, "anna", 1},
    {__LINE__, "comments and blank lines", AND_NUL("# x y z\n\n  #\nanna @A\n\n"), KEY_A, "anna",
     1},
    {__LINE__, "byte order mark",
     AND_NUL("\xef\xbb\xbf"
	     "anna @A\n"),
     KEY_A, "anna", 1},
    {__LINE__, "the second of two", AND_NUL("anna @A\nbert @B\n"), KEY_B, "bert", 2},
    {__LINE__, "the first of two", AND_NUL("anna @A\nbert @B\n"), KEY_A, "anna", 2},
    {__LINE__, "a name with all it may hold", AND_NUL("A.b-c_9 @A\n"), KEY_A, "A.b-c_9", 1},
    {__LINE__, "another key", AND_NUL("anna @A\n"), KEY_B, NULL, 1},
    {__LINE__, "a part of a key", AND_NUL("anna @A\n"), "crk_AAAAAAAAAAAAAAAA", NULL, 1},
    {__LINE__, "a key and more", AND_NUL("anna @A\n"), KEY_A "A", NULL, 1},
    {__LINE__, "the prefix alone", AND_NUL("anna @A\n"), "crk_", NULL, 1},
    {__LINE__, "nothing", AND_NUL("anna @A\n"), "", NULL, 1},
    {__LINE__, "the prefix in capitals", AND_NUL("anna @A\n"),
     "CRK_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL, 1},
    {__LINE__, "no keys", AND_NUL("# none\n"), KEY_A, NULL, 0},
    {__LINE__, "an empty file", AND_NUL(""), KEY_A, NULL, 0},
};

static void
check_good(void)
{
	for (size_t i = 0; i < TAP_COUNT(good); i++) {
		char text[4096];
		struct buf error;
		buf_init(&error, 4096);
		size_t n = fill_in(good[i].text, good[i].text_len, text, sizeof text);
		private_write(file, text, n, 0640);
		struct keys *keys = keys_load(file, &error);
		const struct key *found = keys_find(keys, good[i].key);
		const char *whose = keys == NULL    ? buf_text(&error)
				    : found == NULL ? NULL
						    : found->name;
		bool same = whose == NULL || good[i].whose == NULL
				? whose == good[i].whose
				: strcmp(whose, good[i].whose) == 0;
		TAP_ROW_AT(good[i].line, good[i].name, same && keys_count(keys) == good[i].n,
			   "expected %s of %zu\ngot      %s of %zu", good[i].whose, good[i].n,
			   whose, keys_count(keys));
		keys_free(keys);
		buf_free(&error);
	}
}

/* --- Budgets ---------------------------------------------------------------- */

#define CENT INT64_C(10000000)

static const struct {
	int line;
	const char *name, *text;
	int64_t daily, monthly; /* in cents */
} budgets[] = {
    {__LINE__, "no budget", "anna @A 2026-11-23\n", 0, 0},
    {__LINE__, "a day's", "anna @A 2026-11-23 daily=2\n", 200, 0},
    {__LINE__, "a month's", "anna @A 2026-11-23 monthly=20.50\n", 0, 2050},
    {__LINE__, "both", "anna @A 2026-11-23 daily=2 monthly=20\n", 200, 2000},
    {__LINE__, "both, in the other order", "anna @A 2026-11-23\tmonthly=20 daily=2 \r\n", 200,
     2000},
    {__LINE__, "without a date", "anna @A daily=0.01 monthly=100000\n", 1, 10000000},
};

static void
check_budgets(void)
{
	for (size_t i = 0; i < TAP_COUNT(budgets); i++) {
		char text[4096];
		struct buf error;
		buf_init(&error, 4096);
		size_t n = fill_in(budgets[i].text, strlen(budgets[i].text), text, sizeof text);
		struct keys *keys = keys_parse(file, text, n, &error);
		const struct key *key = keys_find(keys, KEY_A);
		int64_t daily = key == NULL ? -1 : key->budget.daily_cap;
		int64_t monthly = key == NULL ? -1 : key->budget.monthly_cap;
		TAP_ROW_AT(budgets[i].line, budgets[i].name,
			   daily == budgets[i].daily * CENT && monthly == budgets[i].monthly * CENT,
			   "got %lld and %lld: %s", (long long)daily, (long long)monthly,
			   buf_text(&error));
		keys_free(keys);
		buf_free(&error);
	}
}

static void
check_too_many_budgets(void)
{
	struct buf text, error;
	buf_init(&text, KEYS_FILE_MAX);
	buf_init(&error, 4096);
	bool filled = true;
	for (int i = 0; i < KEY_BUDGETS_MAX; i++)
		filled = filled && buf_printf(&text, "n%d %064x daily=1\n", i, (unsigned)i);
	filled = filled && buf_printf(&text, "free %064x\n", 0x1000u);
	struct keys *keys = keys_parse(file, text.data, text.len, &error);
	TAP_INT("as many budgets as there may be", keys_count(keys), KEY_BUDGETS_MAX + 1);
	keys_free(keys);
	filled = filled && buf_printf(&text, "anna %064x daily=1\n", 0x1001u);
	TAP_ROW("one budget more", filled, "the test's own buffer is too small");
	keys = keys_parse(file, text.data, text.len, &error);
	TAP_ROW("is an error that names it",
		keys == NULL &&
		    strstr(buf_text(&error), ":49: anna is one budget too many: at most "
					     "47 keys may have one") != NULL,
		"got \"%s\"", buf_text(&error));
	buf_free(&text);
	buf_free(&error);
}

/* The hash itself is no key: who reads the file cannot ask with it. */
static void
check_hash_is_no_key(void)
{
	char text[256], shown[KEY_SIZE + DIGEST_HEX_SIZE];
	struct buf error;
	buf_init(&error, 4096);
	size_t n = fill_in(AND_NUL("anna @A\n"), text, sizeof text);
	struct keys *keys = keys_parse(file, text, n, &error);
	snprintf(shown, sizeof shown, KEY_PREFIX "%s", hash_a);
	TAP_OK("a hash is no key", keys_find(keys, hash_a) == NULL);
	TAP_OK("a hash behind the prefix is no key", keys_find(keys, shown) == NULL);
	TAP_OK("nobody is found in no keys", keys_find(NULL, KEY_A) == NULL);
	keys_free(keys);
	buf_free(&error);
}

/* --- Bad files ------------------------------------------------------------ */

#define FORM ": write NAME HASH DATE, as claude-router-ctl key add NAME does"

static const struct {
	int line;
	const char *name, *text;
	size_t text_len;
	const char *says;
} bad[] = {
    {__LINE__, "no hash", AND_NUL("# x\nSECRET\n"), ":2" FORM},
    {__LINE__, "a short hash", AND_NUL("SECRET 0123456789abcdef\n"), ":1" FORM},
    {__LINE__, "a hash with another letter", AND_NUL("SECRET @Ax\n"), ":1" FORM},
    {__LINE__, "no date, but a word", AND_NUL("anna @A SECRET\n"), ":1" FORM},
    {__LINE__, "a date that is none", AND_NUL("anna @A 2026-11-2x\n"), ":1" FORM},
    {__LINE__, "a word too many", AND_NUL("anna @A 2026-11-23 SECRET\n"), ":1" FORM},
    {__LINE__, "a budget in other words", AND_NUL("anna @A 2026-11-23 SECRET=2\n"), ":1" FORM},
    {__LINE__, "a budget that is no number", AND_NUL("anna @A daily=SECRET\n"), ":1" FORM},
    {__LINE__, "a budget of nothing", AND_NUL("anna @A daily=0\n"), ":1" FORM},
    {__LINE__, "a budget of less than a cent", AND_NUL("anna @A daily=0.001\n"), ":1" FORM},
    {__LINE__, "a budget of too much", AND_NUL("anna @A monthly=100000.01\n"), ":1" FORM},
    {__LINE__, "a budget with a sign", AND_NUL("anna @A monthly=-2\n"), ":1" FORM},
    {__LINE__, "a budget that is off", AND_NUL("anna @A monthly=off\n"), ":1" FORM},
    {__LINE__, "a daily budget twice", AND_NUL("anna @A daily=2 daily=3\n"), ":1" FORM},
    {__LINE__, "a date behind the budget", AND_NUL("anna @A daily=2 2026-11-23\n"), ":1" FORM},
    {__LINE__, "a word behind the budget", AND_NUL("anna @A 2026-11-23 daily=2 monthly=3 SECRET\n"),
     ":1" FORM},
    {__LINE__, "tokens.txt by mistake", AND_NUL("deepseek = SECRET\n"), ":1" FORM},
    {__LINE__, "the key itself", AND_NUL("anna crk_SECRET\n"), ":1: this is a key"},
    {__LINE__, "the key as the name", AND_NUL("crk_SECRET @A\n"), ":1: this is a key"},
    {__LINE__, "a name like an address", AND_NUL("127.0.0.1 @A\n"), ":1: a name is a letter"},
    {__LINE__, "a name with a quote", AND_NUL("SECRET\" @A\n"), ":1: a name is a letter"},
    {__LINE__, "a long name",
     AND_NUL("SECRETxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx @A\n"),
     ":1: a name is a letter"},
    {__LINE__, "a name twice", AND_NUL("anna @A\n\nanna @B\n"),
     ":3: duplicate name, first defined on line 1"},
    {__LINE__, "a key twice", AND_NUL("anna @A\nbert @A\n"),
     ":2: duplicate key, first defined on line 1"},
    {__LINE__, "a NUL", AND_NUL("anna @A\nSEC\0RET\n"), ":2: holds a NUL byte"},
};

static void
check_bad(void)
{
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		char text[4096];
		struct buf error;
		buf_init(&error, 4096);
		size_t n = fill_in(bad[i].text, bad[i].text_len, text, sizeof text);
		private_write(file, text, n, 0600);
		struct keys *keys = keys_load(file, &error);
		const char *said = buf_text(&error);
		TAP_ROW_AT(bad[i].line, bad[i].name,
			   keys == NULL && strncmp(said, file, strlen(file)) == 0 &&
			       strstr(said, bad[i].says) != NULL &&
			       strstr(said, "SECRET") == NULL && strstr(said, hash_a) == NULL,
			   "expected \"…%s…\" and nothing secret\ngot      \"%s\"", bad[i].says,
			   said);
		keys_free(keys);
		buf_free(&error);
	}
}

static void
check_too_many(void)
{
	struct buf text, error;
	buf_init(&text, KEYS_FILE_MAX);
	buf_init(&error, 4096);
	bool filled = true;
	for (int i = 0; i <= KEYS_MAX; i++)
		filled = filled && buf_printf(&text, "n%d %064x\n", i, (unsigned)i);
	TAP_ROW("one key too many", filled, "the test's own buffer is too small");
	struct keys *keys = keys_parse(file, text.data, text.len, &error);
	TAP_ROW("more than KEYS_MAX",
		keys == NULL && strstr(buf_text(&error), ":1001: more than 1000 keys") != NULL,
		"got \"%s\"", buf_text(&error));
	buf_clear(&error);
	size_t last = text.len - strlen("n1000 \n") - 64;
	keys = keys_parse(file, text.data, last, &error);
	TAP_INT("KEYS_MAX of them", keys_count(keys), KEYS_MAX);
	keys_free(keys);
	buf_free(&text);
	buf_free(&error);
}

/* --- Modes ------------------------------------------------------------------ */

static void
check_modes(void)
{
	for (size_t i = 0; i < TAP_COUNT(private_modes); i++) {
		char name[32];
		struct buf error;
		buf_init(&error, 4096);
		snprintf(name, sizeof name, "mode %04o", (unsigned)private_modes[i].mode);
		private_write(file, "", 0, private_modes[i].mode);
		struct keys *keys = keys_load(file, &error);
		bool told = strstr(buf_text(&error), ": chmod 600 ") != NULL;
		TAP_ROW_AT(private_modes[i].line, name,
			   (keys != NULL) == private_modes[i].good && told != private_modes[i].good,
			   "got \"%s\"", buf_text(&error));
		keys_free(keys);
		buf_free(&error);
	}
}

/* --- Changing it -------------------------------------------------------------- */

static char *
content(void)
{
	static char text[4096];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? 0 : read(fd, text, sizeof text - 1);
	if (fd != -1)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == -1 ? 0 : st.st_mode & 07777;
}

static const char *
owner_of_key(const char *key)
{
	static char name[KEY_NAME_MAX];
	struct buf error;
	buf_init(&error, 4096);
	struct keys *keys = keys_load(file, &error);
	const struct key *found = keys_find(keys, key);
	snprintf(name, sizeof name, "%s", found == NULL ? "nobody" : found->name);
	keys_free(keys);
	buf_free(&error);
	return name;
}

static void
check_add(void)
{
	char anna[KEY_SIZE], bert[KEY_SIZE];
	struct buf error;
	buf_init(&error, 4096);
	unlink(file);
	TAP_OK("a key is made without a file",
	       keys_edit_add(&config, "anna", &no_budget, anna, &error));
	TAP_OK("a new file is 0640", mode_of(file) == 0640);
	TAP_INT("a key's length", strlen(anna), KEY_SIZE - 1);
	TAP_OK("a key is of letters that need no escape",
	       strspn(anna, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
		   KEY_SIZE - 1);
	TAP_STR("the key works", owner_of_key(anna), "anna");
	TAP_OK("the key itself is not in the file", strstr(content(), anna) == NULL);
	chmod(file, 0600);
	TAP_OK("one more", keys_edit_add(&config, "bert", &no_budget, bert, &error));
	TAP_OK("the mode stays", mode_of(file) == 0600);
	TAP_OK("two keys differ", strcmp(anna, bert) != 0);
	TAP_STR("the first one still works", owner_of_key(anna), "anna");
	TAP_STR("the second one works", owner_of_key(bert), "bert");
	TAP_OK("a name that is taken", !keys_edit_add(&config, "anna", &no_budget, anna, &error) &&
					   strstr(buf_text(&error), "already has a key") != NULL);
	buf_clear(&error);
	TAP_OK("a name that is none", !keys_edit_add(&config, "a b", &no_budget, anna, &error) &&
					  strstr(buf_text(&error), "a letter and up to") != NULL);
	buf_free(&error);
}

static void
check_remove(void)
{
	char text[4096];
	struct buf error;
	buf_init(&error, 4096);
	size_t n =
	    fill_in(AND_NUL("# ours\nanna @A 2026-11-23\n\n# his\nbert @B"), text, sizeof text);
	private_write(file, text, n, 0640);
	TAP_OK("nobody of that name", !keys_edit_remove(&config, "cleo", &error) &&
					  strstr(buf_text(&error), "no key has that name") != NULL);
	TAP_OK("the first goes", keys_edit_remove(&config, "anna", &error));
	TAP_STR("its key is nobody's", owner_of_key(KEY_A), "nobody");
	TAP_STR("the other one's stays", owner_of_key(KEY_B), "bert");
	TAP_OK("the last line goes, without a line end", keys_edit_remove(&config, "bert", &error));
	TAP_STR("comments stay", content(), "# ours\n\n# his\n");
	buf_free(&error);
}

static bool
set_budget(const char *name, int64_t daily, int64_t monthly, struct buf *error)
{
	const struct key_budget budget = {daily < 0 ? -1 : daily * CENT,
					  monthly < 0 ? -1 : monthly * CENT};
	return keys_edit_budget(&config, name, &budget, error);
}

static void
check_change_of_budget(void)
{
	char text[4096], expected[4096];
	const struct key_budget budget = {.daily_cap = 250 * CENT};
	char cleo[KEY_SIZE];
	struct buf error;
	buf_init(&error, 4096);
	size_t n =
	    fill_in(AND_NUL("# hers\nanna  @A 2026-11-23\n# his\nbert @B"), text, sizeof text);
	private_write(file, text, n, 0640);
	TAP_OK("a budget is given", set_budget("anna", 200, 2000, &error));
	fill_in(AND_NUL("# hers\nanna @A 2026-11-23 daily=2 monthly=20\n# his\nbert @B"), expected,
		sizeof expected);
	TAP_STR("in its place", content(), expected);
	TAP_STR("the key stays", owner_of_key(KEY_A), "anna");
	TAP_OK("one of two is taken", set_budget("anna", 0, -1, &error));
	TAP_OK("on the last line, without a line end", set_budget("bert", 5, -1, &error));
	fill_in(AND_NUL("# hers\nanna @A 2026-11-23 monthly=20\n# his\nbert @B daily=0.05\n"),
		expected, sizeof expected);
	TAP_STR("the other one stays", content(), expected);
	TAP_OK("nobody of that name", !set_budget("cleo", 1, 1, &error) &&
					  strstr(buf_text(&error), "no key has that name") != NULL);
	TAP_OK("a new key with a budget", keys_edit_add(&config, "cleo", &budget, cleo, &error));
	TAP_OK("has it", strstr(content(), " daily=2.50\n") != NULL);
	TAP_STR("and works", owner_of_key(cleo), "cleo");
	buf_free(&error);
}

static void
check_add_to_half_a_line(void)
{
	char text[4096], key[KEY_SIZE];
	struct buf error;
	buf_init(&error, 4096);
	private_write(file, text, fill_in(AND_NUL("anna @A"), text, sizeof text), 0600);
	TAP_OK("one more behind a line without its end",
	       keys_edit_add(&config, "bert", &no_budget, key, &error));
	TAP_STR("the line before is whole", owner_of_key(KEY_A), "anna");
	TAP_STR("and the new one", owner_of_key(key), "bert");
	buf_free(&error);
}

static void
check_unusable_stays(void)
{
	static const char bytes[] = "anna nonsense\n";
	char key[KEY_SIZE];
	struct buf error;
	buf_init(&error, 4096);
	private_write(file, bytes, sizeof bytes - 1, 0600);
	TAP_OK("a bad file is not written over",
	       !keys_edit_add(&config, "bert", &no_budget, key, &error) &&
		   strcmp(content(), bytes) == 0);
	private_write(file, "", 0, 0644);
	TAP_OK("nor one that others read",
	       !keys_edit_add(&config, "bert", &no_budget, key, &error) && mode_of(file) == 0644);
	buf_free(&error);
}

static void
check_link(void)
{
	char target[sizeof dir + sizeof("/target")], key[KEY_SIZE];
	struct stat st;
	struct buf error;
	buf_init(&error, 4096);
	snprintf(target, sizeof target, "%s/target", dir);
	private_write(file, "", 0, 0600);
	if (rename(file, target) == -1 || symlink("target", file) == -1)
		abort();
	TAP_OK("a key behind a link", keys_edit_add(&config, "anna", &no_budget, key, &error));
	TAP_OK("the link stays", lstat(file, &st) == 0 && S_ISLNK(st.st_mode));
	TAP_STR("and leads to the key", owner_of_key(key), "anna");
	unlink(file);
	unlink(target);
	buf_free(&error);
}

enum { WRITERS = 8 };

/* What a killed writer left is in nobody's way, and several at once lose nothing. */
static void
check_several(void)
{
	char fresh[sizeof file + sizeof(".new")];
	struct buf error;
	int good_ones = 0;
	buf_init(&error, 4096);
	unlink(file);
	snprintf(fresh, sizeof fresh, "%s.new", file);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_CLOEXEC, 0400);
	close(fd);
	fflush(stdout);
	for (int i = 0; i < WRITERS; i++) {
		char name[16], key[KEY_SIZE];
		snprintf(name, sizeof name, "p%d", i);
		if (fork() == 0)
			_exit(keys_edit_add(&config, name, &no_budget, key, &error) ? 0 : 1);
	}
	for (int i = 0, status; i < WRITERS; i++)
		good_ones += wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	TAP_INT("all of several at once are done", good_ones, WRITERS);
	struct keys *keys = keys_load(file, &error);
	TAP_INT("and none is lost", keys_count(keys), WRITERS);
	TAP_OK("nothing is left beside", access(fresh, F_OK) == -1);
	keys_free(keys);
	buf_free(&error);
}

int
main(int argc, char **argv)
{
	uint8_t hash[KEY_HASH_SIZE];
	tap_start("keys", argc, argv);
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(file, sizeof file, "%s/keys", dir);
	snprintf(tokens_file, sizeof tokens_file, "%s/tokens.txt", dir);
	keys_hash(KEY_A, hash);
	digest_hex(hash, hash_a);
	keys_hash(KEY_B, hash);
	digest_hex(hash, hash_b);
	TAP_STR("the hash is SHA-256", hash_a, HASH_A);
	check_good();
	check_hash_is_no_key();
	check_bad();
	check_budgets();
	check_too_many_budgets();
	check_too_many();
	check_modes();
	check_add();
	check_remove();
	check_change_of_budget();
	check_add_to_half_a_line();
	check_unusable_stays();
	check_link();
	check_several();
	unlink(file);
	rmdir(dir);
	return tap_finish();
}
