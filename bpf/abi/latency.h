/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Latency histograms, and what became of calls to upstreams: per-CPU values that TC fills. Sum over
 * libbpf_num_possible_cpus() values.
 *
 * A histogram counts samples in slots. Slots are cut at the union of two sets of bounds: those of Prometheus' native
 * histograms, schema 2 (2^(k/4) seconds), and the classic `le` bounds of the configuration. Each slot then lies in
 * exactly one bucket of either kind, so both are exact sums of slots. The bounds are in struct weir_side, for
 * they can be configured; histograms exist twice (banks), and other bounds begin with an empty bank.
 */
#pragma once

#include "types.h"

/* Slots of a histogram. The last one in use is the overflow: above every bound, only in +Inf. */
#define WEIR_SLOTS 128
#define WEIR_BOUNDS (WEIR_SLOTS - 1)

/* Native bounds kept: 2^(k/4) s for these k, 7.6 us to 64 s. What is faster is in the lowest slot. */
#define WEIR_NATIVE_SCHEMA 2
#define WEIR_NATIVE_FIRST (-68)
#define WEIR_NATIVE_LAST 24
#define WEIR_NATIVE_BOUNDS (WEIR_NATIVE_LAST - WEIR_NATIVE_FIRST + 1)
#define WEIR_LE_MAX (WEIR_BOUNDS - WEIR_NATIVE_BOUNDS)

/* Where a bound comes from; both is possible. Native bounds are those that fall on schema 2. */
#define WEIR_BOUND_NATIVE 0x01
#define WEIR_BOUND_LE 0x02

/* X(NAME, name, what it measures). The first two belong to services, the others to upstreams. */
#define WEIR_LATENCIES(X)                                                                     \
	X(ROUND_TRIP, "client_round_trip",                                                    \
	  "from our SYN-ACK leaving to the ACK that completes the handshake")                 \
	X(RESPONSE, "response",                                                               \
	  "from the last byte of a request arriving to the first byte of its answer leaving") \
	X(CONNECT, "upstream_connect", "from our SYN leaving to the SYN-ACK of the upstream") \
	X(UPSTREAM_RESPONSE, "upstream_response",                                             \
	  "from the last byte of our request leaving to the first byte of its answer arriving")

enum weir_latency {
#define X(name, text, help) WEIR_LATENCY_##name,
	WEIR_LATENCIES(X)
#undef X
		WEIR_LATENCY_COUNT,
};

/* Map weir_latency (per-CPU array): one bank after the other */
#define WEIR_HISTOGRAMS (2 * WEIR_SERVICES + 2 * WEIR_UPSTREAMS)
struct weir_histogram {
	u64 sum_ns;
	u64 slot[WEIR_SLOTS];
};

/* owner: number of the service, or of the upstream; bank: 0 or 1 */
static inline u32 weir_histogram_index(u32 bank, u32 latency, u32 owner)
{
	u32 base = latency == WEIR_LATENCY_ROUND_TRIP ? 0
		   : latency == WEIR_LATENCY_RESPONSE ? WEIR_SERVICES
		   : latency == WEIR_LATENCY_CONNECT  ? 2 * WEIR_SERVICES
						      : 2 * WEIR_SERVICES + WEIR_UPSTREAMS;

	return bank * WEIR_HISTOGRAMS + base + owner;
}

/*
 * What became of a call to an upstream: each call once. A call is a connection that could not be made, or
 * a request and its answer. X(NAME, label, failure: 0 or 1, help)
 */
#define WEIR_RESULTS(X)                                                                     \
	X(OK, "ok", 0, "answered in time")                                                  \
	X(SLOW, "slow", 0, "answered, but later than the upstream's `slow`")                \
	X(HTTP_5XX, "http_5xx", 1, "answered with a 5xx status (`http: true`)")             \
	X(REFUSED, "refused", 1, "the connection was refused: a RST for a SYN")             \
	X(RESET, "reset", 1, "the connection was reset while a request was under way")      \
	X(CONNECT_TIMEOUT, "connect_timeout", 1, "no answer to a SYN in `connect_timeout`") \
	X(NO_ANSWER, "no_answer", 1, "no answer to a request in `answer_timeout`")

enum weir_result {
#define X(name, label, failure, help) WEIR_RESULT_##name,
	WEIR_RESULTS(X)
#undef X
		WEIR_RESULT_COUNT,
};
#define WEIR_RESULT_SLOTS 8

/* Map weir_calls (per-CPU array of WEIR_ENDPOINTS), by number of the endpoint */
struct weir_calls {
	u64 result[WEIR_RESULT_SLOTS]; /* enum weir_result */
	u64 connected;		       /* handshakes completed */
	u64 http[6];		       /* answers by class: [1] 1xx .. [5] 5xx; [0]: not HTTP/1 */
	u64 rejected;		       /* by the breaker; not calls */
};
weir_assert_size(struct weir_calls, 128);

/*
 * Map weir_late (array of WEIR_ENDPOINTS, mapped): calls that the daemon's scan gave up on. Only the daemon
 * writes it; a sum with weir_calls. What it gave up on the kernel does not count any more: both take
 * struct weir_flow.since by compare-and-swap.
 */
struct weir_late {
	u64 connect_timeout;
	u64 no_answer;
};

/* Why a sample was not taken. X(NAME, label, help) */
#define WEIR_DISCARDS(X)                                                                   \
	X(RETRANSMITTED, "retransmitted",                                                  \
	  "a SYN or SYN-ACK was sent twice: which one was answered "                       \
	  "is not known")                                                                  \
	X(PIPELINED, "pipelined", "more than 4 requests of one connection were under way") \
	X(EVICTED, "evicted", "the flow was forgotten while something was under way")      \
	X(NO_ROOM, "no_room", "a new flow found no place in the table")

enum weir_discard {
#define X(name, label, help) WEIR_DISCARD_##name,
	WEIR_DISCARDS(X)
#undef X
		WEIR_DISCARD_COUNT,
};

/* Map weir_flow_sums (per-CPU array of one) */
struct weir_flow_sums {
	u64 inserts;
	u64 evictions_idle;   /* of flows that were closed, or long silent */
	u64 evictions_active; /* of others */
	u64 retransmissions;  /* SYNs and SYN-ACKs seen again */
	u64 discarded[4];     /* enum weir_discard */
	u64 outcomes_lost;    /* struct weir_outcome: the ring buffer was full */
	u64 reserved[7];
};
weir_assert_size(struct weir_flow_sums, 128);
