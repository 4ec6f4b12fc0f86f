/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flood: a bounded generator of packets from many made-up sources, for tests, benchmarks and the
 * demonstration. A test run of an XDP program with live frames makes them in the kernel, about a
 * million a second and processor. Sends out of a veth only, so that it can not hurt anybody's network.
 *
 * Prints one line:   sent=N arrived=N seconds=S rate=N/s
 * sent: packets made; arrived: those that the other end of the veth took in, the rest found its ring full.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include "tests/tools/flood_frame.h"
#include "tests/tools/flood_link.h"
#include "tests/tools/flood.skel.h" /* wants the structures of flood.h */
#include "user/base/cleanup.h"
#include "user/base/number.h"

#define NSEC_PER_SEC 1000000000ULL
/*
 * A test run enters its program into the kernel's XDP dispatcher and takes it out again, which waits twice
 * for the kernel's readers: 10 to 20 ms in all. A program that is attached somewhere is there already.
 * So it is parked on a veth that nothing uses; then a test run costs some 50 us, and packets of a given
 * rate can come in portions as small as this.
 */
#define TICK_NS (NSEC_PER_SEC / 4000)
/* The whole flood, if its program knows when packets are due: a timer ends it */
#define RUN_PACKETS (1U << 30)

struct flood {
	struct flood_frame frame;
	const char *interface;
	uint64_t sources, pps, seconds, packets, batch, cpu, ifindex;
	uint32_t stride;
	uint64_t heavy_every;
	uint32_t heavy;
	bool has_mac, smooth;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static _Noreturn void __attribute__((format(printf, 1, 2))) die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("flood: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* --------------------------------------------------------------------------------- options */

/* clang-format off */
static const struct {
	const char *name;
	char letter;
	const char *argument, *help;
} table[] = {
	{"interface", 'i', "VETH", "leave by this veth"},
	{"to", 't', "ADDRESS", "destination, on the other end of the veth; IPv4 or IPv6"},
	{"dport", 'p', "PORT", "destination port, 9 if not given"},
	{"tcp", 'T', NULL, "TCP SYNs in place of UDP"},
	{"from", 'f', "ADDRESS", "first source: 10.0.0.0, or 2001:db8::1 (then each has a /64 of its own)"},
	{"sources", 'n', "N", "sources, in turn: 1 (if not given) to 2^24, spread over a /8 or /40"},
	{"consecutive", 'c', NULL, "sources next to each other instead"},
	{"heavy", 'H', "ADDRESS", "one more source, of the same kind"},
	{"heavy-every", 'e', "N", "which sends each Nth packet; 30 if not given"},
	{"pps", 'r', "N", "packets a second; 0 (if not given): as many as can be"},
	{"smooth", 'S', NULL, "evenly, at the price of a whole processor; wants --pps"},
	{"seconds", 's', "N", "for this long, 1 if not given, 600 at most"},
	{"packets", 'k', "N", "or until that many are sent"},
	{"size", 'z', "BYTES", "of the frame; UDP only"},
	{"batch", 'b', "N", "frames at a time: 64 if not given, 256 at most"},
	{"cpu", 'C', "N", "processor to run on, 0 if not given"},
	{"mac", 'm', "MAC", "hardware address to send to; asked for if not given"},
	{"help", 'h', NULL, "this"},
};
/* clang-format on */
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static void usage(void)
{
	char text[40];

	puts("flood --interface VETH --to ADDRESS [OPTION...]\n");
	for (size_t i = 0; i < OPTIONS; i++) {
		snprintf(text, sizeof(text), "%s %s", table[i].name,
			 table[i].argument ? table[i].argument : "");
		printf("  --%-20s %s\n", text, table[i].help);
	}
}

static uint64_t number(const char *text, uint64_t min, uint64_t max, const char *what)
{
	uint64_t value;

	if (number_parse_count(text, min, max, &value))
		die("--%s %s: wants a number from %llu to %llu", what, text,
		    (unsigned long long)min, (unsigned long long)max);
	return value;
}

static bool address(const char *text, uint8_t out[16])
{
	memset(out, 0, 16);
	if (inet_pton(AF_INET, text, out) == 1)
		return false;
	if (inet_pton(AF_INET6, text, out) != 1)
		die("%s is not an address", text);
	return true;
}

static void hardware_address(const char *text, uint8_t out[6])
{
	char more;

	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &out[0], &out[1], &out[2], &out[3],
		   &out[4], &out[5], &more) != 6)
		die("--mac %s: wants six bytes, such as 02:00:00:00:00:01", text);
}

/* Of a source: what flood.bpf.c writes at FLOOD_SOURCE. The rest of an IPv6 address is as in --from. */
static uint32_t variable_part(const struct flood *flood, const char *text)
{
	uint8_t bytes[16];
	uint32_t part;

	if (address(text, bytes) != flood->frame.ipv6)
		die("%s and --to are not of one kind", text);
	memcpy(&part, bytes + (flood->frame.ipv6 ? 4 : 0), sizeof(part));
	return ntohl(part);
}

static void read_options(int argc, char **argv, struct flood *flood)
{
	struct option options[OPTIONS + 1] = {};
	const char *to = NULL, *from = NULL, *heavy = NULL;
	int letter;

	for (size_t i = 0; i < OPTIONS; i++)
		options[i] = (struct option){.name = table[i].name,
					     .has_arg = table[i].argument ? required_argument
									  : no_argument,
					     .val = table[i].letter};

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (letter) {
		case 'i':
			flood->interface = optarg;
			break;
		case 't':
			to = optarg;
			break;
		case 'f':
			from = optarg;
			break;
		case 'p':
			flood->frame.dport = (uint16_t)number(optarg, 1, 65535, "dport");
			break;
		case 'T':
			flood->frame.tcp = true;
			break;
		case 'n':
			flood->sources = number(optarg, 1, FLOOD_SOURCES_MAX, "sources");
			break;
		case 'c':
			flood->stride = 1;
			break;
		case 'r':
			flood->pps = number(optarg, 0, 1000000000, "pps");
			break;
		case 's':
			flood->seconds = number(optarg, 1, 600, "seconds");
			break;
		case 'k':
			flood->packets = number(optarg, 1, 10000000000, "packets");
			break;
		case 'z':
			flood->frame.size = number(optarg, 1, FLOOD_FRAME_MAX, "size");
			break;
		case 'b':
			flood->batch = number(optarg, 1, 256, "batch");
			break;
		case 'C':
			flood->cpu = number(optarg, 0, CPU_SETSIZE - 1, "cpu");
			break;
		case 'm':
			hardware_address(optarg, flood->frame.to_mac);
			flood->has_mac = true;
			break;
		case 'H':
			heavy = optarg;
			break;
		case 'e':
			flood->heavy_every = number(optarg, 1, 1000000, "heavy-every");
			break;
		case 'S':
			flood->smooth = true;
			break;
		case 'h':
			usage();
			exit(0);
		default:
			exit(2);
		}
	}
	if (!flood->interface || !to || optind < argc)
		die("wants --interface and --to; --help lists the rest");
	flood->frame.ipv6 = address(to, flood->frame.to);
	if (!from)
		from = flood->frame.ipv6 ? "2001:db8::1" : "10.0.0.0";
	if (address(from, flood->frame.from) != flood->frame.ipv6)
		die("--from and --to are not of one kind");
	if (heavy)
		flood->heavy = variable_part(flood, heavy);
	else
		flood->heavy_every = 0;
	if (flood->smooth && !flood->pps)
		die("--smooth wants --pps");
}

/* ------------------------------------------------------------------------------------ flood */

static void look_around(struct flood *flood)
{
	size_t least = flood_frame_least(flood->frame.ipv6);
	char driver[32];
	int err = flood_link_driver(flood->interface, driver);

	if (err == -ENODEV)
		die("%s: %s", flood->interface, strerror(-err));
	if (err || strcmp(driver, "veth") != 0)
		die("%s is no veth (%s): this sends from made-up addresses, only over a veth",
		    flood->interface, err ? strerror(-err) : driver);
	flood->ifindex = if_nametoindex(flood->interface);
	err = flood_link_mac(flood->interface, flood->frame.from_mac);
	if (!err && !flood->has_mac)
		err = flood_link_neighbour(flood->interface, flood->frame.ipv6, flood->frame.to,
					   flood->frame.to_mac);
	if (err)
		die("no hardware address for the destination on %s: %s; try --mac",
		    flood->interface, strerror(-err));
	if (!flood->frame.size)
		flood->frame.size = least;
	if (flood->frame.size < least || (flood->frame.tcp && flood->frame.size != least))
		die("--size %zu: wants at least %zu for UDP, none for TCP", flood->frame.size,
		    least);
}

static struct flood_bpf *load(const struct flood *flood, const struct flood_plan *plan)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct flood_bpf *skeleton;

	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* for kernels before 5.11 */
	skeleton = flood_bpf__open();
	if (!skeleton)
		die("can not open its program: %s", strerror(errno));
	memcpy((void *)&skeleton->rodata->weir_flood_plan, plan, sizeof(*plan));
	if (flood_bpf__load(skeleton))
		die("can not load its program: %s; needs root", strerror(errno));
	return skeleton;
}

static void run(int program, uint8_t *frame, const struct flood *flood, uint64_t packets)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = (uint32_t)flood->frame.size, .repeat = (int)packets,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = (uint32_t)(packets < flood->batch ? packets : flood->batch));
	int err = bpf_prog_test_run_opts(program, &opts);

	if (err && err != -EINTR && err != -EAGAIN)
		die("test run: %s; live frames want kernel 5.18", strerror(-err));
}

/* Until it is time for the next packet, a tick at least, or all is over */
static void wait_for_next(const struct flood *flood, uint64_t begin, uint64_t sent)
{
	uint64_t at = begin + (uint64_t)((__uint128_t)sent * NSEC_PER_SEC / flood->pps);
	uint64_t end = begin + flood->seconds * NSEC_PER_SEC, tick = now_ns() + TICK_NS;
	struct timespec until;

	at = at > tick ? at : tick;
	at = at < end ? at : end;
	until = (struct timespec){(time_t)(at / NSEC_PER_SEC), (long)(at % NSEC_PER_SEC)};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* How many are to be made now; 0: none yet */
static uint64_t due(const struct flood *flood, uint64_t begin, uint64_t sent)
{
	uint64_t left = flood->packets - sent, want = RUN_PACKETS;

	if (flood->pps && !flood->smooth) {
		__uint128_t all = (__uint128_t)(now_ns() - begin) * flood->pps / NSEC_PER_SEC + 1;

		want = all > sent ? (uint64_t)all - sent : 0;
	}
	return want < left ? want : left;
}

/* Signals end a run. More than one, for the first may come just before it begins. */
static void end_after(uint64_t seconds)
{
	const struct itimerval timer = {.it_value.tv_sec = (time_t)seconds,
					.it_interval.tv_usec = 10000};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void flow(const struct flood *flood, struct flood_bpf *skeleton, uint8_t *frame)
{
	const volatile struct flood_state *at = &skeleton->bss->weir_flood_at;
	int program = bpf_program__fd(skeleton->progs.weir_flood);
	_cleanup_close_ int hold = -1;
	uint64_t before = 0, after = 0, begin;
	double seconds;
	int err = flood_link_park(program, &hold);

	if (err)
		die("can not park its program: %s", strerror(-err));
	begin = now_ns();
	flood_link_sent(flood->interface, &before);
	end_after(flood->seconds);
	while (!stop && at->packets < flood->packets) {
		uint64_t packets = due(flood, begin, at->packets);

		if (packets)
			run(program, frame, flood, packets);
		else
			wait_for_next(flood, begin, at->packets);
	}
	seconds = (double)(now_ns() - begin) / (double)NSEC_PER_SEC;
	flood_link_sent(flood->interface, &after);
	printf("sent=%llu arrived=%llu seconds=%.3f rate=%.0f/s\n", (unsigned long long)at->packets,
	       (unsigned long long)(after - before), seconds, (double)at->packets / seconds);
}

int main(int argc, char **argv)
{
	struct flood flood = {
		.frame.dport = 9,
		.sources = 1,
		.seconds = 1,
		.heavy_every = 30,
		.packets = UINT64_MAX,
		.batch = 64,
		.stride =
			0x9e3779, /* odd, near 2^24 / golden ratio: neighbours in time lie far apart */
	};
	struct sigaction action = {.sa_handler = on_signal};
	uint8_t frame[FLOOD_FRAME_MAX];
	struct flood_plan plan;
	struct flood_bpf *skeleton;
	cpu_set_t processor;

	read_options(argc, argv, &flood);
	look_around(&flood);
	flood_frame(&flood.frame, frame, &plan);
	plan.sources = (uint32_t)flood.sources;
	plan.stride = flood.stride;
	plan.ifindex = (uint32_t)flood.ifindex;
	plan.heavy = flood.heavy;
	plan.heavy_every = (uint32_t)flood.heavy_every;
	plan.gap = flood.smooth ? (NSEC_PER_SEC << FLOOD_GAP_SHIFT) / flood.pps : 0;

	CPU_ZERO(&processor);
	CPU_SET(flood.cpu, &processor);
	if (sched_setaffinity(0, sizeof(processor), &processor))
		die("processor %llu: %s", (unsigned long long)flood.cpu, strerror(errno));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGALRM, &action, NULL);

	skeleton = load(&flood, &plan);
	flow(&flood, skeleton, frame);
	flood_bpf__destroy(skeleton);
	return 0;
}
