/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cluster/hot.h"

static double heat(const struct hot_client *client)
{
	return client->demand / client->rate;
}

static bool is_hot(const struct hot_client *client, double even)
{
	return heat(client) > even * (client->was_chosen ? HOT_STAY : HOT_FROM);
}

static bool is_hotter(const struct hot_client *a, const struct hot_client *b)
{
	double x = heat(a), y = heat(b);

	return x > y || (x == y && a->key < b->key);
}

/* A heap with the coolest on top: chosen[i] is cooler than chosen[2i + 1] and chosen[2i + 2] */
static void sink(const struct hot_client *clients, size_t *chosen, size_t count, size_t i)
{
	for (;;) {
		size_t coolest = i, swap = chosen[i];

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
			if (is_hotter(&clients[chosen[coolest]], &clients[chosen[child]]))
				coolest = child;
		if (coolest == i)
			return;
		chosen[i] = chosen[coolest];
		chosen[coolest] = swap;
		i = coolest;
	}
}

static void rise(const struct hot_client *clients, size_t *chosen, size_t i)
{
	while (i > 0 && is_hotter(&clients[chosen[(i - 1) / 2]], &clients[chosen[i]])) {
		size_t parent = (i - 1) / 2, swap = chosen[i];

		chosen[i] = chosen[parent];
		chosen[parent] = swap;
		i = parent;
	}
}

size_t hot_choose(const struct hot_client *clients, size_t count, uint32_t nodes, size_t *chosen,
		  size_t most)
{
	double even = 1.0 / (nodes ? nodes : 1);
	size_t found = 0;

	for (size_t i = 0; i < count && most; i++) {
		if (!is_hot(&clients[i], even))
			continue;
		if (found < most) {
			chosen[found] = i;
			rise(clients, chosen, found++);
		} else if (is_hotter(&clients[i], &clients[chosen[0]])) {
			chosen[0] = i;
			sink(clients, chosen, found, 0);
		}
	}
	/* Heap sort: the coolest goes to the end, until the hottest is left at the front */
	for (size_t left = found; left > 1; left--) {
		size_t swap = chosen[0];

		chosen[0] = chosen[left - 1];
		chosen[left - 1] = swap;
		sink(clients, chosen, left - 1, 0);
	}
	return found;
}
