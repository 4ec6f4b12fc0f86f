/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The client table: who is found, who gives way, when state may be forgotten, and that clients
 * spread over the sets whatever their addresses look like.
 */
#include <arpa/inet.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/core/client_table.h"
#include "bpf/core/packet.h"
#include "tests/lib/random.h"

#define COARSE (1ULL << WEIR_COARSE_SHIFT) /* ticks */

static struct weir_key key_ipv4(u32 host, u8 service)
{
	struct weir_key key = {.service = service};

	weir_map_ipv4(htonl(host), key.addr);
	return key;
}

static struct weir_key key_ipv6(u64 high, u64 low)
{
	return (struct weir_key){{htobe64(high), htobe64(low)}, 0};
}

static void write_client(struct weir_client *client, const struct weir_key *key)
{
	memset(client, 0, sizeof(*client));
	client->addr[0] = key->addr[0];
	client->addr[1] = key->addr[1];
	client->service = key->service;
}

/* As the kernel does it: WEIR_WAYS if there was no room */
static u32 insert(struct weir_client_set *set, u64 hash, const struct weir_key *key, u64 now,
		  u64 tat, bool evict)
{
	s32 remaining;
	u32 way = weir_victim(set->slot, hash, weir_coarse(now), &remaining);
	u64 old = set->slot[way];

	if ((remaining > 0 && !evict) || !weir_claim(&set->slot[way], old))
		return WEIR_WAYS;
	write_client(&set->way[way], key);
	weir_publish(&set->slot[way], weir_tag(hash),
		     tat > now ? weir_coarse(tat) + 1 : weir_coarse(now));
	return way;
}

/* A hash with this first way and a tag of its own */
static u64 hash_of(u32 number, u32 first)
{
	return (u64)number << 32 | (number + 1) * WEIR_WAYS | first;
}

/* ------------------------------------------------------------------------------- find and victim */

static void a_client_is_found_in_every_way(void **state)
{
	struct weir_key key = key_ipv4(0xc0000201, 3), other = key_ipv4(0xc0000202, 3);

	(void)state;
	for (u32 first = 0; first < WEIR_WAYS; first++) {
		for (u32 way = 0; way < WEIR_WAYS; way++) {
			struct weir_client_set set = {};
			u64 hash = hash_of(9, first);

			write_client(&set.way[way], &key);
			assert_int_equal(weir_find(&set, hash, &key), WEIR_WAYS);
			assert_true(weir_claim(&set.slot[way], WEIR_SLOT_FREE));
			assert_int_equal(weir_find(&set, hash, &key), WEIR_WAYS);
			weir_publish(&set.slot[way], weir_tag(hash), 5);
			assert_int_equal(weir_find(&set, hash, &key), way);
			assert_int_equal(weir_find(&set, hash, &other), WEIR_WAYS);
			assert_int_equal(weir_find(&set, hash ^ 8, &key), WEIR_WAYS);
		}
	}
}

static void the_key_is_address_and_service_whole(void **state)
{
	struct weir_key key = {{0x0102030405060708, 0x1112131415161718}, 7};
	struct weir_client_set set = {};

	(void)state;
	assert_int_equal(insert(&set, 8, &key, 0, 0, false), 0);
	for (u32 bit = 0; bit < 128; bit++) {
		struct weir_key near = key;

		near.addr[bit / 64] ^= 1ULL << bit % 64;
		assert_int_equal(weir_find(&set, 8, &near), WEIR_WAYS);
	}
	for (u32 bit = 0; bit < 8; bit++) {
		struct weir_key near = key;

		near.service ^= (u8)(1U << bit);
		assert_int_equal(weir_find(&set, 8, &near), WEIR_WAYS);
	}
	assert_int_equal(weir_find(&set, 8, &key), 0);
}

static void no_tag_is_that_of_a_free_or_busy_way(void **state)
{
	(void)state;
	assert_int_equal(weir_tag(0xffffffff00000000), 1);
	assert_int_equal(weir_tag(0x12345678), 0x12345678);
	assert_int_equal((u32)WEIR_SLOT_FREE, 0);
	assert_int_equal((u32)WEIR_SLOT_BUSY, 0);
}

static void a_new_client_takes_its_first_way_then_a_free_then_the_idlest(void **state)
{
	struct weir_client_set set = {};
	u64 now = 1000 * COARSE;

	(void)state;
	/* All want way 5; each is active for another time, the third the shortest. */
	for (u32 i = 0; i < WEIR_WAYS; i++) {
		struct weir_key key = key_ipv4(i, 0);
		u32 way = insert(&set, hash_of(i, 5), &key, now,
				 now + (i == 3 ? 10 : 20 + i) * COARSE, false);

		assert_true(way < WEIR_WAYS);
		if (i == 0)
			assert_int_equal(way, 5);
		assert_int_equal(weir_find(&set, hash_of(i, 5), &key), way);
	}
	/* Full of active ones: nobody gives way unless told to */
	struct weir_key late = key_ipv4(100, 0), third = key_ipv4(3, 0);

	assert_int_equal(insert(&set, hash_of(100, 5), &late, now, now + COARSE, false), WEIR_WAYS);
	/* and then it is the one that has least to lose */
	assert_int_not_equal(insert(&set, hash_of(100, 5), &late, now, now + 50 * COARSE, true),
			     WEIR_WAYS);
	assert_int_equal(weir_find(&set, hash_of(3, 5), &third), WEIR_WAYS);
	for (u32 i = 0; i < WEIR_WAYS; i++) {
		struct weir_key key = key_ipv4(i, 0);

		if (i != 3)
			assert_int_not_equal(weir_find(&set, hash_of(i, 5), &key), WEIR_WAYS);
	}
}

static void an_idle_client_gives_way_before_any_active_one(void **state)
{
	struct random random = random_begin();

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct weir_client_set set = {};
		u32 now = (u32)random_u64(&random), idle = 0;
		u64 hash = random_u64(&random);
		s32 remaining;
		u32 way;

		for (u32 i = 0; i < WEIR_WAYS; i++) {
			s32 left = (s32)random_below(&random, 400) - 200;

			/* Half the time all are active */
			if (round & 1)
				left = left < 0 ? 1 - left : left + 1;
			idle += left <= 0;
			set.slot[i] = WEIR_SLOT(i + 1, now + (u32)left);
		}
		way = weir_victim(set.slot, hash, now, &remaining);
		assert_true(way < WEIR_WAYS);
		assert_int_equal(remaining, weir_remaining(set.slot[way], now));
		assert_int_equal(remaining <= 0, idle > 0);
		if (idle)
			continue;
		for (u32 i = 0; i < WEIR_WAYS; i++)
			assert_true(remaining <= weir_remaining(set.slot[i], now));
	}
}

static void a_busy_way_is_never_taken(void **state)
{
	struct weir_client_set set = {};
	s32 remaining;

	(void)state;
	for (u32 i = 0; i < WEIR_WAYS; i++)
		set.slot[i] = WEIR_SLOT_BUSY;
	for (u32 now = 0; now < 5; now++) {
		u32 way = weir_victim(set.slot, 3, now - 2, &remaining);

		assert_true(remaining > 0);
		assert_false(weir_claim(&set.slot[way], set.slot[way]));
	}
	/* One that is not busy is found, however long it is still active. */
	for (u32 i = 0; i < WEIR_WAYS; i++) {
		set.slot[i] = WEIR_SLOT(7, 0x70000000);
		assert_int_equal(weir_victim(set.slot, 3, 0, &remaining), i);
		set.slot[i] = WEIR_SLOT_BUSY;
	}
}

static void a_claim_fails_when_the_way_has_changed(void **state)
{
	struct weir_client_set set = {};
	u64 old = set.slot[2];

	(void)state;
	weir_publish(&set.slot[2], 77, 5);
	assert_false(weir_claim(&set.slot[2], old));
	assert_int_equal(set.slot[2], WEIR_SLOT(77, 5));
	/* moved on by a packet of its client in between */
	old = set.slot[2];
	weir_refresh(&set.slot[2], set.slot[2], weir_coarse(100 * COARSE) + 1);
	assert_false(weir_claim(&set.slot[2], old));
	assert_true(weir_claim(&set.slot[2], set.slot[2]));
	assert_false(weir_claim(&set.slot[2], set.slot[2]));
}

/* ------------------------------------------------------------------------------------------ expiry */

/* Idle means every bucket is full: never before, and at most one coarse tick and a bit after. */
static void an_expiry_is_never_early(void **state)
{
	struct random random = random_begin();

	(void)state;
	for (int round = 0; round < 200000; round++) {
		struct weir_client_set set = {};
		u64 tat = random_u64(&random) >> (4 + random_below(&random, 20));
		u64 step = random_below(&random, 3 * COARSE);
		u32 tag = 1 + (u32)random_below(&random, 1000);

		set.slot[0] = WEIR_SLOT(tag, weir_coarse(tat) - 5);
		weir_refresh(&set.slot[0], set.slot[0], weir_coarse(tat) + 1);
		if (tat >= step)
			assert_true(weir_remaining(set.slot[0], weir_coarse(tat - step)) > 0);
		assert_true(weir_remaining(set.slot[0], weir_coarse(tat)) > 0);
		assert_true(weir_remaining(set.slot[0], weir_coarse(tat + COARSE)) <= 0);
	}
}

static void a_refresh_only_moves_on(void **state)
{
	struct weir_client_set set = {};

	(void)state;
	set.slot[1] = WEIR_SLOT(5, 100);
	weir_refresh(&set.slot[1], set.slot[1], weir_coarse(50 * COARSE) + 1);
	assert_int_equal(set.slot[1], WEIR_SLOT(5, 100));
	weir_refresh(&set.slot[1], set.slot[1], weir_coarse(100 * COARSE) + 1);
	assert_int_equal(set.slot[1], WEIR_SLOT(5, 101));
	/* not what has changed since it was looked at, be it another's by now */
	weir_refresh(&set.slot[1], WEIR_SLOT(5, 100), weir_coarse(500 * COARSE) + 1);
	weir_refresh(&set.slot[1], WEIR_SLOT(6, 101), weir_coarse(500 * COARSE) + 1);
	assert_int_equal(set.slot[1], WEIR_SLOT(5, 101));
	/* nor what is free or being written */
	set.slot[1] = WEIR_SLOT_BUSY;
	weir_refresh(&set.slot[1], set.slot[1], weir_coarse(500 * COARSE) + 1);
	assert_int_equal(set.slot[1], WEIR_SLOT_BUSY);
	set.slot[1] = WEIR_SLOT_FREE;
	weir_refresh(&set.slot[1], set.slot[1], weir_coarse(500 * COARSE) + 1);
	assert_int_equal(set.slot[1], WEIR_SLOT_FREE);
}

static void coarse_time_wraps_without_harm(void **state)
{
	struct weir_client_set set = {};
	u64 wrap = 1ULL << (32 + WEIR_COARSE_SHIFT), now = wrap - 3 * COARSE;
	struct weir_key key = key_ipv4(1, 0);

	(void)state;
	assert_int_equal(insert(&set, 1, &key, now, now + 10 * COARSE, false), 1);
	for (u64 step = 0; step <= 10; step++)
		assert_true(weir_remaining(set.slot[1], weir_coarse(now + step * COARSE)) > 0);
	assert_true(weir_remaining(set.slot[1], weir_coarse(now + 11 * COARSE)) <= 0);
	weir_refresh(&set.slot[1], set.slot[1], weir_coarse(now + 20 * COARSE) + 1);
	assert_true(weir_remaining(set.slot[1], weir_coarse(now + 20 * COARSE)) > 0);
	assert_true(weir_remaining(set.slot[1], weir_coarse(now + 21 * COARSE)) <= 0);
	/* A year: the longest that a limit may take to fill again */
	assert_true(weir_remaining(WEIR_SLOT(1, weir_coarse(wrap - COARSE +
							    365 * 86400ULL * WEIR_TICKS_PER_SEC) +
							1),
				   weir_coarse(wrap - COARSE)) > 0);
}

static void a_free_way_is_idle_at_any_time(void **state)
{
	(void)state;
	for (u64 now = 0; now < 1ULL << 32; now += 0x10000001)
		assert_true(weir_remaining(WEIR_SLOT_FREE, (u32)now) <= 0);
}

/* ---------------------------------------------------------------------------------------- threads */

#define INSERTS 200000

struct writer {
	pthread_t thread;
	struct weir_client_set *set;
	struct random random;
	u32 number;
	u64 inserted;
};

/* Writes clients whose address words repeat each other, so that a torn entry shows. */
static void *write_clients(void *argument)
{
	struct writer *me = argument;

	for (u32 i = 0; i < INSERTS; i++) {
		u64 who = random_below(&me->random, 64);
		struct weir_key key = {{who, ~who}, 0};
		u64 hash = (who + 1) * 0x9e3779b97f4a7c15ULL;
		u32 way = weir_find(me->set, hash, &key);

		if (way < WEIR_WAYS)
			continue;
		me->inserted += insert(me->set, hash, &key, (u64)i * COARSE,
				       (u64)i * COARSE + COARSE, true) < WEIR_WAYS;
	}
	return NULL;
}

static void threads_that_insert_leave_only_whole_clients(void **state)
{
	struct weir_client_set set = {};
	struct writer writer[3] = {};
	struct random random = random_begin();
	u32 found = 0, copies = 0;

	(void)state;
	for (u32 i = 0; i < 3; i++) {
		writer[i] =
			(struct writer){.set = &set, .random = {random_u64(&random)}, .number = i};
		assert_int_equal(pthread_create(&writer[i].thread, NULL, write_clients, &writer[i]),
				 0);
	}
	for (u32 i = 0; i < 3; i++) {
		pthread_join(writer[i].thread, NULL);
		assert_true(writer[i].inserted > 0);
	}
	for (u32 i = 0; i < WEIR_WAYS; i++) {
		u64 who = set.way[i].addr[0];

		assert_int_not_equal(set.slot[i], WEIR_SLOT_BUSY);
		if (set.slot[i] == WEIR_SLOT_FREE)
			continue;
		assert_int_equal(set.way[i].addr[1], ~who);
		assert_int_equal((u32)set.slot[i], weir_tag((who + 1) * 0x9e3779b97f4a7c15ULL));
		found++;
		for (u32 k = 0; k < i; k++)
			copies += set.way[k].addr[0] == who;
	}
	assert_true(found > 0);
	printf("# %u clients, %u of them twice\n", found, copies);
	/* at most one more entry for each thread that raced for the same client */
	assert_true(copies <= 2 * found);
}

/* -------------------------------------------------------------------------------------------- hash */

static void random_seed(struct random *random, u64 seed[3])
{
	seed[0] = random_u64(random);
	seed[1] = random_u64(random) | 1;
	seed[2] = random_u64(random) | 1;
}

typedef struct weir_key (*family)(u32 n);

static struct weir_key sequential_ipv4(u32 n)
{
	return key_ipv4(0x0a000000 + n, 0);
}
static struct weir_key ipv4_by_256(u32 n)
{
	return key_ipv4(0x0a000001 + (n << 8), 0);
}
static struct weir_key ipv4_by_65536(u32 n)
{
	return key_ipv4((n << 16) | (n >> 16), 0);
}
static struct weir_key sequential_64(u32 n)
{
	return key_ipv6(0x20010db800000000 + n, 0);
}
static struct weir_key sequential_48(u32 n)
{
	return key_ipv6(0x2001000000000000 + ((u64)n << 16), 0);
}
static struct weir_key sequential_32(u32 n)
{
	return key_ipv6((u64)n << 32 | 0x00010001, 0);
}
static struct weir_key sequential_128(u32 n)
{
	return key_ipv6(0x20010db800000001, n);
}
static struct weir_key last_hextets(u32 n)
{
	return key_ipv6(0x20010db800000001, (u64)n << 40);
}
/* Few bits set, in all combinations: what a weak hash confuses first */
static struct weir_key gray_bits(u32 n)
{
	u64 spread = 0;

	for (u32 bit = 0; bit < 16; bit++)
		spread |= (u64)(n >> bit & 1) << bit * 4;
	return key_ipv6(0x20010db800000000 ^ spread, 0);
}
static struct weir_key both_halves(u32 n)
{
	return key_ipv6(0x20010db800000000 + (n & 255), (u64)(n >> 8) << 56);
}
static struct weir_key services(u32 n)
{
	return key_ipv4(0x0a000000 + n / 64, (u8)(n % 64));
}

static const struct {
	const char *name;
	family key;
} families[] = {
	{"sequential IPv4", sequential_ipv4},
	{"IPv4 by 256", ipv4_by_256},
	{"IPv4 by 65536", ipv4_by_65536},
	{"sequential /64", sequential_64},
	{"sequential /48", sequential_48},
	{"sequential /32", sequential_32},
	{"sequential /128", sequential_128},
	{"/128 by 2^40", last_hextets},
	{"/64, few bits", gray_bits},
	{"both halves", both_halves},
	{"64 services", services},
};

#define KEYS 65536U
#define SETS 16384 /* 131,072 clients: half full */

/* Chi-square of `count` bins, as standard deviations above its mean (Wilson-Hilferty) */
static double deviations(const u32 *bin, u32 count)
{
	double expected = (double)KEYS / count, chi = 0, k = count - 1;

	for (u32 i = 0; i < count; i++)
		chi += (bin[i] - expected) * (bin[i] - expected) / expected;
	return (cbrt(chi / k) - (1 - 2 / (9 * k))) / sqrt(2 / (9 * k));
}

struct spread {
	double sets, ways;
	u32 crowded; /* clients beyond the eighth of their set */
};

static struct spread spread_of(family key, const u64 seed[3])
{
	static u32 set[SETS];
	u32 way[WEIR_WAYS] = {};
	struct spread spread = {};

	memset(set, 0, sizeof(set));
	for (u32 n = 0; n < KEYS; n++) {
		struct weir_key k = key(n);
		u64 hash = weir_hash(&k, seed);

		set[weir_set_index(hash, SETS)]++;
		way[hash % WEIR_WAYS]++;
	}
	spread.sets = deviations(set, SETS);
	spread.ways = deviations(way, WEIR_WAYS);
	for (u32 i = 0; i < SETS; i++)
		spread.crowded += set[i] > WEIR_WAYS ? set[i] - WEIR_WAYS : 0;
	return spread;
}

/*
 * More even than chance is fine (a multiplicative hash of a sequence is), more lumpy is not. Over
 * 20 seeds, so 10 standard deviations are beyond bad luck.
 */
static void clients_spread_over_sets_whatever_their_addresses(void **state)
{
	struct random random = random_begin();
	int bad = 0;

	(void)state;
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		struct spread worst = {-1e9, -1e9, 0};

		for (int round = 0; round < 20; round++) {
			struct spread spread;
			u64 seed[3];

			random_seed(&random, seed);
			spread = spread_of(families[f].key, seed);
			worst.sets = fmax(worst.sets, spread.sets);
			worst.ways = fmax(worst.ways, spread.ways);
			worst.crowded = spread.crowded > worst.crowded ? spread.crowded
								       : worst.crowded;
		}
		printf("# %-16s sets %+8.1f, ways %+10.1f deviations; %u of %u beyond 8\n",
		       families[f].name, worst.sets, worst.ways, worst.crowded, KEYS);
		bad += worst.sets > 10 || worst.ways > 10;
	}
	assert_int_equal(bad, 0);
}

/* Who knows one seed's crowded set knows nothing of another's. */
static void addresses_of_one_set_scatter_under_another_seed(void **state)
{
	struct random random = random_begin();
	static struct weir_key crowd[4096];
	u64 seed[3], other[3];
	u32 count = 0, most = 0;
	static u32 set[SETS];

	(void)state;
	random_seed(&random, seed);
	random_seed(&random, other);
	for (u32 n = 0; count < 1000; n++) {
		struct weir_key key = n & 1 ? sequential_ipv4(n) : sequential_64(n);

		if (weir_set_index(weir_hash(&key, seed), SETS) == 77)
			crowd[count++] = key;
	}
	memset(set, 0, sizeof(set));
	for (u32 i = 0; i < count; i++)
		set[weir_set_index(weir_hash(&crowd[i], other), SETS)]++;
	for (u32 i = 0; i < SETS; i++)
		most = set[i] > most ? set[i] : most;
	printf("# 1000 of one set: at most %u in one under another seed\n", most);
	assert_true(most <= WEIR_WAYS);
}

static void a_set_index_is_always_within_the_table(void **state)
{
	struct random random = random_begin();

	(void)state;
	for (u32 sets = 1; sets < 1U << 28; sets = sets * 3 / 2 + 1) {
		assert_int_equal(weir_set_index(0, sets), 0);
		assert_int_equal(weir_set_index(~0ULL, sets), sets - 1);
		for (int i = 0; i < 1000; i++)
			assert_true(weir_set_index(random_u64(&random), sets) < sets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_is_found_in_every_way),
		cmocka_unit_test(the_key_is_address_and_service_whole),
		cmocka_unit_test(no_tag_is_that_of_a_free_or_busy_way),
		cmocka_unit_test(a_new_client_takes_its_first_way_then_a_free_then_the_idlest),
		cmocka_unit_test(an_idle_client_gives_way_before_any_active_one),
		cmocka_unit_test(a_busy_way_is_never_taken),
		cmocka_unit_test(a_claim_fails_when_the_way_has_changed),
		cmocka_unit_test(an_expiry_is_never_early),
		cmocka_unit_test(a_refresh_only_moves_on),
		cmocka_unit_test(coarse_time_wraps_without_harm),
		cmocka_unit_test(a_free_way_is_idle_at_any_time),
		cmocka_unit_test(threads_that_insert_leave_only_whole_clients),
		cmocka_unit_test(clients_spread_over_sets_whatever_their_addresses),
		cmocka_unit_test(addresses_of_one_set_scatter_under_another_seed),
		cmocka_unit_test(a_set_index_is_always_within_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
