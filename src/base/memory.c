/* SPDX-License-Identifier: MIT */
#include "base/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	KEPT_MAX = 16 * 1024 * 1024,
	MAPPED_MIN = 4 * 1024 * 1024, /* larger blocks are mapped, and unmapped when freed */
};

/* Whether the dynamic linker wrote into segments that are otherwise read-only, as some 32-bit
 * libraries require. */
static bool
has_relocated_text(const struct dl_phdr_info *object)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		if (segment->p_type != PT_DYNAMIC)
			continue;
		const ElfW(Dyn) *d = (const ElfW(Dyn) *)(object->dlpi_addr + segment->p_vaddr);
		for (; d->d_tag != DT_NULL; d++)
			if (d->d_tag == DT_TEXTREL ||
			    (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL) != 0))
				return true;
	}
	return false;
}

/* Only segments that are never written: the others hold relocations, which would be lost. */
static int
unmap_pages(struct dl_phdr_info *object, size_t size, void *context)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	(void)size;
	(void)context;
	if (has_relocated_text(object))
		return 0;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + segment->p_vaddr;
		uintptr_t to = from + segment->p_filesz;
		if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0)
			continue;
		from &= ~(page - 1);
		madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

bool
memory_has(size_t bytes)
{
	/* Volatile, or compilers drop an allocation that is only freed. */
	void *volatile tried = malloc(bytes);
	bool has = tried != NULL;
	free(tried);
	return has;
}

void
memory_keep(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, MAPPED_MIN);
	mallopt(M_TRIM_THRESHOLD, KEPT_MAX);
	mallopt(M_MXFAST, 0);
}

void
memory_trim(void)
{
	malloc_trim(0);
}

void
memory_give_back(void)
{
	malloc_trim(0);
	dl_iterate_phdr(unmap_pages, NULL);
}
