// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Telemetry at the interfaces: both flow programs or none. Never a reason not to limit. */
#include <errno.h>
#include <string.h>

#include "user/base/log.h"
#include "user/datapath/internal.h"

static const enum program_index programs[2] = {PROGRAM_FLOW_IN, PROGRAM_FLOW_OUT};

void follow_let_go(struct datapath *datapath, struct attachment *at)
{
	for (int i = 0; i < 2; i++)
		hold_let_go(datapath, at->interface, &at->flow[i]);
}

bool follow_is_alive(const struct attachment *at)
{
	for (int i = 0; i < 2; i++)
		if (at->flow[i].ifindex != at->limiter.ifindex || !hold_is_alive(&at->flow[i]))
			return false;
	return true;
}

static int attach_flow(struct datapath *datapath, struct attachment *at, int i,
		       struct datapath_error *error)
{
	enum program_index program = programs[i];
	struct hold *hold = &at->flow[i];
	int result;

	if (hold->ifindex == at->limiter.ifindex && hold_is_alive(hold))
		return 0;
	hold_let_go(datapath, at->interface, hold);
	if (datapath->program[program] < 0)
		return fail(error, -ENOEXEC, "the kernel refuses the programs of telemetry");
	if (!hold_adopt(datapath, at->interface, program, hold))
		return 0;
	/* What the limiter drops is no flow of this host's. */
	result = hold_tc(datapath, program, at->limiter.ifindex,
			 program == PROGRAM_FLOW_IN ? &at->limiter : NULL, hold);
	if (result)
		return fail(error, result, "cannot attach telemetry to TC %s: %s",
			    program == PROGRAM_FLOW_IN ? "ingress" : "egress",
			    result == -EBUSY ? "a qdisc `ingress` is where `clsact` should be"
					     : strerror(-result));
	return hold_pin(datapath, at->interface, hold, error);
}

/* Says a refusal once for each interface that comes; it is tried again at each look. */
static void refused(struct attachment *at, const struct datapath_error *error)
{
	snprintf(at->flow_error, sizeof(at->flow_error), "%.159s", error->text);
	if (at->flow_refused != at->limiter.ifindex)
		log_warning("datapath", "%s: %s; limiting goes on without", at->interface,
			    error->text);
	at->flow_refused = at->limiter.ifindex;
}

void follow_one(struct datapath *datapath, struct attachment *at)
{
	struct datapath_error error;
	int result = 0;

	at->flow_error[0] = '\0';
	if (!datapath->follow || !at->limiter.ifindex) {
		at->flow_refused = 0;
		follow_let_go(datapath, at);
		return;
	}
	for (int i = 0; i < 2 && !result; i++)
		result = attach_flow(datapath, at, i, &error);
	if (result) {
		follow_let_go(datapath, at);
		refused(at, &error);
	} else {
		at->flow_refused = 0;
	}
}

void follow_all(struct datapath *datapath, bool follow)
{
	datapath->follow = follow;
	if (follow)
		load_flow_programs(datapath);
	for (size_t i = 0; i < datapath->attachments; i++)
		follow_one(datapath, &datapath->attachment[i]);
}

void follow_again(struct datapath *datapath, struct attachment *at)
{
	bool had = at->flow[0].ifindex && at->flow[0].ifindex == at->limiter.ifindex;
	bool lacked = at->flow_refused;

	if (!datapath->follow || (at->limiter.ifindex && follow_is_alive(at)))
		return;
	follow_one(datapath, at);
	if ((had || lacked) && follow_is_alive(at))
		log_warning("datapath", "%s: telemetry %sattached again", at->interface,
			    had ? "was detached by somebody else, " : "");
}
