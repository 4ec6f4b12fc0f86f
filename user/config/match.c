/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/config/match.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "user/base/number.h"

#define EXPECTED "expected tcp/PORT, udp/FIRST-LAST, icmp, icmpv6, gre, sctp, ... or proto/NUMBER"

static const struct protocol {
	const char *name;
	uint8_t number; /* IANA "Assigned Internet Protocol Numbers" */
} protocols[] = {
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{"icmp", IPPROTO_ICMP},
	{"icmpv6", IPPROTO_ICMPV6},
	{"igmp", 2},
	{"ipip", 4},
	{"dccp", 33},
	{"ipv6", 41},
	{"gre", 47},
	{"esp", 50},
	{"ah", 51},
	{"ospf", 89},
	{"pim", 103},
	{"vrrp", 112},
	{"l2tp", 115},
	{"sctp", 132},
	{"udplite", 136},
};
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

static const struct protocol *find_protocol(const char *name, size_t length)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (strlen(protocols[i].name) == length && !memcmp(protocols[i].name, name, length))
			return &protocols[i];
	return NULL;
}

static int parse_number(const char *text, const char *number, struct config_match *out,
			struct problem *problem)
{
	uint64_t value;

	if (number_parse(number, 0, 255, &value) < 0)
		return problem_set(problem,
				   "%s is not a protocol number; expected proto/0 to proto/255",
				   quote(text).text);
	if (has_ports((uint8_t)value))
		return problem_set(problem, "%s has ports; expected %s, or %s/PORT",
				   quote(text).text, value == IPPROTO_TCP ? "tcp" : "udp",
				   value == IPPROTO_TCP ? "tcp" : "udp");
	*out = (struct config_match){.protocol = (uint8_t)value};
	return 0;
}

static int parse_ports(const char *text, const char *ports, const struct protocol *protocol,
		       struct config_match *out, struct problem *problem)
{
	const char *dash = strchrnul(ports, '-');
	uint64_t first, last;
	char digits[8];
	bool valid;

	valid = dash - ports < (ptrdiff_t)sizeof(digits);
	if (valid) {
		memcpy(digits, ports, (size_t)(dash - ports));
		digits[dash - ports] = '\0';
		valid = !number_parse(digits, 0, 65535, &first) &&
			!number_parse(*dash ? dash + 1 : digits, 0, 65535, &last);
	}
	if (!valid)
		return problem_set(
			problem, "%s has no valid port; expected %s/0 to %s/65535, or %s/8000-8100",
			quote(text).text, protocol->name, protocol->name, protocol->name);
	if (first > last)
		return problem_set(problem, "%s runs backwards; expected %s/%u-%u",
				   quote(text).text, protocol->name, (unsigned int)last,
				   (unsigned int)first);
	*out = (struct config_match){protocol->number, (uint16_t)first, (uint16_t)last};
	return 0;
}

int match_parse(const char *text, struct config_match *out, struct problem *problem)
{
	const char *slash = strchrnul(text, '/');
	const struct protocol *protocol;

	if (!strncmp(text, "proto/", 6))
		return parse_number(text, text + 6, out, problem);
	protocol = find_protocol(text, (size_t)(slash - text));
	if (!protocol)
		return problem_set(problem, "%s is not a protocol; " EXPECTED, quote(text).text);
	if (*slash && has_ports(protocol->number))
		return parse_ports(text, slash + 1, protocol, out, problem);
	if (*slash)
		return problem_set(problem, "%s: only tcp and udp have ports here; expected %s",
				   quote(text).text, protocol->name);
	*out = (struct config_match){
		.protocol = protocol->number,
		.last = has_ports(protocol->number) ? 65535 : 0,
	};
	return 0;
}

const char *match_format(const struct config_match *match, char *buffer, size_t size)
{
	const char *name = NULL;

	for (size_t i = 0; i < PROTOCOLS && !name; i++)
		if (protocols[i].number == match->protocol)
			name = protocols[i].name;
	if (!name)
		snprintf(buffer, size, "proto/%u", match->protocol);
	else if (!has_ports(match->protocol) || (match->first == 0 && match->last == 65535))
		snprintf(buffer, size, "%s", name);
	else if (match->first == match->last)
		snprintf(buffer, size, "%s/%u", name, match->first);
	else
		snprintf(buffer, size, "%s/%u-%u", name, match->first, match->last);
	return buffer;
}

int match_compare(const struct config_match *a, const struct config_match *b)
{
	if (a->protocol != b->protocol)
		return a->protocol - b->protocol;
	return a->first != b->first ? a->first - b->first : a->last - b->last;
}
