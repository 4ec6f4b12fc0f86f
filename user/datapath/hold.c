// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One program at one place of an interface: XDP, tcx, or clsact before Linux 6.6; pinned and adopted. */
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/datapath/internal.h"

/* From linux/bpf.h of 6.6, which Debian 12 does not have yet */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS ((enum bpf_attach_type)47)
#define TCX_BEFORE (1U << 3)
#define TCX_AFTER (1U << 4)
#define TCX_RELATIVE_TO_LINK (1U << 13)

/*
 * Where each program sits. The clsact filters are ours by handle and priority; the lower priority
 * goes first, so the limiter does, and what it drops is not followed.
 */
#define CLSACT_HANDLE 1
static const struct place {
	const char *pin; /* link_INTERFACE_PIN */
	enum bpf_attach_type tcx;
	enum bpf_tc_attach_point clsact;
	uint32_t priority;
} places[PROGRAM_COUNT] = {
	[PROGRAM_XDP] = {.pin = "xdp"},
	[PROGRAM_TC] = {"tc", TCX_INGRESS, BPF_TC_INGRESS, 0x7765 /* "we" */},
	[PROGRAM_FLOW_IN] = {"flow_in", TCX_INGRESS, BPF_TC_INGRESS, 0x7766},
	[PROGRAM_FLOW_OUT] = {"flow_out", TCX_EGRESS, BPF_TC_EGRESS, 0x7767},
};

void hold_pin_name(const char *interface, enum program_index program, char out[PIN_NAME_MAX])
{
	snprintf(out, PIN_NAME_MAX, "link_%s_%s", interface, places[program].pin);
}

static void link_path(const struct datapath *datapath, const char *interface,
		      enum program_index program, char out[PIN_PATH_MAX])
{
	char name[PIN_NAME_MAX];

	hold_pin_name(interface, program, name);
	pin_path(datapath, name, out);
}

/* ------------------------------------------------------------------------------------- clsact */

static int filter(struct datapath *datapath, enum program_index program, uint32_t ifindex)
{
	const struct place *place = &places[program];
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = place->clsact);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = CLSACT_HANDLE, .priority = place->priority,
		    .prog_fd = datapath->program[program], .flags = BPF_TC_F_REPLACE);
	int result = bpf_tc_hook_create(&hook);

	if (result && result != -EEXIST)
		return result;
	return bpf_tc_attach(&hook, &options);
}

static void unfilter(enum program_index program, uint32_t ifindex)
{
	const struct place *place = &places[program];
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = place->clsact);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = CLSACT_HANDLE, .priority = place->priority);

	bpf_tc_detach(&hook, &options);
}

static bool is_filtered(enum program_index program, enum bpf_tc_attach_point point,
			uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = CLSACT_HANDLE,
		    .priority = places[program].priority);

	return !bpf_tc_query(&hook, &options);
}

/* An old `ingress` qdisc sits in the place of clsact, takes filters for egress, and runs them at ingress. */
static int filter_where_it_says(struct datapath *datapath, enum program_index program,
				uint32_t ifindex)
{
	int result = filter(datapath, program, ifindex);

	if (result || places[program].clsact == BPF_TC_INGRESS ||
	    !is_filtered(program, BPF_TC_INGRESS, ifindex))
		return result;
	unfilter(program, ifindex);
	return -EBUSY;
}

void hold_unfilter(uint32_t ifindex)
{
	for (int program = 0; program < PROGRAM_COUNT; program++)
		if (places[program].priority)
			unfilter(program, ifindex);
}

/* --------------------------------------------------------------------------------- one program */

int hold_xdp(struct datapath *datapath, uint32_t ifindex, uint32_t flags, struct hold *out)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int fd = bpf_link_create(datapath->program[PROGRAM_XDP], (int)ifindex, BPF_XDP, &options);

	if (fd < 0)
		return -errno;
	*out = (struct hold){PROGRAM_XDP, HOOK_XDP, ifindex, fd};
	return 0;
}

/*
 * First of all programs there, or next to `after`: another's that lets a packet pass for good would
 * hide it from those behind.
 */
static int link_tcx(struct datapath *datapath, enum program_index program, uint32_t ifindex,
		    const struct hold *after)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = TCX_BEFORE);
	int fd;

	if (after && after->hook == HOOK_TCX) {
		options.flags = TCX_AFTER | TCX_RELATIVE_TO_LINK;
		/* tcx.relative_fd has the same place in the union, unknown to older libraries */
		options.target_btf_id = (uint32_t)after->link;
	}
	fd = bpf_link_create(datapath->program[program], (int)ifindex, places[program].tcx,
			     &options);
	return fd < 0 ? -errno : fd;
}

int hold_tc(struct datapath *datapath, enum program_index program, uint32_t ifindex,
	    const struct hold *after, struct hold *out)
{
	int fd = link_tcx(datapath, program, ifindex, after), result;

	if (fd >= 0) {
		*out = (struct hold){program, HOOK_TCX, ifindex, fd};
		return 0;
	}
	result = filter_where_it_says(datapath, program, ifindex);
	if (result)
		return result;
	*out = (struct hold){program, HOOK_CLSACT, ifindex, -1};
	return 0;
}

int hold_pin(struct datapath *datapath, const char *interface, const struct hold *hold,
	     struct datapath_error *error)
{
	char path[PIN_PATH_MAX];

	if (hold->link < 0)
		return 0;
	link_path(datapath, interface, hold->program, path);
	unlink(path); /* of an interface of that name that is gone */
	if (bpf_obj_pin(hold->link, path))
		return fail(error, -errno, "cannot pin %s: %s", path, strerror(errno));
	return 0;
}

void hold_let_go(struct datapath *datapath, const char *interface, struct hold *hold)
{
	char path[PIN_PATH_MAX];

	if (hold->hook == HOOK_XDP || hold->hook == HOOK_TCX) {
		link_path(datapath, interface, hold->program, path);
		unlink(path);
	}
	if (hold->hook == HOOK_CLSACT)
		unfilter(hold->program, hold->ifindex);
	cleanup_close(&hold->link);
	*hold = HOLD_NOTHING;
}

/* ----------------------------------------------------------------------------------- adoption */

static uint32_t link_ifindex(int fd, bool xdp)
{
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return 0;
	/* tcx has the same place in the union, unknown to older headers */
	return xdp ? info.xdp.ifindex : *(const uint32_t *)&info.xdp;
}

int hold_adopt(struct datapath *datapath, const char *interface, enum program_index program,
	       struct hold *out)
{
	bool xdp = program == PROGRAM_XDP;
	char path[PIN_PATH_MAX];
	_cleanup_close_ int fd = -1;
	uint32_t ifindex;

	link_path(datapath, interface, program, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -ENOENT;
	ifindex = link_ifindex(fd, xdp);
	if (!ifindex || ifindex != attach_ifindex(interface)) {
		unlink(path); /* the interface went away meanwhile, and the link with it */
		return -ENODEV;
	}
	if (bpf_link_update(fd, datapath->program[program], NULL))
		return -errno;
	*out = (struct hold){program, xdp ? HOOK_XDP : HOOK_TCX, ifindex, steal_fd(&fd)};
	return 0;
}

/* Somebody may have forced the link off (bpftool link detach), or deleted the filter. */
bool hold_is_alive(const struct hold *hold)
{
	if (!hold->ifindex)
		return false;
	if (hold->hook == HOOK_CLSACT)
		return is_filtered(hold->program, places[hold->program].clsact, hold->ifindex);
	return link_ifindex(hold->link, hold->hook == HOOK_XDP) == hold->ifindex;
}

const char *hold_mode(const struct hold *hold)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	switch (hold->hook) {
	case HOOK_XDP:
		if (bpf_xdp_query((int)hold->ifindex, 0, &query))
			return "absent";
		return query.attach_mode == XDP_ATTACHED_SKB ? "generic" : "native";
	case HOOK_TCX:
		return "tcx";
	case HOOK_CLSACT:
		return "tc";
	default:
		return "absent";
	}
}

const char *hold_hook(const struct hold *hold)
{
	if (hold->hook == HOOK_XDP)
		return "xdp";
	return places[hold->program].clsact == BPF_TC_EGRESS ? "tc_egress" : "tc_ingress";
}
