/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tables of fields.c as mdoc. docs/man/weir.yaml.5 holds a copy; tests/unit/test_config_man.c renews it. */
#include <string.h>

#include "user/config/schema.h"

/* mdoc wants each sentence on a line of its own. */
static void print_sentences(const char *text, FILE *out)
{
	for (; *text; text++) {
		fputc(*text, out);
		if (!strncmp(text, ". ", 2)) {
			fputc('\n', out);
			text++;
		}
	}
	fputc('\n', out);
}

static void print_field(const struct field *field, const char *path, FILE *out)
{
	fprintf(out, ".It Ic %s\n", path);
	print_sentences(field->help, out);
	fprintf(out, "Value: %s.\n", field->expected);
	if (field->required)
		fputs("Required.\n", out);
	else if (field->fallback)
		fprintf(out, "Default: %s.\n", field->fallback);
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
