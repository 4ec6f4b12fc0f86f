/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The latest events as lines of JSON, from the control thread to any number of followers. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct feed;

struct feed *feed_new(void); /* NULL without memory */
void feed_free(struct feed *feed);

/* Control thread. Takes the reference; NULL, and what is longer than FEED_LINE bytes, is left out. */
#define FEED_LINE 640
void feed_tell(struct feed *feed, json_t *event);

/* As http_ops.events: after *cursor (0: from now on), at most timeout_ms. -ECANCELED once shut. */
ssize_t feed_read(struct feed *feed, uint64_t *cursor, char *buffer, size_t size, int timeout_ms);

void feed_shut(struct feed *feed);
