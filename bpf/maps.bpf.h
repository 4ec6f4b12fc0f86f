/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps both programs share: pinned by the daemon, sized by it where noted. */
#pragma once

#include "bpf/abi/types.h"
/* wants the types */
#include <bpf/bpf_helpers.h>

#include "bpf/abi/client.h"
#include "bpf/abi/config.h"
#include "bpf/abi/counter.h"
#include "bpf/abi/event.h"
#include "bpf/abi/share.h"
#include "bpf/abi/state.h"
#include "bpf/core/compat.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before load: sets of the table */
	__type(key, u32);
	__type(value, struct weir_client_set);
} weir_clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct weir_control);
} weir_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct weir_side);
} weir_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct weir_state);
} weir_state SEC(".maps");

struct weir_prefix_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_PREFIXES);
	__type(key, struct weir_prefix_key);
	__type(value, struct weir_prefix);
};
struct weir_prefix_map weir_prefix_0 SEC(".maps");
struct weir_prefix_map weir_prefix_1 SEC(".maps");

/* Bans by themselves, for the daemon that adopts the pins; what packets see is in the prefix tries. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct weir_prefix_key);
	__type(value, struct weir_ban);
} weir_ban SEC(".maps");

struct weir_dst_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_PREFIXES);
	__type(key, struct weir_prefix_key);
	__type(value, struct weir_destination);
};
struct weir_dst_map weir_dst_0 SEC(".maps");
struct weir_dst_map weir_dst_1 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_GROUPS);
	__type(key, u32);
	__type(value, struct weir_group);
} weir_group SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_GROUPS);
	__type(key, u32);
	__type(value, struct weir_chunk);
} weir_chunk SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_SERIES);
	__type(key, u32);
	__type(value, struct weir_series);
} weir_series SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct weir_totals);
} weir_totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} weir_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_SHARES);
	__type(key, u32);
	__type(value, struct weir_share);
} weir_share SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} weir_hot SEC(".maps");

/* Set between open and load, from weir_state, so that an upgraded program finds every client again */
const volatile u64 weir_seed[3] = {1, 3, 5};
const volatile u32 weir_sets = 1;
