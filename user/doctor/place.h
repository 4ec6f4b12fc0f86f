/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From where an address can be reached, as far as it says itself. */
#pragma once

enum place {
	PLACE_HOST,    /* loopback */
	PLACE_PRIVATE, /* RFC 1918, 6598 and 4193, link-local */
	PLACE_ANY,     /* all addresses of the host */
	PLACE_PUBLIC,
};

/* "127.0.0.1:9464", "[::1]:9464", "10.0.0.1", "::1"; a name other than localhost is taken for public. */
enum place place_of(const char *address);
