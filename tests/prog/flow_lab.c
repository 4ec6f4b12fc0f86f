/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/prog/flow_lab.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/weir_flow.skel.h"

#define TC_NEXT ((u32)-1)

static void *map_at(const struct bpf_map *map, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (at == MAP_FAILED)
		fail_msg("%s: %s", bpf_map__name(map), strerror(errno));
	return at;
}

static void fill_side(struct weir_side *side)
{
	static const u64 bounds[] = {1000, 1000000, 10000000, 100000000, 1000000000};

	side->generation = 1;
	side->ifindex[0] = 1; /* lo, where test runs happen */
	side->interfaces = 1;
	side->bounds = sizeof(bounds) / sizeof(bounds[0]);
	memset(side->bound_ns, 0xff, sizeof(side->bound_ns));
	memcpy(side->bound_ns, bounds, sizeof(bounds));
}

struct flow_lab *flow_lab_open(u32 sets)
{
	struct flow_lab *lab = calloc(1, sizeof(*lab));
	int error;

	assert_non_null(lab);
	lab->skeleton = weir_flow_bpf__open();
	assert_non_null(lab->skeleton);
	lab->sets = sets;
	lab->cpus = (u32)libbpf_num_possible_cpus();
	lab->skeleton->rodata->weir_flow_sets = sets;
	lab->skeleton->rodata->weir_seed[0] = 0x243f6a8885a308d3;
	lab->skeleton->rodata->weir_seed[1] = 0x13198a2e03707345;
	lab->skeleton->rodata->weir_seed[2] = 0xa4093822299f31d1;
	bpf_map__set_max_entries(lab->skeleton->maps.weir_flows, sets);
	error = weir_flow_bpf__load(lab->skeleton);
	if (error)
		fail_msg("the programs do not load: %s", strerror(-error));
	lab->flows = map_at(lab->skeleton->maps.weir_flows, sets * sizeof(*lab->flows));
	lab->side = map_at(lab->skeleton->maps.weir_config, sizeof(*lab->side));
	fill_side(lab->side);
	return lab;
}

void flow_lab_close(struct flow_lab *lab)
{
	munmap(lab->flows, lab->sets * sizeof(*lab->flows));
	munmap(lab->side, sizeof(*lab->side));
	weir_flow_bpf__destroy(lab->skeleton);
	free(lab);
}

void flow_lab_service(struct flow_lab *lab, u16 port, u8 number, u8 flags)
{
	lab->side->class_tcp[port] = lab->side->class_udp[port] = number;
	if (number < WEIR_SERVICES)
		lab->side->service[number].flags = flags;
}

void flow_lab_endpoint(struct flow_lab *lab, const char *address, u16 port, u8 protocol, u32 number,
		       struct weir_endpoint endpoint)
{
	struct weir_endpoint_key key = {.port = port, .protocol = protocol};
	u8 *addr = (u8 *)key.addr;

	addr[10] = addr[11] = 0xff;
	if (inet_pton(AF_INET, address, addr + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, address, addr), 1);
	lab->side->flags |= WEIR_SIDE_ENDPOINTS;
	lab->side->endpoint[number] = endpoint;
	assert_int_equal(bpf_map__update_elem(lab->skeleton->maps.weir_endpoints, &key, sizeof(key),
					      &number, sizeof(number), BPF_ANY),
			 0);
}

int flow_lab_fd(struct flow_lab *lab, bool out)
{
	return bpf_program__fd(out ? lab->skeleton->progs.weir_flow_out
				   : lab->skeleton->progs.weir_flow_in);
}

int flow_lab_pass(struct flow_lab *lab, bool out, const struct frame *frame,
		  const struct flow_lab_gso *gso)
{
	struct __sk_buff skb = {.ifindex = 1};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->at,
		    .data_size_in = (u32)frame->size, .ctx_in = &skb, .ctx_size_in = sizeof(skb));
	int error;

	if (gso) {
		skb.gso_size = gso->size;
		skb.gso_segs = gso->segments;
		skb.data_end = gso->linear;
	}
	error = bpf_prog_test_run_opts(flow_lab_fd(lab, out), &options);
	if (error)
		return error;
	assert_int_equal(options.retval, TC_NEXT);
	return 0;
}

/* Sums what each processor has in entry `index`, words of 64 bits, into *sum. */
static void add_up(struct flow_lab *lab, const struct bpf_map *map, u32 index, void *sum,
		   size_t size)
{
	u64 *each = calloc(lab->cpus, size), *total = sum;

	assert_non_null(each);
	assert_int_equal(
		bpf_map__lookup_elem(map, &index, sizeof(index), each, lab->cpus * size, 0), 0);
	memset(sum, 0, size);
	for (size_t i = 0; i < lab->cpus * size / sizeof(u64); i++)
		total[i % (size / sizeof(u64))] += each[i];
	free(each);
}

struct weir_histogram flow_lab_histogram(struct flow_lab *lab, u32 bank, enum weir_latency latency,
					 u32 owner)
{
	struct weir_histogram sum;

	add_up(lab, lab->skeleton->maps.weir_latency, weir_histogram_index(bank, latency, owner),
	       &sum, sizeof(sum));
	return sum;
}

u64 flow_lab_samples(struct flow_lab *lab, enum weir_latency latency, u32 owner)
{
	struct weir_histogram sum = flow_lab_histogram(lab, 0, latency, owner);
	u64 count = 0;

	for (int i = 0; i < WEIR_SLOTS; i++)
		count += sum.slot[i];
	return count;
}

struct weir_calls flow_lab_calls(struct flow_lab *lab, u32 endpoint)
{
	struct weir_calls sum;

	add_up(lab, lab->skeleton->maps.weir_calls, endpoint, &sum, sizeof(sum));
	return sum;
}

struct weir_flow_sums flow_lab_sums(struct flow_lab *lab)
{
	struct weir_flow_sums sum;

	add_up(lab, lab->skeleton->maps.weir_flow_sums, 0, &sum, sizeof(sum));
	return sum;
}

struct weir_flow *flow_lab_flow(const struct flow_lab *lab, u16 rport, u16 lport)
{
	for (u32 s = 0; s < lab->sets; s++)
		for (int w = 0; w < WEIR_WAYS; w++) {
			struct weir_flow *flow = &lab->flows[s].way[w];

			if ((u32)lab->flows[s].slot[w] && flow->rport == rport &&
			    flow->lport == lport)
				return flow;
		}
	return NULL;
}

u32 flow_lab_count(const struct flow_lab *lab, enum weir_flow_state state)
{
	u32 count = 0;

	for (u32 s = 0; s < lab->sets; s++)
		for (int w = 0; w < WEIR_WAYS; w++)
			count += (u32)lab->flows[s].slot[w] &&
				 (!state || lab->flows[s].way[w].state == state);
	return count;
}

u32 flow_lab_verified(struct flow_lab *lab, bool out)
{
	struct bpf_prog_info info = {};
	u32 size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(flow_lab_fd(lab, out), &info, &size), 0);
	return info.verified_insns;
}
