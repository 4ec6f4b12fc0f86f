/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every field of the configuration file. The reference in weir.yaml(5) is made from these tables. */
#include "bpf/abi/client.h"
#include "user/base/number.h"
#include "user/config/reader.h"

#define NAME "1 to 31 letters, digits, dots, dashes and underscores"
#define CLIENT_IPV4 .size = 1, .min = 8, .max = 32, .expected = "a number from 8 to 32"
#define CLIENT_IPV6 .size = 1, .min = 16, .max = 128, .expected = "a number from 16 to 128"

const struct field interface_fields[] = {
	{
		.name = "name",
		.read = read_interface_name,
		MEMBER(struct config_interface, name),
		.required = true,
		.expected = "1 to 15 printable characters without / and :",
		.help = "Name of the interface.",
	},
	{
		.name = "attach",
		.read = read_choice,
		MEMBER(struct config_interface, attach),
		.choices = "auto|native|generic|tc",
		.expected = "auto, native, generic or tc",
		.fallback = "auto",
		.help = "Where packets are judged: XDP in the driver, XDP in the stack, or TC. "
			"auto takes the first that works.",
	},
	{},
};

const struct field tier_fields[] = {
	{
		.name = "name",
		.read = read_name,
		MEMBER(struct config_tier, name),
		.required = true,
		.expected = NAME,
		.help = "What limits and metrics call it.",
	},
	{
		.name = "prefixes",
		.read = read_prefixes,
		MEMBER(struct config_tier, prefixes),
		.expected = "a list of prefixes such as 203.0.113.0/24",
		.fallback = "none",
		.help = "Sources that belong to the tier; the longest prefix wins. Not for the first "
			"tier. A prefix belongs to one tier only.",
	},
	{
		.name = "unlimited",
		.read = read_boolean,
		MEMBER(struct config_tier, unlimited),
		.expected = "true or false",
		.fallback = "false",
		.help = "No limits for this tier, in any service.",
	},
	{},
};

static const struct field client_prefix_fields[] = {
	{
		.name = "ipv4",
		.read = read_number,
		.offset = offsetof(struct config_service, client_ipv4),
		CLIENT_IPV4,
		.fallback = "32",
		.help = "Bits of an IPv4 source that make a client.",
	},
	{
		.name = "ipv6",
		.read = read_number,
		.offset = offsetof(struct config_service, client_ipv6),
		CLIENT_IPV6,
		.fallback = "64",
		.help = "Bits of an IPv6 source that make a client.",
	},
	{},
};

static const struct field parent_prefix_fields[] = {
	{
		.name = "ipv4",
		.read = read_number,
		.offset = offsetof(struct config_service, parent_ipv4),
		CLIENT_IPV4,
		.fallback = "24, or the client prefix if that is shorter",
		.help = "The same for IPv4 clients under pressure. Not longer than the client prefix.",
	},
	{
		.name = "ipv6",
		.read = read_number,
		.offset = offsetof(struct config_service, parent_ipv6),
		CLIENT_IPV6,
		.fallback = "48, or the client prefix if that is shorter",
		.help = "The same for IPv6.",
	},
	{},
};

const struct field limit_fields[] = {
	{
		.name = "rate",
		.read = read_limit_rate,
		.required = true,
		.expected = "NUMBER/PERIOD such as 100/min or 20MB/s",
		.help = "How many in each period. See VALUES.",
	},
	{
		.name = "unit",
		.read = read_limit_unit,
		.required = true,
		.expected = "packets, bytes or connections",
		.help = "What is counted. A connection is a TCP segment with SYN and without ACK; bytes "
			"count from the Ethernet header on.",
	},
	{
		.name = "burst",
		.read = read_limit_burst,
		.expected = "a number such as 200, for bytes one such as 40MB",
		.fallback = "the number in the rate",
		.help = "How many may come at once. For bytes at least 1514, one full frame. At the "
			"rate it must fill again within a year.",
	},
	{
		.name = "scope",
		.read = read_limit_scope,
		.size = sizeof(((struct config_limit *)0)->cluster),
		.choices = "node|cluster",
		.expected = "node or cluster",
		.fallback = "node",
		.help = "Where the limit holds: on each node by itself, or over all nodes of the cluster "
			"together. For cluster the file needs a cluster.",
	},
	{
		.name = "on_outage",
		.read = read_limit_on_outage,
		.size = sizeof(((struct config_limit *)0)->on_outage),
		.choices = OUTAGE_CHOICES,
		.expected = "share, local, keep or deny",
		.fallback = "cluster.on_outage",
		.help = "What a cluster limit does without Redis, as in cluster.on_outage. Only with scope: "
			"cluster.",
	},
	{},
};

const struct field service_fields[] = {
	{
		.name = "name",
		.read = read_name,
		MEMBER(struct config_service, name),
		.required = true,
		.expected = NAME,
		.help = "What metrics call it. The service other is always there and takes what no "
			"other service matches; name it to give it limits.",
	},
	{
		.name = "match",
		.read = read_match,
		.expected = "a list of matches such as [tcp/80, udp/5000-5999, icmp]",
		.help = "Protocols and destination ports. Required, but not allowed for other. See VALUES.",
	},
	{
		.name = "destinations",
		.read = read_prefixes,
		MEMBER(struct config_service, destinations),
		.expected = "a list of prefixes such as 192.0.2.80",
		.fallback = "any",
		.help = "Destination addresses. Two services may match the same port if their "
			"destinations differ; the longest prefix wins, and any destination is the shortest.",
	},
	{
		.name = "mode",
		.read = read_choice,
		MEMBER(struct config_service, observe),
		.choices = "enforce|observe",
		.expected = "enforce or observe",
		.fallback = "enforce",
		.help = "observe counts what would have been refused and refuses nothing.",
	},
	{
		.name = "on_limit",
		.read = read_choice,
		MEMBER(struct config_service, reject),
		.choices = "drop|reject",
		.expected = "drop or reject",
		.fallback = "drop",
		.help = "What happens over a limit. reject answers a TCP SYN with a RST, so that the "
			"caller fails at once; everything else is dropped.",
	},
	{
		.name = "client_prefix",
		.read = read_mapping,
		.expected = "a mapping such as {ipv4: 32, ipv6: 64}",
		.help = "How much of a source address makes a client.",
		.inside = client_prefix_fields,
		.nesting = "",
	},
	{
		.name = "parent_prefix",
		.read = read_mapping,
		.expected = "a mapping such as {ipv4: 24, ipv6: 48}",
		.help = "How much of a source address judges unknown clients when there are too many "
			"of them.",
		.inside = parent_prefix_fields,
		.nesting = "",
	},
	{
		.name = "new_clients",
		.read = read_new_clients,
		MEMBER(struct config_service, new_clients),
		.expected = "a rate such as 10000/s, at most 1G/s, or unlimited",
		.fallback = "a tenth of table.clients",
		.help = "Unknown clients a second above which they are judged by their parent prefix.",
	},
	{
		.name = "limits",
		.read = read_limits,
		.expected = "a mapping of tiers such as {default: [100/min connections]}",
		.help = "For each client of the tier, up to four; all of them must hold. A tier that is "
			"not named has no limits.",
		.inside = limit_fields,
		.nesting = ".TIER[]",
	},
	{
		.name = "group_limits",
		.read = read_group_limits,
		.expected = "a mapping of tiers such as {default: [50000/min connections]}",
		.help = "The same for all clients of the tier together, with fields as in limits.",
	},
	{
		.name = "latency",
		.read = read_boolean,
		MEMBER(struct config_service, latency),
		.expected = "true or false",
		.fallback = "true, if match names TCP or UDP, and for other",
		.help = "Follow its flows: how long clients take to answer, and this host to answer them.",
	},
	{.name = "escalate", .read = read_unsupported},
	{},
};

/*
 * Longest timeout: the kernel keeps the time of a request that waits behind another in 32 bits, which
 * hold for 274 s.
 */
#define TIMEOUT_MAX (240 * NS_PER_SEC)
#define TIMEOUT \
	.min = 1000000, .max = TIMEOUT_MAX, .expected = "a duration from 1ms to 4m such as 3s"

const struct field upstream_fields[] = {
	{
		.name = "name",
		.read = read_name,
		MEMBER(struct config_upstream, name),
		.required = true,
		.expected = NAME,
		.help = "What metrics call it.",
	},
	{
		.name = "endpoints",
		.read = read_endpoints,
		.required = true,
		.expected = "a list such as [\"10.1.2.3:8443\", \"api.example.org:443\"]",
		.help = "Where it is called: HOST:PORT, up to 256 in all upstreams. IPv6 addresses stand in "
			"brackets. Names are resolved at the start and every 30 s, to any number of "
			"addresses; a name that does not resolve any more keeps those it had. An endpoint "
			"belongs to one upstream only.",
	},
	{
		.name = "protocol",
		.read = read_protocol,
		MEMBER(struct config_upstream, protocol),
		.choices = "tcp|udp",
		.expected = "tcp or udp",
		.fallback = "tcp",
		.help = "How it is called.",
	},
	{
		.name = "http",
		.read = read_boolean,
		MEMBER(struct config_upstream, http),
		.expected = "true or false",
		.fallback = "false",
		.help = "It answers in plain HTTP/1: count the classes of status, and a 5xx as a failure.",
	},
	{
		.name = "slow",
		.read = read_duration,
		MEMBER(struct config_upstream, slow_ns),
		.min = 1000,
		.max = TIMEOUT_MAX,
		.expected = "a duration from 1us to 4m such as 500ms",
		.fallback = "1s, or answer_timeout if that is shorter",
		.help = "A later answer is counted as slow. Not longer than answer_timeout.",
	},
	{
		.name = "connect_timeout",
		.read = read_duration,
		MEMBER(struct config_upstream, connect_timeout_ns),
		TIMEOUT,
		.fallback = "3s",
		.help = "A SYN that is not answered by then is counted as a failed call. Not for udp.",
	},
	{
		.name = "answer_timeout",
		.read = read_duration,
		MEMBER(struct config_upstream, answer_timeout_ns),
		TIMEOUT,
		.fallback = "30s",
		.help = "A request that is not answered by then is counted as a failed call.",
	},
	{
		.name = "breaker",
		.read = read_breaker,
		MEMBER(struct config_upstream, breaker),
		.expected = "a mapping such as {consecutive_failures: 5}",
		.fallback = "none: calls are never refused",
		.help = "A circuit breaker for each endpoint: when it fails, calls to it are refused at once, "
			"until it has recovered.",
		.inside = breaker_fields,
		.nesting = "",
	},
	{
		.name = "probe",
		.read = read_probe,
		MEMBER(struct config_upstream, probe),
		.expected = "a mapping such as {type: http, path: /healthz}",
		.fallback = "none: only real calls tell",
		.help = "Asks each endpoint now and then whether it works; the breaker takes the answer like "
			"that to a call. Several good ones in a row bring an open endpoint back early. Not for "
			"udp.",
		.inside = probe_fields,
		.nesting = "",
	},
	{},
};

static const struct field latency_fields[] = {
	{
		.name = "enabled",
		.read = read_boolean,
		MEMBER(struct config, latency),
		.expected = "true or false",
		.fallback = "true",
		.help = "Follow flows at all. Without it services and upstreams have no latency, and "
			"upstreams no results.",
	},
	{
		.name = "buckets",
		.read = read_buckets,
		.min = 1000,
		.max = 3600 * NS_PER_SEC,
		.expected =
			"a list of up to 34 ascending durations from 1us to 1h such as [1ms, 10ms, 1s]",
		.fallback =
			"[1ms, 2.5ms, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 2.5s, 5s, 10s]",
		.help = "Upper bounds of the classic buckets (le) in metrics. Others begin with empty "
			"histograms. Native histograms have buckets of their own.",
	},
	{},
};
_Static_assert(WEIR_LE_MAX == 34 && WEIR_UPSTREAMS == 32 && WEIR_ENDPOINTS == 256,
	       "see above, below");

static const struct field http_fields[] = {
	{
		.name = "listen",
		.read = read_listen,
		MEMBER(struct config, http_listen),
		.expected = "ADDRESS:PORT such as 127.0.0.1:9464 or [::1]:9464, or off",
		.fallback = "127.0.0.1:9464",
		.help = "Where metrics, health and the status page are served, read-only.",
	},
	{
		.name = "admin",
		.read = read_path,
		MEMBER(struct config, admin),
		.max = 107, /* sockaddr_un.sun_path with its zero is 108 */
		.expected = "an absolute path of at most 107 bytes",
		.fallback = "/run/weir/weir.sock",
		.help = "Unix socket of the admin API.",
	},
	{},
};

static const struct field table_fields[] = {
	{
		.name = "clients",
		.read = read_number,
		MEMBER(struct config, clients),
		.min = 1024,
		.max = 1 << 27,
		.expected = "a number from 1024 to 134217728",
		.fallback = "1048576",
		.help = "Clients remembered at once, 72 bytes of memory each. Rounded up to a multiple of 8.",
	},
	{
		.name = "flows",
		.read = read_number,
		MEMBER(struct config, flows),
		.min = WEIR_WAYS,
		.max = 1 << 24,
		.expected = "a number from 8 to 16777216",
		.fallback = "131072",
		.help = "Flows followed at once, 136 bytes of memory each. Rounded up to a multiple of 8.",
	},
	{},
};

static const struct field log_fields[] = {
	{
		.name = "format",
		.read = read_choice,
		MEMBER(struct config, log_format),
		.choices = "auto|text|json",
		.expected = "auto, text or json",
		.fallback = "auto",
		.help = "auto is text on a terminal and to the journal, JSON elsewhere.",
	},
	{
		.name = "level",
		.read = read_log_level,
		MEMBER(struct config, log_level),
		.choices = "error|warning|info|debug",
		.expected = "error, warning, info or debug",
		.fallback = "info",
		.help = "What is less severe is not written.",
	},
	{},
};

/* tiers and cluster before services: limits lean on them */
const struct field config_fields[] = {
	{
		.name = "interfaces",
		.read = read_interfaces,
		.required = true,
		.expected = "a list such as [{name: eth0}]",
		.help = "Where packets are limited, up to 16.",
		.inside = interface_fields,
		.nesting = "[]",
	},
	{
		.name = "table",
		.read = read_mapping,
		.expected = "a mapping such as {clients: 1048576}",
		.help = "The tables of clients and of flows. Sizes change with the next start after weir "
			"detach.",
		.inside = table_fields,
		.nesting = "",
	},
	{
		.name = "tiers",
		.read = read_tiers,
		.expected =
			"a list such as [{name: default}, {name: partner, prefixes: [203.0.113.0/24]}]",
		.fallback = "one tier named default",
		.help = "Classes of clients, up to 16. The first is for whoever is in no other. One "
			"without prefixes is for applications to name.",
		.inside = tier_fields,
		.nesting = "[]",
	},
	{
		.name = "cluster",
		.read = read_cluster,
		.expected = "a mapping such as {redis: \"redis://127.0.0.1:6379/0\"}",
		.fallback = "none: every limit is each node's own",
		.help = "Redis, or Valkey, through which nodes share out limits with scope: cluster. All nodes "
			"must say the same, but for user and passwords. All of it may change with a reload.",
		.inside = cluster_fields,
		.nesting = "",
	},
	{
		.name = "services",
		.read = read_services,
		.expected = "a list such as [{name: web, match: [tcp/80]}]",
		.fallback = "none but other, without limits",
		.help = "What this host offers, up to 63 and other.",
		.inside = service_fields,
		.nesting = "[]",
	},
	{
		.name = "upstreams",
		.read = read_upstreams,
		.expected = "a list such as [{name: api, endpoints: [\"10.1.2.3:8443\"]}]",
		.fallback = "none",
		.help = "What this host calls, up to 32: how long it takes to connect and to answer, and what "
			"became of each call.",
		.inside = upstream_fields,
		.nesting = "[]",
	},
	{
		.name = "latency",
		.read = read_mapping,
		.expected = "a mapping such as {buckets: [1ms, 10ms, 100ms, 1s]}",
		.help = "How long answers take, measured at TC.",
		.inside = latency_fields,
		.nesting = "",
	},
	{
		.name = "deny",
		.read = read_prefixes,
		MEMBER(struct config, deny),
		.expected = "a list of prefixes such as 198.51.100.0/24",
		.fallback = "none",
		.help = "Sources that are dropped whatever the service.",
	},
	{
		.name = "allow",
		.read = read_prefixes,
		MEMBER(struct config, allow),
		.expected = "a list of prefixes such as 10.0.0.0/8",
		.fallback = "none",
		.help = "Sources that are never limited, whatever the tier.",
	},
	{
		.name = "protected_ports",
		.read = read_protected,
		.expected = "a list of matches such as [tcp/22]",
		.fallback = "[tcp/22]",
		.help = "What passes whatever the limits say, so that nobody locks themself out. [] "
			"protects nothing.",
	},
	{
		.name = "http",
		.read = read_mapping,
		.expected = "a mapping such as {listen: 127.0.0.1:9464}",
		.help = "The listeners.",
		.inside = http_fields,
		.nesting = "",
	},
	{
		.name = "node",
		.read = read_node_name,
		MEMBER(struct config, node),
		.max = 253,
		.expected = "1 to 253 printable characters",
		.fallback = "the name of the host",
		.help = "What this node is called in metrics and logs.",
	},
	{
		.name = "pins",
		.read = read_path,
		MEMBER(struct config, pins),
		.max = 200,
		.expected = "an absolute path of at most 200 bytes",
		.fallback = "/sys/fs/bpf/weir",
		.help = "Folder of a BPF file system in which programs and tables outlive the daemon. One "
			"for each daemon.",
	},
	{
		.name = "on_exit",
		.read = read_choice,
		MEMBER(struct config, keep_on_exit),
		.choices = "detach|keep",
		.expected = "detach or keep",
		.fallback = "detach",
		.help = "What an orderly end of the daemon leaves behind: nothing, or limits that go on "
			"holding. After a crash they always go on.",
	},
	{
		.name = "log",
		.read = read_mapping,
		.expected = "a mapping such as {format: json, level: info}",
		.help = "Logs on standard error.",
		.inside = log_fields,
		.nesting = "",
	},
	{.name = "escalate", .read = read_unsupported},
	{},
};
