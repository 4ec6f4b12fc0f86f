/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The event stream: an endless body, read from ops->events until the reader leaves or the listener stops. */
#pragma once

#include <microhttpd.h>
#include <stdatomic.h>

#include "user/http/http.h"

/* Each holds a connection and its thread; the rest are left for commands. */
#define STREAMS 16

struct streams {
	const struct http_ops *ops;
	atomic_int open;
	atomic_bool stopping;
};

/*
 * A response for this connection, or NULL: there are STREAMS already, or no memory. Nothing may then end
 * the connection for its silence: while nothing happens, nothing is sent.
 */
struct MHD_Response *stream_response(struct streams *streams, struct MHD_Connection *connection);
