/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What orders*.c share; nobody else includes it. Times in ms are of Redis' clock. */
#pragma once

#include "user/cluster/orders.h"

enum { ORDERS_KEYS = 4, ORDERS_FIXED = 4 }; /* KEYS of orders.lua, ARGV before the orders */

/* One in Redis that cannot be read here */
struct orders_unread {
	char name[SEAL_NAME]; /* as much of it as fits */
	int64_t expiry_ms;
};
#define ORDERS_UNREADS 1000 /* counted at most */

struct orders_entry {
	char name[SEAL_NAME]; /* in Redis */
	struct order order;
	int64_t given_ms, expiry_ms; /* 0: not known yet */
	int64_t after_ms;	     /* later than the order that it takes the place of */
	char *text;		     /* sealed, for these times; NULL: not yet */
	char *sent_text;	     /* of a command under way, no longer wanted */
	bool pending;		     /* to be told */
	bool sent;		     /* with the command under way */
	bool told;		     /* Redis had it once, or what is later */
	bool recalled;		     /* left by an earlier daemon */
	bool seen;		     /* since Redis is read from the first */
	bool gone;		     /* to be taken away */
};

struct orders {
	char *key[ORDERS_KEYS]; /* of orders.lua */
	char node[ORDER_NODE];
	struct seal *seal;
	/* By name up to `sorted`; what an answer brings comes behind until it has been read */
	struct orders_entry **entry;
	size_t count, sorted, room;
	uint64_t generation, base, cursor; /* as in orders.lua: what the book knows; 0: nothing */
	uint64_t whole;			   /* the generation that all was read of the last time */
	bool reading;			   /* from the first, in pages */
	bool lost; /* what is not seen until all is read has been lost in Redis, not lifted */
	int64_t redis_ms; /* Redis' clock, and this node's at the same time; 0: never */
	uint64_t redis_ns;
	uint64_t next_ns, tidied_ns;
	struct redis_command command;
	bool in_flight;
	struct orders_entry *batch[ORDERS_BATCH];
	size_t batched;
	size_t first; /* where the search for the next batch begins */
	const char *argument[ORDERS_KEYS + ORDERS_FIXED + 4 * ORDERS_BATCH];
	size_t length[ORDERS_KEYS + ORDERS_FIXED + 4 * ORDERS_BATCH];
	char known[3][24], number[ORDERS_BATCH][2][24];
	struct orders_unread unread[ORDERS_UNREADS];
	size_t unreads;
	bool full, bad_secret;
	bool said_unreadable, said_full, said_secret;
};

int64_t orders_ms_at(const struct orders *orders, uint64_t ns);
uint64_t orders_ns_at(const struct orders *orders, int64_t ms);

/* NULL: there is none. Only what is sorted. */
struct orders_entry *orders_find(const struct orders *orders, const char *name);
/* Behind the others, empty but for its name; NULL without memory */
struct orders_entry *orders_append(struct orders *orders, const char *name);
void orders_sort(struct orders *orders);
/* Where only the last one is not in its place */
void orders_place_last(struct orders *orders);
/* Takes away what is marked as gone. */
void orders_drop(struct orders *orders);
int orders_name(const struct orders *orders, const struct order *order, char out[SEAL_NAME]);
/* Other keys: all that is known here is to be told once more, under other names. */
int orders_rename(struct orders *orders);
/* Away for longer than what was lifted stays in Redis? With a margin of a minute for two clocks that do not run alike */
bool orders_was_away(const struct orders *orders, uint64_t now_ns);
/* The text is for other times, or another key. */
void orders_unseal(struct orders_entry *entry);
/* When it was given by Redis' clock, which is known by now */
void orders_date(const struct orders *orders, struct orders_entry *entry);
/* What it is sealed with, so that none of it can be changed */
#define ORDERS_WITH 96
const char *orders_with(const char *name, int64_t given_ms, int64_t expiry_ms,
			char out[ORDERS_WITH]);
/* No end, and so to be renewed in Redis: also what excepts an endpoint from an order for all of its upstream */
bool orders_is_lasting(const struct orders *orders, const struct orders_entry *entry);
