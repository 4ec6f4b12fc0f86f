/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command line and the listeners together: what one sends the other can read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "latency_snapshot.h"
#include "tests/unit/capture.h"
#include "user/base/clock.h"
#include "user/cli/cli.h"
#include "user/daemon/daemon.h"
#include "user/datapath/datapath.h"
#include "user/doctor/doctor.h"
#include "user/http/http.h"

/* Not wanted here: detach must ask the server, and nothing else. */
int daemon_run(const struct daemon_options *options)
{
	abort();
}

int datapath_detach_pins(const char *pins, char *error, size_t size)
{
	abort();
}

int doctor_examine(const struct doctor_options *options, struct report *out)
{
	abort();
}

const char *datapath_libbpf_version(void)
{
	return "";
}

static void fill_client(struct snapshot_client *client)
{
	static const uint8_t address[16] = {[10] = 0xff, 0xff, 203, 0, 113, 7};

	memcpy(client->addr, address, sizeof(address));
	client->length = 128;
	client->flags = WEIR_CLIENT_BANNED;
	client->service = 1;
	client->passed = 4000000000;
	client->refused = 77;
	client->refused_rate = 1.5;
}

static void fill_cluster(struct snapshot_cluster *cluster, const struct snapshot_client *hot)
{
	cluster->enabled = true;
	cluster->mode = CLUSTER_SHARED;
	cluster->nodes = 2;
	strcpy(cluster->redis, "unix:/run/redis.sock");
	cluster->redis_up = true;
	strcpy(cluster->redis_state, "ok");
	strcpy(cluster->breaker, "closed");
	cluster->interval_ns = 100000000;
	cluster->hot_keys = cluster->watched = 1;
	cluster->hots = 1;
	cluster->hot[0].mode = CLUSTER_SHARED;
	cluster->hot[0].length = hot->length;
	memcpy(cluster->hot[0].addr, hot->addr, sizeof(hot->addr));
}

/* A daemon with one interface, one service that is limited, one client, and latency. A new one at each call. */
static struct snapshot *snapshot(void *context)
{
	struct snapshot *made = latency_snapshot();

	made->time_ns = clock_monotonic_ns();
	made->unix_time = (double)time(NULL);
	made->generation = 1;
	strcpy(made->interface[0].mode, "native");
	made->interface[0].attached = true;
	made->series = calloc(1, sizeof(*made->series));
	made->series_count = 1;
	made->series[0].service = 1;
	made->series[0].sum.verdict[WEIR_PASSED] = (struct weir_count){1234567, 6000};
	made->series[0].sum.verdict[WEIR_LIMITED] = (struct weir_count){7, 420};
	made->limit = calloc(1, sizeof(*made->limit));
	made->limits = 1;
	made->limit[0].service = 1;
	strcpy(made->limit[0].name, "100/min connections");
	strcpy(made->limit[0].unit, "connections");
	made->limit[0].refusals = 7;
	made->table_capacity = 1048576;
	made->bans = 1;
	fill_client(&made->top[0]);
	made->tops = 1;
	fill_cluster(&made->cluster, &made->top[0]);
	return made;
}

static int command(void *context, const char *name, const json_t *arguments, const char *request_id,
		   json_t **reply)
{
	if (!strcmp(name, "ban"))
		*reply = json_pack("{s:O, s:I, s:b}", "prefix",
				   json_object_get(arguments, "prefix"), "seconds",
				   json_integer_value(json_object_get(arguments, "seconds")),
				   "replaced", 0);
	else if (!strcmp(name, "unban"))
		*reply = json_pack("{s:O}", "prefix", json_object_get(arguments, "prefix"));
	else if (!strcmp(name, "bans"))
		*reply = json_pack("{s:[{s:s, s:n, s:s}]}", "bans", "prefix", "203.0.113.7",
				   "seconds_left", "origin", "manual");
	else if (!strcmp(name, "reload"))
		*reply = json_pack("{s:i}", "generation", 2);
	else
		*reply = json_pack("{s:[s]}", "detached", "eth0");
	return 200;
}

static ssize_t events(void *context, uint64_t *cursor, char *buffer, size_t size, int timeout_ms)
{
	static const char line[] =
		"{\"time\":\"2026-01-02T03:04:05.678Z\",\"verdict\":\"limited\",\"interface\":"
		"\"eth0\",\"service\":\"web\",\"tier\":\"anonymous\",\"source\":\"203.0.113.7\","
		"\"sport\":1,\"destination\":\"198.51.100.1\",\"dport\":80,\"protocol\":\"tcp\","
		"\"bytes\":60,\"limit\":null,\"observed\":false}\n";

	usleep(20000);
	++*cursor;
	return snprintf(buffer, size, "%s", line);
}

static bool started(void *context)
{
	return true;
}

static const struct http_ops ops = {
	.snapshot = snapshot, .command = command, .events = events, .started = started};
static char folder[] = "/tmp/weir-cli-server-XXXXXX", path[64];
static pid_t server;

/* In a process of its own, for its threads: capture() forks, and they would not come along. */
static void serve(int ready)
{
	struct http *http;
	char error[512];

	if (http_start(NULL, path, &ops, &http, error, sizeof(error))) {
		print_error("%s\n", error);
		_exit(1);
	}
	if (write(ready, "", 1) == 1)
		pause();
	_exit(1);
}

static int start(void **state)
{
	int ready[2];
	char byte;

	if (!mkdtemp(folder) || pipe(ready))
		return -1;
	snprintf(path, sizeof(path), "%s/weir.sock", folder);
	setenv("WEIR_SOCKET", path, 1);
	server = fork();
	if (!server)
		serve(ready[1]);
	close(ready[1]);
	return read(ready[0], &byte, 1) == 1 && !close(ready[0]) ? 0 : -1;
}

static int stop(void **state)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(path);
	return rmdir(folder);
}

static struct captured try(const char *words)
{
	char line[512];

	snprintf(line, sizeof(line), "weir %s", words);
	return capture(cli_main, line);
}

static struct captured weir(const char *words)
{
	struct captured captured = try(words);

	assert_string_equal(captured.err, "");
	assert_int_equal(captured.code, CLI_OK);
	return captured;
}

static void assert_has(const struct captured *captured, const char *part)
{
	if (!strstr(captured->out, part))
		fail_msg("no \"%s\" in:\n%s", part, captured->out);
}

static void status_can_be_read(void **state)
{
	struct captured captured = weir("status");

	assert_has(&captured, " on edge-1: ");
	assert_has(&captured, "\neth0       native  attached ");
	assert_has(&captured, "\nweb      enforce        0        0  1,234,567        7  0.0 %\n");
	assert_has(&captured, "\nweb      anonymous  100/min connections  each client ");
	captured = weir("status --json");
	assert_int_equal(captured.out[0], '{');
}

static void top_can_be_read(void **state)
{
	struct captured captured = weir("top --once --interval 1s");

	assert_has(&captured, "\nweb      enforce        0        0         0          0\n");
	assert_has(&captured, "\n203.0.113.7  web      anonymous         0       1.50  "
			      "4,000,000,000       77  banned\n");
	captured = weir("top --once --interval 1s --service web --by refused --limit 256");
	assert_has(&captured, "; by refused\n");
}

static void latency_can_be_read(void **state)
{
	struct captured captured = weir("latency --once");

	assert_has(&captured, "latency since counting began; 1,234 of 131,072 flows;");
	assert_has(&captured, "\nweb      response      100  951 us  13.1 ms  116 ms  125 ms  ");
	assert_has(&captured, "\napi       connect      20 ");
	captured = weir("latency --once api");
	assert_has(&captured, "\napi, connect\n");
	assert_has(&captured, "\n10.1.2.3:8443    1,200     7   30        2 ");
	captured = weir("latency --once --json web api");
	assert_int_equal(captured.out[0], '{');
	assert_has(&captured, "\"services\":[{\"name\":\"web\"");
	assert_has(&captured, "\"upstreams\":[{\"name\":\"api\"");
}

/* Both are one answer and a picture of it; none is an error where there is nothing to show. */
static void breakers_and_cluster_can_be_read(void **state)
{
	struct captured captured = weir("breakers");

	assert_has(&captured, "\napi       10.1.2.3:8443 ");
	captured = weir("breakers --json");
	assert_has(&captured, "\"upstreams\":[{\"name\":\"api\"");
	captured = weir("cluster");
	assert_string_equal(
		captured.out,
		"shares         shared\n"
		"nodes          2\n"
		"redis          unix:/run/redis.sock: up\n"
		"rounds         each 100ms, 0 ok, 0 failed, 0 repeated, 0 reports ahead; work 0 ns\n"
		"last answer    0s ago\n"
		"clients        1 reported, of 1 watched\n"
		"backlog        0 units admitted that Redis does not know of\n"
		"\n"
		"no limit has `scope: cluster`\n"
		"\n"
		"CLIENT       SERVICE  TIER       LIMIT                DEMAND/s  RATE/s  SHARE  LEVEL  MODE\n"
		"203.0.113.7  web      anonymous  100/min connections         0       0  0.0 %      0  shared\n");
	captured = weir("cluster --once --json");
	assert_has(&captured, "\"enabled\":true,\"mode\":\"shared\"");
}

static void without_a_daemon_the_command_fails(void **state)
{
	struct captured captured = try("cluster extra");

	assert_int_equal(captured.code, CLI_USAGE);
	captured = try("cluster --socket /no/such.sock");
	assert_int_equal(captured.code, CLI_FAILED);
	assert_string_equal(captured.out, "");
	assert_memory_equal(captured.err, "weir cluster: ", strlen("weir cluster: "));
}

static void a_name_there_is_not_is_wrong_usage(void **state)
{
	static const struct {
		const char *words, *why;
	} row[] = {
		{"latency --once web nope",
		 "weir latency: no service or upstream is named \"nope\"; services: other, web, ssh; "
		 "upstreams: api, db\n"},
		{"top --once --service nope",
		 "weir top: no service is named \"nope\"; there are: other, web, ssh\n"},
		{"top --flows --once --upstream web",
		 "weir top: no upstream is named \"web\"; there are: api, db\n"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct captured captured = try(row[i].words);

		assert_int_equal(captured.code, CLI_USAGE);
		assert_string_equal(captured.out, "");
		assert_string_equal(captured.err, row[i].why);
	}
}

static void flows_can_be_read(void **state)
{
	struct captured captured = weir("top --flows --once");

	assert_has(&captured, "1,234 of 131,072 flows, the busiest by rate\n");
	assert_has(&captured, "\n203.0.113.7:40312      198.51.100.1:443  tcp    web  ");
	captured = weir("top --flows --once --sort bytes --upstream api --limit 1");
	assert_has(&captured, "the busiest by bytes\n");
	assert_has(&captured, "\n10.1.2.3:8443  10.1.2.1:51000  tcp    api       closed ");
	captured = weir("top --flows --once --json --service web");
	assert_int_equal(captured.out[0], '{');
	assert_has(&captured, "\"remote\":\"203.0.113.7\"");
}

static void names_for_the_completion_can_be_read(void **state)
{
	assert_string_equal(weir("__complete services").out, "other\nweb\nssh\n");
	assert_string_equal(weir("__complete upstreams").out, "api\ndb\n");
	assert_string_equal(weir("__complete names").out, "other\nweb\nssh\napi\ndb\n");
	assert_string_equal(weir("__complete bans").out, "203.0.113.7\n");
}

static void commands_are_understood(void **state)
{
	assert_string_equal(weir("ban 203.0.113.0/24 --for 10m").out,
			    "banned 203.0.113.0/24 for 10m00s\n");
	assert_string_equal(weir("ban ::1").out, "banned ::1 until it is unbanned\n");
	assert_string_equal(weir("unban 203.0.113.7").out, "unbanned 203.0.113.7\n");
	assert_string_equal(weir("bans").out, "PREFIX       ENDS IN  ORIGIN\n"
					      "203.0.113.7    never  manual\n");
	assert_string_equal(weir("reload").out, "configuration applied, generation 2\n");
	assert_string_equal(weir("detach").out, "detached from eth0\n");
}

static void events_can_be_followed(void **state)
{
	struct captured captured = weir("events --count 3");

	assert_has(&captured, "203.0.113.7:1 ");
	captured = weir("events --count 3 --json");
	assert_has(&captured, "\"source\":\"203.0.113.7\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_can_be_read),
		cmocka_unit_test(top_can_be_read),
		cmocka_unit_test(latency_can_be_read),
		cmocka_unit_test(breakers_and_cluster_can_be_read),
		cmocka_unit_test(without_a_daemon_the_command_fails),
		cmocka_unit_test(a_name_there_is_not_is_wrong_usage),
		cmocka_unit_test(flows_can_be_read),
		cmocka_unit_test(names_for_the_completion_can_be_read),
		cmocka_unit_test(commands_are_understood),
		cmocka_unit_test(events_can_be_followed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
