/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The clocks, for those who stand at the edge: the control loop, the listeners, the terminal. Logic
 * takes the time as a parameter and never includes this.
 */
#pragma once

#include <stdint.h>

/* CLOCK_MONOTONIC, as the kernel programs read it (bpf_ktime_get_ns) */
uint64_t clock_monotonic_ns(void);

/* CLOCK_REALTIME since 1970 */
uint64_t clock_unix_ns(void);
double clock_unix_seconds(void);

/* Seconds since an earlier clock_monotonic_ns() */
double clock_seconds_since(uint64_t start_ns);
