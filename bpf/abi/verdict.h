/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What became of a packet, and why. This one list makes the enum, the action, the metric label and
 * the help text; docs/metrics.md prints it. A new verdict goes at the end of its group and raises
 * WEIR_LAYOUT, because counters are indexed by it.
 *
 * X(NAME, action, label, help)
 *   action  pass: on to the stack | drop | reject: a RST goes back to the sender
 */
#pragma once

#include "types.h"

#define WEIR_VERDICTS(X)                                                                           \
	X(PASSED, PASS, "passed", "within its limits")                                             \
	X(CONTROL, PASS, "control",                                                                \
	  "ARP, neighbour discovery, MLD and non-IP frames: never limited")                        \
	X(PROTECTED, PASS, "protected", "to a protected port: never limited")                      \
	X(UNLIMITED, PASS, "unlimited", "from a tier or prefix without limits")                    \
	X(LIMITED, DROP, "limited", "the client is over one of its limits")                        \
	X(REJECTED, REJECT, "rejected",                                                            \
	  "the client is over one of its limits; answered with a RST")                             \
	X(GROUP_LIMITED, DROP, "group_limited",                                                    \
	  "all clients of the tier together are over a group limit")                               \
	X(BANNED, DROP, "banned", "from a banned address or prefix")                               \
	X(DENIED, DROP, "denied", "from a prefix the configuration denies")                        \
	X(NEW_CLIENT, DROP, "new_client", "unknown client, refused under pressure of new clients") \
	X(PARENT_LIMITED, DROP, "parent_limited",                                                  \
	  "unknown client under pressure; its parent prefix is over the limit")                    \
	X(CONTENTION, DROP, "contention", "too many processors changed this bucket at once")       \
	X(BAD_ETHERNET, DROP, "bad_ethernet", "frame too short for its Ethernet or VLAN headers")  \
	X(BAD_VLAN_DEPTH, DROP, "bad_vlan_depth", "more than 3 VLAN tags")                         \
	X(BAD_IPV4, DROP, "bad_ipv4", "truncated or malformed IPv4 header")                        \
	X(BAD_IPV6, DROP, "bad_ipv6", "truncated or malformed IPv6 header")                        \
	X(BAD_EXT_DEPTH, DROP, "bad_ext_depth", "more than 8 IPv6 extension headers")              \
	X(BAD_TRANSPORT, DROP, "bad_transport", "truncated TCP, UDP, ICMP or ICMPv6 header")

enum weir_verdict {
#define X(name, action, label, help) WEIR_##name,
	WEIR_VERDICTS(X)
#undef X
		WEIR_VERDICT_COUNT,
};

/* Room for more without moving counters; the verifier wants a power of two. */
#define WEIR_VERDICT_SLOTS 32
_Static_assert(WEIR_VERDICT_COUNT <= WEIR_VERDICT_SLOTS, "raise WEIR_VERDICT_SLOTS");

enum weir_action { WEIR_ACTION_PASS, WEIR_ACTION_DROP, WEIR_ACTION_REJECT };

/* The verdicts that drop or reject, as a bit set: one test instead of a table in the kernel. */
#define WEIR_BIT_PASS(name) 0u
#define WEIR_BIT_DROP(name) (1u << WEIR_##name)
#define WEIR_BIT_REJECT(name) (1u << WEIR_##name)
enum {
#define X(name, action, label, help) WEIR_BIT_##action(name) |
	WEIR_REFUSALS = WEIR_VERDICTS(X) 0u
#undef X
};

static inline bool weir_is_refusal(u32 verdict)
{
	return (u32)WEIR_REFUSALS >> verdict & 1;
}
