/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the enums of bpf/abi are called in configuration, logs, metrics and JSON: from their one list each. */
#pragma once

#include "bpf/abi/config.h"
#include "bpf/abi/verdict.h"

/* "packets", "bytes", "connections" */
const char *unit_word(enum weir_unit unit);

/* "passed", "limited", ...; "?" for a number that is none. It may come from a kernel program of another version. */
const char *verdict_word(u32 verdict);
