/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The exposition, word for word, and as others read it: promtool and python3-prometheus-client.
 * WEIR_UPDATE=1 renews the made part of docs/metrics.md. Runs from the top of the repository.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/buffer.h"
#include "user/base/utf8.h"
#include "user/metrics/histogram.h"
#include "user/metrics/metrics.h"
#include "user/metrics/process.h"

#include "exposition.h"

static void text_is_word_for_word(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_full_snapshot();
	_cleanup_buffer_ struct buffer text = {0};

	(void)state;
	write_metrics(METRICS_TEXT, snapshot, &text);
	assert_section(
		&text, "# HELP weir_packets_total",
		"weir_packets_total{interface=\"eth0\",service=\"service-0\",tier=\"tier-0\",verdict=\"group_limited\"}",
		"# HELP weir_packets_total Packets by what became of them: passed, or the reason they were not.\n"
		"# TYPE weir_packets_total counter\n"
		"weir_packets_total{interface=\"eth0\",service=\"service-0\",tier=\"tier-0\",verdict=\"passed\"} 100\n"
		"weir_packets_total{interface=\"eth0\",service=\"service-0\",tier=\"tier-0\",verdict=\"control\"} 0\n"
		"weir_packets_total{interface=\"eth0\",service=\"service-0\",tier=\"tier-0\",verdict=\"protected\"} 0\n"
		"weir_packets_total{interface=\"eth0\",service=\"service-0\",tier=\"tier-0\",verdict=\"unlimited\"} 0\n"
		"weir_packets_total{interface=\"eth0\",service=\"service-0\",tier=\"tier-0\",verdict=\"limited\"} 18446744073709551615\n"
		"weir_packets_total{interface=\"eth0\",service=\"service-0\",tier=\"tier-0\",verdict=\"rejected\"} 0\n");
	assert_section(
		&text, "# HELP weir_parse_errors_total", "# HELP weir_limit_refusals_total",
		"# HELP weir_parse_errors_total Malformed packets by the layer that could not be read: ethernet, network or transport.\n"
		"# TYPE weir_parse_errors_total counter\n"
		"weir_parse_errors_total{layer=\"ethernet\"} 0\n"
		"weir_parse_errors_total{layer=\"network\"} 8\n"
		"weir_parse_errors_total{layer=\"transport\"} 0\n"
		"# HELP weir_limit_rate Configured rate of a limit, in its unit per second.\n"
		"# TYPE weir_limit_rate gauge\n"
		"weir_limit_rate{service=\"service-0\",tier=\"tier-0\",limit=\"100/min connections\",unit=\"connections\",bucket=\"client\"} 1.6666666666666667\n"
		"weir_limit_rate{service=\"service-0\",tier=\"tier-0\",limit=\"20MB/s bytes\",unit=\"bytes\",bucket=\"group\"} 20000000\n"
		"# HELP weir_limit_burst Configured burst of a limit, in its unit.\n"
		"# TYPE weir_limit_burst gauge\n"
		"weir_limit_burst{service=\"service-0\",tier=\"tier-0\",limit=\"100/min connections\",unit=\"connections\",bucket=\"client\"} 100\n"
		"weir_limit_burst{service=\"service-0\",tier=\"tier-0\",limit=\"20MB/s bytes\",unit=\"bytes\",bucket=\"group\"} 20000000\n");
	assert_section(
		&text, "# HELP weir_component_healthy", "# HELP weir_config_last_reload_successful",
		"# HELP weir_component_healthy 1 healthy, 0.5 degraded (still ready), 0 unhealthy.\n"
		"# TYPE weir_component_healthy gauge\n"
		"weir_component_healthy{component=\"datapath\"} 1\n"
		"weir_component_healthy{component=\"disk\"} 0.5\n"
		"weir_component_healthy{component=\"memory\"} 0\n");
	assert_has(
		&text,
		"\nweir_bytes_total{interface=\"eth1\",service=\"service-0\",tier=\"tier-0\",verdict=\"passed\"} 6001\n");
	assert_has(&text, "\nweir_under_pressure{service=\"service-0\"} 1\n");
	assert_has(&text, "\nweir_client_evictions_total{state=\"active\"} 3\n");
	assert_has(&text, "\nweir_config_last_reload_success_timestamp_seconds 1700000000.25\n");
	assert_has(&text, "\nprocess_cpu_seconds_total 0.07\n");
	assert_string_equal(text.data + text.length - strlen("process_threads 4\n"),
			    "process_threads 4\n");
}

static void the_cluster_is_told_where_there_is_one(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_full_snapshot();
	_cleanup_buffer_ struct buffer text = {0}, alone = {0};

	(void)state;
	write_metrics(METRICS_TEXT, snapshot, &text);
	assert_section(
		&text, "# HELP weir_limit_share_ratio", "# HELP weir_clients ",
		"# HELP weir_limit_share_ratio This node's part of a cluster limit, 0 to 1; of a limit for each client, what one has that is not hot.\n"
		"# TYPE weir_limit_share_ratio gauge\n"
		"weir_limit_share_ratio{service=\"service-0\",tier=\"tier-0\",limit=\"20MB/s bytes\",unit=\"bytes\",bucket=\"group\"} 0.25\n"
		"weir_limit_share_ratio{service=\"service-0\",tier=\"tier-0\",limit=\"100/min connections\",unit=\"connections\",bucket=\"client\"} 0.2\n");
	assert_section(
		&text, "weir_redis_up 0", "# HELP weir_redis_command_duration_seconds",
		"weir_redis_up 0\n"
		"# HELP weir_cluster_nodes Nodes that share the cluster limits, as far as this one knows.\n"
		"# TYPE weir_cluster_nodes gauge\n"
		"weir_cluster_nodes 5\n"
		"# HELP weir_cluster_mode 1 for the mode of this node's shares, the worst of all limits; 0 for the others.\n"
		"# TYPE weir_cluster_mode gauge\n"
		"weir_cluster_mode{mode=\"starting\"} 0\n"
		"weir_cluster_mode{mode=\"shared\"} 0\n"
		"weir_cluster_mode{mode=\"held\"} 0\n"
		"weir_cluster_mode{mode=\"outage\"} 1\n");
	assert_has(
		&text,
		"\nweir_redis_command_duration_seconds_bucket{command=\"round\",le=\"0.001\"} 1\n");
	assert_has(&text, "\nweir_redis_command_duration_seconds_count{command=\"orders\"} 0\n");
	assert_has(&text, "\nweir_redis_commands_total{command=\"round\",result=\"ok\"} 100\n"
			  "weir_redis_commands_total{command=\"round\",result=\"failed\"} 7\n"
			  "weir_redis_commands_total{command=\"orders\",result=\"ok\"} 0\n");
	assert_has(&text, "\nweir_redis_reconnects_total 4\n");
	assert_has(&text, "\nweir_cluster_rounds_total{result=\"ok\"} 100\n"
			  "weir_cluster_rounds_total{result=\"failed\"} 7\n"
			  "weir_cluster_rounds_total{result=\"repeated\"} 3\n");
	assert_has(&text, "\nweir_cluster_last_success_timestamp_seconds 1700000000.5\n");
	assert_has(&text, "\nweir_cluster_hot_keys 6\n");
	assert_has(&text, "\nweir_cluster_backlog_units 12.5\n");
	assert_has(&text, ",libbpf=\"1.1\",hiredis=\"1.1.0\"} 1\n");

	snapshot->cluster.enabled = false;
	write_metrics(METRICS_TEXT, snapshot, &alone);
	assert_has_not(&alone, "weir_cluster_");
	assert_has_not(&alone, "weir_redis_");
	assert_has_not(&alone, "weir_limit_share_ratio");
}

static void openmetrics_names_counters_without_total(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_full_snapshot();
	_cleanup_buffer_ struct buffer text = {0};

	(void)state;
	write_metrics(METRICS_OPENMETRICS, snapshot, &text);
	assert_has(&text,
		   "# TYPE weir_packets counter\n# UNIT weir_packets packets\nweir_packets_total{");
	assert_has(&text, "# TYPE weir_bytes counter\n# UNIT weir_bytes bytes\nweir_bytes_total{");
	assert_has(
		&text,
		"# TYPE process_cpu_seconds counter\n# UNIT process_cpu_seconds seconds\nprocess_cpu_seconds_total 0.07\n");
	assert_has(&text, "# TYPE weir_build_info gauge\nweir_build_info{version=\"");
	assert_has_not(&text, "# TYPE weir_packets_total");
	assert_string_equal(text.data + text.length - strlen("\nprocess_threads 4\n# EOF\n"),
			    "\nprocess_threads 4\n# EOF\n");
}

/* The sample lines of one exposition, comments left out */
static void strip_comments(struct buffer *text, struct buffer *out)
{
	char *rest = text->data, *line;

	buffer_string(text);
	while ((line = strsep(&rest, "\n")))
		if (*line && *line != '#')
			buffer_format(out, "%s\n", line);
}

static void both_formats_carry_the_same_series(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_full_snapshot();
	_cleanup_buffer_ struct buffer text = {0}, open = {0}, text_samples = {0},
				       open_samples = {0};

	(void)state;
	write_metrics(METRICS_TEXT, snapshot, &text);
	write_metrics(METRICS_OPENMETRICS, snapshot, &open);
	strip_comments(&text, &text_samples);
	strip_comments(&open, &open_samples);
	assert_string_equal(buffer_string(&text_samples), buffer_string(&open_samples));
}

static void every_configured_series_is_there_with_zero(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_snapshot(2, 3, 2);
	_cleanup_buffer_ struct buffer text = {0};

	(void)state;
	write_metrics(METRICS_TEXT, snapshot, &text);
	assert_int_equal(count_of(text.data, "\nweir_packets_total{"),
			 2 * 3 * 2 * WEIR_VERDICT_COUNT);
	assert_int_equal(count_of(text.data, "\nweir_bytes_total{"),
			 2 * 3 * 2 * WEIR_VERDICT_COUNT);
	assert_int_equal(count_of(text.data, "\nweir_observed_packets_total{"),
			 3 * 2 * __builtin_popcount(WEIR_REFUSALS));
	assert_int_equal(count_of(text.data, "\nweir_clients{"), 3);
	assert_has(
		&text,
		"\nweir_packets_total{interface=\"eth1\",service=\"service-2\",tier=\"tier-1\",verdict=\"bad_transport\"} 0\n");
	assert_has(&text, "\nweir_config_reloads_total{result=\"failure\"} 0\n");
	assert_has(&text, "\nweir_bans_total{origin=\"escalation\"} 0\n");
	assert_has(&text, "\nweir_log_messages_total{level=\"error\"} 0\n");
	assert_has(&text, "\nweir_events_lost_total{ring=\"events\"} 0\n");
	assert_has(&text, "\nweir_table_scan_duration_seconds_count 0\n");
}

static void observed_packets_are_summed_over_interfaces(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_full_snapshot();
	_cleanup_buffer_ struct buffer text = {0};

	(void)state;
	write_metrics(METRICS_TEXT, snapshot, &text);
	assert_has(
		&text,
		"\nweir_observed_packets_total{service=\"service-0\",tier=\"tier-0\",reason=\"limited\"} 11\n");
	assert_has_not(&text, "reason=\"passed\"");
}

static void a_program_on_two_interfaces_is_counted_once(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_full_snapshot();
	_cleanup_buffer_ struct buffer text = {0};

	(void)state;
	write_metrics(METRICS_TEXT, snapshot, &text);
	assert_int_equal(count_of(text.data, "\nweir_bpf_program_info{"), 4);
	assert_int_equal(count_of(text.data, "\nweir_bpf_program_runs_total{"), 1);
	assert_has(&text, "\nweir_bpf_program_runs_total{program=\"weir_xdp\"} 20\n");
	assert_has(&text, "\nweir_bpf_program_run_seconds_total{program=\"weir_xdp\"} 5e-06\n");
}

static void what_is_not_known_is_left_out(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_full_snapshot();
	_cleanup_buffer_ struct buffer text = {0}, nothing = {0};
	struct metrics_input none = {0};

	(void)state;
	snapshot->program[0].stats = snapshot->program[1].stats = snapshot->program[2].stats =
		false;
	write_metrics(METRICS_TEXT, snapshot, &text);
	assert_has(&text, "\nweir_bpf_map_entries{map=\"weir_prefix_0\"} 4\n");
	assert_has_not(&text, "weir_bpf_map_entries{map=\"weir_clients\"}");
	assert_has_not(&text, "weir_bpf_program_runs_total"); /* neither samples nor HELP */
	assert_int_equal(metrics_write(METRICS_TEXT, &none, &nothing), 0);
	assert_int_equal(nothing.length, 0);
}

static void label_values_are_escaped(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_snapshot(1, 1, 1);
	_cleanup_buffer_ struct buffer text = {0};

	(void)state;
	strcpy(snapshot->service[0].name, "a\"b\\c\nd\xc3\xa9");
	/* Latin-1, a lone continuation, a cut sequence: what Prometheus would refuse the whole scrape for */
	strcpy(snapshot->interface[0].name, "\xe9\x80z\xe2\x82");
	write_metrics(METRICS_TEXT, snapshot, &text);
	assert_has(&text, "\nweir_clients{service=\"a\\\"b\\\\c\\nd\xc3\xa9\"} 0\n");
	assert_has(&text, "\nweir_interface_attached{interface=\"??z??\"} 0\n");
}

static void utf8_is_told_from_what_is_not(void **state)
{
	static const char *const good[] = {"",
					   "a",
					   "\xc2\x80",
					   "\xdf\xbf",
					   "\xe0\xa0\x80",
					   "\xed\x9f\xbf",
					   "\xee\x80\x80",
					   "\xf0\x90\x80\x80",
					   "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {"\x80",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xc2",
					  "\xc2z",
					  "\xe0\x9f\xbf",
					  "\xed\xa0\x80",
					  "\xe2\x82",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xff"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!utf8_valid(good[i]))
			fail_msg("good[%zu]", i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (utf8_valid(bad[i]))
			fail_msg("bad[%zu]", i);
}

static void bounds_are_inclusive_and_the_rest_is_in_inf_alone(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		histogram_observe(&histogram, histogram_bound[i]);
		assert_int_equal(histogram.slot[i], 1);
		assert_true(i == 0 || histogram_bound[i] > histogram_bound[i - 1]);
	}
	histogram_observe(&histogram, histogram_bound[0] * (1 + DBL_EPSILON));
	assert_int_equal(histogram.slot[1], 2);
	assert_int_equal(histogram.slot[HISTOGRAM_BOUNDS], 0);
	histogram_observe(&histogram, histogram_bound[HISTOGRAM_BOUNDS - 1] * (1 + DBL_EPSILON));
	histogram_observe(&histogram, INFINITY);
	assert_int_equal(histogram.slot[HISTOGRAM_BOUNDS], 2);
	histogram_observe(&histogram, -1);
	assert_int_equal(histogram.slot[0], 2);
	histogram_observe(&histogram, NAN);
	assert_int_equal(histogram_count(&histogram), HISTOGRAM_BOUNDS + 4);
	assert_true(isinf(histogram.sum));
}

static void histograms_are_cumulative(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_snapshot(1, 1, 1);
	_cleanup_buffer_ struct buffer text = {0};

	(void)state;
	write_metrics(METRICS_TEXT, snapshot, &text);
	assert_section(
		&text, "weir_http_request_duration_seconds_bucket",
		"# HELP weir_http_requests_in_progress",
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"0.0005\"} 0\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"0.001\"} 2\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"0.0025\"} 2\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"0.005\"} 2\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"0.01\"} 2\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"0.025\"} 2\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"0.05\"} 2\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"0.1\"} 2\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"0.25\"} 2\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"0.5\"} 2\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"1.0\"} 2\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"2.5\"} 2\n"
		"weir_http_request_duration_seconds_bucket{handler=\"metrics\",le=\"+Inf\"} 3\n"
		"weir_http_request_duration_seconds_sum{handler=\"metrics\"} 4.25\n"
		"weir_http_request_duration_seconds_count{handler=\"metrics\"} 3\n");
}

static void numbers_read_back_as_they_were(void **state)
{
	/* clang-format off */
	static const struct {
		double number;
		const char *text;
	} row[] = {{0, "0"}, {1, "1"}, {999999999999999, "999999999999999"}, {1e15, "1e+15"}, {0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"}, {1e21, "1e+21"}, {-2.5, "-2.5"},
		   {NAN, "NaN"}, {INFINITY, "+Inf"}, {-INFINITY, "-Inf"}, {1700000000.123, "1700000000.123"}};
	/* clang-format on */
	unsigned int seed = (unsigned int)time(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		_cleanup_buffer_ struct buffer text = {0};

		buffer_real(&text, row[i].number);
		assert_string_equal(buffer_string(&text), row[i].text);
	}
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 20000; i++) {
		_cleanup_buffer_ struct buffer text = {0};
		double number = ldexp((double)random(), (int)(random() % 120) - 60);

		buffer_real(&text, number);
		assert_true(strtod(buffer_string(&text), NULL) == number);
	}
}

static void buffers_grow_and_want_of_memory_sticks(void **state)
{
	_cleanup_buffer_ struct buffer text = {0};

	(void)state;
	for (int i = 0; i < 5000; i++)
		buffer_format(&text, "%d,", i);
	assert_int_equal(text.length, 23890);
	assert_int_equal(strlen(buffer_string(&text)), text.length);
	buffer_add(&text, "x", SIZE_MAX - 100000); /* no such size: refused before a byte is read */
	assert_true(text.failed);
	buffer_text(&text, "more");
	assert_int_equal(text.length, 23890);
	assert_null(buffer_string(&text));
	assert_int_equal(metrics_write(METRICS_OPENMETRICS, &(struct metrics_input){0}, &text),
			 -ENOMEM);
}

static void the_largest_scrape_is_quick(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = make_snapshot(4, 16, 16);
	uint64_t best = UINT64_MAX;
	size_t bytes = 0;

	(void)state;
	assert_int_equal(snapshot->series_count, WEIR_SERIES);
	for (size_t i = 0; i < WEIR_SERIES; i++)
		for (size_t v = 0; v < WEIR_VERDICT_COUNT; v++)
			snapshot->series[i].sum.verdict[v] =
				(struct weir_count){1234567890 * v, 98765432100 * v};
	for (int i = 0; i < 5; i++) {
		_cleanup_buffer_ struct buffer text = {0};
		uint64_t before = clock_monotonic_ns();

		write_metrics(METRICS_TEXT, snapshot, &text);
		if (clock_monotonic_ns() - before < best)
			best = clock_monotonic_ns() - before;
		bytes = text.length;
	}
	print_message("%zu bytes in %.1f ms\n", bytes, (double)best / 1e6);
	assert_in_range(bytes, 3000000, 5000000);
	assert_true(best < 400000000u); /* under sanitizers; without, 12 ms were measured */
}

static void this_process_is_read(void **state)
{
	struct metrics_process read = {0};

	(void)state;
	assert_int_equal(process_read(&read), 0);
	assert_true(read.threads >= 1);
	assert_in_range(read.open_fds, 3, read.max_fds);
	assert_in_range(read.resident_bytes, 1 << 16, read.virtual_bytes);
	assert_true(fabs(read.start_time - (double)time(NULL)) < 600);
}

#define PROMTOOL "promtool check metrics < $FILE 2>&1"
#define PYTHON(format) PYTHON3 " tests/unit/metrics_parsers.py " format " $FILE 2>&1"

static void promtool_finds_nothing(void **state)
{
	_cleanup_snapshot_ struct snapshot *full = make_full_snapshot();

	(void)state;
	skip_without("promtool --version > /dev/null 2>&1", 127, "promtool is not installed");
	assert_int_equal(run_on(METRICS_TEXT, full, PROMTOOL), 0);
	/* and it would find something */
	assert_int_not_equal(run_on(METRICS_TEXT, full,
				    "(cat $FILE; echo 'weir_x{') | promtool check metrics 2>&1"),
			     0);
}

static void strict_parsers_agree(void **state)
{
	_cleanup_snapshot_ struct snapshot *full = make_full_snapshot(),
					   *empty = make_snapshot(1, 1, 1),
					   *odd = make_full_snapshot();

	(void)state;
	skip_without(PYTHON3 " -c 'import prometheus_client' 2> /dev/null || exit 9", 9,
		     "python3-prometheus-client is not installed");
	strcpy(odd->service[0].name, "a\"b\\c\nd\xff");
	assert_int_equal(run_on(METRICS_TEXT, full, PYTHON("text")), 0);
	assert_int_equal(run_on(METRICS_OPENMETRICS, full, PYTHON("openmetrics")), 0);
	assert_int_equal(run_on(METRICS_OPENMETRICS, empty, PYTHON("openmetrics")), 0);
	assert_int_equal(run_on(METRICS_TEXT, odd, PYTHON("text")), 0);
	assert_int_equal(run_on(METRICS_OPENMETRICS, odd, PYTHON("openmetrics")), 0);
	/* and they would not agree with a series that is there twice, one after the other or not */
	odd->program[1] = odd->program[0];
	assert_int_equal(run_on(METRICS_TEXT, odd, PYTHON("text")), 1);
	odd->program[1] = odd->program[2];
	odd->program[2] = odd->program[0];
	assert_int_equal(run_on(METRICS_OPENMETRICS, odd, PYTHON("openmetrics")), 1);
}

#define DOCUMENT "docs/metrics.md"
#define BEGIN "<!-- made: begin -->\n"
#define END "<!-- made: end -->\n"

static void read_file(const char *path, struct buffer *out)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char part[4096];
	size_t got;

	assert_non_null(file);
	while ((got = fread(part, 1, sizeof(part), file)))
		buffer_add(out, part, got);
	assert_non_null(buffer_string(out));
}

static void the_document_lists_every_family(void **state)
{
	_cleanup_buffer_ struct buffer is = {0}, made = {0}, should = {0};
	const char *begin, *end;

	(void)state;
	read_file(DOCUMENT, &is);
	begin = strstr(is.data, BEGIN);
	end = strstr(is.data, END);
	assert_true(begin && end && begin < end);

	assert_int_equal(metrics_document(&made), 0);
	buffer_add(&should, is.data, (size_t)(begin - is.data) + strlen(BEGIN));
	buffer_add(&should, made.data, made.length);
	buffer_text(&should, end);
	if (getenv("WEIR_UPDATE")) {
		_cleanup_fclose_ FILE *file = fopen(DOCUMENT, "we");

		assert_non_null(file);
		fputs(buffer_string(&should), file);
		return;
	}
	if (strcmp(buffer_string(&is), buffer_string(&should)))
		fail_msg(
			"%s differs from the list of families: WEIR_UPDATE=1 build/unit/test_metrics",
			DOCUMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_word_for_word),
		cmocka_unit_test(the_cluster_is_told_where_there_is_one),
		cmocka_unit_test(openmetrics_names_counters_without_total),
		cmocka_unit_test(both_formats_carry_the_same_series),
		cmocka_unit_test(every_configured_series_is_there_with_zero),
		cmocka_unit_test(observed_packets_are_summed_over_interfaces),
		cmocka_unit_test(a_program_on_two_interfaces_is_counted_once),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(utf8_is_told_from_what_is_not),
		cmocka_unit_test(bounds_are_inclusive_and_the_rest_is_in_inf_alone),
		cmocka_unit_test(histograms_are_cumulative),
		cmocka_unit_test(numbers_read_back_as_they_were),
		cmocka_unit_test(buffers_grow_and_want_of_memory_sticks),
		cmocka_unit_test(the_largest_scrape_is_quick),
		cmocka_unit_test(this_process_is_read),
		cmocka_unit_test(promtool_finds_nothing),
		cmocka_unit_test(strict_parsers_agree),
		cmocka_unit_test(the_document_lists_every_family),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
