/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "user/cluster/redis_slot.h"

/* 0x31c3 is the check value of CRC-16/XMODEM, and in the cluster specification */
static void the_checksum_is_that_of_the_specification(void **state)
{
	(void)state;
	assert_int_equal(redis_crc16("123456789", 9), 0x31c3);
	assert_int_equal(redis_crc16("", 0), 0);
	assert_int_equal(redis_crc16("\xff\x00\xff", 3), 0xd193);
}

/* As CLUSTER KEYSLOT of Redis 7.0 answers */
static void keys_are_where_redis_keeps_them(void **state)
{
	static const struct {
		const char *key;
		unsigned int slot;
	} keys[] = {
		{"foo", 12182},
		{"", 0},
		{"{foo}.bar", 12182},
		{"a{foo}{bar}", 12182},
		{"weir:{s0}:meta", 11097},
		{"weir:{s15}:meta", 4362},
		{"{}foo", 9500},
		{"foo{}", 5542},
		{"{foo", 13308},
		{"foo}", 15679},
		{"{{foo}}", 13308},
		{"}{foo}", 12182},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (redis_slot(keys[i].key) != keys[i].slot)
			fail_msg("%s is in slot %u, expected %u", keys[i].key,
				 redis_slot(keys[i].key), keys[i].slot);
}

static void redirections_say_where_to(void **state)
{
	struct redis_redirect to;

	(void)state;
	assert_true(redis_redirect_parse("MOVED 3999 127.0.0.1:6381", &to));
	assert_false(to.ask);
	assert_int_equal(to.slot, 3999);
	assert_string_equal(to.host, "127.0.0.1");
	assert_int_equal(to.port, 6381);
	assert_true(redis_redirect_parse("ASK 16383 redis-3.example:65535", &to));
	assert_true(to.ask);
	assert_int_equal(to.slot, 16383);
	assert_string_equal(to.host, "redis-3.example");
	assert_int_equal(to.port, 65535);
	/* Redis writes IPv6 addresses without brackets, and no host for its own */
	assert_true(redis_redirect_parse("MOVED 0 2001:db8::1:6379", &to));
	assert_string_equal(to.host, "2001:db8::1");
	assert_int_equal(to.port, 6379);
	assert_true(redis_redirect_parse("MOVED 7 :6380", &to));
	assert_string_equal(to.host, "");
	assert_int_equal(to.port, 6380);
}

static void what_is_no_redirection_is_left_alone(void **state)
{
	static const char *const errors[] = {
		"",
		"MOVED",
		"MOVED ",
		"MOVED 1",
		"MOVED 1 ",
		"MOVED 1 host",
		"MOVED 1 host:",
		"MOVED 1 host:0",
		"MOVED 1 host:65536",
		"MOVED 1 host:6379x",
		"MOVED 16384 host:6379",
		"MOVED -1 host:6379",
		"MOVED 01 host:6379",
		"MOVED  1 host:6379",
		"MOVED 99999999999999999999 host:6379",
		"ASKING 1 host:6379",
		"ASK",
		"moved 1 host:6379",
		"ERR MOVED 1 host:6379",
	};
	struct redis_redirect to = {.slot = 77}, long_to = {.slot = 77};
	char text[400] = "MOVED 1 ";

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (redis_redirect_parse(errors[i], &to))
			fail_msg("\"%s\" is taken for a redirection", errors[i]);
		assert_int_equal(to.slot, 77);
	}
	memset(text + 8, 'h', REDIS_HOST);
	strcpy(text + 8 + REDIS_HOST, ":6379");
	assert_false(redis_redirect_parse(text, &long_to));
	strcpy(text + 8 + REDIS_HOST - 1, ":6379");
	assert_true(redis_redirect_parse(text, &long_to));
	assert_int_equal(strlen(long_to.host), REDIS_HOST - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checksum_is_that_of_the_specification),
		cmocka_unit_test(keys_are_where_redis_keeps_them),
		cmocka_unit_test(redirections_say_where_to),
		cmocka_unit_test(what_is_no_redirection_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
