/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names of endpoints to addresses: at the start, after each reload, and every 30 s. getaddrinfo() blocks, so threads
 * of its own call it, a few of them: one name whose servers are silent does not hold up the others. A name that
 * stops resolving keeps the addresses it had, which the log says once, and once more when it resolves again.
 *
 * All functions are for the control thread.
 */
#pragma once

#include "user/config/model.h"
#include "user/datapath/datapath.h"

struct resolve;

struct resolve *resolve_new(void); /* NULL: no memory or descriptor */

/* Does not wait for a look-up that is under way. NULL is allowed. */
void resolve_free(struct resolve *resolve);

/*
 * From now on the endpoints of `config`; every name is looked up at once. A name that was there before keeps its
 * addresses until then, another begins with those in `held` (as of datapath_addresses_held()). -errno: no
 * memory, no thread; then all is as it was.
 */
int resolve_configure(struct resolve *resolve, struct config *config,
		      const struct datapath_address *held, size_t count);

/* Readable when addresses have changed since resolve_addresses(). */
int resolve_fd(const struct resolve *resolve);

/* Waits until every name has been looked up, but no longer than this. */
void resolve_wait(struct resolve *resolve, int timeout_ms);

/* The addresses of all endpoints into *out, for free(). Returns how many, or -ENOMEM. */
ssize_t resolve_addresses(struct resolve *resolve, struct datapath_address **out);

/*
 * Of an endpoint, by indices in the configuration: how many addresses it has (0: none known yet), and whether they
 * are older than the last look-up, which failed.
 */
void resolve_status(struct resolve *resolve, size_t upstream_index, size_t endpoint_index,
		    uint32_t *addresses, bool *stale);
