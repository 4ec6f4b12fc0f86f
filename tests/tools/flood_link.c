/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/tools/flood_link.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "user/base/cleanup.h"

static int ask(const char *interface, unsigned long request, struct ifreq *ifr)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", interface);
	return ioctl(fd, request, ifr) < 0 ? -errno : 0;
}

int flood_link_driver(const char *interface, char driver[32])
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq ifr = {.ifr_data = (void *)&info};
	int err = ask(interface, SIOCETHTOOL, &ifr);

	if (!err)
		snprintf(driver, 32, "%.31s", info.driver);
	return err;
}

int flood_link_mac(const char *interface, uint8_t mac[6])
{
	struct ifreq ifr = {};
	int err = ask(interface, SIOCGIFHWADDR, &ifr);

	if (!err)
		memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return err;
}

/* /proc/net and not /sys, which shows the namespace it was mounted in */
int flood_link_sent(const char *interface, uint64_t *packets)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/thread-self/net/dev", "re");
	char line[512], name[64];
	unsigned long long sent;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		/* name: eight columns received, then bytes and packets sent */
		if (sscanf(line, " %63[^:]: %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", name,
			   &sent) != 2 ||
		    strcmp(name, interface) != 0)
			continue;
		*packets = sent;
		return 0;
	}
	return -ENODEV;
}

/* So that the kernel asks for its hardware address. What becomes of the datagram does not matter. */
static void provoke(const char *interface, bool ipv6, const uint8_t address[16])
{
	_cleanup_close_ int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(9)};

	memcpy(&six.sin6_addr, address, 16);
	six.sin6_scope_id = if_nametoindex(interface);
	memcpy(&four.sin_addr, address, 4);
	if (ipv6)
		(void)!sendto(fd, "", 0, MSG_DONTWAIT, (struct sockaddr *)&six, sizeof(six));
	else
		(void)!sendto(fd, "", 0, MSG_DONTWAIT, (struct sockaddr *)&four, sizeof(four));
}

/* One entry of the table; true: it is the one wanted, and known */
static bool match(const struct nlmsghdr *message, unsigned int ifindex, const uint8_t *address,
		  size_t length, uint8_t mac[6])
{
	const struct ndmsg *entry = NLMSG_DATA(message);
	const uint8_t *found = NULL, *link = NULL;
	int left = (int)NLMSG_PAYLOAD(message, sizeof(*entry));
	const struct rtattr *attribute = (void *)((char *)entry + NLMSG_ALIGN(sizeof(*entry)));

	if (message->nlmsg_type != RTM_NEWNEIGH || entry->ndm_ifindex != (int)ifindex ||
	    !(entry->ndm_state &
	      (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)))
		return false;
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type == NDA_DST && RTA_PAYLOAD(attribute) == length)
			found = RTA_DATA(attribute);
		if (attribute->rta_type == NDA_LLADDR && RTA_PAYLOAD(attribute) == 6)
			link = RTA_DATA(attribute);
	}
	if (!found || !link || memcmp(found, address, length) != 0)
		return false;
	memcpy(mac, link, 6);
	return true;
}

/* 0, -ENOENT where the table does not know it (yet), or another -errno */
static int look_up(unsigned int ifindex, bool ipv6, const uint8_t *address, uint8_t mac[6])
{
	struct {
		struct nlmsghdr header;
		struct ndmsg entry;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = RTM_GETNEIGH,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.entry.ndm_family = ipv6 ? AF_INET6 : AF_INET,
	};
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	char buffer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool found = false;

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	for (;;) {
		ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
		struct nlmsghdr *message = (void *)buffer;

		if (length < 0)
			return -errno;
		for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
			if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
				return found ? 0 : -ENOENT;
			found |= match(message, ifindex, address, ipv6 ? 16 : 4, mac);
		}
	}
}

int flood_link_neighbour(const char *interface, bool ipv6, const uint8_t address[16],
			 uint8_t mac[6])
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	int err = -ENOENT;

	for (int i = 0; i < 60 && err == -ENOENT; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		provoke(interface, ipv6, address);
		err = look_up(if_nametoindex(interface), ipv6, address, mac);
	}
	return err == -ENOENT ? -EHOSTUNREACH : err;
}

/* `ip link add type veth`: the kernel finds both names */
static int add_veth(void)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
		struct rtattr link_info, kind;
		char name[4];
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = RTM_NEWLINK,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK},
		.link_info = {sizeof(struct rtattr) * 2 + 4, IFLA_LINKINFO},
		.kind = {sizeof(struct rtattr) + 4, IFLA_INFO_KIND},
		.name = {'v', 'e', 't', 'h'},
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char more[256];
	} answer;
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		return -errno;
	return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EPROTO;
}

int flood_link_park(int program, int *hold)
{
	_cleanup_close_ int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int err, there;

	if (home < 0 || unshare(CLONE_NEWNET))
		return -errno;
	err = add_veth();
	if (!err)
		err = bpf_xdp_attach((int)if_nametoindex("veth0"), program, 0, NULL);
	there = err ? -1 : open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (!err && there < 0)
		err = -errno;
	if (setns(home, CLONE_NEWNET) && !err)
		err = -errno;
	if (err)
		cleanup_close(&there);
	else
		*hold = there;
	return err;
}
