// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Gives each run of a test packet the next source address, then goes on to the program measured by a
 * tail call, so that the very program that is attached is measured. A run against an empty program
 * costs the same but for the program itself.
 */
#include "tests/bench/bench.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u32);
} weir_bench_prog SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct bench_source);
} weir_bench_src SEC(".maps");

SEC("xdp.frags")
int weir_bench(struct xdp_md *ctx)
{
	u8 *data = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end;
	struct bench_source *source;
	u32 zero = 0;
	u64 n;

	source = bpf_map_lookup_elem(&weir_bench_src, &zero);
	if (!source || data + 54 > end)
		return XDP_ABORTED;
	n = source->next++;
	n = ((n & source->mask) * source->step & source->mask) + source->base;
	if (data[12] == 0x08) /* IPv4: from 1.0.0.0 round to 0.255.255.255 */
		*(u32 *)(data + 26) = bpf_htonl((u32)n + 0x01000000);
	else /* IPv6: one /64 each, in one /48 some 65,536 of them, as in 2000::/16 */
		*(u64 *)(data + 22) = (u64)bpf_htonl((u32)n) << 32 | bpf_htonl(0x20000db8);
	bpf_tail_call(ctx, &weir_bench_prog, source->target & 3);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int weir_empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* What the way to any XDP program costs, for drop.sh */
SEC("xdp.frags")
int weir_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp.frags")
int weir_clock(struct xdp_md *ctx)
{
	return bpf_ktime_get_ns() == 1 ? XDP_DROP : XDP_PASS;
}
