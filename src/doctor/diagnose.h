/* SPDX-License-Identifier: MIT */
/* What the doctor's observations mean. Pure: no I/O, no clock, nothing kept;
 * thread-safe. Texts that are returned live forever, unless told. */
#ifndef DOCTOR_DIAGNOSE_H
#define DOCTOR_DIAGNOSE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* --- Files ------------------------------------------------------------ */

#define JUDGE_GROUPS_MAX 64

/* Whom a program runs as. */
struct judge_user {
	uid_t uid;
	gid_t groups[JUDGE_GROUPS_MAX];
	size_t n_groups;
	char name[64];  /* "www-data"; a number when it has none */
	char group[64]; /* of groups[0] */
};

/* Whether the user may (R_OK, W_OK, X_OK, or'ed) by owner, group and mode. */
bool judge_may(const struct judge_user *user, const struct stat *st, int want);

/* Whether statfs's f_type is a network's: mappings of several machines differ. */
bool judge_is_remote(long f_type);

/* Whether a credential is an example that nobody replaced. */
bool judge_placeholder(const char *value);

/* --- cron ------------------------------------------------------------- */

struct judge_cron {
	char times[64]; /* "0-4 * * * *", one space between; "" : no entry was found */
	char user[64];
	char config[1024]; /* "" : not named */
	char state[1024];  /* "" : not named */
	char program[1024];
};

/* The first entry that runs claude-router-check in a crontab with users. */
void judge_crontab(const char *text, struct judge_cron *entry);

/* Whether two time fields of crontab entries are the same but for spaces. */
bool judge_same_times(const char *a, const char *b);

/* --- The web server --------------------------------------------------- */

enum judge_answer {
	ANSWER_ROUTER,    /* our /health */
	ANSWER_MISPLACED, /* our 404: the path reached us with something in front */
	ANSWER_DOWN,      /* the web server found no responder */
	ANSWER_STRANGE,   /* somebody else */
};

/* Who answered GET /health?live=1. body: NUL-terminated. */
enum judge_answer judge_health(long status, const char *body);

enum judge_server { SERVER_OTHER, SERVER_LIGHTTPD, SERVER_APACHE, SERVER_NGINX, SERVERS };

/* By the Server header. */
enum judge_server judge_server(const char *header);

/* What to write into a web server's configuration. */
enum judge_setting {
	SETTING_STREAM,
	SETTING_BODY,
	SETTING_AUTHORIZATION,
	SETTING_SILENCE,
	SETTING_ABORT,
};

/* body_bytes: what must get through, for SETTING_BODY. Returns text. */
const char *judge_setting(enum judge_setting setting, enum judge_server server, size_t body_bytes,
			  char *text, size_t size);

/* An event: when it was sent, by the sender's word, and when it came. */
struct judge_event {
	int64_t sent_ms;
	int64_t came_ms;
};

/* Whether events were gathered on their way: they came in less than half of
 * the time in which they were sent. */
bool judge_buffered(const struct judge_event *events, size_t n);

/* --- Providers -------------------------------------------------------- */

struct judge_trouble {
	const char *id;   /* "provider-dns"; NULL: none */
	const char *what; /* "its name could not be resolved" */
	const char *cure;
	bool host; /* the provider's host belongs behind the cure */
};

/* Why a connection could not be made. verify: CURLINFO_SSL_VERIFYRESULT. */
struct judge_trouble judge_connection(CURLcode code, long verify, bool proxy);

#define JUDGE_CLOCK_MS 300000

/* --- Claude Code ------------------------------------------------------ */

/* What is odd in an ANTHROPIC_BASE_URL; NULL: nothing. *works: the router bears it. */
const char *judge_base_url(const char *url, bool *works);

/* Whether a NO_PROXY list excepts a host. */
bool judge_no_proxy(const char *list, const char *host);

/* Whether a variable's value means yes: not empty, 0 or false. */
bool judge_is_true(const char *value);

#endif
