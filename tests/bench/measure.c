/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/bench/measure.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PINS "/sys/fs/bpf/weir-bench"

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

static struct config *configuration(const char *format, va_list arguments)
{
	struct config_error error;
	struct config *config;
	char text[2048];
	int length = vsnprintf(text, sizeof(text), format, arguments);

	length += snprintf(text + length, sizeof(text) - (size_t)length, "pins: " PINS "\n");
	if (config_parse("bench", text, (size_t)length, &config, &error))
		die("%s", error.text);
	return config;
}

static void mark_cluster(struct config *config)
{
	for (size_t s = 0; s < config->services; s++)
		for (size_t i = 0; i < WEIR_LIMITS; i++)
			config->service[s].rule[0].limit[i].cluster = true;
}

static struct datapath *datapath_of(struct config *config)
{
	struct datapath_error error = {};
	struct datapath *datapath;

	datapath_detach_pins(PINS, error.text, sizeof(error.text));
	if (datapath_open(config, &datapath, &error) || datapath_apply(datapath, config, &error))
		die("%s", error.text);
	config_unref(config);
	return datapath;
}

struct datapath *datapath_from(bool cluster, const char *format, ...)
{
	struct config *config;
	va_list arguments;

	va_start(arguments, format);
	config = configuration(format, arguments);
	va_end(arguments);
	if (cluster)
		mark_cluster(config);
	return datapath_of(config);
}

void datapath_away(struct datapath *datapath)
{
	struct datapath_error error;

	if (!datapath)
		return;
	datapath_detach(datapath, &error);
	datapath_close(datapath);
}

void enter_program(int map, uint32_t target, int program)
{
	if (bpf_map_update_elem(map, &target, &program, BPF_ANY))
		die("can not enter program %u for a tail call: %s", target, strerror(errno));
}

static uint64_t thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

double run_packets(int program, const void *frame, size_t size, uint64_t packets, uint32_t failed)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = (void *)frame,
		    .data_size_in = (uint32_t)size, .repeat = (int)packets);
	uint64_t begin = thread_ns();
	int err = bpf_prog_test_run_opts(program, &opts);

	if (err || opts.retval == failed)
		die("test run: %s, returned %u", strerror(-err), opts.retval);
	return (double)(thread_ns() - begin) / (double)packets;
}

void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("processor %d: %s", cpu, strerror(errno));
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct pair pair_of(double *ns, size_t count)
{
	qsort(ns, count, sizeof(ns[0]), by_size);
	return (struct pair){ns[0], ns[count / 2]};
}
