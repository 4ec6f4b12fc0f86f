/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Upstreams in the kernel's own maps: the addresses of endpoints, and whose figures stand under which number
 * after a reload.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/prog/lab.h"

#define TWO                                                         \
	"upstreams:\n"                                              \
	"  - {name: api, endpoints: ['10.0.0.1:80', 'name:443']}\n" \
	"  - {name: dns, protocol: udp, endpoints: ['name:53']}\n"

static int open_pin(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", lab_pins(), name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

static struct datapath_address address(uint16_t upstream, uint16_t endpoint, const char *text)
{
	struct datapath_address out = {.upstream = upstream, .endpoint = endpoint};

	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, out.addr), 1);
	} else {
		memset(out.addr + 10, 0xff, 2);
		assert_int_equal(inet_pton(AF_INET, text, out.addr + 12), 1);
	}
	return out;
}

/* "UPSTREAM ENDPOINT" that the kernel knows the address as; "-": none */
static const char *who(const struct lab *lab, const char *text, uint16_t port, uint8_t protocol)
{
	const struct weir_state *names = datapath_names(lab->datapath);
	struct weir_endpoint_key key = {.port = port, .protocol = protocol};
	struct datapath_address at = address(0, 0, text);
	int fd = open_pin("weir_endpoints");
	static char out[160];
	u32 number;

	memcpy(key.addr, at.addr, sizeof(key.addr));
	if (bpf_map_lookup_elem(fd, &key, &number))
		strcpy(out, "-");
	else
		snprintf(out, sizeof(out), "%s %s", names->endpoint[number].upstream,
			 names->endpoint[number].name);
	close(fd);
	return out;
}

static size_t entries(void)
{
	struct weir_endpoint_key key, *from = NULL;
	int fd = open_pin("weir_endpoints");
	size_t count = 0;

	for (; !bpf_map_get_next_key(fd, from, &key); from = &key)
		count++;
	close(fd);
	return count;
}

static void set(struct lab *lab, const struct datapath_address *addresses, size_t count)
{
	struct datapath_error error = {};

	if (datapath_addresses(lab->datapath, addresses, count, &error))
		fail_msg("%s", error.text);
}

static void addresses_come_stay_and_go(void **state)
{
	struct lab *lab = lab_open(1024, TWO);
	const struct datapath_address first[] = {
		address(0, 0, "10.0.0.1"),
		address(0, 1, "10.0.0.2"),
		address(0, 1, "2001:db8::2"),
		address(1, 0, "10.0.0.2"),
	};
	const struct datapath_address second[] = {
		address(0, 0, "10.0.0.1"),
		address(0, 1, "2001:db8::3"),
		address(0, 1, "2001:db8::2"),
	};

	(void)state;
	assert_int_equal(entries(), 0);
	set(lab, first, 4);
	assert_int_equal(entries(), 4);
	assert_string_equal(who(lab, "10.0.0.1", 80, IPPROTO_TCP), "api 10.0.0.1:80");
	assert_string_equal(who(lab, "10.0.0.2", 443, IPPROTO_TCP), "api name:443");
	assert_string_equal(who(lab, "2001:db8::2", 443, IPPROTO_TCP), "api name:443");
	assert_string_equal(who(lab, "10.0.0.2", 53, IPPROTO_UDP), "dns name:53");
	assert_string_equal(who(lab, "10.0.0.2", 53, IPPROTO_TCP), "-");
	assert_string_equal(who(lab, "10.0.0.1", 443, IPPROTO_TCP), "-");
	set(lab, second, 3);
	assert_int_equal(entries(), 3);
	assert_string_equal(who(lab, "10.0.0.2", 443, IPPROTO_TCP), "-");
	assert_string_equal(who(lab, "2001:db8::2", 443, IPPROTO_TCP), "api name:443");
	assert_string_equal(who(lab, "2001:db8::3", 443, IPPROTO_TCP), "api name:443");
	set(lab, NULL, 0);
	assert_int_equal(entries(), 0);
	lab_close(lab);
}

static void an_address_that_two_claim_goes_to_the_first(void **state)
{
	struct lab *lab = lab_open(1024, "upstreams:\n"
					 "  - {name: a, endpoints: ['x:80', 'y:80']}\n"
					 "  - {name: b, endpoints: ['z:80']}\n");
	const struct datapath_address claims[] = {
		address(1, 0, "10.0.0.1"),
		address(0, 1, "10.0.0.1"),
		address(0, 0, "10.0.0.1"),
	};

	(void)state;
	set(lab, claims, 3);
	assert_int_equal(entries(), 1);
	assert_string_equal(who(lab, "10.0.0.1", 80, IPPROTO_TCP), "b z:80");
	set(lab, claims + 1, 2); /* in place: it belongs to another now */
	assert_string_equal(who(lab, "10.0.0.1", 80, IPPROTO_TCP), "a y:80");
	lab_close(lab);
}

static void one_too_many_changes_nothing(void **state)
{
	struct lab *lab = lab_open(1024, TWO);
	struct datapath_address *many = calloc(WEIR_ADDRESSES + 1, sizeof(*many));
	struct datapath_error error = {};
	char text[32];

	(void)state;
	assert_non_null(many);
	for (int i = 0; i <= WEIR_ADDRESSES; i++) {
		snprintf(text, sizeof(text), "10.1.%d.%d", i / 256, i % 256);
		many[i] = address(0, 1, text);
	}
	many[0] = address(0, 0, "10.0.0.1");
	set(lab, many, 1);
	assert_int_equal(datapath_addresses(lab->datapath, many, WEIR_ADDRESSES + 1, &error),
			 -ENOSPC);
	assert_string_equal(
		error.text,
		"the endpoints of all upstreams have 4097 addresses, more than the 4096 "
		"there is room for; name fewer of them");
	assert_int_equal(entries(), 1);
	set(lab, many, WEIR_ADDRESSES);
	assert_int_equal(entries(), WEIR_ADDRESSES);
	/* a full map changed through and through: what goes makes room */
	many[1] = address(0, 1, "10.9.9.9");
	set(lab, many + 1, WEIR_ADDRESSES);
	assert_int_equal(entries(), WEIR_ADDRESSES);
	assert_string_equal(who(lab, "10.0.0.1", 80, IPPROTO_TCP), "-");
	/* twice the same is one */
	many[1] = many[2];
	set(lab, many + 1, WEIR_ADDRESSES);
	assert_int_equal(entries(), WEIR_ADDRESSES - 1);
	free(many);
	lab_close(lab);
}

static void an_address_of_no_endpoint_is_refused(void **state)
{
	struct lab *lab = lab_open(1024, TWO);
	struct datapath_address wrong[] = {
		address(0, 2, "10.0.0.1"),
		address(2, 0, "10.0.0.1"),
		address(1, 1, "10.0.0.1"),
	};
	struct datapath_error error = {};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(datapath_addresses(lab->datapath, &wrong[i], 1, &error), -EINVAL);
	assert_int_equal(entries(), 0);
	lab_close(lab);
}

static void what_the_kernel_holds_is_told_by_the_configuration(void **state)
{
	struct lab *lab = lab_open(1024, TWO);
	const struct datapath_address both[] = {
		address(0, 1, "2001:db8::2"),
		address(1, 0, "10.0.0.2"),
	};
	struct datapath_address held[4];

	(void)state;
	assert_int_equal(datapath_addresses_held(lab->datapath, held, 4), 0);
	set(lab, both, 2);
	assert_int_equal(datapath_addresses_held(lab->datapath, held, 1), 1);
	assert_int_equal(datapath_addresses_held(lab->datapath, held, 4), 2);
	/* the indices of another configuration; and udp is tcp now, which is another endpoint */
	lab_apply(lab, "upstreams:\n"
		       "  - {name: dns, endpoints: ['name:53']}\n"
		       "  - {name: api, endpoints: ['name:443']}\n");
	assert_int_equal(datapath_addresses_held(lab->datapath, held, 4), 1);
	assert_int_equal(held[0].upstream, 1);
	assert_int_equal(held[0].endpoint, 0);
	assert_memory_equal(held[0].addr, both[0].addr, 16);
	lab_close(lab);
}

/* ---------------------------------------------------------------------------------------- figures */

/* All words of the value of each processor are `value`. */
static void fill(const struct lab *lab, const char *map, u32 index, size_t size, u64 value)
{
	u64 *values = calloc(lab->cpus, size);
	int fd = open_pin(map);

	assert_non_null(values);
	for (size_t i = 0; i < lab->cpus * size / sizeof(u64); i++)
		values[i] = value;
	assert_int_equal(bpf_map_update_elem(fd, &index, values, BPF_ANY), 0);
	close(fd);
	free(values);
}

static void fill_calls(const struct lab *lab, u32 endpoint, u64 value)
{
	fill(lab, "weir_calls", endpoint, sizeof(struct weir_calls), value);
	datapath_flows(lab->datapath).late[endpoint] = (struct weir_late){value, value};
	datapath_breakers(lab->datapath).at[endpoint] =
		(struct weir_breaker){.word = value, .until_ns = value, .streak = (u32)value};
}

static u64 count_calls(const struct lab *lab, u32 endpoint)
{
	const struct datapath_flows flows = datapath_flows(lab->datapath);
	const struct weir_late *late = &flows.late[endpoint];
	const struct datapath_breakers breakers = datapath_breakers(lab->datapath);
	const struct weir_breaker *breaker = &breakers.at[endpoint];
	struct weir_calls calls;

	assert_int_equal(datapath_calls(lab->datapath, endpoint, &calls), 0);
	return calls.result[WEIR_RESULT_OK] + calls.http[5] + late->connect_timeout +
	       late->no_answer + breaker->word + breaker->until_ns + breaker->streak;
}

static void fill_histogram(const struct lab *lab, enum weir_latency latency, u32 owner, u64 value)
{
	u32 bank = datapath_side(lab->datapath)->latency_bank;

	fill(lab, "weir_latency", weir_histogram_index(bank, latency, owner),
	     sizeof(struct weir_histogram), value);
}

static u64 count_samples(const struct lab *lab, enum weir_latency latency, u32 owner)
{
	struct weir_histogram histogram;
	u64 sum = 0;

	assert_int_equal(datapath_histogram(lab->datapath, latency, owner, &histogram), 0);
	for (size_t i = 0; i < WEIR_SLOTS; i++)
		sum += histogram.slot[i];
	return sum + histogram.sum_ns;
}

static u32 endpoint_number(const struct lab *lab, const char *name)
{
	const struct weir_state *names = datapath_names(lab->datapath);

	for (u32 i = 0; i < WEIR_ENDPOINTS; i++)
		if (!strcmp(names->endpoint[i].name, name))
			return i;
	fail_msg("%s has no number", name);
	return 0;
}

static u32 name_number(const char names[][WEIR_NAME], u32 count, const char *name)
{
	for (u32 i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return i;
	fail_msg("%s has no number", name);
	return 0;
}

/* 32 upstreams u0 .. u31 and 63 services s1 .. s63: with `other` all there can be. Of each, one is called otherwise. */
static char *full_house(const char *upstream, const char *endpoint, const char *service)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	fputs("upstreams:\n", out);
	for (int u = 0; u < WEIR_UPSTREAMS; u++) {
		fprintf(out, "  - {name: %s%d, endpoints: [", u == 7 ? upstream : "u", u);
		for (int e = 0; e < WEIR_ENDPOINTS / WEIR_UPSTREAMS; e++)
			fprintf(out, "'%s%d-%d:80', ", u == 9 && e == 3 ? endpoint : "h", u, e);
		fputs("]}\n", out);
	}
	fputs("services:\n", out);
	for (int s = 1; s < WEIR_SERVICES; s++)
		fprintf(out, "  - {name: %s%d, match: [tcp/%d]}\n", s == 5 ? service : "s", s,
			1000 + s);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void all_is_counted_as(const struct lab *lab, u64 value)
{
	for (u32 i = 0; i < WEIR_ENDPOINTS; i++)
		fill_calls(lab, i, value);
	for (u32 i = 0; i < WEIR_UPSTREAMS; i++) {
		fill_histogram(lab, WEIR_LATENCY_CONNECT, i, value);
		fill_histogram(lab, WEIR_LATENCY_UPSTREAM_RESPONSE, i, value);
	}
	for (u32 i = 0; i < WEIR_SERVICES; i++) {
		fill_histogram(lab, WEIR_LATENCY_ROUND_TRIP, i, value);
		fill_histogram(lab, WEIR_LATENCY_RESPONSE, i, value);
	}
}

/* How many of all counters and histograms are empty */
static size_t empty_ones(const struct lab *lab)
{
	size_t sum = 0;

	for (u32 i = 0; i < WEIR_ENDPOINTS; i++)
		sum += count_calls(lab, i) == 0;
	for (u32 i = 0; i < WEIR_UPSTREAMS; i++)
		sum += (count_samples(lab, WEIR_LATENCY_CONNECT, i) == 0) +
		       (count_samples(lab, WEIR_LATENCY_UPSTREAM_RESPONSE, i) == 0);
	for (u32 i = 0; i < WEIR_SERVICES; i++)
		sum += (count_samples(lab, WEIR_LATENCY_ROUND_TRIP, i) == 0) +
		       (count_samples(lab, WEIR_LATENCY_RESPONSE, i) == 0);
	return sum;
}

static void a_reload_keeps_the_figures_of_what_stays(void **state)
{
	char *same = full_house("u", "h", "s");
	struct lab *lab = lab_open(1024, same);

	(void)state;
	all_is_counted_as(lab, 1000);
	lab_apply(lab, same);
	assert_int_equal(empty_ones(lab), 0);
	free(same);
	lab_close(lab);
}

static void a_name_with_a_used_number_counts_from_zero_and_nobody_else_does(void **state)
{
	char *before = full_house("u", "h", "s"), *endpoint = full_house("u", "new", "s"),
	     *upstream = full_house("new", "new", "s"), *service = full_house("new", "new", "new");
	struct lab *lab = lab_open(1024, before);
	const struct weir_state *names = datapath_names(lab->datapath);
	struct datapath_address at[] = {address(9, 3, "10.0.0.1"), address(9, 4, "10.0.0.2")};
	u32 number = endpoint_number(lab, "h9-3:80");

	(void)state;
	set(lab, at, 2);
	all_is_counted_as(lab, 1000);
	lab_apply(lab, endpoint);
	assert_int_equal(endpoint_number(lab, "new9-3:80"), number);
	assert_int_equal(count_calls(lab, number), 0);
	assert_int_equal(empty_ones(lab), 1);
	/* nor does it get the calls to the other's address until its own are known */
	assert_string_equal(who(lab, "10.0.0.1", 80, IPPROTO_TCP), "-");
	assert_string_equal(who(lab, "10.0.0.2", 80, IPPROTO_TCP), "u9 h9-4:80");

	all_is_counted_as(lab, 1000);
	lab_apply(lab, upstream); /* its eight endpoints are others, too */
	number = name_number(names->upstream, WEIR_UPSTREAMS, "new7");
	assert_int_equal(count_samples(lab, WEIR_LATENCY_CONNECT, number), 0);
	assert_int_equal(count_samples(lab, WEIR_LATENCY_UPSTREAM_RESPONSE, number), 0);
	assert_int_equal(empty_ones(lab), 2 + 8);

	all_is_counted_as(lab, 1000);
	lab_apply(lab, service);
	number = name_number(names->service, WEIR_SERVICES, "new5");
	assert_int_equal(count_samples(lab, WEIR_LATENCY_ROUND_TRIP, number), 0);
	assert_int_equal(count_samples(lab, WEIR_LATENCY_RESPONSE, number), 0);
	assert_int_equal(empty_ones(lab), 2);
	free(before);
	free(endpoint);
	free(upstream);
	free(service);
	lab_close(lab);
}

#define BUCKETS TWO "latency: {buckets: [1ms, 20ms]}\n"

static void other_buckets_begin_with_empty_histograms_and_the_same_ones_go_on(void **state)
{
	struct lab *lab = lab_open(1024, TWO);
	u32 bank = datapath_side(lab->datapath)->latency_bank;

	(void)state;
	fill_histogram(lab, WEIR_LATENCY_CONNECT, 0, 1000);
	fill_calls(lab, 0, 1000);
	lab_apply(lab, TWO "services: [{name: web, match: [tcp/80]}]\n");
	assert_int_equal(datapath_side(lab->datapath)->latency_bank, bank);
	assert_int_not_equal(count_samples(lab, WEIR_LATENCY_CONNECT, 0), 0);
	lab_apply(lab, TWO "latency: {enabled: false}\n");
	assert_int_equal(datapath_side(lab->datapath)->latency_bank, bank);
	assert_int_not_equal(count_samples(lab, WEIR_LATENCY_CONNECT, 0), 0);

	lab_apply(lab, BUCKETS);
	assert_int_equal(datapath_side(lab->datapath)->latency_bank, !bank);
	assert_int_equal(count_samples(lab, WEIR_LATENCY_CONNECT, 0), 0);
	assert_int_not_equal(count_calls(lab, 0), 0); /* calls have no bounds */
	fill_histogram(lab, WEIR_LATENCY_CONNECT, 0, 1000);
	lab_apply(lab, BUCKETS "protected_ports: []\n");
	assert_int_not_equal(count_samples(lab, WEIR_LATENCY_CONNECT, 0), 0);

	lab_apply(lab, TWO); /* the bank that was filled first is empty by now */
	assert_int_equal(datapath_side(lab->datapath)->latency_bank, bank);
	assert_int_equal(count_samples(lab, WEIR_LATENCY_CONNECT, 0), 0);
	lab_close(lab);
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(addresses_come_stay_and_go),
		cmocka_unit_test(an_address_that_two_claim_goes_to_the_first),
		cmocka_unit_test(one_too_many_changes_nothing),
		cmocka_unit_test(an_address_of_no_endpoint_is_refused),
		cmocka_unit_test(what_the_kernel_holds_is_told_by_the_configuration),
		cmocka_unit_test(a_reload_keeps_the_figures_of_what_stays),
		cmocka_unit_test(a_name_with_a_used_number_counts_from_zero_and_nobody_else_does),
		cmocka_unit_test(other_buckets_begin_with_empty_histograms_and_the_same_ones_go_on),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return lab_main(tests);
}
