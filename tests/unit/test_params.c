/* SPDX-License-Identifier: MIT */
/* params: FastCGI parameters that are whole, and those that are not. */

#include "client/params.h"

#include "material.h"

#define PARAMS(n)   "\1\4\0\1\0" n "\0\0"
#define STDIN(n)    "\1\5\0\1\0" n "\0\0"
#define LONG(bytes) "\x80\0\0" bytes

static const struct {
	int line;
	const char *name, *records;
	size_t n;
	bool whole;
} rows[] = {
#define ROW(name, records, whole)                                                                  \
	{                                                                                          \
		__LINE__, name, records, sizeof records - 1, whole                                 \
	}
    ROW("nothing", "", true),
    ROW("no pair", PARAMS("\0"), true),
    ROW("a pair", PARAMS("\4") "\1\1ab", true),
    ROW("an empty value", PARAMS("\3") "\1\0a", true),
    ROW("lengths of four bytes", PARAMS("\12") LONG("\1") LONG("\1") "ab", true),
    ROW("in two records", PARAMS("\3") "\1\1a" PARAMS("\1") "b", true),
    ROW("a body between them", PARAMS("\3") "\1\1a" STDIN("\1") "x" PARAMS("\1") "b", true),
    ROW("a length without its value", PARAMS("\1") "\1", false),
    ROW("half a length", PARAMS("\2") "\x80\0", false),
    ROW("a value cut", PARAMS("\3") "\1\2a", false),
    ROW("two gigabytes",
	PARAMS("\6") "\1\xff\xff\xff\xff"
		     "a",
	false),
    ROW("a NUL in a value", PARAMS("\6") "\1\3ab\0c", false),
    ROW("a NUL in a name", PARAMS("\6") "\3\1a\0bc", false),
    ROW("a NUL in a record of its own", PARAMS("\4") "\1\2ab" PARAMS("\1") "\0", false),
};

int
main(int argc, char **argv)
{
	tap_start("params", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		char *exact = material_exact(rows[i].records, rows[i].n);
		TAP_INT_AT(rows[i].line, rows[i].name, params_are_whole(exact, rows[i].n),
			   rows[i].whole);
		free(exact);
	}
	return tap_finish();
}
