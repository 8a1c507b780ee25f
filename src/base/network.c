/* SPDX-License-Identifier: MIT */
#include "base/network.h"

#include "base/count.h"

#include <arpa/inet.h>
#include <string.h>

/* Parses an address as v6, v4 mapped; *first_bit: where its own bits begin. */
static bool
read_address(const char *text, uint8_t address[static 16], unsigned *first_bit)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	*first_bit = 96;
	memcpy(address, mapped, sizeof mapped);
	if (inet_pton(AF_INET, text, address + 12) == 1)
		return true;
	*first_bit = 0;
	return inet_pton(AF_INET6, text, address) == 1;
}

/* Up to three decimal digits and nothing else. */
static bool
read_bits(const char *text, unsigned *bits)
{
	size_t n = strspn(text, "0123456789");
	*bits = 0;
	for (size_t i = 0; i < n && i < 3; i++)
		*bits = *bits * 10 + (unsigned)(text[i] - '0');
	return n >= 1 && n <= 3 && text[n] == '\0';
}

bool
network_read(const char *text, struct network *network)
{
	char address[INET6_ADDRSTRLEN];
	size_t n = strcspn(text, "/");
	unsigned first_bit;
	if (n >= sizeof address)
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	if (!read_address(address, network->address, &first_bit))
		return false;
	network->bits = 128;
	if (text[n] == '\0')
		return true;
	unsigned bits;
	if (!read_bits(text + n + 1, &bits) || bits > 128 - first_bit)
		return false;
	network->bits = first_bit + bits;
	return true;
}

static bool
is_in(const uint8_t address[static 16], const struct network *network)
{
	unsigned bytes = network->bits / 8, bits = network->bits % 8;
	if (memcmp(address, network->address, bytes) != 0)
		return false;
	return bits == 0 || (address[bytes] ^ network->address[bytes]) >> (8 - bits) == 0;
}

bool
network_includes(const char *address, const struct network *networks, size_t n)
{
	uint8_t bytes[16];
	unsigned first_bit;
	if (!read_address(address, bytes, &first_bit))
		return false;
	for (size_t i = 0; i < n; i++)
		if (is_in(bytes, &networks[i]))
			return true;
	return false;
}

bool
network_is_loopback(const char *address)
{
	static const struct network loopback[] = {
	    {.address = {[10] = 0xff, [11] = 0xff, [12] = 127}, .bits = 104},
	    {.address = {[15] = 1}, .bits = 128},
	};
	return network_includes(address, loopback, COUNT(loopback));
}
