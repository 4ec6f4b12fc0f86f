/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir-test: alone */
/*
 * Floods of spoofed sources: what they cost, what they can buy, and what becomes of an honest client
 * meanwhile. The sources are made in the kernel, by the program that the benchmarks use.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/bench/bench.h"
/* after the types it uses */
#include "tests/bench/bench.skel.h"
#include "tests/prog/lab.h"

/* ------------------------------------------------------------------------------------ the flood */

struct flood {
	struct bench_bpf *program;
	struct lab *lab;
};

static void flood_open(struct flood *flood, struct lab *lab)
{
	uint32_t zero = 0;
	int target = datapath_program_fd(lab->datapath, LAB_XDP);

	flood->lab = lab;
	flood->program = bench_bpf__open_and_load();
	assert_non_null(flood->program);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(flood->program->maps.weir_bench_prog),
					     &zero, &target, BPF_ANY),
			 0);
}

/* From a power of two of sources; odd: how consecutive ones are spread over all of them */
static void flood_sources(struct flood *flood, uint64_t sources, uint64_t odd)
{
	struct bench_source *each = calloc(flood->lab->cpus, sizeof(*each));
	uint32_t zero = 0;

	assert_non_null(each);
	for (uint32_t cpu = 0; cpu < flood->lab->cpus; cpu++)
		each[cpu] = (struct bench_source){.mask = sources - 1, .step = odd};
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(flood->program->maps.weir_bench_src),
					     &zero, each, BPF_ANY),
			 0);
	free(each);
}

/* Sends so many, returns nanoseconds for each. */
static uint32_t flood_send(struct flood *flood, const char *text, unsigned int packets)
{
	struct frame frame;
	uint32_t duration;
	int result;

	assert_int_equal(frame_build(&frame, "%s", text), 0);
	result = lab_run_fd(bpf_program__fd(flood->program->progs.weir_bench), &frame, packets,
			    &duration);
	assert_int_not_equal(result, 0); /* XDP_ABORTED: the tail call failed */
	return duration;
}

static uint64_t memory_of(struct lab *lab)
{
	struct datapath_map maps[32];
	size_t count = datapath_maps(lab->datapath, maps, 32);
	uint64_t bytes = 0;

	assert_true(count > 0);
	for (size_t i = 0; i < count; i++)
		bytes += maps[i].memory_bytes;
	return bytes;
}

static uint64_t passed_of(struct lab *lab, const char *text, unsigned int times)
{
	uint64_t before = lab_count(lab, WEIR_PASSED);
	struct frame frame;

	assert_int_equal(frame_build(&frame, "%s", text), 0);
	for (unsigned int i = 0; i < times; i++)
		lab_run(lab, LAB_XDP, &frame, 1);
	return lab_count(lab, WEIR_PASSED) - before;
}

/* ---------------------------------------------------------------------------------------- 16 million */

#define MILLION 1000000u

/*
 * An honest client has used 40 of its 100. Through 16 million packets, each from a source never seen, it keeps
 * its entry and has exactly 60 left, in a table of 65,536.
 */
static void through_16_million_sources_an_honest_client_keeps_its_state(void **state)
{
	struct lab *lab = lab_open(
		65536, "services: [{name: other, limits: {default: [100/day packets]}}]\n");
	uint64_t memory = memory_of(lab), honest = 40, sent = 0;
	uint32_t quiet, worst = 0, sum = 0;
	struct weir_totals totals;
	struct flood flood;

	(void)state;
	flood_open(&flood, lab);
	flood_sources(&flood, 1, 1);
	quiet = flood_send(&flood, "ip4/udp/data n=18", MILLION);
	lab_forget(lab);
	assert_int_equal(passed_of(lab, "ip4 src=224.0.0.77/udp", 40), 40);
	flood_sources(&flood, 1 << 24, 2654435761u);
	for (int i = 0; i < 16; i++) {
		uint32_t each = flood_send(&flood, "ip4/udp/data n=18", (1 << 24) / 16);

		sent += (1 << 24) / 16;
		sum += each;
		worst = each > worst ? each : worst;
		assert_non_null(lab_client(lab, "224.0.0.77", "other"));
		honest += passed_of(lab, "ip4 src=224.0.0.77/udp", 2);
	}
	assert_int_equal(honest, 40 + 32);
	assert_int_equal(passed_of(lab, "ip4 src=224.0.0.77/udp", 100), 28);
	assert_int_equal(datapath_totals(lab->datapath, &totals), 0);
	printf("# %llu sources: %u ns a packet, the worst million %u; from one source %u\n",
	       (unsigned long long)sent, sum / 16, worst, quiet);
	printf("# %llu inserted, %llu active ones evicted, %llu refused as new, %llu by their prefix\n",
	       (unsigned long long)totals.inserts, (unsigned long long)totals.evictions_active,
	       (unsigned long long)lab_count(lab, WEIR_NEW_CLIENT),
	       (unsigned long long)lab_count(lab, WEIR_PARENT_LIMITED));
	assert_int_equal(memory_of(lab), memory);
	/* It is some 200; others may have the processor half of the time. */
	assert_true(worst < 5000);
	bench_bpf__destroy(flood.program);
	lab_close(lab);
}

/* Admission is all that a flood can buy: what passes is bounded by the guard, not by the sources. */
static void a_spoofed_flood_buys_no_more_than_the_guard_lets_in(void **state)
{
	struct lab *lab = lab_open(65536, "services: [{name: other, new_clients: 1000/s, "
					  "limits: {default: [5/day packets]}}]\n");
	uint64_t begin = lab_now_ns(), passed, most;
	struct flood flood;

	(void)state;
	flood_open(&flood, lab);
	flood_sources(&flood, 1 << 24, 2654435761u);
	flood_send(&flood, "ip4/udp/data n=18", 4 * MILLION);
	passed = lab_count(lab, WEIR_PASSED);
	/* Each one let in, and each parent, which are let in at the same rate, passes 5 at most. */
	most = 5 * 2 * (1000 + (lab_now_ns() - begin) / 1000000 + 1);
	printf("# %llu of 4 million passed, %llu allowed\n", (unsigned long long)passed,
	       (unsigned long long)most);
	assert_in_range(passed, 1, most);
	bench_bpf__destroy(flood.program);
	lab_close(lab);
}

/* ------------------------------------------------------------------------------------------ prefixes */

static void send_from_64(struct lab *lab, struct frame *frame, size_t at, unsigned int n)
{
	frame->at[frame->l3 + 8 + at] = (uint8_t)(n >> 8);
	frame->at[frame->l3 + 9 + at] = (uint8_t)n;
	lab_run(lab, (int)(n & 1), frame, 1);
}

static void all_65536_addresses_of_one_64_are_one_client(void **state)
{
	struct lab *lab = lab_open(
		65536, "services: [{name: other, limits: {default: [100/day packets]}}]\n");
	struct weir_totals totals;
	struct frame frame;

	(void)state;
	assert_int_equal(frame_build(&frame, "ip6/udp"), 0);
	for (unsigned int n = 0; n < 65536; n++)
		send_from_64(lab, &frame, 14, n);
	assert_int_equal(lab_count(lab, WEIR_PASSED), 100);
	assert_int_equal(lab_count(lab, WEIR_LIMITED), 65436);
	assert_int_equal(datapath_totals(lab->datapath, &totals), 0);
	assert_int_equal(totals.inserts, 1);
	lab_close(lab);
}

static void the_65536_64s_of_one_48_are_caught_under_pressure(void **state)
{
	struct lab *lab = lab_open(65536, "services: [{name: other, new_clients: 100/s, "
					  "limits: {default: [10/day packets]}}]\n");
	uint64_t begin = lab_now_ns(), passed, most;
	struct frame frame;

	(void)state;
	assert_int_equal(frame_build(&frame, "ip6/udp"), 0);
	for (int round = 0; round < 3; round++)
		for (unsigned int n = 0; n < 65536; n++)
			send_from_64(lab, &frame, 6, n);
	passed = lab_count(lab, WEIR_PASSED);
	/* Those let in pass 3 each, and their /48 10, for all the others together */
	most = 3 * (100 + (lab_now_ns() - begin) / 10000000 + 1) + 10;
	printf("# %llu of 196608 passed, %llu allowed; %llu caught by their /48\n",
	       (unsigned long long)passed, (unsigned long long)most,
	       (unsigned long long)lab_count(lab, WEIR_PARENT_LIMITED));
	assert_in_range(passed, 10, most);
	assert_true(lab_count(lab, WEIR_PARENT_LIMITED) > 190000);
	lab_close(lab);
}

/* ------------------------------------------------- parents are prefixes, not their first addresses */

/* 254 addresses of a /24, of which a few are let in, send 4 each; what passes is the parent's. */
static uint64_t press(struct lab *lab)
{
	uint64_t before = lab_count(lab, WEIR_PASSED) + lab_count(lab, WEIR_UNLIMITED);

	for (int round = 0; round < 4; round++) {
		for (unsigned int host = 100; host < 250; host++) {
			struct frame frame;

			assert_int_equal(frame_build(&frame, "ip4 src=203.0.113.%u/udp", host), 0);
			lab_run(lab, LAB_XDP, &frame, 1);
		}
	}
	return lab_count(lab, WEIR_PASSED) + lab_count(lab, WEIR_UNLIMITED) - before;
}

static void a_parent_does_not_take_after_the_first_of_its_children(void **state)
{
	static const char *const lists[] = {
		"allow: [203.0.113.0/28]\n",
		"deny: [203.0.113.0]\n",
		"tiers: [{name: default}, {name: vip, prefixes: [203.0.113.0/25], unlimited: true}]\n"
		"deny: [203.0.113.100/30]\n",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct lab *lab;
		char yaml[400];
		uint64_t passed;

		snprintf(
			yaml, sizeof(yaml),
			"%sservices: [{name: other, new_clients: 1/s, limits: {default: [6/day packets]}}]\n",
			lists[i]);
		lab = lab_open(1024, yaml);
		passed = press(lab);
		printf("# %llu of 600 passed with %s", (unsigned long long)passed,
		       lists[i][0] ? lists[i] : "nothing\n");
		/* 24 are vip or denied in the third; one or two are let in and pass 4; the /24 passes 6 */
		if (i == 2)
			assert_in_range(passed, 24 * 4, 24 * 4 + 4 * 6 + 6);
		else
			assert_in_range(passed, 6 + 4, 6 + 6 * 4);
		lab_close(lab);
	}
}

/* Pressure is no reason to refuse those who have no limit. */
static void who_has_no_limit_needs_no_admission(void **state)
{
	static const struct {
		const char *what, *frame, *expected;
	} cases[] = {
		{"unlimited tier", "ip4 src=10.9.%u.%u/udp", "pass unlimited other/admin"},
		{"allowed", "ip4 src=192.0.%u.%u/udp", "pass unlimited other/default"},
		{"denied", "ip4 src=198.18.%u.%u/udp", "drop denied other/default"},
		{"a tier without limits here", "ip4 src=203.0.%u.%u/udp", "pass passed other/free"},
	};
	struct lab *lab = lab_open(1024,
				   "tiers: [{name: default}, {name: admin, prefixes: [10.0.0.0/8], "
				   "unlimited: true}, {name: free, prefixes: [203.0.0.0/16]}]\n"
				   "allow: [192.0.0.0/16]\ndeny: [198.18.0.0/15]\n"
				   "services: [{name: other, new_clients: 1/s, "
				   "limits: {default: [6/day packets]}}]\n");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned int n = 0; n < 5000; n++) {
			struct frame frame;

			assert_int_equal(frame_build(&frame, cases[i].frame, n >> 8, n & 255), 0);
			if (n % 500 == 0) {
				struct lab_outcome outcome = lab_send(lab, LAB_XDP, &frame);

				assert_string_equal(lab_describe(&outcome), cases[i].expected);
			} else {
				lab_run(lab, LAB_XDP, &frame, 1);
			}
		}
	}
	assert_int_equal(lab_count(lab, WEIR_NEW_CLIENT), 0);
	assert_int_equal(lab_count(lab, WEIR_PARENT_LIMITED), 0);
	lab_close(lab);
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(all_65536_addresses_of_one_64_are_one_client),
		cmocka_unit_test(the_65536_64s_of_one_48_are_caught_under_pressure),
		cmocka_unit_test(a_parent_does_not_take_after_the_first_of_its_children),
		cmocka_unit_test(who_has_no_limit_needs_no_admission),
		cmocka_unit_test(a_spoofed_flood_buys_no_more_than_the_guard_lets_in),
		cmocka_unit_test(through_16_million_sources_an_honest_client_keeps_its_state),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return lab_main(tests);
}
