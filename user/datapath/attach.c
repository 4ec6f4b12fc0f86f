// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The limiter at one interface: XDP native or generic, or TC; adopted, changed over. */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/datapath/internal.h"

uint32_t attach_ifindex(const char *interface)
{
	return if_nametoindex(interface);
}

void attach_unfilter(const char *interface)
{
	uint32_t ifindex = attach_ifindex(interface);

	if (ifindex)
		hold_unfilter(ifindex);
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

/* ------------------------------------------------------------------------------ one interface */

static int attach_tc(struct datapath *datapath, const char *interface, uint32_t ifindex,
		     struct hold *out, struct datapath_error *error)
{
	int result = hold_tc(datapath, PROGRAM_TC, ifindex, NULL, out);

	return result ? fail(error, result, "interfaces: %s: cannot attach to TC: %s", interface,
			     strerror(-result))
		      : 0;
}

/* XDP in the mode wanted; auto: native, else generic. -EBUSY: the slot is taken. */
static int attach_xdp(struct datapath *datapath, enum config_attach wanted, uint32_t ifindex,
		      struct hold *out)
{
	int result = -EOPNOTSUPP;

	if (wanted != ATTACH_GENERIC)
		result = hold_xdp(datapath, ifindex, XDP_FLAGS_DRV_MODE, out);
	if (result && result != -EBUSY && result != -EEXIST && wanted != ATTACH_NATIVE)
		result = hold_xdp(datapath, ifindex, XDP_FLAGS_SKB_MODE, out);
	return result == -EEXIST ? -EBUSY : result;
}

static int xdp_failed(const char *interface, enum config_attach wanted, uint32_t ifindex,
		      int result, struct datapath_error *error)
{
	const char *what = wanted == ATTACH_NATIVE    ? "native"
			   : wanted == ATTACH_GENERIC ? "generic"
						      : "native or generic";
	char occupant[64];

	if (result != -EBUSY)
		return fail(error, result, "interfaces: %s: cannot attach XDP (%s): %s", interface,
			    what, strerror(-result));
	name_occupant(ifindex, occupant, sizeof(occupant));
	return fail(error, result,
		    "interfaces: %s: the XDP slot is taken by %s; detach that, or use attach: "
		    "auto or tc",
		    interface, occupant);
}

/* auto falls to TC, and says why. */
static int attach_hook(struct datapath *datapath, const char *interface, enum config_attach wanted,
		       uint32_t ifindex, struct hold *out, struct datapath_error *error)
{
	char occupant[64];
	int result;

	if (wanted == ATTACH_TC)
		return attach_tc(datapath, interface, ifindex, out, error);
	result = attach_xdp(datapath, wanted, ifindex, out);
	if (result && wanted != ATTACH_AUTO)
		return xdp_failed(interface, wanted, ifindex, result, error);
	if (!result)
		return 0;
	name_occupant(ifindex, occupant, sizeof(occupant));
	if (result == -EBUSY)
		log_warning("datapath", "%s: the XDP slot is taken by %s; attaching to TC instead",
			    interface, occupant);
	else
		log_warning("datapath", "%s: no XDP here (%s); attaching to TC instead", interface,
			    strerror(-result));
	return attach_tc(datapath, interface, ifindex, out, error);
}

/* The limiter, attached and pinned; on failure *out is untouched. */
static int attach_limiter(struct datapath *datapath, const char *interface,
			  enum config_attach wanted, struct hold *out, struct datapath_error *error)
{
	uint32_t ifindex = attach_ifindex(interface);
	struct hold hold = HOLD_NOTHING;
	int result;

	if (!ifindex)
		return fail(error, -ENODEV,
			    "interfaces: there is no interface %s; `ip link` lists them",
			    interface);
	if (!is_ethernet(interface))
		return fail(
			error, -EOPNOTSUPP,
			"interfaces: %s does not carry Ethernet frames; attach to the interface "
			"below it",
			interface);
	result = attach_hook(datapath, interface, wanted, ifindex, &hold, error);
	if (!result)
		result = hold_pin(datapath, interface, &hold, error);
	if (result)
		hold_let_go(datapath, interface, &hold);
	else
		*out = hold;
	return result;
}

int attach_one(struct datapath *datapath, struct attachment *at, struct datapath_error *error)
{
	return attach_limiter(datapath, at->interface, at->wanted, &at->limiter, error);
}

int attach_adopt(struct datapath *datapath, struct attachment *at)
{
	bool tc_first = at->wanted == ATTACH_TC;
	enum program_index first = tc_first ? PROGRAM_TC : PROGRAM_XDP;
	enum program_index second = tc_first ? PROGRAM_XDP : PROGRAM_TC;

	return hold_adopt(datapath, at->interface, first, &at->limiter)
		       ? hold_adopt(datapath, at->interface, second, &at->limiter)
		       : 0;
}

/* -------------------------------------------------------------------------------- another mode */

/* auto is content with what auto has once found. */
static bool fits(const struct attachment *at, enum config_attach wanted)
{
	const char *mode = hold_mode(&at->limiter);

	switch (wanted) {
	case ATTACH_TC:
		return at->limiter.hook != HOOK_XDP;
	case ATTACH_AUTO:
		return at->wanted == ATTACH_AUTO || !strcmp(mode, "native");
	default:
		return at->limiter.hook == HOOK_XDP &&
		       !strcmp(mode, wanted == ATTACH_NATIVE ? "native" : "generic");
	}
}

/* XDP to XDP: the slot must be emptied first. */
static int change_over_tc(struct datapath *datapath, struct attachment *at,
			  enum config_attach wanted, struct datapath_error *error)
{
	struct hold next, bridge;
	struct datapath_error again;
	int result = attach_limiter(datapath, at->interface, ATTACH_TC, &bridge, error);

	if (result)
		return result;
	hold_let_go(datapath, at->interface, &at->limiter);
	result = attach_limiter(datapath, at->interface, wanted, &next, error);
	if (result && attach_limiter(datapath, at->interface, at->wanted, &next, &again)) {
		at->limiter = bridge;
		return result;
	}
	hold_let_go(datapath, at->interface, &bridge);
	at->limiter = next;
	if (!result)
		at->wanted = wanted;
	return result;
}

int attach_change(struct datapath *datapath, struct attachment *at, enum config_attach wanted,
		  struct datapath_error *error)
{
	struct hold next;
	int result;

	if (fits(at, wanted)) {
		at->wanted = wanted;
		return 0;
	}
	if (at->limiter.hook == HOOK_XDP && wanted != ATTACH_TC)
		return change_over_tc(datapath, at, wanted, error);
	/* there is room for both */
	result = attach_limiter(datapath, at->interface, wanted, &next, error);
	if (result)
		return result;
	hold_let_go(datapath, at->interface, &at->limiter);
	at->limiter = next;
	at->wanted = wanted;
	return 0;
}
