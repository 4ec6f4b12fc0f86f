/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/log_repeats.h"

/* A line that tells of repeats is their text and how many, in no more than so many bytes */
#define TOLD_BYTES (LOG_REPEATS_TEXT + 80)

/*
 * What the process logs is the process's own, so this is the one place with state of its own. A
 * change of settings while others log shows from their next line on.
 */
static struct {
	atomic_bool json, journal;
	atomic_int level;
	atomic_uint_fast64_t count[LOG_DEBUG + 1];
	pthread_mutex_t lock; /* of repeats */
	struct log_repeats repeats;
} state = {.level = LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local const char *request;

void log_setup(struct log_style style, int level)
{
	atomic_store_explicit(&state.json, style.json, memory_order_relaxed);
	atomic_store_explicit(&state.journal, style.journal, memory_order_relaxed);
	atomic_store_explicit(&state.level, level, memory_order_relaxed);
}

bool log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[48];
	struct stat at;

	if (!stream || fstat(STDERR_FILENO, &at))
		return false;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)at.st_dev,
		 (unsigned long long)at.st_ino);
	return !strcmp(stream, own);
}

const char *log_set_request(const char *request_id)
{
	const char *before = request;

	request = request_id;
	return before;
}

static int clamp_level(int level)
{
	return level < LOG_EMERG ? LOG_EMERG : level > LOG_DEBUG ? LOG_DEBUG : level;
}

uint64_t log_count(int level)
{
	return atomic_load_explicit(&state.count[clamp_level(level)], memory_order_relaxed);
}

/* A line that cannot be written is lost: there is nowhere left to say so, and nobody waits for it. */
static void write_line(const struct log_line *line)
{
	size_t done = 0;

	while (done < line->length) {
		ssize_t n = write(STDERR_FILENO, line->text + done, line->length - done);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			done += (size_t)n;
	}
}

static void write_entry(int level, const char *component, const char *request_id,
			const char *message)
{
	const struct log_style style = {atomic_load_explicit(&state.json, memory_order_relaxed),
					atomic_load_explicit(&state.journal, memory_order_relaxed)};
	const struct log_entry entry = {clock_unix_ns(), level, component, request_id, message};
	struct log_line line;

	log_line_format(&line, style, &entry);
	write_line(&line);
	atomic_fetch_add_explicit(&state.count[level], 1, memory_order_relaxed);
}

/* What is due by then */
static void tell_repeats(uint64_t until_ns)
{
	struct log_repeat repeat;
	char text[TOLD_BYTES];
	bool more;

	do {
		pthread_mutex_lock(&state.lock);
		more = log_repeats_take(&state.repeats, until_ns, &repeat);
		pthread_mutex_unlock(&state.lock);
		if (!more)
			return;
		log_repeats_text(&repeat, clock_monotonic_ns(), text, sizeof(text));
		write_entry(repeat.level, repeat.component, NULL, text);
	} while (more);
}

void log_tick(void)
{
	tell_repeats(clock_monotonic_ns());
}

void log_flush(void)
{
	tell_repeats(UINT64_MAX);
}

/* What a request has changed is not left out: somebody may look for its id. */
static bool passes(int level, const char *component, const char *message)
{
	uint64_t now_ns = clock_monotonic_ns();
	bool pass;

	tell_repeats(now_ns);
	if (request && level < LOG_DEBUG)
		return true;
	pthread_mutex_lock(&state.lock);
	pass = log_repeats_pass(&state.repeats, now_ns, level, component, message);
	pthread_mutex_unlock(&state.lock);
	return pass;
}

void log_write(int level, const char *component, const char *format, ...)
{
	char message[LOG_REPEATS_TEXT];
	int saved_errno = errno, length;
	va_list arguments;

	level = clamp_level(level);
	if (level > atomic_load_explicit(&state.level, memory_order_relaxed))
		return;
	va_start(arguments, format);
	length = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(message))
		memcpy(message + sizeof(message) - 4, "...", 4);
	if (passes(level, component, message))
		write_entry(level, component, request, message);
	errno = saved_errno;
}
