/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"

void secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static int refuse(char *why, int result, const char *text)
{
	snprintf(why, SECRET_WHY, "%s", text);
	return result;
}

/* Up to size bytes; how many, or -errno. A pipe that nobody writes to must not hold us up. */
static ssize_t read_file(const char *path, char *out, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t length = 0;
	ssize_t got = 0;

	if (fd < 0)
		return -errno;
	while (length < size && (got = read(fd, out + length, size - length)) > 0)
		length += (size_t)got;
	return got < 0 ? -errno : (ssize_t)length;
}

/* text: length bytes and a zero; becomes its first line */
static int take_line(char *text, size_t length, size_t least, size_t most, char *why)
{
	size_t line = strcspn(text, "\r\n");

	if (!length)
		return refuse(why, -ENODATA, "it is empty");
	if (line < length && !text[line])
		return refuse(why, -EILSEQ, "a byte of it is 0; expected text");
	if (line < least || line > most) {
		snprintf(why, SECRET_WHY, "its first line must have %zu to %zu characters", least,
			 most);
		return line < least ? -ENODATA : -EFBIG;
	}
	explicit_bzero(text + line, length - line);
	return 0;
}

int secret_read(const char *path, size_t least, size_t most, char **out, char *why)
{
	size_t size = most + 1; /* one more than may be shows that there is more */
	char *text = calloc(1, size + 1);
	ssize_t length;
	int result;

	if (!text)
		return refuse(why, -ENOMEM, "out of memory");
	length = read_file(path, text, size);
	if (length < 0)
		result = refuse(why, (int)length, strerror((int)-length));
	else
		result = take_line(text, (size_t)length, least, most, why);
	if (!result) {
		*out = text;
		return 0;
	}
	explicit_bzero(text, size);
	free(text);
	return result;
}
