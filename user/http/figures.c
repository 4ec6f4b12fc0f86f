/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/http/figures.h"

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
	figures->data.in_progress--;
	pthread_mutex_unlock(&figures->lock);
}

void figures_read(struct http_figures *figures, struct metrics_http *out)
{
	pthread_mutex_lock(&figures->lock);
	*out = figures->data;
	pthread_mutex_unlock(&figures->lock);
}
