/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet as TC has it, struct __sk_buff -> struct weir_packet: for the programs at TC */
#pragma once

#include "bpf/core/gcra.h"
#include "bpf/core/packet.h"
#include "bpf/maps.bpf.h"

enum { WEIR_TC_NEXT = -1, WEIR_TC_DROP = 2, WEIR_TC_REDIRECT = 7 };

/* Enough for every header that is parsed in practice: 3 tags, IPv6, some extension headers, TCP */
#define WEIR_PULL 256

/* Headers may lie outside the linear part. Apart, for the packet pointers are new afterwards. */
static __noinline int weir_pull(struct __sk_buff *skb)
{
	u8 *start = (u8 *)(long)skb->data, *end = (u8 *)(long)skb->data_end;
	u32 length = skb->len;

	if (start + (length < WEIR_PULL ? length : WEIR_PULL) <= end)
		return 0;
	return (int)bpf_skb_pull_data(skb, length < WEIR_PULL ? length : WEIR_PULL);
}

#define WEIR_LINK 14 /* bytes of a link header */

/* Puts the link header in front again, where something else is. */
static __noinline int weir_mend_link(struct __sk_buff *skb)
{
	u8 *start = (u8 *)(long)skb->data, *end = (u8 *)(long)skb->data_end;
	u8 link[WEIR_LINK];

	if (bpf_skb_load_bytes_relative(skb, 0, link, sizeof(link), BPF_HDR_START_MAC))
		return 0;
	if (start + WEIR_LINK <= end && weir_load(u64, start) == weir_load(u64, link) &&
	    weir_load(u32, start + 8) == weir_load(u32, link + 8) &&
	    weir_load(u16, start + 12) == weir_load(u16, link + 12))
		return 0;
	/* Sets the length of the link header, too, so that the stack finds what it expects. */
	if (bpf_skb_change_head(skb, WEIR_LINK, 0))
		return 0;
	return (int)bpf_skb_store_bytes(skb, 0, link, sizeof(link), 0);
}

/*
 * At ingress, before packet pointers are made. Generic XDP, ours or anybody's, copies a packet that has little headroom, and
 * since Linux 6.9 the copy has forgotten how long its link header is: to TC it begins with the network header, and
 * nobody would find a service in it. wire_len is the length without the link header here; so only such a
 * packet has the same as len, and one of a test run, which is in order.
 */
weir_inline void weir_mend(struct __sk_buff *skb)
{
	if (weir_unlikely(skb->len == skb->wire_len))
		weir_mend_link(skb);
}

/* A function of its own to the verifier: what follows does not multiply with the paths in here. */
__noinline int weir_extensions_tc(struct __sk_buff *skb, struct weir_packet *packet)
{
	if (!packet)
		return WEIR_BAD_IPV6;
	return weir_parse_extensions((u8 *)(long)skb->data, (u8 *)(long)skb->data_end, packet);
}

weir_inline u32 weir_parse_tc(struct __sk_buff *skb, struct weir_packet *packet)
{
	u8 *start = (u8 *)(long)skb->data, *end = (u8 *)(long)skb->data_end;
	u32 verdict = weir_parse_network(start, end, packet);

	if (weir_unlikely(weir_has_extensions(packet)) && verdict == WEIR_PASSED)
		verdict = weir_extensions_tc(skb, packet);
	return verdict == WEIR_PASSED ? weir_parse_transport(start, end, packet) : verdict;
}

/*
 * What GRO or a virtual NIC merged counts as the segments it stands for, each with headers of its own.
 * A guest's frames may come without their number.
 */
static __noinline int weir_unmerge(struct __sk_buff *skb, const struct weir_packet *packet,
				   struct weir_units *units)
{
	u8 *end = (u8 *)(long)skb->data_end;
	u8 *at = (u8 *)(long)skb->data + (packet->l4 & 0x7fff);
	u32 header = packet->l4 + 8u, size = skb->gso_size, segments = skb->gso_segs;

	if (packet->protocol == WEIR_IP_TCP && at + 20 <= end)
		header = packet->l4 + (at[12] >> 4) * 4u;
	if (!size || header >= units->bytes)
		return 0;
	if (!segments)
		segments = ((u32)units->bytes - header + size - 1) / size;
	units->packets = segments;
	units->bytes += (u64)(segments - 1) * header;
	return 0;
}
