/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The answer to a SYN over its limit, byte for byte, from both programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/prog/lab.h"

static const char config[] =
	"services:\n"
	"  - {name: mail, match: [tcp/25], on_limit: reject, limits: {default: [1/day connections]}}\n"
	"  - {name: bulk, match: [tcp/26], on_limit: reject, limits: {default: [1/day packets]}}\n"
	"  - {name: seen, match: [tcp/27], on_limit: reject, mode: observe,\n"
	"     limits: {default: [1/day connections]}}\n"
	"  - {name: group, match: [tcp/28], on_limit: reject, group_limits: {default: [1/day packets]}}\n";

/* clang-format off */
static const struct {
	const char *what, *syn, *answer;
} answers[] = {
	{"IPv4", "ip4/tcp dport=25",
	 "ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=25 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"IPv6", "ip6/tcp dport=25",
	 "ip6 src=2001:db8:ffff::80 dst=2001:db8::1/tcp sport=25 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"the sequence number wraps", "ip4/tcp dport=25 seq=0xffffffff",
	 "ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=25 dport=40000 seq=0 ack=0 flags=RA win=0 | mac=back"},
	{"one tag", "vlan id=99/ip4/tcp dport=25",
	 "vlan id=99/ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=25 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"three tags, IPv6", "qinq id=5/vlan id=6/vlan/ip6/tcp dport=25",
	 "qinq id=5/vlan id=6/vlan/ip6 src=2001:db8:ffff::80 dst=2001:db8::1/tcp sport=25 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"TCP options are left away", "ip4/tcp dport=25 doff=10",
	 "ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=25 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"so are data", "ip6/tcp dport=25/data n=500",
	 "ip6 src=2001:db8:ffff::80 dst=2001:db8::1/tcp sport=25 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"and padding", "ip4/tcp dport=25 | pad=60 fill=255",
	 "ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=25 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"a TTL of 1 is answered with 64", "ip4 ttl=1/tcp dport=25",
	 "ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=25 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"a limit on packets", "ip4/tcp dport=26",
	 "ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=26 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
};

static const struct {
	const char *what, *frame, *expected;
} silent[] = {
	{"no SYN", "ip4/tcp dport=26 flags=A", "drop limited bulk/default"},
	{"a SYN-ACK", "ip4/tcp dport=26 flags=SA", "drop limited bulk/default"},
	{"observed", "ip4/tcp dport=27", "pass passed seen/default, observed rejected"},
	{"a group limit drops", "ip4/tcp dport=28", "drop group_limited group/default"},
	{"behind IPv4 options", "ip4 opt=4/tcp dport=25", "drop rejected mail/default"},
	{"behind an extension header", "ip6/hop/tcp dport=25", "drop rejected mail/default"},
	{"a fragment", "ip4 mf/tcp dport=25/data n=4", "drop rejected mail/default"},
	{"to a group", "ip6 dst=ff02::1/tcp dport=25", "drop rejected mail/default"},
};
/* clang-format on */

static void a_syn_over_its_limit_is_answered_byte_for_byte(void **state)
{
	struct lab *lab = *state;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct frame syn, expected;

		assert_int_equal(frame_build(&syn, "%s", answers[i].syn), 0);
		assert_int_equal(frame_build(&expected, "%s", answers[i].answer), 0);
		for (int p = 0; p < LAB_PROGRAMS; p++) {
			struct lab_outcome outcome;

			lab_forget(lab);
			lab_run(lab, p, &syn, 1);
			outcome = lab_send(lab, p, &syn);
			if (outcome.action != WEIR_ACTION_REJECT ||
			    outcome.out.size != expected.size ||
			    memcmp(outcome.out.at, expected.at, expected.size))
				fail_msg("%s: %s: %s, %zu bytes", lab_program_names[p],
					 answers[i].what, lab_describe(&outcome), outcome.out.size);
		}
	}
}

static void what_can_not_be_answered_is_dropped(void **state)
{
	struct lab *lab = *state;

	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		struct frame frame;

		assert_int_equal(frame_build(&frame, "%s", silent[i].frame), 0);
		for (int p = 0; p < LAB_PROGRAMS; p++) {
			struct lab_outcome outcome;

			lab_forget(lab);
			lab_run(lab, p, &frame, 1);
			outcome = lab_send(lab, p, &frame);
			if (strcmp(lab_describe(&outcome), silent[i].expected))
				fail_msg("%s: %s: %s", lab_program_names[p], silent[i].what,
					 lab_describe(&outcome));
		}
	}
}

static int open_lab(void **state)
{
	*state = lab_open(1024, config);
	return 0;
}

static int close_lab(void **state)
{
	lab_close(*state);
	return 0;
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(a_syn_over_its_limit_is_answered_byte_for_byte),
		cmocka_unit_test(what_can_not_be_answered_is_dropped),
	};

	return cmocka_run_group_tests(list, open_lab, close_lab);
}

int main(void)
{
	return lab_main(tests);
}
