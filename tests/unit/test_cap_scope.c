/* SPDX-License-Identifier: MIT */
/* What each cap is on this machine: one of several holds its part. */
#include "money/cap_scope.h"
#include "tap.h"

#define CENT INT64_C(10000000)

static const struct {
	int line;
	const char *name;
	unsigned hosts;
	enum share_caps share;
	int64_t all_daily, provider_monthly, client_daily;
	const char *caps; /* "scope kind cap …" */
} rows[] = {
    {__LINE__, "one machine", 0, SHARE_CAPS_SPLIT, 500 * CENT, 2000 * CENT, 200 * CENT,
     "all 0 5000000000 kimi 1 20000000000 key:alice 0 2000000000 "},
    {__LINE__, "two", 2, SHARE_CAPS_SPLIT, 500 * CENT, 2000 * CENT, 200 * CENT,
     "all 0 2500000000 kimi 1 10000000000 key:alice 0 1000000000 "},
    {__LINE__, "three: never more than the whole", 3, SHARE_CAPS_SPLIT, 500 * CENT, 0, 0,
     "all 0 1666666666 "},
    {__LINE__, "a thousandth of a cent is still a cap", 1000, SHARE_CAPS_SPLIT, CENT, 0, 0,
     "all 0 10000 "},
    {__LINE__, "what machines take parts of is whole", 0, SHARE_CAPS_CLOSED, 500 * CENT, 0, 0,
     "all 0 5000000000 "},
    {__LINE__, "no cap", 3, SHARE_CAPS_SPLIT, 0, 0, 0, ""},
};

static void
check_row(size_t i)
{
	struct config config = {
	    .share_hosts = rows[i].hosts,
	    .share_caps = rows[i].share,
	    .daily_cap = rows[i].all_daily,
	    .providers = {{.name = "kimi", .monthly_cap = rows[i].provider_monthly}},
	    .n_providers = 1};
	const struct cap_client client = {.name = "alice",
					  .budget = {.daily_cap = rows[i].client_daily}};
	struct cap_scope scopes[CAP_SCOPES_BINDING];
	char name[CAP_SCOPE_NAME_SIZE];
	struct buf out;
	buf_init(&out, 1024);
	size_t n = cap_scopes_binding(&config, &config.providers[0], &client, 1000, scopes);
	for (size_t k = 0; k < n; k++)
		buf_append_cut(&out, "%s %d %" PRId64 " ", cap_scope_name(&scopes[k], name),
			       (int)scopes[k].key.kind, scopes[k].cap);
	TAP_STR_AT(rows[i].line, rows[i].name, buf_text(&out), rows[i].caps);
	buf_free(&out);
}

int
main(int argc, char **argv)
{
	tap_start("cap_scope", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(i);
	return tap_finish();
}
