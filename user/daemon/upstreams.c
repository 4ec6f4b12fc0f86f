// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Between names and kernel: what resolves becomes what calls are counted by. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/daemon/control.h"

#define WAIT_MS 1000 /* of a start: name servers that answer do so within milliseconds */

void upstreams_take(struct control *control)
{
	_cleanup_free_ struct datapath_address *addresses = NULL;
	struct datapath_error error = {"out of memory"};
	ssize_t count = resolve_addresses(control->gather.resolve, &addresses);
	int result = (int)count;

	if (control->resolve_behind) /* these are endpoints of another configuration */
		return;
	if (count >= 0)
		result = datapath_addresses(control->gather.datapath, addresses, (size_t)count,
					    &error);
	if (result && !control->addresses_refused)
		log_error("upstreams", "%s; calls are counted by the addresses known before",
			  error.text);
	control->addresses_refused = result != 0;
}

int upstreams_start(struct control *control)
{
	struct gather *gather = &control->gather;
	_cleanup_free_ struct datapath_address *held = calloc(WEIR_ADDRESSES, sizeof(*held));
	size_t count;
	int result = -ENOMEM;

	gather->resolve = resolve_new();
	if (held && gather->resolve) {
		count = datapath_addresses_held(gather->datapath, held, WEIR_ADDRESSES);
		result = resolve_configure(gather->resolve, control->config, held, count);
	}
	if (result)
		log_error("upstreams", "cannot resolve names: %s", strerror(-result));
	return result;
}

void upstreams_wait(struct control *control)
{
	resolve_wait(control->gather.resolve, WAIT_MS);
	upstreams_take(control);
}

/* Where memory or a thread is missing it is tried again each second. */
void upstreams_change(struct control *control)
{
	int result = resolve_configure(control->gather.resolve, control->config, NULL, 0);

	if (result && !control->resolve_behind)
		log_error("upstreams", "cannot resolve the names of the new configuration yet: %s",
			  strerror(-result));
	control->resolve_behind = result != 0;
	if (!result)
		upstreams_take(control);
}

void upstreams_tick(struct control *control)
{
	if (control->resolve_behind)
		upstreams_change(control);
}
