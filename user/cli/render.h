/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The daemon's answers (docs/api.md) as people read them. Pure: JSON in, text to page->out, no
 * clock and no terminal. 0, or -EPROTO (the answer cannot be read) or -ENOMEM with a line in error;
 * then nothing was written.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "user/cli/page.h"

int render_status(const json_t *status, const struct page *page, char *error, size_t size);
int render_doctor(const json_t *report, const struct page *page, char *error, size_t size);
int render_bans(const json_t *bans, const struct page *page, char *error, size_t size);

/* One frame of `weir top`. */
struct top_view {
	const json_t *before; /* an earlier status, for packets a second of services; or NULL */
	const json_t *status;
	const json_t *top;
	const char *service; /* only this one, or NULL */
	const char *notice;  /* a line of its own below the title, or NULL */
};
int render_top(const struct top_view *view, const struct page *page, char *error, size_t size);

/* One frame of `weir top --flows`. */
struct flows_view {
	const json_t *flows;
	const char *notice;
};
int render_flows(const struct flows_view *view, const struct page *page, char *error, size_t size);

/* One frame of `weir latency`. */
struct latency_view {
	const json_t *before; /* an earlier answer: what came since; NULL: all since the start */
	const json_t *latency;
	bool whole; /* one thing was asked for: all there is to show of it */
	const char *notice;
};
int render_latency(const struct latency_view *view, const struct page *page, char *error,
		   size_t size);

/* One frame of a view that is one answer and no more. */
struct answer_view {
	const json_t *answer;
	const char *notice;
};
int render_breakers(const struct answer_view *view, const struct page *page, char *error,
		    size_t size);
int render_cluster(const struct answer_view *view, const struct page *page, char *error,
		   size_t size);

/* When the figures of an answer were taken, Unix seconds; -1 when it does not say. */
double render_taken(const json_t *answer);

/*
 * Events come one by one: columns are as wide as anything seen so far. Start with
 * RENDER_EVENTS_START.
 */
#define RENDER_EVENT_COLUMNS 9
struct render_events {
	size_t width[RENDER_EVENT_COLUMNS];
};
extern const struct render_events RENDER_EVENTS_START;

void render_events_title(const struct render_events *columns, const struct page *page);
int render_event(const json_t *event, struct render_events *columns, const struct page *page,
		 char *error, size_t size);
