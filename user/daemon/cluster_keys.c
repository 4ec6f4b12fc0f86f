// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The limits of the cluster: what the kernel has counted of them goes into the ledger, the shares that come out go to the kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/words.h"
#include "user/daemon/cluster_internal.h"

/* ------------------------------------------------------------------------------------------- limits */

static struct law_limit law_of(const struct config_limit *limit)
{
	return (struct law_limit){
		.rate = (double)limit->amount * 1e9 / (double)limit->period_ns,
		.burst = (double)limit->burst,
		.on_outage = limit->on_outage,
	};
}

struct law_share cluster_even_share(const struct cluster *cluster, const struct law_limit *law)
{
	double nodes = ledger_nodes(cluster->ledger);

	return (struct law_share){.rate = law->rate / nodes, .burst = law->burst / nodes};
}

static void fill_limit(const struct shares_info *info, struct cluster_limit *out)
{
	out->info = *info;
	out->law = law_of(info->config);
	snprintf(out->id, sizeof(out->id), "%s.%s.%s.%c%u", info->service->name, info->tier->name,
		 unit_word(info->config->unit), info->limit.group ? 'g' : 'l', info->limit.index);
}

static struct cluster_limit *find_limit(struct cluster_limit *limit, size_t limits, const char *id)
{
	for (size_t i = 0; i < limits; i++)
		if (!strcmp(limit[i].id, id))
			return &limit[i];
	return NULL;
}

/* A group goes on as what it was by its name, or begins. */
static int take_group(struct cluster *cluster, struct cluster_limit *limit,
		      struct cluster_limit *old, uint64_t now_ns)
{
	struct cluster_key *key = old ? old->key : calloc(1, sizeof(*key));

	if (!key)
		return -ENOMEM;
	limit->key = key;
	key->limit = (uint16_t)(limit - cluster->limit);
	if (old) {
		old->key = NULL;
		ledger_change(cluster->ledger, key->handle, &limit->law);
	} else {
		key->reported = true;
		key->share = cluster_even_share(cluster, &limit->law);
		key->handle = ledger_add(cluster->ledger, limit->id, &limit->law, key, now_ns);
	}
	if (!old || memcmp(&old->info.limit, &limit->info.limit, sizeof(old->info.limit)))
		shares_count_group(cluster->datapath, limit->info.limit, &key->seen);
	return key->handle < 0 ? key->handle : 0;
}

static void drop_groups(struct cluster *cluster, struct cluster_limit *limit, size_t limits)
{
	for (size_t i = 0; i < limits; i++) {
		if (limit[i].key && limit[i].key->handle >= 0)
			ledger_drop(cluster->ledger, limit[i].key->handle);
		free(limit[i].key);
	}
	free(limit);
}

/* A watched client stays if its limits are those it was watched for. */
static bool still_means(struct cluster *cluster, const struct cluster_client *client,
			const struct cluster_limit *old)
{
	unsigned int wanted = 0;

	for (size_t i = 0; i < cluster->limits; i++)
		if (!cluster->limit[i].info.limit.group &&
		    cluster->limit[i].info.limit.service == client->hot.service &&
		    cluster->limit[i].info.limit.tier == client->hot.tier)
			wanted++;
	if (wanted != client->keys)
		return false;
	for (unsigned int k = 0; k < client->keys; k++) {
		const struct cluster_limit *was = &old[client->key[k].limit];
		const struct cluster_limit *is =
			find_limit(cluster->limit, cluster->limits, was->id);

		if (!is || is->law.rate != was->law.rate || is->law.burst != was->law.burst ||
		    is->info.limit.index != was->info.limit.index)
			return false;
	}
	return true;
}

static void take_clients(struct cluster *cluster, const struct cluster_limit *old)
{
	for (uint16_t n = 1; n < WEIR_SHARES; n++) {
		struct cluster_client *client = &cluster->client[n];

		if (!client->used)
			continue;
		if (!still_means(cluster, client, old)) {
			cluster_unwatch(cluster, n);
			continue;
		}
		for (unsigned int k = 0; k < client->keys; k++)
			client->key[k].limit =
				(uint16_t)(find_limit(cluster->limit, cluster->limits,
						      old[client->key[k].limit].id) -
					   cluster->limit);
	}
}

/* All that the kernel has of shares, once more: by the numbers of the new generation */
static void install_all(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->limits; i++)
		if (cluster->limit[i].key)
			cluster_install(cluster, cluster->limit[i].key->handle,
					cluster->limit[i].key, &cluster->limit[i].key->share);
	for (uint16_t n = 1; n < WEIR_SHARES; n++)
		for (unsigned int k = 0; cluster->client[n].used && k < cluster->client[n].keys;
		     k++) {
			struct cluster_key *key = &cluster->client[n].key[k];

			cluster_install(cluster, key->handle, key, &key->share);
		}
}

int cluster_take_limits(struct cluster *cluster, struct config *config, uint64_t now_ns)
{
	struct shares_info *info = calloc(CLUSTER_LIMITS, sizeof(*info));
	struct cluster_limit *old = cluster->limit, *new = calloc(CLUSTER_LIMITS, sizeof(*new));
	size_t olds = cluster->limits;
	int count = -ENOMEM, result = 0;

	if (!cluster->client)
		cluster->client = calloc(WEIR_SHARES, sizeof(*cluster->client));
	if (info && new && cluster->client)
		count = shares_list(cluster->datapath, config, info, CLUSTER_LIMITS,
				    &cluster->generation);
	if (count < 0) {
		free(info);
		free(new);
		return count;
	}
	cluster->limit = new;
	cluster->limits = count < CLUSTER_LIMITS ? (size_t)count : CLUSTER_LIMITS;
	for (size_t i = 0; i < cluster->limits; i++)
		fill_limit(&info[i], &new[i]);
	free(info);
	for (size_t i = 0; i < cluster->limits && !result; i++)
		if (new[i].info.limit.group)
			result = take_group(cluster, &new[i], find_limit(old, olds, new[i].id),
					    now_ns);
	take_clients(cluster, old);
	drop_groups(cluster, old, olds);
	cluster->nodes = 0; /* even shares are to be written */
	install_all(cluster);
	return result;
}

void cluster_forget(struct cluster *cluster)
{
	cluster_forget_clients(cluster);
	drop_groups(cluster, cluster->limit, cluster->limits);
	free(cluster->client);
	cluster->limit = NULL;
	cluster->client = NULL;
	cluster->limits = 0;
}

/* ------------------------------------------------------------------------------------------- shares */

void cluster_install(void *owner, int handle, void *context, const struct law_share *share)
{
	struct cluster *cluster = owner;
	struct cluster_key *key = context;
	const struct shares_info *info = &cluster->limit[key->limit].info;
	const struct shares_value value = {share->rate, share->burst, share->credit};

	(void)handle;
	/* Not now: a reload is on its way here, or the client's entry is gone. The share stays, and its credit with it. */
	if (key->number)
		shares_set_client(cluster->datapath, cluster->generation, key->number,
				  info->limit.index, &value);
	else
		shares_set_group(cluster->datapath, cluster->generation, info->limit, &value);
	key->share = *share;
	key->share.credit = 0;
}

void cluster_fill_groups(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->limits; i++) {
		struct cluster_key *key = cluster->limit[i].key;
		struct law_share full;

		if (!key)
			continue;
		full = key->share;
		full.credit = full.burst;
		cluster_install(cluster, key->handle, key, &full);
	}
}

struct shares_value cluster_even_value(const struct cluster *cluster, const struct law_limit *law)
{
	bool out = ledger_mode(cluster->ledger) == CLUSTER_OUTAGE;
	struct law_share even = cluster_even_share(cluster, law);

	if (out && law->on_outage == OUTAGE_LOCAL)
		return (struct shares_value){law->rate, law->burst, 0};
	if (out && law->on_outage == OUTAGE_DENY)
		return (struct shares_value){0};
	return (struct shares_value){even.rate, even.burst, 0};
}

void cluster_set_even(struct cluster *cluster)
{
	uint32_t nodes = ledger_nodes(cluster->ledger);
	bool out = ledger_mode(cluster->ledger) == CLUSTER_OUTAGE;

	if (cluster->limits_wait_ns || (nodes == cluster->nodes && out == cluster->out))
		return;
	cluster->nodes = nodes;
	cluster->out = out;
	if (ledger_knows_nodes(cluster->ledger))
		shares_set_nodes(cluster->datapath, nodes);
	for (size_t i = 0; i < cluster->limits; i++) {
		const struct cluster_limit *limit = &cluster->limit[i];
		struct shares_value value = cluster_even_value(cluster, &limit->law);

		if (!limit->info.limit.group &&
		    shares_set_even(cluster->datapath, cluster->generation, limit->info.limit,
				    &value))
			cluster->nodes = 0; /* another generation is in force: again, then */
	}
}

/* ------------------------------------------------------------------------------------------- counts */

static void count_key(struct cluster *cluster, struct cluster_key *key,
		      const struct shares_count *now, uint64_t now_ns)
{
	uint64_t passed = now->passed - key->seen.passed;
	uint64_t refused = now->refused - key->seen.refused;

	/* A refund takes passed back: then there is less of it than was counted, and it is counted with what comes */
	if (now->passed < key->seen.passed)
		passed = 0;
	else
		key->seen.passed = now->passed;
	key->seen.refused = now->refused;
	key->units += passed + refused;
	ledger_count(cluster->ledger, key->handle, passed + refused, passed, now_ns);
}

void cluster_count(struct cluster *cluster, uint64_t now_ns)
{
	struct shares_count count;

	for (size_t i = 0; i < cluster->limits; i++) {
		struct cluster_limit *limit = &cluster->limit[i];

		if (limit->key && !shares_count_group(cluster->datapath, limit->info.limit, &count))
			count_key(cluster, limit->key, &count, now_ns);
	}
	for (uint16_t n = 1; cluster->watched && n < WEIR_SHARES; n++) {
		struct cluster_client *client = &cluster->client[n];

		for (unsigned int k = 0; client->used && k < client->keys; k++) {
			struct cluster_key *key = &client->key[k];

			shares_count_client(cluster->datapath, n,
					    cluster->limit[key->limit].info.limit.index, &count);
			count_key(cluster, key, &count, now_ns);
		}
	}
}
