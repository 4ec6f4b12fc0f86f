/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/breaker_words.h"

const char *breaker_state_word(enum breaker_state state)
{
	static const char *const words[] = {
#define X(name, word) [BREAKER_##name] = word,
		BREAKER_STATES(X)
#undef X
	};

	return state < BREAKER_STATE_COUNT ? words[state] : "?";
}

const char *breaker_reason_word(enum breaker_reason reason)
{
	static const char *const words[] = {
#define X(name, word) [BREAKER_BY_##name] = word,
		BREAKER_REASONS(X)
#undef X
	};

	return reason < BREAKER_REASON_COUNT ? words[reason] : "?";
}

#define BY(name) (1u << BREAKER_BY_##name)

bool breaker_reason_leads_to(enum breaker_reason reason, enum breaker_state state)
{
	static const unsigned int reasons[BREAKER_STATE_COUNT] = {
		[BREAKER_CLOSED] = BY(PROBES_PASSED) | BY(MANUAL) | BY(OVERRIDE_ENDED) | BY(RESET) |
				   BY(CONFIGURED),
		[BREAKER_OPEN] = BY(CONSECUTIVE) | BY(FAILURE_RATIO) | BY(SLOW_RATIO) |
				 BY(CONNECTIONS) | BY(WAITING_SYNS) | BY(SUCCESS_RATE) |
				 BY(PROBE_FAILED) | BY(PROBE_SLOW) | BY(RESTORED),
		[BREAKER_HALF_OPEN] = BY(RECOVERY) | BY(ANSWERS) | BY(MANUAL) | BY(OVERRIDE_ENDED) |
				      BY(RESTORED),
		[BREAKER_FORCED_OPEN] = BY(MANUAL) | BY(RESTORED),
		[BREAKER_FORCED_CLOSED] = BY(MANUAL) | BY(RESTORED),
		[BREAKER_DISABLED] = BY(MANUAL) | BY(OVERRIDE_ENDED) | BY(RESET) | BY(CONFIGURED),
	};

	return state < BREAKER_STATE_COUNT && reason < BREAKER_REASON_COUNT &&
	       reasons[state] >> reason & 1;
}
