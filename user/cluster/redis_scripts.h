/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The scripts a worker has met, and what Redis calls them: SHA-1, as it said itself when it was given one first. Each connection
 * remembers which of them were loaded on it.
 */
#pragma once

#include <stddef.h>

#define REDIS_SCRIPTS 64 /* one bit each in struct redis_link */
#define REDIS_SHA 41	 /* bytes of a hash as text, with its terminating zero */

struct redis_scripts {
	struct redis_script {
		char *text;
		char sha[REDIS_SHA]; /* "": not known yet */
	} script[REDIS_SCRIPTS];
	size_t count;
};

/* Its index, now if not before; the text is copied. -ENOMEM: no memory, or too many */
int redis_scripts_find(struct redis_scripts *scripts, const char *text);

void redis_scripts_release(struct redis_scripts *scripts);
