// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the kernel can, by trying it; and which programs an interface has. */
#include "user/datapath/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sched.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "user/base/cleanup.h"
#include "user/datapath/internal.h"

/* From linux/bpf.h of 6.6, as in hold.c */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define LOOPBACK 1		/* the interface each network namespace has, by this number */
#define NO_INTERFACE 0x7fffffff /* a number that none has */
#define RING_BYTES 65536	/* a multiple of any page */

static int descriptor(int result)
{
	return result < 0 ? -errno : result;
}

/* ------------------------------------------------------------------------------------- features */

static int try_map(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t entries,
		   uint32_t flags, int *out)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
	int fd = descriptor(bpf_map_create(type, "weir_try", key, value, entries, &options));

	if (fd < 0)
		return fd;
	*out = fd;
	return 0;
}

static void try_maps(struct inspect_bpf *out)
{
	_cleanup_close_ int array = -1, mapped = -1, ring = -1;
	long page = sysconf(_SC_PAGESIZE);
	void *at;

	out->map = try_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0, &array);
	out->ring = try_map(BPF_MAP_TYPE_RINGBUF, 0, 0, RING_BYTES, 0, &ring);
	out->mmap = try_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE, &mapped);
	if (out->mmap)
		return;
	at = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0);
	if (at == MAP_FAILED)
		out->mmap = -errno;
	else
		munmap(at, (size_t)page);
}

/* "return value", and nothing else */
static int smallest_program(enum bpf_prog_type type, int value)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return descriptor(bpf_prog_load(type, "weir_try", "Dual BSD/GPL", code,
					sizeof(code) / sizeof(*code), NULL));
}

static bool is_compiled(int program)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);

	return !bpf_obj_get_info_by_fd(program, &info, &length) && info.jited_prog_len;
}

/* --------------------------------------------------------------------------------------- places */

struct places {
	int xdp, tcx, clsact;
};

static int try_link(int program, enum bpf_attach_type type, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int fd = descriptor(bpf_link_create(program, LOOPBACK, type, &options));

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int try_clsact(int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LOOPBACK, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = 1, .priority = 1, .prog_fd = program);
	int result = bpf_tc_hook_create(&hook);

	return result ? result : bpf_tc_attach(&hook, &options);
}

/* In a child with a network of its own, which goes with it */
static void try_in_child(int xdp, int tc, int report)
{
	struct places places;

	if (unshare(CLONE_NEWNET))
		_exit(1);
	places.xdp = try_link(xdp, BPF_XDP, XDP_FLAGS_SKB_MODE);
	places.tcx = try_link(tc, TCX_INGRESS, 0);
	places.clsact = try_clsact(tc);
	_exit(write(report, &places, sizeof(places)) != sizeof(places));
}

/* A kernel without tcx does not know the word; one that has it misses the interface. */
static int ask_for_tcx(int program)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	int fd = descriptor(bpf_link_create(program, NO_INTERFACE, TCX_INGRESS, &options));

	return fd == -ENODEV ? 0 : fd == -EPERM ? INSPECT_UNKNOWN : -EOPNOTSUPP;
}

static void try_places(int xdp, int tc, struct inspect_bpf *out)
{
	struct places places;
	int report[2], status;
	pid_t child;

	out->xdp = out->clsact = INSPECT_UNKNOWN;
	out->tcx = ask_for_tcx(tc);
	if (pipe2(report, O_CLOEXEC))
		return;
	child = fork();
	if (!child)
		try_in_child(xdp, tc, report[1]);
	close(report[1]);
	if (child > 0 && read(report[0], &places, sizeof(places)) == sizeof(places)) {
		out->xdp = places.xdp;
		out->tcx = places.tcx;
		out->clsact = places.clsact;
	}
	close(report[0]);
	if (child > 0)
		waitpid(child, &status, 0);
}

static bool is_admin(void)
{
	cap_flag_value_t has = CAP_CLEAR;
	cap_t mine = cap_get_proc();

	if (mine && cap_get_flag(mine, CAP_SYS_ADMIN, CAP_EFFECTIVE, &has))
		has = CAP_CLEAR;
	cap_free(mine);
	return has == CAP_SET;
}

void inspect_bpf(struct inspect_bpf *out)
{
	_cleanup_close_ int xdp = -1, tc = -1;
	struct datapath_error error = {};

	*out = (struct inspect_bpf){.admin = is_admin(),
				    .program = INSPECT_UNKNOWN,
				    .own = INSPECT_UNKNOWN,
				    .map = INSPECT_UNKNOWN,
				    .mmap = INSPECT_UNKNOWN,
				    .ring = INSPECT_UNKNOWN,
				    .xdp = INSPECT_UNKNOWN,
				    .tcx = INSPECT_UNKNOWN,
				    .clsact = INSPECT_UNKNOWN};
	if (privileges_missing(out->missing, sizeof(out->missing)))
		return;
	libbpf_set_print(NULL);
	try_maps(out);
	xdp = smallest_program(BPF_PROG_TYPE_XDP, XDP_PASS);
	tc = smallest_program(BPF_PROG_TYPE_SCHED_CLS, -1 /* TCX_NEXT, TC_ACT_UNSPEC */);
	out->program = xdp < 0 ? xdp : tc < 0 ? tc : 0;
	if (out->program)
		return;
	out->compiled = is_compiled(xdp);
	try_places(xdp, tc, out);
	out->own = load_try(&error);
	snprintf(out->own_error, sizeof(out->own_error), "%s", error.text);
	libbpf_set_print(NULL);
}

/* ---------------------------------------------------------------------------------- an interface */

static uint32_t pinned_program(const char *pins, const char *interface, enum program_index program)
{
	char name[PIN_NAME_MAX], path[PIN_PATH_MAX];
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);
	_cleanup_close_ int fd = -1;

	hold_pin_name(interface, program, name);
	snprintf(path, sizeof(path), "%s/%s", pins, name);
	fd = bpf_obj_get(path);
	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &length) ? info.prog_id : 0;
}

static void describe(const char *pins, const char *interface, uint32_t id,
		     struct inspect_program *out)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);

	*out = (struct inspect_program){.id = id};
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &length))
		snprintf(out->name, sizeof(out->name), "%s", info.name);
	out->ours = !strncmp(out->name, "weir_", 5);
	for (int i = 0; i < PROGRAM_COUNT && !out->ours; i++)
		out->ours = pinned_program(pins, interface, i) == id;
}

void inspect_attached(const char *pins, const char *interface, struct inspect_attached *out)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	uint32_t id[INSPECT_PROGRAMS], count = INSPECT_PROGRAMS, flags = 0;
	uint32_t ifindex = attach_ifindex(interface);

	*out = (struct inspect_attached){0};
	libbpf_set_print(NULL);
	out->found = bpf_xdp_query((int)ifindex, 0, &query);
	if (out->found)
		return;
	if (query.prog_id)
		describe(pins, interface, query.prog_id, &out->xdp);
	out->generic = query.attach_mode == XDP_ATTACHED_SKB;
	if (bpf_prog_query((int)ifindex, TCX_INGRESS, 0, &flags, id, &count))
		return; /* before 6.6, or not for us to know */
	for (uint32_t i = 0; i < count && i < INSPECT_PROGRAMS; i++)
		describe(pins, interface, id[i], &out->tcx[out->tcxs++]);
}
