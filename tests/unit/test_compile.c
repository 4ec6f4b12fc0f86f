// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Configuration -> one side of the kernel's tables */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/abi/share.h"
#include "user/base/prefix.h"
#include "user/config/match.h"
#include "user/datapath/compile.h"
#include "user/datapath/prefixes.h"

#define CPUS 4

/* NULL: refused, as random ones may be */
static struct config *try_parse(const char *text)
{
	struct config_error error = {};
	struct config *config = NULL;

	config_parse("f", text, strlen(text), &config, &error);
	return config;
}

static struct config *parse(const char *text)
{
	struct config_error error = {};
	struct config *config = NULL;

	if (config_parse("f", text, strlen(text), &config, &error))
		fail_msg("%s", error.text);
	return config;
}

static struct compiled compile_it(const struct config *config)
{
	const uint32_t ifindex[WEIR_INTERFACES] = {42, 43};
	struct weir_state *state = calloc(1, sizeof(*state));
	struct datapath_error error = {};
	struct compiled out;

	assert_non_null(state);
	if (compile(config, CPUS, ifindex, state, &out, &error))
		fail_msg("%s", error.text);
	free(state);
	return out;
}

static const struct weir_rule *rule(const struct compiled *compiled, size_t service, size_t tier)
{
	return &compiled->side->rule[compiled->numbers.service[service] * WEIR_TIERS +
				     compiled->numbers.tier[tier]];
}

static void limits_modes_and_masks_arrive(void **state)
{
	struct config *config = parse("interfaces: [{name: a}, {name: b}]\n"
				      "tiers: [{name: d}, {name: free, unlimited: true}]\n"
				      "services:\n"
				      "  - name: web\n"
				      "    match: [tcp/80]\n"
				      "    mode: observe\n"
				      "    on_limit: reject\n"
				      "    client_prefix: {ipv4: 24, ipv6: 56}\n"
				      "    parent_prefix: {ipv4: 12, ipv6: 33}\n"
				      "    limits: {d: [1/s packets burst 5, 1MB/s bytes]}\n"
				      "  - name: dns\n"
				      "    match: [udp/53]\n"
				      "    new_clients: unlimited\n");
	struct compiled out = compile_it(config);
	const struct weir_service *web = &out.side->service[out.numbers.service[1]];
	const struct weir_service *dns = &out.side->service[out.numbers.service[2]];
	uint8_t mask[16];

	(void)state;
	assert_int_equal(web->flags, WEIR_SERVICE_OBSERVE | WEIR_SERVICE_REJECT |
					     WEIR_SERVICE_GUARD | WEIR_SERVICE_LATENCY);
	assert_int_equal(dns->flags, WEIR_SERVICE_UNTRACKED | WEIR_SERVICE_LATENCY);
	memset(mask, 0xff, sizeof(mask));
	prefix_cut(mask, 96 + 24);
	assert_memory_equal(web->mask[0], mask, 16);
	prefix_cut(mask, 96 + 12);
	assert_memory_equal(web->parent_mask[0], mask, 16);
	prefix_cut(mask, 56);
	assert_memory_equal(web->mask[1], mask, 16);
	prefix_cut(mask, 33);
	assert_memory_equal(web->parent_mask[1], mask, 16);
	assert_int_equal(rule(&out, 1, 0)->limits, 2);
	assert_int_equal(rule(&out, 1, 0)->unit[1], WEIR_UNIT_BYTES);
	assert_int_equal(rule(&out, 1, 0)->limit[0].cost, WEIR_TICKS_PER_SEC);
	assert_int_equal(rule(&out, 1, 0)->limit[0].burst, 5 * WEIR_TICKS_PER_SEC);
	assert_int_equal(rule(&out, 1, 1)->flags, WEIR_RULE_UNLIMITED);
	assert_int_equal(out.side->ifindex[out.numbers.interface[1]], 43);
	compiled_free(&out);
	config_unref(config);
}

static void limits_of_a_cluster_are_marked_and_begin_as_even_shares(void **state)
{
	struct config *config = parse(
		"interfaces: [{name: a}]\n"
		"services: [{name: other, limits: {default: [8/s packets, 8/s packets]},\n"
		"  group_limits: {default: [8/s packets, 8/s packets, 8000/s packets burst 8M]}}]\n");
	struct config_rule *limits = &config->service[0].rule[0];
	const uint32_t ifindex[WEIR_INTERFACES] = {42};
	struct weir_state *names = calloc(1, sizeof(*names));
	struct datapath_error error = {};

	(void)state;
	limits->limit[1].cluster = limits->group[0].cluster = limits->group[2].cluster = true;
	for (u32 nodes = 0; nodes < 5; nodes += 4) {
		u64 n = nodes ? nodes : 1;
		const struct weir_rule *is;
		struct compiled out;

		names->nodes = nodes;
		assert_int_equal(compile(config, CPUS, ifindex, names, &out, &error), 0);
		is = rule(&out, 0, 0);
		assert_int_equal(is->cluster,
				 1 << 1 | WEIR_CLUSTER_GROUP(0) | WEIR_CLUSTER_GROUP(2));
		assert_int_equal(is->limit[0].cost, WEIR_TICKS_PER_SEC / 8);
		assert_int_equal(is->limit[1].cost, n * WEIR_TICKS_PER_SEC / 8);
		assert_int_equal(is->limit[1].burst, WEIR_TICKS_PER_SEC);
		assert_int_equal(is->group[0].cost, n * WEIR_TICKS_PER_SEC / 8);
		assert_int_equal(is->group[1].cost, WEIR_TICKS_PER_SEC / 8);
		/* a millisecond's worth of the share */
		assert_int_equal(is->chunk[2], nodes ? 1 : 7);
		compiled_free(&out);
	}
	free(names);
	config_unref(config);
}

/* burst + W / cost over all processors: what they may hold beforehand is taken from the burst. */
static void chunks_never_exceed_the_burst(void **state)
{
	static const char *const limits[] = {
		"1/s packets burst 1",
		"1/day connections burst 40",
		"1000/s packets",
		"1G/s packets burst 100",
		"1G/s packets burst 1G",
		"20MB/s bytes burst 1514",
		"1000GB/s bytes burst 100GB",
		"256B/s bytes burst 1G",
		"10M/s packets burst 1M",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		char text[256];
		struct config *config;
		struct compiled out;
		const struct weir_rule *is;
		struct weir_limit whole;
		uint64_t unit;

		snprintf(text, sizeof(text),
			 "interfaces: [{name: a}]\nservices:\n  - name: other\n"
			 "    group_limits: {default: [%s]}\n",
			 limits[i]);
		config = parse(text);
		out = compile_it(config);
		is = rule(&out, 0, 0);
		config_limit_ticks(&config->service[0].rule[0].group[0], &whole);
		unit = whole.cost >>
		       (is->group_unit[0] == WEIR_UNIT_BYTES ? WEIR_BYTE_COST_SHIFT : 0);
		assert_int_equal(is->group[0].cost, whole.cost);
		assert_true(is->chunk[0] >= 1);
		if (is->chunk[0] == 1) {
			assert_true(is->group[0].burst == whole.burst);
		} else {
			assert_true(is->group[0].burst + CPUS * (u64)is->chunk[0] * unit <=
				    whole.burst);
			/* and most of it is left, so that one processor alone gets nearly all */
			assert_true(is->group[0].burst >= whole.burst / 4 * 3);
		}
		compiled_free(&out);
		config_unref(config);
	}
}

/* ------------------------------------------------------------- which service, as the kernel asks */

static uint8_t class_of(const struct weir_side *side, uint8_t protocol, uint16_t port)
{
	return protocol == IPPROTO_TCP	 ? side->class_tcp[port]
	       : protocol == IPPROTO_UDP ? side->class_udp[port]
					 : side->class_protocol[protocol];
}

/* What weir_service_of() of bpf/limit.bpf.h does, with a list for a trie */
static uint32_t kernel_service(const struct compiled *compiled, uint8_t class,
			       const uint8_t destination[16])
{
	const struct destination_entry *best = NULL;
	struct weir_prefix_key key = {.length = 128};

	memcpy(key.addr, destination, sizeof(key.addr));
	if (!(compiled->side->flags & WEIR_SIDE_DESTINATIONS) || class == 0)
		return class;
	for (size_t i = 0; i < compiled->destination_count; i++) {
		const struct destination_entry *entry = &compiled->destinations[i];

		if (key_covers(&entry->key, &key) &&
		    (!best || entry->key.length > best->key.length))
			best = entry;
	}
	return best ? best->value.service[class] : compiled->side->class_service[class];
}

static bool matches(const struct config_match *match, size_t count, uint8_t protocol, uint16_t port)
{
	bool ports = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;

	for (size_t i = 0; i < count; i++)
		if (match[i].protocol == protocol &&
		    (!ports || (match[i].first <= port && port <= match[i].last)))
			return true;
	return false;
}

/* How much of the address the service's destinations name: -1 not at all, 0 any destination will do */
static int destination_length(const struct config_service *service, const uint8_t destination[16])
{
	const struct config_prefixes *prefixes = &service->destinations;
	int longest = prefixes->count ? -1 : 0;

	for (size_t i = 0; i < prefixes->count; i++) {
		const struct config_prefix *prefix = &prefixes->at[i];
		uint8_t cut[16];

		memcpy(cut, destination, sizeof(cut));
		prefix_cut(cut, prefix->length);
		if (!memcmp(cut, prefix->addr, sizeof(cut)) &&
		    prefix_is_ipv4(prefix->addr, prefix->length) ==
			    prefix_is_ipv4(destination, 128) &&
		    prefix->length + 1 > longest)
			longest = prefix->length + 1;
	}
	return longest;
}

/* As weir.yaml(5) says it: who matches protocol and port, and of those the longest destination */
static size_t configured_service(const struct config *config, uint8_t protocol, uint16_t port,
				 const uint8_t destination[16])
{
	size_t best = WEIR_SERVICE_OTHER;
	int longest = -1;

	for (size_t s = 1; s < config->services; s++) {
		const struct config_service *service = &config->service[s];
		int length = destination_length(service, destination);

		if (matches(service->match, service->matches, protocol, port) && length > longest) {
			longest = length;
			best = s;
		}
	}
	return best;
}

/* A few protocols, ports 1000 - 1039 and addresses that nest; every other destination list is empty. */
static const char *const protocols[] = {"tcp", "udp", "icmp", "proto/47"};
static const char *const destinations[] = {
	"10.0.0.0/8", "10.0.0.0/16", "10.0.0.1",	"0.0.0.0/0",	 "192.0.2.0/24",
	"'::/0'",     "'::/64'",     "'2001:db8::/32'", "'2001:db8::1'",
};

static void random_config(char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size,
				       "interfaces: [{name: a}]\n"
				       "protected_ports: [tcp/22, udp/1039]\nservices:\n");
	unsigned int services = 1 + (unsigned int)rand() % 6;

	for (unsigned int s = 0; s < services; s++) {
		unsigned int protocol = (unsigned int)rand() % 4;
		unsigned int first = 1000 + (unsigned int)rand() % 38;

		used += (size_t)snprintf(text + used, size - used, "  - name: s%u\n    match: [%s",
					 s, protocols[protocol]);
		if (protocol < 2)
			used += (size_t)snprintf(text + used, size - used, "/%u-%u", first,
						 first + (unsigned int)rand() % (1039 - first));
		used += (size_t)snprintf(text + used, size - used, "]\n");
		if (rand() % 3)
			used += (size_t)snprintf(text + used, size - used,
						 "    destinations: [%s]\n",
						 destinations[rand() % 9]);
	}
}

static void assert_agree(const struct config *config, const struct compiled *compiled,
			 const char *text)
{
	static const char *const asked[] = {"10.0.0.1",	   "10.0.0.2",	   "10.9.9.9",
					    "192.0.2.1",   "198.51.100.1", "::1",
					    "2001:db8::1", "2001:db8::2",  "fe80::1"};
	static const uint8_t numbers[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE, 99};

	for (size_t a = 0; a < sizeof(asked) / sizeof(asked[0]); a++)
		for (size_t p = 0; p < sizeof(numbers); p++)
			for (uint16_t port = 999; port <= 1040; port++) {
				struct config_prefix at = {};
				uint8_t class = class_of(compiled->side, numbers[p], port);
				size_t want;

				assert_int_equal(config_parse_prefix(asked[a], &at), 0);
				want = configured_service(config, numbers[p], port, at.addr);
				if (matches(config->protected, config->protecteds, numbers[p],
					    port)) {
					assert_int_equal(class, WEIR_CLASS_PROTECTED);
					continue;
				}
				if (kernel_service(compiled, class, at.addr) !=
				    compiled->numbers.service[want])
					fail_msg("%s protocol %u port %u is not of %s:\n%s",
						 asked[a], numbers[p], port,
						 config->service[want].name, text);
			}
}

static void every_packet_finds_the_service_the_words_name(void **state)
{
	const char *given = getenv("WEIR_TEST_SEED");
	unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 10)
				  : (unsigned int)time(NULL);
	unsigned int tried = 0;

	(void)state;
	print_message("seed %u (WEIR_TEST_SEED=%u repeats it)\n", seed, seed);
	srand(seed);
	for (unsigned int i = 0; i < 150; i++) {
		char text[2048];
		struct config *config;
		struct compiled out;

		random_config(text, sizeof(text));
		config = try_parse(text);
		if (!config)
			continue; /* two services for one thing */
		out = compile_it(config);
		assert_agree(config, &out, text);
		compiled_free(&out);
		config_unref(config);
		tried++;
	}
	print_message("%u configurations\n", tried);
	assert_true(tried > 50);
}

static void all_ports_of_a_protocol_are_of_their_service(void **state)
{
	struct config *config = parse("interfaces: [{name: a}]\n"
				      "services:\n"
				      "  - {name: low, match: [tcp/1-1023]}\n"
				      "  - {name: high, match: [tcp/1024-65535, udp]}\n"
				      "protected_ports: [tcp/22, tcp/65535, icmp]\n");
	struct compiled out = compile_it(config);
	static const uint8_t anywhere[16] = {};

	(void)state;
	for (unsigned int port = 0; port < 65536; port++) {
		uint8_t tcp = out.side->class_tcp[port];

		if (port == 22 || port == 65535)
			assert_int_equal(tcp, WEIR_CLASS_PROTECTED);
		else
			assert_int_equal(kernel_service(&out, tcp, anywhere),
					 out.numbers.service[port == 0	   ? 0
							     : port < 1024 ? 1
									   : 2]);
		assert_int_equal(kernel_service(&out, out.side->class_udp[port], anywhere),
				 out.numbers.service[2]);
	}
	for (unsigned int protocol = 0; protocol < 256; protocol++)
		assert_int_equal(out.side->class_protocol[protocol],
				 protocol == IPPROTO_ICMP ? WEIR_CLASS_PROTECTED : 0);
	compiled_free(&out);
	config_unref(config);
}

static void every_combination_has_a_series_of_its_own(void **state)
{
	struct config *config = parse("interfaces: [{name: a}, {name: b}]\n"
				      "tiers: [{name: d}, {name: e}, {name: f}]\n"
				      "services: [{name: web, match: [tcp/80]}]\n");
	struct compiled out = compile_it(config);
	uint8_t seen[WEIR_SERIES] = {};

	(void)state;
	for (size_t s = 0; s < 2; s++)
		for (size_t t = 0; t < 3; t++)
			for (size_t i = 0; i < 2; i++) {
				uint16_t series =
					rule(&out, s, t)->series[out.numbers.interface[i]];

				assert_int_not_equal(series, 0);
				assert_int_equal(seen[series]++, 0);
				assert_int_equal(out.fresh[series], 1);
			}
	compiled_free(&out);
	config_unref(config);
}

#define CALLS                                                         \
	"interfaces: [{name: a}]\n"                                   \
	"services:\n"                                                 \
	"  - {name: web, match: [tcp/80]}\n"                          \
	"  - {name: mail, match: [tcp/25], latency: false}\n"         \
	"  - {name: ping, match: [icmp]}\n"                           \
	"upstreams:\n"                                                \
	"  - {name: dns, protocol: udp, endpoints: [10.0.0.53:53]}\n" \
	"  - name: api\n"                                             \
	"    endpoints: [10.0.0.1:80, api.example:80]\n"              \
	"    http: true\n"                                            \
	"    slow: 250ms\n"                                           \
	"    answer_timeout: 5s\n"

static void assert_endpoint(const struct weir_endpoint *endpoint, u8 flags, u32 upstream,
			    u64 slow_ns, u64 answer_timeout_ns)
{
	assert_int_equal(endpoint->flags, flags);
	assert_int_equal(endpoint->upstream, upstream);
	assert_int_equal(endpoint->slow_ns, slow_ns);
	assert_int_equal(endpoint->answer_timeout_ns, answer_timeout_ns);
}

static void endpoints_arrive_under_their_numbers(void **state)
{
	struct config *config = parse(CALLS);
	struct compiled out = compile_it(config);
	const struct numbers *numbers = &out.numbers;
	size_t used = 0;

	(void)state;
	assert_int_equal(out.side->flags & WEIR_SIDE_ENDPOINTS, WEIR_SIDE_ENDPOINTS);
	/* Operators may close the gate of what has no breaker, too. */
	assert_endpoint(&out.side->endpoint[numbers->endpoint[0]],
			WEIR_ENDPOINT_USED | WEIR_ENDPOINT_BREAKER, numbers->upstream[0],
			1000000000, 30000000000);
	for (size_t i = 1; i < 3; i++)
		assert_endpoint(&out.side->endpoint[numbers->endpoint[i]],
				WEIR_ENDPOINT_USED | WEIR_ENDPOINT_BREAKER | WEIR_ENDPOINT_HTTP,
				numbers->upstream[1], 250000000, 5000000000);
	assert_int_not_equal(numbers->upstream[0], numbers->upstream[1]);
	for (size_t i = 0; i < WEIR_ENDPOINTS; i++)
		used += out.side->endpoint[i].flags != 0;
	assert_int_equal(used, 3);
	compiled_free(&out);
	config_unref(config);
}

static void breakers_say_what_open_means(void **state)
{
	struct config *config =
		parse("interfaces: [{name: a}]\n"
		      "upstreams:\n"
		      "  - {name: a, endpoints: [h:1], breaker: {on_open: reset}}\n"
		      "  - {name: b, endpoints: [h:2], breaker: {mode: observe}}\n");
	struct compiled out = compile_it(config);
	const u8 all = WEIR_ENDPOINT_USED | WEIR_ENDPOINT_BREAKER;

	(void)state;
	assert_int_equal(out.side->endpoint[out.numbers.endpoint[0]].flags,
			 all | WEIR_ENDPOINT_RESET);
	assert_int_equal(out.side->endpoint[out.numbers.endpoint[1]].flags,
			 all | WEIR_ENDPOINT_OBSERVE);
	compiled_free(&out);
	config_unref(config);
}

static u8 latency_flag(const struct compiled *out, size_t service)
{
	return out->side->service[out->numbers.service[service]].flags & WEIR_SERVICE_LATENCY;
}

static void services_are_followed_as_configured(void **state)
{
	struct config *config = parse(CALLS);
	struct compiled out = compile_it(config);

	(void)state;
	assert_true(latency_flag(&out, 0)); /* other */
	assert_true(latency_flag(&out, 1));
	assert_false(latency_flag(&out, 2));
	assert_false(latency_flag(&out, 3));
	compiled_free(&out);
	config_unref(config);
}

static void without_latency_nothing_is_followed(void **state)
{
	struct config *config = parse(CALLS "latency: {enabled: false}\n");
	struct compiled out = compile_it(config);

	(void)state;
	assert_int_equal(out.side->flags & WEIR_SIDE_ENDPOINTS, 0);
	for (size_t i = 0; i < WEIR_ENDPOINTS; i++)
		assert_int_equal(out.side->endpoint[i].flags, 0);
	for (size_t i = 0; i < config->services; i++)
		assert_false(latency_flag(&out, i));
	compiled_free(&out);
	config_unref(config);
}

static bool has_bound(const struct weir_side *side, u64 ns)
{
	for (size_t i = 0; i < side->bounds; i++)
		if (side->bound_ns[i] == ns)
			return true;
	return false;
}

/* 250 ms, 500 ms and 1 s are native bounds as well: 10 of the 13 by default are not. */
static void slots_are_cut_at_native_bounds_and_buckets(void **state)
{
	struct config *plain = parse("interfaces: [{name: a}]\n");
	struct config *own = parse("interfaces: [{name: a}]\n"
				   "latency: {buckets: [123456789ns, 1h]}\n");
	struct compiled out = compile_it(plain);

	(void)state;
	assert_int_equal(out.side->flags & WEIR_SIDE_ENDPOINTS, 0);
	assert_int_equal(out.side->bounds, WEIR_NATIVE_BOUNDS + 10);
	for (size_t i = 0; i < plain->buckets; i++)
		assert_true(has_bound(out.side, plain->bucket_ns[i]));
	compiled_free(&out);

	out = compile_it(own);
	assert_int_equal(out.side->bounds, WEIR_NATIVE_BOUNDS + 2);
	assert_true(has_bound(out.side, 123456789));
	assert_true(has_bound(out.side, 64000000000));
	assert_int_equal(out.side->bound_ns[out.side->bounds - 1], 3600000000000);
	for (size_t i = 1; i < out.side->bounds; i++)
		assert_true(out.side->bound_ns[i - 1] < out.side->bound_ns[i]);
	for (size_t i = out.side->bounds; i < WEIR_SLOTS; i++)
		assert_int_equal(out.side->bound_ns[i], UINT64_MAX);
	compiled_free(&out);
	config_unref(plain);
	config_unref(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_modes_and_masks_arrive),
		cmocka_unit_test(endpoints_arrive_under_their_numbers),
		cmocka_unit_test(breakers_say_what_open_means),
		cmocka_unit_test(services_are_followed_as_configured),
		cmocka_unit_test(without_latency_nothing_is_followed),
		cmocka_unit_test(slots_are_cut_at_native_bounds_and_buckets),
		cmocka_unit_test(limits_of_a_cluster_are_marked_and_begin_as_even_shares),
		cmocka_unit_test(chunks_never_exceed_the_burst),
		cmocka_unit_test(every_packet_finds_the_service_the_words_name),
		cmocka_unit_test(all_ports_of_a_protocol_are_of_their_service),
		cmocka_unit_test(every_combination_has_a_series_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
