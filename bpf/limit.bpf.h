/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet's way: service -> client -> limits -> verdict. One look at the control word, and one clock
 * reading at most, serve the whole packet: weir_about_now() tells for free what time it is to within a
 * jiffy, and who must know better asks weir_now(). The caller parses before and counts after.
 */
#pragma once

#include "bpf/core/packet.h"
#include "bpf/judgement.bpf.h"
#include "bpf/share.bpf.h"

weir_inline u8 weir_class(const struct weir_side *side, const struct weir_packet *packet)
{
	if (packet->later_fragment)
		return 0;
	return weir_class_of(side, packet->protocol, packet->dport);
}

/* ------------------------------------------------------------------ group limits and guards */

/*
 * One bucket for all processors. Where `chunk` is more than 1, a processor pays for that many units
 * at once and uses them up before it comes back; the daemon has taken processors x chunk from the
 * burst, so that burst + W / cost still holds exactly. Credit not used within 10 ms is forfeited.
 */
#define WEIR_CHUNK_LIFE (10 * 1000000ULL * WEIR_TICKS_PER_NS)

struct weir_purchase {
	u64 cost;      /* ticks of this packet */
	u64 unit_cost; /* ticks of one unit */
	u64 burst;
	u64 next;  /* out: the bucket's TAT then; 0: paid from what this processor had */
	u32 index; /* in weir_group and weir_chunk */
	u32 chunk;
};

/*
 * A unit has another cost than when this processor bought some: what it holds stays as many units. Of a limit that lets nothing pass (burst 0)
 * it holds none.
 */
weir_inline void weir_reprice(struct weir_chunk *mine, const struct weir_purchase *want)
{
	mine->credit = mine->cost && want->burst ? mine->credit / mine->cost * want->unit_cost : 0;
	mine->cost = want->unit_cost;
}

__noinline int weir_buy(struct weir_judgement *j, struct weir_purchase *want)
{
	struct weir_group *group;
	struct weir_chunk *mine;
	u64 whole;
	u32 index;

	if (!j || !want)
		return WEIR_CHARGED;
	index = want->index; /* Linux 6.1 wants keys on the stack */
	group = bpf_map_lookup_elem(&weir_group, &index);
	mine = bpf_map_lookup_elem(&weir_chunk, &index);
	if (!group || !mine)
		return WEIR_CHARGED;
	if (weir_unlikely(mine->cost != want->unit_cost))
		weir_reprice(mine, want);
	if (mine->credit >= want->cost && mine->until > j->about) {
		mine->credit -= want->cost;
		want->next = 0;
		return WEIR_CHARGED;
	}
	whole = want->cost + want->unit_cost * (want->chunk - 1);
	if (want->chunk > 1 &&
	    weir_charge_at(j, &group->tat, whole, want->burst, &want->next) == WEIR_CHARGED) {
		mine->credit = whole - want->cost;
		mine->until = j->about + WEIR_CHUNK_LIFE;
		return WEIR_CHARGED;
	}
	return weir_charge_at(j, &group->tat, want->cost, want->burst, &want->next);
}

/* May one more unknown client come in? By WEIR_GUARD, or one more parent by WEIR_PARENT_GUARD */
__noinline int weir_enter(struct weir_judgement *j, u32 guard)
{
	struct weir_purchase want = {};
	const struct weir_service *service;
	const struct weir_side *side;

	if (!j)
		return false;
	side = weir_side(j);
	if (!side)
		return false;
	service = weir_service(side, j);
	want.cost = want.unit_cost = service->guard.cost;
	want.burst = service->guard.burst;
	want.index = guard + j->service;
	want.chunk = service->guard_chunk;
	return weir_buy(j, &want) == WEIR_CHARGED;
}

/* What a packet costs of group limit i; 0: it does not count for it */
weir_inline u64 weir_group_cost(const struct weir_rule *rule, u32 i, const struct weir_units *units)
{
	return weir_cost_capped(rule->group_unit[i], rule->group[i].cost, units);
}

/* Group limit i of the rule. want->cost is what was paid. */
weir_inline int weir_charge_group(struct weir_judgement *j, const struct weir_rule *rule, u32 i,
				  const struct weir_units *units, struct weir_purchase *want)
{
	want->burst = rule->group[i].burst;
	want->index = weir_group_index(j->service, j->tier, i);
	want->chunk = rule->chunk[i];
	want->cost = weir_group_cost(rule, i, units);
	want->unit_cost = rule->group_unit[i] == WEIR_UNIT_BYTES
				  ? rule->group[i].cost >> WEIR_BYTE_COST_SHIFT
				  : rule->group[i].cost;
	return want->cost ? weir_buy(j, want) : WEIR_CHARGED;
}

/* What was paid for group limit i goes back to where it came from. */
weir_inline void weir_return_group(const struct weir_judgement *j, u32 i, u64 cost, u64 next)
{
	u32 index = weir_group_index(j->service, j->tier, i);
	struct weir_group *group = bpf_map_lookup_elem(&weir_group, &index);
	struct weir_chunk *mine = bpf_map_lookup_elem(&weir_chunk, &index);

	if (!group || !mine || !cost)
		return;
	if (next)
		weir_give_back(&group->tat, next, cost);
	else
		mine->credit += cost;
}

/* Counts a packet for each group limit of a cluster up to `last`, the one that refused it or the last of all. */
__noinline int weir_count_groups(struct weir_judgement *j, const struct weir_units *units, u32 last,
				 u32 refused)
{
	const struct weir_side *side;
	const struct weir_rule *rule;

	if (!j || !units)
		return 0;
	side = weir_side(j);
	if (!side)
		return 0;
	rule = weir_rule(side, j);
	for (u32 i = 0; i < WEIR_LIMITS && i < rule->groups && i <= last; i++) {
		u32 index = weir_group_index(j->service, j->tier, i);
		struct weir_chunk *mine;
		u64 count = weir_count_units(rule->group_unit[i], units);

		if (!(rule->cluster & WEIR_CLUSTER_GROUP(i)))
			continue;
		mine = bpf_map_lookup_elem(&weir_chunk, &index);
		if (mine && refused)
			mine->refused += count;
		else if (mine)
			mine->passed += count;
	}
	return 0;
}

/* All group limits in turn; what was charged goes back to the group if a later one refuses. */
__noinline int weir_charge_groups(struct weir_judgement *j, const struct weir_units *units)
{
	const struct weir_side *side;
	const struct weir_rule *rule;
	u64 next[WEIR_LIMITS] = {};

	if (!j || !units)
		return WEIR_PASSED;
	side = weir_side(j);
	if (!side)
		return WEIR_PASSED;
	rule = weir_rule(side, j);
	for (u32 i = 0; i < WEIR_LIMITS; i++) {
		struct weir_purchase want = {};
		int charge;

		if (i >= rule->groups)
			break;
		charge = weir_charge_group(j, rule, i, units, &want);
		next[i] = want.next;
		if (charge == WEIR_CHARGED)
			continue;
		j->limit = WEIR_LIMITS + i;
		for (u32 k = 0; k < i; k++)
			weir_return_group(j, k, weir_group_cost(rule, k, units), next[k]);
		if (rule->cluster >> WEIR_LIMITS)
			weir_count_groups(j, units, i, true);
		return charge == WEIR_CONTENDED ? WEIR_CONTENTION : WEIR_GROUP_LIMITED;
	}
	if (rule->cluster >> WEIR_LIMITS)
		weir_count_groups(j, units, WEIR_LIMITS, false);
	return WEIR_PASSED;
}

/* ------------------------------------------------------------------------- limits of a client */

weir_inline u32 weir_refusal_of(enum weir_charge charge)
{
	return charge == WEIR_CONTENDED ? WEIR_CONTENTION : WEIR_LIMITED;
}

weir_inline u64 weir_cost_of(const struct weir_rule *rule, u32 i, const struct weir_units *units)
{
	return weir_cost_capped(rule->unit[i], rule->limit[i].cost, units);
}

/* Limit i alone */
__noinline int weir_charge_one(struct weir_judgement *j, const struct weir_units *units,
			       struct weir_client *client, u32 i)
{
	const struct weir_side *side;
	const struct weir_rule *rule;
	enum weir_charge charge;
	u64 cost, next;

	if (!j || !units || !client || i >= WEIR_LIMITS)
		return WEIR_CHARGED;
	side = weir_side(j);
	if (!side)
		return WEIR_CHARGED;
	rule = weir_rule(side, j);
	cost = weir_cost_of(rule, i, units);
	if (!cost)
		return WEIR_CHARGED;
	charge = weir_charge_at(j, &client->tat[i], cost, rule->limit[i].burst, &next);
	if (charge != WEIR_CHARGED)
		return charge;
	j->after[i] = next;
	j->last = next > j->last ? next : j->last;
	return WEIR_CHARGED;
}

/* Gives back all that this packet has been charged for. Apart: it is rare, and the stack of its caller is full. */
static __noinline int weir_return_client(struct weir_judgement *j, const struct weir_rule *rule,
					 const struct weir_units *units, struct weir_client *client)
{
	for (u32 i = 0; i < WEIR_LIMITS; i++) {
		u64 cost = weir_limit_in_force(j, rule, i).cost;

		if (j->after[i])
			weir_give_back(&client->tat[i], j->after[i],
				       weir_cost_capped(rule->unit[i], cost, units));
		j->after[i] = 0;
	}
	return 0;
}

/*
 * More than one limit: looks at all before it charges any, so that a refusal costs nothing. Between the
 * look and the charge another processor may take the last of one: then what was charged is given back.
 */
__noinline int weir_charge_several(struct weir_judgement *j, const struct weir_units *units,
				   struct weir_client *client)
{
	const struct weir_side *side;
	const struct weir_rule *rule;

	if (!j || !units || !client)
		return WEIR_PASSED;
	side = weir_side(j);
	if (!side)
		return WEIR_PASSED;
	rule = weir_rule(side, j);
	for (u32 i = 0; i < WEIR_LIMITS && i < rule->limits; i++) {
		u64 cost = weir_cost_of(rule, i, units), next;

		if (!cost || weir_conforms(j, weir_read_once(client->tat[i]), cost,
					   rule->limit[i].burst, &next))
			continue;
		j->limit = i;
		return WEIR_LIMITED;
	}
	for (u32 i = 0; i < WEIR_LIMITS && i < rule->limits; i++) {
		int charge = weir_charge_one(j, units, client, i);

		if (charge == WEIR_CHARGED)
			continue;
		j->limit = i;
		weir_return_client(j, rule, units, client);
		return weir_refusal_of(charge);
	}
	return WEIR_PASSED;
}

/* Limit i as it is in force for this client. `look`: charges nothing. Says in j->limit if it is i that refuses. */
__noinline int weir_charge_in_force(struct weir_judgement *j, const struct weir_units *units,
				    struct weir_client *client, u32 i, u32 look)
{
	const struct weir_side *side;
	const struct weir_rule *rule;
	struct weir_limit limit;
	int charge = WEIR_CHARGED;
	u64 next;

	if (!j || !units || !client || i >= WEIR_LIMITS)
		return WEIR_CHARGED;
	side = weir_side(j);
	if (!side)
		return WEIR_CHARGED;
	rule = weir_rule(side, j);
	limit = weir_limit_in_force(j, rule, i);
	limit.cost = weir_cost_capped(rule->unit[i], limit.cost, units);
	if (!limit.cost)
		return WEIR_CHARGED;
	if (look &&
	    !weir_conforms(j, weir_read_once(client->tat[i]), limit.cost, limit.burst, &next))
		charge = WEIR_OVER_LIMIT;
	else if (!look)
		charge = weir_charge_at(j, &client->tat[i], limit.cost, limit.burst, &next);
	if (charge != WEIR_CHARGED) {
		j->limit = i;
	} else if (!look) {
		j->after[i] = next;
		j->last = next > j->last ? next : j->last;
	}
	return charge;
}

/* weir_charge_several() of a client that has the number of a share: by that, which counts, if it is its own. */
__noinline int weir_charge_shares(struct weir_judgement *j, const struct weir_units *units,
				  struct weir_client *client)
{
	const struct weir_side *side;
	const struct weir_rule *rule;
	int charge = WEIR_CHARGED;

	if (!j || !units || !client)
		return WEIR_PASSED;
	side = weir_side(j);
	if (!side)
		return WEIR_PASSED;
	rule = weir_rule(side, j);
	j->share = (u16)weir_share_of(j, side, j->share);
	for (u32 i = 0; i < WEIR_LIMITS && i < rule->limits; i++)
		if (charge == WEIR_CHARGED)
			charge = weir_charge_in_force(j, units, client, i, true);
	for (u32 i = 0; i < WEIR_LIMITS && i < rule->limits; i++)
		if (charge == WEIR_CHARGED)
			charge = weir_charge_in_force(j, units, client, i, false);
	if (charge != WEIR_CHARGED)
		weir_return_client(j, rule, units, client);
	if (j->share)
		weir_count_share(j, units, charge != WEIR_CHARGED, false);
	return charge == WEIR_CHARGED ? WEIR_PASSED : weir_refusal_of(charge);
}

/* The same where there is one limit, as for most: all at once */
__noinline int weir_charge_share(struct weir_judgement *j, const struct weir_units *units,
				 struct weir_client *client)
{
	const struct weir_side *side;
	const struct weir_rule *rule;
	struct weir_limit limit;
	struct weir_share *share;
	int charge;
	u64 next;
	u32 number;

	if (!j || !units || !client)
		return WEIR_PASSED;
	side = weir_side(j);
	if (!side)
		return WEIR_PASSED;
	rule = weir_rule(side, j);
	number = j->share; /* Linux 6.1 wants keys on the stack */
	share = bpf_map_lookup_elem(&weir_share, &number);
	limit = rule->limit[0];
	if (share && weir_is_share_of(share, j, side) && (rule->cluster & 1)) {
		limit.cost = weir_read_once(share->limit[0].cost);
		limit.burst = weir_read_once(share->limit[0].burst);
	} else {
		j->share = 0;
	}
	limit.cost = weir_cost_capped(rule->unit[0], limit.cost, units);
	if (!limit.cost)
		return WEIR_PASSED;
	charge = weir_charge_at(j, &client->tat[0], limit.cost, limit.burst, &next);
	if (charge == WEIR_CHARGED)
		j->after[0] = j->last = next;
	else
		j->limit = 0;
	if (share && j->share)
		weir_add(charge == WEIR_CHARGED ? &share->limit[0].passed
						: &share->limit[0].refused,
			 weir_count_units(rule->unit[0], units));
	return charge == WEIR_CHARGED ? WEIR_PASSED : weir_refusal_of(charge);
}

/*
 * Charges every limit, or none. *last: the latest of the TATs that moved, for the expiry of the slot;
 * 0: none did.
 */
weir_inline u32 weir_charge_client(struct weir_judgement *j, const struct weir_rule *rule,
				   const struct weir_units *units, struct weir_client *client,
				   u64 *last)
{
	enum weir_charge charge;
	u32 verdict;
	u64 cost;

	j->cluster = rule->cluster;
	if (weir_unlikely(rule->limits > 1 || j->share || units->packets > 1)) {
		j->last = 0;
		verdict = !j->share	      ? weir_charge_several(j, units, client)
			  : rule->limits == 1 ? weir_charge_share(j, units, client)
					      : weir_charge_shares(j, units, client);
		*last = j->last;
		return verdict;
	}
	cost = rule->limits ? weir_cost(rule->unit[0], rule->limit[0].cost, units) : 0;
	if (!cost)
		return WEIR_PASSED;
	charge = weir_charge_at(j, &client->tat[0], cost, rule->limit[0].burst, last);
	if (weir_likely(charge == WEIR_CHARGED)) {
		j->after[0] = *last;
		return WEIR_PASSED;
	}
	*last = 0;
	j->limit = 0;
	return weir_refusal_of(charge);
}

/* A group limit refused what the client, or its parent, has paid for: gives it back. */
__noinline int weir_refund(struct weir_judgement *j, const struct weir_key *key,
			   const struct weir_units *units)
{
	const struct weir_side *side;
	struct weir_client_set *set;
	u32 way;

	if (!j || !key || !units)
		return 0;
	side = weir_side(j);
	set = weir_set_of(j->hash);
	if (!side || !set)
		return 0;
	way = weir_find(set, j->hash, key);
	if (way < WEIR_WAYS)
		weir_return_client(j, weir_rule(side, j), units, &set->way[way]);
	if (j->share)
		weir_count_share(j, units, true, true);
	return 0;
}

/* ---------------------------------------------------------------------------------- admission */

/* Bits of the key's address that are the client's, or its parent's */
weir_inline u32 weir_key_length(const struct weir_judgement *j, const struct weir_key *key)
{
	const struct weir_side *side = weir_side(j);
	const struct weir_service *service;
	const u64 *mask;

	if (!side)
		return 128;
	service = weir_service(side, j);
	mask = key->service & WEIR_CLIENT_PARENT ? service->parent_mask[j->ipv6 & 1]
						 : service->mask[j->ipv6 & 1];
	return (u32)(__builtin_popcountll(mask[0]) + __builtin_popcountll(mask[1]));
}

/*
 * What the prefix trie says of a client. IPv4 and IPv6 share it. A prefix longer than the client says
 * nothing of it: what is allowed to one address of a /24 is not allowed to all of it.
 */
__noinline int weir_ask_prefix(struct weir_judgement *j, const struct weir_key *key)
{
	struct weir_prefix_key at = {};
	const struct weir_prefix *found;

	if (!j || !key)
		return 0;
	at.length = weir_key_length(j, key);
	weir_count_total(prefix_lookups);
	__builtin_memcpy(at.addr, key->addr, sizeof(at.addr));
	found = j->active ? bpf_map_lookup_elem(&weir_prefix_1, &at)
			  : bpf_map_lookup_elem(&weir_prefix_0, &at);
	if (!found)
		return 0;
	j->tier = found->tier;
	j->flags = found->flags;
	j->ban_until = found->ban_until;
	if ((j->flags & WEIR_CLIENT_BANNED) && !weir_is_to_come(j, j->ban_until))
		j->flags &= ~WEIR_CLIENT_BANNED;
	return 0;
}

/* Who is this? Sets j->tier, ->flags and ->ban_until. */
weir_inline void weir_recognise(struct weir_judgement *j, const struct weir_side *side,
				const struct weir_key *key)
{
	j->tier = WEIR_TIER_DEFAULT;
	j->flags = 0;
	j->ban_until = 0;
	if (weir_unlikely(side->flags & WEIR_SIDE_PREFIXES))
		weir_ask_prefix(j, key);
}

/*
 * Asks who the client is in this epoch: j->tier, j->flags; and brings the entry there: its standing, and buckets
 * no emptier than the limits of now allow (a limit that became faster must not make a client wait for
 * the old one; but one that lets nothing pass for now, burst 0, gives no bucket anew). A ban takes tat[3] over. Two processors may
 * do this at once: they write the same values, and if the daemon changes the share meanwhile, the next packet does it again. A packet of
 * the epoch before, that comes late, only asks.
 */
__noinline int weir_reclassify(struct weir_judgement *j, const struct weir_key *key,
			       struct weir_client *client)
{
	union weir_standing_word old, new = {};
	const struct weir_side *side;
	const struct weir_rule *rule;

	if (!j || !key || !client)
		return 0;
	side = weir_side(j);
	if (!side)
		return 0;
	weir_recognise(j, side, key);
	old.word = weir_read_once(client->standing_word);
	j->share = 0;
	if ((s32)(old.standing.epoch - j->epoch) > 0)
		return 0;
	rule = weir_rule(side, j);
	if (old.standing.tier == j->tier && (rule->cluster & WEIR_CLUSTER_LIMITS)) {
		new.standing.share = old.standing.share;
		j->share = (u16)weir_share_of(j, side, old.standing.share);
	}
	if (old.standing.flags & WEIR_CLIENT_BANNED)
		client->tat[WEIR_LIMITS - 1] = 0;
	for (u32 i = 0; i < WEIR_LIMITS; i++) {
		u64 burst = weir_limit_in_force(j, rule, i).burst;
		u64 empty = i < rule->limits ? weir_now(j) + burst : 0;

		if (client->tat[i] > empty && (burst || !empty))
			client->tat[i] = empty;
	}
	if (j->flags & WEIR_CLIENT_BANNED)
		client->tat[WEIR_LIMITS - 1] = j->ban_until;
	new.standing.service = key->service;
	new.standing.tier = j->tier;
	new.standing.flags = j->flags;
	new.standing.epoch = j->epoch;
	(void)weir_compare_and_swap(&client->standing_word, old.word, new.word);
	return 0;
}

/* The verdict of a client's flags and rule alone; PASSED: its limits decide. */
weir_inline u32 weir_by_flags(struct weir_judgement *j, const struct weir_client *client,
			      const struct weir_rule *rule)
{
	u32 flags = j->flags;

	if (weir_unlikely(flags & WEIR_CLIENT_CACHED)) {
		if ((flags & WEIR_CLIENT_BANNED) &&
		    weir_is_to_come(j, client->tat[WEIR_LIMITS - 1]))
			return WEIR_BANNED;
		if (flags & WEIR_CLIENT_DENIED)
			return WEIR_DENIED;
		if (flags & WEIR_CLIENT_UNLIMITED)
			return WEIR_UNLIMITED;
	}
	return rule->flags & WEIR_RULE_UNLIMITED ? WEIR_UNLIMITED : WEIR_PASSED;
}

/* Judges a client that is in the table. */
weir_inline u32 weir_judge_known(struct weir_judgement *j, const struct weir_side *side,
				 const struct weir_key *key, struct weir_client_set *set, u32 way,
				 const struct weir_units *units)
{
	struct weir_client *client = &set->way[way % WEIR_WAYS];
	struct weir_standing standing = weir_read_standing(client);
	u64 slot = weir_read_once(set->slot[way % WEIR_WAYS]), last = 0;
	const struct weir_rule *rule;
	u32 verdict;

	j->flags = standing.flags;
	j->share = standing.share;
	if (weir_unlikely(standing.epoch != j->epoch)) {
		weir_reclassify(j, key, client);
		standing.tier = j->tier & 0xf;
	}
	rule = weir_settle(j, side, key->service, standing.tier);
	verdict = weir_by_flags(j, client, rule);
	if (verdict == WEIR_PASSED) {
		verdict = weir_charge_client(j, rule, units, client, &last);
		if (last)
			weir_refresh(&set->slot[way % WEIR_WAYS], slot, weir_coarse(last) + 1);
	}
	/*
	 * Not atomic: processors that count one client at the same moment may lose a count here. It
	 * is what `weir top` shows; the limit itself and the totals are exact.
	 */
	if (weir_is_refusal(verdict))
		client->refused += (u32)units->packets;
	else
		client->passed += (u32)units->packets;
	return verdict;
}

/*
 * First charges of a client, on buckets that nobody else sees yet: no compare-and-swap. Returns the
 * verdict, *last the latest TAT.
 */
weir_inline u32 weir_charge_first(struct weir_judgement *j, const struct weir_rule *rule,
				  const struct weir_units *units, struct weir_client *client,
				  u64 *last)
{
	u32 verdict = WEIR_PASSED;

	for (u32 i = 0; i < WEIR_LIMITS; i++) {
		u64 next = 0, cost = 0;

		if (i < rule->limits && verdict == WEIR_PASSED)
			cost = weir_cost_of(rule, i, units);
		if (cost && !weir_gcra(0, weir_now(j), cost, rule->limit[i].burst, &next)) {
			verdict = WEIR_LIMITED;
			j->limit = i;
			next = 0;
		}
		client->tat[i] = j->after[i] = next;
		*last = next > *last ? next : *last;
	}
	return verdict;
}

/*
 * Makes room for a client in its set. Takes an idle way; one whose state still matters only if
 * `evict`. Returns the way, claimed, or WEIR_WAYS.
 */
weir_inline u32 weir_make_room(struct weir_judgement *j, struct weir_client_set *set, bool evict)
{
	s32 remaining;
	u32 way = weir_victim(set->slot, j->hash, weir_coarse(j->about), &remaining) % WEIR_WAYS;
	u64 old = weir_read_once(set->slot[way]);

	if ((remaining > 0 && !evict) || !weir_claim(&set->slot[way], old))
		return WEIR_WAYS;
	if (remaining > 0)
		weir_count_total(evictions_active);
	else if (old != WEIR_SLOT_FREE)
		weir_count_total(evictions_idle);
	return way;
}

/*
 * Lets a client in that weir_recognise() has seen: makes room, writes it there, judges its first packet, and
 * publishes it. WEIR_NO_ROOM if there is none.
 */
#define WEIR_NO_ROOM WEIR_VERDICT_COUNT

__noinline int weir_admit(struct weir_judgement *j, const struct weir_key *key,
			  const struct weir_units *units, bool evict)
{
	struct weir_standing standing = {};
	const struct weir_side *side;
	const struct weir_rule *rule;
	struct weir_client_set *set;
	struct weir_client *client;
	u32 way, verdict;
	u64 last;

	if (!j || !key || !units)
		return WEIR_PASSED;
	side = weir_side(j);
	set = weir_set_of(j->hash);
	if (!side || !set)
		return WEIR_PASSED;
	way = weir_make_room(j, set, evict);
	if (way >= WEIR_WAYS)
		return WEIR_NO_ROOM;
	client = &set->way[way];
	rule = weir_settle(j, side, key->service, j->tier);
	standing.service = key->service;
	standing.tier = j->tier;
	standing.flags = j->flags;
	standing.epoch = j->epoch;
	client->addr[0] = key->addr[0];
	client->addr[1] = key->addr[1];
	weir_write_standing(client, standing);
	client->tat[WEIR_LIMITS - 1] = j->ban_until;
	last = weir_now(j);
	verdict = weir_by_flags(j, client, rule);
	/* What the trie says is not worth keeping: such an entry is the first to be forgotten. */
	if (verdict == WEIR_PASSED)
		verdict = weir_charge_first(j, rule, units, client, &last);
	else
		client->tat[0] = client->tat[1] = client->tat[2] = 0;
	client->passed = weir_is_refusal(verdict) ? 0 : units->packets;
	client->refused = weir_is_refusal(verdict) ? units->packets : 0;
	weir_publish(&set->slot[way], weir_tag(j->hash), weir_coarse(last) + (last > j->now));
	weir_count_total(inserts);
	return (int)verdict;
}

/* The verdict of the parent, if it is in the table; else WEIR_NO_PARENT. Turns *key into the parent's. */
#define WEIR_NO_PARENT WEIR_VERDICT_COUNT

__noinline int weir_ask_parent(struct weir_judgement *j, struct weir_key *key,
			       const struct weir_units *units)
{
	const struct weir_service *service;
	const struct weir_side *side;
	struct weir_client_set *set;
	u32 way;

	if (!j || !key || !units)
		return WEIR_PASSED;
	side = weir_side(j);
	if (!side)
		return WEIR_PASSED;
	service = weir_service(side, j);
	key->addr[0] &= service->parent_mask[j->ipv6 & 1][0];
	key->addr[1] &= service->parent_mask[j->ipv6 & 1][1];
	key->service |= WEIR_CLIENT_PARENT;
	j->hash = weir_hash(key, weir_seed);
	set = weir_set_of(j->hash);
	if (!set)
		return WEIR_NEW_CLIENT;
	way = weir_find(set, j->hash, key);
	return way < WEIR_WAYS ? (int)weir_judge_known(j, side, key, set, way, units)
			       : WEIR_NO_PARENT;
}

/*
 * Under pressure an unknown client is judged by its parent prefix. A parent is let in only at the
 * guard's rate and only where nothing of value is lost; what finds no parent is refused, so that a
 * flood of spoofed sources can buy neither bursts nor anybody's place in the table.
 */
weir_inline u32 weir_judge_by_parent(struct weir_judgement *j, const struct weir_side *side,
				     struct weir_key *key, const struct weir_units *units)
{
	u32 verdict = (u32)weir_ask_parent(j, key, units);

	if (verdict == WEIR_NO_PARENT) {
		if (!weir_enter(j, WEIR_PARENT_GUARD))
			return WEIR_NEW_CLIENT;
		weir_recognise(j, side, key);
		verdict = (u32)weir_admit(j, key, units, false);
		if (verdict == WEIR_NO_ROOM)
			return WEIR_NEW_CLIENT;
	}
	return verdict == WEIR_LIMITED ? WEIR_PARENT_LIMITED : verdict;
}

/* The verdict on a client that no limit applies to; PASSED too if its tier has none here */
weir_inline u32 weir_judge_free(const struct weir_judgement *j, const struct weir_rule *rule)
{
	if (j->flags & WEIR_CLIENT_BANNED)
		return WEIR_BANNED;
	if (j->flags & WEIR_CLIENT_DENIED)
		return WEIR_DENIED;
	if ((j->flags & WEIR_CLIENT_UNLIMITED) || (rule->flags & WEIR_RULE_UNLIMITED))
		return WEIR_UNLIMITED;
	return WEIR_PASSED;
}

/*
 * Judges a client that is not in the table, and lets it in if that is all right. Who has no limit (banned, denied,
 * unlimited, or of a tier that has none here) needs no entry, only saves itself the trie with one: it needs no admission,
 * and takes nobody's place.
 */
weir_inline u32 weir_judge_unknown(struct weir_judgement *j, const struct weir_side *side,
				   struct weir_key *key, const struct weir_units *units)
{
	const struct weir_rule *rule;
	u32 verdict = WEIR_NO_ROOM;
	bool free;

	weir_recognise(j, side, key);
	rule = weir_rule(side, j);
	free = (j->flags & WEIR_CLIENT_CACHED) || (rule->flags & WEIR_RULE_UNLIMITED) ||
	       !rule->limits;
	if (free || !(weir_service(side, j)->flags & WEIR_SERVICE_GUARD) ||
	    weir_enter(j, WEIR_GUARD))
		verdict = (u32)weir_admit(j, key, units, !free);
	if (verdict != WEIR_NO_ROOM)
		return verdict;
	return free ? weir_judge_free(j, rule) : weir_judge_by_parent(j, side, key, units);
}

/* ------------------------------------------------------------------------------- the whole way */

/* See weir_interface_of() */
__noinline int weir_find_interface(const struct weir_judgement *j, u32 ifindex)
{
	return j ? (int)weir_interface_of(weir_side(j), ifindex) : WEIR_INTERFACES;
}

/* Reads the control word, once for the packet. NULL: the maps are not there (never). */
weir_inline const struct weir_side *weir_start(struct weir_judgement *j, u32 ifindex)
{
	const struct weir_control *control;
	const struct weir_side *side;
	u32 zero = 0;
	u64 word;

	control = bpf_map_lookup_elem(&weir_control, &zero);
	if (!control)
		return NULL;
	word = weir_read_once(control->word);
	j->active = WEIR_SIDE(word);
	j->epoch = WEIR_EPOCH(word);
	j->service = WEIR_SERVICE_OTHER;
	j->tier = WEIR_TIER_DEFAULT;
	j->limit = WEIR_NO_LIMIT;
	j->ipv6 = 0;
	j->flags = 0;
	__builtin_memset(j->after, 0, sizeof(j->after));
	j->series = 0;
	j->share = 0;
	j->cluster = 0;
	j->about = weir_about_now() << WEIR_TICK_SHIFT;
	j->now = 0;
	side = weir_side(j);
	j->interface = 0;
	if (side && weir_unlikely(side->ifindex[0] != ifindex))
		j->interface = weir_find_interface(j, ifindex);
	return side;
}

/* Service, client, limits. *j comes from weir_start(). */
weir_inline u32 weir_judge(struct weir_judgement *j, const struct weir_side *side,
			   const struct weir_packet *packet, const struct weir_units *units)
{
	const struct weir_service *service;
	struct weir_client_set *set;
	struct weir_key key = {};
	u32 way, verdict, ipv6 = packet->ipv6 & 1;
	u8 class = weir_class(side, packet);

	if (class == WEIR_CLASS_PROTECTED)
		return WEIR_PROTECTED;
	j->ipv6 = ipv6;
	j->service = weir_service_of(side, j->active, packet->destination, class);
	service = weir_service(side, j);
	if ((service->flags & WEIR_SERVICE_UNTRACKED) && !(side->flags & WEIR_SIDE_PREFIXES))
		return WEIR_PASSED;
	key.addr[0] = packet->source[0] & service->mask[ipv6][0];
	key.addr[1] = packet->source[1] & service->mask[ipv6][1];
	key.service = (u8)j->service;
	j->hash = weir_hash(&key, weir_seed);
	set = weir_set_of(j->hash);
	if (!set)
		return WEIR_PASSED;
	way = weir_find(set, j->hash, &key);
	if (weir_likely(way < WEIR_WAYS))
		verdict = weir_judge_known(j, side, &key, set, way, units);
	else
		verdict = weir_judge_unknown(j, side, &key, units);
	if (weir_unlikely(j->cluster & WEIR_CLUSTER_LIMITS) && weir_may_be_low(j, side))
		weir_ask(j, &key);
	if (verdict == WEIR_PASSED && (service->flags & WEIR_SERVICE_GROUPS)) {
		verdict = weir_charge_groups(j, units);
		if (weir_is_refusal(verdict))
			weir_refund(j, &key, units);
	}
	if (verdict == WEIR_LIMITED && (service->flags & WEIR_SERVICE_REJECT) && packet->syn)
		verdict = WEIR_REJECTED;
	return verdict;
}

/* ------------------------------------------------------------------------------ count and tell */

/* At most 100 events a second and processor, 100 at once: the ring serves people, not accounting. */
#define WEIR_EVENT_COST (WEIR_TICKS_PER_SEC / 100)
#define WEIR_EVENT_BURST (WEIR_TICKS_PER_SEC)

__noinline int weir_tell(struct weir_judgement *j, const struct weir_packet *packet, u32 bytes,
			 u32 verdict, u32 observed)
{
	struct weir_totals *totals = weir_my_totals();
	struct weir_event *event;
	u64 next;

	if (!totals || !j || !packet)
		return 0;
	if (!weir_gcra(totals->event_tat, j->about, WEIR_EVENT_COST, WEIR_EVENT_BURST, &next)) {
		totals->events_muted++;
		return 0;
	}
	totals->event_tat = next;
	event = bpf_ringbuf_reserve(&weir_events, sizeof(*event), 0);
	if (!event) {
		totals->events_lost++;
		return 0;
	}
	event->time_ns = weir_now(j) >> WEIR_TICK_SHIFT;
	__builtin_memcpy(event->saddr, packet->source, 16);
	__builtin_memcpy(event->daddr, packet->destination, 16);
	event->bytes = bytes;
	event->sport = packet->sport;
	event->dport = packet->dport;
	event->interface = j->interface;
	event->service = j->service;
	event->tier = j->tier;
	event->verdict = (u8)verdict;
	event->limit = j->limit;
	event->protocol = packet->protocol;
	event->observed = (u8)observed;
	event->reserved = 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/*
 * The one exit: counts the verdict, tells of refusals, and turns a refusal into PASSED where the
 * service only observes. Returns the verdict to act on.
 */
weir_inline u32 weir_conclude(struct weir_judgement *j, const struct weir_side *side,
			      const struct weir_packet *packet, const struct weir_units *units,
			      u32 verdict)
{
	bool refusal = weir_is_refusal(verdict);
	bool observed = refusal && (weir_service(side, j)->flags & WEIR_SERVICE_OBSERVE);
	struct weir_series *series;
	u32 index;

	if (weir_unlikely(!j->series))
		weir_settle(j, side, j->service, j->tier);
	index = j->series;
	series = bpf_map_lookup_elem(&weir_series, &index);
	if (!series)
		return verdict;
	if (weir_unlikely(refusal)) {
		if (j->limit < 2 * WEIR_LIMITS)
			series->limit[j->limit] += units->packets;
		weir_tell(j, packet, (u32)units->bytes, verdict, observed);
	}
	if (observed) {
		series->observed[verdict % WEIR_VERDICT_SLOTS] += units->packets;
		verdict = WEIR_PASSED;
	}
	series->verdict[verdict % WEIR_VERDICT_SLOTS].packets += units->packets;
	series->verdict[verdict % WEIR_VERDICT_SLOTS].bytes += units->bytes;
	return verdict;
}
