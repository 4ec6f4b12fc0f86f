/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two programs of telemetry on maps of their own, without a daemon: a side of the configuration that the test writes,
 * packets in by BPF_PROG_TEST_RUN, and what they left in flows, histograms and counters.
 *
 * Time is the kernel's. A test that wants something to have lasted 25 ms moves its beginning back by so much.
 */
#pragma once

#include "bpf/abi/config.h"
#include "bpf/abi/flow.h"
#include "tests/lib/frame.h"

struct weir_flow_bpf;

struct flow_lab {
	struct weir_flow_bpf *skeleton;
	struct weir_side *side; /* the active one, empty; tests fill it in */
	struct weir_flow_set *flows;
	u32 sets;
	u32 cpus;
};

/*
 * With bounds of slots at 1 us, 1, 10, 100 ms, 1 s. Fails the test with a message when it can not do
 * what it says, like everything here.
 */
struct flow_lab *flow_lab_open(u32 sets);
void flow_lab_close(struct flow_lab *lab);

/* A service on TCP and UDP ports, and an endpoint of an upstream */
void flow_lab_service(struct flow_lab *lab, u16 port, u8 number, u8 flags);
void flow_lab_endpoint(struct flow_lab *lab, const char *address, u16 port, u8 protocol, u32 number,
		       struct weir_endpoint endpoint);

struct flow_lab_gso {
	u32 size, segments;
	u32 linear; /* bytes at the skb's head, the rest in fragments; 0: all */
};

/* The packet comes in, or goes out. It must be let pass. -errno: the kernel does not take such a packet */
int flow_lab_pass(struct flow_lab *lab, bool out, const struct frame *frame,
		  const struct flow_lab_gso *gso);

struct weir_histogram flow_lab_histogram(struct flow_lab *lab, u32 bank, enum weir_latency latency,
					 u32 owner);
u64 flow_lab_samples(struct flow_lab *lab, enum weir_latency latency, u32 owner);
struct weir_calls flow_lab_calls(struct flow_lab *lab, u32 endpoint);
struct weir_flow_sums flow_lab_sums(struct flow_lab *lab);

/* The flow of these ports; NULL: there is none */
struct weir_flow *flow_lab_flow(const struct flow_lab *lab, u16 rport, u16 lport);
/* How many ways hold a flow in this state; state 0: any */
u32 flow_lab_count(const struct flow_lab *lab, enum weir_flow_state state);

/* What both programs cost the verifier: in, out */
u32 flow_lab_verified(struct flow_lab *lab, bool out);
int flow_lab_fd(struct flow_lab *lab, bool out);
