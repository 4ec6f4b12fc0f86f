// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Makes or adopts the maps, loads the programs over them, and maps the tables into this process. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "bpf/abi/types.h"
/* after the types it uses */
#include "bpf/weir_flow.skel.h"
#include "bpf/weir_tc.skel.h"
#include "bpf/weir_xdp.skel.h"
#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/datapath/internal.h"

const char *const map_names[MAP_COUNT] = {
	[MAP_CLIENTS] = "weir_clients",	  [MAP_CONTROL] = "weir_control",
	[MAP_CONFIG] = "weir_config",	  [MAP_STATE] = "weir_state",
	[MAP_PREFIX_0] = "weir_prefix_0", [MAP_PREFIX_1] = "weir_prefix_1",
	[MAP_BAN] = "weir_ban",		  [MAP_DST_0] = "weir_dst_0",
	[MAP_DST_1] = "weir_dst_1",	  [MAP_GROUP] = "weir_group",
	[MAP_CHUNK] = "weir_chunk",	  [MAP_SERIES] = "weir_series",
	[MAP_TOTALS] = "weir_totals",	  [MAP_EVENTS] = "weir_events",
	[MAP_FLOWS] = "weir_flows",	  [MAP_ENDPOINTS] = "weir_endpoints",
	[MAP_LATENCY] = "weir_latency",	  [MAP_CALLS] = "weir_calls",
	[MAP_LATE] = "weir_late",	  [MAP_FLOW_SUMS] = "weir_flow_sums",
	[MAP_BREAKER] = "weir_breaker",	  [MAP_OUTCOMES] = "weir_outcomes",
	[MAP_SHARE] = "weir_share",	  [MAP_HOT] = "weir_hot",
};

/* Why a load failed, in one line: the verifier's own last line where there is one, else libbpf's first */
static char reason[256];

/* The line of a verifier log before its closing "processed N insns" */
static const char *verdict_line(char *log)
{
	char *end = strstr(log, "\nprocessed "), *line;

	if (!end)
		return NULL;
	*end = '\0';
	line = strrchr(log, '\n');
	return line ? line + 1 : log;
}

static int keep_reason(enum libbpf_print_level level, const char *format, va_list arguments)
{
	_cleanup_free_ char *text = NULL;
	const char *line;

	if (vasprintf(&text, format, arguments) < 0)
		return 0;
	if (level == LIBBPF_WARN) {
		line = verdict_line(text);
		if (line || !reason[0])
			snprintf(reason, sizeof(reason), "%.*s",
				 (int)strcspn(line ? line : text, "\n"), line ? line : text);
	}
	return 0;
}

static int load_failed(const char *what, int code, struct datapath_error *error)
{
	struct utsname kernel = {};

	uname(&kernel);
	if (code == -EPERM)
		return fail(
			error, code,
			"%s: not permitted, though no capability is missing; a container's seccomp "
			"filter or kernel lockdown may forbid bpf(2)",
			what);
	return fail(error, code,
		    "%s: %s; Linux 6.1 or newer with CONFIG_BPF_SYSCALL, CONFIG_BPF_JIT and "
		    "CONFIG_NET_CLS_ACT is needed, this is %s; the kernel says: %s",
		    what, strerror(-code), kernel.release, reason);
}

/* -------------------------------------------------------------------------------- adopted maps */

static int open_pin(const struct datapath *datapath, const char *name)
{
	char path[PIN_PATH_MAX];

	pin_path(datapath, name, path);
	return bpf_obj_get(path);
}

int map_value_size(int fd)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &length) ? -errno : (int)info.value_size;
}

/* The leavings of a start that never finished: nothing is attached to them. */
static void unpin_maps(const struct datapath *datapath)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		char path[PIN_PATH_MAX];

		pin_path(datapath, map_names[i], path);
		unlink(path);
	}
}

static int incomplete(const struct datapath *datapath, int map, int code,
		      struct datapath_error *error)
{
	return fail(error, -code,
		    "the pins in %s are incomplete: %s: %s; run `weir detach --pins %s`",
		    datapath->pins, map_names[map], strerror(code), datapath->pins);
}

/*
 * Opens what an earlier daemon pinned. 1: adopted, 0: nothing there (or the leavings of a start that
 * never finished, taken away), -errno with a message.
 */
static int adopt_maps(struct datapath *datapath, struct datapath_error *error)
{
	struct weir_state *state;
	int fd = open_pin(datapath, map_names[MAP_STATE]);
	uint32_t layout, zero = 0;

	if (fd < 0 && errno == EPERM)
		return load_failed("opening the pins", -EPERM, error);
	if (fd < 0 && pins_count_links(datapath->pins) > 0)
		return incomplete(datapath, MAP_STATE, ENOENT, error);
	if (fd < 0) {
		unpin_maps(datapath);
		return 0;
	}
	datapath->map[MAP_STATE] = fd;
	state = calloc(1, (size_t)map_value_size(fd) + sizeof(*state));
	if (!state)
		return fail(error, -ENOMEM, "out of memory");
	bpf_map_lookup_elem(fd, &zero, state);
	layout = state->layout;
	datapath->sets = state->sets;
	datapath->flow_sets = state->flow_sets;
	free(state);
	if (layout == 0 && pins_count_links(datapath->pins) == 0) {
		close(fd);
		datapath->map[MAP_STATE] = -1;
		unpin_maps(datapath);
		return 0;
	}
	if (layout != WEIR_LAYOUT)
		return fail(
			error, -EPROTO,
			"the pins in %s have layout %u, this weir has layout %d and cannot adopt "
			"them; run `weir detach --pins %s` with either version (limits are not "
			"enforced until the next start), then start again",
			datapath->pins, layout, WEIR_LAYOUT, datapath->pins);
	for (int i = 0; i < MAP_COUNT; i++) {
		if (i == MAP_STATE)
			continue;
		datapath->map[i] = open_pin(datapath, map_names[i]);
		if (datapath->map[i] < 0)
			return incomplete(datapath, i, errno, error);
	}
	return 1;
}

/* ------------------------------------------------------------------------------------- loading */

static int reuse_maps(struct datapath *datapath, struct bpf_object *object)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, map_names[i]);
		int result;

		if (!map || datapath->map[i] < 0)
			continue;
		result = bpf_map__reuse_fd(map, datapath->map[i]);
		if (result)
			return result;
	}
	return 0;
}

/* Seeds: random for new pins, as they were for adopted ones. The multipliers must be odd. */
static int seeds(struct datapath *datapath, u64 seed[3])
{
	struct weir_state state;
	uint32_t zero = 0;

	if (datapath->adopted) {
		if (bpf_map_lookup_elem(datapath->map[MAP_STATE], &zero, &state))
			return -errno;
		memcpy(seed, state.seed, sizeof(state.seed));
		return 0;
	}
	if (getrandom(seed, 3 * sizeof(*seed), 0) != 3 * sizeof(*seed))
		return -EIO;
	seed[1] |= 1;
	seed[2] |= 1;
	return 0;
}

static int map_tables(struct datapath *datapath, struct datapath_error *error)
{
	struct {
		void **at;
		int map;
		size_t size;
		int protection;
	} tables[] = {
		{(void **)&datapath->control, MAP_CONTROL, sizeof(struct weir_control),
		 PROT_READ | PROT_WRITE},
		{(void **)&datapath->side, MAP_CONFIG, 2 * sizeof(struct weir_side),
		 PROT_READ | PROT_WRITE},
		{(void **)&datapath->state, MAP_STATE, sizeof(struct weir_state),
		 PROT_READ | PROT_WRITE},
		{(void **)&datapath->clients, MAP_CLIENTS,
		 datapath->sets * sizeof(struct weir_client_set), PROT_READ | PROT_WRITE},
		{(void **)&datapath->groups, MAP_GROUP, WEIR_GROUPS * sizeof(struct weir_group),
		 PROT_READ | PROT_WRITE},
		{(void **)&datapath->share, MAP_SHARE, WEIR_SHARES * sizeof(struct weir_share),
		 PROT_READ | PROT_WRITE},
		{(void **)&datapath->flows, MAP_FLOWS,
		 datapath->flow_sets * sizeof(struct weir_flow_set), PROT_READ | PROT_WRITE},
		{(void **)&datapath->late, MAP_LATE, WEIR_ENDPOINTS * sizeof(struct weir_late),
		 PROT_READ | PROT_WRITE},
		{(void **)&datapath->breaker, MAP_BREAKER,
		 WEIR_ENDPOINTS * sizeof(struct weir_breaker), PROT_READ | PROT_WRITE},
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		void *at = mmap(NULL, tables[i].size, tables[i].protection, MAP_SHARED,
				datapath->map[tables[i].map], 0);

		if (at == MAP_FAILED)
			return fail(error, -errno, "cannot map the table %s: %s",
				    map_names[tables[i].map], strerror(errno));
		*tables[i].at = at;
	}
	return 0;
}

static int pin_maps(struct datapath *datapath, struct datapath_error *error)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		char path[PIN_PATH_MAX];

		pin_path(datapath, map_names[i], path);
		if (bpf_obj_pin(datapath->map[i], path))
			return fail(error, -errno, "cannot pin %s: %s", path, strerror(errno));
	}
	return 0;
}

/* Descriptors of our own: they outlive the object, and the next one reuses them. */
static int take_maps(struct datapath *datapath, struct bpf_object *object)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, map_names[i]);

		if (!map || datapath->map[i] >= 0)
			continue;
		datapath->map[i] = dup(bpf_map__fd(map));
		if (datapath->map[i] < 0)
			return -errno;
	}
	return 0;
}

#define SET_CONSTANTS(skeleton, seed, datapath)                                            \
	do {                                                                               \
		memcpy((void *)(skeleton)->rodata->weir_seed, seed, 24);                   \
		*(u32 *)&(skeleton)->rodata->weir_sets = (datapath)->sets;                 \
		bpf_map__set_max_entries((skeleton)->maps.weir_clients, (datapath)->sets); \
	} while (0)

static int load_xdp(struct datapath *datapath, const u64 seed[3])
{
	struct weir_xdp_bpf *skeleton = weir_xdp_bpf__open();
	int result;

	if (!skeleton)
		return -errno;
	SET_CONSTANTS(skeleton, seed, datapath);
	result = reuse_maps(datapath, skeleton->obj);
	if (!result)
		result = weir_xdp_bpf__load(skeleton);
	if (!result)
		result = take_maps(datapath, skeleton->obj);
	if (!result)
		datapath->program[PROGRAM_XDP] = dup(bpf_program__fd(skeleton->progs.weir_xdp));
	weir_xdp_bpf__destroy(skeleton);
	return result;
}

static int load_tc(struct datapath *datapath, const u64 seed[3])
{
	struct weir_tc_bpf *skeleton = weir_tc_bpf__open();
	int result;

	if (!skeleton)
		return -errno;
	SET_CONSTANTS(skeleton, seed, datapath);
	result = reuse_maps(datapath, skeleton->obj);
	if (!result)
		result = weir_tc_bpf__load(skeleton);
	if (!result)
		datapath->program[PROGRAM_TC] = dup(bpf_program__fd(skeleton->progs.weir_tc));
	weir_tc_bpf__destroy(skeleton);
	return result;
}

/* programs: load them, not the maps alone */
static int load_flow_object(struct datapath *datapath, const u64 seed[3], bool programs)
{
	struct weir_flow_bpf *skeleton = weir_flow_bpf__open();
	int result;

	if (!skeleton)
		return -errno;
	SET_CONSTANTS(skeleton, seed, datapath);
	*(u32 *)&skeleton->rodata->weir_flow_sets = datapath->flow_sets;
	bpf_map__set_max_entries(skeleton->maps.weir_flows, datapath->flow_sets);
	bpf_program__set_autoload(skeleton->progs.weir_flow_in, programs);
	bpf_program__set_autoload(skeleton->progs.weir_flow_out, programs);
	result = reuse_maps(datapath, skeleton->obj);
	if (!result)
		result = weir_flow_bpf__load(skeleton);
	if (!result)
		result = take_maps(datapath, skeleton->obj);
	if (!result && programs) {
		datapath->program[PROGRAM_FLOW_IN] =
			dup(bpf_program__fd(skeleton->progs.weir_flow_in));
		datapath->program[PROGRAM_FLOW_OUT] =
			dup(bpf_program__fd(skeleton->progs.weir_flow_out));
	}
	weir_flow_bpf__destroy(skeleton);
	return result;
}

/*
 * Apart from the rest, and after it: enforcement does not wait for the verifier to walk these as well. The maps are there
 * by then, whatever becomes of the programs, so that a later daemon, or kernel, finds the pins complete.
 */
void load_flow_programs(struct datapath *datapath)
{
	int result;

	if (datapath->flow_tried)
		return;
	datapath->flow_tried = true;
	reason[0] = '\0';
	result = load_flow_object(datapath, datapath->state->seed, true);
	if (result)
		log_warning("datapath",
			    "the kernel refuses the programs of telemetry: %s: %s; limits are "
			    "enforced without it",
			    strerror(-result), reason);
}

/* Notes in the state what a later daemon must know. The layout goes last: until then nothing is adopted. */
static void found(struct datapath *datapath, const u64 seed[3])
{
	struct weir_state *state = datapath->state;

	if (datapath->adopted) {
		state->adoptions++;
		return;
	}
	memcpy(state->seed, seed, sizeof(state->seed));
	state->sets = datapath->sets;
	state->flow_sets = datapath->flow_sets;
	state->created_ns = clock_unix_ns();
	__atomic_store_n(&state->layout, WEIR_LAYOUT, __ATOMIC_RELEASE);
}

static uint32_t sets_for(uint64_t entries)
{
	return entries > WEIR_WAYS ? (uint32_t)((entries + WEIR_WAYS - 1) / WEIR_WAYS) : 1;
}

/* The sizes of the tables are those of the pins; of new pins, those configured. */
static void size_tables(struct datapath *datapath, const struct config *config)
{
	struct {
		const char *name;
		uint32_t *sets;
		uint64_t wanted;
	} tables[] = {
		{"client", &datapath->sets, config->clients},
		{"flow", &datapath->flow_sets, config->flows},
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (!datapath->adopted)
			*tables[i].sets = sets_for(tables[i].wanted);
		else if (*tables[i].sets != sets_for(tables[i].wanted))
			log_warning(
				"datapath",
				"the adopted %s table has %u entries, not %llu as configured; the "
				"size changes with the next `weir detach`",
				tables[i].name, *tables[i].sets * WEIR_WAYS,
				(unsigned long long)tables[i].wanted);
	}
}

int load_programs(struct datapath *datapath, const struct config *config,
		  struct datapath_error *error)
{
	u64 seed[3];
	int result;

	libbpf_set_print(keep_reason);
	reason[0] = '\0';
	datapath->cpus = libbpf_num_possible_cpus();
	result = adopt_maps(datapath, error);
	if (result < 0)
		return result;
	datapath->adopted = result;
	size_tables(datapath, config);
	result = seeds(datapath, seed);
	if (result)
		return fail(error, result, "cannot make a hash seed: %s", strerror(-result));
	result = load_xdp(datapath, seed);
	if (result)
		return load_failed("loading the XDP program", result, error);
	result = load_tc(datapath, seed);
	if (result)
		return load_failed("loading the TC program", result, error);
	result = load_flow_object(datapath, seed, false);
	if (result)
		return load_failed("making the maps of telemetry", result, error);
	if (datapath->program[PROGRAM_XDP] < 0 || datapath->program[PROGRAM_TC] < 0)
		return fail(error, -EMFILE, "too many open files");
	result = map_tables(datapath, error);
	if (!result && !datapath->adopted)
		result = pin_maps(datapath, error);
	if (!result)
		found(datapath, seed);
	return result;
}

static void unmap(const void *at, size_t size)
{
	if (at)
		munmap((void *)at, size);
}

void load_close(struct datapath *datapath)
{
	unmap(datapath->control, sizeof(struct weir_control));
	unmap(datapath->side, 2 * sizeof(struct weir_side));
	unmap(datapath->state, sizeof(struct weir_state));
	unmap(datapath->clients, datapath->sets * sizeof(struct weir_client_set));
	unmap(datapath->groups, WEIR_GROUPS * sizeof(struct weir_group));
	unmap(datapath->share, WEIR_SHARES * sizeof(struct weir_share));
	unmap(datapath->flows, datapath->flow_sets * sizeof(struct weir_flow_set));
	unmap(datapath->late, WEIR_ENDPOINTS * sizeof(struct weir_late));
	unmap(datapath->breaker, WEIR_ENDPOINTS * sizeof(struct weir_breaker));
	for (int i = 0; i < MAP_COUNT; i++)
		cleanup_close(&datapath->map[i]);
	for (int i = 0; i < PROGRAM_COUNT; i++)
		cleanup_close(&datapath->program[i]);
}

int load_try(struct datapath_error *error)
{
	struct datapath datapath = {.pins_fd = -1, .sets = 1, .flow_sets = 1};
	const u64 seed[3] = {0, 1, 1};
	int result;

	for (int i = 0; i < MAP_COUNT; i++)
		datapath.map[i] = -1;
	for (int i = 0; i < PROGRAM_COUNT; i++)
		datapath.program[i] = -1;
	libbpf_set_print(keep_reason);
	reason[0] = '\0';
	result = load_xdp(&datapath, seed);
	if (!result)
		result = load_tc(&datapath, seed);
	if (!result)
		result = load_flow_object(&datapath, seed, true);
	load_close(&datapath);
	return result ? load_failed("loading the programs", result, error) : 0;
}

const char *datapath_libbpf_version(void)
{
	return libbpf_version_string();
}
