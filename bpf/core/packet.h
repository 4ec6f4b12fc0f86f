/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes -> what the limiter needs to know of a packet: Ethernet, 0 to 3 VLAN tags (802.1Q, 802.1ad),
 * IPv4 with options, IPv6 with up to 8 extension headers, fragments, TCP, UDP, ICMP, ICMPv6, the rest
 * by protocol number. The same packet gets the same answer with any number of tags, options and
 * extension headers. Pure; reads nothing past `end`.
 */
#pragma once

#include "bpf/abi/verdict.h"
#include "compat.h"

#define WEIR_VLAN_TAGS 3
#define WEIR_EXT_HEADERS 8

enum {
	WEIR_ETH_IPV4 = 0x0800,
	WEIR_ETH_IPV6 = 0x86dd,
	WEIR_ETH_8021Q = 0x8100,
	WEIR_ETH_8021AD = 0x88a8,
};

/* Protocol numbers (IANA) */
enum {
	WEIR_IP_HOP_BY_HOP = 0,
	WEIR_IP_ICMP = 1,
	WEIR_IP_IGMP = 2,
	WEIR_IP_TCP = 6,
	WEIR_IP_UDP = 17,
	WEIR_IP_ROUTING = 43,
	WEIR_IP_FRAGMENT = 44,
	WEIR_IP_AH = 51,
	WEIR_IP_ICMPV6 = 58,
	WEIR_IP_OPTIONS = 60,
};

#define WEIR_TCP_SYN 0x02
#define WEIR_TCP_ACK 0x10

struct weir_packet {
	u64 source[2]; /* wire order; IPv4 as ::ffff:a.b.c.d */
	u64 destination[2];
	u16 sport, dport;  /* host order; 0 where there are none */
	u32 length;	   /* bytes the frame must have by its IP header; the caller checks */
	u16 l3, l4;	   /* offsets from the start of the frame */
	u8 protocol;	   /* of the transport, after all extension headers */
	u8 ipv6;	   /* 0 or 1 */
	u8 later_fragment; /* not the first: has no transport header */
	u8 fragment;	   /* any fragment, the first too */
	u8 syn;		   /* TCP with SYN and without ACK */
	u8 hop_limit;	   /* IPv4: TTL */
};

/* An IPv4 address as the 16 bytes ::ffff:a.b.c.d, in two words of wire order */
weir_inline void weir_map_ipv4(u32 wire, u64 out[2])
{
	out[0] = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	out[1] = (u64)wire << 32 | 0xffff0000u;
#else
	out[1] = 0xffff00000000ull | wire;
#endif
}

weir_inline u16 weir_load16(const u8 *at)
{
	return bpf_ntohs(weir_load(u16, at));
}

weir_inline bool weir_is_extension(u8 next)
{
	return next == WEIR_IP_HOP_BY_HOP || next == WEIR_IP_ROUTING || next == WEIR_IP_FRAGMENT ||
	       next == WEIR_IP_AH || next == WEIR_IP_OPTIONS;
}

weir_inline enum weir_verdict weir_parse_ipv4(const u8 *at, const u8 *end,
					      struct weir_packet *packet)
{
	u32 header, total;
	u16 fragment;

	if (at + 20 > end || at[0] >> 4 != 4)
		return WEIR_BAD_IPV4;
	header = (at[0] & 15) * 4;
	total = weir_load16(at + 2);
	/* A length of 0 is how the stack marks its own packets over 64 KiB. */
	if (header < 20 || (total < header && total != 0))
		return WEIR_BAD_IPV4;
	packet->length = packet->l3 + (total ? total : 65536);
	weir_map_ipv4(weir_load(u32, at + 12), packet->source);
	weir_map_ipv4(weir_load(u32, at + 16), packet->destination);
	packet->protocol = at[9];
	packet->hop_limit = at[8];
	fragment = weir_load16(at + 6);
	packet->fragment = (fragment & 0x3fff) != 0;
	packet->later_fragment = (fragment & 0x1fff) != 0;
	packet->l4 = (u16)(packet->l3 + header);
	return WEIR_PASSED;
}

weir_inline enum weir_verdict weir_parse_ipv6(const u8 *at, const u8 *end,
					      struct weir_packet *packet)
{
	if (at + 40 > end || at[0] >> 4 != 6)
		return WEIR_BAD_IPV6;
	packet->length = packet->l3 + 40u + weir_load16(at + 4);
	packet->ipv6 = 1;
	packet->source[0] = weir_load(u64, at + 8);
	packet->source[1] = weir_load(u64, at + 16);
	/* ::ffff:0:0/96 is where IPv4 clients live. No host sends from there, and none takes it. */
	if (weir_unlikely(!packet->source[0] && weir_load(u32, at + 16) == bpf_htonl(0xffff)))
		return WEIR_BAD_IPV6;
	packet->destination[0] = weir_load(u64, at + 24);
	packet->destination[1] = weir_load(u64, at + 32);
	packet->protocol = at[6];
	packet->hop_limit = at[7];
	packet->l4 = (u16)(packet->l3 + 40);
	return WEIR_PASSED;
}

/*
 * Link and network header. PASSED: go on with weir_parse_extensions() if weir_has_extensions(), then
 * weir_parse_transport(). The parts are apart because the kernel programs give the rare middle one
 * a function of its own; weir_parse() below is the whole.
 */
weir_inline enum weir_verdict weir_parse_network(const u8 *start, const u8 *end,
						 struct weir_packet *packet)
{
	const u8 *at = start + 14;
	u16 type;

	if (at > end)
		return WEIR_BAD_ETHERNET;
	type = weir_load16(start + 12);
#pragma unroll
	for (int tags = 0; tags <= WEIR_VLAN_TAGS; tags++) {
		if (weir_likely(type != WEIR_ETH_8021Q && type != WEIR_ETH_8021AD))
			break;
		if (tags == WEIR_VLAN_TAGS)
			return WEIR_BAD_VLAN_DEPTH;
		if (at + 4 > end)
			return WEIR_BAD_ETHERNET;
		type = weir_load16(at + 2);
		at += 4;
	}
	packet->l3 = (u16)(at - start);
	if (type == WEIR_ETH_IPV4)
		return weir_parse_ipv4(at, end, packet);
	if (type == WEIR_ETH_IPV6)
		return weir_parse_ipv6(at, end, packet);
	return WEIR_CONTROL;
}

weir_inline bool weir_has_extensions(const struct weir_packet *packet)
{
	return packet->ipv6 && weir_is_extension(packet->protocol);
}

/*
 * Bytes from `offset` to the end of the packet by its IP header; negative: beyond it. What follows in the
 * frame is padding: to read headers there would let a sender show us one and the stack another. An IPv6
 * packet over 64 KiB has no length there (RFC 2675): then all of the frame counts.
 */
weir_inline s32 weir_left(const struct weir_packet *packet, u32 offset)
{
	if (weir_unlikely(packet->ipv6 && packet->length == packet->l3 + 40u))
		return 0x10000;
	return (s32)packet->length - (s32)offset;
}

/*
 * Steps over IPv6 extension headers (RFC 8200, 4; AH: RFC 4302). Moves packet->l4 and ->protocol on.
 * Offsets, not pointers, go round the loop: the verifier then sees the same state each time.
 */
weir_inline enum weir_verdict weir_parse_extensions(const u8 *start, const u8 *end,
						    struct weir_packet *packet)
{
	u32 offset = packet->l4;
	u8 next = packet->protocol;

	for (int i = 0; i <= WEIR_EXT_HEADERS; i++) {
		const u8 *at = start + (offset & 0x7fff);
		u32 unit = 8;

		if (!weir_is_extension(next) || packet->later_fragment)
			break;
		if (i == WEIR_EXT_HEADERS)
			return WEIR_BAD_EXT_DEPTH;
		if (at + 8 > end)
			return WEIR_BAD_IPV6;
		if (next == WEIR_IP_FRAGMENT) {
			u16 fragment = weir_load16(at + 2);

			packet->fragment |= (fragment & 0xfff9) != 0;
			packet->later_fragment |= (fragment & 0xfff8) != 0;
			offset += 8;
		} else {
			unit = next == WEIR_IP_AH ? 4 : 8;
			offset += 8 + at[1] * unit;
		}
		next = at[0];
	}
	if (start + (offset & 0x7fff) > end || weir_left(packet, offset) < 0)
		return WEIR_BAD_IPV6;
	packet->protocol = next;
	packet->l4 = (u16)offset;
	return WEIR_PASSED;
}

/*
 * Neighbour discovery (RFC 4861: hop limit 255, so it was not routed; RFC 6980: never fragmented) and
 * MLD (RFC 3810, 5: hop limit 1, from a link-local address or none yet, for anybody can send what
 * arrives with hop limit 1) keep the link alive and pass. Any other ICMPv6 is limited like the rest.
 */
weir_inline enum weir_verdict weir_parse_icmpv6(const u8 *at, const struct weir_packet *packet)
{
	if (packet->fragment || !packet->ipv6)
		return WEIR_PASSED;
	if (at[0] >= 133 && at[0] <= 137 && packet->hop_limit == 255)
		return WEIR_CONTROL;
	if (((at[0] >= 130 && at[0] <= 132) || at[0] == 143) && packet->hop_limit == 1 &&
	    ((weir_load16((const u8 *)packet->source) & 0xffc0) == 0xfe80 ||
	     !(packet->source[0] | packet->source[1])))
		return WEIR_CONTROL;
	return WEIR_PASSED;
}

/* IGMP is to IPv4 what MLD is to IPv6 (RFC 3376, 4: TTL 1). To a group: those are not routed to us. */
weir_inline enum weir_verdict weir_parse_igmp(const struct weir_packet *packet)
{
	if (packet->hop_limit == 1 && !packet->ipv6 &&
	    ((const u8 *)packet->destination)[12] >> 4 == 0xe)
		return WEIR_CONTROL;
	return WEIR_PASSED;
}

/* The transport header, at packet->l4. Later fragments have none. */
weir_inline enum weir_verdict weir_parse_transport(const u8 *start, const u8 *end,
						   struct weir_packet *packet)
{
	const u8 *at = start + (packet->l4 & 0x7fff);
	s32 left = weir_left(packet, packet->l4);

	if (packet->later_fragment)
		return WEIR_PASSED;
	switch (packet->protocol) {
	case WEIR_IP_TCP:
		if (at + 20 > end || left < 20 || at[12] >> 4 < 5)
			return WEIR_BAD_TRANSPORT;
		packet->syn = (at[13] & (WEIR_TCP_SYN | WEIR_TCP_ACK)) == WEIR_TCP_SYN;
		break;
	case WEIR_IP_UDP:
		if (at + 8 > end || left < 8)
			return WEIR_BAD_TRANSPORT;
		break;
	case WEIR_IP_ICMP:
		return at + 8 > end || left < 8 ? WEIR_BAD_TRANSPORT : WEIR_PASSED;
	case WEIR_IP_ICMPV6:
		if (at + 4 > end || left < 4)
			return WEIR_BAD_TRANSPORT;
		return weir_parse_icmpv6(at, packet);
	case WEIR_IP_IGMP:
		return at + 8 > end || left < 8 ? WEIR_BAD_TRANSPORT : weir_parse_igmp(packet);
	default:
		return WEIR_PASSED;
	}
	packet->sport = weir_load16(at);
	packet->dport = weir_load16(at + 2);
	return WEIR_PASSED;
}

/*
 * The whole. start, end: the bytes at hand (the linear part of the frame). *packet is zeroed by the
 * caller, who also compares packet->length with that of the whole frame: see weir_cut_short(). Returns
 * PASSED: go on and limit it; CONTROL: let it pass; BAD_*: why it is malformed.
 */
weir_inline enum weir_verdict weir_parse(const u8 *start, const u8 *end, struct weir_packet *packet)
{
	enum weir_verdict verdict = weir_parse_network(start, end, packet);

	if (verdict == WEIR_PASSED && weir_has_extensions(packet))
		verdict = weir_parse_extensions(start, end, packet);
	return verdict == WEIR_PASSED ? weir_parse_transport(start, end, packet) : verdict;
}

/* The verdict on a frame shorter than its IP header says */
weir_inline enum weir_verdict weir_cut_short(const struct weir_packet *packet)
{
	return packet->ipv6 ? WEIR_BAD_IPV6 : WEIR_BAD_IPV4;
}
