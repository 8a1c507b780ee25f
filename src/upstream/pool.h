/* SPDX-License-Identifier: MIT */
/* libcurl's multi handle on our loop: the pool of warm connections to the
 * providers, TLS sessions, resolved names. HTTP/1.1 only (ARCHITECTURE.md says
 * why). One a process; one thread. */
#ifndef UPSTREAM_POOL_H
#define UPSTREAM_POOL_H

#include "base/loop.h"

#include <curl/curl.h>
#include <stdint.h>

struct pool;

/* NULL when libcurl or memory fails. curl_global_init() is done here. */
struct pool *pool_new(struct loop *loop);

/* Frees it; every transfer must have been removed. NULL is fine. */
void pool_free(struct pool *pool);

struct loop *pool_loop(struct pool *pool);

/* An easy handle, ours to lend; NULL: memory is short. manner names a set of
 * options, 0 none: if the handle was last returned with the same one, it still
 * has those options, and *ready says so; else it has none. (Setting them all
 * costs a tenth of a small request.) */
CURL *pool_borrow(struct pool *pool, uint64_t manner, bool *ready);

/* Gives it back, whether it was added or not. Never from inside libcurl's
 * callbacks. With a manner other than 0 the options stay, but for those of one
 * transfer: headers, body, method, callbacks' data. */
void pool_return(struct pool *pool, CURL *easy, uint64_t manner);

/* Sets an option whose text libcurl copies; NULL leaves its default. False: memory is
 * short, and a default may be in force that we do not want, such as the environment's
 * proxy: the handle is not to be used. For any handle of libcurl's. */
bool pool_set_text(CURL *easy, CURLoption option, const char *text);

/* Frees header lines that may hold a credential, which is overwritten. NULL is fine. */
void pool_wipe_headers(struct curl_slist *list);

/* A transfer, as a member of its owner's struct. */
struct transfer {
	/* It is over. Called from the loop, but from inside upstream's own walk over
	 * what has ended: the handle must not be returned from there. */
	void (*ended)(struct transfer *transfer, CURLcode code);
};

/* Begins a transfer, and may call its callbacks before it returns; CURLOPT_PRIVATE
 * is set here. False: libcurl refuses. */
bool pool_add(struct pool *pool, CURL *easy, struct transfer *transfer);

#endif
