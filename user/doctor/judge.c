// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/doctor/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	judge_of_host *judge;
} host[] = {
#define X(function, name, about) {name, judge_##function},
	DOCTOR_CHECKS(X)
#undef X
};

static const struct {
	const char *name;
	judge_of_interface *judge;
} interface[] = {
#define X(function, name, about) {name, judge_##function},
	DOCTOR_INTERFACE_CHECKS(X)
#undef X
};

#define HOST_CHECKS (sizeof(host) / sizeof(*host))
#define INTERFACE_CHECKS (sizeof(interface) / sizeof(*interface))

/* A check that says nothing is about something that is not there: it is left out. */
static void keep(struct report *report)
{
	report->checks += report->check[report->checks].message[0] != '\0';
}

static void judge_one_interface(const struct facts *facts, const struct facts_interface *of,
				struct report *report)
{
	for (size_t i = 0; i < INTERFACE_CHECKS; i++) {
		struct report_check *check = &report->check[report->checks];

		*check = (struct report_check){.name = interface[i].name};
		memcpy(check->interface, of->name, sizeof(check->interface));
		if (!i || of->there)
			interface[i].judge(facts, of, check);
		keep(report);
	}
}

int judge(const struct facts *facts, struct report *out)
{
	struct report report = {
		.check = calloc(HOST_CHECKS + facts->interfaces * INTERFACE_CHECKS + 1,
				sizeof(*report.check))};

	if (!report.check)
		return -ENOMEM;
	for (size_t i = 0; i < HOST_CHECKS; i++) {
		struct report_check *check = &report.check[report.checks];

		*check = (struct report_check){.name = host[i].name};
		host[i].judge(facts, check);
		keep(&report);
	}
	for (size_t i = 0; i < facts->interfaces; i++)
		judge_one_interface(facts, &facts->interface[i], &report);
	*out = report;
	return 0;
}
