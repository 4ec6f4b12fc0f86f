/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of telemetry at TC: pinned by the daemon, beside those of maps.bpf.h */
#pragma once

#include "bpf/abi/breaker.h"
#include "bpf/abi/flow.h"
#include "bpf/abi/latency.h"
#include "bpf/maps.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before load: sets of the flow table */
	__type(key, u32);
	__type(value, struct weir_flow_set);
} weir_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIR_ADDRESSES);
	__type(key, struct weir_endpoint_key);
	__type(value, u32);
} weir_endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * WEIR_HISTOGRAMS); /* two banks; see weir_histogram_index() */
	__type(key, u32);
	__type(value, struct weir_histogram);
} weir_latency SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_ENDPOINTS);
	__type(key, u32);
	__type(value, struct weir_calls);
} weir_calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_ENDPOINTS);
	__type(key, u32);
	__type(value, struct weir_late);
} weir_late SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct weir_flow_sums);
} weir_flow_sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_ENDPOINTS);
	__type(key, u32);
	__type(value, struct weir_breaker);
} weir_breaker SEC(".maps");

/* 3,200 outcomes (struct weir_outcome): a tenth of a second of 32,000 failures each second */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 128 * 1024);
} weir_outcomes SEC(".maps");

/* Set between open and load */
const volatile u32 weir_flow_sets = 1;
