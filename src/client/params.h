/* SPDX-License-Identifier: MIT */
/* A request's parameters as FastCGI records carry them (the FastCGI
 * specification 1.0, sections 3.4 and 5.2). Pure; thread-safe. */
#ifndef CLIENT_PARAMS_H
#define CLIENT_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the PARAMS records among these whole records hold whole pairs, each as
 * long as it says, and without a NUL, at which what follows would be lost. libfcgi 2.4.2 believes any length: it adds two of up to 2 GB
 * as int, and allocates and fills the sum. */
bool params_are_whole(const char *records, size_t n);

#endif
