// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_scripts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int redis_scripts_find(struct redis_scripts *scripts, const char *text)
{
	struct redis_script *script;

	for (size_t i = 0; i < scripts->count; i++)
		if (!strcmp(scripts->script[i].text, text))
			return (int)i;
	if (scripts->count == REDIS_SCRIPTS)
		return -ENOMEM;
	script = &scripts->script[scripts->count];
	script->text = strdup(text);
	if (!script->text)
		return -ENOMEM;
	return (int)scripts->count++;
}

void redis_scripts_release(struct redis_scripts *scripts)
{
	for (size_t i = 0; i < scripts->count; i++)
		free(scripts->script[i].text);
	*scripts = (struct redis_scripts){};
}
