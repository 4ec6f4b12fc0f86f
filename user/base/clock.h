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

/* RFC 3339 in UTC, to the millisecond: "2026-01-02T03:04:05.678Z". Returns out. Not after the year 9999. */
#define CLOCK_TEXT 32
const char *clock_text(uint64_t unix_ns, char out[CLOCK_TEXT]);

/* A moment of CLOCK_MONOTONIC, past or to come, as CLOCK_REALTIME tells it at present */
uint64_t clock_unix_of(uint64_t monotonic_ns);

/* Seconds since an earlier clock_monotonic_ns() */
double clock_seconds_since(uint64_t start_ns);
