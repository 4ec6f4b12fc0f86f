/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/config/schema.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "user/base/number.h"

int schema_fail(struct reader *reader, const struct node *node, const char *format, ...)
{
	char text[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return node_fail(reader->error, reader->file, node, "%s", text);
}

int schema_no_memory(struct reader *reader, const struct node *node)
{
	schema_fail(reader, node, "out of memory");
	return -ENOMEM;
}

int schema_want(struct reader *reader, const struct field *field, const struct node *node,
		enum node_kind kind)
{
	static const char *const kinds[] = {
		[NODE_TEXT] = "a single value",
		[NODE_LIST] = "a list",
		[NODE_MAP] = "a mapping",
	};

	if (node->kind == NODE_TEXT && node->empty)
		return schema_fail(reader, node, "has no value; expected %s", field->expected);
	if (node->kind != kind)
		return schema_fail(reader, node, "is %s; expected %s", kinds[node->kind],
				   field->expected);
	return 0;
}

int schema_missing(struct reader *reader, const struct node *map, const char *name,
		   const char *expected)
{
	/* Messages name a node; this one stands where the missing field would. */
	const struct node missing = {.parent = map, .name = (char *)name, .line = map->line};

	return schema_fail(reader, &missing, "is missing; expected %s", expected);
}

static const struct field *find_field(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (!strcmp(fields->name, name))
			return fields;
	return NULL;
}

static int unknown_field(struct reader *reader, const struct field *fields, const struct node *node)
{
	char names[360] = "";

	for (const struct field *field = fields; field->name; field++) {
		if (field->read == read_unsupported)
			continue;
		if (*names)
			strcat(names, ", ");
		strncat(names, field->name, sizeof(names) - strlen(names) - 3);
	}
	if (node->kind == NODE_TEXT && node->empty) {
		/* Rather a value whose colon was forgotten ("{secret, VALUE}"), which may be one to hide. */
		struct node place = *node->parent;

		place.line = node->line;
		return schema_fail(
			reader, &place,
			"holds something that is no field and has no value; expected NAME: "
			"VALUE with one of %s",
			names);
	}
	return schema_fail(reader, node, "unknown field; expected one of %s", names);
}

/* Ends at the first stranger or repetition, so it looks at no more children than there are fields. */
static int check_names(struct reader *reader, const struct field *fields, const struct node *map)
{
	for (const struct node *child = map->first; child; child = child->next) {
		const struct node *first = node_get(map, child->name);

		if (!find_field(fields, child->name))
			return unknown_field(reader, fields, child);
		if (first != child)
			return schema_fail(reader, child,
					   "is there twice, first on line %u; expected it once",
					   first->line);
	}
	return 0;
}

int schema_read(struct reader *reader, const struct field *fields, const struct node *map,
		void *into)
{
	int r;

	r = check_names(reader, fields, map);
	if (r < 0)
		return r;
	for (const struct field *field = fields; field->name; field++) {
		const struct node *node = node_get(map, field->name);

		if (!node && field->required)
			return schema_missing(reader, map, field->name, field->expected);
		if (!node)
			continue;
		r = field->read(reader, field, node, (char *)into + field->offset);
		if (r < 0)
			return r;
	}
	return 0;
}

static void store(const struct field *field, void *into, uint64_t value)
{
	if (field->size == sizeof(uint8_t))
		*(uint8_t *)into = (uint8_t)value;
	else if (field->size == sizeof(uint32_t))
		*(uint32_t *)into = (uint32_t)value;
	else
		*(uint64_t *)into = value;
}

int read_name(struct reader *reader, const struct field *field, const struct node *node, void *into)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t length;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	length = strlen(node->text);
	if (length == 0 || length >= field->size || strspn(node->text, allowed) != length)
		return schema_fail(reader, node, "%s is not a valid name; expected %s",
				   quote(node->text).text, field->expected);
	memcpy(into, node->text, length + 1);
	return 0;
}

int read_choice(struct reader *reader, const struct field *field, const struct node *node,
		void *into)
{
	const char *choice = field->choices;
	size_t length;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	length = strlen(node->text);
	for (uint64_t i = 0; *choice; i++) {
		size_t next = strcspn(choice, "|");

		if (next == length && !memcmp(choice, node->text, length)) {
			store(field, into, i);
			return 0;
		}
		choice += next + (choice[next] == '|');
	}
	return schema_fail(reader, node, "%s is not known here; expected %s",
			   quote(node->text).text, field->expected);
}

int read_boolean(struct reader *reader, const struct field *field, const struct node *node,
		 void *into)
{
	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	if (strcmp(node->text, "true") && strcmp(node->text, "false"))
		return schema_fail(reader, node, "%s is neither; expected %s",
				   quote(node->text).text, field->expected);
	store(field, into, *node->text == 't');
	return 0;
}

int read_number(struct reader *reader, const struct field *field, const struct node *node,
		void *into)
{
	uint64_t value;
	int r;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	r = number_parse_count(node->text, field->min, field->max, &value);
	if (r < 0)
		return schema_fail(reader, node, "%s is %s; expected %s", quote(node->text).text,
				   r == -ERANGE ? "out of range" : "not a whole number",
				   field->expected);
	store(field, into, value);
	return 0;
}

int read_duration(struct reader *reader, const struct field *field, const struct node *node,
		  void *into)
{
	int r;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	r = number_parse_duration(node->text, field->min, field->max, into);
	if (r < 0)
		return schema_fail(reader, node, "%s is %s; expected %s", quote(node->text).text,
				   r == -ERANGE ? "out of range" : "not a duration",
				   field->expected);
	return 0;
}

int read_mapping(struct reader *reader, const struct field *field, const struct node *node,
		 void *into)
{
	if (schema_want(reader, field, node, NODE_MAP) < 0)
		return -EINVAL;
	return schema_read(reader, field->inside, node, into);
}

int read_unsupported(struct reader *reader, const struct field *field, const struct node *node,
		     void *into)
{
	(void)field;
	(void)into;
	return schema_fail(reader, node,
			   "not supported by this version of weir; expected no such field");
}
