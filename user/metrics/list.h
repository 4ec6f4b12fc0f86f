/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every metric family, once: this list makes the exposition's metadata, the order of a scrape, the
 * labels of each sample and the table in docs/metrics.md. A new family is a line here and a function
 * metrics_emit_<first argument>() in one of the emit_*.c files.
 *
 * X(emitter, source, name, type, unit, help, labels...)
 *   source  the member of struct metrics_input it reads; without that the family is left out
 *   name    as a sample carries it: counters end in _total. Unique without _total too: OpenMetrics
 *           knows a counter by that name
 *   unit    the name ends in it (before _total), else ""
 *   labels  in order; NULL: none. Never `type`, `le` or `cluster`, never a value from traffic
 */
#pragma once

/* clang-format off */
#define METRICS_FAMILIES(X)									\
	/* packets */										\
	X(packets, snapshot, "weir_packets_total", COUNTER, "packets",				\
	  "Packets by what became of them: passed, or the reason they were not.",		\
	  "interface", "service", "tier", "verdict")						\
	X(bytes, snapshot, "weir_bytes_total", COUNTER, "bytes",				\
	  "Bytes, from the Ethernet header on, by what became of their packet.",		\
	  "interface", "service", "tier", "verdict")						\
	X(observed, snapshot, "weir_observed_packets_total", COUNTER, "packets",		\
	  "Packets that passed only because their service observes, by why enforcing would have refused them.", \
	  "service", "tier", "reason")								\
	X(parse_errors, snapshot, "weir_parse_errors_total", COUNTER, "",			\
	  "Malformed packets by the layer that could not be read: ethernet, network or transport.", \
	  "layer")										\
	/* limits */										\
	X(limit_rate, snapshot, "weir_limit_rate", GAUGE, "",					\
	  "Configured rate of a limit, in its unit per second.",				\
	  "service", "tier", "limit", "unit", "bucket")						\
	X(limit_burst, snapshot, "weir_limit_burst", GAUGE, "",					\
	  "Configured burst of a limit, in its unit.",						\
	  "service", "tier", "limit", "unit", "bucket")						\
	X(limit_refusals, snapshot, "weir_limit_refusals_total", COUNTER, "",			\
	  "Packets a limit refused, or would have refused where the service observes.",		\
	  "service", "tier", "limit", "bucket")							\
	X(limit_share, cluster, "weir_limit_share_ratio", GAUGE, "",				\
	  "This node's part of a cluster limit, 0 to 1; of a limit for each client, what one has that is not hot.", \
	  "service", "tier", "limit", "unit", "bucket")						\
	/* clients */										\
	X(clients, snapshot, "weir_clients", GAUGE, "",						\
	  "Clients in the table, parent prefixes not counted.", "service")			\
	X(clients_limited, snapshot, "weir_clients_limited", GAUGE, "",				\
	  "Clients that are over one of their limits now.", "service")				\
	X(under_pressure, snapshot, "weir_under_pressure", GAUGE, "",				\
	  "1 while new clients come so fast that their parent prefix judges them.", "service")	\
	X(table_entries, snapshot, "weir_client_table_entries", GAUGE, "",			\
	  "Entries in use in the client table, parent prefixes included.", NULL)		\
	X(table_capacity, snapshot, "weir_client_table_capacity", GAUGE, "",			\
	  "Entries the client table has room for.", NULL)					\
	X(inserts, snapshot, "weir_client_inserts_total", COUNTER, "",				\
	  "Clients entered into the table.", NULL)						\
	X(evictions, snapshot, "weir_client_evictions_total", COUNTER, "",			\
	  "Clients evicted to make room: idle ones lose nothing, active ones forget what they used.", \
	  "state")										\
	X(contention, snapshot, "weir_limiter_contention_total", COUNTER, "",			\
	  "Bucket updates lost to another processor and tried again.", NULL)			\
	X(prefix_lookups, snapshot, "weir_prefix_lookups_total", COUNTER, "",			\
	  "Questions to the prefix trie: new clients, and known ones after a reload or a ban.", NULL) \
	X(bans_active, snapshot, "weir_bans_active", GAUGE, "",					\
	  "Prefixes banned now.", NULL)								\
	X(bans_total, snapshot, "weir_bans_total", COUNTER, "",					\
	  "Bans made, by who asked for them.", "origin")					\
	/* latency */										\
	X(client_round_trip, snapshot, "weir_client_round_trip_seconds", HISTOGRAM, "seconds",	\
	  "Time from our SYN-ACK leaving to the ACK that completes the handshake.", "service")	\
	X(response, snapshot, "weir_response_seconds", HISTOGRAM, "seconds",			\
	  "Time from the last byte of a request arriving to the first byte of its answer leaving.", \
	  "service")										\
	X(samples_discarded, snapshot, "weir_latency_samples_discarded_total", COUNTER, "",	\
	  "Samples of latency not taken, by why.", "reason")					\
	X(retransmissions, snapshot, "weir_handshake_retransmissions_total", COUNTER, "",	\
	  "SYNs and SYN-ACKs of followed flows that were seen again.", NULL)			\
	X(flows, snapshot, "weir_flows", GAUGE, "",						\
	  "Flows in the flow table that still matter.", NULL)					\
	X(flow_capacity, snapshot, "weir_flow_table_capacity", GAUGE, "",			\
	  "Flows the flow table has room for.", NULL)						\
	X(flow_inserts, snapshot, "weir_flow_inserts_total", COUNTER, "",			\
	  "Flows entered into the flow table.", NULL)						\
	X(flow_evictions, snapshot, "weir_flow_evictions_total", COUNTER, "",			\
	  "Flows evicted to make room: idle ones were closed or long silent, active ones are lost to measurement.", \
	  "state")										\
	/* upstreams */										\
	X(upstream_connect, snapshot, "weir_upstream_connect_seconds", HISTOGRAM, "seconds",	\
	  "Time from our SYN leaving to the SYN-ACK of the upstream.", "upstream")		\
	X(upstream_response, snapshot, "weir_upstream_response_seconds", HISTOGRAM, "seconds",	\
	  "Time from the last byte of our request leaving to the first byte of its answer arriving.", \
	  "upstream")										\
	X(upstream_calls, snapshot, "weir_upstream_calls_total", COUNTER, "",			\
	  "Calls to an upstream by what became of them: a request and its answer, or a connection that could not be made.", \
	  "upstream", "endpoint", "result")							\
	X(upstream_http, snapshot, "weir_upstream_http_responses_total", COUNTER, "",		\
	  "HTTP/1 answers by class of status; `other` is what was no HTTP/1. Only with `http: true`.", \
	  "upstream", "endpoint", "class")							\
	X(upstream_connected, snapshot, "weir_upstream_connected_total", COUNTER, "",		\
	  "Handshakes with an endpoint that were completed.", "upstream", "endpoint")		\
	X(upstream_connections, snapshot, "weir_upstream_connections", GAUGE, "",		\
	  "Connections to an endpoint that are open now.", "upstream", "endpoint")		\
	X(upstream_addresses, snapshot, "weir_upstream_endpoint_addresses", GAUGE, "",		\
	  "Addresses an endpoint's name resolves to; 0 where it never did.", "upstream", "endpoint") \
	X(upstream_stale, snapshot, "weir_upstream_endpoint_stale", GAUGE, "",			\
	  "1 while an endpoint's name does not resolve and its last addresses are kept.",	\
	  "upstream", "endpoint")								\
	/* breakers */										\
	X(breaker_state, snapshot, "weir_breaker_state", GAUGE, "",				\
	  "1 for the state that the circuit breaker of an endpoint is in, 0 for the others.",	\
	  "upstream", "endpoint", "state")							\
	X(breaker_transitions, snapshot, "weir_breaker_transitions_total", COUNTER, "",		\
	  "Changes of an endpoint's circuit breaker, by the state it came to and why. Since the daemon's start.", \
	  "upstream", "to", "reason")								\
	X(breaker_rejections, snapshot, "weir_breaker_rejections_total", COUNTER, "",		\
	  "Calls that a circuit breaker refused, or would have refused where it only observes.", \
	  "upstream", "endpoint")								\
	X(breaker_ejections, snapshot, "weir_breaker_ejections", GAUGE, "",			\
	  "How often in a row an endpoint was ejected, less the healthy intervals since.",	\
	  "upstream", "endpoint")								\
	X(breaker_reaction, snapshot, "weir_breaker_reaction_seconds", HISTOGRAM, "seconds",	\
	  "Time from the failure that opened a breaker, as the kernel saw it, to calls being refused.", NULL) \
	X(ejected_ratio, snapshot, "weir_upstream_ejected_ratio", GAUGE, "",			\
	  "Part of an upstream's endpoints that is open, half-open or forced open.", "upstream") \
	X(ejections_held, snapshot, "weir_upstream_ejections_held_total", COUNTER, "",		\
	  "Endpoints that would have opened, had there not been too many out.", "upstream")	\
	X(probes, snapshot, "weir_upstream_probes_total", COUNTER, "",				\
	  "Active probes by their result, ok or failed. Only for upstreams with a `probe`.",	\
	  "upstream", "endpoint", "result")							\
	/* cluster */										\
	X(redis_up, cluster, "weir_redis_up", GAUGE, "",					\
	  "1 while Redis answers.", NULL)							\
	X(cluster_nodes, cluster, "weir_cluster_nodes", GAUGE, "",				\
	  "Nodes that share the cluster limits, as far as this one knows.", NULL)		\
	X(cluster_mode, cluster, "weir_cluster_mode", GAUGE, "",				\
	  "1 for the mode of this node's shares, the worst of all limits; 0 for the others.", "mode") \
	X(redis_command_duration, cluster, "weir_redis_command_duration_seconds", HISTOGRAM, "seconds", \
	  "Time from a command for Redis to its answer, by what it was for.", "command")	\
	X(redis_commands, cluster, "weir_redis_commands_total", COUNTER, "",			\
	  "Commands for Redis, by what they were for and whether they were answered.",		\
	  "command", "result")									\
	X(redis_reconnects, cluster, "weir_redis_reconnects_total", COUNTER, "",		\
	  "New connections to Redis after the first.", NULL)					\
	X(cluster_rounds, cluster, "weir_cluster_rounds_total", COUNTER, "",			\
	  "Rounds by what became of them: ok, failed, or repeated because an answer was lost.", "result") \
	X(cluster_last_success, cluster, "weir_cluster_last_success_timestamp_seconds", GAUGE, "seconds", \
	  "When Redis last answered a round, Unix time; 0: never.", NULL)			\
	X(cluster_hot_keys, cluster, "weir_cluster_hot_keys", GAUGE, "",			\
	  "Clients that are reported to Redis, each with a share of its own.", NULL)		\
	X(cluster_backlog, cluster, "weir_cluster_backlog_units", GAUGE, "units",		\
	  "Units admitted and not acknowledged by Redis yet, over all limits and clients.", NULL) \
	/* kernel programs */									\
	X(interface_attached, snapshot, "weir_interface_attached", GAUGE, "",			\
	  "1 while a program of ours is attached to the interface.", "interface")		\
	X(program_info, snapshot, "weir_bpf_program_info", GAUGE, "",				\
	  "1 for each attached kernel program.",						\
	  "program", "id", "tag", "hook", "mode", "interface")					\
	X(program_runs, snapshot, "weir_bpf_program_runs_total", COUNTER, "",			\
	  "Runs of a kernel program. Only where the host has kernel.bpf_stats_enabled.", "program") \
	X(program_seconds, snapshot, "weir_bpf_program_run_seconds_total", COUNTER, "seconds",	\
	  "Time spent in a kernel program. Only where the host has kernel.bpf_stats_enabled.",	\
	  "program")										\
	X(map_entries, snapshot, "weir_bpf_map_entries", GAUGE, "",				\
	  "Entries in use in a kernel map. Only for maps whose entries can be counted.", "map")	\
	X(map_capacity, snapshot, "weir_bpf_map_capacity", GAUGE, "",				\
	  "Entries a kernel map has room for.", "map")						\
	X(map_memory, snapshot, "weir_bpf_map_memory_bytes", GAUGE, "bytes",			\
	  "Kernel memory a map holds.", "map")							\
	X(events_lost, snapshot, "weir_events_lost_total", COUNTER, "",				\
	  "Events dropped because the ring buffer was full.", "ring")				\
	X(events_muted, snapshot, "weir_events_muted_total", COUNTER, "",			\
	  "Refusals that made no event because the sampler had sent enough.", "ring")		\
	/* operation */										\
	X(component_healthy, snapshot, "weir_component_healthy", GAUGE, "",			\
	  "1 healthy, 0.5 degraded (still ready), 0 unhealthy.", "component")			\
	X(reload_successful, snapshot, "weir_config_last_reload_successful", GAUGE, "",		\
	  "1 if the last reload of the configuration was accepted.", NULL)			\
	X(reload_timestamp, snapshot, "weir_config_last_reload_success_timestamp_seconds", GAUGE, "seconds", \
	  "When a configuration was last accepted, Unix time.", NULL)				\
	X(generation, snapshot, "weir_config_generation", GAUGE, "",				\
	  "Configurations accepted since the pins were made; the first is 1.", NULL)		\
	X(reloads, snapshot, "weir_config_reloads_total", COUNTER, "",				\
	  "Reloads of the configuration.", "result")						\
	X(http_requests, http, "weir_http_requests_total", COUNTER, "",				\
	  "HTTP requests answered. handler `other` is every path that is no route.",		\
	  "handler", "code")									\
	X(http_duration, http, "weir_http_request_duration_seconds", HISTOGRAM, "seconds",	\
	  "Time from a request's headers to its answer being ready, transfer not included.",	\
	  "handler")										\
	X(http_in_progress, http, "weir_http_requests_in_progress", GAUGE, "",			\
	  "HTTP requests being answered, this one and open event streams included.", NULL)	\
	X(log_messages, snapshot, "weir_log_messages_total", COUNTER, "",			\
	  "Lines logged; repeats that were left out are not counted.", "level")								\
	X(scan_duration, snapshot, "weir_table_scan_duration_seconds", HISTOGRAM, "seconds",	\
	  "Time a scan of the client table took.", NULL)					\
	X(build_info, snapshot, "weir_build_info", GAUGE, "",					\
	  "1; what this build is.", "version", "revision", "libbpf", "hiredis")			\
	X(start_time, snapshot, "weir_start_time_seconds", GAUGE, "seconds",			\
	  "When the daemon came up, Unix time.", NULL)						\
	/* process */										\
	X(process_cpu, process, "process_cpu_seconds_total", COUNTER, "seconds",		\
	  "Total user and system CPU time spent in seconds.", NULL)				\
	X(process_resident, process, "process_resident_memory_bytes", GAUGE, "bytes",		\
	  "Resident memory size in bytes.", NULL)						\
	X(process_virtual, process, "process_virtual_memory_bytes", GAUGE, "bytes",		\
	  "Virtual memory size in bytes.", NULL)						\
	X(process_open_fds, process, "process_open_fds", GAUGE, "",				\
	  "Number of open file descriptors.", NULL)						\
	X(process_max_fds, process, "process_max_fds", GAUGE, "",				\
	  "Maximum number of open file descriptors.", NULL)					\
	X(process_start, process, "process_start_time_seconds", GAUGE, "seconds",		\
	  "Start time of the process since unix epoch in seconds.", NULL)			\
	X(process_threads, process, "process_threads", GAUGE, "",				\
	  "Number of OS threads in the process.", NULL)
/* clang-format on */
