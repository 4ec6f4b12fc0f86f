// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What lies where the pins should be, and whose it is. The lock is looked up, not tried: a daemon may be starting. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "user/base/cleanup.h"
#include "user/datapath/inspect.h"
#include "user/datapath/internal.h"

static int find_layout(const char *pins)
{
	_cleanup_free_ struct weir_state *state = NULL;
	char path[PIN_PATH_MAX];
	_cleanup_close_ int fd = -1;
	uint32_t zero = 0;
	int size;

	snprintf(path, sizeof(path), "%s/%s", pins, map_names[MAP_STATE]);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	size = map_value_size(fd);
	if (size < 0)
		return size;
	/* Another layout may have another size */
	state = calloc(1, (size_t)size + sizeof(*state));
	if (!state)
		return -ENOMEM;
	return bpf_map_lookup_elem(fd, &zero, state) ? -errno : (int)state->layout;
}

/* "1: FLOCK  ADVISORY  WRITE 4711 00:1e:12345 0 EOF" */
static pid_t find_holder(const struct stat *directory)
{
	_cleanup_fclose_ FILE *locks = fopen("/proc/locks", "re");
	char line[256];

	while (locks && fgets(line, sizeof(line), locks)) {
		unsigned int major, minor;
		unsigned long inode;
		int pid;

		if (sscanf(line, "%*s FLOCK %*s %*s %d %x:%x:%lu", &pid, &major, &minor, &inode) ==
			    4 &&
		    inode == directory->st_ino && makedev(major, minor) == directory->st_dev)
			return pid;
	}
	return 0;
}

void inspect_pins(const char *pins, struct inspect_pins *out)
{
	struct stat directory;
	char *slash;

	*out = (struct inspect_pins){.layout = -ENOENT};
	snprintf(out->parent, sizeof(out->parent), "%s", pins);
	slash = strrchr(out->parent, '/');
	if (slash)
		*slash = '\0';
	libbpf_set_print(NULL);
	out->bpffs = access(out->parent, F_OK) ? -errno : pins_on_bpffs(out->parent) ? 0 : -ENOTSUP;
	out->writable = access(out->parent, W_OK | X_OK) ? -errno : 0;
	if (stat(pins, &directory)) {
		out->links = -errno;
		return;
	}
	out->links = pins_count_links(pins);
	out->holder = find_holder(&directory);
	out->layout = find_layout(pins);
}
