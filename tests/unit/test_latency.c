/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bpf/core/histogram.h"
#include "user/base/bounds.h"
#include "user/base/latency.h"

static const uint64_t bound_ns[] = {100, 200, 400, 800};

static void check_quantile(const struct weir_histogram *histogram, double q, double expected)
{
	double got = latency_quantile_ns(histogram, bound_ns, 4, q);

	if (fabs(got - expected) > 1e-9)
		fail_msg("quantile %g is %.12g, not %.12g", q, got, expected);
}

static void quantiles_lie_between_the_bounds_of_their_slot(void **state)
{
	/* 10 up to 100, 20 up to 400, 10 up to 800 */
	const struct weir_histogram histogram = {.slot = {10, 0, 20, 10}};

	(void)state;
	assert_int_equal(latency_count(&histogram), 40);
	check_quantile(&histogram, 0, 0);
	check_quantile(&histogram, 0.125, 50);
	check_quantile(&histogram, 0.25, 100);
	check_quantile(&histogram, 0.5, 300);
	check_quantile(&histogram, 0.75, 400);
	check_quantile(&histogram, 0.9, 640);
	check_quantile(&histogram, 1, 800);
	assert_int_equal(latency_max_ns(&histogram, bound_ns, 4), 800);
}

static void what_is_above_every_bound_is_told_as_the_highest(void **state)
{
	const struct weir_histogram some = {.slot = {3, [4] = 1}}, all = {.slot = {[4] = 7}};

	(void)state;
	assert_int_equal(latency_count(&some), 4);
	check_quantile(&some, 0.75, 100);
	check_quantile(&some, 0.76, 800);
	check_quantile(&some, 1, 800);
	check_quantile(&all, 0.5, 800);
	assert_int_equal(latency_max_ns(&some, bound_ns, 4), 800);
}

static void without_samples_everything_is_zero(void **state)
{
	const struct weir_histogram histogram = {0};

	(void)state;
	assert_int_equal(latency_count(&histogram), 0);
	check_quantile(&histogram, 0.99, 0);
	assert_int_equal(latency_max_ns(&histogram, bound_ns, 4), 0);
	assert_true(latency_quantile_ns(&histogram, NULL, 0, 0.5) == 0);
}

static void the_highest_slot_with_a_sample_is_the_slowest(void **state)
{
	struct weir_histogram histogram = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		histogram.slot[i] = 1;
		assert_int_equal(latency_max_ns(&histogram, bound_ns, 4), bound_ns[i]);
	}
}

static void a_difference_is_what_came_between(void **state)
{
	const struct weir_histogram before = {.sum_ns = 500, .slot = {1, 2, 3}};
	struct weir_histogram now = {.sum_ns = 900, .slot = {1, 4, 3, 1}};
	const struct weir_histogram between = {.sum_ns = 400, .slot = {0, 2, 0, 1}};
	const struct weir_histogram anew = {.sum_ns = 100, .slot = {1, 1, 9}};
	struct weir_histogram out;

	(void)state;
	latency_since(&now, &before, &out);
	assert_memory_equal(&out, &between, sizeof(out));
	latency_since(&now, &before, &now);
	assert_memory_equal(&now, &between, sizeof(now));

	/* One slot with fewer: other bounds, or other pins */
	latency_since(&anew, &before, &out);
	assert_memory_equal(&out, &anew, sizeof(out));
	latency_since(&before, &before, &out);
	assert_int_equal(latency_count(&out), 0);
	assert_int_equal(out.sum_ns, 0);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The promise of the header, on samples whose true quantiles are known */
static void quantiles_are_within_one_slot_of_the_truth(void **state)
{
	enum { SAMPLES = 20000 };
	static const double quantile[] = {0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999};
	unsigned int seed = (unsigned int)time(NULL);
	static uint64_t sample[SAMPLES];
	struct weir_histogram histogram = {0};
	struct bounds bounds;
	u64 cut_ns[WEIR_SLOTS];

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	bounds_make(NULL, 0, &bounds);
	memcpy(cut_ns, bounds.ns, sizeof(cut_ns));
	for (size_t i = 0; i < SAMPLES; i++) {
		/* Exponential, mean 20 ms */
		sample[i] = (uint64_t)(-20e6 * log((double)(random() + 1) / 2147483649.0));
		histogram.slot[weir_slot(cut_ns, sample[i])]++;
	}
	qsort(sample, SAMPLES, sizeof(sample[0]), ascending);
	assert_int_equal(latency_count(&histogram), SAMPLES);
	for (size_t i = 0; i < sizeof(quantile) / sizeof(quantile[0]); i++) {
		double truth = (double)sample[(size_t)(quantile[i] * SAMPLES) - 1];
		double got = latency_quantile_ns(&histogram, bounds.ns, bounds.count, quantile[i]);

		if (fabs(got / truth - 1) > 0.19)
			fail_msg("quantile %g is %g ms, not %g", quantile[i], got / 1e6,
				 truth / 1e6);
	}
	assert_in_range(latency_max_ns(&histogram, bounds.ns, bounds.count), sample[SAMPLES - 1],
			sample[SAMPLES - 1] * 119 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_lie_between_the_bounds_of_their_slot),
		cmocka_unit_test(what_is_above_every_bound_is_told_as_the_highest),
		cmocka_unit_test(without_samples_everything_is_zero),
		cmocka_unit_test(the_highest_slot_with_a_sample_is_the_slowest),
		cmocka_unit_test(a_difference_is_what_came_between),
		cmocka_unit_test(quantiles_are_within_one_slot_of_the_truth),
	};

	return cmocka_run_group_tests_name("latency", tests, NULL, NULL);
}
