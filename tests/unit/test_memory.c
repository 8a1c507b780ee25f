/* SPDX-License-Identifier: MIT */
/* What an idle process gives back: most of the pages of programs and libraries that it had read. */
#include "base/memory.h"
#include "tap.h"

/* KB of pages of files; -1: the kernel does not say. */
static long
file_pages_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *status = fopen("/proc/self/status", "r");
	while (status != NULL && kb == -1 && fgets(line, sizeof line, status) != NULL)
		if (sscanf(line, "RssFile: %ld", &kb) != 1)
			kb = -1;
	if (status != NULL)
		fclose(status);
	return kb;
}

/* A part of this program that is read once. */
enum { PAGES_KB = 1024 };
static const char pages[PAGES_KB * 1024] = {1};

static void
read_pages(void)
{
	const volatile char *byte = pages;
	for (size_t i = 0; i < sizeof pages; i += 1024)
		(void)byte[i];
}

int
main(int argc, char **argv)
{
	static const char name[] = "pages that can be read again";
	tap_start("memory", argc, argv);
	read_pages();
	long before_kb = file_pages_kb();
	memory_give_back();
	long after_kb = file_pages_kb();
	if (before_kb == -1)
		tap_skip(name, "no RssFile in /proc/self/status");
	else
		TAP_ROW(name, after_kb < before_kb - PAGES_KB / 2,
			"expected %d KB less than %ld KB, got %ld KB", PAGES_KB / 2, before_kb,
			after_kb);
	return tap_finish();
}
