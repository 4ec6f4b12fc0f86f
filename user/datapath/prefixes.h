/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the prefix trie must answer. One longest-prefix match has to say everything (tier, allowed,
 * denied, banned), so each prefix stores what follows from all that cover it: the tier of the longest tier prefix, the
 * stronger of allow and deny by the longest that says either, the latest end of any ban. Pure.
 *
 * IPv4 lies in the same trie, in ::ffff:0:0/96. Where an IPv6 prefix takes that in (::/0 does), an
 * entry of that length stands for all of IPv4 and inherits nothing.
 */
#pragma once

#include "bpf/abi/config.h"
#include "user/config/model.h"
#include "user/datapath/datapath.h"
#include "user/datapath/names.h"

struct prefix_entry {
	struct weir_prefix_key key;
	struct weir_prefix value;
};

struct prefix_list {
	struct prefix_entry *at; /* sorted by address, then length; no two alike */
	size_t count;
};

/* 0 and *out, to be freed by free(out->at); -ENOMEM. bans: end in ns of CLOCK_MONOTONIC. */
int prefixes_resolve(const struct config *config, const struct numbers *numbers,
		     const struct datapath_ban *bans, size_t count, struct prefix_list *out);

/* By address, then length: a prefix comes before all it covers. */
int key_compare(const struct weir_prefix_key *a, const struct weir_prefix_key *b);
bool key_covers(const struct weir_prefix_key *outer, const struct weir_prefix_key *inner);

/* All of IPv4: ::ffff:0:0/96 */
extern const struct weir_prefix_key key_ipv4;

/* Is it an IPv6 prefix that has IPv4 inside? */
bool key_hides_ipv4(const struct weir_prefix_key *key);
