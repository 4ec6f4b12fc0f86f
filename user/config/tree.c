/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/config/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "user/base/cleanup.h"
#include "user/config/environment.h"
#include "user/config/problem.h"

/* The schema is 7 deep; this is where a message is better than going on. */
#define MAX_DEPTH 32
/* Twice the prefixes there can be. Bounds the memory a small file of commas can ask for. */
#define MAX_NODES 262144

static int vfail(struct config_error *error, const char *file, unsigned int line, const char *path,
		 const char *format, va_list arguments) __attribute__((format(printf, 5, 0)));

/* The end of a long file name says more than its beginning. */
static int vfail(struct config_error *error, const char *file, unsigned int line, const char *path,
		 const char *format, va_list arguments)
{
	const size_t most = 120;
	size_t length = strlen(file);
	char name[128], where[16] = "";
	int at;

	problem_clean(length > most ? file + length - most : file, name, sizeof(name));
	if (line > 0)
		snprintf(where, sizeof(where), "%u:", line);
	at = snprintf(error->text, sizeof(error->text), "%s%s:%s %s%s", length > most ? "..." : "",
		      name, where, path, *path ? ": " : "");
	vsnprintf(error->text + at, sizeof(error->text) - (size_t)at, format, arguments);
	return -EINVAL;
}

/* From the leaf to the root, written from the end of the buffer to its beginning. */
static const char *node_path(const struct node *node, char *buffer, size_t size)
{
	size_t at = size - 1;

	buffer[at] = '\0';
	for (; node->parent; node = node->parent) {
		char part[48] = ".";

		if (!node->name)
			snprintf(part, sizeof(part), "[%zu]", node->index);
		else if (node->parent->parent)
			problem_clean(node->name, part + 1, sizeof(part) - 1);
		else
			problem_clean(node->name, part, sizeof(part));
		if (strlen(part) + 4 > at) {
			at -= 3;
			return memcpy(buffer + at, "...", 3);
		}
		at -= strlen(part);
		memcpy(buffer + at, part, strlen(part));
	}
	return buffer[at] ? buffer + at : "configuration";
}

int node_fail(struct config_error *error, const char *file, const struct node *node,
	      const char *format, ...)
{
	va_list arguments;
	char path[160];

	va_start(arguments, format);
	vfail(error, file, node->line, node_path(node, path, sizeof(path)), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int line_fail(struct config_error *error, const char *file, unsigned int line, const char *format,
	      ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfail(error, file, line, "", format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int no_memory(struct config_error *error, const char *file)
{
	line_fail(error, file, 0, "out of memory");
	return -ENOMEM;
}

void tree_free(struct tree *tree)
{
	while (tree->newest) {
		struct node *node = tree->newest;

		tree->newest = node->older;
		free(node->name);
		free(node->text);
		free(node);
	}
	tree->root = NULL;
}

const struct node *node_get(const struct node *map, const char *name)
{
	for (const struct node *child = map->first; child; child = child->next)
		if (child->name && !strcmp(child->name, name))
			return child;
	return NULL;
}

/* libyaml's events on their way into the tree */
struct builder {
	yaml_parser_t parser;
	const char *text;
	size_t length;
	struct tree tree;
	struct config_error *error;
	struct node *open; /* the list or mapping being filled; NULL: the root is to come */
	unsigned int depth;
	char *key; /* in a mapping: what the next value is called */
	unsigned int key_line;
	unsigned int documents;
};

static unsigned int line_of(const yaml_event_t *event)
{
	return (unsigned int)event->start_mark.line + 1;
}

static unsigned int line_at(const struct builder *builder, size_t offset)
{
	unsigned int line = 1;

	for (size_t i = 0; i < offset && i < builder->length; i++)
		line += builder->text[i] == '\n';
	return line;
}

/* libyaml's own words, which are good, and the context it keeps. */
static int syntax_error(struct builder *builder)
{
	const yaml_parser_t *parser = &builder->parser;
	unsigned int line = (unsigned int)parser->problem_mark.line + 1;
	size_t at = parser->problem_mark.index; /* characters, so only right for ASCII: a hint */
	const char *expected = "expected YAML";
	char context[96] = "";

	if (parser->error == YAML_MEMORY_ERROR)
		return no_memory(builder->error, builder->tree.file);
	if (parser->error == YAML_READER_ERROR) {
		line = line_at(builder, parser->problem_offset);
		expected = "expected YAML text in UTF-8 (is this a binary file?)";
	} else if (at < builder->length && builder->text[at] == '\t') {
		expected = "expected blanks to indent with, this is a tab";
	} else if (parser->context) {
		snprintf(context, sizeof(context), " %s from line %zu", parser->context,
			 parser->context_mark.line + 1);
	}
	return line_fail(builder->error, builder->tree.file, line, "invalid YAML: %s%s; %s",
			 parser->problem ? parser->problem : "not understood", context, expected);
}

/* A node for what comes now, in its place in the tree. */
static int add_node(struct builder *builder, enum node_kind kind, unsigned int line,
		    struct node **out)
{
	struct node *node, *parent = builder->open;

	if (builder->tree.nodes == MAX_NODES)
		return line_fail(builder->error, builder->tree.file, line,
				 "more than %u values; expected fewer", MAX_NODES);
	node = calloc(1, sizeof(*node));
	if (!node)
		return no_memory(builder->error, builder->tree.file);
	node->kind = kind;
	node->line = builder->key ? builder->key_line : line;
	node->name = steal_ptr(builder->key);
	node->parent = parent;
	node->older = builder->tree.newest;
	builder->tree.newest = node;
	builder->tree.nodes++;
	if (!parent) {
		builder->tree.root = node;
	} else {
		node->index = parent->count++;
		if (parent->last)
			parent->last->next = node;
		else
			parent->first = node;
		parent->last = node;
	}
	*out = node;
	return 0;
}

static bool expects_key(const struct builder *builder)
{
	return builder->open && builder->open->kind == NODE_MAP && !builder->key;
}

static int on_key(struct builder *builder, const yaml_event_t *event)
{
	builder->key = strdup((const char *)event->data.scalar.value);
	if (!builder->key)
		return no_memory(builder->error, builder->tree.file);
	builder->key_line = line_of(event);
	return 0;
}

static int refuse_extras(struct builder *builder, const struct node *node, const void *anchor,
			 const void *tag)
{
	if (anchor)
		return node_fail(
			builder->error, builder->tree.file, node,
			"has a YAML anchor; expected the value itself wherever it is needed");
	if (tag)
		return node_fail(builder->error, builder->tree.file, node,
				 "has a YAML tag; expected a plain value");
	return 0;
}

static bool is_nothing(const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;

	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*value || !strcmp(value, "~") || !strcmp(value, "null"));
}

static int on_scalar(struct builder *builder, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	struct problem problem = {};
	struct node *node;
	int r;

	if (strlen(value) != event->data.scalar.length)
		return line_fail(builder->error, builder->tree.file, line_of(event),
				 "a NUL character inside a value; expected text");
	if (expects_key(builder) && !event->data.scalar.anchor && !event->data.scalar.tag)
		return on_key(builder, event);
	r = add_node(builder, NODE_TEXT, line_of(event), &node);
	if (r < 0)
		return r;
	r = refuse_extras(builder, node, event->data.scalar.anchor, event->data.scalar.tag);
	if (r < 0)
		return r;
	node->empty = is_nothing(event);
	r = environment_expand(value, &node->text, &problem);
	if (r == -ENOMEM)
		return no_memory(builder->error, builder->tree.file);
	if (r < 0)
		return node_fail(builder->error, builder->tree.file, node, "%s", problem.text);
	return 0;
}

static int on_container(struct builder *builder, enum node_kind kind, const yaml_event_t *event,
			const void *anchor, const void *tag)
{
	struct node *node;
	int r;

	if (expects_key(builder))
		return line_fail(builder->error, builder->tree.file, line_of(event),
				 "a list or mapping where a name belongs; expected NAME: VALUE");
	r = add_node(builder, kind, line_of(event), &node);
	if (r < 0)
		return r;
	r = refuse_extras(builder, node, anchor, tag);
	if (r < 0)
		return r;
	if (++builder->depth > MAX_DEPTH)
		return node_fail(builder->error, builder->tree.file, node,
				 "nested more than %u deep; expected less", MAX_DEPTH);
	builder->open = node;
	return 0;
}

static int on_alias(struct builder *builder, const yaml_event_t *event)
{
	struct node *node;
	int r;

	r = add_node(builder, NODE_TEXT, line_of(event), &node);
	if (r < 0)
		return r;
	return node_fail(builder->error, builder->tree.file, node,
			 "is a YAML alias; expected the value itself");
}

static int on_event(struct builder *builder, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (builder->documents++)
			return line_fail(builder->error, builder->tree.file, line_of(event),
					 "a second YAML document; expected one");
		return 0;
	case YAML_ALIAS_EVENT:
		return on_alias(builder, event);
	case YAML_SCALAR_EVENT:
		return on_scalar(builder, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_container(builder, NODE_LIST, event, event->data.sequence_start.anchor,
				    event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return on_container(builder, NODE_MAP, event, event->data.mapping_start.anchor,
				    event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		builder->depth--;
		builder->open = (struct node *)builder->open->parent;
		return 0;
	default:
		return 0;
	}
}

static int build(struct builder *builder)
{
	bool done = false;

	while (!done) {
		yaml_event_t event;
		int r;

		if (!yaml_parser_parse(&builder->parser, &event))
			return syntax_error(builder);
		done = event.type == YAML_STREAM_END_EVENT;
		r = on_event(builder, &event);
		yaml_event_delete(&event);
		if (r < 0)
			return r;
	}
	if (!builder->tree.root || builder->tree.root->empty)
		return line_fail(builder->error, builder->tree.file, 1,
				 "the configuration is empty; expected at least `interfaces`");
	return 0;
}

/* libyaml compares each %TAG with all before it: minutes for a file full of them. */
static int refuse_tag_directives(struct builder *builder)
{
	const char *found = memmem(builder->text, builder->length, "%TAG", 4);

	if (!found)
		return 0;
	return line_fail(builder->error, builder->tree.file,
			 line_at(builder, (size_t)(found - builder->text)),
			 "a YAML directive, %%TAG; expected none");
}

int tree_parse(const char *file, const char *text, size_t length, struct tree *out,
	       struct config_error *error)
{
	struct builder builder = {
		.text = text,
		.length = length,
		.tree.file = file,
		.error = error,
	};
	int r;

	r = refuse_tag_directives(&builder);
	if (r < 0)
		return r;
	if (!yaml_parser_initialize(&builder.parser))
		return no_memory(error, file);
	yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
	/* It asserts that there is a text, even of no length. */
	yaml_parser_set_input_string(&builder.parser,
				     (const unsigned char *)(length > 0 ? text : ""), length);
	r = build(&builder);
	yaml_parser_delete(&builder.parser);
	free(builder.key);
	if (r < 0) {
		tree_free(&builder.tree);
		return r;
	}
	*out = builder.tree;
	return 0;
}
