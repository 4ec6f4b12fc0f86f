/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs a main() in a process of its own, because it may end it, and keeps what it printed. */
#pragma once

struct captured {
	int code; /* exit code, or 128 + signal */
	char out[32768];
	char err[4096];
};

/* words: "weir top --once", divided at blanks; the first is argv[0]. Fails the test when it cannot be run. */
struct captured capture(int (*run)(int argc, char **argv), const char *words);
