/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/config/limit.h"

#define SEC 1000000000ULL
#define DAY (86400 * SEC)

typedef unsigned __int128 u128;

static int check(const struct config_limit *limit)
{
	struct problem problem = {};
	int r = limit_check_rate(limit, &problem);

	return r ? r : limit_check_burst(limit, &problem);
}

static void assert_ticks(enum weir_unit unit, uint64_t amount, uint64_t period_ns, uint64_t burst,
			 uint64_t cost, uint64_t burst_ticks)
{
	const struct config_limit limit = {
		.unit = unit, .amount = amount, .period_ns = period_ns, .burst = burst};
	struct weir_limit ticks;

	assert_int_equal(check(&limit), 0);
	config_limit_ticks(&limit, &ticks);
	assert_int_equal(ticks.cost, cost);
	assert_int_equal(ticks.burst, burst_ticks);
}

static void ticks_are_as_the_kernel_reads_them(void **state)
{
	(void)state;
	assert_ticks(WEIR_UNIT_PACKETS, 1, SEC, 1, 16 * SEC, 16 * SEC);
	assert_ticks(WEIR_UNIT_PACKETS, 1000000000, SEC, 5, 16, 80);
	assert_ticks(WEIR_UNIT_CONNECTIONS, 100, 60 * SEC, 20, 9600000000, 192000000000);
	assert_ticks(WEIR_UNIT_PACKETS, 1, DAY, 365, 16 * DAY, 365 * 16 * DAY);
	/* 20 MB/s: 800 ticks a byte */
	assert_ticks(WEIR_UNIT_BYTES, 20000000, SEC, 40000000, 800 << 20, 800ULL * 40000000);
	assert_ticks(WEIR_UNIT_BYTES, 10000000000, SEC, 1514, 1677722 /* 1.6 */, 2423);
}

static void rounding_never_lets_more_through(void **state)
{
	(void)state;
	/* 3/s: a third of a second is rounded up, and three of those are the burst: a fourth never fits */
	assert_ticks(WEIR_UNIT_PACKETS, 3, SEC, 3, 5333333334, 3 * 5333333334);
	assert_ticks(WEIR_UNIT_PACKETS, 3, SEC, 1, 5333333334, 5333333334);
}

static void the_edges_of_what_can_be_represented(void **state)
{
	static const struct {
		struct config_limit limit;
		int result;
	} edges[] = {
		{{WEIR_UNIT_PACKETS, 1000000000, SEC, 1}, 0},
		{{WEIR_UNIT_PACKETS, 1000000001, SEC, 1}, -22},
		{{WEIR_UNIT_CONNECTIONS, 86400 * SEC, DAY, 1}, 0},
		{{WEIR_UNIT_CONNECTIONS, 86400 * SEC + 1, DAY, 1}, -22},
		{{WEIR_UNIT_BYTES, 1000000000000, SEC, 1514}, 0},
		{{WEIR_UNIT_BYTES, 1000000000001, SEC, 1514}, -22},
		{{WEIR_UNIT_BYTES, 256, SEC, 1514}, 0},
		{{WEIR_UNIT_BYTES, 255, SEC, 1514}, -22},
		{{WEIR_UNIT_BYTES, 256 * 86400, DAY, 1514}, 0},
		{{WEIR_UNIT_BYTES, 256 * 86400 - 1, DAY, 1514}, -22},
		{{WEIR_UNIT_BYTES, 1000000, SEC, 1513}, -22},
		{{WEIR_UNIT_PACKETS, 1, DAY, 365}, 0},
		{{WEIR_UNIT_PACKETS, 1, DAY, 366}, -22},
		{{WEIR_UNIT_PACKETS, 1000000000, SEC, 31536000000000000}, 0},
		{{WEIR_UNIT_PACKETS, 1000000000, SEC, 31536000000000001}, -22},
		{{WEIR_UNIT_PACKETS, 1, SEC, UINT64_MAX}, -22},
		{{WEIR_UNIT_BYTES, 1000000000000, SEC, UINT64_MAX}, 0}, /* 213 days */
		{{WEIR_UNIT_PACKETS, 0, SEC, 1}, -22},
		{{WEIR_UNIT_PACKETS, UINT64_MAX, SEC, 1}, -22},
		/* of a cluster */
		{{WEIR_UNIT_BYTES, 25600, SEC, 1514, true}, 0},
		{{WEIR_UNIT_BYTES, 25599, SEC, 1514, true}, -22},
		{{WEIR_UNIT_BYTES, 25600 * 3600, 3600 * SEC, 1514, true}, 0},
		{{WEIR_UNIT_BYTES, 25600 * 3600 - 1, 3600 * SEC, 1514, true}, -22},
		{{WEIR_UNIT_PACKETS, 1, DAY, 1, true}, 0},
		{{WEIR_UNIT_PACKETS, 1000000000, SEC, (1ULL << 53) - 1, true}, 0},
		{{WEIR_UNIT_PACKETS, 1000000000, SEC, 1ULL << 53, true}, -22},
		{{WEIR_UNIT_PACKETS, 1000000000, SEC, 1ULL << 53, false}, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		if (check(&edges[i].limit) != edges[i].result)
			fail_msg("edge %zu", i);
}

static unsigned int seed_of_test(void)
{
	const char *text = getenv("WEIR_TEST_SEED");
	unsigned int seed = text ? (unsigned int)strtoul(text, NULL, 10) : (unsigned int)time(NULL);

	print_message("seed %u (WEIR_TEST_SEED=%u repeats it)\n", seed, seed);
	return seed;
}

static uint64_t any(unsigned int bits)
{
	uint64_t word = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();

	return word >> (64 - bits) % 64;
}

/*
 * Whatever a check lets pass: the cost is the least that is no less than exact, the burst holds as many units
 * as it says and not one more (but one packet), a 64 KiB packet's cost and now + burst do not overflow.
 */
static void every_limit_that_passes_is_exact_and_fits(void **state)
{
	static const uint64_t periods[] = {SEC, 60 * SEC, 3600 * SEC, DAY};
	unsigned int seed = seed_of_test(), passed = 0;

	(void)state;
	srand(seed);
	for (unsigned int i = 0; i < 1000000; i++) {
		const struct config_limit limit = {
			.unit = (enum weir_unit)(rand() % WEIR_UNIT_COUNT),
			.amount = any(1 + (unsigned int)rand() % 63),
			.period_ns = periods[rand() % 4],
			.burst = any(1 + (unsigned int)rand() % 63),
		};
		unsigned int shift = limit.unit == WEIR_UNIT_BYTES ? WEIR_BYTE_COST_SHIFT : 0;
		u128 period = (u128)limit.period_ns * WEIR_TICKS_PER_NS;
		struct weir_limit ticks;

		if (check(&limit) < 0)
			continue;
		passed++;
		config_limit_ticks(&limit, &ticks);
		assert_true((u128)ticks.cost * limit.amount >= period << shift);
		assert_true((u128)(ticks.cost - 1) * limit.amount < period << shift);
		assert_true(ticks.burst < 1ULL << 62);
		if (shift) {
			assert_true(ticks.cost < 1ULL << 46);
			assert_true((u128)ticks.burst << shift >=
				    (u128)ticks.cost * LIMIT_FRAME_BYTES);
		} else {
			assert_true(ticks.burst >= ticks.cost);
		}
		/* As many units as it says, to the tick; more only where not one packet would fit */
		assert_true((u128)ticks.burst << shift >= (u128)ticks.cost * limit.burst);
		if ((u128)(ticks.burst - 1) << shift >= (u128)ticks.cost * limit.burst)
			assert_true((u128)(ticks.burst - 1) << shift <
				    (u128)ticks.cost * (shift ? LIMIT_FRAME_BYTES : 1));
	}
	print_message("%u limits passed\n", passed);
	assert_true(passed > 1000);
}

/*
 * The even share of one of so many nodes is a limit that the kernel can do: what it costs is within the bounds of
 * config_limit_ticks(), and the least bucket, one unit or one frame, fills again within a year.
 */
static void every_even_share_of_a_cluster_limit_fits(void **state)
{
	static const uint64_t periods[] = {SEC, 60 * SEC, 3600 * SEC, DAY};
	unsigned int seed = seed_of_test(), passed = 0;

	(void)state;
	srand(seed);
	for (unsigned int i = 0; i < 1000000; i++) {
		const struct config_limit limit = {
			.unit = (enum weir_unit)(rand() % WEIR_UNIT_COUNT),
			.amount = any(1 + (unsigned int)rand() % 63),
			.period_ns = periods[rand() % 4],
			.burst = any(1 + (unsigned int)rand() % 63),
			.cluster = true,
		};
		bool bytes = limit.unit == WEIR_UNIT_BYTES;
		double rate = (double)limit.amount / (double)limit.period_ns * 1e9;
		double share = rate / LIMIT_CLUSTER_NODES, least = bytes ? LIMIT_FRAME_BYTES : 1;

		if (check(&limit) < 0)
			continue;
		passed++;
		assert_true(rate < 0x1p53 && (double)limit.burst < 0x1p53);
		assert_true((uint64_t)(double)limit.burst == limit.burst);
		assert_true(least / share * 1e9 < (double)LIMIT_REFILL_MAX_NS);
		/* in ticks of 1/16 ns; of bytes by 2^20 */
		assert_true(16e9 / share * (bytes ? 0x1p20 : 1) < (bytes ? 0x1.000001p46 : 0x1p59));
	}
	print_message("%u limits passed\n", passed);
	assert_true(passed > 1000);
}

/* ------------------------------------------------------------------------------------ shares of a limit */

#define YEAR_TICKS (LIMIT_REFILL_MAX_NS * WEIR_TICKS_PER_NS)

static void even_shares_are_as_the_kernel_reads_them(void **state)
{
	static const struct {
		const char *what;
		struct config_limit limit;
		uint32_t nodes;
		uint64_t cost, burst;
	} cases[] = {
		{"one node has all of it",
		 {WEIR_UNIT_PACKETS, 100, SEC, 20},
		 1,
		 160000000,
		 20 * 160000000ULL},
		{"no node known is one",
		 {WEIR_UNIT_PACKETS, 100, SEC, 20},
		 0,
		 160000000,
		 20 * 160000000ULL},
		{"a quarter", {WEIR_UNIT_PACKETS, 100, SEC, 20}, 4, 640000000, 5 * 640000000ULL},
		{"rounded up", {WEIR_UNIT_PACKETS, 3, SEC, 6}, 2, 10666666667, 3 * 10666666667},
		{"half a unit more is kept", {WEIR_UNIT_PACKETS, 16, SEC, 7}, 2, 2 * SEC, 7 * SEC},
		{"one unit at least", {WEIR_UNIT_PACKETS, 16, SEC, 7}, 16, 16 * SEC, 16 * SEC},
		{"one unit a year",
		 {WEIR_UNIT_CONNECTIONS, 1, DAY, 1},
		 1000,
		 YEAR_TICKS,
		 YEAR_TICKS},
		{"the most nodes there can be",
		 {WEIR_UNIT_PACKETS, 1, DAY, 365},
		 UINT32_MAX,
		 YEAR_TICKS,
		 YEAR_TICKS},
		{"bytes",
		 {WEIR_UNIT_BYTES, 20000000, SEC, 40000000},
		 10,
		 8000ULL << 20,
		 8000ULL * 4000000},
		{"256 bytes a second and one frame",
		 {WEIR_UNIT_BYTES, 1000, SEC, 15140},
		 100,
		 62500000ULL << 20,
		 62500000ULL * 1514},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_limit is;

		config_even_ticks(&cases[i].limit, cases[i].nodes, &is);
		if (is.cost != cases[i].cost || is.burst != cases[i].burst)
			fail_msg("%s: cost %llu, burst %llu", cases[i].what,
				 (unsigned long long)is.cost, (unsigned long long)is.burst);
	}
}

static void a_share_is_as_the_kernel_reads_it(void **state)
{
	static const struct {
		const char *what;
		enum weir_unit unit;
		double rate, burst;
		uint64_t cost, burst_ticks;
	} cases[] = {
		{"whole numbers", WEIR_UNIT_PACKETS, 100, 20, 160000000, 20 * 160000000ULL},
		{"bytes", WEIR_UNIT_BYTES, 2e6, 4e6, 8000ULL << 20, 8000ULL * 4000000},
		{"rounded up", WEIR_UNIT_PACKETS, 1.5, 3, 10666666667, 3 * 10666666667},
		{"parts of a unit", WEIR_UNIT_PACKETS, 8, 3.5, 2 * SEC, 7 * SEC},
		{"a burst of nothing is one unit", WEIR_UNIT_PACKETS, 8, 0, 2 * SEC, 2 * SEC},
		{"a burst below nothing, too", WEIR_UNIT_PACKETS, 8, -5, 2 * SEC, 2 * SEC},
		{"as slow as can be", WEIR_UNIT_PACKETS, 1e-300, 1e300, YEAR_TICKS, 1},
		{"as fast as can be", WEIR_UNIT_CONNECTIONS, INFINITY, 5, 16, 80},
		{"bytes as slow as can be", WEIR_UNIT_BYTES, 1, 1, 62500000ULL << 20,
		 62500000ULL * 1514},
		{"bytes as fast as can be", WEIR_UNIT_BYTES, 1e300, 1e6,
		 16778 /* 0.016 ticks, rounded up */, 16001},
		{"rate 0 lets nothing pass", WEIR_UNIT_PACKETS, 0, 20, YEAR_TICKS, 0},
		{"bytes likewise", WEIR_UNIT_BYTES, 0, 1e6, 62500000ULL << 20, 0},
		{"what is below", WEIR_UNIT_PACKETS, -1, 20, YEAR_TICKS, 0},
		{"what is no number", WEIR_UNIT_PACKETS, NAN, 20, YEAR_TICKS, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_limit is;

		config_share_ticks(cases[i].unit, cases[i].rate, cases[i].burst, &is);
		/* 1: a year at least, and no more than the clock that forgets clients holds for */
		if (is.cost != cases[i].cost ||
		    (cases[i].burst_ticks == 1
			     ? is.burst < YEAR_TICKS || is.burst > YEAR_TICKS / 10 * 11
			     : is.burst != cases[i].burst_ticks))
			fail_msg("%s: cost %llu, burst %llu", cases[i].what,
				 (unsigned long long)is.cost, (unsigned long long)is.burst);
	}
}

/* Any rate a double can be: never faster than it says, unless that is too slow for the kernel, and by a tick slower at most */
static void a_share_is_never_more_than_it_says(void **state)
{
	unsigned int seed = (unsigned int)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (unsigned int i = 0; i < 1000000; i++) {
		enum weir_unit unit = (enum weir_unit)(rand() % WEIR_UNIT_COUNT);
		long double scale = unit == WEIR_UNIT_BYTES ? 1 << WEIR_BYTE_COST_SHIFT : 1;
		double rate = ldexp(1 + rand() / (RAND_MAX + 1.0), rand() % 50 - 20);
		double burst = ldexp(1 + rand() / (RAND_MAX + 1.0), rand() % 40);
		struct weir_limit is;
		long double exact;

		if (rate > 1e9 || (unit == WEIR_UNIT_BYTES && rate < 256))
			continue;
		config_share_ticks(unit, rate, burst, &is);
		exact = 1.6e10L * scale / rate;
		if (is.cost < exact * (1 - 1e-18L) || is.cost > exact * (1 + 1e-18L) + 1)
			fail_msg("rate %a: cost %llu", rate, (unsigned long long)is.cost);
		if (is.burst < YEAR_TICKS && burst > 1514 &&
		    fabsl(is.burst - is.cost / scale * burst) > is.cost / scale / (1 << 20) + 1)
			fail_msg("rate %a, burst %a: cost %llu, burst %llu", rate, burst,
				 (unsigned long long)is.cost, (unsigned long long)is.burst);
	}
}

static void format_and_parse_are_inverse(void **state)
{
	static const char *const texts[] = {
		"100/min connections burst 20",		  "1/day packets burst 365",
		"20000000/s bytes burst 40000000",	  "1000/hour connections burst 1000",
		"5000/min connections burst 100 cluster",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config_limit limit;
		struct problem problem = {};
		char text[WEIR_LIMIT_TEXT];

		assert_int_equal(limit_parse(texts[i], &limit, &problem), 0);
		assert_string_equal(limit_format(&limit, text, sizeof(text)), texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_are_as_the_kernel_reads_them),
		cmocka_unit_test(rounding_never_lets_more_through),
		cmocka_unit_test(the_edges_of_what_can_be_represented),
		cmocka_unit_test(every_limit_that_passes_is_exact_and_fits),
		cmocka_unit_test(every_even_share_of_a_cluster_limit_fits),

		cmocka_unit_test(even_shares_are_as_the_kernel_reads_them),
		cmocka_unit_test(a_share_is_as_the_kernel_reads_it),
		cmocka_unit_test(a_share_is_never_more_than_it_says),
		cmocka_unit_test(format_and_parse_are_inverse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
