/* SPDX-License-Identifier: MIT */
#include "share/tls.h"

#include <stddef.h>

#ifdef HAVE_HIREDIS_SSL

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

struct tls {
	SSL_CTX *context;
	const char *host;
};

bool
tls_is_there(void)
{
	return true;
}

struct tls *
tls_new(const char *host)
{
	struct tls *tls = calloc(1, sizeof *tls);
	if (tls == NULL)
		return NULL;
	tls->host = host;
	tls->context = SSL_CTX_new(TLS_client_method());
	if (tls->context != NULL && SSL_CTX_set_default_verify_paths(tls->context) == 1 &&
	    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) == 1) {
		SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
		return tls;
	}
	tls_free(tls);
	return NULL;
}

void
tls_free(struct tls *tls)
{
	if (tls != NULL)
		SSL_CTX_free(tls->context);
	free(tls);
}

/* Libhiredis looks at the authority alone. */
static bool
expect_host(SSL *ssl, const char *host)
{
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
		return true;
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

bool
tls_start(const struct tls *tls, redisContext *context)
{
	SSL *ssl = SSL_new(tls->context);
	/* It takes ssl only when it is begun. */
	if (ssl != NULL && expect_host(ssl, tls->host) &&
	    redisInitiateSSL(context, ssl) == REDIS_OK)
		return true;
	SSL_free(ssl);
	return false;
}

const char *
tls_reason(void)
{
	unsigned long error = ERR_peek_last_error();
	ERR_clear_error();
	return error == 0 ? NULL : ERR_reason_error_string(error);
}

#else

bool
tls_is_there(void)
{
	return false;
}

struct tls *
tls_new(const char *host)
{
	(void)host;
	return NULL;
}

void
tls_free(struct tls *tls)
{
	(void)tls;
}

bool
tls_start(const struct tls *tls, struct redisContext *context)
{
	(void)tls, (void)context;
	return false;
}

const char *
tls_reason(void)
{
	return NULL;
}

#endif
