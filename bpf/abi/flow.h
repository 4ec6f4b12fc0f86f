/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table, as it lies in memory: one BPF array (BPF_F_MMAPABLE, pinned as weir_flows) of sets, like the
 * client table's (abi/client.h, core/slots.h): a line of 8 slots, then 8 ways. A flow links both directions of
 * a TCP connection or a UDP conversation with a service of this host, or with an upstream.
 *
 * Initiator: who sent the first packet, the client of a service, or this host where it calls an upstream.
 * Responder: the other. Remote, local: as this interface sees it; a packet that comes in is from remote
 * to local. So a connection over the loopback, or through this host, is two flows: one as each end sees it.
 *
 * Byte order: addresses as on the wire, ports and sequence numbers host order. Times in ns of
 * CLOCK_MONOTONIC.
 */
#pragma once

#include "client.h"

/*
 * Slots as in abi/client.h; the expiry is when the flow may be forgotten at no loss: closed flows at
 * once, those that were never completed soon, others when they have been silent long. So the way whose state matters
 * for the shortest time, the victim, is a closed flow, else the half-open one silent longest, else the
 * established one silent longest.
 */
#define WEIR_FLOW_LIFE_HALF_NS (4 * 1000000000ULL)
/* Our own calls, until the longest timeout there is (4 minutes) has been seen to pass */
#define WEIR_FLOW_LIFE_CALL_NS (250 * 1000000000ULL)
#define WEIR_FLOW_LIFE_NS (600 * 1000000000ULL)
/* A new flow takes no established flow's place that was heard of in this time: a flood is not worth it. */
#define WEIR_FLOW_KEEP_NS (300 * 1000000000ULL)

/* X(NAME, name) */
#define WEIR_FLOW_STATES(X)                                                               \
	X(FREE, "free")                                                                   \
	X(ASKED, "connecting")	/* TCP: SYN seen. UDP: asked, not yet answered */         \
	X(ANSWERED, "accepted") /* TCP: SYN-ACK seen. UDP: answered once */               \
	X(OPEN, "open")		/* the initiator has shown that it hears the responder */ \
	X(CLOSED, "closed")

enum weir_flow_state {
#define X(name, text) WEIR_FLOW_##name,
	WEIR_FLOW_STATES(X)
#undef X
		WEIR_FLOW_STATE_COUNT,
};

/* struct weir_flow.flags */
#define WEIR_FLOW_UPSTREAM 0x01	  /* owner is an endpoint; this host is the initiator */
#define WEIR_FLOW_AMBIGUOUS 0x02  /* a SYN or SYN-ACK was sent twice: no sample of the handshake */
#define WEIR_FLOW_ASK_PUSHED 0x04 /* the initiator's last segment ended a write (PSH) */
#define WEIR_FLOW_ANSWER_PUSHED 0x08 /* the responder's did */
#define WEIR_FLOW_ASK_FIN 0x10	     /* the initiator has closed its half */
#define WEIR_FLOW_ANSWER_FIN 0x20
#define WEIR_FLOW_TIMED_OUT 0x40 /* the daemon has counted this handshake as a timeout */
#define WEIR_FLOW_PERMITTED 0x80 /* its SYN has taken a permit: see `permit` */

/* struct weir_flow.marks */
#define WEIR_FLOW_HEAD 0x03 /* which of queue[], a ring, is its oldest */
#define WEIR_FLOW_FOLLOWS \
	0x04 /* the oldest request was sent while an earlier one was being answered */
#define WEIR_FLOW_HTTP 0x08	   /* the oldest request begins like one of HTTP/1 */
#define WEIR_FLOW_HTTP_QUEUED 0x10 /* so does queue[0]; shifted by i: queue[i] */
#define WEIR_FLOW_PICKED_UP 0x80   /* half-open: older than Weir, its handshake was not seen */
#define WEIR_FLOW_UPLOAD 0x80 /* open: the oldest request is long, what follows belongs to it */

/* Requests under way beside the oldest */
#define WEIR_FLOW_QUEUE 3
struct weir_flow_ask {
	u32 end;  /* sequence number after its last byte; UDP: 0 */
	u32 time; /* when that passed, in units of 64 ns; wraps after 274 s */
};

/* First line: all that a packet of a known flow needs. Second line: who it is, and the rare rest */
struct weir_flow {
	u64 check; /* 64 more bits of the hash of the key: with the tag, 96 in all. 0: none */
	/*
	 * Open: when the last byte of the oldest unanswered request passed. Before: when the SYN passed
	 * (upstream), or the SYN-ACK (service). 0: nothing to measure. Whoever swaps it to 0 counts it.
	 */
	u64 since;
	u64 bytes[2];	 /* [0] by the initiator, [1] by the responder; frames, as on the wire */
	u32 packets[2];	 /* segments; wrap around */
	u32 ask_end;	 /* sequence number after the oldest unanswered request */
	u32 ask_next;	 /* the initiator's next */
	u32 answer_next; /* the responder's next */
	u16 owner;	 /* number of the service, or of the endpoint */
	u16 generation;	 /* low bits of the configuration's that owner was looked up in */
	/*
	 * One word, because processors that handle the two directions at once both change it: only by
	 * compare-and-swap, or an atomic or of flags.
	 */
	union {
		struct {
			u8 state;  /* enum weir_flow_state */
			u8 flags;  /* WEIR_FLOW_* */
			u8 queued; /* of queue[] */
			u8 marks;  /* WEIR_FLOW_* */
		};
		u32 mode;
	};
	u32 heard; /* jiffy, low bits, in which the slot's expiry was last moved on */

	u64 remote[2];
	u64 local[2];
	struct weir_flow_ask queue[WEIR_FLOW_QUEUE]; /* a ring: see WEIR_FLOW_HEAD */
	u16 rport, lport;
	u8 protocol;  /* 6 TCP, 17 UDP */
	u8 interface; /* number */
	u16 permit;   /* WEIR_FLOW_PERMITTED: low bits of the epoch of the gate that gave it */
} __attribute__((aligned(64)));
weir_assert_size(struct weir_flow, 128);
weir_assert_offset(struct weir_flow, remote, 64);

struct weir_flow_set {
	u64 slot[WEIR_WAYS];
	struct weir_flow way[WEIR_WAYS];
} __attribute__((aligned(64)));
weir_assert_size(struct weir_flow_set, 1088);

/* Map weir_endpoints (hash): an address of an upstream's endpoint -> number of the endpoint, u32 */
struct weir_endpoint_key {
	u64 addr[2]; /* wire order; IPv4 as ::ffff:a.b.c.d */
	u16 port;    /* host order */
	u8 protocol;
	u8 reserved[5]; /* 0 */
};
weir_assert_size(struct weir_endpoint_key, 24);
