/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The frame of a flood: a UDP datagram or a TCP SYN, and the sums flood.bpf.c goes on from. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/tools/flood.h"

#define FLOOD_FRAME_MAX 1514

/* Addresses: 16 bytes, wire order, IPv4 in the first 4 */
struct flood_frame {
	bool ipv6, tcp;
	uint8_t to_mac[6], from_mac[6];
	uint8_t to[16], from[16];
	uint16_t dport; /* host order */
	size_t size;	/* of the frame, at least flood_frame_least() */
};

/* Ethernet's least for IPv4, without its checksum; what flood.bpf.c writes for IPv6 */
static inline size_t flood_frame_least(bool ipv6)
{
	return ipv6 ? FLOOD_HEADERS : 60;
}

/* Writes frame->size bytes, and all of *plan but sources, stride and ifindex. TCP is padded, UDP filled. */
void flood_frame(const struct flood_frame *frame, uint8_t out[FLOOD_FRAME_MAX],
		 struct flood_plan *plan);
