/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Numbers as people write them, read strictly: decimal digits, one unit, nothing before or after. No
 * sign, no blanks, no hexadecimal, no leading zeros (what would 010 be?). Nothing is rounded: a
 * fraction is fine where the result is whole (1.5k is 1500, 1.5 is refused).
 *
 * All return 0 with the value, or with *out untouched -EINVAL (not such a number, or not a whole
 * one) or -ERANGE (outside min .. max, or more than 64 bits).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_SEC UINT64_C(1000000000)

/* 1048576 */
int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* 1048576, 10k, 1.5M, 2G, 64Ki: k and K are 1000, Ki is 1024; so on for M and G */
int number_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* 1.9 in parts of 1/scale, which must be whole: with a scale of 1000 it is 1900 */
int number_parse_decimal(const char *text, uint64_t scale, uint64_t min, uint64_t max,
			 uint64_t *out);

/* 50%, 12.5%: in parts of 10,000. The sign is required */
int number_parse_percent(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* The same in bytes: a B may follow. 1514, 20MB, 64KiB, 2G */
int number_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* 100ns, 10us, 2.5ms, 30s, 5m or 5min, 2h, 1d; the unit is required */
int number_parse_duration(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *out_ns);

/* Exactly the same back, in the largest unit that needs no more than three decimals: 2.5ms, 30s, 1h. Returns buffer. */
#define DURATION_TEXT 32 /* bytes of buffer that always suffice */
const char *number_format_duration(uint64_t ns, char *buffer, size_t size);

/*
 * AMOUNT/PERIOD: 100/min, 1.5k/s, 20MB/s, 512KiB/s, 100Mbit/s (12500000 bytes).
 * PERIOD: s sec second, min minute, h hour, d day
 */
struct number_rate {
	uint64_t amount;
	uint64_t period_ns;
	bool bytes; /* written with B or bit */
};
int number_parse_rate(const char *text, struct number_rate *out);
