/* SPDX-License-Identifier: MIT */
/* What caps are for: all providers together, one of them, or one client key; each for a day and for
 * a month, which are the machine's (BEHAVIOUR.md 5, "Caps").
 *
 * Borrows everything. Reads the time zone; no other I/O. Thread-safe. */
#ifndef MONEY_CAP_SCOPE_H
#define MONEY_CAP_SCOPE_H

#include "config/config.h"
#include "config/keys.h"
#include "state/state.h"

struct cap_scope {
	const struct provider *provider; /* NULL: not of one provider */
	const char *client;              /* of this client key; NULL: not of one */
	int64_t cap;           /* nano-dollars: of one of share_hosts machines, its part */
	struct budget_key key; /* in the state file */
	int64_t until_ms;      /* when the period ends */
};

/* Whose request it is. */
struct cap_client {
	const char *name; /* of its key; "" or NULL: none */
	struct key_budget budget;
};

#define CAP_SCOPES_BINDING (3 * BUDGET_KINDS) /* that can bind one request */
#define CAP_SCOPES_MAX     ((size_t)STATE_SCOPES * BUDGET_KINDS)

/* The number of the local day or month. */
uint32_t cap_scope_period(enum budget_kind kind, int64_t now_ms);

/* The scopes with a cap that bind what is billed for a request; returns how many. */
size_t cap_scopes_binding(const struct config *config, const struct provider *provider,
			  const struct cap_client *client, int64_t now_ms,
			  struct cap_scope scopes[static CAP_SCOPES_BINDING]);

/* All scopes with a cap; returns how many. keys: NULL is fine. */
size_t cap_scopes_all(const struct config *config, const struct keys *keys, int64_t now_ms,
		      struct cap_scope scopes[static CAP_SCOPES_MAX]);

#define CAP_SCOPE_NAME_SIZE (sizeof("key:") + KEY_NAME_MAX)

/* "all", a provider's name, or "key:" and a client key's: no provider's name has a colon. Returns
 * text. */
const char *cap_scope_name(const struct cap_scope *scope, char text[static CAP_SCOPE_NAME_SIZE]);

#endif
