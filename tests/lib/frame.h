/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A frame from a line of text that reads as what it is:
 *
 *   vlan/qinq/ip4 src=203.0.113.7 opt=8/tcp dport=80 flags=S
 *   ip6/hop/route len=2/frag off=1/udp dport=53 | cut=60
 *
 * Layers stand in the order of the wire, after an Ethernet header that is always there. Each has
 * fields "name=number" or flags "name"; what is not said has the value in brackets:
 *
 *   vlan, qinq  802.1Q 0x8100, 802.1ad 0x88a8
 *   ether       a payload of type= [0x88b5, for experiments]
 *   arp         a request
 *   ip4         src= [192.0.2.1] dst= [198.51.100.80] ttl= [64] opt= bytes of options [0]
 *               off= fragment offset in 8 bytes [0], mf, df;
 *               ver= ihl= len= override what would be right
 *   ip6         src= [2001:db8::1] dst= [2001:db8:ffff::80] ttl= [64]; ver= len= as above
 *   hop, route, dest, frag, ah    extension headers; len= in units beyond the least [0]; frag: off= mf
 *   tcp         sport= [40000] dport= [80] flags= of FSRPAU [S] seq= [0x1234] ack= [0] win= [64240]
 *               doff= [5]
 *   udp         sport= dport= [53]
 *   icmp, icmp6, igmp             type= [8, 128, 0x16]
 *   proto       bytes of protocol n= [253]
 *   data        n= bytes [0]
 *
 * Behind a bar: cut= the frame's size, shorter; pad= the frame's size, longer, filled with
 * fill= [0]; mac=bcast, mac=back (receiver and sender swapped).
 * Lengths and checksums are right unless overridden.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 4096

struct frame {
	uint8_t at[FRAME_MAX];
	size_t size;
	size_t l3; /* where the first IP header begins; 0: none */
	size_t l4; /* where the transport header, or what stands in its place, begins; 0: none */
};

/* 0, or -EINVAL after a message on stderr */
int frame_build(struct frame *frame, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The Internet checksum (RFC 1071), byte by byte, on its own feet; `sum` to begin with, not folded */
uint32_t frame_sum(uint32_t sum, const uint8_t *at, size_t size);
uint16_t frame_checksum(uint32_t sum);
/* That of a transport header and what follows, with its pseudo header; 0: right as it stands */
uint16_t frame_transport_checksum(const struct frame *frame, uint8_t protocol);
