/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All options of all subcommands, in one list: it makes argp's parser, the help, and the
 * completion, and tests hold the man page against it. An option means the same wherever it is
 * allowed; a command says which it takes, as a bit set.
 *
 * X(NAME, key, name, argument, values, help)
 *   key       the short option's character, or 0
 *   argument  NULL: takes none
 *   values    for the completion: words to choose from, or <file>, <interface>, <directory>,
 *             <service>, <upstream>, or NULL
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi/types.h"

struct cli_command;

/* clang-format off */
#define CLI_OPTIONS(X) \
	X(CONFIG, 'c', "config", "FILE", "<file>", \
	  "Configuration (default " CLI_DEFAULT_CONFIG ")") \
	X(INTERFACE, 'i', "interface", "IFACE", "<interface>", \
	  "Without a configuration: watch this interface, limit nothing; doctor: look at this one. Can be repeated") \
	X(LOG, 0, "log", "FORMAT", "text json", "text or json (default: text on a terminal)") \
	X(LOG_LEVEL, 0, "log-level", "LEVEL", "error warning info debug", \
	  "error, warning, info or debug") \
	X(SOCKET, 's', "socket", "PATH", "<file>", \
	  "The daemon's admin socket (default $WEIR_SOCKET, else " CLI_DEFAULT_SOCKET ")") \
	X(JSON, 'j', "json", NULL, NULL, "JSON instead of text for people") \
	X(NO_WATCH, 0, "no-watch", NULL, NULL, \
	  "Apply a changed configuration only when told to, by reload or SIGHUP") \
	X(PRINT, 0, "print", NULL, NULL, "Print the configuration with all defaults filled in") \
	X(INTERVAL, 'n', "interval", "TIME", "500ms 1s 2s 5s", "Time between refreshes (default 1s)") \
	X(ONCE, 0, "once", NULL, NULL, "Print once and leave") \
	X(WATCH, 'w', "watch", NULL, NULL, "Go on, with a new table at each interval") \
	X(BY, 'b', "by", "ORDER", "refused passed total", \
	  "Sort by refused, passed or total packets a second (default total)") \
	X(SERVICE, 'S', "service", "NAME", "<service>", "Only clients, or flows, of this service") \
	X(LIMIT, 'l', "limit", "N", NULL, \
	  "At most this many clients or flows (default: as many as fit, or 20)") \
	X(FLOWS, 'F', "flows", NULL, NULL, "The busiest flows, not clients") \
	X(SORT, 0, "sort", "ORDER", "rate bytes", \
	  "With --flows: sort by rate, or by all bytes so far (default rate)") \
	X(UPSTREAM, 'U', "upstream", "NAME", "<upstream>", "With --flows: only flows to this upstream") \
	X(COUNT, 0, "count", "N", NULL, "Leave after this many events") \
	X(FOR, 'f', "for", "TIME", "10m 1h 24h", "How long, such as 90s, 10m, 24h (default: no end)") \
	X(CLUSTER, 'C', "cluster", NULL, NULL, "For all nodes of the cluster, not for this one only") \
	X(PINS, 0, "pins", "PATH", "<directory>", \
	  "Take away what is pinned here; asks no daemon but one named by --socket " \
	  "(default, when none answers: " CLI_DEFAULT_PINS ")") \
	X(LIST, 0, "list", NULL, NULL, "One line for each command and option, for scripts") \
	X(COMPLETION, 0, "completion", "SHELL", "bash", "Print the completion for a shell: bash")
/* clang-format on */

#define CLI_DEFAULT_CONFIG "/etc/weir/weir.yaml"
#define CLI_DEFAULT_SOCKET "/run/weir/weir.sock"
#define CLI_DEFAULT_PINS "/sys/fs/bpf/weir"

enum cli_option_number {
#define X(NAME, ...) CLI_NUMBER_##NAME,
	CLI_OPTIONS(X)
#undef X
		CLI_OPTION_COUNT,
};

/* Bits for cli_command.options */
enum cli_option_bit {
#define X(NAME, ...) CLI_##NAME = 1 << CLI_NUMBER_##NAME,
	CLI_OPTIONS(X)
#undef X
};

struct cli_option {
	int key; /* 0: long only */
	const char *name;
	const char *argument;
	const char *values;
	const char *help;
};
extern const struct cli_option cli_option[CLI_OPTION_COUNT];

#define CLI_OPERANDS 8 /* of a command that takes several: what GET /v1/latency takes */

/* What was asked for. Strings are argv's. */
struct cli_options {
	const char *operand; /* FILE, PREFIX, ...; the first of several; NULL: none */
	const char *operands[CLI_OPERANDS];
	size_t operand_count;
	const char *config;
	const char *interface[WEIR_INTERFACES];
	size_t interfaces;
	const char *log_format, *log_level;
	const char *socket;
	bool json, print, once, watch, no_watch, list, flows, cluster;
	uint64_t interval_ns; /* 0: not given; so below */
	const char *by;
	const char *service;
	const char *sort;
	const char *upstream;
	uint64_t limit;
	uint64_t count;
	uint64_t for_seconds;
	const char *pins;
	const char *completion;
};

/*
 * Fills *out from the words after the command's name; argv[0] is not looked at. As argp has it,
 * wrong words end the process with CLI_USAGE and a line that says why, --help and --usage with
 * CLI_OK.
 */
void cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_options *out);
