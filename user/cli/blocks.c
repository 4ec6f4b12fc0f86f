/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/blocks.h"

#include <math.h>
#include <string.h>

#define EIGHTHS 8

/* By eighths: of the height, of the width */
static const char *const level[2][EIGHTHS + 1] = {
	{" ", ".", ".", ":", "-", "=", "+", "*", "#"},
	{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
};
static const char *const part[2][EIGHTHS + 1] = {
	{"", ".", ".", ".", "-", "-", "=", "=", "#"},
	{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"},
};

/* In floating point: value * scale may not fit in 64 bits. 1 at least, so that one sample shows. */
static size_t scaled(uint64_t value, uint64_t max, size_t scale)
{
	double share = max && value < max ? (double)value / (double)max : value > 0;
	size_t result = (size_t)lround(share * (double)scale);

	return value && !result ? 1 : result;
}

struct blocks blocks_spark(const uint64_t *value, size_t count, bool utf8)
{
	struct blocks blocks = {""};
	uint64_t max = 0;
	char *at = blocks.s;

	if (count > BLOCKS_MAX)
		count = BLOCKS_MAX;
	while (count && !value[count - 1])
		count--;
	for (size_t i = 0; i < count; i++)
		max = value[i] > max ? value[i] : max;
	for (size_t i = 0; i < count; i++)
		at = stpcpy(at, level[utf8][scaled(value[i], max, EIGHTHS)]);
	return blocks;
}

struct blocks blocks_bar(uint64_t value, uint64_t max, size_t width, bool utf8)
{
	size_t columns = width < BLOCKS_MAX ? width : BLOCKS_MAX;
	size_t eighths = columns ? scaled(value, max, columns * EIGHTHS) : 0;
	struct blocks blocks = {""};
	char *at = blocks.s;

	for (; eighths >= EIGHTHS; eighths -= EIGHTHS)
		at = stpcpy(at, part[utf8][EIGHTHS]);
	stpcpy(at, part[utf8][eighths]);
	return blocks;
}
