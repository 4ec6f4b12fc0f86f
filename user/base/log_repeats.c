/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/log_repeats.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

static struct log_repeat *find(struct log_repeats *repeats, int level, const char *component,
			       const char *text)
{
	for (size_t i = 0; i < LOG_REPEATS_LINES; i++) {
		struct log_repeat *at = &repeats->line[i];

		if (at->seen && at->level == level && !strcmp(at->component, component) &&
		    !strcmp(at->text, text))
			return at;
	}
	return NULL;
}

/* A free place, else that of the line not seen for longest of those that have nothing to tell */
static struct log_repeat *make_room(struct log_repeats *repeats)
{
	struct log_repeat *found = NULL;

	for (size_t i = 0; i < LOG_REPEATS_LINES; i++) {
		struct log_repeat *at = &repeats->line[i];

		if (!at->seen)
			return at;
		if (!at->left_out && (!found || at->last_ns < found->last_ns))
			found = at;
	}
	return found;
}

static bool is_empty(const struct log_repeats *repeats)
{
	for (size_t i = 0; i < LOG_REPEATS_LINES; i++)
		if (repeats->line[i].seen)
			return false;
	return true;
}

bool log_repeats_pass(struct log_repeats *repeats, uint64_t now_ns, int level,
		      const char *component, const char *text)
{
	struct log_repeat *at;

	if (level == LOG_DEBUG)
		text = "";
	/* What cannot be kept whole cannot be known again. */
	if (strlen(component) >= LOG_REPEATS_WORD || strlen(text) >= LOG_REPEATS_TEXT)
		return true;
	if (is_empty(repeats))
		repeats->window_ns = now_ns;
	at = find(repeats, level, component, text);
	if (!at) {
		at = make_room(repeats);
		if (!at)
			return true;
		at->seen = at->left_out = 0;
		at->level = level;
		strcpy(at->component, component);
		strcpy(at->text, text);
	}
	at->last_ns = now_ns;
	if (++at->seen <= (level == LOG_DEBUG ? LOG_REPEATS_DEBUG : LOG_REPEATS_BURST))
		return true;
	at->left_out++;
	return false;
}

bool log_repeats_take(struct log_repeats *repeats, uint64_t now_ns, struct log_repeat *out)
{
	struct log_repeat *first = NULL;

	if (now_ns < repeats->window_ns || now_ns - repeats->window_ns < LOG_REPEATS_WINDOW_NS)
		return false;
	for (size_t i = 0; i < LOG_REPEATS_LINES; i++) {
		struct log_repeat *at = &repeats->line[i];

		if (!at->left_out)
			at->seen = 0; /* nothing to tell */
		else if (!first || at->last_ns < first->last_ns)
			first = at;
	}
	if (!first)
		return false;
	*out = *first;
	first->seen = first->left_out = 0;
	return true;
}

void log_repeats_text(const struct log_repeat *repeat, uint64_t now_ns, char *out, size_t size)
{
	if (repeat->level == LOG_DEBUG)
		snprintf(out, size, "%llu more lines left out",
			 (unsigned long long)repeat->left_out);
	else
		snprintf(out, size, "%.*s (repeated %llu time%s, the last %.1f s ago)",
			 (int)size - 80, repeat->text, (unsigned long long)repeat->left_out,
			 repeat->left_out == 1 ? "" : "s",
			 (double)(now_ns - repeat->last_ns) / 1e9);
}
