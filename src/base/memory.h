/* SPDX-License-Identifier: MIT */
/* What memory is available, and what a process need not keep. One thread. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Whether so many bytes could be allocated now. For libraries that end the process, or use freed
 * memory, when they get none. */
bool memory_has(size_t bytes);

/* For a process that serves requests: keeps the memory of one for the next ones, up to 16 MB, until
 * memory_trim(). To map a conversation's and unmap it each time would cost a fault for each page;
 * only blocks of 4 MB and more are, since each would leave a hole of its size. Only the loop
 * allocates much: other threads (libcurl's resolver, the ledger's) need no heaps of their own. And
 * glibc's lists of small free blocks, which it tidies up at each larger one, cost more than they
 * save where a conversation is rewritten: all of its blocks are freed at once. */
void memory_keep(void);

/* Returns free heap to the system while requests run: a stream keeps nothing of its request but the
 * hole that the body left. Takes some microseconds, and some more for each MB of holes. */
void memory_trim(void);

/* For an idle process: returns free heap to the system, and unmaps the pages of program and
 * libraries, most of which ran once, at the start. What is needed again comes from the page cache,
 * at some microseconds a request for the first few. Cannot fail, and changes nothing but the size
 * of the process (5.6 MB to 2.1 MB PSS, two processes). */
void memory_give_back(void);

#endif
