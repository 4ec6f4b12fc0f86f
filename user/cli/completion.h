/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Completion for shells, made from the tables of commands and options. */
#pragma once

#include <stdio.h>

/* scripts/completion/weir.bash is what this writes; a test compares. */
void completion_bash(FILE *out);

/*
 * `weir __complete services|upstreams|names|bans`, for the script: names from the daemon, one a line; nothing when
 * it does not answer. names: services and upstreams.
 */
int completion_words(int argc, char **argv);
