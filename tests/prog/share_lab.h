/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A lab (lab.h) whose limits, or some of them, hold over a cluster, and the hands of a cluster thread. Limits are of the service
 * `other` and the default tier, a day long where a test counts packets: then nothing is refilled meanwhile.
 */
#pragma once

#include "tests/prog/lab.h"
#include "user/datapath/shares.h"

/* weir_rule.cluster: which limits of the service hold over the cluster */
#define ALL_LIMITS 0xffu

/* limits: what a service says besides its name, "limits: {default: [100/day packets]}" */
struct lab *share_lab_open(const char *limits, unsigned int cluster);
void share_lab_apply(struct lab *lab, const char *limits, unsigned int cluster);
struct config *share_lab_config(const char *limits, unsigned int cluster);

/* How many of so many packets pass, half of them at XDP and half at TC */
uint64_t share_lab_passes(struct lab *lab, const char *frame, unsigned int packets);

/* Who has asked since the last time; at most 1024 are kept */
struct asked {
	struct weir_hot hot[1024];
	size_t count;
};
const struct asked *share_lab_asked(struct lab *lab);

/* As `frame` would ask: sends it until it does, then gives it full buckets back and watches it. Its number */
uint32_t share_lab_watch(struct lab *lab, const char *frame, const char *address);

struct shares_value per_day(double rate, double burst);
#define LIMIT(i) ((struct shares_limit){.index = (i)})

void share_lab_set(struct lab *lab, uint32_t number, unsigned int index, struct shares_value value);
void share_lab_set_group(struct lab *lab, unsigned int index, struct shares_value value);
struct shares_count share_lab_count(struct lab *lab, uint32_t number, unsigned int index);
struct shares_count share_lab_count_group(struct lab *lab, unsigned int index);

/* The entry of a client, writable */
struct weir_client *share_lab_client(struct lab *lab, const char *address);
