/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What lets the pure functions of bpf/core compile for BPF and natively: protocol headers, byte
 * order, and the few atomic operations that both have. All atomics here are full barriers.
 */
#pragma once

#include "bpf/abi/types.h"

#ifdef __bpf__
#include <bpf/bpf_endian.h>
#else
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <string.h>
#define bpf_htons(x) htons(x)
#define bpf_ntohs(x) ntohs(x)
#define bpf_htonl(x) htonl(x)
#define bpf_ntohl(x) ntohl(x)
#ifndef __clang__
/* gcc does not know `#pragma unroll`, and needs it only in BPF */
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#endif
#endif

#define weir_inline static inline __attribute__((always_inline))

#define weir_read_once(lvalue) (*(const volatile __typeof__(lvalue) *)&(lvalue))
#define weir_write_once(lvalue, value) (*(volatile __typeof__(lvalue) *)&(lvalue) = (value))

/* Returns what was there; it was replaced if that is `old`. */
#define weir_compare_and_swap(pointer, old, new) __sync_val_compare_and_swap(pointer, old, new)
#define weir_add(pointer, value) ((void)__sync_fetch_and_add(pointer, value))

/*
 * Loads and stores of any alignment. In BPF a cast, because the compiler would go byte by byte and
 * the kernel's architectures with a BPF JIT do not mind; natively a copy.
 */
#ifdef __bpf__
#define weir_load(type, at) (*(const type *)(at))
#define weir_store(type, at, value) (*(type *)(at) = (value))
#else
#define weir_load(type, at)                            \
	({                                             \
		type loaded_;                          \
		memcpy(&loaded_, at, sizeof(loaded_)); \
		loaded_;                               \
	})
#define weir_store(type, at, value)                    \
	({                                             \
		type stored_ = (value);                \
		memcpy(at, &stored_, sizeof(stored_)); \
	})
#endif

/* Hides a value from the optimiser, so that a bound it has proved is proved to the verifier too. */
#define weir_opaque(variable) __asm__ volatile("" : "+r"(variable))

#define weir_likely(x) __builtin_expect(!!(x), 1)
#define weir_unlikely(x) __builtin_expect(!!(x), 0)
