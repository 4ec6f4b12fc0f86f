// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How full a bucket is, while its limit becomes another */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/core/gcra.h"
#include "user/config/model.h"
#include "user/datapath/level.h"

#define NOW 1000000000000ULL
#define UNIT (u64) LEVEL_PARTS

/* Units that pass at once */
static u64 holds(u64 tat, u64 now, const struct weir_limit *limit)
{
	u64 count = 0;

	while (weir_gcra(tat, now, limit->cost, limit->burst, &tat))
		count++;
	return count;
}

static u64 tat_of(const struct weir_limit *limit, u64 level)
{
	return NOW + limit->burst - level * limit->cost;
}

struct change {
	const char *what;
	struct {
		u64 rate, burst, level;
	} before, after;
	s64 credit;
};

/* clang-format off */
static const struct change changes[] = {
	{"nothing changes", {100, 50, 20}, {100, 50, 20}, 0},
	{"a full bucket stays full", {100, 50, 50}, {100, 50, 50}, 0},
	{"a share that grows adds nothing", {100, 50, 20}, {400, 200, 20}, 0},
	{"a full one that grows is not full", {100, 50, 50}, {400, 200, 50}, 0},
	{"an empty one that grows stays empty", {100, 50, 0}, {400, 200, 0}, 0},
	{"a share that shrinks takes nothing", {400, 200, 20}, {100, 50, 20}, 0},
	{"but what it can not hold", {400, 200, 120}, {100, 50, 50}, 0},
	{"an empty one that shrinks stays empty", {400, 200, 0}, {100, 50, 0}, 0},
	{"only the burst grows", {100, 50, 20}, {100, 90, 20}, 0},
	{"only the burst shrinks", {100, 90, 20}, {100, 50, 20}, 0},
	{"only the rate grows", {100, 50, 20}, {300, 50, 20}, 0},
	{"only the rate shrinks", {300, 50, 20}, {100, 50, 20}, 0},
	{"the rate grows and the burst shrinks", {100, 50, 40}, {400, 20, 20}, 0},
	{"the rate shrinks and the burst grows", {400, 20, 20}, {100, 50, 20}, 0},
	{"credit adds itself", {100, 50, 20}, {100, 50, 27}, 7},
	{"credit adds itself to a share that grows", {100, 50, 0}, {400, 200, 13}, 13},
	{"credit adds itself to a share that shrinks", {400, 200, 11}, {100, 50, 24}, 13},
	{"credit fills it up to the burst", {100, 50, 40}, {100, 50, 50}, 30},
	{"debit takes itself", {100, 50, 20}, {100, 50, 13}, -7},
	{"debit takes all there is", {100, 50, 20}, {400, 200, 0}, -30},
	{"debit takes first what the burst does not hold any more", {100, 50, 45}, {100, 40, 40}, -5},
	{"nothing passes: it is empty", {100, 50, 50}, {0, 0, 0}, 0},
	{"nothing passes: credit is of no use", {100, 50, 50}, {0, 0, 0}, 10},
	{"nothing passed: it begins empty", {0, 0, 0}, {100, 50, 0}, 0},
};
/* clang-format on */

static void a_bucket_holds_as_many_units_as_before(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *change = &changes[i];

		for (int unit = 0; unit < WEIR_UNIT_COUNT; unit++) {
			/* a "unit" of bytes: 10,000 of them, so that a burst is more than a frame */
			unsigned int scale = unit == WEIR_UNIT_BYTES ? 10000 : 1;
			struct weir_limit from, to;
			u64 tat, debit = change->credit < 0 ? (u64)-change->credit * scale : 0;
			u64 credit = change->credit > 0 ? (u64)change->credit * scale : 0;

			config_share_ticks((enum weir_unit)unit,
					   (double)change->before.rate * scale,
					   (double)change->before.burst * scale, &from);
			config_share_ticks((enum weir_unit)unit, (double)change->after.rate * scale,
					   (double)change->after.burst * scale, &to);
			tat = NOW + from.burst;
			if (unit == WEIR_UNIT_BYTES)
				tat -= (change->before.level * scale * from.cost) >>
				       WEIR_BYTE_COST_SHIFT;
			else
				tat -= change->before.level * from.cost;
			tat = level_carry(tat, NOW, &from, &to, (enum weir_unit)unit, debit * UNIT);
			tat = level_credit(tat, NOW, &to, (enum weir_unit)unit, credit * UNIT);
			if (unit == WEIR_UNIT_BYTES)
				to.cost = (to.cost * scale) >> WEIR_BYTE_COST_SHIFT;
			/* half a nanosecond later: what is lost is less than that */
			if (holds(tat, NOW + 8, &to) != change->after.level)
				fail_msg("%s, unit %d: %llu", change->what, unit,
					 (unsigned long long)holds(tat, NOW + 8, &to));
		}
	}
}

static void a_bucket_that_was_left_alone_is_full_and_no_more(void **state)
{
	const struct weir_limit from = {1000, 50000}, to = {250, 50000};
	u64 tat = level_carry(NOW - 77, NOW, &from, &to, WEIR_UNIT_PACKETS, 0);

	(void)state;
	assert_int_equal(holds(tat, NOW, &to), 50);
	tat = level_credit(NOW - 77, NOW, &to, WEIR_UNIT_PACKETS, 10 * UNIT);
	assert_int_equal(holds(tat, NOW, &to), 200);
}

/* Emptier than empty, as a bucket is whose limit became faster: it is empty, it does not owe. */
static void a_bucket_owes_nothing(void **state)
{
	const struct weir_limit from = {1000, 50000}, to = {250, 50000};
	u64 tat = level_carry(NOW + 60000, NOW, &from, &to, WEIR_UNIT_PACKETS, 0);

	(void)state;
	assert_int_equal(tat, NOW + 50000);
	assert_int_equal(tat, tat_of(&to, 0));
}

/* To and fro as often as one likes, between any limits: never more units than there were */
static void no_way_there_and_back_is_a_gift(void **state)
{
	unsigned int seed = (unsigned int)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < 200000; i++) {
		struct weir_limit limit[2];
		u64 before, tat;

		for (int k = 0; k < 2; k++)
			config_share_ticks(WEIR_UNIT_PACKETS, 1e-6 * (double)(1 + rand()),
					   1 + rand() % 1000, &limit[k]);
		tat = NOW + (u64)((double)limit[0].burst * (rand() / (double)RAND_MAX));
		before = holds(tat, NOW, &limit[0]);
		for (int k = 0; k < 4; k++) {
			tat = level_carry(tat, NOW, &limit[k & 1], &limit[~k & 1],
					  WEIR_UNIT_PACKETS, 0);
			assert_true(holds(tat, NOW, &limit[~k & 1]) <= before);
			assert_true(tat <= NOW + limit[~k & 1].burst);
		}
	}
}

static void the_largest_numbers_do_not_overflow(void **state)
{
	struct weir_limit slow, fast;
	u64 tat;

	(void)state;
	config_share_ticks(WEIR_UNIT_PACKETS, 1e-9, 1, &slow);
	config_share_ticks(WEIR_UNIT_PACKETS, 1e9, 1e18, &fast);
	tat = level_carry(NOW, NOW, &slow, &fast, WEIR_UNIT_PACKETS, 0);
	assert_int_equal(tat, NOW + fast.burst - fast.cost);
	tat = level_carry(NOW, NOW, &fast, &slow, WEIR_UNIT_PACKETS, 0);
	assert_int_equal(tat, NOW);
	assert_int_equal(level_carry(NOW, NOW, &fast, &slow, WEIR_UNIT_PACKETS, 1ULL << 62), NOW);
	assert_int_equal(level_carry(NOW, NOW, &slow, &slow, WEIR_UNIT_PACKETS, 1ULL << 62),
			 NOW + slow.burst);
	assert_int_equal(level_credit(NOW + slow.burst, NOW, &slow, WEIR_UNIT_PACKETS, 1ULL << 62),
			 NOW);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(a_bucket_holds_as_many_units_as_before),
		cmocka_unit_test(a_bucket_that_was_left_alone_is_full_and_no_more),
		cmocka_unit_test(a_bucket_owes_nothing),
		cmocka_unit_test(no_way_there_and_back_is_a_gift),
		cmocka_unit_test(the_largest_numbers_do_not_overflow),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}
