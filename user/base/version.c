// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compiled again for each revision; the Makefile defines both words for this file alone. */
#include "user/base/version.h"

const char *weir_version(void)
{
	return WEIR_VERSION;
}

const char *weir_revision(void)
{
	return WEIR_REVISION;
}
