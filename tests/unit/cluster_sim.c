/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/unit/cluster_sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/random.h"
#include "tests/unit/ledger_redis.h"

/* The nodes' clocks do not begin at 0 */
static const uint64_t BEGIN_NS = 1000000000000;

enum { STEP_NS = 5000000, DELAY_NS = 5000000, POLL_STEPS = 2 };
/* Of a few keys: one for each, and who is there */
enum { BATCHES = SIM_KEYS + 1 };

struct key {
	int handle;
	struct law_share share; /* in force; credit is of no meaning */
	double level;		/* of the local bucket */
	double rest;		/* of a unit of demand */
};

struct node {
	bool up;
	struct ledger *ledger;
	struct key key[SIM_KEYS];
	uint64_t wait_ns; /* Redis is away, or the node is late: not before */
	bool drawn;	  /* whether it is late with its next round */
	/* On its way */
	bool pending, lost;
	uint64_t arrives_ns;
	size_t batches, numbers[BATCHES];
	int64_t number[BATCHES][LEDGER_REDIS_NUMBERS];
};

struct world {
	const struct sim *sim;
	unsigned int keys;
	struct ledger_redis redis;
	struct random random;
	struct node node[SIM_NODES];
	uint64_t now_ns, interval_ns;
	uint64_t redis_begin_us; /* its clock is another one than the nodes' */
	uint64_t reports;
	char prefix[32];
};

static double seconds(const struct world *world)
{
	return (double)(world->now_ns - BEGIN_NS) / 1e9;
}

static void take_share(void *owner, int handle, void *context, const struct law_share *share)
{
	const struct world *world = owner;
	struct key *key = context;

	(void)handle;
	if (world->sim->gift)
		key->level += share->burst - key->share.burst;
	else
		key->level += share->credit;
	key->share = *share;
	key->level = fmin(share->burst, fmax(0, key->level));
}

static uint64_t redis_us(const struct world *world)
{
	uint64_t passed_ns = world->now_ns - BEGIN_NS;

	return world->redis_begin_us +
	       (world->now_ns + (uint64_t)((double)passed_ns * world->sim->drift)) / 1000;
}

/* What Redis does with all that is to be sent now. Returns how many batches that is */
static size_t talk(struct world *world, struct node *node, const struct ledger_batch *batch,
		   size_t batches)
{
	if (batches > BATCHES)
		abort();
	for (size_t i = 0; i < batches; i++)
		node->numbers[i] = ledger_redis_run(&world->redis, &batch[i], redis_us(world),
						    node->number[i]);
	node->batches = batches;
	return batches;
}

static void hear(struct world *world, struct node *node)
{
	for (size_t i = 0; i < node->batches; i++)
		if (!ledger_answer(node->ledger, i, node->number[i], node->numbers[i],
				   world->now_ns, take_share, world))
			abort();
	ledger_end(node->ledger, world->now_ns);
}

static void key_begin(struct world *world, struct node *node, unsigned int number)
{
	struct key *key = &node->key[number];
	struct ledger_view view;
	char id[LEDGER_ID];

	snprintf(id, sizeof(id), "key%u", number);
	key->rest = (double)random_below(&world->random, 1000) / 1000;
	key->handle = ledger_add(node->ledger, id, &world->sim->limit, key, world->now_ns);
	if (key->handle < 0)
		abort();
	ledger_view(node->ledger, key->handle, &view);
	key->share = view.share;
	key->level = view.share.burst;
}

static void node_begin(struct world *world, unsigned int i, unsigned int nodes)
{
	struct node *node = &world->node[i];
	char name[32];
	const struct ledger_settings settings = {
		.prefix = "weir",
		.node = name,
		.boot = 1,
		.interval_ns = world->interval_ns,
		.shards = world->sim->shards,
		.nodes = nodes,
	};
	const struct ledger_batch *batch;
	size_t batches;
	bool ahead;

	*node = (struct node){.up = true};
	/* Its phase goes by its name */
	snprintf(name, sizeof(name), "n%u-%llx", i, (unsigned long long)random_u64(&world->random));
	node->ledger = ledger_new(&settings, world->now_ns);
	if (!node->ledger)
		abort();
	/* It has said that it is there, and heard of the others, before it takes anything */
	batches = ledger_next(node->ledger, world->now_ns, &ahead, &batch);
	talk(world, node, batch, batches);
	hear(world, node);
	for (unsigned int k = 0; k < world->keys; k++)
		key_begin(world, node, k);
}

static bool redis_is_away(const struct world *world, const struct node *node)
{
	const struct sim *sim = world->sim;
	double later = sim->stagger * (double)(node - world->node) / sim->nodes;

	return seconds(world) >= sim->outage_from && seconds(world) < sim->outage_to + later;
}

static bool is_lost(struct world *world, double part)
{
	return part > 0 && random_below(&world->random, 1000) < 1000 * part;
}

static void send(struct world *world, struct node *node)
{
	const struct ledger_batch *batch;
	bool ahead;
	size_t batches = ledger_next(node->ledger, world->now_ns, &ahead, &batch);

	if (!batches)
		return;
	node->drawn = false;
	if (redis_is_away(world, node)) {
		ledger_end(node->ledger, world->now_ns);
		node->wait_ns = world->now_ns + world->interval_ns;
		return;
	}
	node->pending = true;
	node->lost = is_lost(world, world->sim->lost_requests);
	if (!node->lost) {
		world->reports += talk(world, node, batch, batches);
		node->lost = is_lost(world, world->sim->lost);
	}
	node->arrives_ns = world->now_ns + (node->lost ? world->interval_ns / 4 : DELAY_NS);
}

static void receive(struct world *world, struct node *node)
{
	if (!node->pending || node->arrives_ns > world->now_ns)
		return;
	node->pending = false;
	if (!node->lost) {
		hear(world, node);
		return;
	}
	ledger_end(node->ledger, world->now_ns);
	send(world, node);
}

/* What passes in one step */
static uint64_t admit(struct world *world, unsigned int i, struct key *key, uint64_t *demand)
{
	double step = STEP_NS / 1e9, admitted;

	key->rest += world->sim->demand_of(world->sim, i, seconds(world)) * step;
	*demand = (uint64_t)key->rest;
	key->rest -= (double)*demand;
	key->level = fmin(key->share.burst, key->level + key->share.rate * step);
	/* A hair below a whole unit is one: the sum of many small steps */
	admitted = fmin((double)*demand, floor(key->level + 1e-9));
	key->level -= admitted;
	ledger_count(world->node[i].ledger, key->handle, *demand, (uint64_t)admitted,
		     world->now_ns);
	return (uint64_t)admitted;
}

static void come_and_go(struct world *world)
{
	const struct sim *sim = world->sim;
	uint64_t join_ns = BEGIN_NS + (uint64_t)(sim->join_at * 1e9),
		 crash_ns = BEGIN_NS + (uint64_t)(sim->crash_at * 1e9);

	if (world->now_ns == join_ns)
		for (unsigned int i = sim->nodes - sim->joining; i < sim->nodes; i++)
			node_begin(world, i, sim->nodes);
	if (sim->crashing && world->now_ns == crash_ns)
		for (unsigned int i = sim->nodes - sim->crashing; i < sim->nodes; i++)
			world->node[i].up = false;
	if (sim->flushed_at > 0 && world->now_ns == BEGIN_NS + (uint64_t)(sim->flushed_at * 1e9))
		for (unsigned int i = 0; i < LEDGER_SHARDS; i++)
			ledger_redis_flush(&world->redis, i);
}

/* Its thread gets no time: nothing is sent meanwhile */
static bool is_late(struct world *world, struct node *node)
{
	if (!node->drawn && world->now_ns >= ledger_next_ns(node->ledger)) {
		node->drawn = true;
		if (is_lost(world, world->sim->late))
			node->wait_ns =
				world->now_ns + random_below(&world->random, world->interval_ns);
	}
	return world->now_ns < node->wait_ns;
}

static void run_rounds(struct world *world, unsigned int i)
{
	struct node *node = &world->node[i];
	bool poll = world->now_ns / STEP_NS % POLL_STEPS == i % POLL_STEPS;

	if (!node->pending && !is_late(world, node) &&
	    (poll || world->now_ns >= ledger_next_ns(node->ledger)))
		send(world, node);
	ledger_lapse(node->ledger, world->now_ns, take_share, world);
}

struct account {
	double level[SIM_KEYS], worst, rates, least;
	uint64_t refused_before, asked[SIM_NODES], admitted[SIM_NODES];
};

/* One step of a key on all nodes, held against the bucket that one node alone would have */
static void step_key(struct world *world, struct account *account, unsigned int k)
{
	const struct sim *sim = world->sim;
	uint64_t passed = 0;
	double rates = 0;

	for (unsigned int i = 0; i < sim->nodes; i++) {
		uint64_t demand, admitted;

		if (!world->node[i].up)
			continue;
		rates += world->node[i].key[k].share.rate;
		admitted = admit(world, i, &world->node[i].key[k], &demand);
		passed += admitted;
		if (seconds(world) < sim->report_from) {
			account->refused_before += demand - admitted;
		} else {
			account->asked[i] += demand;
			account->admitted[i] += admitted;
		}
	}
	account->level[k] =
		fmin(sim->limit.burst, account->level[k] + sim->limit.rate * STEP_NS / 1e9) -
		(double)passed;
	account->worst = fmax(account->worst, -account->level[k]);
	account->rates = fmax(account->rates, rates);
	if (seconds(world) >= sim->report_from)
		account->least = fmin(account->least, world->node[0].key[k].share.rate);
}

static void step(struct world *world, struct account *account)
{
	const struct sim *sim = world->sim;

	come_and_go(world);
	for (unsigned int i = 0; i < sim->nodes; i++)
		if (world->node[i].up)
			receive(world, &world->node[i]);
	for (unsigned int k = 0; k < world->keys; k++)
		step_key(world, account, k);
	for (unsigned int i = 0; i < sim->nodes; i++)
		if (world->node[i].up)
			run_rounds(world, i);
}

static struct sim_result judge(const struct world *world, const struct account *account)
{
	const struct sim *sim = world->sim;
	struct sim_result result = {.refused_before = account->refused_before};
	uint64_t asked = 0, admitted = 0;

	result.excess = account->worst / sim->limit.rate;
	result.sum = account->rates / sim->limit.rate;
	result.least = account->least / sim->limit.rate;
	result.reports = (double)world->reports / sim->nodes / (sim->seconds / sim->interval);
	for (unsigned int i = 0; i < sim->nodes; i++) {
		asked += account->asked[i];
		admitted += account->admitted[i];
		result.served[i] =
			account->asked[i] ? (double)account->admitted[i] / (double)account->asked[i]
					  : 1;
		result.rate[i] = world->node[i].key[0].share.rate / sim->limit.rate;
	}
	result.refused = asked - admitted;
	result.long_run = (double)admitted /
			  ((sim->seconds - sim->report_from) * sim->limit.rate * world->keys);
	return result;
}

struct sim_result sim_run(const struct sim *sim)
{
	struct world *world = calloc(1, sizeof(*world));
	struct account account = {.least = INFINITY};
	struct sim_result result;

	if (!world)
		abort();
	world->sim = sim;
	world->keys = sim->keys ? sim->keys : 1;
	for (unsigned int k = 0; k < world->keys; k++)
		account.level[k] = sim->limit.burst;
	world->now_ns = BEGIN_NS;
	world->interval_ns = (uint64_t)(sim->interval * 1e9);
	snprintf(world->prefix, sizeof(world->prefix),
		 "weir:1.%u:", (unsigned int)(world->interval_ns / 1000));
	world->redis.prefix = world->prefix;
	world->random.state = sim->seed ? sim->seed : 1;
	world->redis_begin_us = 1700000000000000ULL;
	if (!sim->aligned)
		world->redis_begin_us += random_below(&world->random, 1000000);
	for (unsigned int i = 0; i < sim->nodes - sim->joining; i++)
		node_begin(world, i, sim->nodes - sim->joining);
	for (; seconds(world) < sim->seconds; world->now_ns += STEP_NS)
		step(world, &account);
	result = judge(world, &account);
	for (unsigned int i = 0; i < sim->nodes; i++)
		ledger_free(world->node[i].ledger);
	free(world);
	return result;
}
