/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The fields of a `probe`; see fields.c. docs/breakers.md explains them together. */
#include "user/base/number.h"
#include "user/config/reader.h"

const struct field probe_fields[] = {
	{
		.name = "type",
		.read = read_choice,
		MEMBER(struct config_probe, type),
		.choices = "off|tcp|http",
		.expected = "tcp, http or off",
		.fallback = "http if there is a path, else tcp",
		.help = "tcp: it works if it accepts a connection. http: if it answers a GET with a status that "
			"is expected.",
	},
	{
		.name = "interval",
		.read = read_duration,
		MEMBER(struct config_probe, interval_ns),
		.min = 100000000,
		.max = 3600 * NS_PER_SEC,
		.expected = "a duration from 100ms to 1h such as 5s",
		.fallback = "5s",
		.help = "From the beginning of one to that of the next.",
	},
	{
		.name = "timeout",
		.read = read_duration,
		MEMBER(struct config_probe, timeout_ns),
		.min = 10000000,
		.max = 60 * NS_PER_SEC,
		.expected = "a duration from 10ms to 1m such as 1s",
		.fallback = "1s, or interval if that is shorter",
		.help = "One that has not ended by then has failed. Not longer than interval.",
	},
	{
		.name = "jitter",
		.read = read_percent,
		MEMBER(struct config_probe, jitter),
		.min = 0,
		.max = CONFIG_RATIO / 2,
		.expected = "a percentage up to 50% such as 10%, or off",
		.fallback = "10%",
		.help = "Each interval is longer or shorter by up to this share, at random, so that hosts do not "
			"ask all at once.",
	},
	{
		.name = "path",
		.read = read_probe_path,
		MEMBER(struct config_probe, path),
		.expected = "a path such as /healthz",
		.fallback = "/",
		.help = "What to GET. Only for http.",
	},
	{
		.name = "expect",
		.read = read_probe_status,
		.expected = "a status such as 200, or a range such as 200..399",
		.fallback = "200..399",
		.help = "The status of an endpoint that works. Redirects are not followed. Only for http.",
	},
	{},
};
