/* SPDX-License-Identifier: MIT */
/* Files that change under their path: when a change is told, and when not yet. */
#include "config/file_watch.h"
#include "tap.h"

#include <fcntl.h>
#include <unistd.h>

static char dir[] = "/tmp/test_file_watch.XXXXXX";
static char file[sizeof dir + sizeof("/file")];
static char other[sizeof dir + sizeof("/other")];

static void
write_file(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
	if (fd == -1 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) == -1)
		abort();
}

/* Another time of change for sure, however coarse the file system's clock is. */
static void
set_time(time_t seconds, long nanoseconds)
{
	const struct timespec times[2] = {{.tv_sec = seconds}, {seconds, nanoseconds}};
	if (utimensat(AT_FDCWD, file, times, 0) == -1)
		abort();
}

static const char *
look(struct file_watch *watch)
{
	static const char *const names[] = {"same", "moves", "changed"};
	return names[file_watch_poll(watch, file)];
}

/* Each step changes the file once; it has been read before. */
static void
write_in_place(void)
{
	write_file(file, "another text", O_TRUNC);
}

static void
append(void)
{
	write_file(file, "x", O_APPEND);
}

static void
replace(void)
{
	write_file(other, "text", O_TRUNC);
	if (rename(other, file) == -1)
		abort();
}

static void
go_away(void)
{
	unlink(file);
}

static void
change_mode(void)
{
	if (chmod(file, 0640) == -1)
		abort();
}

static void
touch_by_a_nanosecond(void)
{
	set_time(1000, 2);
}

static const struct {
	const char *name;
	void (*change)(void);
} changes[] = {
    {"written in place", write_in_place},
    {"appended to", append},
    {"replaced", replace},
    {"gone away", go_away},
    {"another mode", change_mode},
    {"the same size, a nanosecond later", touch_by_a_nanosecond},
};

static void
check_change(const char *name, void (*change)(void))
{
	struct file_watch watch = {0};
	char row[128];
	write_file(file, "text", O_TRUNC);
	set_time(1000, 1);
	file_watch_mark(&watch, file);
	snprintf(row, sizeof row, "%s: before", name);
	TAP_STR(row, look(&watch), "same");
	change();
	snprintf(row, sizeof row, "%s: seen", name);
	TAP_STR(row, look(&watch), "moves");
	snprintf(row, sizeof row, "%s: at rest", name);
	TAP_STR(row, look(&watch), "changed");
	snprintf(row, sizeof row, "%s: until it is read", name);
	TAP_STR(row, look(&watch), "changed");
	file_watch_mark(&watch, file);
	snprintf(row, sizeof row, "%s: read", name);
	TAP_STR(row, look(&watch), "same");
	unlink(file);
}

/* What an editor leaves under the path for a moment is never told. */
static void
check_save(void)
{
	struct file_watch watch = {0};
	TAP_STR("none, as was read", look(&watch), "same");
	write_file(file, "text", 0);
	TAP_STR("appears", look(&watch), "moves");
	append();
	TAP_STR("is written on", look(&watch), "moves");
	unlink(file);
	TAP_STR("is moved away", look(&watch), "moves");
	replace();
	TAP_STR("another one is put there", look(&watch), "moves");
	TAP_STR("that stays", look(&watch), "changed");
	file_watch_mark(&watch, file);
	go_away();
	TAP_STR("away for a moment", look(&watch), "moves");
	write_file(file, "text", 0);
	TAP_STR("and there again", look(&watch), "moves");
	unlink(file);
}

int
main(int argc, char **argv)
{
	tap_start("file_watch", argc, argv);
	if (mkdtemp(dir) == NULL)
		return EXIT_FAILURE;
	snprintf(file, sizeof file, "%s/file", dir);
	snprintf(other, sizeof other, "%s/other", dir);
	for (size_t i = 0; i < TAP_COUNT(changes); i++)
		check_change(changes[i].name, changes[i].change);
	check_save();
	rmdir(dir);
	return tap_finish();
}
