/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet's way: service -> client -> limits -> verdict. One clock reading and one look at the
 * control word serve the whole packet. The caller parses before and counts after.
 */
#pragma once

#include "bpf/core/client_table.h"
#include "bpf/core/gcra.h"
#include "bpf/core/packet.h"
#include "bpf/side.bpf.h"

#define WEIR_NO_LIMIT 0xff

/*
 * Everything decided about one packet. Numbers only: the functions marked __noinline and not static
 * are verified each on its own, once, which keeps the verifier's work small and lets them take this by
 * reference; they look maps up again, which costs some five instructions.
 */
struct weir_judgement {
	u64 now; /* ticks */
	u32 epoch;
	u32 active; /* which side: 0 or 1 */
	u32 service;
	u32 tier;
	u32 flags; /* WEIR_CLIENT_* of the client */
	u32 limit; /* which refused: 0..3, group limits 4..7, WEIR_NO_LIMIT */
	u32 ipv6;
	u32 interface; /* number; WEIR_INTERFACES: none of ours */
	u32 series;    /* its counters for (interface, service, tier); 0: not found yet */
	u64 last;      /* the latest TAT of the client, ticks; for the expiry of its slot */
	u64 after[WEIR_LIMITS]; /* the TAT that this packet left of each limit; 0: it did not count */
};

weir_inline const struct weir_side *weir_side(const struct weir_judgement *j)
{
	return weir_side_at(j->active);
}

weir_inline const struct weir_rule *weir_rule_at(const struct weir_side *side, u32 service,
						 u32 tier)
{
	u64 index = service * WEIR_TIERS + tier;

	/* The mask last, in 64 bits: Linux 6.1 forgets bounds at a 32-bit or. */
	weir_opaque(index);
	return &side->rule[index % (WEIR_SERVICES * WEIR_TIERS)];
}

weir_inline const struct weir_rule *weir_rule(const struct weir_side *side,
					      const struct weir_judgement *j)
{
	return weir_rule_at(side, j->service, j->tier);
}

/*
 * Settles the tier, and with it rule and counters. Looked up here, before the first bucket is
 * charged: a compare-and-swap waits for what came before it, and what comes after waits for it.
 */
weir_inline const struct weir_rule *weir_settle(struct weir_judgement *j,
						const struct weir_side *side, u32 service, u32 tier)
{
	const struct weir_rule *rule = weir_rule_at(side, service, tier);

	j->tier = tier;
	if (j->interface < WEIR_INTERFACES)
		j->series = rule->series[j->interface % WEIR_INTERFACES];
	return rule;
}

weir_inline const struct weir_service *weir_service(const struct weir_side *side,
						    const struct weir_judgement *j)
{
	return &side->service[j->service % WEIR_SERVICES];
}

weir_inline struct weir_totals *weir_my_totals(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&weir_totals, &zero);
}

#define weir_count_total(field)                                 \
	do {                                                    \
		struct weir_totals *totals_ = weir_my_totals(); \
		if (totals_)                                    \
			totals_->field++;                       \
	} while (0)

weir_inline struct weir_client_set *weir_set_of(u64 hash)
{
	u32 index = weir_set_index(hash, weir_sets);

	return bpf_map_lookup_elem(&weir_clients, &index);
}

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

__noinline int weir_buy(const struct weir_judgement *j, struct weir_purchase *want)
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
	if (mine->credit >= want->cost && mine->until > j->now) {
		mine->credit -= want->cost;
		want->next = 0;
		return WEIR_CHARGED;
	}
	whole = want->cost + want->unit_cost * (want->chunk - 1);
	if (want->chunk > 1 &&
	    weir_charge(&group->tat, j->now, whole, want->burst, &want->next) == WEIR_CHARGED) {
		mine->credit = whole - want->cost;
		mine->until = j->now + WEIR_CHUNK_LIFE;
		return WEIR_CHARGED;
	}
	return weir_charge(&group->tat, j->now, want->cost, want->burst, &want->next);
}

/* May one more unknown client come in? */
weir_inline bool weir_guard(const struct weir_judgement *j, const struct weir_service *service,
			    u32 bucket)
{
	struct weir_purchase want = {
		.cost = service->guard.cost,
		.unit_cost = service->guard.cost,
		.burst = service->guard.burst,
		.index = bucket + j->service,
		.chunk = service->guard_chunk,
	};

	return !(service->flags & WEIR_SERVICE_GUARD) || weir_buy(j, &want) == WEIR_CHARGED;
}

/* Group limit i of the rule. want->cost 0: this packet does not count for it. */
weir_inline int weir_charge_group(const struct weir_judgement *j, const struct weir_rule *rule,
				  u32 i, const struct weir_units *units, struct weir_purchase *want)
{
	want->burst = rule->group[i].burst;
	want->index = weir_group_index(j->service, j->tier, i);
	want->chunk = rule->chunk[i];
	want->cost = weir_cost(rule->group_unit[i], rule->group[i].cost, units);
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

/* All group limits in turn; what was charged goes back to the group if a later one refuses. */
__noinline int weir_charge_groups(struct weir_judgement *j, const struct weir_units *units)
{
	const struct weir_side *side;
	const struct weir_rule *rule;
	u64 paid[WEIR_LIMITS] = {}, next[WEIR_LIMITS] = {};

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
		paid[i] = want.cost;
		next[i] = want.next;
		if (charge == WEIR_CHARGED)
			continue;
		j->limit = WEIR_LIMITS + i;
		for (u32 k = 0; k < i; k++)
			weir_return_group(j, k, paid[k], next[k]);
		return charge == WEIR_CONTENDED ? WEIR_CONTENTION : WEIR_GROUP_LIMITED;
	}
	return WEIR_PASSED;
}

/* ------------------------------------------------------------------------- limits of a client */

weir_inline u32 weir_refusal_of(enum weir_charge charge)
{
	return charge == WEIR_CONTENDED ? WEIR_CONTENTION : WEIR_LIMITED;
}

weir_inline u64 weir_cost_of(const struct weir_rule *rule, u32 i, const struct weir_units *units)
{
	return weir_cost(rule->unit[i], rule->limit[i].cost, units);
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
	charge = weir_charge(&client->tat[i], j->now, cost, rule->limit[i].burst, &next);
	if (charge != WEIR_CHARGED)
		return charge;
	j->after[i] = next;
	j->last = next > j->last ? next : j->last;
	return WEIR_CHARGED;
}

/* Gives back all that this packet has been charged for. */
weir_inline void weir_return_client(struct weir_judgement *j, const struct weir_rule *rule,
				    const struct weir_units *units, struct weir_client *client)
{
	for (u32 i = 0; i < WEIR_LIMITS; i++) {
		if (j->after[i])
			weir_give_back(&client->tat[i], j->after[i], weir_cost_of(rule, i, units));
		j->after[i] = 0;
	}
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

		if (!cost || weir_gcra(weir_read_once(client->tat[i]), j->now, cost,
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

	if (weir_unlikely(rule->limits > 1)) {
		j->last = 0;
		verdict = weir_charge_several(j, units, client);
		*last = j->last;
		return verdict;
	}
	cost = rule->limits ? weir_cost_of(rule, 0, units) : 0;
	if (!cost)
		return WEIR_PASSED;
	charge = weir_charge(&client->tat[0], j->now, cost, rule->limit[0].burst, last);
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
	u64 hash;
	u32 way;

	if (!j || !key || !units)
		return 0;
	side = weir_side(j);
	hash = weir_hash(key, weir_seed);
	set = weir_set_of(hash);
	if (!side || !set)
		return 0;
	way = weir_find(set, hash, key);
	if (way < WEIR_WAYS)
		weir_return_client(j, weir_rule(side, j), units, &set->way[way]);
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
weir_inline void weir_ask_prefix(const struct weir_judgement *j, const struct weir_key *key,
				 struct weir_prefix *answer)
{
	struct weir_prefix_key at = {.length = weir_key_length(j, key)};
	const struct weir_prefix *found;

	weir_count_total(prefix_lookups);
	__builtin_memcpy(at.addr, key->addr, sizeof(at.addr));
	found = j->active ? bpf_map_lookup_elem(&weir_prefix_1, &at)
			  : bpf_map_lookup_elem(&weir_prefix_0, &at);
	if (!found)
		return;
	*answer = *found;
	if ((answer->flags & WEIR_CLIENT_BANNED) && answer->ban_until <= j->now)
		answer->flags &= ~WEIR_CLIENT_BANNED;
}

/*
 * Asks who the client is in this epoch: j->tier, j->flags; and brings the entry there: its standing, and buckets
 * no emptier than the limits of now allow (a limit that became faster must not make a client wait for
 * the old one). A ban takes tat[3] over. Two processors may do this at once: they write the same values. A
 * packet of the epoch before, that comes late, only asks.
 */
__noinline int weir_reclassify(struct weir_judgement *j, const struct weir_key *key,
			       struct weir_client *client)
{
	struct weir_standing old, new = {};
	const struct weir_side *side;
	const struct weir_rule *rule;
	struct weir_prefix answer = {};

	if (!j || !key || !client)
		return 0;
	side = weir_side(j);
	if (!side)
		return 0;
	if (side->flags & WEIR_SIDE_PREFIXES)
		weir_ask_prefix(j, key, &answer);
	j->tier = answer.tier;
	j->flags = answer.flags;
	old = weir_read_standing(client);
	if ((s32)(old.epoch - j->epoch) > 0)
		return 0;
	rule = weir_rule(side, j);
	if (old.flags & WEIR_CLIENT_BANNED)
		client->tat[WEIR_LIMITS - 1] = 0;
	for (u32 i = 0; i < WEIR_LIMITS; i++) {
		u64 empty = i < rule->limits ? j->now + rule->limit[i].burst : 0;

		if (client->tat[i] > empty)
			client->tat[i] = empty;
	}
	if (answer.flags & WEIR_CLIENT_BANNED)
		client->tat[WEIR_LIMITS - 1] = answer.ban_until;
	new.service = key->service;
	new.tier = answer.tier;
	new.flags = answer.flags;
	new.epoch = j->epoch;
	weir_write_standing(client, new);
	return 0;
}

/* The verdict of a client's flags and rule alone; PASSED: its limits decide. */
weir_inline u32 weir_by_flags(const struct weir_judgement *j, const struct weir_client *client,
			      const struct weir_rule *rule)
{
	u32 flags = j->flags;

	if (weir_unlikely(flags & WEIR_CLIENT_CACHED)) {
		if ((flags & WEIR_CLIENT_BANNED) && client->tat[WEIR_LIMITS - 1] > j->now)
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
				 const struct weir_key *key, u64 hash, struct weir_client_set *set,
				 u32 way, const struct weir_units *units)
{
	struct weir_client *client = &set->way[way % WEIR_WAYS];
	struct weir_standing standing = weir_read_standing(client);
	u64 slot = weir_read_once(set->slot[way % WEIR_WAYS]), last = 0;
	const struct weir_rule *rule;
	u32 verdict;

	j->flags = standing.flags;
	if (weir_unlikely(standing.epoch != j->epoch)) {
		weir_reclassify(j, key, client);
		standing.tier = (u8)j->tier;
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
			cost = weir_cost(rule->unit[i], rule->limit[i].cost, units);
		if (cost && !weir_gcra(0, j->now, cost, rule->limit[i].burst, &next)) {
			verdict = WEIR_LIMITED;
			j->limit = i;
			next = 0;
		}
		client->tat[i] = j->after[i] = next;
		*last = next > *last ? next : *last;
	}
	return verdict;
}

/* Writes a client into a way that was claimed for it, judges its first packet, and publishes it. */
weir_inline u32 weir_insert(struct weir_judgement *j, const struct weir_side *side,
			    const struct weir_key *key, u64 hash, struct weir_client_set *set,
			    u32 way, const struct weir_prefix *answer,
			    const struct weir_units *units)
{
	struct weir_client *client = &set->way[way % WEIR_WAYS];
	struct weir_standing standing = {.service = key->service};
	const struct weir_rule *rule;
	u32 verdict;
	u64 last = j->now;

	standing.tier = answer->tier;
	j->flags = standing.flags = answer->flags;
	standing.epoch = j->epoch;
	rule = weir_settle(j, side, key->service, answer->tier);
	client->addr[0] = key->addr[0];
	client->addr[1] = key->addr[1];
	weir_write_standing(client, standing);
	client->tat[WEIR_LIMITS - 1] = answer->ban_until;
	verdict = weir_by_flags(j, client, rule);
	/* What the trie says is not worth keeping: such an entry is the first to be forgotten. */
	if (verdict == WEIR_PASSED)
		verdict = weir_charge_first(j, rule, units, client, &last);
	else
		client->tat[0] = client->tat[1] = client->tat[2] = 0;
	client->passed = weir_is_refusal(verdict) ? 0 : (u32)units->packets;
	client->refused = weir_is_refusal(verdict) ? (u32)units->packets : 0;
	weir_publish(&set->slot[way % WEIR_WAYS], weir_tag(hash),
		     weir_coarse(last) + (last > j->now));
	weir_count_total(inserts);
	return verdict;
}

/*
 * Makes room for a client in its set. Takes an idle way; one whose state still matters only if
 * `evict`. Returns the way, claimed, or WEIR_WAYS.
 */
weir_inline u32 weir_make_room(const struct weir_judgement *j, struct weir_client_set *set,
			       u64 hash, bool evict)
{
	s32 remaining;
	u32 way = weir_victim(set->slot, hash, weir_coarse(j->now), &remaining) % WEIR_WAYS;
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
 * Under pressure an unknown client is judged by its parent prefix. A parent is let in only at the
 * guard's rate and only where nothing of value is lost; what finds no parent is refused, so that a
 * flood of spoofed sources can buy neither bursts nor anybody's place in the table.
 */
__noinline int weir_judge_parent(struct weir_judgement *j, struct weir_key *key,
				 const struct weir_units *units)
{
	const struct weir_service *service;
	const struct weir_side *side;
	struct weir_client_set *set;
	struct weir_prefix answer = {};
	u32 way, verdict;
	u64 hash;

	if (!j || !key || !units)
		return WEIR_PASSED;
	side = weir_side(j);
	if (!side)
		return WEIR_PASSED;
	service = weir_service(side, j);
	key->addr[0] &= service->parent_mask[j->ipv6 & 1][0];
	key->addr[1] &= service->parent_mask[j->ipv6 & 1][1];
	key->service |= WEIR_CLIENT_PARENT;
	hash = weir_hash(key, weir_seed);
	set = weir_set_of(hash);
	if (!set)
		return WEIR_NEW_CLIENT;
	way = weir_find(set, hash, key);
	if (way < WEIR_WAYS) {
		verdict = weir_judge_known(j, side, key, hash, set, way, units);
		return verdict == WEIR_LIMITED ? WEIR_PARENT_LIMITED : verdict;
	}
	if (!weir_guard(j, service, WEIR_PARENT_GUARD))
		return WEIR_NEW_CLIENT;
	way = weir_make_room(j, set, hash, false);
	if (way == WEIR_WAYS)
		return WEIR_NEW_CLIENT;
	if (side->flags & WEIR_SIDE_PREFIXES)
		weir_ask_prefix(j, key, &answer);
	verdict = weir_insert(j, side, key, hash, set, way, &answer, units);
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
 * and takes nobody's place. Also WEIR_ASK_PARENT.
 */
#define WEIR_ASK_PARENT WEIR_VERDICT_COUNT

__noinline int weir_judge_unknown(struct weir_judgement *j, struct weir_key *key, u64 hash,
				  const struct weir_units *units)
{
	const struct weir_side *side;
	const struct weir_rule *rule;
	struct weir_client_set *set = weir_set_of(hash);
	struct weir_prefix answer = {};
	bool free;
	u32 way;

	if (!j || !key || !units || !set)
		return WEIR_PASSED;
	side = weir_side(j);
	if (!side)
		return WEIR_PASSED;
	if (side->flags & WEIR_SIDE_PREFIXES)
		weir_ask_prefix(j, key, &answer);
	j->tier = answer.tier;
	j->flags = answer.flags;
	rule = weir_rule(side, j);
	free = (answer.flags & WEIR_CLIENT_CACHED) || (rule->flags & WEIR_RULE_UNLIMITED) ||
	       !rule->limits;
	if (!free && !weir_guard(j, weir_service(side, j), WEIR_GUARD))
		return WEIR_ASK_PARENT;
	way = weir_make_room(j, set, hash, !free);
	if (way < WEIR_WAYS)
		return weir_insert(j, side, key, hash, set, way, &answer, units);
	return free ? weir_judge_free(j, rule) : WEIR_ASK_PARENT;
}

/* ------------------------------------------------------------------------------- the whole way */

/* See weir_interface_of() */
__noinline int weir_find_interface(const struct weir_judgement *j, u32 ifindex)
{
	return j ? (int)weir_interface_of(weir_side(j), ifindex) : WEIR_INTERFACES;
}

/* Reads the control word and the clock, once for the packet. NULL: the maps are not there (never). */
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
	j->now = bpf_ktime_get_ns() << WEIR_TICK_SHIFT;
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
	u64 hash;
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
	hash = weir_hash(&key, weir_seed);
	set = weir_set_of(hash);
	if (!set)
		return WEIR_PASSED;
	way = weir_find(set, hash, &key);
	if (weir_likely(way < WEIR_WAYS))
		verdict = weir_judge_known(j, side, &key, hash, set, way, units);
	else
		verdict = weir_judge_unknown(j, &key, hash, units);
	if (weir_unlikely(verdict == WEIR_ASK_PARENT))
		verdict = weir_judge_parent(j, &key, units);
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

struct weir_news {
	u32 bytes;
	u32 verdict;
	u32 interface;
	u32 observed;
};

__noinline int weir_tell(const struct weir_judgement *j, const struct weir_packet *packet,
			 const struct weir_news *news)
{
	struct weir_totals *totals = weir_my_totals();
	struct weir_event *event;
	u64 next;

	if (!totals || !j || !packet || !news)
		return 0;
	if (!weir_gcra(totals->event_tat, j->now, WEIR_EVENT_COST, WEIR_EVENT_BURST, &next)) {
		totals->events_muted++;
		return 0;
	}
	totals->event_tat = next;
	event = bpf_ringbuf_reserve(&weir_events, sizeof(*event), 0);
	if (!event) {
		totals->events_lost++;
		return 0;
	}
	event->time_ns = j->now >> WEIR_TICK_SHIFT;
	__builtin_memcpy(event->saddr, packet->source, 16);
	__builtin_memcpy(event->daddr, packet->destination, 16);
	event->bytes = news->bytes;
	event->sport = packet->sport;
	event->dport = packet->dport;
	event->interface = (u8)news->interface;
	event->service = (u8)j->service;
	event->tier = (u8)j->tier;
	event->verdict = (u8)news->verdict;
	event->limit = (u8)j->limit;
	event->protocol = packet->protocol;
	event->observed = (u8)news->observed;
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
		struct weir_news news = {(u32)units->bytes, verdict, j->interface, observed};

		if (j->limit < 2 * WEIR_LIMITS)
			series->limit[j->limit] += units->packets;
		weir_tell(j, packet, &news);
	}
	if (observed) {
		series->observed[verdict % WEIR_VERDICT_SLOTS] += units->packets;
		verdict = WEIR_PASSED;
	}
	series->verdict[verdict % WEIR_VERDICT_SLOTS].packets += units->packets;
	series->verdict[verdict % WEIR_VERDICT_SLOTS].bytes += units->bytes;
	return verdict;
}
