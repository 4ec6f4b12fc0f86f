/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/metrics/process.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void cleanup_directory(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

/* proc_pid_stat(5). The name is in parentheses and may hold any character: start after the last one. */
static int read_stat(struct metrics_process *out, double *start_ticks)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/stat", "re");
	unsigned long long user, system, threads, start, size;
	char line[1024];
	const char *fields;
	long pages;

	if (!file)
		return -errno;
	if (!fgets(line, sizeof(line), file))
		return -EIO;
	fields = strrchr(line, ')');
	if (!fields ||
	    sscanf(fields + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d"
		   " %llu %*d %llu %llu %ld",
		   &user, &system, &threads, &start, &size, &pages) != 6)
		return -EIO;

	out->cpu_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	out->threads = threads;
	out->virtual_bytes = size;
	out->resident_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	*start_ticks = (double)start;
	return 0;
}

/* Unix time of the boot: what start times in /proc count from */
static int read_boot_time(double *seconds)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/stat", "re");
	unsigned long long boot;
	char line[256];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "btime %llu", &boot) == 1) {
			*seconds = (double)boot;
			return 0;
		}
	}
	return -EIO;
}

static int count_fds(uint64_t *count)
{
	_cleanup_(cleanup_directory) DIR *directory = opendir("/proc/self/fd");
	uint64_t found = 0;

	if (!directory)
		return -errno;
	while (readdir(directory))
		found++;
	*count = found < 3 ? 0 : found - 3; /* ".", ".." and the directory itself */
	return 0;
}

int process_read(struct metrics_process *out)
{
	struct metrics_process process = {0};
	struct rlimit files;
	double start_ticks = 0, boot = 0;
	int error;

	error = read_stat(&process, &start_ticks);
	if (!error)
		error = read_boot_time(&boot);
	if (!error)
		error = count_fds(&process.open_fds);
	if (!error && getrlimit(RLIMIT_NOFILE, &files))
		error = -errno;
	if (error)
		return error;

	process.start_time = boot + start_ticks / (double)sysconf(_SC_CLK_TCK);
	process.max_fds = files.rlim_cur;
	*out = process;
	return 0;
}
