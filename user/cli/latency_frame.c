/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/latency_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/find.h"

/* The earlier answer is of use if its slots are cut at the same bounds, and it is really earlier. */
static const json_t *comparable(const struct latency_view *view, struct latency_frame *frame,
				struct reader *reader)
{
	struct distribution_bounds bounds;
	double seconds;

	if (!view->before)
		return NULL;
	seconds = render_taken(view->latency) - render_taken(view->before);
	distribution_read_bounds(view->before, &bounds, reader);
	if (seconds <= 0 || memcmp(&bounds, &frame->bounds, sizeof(bounds)))
		return NULL;
	frame->seconds = seconds;
	return view->before;
}

static void add_row(struct latency_frame *frame, const char *owner, const json_t *histogram,
		    const json_t *before, struct reader *reader)
{
	struct latency_row *row = &frame->row[frame->rows++];
	struct distribution earlier;

	*row = (struct latency_row){.owner = owner,
				    .latency = reader_string(reader, histogram, "name")};
	distribution_read(histogram, &row->distribution, reader);
	if (before) {
		distribution_read(before, &earlier, reader);
		distribution_since(&row->distribution, &earlier);
	}
	distribution_octaves(&row->distribution, &frame->bounds, &row->octaves);
	frame->any |= octaves_range(&row->octaves, &frame->first, &frame->last);
}

static int add_rows(struct latency_frame *frame, const json_t *owners, const json_t *before,
		    struct reader *reader)
{
	for (size_t i = 0; i < json_array_size(owners); i++) {
		const json_t *owner = json_array_get(owners, i);
		const json_t *list = reader_array(reader, owner, "histograms");
		const char *name = reader_string(reader, owner, "name");
		const json_t *then = json_object_get(find_named(before, name), "histograms");
		struct latency_row *more = reallocarray(
			frame->row, frame->rows + json_array_size(list) + 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		frame->row = more;
		for (size_t j = 0; j < json_array_size(list); j++) {
			const json_t *histogram = json_array_get(list, j);
			const char *latency = reader_string(reader, histogram, "name");

			add_row(frame, name, histogram, find_named(then, latency), reader);
		}
	}
	return 0;
}

int latency_frame_read(const struct latency_view *view, struct latency_frame *frame,
		       struct reader *reader)
{
	const json_t *before;
	int result;

	*frame = (struct latency_frame){.view = view, .first = OCTAVES};
	distribution_read_bounds(view->latency, &frame->bounds, reader);
	before = comparable(view, frame, reader);
	result = add_rows(frame, reader_array(reader, view->latency, "services"),
			  json_object_get(before, "services"), reader);
	frame->services = frame->rows;
	if (result)
		return result;
	return add_rows(frame, reader_array(reader, view->latency, "upstreams"),
			json_object_get(before, "upstreams"), reader);
}

void latency_frame_free(struct latency_frame *frame)
{
	free(frame->row);
	frame->row = NULL;
}
