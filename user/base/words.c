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

const char *latency_word(enum weir_latency latency)
{
	static const char *const words[] = {
#define X(name, text, help) [WEIR_LATENCY_##name] = text,
		WEIR_LATENCIES(X)
#undef X
	};

	return words[latency];
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

const char *result_word(enum weir_result result)
{
	static const char *const words[] = {
#define X(name, label, failure, help) [WEIR_RESULT_##name] = label,
		WEIR_RESULTS(X)
#undef X
	};

	return words[result];
}

const char *ban_origin_word(enum weir_ban_origin origin)
{
	static const char *const words[] = {
#define X(name, text) [WEIR_BAN_##name] = text,
		WEIR_BANS_FROM(X)
#undef X
	};

	return words[origin];
}

bool result_is_failure(enum weir_result result)
{
	static const bool is_failure[] = {
#define X(name, label, failure, help) [WEIR_RESULT_##name] = failure,
		WEIR_RESULTS(X)
#undef X
	};

	return is_failure[result];
}

const char *discard_word(enum weir_discard discard)
{
	static const char *const words[] = {
#define X(name, label, help) [WEIR_DISCARD_##name] = label,
		WEIR_DISCARDS(X)
#undef X
	};

	return words[discard];
}

const char *flow_state_word(u32 state)
{
	static const char *const words[] = {
#define X(name, text) [WEIR_FLOW_##name] = text,
		WEIR_FLOW_STATES(X)
#undef X
	};

	return state < WEIR_FLOW_STATE_COUNT ? words[state] : "?";
}
