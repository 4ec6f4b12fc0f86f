// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See script.h. Checksums are left alone: nobody behind the tail call looks at them. */
#include "bpf/abi/flow.h"
/* after the types it uses */
#include "tests/lib/script.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define TC_NEXT (-1)
#define TC_DROP 2
#define PORT 40000

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SCRIPT_TARGETS);
	__type(key, u32);
	__type(value, u32);
} weir_script_prog SEC(".maps");

/* The same kind of memory as weir_flows */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before load, where SCRIPT_MEMORY is used */
	__type(key, u32);
	__type(value, struct weir_flow_set);
} weir_script_mem SEC(".maps");

/* Written by user space between runs; one thread runs it */
struct script weir_script_plan;
u32 weir_script_sets = 1; /* of weir_script_mem: those in use */

struct packet {
	u32 initiator; /* number of the flow */
	u32 seq, ack;
	u16 length;
	u8 flags;
	u8 asks;
};

static __always_inline void advance(struct script_at *at)
{
	if (weir_script_plan.by_flow) {
		if (++at->line < weir_script_plan.lines)
			return;
		at->line = 0;
		if (++at->flow < weir_script_plan.flows)
			return;
		at->flow = 0;
		at->lap++;
	} else {
		if (++at->flow < weir_script_plan.flows)
			return;
		at->flow = 0;
		if (++at->line < weir_script_plan.lines)
			return;
		at->line = 0;
		at->lap++;
	}
}

static __always_inline void next(struct script_at *at, struct packet *packet)
{
	const struct script_line *line = &weir_script_plan.line[at->line % SCRIPT_LINES];

	packet->initiator = weir_script_plan.first + (u32)at->flow;
	packet->seq = line->seq + at->lap * line->seq_lap;
	packet->ack = line->ack + at->lap * line->ack_lap;
	packet->length = line->length;
	packet->flags = line->flags;
	packet->asks = line->asks;
	advance(at);
}

static __always_inline void write_transport(u8 *l4, const struct packet *packet, bool udp)
{
	u16 initiator = bpf_htons(PORT), responder = bpf_htons(weir_script_plan.port);

	*(u16 *)l4 = packet->asks ? initiator : responder;
	*(u16 *)(l4 + 2) = packet->asks ? responder : initiator;
	if (udp) {
		*(u16 *)(l4 + 4) = bpf_htons(8 + packet->length);
		return;
	}
	*(u32 *)(l4 + 4) = bpf_htonl(packet->seq);
	*(u32 *)(l4 + 8) = bpf_htonl(packet->ack);
	l4[13] = packet->flags;
}

static __always_inline void write_ipv4(u8 *l3, const struct packet *packet)
{
	u32 initiator = bpf_htonl(0x01000000 + packet->initiator);
	u32 responder = bpf_htonl(0xc6120001);
	bool udp = l3[9] == 17;

	*(u16 *)(l3 + 2) = bpf_htons(20 + (udp ? 8 : 20) + packet->length);
	*(u32 *)(l3 + 12) = packet->asks ? initiator : responder;
	*(u32 *)(l3 + 16) = packet->asks ? responder : initiator;
	write_transport(l3 + 20, packet, udp);
}

static __always_inline void write_ipv6_address(u8 *at, u32 initiator, bool is_initiator)
{
	u64 network = (u64)bpf_htonl(initiator) << 32 | bpf_htonl(0x20010db8);

	*(u64 *)at = is_initiator ? network : bpf_cpu_to_be64(0xfd00000000000000);
	*(u64 *)(at + 8) = bpf_cpu_to_be64(1);
}

static __always_inline void write_ipv6(u8 *l3, const struct packet *packet)
{
	bool udp = l3[6] == 17;

	*(u16 *)(l3 + 4) = bpf_htons((udp ? 8 : 20) + packet->length);
	write_ipv6_address(l3 + 8, packet->initiator, packet->asks);
	write_ipv6_address(l3 + 24, packet->initiator, !packet->asks);
	write_transport(l3 + 40, packet, udp);
}

SEC("tc")
int weir_script(struct __sk_buff *skb)
{
	u8 *data = (u8 *)(long)skb->data, *end = (u8 *)(long)skb->data_end;
	u32 target = weir_script_plan.target % SCRIPT_TARGETS;
	struct packet packet;

	if (data + 14 + 40 + 20 > end)
		return TC_DROP;
	next(&weir_script_plan.at[target], &packet);
	if (data[12] == 0x08)
		write_ipv4(data + 14, &packet);
	else
		write_ipv6(data + 14, &packet);
	if (target == SCRIPT_IN && packet.asks == weir_script_plan.upstream)
		target = SCRIPT_OUT;
	bpf_tail_call(skb, &weir_script_prog, target);
	return TC_DROP;
}

SEC("tc")
int weir_empty(struct __sk_buff *skb)
{
	return TC_NEXT;
}

SEC("tc")
int weir_clock(struct __sk_buff *skb)
{
	return bpf_ktime_get_ns() == 1 ? TC_DROP : TC_NEXT;
}

/* A flow is found by the line of slots and its own first line; counting writes to that. */
SEC("tc")
int weir_memory(struct __sk_buff *skb)
{
	u8 *data = (u8 *)(long)skb->data, *end = (u8 *)(long)skb->data_end;
	struct weir_flow_set *set;
	struct weir_flow *flow;
	u64 hash;
	u32 index;

	if (data + 14 + 40 > end)
		return TC_DROP;
	/* Of initiator and responder, whichever way it goes */
	hash = *(u32 *)(data + 26) ^ *(u32 *)(data + (data[12] == 0x08 ? 30 : 42));
	hash *= 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ hash >> 32) * 0xff51afd7ed558ccdULL;
	hash ^= hash >> 32;
	index = (u32)((hash >> 32) * weir_script_sets >> 32);
	set = bpf_map_lookup_elem(&weir_script_mem, &index);
	if (!set)
		return TC_DROP;
	flow = &set->way[hash % WEIR_WAYS];
	if (flow->check == 1 && set->slot[hash % WEIR_WAYS] == 1)
		return TC_DROP;
	flow->packets[0]++;
	flow->bytes[0] += 60;
	return TC_NEXT;
}
