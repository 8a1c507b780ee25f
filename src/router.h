/* What one responder process has: handed down, never global. Made and ended by
 * setup.h; everybody else borrows. One thread. */
#ifndef ROUTER_H
#define ROUTER_H

#include "config.h"
#include "loop.h"
#include "notify.h"
#include "state.h"
#include "tokens.h"
#include "upstream.h"

struct router {
	struct loop *loop;
	struct upstream *upstream;
	struct notifier *notifier;
	struct config *config;
	struct tokens *tokens; /* replaced when the file changes; never NULL */
	struct state *state;
	unsigned clients;  /* connections being served */
	size_t unread;     /* bytes that wait for them */
	unsigned silences; /* self-tests that are silent now */
	int64_t config_loaded_ms;
	char tokens_error[ERROR_TEXT_MAX]; /* why the file could not be taken up; "" : it could */
};

#endif
