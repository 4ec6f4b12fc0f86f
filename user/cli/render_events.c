/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "user/cli/draft.h"
#include "user/cli/moment.h"
#include "user/cli/render.h"
#include "user/cli/text.h"

enum { TIME, VERDICT, SERVICE, TIER, PROTOCOL, SOURCE, DESTINATION, INTERFACE, LIMIT };

static const char *const title[RENDER_EVENT_COLUMNS] = {
	"TIME",	  "VERDICT",	 "SERVICE",   "TIER",  "PROTO",
	"SOURCE", "DESTINATION", "INTERFACE", "LIMIT",
};

/* Room for what is usual; the last column needs none. */
const struct render_events RENDER_EVENTS_START = {{
	[TIME] = 12,
	[VERDICT] = 14,
	[SERVICE] = 8,
	[TIER] = 9,
	[PROTOCOL] = 5,
	[SOURCE] = 21,
	[DESTINATION] = 21,
	[INTERFACE] = 9,
}};

static void print_line(const char *const cell[RENDER_EVENT_COLUMNS],
		       const struct render_events *columns, const struct page *page, enum ink ink)
{
	char line[1024];
	size_t length = 0;

	for (size_t i = 0; i < RENDER_EVENT_COLUMNS && length < sizeof(line); i++) {
		/* printf pads by bytes, the columns count code points */
		size_t pad = columns->width[i] > text_width(cell[i])
				     ? columns->width[i] - text_width(cell[i])
				     : 0;

		length += (size_t)snprintf(line + length, sizeof(line) - length, "%s%*s%s", cell[i],
					   (int)pad, "", i + 1 < RENDER_EVENT_COLUMNS ? "  " : "");
	}
	length = strlen(line);
	while (length && line[length - 1] == ' ')
		line[--length] = '\0';
	page_line(page, ink, "%s", line);
}

void render_events_title(const struct render_events *columns, const struct page *page)
{
	print_line(title, columns, page, INK_BOLD);
}

int render_event(const json_t *event, struct render_events *columns, const struct page *page,
		 char *error, size_t size)
{
	struct reader reader = {0};
	char verdict[64];
	struct text_address source = text_address(reader_string(&reader, event, "source"),
						  reader_count(&reader, event, "sport"));
	struct text_address destination = text_address(reader_string(&reader, event, "destination"),
						       reader_count(&reader, event, "dport"));
	bool observed = reader_bool(&reader, event, "observed");
	struct text clock = text_clock(moment_of(reader_string(&reader, event, "time")));
	const char *const cell[RENDER_EVENT_COLUMNS] = {
		[TIME] = clock.s,
		[VERDICT] = verdict,
		[SERVICE] = reader_string(&reader, event, "service"),
		[TIER] = reader_string(&reader, event, "tier"),
		[PROTOCOL] = reader_string(&reader, event, "protocol"),
		[SOURCE] = source.s,
		[DESTINATION] = destination.s,
		[INTERFACE] = reader_string(&reader, event, "interface"),
		[LIMIT] = reader_string_or(&reader, event, "limit", ""),
	};
	int result;

	snprintf(verdict, sizeof(verdict), "%s%s", reader_string(&reader, event, "verdict"),
		 observed ? " (observed)" : "");
	result = reader_result(&reader, error, size);
	if (result)
		return result;
	for (size_t i = 0; i + 1 < RENDER_EVENT_COLUMNS; i++)
		if (text_width(cell[i]) > columns->width[i])
			columns->width[i] = text_width(cell[i]);
	print_line(cell, columns, page, observed ? INK_DIM : INK_PLAIN);
	return 0;
}
