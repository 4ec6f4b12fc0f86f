// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Turns each live frame of a test run into the next packet of a flood and sends it out of an interface.
 * The whole header is written each time, because a frame comes back as its last receiver left it.
 */
#include "tests/tools/flood.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Constant when loaded, so the kernel folds it into the code: no load and no branch is left of it */
const volatile struct flood_plan weir_flood_plan;
/* One flood has one thread: plain additions */
struct flood_state weir_flood_at;

static __always_inline u16 checksum(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16) ~(sum + (sum >> 16));
}

static __always_inline void write_ports(u8 *l4, u32 sum, u32 lap)
{
	u32 sequence = bpf_htonl((u32)weir_flood_at.packets);
	u16 port = bpf_htons((u16)(1024 + lap % 60000));

	*(u16 *)l4 = port;
	sum += port;
	if (weir_flood_plan.tcp) {
		*(u32 *)(l4 + 4) = sequence;
		*(u16 *)(l4 + 16) = checksum(sum + (sequence & 0xffff) + (sequence >> 16));
	} else if (weir_flood_plan.ipv6) { /* 0 would mean none, which IPv6 forbids */
		u16 check = checksum(sum);

		*(u16 *)(l4 + 6) = check ? check : 0xffff;
	}
}

/* Is it time for a packet? Asked over and over by a processor that does nothing else */
static __always_inline bool is_due(void)
{
	u64 now;

	if (!weir_flood_plan.gap)
		return true;
	now = bpf_ktime_get_ns() << FLOOD_GAP_SHIFT;
	if (now < weir_flood_at.next)
		return false;
	if (weir_flood_at.next + FLOOD_LATE < now)
		weir_flood_at.next = now - FLOOD_LATE;
	weir_flood_at.next += weir_flood_plan.gap;
	return true;
}

/* The variable part of the next source, host order; *lap: how often it has come before, about */
static __always_inline u32 next_source(u32 *lap)
{
	u32 which = weir_flood_at.which, every = weir_flood_plan.heavy_every;

	if (every && weir_flood_at.packets % every == 0) {
		*lap = (u32)(weir_flood_at.packets / every);
		return weir_flood_plan.heavy;
	}
	*lap = weir_flood_at.lap;
	if (++weir_flood_at.which == weir_flood_plan.sources) {
		weir_flood_at.which = 0;
		weir_flood_at.lap++;
	}
	return weir_flood_plan.source + (which * weir_flood_plan.stride & (FLOOD_SOURCES_MAX - 1));
}

SEC("xdp")
int weir_flood(struct xdp_md *ctx)
{
	u8 *data = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end;
	u32 words = weir_flood_plan.ipv6 ? FLOOD_HEADERS / 8 : 7;
	u32 source, lap, sum;

	if (data + (weir_flood_plan.ipv6 ? FLOOD_HEADERS : 56) > end)
		return XDP_ABORTED;
	if (!is_due())
		return XDP_DROP;
#pragma unroll
	for (u32 i = 0; i < FLOOD_HEADERS / 8; i++)
		if (i < words)
			*(u64 *)(data + 8 * i) = weir_flood_plan.header[i];
	source = bpf_htonl(next_source(&lap));
	sum = (source & 0xffff) + (source >> 16);
	*(u32 *)(data + FLOOD_SOURCE) = source;
	if (weir_flood_plan.ipv6) {
		write_ports(data + 54, weir_flood_plan.l4_sum + sum, lap);
	} else {
		*(u16 *)(data + 24) = checksum(weir_flood_plan.ip_sum + sum);
		write_ports(data + 34, weir_flood_plan.l4_sum + sum, lap);
	}
	weir_flood_at.packets++;
	return (int)bpf_redirect(weir_flood_plan.ifindex, 0);
}
