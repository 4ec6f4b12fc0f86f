/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Limits as text ("100/min connections burst 20"), what of them the kernel can represent, and the
 * numbers it gets. See struct config_limit in model.h and struct weir_limit in abi/config.h.
 */
#pragma once

#include "user/config/model.h"
#include "user/config/problem.h"

/* A bucket fills again within this time: the kernel forgets clients by a clock that holds for 1.1 years. */
#define LIMIT_REFILL_MAX_NS (365 * 86400 * 1000000000ULL)
/* Packets and connections: one in each nanosecond is 16 ticks, which rounds by at most 6 % */
#define LIMIT_RATE_MAX 1000000000ULL
/* Bytes a second. Below, the cost of a 64 KiB packet would leave the 64 bits it is computed in */
#define LIMIT_BYTES_MIN 256ULL
#define LIMIT_BYTES_MAX 1000000000000ULL
/* A bytes bucket smaller than one full Ethernet frame would never let one pass */
#define LIMIT_FRAME_BYTES 1514ULL

/*
 * Limits of a cluster: rate and burst are shared out in doubles, which hold each whole number below 2^53. And the even
 * share of each of so many nodes is one that the kernel can do: at this rate of bytes; of anything else 1/day
 * always is. With more nodes a share is rounded up to what it can do.
 */
#define LIMIT_CLUSTER_BURST_MAX ((1ULL << 53) - 1)
#define LIMIT_CLUSTER_NODES 100ULL
#define LIMIT_CLUSTER_BYTES_MIN (LIMIT_CLUSTER_NODES * LIMIT_BYTES_MIN)
_Static_assert(LIMIT_RATE_MAX < 1ULL << 53 && LIMIT_BYTES_MAX < 1ULL << 53, "rates as doubles");

/*
 * RATE UNIT [burst N] [cluster]: 0 and *out, not yet checked, on_outage the first there is; or -EINVAL and *problem.
 */
int limit_parse(const char *text, struct config_limit *out, struct problem *problem);

/* Its parts, for the form with a field for each. */
int limit_parse_rate(const char *text, struct config_limit *out, bool *bytes,
		     struct problem *problem);
int limit_parse_unit(const char *text, enum weir_unit *out, struct problem *problem);
int limit_parse_burst(const char *text, enum weir_unit unit, uint64_t *out,
		      struct problem *problem);

/* Can the kernel do it (of a cluster limit: its shares), and does it let anything pass at all? 0, or -EINVAL and *problem. */
int limit_check_rate(const struct config_limit *limit, struct problem *problem);
int limit_check_burst(const struct config_limit *limit, struct problem *problem);

/* "s", "min", "hour" or "day" */
const char *limit_period_word(uint64_t period_ns);

/* As limit_parse() reads it, without on_outage; the buffer needs WEIR_LIMIT_TEXT bytes. Returns it. */
#define WEIR_LIMIT_TEXT 96
const char *limit_format(const struct config_limit *limit, char *buffer, size_t size);
