/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Many ledgers and whatever happens between them and Redis: what each admitted is debited once, whichever requests and
 * answers get lost; several keys over several shards hold the bounds of docs/cluster.md; and what a round costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/random.h"
#include "tests/unit/cluster_sim.h"
#include "tests/unit/ledger_redis.h"

#define MS 1000000ULL
enum { NODES = 5, IDS = 20, MOST_BATCHES = 128 };
static const uint64_t STEP = 10 * MS;
static const struct law_limit limit = {1000, 1000, OUTAGE_SHARE};

/* ---------------------------------------------------------------- any loss, each unit is debited once */

struct node {
	struct ledger *ledger;
	char name[16];
	int handle[IDS]; /* -1: not there */
	bool on[IDS];
	uint64_t admitted[IDS];
	int64_t lent[IDS]; /* units of advances that it heard of */
	struct law_share share[IDS];
	/* Under way until then */
	uint64_t until, wait;
	unsigned int lost_in_a_row;
	const struct ledger_batch *batch;
	size_t batches, numbers[MOST_BATCHES];
	int64_t number[MOST_BATCHES][LEDGER_REDIS_NUMBERS];
	bool lost[MOST_BATCHES];
	unsigned int id[MOST_BATCHES][LEDGER_BATCH];
};

struct world {
	struct random random;
	struct ledger_redis redis;
	struct node node[NODES];
	uint64_t now, interval;
	char prefix[32];
	bool calm; /* nothing gets lost, nothing is asked for */
	bool wild; /* Redis goes away for long, and forgets */
	uint64_t away_until;
	size_t lapses;
	uint64_t lost, flights, drops, repeats;
};

static bool chance(struct world *world, unsigned int percent)
{
	return !world->calm && random_below(&world->random, 100) < percent;
}

static void heard(void *owner, int handle, void *context, const struct law_share *share)
{
	struct node *node = owner;
	uintptr_t id = (uintptr_t)context;

	assert_int_equal(node->handle[id], handle);
	if (!(share->rate >= 0 && share->rate <= limit.rate && share->burst >= 0 &&
	      share->burst <= limit.burst && fabs(share->credit) <= 2 * limit.burst))
		fail_msg("rate %g burst %g credit %g", share->rate, share->burst, share->credit);
	node->share[id] = *share;
}

static void node_begin(struct world *world, unsigned int i, unsigned int shards)
{
	struct node *node = &world->node[i];
	struct ledger_settings settings = {.prefix = "w",
					   .node = node->name,
					   .boot = random_u64(&world->random),
					   .interval_ns = world->interval,
					   .shards = shards};

	*node = (struct node){0};
	snprintf(node->name, sizeof(node->name), "n%u", i);
	node->ledger = ledger_new(&settings, world->now);
	assert_non_null(node->ledger);
	memset(node->handle, -1, sizeof(node->handle));
}

static void come_and_go(struct world *world, struct node *node, uintptr_t id)
{
	char name[LEDGER_ID];

	if (node->handle[id] < 0) {
		if (!chance(world, 5))
			return;
		snprintf(name, sizeof(name), "id%u", (unsigned int)id);
		node->handle[id] = ledger_add(node->ledger, name, &limit, (void *)id, world->now);
		assert_true(node->handle[id] >= 0);
		node->on[id] = true;
	} else if (chance(world, 1)) {
		ledger_drop(node->ledger, node->handle[id]);
		node->handle[id] = -1;
		world->drops++;
	} else if (chance(world, 1)) {
		node->on[id] = !node->on[id];
		ledger_report(node->ledger, node->handle[id], node->on[id]);
	}
}

static void count(struct world *world, struct node *node, uintptr_t id)
{
	uint64_t demand, admitted;

	/* What comes while it is off is forgotten, so nothing does */
	if (node->handle[id] < 0 || !node->on[id] || !chance(world, 70))
		return;
	demand = random_below(&world->random, 1 + random_below(&world->random, 60));
	admitted = chance(world, 30) ? random_below(&world->random, demand + 1) : demand;
	ledger_count(node->ledger, node->handle[id], demand, admitted, world->now);
	node->admitted[id] += admitted;
}

/*
 * Which batches get lost, before or after Redis has counted them, and until when the rest is under way. In a wild world any; else
 * whatever ends within a lease, because an outage forgives some: all of them eight times in a row, or some
 * of them, which are given again with the next round.
 */
static void send(struct world *world, struct node *node)
{
	bool away = world->now < world->away_until, ahead;
	bool all = away || (chance(world, 40) && (world->wild || node->lost_in_a_row < 8));
	uint64_t now_us = 1700000000000000 + world->now / 1000;

	node->batches = ledger_next(node->ledger, world->now, &ahead, &node->batch);
	assert_true(node->batches <= MOST_BATCHES);
	if (!node->batches)
		return;
	world->flights++;
	for (size_t i = 0; i < node->batches; i++) {
		bool some = chance(world, 10) && (world->wild || !node->batch[i].again);
		bool reaches = !away && (!(all || some) || chance(world, 50));

		node->lost[i] = all || some;
		world->lost += node->lost[i];
		world->repeats += node->batch[i].again;
		if (!reaches)
			continue;
		for (size_t k = 3; k < node->batch[i].keys; k++)
			node->id[i][k - 3] =
				(unsigned int)atoi(strstr(node->batch[i].argument[k], ":k:id") + 5);
		node->numbers[i] =
			ledger_redis_run(&world->redis, &node->batch[i], now_us, node->number[i]);
	}
	node->lost_in_a_row = all ? node->lost_in_a_row + 1 : 0;
	node->until = world->now + STEP * (1 + random_below(&world->random, 3));
}

static void receive(struct world *world, struct node *node)
{
	bool any = false;

	if (!node->batches || world->now < node->until)
		return;
	for (size_t i = node->batches; i-- > 0;) { /* in any order */
		if (node->lost[i]) {
			/* Or something else comes in place of it */
			int64_t garbage[20] = {1, 2, 3};

			assert_false(ledger_answer(node->ledger, i, garbage, 20, world->now, heard,
						   node));
			continue;
		}
		any = true;
		assert_true(ledger_answer(node->ledger, i, node->number[i], node->numbers[i],
					  world->now, heard, node));
		for (size_t k = 0; k < (node->numbers[i] - 6) / 4; k++)
			node->lent[node->id[i][k]] += node->number[i][6 + 4 * k + 3];
	}
	ledger_end(node->ledger, world->now);
	node->batches = 0;
	node->wait = any ? 0 : world->now + 2 * STEP;
}

static void node_step(struct world *world, struct node *node)
{
	for (uintptr_t id = 0; id < IDS; id++) {
		come_and_go(world, node, id);
		count(world, node, id);
	}
	receive(world, node);
	world->lapses += ledger_lapse(node->ledger, world->now, heard, node);
	if (!node->batches && world->now >= node->wait)
		send(world, node);
}

/* Redis goes away or loses its memory, a node crashes and comes back with another boot */
static void disturb(struct world *world, unsigned int shards)
{
	if (!world->wild)
		return;
	if (!random_below(&world->random, 400))
		world->away_until =
			world->now + random_below(&world->random, 30) * (world->interval / 2);
	if (!random_below(&world->random, 600))
		for (unsigned int i = 0; i < LEDGER_SHARDS; i++)
			ledger_redis_flush(&world->redis, i);
	if (!random_below(&world->random, 300)) {
		unsigned int i = (unsigned int)random_below(&world->random, NODES);

		ledger_free(world->node[i].ledger);
		node_begin(world, i, shards);
	}
}

static void run(struct world *world, unsigned int shards, unsigned int steps)
{
	world->now = 1000000 * MS;
	snprintf(world->prefix, sizeof(world->prefix),
		 "w:1.%u:", (unsigned int)(world->interval / 1000));
	world->redis.prefix = world->prefix;
	for (unsigned int i = 0; i < NODES; i++)
		node_begin(world, i, shards);
	for (unsigned int i = 0; i < steps; i++) {
		world->now += STEP;
		disturb(world, shards);
		for (unsigned int j = 0; j < NODES; j++)
			node_step(world, &world->node[j]);
	}
	/* Everything settles when nothing gets lost any more */
	world->calm = true;
	world->wild = false;
	world->away_until = 0;
	for (unsigned int i = 0; i < 10 * world->interval / STEP; i++) {
		world->now += STEP;
		for (unsigned int j = 0; j < NODES; j++)
			node_step(world, &world->node[j]);
	}
}

static struct world *world_new(const struct random *random)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->random = *random;
	return world;
}

static void world_free(struct world *world)
{
	for (unsigned int i = 0; i < NODES; i++)
		ledger_free(world->node[i].ledger);
	free(world);
}

static void check_debits(const struct world *world, unsigned int i)
{
	const struct node *node = &world->node[i];

	for (unsigned int id = 0; id < IDS; id++) {
		char name[LEDGER_ID];
		struct ledger_redis_sum sum;
		struct ledger_view view = {0};

		snprintf(name, sizeof(name), "id%u", id);
		sum = ledger_redis_sum(&world->redis, name, i);
		if (node->handle[id] >= 0)
			ledger_view(node->ledger, node->handle[id], &view);
		assert_int_equal(view.backlog, 0);
		if (sum.spent + node->lent[id] != (int64_t)node->admitted[id])
			fail_msg("node %u, %s: %lld debited and %lld lent, %llu admitted", i, name,
				 (long long)sum.spent, (long long)node->lent[id],
				 (unsigned long long)node->admitted[id]);
		/* A grant whose answer was lost is debited, and nobody has it: never the other way round */
		assert_true(sum.advanced >= node->lent[id]);
	}
}

static void each_unit_is_debited_once_whatever_gets_lost(void **state)
{
	struct random random = random_begin();

	(void)state;
	for (unsigned int round = 0; round < 12; round++) {
		struct world *world = world_new(&random);

		world->interval = 1000 * MS;
		run(world, round % 2 ? LEDGER_SHARDS : 1, 4000);
		/* The test has met what it was made for, and what an outage forgives is not in it */
		assert_int_equal(world->lapses, 0);
		assert_true(world->lost > 100 && world->redis.repeats > 20 && world->drops > 50);
		for (unsigned int i = 0; i < NODES; i++)
			check_debits(world, i);
		if (round < 2)
			print_message("# %llu flights, %llu batches, %llu lost, %llu given again, "
				      "%llu repeats\n",
				      (unsigned long long)world->flights,
				      (unsigned long long)world->redis.batches,
				      (unsigned long long)world->lost,
				      (unsigned long long)world->repeats,
				      (unsigned long long)world->redis.repeats);
		random = world->random;
		world_free(world);
	}
}

static void outages_and_losses_of_memory_end(void **state)
{
	struct random random = random_begin();
	size_t lapses = 0;

	(void)state;
	for (unsigned int round = 0; round < 8; round++) {
		struct world *world = world_new(&random);

		world->interval = 100 * MS;
		world->wild = true;
		run(world, round % 2 ? LEDGER_SHARDS : 1, 3000);
		lapses += world->lapses;
		for (unsigned int i = 0; i < NODES; i++) {
			assert_int_equal(ledger_mode(world->node[i].ledger), CLUSTER_SHARED);
			assert_int_equal(ledger_nodes(world->node[i].ledger), NODES);
			for (unsigned int id = 0; id < IDS; id++) {
				struct ledger_view view;

				if (world->node[i].handle[id] < 0)
					continue;
				ledger_view(world->node[i].ledger, world->node[i].handle[id],
					    &view);
				assert_int_equal(view.backlog, 0);
				assert_int_equal(view.mode, CLUSTER_SHARED);
			}
		}
		random = world->random;
		world_free(world);
	}
	assert_true(lapses > 100);
}

/* ------------------------------------------------------------------------- bounds, over several keys */

static double all_flood(const struct sim *sim, unsigned int node, double now)
{
	(void)node;
	(void)now;
	return sim->demand;
}

static double one_alone(const struct sim *sim, unsigned int node, double now)
{
	(void)now;
	return node ? 0 : sim->demand;
}

static struct sim make_sim(unsigned int nodes)
{
	return (struct sim){.nodes = nodes,
			    .keys = 5,
			    .shards = LEDGER_SHARDS,
			    .limit = limit,
			    .interval = 0.1,
			    .seconds = 20,
			    .report_from = 8,
			    .demand_of = all_flood,
			    .demand = 5000,
			    .seed = 0x9e3779b97f4a7c15ULL * nodes};
}

static void show(const char *what, const struct sim *sim, const struct sim_result *result)
{
	print_message("# %-28s N=%-3u %u keys: excess %.3f R  long run %.3f R\n", what, sim->nodes,
		      sim->keys, result->excess, result->long_run);
}

static void check_flood(const char *what, const struct sim *sim, double excess, double least)
{
	struct sim_result result = sim_run(sim);

	show(what, sim, &result);
	assert_true(result.excess <= excess);
	assert_true(result.long_run <= 1.01 && result.long_run >= least);
}

static void many_keys_hold_the_bounds_of_one(void **state)
{
	static const unsigned int nodes_of[] = {3, 10, 50};

	(void)state;
	for (size_t i = 0; i < sizeof(nodes_of) / sizeof(nodes_of[0]); i++) {
		struct sim sim = make_sim(nodes_of[i]);
		struct sim_result result;

		check_flood("flood", &sim, 0.06, 0.997);
		sim.lost = sim.lost_requests = 0.05;
		check_flood("flood, 5 and 5 % lost", &sim, 0.06, 0.98);
		sim.lost = sim.lost_requests = 0;
		sim.outage_from = 9;
		sim.outage_to = 29;
		sim.seconds = 35;
		check_flood("flood, Redis away for 20 s", &sim, 0.06, 0.99);
		sim.flushed_at = 29;
		check_flood("flood, away and empty", &sim, 0.06, 1 - 1.1 / 27);
		sim = make_sim(nodes_of[i]);
		sim.demand_of = one_alone;
		sim.demand = 800;
		sim.report_from = 0.2;
		result = sim_run(&sim);
		show("lawful, alone", &sim, &result);
		assert_int_equal(result.refused, 0);
		assert_true(result.refused_before <= 0.04 * 800 * sim.keys);
	}
}

/* -------------------------------------------------------------------------------------------- costs */

static void ignore(void *owner, int handle, void *context, const struct law_share *share)
{
	(void)handle;
	(void)context;
	*(double *)owner += share->rate;
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ns of this thread, by key, of a round: counts, leases, batches, answers. The best of several, others need the machine too */
static double cost_of_round(unsigned int keys)
{
	const struct ledger_settings settings = {
		.prefix = "weir", .node = "n1", .interval_ns = 100 * MS, .shards = 1, .nodes = 10};
	/* Needs all its digits */
	const struct law_limit odd = {1000.0 / 3, 1000, OUTAGE_SHARE};
	uint64_t now = 1000000 * MS;
	struct ledger *ledger = ledger_new(&settings, now);
	double best = 1e18, sum = 0;

	for (unsigned int i = 0; i < keys; i++) {
		char id[LEDGER_ID];

		snprintf(id, sizeof(id), "web.default.0:%016x", i * 0x9e3779b9U);
		assert_int_equal(ledger_add(ledger, id, &odd, NULL, now), i);
	}
	for (unsigned int round = 0; round < 20; round++) {
		const struct ledger_batch *batch;
		double begin = now_ns(), cost;
		size_t batches, reported = 0;
		bool ahead;

		now = ledger_next_ns(ledger);
		for (unsigned int i = 0; i < keys; i++)
			ledger_count(ledger, (int)i, 3 + round % 5, 3, now);
		ledger_lapse(ledger, now, ignore, &sum);
		batches = ledger_next(ledger, now, &ahead, &batch);
		for (size_t i = 0; i < batches; i++) {
			int64_t number[LEDGER_REDIS_NUMBERS] = {1, (int64_t)(now / 1000)};
			size_t of_batch = batch[i].keys - 3;

			number[2] = number[3] = number[1] / 100000;
			number[5] = i ? 0 : 10;
			for (size_t k = 0; k < of_batch; k++) {
				number[6 + 4 * k] = 30 + round;
				number[6 + 4 * k + 1] = round;
				number[6 + 4 * k + 2] = 900 - round;
			}
			assert_true(ledger_answer(ledger, i, number, 6 + 4 * of_batch, now, ignore,
						  &sum));
			reported += of_batch;
		}
		ledger_end(ledger, now);
		cost = (now_ns() - begin) / keys;
		best = cost < best ? cost : best;
		assert_int_equal(reported, keys);
	}
	assert_true(isfinite(sum));
	ledger_free(ledger);
	return best;
}

static void a_round_costs_the_same_for_each_key(void **state)
{
	double few = cost_of_round(100), plenty = cost_of_round(500), most = cost_of_round(1512);

	(void)state;
	print_message("# a key in a round: %.0f ns of 100, %.0f of 500, %.0f of 1512 (under "
		      "sanitizers); 500 keys: %.2f ms\n",
		      few, plenty, most, 500 * plenty / 1e6);
	assert_true(most < 4 * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_unit_is_debited_once_whatever_gets_lost),
		cmocka_unit_test(outages_and_losses_of_memory_end),
		cmocka_unit_test(many_keys_hold_the_bounds_of_one),
		cmocka_unit_test(a_round_costs_the_same_for_each_key),
	};

	return cmocka_run_group_tests_name("ledger_world", tests, NULL, NULL);
}
