/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Snapshot -> JSON of /v1/latency and /v1/flows, to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "latency_snapshot.h"
#include "user/http/view.h"
#include "user/metrics/health.h"

static char got[65536];

static void take(json_t *json)
{
	char *text;

	assert_non_null(json);
	text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12));
	assert_non_null(text);
	assert_true(strlen(text) < sizeof(got));
	strcpy(got, text);
	free(text);
	json_decref(json);
}

static void assert_has(const char *part)
{
	if (!strstr(got, part))
		fail_msg("no %s in:\n%s", part, got);
}

static void assert_has_not(const char *part)
{
	if (strstr(got, part))
		fail_msg("%s in:\n%s", part, got);
}

/* Three bounds only, to be readable here: 1, 2 and 4 ms */
static struct snapshot *three_bounds(void)
{
	struct snapshot *snapshot = latency_snapshot();

	for (size_t i = 0; i < snapshot->latencies; i++) {
		snapshot->latency[i].sum = (struct weir_histogram){0};
		snapshot->latency[i].count = 0;
	}
	snapshot->bounds = 3;
	for (size_t i = 0; i < 3; i++)
		snapshot->bound_ns[i] = 1000000ULL << i;
	return snapshot;
}

static void show(const struct snapshot *snapshot, const char *name)
{
	struct view_names names = {.at = &name, .count = name ? 1 : 0};

	take(view_latency(snapshot, 0, &names));
}

#define FLOW_TABLE                                                                 \
	"{\"enabled\":true,\"entries\":1234,\"capacity\":131072,\"inserts\":5000," \
	"\"evictions_idle\":60,\"evictions_active\":0,\"retransmissions\":8,"      \
	"\"samples_discarded\":{\"retransmitted\":7,\"pipelined\":1,\"evicted\":0,\"no_room\":0}}"

static void a_service_has_its_two_histograms(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = three_bounds();

	latency_add(snapshot, WEIR_LATENCY_RESPONSE, 1, 1000000, 50); /* a bound is inclusive */
	latency_add(snapshot, WEIR_LATENCY_RESPONSE, 1, 1000001, 50);
	show(snapshot, "web");
	assert_string_equal(
		got, "{\"time\":\"2023-11-14T22:13:32.500Z\",\"age_seconds\":0.0,\"enabled\":true,"
		     "\"problem\":null,\"flows\":" FLOW_TABLE ",\"bounds\":[0.001,0.002,0.004],"
		     "\"services\":[{\"name\":\"web\",\"histograms\":["
		     "{\"name\":\"client_round_trip\",\"count\":0,\"sum\":0.0,\"p50\":null,"
		     "\"p90\":null,\"p95\":null,\"p99\":null,\"max\":null,\"slots\":[0,0,0,0]},"
		     "{\"name\":\"response\",\"count\":100,\"sum\":0.10000005,\"p50\":0.001,"
		     "\"p90\":0.0018,\"p95\":0.0019,\"p99\":0.00198,\"max\":0.002,"
		     "\"slots\":[50,50,0,0]}]}],\"upstreams\":[]}");
}

static void an_upstream_has_its_histograms_and_endpoints(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = three_bounds();

	latency_add(snapshot, WEIR_LATENCY_CONNECT, 3, 3000000, 1);
	latency_add(snapshot, WEIR_LATENCY_CONNECT, 4, 3000000, 1); /* another's */
	show(snapshot, "api");
	assert_has("\"services\":[],\"upstreams\":[{\"name\":\"api\",\"histograms\":["
		   "{\"name\":\"upstream_connect\",\"count\":1,\"sum\":0.003,\"p50\":0.003,"
		   "\"p90\":0.0038,\"p95\":0.0039,\"p99\":0.00398,\"max\":0.004,"
		   "\"slots\":[0,0,1,0]},"
		   "{\"name\":\"upstream_response\",\"count\":0,");
	assert_has("\"endpoints\":[{\"name\":\"10.1.2.3:8443\",\"calls\":1239,\"failures\":32,"
		   "\"results\":{\"ok\":1200,\"slow\":7,\"http_5xx\":30,\"refused\":2,\"reset\":0,"
		   "\"connect_timeout\":0,\"no_answer\":0},"
		   "\"http\":{\"other\":0,\"1xx\":0,\"2xx\":1207,\"3xx\":0,\"4xx\":0,\"5xx\":30},"
		   "\"connected\":20,\"connections\":3,\"addresses\":1,\"stale\":false},"
		   "{\"name\":\"api.example:443\",\"calls\":5,\"failures\":0,"
		   "\"results\":{\"ok\":5,\"slow\":0,\"http_5xx\":0,\"refused\":0,\"reset\":0,"
		   "\"connect_timeout\":0,\"no_answer\":0},\"http\":null,"
		   "\"connected\":0,\"connections\":0,\"addresses\":2,\"stale\":true}]}]}");
}

static void without_names_there_is_everything(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();

	show(snapshot, NULL);
	assert_has("\"services\":[{\"name\":\"other\",\"histograms\":[{\"name\":");
	assert_has("{\"name\":\"ssh\",\"histograms\":[]}]");
	assert_has("\"upstreams\":[{\"name\":\"api\",");
	assert_has("{\"name\":\"db\",\"histograms\":[{\"name\":\"upstream_connect\"");
}

/* What is slower than every bound is known to be that, and no more */
static void the_overflow_is_the_last_slot(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = three_bounds();

	latency_add(snapshot, WEIR_LATENCY_RESPONSE, 1, 4000001, 3);
	show(snapshot, "web");
	assert_has("\"count\":3,\"sum\":0.012000003,\"p50\":0.004,\"p90\":0.004,\"p95\":0.004,"
		   "\"p99\":0.004,\"max\":0.004,\"slots\":[0,0,0,3]}");
}

static void it_says_why_nothing_is_measured(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();

	health_fill(health_add(snapshot, "telemetry"), "telemetry", HEALTH_DEGRADED,
		    "cannot attach to %s", "eth0");
	show(snapshot, "web");
	assert_has("\"enabled\":true,\"problem\":\"cannot attach to eth0\",");
	snapshot->component[0].status = HEALTH_HEALTHY;
	snapshot->following = false;
	show(snapshot, "web");
	assert_has("\"enabled\":false,\"problem\":null,\"flows\":{\"enabled\":false,");
}

static void show_flows(const struct snapshot *snapshot, struct view_flow_filter filter)
{
	take(view_flows(snapshot, 0, &filter));
}

static void a_flow_says_who_and_how_much(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();

	show_flows(snapshot, (struct view_flow_filter){.limit = 2, .service = -1, .upstream = -1});
	assert_string_equal(
		got,
		"{\"time\":\"2023-11-14T22:13:32.500Z\",\"age_seconds\":0.0,\"problem\":null,"
		"\"table\":" FLOW_TABLE ",\"by\":\"rate\",\"flows\":["
		"{\"remote\":\"203.0.113.7\",\"remote_port\":40312,\"local\":\"198.51.100.1\","
		"\"local_port\":443,\"protocol\":\"tcp\",\"state\":\"open\",\"service\":\"web\","
		"\"upstream\":null,\"endpoint\":null,\"interface\":\"eth0\",\"bytes_in\":12345,"
		"\"bytes_out\":9876543,\"packets_in\":100,\"packets_out\":6600,"
		"\"bytes_per_second\":125000.0,\"silent_seconds\":0.02},"
		"{\"remote\":\"2001:db8:7::42\",\"remote_port\":5353,\"local\":\"2001:db8::1\","
		"\"local_port\":53,\"protocol\":\"udp\",\"state\":\"connecting\","
		"\"service\":\"other\",\"upstream\":null,\"endpoint\":null,"
		"\"interface\":\"eth0\",\"bytes_in\":80,\"bytes_out\":0,\"packets_in\":1,"
		"\"packets_out\":0,\"bytes_per_second\":80.0,\"silent_seconds\":1.5}]}");
}

static void flows_are_sorted_and_chosen(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();

	show_flows(snapshot,
		   (struct view_flow_filter){
			   .limit = 1, .service = -1, .upstream = -1, .order = VIEW_BYTES});
	assert_has("\"by\":\"bytes\",\"flows\":[{\"remote\":\"10.1.2.3\",");
	assert_has("\"state\":\"closed\",\"service\":null,\"upstream\":\"api\","
		   "\"endpoint\":\"10.1.2.3:8443\"");
	assert_has_not("203.0.113.7");
	show_flows(snapshot, (struct view_flow_filter){.limit = 9, .service = 1, .upstream = -1});
	assert_has("203.0.113.7");
	assert_has_not("10.1.2.3");
	assert_has_not("2001:db8");
	show_flows(snapshot, (struct view_flow_filter){.limit = 9, .service = -1, .upstream = 3});
	assert_has("10.1.2.3");
	assert_has_not("203.0.113.7");
	assert_has_not("2001:db8");
	show_flows(snapshot, (struct view_flow_filter){.limit = 9, .service = 1, .upstream = 3});
	assert_has("203.0.113.7");
	assert_has("10.1.2.3");
	assert_has_not("2001:db8");
	show_flows(snapshot, (struct view_flow_filter){.limit = 9, .service = -1, .upstream = 4});
	assert_has("\"flows\":[]");
}

/* What was read while the kernel wrote it must not take the daemon along. */
static void an_odd_flow_does_no_harm(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latency_snapshot();

	snapshot->flow[0].state = 200;
	snapshot->flow[0].protocol = 132;
	snapshot->flow[0].interface = WEIR_INTERFACES;
	show_flows(snapshot, (struct view_flow_filter){.limit = 9, .service = 1, .upstream = -1});
	assert_has("\"protocol\":\"132\",\"state\":\"?\"");
	assert_has("\"interface\":null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_has_its_two_histograms),
		cmocka_unit_test(an_upstream_has_its_histograms_and_endpoints),
		cmocka_unit_test(without_names_there_is_everything),
		cmocka_unit_test(the_overflow_is_the_last_slot),
		cmocka_unit_test(it_says_why_nothing_is_measured),
		cmocka_unit_test(a_flow_says_who_and_how_much),
		cmocka_unit_test(flows_are_sorted_and_chosen),
		cmocka_unit_test(an_odd_flow_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
