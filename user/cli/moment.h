/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon's times, RFC 3339 in UTC: "2026-01-02T03:04:05.678Z". */
#pragma once

/* Unix seconds, or -1 when it is no such time. */
double moment_of(const char *text);
