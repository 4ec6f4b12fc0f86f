/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bans: in force at once, over when they say, whatever the daemon does meanwhile. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/prog/lab.h"

static const char config[] =
	"tiers: [{name: default}, {name: vip, prefixes: [10.0.0.0/8], unlimited: true}]\n"
	"services:\n"
	"  - {name: web, match: [tcp/80], limits: {default: [1000/day packets]}}\n"
	"  - {name: seen, match: [tcp/81], mode: observe}\n"
	"allow: [192.0.2.7]\ndeny: [192.0.2.8]\n";

static const char *sent(struct lab *lab, int program, const char *text)
{
	static char line[160];
	struct lab_outcome outcome;
	struct frame frame;

	assert_int_equal(frame_build(&frame, "%s", text), 0);
	outcome = lab_send(lab, program, &frame);
	strcpy(line, lab_describe(&outcome));
	return line;
}

#define FOREVER UINT64_MAX

static int ban(struct lab *lab, const char *prefix, uint64_t until_ns)
{
	struct datapath_ban ban = {.until_ns = until_ns};
	struct datapath_error error = {};
	int result;

	assert_int_equal(config_parse_prefix(prefix, &ban.prefix), 0);
	result = datapath_ban(lab->datapath, &ban, &error);
	if (result < 0)
		fail_msg("%s", error.text);
	return result;
}

static int unban(struct lab *lab, const char *text)
{
	struct config_prefix prefix;
	struct datapath_error error;

	assert_int_equal(config_parse_prefix(text, &prefix), 0);
	return datapath_unban(lab->datapath, &prefix, &error);
}

static void a_ban_is_in_force_and_lifted_at_once(void **state)
{
	struct lab *lab = lab_open(1024, config);

	(void)state;
	for (int round = 0; round < 20; round++) {
		int p = round & 1;

		assert_string_equal(sent(lab, p, "ip4/tcp"), "pass passed web/default");
		assert_int_equal(ban(lab, "192.0.2.1", FOREVER), 0);
		assert_string_equal(sent(lab, p, "ip4/tcp"), "drop banned web/default");
		assert_string_equal(sent(lab, !p, "vlan/ip4 opt=4/tcp"), "drop banned web/default");
		assert_string_equal(sent(lab, p, "ip4 src=192.0.2.2/tcp"),
				    "pass passed web/default");
		assert_int_equal(unban(lab, "192.0.2.1"), 0);
	}
	assert_int_equal(unban(lab, "192.0.2.1"), -ENOENT);
	lab_close(lab);
}

static void a_ban_covers_every_service_but_no_protected_port(void **state)
{
	struct lab *lab = lab_open(1024, config);

	(void)state;
	ban(lab, "192.0.2.0/24", FOREVER);
	assert_string_equal(sent(lab, LAB_XDP, "ip4/tcp"), "drop banned web/default");
	assert_string_equal(sent(lab, LAB_TC, "ip4/udp"), "drop banned other/default");
	assert_string_equal(sent(lab, LAB_XDP, "ip4/icmp"), "drop banned other/default");
	assert_string_equal(sent(lab, LAB_TC, "ip4 off=7/udp"), "drop banned other/default");
	assert_string_equal(sent(lab, LAB_XDP, "ip4/tcp dport=22"), "pass protected other/default");
	assert_string_equal(sent(lab, LAB_XDP, "ip4/tcp dport=81"),
			    "pass passed seen/default, observed banned");
	/* whoever it is */
	assert_string_equal(sent(lab, LAB_XDP, "ip4 src=192.0.2.7/tcp"), "drop banned web/default");
	assert_string_equal(sent(lab, LAB_XDP, "ip4 src=192.0.2.8/tcp"), "drop banned web/default");
	ban(lab, "10.0.0.0/16", FOREVER);
	assert_string_equal(sent(lab, LAB_XDP, "ip4 src=10.0.1.1/tcp"), "drop banned web/vip");
	assert_string_equal(sent(lab, LAB_XDP, "ip4 src=10.1.1.1/tcp"), "pass unlimited web/vip");
	lab_close(lab);
}

/* Nobody has to lift it: the kernel knows the time. */
static void a_ban_ends_by_itself(void **state)
{
	struct lab *lab = lab_open(1024, config);

	(void)state;
	ban(lab, "192.0.2.1", lab_now_ns() + 300000000);
	ban(lab, "2001:db8::/32", lab_now_ns() + 300000000);
	ban(lab, "192.0.2.9", lab_now_ns() + 300000000);
	assert_string_equal(sent(lab, LAB_XDP, "ip4/tcp"), "drop banned web/default");
	assert_string_equal(sent(lab, LAB_TC, "ip6/tcp"), "drop banned web/default");
	usleep(350000);
	assert_string_equal(sent(lab, LAB_XDP, "ip4/tcp"), "pass passed web/default");
	assert_string_equal(sent(lab, LAB_TC, "ip6/tcp"), "pass passed web/default");
	/* one that was never seen while it was banned */
	assert_string_equal(sent(lab, LAB_XDP, "ip4 src=192.0.2.9/tcp"), "pass passed web/default");
	assert_int_equal(datapath_expire_bans(lab->datapath, lab_now_ns()), 3);
	assert_int_equal(datapath_expire_bans(lab->datapath, lab_now_ns()), 0);
	assert_string_equal(sent(lab, LAB_XDP, "ip4/tcp"), "pass passed web/default");
	lab_close(lab);
}

static void a_ban_outlasts_reloads_and_adoption(void **state)
{
	struct lab *lab = lab_open(1024, config);
	struct datapath_error error = {};

	(void)state;
	ban(lab, "192.0.2.1", FOREVER);
	lab_apply(lab, "");
	assert_string_equal(sent(lab, LAB_XDP, "ip4/tcp"), "drop banned other/default");
	lab_apply(lab, config);
	assert_string_equal(sent(lab, LAB_XDP, "ip4/tcp"), "drop banned web/default");
	/* as another daemon finds it */
	datapath_close(lab->datapath);
	lab->datapath = NULL;
	if (datapath_open(lab->config, &lab->datapath, &error) ||
	    datapath_apply(lab->datapath, lab->config, &error))
		fail_msg("%s", error.text);
	assert_string_equal(sent(lab, LAB_TC, "ip4/tcp"), "drop banned web/default");
	assert_int_equal(unban(lab, "192.0.2.1"), 0);
	assert_string_equal(sent(lab, LAB_TC, "ip4/tcp"), "pass passed web/default");
	lab_close(lab);
}

static void the_longer_of_two_bans_that_cover_a_client_holds(void **state)
{
	struct lab *lab = lab_open(1024, config);

	(void)state;
	ban(lab, "192.0.2.0/24", lab_now_ns() + 10000000000);
	ban(lab, "192.0.2.1", lab_now_ns() + 100000000);
	usleep(150000);
	assert_string_equal(sent(lab, LAB_XDP, "ip4/tcp"), "drop banned web/default");
	assert_int_equal(ban(lab, "192.0.2.0/24", lab_now_ns() + 100000000), 1);
	usleep(150000);
	assert_string_equal(sent(lab, LAB_XDP, "ip4/tcp"), "pass passed web/default");
	lab_close(lab);
}

static void an_address_within_a_64_bans_the_client_it_belongs_to(void **state)
{
	struct lab *lab = lab_open(1024, config);

	(void)state;
	ban(lab, "2001:db8::42", FOREVER);
	assert_string_equal(sent(lab, LAB_XDP, "ip6/tcp"), "drop banned web/default");
	assert_string_equal(sent(lab, LAB_XDP, "ip6 src=2001:db8:0:1::1/tcp"),
			    "pass passed web/default");
	assert_int_equal(unban(lab, "2001:db8::99"), 0);
	assert_string_equal(sent(lab, LAB_XDP, "ip6/tcp"), "pass passed web/default");
	lab_close(lab);
}

/* A ban takes a client's fourth bucket; what the others hold is kept, and nothing is left behind. */
static void levels_survive_a_ban(void **state)
{
	struct lab *lab =
		lab_open(1024, "services: [{name: other, limits: {default: [3/day packets, 100/day "
			       "connections, 1000/day packets, 900/day packets]}}]\n");

	(void)state;
	assert_string_equal(sent(lab, LAB_XDP, "ip4/udp"), "pass passed other/default");
	assert_string_equal(sent(lab, LAB_XDP, "ip4/udp"), "pass passed other/default");
	ban(lab, "192.0.2.1", FOREVER);
	for (int i = 0; i < 10; i++)
		assert_string_equal(sent(lab, LAB_XDP, "ip4/udp"), "drop banned other/default");
	assert_int_equal(unban(lab, "192.0.2.1"), 0);
	assert_string_equal(sent(lab, LAB_XDP, "ip4/udp"), "pass passed other/default");
	assert_string_equal(sent(lab, LAB_XDP, "ip4/udp"), "drop limited other/default");
	lab_close(lab);
}

static void a_thousand_bans_hold_together(void **state)
{
	struct lab *lab = lab_open(1024, config);
	const struct datapath_ban *bans;
	uint64_t begin = lab_now_ns();
	struct frame frame;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "172.16.%u.%u", i >> 8, i & 255);
		ban(lab, text, FOREVER);
	}
	printf("# a ban takes %llu us\n", (unsigned long long)(lab_now_ns() - begin) / 1000000);
	assert_int_equal(datapath_bans(lab->datapath, &bans), 1000);
	for (unsigned int i = 0; i < 1100; i++) {
		assert_int_equal(frame_build(&frame, "ip4 src=172.16.%u.%u/tcp", i >> 8, i & 255),
				 0);
		assert_int_equal(lab_run(lab, LAB_XDP, &frame, 1), i < 1000 ? 1 : 2);
	}
	lab_close(lab);
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(a_ban_is_in_force_and_lifted_at_once),
		cmocka_unit_test(a_ban_covers_every_service_but_no_protected_port),
		cmocka_unit_test(a_ban_ends_by_itself),
		cmocka_unit_test(a_ban_outlasts_reloads_and_adoption),
		cmocka_unit_test(the_longer_of_two_bans_that_cover_a_client_holds),
		cmocka_unit_test(an_address_within_a_64_bans_the_client_it_belongs_to),
		cmocka_unit_test(levels_survive_a_ban),
		cmocka_unit_test(a_thousand_bans_hold_together),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return lab_main(tests);
}
