// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each interface, by what its driver can and who else is there */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/doctor/judge.h"

/* What a page holds beside headroom and the end of an skb; drivers differ by some bytes */
#define PAGE_MTU 3498
#define DISPATCHER "xdp_dispatcher" /* of libxdp */

static bool may_be_native(const struct facts_interface *interface)
{
	return interface->wanted == ATTACH_AUTO || interface->wanted == ATTACH_NATIVE;
}

void judge_link(const struct facts *facts, const struct facts_interface *interface,
		struct report_check *out)
{
	if (!interface->there) {
		report_say(out, REPORT_FAIL, "there is no interface %s", interface->name);
		report_fix(out,
			   "`ip link` lists them; name another under `interfaces`, or with -i");
	} else if (!interface->ethernet) {
		report_say(out, REPORT_FAIL, "%s does not carry Ethernet frames", interface->name);
		report_fix(out, "attach to the interface below it");
	} else if (!interface->up) {
		report_say(out, REPORT_WARN, "it is down: nothing comes in");
		report_fix(out, "ip link set %s up", interface->name);
	} else {
		report_say(out, REPORT_OK, "it is up, MTU %u%s%s", interface->mtu,
			   interface->driver[0] ? ", driver " : "", interface->driver);
	}
}

void judge_xdp(const struct facts *facts, const struct facts_interface *interface,
	       struct report_check *out)
{
	const char *driver = interface->driver[0] ? interface->driver : "its driver";

	if (!may_be_native(interface)) {
		report_say(out, REPORT_OK, "not used: attach is %s",
			   interface->wanted == ATTACH_TC ? "tc" : "generic");
	} else if (interface->xdp) {
		report_say(
			out, REPORT_SKIP,
			"this kernel does not tell what %s can (6.3 and later do); it shows when it "
			"is attached",
			driver);
	} else if (interface->xdp_features & XDP_FEATURE_BASIC) {
		report_say(out, REPORT_OK, "%s has XDP", driver);
	} else if (interface->wanted == ATTACH_NATIVE) {
		report_say(out, REPORT_FAIL, "attach is native, and %s has no XDP now", driver);
		report_fix(out, "attach: auto");
	} else {
		report_say(
			out, REPORT_WARN,
			"%s has no XDP now: Weir goes to XDP in the stack, where a dropped packet "
			"costs more",
			driver);
		report_fix(out,
			   "if there is an interface below it whose driver has XDP, attach to that "
			   "one");
	}
}

/* "xdp_pass (id 7)" */
static const char *name_program(const struct inspect_program *program, char *out, size_t size)
{
	if (program->name[0])
		snprintf(out, size, "%s (id %u)", program->name, program->id);
	else
		snprintf(out, size, "a program (id %u)", program->id);
	return out;
}

/* Another's that runs before ours, which is among them; NULL: none */
static const struct inspect_program *goes_before(const struct inspect_attached *attached)
{
	for (size_t i = attached->tcxs; i-- > 1;)
		if (attached->tcx[i].ours && !attached->tcx[i - 1].ours)
			return &attached->tcx[i - 1];
	return NULL;
}

static void judge_slot(const struct facts_interface *interface, const char *who,
		       struct report_check *out)
{
	bool dispatcher = !strcmp(interface->attached.xdp.name, DISPATCHER);

	if (interface->wanted == ATTACH_AUTO) {
		report_say(out, REPORT_WARN, "the XDP slot is taken by %s%s; Weir goes to TC", who,
			   dispatcher ? ", of libxdp" : "");
		report_fix(out, dispatcher
					? "`xdp-loader status` shows whose it is; unload that if "
					  "Weir should come first"
					: "`bpftool net` shows it; detach it if Weir should come "
					  "first");
	} else {
		report_say(out, REPORT_FAIL,
			   "the XDP slot is taken by %s, and attach leaves nothing else", who);
		report_fix(out, "detach that, or use attach: auto or tc");
	}
}

void judge_conflicts(const struct facts *facts, const struct facts_interface *interface,
		     struct report_check *out)
{
	const struct inspect_attached *attached = &interface->attached;
	const struct inspect_program *before = goes_before(attached);
	char who[48];

	if (attached->found) {
		report_say(out, REPORT_SKIP, "its programs cannot be asked for: %s",
			   strerror(-attached->found));
	} else if (attached->xdp.id && !attached->xdp.ours && interface->wanted != ATTACH_TC) {
		judge_slot(interface, name_program(&attached->xdp, who, sizeof(who)), out);
	} else if (before) {
		report_say(out, REPORT_WARN,
			   "at TC %s runs before Weir: what it lets pass for good is not limited",
			   name_program(before, who, sizeof(who)));
		report_fix(out,
			   "attach that program behind Weir; a restart of Weir goes first again");
	} else if (attached->xdp.id && attached->xdp.ours) {
		report_say(out, REPORT_OK, "Weir has the XDP slot%s",
			   attached->generic ? ", in the stack" : "");
	} else {
		report_say(out, REPORT_OK, "no other program is in the way");
	}
}

void judge_frames(const struct facts *facts, const struct facts_interface *interface,
		  struct report_check *out)
{
	if (!may_be_native(interface) || interface->xdp ||
	    !(interface->xdp_features & XDP_FEATURE_BASIC) || interface->mtu <= PAGE_MTU)
		return;
	if (interface->xdp_features & XDP_FEATURE_FRAGMENTS) {
		report_say(out, REPORT_OK, "an MTU of %u passes XDP in several buffers",
			   interface->mtu);
		return;
	}
	report_say(out, interface->wanted == ATTACH_NATIVE ? REPORT_FAIL : REPORT_WARN,
		   "an MTU of %u does not fit a page, and XDP in the driver takes no more",
		   interface->mtu);
	report_fix(out, "ip link set %s mtu %d, or attach: generic or tc", interface->name,
		   PAGE_MTU);
}

void judge_offloads(const struct facts *facts, const struct facts_interface *interface,
		    struct report_check *out)
{
	if (!interface->lro) {
		report_say(out, REPORT_OK, "none is in the way");
		return;
	}
	report_say(out, REPORT_WARN,
		   "LRO is on: drivers refuse XDP with it, and it makes one packet of many before "
		   "they are counted");
	report_fix(out, "ethtool -K %s lro off", interface->name);
}

void judge_queues(const struct facts *facts, const struct facts_interface *interface,
		  struct report_check *out)
{
	uint32_t processors = (uint32_t)facts->kernel.processors;
	uint32_t could = interface->queues_max < processors ? interface->queues_max : processors;

	/* A veth has no queue that waits for a processor: who sends does the work */
	if (!interface->queues || !strcmp(interface->driver, "veth"))
		return;
	if (interface->queues > 1 || could <= 1) {
		report_say(out, REPORT_OK, "%u to receive, %u processors", interface->queues,
			   processors);
		return;
	}
	report_say(out, REPORT_WARN,
		   "one queue to receive: one of %u processors judges all packets", processors);
	report_fix(out, "ethtool -L %s combined %u (or rx %u)", interface->name, could, could);
}

static bool any_reject(const struct config *config)
{
	for (size_t i = 0; i < config->services; i++)
		if (config->service[i].reject)
			return true;
	return false;
}

void judge_reject(const struct facts *facts, const struct facts_interface *interface,
		  struct report_check *out)
{
	if (strcmp(interface->driver, "veth") || !may_be_native(interface) || interface->xdp ||
	    !(interface->xdp_features & XDP_FEATURE_BASIC) || !any_reject(facts->config))
		return;
	if (interface->xdp_features & XDP_FEATURE_TRANSMIT) {
		report_say(out, REPORT_OK, "the other end of the veth takes a RST");
		return;
	}
	report_say(out, REPORT_WARN,
		   "the other end of the veth takes no RST from XDP: callers over their limit time "
		   "out, though on_limit is reject");
	report_fix(out, "at the other end: ethtool -K PEER gro on; or attach: tc");
}

static bool is_named(const struct facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->interfaces; i++)
		if (*name && !strcmp(facts->interface[i].name, name))
			return true;
	return false;
}

void judge_twice(const struct facts *facts, const struct facts_interface *interface,
		 struct report_check *out)
{
	const char *other = is_named(facts, interface->above)	? interface->above
			    : is_named(facts, interface->below) ? interface->below
								: NULL;

	if (!interface->above[0] && !interface->below[0])
		return;
	if (!other) {
		report_say(out, REPORT_OK, "no other of the interfaces sees its packets");
		return;
	}
	report_say(out, REPORT_WARN, "what comes in here passes %s as well: it is charged twice",
		   other);
	report_fix(out, "leave one of %s and %s out of `interfaces`", interface->name, other);
}
