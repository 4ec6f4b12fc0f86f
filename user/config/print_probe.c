/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/number.h"
#include "user/config/print.h"

void print_probe(const struct config_probe *probe, FILE *out)
{
	static const char *const types[] = {"off", "tcp", "http"};
	char interval[DURATION_TEXT], timeout[DURATION_TEXT];

	if (probe->type == PROBE_OFF)
		return;
	fprintf(out, "    probe:\n      type: %s\n      interval: %s\n      timeout: %s\n",
		types[probe->type],
		number_format_duration(probe->interval_ns, interval, sizeof(interval)),
		number_format_duration(probe->timeout_ns, timeout, sizeof(timeout)));
	fprintf(out, "      jitter: %u.%02u%%\n", probe->jitter / 100, probe->jitter % 100);
	if (probe->type != PROBE_HTTP)
		return;
	/* In single quotes of YAML only the quote itself is special: it is doubled. */
	fputs("      path: '", out);
	for (const char *at = probe->path; *at; at++)
		fputs(*at == '\'' ? "''" : (const char[]){*at, '\0'}, out);
	fprintf(out, "'\n      expect: %u..%u\n", probe->expect_first, probe->expect_last);
}
