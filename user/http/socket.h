/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Listening sockets, and what to tell a person when there is none to be had. Each returns a
 * descriptor, or -errno with one line in error that says who has it or what to do.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* "127.0.0.1:9464", "[::1]:9464"; port 0: any. *port: the one it got. */
int socket_listen_tcp(const char *listen, uint16_t *port, char *error, size_t error_size);

/* Whether it could; 0 or -errno as above. It never listens, so it is in nobody's way. */
int socket_try_tcp(const char *listen, char *error, size_t error_size);

/* Which file a unix listener made, so that only that one is removed again. */
struct socket_file {
	char *path;
	dev_t device;
	ino_t inode;
};

/*
 * Mode 0660, group `weir` where there is one; a missing parent directory is made, 0755. A socket
 * file nobody answers on is replaced, one that answers is -EADDRINUSE.
 */
int socket_listen_unix(const char *path, struct socket_file *file, char *error, size_t error_size);

/* Removes the file if it is still ours, and forgets it. */
void socket_file_release(struct socket_file *file);
