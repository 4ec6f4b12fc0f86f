// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The directory of pins: bpffs under it, one daemon in it, and taking it away */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "user/base/cleanup.h"
#include "user/datapath/internal.h"

#define BPFFS_MAGIC 0xcafe4a11
#define BPFFS_DEFAULT "/sys/fs/bpf"

int fail(struct datapath_error *error, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return code;
}

void pin_path(const struct datapath *datapath, const char *name, char out[PIN_PATH_MAX])
{
	snprintf(out, PIN_PATH_MAX, "%s/%s", datapath->pins, name);
}

bool pins_on_bpffs(const char *path)
{
	struct statfs at;

	return !statfs(path, &at) && (unsigned long)at.f_type == BPFFS_MAGIC;
}

/* The parent of the pins must lie on a bpffs. The usual place is mounted if nothing is there. */
static int ensure_bpffs(const char *pins, struct datapath_error *error)
{
	char parent[PATH_MAX];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", pins);
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return fail(error, -EINVAL,
			    "pins: %s: expected a path below a bpffs, for example " BPFFS_DEFAULT
			    "/weir",
			    pins);
	*slash = '\0';
	if (pins_on_bpffs(parent))
		return 0;
	if (!strcmp(parent, BPFFS_DEFAULT) && !mount("bpf", BPFFS_DEFAULT, "bpf", 0, "mode=0700"))
		return 0;
	return fail(error, -ENOTSUP,
		    "pins: %s is not on a bpffs%s; mount one with: mount -t bpf bpf %s", parent,
		    strcmp(parent, BPFFS_DEFAULT) ? "" : " and it could not be mounted here",
		    parent);
}

/* The lock is on the directory itself: it goes with the process, however that ends. */
int pins_open(const char *pins, int *out, struct datapath_error *error)
{
	_cleanup_close_ int fd = -1;
	int result = ensure_bpffs(pins, error);

	if (result)
		return result;
	if (mkdir(pins, 0700) && errno != EEXIST)
		return fail(error, -errno, "pins: cannot make %s: %s", pins, strerror(errno));
	fd = open(pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(error, -errno, "pins: cannot open %s: %s", pins, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB))
		return fail(
			error, -EBUSY,
			"another weir daemon uses the pins in %s; stop it, or give this one its own "
			"`pins` and `http.admin`",
			pins);
	*out = steal_fd(&fd);
	return 0;
}

bool datapath_is_pinned(const struct datapath *datapath)
{
	struct stat held, there;
	char path[PIN_PATH_MAX];

	pin_path(datapath, "weir_control", path);
	return !fstat(datapath->pins_fd, &held) && !stat(datapath->pins, &there) &&
	       held.st_dev == there.st_dev && held.st_ino == there.st_ino && !access(path, F_OK);
}

/* Calls `each` on every pin whose name starts with `prefix`; returns how many calls returned 0. */
static int for_each_pin(const char *pins, const char *prefix, int (*each)(const char *path))
{
	DIR *directory = opendir(pins);
	struct dirent *entry;
	int count = 0;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory))) {
		char path[PIN_PATH_MAX + NAME_MAX];

		if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", pins, entry->d_name);
		if (!each || !each(path))
			count++;
	}
	closedir(directory);
	return count;
}

int pins_count_links(const char *pins)
{
	return for_each_pin(pins, "link_", NULL);
}

int pins_remove_all(const char *pins)
{
	int links = for_each_pin(pins, "link_", unlink), others = for_each_pin(pins, "", unlink);

	rmdir(pins);
	return links < 0 ? links : links + others;
}
