// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The cluster thread: when it begins, turns and ends. What it does in a turn is in cluster_*.c. */
#include "user/daemon/cluster.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/base/secret.h"
#include "user/daemon/cluster_internal.h"

#define THREAD_STACK (256 * 1024)

/* ---------------------------------------------------------------------------------- configuration */

/* Does what is counted so far mean the same with another configuration? */
static bool same_cluster(const struct config *a, const struct config *b)
{
	return a->cluster.interval_ns == b->cluster.interval_ns &&
	       a->cluster.redis.kind == b->cluster.redis.kind &&
	       !strcmp(a->cluster.prefix, b->cluster.prefix) && !strcmp(a->node, b->node);
}

int cluster_prepare(const struct config *config, struct seal **out, struct config_error *error)
{
	const char *path = config->cluster.secret_file;
	_cleanup_secret_ char *secret = NULL;
	char why[SECRET_WHY];

	*out = NULL;
	if (!config->cluster.enabled)
		return 0;
	if (path && secret_read(path, SEAL_SECRET_LEAST, SEAL_SECRET_MOST, &secret, why)) {
		snprintf(error->text, sizeof(error->text),
			 "cluster.secret_file %.200s: %s; expected a file with the secret of the "
			 "cluster, the same on all nodes",
			 path, why);
		return -EINVAL;
	}
	*out = seal_new(secret ? secret : config->cluster.secret);
	if (*out)
		return 0;
	snprintf(error->text, sizeof(error->text),
		 "out of memory, or no ciphers for cluster.secret");
	return -ENOMEM;
}

static struct ledger *new_ledger(const struct cluster *cluster, const struct config *config,
				 uint64_t now_ns)
{
	const struct ledger_settings settings = {
		.prefix = config->cluster.prefix,
		.node = config->node,
		.boot = clock_unix_ns(),
		.interval_ns = config->cluster.interval_ns,
		.nodes = datapath_names(cluster->datapath)->nodes,
		.shards = config->cluster.redis.kind == REDIS_CLUSTER ? LEDGER_SHARDS : 1,
	};

	return ledger_new(&settings, now_ns);
}

/* Do they give everything the same name, or will they, once the nodes have agreed? */
static bool same_seal(struct seal *a, struct seal *b)
{
	char name[SEAL_NAME], other[SEAL_NAME];

	if (!a || seal_offer(a) || seal_offer(b))
		return a && seal_offer(a) && seal_offer(b);
	return !seal_name(a, "", "", 0, name) && !seal_name(b, "", "", 0, other) &&
	       !strcmp(name, other);
}

static void take_seal(struct cluster *cluster, struct seal *seal)
{
	if (same_seal(cluster->seal, seal)) {
		seal_free(seal);
		return;
	}
	cluster_forget_clients(cluster);
	if (cluster->orders)
		orders_use(cluster->orders, seal);
	seal_free(cluster->seal);
	cluster->seal = seal;
	cluster->seal_epoch = seal_epoch(seal);
}

static void say_no_shares(int result)
{
	log_error("cluster", "cannot share limits: %s; this node keeps even shares",
		  strerror(-result));
}

/* Takes another configuration over. What cannot be had now is tried again with the next one; shares are even until then. */
static void take_config(struct cluster *cluster, struct config *config, struct seal *seal,
			uint64_t now_ns)
{
	bool same = cluster->config && same_cluster(cluster->config, config);
	int result = 0;

	cluster_redis_end(cluster);
	take_seal(cluster, seal);
	if (!same) {
		cluster_forget(cluster);
		ledger_free(cluster->ledger);
		cluster->ledger = new_ledger(cluster, config, now_ns);
	}
	if (!same || !cluster->orders) {
		orders_free(cluster->orders);
		cluster->orders = orders_new(config->cluster.prefix, config->node, cluster->seal);
	}
	if (!cluster->ledger || !cluster->orders)
		result = -ENOMEM;
	/* Nodes that start together would each begin with all of the limit: the first answer is there in a moment. */
	cluster->limits_wait_ns = 0;
	if (!result && !ledger_knows_nodes(cluster->ledger))
		cluster->limits_wait_ns = now_ns + LAW_LEASE_ROUNDS * config->cluster.interval_ns;
	else if (!result)
		result = cluster_take_limits(cluster, config, now_ns);
	if (!result)
		result = cluster_redis_begin(cluster, config, now_ns);
	if (!result) /* upstreams of these names may be there now */
		orders_repeat(cluster->orders, order_box_apply, cluster->box);
	if (result)
		say_no_shares(result);
	config_unref(cluster->config);
	cluster->config = config;
}

/* --------------------------------------------------------------------------------------- the thread */

static void drain(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
}

/* What the control thread wants. false: the end */
static bool obey(struct cluster *cluster, uint64_t now_ns)
{
	struct config *next;
	struct seal *seal;
	bool stop;

	drain(cluster->wake);
	pthread_mutex_lock(&cluster->lock);
	next = cluster->next;
	seal = cluster->next_seal;
	cluster->next = NULL;
	cluster->next_seal = NULL;
	stop = cluster->stop;
	pthread_mutex_unlock(&cluster->lock);
	if (next && !stop) {
		take_config(cluster, next, seal, now_ns);
		return true;
	}
	config_unref(next);
	seal_free(seal);
	return !stop;
}

/* The nodes are known now, or nobody says how many there are. */
static void take_waiting_limits(struct cluster *cluster, uint64_t now_ns)
{
	int result;

	if (!cluster->limits_wait_ns ||
	    (!ledger_knows_nodes(cluster->ledger) && now_ns < cluster->limits_wait_ns))
		return;
	cluster->limits_wait_ns = 0;
	result = cluster_take_limits(cluster, cluster->config, now_ns);
	if (result == -ESTALE) /* another configuration is on its way here */
		cluster->limits_wait_ns = now_ns;
	else if (result)
		say_no_shares(result);
	cluster_fill_groups(cluster);
}

static void tick(struct cluster *cluster, uint64_t now_ns)
{
	if (!cluster->ledger)
		return;
	take_waiting_limits(cluster, now_ns);
	cluster_count(cluster, now_ns);
	ledger_lapse(cluster->ledger, now_ns, cluster_install, cluster);
	cluster_set_even(cluster);
	cluster_choose(cluster, now_ns);
	cluster_redis_send(cluster, now_ns);
	cluster_note(cluster, now_ns);
}

static void *run(void *context)
{
	struct cluster *cluster = context;
	const struct itimerspec every = {{0, CLUSTER_TICK_NS}, {0, CLUSTER_TICK_NS}};
	_cleanup_close_ int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	bool go_on = obey(cluster, clock_monotonic_ns());

	if (timer < 0 || timerfd_settime(timer, 0, &every, NULL)) {
		log_error("cluster", "cannot have a timer: %s; shares stay as they are",
			  strerror(errno));
		return NULL;
	}
	while (go_on) {
		struct pollfd fds[] = {
			{.fd = cluster->wake, .events = POLLIN},
			{.fd = timer, .events = POLLIN},
			/* Who asks before there are limits waits in the ring: it asks only once */
			{.fd = cluster->client ? shares_hot_fd(cluster->datapath) : -1,
			 .events = POLLIN},
			{.fd = cluster->redis.worker ? redis_worker_fd(cluster->redis.worker) : -1,
			 .events = POLLIN},
		};
		uint64_t now_ns;

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0 && errno != EINTR)
			break;
		now_ns = clock_monotonic_ns();
		if (fds[2].revents)
			cluster_on_hot(cluster, now_ns);
		if (fds[3].revents)
			cluster_redis_take(cluster, now_ns);
		if (fds[1].revents) {
			drain(timer);
			tick(cluster, now_ns);
		}
		if (fds[0].revents)
			go_on = obey(cluster, now_ns);
	}
	return NULL;
}

/* ------------------------------------------------------------------------- for the control thread */

static int start_thread(struct cluster *cluster)
{
	pthread_attr_t attributes;
	int result;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK);
	result = pthread_create(&cluster->thread, &attributes, run, cluster);
	pthread_attr_destroy(&attributes);
	if (!result)
		pthread_setname_np(cluster->thread, "weir-cluster");
	cluster->running = !result;
	return -result;
}

static void wake(struct cluster *cluster)
{
	const uint64_t one = 1;

	if (write(cluster->wake, &one, sizeof(one)) < 0) /* full: it is awake */
		return;
}

static void stop_thread(struct cluster *cluster)
{
	if (!cluster->running)
		return;
	pthread_mutex_lock(&cluster->lock);
	cluster->stop = true;
	pthread_mutex_unlock(&cluster->lock);
	wake(cluster);
	pthread_join(cluster->thread, NULL);
	cluster->running = cluster->stop = false;
	cluster_redis_end(cluster);
	cluster_forget(cluster);
	ledger_free(cluster->ledger);
	cluster->ledger = NULL;
	orders_free(cluster->orders);
	cluster->orders = NULL;
	seal_free(cluster->seal);
	cluster->seal = NULL;
	config_unref(cluster->config);
	cluster->config = NULL;
	free(cluster->shown.limit);
	memset(&cluster->shown, 0, sizeof(cluster->shown));
}

int cluster_change(struct cluster *cluster, struct config *config, struct seal *seal)
{
	if (!config->cluster.enabled) {
		stop_thread(cluster);
		return 0;
	}
	pthread_mutex_lock(&cluster->lock);
	config_unref(cluster->next);
	seal_free(cluster->next_seal);
	cluster->next = config_ref(config);
	cluster->next_seal = seal;
	pthread_mutex_unlock(&cluster->lock);
	wake(cluster);
	return cluster->running ? 0 : start_thread(cluster);
}

struct cluster *cluster_new(struct datapath *datapath, struct config *config, struct seal *seal,
			    struct order_box *box)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));

	if (!cluster) {
		seal_free(seal);
		return NULL;
	}
	cluster->datapath = datapath;
	cluster->box = box;
	pthread_mutex_init(&cluster->lock, NULL);
	cluster->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cluster->wake < 0) {
		seal_free(seal);
	} else if (!cluster_change(cluster, config, seal)) {
		return cluster;
	}
	cluster_free(cluster);
	return NULL;
}

void cluster_free(struct cluster *cluster)
{
	if (!cluster)
		return;
	stop_thread(cluster);
	config_unref(cluster->next);
	seal_free(cluster->next_seal);
	if (cluster->wake >= 0)
		close(cluster->wake);
	pthread_mutex_destroy(&cluster->lock);
	free(cluster);
}
