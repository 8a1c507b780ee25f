/* SPDX-License-Identifier: MIT */
/* The hourly health check: cron's entry, cron itself, and whether it ran lately. */
#include "base/clock.h"
#include "base/log.h"
#include "doctor/checks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ENTRY CRONDIR "/claude-router"

enum { LATE_MS = 2 * 3600 * 1000 };

static const char *
crontab_path(const struct doctor *d)
{
	return d->options->crontab == NULL ? ENTRY : d->options->crontab;
}

static void
cure_by_entry(struct doctor *d)
{
	report_cure(&d->report, "claude-router-check%s --print-crontab | sudo tee %s",
		    d->with_config, crontab_path(d));
}

/* False: there is none, or it cannot be read. *path: the file it was found in. */
static bool
find_entry(struct doctor *d, struct diagnose_cron *entry, const char **path)
{
	const char *const places[] = {crontab_path(d), "/etc/crontab"};
	size_t n = d->options->crontab == NULL ? 2 : 1;
	bool hidden = false;
	for (size_t i = 0; i < n; i++) {
		struct buf text;
		buf_init(&text, CONFIG_FILE_MAX);
		*path = places[i];
		bool read = doctor_read_file(places[i], &text);
		hidden |= !read && access(places[i], R_OK) == -1 && errno == EACCES;
		diagnose_crontab(read ? buf_text(&text) : "", entry);
		buf_free(&text);
		if (entry->program[0] != '\0')
			return true;
	}
	if (hidden) {
		doctor_not_allowed(d, places[0]);
		return false;
	}
	report_add(&d->report, SEVERITY_WARNING, "cron-missing",
		   "%s: cron has no entry for claude-router-check, so it is noticed later that "
		   "Claude Pro is available again",
		   places[0]);
	cure_by_entry(d);
	return false;
}

/* Debian's cron reads only files that root alone can write. */
static void
check_mode(struct doctor *d, const char *path)
{
	struct stat st;
	if (stat(path, &st) == -1)
		return;
	bool foreign = st.st_uid != 0 && st.st_uid != geteuid();
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 && !foreign)
		return;
	report_add(&d->report, SEVERITY_WARNING, "cron-mode",
		   "%s: cron ignores a file that users other than root can write", path);
	report_cure(&d->report, "sudo chown root:root %s && sudo chmod 644 %s", path, path);
}

static void
report_difference(struct doctor *d, const char *id, const char *what, const char *theirs,
		  const char *ours)
{
	report_add(&d->report, SEVERITY_WARNING, id,
		   "cron's entry names %s %s; the configuration says %s", what,
		   doctor_shown(theirs).text, ours);
	cure_by_entry(d);
}

static void
report_user(struct doctor *d, const char *theirs)
{
	report_add(&d->report, SEVERITY_WARNING, "cron-user",
		   "cron's entry runs the health check as %s; the responder runs as %s",
		   doctor_shown(theirs).text, d->user.name);
	report_cure(&d->report, "write %s instead of %s in %s", d->user.name,
		    doctor_shown(theirs).text, crontab_path(d));
}

static void
compare(struct doctor *d, const struct diagnose_cron *entry)
{
	static const char standard[] = SYSCONFDIR "/claude-router/claude-router.conf";
	const struct config *config = d->app.config;
	const char *ours = config->path == NULL ? standard : config->path;
	const char *theirs = entry->config[0] == '\0' ? standard : entry->config;
	if (!diagnose_same_times(entry->times, config->health_check_cron))
		report_difference(d, "cron-times", "the times", entry->times,
				  config->health_check_cron);
	if (strcmp(theirs, ours) != 0)
		report_difference(d, "cron-config", "the configuration", theirs, ours);
	if (entry->state[0] != '\0' && strcmp(entry->state, config->state_file) != 0)
		report_difference(d, "cron-state", "the state file", entry->state,
				  config->state_file);
	if (strcmp(entry->user, d->user.name) != 0 && strcmp(entry->user, "root") != 0)
		report_user(d, entry->user);
	if (access(entry->program, X_OK) == -1 && errno == ENOENT) {
		report_add(&d->report, SEVERITY_WARNING, "cron-program",
			   "cron's entry runs %s, which does not exist",
			   doctor_shown(entry->program).text);
		cure_by_entry(d);
	}
}

static void
check_daemon(struct doctor *d)
{
	static const char *const names[] = {"cron", "crond", "fcron", "bcron*", "busybox"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (doctor_task_named(d, names[i]) != NULL)
			return;
	report_add(
	    &d->report, SEVERITY_WARNING, "cron-dead",
	    "cron does not run, so no health check finds out when Claude Pro is available again");
	report_cure(&d->report, "sudo systemctl enable --now cron");
}

/* Whether the provider of the health check has been paused for so long that a check must
 * have been due. */
static bool
is_paused_for_long(const struct doctor *d, int64_t now_ms)
{
	struct health all[STATE_HEALTHS];
	uint64_t id = config_plan_provider(d->app.config)->id;
	size_t n = state_healths(d->app.state, id, all, STATE_HEALTHS);
	for (size_t i = 0; i < n; i++)
		if (health_state(&all[i], now_ms) == HEALTH_IS_PAUSED &&
		    now_ms - all[i].since_ms > LATE_MS)
			return true;
	return false;
}

static void
check_last_run(struct doctor *d)
{
	struct summary summary;
	int64_t now_ms = clock_wall_ms();
	if (d->app.state == NULL || !is_paused_for_long(d, now_ms))
		return;
	state_summary(d->app.state, &summary);
	if (now_ms - summary.last_check_ms <= LATE_MS)
		return;
	char when[CLOCK_SHORT_SIZE];
	report_add(
	    &d->report, SEVERITY_WARNING, "cron-late",
	    "Claude Pro has been paused for more than 2 hours; the last health check ran %s%s",
	    summary.last_check_ms == 0 ? "never" : "at ",
	    summary.last_check_ms == 0 ? "" : clock_short(summary.last_check_ms, now_ms, when));
	report_cure(&d->report,
		    "find out why: journalctl -u cron; sudo -u %s "
		    "claude-router-check --dry-run",
		    d->user.name);
}

void
doctor_check_cron(struct doctor *d)
{
	struct diagnose_cron entry;
	const char *path;
	if (d->app.config == NULL || !d->app.config->health_check_enabled)
		return;
	if (find_entry(d, &entry, &path)) {
		check_mode(d, path);
		compare(d, &entry);
		check_daemon(d);
		check_last_run(d);
	}
}
