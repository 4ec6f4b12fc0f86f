/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The fields of a `breaker`; see fields.c. docs/breakers.md explains them together. */
#include "user/base/number.h"
#include "user/config/reader.h"

#define COUNT_MAX 1000000
#define COUNT .min = 0, .max = COUNT_MAX, .expected = "a number from 0 (off) to 1000000"
#define PERCENT .min = 0, .max = CONFIG_RATIO
#define FEW .min = 1, .max = 1000, .expected = "a number from 1 to 1000"

static const struct field success_rate_fields[] = {
	{
		.name = "stdev_factor",
		.read = read_factor,
		MEMBER(struct config_breaker, stdev_factor),
		.min = 1,
		.max = 100000,
		.expected = "a number from 0.001 to 100 such as 1.9",
		.fallback = "1.9",
		.help = "How many standard deviations below the mean.",
	},
	{
		.name = "minimum_endpoints",
		.read = read_number,
		MEMBER(struct config_breaker, minimum_endpoints),
		.min = 2,
		.max = WEIR_ENDPOINTS,
		.expected = "a number from 2 to 256",
		.fallback = "5",
		.help = "Endpoints with enough calls, without which nothing is compared.",
	},
	{
		.name = "request_volume",
		.read = read_number,
		MEMBER(struct config_breaker, request_volume),
		.min = 1,
		.max = COUNT_MAX,
		.expected = "a number from 1 to 1000000",
		.fallback = "100",
		.help = "Calls in the window, without which an endpoint is not compared.",
	},
	{},
};

const struct field breaker_fields[] = {
	{
		.name = "mode",
		.read = read_choice,
		MEMBER(struct config_breaker, mode),
		.choices = "off|enforce|observe",
		.expected = "enforce, observe or off",
		.fallback = "enforce",
		.help = "observe opens and closes as enforce does, and says so, but refuses nothing. Overrides "
			"hold in every mode.",
	},
	{
		.name = "consecutive_failures",
		.read = read_number,
		MEMBER(struct config_breaker, consecutive_failures),
		COUNT,
		.fallback = "5",
		.help = "Failed calls in a row that open it at once.",
	},
	{
		.name = "failure_ratio",
		.read = read_percent,
		MEMBER(struct config_breaker, failure_ratio),
		PERCENT,
		.expected = "a percentage up to 100% such as 50%, or off",
		.fallback = "50%",
		.help = "Failed calls in the window, of all, that open it.",
	},
	{
		.name = "slow_ratio",
		.read = read_percent,
		MEMBER(struct config_breaker, slow_ratio),
		PERCENT,
		.expected = "a percentage up to 100% such as 80%, or off",
		.fallback = "off",
		.help = "Slow calls in the window, of all, that open it. With it a slow call while half-open "
			"opens it again.",
	},
	{
		.name = "min_calls",
		.read = read_number,
		MEMBER(struct config_breaker, min_calls),
		.min = 1,
		.max = COUNT_MAX,
		.expected = "a number from 1 to 1000000",
		.fallback = "20",
		.help = "Calls in the window, without which a ratio says nothing.",
	},
	{
		.name = "window",
		.read = read_duration,
		MEMBER(struct config_breaker, window_ns),
		.min = NS_PER_SEC,
		.max = 3600 * NS_PER_SEC,
		.expected = "a duration from 1s to 1h such as 10s",
		.fallback = "10s",
		.help = "How far back ratios look. Also how long an endpoint must be healthy to have one "
			"ejection taken back.",
	},
	{
		.name = "max_connections",
		.read = read_number,
		MEMBER(struct config_breaker, max_connections),
		COUNT,
		.fallback = "0",
		.help = "Connections of this host that an endpoint can take. Not for udp.",
	},
	{
		.name = "saturation",
		.read = read_percent,
		MEMBER(struct config_breaker, saturation),
		.min = 1,
		.max = CONFIG_RATIO,
		.expected = "a percentage from 0.01% to 100% such as 85%",
		.fallback = "85%",
		.help = "The share of max_connections that opens it.",
	},
	{
		.name = "waiting_syns",
		.read = read_number,
		MEMBER(struct config_breaker, waiting_syns),
		COUNT,
		.fallback = "0",
		.help = "SYNs waiting for an answer at once that open it. Not for udp.",
	},
	{
		.name = "success_rate",
		.read = read_success_rate,
		.expected = "a mapping such as {stdev_factor: 1.9}",
		.fallback = "off",
		.help = "Opens an endpoint that succeeds much less often than the others: below the mean less "
			"some standard deviations.",
		.inside = success_rate_fields,
		.nesting = "",
	},
	{
		.name = "recovery",
		.read = read_duration,
		MEMBER(struct config_breaker, recovery_ns),
		.min = 100000000,
		.max = 3600 * NS_PER_SEC,
		.expected = "a duration from 100ms to 1h such as 30s",
		.fallback = "30s",
		.help = "How long it stays open the first time; the n-th time in a row, n times as long.",
	},
	{
		.name = "recovery_max",
		.read = read_duration,
		MEMBER(struct config_breaker, recovery_max_ns),
		.min = 100000000,
		.max = 86400 * NS_PER_SEC,
		.expected = "a duration from 100ms to 1d such as 300s",
		.fallback = "300s, or recovery if that is longer",
		.help = "The longest it stays open, before jitter.",
	},
	{
		.name = "jitter",
		.read = read_percent,
		MEMBER(struct config_breaker, jitter),
		.min = 0,
		.max = CONFIG_RATIO * 9 / 10,
		.expected = "a percentage up to 90% such as 50%, or off",
		.fallback = "50%",
		.help = "Each time is longer or shorter by up to this share, at random, so that hosts do not come "
			"back together.",
	},
	{
		.name = "half_open_permits",
		.read = read_number,
		MEMBER(struct config_breaker, half_open_permits),
		FEW,
		.fallback = "3",
		.help = "Calls that are let through at once to find out whether it has recovered.",
	},
	{
		.name = "half_open_successes",
		.read = read_number,
		MEMBER(struct config_breaker, half_open_successes),
		FEW,
		.fallback = "3",
		.help = "Calls that must succeed to close it. One that fails opens it again.",
	},
	{
		.name = "half_open_timeout",
		.read = read_duration,
		MEMBER(struct config_breaker, half_open_timeout_ns),
		.min = BREAKER_TIMEOUT_MIN_NS,
		.max = 3600 * NS_PER_SEC,
		.expected = "a duration from 100ms to 1h such as 33s",
		.fallback = "connect_timeout and answer_timeout together, at least 100ms",
		.help = "Permits whose calls have not ended by then are given anew.",
	},
	{
		.name = "max_ejection_percent",
		.read = read_number,
		MEMBER(struct config_breaker, max_ejection_percent),
		.min = 1,
		.max = 100,
		.expected = "a number from 1 to 100",
		.fallback = "50",
		.help = "Of the endpoints, how many may be out at once; one in any case.",
	},
	{
		.name = "eject_last",
		.read = read_boolean,
		MEMBER(struct config_breaker, eject_last),
		.expected = "true or false",
		.fallback = "false",
		.help = "All endpoints of several may be out at once, if max_ejection_percent allows it. An only "
			"endpoint always may.",
	},
	{
		.name = "on_open",
		.read = read_choice,
		MEMBER(struct config_breaker, reset),
		.choices = "reject|reset",
		.expected = "reject or reset",
		.fallback = "reject",
		.help = "What open means for connections that are there: reject leaves them alone and refuses "
			"new ones; reset ends them with their next segment, so that callers which keep "
			"connections learn it, too.",
	},
	{},
};
