/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Turns a TCP SYN into the RST that answers it, in place (RFC 9293, 3.10.7.1: sequence 0,
 * acknowledgement SEG.SEQ + 1, RST|ACK). VLAN tags stay. Only for packets without IP options and extension headers;
 * the caller has cut the frame to weir_reset_length() and checked its bounds.
 */
#pragma once

#include "packet.h"

#define WEIR_TCP_RST_ACK 0x14

/* To a group: nobody may answer in its name (RFC 9293, 3.9.2.3). 224/3 takes in the broadcast address. */
weir_inline bool weir_to_group(const struct weir_packet *packet)
{
	const u8 *to = (const u8 *)packet->destination;

	return packet->ipv6 ? to[0] == 0xff : to[12] >> 5 == 7;
}

/* Bytes of the answering frame; 0: this packet is not answered, drop it. */
weir_inline u32 weir_reset_length(const struct weir_packet *packet)
{
	u32 ip = packet->ipv6 ? 40 : 20;

	if (!packet->syn || packet->fragment || packet->l4 != packet->l3 + ip ||
	    weir_to_group(packet))
		return 0;
	return packet->l4 + 20u;
}

weir_inline void weir_swap(u8 *a, u8 *b, u32 size)
{
	for (u32 i = 0; i < size; i++) {
		u8 t = a[i];

		a[i] = b[i];
		b[i] = t;
	}
}

weir_inline void weir_store16(u8 *at, u32 value)
{
	at[0] = (u8)(value >> 8);
	at[1] = (u8)value;
}

/* Internet checksum (RFC 1071) of an even number of bytes, not yet folded */
weir_inline u32 weir_sum(const u8 *at, u32 size)
{
	u32 sum = 0;

	for (u32 i = 0; i < size; i += 2)
		sum += weir_load16(at + i);
	return sum;
}

weir_inline u16 weir_fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}

/* ip: the IPv4 or IPv6 header, tcp: the TCP header right behind it (20 bytes each can be written). */
weir_inline void weir_make_reset_tcp(u8 *tcp, u32 pseudo)
{
	u32 seq = (u32)tcp[4] << 24 | (u32)tcp[5] << 16 | (u32)tcp[6] << 8 | tcp[7];

	seq++;
	weir_swap(tcp, tcp + 2, 2);
	__builtin_memset(tcp + 4, 0, 4);
	weir_store16(tcp + 8, seq >> 16);
	weir_store16(tcp + 10, seq & 0xffff);
	tcp[12] = 5 << 4;
	tcp[13] = WEIR_TCP_RST_ACK;
	__builtin_memset(tcp + 14, 0, 6);
	weir_store16(tcp + 16, weir_fold(pseudo + WEIR_IP_TCP + 20 + weir_sum(tcp, 20)));
}

weir_inline void weir_make_reset_ipv4(u8 *ip)
{
	weir_store16(ip + 2, 40);
	weir_store16(ip + 4, 0);
	weir_store16(ip + 6, 0x4000);
	ip[8] = 64;
	weir_swap(ip + 12, ip + 16, 4);
	weir_store16(ip + 10, 0);
	weir_store16(ip + 10, weir_fold(weir_sum(ip, 20)));
	weir_make_reset_tcp(ip + 20, weir_sum(ip + 12, 8));
}

weir_inline void weir_make_reset_ipv6(u8 *ip)
{
	weir_store16(ip + 4, 20);
	ip[7] = 64;
	weir_swap(ip + 8, ip + 24, 16);
	weir_make_reset_tcp(ip + 40, weir_sum(ip + 8, 32));
}
