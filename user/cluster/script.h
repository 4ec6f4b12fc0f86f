/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/cluster/round.lua as it was when Weir was built: for SCRIPT LOAD. Ends with a 0 byte. What goes in and what comes out
 * stands at the top of the script itself.
 */
#pragma once

extern const char cluster_script[];
