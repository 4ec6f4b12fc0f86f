/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Structured logs on standard error: text on a terminal and to the journal, JSON lines otherwise, or as told. A
 * line for a change of state, not for a packet or a request. Any thread may call; lines do not interleave.
 *   JSON:    {"ts":"2026-01-02T03:04:05.678Z","level":"info","component":"datapath","msg":"..."}
 *            and "request_id" where there is one
 *   text:    03:04:05.678 INFO  datapath: ...
 *   journal: <6>datapath: ...   or <6>{"ts":...; the journal takes the priority off
 * The same line is written ten times a minute, what is more is told in one (log_repeats.h), but for what a request
 * has caused: that is always written. Only what decides what to do about an error logs it, once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#include "user/base/log_line.h"

/* As told; before the first call: text, level LOG_INFO. */
void log_setup(struct log_style style, int level);

/* Whether standard error leads to the journal, as JOURNAL_STREAM of systemd.exec(5) says. */
bool log_is_journal(void);

/* level: LOG_ERR, LOG_WARNING, LOG_INFO or LOG_DEBUG. component: a short constant word. */
void log_write(int level, const char *component, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * From now on what this thread logs was caused by that request, NULL: by none. The id is borrowed until then. Returns
 * that of before.
 */
const char *log_set_request(const char *request_id);

/* What was left out and is due is told. For whoever has a clock that ticks, about each second. */
void log_tick(void);

/* What was left out is told now: before the end. */
void log_flush(void);

/* Lines written at a level since the start. What was left out is not counted. */
uint64_t log_count(int level);

#define log_error(component, ...) log_write(LOG_ERR, component, __VA_ARGS__)
#define log_warning(component, ...) log_write(LOG_WARNING, component, __VA_ARGS__)
#define log_info(component, ...) log_write(LOG_INFO, component, __VA_ARGS__)
#define log_debug(component, ...) log_write(LOG_DEBUG, component, __VA_ARGS__)
