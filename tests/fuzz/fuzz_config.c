/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Any bytes as a configuration file: either one line that says what was expected, or a model that
 * survives printing and reading.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/config/model.h"

static void die(const char *why, const char *detail)
{
	fprintf(stderr, "%s: %s\n", why, detail);
	abort();
}

static char *print(const struct config *config)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out || config_print(config, out) < 0 || fclose(out))
		die("cannot print", "");
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_error error = {};
	struct config *config = NULL, *again = NULL;
	char *text, *text_again;

	if (config_parse("f", (const char *)data, size, &config, &error) < 0) {
		if (config || strncmp(error.text, "f:", 2) || strchr(error.text, '\n') ||
		    !strstr(error.text, "; expected "))
			die("a bad refusal", error.text);
		return 0;
	}
	text = print(config);
	if (config_parse("f", text, strlen(text), &again, &error) < 0)
		die("cannot read what was printed", error.text);
	text_again = print(again);
	if (strcmp(text, text_again))
		die("not the same after printing", text);
	free(text);
	free(text_again);
	config_unref(config);
	config_unref(again);
	return 0;
}
