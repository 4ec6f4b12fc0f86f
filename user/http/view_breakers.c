/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/breaker_words.h"
#include "user/http/json.h"
#include "user/http/view.h"

static json_t *since(const struct snapshot_breaker *breaker, uint64_t now_ns)
{
	return json_double(now_ns > breaker->since_ns ? (double)(now_ns - breaker->since_ns) / 1e9
						      : 0);
}

/* Seconds until the state ends by itself; null: it does not */
static json_t *left(const struct snapshot_breaker *breaker, uint64_t now_ns)
{
	if (!breaker->until_ns)
		return json_null();
	return json_double(breaker->until_ns > now_ns ? (double)(breaker->until_ns - now_ns) / 1e9
						      : 0);
}

static json_t *reason(enum breaker_reason why)
{
	return why == BREAKER_BY_NONE ? json_null() : json_string(breaker_reason_word(why));
}

static json_t *probes(const struct snapshot_upstream *upstream,
		      const struct snapshot_breaker *breaker)
{
	json_t *object;

	if (!upstream->probed)
		return json_null();
	object = json_object();
	json_set(&object, "ok", json_number(breaker->probes_ok));
	json_set(&object, "failed", json_number(breaker->probes_failed));
	return object;
}

static json_t *view_endpoint(const struct snapshot_upstream *upstream,
			     const struct snapshot_endpoint *endpoint, uint64_t now_ns)
{
	const struct snapshot_breaker *breaker = &endpoint->breaker;
	json_t *object = json_object();

	json_set(&object, "name", json_text(endpoint->name));
	json_set(&object, "state", json_string(breaker_state_word(breaker->state)));
	json_set(&object, "observed", json_boolean(!breaker->enforced));
	json_set(&object, "reason", reason(breaker->reason));
	json_set(&object, "held", reason(breaker->held));
	json_set(&object, "since_seconds", since(breaker, now_ns));
	json_set(&object, "seconds_left", left(breaker, now_ns));
	json_set(&object, "streak", json_number(breaker->streak));
	json_set(&object, "calls", json_number(breaker->calls));
	json_set(&object, "failures", json_number(breaker->failures));
	json_set(&object, "slow", json_number(breaker->slow));
	json_set(&object, "successes", json_number(breaker->successes));
	json_set(&object, "connections", json_number(endpoint->connections));
	json_set(&object, "waiting_syns", json_number(breaker->waiting_syns));
	json_set(&object, "ejections", json_number(breaker->ejections));
	json_set(&object, "rejected", json_number(endpoint->calls.rejected));
	json_set(&object, "probes", probes(upstream, breaker));
	return object;
}

static json_t *view_upstream(const struct snapshot *snapshot, int number, uint64_t now_ns)
{
	const struct snapshot_upstream *upstream = &snapshot->upstream[number];
	json_t *object = json_object(), *list = json_array();

	for (size_t i = 0; i < WEIR_ENDPOINTS; i++)
		if (snapshot->endpoint[i].name[0] && snapshot->endpoint[i].upstream == number)
			json_add(&list, view_endpoint(upstream, &snapshot->endpoint[i], now_ns));
	json_set(&object, "name", json_text(upstream->name));
	json_set(&object, "mode", json_string(upstream->breaker_mode));
	json_set(&object, "out", json_number(upstream->out));
	json_set(&object, "held", json_number(upstream->held));
	json_set(&object, "endpoints", list);
	return object;
}

json_t *view_breakers(const struct snapshot *snapshot, uint64_t now_ns)
{
	json_t *object = json_object(), *list = json_array();

	for (int i = 0; i < WEIR_UPSTREAMS; i++)
		if (snapshot->upstream[i].name[0])
			json_add(&list, view_upstream(snapshot, i, now_ns));
	json_set(&object, "time", json_time(snapshot->unix_time));
	json_set(&object, "age_seconds", json_age(snapshot, now_ns));
	json_set(&object, "enabled", json_boolean(snapshot->following));
	json_set(&object, "problem", view_telemetry_problem(snapshot));
	json_set(&object, "upstreams", list);
	return object;
}
