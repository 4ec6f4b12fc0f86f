/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The life of the book, what this node's operators add, and what is sent. What an answer changes is in orders_answer.c. */
#include "user/cluster/orders.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cluster/orders_book.h"
#include "user/cluster/script.h"

#define TIDY_NS 1000000000ULL

struct orders *orders_new(const char *prefix, const char *node, struct seal *seal)
{
	/* In the shard that a ledger always has: one more node of a Redis Cluster would be one more that can fail */
	static const char *const keys[ORDERS_KEYS] = {"orders", "orders:expiries",
						      "orders:versions", "secret"};
	struct orders *orders = calloc(1, sizeof(*orders));

	if (!orders)
		return NULL;
	for (size_t i = 0; i < ORDERS_KEYS; i++)
		if (asprintf(&orders->key[i], "%s:{s00}:%s", prefix, keys[i]) < 0) {
			orders->key[i] = NULL;
			orders_free(orders);
			return NULL;
		}
	snprintf(orders->node, sizeof(orders->node), "%s", node);
	orders->seal = seal;
	return orders;
}

void orders_free(struct orders *orders)
{
	if (!orders)
		return;
	for (size_t i = 0; i < orders->count; i++)
		orders->entry[i]->gone = true;
	orders_drop(orders);
	free(orders->entry);
	for (size_t i = 0; i < ORDERS_KEYS; i++)
		free(orders->key[i]);
	free(orders);
}

/* ------------------------------------------------------------------------------- of this node */

static void replace(struct orders *orders, struct orders_entry *entry, const struct order *order)
{
	orders_unseal(entry);
	if (entry->given_ms)
		entry->after_ms = entry->given_ms;
	entry->given_ms = entry->expiry_ms = 0;
	entry->order = *order;
	memcpy(entry->order.node, orders->node, sizeof(orders->node));
	entry->pending = true;
	entry->told = entry->recalled = false;
	orders->next_ns = 0;
}

/* An order for all of an upstream: for a node that comes later, no older one for an endpoint may be what is left of both. */
static void replace_narrow(struct orders *orders, const struct order *wide)
{
	for (size_t i = 0; i < orders->count; i++) {
		const struct order *at = &orders->entry[i]->order;
		struct order narrow = *wide;

		if (!at->endpoint[0] || strcmp(at->upstream, wide->upstream))
			continue;
		memcpy(narrow.endpoint, at->endpoint, sizeof(narrow.endpoint));
		replace(orders, orders->entry[i], &narrow);
	}
}

int orders_add(struct orders *orders, const struct order *order)
{
	char name[SEAL_NAME];
	struct orders_entry *entry;

	if (orders_name(orders, order, name))
		return -EIO;
	entry = orders_find(orders, name);
	if (!entry && orders->count >= ORDERS_MOST)
		return -ENOSPC;
	if (!entry) {
		entry = orders_append(orders, name);
		if (!entry)
			return -ENOMEM;
		orders_place_last(orders);
	}
	replace(orders, entry, order);
	if (order->upstream[0] && !order->endpoint[0])
		replace_narrow(orders, order);
	return 0;
}

int orders_recall(struct orders *orders, const struct order *order)
{
	struct orders_entry *entry;
	char name[SEAL_NAME];
	int result = orders_name(orders, order, name);

	if (!result && (orders->generation || orders_find(orders, name)))
		result = -EALREADY;
	if (!result)
		result = orders_add(orders, order);
	if (result)
		return result;
	entry = orders_find(orders, name);
	entry->recalled = true;
	entry->pending = false;
	entry->given_ms = 1; /* whatever Redis knows is later */
	return 0;
}

int orders_use(struct orders *orders, struct seal *seal)
{
	orders->seal = seal;
	orders->base = 0;
	return orders_rename(orders);
}

/* ----------------------------------------------------------------------------------- to Redis */

static int64_t life_ms(const struct orders_entry *entry)
{
	return order_may_end(entry->order.kind) ? ORDERS_ENDLESS_MS : ORDERS_LIFTED_MS;
}

/* An expiry that is none of the order's: to be renewed when half of it is over */
static bool is_stale(const struct orders *orders, const struct orders_entry *entry, int64_t now_ms)
{
	if (entry->expiry_ms - now_ms >= life_ms(entry) / 2)
		return false;
	if (entry->pending && !entry->told && !order_may_end(entry->order.kind))
		return true;
	return orders_is_lasting(orders, entry);
}

/* What has an end has had it; what was lifted, long enough. What others have not heard of yet is kept. */
static bool is_over(const struct orders *orders, const struct orders_entry *entry, uint64_t now_ns)
{
	if (entry->order.until_ns)
		return entry->order.until_ns <= now_ns;
	return !entry->pending && entry->expiry_ms &&
	       entry->expiry_ms <= orders_ms_at(orders, now_ns) &&
	       !orders_is_lasting(orders, entry);
}

static void tidy(struct orders *orders, uint64_t now_ns)
{
	int64_t now_ms = orders_ms_at(orders, now_ns);

	if (now_ns - orders->tidied_ns < TIDY_NS)
		return;
	orders->tidied_ns = now_ns;
	for (size_t i = 0; i < orders->count; i++) {
		struct orders_entry *entry = orders->entry[i];

		if (entry->expiry_ms && is_stale(orders, entry, now_ms))
			entry->pending = true;
		entry->gone = is_over(orders, entry, now_ns);
	}
	for (size_t i = 0; i < orders->unreads;)
		if (orders->unread[i].expiry_ms <= now_ms)
			orders->unread[i] = orders->unread[--orders->unreads];
		else
			i++;
	orders_drop(orders);
}

/* Makes an entry ready to be sent. */
static int prepare(struct orders *orders, struct orders_entry *entry, uint64_t now_ns)
{
	int64_t now_ms = orders_ms_at(orders, now_ns);
	char with[ORDERS_WITH], *text;
	int result;

	orders_date(orders, entry);
	if (entry->order.until_ns) {
		if (!entry->expiry_ms)
			entry->expiry_ms = orders_ms_at(orders, entry->order.until_ns);
	} else if (!entry->expiry_ms || is_stale(orders, entry, now_ms)) {
		orders_unseal(entry);
		entry->expiry_ms = now_ms + life_ms(entry);
	}
	if (entry->text)
		return 0;
	text = order_write(&entry->order);
	if (!text)
		return -ENOMEM;
	orders_with(entry->name, entry->given_ms, entry->expiry_ms, with);
	result = seal_close(orders->seal, with, text, &entry->text);
	free(text);
	return result;
}

static void add_argument(struct orders *orders, const char *text)
{
	struct redis_command *command = &orders->command;

	orders->argument[command->arguments] = text;
	orders->length[command->arguments++] = strlen(text);
}

static void add_order(struct orders *orders, struct orders_entry *entry)
{
	char(*number)[24] = orders->number[orders->batched];

	snprintf(number[0], sizeof(number[0]), "%" PRId64, entry->given_ms);
	snprintf(number[1], sizeof(number[1]), "%" PRId64, entry->expiry_ms);
	add_argument(orders, entry->name);
	add_argument(orders, number[0]);
	add_argument(orders, number[1]);
	add_argument(orders, entry->text);
	orders->batch[orders->batched++] = entry;
	entry->sent = true;
}

/* Only asks, as long as it is not known what time it is at Redis, and by which secret names are made */
static void add_orders(struct orders *orders, uint64_t now_ns)
{
	if (!orders->redis_ns || !seal_is_agreed(orders->seal))
		return;
	tidy(orders, now_ns);
	/* From where the last one ended: where there is no room for new ones, those behind them may find their place */
	for (size_t i = 0; i < orders->count && orders->batched < ORDERS_BATCH; i++) {
		struct orders_entry *entry = orders->entry[(orders->first + i) % orders->count];

		if (entry->pending && !prepare(orders, entry, now_ns))
			add_order(orders, entry);
	}
	orders->first += orders->batched;
}

struct redis_command *orders_command(struct orders *orders, uint64_t now_ns)
{
	const uint64_t known[3] = {orders->generation,
				   orders_was_away(orders, now_ns) ? 0 : orders->base,
				   orders->cursor};
	const char *offer = seal_offer(orders->seal);

	if (orders->in_flight || now_ns < orders->next_ns)
		return NULL;
	orders->command = (struct redis_command){
		.script = orders_script,
		.keys = offer ? ORDERS_KEYS : ORDERS_KEYS - 1,
		.argument = orders->argument,
		.length = orders->length,
		.routing_key = orders->key[0],
		.name = "orders",
	};
	orders->batched = 0;
	for (size_t i = 0; i < orders->command.keys; i++)
		add_argument(orders, orders->key[i]);
	for (size_t i = 0; i < 3; i++) {
		snprintf(orders->known[i], sizeof(orders->known[i]), "%" PRIu64, known[i]);
		add_argument(orders, orders->known[i]);
	}
	add_argument(orders, offer ? offer : "");
	add_orders(orders, now_ns);
	orders->in_flight = true;
	orders->next_ns = now_ns + ORDERS_INTERVAL_NS;
	return &orders->command;
}

uint64_t orders_next_ns(const struct orders *orders)
{
	return orders->next_ns;
}

/* ------------------------------------------------------------------------------------- figures */

const struct order *orders_at(const struct orders *orders, size_t i, bool *told)
{
	if (i >= orders->count)
		return NULL;
	*told = orders->entry[i]->told;
	return &orders->entry[i]->order;
}

size_t orders_count(const struct orders *orders)
{
	return orders->count;
}

struct orders_figures orders_figures(const struct orders *orders)
{
	struct orders_figures figures = {
		.orders = orders->count,
		.unreadable = orders->unreads,
		.full = orders->full,
	};

	for (size_t i = 0; i < orders->count; i++)
		figures.untold += !orders->entry[i]->told;
	return figures;
}

/* Says what has begun, and forgets that it did when it is over. */
static bool begins(bool wrong, bool *said)
{
	bool news = wrong && !*said;

	*said = wrong;
	return news;
}

const char *orders_complaint(struct orders *orders)
{
	/* One at a time: the next call says the next one */
	if (begins(orders->bad_secret, &orders->said_secret))
		return "the secret that nodes share in Redis is none of Weir's: delete the key "
		       "PREFIX:{s00}:secret, or set cluster.secret on all nodes";
	if (begins(orders->unreads, &orders->said_unreadable))
		return "orders of other nodes cannot be read: see that all nodes have the same "
		       "cluster.secret, and a version of Weir that knows them";
	if (begins(orders->full, &orders->said_full))
		return "Redis holds 10000 orders of the cluster and takes no more: lift some "
		       "(weir bans lists them), or let them end with --for; an hour later there is room";
	return NULL;
}
