/* SPDX-License-Identifier: MIT */
/* A buffer: what it takes and what it refuses; and that a secret leaves nothing where it lay. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void look_and_free(void *memory);
#define free look_and_free
#include "base/buf.c"
#undef free

#include "tap.h"

#define SECRET "sk-a-secret"

static unsigned given_back, with_secret;

static void
look_and_free(void *memory)
{
	if (memory != NULL) {
		given_back++;
		with_secret +=
		    memmem(memory, malloc_usable_size(memory), SECRET, strlen(SECRET)) != NULL;
	}
	free(memory);
}

static void
check_bounds(void)
{
	struct buf b;
	buf_init(&b, 100);
	TAP_STR("an empty one has a text", buf_text(&b), "");
	TAP_OK("as much as it may hold", buf_printf(&b, "%0100d", 7) && b.len == 100);
	TAP_OK("one byte more", !buf_puts(&b, "x") && !buf_printf(&b, "%d", 1) && b.len == 100);
	TAP_STR("is not there", buf_text(&b) + 95, "00007");
	buf_cut(&b, 3);
	TAP_OK("what was cut is free again", buf_add(&b, "abc", 4) && b.len == 7);
	buf_drop(&b, 3);
	TAP_STR("the rest moves to the front", buf_text(&b), "abc");
	buf_free(&b);
	TAP_OK("a freed one can be used again", buf_puts(&b, "again") && b.max == 100);
	buf_free(&b);
}

static void
check_secret(void)
{
	struct buf b;
	buf_init_secret(&b, 1000);
	given_back = with_secret = 0;
	bool added = buf_puts(&b, "x-api-key: " SECRET "\r\n");
	for (int i = 0; i < 60; i++)
		added = added && buf_puts(&b, "more: more\r\n");
	TAP_OK("a secret grows", added && given_back >= 3);
	TAP_OK("and stays", strstr(buf_text(&b), SECRET) != NULL);
	buf_free(&b);
	TAP_INT("it leaves nothing where it lay", with_secret, 0);
	TAP_OK("nor when it is used again", buf_puts(&b, SECRET) && b.secret);
	buf_free(&b);
	TAP_INT("and freed", with_secret, 0);
}

int
main(int argc, char **argv)
{
	tap_start("buf", argc, argv);
	check_bounds();
	check_secret();
	return tap_finish();
}
