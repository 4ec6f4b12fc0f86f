// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The packet's way in where XDP can not be had: the same way at TC ingress (tcx, or clsact before 6.6) */
#include "bpf/answer.bpf.h"
#include "bpf/limit.bpf.h"
#include "bpf/tc.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Sends the RST out of the interface the SYN came in by. */
static __noinline int weir_reset_tc(struct __sk_buff *skb, const struct weir_packet *packet)
{
	if (!packet->syn || weir_answer_tcp(skb, packet, 0) || weir_turn_ethernet(skb))
		return WEIR_TC_DROP;
	return (int)bpf_redirect(skb->ifindex, 0);
}

SEC("tc")
int weir_tc(struct __sk_buff *skb)
{
	struct weir_packet packet = {};
	struct weir_judgement j;
	const struct weir_side *side = weir_start(&j, skb->ifindex);
	struct weir_units units = {.packets = 1};
	u32 verdict;

	if (!side || weir_unlikely(skb->mark == WEIR_ANSWER_MARK))
		return WEIR_TC_NEXT;
	weir_mend(skb);
	weir_pull(skb);
	units.bytes = skb->len;
	verdict = weir_parse_tc(skb, &packet);
	units.connections = packet.syn;
	if (packet.length > units.bytes)
		verdict = weir_cut_short(&packet);
	if (skb->gso_size && verdict == WEIR_PASSED)
		weir_unmerge(skb, &packet, &units);
	if (weir_likely(verdict == WEIR_PASSED))
		verdict = weir_judge(&j, side, &packet, &units);
	verdict = weir_conclude(&j, side, &packet, &units, verdict);
	if (weir_likely(!weir_is_refusal(verdict)))
		return WEIR_TC_NEXT;
	return verdict == WEIR_REJECTED ? weir_reset_tc(skb, &packet) : WEIR_TC_DROP;
}
