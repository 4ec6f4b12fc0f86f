/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Circuit breakers, as TC egress enforces them: map weir_breaker (array, mapped, by number of the endpoint). The daemon
 * runs the state machine and writes what to enforce; the kernel counts streaks, takes permits, and
 * tells of outcomes through the ring buffer weir_outcomes.
 */
#pragma once

#include "latency.h"
#include "types.h"

/* What is done with a new call */
enum weir_gate {
	WEIR_GATE_PASS, /* closed */
	WEIR_GATE_REJECT, /* open: TCP SYNs are answered with a RST, datagrams with port unreachable */
	WEIR_GATE_PERMITS, /* half-open: so many pass, the rest as REJECT */
	WEIR_GATE_FORCED,  /* by an operator: as REJECT, also where WEIR_ENDPOINT_OBSERVE */
};

/*
 * Gate, permits left and an epoch in one word, so that a permit is taken from the state it was given in: the kernel
 * takes one by compare-and-swap, the daemon writes a new word with another epoch.
 *   bits 0..7 gate   8..31 permits left   32..63 epoch
 */
#define WEIR_GATE_WORD(epoch, permits, gate) \
	((u64)(epoch) << 32 | ((u64)(permits)&0xffffff) << 8 | ((gate)&0xff))
#define WEIR_GATE_OF(word) ((u32)((word)&0xff))
#define WEIR_GATE_PERMITS_OF(word) ((u32)((word) >> 8) & 0xffffff)
#define WEIR_GATE_EPOCH_OF(word) ((u32)((word) >> 32))

struct weir_breaker {
	u64 word; /* WEIR_GATE_WORD */
	u64 until_ns; /* REJECT, PERMITS: from then on all passes: the daemon is gone. CLOCK_MONOTONIC */
	u32 streak; /* failures since the last success; the kernel counts, any processor may lose one */
	/*
	 * What the daemon leaves for the next one (struct breaker_saved, user/breaker), so that an open breaker stays open over a
	 * restart, and an override to its end. The kernel does not look at it. Times: CLOCK_MONOTONIC, which goes on
	 */
	u32 ejections;
	u64 retry_ns;  /* open: when it becomes half-open */
	u64 forced_ns; /* forced: when the override ends; 0: never */
	u64 since_ns;  /* when the state began */
	u8 state;      /* enum breaker_state */
	u8 reason;     /* enum breaker_reason: why it began */
	u8 reserved[6];
	u64 reserved2;
};
weir_assert_size(struct weir_breaker, 64);

/*
 * What became of a call, at once: each failure (WEIR_RESULTS) of an endpoint with WEIR_ENDPOINT_BREAKER, and
 * while it is half-open each outcome.
 */
struct weir_outcome {
	u64 time_ns;  /* CLOCK_MONOTONIC */
	u64 began_ns; /* when the call did; 0: not known */
	u32 streak;   /* with this one */
	u16 endpoint;
	u8 result;    /* enum weir_result */
	u8 connected; /* 1: a handshake that succeeded, in place of result */
	u32 epoch;    /* of the gate it was told under */
	u32 reserved;
};
weir_assert_size(struct weir_outcome, 32);

/*
 * SO_MARK of the daemon's own probes: they pass every gate, and no flow is made of them, so they are no calls: the daemon knows
 * what became of them better than the kernel (a status it did not expect, its own timeout)
 */
#define WEIR_PROBE_MARK 0x77656972 /* "weir" */
