/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The slots of a set (abi/client.h): who lives in a way, and until when its state matters. The same for
 * every set-associative table here: clients, flows. Pure over the line of slots; the caller finds the
 * set by weir_set_index() and knows what a way holds.
 *
 * Races, all between processors and all bounded:
 *  - two that insert one key at once may make two entries. The first found wins from then on, the other
 *    ages out.
 *  - one that found an entry just before another evicted it writes its packet to the newcomer: one
 *    packet for each processor and eviction.
 *  - weir_refresh() may lose to an eviction; then the compare-and-swap fails and nothing is written.
 */
#pragma once

#include "bpf/abi/client.h"
#include "compat.h"

/* Top half of the hash: the set. Bottom half: the tag, and its low bits the first way. */
weir_inline u32 weir_set_index(u64 hash, u32 sets)
{
	return (u32)((hash >> 32) * sets >> 32);
}

weir_inline u32 weir_tag(u64 hash)
{
	return (u32)hash ? (u32)hash : 1;
}

weir_inline u32 weir_coarse(u64 ticks)
{
	return (u32)(ticks >> WEIR_COARSE_SHIFT);
}

/* Coarse ticks for which the state in a slot still matters; not positive: idle, or free */
weir_inline s32 weir_remaining(u64 slot, u32 now_coarse)
{
	return slot == WEIR_SLOT_FREE ? -0x7fffffff : (s32)((u32)(slot >> 32) - now_coarse);
}

/* The way to write a new entry to: the first way if it is idle, else the one whose state matters least. */
weir_inline u32 weir_victim(const u64 slots[WEIR_WAYS], u64 hash, u32 now_coarse, s32 *remaining)
{
	u32 best = hash % WEIR_WAYS;
	u64 slot = weir_read_once(slots[best]);
	s32 least = weir_remaining(slot, now_coarse);

	if (slot == WEIR_SLOT_BUSY)
		least = 0x7fffffff;
	if (least > 0) {
		for (u32 i = 0; i < WEIR_WAYS; i++) {
			s32 r;

			slot = weir_read_once(slots[i]);
			r = slot == WEIR_SLOT_BUSY ? 0x7fffffff : weir_remaining(slot, now_coarse);
			if (r < least) {
				least = r;
				best = i;
			}
		}
	}
	*remaining = least;
	return best;
}

/* Takes a way from its owner. Nobody finds anything there until weir_publish(). */
weir_inline bool weir_claim(u64 *slot, u64 old)
{
	return old != WEIR_SLOT_BUSY && weir_compare_and_swap(slot, old, WEIR_SLOT_BUSY) == old;
}

weir_inline void weir_publish(u64 *slot, u32 tag, u32 expiry)
{
	/* An exchange, not a store: the entry must be seen first, on every architecture. */
	(void)__sync_lock_test_and_set(slot, WEIR_SLOT(tag, expiry));
}

/*
 * Moves the expiry on. `old`: the slot as it was when the entry was found; if it has changed since, so
 * be it.
 */
weir_inline void weir_refresh(u64 *slot, u64 old, u32 expiry)
{
	/* Without a tag the way is free, or being written: that is not ours to touch. */
	if ((u32)old && (s32)(expiry - (u32)(old >> 32)) > 0)
		(void)weir_compare_and_swap(slot, old, WEIR_SLOT((u32)old, expiry));
}
