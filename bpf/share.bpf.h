/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Limits of a cluster in the kernel (abi/share.h): which numbers are in force for a client, what it used of them, and who asks for a share
 * of its own. For limit.bpf.h, which comes here only for rules that have such limits.
 *
 * Races with the daemon, which writes shares while packets are judged: whoever read numbers just before they were changed, or of a share that
 * then goes to another client, charges and counts by what was: one packet for each processor and write.
 */
#pragma once

#include "bpf/judgement.bpf.h"

/* Is it the judged client's, and of this generation? */
weir_inline bool weir_is_share_of(const struct weir_share *share, const struct weir_judgement *j,
				  const struct weir_side *side)
{
	return weir_read_once(share->hash) == j->hash &&
	       weir_read_once(share->generation) == side->generation;
}

/* The number, if that is so; else 0 */
weir_inline u32 weir_share_of(const struct weir_judgement *j, const struct weir_side *side,
			      u32 number)
{
	const struct weir_share *share = bpf_map_lookup_elem(&weir_share, &number);

	return share && weir_is_share_of(share, j, side) ? number : 0;
}

/* Limit i of the client that is judged: by j->share, else as all clients have it */
weir_inline struct weir_limit weir_limit_in_force(const struct weir_judgement *j,
						  const struct weir_rule *rule, u32 i)
{
	struct weir_limit limit = {.cost = weir_read_once(rule->limit[i].cost),
				   .burst = weir_read_once(rule->limit[i].burst)};
	const struct weir_share *share;
	u32 number = j->share;

	if (!number || !(rule->cluster >> i & 1))
		return limit;
	share = bpf_map_lookup_elem(&weir_share, &number);
	if (share) {
		limit.cost = weir_read_once(share->limit[i].cost);
		limit.burst = weir_read_once(share->limit[i].burst);
	}
	return limit;
}

/*
 * Counts a packet in the share of its client, for each cluster limit up to the one that refused it. `refund`: it had been counted as passed
 * before a group limit refused it.
 */
__noinline int weir_count_share(struct weir_judgement *j, const struct weir_units *units,
				u32 refused, u32 refund)
{
	const struct weir_side *side;
	const struct weir_rule *rule;
	struct weir_share *share;
	u32 number;

	if (!j || !units)
		return 0;
	side = weir_side(j);
	number = j->share; /* Linux 6.1 wants keys on the stack */
	share = bpf_map_lookup_elem(&weir_share, &number);
	if (!side || !share)
		return 0;
	rule = weir_rule(side, j);
	for (u32 i = 0; i < WEIR_LIMITS && i < rule->limits; i++) {
		u64 count = weir_count_units(rule->unit[i], units);

		if (refused && i > j->limit)
			break;
		if (!(rule->cluster >> i & 1))
			continue;
		if (refund)
			weir_add(&share->limit[i].passed, -count);
		if (refused)
			weir_add(&share->limit[i].refused, count);
		else
			weir_add(&share->limit[i].passed, count);
	}
	return 0;
}

/* Is less than half of the burst left? By the lagging time: late, it takes a bucket for emptier than it is, which only asks early. */
weir_inline bool weir_is_low(const struct weir_judgement *j, u64 tat,
			     const struct weir_limit *limit)
{
	return tat > j->about + weir_read_once(limit->burst) / 2;
}

/* Is a limit of a cluster about to refuse its client, or has it? */
weir_inline bool weir_runs_low(const struct weir_judgement *j, const struct weir_rule *rule)
{
	if (j->limit < WEIR_LIMITS)
		return rule->cluster >> j->limit & 1;
	for (u32 i = 0; i < WEIR_LIMITS && i < rule->limits; i++)
		if ((rule->cluster >> i & 1) && j->after[i] &&
		    weir_is_low(j, j->after[i], &rule->limit[i]))
			return true;
	return false;
}

weir_inline bool weir_may_ask(const struct weir_judgement *j)
{
	struct weir_totals *totals = weir_my_totals();
	u64 next;

	if (!totals)
		return false;
	if (!weir_gcra(totals->hot_tat, j->about, WEIR_TICKS_PER_SEC / WEIR_HOT_RATE,
		       WEIR_TICKS_PER_SEC / WEIR_HOT_RATE * WEIR_HOT_BURST, &next)) {
		totals->hot_muted++;
		return false;
	}
	totals->hot_tat = next;
	return true;
}

/* The same, for the most part, told from what is at hand: most packets of such rules need no more. */
weir_inline bool weir_may_be_low(const struct weir_judgement *j, const struct weir_side *side)
{
	const struct weir_rule *rule;

	if (j->share || (j->flags & WEIR_CLIENT_ASKED))
		return false;
	rule = weir_rule(side, j);
	return j->limit < WEIR_LIMITS || rule->limits > 1 ||
	       weir_is_low(j, j->after[0], &rule->limit[0]);
}

weir_inline bool weir_may_need_share(const struct weir_judgement *j,
				     const struct weir_client *client)
{
	struct weir_standing standing = weir_read_standing(client);
	const struct weir_side *side = weir_side(j);

	return side && !(standing.flags & WEIR_CLIENT_ASKED) &&
	       weir_runs_low(j, weir_rule(side, j));
}

/*
 * A client that has no share asks for one, if it may need one and has not asked yet. Who wins the flag asks; who loses to
 * another write of that word asks with the client's next packet. Parents do not come here with their own key, and are not found by another.
 */
__noinline int weir_ask(struct weir_judgement *j, const struct weir_key *key)
{
	union weir_standing_word old, asked;
	struct weir_client_set *set;
	struct weir_client *client;
	struct weir_hot *hot;
	u32 way;

	if (!j || !key || (key->service & WEIR_CLIENT_PARENT))
		return 0;
	set = weir_set_of(j->hash);
	if (!set)
		return 0;
	way = weir_find(set, j->hash, key);
	if (way >= WEIR_WAYS)
		return 0;
	client = &set->way[way];
	old.word = asked.word = weir_read_once(client->standing_word);
	if (!weir_may_need_share(j, client) || !weir_may_ask(j))
		return 0;
	hot = bpf_ringbuf_reserve(&weir_hot, sizeof(*hot), 0);
	if (!hot) {
		weir_count_total(hot_lost);
		return 0;
	}
	__builtin_memset(hot, 0, sizeof(*hot));
	hot->hash = j->hash;
	hot->addr[0] = key->addr[0];
	hot->addr[1] = key->addr[1];
	hot->service = key->service;
	hot->tier = old.standing.tier;
	asked.standing.flags |= WEIR_CLIENT_ASKED;
	if (weir_compare_and_swap(&client->standing_word, old.word, asked.word) == old.word)
		bpf_ringbuf_submit(hot, 0);
	else
		bpf_ringbuf_discard(hot, 0);
	return 0;
}
