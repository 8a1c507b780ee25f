/* SPDX-License-Identifier: MIT */
/* What a text of the configuration may look like, and which number it means.
 *
 * Owns nothing, allocates nothing, uses no resolver and no locale; all functions are pure and may
 * run in any thread. Texts are NUL-terminated and never NULL; text_is_… and text_read_… return
 * false for what they do not accept. */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- Numbers: when they return false, the result is undefined ------------- */

/* Up to max_digits (at most 19) decimal digits; *at is moved after them. */
bool text_read_digits(const char **at, unsigned max_digits, uint64_t *value);

/* "1.5", "90s", "10m", "8h", "90d", "500ms" as milliseconds: below 8.7e15. */
bool text_read_time(const char *text, int64_t *ms);

/* "1048576", "64K", "32M" as bytes: below 2^60. */
bool text_read_size(const char *text, int64_t *bytes);

/* A cap: "5", "0.05", "1000.5" dollars, from 0.01 to 100000, as nano-dollars, whole cents; 0 for
 * "off". text_show_cap() writes it so. */
bool text_read_cap(const char *text, int64_t *nano_usd);
void text_show_cap(int64_t nano_usd, char text[static 32]);

/* A time or a size in its largest whole unit: "10m", "32M". */
void text_show_time(int64_t ms, char text[static 32]);
void text_show_size(int64_t bytes, char text[static 32]);

/* --- Words ---------------------------------------------------------------- */

/* Whether n bytes are letters, digits and those of also, at least one and at most max. */
bool text_is_word(const char *text, size_t n, const char *also, size_t max);

bool text_is_path(const char *text);      /* absolute, of a file */
bool text_is_host(const char *text);      /* a name or an IPv4 address, without a port */
bool text_is_loopback(const char *host);  /* localhost, or a loopback address */
bool text_is_message(const char *text);   /* one line of 1 to 1000 bytes, UTF-8 */
bool text_is_cron(const char *text);      /* the five time fields of a crontab entry */
bool text_is_log(const char *text);       /* auto, syslog or a path */
bool text_is_ledger(const char *text);    /* auto, off or a path */
bool text_is_on_change(const char *text); /* empty, a program with arguments or a URL */

/* --- URLs ----------------------------------------------------------------- */

/* The parts of a URL that we accept: only what all URL parsers read alike. */
struct url {
	char host[254];   /* without brackets */
	const char *path; /* in the text that was read; "" if there is none */
};

bool text_read_url(const char *text, struct url *url);

/* HOST or [IPv6], then perhaps :PORT; *at is moved after it. host becomes the name or the address
 * without brackets; *port is unchanged if there is none. */
bool text_read_authority(const char **at, char host[static 254], unsigned *port);

/* Whether a URL has that scheme, in any case. */
bool text_has_scheme(const char *text, const char *scheme);

/* The length of a URL without slashes at its end. */
size_t text_url_length(const char *text);

/* The same without a final /v1, which a provider's path begins with. */
size_t text_provider_url_length(const char *text);

bool
text_is_provider_url(const char *text); /* http(s), without user, query, fragment, API's path */
bool text_is_proxy(const char *text);   /* what libcurl accepts; may hold a password */

#endif
