/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a Redis Cluster keeps a key, and what it says when that is elsewhere. Pure. Source: Redis cluster specification,
 * "Key distribution model" and "MOVED Redirection".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_SLOTS 16384
#define REDIS_HOST 256 /* bytes of a host's name or address, with its terminating zero */

/* CRC-16/XMODEM */
uint16_t redis_crc16(const void *data, size_t length);

/* Of its hash tag, if there is one: what stands between the first '{' and the next '}', unless that is nothing */
uint16_t redis_slot(const char *key);

struct redis_redirect {
	bool ask; /* this once, with ASKING; else it has moved for good */
	uint16_t slot;
	char host[REDIS_HOST]; /* "": the one that said so, at another port */
	uint16_t port;
};

/* "MOVED 3999 10.0.0.7:6381", "ASK 3999 ::1:6381": true and *out. false: it is none, *out untouched */
bool redis_redirect_parse(const char *error, struct redis_redirect *out);
