// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Interfaces: XDP native or generic, tcx, or clsact before Linux 6.6; pinned, adopted, watched. */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/datapath/internal.h"

/* From linux/bpf.h of 6.6, which Debian 12 does not have yet */
#define TCX_INGRESS ((enum bpf_attach_type)46)

/* The clsact filter is ours by these. */
#define CLSACT_HANDLE 1
#define CLSACT_PRIORITY 0x7765 /* "we" */

uint32_t attach_ifindex(const char *interface)
{
	return if_nametoindex(interface);
}

static void link_path(const struct datapath *datapath, const char *interface, bool xdp,
		      char out[PIN_PATH_MAX])
{
	char name[IFNAMSIZ + 16];

	snprintf(name, sizeof(name), "link_%s_%s", interface, xdp ? "xdp" : "tc");
	pin_path(datapath, name, out);
}

/* Does the device carry Ethernet frames? Others (tunnels without link header) are not parsed. */
static bool is_ethernet(const char *interface)
{
	char path[64 + IFNAMSIZ];
	_cleanup_fclose_ FILE *file = NULL;
	int type = -1;

	snprintf(path, sizeof(path), "/sys/class/net/%s/type", interface);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%d", &type) != 1)
		return true; /* sysfs of another namespace, or none: let the kernel say */
	return type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK;
}

/* ----------------------------------------------------------------------------------- one hook */

/* Who sits in the XDP slot, for the message */
static void name_occupant(uint32_t ifindex, char *out, size_t size)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info), id = 0;
	_cleanup_close_ int fd = -1;

	snprintf(out, size, "another program");
	if (bpf_xdp_query_id((int)ifindex, 0, &id) || !id)
		return;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &length))
		snprintf(out, size, "the program %s (id %u)", info.name, id);
	else
		snprintf(out, size, "the program with id %u", id);
}

static int link_xdp(struct datapath *datapath, uint32_t ifindex, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int fd = bpf_link_create(datapath->program[PROGRAM_XDP], (int)ifindex, BPF_XDP, &options);

	return fd < 0 ? -errno : fd;
}

static int link_tcx(struct datapath *datapath, uint32_t ifindex)
{
	int fd = bpf_link_create(datapath->program[PROGRAM_TC], (int)ifindex, TCX_INGRESS, NULL);

	return fd < 0 ? -errno : fd;
}

static int filter_clsact(struct datapath *datapath, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY,
		    .prog_fd = datapath->program[PROGRAM_TC], .flags = BPF_TC_F_REPLACE);
	int result = bpf_tc_hook_create(&hook);

	if (result && result != -EEXIST)
		return result;
	return bpf_tc_attach(&hook, &filter);
}

static void unfilter_clsact(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);

	bpf_tc_detach(&hook, &filter);
}

void attach_unfilter(const char *interface)
{
	uint32_t ifindex = attach_ifindex(interface);

	if (ifindex)
		unfilter_clsact(ifindex);
}

/* ------------------------------------------------------------------------------ one interface */

static int attach_tc(struct datapath *datapath, struct attachment *at, uint32_t ifindex,
		     struct datapath_error *error)
{
	int fd = link_tcx(datapath, ifindex);

	if (fd >= 0) {
		at->hook = HOOK_TCX;
		at->link = fd;
		return 0;
	}
	fd = filter_clsact(datapath, ifindex);
	if (fd)
		return fail(error, fd, "interfaces: %s: cannot attach to TC: %s", at->interface,
			    strerror(-fd));
	at->hook = HOOK_CLSACT;
	return 0;
}

/* XDP in the mode wanted; auto: native, else generic. -EBUSY: the slot is taken. */
static int attach_xdp(struct datapath *datapath, struct attachment *at, uint32_t ifindex)
{
	int fd = -EOPNOTSUPP;

	if (at->wanted != ATTACH_GENERIC)
		fd = link_xdp(datapath, ifindex, XDP_FLAGS_DRV_MODE);
	if (fd < 0 && fd != -EBUSY && fd != -EEXIST && at->wanted != ATTACH_NATIVE)
		fd = link_xdp(datapath, ifindex, XDP_FLAGS_SKB_MODE);
	if (fd < 0)
		return fd == -EEXIST ? -EBUSY : fd;
	at->hook = HOOK_XDP;
	at->link = fd;
	return 0;
}

static int pin_link(struct datapath *datapath, const struct attachment *at,
		    struct datapath_error *error)
{
	char path[PIN_PATH_MAX];

	if (at->link < 0)
		return 0;
	link_path(datapath, at->interface, at->hook == HOOK_XDP, path);
	unlink(path); /* of an interface of that name that is gone */
	if (bpf_obj_pin(at->link, path))
		return fail(error, -errno, "cannot pin %s: %s", path, strerror(errno));
	return 0;
}

static void let_go(struct datapath *datapath, struct attachment *at)
{
	char path[PIN_PATH_MAX];

	for (int xdp = 0; xdp < 2; xdp++) {
		link_path(datapath, at->interface, xdp, path);
		unlink(path);
	}
	if (at->hook == HOOK_CLSACT && at->ifindex)
		unfilter_clsact(at->ifindex);
	cleanup_close(&at->link);
	at->link = -1;
	at->ifindex = 0;
	at->hook = HOOK_NONE;
}

static int attach_one(struct datapath *datapath, struct attachment *at,
		      struct datapath_error *error)
{
	uint32_t ifindex = attach_ifindex(at->interface);
	char occupant[64];
	int result;

	if (!ifindex)
		return fail(error, -ENODEV,
			    "interfaces: there is no interface %s; `ip link` lists them",
			    at->interface);
	if (!is_ethernet(at->interface))
		return fail(
			error, -EOPNOTSUPP,
			"interfaces: %s does not carry Ethernet frames; attach to the interface "
			"below it",
			at->interface);
	result = at->wanted == ATTACH_TC ? -EBUSY : attach_xdp(datapath, at, ifindex);
	if (result == -EBUSY && at->wanted != ATTACH_TC)
		name_occupant(ifindex, occupant, sizeof(occupant));
	if (result == -EBUSY && at->wanted == ATTACH_AUTO)
		log_warning("datapath", "%s: the XDP slot is taken by %s; attaching to TC instead",
			    at->interface, occupant);
	if (result == -EBUSY && (at->wanted == ATTACH_AUTO || at->wanted == ATTACH_TC))
		result = attach_tc(datapath, at, ifindex, error);
	else if (result == -EBUSY)
		return fail(
			error, result,
			"interfaces: %s: the XDP slot is taken by %s; detach that, or use attach: "
			"auto or tc",
			at->interface, occupant);
	else if (result)
		return fail(error, result, "interfaces: %s: cannot attach XDP (%s): %s",
			    at->interface,
			    at->wanted == ATTACH_NATIVE ? "native" : "native or generic",
			    strerror(-result));
	if (!result)
		result = pin_link(datapath, at, error);
	at->ifindex = ifindex;
	at->fresh = true;
	if (result)
		let_go(datapath, at);
	return result;
}

/* ----------------------------------------------------------------------------------- adoption */

static uint32_t link_ifindex(int fd, bool xdp)
{
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return 0;
	/* tcx has the same place in the union, unknown to older headers */
	return xdp ? info.xdp.ifindex : *(const uint32_t *)&info.xdp;
}

/* Takes over a pinned link and puts the program of today into it, under traffic. */
static int adopt_link(struct datapath *datapath, struct attachment *at, bool xdp)
{
	char path[PIN_PATH_MAX];
	_cleanup_close_ int fd = -1;
	uint32_t ifindex;

	link_path(datapath, at->interface, xdp, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -ENOENT;
	ifindex = link_ifindex(fd, xdp);
	if (!ifindex || ifindex != attach_ifindex(at->interface)) {
		unlink(path); /* the interface went away meanwhile, and the link with it */
		return -ENODEV;
	}
	if (bpf_link_update(fd, datapath->program[xdp ? PROGRAM_XDP : PROGRAM_TC], NULL))
		return -errno;
	at->link = steal_fd(&fd);
	at->ifindex = ifindex;
	at->hook = xdp ? HOOK_XDP : HOOK_TCX;
	return 0;
}

static void adopt_or_attach(struct datapath *datapath, struct attachment *at, int *result,
			    struct datapath_error *error)
{
	if (at->ifindex && at->ifindex == attach_ifindex(at->interface))
		return;
	if (at->wanted != ATTACH_TC && !adopt_link(datapath, at, true))
		return;
	if ((at->wanted == ATTACH_TC || at->wanted == ATTACH_AUTO) &&
	    !adopt_link(datapath, at, false))
		return;
	*result = attach_one(datapath, at, error);
}

/* --------------------------------------------------------------------------------- the public */

static struct attachment *find(struct datapath *datapath, const char *interface)
{
	for (size_t i = 0; i < datapath->attachments; i++)
		if (!strcmp(datapath->attachment[i].interface, interface))
			return &datapath->attachment[i];
	return NULL;
}

static bool configured(const struct datapath *datapath, const struct attachment *at)
{
	for (size_t i = 0; i < datapath->config->interfaces; i++)
		if (!strcmp(datapath->config->interface[i].name, at->interface) &&
		    datapath->config->interface[i].attach == at->wanted)
			return true;
	return false;
}

static void take_back(struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->attachments;) {
		struct attachment *at = &datapath->attachment[i];

		if (!at->fresh) {
			i++;
			continue;
		}
		let_go(datapath, at);
		*at = datapath->attachment[--datapath->attachments];
	}
}

int datapath_attach(struct datapath *datapath, struct datapath_error *error)
{
	const struct config *config = datapath->config;
	struct attachment *at;
	int result = 0;

	for (size_t i = 0; i < datapath->attachments; i++)
		datapath->attachment[i].fresh = false;
	for (size_t i = 0; i < datapath->attachments;) { /* first, it may sit in a slot we want */
		at = &datapath->attachment[i];
		if (configured(datapath, at)) {
			i++;
			continue;
		}
		let_go(datapath, at);
		*at = datapath->attachment[--datapath->attachments];
	}
	for (size_t i = 0; i < config->interfaces && !result; i++) {
		at = find(datapath, config->interface[i].name);
		if (!at) {
			at = &datapath->attachment[datapath->attachments++];
			*at = (struct attachment){.link = -1,
						  .wanted = config->interface[i].attach};
			snprintf(at->interface, sizeof(at->interface), "%s",
				 config->interface[i].name);
			at->fresh = true;
		}
		adopt_or_attach(datapath, at, &result, error);
	}
	if (result)
		take_back(datapath);
	return result;
}

int datapath_watch(struct datapath *datapath, char *changed, size_t size)
{
	struct datapath_error error;
	int changes = 0;
	size_t used = 0;

	changed[0] = '\0';
	for (size_t i = 0; i < datapath->attachments; i++) {
		struct attachment *at = &datapath->attachment[i];
		uint32_t ifindex = attach_ifindex(at->interface);
		const char *what = "is gone; waiting for it to come back";

		if (at->ifindex == ifindex)
			continue;
		if (at->ifindex) {
			at->ifindex = 0; /* the kernel took the link with the device */
			let_go(datapath, at);
		}
		if (ifindex)
			what = attach_one(datapath, at, &error) ? error.text : "is back, attached";
		used += (size_t)snprintf(changed + used, used < size ? size - used : 0, "%s%s %s",
					 changes ? "\n" : "", at->interface, what);
		if (used >= size)
			used = size - 1;
		changes++;
	}
	if (changes)
		apply_again(datapath, &error);
	return changes;
}

void attach_release(struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->attachments; i++)
		cleanup_close(&datapath->attachment[i].link);
}

int datapath_detach(struct datapath *datapath, struct datapath_error *error)
{
	int result;

	for (size_t i = 0; i < datapath->attachments; i++)
		let_go(datapath, &datapath->attachment[i]);
	datapath->attachments = 0;
	result = pins_remove_all(datapath->pins);
	return result < 0 ? fail(error, result, "cannot remove the pins in %s: %s", datapath->pins,
				 strerror(-result))
			  : 0;
}

static const char *mode_of(const struct attachment *at)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	switch (at->hook) {
	case HOOK_XDP:
		if (bpf_xdp_query((int)at->ifindex, 0, &query))
			return "absent";
		return query.attach_mode == XDP_ATTACHED_SKB ? "generic" : "native";
	case HOOK_TCX:
		return "tcx";
	case HOOK_CLSACT:
		return "tc";
	default:
		return "absent";
	}
}

size_t datapath_links(struct datapath *datapath, struct datapath_link out[WEIR_INTERFACES])
{
	for (size_t i = 0; i < datapath->attachments; i++) {
		const struct attachment *at = &datapath->attachment[i];
		int program = datapath->program[at->hook == HOOK_XDP ? PROGRAM_XDP : PROGRAM_TC];
		struct bpf_prog_info info = {};
		uint32_t length = sizeof(info);
		struct datapath_link *link = &out[i];

		memset(link, 0, sizeof(*link));
		snprintf(link->interface, sizeof(link->interface), "%s", at->interface);
		for (uint32_t n = 0; n < WEIR_INTERFACES; n++)
			if (!strcmp(datapath->state->interface[n], at->interface))
				link->number = n;
		link->ifindex = at->ifindex;
		snprintf(link->mode, sizeof(link->mode), "%s", mode_of(at));
		link->attached = at->ifindex && strcmp(link->mode, "absent");
		snprintf(link->hook, sizeof(link->hook), "%s",
			 at->hook == HOOK_XDP ? "xdp" : "tc_ingress");
		if (!bpf_obj_get_info_by_fd(program, &info, &length))
			link->prog_id = info.id;
	}
	return datapath->attachments;
}
