/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The entries of the book, and the two clocks. */
#include "user/cluster/orders_book.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS 1000000
/* A hundred years: what Redis says is later is nonsense, and must not overflow */
#define FAR_MS (INT64_C(100) * 366 * 86400 * 1000)

int64_t orders_ms_at(const struct orders *orders, uint64_t ns)
{
	return orders->redis_ms + (int64_t)(ns - orders->redis_ns) / NS_PER_MS;
}

uint64_t orders_ns_at(const struct orders *orders, int64_t ms)
{
	int64_t ahead = ms - orders->redis_ms, past = (int64_t)(orders->redis_ns / NS_PER_MS);

	if (ahead > FAR_MS)
		ahead = FAR_MS;
	return -ahead >= past ? 1 : orders->redis_ns + (uint64_t)(ahead * NS_PER_MS);
}

bool orders_was_away(const struct orders *orders, uint64_t now_ns)
{
	const uint64_t most_ns = (uint64_t)(ORDERS_LIFTED_MS - 60000) * NS_PER_MS;

	return orders->redis_ns && now_ns - orders->redis_ns >= most_ns;
}

static int compare(const void *a, const void *b)
{
	const struct orders_entry *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

void orders_sort(struct orders *orders)
{
	if (orders->count)
		qsort(orders->entry, orders->count, sizeof(orders->entry[0]), compare);
	orders->sorted = orders->count;
}

void orders_place_last(struct orders *orders)
{
	struct orders_entry *last = orders->entry[orders->count - 1];
	size_t low = 0, high = orders->count - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(orders->entry[middle]->name, last->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	memmove(&orders->entry[low + 1], &orders->entry[low],
		(orders->count - 1 - low) * sizeof(orders->entry[0]));
	orders->entry[low] = last;
	orders->sorted = orders->count;
}

static int compare_name(const void *name, const void *entry)
{
	return strcmp(name, (*(const struct orders_entry *const *)entry)->name);
}

struct orders_entry *orders_find(const struct orders *orders, const char *name)
{
	struct orders_entry **found = orders->sorted
					      ? bsearch(name, orders->entry, orders->sorted,
							sizeof(orders->entry[0]), compare_name)
					      : NULL;

	return found ? *found : NULL;
}

struct orders_entry *orders_append(struct orders *orders, const char *name)
{
	struct orders_entry *entry;

	if (orders->count == orders->room) {
		size_t room = orders->room ? 2 * orders->room : 16;
		struct orders_entry **grown =
			realloc(orders->entry, room * sizeof(orders->entry[0]));

		if (!grown)
			return NULL;
		orders->entry = grown;
		orders->room = room;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	orders->entry[orders->count++] = entry;
	return entry;
}

static void free_entry(struct orders_entry *entry)
{
	free(entry->text);
	free(entry->sent_text);
	free(entry);
}

void orders_drop(struct orders *orders)
{
	size_t kept = 0;

	for (size_t i = 0; i < orders->count; i++)
		if (orders->entry[i]->gone)
			free_entry(orders->entry[i]);
		else
			orders->entry[kept++] = orders->entry[i];
	orders->count = kept;
	orders->sorted = kept;
}

int orders_name(const struct orders *orders, const struct order *order, char out[SEAL_NAME])
{
	char subject[ORDER_SUBJECT];

	order_subject(order, subject);
	return seal_name(orders->seal, "orders", subject, strlen(subject), out);
}

void orders_unseal(struct orders_entry *entry)
{
	if (entry->sent && entry->text) {
		free(entry->sent_text);
		entry->sent_text = entry->text;
	} else {
		free(entry->text);
	}
	entry->text = NULL;
	entry->sent = false;
}

void orders_date(const struct orders *orders, struct orders_entry *entry)
{
	int64_t given;

	if (entry->given_ms)
		return;
	given = orders_ms_at(orders, entry->order.given_ns);
	entry->given_ms = given > entry->after_ms ? given : entry->after_ms + 1;
}

const char *orders_with(const char *name, int64_t given_ms, int64_t expiry_ms,
			char out[ORDERS_WITH])
{
	snprintf(out, ORDERS_WITH, "%s %" PRId64 " %" PRId64, name, given_ms, expiry_ms);
	return out;
}

int orders_rename(struct orders *orders)
{
	int result = 0;

	for (size_t i = 0; i < orders->count; i++) {
		struct orders_entry *entry = orders->entry[i];

		orders_unseal(entry);
		entry->pending = !entry->recalled;
		if (orders_name(orders, &entry->order, entry->name))
			result = -EIO;
	}
	orders_sort(orders);
	return result;
}

/* The order for all of the upstream that this one excepts its endpoint from */
static const struct orders_entry *find_wide(const struct orders *orders, const struct order *order)
{
	struct order wide = *order;
	char name[SEAL_NAME];

	if (!order->upstream[0] || !order->endpoint[0])
		return NULL;
	wide.endpoint[0] = 0;
	return orders_name(orders, &wide, name) ? NULL : orders_find(orders, name);
}

bool orders_is_lasting(const struct orders *orders, const struct orders_entry *entry)
{
	const struct orders_entry *wide;

	if (order_may_end(entry->order.kind))
		return !entry->order.until_ns;
	wide = find_wide(orders, &entry->order);
	return wide && order_may_end(wide->order.kind);
}
