/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an answer of orders.lua changes in the book, and here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cluster/orders_book.h"

/* Between two commands when one does not hold all that is to be told */
#define AGAIN_NS 10000000

/* How Redis answers: numbers, and the secret, before the results and the orders */
enum { GENERATION, VERSION, NOW_US, CURSOR, START, MORE, THE_SECRET, HEAD };

/* What is to be done here, in the order it was given */
struct change {
	int64_t given_ms;
	size_t place; /* of two at the same time, as they came */
	struct order order;
};

struct changes {
	struct change *change;
	size_t count, room;
};

/* An order as Redis has it. Strings of the answer */
struct stored {
	const char *name, *text;
	int64_t given_ms, expiry_ms;
	size_t length;
};

/* ------------------------------------------------------------------------------------- changes */

static bool make_room(struct changes *changes)
{
	size_t room = changes->room ? 2 * changes->room : 16;
	struct change *grown;

	if (changes->count < changes->room)
		return true;
	grown = realloc(changes->change, room * sizeof(*grown));
	if (!grown)
		return false;
	changes->change = grown;
	changes->room = room;
	return true;
}

/* There is room. */
static void note(struct changes *changes, int64_t given_ms, const struct order *order)
{
	changes->change[changes->count] = (struct change){given_ms, changes->count, *order};
	changes->count++;
}

static int by_time(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->given_ms != y->given_ms)
		return x->given_ms < y->given_ms ? -1 : 1;
	/* An endpoint after all of its upstream: it is excepted from it */
	if (!x->order.endpoint[0] != !y->order.endpoint[0])
		return x->order.endpoint[0] ? 1 : -1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void apply_all(struct changes *changes, orders_apply *apply, void *context)
{
	if (changes->count)
		qsort(changes->change, changes->count, sizeof(changes->change[0]), by_time);
	for (size_t i = 0; i < changes->count; i++)
		apply(context, &changes->change[i].order);
	free(changes->change);
}

/* ------------------------------------------------------------------------------ orders in Redis */

/* "GIVEN EXPIRY TEXT" */
static bool split(const struct redis_value *name, const struct redis_value *value,
		  struct stored *out)
{
	char *end;

	if (name->type != REDIS_STRING || value->type != REDIS_STRING ||
	    name->length != SEAL_NAME - 1)
		return false;
	out->name = name->string;
	out->given_ms = strtoll(value->string, &end, 10);
	if (*end != ' ')
		return false;
	out->expiry_ms = strtoll(end + 1, &end, 10);
	if (*end != ' ' || out->given_ms < 0 || out->expiry_ms < 0)
		return false;
	out->text = end + 1;
	out->length = value->length - (size_t)(out->text - value->string);
	return true;
}

static int rank(const struct stored *stored, const struct orders_entry *entry)
{
	if (stored->given_ms != entry->given_ms)
		return stored->given_ms < entry->given_ms ? -1 : 1;
	return stored->expiry_ms < entry->expiry_ms ? -1 : stored->expiry_ms > entry->expiry_ms;
}

static int open_order(const struct orders *orders, const struct stored *stored, struct order *out)
{
	char with[ORDERS_WITH], *text;
	bool ends;
	int result;

	orders_with(stored->name, stored->given_ms, stored->expiry_ms, with);
	result = seal_open(orders->seal, with, stored->text, stored->length, &text);
	if (result)
		return result;
	result = order_read(text, out, &ends);
	free(text);
	if (result)
		return result;
	out->given_ns = orders_ns_at(orders, stored->given_ms);
	if (ends)
		out->until_ns = orders_ns_at(orders, stored->expiry_ms);
	return 0;
}

/* With the text as Redis has it, to be put back word for word; without memory it is sealed again then */
static void keep(struct orders_entry *entry, const struct stored *stored)
{
	orders_unseal(entry);
	entry->text = strndup(stored->text, stored->length);
	entry->given_ms = stored->given_ms;
	entry->expiry_ms = stored->expiry_ms;
	entry->told = true;
	entry->pending = entry->recalled = false;
}

static int take_new(struct orders *orders, const struct stored *stored, struct changes *changes)
{
	struct orders_entry *entry;
	struct order order;
	int result = open_order(orders, stored, &order);

	if (result)
		return result;
	entry = orders_append(orders, stored->name);
	if (!entry)
		return -ENOMEM;
	entry->seen = true;
	entry->order = order;
	keep(entry, stored);
	note(changes, stored->given_ms, &order);
	return 0;
}

/* Not only sealed anew, or renewed */
static bool is_news(const struct orders_entry *entry, const struct stored *stored,
		    const struct order *order)
{
	return stored->given_ms != entry->given_ms || order->kind != entry->order.kind ||
	       !order->until_ns != !entry->order.until_ns ||
	       (order->until_ns && stored->expiry_ms != entry->expiry_ms);
}

/* About the same subject as one that is known here */
static int take_other(struct orders *orders, struct orders_entry *entry,
		      const struct stored *stored, struct changes *changes)
{
	struct order order;
	int result;

	if (rank(stored, entry) < 0) { /* Redis has lost ours, or not heard of it yet */
		entry->pending = true;
		return 0;
	}
	result = open_order(orders, stored, &order);
	if (result)
		return result;
	if (is_news(entry, stored, &order)) {
		note(changes, stored->given_ms, &order);
		entry->order = order;
	}
	keep(entry, stored);
	return 0;
}

static bool is_same(const struct orders_entry *entry, const struct stored *stored)
{
	return entry->text && !rank(stored, entry) && strlen(entry->text) == stored->length &&
	       !memcmp(entry->text, stored->text, stored->length);
}

static int take(struct orders *orders, const struct stored *stored, struct changes *changes)
{
	struct orders_entry *entry = orders_find(orders, stored->name);

	if (!make_room(changes))
		return -ENOMEM;
	if (!entry)
		return take_new(orders, stored, changes);
	entry->seen = true;
	orders_date(orders, entry);
	if (!is_same(entry, stored))
		return take_other(orders, entry, stored, changes);
	entry->pending = entry->recalled = false;
	entry->told = true;
	return 0;
}

static struct orders_unread *find_unread(struct orders *orders, const char *name)
{
	for (size_t i = 0; i < orders->unreads; i++)
		if (!strncmp(orders->unread[i].name, name, SEAL_NAME - 1))
			return &orders->unread[i];
	return NULL;
}

static void note_unread(struct orders *orders, const char *name, int64_t expiry_ms)
{
	struct orders_unread *unread = find_unread(orders, name);

	if (!unread && orders->unreads < ORDERS_UNREADS)
		unread = &orders->unread[orders->unreads++];
	if (!unread)
		return;
	snprintf(unread->name, sizeof(unread->name), "%s", name);
	unread->expiry_ms = expiry_ms;
}

static void forget_unread(struct orders *orders, const char *name)
{
	struct orders_unread *unread = find_unread(orders, name);

	if (unread)
		*unread = orders->unread[--orders->unreads];
}

static int take_one(struct orders *orders, const struct redis_value *name,
		    const struct redis_value *value, struct changes *changes)
{
	struct stored stored = {.expiry_ms = INT64_MAX};
	int result = -EBADMSG;

	if (split(name, value, &stored))
		result = take(orders, &stored, changes);
	if (result == -EBADMSG) {
		note_unread(orders, name->type == REDIS_STRING ? name->string : "",
			    stored.expiry_ms);
		return 0;
	}
	if (!result)
		forget_unread(orders, stored.name);
	return result;
}

static int take_all(struct orders *orders, const struct redis_value *value, size_t values,
		    struct changes *changes)
{
	int result = 0;

	for (size_t i = 0; i + 1 < values; i += 2) {
		int taken = take_one(orders, &value[i], &value[i + 1], changes);

		if (taken)
			result = taken;
	}
	return result;
}

/* ---------------------------------------------------------------------------- not in Redis any more */

static void note_lifted(struct changes *changes, const struct orders_entry *entry, uint64_t now_ns,
			int64_t now_ms)
{
	struct order order = entry->order;

	if (!order_may_end(order.kind))
		return;
	order.kind = order.kind == ORDER_BAN ? ORDER_UNBAN : ORDER_AUTO;
	order.given_ns = now_ns;
	order.until_ns = 0;
	note(changes, now_ms, &order);
}

/*
 * lost: what was lifted would still say so, so what is missing was lost, and is put back. What is over by Redis' clock has had its end
 * there, and in the kernel has its own.
 */
static int miss(struct orders *orders, bool lost, uint64_t now_ns, struct changes *changes)
{
	int64_t now_ms = orders->redis_ms;

	for (size_t i = 0; i < orders->count; i++) {
		struct orders_entry *entry = orders->entry[i];
		bool over = entry->expiry_ms && entry->expiry_ms <= now_ms;

		if (entry->seen || entry->pending)
			continue;
		if (!make_room(changes)) {
			entry->pending = true;
			return -ENOMEM;
		}
		if (over ? orders_is_lasting(orders, entry) : lost)
			entry->pending = true;
		else if (!over)
			note_lifted(changes, entry, now_ns, now_ms);
		entry->gone = !entry->pending;
	}
	orders_drop(orders);
	return 0;
}

/* ------------------------------------------------------------------------------------- the answer */

static bool is_number(const struct redis_value *value)
{
	return value->type == REDIS_INTEGER && value->integer >= 0;
}

static bool is_answer(const struct orders *orders, const struct redis_command *command)
{
	const struct redis_value *value = command->value;

	if (command->values < HEAD + orders->batched)
		return false;
	for (size_t i = 0; i < HEAD; i++)
		if (i == THE_SECRET ? value[i].type != REDIS_STRING : !is_number(&value[i]))
			return false;
	for (size_t i = 0; i < orders->batched; i++)
		if (value[HEAD + i].type != REDIS_INTEGER)
			return false;
	return value[NOW_US].integer > 0;
}

/* What was sent is known there, or something later. One that was given anew meanwhile is to be sent yet. */
static void note_results(struct orders *orders, const struct redis_value *result)
{
	if (orders->batched)
		orders->full = false;
	for (size_t i = 0; i < orders->batched; i++) {
		struct orders_entry *entry = orders->batch[i];

		if (!entry->sent)
			continue;
		if (result[i].integer < 0) {
			orders->full = true;
			continue;
		}
		entry->pending = false;
		entry->told = true;
	}
}

static void end_flight(struct orders *orders)
{
	for (size_t i = 0; i < orders->batched; i++) {
		struct orders_entry *entry = orders->batch[i];

		entry->sent = false;
		free(entry->sent_text);
		entry->sent_text = NULL;
	}
	orders->batched = 0;
	orders->in_flight = false;
}

static int agree(struct orders *orders, const struct redis_value *value)
{
	const struct redis_value *secret = &value[THE_SECRET];
	const char *offer = seal_offer(orders->seal);
	int result;

	if (!offer)
		return 0;
	result = secret->length ? seal_agree(orders->seal, secret->string, secret->length)
				: seal_agree(orders->seal, offer, strlen(offer));
	orders->bad_secret = result == -EINVAL;
	if (result != 1)
		return result;
	result = orders_rename(orders);
	/* What was read before was read by other keys */
	return result ? result : value[START].integer ? 0 : -EAGAIN;
}

/*
 * From the first order on: what is not seen by the end is not there any more. Was it lost? What has been lifted would still say so,
 * unless this node was away; a daemon that has just started knows it of a memory that is too young to have forgotten it.
 */
static void begin_reading(struct orders *orders, uint64_t generation, bool was_away)
{
	bool young = orders->redis_ms - (int64_t)(generation / 1000) < ORDERS_LIFTED_MS;
	bool lost = orders->whole ? generation != orders->whole || !was_away : young;

	/* Begun anew before it was at its end: what was lost stays so */
	orders->lost = lost || (orders->reading && orders->lost);
	orders->reading = true;
	orders->unreads = 0;
	for (size_t i = 0; i < orders->count; i++)
		orders->entry[i]->seen = false;
}

/* A page of them, and at the end of the last one what is missing */
static int read_page(struct orders *orders, const struct redis_command *command, size_t results,
		     uint64_t now_ns, orders_apply *apply, void *context)
{
	const struct redis_value *value = command->value;
	size_t first = HEAD + results;
	struct changes changes = {};
	int result = take_all(orders, value + first, command->values - first, &changes);

	orders_sort(orders);
	if (!result && orders->reading && !value[MORE].integer) {
		result = miss(orders, orders->lost, now_ns, &changes);
		orders->reading = result;
	}
	apply_all(&changes, apply, context);
	return result;
}

static void note_place(struct orders *orders, const struct redis_value *value)
{
	orders->generation = (uint64_t)value[GENERATION].integer;
	orders->base = (uint64_t)value[VERSION].integer;
	orders->cursor = (uint64_t)value[CURSOR].integer;
	if (!orders->reading)
		orders->whole = orders->generation;
}

static bool is_pending(const struct orders *orders)
{
	for (size_t i = 0; i < orders->count; i++)
		if (orders->entry[i]->pending)
			return true;
	return false;
}

int orders_answer(struct orders *orders, const struct redis_command *command, uint64_t now_ns,
		  orders_apply *apply, void *context)
{
	const struct redis_value *value = command->value;
	bool answered = command->state == REDIS_STATE_OK;
	bool good = answered && is_answer(orders, command);
	size_t results = orders->batched;
	bool was_away = orders_was_away(orders, now_ns);
	int result;

	if (good)
		note_results(orders, value + HEAD);
	end_flight(orders);
	if (!good)
		return answered ? -EPROTO : -ENOTCONN;
	orders->redis_ms = value[NOW_US].integer / 1000;
	orders->redis_ns = now_ns;
	if (value[START].integer)
		begin_reading(orders, (uint64_t)value[GENERATION].integer, was_away);
	result = agree(orders, value);
	if (!result)
		result = read_page(orders, command, results, now_ns, apply, context);
	if (result) {
		orders->base = 0; /* all of it again */
		return result;
	}
	note_place(orders, value);
	if ((value[MORE].integer || (is_pending(orders) && !orders->full)) && orders->next_ns)
		orders->next_ns = now_ns + AGAIN_NS;
	return 0;
}

void orders_repeat(const struct orders *orders, orders_apply *apply, void *context)
{
	struct changes changes = {};

	for (size_t i = 0; i < orders->count && make_room(&changes); i++)
		if (orders->entry[i]->order.upstream[0])
			note(&changes, orders->entry[i]->given_ms, &orders->entry[i]->order);
	apply_all(&changes, apply, context);
}
