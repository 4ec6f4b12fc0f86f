// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Kernel, rights, pins and memory */
#include <errno.h>
#include <string.h>

#include "bpf/abi/client.h"
#include "bpf/abi/counter.h"
#include "bpf/abi/flow.h"
#include "bpf/abi/latency.h"
#include "bpf/abi/types.h"
#include "user/doctor/judge.h"

#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1
/* Beside the tables: what the maps of a fixed size take, and the daemon */
#define REST_BYTES (32ULL << 20)
#define MIB(bytes) ((unsigned long long)((bytes) >> 20))

#define NOT_TRIED "not tried without%s"
#define NOT_TRIED_FIX "run it as root, or with the capabilities that are missing"

void judge_kernel(const struct facts *facts, struct report_check *out)
{
	const struct facts_kernel *kernel = &facts->kernel;

	if (kernel->major > KERNEL_MAJOR ||
	    (kernel->major == KERNEL_MAJOR && kernel->minor >= KERNEL_MINOR)) {
		report_say(out, REPORT_OK, "Linux %s", kernel->release);
		return;
	}
	report_say(out, REPORT_FAIL, "Linux %s; expected %d.%d or later", kernel->release,
		   KERNEL_MAJOR, KERNEL_MINOR);
	report_fix(out, "boot a newer kernel: Debian 12 has 6.1, Debian 13 has 6.12");
}

/* Of who asks: root without them is in a container as the daemon would be, anybody else is not. */
void judge_capabilities(const struct facts *facts, struct report_check *out)
{
	if (!facts->bpf.missing[0]) {
		report_say(out, REPORT_OK, "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are there");
		return;
	}
	if (facts->user) {
		report_say(out, REPORT_SKIP,
			   "this user has not got%s, so some of this is not tried",
			   facts->bpf.missing);
		report_fix(out, NOT_TRIED_FIX);
		return;
	}
	report_say(out, REPORT_FAIL, "root, but without%s: `weir run` does not start like this",
		   facts->bpf.missing);
	report_fix(out, "give the service or container CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON "
			"(docs/deployment.md)");
}

static void not_tried(const struct facts *facts, struct report_check *out)
{
	report_say(out, REPORT_SKIP, NOT_TRIED, facts->bpf.missing);
	report_fix(out, NOT_TRIED_FIX);
}

void judge_bpf(const struct facts *facts, struct report_check *out)
{
	const struct {
		const char *what;
		int found;
	} tried[] = {
		{"make an array", facts->bpf.map},
		{"map an array into memory (BPF_F_MMAPABLE)", facts->bpf.mmap},
		{"make a ring buffer", facts->bpf.ring},
		{"load a program", facts->bpf.program},
	};

	if (facts->bpf.map == INSPECT_UNKNOWN) {
		not_tried(facts, out);
		return;
	}
	for (size_t i = 0; i < sizeof(tried) / sizeof(*tried); i++) {
		if (!tried[i].found)
			continue;
		report_say(out, REPORT_FAIL, "the kernel does not %s: %s", tried[i].what,
			   strerror(-tried[i].found));
		if (tried[i].found == -EPERM)
			report_fix(out,
				   "no capability is missing: look for a seccomp filter of the "
				   "container, or kernel lockdown, that forbids bpf(2)");
		else
			report_fix(out, "a kernel with CONFIG_BPF_SYSCALL and CONFIG_BPF_JIT is "
					"needed");
		return;
	}
	report_say(out, REPORT_OK, "arrays, mapped arrays, ring buffers and programs can be made");
}

void judge_programs(const struct facts *facts, struct report_check *out)
{
	if (facts->bpf.own == INSPECT_UNKNOWN && facts->bpf.missing[0]) {
		not_tried(facts, out);
	} else if (facts->bpf.own == INSPECT_UNKNOWN) {
		report_say(out, REPORT_SKIP, "not tried: see the check `bpf`");
	} else if (facts->bpf.own) {
		report_say(out, REPORT_FAIL, "%s", facts->bpf.own_error);
		report_fix(out,
			   "use a kernel that Weir is tested on (6.1, 6.12), and report what it "
			   "says");
	} else {
		report_say(out, REPORT_OK, "the kernel takes the programs of this version");
	}
}

void judge_hooks(const struct facts *facts, struct report_check *out)
{
	const struct inspect_bpf *bpf = &facts->bpf;

	if (bpf->missing[0]) {
		not_tried(facts, out);
	} else if (bpf->program) {
		report_say(out, REPORT_SKIP, "not tried: see the check `bpf`");
	} else if (bpf->xdp < 0) {
		report_say(out, REPORT_FAIL, "the kernel does not attach XDP by a link: %s",
			   strerror(-bpf->xdp));
		report_fix(out,
			   "a kernel with CONFIG_NET and CONFIG_BPF_SYSCALL is needed; a seccomp "
			   "filter may forbid it as well");
	} else if (bpf->tcx < 0 && bpf->clsact < 0) {
		report_say(out, REPORT_FAIL, "neither tcx nor clsact: %s", strerror(-bpf->clsact));
		report_fix(out, "load sch_ingress and cls_bpf, or use a kernel with "
				"CONFIG_NET_CLS_ACT and CONFIG_NET_CLS_BPF");
	} else if (bpf->xdp == INSPECT_UNKNOWN) {
		report_say(out, REPORT_OK, "%s; XDP was not tried, for want of CAP_SYS_ADMIN",
			   bpf->tcx ? "no tcx" : "tcx");
	} else {
		report_say(out, REPORT_OK, "XDP and %s can be attached",
			   bpf->tcx ? "clsact (no tcx before Linux 6.6)" : "tcx");
	}
}

void judge_jit(const struct facts *facts, struct report_check *out)
{
	if (facts->bpf.program) {
		not_tried(facts, out);
		if (!facts->bpf.missing[0])
			report_say(out, REPORT_SKIP, "not tried: see the check `bpf`");
	} else if (facts->bpf.compiled) {
		report_say(out, REPORT_OK, "programs are compiled");
	} else {
		report_say(
			out, REPORT_WARN,
			"programs are interpreted, not compiled: a packet costs many times as much");
		report_fix(out, "sysctl net.core.bpf_jit_enable=1");
	}
}

void judge_btf(const struct facts *facts, struct report_check *out)
{
	report_say(out, REPORT_OK,
		   facts->kernel.btf ? "the kernel has no BTF; Weir does not need it"
				     : "the kernel has it; Weir does not need it");
}

void judge_statistics(const struct facts *facts, struct report_check *out)
{
	if (facts->kernel.statistics < 0) {
		report_say(out, REPORT_SKIP, "cannot read kernel.bpf_stats_enabled: %s",
			   strerror(-facts->kernel.statistics));
	} else if (facts->kernel.statistics) {
		report_say(out, REPORT_WARN,
			   "the kernel times each run of a program: about 20 ns a packet");
		report_fix(out, "sysctl kernel.bpf_stats_enabled=0, unless you are measuring");
	} else {
		report_say(out, REPORT_OK, "run times are not measured");
	}
}

void judge_clock(const struct facts *facts, struct report_check *out)
{
	static const char *const slow[] = {"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"};
	const char *clock = facts->kernel.clock;

	if (!clock[0]) {
		report_say(out, REPORT_SKIP, "the clock source cannot be read here");
		return;
	}
	report_say(out, REPORT_OK, "the clock source is %s", clock);
	for (size_t i = 0; i < sizeof(slow) / sizeof(*slow); i++) {
		if (strcmp(clock, slow[i]))
			continue;
		report_say(out, REPORT_WARN,
			   "the clock source is %s: each packet reads it, for up to a microsecond",
			   clock);
		report_fix(out,
			   "find out from `dmesg | grep -i tsc` why it is not tsc, or what the "
			   "hypervisor offers");
	}
}

void judge_unprivileged(const struct facts *facts, struct report_check *out)
{
	if (facts->kernel.unprivileged_bpf < 0) {
		report_say(out, REPORT_SKIP, "cannot read kernel.unprivileged_bpf_disabled: %s",
			   strerror(-facts->kernel.unprivileged_bpf));
	} else if (!facts->kernel.unprivileged_bpf) {
		report_say(
			out, REPORT_WARN,
			"everybody on this host may load BPF programs, which Weir does not need");
		report_fix(out, "sysctl kernel.unprivileged_bpf_disabled=2, and a line for it in "
				"/etc/sysctl.d");
	} else {
		report_say(out, REPORT_OK, "only privileged programs may use bpf(2)");
	}
}

/* --------------------------------------------------------------------------------------------- pins */

void judge_bpffs(const struct facts *facts, struct report_check *out)
{
	const struct inspect_pins *pins = &facts->pins;
	/* The only place that the daemon mounts by itself */
	bool usual = !strcmp(pins->parent, "/sys/fs/bpf");

	if (pins->bpffs == -EACCES) {
		report_say(out, REPORT_SKIP, "%s is not for this user to look at", pins->parent);
		report_fix(out, NOT_TRIED_FIX);
	} else if (pins->bpffs && usual && facts->bpf.admin) {
		report_say(
			out, REPORT_WARN,
			"no bpffs is mounted at %s; `weir run` mounts one if it has CAP_SYS_ADMIN, "
			"which a service or pod has not",
			pins->parent);
		report_fix(out, "mount -t bpf bpf %s", pins->parent);
	} else if (pins->bpffs) {
		report_say(out, REPORT_FAIL, "%s %s, where the pins should go", pins->parent,
			   pins->bpffs == -ENOTSUP ? "is not a bpffs" : "is not there");
		report_fix(out, "mount -t bpf bpf %s, or set `pins` to a place below a bpffs",
			   pins->parent);
	} else if (pins->writable && facts->bpf.missing[0]) {
		report_say(out, REPORT_SKIP, "%s is a bpffs that is not for this user to write",
			   pins->parent);
		report_fix(out, NOT_TRIED_FIX);
	} else if (pins->writable) {
		report_say(out, REPORT_FAIL, "%s is a bpffs, but cannot be written: %s",
			   pins->parent, strerror(-pins->writable));
		report_fix(out,
			   "run it as the owner of %s, and see that it is not mounted read-only",
			   pins->parent);
	} else {
		report_say(out, REPORT_OK, "%s is a bpffs and can be written", pins->parent);
	}
}

/* A daemon in another PID namespace shows only by its socket. */
static bool has_daemon(const struct facts *facts)
{
	return facts->daemon.pid || !facts->socket.answers;
}

static void judge_left_pins(const struct facts *facts, struct report_check *out)
{
	const struct inspect_pins *pins = &facts->pins;
	const char *path = facts->config->pins;

	if (pins->layout == WEIR_LAYOUT) {
		report_say(
			out, REPORT_WARN,
			"%d links in %s without a daemon: the kernel enforces what an earlier one "
			"left, and nobody can change it",
			pins->links, path);
		report_fix(out,
			   "start the daemon, which takes them over, or `weir detach --pins %s`",
			   path);
	} else if (pins->layout == -EPERM) {
		report_say(out, REPORT_SKIP, "%d links in %s, whose layout cannot be read",
			   pins->links, path);
		report_fix(out, NOT_TRIED_FIX);
	} else if (pins->layout <= 0) {
		report_say(out, REPORT_FAIL,
			   "the pins in %s are incomplete: no daemon can take them "
			   "over",
			   path);
		report_fix(out, "weir detach --pins %s", path);
	} else {
		report_say(
			out, REPORT_FAIL,
			"the pins in %s have layout %d, this weir has %d and cannot take them over",
			path, pins->layout, WEIR_LAYOUT);
		report_fix(out,
			   "weir detach --pins %s; limits are not enforced until the next start",
			   path);
	}
}

void judge_pins(const struct facts *facts, struct report_check *out)
{
	const struct inspect_pins *pins = &facts->pins;

	if (pins->links == -EACCES) {
		report_say(out, REPORT_SKIP, "%s is not for this user to look at",
			   facts->config->pins);
		report_fix(out, NOT_TRIED_FIX);
	} else if (pins->links <= 0 && facts->daemon.pid) {
		report_say(out, REPORT_OK, "process %d has them", facts->daemon.pid);
	} else if (pins->links <= 0) {
		report_say(out, REPORT_OK, "nothing is left in %s", facts->config->pins);
	} else if (!has_daemon(facts)) {
		judge_left_pins(facts, out);
	} else if (pins->layout > 0 && pins->layout != WEIR_LAYOUT) {
		report_say(out, REPORT_WARN,
			   "a daemon of another version has them: layout %d, this weir has %d",
			   pins->layout, WEIR_LAYOUT);
		report_fix(out, "an update cannot take them over: stop that daemon and "
				"`weir detach` before this version starts");
	} else {
		report_say(out, REPORT_OK, "%d links in %s, of the daemon that runs", pins->links,
			   facts->config->pins);
	}
}

/* ------------------------------------------------------------------------------------------- memory */

/* As user/datapath/load.c makes them, and histograms and counters for each processor */
static uint64_t table_bytes(const struct facts *facts)
{
	const struct config *config = facts->config;
	uint64_t processors = (uint64_t)facts->kernel.processors;

	return config->clients / WEIR_WAYS * sizeof(struct weir_client_set) +
	       config->flows / WEIR_WAYS * sizeof(struct weir_flow_set) +
	       processors * (WEIR_SERIES * sizeof(struct weir_series) +
			     2 * WEIR_HISTOGRAMS * sizeof(struct weir_histogram));
}

void judge_memory(const struct facts *facts, struct report_check *out)
{
	const struct health_memory *memory = &facts->memory;
	uint64_t wanted = table_bytes(facts) + REST_BYTES, free_bytes = memory->host_available;
	const char *whose = "is available";

	if (facts->memory_found) {
		report_say(out, REPORT_SKIP, "/proc/meminfo cannot be read: %s",
			   strerror(-facts->memory_found));
		return;
	}
	if (memory->group_limit && memory->group_limit - memory->group_used < free_bytes) {
		free_bytes = memory->group_limit - memory->group_used;
		whose = "is left to this control group";
	}
	if (facts->pins.links > 0) {
		report_say(out, REPORT_OK, "the tables are there already; %llu MiB %s",
			   MIB(free_bytes), whose);
	} else if (free_bytes < wanted) {
		report_say(out, REPORT_FAIL, "%llu MiB %s; the tables and the daemon take %llu",
			   MIB(free_bytes), whose, MIB(wanted));
		report_fix(out,
			   "make `table.clients` (%llu) or `table.flows` (%llu) smaller, or give "
			   "it more memory",
			   (unsigned long long)facts->config->clients,
			   (unsigned long long)facts->config->flows);
	} else {
		report_say(out, REPORT_OK,
			   "%llu MiB %s, of which tables and daemon take %llu; no limit of locked "
			   "memory matters",
			   MIB(free_bytes), whose, MIB(wanted));
	}
}
