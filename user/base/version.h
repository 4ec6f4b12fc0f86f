/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this build is. The build passes -DWEIR_REVISION='"4f2c1aa"' where it knows one. */
#pragma once

#ifndef WEIR_VERSION
#define WEIR_VERSION "0.1.0"
#endif

#ifndef WEIR_REVISION
#define WEIR_REVISION "unknown"
#endif
