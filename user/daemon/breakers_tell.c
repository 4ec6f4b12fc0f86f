/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A change of state, for the log, for `weir events` and for the figures: after it is enforced, for writing takes longer. */
#include <stdio.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/base/number.h"
#include "user/daemon/breakers_internal.h"

void breakers_note(void *context, const struct breaker_change *change)
{
	struct breakers_upstream *upstream = context;
	struct breakers *breakers = upstream->all;
	struct breakers_endpoint *endpoint = &upstream->endpoint[change->endpoint];

	endpoint->reason = change->reason;
	endpoint->since_ns = change->now_ns;
	endpoint->probes_in_a_row = 0;
	breakers->changed = true;
	upstream->transitions[change->to][change->reason]++;
	if (breakers->newses < sizeof(breakers->news) / sizeof(breakers->news[0]))
		breakers->news[breakers->newses++] = (struct breakers_news){upstream, *change};
}

/* The figures that made the difference. */
static void describe(const struct breakers_upstream *upstream, const struct breaker_change *change,
		     char *out, size_t size)
{
	const struct breaker_figures *figures = &change->figures;
	const struct config_breaker *config = &upstream->config->breaker;
	unsigned long long calls = figures->calls;

	switch (change->reason) {
	case BREAKER_BY_CONSECUTIVE:
		snprintf(out, size, "%u failures in a row", figures->streak);
		break;
	case BREAKER_BY_FAILURE_RATIO:
	case BREAKER_BY_SUCCESS_RATE:
		snprintf(out, size, "%llu of %llu calls failed in %.0f s",
			 (unsigned long long)figures->failures, calls,
			 (double)config->window_ns / 1e9);
		break;
	case BREAKER_BY_SLOW_RATIO:
		snprintf(out, size, "%llu of %llu calls were slow in %.0f s",
			 (unsigned long long)figures->slow, calls, (double)config->window_ns / 1e9);
		break;
	case BREAKER_BY_CONNECTIONS:
		snprintf(out, size, "%u of %u connections are open", figures->connections,
			 config->max_connections);
		break;
	case BREAKER_BY_WAITING_SYNS:
		snprintf(out, size, "%u SYNs wait for an answer", figures->waiting_syns);
		break;
	case BREAKER_BY_PROBES_PASSED:
		snprintf(out, size, "%u calls succeeded", config->half_open_successes);
		break;
	default:
		out[0] = '\0';
	}
}

/* When the state ends by itself; 0: it does not */
static uint64_t end_ns(const struct breaker_change *change)
{
	return change->to == BREAKER_OPEN ? change->figures.retry_ns : change->figures.until_ns;
}

static void log_change(const struct breakers_upstream *upstream,
		       const struct breaker_change *change, const char *figures, const char *until)
{
	bool bad = change->to == BREAKER_OPEN && change->reason != BREAKER_BY_RESTORED;
	double seconds = ((double)end_ns(change) - (double)change->now_ns) / 1e9;
	char end[96] = "";

	if (until[0])
		snprintf(end, sizeof(end), "; for %.1f s, until %s", seconds, until);
	log_write(bad ? LOG_WARNING : LOG_INFO, "breakers",
		  "%s %s: %s -> %s%s: %s%s%s%s; ejections %u%s", upstream->name,
		  upstream->endpoint[change->endpoint].name, breaker_state_word(change->from),
		  breaker_state_word(change->to), change->enforced ? "" : " (only observed)",
		  breaker_reason_word(change->reason), figures[0] ? " (" : "", figures,
		  figures[0] ? ")" : "", change->figures.ejections, end);
}

static void feed_change(const struct breakers *breakers, const struct breakers_upstream *upstream,
			const struct breaker_change *change, const char *figures, const char *until)
{
	const struct breaker_figures *at = &change->figures;
	char time[CLOCK_TEXT];
	json_t *json = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s?}",
		"event", "breaker", "time", clock_text(clock_unix_of(change->now_ns), time),
		"upstream", upstream->name, "endpoint", upstream->endpoint[change->endpoint].name,
		"from", breaker_state_word(change->from), "to", breaker_state_word(change->to),
		"reason", breaker_reason_word(change->reason), "observed", !change->enforced,
		"figures", figures, "streak", (json_int_t)at->streak, "calls",
		(json_int_t)at->calls, "failures", (json_int_t)at->failures, "slow",
		(json_int_t)at->slow, "connections", (json_int_t)at->connections, "waiting_syns",
		(json_int_t)at->waiting_syns, "ejections", (json_int_t)at->ejections, "until",
		until[0] ? until : NULL);

	feed_tell(breakers->feed, json);
}

void breakers_tell(struct breakers *breakers)
{
	for (size_t i = 0; i < breakers->newses; i++) {
		const struct breakers_news *news = &breakers->news[i];
		char figures[96], until[CLOCK_TEXT] = "";

		describe(news->upstream, &news->change, figures, sizeof(figures));
		if (end_ns(&news->change))
			clock_text(clock_unix_of(end_ns(&news->change)), until);
		log_change(news->upstream, &news->change, figures, until);
		feed_change(breakers, news->upstream, &news->change, figures, until);
	}
	breakers->newses = 0;
}
