/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads the daemon's JSON without trusting it. A field that is missing or of another type gives a
 * harmless value ("" , 0, false, an empty array) and is noted; the reading goes on and the caller
 * asks once, at the end, with reader_result(). The first fault is kept.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	char error[256];
	bool failed;
};

/* Strings and arrays are borrowed from the object. object may be NULL or anything else: noted. */
const char *reader_string(struct reader *reader, const json_t *object, const char *field);
double reader_number(struct reader *reader, const json_t *object, const char *field);
uint64_t reader_count(struct reader *reader, const json_t *object,
		      const char *field); /* whole, >= 0 */
bool reader_bool(struct reader *reader, const json_t *object, const char *field);
const json_t *reader_array(struct reader *reader, const json_t *object, const char *field);
const json_t *reader_object(struct reader *reader, const json_t *object, const char *field);

/*
 * An array of numbers, or of whole numbers, into out[0 .. max - 1]; returns how many. One that is longer, or
 * holds anything else, is noted, and is 0.
 */
size_t reader_numbers(struct reader *reader, const json_t *object, const char *field, double *out,
		      size_t max);
size_t reader_counts(struct reader *reader, const json_t *object, const char *field, uint64_t *out,
		     size_t max);

/* Absent and null are fine and give the fallback; another type is noted. */
const char *reader_string_or(struct reader *reader, const json_t *object, const char *field,
			     const char *fallback);
double reader_number_or(struct reader *reader, const json_t *object, const char *field,
			double fallback);

/* 0, or -EPROTO with a sentence in error. */
int reader_result(const struct reader *reader, char *error, size_t size);
