/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an operator orders for the whole cluster. To lift something is an order as well, about the same subject: of all orders about one
 * the latest holds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/config/model.h"

/* X(NAME, word, has an end). The words are in Redis: other versions of Weir read them */
#define ORDER_KINDS(X)           \
	X(BAN, "ban", true)      \
	X(UNBAN, "unban", false) \
	X(OPEN, "open", true)    \
	X(CLOSE, "close", true)  \
	X(AUTO, "auto", false)   \
	X(RESET, "reset", false)

enum order_kind {
#define X(name, word, ends) ORDER_##name,
	ORDER_KINDS(X)
#undef X
		ORDER_KIND_COUNT,
};

#define ORDER_NODE 64 /* bytes of a node's name, cut to fit, with its terminating zero */

/* Times are of this node's CLOCK_MONOTONIC */
struct order {
	enum order_kind kind;
	struct config_prefix prefix;	   /* of ban and unban, as datapath_widen() makes it */
	char upstream[WEIR_NAME];	   /* of the rest */
	char endpoint[WEIR_ENDPOINT_NAME]; /* "": all of the upstream */
	uint64_t given_ns;		   /* 1: before this node started */
	uint64_t until_ns;		   /* 0: no end */
	char node[ORDER_NODE];		   /* where it was given */
};

const char *order_word(enum order_kind kind);
/* May it have an end? What may not lifts something, or is done at once. */
bool order_may_end(enum order_kind kind);

/* What it is about: "203.0.113.0/24", "api", "api/10.1.2.3:8443". Returns buffer. */
#define ORDER_SUBJECT 128 /* bytes of buffer that always suffice */
const char *order_subject(const struct order *order, char buffer[ORDER_SUBJECT]);

/*
 * As text, without its times, but for whether it has an end. From malloc; NULL without memory. Reading gives given_ns and
 * until_ns as 0. -EBADMSG: no order that this version knows.
 */
char *order_write(const struct order *order);
int order_read(const char *text, struct order *out, bool *ends);
