/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/lib/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

struct random random_begin(void)
{
	const char *given = getenv("SEED");
	struct random random = {given ? strtoull(given, NULL, 0) : 0};

	while (!random.state)
		if (getrandom(&random.state, sizeof(random.state), 0) < 0)
			random.state = 1;
	printf("# SEED=0x%llx repeats this\n", (unsigned long long)random.state);
	fflush(stdout);
	return random;
}
