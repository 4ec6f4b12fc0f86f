// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "user/base/cleanup.h"
#include "user/doctor/look.h"
#include "user/doctor/netlink.h"

/* From linux/netdev.h of 6.3, as in facts.h */
#define NETDEV_FAMILY "netdev"
#define NETDEV_DEVICE_GET 1
#define NETDEV_IFINDEX 1
#define NETDEV_XDP_FEATURES 3

/* ---------------------------------------------------------------------------------- XDP of a driver */

static void note_family(const struct nlmsghdr *message, void *context)
{
	size_t length;
	const void *id = netlink_find(message, GENL_HDRLEN, CTRL_ATTR_FAMILY_ID, &length);

	if (id && length == sizeof(uint16_t))
		memcpy(context, id, length);
}

static void note_features(const struct nlmsghdr *message, void *context)
{
	struct facts_interface *out = context;
	size_t length;
	const void *features = netlink_find(message, GENL_HDRLEN, NETDEV_XDP_FEATURES, &length);

	if (features && length == sizeof(out->xdp_features)) {
		memcpy(&out->xdp_features, features, length);
		out->xdp = 0;
	}
}

static void look_at_xdp(uint32_t ifindex, struct facts_interface *out)
{
	const struct genlmsghdr find = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
	const struct genlmsghdr get = {.cmd = NETDEV_DEVICE_GET, .version = 1};
	struct netlink_request request;
	uint16_t family = 0;
	int result;

	out->xdp = INSPECT_UNKNOWN;
	netlink_request(&request, GENL_ID_CTRL, 0, &find, sizeof(find));
	netlink_attribute(&request, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY, sizeof(NETDEV_FAMILY));
	result = netlink_ask(NETLINK_GENERIC, &request, note_family, &family);
	if (result || !family)
		return;
	netlink_request(&request, family, 0, &get, sizeof(get));
	netlink_attribute(&request, NETDEV_IFINDEX, &ifindex, sizeof(ifindex));
	netlink_ask(NETLINK_GENERIC, &request, note_features, out);
}

/* ------------------------------------------------------------------------------------------ ethtool */

static int ethtool(const char *interface, void *data)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_data = data};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	return fd < 0 || ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

static void look_at_driver(struct facts_interface *out)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (!ethtool(out->name, &driver))
		snprintf(out->driver, sizeof(out->driver), "%s", driver.driver);
	if (!ethtool(out->name, &flags))
		out->lro = flags.data & ETH_FLAG_LRO;
	if (!ethtool(out->name, &channels)) {
		out->queues = channels.rx_count + channels.combined_count;
		out->queues_max = channels.max_rx + channels.max_combined;
	}
}

/* --------------------------------------------------------------------------------------------- link */

static void note_neighbour(const struct nlmsghdr *message, uint16_t type, char out[IFNAMSIZ])
{
	size_t length;
	const void *number = netlink_find(message, sizeof(struct ifinfomsg), type, &length);
	uint32_t ifindex;

	if (!number || length != sizeof(ifindex))
		return;
	memcpy(&ifindex, number, sizeof(ifindex));
	if (!if_indextoname(ifindex, out))
		out[0] = '\0';
}

static void note_link(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	struct facts_interface *out = context;
	size_t length;
	const void *mtu = netlink_find(message, sizeof(*info), IFLA_MTU, &length);
	/* The other end of a veth, in whatever namespace, is not below it */
	bool elsewhere = netlink_find(message, sizeof(*info), IFLA_LINK_NETNSID, &length);

	out->up = info->ifi_flags & IFF_UP;
	out->ethernet = info->ifi_type == ARPHRD_ETHER || info->ifi_type == ARPHRD_LOOPBACK;
	if (mtu)
		memcpy(&out->mtu, mtu, sizeof(out->mtu));
	note_neighbour(message, IFLA_MASTER, out->above);
	if (!elsewhere && strcmp(out->driver, "veth"))
		note_neighbour(message, IFLA_LINK, out->below);
}

void look_at_interface(const char *pins, struct facts_interface *interface)
{
	uint32_t ifindex = if_nametoindex(interface->name);
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
	struct netlink_request request;

	interface->there = ifindex;
	if (!ifindex)
		return;
	look_at_driver(interface);
	netlink_request(&request, RTM_GETLINK, 0, &info, sizeof(info));
	netlink_ask(NETLINK_ROUTE, &request, note_link, interface);
	look_at_xdp(ifindex, interface);
	inspect_attached(pins, interface->name, &interface->attached);
}

/* ------------------------------------------------------------------------------------ default route */

static void note_route(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *route = NLMSG_DATA(message);
	char *out = context;
	size_t length;
	const void *number = netlink_find(message, sizeof(*route), RTA_OIF, &length);
	uint32_t ifindex;

	if (out[0] || route->rtm_dst_len || route->rtm_type != RTN_UNICAST || !number)
		return;
	memcpy(&ifindex, number, sizeof(ifindex));
	if (!if_indextoname(ifindex, out))
		out[0] = '\0';
}

void look_for_default_route(char out[IFNAMSIZ])
{
	static const unsigned char family[] = {AF_INET, AF_INET6};

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(family) && !out[0]; i++) {
		const struct rtmsg any = {.rtm_family = family[i]};
		struct netlink_request request;

		netlink_request(&request, RTM_GETROUTE, NLM_F_DUMP, &any, sizeof(any));
		netlink_ask(NETLINK_ROUTE, &request, note_route, out);
	}
}
