/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What breakers in wide use do, number by number, derived anew from their public test suites. Where they differ from
 * ours, the difference is said beside the vector.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/unit/breaker_world.h"
#include "user/breaker/outlier.h"
#include "user/breaker/window.h"

/* -------------------------------------------------------------------------------------- gobreaker */

/*
 * github.com/sony/gobreaker v2/gobreaker_test.go, TestDefaultCircuitBreaker: ReadyToTrip is more than 5 consecutive
 * failures, Timeout 60 s (always: recovery_max), MaxRequests 1.
 */
static void gobreaker_opens_at_the_sixth_failure_in_a_row(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;

	(void)state;
	config.consecutive_failures = 6;
	config.recovery_ns = config.recovery_max_ns = 60 * SEC;
	world_begin(&world, &config, 1);
	world_fails(&world, 0, 5);
	assert_state(&world, 0, CLOSED);
	world_succeed(&world, 0);
	world_fails(&world, 0, 5);
	assert_state(&world, 0, CLOSED);
	world_fail(&world, 0);
	assert_state(&world, 0, OPEN);
	assert_int_equal(world.last.figures.streak, 6);
	assert_int_equal(world_view(&world, 0).figures.streak, 0);

	/* open: outcomes change nothing */
	world_succeed(&world, 0);
	world_fail(&world, 0);
	world_at(&world, world.now + 59 * SEC);
	assert_state(&world, 0, OPEN);
	world_at(&world, world.now + 1 * SEC);
	assert_state(&world, 0, HALF_OPEN);
	world_fail(&world, 0);
	assert_state(&world, 0, OPEN);
	world_at(&world, world.now + 60 * SEC);
	assert_state(&world, 0, HALF_OPEN);
	world_succeed(&world, 0);
	assert_state(&world, 0, CLOSED);
	world_end(&world);
}

static void assert_window(const struct world *world, uint64_t calls, uint64_t failures)
{
	struct breaker_view view = world_view(world, 0);

	assert_int_equal(view.figures.calls, calls);
	assert_int_equal(view.figures.failures, failures);
}

/* A call, counted: S or F */
static void calls(struct world *world, const char *results)
{
	for (; *results; results++)
		world_count(world, 0, 1, *results == 'F', 0);
}

/*
 * The same file, TestRollingWindowCircuitBreaker: 10 buckets of 3 s, at least 3 requests, at least 0.6 of them
 * failed, Timeout 90 s, MaxRequests 3. There times are counted from the last bucket's start, as ours are.
 */
static void gobreaker_opens_at_14_failures_of_23_calls(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;

	(void)state;
	config.failure_ratio = 6000;
	config.min_calls = 3;
	config.window_ns = 30 * SEC;
	config.recovery_ns = 90 * SEC;
	config.half_open_permits = config.half_open_successes = 3;
	world_begin(&world, &config, 1);
	calls(&world, "SFSFSFSFSF");
	assert_window(&world, 10, 5);
	world_at(&world, world.now + 3 * SEC);
	calls(&world, "S");
	assert_window(&world, 11, 5);
	world_at(&world, world.now + 2 * SEC);
	calls(&world, "S");
	assert_window(&world, 12, 5);
	world_at(&world, world.now + 2 * SEC);
	calls(&world, "S");
	assert_window(&world, 13, 5);
	world_at(&world, world.now + 2 * SEC);
	calls(&world, "F");
	assert_window(&world, 14, 6);
	for (uint64_t i = 0; i < 6; i++) {
		world_at(&world, world.now + 3 * SEC);
		calls(&world, "SF");
		assert_window(&world, 16 + 2 * i, 7 + i);
	}
	/* the first bucket with its 10 calls leaves */
	world_at(&world, world.now + 3 * SEC);
	calls(&world, "F");
	assert_window(&world, 17, 8);
	calls(&world, "FFFFF");
	assert_window(&world, 22, 13);
	assert_state(&world, 0, CLOSED); /* 13/22 = 0.5909 */
	calls(&world, "F");
	assert_state(&world, 0, OPEN); /* 14/23 = 0.6087 */
	assert_reason(&world, FAILURE_RATIO);
	assert_int_equal(world.last.figures.calls, 23);
	assert_int_equal(world.last.figures.failures, 14);
	world_at(&world, world.now + 90 * SEC);
	assert_state(&world, 0, HALF_OPEN);
	assert_int_equal(world_gate(&world, 0).permits, 3);
	world_succeed(&world, 0);
	world_succeed(&world, 0);
	assert_state(&world, 0, HALF_OPEN);
	world_succeed(&world, 0);
	assert_state(&world, 0, CLOSED);
	assert_window(&world, 0, 0);
	world_end(&world);
}

/* ----------------------------------------------------------------------------------- resilience4j */

static void add_calls(struct window *window, uint64_t *now, const char *results)
{
	for (; *results; results++, *now += SEC)
		window_add(window, &(struct window_counts){1, *results == 'F', 0}, *now);
}

/* Exactly so much: it is reached, and not a hundredth of a percent more */
static void assert_rate(const struct window *window, uint32_t percent)
{
	assert_true(window_reaches(window, window->sum.failures, percent * 100, 10));
	assert_false(window_reaches(window, window->sum.failures, percent * 100 + 1, 10));
}

/*
 * github.com/resilience4j/resilience4j CircuitBreakerMetricsTest: the last 10 calls, at least 10. A call in each second is
 * the same in a window of 10 x 1 s.
 */
static void resilience4j_knows_no_rate_below_the_minimum_then_60_then_30_percent(void **state)
{
	struct window window;
	uint64_t now = 0;

	(void)state;
	window_reset(&window, 10 * SEC, now);
	add_calls(&window, &now, "SSFF");
	assert_int_equal(window.sum.calls, 4);
	assert_int_equal(window.sum.failures, 2);
	assert_false(window_reaches(&window, window.sum.failures, 1, 10)); /* unknown */
	add_calls(&window, &now, "FFFFSSSS");
	assert_int_equal(window.sum.calls, 10);
	assert_int_equal(window.sum.failures, 6);
	assert_rate(&window, 60);
	add_calls(&window, &now, "SSS");
	assert_int_equal(window.sum.calls, 10);
	assert_rate(&window, 30);
}

/* The same, as the machine sees it: the default threshold is 50 %, reached at the tenth call, 6 of 10. */
static void resilience4j_opens_no_earlier_than_the_minimum_of_calls(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;

	(void)state;
	config.failure_ratio = 5000;
	config.min_calls = 10;
	world_begin(&world, &config, 1);
	for (const char *result = "SSFFFFFFS"; *result; result++) {
		calls(&world, (const char[]){*result, 0});
		world_at(&world, world.now + SEC);
	}
	assert_state(&world, 0, CLOSED); /* 6 of 9, too few */
	calls(&world, "S");
	assert_state(&world, 0, OPEN);
	assert_int_equal(world.last.figures.calls, 10);
	assert_int_equal(world.last.figures.failures, 6);
	world_end(&world);
}

/* --------------------------------------------------------------------------------------- Sentinel */

/*
 * github.com/alibaba/Sentinel CircuitBreakingIntegrationTest.testSlowRequestMode: a slow ratio above 0.8, at least 10
 * requests, within 20 s; retried after 5 s. Ours opens at a ratio of at least so much: one ten-thousandth more.
 */
static void sentinel_stays_closed_at_7_slow_of_10_and_opens_at_13_of_16(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;

	(void)state;
	config.slow_ratio = 8001;
	config.min_calls = 10;
	config.window_ns = 20 * SEC;
	config.recovery_ns = config.recovery_max_ns = 5 * SEC;
	world_begin(&world, &config, 1);
	for (unsigned int i = 0; i < 7; i++)
		world_count(&world, 0, 1, 0, 1);
	for (unsigned int i = 0; i < 3; i++)
		world_count(&world, 0, 1, 0, 0);
	assert_state(&world, 0, CLOSED); /* 7/10 */
	for (unsigned int i = 0; i < 5; i++)
		world_count(&world, 0, 1, 0, 1);
	assert_state(&world, 0, CLOSED); /* 12/15 = 0.8, which is not above */
	world_count(&world, 0, 1, 0, 1);
	assert_state(&world, 0, OPEN); /* 13/16 */
	assert_reason(&world, SLOW_RATIO);
	assert_int_equal(world.last.figures.calls, 16);
	assert_int_equal(world.last.figures.slow, 13);

	world_at(&world, world.now + 1 * SEC);
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_REFUSE);
	world_at(&world, world.now + 5 * SEC);
	assert_state(&world, 0, HALF_OPEN);
	world_slow(&world, 0); /* a slow probe opens it again */
	assert_state(&world, 0, OPEN);
	assert_reason(&world, PROBE_SLOW);
	world_at(&world, world.now + 6 * SEC);
	assert_state(&world, 0, HALF_OPEN);
	world_succeed(&world, 0);
	assert_state(&world, 0, CLOSED);
	world_end(&world);
}

/* The same class, testExceptionRatioMode: at least 0.5 failed of 10, the sixth of them with the tenth call */
static void sentinel_opens_at_the_tenth_call_by_failures(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;

	(void)state;
	config.failure_ratio = 5000;
	config.min_calls = 10;
	config.window_ns = 25 * SEC;
	world_begin(&world, &config, 1);
	calls(&world, "FFFFFFSSS");
	assert_state(&world, 0, CLOSED);
	calls(&world, "F");
	assert_state(&world, 0, OPEN);
	world_end(&world);
}

/* ------------------------------------------------------------------------------------------ Envoy */

/*
 * github.com/envoyproxy/envoy outlier_detection_impl_test.cc, BasicFlow5xxViaHttpCodes: 5 in a row, base ejection
 * time 30 s, two hosts. Envoy's host is back at once; ours comes back half-open, and here one call closes it.
 */
static void envoy_ejects_at_5_failures_and_lets_back_after_30_s(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;
	uint64_t zero;

	(void)state;
	config.consecutive_failures = 5;
	world_begin(&world, &config, 2);
	zero = world.now;
	world_fail(&world, 0);
	world_succeed(&world, 0);
	world_fails(&world, 0, 4);
	assert_state(&world, 0, CLOSED);
	world_fail(&world, 0);
	assert_state(&world, 0, OPEN);
	assert_int_equal(breaker_out(world.breaker), 1);
	world_at(&world, zero + 9999 * MS);
	assert_state(&world, 0, OPEN);
	world_at(&world, zero + 30001 * MS);
	assert_state(&world, 0, HALF_OPEN);
	world_succeed(&world, 0);
	assert_state(&world, 0, CLOSED);
	assert_int_equal(breaker_out(world.breaker), 0);

	world_fails(&world, 0, 4);
	world_at(&world, zero + 40000 * MS);
	world_fail(&world, 0);
	assert_state(&world, 0, OPEN);
	assert_int_equal(breaker_out(world.breaker), 1);
	assert_state(&world, 1, CLOSED);
	world_end(&world);
}

static void eject_and_come_back(struct world *world, unsigned int seconds)
{
	uint64_t began = world->now;

	world_fails(world, 0, 5);
	assert_state(world, 0, OPEN);
	world_at(world, began + seconds * SEC - 1);
	assert_state(world, 0, OPEN);
	world_at(world, began + seconds * SEC);
	assert_state(world, 0, HALF_OPEN);
	world_succeed(world, 0);
	assert_state(world, 0, CLOSED);
}

/* The same file, EjectTimeBackoff: base 10 s, interval 10 s */
static void envoy_ejects_longer_each_time_and_forgives_by_intervals(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;
	uint64_t zero;

	(void)state;
	config.consecutive_failures = 5;
	config.recovery_ns = 10 * SEC;
	world_begin(&world, &config, 1);
	zero = world.now;
	eject_and_come_back(&world, 10);
	eject_and_come_back(&world, 20);
	eject_and_come_back(&world, 30);
	/* healthy for two intervals */
	world_at(&world, zero + 70 * SEC);
	world_at(&world, zero + 80 * SEC);
	eject_and_come_back(&world, 20);
	/* healthy for long */
	for (uint64_t i = 1; i <= 50; i++)
		world_at(&world, zero + (100 + i * 10) * SEC);
	world_at(&world, zero + 610 * SEC);
	eject_and_come_back(&world, 10);
	world_end(&world);
}

/* The same file, MaxEjectTime: base 10 s, at most 300 s: 30 ejections to get there, and none is longer. */
static void envoy_ejects_no_longer_than_the_maximum(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;

	(void)state;
	config.consecutive_failures = 5;
	config.recovery_ns = 10 * SEC;
	config.recovery_max_ns = 300 * SEC;
	world_begin(&world, &config, 1);
	for (unsigned int i = 1; i <= 30; i++)
		eject_and_come_back(&world, 10 * i);
	for (unsigned int i = 1; i < 10; i++)
		eject_and_come_back(&world, 300);
	world_end(&world);
}

static void five_rates(struct world *world, uint64_t most, uint64_t last_failures)
{
	for (unsigned int i = 0; i < 4; i++)
		world_count(world, i, most, 0, 0);
	world_count(world, 4, most, last_failures, 0);
	world_at(world, world->now + 1 * SEC);
}

static struct config_breaker outlier_config(void)
{
	struct config_breaker config = quiet_config();

	config.stdev_factor = 1900;
	return config;
}

/*
 * The same file, BasicFlowSuccessRateLocalOrigin: rates of 100, 100, 100, 100 and 50 %, so mean 90, standard deviation
 * 20 and with a factor of 1.9 a threshold of 52. 400 calls there, half of them failed.
 */
static void envoy_ejects_the_endpoint_below_mean_less_deviations(void **state)
{
	struct config_breaker config = outlier_config();
	struct world world;

	(void)state;
	world_begin(&world, &config, 5);
	five_rates(&world, 400, 200);
	assert_state(&world, 4, OPEN);
	assert_reason(&world, SUCCESS_RATE);
	for (unsigned int i = 0; i < 4; i++)
		assert_state(&world, i, CLOSED);
	world_at(&world, world.now + 9999 * MS);
	assert_state(&world, 4, OPEN);
	world_at(&world, world.now + 30001 * MS);
	assert_state(&world, 4, HALF_OPEN);
	world_succeed(&world, 4);
	assert_state(&world, 4, CLOSED);

	/* 50 calls, less than the request_volume of 100 */
	five_rates(&world, 50, 25);
	assert_state(&world, 4, CLOSED);
	/* and with as many again it is enough */
	five_rates(&world, 50, 25);
	assert_state(&world, 4, OPEN);
	world_end(&world);
}

/* By the same formula: a factor of 2 makes the threshold 50, and 50 is not below it. A hair less of a factor: it is. */
static void a_rate_on_the_threshold_is_no_outlier(void **state)
{
	struct outlier_rates rates = {};

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		outlier_add(&rates, outlier_rate(200, 200));
	outlier_add(&rates, outlier_rate(100, 200));
	assert_true(outlier_is(&rates, outlier_rate(100, 200), 1999));
	assert_false(outlier_is(&rates, outlier_rate(100, 200), 2000));
	assert_false(outlier_is(&rates, outlier_rate(200, 200), 1));
}

/* EmptySuccessRate there: nothing to compare is no division by zero. All alike: nobody stands out. */
static void without_a_spread_nobody_is_an_outlier(void **state)
{
	struct config_breaker config = outlier_config();
	struct world world;

	(void)state;
	world_begin(&world, &config, 5);
	world_at(&world, world.now + 10 * SEC);
	for (unsigned int i = 0; i < 5; i++)
		world_count(&world, i, 200, 200, 0);
	world_at(&world, world.now + 1 * SEC);
	assert_int_equal(world.changes, 0);
	world_end(&world);
}

/*
 * Four of five have enough calls: not the minimum of endpoints. With a factor of 1 they would have been compared: 0 % is
 * below mean 75 less deviation 43.3.
 */
static void too_few_endpoints_are_not_compared(void **state)
{
	struct config_breaker config = outlier_config();
	struct world world;

	(void)state;
	config.stdev_factor = 1000;
	world_begin(&world, &config, 5);
	for (unsigned int i = 1; i < 4; i++)
		world_count(&world, i, 200, 0, 0);
	world_count(&world, 4, 200, 200, 0);
	world_at(&world, world.now + 1 * SEC);
	assert_state(&world, 4, CLOSED);
	world_count(&world, 0, 200, 0, 0);
	world_at(&world, world.now + 1 * SEC);
	assert_state(&world, 4, OPEN);
	world_end(&world);
}

/* ---------------------------------------------------------------------------------------- Linkerd */

/*
 * github.com/linkerd/linkerd2-proxy consecutive_failures.rs, transitions: 2 failures, backoff from 1 s to 100 s. There the
 * backoff doubles, ours grows by 1 s each time: the same for the first two.
 */
static void linkerd_backs_off_1_s_then_2_s_and_ignores_stragglers(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;

	(void)state;
	config.consecutive_failures = 2;
	config.recovery_ns = 1 * SEC;
	config.recovery_max_ns = 100 * SEC;
	world_begin(&world, &config, 1);
	world_fail(&world, 0);
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_PASS);
	world_fail(&world, 0);
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_REFUSE);
	world_at(&world, world.now + 500 * MS);
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_REFUSE);
	world_at(&world, world.now + 500 * MS);
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_PERMIT);
	assert_int_equal(world_gate(&world, 0).permits, 1);

	world_fail(&world, 0);
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_REFUSE);
	world_at(&world, world.now + 1 * SEC);
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_REFUSE);
	world_succeed(&world, 0); /* a straggler */
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_REFUSE);
	world_at(&world, world.now + 1 * SEC);
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_PERMIT);
	assert_int_equal(world_gate(&world, 0).permits, 1);
	world_succeed(&world, 0);
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_PASS);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gobreaker_opens_at_the_sixth_failure_in_a_row),
		cmocka_unit_test(gobreaker_opens_at_14_failures_of_23_calls),
		cmocka_unit_test(
			resilience4j_knows_no_rate_below_the_minimum_then_60_then_30_percent),
		cmocka_unit_test(resilience4j_opens_no_earlier_than_the_minimum_of_calls),
		cmocka_unit_test(sentinel_stays_closed_at_7_slow_of_10_and_opens_at_13_of_16),
		cmocka_unit_test(sentinel_opens_at_the_tenth_call_by_failures),
		cmocka_unit_test(envoy_ejects_at_5_failures_and_lets_back_after_30_s),
		cmocka_unit_test(envoy_ejects_longer_each_time_and_forgives_by_intervals),
		cmocka_unit_test(envoy_ejects_no_longer_than_the_maximum),
		cmocka_unit_test(envoy_ejects_the_endpoint_below_mean_less_deviations),
		cmocka_unit_test(a_rate_on_the_threshold_is_no_outlier),
		cmocka_unit_test(without_a_spread_nobody_is_an_outlier),
		cmocka_unit_test(too_few_endpoints_are_not_compared),
		cmocka_unit_test(linkerd_backs_off_1_s_then_2_s_and_ignores_stragglers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
