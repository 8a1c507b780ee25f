/* SPDX-License-Identifier: MIT */
/* Runs a target over the files of the directories that are named, without
 * libFuzzer: a row for each. argv[1] is a filter, argv[2] the target's name, the
 * others are directories, of which any may be missing. */
#include "fuzz.h"

#include <dirent.h>

enum { FILE_MAX = 4 << 20 };

/* In the order of their names, so that two runs are alike. */
static unsigned
run_directory(const char *filter, const char *target, const char *path)
{
	struct dirent **entries;
	unsigned n = 0;
	int count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char name[1024], full[1024];
		snprintf(name, sizeof name, "fuzz/%s/%s", target, entries[i]->d_name);
		snprintf(full, sizeof full, "%s/%s", path, entries[i]->d_name);
		FILE *file = entries[i]->d_name[0] == '.' || strstr(name, filter) == NULL
				 ? NULL
				 : fopen(full, "re");
		free(entries[i]);
		if (file == NULL)
			continue;
		char *bytes = malloc(FILE_MAX);
		MUST(bytes != NULL);
		size_t length = fread(bytes, 1, FILE_MAX, file);
		fclose(file);
		uint8_t *exact = (uint8_t *)fuzz_copy(bytes, length);
		free(bytes);
		fprintf(stderr, "# %s\n", name); /* whoever crashes has said at what */
		LLVMFuzzerTestOneInput(exact, length);
		free(exact);
		printf("ok %u - %s\n", ++n, name);
	}
	if (count >= 0)
		free(entries);
	return n;
}

int
main(int argc, char **argv)
{
	unsigned n = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 3; i < argc; i++)
		n += run_directory(argv[1], argv[2], argv[i]);
	printf("1..%u\n", n);
	return EXIT_SUCCESS;
}
