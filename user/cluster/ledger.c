/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keys of a ledger: they come, count, change and go. Batches are in ledger_batch.c. */
#include "user/cluster/ledger.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cluster/ledger_book.h"

#define NS_PER_US 1000
/* Time constant of the demand that is shown, and that clients are chosen by */
#define DEMAND_SECONDS 1.0

/* ------------------------------------------------------------------------------------- a ledger */

static bool shard_begin(struct ledger *ledger, unsigned int number)
{
	struct shard *shard = &ledger->shard[number];

	if (asprintf(&shard->generation_name, "%s{s%02u}:gen", ledger->prefix, number) < 0)
		shard->generation_name = NULL;
	if (asprintf(&shard->nodes_name, "%s{s%02u}:nodes", ledger->prefix, number) < 0)
		shard->nodes_name = NULL;
	return shard->generation_name && shard->nodes_name;
}

struct ledger *ledger_new(const struct ledger_settings *settings, uint64_t now_ns)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	bool fine;

	if (!ledger)
		return NULL;
	ledger->cluster = (struct law_cluster){settings->interval_ns, settings->nodes, 0};
	ledger->nodes.nodes = settings->nodes;
	ledger->place_ns = pace_place_ns(settings->node, settings->interval_ns);
	ledger->begun_ns = ledger->seen_ns = ledger->forget_ns = ledger->round_ns = now_ns;
	ledger->shards = settings->shards < 1		    ? 1
			 : settings->shards > LEDGER_SHARDS ? LEDGER_SHARDS
							    : settings->shards;
	snprintf(ledger->boot, sizeof(ledger->boot), "%016" PRIx64, settings->boot);
	ledger->node = strdup(settings->node);
	if (asprintf(&ledger->prefix, "%s:1.%" PRIu64 ":", settings->prefix,
		     settings->interval_ns / NS_PER_US) < 0)
		ledger->prefix = NULL;
	fine = ledger->node && ledger->prefix;
	for (unsigned int i = 0; fine && i < ledger->shards; i++)
		fine = shard_begin(ledger, i);
	if (fine)
		return ledger;
	ledger_free(ledger);
	return NULL;
}

static void shard_end(struct shard *shard)
{
	for (size_t i = 0; i < shard->entries; i++)
		free(shard->entry[i]);
	for (size_t i = 0; i < shard->lanes; i++) {
		buffer_release(&shard->lane[i]->text);
		free(shard->lane[i]->name);
		free(shard->lane[i]);
	}
	free(shard->entry);
	free(shard->lane);
	free(shard->generation_name);
	free(shard->nodes_name);
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	for (unsigned int i = 0; i < ledger->shards; i++)
		shard_end(&ledger->shard[i]);
	free(ledger->handle);
	free(ledger->free_handle);
	free(ledger->flight);
	free(ledger->batch);
	free(ledger->prefix);
	free(ledger->node);
	free(ledger);
}

/* ---------------------------------------------------------------------------------- keys come and go */

static bool is_id(const char *id)
{
	size_t length = strlen(id);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)id[i]) && !strchr(".:-", id[i]))
			return false;
	return length && length < LEDGER_ID;
}

/* Twice as many handles; those that are new are free, the lowest first */
static int more_handles(struct ledger *ledger)
{
	size_t handles = ledger->handles ? 2 * ledger->handles : 64;
	struct entry **handle;
	int *free_handle;

	if (handles > LEDGER_KEYS)
		return -ENOMEM;
	handle = realloc(ledger->handle, handles * sizeof(*handle));
	if (!handle)
		return -ENOMEM;
	ledger->handle = handle;
	free_handle = realloc(ledger->free_handle, handles * sizeof(*free_handle));
	if (!free_handle)
		return -ENOMEM;
	ledger->free_handle = free_handle;
	for (size_t i = handles; i-- > ledger->handles;) {
		handle[i] = NULL;
		free_handle[ledger->free_handles++] = (int)i;
	}
	ledger->handles = handles;
	return 0;
}

static int more_places(struct shard *shard)
{
	size_t room = shard->room ? 2 * shard->room : 64;
	struct entry **entry = realloc(shard->entry, room * sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	shard->entry = entry;
	shard->room = room;
	return 0;
}

static struct entry *entry_new(struct ledger *ledger, const char *id)
{
	unsigned int shard = (unsigned int)pace_place(id, ledger->shards);
	size_t size = strlen(ledger->prefix) + sizeof("{s00}:k:") + strlen(id);
	struct entry *entry = calloc(1, sizeof(*entry) + size);

	if (!entry)
		return NULL;
	entry->length =
		(size_t)snprintf(entry->name, size, "%s{s%02u}:k:%s", ledger->prefix, shard, id);
	entry->shard = shard;
	return entry;
}

static void even_share(struct ledger *ledger, struct entry *entry, uint64_t now_ns)
{
	law_start(&entry->law, &entry->limit, &ledger->cluster, now_ns);
	entry->changed = true;
}

int ledger_add(struct ledger *ledger, const char *id, const struct law_limit *limit, void *context,
	       uint64_t now_ns)
{
	struct entry *entry;
	struct shard *shard;

	if (!is_id(id))
		return -EINVAL;
	if (ledger->entries >= LEDGER_KEYS)
		return -ENOMEM;
	if (!ledger->free_handles && more_handles(ledger))
		return -ENOMEM;
	shard = &ledger->shard[pace_place(id, ledger->shards)];
	if (shard->entries == shard->room && more_places(shard))
		return -ENOMEM;
	entry = entry_new(ledger, id);
	if (!entry)
		return -ENOMEM;

	entry->limit = *limit;
	entry->context = context;
	law_start(&entry->law, limit, &ledger->cluster, now_ns);
	entry->told_rate = entry->law.share.rate;
	entry->told_burst = entry->law.share.burst;
	entry->counted_ns = now_ns;
	entry->place = shard->entries;
	shard->entry[shard->entries++] = entry;
	ledger->entries++;
	entry->handle = ledger->free_handle[--ledger->free_handles];
	ledger->handle[entry->handle] = entry;
	return entry->handle;
}

static struct entry *entry_of(const struct ledger *ledger, int handle)
{
	return handle >= 0 && (size_t)handle < ledger->handles ? ledger->handle[handle] : NULL;
}

/* The last one takes its place */
static void entry_free(struct ledger *ledger, struct entry *entry)
{
	struct shard *shard = &ledger->shard[entry->shard];

	shard->entry[entry->place] = shard->entry[--shard->entries];
	shard->entry[entry->place]->place = entry->place;
	ledger->entries--;
	free(entry);
}

/*
 * Whether a key that is closing has settled everything. In an outage it never will: what it has counted is forgotten, since
 * the shared bucket fills up in the meantime.
 */
static bool is_closed(const struct entry *entry)
{
	const struct law_key *law = &entry->law;

	if (entry->lane)
		return false;
	return entry->last || law->mode == LAW_OUT ||
	       (!law->demand && !law->admitted && law->advance <= 0);
}

/* The key may be gone then */
static void close_entry(struct ledger *ledger, struct entry *entry, uint64_t now_ns)
{
	if (entry->state != ENTRY_CLOSING || !is_closed(entry))
		return;
	if (entry->handle < 0) {
		entry_free(ledger, entry);
		return;
	}
	entry->state = ENTRY_OFF;
	entry->last = false;
	even_share(ledger, entry, now_ns);
}

void ledger_drop(struct ledger *ledger, int handle)
{
	struct entry *entry = entry_of(ledger, handle);

	if (!entry)
		return;
	ledger->handle[handle] = NULL;
	ledger->free_handle[ledger->free_handles++] = handle;
	entry->handle = -1;
	if (entry->state == ENTRY_OFF) {
		entry_free(ledger, entry);
		return;
	}
	entry->state = ENTRY_CLOSING;
	close_entry(ledger, entry, ledger->seen_ns);
}

void ledger_report(struct ledger *ledger, int handle, bool on)
{
	struct entry *entry = entry_of(ledger, handle);

	if (!entry || on == (entry->state == ENTRY_ON))
		return;
	entry->last = false;
	if (on) {
		entry->state = ENTRY_ON;
	} else {
		entry->state = ENTRY_CLOSING;
		close_entry(ledger, entry, ledger->seen_ns);
	}
}

void ledger_change(struct ledger *ledger, int handle, const struct law_limit *limit)
{
	struct entry *entry = entry_of(ledger, handle);
	struct law_limit was;

	if (!entry)
		return;
	was = entry->limit;
	entry->limit = *limit;
	law_change(&entry->law, &was, limit, &ledger->cluster);
	entry->changed = true;
}

/* --------------------------------------------------------------------------- counts, shares, leases */

/* The average of what came in the last second weighs most: by 1/e for each second */
static void note_demand(struct entry *entry, uint64_t demand, uint64_t now_ns)
{
	double passed;

	entry->demanded += demand;
	if (now_ns <= entry->counted_ns)
		return;
	passed = (double)(now_ns - entry->counted_ns) / 1e9;
	/* Without exp(): of steps much shorter than the time constant it is the same */
	entry->demand +=
		((double)entry->demanded - entry->demand * passed) / (passed + DEMAND_SECONDS);
	entry->demanded = 0;
	entry->counted_ns = now_ns;
}

void ledger_count(struct ledger *ledger, int handle, uint64_t demand, uint64_t admitted,
		  uint64_t now_ns)
{
	struct entry *entry = entry_of(ledger, handle);

	if (!entry)
		return;
	law_count(&entry->law, demand, admitted, now_ns);
	note_demand(entry, demand, now_ns);
}

static void tell(struct entry *entry, struct law_share share, ledger_shared *shared, void *owner)
{
	bool same = share.rate == entry->told_rate && share.burst == entry->told_burst;

	entry->changed = false;
	if (same && share.credit == 0)
		return;
	entry->told_rate = share.rate;
	entry->told_burst = share.burst;
	shared(owner, entry->handle, entry->context, &share);
}

void entry_settle(struct ledger *ledger, struct entry *entry, struct law_share share,
		  uint64_t now_ns, ledger_shared *shared, void *owner)
{
	bool dropped = entry->handle < 0;

	close_entry(ledger, entry, now_ns);
	if (dropped)
		return;
	if (entry->state == ENTRY_OFF) {
		share.rate = entry->law.share.rate;
		share.burst = entry->law.share.burst;
	}
	tell(entry, share, shared, owner);
}

/* What is in force, with what was lent */
static struct law_share share_of(const struct entry *entry)
{
	struct law_share share = entry->law.share;

	share.burst = fmin(fmax(1, entry->limit.burst), share.burst + entry->law.advance);
	share.credit = 0;
	return share;
}

/* True if its lease was over. The key may be gone then, but only one that was dropped */
static bool lapse(struct ledger *ledger, struct entry *entry, uint64_t now_ns,
		  ledger_shared *shared, void *owner)
{
	struct law_share share;

	if (!law_lapse(&entry->law, &entry->limit, &ledger->cluster, now_ns, &share))
		return false;
	entry_settle(ledger, entry, share, now_ns, shared, owner);
	return true;
}

/* Lowers the count of entries for one that is gone, so they are gone through from the last */
static size_t lapse_shard(struct ledger *ledger, struct shard *shard, uint64_t now_ns, bool forget,
			  ledger_shared *shared, void *owner)
{
	size_t lapsed = 0;

	for (size_t i = shard->entries; i-- > 0;) {
		struct entry *entry = shard->entry[i];
		bool dropped = entry->handle < 0;

		if (entry->state == ENTRY_OFF) {
			if (forget)
				even_share(ledger, entry, now_ns);
		} else if (lapse(ledger, entry, now_ns, shared, owner)) {
			lapsed += !dropped;
			continue;
		}
		if (entry->changed && !dropped)
			tell(entry, share_of(entry), shared, owner);
	}
	return lapsed;
}

size_t ledger_lapse(struct ledger *ledger, uint64_t now_ns, ledger_shared *shared, void *owner)
{
	bool forget = now_ns >= ledger->forget_ns;
	size_t lapsed = 0;

	ledger->seen_ns = now_ns;
	if (forget)
		ledger->forget_ns =
			pace_next_ns(now_ns, ledger->cluster.interval_ns, ledger->place_ns);
	for (unsigned int i = 0; i < ledger->shards; i++)
		lapsed += lapse_shard(ledger, &ledger->shard[i], now_ns, forget, shared, owner);
	return lapsed;
}

/* ----------------------------------------------------------------------------------------- figures */

bool ledger_knows_nodes(const struct ledger *ledger)
{
	return ledger->cluster.nodes;
}

const char *ledger_nodes_key(const struct ledger *ledger)
{
	return ledger->shard[0].nodes_name;
}

uint32_t ledger_nodes(const struct ledger *ledger)
{
	return ledger->cluster.nodes ? ledger->cluster.nodes : 1;
}

/* Of one without keys, and of keys that are not reported */
static enum cluster_mode own_mode(const struct ledger *ledger)
{
	uint64_t heard_ns = ledger->answered_ns ? ledger->answered_ns : ledger->begun_ns;

	if (ledger->seen_ns > heard_ns + LAW_LEASE_ROUNDS * ledger->cluster.interval_ns)
		return CLUSTER_OUTAGE;
	return ledger->answered_ns ? CLUSTER_SHARED : CLUSTER_STARTING;
}

static enum cluster_mode mode_of(const struct ledger *ledger, const struct entry *entry)
{
	if (entry->state == ENTRY_OFF)
		return own_mode(ledger);
	switch (entry->law.mode) {
	case LAW_NEW:
		break;
	case LAW_SHARED:
		return CLUSTER_SHARED;
	case LAW_HELD:
		return CLUSTER_HELD;
	case LAW_OUT:
		return CLUSTER_OUTAGE;
	}
	return CLUSTER_STARTING;
}

enum cluster_mode ledger_mode(const struct ledger *ledger)
{
	enum cluster_mode worst = own_mode(ledger);

	for (unsigned int i = 0; i < ledger->shards; i++)
		for (size_t j = 0; j < ledger->shard[i].entries; j++) {
			const struct entry *entry = ledger->shard[i].entry[j];
			enum cluster_mode mode = mode_of(ledger, entry);

			/* A key that has just come is no start of the node */
			if (entry->handle >= 0 && mode > worst)
				worst = mode;
		}
	return worst;
}

uint64_t ledger_redis_ns(const struct ledger *ledger)
{
	return ledger->redis_ns;
}

uint64_t ledger_answered_ns(const struct ledger *ledger)
{
	return ledger->answered_ns;
}

uint64_t ledger_generation(const struct ledger *ledger)
{
	uint64_t all = 0;

	for (unsigned int i = 0; i < ledger->shards; i++)
		all += (2 * i + 1) * ledger->shard[i].generation;
	return all;
}

void ledger_view(const struct ledger *ledger, int handle, struct ledger_view *out)
{
	const struct entry *entry = entry_of(ledger, handle);

	*out = (struct ledger_view){0};
	if (!entry)
		return;
	*out = (struct ledger_view){
		.mode = mode_of(ledger, entry),
		.share = share_of(entry),
		.ratio = law_ratio(&entry->law, &entry->limit),
		.level = entry->law.level,
		.demand = entry->demand,
		.reported = entry->state == ENTRY_ON,
	};
	if (entry->state == ENTRY_OFF)
		return;
	out->backlog = entry->law.admitted;
	if (entry->law.in_flight)
		out->backlog += entry->law.sent_admitted;
}
