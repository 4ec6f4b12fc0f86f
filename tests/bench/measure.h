/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs of this folder share: a datapath from YAML that is attached nowhere, test runs in processor time, and the
 * minimum and median of many short rounds. Each of these ends the program with a message and status 1 when it can not
 * do what it says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/datapath/datapath.h"

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The programs as the daemon loads them, under pins of its own. Test runs count for interface 1, lo. `format`: YAML, without pins. cluster:
 * the limits of clients hold over a cluster. */
struct datapath *datapath_from(bool cluster, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* NULL is allowed. */
void datapath_away(struct datapath *datapath);

/* A BPF_MAP_TYPE_PROG_ARRAY from which a program tail-calls entry `target` */
void enter_program(int map, uint32_t target, int program);

/* Processor time of one of so many packets, ns. `failed`: what the program returns when its tail call failed */
double run_packets(int program, const void *frame, size_t size, uint64_t packets, uint32_t failed);

/* The thread stays there. */
void stay_on(int cpu);

struct pair {
	double min, median;
};

/* Sorts ns. */
struct pair pair_of(double *ns, size_t count);
