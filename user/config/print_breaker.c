/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/number.h"
#include "user/config/print.h"

static void print_count(const char *name, uint32_t count, FILE *out)
{
	fprintf(out, "      %s: %u\n", name, count);
}

static void print_percent(const char *name, uint32_t ratio, FILE *out)
{
	fprintf(out, "      %s: %u", name, ratio / 100);
	if (ratio % 100)
		fprintf(out, ".%02u", ratio % 100);
	fputs("%\n", out);
}

static void print_time(const char *name, uint64_t ns, FILE *out)
{
	char text[DURATION_TEXT];

	fprintf(out, "      %s: %s\n", name, number_format_duration(ns, text, sizeof(text)));
}

static void print_success_rate(const struct config_breaker *breaker, FILE *out)
{
	if (!breaker->stdev_factor)
		return;
	fprintf(out,
		"      success_rate: {stdev_factor: %u.%03u, minimum_endpoints: %u, "
		"request_volume: %u}\n",
		breaker->stdev_factor / 1000, breaker->stdev_factor % 1000,
		breaker->minimum_endpoints, breaker->request_volume);
}

void print_breaker(const struct config_breaker *breaker, FILE *out)
{
	static const char *const modes[] = {"off", "enforce", "observe"};

	fprintf(out, "    breaker:\n      mode: %s\n", modes[breaker->mode]);
	print_count("consecutive_failures", breaker->consecutive_failures, out);
	print_percent("failure_ratio", breaker->failure_ratio, out);
	print_percent("slow_ratio", breaker->slow_ratio, out);
	print_count("min_calls", breaker->min_calls, out);
	print_time("window", breaker->window_ns, out);
	print_count("max_connections", breaker->max_connections, out);
	print_percent("saturation", breaker->saturation, out);
	print_count("waiting_syns", breaker->waiting_syns, out);
	print_success_rate(breaker, out);
	print_time("recovery", breaker->recovery_ns, out);
	print_time("recovery_max", breaker->recovery_max_ns, out);
	print_percent("jitter", breaker->jitter, out);
	print_count("half_open_permits", breaker->half_open_permits, out);
	print_count("half_open_successes", breaker->half_open_successes, out);
	print_time("half_open_timeout", breaker->half_open_timeout_ns, out);
	print_count("max_ejection_percent", breaker->max_ejection_percent, out);
	fprintf(out, "      eject_last: %s\n", breaker->eject_last ? "true" : "false");
	fprintf(out, "      on_open: %s\n", breaker->reset ? "reset" : "reject");
}
