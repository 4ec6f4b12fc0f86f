/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tables of fields.c as mdoc and as Markdown. docs/man/weir.yaml.5 and docs/configuration.md hold copies, which
 * tests/unit/test_config_man.c and test_config_guide.c renew.
 */
#include <errno.h>
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

typedef void (*visit_field)(const struct field *field, const char *path, FILE *out);

static void visit_fields(const struct field *fields, const char *prefix, visit_field visit,
			 FILE *out)
{
	for (const struct field *field = fields; field->name; field++) {
		char path[128];

		if (field->read == read_unsupported)
			continue;
		snprintf(path, sizeof(path), "%s%s", prefix, field->name);
		visit(field, path, out);
		if (!field->inside)
			continue;
		strcat(path, field->nesting);
		strcat(path, ".");
		visit_fields(field->inside, path, visit, out);
	}
}

void schema_reference(FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	visit_fields(config_fields, "", print_field, out);
	fputs(".El\n", out);
}

static void print_path(const struct field *field, const char *path, FILE *out)
{
	(void)field;
	fprintf(out, "%s\n", path);
}

void schema_paths(FILE *out)
{
	visit_fields(config_fields, "", print_path, out);
}

/* A bar would end the cell. */
static void print_cell(const char *text, FILE *out)
{
	for (; *text; text++)
		fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

static void print_row(const struct field *field, const char *path, FILE *out)
{
	fprintf(out, "| `%s` | ", path);
	print_cell(field->help, out);
	fputs(" | ", out);
	print_cell(field->expected, out);
	fputs(" | ", out);
	print_cell(field->required ? "**required**" : field->fallback ? field->fallback : "", out);
	fputs(" |\n", out);
}

/* The field at `path`, or NULL */
static const struct field *find_field(const struct field *fields, const char *path)
{
	for (const struct field *field = fields; field->name; field++) {
		size_t length = strlen(field->name);
		const char *rest = path + length;

		if (field->read == read_unsupported || strncmp(path, field->name, length))
			continue;
		if (!*rest)
			return field;
		if (!field->inside || strncmp(rest, field->nesting, strlen(field->nesting)))
			continue;
		rest += strlen(field->nesting);
		if (*rest == '.')
			return find_field(field->inside, rest + 1);
	}
	return NULL;
}

int schema_rows(const char *path, FILE *out)
{
	const struct field *field = find_field(config_fields, path);

	if (!field)
		return -ENOENT;
	if (!strchr(path, '.'))
		print_row(field, path, out);
	for (const struct field *child = field->inside; child && child->name; child++) {
		char below[128];

		if (child->read == read_unsupported)
			continue;
		snprintf(below, sizeof(below), "%s%s.%s", path, field->nesting, child->name);
		print_row(child, below, out);
	}
	return 0;
}
