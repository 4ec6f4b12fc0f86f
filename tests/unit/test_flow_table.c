/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The flow table: its hash, finding, and how long a flow matters. What the slots do is in test_client_table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/core/flow_table.h"
#include "tests/lib/random.h"

#define SECOND_NS 1000000000ULL

static void random_seed(struct random *random, u64 seed[3])
{
	seed[0] = random_u64(random);
	seed[1] = random_u64(random) | 1;
	seed[2] = random_u64(random) | 1;
}

/* What networks are full of: keys that differ in a few bits, in one field or several */
static struct weir_flow_key ordinary_key(u32 kind, u32 i)
{
	struct weir_flow_key key = {.rport = 40000, .lport = 443, .protocol = 6};
	u32 address = bpf_htonl(0x0a000000 + i);

	key.remote[1] = key.local[1] = 0xffff0000u;
	switch (kind) {
	case 0: /* IPv4 clients in a row */
		key.remote[1] |= (u64)address << 32;
		break;
	case 1: /* one client's ports, of a few services */
		key.rport = (u16)i;
		key.lport = (u16)(443 + (i >> 16));
		break;
	case 2: /* a network behind a few ports */
		key.remote[1] |= (u64)bpf_htonl(0x0a000000 + (i >> 4)) << 32;
		key.rport = (u16)(40000 + (i & 15));
		break;
	case 3: /* hosts of an IPv6 network */
		key.remote[0] = 0x20010db8;
		key.remote[1] = (u64)address << 32;
		break;
	case 4: /* IPv6 networks */
		key.remote[0] = (u64)address << 32 | 0x20010db8;
		key.remote[1] = 0x0100000000000000;
		break;
	default: /* our own addresses and ports, towards one upstream */
		key.local[1] |= (u64)bpf_htonl(0x0a000000 + (i & 3)) << 32;
		key.lport = (u16)(i >> 2);
		key.protocol = i & 0x80000 ? 17 : 6;
	}
	return key;
}

#define KINDS 6
#define KEYS (1 << 18)
#define SETS (1 << 15)

/*
 * 8 keys a set on average. Of a fair hash the sum of squared deviations over the mean is SETS, give or take
 * sqrt(2 * SETS): 20 times that is far beyond chance, and far below what a hash with a flaw has.
 */
static void ordinary_flows_spread_over_sets_and_ways(void **state)
{
	struct random random = random_begin();
	u32 *count = malloc(SETS * sizeof(*count));
	u64 seed[3];

	(void)state;
	assert_non_null(count);
	for (int round = 0; round < 10; round++) {
		random_seed(&random, seed);
		for (u32 kind = 0; kind < KINDS; kind++) {
			double mean = (double)KEYS / SETS, squares = 0;
			u32 way[WEIR_WAYS] = {};

			memset(count, 0, SETS * sizeof(*count));
			for (u32 i = 0; i < KEYS; i++) {
				struct weir_flow_key key = ordinary_key(kind, i);
				struct weir_flow_hash hash = weir_flow_hash(&key, seed);

				count[weir_set_index(hash.place, SETS)]++;
				way[hash.place % WEIR_WAYS]++;
			}
			for (u32 i = 0; i < SETS; i++)
				squares += (count[i] - mean) * (count[i] - mean) / mean;
			if (squares > SETS * 1.16)
				fail_msg("kind %u: %.0f", kind, squares);
			for (u32 i = 0; i < WEIR_WAYS; i++)
				assert_in_range(way[i], KEYS / WEIR_WAYS * 9 / 10,
						KEYS / WEIR_WAYS * 11 / 10);
		}
	}
	free(count);
}

static int compare(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* 64 bits of each would be the same for two of 2^18 once in 2^29 runs. */
static void no_two_flows_have_the_same_check_or_the_same_place(void **state)
{
	struct random random = random_begin();
	u64 *check = malloc(KEYS * sizeof(*check)), *place = malloc(KEYS * sizeof(*place)), seed[3];

	(void)state;
	assert_true(check && place);
	for (u32 kind = 0; kind < KINDS; kind++) {
		random_seed(&random, seed);
		for (u32 i = 0; i < KEYS; i++) {
			struct weir_flow_key key = ordinary_key(kind, i);
			struct weir_flow_hash hash = weir_flow_hash(&key, seed);

			check[i] = hash.check;
			place[i] = hash.place;
			assert_true(hash.check);
		}
		qsort(check, KEYS, sizeof(*check), compare);
		qsort(place, KEYS, sizeof(*place), compare);
		for (u32 i = 1; i < KEYS; i++)
			assert_true(check[i] != check[i - 1] && place[i] != place[i - 1]);
	}
	free(check);
	free(place);
}

/* Each bit of the key, under each seed, changes place and check; neither alone */
static void every_bit_of_the_key_matters_to_both_hashes(void **state)
{
	struct random random = random_begin();
	u64 seed[3];

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct weir_flow_key key = {{random_u64(&random), random_u64(&random)},
					    {random_u64(&random), random_u64(&random)},
					    (u16)random_u64(&random),
					    (u16)random_u64(&random),
					    6};
		struct weir_flow_hash one, other;

		random_seed(&random, seed);
		one = weir_flow_hash(&key, seed);
		for (u32 bit = 0; bit < 8 * (32 + 4 + 1); bit++) {
			struct weir_flow_key changed = key;

			((u8 *)&changed)[bit / 8] ^= (u8)(1 << bit % 8);
			other = weir_flow_hash(&changed, seed);
			assert_in_range(__builtin_popcountll(one.place ^ other.place), 8, 56);
			assert_in_range(__builtin_popcountll(one.check ^ other.check), 8, 56);
		}
		/* The two ends are not interchangeable: over the loopback both are flows. */
		other = weir_flow_hash(&(struct weir_flow_key){{key.local[0], key.local[1]},
							       {key.remote[0], key.remote[1]},
							       key.lport,
							       key.rport,
							       6},
				       seed);
		assert_true(one.place != other.place && one.check != other.check);
	}
}

static void a_flow_is_found_in_any_way_by_tag_and_check(void **state)
{
	struct weir_flow_hash hash = {0x1234567890abcde5, 77};

	(void)state;
	for (u32 way = 0; way < WEIR_WAYS; way++) {
		struct weir_flow_set set = {};

		assert_int_equal(weir_flow_find(&set, &hash), WEIR_WAYS);
		set.slot[way] = WEIR_SLOT(weir_tag(hash.place), 9);
		assert_int_equal(weir_flow_find(&set, &hash), WEIR_WAYS);
		set.way[way].check = hash.check;
		assert_int_equal(weir_flow_find(&set, &hash), way);
		set.slot[way] = WEIR_SLOT_BUSY;
		assert_int_equal(weir_flow_find(&set, &hash), WEIR_WAYS);
	}
}

static void flows_matter_as_long_as_their_state_says(void **state)
{
	u64 now = 5000 * SECOND_NS, second = SECOND_NS >> 24;
	u32 coarse = weir_flow_coarse(now);

	(void)state;
	assert_int_equal(weir_flow_expiry(WEIR_FLOW_CLOSED, false, now), coarse);
	assert_in_range(weir_flow_expiry(WEIR_FLOW_ASKED, false, now) - coarse, 4 * second,
			4 * second + 4);
	/* A call of ours is kept until its timeout, the longest that can be configured */
	assert_in_range(weir_flow_expiry(WEIR_FLOW_ASKED, true, now) - coarse, 249 * second,
			253 * second);
	assert_in_range(weir_flow_expiry(WEIR_FLOW_ANSWERED, false, now) - coarse, 4 * second,
			4 * second + 4);
	assert_in_range(weir_flow_expiry(WEIR_FLOW_OPEN, false, now) - coarse, 599 * second,
			600 * second + 600);
	/* An open flow keeps its place for 5 minutes of silence; a half-open one never does. */
	for (u32 silent = 0; silent < 700; silent++) {
		u32 later = weir_flow_coarse(now + silent * SECOND_NS);
		u64 open = WEIR_SLOT(1, weir_flow_expiry(WEIR_FLOW_OPEN, false, now));
		u64 half = WEIR_SLOT(1, weir_flow_expiry(WEIR_FLOW_ANSWERED, false, now));

		if (silent != 300)
			assert_int_equal(weir_flow_stays(weir_remaining(open, later)),
					 silent < 300);
		assert_false(weir_flow_stays(weir_remaining(half, later)));
	}
	assert_false(weir_flow_stays(weir_remaining(WEIR_SLOT_FREE, coarse)));
}

static void the_victim_is_closed_else_half_open_and_silent_longest(void **state)
{
	u64 now = 5000 * SECOND_NS, slot[WEIR_WAYS];
	s32 remaining;

	(void)state;
	for (u32 i = 0; i < WEIR_WAYS; i++)
		slot[i] =
			WEIR_SLOT(1, weir_flow_expiry(WEIR_FLOW_OPEN, false, now - i * SECOND_NS));
	assert_int_equal(weir_victim(slot, 0, weir_flow_coarse(now), &remaining), 7);
	assert_true(weir_flow_stays(remaining));
	slot[2] = WEIR_SLOT(1, weir_flow_expiry(WEIR_FLOW_ASKED, false, now));
	slot[5] = WEIR_SLOT(1, weir_flow_expiry(WEIR_FLOW_ANSWERED, false, now - SECOND_NS));
	assert_int_equal(weir_victim(slot, 0, weir_flow_coarse(now), &remaining), 5);
	assert_false(weir_flow_stays(remaining));
	slot[3] = WEIR_SLOT(1, weir_flow_expiry(WEIR_FLOW_CLOSED, false, now));
	assert_int_equal(weir_victim(slot, 0, weir_flow_coarse(now), &remaining), 3);
	assert_true(remaining <= 0);
}

static void the_expiry_moves_on_and_back_only_when_the_state_changes(void **state)
{
	u64 now = 5000 * SECOND_NS,
	    slot = WEIR_SLOT(7, weir_flow_expiry(WEIR_FLOW_OPEN, false, now)), old = slot;

	(void)state;
	weir_flow_keep(&slot, slot, WEIR_FLOW_OPEN, false, false, now - SECOND_NS);
	assert_true(slot == old);
	weir_flow_keep(&slot, slot, WEIR_FLOW_OPEN, false, false, now + SECOND_NS);
	assert_true(slot == WEIR_SLOT(7, weir_flow_expiry(WEIR_FLOW_OPEN, false, now + SECOND_NS)));
	weir_flow_keep(&slot, old, WEIR_FLOW_CLOSED, false, true,
		       now); /* it is not what it was any more */
	assert_true(slot == WEIR_SLOT(7, weir_flow_expiry(WEIR_FLOW_OPEN, false, now + SECOND_NS)));
	weir_flow_keep(&slot, slot, WEIR_FLOW_CLOSED, false, true, now);
	assert_true(slot == WEIR_SLOT(7, weir_flow_coarse(now)));
	slot = WEIR_SLOT_BUSY;
	weir_flow_keep(&slot, slot, WEIR_FLOW_OPEN, false, true, now);
	assert_true(slot == WEIR_SLOT_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_flows_spread_over_sets_and_ways),
		cmocka_unit_test(no_two_flows_have_the_same_check_or_the_same_place),
		cmocka_unit_test(every_bit_of_the_key_matters_to_both_hashes),
		cmocka_unit_test(a_flow_is_found_in_any_way_by_tag_and_check),
		cmocka_unit_test(flows_matter_as_long_as_their_state_says),
		cmocka_unit_test(the_victim_is_closed_else_half_open_and_silent_longest),
		cmocka_unit_test(the_expiry_moves_on_and_back_only_when_the_state_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
