/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A sampled refusal, from the kernel to the daemon through the ring buffer weir_events. */
#pragma once

#include "types.h"

struct weir_event {
	u64 time_ns;  /* CLOCK_MONOTONIC */
	u8 saddr[16]; /* wire order; IPv4 as ::ffff:a.b.c.d */
	u8 daddr[16];
	u32 bytes; /* length of the frame */
	u16 sport; /* host order; 0 where there are none */
	u16 dport;
	u8 interface; /* numbers as in weir_state */
	u8 service;
	u8 tier;
	u8 verdict;  /* enum weir_verdict */
	u8 limit;    /* which limit refused, 0..3, group limits 4..7; 0xff: none */
	u8 protocol; /* IP protocol number */
	u8 observed; /* 1: it passed all the same, the service only observes */
	u8 reserved;
};
weir_assert_size(struct weir_event, 56);
