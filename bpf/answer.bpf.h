/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets turned into what answers them, at TC: a TCP segment into a RST (a datagram into an ICMP error: unreachable.bpf.h). What
 * is left to do is to redirect the frame to where it came from. Tags stay, those in the frame and that beside it.
 *
 * All is read and written by helpers: a program that writes to packets itself makes the kernel see to it that
 * each packet can be written to, before the program is even called.
 */
#pragma once

#include "bpf/core/reset.h"
#include "bpf/tc.bpf.h"

#define WEIR_EINVAL 22
#define WEIR_ETHERNET_ADDRESSES 12

/*
 * Is the checksum left to whoever sends the frame on (CHECKSUM_PARTIAL)? Programs at TC are not told. But bpf_skb_change_tail()
 * cuts off no part of a checksum that is still to be written, and there is nothing else that it minds between
 * the transport header and that. So the frame is cut right before its checksum, `field`: what that takes away the
 * caller has read before, and writes anew.
 */
weir_inline bool weir_is_partial(struct __sk_buff *skb, u32 field)
{
	return bpf_skb_change_tail(skb, field, 0) == -WEIR_EINVAL;
}

/*
 * Mark of an answer to this host's own call, on its way in through the interface that it would have come from: the limiter at TC lets it
 * pass, then telemetry takes the mark off. No packet from outside has one. (Generic XDP does not see marks: there an answer is charged to the
 * endpoint, as a real one would be. Native XDP does not see the packet.)
 */
#define WEIR_ANSWER_MARK 0x77656973

/* The last step, for the caller to take. Not 0: not answered, for nobody answers in a group's name. */
static __noinline int weir_turn_ethernet(struct __sk_buff *skb)
{
	u8 addresses[WEIR_ETHERNET_ADDRESSES];

	if (bpf_skb_load_bytes(skb, 0, addresses, sizeof(addresses)) || (addresses[0] & 1))
		return -WEIR_EINVAL;
	weir_swap(addresses, addresses + 6, 6);
	return (int)bpf_skb_store_bytes(skb, 0, addresses, sizeof(addresses), 0);
}

/* how: WEIR_RESET_CONNECTION or 0. Not 0: this packet is not answered, drop it. */
static __noinline int weir_answer_tcp(struct __sk_buff *skb, const struct weir_packet *packet,
				      u32 how)
{
	u32 l3 = packet->l3 & 0x3f, size = packet->ipv6 ? 60 : 40;
	u8 headers[60] = {};

	if (!weir_is_answerable(packet) || bpf_skb_load_bytes(skb, l3, headers, size))
		return -WEIR_EINVAL;
	if (weir_is_partial(skb, l3 + size - 4))
		how |= WEIR_RESET_PARTIAL;
	if (bpf_skb_change_tail(skb, l3 + size, 0))
		return -WEIR_EINVAL;
	if (packet->ipv6)
		weir_make_reset_ipv6(headers, how);
	else
		weir_make_reset_ipv4(headers, how);
	return (int)bpf_skb_store_bytes(skb, l3, headers, size, 0);
}
