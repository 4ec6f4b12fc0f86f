/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Time that costs nothing. Reading the clock takes 20 to 40 ns, as much as the rest of a packet's way, and
 * most packets need to know it only roughly. So each processor keeps the clock reading of the first packet of each jiffy:
 * for later ones of the same jiffy that is the time, late by at most a jiffy (1 to 10 ms).
 */
#pragma once

#include "bpf/maps.bpf.h"

struct weir_reading {
	u64 jiffy;
	u64 ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct weir_reading);
} weir_reading SEC(".maps");

/* ns of CLOCK_MONOTONIC, never after now; before it by a jiffy or so */
weir_inline u64 weir_about_now(void)
{
	u64 jiffy = bpf_jiffies64();
	struct weir_reading *reading;
	u32 zero = 0;

	reading = bpf_map_lookup_elem(&weir_reading, &zero);
	if (!reading)
		return bpf_ktime_get_ns();
	if (weir_unlikely(weir_read_once(reading->jiffy) != jiffy)) {
		/* In this order: where packets can interrupt each other, a new jiffy has its ns. */
		weir_write_once(reading->ns, bpf_ktime_get_ns());
		weir_write_once(reading->jiffy, jiffy);
	}
	return weir_read_once(reading->ns);
}
