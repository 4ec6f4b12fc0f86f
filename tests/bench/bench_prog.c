/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench_prog: nanoseconds a packet costs in weir_xdp, by test-run, over a program that does nothing.
 *
 * The machine may be busy, so: the empty program, one that reads the clock, and Weir take turns in many short
 * rounds; each round is measured in processor time of its thread, which other processes do not
 * add to; minimum and median over the rounds are printed. What a row claims about its packets (all
 * known, all new, all refused) is read from Weir's own counters, and a row that does not do what it
 * says ends the run with status 1.
 *
 * Writes one line a row, fields separated by tabs:
 *   variant  family  processors  sources  min_ns  median_ns  clock_min_ns  clock_median_ns  new%  refused%
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/core/client_table.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench.skel.h"
#include "tests/bench/measure.h"
#include "tests/tools/flood_frame.h"
#include "user/datapath/shares.h"

#define CPUS_MAX 2
#define ROUNDS_MAX 400
#define ROUND_PACKETS 16384 /* a millisecond or two */
#define TABLE_CLIENTS 1048576

/* What the counters must say of a row's packets */
enum claim {
	KNOWN = 1,   /* at most 1 % of the sources are new */
	NEW = 2,     /* at least 99 % are */
	PASSED = 4,  /* at most 1 % are refused */
	REFUSED = 8, /* at least 99 % are */
};

struct row {
	const char *variant, *limits;
	bool ipv6, one_client; /* one_client: the same source on all processors */
	int cpus;
	u64 sources; /* a power of two, or 0: each packet a new one */
	unsigned int claims;
	enum {
		NODE,
		EVEN,
		WATCHED
	} cluster; /* the limit is of a cluster: its even share, or one of the client's own */
};

/*
 * KEEP: never reached, and each packet matters for a second, so that no client is forgotten between two of its
 * packets. SOON: what an ordinary limit is like; its clients are idle, and so forgotten for a new one at no
 * loss, after some 30 ms. TIGHT: packets come far faster, all but the first of each source are refused.
 */
#define KEEP "limits: {default: [1/s packets burst 10000000]}, new_clients: unlimited"
#define SOON "limits: {default: [1000/s packets burst 100]}, new_clients: unlimited"
#define TIGHT "limits: {default: [1/min packets]}, new_clients: unlimited"
#define KEEP_FOUR                                                                     \
	"limits: {default: [1/s packets burst 10000000, 2/s packets burst 20000000, " \
	"10GB/s bytes, 600GB/min bytes]}, new_clients: unlimited"
#define SOON_FOUR                                                                    \
	"limits: {default: [1000/s packets burst 100, 50000/min packets burst 200, " \
	"10MB/s bytes, 500MB/min bytes]}, new_clients: unlimited"
#define NONE "limits: {}, new_clients: unlimited"
/* new_clients: as it is if not configured, a tenth of the table */
#define GUARD "limits: {default: [100/min packets burst 20]}"

/* clang-format off */
static const struct row rows[] = {
	{"one limit", KEEP, 0, 0, 1, 1, KNOWN | PASSED},
	{"one limit of a cluster", KEEP, 0, 0, 1, 1, KNOWN | PASSED, EVEN},
	{"one limit of a cluster, watched", KEEP, 0, 0, 1, 1, KNOWN | PASSED, WATCHED},
	{"one limit", KEEP, 0, 0, 1, 1024, KNOWN | PASSED},
	{"one limit", KEEP, 0, 0, 1, 65536, KNOWN | PASSED},
	{"one limit", KEEP, 0, 0, 1, 1048576, PASSED},
	{"one limit of a cluster", KEEP, 0, 0, 1, 1048576, PASSED, EVEN},
	{"one limit", KEEP, 1, 0, 1, 1, KNOWN | PASSED},
	{"one limit", KEEP, 1, 0, 1, 1024, KNOWN | PASSED},
	{"one limit", KEEP, 1, 0, 1, 65536, KNOWN | PASSED},
	{"one limit", KEEP, 1, 0, 1, 1048576, PASSED},
	{"one limit", KEEP, 0, 0, 2, 1, KNOWN | PASSED},
	{"one limit, one client", KEEP, 0, 1, 2, 1, KNOWN},
	{"one limit", KEEP, 0, 0, 2, 1024, KNOWN | PASSED},
	{"one limit", KEEP, 0, 0, 2, 32768, KNOWN | PASSED},
	{"one limit", KEEP, 0, 0, 2, 524288, PASSED},
	{"one limit", KEEP, 1, 0, 2, 1, KNOWN | PASSED},
	{"one limit, one client", KEEP, 1, 1, 2, 1, KNOWN},
	{"one limit", KEEP, 1, 0, 2, 1024, KNOWN | PASSED},
	{"one limit", KEEP, 1, 0, 2, 32768, KNOWN | PASSED},
	{"one limit", KEEP, 1, 0, 2, 524288, PASSED},
	{"one limit", SOON, 0, 0, 1, 0, NEW | PASSED},
	{"one limit", SOON, 1, 0, 1, 0, NEW | PASSED},
	{"one limit", SOON, 0, 0, 2, 0, NEW | PASSED},
	{"one limit", SOON, 1, 0, 2, 0, NEW | PASSED},
	{"no limit", NONE, 0, 0, 1, 1, PASSED},
	{"four limits", KEEP_FOUR, 0, 0, 1, 1, KNOWN | PASSED},
	{"four limits", KEEP_FOUR, 0, 0, 1, 65536, KNOWN | PASSED},
	{"four limits", SOON_FOUR, 0, 0, 1, 0, NEW | PASSED},
	{"refused", TIGHT, 0, 0, 1, 1, KNOWN | REFUSED},
	{"refused", TIGHT, 0, 0, 1, 65536, KNOWN | REFUSED},
	{"refused", TIGHT, 0, 0, 2, 32768, KNOWN | REFUSED},
	{"guard on", GUARD, 0, 0, 1, 0, 0},
	{"guard on", GUARD, 1, 0, 1, 0, 0},
	{"guard on", GUARD, 0, 0, 2, 0, 0},
};
/* clang-format on */

struct bench {
	struct bench_bpf *skeleton;
	struct datapath *datapath;
	int program, source_fd, cpus_possible;
	u64 fresh; /* sources used up by rows of new ones: none comes twice in a whole run */
	int rounds;
};

struct figures {
	double ns[BENCH_TARGETS][ROUNDS_MAX];
};

/* -------------------------------------------------------------------------------- the datapath */

/* Each row starts from an empty table. */
static void open_datapath(struct bench *bench, const struct row *row)
{
	datapath_away(bench->datapath);
	bench->datapath = datapath_from(row->cluster != NODE,
					"interfaces: [{name: lo}]\n"
					"services:\n"
					"  - {name: measured, match: [udp/53], %s}\n"
					"table: {clients: %d}\n",
					row->limits, TABLE_CLIENTS);
	enter_program(bpf_map__fd(bench->skeleton->maps.weir_bench_prog), BENCH_WEIR,
		      datapath_program_fd(bench->datapath, 0));
}

/* The one client that there is: from now on it is charged to a share of its own. */
static uint32_t watch_client(const struct bench *bench)
{
	struct datapath_table table = datapath_table(bench->datapath);
	int number = -ENOENT;

	for (u32 i = 0; i < table.sets * WEIR_WAYS; i++) {
		const struct weir_client *client = &table.set[i / WEIR_WAYS].way[i % WEIR_WAYS];
		struct weir_hot hot = {.addr = {client->addr[0], client->addr[1]},
				       .service = client->service,
				       .tier = client->tier};
		struct weir_key key = {{hot.addr[0], hot.addr[1]}, hot.service};

		if (!(u32)table.set[i / WEIR_WAYS].slot[i % WEIR_WAYS])
			continue;
		hot.hash = weir_hash(&key, datapath_names(bench->datapath)->seed);
		number = shares_watch(bench->datapath, datapath_generation(bench->datapath), &hot);
	}
	if (number <= 0)
		die("can not watch the client: %s", strerror(-number));
	return (uint32_t)number;
}

/* It begins with what the client had before it was watched */
static u64 read_share(const struct bench *bench, uint32_t number)
{
	struct shares_count count;

	shares_count_client(bench->datapath, number, 0, &count);
	return count.passed;
}

struct counts {
	u64 packets, refused, inserts;
};

static struct counts read_counts(const struct bench *bench)
{
	const struct weir_state *names = datapath_names(bench->datapath);
	struct weir_totals totals = {};
	struct weir_series series;
	struct counts counts = {};

	datapath_totals(bench->datapath, &totals);
	counts.inserts = totals.inserts;
	for (u32 i = 0; i < WEIR_SERIES; i++) {
		if (!names->series[i].used || datapath_series(bench->datapath, i, &series))
			continue;
		for (u32 verdict = 0; verdict < WEIR_VERDICT_COUNT; verdict++) {
			counts.packets += series.verdict[verdict].packets;
			if (weir_is_refusal(verdict))
				counts.refused += series.verdict[verdict].packets;
		}
	}
	return counts;
}

/* --------------------------------------------------------------------------------- the programs */

/*
 * A program under test-run enters the XDP dispatcher and leaves it again, which takes two grace
 * periods of some 10 ms. Attached somewhere it is there already: to a veth that goes with our
 * namespace.
 */
static void stay_in_dispatcher(const struct bench *bench)
{
	static const char make_veth[] = "ip link add wbench type veth peer name wbench2";

	if (unshare(CLONE_NEWNET) || system(make_veth) != 0)
		die("can not make a namespace with a veth; needs root and iproute2");
	if (bpf_xdp_attach((int)if_nametoindex("wbench"), bench->program, 0, NULL))
		die("can not attach to a veth: %s", strerror(errno));
}

static void open_programs(struct bench *bench)
{
	struct bench_bpf *skeleton = bench_bpf__open_and_load();
	int map;

	if (!skeleton)
		die("can not load the programs: %s; needs root", strerror(errno));
	map = bpf_map__fd(skeleton->maps.weir_bench_prog);
	enter_program(map, BENCH_EMPTY, bpf_program__fd(skeleton->progs.weir_empty));
	enter_program(map, BENCH_CLOCK, bpf_program__fd(skeleton->progs.weir_clock));
	bench->skeleton = skeleton;
	bench->program = bpf_program__fd(skeleton->progs.weir_bench);
	bench->source_fd = bpf_map__fd(skeleton->maps.weir_bench_src);
	bench->cpus_possible = libbpf_num_possible_cpus();
	stay_in_dispatcher(bench);
}

/* ----------------------------------------------------------------------------------- one thread */

struct worker {
	const struct bench *bench;
	const struct row *row;
	pthread_barrier_t *barrier;
	int cpu, rounds;
	u64 warm; /* packets before the first round */
	struct figures *figures;
	uint8_t frame[FLOOD_FRAME_MAX];
	size_t frame_size;
};

/* For all processors, while none runs */
static void set_target(const struct worker *worker, u64 target)
{
	struct bench_source all[worker->bench->cpus_possible];
	u32 zero = 0;

	if (bpf_map_lookup_elem(worker->bench->source_fd, &zero, all))
		die("can not read the sources: %s", strerror(errno));
	for (int cpu = 0; cpu < worker->row->cpus; cpu++)
		all[cpu].target = target;
	if (bpf_map_update_elem(worker->bench->source_fd, &zero, all, BPF_ANY))
		die("can not write the sources: %s", strerror(errno));
}

static double run(const struct worker *worker)
{
	return run_packets(worker->bench->program, worker->frame, worker->frame_size, ROUND_PACKETS,
			   0 /* XDP_ABORTED */);
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	stay_on(worker->cpu);
	for (u64 done = 0; done < worker->warm; done += ROUND_PACKETS)
		run(worker);
	for (int round = 0; round < worker->rounds; round++) {
		for (u64 target = 0; target < BENCH_TARGETS; target++) {
			pthread_barrier_wait(worker->barrier);
			if (worker->cpu == 0)
				set_target(worker, target);
			pthread_barrier_wait(worker->barrier);
			worker->figures->ns[target][round] = run(worker);
		}
	}
	return NULL;
}

/* -------------------------------------------------------------------------------------- one row */

static void set_sources(struct bench *bench, const struct row *row)
{
	struct bench_source all[bench->cpus_possible];
	u32 zero = 0;

	memset(all, 0, sizeof(all));
	for (int cpu = 0; cpu < row->cpus; cpu++) {
		all[cpu].mask = row->sources ? row->sources - 1 : ~0ULL;
		all[cpu].step = 0x9e3779b1; /* odd, near 2^32 / golden ratio */
		all[cpu].base = row->one_client ? 0 : (u64)cpu * row->sources;
		/* Half of all 2^32 for each processor, so that none meets another's */
		all[cpu].next = row->sources ? 0 : bench->fresh + ((u64)cpu << 31);
		all[cpu].target = BENCH_WEIR;
	}
	if (bpf_map_update_elem(bench->source_fd, &zero, all, BPF_ANY))
		die("can not write the sources: %s", strerror(errno));
}

static u64 warm_packets(const struct row *row)
{
	u64 all = row->sources ? 2 * row->sources : 2 * TABLE_CLIENTS;

	return all < 4 * ROUND_PACKETS ? 4 * ROUND_PACKETS : all;
}

static void make_packet(struct worker *worker)
{
	struct flood_frame frame = {
		.ipv6 = worker->row->ipv6,
		.to = {198, 18, 0, 1},
		.from = {0x20, 0},
		.dport = 53,
		.size = flood_frame_least(worker->row->ipv6),
	};
	struct flood_plan plan;

	flood_frame(&frame, worker->frame, &plan);
	worker->frame_size = frame.size;
}

static void run_threads(struct bench *bench, const struct row *row, int rounds, u64 warm,
			struct figures *figures)
{
	struct worker worker[CPUS_MAX] = {};
	pthread_t thread[CPUS_MAX];
	pthread_barrier_t barrier;

	pthread_barrier_init(&barrier, NULL, (unsigned int)row->cpus);
	for (int cpu = 0; cpu < row->cpus; cpu++) {
		worker[cpu] = (struct worker){.bench = bench,
					      .row = row,
					      .barrier = &barrier,
					      .cpu = cpu,
					      .rounds = rounds,
					      .warm = warm,
					      .figures = &figures[cpu]};
		make_packet(&worker[cpu]);
		if (pthread_create(&thread[cpu], NULL, work, &worker[cpu]))
			die("can not start a thread");
	}
	for (int cpu = 0; cpu < row->cpus; cpu++)
		pthread_join(thread[cpu], NULL);
	pthread_barrier_destroy(&barrier);
}

/* Mean over the processors, round by round */
static struct pair summarize(const struct figures *figures, int cpus, int rounds, int target)
{
	double ns[ROUNDS_MAX];

	for (int round = 0; round < rounds; round++) {
		ns[round] = 0;
		for (int cpu = 0; cpu < cpus; cpu++)
			ns[round] += figures[cpu].ns[target][round] / cpus;
	}
	return pair_of(ns, (size_t)rounds);
}

/* Does the row do what it says? */
static bool holds(const struct row *row, double new_share, double refused_share)
{
	return !((row->claims & KNOWN && new_share > 0.01) ||
		 (row->claims & NEW && new_share < 0.99) ||
		 (row->claims & PASSED && refused_share > 0.01) ||
		 (row->claims & REFUSED && refused_share < 0.99));
}

static bool measure(struct bench *bench, const struct row *row)
{
	struct figures figures[CPUS_MAX];
	u64 warm = warm_packets(row), packets, shared;
	struct pair empty, clock, weir;
	struct counts before, after;
	double new_share, refused_share;
	char sources[32] = "all new";
	uint32_t number = 0;

	set_sources(bench, row);
	run_threads(bench, row, 0, warm, figures);
	if (row->cluster == WATCHED)
		number = watch_client(bench);
	shared = number ? read_share(bench, number) : 0;
	before = read_counts(bench);
	run_threads(bench, row, bench->rounds, 0, figures);
	after = read_counts(bench);

	/* All three programs count sources on, Weir alone counts packets */
	packets = (u64)bench->rounds * ROUND_PACKETS * (u64)row->cpus;
	bench->fresh += row->sources ? 0 : warm + 3 * packets;
	if (after.packets - before.packets != packets)
		die("%llu packets sent, weir has counted %llu", (unsigned long long)packets,
		    (unsigned long long)(after.packets - before.packets));
	if (number) {
		u64 counted = read_share(bench, number) - shared;

		if (counted != packets)
			die("%llu packets sent, the share has counted %llu",
			    (unsigned long long)packets, (unsigned long long)counted);
	}
	new_share = (double)(after.inserts - before.inserts) / (double)packets;
	refused_share = (double)(after.refused - before.refused) / (double)packets;

	empty = summarize(figures, row->cpus, bench->rounds, BENCH_EMPTY);
	clock = summarize(figures, row->cpus, bench->rounds, BENCH_CLOCK);
	weir = summarize(figures, row->cpus, bench->rounds, BENCH_WEIR);
	if (row->sources)
		snprintf(sources, sizeof(sources), "%llu",
			 (unsigned long long)(row->sources *
					      (row->one_client ? 1 : (u64)row->cpus)));
	printf("%s\t%s\t%d\t%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\n", row->variant,
	       row->ipv6 ? "IPv6" : "IPv4", row->cpus, sources, weir.min - empty.min,
	       weir.median - empty.median, clock.min - empty.min, clock.median - empty.median,
	       100 * new_share, 100 * refused_share);
	fflush(stdout);
	if (holds(row, new_share, refused_share))
		return true;
	fprintf(stderr, "bench_prog: %s, %s sources: not what it claims to measure\n", row->variant,
		sources);
	return false;
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct bench bench = {.rounds = argc > 1 ? atoi(argv[1]) : 100};
	bool good = true;

	if (bench.rounds < 1 || bench.rounds > ROUNDS_MAX)
		die("usage: bench_prog [ROUNDS], 1 to %d", ROUNDS_MAX);
	open_programs(&bench);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].cpus > cpus)
			continue;
		/* An empty table for each row: clients of an earlier one would still matter for a second. */
		open_datapath(&bench, &rows[i]);
		good &= measure(&bench, &rows[i]);
	}
	datapath_away(bench.datapath);
	bench_bpf__destroy(bench.skeleton);
	return good ? 0 : 1;
}
