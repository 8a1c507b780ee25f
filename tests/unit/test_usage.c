/* SPDX-License-Identifier: MIT */
/* usage: the tokens that a usage object reports (PROTOCOLS.md 1, "Usage"). */
#include "dialect/usage.h"

#include "tap.h"

static const struct {
	int line;
	const char *name, *json;
	struct usage want;
	int64_t total;
} rows[] = {
    {__LINE__,
     "all four kinds",
     "{\"input_tokens\":1,\"cache_creation_input_tokens\":20,"
     "\"cache_read_input_tokens\":300,\"output_tokens\":4}",
     {1, 20, 300, 4},
     321},
    {__LINE__, "no cache", "{\"output_tokens\":4,\"input_tokens\":1}", {1, -1, -1, 4}, 1},
    {__LINE__, "nothing", "{}", {-1, -1, -1, -1}, -1},
    {__LINE__,
     "null is not reported",
     "{\"input_tokens\":null,\"output_tokens\":0}",
     {-1, -1, -1, 0},
     -1},
    {__LINE__, "a usage of no object", "7", {-1, -1, -1, -1}, -1},
    {__LINE__, "negative", "{\"input_tokens\":-1,\"output_tokens\":2}", {-1, -1, -1, 2}, -1},
    {__LINE__, "absurd", "{\"input_tokens\":99999999999,\"output_tokens\":2}", {-1, -1, -1, 2}, -1},
    {__LINE__,
     "deeper is not it",
     "{\"a\":{\"usage\":{\"output_tokens\":2}}",
     {-1, -1, -1, -1},
     -1},
    {__LINE__,
     "further members",
     "{\"server_tool_use\":{\"input_tokens\":9},\"output_tokens\":2}",
     {-1, -1, -1, 2},
     -1},
    {__LINE__, "no JSON", "{\"output_tokens\":", {-1, -1, -1, -1}, -1},
};

int
main(int argc, char **argv)
{
	tap_start("usage", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		struct usage got = USAGE_NONE;
		struct scan scan;
		scan_init(&scan, rows[i].json, strlen(rows[i].json));
		usage_read(&got, &scan);
		TAP_ROW_AT(rows[i].line, rows[i].name,
			   memcmp(&got, &rows[i].want, sizeof got) == 0 &&
			       usage_total_input(&got) == rows[i].total,
			   "got input %" PRId64 " write %" PRId64 " read %" PRId64
			   " output %" PRId64,
			   got.input, got.cache_write, got.cache_read, got.output);
	}
	return tap_finish();
}
