// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What limits over several nodes need */
#include <math.h>
#include <string.h>

#include "user/doctor/judge.h"
#include "user/doctor/place.h"

/* A daemon waits a quarter of a round for an answer, within these (user/daemon/cluster_redis.c) */
#define ANSWER_MIN_MS 25.0
#define ANSWER_MAX_MS 100.0
/* Bans end by Redis' clock as a node converts it; events and logs of nodes are compared by people */
#define AHEAD_SECONDS 5.0

static double patience_ms(const struct config *config)
{
	double quarter = (double)config->cluster.interval_ns / 4e6;

	return quarter < ANSWER_MIN_MS	 ? ANSWER_MIN_MS
	       : quarter > ANSWER_MAX_MS ? ANSWER_MAX_MS
					 : quarter;
}

static void judge_answer(const struct facts *facts, struct report_check *out)
{
	const struct facts_redis *redis = &facts->redis;
	double took_ms = (double)redis->round_trip_ns / 1e6;
	double patience = patience_ms(facts->config);

	if (took_ms > patience) {
		report_say(
			out, REPORT_WARN,
			"%s answers in %.1f ms, and a round waits %.0f: shares will not be kept up",
			facts->config->cluster.redis.shown, took_ms, patience);
		report_fix(out,
			   "raise cluster.interval on all nodes, or use a Redis that is nearer");
	} else if (fabs(redis->ahead_seconds) > AHEAD_SECONDS) {
		report_say(out, REPORT_WARN, "its clock and this host's are %.0f s apart",
			   fabs(redis->ahead_seconds));
		report_fix(out, "let both keep time by NTP");
	} else {
		report_say(out, REPORT_OK,
			   "%s answers in %.1f ms, a round waits %.0f; scripts may "
			   "write",
			   facts->config->cluster.redis.shown, took_ms, patience);
	}
}

void judge_redis(const struct facts *facts, struct report_check *out)
{
	const struct facts_redis *redis = &facts->redis;
	enum redis_state state = redis->state ? redis->state : redis->script;

	if (!facts->config->cluster.enabled)
		return;
	if (!state) {
		judge_answer(facts, out);
		return;
	}
	if (state == REDIS_STATE_NEVER) {
		report_say(out, REPORT_SKIP, "it could not be asked: no memory or thread");
		return;
	}
	report_say(out, REPORT_FAIL,
		   "%s; limits with `cluster` go by their on_outage until it works", redis->error);
	report_fix(out, "%s", redis_state_remedy(state));
}

static bool is_elsewhere(const struct config_redis *redis)
{
	for (size_t i = 0; i < redis->addresses; i++)
		if (place_of(redis->address[i].host) != PLACE_HOST)
			return true;
	return false;
}

void judge_redis_access(const struct facts *facts, struct report_check *out)
{
	const struct config_redis *redis = &facts->config->cluster.redis;
	bool password = redis->password || redis->password_file;

	if (!facts->config->cluster.enabled)
		return;
	if (!is_elsewhere(redis)) {
		report_say(out, REPORT_OK, "Redis is on this host");
	} else if (!password) {
		report_say(
			out, REPORT_WARN,
			"Redis is elsewhere and asks for no password: who reaches it can lift or set "
			"limits and bans");
		report_fix(out, "give it a user and a password of its own (docs/redis.md)");
	} else if (!redis->tls) {
		report_say(out, REPORT_WARN,
			   "Redis is elsewhere and the password travels in the clear");
		report_fix(out, "use rediss://, or see that nobody else is on the way");
	} else {
		report_say(out, REPORT_OK, "Redis is elsewhere, by TLS and with a password");
	}
}
