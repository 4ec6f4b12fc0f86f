/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef unsigned __int128 u128;

/* mantissa / divisor, before a unit is applied. Below 2^64 x 10^9 */
struct decimal {
	u128 mantissa;
	uint64_t divisor;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Moves *text behind the digits. More than nine decimals are no number anybody means. */
static int read_decimal(const char **text, struct decimal *out)
{
	struct decimal number = {.divisor = 1};
	const char *at = *text;

	if (!is_digit(*at) || (at[0] == '0' && is_digit(at[1])))
		return -EINVAL;
	for (; is_digit(*at); at++) {
		number.mantissa = number.mantissa * 10 + (unsigned int)(*at - '0');
		if (number.mantissa > UINT64_MAX)
			return -ERANGE;
	}
	if (*at == '.') {
		if (!is_digit(*++at))
			return -EINVAL;
		for (; is_digit(*at); at++) {
			if (number.divisor == NS_PER_SEC)
				return -EINVAL;
			number.mantissa = number.mantissa * 10 + (unsigned int)(*at - '0');
			number.divisor *= 10;
		}
	}
	*text = at;
	*out = number;
	return 0;
}

/* Optional k, K, M, G, each with an optional i. Moves *text behind it. */
static uint64_t read_scale(const char **text)
{
	static const char letters[] = "kKMG";
	static const unsigned int powers[] = {1, 1, 2, 3};
	const char *letter = **text ? strchr(letters, **text) : NULL;
	uint64_t base = 1000, scale = 1;

	if (!letter)
		return 1;
	(*text)++;
	if (**text == 'i') {
		base = 1024;
		(*text)++;
	}
	for (unsigned int i = 0; i < powers[letter - letters]; i++)
		scale *= base;
	return scale;
}

static int exact(const struct decimal *number, uint64_t scale, uint64_t divisor, uint64_t *out)
{
	u128 value = number->mantissa, by = (u128)number->divisor * divisor;

	if (value > ~(u128)0 / scale)
		return -ERANGE;
	value *= scale;
	if (value % by)
		return -EINVAL;
	value /= by;
	if (value > UINT64_MAX)
		return -ERANGE;
	*out = (uint64_t)value;
	return 0;
}

static int in_range(uint64_t value, uint64_t min, uint64_t max, uint64_t *out)
{
	if (value < min || value > max)
		return -ERANGE;
	*out = value;
	return 0;
}

/* The number times the scale, if that is whole and within the range */
static int scaled_in_range(const struct decimal *number, uint64_t scale, uint64_t min, uint64_t max,
			   uint64_t *out)
{
	uint64_t value;
	int r = exact(number, scale, 1, &value);

	return r < 0 ? r : in_range(value, min, max, out);
}

int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	struct decimal number;
	int r;

	r = read_decimal(&text, &number);
	if (r < 0)
		return r;
	if (number.divisor != 1 || *text)
		return -EINVAL;
	return in_range((uint64_t)number.mantissa, min, max, out);
}

static int parse_scaled(const char *text, bool bytes, uint64_t min, uint64_t max, uint64_t *out)
{
	struct decimal number;
	uint64_t scale;
	int r;

	r = read_decimal(&text, &number);
	if (r < 0)
		return r;
	scale = read_scale(&text);
	if (bytes && *text == 'B')
		text++;
	if (*text)
		return -EINVAL;
	return scaled_in_range(&number, scale, min, max, out);
}

int number_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return parse_scaled(text, false, min, max, out);
}

int number_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return parse_scaled(text, true, min, max, out);
}

int number_parse_decimal(const char *text, uint64_t scale, uint64_t min, uint64_t max,
			 uint64_t *out)
{
	struct decimal number;
	int r;

	r = read_decimal(&text, &number);
	if (r < 0)
		return r;
	if (*text)
		return -EINVAL;
	return scaled_in_range(&number, scale, min, max, out);
}

int number_parse_percent(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	struct decimal number;
	int r;

	r = read_decimal(&text, &number);
	if (r < 0)
		return r;
	if (strcmp(text, "%"))
		return -EINVAL;
	return scaled_in_range(&number, 100, min, max, out);
}

/* A name of a span of time and its length */
struct span {
	const char *name;
	uint64_t ns;
};

static uint64_t find_span(const struct span *spans, const char *name)
{
	for (; spans->name; spans++)
		if (!strcmp(spans->name, name))
			return spans->ns;
	return 0;
}

int number_parse_duration(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *out_ns)
{
	static const struct span units[] = {
		{"ns", 1},
		{"us", 1000},
		{"ms", 1000000},
		{"s", NS_PER_SEC},
		{"m", 60 * NS_PER_SEC},
		{"min", 60 * NS_PER_SEC},
		{"h", 3600 * NS_PER_SEC},
		{"d", 86400 * NS_PER_SEC},
		{NULL, 0},
	};
	struct decimal number;
	uint64_t unit_ns;
	int r;

	r = read_decimal(&text, &number);
	if (r < 0)
		return r;
	unit_ns = find_span(units, text);
	if (!unit_ns)
		return -EINVAL;
	return scaled_in_range(&number, unit_ns, min_ns, max_ns, out_ns);
}

const char *number_format_duration(uint64_t ns, char *buffer, size_t size)
{
	static const struct span units[] = {
		{"h", 3600 * NS_PER_SEC}, {"m", 60 * NS_PER_SEC}, {"s", NS_PER_SEC},
		{"ms", 1000000},	  {"us", 1000},		  {"ns", 1},
	};
	const struct span *unit = units;
	unsigned int decimals = 3;
	uint64_t whole, rest;

	/* Minutes and hours only when whole: 1.5h is not how 90m is meant */
	while (unit->ns > 1 &&
	       (ns < unit->ns || ns % (unit->ns > NS_PER_SEC ? unit->ns : unit->ns / 1000)))
		unit++;
	whole = ns / unit->ns;
	rest = ns % unit->ns;
	if (!rest) {
		snprintf(buffer, size, "%" PRIu64 "%s", whole, unit->name);
		return buffer;
	}
	for (rest /= unit->ns / 1000; rest % 10 == 0; rest /= 10)
		decimals--;
	snprintf(buffer, size, "%" PRIu64 ".%0*" PRIu64 "%s", whole, (int)decimals, rest,
		 unit->name);
	return buffer;
}

int number_parse_rate(const char *text, struct number_rate *out)
{
	static const struct span periods[] = {
		{"s", NS_PER_SEC},	     {"sec", NS_PER_SEC},
		{"second", NS_PER_SEC},	     {"min", 60 * NS_PER_SEC},
		{"minute", 60 * NS_PER_SEC}, {"h", 3600 * NS_PER_SEC},
		{"hour", 3600 * NS_PER_SEC}, {"d", 86400 * NS_PER_SEC},
		{"day", 86400 * NS_PER_SEC}, {NULL, 0},
	};
	struct number_rate rate = {};
	struct decimal number;
	uint64_t scale, divisor = 1;
	int r;

	r = read_decimal(&text, &number);
	if (r < 0)
		return r;
	scale = read_scale(&text);
	if (*text == 'B') {
		rate.bytes = true;
		text++;
	} else if (!strncmp(text, "bit", 3)) {
		rate.bytes = true;
		divisor = 8;
		text += 3;
	}
	if (*text != '/')
		return -EINVAL;
	rate.period_ns = find_span(periods, text + 1);
	if (!rate.period_ns)
		return -EINVAL;
	r = exact(&number, scale, divisor, &rate.amount);
	if (r < 0)
		return r;
	*out = rate;
	return 0;
}
