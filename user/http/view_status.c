/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/version.h"
#include "user/base/words.h"
#include "user/http/json.h"
#include "user/http/view.h"
#include "user/metrics/health.h"

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
		const struct weir_count *count = &series->verdict[v];

		add_count(&traffic->verdict[v], count);
		add_count(weir_is_refusal(v) ? &traffic->refused : &traffic->passed, count);
		if (weir_is_refusal(v))
			traffic->observed += series->observed[v];
	}
}

/* tier: number, or -1 for all */
static void sum_traffic(const struct snapshot *snapshot, int service, int tier, struct traffic *out)
{
	*out = (struct traffic){0};
	for (size_t i = 0; i < snapshot->series_count; i++) {
		const struct snapshot_series *series = &snapshot->series[i];

		if (series->service == service && (tier < 0 || series->tier == tier))
			add_series(out, &series->sum);
	}
}

static json_t *count(const struct weir_count *value)
{
	json_t *object = json_object();

	json_set(&object, "packets", json_number(value->packets));
	json_set(&object, "bytes", json_number(value->bytes));
	return object;
}

static void set_traffic(json_t **object, const struct traffic *traffic)
{
	json_set(object, "passed", count(&traffic->passed));
	json_set(object, "refused", count(&traffic->refused));
	json_set(object, "observed", json_number(traffic->observed));
}

static json_t *verdicts(const struct traffic *traffic)
{
	json_t *object = json_object();

	for (u32 v = 0; v < WEIR_VERDICT_COUNT; v++)
		if (traffic->verdict[v].packets)
			json_set(&object, verdict_word(v), count(&traffic->verdict[v]));
	return object;
}

static json_t *limits(const struct snapshot *snapshot, int service, int tier)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snapshot->limits; i++) {
		const struct snapshot_limit *limit = &snapshot->limit[i];
		json_t *object;

		if (limit->service != service || limit->tier != tier)
			continue;
		object = json_object();
		json_set(&object, "name", json_text(limit->name));
		json_set(&object, "unit", json_text(limit->unit));
		json_set(&object, "rate", json_double(limit->rate));
		json_set(&object, "burst", json_double(limit->burst));
		json_set(&object, "group", json_boolean(limit->group));
		json_set(&object, "refusals", json_number(limit->refusals));
		json_add(&list, object);
	}
	return list;
}

static json_t *tiers(const struct snapshot *snapshot, int service)
{
	json_t *list = json_array();

	for (int tier = 0; tier < WEIR_TIERS; tier++) {
		struct traffic traffic;
		json_t *object;

		if (!snapshot->tier[tier][0])
			continue;
		sum_traffic(snapshot, service, tier, &traffic);
		object = json_object();
		json_set(&object, "name", json_text(snapshot->tier[tier]));
		set_traffic(&object, &traffic);
		json_set(&object, "verdicts", verdicts(&traffic));
		json_set(&object, "limits", limits(snapshot, service, tier));
		json_add(&list, object);
	}
	return list;
}

static json_t *services(const struct snapshot *snapshot)
{
	json_t *list = json_array();

	for (int i = 0; i < WEIR_SERVICES; i++) {
		const struct snapshot_service *service = &snapshot->service[i];
		struct traffic traffic;
		json_t *object;

		if (!service->name[0])
			continue;
		sum_traffic(snapshot, i, -1, &traffic);
		object = json_object();
		json_set(&object, "name", json_text(service->name));
		json_set(&object, "mode", json_string(service->observe ? "observe" : "enforce"));
		json_set(&object, "clients", json_number(service->clients));
		json_set(&object, "clients_limited", json_number(service->clients_limited));
		json_set(&object, "under_pressure", json_boolean(service->under_pressure));
		set_traffic(&object, &traffic);
		json_set(&object, "tiers", tiers(snapshot, i));
		json_add(&list, object);
	}
	return list;
}

static json_t *interfaces(const struct snapshot *snapshot)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snapshot->interfaces; i++) {
		const struct snapshot_interface *row = &snapshot->interface[i];
		json_t *object = json_object();

		json_set(&object, "name", json_text(row->name));
		json_set(&object, "index", json_number(row->ifindex));
		json_set(&object, "mode", json_text(row->mode));
		json_set(&object, "attached", json_boolean(row->attached));
		json_set(&object, "program_id", json_number(row->prog_id));
		json_add(&list, object);
	}
	return list;
}

static json_t *programs(const struct snapshot *snapshot)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snapshot->programs; i++) {
		const struct snapshot_program *row = &snapshot->program[i];
		json_t *object = json_object();

		json_set(&object, "name", json_text(row->name));
		json_set(&object, "id", json_number(row->id));
		json_set(&object, "tag", json_text(row->tag));
		json_set(&object, "hook", json_text(row->hook));
		json_set(&object, "mode", json_text(row->mode));
		json_set(&object, "interface", json_text(row->interface));
		json_set(&object, "verified_insns", json_number(row->verified_insns));
		json_set(&object, "runs", row->stats ? json_number(row->run_count) : json_null());
		json_set(&object, "run_seconds",
			 row->stats ? json_double((double)row->run_time_ns / 1e9) : json_null());
		json_add(&list, object);
	}
	return list;
}

static json_t *table(const struct snapshot *snapshot)
{
	const struct weir_totals *totals = &snapshot->totals;
	json_t *object = json_object();

	json_set(&object, "entries", json_number(snapshot->table_entries));
	json_set(&object, "capacity", json_number(snapshot->table_capacity));
	json_set(&object, "scan_seconds", json_double(snapshot->scan_seconds));
	json_set(&object, "inserts", json_number(totals->inserts));
	json_set(&object, "evictions_idle", json_number(totals->evictions_idle));
	json_set(&object, "evictions_active", json_number(totals->evictions_active));
	json_set(&object, "contention", json_number(totals->contention));
	return object;
}

static json_t *upstreams(const struct snapshot *snapshot)
{
	json_t *list = json_array();

	for (int i = 0; i < WEIR_UPSTREAMS; i++) {
		json_t *object;

		if (!snapshot->upstream[i].name[0])
			continue;
		object = json_object();
		json_set(&object, "name", json_text(snapshot->upstream[i].name));
		json_set(&object, "endpoints", view_endpoints(snapshot, i));
		json_add(&list, object);
	}
	return list;
}

static json_t *reload(const struct snapshot *snapshot)
{
	json_t *object = json_object();

	json_set(&object, "ok", json_boolean(snapshot->reload_ok));
	json_set(&object, "last_success", json_time(snapshot->reload_ok_time));
	json_set(&object, "succeeded", json_number(snapshot->reloads_ok));
	json_set(&object, "failed", json_number(snapshot->reloads_failed));
	return object;
}

static json_t *events(const struct snapshot *snapshot)
{
	json_t *object = json_object();

	json_set(&object, "lost", json_number(snapshot->totals.events_lost));
	json_set(&object, "muted", json_number(snapshot->totals.events_muted));
	return object;
}

json_t *view_status(const struct snapshot *snapshot, uint64_t now_ns)
{
	struct view_components components;
	json_t *object = json_object();

	view_components(snapshot, now_ns, &components);
	json_set(&object, "status", json_string(health_word(components.health)));
	json_set(&object, "version", json_string(weir_version()));
	json_set(&object, "revision", json_string(weir_revision()));
	json_set(&object, "node", json_text(snapshot->node));
	json_set(&object, "time", json_time(snapshot->unix_time));
	json_set(&object, "started", json_time(snapshot->start_time));
	json_set(&object, "uptime_seconds", json_double(view_uptime(snapshot)));
	json_set(&object, "age_seconds", json_age(snapshot, now_ns));
	json_set(&object, "generation", json_number(snapshot->generation));
	json_set(&object, "epoch", json_number(snapshot->epoch));
	json_set(&object, "reload", reload(snapshot));
	json_set(&object, "interfaces", interfaces(snapshot));
	json_set(&object, "services", services(snapshot));
	json_set(&object, "table", table(snapshot));
	json_set(&object, "upstreams", upstreams(snapshot));
	json_set(&object, "flows", view_flow_table(snapshot));
	json_set(&object, "cluster", view_cluster_summary(snapshot));
	json_set(&object, "bans", json_number(snapshot->bans));
	json_set(&object, "events", events(snapshot));
	json_set(&object, "programs", programs(snapshot));
	json_set(&object, "components", view_component_list(&components));
	return object;
}
