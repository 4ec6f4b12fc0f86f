/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench_flow: nanoseconds a packet costs in weir_flow_in and weir_flow_out, by test-run, over a program that does nothing.
 *
 * As in bench_prog.c: the empty program, one that reads the clock, one that only touches the two lines of memory that a flow is, and
 * Weir take turns in many short rounds; each is measured in
 * processor time of its thread; minimum and median over the rounds are printed. The packets are those of a request and its answer,
 * with right sequence numbers, on flows whose handshake has been seen. Where there are many flows each packet is another
 * flow's than the one before, so that nothing of it is in the cache; each kind of packet has rounds of its own. Only in rows
 * "in turn" one flow says all its lines, then the next, and there is one figure for all of them; so it is with a single flow.
 *
 * What a row claims about its packets is read from Weir's own counters: that each was counted in a flow that was known (its packets in
 * the table), each request gave a sample, each SYN a new flow. One that does not do what it says ends the run with status 1.
 *
 * Writes one line for each kind of packet, and for the mean of all, fields separated by tabs:
 *   conversation  packet  family  flows  room  min_ns  median_ns  clock_min_ns  clock_median_ns  clock_readings
 *   memory_min_ns  memory_median_ns  followed%
 * memory: 0 where there are so few flows that caches hold them.
 * clock_readings: of a packet, by what the program does. A conversation that is followed: followed% of 100.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/measure.h"
#include "tests/lib/script.h"
/* after the types it uses */
#include "tests/lib/script.skel.h"

#define ROUNDS_MAX 400
#define ROUND_PACKETS 16384
#define K 1024
#define ALL_NEW (~0ULL)

enum claim {
	FOLLOWED =
		1, /* at least 99 % of the packets were counted in a flow, and at most 1 % made one */
	SAMPLED = 2, /* at least 99 % of the requests gave a sample */
	NEW = 4,     /* at least 99 % of the packets made a flow */
	IGNORED = 8, /* no packet made a flow, or was counted in one */
};

/* clock: does the program read it for such a packet? */
struct line {
	const char *name, *text;
	bool clock;
};

struct conversation {
	const char *name;
	uint16_t port;
	bool udp, upstream;
	unsigned int claims;
	struct line line[SCRIPT_LINES];
};

/* clang-format off */
static const struct conversation tcp = {
	"TCP service", 80, 0, 0, FOLLOWED | SAMPLED, {
	{"request in", "ask PA 300", true},
	{"ACK out", "answer A", false},
	{"answer begins out", "answer A 1400", true},
	{"answer goes on out", "answer PA 700", false},
	{"ACK in", "ask A", false},
}};
static const struct conversation call = {
	"TCP upstream", 8080, 0, 1, FOLLOWED | SAMPLED, {
	{"request out", "ask PA 300", true},
	{"ACK in", "answer A", false},
	{"answer begins in", "answer A 1400", true},
	{"answer goes on in", "answer PA 700", false},
	{"ACK out", "ask A", false},
}};
static const struct conversation acks = {
	"TCP service", 80, 0, 0, FOLLOWED, {{"ACK in", "ask A", false}}};
static const struct conversation segments = {
	"TCP service", 80, 0, 0, FOLLOWED, {{"answer goes on out", "answer A 1400", false}}};
static const struct conversation udp = {
	"UDP service", 53, 1, 0, FOLLOWED | SAMPLED, {
	{"request in", "ask - 60", true},
	{"answer out", "answer - 200", true},
}};
static const struct conversation udp_call = {
	"UDP upstream", 5353, 1, 1, FOLLOWED | SAMPLED, {
	{"request out", "ask - 60", true},
	{"answer in", "answer - 200", true},
}};
static const struct conversation flood = {
	"SYN flood", 80, 0, 0, NEW, {{"SYN in", "ask S", true}}};
static const struct conversation strange = {
	"no flow", 80, 0, 0, IGNORED, {{"ACK in", "ask A", false}}};
static const struct conversation unfollowed = {
	"no service", 9, 0, 0, IGNORED, {{"SYN in", "ask S", false}, {"data in", "ask PA 300", false}}};

static const struct row {
	const struct conversation *conversation;
	bool ipv6;
	bool in_turn; /* one flow after the other, not packet after packet */
	uint64_t flows;
	uint32_t room; /* of the flow table */
} rows[] = {
	{&tcp, 0, 0, 1, 256 * K},
	{&acks, 0, 0, 1, 256 * K},
	{&segments, 0, 0, 1, 256 * K},
	{&tcp, 1, 0, 1, 256 * K},
	{&call, 0, 0, 1, 256 * K},
	{&udp, 0, 0, 1, 256 * K},
	{&udp, 1, 0, 1, 256 * K},
	{&tcp, 0, 0, 1024, 256 * K},
	{&tcp, 1, 0, 1024, 256 * K},
	{&call, 0, 0, 1024, 256 * K},
	{&udp, 0, 0, 1024, 256 * K},
	{&udp_call, 0, 0, 1024, 256 * K},
	{&tcp, 0, 0, 64 * K, 256 * K},
	{&tcp, 1, 0, 64 * K, 256 * K},
	{&call, 0, 0, 64 * K, 256 * K},
	{&udp, 0, 0, 64 * K, 256 * K},
	{&tcp, 0, 1, 64 * K, 256 * K},
	{&strange, 0, 0, 64 * K, 256 * K},
	{&unfollowed, 0, 0, 64 * K, 256 * K},
	{&flood, 0, 0, ALL_NEW, 256 * K},
	{&flood, 1, 0, ALL_NEW, 256 * K},
	{&tcp, 0, 0, 500000, 1024 * K},
	{&tcp, 1, 0, 500000, 1024 * K},
	{&udp, 0, 0, 500000, 1024 * K},
	{&tcp, 0, 1, 500000, 1024 * K},
	{&tcp, 1, 1, 500000, 1024 * K},
};
/* clang-format on */

struct bench {
	struct script_bpf *skeleton;
	struct script *script; /* what the kernel goes by */
	struct datapath *datapath;
	uint32_t room;
	size_t rounds;
};

/* -------------------------------------------------------------------------------- the programs */

/* Of the largest flow table */
#define SETS_MAX (1024 * K / WEIR_WAYS)

static void open_programs(struct bench *bench)
{
	struct script_bpf *skeleton = script_bpf__open();
	int map;

	if (!skeleton || bpf_map__set_max_entries(skeleton->maps.weir_script_mem, SETS_MAX) ||
	    script_bpf__load(skeleton))
		die("can not load the programs: %s; needs root", strerror(errno));
	map = bpf_map__fd(skeleton->maps.weir_script_prog);
	enter_program(map, SCRIPT_EMPTY, bpf_program__fd(skeleton->progs.weir_empty));
	enter_program(map, SCRIPT_CLOCK, bpf_program__fd(skeleton->progs.weir_clock));
	enter_program(map, SCRIPT_MEMORY, bpf_program__fd(skeleton->progs.weir_memory));
	bench->skeleton = skeleton;
	bench->script = &skeleton->bss->weir_script_plan;
}

/* IPv4 and IPv6, wire order */
static const struct datapath_address responders[] = {
	{0, 0, {[10] = 0xff, 0xff, 198, 18, 0, 1}},
	{0, 1, {0xfd, [15] = 1}},
	{1, 0, {[10] = 0xff, 0xff, 198, 18, 0, 1}},
};

static void open_datapath(struct bench *bench, uint32_t room)
{
	int map = bpf_map__fd(bench->skeleton->maps.weir_script_prog);
	struct datapath_error error;

	datapath_away(bench->datapath);
	bench->datapath = datapath_from(
		false,
		"interfaces: [{name: lo}]\n"
		"services: [{name: web, match: [tcp/80, udp/53]}, {name: other, latency: false}]\n"
		"upstreams:\n"
		"  - {name: api, endpoints: [\"198.18.0.1:8080\", \"[fd00::1]:8080\"]}\n"
		"  - {name: names, protocol: udp, endpoints: [\"198.18.0.1:5353\"]}\n"
		"table: {clients: 1024, flows: %u}\n",
		room);
	if (datapath_addresses(bench->datapath, responders,
			       sizeof(responders) / sizeof(responders[0]), &error))
		die("%s", error.text);
	if (datapath_program_fd(bench->datapath, 2) < 0)
		die("the kernel refuses the programs of telemetry");
	enter_program(map, SCRIPT_IN, datapath_program_fd(bench->datapath, 2));
	enter_program(map, SCRIPT_OUT, datapath_program_fd(bench->datapath, 3));
	bench->room = room;
	bench->skeleton->data->weir_script_sets = datapath_flows(bench->datapath).sets;
}

/* ----------------------------------------------------------------------------------- what Weir says */

struct counts {
	uint64_t followed, inserts, samples;
};

static uint64_t count_samples(const struct bench *bench)
{
	struct weir_histogram histogram;
	uint64_t samples = 0;

	for (int latency = 0; latency < WEIR_LATENCY_COUNT; latency++) {
		uint32_t owners = latency < WEIR_LATENCY_CONNECT ? WEIR_SERVICES : WEIR_UPSTREAMS;

		if (latency != WEIR_LATENCY_RESPONSE && latency != WEIR_LATENCY_UPSTREAM_RESPONSE)
			continue;
		for (uint32_t owner = 0; owner < owners; owner++) {
			if (datapath_histogram(bench->datapath, (enum weir_latency)latency, owner,
					       &histogram))
				die("can not read the histograms");
			for (int i = 0; i < WEIR_SLOTS; i++)
				samples += histogram.slot[i];
		}
	}
	return samples;
}

static struct counts read_counts(const struct bench *bench)
{
	struct datapath_flows flows = datapath_flows(bench->datapath);
	struct weir_flow_sums sums;
	struct counts counts = {.samples = count_samples(bench)};

	if (datapath_flow_sums(bench->datapath, &sums))
		die("can not read the sums");
	counts.inserts = sums.inserts;
	for (uint32_t s = 0; s < flows.sets; s++) {
		for (int w = 0; w < WEIR_WAYS; w++) {
			const struct weir_flow *flow = &flows.set[s].way[w];

			if ((uint32_t)flows.set[s].slot[w])
				counts.followed += (uint64_t)flow->packets[0] + flow->packets[1];
		}
	}
	return counts;
}

/* -------------------------------------------------------------------------------------- one row */

struct figures {
	double ns[SCRIPT_LINES][SCRIPT_IN + 1][ROUNDS_MAX]; /* by line and target */
};

struct course {
	const struct row *row;
	struct frame frame;
	uint64_t round; /* packets of a round */
	uint64_t turns; /* rounds in a lap of one line; 1 where the lines go by flow */
	size_t laps;
	uint32_t lines;
};

static double run(const struct bench *bench, const struct course *course, uint32_t target,
		  uint64_t packets)
{
	bench->script->target = target;
	return run_packets(bpf_program__fd(bench->skeleton->progs.weir_script), course->frame.at,
			   course->frame.size, packets, 2 /* TC_ACT_SHOT */);
}

/* A short script, once over all flows */
static void prepare(const struct bench *bench, const struct course *course, const char *const *line,
		    bool handshake)
{
	const struct conversation *conversation = course->row->conversation;

	script_begin(bench->script, course->row->flows, conversation->port, handshake);
	bench->script->by_flow = 1;
	bench->script->upstream = conversation->upstream;
	for (; *line; line++)
		script_add(bench->script, *line);
	run(bench, course, SCRIPT_IN, course->row->flows * bench->script->lines);
}

/* Flows that are open, as the conversation finds them */
static void make_flows(const struct bench *bench, const struct course *course)
{
	static const char *const handshake[] = {"ask S", "answer SA", "ask A", NULL};
	static const char *const datagrams[] = {"ask - 60", "answer - 60", "ask - 60",
						"answer - 60", NULL};
	struct datapath_flows flows = datapath_flows(bench->datapath);

	memset(flows.set, 0, flows.sets * sizeof(*flows.set));
	if (!(course->row->conversation->claims & FOLLOWED))
		return;
	if (course->row->conversation->udp)
		prepare(bench, course, datagrams, false);
	else
		prepare(bench, course, handshake, true);
}

static void write_script(const struct bench *bench, struct course *course)
{
	const struct conversation *conversation = course->row->conversation;
	const struct line *line = conversation->line;

	script_begin(bench->script, course->row->flows, conversation->port, false);
	bench->script->upstream = conversation->upstream;
	for (; line < conversation->line + SCRIPT_LINES && line->name; line++)
		script_add(bench->script, line->text);
	course->lines = bench->script->lines;
}

/* How many packets make a round: all of one kind, and after so many rounds all flows have had it */
static void plan(const struct bench *bench, struct course *course)
{
	uint64_t flows = course->row->flows;

	bench->script->by_flow = flows == 1 || flows == ALL_NEW || course->row->in_turn;
	course->turns = 1;
	course->laps = bench->rounds;
	if (bench->script->by_flow) {
		course->round = ROUND_PACKETS - ROUND_PACKETS % course->lines;
		return;
	}
	course->round = flows < ROUND_PACKETS ? flows : ROUND_PACKETS;
	while (flows % course->round)
		course->round--;
	course->turns = flows / course->round;
	course->laps = (bench->rounds + course->turns - 1) / course->turns;
}

/* So many flows that no cache holds them. Where one does, other memory that is touched in between would take its place. */
static bool is_cold(const struct row *row)
{
	return row->flows >= 64 * K;
}

/* Rounds of line `line`, one after another from *round on */
static void run_lap(const struct bench *bench, const struct course *course, uint32_t line,
		    struct figures *figures, size_t *round)
{
	for (uint64_t turn = 0; turn < course->turns; turn++, ++*round)
		for (uint32_t target = SCRIPT_EMPTY; target <= SCRIPT_IN; target++)
			figures->ns[line][target][*round] =
				target == SCRIPT_MEMORY && !is_cold(course->row)
					? 0
					: run(bench, course, target, course->round);
}

static size_t run_laps(const struct bench *bench, const struct course *course,
		       struct figures *figures)
{
	uint32_t lines = bench->script->by_flow ? 1 : course->lines;
	size_t done = 0;

	for (size_t lap = 0; lap < course->laps; lap++) {
		size_t next = done;

		for (uint32_t line = 0; line < lines; line++) {
			next = done;
			run_lap(bench, course, line, figures, &next);
		}
		done = next;
	}
	return done;
}

/* --------------------------------------------------------------------------------------- a figure */

/* Weir, the clock, and memory, each over the empty program; and how often a packet reads the clock */
struct cost {
	struct pair weir, clock, memory;
	double readings;
};

static struct pair over(struct pair a, struct pair b)
{
	return (struct pair){a.min - b.min, a.median - b.median};
}

static struct cost cost_of(struct figures *figures, uint32_t line, size_t rounds)
{
	struct pair empty = pair_of(figures->ns[line][SCRIPT_EMPTY], rounds);

	struct pair memory = pair_of(figures->ns[line][SCRIPT_MEMORY], rounds);

	return (struct cost){
		.weir = over(pair_of(figures->ns[line][SCRIPT_IN], rounds), empty),
		.clock = over(pair_of(figures->ns[line][SCRIPT_CLOCK], rounds), empty),
		.memory = memory.min > 0 ? over(memory, empty) : memory,
	};
}

static void add_share(struct pair *sum, struct pair one, uint32_t of)
{
	sum->min += one.min / of;
	sum->median += one.median / of;
}

static double readings_of(const struct conversation *conversation, uint32_t lines)
{
	double sum = 0;

	for (uint32_t line = 0; line < lines; line++)
		sum += conversation->line[line].clock;
	return sum / lines;
}

static void print(const struct row *row, const char *packet, const struct cost *cost,
		  double followed)
{
	char flows[24] = "all new";

	if (row->flows != ALL_NEW)
		snprintf(flows, sizeof(flows), "%llu", (unsigned long long)row->flows);
	printf("%s\t%s\t%s\t%s\t%u\t", row->conversation->name, packet, row->ipv6 ? "IPv6" : "IPv4",
	       flows, row->room);
	printf("%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\n", cost->weir.min,
	       cost->weir.median, cost->clock.min, cost->clock.median, cost->readings,
	       cost->memory.min, cost->memory.median, 100 * followed);
	fflush(stdout);
}

/* The kinds of packets, and the mean of them */
static void print_all(const struct course *course, struct figures *figures, size_t rounds,
		      double followed)
{
	const struct conversation *conversation = course->row->conversation;
	struct cost mean = {.readings = readings_of(conversation, course->lines)};

	if (course->lines == 1 || course->row->flows == 1 || course->row->in_turn) {
		mean = cost_of(figures, 0, rounds);
		mean.readings = readings_of(conversation, course->lines);
		print(course->row,
		      course->lines == 1     ? conversation->line[0].name
		      : course->row->in_turn ? "all, in turn"
					     : "all",
		      &mean, followed);
		return;
	}
	for (uint32_t line = 0; line < course->lines; line++) {
		struct cost cost = cost_of(figures, line, rounds);

		cost.readings = conversation->line[line].clock;
		print(course->row, conversation->line[line].name, &cost, followed);
		add_share(&mean.weir, cost.weir, course->lines);
		add_share(&mean.clock, cost.clock, course->lines);
		add_share(&mean.memory, cost.memory, course->lines);
	}
	print(course->row, "all", &mean, followed);
}

/* Does the row do what it says? */
static bool holds(unsigned int claims, double followed, double made, double sampled)
{
	return !((claims & FOLLOWED && (followed < 0.99 || made > 0.01)) ||
		 (claims & SAMPLED && sampled < 0.99) || (claims & NEW && made < 0.99) ||
		 (claims & IGNORED && (followed > 0 || made > 0)));
}

static bool measure(struct bench *bench, const struct row *row)
{
	static struct figures figures;
	struct course course = {.row = row};
	double packets, requests, followed, made, sampled;
	struct counts before, after;
	size_t rounds;

	if (bench->room != row->room)
		open_datapath(bench, row->room);
	script_frame(&course.frame, row->ipv6, row->conversation->udp);
	make_flows(bench, &course);
	write_script(bench, &course);
	plan(bench, &course);
	/* Once before it counts; a flood until its own flows are all that it meets */
	for (uint64_t i = 0; row->flows == ALL_NEW && i < 2 * row->room / ROUND_PACKETS; i++)
		run(bench, &course, SCRIPT_IN, ROUND_PACKETS);
	for (uint64_t i = 0; i < course.turns * course.lines; i++)
		run(bench, &course, SCRIPT_IN, course.round);

	before = read_counts(bench);
	rounds = run_laps(bench, &course, &figures);
	after = read_counts(bench);
	packets = (double)(rounds * course.round) * (bench->script->by_flow ? 1 : course.lines);
	requests = packets / course.lines;
	followed = (double)(after.followed - before.followed) / packets;
	made = (double)(after.inserts - before.inserts) / packets;
	sampled = (double)(after.samples - before.samples) / requests;
	print_all(&course, &figures, rounds, row->flows == ALL_NEW ? 0 : followed);
	if (holds(row->conversation->claims, row->flows == ALL_NEW ? 0 : followed, made, sampled))
		return true;
	fprintf(stderr,
		"bench_flow: %s, %llu flows: not what it claims to measure: %.2f %% followed, %.2f %% new, "
		"%.2f %% sampled\n",
		row->conversation->name, (unsigned long long)row->flows, 100 * followed, 100 * made,
		100 * sampled);
	return false;
}

int main(int argc, char **argv)
{
	struct bench bench = {.rounds = argc > 1 ? (size_t)atoi(argv[1]) : 100};
	bool good = true;

	/* In laps over many flows some more are done than asked for. */
	if (bench.rounds < 1 || bench.rounds > ROUNDS_MAX - 32)
		die("usage: bench_flow [ROUNDS], 1 to %d", ROUNDS_MAX - 32);
	stay_on(0);
	open_programs(&bench);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		good &= measure(&bench, &rows[i]);
	datapath_away(bench.datapath);
	script_bpf__destroy(bench.skeleton);
	return good ? 0 : 1;
}
