/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A datagram turned into the ICMP error that answers it, at TC; as answer.bpf.h does it with TCP */
#pragma once

#include "bpf/answer.bpf.h"
#include "bpf/core/unreachable.h"

/* Room for what is quoted; more than that, so that an index can be masked */
#define WEIR_QUOTE_ROOM 2048
struct weir_quote {
	u8 at[WEIR_QUOTE_ROOM];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct weir_quote);
} weir_quote SEC(".maps");

/* What bpf_csum_diff() sums at once, before Linux 6.13 */
#define WEIR_SUM_BYTES 512

/* Folded. Up to three zeros are put behind what is summed. */
static __noinline u32 weir_sum_quote(struct weir_quote *quote, u32 length)
{
	u64 sum = 0;

	for (u64 i = 0; i < 3; i++) {
		u64 at = length + i;

		weir_opaque(at);
		quote->at[at % WEIR_QUOTE_ROOM] = 0;
	}
	for (u32 i = 0; i < 3; i++) {
		u32 from = i * WEIR_SUM_BYTES;
		u64 size = length > from ? length - from : 0;

		if (size > WEIR_SUM_BYTES)
			size = WEIR_SUM_BYTES;
		size += 3;
		weir_opaque(size);
		sum = (u32)bpf_csum_diff(0, 0, (void *)(quote->at + from), size & 0x3fc, (u32)sum);
	}
	return bpf_ntohs(weir_fold_sum((u32)sum));
}

/* Not 0: this packet is not answered, drop it. */
static __noinline int weir_answer_udp(struct __sk_buff *skb, const struct weir_packet *packet)
{
	u32 l3 = packet->l3 & 0x3f, room, sum, zero = 0;
	u8 headers[WEIR_UNREACHABLE_ROOM_IPV6] = {};
	u64 length = weir_quote_length(packet);
	struct weir_quote *quote = bpf_map_lookup_elem(&weir_quote, &zero);

	weir_opaque(length);
	if (!quote || !weir_is_answerable(packet) || length < 28 ||
	    length > WEIR_UNREACHABLE_IPV6 || bpf_skb_load_bytes(skb, l3, quote->at, (u32)length))
		return -WEIR_EINVAL;
	sum = weir_sum_quote(quote, (u32)length);
	if (packet->ipv6) {
		room = WEIR_UNREACHABLE_ROOM_IPV6;
		weir_make_unreachable_ipv6(headers, quote->at, (u32)length, sum,
					   weir_is_partial(skb, l3 + 40 + 6));
	} else {
		room = WEIR_UNREACHABLE_ROOM_IPV4;
		weir_make_unreachable_ipv4(headers, quote->at, (u32)length, sum);
	}
	if (bpf_skb_change_tail(skb, l3 + room + (u32)length, 0) ||
	    bpf_skb_store_bytes(skb, l3, headers, room, 0))
		return -WEIR_EINVAL;
	return (int)bpf_skb_store_bytes(skb, l3 + room, quote->at, (u32)length, 0);
}
