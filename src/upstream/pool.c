/* SPDX-License-Identifier: MIT */
#include "upstream/pool.h"

#include <stdlib.h>
#include <string.h>

enum {
	SPARE_HANDLES_MAX = 64,
	WARM_CONNECTIONS_MAX = 128, /* idle ones; running transfers are not bound by it */
};

struct pool {
	struct loop *loop;
	CURLM *multi;
	CURLSH *share; /* TLS sessions outlive the easy handle that made them */
	struct timer timer;
	struct {
		CURL *easy;
		uint64_t manner; /* of the options that it has; 0: none */
	} spare[SPARE_HANDLES_MAX];
	size_t n_spare;
};

/* One of libcurl's sockets. */
struct socket_watch {
	struct watch watch;
	struct pool *pool;
};

/* Tells who waits for transfers that are over. */
static void
reap(struct pool *u)
{
	int left;
	CURLMsg *message;
	while ((message = curl_multi_info_read(u->multi, &left)) != NULL) {
		struct transfer *transfer = NULL;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		transfer->ended(transfer, code);
	}
}

static void
act(struct pool *u, curl_socket_t fd, int what)
{
	int running;
	curl_multi_socket_action(u->multi, fd, what, &running);
	reap(u);
}

static void
socket_ready(struct watch *watch, uint32_t events)
{
	struct socket_watch *w = (struct socket_watch *)watch;
	int what = 0;
	if (events & (EPOLLIN | EPOLLHUP))
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	act(w->pool, watch->fd, what);
}

static void
timer_due(struct timer *timer)
{
	struct pool *u = (struct pool *)((char *)timer - offsetof(struct pool, timer));
	act(u, CURL_SOCKET_TIMEOUT, 0);
}

static int
on_timer(CURLM *multi, long in_ms, void *context)
{
	struct pool *u = context;
	(void)multi;
	if (in_ms == -1)
		loop_cancel(u->loop, &u->timer);
	else
		loop_after(u->loop, &u->timer, in_ms);
	/* Never -1: libcurl would end every transfer of the process. One that gets
	 * no timer for want of memory ends by its exchange's own limits. */
	return 0;
}

/* Ends the transfer whose socket cannot be watched: nobody would hear of it again. */
static void
give_up(CURL *easy)
{
	struct transfer *transfer = NULL;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
	if (transfer != NULL)
		transfer->ended(transfer, CURLE_OUT_OF_MEMORY);
}

static int
forget_socket(struct pool *u, curl_socket_t fd, struct socket_watch *w)
{
	if (w != NULL) {
		loop_unwatch(u->loop, &w->watch);
		curl_multi_assign(u->multi, fd, NULL);
		free(w);
	}
	return 0;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
	struct pool *u = context;
	struct socket_watch *w = socket_context;
	if (what == CURL_POLL_REMOVE)
		return forget_socket(u, fd, w);
	if (w == NULL) {
		w = calloc(1, sizeof *w);
		if (w == NULL) {
			give_up(easy);
			return 0; /* as above */
		}
		w->watch.ready = socket_ready;
		w->pool = u;
		curl_multi_assign(u->multi, fd, w);
	}
	uint32_t events =
	    (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (!loop_watch(u->loop, &w->watch, fd, events))
		give_up(easy);
	return 0;
}

struct pool *
pool_new(struct loop *loop)
{
	struct pool *u = calloc(1, sizeof *u);
	if (u == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(u);
		return NULL;
	}
	u->loop = loop;
	u->timer.due = timer_due;
	u->multi = curl_multi_init();
	u->share = curl_share_init();
	if (u->multi == NULL || u->share == NULL) {
		pool_free(u);
		return NULL;
	}
	curl_share_setopt(u->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_multi_setopt(u->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(u->multi, CURLMOPT_SOCKETDATA, u);
	curl_multi_setopt(u->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(u->multi, CURLMOPT_TIMERDATA, u);
	curl_multi_setopt(u->multi, CURLMOPT_MAXCONNECTS, (long)WARM_CONNECTIONS_MAX);
	return u;
}

void
pool_free(struct pool *u)
{
	if (u == NULL)
		return;
	while (u->n_spare > 0)
		curl_easy_cleanup(u->spare[--u->n_spare].easy);
	curl_multi_cleanup(u->multi);
	loop_cancel(u->loop, &u->timer);
	curl_share_cleanup(u->share);
	curl_global_cleanup();
	free(u);
}

struct loop *
pool_loop(struct pool *u)
{
	return u->loop;
}

/* The last one returned in this manner, else the last one of all. */
static size_t
find_spare(const struct pool *u, uint64_t manner)
{
	for (size_t i = u->n_spare; manner != 0 && i > 0; i--)
		if (u->spare[i - 1].manner == manner)
			return i - 1;
	return u->n_spare - 1;
}

CURL *
pool_borrow(struct pool *u, uint64_t manner, bool *ready)
{
	*ready = false;
	CURL *easy;
	if (u->n_spare == 0) {
		easy = curl_easy_init();
	} else {
		size_t i = find_spare(u, manner);
		easy = u->spare[i].easy;
		*ready = manner != 0 && u->spare[i].manner == manner;
		if (!*ready)
			curl_easy_reset(easy);
		u->spare[i] = u->spare[--u->n_spare];
	}
	if (easy != NULL && !*ready)
		curl_easy_setopt(easy, CURLOPT_SHARE, u->share);
	return easy;
}

/* What belongs to one transfer, and may point to what its owner frees. */
static void
forget_transfer(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)-1);
	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
}

void
pool_return(struct pool *u, CURL *easy, uint64_t manner)
{
	curl_multi_remove_handle(u->multi, easy);
	if (u->n_spare == SPARE_HANDLES_MAX) {
		curl_easy_cleanup(easy);
		return;
	}
	if (manner == 0)
		curl_easy_reset(easy);
	else
		forget_transfer(easy);
	u->spare[u->n_spare].easy = easy;
	u->spare[u->n_spare++].manner = manner;
}

bool
pool_set_text(CURL *easy, CURLoption option, const char *text)
{
	return text == NULL || curl_easy_setopt(easy, option, text) == CURLE_OK;
}

void
pool_wipe_headers(struct curl_slist *list)
{
	for (struct curl_slist *l = list; l != NULL; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(list);
}

bool
pool_add(struct pool *u, CURL *easy, struct transfer *transfer)
{
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	if (curl_multi_add_handle(u->multi, easy) != CURLM_OK)
		return false;
	/* What libcurl would ask for by a timer of 0 ms: a turn of the loop less. */
	act(u, CURL_SOCKET_TIMEOUT, 0);
	return true;
}
