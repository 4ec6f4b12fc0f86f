/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/config/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "user/base/number.h"
#include "user/base/prefix.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* *bits: how long a prefix of this family can be */
static bool read_address(const char *text, uint8_t addr[16], unsigned int *bits)
{
	memcpy(addr, mapped, sizeof(mapped));
	*bits = 32;
	if (inet_pton(AF_INET, text, addr + 12) == 1)
		return true;
	*bits = 128;
	return inet_pton(AF_INET6, text, addr) == 1;
}

int prefix_parse(const char *text, struct config_prefix *out, struct problem *problem)
{
	char address[INET6_ADDRSTRLEN], right[PREFIX_TEXT];
	const char *slash = strchrnul(text, '/');
	struct config_prefix prefix;
	unsigned int bits;
	uint64_t length;

	if (slash - text >= (ptrdiff_t)sizeof(address))
		return problem_set(problem,
				   "%s is not an address; expected one such as 203.0.113.0/24",
				   quote(text).text);
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (!read_address(address, prefix.addr, &bits))
		return problem_set(problem,
				   "%s is not an address or prefix; expected one such as "
				   "203.0.113.0/24 or 2001:db8::/32",
				   quote(text).text);
	length = bits;
	if (*slash && number_parse(slash + 1, 0, bits, &length) < 0)
		return problem_set(problem, "%s has no valid length; expected /0 to /%u",
				   quote(text).text, bits);
	prefix.length = (uint8_t)(length + 128 - bits);
	if (prefix_cut(prefix.addr, prefix.length))
		return problem_set(problem, "%s has bits set beyond its length; expected %s",
				   quote(text).text,
				   config_format_prefix(&prefix, right, sizeof(right)));
	if (bits == 128 && prefix_is_ipv4(prefix.addr, prefix.length))
		return problem_set(problem, "%s is an IPv4-mapped address; expected it as IPv4: %s",
				   quote(text).text,
				   config_format_prefix(&prefix, right, sizeof(right)));
	*out = prefix;
	return 0;
}

int config_parse_prefix(const char *text, struct config_prefix *out)
{
	struct problem problem = {};

	return prefix_parse(text, out, &problem);
}

const char *config_format_prefix(const struct config_prefix *prefix, char *buffer, size_t size)
{
	return prefix_text(prefix->addr, prefix->length, buffer, size);
}

int prefix_compare(const struct config_prefix *a, const struct config_prefix *b)
{
	int order = memcmp(a->addr, b->addr, sizeof(a->addr));

	return order ? order : a->length - b->length;
}
