/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <jansson.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bpf/abi/types.h"
#include "user/base/version.h"
#include "user/cli/cli.h"
#include "user/cli/client.h"
#include "user/cli/command.h"
#include "user/cluster/redis_worker.h"
#include "user/datapath/datapath.h"

static int print_json(const char *kernel)
{
	_cleanup_json_ json_t *json =
		json_pack("{s:s, s:s, s:s, s:s, s:b, s:i, s:s}", "version", weir_version(),
			  "revision", weir_revision(), "libbpf", datapath_libbpf_version(),
			  "hiredis", redis_library_version(), "redis_tls", redis_has_tls(),
			  "layout", WEIR_LAYOUT, "kernel", kernel);

	json_dumpf(json, stdout, isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT);
	putchar('\n');
	return CLI_OK;
}

int cli_version(const struct cli_options *options)
{
	struct utsname kernel;

	if (uname(&kernel))
		snprintf(kernel.release, sizeof(kernel.release), "unknown");
	if (options->json)
		return print_json(kernel.release);
	printf("weir %s\nrevision %s\nlibbpf %s\nhiredis %s, %s\nlayout %d\nkernel %s\n",
	       weir_version(), weir_revision(), datapath_libbpf_version(), redis_library_version(),
	       redis_has_tls() ? "with TLS" : "without TLS", WEIR_LAYOUT, kernel.release);
	return CLI_OK;
}
