/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `weir doctor` says: a line for each check. */
#pragma once

#include <net/if.h>
#include <stddef.h>

enum report_status {
	REPORT_OK,
	REPORT_SKIP, /* could not be looked at: no fault of the host */
	REPORT_WARN, /* Weir works, but slower, or less safely, than it could */
	REPORT_FAIL, /* Weir does not work like this */
};

#define REPORT_TEXT 640

struct report_check {
	const char *name;	  /* stable: scripts and documentation refer to it */
	char interface[IFNAMSIZ]; /* "": of the host */
	enum report_status status;
	char message[REPORT_TEXT]; /* what was found */
	char fix[REPORT_TEXT];	   /* what to do; "": nothing */
};

struct report {
	struct report_check *check;
	size_t checks;
};

/* "ok", "skip", "warn", "fail" */
const char *report_word(enum report_status status);

/* The worst of them; what could not be looked at counts as fine. */
enum report_status report_worst(const struct report *report);

void report_clear(struct report *report);

/* For the checks themselves: the verdict, and what to do. */
void report_say(struct report_check *check, enum report_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void report_fix(struct report_check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
