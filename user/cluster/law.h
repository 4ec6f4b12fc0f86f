/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The control law of cluster quotas: what a node may admit of a limit that holds over N nodes together, worked out from
 * what the shared bucket answers. Source: docs/cluster.md, which also says what it holds and what it does not; the shared
 * bucket is user/cluster/round.lua.
 *
 * Pure: no clock, no thread, no Redis. now_ns is any clock of this node that never goes back; clocks of two nodes are never
 * compared. One struct law_key for each limit, or limit and client; not thread-safe, the cluster thread has them all.
 *
 * For each key, in this order, as often as one likes (T/20 finds an empty bucket soon enough):
 *
 *   law_count()    what was demanded and admitted since the last count
 *   law_due()      must it be reported ahead of its round?
 *   law_report()   what to send; the same until it is answered, however often that is tried
 *   law_answer()   what the script said: the new share
 *   law_lapse()    when nothing was answered for a lease: the share of an outage
 *
 * Units are what the limit counts (packets, bytes, connections, decisions). Rates are units a second, times ns. Whatever goes
 * in, a share that comes out is finite, its rate 0 .. R, its burst 0 .. B (at least 1, unless denied).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/base/outage.h"

/* At most, by what this node demanded above its even share: a trickle must not take the whole burst with it */
#define LAW_HEADROOM 2
/* With a shared bucket that is full, so much more than R is shared out, and nothing more when it is half full */
#define LAW_BONUS 0.25
/* An epoch is compared with one at most so many before it */
#define LAW_CLAIM_ROUNDS 3
/* Nodes not heard for so many rounds are not counted any more. Also in round.lua */
#define LAW_NODE_ROUNDS 5
/* A share is good for so many rounds without an answer, then on_outage says what to do */
#define LAW_LEASE_ROUNDS 3
/* After Redis has lost its memory, shares stay for so many rounds: until complete epochs are there to share by */
#define LAW_HOLD_ROUNDS 2
/*
 * From the report that a bucket is empty until an advance is asked for. In between all nodes that the same flood hits report
 * too, so that the shared bucket knows what they have spent; a node alone waits a little. At most T/4.
 */
#define LAW_SETTLE_NS 25000000ULL

/* For all nodes together. Both below 2^53 */
struct law_limit {
	double rate;  /* R, units/s, over 0 */
	double burst; /* B, units, at least 1 */
	enum outage on_outage;
};

struct law_cluster {
	uint64_t interval_ns; /* T, of a round, the same on all nodes */
	uint32_t nodes;	      /* N, as last heard; 0 is taken as 1 */
	uint32_t absent;      /* of them, whose demand the latest complete epoch may lack */
};

/*
 * What the local bucket is set to. Its level is carried over in units: level = min(burst, max(0, level + credit)). So a
 * greater burst alone adds nothing (it would be a gift at each round), and an advance adds exactly itself.
 */
struct law_share {
	double rate;  /* r, units/s */
	double burst; /* b, units, advance included */
	double credit; /* units to add to the level now, below 0 to take away; 0 when the share is only read again */
};

enum law_mode { LAW_NEW, LAW_SHARED, LAW_HELD, LAW_OUT };

/* To the script */
struct law_report {
	uint64_t demand; /* units asked for here, passed and refused */
	uint64_t above;	 /* the part of it above an even share */
	int64_t spent;	 /* units admitted, less what was advanced: below 0 gives back */
	uint64_t want;	 /* units: advance asked for */
	int64_t hint; /* units: what the shared bucket should hold, as far as is known here. Before the debit of spent */
	bool has_hint;
	uint64_t knows; /* generation of the last answer; 0: none. A batch takes the least of its keys that have a hint */
};

/* From the script */
struct law_answer {
	uint64_t generation; /* of Redis' data; never 0 */
	uint64_t epoch;	     /* the running one: Redis' time by T */
	uint64_t counted;    /* the epoch in which this report's demand was counted */
	bool repeat;	     /* it had been counted before; then nothing is advanced */
	uint64_t demand;     /* dp, units of all nodes in epoch - 1 */
	uint64_t above;	     /* the part of it above the even shares of the nodes it was asked on */
	int64_t level; /* pre, units in the shared bucket before this report's debit; below 0 in debt */
	uint64_t advance; /* units granted, debited already */
};

struct law_key {
	struct law_share share; /* in force; credit 0 */
	enum law_mode mode;
	uint64_t demand, admitted; /* units, not reported yet */
	double advance; /* units lent by the last answer: part of what the next report settles */

	struct law_report sent; /* while in_flight */
	uint64_t sent_admitted; /* units, by that report */
	double within; /* even part of the demand reported since the last round, in the epoch of the next */
	double returned; /* of the advance, by that report */
	bool in_flight, sent_round;
	bool away; /* what was admitted since the last report was so in an outage */

	/* What this node said in the two latest epochs: only complete ones are shared by */
	struct {
		uint64_t epoch, above;
	} said[2];
	/* The two latest complete epochs, as far as seen from here */
	struct law_claim {
		uint64_t epoch;
		double fair; /* 1/N then */
		double even; /* demand within even shares, by R T */
		double part; /* this node's of the demand above, 0 .. 1 */
		double most; /* what it can use of that, by R T */
	} claim[2];
	uint64_t generation, epoch; /* of the last answer; 0: none yet */
	uint64_t round_epoch;	    /* in which the last round was counted */
	double level;		    /* units in the shared bucket after the last answer */
	uint64_t answered_ns;	    /* when that was */
	uint64_t reported_ns;	    /* when law_report() was last called with something new */
	uint64_t hold_end_ns;

	/* The local bucket runs low: told at once, and after LAW_SETTLE_NS an advance is asked for */
	bool low, told, asked, refused, granted;
	uint64_t told_ns, asked_ns;
	double left;	     /* units in the local bucket, as far as counts say */
	uint64_t counted_ns; /* when they said so */
};

/*
 * N. Redis forgets nodes it has not heard for five rounds: after an outage, or when it has lost its memory, it counts only
 * those that have come back so far. So N does not shrink for five rounds after either. Those that have not come back go on with
 * their even shares: while N says that they are there, nobody takes these for left over.
 */
struct law_nodes {
	uint32_t nodes;		      /* begin with what was last known, or 0 */
	uint32_t expected;	      /* back after an outage: as many as before; 0: nobody */
	uint32_t heard, heard_before; /* in the epoch of the last answer, and in the one before */
	uint64_t generation, epoch, answered_ns, hold_end_ns;
};

/* Takes what an answer says of them, in an epoch; sets nodes and absent of *cluster */
void law_nodes(struct law_nodes *known, struct law_cluster *cluster, uint64_t generation,
	       uint64_t epoch, uint64_t nodes, uint64_t now_ns);

/* A key not known yet: an even share, whose bucket is full (the enforcer begins with level = burst) */
void law_start(struct law_key *key, const struct law_limit *limit,
	       const struct law_cluster *cluster, uint64_t now_ns);

/*
 * The limit is another now: its part of it stays. In an outage law_lapse() decides once more.
 */
void law_change(struct law_key *key, const struct law_limit *was, const struct law_limit *limit,
		const struct law_cluster *cluster);

/* N is another now. True if the share is, too: of a key that nothing was answered for yet */
bool law_even(struct law_key *key, const struct law_limit *limit,
	      const struct law_cluster *cluster);

/* Units since the last count. What was admitted beyond demand is not counted: it cannot be */
void law_count(struct law_key *key, uint64_t demand, uint64_t admitted, uint64_t now_ns);

/* Whether to report now, ahead of the round. Never while a report is in flight. */
bool law_due(const struct law_key *key, const struct law_cluster *cluster, uint64_t now_ns);

/* While in flight the same as before, word for word: the script knows it by its sequence number */
void law_report(struct law_key *key, const struct law_limit *limit,
		const struct law_cluster *cluster, uint64_t now_ns, bool round,
		struct law_report *out);

/* Takes an answer to the report in flight */
struct law_share law_answer(struct law_key *key, const struct law_limit *limit,
			    const struct law_cluster *cluster, const struct law_answer *answer,
			    uint64_t now_ns);

/* True once, when the lease is over, with the share of an outage */
bool law_lapse(struct law_key *key, const struct law_limit *limit,
	       const struct law_cluster *cluster, uint64_t now_ns, struct law_share *out);

/* How much of the limit is this node's, 0 .. 1 */
double law_ratio(const struct law_key *key, const struct law_limit *limit);
