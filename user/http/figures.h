/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the listeners have answered: the figures of the http_* families. Any thread may call. */
#pragma once

#include <pthread.h>

#include "user/metrics/metrics.h"

struct http_figures {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct metrics_http data;
};

void figures_init(struct http_figures *figures);
void figures_release(struct http_figures *figures);

/* A request has come in. */
void figures_begin(struct http_figures *figures);

/* Its answer is ready: handler is an index into data.handler. A code not listed yet is added. */
void figures_answer(struct http_figures *figures, size_t handler, unsigned int code,
		    double seconds);

/* It is over, whether answered or not. */
void figures_end(struct http_figures *figures);

/* Waits until nothing is in progress, but no longer than this. */
void figures_wait_idle(struct http_figures *figures, int timeout_ms);

void figures_read(struct http_figures *figures, struct metrics_http *out);
