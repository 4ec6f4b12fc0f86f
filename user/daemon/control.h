/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The control thread's world: it alone touches the datapath. Others reach it through the queue of
 * commands, the published snapshot and the feed of events.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "user/daemon/breakers.h"
#include "user/daemon/cluster.h"
#include "user/daemon/config_watch.h"
#include "user/daemon/feed.h"
#include "user/daemon/gather.h"
#include "user/daemon/order_box.h"
#include "user/daemon/queue.h"
#include "user/http/http.h"

struct control {
	struct gather gather; /* and in it datapath and configuration */
	struct config *config;
	char *socket; /* of the command line; NULL: as configured */
	struct queue *queue;
	struct feed *feed;
	struct order_box *orders; /* on their way to and from the cluster thread */
	struct http *http;
	struct config_watch *watch; /* borrowed; NULL: nobody watches the file */
	bool addresses_refused;	    /* the latest of them: said once */
	bool resolve_behind;	    /* the names are those of an earlier configuration */
	pthread_mutex_t snapshot_lock;
	struct snapshot *snapshot; /* the latest */
	uint64_t last_snapshot_ns;
	atomic_bool started;
	bool stop;
	bool detached; /* by command: nothing is left to detach or keep */
};

/*
 * Loads, applies, attaches, listens, takes the first snapshot. seal: cluster_prepare()'s, taken. On failure says why in the log and leaves
 * nothing behind that was not there before.
 */
int control_start(struct config *config, struct seal *seal, const char *socket,
		  struct control **out);

/* Ends the listeners, detaches or leaves enforcement as configured, frees. */
int control_finish(struct control *control);

/* Each second: bans that end, a snapshot. */
void control_tick(struct control *control);
/* What has changed shows in the figures at once, not with the next tick only. */
void control_publish(struct control *control);
/* The breakers' timer, or results of probes */
void control_breakers(struct control *control, bool timer, bool probes);
void control_watch_links(struct control *control);
void control_read_events(struct control *control);
void control_serve(struct control *control);

/* Reads the file again and applies it, or keeps what was and says why (in the log and in *why, 512 bytes). */
int control_reload(struct control *control, char *why);

/* upstreams.c: the endpoints of the configuration that is applied, resolved and in the kernel */
int upstreams_start(struct control *control); /* -errno, and why in the log */
/* For the names, but not long: enforcement does not wait for them, and neither may the rest. */
void upstreams_wait(struct control *control);
/* After another configuration was applied: the set changes at once, new names get their addresses in a moment. */
void upstreams_change(struct control *control);
void upstreams_take(struct control *control); /* addresses have changed */
void upstreams_tick(struct control *control);

/* commands.c: what the admin API can ask for; runs on the control thread */
int control_command(void *context, const char *name, const json_t *arguments, json_t **reply);
