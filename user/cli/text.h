/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Figures as people read them. One rule for all output: counts are exact with thousands separators
 * ("1,234,567"), rates have three digits and a suffix ("12.3k"), durations
 * their two largest units ("2h13m"). Pure; the text is returned by value:
 *
 *     fprintf(out, "%s packets", text_count(n).s);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct text {
	char s[32];
};

/* 1234567: "1,234,567" */
struct text text_count(uint64_t count);

/* Suffixes are decimal: 0 "0", 7 "7", 0.25 "0.25", 950 "950", 12345 "12.3k", 4560000 "4.56M" */
struct text text_rate(double per_second);

/* Seconds: 0.0134 "13ms", 7 "7s", 7980 "2h13m", 266400 "3d02h". Negative is taken for 0 */
struct text text_duration(double seconds);

/* Seconds, three digits and a unit: 0.00125 "1.25 ms", 0.0000305 "30.5 us", 64 "64.0 s" */
struct text text_latency(double seconds);

/* "203.0.113.7:1234", "[2001:db8::1]:443", or the address alone where the port is 0 */
struct text_address {
	char s[96];
};
struct text_address text_address(const char *address, uint64_t port);

/* Part of a whole: "0.8 %"; "" of nothing */
struct text text_share(uint64_t part, uint64_t whole);

/* Unix seconds as local time of day with milliseconds, "03:04:05.678" */
struct text text_clock(double unix_time);

/*
 * Columns a string takes on a terminal: one per code point, which is right for all that weir names.
 */
size_t text_width(const char *text);

/*
 * Writes at most `width` columns of text (0: all of it). What came from elsewhere must not steer a
 * terminal: control characters are written as '?'. A cut is marked by a last '~'. Returns the
 * columns written.
 */
size_t text_put(FILE *out, const char *text, size_t width);
