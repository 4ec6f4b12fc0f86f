/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/tools/flood_frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <string.h>

/* Of 16-bit words as they lie in memory; an odd byte at the end counts as if a zero followed */
static uint32_t sum_of(const void *data, size_t length)
{
	const uint8_t *at = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i += 2) {
		uint8_t pair[2] = {at[i], i + 1 < length ? at[i + 1] : 0};
		uint16_t word;

		memcpy(&word, pair, sizeof(word));
		sum += word;
	}
	return sum;
}

static void ipv4(const struct flood_frame *frame, uint8_t *at, size_t l4_length, uint32_t *sum)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)(sizeof(ip) + l4_length)),
		.ttl = 64,
		.protocol = frame->tcp ? IPPROTO_TCP : IPPROTO_UDP,
	};

	memcpy(&ip.daddr, frame->to, sizeof(ip.daddr));
	memcpy(at, &ip, sizeof(ip));
	*sum = sum_of(&ip, sizeof(ip));
}

/* The variable part of the source stays zero: bytes 4 .. 7 */
static void ipv6(const struct flood_frame *frame, uint8_t *at, size_t l4_length)
{
	struct ipv6hdr ip = {
		.version = 6,
		.payload_len = htons((uint16_t)l4_length),
		.nexthdr = frame->tcp ? IPPROTO_TCP : IPPROTO_UDP,
		.hop_limit = 64,
	};

	memcpy(&ip.saddr, frame->from, sizeof(ip.saddr));
	memset(ip.saddr.s6_addr + 4, 0, 4);
	memcpy(&ip.daddr, frame->to, sizeof(ip.daddr));
	memcpy(at, &ip, sizeof(ip));
}

static void transport(const struct flood_frame *frame, uint8_t *at, size_t l4_length)
{
	struct tcphdr tcp = {
		.dest = htons(frame->dport), .doff = 5, .syn = 1, .window = htons(64240)};
	struct udphdr udp = {.dest = htons(frame->dport), .len = htons((uint16_t)l4_length)};

	if (frame->tcp)
		memcpy(at, &tcp, sizeof(tcp));
	else
		memcpy(at, &udp, sizeof(udp));
}

void flood_frame(const struct flood_frame *frame, uint8_t out[FLOOD_FRAME_MAX],
		 struct flood_plan *plan)
{
	size_t l3_length = frame->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	uint8_t *l4 = out + ETH_HLEN + l3_length;
	size_t l4_length = frame->tcp ? sizeof(struct tcphdr) : frame->size - ETH_HLEN - l3_length;
	uint16_t pseudo[2] = {htons(frame->tcp ? IPPROTO_TCP : IPPROTO_UDP),
			      htons((uint16_t)l4_length)};
	struct ethhdr ethernet = {.h_proto = htons(frame->ipv6 ? ETH_P_IPV6 : ETH_P_IP)};
	uint32_t part;

	memset(out, 0, FLOOD_FRAME_MAX);
	memset(plan, 0, sizeof(*plan));
	memcpy(ethernet.h_dest, frame->to_mac, ETH_ALEN);
	memcpy(ethernet.h_source, frame->from_mac, ETH_ALEN);
	memcpy(out, &ethernet, sizeof(ethernet));
	if (frame->ipv6)
		ipv6(frame, out + ETH_HLEN, l4_length);
	else
		ipv4(frame, out + ETH_HLEN, l4_length, &plan->ip_sum);
	transport(frame, l4, l4_length);

	plan->ipv6 = frame->ipv6;
	plan->tcp = frame->tcp;
	/* Both addresses lie at the end of the IP header; what varies of the source is still zero */
	plan->l4_sum = sum_of(l4, l4_length) + sum_of(pseudo, sizeof(pseudo)) +
		       sum_of(l4 - (frame->ipv6 ? 32 : 8), frame->ipv6 ? 32 : 8);
	memcpy(&part, frame->from + (frame->ipv6 ? 4 : 0), sizeof(part));
	plan->source = ntohl(part);
	memcpy(plan->header, out, FLOOD_HEADERS);
}
