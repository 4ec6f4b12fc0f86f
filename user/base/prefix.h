/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Address prefixes as the tables hold them: 16 bytes, wire order, IPv4 as ::ffff:a.b.c.d, its length 96 longer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PREFIX_TEXT 64 /* bytes of buffer that always suffice */

/* "203.0.113.0/24", "2001:db8::/64"; a whole address without its length. Returns buffer. */
const char *prefix_text(const uint8_t addr[16], unsigned int length, char *buffer, size_t size);
