/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The part of a snapshot that telemetry fills: histograms, calls to upstreams, flows. Run by gather_snapshot() alone. */
#pragma once

#include "user/daemon/gather.h"

/* Names and interfaces must be there already. previous: as for gather_snapshot() */
void gather_latency(struct gather *gather, const struct snapshot *previous, struct snapshot *out);
