/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The batches of a ledger: what goes into them, how they are spelt, and what their answers are worth. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cluster/ledger_book.h"

#define NS_PER_US 1000
/* What is above it is none of the script's numbers: they are whole and exact up to there */
#define MOST_NUMBER (INT64_C(1) << 53)
/* More nodes than anybody has: such an answer is none */
#define MOST_NODES 65536

/* ---------------------------------------------------------------------------------- arguments as text */

/* Arguments are added one after the other; where they are is known only when no more is added */
struct writer {
	struct lane *lane;
	size_t arguments;
	size_t begin[LANE_ARGUMENTS];
};

/* One that is there already, and stays */
static void add_name(struct writer *writer, const char *name, size_t length)
{
	writer->lane->argument[writer->arguments] = name;
	writer->lane->length[writer->arguments++] = length;
}

static void begin_value(struct writer *writer)
{
	writer->lane->argument[writer->arguments] = NULL;
	writer->begin[writer->arguments] = writer->lane->text.length;
}

static void end_value(struct writer *writer)
{
	struct buffer *text = &writer->lane->text;

	writer->lane->length[writer->arguments] = text->length - writer->begin[writer->arguments];
	writer->arguments++;
	buffer_char(text, 0);
}

static void add_text(struct writer *writer, const char *text)
{
	begin_value(writer);
	buffer_text(&writer->lane->text, text);
	end_value(writer);
}

static void add_real(struct writer *writer, double number)
{
	begin_value(writer);
	buffer_real(&writer->lane->text, number);
	end_value(writer);
}

static void add_unsigned(struct writer *writer, uint64_t number)
{
	begin_value(writer);
	buffer_number(&writer->lane->text, number);
	end_value(writer);
}

static void add_signed(struct writer *writer, int64_t number)
{
	begin_value(writer);
	if (number < 0)
		buffer_char(&writer->lane->text, '-');
	buffer_number(&writer->lane->text, number < 0 ? -(uint64_t)number : (uint64_t)number);
	end_value(writer);
}

static bool end_arguments(struct writer *writer)
{
	struct lane *lane = writer->lane;

	if (lane->text.failed)
		return false;
	for (size_t i = 0; i < writer->arguments; i++)
		if (!lane->argument[i])
			lane->argument[i] = lane->text.data + writer->begin[i];
	return true;
}

static void add_names(struct writer *writer, const struct shard *shard)
{
	struct lane *lane = writer->lane;

	add_name(writer, shard->generation_name, strlen(shard->generation_name));
	add_name(writer, lane->name, strlen(lane->name));
	add_name(writer, shard->nodes_name, strlen(shard->nodes_name));
	for (size_t i = 0; i < lane->keys; i++)
		add_name(writer, lane->key[i]->name, lane->key[i]->length);
}

static void add_report(struct writer *writer, const struct entry *entry,
		       const struct law_report *report, uint64_t knows)
{
	add_real(writer, entry->limit.rate);
	add_real(writer, entry->limit.burst);
	add_unsigned(writer, report->demand);
	add_unsigned(writer, report->above);
	add_signed(writer, report->spent);
	add_unsigned(writer, entry->want);
	/*
	 * The script believes the hints of a batch whose generation is not its own. A hint of a key that has heard of a
	 * later one is left out: nothing was lost since.
	 */
	if (report->has_hint && report->knows == knows)
		add_signed(writer, report->hint);
	else
		add_text(writer, "");
}

/* The reports of its keys, from now on in flight. Returns the generation that the batch knows; 0: none */
static uint64_t take_reports(struct ledger *ledger, struct lane *lane, uint64_t now_ns,
			     struct law_report *report)
{
	uint64_t knows = 0;

	for (size_t i = 0; i < lane->keys; i++) {
		struct entry *entry = lane->key[i];

		law_report(&entry->law, &entry->limit, &ledger->cluster, now_ns, lane->round,
			   &report[i]);
		/* Who goes needs no more */
		entry->want = entry->state == ENTRY_ON ? report[i].want : 0;
		if (report[i].has_hint && (!knows || report[i].knows < knows))
			knows = report[i].knows;
	}
	return knows;
}

static bool spell(struct ledger *ledger, unsigned int shard, struct lane *lane, uint64_t now_ns,
		  struct ledger_batch *batch)
{
	struct law_report report[LEDGER_BATCH];
	uint64_t knows = take_reports(ledger, lane, now_ns, report);
	struct writer writer; /* large, and written before it is read */

	writer.lane = lane;
	writer.arguments = 0;
	lane->text.length = 0;
	lane->text.failed = false;
	add_names(&writer, &ledger->shard[shard]);
	add_text(&writer, ledger->node);
	add_text(&writer, ledger->boot);
	add_unsigned(&writer, lane->sequence);
	add_unsigned(&writer, ledger->cluster.interval_ns / NS_PER_US);
	add_unsigned(&writer, knows);
	add_text(&writer, lane->counts ? "1" : "0");
	for (size_t i = 0; i < lane->keys; i++)
		add_report(&writer, lane->key[i], &report[i], knows);
	if (!end_arguments(&writer))
		return false;
	*batch = (struct ledger_batch){.shard = shard,
				       .keys = HEAD_KEYS + lane->keys,
				       .arguments = writer.arguments,
				       .argument = lane->argument,
				       .length = lane->length,
				       .again = lane->again};
	return true;
}

/* ----------------------------------------------------------------------------- what goes into a batch */

static struct lane *lane_new(struct ledger *ledger, unsigned int number)
{
	struct shard *shard = &ledger->shard[number];
	struct lane *lane;

	if (shard->lanes == shard->lane_room) {
		size_t room = shard->lane_room ? 2 * shard->lane_room : 4;
		struct lane **more = realloc(shard->lane, room * sizeof(struct lane *));

		if (!more)
			return NULL;
		shard->lane = more;
		shard->lane_room = room;
	}
	lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	if (asprintf(&lane->name, "%s{s%02u}:n:%s:%zu", ledger->prefix, number, ledger->node,
		     shard->lanes) < 0) {
		free(lane);
		return NULL;
	}
	lane->shard = number;
	shard->lane[shard->lanes++] = lane;
	return lane;
}

/* One that nothing is under way in, from *next on; with its next number */
static struct lane *lane_begin(struct ledger *ledger, unsigned int number, size_t *next, bool round)
{
	struct shard *shard = &ledger->shard[number];
	struct lane *lane;

	while (*next < shard->lanes && shard->lane[*next]->pending)
		++*next;
	lane = *next < shard->lanes ? shard->lane[*next] : lane_new(ledger, number);
	if (!lane)
		return NULL;
	lane->sequence++;
	lane->pending = true;
	lane->again = lane->counts = false;
	lane->round = round;
	lane->retry_ns = 0;
	lane->keys = 0;
	return lane;
}

static bool is_wanted(const struct ledger *ledger, const struct entry *entry, bool round,
		      uint64_t now_ns)
{
	if (entry->lane)
		return false;
	if (round)
		return entry->state != ENTRY_OFF;
	return entry->state == ENTRY_ON && law_due(&entry->law, &ledger->cluster, now_ns);
}

/*
 * Opens lanes for what is to be reported. Without memory the rest waits for the next round. Shard 0 has one in
 * each round, because a node without keys is a node, too.
 */
static void fill(struct ledger *ledger, unsigned int number, bool round, uint64_t now_ns)
{
	struct shard *shard = &ledger->shard[number];
	struct lane *lane = NULL;
	size_t next = 0;

	if (round && number == 0) {
		lane = lane_begin(ledger, number, &next, round);
		if (!lane)
			return;
		lane->counts = true;
	}
	for (size_t i = 0; i < shard->entries; i++) {
		struct entry *entry = shard->entry[i];

		if (!is_wanted(ledger, entry, round, now_ns))
			continue;
		if (!lane || lane->keys == LEDGER_BATCH)
			lane = lane_begin(ledger, number, &next, round);
		if (!lane)
			return;
		entry->last = entry->state == ENTRY_CLOSING;
		entry->lane = lane;
		lane->key[lane->keys++] = entry;
	}
}

static bool flight_room(struct ledger *ledger, size_t wanted)
{
	size_t room = ledger->flight_room ? ledger->flight_room : 32;
	struct lane **flight;
	struct ledger_batch *batch;

	if (wanted <= ledger->flight_room)
		return true;
	while (room < wanted)
		room *= 2;
	flight = realloc(ledger->flight, room * sizeof(struct lane *));
	if (!flight)
		return false;
	ledger->flight = flight;
	batch = realloc(ledger->batch, room * sizeof(*batch));
	if (!batch)
		return false;
	ledger->batch = batch;
	ledger->flight_room = room;
	return true;
}

static uint64_t next_round(const struct ledger *ledger, uint64_t now_ns)
{
	uint64_t interval_ns = ledger->cluster.interval_ns;

	return pace_next_ns(now_ns, interval_ns,
			    pace_phase_of(&ledger->clock, interval_ns, ledger->place_ns));
}

/*
 * All lanes that are pending and have waited. One without memory to be spelt with stays pending: that counts as sent, and
 * not answered.
 */
static void take_off(struct ledger *ledger, unsigned int number, uint64_t now_ns)
{
	struct shard *shard = &ledger->shard[number];

	if (!flight_room(ledger, ledger->flights + shard->lanes))
		return;
	for (size_t i = 0; i < shard->lanes; i++) {
		struct lane *lane = shard->lane[i];

		if (!lane->pending || lane->retry_ns > now_ns ||
		    !spell(ledger, number, lane, now_ns, &ledger->batch[ledger->flights]))
			continue;
		lane->again = true;
		lane->given_ns = now_ns;
		ledger->flight[ledger->flights++] = lane;
	}
}

size_t ledger_next(struct ledger *ledger, uint64_t now_ns, bool *ahead,
		   const struct ledger_batch **out)
{
	bool may_go_ahead = now_ns >= ledger->ahead_ns, round = now_ns >= ledger->round_ns;

	if (ledger->flights)
		return 0;
	ledger->seen_ns = now_ns;
	ledger->answers = 0;
	for (unsigned int i = 0; i < ledger->shards; i++) {
		struct shard *shard = &ledger->shard[i];

		shard->overdue |= round;
		if (!shard->silent && (shard->overdue || may_go_ahead)) {
			fill(ledger, i, shard->overdue, now_ns);
			shard->overdue = false;
			if (round)
				ledger->round_ns = next_round(ledger, now_ns);
		}
		take_off(ledger, i, now_ns);
	}
	if (!ledger->flights)
		return 0;
	*ahead = true;
	for (size_t i = 0; i < ledger->flights; i++)
		if (ledger->flight[i]->round)
			*ahead = false;
	if (*ahead)
		ledger->ahead_ns = now_ns + LEDGER_AHEAD_NS;
	*out = ledger->batch;
	return ledger->flights;
}

uint64_t ledger_next_ns(const struct ledger *ledger)
{
	uint64_t next_ns = UINT64_MAX;

	for (unsigned int i = 0; i < ledger->shards; i++) {
		const struct shard *shard = &ledger->shard[i];

		if (!shard->silent && shard->overdue)
			next_ns = ledger->seen_ns;
		else if (!shard->silent && ledger->round_ns < next_ns)
			next_ns = ledger->round_ns;
		for (size_t j = 0; j < shard->lanes; j++)
			if (shard->lane[j]->pending && shard->lane[j]->retry_ns < next_ns)
				next_ns = shard->lane[j]->retry_ns;
	}
	return next_ns;
}

/* ----------------------------------------------------------------------------------------- answers */

/* An answer, by the place of its numbers; see round.lua */
enum { GENERATION, NOW_US, EPOCH, COUNTED, REPEAT, NODES };
enum { DEMAND, ABOVE, LEVEL, ADVANCE };
_Static_assert(NODES + 1 == HEAD_NUMBERS && ADVANCE + 1 == KEY_NUMBERS, "see round.lua");

static bool is_within(int64_t number, int64_t least, int64_t most)
{
	return number >= least && number <= most;
}

static bool is_head(const struct ledger *ledger, const struct lane *lane, const int64_t *number)
{
	int64_t interval_us = (int64_t)(ledger->cluster.interval_ns / NS_PER_US);

	return is_within(number[GENERATION], 1, MOST_NUMBER) &&
	       is_within(number[NOW_US], interval_us, MOST_NUMBER) &&
	       number[EPOCH] == number[NOW_US] / interval_us &&
	       is_within(number[COUNTED], 0, MOST_NUMBER) && is_within(number[REPEAT], 0, 1) &&
	       (number[REPEAT] || number[COUNTED] == number[EPOCH]) &&
	       is_within(number[NODES], lane->counts, lane->counts ? MOST_NODES : 0);
}

static bool is_key(const struct entry *entry, const int64_t *number, bool repeat)
{
	int64_t most = repeat ? 0 : (int64_t)entry->want;

	return number[DEMAND] >= 0 && is_within(number[ABOVE], 0, number[DEMAND]) &&
	       is_within(number[LEVEL], -MOST_NUMBER, MOST_NUMBER) &&
	       is_within(number[ADVANCE], 0, most);
}

static bool is_answer(const struct ledger *ledger, const struct lane *lane, const int64_t *number,
		      size_t numbers)
{
	if (numbers != HEAD_NUMBERS + lane->keys * KEY_NUMBERS || !is_head(ledger, lane, number))
		return false;
	for (size_t i = 0; i < lane->keys; i++)
		if (!is_key(lane->key[i], number + HEAD_NUMBERS + i * KEY_NUMBERS, number[REPEAT]))
			return false;
	return true;
}

static void take_nodes(struct ledger *ledger, const int64_t *number, uint64_t now_ns)
{
	uint32_t before = ledger->cluster.nodes;

	law_nodes(&ledger->nodes, &ledger->cluster, (uint64_t)number[GENERATION],
		  (uint64_t)number[EPOCH], (uint64_t)number[NODES], now_ns);
	if (ledger->cluster.nodes == before)
		return;
	for (unsigned int i = 0; i < ledger->shards; i++)
		for (size_t j = 0; j < ledger->shard[i].entries; j++) {
			struct entry *entry = ledger->shard[i].entry[j];

			entry->changed |= law_even(&entry->law, &entry->limit, &ledger->cluster);
		}
}

static struct law_share take_key(const struct ledger *ledger, struct entry *entry,
				 const int64_t *head, const int64_t *number, uint64_t now_ns)
{
	struct law_answer answer = {
		.generation = (uint64_t)head[GENERATION],
		.epoch = (uint64_t)head[EPOCH],
		.counted = (uint64_t)head[COUNTED],
		.repeat = head[REPEAT],
		.demand = (uint64_t)number[DEMAND],
		.above = (uint64_t)number[ABOVE],
		.level = number[LEVEL],
		.advance = (uint64_t)number[ADVANCE],
	};

	entry->lane = NULL;
	return law_answer(&entry->law, &entry->limit, &ledger->cluster, &answer, now_ns);
}

/*
 * The next round is for the epoch after that in which this one was counted, however late that was: two rounds in one epoch
 * would count the node twice. The very first round is no more than a greeting.
 */
static void take_clock(struct ledger *ledger, const struct lane *lane, const int64_t *number,
		       uint64_t now_ns)
{
	uint64_t interval_ns = ledger->cluster.interval_ns, next_ns;
	bool known = ledger->clock.known;

	pace_heard(&ledger->clock, lane->given_ns, (uint64_t)number[NOW_US] * NS_PER_US,
		   interval_ns);
	if (!known)
		ledger->round_ns = next_round(ledger, now_ns);
	if (!known || number[COUNTED] > number[EPOCH])
		return;
	next_ns = pace_epoch_ns(&ledger->clock, (uint64_t)number[COUNTED] + 1, interval_ns,
				ledger->place_ns);
	if (next_ns > ledger->round_ns)
		ledger->round_ns = next_ns;
}

bool ledger_answer(struct ledger *ledger, size_t index, const int64_t *number, size_t numbers,
		   uint64_t now_ns, ledger_shared *shared, void *owner)
{
	struct lane *lane = index < ledger->flights ? ledger->flight[index] : NULL;

	if (!lane || !lane->pending || !is_answer(ledger, lane, number, numbers))
		return false;
	ledger->answers++;
	ledger->answered_ns = now_ns;
	ledger->redis_ns = (uint64_t)number[NOW_US] * NS_PER_US;
	ledger->shard[lane->shard].generation = (uint64_t)number[GENERATION];
	if (lane->counts) {
		take_nodes(ledger, number, now_ns);
		take_clock(ledger, lane, number, now_ns);
	}
	for (size_t i = 0; i < lane->keys; i++) {
		struct entry *entry = lane->key[i];
		struct law_share share = take_key(ledger, entry, number,
						  number + HEAD_NUMBERS + i * KEY_NUMBERS, now_ns);

		entry_settle(ledger, entry, share, now_ns, shared, owner);
	}
	lane->pending = false;
	return true;
}

void ledger_end(struct ledger *ledger, uint64_t now_ns)
{
	for (size_t i = 0; i < ledger->flights; i++)
		ledger->shard[ledger->flight[i]->shard].silent = true;
	for (size_t i = 0; i < ledger->flights; i++) {
		struct lane *lane = ledger->flight[i];

		if (!lane->pending)
			ledger->shard[lane->shard].silent = false;
		lane->retry_ns = ledger->answers ? ledger->round_ns : now_ns;
	}
	ledger->flights = 0;
}

bool ledger_is_owed(const struct ledger *ledger)
{
	for (unsigned int i = 0; i < ledger->shards; i++)
		for (size_t j = 0; j < ledger->shard[i].lanes; j++)
			if (ledger->shard[i].lane[j]->pending)
				return true;
	return false;
}
