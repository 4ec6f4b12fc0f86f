/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table: its key, its hash, finding a flow in a set, and how long its state matters (abi/flow.h;
 * slots.h). Pure over the memory of a set.
 *
 * A flow is known by 96 bits of a keyed hash, not by its key: only the first of its two lines is then touched for a packet. Of
 * a million flows two are taken for one another with a probability of 2^-57; nobody outside knows the key, so
 * nobody can look for such two.
 */
#pragma once

#include "bpf/abi/flow.h"
#include "compat.h"
#include "slots.h"

struct weir_flow_key {
	u64 remote[2]; /* wire order; IPv4 as ::ffff:a.b.c.d */
	u64 local[2];
	u16 rport, lport; /* host order */
	u8 protocol;
};

struct weir_flow_hash {
	u64 place; /* set, tag and first way, as in slots.h */
	u64 check; /* never 0 */
};

/*
 * Two hashes of the same words, keyed with the three random words of the pins (two odd multipliers), neither made of
 * what the other has thrown together: a pair of keys that is the same in one is not in the other. Rounds as in
 * core/client_table.h; the two run side by side in the processor.
 */
weir_inline struct weir_flow_hash weir_flow_hash(const struct weir_flow_key *key,
						 const volatile u64 *seed)
{
	u64 s0 = seed[0], s1 = seed[1], s2 = seed[2];
	u64 ports = (u64)key->protocol << 32 | (u32)key->rport << 16 | key->lport;
	u64 a, b;

	a = (key->remote[1] ^ s0) * s1;
	b = (key->remote[1] ^ s2) * 0x9e3779b97f4a7c15ULL;
	a = (a ^ a >> 32) + (key->local[1] ^ ports << 17);
	b = (b ^ b >> 32) ^ (key->local[1] + s0) * s1;
	a += (key->remote[0] ^ s2) * s2 + (key->local[0] ^ s0) * 0x9e3779b97f4a7c15ULL;
	b += (key->remote[0] + s1) * 0xd6e8feb86659fd93ULL + (key->local[0] ^ s2) * s1;
	a = (a ^ a >> 32) * s2;
	b = (b ^ b >> 32) * s2 + ports * s1;
	a = (a ^ a >> 32) * 0xff51afd7ed558ccdULL;
	b = (b ^ b >> 32) * 0xc4ceb9fe1a85ec53ULL;
	a ^= a >> 32;
	b ^= b >> 32;
	return (struct weir_flow_hash){.place = a, .check = b ? b : 1};
}

/* The way the flow lives in, or WEIR_WAYS */
weir_inline u32 weir_flow_find(const struct weir_flow_set *set, const struct weir_flow_hash *hash)
{
	u32 tag = weir_tag(hash->place), first = hash->place % WEIR_WAYS;

	if (set->way[first].check == hash->check && (u32)weir_read_once(set->slot[first]) == tag)
		return first;
	for (u32 i = 0; i < WEIR_WAYS; i++)
		if ((u32)weir_read_once(set->slot[i]) == tag && set->way[i].check == hash->check)
			return i;
	return WEIR_WAYS;
}

weir_inline u32 weir_flow_coarse(u64 ns)
{
	return weir_coarse(ns << WEIR_TICK_SHIFT);
}

/* How long after its last packet a flow in this state matters, ns. upstream: this host is the initiator */
weir_inline u64 weir_flow_life_ns(u8 state, bool upstream)
{
	if (state == WEIR_FLOW_OPEN)
		return WEIR_FLOW_LIFE_NS;
	if (state == WEIR_FLOW_CLOSED)
		return 0;
	return upstream ? WEIR_FLOW_LIFE_CALL_NS : WEIR_FLOW_LIFE_HALF_NS;
}

/* When a flow that is in this state now may be forgotten: coarse time */
weir_inline u32 weir_flow_expiry(u8 state, bool upstream, u64 now_ns)
{
	return weir_flow_coarse(now_ns + weir_flow_life_ns(state, upstream));
}

/* Is what lives in a way with so much time left, by weir_victim(), worth more than a new flow? */
weir_inline bool weir_flow_stays(s32 remaining)
{
	return remaining > (s32)weir_flow_coarse(WEIR_FLOW_LIFE_NS - WEIR_FLOW_KEEP_NS);
}

/*
 * Moves the expiry: on, as time goes by, and in any direction when the state has changed. `old`: the slot as it was
 * when the flow was found; if it has changed since, so be it.
 */
weir_inline void weir_flow_keep(u64 *slot, u64 old, u8 state, bool upstream, bool changed,
				u64 now_ns)
{
	u32 expiry = weir_flow_expiry(state, upstream, now_ns);

	if (!changed)
		weir_refresh(slot, old, expiry);
	else if ((u32)old)
		(void)weir_compare_and_swap(slot, old, WEIR_SLOT((u32)old, expiry));
}
