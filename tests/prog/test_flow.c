/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Telemetry at TC, packet in and figures out: that the programs see in real packets what the state machine
 * (tests/unit/test_flow.c) is fed with, whose a flow is, and where what it tells is counted.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/lib/random.h"
#include "tests/prog/flow_lab.h"
#include "tests/prog/lab.h"

#define MS 1000000ULL
/* What a test may take between two packets: far below the next bound */
#define SLACK_NS (40 * MS)

/* Slots by the lab's bounds */
enum { TO_1US, TO_1MS, TO_10MS, TO_100MS, TO_1S, ABOVE };

static struct flow_lab *lab;

static int open_lab(void **state)
{
	(void)state;
	lab = flow_lab_open(1024);
	return 0;
}

static int close_lab(void **state)
{
	(void)state;
	flow_lab_close(lab);
	return 0;
}

/* --------------------------------------------------------------------------------- conversations */

/* How a packet may look that carries the same */
struct dress {
	const char *tags, *ip, *extensions, *remote, *local;
};

static const struct dress plain = {"", "ip4", "", "203.0.113.7", "198.51.100.80"};
static const struct dress dresses[] = {
	{"", "ip4", "", "203.0.113.7", "198.51.100.80"},
	{"vlan/", "ip4", "", "203.0.113.7", "198.51.100.80"},
	{"qinq/vlan/", "ip4", "", "203.0.113.7", "198.51.100.80"},
	{"", "ip4 opt=12", "", "203.0.113.7", "198.51.100.80"},
	{"", "ip6", "", "2001:db8::7", "2001:db8:ffff::80"},
	{"vlan/", "ip6", "", "2001:db8::7", "2001:db8:ffff::80"},
	{"", "ip6", "hop/dest len=2/", "2001:db8::7", "2001:db8:ffff::80"},
};
#define DRESSES (sizeof(dresses) / sizeof(dresses[0]))

struct talk {
	const struct dress *dress;
	bool udp;
	u16 rport, lport;
	u32 next[2]; /* sequence numbers: of the remote end, of the local one */
	u64 bytes[2];
	u32 packets[2];
};

enum { IN, OUT };

/* The frame of one packet; sequence numbers go on. Payload: `text`, or `size` zeros */
static void build(struct talk *talk, int way, const char *flags, const char *text, u32 size,
		  struct frame *frame)
{
	const struct dress *d = talk->dress;
	char transport[160];

	size = text ? (u32)strlen(text) : size;
	if (talk->udp)
		snprintf(transport, sizeof(transport), "udp sport=%u dport=%u",
			 way ? talk->lport : talk->rport, way ? talk->rport : talk->lport);
	else
		snprintf(transport, sizeof(transport),
			 "tcp sport=%u dport=%u flags=%s seq=%u ack=%u",
			 way ? talk->lport : talk->rport, way ? talk->rport : talk->lport, flags,
			 talk->next[way], strchr(flags, 'A') ? talk->next[!way] : 0);
	assert_int_equal(frame_build(frame, "%s%s src=%s dst=%s/%s%s/data n=%u", d->tags, d->ip,
				     way ? d->local : d->remote, way ? d->remote : d->local,
				     d->extensions, transport, size),
			 0);
	if (text)
		memcpy(frame->at + frame->size - size, text, size);
	talk->next[way] += size + !!strchr(flags, 'S') + !!strchr(flags, 'F');
	talk->bytes[way] += frame->size;
	talk->packets[way]++;
}

static void say_text(struct talk *talk, int way, const char *flags, const char *text)
{
	struct frame frame;

	build(talk, way, flags, text, 0, &frame);
	assert_int_equal(flow_lab_pass(lab, way, &frame, NULL), 0);
}

static void say(struct talk *talk, int way, const char *flags, u32 size)
{
	struct frame frame;

	build(talk, way, flags, NULL, size, &frame);
	assert_int_equal(flow_lab_pass(lab, way, &frame, NULL), 0);
}

static struct weir_flow *flow_of(const struct talk *talk)
{
	return flow_lab_flow(lab, talk->rport, talk->lport);
}

/* What the flow measures began so much earlier. */
static void wait_for(const struct talk *talk, u64 ns)
{
	struct weir_flow *flow = flow_of(talk);

	assert_non_null(flow);
	assert_true(flow->since > ns);
	flow->since -= ns;
}

static struct talk talk_to(const struct dress *dress, bool udp, u16 rport, u16 lport)
{
	return (struct talk){dress, udp, rport, lport, {0xfffffff0, 7000000}, {}, {}};
}

/* first: who calls, IN for a service, OUT for an upstream */
static struct talk connect_to(const struct dress *dress, int first, u16 rport, u16 lport)
{
	struct talk talk = talk_to(dress, false, rport, lport);

	say(&talk, first, "S", 0);
	say(&talk, !first, "SA", 0);
	say(&talk, first, "A", 0);
	assert_non_null(flow_of(&talk));
	assert_int_equal(flow_of(&talk)->state, WEIR_FLOW_OPEN);
	return talk;
}

static void assert_histogram(enum weir_latency latency, u32 owner, int slot, u64 count, u64 each_ns)
{
	struct weir_histogram sum = flow_lab_histogram(lab, 0, latency, owner);

	for (int i = 0; i < WEIR_SLOTS; i++)
		assert_int_equal(sum.slot[i], i == slot ? count : 0);
	assert_in_range(sum.sum_ns, count * each_ns, count * (each_ns + SLACK_NS));
}

#define WEB 3 /* a service */
#define API 5 /* an endpoint, of upstream 2 */

static void serve(void)
{
	flow_lab_service(lab, 443, WEB, WEIR_SERVICE_LATENCY);
}

static void call_upstream(u8 flags)
{
	struct weir_endpoint endpoint = {.flags = WEIR_ENDPOINT_USED | flags,
					 .upstream = 2,
					 .slow_ns = 100 * MS,
					 .answer_timeout_ns = 1000 * MS};

	for (size_t i = 0; i < DRESSES; i++) {
		flow_lab_endpoint(lab, dresses[i].remote, 8080, 6, API, endpoint);
		flow_lab_endpoint(lab, dresses[i].remote, 53, 17, API, endpoint);
	}
}

/* ------------------------------------------------------------------------- the four histograms */

static void assert_counts(const struct talk *talk, int first)
{
	const struct weir_flow *flow = flow_of(talk);

	for (int i = 0; i < 2; i++) {
		assert_int_equal(flow->bytes[i], talk->bytes[i ? !first : first]);
		assert_int_equal(flow->packets[i], talk->packets[i ? !first : first]);
	}
	assert_int_equal(flow->rport, talk->rport);
	assert_int_equal(flow->protocol, talk->udp ? 17 : 6);
	assert_int_equal(flow->interface, 0);
}

static void a_service_over_tcp_is_measured_however_its_packets_are_dressed(void **state)
{
	(void)state;
	serve();
	for (u16 i = 0; i < DRESSES; i++) {
		struct talk talk = talk_to(&dresses[i], false, (u16)(40000 + i), 443);

		say(&talk, IN, "S", 0);
		say(&talk, OUT, "SA", 0);
		wait_for(&talk, 25 * MS);
		say(&talk, IN, "A", 0);
		say(&talk, IN, "A", 1000);
		say(&talk, IN, "PA", 300);
		wait_for(&talk, 3 * MS);
		say(&talk, OUT, "A", 1000);
		say(&talk, OUT, "A", 1000);
		say(&talk, OUT, "PA", 10);
		say(&talk, IN, "A", 0);
		assert_counts(&talk, IN);
		say(&talk, OUT, "FA", 0);
		say(&talk, IN, "FA", 0);
		assert_int_equal(flow_of(&talk)->state, WEIR_FLOW_CLOSED);
	}
	assert_histogram(WEIR_LATENCY_ROUND_TRIP, WEB, TO_100MS, DRESSES, 25 * MS);
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_RESPONSE, WEB), DRESSES);
	assert_int_equal(flow_lab_sums(lab).inserts, DRESSES);
	assert_int_equal(flow_lab_count(lab, 0), DRESSES);
}

static void an_upstream_over_tcp_is_measured_however_its_packets_are_dressed(void **state)
{
	struct weir_calls calls;

	(void)state;
	call_upstream(0);
	for (u16 i = 0; i < DRESSES; i++) {
		struct talk talk = talk_to(&dresses[i], false, 8080, (u16)(50000 + i));

		say(&talk, OUT, "S", 0);
		wait_for(&talk, 25 * MS);
		say(&talk, IN, "SA", 0);
		say(&talk, OUT, "A", 0);
		say(&talk, OUT, "PA", 300);
		wait_for(&talk, 15 * MS);
		say(&talk, IN, "A", 1000);
		say(&talk, IN, "PA", 10);
		assert_counts(&talk, OUT);
		assert_int_equal(flow_of(&talk)->owner, API);
		assert_true(flow_of(&talk)->flags & WEIR_FLOW_UPSTREAM);
	}
	assert_histogram(WEIR_LATENCY_CONNECT, 2, TO_100MS, DRESSES, 25 * MS);
	assert_histogram(WEIR_LATENCY_UPSTREAM_RESPONSE, 2, TO_100MS, DRESSES, 15 * MS);
	calls = flow_lab_calls(lab, API);
	assert_int_equal(calls.connected, DRESSES);
	assert_int_equal(calls.result[WEIR_RESULT_OK], DRESSES);
	assert_int_equal(calls.http[0], 0);
}

static void udp_is_measured_both_ways(void **state)
{
	(void)state;
	flow_lab_service(lab, 53, WEB, WEIR_SERVICE_LATENCY);
	call_upstream(0);
	for (u16 i = 0; i < DRESSES; i++) {
		struct talk served = talk_to(&dresses[i], true, (u16)(40000 + i), 53);
		struct talk called = talk_to(&dresses[i], true, 53, (u16)(50000 + i));

		say(&served, IN, "", 30);
		wait_for(&served, 25 * MS);
		say(&served, OUT, "", 200);
		say(&served, OUT, "", 200);
		assert_counts(&served, IN);
		say(&called, OUT, "", 30);
		wait_for(&called, 250 * MS);
		say(&called, IN, "", 200);
		assert_counts(&called, OUT);
	}
	assert_histogram(WEIR_LATENCY_RESPONSE, WEB, TO_100MS, DRESSES, 25 * MS);
	assert_histogram(WEIR_LATENCY_UPSTREAM_RESPONSE, 2, TO_1S, DRESSES, 250 * MS);
	assert_int_equal(flow_lab_calls(lab, API).result[WEIR_RESULT_SLOW], DRESSES);
}

static void other_bounds_begin_with_the_other_bank(void **state)
{
	struct talk talk;

	(void)state;
	serve();
	talk = connect_to(&plain, IN, 40000, 443);
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_ROUND_TRIP, WEB), 1);
	lab->side->latency_bank = 1;
	lab->side->bound_ns[3] = 20 * MS;
	say(&talk, IN, "PA", 100);
	wait_for(&talk, 25 * MS);
	say(&talk, OUT, "PA", 100);
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_RESPONSE, WEB), 0);
	assert_int_equal(flow_lab_histogram(lab, 1, WEIR_LATENCY_RESPONSE, WEB).slot[4], 1);
}

/* ------------------------------------------------------------------------------- calls of upstreams */

/* A request and the first bytes of its answer, so much later */
static void call(struct talk *talk, u64 after_ns, const char *answer)
{
	say(talk, OUT, "PA", 100);
	wait_for(talk, after_ns);
	say_text(talk, IN, "PA", answer);
}

static void each_call_has_one_result(void **state)
{
	struct talk talk, refused;
	struct weir_calls calls;
	u64 total = 0;

	(void)state;
	call_upstream(0);
	talk = connect_to(&plain, OUT, 8080, 50000);
	call(&talk, 0, "quick");
	call(&talk, 50 * MS, "in time");
	call(&talk, 150 * MS, "slow");
	call(&talk, 500 * MS, "slow");
	call(&talk, 1500 * MS, "too late");
	say(&talk, OUT, "PA", 100);
	say(&talk, IN, "RA", 0);
	refused = talk_to(&plain, false, 8080, 50001);
	say(&refused, OUT, "S", 0);
	say(&refused, IN, "RA", 0);
	calls = flow_lab_calls(lab, API);
	assert_int_equal(calls.connected, 1);
	assert_int_equal(calls.result[WEIR_RESULT_OK], 2);
	assert_int_equal(calls.result[WEIR_RESULT_SLOW], 2);
	assert_int_equal(calls.result[WEIR_RESULT_NO_ANSWER], 1);
	assert_int_equal(calls.result[WEIR_RESULT_RESET], 1);
	assert_int_equal(calls.result[WEIR_RESULT_REFUSED], 1);
	for (int i = 0; i < WEIR_RESULT_SLOTS; i++)
		total += calls.result[i];
	assert_int_equal(total, 7);
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_UPSTREAM_RESPONSE, 2), 5);
}

static void answers_of_http_are_counted_by_class(void **state)
{
	static const struct {
		const char *answer;
		int class;
	} answers[] = {
		{"HTTP/1.1 200 OK\r\n", 2},
		{"HTTP/1.1 404 Not Found\r\n", 4},
		{"HTTP/1.0 503 No\r\n", 5},
		{"HTTP/1.1 101 Switching\r\n", 1},
		{"HTTP/1.1 302 Found\r\n", 3},
		{"HTTP/1.1 999 ?\r\n", 0},
		{"HTTP/1.1 099 ?\r\n", 0},
		{"HTTP/2 200 OK\r\n", 0},
		{"HTTP/1.1", 0},
		{"HTTP/1.1 50", 5},
		{"SSH-2.0-OpenSSH_9.2\r\n", 0},
		{"HTTP/1.1 500 Internal Server Error\r\n", 5},
	};
	struct weir_calls calls;
	u64 expected[6] = {};
	struct talk talk;

	(void)state;
	call_upstream(WEIR_ENDPOINT_HTTP);
	talk = connect_to(&plain, OUT, 8080, 50000);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		int class = answers[i].class;

		if (strlen(answers[i].answer) < 12)
			class = 0; /* cut before the end of the status: not known */
		expected[class]++;
		call(&talk, 0, answers[i].answer);
	}
	/* A failure is one however quick or slow it was. */
	call(&talk, 1500 * MS, "HTTP/1.1 502 Bad Gateway\r\n");
	expected[5]++;
	calls = flow_lab_calls(lab, API);
	assert_memory_equal(calls.http, expected, sizeof(expected));
	assert_int_equal(calls.result[WEIR_RESULT_HTTP_5XX], expected[5]);
	assert_int_equal(calls.result[WEIR_RESULT_OK], 13 - expected[5]);
	assert_int_equal(calls.result[WEIR_RESULT_NO_ANSWER], 0);
}

static void a_post_in_two_writes_is_one_request_and_two_gets_are_two(void **state)
{
	struct talk talk;

	(void)state;
	serve();
	talk = connect_to(&plain, IN, 40000, 443);
	for (int i = 0; i < 5; i++) {
		say_text(&talk, IN, "PA", "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n");
		say_text(&talk, IN, "PA", "body of the request");
		say_text(&talk, OUT, "PA", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n");
		say_text(&talk, OUT, "PA", "body of the answer");
		say_text(&talk, OUT, "PA", "and the rest of it");
	}
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_RESPONSE, WEB), 5);
	for (int i = 0; i < 5; i++) {
		say_text(&talk, IN, "PA", "GET /1 HTTP/1.1\r\n\r\n");
		say_text(&talk, IN, "PA", "GET /2 HTTP/1.1\r\n\r\n");
		say_text(&talk, OUT, "PA", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n");
		say_text(&talk, OUT, "PA", "body of the answer");
		say_text(&talk, OUT, "PA", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n");
		say_text(&talk, OUT, "PA", "body of the answer");
	}
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_RESPONSE, WEB), 15);
	assert_int_equal(flow_lab_sums(lab).discarded[WEIR_DISCARD_PIPELINED], 0);
}

static void what_the_daemon_gave_up_on_is_not_counted_by_the_kernel(void **state)
{
	struct talk talk = talk_to(&plain, true, 53, 50000);
	struct weir_calls calls;

	(void)state;
	call_upstream(0);
	say(&talk, OUT, "", 30);
	flow_of(&talk)->since = 0;
	say(&talk, IN, "", 30);
	calls = flow_lab_calls(lab, API);
	for (int i = 0; i < WEIR_RESULT_SLOTS; i++)
		assert_int_equal(calls.result[i], 0);
	/* And what it was too late for is, once. */
	say(&talk, OUT, "", 30);
	wait_for(&talk, 1500 * MS);
	say(&talk, OUT, "", 30);
	say(&talk, IN, "", 30);
	calls = flow_lab_calls(lab, API);
	assert_int_equal(calls.result[WEIR_RESULT_NO_ANSWER], 1);
	assert_int_equal(calls.result[WEIR_RESULT_OK], 1);
}

static void what_gives_no_sample_is_counted(void **state)
{
	struct talk talk = talk_to(&plain, false, 40000, 443);
	struct weir_flow_sums sums;

	(void)state;
	serve();
	say(&talk, IN, "S", 0);
	talk.next[0]--;
	say(&talk, IN, "S", 0);
	say(&talk, OUT, "SA", 0);
	say(&talk, IN, "A", 0);
	for (int i = 0; i < 6; i++)
		say(&talk, IN, "PA", 10);
	sums = flow_lab_sums(lab);
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_ROUND_TRIP, WEB), 0);
	assert_int_equal(sums.retransmissions, 1);
	assert_int_equal(sums.discarded[WEIR_DISCARD_RETRANSMITTED], 1);
	assert_int_equal(sums.discarded[WEIR_DISCARD_PIPELINED], 2);
	assert_int_equal(sums.discarded[WEIR_DISCARD_EVICTED], 0);
}

/* --------------------------------------------------------------------------------------- lengths */

static void padding_is_no_data(void **state)
{
	struct talk talk = talk_to(&plain, false, 40000, 443);
	struct frame frame;

	(void)state;
	serve();
	/* An ACK is 54 bytes, and Ethernet sends 60. As data it would begin a flow. */
	build(&talk, IN, "A", NULL, 0, &frame);
	frame.size = 60;
	assert_int_equal(flow_lab_pass(lab, IN, &frame, NULL), 0);
	assert_int_equal(flow_lab_count(lab, 0), 0);
	say(&talk, IN, "S", 0);
	say(&talk, OUT, "SA", 0);
	build(&talk, IN, "A", NULL, 0, &frame);
	frame.size = 60;
	assert_int_equal(flow_lab_pass(lab, IN, &frame, NULL), 0);
	assert_int_equal(flow_of(&talk)->state, WEIR_FLOW_OPEN);
	assert_int_equal(flow_of(&talk)->since, 0);
	assert_int_equal(flow_of(&talk)->bytes[0], 54 + 60);
}

/* GRO's merged packets count as those that came, with headers of their own; so do those that GSO will cut */
static void a_packet_that_stands_for_many_counts_as_many(void **state)
{
	static const struct flow_lab_gso gso[] = {{1000, 3, 0}, {1000, 0, 0}};
	u64 bytes, samples = 0;
	struct frame frame;

	(void)state;
	serve();
	for (u16 i = 0; i < DRESSES; i++) {
		for (size_t g = 0; g < 2; g++) {
			struct talk talk =
				connect_to(&dresses[i], IN, (u16)(40000 + 2 * i + g), 443);
			struct weir_flow *flow = flow_of(&talk);
			u32 header;

			say(&talk, IN, "PA", 100);
			bytes = flow->bytes[1];
			build(&talk, OUT, "PA", NULL, 2500, &frame);
			header = (u32)frame.l4 + 20;
			assert_int_equal(flow_lab_pass(lab, OUT, &frame, &gso[g]), 0);
			assert_int_equal(flow->packets[1], 1 + 3);
			assert_int_equal(flow->bytes[1], bytes + frame.size + 2 * header);
			assert_int_equal(flow->answer_next, talk.next[1]);
			assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_RESPONSE, WEB),
					 ++samples);
		}
	}
}

/* ------------------------------------------------------------------------------- whose flow it is */

static void nothing_but_what_is_configured_is_followed(void **state)
{
	static const char *const strangers[] = {
		"ip4/tcp dport=443 flags=SA",
		"ip4/tcp dport=443 flags=A",
		"ip4/tcp dport=443 flags=R",
		"ip4/tcp dport=443 flags=FA",
		"ip4/tcp dport=443 flags=FA/data n=10",
		"ip4/tcp dport=22 flags=S",
		"ip4/tcp dport=81 flags=S",
		"ip4/udp dport=81/data n=9",
		"ip4/icmp",
		"ip4 off=100/proto n=6/data n=40",
		"ip4/proto n=47/data n=40",
		"ip6/frag off=9/tcp dport=443 flags=S",
		"arp",
		"ether",
		"ip4/tcp dport=443 flags=S doff=4",
		"ip4 len=30/tcp dport=443 flags=S",
		"ip4 len=200/tcp dport=443 flags=S",
		"ip6/hop/dest/hop/dest/hop/dest/hop/dest/hop/tcp dport=443 flags=S",
	};
	struct frame frame;

	(void)state;
	serve();
	flow_lab_service(lab, 22, 255, 0); /* protected */
	flow_lab_service(lab, 81, 4, 0);   /* a service that is not followed */
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		for (int out = 0; out < 2; out++) {
			assert_int_equal(frame_build(&frame, "%s", strangers[i]), 0);
			assert_int_equal(flow_lab_pass(lab, out, &frame, NULL), 0);
			if (flow_lab_count(lab, 0))
				fail_msg("%s is followed", strangers[i]);
		}
}

static void only_endpoints_in_use_are_upstreams(void **state)
{
	struct talk talk = talk_to(&plain, false, 8080, 50000),
		    other = talk_to(&plain, false, 8081, 50001);

	(void)state;
	call_upstream(0);
	say(&other, OUT, "S", 0);
	assert_int_equal(flow_lab_count(lab, 0), 0);
	lab->side->endpoint[API].flags = 0;
	say(&talk, OUT, "S", 0);
	assert_int_equal(flow_lab_count(lab, 0), 0);
	lab->side->endpoint[API].flags = WEIR_ENDPOINT_USED;
	lab->side->flags = 0;
	say(&talk, OUT, "S", 0);
	assert_int_equal(flow_lab_count(lab, 0), 0);
	lab->side->flags = WEIR_SIDE_ENDPOINTS;
	say(&talk, OUT, "S", 0);
	assert_int_equal(flow_lab_count(lab, 0), 1);
}

/* What comes back to this host's own calls goes to ports without a service: it is no request. */
static void an_answer_to_a_call_of_ours_is_no_request(void **state)
{
	struct talk web = talk_to(&plain, false, 443, 50000),
		    dns = talk_to(&plain, true, 53, 50001);
	struct talk api = talk_to(&plain, false, 8080, 2000),
		    app = talk_to(&plain, false, 50002, 9999);
	struct talk older = talk_to(&plain, false, 50003, 9999);

	(void)state;
	call_upstream(0);
	lab->side->service[WEIR_SERVICE_OTHER].flags = WEIR_SERVICE_LATENCY;
	say(&web, IN, "PA", 100);
	say(&dns, IN, "", 100);
	say(&api, IN, "PA", 100);
	assert_int_equal(flow_lab_count(lab, 0), 0);
	say(&app, IN, "S", 0);
	say(&older, IN, "PA", 100);
	assert_int_equal(flow_lab_count(lab, 0), 2);
}

static void another_configuration_asks_whose_a_flow_is_again(void **state)
{
	struct talk served, called;

	(void)state;
	serve();
	call_upstream(0);
	served = connect_to(&plain, IN, 40000, 443);
	called = connect_to(&plain, OUT, 8080, 50000);
	flow_lab_service(lab, 443, 9, WEIR_SERVICE_LATENCY);
	flow_lab_endpoint(lab, plain.remote, 8080, 6, 77, lab->side->endpoint[API]);
	say(&served, IN, "A", 0);
	assert_int_equal(flow_of(&served)->owner, WEB);
	lab->side->generation += 65536;
	say(&served, IN, "A", 0);
	assert_int_equal(flow_of(&served)->owner, WEB);
	lab->side->generation++;
	say(&served, OUT, "A", 0);
	say(&called, IN, "A", 0);
	assert_int_equal(flow_of(&served)->owner, 9);
	assert_int_equal(flow_of(&called)->owner, 77);
	say(&served, IN, "PA", 10);
	say(&served, OUT, "PA", 10);
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_RESPONSE, 9), 1);
	/* A service that is not followed any more, and an upstream that is gone, are forgotten. */
	lab->side->service[9].flags = 0;
	lab->side->endpoint[77].flags = 0;
	lab->side->generation++;
	say(&served, IN, "A", 0);
	say(&called, OUT, "A", 0);
	assert_int_equal(flow_lab_count(lab, 0), 0);
}

static void both_ends_of_a_connection_over_this_host_are_flows(void **state)
{
	struct talk here = talk_to(&plain, false, 50000, 8080), there;
	struct dress back = {"", "ip4", "", plain.local, plain.remote};

	(void)state;
	/* The same packets, out of the caller and in to the service */
	flow_lab_service(lab, 8080, WEB, WEIR_SERVICE_LATENCY);
	flow_lab_endpoint(lab, plain.local, 8080, 6, API,
			  (struct weir_endpoint){.flags = WEIR_ENDPOINT_USED, .upstream = 2});
	there = talk_to(&back, false, 8080, 50000);
	there.next[0] = here.next[1];
	there.next[1] = here.next[0];
	say(&there, OUT, "S", 0);
	say(&here, IN, "S", 0);
	say(&here, OUT, "SA", 0);
	say(&there, IN, "SA", 0);
	say(&there, OUT, "A", 0);
	say(&here, IN, "A", 0);
	assert_int_equal(flow_lab_count(lab, WEIR_FLOW_OPEN), 2);
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_ROUND_TRIP, WEB), 1);
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_CONNECT, 2), 1);
}

/* ----------------------------------------------------------------------------------------- flood */

#define FLOOD 300000
#define HONEST 1200 /* of 8192 ways: hardly ever more than 8 in one set */

static void patch(struct frame *frame, u32 source, u16 port, u32 seq, u32 ack)
{
	memcpy(frame->at + 26, &source, 4);
	memcpy(frame->at + 34, &port, 2);
	memcpy(frame->at + 38, &seq, 4);
	memcpy(frame->at + 42, &ack, 4);
}

/*
 * A SYN of a source that never comes back, answered or not, then now and then a request on one of the
 * connections that there were before, or a new one.
 */
static void a_flood_of_syns_takes_no_place_and_no_sample_of_honest_flows(void **state)
{
	struct random random = random_begin();
	struct talk *talk = calloc(HONEST, sizeof(*talk));
	struct frame syn, answer;
	u64 requests = 0, fresh = 0;
	struct weir_flow_sums sums;

	(void)state;
	assert_non_null(talk);
	serve();
	for (u16 i = 0; i < HONEST; i++)
		talk[i] = connect_to(&plain, IN, (u16)(10000 + i), 443);
	assert_int_equal(frame_build(&syn, "ip4/tcp dport=443 flags=S"), 0);
	assert_int_equal(frame_build(&answer, "ip4/tcp sport=443 flags=SA"), 0);
	for (u32 i = 0; i < FLOOD; i++) {
		u32 source = (u32)random_u64(&random), seq = (u32)random_u64(&random);
		u16 port = (u16)random_u64(&random) | htons(0x8000); /* not an honest one */

		patch(&syn, source, port, seq, 0);
		assert_int_equal(flow_lab_pass(lab, IN, &syn, NULL), 0);
		if (i % 4 == 0) {
			memcpy(answer.at + 26, syn.at + 30, 4);
			memcpy(answer.at + 30, &source, 4);
			memcpy(answer.at + 36, &port, 2);
			seq = htonl(ntohl(seq) + 1);
			memcpy(answer.at + 42, &seq, 4);
			assert_int_equal(flow_lab_pass(lab, OUT, &answer, NULL), 0);
		}
		if (i % 20 == 0) {
			struct talk *one = &talk[random_below(&random, HONEST)];

			say(one, IN, "PA", 100);
			say(one, OUT, "PA", 1000);
			requests++;
		}
		if (i % 2000 == 0) {
			connect_to(&plain, IN, (u16)(20000 + fresh), 443);
			fresh++;
		}
	}
	sums = flow_lab_sums(lab);
	printf("# %llu inserted, %llu evicted active, %llu without room, %llu requests\n",
	       (unsigned long long)sums.inserts, (unsigned long long)sums.evictions_active,
	       (unsigned long long)sums.discarded[WEIR_DISCARD_NO_ROOM],
	       (unsigned long long)requests);
	assert_int_equal(flow_lab_count(lab, 0), lab->sets * WEIR_WAYS);
	assert_int_equal(flow_lab_count(lab, WEIR_FLOW_OPEN), HONEST + fresh);
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_RESPONSE, WEB), requests);
	assert_int_equal(flow_lab_samples(lab, WEIR_LATENCY_ROUND_TRIP, WEB), HONEST + fresh);
	assert_true(sums.inserts > FLOOD * 9 / 10);
	assert_int_equal(sums.inserts,
			 sums.evictions_active + sums.evictions_idle + lab->sets * WEIR_WAYS);
	free(talk);
}

static int open_small_lab(void **state)
{
	(void)state;
	lab = flow_lab_open(1);
	return 0;
}

static void a_table_full_of_open_flows_takes_no_more(void **state)
{
	struct talk talk[WEIR_WAYS], late = talk_to(&plain, false, 39999, 443);

	(void)state;
	serve();
	for (u16 i = 0; i < WEIR_WAYS; i++)
		talk[i] = connect_to(&plain, IN, (u16)(40000 + i), 443);
	say(&late, IN, "S", 0);
	assert_null(flow_of(&late));
	assert_int_equal(flow_lab_sums(lab).discarded[WEIR_DISCARD_NO_ROOM], 1);
	/* Nor does its data: but that would say it again and again. */
	say(&late, IN, "PA", 10);
	assert_null(flow_of(&late));
	assert_int_equal(flow_lab_sums(lab).discarded[WEIR_DISCARD_NO_ROOM], 1);
	/* A closed one makes room at once; one that was silent for more than 5 minutes when it must. */
	say(&talk[3], IN, "RA", 0);
	say(&late, IN, "S", 0);
	assert_non_null(flow_of(&late));
	assert_null(flow_of(&talk[3]));
	assert_int_equal(flow_lab_sums(lab).evictions_idle, 1);
	assert_int_equal(flow_lab_sums(lab).evictions_active, 0);
}

static void what_is_evicted_while_something_is_under_way_is_said(void **state)
{
	struct talk talk;

	(void)state;
	serve();
	for (u16 i = 0; i < WEIR_WAYS + 1; i++) {
		talk = talk_to(&plain, false, (u16)(40000 + i), 443);
		say(&talk, IN, "S", 0);
		say(&talk, OUT, "SA", 0);
	}
	assert_int_equal(flow_lab_sums(lab).evictions_active, 1);
	assert_int_equal(flow_lab_sums(lab).discarded[WEIR_DISCARD_EVICTED], 1);
}

/* ----------------------------------------------------------------------------------------- the rest */

/* Bytes that are anything: whatever it is, it passes (flow_lab_pass() looks), and the table stays one. */
static void whatever_comes_passes(void **state)
{
	static const char *const frames[] = {
		"ip4/tcp dport=443 flags=PA/data n=60",
		"vlan/ip6/hop/tcp dport=443 flags=S/data n=60",
		"ip4 opt=8/udp dport=443/data n=60",
		"qinq/vlan/ip6/tcp sport=443 flags=SA",
	};
	struct random random = random_begin();
	struct frame frame;

	(void)state;
	serve();
	call_upstream(WEIR_ENDPOINT_HTTP);
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(frame_build(&frame, "%s", frames[random_below(&random, 4)]), 0);
		for (u64 changes = random_below(&random, 4); changes; changes--)
			frame.at[12 + random_below(&random, frame.size - 12)] =
				(u8)random_u64(&random);
		if (!random_below(&random, 4))
			frame.size = 14 + random_below(&random, frame.size - 14);
		/* The kernel refuses some for a test run: that is not ours. */
		flow_lab_pass(lab, (int)random_below(&random, 2), &frame, NULL);
	}
	for (u32 s = 0; s < lab->sets; s++)
		for (int w = 0; w < WEIR_WAYS; w++)
			assert_true(lab->flows[s].slot[w] != WEIR_SLOT_BUSY);
}

/* As in test_load.c: well above what it takes today, a tenth of what the kernel allows */
#define VERIFIED_INSNS_MAX 100000

static void the_verifier_walks_few_instructions(void **state)
{
	(void)state;
	for (int out = 0; out < 2; out++) {
		u32 insns = flow_lab_verified(lab, out);

		printf("# weir_flow_%s: %u instructions verified\n", out ? "out" : "in", insns);
		assert_in_range(insns, 1, VERIFIED_INSNS_MAX);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_lab, close_lab)

static int tests(void)
{
	const struct CMUnitTest list[] = {
		TEST(a_service_over_tcp_is_measured_however_its_packets_are_dressed),
		TEST(an_upstream_over_tcp_is_measured_however_its_packets_are_dressed),
		TEST(udp_is_measured_both_ways),
		TEST(other_bounds_begin_with_the_other_bank),
		TEST(each_call_has_one_result),
		TEST(answers_of_http_are_counted_by_class),
		TEST(a_post_in_two_writes_is_one_request_and_two_gets_are_two),
		TEST(what_the_daemon_gave_up_on_is_not_counted_by_the_kernel),
		TEST(what_gives_no_sample_is_counted),
		TEST(padding_is_no_data),
		TEST(a_packet_that_stands_for_many_counts_as_many),
		TEST(nothing_but_what_is_configured_is_followed),
		TEST(only_endpoints_in_use_are_upstreams),
		TEST(an_answer_to_a_call_of_ours_is_no_request),
		TEST(another_configuration_asks_whose_a_flow_is_again),
		TEST(both_ends_of_a_connection_over_this_host_are_flows),
		TEST(a_flood_of_syns_takes_no_place_and_no_sample_of_honest_flows),
		cmocka_unit_test_setup_teardown(a_table_full_of_open_flows_takes_no_more,
						open_small_lab, close_lab),
		cmocka_unit_test_setup_teardown(what_is_evicted_while_something_is_under_way_is_said,
						open_small_lab, close_lab),
		TEST(whatever_comes_passes),
		TEST(the_verifier_walks_few_instructions),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return lab_main(tests);
}
