// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Telemetry at TC, both ways: packet -> flow -> what it tells -> histograms and counters. Lets everything pass, but for calls to an
 * upstream whose breaker is open.
 */
#include "bpf/flow.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int weir_flow_in(struct __sk_buff *skb)
{
	if (weir_unlikely(skb->mark == WEIR_ANSWER_MARK))
		skb->mark = 0;
	weir_mend(skb);
	return weir_follow(skb, false);
}

SEC("tc")
int weir_flow_out(struct __sk_buff *skb)
{
	return weir_follow(skb, true);
}
