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

/* RATE UNIT [burst N]: 0 and *out, not yet checked; or -EINVAL and *problem. */
int limit_parse(const char *text, struct config_limit *out, struct problem *problem);

/* Its parts, for the form with a field for each. */
int limit_parse_rate(const char *text, struct config_limit *out, bool *bytes,
		     struct problem *problem);
int limit_parse_unit(const char *text, enum weir_unit *out, struct problem *problem);
int limit_parse_burst(const char *text, enum weir_unit unit, uint64_t *out,
		      struct problem *problem);

/* Can the kernel do it, and does it let anything pass at all? 0, or -EINVAL and *problem. */
int limit_check_rate(const struct config_limit *limit, struct problem *problem);
int limit_check_burst(const struct config_limit *limit, struct problem *problem);

/* As limit_parse() reads it; the buffer needs WEIR_LIMIT_TEXT bytes. Returns it. */
#define WEIR_LIMIT_TEXT 96
const char *limit_format(const struct config_limit *limit, char *buffer, size_t size);
