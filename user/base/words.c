/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/words.h"

const char *unit_word(enum weir_unit unit)
{
	static const char *const words[] = {
#define X(name, text) [WEIR_UNIT_##name] = text,
		WEIR_UNITS(X)
#undef X
	};

	return words[unit];
}

const char *verdict_word(u32 verdict)
{
	static const char *const words[] = {
#define X(name, action, label, help) [WEIR_##name] = label,
		WEIR_VERDICTS(X)
#undef X
	};

	return verdict < WEIR_VERDICT_COUNT ? words[verdict] : "?";
}
