/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/http/figures.h"

#include <time.h>

#include "user/base/clock.h"
#include "user/base/number.h"

void figures_init(struct http_figures *figures)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&figures->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&figures->idle, &attributes);
	pthread_condattr_destroy(&attributes);
}

void figures_release(struct http_figures *figures)
{
	pthread_cond_destroy(&figures->idle);
	pthread_mutex_destroy(&figures->lock);
}

void figures_begin(struct http_figures *figures)
{
	pthread_mutex_lock(&figures->lock);
	figures->data.in_progress++;
	pthread_mutex_unlock(&figures->lock);
}

static void count_code(struct metrics_handler *handler, unsigned int code)
{
	size_t i = 0;

	while (i < handler->codes && handler->code[i].code != code)
		i++;
	if (i == METRICS_CODES)
		return; /* more codes than any handler answers */
	if (i == handler->codes) {
		handler->code[i].code = code;
		handler->codes++;
	}
	handler->code[i].count++;
}

void figures_answer(struct http_figures *figures, size_t handler, unsigned int code, double seconds)
{
	pthread_mutex_lock(&figures->lock);
	count_code(&figures->data.handler[handler], code);
	histogram_observe(&figures->data.handler[handler].duration, seconds);
	pthread_mutex_unlock(&figures->lock);
}

void figures_end(struct http_figures *figures)
{
	pthread_mutex_lock(&figures->lock);
	if (!--figures->data.in_progress)
		pthread_cond_broadcast(&figures->idle);
	pthread_mutex_unlock(&figures->lock);
}

void figures_wait_idle(struct http_figures *figures, int timeout_ms)
{
	uint64_t until = clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000;
	const struct timespec deadline = {(time_t)(until / NS_PER_SEC), (long)(until % NS_PER_SEC)};

	pthread_mutex_lock(&figures->lock);
	while (figures->data.in_progress)
		if (pthread_cond_timedwait(&figures->idle, &figures->lock, &deadline))
			break;
	pthread_mutex_unlock(&figures->lock);
}

void figures_read(struct http_figures *figures, struct metrics_http *out)
{
	pthread_mutex_lock(&figures->lock);
	*out = figures->data;
	pthread_mutex_unlock(&figures->lock);
}
