/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The headers that make a UDP datagram an ICMP error about it: port unreachable (RFC 792, type 3 code 3; RFC 4443, 3.1, type 1 code
 * 4), as its receiver would answer it. Behind them comes the datagram, from its IP header on. Only for packets that
 * weir_is_answerable() (core/reset.h).
 *
 * Who made the datagram may have left its checksum to whoever sends the frame on (CHECKSUM_PARTIAL). That one then sums from
 * where the UDP header was to the end of the frame, adds what is in the field, and writes the complement to where UDP has its checksum:
 * for us from the ICMP header on, and into the last two of the four bytes that are unused. As the ICMP checksum is right, what
 * it sums is a constant, and the field is so preset that it becomes 0xffff, which changes no checksum, and which nobody
 * reads.
 *   IPv4  the constant is 0xffff: nothing to preset
 *   IPv6  the checksum takes in a pseudo header, which is not summed then: its sum is preset, where it is known that somebody
 *         will come and write there; see `partial`
 */
#pragma once

#include "reset.h"

/* Bytes of a quoting frame, from its IP header on: what every host takes in one piece (RFC 1812, 4.3.2.3; RFC 4443, 2.4) */
#define WEIR_UNREACHABLE_IPV4 576
#define WEIR_UNREACHABLE_IPV6 1280

/* Headers of our own: IP and ICMP */
#define WEIR_UNREACHABLE_ROOM_IPV4 28
#define WEIR_UNREACHABLE_ROOM_IPV6 48

/* How much of the datagram is quoted, from its IP header on */
weir_inline u32 weir_quote_length(const struct weir_packet *packet)
{
	u32 length = packet->length - packet->l3;
	u32 most = packet->ipv6 ? WEIR_UNREACHABLE_IPV6 - WEIR_UNREACHABLE_ROOM_IPV6
				: WEIR_UNREACHABLE_IPV4 - WEIR_UNREACHABLE_ROOM_IPV4;

	return length < most ? length : most;
}

/* out: 28 bytes; ip: the datagram's IP header; quote: as above; sum: of all that is quoted, as weir_sum() */
weir_inline void weir_make_unreachable_ipv4(u8 *out, const u8 *ip, u32 quote, u32 sum)
{
	__builtin_memset(out, 0, WEIR_UNREACHABLE_ROOM_IPV4);
	out[0] = 0x45;
	out[1] = 0xc0; /* internetwork control (RFC 1812, 4.3.2.5) */
	weir_store16(out + 2, WEIR_UNREACHABLE_ROOM_IPV4 + quote);
	weir_store16(out + 6, 0x4000);
	out[8] = 64;
	out[9] = WEIR_IP_ICMP;
	__builtin_memcpy(out + 12, ip + 16, 4);
	__builtin_memcpy(out + 16, ip + 12, 4);
	weir_store16(out + 10, weir_fold(weir_sum(out, 20)));
	out[20] = 3;
	out[21] = 3;
	weir_store16(out + 22, weir_fold(weir_sum(out + 20, 8) + sum));
}

/* out: 48 bytes; partial: the frame's checksum was left to whoever sends it on */
weir_inline void weir_make_unreachable_ipv6(u8 *out, const u8 *ip, u32 quote, u32 sum, bool partial)
{
	u32 pseudo;

	__builtin_memset(out, 0, WEIR_UNREACHABLE_ROOM_IPV6);
	out[0] = 0x60;
	weir_store16(out + 4, 8 + quote);
	out[6] = WEIR_IP_ICMPV6;
	out[7] = 64;
	__builtin_memcpy(out + 8, ip + 24, 16);
	__builtin_memcpy(out + 24, ip + 8, 16);
	pseudo = weir_sum(out + 8, 32) + 8 + quote + WEIR_IP_ICMPV6;
	out[40] = 1;
	out[41] = 4;
	weir_store16(out + 42, weir_fold(pseudo + weir_sum(out + 40, 8) + sum));
	if (partial)
		weir_store16(out + 46, weir_fold_sum(pseudo));
}
