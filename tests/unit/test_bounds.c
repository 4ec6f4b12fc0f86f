/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bounds of latency slots against exact arithmetic, and the search in them at each bound and its neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bpf/core/histogram.h"
#include "user/base/bounds.h"

/* Those of the default configuration, of which 250 ms, 500 ms and 1 s are native as well */
static const uint64_t default_le[] = {1000000,	  2500000,    5000000,	  10000000,  25000000,
				      50000000,	  100000000,  250000000,  500000000, 1000000000,
				      2500000000, 5000000000, 10000000000};
#define LES(le) (le), sizeof(le) / sizeof((le)[0])

/* A natural number of 320 bits, lowest word first: enough for 2^36 to the fourth, times 2^68 */
struct big {
	uint32_t word[10];
};

static void times(struct big *big, uint64_t factor)
{
	struct big low = *big, high = {{0}};
	uint64_t carry = 0;

	for (size_t i = 0; i < 10; i++) {
		carry += (uint64_t)big->word[i] * (uint32_t)factor;
		low.word[i] = (uint32_t)carry;
		carry >>= 32;
	}
	assert_int_equal(carry, 0);
	for (size_t i = 0; i + 1 < 10; i++) {
		carry += (uint64_t)big->word[i] * (factor >> 32);
		high.word[i + 1] = (uint32_t)carry;
		carry >>= 32;
	}
	assert_int_equal(carry, 0);
	for (size_t i = 0; i < 10; i++) {
		carry += (uint64_t)low.word[i] + high.word[i];
		big->word[i] = (uint32_t)carry;
		carry >>= 32;
	}
	assert_int_equal(carry, 0);
}

static int compare(const struct big *a, const struct big *b)
{
	for (size_t i = 10; i-- > 0;)
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i] ? -1 : 1;
	return 0;
}

/* Is ns <= 2^(k/4) s? That is ns^4 * 2^68 <= 2^(k + 68) * 10^36 */
static bool within(uint64_t ns, int k)
{
	struct big left = {{1}}, right = {{1}};

	for (int i = 0; i < 4; i++) {
		times(&left, ns);
		times(&right, 1000000000);
	}
	times(&left, 1ULL << 34);
	times(&left, 1ULL << 34);
	for (int i = 0; i < k + 68; i++)
		times(&right, 2);
	return compare(&left, &right) <= 0;
}

static void the_reference_knows_what_is_known(void **state)
{
	(void)state;
	assert_true(within(1000000000, 0));
	assert_false(within(1000000001, 0));
	assert_true(within(1414213562, 2)); /* the square root of 2 is 1.41421356237 */
	assert_false(within(1414213563, 2));
	assert_true(within(7629, -68)); /* 2^-17 is 7.62939453125e-06 */
	assert_false(within(7630, -68));
	assert_true(within(1ULL << 36, 25)); /* 68.7 s, 76.1 s */
	assert_false(within(1ULL << 36, 24));
}

static void native_bounds_are_whole_parts_of_powers_of_two(void **state)
{
	(void)state;
	for (int k = WEIR_NATIVE_FIRST; k <= WEIR_NATIVE_LAST; k++) {
		uint64_t ns = bounds_native_ns(k);

		if (!within(ns, k) || within(ns + 1, k))
			fail_msg("2^(%d/4) s are not %llu ns", k, (unsigned long long)ns);
	}
	assert_int_equal(bounds_native_ns(0), 1000000000);
	assert_int_equal(bounds_native_ns(WEIR_NATIVE_LAST), 64000000000);
}

static void check_union(const uint64_t *le, size_t les)
{
	struct bounds bounds;
	size_t native = 0, classic = 0;

	memset(&bounds, 0xa5, sizeof(bounds));
	bounds_make(le, les, &bounds);
	assert_true(bounds.count <= WEIR_BOUNDS);
	for (size_t i = 0; i < bounds.count; i++) {
		assert_true(!i || bounds.ns[i] > bounds.ns[i - 1]);
		assert_in_range(bounds.kind[i], 1, 3);
		if (bounds.kind[i] & WEIR_BOUND_NATIVE)
			assert_int_equal(bounds.ns[i],
					 bounds_native_ns(WEIR_NATIVE_FIRST + (int)native++));
		if (bounds.kind[i] & WEIR_BOUND_LE)
			assert_int_equal(bounds.ns[i], le[classic++]);
	}
	assert_int_equal(native, WEIR_NATIVE_BOUNDS);
	assert_int_equal(classic, les);
	for (size_t i = bounds.count; i < WEIR_SLOTS; i++) {
		assert_true(bounds.ns[i] == ~0ULL);
		assert_int_equal(bounds.kind[i], 0);
	}
}

static void slots_are_cut_at_both_kinds_of_bounds(void **state)
{
	uint64_t low[WEIR_LE_MAX], high[WEIR_LE_MAX], native[WEIR_LE_MAX],
		ends[] = {7629, 64000000000};
	struct bounds bounds;

	(void)state;
	for (size_t i = 0; i < WEIR_LE_MAX; i++) {
		low[i] = i + 1;
		high[i] = (1ULL << 62) + i;
		native[i] = bounds_native_ns(WEIR_NATIVE_LAST - (WEIR_LE_MAX - 1) + (int)i);
	}
	check_union(NULL, 0);
	check_union(LES(default_le));
	check_union(LES(low));
	check_union(LES(high));
	check_union(LES(native));
	check_union(LES(ends));

	bounds_make(LES(default_le), &bounds);
	assert_int_equal(bounds.count, WEIR_NATIVE_BOUNDS + 13 - 3);
	bounds_make(LES(high), &bounds);
	assert_int_equal(bounds.count, WEIR_BOUNDS);
	bounds_make(LES(native), &bounds);
	assert_int_equal(bounds.count, WEIR_NATIVE_BOUNDS);
}

static u32 find(const struct bounds *bounds, u64 ns)
{
	u64 bound_ns[WEIR_SLOTS];

	memcpy(bound_ns, bounds->ns, sizeof(bound_ns));
	return weir_slot(bound_ns, ns);
}

/* What weir_slot() is to find: one comparison after another */
static u32 first_not_below(const uint64_t *bound_ns, u64 ns)
{
	u32 slot = 0;

	while (ns > bound_ns[slot])
		slot++;
	return slot;
}

static void a_bound_and_its_neighbours_find_their_slots(void **state)
{
	static const uint64_t high[] = {1, 65000000000, (1ULL << 63) - 1};
	struct bounds bounds[3];

	(void)state;
	bounds_make(NULL, 0, &bounds[0]);
	bounds_make(LES(default_le), &bounds[1]);
	bounds_make(LES(high), &bounds[2]);
	for (size_t b = 0; b < 3; b++) {
		for (size_t i = 0; i < bounds[b].count; i++) {
			u64 ns = bounds[b].ns[i];

			assert_int_equal(find(&bounds[b], ns), i);
			/* Only 0 and 1 ns are neighbours, of the last test's lowest bound */
			assert_int_equal(find(&bounds[b], ns - 1),
					 first_not_below(bounds[b].ns, ns - 1));
			if (ns + 1 < 1ULL << 63)
				assert_int_equal(find(&bounds[b], ns + 1), i + 1);
		}
		assert_int_equal(find(&bounds[b], 0), 0);
		assert_int_equal(find(&bounds[b], (u64)-5), 0); /* clocks that disagree */
	}
	assert_int_equal(find(&bounds[1], 1ULL << 62), bounds[1].count);
}

static void any_sample_is_in_one_native_and_one_classic_bucket(void **state)
{
	unsigned int seed = (unsigned int)time(NULL);
	struct bounds bounds;

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	bounds_make(LES(default_le), &bounds);
	for (int i = 0; i < 200000; i++) {
		/* As many in each doubling, up to 137 s */
		u64 ns = ((u64)random() << 6 ^ (u64)random()) >> random() % 37;
		u32 slot = find(&bounds, ns);
		int k = WEIR_NATIVE_FIRST;
		size_t le = 0;

		assert_int_equal(slot, first_not_below(bounds.ns, ns));
		/* The bucket of each kind by its own bounds holds the whole slot */
		while (k <= WEIR_NATIVE_LAST && ns > bounds_native_ns(k))
			k++;
		while (le < 13 && ns > default_le[le])
			le++;
		assert_true(k > WEIR_NATIVE_LAST || bounds.ns[slot] <= bounds_native_ns(k));
		assert_true(le == 13 || bounds.ns[slot] <= default_le[le]);
		assert_true(!slot || k == WEIR_NATIVE_FIRST ||
			    bounds.ns[slot - 1] >= bounds_native_ns(k - 1));
		assert_true(!slot || !le || bounds.ns[slot - 1] >= default_le[le - 1]);
	}
}

static void all_128_bounds_are_searched(void **state)
{
	struct bounds bounds = {0};

	(void)state;
	for (u64 used = 0; used <= WEIR_BOUNDS; used++) {
		for (u64 i = 0; i < WEIR_SLOTS; i++)
			bounds.ns[i] = i < used ? 10 * i + 5 : ~0ULL;
		for (u64 ns = 0; ns < 1300; ns++)
			assert_int_equal(find(&bounds, ns), first_not_below(bounds.ns, ns));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_knows_what_is_known),
		cmocka_unit_test(native_bounds_are_whole_parts_of_powers_of_two),
		cmocka_unit_test(slots_are_cut_at_both_kinds_of_bounds),
		cmocka_unit_test(a_bound_and_its_neighbours_find_their_slots),
		cmocka_unit_test(any_sample_is_in_one_native_and_one_classic_bucket),
		cmocka_unit_test(all_128_bounds_are_searched),
	};

	return cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
}
