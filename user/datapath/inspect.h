/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What this kernel, the pins and an interface are like, without changing any of it: for `weir doctor`. Nothing is pinned,
 * attached or locked where anybody would notice: what must be attached to be tried is attached in a network namespace
 * of its own. Works without privileges as far as that goes.
 *
 * A finding is 0 (it works), -errno (it does not), or INSPECT_UNKNOWN (it could not be tried).
 */
#pragma once

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define INSPECT_UNKNOWN 1

struct inspect_bpf {
	char missing[64];    /* capabilities, " CAP_BPF CAP_PERFMON"; "": none */
	bool admin;	     /* CAP_SYS_ADMIN: mounts, looks up programs by number */
	int map, mmap, ring; /* an array; one mapped into memory; a ring buffer */
	int program;	     /* the smallest one */
	bool compiled;	     /* by the JIT; where `program` is 0 */
	int own;	     /* our programs, all of them */
	char own_error[512];
	int xdp, tcx, clsact; /* attaching to an interface */
};
void inspect_bpf(struct inspect_bpf *out);

struct inspect_pins {
	char parent[PATH_MAX]; /* of the pins: must be on a bpffs */
	int bpffs;	       /* -ENOTSUP: it is on something else */
	int writable;
	int links;    /* how many are pinned; -ENOENT: there are no pins */
	int layout;   /* of the tables; -errno */
	pid_t holder; /* the daemon that has the pins; 0: none that can be seen */
};
void inspect_pins(const char *pins, struct inspect_pins *out);

struct inspect_program {
	uint32_t id;
	char name[16]; /* "": not for us to know */
	bool ours;     /* held by a link in the pins, or called weir_... */
};

#define INSPECT_PROGRAMS 8
struct inspect_attached {
	int found; /* -errno: neither could be asked for */
	struct inspect_program xdp;
	bool generic;				      /* XDP in the stack */
	struct inspect_program tcx[INSPECT_PROGRAMS]; /* ingress, in their order */
	size_t tcxs;
};
void inspect_attached(const char *pins, const char *interface, struct inspect_attached *out);
