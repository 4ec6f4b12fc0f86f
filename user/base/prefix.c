/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool prefix_is_ipv4(const uint8_t addr[16], unsigned int length)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return length >= 96 && !memcmp(addr, mapped, sizeof(mapped));
}

bool prefix_cut(uint8_t addr[16], unsigned int length)
{
	bool changed = false;

	for (unsigned int i = 0; i < 16; i++) {
		unsigned int bits = length > 8 * i ? length - 8 * i : 0;
		uint8_t mask = bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);

		changed |= (addr[i] & ~mask) != 0;
		addr[i] &= mask;
	}
	return changed;
}

const char *prefix_text(const uint8_t addr[16], unsigned int length, char *buffer, size_t size)
{
	bool ipv4 = prefix_is_ipv4(addr, length);
	char text[INET6_ADDRSTRLEN];

	inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? addr + 12 : addr, text, sizeof(text));
	if (length >= 128)
		snprintf(buffer, size, "%s", text);
	else
		snprintf(buffer, size, "%s/%u", text, ipv4 ? length - 96 : length);
	return buffer;
}
