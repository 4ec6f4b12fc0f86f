/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/prefix.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const uint8_t ipv4_mapped[12] = {[10] = 0xff, [11] = 0xff};

const char *prefix_text(const uint8_t addr[16], unsigned int length, char *buffer, size_t size)
{
	bool ipv4 = length >= 96 && !memcmp(addr, ipv4_mapped, sizeof(ipv4_mapped));
	char text[INET6_ADDRSTRLEN];

	inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? addr + 12 : addr, text, sizeof(text));
	if (length >= 128)
		snprintf(buffer, size, "%s", text);
	else
		snprintf(buffer, size, "%s/%u", text, ipv4 ? length - 96 : length);
	return buffer;
}
