/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "user/base/cleanup.h"
#include "user/cli/options.h"

#define TIMEOUT_MS 10000L	   /* a reload reads and applies a file: well below a second */
#define CONNECT_TIMEOUT_MS 2000L   /* a unix socket answers at once, or its backlog is full */
#define REPLY_MAX (16U << 20)	   /* 256 clients are 50 KB; a full list of bans 8 MB */
#define LINE_MAX_BYTES (64U << 10) /* an event has some 300 bytes */

struct client {
	CURL *curl;
	struct curl_slist *headers;
	const char *path;
	long timeout_ms;
	const volatile sig_atomic_t *stop;
};

/* What comes in: a whole reply, or the beginning of a line. */
struct inbox {
	struct client *client;
	char *text;
	size_t length, room, max;
	bool too_long;
	client_line *line; /* NULL: collect the reply */
	void *context;
	bool left; /* line() asked to stop */
};

static int fail(struct client_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(struct client_error *error, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	error->word[0] = '\0';
	return code;
}

void client_reply_free(struct client_reply *reply)
{
	json_decref(reply->json);
	free(reply->text);
	*reply = (struct client_reply){0};
}

const char *client_socket_path(const char *option)
{
	const char *environment = getenv("WEIR_SOCKET");

	if (option)
		return option;
	return environment && *environment ? environment : CLI_DEFAULT_SOCKET;
}

static int progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct client *client = context;

	(void)a, (void)b, (void)c, (void)d;
	return client->stop && *client->stop;
}

static bool make_room(struct inbox *inbox, size_t more)
{
	size_t room = inbox->room ? inbox->room : 4096;
	char *text;

	if (more > inbox->max - inbox->length)
		return false;
	while (room < inbox->length + more)
		room *= 2;
	if (room == inbox->room)
		return true;
	text = realloc(inbox->text, room);
	if (!text)
		return false;
	inbox->text = text;
	inbox->room = room;
	return true;
}

/* Hands whole lines on and keeps the rest. */
static void hand_over_lines(struct inbox *inbox)
{
	char *start = inbox->text, *end = start + inbox->length, *newline;

	while (!inbox->left && (newline = memchr(start, '\n', (size_t)(end - start)))) {
		*newline = '\0';
		if (newline > start &&
		    inbox->line(inbox->context, start, (size_t)(newline - start)))
			inbox->left = true;
		start = newline + 1;
	}
	inbox->length = (size_t)(end - start);
	memmove(inbox->text, start, inbox->length);
}

static size_t receive(char *data, size_t one, size_t size, void *context)
{
	struct inbox *inbox = context;
	long status = 0;

	(void)one;
	if (!make_room(inbox, size)) {
		inbox->too_long = true;
		return 0;
	}
	memcpy(inbox->text + inbox->length, data, size);
	inbox->length += size;
	curl_easy_getinfo(inbox->client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (inbox->line && status == 200) /* an error is one object, not lines */
		hand_over_lines(inbox);
	return inbox->left ? 0 : size;
}

static int add_header(struct client *client, const char *text)
{
	struct curl_slist *headers = curl_slist_append(client->headers, text);

	if (!headers)
		return -ENOMEM;
	client->headers = headers;
	return 0;
}

/* What a command changes can be found in the daemon's log by it. One that is not right is replaced there. */
static int add_request_id(struct client *client)
{
	const char *given = getenv("WEIR_REQUEST_ID");
	char text[128];

	if (!given || !*given)
		return 0;
	if ((size_t)snprintf(text, sizeof(text), "X-Request-ID: %s", given) >= sizeof(text) ||
	    strpbrk(text, "\r\n"))
		return 0;
	return add_header(client, text);
}

int client_open(const char *path, long timeout_ms, const volatile sig_atomic_t *stop,
		struct client **out, struct client_error *error)
{
	struct client *client;

	if (!*path || strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return fail(error, -ENOENT, "'%s' cannot be the path of a socket: it %s", path,
			    *path ? "is longer than 107 bytes" : "is empty");
	client = calloc(1, sizeof(*client));
	if (!client)
		return fail(error, -ENOMEM, "out of memory");
	client->path = path;
	client->timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_MS;
	client->stop = stop;
	client->curl = curl_easy_init();
	if (!client->curl || add_header(client, "Content-Type: application/json") ||
	    add_request_id(client)) {
		client_close(client);
		return fail(error, -ENOMEM, "out of memory");
	}
	*out = client;
	return 0;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	curl_slist_free_all(client->headers);
	free(client);
}

/*
 * All that a request needs, set anew: the handle keeps its connection but no option of the last
 * one.
 */
static void prepare(struct client *client, const char *url, const char *body, struct inbox *inbox)
{
	CURL *curl = client->curl;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->path);
	curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever http_proxy says */
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "weir");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, inbox->line ? 0L : client->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, inbox);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
}

static int no_connection(const struct client *client, struct client_error *error)
{
	long number = 0;

	curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number);
	if (number == EACCES || number == EPERM)
		return fail(error, -EACCES,
			    "no permission to use %s: add yourself to group weir or use sudo",
			    client->path);
	if (number == 0 || number == ENOENT || number == ECONNREFUSED || number == ENOTDIR)
		return fail(
			error, -ENOENT,
			"no weir daemon answers on %s: start it with `weir run`, or name its socket with --socket",
			client->path);
	return fail(error, -ENOENT, "cannot connect to %s: %s", client->path,
		    strerror((int)number));
}

/* A transfer that did not go through, as an error. */
static int broken(const struct client *client, const struct inbox *inbox, CURLcode code,
		  struct client_error *error)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return no_connection(client, error);
	case CURLE_OPERATION_TIMEDOUT:
		return fail(error, -ETIMEDOUT,
			    "the weir daemon on %s did not answer in time: is the host overloaded?",
			    client->path);
	case CURLE_ABORTED_BY_CALLBACK:
		return fail(error, -ECANCELED, "interrupted");
	case CURLE_WRITE_ERROR:
		if (inbox->left)
			return -ECANCELED;
		return fail(error, inbox->too_long ? -EPROTO : -ENOMEM,
			    "the answer on %s is longer than the %zu bytes a daemon would send",
			    client->path, inbox->max);
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return fail(
			error, -EPROTO,
			"the weir daemon on %s went away in the middle of its answer: see its log",
			client->path);
	case CURLE_OUT_OF_MEMORY:
		return fail(error, -ENOMEM, "out of memory");
	default:
		return fail(error, -EPROTO, "what answers on %s is not a weir daemon: %s",
			    client->path, curl_easy_strerror(code));
	}
}

/* An answer other than 200, as an error: the daemon's own words where there are any. */
static int refused(const struct client *client, const struct inbox *inbox, long status,
		   struct client_error *error)
{
	_cleanup_json_ json_t *reply =
		json_loadb(inbox->text ? inbox->text : "", inbox->length, 0, NULL);
	const char *message = json_string_value(json_object_get(reply, "message"));
	const char *word = json_string_value(json_object_get(reply, "error"));

	if (message && *message) {
		fail(error, -EREMOTEIO, "%s", message);
		snprintf(error->word, sizeof(error->word), "%s", word ? word : "");
		return -EREMOTEIO;
	}
	return fail(error, -EREMOTEIO,
		    "the weir daemon on %s answers with HTTP status %ld and no reason",
		    client->path, status);
}

static int perform(struct client *client, const char *route, const char *body, struct inbox *inbox,
		   struct client_error *error)
{
	char url[512];
	long status = 0;
	CURLcode code;

	if ((size_t)snprintf(url, sizeof(url), "http://weir%s", route) >= sizeof(url))
		return fail(error, -ENAMETOOLONG, "the request is too long");
	prepare(client, url, body, inbox);
	code = curl_easy_perform(client->curl);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		return broken(client, inbox, code, error);
	if (status != 200)
		return refused(client, inbox, status, error);
	return 0;
}

int client_request(struct client *client, const char *route, const json_t *body,
		   struct client_reply *reply, struct client_error *error)
{
	_cleanup_free_ char *sent = body ? json_dumps(body, JSON_COMPACT) : NULL;
	_cleanup_reply_ struct client_reply got = {0};
	struct inbox inbox = {.client = client, .max = REPLY_MAX};
	json_error_t fault;
	int result;

	if (body && !sent)
		return fail(error, -ENOMEM, "out of memory");
	result = perform(client, route, sent, &inbox, error);
	got.text = inbox.text;
	got.length = inbox.length;
	if (result)
		return result;
	got.json = json_loadb(got.text ? got.text : "", got.length, 0, &fault);
	if (!json_is_object(got.json))
		return fail(error, -EPROTO, "what answers on %s is not a weir daemon: %s",
			    client->path, got.json ? "its JSON is no object" : fault.text);
	*reply = got;
	got = (struct client_reply){0};
	return 0;
}

int client_stream(struct client *client, const char *route, client_line *line, void *context,
		  struct client_error *error)
{
	struct inbox inbox = {
		.client = client,
		.max = LINE_MAX_BYTES,
		.line = line,
		.context = context,
	};
	int result = perform(client, route, NULL, &inbox, error);

	free(inbox.text);
	return result;
}

int client_add_query(char *route, size_t size, const char *name, const char *value)
{
	size_t length = strlen(route);
	char *escaped = curl_easy_escape(NULL, value, 0);
	int added;

	if (!escaped)
		return -ENOMEM;
	added = snprintf(route + length, size - length, "%c%s=%s", strchr(route, '?') ? '&' : '?',
			 name, escaped);
	curl_free(escaped);
	if (added < 0 || (size_t)added >= size - length) {
		route[length] = '\0';
		return -ENOSPC;
	}
	return 0;
}
