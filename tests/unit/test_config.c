/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/unit/config_equal.h"
#include "tests/unit/config_refusals.h"
#include "user/base/cleanup.h"
#include "user/config/model.h"

static struct config *parse(const char *text)
{
	struct config_error error = {};
	struct config *config = NULL;
	int r = config_parse("f", text, strlen(text), &config, &error);

	if (r < 0)
		fail_msg("refused: %s", error.text);
	return config;
}

static void assert_refused(const char *text, const char *message)
{
	struct config *untouched = (struct config *)&untouched, *config = untouched;
	struct config_error error = {};

	assert_int_equal(config_parse("f", text, strlen(text), &config, &error), -EINVAL);
	assert_string_equal(error.text, message);
	assert_ptr_equal(config, untouched);
}

static void every_refusal_is_one_exact_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct config_error error = {};
		struct config *config = NULL;
		int r = config_parse("f", refusals[i].text, strlen(refusals[i].text), &config,
				     &error);

		if (r != -EINVAL || strcmp(error.text, refusals[i].message))
			fail_msg("%s:\n  %s\n  wanted:\n  %s", refusals[i].name,
				 r ? error.text : "accepted", refusals[i].message);
		assert_null(strchr(error.text, '\n'));
		if (!strstr(error.text, "; expected "))
			fail_msg("%s: does not say what was expected", refusals[i].name);
	}
	print_message("%zu refusals\n", sizeof(refusals) / sizeof(refusals[0]));
}

static const char everything[] =
	"interfaces:\n"
	"  - {name: eth0}\n"
	"  - {name: eth1, attach: native}\n"
	"  - {name: eth2, attach: generic}\n"
	"  - {name: eth3, attach: tc}\n"
	"tiers:\n"
	"  - name: anonymous\n"
	"  - name: partner\n"
	"    prefixes: [203.0.113.0/24, '2001:db8:7::/48', 192.0.2.0/24]\n"
	"  - name: admin\n"
	"    prefixes: [0.0.0.0/0]\n"
	"    unlimited: true\n"
	"  - {name: gold, unlimited: false}\n"
	"services:\n"
	"  - name: web\n"
	"    match: [tcp/80, tcp/8000-8100, udp/443]\n"
	"    destinations: [198.51.100.7, '2001:db8::/32']\n"
	"    mode: enforce\n"
	"    on_limit: reject\n"
	"    client_prefix: {ipv4: 24, ipv6: 56}\n"
	"    parent_prefix: {ipv4: 16, ipv6: 40}\n"
	"    new_clients: 2.5k/s\n"
	"    limits:\n"
	"      anonymous: [100/min connections burst 20, 1000/hour connections,\n"
	"        20MB/s bytes, 1/day packets burst 365]\n"
	"      partner:\n"
	"        - rate: 5000/min\n"
	"          unit: connections\n"
	"          burst: 1k\n"
	"          scope: node\n"
	"        - {rate: 8Mbit/s, unit: bytes, burst: 64KiB}\n"
	"      gold: []\n"
	"    group_limits:\n"
	"      partner: [{rate: 50k/s, unit: packets}]\n"
	"  - name: web-any\n"
	"    match: [tcp/80]\n"
	"  - name: other\n"
	"    mode: observe\n"
	"    on_limit: drop\n"
	"    new_clients: unlimited\n"
	"    limits: {anonymous: [1/s connections]}\n"
	"  - name: rest\n"
	"    match: [icmp, icmpv6, proto/47, sctp, udp, proto/250]\n"
	"    latency: false\n"
	"upstreams:\n"
	"  - name: api\n"
	"    endpoints: [10.1.2.3:8443, '[2001:db8::1]:53', api_1.example.org.:443]\n"
	"    http: true\n"
	"    slow: 2.5ms\n"
	"    connect_timeout: 1.5s\n"
	"    answer_timeout: 4m\n"
	"    breaker: {mode: off, consecutive_failures: 7, failure_ratio: 12.5%, slow_ratio: 80.01%,\n"
	"      min_calls: 10, window: 20s, max_connections: 200, saturation: 90%, waiting_syns: 6,\n"
	"      success_rate: {stdev_factor: 2.125, minimum_endpoints: 3, request_volume: 50},\n"
	"      recovery: 1.5s, recovery_max: 1h, jitter: off, half_open_permits: 2,\n"
	"      half_open_successes: 4, half_open_timeout: 1m, max_ejection_percent: 34,\n"
	"      eject_last: true, on_open: reset}\n"
	"    probe: {interval: 2.5s, timeout: 300ms, jitter: 12.5%, path: \"/it's?a=b#c\", expect: 200..204}\n"
	"  - {name: dns, protocol: udp, answer_timeout: 500ms, endpoints: [10.1.2.3:8443]}\n"
	"latency: {enabled: false, buckets: [1us, 1234567ns, 1.5s, 90s, 1h]}\n"
	"deny: [198.51.100.0/24]\n"
	"allow: ['2001:db8:7::/56']\n"
	"protected_ports: [tcp/22, udp/51820]\n"
	"http: {listen: '[::1]:9000', admin: '/tmp/a b.sock'}\n"
	"table: {clients: 5001, flows: 20k}\n"
	"node: 'it''s \"node\" \\ $${X}'\n"
	"pins: /sys/fs/bpf/other\n"
	"on_exit: keep\n"
	"log: {format: json, level: debug}\n";

static void assert_prefix(const struct config_prefix *prefix, const char *text)
{
	char buffer[PREFIX_TEXT];

	assert_string_equal(config_format_prefix(prefix, buffer, sizeof(buffer)), text);
}

static void assert_match(const struct config_match *match, uint8_t protocol, uint16_t first,
			 uint16_t last)
{
	assert_int_equal(match->protocol, protocol);
	assert_int_equal(match->first, first);
	assert_int_equal(match->last, last);
}

static void assert_limit(const struct config_limit *limit, enum weir_unit unit, uint64_t amount,
			 uint64_t seconds, uint64_t burst)
{
	assert_int_equal(limit->unit, unit);
	assert_int_equal(limit->amount, amount);
	assert_int_equal(limit->period_ns, seconds * 1000000000);
	assert_int_equal(limit->burst, burst);
}

static void interfaces_and_tiers_are_read(void **state)
{
	struct config *config = parse(everything);

	(void)state;
	assert_int_equal(config->interfaces, 4);
	assert_string_equal(config->interface[0].name, "eth0");
	assert_int_equal(config->interface[0].attach, ATTACH_AUTO);
	assert_int_equal(config->interface[1].attach, ATTACH_NATIVE);
	assert_int_equal(config->interface[2].attach, ATTACH_GENERIC);
	assert_int_equal(config->interface[3].attach, ATTACH_TC);
	assert_int_equal(config->tiers, 4);
	assert_string_equal(config->tier[0].name, "anonymous");
	assert_int_equal(config->tier[1].prefixes.count, 3);
	assert_prefix(&config->tier[1].prefixes.at[0], "203.0.113.0/24");
	assert_int_equal(config->tier[1].prefixes.at[0].length, 120);
	assert_prefix(&config->tier[1].prefixes.at[1], "2001:db8:7::/48");
	assert_prefix(&config->tier[1].prefixes.at[2], "192.0.2.0/24");
	assert_prefix(&config->tier[2].prefixes.at[0], "0.0.0.0/0");
	assert_int_equal(config->tier[2].prefixes.at[0].length, 96);
	assert_true(config->tier[2].unlimited);
	assert_false(config->tier[3].unlimited);
	config_unref(config);
}

static void a_service_is_read_with_its_limits(void **state)
{
	struct config *config = parse(everything);
	const struct config_service *web = &config->service[1];

	(void)state;
	assert_int_equal(config->services, 4);
	assert_string_equal(web->name, "web");
	assert_int_equal(web->matches, 3);
	assert_match(&web->match[0], 6, 80, 80);
	assert_match(&web->match[1], 6, 8000, 8100);
	assert_match(&web->match[2], 17, 443, 443);
	assert_int_equal(web->destinations.count, 2);
	assert_prefix(&web->destinations.at[1], "2001:db8::/32");
	assert_false(web->observe);
	assert_true(web->reject);
	assert_int_equal(web->client_ipv4, 24);
	assert_int_equal(web->client_ipv6, 56);
	assert_int_equal(web->parent_ipv4, 16);
	assert_int_equal(web->parent_ipv6, 40);
	assert_int_equal(web->new_clients, 2500);
	assert_int_equal(web->rule[0].limits, 4);
	assert_limit(&web->rule[0].limit[0], WEIR_UNIT_CONNECTIONS, 100, 60, 20);
	assert_limit(&web->rule[0].limit[1], WEIR_UNIT_CONNECTIONS, 1000, 3600, 1000);
	assert_limit(&web->rule[0].limit[2], WEIR_UNIT_BYTES, 20000000, 1, 20000000);
	assert_limit(&web->rule[0].limit[3], WEIR_UNIT_PACKETS, 1, 86400, 365);
	assert_int_equal(web->rule[1].limits, 2);
	assert_limit(&web->rule[1].limit[0], WEIR_UNIT_CONNECTIONS, 5000, 60, 1000);
	assert_limit(&web->rule[1].limit[1], WEIR_UNIT_BYTES, 1000000, 1, 65536);
	assert_int_equal(web->rule[1].groups, 1);
	assert_limit(&web->rule[1].group[0], WEIR_UNIT_PACKETS, 50000, 1, 50000);
	assert_int_equal(web->rule[3].limits, 0);
	config_unref(config);
}

static void other_is_service_0_wherever_it_stands(void **state)
{
	struct config *config = parse(everything);
	const struct config_service *other = &config->service[0], *rest = &config->service[3];

	(void)state;
	assert_string_equal(other->name, "other");
	assert_int_equal(other->matches, 0);
	assert_true(other->observe);
	assert_false(other->reject);
	assert_int_equal(other->new_clients, 0);
	assert_limit(&other->rule[0].limit[0], WEIR_UNIT_CONNECTIONS, 1, 1, 1);
	assert_string_equal(rest->name, "rest");
	assert_int_equal(rest->matches, 6);
	assert_match(&rest->match[0], 1, 0, 0);
	assert_match(&rest->match[1], 58, 0, 0);
	assert_match(&rest->match[2], 47, 0, 0);
	assert_match(&rest->match[3], 132, 0, 0);
	assert_match(&rest->match[4], 17, 0, 65535);
	assert_match(&rest->match[5], 250, 0, 0);
	config_unref(config);
}

static void what_belongs_to_the_host_is_read(void **state)
{
	struct config *config = parse(everything);

	(void)state;
	assert_prefix(&config->deny.at[0], "198.51.100.0/24");
	assert_prefix(&config->allow.at[0], "2001:db8:7::/56");
	assert_int_equal(config->protecteds, 2);
	assert_match(&config->protected[1], 17, 51820, 51820);
	assert_string_equal(config->http_listen, "[::1]:9000");
	assert_string_equal(config->admin, "/tmp/a b.sock");
	assert_int_equal(config->clients, 5008); /* the multiple of 8 above 5001 */
	assert_int_equal(config->flows, 20000);
	assert_string_equal(config->node, "it's \"node\" \\ ${X}");
	assert_string_equal(config->pins, "/sys/fs/bpf/other");
	assert_true(config->keep_on_exit);
	assert_int_equal(config->log_format, LOG_JSON);
	assert_int_equal(config->log_level, LOG_DEBUG);
	config_unref(config);
}

static void assert_endpoint(const struct config_endpoint *endpoint, const char *name,
			    const char *host, uint16_t port, const char *address)
{
	uint8_t addr[16] = {};

	assert_string_equal(endpoint->name, name);
	assert_string_equal(endpoint->host, host);
	assert_int_equal(endpoint->port, port);
	assert_int_equal(endpoint->numeric, address != NULL);
	if (address)
		assert_int_equal(inet_pton(AF_INET6, address, addr), 1);
	assert_memory_equal(endpoint->addr, addr, 16);
}

static void upstreams_are_read_with_their_endpoints(void **state)
{
	struct config *config = parse(everything);
	const struct config_upstream *api = &config->upstream[0], *dns = &config->upstream[1];

	(void)state;
	assert_int_equal(config->upstreams, 2);
	assert_string_equal(api->name, "api");
	assert_int_equal(api->protocol, 6);
	assert_true(api->http);
	assert_int_equal(api->slow_ns, 2500000);
	assert_int_equal(api->connect_timeout_ns, 1500000000);
	assert_int_equal(api->answer_timeout_ns, 240000000000);
	assert_int_equal(api->endpoints, 3);
	assert_endpoint(&api->endpoint[0], "10.1.2.3:8443", "10.1.2.3", 8443, "::ffff:10.1.2.3");
	assert_endpoint(&api->endpoint[1], "[2001:db8::1]:53", "2001:db8::1", 53, "2001:db8::1");
	assert_endpoint(&api->endpoint[2], "api_1.example.org.:443", "api_1.example.org.", 443,
			NULL);
	/* the same address and port, by another protocol */
	assert_string_equal(dns->name, "dns");
	assert_int_equal(dns->protocol, 17);
	assert_false(dns->http);
	assert_endpoint(&dns->endpoint[0], "10.1.2.3:8443", "10.1.2.3", 8443, "::ffff:10.1.2.3");
	config_unref(config);
}

static void breakers_are_read(void **state)
{
	struct config *config = parse(everything);
	const struct config_breaker *breaker = &config->upstream[0].breaker;

	(void)state;
	assert_int_equal(breaker->mode, BREAKER_OFF);
	assert_int_equal(breaker->consecutive_failures, 7);
	assert_int_equal(breaker->failure_ratio, 1250);
	assert_int_equal(breaker->slow_ratio, 8001);
	assert_int_equal(breaker->min_calls, 10);
	assert_int_equal(breaker->window_ns, 20000000000);
	assert_int_equal(breaker->max_connections, 200);
	assert_int_equal(breaker->saturation, 9000);
	assert_int_equal(breaker->waiting_syns, 6);
	assert_int_equal(breaker->stdev_factor, 2125);
	assert_int_equal(breaker->minimum_endpoints, 3);
	assert_int_equal(breaker->request_volume, 50);
	assert_int_equal(breaker->recovery_ns, 1500000000);
	assert_int_equal(breaker->recovery_max_ns, 3600000000000);
	assert_int_equal(breaker->jitter, 0);
	assert_int_equal(breaker->half_open_permits, 2);
	assert_int_equal(breaker->half_open_successes, 4);
	assert_int_equal(breaker->half_open_timeout_ns, 60000000000);
	assert_int_equal(breaker->max_ejection_percent, 34);
	assert_true(breaker->eject_last);
	assert_true(breaker->reset);
	config_unref(config);
}

static void probes_are_read(void **state)
{
	struct config *config = parse(everything);
	const struct config_probe *probe = &config->upstream[0].probe;

	(void)state;
	assert_int_equal(probe->type, PROBE_HTTP);
	assert_int_equal(probe->interval_ns, 2500000000);
	assert_int_equal(probe->timeout_ns, 300000000);
	assert_int_equal(probe->jitter, 1250);
	assert_string_equal(probe->path, "/it's?a=b#c");
	assert_int_equal(probe->expect_first, 200);
	assert_int_equal(probe->expect_last, 204);
	config_unref(config);
}

static void probes_have_defaults(void **state)
{
	struct config *config =
		parse(INTERFACE "upstreams:\n"
				"  - {name: a, endpoints: [h:1]}\n"
				"  - {name: b, endpoints: [h:2], probe: {}}\n"
				"  - {name: c, endpoints: [h:3], probe: {expect: 204}}\n"
				"  - {name: d, endpoints: [h:4], probe: {interval: 200ms}}\n");
	const struct config_probe *none = &config->upstream[0].probe,
				  *plain = &config->upstream[1].probe,
				  *http = &config->upstream[2].probe,
				  *fast = &config->upstream[3].probe;

	(void)state;
	assert_int_equal(none->type, PROBE_OFF);
	assert_int_equal(plain->type, PROBE_TCP);
	assert_int_equal(plain->interval_ns, 5000000000);
	assert_int_equal(plain->timeout_ns, 1000000000);
	assert_int_equal(plain->jitter, 1000);
	assert_int_equal(http->type, PROBE_HTTP);
	assert_string_equal(http->path, "/");
	assert_int_equal(http->expect_first, 204);
	assert_int_equal(http->expect_last, 204);
	assert_int_equal(fast->timeout_ns, 200000000);
	config_unref(config);
}

static void breakers_have_defaults(void **state)
{
	struct config *config = parse(
		INTERFACE
		"upstreams:\n"
		"  - {name: a, endpoints: [h:1]}\n"
		"  - {name: b, endpoints: [h:2], breaker: {}}\n"
		"  - {name: c, endpoints: [h:3], answer_timeout: 5s, connect_timeout: 2s,\n"
		"     breaker: {mode: observe, recovery: 10m, success_rate: {}}}\n"
		"  - {name: d, endpoints: [h:4], protocol: udp, breaker: {slow_ratio: off}}\n");
	const struct config_breaker *none = &config->upstream[0].breaker,
				    *plain = &config->upstream[1].breaker,
				    *some = &config->upstream[2].breaker,
				    *udp = &config->upstream[3].breaker;

	(void)state;
	assert_int_equal(none->mode, BREAKER_OFF);
	assert_int_equal(plain->mode, BREAKER_ENFORCE);
	assert_int_equal(plain->consecutive_failures, 5);
	assert_int_equal(plain->failure_ratio, 5000);
	assert_int_equal(plain->slow_ratio, 0);
	assert_int_equal(plain->min_calls, 20);
	assert_int_equal(plain->window_ns, 10000000000);
	assert_int_equal(plain->max_connections, 0);
	assert_int_equal(plain->saturation, 8500);
	assert_int_equal(plain->waiting_syns, 0);
	assert_int_equal(plain->stdev_factor, 0);
	assert_int_equal(plain->recovery_ns, 30000000000);
	assert_int_equal(plain->recovery_max_ns, 300000000000);
	assert_int_equal(plain->jitter, 5000);
	assert_int_equal(plain->half_open_permits, 3);
	assert_int_equal(plain->half_open_successes, 3);
	assert_int_equal(plain->half_open_timeout_ns, 33000000000);
	assert_int_equal(plain->max_ejection_percent, 50);
	assert_false(plain->eject_last);
	assert_int_equal(some->mode, BREAKER_OBSERVE);
	assert_int_equal(some->recovery_max_ns, 600000000000);
	assert_int_equal(some->stdev_factor, 1900);
	assert_int_equal(some->half_open_timeout_ns, 7000000000);
	assert_int_equal(udp->mode, BREAKER_ENFORCE);
	assert_int_equal(udp->slow_ratio, 0);
	assert_int_equal(udp->half_open_timeout_ns, 30000000000);
	config_unref(config);
}

static void upstreams_have_defaults(void **state)
{
	struct config *config = parse(INTERFACE
				      "upstreams: [{name: a, endpoints: [h:1]},\n"
				      "  {name: b, endpoints: [h:2], answer_timeout: 200ms}]\n");

	(void)state;
	assert_int_equal(config->upstream[0].protocol, 6);
	assert_false(config->upstream[0].http);
	assert_int_equal(config->upstream[0].slow_ns, 1000000000);
	assert_int_equal(config->upstream[0].connect_timeout_ns, 3000000000);
	assert_int_equal(config->upstream[0].answer_timeout_ns, 30000000000);
	/* never longer than answer_timeout */
	assert_int_equal(config->upstream[1].slow_ns, 200000000);
	config_unref(config);
}

static void latency_and_its_buckets_are_read(void **state)
{
	static const uint64_t buckets[] = {1000, 1234567, 1500000000, 90000000000, 3600000000000};
	struct config *config = parse(everything);

	(void)state;
	assert_false(config->latency);
	assert_int_equal(config->buckets, 5);
	assert_memory_equal(config->bucket_ns, buckets, sizeof(buckets));
	config_unref(config);
}

static void services_with_flows_are_followed_unless_told_otherwise(void **state)
{
	struct config *config = parse(INTERFACE
				      "services:\n"
				      "  - {name: web, match: [gre, tcp/80]}\n"
				      "  - {name: dns, match: [udp/53], latency: true}\n"
				      "  - {name: mail, match: [tcp/25], latency: false}\n"
				      "  - {name: ping, match: [icmp]}\n"
				      "  - {name: pong, match: [icmpv6], latency: false}\n");

	(void)state;
	assert_true(config->service[0].latency);
	assert_true(config->service[1].latency);
	assert_true(config->service[2].latency);
	assert_false(config->service[3].latency);
	assert_false(config->service[4].latency);
	assert_false(config->service[5].latency);
	config_unref(config);
	config = parse(INTERFACE "services: [{name: other, latency: false}]\n");
	assert_false(config->service[0].latency);
	config_unref(config);
}

static void defaults_are_as_documented(void **state)
{
	struct config *config = parse(INTERFACE);
	static const double buckets_ms[] = {1,	 2.5, 5,    10,	  25,	50,   100,
					    250, 500, 1000, 2500, 5000, 10000};
	char host[256] = "";

	(void)state;
	gethostname(host, sizeof(host) - 1);
	assert_int_equal(config->tiers, 1);
	assert_string_equal(config->tier[0].name, "default");
	assert_int_equal(config->services, 1);
	assert_string_equal(config->service[0].name, "other");
	assert_int_equal(config->service[0].client_ipv4, 32);
	assert_int_equal(config->service[0].client_ipv6, 64);
	assert_int_equal(config->service[0].parent_ipv4, 24);
	assert_int_equal(config->service[0].parent_ipv6, 48);
	assert_int_equal(config->service[0].new_clients, 104857);
	assert_int_equal(config->service[0].rule[0].limits, 0);
	assert_int_equal(config->protecteds, 1);
	assert_match(&config->protected[0], 6, 22, 22);
	assert_string_equal(config->http_listen, "127.0.0.1:9464");
	assert_string_equal(config->admin, "/run/weir/weir.sock");
	assert_string_equal(config->pins, "/sys/fs/bpf/weir");
	assert_string_equal(config->node, host);
	assert_int_equal(config->clients, 1048576);
	assert_int_equal(config->flows, 131072);
	assert_true(config->service[0].latency);
	assert_int_equal(config->upstreams, 0);
	assert_true(config->latency);
	assert_int_equal(config->buckets, 13);
	for (size_t i = 0; i < 13; i++)
		assert_int_equal(config->bucket_ns[i], buckets_ms[i] * 1000000.0);
	assert_false(config->keep_on_exit);
	assert_int_equal(config->log_format, LOG_AUTO);
	assert_int_equal(config->log_level, LOG_INFO);
	assert_null(config->path);
	config_unref(config);
}

static void parents_default_to_no_more_than_the_client(void **state)
{
	struct config *config =
		parse(INTERFACE SERVICE "    client_prefix: {ipv4: 16, ipv6: 32}\n");

	(void)state;
	assert_int_equal(config->service[1].parent_ipv4, 16);
	assert_int_equal(config->service[1].parent_ipv6, 32);
	config_unref(config);
}

static void empty_lists_and_off_mean_none(void **state)
{
	struct config *config = parse(INTERFACE "deny: []\nservices: []\nprotected_ports: []\n"
						"http: {listen: off}\nlog: {level: error}\n");

	(void)state;
	assert_int_equal(config->deny.count, 0);
	assert_int_equal(config->protecteds, 0);
	assert_null(config->http_listen);
	assert_int_equal(config->log_level, LOG_ERR);
	config_unref(config);
}

static void the_protected_port_can_be_limited_if_asked_for(void **state)
{
	(void)state;
	config_unref(parse(INTERFACE
			   "protected_ports: []\nservices:\n  - {name: ssh, match: [tcp/22]}\n"));
	config_unref(parse(INTERFACE "services:\n  - {name: all, match: [tcp]}\n"));
}

static void a_prefix_may_be_in_a_tier_and_denied_or_allowed(void **state)
{
	(void)state;
	config_unref(parse(TIERS "deny: [192.0.2.0/24]\n"));
	config_unref(parse(TIERS "allow: [192.0.2.0/24, 192.0.2.0/25]\n"));
}

/* The same port at other destinations, or at one inside another: the longer prefix wins */
static void services_may_share_ports_at_other_destinations(void **state)
{
	(void)state;
	config_unref(parse(INTERFACE "services:\n"
				     "  - {name: a, match: [tcp/1-100], destinations: [10.0.0.1]}\n"
				     "  - {name: b, match: [tcp/50], destinations: [10.0.0.0/8]}\n"
				     "  - {name: c, match: [tcp/80-90]}\n"
				     "  - {name: d, match: [udp/80-90]}\n"));
}

static void the_environment_goes_into_values(void **state)
{
	struct config *config;

	(void)state;
	setenv("WEIR_TEST_A", "edge-1", 1);
	setenv("WEIR_TEST_EMPTY", "", 1);
	config = parse("interfaces: [{name: 'w${WEIR_TEST_UNSET:-an}0'}]\n"
		       "node: \"${WEIR_TEST_A}.${WEIR_TEST_EMPTY}${WEIR_TEST_EMPTY:-x}$$\"\n"
		       "table: {clients: \"${WEIR_TEST_UNSET:-4096}\"}\n");
	assert_string_equal(config->interface[0].name, "wan0");
	assert_string_equal(config->node, "edge-1.x$");
	assert_int_equal(config->clients, 4096);
	config_unref(config);
}

static void print_and_parse_are_inverse(void **state)
{
	static const char *const texts[] = {everything, INTERFACE,
					    INTERFACE "http: {listen: off}\n"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct config *config = parse(texts[i]), *again;
		_cleanup_free_ char *text = config_text(config);
		_cleanup_free_ char *text_again = NULL;

		again = parse(text);
		assert_config_equal(config, again);
		text_again = config_text(again);
		assert_string_equal(text, text_again);
		config_unref(config);
		config_unref(again);
	}
}

static void the_default_observes_and_refuses_nothing(void **state)
{
	const char *const interfaces[] = {"eth0", "a'b${x"};
	struct config_error error = {};
	struct config *config;

	(void)state;
	assert_int_equal(config_default(interfaces, 2, &config, &error), 0);
	assert_int_equal(config->interfaces, 2);
	assert_string_equal(config->interface[1].name, "a'b${x");
	assert_int_equal(config->services, 3);
	for (size_t i = 0; i < config->services; i++)
		assert_true(config->service[i].observe);
	assert_string_equal(config->service[1].name, "web");
	assert_limit(&config->service[1].rule[0].limit[0], WEIR_UNIT_CONNECTIONS, 100, 1, 200);
	assert_null(config->path);
	config_unref(config);
}

static void the_default_checks_its_interfaces(void **state)
{
	const char *const twice[] = {"eth0", "eth0"}, *const slash[] = {"a/b"};
	struct config_error error = {};
	struct config *config;

	(void)state;
	assert_int_equal(config_default(twice, 2, &config, &error), -EINVAL);
	assert_string_equal(error.text,
			    "command line:3: interfaces[1].name: \"eth0\" is there twice, first "
			    "on line 2; expected another name");
	assert_int_equal(config_default(slash, 1, &config, &error), -EINVAL);
	assert_int_equal(config_default(NULL, 0, &config, &error), -EINVAL);
	assert_string_equal(error.text,
			    "command line:1: interfaces: is empty; expected at least one "
			    "interface");
}

static void the_last_reference_frees(void **state)
{
	struct config *config = parse(INTERFACE);

	(void)state;
	assert_ptr_equal(config_ref(config), config);
	config_unref(config);
	assert_string_equal(config->tier[0].name,
			    "default"); /* the sanitizer sees it if that was freed */
	config_unref(config);
	assert_null(config_ref(NULL));
	config_unref(NULL);
}

/* --- bounds ---------------------------------------------------------------------------------- */

static char *repeat(const char *head, const char *format, unsigned int count, const char *tail)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	fputs(head, out);
	for (unsigned int i = 0; i < count; i++)
		fprintf(out, format, i >> 16 & 0xff, i >> 8 & 0xff, i & 0xff);
	fputs(tail, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

#define PREFIXES INTERFACE "deny:\n"
#define PREFIX "  - 10.%u.%u.%u\n"

static void every_bound_holds_at_its_edge(void **state)
{
	static const struct {
		const char *head, *format, *tail;
		unsigned int most;
		const char *message;
	} bounds[] = {
		{"interfaces:\n", "  - name: e%u.%u.%u\n", "", 16,
		 "f:1: interfaces: has 17 entries; expected at most 16"},
		{INTERFACE "tiers:\n", "  - name: t%u.%u.%u\n", "", 16,
		 "f:2: tiers: has 17 entries; expected at most 16"},
		{INTERFACE "services:\n", "  - {name: s%1$u.%2$u.%3$u, match: [tcp/1%3$03u]}\n", "",
		 63,
		 "f:66: services[63]: is one service too many; expected at most 63 besides `other`"},
		{INTERFACE "services:\n  - name: other\n",
		 "  - {name: s%1$u.%2$u.%3$u, match: [tcp/1%3$03u]}\n", "", 63,
		 "f:67: services[64]: is one service too many; expected at most 63 besides `other`"},
		{PREFIXES, PREFIX, "", WEIR_PREFIXES,
		 "f:2: deny: has 131073 prefixes; expected at most 131072"},
		{PREFIXES, PREFIX, "allow: [192.0.2.1]\n", WEIR_PREFIXES - 1,
		 "f:1: configuration: has 131073 prefixes in tiers, deny and allow; expected at most 131072"},
		{INTERFACE "services:\n  - name: a\n    match: [tcp/80]\n    destinations:\n",
		 "      - 10.%u.%u.%u\n", "", CONFIG_DESTINATIONS_MAX,
		 "f:2: services: have 4097 destinations; expected at most 4096"},
		{INTERFACE "protected_ports: []\nservices:\n  - name: a\n    match:\n",
		 "      - tcp/%2$.0u9%3$03u%1$.0u\n", "", CONFIG_MATCHES_MAX,
		 "f:5: services[0].match: has 1025 entries; expected at most 1024"},
		{"interfaces:\n  - {name: a}\n  - {name: b}\ntiers: [{name: a}, {name: b}, {name: c}, {name: d}, "
		 "{name: e}, {name: f}, {name: g}, {name: h}, {name: i}]\nservices:\n",
		 "  - {name: s%1$u.%2$u.%3$u, match: [tcp/1%3$03u]}\n", "", 55,
		 "f:1: configuration: counts 2 x 57 x 9 (interfaces, services, tiers) = 1026 ways; expected "
		 "at most 1023"},
		{INTERFACE "upstreams:\n", "  - {name: u%1$u.%2$u.%3$u, endpoints: [h:1%3$03u]}\n",
		 "", WEIR_UPSTREAMS, "f:2: upstreams: has 33 entries; expected at most 32"},
		{INTERFACE
		 "upstreams:\n  - {name: a, endpoints: [h:1, h:2]}\n  - name: b\n    endpoints:\n",
		 "      - h%u.x%u.y%u:80\n", "", WEIR_ENDPOINTS - 2,
		 "f:5: upstreams[1].endpoints: makes it 257 endpoints in all upstreams; expected at most 256"},
		{INTERFACE "latency:\n  buckets:\n", "    - %2$.0u%3$u%1$.0u.5s\n", "", WEIR_LE_MAX,
		 "f:3: latency.buckets: has 35 entries; expected at most 34"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		_cleanup_free_ char *fits =
			repeat(bounds[i].head, bounds[i].format, bounds[i].most, bounds[i].tail);
		_cleanup_free_ char *over = repeat(bounds[i].head, bounds[i].format,
						   bounds[i].most + 1, bounds[i].tail);

		config_unref(parse(fits));
		assert_refused(over, bounds[i].message);
	}
}

/*
 * Bit i of a number decides whether the port of that number belongs to service i: eight services make
 * 2^8 sets of services, of which the empty one counts too.
 */
static char *many_classes(unsigned int ports)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	fputs(INTERFACE "services:\n", out);
	for (unsigned int bit = 0; bit < 8; bit++) {
		fprintf(out, "  - {name: s%u, destinations: [10.0.0.%u], match: [", bit, bit);
		for (unsigned int port = 1; port <= ports; port++)
			if (port >> bit & 1)
				fprintf(out, "tcp/%u, ", 1000 + port);
		fputs("]}\n", out);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

static void classes_of_ports_are_counted(void **state)
{
	_cleanup_free_ char *fits = many_classes(254), *over = many_classes(255);

	(void)state;
	config_unref(parse(fits));
	assert_refused(
		over, "f:2: services: overlap in 256 different ways from port to port; expected at "
		      "most 255");
}

static void nesting_and_values_are_bounded(void **state)
{
	_cleanup_free_ char *deep = repeat(INTERFACE "deny: ", "[", 100000, "\n");
	_cleanup_free_ char *many = repeat(INTERFACE "deny: [", ",a", 262144, "]\n");
	_cleanup_free_ char *keys = repeat(INTERFACE, "a%u.%u.%u:\n", 200000, "");
	struct config_error error = {};
	struct config *config;

	(void)state;
	assert_int_equal(config_parse("f", deep, strlen(deep), &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "nested more than 32 deep; expected less"));
	many[strlen(INTERFACE "deny: [")] = ' ';
	assert_refused(many, "f:2: more than 262144 values; expected fewer");
	assert_int_equal(config_parse("f", keys, strlen(keys), &config, &error), -EINVAL);
}

static void a_long_path_keeps_its_end(void **state)
{
	_cleanup_free_ char *deep =
		repeat(INTERFACE "deny: ", "{a-key-of-some-length-%u.%u.%u: ", 40, "\n");
	struct config_error error = {};
	struct config *config;

	(void)state;
	assert_int_equal(config_parse("f", deep, strlen(deep), &config, &error), -EINVAL);
	assert_memory_equal(error.text, "f:2: ...", 8);
	assert_non_null(
		strstr(error.text, ".a-key-of-some-length-0.0.30: nested more than 32 deep"));
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	_cleanup_free_ char *fits = repeat(INTERFACE "http: {admin: /", "a", 106, "}\n");
	_cleanup_free_ char *over = repeat(INTERFACE "http: {admin: /", "a", 107, "}\n");

	(void)state;
	config_unref(parse(fits));
	assert_refused(over,
		       "f:2: http.admin: a path of 108 bytes is too long; expected an absolute "
		       "path of at most 107 bytes");
}

static void long_names_leave_room_for_the_reason(void **state)
{
	_cleanup_free_ char *key = repeat(INTERFACE, "k", 1000, ": 1\n");
	_cleanup_free_ char *value = repeat(INTERFACE "node: ", "\xc3\xa4", 5000, "\n");
	char file[5000];
	struct config_error error = {};
	struct config *config;

	(void)state;
	memset(file, 'f', sizeof(file) - 1);
	file[sizeof(file) - 1] = '\0';
	assert_int_equal(config_parse(file, key, strlen(key), &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "unknown field; expected one of interfaces"));
	assert_int_equal(config_parse(file, value, strlen(value), &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "\xc3\xa4...\" is not a node name; expected"));
}

/* --- files ----------------------------------------------------------------------------------- */

static void assert_file_refused(const char *path, int code, const char *message)
{
	struct config_error error = {};
	struct config *config;

	assert_int_equal(config_load(path, &config, &error), code);
	assert_string_equal(error.text, message);
}

static void write_file(const char *path, const char *bytes, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void a_file_is_loaded_or_says_why_not(void **state)
{
	_cleanup_close_ int root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char folder[] = "/tmp/weir-test-XXXXXX";
	static const char binary[] = "\x7f"
				     "ELF\0\1\2";
	struct config_error error = {};
	struct config *config;

	(void)state;
	assert_true(root >= 0);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_file_refused(
		"none", -ENOENT,
		"none: cannot be read: No such file or directory; expected a readable file");
	assert_file_refused(".", -EISDIR,
			    ".: cannot be read: Is a directory; expected a readable file");
	write_file("f", "", 0);
	assert_file_refused("f", -EINVAL,
			    "f:1: the configuration is empty; expected at least `interfaces`");
	write_file("f", binary, sizeof(binary));
	assert_file_refused("f", -EINVAL,
			    "f:1: invalid YAML: control characters are not allowed; expected "
			    "YAML text in UTF-8 (is this a binary file?)");
	write_file("f", "a: 1\nb: \xff\n", 10);
	assert_file_refused("f", -EINVAL,
			    "f:2: invalid YAML: invalid leading UTF-8 octet; expected YAML "
			    "text in UTF-8 (is this a binary file?)");
	write_file("f", "a: 1\n\nb: \0\n", 11);
	assert_file_refused("f", -EINVAL,
			    "f:3: invalid YAML: control characters are not allowed; expected "
			    "YAML text in UTF-8 (is this a binary file?)");
	assert_int_equal(truncate("f", (16 << 20) + 1), 0);
	assert_file_refused("f", -EINVAL,
			    "f: is larger than 16 MiB; expected a configuration file");
	write_file("f", "\xef\xbb\xbf" INTERFACE,
		   3 + strlen(INTERFACE)); /* a byte order mark is fine */
	assert_int_equal(config_load("f", &config, &error), 0);
	assert_string_equal(config->path, "f");
	config_unref(config);
	assert_int_equal(unlink("f"), 0);
	assert_int_equal(fchdir(root), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void the_example_is_right(void **state)
{
	struct config_error error = {};
	struct config *config;

	(void)state;
	unsetenv("WEIR_INTERFACE");
	if (config_load("deploy/weir.yaml", &config, &error) < 0)
		fail_msg("%s (run this from the root of the repository)", error.text);
	assert_int_equal(config->services, 3);
	config_unref(config);
}

/* --- size ------------------------------------------------------------------------------------ */

/* Of this processor: others may use the machine, too. */
static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Measured 0.01 s and 0.1 s, and five times that under sanitizers; quadratic would be minutes. */
static void many_prefixes_are_read_in_no_time(void **state)
{
	static const unsigned int counts[] = {10000, 100000};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *text = repeat(PREFIXES, PREFIX, counts[i], "");
		double start = seconds(), took;

		config_unref(parse(text));
		took = seconds() - start;
		print_message("%u prefixes: %.3f s\n", counts[i], took);
		assert_true(took < 0.5 * (double)counts[i] / 10000);
	}
}

/* --- chance ---------------------------------------------------------------------------------- */

/* One change: a byte, a piece left out, a piece put in twice, or a word that means something */
static size_t mutate(char *text, size_t length, size_t size)
{
	static const char *const words[] = {"${", "- ",	 ": ",	"[",	 "]",	"{",
					    "}",  "&a ", "*a ", "!!",	 "0/s", "\"",
					    "'",  "\n",	 "# ",	"other", "~",	"burst 0"};
	size_t at = (size_t)rand() % length, piece = 1 + (size_t)rand() % 20;
	const char *word = words[(size_t)rand() % (sizeof(words) / sizeof(words[0]))];

	if (piece > length - at)
		piece = length - at;
	switch (rand() % 4) {
	case 0:
		text[at] = (char)rand();
		return length;
	case 1:
		memmove(text + at, text + at + piece, length - at - piece);
		return length - piece > 0 ? length - piece : length;
	case 2:
		if (length + piece > size)
			return length;
		memmove(text + at + piece, text + at, length - at);
		return length + piece;
	default:
		if (length + strlen(word) > size)
			return length;
		memmove(text + at + strlen(word), text + at, length - at);
		memcpy(text + at, word, strlen(word));
		return length + strlen(word);
	}
}

static void assert_round_trip(const struct config *config)
{
	_cleanup_free_ char *text = config_text(config);
	struct config *again = parse(text);

	assert_config_equal(config, again);
	config_unref(again);
}

/* Timeouts so short that their sum is no half_open_timeout that could be written */
static void the_defaults_of_a_breaker_can_be_read_back(void **state)
{
	struct config *config = parse("interfaces: [{name: eth0}]\n"
				      "upstreams:\n"
				      "  - {name: a, endpoints: ['10.0.0.1:1'], slow: 1ms, "
				      "connect_timeout: 20ms, answer_timeout: 30ms, breaker: {}}\n"
				      "  - {name: b, endpoints: ['10.0.0.2:1'], slow: 1ms, "
				      "connect_timeout: 20ms, answer_timeout: 30ms}\n");

	(void)state;
	assert_int_equal(config->upstream[0].breaker.half_open_timeout_ns, 100000000);
	assert_round_trip(config);
	config_unref(config);
}

static void damaged_files_are_refused_in_one_line_or_read(void **state)
{
	const char *seed_text = getenv("WEIR_TEST_SEED");
	unsigned int seed = seed_text ? (unsigned int)strtoul(seed_text, NULL, 10)
				      : (unsigned int)time(NULL);
	unsigned int accepted = 0, rounds = 4000;

	(void)state;
	print_message("seed %u (WEIR_TEST_SEED=%u repeats it)\n", seed, seed);
	srand(seed);
	for (unsigned int i = 0; i < rounds; i++) {
		char text[sizeof(everything) + 200];
		size_t length = sizeof(everything) - 1;
		struct config_error error = {};
		struct config *config;

		memcpy(text, everything, length);
		for (int changes = 1 + rand() % 3; changes > 0; changes--)
			length = mutate(text, length, sizeof(text));
		if (config_parse("f", text, length, &config, &error) == 0) {
			assert_round_trip(config);
			config_unref(config);
			accepted++;
			continue;
		}
		assert_memory_equal(error.text, "f:", 2);
		assert_null(strchr(error.text, '\n'));
		if (!strstr(error.text, "; expected "))
			fail_msg("does not say what was expected: %s", error.text);
	}
	print_message("%u of %u were still right\n", accepted, rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_refusal_is_one_exact_line),
		cmocka_unit_test(interfaces_and_tiers_are_read),
		cmocka_unit_test(a_service_is_read_with_its_limits),
		cmocka_unit_test(other_is_service_0_wherever_it_stands),
		cmocka_unit_test(what_belongs_to_the_host_is_read),
		cmocka_unit_test(upstreams_are_read_with_their_endpoints),
		cmocka_unit_test(upstreams_have_defaults),
		cmocka_unit_test(breakers_are_read),
		cmocka_unit_test(the_defaults_of_a_breaker_can_be_read_back),
		cmocka_unit_test(probes_are_read),
		cmocka_unit_test(probes_have_defaults),
		cmocka_unit_test(breakers_have_defaults),
		cmocka_unit_test(latency_and_its_buckets_are_read),
		cmocka_unit_test(services_with_flows_are_followed_unless_told_otherwise),
		cmocka_unit_test(defaults_are_as_documented),
		cmocka_unit_test(parents_default_to_no_more_than_the_client),
		cmocka_unit_test(empty_lists_and_off_mean_none),
		cmocka_unit_test(the_protected_port_can_be_limited_if_asked_for),
		cmocka_unit_test(a_prefix_may_be_in_a_tier_and_denied_or_allowed),
		cmocka_unit_test(services_may_share_ports_at_other_destinations),
		cmocka_unit_test(the_environment_goes_into_values),
		cmocka_unit_test(print_and_parse_are_inverse),
		cmocka_unit_test(the_default_observes_and_refuses_nothing),
		cmocka_unit_test(the_default_checks_its_interfaces),
		cmocka_unit_test(the_last_reference_frees),
		cmocka_unit_test(every_bound_holds_at_its_edge),
		cmocka_unit_test(classes_of_ports_are_counted),
		cmocka_unit_test(nesting_and_values_are_bounded),
		cmocka_unit_test(a_long_path_keeps_its_end),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
		cmocka_unit_test(long_names_leave_room_for_the_reason),
		cmocka_unit_test(the_example_is_right),
		cmocka_unit_test(a_file_is_loaded_or_says_why_not),
		cmocka_unit_test(many_prefixes_are_read_in_no_time),
		cmocka_unit_test(damaged_files_are_refused_in_one_line_or_read),
	};

	setenv("WEIR_TEST_WORD", "many", 1);
	setenv("WEIR_TEST_BELL", "a\a", 1);
	unsetenv("WEIR_TEST_UNSET");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
