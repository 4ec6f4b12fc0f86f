/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A snapshot of breakers -> JSON of /v1/breakers, what `weir breakers` and `weir events` show, and metrics: to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/render.h"
#include "user/http/view.h"
#include "user/metrics/metrics.h"

#define SECOND 1000000000ULL
#define NOW (10000 * SECOND)

static char got[262144];

/* api: one open, one half-open, one that is held; dns: off, but forced open for 90 s */
static struct snapshot *four_endpoints(void)
{
	static const char *const name[] = {"10.1.2.3:443", "10.1.2.4:443", "10.1.2.5:443",
					   "10.9.9.9:53"};
	struct snapshot *snapshot = snapshot_new();

	assert_non_null(snapshot);
	snapshot->time_ns = NOW;
	snapshot->unix_time = 1767323045.678;
	snapshot->following = true;
	strcpy(snapshot->upstream[2].name, "api");
	strcpy(snapshot->upstream[2].breaker_mode, "enforce");
	snapshot->upstream[2].probed = true;
	snapshot->upstream[2].endpoints = 3;
	snapshot->upstream[2].out = 2;
	snapshot->upstream[2].held = 7;
	snapshot->upstream[2].transitions[BREAKER_OPEN][BREAKER_BY_CONSECUTIVE] = 4;
	strcpy(snapshot->upstream[5].name, "dns");
	strcpy(snapshot->upstream[5].breaker_mode, "off");
	snapshot->upstream[5].endpoints = snapshot->upstream[5].out = 1;
	for (int i = 0; i < 4; i++) {
		strcpy(snapshot->endpoint[10 + i].name, name[i]);
		snapshot->endpoint[10 + i].upstream = i < 3 ? 2 : 5;
		snapshot->endpoint[10 + i].breaker.enforced = true;
	}
	snapshot->endpoint[10].calls.rejected = 871;
	snapshot->endpoint[10].connections = 3;
	snapshot->endpoint[10].breaker = (struct snapshot_breaker){
		.state = BREAKER_OPEN,
		.enforced = true,
		.reason = BREAKER_BY_CONSECUTIVE,
		.since_ns = NOW - 12 * SECOND,
		.until_ns = NOW + 19 * SECOND,
		.ejections = 1,
		.probes_ok = 2,
		.probes_failed = 5,
	};
	snapshot->endpoint[11].breaker = (struct snapshot_breaker){
		.state = BREAKER_HALF_OPEN,
		.reason = BREAKER_BY_RECOVERY,
		.since_ns = NOW - SECOND / 2,
		.successes = 2,
		.ejections = 3,
	};
	snapshot->endpoint[12].breaker = (struct snapshot_breaker){
		.state = BREAKER_CLOSED,
		.enforced = true,
		.held = BREAKER_BY_FAILURE_RATIO,
		.since_ns = NOW - 3600 * SECOND,
		.streak = 2,
		.calls = 40,
		.failures = 21,
		.slow = 3,
		.waiting_syns = 4,
	};
	snapshot->endpoint[13].breaker = (struct snapshot_breaker){
		.state = BREAKER_FORCED_OPEN,
		.enforced = true,
		.reason = BREAKER_BY_MANUAL,
		.since_ns = NOW,
		.until_ns = NOW + 90 * SECOND,
	};
	return snapshot;
}

static void json_has_every_figure(void **state)
{
	struct snapshot *snapshot = four_endpoints();
	json_t *json = view_breakers(snapshot, NOW);
	char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12));

	(void)state;
	assert_string_equal(
		text,
		"{\"time\":\"2026-01-02T03:04:05.678Z\",\"age_seconds\":0.0,\"enabled\":true,\"problem\":null,"
		"\"upstreams\":[{\"name\":\"api\",\"mode\":\"enforce\",\"out\":2,\"held\":7,\"endpoints\":["
		"{\"name\":\"10.1.2.3:443\",\"state\":\"open\",\"observed\":false,\"reason\":\"consecutive_failures\","
		"\"held\":null,\"since_seconds\":12.0,\"seconds_left\":19.0,\"streak\":0,\"calls\":0,\"failures\":0,"
		"\"slow\":0,\"successes\":0,\"connections\":3,\"waiting_syns\":0,\"ejections\":1,\"rejected\":871,"
		"\"probes\":{\"ok\":2,\"failed\":5}},"
		"{\"name\":\"10.1.2.4:443\",\"state\":\"half_open\",\"observed\":true,\"reason\":\"recovery\","
		"\"held\":null,\"since_seconds\":0.5,\"seconds_left\":null,\"streak\":0,\"calls\":0,\"failures\":0,"
		"\"slow\":0,\"successes\":2,\"connections\":0,\"waiting_syns\":0,\"ejections\":3,\"rejected\":0,"
		"\"probes\":{\"ok\":0,\"failed\":0}},"
		"{\"name\":\"10.1.2.5:443\",\"state\":\"closed\",\"observed\":false,\"reason\":null,"
		"\"held\":\"failure_ratio\",\"since_seconds\":3600.0,\"seconds_left\":null,\"streak\":2,\"calls\":40,"
		"\"failures\":21,\"slow\":3,\"successes\":0,\"connections\":0,\"waiting_syns\":4,\"ejections\":0,"
		"\"rejected\":0,\"probes\":{\"ok\":0,\"failed\":0}}]},"
		"{\"name\":\"dns\",\"mode\":\"off\",\"out\":1,\"held\":0,\"endpoints\":["
		"{\"name\":\"10.9.9.9:53\",\"state\":\"forced_open\",\"observed\":false,\"reason\":\"manual\","
		"\"held\":null,\"since_seconds\":0.0,\"seconds_left\":90.0,\"streak\":0,\"calls\":0,\"failures\":0,"
		"\"slow\":0,\"successes\":0,\"connections\":0,\"waiting_syns\":0,\"ejections\":0,\"rejected\":0,"
		"\"probes\":null}]}]}");
	free(text);
	json_decref(json);
	snapshot_unref(snapshot);
}

static struct page start(void)
{
	memset(got, 0, sizeof(got));
	return (struct page){.out = fmemopen(got, sizeof(got), "w")};
}

static void the_table_says_what_is_out_and_why(void **state)
{
	struct snapshot *snapshot = four_endpoints();
	json_t *json = view_breakers(snapshot, NOW);
	struct answer_view view = {.answer = json};
	struct page page = start();
	char error[256];

	(void)state;
	assert_int_equal(render_breakers(&view, &page, error, sizeof(error)), 0);
	fclose(page.out);
	assert_string_equal(
		got,
		"UPSTREAM  ENDPOINT      STATE                   FOR   LEFT    FAILED  STREAK  OPEN  EJECTIONS  REJECTED  REASON\n"
		"api       10.1.2.3:443  open                    12s    19s                 0     3          1       871  consecutive_failures\n"
		"api       10.1.2.4:443  half_open (observed)  500ms                        0     0          3         0  recovery\n"
		"api       10.1.2.5:443  closed                1h00m         21 of 40       2     0          0         0  held: failure_ratio, too many are out\n"
		"dns       10.9.9.9:53   forced_open              0s  1m30s                 0     0          0         0  manual\n");
	json_decref(json);
	snapshot_unref(snapshot);
}

static void without_upstreams_it_says_so(void **state)
{
	struct snapshot *snapshot = snapshot_new();
	json_t *json = view_breakers(snapshot, NOW);
	struct answer_view view = {.answer = json, .notice = "gone"};
	struct page page = start(), again;
	char error[256];

	(void)state;
	assert_int_equal(render_breakers(&view, &page, error, sizeof(error)), 0);
	fclose(page.out);
	assert_string_equal(got, "gone\nno upstreams are configured\n");
	json_decref(json);
	snapshot_unref(snapshot);

	json = json_pack("{s:s}", "upstreams", "none");
	view = (struct answer_view){.answer = json};
	again = start();
	assert_int_equal(render_breakers(&view, &again, error, sizeof(error)), -EPROTO);
	fclose(again.out);
	assert_string_equal(got, "");
	json_decref(json);
}

static void an_event_says_from_to_and_why(void **state)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s}", "event",
				 "breaker", "time", "2026-01-02T03:04:05.678Z", "upstream", "api",
				 "endpoint", "10.1.2.3:443", "from", "closed", "to", "open",
				 "reason", "consecutive_failures", "observed", true, "figures",
				 "5 failures in a row");
	struct render_events columns = RENDER_EVENTS_START;
	struct page page = start(), again;
	char error[256];

	(void)state;
	assert_int_equal(render_event(json, &columns, &page, error, sizeof(error)), 0);
	fclose(page.out);
	assert_non_null(strstr(got,
			       ":04:05.678  breaker api 10.1.2.3:443: closed -> open (observed): "
			       "consecutive_failures (5 failures in a row)\n"));
	json_object_del(json, "reason");
	again = start();
	assert_int_equal(render_event(json, &columns, &again, error, sizeof(error)), -EPROTO);
	fclose(again.out);
	json_decref(json);
}

static void assert_series(const char *series)
{
	char line[256];

	snprintf(line, sizeof(line), "\n%s\n", series);
	if (!strstr(got, line))
		fail_msg("no %s in:\n%s", series, got);
}

static void states_are_one_hot_and_what_cannot_happen_has_no_series(void **state)
{
	struct snapshot *snapshot = four_endpoints();
	const struct metrics_input input = {.snapshot = snapshot};
	struct buffer out = {};

	(void)state;
	assert_int_equal(metrics_write(METRICS_TEXT, &input, &out), 0);
	assert_true(out.length < sizeof(got));
	memcpy(got, out.data, out.length);
	got[out.length] = '\0';
	buffer_release(&out);
#define OF(state) \
	"weir_breaker_state{upstream=\"api\",endpoint=\"10.1.2.3:443\",state=\"" state "\"} "
	assert_series(OF("open") "1");
	assert_series(OF("closed") "0");
	assert_series(OF("half_open") "0");
	assert_series(OF("forced_open") "0");
	assert_series(OF("forced_closed") "0");
	assert_series(OF("disabled") "0");
#define INTO(to, reason) \
	"weir_breaker_transitions_total{upstream=\"api\",to=\"" to "\",reason=\"" reason "\"} "
	assert_series(INTO("open", "consecutive_failures") "4");
	assert_series(INTO("half_open", "answers_again") "0");
	assert_null(strstr(got, INTO("open", "probes_passed")));
	assert_null(strstr(got, INTO("closed", "none")));
	assert_series(
		"weir_breaker_rejections_total{upstream=\"api\",endpoint=\"10.1.2.3:443\"} 871");
	assert_series("weir_breaker_ejections{upstream=\"api\",endpoint=\"10.1.2.4:443\"} 3");
	assert_series("weir_upstream_ejected_ratio{upstream=\"dns\"} 1");
	assert_series("weir_upstream_ejections_held_total{upstream=\"api\"} 7");
	assert_series(
		"weir_upstream_probes_total{upstream=\"api\",endpoint=\"10.1.2.3:443\",result=\"failed\"} 5");
	assert_null(strstr(got, "weir_upstream_probes_total{upstream=\"dns\""));
	assert_series("weir_breaker_reaction_seconds_count 0");
	snapshot_unref(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_every_figure),
		cmocka_unit_test(the_table_says_what_is_out_and_why),
		cmocka_unit_test(without_upstreams_it_says_so),
		cmocka_unit_test(an_event_says_from_to_and_why),
		cmocka_unit_test(states_are_one_hot_and_what_cannot_happen_has_no_series),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
