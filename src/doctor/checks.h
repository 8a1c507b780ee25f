/* SPDX-License-Identifier: MIT */
/* The doctor from inside: what its checks share. Nobody else. */
#ifndef DOCTOR_CHECKS_H
#define DOCTOR_CHECKS_H

#include "app.h"
#include "base/count.h"
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
	const char *config_path; /* of --config, or NULL */
	struct findings findings;
	struct app app; /* config, tokens, state: each NULL when it cannot be used */
	struct process responders[STATE_PROCESSES]; /* by the state file */
	size_t n_responders;
	struct doctor_task *tasks; /* all that run here */
	size_t n_tasks;
	struct judge_user user; /* whom the responders run as */
	char url[1024];         /* where the router answered; "" : nowhere */
	enum judge_server server;
	uint64_t served_by;  /* the pid of the responder that answered; 0: nobody did */
	json_object *status; /* /v1/status, or the same from the files; NULL: neither */
};

/* The checks, in this order; each looks at one thing, and bears that those
 * before it found nothing. */
void doctor_check_environment(struct doctor *d); /* doctor/files.c; reads config, too */
void doctor_check_processes(struct doctor *d);   /* doctor/processes.c; finds user */
void doctor_check_tokens(struct doctor *d);      /* doctor/files.c */
void doctor_check_keys(struct doctor *d);
void doctor_check_state(struct doctor *d);       /* doctor/state.c */
void doctor_check_cron(struct doctor *d);        /* doctor/cron.c */
void doctor_check_server(struct doctor *d);      /* doctor/server.c; finds url, status */
void doctor_check_status(struct doctor *d);      /* doctor/status.c */
void doctor_check_neighbours(struct doctor *d);  /* doctor/processes.c */
void doctor_check_providers(struct doctor *d);   /* doctor/network.c */
void doctor_check_claude_code(struct doctor *d); /* doctor/client.c */

/* Opens the state for looking, once config is known: doctor/state.c. */
void doctor_open_state(struct doctor *d);

/* The task of a pid; NULL: there is none. */
const struct doctor_task *doctor_task(const struct doctor *d, uint64_t pid);

/* A task of a name, one with that beginning if it ends in "*"; NULL: there is none. */
const struct doctor_task *doctor_task_named(const struct doctor *d, const char *name);

/* Fills *user from the system's tables. */
void doctor_user_of(uid_t uid, struct judge_user *user);

/* Whether a path's file (or directory) may be opened so by the responder's
 * user, all directories above it included. Access lists are believed. */
bool doctor_user_may(const struct judge_user *user, const char *path, int want);

/* Reads a small text file whole; false: it cannot be read (errno). */
bool doctor_read(const char *path, struct buf *text);

/* A text that somebody else wrote, fit to show; valid until the next call but three. */
const char *doctor_shown(const char *text);

/* Notes that this user may not look at something. */
void doctor_cannot_look(struct doctor *d, const char *path);

#endif
