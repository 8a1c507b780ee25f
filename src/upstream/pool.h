/* SPDX-License-Identifier: MIT */
/* libcurl's multi handle on our loop: the pool of warm connections to the providers, TLS sessions,
 * resolved names. HTTP/1.1 only (ARCHITECTURE.md says why). One for each process; one thread. */
#ifndef UPSTREAM_POOL_H
#define UPSTREAM_POOL_H

#include "base/loop.h"

#include <curl/curl.h>
#include <stdint.h>

struct pool;

/* NULL: libcurl fails, or out of memory. Calls curl_global_init(). */
struct pool *pool_new(struct loop *loop);

/* Frees it; every handle must have been returned. NULL is fine. */
void pool_free(struct pool *pool);

struct loop *pool_loop(struct pool *pool);

/* Whose options an easy handle has: those of one provider in one loaded configuration (CA, proxy,
 * time-outs). A reload makes another key, so that no handle keeps what the old file said. */
struct pool_key {
	uint64_t config; /* config.serial; 0: no options */
	size_t provider; /* its index in config.providers */
};

/* Lends an easy handle; NULL: out of memory. *ready: it was last returned with the same key, whose
 * config is not 0, and still has its options; else it has none. (Setting them all costs a tenth of
 * a small request.) */
CURL *pool_borrow(struct pool *pool, struct pool_key key, bool *ready);

/* Takes it back, whether it was added or not. Never from inside libcurl's callbacks. If key.config
 * is not 0 it is kept for the same key, with its options but those of one transfer: headers, body,
 * method, callbacks' data. */
void pool_return(struct pool *pool, CURL *easy, struct pool_key key);

/* Sets an option whose text libcurl copies; NULL leaves its default. False: out of memory, and an
 * unwanted default may be in force, such as the environment's proxy: do not use the handle. For any
 * handle of libcurl's. */
bool pool_set_text(CURL *easy, CURLoption option, const char *text);

/* Frees header lines that may hold a credential, which is overwritten. NULL is fine. */
void pool_wipe_headers(struct curl_slist *list);

/* A transfer, as a member of its owner's struct. */
struct transfer {
	/* It has ended. Called while the pool walks over its finished transfers: do not return the
	 * handle from there. */
	void (*ended)(struct transfer *transfer, CURLcode code);
};

/* Begins a transfer, and may call its callbacks before it returns; sets CURLOPT_PRIVATE. False:
 * libcurl refuses. */
bool pool_add(struct pool *pool, CURL *easy, struct transfer *transfer);

#endif
