/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/moment.h"

#include <stdlib.h>
#include <time.h>

double moment_of(const char *text)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	double fraction = 0;

	if (!rest)
		return -1;
	if (*rest == '.') {
		char *end;

		fraction = strtod(rest, &end);
		rest = end;
	}
	if (rest[0] != 'Z' || rest[1] || !(fraction >= 0 && fraction < 1))
		return -1;
	return (double)timegm(&tm) + fraction;
}
