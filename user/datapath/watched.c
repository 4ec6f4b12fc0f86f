// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Clients that have shares of their own */
#include <errno.h>

#include "user/base/clock.h"
#include "user/datapath/level.h"
#include "user/datapath/shares_internal.h"

/* -------------------------------------------------------------------------------- clients and shares */

/* A client's place in the table */
struct place {
	struct weir_client *client; /* NULL: it is not there */
	u64 *slot;
};

static struct weir_client_set *set_of(const struct datapath *datapath, u64 hash)
{
	return &datapath->clients[weir_set_index(hash, datapath->sets)];
}

static struct place find(const struct datapath *datapath, u64 hash, const struct watched *watched)
{
	struct weir_client_set *set = set_of(datapath, hash);
	u32 way = weir_find(set, hash, &watched->key);

	/* Of another tier it has other limits. */
	if (way == WEIR_WAYS || weir_read_standing(&set->way[way]).tier != watched->tier)
		return (struct place){};
	return (struct place){&set->way[way], &set->slot[way]};
}

/*
 * Writes the number into the client's standing. The way may go to another client meanwhile: then that has a number whose hash is
 * not its own, which is no share.
 */
static void write_number(struct weir_client *client, u32 number, bool asked)
{
	union weir_standing_word old = {.word = weir_read_once(client->standing_word)}, new;
	u64 seen;

	for (;;) {
		new = old;
		new.standing.share = number & 0xfff;
		if (!asked)
			new.standing.flags &= (u8)~WEIR_CLIENT_ASKED;
		seen = weir_compare_and_swap(&client->standing_word, old.word, new.word);
		if (seen == old.word)
			return;
		if ((old.word ^ seen) & 0xff) /* another service: another client */
			return;
		old.word = seen;
	}
}

static struct weir_rule *rule_of(const struct datapath *datapath, const struct watched *watched)
{
	return &shares_side(datapath)->rule[watched->key.service * WEIR_TIERS + watched->tier];
}

/* Is limit i of a cluster, and its bucket the limit's? The last one may hold the end of a ban. */
static u64 *bucket_of(const struct weir_rule *rule, struct weir_client *client, unsigned int i)
{
	if (!client || i >= rule->limits || !(rule->cluster >> i & 1))
		return NULL;
	if (i == WEIR_LIMITS - 1 && (weir_read_standing(client).flags & WEIR_CLIENT_BANNED))
		return NULL;
	return &client->tat[i];
}

static struct weir_limit limit_of(const struct weir_share *share, unsigned int i)
{
	return (struct weir_limit){share->limit[i].cost, share->limit[i].burst};
}

/* All buckets of a client, from its even shares to its own, or back */
static void carry_client(const struct weir_rule *rule, const struct weir_share *share,
			 struct weir_client *client, bool back, struct carry carry[WEIR_LIMITS])
{
	for (unsigned int i = 0; i < WEIR_LIMITS; i++) {
		struct weir_limit own = limit_of(share, i);

		carry[i] = (struct carry){.tat = bucket_of(rule, client, i),
					  .from = back ? own : rule->limit[i],
					  .to = back ? rule->limit[i] : own,
					  .unit = (enum weir_unit)rule->unit[i]};
	}
}

/* From the share of a client to what `idle` will say of the same limits */
static size_t bring_client(const struct datapath *datapath, u32 number,
			   const struct weir_side *idle, struct carry *carry)
{
	const struct watched *watched = &datapath->shares->watched[number];
	const struct weir_share *share = &datapath->share[number];
	const struct weir_rule *rule = rule_of(datapath, watched);
	const struct weir_rule *next =
		&idle->rule[watched->key.service * WEIR_TIERS + watched->tier];
	struct place place = find(datapath, share->hash, watched);
	size_t count = 0;

	if (!place.client || weir_read_standing(place.client).share != number)
		return 0;
	for (unsigned int i = 0; i < WEIR_LIMITS; i++)
		if (i < next->limits && next->unit[i] == rule->unit[i])
			carry[count++] = (struct carry){.tat = bucket_of(rule, place.client, i),
							.from = limit_of(share, i),
							.to = next->limit[i],
							.unit = (enum weir_unit)rule->unit[i]};
	return count;
}

size_t watched_bring(const struct datapath *datapath, const struct weir_side *idle,
		     struct carry *carry)
{
	u32 generation = shares_side(datapath)->generation;
	size_t count = 0;

	for (u32 number = 1; idle->generation != generation && number < WEIR_SHARES; number++)
		if (datapath->share[number].hash &&
		    datapath->share[number].generation == generation)
			count += bring_client(datapath, number, idle, &carry[count]);
	return count;
}

/* A client whose buckets were moved later matters for longer. */
static void keep_until_full(struct place place)
{
	u64 last = 0;

	if (!place.client || (weir_read_standing(place.client).flags & WEIR_CLIENT_CACHED))
		return;
	for (unsigned int i = 0; i < WEIR_LIMITS; i++) {
		u64 tat = weir_read_once(place.client->tat[i]);

		last = tat > last ? tat : last;
	}
	if (last)
		weir_refresh(place.slot, weir_read_once(*place.slot), weir_coarse(last) + 1);
}

void watched_keep(const struct datapath *datapath)
{
	for (u32 number = 1; number < WEIR_SHARES; number++)
		if (datapath->share[number].hash)
			keep_until_full(find(datapath, datapath->share[number].hash,
					     &datapath->shares->watched[number]));
}

/* ------------------------------------------------------------------------------------ the numbers */

/* Even shares of this generation. Nobody is judged by them before the hash is there. */
static void begin(const struct datapath *datapath, struct weir_share *share, u64 hash,
		  const struct watched *watched)
{
	const struct weir_rule *rule = rule_of(datapath, watched);

	__atomic_store_n(&share->hash, 0, __ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < WEIR_LIMITS; i++) {
		share->limit[i].cost = rule->limit[i].cost;
		share->limit[i].burst = rule->limit[i].burst;
	}
	share->generation = shares_side(datapath)->generation;
	__atomic_store_n(&share->hash, hash, __ATOMIC_SEQ_CST);
}

/* From now on the client is judged by its share, if it is not already. */
static void join(const struct datapath *datapath, u32 number, struct place place)
{
	const struct watched *watched = &datapath->shares->watched[number];
	struct carry carry[WEIR_LIMITS];

	if (!place.client || weir_read_standing(place.client).share == number)
		return;
	carry_client(rule_of(datapath, watched), &datapath->share[number], place.client, false,
		     carry);
	carry_before(carry, WEIR_LIMITS);
	write_number(place.client, number, true);
	carry_after(carry, WEIR_LIMITS);
	keep_until_full(place);
}

/* And from now on by the even shares. */
static void leave(const struct datapath *datapath, u32 number, const struct weir_rule *rule,
		  struct place place)
{
	struct weir_share *share = &datapath->share[number];
	struct weir_client *client = place.client;
	struct carry carry[WEIR_LIMITS];

	if (client && weir_read_standing(client).share != number)
		client = NULL;
	/* Of another generation it is judged by even shares already. */
	carry_client(rule, share,
		     share->generation == shares_side(datapath)->generation ? client : NULL, true,
		     carry);
	carry_before(carry, WEIR_LIMITS);
	__atomic_store_n(&share->hash, 0, __ATOMIC_SEQ_CST);
	carry_after(carry, WEIR_LIMITS);
	if (!client)
		return;
	write_number(client, 0, false);
	keep_until_full(place);
}

/* The number that a client has, or a free one; 0: neither */
static u32 number_for(const struct datapath *datapath, const struct weir_hot *hot,
		      const struct weir_key *key)
{
	struct shares *shares = datapath->shares;
	u32 vacant = 0;

	for (u32 i = 0; i < WEIR_SHARES - 1; i++) {
		u32 number = 1 + (shares->last + i) % (WEIR_SHARES - 1);
		const struct weir_key *at = &shares->watched[number].key;
		u64 hash = datapath->share[number].hash;

		if (!hash && !vacant)
			vacant = number;
		if (hash == hot->hash && at->addr[0] == key->addr[0] &&
		    at->addr[1] == key->addr[1] && at->service == key->service)
			return number;
	}
	return vacant;
}

/*
 * Counts begin with what the client has taken so far: that is what its buckets lack. Else a client of all nodes would have
 * taken on each of them, by the time it asks, half of an even burst that nobody ever hears of.
 */
static void count_from(const struct datapath *datapath, struct weir_share *share,
		       const struct watched *watched, struct weir_client *client)
{
	const struct weir_rule *rule = rule_of(datapath, watched);
	u64 now = clock_monotonic_ns() * WEIR_TICKS_PER_NS;

	for (unsigned int i = 0; i < WEIR_LIMITS; i++) {
		u64 *tat = bucket_of(rule, client, i);

		share->limit[i].refused = 0;
		share->limit[i].passed = tat ? level_missing(weir_read_once(*tat), now,
							     &rule->limit[i],
							     (enum weir_unit)rule->unit[i])
					     : 0;
	}
}

static int watch(struct datapath *datapath, const struct weir_hot *hot)
{
	struct watched watched = {.key = {{hot->addr[0], hot->addr[1]}, hot->service},
				  .tier = hot->tier};
	struct place place = find(datapath, hot->hash, &watched);
	struct weir_share *share;
	u32 number;

	if (!place.client)
		return -ENOENT;
	number = number_for(datapath, hot, &watched.key);
	if (!number) {
		write_number(place.client, weir_read_standing(place.client).share, false);
		return -ENOSPC;
	}
	share = &datapath->share[number];
	if (!share->hash || datapath->shares->watched[number].tier != hot->tier) {
		datapath->shares->watched[number] = watched;
		datapath->shares->last = number;
		count_from(datapath, share, &watched, place.client);
		share->generation = shares_side(datapath)->generation - 1; /* not begun */
	}
	if (share->generation != shares_side(datapath)->generation)
		begin(datapath, share, hot->hash, &datapath->shares->watched[number]);
	join(datapath, number, place);
	return (int)number;
}

int shares_watch(struct datapath *datapath, uint32_t generation, const struct weir_hot *hot)
{
	struct weir_key key = {{hot->addr[0], hot->addr[1]}, hot->service};
	int result = -ENOENT;

	shares_lock(datapath);
	if (shares_side(datapath)->generation != generation)
		result = -ESTALE;
	else if (hot->service < WEIR_SERVICES && hot->tier < WEIR_TIERS &&
		 weir_hash(&key, datapath->state->seed) == hot->hash)
		result = watch(datapath, hot);
	shares_unlock(datapath);
	return result;
}

void shares_unwatch(struct datapath *datapath, uint32_t number)
{
	const struct watched *watched;
	u64 hash;

	if (!number || number >= WEIR_SHARES)
		return;
	watched = &datapath->shares->watched[number];
	shares_lock(datapath);
	hash = datapath->share[number].hash;
	if (hash)
		leave(datapath, number, rule_of(datapath, watched), find(datapath, hash, watched));
	shares_unlock(datapath);
}

/* Their addresses went with the daemon that watched them; but who has the number of a share with its hash is it. */
void watched_free_all(struct datapath *datapath)
{
	for (u32 number = 1; number < WEIR_SHARES; number++) {
		u64 hash = datapath->share[number].hash;
		struct weir_client_set *set = set_of(datapath, hash);
		struct watched watched = {};
		struct place place = {};

		for (u32 way = 0; hash && way < WEIR_WAYS; way++) {
			struct weir_standing standing = weir_read_standing(&set->way[way]);

			if ((u32)weir_read_once(set->slot[way]) != weir_tag(hash) ||
			    standing.share != number || standing.service >= WEIR_SERVICES)
				continue;
			place = (struct place){&set->way[way], &set->slot[way]};
			watched.key.service = standing.service;
			watched.tier = standing.tier;
		}
		if (hash)
			leave(datapath, number, rule_of(datapath, &watched), place);
	}
}

/* ----------------------------------------------------------------------------- shares and counters */

int shares_set_client(struct datapath *datapath, uint32_t generation, uint32_t number,
		      unsigned int index, const struct shares_value *value)
{
	const struct watched *watched = &datapath->shares->watched[number % WEIR_SHARES];
	struct weir_share *share = &datapath->share[number % WEIR_SHARES];
	struct shares_limit limit = {watched->key.service, watched->tier, (u8)index, false};
	struct weir_rule *rule;
	int result;

	shares_lock(datapath);
	rule = shares_rule(datapath, generation, limit, &result);
	if (rule && (!share->hash || index >= WEIR_LIMITS))
		result = -EINVAL;
	if (!result) {
		struct place place = find(datapath, share->hash, watched);
		struct bucket bucket = {.cost = &share->limit[index].cost,
					.burst = &share->limit[index].burst,
					.tat = bucket_of(rule, place.client, index),
					.unit = (enum weir_unit)rule->unit[index]};
		struct weir_limit to;

		if (share->generation != generation)
			begin(datapath, share, share->hash, watched);
		join(datapath, number, place);
		config_share_ticks(bucket.unit, value->rate, value->burst, &to);
		bucket_change(&bucket, &to, 0, value->credit);
		keep_until_full(place);
		result = place.client ? 0 : -ENOENT;
	}
	shares_unlock(datapath);
	return result;
}

/*
 * What a group limit refuses is moved from passed to refused after it was charged. To the reader nothing goes back: then
 * it is said a moment later.
 */
void shares_count_client(const struct datapath *datapath, uint32_t number, unsigned int index,
			 struct shares_count *out)
{
	const struct weir_share_limit *limit = &datapath->share[number].limit[index];
	struct shares_count *counted = &datapath->shares->watched[number].counted[index];
	u64 passed = __atomic_load_n(&limit->passed, __ATOMIC_RELAXED);
	u64 refused = __atomic_load_n(&limit->refused, __ATOMIC_RELAXED);

	if ((s64)(passed - counted->passed) > 0)
		counted->passed = passed;
	if ((s64)(refused - counted->refused) > 0)
		counted->refused = refused;
	*out = *counted;
}

/* ------------------------------------------------------------------------------------ who asks */

int shares_hot_fd(const struct datapath *datapath)
{
	return ring_buffer__epoll_fd(datapath->shares->hot);
}

int shares_read_hot(struct datapath *datapath,
		    void (*handle)(void *context, const struct weir_hot *hot), void *context)
{
	datapath->shares->on_hot = handle;
	datapath->shares->on_hot_context = context;
	return ring_buffer__consume(datapath->shares->hot);
}
