/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a service matches, as text: tcp/80, udp/5000-5999, tcp (every port), icmp, icmpv6, gre, sctp,
 * proto/47 ...
 */
#pragma once

#include "user/config/model.h"
#include "user/config/problem.h"

/* 0 and *out; or -EINVAL and *problem, *out untouched. */
int match_parse(const char *text, struct config_match *out, struct problem *problem);

/* Inverse; the buffer needs WEIR_MATCH_TEXT bytes. Returns it. */
#define WEIR_MATCH_TEXT 32
const char *match_format(const struct config_match *match, char *buffer, size_t size);

/* An order for sorting: by protocol, then by first and last port. */
int match_compare(const struct config_match *a, const struct config_match *b);
