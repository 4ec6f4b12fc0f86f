/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of verdicts: a packet (text as in tests/lib/frame.h), and what becomes of it, in both
 * programs. `test_verdict frames` prints the packets, for test_scapy.py to build them anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/lib/random.h"
#include "tests/prog/lab.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Limits of so many a day: within a test nothing comes back. */
static const char config[] =
	"tiers:\n"
	"  - name: anonymous\n"
	"  - {name: partner, prefixes: [203.0.113.0/24, '2001:db8:7::/48']}\n"
	"  - {name: gold, prefixes: [203.0.113.128/25, '2001:db8:7:1::/64']}\n"
	"  - {name: bronze, prefixes: [203.0.113.192/26]}\n"
	"  - {name: admin, prefixes: [10.0.0.0/8, '2001:db8:a::/48'], unlimited: true}\n"
	"services:\n"
	"  - name: web\n"
	"    match: [tcp/80, tcp/443, tcp/8000-8009]\n"
	"    limits:\n"
	"      anonymous: [2/day packets]\n"
	"      partner: [4/day packets]\n"
	"      gold: [6/day packets]\n"
	"  - {name: dns, match: [udp/53, tcp/53], limits: {anonymous: [2/day packets]}}\n"
	"  - {name: ssl, match: [tcp/993], on_limit: reject, limits: {anonymous: [1/day connections]}}\n"
	"  - {name: ping, match: [icmp, icmpv6], mode: observe, limits: {anonymous: [1/day packets]}}\n"
	"  - {name: vpn, match: [gre, esp, sctp], limits: {anonymous: [2/day packets]}}\n"
	"  - {name: game, match: [udp/5000-5999], limits: {anonymous: [2/day packets]}}\n"
	"  - {name: any, match: [tcp/8080], limits: {anonymous: [2/day packets]}}\n"
	"  - {name: lan, match: [tcp/8080], destinations: [198.51.100.0/24, '2001:db8:ffff::/48'],\n"
	"     limits: {anonymous: [2/day packets]}}\n"
	"  - {name: host, match: [tcp/8080], destinations: [198.51.100.80, '2001:db8:ffff::80'],\n"
	"     limits: {anonymous: [2/day packets]}}\n"
	"  - {name: tiny, match: [udp/9], client_prefix: {ipv6: 128}, limits: {anonymous: [2/day packets]}}\n"
	"  - {name: volume, match: [tcp/20], limits: {anonymous: [3000B/s bytes burst 1600]}}\n"
	"  - {name: both, match: [tcp/21], limits: {anonymous: [3/day packets, 1/day connections]}}\n"
	"  - {name: crowd, match: [udp/11], group_limits: {anonymous: [2/day packets]}}\n"
	"  - {name: other, limits: {anonymous: [2/day packets]}}\n"
	"deny: [192.0.2.66, 198.18.0.0/15, '2001:db8:bad::/48']\n"
	"allow: [192.0.2.77, 203.0.113.200, 198.18.7.0/24, '2001:db8:bad:900d::/64']\n"
	"protected_ports: [tcp/22, udp/123, ospf]\n";

struct verdict_case {
	const char *what;
	const char *frame;
	int times; /* how often it is sent; the last one counts */
	const char *expected;
};

/* clang-format off */
static const struct verdict_case cases[] = {
	/* services by protocol and port */
	{"TCP to a port of a service", "ip4/tcp dport=80", 1, "pass passed web/anonymous"},
	{"to another port of it", "ip4/tcp dport=443", 1, "pass passed web/anonymous"},
	{"first port of a range", "ip4/tcp dport=8000", 1, "pass passed web/anonymous"},
	{"last port of a range", "ip4/tcp dport=8009", 1, "pass passed web/anonymous"},
	{"before a range", "ip4/tcp dport=7999", 1, "pass passed other/anonymous"},
	{"behind a range", "ip4/tcp dport=8010", 1, "pass passed other/anonymous"},
	{"IPv6", "ip6/tcp dport=443", 1, "pass passed web/anonymous"},
	{"the source port does not matter", "ip4/tcp sport=80 dport=81", 1, "pass passed other/anonymous"},
	{"UDP to a port that is TCP's", "ip4/udp dport=80", 1, "pass passed other/anonymous"},
	{"UDP to a service", "ip4/udp dport=53", 1, "pass passed dns/anonymous"},
	{"TCP to a service of both", "ip4/tcp dport=53", 1, "pass passed dns/anonymous"},
	{"UDP, first of a range", "ip6/udp dport=5000", 1, "pass passed game/anonymous"},
	{"UDP, last of a range", "ip6/udp dport=5999", 1, "pass passed game/anonymous"},
	{"UDP, behind a range", "ip6/udp dport=6000", 1, "pass passed other/anonymous"},
	{"port 0", "ip4/tcp dport=0", 1, "pass passed other/anonymous"},
	{"port 65535", "ip4/udp dport=65535", 1, "pass passed other/anonymous"},
	{"ICMP", "ip4/icmp", 1, "pass passed ping/anonymous"},
	{"ICMP of any type", "ip4/icmp type=3", 1, "pass passed ping/anonymous"},
	{"ICMPv6", "ip6/icmp6", 1, "pass passed ping/anonymous"},
	{"ICMPv6 of any type", "ip6/icmp6 type=1", 1, "pass passed ping/anonymous"},
	{"SCTP", "ip4/proto n=132/data n=12", 1, "pass passed vpn/anonymous"},
	{"SCTP, IPv6", "ip6/proto n=132/data n=12", 1, "pass passed vpn/anonymous"},
	{"GRE", "ip4/proto n=47/data n=4", 1, "pass passed vpn/anonymous"},
	{"GRE, IPv6", "ip6/proto n=47/data n=4", 1, "pass passed vpn/anonymous"},
	{"ESP", "ip4/proto n=50/data n=8", 1, "pass passed vpn/anonymous"},
	{"ESP, IPv6", "ip6/proto n=50/data n=8", 1, "pass passed vpn/anonymous"},
	{"IP in IP", "ip4/proto n=4/data n=20", 1, "pass passed other/anonymous"},
	{"UDP-Lite is not UDP", "ip4/proto n=136/data n=8", 1, "pass passed other/anonymous"},
	{"IGMP that is not control", "ip4 ttl=2/igmp", 1, "pass passed other/anonymous"},
	{"protocol 255", "ip4/proto n=255", 1, "pass passed other/anonymous"},
	{"IPv6 with nothing in it", "ip6", 1, "pass passed other/anonymous"},

	/* over the limit */
	{"the second is within it", "ip4/tcp", 2, "pass passed web/anonymous"},
	{"the third is over it", "ip4/tcp", 3, "drop limited web/anonymous"},
	{"the third over IPv6", "ip6/tcp", 3, "drop limited web/anonymous"},
	{"an ACK is a packet too", "ip4/tcp flags=A", 3, "drop limited web/anonymous"},
	{"UDP over it", "ip4/udp", 3, "drop limited dns/anonymous"},
	{"SCTP over it", "ip4/proto n=132/data n=12", 3, "drop limited vpn/anonymous"},
	{"GRE over it", "ip6/proto n=47/data n=4", 3, "drop limited vpn/anonymous"},
	{"ESP over it", "ip4/proto n=50/data n=8", 3, "drop limited vpn/anonymous"},
	{"what no service matches, over its limit", "ip4/tcp dport=81", 3, "drop limited other/anonymous"},
	{"protocol 253 over it", "ip6/proto n=253", 3, "drop limited other/anonymous"},
	{"observed: it passes and is counted as what it would have been", "ip4/icmp", 2, "pass passed ping/anonymous, observed limited"},
	{"observed, IPv6", "ip6/icmp6", 2, "pass passed ping/anonymous, observed limited"},
	{"connections: the first", "ip4/tcp dport=993", 1, "pass passed ssl/anonymous"},
	{"connections: the second is answered", "ip4/tcp dport=993", 2, "answer rejected ssl/anonymous"},
	{"connections: IPv6", "ip6/tcp dport=993", 2, "answer rejected ssl/anonymous"},
	{"connections: in two tags", "qinq/vlan/ip4/tcp dport=993", 2, "answer rejected ssl/anonymous"},
	{"connections: an ACK is none", "ip4/tcp dport=993 flags=A", 9, "pass passed ssl/anonymous"},
	{"connections: a SYN-ACK is none", "ip4/tcp dport=993 flags=SA", 9, "pass passed ssl/anonymous"},
	{"connections: an empty SYN behind options is one, but not answered", "ip4 opt=8/tcp dport=993", 2, "drop rejected ssl/anonymous"},
	{"connections: nor behind an extension header", "ip6/dest/tcp dport=993", 2, "drop rejected ssl/anonymous"},
	{"connections: nor to a group", "ip4 dst=224.0.0.9/tcp dport=993", 2, "drop rejected ssl/anonymous"},
	{"connections: nor by broadcast", "ip4/tcp dport=993 | mac=bcast", 2, "drop rejected ssl/anonymous"},
	{"two limits: the first lets three pass", "ip4/tcp dport=21 flags=A", 3, "pass passed both/anonymous"},
	{"two limits: but not four", "ip4/tcp dport=21 flags=A", 4, "drop limited both/anonymous"},
	{"two limits: the second refuses earlier", "ip4/tcp dport=21", 2, "drop limited both/anonymous"},
	{"bytes: a frame within the burst", "ip4/tcp dport=20/data n=1400", 1, "pass passed volume/anonymous"},
	{"bytes: a second is over it", "ip4/tcp dport=20/data n=1400", 2, "drop limited volume/anonymous"},
	{"bytes: larger than the burst, never", "ip4/tcp dport=20/data n=1560", 1, "drop limited volume/anonymous"},
	{"all of a tier together", "ip4/udp dport=11", 2, "pass passed crowd/anonymous"},
	{"all of a tier together, over it", "ip4/udp dport=11", 3, "drop group_limited crowd/anonymous"},

	/* tiers */
	{"partner", "ip4 src=203.0.113.7/tcp", 4, "pass passed web/partner"},
	{"partner over its limit", "ip4 src=203.0.113.7/tcp", 5, "drop limited web/partner"},
	{"partner, IPv6", "ip6 src=2001:db8:7:2::9/tcp", 4, "pass passed web/partner"},
	{"partner, IPv6, over its limit", "ip6 src=2001:db8:7:2::9/tcp", 5, "drop limited web/partner"},
	{"the longer prefix wins", "ip4 src=203.0.113.129/tcp", 6, "pass passed web/gold"},
	{"and has its own limit", "ip4 src=203.0.113.129/tcp", 7, "drop limited web/gold"},
	{"the longer prefix wins, IPv6", "ip6 src=2001:db8:7:1::9/tcp", 6, "pass passed web/gold"},
	{"and has its own limit, IPv6", "ip6 src=2001:db8:7:1::9/tcp", 7, "drop limited web/gold"},
	{"first address of a prefix", "ip4 src=203.0.113.128/tcp", 1, "pass passed web/gold"},
	{"last before it", "ip4 src=203.0.113.127/tcp", 1, "pass passed web/partner"},
	{"behind the shorter one", "ip4 src=203.0.114.0/tcp", 1, "pass passed web/anonymous"},
	{"before it", "ip4 src=203.0.112.255/tcp", 1, "pass passed web/anonymous"},
	{"a tier without limits here passes", "ip4 src=203.0.113.193/tcp", 20, "pass passed web/bronze"},
	{"a tier without limits in `other`", "ip4 src=203.0.113.7/udp dport=4000", 20, "pass passed other/partner"},
	{"unlimited tier", "ip4 src=10.1.2.3/tcp", 9, "pass unlimited web/admin"},
	{"unlimited tier, IPv6", "ip6 src=2001:db8:a::1/tcp", 9, "pass unlimited web/admin"},
	{"unlimited tier, in any service", "ip4 src=10.1.2.3/udp", 9, "pass unlimited dns/admin"},
	{"unlimited tier, in `other`", "ip4 src=10.255.255.255/udp dport=4000", 9, "pass unlimited other/admin"},

	/* denied, allowed */
	{"denied", "ip4 src=192.0.2.66/tcp", 1, "drop denied web/anonymous"},
	{"denied, whatever the service", "ip4 src=192.0.2.66/proto n=99", 1, "drop denied other/anonymous"},
	{"denied, a second time", "ip4 src=192.0.2.66/tcp", 2, "drop denied web/anonymous"},
	{"denied, IPv6", "ip6 src=2001:db8:bad::7/udp", 1, "drop denied dns/anonymous"},
	{"denied prefix", "ip4 src=198.19.255.255/icmp", 1, "pass passed ping/anonymous, observed denied"},
	{"denied, tagged", "vlan/vlan/ip4 src=198.18.0.1/tcp", 1, "drop denied web/anonymous"},
	{"allowed within denied", "ip4 src=198.18.7.9/tcp", 9, "pass unlimited web/anonymous"},
	{"allowed within denied, IPv6", "ip6 src=2001:db8:bad:900d::5/tcp", 9, "pass unlimited web/anonymous"},
	{"allowed", "ip4 src=192.0.2.77/tcp", 9, "pass unlimited web/anonymous"},
	{"allowed keeps its tier", "ip4 src=203.0.113.200/tcp", 9, "pass unlimited web/bronze"},
	{"one beside the denied", "ip4 src=192.0.2.67/tcp", 1, "pass passed web/anonymous"},
	{"denied may still reach a protected port", "ip4 src=192.0.2.66/tcp dport=22", 1, "pass protected other/anonymous"},

	/* protected */
	{"protected port", "ip4/tcp dport=22", 9, "pass protected other/anonymous"},
	{"protected port, IPv6", "ip6/tcp dport=22", 9, "pass protected other/anonymous"},
	{"protected port, tagged, with options", "vlan/ip4 opt=12/tcp dport=22 flags=A", 9, "pass protected other/anonymous"},
	{"protected UDP port", "ip4/udp dport=123", 9, "pass protected other/anonymous"},
	{"the same number of the other protocol is not", "ip4/udp dport=22", 3, "drop limited other/anonymous"},
	{"nor TCP 123", "ip4/tcp dport=123", 3, "drop limited other/anonymous"},
	{"protected protocol", "ip4/proto n=89/data n=24", 9, "pass protected other/anonymous"},
	{"a later fragment has no port to be protected by", "ip4 off=3/tcp dport=22", 3, "drop limited other/anonymous"},

	/* destinations */
	{"bound to an address", "ip4/tcp dport=8080", 1, "pass passed host/anonymous"},
	{"bound to an address, IPv6", "ip6/tcp dport=8080", 1, "pass passed host/anonymous"},
	{"bound to a prefix", "ip4 dst=198.51.100.81/tcp dport=8080", 1, "pass passed lan/anonymous"},
	{"bound to a prefix, IPv6", "ip6 dst=2001:db8:ffff::81/tcp dport=8080", 1, "pass passed lan/anonymous"},
	{"bound to none", "ip4 dst=198.51.101.80/tcp dport=8080", 1, "pass passed any/anonymous"},
	{"bound to none, IPv6", "ip6 dst=2001:db8::80/tcp dport=8080", 1, "pass passed any/anonymous"},
	{"another port at a bound address", "ip4/tcp dport=80", 1, "pass passed web/anonymous"},
	{"bound, over its limit", "ip4/tcp dport=8080", 3, "drop limited host/anonymous"},

	/* fragments */
	{"first fragment", "ip4 mf/tcp/data n=20", 1, "pass passed web/anonymous"},
	{"first fragment, IPv6", "ip6/frag mf/tcp/data n=20", 1, "pass passed web/anonymous"},
	{"later fragment", "ip4 off=5/tcp", 1, "pass passed other/anonymous"},
	{"later fragment, more to come", "ip4 off=5 mf/udp/data n=8", 1, "pass passed other/anonymous"},
	{"later fragment, over the limit", "ip4 off=5/tcp", 3, "drop limited other/anonymous"},
	{"later fragment, IPv6", "ip6/frag off=5/tcp", 1, "pass passed other/anonymous"},
	{"later fragment, IPv6, over the limit", "ip6/frag off=5 mf/udp/data n=8", 3, "drop limited other/anonymous"},
	{"later fragment of ICMP", "ip4 off=5/icmp", 3, "drop limited other/anonymous"},
	{"later fragment of one byte", "ip4 off=5/proto n=6/data n=1", 1, "pass passed other/anonymous"},
	{"atomic fragment", "ip6/frag/udp", 1, "pass passed dns/anonymous"},
	{"first fragment too small for its header", "ip4 mf/proto n=6/data n=8", 1, "drop bad_transport other/anonymous"},
	{"first fragment too small, the header in the padding", "ip4 len=28 mf/tcp flags=A", 1, "drop bad_transport other/anonymous"},
	{"the same, IPv6", "ip6 len=16/frag mf/tcp flags=A", 1, "drop bad_transport other/anonymous"},
	{"a denied source's later fragment", "ip4 src=192.0.2.66 off=5/udp", 1, "drop denied other/anonymous"},

	/* tags, options, extension headers: the same verdict */
	{"one tag", "vlan/ip4/tcp", 3, "drop limited web/anonymous"},
	{"two tags", "vlan/vlan/ip4/tcp", 3, "drop limited web/anonymous"},
	{"three tags", "vlan/vlan/vlan/ip4/tcp", 3, "drop limited web/anonymous"},
	{"QinQ", "qinq/vlan/ip4/tcp", 3, "drop limited web/anonymous"},
	{"QinQ, IPv6", "qinq/vlan/ip6/udp", 3, "drop limited dns/anonymous"},
	{"three tags, IPv6", "qinq/qinq/vlan/ip6/tcp", 3, "drop limited web/anonymous"},
	{"four tags", "vlan/vlan/vlan/vlan/ip4/tcp", 1, "drop bad_vlan_depth other/anonymous"},
	{"four tags, from a friend", "vlan/vlan/vlan/vlan/ip4 src=10.0.0.1/tcp", 1, "drop bad_vlan_depth other/anonymous"},
	{"4 bytes of options", "ip4 opt=4/tcp", 3, "drop limited web/anonymous"},
	{"40 bytes of options", "ip4 opt=40/tcp", 3, "drop limited web/anonymous"},
	{"options and tags", "vlan/vlan/ip4 opt=20/udp", 3, "drop limited dns/anonymous"},
	{"hop-by-hop", "ip6/hop/tcp", 3, "drop limited web/anonymous"},
	{"routing", "ip6/route/tcp", 3, "drop limited web/anonymous"},
	{"destination options", "ip6/dest/udp", 3, "drop limited dns/anonymous"},
	{"authentication", "ip6/ah len=4/tcp", 3, "drop limited web/anonymous"},
	{"all five", "ip6/hop/dest/route/frag/ah len=4/dest/tcp", 3, "drop limited web/anonymous"},
	{"8 extension headers", "ip6/hop/dest/dest/dest/dest/dest/dest/dest/tcp", 3, "drop limited web/anonymous"},
	{"8 extension headers and 3 tags", "vlan/vlan/vlan/ip6/hop/dest/dest/dest/dest/dest/dest/dest/tcp", 3, "drop limited web/anonymous"},
	{"9 extension headers", "ip6/hop/dest/dest/dest/dest/dest/dest/dest/dest/tcp", 1, "drop bad_ext_depth other/anonymous"},
	{"9, the last a fragment header", "ip6/hop/dest/dest/dest/dest/dest/dest/dest/frag off=1/tcp", 1, "drop bad_ext_depth other/anonymous"},
	{"8 long ones", "ip6/hop len=5/dest len=5/dest len=5/dest len=5/dest len=5/dest len=5/dest len=5/dest len=5/tcp", 3, "drop limited web/anonymous"},
	{"a very long one", "ip6/hop len=255/tcp", 3, "drop limited web/anonymous"},
	{"ICMPv6 behind a header", "ip6/dest/icmp6", 2, "pass passed ping/anonymous, observed limited"},
	{"ESP behind a header", "ip6/dest/proto n=50/data n=8", 3, "drop limited vpn/anonymous"},
	{"padding", "ip4/tcp | pad=60", 3, "drop limited web/anonymous"},
	{"padding, IPv6", "ip6/udp | pad=100", 3, "drop limited dns/anonymous"},
	{"TCP options", "ip4/tcp doff=15", 3, "drop limited web/anonymous"},

	/* clients */
	{"client of a /128", "ip6/udp dport=9", 3, "drop limited tiny/anonymous"},

	/* control */
	{"ARP", "arp", 9, "pass control other/anonymous"},
	{"ARP, tagged", "vlan/arp", 9, "pass control other/anonymous"},
	{"LLDP", "ether type=0x88cc", 9, "pass control other/anonymous"},
	{"neighbour solicitation", "ip6 ttl=255/icmp6 type=135", 9, "pass control other/anonymous"},
	{"neighbour advertisement", "ip6 ttl=255/icmp6 type=136", 9, "pass control other/anonymous"},
	{"router advertisement, tagged", "vlan/ip6 ttl=255/icmp6 type=134", 9, "pass control other/anonymous"},
	{"neighbour solicitation of a denied one", "ip6 src=2001:db8:bad::7 ttl=255/icmp6 type=135", 9, "pass control other/anonymous"},
	{"neighbour solicitation that was routed", "ip6 ttl=64/icmp6 type=135", 2, "pass passed ping/anonymous, observed limited"},
	{"MLD", "ip6 src=fe80::1 dst=ff02::16 ttl=1/hop/icmp6 type=143", 9, "pass control other/anonymous"},
	{"MLD from far away", "ip6 dst=ff02::16 ttl=1/hop/icmp6 type=143", 2, "pass passed ping/anonymous, observed limited"},
	{"IGMP", "ip4 dst=224.0.0.22 ttl=1 opt=4/igmp", 9, "pass control other/anonymous"},
	{"IGMP from far away", "ip4 ttl=1/igmp", 3, "drop limited other/anonymous"},

	/* malformed */
	{"IPv4 header too short", "ip4 ihl=4/tcp", 1, "drop bad_ipv4 other/anonymous"},
	{"IPv4 header longer than the packet", "ip4 ihl=15 len=40/tcp", 1, "drop bad_ipv4 other/anonymous"},
	{"IPv4 of another version", "ip4 ver=5/tcp", 1, "drop bad_ipv4 other/anonymous"},
	{"IPv4 longer than the frame", "ip4 len=1000/tcp", 1, "drop bad_ipv4 other/anonymous"},
	{"IPv4 of length 0", "ip4 len=0/tcp", 1, "drop bad_ipv4 other/anonymous"},
	{"IPv6 of another version", "ip6 ver=4/tcp", 1, "drop bad_ipv6 other/anonymous"},
	{"IPv6 longer than the frame", "ip6 len=1000/tcp", 1, "drop bad_ipv6 other/anonymous"},
	{"IPv6 from an IPv4 address", "ip6 src=::ffff:10.0.0.1/tcp", 1, "drop bad_ipv6 other/anonymous"},
	{"extension header longer than the packet", "ip6 len=16/hop len=9/proto n=47/data n=4 | cut=70", 1, "drop bad_ipv6 other/anonymous"},
	{"half a TCP header", "ip4/proto n=6/data n=10", 1, "drop bad_transport other/anonymous"},
	{"half a UDP header", "ip6/proto n=17/data n=4", 1, "drop bad_transport other/anonymous"},
	{"half an ICMP header", "ip4/proto n=1/data n=4", 1, "drop bad_transport other/anonymous"},
	{"half an ICMPv6 header", "ip6/proto n=58/data n=3", 1, "drop bad_transport other/anonymous"},
	{"TCP header of 16 bytes", "ip4/tcp doff=4", 1, "drop bad_transport other/anonymous"},
	{"half a tag", "vlan/ip4/tcp | cut=16", 1, "drop bad_ethernet other/anonymous"},
	{"nothing but Ethernet", "ip4/tcp | cut=14", 1, "drop bad_ipv4 other/anonymous"},
	{"a byte of IPv6", "vlan/ip6/tcp | cut=19", 1, "drop bad_ipv6 other/anonymous"},
};
/* clang-format on */

static void every_packet_has_its_verdict(void **state)
{
	struct lab *lab = *state;
	int wrong = 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct frame frame;

		assert_int_equal(frame_build(&frame, "%s", cases[i].frame), 0);
		for (int p = 0; p < LAB_PROGRAMS; p++) {
			struct lab_outcome outcome;
			const char *got;

			if (!lab_takes(p, &frame))
				continue;
			lab_forget(lab);
			if (cases[i].times > 1)
				lab_run(lab, p, &frame, 1);
			for (int n = 2; n < cases[i].times; n++)
				lab_run(lab, p, &frame, 1);
			outcome = lab_send(lab, p, &frame);
			got = lab_describe(&outcome);
			if (!strcmp(got, cases[i].expected) && outcome.bytes == frame.size)
				continue;
			printf("# %s: %s: %s, %u bytes, expected %s\n", lab_program_names[p],
			       cases[i].what, got, (unsigned int)outcome.bytes, cases[i].expected);
			wrong++;
		}
	}
	printf("# %zu packets through both programs\n", COUNT(cases));
	assert_int_equal(wrong, 0);
}

static const char *sent(struct lab *lab, const char *text)
{
	static char line[160];
	struct lab_outcome outcome;
	struct frame frame;

	assert_int_equal(frame_build(&frame, "%s", text), 0);
	outcome = lab_send(lab, LAB_XDP, &frame);
	strcpy(line, lab_describe(&outcome));
	return line;
}

/* What is not answered leaves as it came. */
static void what_passes_is_not_changed(void **state)
{
	struct lab *lab = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct frame frame;

		assert_int_equal(frame_build(&frame, "%s", cases[i].frame), 0);
		for (int p = 0; p < LAB_PROGRAMS; p++) {
			struct lab_outcome outcome;

			if (!lab_takes(p, &frame))
				continue;
			lab_forget(lab);
			outcome = lab_send(lab, p, &frame);
			assert_int_not_equal(outcome.action, WEIR_ACTION_REJECT);
			assert_int_equal(outcome.out.size, frame.size);
			assert_memory_equal(outcome.out.at, frame.at, frame.size);
		}
	}
}

/* How much of an address makes a client, for each service */
static void neighbours_within_a_client_prefix_are_one_client(void **state)
{
	/* clang-format off */
	static const struct {
		const char *service, *one, *neighbour, *beyond;
	} clients[] = {
		{"{ipv4: 32}", "ip4 src=192.0.2.4/udp", NULL, "ip4 src=192.0.2.5/udp"},
		{"{ipv4: 24}", "ip4 src=192.0.2.4/udp", "vlan/ip4 src=192.0.2.255/udp", "ip4 src=192.0.3.4/udp"},
		{"{ipv4: 27}", "ip4 src=192.0.2.4/udp", "ip4 src=192.0.2.31/udp", "ip4 src=192.0.2.32/udp"},
		{"{ipv4: 8}", "ip4 src=192.0.2.4/udp", "ip4 src=192.255.255.255/udp", "ip4 src=193.0.2.4/udp"},
		{"{ipv6: 128}", "ip6 src=2001:db8::1/udp", NULL, "ip6 src=2001:db8::2/udp"},
		{"{ipv6: 64}", "ip6 src=2001:db8::1/udp", "ip6 src=2001:db8::ffff:ffff:ffff:ffff/udp", "ip6 src=2001:db8:0:1::1/udp"},
		{"{ipv6: 56}", "ip6 src=2001:db8::1/udp", "ip6 src=2001:db8:0:ff::1/udp", "ip6 src=2001:db8:0:100::1/udp"},
		{"{ipv6: 48}", "ip6 src=2001:db8::1/udp", "ip6 src=2001:db8:0:ffff::1/udp", "ip6 src=2001:db8:1::1/udp"},
		{"{ipv6: 77}", "ip6 src=2001:db8::1/udp", "ip6 src=2001:db8::7:ffff:ffff:ffff/udp", "ip6 src=2001:db8::8:0:0:1/udp"},
	};
	/* clang-format on */
	struct lab *lab = *state;

	for (size_t i = 0; i < COUNT(clients); i++) {
		const char *neighbour = clients[i].neighbour ? clients[i].neighbour
							     : clients[i].one;
		char yaml[200];

		snprintf(
			yaml, sizeof(yaml),
			"services: [{name: other, client_prefix: %s, limits: {default: [2/day packets]}}]\n",
			clients[i].service);
		lab_apply(lab, yaml);
		lab_forget(lab);
		assert_string_equal(sent(lab, clients[i].one), "pass passed other/default");
		assert_string_equal(sent(lab, neighbour), "pass passed other/default");
		assert_string_equal(sent(lab, clients[i].one), "drop limited other/default");
		assert_string_equal(sent(lab, clients[i].beyond), "pass passed other/default");
	}
	lab_apply(lab, config);
}

/* ------------------------------------------------------------------------------------- truncation */

static void cut_at_every_byte_a_packet_is_dropped_as_malformed(void **state)
{
	static const char *const frames[] = {
		"ip4/tcp",
		"vlan/ip4 opt=40/udp",
		"vlan/vlan/vlan/ip4/icmp",
		"ip6/tcp",
		"ip6/icmp6",
		"ip6/hop/dest len=2/route/frag/ah len=2/dest/tcp",
		"qinq/vlan/ip6/frag off=3/udp",
		"ip4 src=10.0.0.1/tcp dport=22",
		"ip4/proto n=47/data n=8",
	};
	struct lab *lab = *state;
	unsigned int cuts = 0;

	for (size_t i = 0; i < COUNT(frames); i++) {
		struct frame frame;
		size_t whole;

		assert_int_equal(frame_build(&frame, "%s", frames[i]), 0);
		whole = frame.size;
		for (frame.size = 14; frame.size < whole; frame.size++, cuts++) {
			for (int p = 0; p < LAB_PROGRAMS; p++) {
				struct lab_outcome outcome;

				if (!lab_takes(p, &frame))
					continue;
				outcome = lab_send(lab, p, &frame);
				if (outcome.action != WEIR_ACTION_DROP ||
				    outcome.verdict < WEIR_BAD_ETHERNET ||
				    outcome.verdict > WEIR_BAD_TRANSPORT)
					fail_msg("%s: %s cut at %zu: %s", lab_program_names[p],
						 frames[i], frame.size, lab_describe(&outcome));
			}
		}
	}
	printf("# %u truncations through both programs\n", cuts);
}

/* ----------------------------------------------------------------------------------- small spaces */

static int expected_action(int program, bool pass)
{
	return program == LAB_XDP ? (pass ? 2 : 1) : (pass ? -1 : 2);
}

static void every_ethertype_passes_but_broken_ip(void **state)
{
	struct lab *lab = *state;
	uint64_t before[2] = {lab_count(lab, WEIR_CONTROL), lab_count(lab, WEIR_PASSED)};
	struct frame frame;

	assert_int_equal(frame_build(&frame, "ether"), 0);
	for (int p = 0; p < LAB_PROGRAMS; p++) {
		for (unsigned int type = 0; type < 65536; type++) {
			bool ip = type == 0x0800 || type == 0x86dd;

			frame.at[12] = (uint8_t)(type >> 8);
			frame.at[13] = (uint8_t)type;
			if (lab_run(lab, p, &frame, 1) != expected_action(p, !ip))
				fail_msg("ethertype 0x%04x", type);
		}
	}
	assert_int_equal(lab_count(lab, WEIR_CONTROL) - before[0], 2 * (65536 - 2));
	assert_int_equal(lab_count(lab, WEIR_PASSED) - before[1], 0);
}

static const char *service_of_port(bool tcp, unsigned int port)
{
	if (port == 53)
		return "dns";
	if (!tcp)
		return port == 123		      ? ""
		       : port == 9		      ? "tiny"
		       : port == 11		      ? "crowd"
		       : port >= 5000 && port <= 5999 ? "game"
						      : "other";
	if (port == 80 || port == 443 || (port >= 8000 && port <= 8009))
		return "web";
	return port == 22     ? ""
	       : port == 993  ? "ssl"
	       : port == 8080 ? "host"
	       : port == 20   ? "volume"
	       : port == 21   ? "both"
			      : "other";
}

/* From an unlimited source, so that the service shows and nothing else */
static void every_port_belongs_to_its_service(void **state)
{
	static const char *const frames[] = {"ip4 src=10.0.0.1/tcp", "ip4 src=10.0.0.1/udp",
					     "vlan/ip6 src=2001:db8:a::1/hop/tcp",
					     "ip6 src=2001:db8:a::1/udp"};
	static const char *const services[] = {"web",  "dns",	 "ssl",	 "game",  "host",
					       "tiny", "volume", "both", "crowd", "other"};
	struct lab *lab = *state;

	for (size_t i = 0; i < COUNT(frames); i++) {
		uint64_t expected[COUNT(services)] = {}, guarded = 0;
		uint64_t before[COUNT(services)], protected = lab_count(lab, WEIR_PROTECTED);
		bool tcp = i % 2 == 0;
		struct frame frame;

		assert_int_equal(frame_build(&frame, "%s", frames[i]), 0);
		for (size_t s = 0; s < COUNT(services); s++)
			before[s] = lab_count_of(lab, services[s], "admin", WEIR_UNLIMITED);
		for (unsigned int port = 0; port < 65536; port++) {
			const char *service = service_of_port(tcp, port);

			frame.at[frame.l4 + 2] = (uint8_t)(port >> 8);
			frame.at[frame.l4 + 3] = (uint8_t)port;
			for (int p = 0; p < LAB_PROGRAMS; p++)
				assert_int_equal(lab_run(lab, p, &frame, 1),
						 expected_action(p, true));
			guarded += service[0] ? 0 : 2;
			for (size_t s = 0; s < COUNT(services); s++)
				expected[s] += strcmp(service, services[s]) ? 0 : 2;
		}
		assert_int_equal(lab_count(lab, WEIR_PROTECTED) - protected, guarded);
		for (size_t s = 0; s < COUNT(services); s++)
			assert_int_equal(lab_count_of(lab, services[s], "admin", WEIR_UNLIMITED) -
						 before[s],
					 expected[s]);
	}
}

static void every_protocol_belongs_to_its_service(void **state)
{
	struct lab *lab = *state;

	for (unsigned int protocol = 0; protocol < 256; protocol++) {
		const char *service = protocol == 1 || protocol == 58 ? "ping"
				      : protocol == 47 || protocol == 50 || protocol == 132
					      ? "vpn"
					      : "other";
		char expected[100];
		struct frame frame;

		if (protocol == 6 || protocol == 17)
			continue;
		snprintf(expected, sizeof(expected), "pass %s %s/anonymous",
			 protocol == 89 ? "protected" : "passed", service);
		assert_int_equal(frame_build(&frame, "ip4/proto n=%u/data n=40", protocol), 0);
		for (int p = 0; p < LAB_PROGRAMS; p++) {
			struct lab_outcome outcome;

			lab_forget(lab);
			outcome = lab_send(lab, p, &frame);
			assert_string_equal(lab_describe(&outcome), expected);
		}
	}
}

/* -------------------------------------------------------------------------------------- properties */

/* The same packet, dressed: with tags, options and headers, through both programs, it fares the same. */
static void the_same_packet_has_the_same_verdict_however_it_is_dressed(void **state)
{
	static const char *const tags[] = {"", "vlan/", "qinq/vlan/", "vlan/vlan/vlan/"};
	static const char *const headers[] = {"hop", "route", "dest", "ah len=4", "frag"};
	static const char *const payloads[] = {"tcp dport=80",	       "tcp dport=443 flags=A",
					       "udp dport=53",	       "udp dport=5555",
					       "tcp dport=22",	       "tcp dport=8080",
					       "proto n=47/data n=20", "tcp dport=9999"};
	static const char *const sources[2][5] = {
		{"192.0.2.1", "192.0.2.66", "203.0.113.130", "10.1.1.1", "192.0.2.77"},
		{"2001:db8::1", "2001:db8:bad::1", "2001:db8:7:1::1", "2001:db8:a::1",
		 "2001:db8:bad:900d::1"},
	};
	struct random random = random_begin();
	struct lab *lab = *state;

	for (int round = 0; round < 1500; round++) {
		const char *payload = payloads[random_below(&random, COUNT(payloads))];
		bool ipv6 = random_below(&random, 2);
		const char *source = sources[ipv6][random_below(&random, 5)];
		unsigned int times = 1 + (unsigned int)random_below(&random, 8);
		char plain[160], first[160], text[500] = "";
		struct lab_outcome outcome;
		struct frame frame;

		snprintf(plain, sizeof(plain), "%s src=%s/%s", ipv6 ? "ip6" : "ip4", source,
			 payload);
		assert_int_equal(frame_build(&frame, "%s", plain), 0);
		lab_forget(lab);
		for (unsigned int i = 1; i < times; i++)
			lab_run(lab, LAB_XDP, &frame, 1);
		outcome = lab_send(lab, LAB_XDP, &frame);
		strcpy(first, lab_describe(&outcome));

		strcat(text, tags[random_below(&random, 4)]);
		sprintf(text + strlen(text), "%s src=%s", ipv6 ? "ip6" : "ip4", source);
		if (ipv6)
			for (u64 more = random_below(&random, 9); more; more--)
				sprintf(text + strlen(text), "/%s",
					headers[random_below(&random, 5)]);
		else
			sprintf(text + strlen(text), " opt=%u",
				4 * (unsigned int)random_below(&random, 11));
		sprintf(text + strlen(text), "/%s", payload);
		assert_int_equal(frame_build(&frame, "%s", text), 0);
		lab_forget(lab);
		for (unsigned int i = 1; i < times; i++)
			lab_run(lab, (int)random_below(&random, 2), &frame, 1);
		outcome = lab_send(lab, (int)random_below(&random, 2), &frame);
		if (strcmp(first, lab_describe(&outcome)))
			fail_msg("%s: %s; %s: %s", plain, first, text, lab_describe(&outcome));
	}
}

/* ------------------------------------------------------------------------------------------- whole */

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

static int forget(void **state)
{
	lab_forget(*state);
	return 0;
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test_setup(every_packet_has_its_verdict, forget),
		cmocka_unit_test_setup(what_passes_is_not_changed, forget),
		cmocka_unit_test_setup(neighbours_within_a_client_prefix_are_one_client, forget),
		cmocka_unit_test_setup(cut_at_every_byte_a_packet_is_dropped_as_malformed, forget),
		cmocka_unit_test_setup(every_ethertype_passes_but_broken_ip, forget),
		cmocka_unit_test_setup(every_port_belongs_to_its_service, forget),
		cmocka_unit_test_setup(every_protocol_belongs_to_its_service, forget),
		cmocka_unit_test_setup(the_same_packet_has_the_same_verdict_however_it_is_dressed,
				       forget),
	};

	return cmocka_run_group_tests(list, open_lab, close_lab);
}

static int print_frames(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct frame frame;

		if (frame_build(&frame, "%s", cases[i].frame))
			return 1;
		printf("%s\t", cases[i].frame);
		for (size_t byte = 0; byte < frame.size; byte++)
			printf("%02x", frame.at[byte]);
		printf("\n");
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "frames"))
		return print_frames();
	return lab_main(tests);
}
