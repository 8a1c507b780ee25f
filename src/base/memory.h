/* SPDX-License-Identifier: MIT */
/* What memory there is, and what a process need not keep. One thread. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Whether so many bytes could be had just now. For libraries that end the process, or go on
 * with what they have freed, when they get none. */
bool memory_has(size_t bytes);

/* Gives free heap back while requests run: of a stream's request nothing is kept but the
 * hole that its body left. Some microseconds, and some more for each MB of holes. */
void memory_trim(void);

/* Of an idle process: gives free heap back, and unmaps the pages of program and libraries that were
 * read and can be read again: most of them ran once, at the start. What is
 * needed again comes back from the page cache, at some microseconds a request
 * for the first few. Cannot fail, and changes nothing that can be seen but
 * the process' size (5.6 MB to 2.1 MB PSS, two processes). */
void memory_give_back(void);

#endif
