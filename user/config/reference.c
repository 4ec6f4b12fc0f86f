/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tables of fields.c as mdoc. docs/man/weir.yaml.5 holds a copy; tests/unit/test_config_man.c renews it. */
#include <string.h>

#include "user/config/schema.h"

/* mdoc wants lines of at most 80 bytes, and each sentence to begin one. */
#define LINE_BYTES 78

static size_t print_words(const char *text, size_t column, FILE *out)
{
	while (*text) {
		size_t length = strcspn(text, " ");
		bool ends = length > 1 && text[length - 1] == '.';

		if (column > 0 && column + 1 + length > LINE_BYTES) {
			fputc('\n', out);
			column = 0;
		}
		/* A dot in the first column would be a macro. */
		column += (size_t)fprintf(out, "%s%.*s",
					  column > 0	 ? " "
					  : *text == '.' ? "\\&"
							 : "",
					  (int)length, text);
		text += length;
		text += *text == ' ';
		if (ends && *text) {
			fputc('\n', out);
			column = 0;
		}
	}
	return column;
}

static void print_value(const char *what, const char *text, FILE *out)
{
	print_words(text, print_words(what, 0, out), out);
	fputs(".\n", out);
}

static void print_field(const struct field *field, const char *path, FILE *out)
{
	fprintf(out, ".It Ic %s\n", path);
	print_words(field->help, 0, out);
	fputc('\n', out);
	print_value("Value:", field->expected, out);
	if (field->required)
		fputs("Required.\n", out);
	else if (field->fallback)
		print_value("Default:", field->fallback, out);
}

static void print_fields(const struct field *fields, const char *prefix, FILE *out)
{
	for (const struct field *field = fields; field->name; field++) {
		char path[128];

		if (field->read == read_unsupported)
			continue;
		snprintf(path, sizeof(path), "%s%s", prefix, field->name);
		print_field(field, path, out);
		if (!field->inside)
			continue;
		strcat(path, field->nesting);
		strcat(path, ".");
		print_fields(field->inside, path, out);
	}
}

void schema_reference(FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	print_fields(config_fields, "", out);
	fputs(".El\n", out);
}
