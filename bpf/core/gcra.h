/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * GCRA, the generic cell rate algorithm (ITU-T I.371, virtual scheduling form): a token bucket in
 * one word, the theoretical arrival time (TAT). A bucket is full when its TAT is not after now, and
 * empty when it is a burst ahead. In any interval W at most burst + W / cost units pass, over all processors,
 * exactly: nothing is rounded away, and max(tat, now) sees to it that clocks of two processors that
 * disagree can not fill a bucket.
 *
 * Times, costs and bursts are ticks (abi/types.h). Time is passed in.
 */
#pragma once

#include "bpf/abi/config.h"
#include "compat.h"

/* Does one more of `cost` conform at `now`? *next is the TAT to store if so. */
weir_inline bool weir_gcra(u64 tat, u64 now, u64 cost, u64 burst, u64 *next)
{
	*next = (tat > now ? tat : now) + cost;
	return *next - now <= burst;
}

enum weir_charge { WEIR_CHARGED, WEIR_OVER_LIMIT, WEIR_CONTENDED, WEIR_ASK_CLOCK };

/*
 * Bounded, because the verifier and the other packets want it so. Another processor wins at each
 * try, so running out means that at least this many packets were charged to this one bucket
 * meanwhile: refusing then errs on the safe side of the limit. Counted (verdict `contention`).
 */
#define WEIR_CHARGE_TRIES 8

/* Takes `cost` from a bucket that other processors use too; *next: its TAT then. Refusal leaves it as it was. */
weir_inline enum weir_charge weir_charge(u64 *tat, u64 now, u64 cost, u64 burst, u64 *next)
{
	u64 old = weir_read_once(*tat);

	for (int try = 0; try < WEIR_CHARGE_TRIES; try++) {
		u64 seen;

		if (!weir_gcra(old, now, cost, burst, next))
			return WEIR_OVER_LIMIT;
		seen = weir_compare_and_swap(tat, old, *next);
		if (seen == old)
			return WEIR_CHARGED;
		old = seen;
	}
	return WEIR_CONTENDED;
}

/*
 * Reading the clock costs as much as all the rest of a charge, and most charges can do without: where `about` is known
 * to be not after now, and not before it by more than this, many buckets give the same answer whatever
 * now is.
 *  - Refused, if the bucket is that empty. Were about older still, this would err towards refusing.
 *  - Charged, if the bucket is surely not full: then the new TAT does not depend on now. Were about older than
 *    WEIR_LATE_PASS, the bucket may have been full, and was charged as if it had gone on filling: the
 *    excess is the rate times what about was late beyond WEIR_LATE_PASS. That takes a machine on which
 *    jiffies stand still for so long while packets are processed.
 */
#define WEIR_LATE_REFUSE \
	(20 * 1000000ULL * WEIR_TICKS_PER_NS) /* two jiffies where they are longest */
#define WEIR_LATE_PASS (128 * 1000000ULL * WEIR_TICKS_PER_NS)

/* Is it sure that the bucket refuses this, or that it takes this? Else ASK_CLOCK. *next: its TAT then. */
weir_inline enum weir_charge weir_gcra_about(u64 tat, u64 about, u64 cost, u64 burst, u64 *next)
{
	*next = tat + cost;
	if (*next > about + WEIR_LATE_REFUSE + burst)
		return WEIR_OVER_LIMIT;
	if (tat >= about + WEIR_LATE_PASS && *next - about <= burst)
		return WEIR_CHARGED;
	return WEIR_ASK_CLOCK;
}

/*
 * Gives back what was charged, if the bucket still is as the charge left it (`next`). If others have been there it
 * is forfeited: the bucket may have been full in between, and what it was then is theirs already. That errs on the
 * safe side of the limit, and is rare, because all limits are looked at before any is charged.
 */
weir_inline void weir_give_back(u64 *tat, u64 next, u64 cost)
{
	(void)weir_compare_and_swap(tat, next, next - cost);
}

/* What a packet is worth to a limit */
struct weir_units {
	u64 bytes;	 /* from the Ethernet header on */
	u32 packets;	 /* 1, or the segments of a GRO packet */
	u32 connections; /* 1: a TCP segment with SYN and without ACK */
};

/* Ticks; 0: this packet does not count for that unit. Rounded up. */
weir_inline u64 weir_cost(u8 unit, u64 cost, const struct weir_units *units)
{
	if (unit == WEIR_UNIT_BYTES)
		return (units->bytes * cost + (1U << WEIR_BYTE_COST_SHIFT) - 1) >>
		       WEIR_BYTE_COST_SHIFT;
	return cost * (unit == WEIR_UNIT_PACKETS ? units->packets : units->connections);
}

/*
 * weir_cost() where a unit may cost as much as a year, as an even share of a small limit does: many of those would not fit in 64 bits. More
 * than any burst will do then.
 */
#define WEIR_COST_MAX (1ULL << 62)

weir_inline u64 weir_cost_capped(u8 unit, u64 cost, const struct weir_units *units)
{
	if (weir_unlikely(units->packets > 1) && unit == WEIR_UNIT_PACKETS &&
	    cost > WEIR_COST_MAX / units->packets)
		return WEIR_COST_MAX;
	return weir_cost(unit, cost, units);
}

/* How many units a packet is */
weir_inline u64 weir_count_units(u8 unit, const struct weir_units *units)
{
	if (unit == WEIR_UNIT_BYTES)
		return units->bytes;
	return unit == WEIR_UNIT_PACKETS ? units->packets : units->connections;
}
