/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Conversations of many flows, made in the kernel: script.bpf.c gives each run of a test packet the addresses of the next flow and
 * the sequence numbers of the next line of a script, then goes on to the program that is measured, or tested, by a tail call. So
 * that very program is, with its maps, and a run to an empty one costs the same but for it.
 *
 * Initiators are 1.0.0.0 + n, or 2001:db8:N:N::1, port 40000; the responder is 198.18.0.1, or fd00::1. Where this
 * host is the initiator (`upstream`) its packets are the first ones to leave.
 */
#pragma once

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <stdbool.h>
#include <stddef.h>

#include "bpf/abi/types.h"
#include "tests/lib/frame.h"
#endif

#define SCRIPT_LINES 8

/* One packet of each flow and lap */
struct script_line {
	u32 seq, ack;	      /* in the first lap */
	u32 seq_lap, ack_lap; /* more in each later one */
	u16 length;	      /* of the payload */
	u8 flags;	      /* of TCP, the header's byte */
	u8 asks;	      /* 1: by the initiator */
};

/* Which packet is next */
struct script_at {
	u64 flow;
	u32 line, lap;
};

/*
 * Where it goes: to a program that does nothing, to one that reads the clock, to one that touches the two lines of a flow in a table as
 * large as Weir's and nothing else, or to those of Weir. IN is followed by OUT, for what leaves.
 */
enum script_target {
	SCRIPT_EMPTY,
	SCRIPT_CLOCK,
	SCRIPT_MEMORY,
	SCRIPT_IN,
	SCRIPT_OUT,
	SCRIPT_TARGETS = 8, /* a power of two, for the verifier */
};

struct script {
	u64 flows; /* that speak */
	u32 first; /* number of the first of them */
	u32 lines; /* of line[] */
	u32 by_flow; /* 1: one flow says all its lines, then the next. 0: all say a line, then all the next */
	u32 upstream;
	u16 port; /* of the responder */
	u16 reserved;
	u32 target;			     /* EMPTY, CLOCK, or IN, for both */
	struct script_at at[SCRIPT_TARGETS]; /* each target has a place of its own */
	struct script_line line[SCRIPT_LINES];
};

#ifndef __bpf__
/*
 * Appends a line: "ask S", "answer SA", "ask PA 300", "answer A 1448": who, TCP flags as in frame.h, bytes. Sequence
 * numbers follow from the lines before: flows begin with those of script_begin(). For UDP the flags are "-".
 */
void script_add(struct script *script, const char *line);

/* An empty script of so many flows to a port. Its lines begin where a handshake has left the flows, or `before` one. */
void script_begin(struct script *script, u64 flows, u16 port, bool before);

/* What a test run is given: large enough for every line */
void script_frame(struct frame *frame, bool ipv6, bool udp);
#endif
