// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The only writer of rules: fills the idle side, flips the control word, waits readers out. */
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/datapath/compile.h"
#include "user/datapath/internal.h"
#include "user/datapath/shares_internal.h"
#include "user/datapath/telemetry.h"

/* ----------------------------------------------------------------------------------- readers */

/*
 * XDP and TC run with bottom halves disabled, so a processor that has scheduled us after the flip has
 * left the packet it was judging. Visiting each takes 0.1 ms for two processors where RCU's grace period takes 10,
 * and lets 1,000 reloads a second through. On PREEMPT_RT bottom halves can be preempted, and a
 * processor we may not run on cannot be visited: then the grace period it is.
 */
static bool visit_processors(int cpus)
{
	size_t size = CPU_ALLOC_SIZE(cpus);
	_cleanup_free_ cpu_set_t *mine = calloc(1, size);
	_cleanup_free_ cpu_set_t *one = calloc(1, size);
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	int visited = 0;

	if (!mine || !one || online > 64 || sched_getaffinity(0, size, mine) ||
	    CPU_COUNT_S(size, mine) < online)
		return false;
	for (int cpu = 0; cpu < cpus; cpu++) {
		if (!CPU_ISSET_S(cpu, size, mine))
			continue;
		CPU_ZERO_S(size, one);
		CPU_SET_S(cpu, size, one);
		if (!sched_setaffinity(0, size, one))
			visited++;
	}
	sched_setaffinity(0, size, mine);
	return visited >= online;
}

static bool preempt_rt(void)
{
	struct utsname kernel;

	return uname(&kernel) || strstr(kernel.version, "PREEMPT_RT");
}

/* Returns when no packet is judged any more by what was active before. */
static void wait_for_readers(const struct datapath *datapath)
{
	if (!preempt_rt() && visit_processors(datapath->cpus))
		return;
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

/*
 * One store: packets from here on see the side, and ask the prefix trie again for each client. The cluster thread raises the epoch as
 * well, of the same side.
 */
void bump_epoch(struct datapath *datapath, int side)
{
	u64 word = __atomic_load_n(&datapath->control->word, __ATOMIC_SEQ_CST), next;

	do {
		next = ((word >> 1) + 1) << 1 | (u64)side;
	} while (!__atomic_compare_exchange_n(&datapath->control->word, &word, next, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
}

/* -------------------------------------------------------------------------------------- tries */

static int empty_trie(int fd, size_t key_size)
{
	uint8_t key[64], *from = NULL;

	if (key_size > sizeof(key))
		return -EINVAL;
	while (!bpf_map_get_next_key(fd, from, key))
		if (bpf_map_delete_elem(fd, key))
			return -errno;
	return 0;
}

/* Brings a prefix trie from what it holds to what it shall hold; both lists are sorted. */
static int sync_trie(int fd, const struct prefix_list *old, const struct prefix_list *new)
{
	size_t i = 0, k = 0;

	while (i < old->count || k < new->count) {
		int order = i == old->count   ? 1
			    : k == new->count ? -1
					      : key_compare(&old->at[i].key, &new->at[k].key);

		if (order < 0) {
			if (bpf_map_delete_elem(fd, &old->at[i].key) && errno != ENOENT)
				return -errno;
			i++;
			continue;
		}
		if ((order > 0 ||
		     memcmp(&old->at[i].value, &new->at[k].value, sizeof(new->at[k].value))) &&
		    bpf_map_update_elem(fd, &new->at[k].key, &new->at[k].value, BPF_ANY))
			return -errno;
		i += order == 0;
		k++;
	}
	return 0;
}

/* Makes the prefix trie of `side` say what the configuration and the bans say. */
int apply_prefixes(struct datapath *datapath, const struct config *config,
		   const struct numbers *numbers, int side, struct datapath_error *error)
{
	int fd = datapath->map[MAP_PREFIX_0 + side];
	struct prefix_list *held = &datapath->prefixes[side], wanted;
	int result =
		prefixes_resolve(config, numbers, datapath->bans, datapath->ban_count, &wanted);

	if (result)
		return fail(error, result, "out of memory");
	if (!datapath->prefixes_known[side]) {
		result = empty_trie(fd, sizeof(struct weir_prefix_key));
		free(held->at);
		*held = (struct prefix_list){};
	}
	if (!result)
		result = sync_trie(fd, held, &wanted);
	datapath->prefixes_known[side] = !result;
	free(held->at);
	*held = wanted;
	if (result)
		return fail(error, result, "writing %zu prefixes to the kernel: %s", wanted.count,
			    strerror(-result));
	return 0;
}

static int apply_destinations(struct datapath *datapath, const struct compiled *compiled, int side)
{
	int fd = datapath->map[MAP_DST_0 + side];
	int result = empty_trie(fd, sizeof(struct weir_prefix_key));

	for (size_t i = 0; !result && i < compiled->destination_count; i++)
		if (bpf_map_update_elem(fd, &compiled->destinations[i].key,
					&compiled->destinations[i].value, BPF_ANY))
			result = -errno;
	return result;
}

static int zero_series(struct datapath *datapath, const uint8_t fresh[WEIR_SERIES])
{
	_cleanup_free_ struct weir_series *zero = calloc((size_t)datapath->cpus, sizeof(*zero));

	if (!zero)
		return -ENOMEM;
	for (uint32_t i = 0; i < WEIR_SERIES; i++)
		if (fresh[i] && bpf_map_update_elem(datapath->map[MAP_SERIES], &i, zero, BPF_ANY))
			return -errno;
	return 0;
}

/* --------------------------------------------------------------------------------------- apply */

/* Fills the idle side with what was compiled. */
static int fill(struct datapath *datapath, const struct config *config, struct compiled *compiled,
		int side, struct datapath_error *error)
{
	struct weir_side *idle = &datapath->side[side];
	int result = apply_prefixes(datapath, config, &compiled->numbers, side, error);

	if (result)
		return result;
	if (datapath->prefixes[side].count)
		compiled->side->flags |= WEIR_SIDE_PREFIXES;
	result = apply_destinations(datapath, compiled, side);
	if (!result)
		result = zero_series(datapath, compiled->fresh);
	if (!result)
		result = telemetry_prepare(datapath, compiled);
	if (result)
		return fail(error, result, "writing the rules to the kernel: %s",
			    strerror(-result));
	memcpy(idle, compiled->side, sizeof(*idle));
	return 0;
}

static void keep_names(struct weir_state *state, const struct weir_state *from)
{
	memcpy(state->interface, from->interface, sizeof(state->interface));
	memcpy(state->service, from->service, sizeof(state->service));
	memcpy(state->tier, from->tier, sizeof(state->tier));
	memcpy(state->series, from->series, sizeof(state->series));
	memcpy(state->upstream, from->upstream, sizeof(state->upstream));
	memcpy(state->endpoint, from->endpoint, sizeof(state->endpoint));
}

/*
 * The filled side is in force when this returns, with the shares of limits that are as they were. The lock is held for as long as it takes to
 * copy them. carry: as shares_bring() wants it
 */
static void flip(struct datapath *datapath, const struct config *config,
		 const struct compiled *compiled, const struct weir_state *state, int side,
		 struct carry *carry)
{
	struct config *before = datapath->config;
	size_t count;

	shares_lock(datapath);
	count = shares_bring(datapath, config, &compiled->numbers, &datapath->side[side], carry);
	carry_before(carry, count);
	keep_names(datapath->state, state);
	bump_epoch(datapath, side);
	carry_after(carry, count);
	watched_keep(datapath);
	datapath->shares->numbers = compiled->numbers;
	datapath->config = config_ref((struct config *)config);
	shares_unlock(datapath);
	config_unref(before);
	wait_for_readers(datapath);
}

static int apply(struct datapath *datapath, const struct config *config, u32 generation,
		 struct datapath_error *error)
{
	int side = !WEIR_SIDE(datapath->control->word);
	_cleanup_free_ struct weir_state *state = malloc(sizeof(*state));
	_cleanup_free_ struct carry *carry = calloc(shares_carries(config), sizeof(*carry));
	uint32_t ifindex[WEIR_INTERFACES];
	struct compiled compiled = {};
	int result;

	if (!state || !carry)
		return fail(error, -ENOMEM, "out of memory");
	*state = *datapath->state; /* a failure must leave no trace */
	for (size_t i = 0; i < config->interfaces; i++)
		ifindex[i] = attach_ifindex(config->interface[i].name);
	result = compile(config, (uint32_t)datapath->cpus, ifindex, state, &compiled, error);
	if (!result) {
		compiled.side->generation = generation;
		result = fill(datapath, config, &compiled, side, error);
	}
	if (!result)
		flip(datapath, config, &compiled, state, side, carry);
	compiled_free(&compiled);
	return result;
}

int datapath_apply(struct datapath *datapath, const struct config *config,
		   struct datapath_error *error)
{
	return apply(datapath, config, datapath_generation(datapath) + 1, error);
}

int datapath_change(struct datapath *datapath, const struct config *config,
		    struct datapath_error *error)
{
	bool first = !datapath->adopted && !datapath->config;
	int result = 0;

	/* Nothing is attached yet: then the rules go first, and count from the first packet on. */
	if (first)
		result = datapath_apply(datapath, config, error);
	if (!result)
		result = interfaces_attach(datapath, config, error);
	if (!result && !first) {
		result = datapath_apply(datapath, config, error);
		if (result)
			interfaces_take_back(datapath);
	}
	if (result)
		return result;
	interfaces_release(datapath, config);
	return 0;
}

void datapath_follow(struct datapath *datapath)
{
	follow_all(datapath, datapath->config->latency);
	interfaces_remove_strays(datapath);
}

/* The same rules for interfaces that came or went */
int apply_again(struct datapath *datapath, struct datapath_error *error)
{
	return apply(datapath, datapath->config, datapath_generation(datapath), error);
}
