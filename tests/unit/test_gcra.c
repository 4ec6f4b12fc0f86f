/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir-test: alone */
/*
 * The limiter's promise: in any interval W at most burst + W / cost units pass, whatever arrives,
 * whatever the clocks do, however many threads take part.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/core/gcra.h"
#include "tests/lib/random.h"
#include "user/config/model.h"

#define NS WEIR_TICKS_PER_NS
#define MS (1000000 * NS)
#define SEC WEIR_TICKS_PER_SEC
#define HOUR_NS (3600 * 1000000000ULL)
#define SEC_NS 1000000000ULL

static struct weir_limit limit_of(enum weir_unit unit, u64 amount, u64 period_ns, u64 burst)
{
	struct config_limit limit = {unit, amount, period_ns, burst};
	struct weir_limit out;

	config_limit_ticks(&limit, &out);
	return out;
}

static struct weir_limit packets(u64 amount, u64 period_ns, u64 burst)
{
	return limit_of(WEIR_UNIT_PACKETS, amount, period_ns, burst);
}

static bool take(u64 *tat, u64 now, u64 cost, u64 burst)
{
	u64 next;

	return weir_charge(tat, now, cost, burst, &next) == WEIR_CHARGED;
}

/*
 * Judges all intervals at once. Let a(k) be what the first k packets cost, less the time of the k-th;
 * what passes from packet i to j then costs a(j) - a(i) + cost(i) + (t(j) - t(i)), which must not be more than
 * burst + t(j) - t(i).
 */
struct interval_bound {
	s64 sum; /* of costs */
	s64 least;
	s64 worst; /* the most that any interval has had beyond W */
	bool any;
};

static void bound_pass(struct interval_bound *bound, u64 now, u64 cost)
{
	s64 before = bound->sum - (s64)now;

	if (!bound->any || before < bound->least)
		bound->least = before;
	bound->any = true;
	bound->sum += (s64)cost;
	if (bound->sum - (s64)now - bound->least > bound->worst)
		bound->worst = bound->sum - (s64)now - bound->least;
}

/* ---------------------------------------------------------------------------------------- the bound */

/* Poisson-like, bursty, on the dot, in lumps */
static u64 next_gap(struct random *random, u64 cost, int kind)
{
	switch (kind) {
	case 0:
		return random_below(random, 2 * cost + 1);
	case 1:
		return random_below(random, 50) ? 0 : random_below(random, 100 * cost);
	case 2:
		return cost;
	case 3:
		return random_below(random, 2) ? cost - 1 : cost + 1;
	default:
		return random_u64(random) >> random_below(random, 64) & (64 * cost - 1);
	}
}

static void in_any_interval_at_most_burst_and_the_rate_pass(void **state)
{
	struct random random = random_begin();

	(void)state;
	for (int round = 0; round < 2000; round++) {
		u64 amount = 1 + random_below(&random, 1ULL << random_below(&random, 30));
		u64 burst = 1 + random_below(&random, 1ULL << random_below(&random, 12));
		struct weir_limit limit = packets(amount, SEC_NS, burst);
		u64 now = random_below(&random, 1ULL << 60), tat = 0, passed = 0;
		struct interval_bound bound = {};
		u64 last = now, first = now;

		for (int i = 0; i < 2000; i++) {
			now += next_gap(&random, limit.cost, round % 5);
			if (take(&tat, now, limit.cost, limit.burst)) {
				bound_pass(&bound, now, limit.cost);
				passed++;
				last = now;
			}
		}
		assert_true(bound.worst <= (s64)limit.burst);
		/* The same by counting, in units, for the whole: nothing lost to rounding costs. */
		assert_true((unsigned __int128)(passed - burst) * SEC <=
				    (unsigned __int128)(last - first) * amount ||
			    passed <= burst);
	}
}

static void nothing_is_refused_that_the_bound_lets_pass(void **state)
{
	struct random random = random_begin();

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct weir_limit limit = packets(1 + random_below(&random, 100000), SEC_NS,
						  1 + random_below(&random, 50));
		u64 now = SEC, tat = 0, level = 0, before = now;

		/* The bucket as a textbook has it: a level that leaks one tick a tick. */
		for (int i = 0; i < 2000; i++) {
			bool conforms;

			now += next_gap(&random, limit.cost, round % 5);
			level -= now - before < level ? now - before : level;
			before = now;
			conforms = level + limit.cost <= limit.burst;
			if (conforms)
				level += limit.cost;
			assert_int_equal(take(&tat, now, limit.cost, limit.burst), conforms);
		}
	}
}

/* ------------------------------------------------------------------------------------- exact rates */

/* Offers `offered` a second, evenly, for `seconds`; returns what passed after the burst is used up. */
static u64 offer(struct weir_limit limit, u64 offered, u64 seconds)
{
	u64 tat = 0, passed = 0, start = 5 * SEC;

	while (take(&tat, start, limit.cost, limit.burst))
		;
	for (u64 i = 0; i < offered * seconds; i++)
		passed += take(&tat, start + (u64)((unsigned __int128)i * SEC / offered),
			       limit.cost, limit.burst);
	return passed;
}

static void a_limit_of_1000_passes_1000_of_1100_1500_and_1900(void **state)
{
	static const u64 offered[] = {1001, 1100, 1500, 1900, 2000, 10000};

	(void)state;
	for (size_t i = 0; i < sizeof(offered) / sizeof(offered[0]); i++) {
		for (u64 burst = 1; burst <= 1000; burst *= 10) {
			u64 passed = offer(packets(1000, SEC_NS, burst), offered[i], 100);

			/* With a burst of 1 an evenly spaced offer can not use every moment. */
			if (passed > 100000 || (burst > 1 && passed < 99000))
				fail_msg("offered %llu/s, burst %llu: %llu passed in 100 s",
					 (unsigned long long)offered[i], (unsigned long long)burst,
					 (unsigned long long)passed);
		}
	}
}

static void offered_less_than_the_limit_all_passes(void **state)
{
	(void)state;
	/* but the first, which finds the bucket empty */
	assert_int_equal(offer(packets(1000, SEC_NS, 2), 999, 100), 99900 - 1);
	assert_int_equal(offer(packets(7, SEC_NS, 7), 6, 1000), 6000 - 1);
}

static void slow_limits_are_exact(void **state)
{
	u64 tat, passed;

	(void)state;
	for (u64 rate = 1; rate <= 3; rate++) {
		passed = offer(packets(rate, SEC_NS, rate), 100, 1000);
		assert_in_range(passed, rate * 1000 - rate, rate * 1000);
	}
	/* 5 an hour, asked each second for ten days */
	tat = passed = 0;
	for (u64 second = 1; second <= 240 * 3600; second++)
		passed += take(&tat, second * SEC, packets(5, HOUR_NS, 5).cost,
			       packets(5, HOUR_NS, 5).burst);
	assert_in_range(passed, 5 * 240, 5 * 240 + 5);
}

static void a_burst_across_a_window_edge_passes_once(void **state)
{
	(void)state;
	/* All of a second's quota in its last ms, all of the next second's in its first */
	for (u64 rate = 1; rate <= 1000; rate *= 10) {
		struct weir_limit limit = packets(rate, SEC_NS, rate);
		u64 tat = 0, passed = 0;

		for (u64 i = 0; i < 10 * rate; i++)
			passed += take(&tat, SEC - MS / 2 + i * MS / 20 / rate, limit.cost,
				       limit.burst);
		for (u64 i = 0; i < 10 * rate; i++)
			passed += take(&tat, SEC + i * MS / 20 / rate, limit.cost, limit.burst);
		assert_in_range(passed, rate, rate + 1);
	}
}

/* Costs are rounded up and the burst down, to ticks: the last of a burst may be some ticks late. */
static void a_burst_passes_whole_within_a_nanosecond_for_each_16(void **state)
{
	(void)state;
	for (u64 amount = 1; amount <= 1000; amount++) {
		struct weir_limit limit = packets(amount, SEC_NS, amount);
		u64 tat = 0, passed = 0;

		for (u64 i = 0; i < amount; i++)
			passed += take(&tat, SEC + i, limit.cost, limit.burst);
		assert_int_equal(passed, amount);
		assert_false(take(&tat, SEC + amount, limit.cost, limit.burst));
	}
}

/* ------------------------------------------------------------------------------------------ clocks */

/*
 * What is decided by a time that lags is what the clock would have decided, at both ends of all that
 * the clock may say and in between.
 */
static void what_a_lagging_time_is_sure_of_the_clock_confirms(void **state)
{
	struct random random = random_begin();
	u64 sure[2] = {};

	(void)state;
	for (int i = 0; i < 2000000; i++) {
		u64 about = SEC + random_below(&random, 1000 * SEC);
		u64 cost = 1 + random_below(&random, 1ULL << random_below(&random, 40));
		u64 burst = cost * (1 + random_below(&random, 1ULL << random_below(&random, 20)));
		u64 tat = about - SEC + random_below(&random, 2 * burst + 2 * SEC);
		u64 next, exact;
		enum weir_charge charge = weir_gcra_about(tat, about, cost, burst, &next);
		u64 late = charge == WEIR_CHARGED ? WEIR_LATE_PASS : WEIR_LATE_REFUSE;
		u64 now[] = {about, about + random_below(&random, late), about + late};

		if (charge == WEIR_ASK_CLOCK)
			continue;
		sure[charge == WEIR_CHARGED]++;
		for (int k = 0; k < 3; k++) {
			assert_int_equal(weir_gcra(tat, now[k], cost, burst, &exact),
					 charge == WEIR_CHARGED);
			assert_true(charge != WEIR_CHARGED || next == exact);
		}
	}
	assert_true(sure[0] > 1000 && sure[1] > 1000);
}

static void clocks_that_disagree_can_not_refill(void **state)
{
	struct random random = random_begin();

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct weir_limit limit = packets(1 + random_below(&random, 1000000), SEC_NS,
						  1 + random_below(&random, 100));
		u64 spread = 1 + random_below(&random, 100 * limit.cost), tat = 0, cost = 0;
		u64 base = 100 * SEC, least = ~0ULL, most = 0;

		for (int i = 0; i < 5000; i++) {
			/* Any processor's clock, ahead and behind by turns */
			u64 now = base + random_below(&random, spread);

			base += random_below(&random, limit.cost / 8 + 1);
			if (!take(&tat, now, limit.cost, limit.burst))
				continue;
			cost += limit.cost;
			least = now < least ? now : least;
			most = now > most ? now : most;
		}
		assert_true(cost <= limit.burst + (most - least));
	}
}

static void a_clock_that_goes_back_refuses_rather_than_refills(void **state)
{
	struct weir_limit limit = packets(10, SEC_NS, 10);
	u64 tat = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_true(take(&tat, 100 * SEC, limit.cost, limit.burst));
	for (u64 back = 1; back < 60; back++)
		assert_false(take(&tat, (100 - back) * SEC, limit.cost, limit.burst));
	assert_false(take(&tat, 100 * SEC, limit.cost, limit.burst));
	assert_true(take(&tat, 100 * SEC + limit.cost, limit.cost, limit.burst));
}

/* --------------------------------------------------------------------------------------- giving back */

static void what_is_given_back_can_be_taken_again(void **state)
{
	struct weir_limit limit = packets(10, SEC_NS, 5);
	u64 tat = 0, next;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_true(take(&tat, SEC, limit.cost, limit.burst));
	assert_int_equal(weir_charge(&tat, SEC, limit.cost, limit.burst, &next), WEIR_CHARGED);
	assert_false(take(&tat, SEC, limit.cost, limit.burst));
	weir_give_back(&tat, next, limit.cost);
	assert_true(take(&tat, SEC, limit.cost, limit.burst));
	assert_false(take(&tat, SEC, limit.cost, limit.burst));
}

/*
 * One is charged, and delayed before it gives back. Meanwhile the bucket is full again by itself, and another
 * is charged: what is given back now would let one more than the burst pass at once.
 */
static void what_is_given_back_late_does_not_overfill(void **state)
{
	struct weir_limit limit = packets(10, SEC_NS, 5);
	u64 tat = 0, next, passed = 1;

	(void)state;
	assert_int_equal(weir_charge(&tat, SEC, limit.cost, limit.burst, &next), WEIR_CHARGED);
	assert_true(take(&tat, 5 * SEC, limit.cost, limit.burst));
	weir_give_back(&tat, next, limit.cost);
	while (take(&tat, 5 * SEC, limit.cost, limit.burst))
		passed++;
	assert_int_equal(passed, 5);
}

static void a_refusal_leaves_the_bucket_as_it_was(void **state)
{
	struct weir_limit limit = packets(10, SEC_NS, 5);
	u64 tat = 0, before;

	(void)state;
	while (take(&tat, SEC, limit.cost, limit.burst))
		;
	before = tat;
	for (int i = 0; i < 1000; i++)
		assert_false(take(&tat, SEC, limit.cost, limit.burst));
	assert_int_equal(tat, before);
}

/* ------------------------------------------------------------------------------------------- bytes */

static void bytes_never_exceed_their_limit_by_rounding(void **state)
{
	struct random random = random_begin();
	static const u64 rates[] = {256,      1000,	  12345,       1000000,
				    20000000, 1250000000, 10000000000, 1000000000000};

	(void)state;
	for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		struct weir_limit limit = limit_of(WEIR_UNIT_BYTES, rates[r], SEC_NS, 100000);
		u64 now = SEC, tat = 0, bytes = 0, start, offered = 0;

		/* The burst first, then twice the rate */
		start = now;
		for (int i = 0; i < 200000; i++) {
			struct weir_units units = {.packets = 1,
						   .bytes = 60 + random_below(&random, 1455)};
			u64 cost = weir_cost(WEIR_UNIT_BYTES, limit.cost, &units);

			assert_true((unsigned __int128)cost * rates[r] >=
				    (unsigned __int128)units.bytes * SEC);
			if (take(&tat, now, cost, limit.burst))
				bytes += units.bytes;
			offered += units.bytes;
			now = start + (u64)((unsigned __int128)offered * SEC / rates[r] / 2);
		}
		assert_true((unsigned __int128)(bytes - 100000) * SEC <=
			    (unsigned __int128)(now - start) * rates[r]);
		/* Rounded up to whole ticks for each packet: at 1 TB/s a frame of 60 bytes is one tick. */
		if (rates[r] <= 10000000000)
			assert_true((unsigned __int128)bytes * SEC * 100 >=
				    (unsigned __int128)(now - start) * rates[r] * 99);
	}
}

static void a_cost_is_rounded_up_to_whole_ticks(void **state)
{
	struct weir_units one = {.packets = 1, .bytes = 1};

	(void)state;
	for (u64 rate = 256; rate <= 1000000000000; rate = rate * 3 + 1) {
		struct weir_limit limit = limit_of(WEIR_UNIT_BYTES, rate, SEC_NS, 2000);

		for (one.bytes = 1; one.bytes < 70000; one.bytes = one.bytes * 2 + 1) {
			u64 cost = weir_cost(WEIR_UNIT_BYTES, limit.cost, &one);
			u64 exact = (u64)(((unsigned __int128)one.bytes * SEC + rate - 1) / rate);

			assert_in_range(cost, exact, exact + one.bytes / 1000000 + 1);
		}
	}
}

/* The slowest limit there may be, and the largest that a GRO packet can be: no overflow. */
static void the_slowest_limits_and_the_largest_packets_do_not_overflow(void **state)
{
	struct weir_units most = {.packets = 4096, .bytes = 262144, .connections = 1};
	struct weir_limit bytes = limit_of(WEIR_UNIT_BYTES, 256, SEC_NS, 1 << 20);
	struct weir_limit daily = packets(1, 24 * HOUR_NS, 1);

	(void)state;
	assert_true(weir_cost(WEIR_UNIT_BYTES, bytes.cost, &most) == 262144 * SEC / 256);
	assert_true(weir_cost(WEIR_UNIT_PACKETS, daily.cost, &most) / 4096 == daily.cost);
}

/* One unit a year: many of them in one packet must not wrap round to a few ticks. */
static void a_merged_packet_of_the_slowest_share_costs_more_than_any_burst(void **state)
{
	const u64 year = 31536000ULL * WEIR_TICKS_PER_SEC;

	(void)state;
	for (u32 packets = 1; packets < 65536; packets++) {
		const struct weir_units units = {.packets = packets, .bytes = packets * 1500ULL};
		u64 next, cost = weir_cost_capped(WEIR_UNIT_PACKETS, year, &units);

		assert_true(packets == 1 ? cost == year : cost >= 2 * year);
		assert_int_equal(weir_gcra(5 * year, 5 * year, cost, year, &next), packets == 1);
		assert_int_equal(weir_cost_capped(WEIR_UNIT_PACKETS, 1000, &units), packets * 1000);
		assert_int_equal(weir_cost_capped(WEIR_UNIT_BYTES, 1 << 20, &units),
				 packets * 1500);
		assert_int_equal(weir_cost_capped(WEIR_UNIT_CONNECTIONS, year, &units), 0);
	}
}

static void units_that_a_packet_has_none_of_cost_nothing(void **state)
{
	struct weir_units ack = {.packets = 1, .bytes = 60, .connections = 0};
	struct weir_units merged = {.packets = 17, .bytes = 24000, .connections = 0};

	(void)state;
	assert_int_equal(weir_cost(WEIR_UNIT_CONNECTIONS, 12345, &ack), 0);
	assert_int_equal(weir_cost(WEIR_UNIT_PACKETS, 12345, &ack), 12345);
	assert_int_equal(weir_cost(WEIR_UNIT_PACKETS, 12345, &merged), 17 * 12345);
}

/* ------------------------------------------------------------------------------------- contention */

#define THREADS 4

struct contender {
	pthread_t thread;
	struct contest *contest;
	s64 skew; /* of this thread's clock, ticks */
	u64 passed, refused, contended;
	u64 first, last; /* times of what passed */
};

struct contest {
	u64 tat __attribute__((aligned(64)));
	struct weir_limit limit;
	u64 until;
	bool give_back;
};

static u64 clock_ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((u64)now.tv_sec * SEC_NS + (u64)now.tv_nsec) * NS;
}

static void *contend(void *argument)
{
	struct contender *me = argument;
	struct contest *contest = me->contest;
	u64 real;

	while ((real = clock_ticks()) < contest->until) {
		u64 now = real + (u64)me->skew, next;

		switch (weir_charge(&contest->tat, now, contest->limit.cost, contest->limit.burst,
				    &next)) {
		case WEIR_CHARGED:
			/* Every third one as if a second limit had refused it */
			if (contest->give_back && (me->refused++ % 3) == 0) {
				weir_give_back(&contest->tat, next, contest->limit.cost);
				break;
			}
			me->passed++;
			me->first = me->first && me->first < now ? me->first : now;
			me->last = me->last > now ? me->last : now;
			break;
		case WEIR_ASK_CLOCK: /* never: it has one */
		case WEIR_OVER_LIMIT:
			me->refused++;
			break;
		case WEIR_CONTENDED:
			me->contended++;
		}
	}
	return NULL;
}

/* Returns how many passed; fails if that is more than burst + W / cost. */
static u64 run_contest(struct contest *contest, s64 skew)
{
	struct contender contender[THREADS] = {};
	u64 passed = 0, first = ~0ULL, last = 0, contended = 0;

	contest->tat = 0;
	contest->until = clock_ticks() + SEC / 4;
	for (int i = 0; i < THREADS; i++) {
		contender[i].contest = contest;
		contender[i].skew = skew * i;
		assert_int_equal(pthread_create(&contender[i].thread, NULL, contend, &contender[i]),
				 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(contender[i].thread, NULL);
		passed += contender[i].passed;
		contended += contender[i].contended;
		if (contender[i].first && contender[i].first < first)
			first = contender[i].first;
		last = contender[i].last > last ? contender[i].last : last;
	}
	printf("# %llu passed, %llu ran out of tries, %llu allowed\n", (unsigned long long)passed,
	       (unsigned long long)contended,
	       (unsigned long long)((contest->limit.burst + last - first) / contest->limit.cost));
	assert_true(passed > 0);
	assert_true((unsigned __int128)passed * contest->limit.cost <=
		    contest->limit.burst + (last - first));
	return passed;
}

static void threads_on_one_bucket_pass_exactly_the_limit(void **state)
{
	struct contest contest = {.limit = packets(100000, SEC_NS, 100)};
	u64 passed;

	(void)state;
	passed = run_contest(&contest, 0);
	/* and not much less, though others may want the processors: 25,000 are allowed */
	assert_true(passed >= 2500);
	contest.limit = packets(10000000, SEC_NS, 10);
	run_contest(&contest, 0);
	contest.limit = packets(20, SEC_NS, 1);
	run_contest(&contest, 0);
}

static void threads_whose_clocks_disagree_pass_no_more(void **state)
{
	struct contest contest = {.limit = packets(100000, SEC_NS, 100)};

	(void)state;
	run_contest(&contest, 3 * (s64)MS);
	run_contest(&contest, -(s64)(5 * MS));
}

static void threads_that_give_back_pass_no_more(void **state)
{
	struct contest contest = {.limit = packets(5000000, SEC_NS, 3), .give_back = true};

	(void)state;
	for (int i = 0; i < 4; i++)
		run_contest(&contest, 0);
}

/* -------------------------------------------------------------------------------- published vectors */

/* What a service that answers with headers would say; nanoseconds, rounded up */
struct answer {
	bool limited;
	u64 remaining;
	u64 reset_ms;
	s64 retry_ms; /* -1: need not wait, or never */
};

static struct answer ask(u64 *tat, const struct weir_limit *limit, u64 now, u64 quantity)
{
	u64 next, cost = quantity * limit->cost, level;
	struct answer answer = {.retry_ms = -1};

	answer.limited = !weir_gcra(*tat, now, cost, limit->burst, &next);
	if (!answer.limited && quantity)
		*tat = next;
	else if (answer.limited && cost <= limit->burst)
		answer.retry_ms = (s64)((next - now - limit->burst + MS - 1) / MS);
	level = *tat > now ? *tat - now : 0;
	answer.remaining = (limit->burst - level) / limit->cost;
	answer.reset_ms = (level + MS - 1) / MS;
	return answer;
}

struct vector {
	u64 at_ms;
	u64 quantity;
	struct answer expected;
};

static void assert_vectors(struct weir_limit limit, const struct vector *vector, size_t count)
{
	u64 tat = 0;

	for (size_t i = 0; i < count; i++) {
		struct answer got =
			ask(&tat, &limit, 1000 * SEC + vector[i].at_ms * MS, vector[i].quantity);
		const struct answer *want = &vector[i].expected;

		if (got.limited != want->limited || got.remaining != want->remaining ||
		    got.reset_ms != want->reset_ms || got.retry_ms != want->retry_ms)
			fail_msg("%zu: limited %d remaining %llu reset %llu retry %lld", i,
				 got.limited, (unsigned long long)got.remaining,
				 (unsigned long long)got.reset_ms, (long long)got.retry_ms);
	}
}

/*
 * The scenario of redis-cell's `it_rate_limits`: one a second, five at once. Numbers worked out from
 * the bucket: it fills by one each 1000 ms, `remaining` is what is in it, `reset` is how long until it is full, `retry`
 * how long until there is enough.
 */
static void redis_cell_it_rate_limits(void **state)
{
	static const struct vector vectors[] = {
		{0, 6, {true, 5, 0, -1}},	  /* more than the bucket holds: never */
		{0, 1, {false, 4, 1000, -1}},	  /* 5 - 1 */
		{0, 1, {false, 3, 2000, -1}},	  /* */
		{0, 1, {false, 2, 3000, -1}},	  /* */
		{0, 1, {false, 1, 4000, -1}},	  /* */
		{0, 1, {false, 0, 5000, -1}},	  /* empty */
		{0, 1, {true, 0, 5000, 1000}},	  /* the next one comes in 1000 ms */
		{3000, 1, {false, 2, 3000, -1}},  /* 0 + 3 - 1 */
		{3100, 1, {false, 1, 3900, -1}},  /* 2.1 - 1 = 1.1 */
		{4000, 1, {false, 1, 4000, -1}},  /* 1.1 + 0.9 - 1 */
		{8000, 1, {false, 4, 1000, -1}},  /* full at 8000: 5 - 1 */
		{9500, 1, {false, 4, 1000, -1}},  /* full again since 9000 */
		{9500, 0, {false, 4, 1000, -1}},  /* asking for nothing only looks */
		{9500, 2, {false, 2, 3000, -1}},  /* 4 - 2 */
		{9500, 5, {true, 2, 3000, 3000}}, /* 5 - 2 are missing */
	};

	(void)state;
	assert_vectors(packets(1, SEC_NS, 5), vectors, sizeof(vectors) / sizeof(vectors[0]));
}

/* The scenarios of redis_rate's `rate_test.go`: ten a second, ten at once, all asked at one moment */
static void redis_rate_allow(void **state)
{
	static const struct vector vectors[] = {
		{0, 1, {false, 9, 100, -1}},
		{0, 2, {false, 7, 300, -1}},
		{0, 7, {false, 0, 1000, -1}},
		{0, 1, {true, 0, 1000, 100}},
		{0, 10, {true, 0, 1000, 1000}},
		{0, 1000, {true, 0, 1000, -1}}, /* more than it holds: never */
		{100, 1, {false, 0, 1000, -1}},
		{1100, 10, {false, 0, 1000, -1}},
	};

	(void)state;
	assert_vectors(packets(10, SEC_NS, 10), vectors, sizeof(vectors) / sizeof(vectors[0]));
}

/* Its `TestRetryAfter`: one each millisecond; who waits as told is served, a thousand times on end */
static void redis_rate_retry_after(void **state)
{
	struct weir_limit limit = packets(1000, SEC_NS, 1);
	u64 tat = 0, now = 1000 * SEC;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct answer answer = ask(&tat, &limit, now, 1);

		if (answer.limited) {
			assert_int_equal(answer.retry_ms, 1);
			now += (u64)answer.retry_ms * MS;
			answer = ask(&tat, &limit, now, 1);
		}
		assert_false(answer.limited);
	}
	assert_int_equal(now, 1000 * SEC + 999 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_any_interval_at_most_burst_and_the_rate_pass),
		cmocka_unit_test(nothing_is_refused_that_the_bound_lets_pass),
		cmocka_unit_test(a_limit_of_1000_passes_1000_of_1100_1500_and_1900),
		cmocka_unit_test(offered_less_than_the_limit_all_passes),
		cmocka_unit_test(slow_limits_are_exact),
		cmocka_unit_test(a_burst_across_a_window_edge_passes_once),
		cmocka_unit_test(a_burst_passes_whole_within_a_nanosecond_for_each_16),
		cmocka_unit_test(what_a_lagging_time_is_sure_of_the_clock_confirms),
		cmocka_unit_test(clocks_that_disagree_can_not_refill),
		cmocka_unit_test(a_clock_that_goes_back_refuses_rather_than_refills),
		cmocka_unit_test(what_is_given_back_can_be_taken_again),
		cmocka_unit_test(what_is_given_back_late_does_not_overfill),
		cmocka_unit_test(a_refusal_leaves_the_bucket_as_it_was),
		cmocka_unit_test(bytes_never_exceed_their_limit_by_rounding),
		cmocka_unit_test(a_cost_is_rounded_up_to_whole_ticks),
		cmocka_unit_test(the_slowest_limits_and_the_largest_packets_do_not_overflow),
		cmocka_unit_test(a_merged_packet_of_the_slowest_share_costs_more_than_any_burst),
		cmocka_unit_test(units_that_a_packet_has_none_of_cost_nothing),
		cmocka_unit_test(threads_on_one_bucket_pass_exactly_the_limit),
		cmocka_unit_test(threads_whose_clocks_disagree_pass_no_more),
		cmocka_unit_test(threads_that_give_back_pass_no_more),
		cmocka_unit_test(redis_cell_it_rate_limits),
		cmocka_unit_test(redis_rate_allow),
		cmocka_unit_test(redis_rate_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
