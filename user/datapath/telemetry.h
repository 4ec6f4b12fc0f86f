/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What applying a configuration does to the figures of telemetry, and to the addresses of endpoints. For
 * apply.c, before it flips.
 */
#pragma once

#include "user/datapath/compile.h"
#include "user/datapath/internal.h"

/*
 * Names the bank of histograms in the compiled side: the same for the same bounds, else the other one, emptied. Empties
 * what was counted under numbers that have other names now, and takes away the addresses of those endpoints.
 * 0, or -errno of a system call.
 *
 * What such a number counts for its former name between this and the flip is counted for the new one: packets
 * of a millisecond, and only where all numbers are taken.
 */
int telemetry_prepare(struct datapath *datapath, struct compiled *compiled);

/* addresses.c: deletes the addresses of endpoints with these numbers. */
int addresses_forget(struct datapath *datapath, const bool endpoint[WEIR_ENDPOINTS]);
