/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Address prefixes as the tables hold them: 16 bytes, wire order, IPv4 as ::ffff:a.b.c.d, its length 96 longer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does it lie in ::ffff:0:0/96? */
bool prefix_is_ipv4(const uint8_t addr[16], unsigned int length);

/* Clears what is beyond the length; true if that changed it. */
bool prefix_cut(uint8_t addr[16], unsigned int length);

#define PREFIX_TEXT 64 /* bytes of buffer that always suffice */

/* "203.0.113.0/24", "2001:db8::/64"; a whole address without its length. Returns buffer. */
const char *prefix_text(const uint8_t addr[16], unsigned int length, char *buffer, size_t size);
