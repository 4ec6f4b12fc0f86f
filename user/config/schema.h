/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The schema: tables of fields. One table reads a mapping into a struct, refuses what is not in it, says
 * what was expected, and writes the reference (reference.c). The tables are in fields.c.
 *
 * Fields are read in the order of the table, not of the file, so that a later one may lean on an
 * earlier one (limits name tiers).
 */
#pragma once

#include "user/config/model.h"
#include "user/config/problem.h"
#include "user/config/tree.h"

/* What reading needs besides the value at hand */
struct reader {
	const char *file;
	struct config *config;
	struct config_error *error;
	/* Where the model's parts were written, for checks that look across them; NULL: nowhere */
	const struct node *root;
	const struct node *service[WEIR_SERVICES];
	const struct node *tier[WEIR_TIERS];
};

struct field {
	const char *name; /* NULL ends a table */
	/* The value at `node` into the struct's member at `into`. 0, or -errno and reader->error. */
	int (*read)(struct reader *reader, const struct field *field, const struct node *node,
		    void *into);
	size_t offset; /* of the member in its struct; 0 and size 0: the struct itself */
	size_t size;
	bool required;
	uint64_t min, max;    /* numbers */
	const char *choices;  /* choices: "drop|reject", stored as 0, 1 ... */
	const char *expected; /* completes "expected ..." */
	const char *fallback; /* default, for the reference; NULL: none */
	const char *help;     /* for the reference */
	/* The table of what is inside, and how: "" a mapping, "[]" a list of mappings ... */
	const struct field *inside;
	const char *nesting;
};

#define MEMBER(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

/* The whole file; see fields.c */
extern const struct field config_fields[];

int schema_read(struct reader *reader, const struct field *fields, const struct node *map,
		void *into);

/* The value at `node` must be of that kind, else -EINVAL and "expected ..." from the field. */
int schema_want(struct reader *reader, const struct field *field, const struct node *node,
		enum node_kind kind);

int schema_fail(struct reader *reader, const struct node *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Says that the mapping has no field of that name. */
int schema_missing(struct reader *reader, const struct node *map, const char *name,
		   const char *expected);
int schema_no_memory(struct reader *reader, const struct node *node);

/* Readers for values that need no other */
int read_name(struct reader *, const struct field *, const struct node *, void *into);
int read_choice(struct reader *, const struct field *, const struct node *, void *into);
int read_boolean(struct reader *, const struct field *, const struct node *, void *into);
int read_number(struct reader *, const struct field *, const struct node *, void *into);
/* field->min, max: ns, into a uint64_t */
int read_duration(struct reader *, const struct field *, const struct node *, void *into);
int read_mapping(struct reader *, const struct field *, const struct node *, void *into);
/* Refuses the field: something this version does not do. Not in the reference. */
int read_unsupported(struct reader *, const struct field *, const struct node *, void *into);

/* The reference of all fields as mdoc, for weir.yaml(5); ferror() tells whether it worked. */
void schema_reference(FILE *out);

/* The path of every field, a line each. */
void schema_paths(FILE *out);

/*
 * Rows of a Markdown table, "| path | help | value | default |": the fields right below the one at `path`, such as
 * services or upstreams[].breaker; before them its own if it is at the top. -ENOENT: there is no such field.
 */
int schema_rows(const char *path, FILE *out);
