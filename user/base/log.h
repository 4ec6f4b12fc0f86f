/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Structured logs on standard error: text on a terminal, JSON lines otherwise, or as told. A line
 * for a change of state, not for a packet. Any thread may call; lines do not interleave.
 *   JSON: {"ts":"2026-01-02T03:04:05.678Z","level":"info","component":"datapath","msg":"..."}
 *         and "request_id" where there is one
 *   text: 03:04:05.678 INFO  datapath: ...
 * Only what decides what to do about an error logs it, once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/* json: as told; before the first call: text, level LOG_INFO. */
void log_setup(bool json, int level);

/* level: LOG_ERR, LOG_WARNING, LOG_INFO or LOG_DEBUG. component: a short constant word. */
void log_write(int level, const char *component, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with the id of the request that caused it. */
void log_request(int level, const char *component, const char *request_id, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Lines written at a level since the start, suppressed ones not counted. */
uint64_t log_count(int level);

#define log_error(component, ...) log_write(LOG_ERR, component, __VA_ARGS__)
#define log_warning(component, ...) log_write(LOG_WARNING, component, __VA_ARGS__)
#define log_info(component, ...) log_write(LOG_INFO, component, __VA_ARGS__)
#define log_debug(component, ...) log_write(LOG_DEBUG, component, __VA_ARGS__)
