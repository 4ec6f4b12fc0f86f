/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A snapshot of a cluster -> JSON of /v1/cluster, and what `weir cluster` and `weir status` show: to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spoil.h"
#include "user/cli/client.h"
#include "user/cli/render.h"
#include "user/http/view.h"

#define SECOND 1000000000ULL
#define NOW (10000 * SECOND)

static struct {
	char text[16384];
	char error[1024];
	int result;
} got;

static void name_things(struct snapshot *snapshot)
{
	snapshot->time_ns = NOW;
	snapshot->unix_time = 1767323045.678;
	strcpy(snapshot->node, "edge-2");
	strcpy(snapshot->service[3].name, "web");
	strcpy(snapshot->tier[0], "anonymous");
	snapshot->limit = calloc(3, sizeof(*snapshot->limit));
	assert_non_null(snapshot->limit);
	snapshot->limits = 3;
	snapshot->limit[0] = (struct snapshot_limit){
		.service = 3, .name = "5/s connections", .unit = "connections"};
	snapshot->limit[1] = (struct snapshot_limit){.service = 3,
						     .name = "1000/s packets",
						     .unit = "packets",
						     .rate = 1000,
						     .burst = 2000};
	snapshot->limit[2] = (struct snapshot_limit){.service = 3,
						     .group = true,
						     .name = "20MB/s bytes",
						     .unit = "bytes",
						     .rate = 20e6,
						     .burst = 40e6};
}

static void share(struct snapshot_cluster *cluster)
{
	cluster->limit = calloc(2, sizeof(*cluster->limit));
	assert_non_null(cluster->limit);
	cluster->limits = 2;
	cluster->limit[0] = (struct snapshot_cluster_limit){.limit = 1,
							    .mode = CLUSTER_SHARED,
							    .on_outage = OUTAGE_LOCAL,
							    .share_rate = 250,
							    .share_burst = 500,
							    .ratio = 0.25,
							    .demand = 900,
							    .level = 7,
							    .hot = 1};
	cluster->limit[1] = (struct snapshot_cluster_limit){.limit = 2,
							    .mode = CLUSTER_SHARED,
							    .on_outage = OUTAGE_DENY,
							    .share_rate = 12.5e6,
							    .share_burst = 25e6,
							    .ratio = 0.625,
							    .demand = 13e6,
							    .level = -1.25e6};
	cluster->hots = 1;
	cluster->hot[0] = (struct snapshot_hot){.addr = {[10] = 255, 255, 203, 0, 113, 7},
						.length = 128,
						.limit = 1,
						.mode = CLUSTER_SHARED,
						.demand = 870,
						.share_rate = 812.5,
						.ratio = 0.8125,
						.level = 1500};
}

/* Four nodes of which three are named, a limit for each client and one for all, a client that is hot */
static struct snapshot *four_nodes(void)
{
	struct snapshot *snapshot = snapshot_new();
	struct snapshot_cluster *cluster;

	assert_non_null(snapshot);
	cluster = &snapshot->cluster;
	name_things(snapshot);
	*cluster = (struct snapshot_cluster){
		.enabled = true,
		.redis = "redis://weir@10.1.2.3:6379/2",
		.redis_up = true,
		.redis_state = "ok",
		.breaker = "closed",
		.mode = CLUSTER_SHARED,
		.interval_ns = SECOND / 10,
		.nodes = 4,
		.node = {"edge-1", "edge-2", "edge-3"},
		.node_names = 3,
		.rounds = {12345, 6, 2},
		.reports_ahead = 40,
		.last_success = 1767323045.6,
		.lag_seconds = 0.078,
		.round_seconds = 0.00025,
		.reconnects = 1,
		.hot_keys = 1,
		.watched = 17,
		.backlog = 1234.5,
		.command = {{.name = "round", .ok = 12345, .failed = 6}, {.name = "orders"}},
		.commands = 2,
	};
	histogram_observe(&cluster->command[0].duration, 0.001);
	histogram_observe(&cluster->command[0].duration, 0.002);
	share(cluster);
	return snapshot;
}

static void redis_is_gone(struct snapshot *snapshot)
{
	struct snapshot_cluster *cluster = &snapshot->cluster;

	cluster->redis_up = false;
	strcpy(cluster->redis_state, "unreachable");
	strcpy(cluster->error, "10.1.2.3:6379: connection refused; see that it runs");
	strcpy(cluster->breaker, "open");
	cluster->mode = CLUSTER_OUTAGE;
	cluster->limit[0].mode = cluster->limit[1].mode = cluster->hot[0].mode = CLUSTER_OUTAGE;
	cluster->last_success = 0;
	cluster->lag_seconds = -1;
}

#define COMMON                                                                                   \
	"{\"time\":\"2026-01-02T03:04:05.678Z\",\"age_seconds\":0.0,\"enabled\":true,"           \
	"\"mode\":\"shared\","                                                                   \
	"\"nodes\":{\"count\":4,\"here\":\"edge-2\",\"names\":[\"edge-1\",\"edge-2\","           \
	"\"edge-3\"]},"                                                                          \
	"\"redis\":{\"url\":\"redis://weir@10.1.2.3:6379/2\",\"up\":true,\"state\":\"ok\","      \
	"\"error\":null,\"breaker\":\"closed\",\"reconnects\":1,\"commands\":["                  \
	"{\"name\":\"round\",\"ok\":12345,\"failed\":6,\"mean_seconds\":0.0015},"                \
	"{\"name\":\"orders\",\"ok\":0,\"failed\":0,\"mean_seconds\":null}]},"                   \
	"\"rounds\":{\"interval_seconds\":0.1,\"ok\":12345,\"failed\":6,\"repeated\":2,"         \
	"\"ahead\":40,\"last_success\":\"2026-01-02T03:04:05.600Z\",\"lag_seconds\":0.078,"      \
	"\"work_seconds\":0.00025},"                                                             \
	"\"hot_keys\":1,\"watched\":17,\"backlog\":1234.5,\"limits\":["                          \
	"{\"service\":\"web\",\"tier\":\"anonymous\",\"limit\":\"1000/s packets\","              \
	"\"unit\":\"packets\",\"group\":false,\"rate\":1000.0,\"burst\":2000.0,"                 \
	"\"mode\":\"shared\",\"on_outage\":\"local\",\"share_rate\":250.0,"                      \
	"\"share_burst\":500.0,\"ratio\":0.25,\"demand\":900.0,\"level\":null,\"hot\":1},"       \
	"{\"service\":\"web\",\"tier\":\"anonymous\",\"limit\":\"20MB/s bytes\","                \
	"\"unit\":\"bytes\",\"group\":true,\"rate\":20000000.0,\"burst\":40000000.0,"            \
	"\"mode\":\"shared\",\"on_outage\":\"deny\",\"share_rate\":12500000.0,"                  \
	"\"share_burst\":25000000.0,\"ratio\":0.625,\"demand\":13000000.0,\"level\":-1250000.0," \
	"\"hot\":0}]"

static void assert_json(json_t *json, const char *expected)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12) | JSON_ENCODE_ANY);

	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

static void json_has_every_figure_and_clients_only_where_asked(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = four_nodes();

	(void)state;
	assert_json(view_cluster(snapshot, NOW, false), COMMON "}");
	assert_json(view_cluster(snapshot, NOW, true),
		    COMMON ",\"hot\":[{\"service\":\"web\",\"tier\":\"anonymous\","
			   "\"limit\":\"1000/s packets\",\"unit\":\"packets\","
			   "\"client\":\"203.0.113.7\",\"mode\":\"shared\",\"demand\":870.0,"
			   "\"share_rate\":812.5,\"ratio\":0.8125,\"level\":1500.0}]}");
	assert_json(view_cluster_summary(snapshot),
		    "{\"mode\":\"shared\",\"nodes\":4,\"redis_up\":true,\"redis_state\":\"ok\"}");
}

static void what_never_was_is_null(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = four_nodes();
	_cleanup_json_ json_t *json = NULL, *alone = NULL;
	json_t *rounds;

	(void)state;
	redis_is_gone(snapshot);
	json = view_cluster(snapshot, NOW, false);
	rounds = json_object_get(json, "rounds");
	assert_true(json_is_null(json_object_get(rounds, "last_success")));
	assert_true(json_is_null(json_object_get(rounds, "lag_seconds")));
	snapshot->cluster.enabled = false;
	alone = view_cluster(snapshot, NOW, true);
	assert_int_equal(json_object_size(alone), 3);
	assert_json(view_cluster_summary(snapshot), "null");
}

/* What this node and the others call it is compared up to where a name is cut. */
static void a_long_name_is_found_among_the_nodes(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = four_nodes();
	_cleanup_json_ json_t *json = NULL;
	json_t *nodes;

	(void)state;
	memset(snapshot->node, 'n', 200);
	memset(snapshot->cluster.node[0], 'n', sizeof(snapshot->cluster.node[0]) - 1);
	json = view_cluster(snapshot, NOW, false);
	nodes = json_object_get(json, "nodes");
	assert_string_equal(json_string_value(json_object_get(nodes, "here")),
			    json_string_value(json_array_get(json_object_get(nodes, "names"), 0)));
}

static void show(const json_t *json, const char *notice, size_t width, size_t height, bool colour)
{
	struct answer_view view = {.answer = json, .notice = notice};
	struct page page = {.width = width, .height = height, .colour = colour};

	memset(&got, 0, sizeof(got));
	page.out = fmemopen(got.text, sizeof(got.text), "w");
	assert_non_null(page.out);
	got.result = render_cluster(&view, &page, got.error, sizeof(got.error));
	fclose(page.out);
	assert_true(got.result == 0 || got.result == -EPROTO);
	assert_true((got.result == 0) == (got.error[0] == '\0'));
	if (got.result)
		assert_string_equal(got.text, "");
}

static void assert_shows(const char *part)
{
	if (!strstr(got.text, part))
		fail_msg("no \"%s\" in:\n%s%s", part, got.text, got.error);
}

static void the_page_says_who_shares_what(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = four_nodes();
	_cleanup_json_ json_t *json = view_cluster(snapshot, NOW, true);

	(void)state;
	show(json, NULL, 0, 0, false);
	assert_string_equal(
		got.text,
		"shares         shared\n"
		"nodes          4: edge-1, edge-2 (this one), edge-3 and 1 more\n"
		"redis          redis://weir@10.1.2.3:6379/2: up, connected again 1 time\n"
		"rounds         each 100ms, 12,345 ok, 6 failed, 2 repeated, 40 reports ahead; work 250 us\n"
		"last answer    78ms ago\n"
		"commands       round 12,345 ok, 6 failed, 1.50 ms on average; orders 0 ok, 0 failed\n"
		"clients        1 reported, of 17 watched\n"
		"backlog        1.23k units admitted that Redis does not know of\n"
		"\n"
		"SERVICE  TIER       LIMIT           FOR            SHARE  RATE/s  BURST  DEMAND/s   LEVEL  HOT  MODE\n"
		"web      anonymous  1000/s packets  each client   25.0 %     250    500       900            1  shared\n"
		"web      anonymous  20MB/s bytes    all together  62.5 %   12.5M  25.0M     13.0M  -1.25M       shared\n"
		"\n"
		"CLIENT       SERVICE  TIER       LIMIT           DEMAND/s  RATE/s   SHARE  LEVEL  MODE\n"
		"203.0.113.7  web      anonymous  1000/s packets       870     812  81.2 %  1.50k  shared\n");
}

static void without_redis_it_says_why_and_what_holds(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = four_nodes();
	_cleanup_json_ json_t *json = NULL;

	(void)state;
	redis_is_gone(snapshot);
	json = view_cluster(snapshot, NOW, true);
	show(json, "gone", 0, 0, true);
	assert_shows("\033[31mgone\033[0m\n");
	assert_shows(
		"\033[31mshares         outage: Redis does not answer, each limit holds by its on_outage\033[0m\n");
	assert_shows(
		"\033[31mredis          redis://weir@10.1.2.3:6379/2: unreachable, its breaker is open, connected again 1 time\033[0m\n"
		"\033[31m               10.1.2.3:6379: connection refused\033[0m\n"
		"\033[31m               see that it runs\033[0m\n");
	assert_shows("\nlast answer    never\n");
	assert_shows("  outage: local\033[0m\n");
	assert_shows("  outage: deny\033[0m\n");
}

static void without_a_cluster_it_says_so(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = four_nodes();
	_cleanup_json_ json_t *empty = NULL, *alone = NULL;

	(void)state;
	snapshot->cluster.limits = 0;
	empty = view_cluster(snapshot, NOW, true);
	show(empty, NULL, 0, 0, false);
	assert_shows("\nno limit has `scope: cluster`\n");
	snapshot->cluster.enabled = false;
	alone = view_cluster(snapshot, NOW, true);
	show(alone, NULL, 0, 0, false);
	assert_string_equal(got.text, "no cluster is configured: limits hold on this node alone\n");
}

static void it_fits_any_terminal(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = four_nodes();
	_cleanup_json_ json_t *json = NULL;

	(void)state;
	redis_is_gone(snapshot);
	json = view_cluster(snapshot, NOW, true);
	for (size_t width = 1; width < 130; width++) {
		size_t lines = 0;

		show(json, "gone", width, 1 + width % 20, false);
		for (const char *line = got.text; *line; lines++) {
			size_t length = strcspn(line, "\n");

			assert_true(length <= width);
			line += length + (line[length] == '\n');
		}
		assert_in_range(lines, 1, 1 + width % 20);
	}
}

static void try_answer_of(const json_t *answer)
{
	show(answer, NULL, 80, 24, true);
}

static void a_spoilt_answer_gives_an_error_never_a_crash(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = four_nodes();
	_cleanup_json_ json_t *json = view_cluster(snapshot, NOW, true);

	(void)state;
	spoil(json, try_answer_of);
	try_answer_of(NULL);
	assert_int_equal(got.result, -EPROTO);
	json_object_del(json, "hot");
	try_answer_of(json);
	assert_int_equal(got.result, -EPROTO);
	assert_non_null(strstr(got.error, "\"hot\" is missing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_every_figure_and_clients_only_where_asked),
		cmocka_unit_test(what_never_was_is_null),
		cmocka_unit_test(a_long_name_is_found_among_the_nodes),
		cmocka_unit_test(the_page_says_who_shares_what),
		cmocka_unit_test(without_redis_it_says_why_and_what_holds),
		cmocka_unit_test(without_a_cluster_it_says_so),
		cmocka_unit_test(it_fits_any_terminal),
		cmocka_unit_test(a_spoilt_answer_gives_an_error_never_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
