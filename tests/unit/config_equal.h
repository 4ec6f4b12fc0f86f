/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Are two models the same, field by field? Fails the test and says where if not. Paths are not compared. */
#pragma once

#include "user/config/model.h"

void assert_config_equal(const struct config *a, const struct config *b);

/* The model as config_print() writes it; for free(). */
char *config_text(const struct config *config);
