/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hand-made snapshots -> the daemon's JSON -> what `weir latency` and `weir top --flows` show, to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "latency_snapshot.h"
#include "spoil.h"
#include "user/cli/blocks.h"
#include "user/cli/client.h"
#include "user/cli/distribution.h"
#include "user/cli/render.h"
#include "user/cli/text.h"
#include "user/http/view.h"
#include "user/metrics/health.h"

#define MS 1000000ULL
enum { WEB = 1, API = 3 };

/* As it comes over the socket: printed and read again */
static json_t *answer(json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12));
	json_t *again = json_loads(text, 0, NULL);

	assert_non_null(again);
	free(text);
	json_decref(json);
	return again;
}

static json_t *latency_of(const struct snapshot *snapshot, const char *name)
{
	struct view_names names = {.at = &name, .count = name ? 1 : 0};

	return answer(view_latency(snapshot, 0, &names));
}

static json_t *flows_of(const struct snapshot *snapshot)
{
	struct view_flow_filter filter = {.limit = 256, .service = -1, .upstream = -1};

	return answer(view_flows(snapshot, 0, &filter));
}

static struct {
	char text[32768];
	char error[1024];
	int result;
} got;

static struct page start(size_t width, size_t height)
{
	memset(&got, 0, sizeof(got));
	return (struct page){.out = fmemopen(got.text, sizeof(got.text), "w"),
			     .width = width,
			     .height = height,
			     .blocks = true};
}

static void finish(struct page *page, int result)
{
	fclose(page->out);
	got.result = result;
	assert_true(result == 0 || result == -EPROTO);
	assert_true((result == 0) == (got.error[0] == '\0'));
	if (result)
		assert_string_equal(got.text, "");
}

static void show(const struct latency_view *view, size_t width, size_t height)
{
	struct page page = start(width, height);

	finish(&page, render_latency(view, &page, got.error, sizeof(got.error)));
}

static void show_coloured(const struct latency_view *view)
{
	struct page page = start(0, 0);

	page.colour = true;
	finish(&page, render_latency(view, &page, got.error, sizeof(got.error)));
}

static void show_ascii(const struct latency_view *view)
{
	struct page page = start(0, 0);

	page.blocks = false;
	finish(&page, render_latency(view, &page, got.error, sizeof(got.error)));
}

static void show_flows(const json_t *flows, size_t width, size_t height, bool colour)
{
	struct flows_view view = {.flows = flows};
	struct page page = start(width, height);

	page.colour = colour;
	finish(&page, render_flows(&view, &page, got.error, sizeof(got.error)));
}

static void assert_shown(const char *expected)
{
	assert_string_equal(got.error, "");
	assert_string_equal(got.text, expected);
}

static void assert_has(const char *part)
{
	if (!strstr(got.text, part))
		fail_msg("no \"%s\" in:\n%s%s", part, got.text, got.error);
}

static void assert_has_not(const char *part)
{
	if (strstr(got.text, part))
		fail_msg("\"%s\" in:\n%s", part, got.text);
}

static size_t lines_shown(void)
{
	size_t lines = 0;

	for (const char *at = got.text; (at = strchr(at, '\n')); at++)
		lines++;
	return lines;
}

static void assert_fits(size_t width, size_t height)
{
	char copy[sizeof(got.text)];

	strcpy(copy, got.text);
	for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n"))
		if (width && text_width(line) > width)
			fail_msg("wider than %zu: %s", width, line);
	if (height && lines_shown() > height)
		fail_msg("%zu lines on a page of %zu:\n%s", lines_shown(), height, got.text);
}

static void all_since_the_start_is_a_table_each_for_services_and_upstreams(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *latency = latency_of(snapshot, NULL);
	struct latency_view view = {.latency = latency};

	show(&view, 0, 0);
	assert_shown(
		"latency since counting began; 1,234 of 131,072 flows; 8 samples discarded since "
		"the start\n"
		"\n"
		"SERVICE  LATENCY     COUNT     P50      P90     P95     P99     MAX  "
		"244 us to 2.00 s\n"
		"other    round trip      0       -        -       -       -       -\n"
		"other    response        0       -        -       -       -       -\n"
		"web      round trip     40  189 us   202 us  204 us  205 us  205 us  █\n"
		"web      response      100  951 us  13.1 ms  116 ms  125 ms  1.68 s  "
		"  █   ▄  ▁   ▁\n"
		"\n"
		"UPSTREAM  LATENCY   COUNT       P50       P90       P95       P99       MAX  "
		"244 us to 2.00 s\n"
		"api       connect      20    378 us    404 us    407 us    410 us    411 us   █\n"
		"api       response      2  > 64.0 s  > 64.0 s  > 64.0 s  > 64.0 s  > 64.0 s\n"
		"db        connect       0         -         -         -         -         -\n"
		"db        response      0         -         -         -         -         -\n");
}

static void a_single_service_has_its_whole_histogram(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *latency = latency_of(snapshot, "web");
	struct latency_view view = {.latency = latency, .whole = true};

	show(&view, 60, 0);
	assert_has("\nweb, round trip\n"
		   " UP TO  SAMPLES    SHARE\n"
		   "244 us       40  100.0 %  ████████████████████████████████\n"
		   "\n"
		   "web, response\n"
		   "  UP TO  SAMPLES   SHARE\n"
		   " 977 us       60  60.0 %  ████████████████████████████████\n"
		   "1.95 ms        0   0.0 %\n"
		   "3.91 ms        0   0.0 %\n"
		   "7.81 ms        0   0.0 %\n"
		   "15.6 ms       30  30.0 %  ████████████████\n"
		   "31.2 ms        0   0.0 %\n"
		   "62.5 ms        0   0.0 %\n"
		   " 125 ms        9   9.0 %  ████▊\n"
		   " 250 ms        0   0.0 %\n"
		   " 500 ms        0   0.0 %\n"
		   " 1.00 s        0   0.0 %\n"
		   " 2.00 s        1   1.0 %  ▌\n");
}

static void a_single_upstream_says_what_became_of_calls(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *latency = latency_of(snapshot, "api");
	struct latency_view view = {.latency = latency, .whole = true};

	show(&view, 0, 0);
	assert_has("\napi, response\n"
		   "   UP TO  SAMPLES    SHARE\n"
		   "> 64.0 s        2  100.0 %  ███");
	assert_has("\nENDPOINT            OK  SLOW  5XX  REFUSED  RESET  CONNECT TIMEOUT  NO "
		   "ANSWER  OPEN  NAME\n"
		   "10.1.2.3:8443    1,200     7   30        2      0                0          0  "
		   "   3\n"
		   "api.example:443      5     0    0        0      0                0          0  "
		   "   0  stale: does not resolve any more\n");
	show_coloured(&view);
	assert_has("\033[31m10.1.2.3:8443 ");
	assert_has("\033[33mapi.example:443 ");
}

/* Two answers, two seconds apart: the histogram of what came between them, and rates */
static void the_difference_of_two_answers_is_the_interval(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *before = latency_of(snapshot, NULL), *now;
	struct latency_view view = {.before = before};

	snapshot->unix_time += 2;
	latency_add(snapshot, WEIR_LATENCY_RESPONSE, WEB, 3 * MS, 500);
	snapshot->endpoint[5].calls.result[WEIR_RESULT_OK] += 11;
	view.latency = now = latency_of(snapshot, NULL);
	show(&view, 0, 0);
	assert_has("latency in the last 2.00 s; 1,234 of 131,072 flows;");
	assert_has("\nSERVICE  LATENCY     COUNT/s      P50      P90      P95      P99      MAX  "
		   "3.91 ms\n");
	assert_has(
		"\nweb      round trip        0        -        -        -        -        -\n"
		"web      response        250  3.02 ms  3.23 ms  3.26 ms  3.28 ms  3.28 ms  █\n");
	view.whole = true;
	show(&view, 0, 0);
	assert_has("\n3.91 ms      500  100.0 %  ███");
	assert_has("\n10.1.2.3:8443    11     0    0        0      0 ");
	show_coloured(&view);
	assert_has("\033[2mweb      round trip ");
	assert_has("\n10.1.2.3:8443 "); /* nothing failed in this interval */
}

/* Whatever the earlier answer is, it must not make figures up. */
static void an_earlier_answer_is_used_only_where_it_fits(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *latency = latency_of(snapshot, "web");
	json_t *other;
	struct latency_view view = {.before = latency, .latency = latency};

	show(&view, 0, 0); /* the same figures twice */
	assert_has("latency since counting began;");

	snapshot->unix_time -= 2;
	snapshot->bound_ns[3]++;
	view.before = other = latency_of(snapshot, "web"); /* other bounds */
	show(&view, 0, 0);
	assert_has("latency since counting began;");
	assert_has("\nweb      response      100  951 us ");
	json_decref(other);

	snapshot->bound_ns[3]--;
	latency_add(snapshot, WEIR_LATENCY_RESPONSE, WEB, 12 * MS, 1000);
	view.before = other = latency_of(snapshot, "web"); /* more than now: counting began anew */
	show(&view, 0, 0);
	assert_has("latency in the last 2.00 s;");
	assert_has("\nweb      response         50  951 us ");
	json_decref(other);

	snapshot->service[WEB].name[0] = 'x';
	view.before = other = latency_of(snapshot, NULL); /* there was no web */
	show(&view, 0, 0);
	assert_has("\nweb      response         50  951 us ");
	json_decref(other);
}

static void where_nothing_is_followed_it_says_so(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *latency = latency_of(snapshot, "ssh");
	struct latency_view view = {.latency = latency, .whole = true, .notice = "went away"};

	show(&view, 0, 0);
	assert_has("\nwent away\n");
	assert_has("\nno flows of it are followed: see `latency` in weir.yaml(5)\n");
}

static void why_the_kernel_measures_nothing_is_shown(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *latency, *flows;
	struct latency_view view = {0};

	health_fill(health_add(snapshot, "telemetry"), "telemetry", HEALTH_DEGRADED,
		    "cannot attach to eth0");
	view.latency = latency = latency_of(snapshot, NULL);
	show(&view, 0, 0);
	assert_has("\ntelemetry: cannot attach to eth0\n");
	flows = flows_of(snapshot);
	show_flows(flows, 0, 0, false);
	assert_has("\ntelemetry: cannot attach to eth0\n");
}

static void without_utf8_ascii_stands_for_blocks(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *latency = latency_of(snapshot, "web");
	struct latency_view view = {.latency = latency, .whole = true};

	show_ascii(&view);
	assert_has("  1.68 s    #   -  .   .\n");
	assert_has("\n 125 ms        9   9.0 %  #######-\n");
	for (const char *at = got.text; *at; at++)
		assert_true((unsigned char)*at < 0x80);
}

static void latency_and_flows_fit_any_terminal(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *latency = latency_of(snapshot, NULL), *flows = flows_of(snapshot);
	struct latency_view view = {.latency = latency, .whole = true};

	for (size_t width = 1; width < 110; width++) {
		for (size_t height = 1; height < 50; height += 3) {
			show(&view, width, height);
			assert_int_equal(got.result, 0);
			assert_fits(width, height);
			show_flows(flows, width, height, false);
			assert_int_equal(got.result, 0);
			assert_fits(width, height);
		}
	}
	show(&view, 100, 0);
	assert_int_equal(lines_shown(), 47);
	show(&view, 100, 10);
	assert_int_equal(lines_shown(), 10);
	assert_has("\nand 38 more lines: a higher terminal shows them\n");
}

static void flows_show_both_ends_and_how_much(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *flows = flows_of(snapshot);

	show_flows(flows, 0, 0, false);
	assert_shown(
		"1,234 of 131,072 flows, the busiest by rate\n"
		"REMOTE                 LOCAL             PROTO  SERVICE  UPSTREAM  STATE       "
		"BYTES/s    BYTES IN  BYTES OUT  SILENT\n"
		"203.0.113.7:40312      198.51.100.1:443  tcp    web                open        "
		"   125k      12,345  9,876,543    20ms\n"
		"[2001:db8:7::42]:5353  [2001:db8::1]:53  udp    other              connecting  "
		"     80          80          0      2s\n"
		"10.1.2.3:8443          10.1.2.1:51000    tcp             api       closed      "
		"     40  20,000,000          1   2m10s\n");
	show_flows(flows, 0, 0, true);
	assert_has("\n203.0.113.7:40312 ");
	assert_has("\n\033[33m[2001:db8:7::42]:5353 ");
	assert_has("\n\033[2m10.1.2.3:8443 ");
	json_array_clear(json_object_get(flows, "flows"));
	show_flows(flows, 0, 0, false);
	assert_has("\nno flow has carried anything since the last scan\n");
}

static void a_picture_has_the_share_of_its_greatest_value(void **state)
{
	static const uint64_t value[] = {0, 1, 50, 100, UINT64_MAX / 2, UINT64_MAX, 0};
	static const uint64_t small[] = {1, 2, 3, 4, 5, 6, 7, 8};
	static uint64_t many[BLOCKS_MAX + 10];

	assert_string_equal(blocks_spark(small, 8, true).s, "▁▂▃▄▅▆▇█");
	assert_string_equal(blocks_spark(small, 8, false).s, "..:-=+*#");
	assert_string_equal(blocks_spark(value, 7, true).s, " ▁▁▁▄█");
	assert_string_equal(blocks_spark(value, 1, true).s, "");
	assert_string_equal(blocks_bar(UINT64_MAX, UINT64_MAX, 3, true).s, "███");
	assert_string_equal(blocks_bar(1, UINT64_MAX, 3, true).s, "▏");
	assert_string_equal(blocks_bar(0, UINT64_MAX, 3, true).s, "");
	assert_string_equal(blocks_bar(5, 8, 1, true).s, "▋");
	assert_string_equal(blocks_bar(5, 8, 0, true).s, "");
	assert_string_equal(blocks_bar(5, 0, 2, true).s, "██");
	for (size_t i = 0; i < BLOCKS_MAX + 10; i++)
		many[i] = 7;
	assert_int_equal(text_width(blocks_spark(many, BLOCKS_MAX + 10, true).s), BLOCKS_MAX);
	assert_int_equal(text_width(blocks_bar(1, 1, 1000, true).s), BLOCKS_MAX);
}

static void latencies_have_three_digits_and_a_unit(void **state)
{
	assert_string_equal(text_latency(0).s, "0 ns");
	assert_string_equal(text_latency(-1).s, "0 ns");
	assert_string_equal(text_latency(__builtin_nan("")).s, "0 ns");
	assert_string_equal(text_latency(120e-9).s, "120 ns");
	assert_string_equal(text_latency(7.629e-6).s, "7.63 us");
	assert_string_equal(text_latency(0.000999).s, "999 us");
	assert_string_equal(text_latency(0.0009996).s, "1.00 ms");
	assert_string_equal(text_latency(0.00125).s, "1.25 ms");
	assert_string_equal(text_latency(0.1).s, "100 ms");
	assert_string_equal(text_latency(64).s, "64.0 s");
	assert_string_equal(text_latency(3600).s, "3600 s");
	assert_true(strlen(text_latency(1e300).s) < sizeof(struct text) - 1);
}

/* Every bound of schema 2 is in the octave of the power of two at or above it, and 2^k itself in its own. */
static void slots_are_summed_by_exact_powers_of_two(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *latency = latency_of(snapshot, NULL);
	struct distribution_bounds bounds;
	struct reader reader = {0};

	distribution_read_bounds(latency, &bounds, &reader);
	assert_false(reader.failed);
	assert_int_equal(bounds.count, snapshot->bounds);
	assert_memory_equal(bounds.ns, snapshot->bound_ns, sizeof(uint64_t) * snapshot->bounds);
	for (size_t i = 0; i < bounds.count; i++) {
		struct distribution distribution = {.count = 1};
		size_t first = OCTAVES, last = 0;
		struct octaves octaves;

		distribution.histogram.slot[i] = 1;
		distribution_octaves(&distribution, &bounds, &octaves);
		assert_int_equal(octaves.overflow, 0);
		assert_true(octaves_range(&octaves, &first, &last));
		assert_int_equal(first, last);
		assert_true((uint64_t)(octave_seconds(first) * 1e9) >= bounds.ns[i]);
		assert_true((uint64_t)(octave_seconds(first - 1) * 1e9) < bounds.ns[i]);
	}
}

static void try_latency(const json_t *spoilt)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	struct latency_view view = {.latency = spoilt, .whole = true};
	json_t *good;

	show(&view, 100, 0);
	snapshot->unix_time += 1;
	snapshot->bounds = 2;
	view.before = spoilt;
	view.latency = good = latency_of(snapshot, NULL);
	show(&view, 100, 0);
	view.before = good;
	view.latency = spoilt;
	show(&view, 100, 40);
	json_decref(good);
}

static void try_flows(const json_t *spoilt)
{
	show_flows(spoilt, 80, 24, true);
}

static void an_answer_spoilt_anywhere_gives_an_error_never_a_crash(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();
	_cleanup_json_ json_t *latency, *flows = flows_of(snapshot);

	snapshot->bounds = 2; /* each slot is spoilt alike */
	latency = latency_of(snapshot, "api");
	spoil(latency, try_latency);
	spoil(flows, try_flows);
	try_latency(NULL);
	try_flows(NULL);
	json_object_set_new(latency, "bounds", quoted("[1,'x']"));
	try_latency(latency);
	assert_has_not("latency");
	assert_string_equal(got.error,
			    "the daemon's answer cannot be read: \"bounds\" is an array, expected "
			    "numbers only; are `weir` and the daemon of the same version?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_since_the_start_is_a_table_each_for_services_and_upstreams),
		cmocka_unit_test(a_single_service_has_its_whole_histogram),
		cmocka_unit_test(a_single_upstream_says_what_became_of_calls),
		cmocka_unit_test(the_difference_of_two_answers_is_the_interval),
		cmocka_unit_test(an_earlier_answer_is_used_only_where_it_fits),
		cmocka_unit_test(where_nothing_is_followed_it_says_so),
		cmocka_unit_test(why_the_kernel_measures_nothing_is_shown),
		cmocka_unit_test(without_utf8_ascii_stands_for_blocks),
		cmocka_unit_test(latency_and_flows_fit_any_terminal),
		cmocka_unit_test(flows_show_both_ends_and_how_much),
		cmocka_unit_test(a_picture_has_the_share_of_its_greatest_value),
		cmocka_unit_test(latencies_have_three_digits_and_a_unit),
		cmocka_unit_test(slots_are_summed_by_exact_powers_of_two),
		cmocka_unit_test(an_answer_spoilt_anywhere_gives_an_error_never_a_crash),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
