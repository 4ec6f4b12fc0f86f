/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a flood must know of the interface it leaves by. All return 0 or -errno. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* Name of the driver, as `ethtool -i` */
int flood_link_driver(const char *interface, char driver[32]);
int flood_link_mac(const char *interface, uint8_t mac[6]);

/* Frames the interface has taken to send; for a veth, those its peer has taken in. */
int flood_link_sent(const char *interface, uint64_t *packets);

/*
 * Attaches an XDP program to a veth of its own in a namespace of its own, which is gone with the
 * descriptor in *hold. Why: see flood.c.
 */
int flood_link_park(int program, int *hold);

/*
 * The hardware address of a neighbour: sends it a datagram (UDP, port 9) and reads the kernel's table
 * until the answer is there, three seconds at most (the first question after a link came up may be lost). -EHOSTUNREACH: no answer.
 */
int flood_link_neighbour(const char *interface, bool ipv6, const uint8_t address[16],
			 uint8_t mac[6]);
