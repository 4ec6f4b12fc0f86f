// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What goes to Redis and when, what came of it, and when to leave it alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/cluster/script.h"
#include "user/daemon/cluster_internal.h"

#define MS 1000000ULL
/* A command's share of a round; no less than a busy host may need to wake a thread, no more than others would wait */
#define COMMAND_MIN_NS (25 * MS)
#define COMMAND_MAX_NS (100 * MS)
#define CONNECT_NS (200 * MS)
/* All nodes together try so many times a second to reach a Redis that is away */
#define ATTEMPTS_A_SECOND 500
/* Names of nodes are only for people */
#define NAMES_NS (1000 * MS)

/* --------------------------------------------------------------------------------- circuit breaker */

/*
 * Three failures in a row open it, two good rounds close it. Its recovery is never waited for: when the backoff is over it is
 * revived.
 */
static struct breaker *new_breaker(uint64_t now_ns)
{
	struct config_breaker config;

	config_breaker_default(&config);
	config.mode = BREAKER_ENFORCE;
	config.consecutive_failures = 3;
	config.failure_ratio = config.slow_ratio = 0;
	config.max_ejection_percent = 100;
	config.eject_last = true;
	config.recovery_ns = config.recovery_max_ns = 86400 * 1000 * MS;
	config.half_open_permits = config.half_open_successes = 2;
	config.half_open_timeout_ns = 10000 * MS;
	return breaker_new(&config, 1, now_ns, now_ns, NULL, NULL);
}

static enum breaker_state breaker_now(const struct cluster_redis *redis)
{
	struct breaker_view view;

	breaker_view(redis->breaker, 0, &view);
	return view.state;
}

static uint64_t wait_most(const struct cluster *cluster)
{
	uint64_t most = ledger_nodes(cluster->ledger) * (1000 * MS / ATTEMPTS_A_SECOND);
	uint64_t least = 2 * cluster->config->cluster.interval_ns;

	return most < least ? least : most;
}

static void note_failure(struct cluster *cluster, uint64_t now_ns)
{
	struct cluster_redis *redis = &cluster->redis;
	const struct breaker_outcome outcome = {
		.failed = true, .streak = ++redis->failures, .began_ns = now_ns};

	breaker_outcome(redis->breaker, &outcome, now_ns);
	/* The same once more at once; then others may need the time. */
	if (redis->failures > 1)
		redis->wait_until_ns =
			now_ns + pace_backoff_ns(&redis->backoff, wait_most(cluster));
}

static void note_success(struct cluster_redis *redis, uint64_t now_ns)
{
	const struct breaker_outcome outcome = {.began_ns = now_ns};

	redis->failures = 0;
	redis->wait_until_ns = 0;
	pace_backoff_reset(&redis->backoff);
	breaker_outcome(redis->breaker, &outcome, now_ns);
}

static bool may_send(struct cluster_redis *redis, uint64_t now_ns)
{
	if (redis->busy || now_ns < redis->wait_until_ns)
		return false;
	breaker_tick(redis->breaker, now_ns);
	if (breaker_now(redis) == BREAKER_OPEN)
		breaker_revive(redis->breaker, 0, now_ns);
	return true;
}

/* ---------------------------------------------------------------------------------------- sending */

/* The first of them by name. What they are called is for `weir cluster` */
static struct redis_command ask_names(struct cluster *cluster)
{
	struct cluster_redis *redis = &cluster->redis;

	redis->names[0] = "ZRANGE";
	redis->names[1] = ledger_nodes_key(cluster->ledger);
	redis->names[2] = "0";
	redis->names[3] = "-1";
	for (size_t i = 0; i < 4; i++)
		redis->names_length[i] = strlen(redis->names[i]);
	return (struct redis_command){.argument = redis->names,
				      .length = redis->names_length,
				      .arguments = 4,
				      .routing_key = redis->names[1],
				      .name = "nodes"};
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void take_names(struct cluster *cluster, const struct redis_command *command)
{
	struct snapshot_cluster *figures = &cluster->figures;
	_cleanup_free_ const char **name = calloc(command->values + 1, sizeof(*name));
	size_t count = 0;

	if (!name || command->state != REDIS_STATE_OK)
		return;
	for (size_t i = 0; i < command->values; i++)
		if (command->value[i].type == REDIS_STRING)
			name[count++] = command->value[i].string;
	qsort(name, count, sizeof(*name), compare_names);
	figures->node_names = count < SNAPSHOT_NODES ? (uint32_t)count : SNAPSHOT_NODES;
	for (size_t i = 0; i < figures->node_names; i++)
		snprintf(figures->node[i], sizeof(figures->node[i]), "%s", name[i]);
}

static void enter_orders(struct cluster *cluster)
{
	size_t lost = order_box_enter(cluster->box, cluster->orders,
				      cluster->redis.state == REDIS_STATE_OK);

	if (lost)
		log_error("cluster",
			  "%zu orders were not told to the other nodes: no room or memory", lost);
	lost = order_box_lost(cluster->box);
	if (lost)
		log_error("cluster", "%zu orders of other nodes were not done here: out of memory",
			  lost);
}

/* The answer, or that there is none, goes to the book. */
static void take_orders(struct cluster *cluster, uint64_t now_ns)
{
	struct cluster_redis *redis = &cluster->redis;
	const char *complaint;

	if (!redis->orders)
		return;
	redis->orders = NULL;
	orders_answer(cluster->orders, &redis->command[redis->batches], now_ns, order_box_apply,
		      cluster->box);
	complaint = orders_complaint(cluster->orders);
	if (complaint)
		log_warning("cluster", "%s", complaint);
	cluster_check_seal(cluster);
}

static void add_batches(struct cluster_redis *redis, const struct ledger_batch *batch, size_t count)
{
	redis->batches = 0;
	for (size_t i = 0; i < count && i < CLUSTER_BATCHES; i++)
		redis->command[redis->batches++] = (struct redis_command){
			.script = cluster_script,
			.keys = batch[i].keys,
			.argument = batch[i].argument,
			.length = batch[i].length,
			.arguments = batch[i].arguments,
			.routing_key = batch[i].argument[0],
			.name = "round",
		};
}

static uint64_t command_timeout(const struct cluster *cluster)
{
	uint64_t quarter = cluster->config->cluster.interval_ns / 4;

	return quarter < COMMAND_MIN_NS	  ? COMMAND_MIN_NS
	       : quarter > COMMAND_MAX_NS ? COMMAND_MAX_NS
					  : quarter;
}

void cluster_redis_send(struct cluster *cluster, uint64_t now_ns)
{
	struct cluster_redis *redis = &cluster->redis;
	const struct ledger_batch *batch = NULL;
	uint64_t began_ns = clock_monotonic_ns();
	bool ahead = false;
	size_t count, commands;

	if (!redis->worker || !may_send(redis, now_ns))
		return;
	count = ledger_next(cluster->ledger, now_ns, &ahead, &batch);
	enter_orders(cluster);
	redis->orders = orders_command(cluster->orders, now_ns);
	if (!count && !redis->orders)
		return;
	add_batches(redis, batch, count);
	commands = redis->batches;
	if (redis->orders)
		redis->command[commands++] = *redis->orders;
	if (count && now_ns - redis->names_ns >= NAMES_NS) {
		redis->names_ns = now_ns;
		redis->command[commands++] = ask_names(cluster);
	}
	redis->ahead = ahead;
	redis->work = (struct redis_work){
		.command = redis->command,
		.commands = commands,
		.command_timeout_ns = command_timeout(cluster),
		.connect_timeout_ns = CONNECT_NS,
	};
	redis->busy = redis_worker_give(redis->worker, &redis->work);
	if (!redis->busy) {
		ledger_end(cluster->ledger, now_ns);
		take_orders(cluster, now_ns);
	}
	if (count && !ahead)
		cluster->figures.round_seconds = clock_seconds_since(began_ns);
}

/* ----------------------------------------------------------------------------------------- answers */

static struct snapshot_redis_command *figures_of(struct cluster *cluster, const char *name)
{
	struct snapshot_cluster *figures = &cluster->figures;
	size_t i = 0;

	while (i < figures->commands && strcmp(figures->command[i].name, name) != 0)
		i++;
	if (i == figures->commands) {
		if (i == sizeof(figures->command) / sizeof(figures->command[0]))
			return NULL;
		snprintf(figures->command[i].name, sizeof(figures->command[i].name), "%s", name);
		figures->commands++;
	}
	return &figures->command[i];
}

static void count_command(struct cluster *cluster, const struct redis_command *command)
{
	struct snapshot_redis_command *figures = figures_of(cluster, command->name);

	if (!figures)
		return;
	if (command->state != REDIS_STATE_OK) {
		figures->failed++;
		return;
	}
	figures->ok++;
	histogram_observe(&figures->duration, (double)command->duration_ns / 1e9);
}

/* false: not one that round.lua gives */
static bool take_batch(struct cluster *cluster, size_t index, uint64_t now_ns)
{
	const struct redis_command *command = &cluster->redis.command[index];
	int64_t number[6 + 4 * LEDGER_BATCH];

	if (command->state != REDIS_STATE_OK ||
	    command->values > sizeof(number) / sizeof(number[0]))
		return false;
	for (size_t i = 0; i < command->values; i++) {
		if (command->value[i].type != REDIS_INTEGER)
			return false;
		number[i] = command->value[i].integer;
	}
	return ledger_answer(cluster->ledger, index, number, command->values, now_ns,
			     cluster_install, cluster);
}

/*
 * What says nothing until it lasts: an answer that is late, a slot of a cluster that is moving. The shares of before hold for a
 * lease, and while they do there is no outage to tell of.
 */
static bool may_pass(const struct cluster *cluster, enum redis_state state, uint64_t now_ns)
{
	return (state == REDIS_STATE_TIMEOUT || state == REDIS_STATE_CLUSTER_DOWN) &&
	       now_ns - cluster->redis.row_ns <
		       LAW_LEASE_ROUNDS * cluster->config->cluster.interval_ns;
}

/*
 * Where part of a Redis Cluster is away only rounds ask that part, and not each of them: one that begins a moment after it was asked
 * does not. It is back when it has answered.
 */
static bool all_answer(const struct cluster *cluster)
{
	return cluster->redis.batches && !cluster->redis.ahead && !ledger_is_owed(cluster->ledger);
}

/*
 * Parts of a Redis Cluster may fail in ways of their own: what was told goes on as long as one of them says it, whatever another
 * says besides.
 */
static enum redis_state state_of_work(const struct cluster_redis *redis)
{
	for (size_t i = 0; redis->work.state && i < redis->work.commands; i++)
		if (redis->work.command[i].state == redis->state && redis->state)
			return redis->state;
	return redis->work.state;
}

/* A line for each change, not for each failure */
static void note_state(struct cluster *cluster, uint64_t now_ns)
{
	struct cluster_redis *redis = &cluster->redis;
	const char *shown = cluster->config->cluster.redis.shown;
	enum redis_state before = redis->state, now = state_of_work(redis);
	bool back = now == REDIS_STATE_OK && before != REDIS_STATE_OK &&
		    before != REDIS_STATE_NEVER;

	if (back && !all_answer(cluster))
		return;
	if (now != redis->latest) {
		redis->row = 0;
		redis->row_ns = now_ns;
	}
	redis->row++;
	redis->latest = now;
	if ((back && redis->row < 2) || may_pass(cluster, now, now_ns))
		return;
	if (now == redis->work.state)
		snprintf(redis->error, sizeof(redis->error), "%s", redis->work.error);
	if (now == before)
		return;
	if (now == REDIS_STATE_OK && before == REDIS_STATE_NEVER)
		log_info("cluster", "%s answers, %u node%s", shown, ledger_nodes(cluster->ledger),
			 ledger_nodes(cluster->ledger) == 1 ? "" : "s");
	else if (now == REDIS_STATE_OK)
		log_info("cluster", "%s answers again after %.1f s", shown,
			 (double)(now_ns - redis->state_ns) / 1e9);
	else
		log_warning("cluster",
			    "%s: %s; %s. Limits of the cluster go by on_outage meanwhile", shown,
			    redis->error, redis_state_remedy(now));
	/* From one failure to another: how long it has been away goes on. */
	if (now == REDIS_STATE_OK || before == REDIS_STATE_OK || before == REDIS_STATE_NEVER)
		redis->state_ns = now_ns;
	redis->state = now;
}

void cluster_redis_take(struct cluster *cluster, uint64_t now_ns)
{
	struct cluster_redis *redis = &cluster->redis;
	struct redis_work *work = redis_worker_take(redis->worker);
	size_t answered = 0;

	if (!work)
		return;
	redis->busy = false;
	for (size_t i = 0; i < work->commands; i++) {
		count_command(cluster, &work->command[i]);
		if (!strcmp(work->command[i].name, "nodes"))
			take_names(cluster, &work->command[i]);
	}
	for (size_t i = 0; i < redis->batches; i++)
		answered += take_batch(cluster, i, now_ns);
	ledger_end(cluster->ledger, now_ns);
	take_orders(cluster, now_ns);
	if (work->state == REDIS_STATE_OK && answered < redis->batches) {
		work->state = REDIS_STATE_ERROR;
		snprintf(work->error, sizeof(work->error),
			 "what it answered is no answer to Weir's script");
	}
	if (work->reconnected)
		cluster->figures.reconnects++;
	if (work->state == REDIS_STATE_OK)
		cluster->figures.last_success = clock_unix_seconds();
	/* Where part of a Redis Cluster is away the others do not wait for it: the ledger asks it once a round. */
	if (work->state == REDIS_STATE_OK || answered)
		note_success(redis, now_ns);
	else
		note_failure(cluster, now_ns);
	if (redis->ahead)
		cluster->figures.reports_ahead++;
	else if (redis->batches)
		cluster->figures.rounds[work->state == REDIS_STATE_OK ? redis->again ? 2 : 0 : 1]++;
	redis->again = work->state != REDIS_STATE_OK;
	note_state(cluster, now_ns);
	redis_work_clear(work);
}

/* ------------------------------------------------------------------------------------ begin and end */

int cluster_redis_begin(struct cluster *cluster, struct config *config, uint64_t now_ns)
{
	static const char *const commands[] = {"round", "orders", "nodes"};
	struct cluster_redis *redis = &cluster->redis;

	redis->breaker = new_breaker(now_ns);
	redis->worker = redis_worker_new(config);
	redis->backoff = pace_backoff_begin(clock_unix_ns());
	redis->failures = 0;
	redis->wait_until_ns = 0;
	redis->state = redis->latest = REDIS_STATE_NEVER;
	redis->state_ns = now_ns;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		figures_of(cluster, commands[i]); /* their series begin at 0 */
	if (redis->breaker && redis->worker)
		return 0;
	cluster_redis_end(cluster);
	return -ENOMEM;
}

/* What is under way comes back without an answer, and will be sent again word for word. */
void cluster_redis_end(struct cluster *cluster)
{
	struct cluster_redis *redis = &cluster->redis;

	redis_worker_free(redis->worker);
	redis->worker = NULL;
	if (redis->busy) {
		redis_work_clear(&redis->work);
		ledger_end(cluster->ledger, clock_monotonic_ns());
		redis->command[redis->batches].state = REDIS_STATE_NEVER;
		take_orders(cluster, clock_monotonic_ns());
	}
	redis->busy = false;
	breaker_free(redis->breaker);
	redis->breaker = NULL;
}
