/* SPDX-License-Identifier: MIT */
/* The state file: its directory, its disk, whether it can be written, whether it is sound. */
#include "base/path.h"
#include "base/str.h"
#include "doctor/checks.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { SPACE_MIN = 16 << 20 };

void
doctor_open_state(struct doctor *d)
{
	struct buf error;
	const char *path = d->app.config->state_file;
	if (access(path, R_OK) == -1)
		return;
	buf_init(&error, ERROR_TEXT_MAX + 4096);
	d->app.state = state_open_readonly(path, &error);
	if (d->app.state != NULL) {
		d->n_responders = state_processes(d->app.state, d->responders, STATE_PROCESSES);
	} else {
		report_add(&d->report, SEVERITY_ERROR, "state-damaged", "%s", buf_text(&error));
		report_cure(
		    &d->report,
		    "sudo mv %s /var/tmp/ (the responder makes a new one; a file of a newer "
		    "version requires that version's programs instead)",
		    path);
	}
	buf_free(&error);
}

/* False: there is no state to check. */
static bool
check_directory(struct doctor *d, const char *directory)
{
	struct stat st;
	const struct diagnose_user *user = &d->user;
	if (stat(directory, &st) == -1 && errno == EACCES) {
		doctor_not_allowed(d, directory);
		return false;
	}
	bool exists = stat(directory, &st) == 0 && S_ISDIR(st.st_mode);
	if (exists && doctor_user_may(user, directory, W_OK | X_OK))
		return true;
	if (!exists)
		report_add(&d->report, SEVERITY_ERROR, "state-directory",
			   "%s, the state file's directory, does not exist", directory);
	else
		report_add(&d->report, SEVERITY_ERROR, "state-directory",
			   "%s, the state file's directory: the responder's user %s may not write "
			   "there",
			   directory, user->name);
	report_cure(&d->report, "sudo install -d -o %s -g %s -m 0750 %s", user->name, user->group,
		    directory);
	return exists;
}

static void
check_file(struct doctor *d, const char *path)
{
	struct stat st;
	if (stat(path, &st) == -1)
		return;
	if (!doctor_user_may(&d->user, path, R_OK | W_OK)) {
		report_add(&d->report, SEVERITY_ERROR, "state-owner",
			   "%s: the responder's user %s may not read and write it", path,
			   d->user.name);
		report_cure(&d->report, "sudo chown %s:%s %s", d->user.name, d->user.group, path);
	}
	if (access(path, R_OK) == -1)
		doctor_not_allowed(d, path);
}

/* Damaged files that were renamed: state.h. */
static void
check_set_aside(struct doctor *d, const char *directory, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	size_t n = strlen(name);
	unsigned found = 0;
	DIR *dir = opendir(directory);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		found +=
		    strncmp(e->d_name, name, n) == 0 && str_starts_with(e->d_name + n, ".bad-");
	if (dir != NULL)
		closedir(dir);
	if (found == 0)
		return;
	report_add(&d->report, SEVERITY_WARNING, "state-set-aside",
		   "%s was damaged and replaced by a new one; what was damaged is kept beside it "
		   "(%u)",
		   path, found);
	report_cure(&d->report, "check the disk (sudo dmesg), then type: sudo rm %s.bad-*", path);
}

static void
check_disk(struct doctor *d, const char *directory)
{
	struct statvfs space;
	struct statfs kind;
	if (statvfs(directory, &space) == 0 &&
	    space.f_bavail * (uint64_t)space.f_frsize < SPACE_MIN) {
		report_add(&d->report, SEVERITY_WARNING, "disk-full",
			   "%s: only %llu KB are free on the disk", directory,
			   (unsigned long long)(space.f_bavail * space.f_frsize / 1024));
		report_cure(&d->report, "free some space: df -h %s", directory);
	}
	if (statfs(directory, &kind) == 0 && diagnose_is_remote((long)kind.f_type)) {
		report_add(&d->report, SEVERITY_WARNING, "state-network",
			   "%s is on a network file system, where processes of several machines do "
			   "not see each other's changes",
			   directory);
		report_cure(&d->report,
			    "write state_file = \"…\" on a local disk into the configuration");
	}
}

void
doctor_check_state(struct doctor *d)
{
	char directory[PATH_MAX];
	if (d->app.config == NULL)
		return;
	const char *path = d->app.config->state_file;
	path_directory(path, directory);
	if (!check_directory(d, directory))
		return;
	check_file(d, path);
	check_set_aside(d, directory, path);
	check_disk(d, directory);
}
