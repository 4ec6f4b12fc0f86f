/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The gate of a circuit breaker, packets in and packets out: who passes, what those get who do not, permits, and what the daemon
 * hears of the calls that were made. `test_gate answers` prints what was answered with what, for test_gate_scapy.py.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/abi/breaker.h"
#include "bpf/weir_flow.skel.h"
#include "tests/prog/flow_lab.h"
#include "tests/prog/lab.h"

#define WEIR_ANSWER_MARK 0x77656973 /* as in bpf/answer.bpf.h */

#define MS 1000000ULL
#define SECOND (1000 * MS)

/* Numbers of the endpoints: TCP, and UDP, over both families; and one without a breaker */
enum { TCP_ENDPOINT = 3, UDP_ENDPOINT = 5, PLAIN_ENDPOINT = 7 };

enum { PASSES = -1, DROPPED = 2, ANSWERED = 7 };

static struct flow_lab *lab;
static struct weir_breaker *breakers;
static struct ring_buffer *ring;

static struct weir_outcome told[8];
static size_t tolds;

/* ------------------------------------------------------------------------------------------- the lab */

static int hear(void *context, void *data, size_t size)
{
	(void)context;
	(void)size;
	if (tolds < sizeof(told) / sizeof(told[0]))
		memcpy(&told[tolds], data, sizeof(told[0]));
	tolds++;
	return 0;
}

static void listen_all(void)
{
	const struct weir_endpoint upstream = {.flags = WEIR_ENDPOINT_USED | WEIR_ENDPOINT_BREAKER |
							WEIR_ENDPOINT_HTTP,
					       .slow_ns = SECOND,
					       .answer_timeout_ns = 5 * SECOND},
				   plain = {.flags = WEIR_ENDPOINT_USED,
					    .slow_ns = SECOND,
					    .answer_timeout_ns = 5 * SECOND};

	flow_lab_endpoint(lab, "198.51.100.80", 80, 6, TCP_ENDPOINT, upstream);
	flow_lab_endpoint(lab, "2001:db8:ffff::80", 80, 6, TCP_ENDPOINT, upstream);
	flow_lab_endpoint(lab, "ff02::80", 80, 6, TCP_ENDPOINT, upstream);
	flow_lab_endpoint(lab, "198.51.100.80", 53, 17, UDP_ENDPOINT, upstream);
	flow_lab_endpoint(lab, "2001:db8:ffff::80", 53, 17, UDP_ENDPOINT, upstream);
	flow_lab_endpoint(lab, "239.1.2.3", 53, 17, UDP_ENDPOINT, upstream);
	flow_lab_endpoint(lab, "198.51.100.80", 81, 6, PLAIN_ENDPOINT, plain);
}

static void *map_all(const struct bpf_map *map, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	assert_true(at != MAP_FAILED);
	return at;
}

static int open_lab(void **state)
{
	(void)state;
	lab = flow_lab_open(1024);
	breakers = map_all(lab->skeleton->maps.weir_breaker, WEIR_ENDPOINTS * sizeof(*breakers));
	ring = ring_buffer__new(bpf_map__fd(lab->skeleton->maps.weir_outcomes), hear, NULL, NULL);
	assert_non_null(ring);
	listen_all();
	return 0;
}

static int close_lab(void **state)
{
	(void)state;
	ring_buffer__free(ring);
	munmap(breakers, WEIR_ENDPOINTS * sizeof(*breakers));
	flow_lab_close(lab);
	return 0;
}

/* As the daemon does it: the time first */
static void set_gate(u32 endpoint, enum weir_gate gate, u32 permits, u64 for_ns)
{
	static u32 epoch = 100;

	__atomic_store_n(&breakers[endpoint].until_ns, lab_now_ns() + for_ns, __ATOMIC_SEQ_CST);
	__atomic_store_n(&breakers[endpoint].word, WEIR_GATE_WORD(++epoch, permits, gate),
			 __ATOMIC_SEQ_CST);
}

static void set_gates(enum weir_gate gate)
{
	set_gate(TCP_ENDPOINT, gate, 0, 60 * SECOND);
	set_gate(UDP_ENDPOINT, gate, 0, 60 * SECOND);
}

static void set_flags(u32 endpoint, u8 more)
{
	lab->side->endpoint[endpoint].flags |= more;
}

/* ------------------------------------------------------------------------------------------- packets */

static int run_marked(bool out, const struct frame *frame, u32 mark, struct frame *after)
{
	struct __sk_buff skb = {.ifindex = 1, .mark = mark}, skb_after;
	static __thread struct frame ignored;
	struct frame *to = after ? after : &ignored;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->at,
		    .data_size_in = (u32)frame->size, .data_out = to->at,
		    .data_size_out = FRAME_MAX, .ctx_in = &skb, .ctx_size_in = sizeof(skb),
		    .ctx_out = &skb_after, .ctx_size_out = sizeof(skb_after));
	int error = bpf_prog_test_run_opts(flow_lab_fd(lab, out), &options);

	if (error)
		fail_msg("a test run of %zu bytes: %s", frame->size, strerror(-error));
	to->size = options.data_size_out;
	to->l3 = frame->l3;
	to->l4 = frame->l4;
	/* the mark by which the limiter knows it; taken off when it comes in */
	if (options.retval == ANSWERED)
		assert_int_equal(skb_after.mark, WEIR_ANSWER_MARK);
	else
		assert_int_equal(skb_after.mark, mark == WEIR_ANSWER_MARK ? 0 : mark);
	return (int)options.retval;
}

static int run(bool out, const struct frame *frame)
{
	return run_marked(out, frame, 0, NULL);
}

/* A packet that leaves; what became of it */
__attribute__((format(printf, 1, 2))) static int leaves(const char *format, ...)
{
	struct frame frame;
	char text[256];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	assert_int_equal(frame_build(&frame, "%s", text), 0);
	return run(true, &frame);
}

__attribute__((format(printf, 1, 2))) static void comes(const char *format, ...)
{
	struct frame frame;
	char text[256];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	assert_int_equal(frame_build(&frame, "%s", text), 0);
	assert_int_equal(run(false, &frame), PASSES);
}

#define OUT_4 "ip4/tcp dport=80 "
#define IN_4 "ip4 src=198.51.100.80 dst=192.0.2.1/tcp sport=80 dport=40000 "

/* ------------------------------------------------------------------------------------------- answers */

/* clang-format off */
static const struct {
	const char *what, *syn, *answer;
} resets[] = {
	{"IPv4", "ip4/tcp",
	 "ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=80 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"IPv6", "ip6/tcp",
	 "ip6 src=2001:db8:ffff::80 dst=2001:db8::1/tcp sport=80 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"the sequence number wraps", "ip4/tcp seq=0xffffffff",
	 "ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=80 dport=40000 seq=0 ack=0 flags=RA win=0 | mac=back"},
	{"one tag", "vlan id=99/ip4/tcp",
	 "vlan id=99/ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=80 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"one tag, IPv6", "vlan id=99/ip6/tcp",
	 "vlan id=99/ip6 src=2001:db8:ffff::80 dst=2001:db8::1/tcp sport=80 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"two tags", "qinq id=5/vlan id=6/ip4/tcp",
	 "qinq id=5/vlan id=6/ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=80 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"two tags, IPv6", "qinq id=5/vlan id=6/ip6/tcp",
	 "qinq id=5/vlan id=6/ip6 src=2001:db8:ffff::80 dst=2001:db8::1/tcp sport=80 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"TCP options are left away", "ip4/tcp doff=10",
	 "ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=80 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"so are data, and padding", "ip6/tcp doff=15/data n=500 | pad=900 fill=255",
	 "ip6 src=2001:db8:ffff::80 dst=2001:db8::1/tcp sport=80 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
	{"a TTL of 1 is answered with 64", "ip4 ttl=1/tcp",
	 "ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=80 dport=40000 seq=0 ack=0x1235 flags=RA win=0 | mac=back"},
};

static const char *const datagrams[] = {
	"ip4/udp", "ip6/udp", "ip4/udp/data n=1", "ip6/udp/data n=33", "vlan id=99/ip4/udp/data n=100", "vlan id=99/ip6/udp/data n=7",
	"qinq id=5/vlan id=6/ip4/udp/data n=512", "qinq id=5/vlan id=6/ip6/udp/data n=512",
	/* as much as is quoted, one more, and up to all that a frame holds; over the pieces that are summed */
	"ip4/udp/data n=484", "ip4/udp/data n=485", "ip4/udp/data n=520", "ip4/udp/data n=521", "ip4/udp/data n=1472",
	"ip6/udp/data n=463", "ip6/udp/data n=465", "ip6/udp/data n=1184", "ip6/udp/data n=1185", "ip6/udp/data n=1452",
	"ip4 ttl=1/udp/data n=3 | pad=90 fill=255", "ip6/udp/data n=3 | pad=90 fill=255",
};

static const char *const unanswerable[] = {
	"ip4 opt=4/tcp", "ip6/hop/tcp", "ip6/dest/hop/tcp", "ip4 mf/tcp/data n=4", "ip6/frag mf/tcp", "ip6 dst=ff02::80/tcp",
	"ip4/tcp | mac=bcast",
	"ip4 opt=4/udp", "ip6/hop/udp", "ip4 mf/udp/data n=8", "ip6/frag mf/udp/data n=8", "ip4 dst=239.1.2.3/udp",
	"ip6/udp | mac=bcast",
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void a_syn_to_an_open_breaker_is_answered_byte_for_byte(void **state)
{
	(void)state;
	set_gates(WEIR_GATE_REJECT);
	for (size_t i = 0; i < COUNT(resets); i++) {
		struct frame syn, expected, answer;

		assert_int_equal(frame_build(&syn, "%s", resets[i].syn), 0);
		assert_int_equal(frame_build(&expected, "%s", resets[i].answer), 0);
		if (run_marked(true, &syn, 0x99, &answer) != ANSWERED ||
		    answer.size != expected.size || memcmp(answer.at, expected.at, expected.size))
			fail_msg("%s: %zu bytes, %zu expected", resets[i].what, answer.size,
				 expected.size);
	}
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).rejected, COUNT(resets));
	assert_int_equal(flow_lab_count(lab, 0), 0);
}

/* Random payload with the checksum that belongs to it */
static void build_datagram(const char *text, struct frame *frame)
{
	size_t length, end;
	u16 sum;

	assert_int_equal(frame_build(frame, "%s", text), 0);
	length = (size_t)frame->at[frame->l4 + 4] << 8 | frame->at[frame->l4 + 5];
	end = frame->l4 + length;
	for (size_t i = frame->l4 + 8; i < end; i++)
		frame->at[i] = (u8)(i * 37 + length);
	frame->at[frame->l4 + 6] = frame->at[frame->l4 + 7] = 0;
	length = frame->size;
	frame->size = end;
	sum = frame_transport_checksum(frame, 17);
	frame->size = length;
	frame->at[frame->l4 + 6] = (u8)(sum >> 8);
	frame->at[frame->l4 + 7] = (u8)sum;
}

/* What stands in front of a quote of so many bytes, by hand: its own code, and frame_sum()'s */
static void expect_unreachable(const struct frame *datagram, size_t quote, struct frame *out)
{
	const u8 *ip = datagram->at + datagram->l3;
	bool ipv4 = ip[0] >> 4 == 4;
	size_t room = ipv4 ? 28 : 48, length = room + quote - (ipv4 ? 0 : 40);
	u8 *at, *icmp;
	u16 sum;

	*out = *datagram;
	at = out->at + datagram->l3;
	icmp = at + room - 8;
	out->at[5] = 1;
	out->at[11] = 2;
	out->size = datagram->l3 + room + quote;
	memset(at, 0, room);
	memcpy(at + room, ip, quote);
	memcpy(at, ipv4 ? "\x45\xc0" : "\x60", ipv4 ? 2 : 1);
	at[ipv4 ? 2 : 4] = (u8)(length >> 8);
	at[ipv4 ? 3 : 5] = (u8)length;
	memcpy(at + 6, ipv4 ? "\x40\0\x40\1" : "\x3a\x40", ipv4 ? 4 : 2);
	memcpy(at + (ipv4 ? 12 : 8), ip + (ipv4 ? 16 : 24), ipv4 ? 4 : 16);
	memcpy(at + (ipv4 ? 16 : 24), ip + (ipv4 ? 12 : 8), ipv4 ? 4 : 16);
	memcpy(icmp, ipv4 ? "\3\3" : "\1\4", 2);
	sum = ipv4 ? frame_checksum(frame_sum(0, icmp, 8 + quote))
		   : frame_transport_checksum(out, 58);
	icmp[2] = (u8)(sum >> 8);
	icmp[3] = (u8)sum;
	if (ipv4) {
		sum = frame_checksum(frame_sum(0, at, 20));
		at[10] = (u8)(sum >> 8);
		at[11] = (u8)sum;
	}
}

static void a_datagram_to_an_open_breaker_is_answered_byte_for_byte(void **state)
{
	(void)state;
	set_gates(WEIR_GATE_REJECT);
	for (size_t i = 0; i < COUNT(datagrams); i++) {
		struct frame datagram, expected, answer;
		size_t length, most;

		build_datagram(datagrams[i], &datagram);
		most = datagram.at[datagram.l3] >> 4 == 4 ? 548 : 1232;
		length = datagram.l4 - datagram.l3 + ((size_t)datagram.at[datagram.l4 + 4] << 8) +
			 datagram.at[datagram.l4 + 5];
		expect_unreachable(&datagram, length < most ? length : most, &expected);
		if (run_marked(true, &datagram, 0, &answer) != ANSWERED ||
		    answer.size != expected.size || memcmp(answer.at, expected.at, expected.size))
			fail_msg("%s: %zu bytes, %zu expected", datagrams[i], answer.size,
				 expected.size);
	}
	assert_int_equal(flow_lab_calls(lab, UDP_ENDPOINT).rejected, COUNT(datagrams));
	assert_int_equal(flow_lab_count(lab, 0), 0);
}

static void what_can_not_be_answered_is_dropped(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(unanswerable); i++) {
		set_gates(WEIR_GATE_REJECT);
		if (leaves("%s", unanswerable[i]) != DROPPED)
			fail_msg("not dropped: %s", unanswerable[i]);
		set_gates(WEIR_GATE_PASS);
		if (leaves("%s", unanswerable[i]) != PASSES)
			fail_msg("does not pass a closed breaker: %s", unanswerable[i]);
	}
}

/* -------------------------------------------------------------------------------------- who passes */

static void only_calls_to_the_endpoint_are_rejected(void **state)
{
	(void)state;
	set_gates(WEIR_GATE_REJECT);
	set_gate(PLAIN_ENDPOINT, WEIR_GATE_REJECT, 0, 60 * SECOND);
	assert_int_equal(leaves("ip4/tcp dport=80"), ANSWERED);
	assert_int_equal(leaves("ip4/udp dport=53"), ANSWERED);
	/* another port, protocol, address; one without a breaker */
	assert_int_equal(leaves("ip4/tcp dport=82"), PASSES);
	assert_int_equal(leaves("ip4/tcp dport=53"), PASSES);
	assert_int_equal(leaves("ip4/udp dport=80"), PASSES);
	assert_int_equal(leaves("ip4 dst=198.51.100.81/tcp dport=80"), PASSES);
	assert_int_equal(leaves("ip4/tcp dport=81"), PASSES);
	/* no SYN, and a SYN of no call */
	assert_int_equal(leaves("ip4/tcp dport=80 flags=A"), PASSES);
	assert_int_equal(leaves("ip4/tcp dport=80 flags=SA"), PASSES);
	assert_int_equal(leaves("ip4/tcp dport=80 flags=PA/data n=5"), PASSES);
	assert_int_equal(leaves("ip4/tcp dport=80 flags=SR"), PASSES);
	assert_int_equal(leaves("ip4 off=3/proto n=17/data n=40"), PASSES);
	/* what comes in */
	comes("ip4/tcp dport=80");
	comes("ip4 src=198.51.100.80 dst=192.0.2.1/udp sport=53 dport=40000");
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).rejected, 1);
	assert_int_equal(flow_lab_calls(lab, UDP_ENDPOINT).rejected, 1);
	assert_int_equal(flow_lab_calls(lab, PLAIN_ENDPOINT).rejected, 0);
	/* no upstreams any more */
	lab->side->endpoint[TCP_ENDPOINT].flags = 0;
	assert_int_equal(leaves("ip4/tcp dport=80"), PASSES);
}

static void a_gate_that_nobody_renews_lets_all_pass(void **state)
{
	(void)state;
	for (enum weir_gate gate = WEIR_GATE_REJECT; gate <= WEIR_GATE_PERMITS; gate++) {
		set_gate(TCP_ENDPOINT, gate, 0, 100 * MS);
		set_gate(UDP_ENDPOINT, gate, 0, 100 * MS);
		assert_int_equal(leaves("ip4/tcp"), ANSWERED);
		assert_int_equal(leaves("ip6/udp"), ANSWERED);
		usleep(110 * 1000);
		assert_int_equal(leaves("ip4/tcp sport=%d", 1000 + gate), PASSES);
		assert_int_equal(leaves("ip6/udp sport=%d", 1000 + gate), PASSES);
	}
	/* words of a daemon that knows more */
	breakers[TCP_ENDPOINT].until_ns = ~0ULL;
	breakers[TCP_ENDPOINT].word = WEIR_GATE_WORD(1, 0, WEIR_GATE_FORCED + 1);
	assert_int_equal(leaves("ip4/tcp sport=1010"), PASSES);
}

static void probes_pass_every_gate_and_take_no_permit(void **state)
{
	struct frame syn, datagram;

	(void)state;
	assert_int_equal(frame_build(&syn, "ip4/tcp sport=77"), 0);
	assert_int_equal(frame_build(&datagram, "ip6/udp"), 0);
	set_gates(WEIR_GATE_REJECT);
	assert_int_equal(run_marked(true, &syn, WEIR_PROBE_MARK, NULL), PASSES);
	assert_int_equal(run_marked(true, &datagram, WEIR_PROBE_MARK, NULL), PASSES);
	assert_int_equal(run_marked(true, &syn, WEIR_PROBE_MARK + 1, NULL), ANSWERED);
	set_gate(TCP_ENDPOINT, WEIR_GATE_PERMITS, 1, SECOND);
	set_gate(UDP_ENDPOINT, WEIR_GATE_PERMITS, 1, SECOND);
	assert_int_equal(run_marked(true, &syn, WEIR_PROBE_MARK, NULL), PASSES);
	assert_int_equal(run_marked(true, &datagram, WEIR_PROBE_MARK, NULL), PASSES);
	assert_int_equal(WEIR_GATE_PERMITS_OF(breakers[TCP_ENDPOINT].word), 1);
	assert_int_equal(WEIR_GATE_PERMITS_OF(breakers[UDP_ENDPOINT].word), 1);
	/* and the daemon counts them, not the kernel */
	assert_null(flow_lab_flow(lab, 80, 77));
}

static void an_observed_breaker_counts_and_lets_pass(void **state)
{
	(void)state;
	set_flags(TCP_ENDPOINT, WEIR_ENDPOINT_OBSERVE | WEIR_ENDPOINT_RESET);
	set_flags(UDP_ENDPOINT, WEIR_ENDPOINT_OBSERVE);
	set_gates(WEIR_GATE_REJECT);
	assert_int_equal(leaves("ip4/tcp"), PASSES);
	assert_int_equal(leaves("ip6/udp"), PASSES);
	assert_int_equal(leaves("ip6/udp"), PASSES);
	assert_int_equal(leaves("ip4/tcp flags=PA/data n=5"), PASSES);
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).rejected, 1);
	assert_int_equal(flow_lab_calls(lab, UDP_ENDPOINT).rejected, 2);
	/* half-open: only those over it */
	set_gate(TCP_ENDPOINT, WEIR_GATE_PERMITS, 1, SECOND);
	assert_int_equal(leaves("ip4/tcp sport=1"), PASSES);
	assert_int_equal(leaves("ip4/tcp sport=2"), PASSES);
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).rejected, 2);
	/* and calls that pass are followed as ever */
	assert_non_null(flow_lab_flow(lab, 80, 2));
}

static void what_is_forced_open_rejects_also_where_it_only_observes(void **state)
{
	(void)state;
	set_flags(TCP_ENDPOINT, WEIR_ENDPOINT_OBSERVE | WEIR_ENDPOINT_RESET);
	set_flags(UDP_ENDPOINT, WEIR_ENDPOINT_OBSERVE);
	set_gates(WEIR_GATE_FORCED);
	assert_int_equal(leaves("ip4/tcp"), ANSWERED);
	assert_int_equal(leaves("ip6/udp"), ANSWERED);
	assert_int_equal(leaves("ip4/tcp flags=PA/data n=5"), ANSWERED);
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).rejected, 1);
	set_flags(TCP_ENDPOINT, 0);
	assert_int_equal(leaves("ip4/tcp sport=7"), ANSWERED);
}

/* ----------------------------------------------------------------------------------------- permits */

static u32 permits_left(u32 endpoint)
{
	return WEIR_GATE_PERMITS_OF(breakers[endpoint].word);
}

static void each_call_takes_one_permit_and_a_syn_sent_again_none(void **state)
{
	(void)state;
	set_gate(TCP_ENDPOINT, WEIR_GATE_PERMITS, 3, 60 * SECOND);
	assert_int_equal(leaves("ip4/tcp sport=1 seq=7"), PASSES);
	assert_int_equal(permits_left(TCP_ENDPOINT), 2);
	assert_int_equal(leaves("ip4/tcp sport=1 seq=7"), PASSES);
	assert_int_equal(leaves("ip4/tcp sport=1 seq=7"), PASSES);
	assert_int_equal(permits_left(TCP_ENDPOINT), 2);
	/* another call from the same port */
	assert_int_equal(leaves("ip4/tcp sport=1 seq=8"), PASSES);
	assert_int_equal(permits_left(TCP_ENDPOINT), 1);
	assert_int_equal(leaves("ip4/tcp sport=1 seq=8"), PASSES);
	assert_int_equal(leaves("ip6/tcp sport=2"), PASSES);
	assert_int_equal(permits_left(TCP_ENDPOINT), 0);
	assert_int_equal(leaves("ip6/tcp sport=3"), ANSWERED);
	assert_int_equal(leaves("ip4/tcp sport=1 seq=9"), ANSWERED);
	assert_int_equal(leaves("ip6/tcp sport=2"), PASSES);
	/* one that begins before the gate closes has none */
	set_gate(TCP_ENDPOINT, WEIR_GATE_PASS, 0, 60 * SECOND);
	assert_int_equal(leaves("ip4/tcp sport=4"), PASSES);
	set_gate(TCP_ENDPOINT, WEIR_GATE_PERMITS, 1, 60 * SECOND);
	assert_int_equal(leaves("ip4/tcp sport=4"), PASSES);
	assert_int_equal(permits_left(TCP_ENDPOINT), 0);
	assert_int_equal(leaves("ip4/tcp sport=4"), PASSES);
	/* nor has one of another time */
	set_gate(TCP_ENDPOINT, WEIR_GATE_PERMITS, 0, 60 * SECOND);
	assert_int_equal(leaves("ip4/tcp sport=4"), ANSWERED);
	set_gate(TCP_ENDPOINT, WEIR_GATE_PERMITS, 1, 60 * SECOND);
	assert_int_equal(leaves("ip4/tcp sport=4"), PASSES);
	assert_int_equal(permits_left(TCP_ENDPOINT), 0);
	/* and when it opens again, there are none for anybody */
	set_gate(TCP_ENDPOINT, WEIR_GATE_REJECT, 5, 60 * SECOND);
	assert_int_equal(leaves("ip4/tcp sport=4"), ANSWERED);
	assert_int_equal(permits_left(TCP_ENDPOINT), 5);
}

static void each_datagram_takes_a_permit(void **state)
{
	u64 word;

	(void)state;
	set_gate(UDP_ENDPOINT, WEIR_GATE_PERMITS, 2, 60 * SECOND);
	word = breakers[UDP_ENDPOINT].word;
	assert_int_equal(leaves("ip4/udp"), PASSES);
	assert_int_equal(leaves("ip4/udp"), PASSES);
	assert_int_equal(leaves("ip4/udp"), ANSWERED);
	assert_int_equal(breakers[UDP_ENDPOINT].word, word - (2 << 8));
}

struct caller {
	u16 first;
	u32 cpu, passed, answered;
	pthread_barrier_t *barrier;
};

#define CALLS 100

static void *call(void *context)
{
	struct caller *caller = context;
	struct frame frames[CALLS];

	lab_pin_to_cpu(caller->cpu);
	for (u32 i = 0; i < CALLS; i++)
		frame_build(&frames[i], i & 1 ? "ip4/tcp sport=%u" : "ip6/tcp sport=%u",
			    caller->first + i);
	pthread_barrier_wait(caller->barrier);
	for (u32 i = 0; i < CALLS; i++) {
		int became = run(true, &frames[i]);

		caller->passed += became == PASSES;
		caller->answered += became == ANSWERED;
	}
	return NULL;
}

/* Two processors with a hundred callers each */
static void race(u32 permits)
{
	struct caller callers[2] = {{.first = 1000}, {.first = 2000, .cpu = 1}};
	pthread_barrier_t barrier;
	pthread_t threads[2];

	memset(lab->flows, 0, lab->sets * sizeof(*lab->flows));
	set_gate(TCP_ENDPOINT, WEIR_GATE_PERMITS, permits, 60 * SECOND);
	pthread_barrier_init(&barrier, NULL, 2);
	for (int i = 0; i < 2; i++) {
		callers[i].barrier = &barrier;
		assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	assert_int_equal(callers[0].passed + callers[1].passed, permits);
	assert_int_equal(callers[0].answered + callers[1].answered, 2 * CALLS - permits);
	assert_int_equal(permits_left(TCP_ENDPOINT), 0);
}

static void of_200_callers_on_two_processors_exactly_3_pass(void **state)
{
	(void)state;
	for (int round = 0; round < 100; round++)
		race(3);
	for (int round = 0; round < 50; round++)
		race(150);
}

/* ------------------------------------------------------------------------------------ our own resets */

static void assert_no_failure(u32 endpoint)
{
	struct weir_calls calls = flow_lab_calls(lab, endpoint);

	for (int i = 0; i < WEIR_RESULT_SLOTS; i++)
		assert_int_equal(calls.result[i], 0);
	assert_int_equal(breakers[endpoint].streak, 0);
	assert_int_equal(ring_buffer__consume(ring), 0);
}

static void a_rejected_syn_that_was_sent_before_is_no_failure(void **state)
{
	struct frame syn, answer;

	(void)state;
	assert_int_equal(frame_build(&syn, "ip4/tcp"), 0);
	assert_int_equal(run(true, &syn), PASSES);
	assert_int_equal(flow_lab_flow(lab, 80, 40000)->state, WEIR_FLOW_ASKED);
	set_gates(WEIR_GATE_REJECT);
	assert_int_equal(run_marked(true, &syn, 0, &answer), ANSWERED);
	assert_int_equal(flow_lab_flow(lab, 80, 40000)->state, WEIR_FLOW_CLOSED);
	assert_int_equal(flow_lab_flow(lab, 80, 40000)->since, 0);
	/* the answer comes in, as it will; then a late one of the upstream's */
	assert_int_equal(run_marked(false, &answer, WEIR_ANSWER_MARK, NULL), PASSES);
	comes(IN_4 "flags=SA seq=99 ack=0x1235");
	comes(IN_4 "flags=R seq=0 ack=0x1235");
	assert_no_failure(TCP_ENDPOINT);
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).rejected, 1);
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).connected, 0);
	/* sent once more when the breaker has closed it is a call like any other */
	set_gates(WEIR_GATE_PASS);
	assert_int_equal(run(true, &syn), PASSES);
	comes(IN_4 "flags=RA seq=0 ack=0x1235");
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).result[WEIR_RESULT_REFUSED], 1);
}

/* A connection from port 40000 that has sent a request */
static void connect_and_ask(void)
{
	assert_int_equal(leaves(OUT_4 "flags=S seq=100"), PASSES);
	comes(IN_4 "flags=SA seq=500 ack=101");
	assert_int_equal(leaves(OUT_4 "flags=A seq=101 ack=501"), PASSES);
	assert_int_equal(leaves(OUT_4 "flags=PA seq=101 ack=501/data n=10"), PASSES);
	assert_int_equal(flow_lab_flow(lab, 80, 40000)->state, WEIR_FLOW_OPEN);
}

static void established_connections_are_left_alone_unless_told(void **state)
{
	(void)state;
	connect_and_ask();
	set_gates(WEIR_GATE_REJECT);
	assert_int_equal(leaves(OUT_4 "flags=A seq=111 ack=501"), PASSES);
	comes(IN_4 "flags=PA seq=501 ack=111/data n=20");
	assert_int_equal(leaves(OUT_4 "flags=PA seq=111 ack=521/data n=10"), PASSES);
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).result[WEIR_RESULT_OK], 1);
	set_flags(TCP_ENDPOINT, WEIR_ENDPOINT_RESET);
	set_gate(TCP_ENDPOINT, WEIR_GATE_PERMITS, 0, SECOND);
	assert_int_equal(leaves(OUT_4 "flags=PA seq=121 ack=521/data n=10"), PASSES);
	set_gate(TCP_ENDPOINT, WEIR_GATE_PASS, 0, SECOND);
	assert_int_equal(leaves(OUT_4 "flags=PA seq=131 ack=521/data n=10"), PASSES);
	/* a RST is let go */
	set_gates(WEIR_GATE_REJECT);
	assert_int_equal(leaves(OUT_4 "flags=R seq=141"), PASSES);
	assert_int_equal(leaves(OUT_4 "flags=RA seq=141 ack=521"), PASSES);
}

static void told_to_it_resets_them_so_that_their_sender_believes_it(void **state)
{
	static const char *const packets[] = {
		OUT_4 "flags=PA seq=111 ack=501/data n=1000",
		OUT_4 "flags=A seq=111 ack=501",
		OUT_4 "flags=FA seq=111 ack=501",
	};

	(void)state;
	set_flags(TCP_ENDPOINT, WEIR_ENDPOINT_RESET);
	for (size_t i = 0; i < COUNT(packets); i++) {
		struct frame packet, expected, answer;

		set_gates(WEIR_GATE_PASS);
		connect_and_ask();
		set_gates(WEIR_GATE_REJECT);
		assert_int_equal(frame_build(&packet, "%s", packets[i]), 0);
		assert_int_equal(frame_build(&expected,
					     "ip4 src=198.51.100.80 dst=192.0.2.1 df/tcp sport=80 "
					     "dport=40000 seq=501 flags=R win=0 | mac=back"),
				 0);
		assert_int_equal(run_marked(true, &packet, 0, &answer), ANSWERED);
		assert_int_equal(answer.size, expected.size);
		assert_memory_equal(answer.at, expected.at, expected.size);
		assert_int_equal(flow_lab_flow(lab, 80, 40000)->state, WEIR_FLOW_CLOSED);
		assert_int_equal(run(false, &answer), PASSES);
		/* should that get lost, what is sent again gets it too */
		assert_int_equal(run(true, &packet), ANSWERED);
	}
	assert_no_failure(TCP_ENDPOINT);
	/* not a call: not counted as one that was rejected */
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).rejected, 0);
	/* a connection older than Weir, at the first packet that says it is one */
	memset(lab->flows, 0, lab->sets * sizeof(*lab->flows));
	assert_int_equal(leaves("ip6/tcp flags=PA ack=77/data n=10"), ANSWERED);
	assert_int_equal(leaves("ip6/tcp flags=R"), PASSES);
}

/* ------------------------------------------------------------------------------------- what is told */

static void assert_told(size_t i, enum weir_result result, u32 streak, u64 since)
{
	assert_in_range(i, 0, tolds - 1);
	assert_int_equal(told[i].endpoint, TCP_ENDPOINT);
	assert_int_equal(told[i].result, result);
	assert_int_equal(told[i].connected, 0);
	assert_int_equal(told[i].streak, streak);
	assert_int_equal(told[i].epoch, WEIR_GATE_EPOCH_OF(breakers[TCP_ENDPOINT].word));
	assert_in_range(told[i].began_ns, since, told[i].time_ns);
	assert_in_range(told[i].time_ns, since, lab_now_ns());
}

/* What the ring held since the last time */
static size_t hear_all(void)
{
	tolds = 0;
	assert_true(ring_buffer__consume(ring) >= 0);
	return tolds;
}

static void each_failure_is_told_at_once_with_its_streak(void **state)
{
	u64 since[3];

	(void)state;
	set_gate(TCP_ENDPOINT, WEIR_GATE_PASS, 0, SECOND);
	since[0] = lab_now_ns();
	assert_int_equal(leaves(OUT_4 "flags=S seq=100"), PASSES);
	comes(IN_4 "flags=RA seq=0 ack=101");
	assert_int_equal(hear_all(), 1);
	assert_told(0, WEIR_RESULT_REFUSED, 1, since[0]);

	since[1] = lab_now_ns();
	connect_and_ask();
	comes(IN_4 "flags=R seq=501");
	assert_int_equal(hear_all(), 1);
	assert_told(0, WEIR_RESULT_RESET, 2, since[1]);

	since[2] = lab_now_ns();
	connect_and_ask();
	{
		struct frame answer;

		assert_int_equal(frame_build(&answer, IN_4 "flags=PA seq=501 ack=111/data n=20"),
				 0);
		memcpy(answer.at + answer.size - 20, "HTTP/1.1 503 Busy\r\n\r", 20);
		assert_int_equal(run(false, &answer), PASSES);
	}
	assert_int_equal(hear_all(), 1);
	assert_told(0, WEIR_RESULT_HTTP_5XX, 3, since[2]);
	assert_int_equal(breakers[TCP_ENDPOINT].streak, 3);
}

static void a_success_ends_the_streak_and_is_told_only_while_half_open(void **state)
{
	u64 since = lab_now_ns();

	(void)state;
	set_gate(TCP_ENDPOINT, WEIR_GATE_PASS, 0, SECOND);
	breakers[TCP_ENDPOINT].streak = 4;
	connect_and_ask();
	assert_int_equal(breakers[TCP_ENDPOINT].streak, 4);
	comes(IN_4 "flags=PA seq=501 ack=111/data n=20");
	assert_int_equal(breakers[TCP_ENDPOINT].streak, 0);
	assert_int_equal(hear_all(), 0);

	/* late, and of HTTP: what is not plain; slow is a success */
	lab->side->endpoint[TCP_ENDPOINT].slow_ns = 0;
	breakers[TCP_ENDPOINT].streak = 4;
	assert_int_equal(leaves(OUT_4 "flags=A seq=111 ack=521/data n=10"), PASSES);
	assert_int_equal(leaves(OUT_4 "flags=PA seq=121 ack=521/data n=10"), PASSES);
	comes(IN_4 "flags=A seq=521 ack=131/data n=20");
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).result[WEIR_RESULT_SLOW], 1);
	assert_int_equal(breakers[TCP_ENDPOINT].streak, 0);
	assert_int_equal(hear_all(), 0);

	set_gate(TCP_ENDPOINT, WEIR_GATE_PERMITS, 5, SECOND);
	breakers[TCP_ENDPOINT].streak = 2;
	since = lab_now_ns();
	connect_and_ask();
	assert_int_equal(hear_all(), 1);
	assert_int_equal(told[0].connected, 1);
	assert_int_equal(told[0].streak, 2);
	assert_int_equal(told[0].endpoint, TCP_ENDPOINT);
	assert_in_range(told[0].began_ns, since, told[0].time_ns);
	comes(IN_4 "flags=PA seq=501 ack=111/data n=20");
	assert_int_equal(hear_all(), 1);
	assert_told(0, WEIR_RESULT_SLOW, 0, since);
	since = lab_now_ns();
	assert_int_equal(leaves(OUT_4 "sport=41 flags=S seq=100"), PASSES);
	comes("ip4 src=198.51.100.80 dst=192.0.2.1/tcp sport=80 dport=41 flags=RA seq=0 ack=101");
	assert_int_equal(hear_all(), 1);
	assert_told(0, WEIR_RESULT_REFUSED, 1, since);
}

static void datagrams_that_waited_too_long_are_failures(void **state)
{
	u64 since;

	(void)state;
	lab->side->endpoint[UDP_ENDPOINT].answer_timeout_ns = 5 * MS;
	since = lab_now_ns();
	assert_int_equal(leaves("ip4/udp"), PASSES);
	assert_int_equal(leaves("ip4/udp"), PASSES);
	assert_int_equal(hear_all(), 0);
	usleep(6000);
	assert_int_equal(leaves("ip4/udp"), PASSES);
	assert_int_equal(hear_all(), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(told[i].endpoint, UDP_ENDPOINT);
		assert_int_equal(told[i].result, WEIR_RESULT_NO_ANSWER);
		assert_int_equal(told[i].streak, i + 1);
		assert_in_range(told[i].began_ns, since - 64, since + 5 * MS);
	}
	comes("ip4 src=198.51.100.80 dst=192.0.2.1/udp sport=53 dport=40000");
	assert_int_equal(hear_all(), 0);
	assert_int_equal(breakers[UDP_ENDPOINT].streak, 0);
	assert_int_equal(flow_lab_calls(lab, UDP_ENDPOINT).result[WEIR_RESULT_OK], 1);
}

static void an_endpoint_without_a_breaker_has_nothing_to_tell(void **state)
{
	(void)state;
	assert_int_equal(leaves("ip4/tcp dport=81 flags=S seq=100"), PASSES);
	comes("ip4 src=198.51.100.80 dst=192.0.2.1/tcp sport=81 dport=40000 flags=RA seq=0 ack=101");
	assert_int_equal(flow_lab_calls(lab, PLAIN_ENDPOINT).result[WEIR_RESULT_REFUSED], 1);
	assert_int_equal(hear_all(), 0);
	assert_int_equal(breakers[PLAIN_ENDPOINT].streak, 0);
}

static void what_the_ring_has_no_room_for_is_counted(void **state)
{
	const u32 calls = 4000;
	struct frame syn, refusal;

	(void)state;
	assert_int_equal(frame_build(&syn, OUT_4 "flags=S seq=100"), 0);
	assert_int_equal(frame_build(&refusal, IN_4 "flags=RA seq=0 ack=101"), 0);
	for (u32 i = 0; i < calls; i++) {
		assert_int_equal(run(true, &syn), PASSES);
		assert_int_equal(run(false, &refusal), PASSES);
	}
	assert_int_equal(flow_lab_calls(lab, TCP_ENDPOINT).result[WEIR_RESULT_REFUSED], calls);
	assert_int_equal(breakers[TCP_ENDPOINT].streak, calls);
	hear_all();
	/* 40 bytes each, with their header */
	assert_in_range(tolds, 128 * 1024 / 40 - 2, 128 * 1024 / 40);
	assert_int_equal(tolds + flow_lab_sums(lab).outcomes_lost, calls);
}

/* -------------------------------------------------------------------------------------- for others' eyes */

static void print_frame(const struct frame *frame, char after)
{
	for (size_t i = 0; i < frame->size; i++)
		printf("%02x", frame->at[i]);
	putchar(after);
}

/* "DESCRIPTION tab FRAME tab ANSWER" for each packet that is answered */
static int print_answers(void)
{
	open_lab(NULL);
	set_gates(WEIR_GATE_REJECT);
	for (size_t i = 0; i < COUNT(resets) + COUNT(datagrams); i++) {
		const char *text = i < COUNT(resets) ? resets[i].syn : datagrams[i - COUNT(resets)];
		struct frame frame, answer;

		if (i < COUNT(resets))
			assert_int_equal(frame_build(&frame, "%s", text), 0);
		else
			build_datagram(text, &frame);
		assert_int_equal(run_marked(true, &frame, 0, &answer), ANSWERED);
		printf("%s\t", text);
		print_frame(&frame, '\t');
		print_frame(&answer, '\n');
	}
	return close_lab(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_lab, close_lab)

static int tests(void)
{
	const struct CMUnitTest list[] = {
		TEST(a_syn_to_an_open_breaker_is_answered_byte_for_byte),
		TEST(a_datagram_to_an_open_breaker_is_answered_byte_for_byte),
		TEST(what_can_not_be_answered_is_dropped),
		TEST(only_calls_to_the_endpoint_are_rejected),
		TEST(a_gate_that_nobody_renews_lets_all_pass),
		TEST(probes_pass_every_gate_and_take_no_permit),
		TEST(an_observed_breaker_counts_and_lets_pass),
		TEST(what_is_forced_open_rejects_also_where_it_only_observes),
		TEST(each_call_takes_one_permit_and_a_syn_sent_again_none),
		TEST(each_datagram_takes_a_permit),
		TEST(of_200_callers_on_two_processors_exactly_3_pass),
		TEST(a_rejected_syn_that_was_sent_before_is_no_failure),
		TEST(established_connections_are_left_alone_unless_told),
		TEST(told_to_it_resets_them_so_that_their_sender_believes_it),
		TEST(each_failure_is_told_at_once_with_its_streak),
		TEST(a_success_ends_the_streak_and_is_told_only_while_half_open),
		TEST(datagrams_that_waited_too_long_are_failures),
		TEST(an_endpoint_without_a_breaker_has_nothing_to_tell),
		TEST(what_the_ring_has_no_room_for_is_counted),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int count, char **arguments)
{
	return lab_main(count == 2 && !strcmp(arguments[1], "answers") ? print_answers : tests);
}
