/* SPDX-License-Identifier: MIT */
#include "share/machines.h"

void
machines_heard(struct machines *machines, uint64_t id, int64_t now_ms)
{
	size_t oldest = 0, i;
	for (i = 0; i < machines->n && machines->list[i].id != id; i++)
		if (machines->list[i].heard_ms < machines->list[oldest].heard_ms)
			oldest = i;
	if (i == MACHINES_MAX)
		i = oldest;
	else if (i == machines->n)
		machines->n++;
	machines->list[i].id = id;
	machines->list[i].heard_ms = now_ms;
}

int64_t
machines_beat_ms(unsigned n)
{
	return 5000 + INT64_C(250) * n;
}

int64_t
machines_read_ms(unsigned n)
{
	return n <= 20 ? 60000 : INT64_C(3000) * n;
}

unsigned
machines_count(const struct machines *machines, int64_t now_ms)
{
	int64_t gone_ms = 3 * machines_beat_ms((unsigned)machines->n);
	unsigned n = 0;
	for (size_t i = 0; i < machines->n; i++)
		n += now_ms - machines->list[i].heard_ms < gone_ms;
	return n;
}

void
machines_clear(struct machines *machines)
{
	machines->n = 0;
}
