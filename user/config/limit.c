/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/config/limit.h"

#include <errno.h>
#include <string.h>

#include "user/base/number.h"
#include "user/base/words.h"

#define EXPECTED "expected RATE UNIT [burst N] [cluster], for example 100/min connections burst 20"

typedef unsigned __int128 u128;

const char *limit_period_word(uint64_t period_ns)
{
	switch (period_ns / NS_PER_SEC) {
	case 60:
		return "min";
	case 3600:
		return "hour";
	case 86400:
		return "day";
	default:
		return "s";
	}
}

int limit_parse_rate(const char *text, struct config_limit *out, bool *bytes,
		     struct problem *problem)
{
	struct number_rate rate;
	int r;

	r = number_parse_rate(text, &rate);
	if (r == -ERANGE)
		return problem_set(
			problem,
			"%s is too large a rate; expected at most 1G/s, or 1000GB/s of bytes",
			quote(text).text);
	if (r < 0)
		return problem_set(
			problem,
			"%s is not a rate; expected NUMBER/PERIOD with period s, min, hour or "
			"day, for example 100/min or 20MB/s",
			quote(text).text);
	out->amount = rate.amount;
	out->period_ns = rate.period_ns;
	*bytes = rate.bytes;
	return 0;
}

int limit_parse_unit(const char *text, enum weir_unit *out, struct problem *problem)
{
	for (unsigned int i = 0; i < WEIR_UNIT_COUNT; i++) {
		if (!strcmp(text, unit_word((enum weir_unit)i))) {
			*out = (enum weir_unit)i;
			return 0;
		}
	}
	return problem_set(problem, "%s is not a unit; expected packets, bytes or connections",
			   quote(text).text);
}

int limit_parse_burst(const char *text, enum weir_unit unit, uint64_t *out, struct problem *problem)
{
	if (unit == WEIR_UNIT_BYTES && number_parse_size(text, 0, UINT64_MAX, out) < 0)
		return problem_set(problem,
				   "burst %s is not a number of bytes; expected one such as 40MB",
				   quote(text).text);
	if (unit != WEIR_UNIT_BYTES && number_parse_count(text, 0, UINT64_MAX, out) < 0)
		return problem_set(problem,
				   "burst %s is not a number of %s; expected one such as 200",
				   quote(text).text, unit_word(unit));
	return 0;
}

/* The next word of *text into `word`; false if there is none or it is too long for any meaning. */
static bool next_word(const char **text, char *word, size_t size)
{
	size_t length;

	*text += strspn(*text, " ");
	length = strcspn(*text, " ");
	if (length == 0 || length >= size)
		return false;
	memcpy(word, *text, length);
	word[length] = '\0';
	*text += length;
	return true;
}

/* [burst N] [cluster], to the end */
static int parse_rest(const char *text, const char *at, struct config_limit *limit,
		      struct problem *problem)
{
	char word[64] = "", burst[64];
	bool more;

	more = next_word(&at, word, sizeof(word));
	if (more && !strcmp(word, "burst")) {
		if (!next_word(&at, burst, sizeof(burst)))
			return problem_set(problem, "%s is not a limit; " EXPECTED,
					   quote(text).text);
		if (limit_parse_burst(burst, limit->unit, &limit->burst, problem) < 0)
			return -EINVAL;
		more = next_word(&at, word, sizeof(word));
	}
	limit->cluster = more && !strcmp(word, "cluster");
	if ((more && !limit->cluster) || at[strspn(at, " ")])
		return problem_set(problem, "%s is not a limit; " EXPECTED, quote(text).text);
	return 0;
}

int limit_parse(const char *text, struct config_limit *out, struct problem *problem)
{
	char rate[64], unit[64];
	struct config_limit limit = {};
	const char *at = text;
	bool bytes;

	if (!next_word(&at, rate, sizeof(rate)))
		return problem_set(problem, "%s is not a limit; " EXPECTED, quote(text).text);
	if (limit_parse_rate(rate, &limit, &bytes, problem) < 0)
		return -EINVAL;
	if (!next_word(&at, unit, sizeof(unit)))
		return problem_set(problem,
				   "%s has no unit; expected %s packets, bytes or connections",
				   quote(text).text, rate);
	if (limit_parse_unit(unit, &limit.unit, problem) < 0)
		return -EINVAL;
	if (bytes && limit.unit != WEIR_UNIT_BYTES)
		return problem_set(problem, "%s is a rate of bytes, not of %s; expected %s bytes",
				   quote(rate).text, unit, rate);
	limit.burst = limit.amount;
	if (parse_rest(text, at, &limit, problem) < 0)
		return -EINVAL;
	*out = limit;
	return 0;
}

int limit_check_rate(const struct config_limit *limit, struct problem *problem)
{
	uint64_t max = limit->unit == WEIR_UNIT_BYTES ? LIMIT_BYTES_MAX : LIMIT_RATE_MAX;
	u128 a_second = (u128)limit->amount * NS_PER_SEC;

	if (limit->amount == 0)
		return problem_set(problem,
				   "rate 0 lets nothing pass; expected at least 1/day (to refuse "
				   "everybody, see deny)");
	if (a_second > (u128)max * limit->period_ns)
		return problem_set(
			problem, "rate %llu/%s is more than can be told apart; expected at most %s",
			(unsigned long long)limit->amount, limit_period_word(limit->period_ns),
			limit->unit == WEIR_UNIT_BYTES ? "1000GB/s" : "1G/s");
	if (limit->unit == WEIR_UNIT_BYTES && a_second < (u128)LIMIT_BYTES_MIN * limit->period_ns)
		return problem_set(problem,
				   "rate %llu/%s is too slow for bytes; expected at least %lluB/s",
				   (unsigned long long)limit->amount,
				   limit_period_word(limit->period_ns), LIMIT_BYTES_MIN);
	if (limit->cluster && limit->unit == WEIR_UNIT_BYTES &&
	    a_second < (u128)LIMIT_CLUSTER_BYTES_MIN * limit->period_ns)
		return problem_set(
			problem,
			"rate %llu/%s is too slow for bytes of a cluster, of which each node has a "
			"share; expected at least %lluB/s",
			(unsigned long long)limit->amount, limit_period_word(limit->period_ns),
			LIMIT_CLUSTER_BYTES_MIN);
	return 0;
}

int limit_check_burst(const struct config_limit *limit, struct problem *problem)
{
	u128 most = (u128)LIMIT_REFILL_MAX_NS * limit->amount / limit->period_ns;

	if (limit->burst == 0)
		return problem_set(problem, "burst 0 lets nothing pass; expected at least 1");
	if (limit->unit == WEIR_UNIT_BYTES && limit->burst < LIMIT_FRAME_BYTES)
		return problem_set(
			problem,
			"a burst of %llu bytes cannot hold one full frame; expected burst %llu "
			"or more",
			(unsigned long long)limit->burst, LIMIT_FRAME_BYTES);
	if (limit->burst > most)
		return problem_set(
			problem,
			"a burst of %llu takes more than a year to fill again at %llu/%s; "
			"expected burst %llu or less",
			(unsigned long long)limit->burst, (unsigned long long)limit->amount,
			limit_period_word(limit->period_ns), (unsigned long long)most);
	if (limit->cluster && limit->burst > LIMIT_CLUSTER_BURST_MAX)
		return problem_set(
			problem,
			"a burst of %llu is too large to be shared out in a cluster; expected "
			"burst %llu or less",
			(unsigned long long)limit->burst, LIMIT_CLUSTER_BURST_MAX);
	return 0;
}

const char *limit_format(const struct config_limit *limit, char *buffer, size_t size)
{
	snprintf(buffer, size, "%llu/%s %s burst %llu%s", (unsigned long long)limit->amount,
		 limit_period_word(limit->period_ns), unit_word(limit->unit),
		 (unsigned long long)limit->burst, limit->cluster ? " cluster" : "");
	return buffer;
}
