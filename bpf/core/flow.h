/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A flow as a state machine: segment in, news out. Pure over struct weir_flow (abi/flow.h); time is passed in.
 *
 * Handshake. A service's round trip is from our SYN-ACK leaving to the ACK of it; an upstream's connect time is from our
 * SYN to the SYN-ACK that acknowledges it. Sent twice, it is not known which was answered: no sample. A flow is
 * OPEN, and so worth keeping, only when the initiator has acknowledged what the responder sent: who
 * spoofs its address can not.
 *
 * Response. Request and answer are writes: data up to a segment with PSH. A request's time is that of its last
 * byte. Its answer begins with the responder's first new data that acknowledges all of the request; each request gives
 * one sample at most. Retransmissions, keepalive and window probes, ACKs and window updates carry nothing new, so they neither
 * give a sample nor start a clock.
 *   - Another write before the answer is another, pipelined request, and queued. The answer of one that was sent while an
 *     earlier one was being answered begins with a write of its own: behind a segment with PSH.
 *   - But a request may also be sent in several writes (head and body of a POST, an upload), and nothing in TCP tells that
 *     from pipelining. Where it is HTTP/1 the payload does: writes that do not begin with a method belong to the one before them, and
 *     an answer begins with a status. Otherwise more than WEIR_FLOW_BULK bytes unanswered are one request, its time the latest; and writes
 *     that an answer has acknowledged with its request are forgotten when the next request comes.
 *   - Who pipelines something else than HTTP/1 and sends more before all is answered may so lose samples, or get
 *     shorter ones; requests that share one segment are one.
 *
 * A connection older than Weir is picked up at its first data, as a request that is under way.
 *
 * UDP: datagram to datagram, first in first out.
 *
 * Races. Two processors may handle the two directions at the same moment. State, flags and queue are one word, changed by
 * compare-and-swap: a step that loses is done again. `since` is taken by compare-and-swap, by whoever counts it (the daemon too, for a
 * timeout), so that no request is counted twice. ask_next is written by the initiator's direction alone, answer_next by the
 * responder's. What is left, all bounded by one sample:
 *   - `since` and ask_end are not one word: an answer that passes within the nanoseconds in which a request is noted may miss it. It
 *     would have to come before the request has even gone on to the stack.
 *   - a queue entry that is moved on (a request in several segments) while it becomes the oldest keeps its earlier time.
 *   - two segments of one direction on two processors at once are as if they had been reordered on the wire.
 */
#pragma once

#include "bpf/abi/flow.h"
#include "compat.h"
#include "http.h"

enum {
	WEIR_FLAG_FIN = 0x01,
	WEIR_FLAG_SYN = 0x02,
	WEIR_FLAG_RST = 0x04,
	WEIR_FLAG_PSH = 0x08,
	WEIR_FLAG_ACK = 0x10,
};

/* This much unanswered, a tenth of what a write of an upload is: nobody pipelines that */
#define WEIR_FLOW_BULK 16384
/* A picked-up flow is proven by an ACK of what was sent lately: windows are rarely larger */
#define WEIR_FLOW_PROOF (1 << 20)
/* A FIN or RST further off than this from what is expected is not from the connection */
#define WEIR_FLOW_NEAR 65536
/* Requests of UDP services that are older are not answered any more (a resolver asks again after 5 s) */
#define WEIR_FLOW_DATAGRAM_NS (5 * 1000000000ULL)

/* A TCP segment, or a datagram. by_initiator: of the flow it belongs to */
struct weir_segment {
	u64 now;	/* ns; not read by weir_flow_quiet(), nor unless weir_flow_needs_clock() */
	u64 timeout_ns; /* UDP: how long a request waits */
	u32 seq, ack;
	u32 length; /* of the payload */
	u8 tcp_flags;
	u8 udp;
	u8 by_initiator;
	u8 begins; /* enum weir_begins; read only where weir_flow_needs_payload() */
};

enum {
	WEIR_NEWS_HANDSHAKE = 0x001, /* handshake_ns is a sample */
	WEIR_NEWS_RESPONSE = 0x002,  /* response_ns is */
	WEIR_NEWS_CONNECTED = 0x004, /* service: as OPEN. upstream: the SYN-ACK came */
	WEIR_NEWS_REFUSED = 0x008,   /* a RST for a SYN */
	WEIR_NEWS_RESET = 0x010,     /* a RST by the responder for a request */
	WEIR_NEWS_CLOSED = 0x020,
	WEIR_NEWS_RETRANSMITTED = 0x040, /* a SYN or SYN-ACK again */
	WEIR_NEWS_AMBIGUOUS = 0x080, /* discard: the handshake gives no sample, because of that */
	WEIR_NEWS_PIPELINED = 0x100, /* discard: a request too many */
	WEIR_NEWS_FORGOTTEN =
		0x200, /* discard: something was under way, and its answer will not be known */
};

struct weir_flow_news {
	u64 handshake_ns, response_ns;
	u64 began_ns; /* CONNECTED, REFUSED, RESET, unanswered: when that did, of several the first; 0: not known */
	u32 events;	/* WEIR_NEWS_* */
	u32 unanswered; /* UDP: requests that waited too long */
};

/* ---------------------------------------------------------------------------------------- basics */

union weir_flow_mode {
	struct {
		u8 state, flags, queued, marks;
	};
	u32 word;
};

weir_inline union weir_flow_mode weir_flow_mode(const struct weir_flow *flow)
{
	return (union weir_flow_mode){.word = weir_read_once(flow->mode)};
}

weir_inline bool weir_flow_commit(struct weir_flow *flow, union weir_flow_mode old,
				  union weir_flow_mode new)
{
	return old.word == new.word ||
	       weir_compare_and_swap(&flow->mode, old.word, new.word) == old.word;
}

/* Takes what is being measured; 0: nothing, or somebody else has taken it */
weir_inline u64 weir_flow_take(struct weir_flow *flow)
{
	u64 since = weir_read_once(flow->since);

	return since && weir_compare_and_swap(&flow->since, since, 0) == since ? since : 0;
}

/* Sequence numbers wrap: later by less than 2^31 */
weir_inline bool weir_after(u32 a, u32 b)
{
	return (s32)(a - b) > 0;
}

weir_inline bool weir_flow_near(u32 a, u32 b)
{
	return a - b + WEIR_FLOW_NEAR <= 2 * WEIR_FLOW_NEAR;
}

/* Clocks of two processors may disagree a little. */
weir_inline u64 weir_flow_ns(u64 now, u64 since)
{
	return now > since ? now - since : 0;
}

#define WEIR_FLOW_TIME_SHIFT 6

weir_inline u32 weir_flow_time(u64 ns)
{
	return (u32)(ns >> WEIR_FLOW_TIME_SHIFT);
}

/* ns since a time of a queue. What waits longer than 274 s seems younger: then nobody waits for it any more. */
weir_inline u64 weir_flow_age(u64 now, u32 time)
{
	u32 age = weir_flow_time(now) - time;

	return (s32)age < 0 && age > 0xff000000 ? 0 : (u64)age << WEIR_FLOW_TIME_SHIFT;
}

/* ----------------------------------------------------------------------------------------- queue */

/* Index of the queue's entry i: 0 is the oldest */
weir_inline u32 weir_flow_at(union weir_flow_mode m, u32 i)
{
	u64 at = (m.marks & WEIR_FLOW_HEAD) + (u64)i;

	return (u32)(at < WEIR_FLOW_QUEUE ? at : at - WEIR_FLOW_QUEUE);
}

/* Entry `at`, 0 .. 2. The mask is for the verifier: what it allows lies in the flow too. */
weir_inline struct weir_flow_ask *weir_flow_entry(struct weir_flow *flow, u32 at)
{
	u64 index = at;

	weir_opaque(index);
	return &flow->queue[index & 3];
}

weir_inline bool weir_flow_at_http(union weir_flow_mode m, u32 at)
{
	return m.marks & (WEIR_FLOW_HTTP_QUEUED << at);
}

weir_inline struct weir_flow_ask weir_flow_pop(struct weir_flow *flow, union weir_flow_mode *m)
{
	struct weir_flow_ask head = *weir_flow_entry(flow, weir_flow_at(*m, 0));

	m->marks = (u8)((m->marks & ~WEIR_FLOW_HEAD) | weir_flow_at(*m, 1));
	m->queued--;
	return head;
}

/* Writes entry `at`, which nobody reads before the mode says so. */
weir_inline void weir_flow_put(struct weir_flow *flow, u32 at, u32 end, u64 now)
{
	*weir_flow_entry(flow, at) = (struct weir_flow_ask){end, weir_flow_time(now)};
}

weir_inline void weir_flow_mark_queued(union weir_flow_mode *m, u32 at, bool http)
{
	u8 bit = (u8)(WEIR_FLOW_HTTP_QUEUED << at);

	m->marks = (u8)(http ? m->marks | bit : m->marks & ~bit);
}

weir_inline void weir_flow_mark(union weir_flow_mode *m, u8 mark, bool set)
{
	m->marks = (u8)(set ? m->marks | mark : m->marks & ~mark);
}

weir_inline void weir_flow_flag(union weir_flow_mode *m, u8 flag, bool set)
{
	m->flags = (u8)(set ? m->flags | flag : m->flags & ~flag);
}

/* ----------------------------------------------------------------------------------------- begin */

/*
 * Does a packet of no known flow begin one? A SYN, a datagram, or data of a connection that is older; it is then taken to be by the
 * initiator.
 */
weir_inline bool weir_flow_begins(const struct weir_segment *s)
{
	if (s->udp)
		return true;
	if ((s->tcp_flags & (WEIR_FLAG_SYN | WEIR_FLAG_ACK)) == WEIR_FLAG_SYN)
		return !(s->tcp_flags & (WEIR_FLAG_RST | WEIR_FLAG_FIN));
	return s->length && (s->tcp_flags & WEIR_FLAG_ACK) &&
	       !(s->tcp_flags & (WEIR_FLAG_SYN | WEIR_FLAG_FIN | WEIR_FLAG_RST));
}

/*
 * What a flow is at its first packet: a SYN, data of a connection that is older, a datagram. The rest of
 * *flow is the caller's. Whether it is an upstream's is in `upstream`.
 */
weir_inline union weir_flow_mode weir_flow_begin(struct weir_flow *flow,
						 const struct weir_segment *s, bool upstream)
{
	union weir_flow_mode m = {.state = WEIR_FLOW_ASKED};
	bool syn = s->tcp_flags & WEIR_FLAG_SYN;
	u32 end = s->seq + s->length + syn;

	m.flags = (u8)(WEIR_FLOW_ASK_PUSHED | WEIR_FLOW_ANSWER_PUSHED |
		       (upstream ? WEIR_FLOW_UPSTREAM : 0));
	weir_write_once(flow->since, s->udp || (syn && upstream) ? s->now : 0);
	flow->ask_end = syn ? s->seq + 1 : end;
	flow->ask_next = end;
	flow->answer_next = 0;
	if (s->udp)
		return m;
	if (!syn) {
		m.marks = WEIR_FLOW_PICKED_UP;
		weir_flow_flag(&m, WEIR_FLOW_ASK_PUSHED, s->tcp_flags & WEIR_FLAG_PSH);
	}
	if (s->length) { /* with a SYN: TCP Fast Open (RFC 7413) */
		weir_flow_put(flow, 0, end, s->now);
		m.queued = 1;
	}
	return m;
}

weir_inline void weir_flow_reset_counts(struct weir_flow *flow)
{
	flow->bytes[0] = flow->bytes[1] = 0;
	flow->packets[0] = flow->packets[1] = 0;
}

/* The flow starts over: with a SYN as another connection. */
weir_inline bool weir_flow_restart(struct weir_flow *flow, const struct weir_segment *s,
				   union weir_flow_mode old, struct weir_flow_news *news)
{
	if (weir_flow_take(flow))
		news->events |= WEIR_NEWS_FORGOTTEN;
	if (s->tcp_flags & WEIR_FLAG_SYN)
		weir_flow_reset_counts(flow);
	return weir_flow_commit(flow, old,
				weir_flow_begin(flow, s, old.flags & WEIR_FLOW_UPSTREAM));
}

/* ------------------------------------------------------------------------------------- handshake */

/* A SYN, sent again: of the handshake that is under way */
weir_inline bool weir_flow_is_again(const struct weir_flow *flow, const struct weir_segment *s,
				    union weir_flow_mode m)
{
	return (m.state == WEIR_FLOW_ASKED || m.state == WEIR_FLOW_ANSWERED) &&
	       !(m.marks & WEIR_FLOW_PICKED_UP) && s->seq + 1 == flow->ask_end;
}

/* A SYN. That of an open service's flow could be anybody's: our SYN-ACK will tell. */
weir_inline bool weir_flow_syn(struct weir_flow *flow, const struct weir_segment *s,
			       union weir_flow_mode old, struct weir_flow_news *news)
{
	union weir_flow_mode m = old;

	if (old.state == WEIR_FLOW_OPEN && !(old.flags & WEIR_FLOW_UPSTREAM))
		return true;
	if (!weir_flow_is_again(flow, s, old))
		return weir_flow_restart(flow, s, old, news);
	news->events = WEIR_NEWS_RETRANSMITTED;
	if ((old.flags & WEIR_FLOW_UPSTREAM) && old.state == WEIR_FLOW_ANSWERED)
		return true; /* its sample has been taken */
	m.flags |= WEIR_FLOW_AMBIGUOUS;
	if (!(old.flags & WEIR_FLOW_AMBIGUOUS))
		news->events |= WEIR_NEWS_AMBIGUOUS;
	return weir_flow_commit(flow, old, m);
}

/*
 * Our SYN-ACK on a flow that is open, or was picked up: the stack has taken a new connection. One that is sent again as the
 * ACK of the first comes in tells nothing.
 */
weir_inline bool weir_flow_anew(struct weir_flow *flow, const struct weir_segment *s,
				union weir_flow_mode old, struct weir_flow_news *news)
{
	union weir_flow_mode m = {.state = WEIR_FLOW_ANSWERED,
				  .flags = WEIR_FLOW_ASK_PUSHED | WEIR_FLOW_ANSWER_PUSHED};
	bool again = old.state == WEIR_FLOW_OPEN &&
		     flow->answer_next - (s->seq + 1) < WEIR_FLOW_NEAR &&
		     flow->ask_next - s->ack < WEIR_FLOW_NEAR;

	if (again)
		news->events = WEIR_NEWS_RETRANSMITTED;
	if (again || (old.flags & WEIR_FLOW_UPSTREAM))
		return true;
	if (weir_flow_take(flow))
		news->events |= WEIR_NEWS_FORGOTTEN;
	weir_flow_reset_counts(flow);
	flow->ask_end = flow->ask_next = s->ack;
	flow->answer_next = s->seq + 1;
	if (!weir_flow_commit(flow, old, m))
		return false;
	weir_write_once(flow->since, s->now);
	return true;
}

weir_inline bool weir_flow_syn_ack_again(struct weir_flow *flow, const struct weir_segment *s,
					 union weir_flow_mode old, struct weir_flow_news *news)
{
	union weir_flow_mode m = old;

	news->events = WEIR_NEWS_RETRANSMITTED;
	if (old.flags & WEIR_FLOW_UPSTREAM)
		return true;
	m.flags |= WEIR_FLOW_AMBIGUOUS;
	if (!(old.flags & WEIR_FLOW_AMBIGUOUS))
		news->events |= WEIR_NEWS_AMBIGUOUS;
	if (!weir_flow_commit(flow, old, m))
		return false;
	flow->answer_next = s->seq + 1; /* with SYN cookies not what it was */
	return true;
}

/* A SYN-ACK */
weir_inline bool weir_flow_syn_ack(struct weir_flow *flow, const struct weir_segment *s,
				   union weir_flow_mode old, struct weir_flow_news *news)
{
	bool upstream = old.flags & WEIR_FLOW_UPSTREAM;
	union weir_flow_mode m = old;
	u64 since;

	if (old.state == WEIR_FLOW_OPEN || (old.marks & WEIR_FLOW_PICKED_UP))
		return weir_flow_anew(flow, s, old, news);
	/* It acknowledges the SYN, or that and the data on it, or it is not for us. */
	if (s->ack - flow->ask_end > flow->ask_next - flow->ask_end)
		return true;
	if (old.state == WEIR_FLOW_ANSWERED)
		return weir_flow_syn_ack_again(flow, s, old, news);
	m.state = WEIR_FLOW_ANSWERED;
	if (s->ack != flow->ask_next)
		m.queued = 0; /* the data on the SYN was not taken, and will be sent again */
	flow->answer_next = s->seq + 1;
	if (!weir_flow_commit(flow, old, m))
		return false;
	flow->ask_next = s->ack;
	if (!upstream) {
		weir_write_once(flow->since, s->now);
		return true;
	}
	since = weir_flow_take(flow);
	news->events |= WEIR_NEWS_CONNECTED;
	news->began_ns = since;
	if (since && !(old.flags & WEIR_FLOW_AMBIGUOUS)) {
		news->events |= WEIR_NEWS_HANDSHAKE;
		news->handshake_ns = weir_flow_ns(s->now, since);
	}
	return true;
}

/*
 * The initiator has shown that it hears the responder. Returns false: what the segment carries is still to be
 * looked at, now that the flow is open.
 */
weir_inline bool weir_flow_open(struct weir_flow *flow, const struct weir_segment *s,
				union weir_flow_mode old, struct weir_flow_news *news)
{
	bool service = !(old.flags & WEIR_FLOW_UPSTREAM) && !(old.marks & WEIR_FLOW_PICKED_UP);
	struct weir_flow_ask first = {};
	union weir_flow_mode m = old;
	bool asked = old.queued;
	/* Before the flow is open: then it would be the time of a request. */
	u64 since = weir_flow_take(flow);

	m.state = WEIR_FLOW_OPEN;
	if (asked)
		first = weir_flow_pop(flow, &m);
	m.marks &= WEIR_FLOW_HEAD;
	if (!weir_flow_commit(flow, old, m)) {
		if (since)
			(void)weir_compare_and_swap(&flow->since, 0, since);
		return false;
	}
	if (asked) {
		flow->ask_end = first.end;
		weir_write_once(flow->since, s->now - weir_flow_age(s->now, first.time));
	}
	if (service)
		news->events |= WEIR_NEWS_CONNECTED;
	if (service && since && !(old.flags & WEIR_FLOW_AMBIGUOUS)) {
		news->events |= WEIR_NEWS_HANDSHAKE;
		news->handshake_ns = weir_flow_ns(s->now, since);
	}
	return false;
}

/* The initiator before the flow is open: an ACK that opens it, or data of a connection whose beginning we missed */
weir_inline bool weir_flow_half_ask(struct weir_flow *flow, const struct weir_segment *s,
				    union weir_flow_mode old, struct weir_flow_news *news)
{
	bool picked_up = old.marks & WEIR_FLOW_PICKED_UP;

	if (!(s->tcp_flags & WEIR_FLAG_ACK))
		return true;
	if (old.state == WEIR_FLOW_ANSWERED &&
	    (picked_up ? flow->answer_next - s->ack <= WEIR_FLOW_PROOF
		       : s->ack == flow->answer_next))
		return weir_flow_open(flow, s, old, news);
	if (!s->length || (s->tcp_flags & WEIR_FLAG_FIN))
		return true;
	if (picked_up && !weir_after(s->seq + s->length, flow->ask_next))
		return true;
	return weir_flow_restart(flow, s, old, news);
}

/* The responder before the flow is open: the answer to a request on a SYN, or to that of a flow that was picked up */
weir_inline bool weir_flow_half_answer(struct weir_flow *flow, const struct weir_segment *s,
				       union weir_flow_mode old, struct weir_flow_news *news)
{
	bool picked_up = old.marks & WEIR_FLOW_PICKED_UP;
	union weir_flow_mode m = old;
	struct weir_flow_ask asked;
	bool answers;

	if (!s->length || (old.state == WEIR_FLOW_ASKED && !picked_up))
		return true;
	asked = *weir_flow_entry(flow, weir_flow_at(old, 0));
	answers = old.queued && !weir_after(asked.end, s->ack);
	if (answers)
		weir_flow_pop(flow, &m);
	if (picked_up) {
		m.state = WEIR_FLOW_ANSWERED;
		weir_flow_flag(&m, WEIR_FLOW_ANSWER_PUSHED, s->tcp_flags & WEIR_FLAG_PSH);
		if (s->tcp_flags & WEIR_FLAG_FIN)
			m.flags |= WEIR_FLOW_ANSWER_FIN;
		if (old.state == WEIR_FLOW_ASKED ||
		    weir_after(s->seq + s->length, flow->answer_next))
			flow->answer_next = s->seq + s->length + (s->tcp_flags & WEIR_FLAG_FIN);
	}
	if (!weir_flow_commit(flow, old, m))
		return false;
	if (answers) {
		news->events |= WEIR_NEWS_RESPONSE;
		news->response_ns = weir_flow_age(s->now, asked.time);
	}
	return true;
}

/* --------------------------------------------------------------------------- requests and answers */

/* A new request that nothing is under way beside */
weir_inline void weir_flow_first(union weir_flow_mode *m, bool http)
{
	m->queued = 0;
	weir_flow_mark(m, WEIR_FLOW_UPLOAD, false);
	weir_flow_mark(m, WEIR_FLOW_FOLLOWS, !(m->flags & WEIR_FLOW_ANSWER_PUSHED));
	weir_flow_mark(m, WEIR_FLOW_HTTP, http);
}

/* New data of the initiator in an open flow */
weir_inline bool weir_flow_ask(struct weir_flow *flow, const struct weir_segment *s,
			       union weir_flow_mode old, struct weir_flow_news *news)
{
	u32 end = s->seq + s->length, at = WEIR_FLOW_QUEUE;
	bool http = s->begins == WEIR_BEGINS_REQUEST, starts = false, moves = false, full = false;
	u64 since = weir_read_once(flow->since);
	union weir_flow_mode m = old;

	if (!(old.flags & WEIR_FLOW_ASK_PUSHED)) { /* the same write goes on */
		if (old.queued)
			at = weir_flow_at(old, old.queued - 1u);
		else
			moves = since;
	} else if (since &&
		   ((old.marks & WEIR_FLOW_UPLOAD) || end - flow->ask_end > WEIR_FLOW_BULK)) {
		m.queued = 0;
		m.marks |= WEIR_FLOW_UPLOAD;
		moves = true;
	} else if (since || (old.queued && http && weir_flow_at_http(old, weir_flow_at(old, 0)))) {
		if (old.queued < WEIR_FLOW_QUEUE) {
			at = weir_flow_at(old, old.queued);
			weir_flow_mark_queued(&m, at, http);
			m.queued++;
		} else {
			at = weir_flow_at(old, WEIR_FLOW_QUEUE - 1);
			full = true;
		}
	} else {
		starts = true;
		weir_flow_first(&m, http);
	}
	weir_flow_flag(&m, WEIR_FLOW_ASK_PUSHED, s->tcp_flags & WEIR_FLAG_PSH);
	if (at < WEIR_FLOW_QUEUE)
		weir_flow_put(flow, at, end, s->now);
	if (!weir_flow_commit(flow, old, m))
		return false;
	if (starts || moves)
		flow->ask_end = end;
	if (starts)
		weir_write_once(flow->since, s->now);
	else if (moves)
		(void)weir_compare_and_swap(&flow->since, since, s->now);
	if (full)
		news->events |= WEIR_NEWS_PIPELINED;
	flow->ask_next = end;
	return true;
}

/*
 * The oldest request is being answered. What else this answer acknowledges may be requests that were received with it, or
 * the rest of the same: HTTP tells, otherwise it waits in the queue without being due (`since` is 0), so that nobody calls it
 * unanswered. What it does not acknowledge is a request on its own, and the oldest now.
 */
weir_inline bool weir_flow_answered(struct weir_flow *flow, const struct weir_segment *s, u64 since,
				    union weir_flow_mode old, union weir_flow_mode m,
				    struct weir_flow_news *news)
{
	u64 next = 0, ns = weir_flow_ns(s->now, since);
	u32 next_end = 0;

	if (!since)
		ns = weir_flow_age(s->now, weir_flow_pop(flow, &m).time);
	weir_flow_mark(&m, WEIR_FLOW_UPLOAD, false);
	for (u32 i = 0; i < WEIR_FLOW_QUEUE; i++) {
		if (s->begins != WEIR_BEGINS_ANSWER || !m.queued ||
		    weir_flow_at_http(m, weir_flow_at(m, 0)))
			break;
		ns = weir_flow_age(s->now, weir_flow_pop(flow, &m).time);
	}
	if (m.queued && weir_after(weir_flow_entry(flow, weir_flow_at(m, 0))->end, s->ack)) {
		bool http = weir_flow_at_http(m, weir_flow_at(m, 0));
		struct weir_flow_ask head = weir_flow_pop(flow, &m);

		next = s->now - weir_flow_age(s->now, head.time);
		next_end = head.end;
		weir_flow_mark(&m, WEIR_FLOW_FOLLOWS, true);
		weir_flow_mark(&m, WEIR_FLOW_HTTP, http);
	}
	if (!weir_flow_commit(flow, old, m))
		return false;
	if (next)
		flow->ask_end = next_end;
	if ((since || next) && weir_compare_and_swap(&flow->since, since, next) != since) {
		/* Somebody else has counted it. */
		if (next)
			(void)weir_compare_and_swap(&flow->since, 0, next);
		return true;
	}
	news->events |= WEIR_NEWS_RESPONSE;
	news->response_ns = ns;
	return true;
}

/* New data of the responder in an open flow */
weir_inline bool weir_flow_answer(struct weir_flow *flow, const struct weir_segment *s,
				  union weir_flow_mode old, struct weir_flow_news *news)
{
	bool follows = old.marks & WEIR_FLOW_FOLLOWS, http = old.marks & WEIR_FLOW_HTTP, begins;
	u64 since = weir_read_once(flow->since);
	union weir_flow_mode m = old;
	u32 end = flow->ask_end;

	if (!since && old.queued) {
		u32 at = weir_flow_at(old, 0);

		follows = true;
		http = weir_flow_at_http(old, at);
		end = weir_flow_entry(flow, at)->end;
	}
	begins = (since || old.queued) && !weir_after(end, s->ack);
	if (begins && follows)
		begins = http ? s->begins == WEIR_BEGINS_ANSWER
			      : old.flags & WEIR_FLOW_ANSWER_PUSHED;
	weir_flow_flag(&m, WEIR_FLOW_ANSWER_PUSHED, s->tcp_flags & WEIR_FLAG_PSH);
	if (!(begins ? weir_flow_answered(flow, s, since, old, m, news)
		     : weir_flow_commit(flow, old, m)))
		return false;
	flow->answer_next = s->seq + s->length;
	return true;
}

/* ------------------------------------------------------------------------------------------- end */

/* A FIN takes a sequence number. With both the connection is over. */
weir_inline bool weir_flow_fin(struct weir_flow *flow, const struct weir_segment *s,
			       struct weir_flow_news *news)
{
	u32 end = s->seq + s->length, both = WEIR_FLOW_ASK_FIN | WEIR_FLOW_ANSWER_FIN;
	union weir_flow_mode old = weir_flow_mode(flow), m = old;
	u8 flag = s->by_initiator ? WEIR_FLOW_ASK_FIN : WEIR_FLOW_ANSWER_FIN;

	if ((old.flags & flag) ||
	    !weir_flow_near(end, s->by_initiator ? flow->ask_next : flow->answer_next))
		return true;
	m.flags |= flag;
	if ((m.flags & both) == both) {
		m.state = WEIR_FLOW_CLOSED;
		m.queued = 0;
	}
	if (!weir_flow_commit(flow, old, m))
		return false;
	if (s->by_initiator)
		flow->ask_next = end + 1;
	else
		flow->answer_next = end + 1;
	if (m.state == WEIR_FLOW_CLOSED) {
		weir_flow_take(flow);
		news->events |= WEIR_NEWS_CLOSED;
	}
	return true;
}

/* Is a RST of this connection (RFC 5961 says exactly; we may have missed a segment)? */
weir_inline bool weir_flow_reset_fits(const struct weir_flow *flow, const struct weir_segment *s,
				      union weir_flow_mode m)
{
	if (s->by_initiator)
		return weir_flow_near(s->seq, flow->ask_next);
	if (m.state != WEIR_FLOW_ASKED)
		return weir_flow_near(s->seq, flow->answer_next);
	return (m.marks & WEIR_FLOW_PICKED_UP) ||
	       ((s->tcp_flags & WEIR_FLAG_ACK) &&
		s->ack - flow->ask_end <= flow->ask_next - flow->ask_end);
}

/* A RST. What was under way is a failure of the responder's if it sent this. */
weir_inline bool weir_flow_reset(struct weir_flow *flow, const struct weir_segment *s,
				 union weir_flow_mode old, struct weir_flow_news *news)
{
	bool picked_up = old.state != WEIR_FLOW_OPEN && (old.marks & WEIR_FLOW_PICKED_UP), pending;
	union weir_flow_mode m = old;

	if (!weir_flow_reset_fits(flow, s, old))
		return true;
	m.state = WEIR_FLOW_CLOSED;
	m.queued = 0;
	if (!weir_flow_commit(flow, old, m))
		return false;
	news->began_ns = weir_flow_take(flow);
	pending = news->began_ns || (picked_up && old.queued);
	news->events |= WEIR_NEWS_CLOSED;
	if (s->by_initiator)
		return true;
	if (old.state == WEIR_FLOW_ASKED && !picked_up) {
		/* That of a service has no time to take. */
		if (pending || !(old.flags & WEIR_FLOW_UPSTREAM))
			news->events |= WEIR_NEWS_REFUSED;
	} else if (pending && (old.state == WEIR_FLOW_OPEN || picked_up)) {
		news->events |= WEIR_NEWS_RESET;
	}
	return true;
}

/*
 * Closed by this host itself, which tells nobody: what was under way is no call any more, and neither the RST that ends it here nor what
 * the responder may still send has news. Whoever loses four times to the other direction leaves it as it is.
 */
weir_inline void weir_flow_abandon(struct weir_flow *flow)
{
	for (int try = 0; try < 4; try++) {
		union weir_flow_mode old = weir_flow_mode(flow), m = old;

		m.state = WEIR_FLOW_CLOSED;
		m.queued = 0;
		if (weir_flow_commit(flow, old, m))
			break;
	}
	(void)weir_flow_take(flow);
}

/* ------------------------------------------------------------------------------------------- UDP */

/* Makes the oldest of the queue that may still be answered the oldest of all. */
weir_inline u64 weir_flow_next_datagram(struct weir_flow *flow, const struct weir_segment *s,
					union weir_flow_mode *m, struct weir_flow_news *news)
{
	for (u32 i = 0; i < WEIR_FLOW_QUEUE; i++) {
		u64 age;

		if (!m->queued)
			break;
		age = weir_flow_age(s->now, weir_flow_pop(flow, m).time);
		if (age <= s->timeout_ns)
			return s->now - age;
		if (!news->unanswered++)
			news->began_ns = s->now - age;
	}
	return 0;
}

weir_inline bool weir_flow_ask_datagram(struct weir_flow *flow, const struct weir_segment *s,
					union weir_flow_mode old, struct weir_flow_news *news)
{
	u64 since = weir_read_once(flow->since), oldest = since;
	union weir_flow_mode m = old;

	news->unanswered = 0;
	if (m.state == WEIR_FLOW_ANSWERED)
		m.state = WEIR_FLOW_OPEN;
	if (since && weir_flow_ns(s->now, since) > s->timeout_ns) {
		news->unanswered++;
		news->began_ns = since;
		oldest = 0;
	}
	if (!oldest)
		oldest = weir_flow_next_datagram(flow, s, &m, news);
	if (!oldest) {
		oldest = s->now;
	} else if (m.queued < WEIR_FLOW_QUEUE) {
		weir_flow_put(flow, weir_flow_at(m, m.queued), 0, s->now);
		m.queued++;
	} else {
		news->events |= WEIR_NEWS_PIPELINED;
	}
	if (!weir_flow_commit(flow, old, m))
		return false;
	if (oldest != since && weir_compare_and_swap(&flow->since, since, oldest) != since) {
		/* The daemon, or an answer, has taken what had waited too long. */
		news->unanswered = 0;
		(void)weir_compare_and_swap(&flow->since, 0, oldest);
	}
	return true;
}

weir_inline bool weir_flow_answer_datagram(struct weir_flow *flow, const struct weir_segment *s,
					   union weir_flow_mode old, struct weir_flow_news *news)
{
	u64 since = weir_read_once(flow->since), ns = weir_flow_ns(s->now, since), next;
	union weir_flow_mode m = old;
	bool answers = since || old.queued;

	news->unanswered = 0;
	if (m.state == WEIR_FLOW_ASKED)
		m.state = WEIR_FLOW_ANSWERED;
	if (!since && old.queued)
		ns = weir_flow_age(s->now, weir_flow_pop(flow, &m).time);
	next = weir_flow_next_datagram(flow, s, &m, news);
	if (!weir_flow_commit(flow, old, m))
		return false;
	if ((since || next) && weir_compare_and_swap(&flow->since, since, next) != since) {
		answers = false;
		if (next)
			(void)weir_compare_and_swap(&flow->since, 0, next);
	}
	if (answers) {
		news->events |= WEIR_NEWS_RESPONSE;
		news->response_ns = ns;
	}
	return true;
}

/* ------------------------------------------------------------------------------------- the whole */

/*
 * Most packets: an ACK, another segment of an answer, something sent again. True: they have no news, and all is done. Needs
 * no clock.
 */
weir_inline bool weir_flow_quiet(struct weir_flow *flow, const struct weir_segment *s)
{
	const u8 rare = WEIR_FLAG_SYN | WEIR_FLAG_FIN | WEIR_FLAG_RST;
	union weir_flow_mode old = weir_flow_mode(flow), m = old;
	u32 end = s->seq + s->length;

	if (old.state != WEIR_FLOW_OPEN || (s->tcp_flags & rare))
		return false;
	if (s->udp)
		return !s->by_initiator && !old.queued && !weir_read_once(flow->since);
	if (!s->length)
		return true;
	if (s->by_initiator)
		return !weir_after(end, flow->ask_next);
	if (!weir_after(end, flow->answer_next))
		return true;
	if (old.queued || weir_read_once(flow->since))
		return false;
	weir_flow_flag(&m, WEIR_FLOW_ANSWER_PUSHED, s->tcp_flags & WEIR_FLAG_PSH);
	if (!weir_flow_commit(flow, old, m))
		return false;
	flow->answer_next = end;
	return true;
}

/*
 * Of the rest, the commonest: a request in one segment or datagram while nothing is under way, or where its answer begins. Then
 * weir_flow_plain() does what weir_flow_step() would, and as next to nothing of the mode changes it is a fraction of the work.
 */
weir_inline bool weir_flow_is_plain(const struct weir_flow *flow, const struct weir_segment *s,
				    union weir_flow_mode m)
{
	const u8 rare = WEIR_FLAG_SYN | WEIR_FLAG_FIN | WEIR_FLAG_RST;
	const u8 pushed = WEIR_FLOW_ASK_PUSHED | WEIR_FLOW_ANSWER_PUSHED;
	u64 since = weir_read_once(flow->since);
	u32 end = s->seq + s->length;

	if (m.state != WEIR_FLOW_OPEN || m.queued)
		return false;
	if (s->udp)
		return s->by_initiator ? !since : since;
	if ((m.flags & pushed) != pushed || (m.marks & (WEIR_FLOW_FOLLOWS | WEIR_FLOW_UPLOAD)))
		return false;
	if (!s->length || (s->tcp_flags & rare))
		return false;
	if (s->by_initiator)
		return !since && (s->tcp_flags & WEIR_FLAG_PSH) && weir_after(end, flow->ask_next);
	return since && weir_after(end, flow->answer_next) && !weir_after(flow->ask_end, s->ack);
}

/*
 * Reads the time. `old`: the mode of which weir_flow_is_plain() was true. False: another processor has changed that meanwhile,
 * so weir_flow_step() must do it.
 */
weir_inline bool weir_flow_plain(struct weir_flow *flow, const struct weir_segment *s,
				 union weir_flow_mode old, struct weir_flow_news *news)
{
	union weir_flow_mode m = old;
	u32 end = s->seq + s->length;
	u64 since;

	if (s->by_initiator) {
		flow->ask_end = flow->ask_next = end;
		weir_write_once(flow->since, s->now);
		return true;
	}
	if (!s->udp)
		weir_flow_flag(&m, WEIR_FLOW_ANSWER_PUSHED, s->tcp_flags & WEIR_FLAG_PSH);
	if (!weir_flow_commit(flow, old, m))
		return false;
	flow->answer_next = end;
	since = weir_flow_take(flow);
	if (since) {
		news->events = WEIR_NEWS_RESPONSE;
		news->response_ns = weir_flow_ns(s->now, since);
	}
	return true;
}

/* Of what is neither: does weir_flow_step() read the time? */
weir_inline bool weir_flow_needs_clock(const struct weir_flow *flow, const struct weir_segment *s)
{
	u8 state = weir_flow_mode(flow).state;

	if (s->tcp_flags & WEIR_FLAG_RST)
		return false;
	if (state != WEIR_FLOW_OPEN || (s->tcp_flags & WEIR_FLAG_SYN))
		return state != WEIR_FLOW_CLOSED || (s->tcp_flags & WEIR_FLAG_SYN);
	return s->udp || s->length;
}

/* And does it look at `begins`? Only where requests may be pipelined */
weir_inline bool weir_flow_needs_payload(const struct weir_flow *flow, const struct weir_segment *s)
{
	union weir_flow_mode m = weir_flow_mode(flow);

	if (m.state != WEIR_FLOW_OPEN || s->udp || !s->length)
		return false;
	if (!s->by_initiator)
		return m.queued || (m.marks & WEIR_FLOW_FOLLOWS);
	return (m.flags & WEIR_FLOW_ASK_PUSHED) &&
	       (m.queued || weir_read_once(flow->since) || !(m.flags & WEIR_FLOW_ANSWER_PUSHED));
}

/*
 * A packet with news. *news, zeroed by the caller, is what it tells. False: once more, please; another processor has changed the
 * flow meanwhile, or the packet has opened it and its payload is still to be looked at. The caller gives up after
 * WEIR_FLOW_TRIES: whoever loses four times to the other direction lets the packet go by unnoticed.
 */
#define WEIR_FLOW_TRIES 5

weir_inline bool weir_flow_step(struct weir_flow *flow, const struct weir_segment *s,
				struct weir_flow_news *news)
{
	union weir_flow_mode m = weir_flow_mode(flow);
	u32 end = s->seq + s->length;

	if (s->udp)
		return s->by_initiator ? weir_flow_ask_datagram(flow, s, m, news)
				       : weir_flow_answer_datagram(flow, s, m, news);
	if ((s->tcp_flags & (WEIR_FLAG_SYN | WEIR_FLAG_RST | WEIR_FLAG_ACK)) == WEIR_FLAG_SYN)
		return !s->by_initiator || weir_flow_syn(flow, s, m, news);
	if (m.state == WEIR_FLOW_CLOSED)
		return true;
	if (s->tcp_flags & WEIR_FLAG_RST)
		return weir_flow_reset(flow, s, m, news);
	if (s->tcp_flags & WEIR_FLAG_SYN)
		return s->by_initiator || weir_flow_syn_ack(flow, s, m, news);
	if (m.state != WEIR_FLOW_OPEN)
		return s->by_initiator ? weir_flow_half_ask(flow, s, m, news)
				       : weir_flow_half_answer(flow, s, m, news);
	if (s->length && s->by_initiator && weir_after(end, flow->ask_next) &&
	    !weir_flow_ask(flow, s, m, news))
		return false;
	if (s->length && !s->by_initiator && weir_after(end, flow->answer_next) &&
	    !weir_flow_answer(flow, s, m, news))
		return false;
	return !(s->tcp_flags & WEIR_FLAG_FIN) || weir_flow_fin(flow, s, news);
}
