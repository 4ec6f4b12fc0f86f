/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/unit/config_equal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

static void assert_prefixes_equal(const struct config_prefixes *a, const struct config_prefixes *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		assert_memory_equal(a->at[i].addr, b->at[i].addr, 16);
		assert_int_equal(a->at[i].length, b->at[i].length);
	}
}

static void assert_matches_equal(const struct config_match *a, const struct config_match *b,
				 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(a[i].protocol, b[i].protocol);
		assert_int_equal(a[i].first, b[i].first);
		assert_int_equal(a[i].last, b[i].last);
	}
}

static void assert_limits_equal(const struct config_limit *a, const struct config_limit *b,
				size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(a[i].unit, b[i].unit);
		assert_int_equal(a[i].amount, b[i].amount);
		assert_int_equal(a[i].period_ns, b[i].period_ns);
		assert_int_equal(a[i].burst, b[i].burst);
		assert_int_equal(a[i].cluster, b[i].cluster);
		assert_int_equal(a[i].on_outage, b[i].on_outage);
	}
}

static void assert_services_equal(const struct config_service *a, const struct config_service *b,
				  size_t tiers)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->matches, b->matches);
	assert_matches_equal(a->match, b->match, a->matches);
	assert_prefixes_equal(&a->destinations, &b->destinations);
	assert_int_equal(a->observe, b->observe);
	assert_int_equal(a->reject, b->reject);
	assert_int_equal(a->client_ipv4, b->client_ipv4);
	assert_int_equal(a->client_ipv6, b->client_ipv6);
	assert_int_equal(a->parent_ipv4, b->parent_ipv4);
	assert_int_equal(a->parent_ipv6, b->parent_ipv6);
	assert_int_equal(a->new_clients, b->new_clients);
	assert_int_equal(a->latency, b->latency);
	for (size_t i = 0; i < tiers; i++) {
		assert_int_equal(a->rule[i].limits, b->rule[i].limits);
		assert_int_equal(a->rule[i].groups, b->rule[i].groups);
		assert_limits_equal(a->rule[i].limit, b->rule[i].limit, a->rule[i].limits);
		assert_limits_equal(a->rule[i].group, b->rule[i].group, a->rule[i].groups);
	}
}

static void assert_breakers_equal(const struct config_breaker *a, const struct config_breaker *b)
{
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->consecutive_failures, b->consecutive_failures);
	assert_int_equal(a->failure_ratio, b->failure_ratio);
	assert_int_equal(a->slow_ratio, b->slow_ratio);
	assert_int_equal(a->min_calls, b->min_calls);
	assert_int_equal(a->window_ns, b->window_ns);
	assert_int_equal(a->max_connections, b->max_connections);
	assert_int_equal(a->saturation, b->saturation);
	assert_int_equal(a->waiting_syns, b->waiting_syns);
	assert_int_equal(a->stdev_factor, b->stdev_factor);
	assert_int_equal(a->minimum_endpoints, b->minimum_endpoints);
	assert_int_equal(a->request_volume, b->request_volume);
	assert_int_equal(a->recovery_ns, b->recovery_ns);
	assert_int_equal(a->recovery_max_ns, b->recovery_max_ns);
	assert_int_equal(a->jitter, b->jitter);
	assert_int_equal(a->half_open_permits, b->half_open_permits);
	assert_int_equal(a->half_open_successes, b->half_open_successes);
	assert_int_equal(a->half_open_timeout_ns, b->half_open_timeout_ns);
	assert_int_equal(a->max_ejection_percent, b->max_ejection_percent);
	assert_int_equal(a->eject_last, b->eject_last);
	assert_int_equal(a->reset, b->reset);
}

static void assert_probes_equal(const struct config_probe *a, const struct config_probe *b)
{
	assert_int_equal(a->type, b->type);
	if (a->type == PROBE_OFF)
		return;
	assert_int_equal(a->interval_ns, b->interval_ns);
	assert_int_equal(a->timeout_ns, b->timeout_ns);
	assert_int_equal(a->jitter, b->jitter);
	assert_string_equal(a->path, b->path);
	assert_int_equal(a->expect_first, b->expect_first);
	assert_int_equal(a->expect_last, b->expect_last);
}

static void assert_endpoints_equal(const struct config_endpoint *a, const struct config_endpoint *b,
				   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(a[i].name, b[i].name);
		assert_string_equal(a[i].host, b[i].host);
		assert_int_equal(a[i].port, b[i].port);
		assert_int_equal(a[i].numeric, b[i].numeric);
		assert_memory_equal(a[i].addr, b[i].addr, 16);
	}
}

static void assert_upstreams_equal(const struct config_upstream *a, const struct config_upstream *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->protocol, b->protocol);
	assert_int_equal(a->http, b->http);
	assert_int_equal(a->slow_ns, b->slow_ns);
	assert_int_equal(a->connect_timeout_ns, b->connect_timeout_ns);
	assert_int_equal(a->answer_timeout_ns, b->answer_timeout_ns);
	assert_breakers_equal(&a->breaker, &b->breaker);
	assert_probes_equal(&a->probe, &b->probe);
	assert_int_equal(a->endpoints, b->endpoints);
	assert_endpoints_equal(a->endpoint, b->endpoint, a->endpoints);
}

static void assert_text_equal(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a)
		assert_string_equal(a, b);
}

/* Passwords and secrets are compared by whether they are there: what is printed has asterisks for them. */
static void assert_clusters_equal(const struct config_cluster *a, const struct config_cluster *b)
{
	assert_int_equal(a->enabled, b->enabled);
	assert_int_equal(a->redis.kind, b->redis.kind);
	assert_int_equal(a->redis.addresses, b->redis.addresses);
	assert_endpoints_equal(a->redis.address, b->redis.address, a->redis.addresses);
	assert_text_equal(a->redis.path, b->redis.path);
	assert_text_equal(a->redis.master, b->redis.master);
	assert_int_equal(a->redis.database, b->redis.database);
	assert_int_equal(a->redis.tls, b->redis.tls);
	assert_text_equal(a->redis.user, b->redis.user);
	assert_int_equal(!a->redis.password, !b->redis.password);
	assert_text_equal(a->redis.password_file, b->redis.password_file);
	assert_text_equal(a->redis.tls_ca, b->redis.tls_ca);
	assert_text_equal(a->redis.tls_cert, b->redis.tls_cert);
	assert_text_equal(a->redis.tls_key, b->redis.tls_key);
	assert_text_equal(a->redis.shown, b->redis.shown);
	assert_int_equal(a->interval_ns, b->interval_ns);
	assert_int_equal(a->on_outage, b->on_outage);
	assert_string_equal(a->prefix, b->prefix);
	assert_int_equal(a->hot_clients, b->hot_clients);
	assert_int_equal(!a->secret, !b->secret);
	assert_text_equal(a->secret_file, b->secret_file);
}

void assert_config_equal(const struct config *a, const struct config *b)
{
	assert_int_equal(a->interfaces, b->interfaces);
	for (size_t i = 0; i < a->interfaces; i++) {
		assert_string_equal(a->interface[i].name, b->interface[i].name);
		assert_int_equal(a->interface[i].attach, b->interface[i].attach);
	}
	assert_int_equal(a->tiers, b->tiers);
	for (size_t i = 0; i < a->tiers; i++) {
		assert_string_equal(a->tier[i].name, b->tier[i].name);
		assert_prefixes_equal(&a->tier[i].prefixes, &b->tier[i].prefixes);
		assert_int_equal(a->tier[i].unlimited, b->tier[i].unlimited);
	}
	assert_int_equal(a->services, b->services);
	for (size_t i = 0; i < a->services; i++)
		assert_services_equal(&a->service[i], &b->service[i], a->tiers);
	assert_prefixes_equal(&a->deny, &b->deny);
	assert_prefixes_equal(&a->allow, &b->allow);
	assert_int_equal(a->protecteds, b->protecteds);
	assert_matches_equal(a->protected, b->protected, a->protecteds);
	assert_text_equal(a->http_listen, b->http_listen);
	assert_text_equal(a->admin, b->admin);
	assert_text_equal(a->node, b->node);
	assert_text_equal(a->pins, b->pins);
	assert_int_equal(a->clients, b->clients);
	assert_int_equal(a->flows, b->flows);
	assert_int_equal(a->upstreams, b->upstreams);
	for (size_t i = 0; i < a->upstreams; i++)
		assert_upstreams_equal(&a->upstream[i], &b->upstream[i]);
	assert_clusters_equal(&a->cluster, &b->cluster);
	assert_int_equal(a->latency, b->latency);
	assert_int_equal(a->buckets, b->buckets);
	assert_memory_equal(a->bucket_ns, b->bucket_ns, a->buckets * sizeof(a->bucket_ns[0]));
	assert_int_equal(a->keep_on_exit, b->keep_on_exit);
	assert_int_equal(a->log_format, b->log_format);
	assert_int_equal(a->log_level, b->log_level);
}

char *config_text(const struct config *config)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	assert_non_null(stream);
	assert_int_equal(config_print(config, stream), 0);
	assert_int_equal(fclose(stream), 0);
	return text;
}
