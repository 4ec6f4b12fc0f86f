/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/command.h"

#include <string.h>

const struct cli_command cli_command[] = {
	{
		"run",
		NULL,
		NULL,
		"Limit and measure, in the foreground, until told to stop",
		"Takes a configuration or, to look around first, only interfaces: then everything is measured "
		"and nothing limited. A configuration that is changed is applied at once, and at SIGHUP. What happens to the limits when the "
		"daemon stops is up to on_exit in the configuration: detach or keep.",
		CLI_CONFIG | CLI_INTERFACE | CLI_LOG | CLI_LOG_LEVEL | CLI_NO_WATCH | CLI_SOCKET,
		cli_run,
	},
	{
		"check",
		"FILE",
		"<file>",
		"Say whether a configuration is valid",
		"Needs no privileges and no daemon.",
		CLI_PRINT,
		cli_check,
	},
	{
		"doctor",
		NULL,
		NULL,
		"Say what is wrong on this host for Weir, and what to do",
		"Looks at the kernel, the rights, the configuration, each interface and Redis, and changes nothing. Needs no "
		"daemon; without privileges it says what it could not look at. Interfaces that are named are looked at in place "
		"of those of the configuration, which is then read only with --config. Exit status 1 if something keeps Weir "
		"from working, 0 with warnings.",
		CLI_CONFIG | CLI_INTERFACE | CLI_JSON,
		cli_doctor,
	},
	{
		"status",
		NULL,
		NULL,
		"Show what the daemon does and how it is",
		NULL,
		CLI_SOCKET | CLI_JSON,
		cli_status,
	},
	{
		"top",
		NULL,
		NULL,
		"Watch the busiest clients, or flows",
		"On a terminal: q leaves; r, p and t sort by refused, passed and total packets a second, with "
		"--flows r and b by rate and bytes. Elsewhere a new table is printed at each interval.",
		CLI_INTERVAL | CLI_ONCE | CLI_BY | CLI_SERVICE | CLI_LIMIT | CLI_FLOWS | CLI_SORT |
			CLI_UPSTREAM | CLI_SOCKET | CLI_JSON,
		cli_top,
	},
	{
		"latency",
		"[NAME...]",
		"<name>",
		"Watch how long services and upstreams take to answer",
		"NAME is a service or an upstream; of a single one the whole histogram is shown, and what became "
		"of calls. It begins with all since counting began, which is all that --once prints; then "
		"each interval has what came in it. On a terminal q leaves.",
		CLI_INTERVAL | CLI_ONCE | CLI_SOCKET | CLI_JSON,
		cli_latency,
	},
	{
		"events",
		NULL,
		NULL,
		"Follow refusals, and breakers that open and close, as they happen",
		"The daemon sends a sample of them: under attack not each packet.",
		CLI_COUNT | CLI_SOCKET | CLI_JSON,
		cli_events,
	},
	{
		"ban",
		"PREFIX",
		NULL,
		"Refuse everything from an address or prefix",
		"A ban that is there already gets the new end. With --cluster it holds on all nodes, within a second, or when "
		"Redis is back.",
		CLI_FOR | CLI_CLUSTER | CLI_SOCKET | CLI_JSON,
		cli_ban,
	},
	{
		"unban",
		"PREFIX",
		"<ban>",
		"Take a ban away",
		"With --cluster on all nodes, but for bans that a node has of its own. Without it a ban of the cluster is lifted "
		"on this node only.",
		CLI_CLUSTER | CLI_SOCKET | CLI_JSON,
		cli_unban,
	},
	{
		"bans",
		NULL,
		NULL,
		"List the bans",
		NULL,
		CLI_SOCKET | CLI_JSON,
		cli_bans,
	},
	{
		"breakers",
		NULL,
		NULL,
		"Show the circuit breakers of upstreams",
		"Of each endpoint: its state, for how long, until when and why, and the figures by which it opens. "
		"With --watch on a terminal q leaves.",
		CLI_WATCH | CLI_ONCE | CLI_INTERVAL | CLI_SOCKET | CLI_JSON,
		cli_breakers,
	},
	{
		"breaker",
		"ACTION UPSTREAM[/ENDPOINT]...",
		"<breaker>",
		"Open or close circuit breakers by hand",
		"ACTION is open (refuse all calls), close (let all through, whatever becomes of them), auto (end either, "
		"and decide by what is measured) or reset (close, and forget what was). Without ENDPOINT all of the upstream "
		"are meant. open and close hold over restarts, until --for is over or they are ended. With --cluster on all "
		"nodes.",
		CLI_FOR | CLI_CLUSTER | CLI_SOCKET | CLI_JSON,
		cli_breaker,
	},
	{
		"cluster",
		NULL,
		NULL,
		"Show the limits that hold over several nodes, and how Redis is",
		"Nodes, Redis, the rounds in which demand is told, what this node's share of each cluster limit is, and "
		"the clients that send most. With --watch on a terminal q leaves.",
		CLI_WATCH | CLI_ONCE | CLI_INTERVAL | CLI_SOCKET | CLI_JSON,
		cli_cluster,
	},
	{
		"reload",
		NULL,
		NULL,
		"Read the configuration again",
		"A configuration that is not valid changes nothing; the answer says what is wrong with it.",
		CLI_SOCKET | CLI_JSON,
		cli_reload,
	},
	{
		"detach",
		NULL,
		NULL,
		"Stop limiting: take everything out of the kernel",
		"Asks the daemon. Where none answers, removes what one has left pinned.",
		CLI_PINS | CLI_SOCKET | CLI_JSON,
		cli_detach,
	},
	{
		"version",
		NULL,
		NULL,
		"Print the versions of weir, its libraries and the kernel",
		NULL,
		CLI_JSON,
		cli_version,
	},
	{
		"help",
		"[COMMAND]",
		"<command>",
		"Explain weir or one of its commands",
		NULL,
		CLI_LIST | CLI_COMPLETION,
		cli_help,
	},
};
const size_t cli_commands = sizeof(cli_command) / sizeof(*cli_command);

const struct cli_command *cli_find_command(const char *name)
{
	for (size_t i = 0; i < cli_commands; i++)
		if (!strcmp(cli_command[i].name, name))
			return &cli_command[i];
	return NULL;
}
