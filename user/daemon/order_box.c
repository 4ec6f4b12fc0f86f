// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/daemon/order_box.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct item {
	struct order order;
	bool recalled;
	struct item *next;
};

struct list {
	struct item *first, **last;
	size_t count;
	int fd; /* readable while it is not empty */
};

struct order_box {
	pthread_mutex_t lock;
	struct list given, done;
	size_t booked, lost;
	bool reachable;
};

/* --------------------------------------------------------------------------------------- one list */

static bool list_begin(struct list *list)
{
	list->last = &list->first;
	list->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return list->fd >= 0;
}

static void list_end(struct list *list)
{
	struct item *item;

	while ((item = list->first)) {
		list->first = item->next;
		free(item);
	}
	if (list->fd >= 0)
		close(list->fd);
}

static int list_add(struct order_box *box, struct list *list, const struct order *order,
		    bool recalled)
{
	struct item *item = calloc(1, sizeof(*item));
	const uint64_t one = 1;

	if (!item)
		return -ENOMEM;
	item->order = *order;
	item->recalled = recalled;
	pthread_mutex_lock(&box->lock);
	*list->last = item;
	list->last = &item->next;
	list->count++;
	if (list->count == 1 && write(list->fd, &one, sizeof(one)) < 0) {
		/* full only after 2^64 of them: it is readable then */
	}
	pthread_mutex_unlock(&box->lock);
	return 0;
}

/* The first one, the caller's; NULL: there is none */
static struct item *list_take(struct order_box *box, struct list *list)
{
	struct item *item;
	uint64_t count;

	pthread_mutex_lock(&box->lock);
	item = list->first;
	if (item) {
		list->first = item->next;
		list->count--;
	}
	if (item && !list->first) {
		list->last = &list->first;
		if (read(list->fd, &count, sizeof(count)) < 0) {
			/* it was not readable: nothing is to be taken back */
		}
	}
	pthread_mutex_unlock(&box->lock);
	return item;
}

/* --------------------------------------------------------------------------------------- the box */

struct order_box *order_box_new(void)
{
	struct order_box *box = calloc(1, sizeof(*box));

	if (!box)
		return NULL;
	pthread_mutex_init(&box->lock, NULL);
	box->done.fd = -1;
	if (!list_begin(&box->given) || !list_begin(&box->done)) {
		order_box_free(box);
		return NULL;
	}
	return box;
}

void order_box_free(struct order_box *box)
{
	if (!box)
		return;
	list_end(&box->given);
	list_end(&box->done);
	pthread_mutex_destroy(&box->lock);
	free(box);
}

int order_box_has_room(struct order_box *box)
{
	size_t count;

	pthread_mutex_lock(&box->lock);
	count = box->booked + box->given.count;
	pthread_mutex_unlock(&box->lock);
	return count < ORDERS_MOST ? 0 : -ENOSPC;
}

bool order_box_is_told(struct order_box *box)
{
	bool reachable;

	pthread_mutex_lock(&box->lock);
	reachable = box->reachable;
	pthread_mutex_unlock(&box->lock);
	return reachable;
}

int order_box_give(struct order_box *box, const struct order *order, bool recalled)
{
	return list_add(box, &box->given, order, recalled);
}

int order_box_fd(const struct order_box *box)
{
	return box->done.fd;
}

size_t order_box_take(struct order_box *box, struct order *out, size_t most)
{
	struct item *item;
	size_t taken = 0;

	while (taken < most && (item = list_take(box, &box->done))) {
		out[taken++] = item->order;
		free(item);
	}
	return taken;
}

int order_box_given_fd(const struct order_box *box)
{
	return box->given.fd;
}

size_t order_box_enter(struct order_box *box, struct orders *orders, bool reachable)
{
	struct item *item;
	size_t lost = 0;

	while ((item = list_take(box, &box->given))) {
		int result = item->recalled ? orders_recall(orders, &item->order)
					    : orders_add(orders, &item->order);

		lost += result && result != -EALREADY;
		free(item);
	}
	pthread_mutex_lock(&box->lock);
	box->booked = orders_count(orders);
	box->reachable = reachable;
	pthread_mutex_unlock(&box->lock);
	return lost;
}

void order_box_apply(void *context, const struct order *order)
{
	struct order_box *box = context;

	if (!list_add(box, &box->done, order, false))
		return;
	pthread_mutex_lock(&box->lock);
	box->lost++;
	pthread_mutex_unlock(&box->lock);
}

size_t order_box_lost(struct order_box *box)
{
	size_t lost;

	pthread_mutex_lock(&box->lock);
	lost = box->lost;
	box->lost = 0;
	pthread_mutex_unlock(&box->lock);
	return lost;
}
