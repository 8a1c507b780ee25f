/* SPDX-License-Identifier: MIT */
#include "money/ledger_day.h"

#include <string.h>

static bool
is_same(const struct ledger_row *a, const struct ledger_row *b)
{
	return a->billed == b->billed && strcmp(a->served, b->served) == 0 &&
	       strcmp(a->provider, b->provider) == 0 && strcmp(a->client, b->client) == 0;
}

static int64_t
known(int64_t number)
{
	return number < 0 ? 0 : number;
}

size_t
ledger_day_add(struct ledger_day_sums *sums, size_t n, const struct ledger_row *row)
{
	int64_t day = ledger_day(row->at_ms);
	size_t i = 0;
	while (i < n && (sums[i].day != day || !is_same(sums[i].row, row)))
		i++;
	struct ledger_day_sums *s = &sums[i];
	if (i == n)
		*s = (struct ledger_day_sums){.day = day, .row = row};
	s->requests++;
	s->errors += row->error;
	s->input += known(row->input);
	s->cache_read += known(row->cache_read);
	s->cache_5m += known(row->cache_5m);
	s->cache_1h += known(row->cache_1h);
	s->output += known(row->output);
	s->searches += known(row->searches);
	s->cost += known(row->cost);
	s->unknown += row->cost < 0;
	return i == n ? n + 1 : n;
}
