/* SPDX-License-Identifier: MIT */
/* The setting share: what each URL means, or why it is refused. */
#include "config/share_url.h"
#include "tap.h"

#define LETTERS_16 "abcdefghijklmnop"
#define LETTERS_64 LETTERS_16 LETTERS_16 LETTERS_16 LETTERS_16

static const struct {
	int line;
	const char *name;
	const char *text;
	const char *means;
} good[] = {
    {__LINE__, "a host", "valkey://cache.example", "plain  cache.example:6379 0 cr"},
    {__LINE__, "redis", "redis://10.0.0.7", "plain  10.0.0.7:6379 0 cr"},
    {__LINE__, "TLS", "valkeys://cache.example", "tls  cache.example:6379 0 cr"},
    {__LINE__, "TLS, rediss", "rediss://cache.example", "tls  cache.example:6379 0 cr"},
    {__LINE__, "a scheme in capitals", "VALKEY://h", "plain  h:6379 0 cr"},
    {__LINE__, "a port", "valkey://h:1", "plain  h:1 0 cr"},
    {__LINE__, "the last port", "valkey://h:65535", "plain  h:65535 0 cr"},
    {__LINE__, "IPv6", "valkey://[fd00::1]", "plain  fd00::1:6379 0 cr"},
    {__LINE__, "IPv6 and all that is possible", "rediss://us_e.r-1@[::1]:7000/15?prefix=a.b",
     "tls us_e.r-1 ::1:7000 15 a.b"},
    {__LINE__, "a user", "valkey://router@h", "plain router h:6379 0 cr"},
    {__LINE__, "the longest user", "valkey://" LETTERS_64 "@h", "plain " LETTERS_64 " h:6379 0 cr"},
    {__LINE__, "a database", "valkey://h/3", "plain  h:6379 3 cr"},
    {__LINE__, "a slash and nothing", "valkey://h/", "plain  h:6379 0 cr"},
    {__LINE__, "a slash and a prefix", "valkey://h:2/?prefix=x", "plain  h:2 0 x"},
    {__LINE__, "a prefix", "valkey://h?prefix=team-1", "plain  h:6379 0 team-1"},
    {__LINE__, "the longest prefix", "valkey://h?prefix=" LETTERS_16 LETTERS_16,
     "plain  h:6379 0 " LETTERS_16 LETTERS_16},
    {__LINE__, "a socket", "unix:///run/valkey/server.sock", "unix  /run/valkey/server.sock 0 cr"},
    {__LINE__, "a socket and all that is possible", "unix://me@/s?db=15&prefix=x",
     "unix me /s 15 x"},
    {__LINE__, "the other order", "unix:///s?prefix=x&db=1", "unix  /s 1 x"},
    {__LINE__, "@ in a socket's path", "unix:///run/a@b", "unix  /run/a@b 0 cr"},
};

static const char *
meaning(const char *text, char out[static 512])
{
	struct share_url url;
	const char *why;
	if (!share_url_parse(text, &url, &why))
		return why;
	if (url.socket[0] != '\0')
		snprintf(out, 512, "unix %s %s %u %s", url.user, url.socket, url.db, url.prefix);
	else
		snprintf(out, 512, "%s %s %s:%u %u %s", url.is_tls ? "tls" : "plain", url.user,
			 url.host, url.port, url.db, url.prefix);
	return out;
}

static void
check_good(void)
{
	char out[512];
	for (size_t i = 0; i < TAP_COUNT(good); i++)
		TAP_STR_AT(good[i].line, good[i].name, meaning(good[i].text, out), good[i].means);
}

/* Each text holds SECRET where a password may stand. */
static const struct {
	int line;
	const char *name;
	const char *text;
	const char *says;
} bad[] = {
    {__LINE__, "nothing", "", "use valkey://HOST"},
    {__LINE__, "no scheme", "SECRET.example", "use valkey://HOST"},
    {__LINE__, "another scheme", "http://SECRET", "use valkey://HOST"},
    {__LINE__, "no host", "valkey://", "use HOST[:PORT]"},
    {__LINE__, "a password", "valkey://u:SECRET@h", "a password belongs in tokens.txt"},
    {__LINE__, "a password alone", "valkey://:SECRET@h", "a password belongs in tokens.txt"},
    {__LINE__, "no password", "valkey://u:@h", "a password belongs in tokens.txt"},
    {__LINE__, "@ in a password", "valkey://u:SEC@RET@h", "a password belongs in tokens.txt"},
    {__LINE__, "/ in a password", "valkey://u:SEC/RET@h", "a password belongs in tokens.txt"},
    {__LINE__, "? in a password", "valkey://u:SEC?RET@h", "a password belongs in tokens.txt"},
    {__LINE__, "a password of a socket", "unix://u:SECRET@/s", "a password belongs in tokens.txt"},
    {__LINE__, "a password as the user", "valkey://SECRET!@h", "before @ use a user's name"},
    {__LINE__, "no user", "valkey://@h", "before @ use a user's name"},
    {__LINE__, "a user too long", "valkey://" LETTERS_64 "a@h", "before @ use a user's name"},
    {__LINE__, "a password without a host", "valkey://u:SECRET", "use HOST[:PORT]"},
    {__LINE__, "port 0", "valkey://h:0", "use HOST[:PORT]"},
    {__LINE__, "a port too large", "valkey://h:65536", "use HOST[:PORT]"},
    {__LINE__, "IPv6 without brackets", "valkey://fd00::1", "use HOST[:PORT]"},
    {__LINE__, "no address in brackets", "valkey://[h]", "use HOST[:PORT]"},
    {__LINE__, "a fragment", "valkey://h#SECRET", "use HOST[:PORT]"},
    {__LINE__, "a space", "valkey://h SECRET", "use HOST[:PORT]"},
    {__LINE__, "database 16", "valkey://h/16", "the number of a database"},
    {__LINE__, "no number", "valkey://h/x", "the number of a database"},
    {__LINE__, "a path", "valkey://h/1/2", "the number of a database"},
    {__LINE__, "a negative database", "valkey://h/-1", "the number of a database"},
    {__LINE__, "no prefix", "valkey://h?prefix=", "after ? use prefix=NAME"},
    {__LINE__, "a prefix too long", "valkey://h?prefix=" LETTERS_16 LETTERS_16 "a",
     "after ? use prefix=NAME"},
    {__LINE__, "a prefix that is a pattern", "valkey://h?prefix=a*", "after ? use prefix=NAME"},
    {__LINE__, "a prefix with a colon", "valkey://h?prefix=a:b", "after ? use prefix=NAME"},
    {__LINE__, "a password in the query", "valkey://h?password=SECRET", "after ? use prefix=NAME"},
    {__LINE__, "nothing after ?", "valkey://h?", "after ? use prefix=NAME"},
    {__LINE__, "nothing after &", "valkey://h?prefix=a&", "after ? use prefix=NAME"},
    {__LINE__, "a host's database in the query", "valkey://h?db=1", "after ? use prefix=NAME"},
    {__LINE__, "a relative socket", "unix://s", "the absolute path of a socket"},
    {__LINE__, "no socket", "unix://", "the absolute path of a socket"},
    {__LINE__, "a socket's directory", "unix:///run/", "the absolute path of a socket"},
    {__LINE__, "a socket's path too long",
     "unix:///" LETTERS_64 LETTERS_16 LETTERS_16 "abcdefghijk", "107 bytes at most"},
    {__LINE__, "a socket's database 16", "unix:///s?db=16", "after ? use db=0 to 15"},
    {__LINE__, "a socket's database and more", "unix:///s?db=1x", "after ? use db=0 to 15"},
};

static void
check_bad(void)
{
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		struct share_url url;
		const char *why = NULL;
		bool ok = share_url_parse(bad[i].text, &url, &why);
		TAP_ROW_AT(bad[i].line, bad[i].name,
			   !ok && strstr(why, bad[i].says) != NULL && strstr(why, "SEC") == NULL,
			   "expected a refusal with \"%s\"\ngot      %s", bad[i].says,
			   ok ? "a URL" : why);
	}
}

int
main(int argc, char **argv)
{
	tap_start("share_url", argc, argv);
	check_good();
	check_bad();
	return tap_finish();
}
