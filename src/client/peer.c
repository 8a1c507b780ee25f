/* SPDX-License-Identifier: MIT */
#include "client/peer.h"

#include "base/network.h"
#include "base/str.h"
#include "client/own_page.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* --- Addresses -------------------------------------------------------- */

/* Copies n bytes as an address. False: they are not one. */
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

/* Whether n bytes are empty, or ":" and a port. */
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
		return copy_address(text, n, address); /* IPv6 */
	return copy_address(text, before, address) && is_port(end, n - before);
}

/* --- Proxies ---------------------------------------------------------- */

/* Whether the headers show that a proxy is in between. */
static bool
is_relayed(const struct peer_evidence *evidence)
{
	for (size_t i = 0; i < evidence->headers->n; i++) {
		const char *name = evidence->headers->list[i].name;
		if (strcmp(name, "forwarded") == 0 || str_starts_with(name, "x-forwarded-") ||
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

/* Reads the entries of a line from the right. False: done, the lines before it do not count. */
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

/* Only nginx passes each header line on, in their order. The others join them; with these, a second
 * one is a name that was spelled with underscores, and it is unknown which one the proxy sent
 * (SERVERS.md, rule 6). */
static bool
are_lines_ordered(const struct peer_evidence *evidence)
{
	size_t lines = 0;
	for (size_t i = 0; i < evidence->headers->n; i++)
		lines += strcmp(evidence->headers->list[i].name, "x-forwarded-for") == 0;
	return lines <= 1 || str_starts_with(evidence->server, "nginx/");
}

/* The client of the first trusted proxy; "": not known for sure. */
static void
read_forwarded(const struct peer_evidence *evidence, const struct config *config,
	       char address[static ADDRESS_MAX])
{
	address[0] = '\0';
	if (!is_trusted(evidence->address, config) || !are_lines_ordered(evidence))
		return;
	for (size_t i = evidence->headers->n; i-- > 0;)
		if (strcmp(evidence->headers->list[i].name, "x-forwarded-for") == 0 &&
		    !read_line(evidence->headers->list[i].value, config, address))
			break;
	if (is_trusted(address, config) || network_is_loopback(address))
		address[0] = '\0';
}

/* --- Web pages -------------------------------------------------------- */

/* Whether Host is an address or a name of ours, and not a web page's own name that resolves to us
 * (DNS rebinding). */
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
is_from_web_page(const struct peer_evidence *evidence, const struct config *config)
{
	const char *site = headers_find(evidence->headers, "sec-fetch-site"),
		   *host = headers_find(evidence->headers, "host");
	bool cross = site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
	return cross || headers_find(evidence->headers, "origin") != NULL ||
	       (host != NULL && !is_host_ours(host, config));
}

static bool
is_from_browser(const struct peer_evidence *evidence)
{
	for (size_t i = 0; i < evidence->headers->n; i++)
		if (strcmp(evidence->headers->list[i].name, "origin") == 0 ||
		    str_starts_with(evidence->headers->list[i].name, "sec-fetch-"))
			return true;
	return false;
}

void
peer_find(struct peer *peer, const struct peer_evidence *evidence, const struct config *config)
{
	*peer = (struct peer){.from_web_page = is_from_web_page(evidence, config),
			      .from_browser = is_from_browser(evidence)};
	const char *host = headers_find(evidence->headers, "host");
	bool own = own_page_sent(evidence->method, evidence->headers);
	char *address = own ? peer->page_address : peer->address;
	/* Else every local proxy and every web page would be an admin. */
	if ((peer->from_web_page && !own) || host == NULL || !is_host_ours(host, config))
		return;
	if (is_relayed(evidence))
		read_forwarded(evidence, config, address);
	else if (!copy_address(evidence->address, strlen(evidence->address), address))
		address[0] = '\0';
	peer->local = network_is_loopback(peer->address);
}
