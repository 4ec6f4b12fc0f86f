/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Latency and upstreams in all three formats: classic buckets word for word, native ones as python3-protobuf reads
 * them, and the same series in both. Runs from the top of the repository.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/base/clock.h"
#include "user/base/bounds.h"
#include "user/metrics/buckets.h"

#include "exposition.h"

static void latency_is_told_by_exact_sums_of_slots(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_full_snapshot();
	_cleanup_buffer_ struct buffer text = {0};

	(void)state;
	write_metrics(METRICS_TEXT, snapshot, &text);
	assert_section(
		&text, "# HELP weir_client_round_trip_seconds", "# HELP weir_response_seconds",
		"# HELP weir_client_round_trip_seconds Time from our SYN-ACK leaving to the ACK that completes the handshake.\n"
		"# TYPE weir_client_round_trip_seconds histogram\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"0.001\"} 4\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"0.0025\"} 5\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"0.005\"} 5\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"0.01\"} 5\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"0.025\"} 5\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"0.05\"} 1000005\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"0.1\"} 1000005\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"0.25\"} 1000005\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"0.5\"} 1000005\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"1.0\"} 1000006\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"2.5\"} 1000007\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"5.0\"} 1000007\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"10.0\"} 1000008\n"
		"weir_client_round_trip_seconds_bucket{service=\"service-0\",le=\"+Inf\"} 1000012\n"
		"weir_client_round_trip_seconds_sum{service=\"service-0\"} 31150.002015263\n"
		"weir_client_round_trip_seconds_count{service=\"service-0\"} 1000012\n");
	/* Without samples it is there all the same, and what is above every bound is in +Inf alone */
	assert_has(&text, "\nweir_response_seconds_count{service=\"service-0\"} 0\n");
	assert_has(&text,
		   "\nweir_upstream_connect_seconds_bucket{upstream=\"payments\",le=\"10.0\"} 0\n"
		   "weir_upstream_connect_seconds_bucket{upstream=\"payments\",le=\"+Inf\"} 3\n"
		   "weir_upstream_connect_seconds_sum{upstream=\"payments\"} 297\n"
		   "weir_upstream_connect_seconds_count{upstream=\"payments\"} 3\n");
	assert_has(&text, "\nweir_upstream_response_seconds_count{upstream=\"dns\"} 0\n");
}

static void flows_are_counted_only_where_they_are_followed(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_full_snapshot();
	_cleanup_buffer_ struct buffer text = {0}, without = {0};

	(void)state;
	write_metrics(METRICS_TEXT, snapshot, &text);
	assert_section(&text, "weir_latency_samples_discarded_total{", "# HELP weir_handshake",
		       "weir_latency_samples_discarded_total{reason=\"retransmitted\"} 5\n"
		       "weir_latency_samples_discarded_total{reason=\"pipelined\"} 6\n"
		       "weir_latency_samples_discarded_total{reason=\"evicted\"} 7\n"
		       "weir_latency_samples_discarded_total{reason=\"no_room\"} 8\n");
	assert_has(&text, "\nweir_handshake_retransmissions_total 4\n");
	assert_has(&text, "\nweir_flows 5\n");
	assert_has(&text, "\nweir_flow_table_capacity 131072\n");
	assert_has(&text, "\nweir_flow_inserts_total 1\n");
	assert_has(&text, "\nweir_flow_evictions_total{state=\"idle\"} 2\n"
			  "weir_flow_evictions_total{state=\"active\"} 3\n");

	snapshot->following = false;
	write_metrics(METRICS_TEXT, snapshot, &without);
	assert_has_not(&without, "weir_flow");
	assert_has_not(&without, "weir_latency_samples");
	assert_has_not(&without, "weir_handshake");
}

#define OF(upstream, endpoint) "{upstream=\"" upstream "\",endpoint=\"" endpoint "\""
#define PAYMENTS OF("payments", "10.1.2.3:8443")
#define DNS OF("dns", "resolver.example:53")

static void each_endpoint_has_all_its_series(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_full_snapshot();
	_cleanup_buffer_ struct buffer text = {0};

	(void)state;
	write_metrics(METRICS_TEXT, snapshot, &text);
	assert_section(&text, "weir_upstream_calls_total{", "# HELP weir_upstream_http",
		       "weir_upstream_calls_total" PAYMENTS ",result=\"ok\"} 10\n"
		       "weir_upstream_calls_total" PAYMENTS ",result=\"slow\"} 11\n"
		       "weir_upstream_calls_total" PAYMENTS ",result=\"http_5xx\"} 12\n"
		       "weir_upstream_calls_total" PAYMENTS ",result=\"refused\"} 13\n"
		       "weir_upstream_calls_total" PAYMENTS ",result=\"reset\"} 14\n"
		       "weir_upstream_calls_total" PAYMENTS ",result=\"connect_timeout\"} 15\n"
		       "weir_upstream_calls_total" PAYMENTS ",result=\"no_answer\"} 16\n"
		       "weir_upstream_calls_total" DNS ",result=\"ok\"} 0\n"
		       "weir_upstream_calls_total" DNS ",result=\"slow\"} 0\n"
		       "weir_upstream_calls_total" DNS ",result=\"http_5xx\"} 0\n"
		       "weir_upstream_calls_total" DNS ",result=\"refused\"} 0\n"
		       "weir_upstream_calls_total" DNS ",result=\"reset\"} 0\n"
		       "weir_upstream_calls_total" DNS ",result=\"connect_timeout\"} 0\n"
		       "weir_upstream_calls_total" DNS ",result=\"no_answer\"} 0\n");
	/* Only of the one with `http: true` */
	assert_section(&text, "weir_upstream_http_responses_total{",
		       "# HELP weir_upstream_connected",
		       "weir_upstream_http_responses_total" PAYMENTS ",class=\"other\"} 30\n"
		       "weir_upstream_http_responses_total" PAYMENTS ",class=\"1xx\"} 31\n"
		       "weir_upstream_http_responses_total" PAYMENTS ",class=\"2xx\"} 32\n"
		       "weir_upstream_http_responses_total" PAYMENTS ",class=\"3xx\"} 33\n"
		       "weir_upstream_http_responses_total" PAYMENTS ",class=\"4xx\"} 34\n"
		       "weir_upstream_http_responses_total" PAYMENTS ",class=\"5xx\"} 35\n");
	assert_has(&text, "\nweir_upstream_connected_total" PAYMENTS "} 20\n"
			  "weir_upstream_connected_total" DNS "} 0\n");
	assert_has(&text, "\nweir_upstream_connections" PAYMENTS "} 2\n"
			  "weir_upstream_connections" DNS "} 0\n");
	assert_has(&text, "\nweir_upstream_endpoint_addresses" PAYMENTS "} 1\n"
			  "weir_upstream_endpoint_addresses" DNS "} 0\n");
	assert_has(&text, "\nweir_upstream_endpoint_stale" PAYMENTS "} 0\n"
			  "weir_upstream_endpoint_stale" DNS "} 1\n");
}

/* Bounds of every kind and order: none, below and above all native ones, on them */
static void buckets_hold_each_sample_once(void **state)
{
	static const struct {
		uint64_t le_ns[4];
		size_t les;
	} row[] = {{{0}, 0},
		   {{1, 100, 7629, 7630}, 4},
		   {{1000000000, 64000000000, 64000000001, 500000000000}, 4}};
	unsigned int seed = (unsigned int)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (size_t r = 0; r < sizeof(row) / sizeof(row[0]); r++) {
		_cleanup_snapshot_ struct snapshot *snapshot = make_snapshot(1, 1, 1);
		uint64_t within[4] = {0}, power[WEIR_NATIVE_BOUNDS + 1] = {0};
		struct metrics_buckets buckets;

		set_bounds(snapshot, row[r].le_ns, row[r].les);
		add_latency(snapshot, WEIR_LATENCY_RESPONSE, 0);
		for (int i = 0; i < 5000; i++) {
			uint64_t ns = ((uint64_t)random() << 10) >> random() % 41;
			int k = 0;

			add_samples(snapshot, 0, ns, 1);
			while (k < WEIR_NATIVE_BOUNDS &&
			       ns > bounds_native_ns(WEIR_NATIVE_FIRST + k))
				k++;
			power[k]++;
			for (size_t le = 0; le < row[r].les; le++)
				within[le] += ns <= row[r].le_ns[le];
		}
		buckets_of_latency(&snapshot->latency[0].sum, snapshot->bound_ns,
				   snapshot->bound_kind, snapshot->bounds, &buckets);
		assert_int_equal(buckets.count, 5000);
		assert_memory_equal(buckets.power, power, sizeof(power));
		assert_int_equal(buckets.bounds, row[r].les);
		assert_memory_equal(buckets.within, within, row[r].les * sizeof(within[0]));
	}
}

#define PROTOBUF PYTHON3 " tests/unit/metrics_protobuf.py $FILE $TEXT "

static void skip_without_libraries(void)
{
	skip_without(PYTHON3
		     " -c 'import prometheus_client, google.protobuf' 2> /dev/null || exit 9",
		     9, "python3-prometheus-client and python3-protobuf are not installed");
}

static void protobuf_says_what_the_text_says(void **state)
{
	_cleanup_snapshot_ struct snapshot *full = make_full_snapshot(),
					   *empty = make_snapshot(2, 3, 2),
					   *odd = make_full_snapshot();

	(void)state;
	skip_without_libraries();
	strcpy(odd->service[0].name, "a\"b\\c\nd\xff");
	odd->limit[0].rate = 1e-300;
	assert_int_equal(run_on(METRICS_PROTOBUF, full, PROTOBUF "2>&1"), 0);
	assert_int_equal(run_on(METRICS_PROTOBUF, empty, PROTOBUF "2>&1"), 0);
	assert_int_equal(run_on(METRICS_PROTOBUF, odd, PROTOBUF "2>&1"), 0);
	/* and it would find something: another figure, a message that is cut */
	assert_int_equal(run_on(METRICS_PROTOBUF, full,
				"sed -i 's/^weir_flows 5$/weir_flows 6/' $TEXT; " PROTOBUF "2>&1"),
			 1);
	assert_int_not_equal(
		run_on(METRICS_PROTOBUF, full, "truncate -s -1 $FILE; " PROTOBUF "2>&1"), 0);
}

static void native_buckets_are_those_of_schema_2(void **state)
{
	_cleanup_snapshot_ struct snapshot *full = make_full_snapshot();

	(void)state;
	skip_without_libraries();
	/* Two in the zero bucket, two at infinity; -38 to -21 are left out, and so is what is empty at all */
	assert_int_equal(
		run_on(METRICS_PROTOBUF, full,
		       PROTOBUF
		       "'weir_client_round_trip_seconds{service=\"service-0\"} 2 -67:1 -39:2 -20:1000000 0:1 1:1 14:2 24:1 4097:2' "
		       "'weir_response_seconds{service=\"service-0\"} 0' "
		       "'weir_upstream_connect_seconds{upstream=\"payments\"} 0 4097:3' 2>&1"),
		0);
}

static void small_gaps_are_told_as_empty_buckets(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_snapshot(1, 1, 1);

	(void)state;
	skip_without_libraries();
	set_bounds(snapshot, NULL, 0);
	add_latency(snapshot, WEIR_LATENCY_RESPONSE, 0);
	add_samples(snapshot, 0, bounds_native_ns(-10), 7);
	add_samples(snapshot, 0, bounds_native_ns(-7), 5);
	add_samples(snapshot, 0, bounds_native_ns(-3), 1ULL << 40);
	assert_int_equal(
		run_on(METRICS_PROTOBUF, snapshot,
		       PROTOBUF
		       "'weir_response_seconds{service=\"service-0\"} 0 -10:7 -9:0 -8:0 -7:5 -3:1099511627776' 2>&1"),
		0);
}

static void want_of_memory_fails_the_scrape(void **state)
{
	struct buffer full = {.failed = true};

	(void)state;
	assert_int_equal(metrics_write(METRICS_PROTOBUF, &(struct metrics_input){0}, &full),
			 -ENOMEM);
}

static void the_largest_scrape_is_quick(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_snapshot(4, 16, 16);
	uint64_t best = UINT64_MAX;
	size_t bytes = 0;

	(void)state;
	set_bounds(snapshot, NULL, 0);
	for (uint16_t i = 0; i < 16; i++) {
		add_latency(snapshot, WEIR_LATENCY_RESPONSE, i);
		for (int k = WEIR_NATIVE_FIRST; k <= WEIR_NATIVE_LAST; k++)
			add_samples(snapshot, i, bounds_native_ns(k), 12345);
	}
	for (int i = 0; i < 5; i++) {
		_cleanup_buffer_ struct buffer bin = {0};
		uint64_t before = clock_monotonic_ns();

		write_metrics(METRICS_PROTOBUF, snapshot, &bin);
		if (clock_monotonic_ns() - before < best)
			best = clock_monotonic_ns() - before;
		bytes = bin.length;
	}
	print_message("%zu bytes in %.1f ms\n", bytes, (double)best / 1e6);
	assert_in_range(bytes, 2000000, 6000000);
	assert_true(best < 1500000000u); /* under sanitizers */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(latency_is_told_by_exact_sums_of_slots),
		cmocka_unit_test(flows_are_counted_only_where_they_are_followed),
		cmocka_unit_test(each_endpoint_has_all_its_series),
		cmocka_unit_test(buckets_hold_each_sample_once),
		cmocka_unit_test(protobuf_says_what_the_text_says),
		cmocka_unit_test(native_buckets_are_those_of_schema_2),
		cmocka_unit_test(small_gaps_are_told_as_empty_buckets),
		cmocka_unit_test(want_of_memory_fails_the_scrape),
		cmocka_unit_test(the_largest_scrape_is_quick),
	};

	return cmocka_run_group_tests_name("metrics_latency", tests, NULL, NULL);
}
