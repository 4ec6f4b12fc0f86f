// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Group limits and even shares, and what becomes of them when rules are applied. Watched clients: watched.c */
#include "user/datapath/shares.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/datapath/shares_internal.h"

/* ------------------------------------------------------------------------------- open, close, lock */

static int on_hot(void *context, void *data, size_t size)
{
	struct shares *shares = context;

	if (shares->on_hot && size >= sizeof(struct weir_hot))
		shares->on_hot(shares->on_hot_context, data);
	return 0;
}

int shares_open(struct datapath *datapath, struct datapath_error *error)
{
	struct shares *shares = calloc(1, sizeof(*shares));

	if (!shares)
		return fail(error, -ENOMEM, "out of memory");
	pthread_mutex_init(&shares->lock, NULL);
	datapath->shares = shares;
	shares->hot = ring_buffer__new(datapath->map[MAP_HOT], on_hot, shares, NULL);
	if (!shares->hot)
		return fail(error, -errno, "cannot read the ring of hot clients: %s",
			    strerror(errno));
	if (datapath->adopted)
		watched_free_all(datapath);
	return 0;
}

void shares_close(struct datapath *datapath)
{
	struct shares *shares = datapath->shares;

	if (!shares)
		return;
	ring_buffer__free(shares->hot);
	pthread_mutex_destroy(&shares->lock);
	free(shares);
	datapath->shares = NULL;
}

void shares_lock(const struct datapath *datapath)
{
	pthread_mutex_lock(&datapath->shares->lock);
}

void shares_unlock(const struct datapath *datapath)
{
	pthread_mutex_unlock(&datapath->shares->lock);
}

/* ------------------------------------------------------------------------------------ which limits */

struct weir_side *shares_side(const struct datapath *datapath)
{
	return &datapath->side[WEIR_SIDE(
		__atomic_load_n(&datapath->control->word, __ATOMIC_ACQUIRE))];
}

static struct weir_rule *rule_at(struct weir_side *side, uint32_t service, uint32_t tier)
{
	return &side->rule[service * WEIR_TIERS + tier];
}

struct weir_rule *shares_rule(const struct datapath *datapath, uint32_t generation,
			      struct shares_limit limit, int *error)
{
	struct weir_side *side = shares_side(datapath);
	struct weir_rule *rule;

	*error = -ESTALE;
	if (side->generation != generation)
		return NULL;
	*error = -EINVAL;
	if (limit.service >= WEIR_SERVICES || limit.tier >= WEIR_TIERS ||
	    limit.index >= WEIR_LIMITS)
		return NULL;
	rule = rule_at(side, limit.service, limit.tier);
	if (limit.index >= (limit.group ? rule->groups : rule->limits) ||
	    !(rule->cluster >> (limit.index + (limit.group ? WEIR_LIMITS : 0)) & 1))
		return NULL;
	*error = 0;
	return rule;
}

struct shares_list {
	const struct config *config;
	const struct numbers *numbers;
	struct shares_info *out;
	size_t size, count;
};

static void list_limits(struct shares_list *list, size_t s, size_t t, bool group)
{
	const struct config_rule *rule = &list->config->service[s].rule[t];
	const struct config_limit *limit = group ? rule->group : rule->limit;

	for (size_t i = 0; i < (group ? rule->groups : rule->limits); i++) {
		if (!limit[i].cluster)
			continue;
		if (list->count < list->size)
			list->out[list->count] = (struct shares_info){
				.limit = {.service = (uint8_t)list->numbers->service[s],
					  .tier = (uint8_t)list->numbers->tier[t],
					  .index = (uint8_t)i,
					  .group = group},
				.config = &limit[i],
				.service = &list->config->service[s],
				.tier = &list->config->tier[t],
			};
		list->count++;
	}
}

int shares_list(struct datapath *datapath, const struct config *config, struct shares_info *out,
		size_t size, uint32_t *generation)
{
	struct shares_list list = {config, &datapath->shares->numbers, out, size, 0};
	int result = -ESTALE;

	shares_lock(datapath);
	if (config == datapath->config) {
		for (size_t s = 0; s < config->services; s++)
			for (size_t t = 0; t < config->tiers; t++) {
				list_limits(&list, s, t, true);
				list_limits(&list, s, t, false);
			}
		*generation = shares_side(datapath)->generation;
		result = (int)list.count;
	}
	shares_unlock(datapath);
	return result;
}

/* ------------------------------------------------------------------------------ what is set by hand */

void shares_set_nodes(struct datapath *datapath, uint32_t nodes)
{
	__atomic_store_n(&datapath->state->nodes, nodes ? nodes : 1, __ATOMIC_RELAXED);
}

int shares_set_group(struct datapath *datapath, uint32_t generation, struct shares_limit limit,
		     const struct shares_value *value)
{
	struct weir_rule *rule;
	int error;

	limit.group = true;
	shares_lock(datapath);
	rule = shares_rule(datapath, generation, limit, &error);
	if (rule) {
		uint32_t index = weir_group_index(limit.service, limit.tier, limit.index);
		struct bucket bucket = {.cost = &rule->group[limit.index].cost,
					.burst = &rule->group[limit.index].burst,
					.tat = &datapath->groups[index].tat,
					.chunk = &rule->chunk[limit.index],
					.unit = (enum weir_unit)rule->group_unit[limit.index]};
		struct weir_limit to;
		uint32_t chunk;

		config_share_ticks(bucket.unit, value->rate, value->burst, &to);
		chunk = chunk_of(&to, bucket.unit, (uint32_t)datapath->cpus);
		bucket_change(&bucket, &to, chunk, value->credit);
	}
	shares_unlock(datapath);
	return error;
}

/*
 * Buckets stay as they are, which keeps how full they are by ratio: their burst, in ticks, is the same for any number of nodes. Where it is not, for it
 * can not be less than one unit, and becomes less, clients are brought to what it holds now when they come next: that is what a new epoch does.
 */
int shares_set_even(struct datapath *datapath, uint32_t generation, struct shares_limit limit,
		    const struct shares_value *value)
{
	struct weir_rule *rule;
	int error;

	limit.group = false;
	shares_lock(datapath);
	rule = shares_rule(datapath, generation, limit, &error);
	if (rule) {
		struct weir_limit *even = &rule->limit[limit.index], to;
		struct bucket bucket = {.cost = &even->cost,
					.burst = &even->burst,
					.unit = (enum weir_unit)rule->unit[limit.index]};
		bool shorter;

		config_share_ticks(bucket.unit, value->rate, value->burst, &to);
		shorter = to.burst && to.burst < even->burst;
		bucket_change(&bucket, &to, 0, 0);
		if (shorter)
			bump_epoch(datapath, (int)WEIR_SIDE(datapath->control->word));
	}
	shares_unlock(datapath);
	return error;
}

int shares_count_group(struct datapath *datapath, struct shares_limit limit,
		       struct shares_count *out)
{
	uint32_t index = weir_group_index(limit.service, limit.tier, limit.index);
	_cleanup_free_ struct weir_chunk *all = calloc((size_t)datapath->cpus, sizeof(*all));
	struct shares_count sum = {};

	if (!all)
		return -ENOMEM;
	if (bpf_map_lookup_elem(datapath->map[MAP_CHUNK], &index, all))
		return -errno;
	for (int cpu = 0; cpu < datapath->cpus; cpu++) {
		sum.passed += all[cpu].passed;
		sum.refused += all[cpu].refused;
	}
	*out = sum;
	return 0;
}

/* ------------------------------------------------------------------------------------- a reload */

size_t shares_carries(const struct config *config)
{
	size_t count = WEIR_SHARES * WEIR_LIMITS;

	for (size_t s = 0; s < config->services; s++)
		for (size_t t = 0; t < config->tiers; t++)
			count += config->service[s].rule[t].groups;
	return count;
}

/* What the configuration in force says of the same service, and tier; NULL: it has none */
static const struct config_service *service_before(const struct config *before, const char *service)
{
	for (size_t s = 0; before && s < before->services; s++)
		if (!strcmp(before->service[s].name, service))
			return &before->service[s];
	return NULL;
}

static const struct config_rule *rule_before(const struct config *before,
					     const struct config_service *service, const char *tier)
{
	for (size_t t = 0; service && t < before->tiers; t++)
		if (!strcmp(before->tier[t].name, tier))
			return &service->rule[t];
	return NULL;
}

static bool is_as_it_was(const struct config_limit *a, const struct config_limit *b)
{
	return a->cluster && b->cluster && a->unit == b->unit && a->amount == b->amount &&
	       a->period_ns == b->period_ns && a->burst == b->burst;
}

static void bring_limits(const struct config_rule *before, const struct config_rule *rule,
			 const struct weir_rule *from, struct weir_rule *to)
{
	for (size_t i = 0; before && i < rule->limits && i < before->limits; i++)
		if (is_as_it_was(&before->limit[i], &rule->limit[i]))
			to->limit[i] = from->limit[i];
}

/* Group limit i is another than before, or of another daemon. A new one begins with a full bucket. */
static size_t carry_group(u64 *tat, const struct weir_rule *from, const struct weir_rule *to,
			  size_t i, struct carry *carry)
{
	if (i >= from->groups || from->group_unit[i] != to->group_unit[i]) {
		__atomic_store_n(tat, 0, __ATOMIC_SEQ_CST);
		return 0;
	}
	*carry = (struct carry){.tat = tat,
				.from = from->group[i],
				.to = to->group[i],
				.unit = (enum weir_unit)to->group_unit[i]};
	return 1;
}

static size_t bring_groups(const struct config_rule *before, const struct config_rule *rule,
			   struct weir_group *groups, const struct weir_rule *from,
			   struct weir_rule *to, struct carry *carry)
{
	size_t count = 0;

	for (size_t i = 0; i < rule->groups; i++) {
		if (!rule->group[i].cluster)
			continue;
		if (before && i < before->groups &&
		    is_as_it_was(&before->group[i], &rule->group[i])) {
			to->group[i] = from->group[i];
			to->chunk[i] = from->chunk[i];
		} else {
			count += carry_group(&groups[i].tat, from, to, i, &carry[count]);
		}
	}
	return count;
}

size_t shares_bring(struct datapath *datapath, const struct config *config,
		    const struct numbers *numbers, struct weir_side *idle, struct carry *carry)
{
	struct weir_side *active = shares_side(datapath);
	size_t count = watched_bring(datapath, idle, carry);

	for (size_t s = 0; s < config->services; s++) {
		const struct config_service *service = &config->service[s];
		const struct config_service *old = service_before(datapath->config, service->name);

		for (size_t t = 0; t < config->tiers; t++) {
			uint32_t number = numbers->service[s], tier = numbers->tier[t];
			struct weir_group *groups =
				&datapath->groups[weir_group_index(number, tier, 0)];
			const struct weir_rule *from = rule_at(active, number, tier);
			struct weir_rule *to = rule_at(idle, number, tier);
			const struct config_rule *before;

			if (!to->cluster)
				continue;
			before = rule_before(datapath->config, old, config->tier[t].name);
			bring_limits(before, &service->rule[t], from, to);
			count += bring_groups(before, &service->rule[t], groups, from, to,
					      &carry[count]);
		}
	}
	return count;
}
