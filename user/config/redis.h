/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where Redis is, as one URL; the forms are at struct config_redis in model.h. Nothing is resolved or opened here.
 *
 *   scheme    in lower case, with ://
 *   user info at most one @ in all the text. User and password are apart at the first colon. What would end them sooner
 *             (/ ? # @ %) is written %XX, and so is a blank. %00 is none
 *   address   HOST or HOST:PORT: a name, an IPv4 address, or an IPv6 address in brackets. Port 6379, of sentinels 26379
 *   database  0 .. 65535 without leading zeros; a last / alone is 0
 *   path      absolute, at most 107 bytes; %XX as above
 *   master    letters, digits, dots, dashes and underscores
 *
 * No message quotes a piece of what follows the scheme: where a mistake moves a delimiter, any of it may be the password.
 */
#pragma once

#include "user/config/model.h"
#include "user/config/problem.h"

#define REDIS_URL_BYTES_MAX 8192
#define REDIS_ADDRESSES_MAX 64 /* of one URL: seeds of a cluster, sentinels */

/*
 * 0 and *out, for redis_clear(), its files NULL; or -EINVAL and *problem; or -ENOMEM. *out is untouched on failure.
 * out->shown is the URL with everything spelled out and without the password.
 */
int redis_parse_url(const char *text, struct config_redis *out, struct problem *problem);

/*
 * The URL with `password` in place of the password: as redis_parse_url() reads it, all defaults spelled out. NULL: without
 * one. For free(); NULL without memory.
 */
char *redis_format_url(const struct config_redis *redis, const char *password);

void redis_clear(struct config_redis *redis);
