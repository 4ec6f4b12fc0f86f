// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The packet's way in, at XDP: bytes -> parse -> service -> client -> limits -> count -> action */
#include "bpf/core/reset.h"
#include "bpf/limit.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Answers a SYN with a RST on the way it came. Anything that can not be answered is dropped. */
static __noinline int weir_reset_xdp(struct xdp_md *ctx, const struct weir_packet *packet)
{
	u32 want = weir_reset_length(packet), l3 = packet->l3 & 0x3f;
	u32 have = (u32)bpf_xdp_get_buff_len(ctx);
	u8 *start, *end, *ip;

	if (!want || have < want || bpf_xdp_adjust_tail(ctx, (int)want - (int)have))
		return XDP_DROP;
	start = (u8 *)(long)ctx->data;
	end = (u8 *)(long)ctx->data_end;
	ip = start + l3;
	if (start + 14 > end || (start[0] & 1)) /* nobody answers in a group's name */
		return XDP_DROP;
	weir_swap(start, start + 6, 6);
	if (packet->ipv6) {
		if (ip + 60 > end)
			return XDP_DROP;
		weir_make_reset_ipv6(ip, 0);
	} else {
		if (ip + 40 > end)
			return XDP_DROP;
		weir_make_reset_ipv4(ip, 0);
	}
	return XDP_TX;
}

/* A function of its own to the verifier: what follows does not multiply with the paths in here. */
__noinline int weir_extensions_xdp(struct xdp_md *ctx, struct weir_packet *packet)
{
	if (!packet)
		return WEIR_BAD_IPV6;
	return weir_parse_extensions((u8 *)(long)ctx->data, (u8 *)(long)ctx->data_end, packet);
}

weir_inline u32 weir_parse_xdp(struct xdp_md *ctx, struct weir_packet *packet)
{
	u8 *start = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end;
	u32 verdict = weir_parse_network(start, end, packet);

	if (weir_unlikely(weir_has_extensions(packet)) && verdict == WEIR_PASSED)
		verdict = weir_extensions_xdp(ctx, packet);
	return verdict == WEIR_PASSED ? weir_parse_transport(start, end, packet) : verdict;
}

SEC("xdp.frags")
int weir_xdp(struct xdp_md *ctx)
{
	struct weir_packet packet = {};
	struct weir_judgement j;
	const struct weir_side *side = weir_start(&j, ctx->ingress_ifindex);
	struct weir_units units = {.packets = 1, .bytes = ctx->data_end - ctx->data};
	u32 verdict;

	if (!side)
		return XDP_PASS;
	verdict = weir_parse_xdp(ctx, &packet);
	units.connections = packet.syn;
	if (weir_unlikely(packet.length > units.bytes)) { /* cut short, or in several buffers */
		units.bytes = bpf_xdp_get_buff_len(ctx);
		if (packet.length > units.bytes)
			verdict = weir_cut_short(&packet);
	}
	if (weir_likely(verdict == WEIR_PASSED))
		verdict = weir_judge(&j, side, &packet, &units);
	verdict = weir_conclude(&j, side, &packet, &units, verdict);
	if (weir_likely(!weir_is_refusal(verdict)))
		return XDP_PASS;
	return verdict == WEIR_REJECTED ? weir_reset_xdp(ctx, &packet) : XDP_DROP;
}
