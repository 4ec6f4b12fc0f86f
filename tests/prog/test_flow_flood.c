/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir-test: alone */
/*
 * A SYN flood, each packet from a source never seen, against a flow table in which honest connections live: what becomes of
 * their samples. Packets are made in the kernel, by the program that the benchmarks use.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/lib/script.h"
/* after the types it uses */
#include "tests/lib/script.skel.h"
#include "tests/prog/lab.h"

#define ROOM (1 << 18)
#define HONEST 50000 /* of each family */
#define MILLION 1000000u
#define PARTS 10
#define STRANGERS (1 << 24) /* number of the first flow that is not honest */

struct stage {
	struct datapath *datapath;
	struct config *config;
	struct script_bpf *programs;
	struct frame frame[2]; /* by is it IPv6 */
	uint32_t strangers;    /* that have been */
};

static void stage_open(struct stage *stage)
{
	struct datapath_error error = {};
	int map;

	*stage = (struct stage){};
	datapath_detach_pins(lab_pins(), error.text, sizeof(error.text));
	stage->config = lab_config(1024, "services: [{name: web, match: [tcp/80, udp/53]}]\n");
	stage->config->flows = ROOM;
	if (datapath_open(stage->config, &stage->datapath, &error) ||
	    datapath_apply(stage->datapath, stage->config, &error))
		fail_msg("%s", error.text);
	stage->programs = script_bpf__open_and_load();
	assert_non_null(stage->programs);
	map = bpf_map__fd(stage->programs->maps.weir_script_prog);
	for (uint32_t target = SCRIPT_IN; target <= SCRIPT_OUT; target++) {
		int program = datapath_program_fd(stage->datapath, 2 + (int)(target - SCRIPT_IN));

		assert_int_equal(bpf_map_update_elem(map, &target, &program, BPF_ANY), 0);
	}
	script_frame(&stage->frame[0], false, false);
	script_frame(&stage->frame[1], true, false);
}

static void stage_close(struct stage *stage)
{
	struct datapath_error error;

	script_bpf__destroy(stage->programs);
	assert_int_equal(datapath_detach(stage->datapath, &error), 0);
	datapath_close(stage->datapath);
	config_unref(stage->config);
}

/* All flows of the script say the lines of a lap once; it goes on from there the next time. */
static void play(struct stage *stage, struct script *script, bool ipv6)
{
	struct script *plan = &stage->programs->bss->weir_script_plan;
	int result;

	script->target = SCRIPT_IN;
	*plan = *script;
	result = lab_run_fd(bpf_program__fd(stage->programs->progs.weir_script),
			    &stage->frame[ipv6], (unsigned int)script->flows * script->lines, NULL);
	assert_int_equal(result, -1); /* 2: a tail call failed */
	*script = *plan;
}

static void play_once(struct stage *stage, const char *const *line, uint32_t first, uint32_t flows,
		      bool ipv6)
{
	struct script script;

	script_begin(&script, flows, 80, true);
	script.first = first;
	script.by_flow = 1;
	for (; *line; line++)
		script_add(&script, *line);
	play(stage, &script, ipv6);
}

/* So many sources never seen, half of them IPv6. Where nobody holds them back the host answers each. */
static void flood(struct stage *stage, uint32_t syns, bool answered)
{
	static const char *const ignored[] = {"ask S", NULL};
	static const char *const accepted[] = {"ask S", "answer SA", NULL};

	for (int ipv6 = 0; ipv6 <= 1; ipv6++)
		play_once(stage, answered ? accepted : ignored, STRANGERS + stage->strangers,
			  syns / 2, ipv6);
	stage->strangers += syns / 2;
}

static uint64_t samples(struct stage *stage, enum weir_latency latency)
{
	const struct weir_state *names = datapath_names(stage->datapath);
	struct weir_histogram histogram;
	uint64_t count = 0;
	uint32_t web = 0;

	while (strcmp(names->service[web], "web") != 0)
		assert_true(++web < WEIR_SERVICES);
	assert_int_equal(datapath_histogram(stage->datapath, latency, web, &histogram), 0);
	for (int i = 0; i < WEIR_SLOTS; i++)
		count += histogram.slot[i];
	return count;
}

static uint64_t memory_of(struct stage *stage)
{
	struct datapath_map maps[32];
	size_t count = datapath_maps(stage->datapath, maps, 32);
	uint64_t bytes = 0;

	assert_true(count > 0);
	for (size_t i = 0; i < count; i++)
		bytes += maps[i].memory_bytes;
	return bytes;
}

static struct weir_flow_sums sums_of(struct stage *stage)
{
	struct weir_flow_sums sums;

	assert_int_equal(datapath_flow_sums(stage->datapath, &sums), 0);
	return sums;
}

static const char *const handshake[] = {"ask S", "answer SA", "ask A", NULL};

static void begin_honest(struct script script[2])
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		script_begin(&script[ipv6], HONEST, 80, false);
		script_add(&script[ipv6], "ask PA 200");
		script_add(&script[ipv6], "answer PA 1000");
	}
}

/*
 * 100,000 connections in a table of 262,144. Through so many SYNs, all requests are made and answered ten times: those of at least 99 of
 * 100 connections give a sample, each time.
 */
static void honest_flows_give_their_samples_through(uint32_t syns, bool answered)
{
	struct script honest[2];
	struct stage stage;
	uint64_t memory, fewest = 2 * HONEST, begin, spent = 0;
	struct weir_flow_sums sums;

	stage_open(&stage);
	memory = memory_of(&stage);
	for (int ipv6 = 0; ipv6 <= 1; ipv6++)
		play_once(&stage, handshake, 0, HONEST, ipv6);
	assert_in_range(samples(&stage, WEIR_LATENCY_ROUND_TRIP), HONEST * 2 * 99 / 100,
			HONEST * 2);
	begin_honest(honest);
	for (int part = 0; part < PARTS; part++) {
		uint64_t before = samples(&stage, WEIR_LATENCY_RESPONSE), got;

		begin = lab_now_ns();
		flood(&stage, syns / PARTS, answered);
		spent += lab_now_ns() - begin;
		play(&stage, &honest[0], false);
		play(&stage, &honest[1], true);
		got = samples(&stage, WEIR_LATENCY_RESPONSE) - before;
		fewest = got < fewest ? got : fewest;
		assert_in_range(got, 2 * HONEST * 99 / 100, 2 * HONEST);
	}
	sums = sums_of(&stage);
	printf("# %u SYNs%s, %llu ns each: of %d requests at least %llu sampled, each of %d times; "
	       "%llu flows made, %llu found no room\n",
	       2 * stage.strangers, answered ? ", each answered" : "",
	       (unsigned long long)(spent / syns), 2 * HONEST, (unsigned long long)fewest, PARTS,
	       (unsigned long long)sums.inserts,
	       (unsigned long long)sums.discarded[WEIR_DISCARD_NO_ROOM]);
	assert_int_equal(2 * stage.strangers, syns);
	/* It was a flood: it came into the table, over and over, and nowhere else. */
	assert_true(sums.inserts > syns * 9ULL / 10);
	assert_int_equal(memory_of(&stage), memory);
	stage_close(&stage);
}

static void through_5_million_syns_honest_flows_give_their_samples(void **state)
{
	(void)state;
	honest_flows_give_their_samples_through(5 * MILLION, false);
}

static void through_a_million_syns_that_are_answered_they_do_as_well(void **state)
{
	(void)state;
	honest_flows_give_their_samples_through(MILLION, true);
}

/*
 * Honest connections that begin in the midst of a flood: between their SYN-ACK and their ACK come 50,000 other SYNs, as in
 * 50 ms of a million a second. Their handshakes are measured, and so is what they ask then.
 */
static void a_connection_made_in_a_flood_is_measured_like_any_other(void **state)
{
	static const char *const accepted[] = {"ask S", "answer SA", NULL};
	struct script rest, requests;
	uint64_t trips = 0, asked = 0;
	struct stage stage;

	(void)state;
	stage_open(&stage);
	flood(&stage, 2 * ROOM, true);
	for (uint32_t part = 0; part < PARTS; part++) {
		bool ipv6 = part % 2;

		play_once(&stage, accepted, part * 1000, 1000, ipv6);
		flood(&stage, 50000, true);
		script_begin(&rest, 1000, 80, false);
		rest.first = part * 1000;
		requests = rest;
		script_add(&rest, "ask A");
		play(&stage, &rest, ipv6);
		flood(&stage, 50000, true);
		script_add(&requests, "ask PA 200");
		script_add(&requests, "answer PA 1000");
		play(&stage, &requests, ipv6);
	}
	trips = samples(&stage, WEIR_LATENCY_ROUND_TRIP);
	asked = samples(&stage, WEIR_LATENCY_RESPONSE);
	printf("# of %d connections made in a flood %llu handshakes and %llu requests measured\n",
	       PARTS * 1000, (unsigned long long)trips, (unsigned long long)asked);
	assert_in_range(trips, PARTS * 990, PARTS * 1000);
	assert_in_range(asked, PARTS * 990, PARTS * 1000);
	stage_close(&stage);
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(through_5_million_syns_honest_flows_give_their_samples),
		cmocka_unit_test(through_a_million_syns_that_are_answered_they_do_as_well),
		cmocka_unit_test(a_connection_made_in_a_flood_is_measured_like_any_other),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return lab_main(tests);
}
