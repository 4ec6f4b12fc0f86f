/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is decided about one packet while it is judged (limit.bpf.h), and what all who judge ask: the time, a bucket, the rule. */
#pragma once

#include "bpf/clock.bpf.h"
#include "bpf/core/client_table.h"
#include "bpf/core/gcra.h"
#include "bpf/side.bpf.h"

#define WEIR_NO_LIMIT 0xff

/*
 * Everything decided about one packet. Numbers only: the functions marked __noinline and not static
 * are verified each on its own, once, which keeps the verifier's work small and lets them take this by
 * reference; they look maps up again, which costs some five instructions.
 */
struct weir_judgement {
	u64 about; /* ticks; the time, or up to a jiffy before it */
	u64 now;   /* ticks; 0: nobody has asked yet. See weir_now() */
	u32 epoch;
	u16 series; /* its counters for (interface, service, tier); 0: not found yet */
	u16 share; /* number of the share that its client's cluster limits were charged to; 0: none */
	u8 active; /* which side: 0 or 1 */
	u8 service;
	u8 tier;
	u8 flags; /* WEIR_CLIENT_* of the client */
	u8 limit; /* which refused: 0..3, group limits 4..7, WEIR_NO_LIMIT */
	u8 ipv6;
	u8 cluster;    /* of the rule that its client was charged by */
	u8 interface;  /* number; WEIR_INTERFACES: none of ours */
	u64 hash;      /* of the key: the client's, or its parent's where that is asked */
	u64 ban_until; /* what the prefix trie said, if BANNED is among flags; ticks */
	u64 last;      /* the latest TAT of the client, ticks; for the expiry of its slot */
	u64 after[WEIR_LIMITS]; /* the TAT that this packet left of each limit; 0: it did not count */
};

/* The time, ticks. Reads the clock if it has not been read for this packet. */
weir_inline u64 weir_now(struct weir_judgement *j)
{
	if (!j->now)
		j->now = bpf_ktime_get_ns() << WEIR_TICK_SHIFT;
	return j->now;
}

/* Is `time` still to come? Asks the clock only where that is not plain. */
weir_inline bool weir_is_to_come(struct weir_judgement *j, u64 time)
{
	return time > j->about + WEIR_LATE_REFUSE || (time > j->about && time > weir_now(j));
}

/* Another processor changed the bucket meanwhile: that takes turns, and happens too rarely to be inlined. */
__noinline int weir_charge_in_turn(u64 *tat, u64 now, u64 cost, u64 burst, u64 *next)
{
	return tat && next ? (int)weir_charge(tat, now, cost, burst, next) : WEIR_CHARGED;
}

/* weir_gcra(), by the clock only if it must be */
weir_inline bool weir_conforms(struct weir_judgement *j, u64 tat, u64 cost, u64 burst, u64 *next)
{
	enum weir_charge charge = weir_gcra_about(tat, j->about, cost, burst, next);

	if (charge == WEIR_ASK_CLOCK)
		return weir_gcra(tat, weir_now(j), cost, burst, next);
	return charge == WEIR_CHARGED;
}

/* weir_charge(), the same */
weir_inline enum weir_charge weir_charge_at(struct weir_judgement *j, u64 *tat, u64 cost, u64 burst,
					    u64 *next)
{
	u64 old = weir_read_once(*tat);

	if (!weir_conforms(j, old, cost, burst, next))
		return WEIR_OVER_LIMIT;
	if (weir_compare_and_swap(tat, old, *next) != old)
		return weir_charge_in_turn(tat, weir_now(j), cost, burst, next);
	return WEIR_CHARGED;
}

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
