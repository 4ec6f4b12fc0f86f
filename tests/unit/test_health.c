/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/metrics/health.h"

static void disk_is_judged_by_what_is_free(void **state)
{
	/* clang-format off */
	static const struct {
		uint64_t available, total;
		int health;
		const char *message;
	} row[] = {
		{1000, 1000, HEALTH_HEALTHY, "100.0 % of /x is free"},
		{100, 1000, HEALTH_HEALTHY, "10.0 % of /x is free"},
		{99, 1000, HEALTH_DEGRADED, "9.9 % of /x is free, 10 % is the warning"},
		{50, 1000, HEALTH_DEGRADED, "5.0 % of /x is free, 10 % is the warning"},
		{49, 1000, HEALTH_UNHEALTHY, "4.9 % of /x is free, 5 % is the least"},
		{0, 1000, HEALTH_UNHEALTHY, "0.0 % of /x is free, 5 % is the least"},
		{UINT64_MAX, UINT64_MAX, HEALTH_HEALTHY, "100.0 % of /x is free"},
		{0, 0, HEALTH_HEALTHY, "/x has no size"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct snapshot_component got = {0};

		health_disk_judge("/x", row[i].available, row[i].total, &got);
		assert_string_equal(got.name, "disk");
		assert_string_equal(got.message, row[i].message);
		assert_int_equal(got.status, row[i].health);
	}
}

/* A table is full after a while of any traffic, and that is all right. */
static void the_table_is_judged_by_who_is_forgotten_not_by_how_full_it_is(void **state)
{
	/* clang-format off */
	static const struct {
		struct health_table table;
		int health;
		const char *message;
	} row[] = {
		{{1000, 1000, 0, 0}, HEALTH_HEALTHY, "1000 of 1000 client entries in use, idle ones included"},
		{{1000, 1000, 5000, 0}, HEALTH_HEALTHY, "1000 of 1000 client entries in use, idle ones included"},
		{{1000, 1000, 5000, 500}, HEALTH_HEALTHY, "1000 of 1000 client entries in use, idle ones included"},
		{{1000, 1000, 5000, 501}, HEALTH_DEGRADED,
		 "501 of 5000 clients that came in took the place of an active one: raise table.clients, or lower "
		 "new_clients in a flood"},
		/* one set of the table may be full before the others are */
		{{500, 1000, 12, 10}, HEALTH_HEALTHY, "500 of 1000 client entries in use, idle ones included"},
		{{500, 1000, 12, 11}, HEALTH_DEGRADED,
		 "11 of 12 clients that came in took the place of an active one: raise table.clients, or lower "
		 "new_clients in a flood"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct snapshot_component got = {0};

		health_table_judge(&row[i].table, &got);
		assert_string_equal(got.name, "maps");
		assert_string_equal(got.message, row[i].message);
		assert_int_equal(got.status, row[i].health);
	}
}

static void disk_reads_the_file_system(void **state)
{
	struct snapshot_component got = {0};

	(void)state;
	health_disk("/proc", &got);
	assert_int_equal(got.status, HEALTH_HEALTHY);
	assert_string_equal(got.message, "/proc has no size");
	health_disk("/", &got);
	assert_non_null(strstr(got.message, "of / is free"));
	assert_true(got.check_ms > 0 && got.check_ms < 1000);
	health_disk("/no/such/place", &got);
	assert_int_equal(got.status, HEALTH_DEGRADED);
	assert_non_null(strstr(got.message, "No such file"));
}

#define GIB(n) ((uint64_t)(n) << 30)

static void memory_is_judged_by_whichever_is_nearer_to_its_end(void **state)
{
	/* clang-format off */
	static const struct {
		struct health_memory memory;
		int health;
		const char *message;
	} row[] = {
		{{100 << 20, 16 << 20, 0, 0}, HEALTH_HEALTHY, "84.0 % of the host's 100 MiB is used"},
		{{100 << 20, 15 << 20, 0, 0}, HEALTH_DEGRADED, "85.0 % of the host's 100 MiB is used"},
		{{100 << 20, 5 << 20, 0, 0}, HEALTH_UNHEALTHY, "95.0 % of the host's 100 MiB is used"},
		{{GIB(4), GIB(2), GIB(1), GIB(1) / 4}, HEALTH_HEALTHY, "50.0 % of the host's 4096 MiB is used"},
		{{GIB(4), GIB(2), GIB(1), GIB(1)}, HEALTH_UNHEALTHY, "100.0 % of the control group's 1024 MiB is used"},
		/* a limit above what there is limits nothing */
		{{GIB(4), GIB(2), GIB(8), GIB(8)}, HEALTH_HEALTHY, "50.0 % of the host's 4096 MiB is used"},
		{{0, 0, 0, 0}, HEALTH_DEGRADED, "the size of memory is not known"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct snapshot_component got = {0};

		health_memory_judge(&row[i].memory, &got);
		assert_string_equal(got.name, "memory");
		assert_string_equal(got.message, row[i].message);
		assert_int_equal(got.status, row[i].health);
	}
}

static char root[64];

static void put(const char *path, const char *text)
{
	char name[160];
	FILE *file;

	snprintf(name, sizeof(name), "%s/%s", root, path);
	for (char *slash = name + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(name, 0755);
		*slash = '/';
	}
	file = fopen(name, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int make_root(void **state)
{
	(void)state;
	strcpy(root, "/tmp/weir-test-health-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char command[80];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static int read_memory(struct health_memory *out)
{
	char proc[80], groups[80];

	snprintf(proc, sizeof(proc), "%s/proc", root);
	snprintf(groups, sizeof(groups), "%s/cg", root);
	return health_memory_read(proc, groups, out);
}

static void memory_reads_the_host_and_the_tightest_group(void **state)
{
	struct health_memory got;

	(void)state;
	put("proc/meminfo", "MemTotal:        4000 kB\nMemFree:  1 kB\nMemAvailable:    1000 kB\n");
	assert_int_equal(read_memory(&got), 0);
	assert_int_equal(got.host_total, 4000 * 1024);
	assert_int_equal(got.host_available, 1000 * 1024);
	assert_int_equal(got.group_limit, 0);

	/* Version 1 lines are passed over; our own group has no limit, the one above has */
	put("proc/self/cgroup", "3:memory:/elsewhere\n0::/system.slice/weir.service\n");
	put("cg/system.slice/weir.service/memory.max", "max\n");
	put("cg/system.slice/weir.service/memory.current", "7\n");
	put("cg/system.slice/memory.max", "2048000\n");
	put("cg/system.slice/memory.current", "1000000\n");
	put("cg/system.slice/memory.stat", "anon 1\nfile 2\ninactive_file 400000\nactive_file 5\n");
	assert_int_equal(read_memory(&got), 0);
	assert_int_equal(got.group_limit, 2048000);
	assert_int_equal(got.group_used, 600000);

	put("cg/system.slice/weir.service/memory.max", "1000\n");
	put("cg/system.slice/weir.service/memory.current", "900\n");
	put("cg/system.slice/weir.service/memory.stat",
	    "inactive_file 5000\n"); /* more than there is: read later */
	assert_int_equal(read_memory(&got), 0);
	assert_int_equal(got.group_limit, 2048000); /* 29 % against 0 % */
	put("cg/system.slice/weir.service/memory.stat", "inactive_file 0\n");
	assert_int_equal(read_memory(&got), 0);
	assert_int_equal(got.group_limit, 1000);
}

static void memory_that_cannot_be_read_is_an_error(void **state)
{
	struct health_memory got = {.host_total = 1};

	(void)state;
	assert_int_equal(read_memory(&got), -ENOENT);
	put("proc/meminfo", "MemTotal: 4000 kB\n");
	assert_int_equal(read_memory(&got), -ENOENT);
	put("proc/meminfo", "MemTotal: lots\nMemAvailable: 1 kB\n");
	assert_int_equal(read_memory(&got), -EINVAL);
	assert_int_equal(got.host_total, 1);
}

static void memory_of_this_host_is_known(void **state)
{
	struct snapshot_component got = {0};

	(void)state;
	health_memory(&got);
	assert_non_null(strstr(got.message, "MiB is used"));
	assert_true(got.check_ms > 0);
}

static void control_is_stale_after_ten_seconds(void **state)
{
	static const uint64_t second = 1000000000;
	struct snapshot snapshot = {.time_ns = 5 * second};
	struct snapshot_component got = {0};

	(void)state;
	health_control_judge(&snapshot, 15 * second, &got);
	assert_int_equal(got.status, HEALTH_HEALTHY);
	health_control_judge(&snapshot, 15 * second + 1, &got);
	assert_int_equal(got.status, HEALTH_UNHEALTHY);
	assert_string_equal(got.message, "control thread has not reported for 10 s");
	health_control_judge(&snapshot, 4 * second,
			     &got); /* taken after the caller read its clock */
	assert_int_equal(got.status, HEALTH_HEALTHY);
	health_control_judge(NULL, 0, &got);
	assert_int_equal(got.status, HEALTH_UNHEALTHY);
	assert_string_equal(got.name, "control");
}

static void redis_is_degraded_at_worst_and_says_what_to_do(void **state)
{
	struct snapshot_cluster cluster = {.redis_up = true,
					   .redis_state = "ok",
					   .mode = CLUSTER_SHARED,
					   .nodes = 3,
					   .lag_seconds = 0.1};
	struct snapshot_component got = {0};

	(void)state;
	health_redis_judge(&cluster, &got);
	assert_string_equal(got.name, "redis");
	assert_int_equal(got.status, HEALTH_HEALTHY);
	assert_string_equal(got.message, "up, 3 nodes, shares: shared");

	cluster.mode = CLUSTER_OUTAGE;
	health_redis_judge(&cluster, &got);
	assert_int_equal(got.status, HEALTH_DEGRADED);
	assert_non_null(strstr(got.message, "without a share from it"));

	cluster.redis_up = false;
	cluster.lag_seconds = 12.4;
	strcpy(cluster.redis_state, "unreachable");
	strcpy(cluster.error, "10.1.2.3:6379: connection refused; see that it runs");
	health_redis_judge(&cluster, &got);
	assert_int_equal(got.status, HEALTH_DEGRADED);
	assert_string_equal(
		got.message,
		"unreachable, no answer for 12 s: 10.1.2.3:6379: connection refused; see that it runs");

	/* Before the first answer; and no error is too long to be told as a whole */
	cluster.lag_seconds = -1;
	memset(cluster.error, 'e', sizeof(cluster.error) - 1);
	health_redis_judge(&cluster, &got);
	assert_memory_equal(got.message, "unreachable, no answer yet: eee", 31);
	assert_int_equal(strlen(got.message), 28 + sizeof(cluster.error) - 1);

	strcpy(cluster.redis_state, "connecting");
	cluster.error[0] = '\0';
	health_redis_judge(&cluster, &got);
	assert_int_equal(got.status, HEALTH_DEGRADED);
	assert_string_equal(got.message, "connecting, no answer yet");
}

static void the_worst_component_speaks_for_all(void **state)
{
	struct snapshot_component row[3] = {{.status = 1}, {.status = 2}, {.status = 0}};

	(void)state;
	assert_int_equal(health_overall(row, 0), HEALTH_HEALTHY);
	assert_int_equal(health_overall(row, 1), HEALTH_DEGRADED);
	assert_int_equal(health_overall(row, 3), HEALTH_UNHEALTHY);
	assert_string_equal(health_word(HEALTH_DEGRADED), "degraded");
	assert_string_equal(health_word(7), "unhealthy");
	assert_string_equal(health_word(-1), "unhealthy");
}

static void components_are_added_while_there_is_room(void **state)
{
	_cleanup_snapshot_ struct snapshot *snapshot = snapshot_new();
	struct snapshot_component *last = NULL;
	size_t added = 0;
	char longer[512];

	(void)state;
	memset(longer, 'm', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	for (struct snapshot_component *next; (next = health_add(snapshot, longer)); added++)
		last = next;
	assert_int_equal(added, sizeof(snapshot->component) / sizeof(snapshot->component[0]));
	assert_non_null(last);
	health_fill(last, longer, HEALTH_DEGRADED, "%s", longer);
	assert_int_equal(strlen(last->name), sizeof(last->name) - 1);
	assert_int_equal(strlen(last->message), sizeof(last->message) - 1);
}

static void a_snapshot_lives_until_its_last_reader(void **state)
{
	struct snapshot *snapshot = snapshot_new();

	(void)state;
	snapshot->series = calloc(1, sizeof(*snapshot->series));
	snapshot->limit = calloc(1, sizeof(*snapshot->limit));
	assert_ptr_equal(snapshot_ref(snapshot), snapshot);
	snapshot_unref(snapshot);
	assert_int_equal(atomic_load(&snapshot->refs), 1);
	snapshot_unref(snapshot); /* the leak checker sees whether this was the last */
	assert_null(snapshot_ref(NULL));
	snapshot_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disk_is_judged_by_what_is_free),
		cmocka_unit_test(the_table_is_judged_by_who_is_forgotten_not_by_how_full_it_is),
		cmocka_unit_test(disk_reads_the_file_system),
		cmocka_unit_test(memory_is_judged_by_whichever_is_nearer_to_its_end),
		cmocka_unit_test_setup_teardown(memory_reads_the_host_and_the_tightest_group,
						make_root, remove_root),
		cmocka_unit_test_setup_teardown(memory_that_cannot_be_read_is_an_error, make_root,
						remove_root),
		cmocka_unit_test(memory_of_this_host_is_known),
		cmocka_unit_test(control_is_stale_after_ten_seconds),
		cmocka_unit_test(redis_is_degraded_at_worst_and_says_what_to_do),
		cmocka_unit_test(the_worst_component_speaks_for_all),
		cmocka_unit_test(components_are_added_while_there_is_room),
		cmocka_unit_test(a_snapshot_lives_until_its_last_reader),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
