/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/http/view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bpf/abi/client.h"
#include "user/base/prefix.h"
#include "user/base/utf8.h"
#include "user/base/version.h"
#include "user/metrics/health.h"

static const char *const verdict_name[] = {
#define X(name, action, label, help) [WEIR_##name] = label,
	WEIR_VERDICTS(X)
#undef X
};

/* json_string() refuses what is no UTF-8, and a whole object would be lost to one odd name. */
static json_t *text(const char *value)
{
	char clean[512];
	size_t at = 0;

	if (utf8_valid(value))
		return json_string(value);
	while (*value && at + 4 < sizeof(clean)) {
		size_t length = utf8_character(value);

		if (length)
			memcpy(clean + at, value, length);
		else
			clean[at] = '?';
		at += length ? length : 1;
		value += length ? length : 1;
	}
	clean[at] = '\0';
	return json_string(clean);
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* JSON has no NaN and no infinity. */
static json_t *real(double value)
{
	return json_real(isfinite(value) ? value : 0);
}

/* RFC 3339, UTC, milliseconds; null for a time that never was */
static json_t *timestamp(double unix_seconds)
{
	char date[32], whole[48];
	struct tm parts;
	time_t seconds;
	int64_t ms;

	if (!isfinite(unix_seconds) || unix_seconds <= 0 || unix_seconds > 253402300799.0)
		return json_null();
	ms = (int64_t)(unix_seconds * 1e3 + 0.5);
	seconds = (time_t)(ms / 1000);
	gmtime_r(&seconds, &parts);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(whole, sizeof(whole), "%s.%03dZ", date, (int)(ms % 1000));
	return json_string(whole);
}

static json_t *age(const struct snapshot *snapshot, uint64_t now_ns)
{
	return real(now_ns > snapshot->time_ns ? (double)(now_ns - snapshot->time_ns) / 1e9 : 0);
}

static double uptime(const struct snapshot *snapshot)
{
	double seconds = snapshot->unix_time - snapshot->start_time;

	return seconds > 0 ? seconds : 0;
}

static json_t *component(const struct snapshot_component *row)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "name", row->name, "status", health_word(row->status),
			 "message", text(row->message), "check_duration_ms", real(row->check_ms));
}

/* The snapshot's components and, when it has something to say, the age of the snapshot itself */
struct components {
	struct snapshot_component at[sizeof(((struct snapshot *)0)->component) /
					     sizeof(struct snapshot_component) + 1];
	size_t count;
};

static void collect(const struct snapshot *snapshot, uint64_t now_ns, struct components *out)
{
	struct snapshot_component control = {0};

	out->count = 0;
	health_control_judge(snapshot, now_ns, &control);
	if (control.status != HEALTH_HEALTHY)
		out->at[out->count++] = control;
	for (size_t i = 0; snapshot && i < snapshot->components; i++)
		out->at[out->count++] = snapshot->component[i];
}

static json_t *component_list(const struct components *components)
{
	json_t *list = json_array();

	for (size_t i = 0; i < components->count; i++)
		json_array_append_new(list, component(&components->at[i]));
	return list;
}

/* What became of packets, summed over whatever series are added */
struct traffic {
	struct weir_count passed, refused, verdict[WEIR_VERDICT_COUNT];
	u64 observed;
};

static void add_count(struct weir_count *sum, const struct weir_count *count)
{
	sum->packets += count->packets;
	sum->bytes += count->bytes;
}

static void add_series(struct traffic *traffic, const struct weir_series *series)
{
	for (u32 v = 0; v < WEIR_VERDICT_COUNT; v++) {
		add_count(&traffic->verdict[v], &series->verdict[v]);
		add_count(weir_is_refusal(v) ? &traffic->refused : &traffic->passed, &series->verdict[v]);
		traffic->observed += series->observed[v];
	}
}

static void sum_traffic(const struct snapshot *snapshot, size_t service, int tier, struct traffic *out)
{
	*out = (struct traffic){0};
	for (size_t i = 0; i < snapshot->series_count; i++)
		if (snapshot->series[i].service == service &&
		    (tier < 0 || snapshot->series[i].tier == tier))
			add_series(out, &snapshot->series[i].sum);
}

static json_t *count(const struct weir_count *value)
{
	return json_pack("{s:o, s:o}", "packets", number(value->packets), "bytes", number(value->bytes));
}

static json_t *verdicts(const struct traffic *traffic)
{
	json_t *object = json_object();

	for (u32 v = 0; v < WEIR_VERDICT_COUNT; v++)
		if (traffic->verdict[v].packets)
			json_object_set_new(object, verdict_name[v], count(&traffic->verdict[v]));
	return object;
}

static json_t *limits(const struct snapshot *snapshot, size_t service, size_t tier)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snapshot->limits; i++) {
		const struct snapshot_limit *limit = &snapshot->limit[i];

		if (limit->service != service || limit->tier != tier)
			continue;
		json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o, s:b, s:o}", "name",
						      text(limit->name), "unit", limit->unit, "rate",
						      real(limit->rate), "burst", real(limit->burst),
						      "group", limit->group, "refusals",
						      number(limit->refusals)));
	}
	return list;
}

static json_t *tiers(const struct snapshot *snapshot, size_t service)
{
	json_t *list = json_array();

	for (size_t tier = 0; tier < WEIR_TIERS; tier++) {
		struct traffic traffic;

		if (!snapshot->tier[tier][0])
			continue;
		sum_traffic(snapshot, service, (int)tier, &traffic);
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name",
						      text(snapshot->tier[tier]), "passed",
						      count(&traffic.passed), "refused",
						      count(&traffic.refused), "observed",
						      number(traffic.observed), "verdicts",
						      verdicts(&traffic), "limits",
						      limits(snapshot, service, tier)));
	}
	return list;
}

static json_t *services(const struct snapshot *snapshot)
{
	json_t *list = json_array();

	for (size_t i = 0; i < WEIR_SERVICES; i++) {
		const struct snapshot_service *service = &snapshot->service[i];
		struct traffic traffic;

		if (!service->name[0])
			continue;
		sum_traffic(snapshot, i, -1, &traffic);
		json_array_append_new(
			list, json_pack("{s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "name",
					text(service->name), "mode",
					service->observe ? "observe" : "enforce", "clients",
					number(service->clients), "clients_limited",
					number(service->clients_limited), "under_pressure",
					service->under_pressure, "passed", count(&traffic.passed),
					"refused", count(&traffic.refused), "observed",
					number(traffic.observed), "tiers", tiers(snapshot, i)));
	}
	return list;
}

static json_t *interfaces(const struct snapshot *snapshot)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snapshot->interfaces; i++) {
		const struct snapshot_interface *row = &snapshot->interface[i];

		json_array_append_new(list, json_pack("{s:o, s:o, s:s, s:b, s:o}", "name", text(row->name),
						      "index", number(row->ifindex), "mode", row->mode,
						      "attached", row->attached, "program_id",
						      number(row->prog_id)));
	}
	return list;
}

static json_t *programs(const struct snapshot *snapshot)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snapshot->programs; i++) {
		const struct snapshot_program *row = &snapshot->program[i];

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "name", row->name,
					"id", number(row->id), "tag", row->tag, "hook", row->hook, "mode",
					row->mode, "interface", text(row->interface), "verified_insns",
					number(row->verified_insns), "runs",
					row->stats ? number(row->run_count) : json_null(), "run_seconds",
					row->stats ? real((double)row->run_time_ns / 1e9) : json_null()));
	}
	return list;
}

static json_t *table(const struct snapshot *snapshot)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "entries", number(snapshot->table_entries),
			 "capacity", number(snapshot->table_capacity), "scan_seconds",
			 real(snapshot->scan_seconds), "inserts", number(snapshot->totals.inserts),
			 "evictions_idle", number(snapshot->totals.evictions_idle), "evictions_active",
			 number(snapshot->totals.evictions_active), "contention",
			 number(snapshot->totals.contention));
}

static json_t *reload(const struct snapshot *snapshot)
{
	return json_pack("{s:b, s:o, s:o, s:o}", "ok", snapshot->reload_ok, "last_success",
			 timestamp(snapshot->reload_ok_time), "succeeded", number(snapshot->reloads_ok),
			 "failed", number(snapshot->reloads_failed));
}

static json_t *events(const struct snapshot *snapshot)
{
	return json_pack("{s:o, s:o}", "lost", number(snapshot->totals.events_lost), "muted",
			 number(snapshot->totals.events_muted));
}

json_t *view_status(const struct snapshot *snapshot, uint64_t now_ns)
{
	struct components components;

	collect(snapshot, now_ns, &components);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "status", health_word(health_overall(components.at, components.count)),
			 "version", weir_version(), "revision", weir_revision(), "node", text(snapshot->node),
			 "time", timestamp(snapshot->unix_time), "started",
			 timestamp(snapshot->start_time), "uptime_seconds", real(uptime(snapshot)),
			 "age_seconds", age(snapshot, now_ns), "generation", number(snapshot->generation),
			 "epoch", number(snapshot->epoch), "reload", reload(snapshot), "interfaces",
			 interfaces(snapshot), "services", services(snapshot), "table", table(snapshot),
			 "bans", number(snapshot->bans), "events", events(snapshot), "programs",
			 programs(snapshot), "components", component_list(&components));
}

int view_order_parse(const char *word, enum view_order *out)
{
	static const char *const name[] = {"total", "refused", "passed"};

	for (int i = 0; i < 3; i++) {
		if (!strcmp(word, name[i])) {
			*out = (enum view_order)i;
			return 0;
		}
	}
	return -1;
}

static double rate(const struct snapshot_client *client, enum view_order order)
{
	double passed = order == VIEW_REFUSED ? 0 : client->passed_rate;

	return passed + (order == VIEW_PASSED ? 0 : client->refused_rate);
}

static int by_rate(const void *left, const void *right, void *order)
{
	double a = rate(*(const struct snapshot_client *const *)left, *(enum view_order *)order);
	double b = rate(*(const struct snapshot_client *const *)right, *(enum view_order *)order);

	return (a < b) - (a > b);
}

static json_t *client(const struct snapshot *snapshot, const struct snapshot_client *row)
{
	const char *state = row->flags & WEIR_CLIENT_BANNED    ? "banned" :
			    row->flags & WEIR_CLIENT_DENIED    ? "denied" :
			    row->flags & WEIR_CLIENT_UNLIMITED ? "unlimited" :
								 "ok";
	char prefix[PREFIX_TEXT];

	return json_pack("{s:s, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:o}", "client",
			 prefix_text(row->addr, row->length, prefix, sizeof(prefix)), "service",
			 text(snapshot->service[row->service].name), "tier",
			 text(snapshot->tier[row->tier]), "state", state, "parent",
			 (row->flags & WEIR_CLIENT_PARENT) != 0, "passed", number(row->passed), "refused",
			 number(row->refused), "passed_per_second", real(row->passed_rate),
			 "refused_per_second", real(row->refused_rate));
}

json_t *view_top(const struct snapshot *snapshot, uint64_t now_ns, size_t limit, int service,
		 enum view_order order)
{
	static const char *const name[] = {"total", "refused", "passed"};
	const struct snapshot_client *chosen[SNAPSHOT_TOP];
	json_t *list = json_array();
	size_t found = 0;

	for (size_t i = 0; i < snapshot->tops; i++)
		if (service < 0 || snapshot->top[i].service == service)
			chosen[found++] = &snapshot->top[i];
	qsort_r(chosen, found, sizeof(chosen[0]), by_rate, &order);
	for (size_t i = 0; i < found && i < limit; i++)
		json_array_append_new(list, client(snapshot, chosen[i]));
	return json_pack("{s:o, s:o, s:s, s:o}", "time", timestamp(snapshot->unix_time), "age_seconds",
			 age(snapshot, now_ns), "by", name[order], "clients", list);
}

json_t *view_detailed(const struct snapshot *snapshot, uint64_t now_ns, int *health)
{
	struct components components;

	collect(snapshot, now_ns, &components);
	*health = health_overall(components.at, components.count);
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "status", health_word(*health), "version",
			 weir_version(), "uptime_seconds", real(snapshot ? uptime(snapshot) : 0), "node",
			 text(snapshot ? snapshot->node : ""), "components",
			 component_list(&components));
}

json_t *view_ready(const struct snapshot *snapshot, uint64_t now_ns, int *health)
{
	struct components components;
	json_t *reasons = json_array();

	collect(snapshot, now_ns, &components);
	*health = health_overall(components.at, components.count);
	/* The worst first: /healthz prints only one. */
	for (int status = HEALTH_UNHEALTHY; status > HEALTH_HEALTHY; status--) {
		for (size_t i = 0; i < components.count; i++) {
			const struct snapshot_component *row = &components.at[i];
			char reason[sizeof(row->name) + sizeof(row->message) + 2];

			if (row->status != status)
				continue;
			snprintf(reason, sizeof(reason), "%s: %s", row->name, row->message);
			json_array_append_new(reasons, text(reason));
		}
	}
	return json_pack("{s:s, s:o}", "status", *health == HEALTH_UNHEALTHY ? "not_ready" : "ready",
			 "reasons", reasons);
}

json_t *view_error(const char *word, const char *message)
{
	return json_pack("{s:s, s:o}", "error", word, "message", text(message));
}
