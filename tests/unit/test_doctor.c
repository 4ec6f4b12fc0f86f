// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What weir doctor makes of facts. That it sees them: tests/e2e/doctor.bats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi/types.h"
#include "user/doctor/judge.h"
#include "user/doctor/place.h"

#define MAN_PAGE "docs/man/weir.8"
#define MS 1000000ULL
#define THREE (1ULL << CAP_BPF | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_PERFMON)

static const char text[] =
	"interfaces: [{name: eth0}]\n"
	"on_exit: keep\n"
	"cluster: {redis: 'rediss://weir:secret@redis.example:6379'}\n"
	"services:\n"
	"  - {name: web, match: [tcp/80], on_limit: reject, limits: {default: [5/s connections cluster]}}\n";

/* What a test may change: the configuration is its own */
struct world {
	struct facts facts;
	struct config *config;
};

/* Everything as it should be */
static void healthy(struct world *world)
{
	struct facts *facts = &world->facts;
	struct facts_interface *eth = &facts->interface[0];
	struct config_error error = {""};

	memset(facts, 0, sizeof(*facts));
	if (config_parse("weir.yaml", text, strlen(text), &world->config, &error))
		fail_msg("%s", error.text);
	facts->config = world->config;
	facts->path = "weir.yaml";
	facts->kernel = (struct facts_kernel){"6.12.1", 6, 12, 0, 2, 0, "tsc", 4};
	facts->bpf.compiled = true;
	snprintf(facts->pins.parent, sizeof(facts->pins.parent), "/sys/fs/bpf");
	facts->pins.links = 3;
	facts->pins.layout = WEIR_LAYOUT;
	facts->daemon = (struct facts_daemon){77, THREE, 0, true};
	facts->socket = (struct facts_socket){0, 0660, 0, "weir", true};
	facts->listen = -EADDRINUSE;
	facts->ssh = (struct facts_ssh){{22}, 1};
	facts->redis.round_trip_ns = 2 * MS;
	facts->memory = (struct health_memory){8ULL << 30, 4ULL << 30, 0, 0};
	facts->file[0] = (struct facts_file){"weir.yaml", NULL, 0, 0640, 0};
	facts->file[1] =
		(struct facts_file){"/etc/weir/redis", "cluster.password_file", 0, 0600, 0};
	facts->files = 2;
	*eth = (struct facts_interface){.name = "eth0",
					.there = true,
					.up = true,
					.ethernet = true,
					.mtu = 1500,
					.driver = "mlx5_core",
					.xdp_features = XDP_FEATURE_BASIC | XDP_FEATURE_TRANSMIT,
					.queues = 4,
					.queues_max = 8};
	eth->attached.xdp = (struct inspect_program){7, "weir_xdp", true};
	facts->interfaces = 1;
}

static void release(struct world *world)
{
	config_unref(world->config);
}

static const struct report_check *find(const struct report *report, const char *name)
{
	for (size_t i = 0; i < report->checks; i++)
		if (!strcmp(report->check[i].name, name))
			return &report->check[i];
	return NULL;
}

static void nothing_is_wrong_with_a_healthy_host(void **state)
{
	struct world world;
	struct report report;

	healthy(&world);
	assert_int_equal(judge(&world.facts, &report), 0);
	for (size_t i = 0; i < report.checks; i++)
		if (report.check[i].status != REPORT_OK || report.check[i].fix[0])
			fail_msg("%s: %s", report.check[i].name, report.check[i].message);
	assert_int_equal(report_worst(&report), REPORT_OK);
	assert_true(report.checks > 25);
	report_clear(&report);
	release(&world);
}

/*
 * One thing is changed on a healthy host: this check says so, in these words, with something to do; and no other check
 * speaks up but one that is named.
 */
#define ROWS(X)                                                                                    \
	X(facts->kernel.major = 5, "kernel", FAIL, "expected 6.1 or later", "")                    \
	X((facts->kernel.major = 6, facts->kernel.minor = 0), "kernel", FAIL, "Linux", "")         \
	X((facts->user = 0, strcpy(facts->bpf.missing, " CAP_BPF")), "capabilities", FAIL,         \
	  "without CAP_BPF", "bpf programs hooks jit")                                             \
	X((facts->user = 1000, strcpy(facts->bpf.missing, " CAP_BPF")), "capabilities", SKIP,      \
	  "CAP_BPF", "bpf programs hooks jit")                                                     \
	X(facts->bpf.map = -EPERM, "bpf", FAIL, "does not make an array", "")                      \
	X(facts->bpf.mmap = -EINVAL, "bpf", FAIL, "BPF_F_MMAPABLE", "")                            \
	X(facts->bpf.ring = -EINVAL, "bpf", FAIL, "ring buffer", "")                               \
	X((facts->bpf.own = -EACCES, strcpy(facts->bpf.own_error, "R1 is no pointer")),            \
	  "programs", FAIL, "R1 is no pointer", "")                                                \
	X(facts->bpf.xdp = -EINVAL, "hooks", FAIL, "XDP", "")                                      \
	X((facts->bpf.tcx = -EINVAL, facts->bpf.clsact = -ENOENT), "hooks", FAIL, "neither", "")   \
	X(facts->bpf.compiled = false, "jit", WARN, "interpreted", "")                             \
	X(facts->kernel.statistics = 1, "bpf-stats", WARN, "20 ns", "")                            \
	X(strcpy(facts->kernel.clock, "hpet"), "clock", WARN, "hpet", "")                          \
	X(facts->kernel.unprivileged_bpf = 0, "unprivileged-bpf", WARN, "everybody", "")           \
	X(facts->pins.bpffs = -ENOTSUP, "bpffs", FAIL, "is not a bpffs", "")                       \
	X(facts->pins.bpffs = -ENOENT, "bpffs", FAIL, "is not there", "")                          \
	X((facts->pins.bpffs = -ENOTSUP, facts->bpf.admin = true), "bpffs", WARN,                  \
	  "no bpffs is mounted", "")                                                               \
	X(facts->pins.writable = -EROFS, "bpffs", FAIL, "cannot be written", "")                   \
	X((facts->daemon.pid = 0, facts->socket.answers = -ENOENT, facts->listen = 0), "pins",     \
	  WARN, "without a daemon", "rights")                                                      \
	X((facts->daemon.pid = 0, facts->socket.answers = -ENOENT, facts->listen = 0,              \
	   facts->pins.layout = WEIR_LAYOUT + 1),                                                  \
	  "pins", FAIL, "cannot take them over", "rights")                                         \
	X((facts->daemon.pid = 0, facts->socket.answers = -ENOENT, facts->listen = 0,              \
	   facts->pins.layout = -ENOENT),                                                          \
	  "pins", FAIL, "incomplete", "rights")                                                    \
	X(facts->pins.layout = WEIR_LAYOUT + 1, "pins", WARN, "another version", "")               \
	X((facts->pins.links = -ENOENT, facts->memory.host_available = 100 << 20), "memory", FAIL, \
	  "100 MiB is available; the tables and the daemon take 1", "")                            \
	X((facts->pins.links = -ENOENT, facts->memory.group_limit = 1 << 30,                       \
	   facts->memory.group_used = (1 << 30) - (50 << 20)),                                     \
	  "memory", FAIL, "50 MiB is left to this control group", "")                              \
	X((facts->parsed = -EINVAL, strcpy(facts->parse_error, "weir.yaml:3: limits")),            \
	  "configuration", FAIL, "weir.yaml:3", "")                                                \
	X(facts->parsed = -ENOENT, "configuration", WARN, "there is no weir.yaml", "")             \
	X(facts->parsed = -EACCES, "configuration", SKIP, "not for this user", "")                 \
	X(config->service[1].observe = true, "mode", WARN, "only observed", "")                    \
	X(config->keep_on_exit = false, "on-exit", WARN, "while the service restarts", "")         \
	X(facts->ssh.port[0] = 2222, "protected-ports", WARN, "port 2222", "")                     \
	X(config->protecteds = 0, "protected-ports", WARN, "port 22,", "")                         \
	X(facts->file[0].mode = 0660, "secrets", WARN, "can be written", "")                       \
	X(facts->file[0].mode = 0644, "secrets", WARN, "may hold a password", "")                  \
	X(facts->file[1].mode = 0640, "secrets", WARN, "expected 0600", "")                        \
	X(facts->file[1].found = -ENOENT, "secrets", FAIL, "cluster.password_file", "")            \
	X(facts->socket.mode = 0666, "admin-socket", WARN, "mode 0666", "")                        \
	X(facts->socket.owner = 1000, "admin-socket", WARN, "owner 1000", "")                      \
	X(strcpy(facts->socket.group, "users"), "admin-socket", WARN, "group users", "")           \
	X(facts->socket.answers = -ENOTSOCK, "admin-socket", FAIL, "not a socket", "")             \
	X(facts->socket.answers = -EACCES, "admin-socket", SKIP, "not for this user", "")          \
	X((facts->listen = -EADDRNOTAVAIL, strcpy(facts->listen_error, "no interface has it")),    \
	  "listen", FAIL, "no interface has it", "")                                               \
	X((facts->daemon.pid = 0, facts->socket.answers = -ENOENT, facts->pins.links = -ENOENT,    \
	   strcpy(facts->listen_error, "in use by another")),                                      \
	  "listen", FAIL, "in use by another", "rights")                                           \
	X(config->http_listen[0] = '8', "exposure", WARN, "827.0.0.1", "")                         \
	X(facts->daemon.capabilities |= 1ULL << CAP_SYS_ADMIN, "rights", WARN, "process 77", "")   \
	X(facts->daemon.capabilities &= ~(1ULL << CAP_BPF), "rights", FAIL, "has lost", "")        \
	X((facts->redis.state = REDIS_STATE_UNREACHABLE, strcpy(facts->redis.error, "redis: no")), \
	  "redis", FAIL, "redis: no", "")                                                          \
	X(facts->redis.script = REDIS_STATE_REFUSED, "redis", FAIL, "on_outage", "")               \
	X(facts->redis.round_trip_ns = 26 * MS, "redis", WARN, "26.0 ms, and a round waits 25",    \
	  "")                                                                                      \
	X(facts->redis.ahead_seconds = -60, "redis", WARN, "60 s apart", "")                       \
	X(config->cluster.redis.tls = false, "redis-access", WARN, "in the clear", "")             \
	X(eth->there = false, "interface", FAIL, "no interface eth0", "")                          \
	X(eth->up = false, "interface", WARN, "down", "")                                          \
	X(eth->ethernet = false, "interface", FAIL, "Ethernet", "")                                \
	X(eth->xdp_features = 0, "xdp", WARN, "mlx5_core has no XDP now", "")                      \
	X((eth->xdp_features = 0, eth->wanted = ATTACH_NATIVE), "xdp", FAIL, "attach is native",   \
	  "")                                                                                      \
	X(eth->attached.xdp = ((struct inspect_program){9, "their_xdp", false}), "conflicts",      \
	  WARN, "their_xdp (id 9)", "")                                                            \
	X(eth->attached.xdp = ((struct inspect_program){9, "xdp_dispatcher", false}), "conflicts", \
	  WARN, "of libxdp", "")                                                                   \
	X((eth->attached.xdp = ((struct inspect_program){9, "", false}),                           \
	   eth->wanted = ATTACH_GENERIC),                                                          \
	  "conflicts", FAIL, "a program (id 9)", "")                                               \
	X((eth->attached.tcx[0] = ((struct inspect_program){4, "first", false}),                   \
	   eth->attached.tcx[1] = ((struct inspect_program){5, "weir_tc", true}),                  \
	   eth->attached.tcxs = 2),                                                                \
	  "conflicts", WARN, "first (id 4) runs before Weir", "")                                  \
	X(eth->mtu = 9000, "frames", WARN, "9000", "")                                             \
	X((eth->mtu = 9000, eth->wanted = ATTACH_NATIVE), "frames", FAIL, "9000", "")              \
	X(eth->lro = true, "offloads", WARN, "LRO", "")                                            \
	X(eth->queues = 1, "queues", WARN, "one of 4 processors", "")                              \
	X((strcpy(eth->driver, "veth"), eth->xdp_features = XDP_FEATURE_BASIC), "reject", WARN,    \
	  "time out", "")                                                                          \
	X((facts->interface[1] = *eth, strcpy(facts->interface[1].name, "br0"),                    \
	   strcpy(eth->above, "br0"), facts->interfaces = 2),                                      \
	  "twice", WARN, "passes br0 as well", "")

/* Makes the change of this row. */
static void make(size_t row, struct world *world)
{
	struct facts *facts = &world->facts;
	struct config *config = world->config;
	struct facts_interface *eth = &facts->interface[0];
	size_t at = 0;

	(void)config;
	(void)eth;
#define X(change, name, status, words, others) \
	if (row == at++) {                     \
		change;                        \
	}
	ROWS(X)
#undef X
}

static void one_thing_that_is_wrong_is_said_with_what_to_do(void **state)
{
	static const struct {
		const char *name;
		enum report_status status;
		const char *words, *others;
	} rows[] = {
#define X(change, name, status, words, others) {name, REPORT_##status, words, others},
		ROWS(X)
#undef X
	};

	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
		const struct report_check *check;
		struct world world;
		struct report report;

		healthy(&world);
		make(row, &world);
		assert_int_equal(judge(&world.facts, &report), 0);
		check = find(&report, rows[row].name);
		if (!check || check->status != rows[row].status ||
		    !strstr(check->message, rows[row].words) || !check->fix[0])
			fail_msg("row %zu, %s: \"%s\" is not in: %s %s, to do: %s", row,
				 rows[row].name, rows[row].words,
				 check ? report_word(check->status) : "nothing",
				 check ? check->message : "", check ? check->fix : "");
		for (size_t i = 0; i < report.checks; i++)
			if (report.check[i].status != REPORT_OK && &report.check[i] != check &&
			    !strstr(rows[row].others, report.check[i].name))
				fail_msg("row %zu, %s: %s speaks up, too: %s", row, rows[row].name,
					 report.check[i].name, report.check[i].message);
		report_clear(&report);
		release(&world);
	}
}

static void what_does_not_apply_is_left_out(void **state)
{
	struct world world;
	struct report report;

	healthy(&world);
	world.config->cluster.enabled = false;
	world.facts.path = NULL;
	world.facts.interface[0].there = false;
	assert_int_equal(judge(&world.facts, &report), 0);
	assert_null(find(&report, "redis"));
	assert_null(find(&report, "redis-access"));
	assert_null(find(&report, "configuration"));
	assert_null(find(&report, "mode"));
	assert_null(find(&report, "xdp"));
	assert_non_null(find(&report, "interface"));
	report_clear(&report);
	release(&world);
}

static void the_worst_counts_and_what_was_skipped_does_not(void **state)
{
	struct report_check check[3] = {{.status = REPORT_SKIP}, {.status = REPORT_OK}};
	struct report report = {check, 3};

	assert_int_equal(report_worst(&report), REPORT_OK);
	check[2].status = REPORT_WARN;
	assert_int_equal(report_worst(&report), REPORT_WARN);
	check[1].status = REPORT_FAIL;
	assert_int_equal(report_worst(&report), REPORT_FAIL);
}

/* No message is cut off. */
static void the_longest_words_fit(void **state)
{
	struct world world;
	struct report report;

	healthy(&world);
	memset(world.facts.parse_error, 'x', sizeof(world.facts.parse_error) - 1);
	world.facts.parsed = -EINVAL;
	memset(world.facts.bpf.own_error, 'y', sizeof(world.facts.bpf.own_error) - 1);
	world.facts.bpf.own = -EINVAL;
	assert_int_equal(judge(&world.facts, &report), 0);
	for (size_t i = 0; i < report.checks; i++) {
		assert_true(strlen(report.check[i].message) < REPORT_TEXT - 1);
		assert_true(strlen(report.check[i].fix) < REPORT_TEXT - 1);
	}
	report_clear(&report);
	release(&world);
}

static void addresses_say_from_where_they_can_be_reached(void **state)
{
	static const struct {
		const char *address;
		enum place place;
	} rows[] = {
		{"127.0.0.1:9464", PLACE_HOST},
		{"127.255.0.1", PLACE_HOST},
		{"[::1]:9464", PLACE_HOST},
		{"::1", PLACE_HOST},
		{"localhost", PLACE_HOST},
		{"0.0.0.0:9464", PLACE_ANY},
		{"[::]:9464", PLACE_ANY},
		{"10.1.2.3:9464", PLACE_PRIVATE},
		{"172.15.255.255", PLACE_PUBLIC},
		{"172.16.0.0", PLACE_PRIVATE},
		{"172.31.255.255", PLACE_PRIVATE},
		{"172.32.0.0", PLACE_PUBLIC},
		{"192.168.1.1", PLACE_PRIVATE},
		{"192.169.1.1", PLACE_PUBLIC},
		{"169.254.1.1", PLACE_PRIVATE},
		{"100.63.255.255", PLACE_PUBLIC},
		{"100.64.0.0", PLACE_PRIVATE},
		{"100.127.255.255", PLACE_PRIVATE},
		{"100.128.0.0", PLACE_PUBLIC},
		{"203.0.113.7:80", PLACE_PUBLIC},
		{"[fd00::1]:9464", PLACE_PRIVATE},
		{"[fe80::1]:9464", PLACE_PRIVATE},
		{"[2001:db8::1]:9464", PLACE_PUBLIC},
		{"redis.example", PLACE_PUBLIC},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (place_of(rows[i].address) != rows[i].place)
			fail_msg("%s: %d", rows[i].address, place_of(rows[i].address));
}

static void the_man_page_has_each_check(void **state)
{
	static const struct {
		const char *name, *about;
	} checks[] = {
#define X(function, name, about) {name, about},
		DOCTOR_CHECKS(X) DOCTOR_INTERFACE_CHECKS(X)
#undef X
	};
	FILE *file = fopen(MAN_PAGE, "r");
	char *page = calloc(1, 1 << 16), entry[256];
	const char *at;

	assert_non_null(file);
	assert_non_null(page);
	assert_true(fread(page, 1, (1 << 16) - 1, file) < (1 << 16) - 1);
	fclose(file);
	at = strstr(page, ".Sh CHECKS");
	assert_non_null(at);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		snprintf(entry, sizeof(entry), ".It Em %s\n%s\n", checks[i].name, checks[i].about);
		at = strstr(at, entry);
		if (!at)
			fail_msg(MAN_PAGE ", CHECKS: no line, or not in this place:\n%s", entry);
	}
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_wrong_with_a_healthy_host),
		cmocka_unit_test(one_thing_that_is_wrong_is_said_with_what_to_do),
		cmocka_unit_test(what_does_not_apply_is_left_out),
		cmocka_unit_test(the_worst_counts_and_what_was_skipped_does_not),
		cmocka_unit_test(the_longest_words_fit),
		cmocka_unit_test(addresses_say_from_where_they_can_be_reached),
		cmocka_unit_test(the_man_page_has_each_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
