/* SPDX-License-Identifier: MIT */
#include "upstream/load.h"

#include <stddef.h>

/* The account's entry; NULL: it has none. */
static struct load_entry *
find(struct load *load, uint64_t account)
{
	for (size_t i = 0; i < CANDIDATES_MAX; i++)
		if (load->entries[i].account == account && load->entries[i].attempts > 0)
			return &load->entries[i];
	return NULL;
}

void
load_begin(struct load *load, uint64_t account)
{
	struct load_entry *entry = find(load, account);
	for (size_t i = 0; entry == NULL && i < CANDIDATES_MAX; i++)
		if (load->entries[i].attempts == 0)
			entry = &load->entries[i];
	if (entry == NULL)
		return;
	entry->account = account;
	entry->attempts++;
}

void
load_end(struct load *load, uint64_t account)
{
	struct load_entry *entry = find(load, account);
	if (entry != NULL)
		entry->attempts--;
}

unsigned
load_of(const struct load *load, uint64_t account)
{
	for (size_t i = 0; i < CANDIDATES_MAX; i++)
		if (load->entries[i].account == account)
			return load->entries[i].attempts;
	return 0;
}
