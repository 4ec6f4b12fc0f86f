/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that touches the kernel: loads, attaches, pins, adopts, applies rules, bans, scans,
 * reads counters and events. Only this folder includes libbpf and the skeletons. One thread at a time
 * may use a struct datapath (the control thread does).
 *
 * Everything lives in pins under one directory of a bpffs, so enforcement outlives the daemon: a new one
 * adopts maps, bucket levels, counters and bans, and swaps the program under traffic.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi/breaker.h"
#include "bpf/abi/client.h"
#include "bpf/abi/counter.h"
#include "bpf/abi/event.h"
#include "bpf/abi/flow.h"
#include "bpf/abi/latency.h"
#include "bpf/abi/state.h"
#include "user/config/model.h"

struct datapath;

/* One line that says what failed, why, and what to do about it */
struct datapath_error {
	char text[512];
};

/*
 * Locks the pins (-EBUSY: another daemon has them), mounts a bpffs where there is none, adopts what is
 * pinned or makes it, and loads the limiter's programs. Attaches nothing. On failure nothing new is left behind.
 */
int datapath_open(const struct config *config, struct datapath **out, struct datapath_error *error);

/* Were these pins made by an earlier daemon? */
bool datapath_adopted(const struct datapath *datapath);

/* Are the pins still where the next daemon looks for them? If not, what is enforced ends with this process. */
bool datapath_is_pinned(const struct datapath *datapath);

/* Ends this process's part; everything stays pinned and enforced. NULL is allowed. */
void datapath_close(struct datapath *datapath);

/*
 * Makes `config` what packets are judged by, all at once: fills the idle side, flips, waits readers
 * out. A failure changes nothing. Bucket levels, counters and bans are kept.
 */
int datapath_apply(struct datapath *datapath, const struct config *config,
		   struct datapath_error *error);

/*
 * The same with its interfaces: attaches to those that are new, applies, lets go of those that are not
 * named any more. All or nothing: a failure (an interface that is not there: -ENODEV) leaves rules,
 * counters and attachments as they were, and at no moment an interface that was limited open. One that
 * was attached and is away just now is no failure. Until the rules apply, what a new interface lets
 * through is judged by the old ones and not counted.
 */
int datapath_change(struct datapath *datapath, const struct config *config,
		    struct datapath_error *error);

/*
 * Telemetry at the interfaces, as the configuration in force wants it: after datapath_change(), for limits do
 * not wait for it. What fails is said in the log and in struct datapath_link; nothing else depends on it. Also
 * lets go of all links that an earlier daemon left and this one has no use for.
 */
void datapath_follow(struct datapath *datapath);

/*
 * Looks at the interfaces again, after a link message or a timer: attaches where one came back,
 * notes where one went. Returns how many changed; *changed is a line for each, for the log.
 */
int datapath_watch(struct datapath *datapath, char *changed, size_t size);

/* Takes away everything: links, filters, pins. The datapath can only be closed after that. */
int datapath_detach(struct datapath *datapath, struct datapath_error *error);

/* The same without a daemon. How many things were removed, or -errno and a message (-EBUSY: a daemon runs). */
int datapath_detach_pins(const char *pins, char *error, size_t size);

const char *datapath_libbpf_version(void);

/* ------------------------------------------------------------------------------------------ bans */

struct datapath_ban {
	struct config_prefix prefix;
	uint64_t until_ns; /* CLOCK_MONOTONIC; ~0: no end */
	uint8_t origin;	   /* enum weir_ban_origin */
};

/*
 * In force when it returns. A prefix longer than a client is (an IPv6 address, where clients are
 * /64) is widened to the client; *prefix is then what was banned. 1: replaced an older ban, 0: new.
 */
int datapath_ban(struct datapath *datapath, struct datapath_ban *ban, struct datapath_error *error);
/* To what is said in datapath_ban() */
void datapath_widen(const struct datapath *datapath, struct config_prefix *prefix);
/*
 * From here to datapath_settle_bans() bans and unbans are only noted, and none of them is in force: to resolve many one by one
 * costs their square.
 */
void datapath_hold_bans(struct datapath *datapath);
int datapath_settle_bans(struct datapath *datapath, struct datapath_error *error);
/* -ENOENT: no such ban */
int datapath_unban(struct datapath *datapath, struct config_prefix *prefix,
		   struct datapath_error *error);
/* The bans, borrowed until the next call of any ban function; returns how many. */
size_t datapath_bans(struct datapath *datapath, const struct datapath_ban **bans);
/* Lifts what has ended; the kernel ignores it already. Returns how many. */
int datapath_expire_bans(struct datapath *datapath, uint64_t now_ns);

/* -------------------------------------------------------------------------------------- figures */

/* Names and numbers: counters, clients and events speak in the numbers of this. Borrowed, live. */
const struct weir_state *datapath_names(const struct datapath *datapath);
uint64_t datapath_epoch(const struct datapath *datapath);
/* Successful datapath_apply() calls in the life of the pins */
uint32_t datapath_generation(const struct datapath *datapath);
uint64_t datapath_bans_total(const struct datapath *datapath, enum weir_ban_origin origin);

/* The table, read-only and live: entries change under the reader. */
struct datapath_table {
	const struct weir_client_set *set;
	uint32_t sets;
};
struct datapath_table datapath_table(const struct datapath *datapath);

/* The side packets are judged by now. Borrowed until the next datapath_apply(). */
const struct weir_side *datapath_side(const struct datapath *datapath);

/* Sums over all CPUs into *out. -errno of the system call. */
int datapath_series(struct datapath *datapath, uint32_t series, struct weir_series *out);
int datapath_totals(struct datapath *datapath, struct weir_totals *out);

/* ------------------------------------------------------------------------------- latency, flows */

/* An address of an endpoint. upstream, endpoint: indices in the configuration that was applied */
struct datapath_address {
	uint16_t upstream, endpoint;
	uint8_t addr[16]; /* wire order; IPv4 as ::ffff:a.b.c.d */
};
/*
 * Makes these the addresses of all endpoints, in place of those before. One that two endpoints
 * claim goes to the first. -ENOSPC: more than WEIR_ADDRESSES; nothing is changed then.
 */
int datapath_addresses(struct datapath *datapath, const struct datapath_address *address,
		       size_t count, struct datapath_error *error);
/*
 * Those that the kernel has for the endpoints of the applied configuration, at most `size`; returns how many.
 * After an adoption they are what an earlier daemon found, for a name that does not resolve just now.
 */
size_t datapath_addresses_held(const struct datapath *datapath, struct datapath_address *out,
			       size_t size);

/* Sums over all CPUs. -errno of the system call. owner: number of the service, or upstream */
int datapath_histogram(struct datapath *datapath, enum weir_latency latency, uint32_t owner,
		       struct weir_histogram *out);
int datapath_calls(struct datapath *datapath, uint32_t endpoint, struct weir_calls *out);
int datapath_flow_sums(struct datapath *datapath, struct weir_flow_sums *out);

/* The flow table, live. Writable for one purpose: to take `since` of a call that timed out. */
struct datapath_flows {
	struct weir_flow_set *set;
	uint32_t sets;
	struct weir_late *late; /* by number of the endpoint; written by the scan alone */
};
struct datapath_flows datapath_flows(const struct datapath *datapath);

struct datapath_link {
	char interface[IFNAMSIZ];
	uint32_t number;  /* as in weir_state */
	uint32_t ifindex; /* 0: the interface is not there */
	bool attached;
	char mode[16]; /* native, generic, tcx, tc; "absent" */
	char hook[16]; /* xdp, tc_ingress */
	uint32_t prog_id;
	bool followed;	       /* both flow programs are there */
	char flow_mode[2][16]; /* of the one at TC ingress, and egress: tcx, tc; "absent" */
	char flow_error[160];  /* why they are not, where they should be; "" */
};
size_t datapath_links(struct datapath *datapath, struct datapath_link out[WEIR_INTERFACES]);

struct datapath_program {
	char name[16];
	uint32_t id;
	char tag[17];
	uint64_t run_count, run_time_ns; /* 0 where bpf_stats is off */
	uint32_t verified_insns;
};
/*
 * which: 0 XDP, 1 TC; telemetry: 2 flow in, 3 flow out. -ENOENT: not loaded: not wanted, or the
 * kernel refuses it
 */
int datapath_program(struct datapath *datapath, int which, struct datapath_program *out);
/* For BPF_PROG_TEST_RUN in tests and benchmarks; loads those of telemetry if nothing has yet */
int datapath_program_fd(struct datapath *datapath, int which);

struct datapath_map {
	char name[16];
	uint64_t capacity;
	uint64_t memory_bytes;
};
size_t datapath_maps(struct datapath *datapath, struct datapath_map *out, size_t size);

/* A descriptor to poll; then datapath_events() hands each event over. Returns how many, or -errno. */
int datapath_events_fd(struct datapath *datapath);
int datapath_events(struct datapath *datapath,
		    void (*handle)(void *context, const struct weir_event *event), void *context);

/* -------------------------------------------------------------------------------------- breakers */

/*
 * What TC egress enforces, by number of the endpoint. Writable and live: `word` and `until_ns` are the daemon's,
 * who writes until_ns first (a word with a new epoch then speaks of the new time); the kernel takes permits from
 * `word` by compare-and-swap and writes `streak`. An endpoint whose number goes to another name begins with zeros: closed.
 */
struct datapath_breakers {
	struct weir_breaker *at; /* WEIR_ENDPOINTS of them */
};
struct datapath_breakers datapath_breakers(const struct datapath *datapath);

/* As datapath_events_fd() and datapath_events(), for what became of calls; those lost: weir_flow_sums.outcomes_lost */
int datapath_outcomes_fd(struct datapath *datapath);
int datapath_outcomes(struct datapath *datapath,
		      void (*handle)(void *context, const struct weir_outcome *outcome),
		      void *context);
