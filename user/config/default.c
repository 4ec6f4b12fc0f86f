/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A configuration for `weir run -i IFACE`: text of our own through the one parser there is. */
#include <errno.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/config/model.h"

/*
 * Examples of limits, all observed: they show in the metrics what a limit of that kind would refuse. The
 * numbers are what one ordinary client stays well below.
 */
static const char services[] = "services:\n"
			       "  - name: other\n"
			       "    mode: observe\n"
			       "    limits: {default: [10000/s packets]}\n"
			       "  - name: web\n"
			       "    match: [tcp/80, tcp/443]\n"
			       "    mode: observe\n"
			       "    limits: {default: [100/s connections burst 200]}\n"
			       "  - name: dns\n"
			       "    match: [udp/53, tcp/53]\n"
			       "    mode: observe\n"
			       "    limits: {default: [500/s packets burst 1000]}\n";

/* Single-quoted YAML: only the quote itself needs doubling, and $ for environment.h. */
static void write_interface(const char *name, FILE *out)
{
	fputs("  - name: '", out);
	for (; *name; name++) {
		if (*name == '\'' || *name == '$')
			fputc(*name, out);
		fputc(*name, out);
	}
	fputs("'\n", out);
}

int config_default(const char *const *interfaces, size_t count, struct config **out,
		   struct config_error *error)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	FILE *stream;
	int failed;

	stream = open_memstream(&text, &length);
	if (!stream)
		goto no_memory;
	fputs(count ? "interfaces:\n" : "interfaces: []\n", stream);
	for (size_t i = 0; i < count; i++)
		write_interface(interfaces[i], stream);
	fputs(services, stream);
	failed = ferror(stream);
	failed |= fclose(stream);
	if (failed || !text) /* glibc may leave NULL behind and call it a success */
		goto no_memory;
	return config_parse("command line", text, length, out, error);
no_memory:
	snprintf(error->text, sizeof(error->text), "command line: out of memory");
	return -ENOMEM;
}
