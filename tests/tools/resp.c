/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/tools/resp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static FILE *redis;
static unsigned int words;
static char command[65536];
static size_t command_length;

void resp_die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void resp_dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		resp_die("%s: %s", path, strerror(errno));
	redis = fdopen(fd, "r+");
	if (!redis)
		resp_die("%s: %s", path, strerror(errno));
}

void resp_word(const char *format, ...)
{
	va_list arguments;
	char *text = NULL;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0 || command_length + (size_t)length + 32 > sizeof(command))
		resp_die("the command is too long");
	command_length += (size_t)sprintf(command + command_length, "$%d\r\n%s\r\n", length, text);
	words++;
	free(text);
}

void resp_send(void)
{
	fprintf(redis, "*%u\r\n", words);
	fwrite(command, 1, command_length, redis);
	if (fflush(redis))
		resp_die("Redis: %s", strerror(errno));
	words = 0;
	command_length = 0;
}

char *resp_line(void)
{
	static char text[512];

	if (!fgets(text, sizeof(text), redis))
		resp_die("Redis has closed the connection");
	text[strcspn(text, "\r\n")] = 0;
	if (text[0] == '-')
		resp_die("Redis: %s", text + 1);
	return text;
}

static void read_string(const char *line, struct redis_value *out)
{
	size_t length = strtoul(line + 1, NULL, 10);
	char *text = malloc(length + 2);

	if (line[1] == '-' || !text || fread(text, 1, length + 2, redis) != length + 2)
		resp_die("no string: %s", line);
	text[length] = 0;
	*out = (struct redis_value){.type = REDIS_STRING, .string = text, .length = length};
}

size_t resp_read(struct redis_value *out, size_t most)
{
	const char *text = resp_line();
	size_t count, read = 0;

	if (text[0] == '*') {
		count = strtoul(text + 1, NULL, 10);
		while (count--)
			read += resp_read(out + read, most - read);
		return read;
	}
	if (!most)
		resp_die("more values than were expected");
	if (text[0] == ':')
		*out = (struct redis_value){.type = REDIS_INTEGER,
					    .integer = strtoll(text + 1, NULL, 10)};
	else
		read_string(text, out);
	return 1;
}

void resp_load(const char *script, char *sha, size_t size)
{
	resp_word("SCRIPT");
	resp_word("LOAD");
	resp_word("%s", script);
	resp_send();
	resp_line();
	snprintf(sha, size, "%s", resp_line());
}

void resp_flush_all(void)
{
	resp_word("FLUSHALL");
	resp_send();
	resp_line();
}
