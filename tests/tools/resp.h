/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * As much of Redis' protocol as tools need that hold a script to its twin: one connection, one command after the other. What goes wrong
 * ends the tool with status 1 and says why.
 */
#pragma once

#include <stddef.h>

#include "user/cluster/redis_worker.h"

__attribute__((noreturn, format(printf, 1, 2))) void resp_die(const char *format, ...);

void resp_dial(const char *path); /* a unix socket */

/* One word of the command being built, and the end of it */
__attribute__((format(printf, 1, 2))) void resp_word(const char *format, ...);
void resp_send(void);

/* The first line of an answer, without its end; good until the next one. Not of an error: that ends the tool. */
char *resp_line(void);
/* An answer without nil, arrays flattened; strings from malloc. Returns how many values. */
size_t resp_read(struct redis_value *out, size_t most);

/* SCRIPT LOAD; the script's hash */
void resp_load(const char *script, char *sha, size_t size);
/* FLUSHALL */
void resp_flush_all(void);
