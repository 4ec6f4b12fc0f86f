/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ICMP error that answers a datagram, held against RFC 792, RFC 4443 and a checksum of its own; also where whoever sends it on
 * writes a checksum into it, as it was asked to for the datagram.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/core/unreachable.h"
#include "tests/lib/frame.h"
#include "tests/lib/random.h"

/* As the program does it, but for the Ethernet addresses; 0: not answered */
static u32 answer(const struct frame *datagram, bool partial, struct frame *out)
{
	const u8 *ip = datagram->at + datagram->l3;
	struct weir_packet packet = {};
	u32 quote, sum;
	size_t room;
	u8 *at;

	assert_int_equal(weir_parse(datagram->at, datagram->at + datagram->size, &packet),
			 WEIR_PASSED);
	if (!weir_is_answerable(&packet))
		return 0;
	quote = weir_quote_length(&packet);
	sum = (u16)~frame_checksum(frame_sum(0, ip, quote));
	*out = *datagram;
	at = out->at + datagram->l3;
	if (packet.ipv6)
		weir_make_unreachable_ipv6(at, ip, quote, sum, partial);
	else
		weir_make_unreachable_ipv4(at, ip, quote, sum);
	room = packet.ipv6 ? 48 : 28;
	memcpy(at + room, ip, quote);
	out->size = datagram->l3 + room + quote;
	return quote;
}

static void a_datagram_is_answered_byte_for_byte(void **state)
{
	static const u8 expected[] = {
		/* the link is the program's part */
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		/* 58 bytes, internetwork control, not to be fragmented, TTL 64, ICMP */
		0x45, 0xc0, 0, 58, 0, 0, 0x40, 0, 64, 1, 0x4d, 0x7e,
		/* 198.51.100.80 -> 192.0.2.1 */
		198, 51, 100, 80, 192, 0, 2, 1,
		/* port unreachable */
		3, 3, 0xe9, 0x9d, 0, 0, 0, 0,
		/* the datagram: 192.0.2.1 -> 198.51.100.80, 40000 -> 53, two bytes of 0 */
		0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0x8e, 0x4a, 192, 0, 2, 1, 198, 51, 100, 80,
		0x9c, 0x40, 0, 53, 0, 10, 0x76, 0xdf, 0, 0};
	struct frame frame, out;

	(void)state;
	assert_int_equal(frame_build(&frame, "ip4/udp/data n=2"), 0);
	assert_int_equal(answer(&frame, false, &out), 30);
	assert_int_equal(out.size, sizeof(expected));
	assert_memory_equal(out.at, expected, sizeof(expected));
}

static void assert_right(const struct frame *out, const struct frame *datagram, u32 quote)
{
	const u8 *ip = out->at + out->l3, *old = datagram->at + datagram->l3, *icmp;
	bool ipv4 = ip[0] >> 4 == 4;
	size_t addresses = ipv4 ? 12 : 8, size = ipv4 ? 4 : 16, room = ipv4 ? 28 : 48;

	icmp = ip + room - 8;
	assert_memory_equal(out->at, datagram->at, datagram->l3);
	assert_memory_equal(ip + addresses, old + addresses + size, size);
	assert_memory_equal(ip + addresses + size, old + addresses, size);
	assert_memory_equal(ip + room, old, 20);
	assert_memory_equal(icmp, ipv4 ? "\3\3" : "\1\4", 2);
	assert_memory_equal(icmp + 4, "\0\0", 2);
	assert_true(out->size - out->l3 <= (ipv4 ? 576 : 1280));
	if (ipv4) {
		assert_int_equal(weir_load16(ip + 2), 28 + quote);
		assert_int_equal(frame_checksum(frame_sum(0, ip, 20)), 0);
		assert_int_equal(frame_checksum(frame_sum(0, icmp, 8 + quote)), 0);
	} else {
		assert_int_equal(weir_load16(ip + 4), 8 + quote);
		assert_int_equal(ip[6], 58);
		assert_int_equal(frame_transport_checksum(out, 58), 0);
	}
}

static void build_any(struct random *random, struct frame *frame)
{
	static const char *const frames[] = {
		"ip4 src=203.0.113.%u/udp sport=%u dport=%u/data n=%u",
		"qinq/vlan/ip6 src=2001:db8::%u/udp sport=%u dport=%u/data n=%u",
	};
	size_t from;

	assert_int_equal(frame_build(frame, frames[random_below(random, 2)],
				     (unsigned int)random_below(random, 255),
				     (unsigned int)random_below(random, 65536),
				     (unsigned int)random_below(random, 65536),
				     (unsigned int)random_below(random, 1500)),
			 0);
	from = frame->l4 + 6;
	for (size_t i = from; i < frame->size; i++) /* the checksum is anything, too */
		frame->at[i] = (u8)random_u64(random);
}

static void every_datagram_is_quoted_as_far_as_allowed_with_a_right_checksum(void **state)
{
	struct random random = random_begin();
	struct frame datagram, out;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		size_t length;
		u32 quote;

		build_any(&random, &datagram);
		length = datagram.size - datagram.l3;
		quote = answer(&datagram, false, &out);
		if (out.at[out.l3] >> 4 == 4)
			assert_int_equal(quote, length < 548 ? length : 548);
		else
			assert_int_equal(quote, length < 1232 ? length : 1232);
		assert_right(&out, &datagram, quote);
	}
}

/* As skb_checksum_help() does, from where the UDP header was: `offset` is where UDP has its checksum */
static void finish(struct frame *out)
{
	size_t start = out->l4, offset = 6;
	u16 sum = frame_checksum(frame_sum(0, out->at + start, out->size - start));

	if (!sum)
		sum = 0xffff;
	out->at[start + offset] = (u8)(sum >> 8);
	out->at[start + offset + 1] = (u8)sum;
}

static void a_checksum_that_others_write_leaves_it_right(void **state)
{
	struct random random = random_begin();
	struct frame datagram, out;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		u32 quote;

		build_any(&random, &datagram);
		quote = answer(&datagram, true, &out);
		finish(&out);
		assert_right(&out, &datagram, quote);
		assert_memory_equal(out.at + out.l4 + 6, "\xff\xff", 2);
	}
}

static void what_can_not_be_answered_is_not(void **state)
{
	static const char *const frames[] = {
		"ip4 mf/udp/data n=8", "ip4 opt=4/udp",		"ip6/hop/udp",
		"ip6/frag mf/udp",     "ip4 dst=224.0.0.1/udp", "ip4 dst=255.255.255.255/udp",
		"ip6 dst=ff02::1/udp",
	};
	struct frame frame, out;

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		assert_int_equal(frame_build(&frame, "%s", frames[i]), 0);
		if (answer(&frame, false, &out))
			fail_msg("answered: %s", frames[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_is_answered_byte_for_byte),
		cmocka_unit_test(every_datagram_is_quoted_as_far_as_allowed_with_a_right_checksum),
		cmocka_unit_test(a_checksum_that_others_write_leaves_it_right),
		cmocka_unit_test(what_can_not_be_answered_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
