/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir-test: alone */
/*
 * Exact limits in the kernel: two processors that pound on one bucket pass rate x T + burst at most, and
 * a packet that is refused costs nothing.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/prog/lab.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Packets of one test run. Linux prepares each one at XDP for milliseconds, and no packet is sent meanwhile. */
#define RUN 200000

struct pounder {
	pthread_t thread;
	struct lab *lab;
	enum lab_program program;
	unsigned int cpu;
	const char *text;
	uint64_t until_ns;
	uint64_t sent;
};

static void *pound(void *argument)
{
	struct pounder *me = argument;
	struct frame frame;

	lab_pin_to_cpu(me->cpu);
	frame_build(&frame, "%s", me->text);
	while (lab_now_ns() < me->until_ns) {
		lab_run(me->lab, me->program, &frame, RUN);
		me->sent += RUN;
	}
	return NULL;
}

struct contest {
	const char *what, *limit, *key;
	uint64_t rate, burst; /* a second; units */
	const char *frames[2];
	uint64_t units; /* of each frame */
};

/* Returns what passed, of how many, in how many nanoseconds (from before the first to after the last). */
static uint64_t run_contest(struct lab *lab, const struct contest *contest, bool tc, uint64_t *sent,
			    uint64_t *elapsed_ns)
{
	struct pounder pounders[2];
	uint64_t before, begin;

	before = lab_count(lab, WEIR_PASSED);
	begin = lab_now_ns();
	*sent = 0;
	for (unsigned int i = 0; i < 2; i++) {
		pounders[i] = (struct pounder){.lab = lab,
					       .cpu = i,
					       .text = contest->frames[i],
					       .program = tc && i ? LAB_TC : LAB_XDP,
					       .until_ns = begin + 400000000};
		assert_int_equal(pthread_create(&pounders[i].thread, NULL, pound, &pounders[i]), 0);
	}
	for (unsigned int i = 0; i < 2; i++) {
		pthread_join(pounders[i].thread, NULL);
		*sent += pounders[i].sent;
	}
	*elapsed_ns = lab_now_ns() - begin;
	return lab_count(lab, WEIR_PASSED) - before;
}

/* clang-format off */
static const struct contest contests[] = {
	{"20/s, burst 1", "20/s packets burst 1", "limits", 20, 1, {"ip4/udp", "ip4/udp"}, 1},
	{"1000/s, burst 10", "1000/s packets burst 10", "limits", 1000, 10, {"ip4/udp", "ip4/udp"}, 1},
	{"100k/s, burst 100", "100000/s packets burst 100", "limits", 100000, 100, {"ip4/udp", "vlan/ip4 opt=8/udp"}, 1},
	{"2M/s, burst 1000", "2000000/s packets burst 1000", "limits", 2000000, 1000, {"ip6/udp", "ip6 src=2001:db8::2/udp"}, 1},
	{"20M/s, burst 5", "20000000/s packets burst 5", "limits", 20000000, 5, {"ip4/udp", "ip4/udp"}, 1},
	{"10 MB/s", "10MB/s bytes burst 20000", "limits", 10000000, 20000, {"ip4/udp/data n=958", "ip4/udp/data n=958"}, 1000},
	{"connections", "5000/s connections burst 5", "limits", 5000, 5, {"ip4/tcp", "ip4/tcp"}, 1},
	{"group of 50/s", "50/s packets burst 3", "group_limits", 50, 3, {"ip4/udp", "ip4 src=192.0.2.2/udp"}, 1},
	{"group of 50k/s in chunks", "50000/s packets burst 5000", "group_limits", 50000, 5000, {"ip4/udp", "ip4 src=192.0.2.2/udp"}, 1},
	{"group of 1M/s in chunks", "1000000/s packets burst 100000", "group_limits", 1000000, 100000, {"ip4/udp", "ip6/udp"}, 1},
	{"group of 20 MB/s in chunks", "20MB/s bytes burst 2MB", "group_limits", 20000000, 2000000, {"ip4/udp/data n=958", "ip4 src=192.0.2.2/udp/data n=958"}, 1000},
};
/* clang-format on */

static void two_processors_on_one_bucket_pass_exactly_its_limit(void **state)
{
	int wrong = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		printf("# skip: there is only one processor\n");
		skip();
	}
	for (size_t i = 0; i < COUNT(contests); i++) {
		const struct contest *contest = &contests[i];
		char yaml[300];
		struct lab *lab;

		snprintf(yaml, sizeof(yaml), "services: [{name: other, %s: {default: [%s]}}]\n",
			 contest->key, contest->limit);
		lab = lab_open(1024, yaml);
		for (int tc = 0; tc < 2; tc++) {
			uint64_t elapsed, sent, passed, most;
			/* The bucket may be full when this begins: so it is, after a pause. */
			uint64_t contended = lab_count(lab, WEIR_CONTENTION);

			lab_forget(lab);
			passed = run_contest(lab, contest, tc, &sent, &elapsed);
			most = (contest->burst + (uint64_t)((unsigned __int128)contest->rate *
							    elapsed / 1000000000)) /
			       contest->units;
			contended = lab_count(lab, WEIR_CONTENTION) - contended;
			printf("# %s, %s: %llu of %llu passed, %llu allowed, %llu out of tries\n",
			       contest->what, tc ? "XDP and TC" : "XDP twice",
			       (unsigned long long)passed, (unsigned long long)sent,
			       (unsigned long long)most, (unsigned long long)contended);
			/* Not much less either; at XDP alone there are gaps between the runs. */
			if (passed > most || (tc && contest->rate <= 100000 && passed * 4 < most))
				wrong++;
		}
		lab_close(lab);
	}
	assert_int_equal(wrong, 0);
}

/* -------------------------------------------------------------------- a refused packet costs nothing */

static uint64_t passed_of(struct lab *lab, const char *text, unsigned int times)
{
	uint64_t before = lab_count(lab, WEIR_PASSED);
	struct frame frame;

	assert_int_equal(frame_build(&frame, "%s", text), 0);
	for (unsigned int i = 0; i < times; i++)
		lab_run(lab, (int)(i % 2), &frame, 1);
	return lab_count(lab, WEIR_PASSED) - before;
}

static void what_a_later_limit_refuses_is_given_back_to_the_earlier(void **state)
{
	struct lab *lab = lab_open(1024,
				   "services: [{name: other, limits: {default: "
				   "[1000/day packets, 5/day connections, 100000B/s bytes]}}]\n");

	(void)state;
	assert_int_equal(passed_of(lab, "ip4/tcp", 100), 5);
	assert_int_equal(passed_of(lab, "ip4/tcp flags=A", 1200), 995);
	/* the first packet of a client too */
	assert_int_equal(passed_of(lab, "ip6/tcp", 100), 5);
	assert_int_equal(passed_of(lab, "ip6/tcp flags=A", 1200), 995);
	lab_close(lab);
}

static void what_a_later_group_limit_refuses_is_given_back_to_the_earlier(void **state)
{
	struct lab *lab = lab_open(1024, "services: [{name: other, group_limits: {default: "
					 "[1000/day packets, 5/day connections]}}]\n");

	(void)state;
	assert_int_equal(passed_of(lab, "ip4/tcp", 100), 5);
	assert_in_range(passed_of(lab, "ip4/tcp flags=A", 1200), 970, 995);
	lab_close(lab);
}

static void what_a_group_limit_refuses_is_given_back_to_the_client(void **state)
{
	static const char both[] = "services: [{name: other, limits: {default: [100/day packets]}, "
				   "group_limits: {default: [5/day packets]}}]\n";
	struct lab *lab = lab_open(1024, both);

	(void)state;
	assert_int_equal(passed_of(lab, "ip4/udp", 60), 5);
	lab_apply(lab, "services: [{name: other, limits: {default: [100/day packets]}}]\n");
	assert_int_equal(passed_of(lab, "ip4/udp", 200), 95);
	lab_close(lab);
}

/* A burst passes whole, and not one more: across both programs, for whatever burst */
static void a_burst_passes_whole_and_not_one_more(void **state)
{
	static const unsigned int bursts[] = {1, 2, 3, 7, 10, 100, 777};
	struct lab *lab = lab_open(1024, "");

	(void)state;
	for (size_t i = 0; i < COUNT(bursts); i++) {
		char yaml[200];

		snprintf(yaml, sizeof(yaml),
			 "services: [{name: other, limits: {default: [3/day packets burst %u]}}]\n",
			 bursts[i]);
		lab_apply(lab, yaml);
		lab_forget(lab);
		assert_int_equal(passed_of(lab, "ip4/udp", bursts[i] + 20), bursts[i]);
	}
	lab_close(lab);
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(a_burst_passes_whole_and_not_one_more),
		cmocka_unit_test(what_a_later_limit_refuses_is_given_back_to_the_earlier),
		cmocka_unit_test(what_a_later_group_limit_refuses_is_given_back_to_the_earlier),
		cmocka_unit_test(what_a_group_limit_refuses_is_given_back_to_the_client),
		cmocka_unit_test(two_processors_on_one_bucket_pass_exactly_its_limit),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return lab_main(tests);
}
