// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/daemon/queue.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "user/base/log.h"

/* Lives on the stack of the thread that waits for it */
struct call {
	const char *name, *request_id;
	const json_t *arguments;
	json_t *reply;
	int status;
	bool done;
	struct call *next;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct call *first, **last;
	int fd;
	bool shut;
};

struct queue *queue_new(void)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->fd < 0) {
		free(queue);
		return NULL;
	}
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->answered, NULL);
	queue->last = &queue->first;
	return queue;
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	close(queue->fd);
	pthread_cond_destroy(&queue->answered);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

int queue_fd(const struct queue *queue)
{
	return queue->fd;
}

static void refuse(struct call *call)
{
	call->reply =
		json_pack("{s:s, s:s}", "error", "stopping", "message", "the daemon is stopping");
	call->status = 503;
	call->done = true;
}

int queue_call(struct queue *queue, const char *name, const json_t *arguments,
	       const char *request_id, json_t **reply)
{
	struct call call = {.name = name, .request_id = request_id, .arguments = arguments};
	const uint64_t one = 1;

	pthread_mutex_lock(&queue->lock);
	if (queue->shut) {
		refuse(&call);
	} else {
		/* this function does not return before the call is answered, and so out of the queue */
		*queue->last = &call;
		// cppcheck-suppress autoVariables
		queue->last = &call.next;
		if (write(queue->fd, &one, sizeof(one)) < 0) {
			/* full only after 2^64 calls: the control thread is awake then */
		}
	}
	while (!call.done)
		pthread_cond_wait(&queue->answered, &queue->lock);
	pthread_mutex_unlock(&queue->lock);
	*reply = call.reply;
	return call.status;
}

static struct call *take(struct queue *queue)
{
	struct call *call = queue->first;

	if (call) {
		queue->first = call->next;
		if (!queue->first)
			queue->last = &queue->first;
	}
	return call;
}

void queue_serve(struct queue *queue,
		 int (*run)(void *context, const char *name, const json_t *arguments,
			    json_t **reply),
		 void *context)
{
	struct call *call;
	uint64_t count;

	if (read(queue->fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&queue->lock);
	while ((call = take(queue))) {
		pthread_mutex_unlock(&queue->lock);
		log_set_request(call->request_id);
		call->status = run(context, call->name, call->arguments, &call->reply);
		log_set_request(NULL);
		pthread_mutex_lock(&queue->lock);
		call->done = true;
		pthread_cond_broadcast(&queue->answered);
	}
	pthread_mutex_unlock(&queue->lock);
}

void queue_shut(struct queue *queue)
{
	struct call *call;

	pthread_mutex_lock(&queue->lock);
	queue->shut = true;
	while ((call = take(queue)))
		refuse(call);
	pthread_cond_broadcast(&queue->answered);
	pthread_mutex_unlock(&queue->lock);
}
