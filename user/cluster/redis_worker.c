// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_worker.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "user/cluster/redis_run.h"

#define STACK_BYTES (256 * 1024)

struct redis_worker {
	struct config *config;
	pthread_t thread;
	int fd;
	atomic_bool stop;
	struct redis_route route; /* the thread's */
	struct redis_scripts scripts;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct redis_work *given; /* and not taken back */
	bool done;
};

#define TEXT(x) #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *redis_library_version(void)
{
	return VERSION(HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
}

/* ---------------------------------------------------------------------------------------- the thread */

/* NULL: it is over */
static struct redis_work *next_work(struct redis_worker *worker)
{
	struct redis_work *work;

	pthread_mutex_lock(&worker->lock);
	while (!atomic_load(&worker->stop) && (!worker->given || worker->done))
		pthread_cond_wait(&worker->changed, &worker->lock);
	work = atomic_load(&worker->stop) ? NULL : worker->given;
	pthread_mutex_unlock(&worker->lock);
	return work;
}

static void finish(struct redis_worker *worker)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&worker->lock);
	worker->done = true;
	pthread_mutex_unlock(&worker->lock);
	if (write(worker->fd, &one, sizeof(one)) < 0) {
		/* full only after 2^64 pieces of work: it is readable then */
	}
}

static void *run(void *argument)
{
	struct redis_worker *worker = argument;
	struct redis_work *work;

	pthread_setname_np(pthread_self(), "weir-redis");
	while ((work = next_work(worker))) {
		redis_run(&worker->route, &worker->scripts, work);
		finish(worker);
	}
	return NULL;
}

/* Signals are the control thread's. That includes SIGPIPE: a closed connection is an error of write() here. */
static int start(struct redis_worker *worker)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int result;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&worker->thread, &attributes, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return result;
}

/* ------------------------------------------------------------------------------------ the other side */

static void release(struct redis_worker *worker)
{
	redis_route_release(&worker->route);
	redis_scripts_release(&worker->scripts);
	if (worker->fd >= 0)
		close(worker->fd);
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
	config_unref(worker->config);
	free(worker);
}

struct redis_worker *redis_worker_new(struct config *config)
{
	struct redis_worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->changed, NULL);
	worker->config = config_ref(config);
	worker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->fd < 0 ||
	    redis_route_init(&worker->route, &config->cluster.redis, &worker->stop) ||
	    start(worker)) {
		release(worker);
		return NULL;
	}
	return worker;
}

void redis_worker_free(struct redis_worker *worker)
{
	if (!worker)
		return;
	pthread_mutex_lock(&worker->lock);
	atomic_store(&worker->stop, true);
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	release(worker);
}

bool redis_worker_give(struct redis_worker *worker, struct redis_work *work)
{
	bool taken;

	pthread_mutex_lock(&worker->lock);
	taken = !worker->given;
	if (taken) {
		worker->given = work;
		pthread_cond_signal(&worker->changed);
	}
	pthread_mutex_unlock(&worker->lock);
	return taken;
}

int redis_worker_fd(const struct redis_worker *worker)
{
	return worker->fd;
}

struct redis_work *redis_worker_take(struct redis_worker *worker)
{
	struct redis_work *work = NULL;
	uint64_t count;

	if (read(worker->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return NULL;
	pthread_mutex_lock(&worker->lock);
	if (worker->given && worker->done) {
		work = worker->given;
		worker->given = NULL;
		worker->done = false;
	}
	pthread_mutex_unlock(&worker->lock);
	return work;
}
