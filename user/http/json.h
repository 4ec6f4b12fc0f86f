/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Small help for making JSON. Want of memory sticks: an object or list that could not be completed
 * becomes NULL, and so does whatever it is put into, so that one check at the end is enough.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "user/metrics/snapshot.h"

/* Puts value, which it takes over, under key. */
void json_set(json_t **object, const char *key, json_t *value);

/* Puts value, which it takes over, at the end. */
void json_add(json_t **list, json_t *value);

/* A byte that is no UTF-8 becomes '?': jansson would refuse the string. Cut after 500 bytes. */
json_t *json_text(const char *text);

json_t *json_number(uint64_t number);

/* Not a number and infinity, which JSON does not have, become 0. */
json_t *json_double(double number);

/* RFC 3339 in UTC with milliseconds; null for a time that never was */
json_t *json_time(double unix_seconds);

/* Seconds since the snapshot was taken. now_ns: CLOCK_MONOTONIC */
json_t *json_age(const struct snapshot *snapshot, uint64_t now_ns);
