// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/cluster/redis_poll.h"

const char *redis_place_text(const struct redis_place *place, char *buffer, size_t size)
{
	if (*place->path)
		snprintf(buffer, size, "%s", place->path);
	else if (strchr(place->host, ':'))
		snprintf(buffer, size, "[%s]:%u", place->host, place->port);
	else
		snprintf(buffer, size, "%s:%u", place->host, place->port);
	return buffer;
}

bool redis_place_same(const struct redis_place *a, const struct redis_place *b)
{
	return !strcmp(a->path, b->path) && a->port == b->port && !strcasecmp(a->host, b->host);
}

/* A connection whose other end is gone without a word is noticed even if nothing is sent: within half a minute */
static void set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},	 {SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 15}, {IPPROTO_TCP, TCP_KEEPINTVL, 5},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

static int finish_connect(int fd, uint64_t deadline_ns)
{
	int error = 0, events = redis_poll(fd, POLLOUT, deadline_ns);
	socklen_t length = sizeof(error);

	if (events < 0)
		return events;
	if (!events)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length))
		return -errno;
	return -error;
}

/* A connected socket or -errno */
static int connect_to(const struct sockaddr *address, socklen_t length, uint64_t deadline_ns)
{
	_cleanup_close_ int fd =
		socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int result;

	if (fd < 0)
		return -errno;
	if (address->sa_family != AF_UNIX)
		set_options(fd);
	if (connect(fd, address, length)) {
		if (errno != EINPROGRESS)
			return -errno;
		result = finish_connect(fd, deadline_ns);
		if (result)
			return result;
	}
	return steal_fd(&fd);
}

static int dial_path(const char *path, uint64_t deadline_ns)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	return connect_to((const struct sockaddr *)&address, sizeof(address), deadline_ns);
}

/* The last error of all addresses; list is not empty */
static int dial_list(const struct addrinfo *list, uint64_t deadline_ns)
{
	unsigned int left = 0;
	int fd = -EHOSTUNREACH;

	for (const struct addrinfo *at = list; at; at = at->ai_next)
		left++;
	for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next, left--) {
		uint64_t now = clock_monotonic_ns();
		uint64_t part = now < deadline_ns ? (deadline_ns - now) / left : 0;

		fd = connect_to(at->ai_addr, at->ai_addrlen, now + part);
	}
	return fd;
}

static int unreachable(struct redis_fault *fault, const char *where, int error)
{
	if (error == -ETIMEDOUT)
		redis_fault_set(fault, REDIS_STATE_UNREACHABLE, where,
				"no connection in time: nothing answers there");
	else if (error == -EAGAIN) /* of a unix socket whose server accepts nobody */
		redis_fault_set(fault, REDIS_STATE_TIMEOUT, where,
				"no connection: its server accepts no more of them");
	else
		redis_fault_set(fault, REDIS_STATE_UNREACHABLE, where, "%s", strerror(-error));
	return -1;
}

int redis_dial(struct redis_lookup *lookup, const struct redis_place *place, uint64_t deadline_ns,
	       struct redis_fault *fault)
{
	char where[REDIS_PLACE_TEXT];
	struct addrinfo *list = NULL;
	const char *reason;
	int fd;

	redis_place_text(place, where, sizeof(where));
	if (*place->path) {
		fd = dial_path(place->path, deadline_ns);
	} else {
		reason = redis_lookup_host(lookup, place->host, place->port, deadline_ns, &list);
		if (reason) {
			redis_fault_set(fault, REDIS_STATE_UNREACHABLE, where,
					"the name does not resolve: %s", reason);
			return -1;
		}
		fd = dial_list(list, deadline_ns);
		freeaddrinfo(list);
	}
	return fd < 0 ? unreachable(fault, where, fd) : fd;
}
