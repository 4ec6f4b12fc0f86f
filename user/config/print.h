/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts of a model as text: for config_print(). Each is in a file of its name, beside the one that reads it. */
#pragma once

#include "user/config/model.h"

/* A double-quoted YAML scalar; $ is doubled, see environment.h. */
void print_text(const char *text, FILE *out);

void print_breaker(const struct config_breaker *breaker, FILE *out);

/* Nothing where there is none */
void print_probe(const struct config_probe *probe, FILE *out);

/*
 * Likewise. Passwords and secrets are asterisks, with a comment: what is printed is for people, and goes to terminals and
 * tickets. It still reads back, to a model with asterisks in their place.
 */
void print_cluster(const struct config_cluster *cluster, FILE *out);
