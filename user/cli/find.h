/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* In an earlier answer, what the present one has: by name, since positions may have changed. */
#pragma once

#include <jansson.h>
#include <string.h>

/* The object of an array whose "name" is this; NULL: there is none, or no array. */
static inline const json_t *find_named(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *object = json_array_get(list, i);
		const char *other = json_string_value(json_object_get(object, "name"));

		if (other && !strcmp(other, name))
			return object;
	}
	return NULL;
}
