// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/buckets.h"

#include <math.h>

#include "user/base/clock.h"

static u64 read_word(const u64 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void write_word(u64 *word, u64 value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static u64 now_ticks(void)
{
	return clock_monotonic_ns() * WEIR_TICKS_PER_NS;
}

/* Where the bucket goes; *later: it then looks no fuller than before to who judges by `from` */
static u64 carried(const struct carry *carry, u64 tat, bool *later)
{
	u64 now = now_ticks();
	u64 to = level_carry(tat, now, &carry->from, &carry->to, carry->unit, carry->debit);

	*later = to >= tat;
	/* One that is full stays as it is: there is nothing to write. */
	return tat <= now && to == now ? tat : to;
}

static void move(struct carry *carry, u64 tat, u64 to)
{
	bool later;

	while (to != tat && !__atomic_compare_exchange_n(carry->tat, &tat, to, false,
							 __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
		to = carried(carry, tat, &later);
	carry->done = true;
}

static bool is_same(const struct carry *carry)
{
	return !carry->debit && carry->from.cost == carry->to.cost &&
	       carry->from.burst == carry->to.burst;
}

void carry_before(struct carry *carry, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool later;
		u64 tat, to;

		carry[i].done = !carry[i].tat || is_same(&carry[i]);
		if (carry[i].done)
			continue;
		tat = read_word(carry[i].tat);
		to = carried(&carry[i], tat, &later);
		if (later)
			move(&carry[i], tat, to);
	}
}

void carry_after(struct carry *carry, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool later;
		u64 tat;

		if (carry[i].done)
			continue;
		tat = read_word(carry[i].tat);
		move(&carry[i], tat, carried(&carry[i], tat, &later));
	}
}

/* Exact for whole units; what is more than that is rounded in the limit's favour. */
static u64 parts_of(double units, bool up)
{
	double parts = fmin(units * LEVEL_PARTS, 0x1p62);

	return (u64)(up ? ceil(parts) : parts);
}

static void add_credit(const struct bucket *bucket, const struct weir_limit *limit, u64 credit)
{
	u64 tat = read_word(bucket->tat), to;

	do {
		to = level_credit(tat, now_ticks(), limit, bucket->unit, credit);
	} while (to != tat && !__atomic_compare_exchange_n(bucket->tat, &tat, to, false,
							   __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE));
}

void bucket_change(const struct bucket *bucket, const struct weir_limit *to, u32 chunk,
		   double credit)
{
	struct carry carry = {.tat = bucket->tat,
			      .from = {*bucket->cost, *bucket->burst},
			      .to = *to,
			      .unit = bucket->unit,
			      .debit = credit < 0 ? parts_of(-credit, true) : 0};

	/* No chunks while numbers change: their part of the burst is kept apart in one of the two bursts only. */
	if (bucket->chunk && *bucket->chunk != chunk)
		__atomic_store_n(bucket->chunk, 1, __ATOMIC_SEQ_CST);
	carry_before(&carry, 1);
	if (to->burst < carry.from.burst)
		write_word(bucket->burst, to->burst);
	write_word(bucket->cost, to->cost);
	write_word(bucket->burst, to->burst);
	carry_after(&carry, 1);
	if (bucket->tat && credit > 0)
		add_credit(bucket, to, parts_of(credit, false));
	if (bucket->chunk)
		__atomic_store_n(bucket->chunk, chunk, __ATOMIC_SEQ_CST);
}
