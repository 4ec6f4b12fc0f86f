/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A `breaker` and a `probe` as text: for config_print(). Reading them is in read_breaker.c and read_probe.c. */
#pragma once

#include "user/config/model.h"

void print_breaker(const struct config_breaker *breaker, FILE *out);

/* print_probe.c; nothing where there is none */
void print_probe(const struct config_probe *probe, FILE *out);
