/* SPDX-License-Identifier: MIT */
/* The processes: the responders, their user, and what else runs as that user. */
#include "base/path.h"
#include "doctor/checks.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define RESPONDER "claude-router"
#define RESPAWN   "router-respawn" /* its parent, with --respawn */

/* --- The processes ---------------------------------------------------- */

/* The value of a line of /proc/PID/status, proc(5); "" : there is none. */
static const char *
value_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);
	return at == NULL ? "" : at + strlen(name) + strspn(at + strlen(name), " \t");
}

/* False: it has ended. The user is not that of its directory, which is root's for a
 * responder, since that is not dumpable. */
static bool
read_task(const char *proc, const char *pid, struct doctor_task *task)
{
	char path[1024], status[4096];
	snprintf(path, sizeof path, "%s/%s/status", proc, pid);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	size_t n = fread(status, 1, sizeof status - 1, file);
	fclose(file);
	status[n] = '\0';
	const char *name = value_of(status, "Name:");
	snprintf(task->name, sizeof task->name, "%.*s", (int)strcspn(name, "\n"), name);
	task->pid = strtoull(pid, NULL, 10);
	task->parent = strtoull(value_of(status, "\nPPid:"), NULL, 10);
	task->uid = (uid_t)strtoul(value_of(status, "\nUid:"), NULL, 10);
	return n > 0;
}

static const char *
proc_of(const struct doctor *d)
{
	return d->options->proc == NULL ? "/proc" : d->options->proc;
}

static void
list_tasks(struct doctor *d)
{
	DIR *dir = opendir(proc_of(d));
	size_t room = 0;
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		if (!isdigit((unsigned char)e->d_name[0]) || d->n_tasks == DOCTOR_TASKS_MAX)
			continue;
		if (d->n_tasks == room) {
			room = room == 0 ? 512 : 2 * room;
			struct doctor_task *more = realloc(d->tasks, room * sizeof *more);
			if (more == NULL)
				break;
			d->tasks = more;
		}
		d->n_tasks += read_task(proc_of(d), e->d_name, &d->tasks[d->n_tasks]);
	}
	if (dir != NULL)
		closedir(dir);
}

static const struct doctor_task *
find_task(const struct doctor *d, uint64_t pid)
{
	for (size_t i = 0; i < d->n_tasks; i++)
		if (d->tasks[i].pid == pid)
			return &d->tasks[i];
	return NULL;
}

static bool
is_named(const struct doctor_task *task, const char *name)
{
	size_t n = strlen(name);
	return n > 0 && name[n - 1] == '*' ? strncmp(task->name, name, n - 1) == 0
					   : strcmp(task->name, name) == 0;
}

const struct doctor_task *
doctor_task_named(const struct doctor *d, const char *name)
{
	for (size_t i = 0; i < d->n_tasks; i++)
		if (is_named(&d->tasks[i], name))
			return &d->tasks[i];
	return NULL;
}

/* --- The responder's user --------------------------------------------- */

static void
read_user(uid_t uid, struct diagnose_user *user)
{
	const struct passwd *pw = getpwuid(uid);
	gid_t gid = pw == NULL ? (gid_t)uid : pw->pw_gid;
	int n = DIAGNOSE_GROUPS_MAX;
	*user = (struct diagnose_user){.uid = uid, .groups = {gid}, .n_groups = 1};
	if (pw == NULL)
		snprintf(user->name, sizeof user->name, "%u", (unsigned)uid);
	else
		snprintf(user->name, sizeof user->name, "%s", pw->pw_name);
	if (getgrouplist(user->name, gid, user->groups, &n) != -1 && n > 0)
		user->n_groups = (size_t)n;
	const struct group *gr = getgrgid(gid);
	if (gr == NULL)
		snprintf(user->group, sizeof user->group, "%u", (unsigned)gid);
	else
		snprintf(user->group, sizeof user->group, "%s", gr->gr_name);
}

/* A responder of this configuration that runs here; NULL: none. */
static const struct doctor_task *
responder(const struct doctor *d)
{
	for (size_t i = 0; i < d->n_responders; i++) {
		const struct doctor_task *task = find_task(d, d->responders[i].pid);
		if (task != NULL && is_named(task, RESPONDER))
			return task;
	}
	return NULL;
}

/* The user of a running responder; else the owner of the state's directory; else the user of
 * Debian's web servers. */
static uid_t
find_user(const struct doctor *d)
{
	char directory[PATH_MAX];
	struct stat st;
	const struct doctor_task *task = responder(d);
	if (task == NULL && d->n_responders == 0)
		task = doctor_task_named(d, RESPONDER);
	if (task != NULL)
		return task->uid;
	if (d->app.config != NULL &&
	    stat(path_directory(d->app.config->state_file, directory), &st) == 0 && st.st_uid != 0)
		return st.st_uid;
	const struct passwd *pw = getpwnam("www-data");
	return pw == NULL ? geteuid() : pw->pw_uid;
}

static bool
may(const struct diagnose_user *user, const char *path, int want)
{
	struct stat st;
	if (stat(path, &st) == -1)
		return errno == EACCES; /* not known */
	return diagnose_access(user, &st, want) ||
	       getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

bool
doctor_user_may(const struct diagnose_user *user, const char *path, int want)
{
	char part[4096];
	if (!may(user, path, want))
		return false;
	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", slash == path ? 1 : (int)(slash - path), path);
		if (!may(user, part, X_OK))
			return false;
	}
	return true;
}

/* --- Checks of the responders ----------------------------------------- */

static void
report_restart(struct doctor *d, const char *id, const char *why, uint64_t pid)
{
	report_add(&d->report, SEVERITY_WARNING, id, "responder %llu %s", (unsigned long long)pid,
		   why);
	report_cure(&d->report, "restart the web server (or the responder's own service): "
				"sudo systemctl restart lighttpd");
}

/* Reading the exe of another user's process requires root; without it, false. */
static bool
is_deleted(const struct doctor *d, uint64_t pid)
{
	char path[1024], target[4096];
	snprintf(path, sizeof path, "%s/%llu/exe", proc_of(d), (unsigned long long)pid);
	ssize_t n = readlink(path, target, sizeof target - 1);
	target[n < 0 ? 0 : n] = '\0';
	return n > 10 && strcmp(target + n - 10, " (deleted)") == 0;
}

static void
check_responders(struct doctor *d)
{
	for (size_t i = 0; i < d->n_responders; i++) {
		uint64_t pid = d->responders[i].pid;
		if (strncmp(d->responders[i].version, PACKAGE_VERSION, STATE_VERSION_TEXT - 1) != 0)
			report_restart(d, "responder-version",
				       "is not of this program's version (" PACKAGE_VERSION ")",
				       pid);
		else if (is_deleted(d, pid))
			report_restart(d, "responder-replaced",
				       "still runs from a file that was replaced", pid);
	}
}

/* Whether one could not reload what the others did; 0: not known. */
static void
compare_responders(struct doctor *d)
{
	uint64_t first = d->responders[0].config;
	for (size_t i = 1; i < d->n_responders; i++) {
		uint64_t config = d->responders[i].config;
		if (config == 0 || first == 0 || config == first)
			continue;
		report_restart(d, "responder-config",
			       "runs with another configuration than the others",
			       d->responders[i].pid);
		return;
	}
}

void
doctor_check_processes(struct doctor *d)
{
	list_tasks(d);
	read_user(find_user(d), &d->user);
	check_responders(d);
	compare_responders(d);
}

/* --- Neighbours ------------------------------------------------------- */

static bool
is_spawned(const struct doctor *d, const struct doctor_task *task)
{
	static const char *const servers[] = {"lighttpd", "apache2", "httpd", "nginx"};
	const struct doctor_task *parent = find_task(d, task->parent);
	if (parent != NULL && is_named(parent, RESPAWN))
		parent = find_task(d, parent->parent);
	for (size_t i = 0; parent != NULL && i < COUNT(servers); i++)
		if (is_named(parent, servers[i]))
			return true;
	return false;
}

static const char own_service[] =
    "run it as a service of its own: README, \"Web servers\" (claude-router --socket PATH)";

/* Scripts of the same user can read the stored credentials. */
void
doctor_check_neighbours(struct doctor *d)
{
	const struct doctor_task *task = responder(d);
	if (task == NULL)
		return;
	for (size_t i = 0; i < d->n_tasks; i++) {
		const struct doctor_task *other = &d->tasks[i];
		if (other->uid != task->uid || !is_named(other, "php*"))
			continue;
		report_add(&d->report, SEVERITY_WARNING, "shared-user",
			   "%s runs as %s, the responder's user: every script there can read "
			   "the stored credentials",
			   other->name, d->user.name);
		report_cure(&d->report, own_service);
		return;
	}
	if (is_spawned(d, task)) {
		report_add(&d->report, SEVERITY_NOTE, "shared-user",
			   "the responder runs as %s, the web server's user: a script that runs "
			   "there can read the stored credentials",
			   d->user.name);
		report_cure(&d->report, own_service);
	}
}
