/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/cluster/round.lua and orders.lua as they were when Weir was built: for SCRIPT LOAD. They end with a 0 byte. What goes in and
 * what comes out stands at the top of each script.
 */
#pragma once

extern const char cluster_script[]; /* round.lua */
extern const char orders_script[];
