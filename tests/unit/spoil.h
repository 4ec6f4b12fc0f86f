/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Answers that no daemon would give, made from one it would. */
#pragma once

#include <jansson.h>

/* JSON with ' for ", to be readable in a test */
json_t *quoted(const char *text);

typedef void try_answer(const json_t *answer);

/* Puts each of a dozen wrong values in the place of each part of the answer; the whole is tried each time. */
void spoil(json_t *answer, try_answer *try);
