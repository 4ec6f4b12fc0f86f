/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Turns a TCP segment into the RST that answers it, in place (RFC 9293, 3.10.7.1). VLAN tags stay. Only for packets without IP
 * options and extension headers; the caller has cut the frame to weir_reset_length() and checked its bounds.
 *   a SYN:                  sequence 0, acknowledgement SEG.SEQ + 1, RST|ACK
 *   WEIR_RESET_CONNECTION:  sequence SEG.ACK, RST: of a connection, just what its sender waits for next (RFC 5961, 3.2)
 *   WEIR_RESET_PARTIAL:     the checksum is left to whoever sends the frame on: that of the pseudo header alone, folded and not
 *                           complemented, as Linux has it (CHECKSUM_PARTIAL)
 */
#pragma once

#include "packet.h"

#define WEIR_TCP_RST 0x04

enum { WEIR_RESET_CONNECTION = 1, WEIR_RESET_PARTIAL = 2 };

/* To a group: nobody may answer in its name (RFC 9293, 3.9.2.3). 224/3 takes in the broadcast address. */
weir_inline bool weir_to_group(const struct weir_packet *packet)
{
	const u8 *to = (const u8 *)packet->destination;

	return packet->ipv6 ? to[0] == 0xff : to[12] >> 5 == 7;
}

/* Is it of the kind that is answered at all? */
weir_inline bool weir_is_answerable(const struct weir_packet *packet)
{
	return !packet->fragment && packet->l4 == packet->l3 + (packet->ipv6 ? 40 : 20) &&
	       !weir_to_group(packet);
}

/* Bytes of the frame that answers a SYN; 0: this packet is not answered, drop it. */
weir_inline u32 weir_reset_length(const struct weir_packet *packet)
{
	return packet->syn && weir_is_answerable(packet) ? packet->l4 + 20u : 0;
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

/* Folded, not complemented */
weir_inline u16 weir_fold_sum(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)((sum & 0xffff) + (sum >> 16));
}

weir_inline u16 weir_fold(u32 sum)
{
	return (u16)~weir_fold_sum(sum);
}

/* tcp: 20 bytes; pseudo: sum of the addresses */
weir_inline void weir_make_reset_tcp(u8 *tcp, u32 pseudo, u32 how)
{
	bool connection = how & WEIR_RESET_CONNECTION;
	u32 seq = (u32)weir_load16(tcp + 4) << 16 | weir_load16(tcp + 6);
	u32 ack = (u32)weir_load16(tcp + 8) << 16 | weir_load16(tcp + 10);

	weir_swap(tcp, tcp + 2, 2);
	seq = connection ? 0 : seq + 1;
	ack = connection ? ack : 0;
	weir_store16(tcp + 4, ack >> 16);
	weir_store16(tcp + 6, ack & 0xffff);
	weir_store16(tcp + 8, seq >> 16);
	weir_store16(tcp + 10, seq & 0xffff);
	tcp[12] = 5 << 4;
	tcp[13] = connection ? WEIR_TCP_RST : WEIR_TCP_RST | WEIR_TCP_ACK;
	__builtin_memset(tcp + 14, 0, 6);
	pseudo += WEIR_IP_TCP + 20;
	weir_store16(tcp + 16, how & WEIR_RESET_PARTIAL ? weir_fold_sum(pseudo)
							: weir_fold(pseudo + weir_sum(tcp, 20)));
}

/* ip: the IPv4 or IPv6 header, the TCP header right behind it (20 bytes each can be written) */
weir_inline void weir_make_reset_ipv4(u8 *ip, u32 how)
{
	weir_store16(ip + 2, 40);
	weir_store16(ip + 4, 0);
	weir_store16(ip + 6, 0x4000);
	ip[8] = 64;
	weir_swap(ip + 12, ip + 16, 4);
	weir_store16(ip + 10, 0);
	weir_store16(ip + 10, weir_fold(weir_sum(ip, 20)));
	weir_make_reset_tcp(ip + 20, weir_sum(ip + 12, 8), how);
}

weir_inline void weir_make_reset_ipv6(u8 *ip, u32 how)
{
	weir_store16(ip + 4, 20);
	ip[7] = 64;
	weir_swap(ip + 8, ip + 24, 16);
	weir_make_reset_tcp(ip + 40, weir_sum(ip + 8, 32), how);
}
