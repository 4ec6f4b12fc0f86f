/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel programs, as the daemon loads them, in a network namespace and a folder of pins of
 * their own: a configuration in, packets in by BPF_PROG_TEST_RUN, and what became of them out. The
 * packets come in by `lo`, the interface that such a run has when nobody says otherwise.
 */
#pragma once

#include "tests/lib/frame.h"
#include "user/datapath/datapath.h"

struct lab {
	struct datapath *datapath;
	struct config *config;
	struct weir_client_set *clients; /* the table, writable */
	uint32_t sets;
	struct weir_group *groups; /* the shared buckets, too */
	int chunks;
	uint32_t cpus;
};

enum lab_program { LAB_XDP, LAB_TC, LAB_PROGRAMS };
extern const char *const lab_program_names[LAB_PROGRAMS];

/* What became of one packet */
struct lab_outcome {
	enum weir_action action;   /* by the program's return value; -1: none that it should have */
	enum weir_verdict verdict; /* by the counters; WEIR_VERDICT_COUNT: not just one counted */
	int observed;		   /* what it would have been refused with, or -1 */
	int limit;		   /* which limit refused, or -1 */
	char service[WEIR_NAME];
	char tier[WEIR_NAME];
	uint64_t bytes; /* counted */
	struct frame out;
};

/*
 * For main(): runs tests in a child and cleans up after it whatever becomes of it. Without privileges, or a BPF
 * file system, says so and skips.
 */
int lab_main(int (*tests)(void));

/*
 * All of these fail the test with a message when they can not do what they say. `yaml` is a configuration
 * without interfaces, http, pins and table.
 */
struct lab *lab_open(unsigned int clients, const char *yaml);
struct config *lab_config(unsigned int clients, const char *yaml);
void lab_apply(struct lab *lab, const char *yaml);
void lab_close(struct lab *lab);
const char *lab_pins(void);

/* Empties every bucket there is, as if nobody had ever sent anything. */
void lab_forget(struct lab *lab);

/* One packet, and everything about it. Nothing else may be sent meanwhile. */
struct lab_outcome lab_send(struct lab *lab, enum lab_program program, const struct frame *frame);
/* As a line: "drop limited web/anonymous", "pass passed ping/default, observed limited" */
const char *lab_describe(const struct lab_outcome *outcome);

/*
 * Linux takes no packet to a test run at TC that is Ethernet alone or whose IP header, right behind it, is
 * cut. Behind a tag it takes anything.
 */
bool lab_takes(enum lab_program program, const struct frame *frame);

/* Many packets from any thread, no questions asked. Returns the last action as of the program. */
int lab_run(const struct lab *lab, enum lab_program program, const struct frame *frame,
	    unsigned int repeat);
int lab_run_fd(int program, const struct frame *frame, unsigned int repeat, uint32_t *duration_ns);

/* How many packets a verdict has, over all services and tiers, or of one */
uint64_t lab_count(struct lab *lab, enum weir_verdict verdict);
uint64_t lab_count_of(struct lab *lab, const char *service, const char *tier,
		      enum weir_verdict verdict);

/* The entry of a client, or NULL: "198.51.100.7", cut to its prefix by the caller */
const struct weir_client *lab_client(const struct lab *lab, const char *address,
				     const char *service);

void lab_pin_to_cpu(unsigned int cpu);
uint64_t lab_now_ns(void);
