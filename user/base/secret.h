/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Passwords and other secrets: read from a file, and not left in memory. */
#pragma once

#include <stddef.h>

#define SECRET_WHY 128

/*
 * The first line of the file, which must have from least (1 or more) to most bytes, into *out for secret_free(). A file that is written anew
 * meanwhile may give a part of it: whoever replaces it renames. 0; or -errno, and in why (SECRET_WHY bytes) what is wrong with the file,
 * as it follows "FILE: ": -ENODATA it is too short, -EFBIG it is too long, -EILSEQ it is no text.
 */
int secret_read(const char *path, size_t least, size_t most, char **out, char *why);

/* NULL is allowed. */
void secret_free(char *secret);

static inline void secret_cleanup(char **secret)
{
	secret_free(*secret);
}
#define _cleanup_secret_ __attribute__((cleanup(secret_cleanup)))
