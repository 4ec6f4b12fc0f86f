// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Telemetry at TC, both ways: packet -> flow -> what it tells -> histograms and counters. Lets everything pass. */
#include "bpf/clock.bpf.h"
#include "bpf/flow_maps.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { WEIR_TC_NEXT = -1 };

SEC("tc")
int weir_flow_in(struct __sk_buff *skb)
{
	return WEIR_TC_NEXT;
}

SEC("tc")
int weir_flow_out(struct __sk_buff *skb)
{
	return WEIR_TC_NEXT;
}
