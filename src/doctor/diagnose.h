/* SPDX-License-Identifier: MIT */
/* What the doctor's observations mean. Pure: no I/O, no clock, no state; thread-safe.
 * Returned texts are constants unless the function says otherwise. */
#ifndef DOCTOR_DIAGNOSE_H
#define DOCTOR_DIAGNOSE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* --- Files ------------------------------------------------------------ */

#define DIAGNOSE_GROUPS_MAX 64

/* A user that a program runs as. */
struct diagnose_user {
	uid_t uid;
	gid_t groups[DIAGNOSE_GROUPS_MAX];
	size_t n_groups;
	char name[64];  /* "www-data"; the number when it has none */
	char group[64]; /* of groups[0] */
};

/* Whether owner, group and mode allow the user to (R_OK, W_OK, X_OK, or'ed). */
bool diagnose_access(const struct diagnose_user *user, const struct stat *st, int want);

/* Whether statfs's f_type is that of a network file system, where mappings of several
 * machines differ. */
bool diagnose_is_remote(long f_type);

/* Whether a credential is an example that was not replaced. */
bool diagnose_is_placeholder(const char *value);

/* --- cron ------------------------------------------------------------- */

struct diagnose_cron {
	char times[64]; /* "0-4 * * * *", one space between; "" : no entry was found */
	char user[64];
	char config[1024]; /* "" : not named */
	char state[1024];  /* "" : not named */
	char program[1024];
};

/* Finds the first entry that runs claude-router-check in a crontab with users. */
void diagnose_crontab(const char *text, struct diagnose_cron *entry);

/* Whether two time fields of crontab entries are equal but for spaces. */
bool diagnose_same_times(const char *a, const char *b);

/* --- The web server --------------------------------------------------- */

/* What replies at a URL. */
enum diagnose_site {
	SITE_ROUTER,       /* our /health */
	SITE_WRONG_PREFIX, /* our 404: the path reached the router with something in front */
	SITE_NO_RESPONDER, /* a web server without a running responder */
	SITE_OTHER,        /* another program */
};

/* By the reply to GET /health?live=1. body: NUL-terminated. */
enum diagnose_site diagnose_site(long status, const char *body);

enum diagnose_server { SERVER_OTHER, SERVER_LIGHTTPD, SERVER_APACHE, SERVER_NGINX, SERVERS };

/* By the Server header. */
enum diagnose_server diagnose_server(const char *header);

/* What a web server's configuration has to provide for. */
enum diagnose_directive {
	DIRECTIVE_STREAM,
	DIRECTIVE_BODY,
	DIRECTIVE_AUTHORIZATION,
	DIRECTIVE_SILENCE,
	DIRECTIVE_ABORT,
};

/* The directive to write. body_bytes: the longest request, for DIRECTIVE_BODY. Returns
 * text, cut to size. */
const char *diagnose_directive(enum diagnose_directive directive, enum diagnose_server server,
			       size_t body_bytes, char *text, size_t size);

/* An event of a stream: when it was sent, by the sender's clock, and when it arrived. */
struct diagnose_event {
	int64_t sent_ms;
	int64_t arrived_ms;
};

/* Whether events were buffered on their way: they arrived in less than half of the time
 * in which they were sent. */
bool diagnose_is_buffered(const struct diagnose_event *events, size_t n);

/* --- Providers -------------------------------------------------------- */

struct diagnose_fault {
	const char *id;   /* "provider-dns"; NULL: no fault */
	const char *what; /* "its name could not be resolved" */
	const char *cure;
	bool add_host; /* the provider's host is to be added to the cure */
};

/* Why a connection could not be made. verify: CURLINFO_SSL_VERIFYRESULT. */
struct diagnose_fault diagnose_connection(CURLcode code, long verify, bool proxy);

/* --- Money ------------------------------------------------------------ */

/* Whether prices were last compared with the providers' lists more than 90 days ago; never,
 * if they have no date (-1). */
bool diagnose_is_price_old(int64_t checked_at_ms, int64_t now_ms);

/* --- Claude Code ------------------------------------------------------ */

/* What is wrong with an ANTHROPIC_BASE_URL; NULL: nothing. *works: the router serves it
 * all the same. */
const char *diagnose_base_url(const char *url, bool *works);

/* Whether a NO_PROXY list excepts a host. */
bool diagnose_no_proxy(const char *list, const char *host);

/* Whether a variable's value means yes: not NULL, empty, 0 or false. */
bool diagnose_is_true(const char *value);

#endif
