// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/daemon/gather.h"

#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/base/number.h"
#include "user/base/words.h"
#include "user/cluster/redis_worker.h"
#include "user/config/limit.h"
#include "user/daemon/breakers.h"
#include "user/daemon/cluster.h"
#include "user/daemon/gather_latency.h"
#include "user/metrics/health.h"

#define MARK_NS (60 * NS_PER_SEC)

/* --------------------------------------------------------------------------------- names, links */

static void add_names(const struct gather *gather, struct snapshot *out)
{
	const struct weir_state *names = datapath_names(gather->datapath);
	const struct config *config = gather->config;

	for (size_t s = 0; s < config->services; s++)
		for (uint32_t n = 0; n < WEIR_SERVICES; n++)
			if (!strcmp(names->service[n], config->service[s].name)) {
				memcpy(out->service[n].name, names->service[n], WEIR_NAME);
				out->service[n].observe = config->service[s].observe;
			}
	for (size_t t = 0; t < config->tiers; t++)
		for (uint32_t n = 0; n < WEIR_TIERS; n++)
			if (!strcmp(names->tier[n], config->tier[t].name))
				memcpy(out->tier[n], names->tier[n], WEIR_NAME);
}

/* An interface keeps its kernel number as index, so that counter series name it. */
static void add_links(const struct gather *gather, struct snapshot *out)
{
	struct datapath_link links[WEIR_INTERFACES];
	size_t count = datapath_links(gather->datapath, links);

	for (size_t i = 0; i < count; i++) {
		struct snapshot_interface *to = &out->interface[i];

		memcpy(to->name, links[i].interface, sizeof(to->name));
		memcpy(to->mode, links[i].mode, sizeof(to->mode));
		to->ifindex = links[i].ifindex;
		to->prog_id = links[i].prog_id;
		to->attached = links[i].attached;
	}
	out->interfaces = count;
}

/* The position in out->interface of the interface the kernel knows as `number`; count: none */
static size_t interface_index(const struct weir_state *names, const struct snapshot *out,
			      uint32_t number)
{
	for (size_t i = 0; i < out->interfaces; i++)
		if (!strncmp(out->interface[i].name, names->interface[number], IFNAMSIZ))
			return i;
	return out->interfaces;
}

/* ------------------------------------------------------------------------------------- counters */

static void add_series(const struct gather *gather, struct snapshot *out)
{
	const struct weir_state *names = datapath_names(gather->datapath);

	out->series = calloc(WEIR_SERIES, sizeof(*out->series));
	for (uint32_t i = 1; out->series && i < WEIR_SERIES; i++) {
		const struct weir_series_id *id = &names->series[i];
		struct snapshot_series *to = &out->series[out->series_count];
		size_t interface;

		if (!id->used)
			continue;
		interface = interface_index(names, out, id->interface);
		if (interface == out->interfaces || datapath_series(gather->datapath, i, &to->sum))
			continue;
		to->interface = (uint16_t)interface;
		to->service = id->service;
		to->tier = id->tier;
		out->series_count++;
	}
}

static void add_limit(struct snapshot *out, uint32_t service, uint32_t tier, size_t index,
		      bool group, const struct config_limit *limit)
{
	struct snapshot_limit *to = &out->limit[out->limits++];
	char text[WEIR_LIMIT_TEXT];

	to->service = (uint16_t)service;
	to->tier = (uint16_t)tier;
	to->group = group;
	snprintf(to->name, sizeof(to->name), "%s", limit_format(limit, text, sizeof(text)));
	snprintf(to->unit, sizeof(to->unit), "%s", unit_word(limit->unit));
	to->rate = (double)limit->amount * 1e9 / (double)limit->period_ns;
	to->burst = (double)limit->burst;
	for (size_t i = 0; i < out->series_count; i++)
		if (out->series[i].service == service && out->series[i].tier == tier)
			to->refusals += out->series[i].sum.limit[index + (group ? WEIR_LIMITS : 0)];
}

static uint32_t number_of(const char *names, size_t width, size_t count, const char *name)
{
	for (size_t n = 0; n < count; n++)
		if (!strncmp(names + n * width, name, width))
			return (uint32_t)n;
	return 0;
}

static void add_limits(const struct gather *gather, struct snapshot *out)
{
	const struct weir_state *names = datapath_names(gather->datapath);
	const struct config *config = gather->config;

	out->limit = calloc(WEIR_SERVICES * WEIR_TIERS * WEIR_LIMITS * 2, sizeof(*out->limit));
	for (size_t s = 0; out->limit && s < config->services; s++)
		for (size_t t = 0; t < config->tiers; t++) {
			const struct config_rule *rule = &config->service[s].rule[t];
			uint32_t service = number_of(names->service[0], WEIR_NAME, WEIR_SERVICES,
						     config->service[s].name);
			uint32_t tier = number_of(names->tier[0], WEIR_NAME, WEIR_TIERS,
						  config->tier[t].name);

			for (size_t i = 0; i < rule->limits; i++)
				add_limit(out, service, tier, i, false, &rule->limit[i]);
			for (size_t i = 0; i < rule->groups; i++)
				add_limit(out, service, tier, i, true, &rule->group[i]);
		}
}

/* A service is under pressure when unknown clients were judged by the guard since the last snapshot. */
static void add_pressure(struct gather *gather, const struct snapshot *previous,
			 struct snapshot *out)
{
	uint64_t now[WEIR_SERVICES] = {};

	for (size_t i = 0; i < out->series_count; i++) {
		const struct weir_series *sum = &out->series[i].sum;

		now[out->series[i].service] += sum->verdict[WEIR_NEW_CLIENT].packets +
					       sum->verdict[WEIR_PARENT_LIMITED].packets +
					       sum->observed[WEIR_NEW_CLIENT] +
					       sum->observed[WEIR_PARENT_LIMITED];
		for (int v = WEIR_BAD_ETHERNET; v < WEIR_VERDICT_COUNT; v++) {
			int layer = v <= WEIR_BAD_VLAN_DEPTH ? 0 : v == WEIR_BAD_TRANSPORT ? 2 : 1;

			out->parse_errors[layer] += sum->verdict[v].packets + sum->observed[v];
		}
	}
	if (previous) {
		for (int s = 0; s < WEIR_SERVICES; s++)
			out->service[s].under_pressure = previous->service[s].under_pressure;
		return;
	}
	for (int s = 0; s < WEIR_SERVICES; s++)
		out->service[s].under_pressure = now[s] > gather->pressure[s];
	memcpy(gather->pressure, now, sizeof(now));
}

/* --------------------------------------------------------------------------- programs, maps, health */

static void add_program(const struct gather *gather, const struct datapath_link *link, int which,
			const char *hook, const char *mode, struct snapshot *out)
{
	struct snapshot_program *to = &out->program[out->programs];
	struct datapath_program program;

	if (datapath_program(gather->datapath, which, &program))
		return;
	snprintf(to->name, sizeof(to->name), "%s", program.name);
	snprintf(to->hook, sizeof(to->hook), "%s", hook);
	snprintf(to->mode, sizeof(to->mode), "%s", mode);
	memcpy(to->interface, link->interface, sizeof(to->interface));
	memcpy(to->tag, program.tag, sizeof(program.tag));
	to->id = program.id;
	to->run_count = program.run_count;
	to->run_time_ns = program.run_time_ns;
	to->stats = program.run_count;
	to->verified_insns = program.verified_insns;
	out->programs++;
}

static void add_programs(const struct gather *gather, struct snapshot *out)
{
	struct datapath_link links[WEIR_INTERFACES];
	size_t count = datapath_links(gather->datapath, links);

	for (size_t i = 0; i < count; i++) {
		const struct datapath_link *link = &links[i];

		if (link->attached)
			add_program(gather, link, strcmp(link->hook, "xdp") ? 1 : 0, link->hook,
				    link->mode, out);
		if (link->followed) {
			add_program(gather, link, 2, "tc_ingress", link->flow_mode[0], out);
			add_program(gather, link, 3, "tc_egress", link->flow_mode[1], out);
		}
	}
}

static void add_maps(const struct gather *gather, struct snapshot *out)
{
	struct datapath_map maps[24];
	size_t count = datapath_maps(gather->datapath, maps, 24);

	for (size_t i = 0; i < count; i++) {
		struct snapshot_map *to = &out->map[out->maps++];
		bool clients = !strcmp(maps[i].name, "weir_clients");
		bool flows = !strcmp(maps[i].name, "weir_flows");

		memcpy(to->name, maps[i].name, sizeof(to->name));
		to->capacity = maps[i].capacity * (clients || flows ? WEIR_WAYS : 1);
		to->entries = clients ? out->table_entries : flows ? out->flows : UINT64_MAX;
		to->memory_bytes = maps[i].memory_bytes;
	}
}

/* Telemetry that is not there is no reason to take the host out of service: degraded at worst. */
static void add_telemetry_health(const struct gather *gather, struct snapshot *out)
{
	struct datapath_link links[WEIR_INTERFACES];
	struct snapshot_component *component = health_add(out, "telemetry");
	size_t count = datapath_links(gather->datapath, links);

	if (!gather->config->latency) {
		health_fill(component, "telemetry", HEALTH_HEALTHY, "not enabled");
		return;
	}
	health_fill(component, "telemetry", HEALTH_HEALTHY, "flows are followed on %zu interface%s",
		    count, count == 1 ? "" : "s");
	for (size_t i = 0; i < count; i++)
		if (!links[i].followed)
			health_fill(component, "telemetry", HEALTH_DEGRADED,
				    "%s: flows are not followed%s%s", links[i].interface,
				    links[i].flow_error[0] ? ": " : "", links[i].flow_error);
}

/* That an upstream is out is no fault of this host's: it is told, and healthy all the same. */
static void add_breakers_health(struct snapshot *out)
{
	unsigned int in[BREAKER_STATE_COUNT] = {}, all = 0;

	for (int i = 0; i < WEIR_ENDPOINTS; i++) {
		if (!out->endpoint[i].name[0])
			continue;
		in[out->endpoint[i].breaker.state]++;
		all++;
	}
	if (all)
		health_fill(health_add(out, "breakers"), "breakers", HEALTH_HEALTHY,
			    "of %u endpoint%s %u open, %u half-open, %u forced open, %u forced "
			    "closed, %u disabled",
			    all, all == 1 ? "" : "s", in[BREAKER_OPEN], in[BREAKER_HALF_OPEN],
			    in[BREAKER_FORCED_OPEN], in[BREAKER_FORCED_CLOSED],
			    in[BREAKER_DISABLED]);
	else
		health_fill(health_add(out, "breakers"), "breakers", HEALTH_HEALTHY,
			    "no upstreams");
}

static void add_redis_health(struct snapshot *out)
{
	if (out->cluster.enabled)
		health_redis_judge(&out->cluster, health_add(out, "redis"));
}

/* What came since a minute ago, or two. Totals are those of the pins, and so older than this daemon. */
static void add_table_health(struct gather *gather, struct snapshot *out)
{
	struct health_table table = {.entries = out->table_entries,
				     .capacity = out->table_capacity};

	if (!gather->mark[1].time_ns || out->time_ns - gather->mark[1].time_ns >= MARK_NS) {
		gather->mark[0] = gather->mark[1];
		gather->mark[1].time_ns = out->time_ns;
		gather->mark[1].totals = out->totals;
		if (!gather->mark[0].time_ns)
			gather->mark[0] = gather->mark[1];
	}
	table.inserts = out->totals.inserts - gather->mark[0].totals.inserts;
	table.evictions_active =
		out->totals.evictions_active - gather->mark[0].totals.evictions_active;
	health_table_judge(&table, health_add(out, "maps"));
}

static void add_datapath_health(const struct gather *gather, struct snapshot *out)
{
	struct snapshot_component *component = health_add(out, "datapath");
	size_t absent = 0;
	const char *which = "";

	for (size_t i = 0; i < out->interfaces; i++)
		if (!out->interface[i].attached) {
			absent++;
			which = out->interface[i].name;
		}
	if (absent)
		health_fill(component, "datapath", HEALTH_UNHEALTHY, "%s is not attached%s", which,
			    absent > 1 ? ", and others" : "");
	else if (!datapath_is_pinned(gather->datapath))
		health_fill(component, "datapath", HEALTH_DEGRADED,
			    "the pins in %s are gone: limits end with this daemon; mount the bpffs "
			    "if it is not, then restart",
			    gather->config->pins);
	else
		health_fill(component, "datapath", HEALTH_HEALTHY, "attached to %zu interface%s",
			    out->interfaces, out->interfaces == 1 ? "" : "s");
}

static void add_health(struct gather *gather, struct snapshot *out)
{
	add_datapath_health(gather, out);
	add_telemetry_health(gather, out);
	add_breakers_health(out);
	add_redis_health(out);
	add_table_health(gather, out);
	health_fill(health_add(out, "configuration"), "configuration",
		    gather->reload_ok ? HEALTH_HEALTHY : HEALTH_DEGRADED, "%s",
		    !gather->reload_ok	   ? gather->reload_error
		    : gather->config->path ? "as in the file"
					   : "without a file: observing, nothing is refused");
	health_disk("/var", health_add(out, "disk"));
	health_memory(health_add(out, "memory"));
}

static void add_daemon(const struct gather *gather, struct snapshot *out)
{
	out->unix_time = clock_unix_seconds();
	out->start_time = gather->start_time;
	out->generation = datapath_generation(gather->datapath);
	out->epoch = datapath_epoch(gather->datapath);
	out->reloads_ok = gather->reloads_ok;
	out->reloads_failed = gather->reloads_failed;
	out->reload_ok = gather->reload_ok;
	out->reload_ok_time = gather->reload_ok_time;
	snprintf(out->node, sizeof(out->node), "%s", gather->config->node);
	/* "v1.1" -> "1.1" */
	snprintf(out->libbpf, sizeof(out->libbpf), "%s", datapath_libbpf_version() + 1);
	snprintf(out->hiredis, sizeof(out->hiredis), "%s", redis_library_version());
	for (int level = 0; level < 8; level++)
		out->log_messages[level] = log_count(level);
}

/* Clients and their rates: counted anew, or as they were. */
static void add_clients(struct gather *gather, const struct snapshot *previous,
			struct snapshot *out)
{
	struct datapath_table table = datapath_table(gather->datapath);
	const struct scan_input input = {table.set, table.sets, datapath_side(gather->datapath),
					 out->time_ns, gather->pause};
	uint64_t begin = clock_monotonic_ns();

	out->table_capacity = (uint64_t)table.sets * WEIR_WAYS;
	if (!previous) {
		scan_run(gather->scan, &input, out);
		out->scan_seconds = clock_seconds_since(begin);
		histogram_observe(&gather->scan_duration, out->scan_seconds);
	} else {
		for (int s = 0; s < WEIR_SERVICES; s++) {
			out->service[s].clients = previous->service[s].clients;
			out->service[s].clients_limited = previous->service[s].clients_limited;
		}
		memcpy(out->top, previous->top, sizeof(out->top));
		out->tops = previous->tops;
		out->table_entries = previous->table_entries;
		out->scan_seconds = previous->scan_seconds;
	}
	out->scan_duration = gather->scan_duration;
}

struct snapshot *gather_snapshot(struct gather *gather, const struct snapshot *previous)
{
	struct snapshot *out = snapshot_new();
	const struct datapath_ban *bans;

	if (!out)
		return NULL;
	out->time_ns = clock_monotonic_ns();
	add_daemon(gather, out);
	add_names(gather, out);
	add_links(gather, out);
	add_series(gather, out);
	add_limits(gather, out);
	cluster_show(gather->cluster, out);
	add_pressure(gather, previous, out);
	datapath_totals(gather->datapath, &out->totals);
	for (size_t i = 0; i < out->series_count; i++)
		out->totals.contention += out->series[i].sum.verdict[WEIR_CONTENTION].packets;

	add_clients(gather, previous, out);
	gather_latency(gather, previous, out);
	breakers_show(gather->breakers, out);
	out->bans = datapath_bans(gather->datapath, &bans);
	for (unsigned int i = 0; i < WEIR_BAN_ORIGINS; i++)
		out->bans_total[i] = datapath_bans_total(gather->datapath, (enum weir_ban_origin)i);
	add_programs(gather, out);
	add_maps(gather, out);
	add_health(gather, out);
	return out;
}
