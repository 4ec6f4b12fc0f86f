/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/clock.h"

#include <stdio.h>
#include <time.h>

#include "user/base/number.h"

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_unix_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

double clock_unix_seconds(void)
{
	return (double)clock_unix_ns() / 1e9;
}

double clock_seconds_since(uint64_t start_ns)
{
	return (double)(clock_monotonic_ns() - start_ns) / 1e9;
}

const char *clock_text(uint64_t unix_ns, char out[CLOCK_TEXT])
{
	time_t seconds = (time_t)(unix_ns / NS_PER_SEC);
	struct tm utc;
	size_t length;

	gmtime_r(&seconds, &utc);
	length = strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out + length, CLOCK_TEXT - length, ".%03uZ",
		 (unsigned int)(unix_ns % NS_PER_SEC / 1000000));
	return out;
}

uint64_t clock_unix_of(uint64_t monotonic_ns)
{
	return clock_unix_ns() + (monotonic_ns - clock_monotonic_ns());
}
