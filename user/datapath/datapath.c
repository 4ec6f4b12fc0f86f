// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/datapath.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/datapath/internal.h"
#include "user/datapath/shares_internal.h"

static void release(struct datapath *datapath)
{
	if (!datapath)
		return;
	ring_buffer__free(datapath->ring);
	ring_buffer__free(datapath->outcomes);
	shares_close(datapath);
	interfaces_close(datapath);
	load_close(datapath);
	cleanup_close(&datapath->pins_fd);
	free(datapath->prefixes[0].at);
	free(datapath->prefixes[1].at);
	free(datapath->bans);
	config_unref(datapath->config);
	free(datapath->pins);
	free(datapath);
}

static int on_ring(void *context, void *data, size_t size)
{
	struct datapath *datapath = context;

	if (datapath->on_event && size >= sizeof(struct weir_event))
		datapath->on_event(datapath->on_event_context, data);
	return 0;
}

static int on_outcomes(void *context, void *data, size_t size)
{
	struct datapath *datapath = context;

	if (datapath->on_outcome && size >= sizeof(struct weir_outcome))
		datapath->on_outcome(datapath->on_outcome_context, data);
	return 0;
}

static int open_all(struct datapath *datapath, const struct config *config,
		    struct datapath_error *error)
{
	int result = privileges_check(error);

	if (!result)
		result = pins_open(config->pins, &datapath->pins_fd, error);
	if (result)
		return result;
	datapath->fresh_pins = pins_count_links(config->pins) == 0;
	result = load_programs(datapath, config, error);
	if (!result)
		result = bans_adopt(datapath, error);
	if (result)
		return result;
	datapath->ring = ring_buffer__new(datapath->map[MAP_EVENTS], on_ring, datapath, NULL);
	if (!datapath->ring)
		return fail(error, -errno, "cannot read the event ring: %s", strerror(errno));
	datapath->outcomes =
		ring_buffer__new(datapath->map[MAP_OUTCOMES], on_outcomes, datapath, NULL);
	if (!datapath->outcomes)
		return fail(error, -errno, "cannot read the ring of outcomes: %s", strerror(errno));
	return shares_open(datapath, error);
}

int datapath_open(const struct config *config, struct datapath **out, struct datapath_error *error)
{
	struct datapath *datapath = calloc(1, sizeof(*datapath));
	int result;

	if (!datapath || !(datapath->pins = strdup(config->pins))) {
		free(datapath);
		return fail(error, -ENOMEM, "out of memory");
	}
	datapath->pins_fd = -1;
	for (int i = 0; i < MAP_COUNT; i++)
		datapath->map[i] = -1;
	for (int i = 0; i < PROGRAM_COUNT; i++)
		datapath->program[i] = -1;
	result = open_all(datapath, config, error);
	if (result) {
		if (datapath->pins_fd >= 0 && datapath->fresh_pins && !datapath->adopted)
			pins_remove_all(datapath->pins);
		release(datapath);
		return result;
	}
	*out = datapath;
	return 0;
}

bool datapath_adopted(const struct datapath *datapath)
{
	return datapath->adopted;
}

void datapath_close(struct datapath *datapath)
{
	release(datapath);
}

/* Interfaces with a clsact filter have no pin: their names are in the state. */
static void unfilter_all(const char *pins)
{
	char path[PIN_PATH_MAX];
	struct weir_state *state;
	_cleanup_close_ int fd = -1;
	uint32_t zero = 0;

	snprintf(path, sizeof(path), "%s/%s", pins, map_names[MAP_STATE]);
	fd = bpf_obj_get(path);
	state = calloc(1, sizeof(*state));
	if (fd >= 0 && state && !bpf_map_lookup_elem(fd, &zero, state))
		for (int i = 0; i < WEIR_INTERFACES; i++)
			if (state->interface[i][0])
				attach_unfilter(state->interface[i]);
	free(state);
}

int datapath_detach_pins(const char *pins, char *error, size_t size)
{
	_cleanup_close_ int fd = -1;
	struct datapath_error why = {};
	int result;

	if (access(pins, F_OK)) {
		snprintf(error, size, "there is nothing pinned in %s", pins);
		return -ENOENT;
	}
	libbpf_set_print(NULL); /* a filter that is not there is no news */
	result = pins_open(pins, &fd, &why);
	if (!result) {
		unfilter_all(pins);
		result = pins_remove_all(pins);
		if (result < 0)
			fail(&why, result, "cannot remove the pins in %s: %s", pins,
			     strerror(-result));
	}
	if (result < 0)
		snprintf(error, size, "%s", why.text);
	return result;
}
