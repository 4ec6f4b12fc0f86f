// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes the sources of a flood of SYNs real clients: attached where the flood leaves, it answers for each address in 10.0.0.0/8. A
 * SYN-ACK from port 80 gets an ACK with a request for a page, the end of the answer a RST; what is between is
 * dropped. No state, so any number of clients. Everything else passes.
 *
 *   ip link set eth0 xdp object bots.bpf.o program weir_bots
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

struct frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

#define REQUEST "GET / HTTP/1.0\r\n\r\n"
#define REQUEST_BYTES (sizeof(REQUEST) - 1)
_Static_assert(REQUEST_BYTES % 2 == 0, "its checksum goes by 16-bit words");

/* Of 16-bit words as they lie in memory (RFC 1071) */
static __always_inline u32 sum_of(const void *data, u32 bytes)
{
	const u16 *word = data;
	u32 sum = 0;

#pragma unroll
	for (u32 i = 0; i < bytes / 2; i++)
		sum += word[i];
	return sum;
}

static __always_inline u16 fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16) ~(sum + (sum >> 16));
}

/* The answer to `in`, all of it but the request */
static __always_inline void answer(const struct frame *in, struct frame *out, u8 flags, u32 payload)
{
	u32 received = in->tcp.syn || in->tcp.fin;
	u16 pseudo[2] = {bpf_htons(IPPROTO_TCP), bpf_htons((u16)(sizeof(out->tcp) + payload))};

	__builtin_memset(out, 0, sizeof(*out));
	__builtin_memcpy(out->ethernet.h_dest, in->ethernet.h_source, 6);
	__builtin_memcpy(out->ethernet.h_source, in->ethernet.h_dest, 6);
	out->ethernet.h_proto = in->ethernet.h_proto;
	out->ip.version = 4;
	out->ip.ihl = 5;
	out->ip.tot_len = bpf_htons((u16)(sizeof(out->ip) + sizeof(out->tcp) + payload));
	out->ip.ttl = 64;
	out->ip.protocol = IPPROTO_TCP;
	out->ip.saddr = in->ip.daddr;
	out->ip.daddr = in->ip.saddr;
	out->ip.check = fold(sum_of(&out->ip, sizeof(out->ip)));
	out->tcp.source = in->tcp.dest;
	out->tcp.dest = in->tcp.source;
	out->tcp.seq = in->tcp.ack_seq;
	out->tcp.ack_seq = bpf_htonl(bpf_ntohl(in->tcp.seq) + received);
	((u8 *)&out->tcp)[12] = 5 << 4;
	((u8 *)&out->tcp)[13] = flags;
	out->tcp.window = bpf_htons(64240);
	out->tcp.check = fold(sum_of(&out->tcp, sizeof(out->tcp)) + sum_of(&out->ip.saddr, 8) +
			      sum_of(pseudo, sizeof(pseudo)) +
			      (payload ? sum_of(REQUEST, REQUEST_BYTES) : 0));
}

SEC("xdp")
int weir_bots(struct xdp_md *ctx)
{
	u8 *data = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end;
	struct frame in, out;
	u32 payload;

	if (data + sizeof(in) > end)
		return XDP_PASS;
	__builtin_memcpy(&in, data, sizeof(in));
	if (in.ethernet.h_proto != bpf_htons(0x0800) || in.ip.ihl != 5 ||
	    in.ip.protocol != IPPROTO_TCP || (in.ip.daddr & 0xff) != 10 ||
	    in.tcp.source != bpf_htons(80))
		return XDP_PASS;
	if (in.tcp.rst || !(in.tcp.fin || (in.tcp.syn && in.tcp.ack)))
		return XDP_DROP;
	payload = in.tcp.syn ? REQUEST_BYTES : 0;
	answer(&in, &out, in.tcp.syn ? TCP_ACK | TCP_PSH : TCP_RST | TCP_ACK, payload);

	/* Room is made in front, where XDP grants it */
	if (bpf_xdp_adjust_head(ctx, (int)(end - data) - (int)(sizeof(out) + payload)))
		return XDP_DROP;
	data = (u8 *)(long)ctx->data;
	end = (u8 *)(long)ctx->data_end;
	if (data + sizeof(out) > end)
		return XDP_DROP;
	__builtin_memcpy(data, &out, sizeof(out));
	if (payload) {
		if (data + sizeof(out) + REQUEST_BYTES > end)
			return XDP_DROP;
		__builtin_memcpy(data + sizeof(out), REQUEST, REQUEST_BYTES);
	}
	return XDP_TX;
}
