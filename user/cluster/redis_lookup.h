/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names to addresses, for as long as one cares to wait: getaddrinfo() knows no timeout, and silent name servers take it
 * 10 s and more. So it runs in a thread of its own, which nobody waits for beyond the deadline. What it finds after
 * that is kept for the next call of the same name. One thread calls these functions.
 */
#pragma once

#include <netdb.h>
#include <stdint.h>

struct redis_lookup;

struct redis_lookup *redis_lookup_new(void); /* NULL without memory */

/* Waits for nothing. NULL is allowed. */
void redis_lookup_free(struct redis_lookup *lookup);

/*
 * TCP addresses, in the order of preference. NULL and *list, for freeaddrinfo(), or in few words why there are none. Addresses
 * as text need no name server. deadline_ns: CLOCK_MONOTONIC
 */
const char *redis_lookup_host(struct redis_lookup *lookup, const char *host, uint16_t port,
			      uint64_t deadline_ns, struct addrinfo **list);
