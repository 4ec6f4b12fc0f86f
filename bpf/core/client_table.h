/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The client table: find, claim and publish in one set (abi/client.h). Pure over the memory of a
 * set; the caller finds the set by weir_set_index().
 *
 * Why it is fast: a client has a first way, given by its hash, and lives there unless that was taken. So the line of
 * slots and the line of the entry are fetched at the same time, not one after the other, and a hit
 * or the forgetting of an idle client costs one round trip to memory. The victim is found in the line
 * of slots alone, for the expiry is there.
 *
 * Races, all between processors and all bounded:
 *  - two that insert one new client at once may make two entries. The first found wins from then on,
 *    the other ages out: at most one burst more, once, for each processor that raced.
 *  - one that found an entry just before another evicted it charges its packet to the newcomer:
 *    one packet for each processor and eviction.
 *  - weir_refresh() may lose to an eviction; then the compare-and-swap fails and nothing is written.
 */
#pragma once

#include "bpf/abi/client.h"
#include "compat.h"

struct weir_key {
	u64 addr[2]; /* cut to the client prefix */
	u8 service;  /* | WEIR_CLIENT_PARENT */
};

/*
 * Keyed with three random words (two odd multipliers), so that nobody outside can choose addresses
 * of one set. Three multiply-xorshift rounds: with two, or without a good fixed multiplier (that of MurmurHash3's
 * finalizer) as the last, addresses that differ in a few bits crowd into some sets under one seed in ten.
 */
weir_inline u64 weir_hash(const struct weir_key *key, const volatile u64 *seed)
{
	u64 h = (key->addr[1] ^ seed[0]) * seed[1] + (key->addr[0] ^ seed[0] ^ key->service);

	h = (h ^ h >> 32) * seed[2];
	h = (h ^ h >> 32) * 0xff51afd7ed558ccdULL;
	return h ^ h >> 32;
}

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

weir_inline bool weir_key_is(const struct weir_client *client, const struct weir_key *key)
{
	return client->addr[1] == key->addr[1] && client->addr[0] == key->addr[0] &&
	       client->service == key->service;
}

union weir_standing_word {
	u64 word;
	struct weir_standing standing;
};

weir_inline struct weir_standing weir_read_standing(const struct weir_client *client)
{
	union weir_standing_word at = {.word = weir_read_once(client->standing_word)};

	return at.standing;
}

weir_inline void weir_write_standing(struct weir_client *client, struct weir_standing standing)
{
	union weir_standing_word at = {.standing = standing};

	weir_write_once(client->standing_word, at.word);
}

/* The way the client lives in, or WEIR_WAYS */
weir_inline u32 weir_find(const struct weir_client_set *set, u64 hash, const struct weir_key *key)
{
	u32 tag = weir_tag(hash), first = hash % WEIR_WAYS;

	if (weir_key_is(&set->way[first], key) && (u32)weir_read_once(set->slot[first]) == tag)
		return first;
	for (u32 i = 0; i < WEIR_WAYS; i++)
		if ((u32)weir_read_once(set->slot[i]) == tag && weir_key_is(&set->way[i], key))
			return i;
	return WEIR_WAYS;
}

/* Coarse ticks for which the state in a slot still matters; not positive: idle, or free */
weir_inline s32 weir_remaining(u64 slot, u32 now_coarse)
{
	return slot == WEIR_SLOT_FREE ? -0x7fffffff : (s32)((u32)(slot >> 32) - now_coarse);
}

/* The way to write a new client to: the first way if it is idle, else the one whose state matters least. */
weir_inline u32 weir_victim(const struct weir_client_set *set, u64 hash, u32 now_coarse,
			    s32 *remaining)
{
	u32 best = hash % WEIR_WAYS;
	u64 slot = weir_read_once(set->slot[best]);
	s32 least = weir_remaining(slot, now_coarse);

	if (slot == WEIR_SLOT_BUSY)
		least = 0x7fffffff;
	if (least > 0) {
		for (u32 i = 0; i < WEIR_WAYS; i++) {
			s32 r;

			slot = weir_read_once(set->slot[i]);
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

/* Takes a way from its client. Nobody finds anything there until weir_publish(). */
weir_inline bool weir_claim(struct weir_client_set *set, u32 way, u64 old)
{
	return old != WEIR_SLOT_BUSY &&
	       weir_compare_and_swap(&set->slot[way], old, WEIR_SLOT_BUSY) == old;
}

weir_inline void weir_publish(struct weir_client_set *set, u32 way, u32 tag, u32 expiry)
{
	/* An exchange, not a store: the entry must be seen first, on every architecture. */
	(void)__sync_lock_test_and_set(&set->slot[way], WEIR_SLOT(tag, expiry));
}

/*
 * Moves the expiry on, after a charge. `old`: the slot as it was when the client was found; if it has
 * changed since, so be it. `tat`: the latest of the client's TATs.
 */
weir_inline void weir_refresh(struct weir_client_set *set, u32 way, u64 old, u64 tat)
{
	u32 expiry = weir_coarse(tat) + 1;

	/* Without a tag the way is free, or being written: that is not ours to touch. */
	if ((u32)old && (s32)(expiry - (u32)(old >> 32)) > 0)
		(void)weir_compare_and_swap(&set->slot[way], old, WEIR_SLOT((u32)old, expiry));
}
