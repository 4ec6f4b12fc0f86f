/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The RST that answers a segment, held against RFC 9293 and a checksum of its own. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/core/reset.h"
#include "tests/lib/frame.h"
#include "tests/lib/random.h"

static u32 reset_length(const struct frame *frame, struct weir_packet *packet)
{
	memset(packet, 0, sizeof(*packet));
	assert_int_equal(weir_parse(frame->at, frame->at + frame->size, packet), WEIR_PASSED);
	return weir_reset_length(packet);
}

/* As the programs do it, but for the Ethernet addresses; 0: not answered */
static u32 reset(struct frame *frame)
{
	struct weir_packet packet;
	u32 length = reset_length(frame, &packet);

	if (!length)
		return 0;
	assert_true(length <= frame->size);
	frame->size = length;
	if (packet.ipv6)
		weir_make_reset_ipv6(frame->at + packet.l3, 0);
	else
		weir_make_reset_ipv4(frame->at + packet.l3, 0);
	return length;
}

static u32 load32(const u8 *at)
{
	u32 value;

	memcpy(&value, at, 4);
	return ntohl(value);
}

static void assert_answers(const struct frame *answer, const struct frame *syn, u32 seq)
{
	const u8 *ip = answer->at + syn->l3, *old = syn->at + syn->l3;
	const u8 *tcp = answer->at + syn->l4, *old_tcp = syn->at + syn->l4;
	bool ipv4 = ip[0] >> 4 == 4;
	size_t addresses = ipv4 ? 12 : 8, size = ipv4 ? 4 : 16;

	/* Not a byte before the IP header is touched: tags stay */
	assert_memory_equal(answer->at, syn->at, syn->l3);
	assert_memory_equal(ip + addresses, old + addresses + size, size);
	assert_memory_equal(ip + addresses + size, old + addresses, size);
	assert_memory_equal(tcp, old_tcp + 2, 2);
	assert_memory_equal(tcp + 2, old_tcp, 2);
	assert_int_equal(load32(tcp + 4), 0);
	assert_int_equal(load32(tcp + 8), (u32)(seq + 1));
	assert_int_equal(tcp[12], 5 << 4);
	assert_int_equal(tcp[13], 0x14);
	assert_int_equal(weir_load16(tcp + 14), 0);
	assert_int_equal(weir_load16(tcp + 18), 0);
	assert_int_equal(answer->size, syn->l4 + 20);
	assert_int_equal(frame_transport_checksum(answer, 6), 0);
	if (ipv4) {
		assert_int_equal(weir_load16(ip + 2), 40);
		assert_int_equal(weir_load16(ip + 6), 0x4000);
		assert_int_equal(frame_checksum(frame_sum(0, ip, 20)), 0);
	} else {
		assert_int_equal(weir_load16(ip + 4), 20);
		assert_int_equal(ip[6], 6);
	}
	assert_int_equal(ip[ipv4 ? 8 : 7], 64);
}

static void a_syn_is_answered_byte_for_byte(void **state)
{
	static const u8 expected[] = {
		/* the link is the program's part */
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		/* 40 bytes, not to be fragmented, TTL 64, TCP */
		0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0x4e, 0x4b,
		/* 198.51.100.80 -> 192.0.2.1 */
		198, 51, 100, 80, 192, 0, 2, 1,
		/* 80 -> 40000, sequence 0, acknowledges 0x1235, RST and ACK */
		0, 80, 0x9c, 0x40, 0, 0, 0, 0, 0, 0, 0x12, 0x35, 0x50, 0x14, 0, 0, 0x14, 0x86, 0,
		0};
	struct frame frame;

	(void)state;
	assert_int_equal(frame_build(&frame, "ip4/tcp doff=10"), 0);
	assert_int_equal(reset(&frame), sizeof(expected));
	assert_memory_equal(frame.at, expected, sizeof(expected));
}

static void every_kind_of_syn_is_answered_right(void **state)
{
	static const char *const frames[] = {
		"%sip4 src=203.0.113.%u/tcp sport=%u dport=%u seq=%u",
		"%sip4 ttl=1 df src=10.255.255.%u/tcp sport=%u dport=%u seq=%u doff=15",
		"%sip6 src=2001:db8::%u/tcp sport=%u dport=%u seq=%u",
		"%sip6 ttl=1 src=2001:db8:ffff:ffff:ffff:ffff:ffff:%u/tcp sport=%u dport=%u seq=%u/data n=33",
	};
	static const char *const tags[] = {"", "vlan/", "qinq/vlan/", "vlan/vlan/vlan/"};
	struct random random = random_begin();

	(void)state;
	for (int round = 0; round < 100000; round++) {
		u32 seq = (u32)random_u64(&random);
		struct frame syn, answer;
		char text[200];

		/* where the sum carries over */
		if (round % 3 == 0)
			seq = 0xffffffff - (u32)random_below(&random, 3);
		snprintf(text, sizeof(text), frames[round % 4], tags[round / 4 % 4],
			 (unsigned int)random_below(&random, 255),
			 (unsigned int)random_below(&random, 65536),
			 (unsigned int)random_below(&random, 65536), seq);
		assert_int_equal(frame_build(&syn, "%s", text), 0);
		answer = syn;
		assert_int_not_equal(reset(&answer), 0);
		assert_answers(&answer, &syn, seq);
	}
}

static void what_can_not_be_answered_is_not(void **state)
{
	static const char *const frames[] = {
		"ip4/tcp flags=A",
		"ip4/tcp flags=SA",
		"ip4/tcp flags=R",
		"ip4/udp",
		"ip4 mf/tcp",
		"ip4 opt=4/tcp",
		"ip6/hop/tcp",
		"ip6/frag mf/tcp",
		"ip6/frag off=3/tcp",
		"ip6/udp",
		"ip4 off=3/tcp",
		"ip4 dst=224.0.0.1/tcp",
		"ip4 dst=239.255.255.255/tcp",
		"ip4 dst=255.255.255.255/tcp",
		"ip6 dst=ff02::1/tcp",
	};
	struct weir_packet packet;
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		assert_int_equal(frame_build(&frame, "%s", frames[i]), 0);
		if (reset_length(&frame, &packet))
			fail_msg("answered: %s", frames[i]);
	}
	assert_int_equal(frame_build(&frame, "ip4 dst=223.255.255.255/tcp"), 0);
	assert_int_equal(reset_length(&frame, &packet), 54);
}

/* A random segment of a connection, and what is made of it */
static void make_reset(struct random *random, u32 how, struct frame *segment, struct frame *answer)
{
	static const char *const frames[] = {
		"ip4 src=203.0.113.%u/tcp sport=%u dport=%u seq=%u ack=%u flags=%s",
		"vlan/ip6 src=2001:db8::%u/tcp sport=%u dport=%u seq=%u ack=%u flags=%s/data n=900",
	};
	static const char *const flags[] = {"A", "PA", "FA"};

	assert_int_equal(frame_build(segment, frames[random_below(random, 2)],
				     (unsigned int)random_below(random, 255),
				     (unsigned int)random_below(random, 65536),
				     (unsigned int)random_below(random, 65536),
				     (u32)random_u64(random), (u32)random_u64(random),
				     how & WEIR_RESET_CONNECTION ? flags[random_below(random, 3)]
								 : "S"),
			 0);
	*answer = *segment;
	answer->size = segment->l4 + 20;
	if (segment->at[segment->l3] >> 4 == 6)
		weir_make_reset_ipv6(answer->at + segment->l3, how);
	else
		weir_make_reset_ipv4(answer->at + segment->l3, how);
}

static void a_reset_of_a_connection_is_what_its_sender_waits_for(void **state)
{
	struct random random = random_begin();
	struct frame segment, answer;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		const u8 *tcp = answer.at, *old = segment.at;

		make_reset(&random, WEIR_RESET_CONNECTION, &segment, &answer);
		tcp += segment.l4;
		old += segment.l4;
		assert_memory_equal(tcp, old + 2, 2);
		assert_memory_equal(tcp + 2, old, 2);
		assert_int_equal(load32(tcp + 4), load32(old + 8));
		assert_int_equal(load32(tcp + 8), 0);
		assert_int_equal(tcp[12], 5 << 4);
		assert_int_equal(tcp[13], 0x04);
		assert_int_equal(frame_transport_checksum(&answer, 6), 0);
	}
}

static void a_checksum_that_is_left_to_others_comes_out_right(void **state)
{
	struct random random = random_begin();
	struct frame segment, answer;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		u32 how = (u32)random_below(&random, 2) * WEIR_RESET_CONNECTION;
		u8 *field;
		u16 sum;

		make_reset(&random, how | WEIR_RESET_PARTIAL, &segment, &answer);
		/* as skb_checksum_help() does: sums with what is in the field, writes the complement */
		field = answer.at + answer.l4 + 16;
		sum = frame_checksum(frame_sum(0, answer.at + answer.l4, 20));
		field[0] = (u8)(sum >> 8);
		field[1] = (u8)sum;
		assert_int_equal(frame_transport_checksum(&answer, 6), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_is_answered_byte_for_byte),
		cmocka_unit_test(every_kind_of_syn_is_answered_right),
		cmocka_unit_test(what_can_not_be_answered_is_not),
		cmocka_unit_test(a_reset_of_a_connection_is_what_its_sender_waits_for),
		cmocka_unit_test(a_checksum_that_is_left_to_others_comes_out_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
