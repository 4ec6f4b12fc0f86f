/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "user/cli/draft.h"
#include "user/cli/endpoints.h"
#include "user/cli/moment.h"
#include "user/cli/listing.h"
#include "user/cli/render.h"
#include "user/cli/services.h"
#include "user/cli/table.h"
#include "user/cli/text.h"

#define STALE_SECONDS 5 /* a new set of figures is due each second */

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static enum ink status_ink(const char *status)
{
	return !strcmp(status, "healthy")    ? INK_GREEN
	       : !strcmp(status, "degraded") ? INK_YELLOW
					     : INK_RED;
}

static void print_title(const json_t *status, const struct page *page, struct reader *reader)
{
	const char *health = reader_string(reader, status, "status");

	page_line(page, status_ink(health), "weir %s (%s) on %s: %s, up %s",
		  reader_string(reader, status, "version"),
		  reader_string(reader, status, "revision"), reader_string(reader, status, "node"),
		  health, text_duration(reader_number(reader, status, "uptime_seconds")).s);
}

static void print_configuration(const json_t *status, const struct page *page,
				struct reader *reader)
{
	const json_t *reload = reader_object(reader, status, "reload");
	double now = moment_of(reader_string(reader, status, "time")) +
		     reader_number(reader, status, "age_seconds");
	double then = moment_of(reader_string_or(reader, reload, "last_success", ""));
	uint64_t failed = reader_count(reader, reload, "failed");
	char failures[64] = "";

	if (failed)
		snprintf(failures, sizeof(failures), ", %s refused since the start",
			 text_count(failed).s);
	if (then >= 0)
		page_line(page, INK_PLAIN, "configuration  generation %s, applied %s ago%s",
			  text_count(reader_count(reader, status, "generation")).s,
			  text_duration(now - then).s, failures);
	else
		page_line(page, INK_PLAIN, "configuration  generation %s%s",
			  text_count(reader_count(reader, status, "generation")).s, failures);
	if (!reader_bool(reader, reload, "ok"))
		page_line(page, INK_RED,
			  "               the last reload was refused: `weir reload` says why");
}

static void print_table_line(const json_t *status, const struct page *page, struct reader *reader)
{
	const json_t *table = reader_object(reader, status, "table");
	uint64_t entries = reader_count(reader, table, "entries");
	uint64_t capacity = reader_count(reader, table, "capacity");
	uint64_t evicted = reader_count(reader, table, "evictions_active");

	page_line(page, INK_PLAIN, "clients        %s of %s, %.1f %% of the table; scan %s",
		  text_count(entries).s, text_count(capacity).s,
		  capacity ? 100.0 * (double)entries / (double)capacity : 0,
		  text_duration(reader_number(reader, table, "scan_seconds")).s);
	if (evicted)
		page_line(
			page, INK_YELLOW,
			"               %s active clients were forgotten for lack of room: raise table.clients",
			text_count(evicted).s);
}

static void print_flows_line(const json_t *status, const struct page *page, struct reader *reader)
{
	const json_t *flows = reader_object(reader, status, "flows");
	uint64_t entries = reader_count(reader, flows, "entries");
	uint64_t capacity = reader_count(reader, flows, "capacity");
	uint64_t evicted = reader_count(reader, flows, "evictions_active");

	if (!reader_bool(reader, flows, "enabled")) {
		page_line(page, INK_DIM, "flows          not followed: latency is not enabled");
		return;
	}
	page_line(page, INK_PLAIN, "flows          %s of %s, %.1f %% of the table",
		  text_count(entries).s, text_count(capacity).s,
		  capacity ? 100.0 * (double)entries / (double)capacity : 0);
	if (evicted)
		page_line(
			page, INK_YELLOW,
			"               %s active flows were forgotten for lack of room: raise table.flows",
			text_count(evicted).s);
}

static void print_cluster_line(const json_t *status, const struct page *page, struct reader *reader)
{
	const json_t *cluster = json_object_get(status, "cluster");
	const char *mode;
	uint64_t nodes;
	bool up;

	if (!cluster || json_is_null(cluster))
		return;
	mode = reader_string(reader, cluster, "mode");
	nodes = reader_count(reader, cluster, "nodes");
	up = reader_bool(reader, cluster, "redis_up");
	page_line(page, up && strcmp(mode, "outage") ? INK_PLAIN : INK_YELLOW,
		  "cluster        %s node%s, shares: %s; Redis %s%s", text_count(nodes).s,
		  nodes == 1 ? "" : "s", mode,
		  up ? "is up" : reader_string(reader, cluster, "redis_state"),
		  up ? "" : ": `weir cluster` says more");
}

static void print_facts(const json_t *status, const struct page *page, struct reader *reader)
{
	const json_t *events = reader_object(reader, status, "events");
	uint64_t lost = reader_count(reader, events, "lost");
	double age = reader_number(reader, status, "age_seconds");

	print_configuration(status, page, reader);
	print_table_line(status, page, reader);
	print_flows_line(status, page, reader);
	print_cluster_line(status, page, reader);
	page_line(page, INK_PLAIN, "bans           %s",
		  text_count(reader_count(reader, status, "bans")).s);
	if (lost)
		page_line(page, INK_PLAIN, "events         %s lost: the daemon did not keep up",
			  text_count(lost).s);
	if (age > STALE_SECONDS)
		page_line(page, INK_RED, "these figures are %s old: the daemon is stuck",
			  text_duration(age).s);
}

static int print_components(const json_t *status, const struct page *page, struct reader *reader)
{
	static const struct column columns[] = {
		{.title = "COMPONENT"},
		{.title = "HEALTH", .drop = 1},
		{.title = "MESSAGE", .cut = true, .drop = 2},
	};
	_cleanup_table_ struct table *table = table_new(columns, COUNT(columns));
	const json_t *list = reader_array(reader, status, "components");

	for (size_t i = 0; table && i < json_array_size(list); i++) {
		const json_t *component = json_array_get(list, i);
		const char *health = reader_string(reader, component, "status");
		bool healthy = !strcmp(health, "healthy");

		table_row(table, healthy ? INK_PLAIN : status_ink(health),
			  (const char *const[]){
				  reader_string(reader, component, "name"),
				  health,
				  reader_string(reader, component, "message"),
			  });
	}
	fputc('\n', page->out);
	return table ? table_print(table, page, 0) : -ENOMEM;
}

static int print_interfaces(const json_t *status, const struct page *page, struct reader *reader)
{
	static const struct column columns[] = {
		{.title = "INTERFACE"},
		{.title = "MODE", .drop = 2},
		{.title = "STATE", .drop = 1},
		{.title = "PROGRAM", .right = true, .drop = 3},
	};
	_cleanup_table_ struct table *table = table_new(columns, COUNT(columns));
	const json_t *list = reader_array(reader, status, "interfaces");

	for (size_t i = 0; table && i < json_array_size(list); i++) {
		const json_t *interface = json_array_get(list, i);
		bool attached = reader_bool(reader, interface, "attached");
		struct text program = {"-"};

		if (attached)
			snprintf(program.s, sizeof(program.s), "%llu",
				 (unsigned long long)reader_count(reader, interface, "program_id"));
		table_row(table, attached ? INK_PLAIN : INK_RED,
			  (const char *const[]){
				  reader_string(reader, interface, "name"),
				  reader_string(reader, interface, "mode"),
				  attached ? "attached" : "not attached",
				  program.s,
			  });
	}
	fputc('\n', page->out);
	return table ? table_print(table, page, 0) : -ENOMEM;
}

static int print_upstreams(const json_t *status, const struct page *page, struct reader *reader)
{
	return endpoints_print(reader_array(reader, status, "upstreams"), page, reader);
}

static int print_services(const json_t *status, const struct page *page, struct reader *reader)
{
	struct services_view view = {.status = status};
	size_t lines;

	fputc('\n', page->out);
	return services_print(&view, page, 0, &lines, reader);
}

static void add_limits(struct table *table, const json_t *service, struct reader *reader)
{
	const json_t *tiers = reader_array(reader, service, "tiers");

	for (size_t i = 0; i < json_array_size(tiers); i++) {
		const json_t *tier = json_array_get(tiers, i);
		const json_t *limits = reader_array(reader, tier, "limits");

		for (size_t j = 0; j < json_array_size(limits); j++) {
			const json_t *limit = json_array_get(limits, j);
			uint64_t refusals = reader_count(reader, limit, "refusals");

			table_row(table, INK_PLAIN,
				  (const char *const[]){
					  reader_string(reader, service, "name"),
					  reader_string(reader, tier, "name"),
					  reader_string(reader, limit, "name"),
					  reader_bool(reader, limit, "group") ? "all together"
									      : "each client",
					  text_count(refusals).s,
				  });
		}
	}
}

static int print_limits(const json_t *status, const struct page *page, struct reader *reader)
{
	static const struct column columns[] = {
		{.title = "SERVICE"},
		{.title = "TIER", .drop = 2},
		{.title = "LIMIT", .drop = 1},
		{.title = "FOR", .drop = 3},
		{.title = "REFUSED BY IT", .right = true, .drop = 1},
	};
	static const struct listing listing = {
		.columns = columns,
		.count = COUNT(columns),
		.list = "services",
		.add = add_limits,
		.apart = true,
	};

	return print_listing(&listing, status, page, 0, reader);
}

int render_status(const json_t *status, const struct page *page, char *error, size_t size)
{
	struct reader reader = {0};
	struct draft draft;
	int result;

	result = draft_start(&draft, page, error, size);
	if (result)
		return result;
	print_title(status, &draft.page, &reader);
	print_facts(status, &draft.page, &reader);
	result = print_components(status, &draft.page, &reader);
	if (!result)
		result = print_interfaces(status, &draft.page, &reader);
	if (!result)
		result = print_services(status, &draft.page, &reader);
	if (!result)
		result = print_limits(status, &draft.page, &reader);
	if (!result)
		result = print_upstreams(status, &draft.page, &reader);
	return draft_finish(&draft, result, &reader, error, size);
}
