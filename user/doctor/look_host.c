// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>

#include "user/base/cleanup.h"
#include "user/doctor/look.h"

#define BTF "/sys/kernel/btf/vmlinux"
#define UNPRIVILEGED "/proc/sys/kernel/unprivileged_bpf_disabled"
#define STATISTICS "/proc/sys/kernel/bpf_stats_enabled"
#define CLOCK "/sys/devices/system/clocksource/clocksource0/current_clocksource"
/* Where `systemctl enable` notes the unit that deploy/systemd brings */
#define ENABLED "/etc/systemd/system/multi-user.target.wants/weir.service"

/* The first word of a file. 0 or -errno */
static int read_word(const char *path, char *out, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");

	if (!file)
		return -errno;
	if (!fgets(out, (int)size, file))
		return -EIO;
	out[strcspn(out, " \n")] = '\0';
	return 0;
}

/* A setting; -errno */
static int read_setting(const char *path)
{
	char word[32];
	int result = read_word(path, word, sizeof(word));

	return result ? result : atoi(word);
}

void look_at_kernel(struct facts_kernel *out)
{
	struct utsname kernel = {};

	*out = (struct facts_kernel){
		.btf = access(BTF, R_OK) ? -errno : 0,
		.unprivileged_bpf = read_setting(UNPRIVILEGED),
		.statistics = read_setting(STATISTICS),
		.processors = (int)sysconf(_SC_NPROCESSORS_CONF),
	};
	if (!uname(&kernel))
		snprintf(out->release, sizeof(out->release), "%s", kernel.release);
	sscanf(out->release, "%u.%u", &out->major, &out->minor);
	if (read_word(CLOCK, out->clock, sizeof(out->clock)))
		out->clock[0] = '\0';
}

/* ------------------------------------------------------------------------------------------- daemon */

static int read_capabilities(pid_t pid, uint64_t *out)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[64], line[256];
	unsigned long long mask;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "CapEff: %llx", &mask) == 1) {
			*out = mask;
			return 0;
		}
	}
	return -ENOENT;
}

void look_at_daemon(pid_t pid, struct facts_daemon *out)
{
	*out = (struct facts_daemon){
		.pid = pid,
		.service = !access(ENABLED, F_OK) || getenv("KUBERNETES_SERVICE_HOST"),
		.found = INSPECT_UNKNOWN,
	};
	if (pid)
		out->found = read_capabilities(pid, &out->capabilities);
}

/* -------------------------------------------------------------------------------------------- files */

static void look_at_file(struct facts *out, const char *field, const char *path)
{
	struct facts_file *file = &out->file[out->files];
	struct stat status;

	if (!path || out->files == FACTS_FILES)
		return;
	*file = (struct facts_file){.path = path, .field = field};
	if (stat(path, &status)) {
		file->found = -errno;
	} else {
		file->mode = status.st_mode & 07777;
		file->owner = status.st_uid;
	}
	out->files++;
}

void look_at_files(const struct config *config, struct facts *out)
{
	out->files = 0;
	look_at_file(out, NULL, config->path);
	if (!config->cluster.enabled)
		return;
	look_at_file(out, "cluster.password_file", config->cluster.redis.password_file);
	look_at_file(out, "cluster.secret_file", config->cluster.secret_file);
	look_at_file(out, "cluster.tls.key", config->cluster.redis.tls_key);
}

/* -------------------------------------------------------------------------------------- admin socket */

static int try_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A full backlog is somebody who is there as well */
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) && errno != EAGAIN
		       ? -errno
		       : 0;
}

void look_at_socket(const char *path, struct facts_socket *out)
{
	const struct group *group = getgrnam("weir");
	struct stat status;

	*out = (struct facts_socket){.group_weir = group};
	if (lstat(path, &status)) {
		out->answers = -errno;
		return;
	}
	out->mode = status.st_mode & 07777;
	out->owner = status.st_uid;
	group = getgrgid(status.st_gid);
	if (group)
		snprintf(out->group, sizeof(out->group), "%s", group->gr_name);
	else
		snprintf(out->group, sizeof(out->group), "%u", status.st_gid);
	out->answers = S_ISSOCK(status.st_mode) ? try_socket(path) : -ENOTSOCK;
}
