/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the enums of bpf/abi are called in configuration, logs, metrics and JSON: from their one list each. */
#pragma once

#include <stdbool.h>

#include "bpf/abi/config.h"
#include "bpf/abi/flow.h"
#include "bpf/abi/latency.h"
#include "bpf/abi/verdict.h"

/* "packets", "bytes", "connections" */
const char *unit_word(enum weir_unit unit);

/* "client_round_trip", "response", "upstream_connect", "upstream_response" */
const char *latency_word(enum weir_latency latency);

/* "passed", "limited", ...; "?" for a number that is none. It may come from a kernel program of another version. */
const char *verdict_word(u32 verdict);

/* "ok", "slow", "refused", ...: what became of a call to an upstream */
const char *result_word(enum weir_result result);

/* "manual", "escalation", "cluster": who asked for a ban */
const char *ban_origin_word(enum weir_ban_origin origin);

/* Does it speak against the upstream? */
bool result_is_failure(enum weir_result result);

/* "retransmitted", "pipelined", ...: why a sample was not taken */
const char *discard_word(enum weir_discard discard);

/* "connecting", "open", ...; "?" for a number that is none: the flow table is live memory */
const char *flow_state_word(u32 state);
