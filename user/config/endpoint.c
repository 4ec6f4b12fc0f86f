/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/config/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "user/base/number.h"

#define EXPECTED "expected HOST:PORT such as 10.1.2.3:8443, [2001:db8::1]:53 or api.example.org:443"
#define LABEL_BYTES_MAX 63 /* RFC 1035, 2.3.4 */

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/*
 * A name that ends in a number would be taken for an address in one of the old notations (127.1,
 * 0x7f000001): see inet_aton(3).
 */
static bool ends_in_number(const char *host)
{
	size_t length = strlen(host);
	const char *last;

	if (length > 0 && host[length - 1] == '.')
		length--;
	last = host + length;
	while (last > host && last[-1] != '.')
		last--;
	length -= (size_t)(last - host);
	if (length > 1 && last[0] == '0' && (last[1] | 0x20) == 'x')
		return strspn(last + 2, DIGITS "abcdefABCDEF") == length - 2;
	return length > 0 && strspn(last, DIGITS) == length;
}

/* Labels of letters, digits, dashes and underscores; one dot may end it. */
static bool is_name(const char *host)
{
	do {
		size_t length = strspn(host, LETTERS DIGITS "-_");

		if (length == 0 || length > LABEL_BYTES_MAX || host[0] == '-' ||
		    host[length - 1] == '-')
			return false;
		host += length;
		if (*host && *host++ != '.')
			return false;
	} while (*host);
	return true;
}

/* Splits off the host, without brackets; *port is what follows the colon. */
static int split(const char *name, const char *text, struct config_endpoint *out, const char **port,
		 bool *bracketed, struct problem *problem)
{
	const char *host = text, *end;
	size_t length;

	*bracketed = *text == '[';
	if (*bracketed) {
		host = text + 1;
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return problem_set(problem, "%s is not an endpoint; " EXPECTED, name);
		*port = end + 1;
	} else {
		end = strchrnul(text, ':');
		*port = end;
		if (*end && strchr(end + 1, ':'))
			return problem_set(problem,
					   "%s has several colons; expected HOST:PORT, an IPv6 "
					   "address in brackets such as [2001:db8::1]:53",
					   name);
	}
	if (!**port)
		return problem_set(problem, "%s has no port; " EXPECTED, name);
	(*port)++;
	length = (size_t)(end - host);
	if (length == 0)
		return problem_set(problem, "%s has no host; " EXPECTED, name);
	memcpy(out->host, host, length);
	out->host[length] = '\0';
	return 0;
}

static int parse_ipv6(const char *name, struct config_endpoint *out, struct problem *problem)
{
	char ipv4[INET_ADDRSTRLEN];

	if (inet_pton(AF_INET6, out->host, out->addr) != 1)
		return problem_set(problem, "%s has no IPv6 address in its brackets; " EXPECTED,
				   name);
	if (prefix_is_ipv4(out->addr, 128))
		return problem_set(problem, "%s is IPv4 written as IPv6; expected %s:%u", name,
				   inet_ntop(AF_INET, out->addr + 12, ipv4, sizeof(ipv4)),
				   out->port);
	out->numeric = true;
	return 0;
}

static int parse_host(const char *name, struct config_endpoint *out, struct problem *problem)
{
	uint8_t ipv4[4];

	if (inet_pton(AF_INET, out->host, ipv4) == 1) {
		memset(out->addr + 10, 0xff, 2);
		memcpy(out->addr + 12, ipv4, sizeof(ipv4));
		out->numeric = true;
		return 0;
	}
	if (ends_in_number(out->host))
		return problem_set(problem, "%s has no IPv4 address before its port; " EXPECTED,
				   name);
	if (!is_name(out->host))
		return problem_set(problem, "%s has no name of a host before its port; " EXPECTED,
				   name);
	return 0;
}

/* What connect() takes for this host itself, and no packet ever bears */
static bool is_unspecified(const struct config_endpoint *endpoint)
{
	static const uint8_t ipv6[16], ipv4[16] = {[10] = 0xff, [11] = 0xff};

	return endpoint->numeric &&
	       (!memcmp(endpoint->addr, ipv6, 16) || !memcmp(endpoint->addr, ipv4, 16));
}

int endpoint_parse_as(const char *name, const char *text, struct config_endpoint *out,
		      struct problem *problem)
{
	struct config_endpoint endpoint = {};
	const char *port = NULL;
	uint64_t number;
	bool bracketed;
	int r;

	if (strlen(text) >= sizeof(endpoint.name))
		return problem_set(problem, "%s has %zu bytes; expected at most %zu", name,
				   strlen(text), sizeof(endpoint.name) - 1);
	r = split(name, text, &endpoint, &port, &bracketed, problem);
	if (r < 0)
		return r;
	if (number_parse(port, 1, 65535, &number) < 0)
		return problem_set(problem,
				   "%s has no port from 1 to 65535 behind its colon; " EXPECTED,
				   name);
	endpoint.port = (uint16_t)number;
	strcpy(endpoint.name, text);
	r = bracketed ? parse_ipv6(name, &endpoint, problem) : parse_host(name, &endpoint, problem);
	if (r < 0)
		return r;
	if (is_unspecified(&endpoint))
		return problem_set(problem,
				   "%s is no address that packets bear; expected one such as "
				   "127.0.0.1:%u or [::1]:%u",
				   name, endpoint.port, endpoint.port);
	*out = endpoint;
	return 0;
}

int endpoint_parse(const char *text, struct config_endpoint *out, struct problem *problem)
{
	return endpoint_parse_as(quote(text).text, text, out, problem);
}

bool endpoint_same(const struct config_endpoint *a, const struct config_endpoint *b)
{
	if (a->port != b->port || a->numeric != b->numeric)
		return false;
	return a->numeric ? !memcmp(a->addr, b->addr, sizeof(a->addr))
			  : !strcasecmp(a->host, b->host);
}
