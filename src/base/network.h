/* SPDX-License-Identifier: MIT */
/* Addresses and the networks that contain them, v4 and v6 alike.
 *
 * Owns nothing: a network is a plain value in its caller's memory. All functions
 * are pure and may run in any thread. */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A network of addresses, v4 as v4-mapped v6. */
struct network {
	uint8_t address[16];
	unsigned bits; /* 0..128 */
};

/* Parses "10.1.2.3", "127.0.0.0/8", "::1", "fd00::/8". False for anything else; *network is then
 * undefined. */
bool network_read(const char *text, struct network *network);

/* Whether an address (textual v4 or v6) is in one of n networks; false for what is not an address.
 * networks may be NULL when n is 0. */
bool network_includes(const char *address, const struct network *networks, size_t n);

/* Whether an address is a loopback address of v4 or v6. */
bool network_is_loopback(const char *address);

#endif
