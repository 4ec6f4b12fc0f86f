// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/base/outage.h"

#include <stddef.h>

#define X(name, word) word,
static const char *const outages[] = {OUTAGES(X)};
static const char *const modes[] = {CLUSTER_MODES(X)};
#undef X

const char *outage_word(enum outage outage)
{
	return (size_t)outage < OUTAGE_COUNT ? outages[outage] : "?";
}

const char *cluster_mode_word(enum cluster_mode mode)
{
	return (size_t)mode < CLUSTER_MODE_COUNT ? modes[mode] : "?";
}
