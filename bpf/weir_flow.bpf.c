// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Telemetry at TC, both ways: packet -> flow -> what it tells -> histograms and counters. Lets everything pass. */
#include "bpf/flow.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int weir_flow_in(struct __sk_buff *skb)
{
	weir_mend(skb);
	weir_follow(skb, false);
	return WEIR_TC_NEXT;
}

SEC("tc")
int weir_flow_out(struct __sk_buff *skb)
{
	weir_follow(skb, true);
	return WEIR_TC_NEXT;
}
