/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What bench_prog.c tells bench.bpf.c about the packets of one processor. */
#pragma once

#ifdef __bpf__
#include "vmlinux.h"
#else
#include "bpf/abi/types.h"
#endif

struct bench_source {
	u64 next;   /* counts packets */
	u64 mask;   /* sources - 1, a power of two less one; ~0: every packet a new one */
	u64 step;   /* odd, spreads consecutive packets over all sources */
	u64 base;   /* added: sources of the processor's own */
	u64 target; /* which program */
};

enum bench_target { BENCH_EMPTY, BENCH_CLOCK, BENCH_WEIR, BENCH_TARGETS };
