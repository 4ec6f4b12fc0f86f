/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/lib/round_twin.h"

#include <math.h>
#include <string.h>

void twin_flush(struct twin *twin)
{
	memset(twin, 0, sizeof(*twin));
}

static bool note_sequence(struct twin *twin, const struct twin_batch *batch, uint64_t epoch,
			  uint64_t *counted)
{
	struct twin_last *last = &twin->node[batch->node].last[batch->lane];

	if (last->known && !strcmp(last->boot, batch->boot) && batch->sequence <= last->sequence) {
		*counted = last->counted;
		return true;
	}
	last->known = true;
	strncpy(last->boot, batch->boot, sizeof(last->boot) - 1);
	last->sequence = batch->sequence;
	last->counted = *counted = epoch;
	return false;
}

static uint64_t count_nodes(struct twin *twin, const struct twin_batch *batch, uint64_t now_us)
{
	uint64_t nodes = 0;

	twin->node[batch->node].among_nodes = true;
	twin->node[batch->node].heard_us = now_us;
	for (size_t i = 0; i < TWIN_NODES; i++) {
		if (twin->node[i].among_nodes &&
		    twin->node[i].heard_us + 5 * batch->interval_us <= now_us)
			twin->node[i].among_nodes = false;
		nodes += twin->node[i].among_nodes;
	}
	return nodes;
}

static void roll(struct twin_bucket *bucket, double epoch)
{
	bool next = bucket->epoch + 1 == epoch;

	if (bucket->epoch == epoch)
		return;
	bucket->complete = next ? bucket->running : 0;
	bucket->complete_above = next ? bucket->running_above : 0;
	bucket->running = bucket->running_above = 0;
	bucket->epoch = epoch;
}

static void run_key(struct twin *twin, const struct twin_batch *batch, size_t i, bool knows,
		    struct twin_answer *answer)
{
	const struct twin_key *key = &batch->key[i];
	struct twin_bucket *stored = &twin->bucket[key->key], now = *stored;
	double debt = key->burst + 2 * key->rate * (double)batch->interval_us / 1000000;
	double passed_us = fmax(0, (double)answer->now_us - now.changed_us), left, reserve, advance;

	if (!now.there)
		now = (struct twin_bucket){
			.there = true, .epoch = (double)answer->epoch, .level = key->burst};
	now.changed_us = (double)answer->now_us;
	now.level = fmin(key->burst, now.level + key->rate * passed_us / 1000000);
	if (!knows && key->has_hint)
		now.level = fmin(now.level, (double)key->hint);
	roll(&now, (double)answer->epoch);
	answer->key[i].demand = (uint64_t)now.complete;
	answer->key[i].above = (uint64_t)now.complete_above;
	answer->key[i].level = (int64_t)floor(now.level);
	answer->key[i].advance = 0;
	if (answer->repeat)
		return;
	left = now.level - (double)key->spent;
	now.running += (double)key->demand;
	now.running_above += (double)key->above;
	reserve = fmin(key->burst / 2, fmax(now.running, now.complete));
	advance = fmax(0, fmin((double)key->want, floor(left - reserve)));
	answer->key[i].advance = (uint64_t)advance;
	now.level = fmax(-debt, fmin(key->burst, left - advance));
	*stored = now;
}

void twin_run(struct twin *twin, const struct twin_batch *batch, uint64_t now_us,
	      struct twin_answer *answer)
{
	bool knows;

	*answer = (struct twin_answer){.now_us = now_us, .epoch = now_us / batch->interval_us};
	answer->repeat = note_sequence(twin, batch, answer->epoch, &answer->counted);
	if (!twin->generation)
		twin->generation = now_us;
	answer->generation = twin->generation;
	knows = batch->knows == twin->generation;
	if (batch->count_nodes)
		answer->nodes = count_nodes(twin, batch, now_us);
	for (size_t i = 0; i < batch->keys; i++)
		run_key(twin, batch, i, knows, answer);
}
