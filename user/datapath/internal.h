/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of this folder share; nobody else includes it. */
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <limits.h>

#include "user/datapath/datapath.h"
#include "user/datapath/prefixes.h"

#define PIN_PATH_MAX (PATH_MAX + 64)

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

/* How an interface is attached. Pinned as link_INTERFACE_xdp or link_INTERFACE_tc; clsact has no link. */
struct attachment {
	char interface[IFNAMSIZ];
	enum config_attach wanted;
	uint32_t ifindex; /* when it was attached; 0: not attached */
	int link;	  /* descriptor, -1: none (absent, or clsact) */
	enum { HOOK_NONE, HOOK_XDP, HOOK_TCX, HOOK_CLSACT } hook;
	enum config_attach before; /* what was wanted before the running interfaces_attach() */
	bool fresh;		   /* made by it, to be taken back if it fails */
	uint32_t refused;	   /* the ifindex it could not be attached to again: said once */
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
	const struct weir_client_set *clients;
	struct weir_flow_set *flows;
	struct weir_late *late; /* WEIR_ENDPOINTS of them */

	struct config *config;		/* as applied */
	struct prefix_list prefixes[2]; /* what each trie holds */
	bool prefixes_known[2];
	struct datapath_ban *bans;
	size_t ban_count;
	uint64_t bans_total[WEIR_BAN_ORIGINS];

	struct attachment attachment[2 * WEIR_INTERFACES]; /* new ones come before old ones go */
	size_t attachments;
	struct ring_buffer *ring;
	void (*on_event)(void *context, const struct weir_event *event);
	void *on_event_context;
};

__attribute__((format(printf, 3, 4))) int fail(struct datapath_error *error, int code,
					       const char *format, ...);

void pin_path(const struct datapath *datapath, const char *name, char out[PIN_PATH_MAX]);

/* pins.c: the directory */
int pins_open(const char *pins, int *out, struct datapath_error *error);
int pins_count_links(const char *pins);
int pins_remove_all(const char *pins);

/* privileges.c: -EPERM, and which capabilities are missing */
int privileges_check(struct datapath_error *error);

/* load.c */
int load_programs(struct datapath *datapath, const struct config *config,
		  struct datapath_error *error);
void load_close(struct datapath *datapath);

/* apply.c */
int apply_prefixes(struct datapath *datapath, const struct config *config,
		   const struct numbers *numbers, int side, struct datapath_error *error);
void bump_epoch(struct datapath *datapath, int side);
int apply_again(struct datapath *datapath, struct datapath_error *error);

/* bans.c */
int bans_adopt(struct datapath *datapath, struct datapath_error *error);

/* attach.c: one interface. On failure the attachment is as it was. */
uint32_t attach_ifindex(const char *interface);
void attach_unfilter(const char *interface);
int attach_one(struct datapath *datapath, struct attachment *at, struct datapath_error *error);
void attach_let_go(struct datapath *datapath, struct attachment *at);
/* Takes over a pinned link, in whatever mode, and puts the program of today into it, under traffic. */
int attach_adopt(struct datapath *datapath, struct attachment *at);
bool attach_is_alive(const struct attachment *at);
const char *attach_mode(const struct attachment *at);
/*
 * Another mode, without a gap: where the XDP slot must be emptied first, TC holds the limits meanwhile.
 * A packet may be charged by both for these milliseconds; none passes by neither.
 */
int attach_change(struct datapath *datapath, struct attachment *at, enum config_attach wanted,
		  struct datapath_error *error);

/* interfaces.c: all of them */
int interfaces_attach(struct datapath *datapath, const struct config *config,
		      struct datapath_error *error);
/* Undoes the last interfaces_attach(). */
void interfaces_take_back(struct datapath *datapath);
/* Lets go of what the configuration does not name. */
void interfaces_release(struct datapath *datapath, const struct config *config);
void interfaces_close(struct datapath *datapath);
