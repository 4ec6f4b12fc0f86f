// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/doctor/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *report_word(enum report_status status)
{
	static const char *const word[] = {
		[REPORT_OK] = "ok",
		[REPORT_SKIP] = "skip",
		[REPORT_WARN] = "warn",
		[REPORT_FAIL] = "fail",
	};

	return word[status];
}

enum report_status report_worst(const struct report *report)
{
	enum report_status worst = REPORT_OK;

	for (size_t i = 0; i < report->checks; i++)
		if (report->check[i].status > worst)
			worst = report->check[i].status;
	return worst == REPORT_SKIP ? REPORT_OK : worst;
}

void report_clear(struct report *report)
{
	free(report->check);
	*report = (struct report){0};
}

void report_say(struct report_check *check, enum report_status status, const char *format, ...)
{
	va_list arguments;

	check->status = status;
	va_start(arguments, format);
	vsnprintf(check->message, sizeof(check->message), format, arguments);
	va_end(arguments);
}

void report_fix(struct report_check *check, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(check->fix, sizeof(check->fix), format, arguments);
	va_end(arguments);
}
