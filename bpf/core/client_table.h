/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The client table: its key, its hash, and finding a client in a set (abi/client.h; slots.h). Pure
 * over the memory of a set.
 *
 * Why it is fast: a client has a first way, given by its hash, and lives there unless that was taken. So the line of
 * slots and the line of the entry are fetched at the same time, not one after the other, and a hit
 * or the forgetting of an idle client costs one round trip to memory. The victim is found in the line
 * of slots alone, for the expiry is there.
 *
 * Of the races in slots.h: a client that two processors inserted has at most one burst more, once, for
 * each that raced.
 */
#pragma once

#include "bpf/abi/client.h"
#include "compat.h"
#include "slots.h"

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
