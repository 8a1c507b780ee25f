/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static void
hash(const char *data, size_t len, char hex[static 65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(data, len, digest, &n, EVP_sha256(), NULL) != 1 || n != 32)
		die("SHA-256 is not available");
	for (unsigned i = 0; i < n; i++) {
		hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	hex[64] = '\0';
}

struct record *
record_new(const struct request *r, const char *provider)
{
	struct record *rec = xalloc(sizeof(*rec));

	rec->refs = 1;
	rec->provider = provider;
	rec->at_ms = clock_real_ms();
	rec->method = xstrdup(r->method);
	rec->target = xstrdup(r->target);
	for (size_t i = 0; i < r->headers_len; i++) {
		buf_adds(&rec->headers, i ? ",[" : "[");
		buf_jsons(&rec->headers, r->headers[i].name);
		buf_adds(&rec->headers, ",");
		buf_jsons(&rec->headers, r->headers[i].value);
		buf_adds(&rec->headers, "]");
	}
	rec->body_bytes = r->body_len;
	buf_add(&rec->body, r->body, r->body_len < RECORD_BODY_MAX ? r->body_len : RECORD_BODY_MAX);
	hash(r->body, r->body_len, rec->sha256);
	return rec;
}

struct record *
record_hold(struct record *r)
{
	r->refs++;
	return r;
}

void
record_drop(struct record *r)
{
	if (r == NULL || --r->refs > 0)
		return;
	free(r->method);
	free(r->target);
	free(r->refused);
	buf_free(&r->headers);
	buf_free(&r->body);
	buf_free(&r->problems);
	free(r);
}

void
ring_add(struct ring *g, struct record *r)
{
	if (g->len == RECORDS_KEPT) {
		record_drop(g->kept[g->first]);
		g->first = (g->first + 1) % RECORDS_KEPT;
		g->len--;
	}
	g->kept[(g->first + g->len++) % RECORDS_KEPT] = record_hold(r);
}

void
ring_clear(struct ring *g)
{
	for (size_t i = 0; i < g->len; i++)
		record_drop(ring_at(g, i));
	g->first = g->len = 0;
	g->arrived = g->ended = 0;
}

struct record *
ring_at(const struct ring *g, size_t i)
{
	return g->kept[(g->first + i) % RECORDS_KEPT];
}

/* A body cut at the cap may end inside a character; that alone is not binary. */
static bool
is_text(const char *data, size_t *len, bool cut)
{
	size_t i = 0;

	while (i < *len) {
		size_t n = utf8_len(data + i, *len - i);

		if (n == 0 && cut && *len - i < 4) {
			*len = i;
			return true;
		}
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static void
body_json(const struct record *r, struct buf *out)
{
	const char *data = r->body.len ? r->body.data : "";
	size_t len = r->body.len;

	if (is_text(data, &len, r->body_bytes > r->body.len)) {
		buf_adds(out, ",\"body\":");
		buf_json(out, data, len);
	} else {
		buf_adds(out, ",\"body\":null,\"body_base64\":\"");
		buf_base64(out, data, r->body.len);
		buf_adds(out, "\"");
	}
}

static const char *
yes(bool b)
{
	return b ? "true" : "false";
}

void
record_json(const struct record *r, bool with_body, struct buf *out)
{
	buf_addf(out, "{\"n\":%llu,\"provider\":\"%s\",\"method\":\"%s\",\"path\":",
		 (unsigned long long)r->n, r->provider, r->method);
	buf_jsons(out, r->target);
	buf_addf(out, ",\"headers\":[%s]", r->headers.len ? r->headers.data : "");
	if (with_body)
		body_json(r, out);
	buf_addf(out,
		 ",\"body_bytes\":%zu,\"body_sha256\":\"%s\",\"at_ms\":%lld,\"connection\":%llu,"
		 "\"tls\":%s",
		 r->body_bytes, r->sha256, (long long)r->at_ms, (unsigned long long)r->connection,
		 yes(r->tls));
	buf_addf(out, ",\"problems\":[%s],\"leak\":%s,\"refused\":",
		 r->problems.len ? r->problems.data : "", yes(r->leak));
	buf_jsons(out, r->refused);
	buf_adds(out, ",\"fault\":");
	buf_jsons(out, r->fault);
	buf_addf(out,
		 ",\"status\":%d,\"bytes\":%llu,\"events\":%llu,\"finished\":%s,\"aborted\":%s,"
		 "\"ended\":%s}",
		 r->status, (unsigned long long)r->bytes, (unsigned long long)r->events,
		 yes(r->finished), yes(r->aborted), yes(r->ended));
}
