/* SPDX-License-Identifier: MIT */
/* What the doctor's checks share. Included by src/doctor only. */
#ifndef DOCTOR_CHECKS_H
#define DOCTOR_CHECKS_H

#include "app.h"
#include "base/count.h"
#include "base/printable.h"
#include "doctor/diagnose.h"
#include "doctor/doctor.h"
#include "doctor/http.h"
#include "doctor/report.h"

#define DOCTOR_TASKS_MAX 32768

/* A process of this machine. */
struct doctor_task {
	uint64_t pid;
	uint64_t parent;
	uid_t uid;
	char name[16];
};

struct doctor {
	const struct doctor_options *options;
	const char *config_path; /* of --config; NULL: not given */
	char with_config[1200];  /* " --config FILE", for cures that are to read it, too; or "" */
	struct report report;
	struct app app; /* config, tokens, state: each NULL when it cannot be used */
	struct process responders[STATE_PROCESSES]; /* those in the state file */
	size_t n_responders;
	struct doctor_task *tasks; /* all processes of this machine */
	size_t n_tasks;
	struct diagnose_user user; /* the user that the responders run as */
	char url[1024];            /* of the router; "" : not found */
	enum diagnose_server server;
	uint64_t served_by;  /* pid of the responder that replied; 0: none did */
	json_object *status; /* /v1/status, or the same from the files; NULL: neither */
};

/* The checks, in the order in which they run. Each adds what it finds to the report,
 * and copes with what the checks before it could not find. */
void doctor_check_environment(struct doctor *d); /* files.c; loads config, opens state */
void doctor_check_processes(struct doctor *d);   /* processes.c; sets user */
void doctor_check_tokens(struct doctor *d);      /* files.c; loads tokens */
void doctor_check_keys(struct doctor *d);        /* files.c */
void doctor_check_log(struct doctor *d);         /* files.c */
void doctor_check_state(struct doctor *d);       /* state.c */
void doctor_check_cron(struct doctor *d);        /* cron.c */
void doctor_check_server(struct doctor *d);      /* server.c; sets url, status */
void doctor_check_reloads(struct doctor *d);     /* files.c */
void doctor_check_share(struct doctor *d);       /* share.c */
void doctor_check_money(struct doctor *d);       /* money.c */
void doctor_check_credentials(struct doctor *d); /* providers.c */
void doctor_check_neighbours(struct doctor *d);  /* processes.c */
void doctor_check_providers(struct doctor *d);   /* providers.c */
void doctor_check_claude_code(struct doctor *d); /* claude_code.c */

/* Opens the state for reading; config must be loaded. state.c */
void doctor_open_state(struct doctor *d);

/* A process of that name, or with that beginning if name ends in "*"; NULL: there is
 * none. processes.c */
const struct doctor_task *doctor_task_named(const struct doctor *d, const char *name);

/* Whether the user may open a file or directory for want (R_OK, W_OK, X_OK), all
 * directories above it included. Where there is an access list, it is assumed to allow
 * it. processes.c */
bool doctor_user_may(const struct diagnose_user *user, const char *path, int want);

/* Reads a small text file whole; false: it cannot be read (errno). */
bool doctor_read_file(const char *path, struct buf *text);

/* Text from elsewhere, made fit to show (printable.h). */
struct doctor_shown {
	char text[PRINTABLE_SIZE];
};
struct doctor_shown doctor_shown(const char *text);

/* Reports that this user may not read something. */
void doctor_not_allowed(struct doctor *d, const char *path);

#endif
