/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/http/stream.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_BYTES 16384 /* of whole lines at a time; libmicrohttpd may take them in parts */
#define STREAM_WAIT_MS 250 /* how late a reader's leaving, or our stopping, is seen */

struct stream {
	struct streams *all;
	uint64_t cursor;
	int fd; /* the connection's, borrowed */
	size_t at, length;
	char lines[STREAM_BYTES];
};

/* Nothing is written while nothing happens, so a failing write cannot tell. */
static bool reader_left(int fd)
{
	struct pollfd poll_fd = {.fd = fd};

	return poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & (POLLHUP | POLLERR | POLLNVAL);
}

static ssize_t next_bytes(void *context, uint64_t position, char *buffer, size_t size)
{
	struct stream *stream = context;
	const struct http_ops *ops = stream->all->ops;
	size_t length;

	(void)position;
	if (atomic_load(&stream->all->stopping) || reader_left(stream->fd))
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (stream->at == stream->length) {
		ssize_t got = ops->events(ops->context, &stream->cursor, stream->lines,
					  sizeof(stream->lines), STREAM_WAIT_MS);

		if (got < 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
		stream->at = 0;
		stream->length = (size_t)got;
	}
	length = stream->length - stream->at < size ? stream->length - stream->at : size;
	memcpy(buffer, stream->lines + stream->at, length);
	stream->at += length;
	return (ssize_t)length;
}

static void release(void *context)
{
	struct stream *stream = context;

	atomic_fetch_sub(&stream->all->open, 1);
	free(stream);
}

struct MHD_Response *stream_response(struct streams *streams, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct MHD_Response *response;
	struct stream *stream;

	if (atomic_fetch_add(&streams->open, 1) >= STREAMS || !info)
		goto fail;
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		goto fail;
	stream->all = streams;
	stream->fd = info->connect_fd;
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BYTES, next_bytes,
						     stream, release);
	if (response)
		return response;
	free(stream);
fail:
	atomic_fetch_sub(&streams->open, 1);
	return NULL;
}
