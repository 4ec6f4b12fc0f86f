/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/unit/cluster_sim.h"

#include <math.h>
#include <stdlib.h>

#include "tests/lib/random.h"
#include "tests/lib/round_twin.h"

/* The nodes' clocks do not begin at 0 */
static const uint64_t BEGIN_NS = 1000000000000;

enum { STEP_NS = 5000000, DELAY_NS = 5000000, POLL_STEPS = 2 };
struct node {
	bool up;
	struct law_cluster cluster;
	struct law_nodes nodes;
	struct law_key key;
	uint64_t next_ns, sequence;
	double level, burst; /* of the local bucket */
	double rest;	     /* of a unit of demand */
	/* On its way */
	bool pending, lost;
	uint64_t arrives_ns;
	struct twin_answer answer;
};

struct world {
	const struct sim *sim;
	struct twin twin;
	struct random random;
	struct node node[SIM_NODES];
	uint64_t now_ns;
	uint64_t redis_begin_us; /* its clock is another one than the nodes' */
	uint64_t reports;
};

static double seconds(const struct world *world)
{
	return (double)(world->now_ns - BEGIN_NS) / 1e9;
}

static void take_share(const struct world *world, struct node *node, struct law_share share)
{
	if (world->sim->gift)
		node->level += share.burst - node->burst;
	else
		node->level += share.credit;
	node->burst = share.burst;
	node->level = fmin(share.burst, fmax(0, node->level));
}

static void hello(struct world *world, unsigned int i)
{
	struct node *node = &world->node[i];
	struct twin_batch batch = {.node = i, .boot = "1", .count_nodes = true};
	struct twin_answer answer;

	batch.sequence = ++node->sequence;
	batch.interval_us = node->cluster.interval_ns / 1000;
	twin_run(&world->twin, &batch, world->redis_begin_us + world->now_ns / 1000, &answer);
	law_nodes(&node->nodes, node->cluster.interval_ns, answer.generation, node->cluster.nodes,
		  world->now_ns);
}

static void node_begin(struct world *world, unsigned int i, unsigned int nodes)
{
	uint64_t interval_ns = (uint64_t)(world->sim->interval * 1e9);
	struct node *node = &world->node[i];

	*node = (struct node){.up = true, .cluster = {interval_ns, nodes}};
	node->next_ns = world->now_ns + random_below(&world->random, interval_ns);
	node->rest = (double)random_below(&world->random, 1000) / 1000;
	/* It has said that it is there, and heard of the others, before it takes anything */
	hello(world, i);
	law_start(&node->key, &world->sim->limit, &node->cluster, world->now_ns);
	node->burst = node->level = node->key.share.burst;
}

static bool redis_is_away(const struct world *world)
{
	return seconds(world) >= world->sim->outage_from && seconds(world) < world->sim->outage_to;
}

static void send(struct world *world, unsigned int i, bool round)
{
	struct node *node = &world->node[i];
	bool again = node->key.in_flight;
	struct law_report report;
	struct twin_batch batch = {.node = i, .boot = "1", .count_nodes = true, .keys = 1};

	law_report(&node->key, &world->sim->limit, &node->cluster, world->now_ns, round, &report);
	/* A report keeps its number, whether or not it ever got through */
	batch.sequence = again ? node->sequence : ++node->sequence;
	if (redis_is_away(world))
		return;
	world->reports++;
	batch.interval_us = node->cluster.interval_ns / 1000;
	batch.knows = report.knows;
	batch.key[0] = (struct twin_key){0,
					 world->sim->limit.rate,
					 world->sim->limit.burst,
					 report.demand,
					 report.above,
					 report.want,
					 report.spent,
					 report.hint,
					 report.has_hint};
	twin_run(&world->twin, &batch, world->redis_begin_us + world->now_ns / 1000, &node->answer);
	node->pending = true;
	node->lost = random_below(&world->random, 1000) < 1000 * world->sim->lost;
	node->arrives_ns = world->now_ns + (node->lost ? node->cluster.interval_ns / 4 : DELAY_NS);
}

static void receive(struct world *world, unsigned int i)
{
	struct node *node = &world->node[i];
	const struct twin_answer *got = &node->answer;
	struct law_answer answer = {.generation = got->generation,
				    .epoch = got->epoch,
				    .counted = got->counted,
				    .repeat = got->repeat,
				    .demand = got->key[0].demand,
				    .above = got->key[0].above,
				    .level = got->key[0].level,
				    .advance = got->key[0].advance};

	if (!node->pending || node->arrives_ns > world->now_ns)
		return;
	node->pending = false;
	if (node->lost) {
		send(world, i, false);
		return;
	}
	node->cluster.nodes = law_nodes(&node->nodes, node->cluster.interval_ns, got->generation,
					got->nodes, world->now_ns);
	take_share(world, node,
		   law_answer(&node->key, &world->sim->limit, &node->cluster, &answer,
			      world->now_ns));
}

/* What passes in one step */
static uint64_t admit(struct world *world, unsigned int i, uint64_t *demand)
{
	struct node *node = &world->node[i];
	double step = STEP_NS / 1e9, admitted;

	node->rest += world->sim->demand_of(world->sim, i, seconds(world)) * step;
	*demand = (uint64_t)node->rest;
	node->rest -= (double)*demand;
	node->level = fmin(node->burst, node->level + node->key.share.rate * step);
	/* A hair below a whole unit is one: the sum of many small steps */
	admitted = fmin((double)*demand, floor(node->level + 1e-9));
	node->level -= admitted;
	law_count(&node->key, *demand, (uint64_t)admitted, world->now_ns);
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
		twin_flush(&world->twin);
}

static void run_rounds(struct world *world, unsigned int i)
{
	struct node *node = &world->node[i];
	bool poll = world->now_ns / STEP_NS % POLL_STEPS == i % POLL_STEPS;
	struct law_share share;
	bool round = world->now_ns >= node->next_ns;

	if (round)
		node->next_ns += node->cluster.interval_ns;
	if (!node->pending &&
	    (round || (poll && law_due(&node->key, &node->cluster, world->now_ns))))
		send(world, i, round);
	if (law_lapse(&node->key, &world->sim->limit, &node->cluster, world->now_ns, &share))
		take_share(world, node, share);
}

struct account {
	double level, worst, rates;
	uint64_t refused_before, asked[SIM_NODES], admitted[SIM_NODES];
};

/* One step of all nodes, held against the bucket that one node alone would have */
static void step(struct world *world, struct account *account)
{
	const struct sim *sim = world->sim;
	uint64_t passed = 0;
	double rates = 0;

	come_and_go(world);
	for (unsigned int i = 0; i < sim->nodes; i++) {
		uint64_t demand, admitted;

		if (!world->node[i].up)
			continue;
		receive(world, i);
		rates += world->node[i].key.share.rate;
		admitted = admit(world, i, &demand);
		run_rounds(world, i);
		passed += admitted;
		if (seconds(world) < sim->report_from) {
			account->refused_before += demand - admitted;
		} else {
			account->asked[i] += demand;
			account->admitted[i] += admitted;
		}
	}
	account->level = fmin(sim->limit.burst, account->level + sim->limit.rate * STEP_NS / 1e9) -
			 (double)passed;
	account->worst = fmax(account->worst, -account->level);
	account->rates = fmax(account->rates, rates);
}

static struct sim_result judge(const struct world *world, const struct account *account)
{
	const struct sim *sim = world->sim;
	struct sim_result result = {.refused_before = account->refused_before};
	uint64_t asked = 0, admitted = 0;

	result.excess = account->worst / sim->limit.rate;
	result.sum = account->rates / sim->limit.rate;
	result.reports = (double)world->reports / sim->nodes / (sim->seconds / sim->interval);
	for (unsigned int i = 0; i < sim->nodes; i++) {
		asked += account->asked[i];
		admitted += account->admitted[i];
		result.served[i] =
			account->asked[i] ? (double)account->admitted[i] / (double)account->asked[i]
					  : 1;
		result.rate[i] = world->node[i].key.share.rate / sim->limit.rate;
	}
	result.refused = asked - admitted;
	result.long_run = (double)admitted / ((sim->seconds - sim->report_from) * sim->limit.rate);
	return result;
}

struct sim_result sim_run(const struct sim *sim)
{
	struct world *world = calloc(1, sizeof(*world));
	struct account account = {.level = sim->limit.burst};
	struct sim_result result;

	if (!world)
		abort();
	world->sim = sim;
	world->now_ns = BEGIN_NS;
	world->random.state = sim->seed ? sim->seed : 1;
	world->redis_begin_us = 1700000000000000ULL;
	if (!sim->aligned)
		world->redis_begin_us += random_below(&world->random, 1000000);
	for (unsigned int i = 0; i < sim->nodes - sim->joining; i++)
		node_begin(world, i, sim->nodes - sim->joining);
	for (; seconds(world) < sim->seconds; world->now_ns += STEP_NS)
		step(world, &account);
	result = judge(world, &account);
	free(world);
	return result;
}
