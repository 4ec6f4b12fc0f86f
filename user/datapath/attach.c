// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One interface: XDP native or generic, tcx, or clsact before Linux 6.6; pinned, adopted, changed over. */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/datapath/internal.h"

/* From linux/bpf.h of 6.6, which Debian 12 does not have yet */
#define TCX_INGRESS ((enum bpf_attach_type)46)

/* The clsact filter is ours by these. */
#define CLSACT_HANDLE 1
#define CLSACT_PRIORITY 0x7765 /* "we" */

uint32_t attach_ifindex(const char *interface)
{
	return if_nametoindex(interface);
}

static void link_path(const struct datapath *datapath, const char *interface, bool xdp,
		      char out[PIN_PATH_MAX])
{
	char name[IFNAMSIZ + 16];

	snprintf(name, sizeof(name), "link_%s_%s", interface, xdp ? "xdp" : "tc");
	pin_path(datapath, name, out);
}

/* Does the device carry Ethernet frames? Others (tunnels without link header) are not parsed. */
static bool is_ethernet(const char *interface)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request))
		return true; /* let the kernel say */
	return request.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
	       request.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
}

/* ----------------------------------------------------------------------------------- one hook */

/* Who sits in the XDP slot, for the message */
static void name_occupant(uint32_t ifindex, char *out, size_t size)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info), id = 0;
	_cleanup_close_ int fd = -1;

	snprintf(out, size, "another program");
	if (bpf_xdp_query_id((int)ifindex, 0, &id) || !id)
		return;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &length))
		snprintf(out, size, "the program %s (id %u)", info.name, id);
	else
		snprintf(out, size, "the program with id %u", id);
}

static int link_xdp(struct datapath *datapath, uint32_t ifindex, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int fd = bpf_link_create(datapath->program[PROGRAM_XDP], (int)ifindex, BPF_XDP, &options);

	return fd < 0 ? -errno : fd;
}

static int link_tcx(struct datapath *datapath, uint32_t ifindex)
{
	int fd = bpf_link_create(datapath->program[PROGRAM_TC], (int)ifindex, TCX_INGRESS, NULL);

	return fd < 0 ? -errno : fd;
}

static int filter_clsact(struct datapath *datapath, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY,
		    .prog_fd = datapath->program[PROGRAM_TC], .flags = BPF_TC_F_REPLACE);
	int result = bpf_tc_hook_create(&hook);

	if (result && result != -EEXIST)
		return result;
	return bpf_tc_attach(&hook, &filter);
}

static void unfilter_clsact(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);

	bpf_tc_detach(&hook, &filter);
}

void attach_unfilter(const char *interface)
{
	uint32_t ifindex = attach_ifindex(interface);

	if (ifindex)
		unfilter_clsact(ifindex);
}

/* ------------------------------------------------------------------------------ one interface */

static int attach_tc(struct datapath *datapath, struct attachment *at, uint32_t ifindex,
		     struct datapath_error *error)
{
	int fd = link_tcx(datapath, ifindex);

	if (fd >= 0) {
		at->hook = HOOK_TCX;
		at->link = fd;
		return 0;
	}
	fd = filter_clsact(datapath, ifindex);
	if (fd)
		return fail(error, fd, "interfaces: %s: cannot attach to TC: %s", at->interface,
			    strerror(-fd));
	at->hook = HOOK_CLSACT;
	return 0;
}

/* XDP in the mode wanted; auto: native, else generic. -EBUSY: the slot is taken. */
static int attach_xdp(struct datapath *datapath, struct attachment *at, uint32_t ifindex)
{
	int fd = -EOPNOTSUPP;

	if (at->wanted != ATTACH_GENERIC)
		fd = link_xdp(datapath, ifindex, XDP_FLAGS_DRV_MODE);
	if (fd < 0 && fd != -EBUSY && fd != -EEXIST && at->wanted != ATTACH_NATIVE)
		fd = link_xdp(datapath, ifindex, XDP_FLAGS_SKB_MODE);
	if (fd < 0)
		return fd == -EEXIST ? -EBUSY : fd;
	at->hook = HOOK_XDP;
	at->link = fd;
	return 0;
}

static int pin_link(struct datapath *datapath, const struct attachment *at,
		    struct datapath_error *error)
{
	char path[PIN_PATH_MAX];

	if (at->link < 0)
		return 0;
	link_path(datapath, at->interface, at->hook == HOOK_XDP, path);
	unlink(path); /* of an interface of that name that is gone */
	if (bpf_obj_pin(at->link, path))
		return fail(error, -errno, "cannot pin %s: %s", path, strerror(errno));
	return 0;
}

void attach_let_go(struct datapath *datapath, struct attachment *at)
{
	char path[PIN_PATH_MAX];

	if (at->hook == HOOK_XDP || at->hook == HOOK_TCX) {
		link_path(datapath, at->interface, at->hook == HOOK_XDP, path);
		unlink(path);
	}
	if (at->hook == HOOK_CLSACT && at->ifindex)
		unfilter_clsact(at->ifindex);
	cleanup_close(&at->link);
	at->link = -1;
	at->ifindex = 0;
	at->hook = HOOK_NONE;
}

static int xdp_failed(const struct attachment *at, uint32_t ifindex, int result,
		      struct datapath_error *error)
{
	const char *what = at->wanted == ATTACH_NATIVE	  ? "native"
			   : at->wanted == ATTACH_GENERIC ? "generic"
							  : "native or generic";
	char occupant[64];

	if (result != -EBUSY)
		return fail(error, result, "interfaces: %s: cannot attach XDP (%s): %s",
			    at->interface, what, strerror(-result));
	name_occupant(ifindex, occupant, sizeof(occupant));
	return fail(error, result,
		    "interfaces: %s: the XDP slot is taken by %s; detach that, or use attach: "
		    "auto or tc",
		    at->interface, occupant);
}

/* auto falls to TC, and says why. */
static int attach_hook(struct datapath *datapath, struct attachment *at, uint32_t ifindex,
		       struct datapath_error *error)
{
	char occupant[64];
	int result;

	if (at->wanted == ATTACH_TC)
		return attach_tc(datapath, at, ifindex, error);
	result = attach_xdp(datapath, at, ifindex);
	if (result && at->wanted != ATTACH_AUTO)
		return xdp_failed(at, ifindex, result, error);
	if (!result)
		return 0;
	name_occupant(ifindex, occupant, sizeof(occupant));
	if (result == -EBUSY)
		log_warning("datapath", "%s: the XDP slot is taken by %s; attaching to TC instead",
			    at->interface, occupant);
	else
		log_warning("datapath", "%s: no XDP here (%s); attaching to TC instead",
			    at->interface, strerror(-result));
	return attach_tc(datapath, at, ifindex, error);
}

int attach_one(struct datapath *datapath, struct attachment *at, struct datapath_error *error)
{
	uint32_t ifindex = attach_ifindex(at->interface);
	int result;

	if (!ifindex)
		return fail(error, -ENODEV,
			    "interfaces: there is no interface %s; `ip link` lists them",
			    at->interface);
	if (!is_ethernet(at->interface))
		return fail(
			error, -EOPNOTSUPP,
			"interfaces: %s does not carry Ethernet frames; attach to the interface "
			"below it",
			at->interface);
	result = attach_hook(datapath, at, ifindex, error);
	if (!result)
		result = pin_link(datapath, at, error);
	at->ifindex = ifindex;
	if (result)
		attach_let_go(datapath, at);
	return result;
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

/* Takes over a pinned link and puts the program of today into it, under traffic. */
static int adopt_link(struct datapath *datapath, struct attachment *at, bool xdp)
{
	char path[PIN_PATH_MAX];
	_cleanup_close_ int fd = -1;
	uint32_t ifindex;

	link_path(datapath, at->interface, xdp, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -ENOENT;
	ifindex = link_ifindex(fd, xdp);
	if (!ifindex || ifindex != attach_ifindex(at->interface)) {
		unlink(path); /* the interface went away meanwhile, and the link with it */
		return -ENODEV;
	}
	if (bpf_link_update(fd, datapath->program[xdp ? PROGRAM_XDP : PROGRAM_TC], NULL))
		return -errno;
	at->link = steal_fd(&fd);
	at->ifindex = ifindex;
	at->hook = xdp ? HOOK_XDP : HOOK_TCX;
	return 0;
}

int attach_adopt(struct datapath *datapath, struct attachment *at)
{
	bool tc_first = at->wanted == ATTACH_TC;

	return adopt_link(datapath, at, !tc_first) ? adopt_link(datapath, at, tc_first) : 0;
}

/* Somebody may have forced the link off (bpftool link detach), or deleted the filter. */
bool attach_is_alive(const struct attachment *at)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)at->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);

	if (!at->ifindex)
		return false;
	if (at->hook == HOOK_CLSACT)
		return !bpf_tc_query(&hook, &filter);
	return link_ifindex(at->link, at->hook == HOOK_XDP) == at->ifindex;
}

const char *attach_mode(const struct attachment *at)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	switch (at->hook) {
	case HOOK_XDP:
		if (bpf_xdp_query((int)at->ifindex, 0, &query))
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

/* -------------------------------------------------------------------------------- another mode */

/* auto is content with what auto has once found. */
static bool fits(const struct attachment *at, enum config_attach wanted)
{
	switch (wanted) {
	case ATTACH_TC:
		return at->hook != HOOK_XDP;
	case ATTACH_AUTO:
		return at->wanted == ATTACH_AUTO || !strcmp(attach_mode(at), "native");
	default:
		return at->hook == HOOK_XDP &&
		       !strcmp(attach_mode(at), wanted == ATTACH_NATIVE ? "native" : "generic");
	}
}

int attach_change(struct datapath *datapath, struct attachment *at, enum config_attach wanted,
		  struct datapath_error *error)
{
	struct attachment next = *at, bridge = *at, old = *at;
	struct datapath_error again;
	int result;

	if (fits(at, wanted)) {
		at->wanted = wanted;
		return 0;
	}
	next.link = bridge.link = -1;
	next.wanted = wanted;
	bridge.wanted = ATTACH_TC;
	if (at->hook != HOOK_XDP || wanted == ATTACH_TC) { /* there is room for both */
		result = attach_one(datapath, &next, error);
		if (!result) {
			attach_let_go(datapath, at);
			*at = next;
		}
		return result;
	}
	result = attach_one(datapath, &bridge, error);
	if (result)
		return result;
	attach_let_go(datapath, at);
	result = attach_one(datapath, &next, error);
	if (result && !attach_one(datapath, &old, &again))
		next = old;
	else if (result) {
		*at = bridge;
		at->wanted = old.wanted;
		return result;
	}
	attach_let_go(datapath, &bridge);
	*at = next;
	return result;
}
