/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This process as the kernel sees it, for the standard process_* families. */
#pragma once

#include "user/metrics/metrics.h"

/* Reads /proc/self and /proc/stat. 0, or -errno with *out untouched. */
int process_read(struct metrics_process *out);
