/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Shares of cluster limits, in the kernel (bpf/abi/share.h). For the cluster thread, while the control thread has the
 * rest of the datapath: what both touch is locked inside, for microseconds. Memory only, no system call, but where it is said.
 *
 * A reload gives limits other numbers, so what is written says which generation (datapath_generation()) it means;
 * -ESTALE: that is not in force any more; -EINVAL: there is no such limit of a cluster. Nothing was written then. A reload carries shares of group limits over where the
 * limit is as it was; watched clients have even shares until they are written again.
 */
#pragma once

#include "bpf/abi/share.h"
#include "user/datapath/datapath.h"

/* Numbers as in the maps. group: weir_rule.group[index], else .limit[index] */
struct shares_limit {
	uint8_t service, tier, index;
	bool group;
};

/* Units of the limit; units/s. Rate 0: nothing passes. Both are bent to what the kernel can do (one frame, a year) */
struct shares_value {
	double rate, burst;
	double credit; /* units to add to the level of the bucket, below 0 to take away: see struct law_share */
};

/* A limit of the applied configuration with `scope: cluster` */
struct shares_info {
	struct shares_limit limit;
	const struct config_limit *config;
	const struct config_service *service;
	const struct config_tier *tier;
};
/*
 * All of them, at most `size`; returns how many there are, and the generation that they are of. `config`: the one that was
 * applied, which the caller holds a reference to: what *out points to is in it. -ESTALE: another one is applied.
 */
int shares_list(struct datapath *datapath, const struct config *config, struct shares_info *out,
		size_t size, uint32_t *generation);

/*
 * For datapath_apply(): the nodes there are, as last known, at least 1, so that even shares are right from the first packet. The pins
 * remember it for the next daemon. Does not change what is in force.
 */
void shares_set_nodes(struct datapath *datapath, uint32_t nodes);

/* ----------------------------------------------------------------------------- group limits, even shares */

/* This node's share of a group limit */
int shares_set_group(struct datapath *datapath, uint32_t generation, struct shares_limit limit,
		     const struct shares_value *value);

/* What every client that is not watched has of a limit: R/N and B/N. credit is not used, buckets keep how full they are, by ratio */
int shares_set_even(struct datapath *datapath, uint32_t generation, struct shares_limit limit,
		    const struct shares_value *value);

/* Units since the pins were made, of a group limit. A system call. -errno of it */
struct shares_count {
	uint64_t passed, refused;
};
int shares_count_group(struct datapath *datapath, struct shares_limit limit,
		       struct shares_count *out);

/* ---------------------------------------------------------------------------------------- watched clients */

/* To poll; then shares_read_hot() hands over who asks to be watched. Returns how many, or -errno. */
int shares_hot_fd(const struct datapath *datapath);
int shares_read_hot(struct datapath *datapath,
		    void (*handle)(void *context, const struct weir_hot *hot), void *context);

/*
 * Watches a client: from now on its cluster limits are charged by the share of that number (1 .. WEIR_SHARES - 1), which begins
 * as the even share, and counted there, from what it has taken already: what its buckets lack. Who is watched already keeps its number. -ENOENT: it is not in the table any more; -ENOSPC: no number is
 * free, and the client may ask again.
 */
int shares_watch(struct datapath *datapath, uint32_t generation, const struct weir_hot *hot);
/* Frees the number; the client has the even share, in units what its bucket had, and may ask again. */
void shares_unwatch(struct datapath *datapath, uint32_t number);

/*
 * Its share of limit[index]. Finds its buckets by its key; -ENOENT: it is not in the table now, or of another tier (the share waits for it).
 * -EINVAL also: nobody has that number.
 */
int shares_set_client(struct datapath *datapath, uint32_t generation, uint32_t number,
		      unsigned int index, const struct shares_value *value);

/* Units of limit[index] since it is watched, in this generation and those before. Never less than at the last call. */
void shares_count_client(const struct datapath *datapath, uint32_t number, unsigned int index,
			 struct shares_count *out);
