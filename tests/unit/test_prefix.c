/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/config/prefix.h"

static void assert_format(const struct config_prefix *prefix, const char *text)
{
	char buffer[PREFIX_TEXT];

	assert_string_equal(config_format_prefix(prefix, buffer, sizeof(buffer)), text);
}

static void ipv4_is_kept_as_mapped(void **state)
{
	static const uint8_t expected[16] = {[10] = 0xff, 0xff, 203, 0, 113, 0};
	struct config_prefix prefix;

	(void)state;
	assert_int_equal(config_parse_prefix("203.0.113.0/24", &prefix), 0);
	assert_memory_equal(prefix.addr, expected, 16);
	assert_int_equal(prefix.length, 120);
}

static void text_is_read_and_written_alike(void **state)
{
	static const char *const texts[][2] = {
		{"203.0.113.0/24", NULL},
		{"203.0.113.7", NULL},
		{"0.0.0.0/0", NULL},
		{"203.0.113.7/32", "203.0.113.7"},
		{"2001:db8::/32", NULL},
		{"2001:db8::1", NULL},
		{"2001:DB8:0:0::1/128", "2001:db8::1"},
		{"2000::/3", NULL},
		{"fe80::/10", NULL},
		{"::1", NULL},
		{"::2", NULL},
		{"::fffd:0:0/96", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config_prefix prefix;

		if (config_parse_prefix(texts[i][0], &prefix) < 0)
			fail_msg("%s", texts[i][0]);
		assert_format(&prefix, texts[i][1] ? texts[i][1] : texts[i][0]);
	}
}

/* Every length of both families: zero bits behind it pass, any single bit behind it does not. */
static void host_bits_are_seen_at_every_length(void **state)
{
	(void)state;
	for (unsigned int length = 0; length <= 32; length++) {
		for (unsigned int bit = 0; bit < 32; bit++) {
			uint32_t host = 1U << (31 - bit);
			struct config_prefix prefix;
			char text[64];

			snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", host >> 24, host >> 16 & 255,
				 host >> 8 & 255, host & 255, length);
			assert_int_equal(config_parse_prefix(text, &prefix),
					 bit < length ? 0 : -EINVAL);
		}
	}
	for (unsigned int length = 1; length <= 128; length++) {
		for (unsigned int bit = 0; bit < 128; bit++) {
			struct config_prefix prefix = {.addr = {0x80}, .length = (uint8_t)length};
			char text[PREFIX_TEXT];

			prefix.addr[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
			config_format_prefix(&prefix, text, sizeof(text));
			assert_int_equal(config_parse_prefix(text, &prefix),
					 bit < length ? 0 : -EINVAL);
		}
	}
}

/* IPv4 is written as IPv4. What takes it in, as ::/0 does, says nothing of it: see test_prefixes.c */
static void ipv4_has_one_way_to_be_written(void **state)
{
	struct config_prefix prefix = {};

	(void)state;
	assert_int_equal(config_parse_prefix("::ffff:0:0/96", &prefix), -EINVAL);
	assert_int_equal(config_parse_prefix("::ffff:192.0.2.1", &prefix), -EINVAL);
	assert_int_equal(prefix.length, 0);
	assert_int_equal(config_parse_prefix("::/0", &prefix), 0);
	assert_int_equal(config_parse_prefix("::/80", &prefix), 0);
	assert_int_equal(prefix.length, 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_is_kept_as_mapped),
		cmocka_unit_test(text_is_read_and_written_alike),
		cmocka_unit_test(host_bits_are_seen_at_every_length),
		cmocka_unit_test(ipv4_has_one_way_to_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
