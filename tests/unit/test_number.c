/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/base/number.h"

#define MAX UINT64_MAX
#define SEC 1000000000ULL
#define UNTOUCHED 4711

typedef int (*parser)(const char *text, uint64_t min, uint64_t max, uint64_t *out);

struct example {
	const char *text;
	int result;
	uint64_t value;
};

static void assert_examples(parser parse, const struct example *examples)
{
	for (; examples->text; examples++) {
		uint64_t value = UNTOUCHED;
		int r = parse(examples->text, 0, MAX, &value);

		if (r != examples->result || value != (r ? UNTOUCHED : examples->value))
			fail_msg("\"%s\": %d, %" PRIu64, examples->text, r, value);
	}
}

static void percentages(void **state)
{
	static const struct example examples[] = {
		{"50%", 0, 5000},
		{"0%", 0, 0},
		{"100%", 0, 10000},
		{"12.5%", 0, 1250},
		{"0.01%", 0, 1},
		{"0.010%", 0, 1},
		{"0.001%", -EINVAL, 0},
		{"50", -EINVAL, 0},
		{"50 %", -EINVAL, 0},
		{"50%%", -EINVAL, 0},
		{"%", -EINVAL, 0},
		{"-1%", -EINVAL, 0},
		{"05%", -EINVAL, 0},
		{"1k%", -EINVAL, 0},
		{"184467440737095516.15%", 0, MAX},
		{"184467440737095516.16%", -ERANGE, 0},
		{NULL, 0, 0},
	};

	(void)state;
	assert_examples(number_parse_percent, examples);
}

static int parse_thousandths(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return number_parse_decimal(text, 1000, min, max, out);
}

static void decimals_in_thousandths(void **state)
{
	static const struct example examples[] = {
		{"1.9", 0, 1900},	{"0", 0, 0},
		{"0.001", 0, 1},	{"100", 0, 100000},
		{"0.0001", -EINVAL, 0}, {"1.", -EINVAL, 0},
		{".5", -EINVAL, 0},	{"1.9%", -EINVAL, 0},
		{"", -EINVAL, 0},	{"18446744073709552", -ERANGE, 0},
		{NULL, 0, 0},
	};

	(void)state;
	assert_examples(parse_thousandths, examples);
}

static void plain_numbers(void **state)
{
	static const struct example examples[] = {
		{"0", 0, 0},
		{"1", 0, 1},
		{"18446744073709551615", 0, MAX},
		{"18446744073709551616", -ERANGE, 0},
		{"99999999999999999999999999999999999999999999", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"1\n", -EINVAL, 0},
		{"01", -EINVAL, 0},
		{"00", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
		{"1e3", -EINVAL, 0},
		{"1.0", -EINVAL, 0},
		{"1k", -EINVAL, 0},
		{"1_000", -EINVAL, 0},
		{"1,000", -EINVAL, 0},
		{"\xd9\xa1", -EINVAL, 0}, /* an Arabic 1 */
		{},
	};

	(void)state;
	assert_examples(number_parse, examples);
}

static void counts(void **state)
{
	static const struct example examples[] = {
		{"10", 0, 10},
		{"10k", 0, 10000},
		{"10K", 0, 10000},
		{"10Ki", 0, 10240},
		{"1M", 0, 1000000},
		{"1Mi", 0, 1 << 20},
		{"1G", 0, 1000000000},
		{"1Gi", 0, 1 << 30},
		{"1.5k", 0, 1500},
		{"1.500k", 0, 1500},
		{"0.5Ki", 0, 512},
		{"0.000000001G", 0, 1},
		{"1.0", 0, 1},
		{"18446744073709551.615k", 0, MAX},
		{"18446744073709551.616k", -ERANGE, 0},
		{"18446744073709551615Gi", -ERANGE, 0},
		{"1.5", -EINVAL, 0},
		{"1.0001k", -EINVAL, 0},
		{"0.3Ki", -EINVAL, 0},
		{"1.0000000000", -EINVAL, 0},
		{".5k", -EINVAL, 0},
		{"5.k", -EINVAL, 0},
		{"1.5.5k", -EINVAL, 0},
		{"k", -EINVAL, 0},
		{"1kk", -EINVAL, 0},
		{"1ki ", -EINVAL, 0},
		{"1T", -EINVAL, 0},
		{"1m", -EINVAL, 0},
		{"1g", -EINVAL, 0},
		{"1i", -EINVAL, 0},
		{"1B", -EINVAL, 0},
		{"10 k", -EINVAL, 0},
		{},
	};

	(void)state;
	assert_examples(number_parse_count, examples);
}

static void sizes(void **state)
{
	static const struct example examples[] = {
		{"1514", 0, 1514},   {"1514B", 0, 1514},    {"20MB", 0, 20000000},
		{"64KiB", 0, 65536}, {"64Ki", 0, 65536},    {"1.5GB", 0, 1500000000},
		{"1BB", -EINVAL, 0}, {"1kb", -EINVAL, 0},   {"B", -EINVAL, 0},
		{"1Bk", -EINVAL, 0}, {"1kbit", -EINVAL, 0}, {},
	};

	(void)state;
	assert_examples(number_parse_size, examples);
}

static void durations(void **state)
{
	static const struct example examples[] = {
		{"100ns", 0, 100},
		{"10us", 0, 10000},
		{"2.5ms", 0, 2500000},
		{"30s", 0, 30 * SEC},
		{"5m", 0, 300 * SEC},
		{"5min", 0, 300 * SEC},
		{"1.5h", 0, 5400 * SEC},
		{"1d", 0, 86400 * SEC},
		{"0s", 0, 0},
		{"213503d", 0, 213503 * (86400 * SEC)},
		{"213504d", -ERANGE, 0},
		{"0.5ns", -EINVAL, 0},
		{"1.0000000001s", -EINVAL, 0},
		{"30", -EINVAL, 0},
		{"0", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"1h30m", -EINVAL, 0},
		{"30 s", -EINVAL, 0},
		{"30S", -EINVAL, 0},
		{"30sec", -EINVAL, 0},
		{"1w", -EINVAL, 0},
		{"1ks", -EINVAL, 0},
		{},
	};

	(void)state;
	assert_examples(number_parse_duration, examples);
}

static void durations_are_written_as_they_are_read(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} examples[] = {
		{0, "0ns"},
		{1, "1ns"},
		{999, "999ns"},
		{1000, "1us"},
		{1001, "1.001us"},
		{2500000, "2.5ms"},
		{7629394, "7629.394us"},
		{1050000, "1.05ms"},
		{SEC, "1s"},
		{SEC + 1000000, "1.001s"},
		{90 * SEC, "90s"},
		{120 * SEC, "2m"},
		{5400 * SEC, "90m"},
		{86400 * SEC, "24h"},
		{UINT64_MAX, "18446744073709551.615us"},
	};
	char text[DURATION_TEXT];
	uint64_t back = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		assert_string_equal(number_format_duration(examples[i].ns, text, sizeof(text)),
				    examples[i].text);
	for (uint64_t ns = 1; ns < UINT64_MAX / 3; ns += ns / 7 + 1) {
		number_format_duration(ns, text, sizeof(text));
		assert_int_equal(number_parse_duration(text, 0, UINT64_MAX, &back), 0);
		assert_int_equal(back, ns);
	}
}

static void rates(void **state)
{
	static const struct {
		const char *text;
		int result;
		struct number_rate rate;
	} examples[] = {
		{"100/min", 0, {100, 60 * SEC, false}},
		{"100/minute", 0, {100, 60 * SEC, false}},
		{"1.5k/s", 0, {1500, SEC, false}},
		{"7/sec", 0, {7, SEC, false}},
		{"7/second", 0, {7, SEC, false}},
		{"1000/hour", 0, {1000, 3600 * SEC, false}},
		{"1000/h", 0, {1000, 3600 * SEC, false}},
		{"5/day", 0, {5, 86400 * SEC, false}},
		{"5/d", 0, {5, 86400 * SEC, false}},
		{"0/s", 0, {0, SEC, false}},
		{"20MB/s", 0, {20000000, SEC, true}},
		{"512KiB/s", 0, {524288, SEC, true}},
		{"100B/min", 0, {100, 60 * SEC, true}},
		{"100Mbit/s", 0, {12500000, SEC, true}},
		{"8bit/s", 0, {1, SEC, true}},
		{"18446744073709551615/s", 0, {MAX, SEC, false}},
		{"18446744073709551616/s", -ERANGE, {}},
		{"18446744073709551615k/s", -ERANGE, {}},
		{"7bit/s", -EINVAL, {}},
		{"0.5/s", -EINVAL, {}},
		{"100", -EINVAL, {}},
		{"100/", -EINVAL, {}},
		{"/s", -EINVAL, {}},
		{"100/mn", -EINVAL, {}},
		{"100/m", -EINVAL, {}},
		{"100/ms", -EINVAL, {}},
		{"100/10s", -EINVAL, {}},
		{"100/s ", -EINVAL, {}},
		{"100 /s", -EINVAL, {}},
		{"100/s/s", -EINVAL, {}},
		{"100ps", -EINVAL, {}},
		{"-100/s", -EINVAL, {}},
		{"20Mb/s", -EINVAL, {}},
		{"20Mbits/s", -EINVAL, {}},
		{"20MBbit/s", -EINVAL, {}},
		{"", -EINVAL, {}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct number_rate rate = {UNTOUCHED, 1, true};
		int r = number_parse_rate(examples[i].text, &rate);

		if (r != examples[i].result)
			fail_msg("\"%s\": %d", examples[i].text, r);
		assert_int_equal(rate.amount, r ? UNTOUCHED : examples[i].rate.amount);
		assert_int_equal(rate.period_ns, r ? 1 : examples[i].rate.period_ns);
		assert_int_equal(rate.bytes, r ? true : examples[i].rate.bytes);
	}
}

static void ranges_hold_at_their_edges(void **state)
{
	uint64_t value = UNTOUCHED;

	(void)state;
	assert_int_equal(number_parse("9", 10, 20, &value), -ERANGE);
	assert_int_equal(number_parse("21", 10, 20, &value), -ERANGE);
	assert_int_equal(number_parse_count("1k", 0, 999, &value), -ERANGE);
	assert_int_equal(number_parse_size("1kB", 1001, MAX, &value), -ERANGE);
	assert_int_equal(number_parse_duration("1s", 0, SEC - 1, &value), -ERANGE);
	assert_int_equal(value, UNTOUCHED);
	assert_int_equal(number_parse("10", 10, 20, &value), 0);
	assert_int_equal(value, 10);
	assert_int_equal(number_parse("20", 10, 20, &value), 0);
	assert_int_equal(number_parse_duration("1s", SEC, SEC, &value), 0);
	assert_int_equal(value, SEC);
}

/* strtoull() as the judge of what it also understands */
static void random_text_is_read_as_strtoull_does_or_refused(void **state)
{
	static const char alphabet[] = "0123456789012345678901234567890123456789.kKMGiB/s -";
	const char *seed_text = getenv("WEIR_TEST_SEED");
	unsigned int seed = seed_text ? (unsigned int)strtoul(seed_text, NULL, 10)
				      : (unsigned int)time(NULL);

	(void)state;
	print_message("seed %u (WEIR_TEST_SEED=%u repeats it)\n", seed, seed);
	srand(seed);
	for (unsigned int i = 0; i < 1000000; i++) {
		char text[24] = "";
		uint64_t value = UNTOUCHED;
		struct number_rate rate;
		char *end;
		int r;

		for (int j = rand() % 23; j > 0; j--)
			text[j - 1] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
		number_parse_rate(text, &rate);
		number_parse_duration(text, 0, MAX, &value);
		number_parse_size(text, 0, MAX, &value);
		r = number_parse(text, 0, MAX, &value);
		if (r < 0)
			continue;
		errno = 0;
		assert_int_equal(value, strtoull(text, &end, 10));
		assert_int_equal(errno, 0);
		assert_int_equal(*end, '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_numbers),
		cmocka_unit_test(percentages),
		cmocka_unit_test(decimals_in_thousandths),
		cmocka_unit_test(counts),
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
		cmocka_unit_test(durations_are_written_as_they_are_read),
		cmocka_unit_test(rates),
		cmocka_unit_test(ranges_hold_at_their_edges),
		cmocka_unit_test(random_text_is_read_as_strtoull_does_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
