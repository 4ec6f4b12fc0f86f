/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir-test: alone */
/*
 * Shares that are written a thousand times a second while two processors flood: no more passes than they allow, and not much less. Allowed is
 * the sum over all writes of what the share's rate makes until the next one, all credit, what was in the bucket, and for each processor and write the
 * packet that was being judged just then.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/prog/share_lab.h"

#define FOR_NS 1500000000ULL
#define WRITE_NS 1000000 /* between two writes */
#define FLOODERS 2

struct flooder {
	pthread_t thread;
	struct lab *lab;
	unsigned int cpu;
	atomic_bool *stop;
};

static void *flood(void *argument)
{
	struct flooder *me = argument;
	struct frame frame;

	lab_pin_to_cpu(me->cpu);
	frame_build(&frame, "ip4/udp");
	while (!atomic_load(me->stop))
		lab_run(me->lab, me->cpu ? LAB_TC : LAB_XDP, &frame, me->cpu ? 20000 : 200000);
	return NULL;
}

struct writer {
	struct lab *lab;
	bool group;
	uint32_t number; /* of the client */
};

static void write_share(const struct writer *writer, const struct shares_value *value)
{
	struct datapath *datapath = writer->lab->datapath;
	uint32_t generation = datapath_generation(datapath);
	struct shares_limit limit = {};

	assert_int_equal(writer->group ? shares_set_group(datapath, generation, limit, value)
				       : shares_set_client(datapath, generation, writer->number, 0,
							   value),
			 0);
}

/* A share drawn anew: 2,000 to 100,000 a second, 10 to 5,000 at once, now and then with credit, debit, or nothing at all */
static struct shares_value draw(void)
{
	struct shares_value value = {.rate = 2000 + rand() % 98000, .burst = 10 + rand() % 4990};

	if (rand() % 8 == 0)
		value.credit = rand() % 300 - 150;
	if (rand() % 50 == 0)
		value = (struct shares_value){};
	return value;
}

/* Writes shares for so long; returns how many units they allow */
static double write_shares(const struct writer *writer, unsigned int *writes)
{
	uint64_t end = lab_now_ns() + FOR_NS, since = lab_now_ns();
	struct shares_value value = {.rate = 50000, .burst = 5000, .credit = 5000};
	double allowed = 0;

	write_share(writer, &value);
	for (*writes = 1; since < end; ++*writes) {
		struct shares_value next = draw();
		uint64_t before, after;

		usleep(WRITE_NS / 1000);
		before = lab_now_ns();
		write_share(writer, &next);
		after = lab_now_ns();
		/* The old one until it was surely replaced; and the new one counts from `before` on. */
		allowed += value.rate * 1e-9 * (double)(after - since) + fmax(value.credit, 0);
		value = next;
		since = before;
	}
	return allowed + value.rate * 1e-9 * (double)(lab_now_ns() - since) + fmax(value.credit, 0);
}

static uint64_t counted(const struct writer *writer)
{
	return writer->group ? share_lab_count_group(writer->lab, 0).passed
			     : share_lab_count(writer->lab, writer->number, 0).passed;
}

static void flood_and_write(struct writer *writer, const char *what)
{
	struct flooder flooder[FLOODERS];
	atomic_bool stop = false;
	struct shares_value nothing = {};
	uint64_t before, passed, by_share;
	unsigned int writes;
	double allowed, bound;

	write_share(writer, &nothing);
	before = lab_count(writer->lab, WEIR_PASSED);
	by_share = counted(writer);
	for (unsigned int i = 0; i < FLOODERS; i++) {
		flooder[i] = (struct flooder){.lab = writer->lab, .cpu = i, .stop = &stop};
		assert_int_equal(pthread_create(&flooder[i].thread, NULL, flood, &flooder[i]), 0);
	}
	allowed = write_shares(writer, &writes);
	write_share(writer, &nothing);
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < FLOODERS; i++)
		pthread_join(flooder[i].thread, NULL);
	passed = lab_count(writer->lab, WEIR_PASSED) - before;
	bound = (double)FLOODERS * writes;
	printf("# %s: %llu passed, %.0f allowed (%.1f %%), bound %.0f more; %u writes\n", what,
	       (unsigned long long)passed, allowed, 100 * (double)passed / allowed, bound, writes);
	assert_true((double)passed <= allowed + bound);
	/* Where packets come in all the time they get most of it; XDP's pause between two runs. */
	assert_true((double)passed >= allowed / 4);
	/* What the shares have counted is what has passed: the share's counter is atomic, the group's one of each processor's. */
	assert_int_equal(counted(writer) - by_share, passed);
	/* And nothing goes on passing. */
	assert_int_equal(share_lab_passes(writer->lab, "ip4/udp", 1000), 0);
}

static void a_watched_client_gets_no_more_than_its_shares(void **state)
{
	struct lab *lab = share_lab_open("limits: {default: [100000/s packets burst 10]}", 0xff);
	struct writer writer = {.lab = lab, .number = share_lab_watch(lab, "ip4/udp", "192.0.2.1")};

	(void)state;
	flood_and_write(&writer, "client");
	lab_close(lab);
}

static void a_group_gets_no_more_than_its_shares(void **state)
{
	struct lab *lab =
		share_lab_open("group_limits: {default: [100000/s packets burst 10]}", 0xff);
	struct writer writer = {.lab = lab, .group = true};

	(void)state;
	flood_and_write(&writer, "group");
	lab_close(lab);
}

/* The cluster thread writes while the control thread reloads. */
struct reloader {
	pthread_t thread;
	struct lab *lab;
	atomic_bool *stop;
	unsigned int reloads;
};

static void *reload(void *argument)
{
	static const char *const limits[] = {
		"limits: {default: [100000/s packets burst 10]}, group_limits: {default: [9/s packets]}",
		"limits: {default: [90000/s packets burst 10]}, group_limits: {default: [9/s packets]}"};
	struct reloader *me = argument;

	while (!atomic_load(me->stop))
		share_lab_apply(me->lab, limits[++me->reloads & 1], 0xff);
	return NULL;
}

static void shares_are_written_while_rules_are_reloaded(void **state)
{
	struct lab *lab = share_lab_open("limits: {default: [100000/s packets burst 10]}, "
					 "group_limits: {default: [9/s packets]}",
					 0xff);
	atomic_bool stop = false;
	struct reloader reloader = {.lab = lab, .stop = &stop};
	struct shares_value value = {.rate = 5, .burst = 5}, even = {.rate = 7, .burst = 7};
	uint32_t number = share_lab_watch(lab, "ip4/udp", "192.0.2.1"), generation;
	uint64_t end = lab_now_ns() + FOR_NS / 3;
	unsigned int written = 0, stale = 0;

	(void)state;
	assert_int_equal(pthread_create(&reloader.thread, NULL, reload, &reloader), 0);
	while (lab_now_ns() < end) {
		int result[3];

		generation = datapath_generation(lab->datapath);
		result[0] = shares_set_client(lab->datapath, generation, number, 0, &value);
		result[1] = shares_set_group(lab->datapath, generation, LIMIT(0), &value);
		result[2] = shares_set_even(lab->datapath, generation, LIMIT(0), &even);
		for (int i = 0; i < 3; i++) {
			assert_true(result[i] == 0 || result[i] == -ESTALE);
			written += !result[i];
			stale += result[i] == -ESTALE;
		}
	}
	atomic_store(&stop, true);
	pthread_join(reloader.thread, NULL);
	printf("# %u reloads, %u shares written, %u too late\n", reloader.reloads, written, stale);
	assert_true(reloader.reloads > 10 && written > 10);
	/* Whoever came last: the share of the group was kept through every reload, for its limit was always the same. */
	assert_int_equal(datapath_side(lab->datapath)->rule[0].group[0].cost,
			 WEIR_TICKS_PER_SEC / 5);
	lab_close(lab);
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(a_watched_client_gets_no_more_than_its_shares),
		cmocka_unit_test(a_group_gets_no_more_than_its_shares),
		cmocka_unit_test(shares_are_written_while_rules_are_reloaded),
	};

	if (sysconf(_SC_NPROCESSORS_ONLN) < FLOODERS) {
		printf("1..0 # SKIP there is only one processor\n");
		return 0;
	}
	srand((unsigned int)time(NULL));
	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return lab_main(tests);
}
