/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of this folder share; nobody else includes it. */
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <limits.h>

#include "bpf/abi/share.h"
#include "user/datapath/datapath.h"
#include "user/datapath/prefixes.h"

#define PIN_PATH_MAX (PATH_MAX + 64)
#define PIN_NAME_MAX (IFNAMSIZ + 16)

enum map_index {
	MAP_CLIENTS,
	MAP_CONTROL,
	MAP_CONFIG,
	MAP_STATE,
	MAP_PREFIX_0,
	MAP_PREFIX_1,
	MAP_BAN,
	MAP_DST_0,
	MAP_DST_1,
	MAP_GROUP,
	MAP_CHUNK,
	MAP_SERIES,
	MAP_TOTALS,
	MAP_EVENTS,
	MAP_FLOWS,
	MAP_ENDPOINTS,
	MAP_LATENCY,
	MAP_CALLS,
	MAP_LATE,
	MAP_FLOW_SUMS,
	MAP_BREAKER,
	MAP_OUTCOMES,
	MAP_SHARE,
	MAP_HOT,
	MAP_COUNT,
};
extern const char *const map_names[MAP_COUNT];

enum program_index {
	PROGRAM_XDP,
	PROGRAM_TC,
	PROGRAM_FLOW_IN,
	PROGRAM_FLOW_OUT,
	PROGRAM_COUNT,
};

/*
 * One program at one place of an interface. Which program says where: XDP, TC ingress or egress; and what its
 * link is pinned as: link_INTERFACE_xdp, _tc, _flow_in, _flow_out. clsact has no link.
 */
struct hold {
	enum program_index program;
	enum { HOOK_NONE, HOOK_XDP, HOOK_TCX, HOOK_CLSACT } hook;
	uint32_t ifindex; /* when it was attached; 0: holds nothing */
	int link;	  /* descriptor, -1: none (holds nothing, or clsact) */
};
#define HOLD_NOTHING ((struct hold){.link = -1})

/* An interface of ours */
struct attachment {
	char interface[IFNAMSIZ];
	enum config_attach wanted;
	struct hold limiter;
	struct hold flow[2];	   /* telemetry, in and out: both or none */
	enum config_attach before; /* what was wanted before the running interfaces_attach() */
	bool fresh;		   /* made by it, to be taken back if it fails */
	uint32_t refused;	   /* the ifindex it could not be attached to again: said once */
	uint32_t flow_refused;	   /* the same of telemetry, and why */
	char flow_error[160];
};

struct datapath {
	char *pins;
	int pins_fd; /* open and locked */
	int program[PROGRAM_COUNT];
	int map[MAP_COUNT];
	uint32_t sets;	    /* of the client table */
	uint32_t flow_sets; /* of the flow table */
	int cpus;
	bool adopted;	 /* pins of an earlier daemon */
	bool fresh_pins; /* nothing was attached yet: a failed start takes the pins away */

	struct weir_control *control;
	struct weir_side *side; /* two of them */
	struct weir_state *state;
	struct weir_client_set *clients;
	struct weir_group *groups; /* WEIR_GROUPS of them */
	struct weir_share *share;  /* WEIR_SHARES */
	struct weir_flow_set *flows;
	struct weir_late *late;	      /* WEIR_ENDPOINTS of them */
	struct weir_breaker *breaker; /* so many, too */

	struct shares *shares;		/* shares_internal.h */
	struct config *config;		/* as applied; written with the lock of shares held */
	struct prefix_list prefixes[2]; /* what each trie holds */
	bool prefixes_known[2];
	struct datapath_ban *bans;
	size_t ban_count;
	bool bans_held, bans_noted; /* resolved at the end of many, if there is any */
	uint64_t bans_total[WEIR_BAN_ORIGINS];

	struct attachment attachment[2 * WEIR_INTERFACES]; /* new ones come before old ones go */
	size_t attachments;
	bool follow;	 /* telemetry is wanted */
	bool flow_tried; /* its programs are loaded, or refused */
	struct ring_buffer *ring;
	void (*on_event)(void *context, const struct weir_event *event);
	void *on_event_context;
	struct ring_buffer *outcomes;
	void (*on_outcome)(void *context, const struct weir_outcome *outcome);
	void *on_outcome_context;
};

__attribute__((format(printf, 3, 4))) int fail(struct datapath_error *error, int code,
					       const char *format, ...);

void pin_path(const struct datapath *datapath, const char *name, char out[PIN_PATH_MAX]);

/* pins.c: the directory */
int pins_open(const char *pins, int *out, struct datapath_error *error);
int pins_count_links(const char *pins);
int pins_remove_all(const char *pins);
bool pins_on_bpffs(const char *path);

/* privileges.c: " CAP_BPF CAP_PERFMON", as many bytes; 0: none is missing */
#define PRIVILEGES_TEXT 64
size_t privileges_missing(char *missing, size_t size);
/* -EPERM, and which capabilities are missing */
int privileges_check(struct datapath_error *error);

/* load.c */
int load_programs(struct datapath *datapath, const struct config *config,
		  struct datapath_error *error);
/* The programs of telemetry, once. What fails is said in the log; then there are none. */
void load_flow_programs(struct datapath *datapath);
void load_close(struct datapath *datapath);
/* Loads all programs over tables of the smallest size, and lets go of them: nothing is pinned or attached. */
int load_try(struct datapath_error *error);
/* Of one entry; -errno */
int map_value_size(int fd);

/* apply.c */
int apply_prefixes(struct datapath *datapath, const struct config *config,
		   const struct numbers *numbers, int side, struct datapath_error *error);
void bump_epoch(struct datapath *datapath, int side);
int apply_again(struct datapath *datapath, struct datapath_error *error);

/* bans.c */
int bans_adopt(struct datapath *datapath, struct datapath_error *error);

/* hold.c: one program at one place. On failure *out is untouched. */
void hold_pin_name(const char *interface, enum program_index program, char out[PIN_NAME_MAX]);
int hold_xdp(struct datapath *datapath, uint32_t ifindex, uint32_t flags, struct hold *out);
/*
 * First of all programs there, or right behind `after` where that is at the same place (NULL: no matter).
 * -EBUSY: a qdisc `ingress` is where clsact should be
 */
int hold_tc(struct datapath *datapath, enum program_index program, uint32_t ifindex,
	    const struct hold *after, struct hold *out);
int hold_pin(struct datapath *datapath, const char *interface, const struct hold *hold,
	     struct datapath_error *error);
/* Takes over a pinned link and puts the program of today into it, under traffic. */
int hold_adopt(struct datapath *datapath, const char *interface, enum program_index program,
	       struct hold *out);
bool hold_is_alive(const struct hold *hold);
void hold_let_go(struct datapath *datapath, const char *interface, struct hold *hold);
const char *hold_mode(const struct hold *hold); /* native, generic, tcx, tc; "absent" */
const char *hold_hook(const struct hold *hold); /* xdp, tc_ingress, tc_egress */
/* The clsact filters of ours, whoever made them */
void hold_unfilter(uint32_t ifindex);

/* attach.c: the limiter at one interface. On failure the attachment is as it was. */
uint32_t attach_ifindex(const char *interface);
void attach_unfilter(const char *interface);
int attach_one(struct datapath *datapath, struct attachment *at, struct datapath_error *error);
/* Takes over a pinned link, in whatever mode. */
int attach_adopt(struct datapath *datapath, struct attachment *at);
/*
 * Another mode, without a gap: where the XDP slot must be emptied first, TC holds the limits meanwhile.
 * A packet may be charged by both for these milliseconds; none passes by neither.
 */
int attach_change(struct datapath *datapath, struct attachment *at, enum config_attach wanted,
		  struct datapath_error *error);

/*
 * follow.c: telemetry at the interfaces. What fails is said in the log, once, and in attachment.flow_error; the
 * limiter does not care.
 */
void follow_all(struct datapath *datapath, bool follow);
void follow_one(struct datapath *datapath, struct attachment *at);
/* Where it is wanted and not there any more, or not yet */
void follow_again(struct datapath *datapath, struct attachment *at);
bool follow_is_alive(const struct attachment *at);
void follow_let_go(struct datapath *datapath, struct attachment *at);

/* interfaces.c: all of them */
int interfaces_attach(struct datapath *datapath, const struct config *config,
		      struct datapath_error *error);
/* Undoes the last interfaces_attach(). */
void interfaces_take_back(struct datapath *datapath);
/* Lets go of what the configuration does not name. */
void interfaces_release(struct datapath *datapath, const struct config *config);
/* Links that are nobody's: of interfaces that an earlier daemon had, or of another hook */
void interfaces_remove_strays(struct datapath *datapath);
void interfaces_close(struct datapath *datapath);
