// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The pass over the flow table: what it counts, whom it lists, what it gives up on */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/core/flow_table.h"
#include "user/daemon/scan_flows.h"

#define SETS 64
#define SECOND 1000000000ULL
#define NOW (1000000 * SECOND)
#define TCP 6
#define UDP 17

/* A table, and all that a pass reads and writes */
static struct world {
	struct weir_flow_set set[SETS];
	struct weir_late late[WEIR_ENDPOINTS];
	struct scan_timeout timeout[WEIR_ENDPOINTS];
	struct scan_flows *scan;
	struct snapshot *out;
	unsigned int told, pauses;
	uint32_t told_endpoint;
	bool told_connecting;
	uint64_t told_since_ns;
} * world;

static int begin(void **state)
{
	(void)state;
	world = aligned_alloc(64, (sizeof(*world) + 63) / 64 * 64);
	memset(world, 0, sizeof(*world));
	world->scan = scan_flows_new(SETS);
	assert_non_null(world->scan);
	for (int i = 0; i < WEIR_ENDPOINTS; i++)
		world->timeout[i] = (struct scan_timeout){3 * SECOND, 30 * SECOND};
	return 0;
}

static int end(void **state)
{
	(void)state;
	snapshot_unref(world->out);
	scan_flows_free(world->scan);
	free(world);
	return 0;
}

static void note(void *context, uint32_t endpoint, bool connecting, uint64_t since_ns)
{
	struct world *here = context;

	here->told++;
	here->told_endpoint = endpoint;
	here->told_connecting = connecting;
	here->told_since_ns = since_ns;
}

static void pause_here(void *context)
{
	((struct world *)context)->pauses++;
}

static const struct snapshot *pass(uint64_t now_ns)
{
	const struct scan_flows_input input = {
		.set = world->set,
		.sets = SETS,
		.late = world->late,
		.timeout = world->timeout,
		.now_ns = now_ns,
		.given_up = note,
		.context = world,
		.pause = {pause_here, world},
	};

	snapshot_unref(world->out);
	world->out = snapshot_new();
	scan_flows_run(world->scan, &input, world->out);
	return world->out;
}

/* The n-th place of the table, its state mattering until `until_ns` */
static struct weir_flow *put(unsigned int n, uint64_t until_ns, struct weir_flow flow)
{
	struct weir_flow_set *set = &world->set[n / WEIR_WAYS];

	set->way[n % WEIR_WAYS] = flow;
	set->slot[n % WEIR_WAYS] = WEIR_SLOT(n + 1, weir_coarse(until_ns * WEIR_TICKS_PER_NS));
	return &set->way[n % WEIR_WAYS];
}

/* ------------------------------------------------------------------------------------- counting */

static void flows_that_may_be_forgotten_are_not_counted(void **state)
{
	(void)state;
	put(0, NOW + SECOND, (struct weir_flow){.state = WEIR_FLOW_OPEN, .protocol = TCP});
	put(1, NOW - SECOND, (struct weir_flow){.state = WEIR_FLOW_OPEN, .protocol = TCP});
	put(2, NOW, (struct weir_flow){.state = WEIR_FLOW_CLOSED, .protocol = TCP});
	put(SETS * WEIR_WAYS - 1, NOW + 600 * SECOND,
	    (struct weir_flow){.state = WEIR_FLOW_ASKED, .protocol = UDP});
	world->set[3].slot[3] = WEIR_SLOT_BUSY;
	assert_int_equal(pass(NOW)->flows, 2);
	assert_int_equal(world->out->flow_capacity, SETS * WEIR_WAYS);
}

static void only_connections_to_an_upstream_that_were_made_are_open(void **state)
{
	const struct {
		uint8_t state, protocol, flags;
		uint16_t owner;
		int left_s;
	} flows[] = {
		{WEIR_FLOW_ASKED, TCP, WEIR_FLOW_UPSTREAM, 7, 9},
		{WEIR_FLOW_ANSWERED, TCP, WEIR_FLOW_UPSTREAM, 7, 9}, /* counts */
		{WEIR_FLOW_OPEN, TCP, WEIR_FLOW_UPSTREAM, 7, 9},     /* counts */
		{WEIR_FLOW_OPEN, TCP, WEIR_FLOW_UPSTREAM, 7, -1},    /* silent too long */
		{WEIR_FLOW_CLOSED, TCP, WEIR_FLOW_UPSTREAM, 7, 9},
		{WEIR_FLOW_OPEN, UDP, WEIR_FLOW_UPSTREAM, 7, 9},
		{WEIR_FLOW_OPEN, TCP, 0, 7, 9},			   /* of a service */
		{WEIR_FLOW_OPEN, TCP, WEIR_FLOW_UPSTREAM, 255, 9}, /* another's */
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		put(i * 11, NOW + (uint64_t)(flows[i].left_s * (int64_t)SECOND),
		    (struct weir_flow){.state = flows[i].state,
				       .protocol = flows[i].protocol,
				       .flags = flows[i].flags,
				       .owner = flows[i].owner});
	assert_int_equal(pass(NOW)->endpoint[7].connections, 2);
	assert_int_equal(world->out->endpoint[255].connections, 1);
	assert_int_equal(world->out->endpoint[0].connections, 0);
}

/* ------------------------------------------------------------------------------------- timeouts */

static struct weir_flow call(uint8_t state, uint8_t protocol, uint16_t endpoint, uint64_t age_ns)
{
	return (struct weir_flow){.state = state,
				  .protocol = protocol,
				  .flags = WEIR_FLOW_UPSTREAM,
				  .owner = endpoint,
				  .since = NOW - age_ns};
}

static void calls_that_take_too_long_are_given_up_on_once(void **state)
{
	const struct {
		uint8_t state, protocol;
		uint64_t age_ns;
		unsigned int connect_timeout, no_answer;
	} calls[] = {
		{WEIR_FLOW_ASKED, TCP, 3 * SECOND, 0, 0}, /* just in time */
		{WEIR_FLOW_ASKED, TCP, 3 * SECOND + 1, 1, 0},
		{WEIR_FLOW_ASKED, TCP, 3000 * SECOND, 1, 0},
		{WEIR_FLOW_ANSWERED, TCP, 3000 * SECOND, 0, 0}, /* nothing was asked */
		{WEIR_FLOW_OPEN, TCP, 30 * SECOND, 0, 0},
		{WEIR_FLOW_OPEN, TCP, 30 * SECOND + 1, 0, 1},
		{WEIR_FLOW_CLOSED, TCP, 3000 * SECOND, 0, 0},
		{WEIR_FLOW_ASKED, UDP, 30 * SECOND, 0, 0},
		{WEIR_FLOW_ASKED, UDP, 30 * SECOND + 1, 0, 1},
		{WEIR_FLOW_ANSWERED, UDP, 30 * SECOND + 1, 0, 1},
		{WEIR_FLOW_OPEN, UDP, 30 * SECOND + 1, 0, 1},
		{WEIR_FLOW_OPEN, TCP, (uint64_t)-SECOND, 0, 0}, /* asked after the clock was read */
	};
	const unsigned int count = sizeof(calls) / sizeof(calls[0]);
	struct weir_flow *flows[sizeof(calls) / sizeof(calls[0])];

	(void)state;
	for (unsigned int i = 0; i < count; i++)
		flows[i] =
			put(i, NOW + SECOND,
			    call(calls[i].state, calls[i].protocol, (uint16_t)i, calls[i].age_ns));
	for (int again = 0; again < 2; again++) {
		pass(NOW);
		for (unsigned int i = 0; i < count; i++) {
			bool given_up = calls[i].connect_timeout + calls[i].no_answer;

			if (world->late[i].connect_timeout != calls[i].connect_timeout ||
			    world->late[i].no_answer != calls[i].no_answer)
				fail_msg("call %u, pass %d: connect_timeout %llu, no_answer %llu",
					 i, again,
					 (unsigned long long)world->late[i].connect_timeout,
					 (unsigned long long)world->late[i].no_answer);
			assert_int_equal(flows[i]->since, given_up ? 0 : NOW - calls[i].age_ns);
			assert_int_equal(!!(flows[i]->flags & WEIR_FLOW_TIMED_OUT),
					 calls[i].connect_timeout);
			assert_true(flows[i]->flags & WEIR_FLOW_UPSTREAM);
		}
	}
}

static void services_and_calls_without_a_timeout_are_left_alone(void **state)
{
	struct weir_flow service = call(WEIR_FLOW_OPEN, TCP, 3, 4000 * SECOND);
	struct weir_flow *flow[2];

	(void)state;
	service.flags = 0;
	world->timeout[5] = (struct scan_timeout){0, 0};
	flow[0] = put(0, NOW + SECOND, service);
	flow[1] = put(1, NOW + SECOND, call(WEIR_FLOW_OPEN, TCP, 5, 4000 * SECOND));
	pass(NOW);
	for (int i = 0; i < 2; i++)
		assert_int_equal(flow[i]->since, NOW - 4000 * SECOND);
	assert_int_equal(world->late[3].no_answer + world->late[5].no_answer, 0);
}

static void a_silent_call_is_given_up_on_though_its_flow_may_be_forgotten(void **state)
{
	(void)state;
	put(9, NOW - 60 * SECOND, call(WEIR_FLOW_ASKED, TCP, 1, 64 * SECOND));
	assert_int_equal(pass(NOW)->flows, 0);
	assert_int_equal(world->late[1].connect_timeout, 1);
}

static void nothing_is_taken_from_a_way_that_is_being_written(void **state)
{
	struct weir_flow *flow = put(0, NOW + SECOND, call(WEIR_FLOW_OPEN, TCP, 1, 64 * SECOND));

	(void)state;
	world->set[0].slot[0] = WEIR_SLOT_BUSY;
	pass(NOW);
	assert_int_equal(flow->since, NOW - 64 * SECOND);
	assert_int_equal(world->late[1].no_answer, 0);
}

static void what_is_given_up_on_is_told_at_once(void **state)
{
	(void)state;
	put(2, NOW + SECOND, call(WEIR_FLOW_ASKED, TCP, 9, 4 * SECOND));
	pass(NOW);
	assert_int_equal(world->told, 1);
	assert_int_equal(world->told_endpoint, 9);
	assert_true(world->told_connecting);
	assert_int_equal(world->told_since_ns, NOW - 4 * SECOND);
	put(3, NOW + SECOND, call(WEIR_FLOW_OPEN, TCP, 8, 31 * SECOND));
	pass(NOW);
	assert_int_equal(world->told, 2);
	assert_int_equal(world->told_endpoint, 8);
	assert_false(world->told_connecting);
	assert_true(world->pauses >= 2);
}

static void syns_wait_until_they_are_given_up_on(void **state)
{
	(void)state;
	put(0, NOW + SECOND, call(WEIR_FLOW_ASKED, TCP, 7, SECOND));
	put(1, NOW + SECOND, call(WEIR_FLOW_ASKED, TCP, 7, 2 * SECOND));
	put(2, NOW + SECOND, call(WEIR_FLOW_ASKED, UDP, 7, SECOND));
	put(3, NOW + SECOND, call(WEIR_FLOW_ANSWERED, TCP, 7, SECOND));
	put(4, NOW + SECOND, call(WEIR_FLOW_ASKED, TCP, 8, 4 * SECOND)); /* too long */
	assert_int_equal(pass(NOW)->endpoint[7].waiting_syns, 2);
	assert_int_equal(world->out->endpoint[8].waiting_syns, 0);
}

/* ------------------------------------------------------------------------------------------ top */

static void the_busiest_come_first_and_no_more_than_there_is_room_for(void **state)
{
	const unsigned int count = SETS * WEIR_WAYS;
	struct weir_flow *flow[SETS * WEIR_WAYS];

	(void)state;
	for (unsigned int i = 0; i < count; i++)
		flow[i] = put(i, NOW + 600 * SECOND,
			      (struct weir_flow){.state = WEIR_FLOW_OPEN,
						 .protocol = TCP,
						 .rport = (u16)i,
						 .bytes = {1000000, 2000000}});
	pass(NOW);
	for (unsigned int i = 0; i < count;
	     i++) /* 211 and 512 have no factor in common: a shuffle */
		flow[i]->bytes[i % 2] += 6400ULL * (i * 211 % count);
	pass(NOW + 2 * SECOND);
	assert_int_equal(world->out->flow_tops, SNAPSHOT_TOP);
	for (unsigned int i = 0; i < SNAPSHOT_TOP; i++) {
		assert_int_equal(world->out->flow[i].rport * 211 % count, count - 1 - i);
		assert_float_equal(world->out->flow[i].rate, 3200.0 * (count - 1 - i), 1e-6);
	}
	assert_int_equal(pass(NOW + 3 * SECOND)->flow_tops, 0); /* nobody sent a byte */
}

static void a_way_that_has_got_another_flow_counts_all_of_its_bytes(void **state)
{
	(void)state;
	put(4, NOW + SECOND, (struct weir_flow){.state = WEIR_FLOW_OPEN, .bytes = {5000000, 0}});
	pass(NOW);
	put(4, NOW + SECOND, (struct weir_flow){.state = WEIR_FLOW_OPEN, .bytes = {64000, 0}});
	world->set[0].slot[4] += 1000; /* another tag */
	pass(NOW + SECOND);
	assert_int_equal(world->out->flow_tops, 1);
	assert_float_equal(world->out->flow[0].rate, 64000, 1e-6);
}

static void bytes_go_in_and_out_as_this_host_sees_them(void **state)
{
	struct weir_flow flow = {.state = WEIR_FLOW_OPEN,
				 .protocol = TCP,
				 .owner = 12,
				 .interface = 3,
				 .bytes = {1000, 70000},
				 .packets = {10, 20},
				 .rport = 443,
				 .lport = 40000,
				 .remote = {1, 2},
				 .local = {3, 4}};
	const struct snapshot_flow *top;

	(void)state;
	put(0, NOW + WEIR_FLOW_LIFE_NS - 5 * SECOND, flow);
	flow.flags = WEIR_FLOW_UPSTREAM;
	flow.bytes[1] = 50000;
	put(1, NOW + WEIR_FLOW_LIFE_NS, flow);
	pass(NOW - SECOND); /* the first pass knows no time that has passed: no rates */
	assert_float_equal(world->out->flow[0].rate, 0, 0);
	world->set[0].way[0].bytes[0] += 70000;
	world->set[0].way[1].bytes[0] += 50000;
	pass(NOW);
	assert_int_equal(world->out->flow_tops, 2);

	top = &world->out->flow[0];
	assert_false(top->upstream);
	assert_int_equal(top->owner, 12);
	assert_int_equal(top->interface, 3);
	assert_int_equal(top->bytes_in, 71000);
	assert_int_equal(top->bytes_out, 70000);
	assert_int_equal(top->packets_in, 10);
	assert_int_equal(top->packets_out, 20);
	assert_int_equal(top->rport, 443);
	assert_int_equal(top->lport, 40000);
	assert_memory_equal(top->remote, flow.remote, 16);
	assert_memory_equal(top->local, flow.local, 16);
	assert_float_equal(top->silent_seconds, 5, 0.035);

	top = &world->out->flow[1];
	assert_true(top->upstream);
	assert_int_equal(top->bytes_in, 50000);
	assert_int_equal(top->bytes_out, 51000);
	assert_int_equal(top->packets_in, 20);
	assert_int_equal(top->packets_out, 10);
	assert_float_equal(top->silent_seconds, 0, 0.035);
}

/* As long as the kernel gives it, which is not the same for a call of ours and for anybody's SYN */
static void silence_counts_from_the_last_packet_in_every_state(void **state)
{
	const struct {
		uint8_t state;
		bool upstream;
	} flows[] = {
		{WEIR_FLOW_ASKED, false},   {WEIR_FLOW_ASKED, true}, {WEIR_FLOW_ANSWERED, false},
		{WEIR_FLOW_ANSWERED, true}, {WEIR_FLOW_OPEN, false}, {WEIR_FLOW_OPEN, true},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		struct weir_flow flow = {.state = flows[i].state,
					 .flags = flows[i].upstream ? WEIR_FLOW_UPSTREAM : 0,
					 .bytes = {64}};
		struct weir_flow *there = put(i, 0, flow);
		u32 tag = (u32)world->set[0].slot[i];

		world->set[0].slot[i] = WEIR_SLOT(
			tag, weir_flow_expiry(flow.state, flows[i].upstream, NOW - 2 * SECOND));
		pass(NOW - SECOND);
		there->bytes[0] += 64000;
		pass(NOW);
		assert_float_equal(world->out->flow[0].silent_seconds, 2, 0.035);
		world->set[0].slot[i] = WEIR_SLOT_FREE;
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(silence_counts_from_the_last_packet_in_every_state),
		TEST(flows_that_may_be_forgotten_are_not_counted),
		TEST(only_connections_to_an_upstream_that_were_made_are_open),
		TEST(calls_that_take_too_long_are_given_up_on_once),
		TEST(what_is_given_up_on_is_told_at_once),
		TEST(syns_wait_until_they_are_given_up_on),
		TEST(services_and_calls_without_a_timeout_are_left_alone),
		TEST(a_silent_call_is_given_up_on_though_its_flow_may_be_forgotten),
		TEST(nothing_is_taken_from_a_way_that_is_being_written),
		TEST(the_busiest_come_first_and_no_more_than_there_is_room_for),
		TEST(a_way_that_has_got_another_flow_counts_all_of_its_bytes),
		TEST(bytes_go_in_and_out_as_this_host_sees_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
