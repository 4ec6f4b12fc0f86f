/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A `breaker` as text: for config_print(). Reading it is in read_breaker.c. */
#pragma once

#include "user/config/model.h"

void print_breaker(const struct config_breaker *breaker, FILE *out);
