/* SPDX-License-Identifier: MIT */
/* A request's parameters as FastCGI records carry them (the FastCGI specification 1.0,
 * sections 3.4 and 5.2), split by libfcgi. It reads from a descriptor and ends the
 * process for want of memory, so it gets checked records through a pipe, and only when
 * there is enough. A parser is its acceptor's. One thread. */
#ifndef CLIENT_PARAMS_H
#define CLIENT_PARAMS_H

#include "base/buf.h"
#include "client/refusal.h"

#include <fcgiapp.h>
#include <stdbool.h>
#include <stddef.h>

struct params_parser {
	int pipe[2]; /* -1: none yet */
	FCGX_Request request;
};

/* False and errno: libfcgi or the kernel refuses. */
bool params_init(struct params_parser *parser);
void params_fini(struct params_parser *parser);

/* Parses whole BEGIN_REQUEST and PARAMS records. Status 0: parser->request.envp holds
 * "NAME=value" strings and a NULL. params_release() in any case. Never waits. */
struct refusal params_parse(struct params_parser *parser, const struct buf *records);
void params_release(struct params_parser *parser);

/* Whether the PARAMS records among these whole records hold whole pairs, each as long as
 * it says, and without a NUL, behind which text would be lost. libfcgi 2.4.2 believes
 * any length: it adds two of up to 2 GB as int, and allocates and fills the sum. Pure. */
bool params_are_whole(const char *records, size_t n);

#endif
