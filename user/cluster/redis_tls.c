// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_tls.h"

#ifndef WEIR_REDIS_TLS

bool redis_has_tls(void)
{
	return false;
}

enum redis_state redis_tls_begin(struct redisContext *context, const struct config_redis *config,
				 const char *host, const char *where, uint64_t deadline_ns,
				 struct redis_fault *fault)
{
	(void)context;
	(void)config;
	(void)host;
	(void)deadline_ns;
	return redis_fault_set(fault, REDIS_STATE_NO_TLS, where, "TLS is asked for");
}

const char *redis_tls_reason(void)
{
	return NULL;
}

#else

#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "user/cluster/redis_poll.h"

static void cleanup_context(SSL_CTX **context)
{
	SSL_CTX_free(*context);
}
#define _cleanup_context_ __attribute__((cleanup(cleanup_context)))

bool redis_has_tls(void)
{
	return true;
}

const char *redis_tls_reason(void)
{
	return ERR_reason_error_string(ERR_peek_last_error());
}

static const char *reason(void)
{
	const char *known = redis_tls_reason();

	return known ? known : "the connection was closed";
}

/* Authorities, our certificate and its key; on failure *fault */
static enum redis_state load_files(SSL_CTX *context, const struct config_redis *config,
				   const char *where, struct redis_fault *fault)
{
	const char *file = config->tls_ca;

	if (!file ? SSL_CTX_set_default_verify_paths(context) != 1
		  : SSL_CTX_load_verify_locations(context, file, NULL) != 1)
		return redis_fault_set(fault, REDIS_STATE_TLS, where,
				       "cannot load the authorities from %s: %s",
				       file ? file : "the system", reason());
	file = config->tls_cert;
	if (file && SSL_CTX_use_certificate_chain_file(context, file) != 1)
		return redis_fault_set(fault, REDIS_STATE_TLS, where,
				       "cannot load our certificate from %s: %s", file, reason());
	file = config->tls_key;
	if (file && SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM) != 1)
		return redis_fault_set(fault, REDIS_STATE_TLS, where,
				       "cannot load our key from %s: %s", file, reason());
	return REDIS_STATE_OK;
}

/* Whom we talk to: the certificate must be for it */
static bool expect_host(SSL *ssl, const char *host)
{
	uint8_t address[16];

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* Of the connection, which gets it from hiredis; NULL and *fault */
static SSL *make_ssl(const struct config_redis *config, const char *host, const char *where,
		     struct redis_fault *fault)
{
	_cleanup_context_ SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;

	if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
		redis_fault_set(fault, REDIS_STATE_TLS, where, "cannot set TLS up: %s", reason());
		return NULL;
	}
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (load_files(context, config, where, fault))
		return NULL;
	ssl = SSL_new(context);
	if (!ssl || !expect_host(ssl, host)) {
		redis_fault_set(fault, REDIS_STATE_TLS, where, "cannot set TLS up: %s", reason());
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

static enum redis_state handshake_failed(SSL *ssl, const char *where, struct redis_fault *fault)
{
	long verdict = SSL_get_verify_result(ssl);

	if (verdict != X509_V_OK)
		return redis_fault_set(fault, REDIS_STATE_TLS, where,
				       "its certificate is not accepted: %s",
				       X509_verify_cert_error_string(verdict));
	return redis_fault_set(fault, REDIS_STATE_TLS, where, "the TLS handshake failed: %s",
			       reason());
}

static enum redis_state shake_hands(SSL *ssl, int fd, const char *where, uint64_t deadline_ns,
				    struct redis_fault *fault)
{
	for (;;) {
		int result, events;

		ERR_clear_error();
		result = SSL_do_handshake(ssl);
		if (result == 1)
			return REDIS_STATE_OK;
		result = SSL_get_error(ssl, result);
		if (result != SSL_ERROR_WANT_READ && result != SSL_ERROR_WANT_WRITE)
			return handshake_failed(ssl, where, fault);
		events = redis_poll(fd, result == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
				    deadline_ns);
		if (events < 0)
			return redis_fault_set(fault, REDIS_STATE_TLS, where, "%s",
					       strerror(-events));
		if (!events)
			return redis_fault_set(
				fault, REDIS_STATE_TIMEOUT, where,
				"the TLS handshake was not done in time: perhaps it does not speak TLS");
	}
}

enum redis_state redis_tls_begin(struct redisContext *context, const struct config_redis *config,
				 const char *host, const char *where, uint64_t deadline_ns,
				 struct redis_fault *fault)
{
	SSL *ssl;

	ERR_clear_error();
	ssl = make_ssl(config, host, where, fault);
	if (!ssl)
		return fault->state;
	if (redisInitiateSSL(context, ssl) != REDIS_OK) {
		handshake_failed(ssl, where, fault);
		SSL_free(ssl);
		return fault->state;
	}
	return shake_hands(ssl, context->fd, where, deadline_ns, fault);
}

#endif
