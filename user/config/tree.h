/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * YAML text as a tree of nodes that know where they are: line, parent, name or index. From one node
 * alone a message gets its file, its line and its full path (services[1].limits.partner[0].rate).
 *
 * Why libyaml and not libcyaml on top of it: libcyaml 1.3 fills C structs by a schema, but what is wrong
 * with a value it can only judge by type. "100/mn connections", a rate of 0 or two overlapping services
 * are found after loading, when the lines are gone; what it finds itself comes as several lines through a log
 * callback; and it has no way to say "text or mapping" nor to put the environment in before a number is read.
 * With the lines kept, the schema is one table (schema.h) that also writes the reference in weir.yaml(5).
 *
 * Configuration is a subset of YAML: one document, text, lists and mappings. Anchors, aliases and tags are refused,
 * so the tree is never larger than the text, and depth and nodes are bounded.
 * ${NAME} and ${NAME:-text} in a value come from the environment, $$ is a $.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "user/config/model.h"

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	bool empty;	   /* text: nothing is written there ("name:" or "name: ~") */
	unsigned int line; /* from 1; in a mapping, where its key is */
	char *name;	   /* in a mapping: its key, else NULL */
	size_t index;	   /* in a list: its place, from 0 */
	char *text;	   /* text: the value, environment put in */
	size_t count;	   /* list, mapping: children */
	const struct node *parent;
	struct node *first; /* list, mapping: children in the order of the text */
	struct node *last;
	struct node *next;  /* next child of the same parent */
	struct node *older; /* all nodes of the tree, for tree_free() */
};

struct tree {
	const char *file; /* borrowed: as messages name it */
	struct node *root;
	struct node *newest;
	size_t nodes;
};

/* 0 and *out, for tree_free(); or -EINVAL or -ENOMEM and *error, *out untouched. */
int tree_parse(const char *file, const char *text, size_t length, struct tree *out,
	       struct config_error *error);
void tree_free(struct tree *tree);

/* The child of that name, the first if there are several; NULL. */
const struct node *node_get(const struct node *map, const char *name);

/* "FILE:LINE: FIELD: ..." into *error; returns -EINVAL. */
int node_fail(struct config_error *error, const char *file, const struct node *node,
	      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "FILE:LINE: ...", or "FILE: ..." for line 0: what has no field. Returns -EINVAL. */
int line_fail(struct config_error *error, const char *file, unsigned int line, const char *format,
	      ...) __attribute__((format(printf, 4, 5)));
