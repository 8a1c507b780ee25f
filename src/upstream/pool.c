/* SPDX-License-Identifier: MIT */
#include "upstream/pool.h"

#include "base/caps.h"

#include <stdlib.h>
#include <string.h>

/* An easy handle that is not in use. */
struct spare {
	CURL *easy;
	struct pool_key key; /* of the options that it has */
};

struct pool {
	struct loop *loop;
	CURLM *multi;
	CURLSH *share; /* TLS sessions outlive the easy handle that made them */
	struct timer timer;
	struct spare spare[SPARE_HANDLES_MAX];
	size_t n_spare;
	long running; /* transfers that were added, and whose handles have not been returned */
};

/* One of libcurl's sockets. */
struct socket_watch {
	struct watch watch;
	struct pool *pool;
};

/* Reports finished transfers to their owners. */
static void
reap(struct pool *pool)
{
	int left;
	CURLMsg *message;
	while ((message = curl_multi_info_read(pool->multi, &left)) != NULL) {
		struct transfer *transfer = NULL;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		transfer->ended(transfer, code);
	}
}

static void
act(struct pool *pool, curl_socket_t fd, int what)
{
	int running;
	curl_multi_socket_action(pool->multi, fd, what, &running);
	reap(pool);
}

static void
socket_ready(struct watch *watch, uint32_t events)
{
	struct socket_watch *w = CONTAINER_OF(watch, struct socket_watch, watch);
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
	struct pool *pool = CONTAINER_OF(timer, struct pool, timer);
	act(pool, CURL_SOCKET_TIMEOUT, 0);
}

static int
on_timer(CURLM *multi, long in_ms, void *context)
{
	struct pool *pool = context;
	(void)multi;
	if (in_ms == -1)
		loop_cancel(pool->loop, &pool->timer);
	else
		loop_after(pool->loop, &pool->timer, in_ms);
	/* Never -1: libcurl would end every transfer of the process. One without a timer, for lack
	 * of memory, ends by its exchange's own limits. */
	return 0;
}

/* Ends a transfer whose socket cannot be watched: it would never end by itself. */
static void
give_up(CURL *easy)
{
	struct transfer *transfer = NULL;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
	if (transfer != NULL)
		transfer->ended(transfer, CURLE_OUT_OF_MEMORY);
}

static int
forget_socket(struct pool *pool, curl_socket_t fd, struct socket_watch *w)
{
	if (w != NULL) {
		loop_unwatch(pool->loop, &w->watch);
		curl_multi_assign(pool->multi, fd, NULL);
		free(w);
	}
	return 0;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
	struct pool *pool = context;
	struct socket_watch *w = socket_context;
	if (what == CURL_POLL_REMOVE)
		return forget_socket(pool, fd, w);
	if (w == NULL) {
		w = calloc(1, sizeof *w);
		if (w == NULL) {
			give_up(easy);
			return 0; /* as above */
		}
		w->watch.ready = socket_ready;
		w->pool = pool;
		curl_multi_assign(pool->multi, fd, w);
	}
	uint32_t events =
	    (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (!loop_watch(pool->loop, &w->watch, fd, events))
		give_up(easy);
	return 0;
}

/* libcurl counts those in use among the connections that it keeps, too, and beyond the number
 * closes one that is not: so the number grows with them, or the next request would wait for a
 * connection and its TLS. */
static void
note_running(struct pool *pool, int more)
{
	pool->running += more;
	curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, WARM_CONNECTIONS_MAX + pool->running);
}

struct pool *
pool_new(struct loop *loop)
{
	struct pool *pool = calloc(1, sizeof *pool);
	if (pool == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(pool);
		return NULL;
	}
	pool->loop = loop;
	pool->timer.due = timer_due;
	pool->multi = curl_multi_init();
	pool->share = curl_share_init();
	if (pool->multi == NULL || pool->share == NULL) {
		pool_free(pool);
		return NULL;
	}
	curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
	curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
	note_running(pool, 0);
	return pool;
}

void
pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	while (pool->n_spare > 0)
		curl_easy_cleanup(pool->spare[--pool->n_spare].easy);
	curl_multi_cleanup(pool->multi);
	loop_cancel(pool->loop, &pool->timer);
	curl_share_cleanup(pool->share);
	curl_global_cleanup();
	free(pool);
}

struct loop *
pool_loop(struct pool *pool)
{
	return pool->loop;
}

static bool
has_options(const struct spare *spare, struct pool_key key)
{
	return key.config != 0 && spare->key.config == key.config &&
	       spare->key.provider == key.provider;
}

/* The last one that has these options; n_spare: none has. */
static size_t
find_spare(const struct pool *pool, struct pool_key key)
{
	for (size_t i = pool->n_spare; i > 0; i--)
		if (has_options(&pool->spare[i - 1], key))
			return i - 1;
	return pool->n_spare;
}

/* Takes one out of those that wait; they keep their order. */
static CURL *
take_spare(struct pool *pool, size_t i)
{
	CURL *easy = pool->spare[i].easy;
	pool->n_spare--;
	memmove(&pool->spare[i], &pool->spare[i + 1], (pool->n_spare - i) * sizeof pool->spare[0]);
	return easy;
}

/* None with other options is used again: curl_easy_reset() forgets CURLOPT_BUFFERSIZE and may keep
 * the smaller buffer, into which libcurl then writes more than it holds (PROOFS.md B). */
CURL *
pool_borrow(struct pool *pool, struct pool_key key, bool *ready)
{
	size_t i = find_spare(pool, key);
	*ready = i < pool->n_spare;
	CURL *easy = *ready ? take_spare(pool, i) : curl_easy_init();
	if (easy != NULL && !*ready)
		curl_easy_setopt(easy, CURLOPT_SHARE, pool->share);
	return easy;
}

/* Unsets the options of one transfer, which may point to what its owner frees. */
static void
forget_transfer(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_READDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)-1);
	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
}

void
pool_return(struct pool *pool, CURL *easy, struct pool_key key)
{
	struct transfer *transfer = NULL;
	curl_multi_remove_handle(pool->multi, easy);
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
	if (transfer != NULL)
		note_running(pool, -1);
	if (key.config == 0) {
		curl_easy_cleanup(easy);
		return;
	}
	if (pool->n_spare == SPARE_HANDLES_MAX) /* the oldest may be of an old configuration */
		curl_easy_cleanup(take_spare(pool, 0));
	forget_transfer(easy);
	pool->spare[pool->n_spare++] = (struct spare){easy, key};
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
pool_add(struct pool *pool, CURL *easy, struct transfer *transfer)
{
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	if (curl_multi_add_handle(pool->multi, easy) != CURLM_OK) {
		curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
		return false;
	}
	note_running(pool, 1);
	/* What libcurl would request by a timer of 0 ms: saves an iteration of the loop. */
	act(pool, CURL_SOCKET_TIMEOUT, 0);
	return true;
}
