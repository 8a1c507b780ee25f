/* SPDX-License-Identifier: MIT */
/* What an idle process gives back: most of the pages of programs and libraries that it had read. */
#include "base/memory.h"
#include "tap.h"

#include <unistd.h>

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

static void
check_pages(void)
{
	static const char name[] = "pages that can be read again";
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
}

#ifndef __SANITIZE_ADDRESS__
/* What a body used is there for the next one, until it is given back. */
static void
check_kept(void)
{
	enum { BYTES = 2 * 1024 * 1024 };
	memory_keep();
	const char *before = sbrk(0);
	char *volatile body = malloc(BYTES);
	free(body);
	long kept = (const char *)sbrk(0) - before;
	memory_trim();
	long left = (const char *)sbrk(0) - before;
	TAP_ROW("a body's memory is kept", kept > BYTES * 3 / 4, "got %ld bytes", kept);
	TAP_ROW("... and given back", left < BYTES / 4, "got %ld bytes", left);
}
#endif

int
main(int argc, char **argv)
{
	tap_start("memory", argc, argv);
	check_pages();
#ifdef __SANITIZE_ADDRESS__
	tap_skip("a body's memory is kept", "the sanitizer has an allocator of its own");
#else
	check_kept();
#endif
	return tap_finish();
}
