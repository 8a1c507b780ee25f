/* SPDX-License-Identifier: MIT */
#include "config/text.h"

#include "base/count.h"
#include "base/network.h"
#include "base/str.h"
#include "base/utf8.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- Numbers ------------------------------------------------------------- */

bool
text_read_digits(const char **at, unsigned max_digits, uint64_t *value)
{
	unsigned n = 0;
	for (*value = 0; **at >= '0' && **at <= '9'; (*at)++) {
		if (++n > max_digits)
			return false;
		*value = *value * 10 + (uint64_t)(**at - '0');
	}
	return n > 0;
}

struct unit {
	const char *suffix;
	int64_t size;
};

static const struct unit time_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {"", 1000},
};

static const struct unit size_units[] = {
    {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1},
    {"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10},
};

static int64_t
unit_size(const struct unit *units, size_t n, const char *suffix)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(units[i].suffix, suffix) == 0)
			return units[i].size;
	return 0;
}

bool
text_read_time(const char *text, int64_t *ms)
{
	uint64_t whole, thousandths = 0;
	if (!text_read_digits(&text, 8, &whole))
		return false;
	if (*text == '.') {
		if (text[1] < '0' || text[1] > '9')
			return false;
		uint64_t unit = 100;
		for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
			thousandths += unit * (uint64_t)(*text - '0');
	}
	int64_t unit = unit_size(time_units, COUNT(time_units), text);
	*ms = (int64_t)(whole * 1000 + thousandths) * unit / 1000;
	return unit != 0;
}

bool
text_read_size(const char *text, int64_t *bytes)
{
	uint64_t whole;
	if (!text_read_digits(&text, 9, &whole))
		return false;
	int64_t unit = unit_size(size_units, COUNT(size_units), text);
	*bytes = (int64_t)whole * unit;
	return unit != 0;
}

#define CENT    INT64_C(10000000)
#define CAP_MAX (100000 * 100 * CENT)

/* "5", "0.05", "1000.5" dollars, without a sign: at most two digits after the point. */
static bool
read_dollars(const char *text, int64_t *nano_usd)
{
	uint64_t dollars;
	int64_t cents = 0;
	if (!text_read_digits(&text, 8, &dollars))
		return false;
	if (*text == '.') {
		int64_t unit = 10;
		if (text[1] < '0' || text[1] > '9')
			return false;
		for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
			if (unit > 0)
				cents += unit * (*text - '0');
			else if (*text != '0')
				return false;
	}
	*nano_usd = ((int64_t)dollars * 100 + cents) * CENT;
	return *text == '\0';
}

bool
text_read_cap(const char *text, int64_t *nano_usd)
{
	*nano_usd = 0;
	return strcmp(text, "off") == 0 ||
	       (read_dollars(text, nano_usd) && *nano_usd >= CENT && *nano_usd <= CAP_MAX);
}

void
text_show_cap(int64_t nano_usd, char text[static 32])
{
	int64_t cents = nano_usd / CENT;
	if (cents == 0)
		snprintf(text, 32, "off");
	else if (cents % 100 == 0)
		snprintf(text, 32, "%" PRId64, cents / 100);
	else
		snprintf(text, 32, "%" PRId64 ".%02d", cents / 100, (int)(cents % 100));
}

static void
show_units(const struct unit *units, int64_t value, char text[static 32])
{
	while (units->size > 1 && (value == 0 || value % units->size != 0))
		units++;
	snprintf(text, 32, "%" PRId64 "%s", value == 0 ? 0 : value / units->size,
		 value == 0 ? "" : units->suffix);
}

void
text_show_time(int64_t ms, char text[static 32])
{
	show_units(time_units + 1, ms, text); /* people write 24h, not 1d */
}

void
text_show_size(int64_t bytes, char text[static 32])
{
	show_units(size_units, bytes, text);
}

/* --- What a text may look like ------------------------------------------- */

/* At least min and at most max bytes, none of them a control byte. */
static bool
is_line(const char *text, size_t min, size_t max)
{
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return n >= min && n <= max;
}

bool
text_is_word(const char *text, size_t n, const char *also, size_t max)
{
	for (size_t i = 0; i < n; i++)
		if (!str_is_alnum(text[i]) && strchr(also, text[i]) == NULL)
			return false;
	return n > 0 && n <= max;
}

bool
text_is_path(const char *text)
{
	return text[0] == '/' && is_line(text, 2, 4095) && text[strlen(text) - 1] != '/';
}

bool
text_is_host(const char *text)
{
	return text_is_word(text, strlen(text), ".-", 253) && text[0] != '.' && text[0] != '-';
}

bool
text_is_message(const char *text)
{
	size_t n = strlen(text);
	return is_line(text, 1, 1000) && utf8_valid(text, n) == n;
}

bool
text_is_cron(const char *text)
{
	unsigned fields = 0;
	for (; *text != '\0'; fields++) {
		size_t n = strcspn(text, " \t");
		if (!text_is_word(text, n, "*,-/", 99))
			return false;
		text += n;
		text += strspn(text, " \t");
	}
	return fields == 5;
}

bool
text_is_log(const char *text)
{
	return strcmp(text, "auto") == 0 || strcmp(text, "syslog") == 0 || text_is_path(text);
}

bool
text_is_ledger(const char *text)
{
	return strcmp(text, "auto") == 0 || strcmp(text, "off") == 0 || text_is_path(text);
}

bool
text_is_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 || network_is_loopback(host);
}

bool
text_read_authority(const char **at, char host[static 254], unsigned *port)
{
	bool bracket = **at == '[';
	*at += bracket;
	size_t n = strcspn(*at, bracket ? "]" : ":/?");
	if (!text_is_word(*at, n, bracket ? ":." : "-.", 253))
		return false;
	snprintf(host, 254, "%.*s", (int)n, *at);
	*at += n + (bracket && (*at)[n] == ']');
	uint8_t v6[16];
	if (bracket ? (*at)[-1] != ']' || inet_pton(AF_INET6, host, v6) != 1 : !text_is_host(host))
		return false;
	if (**at != ':')
		return true;
	uint64_t number;
	(*at)++;
	if (!text_read_digits(at, 5, &number) || number < 1 || number > 65535)
		return false;
	*port = (unsigned)number;
	return true;
}

bool
text_read_url(const char *text, struct url *url)
{
	const char *at = strstr(text, "://");
	unsigned port;
	if (at == NULL)
		return false;
	at += 3;
	if (!text_read_authority(&at, url->host, &port) || (*at != '\0' && *at != '/'))
		return false;
	url->path = at;
	return true;
}

bool
text_has_scheme(const char *text, const char *scheme)
{
	size_t n = strlen(scheme);
	return strncasecmp(text, scheme, n) == 0 && str_starts_with(text + n, "://");
}

size_t
text_url_length(const char *text)
{
	size_t n = strlen(text);
	while (n > 0 && text[n - 1] == '/')
		n--;
	return n;
}

size_t
text_provider_url_length(const char *text)
{
	size_t n = text_url_length(text);
	n -= str_ends_with(text, n, "/v1") ? strlen("/v1") : 0;
	while (n > 0 && text[n - 1] == '/')
		n--;
	return n;
}

bool
text_is_provider_url(const char *text)
{
	struct url url;
	if (!text_has_scheme(text, "https") && !text_has_scheme(text, "http"))
		return false;
	if (!text_read_url(text, &url))
		return false;
	size_t n = strlen(url.path);
	return (n == 0 || text_is_word(url.path, n, "/-._~%:@!$&'()*+,;=", 1000)) &&
	       !str_ends_with(text, text_url_length(text), "/messages") &&
	       !str_ends_with(text, text_url_length(text), "/chat/completions");
}

bool
text_is_proxy(const char *text)
{
	static const char *const schemes[] = {"http",    "https",  "socks4",
					      "socks4a", "socks5", "socks5h"};
	size_t i = 0;
	while (i < COUNT(schemes) && !text_has_scheme(text, schemes[i]))
		i++;
	if (i == COUNT(schemes) || !is_line(text, 1, 1000) || strpbrk(text, " ?#\\") != NULL)
		return false;
	const char *at = text + strlen(schemes[i]) + 3;
	const char *user = strrchr(at, '@'); /* perhaps with a password */
	char host[254];
	unsigned port;
	if (user != NULL)
		at = user + 1;
	return text_read_authority(&at, host, &port) && (*at == '\0' || strcmp(at, "/") == 0);
}

bool
text_is_on_change(const char *text)
{
	if (text[0] == '\0')
		return true;
	const char *colon = strstr(text, "://");
	if (colon != NULL && (text_has_scheme(text, "https") || text_has_scheme(text, "http")))
		return is_line(text, 1, 2000) && strpbrk(text, " \"\\") == NULL &&
		       strlen(colon) > 3;
	return text[0] == '/' && is_line(text, 2, 4095);
}
