/* libcurl's multi handle on our loop: the pool of warm connections to the
 * providers, TLS sessions, resolved names. HTTP/1.1 only (ARCHITECTURE.md says
 * why). One a process; one thread. */
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include "loop.h"

#include <curl/curl.h>

struct upstream;

/* NULL when libcurl or memory fails. curl_global_init() is done here. */
struct upstream *upstream_new(struct loop *loop);

/* Frees it; every transfer must have been removed. NULL is fine. */
void upstream_free(struct upstream *upstream);

struct loop *upstream_loop(struct upstream *upstream);

/* An easy handle without options, ours to lend; NULL: memory is short. */
CURL *upstream_borrow(struct upstream *upstream);

/* Gives it back, whether it was added or not. Never from inside libcurl's callbacks. */
void upstream_return(struct upstream *upstream, CURL *easy);

/* Begins a transfer; ended() is called from the loop with CURLOPT_PRIVATE's
 * pointer when it is over. False: libcurl refuses. */
bool upstream_add(struct upstream *upstream, CURL *easy, void (*ended)(void *private, CURLcode code));

#endif
