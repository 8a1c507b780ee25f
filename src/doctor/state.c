/* SPDX-License-Identifier: MIT */
/* The state file: where it lies, whether it can be written, whether it is sound. */
#include "base/path.h"
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
		findings_add(&d->findings, SEVERITY_ERROR, "state-damaged", "%s", buf_text(&error));
		findings_cure(&d->findings,
			      "sudo mv %s /var/tmp/ (the responder makes a new one; one of a newer "
			      "version wants that version's programs instead)",
			      path);
	}
	buf_free(&error);
}

/* False: there is no state to look at. */
static bool
look_at_directory(struct doctor *d, const char *directory)
{
	struct stat st;
	const struct judge_user *user = &d->user;
	if (stat(directory, &st) == -1 && errno == EACCES) {
		doctor_cannot_look(d, directory);
		return false;
	}
	bool exists = stat(directory, &st) == 0 && S_ISDIR(st.st_mode);
	if (exists && doctor_user_may(user, directory, W_OK | X_OK))
		return true;
	if (!exists)
		findings_add(&d->findings, SEVERITY_ERROR, "state-directory",
			     "%s, where the state file is to lie: there is no such directory",
			     directory);
	else
		findings_add(&d->findings, SEVERITY_ERROR, "state-directory",
			     "%s, where the state file lies: %s, whom the responder runs as, may "
			     "not write there",
			     directory, user->name);
	findings_cure(&d->findings, "sudo install -d -o %s -g %s -m 0750 %s", user->name,
		      user->group, directory);
	return exists;
}

static void
look_at_file(struct doctor *d, const char *path)
{
	struct stat st;
	if (stat(path, &st) == -1)
		return;
	if (!doctor_user_may(&d->user, path, R_OK | W_OK)) {
		findings_add(&d->findings, SEVERITY_ERROR, "state-owner",
			     "%s: %s, whom the responder runs as, may not read and write it", path,
			     d->user.name);
		findings_cure(&d->findings, "sudo chown %s:%s %s", d->user.name, d->user.group,
			      path);
	}
	if (access(path, R_OK) == -1)
		doctor_cannot_look(d, path);
}

/* Those that were damaged: state.h. */
static void
look_for_set_aside(struct doctor *d, const char *directory, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	size_t n = strlen(name);
	unsigned found = 0;
	DIR *dir = opendir(directory);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		found +=
		    strncmp(e->d_name, name, n) == 0 && strncmp(e->d_name + n, ".bad-", 5) == 0;
	if (dir != NULL)
		closedir(dir);
	if (found == 0)
		return;
	findings_add(&d->findings, SEVERITY_WARNING, "state-set-aside",
		     "%s was found damaged and made anew: what was damaged lies beside it (%u)",
		     path, found);
	findings_cure(&d->findings,
		      "look whether the disk is well (sudo dmesg), then type: sudo rm %s.bad-*",
		      path);
}

static void
look_at_disk(struct doctor *d, const char *directory)
{
	struct statvfs space;
	struct statfs kind;
	if (statvfs(directory, &space) == 0 &&
	    space.f_bavail * (uint64_t)space.f_frsize < SPACE_MIN) {
		findings_add(&d->findings, SEVERITY_WARNING, "disk-full",
			     "%s: the disk is full but for %llu KB", directory,
			     (unsigned long long)(space.f_bavail * space.f_frsize / 1024));
		findings_cure(&d->findings, "make room: df -h %s", directory);
	}
	if (statfs(directory, &kind) == 0 && judge_is_remote((long)kind.f_type)) {
		findings_add(&d->findings, SEVERITY_WARNING, "state-network",
			     "%s lies on a network's file system, where processes of several "
			     "machines would not see each other's changes",
			     directory);
		findings_cure(&d->findings,
			      "write state_file = \"…\" on a disk of this machine into the "
			      "configuration");
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
	if (!look_at_directory(d, directory))
		return;
	look_at_file(d, path);
	look_for_set_aside(d, directory, path);
	look_at_disk(d, directory);
}
