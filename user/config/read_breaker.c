/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The circuit breakers of an upstream: their values and defaults, and what contradicts itself. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "user/base/number.h"
#include "user/config/reader.h"

/* Once there is a success_rate; Envoy's */
#define STDEV_FACTOR 1900

void config_breaker_default(struct config_breaker *out)
{
	*out = (struct config_breaker){
		.mode = BREAKER_ENFORCE,
		.consecutive_failures = 5,
		.failure_ratio = 5000,
		.min_calls = 20,
		.window_ns = 10 * NS_PER_SEC,
		.saturation = 8500,
		.minimum_endpoints = 5,
		.request_volume = 100,
		.recovery_ns = 30 * NS_PER_SEC,
		.recovery_max_ns = 300 * NS_PER_SEC,
		.jitter = 5000,
		.half_open_permits = 3,
		.half_open_successes = 3,
		.half_open_timeout_ns = 33 * NS_PER_SEC,
		.max_ejection_percent = 50,
	};
}

int read_breaker(struct reader *reader, const struct field *field, const struct node *node,
		 void *into)
{
	struct config_breaker *breaker = into;

	breaker->mode = BREAKER_ENFORCE;
	return read_mapping(reader, field, node, breaker);
}

int read_success_rate(struct reader *reader, const struct field *field, const struct node *node,
		      void *into)
{
	struct config_breaker *breaker = into;

	breaker->stdev_factor = STDEV_FACTOR;
	return read_mapping(reader, field, node, breaker);
}

int read_percent(struct reader *reader, const struct field *field, const struct node *node,
		 void *into)
{
	uint64_t value = 0;
	int r = 0;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	if (field->min > 0 || strcmp(node->text, "off"))
		r = number_parse_percent(node->text, field->min, field->max, &value);
	if (r < 0)
		return schema_fail(reader, node, "%s is %s; expected %s", quote(node->text).text,
				   r == -ERANGE ? "out of range" : "not a percentage",
				   field->expected);
	*(uint32_t *)into = (uint32_t)value;
	return 0;
}

int read_factor(struct reader *reader, const struct field *field, const struct node *node,
		void *into)
{
	uint64_t value;
	int r;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	r = number_parse_decimal(node->text, 1000, field->min, field->max, &value);
	if (r < 0)
		return schema_fail(reader, node, "%s is %s; expected %s", quote(node->text).text,
				   r == -ERANGE ? "out of range" : "not such a number",
				   field->expected);
	*(uint32_t *)into = (uint32_t)value;
	return 0;
}

static int finish_recovery(struct reader *reader, const struct node *node,
			   struct config_breaker *breaker)
{
	char least[DURATION_TEXT];

	if (breaker->recovery_max_ns >= breaker->recovery_ns)
		return 0;
	if (!node_get(node, "recovery_max")) {
		breaker->recovery_max_ns = breaker->recovery_ns;
		return 0;
	}
	return schema_fail(reader, node_get(node, "recovery_max"),
			   "%s is shorter than recovery, which is %s; expected at least that",
			   quote(node_get(node, "recovery_max")->text).text,
			   number_format_duration(breaker->recovery_ns, least, sizeof(least)));
}

static int check_protocol(struct reader *reader, const struct node *node,
			  const struct config_upstream *upstream)
{
	const struct config_breaker *breaker = &upstream->breaker;
	const char *name = breaker->max_connections ? "max_connections" : "waiting_syns";

	if (upstream->protocol == IPPROTO_TCP ||
	    (!breaker->max_connections && !breaker->waiting_syns))
		return 0;
	return schema_fail(reader, node_get(node, name),
			   "is for TCP, and the protocol here is udp, which does not connect; "
			   "expected 0");
}

int finish_breaker(struct reader *reader, const struct node *node, struct config_upstream *upstream)
{
	const struct node *map = node_get(node, "breaker");
	struct config_breaker *breaker = &upstream->breaker;
	int r;

	/* By then the slowest call is a failed one: what has said nothing is not coming back. */
	if (!map || !node_get(map, "half_open_timeout")) {
		breaker->half_open_timeout_ns =
			upstream->answer_timeout_ns +
			(upstream->protocol == IPPROTO_TCP ? upstream->connect_timeout_ns : 0);
		if (breaker->half_open_timeout_ns < BREAKER_TIMEOUT_MIN_NS)
			breaker->half_open_timeout_ns = BREAKER_TIMEOUT_MIN_NS;
	}
	if (!map)
		return 0;
	r = finish_recovery(reader, map, breaker);
	return r < 0 ? r : check_protocol(reader, map, upstream);
}

int check_breakers(struct reader *reader)
{
	const struct config *config = reader->config;
	const struct node *latency = node_get(reader->root, "latency");

	for (size_t i = 0; i < config->upstreams && !config->latency; i++)
		if (config->upstream[i].breaker.mode != BREAKER_OFF)
			return schema_fail(
				reader, node_get(latency, "enabled"),
				"is false, but the breaker of upstream `%s` goes by what is measured; "
				"expected true, or mode: off in that breaker",
				config->upstream[i].name);
	return 0;
}
