/* SPDX-License-Identifier: MIT */
/* Prices the rows of the ledger anew. Blocks; for a program that runs beside the router. One
 * thread. */
#ifndef MONEY_LEDGER_RECOST_H
#define MONEY_LEDGER_RECOST_H

#include "money/ledger.h"
#include "money/price.h"

struct ledger_recosted {
	int64_t rows;    /* that were looked at: those that a provider may have billed */
	int64_t changed; /* of these: have another cost now, or one for the first time; */
	int64_t unknown; /* have no price, as before; */
	int64_t kept;    /* have none any more, and keep the cost that they had; */
	int64_t mixed;   /* are left alone: further models took part, which a row does not name */
	struct ledger_money {
		int64_t before, after; /* nano-dollars, of all that is known */
	} spent, worth;
};

/* Prices the rows since then by these prices, those of the row's time; a row and its day's sums
 * change in one transaction, LEDGER_PRUNE_MAX rows in each. What caps have settled stays. No file
 * is nothing to do. False: error says why, and done what was committed until then; to do it again
 * is harmless. */
bool ledger_recost(const char *path, int64_t since_ms, const struct prices *prices,
		   struct ledger_recosted *done, struct buf *error);

#endif
