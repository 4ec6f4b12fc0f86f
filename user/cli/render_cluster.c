/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "user/base/buffer.h"
#include "user/cli/draft.h"
#include "user/cli/listing.h"
#include "user/cli/render.h"
#include "user/cli/table.h"
#include "user/cli/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Modes that are not "shared", and what they mean: docs/cluster.md */
static enum ink mode_ink(const char *mode)
{
	if (!strcmp(mode, "outage"))
		return INK_RED;
	return strcmp(mode, "shared") ? INK_YELLOW : INK_PLAIN;
}

static const char *mode_meaning(const char *mode)
{
	static const char *const meaning[] = {
		"starting", ": no answer yet, even shares",
		"held",	    ": Redis has lost its memory, shares stay until it knows enough again",
		"outage",   ": Redis does not answer, each limit holds by its on_outage",
	};

	for (size_t i = 0; i < COUNT(meaning); i += 2)
		if (!strcmp(mode, meaning[i]))
			return meaning[i + 1];
	return "";
}

/* "3: edge-1 (this one), edge-2, edge-3"; not all names may be told */
static void print_nodes(const json_t *cluster, const struct page *page, struct reader *reader)
{
	const json_t *nodes = reader_object(reader, cluster, "nodes");
	const json_t *names = reader_array(reader, nodes, "names");
	const char *here = reader_string(reader, nodes, "here");
	uint64_t count = reader_count(reader, nodes, "count");
	size_t told = json_array_size(names);
	_cleanup_buffer_ struct buffer line = {0};

	for (size_t i = 0; i < told; i++) {
		const char *name = json_string_value(json_array_get(names, i));

		buffer_format(&line, "%s%s%s", i ? ", " : ": ", name ? name : "?",
			      name && !strcmp(name, here) ? " (this one)" : "");
	}
	if (told && count > told)
		buffer_format(&line, " and %s more", text_count(count - told).s);
	page_line(page, INK_PLAIN, "nodes          %s%s", text_count(count).s,
		  line.length ? buffer_string(&line) : "");
}

/* Why, and what to do, below each other: a narrow page would cut off what matters more */
static void print_error(const char *error, const struct page *page, enum ink ink)
{
	while (*error) {
		const char *end = strstr(error, "; ");
		int length = end ? (int)(end - error) : (int)strlen(error);

		page_line(page, ink, "               %.*s", length, error);
		error += length + (end ? 2 : 0);
	}
}

static void print_redis(const json_t *cluster, const struct page *page, struct reader *reader)
{
	const json_t *redis = reader_object(reader, cluster, "redis");
	const char *error = reader_string_or(reader, redis, "error", "");
	const char *breaker = reader_string(reader, redis, "breaker");
	bool up = reader_bool(reader, redis, "up");
	uint64_t reconnects = reader_count(reader, redis, "reconnects");
	char connected[64] = "", waits[48] = "";

	if (reconnects)
		snprintf(connected, sizeof(connected), ", connected again %s time%s",
			 text_count(reconnects).s, reconnects == 1 ? "" : "s");
	if (*breaker && strcmp(breaker, "closed"))
		snprintf(waits, sizeof(waits), ", its breaker is %.16s", breaker);
	page_line(page, up ? INK_PLAIN : INK_RED, "redis          %s: %s%s%s",
		  reader_string(reader, redis, "url"),
		  up ? "up" : reader_string(reader, redis, "state"), waits, connected);
	print_error(error, page, up ? INK_YELLOW : INK_RED);
}

static void print_rounds(const json_t *cluster, const struct page *page, struct reader *reader)
{
	const json_t *rounds = reader_object(reader, cluster, "rounds");
	double lag = reader_number_or(reader, rounds, "lag_seconds", -1);

	page_line(
		page, INK_PLAIN,
		"rounds         each %s, %s ok, %s failed, %s repeated, %s reports ahead; work %s",
		text_duration(reader_number(reader, rounds, "interval_seconds")).s,
		text_count(reader_count(reader, rounds, "ok")).s,
		text_count(reader_count(reader, rounds, "failed")).s,
		text_count(reader_count(reader, rounds, "repeated")).s,
		text_count(reader_count(reader, rounds, "ahead")).s,
		text_latency(reader_number(reader, rounds, "work_seconds")).s);
	page_line(page, INK_PLAIN, "last answer    %s%s", lag < 0 ? "never" : text_duration(lag).s,
		  lag < 0 ? "" : " ago");
}

/* What commands were for, how many, and how long they take */
static void print_commands(const json_t *cluster, const struct page *page, struct reader *reader)
{
	const json_t *redis = reader_object(reader, cluster, "redis");
	const json_t *list = reader_array(reader, redis, "commands");
	_cleanup_buffer_ struct buffer line = {0};

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *command = json_array_get(list, i);
		double mean = reader_number_or(reader, command, "mean_seconds", -1);

		buffer_format(&line, "%s%s %s ok, %s failed", i ? "; " : "",
			      reader_string(reader, command, "name"),
			      text_count(reader_count(reader, command, "ok")).s,
			      text_count(reader_count(reader, command, "failed")).s);
		if (mean >= 0)
			buffer_format(&line, ", %s on average", text_latency(mean).s);
	}
	if (line.length)
		page_line(page, INK_PLAIN, "commands       %s", buffer_string(&line));
}

static void print_facts(const json_t *cluster, const struct page *page, struct reader *reader)
{
	const char *mode = reader_string(reader, cluster, "mode");

	page_line(page, mode_ink(mode), "shares         %s%s", mode, mode_meaning(mode));
	print_nodes(cluster, page, reader);
	print_redis(cluster, page, reader);
	print_rounds(cluster, page, reader);
	print_commands(cluster, page, reader);
	page_line(page, INK_PLAIN, "clients        %s reported, of %s watched",
		  text_count(reader_count(reader, cluster, "hot_keys")).s,
		  text_count(reader_count(reader, cluster, "watched")).s);
	page_line(page, INK_PLAIN, "backlog        %s units admitted that Redis does not know of",
		  text_rate(reader_number(reader, cluster, "backlog")).s);
}

/* 0.333: "33.3 %" */
static struct text percent(double ratio)
{
	struct text text;

	snprintf(text.s, sizeof(text.s), "%.1f %%", 100 * ratio);
	return text;
}

/* A level may be a debt: "-1.2k" */
static struct text level_text(double level)
{
	struct text text, amount = text_rate(level < 0 ? -level : level);

	snprintf(text.s, sizeof(text.s), "%s%.30s", level < 0 ? "-" : "", amount.s);
	return text;
}

static void add_limit(struct table *table, const json_t *limit, struct reader *reader)
{
	const char *mode = reader_string(reader, limit, "mode");
	const char *on_outage = reader_string(reader, limit, "on_outage");
	bool group = reader_bool(reader, limit, "group"), outage = !strcmp(mode, "outage");
	char shown[48];

	/* Only then it matters what was configured for it */
	snprintf(shown, sizeof(shown), "%s%s%s", mode, outage ? ": " : "", outage ? on_outage : "");
	table_row(table, mode_ink(mode),
		  (const char *const[]){
			  reader_string(reader, limit, "service"),
			  reader_string(reader, limit, "tier"),
			  reader_string(reader, limit, "limit"),
			  group ? "all together" : "each client",
			  percent(reader_number(reader, limit, "ratio")).s,
			  text_rate(reader_number(reader, limit, "share_rate")).s,
			  text_rate(reader_number(reader, limit, "share_burst")).s,
			  text_rate(reader_number(reader, limit, "demand")).s,
			  group ? level_text(reader_number(reader, limit, "level")).s : "",
			  group ? "" : text_count(reader_count(reader, limit, "hot")).s,
			  shown,
		  });
}

static int print_limits(const json_t *cluster, const struct page *page, struct reader *reader)
{
	static const struct column columns[] = {
		{.title = "SERVICE"},
		{.title = "TIER", .drop = 5},
		{.title = "LIMIT", .drop = 1},
		{.title = "FOR", .drop = 8},
		{.title = "SHARE", .right = true, .drop = 2},
		{.title = "RATE/s", .right = true, .drop = 2},
		{.title = "BURST", .right = true, .drop = 9},
		{.title = "DEMAND/s", .right = true, .drop = 3},
		{.title = "LEVEL", .right = true, .drop = 7},
		{.title = "HOT", .right = true, .drop = 6},
		{.title = "MODE", .drop = 4},
	};
	static const struct listing listing = {
		.columns = columns,
		.count = COUNT(columns),
		.list = "limits",
		.add = add_limit,
		.apart = true,
		.empty = "no limit has `scope: cluster`",
	};

	return print_listing(&listing, cluster, page, 0, reader);
}

static void add_client(struct table *table, const json_t *client, struct reader *reader)
{
	const char *mode = reader_string(reader, client, "mode");

	table_row(table, mode_ink(mode),
		  (const char *const[]){
			  reader_string(reader, client, "client"),
			  reader_string(reader, client, "service"),
			  reader_string(reader, client, "tier"),
			  reader_string(reader, client, "limit"),
			  text_rate(reader_number(reader, client, "demand")).s,
			  text_rate(reader_number(reader, client, "share_rate")).s,
			  percent(reader_number(reader, client, "ratio")).s,
			  level_text(reader_number(reader, client, "level")).s,
			  mode,
		  });
}

static int print_clients(const json_t *cluster, const struct page *page, struct reader *reader)
{
	static const struct column columns[] = {
		{.title = "CLIENT"},
		{.title = "SERVICE", .drop = 3},
		{.title = "TIER", .drop = 5},
		{.title = "LIMIT", .drop = 2},
		{.title = "DEMAND/s", .right = true, .drop = 1},
		{.title = "RATE/s", .right = true, .drop = 1},
		{.title = "SHARE", .right = true, .drop = 6},
		{.title = "LEVEL", .right = true, .drop = 7},
		{.title = "MODE", .drop = 4},
	};
	static const struct listing listing = {
		.columns = columns,
		.count = COUNT(columns),
		.list = "hot",
		.add = add_client,
		.apart = true,
	};

	return print_listing(&listing, cluster, page, 0, reader);
}

static int print_all(const json_t *cluster, const struct page *page, struct reader *reader)
{
	int result;

	if (!reader_bool(reader, cluster, "enabled")) {
		page_line(page, INK_DIM,
			  "no cluster is configured: limits hold on this node alone");
		return 0;
	}
	print_facts(cluster, page, reader);
	result = print_limits(cluster, page, reader);
	return result ? result : print_clients(cluster, page, reader);
}

int render_cluster(const struct answer_view *view, const struct page *page, char *error,
		   size_t size)
{
	struct reader reader = {0};
	struct draft draft;
	int result;

	result = draft_start(&draft, page, error, size);
	if (result)
		return result;
	if (view->notice)
		page_line(&draft.page, INK_RED, "%s", view->notice);
	result = print_all(view->answer, &draft.page, &reader);
	return draft_finish(&draft, result, &reader, error, size);
}
