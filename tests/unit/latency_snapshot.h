/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A snapshot with latency, upstreams and flows in it, made by hand: for the JSON views, and for what renders them. */
#pragma once

#include "user/metrics/snapshot.h"

/*
 * Services other (followed, no samples yet), web (100 samples) and ssh (not followed); the upstream api with
 * an endpoint that fails and one whose name is stale, and db, never called; three flows.
 * Taken at 2023-11-14T22:13:32.500Z and 0 ns.
 */
struct snapshot *latency_snapshot(void);

/* `count` more samples of `ns` */
void latency_add(struct snapshot *snapshot, enum weir_latency latency, int owner, uint64_t ns,
		 uint64_t count);
