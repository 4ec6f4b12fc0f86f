// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* All interfaces: what the configuration names is attached, what it names no longer is let go. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/datapath/internal.h"

static struct attachment *find(struct datapath *datapath, const char *interface)
{
	for (size_t i = 0; i < datapath->attachments; i++)
		if (!strcmp(datapath->attachment[i].interface, interface))
			return &datapath->attachment[i];
	return NULL;
}

static bool names(const struct config *config, const char *interface)
{
	for (size_t i = 0; i < config->interfaces; i++)
		if (!strcmp(config->interface[i].name, interface))
			return true;
	return false;
}

static void let_go(struct datapath *datapath, struct attachment *at)
{
	follow_let_go(datapath, at);
	hold_let_go(datapath, at->interface, &at->limiter);
}

static void forget(struct datapath *datapath, struct attachment *at)
{
	*at = datapath->attachment[--datapath->attachments];
}

/* ------------------------------------------------------------------------------------ attaching */

static int attach_new(struct datapath *datapath, const struct config_interface *wanted,
		      struct datapath_error *error)
{
	struct attachment *at = &datapath->attachment[datapath->attachments];
	int result;

	*at = (struct attachment){.wanted = wanted->attach,
				  .before = wanted->attach,
				  .limiter = HOLD_NOTHING,
				  .flow = {HOLD_NOTHING, HOLD_NOTHING}};
	snprintf(at->interface, sizeof(at->interface), "%s", wanted->name);
	if (attach_adopt(datapath, at)) {
		result = attach_one(datapath, at, error);
		at->fresh = true;
	} else {
		result = attach_change(datapath, at, wanted->attach, error);
	}
	if (!result || at->limiter.ifindex)
		datapath->attachments++;
	return result;
}

/* One that is away just now stays awaited, and is no error. */
static int attach_again(struct datapath *datapath, struct attachment *at, enum config_attach wanted,
			struct datapath_error *error)
{
	if (at->limiter.ifindex == attach_ifindex(at->interface) && hold_is_alive(&at->limiter))
		return attach_change(datapath, at, wanted, error);
	hold_let_go(datapath, at->interface, &at->limiter);
	at->wanted = wanted;
	return attach_ifindex(at->interface) ? attach_one(datapath, at, error) : 0;
}

int interfaces_attach(struct datapath *datapath, const struct config *config,
		      struct datapath_error *error)
{
	int result = 0;

	for (size_t i = 0; i < datapath->attachments; i++) {
		datapath->attachment[i].fresh = false;
		datapath->attachment[i].before = datapath->attachment[i].wanted;
	}
	for (size_t i = 0; i < config->interfaces && !result; i++) {
		const struct config_interface *wanted = &config->interface[i];
		struct attachment *at = find(datapath, wanted->name);

		result = at ? attach_again(datapath, at, wanted->attach, error)
			    : attach_new(datapath, wanted, error);
	}
	if (result)
		interfaces_take_back(datapath);
	return result;
}

void interfaces_take_back(struct datapath *datapath)
{
	struct datapath_error error;

	for (size_t i = datapath->attachments; i-- > 0;) {
		struct attachment *at = &datapath->attachment[i];

		if (at->fresh) {
			let_go(datapath, at);
			forget(datapath, at);
		} else if (at->wanted != at->before) {
			attach_change(datapath, at, at->before, &error);
		}
	}
}

void interfaces_release(struct datapath *datapath, const struct config *config)
{
	for (size_t i = datapath->attachments; i-- > 0;) {
		struct attachment *at = &datapath->attachment[i];

		if (names(config, at->interface))
			continue;
		let_go(datapath, at);
		forget(datapath, at);
	}
}

static bool is_pin_of(const struct attachment *at, const struct hold *hold, const char *name)
{
	char pin[PIN_NAME_MAX];

	if (hold->link < 0)
		return false;
	hold_pin_name(at->interface, hold->program, pin);
	return !strcmp(pin, name);
}

void interfaces_remove_strays(struct datapath *datapath)
{
	DIR *directory = opendir(datapath->pins);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		bool ours = strncmp(entry->d_name, "link_", 5);

		for (size_t i = 0; i < datapath->attachments && !ours; i++) {
			const struct attachment *at = &datapath->attachment[i];

			ours = is_pin_of(at, &at->limiter, entry->d_name) ||
			       is_pin_of(at, &at->flow[0], entry->d_name) ||
			       is_pin_of(at, &at->flow[1], entry->d_name);
		}
		if (!ours)
			unlinkat(dirfd(directory), entry->d_name, 0);
	}
	if (directory)
		closedir(directory);
}

/* --------------------------------------------------------------------------------- the public */

/*
 * What became of an interface that changed, for the log; NULL: nothing worth a line. One that is being
 * deleted loses its link before its name.
 */
static const char *look_at(struct datapath *datapath, struct attachment *at, uint32_t ifindex,
			   struct datapath_error *error)
{
	uint32_t had = at->limiter.ifindex;
	const char *back = had == ifindex ? "was detached by somebody else, attached again"
					  : "is back, attached";

	/* The kernel took the link with the device. */
	hold_let_go(datapath, at->interface, &at->limiter);
	if (ifindex && !attach_one(datapath, at, error)) {
		at->refused = 0;
		return back;
	}
	if (!attach_ifindex(at->interface)) {
		at->refused = 0;
		return had ? "is gone; waiting for it to come back" : NULL;
	}
	if (at->refused == ifindex) /* said already; tried again at each look */
		return NULL;
	at->refused = ifindex;
	return error->text;
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
		const char *what;

		if (at->limiter.ifindex == ifindex && (!ifindex || hold_is_alive(&at->limiter))) {
			follow_again(datapath, at);
			continue;
		}
		what = look_at(datapath, at, ifindex, &error);
		follow_again(datapath, at);
		if (!what)
			continue;
		used += (size_t)snprintf(changed + used, used < size ? size - used : 0, "%s%s%s%s",
					 changes ? "\n" : "",
					 what == error.text ? "" : at->interface,
					 what == error.text ? "" : " ", what);
		if (used >= size)
			used = size - 1;
		changes++;
	}
	if (changes)
		apply_again(datapath, &error);
	return changes;
}

void interfaces_close(struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->attachments; i++) {
		struct attachment *at = &datapath->attachment[i];

		cleanup_close(&at->limiter.link);
		cleanup_close(&at->flow[0].link);
		cleanup_close(&at->flow[1].link);
	}
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

static uint32_t program_id(const struct datapath *datapath, enum program_index program)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);

	return bpf_obj_get_info_by_fd(datapath->program[program], &info, &length) ? 0 : info.id;
}

size_t datapath_links(struct datapath *datapath, struct datapath_link out[WEIR_INTERFACES])
{
	for (size_t i = 0; i < datapath->attachments; i++) {
		const struct attachment *at = &datapath->attachment[i];
		struct datapath_link *link = &out[i];

		memset(link, 0, sizeof(*link));
		snprintf(link->interface, sizeof(link->interface), "%s", at->interface);
		for (uint32_t n = 0; n < WEIR_INTERFACES; n++)
			if (!strcmp(datapath->state->interface[n], at->interface))
				link->number = n;
		link->ifindex = at->limiter.ifindex;
		snprintf(link->mode, sizeof(link->mode), "%s", hold_mode(&at->limiter));
		link->attached = hold_is_alive(&at->limiter) && strcmp(link->mode, "absent");
		snprintf(link->hook, sizeof(link->hook), "%s", hold_hook(&at->limiter));
		link->prog_id = link->ifindex ? program_id(datapath, at->limiter.program) : 0;
		link->followed = at->limiter.ifindex && follow_is_alive(at);
		for (int k = 0; k < 2; k++)
			snprintf(link->flow_mode[k], sizeof(link->flow_mode[k]), "%s",
				 hold_mode(&at->flow[k]));
		snprintf(link->flow_error, sizeof(link->flow_error), "%s", at->flow_error);
	}
	return datapath->attachments;
}
