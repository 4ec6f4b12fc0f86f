/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/unit/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void take(FILE *file, char *text, size_t size)
{
	rewind(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

struct captured capture(int (*run)(int argc, char **argv), const char *words)
{
	struct captured captured;
	FILE *out = tmpfile(), *err = tmpfile();
	char *copy = strdup(words), *argv[33] = {NULL};
	int argc = 0, status;
	pid_t pid;

	assert_true(out && err && copy);
	for (char *word = strtok(copy, " "); word && argc < 32; word = strtok(NULL, " "))
		argv[argc++] = word;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		exit(run(argc, argv));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	captured.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	take(out, captured.out, sizeof(captured.out));
	take(err, captured.err, sizeof(captured.err));
	free(copy);
	return captured;
}
