/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fixed-width types for code that is compiled both for BPF and natively, the units of time, and the
 * sizes every table is built with. A change to anything under bpf/abi/ that moves a field or gives
 * it another meaning raises WEIR_LAYOUT: a daemon refuses to adopt pinned maps of another layout.
 */
#pragma once

#ifdef __bpf__
/* Only UAPI structures are used: no relocations, so the kernel needs no BTF. */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "vmlinux.h"
#else
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
#endif

#define WEIR_LAYOUT 4

/*
 * Time. A tick is 1/16 ns of the monotonic clock (CLOCK_MONOTONIC, bpf_ktime_get_ns): fine enough
 * that rounding the cost of a packet up to whole ticks loses at most 0.6 % at 100 million packets
 * a second, and 64 bits of it last 36 years of uptime.
 */
#define WEIR_TICK_SHIFT 4
#define WEIR_TICKS_PER_NS (1ULL << WEIR_TICK_SHIFT)
#define WEIR_TICKS_PER_SEC (1000000000ULL << WEIR_TICK_SHIFT)

/* Capacities. All powers of two: the verifier accepts a masked index without a branch. */
#define WEIR_INTERFACES 16
#define WEIR_SERVICES 64     /* number 0 is `other` */
#define WEIR_TIERS 16	     /* number 0 is the default */
#define WEIR_LIMITS 4	     /* limits, and group limits, per (service, tier) */
#define WEIR_CLASSES 256     /* see abi/config.h */
#define WEIR_SERIES 1024     /* counter series: (interface, service, tier) in use at once */
#define WEIR_NAME 32	     /* bytes of a configured name, with its terminating zero */
#define WEIR_PREFIXES 131072 /* configured prefixes and bans together */
#define WEIR_UPSTREAMS 32
#define WEIR_ENDPOINTS 256    /* of all upstreams together */
#define WEIR_ENDPOINT_NAME 80 /* bytes of HOST:PORT, with its terminating zero */
#define WEIR_ADDRESSES 4096   /* of all endpoints together, as names resolve */

#define WEIR_SERVICE_OTHER 0
#define WEIR_TIER_DEFAULT 0

#define weir_assert_size(type, bytes) \
	_Static_assert(sizeof(type) == (bytes), #type " must be " #bytes " bytes")
#define weir_assert_offset(type, field, bytes)                     \
	_Static_assert(__builtin_offsetof(type, field) == (bytes), \
		       #type "." #field " must be at " #bytes)
