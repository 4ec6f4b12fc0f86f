/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TLS on a connection to Redis. There where the Makefile found hiredis 1.0 with hiredis_ssl (WEIR_REDIS_TLS); elsewhere
 * redis_tls_begin() says REDIS_STATE_NO_TLS. hiredis itself does not compare the name in a certificate with whom it talks
 * to: done here, for names and for addresses.
 */
#pragma once

#include <stdint.h>

#include "user/config/model.h"
#include "user/cluster/redis_errors.h"

struct redisContext;

/*
 * Shakes hands on a connected socket that does not block. host: what the certificate must be for. REDIS_STATE_OK, or *fault
 * and the connection is to be closed.
 */
enum redis_state redis_tls_begin(struct redisContext *context, const struct config_redis *config,
				 const char *host, const char *where, uint64_t deadline_ns,
				 struct redis_fault *fault);

/*
 * Why reading or writing failed, if TLS knows: in version 1.3 a server that wants a certificate of ours says so after the
 * handshake. NULL: it does not.
 */
const char *redis_tls_reason(void);
