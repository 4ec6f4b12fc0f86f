// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/doctor/place.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static enum place place_of_ipv4(struct in_addr address)
{
	static const struct {
		uint32_t network;
		unsigned int bits;
	} private[] = {
		{0x0a000000, 8},  /* 10.0.0.0/8 */
		{0xac100000, 12}, /* 172.16.0.0/12 */
		{0xc0a80000, 16}, /* 192.168.0.0/16 */
		{0xa9fe0000, 16}, /* 169.254.0.0/16 */
		{0x64400000, 10}, /* 100.64.0.0/10 */
	};
	uint32_t at = ntohl(address.s_addr);

	if (at >> 24 == 127)
		return PLACE_HOST;
	if (!at)
		return PLACE_ANY;
	for (size_t i = 0; i < sizeof(private) / sizeof(*private); i++)
		if (!((at ^ private[i].network) >> (32 - private[i].bits)))
			return PLACE_PRIVATE;
	return PLACE_PUBLIC;
}

static enum place place_of_ipv6(const struct in6_addr *address)
{
	if (IN6_IS_ADDR_LOOPBACK(address))
		return PLACE_HOST;
	if (IN6_IS_ADDR_UNSPECIFIED(address))
		return PLACE_ANY;
	return (address->s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(address)
		       ? PLACE_PRIVATE
		       : PLACE_PUBLIC;
}

/* Without brackets and port */
static void cut_host(const char *address, char *out, size_t size)
{
	const char *colon = strchr(address, ':');

	if (*address == '[')
		snprintf(out, size, "%.*s", (int)strcspn(address + 1, "]"), address + 1);
	else if (colon && !strchr(colon + 1, ':'))
		snprintf(out, size, "%.*s", (int)(colon - address), address);
	else
		snprintf(out, size, "%s", address);
}

enum place place_of(const char *address)
{
	struct in6_addr ipv6;
	struct in_addr ipv4;
	char host[128];

	cut_host(address, host, sizeof(host));
	if (inet_pton(AF_INET, host, &ipv4) == 1)
		return place_of_ipv4(ipv4);
	if (inet_pton(AF_INET6, host, &ipv6) == 1)
		return place_of_ipv6(&ipv6);
	return strcmp(host, "localhost") ? PLACE_PUBLIC : PLACE_HOST;
}
