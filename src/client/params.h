/* SPDX-License-Identifier: MIT */
/* Parses a request's parameters from FastCGI records (the FastCGI specification 1.0,
 * sections 3.4 and 5.2) with libfcgi. libfcgi reads from a descriptor, and ends the process
 * when it is out of memory; so it gets checked records through a pipe, and only when enough
 * memory is free. Owned by the acceptor. One thread. */
#ifndef CLIENT_PARAMS_H
#define CLIENT_PARAMS_H

#include "base/buf.h"
#include "client/refusal.h"

#include <fcgiapp.h>
#include <stdbool.h>
#include <stddef.h>

struct params_parser {
	int pipe[2]; /* -1: not open */
	FCGX_Request request;
};

/* False and errno: libfcgi or the kernel failed. */
bool params_init(struct params_parser *parser);
void params_fini(struct params_parser *parser);

/* Parses complete BEGIN_REQUEST and PARAMS records. Status 0: parser->request.envp holds
 * "NAME=value" strings and a NULL, until params_release(), which must be called in any case.
 * Never waits. */
struct refusal params_parse(struct params_parser *parser, const struct buf *records);
void params_release(struct params_parser *parser);

/* Whether the PARAMS records among these complete records hold complete pairs: none longer
 * than its records, and none with a NUL, which would cut it. libfcgi 2.4.2 does not check:
 * it adds two lengths of up to 2 GB as int, and allocates and fills the sum. Pure. */
bool params_are_whole(const char *records, size_t n);

#endif
