/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "user/cluster/redis_errors.h"

/* As Redis 5 to 7.2 and Valkey 8 say it */
static const struct {
	const char *error;
	enum redis_state state;
} said[] = {
	{"NOAUTH Authentication required.", REDIS_STATE_PASSWORD},
	{"WRONGPASS invalid username-password pair or user is disabled.", REDIS_STATE_PASSWORD},
	{"ERR invalid password", REDIS_STATE_PASSWORD},
	{"ERR Client sent AUTH, but no password is set", REDIS_STATE_PASSWORD},
	{"ERR AUTH <password> called without any password configured for the default user. Are you "
	 "sure your configuration is correct?",
	 REDIS_STATE_PASSWORD},
	{"NOPERM this user has no permissions to run the 'evalsha' command", REDIS_STATE_REFUSED},
	{"NOPERM User weir has no permissions to run the 'set' command", REDIS_STATE_REFUSED},
	{"DENIED Redis is running in protected mode because protected mode is enabled",
	 REDIS_STATE_REFUSED},
	{"ERR The user executing the script can't run this command or subcommand script: f1, on "
	 "@user_script:31.",
	 REDIS_STATE_REFUSED},
	{"ERR Error running script (call to f_e0e1): @user_script:1: @user_script: 1: The user "
	 "executing the script can't access at least one of the keys mentioned in the command "
	 "arguments",
	 REDIS_STATE_REFUSED},
	{"ERR ACL failure in script: User weir has no permissions to run the 'set' command script: f1, "
	 "on @user_script:31.",
	 REDIS_STATE_REFUSED},
	{"ERR DB index is out of range", REDIS_STATE_DATABASE},
	{"ERR invalid DB index", REDIS_STATE_DATABASE},
	{"ERR SELECT is not allowed in cluster mode", REDIS_STATE_DATABASE},
	{"OOM command not allowed when used memory > 'maxmemory'.", REDIS_STATE_MEMORY},
	{"OOM command not allowed when used memory > 'maxmemory'. script: f1, on @user_script:31.",
	 REDIS_STATE_MEMORY},
	{"ERR Error running script (call to f_e0e1): @user_script:31: @user_script: 31: -OOM command "
	 "not allowed when used memory > 'maxmemory'.",
	 REDIS_STATE_MEMORY},
	{"READONLY You can't write against a read only replica.", REDIS_STATE_READ_ONLY},
	{"ERR Error running script (call to f_e0e1): @user_script:1: @user_script: 1: -READONLY You "
	 "can't write against a read only replica.",
	 REDIS_STATE_READ_ONLY},
	{"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
	 REDIS_STATE_READ_ONLY},
	{"LOADING Redis is loading the dataset in memory", REDIS_STATE_LOADING},
	{"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
	 REDIS_STATE_TIMEOUT},
	{"BUSYGROUP Consumer Group name already exists", REDIS_STATE_ERROR},
	{"CLUSTERDOWN The cluster is down", REDIS_STATE_CLUSTER_DOWN},
	{"CLUSTERDOWN Hash slot not served", REDIS_STATE_CLUSTER_DOWN},
	{"TRYAGAIN Multiple keys request during rehashing of slot", REDIS_STATE_CLUSTER_DOWN},
	{"MOVED 3999 127.0.0.1:6381", REDIS_STATE_CLUSTER_DOWN},
	{"IDONTKNOW I have not enough information to reply. Please ask another Sentinel.",
	 REDIS_STATE_NO_MASTER},
	{"ERR No such master with that name", REDIS_STATE_NO_MASTER},
	{"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to "
	 "disk.",
	 REDIS_STATE_ERROR},
	{"NOSCRIPT No matching script. Please use EVAL.", REDIS_STATE_ERROR},
	{"ERR max number of clients reached", REDIS_STATE_ERROR},
	{"ERR user_script:1: OOM-like words: - none", REDIS_STATE_ERROR},
	{"OOM", REDIS_STATE_MEMORY},
	{"", REDIS_STATE_ERROR},
};

static void what_redis_says_becomes_its_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		if (redis_error_state(said[i].error) != said[i].state)
			fail_msg("\"%s\" is %s, expected %s", said[i].error,
				 redis_state_word(redis_error_state(said[i].error)),
				 redis_state_word(said[i].state));
}

static void every_state_has_a_word_and_all_but_good_ones_a_remedy(void **state)
{
	(void)state;
	for (int i = 0; i < REDIS_STATE_COUNT; i++) {
		bool good = i == REDIS_STATE_OK || i == REDIS_STATE_NEVER;

		/* struct snapshot_cluster.redis_state has 16 bytes */
		assert_in_range(strlen(redis_state_word(i)), 1, 15);
		assert_int_equal(good, !*redis_state_remedy(i));
		for (int other = 0; other < i; other++)
			assert_string_not_equal(redis_state_word(i), redis_state_word(other));
	}
	assert_string_equal(redis_state_word(REDIS_STATE_COUNT), "?");
	assert_string_equal(redis_state_remedy(REDIS_STATE_COUNT), "");
}

static void a_fault_is_one_printable_line_however_long(void **state)
{
	struct redis_fault fault = {.ended = true};
	char text[600];

	(void)state;
	assert_int_equal(redis_fault_of_reply(&fault, "redis:6379",
					      "OOM a\r\nb\x1b[31m \xc3\xbc\t "),
			 REDIS_STATE_MEMORY);
	assert_int_equal(fault.state, REDIS_STATE_MEMORY);
	assert_false(fault.ended);
	assert_string_equal(fault.text, "redis:6379: OOM a??b?[31m ???");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	redis_fault_set(&fault, REDIS_STATE_ERROR, "redis:6379", "%s", text);
	assert_int_equal(strlen(fault.text), sizeof(fault.text) - 1);
	assert_memory_equal(fault.text, "redis:6379: xxx", 15);
}

/* What a server says is copied into the text, never read as a format */
static void percent_signs_of_servers_are_text(void **state)
{
	struct redis_fault fault;

	(void)state;
	redis_fault_of_reply(&fault, "%s", "ERR %n%s%1000000d");
	assert_string_equal(fault.text, "%s: ERR %n%s%1000000d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_redis_says_becomes_its_state),
		cmocka_unit_test(every_state_has_a_word_and_all_but_good_ones_a_remedy),
		cmocka_unit_test(a_fault_is_one_printable_line_however_long),
		cmocka_unit_test(percent_signs_of_servers_are_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
