/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Active probes: TCP connects and HTTP GETs by a thread of its own, because looking up a name may take long and nobody else shall wait. A
 * target is asked again when its interval, longer or shorter by its jitter, is over; the first time within one interval, at random.
 * The sockets carry WEIR_PROBE_MARK. Results wait for the control thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "user/config/model.h"

struct probes;

struct probe_target {
	uint32_t number; /* of the endpoint in the kernel: what results speak of */
	const struct config_endpoint *endpoint;
	const struct config_probe *probe; /* type not PROBE_OFF */
};

struct probe_result {
	uint32_t number;
	bool ok;
	uint64_t began_ns, ended_ns; /* CLOCK_MONOTONIC */
	char why[96];		     /* what failed, for the log; "" */
};

/* NULL without memory. No thread runs before there is a target. */
struct probes *probes_new(void);
/* Ends the thread; what is under way is given up. NULL is allowed. */
void probes_free(struct probes *probes);

/*
 * These in place of those before. What stays as it was is asked when it would have been; what is under way begins anew. Targets are
 * copied. 0, or -errno: then those before stay.
 */
int probes_configure(struct probes *probes, const struct probe_target *target, size_t count);

/* Readable when there are results; for the control thread's poll */
int probes_fd(const struct probes *probes);

/* The next result. False: there is none */
bool probes_take(struct probes *probes, struct probe_result *out);
