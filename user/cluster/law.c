/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cluster/law.h"

#include <math.h>
#include <string.h>

#define NS_PER_SEC 1e9
/* Units: counts beyond it are no counts; up to it a double is exact, and so are the numbers of the script */
#define MOST_UNITS (UINT64_C(1) << 53)

static double between(double least, double value, double most)
{
	/* In this order a NaN becomes least */
	return fmin(most, fmax(least, value));
}

static double seconds(uint64_t ns)
{
	return (double)ns / NS_PER_SEC;
}

static uint64_t since(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

static double even(const struct law_cluster *cluster)
{
	return 1.0 / (cluster->nodes ? cluster->nodes : 1);
}

/* The deepest the shared bucket goes into debt, units. Also in round.lua */
static double debt_cap(const struct law_limit *limit, const struct law_cluster *cluster)
{
	return limit->burst + 2 * limit->rate * seconds(cluster->interval_ns);
}

static uint64_t settle_ns(const struct law_cluster *cluster)
{
	return cluster->interval_ns / 4 < LAW_SETTLE_NS ? cluster->interval_ns / 4 : LAW_SETTLE_NS;
}

static void set_rate(struct law_key *key, const struct law_limit *limit, double rate)
{
	key->share.rate = between(0, rate, limit->rate);
	key->share.burst =
		between(1, limit->burst * (key->share.rate / limit->rate), fmax(1, limit->burst));
}

void law_nodes(struct law_nodes *known, struct law_cluster *cluster, uint64_t generation,
	       uint64_t epoch, uint64_t nodes, uint64_t now_ns)
{
	uint64_t hold_ns = LAW_NODE_ROUNDS * cluster->interval_ns;
	uint32_t heard = nodes < 1 ? 1 : nodes > UINT32_MAX ? UINT32_MAX : (uint32_t)nodes;

	if (generation != known->generation || since(now_ns, known->answered_ns) >= hold_ns) {
		known->hold_end_ns = now_ns + hold_ns;
		known->expected = known->answered_ns ? known->nodes : 0;
	} else if (now_ns >= known->hold_end_ns) {
		known->expected = 0;
	}
	if (heard > known->nodes || now_ns >= known->hold_end_ns)
		known->nodes = heard;
	if (epoch != known->epoch)
		known->heard_before = known->epoch ? known->heard : heard;
	known->heard = heard;
	known->generation = generation;
	known->epoch = epoch;
	known->answered_ns = now_ns;
	cluster->nodes = known->nodes;
	/* Who came only in this epoch has said nothing in the last one */
	if (heard > known->heard_before)
		heard = known->heard_before;
	cluster->absent = known->expected > heard ? known->expected - heard : 0;
}

void law_start(struct law_key *key, const struct law_limit *limit,
	       const struct law_cluster *cluster, uint64_t now_ns)
{
	*key = (struct law_key){.mode = LAW_NEW,
				.answered_ns = now_ns,
				.reported_ns = now_ns,
				.counted_ns = now_ns};
	set_rate(key, limit, limit->rate * even(cluster));
	key->left = key->share.burst;
}

void law_change(struct law_key *key, const struct law_limit *was, const struct law_limit *limit,
		const struct law_cluster *cluster)
{
	double ratio = law_ratio(key, was), scale = was->rate / limit->rate;

	if (key->mode == LAW_OUT) {
		key->mode = key->generation ? LAW_SHARED : LAW_NEW;
		/* That of another on_outage is no part to keep */
		if (was->on_outage != OUTAGE_KEEP)
			ratio = even(cluster);
	}
	set_rate(key, limit, limit->rate * ratio);
	key->left = fmin(key->left, key->share.burst);
	key->level = fmin(key->level, limit->burst);
	for (int i = 0; i < 2; i++) {
		key->claim[i].even *= scale;
		key->claim[i].most *= scale;
	}
}

bool law_even(struct law_key *key, const struct law_limit *limit, const struct law_cluster *cluster)
{
	double before = key->share.rate;

	if (key->mode != LAW_NEW)
		return false;
	set_rate(key, limit, limit->rate * even(cluster));
	key->left = fmin(key->left, key->share.burst);
	return key->share.rate < before || key->share.rate > before;
}

/* --------------------------------------------------------------------------------------- reporting */

static uint64_t added(uint64_t units, uint64_t more)
{
	return more < MOST_UNITS - units ? units + more : MOST_UNITS;
}

void law_count(struct law_key *key, uint64_t demand, uint64_t admitted, uint64_t now_ns)
{
	double most = key->share.burst + key->advance;

	key->demand = added(key->demand, demand);
	key->admitted = added(key->admitted, admitted < demand ? admitted : demand);
	key->left =
		fmin(most, key->left + key->share.rate * seconds(since(now_ns, key->counted_ns)));
	key->left = admitted < demand ? 0 : fmax(0, key->left - (double)admitted);
	key->counted_ns = now_ns;
	if (admitted < demand)
		key->refused = true;
	if (!key->low && demand && (admitted < demand || key->left < most / 2)) {
		key->low = true;
		key->told = key->asked = false;
	}
}

static bool settled(const struct law_key *key, const struct law_cluster *cluster, uint64_t now_ns)
{
	return key->low && key->told && since(now_ns, key->told_ns) >= settle_ns(cluster);
}

bool law_due(const struct law_key *key, const struct law_cluster *cluster, uint64_t now_ns)
{
	if (!key->low || key->in_flight)
		return false;
	if (!key->told)
		return !key->told_ns ||
		       since(now_ns, key->told_ns) >=
			       (key->refused ? cluster->interval_ns / 4 : cluster->interval_ns);
	if (!key->asked)
		return settled(key, cluster, now_ns);
	/* Again only when all was granted and is used up: a flood gets nothing, and so asks once */
	return key->granted && key->refused && since(now_ns, key->asked_ns) >= settle_ns(cluster);
}

/*
 * The demand of one interval, if it was gathered for longer than two: shares go by demand in an epoch, and a node that could
 * not report for a while must not count for more than the others. Up to two are one report that was late: what one epoch
 * misses the next has. Split into what an even share covers and what is above it.
 * Who was above it at the end of a round counts with all of an even share, though it began only in the middle of the
 * round: else the first epoch of a flood would seem to leave some of R over.
 */
static void split_demand(struct law_key *key, const struct law_limit *limit,
			 const struct law_cluster *cluster, uint64_t now_ns, bool round,
			 struct law_report *out)
{
	uint64_t gathered_ns = since(now_ns, key->reported_ns);
	double demand = (double)key->demand, most = limit->rate * even(cluster);
	double covers, within;

	if (gathered_ns > 2 * cluster->interval_ns + cluster->interval_ns / 4) {
		demand *= (double)cluster->interval_ns / gathered_ns;
		gathered_ns = cluster->interval_ns;
	}
	covers = most * seconds(gathered_ns);
	within = fmin(demand, covers);
	if (round && demand > covers)
		within = fmax(covers, most * seconds(cluster->interval_ns) - key->within);
	key->within = round ? 0 : key->within + within;
	out->above = (uint64_t)fmax(0, demand - covers);
	out->demand = out->above + (uint64_t)ceil(within);
}

/*
 * After an outage only what fits into this node's part of the burst: meanwhile the shared bucket filled up, but no higher
 * than B. The parts of all nodes empty it again, and no more. Debt would punish the innocent.
 */
static uint64_t admitted_capped(const struct law_key *key, const struct law_limit *limit,
				const struct law_cluster *cluster)
{
	double most = limit->on_outage == OUTAGE_KEEP ? key->share.burst
						      : limit->burst * even(cluster);

	if (!key->away || (double)key->admitted <= fmax(1, most))
		return key->admitted;
	return (uint64_t)fmax(1, most);
}

/* Whether the local bucket goes on needing more than its share gives */
static bool needs_more(const struct law_key *key, uint64_t now_ns)
{
	double earned = key->share.rate * seconds(since(now_ns, key->reported_ns));

	return key->refused || (double)key->demand > earned;
}

/*
 * What demand goes on to need in an interval beyond the share. Of a limit so slow that this is less than a unit: what
 * was refused just now
 */
static uint64_t wanted(const struct law_key *key, const struct law_limit *limit,
		       const struct law_cluster *cluster, uint64_t now_ns)
{
	double gathered = seconds(since(now_ns, key->reported_ns));
	double rate = gathered > 0 ? (double)key->demand / gathered : limit->rate;
	double lacks = (fmin(rate, limit->rate) - key->share.rate) * seconds(cluster->interval_ns);
	double refused = (double)(key->demand - key->admitted);

	return (uint64_t)ceil(between(0, lacks < 1 ? refused : lacks, limit->burst));
}

static void note_told(struct law_key *key, const struct law_cluster *cluster, uint64_t now_ns)
{
	bool ask = settled(key, cluster, now_ns);

	if (!key->low)
		return;
	if (!needs_more(key, now_ns)) {
		key->low = false;
		key->told_ns = now_ns;
		return;
	}
	if (ask)
		key->asked_ns = now_ns;
	else if (!key->told)
		key->told_ns = now_ns;
	key->asked |= ask;
	key->told = true;
}

/*
 * What the shared bucket should hold before this report's debit, if all others have admitted as much as this node has:
 * for a bucket that has lost its memory. What this node has admitted and does not debit now (it came after a report in
 * flight, or is capped) is missing from it too. After an outage all debit their parts at that time, so these are in it still; only what is
 * forgiven is not. The script believes it after a loss only: where Redis was just away, the bucket filled up, and
 * the capped debits of all nodes empty it again; both together would take a burst twice.
 */
static int64_t hint(const struct law_key *key, const struct law_limit *limit,
		    const struct law_cluster *cluster, uint64_t now_ns)
{
	double refill = limit->rate * seconds(since(now_ns, key->answered_ns));
	double capped = (double)admitted_capped(key, limit, cluster);
	double sent = key->in_flight ? (double)key->sent_admitted : 0;
	double here = (double)key->admitted + sent;
	double debit = key->mode == LAW_OUT ? (sent + capped) / even(cluster)
		       : key->in_flight	    ? sent
					    : capped;
	double level = key->level + refill - here / even(cluster) + debit;

	return (int64_t)floor(between(fmin(0, key->level), level, limit->burst));
}

static void fill_report(struct law_key *key, const struct law_limit *limit,
			const struct law_cluster *cluster, uint64_t now_ns, bool round)
{
	struct law_report *report = &key->sent;

	*report = (struct law_report){0};
	split_demand(key, limit, cluster, now_ns, round, report);
	key->sent_round = round;
	key->returned = fmax(0, key->advance - (double)key->admitted);
	report->spent = (int64_t)admitted_capped(key, limit, cluster) - (int64_t)key->advance;
	/* While nodes are absent the bucket seems to hold what they have taken already */
	if (!key->away && !cluster->absent && settled(key, cluster, now_ns) &&
	    needs_more(key, now_ns))
		report->want = wanted(key, limit, cluster, now_ns);
	note_told(key, cluster, now_ns);
}

void law_report(struct law_key *key, const struct law_limit *limit,
		const struct law_cluster *cluster, uint64_t now_ns, bool round,
		struct law_report *out)
{
	bool fresh = !key->in_flight;

	if (fresh)
		fill_report(key, limit, cluster, now_ns, round);
	/* What was asked for before an outage is none of its end */
	if (key->mode == LAW_OUT)
		key->sent.want = 0;
	key->sent.has_hint = key->generation != 0;
	key->sent.hint = key->sent.has_hint ? hint(key, limit, cluster, now_ns) : 0;
	key->sent.knows = key->generation;
	*out = key->sent;
	if (!fresh)
		return;
	key->sent_admitted = key->admitted;
	key->in_flight = true;
	key->refused = key->away = false;
	key->demand = key->admitted = 0;
	key->advance = 0;
	key->reported_ns = now_ns;
}

/* ---------------------------------------------------------------------------------------- answers */

static void say(struct law_key *key, uint64_t epoch, uint64_t above)
{
	int i = key->said[0].epoch == epoch		  ? 0
		: key->said[1].epoch == epoch		  ? 1
		: key->said[0].epoch < key->said[1].epoch ? 0
							  : 1;

	if (key->said[i].epoch != epoch)
		key->said[i].above = 0;
	key->said[i].epoch = epoch;
	key->said[i].above = added(key->said[i].above, above);
}

/* What it was; NULL: nothing was counted in that epoch */
static const uint64_t *said(const struct law_key *key, uint64_t epoch)
{
	for (int i = 0; i < 2; i++)
		if (key->said[i].epoch == epoch)
			return &key->said[i].above;
	return NULL;
}

/* Takes what is known of the latest complete epoch; an answer more of the same epoch only replaces it */
static void claim(struct law_key *key, const struct law_limit *limit,
		  const struct law_cluster *cluster, const struct law_answer *answer)
{
	uint64_t epoch = answer->epoch - 1;
	double whole = limit->rate * seconds(cluster->interval_ns);
	double within = (double)answer->demand - (double)answer->above +
			whole * even(cluster) * cluster->absent;
	bool recent = key->claim[0].epoch + LAW_CLAIM_ROUNDS >= epoch;
	const uint64_t *above = said(key, epoch);

	/*
	 * Nothing was answered in the epoch before this one, and the report of it is counted in this: a round was late. That
	 * epoch says nothing of this node, so its claims stay as they were, once. Others do not take what it leaves over
	 * there before the next epoch leaves it over, too.
	 */
	if (!above && key->claim[0].epoch + 2 == epoch)
		return;
	if (key->claim[0].epoch != epoch)
		key->claim[1] = recent ? key->claim[0] : (struct law_claim){0};
	key->claim[0] = (struct law_claim){
		.epoch = epoch, .fair = even(cluster), .even = fmax(0, within) / whole};
	if (!answer->above || !above)
		return;
	key->claim[0].part = fmin(1, (double)*above / (double)answer->above);
	key->claim[0].most = LAW_HEADROOM * (double)*above / whole;
}

/*
 * By R: an even share, and of what all even shares leave over this node's part, by its part of the demand above them.
 * Where N has changed since, the lesser even share goes with what was left over then: the two would count twice else.
 */
static double claimed(const struct law_claim *claim, double fair, double least, double whole)
{
	double spare = fmax(0, whole - claim->even) * claim->part;

	return fmin(claim->fair, fair) * least + fmin(claim->most, spare);
}

static double rate_of(const struct law_key *key, const struct law_limit *limit,
		      const struct law_cluster *cluster, int64_t units)
{
	double level = (double)units, fair = even(cluster), whole = 1, least = 1, rate;

	if (level < 0) {
		whole = fmax(0, 1 + level / debt_cap(limit, cluster));
		least = fmax(0.5, whole);
	} else {
		whole += LAW_BONUS * between(0, 2 * level / limit->burst - 1, 1);
	}
	/* The lesser of two epochs: the first one of a flood is seen in part only, and seems to leave much over */
	rate = fmin(claimed(&key->claim[0], fair, least, whole),
		    claimed(&key->claim[1], fair, least, whole));
	return limit->rate * fmax(fair * least, rate);
}

/* Redis has lost its memory, or another one with an earlier clock took its place */
static bool forgot(const struct law_key *key, const struct law_answer *answer)
{
	return key->generation &&
	       (key->generation != answer->generation || answer->epoch < key->epoch);
}

struct law_share law_answer(struct law_key *key, const struct law_limit *limit,
			    const struct law_cluster *cluster, const struct law_answer *answer,
			    uint64_t now_ns)
{
	struct law_share share;
	uint64_t advance = answer->repeat ? 0 : answer->advance;

	if (forgot(key, answer)) {
		key->hold_end_ns = now_ns + LAW_HOLD_ROUNDS * cluster->interval_ns;
		memset(key->said, 0, sizeof(key->said));
		memset(key->claim, 0, sizeof(key->claim));
	}
	say(key, answer->counted, key->sent.above);
	/* Told after the round of that epoch: the next round is of another, and counts there with all of its even share */
	if (key->sent_round)
		key->round_epoch = answer->counted;
	else if (answer->counted == key->round_epoch)
		key->within = 0;
	claim(key, limit, cluster, answer);
	key->generation = answer->generation;
	key->epoch = answer->epoch;
	key->answered_ns = now_ns;
	key->level =
		between(-debt_cap(limit, cluster),
			(double)answer->level - (answer->repeat ? 0 : (double)key->sent.spent) -
				(double)advance,
			limit->burst);
	key->mode = now_ns < key->hold_end_ns ? LAW_HELD : LAW_SHARED;
	if (key->mode == LAW_SHARED)
		set_rate(key, limit, rate_of(key, limit, cluster, answer->level));
	key->advance = fmin((double)advance, limit->burst);
	key->granted = key->sent.want && advance >= key->sent.want;
	key->left = fmax(0, key->left + key->advance - key->returned);

	share = key->share;
	share.burst = fmin(fmax(1, limit->burst), share.burst + key->advance);
	share.credit = key->advance - key->returned;
	key->returned = 0;
	key->in_flight = false;
	return share;
}

bool law_lapse(struct law_key *key, const struct law_limit *limit,
	       const struct law_cluster *cluster, uint64_t now_ns, struct law_share *out)
{
	if (key->mode == LAW_OUT ||
	    since(now_ns, key->answered_ns) <= LAW_LEASE_ROUNDS * cluster->interval_ns)
		return false;
	key->mode = LAW_OUT;
	key->away = true;
	switch (limit->on_outage) {
	case OUTAGE_SHARE:
		set_rate(key, limit, limit->rate * even(cluster));
		break;
	case OUTAGE_LOCAL:
		set_rate(key, limit, limit->rate);
		break;
	case OUTAGE_KEEP:
	case OUTAGE_COUNT:
		break;
	case OUTAGE_DENY:
		key->share = (struct law_share){0};
		break;
	}
	*out = key->share;
	/* What is left of an advance goes back; the shared bucket has filled up meanwhile without it */
	out->credit = -fmax(0, key->advance - (double)key->admitted) - key->returned;
	key->advance = key->returned = 0;
	return true;
}

double law_ratio(const struct law_key *key, const struct law_limit *limit)
{
	return between(0, key->share.rate / limit->rate, 1);
}
