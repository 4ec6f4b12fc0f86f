/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One question to the kernel by netlink, and its answers. Needs no privileges. */
#pragma once

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#define NETLINK_REQUEST_BYTES 256

struct netlink_request {
	struct nlmsghdr header;
	char payload[NETLINK_REQUEST_BYTES];
};

/* A request of this type with `payload` after the header; flags beside NLM_F_REQUEST. It must fit. */
void netlink_request(struct netlink_request *out, uint16_t type, uint16_t flags,
		     const void *payload, size_t length);
void netlink_attribute(struct netlink_request *request, uint16_t type, const void *value,
		       size_t length);

/* family: NETLINK_ROUTE, NETLINK_GENERIC. Calls each() with every message of the answer. 0 or -errno. */
typedef void netlink_each(const struct nlmsghdr *message, void *context);
int netlink_ask(int family, struct netlink_request *request, netlink_each *each, void *context);

/* The attribute of this type behind a header of `skip` bytes; NULL: none. *length: of its value. */
const void *netlink_find(const struct nlmsghdr *message, size_t skip, uint16_t type,
			 size_t *length);
