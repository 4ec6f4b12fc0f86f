/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/config/match.h"

static void assert_inverse(const struct config_match *match)
{
	char text[WEIR_MATCH_TEXT];
	struct config_match again;
	struct problem problem = {};

	match_format(match, text, sizeof(text));
	if (match_parse(text, &again, &problem) < 0)
		fail_msg("%s", problem.text);
	assert_int_equal(match_compare(match, &again), 0);
}

static void every_protocol_and_port_is_written_as_it_is_read(void **state)
{
	(void)state;
	for (unsigned int protocol = 0; protocol < 256; protocol++)
		if (protocol != 6 && protocol != 17)
			assert_inverse(&(struct config_match){.protocol = (uint8_t)protocol});
	for (unsigned int port = 0; port < 65536; port++) {
		assert_inverse(&(struct config_match){6, (uint16_t)port, (uint16_t)port});
		assert_inverse(&(struct config_match){17, 0, (uint16_t)port});
		assert_inverse(&(struct config_match){6, (uint16_t)port, 65535});
	}
}

static void names_stand_for_numbers(void **state)
{
	static const struct {
		const char *text;
		struct config_match match;
	} examples[] = {
		{"tcp", {6, 0, 65535}},	    {"udp", {17, 0, 65535}},
		{"tcp/0", {6, 0, 0}},	    {"tcp/65535", {6, 65535, 65535}},
		{"udp/1-2", {17, 1, 2}},    {"icmp", {1, 0, 0}},
		{"icmpv6", {58, 0, 0}},	    {"gre", {47, 0, 0}},
		{"proto/47", {47, 0, 0}},   {"sctp", {132, 0, 0}},
		{"proto/255", {255, 0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct config_match match;
		struct problem problem = {};

		assert_int_equal(match_parse(examples[i].text, &match, &problem), 0);
		assert_int_equal(match_compare(&match, &examples[i].match), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_protocol_and_port_is_written_as_it_is_read),
		cmocka_unit_test(names_stand_for_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
