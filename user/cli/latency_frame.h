/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a frame of `weir latency` shows, read from the answers and reckoned before anything is printed. Pure. Names are
 * borrowed from the answers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "user/cli/distribution.h"
#include "user/cli/render.h"

/* A histogram of a service or an upstream */
struct latency_row {
	const char *owner;
	const char *latency;
	struct distribution distribution;
	struct octaves octaves;
};

/* All that is shown, read and reckoned before anything is printed */
struct latency_frame {
	const struct latency_view *view;
	struct distribution_bounds bounds;
	double seconds; /* of the interval; 0: since the start */
	struct latency_row *row;
	size_t rows;
	size_t services;    /* the first so many rows are of services, the others of upstreams */
	size_t first, last; /* octaves that have a sample anywhere */
	bool any;
};

/* 0 or -ENOMEM; what cannot be read is noted by the reader. Free it in any case. */
int latency_frame_read(const struct latency_view *view, struct latency_frame *frame,
		       struct reader *reader);
void latency_frame_free(struct latency_frame *frame);
