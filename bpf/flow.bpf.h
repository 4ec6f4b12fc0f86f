/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet's way through telemetry: who -> flow -> what it tells -> histograms and counters. Most packets tell nothing: an ACK, or
 * another segment of an answer. They cost one hash, one set and the first line of the flow, and no look at the clock. What leaves
 * for an upstream asks the gate of its breaker before the flow hears of it.
 */
#pragma once

#include "bpf/breaker.bpf.h"
#include "bpf/clock.bpf.h"
#include "bpf/core/flow.h"
#include "bpf/core/flow_table.h"
#include "bpf/core/histogram.h"
#include "bpf/flow_maps.bpf.h"
#include "bpf/side.bpf.h"
#include "bpf/tc.bpf.h"
#include "bpf/unreachable.bpf.h"

/*
 * A packet, as its flow sees it. As in limit.bpf.h, functions that are __noinline and not static take it by reference,
 * are verified each on its own, and look maps up again.
 */
struct weir_seen {
	struct weir_flow_key key;
	struct weir_flow_hash hash;
	struct weir_segment segment;
	u64 bytes;    /* of all segments, with headers of their own */
	u32 segments; /* that GRO merged, or GSO will cut */
	u32 payload;  /* where it begins in the frame */
	u32 active;   /* side of the configuration */
	u32 out;      /* 1: it leaves this host. 0: it comes in */
	u32 owner;    /* of a packet that leaves: the endpoint it is for, or WEIR_NOBODY */
	u32 permit;   /* WEIR_PERMITTED and the epoch: its call has one */
};

#define WEIR_NOBODY 0xffff

weir_inline struct weir_flow_set *weir_flow_set_of(u64 hash)
{
	u32 index = weir_set_index(hash, weir_flow_sets);

	return bpf_map_lookup_elem(&weir_flows, &index);
}

weir_inline void weir_discard(enum weir_discard why, u64 count)
{
	struct weir_flow_sums *sums = weir_my_flow_sums();

	if (sums)
		sums->discarded[why] += count;
}

/* ----------------------------------------------------------------------------------- what it tells */

weir_inline void weir_sample_here(const struct weir_side *side, u32 latency, u32 owner, u64 ns)
{
	u32 index = weir_histogram_index(side->latency_bank & 1, latency, owner);
	struct weir_histogram *histogram = bpf_map_lookup_elem(&weir_latency, &index);
	u64 slot;

	if (!histogram)
		return;
	slot = weir_slot(side->bound_ns, ns);
	weir_opaque(slot);
	histogram->slot[slot % WEIR_SLOTS]++;
	histogram->sum_ns += ns;
}

/* The same, where it is rare */
__noinline int weir_sample(const struct weir_seen *seen, u32 latency, u32 owner, u64 ns)
{
	const struct weir_side *side;

	if (!seen)
		return 0;
	side = weir_side_at(seen->active);
	if (side)
		weir_sample_here(side, latency, owner, ns);
	return 0;
}

/* What became of a call that was answered; one thing only */
weir_inline enum weir_result weir_result_of(const struct weir_endpoint *endpoint, u32 class, u64 ns)
{
	if (class == 5)
		return WEIR_RESULT_HTTP_5XX;
	if (ns > endpoint->answer_timeout_ns)
		return WEIR_RESULT_NO_ANSWER;
	return ns > endpoint->slow_ns ? WEIR_RESULT_SLOW : WEIR_RESULT_OK;
}

weir_inline u32 weir_count_answer(struct __sk_buff *skb, const struct weir_seen *seen,
				  const struct weir_endpoint *endpoint, struct weir_calls *calls,
				  u64 ns)
{
	u8 status[WEIR_HTTP_STATUS_BYTES] = {};
	u32 class = 0, result;

	if (endpoint->flags & WEIR_ENDPOINT_HTTP) {
		if (!bpf_skb_load_bytes(skb, seen->payload, status, sizeof(status)))
			class = weir_http_class(status);
		if (class < sizeof(calls->http) / sizeof(calls->http[0]))
			calls->http[class]++;
	}
	result = weir_result_of(endpoint, class, ns);
	calls->result[result]++;
	return result;
}

/* To the upstream that `owner`, an endpoint, is of. Returns what an answer was, enum weir_result */
__noinline int weir_tell_upstream(struct __sk_buff *skb, const struct weir_seen *seen,
				  const struct weir_flow_news *news, u32 owner)
{
	const struct weir_endpoint *endpoint;
	const struct weir_side *side;
	struct weir_calls *calls;
	u32 upstream, result = 0;

	if (!seen || !news)
		return 0;
	side = weir_side_at(seen->active);
	calls = bpf_map_lookup_elem(&weir_calls, &owner);
	if (!side || !calls)
		return 0;
	endpoint = weir_endpoint_at(side, owner);
	upstream = endpoint->upstream % WEIR_UPSTREAMS;
	calls->connected += !!(news->events & WEIR_NEWS_CONNECTED);
	calls->result[WEIR_RESULT_REFUSED] += !!(news->events & WEIR_NEWS_REFUSED);
	calls->result[WEIR_RESULT_RESET] += !!(news->events & WEIR_NEWS_RESET);
	calls->result[WEIR_RESULT_NO_ANSWER] += news->unanswered;
	if (news->events & WEIR_NEWS_RESPONSE) {
		result = weir_count_answer(skb, seen, endpoint, calls, news->response_ns);
		weir_sample_here(side, WEIR_LATENCY_UPSTREAM_RESPONSE, upstream, news->response_ns);
	}
	if (news->events & WEIR_NEWS_HANDSHAKE)
		weir_sample(seen, WEIR_LATENCY_CONNECT, upstream, news->handshake_ns);
	return (int)result;
}

/* The same to its breaker. answer: of a RESPONSE, as above; now: when that came */
__noinline int weir_tell_breaker(u32 owner, const struct weir_flow_news *news, u32 answer, u64 now)
{
	if (!news)
		return 0;
	if (news->events & WEIR_NEWS_CONNECTED)
		weir_tell_connected(owner, news->began_ns);
	if (news->events & WEIR_NEWS_REFUSED)
		weir_tell_result(owner, WEIR_RESULT_REFUSED, news->began_ns);
	if (news->events & WEIR_NEWS_RESET)
		weir_tell_result(owner, WEIR_RESULT_RESET, news->began_ns);
	for (u32 i = 0; i <= WEIR_FLOW_QUEUE; i++) {
		if (i >= news->unanswered)
			break;
		weir_tell_result(owner, WEIR_RESULT_NO_ANSWER, news->began_ns);
	}
	if (news->events & WEIR_NEWS_RESPONSE)
		weir_tell_result(owner, answer, now - news->response_ns);
	return 0;
}

weir_inline void weir_tell_service(const struct weir_seen *seen, const struct weir_flow_news *news,
				   u32 owner)
{
	owner %= WEIR_SERVICES;
	if (news->events & WEIR_NEWS_RESPONSE)
		weir_sample(seen, WEIR_LATENCY_RESPONSE, owner, news->response_ns);
	if (news->events & WEIR_NEWS_HANDSHAKE)
		weir_sample(seen, WEIR_LATENCY_ROUND_TRIP, owner, news->handshake_ns);
}

weir_inline void weir_tell_discards(const struct weir_flow_news *news)
{
	struct weir_flow_sums *sums = weir_my_flow_sums();

	if (!sums)
		return;
	sums->retransmissions += !!(news->events & WEIR_NEWS_RETRANSMITTED);
	sums->discarded[WEIR_DISCARD_RETRANSMITTED] += !!(news->events & WEIR_NEWS_AMBIGUOUS);
	sums->discarded[WEIR_DISCARD_PIPELINED] += !!(news->events & WEIR_NEWS_PIPELINED);
	sums->discarded[WEIR_DISCARD_EVICTED] += !!(news->events & WEIR_NEWS_FORGOTTEN);
}

/* ------------------------------------------------------------------------------- whose flow it is */

/* The endpoint at the remote end; WEIR_NOBODY: none */
weir_inline u32 weir_endpoint_of(const struct weir_side *side, const struct weir_seen *seen)
{
	struct weir_endpoint_key key = {.port = seen->key.rport, .protocol = seen->key.protocol};
	const u32 *number;

	if (!(side->flags & WEIR_SIDE_ENDPOINTS))
		return WEIR_NOBODY;
	key.addr[0] = seen->key.remote[0];
	key.addr[1] = seen->key.remote[1];
	number = bpf_map_lookup_elem(&weir_endpoints, &key);
	if (!number || *number >= WEIR_ENDPOINTS ||
	    !(weir_endpoint_at(side, *number)->flags & WEIR_ENDPOINT_USED))
		return WEIR_NOBODY;
	return *number;
}

/* The service of the local port; WEIR_NOBODY: none, or one that is not followed */
weir_inline u32 weir_followed_service(const struct weir_side *side, const struct weir_seen *seen)
{
	u8 class = weir_class_of(side, seen->key.protocol, seen->key.lport);
	u64 service;

	if (class == WEIR_CLASS_PROTECTED)
		return WEIR_NOBODY;
	service = weir_service_of(side, seen->active & 1, seen->key.local, class) % WEIR_SERVICES;
	weir_opaque(service);
	if (!(side->service[service % WEIR_SERVICES].flags & WEIR_SERVICE_LATENCY))
		return WEIR_NOBODY;
	return (u32)service;
}

/*
 * The service that a packet of no known flow begins one with. A SYN says who calls. Data of an older connection, or a
 * datagram, might as well be the answer to a call of this host: from an endpoint it is, and so it is taken
 * to be in `other`, where everything without a service ends up, if the remote port is the lower one.
 */
weir_inline u32 weir_called_service(const struct weir_side *side, const struct weir_seen *seen,
				    bool syn)
{
	u32 service = weir_followed_service(side, seen);

	if (syn || service == WEIR_NOBODY)
		return service;
	if (service == WEIR_SERVICE_OTHER && seen->key.rport <= seen->key.lport)
		return WEIR_NOBODY;
	return weir_endpoint_of(side, seen) == WEIR_NOBODY ? service : WEIR_NOBODY;
}

/* The configuration has changed: whose is it now? False: nobody's, and it is forgotten. */
weir_inline bool weir_settle_owner(const struct weir_side *side, const struct weir_seen *seen,
				   struct weir_flow *flow)
{
	u32 owner = flow->flags & WEIR_FLOW_UPSTREAM ? weir_endpoint_of(side, seen)
						     : weir_followed_service(side, seen);

	if (owner == WEIR_NOBODY)
		return false;
	flow->owner = (u16)owner;
	flow->generation = (u16)side->generation;
	return true;
}

/* ------------------------------------------------------------------------------------ known flows */

/* What the step wants to know of a packet that is not quiet */
weir_inline void weir_look_closer(struct __sk_buff *skb, const struct weir_side *side,
				  struct weir_seen *seen, const struct weir_flow *flow)
{
	struct weir_segment *segment = &seen->segment;
	u8 first[WEIR_BEGINS_BYTES];

	if (weir_flow_needs_clock(flow, segment))
		segment->now = bpf_ktime_get_ns();
	if (segment->udp)
		segment->timeout_ns =
			flow->flags & WEIR_FLOW_UPSTREAM
				? weir_endpoint_at(side, flow->owner)->answer_timeout_ns
				: WEIR_FLOW_DATAGRAM_NS;
	if (weir_unlikely(weir_flow_needs_payload(flow, segment)) &&
	    !bpf_skb_load_bytes(skb, seen->payload, first, sizeof(first)))
		segment->begins = weir_begins(first);
}

/* A function of its own for the verifier's sake */
__noinline int weir_step(struct weir_flow *flow, const struct weir_segment *segment,
			 struct weir_flow_news *news)
{
	return !flow || !segment || !news || weir_flow_step(flow, segment, news);
}

weir_inline void weir_tell_endpoint(struct __sk_buff *skb, const struct weir_side *side,
				    const struct weir_seen *seen, const struct weir_flow_news *news,
				    u32 owner)
{
	u32 answer = (u32)weir_tell_upstream(skb, seen, news, owner);

	if (weir_endpoint_at(side, owner)->flags & WEIR_ENDPOINT_BREAKER)
		weir_tell_breaker(owner, news, answer, seen->segment.now);
}

/* Its SYN has taken a permit: sent again it needs no other. */
weir_inline void weir_flow_permit(struct weir_flow *flow, u32 permit)
{
	const union weir_flow_mode flag = {.flags = WEIR_FLOW_PERMITTED};

	flow->permit = (u16)permit;
	(void)__sync_fetch_and_or(&flow->mode, flag.word);
}

/* A packet that is neither quiet nor plain, of a known flow. 1: forget the flow. */
__noinline int weir_attend(struct __sk_buff *skb, struct weir_seen *seen, struct weir_flow *flow)
{
	struct weir_flow_news news = {};
	const struct weir_side *side;

	if (!seen || !flow)
		return 0;
	side = weir_side_at(seen->active);
	if (!side)
		return 0;
	if (flow->generation != (u16)side->generation && !weir_settle_owner(side, seen, flow))
		return 1;
	weir_look_closer(skb, side, seen, flow);
	for (int try = 0; try < WEIR_FLOW_TRIES; try++)
		if (weir_step(flow, &seen->segment, &news))
			break;
	if (weir_unlikely(seen->permit))
		weir_flow_permit(flow, seen->permit);
	if (news.events & ~(WEIR_NEWS_HANDSHAKE | WEIR_NEWS_RESPONSE | WEIR_NEWS_CONNECTED))
		weir_tell_discards(&news);
	if (flow->flags & WEIR_FLOW_UPSTREAM) {
		if (news.events | news.unanswered)
			weir_tell_endpoint(skb, side, seen, &news, flow->owner);
	} else {
		weir_tell_service(seen, &news, flow->owner);
	}
	return 0;
}

/* A request, or the answer to it. False: weir_attend() must see to it. */
weir_inline bool weir_attend_plain(struct __sk_buff *skb, const struct weir_side *side,
				   struct weir_seen *seen, struct weir_flow *flow,
				   union weir_flow_mode mode)
{
	struct weir_flow_news news = {};

	seen->segment.now = bpf_ktime_get_ns();
	if (!weir_flow_plain(flow, &seen->segment, mode, &news))
		return false;
	if (!news.events)
		return true;
	if (flow->flags & WEIR_FLOW_UPSTREAM)
		weir_tell_endpoint(skb, side, seen, &news, flow->owner);
	else
		weir_sample_here(side, WEIR_LATENCY_RESPONSE, flow->owner % WEIR_SERVICES,
				 news.response_ns);
	return true;
}

/* False: the flow is to be forgotten */
weir_inline bool weir_pass(struct __sk_buff *skb, const struct weir_side *side,
			   struct weir_seen *seen, struct weir_flow *flow)
{
	union weir_flow_mode mode;

	if (weir_likely(flow->generation == (u16)side->generation)) {
		if (weir_flow_quiet(flow, &seen->segment))
			return true;
		mode = weir_flow_mode(flow);
		if (weir_flow_is_plain(flow, &seen->segment, mode) &&
		    weir_attend_plain(skb, side, seen, flow, mode))
			return true;
	}
	return !weir_attend(skb, seen, flow);
}

/* Once in a jiffy, or when its state has changed: until when the flow matters */
weir_inline void weir_flow_heard(struct weir_flow *flow, u64 *slot, u64 old, u8 before)
{
	u8 state = weir_flow_mode(flow).state;
	u32 jiffy = (u32)bpf_jiffies64();

	if (weir_likely(state == before && flow->heard == jiffy))
		return;
	flow->heard = jiffy;
	weir_flow_keep(slot, old, state, flow->flags & WEIR_FLOW_UPSTREAM, state != before,
		       weir_about_now());
}

/*
 * Counts are not atomic: two processors that have segments of one direction at the same moment may lose one here. It is
 * what `weir top --flows` shows; no sample depends on it.
 */
weir_inline void weir_flow_count(struct weir_flow *flow, const struct weir_seen *seen)
{
	u32 by = !seen->segment.by_initiator;

	flow->bytes[by] += seen->bytes;
	flow->packets[by] += seen->segments;
}

weir_inline void weir_follow_known(struct __sk_buff *skb, const struct weir_side *side,
				   struct weir_seen *seen, struct weir_flow_set *set, u32 way)
{
	struct weir_flow *flow = &set->way[way % WEIR_WAYS];
	u64 *slot = &set->slot[way % WEIR_WAYS], old = weir_read_once(*slot);
	union weir_flow_mode before = weir_flow_mode(flow);

	seen->segment.by_initiator = !!(before.flags & WEIR_FLOW_UPSTREAM) == seen->out;
	if (!weir_pass(skb, side, seen, flow)) {
		if ((u32)old)
			(void)weir_compare_and_swap(slot, old, WEIR_SLOT_FREE);
		return;
	}
	weir_flow_count(flow, seen);
	if (weir_likely(before.state != WEIR_FLOW_CLOSED) ||
	    weir_flow_mode(flow).state != WEIR_FLOW_CLOSED)
		weir_flow_heard(flow, slot, old, before.state);
}

/* -------------------------------------------------------------------------------------- new flows */

/* Makes room for a flow in its set. Returns the way, claimed, or WEIR_WAYS. */
weir_inline u32 weir_flow_make_room(struct weir_flow_set *set, const struct weir_seen *seen)
{
	struct weir_flow_sums *sums = weir_my_flow_sums();
	s32 remaining;
	u32 way = weir_victim(set->slot, seen->hash.place, weir_flow_coarse(seen->segment.now),
			      &remaining) %
		  WEIR_WAYS;
	u64 old = weir_read_once(set->slot[way]);

	if (!sums)
		return WEIR_WAYS;
	if (weir_flow_stays(remaining)) {
		/* The data of one that stays out comes again and again. */
		if (seen->segment.udp || (seen->segment.tcp_flags & WEIR_FLAG_SYN))
			sums->discarded[WEIR_DISCARD_NO_ROOM]++;
		return WEIR_WAYS;
	}
	if (!weir_claim(&set->slot[way], old))
		return WEIR_WAYS;
	sums->inserts++;
	if (old == WEIR_SLOT_FREE)
		return way;
	if (remaining > 0)
		sums->evictions_active++;
	else
		sums->evictions_idle++;
	if (weir_flow_take(&set->way[way]))
		sums->discarded[WEIR_DISCARD_EVICTED]++;
	return way;
}

weir_inline void weir_flow_insert(const struct weir_side *side, const struct weir_seen *seen,
				  struct weir_flow_set *set, u32 owner, u32 ifindex)
{
	u32 way = weir_flow_make_room(set, seen);
	struct weir_flow *flow;

	if (way >= WEIR_WAYS)
		return;
	flow = &set->way[way];
	flow->check = seen->hash.check;
	weir_flow_reset_counts(flow);
	flow->owner = (u16)owner;
	flow->generation = (u16)side->generation;
	flow->heard = 0;
	__builtin_memcpy(flow->remote, seen->key.remote, sizeof(flow->remote));
	__builtin_memcpy(flow->local, seen->key.local, sizeof(flow->local));
	flow->rport = seen->key.rport;
	flow->lport = seen->key.lport;
	flow->protocol = seen->key.protocol;
	flow->interface = (u8)weir_interface_of(side, ifindex);
	weir_write_once(flow->mode, weir_flow_begin(flow, &seen->segment, seen->out).word);
	if (weir_unlikely(seen->permit))
		weir_flow_permit(flow, seen->permit);
	weir_flow_count(flow, seen);
	weir_publish(&set->slot[way], weir_tag(seen->hash.place),
		     weir_flow_expiry(WEIR_FLOW_ASKED, seen->out, seen->segment.now));
}

/* Begins a flow with a SYN, a datagram, or data of a connection that is older; with nothing else. */
__noinline int weir_meet(struct __sk_buff *skb, struct weir_seen *seen)
{
	const struct weir_side *side;
	struct weir_flow_set *set;
	bool syn;
	u32 owner;

	if (!seen || !weir_flow_begins(&seen->segment))
		return 0;
	syn = seen->segment.tcp_flags & WEIR_FLAG_SYN;
	side = weir_side_at(seen->active);
	set = weir_flow_set_of(seen->hash.place);
	if (!side || !set)
		return 0;
	owner = !seen->out		       ? weir_called_service(side, seen, syn)
		: skb->mark == WEIR_PROBE_MARK ? WEIR_NOBODY
					       : seen->owner;
	if (owner == WEIR_NOBODY)
		return 0;
	seen->segment.by_initiator = 1;
	seen->segment.now = bpf_ktime_get_ns();
	weir_flow_insert(side, seen, set, owner, skb->ifindex);
	return 0;
}

/* ------------------------------------------------------------------------------------ what leaves */

/* A SYN, and not what begins like one */
weir_inline bool weir_is_syn(const struct weir_segment *s)
{
	return !s->udp &&
	       (s->tcp_flags & (WEIR_FLAG_SYN | WEIR_FLAG_ACK | WEIR_FLAG_RST)) == WEIR_FLAG_SYN;
}

/* Of an established connection: it says what its sender waits for. Never a RST for a RST (RFC 9293, 3.10.7.1) */
weir_inline bool weir_is_of_connection(const struct weir_segment *s)
{
	return !s->udp &&
	       (s->tcp_flags & (WEIR_FLAG_SYN | WEIR_FLAG_ACK | WEIR_FLAG_RST)) == WEIR_FLAG_ACK;
}

/* May a gate have something to say? Cheap, and for most packets the answer */
weir_inline bool weir_may_be_gated(const struct weir_side *side, const struct weir_seen *seen,
				   const struct weir_flow *flow)
{
	const struct weir_segment *s = &seen->segment;
	u32 flags;

	if (!flow)
		return (side->flags & WEIR_SIDE_ENDPOINTS) && weir_flow_begins(s);
	if (weir_likely(!(flow->flags & WEIR_FLOW_UPSTREAM)))
		return false;
	if (weir_unlikely(flow->generation != (u16)side->generation))
		return true;
	flags = weir_endpoint_at(side, flow->owner)->flags;
	return (flags & WEIR_ENDPOINT_BREAKER) &&
	       (s->udp || (s->tcp_flags & WEIR_FLAG_SYN) || (flags & WEIR_ENDPOINT_RESET));
}

/* The permit that this SYN's call has taken when it was sent before; 0: none */
weir_inline u32 weir_permit_of(const struct weir_flow *flow, const struct weir_segment *s)
{
	union weir_flow_mode m = weir_flow_mode(flow);

	return (m.flags & WEIR_FLOW_PERMITTED) && weir_flow_is_again(flow, s, m)
		       ? WEIR_PERMITTED | flow->permit
		       : 0;
}

/*
 * Asks the gate, before the flow (NULL: not known) hears of the packet. Returns WEIR_LET_PASS, _REJECT_CALL, _RESET_IT. A connection that does
 * not go on is closed: what then ends it here is no failure of the endpoint's.
 */
__noinline int weir_leave(struct __sk_buff *skb, struct weir_seen *seen, struct weir_flow *flow)
{
	const struct weir_side *side;
	bool syn, begins;
	u32 says;

	if (!seen)
		return WEIR_LET_PASS;
	side = weir_side_at(seen->active);
	if (!side)
		return WEIR_LET_PASS;
	syn = weir_is_syn(&seen->segment);
	begins = syn || seen->segment.udp;
	seen->owner = flow && flow->generation == (u16)side->generation
			      ? flow->owner
			      : weir_endpoint_of(side, seen);
	if (seen->owner == WEIR_NOBODY || !(begins || weir_is_of_connection(&seen->segment)))
		return WEIR_LET_PASS;
	says = weir_pass_gate(skb, side, seen->active, seen->owner, !begins,
			      syn && flow ? weir_permit_of(flow, &seen->segment) : 0);
	if (WEIR_GATE_SAYS(says) == WEIR_PERMITTED) {
		seen->permit = syn ? says : 0;
		return WEIR_LET_PASS;
	}
	if (says != WEIR_LET_PASS && flow && !seen->segment.udp)
		weir_flow_abandon(flow);
	return (int)says;
}

/* Turned into what answers it, and back to who sent it. What can not be answered is dropped. */
__noinline int weir_turn_back(struct __sk_buff *skb, const struct weir_packet *packet, u32 says)
{
	int error;

	if (!packet)
		return WEIR_TC_DROP;
	if (packet->protocol == WEIR_IP_UDP)
		error = weir_answer_udp(skb, packet);
	else
		error = weir_answer_tcp(skb, packet,
					says == WEIR_RESET_IT ? WEIR_RESET_CONNECTION : 0);
	if (error || weir_turn_ethernet(skb))
		return WEIR_TC_DROP;
	skb->mark = WEIR_ANSWER_MARK;
	return (int)bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

/* ----------------------------------------------------------------------------------- the whole way */

/*
 * The payload by the length in the IP header: what follows in the frame is padding. Only a packet over 64 KiB has no
 * length there (BIG TCP): then it is all of the frame.
 */
weir_inline bool weir_measure(struct __sk_buff *skb, const struct weir_packet *packet,
			      struct weir_seen *seen)
{
	u8 *end = (u8 *)(long)skb->data_end, *at = (u8 *)(long)skb->data + (packet->l4 & 0x7fff);
	u32 whole = packet->length, header = 8;

	if (weir_unlikely(skb->len > 65535u) &&
	    whole == (packet->ipv6 ? packet->l3 + 40u : packet->l3 + 65536u))
		whole = skb->len;
	seen->segment.udp = packet->protocol == WEIR_IP_UDP;
	if (!seen->segment.udp) {
		if (at + 20 > end)
			return false;
		seen->segment.seq = bpf_ntohl(weir_load(u32, at + 4));
		seen->segment.ack = bpf_ntohl(weir_load(u32, at + 8));
		seen->segment.tcp_flags = at[13];
		header = (at[12] >> 4) * 4u;
	}
	seen->payload = packet->l4 + header;
	if (whole > skb->len || seen->payload > whole)
		return false;
	seen->segment.length = whole - seen->payload;
	return true;
}

weir_inline void weir_orient(const struct weir_packet *packet, struct weir_seen *seen, bool out)
{
	__builtin_memcpy(seen->key.remote, out ? packet->destination : packet->source, 16);
	__builtin_memcpy(seen->key.local, out ? packet->source : packet->destination, 16);
	seen->key.rport = out ? packet->dport : packet->sport;
	seen->key.lport = out ? packet->sport : packet->dport;
	seen->key.protocol = packet->protocol;
	seen->out = out;
}

/* False: nothing that flows are made of */
weir_inline bool weir_look(struct __sk_buff *skb, struct weir_packet *packet)
{
	u32 verdict = weir_parse_tc(skb, packet);

	if (weir_unlikely(verdict != WEIR_PASSED)) {
		/* Headers may lie outside the linear part. */
		if (verdict == WEIR_CONTROL || skb->data_end - skb->data >= WEIR_PULL ||
		    weir_pull(skb))
			return false;
		*packet = (struct weir_packet){};
		if (weir_parse_tc(skb, packet) != WEIR_PASSED)
			return false;
	}
	return (packet->protocol == WEIR_IP_TCP || packet->protocol == WEIR_IP_UDP) &&
	       !packet->later_fragment;
}

/* What the kernel shall do with it */
weir_inline int weir_follow(struct __sk_buff *skb, bool out)
{
	struct weir_seen seen = {.bytes = skb->len, .segments = 1, .owner = WEIR_NOBODY};
	const struct weir_control *control;
	struct weir_packet packet = {};
	const struct weir_side *side;
	struct weir_flow_set *set;
	u32 zero = 0, way, says;
	struct weir_flow *flow;

	control = bpf_map_lookup_elem(&weir_control, &zero);
	if (!control)
		return WEIR_TC_NEXT;
	seen.active = WEIR_SIDE(weir_read_once(control->word));
	side = weir_side_at(seen.active);
	if (!side || !weir_look(skb, &packet) || !weir_measure(skb, &packet, &seen))
		return WEIR_TC_NEXT;
	weir_orient(&packet, &seen, out);
	if (skb->gso_size) {
		struct weir_units units = {.packets = 1, .bytes = skb->len};

		weir_unmerge(skb, &packet, &units);
		seen.segments = (u32)units.packets;
		seen.bytes = units.bytes;
	}
	seen.hash = weir_flow_hash(&seen.key, weir_seed);
	set = weir_flow_set_of(seen.hash.place);
	if (!set)
		return WEIR_TC_NEXT;
	way = weir_flow_find(set, &seen.hash);
	flow = way < WEIR_WAYS ? &set->way[way % WEIR_WAYS] : NULL;
	if (out && weir_may_be_gated(side, &seen, flow)) {
		says = (u32)weir_leave(skb, &seen, flow);
		if (weir_unlikely(says != WEIR_LET_PASS))
			return weir_turn_back(skb, &packet, says);
	}
	if (weir_likely(way < WEIR_WAYS))
		weir_follow_known(skb, side, &seen, set, way);
	else
		weir_meet(skb, &seen);
	return WEIR_TC_NEXT;
}
