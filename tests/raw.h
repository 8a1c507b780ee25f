/* SPDX-License-Identifier: MIT */
/* System calls by number, for what stands in for the C library's functions: a machine of 32 bits
 * has calls of its own for a wide time or offset. */
#ifndef TESTS_RAW_H
#define TESTS_RAW_H

#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_mmap2
#define RAW_MMAP SYS_mmap2 /* its offset is in pages */
#else
#define RAW_MMAP SYS_mmap
#endif

#ifdef SYS_clock_gettime64
#define RAW_CLOCK_GETTIME SYS_clock_gettime64
#else
#define RAW_CLOCK_GETTIME SYS_clock_gettime
#endif

#endif
