/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A view that is renewed at an interval: in place on a terminal, one below the other elsewhere, once with --once.
 * The commands say what it asks for and what it draws; --interval, --once, --json, keys and signals are
 * here.
 */
#pragma once

#include <stdbool.h>

#include "user/cli/client.h"
#include "user/cli/options.h"
#include "user/cli/page.h"

/* Answers to one question: the latest, and an earlier one to take the difference to */
struct watch_pair {
	struct client_reply before, now; /* before.json NULL: there is none yet */
};

struct watch {
	const struct cli_options *options;
	const char *command; /* name, for messages */
	bool two;	     /* --once needs two sets of figures: it waits for the second */
	void *context;

	/* New figures, or -errno and why in watch->error; then the old ones stay. */
	int (*fetch)(struct watch *watch, const struct page *page);
	/* A frame. notice: a line of its own that says what is wrong, or NULL. 0, or -errno and watch->error */
	int (*draw)(struct watch *watch, const struct page *page, const char *notice);
	/* A key was pressed, other than q. NULL: there are no others. */
	void (*key)(struct watch *watch, int key);
	/* What --json prints after a fetch */
	const struct client_reply *(*answer)(const struct watch *watch);
	/* Is the second set of figures there? Only if `two`. */
	bool (*complete)(const struct watch *watch);

	/* Filled by watch_run() */
	struct client *client;
	struct client_error error;
};

/* Returns the exit code; an error is printed. */
int watch_run(struct watch *watch);

/*
 * Takes *latest over. What was the latest becomes the earlier one, if it is really an earlier one: the daemon makes a
 * new set of figures each second only.
 */
void watch_keep(struct watch_pair *pair, struct client_reply *latest);
void watch_pair_free(struct watch_pair *pair);

/* For a list: as many lines as asked for by --limit, else as fit on the page */
size_t watch_limit(const struct watch *watch, const struct page *page);

/* Appends NAME=VALUE to the route; nothing where value is NULL. 0, or -errno and watch->error */
int watch_query(struct watch *watch, char *route, size_t size, const char *name, const char *value);

/* 0 if an answer says that flows are followed; else -ENODATA, and watch->error tells how to switch that on. */
int watch_telemetry(struct watch *watch, const json_t *answer);
