/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The glue to libmicrohttpd: its connections become struct http_request, struct http_answer its responses. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/http/http.h"
#include "user/http/patience.h"
#include "user/http/route.h"
#include "user/http/socket.h"
#include "user/http/stream.h"

#define TCP_CONNECTIONS 64u
#define TCP_PER_ADDRESS 32u		     /* a proxy or a node's probes come from one address */
#define TCP_MEMORY_BYTES ((size_t)16 * 1024) /* a connection's headers */
#define UNIX_CONNECTIONS 64u
#define UNIX_MEMORY_BYTES ((size_t)32 * 1024)
#define UNIX_STACK_BYTES \
	((size_t)512 * 1024) /* a thread a connection; sorting and JSON need a few 10 KiB */
#define TCP_TIMEOUT_SECONDS 10u
#define TCP_PATIENCE_MS 30000 /* for one request, its answer read: more than any scrape's timeout */
#define TCP_PATIENCE_PERIOD_MS 5000
#define UNIX_PATIENCE_MS 10000 /* for a request, and as long again to read its answer */
#define UNIX_PATIENCE_PERIOD_MS 1000
#define LAST_ANSWERS_MS 1000		     /* for answers under way when the daemon stops */
#define DISCARD_BYTES (16 * HTTP_BODY_BYTES) /* of a body too large, before the connection is cut */

struct listener {
	struct http *http;
	bool admin; /* the unix socket's */
	struct MHD_Daemon *daemon;
	struct patience patience;
};

struct http {
	struct http_ops ops;
	struct http_figures figures;
	struct http_sources sources;
	struct streams streams;
	struct listener tcp, admin;
	struct socket_file socket;
	uint16_t port;
};

/* One request, from its headers to its completion */
struct exchange {
	struct listener *listener;
	struct http_request request;
	uint64_t start_ns;
	size_t received;
	bool streams;
};

static bool valid_id(const char *id)
{
	size_t length = 0;

	while (id &&
	       (isalnum((unsigned char)id[length]) || (id[length] && strchr("._-", id[length]))))
		length++;
	return id && length && length < HTTP_ID_BYTES && !id[length];
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void take_id(struct MHD_Connection *connection, char id[HTTP_ID_BYTES])
{
	const char *given = header(connection, "X-Request-ID");
	uint64_t random = 0;

	if (!valid_id(given))
		given = header(connection, "X-Correlation-ID");
	if (valid_id(given)) {
		strcpy(id, given);
		return;
	}
	/* Eight bytes are given whole or, before the kernel has any, not at all: then it is 0. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = 0;
	snprintf(id, HTTP_ID_BYTES, "%016" PRIx64, random);
}

static enum MHD_Result take_parameter(void *context, enum MHD_ValueKind kind, const char *name,
				      const char *value)
{
	struct http_request *request = context;

	(void)kind;
	if (request->parameters < HTTP_PARAMETERS)
		request->parameter[request->parameters] =
			(struct http_parameter){name, value ? value : ""};
	request->parameters++;
	return MHD_YES;
}

static struct exchange *begin(struct listener *listener, struct MHD_Connection *connection,
			      const char *url, const char *method)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	struct http_request *request;

	if (!exchange)
		return NULL;
	exchange->start_ns = clock_monotonic_ns();
	exchange->listener = listener;
	request = &exchange->request;
	request->head = !strcmp(method, MHD_HTTP_METHOD_HEAD);
	request->method = request->head || !strcmp(method, MHD_HTTP_METHOD_GET) ? HTTP_GET
			  : !strcmp(method, MHD_HTTP_METHOD_POST)		? HTTP_POST
										: HTTP_OTHER;
	request->admin = listener->admin;
	request->accept = header(connection, MHD_HTTP_HEADER_ACCEPT);
	request->content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
	take_id(connection, request->id);
	route_find(url, request->admin, request);
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_parameter, request);
	figures_begin(&exchange->listener->http->figures);
	return exchange;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state,
			  enum MHD_ConnectionNotificationCode what)
{
	struct listener *listener = context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*state = patience_add(&listener->patience,
				      MHD_get_connection_info(connection,
							      MHD_CONNECTION_INFO_CONNECTION_FD)
					      ->connect_fd);
		return;
	}
	patience_remove(&listener->patience, *state);
	*state = NULL;
}

static struct patience_entry *patience_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
		      enum MHD_RequestTerminationCode how)
{
	struct listener *listener = context;
	struct exchange *exchange = *state;

	(void)how;
	if (!exchange)
		return;
	patience_touch(&listener->patience, patience_of(connection));
	figures_end(&exchange->listener->http->figures);
	buffer_release(&exchange->request.body);
	free(exchange);
	*state = NULL;
}

/*
 * What a command changes is logged by whoever changes it. Here is only what failed for our own fault, and only commands: whoever can reach
 * the TCP listener must not be able to fill the log.
 */
static void log_answer(const struct exchange *exchange, unsigned int code, double seconds)
{
	static const char *const method[] = {"GET", "POST", "(other method)"};
	const struct http_request *request = &exchange->request;
	bool failed = code >= 500 && request->admin && request->method == HTTP_POST;

	log_write(failed ? LOG_WARNING : LOG_DEBUG, "http", "%s %s %u in %.1f ms",
		  method[request->method], request->path, code, seconds * 1e3);
}

static struct MHD_Response *make_response(struct exchange *exchange,
					  struct MHD_Connection *connection,
					  struct http_answer *answer)
{
	struct MHD_Response *response = NULL;

	if (answer->stream && !exchange->request.head) {
		response = stream_response(&exchange->listener->http->streams, connection);
		exchange->streams = response;
		if (response)
			return response;
		answer_error(answer, 503, "too_many_streams",
			     "%d event streams are open already; close one of them", STREAMS);
	}
	if (answer->body.failed)
		return NULL;
	response = MHD_create_response_from_buffer_with_free_callback(answer->body.length,
								      answer->body.data, free);
	if (response)
		answer->body = (struct buffer){0};
	return response;
}

static void add_headers(struct MHD_Response *response, const struct exchange *exchange,
			const struct http_answer *answer)
{
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "X-Request-ID", exchange->request.id);
	if (answer->allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
	/* What is left of the body must not be read as the next request. */
	if (exchange->request.body_too_large)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (exchange->request.handler == HTTP_HANDLER_metrics)
		MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
}

static void cleanup_answer(struct http_answer *answer)
{
	buffer_release(&answer->body);
}

static enum MHD_Result answer(struct exchange *exchange, struct MHD_Connection *connection)
{
	_cleanup_(cleanup_answer) struct http_answer made = {0};
	struct MHD_Response *response;
	enum MHD_Result result;
	double seconds;

	route_answer(&exchange->listener->http->sources, &exchange->request, &made);
	response = make_response(exchange, connection, &made);
	if (!response)
		return MHD_NO; /* no memory: the connection is cut */
	add_headers(response, exchange, &made);
	seconds = clock_seconds_since(exchange->start_ns);
	figures_answer(&exchange->listener->http->figures, exchange->request.handler, made.code,
		       seconds);
	log_answer(exchange, made.code, seconds);
	result = MHD_queue_response(connection, made.code, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_now(struct exchange *exchange, struct MHD_Connection *connection)
{
	struct patience *patience = &exchange->listener->patience;
	enum MHD_Result result;

	/* Neither a command that takes its time nor the silence of a stream is the client's fault. */
	if (exchange->request.admin)
		patience_pause(patience, patience_of(connection));
	log_set_request(exchange->request.id);
	result = answer(exchange, connection);
	log_set_request(NULL);
	if (exchange->request.admin && !exchange->streams)
		patience_touch(patience, patience_of(connection));
	return result;
}

/* Keeps what fits. False: far too much, cut the connection. */
static bool take_body(struct exchange *exchange, const char *data, size_t size)
{
	struct http_request *request = &exchange->request;

	exchange->received += size;
	if (exchange->received > HTTP_BODY_BYTES) {
		request->body_too_large = true;
		return exchange->received <= DISCARD_BYTES;
	}
	buffer_add(&request->body, data, size);
	return !request->body.failed;
}

/*
 * Whether the headers alone announce a body that would not even be discarded: answered before it is
 * sent. A smaller one is read first, since a client that is still sending when the connection closes may never see the answer.
 */
static bool announces_too_much(struct MHD_Connection *connection)
{
	const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length && strtoull(length, NULL, 10) > DISCARD_BYTES;
}

/* Called by libmicrohttpd with the headers, then for each part of the body, then once more without one. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct exchange *exchange = *state;
	size_t size = *upload_size;

	(void)version;
	if (!exchange) {
		*state = exchange = begin(context, connection, url, method);
		if (!exchange)
			return MHD_NO;
		exchange->request.body_too_large = announces_too_much(connection);
		return exchange->request.body_too_large ? answer_now(exchange, connection)
							: MHD_YES;
	}
	if (size) {
		*upload_size = 0;
		return take_body(exchange, upload, size) ? MHD_YES : MHD_NO;
	}
	return answer_now(exchange, connection);
}

static void on_log(void *context, const char *format, va_list arguments)
{
	char line[256];

	(void)context;
	vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\r\n")] = '\0';
	log_debug("http", "libmicrohttpd: %s", line);
}

static struct MHD_Daemon *start_tcp(struct listener *listener, int fd)
{
	if (patience_start(&listener->patience, TCP_PATIENCE_MS, TCP_PATIENCE_PERIOD_MS))
		return NULL;
	return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_USE_ITC, 0,
				NULL, NULL, on_request, listener, MHD_OPTION_EXTERNAL_LOGGER,
				on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,
				MHD_OPTION_NOTIFY_COMPLETED, completed, listener,
				MHD_OPTION_CONNECTION_LIMIT, TCP_CONNECTIONS,
				MHD_OPTION_PER_IP_CONNECTION_LIMIT, TCP_PER_ADDRESS,
				MHD_OPTION_CONNECTION_TIMEOUT, TCP_TIMEOUT_SECONDS,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, TCP_MEMORY_BYTES,
				MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

/*
 * Without libmicrohttpd's own timeout: an event stream must do without, and 1.0 takes no other one for a single connection
 * where each has a thread (MHD_CONNECTION_OPTION_TIMEOUT answers MHD_YES and does nothing).
 */
static struct MHD_Daemon *start_unix(struct listener *listener, int fd)
{
	if (patience_start(&listener->patience, UNIX_PATIENCE_MS, UNIX_PATIENCE_PERIOD_MS))
		return NULL;
	return MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
					MHD_USE_POLL | MHD_USE_ERROR_LOG | MHD_USE_ITC,
				0, NULL, NULL, on_request, listener, MHD_OPTION_EXTERNAL_LOGGER,
				on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,
				MHD_OPTION_NOTIFY_COMPLETED, completed, listener,
				MHD_OPTION_CONNECTION_LIMIT, UNIX_CONNECTIONS,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, UNIX_MEMORY_BYTES,
				MHD_OPTION_THREAD_STACK_SIZE, UNIX_STACK_BYTES,
				MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

/* Starts a listener on fd, which belongs to it then. Signals are the control thread's alone. */
static int start(struct listener *listener, struct MHD_Daemon *(*starter)(struct listener *, int),
		 int *fd)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	listener->daemon = starter(listener, *fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!listener->daemon)
		return -ENOMEM;
	steal_fd(fd);
	return 0;
}

static int start_listeners(struct http *http, const char *listen, const char *admin, char *error,
			   size_t error_size)
{
	_cleanup_close_ int tcp = -1, unix_fd = -1;

	if (listen) {
		tcp = socket_listen_tcp(listen, &http->port, error, error_size);
		if (tcp < 0)
			return tcp;
	}
	if (admin) {
		unix_fd = socket_listen_unix(admin, &http->socket, error, error_size);
		if (unix_fd < 0)
			return unix_fd;
	}
	/* Both sockets are there: now nothing is left but want of memory or threads. */
	if ((listen && start(&http->tcp, start_tcp, &tcp)) ||
	    (admin && start(&http->admin, start_unix, &unix_fd))) {
		snprintf(error, error_size,
			 "cannot start the HTTP threads: out of memory or threads");
		return -ENOMEM;
	}
	return 0;
}

int http_start(const char *listen, const char *admin, const struct http_ops *ops, struct http **out,
	       char *error, size_t error_size)
{
	struct http *http = calloc(1, sizeof(*http));
	int result;

	if (!http) {
		snprintf(error, error_size, "out of memory");
		return -ENOMEM;
	}
	http->ops = *ops;
	figures_init(&http->figures);
	route_figures(&http->figures.data);
	http->sources = (struct http_sources){.ops = &http->ops, .figures = &http->figures};
	http->streams.ops = &http->ops;
	http->tcp.http = http->admin.http = http;
	http->admin.admin = true;

	result = start_listeners(http, listen, admin, error, error_size);
	if (result) {
		http_stop(http);
		return result;
	}
	*out = http;
	return 0;
}

uint16_t http_port(const struct http *http)
{
	return http->port;
}

/* Takes no more connections; what is being answered goes on. */
static void quiesce(const struct listener *listener)
{
	int fd = listener->daemon ? MHD_quiesce_daemon(listener->daemon) : -1;

	if (fd >= 0)
		close(fd);
}

static void stop(struct listener *listener)
{
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	patience_stop(&listener->patience);
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	atomic_store(&http->streams.stopping, true);
	socket_file_release(&http->socket);
	quiesce(&http->tcp);
	quiesce(&http->admin);
	/* Whoever asked for a detach, and so for our end, shall still read the answer. */
	figures_wait_idle(&http->figures, LAST_ANSWERS_MS);
	stop(&http->tcp);
	stop(&http->admin);
	figures_release(&http->figures);
	free(http);
}
