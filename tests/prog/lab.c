/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/prog/lab.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#define BPFFS "/sys/fs/bpf"
#define BPFFS_MAGIC 0xcafe4a11

const char *const lab_program_names[LAB_PROGRAMS] = {"XDP", "TC"};

static const char *const verdict_names[] = {
#define X(name, action, label, help) label,
	WEIR_VERDICTS(X)
#undef X
		"not counted once",
};

/* -------------------------------------------------------------------------- guardian and clean-up */

static char pins[64];
static pid_t child;

const char *lab_pins(void)
{
	return pins;
}

static void remove_pins(void)
{
	DIR *folder = opendir(pins);
	struct dirent *entry;
	char path[512];

	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		snprintf(path, sizeof(path), "%s/%s", pins, entry->d_name);
		if (entry->d_name[0] != '.' && unlink(path))
			fprintf(stderr, "cannot remove %s: %s\n", path, strerror(errno));
	}
	closedir(folder);
	rmdir(pins);
}

static void pass_on(int signal)
{
	if (child > 0)
		kill(child, signal);
}

static int skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

int lab_main(int (*tests)(void))
{
	struct statfs fs;
	int status = 0;

	if (geteuid())
		return skip_all("needs root");
	if (statfs(BPFFS, &fs) || (unsigned int)fs.f_type != BPFFS_MAGIC)
		return skip_all("no BPF file system at " BPFFS);
	snprintf(pins, sizeof(pins), BPFFS "/weir-test-%d", (int)getpid());
	signal(SIGTERM, pass_on);
	signal(SIGINT, pass_on);
	fflush(stdout);
	child = fork();
	if (child < 0)
		return 1;
	if (!child) {
		signal(SIGTERM, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		if (unshare(CLONE_NEWNET)) {
			printf("1..0 # SKIP no network namespaces: %s\n", strerror(errno));
			return 0;
		}
		setvbuf(stdout, NULL, _IOLBF, 0);
		return tests();
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	remove_pins();
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return WEXITSTATUS(status);
}

/* --------------------------------------------------------------------------------- configurations */

struct config *lab_config(unsigned int clients, const char *yaml)
{
	struct config_error error = {};
	struct config *config = NULL;
	char *text = NULL;

	assert_true(asprintf(&text,
			     "interfaces: [{name: lo}]\nhttp: {listen: off}\npins: %s\n"
			     "table: {clients: %u}\n%s",
			     pins, clients, yaml) > 0);
	if (config_parse("test", text, strlen(text), &config, &error))
		fail_msg("%s", error.text);
	free(text);
	return config;
}

static int open_pin(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pins, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

static void *map_pin(const char *name, size_t size)
{
	int fd = open_pin(name);
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(at != MAP_FAILED);
	close(fd);
	return at;
}

/* A test that failed left its lab behind, and there can be one at a time. */
static struct lab *in_use;

struct lab *lab_open(unsigned int clients, const char *yaml)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	struct datapath_error error = {};

	assert_non_null(lab);
	if (in_use && in_use->datapath)
		datapath_close(in_use->datapath);
	remove_pins();
	in_use = lab;
	lab->config = lab_config(clients, yaml);
	if (datapath_open(lab->config, &lab->datapath, &error) ||
	    datapath_apply(lab->datapath, lab->config, &error))
		fail_msg("%s", error.text);
	lab->cpus = (uint32_t)libbpf_num_possible_cpus();
	lab->sets = datapath_table(lab->datapath).sets;
	lab->clients = map_pin("weir_clients", lab->sets * sizeof(*lab->clients));
	lab->groups = map_pin("weir_group", WEIR_GROUPS * sizeof(*lab->groups));
	lab->chunks = open_pin("weir_chunk");
	return lab;
}

void lab_apply(struct lab *lab, const char *yaml)
{
	struct config *config = lab_config(lab->sets * WEIR_WAYS, yaml);
	struct datapath_error error = {};

	if (datapath_apply(lab->datapath, config, &error))
		fail_msg("%s", error.text);
	config_unref(lab->config);
	lab->config = config;
}

void lab_close(struct lab *lab)
{
	munmap(lab->clients, lab->sets * sizeof(*lab->clients));
	munmap(lab->groups, WEIR_GROUPS * sizeof(*lab->groups));
	close(lab->chunks);
	datapath_close(lab->datapath);
	config_unref(lab->config);
	free(lab);
	in_use = NULL;
	remove_pins();
}

void lab_forget(struct lab *lab)
{
	static uint32_t every[WEIR_GROUPS];
	struct weir_chunk *none = calloc((size_t)lab->cpus * WEIR_GROUPS, sizeof(*none));
	uint32_t count = WEIR_GROUPS;

	assert_non_null(none);
	for (uint32_t i = 0; i < WEIR_GROUPS; i++)
		every[i] = i;
	memset(lab->clients, 0, lab->sets * sizeof(*lab->clients));
	memset(lab->groups, 0, WEIR_GROUPS * sizeof(*lab->groups));
	assert_int_equal(bpf_map_update_batch(lab->chunks, every, none, &count, NULL), 0);
	free(none);
}

/* ----------------------------------------------------------------------------------------- packets */

bool lab_takes(enum lab_program program, const struct frame *frame)
{
	unsigned int type = (unsigned int)frame->at[12] << 8 | frame->at[13];
	size_t least = type == 0x0800 ? 34 : type == 0x86dd ? 54 : 15;

	return frame->size >= (program == LAB_TC ? least : 14);
}

int lab_run_fd(int program, const struct frame *frame, unsigned int repeat, uint32_t *duration_ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->at,
		    .data_size_in = (uint32_t)frame->size, .repeat = (int)repeat);
	int result = bpf_prog_test_run_opts(program, &options);

	if (result)
		fail_msg("a test run of %zu bytes: %s", frame->size, strerror(-result));
	if (duration_ns)
		*duration_ns = options.duration;
	return (int)options.retval;
}

int lab_run(const struct lab *lab, enum lab_program program, const struct frame *frame,
	    unsigned int repeat)
{
	return lab_run_fd(datapath_program_fd(lab->datapath, program), frame, repeat, NULL);
}

/* BPF's numbers: XDP_DROP, PASS, TX; TC_ACT_UNSPEC, SHOT, REDIRECT */
static enum weir_action action_of(enum lab_program program, uint32_t result)
{
	static const uint32_t results[LAB_PROGRAMS][3] = {{2, 1, 3}, {0xffffffff, 2, 7}};

	for (int i = 0; i < 3; i++)
		if (results[program][i] == result)
			return (enum weir_action)i;
	return (enum weir_action) - 1;
}

static struct weir_series *read_all(struct lab *lab)
{
	const struct weir_state *names = datapath_names(lab->datapath);
	struct weir_series *all = calloc(WEIR_SERIES, sizeof(*all));

	assert_non_null(all);
	for (uint32_t i = 0; i < WEIR_SERIES; i++)
		if (i == 0 || names->series[i].used)
			assert_int_equal(datapath_series(lab->datapath, i, &all[i]), 0);
	return all;
}

static void note_series(struct lab *lab, struct lab_outcome *outcome, uint32_t series,
			uint32_t verdict)
{
	const struct weir_state *names = datapath_names(lab->datapath);
	const struct weir_series_id *id = &names->series[series];

	outcome->verdict = (enum weir_verdict)verdict;
	if (!id->used) {
		strcpy(outcome->service, "?");
		strcpy(outcome->tier, "?");
		return;
	}
	memcpy(outcome->service, names->service[id->service], WEIR_NAME);
	memcpy(outcome->tier, names->tier[id->tier], WEIR_NAME);
}

/* What the counters say of the one packet between two readings */
static void compare_counts(struct lab *lab, const struct weir_series *before,
			   const struct weir_series *after, struct lab_outcome *outcome)
{
	uint64_t counted = 0;

	for (uint32_t s = 0; s < WEIR_SERIES; s++) {
		for (uint32_t v = 0; v < WEIR_VERDICT_SLOTS; v++) {
			uint64_t more = after[s].verdict[v].packets - before[s].verdict[v].packets;

			counted += more;
			if (more)
				note_series(lab, outcome, s, v);
			outcome->bytes += after[s].verdict[v].bytes - before[s].verdict[v].bytes;
			if (after[s].observed[v] != before[s].observed[v])
				outcome->observed = (int)v;
		}
		for (int i = 0; i < 2 * WEIR_LIMITS; i++)
			if (after[s].limit[i] != before[s].limit[i])
				outcome->limit = i;
	}
	if (counted != 1)
		outcome->verdict = WEIR_VERDICT_COUNT;
}

struct lab_outcome lab_send(struct lab *lab, enum lab_program program, const struct frame *frame)
{
	struct lab_outcome outcome = {.observed = -1, .limit = -1};
	struct weir_series *before = read_all(lab), *after;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->at,
		    .data_size_in = (uint32_t)frame->size, .data_out = outcome.out.at,
		    .data_size_out = FRAME_MAX);
	int result = bpf_prog_test_run_opts(datapath_program_fd(lab->datapath, program), &options);

	if (result)
		fail_msg("a test run of %zu bytes: %s", frame->size, strerror(-result));
	outcome.action = action_of(program, options.retval);
	outcome.out.size = options.data_size_out;
	outcome.out.l3 = frame->l3;
	outcome.out.l4 = frame->l4;
	after = read_all(lab);
	compare_counts(lab, before, after, &outcome);
	free(before);
	free(after);
	return outcome;
}

const char *lab_describe(const struct lab_outcome *outcome)
{
	static const char *const actions[] = {"pass", "drop", "answer"};
	static char line[160];

	snprintf(line, sizeof(line), "%s %s %s/%s%s%s",
		 (unsigned int)outcome->action < 3 ? actions[outcome->action] : "?",
		 verdict_names[outcome->verdict], outcome->service, outcome->tier,
		 outcome->observed >= 0 ? ", observed " : "",
		 outcome->observed >= 0 ? verdict_names[outcome->observed] : "");
	return line;
}

/* ---------------------------------------------------------------------------------------- figures */

uint64_t lab_count_of(struct lab *lab, const char *service, const char *tier,
		      enum weir_verdict verdict)
{
	const struct weir_state *names = datapath_names(lab->datapath);
	uint64_t count = 0;

	for (uint32_t i = 0; i < WEIR_SERIES; i++) {
		const struct weir_series_id *id = &names->series[i];
		struct weir_series series;

		if ((i && !id->used) || (service && strcmp(service, names->service[id->service])) ||
		    (tier && strcmp(tier, names->tier[id->tier])))
			continue;
		assert_int_equal(datapath_series(lab->datapath, i, &series), 0);
		count += series.verdict[verdict].packets;
	}
	return count;
}

uint64_t lab_count(struct lab *lab, enum weir_verdict verdict)
{
	return lab_count_of(lab, NULL, NULL, verdict);
}

static int service_number(const struct lab *lab, const char *service)
{
	const struct weir_state *names = datapath_names(lab->datapath);

	for (int i = 0; i < WEIR_SERVICES; i++)
		if (!strcmp(names->service[i], service))
			return i;
	return -1;
}

const struct weir_client *lab_client(const struct lab *lab, const char *address,
				     const char *service)
{
	uint8_t addr[16] = {[10] = 0xff, 0xff};
	int number = service_number(lab, service);

	if (inet_pton(AF_INET, address, addr + 12) != 1 && inet_pton(AF_INET6, address, addr) != 1)
		fail_msg("no address: %s", address);
	for (uint32_t s = 0; s < lab->sets; s++)
		for (int w = 0; w < WEIR_WAYS; w++) {
			const struct weir_client *client = &lab->clients[s].way[w];

			if ((uint32_t)lab->clients[s].slot[w] && client->service == number &&
			    !memcmp(client->addr, addr, 16))
				return client;
		}
	return NULL;
}

void lab_pin_to_cpu(unsigned int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

uint64_t lab_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
