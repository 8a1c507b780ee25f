/* SPDX-License-Identifier: MIT */
/* Easy handles that are lent again: which of them keep the options that they had. */
#include "tap.h"
#include "upstream/pool.h"

static struct pool *pool;

/* Borrows and returns a handle; whether it came with its options. */
static bool
is_ready(struct pool_key key)
{
	bool ready;
	CURL *easy = pool_borrow(pool, key, &ready);
	if (easy == NULL)
		abort();
	pool_return(pool, easy, key);
	return ready;
}

/* Each handle is returned with its row's options. */
static const struct {
	const char *name;
	struct pool_key key;
	bool ready;
} rows[] = {
    {"a new handle has no options", {1, 0}, false},
    {"the same provider of the same configuration", {1, 0}, true},
    {"another provider of it", {1, 1}, false},
    {"the same provider after a reload", {2, 1}, false},
    {"once more", {2, 1}, true},
    {"the options of nobody", {0, 0}, false},
    {"those of nobody are not kept", {0, 0}, false},
    {"a provider after nobody", {2, 1}, true},
    {"the first one is still there", {1, 0}, true},
};

static void
check_two_handles(void)
{
	bool ready;
	CURL *one = pool_borrow(pool, (struct pool_key){3, 0}, &ready);
	CURL *other = pool_borrow(pool, (struct pool_key){3, 1}, &ready);
	pool_return(pool, one, (struct pool_key){3, 0});
	pool_return(pool, other, (struct pool_key){3, 1});
	CURL *again = pool_borrow(pool, (struct pool_key){3, 0}, &ready);
	TAP_OK("of two, the one that has the options", again == one && ready);
	pool_return(pool, again, (struct pool_key){3, 0});
}

static bool has_ended;

static void
note_end(struct transfer *transfer, CURLcode code)
{
	(void)transfer;
	(void)code;
	has_ended = true;
	loop_stop(pool_loop(pool));
}

/* libcurl keeps the buffer of a transfer that failed before it had a connection, refuses another
 * size then, and would read more into it than it holds. */
static void
check_buffer(void)
{
	bool ready;
	struct transfer transfer = {.ended = note_end};
	const struct pool_key failed = {4, 0}, other = {4, 1};
	CURL *easy = pool_borrow(pool, failed, &ready);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 2048L);
	curl_easy_setopt(easy, CURLOPT_URL, "http://nobody.invalid/");
	if (!pool_add(pool, easy, &transfer))
		abort();
	if (!has_ended) /* a resolver that is fast ends it within pool_add() */
		loop_run(pool_loop(pool));
	pool_return(pool, easy, failed);
	easy = pool_borrow(pool, other, &ready);
	TAP_INT("after a name that was not found, a buffer has the size that is asked for",
		curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 2048L), CURLE_OK);
	pool_return(pool, easy, other);
}

int
main(int argc, char **argv)
{
	tap_start("pool", argc, argv);
	struct loop *loop = loop_new();
	pool = loop == NULL ? NULL : pool_new(loop);
	if (pool == NULL)
		return EXIT_FAILURE;
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		TAP_INT(rows[i].name, is_ready(rows[i].key), rows[i].ready);
	check_two_handles();
	check_buffer();
	pool_free(pool);
	loop_free(loop);
	return tap_finish();
}
