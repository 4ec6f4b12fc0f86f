/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parser: what it makes of crafted frames (text as in tests/lib/frame.h), and that tags, options and
 * extension headers change nothing. Every frame is parsed from a heap buffer of its exact size, so that the
 * address sanitizer sees a single byte read too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/core/packet.h"
#include "tests/lib/frame.h"
#include "tests/lib/random.h"

static const char *const verdict_names[] = {
#define X(name, action, label, help) label,
	WEIR_VERDICTS(X)
#undef X
};

/* As the programs do it: parse, then hold against the IP header's length */
static enum weir_verdict parse(const u8 *at, size_t size, struct weir_packet *packet)
{
	u8 *exact = malloc(size ? size : 1);
	enum weir_verdict verdict;

	assert_non_null(exact);
	memcpy(exact, at, size);
	memset(packet, 0, sizeof(*packet));
	verdict = weir_parse(exact, exact + size, packet);
	free(exact);
	return packet->length > size ? weir_cut_short(packet) : verdict;
}

static enum weir_verdict parse_frame(const struct frame *frame, struct weir_packet *packet)
{
	return parse(frame->at, frame->size, packet);
}

/* What a packet is to the limiter, as a line: "passed 6 40000>80 syn" */
static const char *describe(enum weir_verdict verdict, const struct weir_packet *packet)
{
	static char line[80];

	if (verdict != WEIR_PASSED)
		return verdict_names[verdict];
	snprintf(line, sizeof(line), "passed %u", packet->protocol);
	if (packet->sport || packet->dport)
		snprintf(line + strlen(line), 20, " %u>%u", packet->sport, packet->dport);
	if (packet->syn)
		strcat(line, " syn");
	if (packet->fragment)
		strcat(line, packet->later_fragment ? " later" : " first");
	return line;
}

struct spec {
	const char *what;
	const char *frame;
	const char *expected;
};

static void assert_specs(const struct spec *spec, size_t count)
{
	struct weir_packet packet;
	struct frame frame;
	int wrong = 0;

	for (size_t i = 0; i < count; i++) {
		const char *got;

		assert_int_equal(frame_build(&frame, "%s", spec[i].frame), 0);
		got = describe(parse_frame(&frame, &packet), &packet);
		if (strcmp(got, spec[i].expected)) {
			printf("# %s: %s, expected %s\n", spec[i].what, got, spec[i].expected);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */
static void frames_are_taken_for_what_they_are(void **state)
{
	static const struct spec specs[] = {
		{"TCP SYN", "ip4/tcp", "passed 6 40000>80 syn"},
		{"TCP SYN over IPv6", "ip6/tcp", "passed 6 40000>80 syn"},
		{"TCP SYN with ECN set up", "ip4/tcp flags=S", "passed 6 40000>80 syn"},
		{"TCP SYN-ACK is no connection of the sender's", "ip4/tcp flags=SA", "passed 6 40000>80"},
		{"TCP ACK", "ip4/tcp flags=A", "passed 6 40000>80"},
		{"TCP RST", "ip4/tcp flags=R", "passed 6 40000>80"},
		{"TCP SYN and FIN is still a SYN", "ip4/tcp flags=SF", "passed 6 40000>80 syn"},
		{"TCP SYN and RST too", "ip4/tcp flags=SR", "passed 6 40000>80 syn"},
		{"TCP without flags", "ip4/tcp flags=", "passed 6 40000>80"},
		{"TCP with 40 bytes of options", "ip4/tcp doff=15", "passed 6 40000>80 syn"},
		{"TCP with data", "ip4/tcp flags=PA/data n=1000", "passed 6 40000>80"},
		{"TCP to port 0", "ip4/tcp sport=0 dport=0", "passed 6 syn"},
		{"UDP", "ip4/udp", "passed 17 40000>53"},
		{"UDP over IPv6", "ip6/udp", "passed 17 40000>53"},
		{"UDP without payload", "ip4/udp/data n=0", "passed 17 40000>53"},
		{"ICMP echo", "ip4/icmp", "passed 1"},
		{"ICMPv6 echo", "ip6/icmp6", "passed 58"},
		{"ICMP over IPv6, which nobody sends", "ip6/icmp", "passed 1"},
		{"ICMPv6 over IPv4, which nobody sends", "ip4/icmp6 type=135", "passed 58"},
		{"SCTP", "ip4/proto n=132/data n=12", "passed 132"},
		{"SCTP over IPv6", "ip6/proto n=132/data n=12", "passed 132"},
		{"GRE", "ip4/proto n=47/data n=4", "passed 47"},
		{"ESP", "ip4/proto n=50/data n=8", "passed 50"},
		{"ESP over IPv6", "ip6/proto n=50/data n=8", "passed 50"},
		{"AH over IPv4 is not looked into", "ip4/proto n=51/data n=24", "passed 51"},
		{"IP in IP is not looked into", "ip4/proto n=4/data n=40", "passed 4"},
		{"IPv6 without next header", "ip6", "passed 59"},
		{"IPv4 without payload", "ip4/proto n=253", "passed 253"},
		{"ARP", "arp", "control"},
		{"LLDP", "ether type=0x88cc", "control"},
		{"802.3 with a length for a type", "ether type=46", "control"},
		{"MPLS", "ether type=0x8847", "control"},
		{"old QinQ type, which Linux does not take for a tag", "ether type=0x9100", "control"},
		{"tagged ARP", "vlan/arp", "control"},
		{"padded to the least an Ethernet frame has", "ip4/tcp | pad=60", "passed 6 40000>80 syn"},
		{"padded, IPv6", "ip6/udp | pad=70", "passed 17 40000>53"},
	};

	(void)state;
	assert_specs(specs, COUNT(specs));
}

static void tags_up_to_three_are_stepped_over(void **state)
{
	static const struct spec specs[] = {
		{"one tag", "vlan/ip4/tcp", "passed 6 40000>80 syn"},
		{"two tags", "vlan/vlan/ip4/tcp", "passed 6 40000>80 syn"},
		{"QinQ", "qinq/vlan/ip4/tcp", "passed 6 40000>80 syn"},
		{"QinQ in QinQ", "qinq/qinq/vlan/ip6/udp", "passed 17 40000>53"},
		{"three tags", "vlan/vlan/vlan/ip4/tcp", "passed 6 40000>80 syn"},
		{"tags the wrong way round", "vlan/qinq/ip6/tcp", "passed 6 40000>80 syn"},
		{"priority tag", "vlan id=0/ip4/tcp", "passed 6 40000>80 syn"},
		{"four tags", "vlan/vlan/vlan/vlan/ip4/tcp", "bad_vlan_depth"},
		{"four tags, two kinds", "qinq/vlan/qinq/vlan/ip6/tcp", "bad_vlan_depth"},
		{"four tags before ARP", "vlan/vlan/vlan/vlan/arp", "bad_vlan_depth"},
		{"three tags before something else", "vlan/vlan/vlan/ether", "control"},
		{"a tag and nothing behind it", "vlan", "control"},
	};

	(void)state;
	assert_specs(specs, COUNT(specs));
}

static void extension_headers_up_to_eight_are_stepped_over(void **state)
{
	static const struct spec specs[] = {
		{"hop-by-hop", "ip6/hop/tcp", "passed 6 40000>80 syn"},
		{"routing", "ip6/route/tcp", "passed 6 40000>80 syn"},
		{"destination options", "ip6/dest/udp", "passed 17 40000>53"},
		{"authentication", "ip6/ah len=4/tcp", "passed 6 40000>80 syn"},
		{"authentication counts in fours", "ip6/ah len=5/udp", "passed 17 40000>53"},
		{"in the recommended order", "ip6/hop/dest/route/frag/ah len=4/dest/tcp", "passed 6 40000>80 syn"},
		{"eight", "ip6/hop/dest/dest/dest/dest/dest/dest/dest/tcp", "passed 6 40000>80 syn"},
		{"eight, the last a fragment header", "ip6/hop/hop/hop/hop/hop/hop/hop/frag off=9/tcp", "passed 6 later"},
		{"nine", "ip6/hop/dest/dest/dest/dest/dest/dest/dest/dest/tcp", "bad_ext_depth"},
		{"nine of which the last is a fragment header", "ip6/hop/hop/hop/hop/hop/hop/hop/hop/frag off=9/tcp", "bad_ext_depth"},
		{"the longest there is", "ip6/hop len=255/tcp", "passed 6 40000>80 syn"},
		{"long ones", "ip6/hop len=40/route len=30/dest len=20/tcp", "passed 6 40000>80 syn"},
		{"nothing behind it", "ip6/hop", "passed 59"},
		{"one that says it is longer than the packet", "ip6 len=16/hop len=9/tcp | cut=70", "bad_ipv6"},
		{"one that says it is longer, with no port to miss", "ip6 len=16/hop len=9/proto n=47/data n=4 | cut=70", "bad_ipv6"},
		{"mobility is not stepped over: a protocol", "ip6/proto n=135/data n=8", "passed 135"},
	};

	(void)state;
	assert_specs(specs, COUNT(specs));
}

static void fragments_are_told_from_whole_packets(void **state)
{
	static const struct spec specs[] = {
		{"first, IPv4", "ip4 mf/tcp/data n=20", "passed 6 40000>80 syn first"},
		{"middle, IPv4", "ip4 off=5 mf/udp/data n=40", "passed 17 later"},
		{"last, IPv4", "ip4 off=5/udp/data n=40", "passed 17 later"},
		{"at the largest offset, IPv4", "ip4 off=8191/udp", "passed 17 later"},
		{"not to be fragmented is not a fragment", "ip4 df/udp", "passed 17 40000>53"},
		{"first, IPv6", "ip6/frag mf/tcp/data n=20", "passed 6 40000>80 syn first"},
		{"middle, IPv6", "ip6/frag off=5 mf/udp/data n=40", "passed 17 later"},
		{"last, IPv6", "ip6/frag off=5/udp/data n=40", "passed 17 later"},
		{"atomic, IPv6 (RFC 6946)", "ip6/frag/udp", "passed 17 40000>53"},
		{"first, then more headers", "ip6/frag mf/dest/udp/data n=8", "passed 17 40000>53 first"},
		{"later ones are not looked into", "ip6/frag off=5/dest/udp", "passed 60 later"},
		{"later, of one byte", "ip4 off=100/proto n=6/data n=1", "passed 6 later"},
		{"first, without the whole TCP header", "ip4 mf/proto n=6/data n=16", "bad_transport"},
		{"the same, IPv6", "ip6/frag mf/proto n=6/data n=16", "bad_transport"},
		{"first, without the whole UDP header", "ip4 mf/proto n=17/data n=7", "bad_transport"},
	};

	(void)state;
	assert_specs(specs, COUNT(specs));
}

/*
 * What stands behind the end of the IP packet is not part of it: a sender could show the limiter one
 * TCP header there and let the stack put another together from fragments.
 */
static void padding_is_not_taken_for_a_header(void **state)
{
	static const struct spec specs[] = {
		{"first fragment of 8 bytes, an ACK in the padding", "ip4 len=28 mf/tcp flags=A", "bad_transport"},
		{"the same, IPv6", "ip6 len=16/frag mf/tcp flags=A", "bad_transport"},
		{"no TCP at all but padding", "ip4 len=20/tcp", "bad_transport"},
		{"no TCP at all but padding, IPv6", "ip6 len=8/dest/tcp", "bad_transport"},
		{"a TCP header one byte short", "ip4 len=39/tcp", "bad_transport"},
		{"UDP in the padding", "ip4 len=20/udp", "bad_transport"},
		{"UDP one byte short, IPv6", "ip6 len=7/udp", "bad_transport"},
		{"ICMP in the padding", "ip4 len=24/icmp", "bad_transport"},
		{"ICMPv6 in the padding", "ip6 len=3/icmp6", "bad_transport"},
		{"neighbour solicitation in the padding", "ip6 ttl=255 len=8/dest/icmp6 type=135", "bad_transport"},
		{"an extension header that ends in the padding", "ip6 len=8/hop len=1/proto n=47/data n=8", "bad_ipv6"},
		{"an extension header in the padding", "ip6 len=4/hop/proto n=47/data n=8", "bad_ipv6"},
		{"a jumbogram has no length (RFC 2675): what is there counts", "ip6 len=0/hop/tcp", "passed 6 40000>80 syn"},
		{"nor has one that the stack merged", "ip6 len=0/tcp", "passed 6 40000>80 syn"},
	};

	(void)state;
	assert_specs(specs, COUNT(specs));
}

static void malformed_packets_have_verdicts_of_their_own(void **state)
{
	static const struct spec specs[] = {
		{"IPv4 header length 4", "ip4 ihl=4/tcp", "bad_ipv4"},
		{"IPv4 header length 0", "ip4 ihl=0/tcp", "bad_ipv4"},
		{"IPv4 header longer than the packet", "ip4 ihl=15 len=40/tcp", "bad_ipv4"},
		{"IPv4 of version 6", "ip4 ver=6/tcp", "bad_ipv4"},
		{"IPv4 of version 0", "ip4 ver=0/tcp", "bad_ipv4"},
		{"IPv6 of version 4", "ip6 ver=4/tcp", "bad_ipv6"},
		{"total length below the header's", "ip4 len=19/tcp", "bad_ipv4"},
		{"total length beyond the frame", "ip4 len=41/tcp", "bad_ipv4"},
		{"total length 65535", "ip4 len=65535/tcp", "bad_ipv4"},
		{"total length 0: over 64 KiB, which this is not", "ip4 len=0/tcp", "bad_ipv4"},
		{"payload length beyond the frame", "ip6 len=21/tcp", "bad_ipv6"},
		{"payload length 65535", "ip6 len=65535/tcp", "bad_ipv6"},
		{"TCP data offset 4", "ip4/tcp doff=4", "bad_transport"},
		{"TCP data offset 0", "ip6/tcp doff=0", "bad_transport"},
		{"an IPv4 address in an IPv6 source", "ip6 src=::ffff:192.0.2.1/tcp", "bad_ipv6"},
		{"the Ethernet header alone", "ether type=0x0800 | cut=14", "bad_ipv4"},
		{"the Ethernet header alone, IPv6", "ether type=0x86dd | cut=14", "bad_ipv6"},
		{"the Ethernet header alone, tagged", "ether type=0x8100 | cut=14", "bad_ethernet"},
		{"half a tag", "vlan/ip4/tcp | cut=16", "bad_ethernet"},
		{"half an Ethernet header", "ip4/tcp | cut=7", "bad_ethernet"},
		{"nothing", "ip4/tcp | cut=0", "bad_ethernet"},
	};

	(void)state;
	assert_specs(specs, COUNT(specs));
}

/* What keeps the link alive passes, if it can not have come from beyond it. */
static void neighbour_discovery_mld_and_igmp_are_control(void **state)
{
	static const struct spec specs[] = {
		{"router solicitation", "ip6 ttl=255/icmp6 type=133", "control"},
		{"router advertisement", "ip6 ttl=255/icmp6 type=134", "control"},
		{"neighbour solicitation", "ip6 ttl=255/icmp6 type=135", "control"},
		{"neighbour advertisement", "ip6 ttl=255/icmp6 type=136", "control"},
		{"redirect", "ip6 ttl=255/icmp6 type=137", "control"},
		{"tagged", "vlan/vlan/ip6 ttl=255/icmp6 type=135", "control"},
		{"behind an extension header", "ip6 ttl=255/dest/icmp6 type=135", "control"},
		{"neighbour solicitation that was routed", "ip6 ttl=254/icmp6 type=135", "passed 58"},
		{"neighbour solicitation in a fragment (RFC 6980)", "ip6 ttl=255/frag mf/icmp6 type=135", "passed 58 first"},
		{"type 132 is not neighbour discovery", "ip6 ttl=255/icmp6 type=132", "passed 58"},
		{"nor is 138", "ip6 ttl=255/icmp6 type=138", "passed 58"},
		{"echo request with hop limit 255", "ip6 ttl=255/icmp6", "passed 58"},
		{"MLD query", "ip6 src=fe80::1 dst=ff02::1 ttl=1/hop/icmp6 type=130", "control"},
		{"MLD report", "ip6 src=fe80::1 dst=ff02::16 ttl=1/hop/icmp6 type=131", "control"},
		{"MLD done", "ip6 src=fe80::1 dst=ff02::2 ttl=1/hop/icmp6 type=132", "control"},
		{"MLDv2 report", "ip6 src=fe80::1 dst=ff02::16 ttl=1/hop/icmp6 type=143", "control"},
		{"MLDv2 report before there is an address", "ip6 src=:: dst=ff02::16 ttl=1/hop/icmp6 type=143", "control"},
		{"MLD query with hop limit 2", "ip6 src=fe80::1 dst=ff02::1 ttl=2/icmp6 type=130", "passed 58"},
		{"MLD query that came with hop limit 1 from far away", "ip6 src=2001:db8::1 ttl=1/hop/icmp6 type=130", "passed 58"},
		{"traceroute's last hop", "ip6 ttl=1/icmp6", "passed 58"},
		{"IGMP report", "ip4 dst=224.0.0.22 ttl=1 opt=4/igmp type=0x22", "control"},
		{"IGMP query", "ip4 dst=224.0.0.1 ttl=1/igmp type=0x11", "control"},
		{"IGMP with TTL 2", "ip4 dst=224.0.0.22 ttl=2/igmp", "passed 2"},
		{"IGMP that came with TTL 1 to our own address", "ip4 ttl=1/igmp", "passed 2"},
		{"IGMP, 7 bytes", "ip4 dst=224.0.0.22 ttl=1/proto n=2/data n=7", "bad_transport"},
		{"IGMP over IPv6, which nobody sends", "ip6 ttl=1/igmp", "passed 2"},
	};

	(void)state;
	assert_specs(specs, COUNT(specs));
}
/* clang-format on */

/* ---------------------------------------------------------------------------- addresses and offsets */

static void addresses_and_lengths_are_read(void **state)
{
	static const u8 v4_source[16] = {[10] = 0xff, 0xff, 203, 0, 113, 7};
	static const u8 v6_source[16] = {0x20, 1, 0xd, 0xb8, [15] = 0x42};
	struct weir_packet packet;
	struct frame frame;

	(void)state;
	assert_int_equal(frame_build(&frame, "vlan/ip4 src=203.0.113.7 ttl=33 opt=12/tcp/data n=9"),
			 0);
	assert_int_equal(parse_frame(&frame, &packet), WEIR_PASSED);
	assert_memory_equal(packet.source, v4_source, 16);
	assert_int_equal(packet.l3, 18);
	assert_int_equal(packet.l4, 18 + 32);
	assert_int_equal(packet.length, frame.size);
	assert_int_equal(packet.hop_limit, 33);
	assert_false(packet.ipv6);

	assert_int_equal(frame_build(&frame, "ip6 src=2001:db8::42 ttl=5/hop len=2/udp/data n=9"),
			 0);
	assert_int_equal(parse_frame(&frame, &packet), WEIR_PASSED);
	assert_memory_equal(packet.source, v6_source, 16);
	assert_int_equal(packet.l3, 14);
	assert_int_equal(packet.l4, 14 + 40 + 24);
	assert_int_equal(packet.length, frame.size);
	assert_int_equal(packet.hop_limit, 5);
	assert_true(packet.ipv6);
}

static void ipv4_options_of_every_length_are_stepped_over(void **state)
{
	struct weir_packet packet;
	struct frame frame;

	(void)state;
	for (unsigned int options = 0; options <= 40; options += 4) {
		assert_int_equal(frame_build(&frame, "ip4 opt=%u/tcp dport=443", options), 0);
		assert_string_equal(describe(parse_frame(&frame, &packet), &packet),
				    "passed 6 40000>443 syn");
		assert_int_equal(packet.l4, 34 + options);
	}
}

static const char *const extensions[] = {"hop", "route", "dest", "ah len=4", "frag"};

/* Every chain of up to 4 headers of all kinds, and longer ones by chance */
static void extension_headers_of_all_kinds_in_any_number(void **state)
{
	struct random random = random_begin();
	struct weir_packet packet;
	struct frame frame;

	(void)state;
	for (unsigned int number = 0; number < 20000; number++) {
		unsigned int depth = number < 3905 ? 4 : (unsigned int)random_below(&random, 12);
		unsigned int rest = number, kinds = 0;
		char text[256] = "ip6";

		for (unsigned int i = 0; i < depth; i++) {
			unsigned int kind = number < 3905 ? rest % 6
							  : (unsigned int)random_below(&random, 6);

			rest /= 6;
			if (kind == 5)
				continue;
			strcat(strcat(text, "/"), extensions[kind]);
			kinds++;
		}
		strcat(text, "/tcp");
		assert_int_equal(frame_build(&frame, "%s", text), 0);
		assert_string_equal(describe(parse_frame(&frame, &packet), &packet),
				    kinds > 8 ? "bad_ext_depth" : "passed 6 40000>80 syn");
	}
}

/* --------------------------------------------------------------------------------------- truncation */

/* clang-format off */
static const char *const to_be_cut[] = {
	"ip4/tcp", "ip4/udp", "ip4/icmp", "ip4 opt=40/tcp", "ip4 mf/tcp", "ip4 off=3/tcp", "ip4/igmp",
	"ip4/proto n=47/data n=20", "vlan/ip4/tcp", "qinq/vlan/ip4 opt=8/udp", "vlan/vlan/vlan/ip4/tcp/data n=40",
	"ip6/tcp", "ip6/udp", "ip6/icmp6", "ip6 ttl=255/icmp6 type=135", "ip6/hop/tcp", "ip6/frag mf/udp",
	"ip6/frag off=4/udp", "ip6/ah len=4/tcp", "ip6/hop/dest len=3/route/frag/ah len=2/dest/tcp/data n=8",
	"vlan/vlan/vlan/ip6/hop/hop/hop/hop/hop/hop/hop/hop/tcp", "ip6/proto n=50/data n=20", "vlan/ip6/hop",
};
/* clang-format on */

static void cut_at_every_byte_a_frame_is_malformed(void **state)
{
	struct weir_packet packet;
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < COUNT(to_be_cut); i++) {
		assert_int_equal(frame_build(&frame, "%s", to_be_cut[i]), 0);
		assert_false(weir_is_refusal(parse_frame(&frame, &packet)));
		for (size_t cut = 0; cut < frame.size; cut++) {
			enum weir_verdict verdict = parse(frame.at, cut, &packet);

			if (verdict < WEIR_BAD_ETHERNET ||
			    (cut < frame.l3) != (verdict == WEIR_BAD_ETHERNET))
				fail_msg("%s cut at %zu: %s", to_be_cut[i], cut,
					 verdict_names[verdict]);
		}
	}
}

/* The same, with an IP length that goes with it: only headers can be missed then. */
static void with_a_matching_length_only_headers_can_be_cut(void **state)
{
	struct weir_packet packet;
	struct frame frame, cut;

	(void)state;
	for (size_t i = 0; i < COUNT(to_be_cut); i++) {
		assert_int_equal(frame_build(&frame, "%s", to_be_cut[i]), 0);
		for (size_t size = frame.l3 + 41; size < frame.size; size++) {
			bool ipv4 = frame.at[frame.l3] >> 4 == 4;
			size_t length = size - frame.l3 - (ipv4 ? 0 : 40);
			enum weir_verdict verdict;

			cut = frame;
			cut.size = size;
			cut.at[frame.l3 + (ipv4 ? 2 : 4)] = (u8)(length >> 8);
			cut.at[frame.l3 + (ipv4 ? 3 : 5)] = (u8)length;
			verdict = parse_frame(&cut, &packet);
			/* Behind the transport header nothing is missed. */
			if (verdict == WEIR_PASSED && !packet.later_fragment &&
			    packet.protocol == 6)
				assert_true(size >= frame.l4 + 20);
			if (verdict == WEIR_PASSED && !packet.later_fragment &&
			    packet.protocol == 17)
				assert_true(size >= frame.l4 + 8);
			if (verdict == WEIR_PASSED)
				assert_true(packet.l4 <= size);
		}
	}
}

/* ----------------------------------------------------------------------------------- small spaces */

static void every_ethertype_but_ip_and_tags_is_control(void **state)
{
	struct weir_packet packet;
	struct frame frame;

	(void)state;
	for (unsigned int type = 0; type < 65536; type++) {
		enum weir_verdict verdict;

		assert_int_equal(frame_build(&frame, "ether type=%u", type), 0);
		verdict = parse_frame(&frame, &packet);
		switch (type) {
		case WEIR_ETH_IPV4:
			assert_int_equal(verdict, WEIR_BAD_IPV4);
			break;
		case WEIR_ETH_IPV6:
			assert_int_equal(verdict, WEIR_BAD_IPV6);
			break;
		default: /* behind a tag there is type 0 here */
			assert_int_equal(verdict, WEIR_CONTROL);
		}
	}
}

static void every_port_is_read(void **state)
{
	static const char *const frames[] = {"ip4/tcp", "ip4/udp", "vlan/ip4 opt=8/tcp", "ip6/udp",
					     "ip6/dest/tcp"};
	struct weir_packet packet;
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		assert_int_equal(frame_build(&frame, "%s", frames[i]), 0);
		for (unsigned int port = 0; port < 65536; port++) {
			unsigned int other = port * 40503 & 65535;
			u8 *at = frame.at + frame.l4;

			at[0] = (u8)(other >> 8);
			at[1] = (u8)other;
			at[2] = (u8)(port >> 8);
			at[3] = (u8)port;
			assert_int_equal(parse_frame(&frame, &packet), WEIR_PASSED);
			assert_int_equal(packet.dport, port);
			assert_int_equal(packet.sport, other);
		}
	}
}

static void every_protocol_is_itself(void **state)
{
	struct weir_packet packet;
	struct frame frame;

	(void)state;
	for (unsigned int protocol = 0; protocol < 256; protocol++) {
		/* 0xff.. is as good a TCP, UDP or ICMP header as any; AH would be 1 KiB. */
		assert_int_equal(frame_build(&frame, "ip4/proto n=%u/data n=40", protocol), 0);
		memset(frame.at + 34, 0x7f, 40);
		assert_int_equal(parse_frame(&frame, &packet), WEIR_PASSED);
		assert_int_equal(packet.protocol, protocol);
		assert_int_equal(packet.dport, protocol == 6 || protocol == 17 ? 0x7f7f : 0);

		assert_int_equal(frame_build(&frame, "ip6/proto n=%u/data n=40", protocol), 0);
		memset(frame.at + 54, 0x7f, 40);
		frame.at[55] = 0;
		if (weir_is_extension((u8)protocol) && protocol != WEIR_IP_FRAGMENT) {
			assert_int_equal(parse_frame(&frame, &packet), WEIR_PASSED);
			assert_int_equal(packet.protocol, 0x7f);
			assert_int_equal(packet.l4, 62);
		} else if (protocol == WEIR_IP_FRAGMENT) {
			assert_int_equal(parse_frame(&frame, &packet), WEIR_PASSED);
			assert_true(packet.later_fragment);
		} else {
			assert_int_equal(parse_frame(&frame, &packet), WEIR_PASSED);
			assert_int_equal(packet.protocol, protocol);
		}
	}
}

static void every_combination_of_tcp_flags_is_a_connection_or_not(void **state)
{
	struct weir_packet packet;
	struct frame frame;

	(void)state;
	assert_int_equal(frame_build(&frame, "ip4/tcp"), 0);
	for (unsigned int flags = 0; flags < 256; flags++) {
		frame.at[frame.l4 + 13] = (u8)flags;
		assert_int_equal(parse_frame(&frame, &packet), WEIR_PASSED);
		assert_int_equal(packet.syn, (flags & 2) && !(flags & 16));
	}
}

/* ------------------------------------------------------------------------------------- properties */

static void random_transport(struct random *random, char *text, bool ipv6)
{
	static const char *const kinds[] = {"tcp dport=%u flags=S", "tcp dport=%u flags=A",
					    "udp dport=%u", "icmp type=%u", "proto n=47/data n=%u"};
	size_t kind = random_below(random, COUNT(kinds));
	unsigned int value = (unsigned int)random_below(random, kind < 3   ? 65536
								: kind < 4 ? 18
									   : 64);
	char part[64];

	snprintf(part, sizeof(part), ipv6 && kind == 3 ? "icmp6 type=%u" : kinds[kind], value);
	strcat(text, part);
}

/* The fields that decide a packet's fate */
static void assert_same(const struct weir_packet *a, const struct weir_packet *b, const char *text)
{
	if (memcmp(a->source, b->source, 16) || memcmp(a->destination, b->destination, 16) ||
	    a->sport != b->sport || a->dport != b->dport || a->protocol != b->protocol ||
	    a->ipv6 != b->ipv6 || a->syn != b->syn || a->hop_limit != b->hop_limit)
		fail_msg("not the same: %s", text);
}

static void tags_options_and_extension_headers_change_nothing(void **state)
{
	static const char *const tags[] = {"", "vlan/", "qinq/vlan/", "vlan/vlan/vlan/"};
	struct random random = random_begin();

	(void)state;
	for (int round = 0; round < 50000; round++) {
		struct weir_packet plain, dressed;
		bool ipv6 = random_below(&random, 2);
		char transport[100] = "", text[400] = "";
		struct frame frame;
		enum weir_verdict verdict;
		unsigned int ttl = (unsigned int)random_below(&random, 256);

		random_transport(&random, transport, ipv6);
		assert_int_equal(frame_build(&frame, "%s ttl=%u/%s", ipv6 ? "ip6" : "ip4", ttl,
					     transport),
				 0);
		verdict = parse_frame(&frame, &plain);

		strcat(text, tags[random_below(&random, 4)]);
		if (ipv6) {
			sprintf(text + strlen(text), "ip6 ttl=%u/", ttl);
			for (u64 more = random_below(&random, 9); more; more--)
				sprintf(text + strlen(text), "%s/",
					extensions[random_below(&random, 5)]);
		} else {
			sprintf(text + strlen(text), "ip4 ttl=%u opt=%u/", ttl,
				4 * (unsigned int)random_below(&random, 11));
		}
		strcat(text, transport);
		assert_int_equal(frame_build(&frame, "%s", text), 0);
		if (parse_frame(&frame, &dressed) != verdict)
			fail_msg("another verdict: %s", text);
		assert_same(&plain, &dressed, text);
	}
}

/* Bytes at random, with a likely beginning: no crash, no byte read too many, a verdict of the parser's own */
static void any_bytes_have_a_verdict(void **state)
{
	struct random random = random_begin();
	static const u16 types[] = {0x0800, 0x86dd, 0x8100, 0x88a8};

	(void)state;
	for (int round = 0; round < 200000; round++) {
		u8 bytes[200];
		size_t size = random_below(&random, sizeof(bytes));
		struct weir_packet packet;
		enum weir_verdict verdict;

		for (size_t i = 0; i < sizeof(bytes); i += 8)
			weir_store(u64, bytes + i, random_u64(&random));
		weir_store(u16, bytes + 12, htons(types[random_below(&random, 4)]));
		if (bytes[13] == 0x00)
			bytes[14] = (u8)(0x45 + (bytes[14] & 1));
		else if (bytes[13] == 0xdd)
			bytes[14] = 0x60;
		bytes[20] &= bytes[21]; /* mostly a known next header */
		verdict = parse(bytes, size, &packet);
		assert_true(verdict == WEIR_PASSED || verdict == WEIR_CONTROL ||
			    (verdict >= WEIR_BAD_ETHERNET && verdict <= WEIR_BAD_TRANSPORT));
		if (verdict == WEIR_PASSED)
			assert_true(packet.length <= size && packet.l4 <= size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_taken_for_what_they_are),
		cmocka_unit_test(tags_up_to_three_are_stepped_over),
		cmocka_unit_test(extension_headers_up_to_eight_are_stepped_over),
		cmocka_unit_test(fragments_are_told_from_whole_packets),
		cmocka_unit_test(padding_is_not_taken_for_a_header),
		cmocka_unit_test(malformed_packets_have_verdicts_of_their_own),
		cmocka_unit_test(neighbour_discovery_mld_and_igmp_are_control),
		cmocka_unit_test(addresses_and_lengths_are_read),
		cmocka_unit_test(ipv4_options_of_every_length_are_stepped_over),
		cmocka_unit_test(extension_headers_of_all_kinds_in_any_number),
		cmocka_unit_test(cut_at_every_byte_a_frame_is_malformed),
		cmocka_unit_test(with_a_matching_length_only_headers_can_be_cut),
		cmocka_unit_test(every_ethertype_but_ip_and_tags_is_control),
		cmocka_unit_test(every_port_is_read),
		cmocka_unit_test(every_protocol_is_itself),
		cmocka_unit_test(every_combination_of_tcp_flags_is_a_connection_or_not),
		cmocka_unit_test(tags_options_and_extension_headers_change_nothing),
		cmocka_unit_test(any_bytes_have_a_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
