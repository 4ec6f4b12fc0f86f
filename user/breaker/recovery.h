/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long an endpoint stays out, and how many may be out at once. Envoy's outlier detection: the n-th
 * ejection in a row lasts n times the first, up to a maximum; each healthy interval takes one back.
 * Pure: random numbers come from the caller's state.
 */
#pragma once

#include <stdint.h>

#include "user/config/model.h"

/* Random numbers from any seed: splitmix64 (Steele, Lea, Flood 2014) */
uint64_t recovery_random(uint64_t *state);

/*
 * One ejection more, as far as that makes the recovery longer: more would only have to be taken back, one healthy
 * interval each, before an endpoint recovers any sooner.
 */
uint32_t recovery_most_ejections(const struct config_breaker *config);
uint32_t recovery_eject(const struct config_breaker *config, uint32_t ejections);

/* For that many ejections, at least 1: within the jitter either way of what is due, at least 1 ns */
uint64_t recovery_wait_ns(const struct config_breaker *config, uint32_t ejections,
			  uint64_t *random);

/*
 * Of that many endpoints, how many may be out at once: max_ejection_percent of them, but one in any case, and never all
 * but with eject_last. An only endpoint may be out: there a breaker that protected the last one would do nothing.
 */
unsigned int recovery_most_out(const struct config_breaker *config, unsigned int endpoints);
