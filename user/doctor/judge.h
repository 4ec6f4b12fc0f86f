/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From facts to verdicts: pure. What a check is called, and what it is for, stands in these lists, in the order of the report.
 *
 * X(FUNCTION, name, what it is about)
 */
#pragma once

#include "user/doctor/facts.h"
#include "user/doctor/report.h"

/* clang-format off */
#define DOCTOR_CHECKS(X) \
	X(kernel, "kernel", "Linux 6.1 or later") \
	X(capabilities, "capabilities", "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are there") \
	X(bpf, "bpf", "the kernel makes maps, mapped arrays and ring buffers, and loads a program") \
	X(programs, "programs", "the verifier lets the programs of this version pass") \
	X(hooks, "hooks", "programs can be attached: XDP, tcx or clsact") \
	X(jit, "jit", "programs are compiled, not interpreted") \
	X(btf, "btf", "the kernel describes its types (not needed)") \
	X(statistics, "bpf-stats", "the kernel does not time every program") \
	X(clock, "clock", "reading the clock is cheap") \
	X(unprivileged, "unprivileged-bpf", "bpf(2) is not for everybody") \
	X(bpffs, "bpffs", "a bpffs is where the pins go") \
	X(pins, "pins", "what is pinned has a daemon, and this layout") \
	X(memory, "memory", "the tables fit") \
	X(configuration, "configuration", "it is valid") \
	X(mode, "mode", "limits are enforced, not only observed") \
	X(on_exit, "on-exit", "a service that restarts keeps its limits") \
	X(protected_ports, "protected-ports", "the port of ssh is among them") \
	X(secrets, "secrets", "only their owner can change the configuration and read what is secret") \
	X(admin_socket, "admin-socket", "it is nobody else's, and for root and the group weir alone") \
	X(listen, "listen", "the address of http.listen can be had") \
	X(exposure, "exposure", "http.listen is not public") \
	X(rights, "rights", "the running daemon has the capabilities it needs, and no others") \
	X(redis, "redis", "Redis answers, takes what Weir writes, and is near enough") \
	X(redis_access, "redis-access", "Redis that is elsewhere wants a password, by TLS")

/* Of each interface */
#define DOCTOR_INTERFACE_CHECKS(X) \
	X(link, "interface", "it is there, up, and carries Ethernet") \
	X(xdp, "xdp", "the driver can XDP") \
	X(conflicts, "conflicts", "no other program has the XDP slot, or goes before") \
	X(frames, "frames", "frames of its MTU pass XDP in the driver") \
	X(offloads, "offloads", "none is in the way") \
	X(queues, "queues", "more than one processor receives") \
	X(reject, "reject", "a RST of XDP reaches the other end of a veth") \
	X(twice, "twice", "no packet passes two of the interfaces")
/* clang-format on */

typedef void judge_of_host(const struct facts *facts, struct report_check *out);
typedef void judge_of_interface(const struct facts *facts, const struct facts_interface *interface,
				struct report_check *out);

#define X(function, name, about) judge_of_host judge_##function;
DOCTOR_CHECKS(X)
#undef X
#define X(function, name, about) judge_of_interface judge_##function;
DOCTOR_INTERFACE_CHECKS(X)
#undef X

/* All of them; without a `cluster` those of Redis are left out. 0 or -ENOMEM. */
int judge(const struct facts *facts, struct report *out);
