/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/http/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/base/cleanup.h"

#define BACKLOG 64
#define LOCK_TRIES 20 /* of 100 ms: as long as another weir may need to start */

struct complaint {
	char *text;
	size_t size;
};

__attribute__((format(printf, 3, 4))) static int complain(struct complaint complaint, int error,
							  const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(complaint.text, complaint.size, format, arguments);
	va_end(arguments);
	return error;
}

/* Splits "ADDRESS:PORT" and "[ADDRESS]:PORT". 0 or -EINVAL. */
static int parse_listen(const char *listen, struct sockaddr_storage *out, socklen_t *length)
{
	const char *colon = strrchr(listen, ':');
	char host[INET6_ADDRSTRLEN + 2];
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	size_t host_length;
	unsigned long port;
	char *end;

	if (!colon || strspn(colon + 1, "0123456789") != strlen(colon + 1) || !colon[1])
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	host_length = (size_t)(colon - listen);
	if (port > UINT16_MAX || host_length < 2 || host_length >= sizeof(host))
		return -EINVAL;
	memcpy(host, listen, host_length);
	host[host_length] = '\0';

	memset(out, 0, sizeof(*out));
	if (host[0] == '[' && host[host_length - 1] == ']') {
		host[host_length - 1] = '\0';
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		*length = sizeof(*in6);
		return inet_pton(AF_INET6, host + 1, &in6->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	*length = sizeof(*in);
	return inet_pton(AF_INET, host, &in->sin_addr) == 1 ? 0 : -EINVAL;
}

static int complain_tcp(struct complaint complaint, int error, const char *listen)
{
	switch (error) {
	case EADDRINUSE:
		return complain(
			complaint, -error,
			"%s is in use by another program; stop it or choose another port with http.listen",
			listen);
	case EADDRNOTAVAIL:
		return complain(
			complaint, -error,
			"no interface of this host has the address of %s; change http.listen",
			listen);
	case EACCES:
		return complain(
			complaint, -error,
			"no permission to listen on %s: ports below 1024 need CAP_NET_BIND_SERVICE; "
			"choose a higher one with http.listen",
			listen);
	default:
		return complain(complaint, -error, "cannot listen on %s: %s", listen,
				strerror(error));
	}
}

/* A socket with this address, not listening yet; or -errno */
static int bind_tcp(const char *listen_on, struct complaint complaint)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_storage address;
	socklen_t length;
	int one = 1;

	if (parse_listen(listen_on, &address, &length))
		return complain(
			complaint, -EINVAL,
			"http.listen: \"%s\" is not ADDRESS:PORT, for example 127.0.0.1:9464 or [::1]:9464",
			listen_on);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return complain_tcp(complaint, errno, listen_on);
	/* A restart does not wait for old connections to leave TIME_WAIT. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, length))
		return complain_tcp(complaint, errno, listen_on);
	return steal_fd(&fd);
}

int socket_listen_tcp(const char *listen_on, uint16_t *port, char *error, size_t error_size)
{
	struct complaint complaint = {error, error_size};
	_cleanup_close_ int fd = bind_tcp(listen_on, complaint);
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (fd < 0)
		return steal_fd(&fd);
	if (listen(fd, BACKLOG) || getsockname(fd, (struct sockaddr *)&address, &length))
		return complain_tcp(complaint, errno, listen_on);

	*port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						    : ((struct sockaddr_in *)&address)->sin_port);
	return steal_fd(&fd);
}

int socket_try_tcp(const char *listen_on, char *error, size_t error_size)
{
	_cleanup_close_ int fd = bind_tcp(listen_on, (struct complaint){error, error_size});

	return fd < 0 ? fd : 0;
}

/*
 * Opens the directory that holds path, making it where it is missing, and locks it: two daemons that start at once
 * must not both find the same stale socket and remove each other's new one. Somebody else who holds the
 * lock for longer than LOCK_TRIES is not waited for: without it only that race is left.
 */
static int open_parent(const char *path, struct complaint complaint)
{
	_cleanup_close_ int fd = -1;
	char parent[PATH_MAX] = ".";
	const char *slash = strrchr(path, '/');

	if (slash)
		snprintf(parent, sizeof(parent), "%.*s", slash == path ? 1 : (int)(slash - path),
			 path);
	/* The second for a umask that would keep the group weir out of what is new */
	if (!mkdir(parent, 0755) ? chmod(parent, 0755) : errno != EEXIST)
		return complain(complaint, -errno,
				"cannot make the directory %s for the admin socket: %s", parent,
				strerror(errno));
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return complain(complaint, -errno,
				"cannot open the directory %s of the admin socket: %s", parent,
				strerror(errno));
	for (int i = 0; i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB); i++)
		usleep(100 * 1000);
	return steal_fd(&fd);
}

/* Removes a stale socket from path. 0 when nothing is in the way any more. */
static int make_way(const struct sockaddr_un *address, struct complaint complaint)
{
	const char *path = address->sun_path;
	_cleanup_close_ int fd = -1;
	struct stat status;

	if (lstat(path, &status))
		return errno == ENOENT ? 0
				       : complain(complaint, -errno, "cannot look at %s: %s", path,
						  strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return complain(
			complaint, -EEXIST,
			"%s is in the way and is not a socket; remove it or choose another path with http.admin",
			path);

	/* Not blocking: a full backlog (EAGAIN) is somebody who is there as well. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return complain(complaint, -errno, "cannot make a socket: %s", strerror(errno));
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) || errno == EAGAIN)
		return complain(
			complaint, -EADDRINUSE,
			"another weir answers on %s; stop it or give this one its own socket with http.admin",
			path);
	if (errno != ECONNREFUSED)
		return complain(complaint, -errno,
				"cannot tell whether another weir answers on %s: %s", path,
				strerror(errno));
	if (unlink(path) && errno != ENOENT)
		return complain(complaint, -errno, "cannot remove the stale socket %s: %s", path,
				strerror(errno));
	return 0;
}

/* Never wider than it ends up: made 0600, given to the group, then opened to it. */
static int bind_unix(int fd, const struct sockaddr_un *address, struct complaint complaint)
{
	const char *path = address->sun_path;
	struct group *group = getgrnam("weir");

	if (fchmod(fd, 0600) || bind(fd, (const struct sockaddr *)address, sizeof(*address)))
		return complain(complaint, -errno, "cannot make the admin socket %s: %s", path,
				strerror(errno));
	/* Without the right to change the group it stays with the owner's: narrower, not wrong. */
	if (group && chown(path, (uid_t)-1, group->gr_gid) && errno != EPERM)
		return complain(complaint, -errno, "cannot give %s to the group weir: %s", path,
				strerror(errno));
	if (chmod(path, 0660) || listen(fd, BACKLOG))
		return complain(complaint, -errno, "cannot listen on %s: %s", path,
				strerror(errno));
	return 0;
}

int socket_listen_unix(const char *path, struct socket_file *file, char *error, size_t error_size)
{
	struct complaint complaint = {error, error_size};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int parent = -1, fd = -1;
	struct stat status;
	int result;

	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return complain(complaint, -ENAMETOOLONG,
				"http.admin: the path must have 1 to %zu bytes: %s",
				sizeof(address.sun_path) - 1, path);
	strcpy(address.sun_path, path);

	parent = open_parent(path, complaint);
	if (parent < 0)
		return parent;
	result = make_way(&address, complaint);
	if (result)
		return result;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return complain(complaint, -errno, "cannot make a socket: %s", strerror(errno));
	result = bind_unix(fd, &address, complaint);
	if (result)
		return result;

	file->path = strdup(path);
	if (!file->path || lstat(path, &status))
		return complain(complaint, -ENOMEM, "cannot remember the admin socket %s", path);
	file->device = status.st_dev;
	file->inode = status.st_ino;
	return steal_fd(&fd);
}

void socket_file_release(struct socket_file *file)
{
	struct stat status;

	if (file->path && !lstat(file->path, &status) && status.st_dev == file->device &&
	    status.st_ino == file->inode)
		unlink(file->path);
	free(file->path);
	*file = (struct socket_file){0};
}
