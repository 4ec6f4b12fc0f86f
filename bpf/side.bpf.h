/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The side of the configuration a packet goes by, and what it says of ports and interfaces: for all programs */
#pragma once

#include "bpf/core/packet.h"
#include "bpf/maps.bpf.h"

/* active: the lowest bit of the control word, WEIR_SIDE() */
weir_inline const struct weir_side *weir_side_at(u32 active)
{
	active &= 1;
	return bpf_map_lookup_elem(&weir_config, &active);
}

/* The class of a destination port (host order), or of a protocol that has none */
weir_inline u8 weir_class_of(const struct weir_side *side, u8 protocol, u16 dport)
{
	if (protocol == WEIR_IP_TCP)
		return side->class_tcp[dport];
	if (protocol == WEIR_IP_UDP)
		return side->class_udp[dport];
	return side->class_protocol[protocol];
}

/* Apart: few hosts need it, and the key would lie on the stack of all. Linux 6.1 counts each call's to the next 32 bytes. */
static __noinline int weir_service_there(const struct weir_side *side, u32 active,
					 const u64 destination[2], u8 class)
{
	struct weir_prefix_key key = {.length = 128};
	const struct weir_destination *there;

	__builtin_memcpy(key.addr, destination, sizeof(key.addr));
	there = active ? bpf_map_lookup_elem(&weir_dst_1, &key)
		       : bpf_map_lookup_elem(&weir_dst_0, &key);
	return there ? there->service[class] : side->class_service[class];
}

/* Where no service is bound to destinations, the class is the service. Class 0 is `other` in any case. */
weir_inline u32 weir_service_of(const struct weir_side *side, u32 active, const u64 destination[2],
				u8 class)
{
	if (weir_likely(!(side->flags & WEIR_SIDE_DESTINATIONS)) || class == 0)
		return class;
	return (u32)weir_service_there(side, active, destination, class);
}

/* The number of an interface; WEIR_INTERFACES: not ours any more */
weir_inline u32 weir_interface_of(const struct weir_side *side, u32 ifindex)
{
	for (u32 i = 0; side && i < WEIR_INTERFACES; i++)
		if (side->ifindex[i] == ifindex)
			return i;
	return WEIR_INTERFACES;
}
