/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is wrong on this host for Weir, and how to mend it. Needs no daemon and, as far as it goes, no privileges; changes nothing, but
 * for a key in Redis that is gone at once.
 */
#pragma once

#include "user/doctor/report.h"

struct doctor_options {
	const char *config_path; /* NULL: the default one, if there are no interfaces */
	const char *default_path;
	const char *const *interfaces; /* in place of those of the configuration */
	size_t interfaces_count;
};

/* 0 and *out, for report_clear(); or -ENOMEM. */
int doctor_examine(const struct doctor_options *options, struct report *out);
