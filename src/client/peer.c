/* SPDX-License-Identifier: MIT */
#include "client/peer.h"

#include "base/network.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* --- Addresses -------------------------------------------------------- */

/* n bytes, copied as an address. False: they are none. */
static bool
copy_address(const char *text, size_t n, char address[static ADDRESS_MAX])
{
	static const struct network all = {.bits = 0};
	if (n >= ADDRESS_MAX)
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	return network_includes(address, &all, 1);
}

/* Whether n bytes are nothing, or ":" and a port. */
static bool
is_port(const char *text, size_t n)
{
	if (n == 0)
		return true;
	return text[0] == ':' && n > 1 && n <= 6 && strspn(text + 1, "0123456789") >= n - 1;
}

/* An entry of X-Forwarded-For: an address, in brackets or not, with a port or without. */
static bool
read_entry(const char *text, size_t n, char address[static ADDRESS_MAX])
{
	const char *end = memchr(text, text[0] == '[' ? ']' : ':', n);
	if (end == NULL)
		return text[0] != '[' && copy_address(text, n, address);
	size_t before = (size_t)(end - text);
	if (text[0] == '[')
		return copy_address(text + 1, before - 1, address) &&
		       strchr(address, ':') != NULL && is_port(end + 1, n - before - 1);
	if (memchr(end + 1, ':', n - before - 1) != NULL)
		return copy_address(text, n, address); /* of v6 */
	return copy_address(text, before, address) && is_port(end, n - before);
}

/* --- The way it came -------------------------------------------------- */

/* Whether the headers tell that the request came by way of somebody else. */
static bool
is_relayed(const struct peer_evidence *seen)
{
	for (size_t i = 0; i < seen->headers->n; i++) {
		const char *name = seen->headers->list[i].name;
		if (strcmp(name, "forwarded") == 0 || strncmp(name, "x-forwarded-", 12) == 0 ||
		    strcmp(name, "x-real-ip") == 0 || strcmp(name, "via") == 0)
			return true;
	}
	return false;
}

static bool
is_trusted(const char *address, const struct config *config)
{
	return network_includes(address, config->trusted_proxies, config->n_trusted_proxies);
}

/* Goes back over a line. False: there is no need for the one before it. */
static bool
read_line(const char *line, const struct config *config, char address[static ADDRESS_MAX])
{
	for (const char *end = line + strlen(line), *at;; end = at - 1) {
		for (at = end; at > line && at[-1] != ',';)
			at--;
		const char *first = at + strspn(at, " \t"), *last = end;
		while (last > first && (last[-1] == ' ' || last[-1] == '\t'))
			last--;
		if (first >= last || !read_entry(first, (size_t)(last - first), address)) {
			address[0] = '\0';
			return false;
		}
		if (!is_trusted(address, config))
			return false;
		if (at == line)
			return true;
	}
}

/* Only nginx hands line by line over, as they came. With the others, which join them, a second one
 * is a name that somebody spelled with underscores, and nobody knows which came from the proxy
 * (SERVERS.md, rule 6). */
static bool
are_lines_ordered(const struct peer_evidence *seen)
{
	size_t lines = 0;
	for (size_t i = 0; i < seen->headers->n; i++)
		lines += strcmp(seen->headers->list[i].name, "x-forwarded-for") == 0;
	return lines <= 1 || strncmp(seen->server, "nginx/", 6) == 0;
}

/* Who asked the first of the trusted proxies. */
static void
read_forwarded(const struct peer_evidence *seen, const struct config *config,
	       char address[static ADDRESS_MAX])
{
	address[0] = '\0';
	if (!is_trusted(seen->address, config) || !are_lines_ordered(seen))
		return;
	for (size_t i = seen->headers->n; i-- > 0;)
		if (strcmp(seen->headers->list[i].name, "x-forwarded-for") == 0 &&
		    !read_line(seen->headers->list[i].value, config, address))
			break;
	if (is_trusted(address, config) || network_is_loopback(address))
		address[0] = '\0';
}

/* --- Web pages -------------------------------------------------------- */

/* The Host of somebody who knows where this is, and no web page's trick with its own name (DNS
 * rebinding). */
static bool
is_host_ours(const char *host, const struct config *config)
{
	char address[ADDRESS_MAX];
	size_t n = strcspn(host, ":");
	if (host[0] == '[')
		return read_entry(host, strlen(host), address);
	if (!is_port(host + n, strlen(host + n)))
		return false;
	if (copy_address(host, n, address) || (n == 9 && strncasecmp(host, "localhost", n) == 0))
		return true;
	for (size_t i = 0; i < config->n_hosts; i++)
		if (strlen(config->hosts[i]) == n && strncasecmp(host, config->hosts[i], n) == 0)
			return true;
	return false;
}

static bool
is_from_a_page(const struct peer_evidence *seen, const struct config *config)
{
	const char *site = headers_find(seen->headers, "sec-fetch-site"),
		   *host = headers_find(seen->headers, "host");
	bool cross = site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
	return cross || headers_find(seen->headers, "origin") != NULL ||
	       (host != NULL && !is_host_ours(host, config));
}

static bool
is_from_a_browser(const struct peer_evidence *seen)
{
	for (size_t i = 0; i < seen->headers->n; i++)
		if (strcmp(seen->headers->list[i].name, "origin") == 0 ||
		    strncmp(seen->headers->list[i].name, "sec-fetch-", 10) == 0)
			return true;
	return false;
}

void
peer_find(struct peer *peer, const struct peer_evidence *seen, const struct config *config)
{
	*peer =
	    (struct peer){.page = is_from_a_page(seen, config), .browser = is_from_a_browser(seen)};
	/* Otherwise any local proxy or web page would be admin. */
	if (peer->page || headers_find(seen->headers, "host") == NULL)
		return;
	if (is_relayed(seen))
		read_forwarded(seen, config, peer->address);
	else if (!copy_address(seen->address, strlen(seen->address), peer->address))
		peer->address[0] = '\0';
	peer->local = network_is_loopback(peer->address);
}
