/* SPDX-License-Identifier: MIT */
/* gzip - the smallest valid gzip: stored blocks only (RFC 1951 §3.2.4, RFC 1952). */
#ifndef SIM_GZIP_H
#define SIM_GZIP_H

#include "buf.h"

void gzip_stored(const char *data, size_t len, struct buf *out);

#endif
