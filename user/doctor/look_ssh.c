// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * By which ports people log in: those sshd listens on, those its configuration names (systemd may listen for it), and the one that
 * this very command came by.
 */
#include <ctype.h>
#include <dirent.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/base/cleanup.h"
#include "user/doctor/look.h"

#define SSHD "sshd"
#define SSHD_CONFIG "/etc/ssh/sshd_config"
#define SSHD_PIECES "/etc/ssh/sshd_config.d/*.conf"
#define TCP_LISTEN 0x0a
#define SSH_SOCKETS 32 /* of one sshd */

static void add_port(struct facts_ssh *out, unsigned int port)
{
	if (!port || port > UINT16_MAX)
		return;
	for (size_t i = 0; i < out->ports; i++)
		if (out->port[i] == port)
			return;
	if (out->ports < FACTS_SSH_PORTS)
		out->port[out->ports++] = (uint16_t)port;
}

/* Without a line of its own it is 22. true: there is such a file */
static bool read_config(const char *path, struct facts_ssh *out)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[512];
	unsigned int port;

	while (file && fgets(line, sizeof(line), file)) {
		const char *word = line + strspn(line, " \t");

		if (!strncasecmp(word, "port", 4) && sscanf(word + 4, "%*[ \t=]%u", &port) == 1)
			add_port(out, port);
	}
	return file;
}

static void read_configs(struct facts_ssh *out)
{
	glob_t pieces = {};
	bool there = read_config(SSHD_CONFIG, out);

	if (!glob(SSHD_PIECES, 0, NULL, &pieces))
		for (size_t i = 0; i < pieces.gl_pathc; i++)
			there |= read_config(pieces.gl_pathv[i], out);
	globfree(&pieces);
	if (there && !out->ports)
		add_port(out, 22);
}

/* --------------------------------------------------------------------------------------- listeners */

static bool is_sshd(const char *pid)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[NAME_MAX + 32], name[32] = "";

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(name, sizeof(name), file))
		return false;
	name[strcspn(name, "\n")] = '\0';
	return !strcmp(name, SSHD);
}

/* The inodes of its sockets; how many */
static size_t find_sockets(const char *pid, unsigned long inode[SSH_SOCKETS])
{
	char path[2 * NAME_MAX + 32], target[64];
	struct dirent *entry;
	size_t count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	directory = opendir(path);
	while (directory && count < SSH_SOCKETS && (entry = readdir(directory))) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, entry->d_name);
		length = readlink(path, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = '\0';
		count += sscanf(target, "socket:[%lu]", &inode[count]) == 1;
	}
	if (directory)
		closedir(directory);
	return count;
}

/* "  0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 ..." */
static void add_listeners(const char *table, const unsigned long *inode, size_t count,
			  struct facts_ssh *out)
{
	_cleanup_fclose_ FILE *file = fopen(table, "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		unsigned int port, state;
		unsigned long number;

		if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*u %*d %lu", &port,
			   &state, &number) != 3 ||
		    state != TCP_LISTEN)
			continue;
		for (size_t i = 0; i < count; i++)
			if (inode[i] == number)
				add_port(out, port);
	}
}

static void look_at_processes(struct facts_ssh *out)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	while (processes && (entry = readdir(processes))) {
		unsigned long inode[SSH_SOCKETS];
		size_t count;

		if (!isdigit((unsigned char)entry->d_name[0]) || !is_sshd(entry->d_name))
			continue;
		count = find_sockets(entry->d_name, inode);
		add_listeners("/proc/net/tcp", inode, count, out);
		add_listeners("/proc/net/tcp6", inode, count, out);
	}
	if (processes)
		closedir(processes);
}

void look_for_ssh(struct facts_ssh *out)
{
	const char *connection = getenv("SSH_CONNECTION");
	unsigned int port;

	*out = (struct facts_ssh){0};
	if (connection && sscanf(connection, "%*s %*s %*s %u", &port) == 1)
		add_port(out, port);
	look_at_processes(out);
	read_configs(out);
}
