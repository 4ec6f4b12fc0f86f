/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Both listeners, for real: on 127.0.0.1 with a port the kernel chooses, and on a unix socket in a temporary directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/buffer.h"
#include "user/http/http.h"
#include "user/metrics/health.h"

/* A daemon that is not there: what the listeners ask it for */
static struct daemon {
	pthread_mutex_t lock;
	struct snapshot *snapshot; /* latest, or NULL */
	atomic_bool started, stopping;
	atomic_uint command_ms;				  /* how long each takes */
	char command[32], request_id[80], arguments[256]; /* the last one */
	int code;
	const char *reply;
	atomic_int events; /* lines made so far */
	atomic_int largest_ms;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct snapshot *fake_snapshot(void *context)
{
	struct snapshot *latest;

	assert_ptr_equal(context, &fake);
	pthread_mutex_lock(&fake.lock);
	latest = snapshot_ref(fake.snapshot);
	pthread_mutex_unlock(&fake.lock);
	return latest;
}

static int fake_command(void *context, const char *name, const json_t *arguments,
			const char *request_id, json_t **reply)
{
	_cleanup_free_ char *text = json_dumps(arguments, JSON_COMPACT);

	(void)context;
	pthread_mutex_lock(&fake.lock);
	snprintf(fake.command, sizeof(fake.command), "%s", name);
	snprintf(fake.request_id, sizeof(fake.request_id), "%s", request_id);
	snprintf(fake.arguments, sizeof(fake.arguments), "%s", text);
	*reply = fake.reply ? json_loads(fake.reply, 0, NULL) : NULL;
	pthread_mutex_unlock(&fake.lock);
	usleep(fake.command_ms * 1000);
	return fake.code;
}

/* The cursor is the number of the last line given */
static ssize_t fake_events(void *context, uint64_t *cursor, char *buffer, size_t size,
			   int timeout_ms)
{
	(void)context;
	if (!*cursor)
		*cursor = (uint64_t)fake.events + 1;
	for (int waited = 0; waited < timeout_ms; waited += 5) {
		if (fake.stopping)
			return -ESHUTDOWN;
		if ((uint64_t)fake.events >= *cursor)
			return snprintf(buffer, size, "{\"n\":%d}\n", (int)(*cursor)++);
		usleep(5000);
	}
	return 0;
}

static bool fake_started(void *context)
{
	(void)context;
	return fake.started;
}

static const struct http_ops ops = {
	.snapshot = fake_snapshot,
	.command = fake_command,
	.events = fake_events,
	.started = fake_started,
	.context = &fake,
};

static struct http *server;
static char directory[] = "/tmp/weir-test-http-XXXXXX";
static char path[128];

/* Publishes a snapshot of one web service; health of its one component, age in seconds */
static void publish(int health, uint64_t age_s)
{
	struct snapshot *made = snapshot_new(), *old;
	struct snapshot_component *component;

	assert_non_null(made);
	made->time_ns = clock_monotonic_ns() - age_s * 1000000000u;
	made->start_time = 1700000000;
	made->unix_time = 1700000012.5;
	made->generation = 3;
	strcpy(made->node, "edge-1");
	strcpy(made->libbpf, "1.1");
	strcpy(made->hiredis, "1.1.0");
	strcpy(made->interface[0].name, "eth0");
	made->interfaces = 1;
	strcpy(made->service[0].name, "other");
	strcpy(made->service[1].name, "web");
	strcpy(made->upstream[2].name, "api");
	strcpy(made->upstream[3].name, "db");
	strcpy(made->tier[0], "anonymous");
	made->series = calloc(1, sizeof(*made->series));
	made->series_count = 1;
	made->series[0].service = 1;
	made->series[0].sum.verdict[WEIR_PASSED] = (struct weir_count){100, 6000};
	made->series[0].sum.verdict[WEIR_LIMITED] = (struct weir_count){7, 420};
	for (int i = 0; i < 3; i++) {
		made->top[i] = (struct snapshot_client){.length = 128,
							.service = (uint16_t)(i % 2),
							.passed_rate = 3 - i,
							.refused_rate = 10 * i};
		memcpy(made->top[i].addr,
		       (uint8_t[]){0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 203, 0, 113, (uint8_t)i},
		       16);
	}
	made->tops = 3;
	component = health_add(made, "datapath");
	assert_non_null(component);
	health_fill(component, "datapath", health, "eth0 is %s",
		    health == HEALTH_HEALTHY ? "attached" : "not attached");
	pthread_mutex_lock(&fake.lock);
	old = fake.snapshot;
	fake.snapshot = made;
	pthread_mutex_unlock(&fake.lock);
	snapshot_unref(old);
}

static int start(void **state)
{
	char error[256] = "";

	(void)state;
	fake.started = true;
	fake.stopping = false;
	fake.command_ms = 0;
	fake.code = 200;
	fake.reply = "{\"ok\":true}";
	publish(HEALTH_HEALTHY, 0);
	if (http_start("127.0.0.1:0", path, &ops, &server, error, sizeof(error))) {
		print_error("%s\n", error);
		return -1;
	}
	return 0;
}

static int stop(void **state)
{
	(void)state;
	http_stop(server);
	server = NULL;
	snapshot_unref(fake.snapshot);
	fake.snapshot = NULL;
	return 0;
}

/* One request through libcurl */
struct call {
	const char *method; /* NULL: GET */
	const char *url;    /* path and query */
	bool tcp;
	const char *header[4];
	const char *body;
	size_t body_length; /* 0: strlen */
	long code;	    /* answer */
	struct buffer text, headers;
};

static size_t collect(char *data, size_t size, size_t count, void *out)
{
	buffer_add(out, data, size * count);
	return size * count;
}

static CURLcode try_call(struct call *call)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = NULL;
	char url[256];
	CURLcode result;

	assert_non_null(curl);
	call->text.length = call->headers.length = 0;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", call->tcp ? http_port(server) : 80u,
		 call->url);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	if (!call->tcp)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, path);
	for (size_t i = 0; i < 4 && call->header[i]; i++)
		headers = curl_slist_append(headers, call->header[i]);
	if (call->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE,
				 (long)(call->body_length ? call->body_length
							  : strlen(call->body)));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
	}
	if (call->method && !strcmp(call->method, "HEAD"))
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else if (call->method)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &call->text);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &call->headers);
	result = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &call->code);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	buffer_string(&call->text);
	buffer_string(&call->headers);
	return result;
}

static void release_call(struct call *call)
{
	buffer_release(&call->text);
	buffer_release(&call->headers);
}
#define _cleanup_call_ _cleanup_(release_call)

static void perform(struct call *call, long code)
{
	CURLcode result = try_call(call);

	if (result != CURLE_OK || call->code != code)
		print_error("%s %s: %s, %ld, %s\n", call->method ? call->method : "GET", call->url,
			    curl_easy_strerror(result), call->code, call->text.data);
	assert_int_equal(result, CURLE_OK);
	assert_int_equal(call->code, code);
}

static void assert_has(struct buffer *text, const char *part)
{
	if (!strstr(buffer_string(text), part))
		fail_msg("no \"%s\" in: %s", part, buffer_string(text));
}

static void assert_has_not(struct buffer *text, const char *part)
{
	if (strstr(buffer_string(text), part))
		fail_msg("\"%s\" in: %s", part, buffer_string(text));
}

/* A connection without libcurl, for what libcurl would not do */
static int connect_raw(bool tcp)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons(http_port(server)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, path);
	assert_int_equal(
		connect(fd, tcp ? (void *)&in : (void *)&un, tcp ? sizeof(in) : sizeof(un)), 0);
	return fd;
}

static void send_raw(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until the text is there; false when timeout_ms pass or the connection ends first */
static bool read_until(int fd, struct buffer *out, const char *text, int timeout_ms)
{
	uint64_t end = clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000u;

	for (;;) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		char part[4096];
		ssize_t got;

		if (strstr(buffer_string(out), text))
			return true;
		if (clock_monotonic_ns() >= end ||
		    poll(&poll_fd, 1, (int)((end - clock_monotonic_ns()) / 1000000u) + 1) <= 0)
			return false;
		got = read(fd, part, sizeof(part));
		if (got <= 0)
			return false;
		buffer_add(out, part, (size_t)got);
	}
}

static long in_progress(void)
{
	_cleanup_call_ struct call call = {.url = "/metrics"};

	perform(&call, 200);
	return strtol(strstr(call.text.data, "\nweir_http_requests_in_progress ") +
			      strlen("\nweir_http_requests_in_progress "),
		      NULL, 10);
}

/* A request is over a moment after its answer has come: waits until only the one that asks is left. */
static void assert_quiet(void)
{
	long seen = in_progress();

	for (int i = 0; i < 50 && seen != 1; i++) {
		usleep(100 * 1000);
		seen = in_progress();
	}
	assert_int_equal(seen, 1);
}

#define JSON_HEADER "Content-Type: application/json"

static void both_listeners_serve_figures_and_health(void **state)
{
	/* clang-format off */
	static const struct {
		const char *url, *part;
	} route[] = {
		{"/", "GET  /metrics\n"},
		{"/metrics", "weir_packets_total{interface=\"eth0\",service=\"web\",tier=\"anonymous\",verdict=\"limited\"} 7\n"},
		{"/healthz", "ok\n"},
		{"/health/live", "{\"status\":\"alive\"}\n"},
		{"/health/ready", "{\"status\":\"ready\",\"reasons\":[]}\n"},
		{"/health/startup", "{\"status\":\"started\"}\n"},
		{"/health/detailed", "\"uptime_seconds\":12.5,\"node\":\"edge-1\",\"components\":[{\"name\":\"datapath\",\"status\":\"healthy\""},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(route) / sizeof(route[0]); i++) {
		_cleanup_call_ struct call call = {.url = route[i / 2].url, .tcp = i % 2};

		perform(&call, 200);
		assert_has(&call.text, route[i / 2].part);
		assert_has(&call.headers, "X-Request-ID: ");
	}
}

static void the_admin_api_is_not_on_tcp(void **state)
{
	static const char *const url[] = {"/v1/status", "/v1/top",    "/v1/flows",
					  "/v1/bans",	"/v1/events", "/v1/ban",
					  "/v1/unban",	"/v1/reload", "/v1/detach"};
	_cleanup_call_ struct call index = {.url = "/", .tcp = true};

	(void)state;
	fake.command[0] = '\0';
	for (size_t i = 0; i < sizeof(url) / sizeof(url[0]); i++) {
		_cleanup_call_ struct call get = {.url = url[i], .tcp = true};
		_cleanup_call_ struct call post = {
			.url = url[i], .tcp = true, .body = "{}", .header = {JSON_HEADER}};

		perform(&get, 404);
		perform(&post, 404);
		assert_has(&post.text, "{\"error\":\"not_found\",\"message\":\"");
	}
	assert_string_equal(fake.command, "");
	perform(&index, 200);
	assert_has(&index.text, "\nGET  /v1/latency\n");
	for (size_t i = 0; i < sizeof(url) / sizeof(url[0]); i++)
		assert_has_not(&index.text, url[i]);
}

static void wrong_paths_and_methods_are_told_apart(void **state)
{
	static const char *const missing[] = {"/metrics/", "/METRICS", "/health",
					      "//",	   "/v1",      "/metrics%00"};
	static const char *const method[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"};

	(void)state;
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
		_cleanup_call_ struct call call = {.url = missing[i]};

		if (i < 5)
			perform(&call, 404);
	}
	for (size_t i = 0; i < sizeof(method) / sizeof(method[0]); i++) {
		_cleanup_call_ struct call call = {
			.url = "/metrics", .method = method[i], .tcp = true};

		perform(&call, 405);
		assert_has(&call.headers, "\r\nAllow: GET, HEAD\r\n");
		assert_has(&call.text, "{\"error\":\"method_not_allowed\"");
	}
	for (size_t i = 0; i < 2; i++) {
		_cleanup_call_ struct call call = {.url = "/v1/ban", .method = i ? "HEAD" : "GET"};

		perform(&call, 405);
		assert_has(&call.headers, "\r\nAllow: POST\r\n");
	}
}

static void head_has_the_headers_without_the_body(void **state)
{
	static const char *const url[] = {"/", "/metrics", "/healthz", "/v1/status", "/v1/events"};

	(void)state;
	for (size_t i = 0; i < sizeof(url) / sizeof(url[0]); i++) {
		_cleanup_call_ struct call call = {.url = url[i], .method = "HEAD"};

		perform(&call, 200);
		assert_int_equal(call.text.length, 0);
		assert_has(&call.headers, "Content-Type: ");
	}
}

static void health_follows_the_components(void **state)
{
	_cleanup_call_ struct call live = {.url = "/health/live"}, ready = {.url = "/health/ready"},
				   healthz = {.url = "/healthz"},
				   detailed = {.url = "/health/detailed"};

	(void)state;
	publish(HEALTH_DEGRADED, 0);
	perform(&ready, 200);
	assert_has(&ready.text,
		   "{\"status\":\"ready\",\"reasons\":[\"datapath: eth0 is not attached\"]}");
	perform(&healthz, 200);
	perform(&detailed, 200);
	assert_has(&detailed.text, "{\"status\":\"degraded\"");

	publish(HEALTH_UNHEALTHY, 0);
	perform(&ready, 503);
	assert_has(&ready.text,
		   "{\"status\":\"not_ready\",\"reasons\":[\"datapath: eth0 is not attached\"]}");
	perform(&healthz, 503);
	assert_has(&healthz.text, "datapath: eth0 is not attached\n");
	perform(&detailed, 503);
	perform(&live, 200);
}

static void a_silent_control_thread_is_not_ready_but_alive(void **state)
{
	_cleanup_call_ struct call live = {.url = "/health/live"}, ready = {.url = "/health/ready"},
				   detailed = {.url = "/health/detailed"};

	(void)state;
	publish(HEALTH_HEALTHY, 9);
	perform(&ready, 200);
	publish(HEALTH_HEALTHY, 61);
	perform(&ready, 503);
	assert_has(&ready.text, "control: control thread has not reported for 61 s");
	perform(&detailed, 503);
	assert_has(&detailed.text, "\"name\":\"control\",\"status\":\"unhealthy\"");
	perform(&live, 200);
}

static void before_the_first_snapshot_it_says_so(void **state)
{
	static const char *const url[] = {"/health/ready",   "/healthz",   "/health/detailed",
					  "/health/startup", "/v1/status", "/v1/top",
					  "/v1/latency",     "/v1/flows",  "/v1/cluster"};
	_cleanup_call_ struct call live = {.url = "/health/live"}, metrics = {.url = "/metrics"};

	(void)state;
	snapshot_unref(fake.snapshot);
	fake.snapshot = NULL;
	fake.started = false;
	for (size_t i = 0; i < sizeof(url) / sizeof(url[0]); i++) {
		_cleanup_call_ struct call call = {.url = url[i]};

		perform(&call, 503);
	}
	perform(&live, 200);
	perform(&metrics, 200);
	assert_has(&metrics.text, "\nprocess_threads ");
	assert_has_not(&metrics.text, "weir_packets_total");
}

/* Messages in a row, each after its length; 0 where the last one is cut */
static size_t count_messages(const struct buffer *body)
{
	size_t at = 0, messages = 0;

	while (at < body->length) {
		size_t length = 0, shift = 0;
		unsigned char byte;

		do {
			byte = (unsigned char)body->data[at++];
			length |= (size_t)(byte & 0x7f) << shift;
			shift += 7;
		} while (byte & 0x80 && at < body->length);
		at += length;
		messages++;
	}
	return at == body->length ? messages : 0;
}

static void scrapers_get_the_format_they_ask_for(void **state)
{
	_cleanup_call_ struct call text = {.url = "/metrics", .tcp = true};
	_cleanup_call_ struct call open = {
		.url = "/metrics",
		.tcp = true,
		.header =
			{"Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"},
	};
	_cleanup_call_ struct call binary = {
		.url = "/metrics",
		.tcp = true,
		.header = {"Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
			   "application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1"},
	};

	(void)state;
	perform(&text, 200);
	assert_has(&text.headers, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	assert_has_not(&text.text, "# EOF");
	perform(&open, 200);
	assert_has(
		&open.headers,
		"\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n");
	assert_string_equal(open.text.data + open.text.length - 6, "# EOF\n");
	assert_has(&open.headers, "\r\nVary: Accept\r\n");
	perform(&binary, 200);
	assert_has(
		&binary.headers,
		"\r\nContent-Type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited\r\n");
	assert_in_range(count_messages(&binary.text), 20, 100);
}

static void every_request_is_counted_where_it_went(void **state)
{
	_cleanup_call_ struct call live = {.url = "/health/live"}, missing = {.url = "/nowhere"},
				   wrong = {.url = "/v1/ban"}, metrics = {.url = "/metrics"};

	(void)state;
	perform(&metrics, 200);
	assert_has(&metrics.text, "weir_http_requests_total{handler=\"live\",code=\"200\"} 0\n");
	perform(&live, 200);
	perform(&live, 200);
	perform(&missing, 404);
	perform(&wrong, 405);
	perform(&metrics, 200);
	assert_has(&metrics.text, "weir_http_requests_total{handler=\"live\",code=\"200\"} 2\n");
	assert_has(&metrics.text, "weir_http_requests_total{handler=\"other\",code=\"404\"} 1\n");
	assert_has(&metrics.text, "weir_http_requests_total{handler=\"ban\",code=\"405\"} 1\n");
	assert_has(&metrics.text, "weir_http_requests_total{handler=\"metrics\",code=\"200\"} 1\n");
	assert_has(&metrics.text, "weir_http_request_duration_seconds_count{handler=\"live\"} 2\n");
	assert_quiet();
}

static void request_ids_are_taken_or_made(void **state)
{
	/* clang-format off */
	static const struct {
		const char *header, *answer; /* NULL: a new one */
	} row[] = {
		{"X-Request-ID: a.B_9-z", "X-Request-ID: a.B_9-z\r\n"},
		{"X-Correlation-ID: corr", "X-Request-ID: corr\r\n"},
		{"X-Request-ID: two words", NULL},
		{"X-Request-ID: a\"b", NULL},
		{"X-Request-ID: a/../b", NULL},
		{"X-Request-ID: \xc3\xa4", NULL},
		{"X-Request-ID;", NULL}, /* there, and empty */
		{"X-Request-ID: 0123456789012345678901234567890123456789012345678901234567890123",
		 "X-Request-ID: 0123456789012345678901234567890123456789012345678901234567890123\r\n"},
		{"X-Request-ID: 01234567890123456789012345678901234567890123456789012345678901234", NULL},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		_cleanup_call_ struct call call = {.url = "/health/live",
						   .header = {row[i].header}};
		const char *id;

		perform(&call, 200);
		if (row[i].answer) {
			assert_has(&call.headers, row[i].answer);
			continue;
		}
		id = strstr(call.headers.data, "X-Request-ID: ") + strlen("X-Request-ID: ");
		assert_int_equal(strspn(id, "0123456789abcdef"), 16);
		assert_memory_equal(id + 16, "\r\n", 2);
	}
}

/* Whatever is asked and answered, on either listener; what is no HTTP at all is answered by the library */
static void every_answer_has_the_id(void **state)
{
	static const struct {
		const char *method, *url, *body;
		bool tcp;
		long code;
	} row[] = {
		{NULL, "/metrics", NULL, true, 200},	 {"HEAD", "/metrics", NULL, true, 200},
		{NULL, "/nothing", NULL, true, 404},	 {NULL, "/v1/status", NULL, true, 404},
		{"DELETE", "/metrics", NULL, true, 405}, {NULL, "/v1/latency?a=b", NULL, true, 400},
		{NULL, "/v1/top", NULL, false, 200},	 {NULL, "/v1/ban", NULL, false, 405},
		{NULL, "/v1/ban", "{", false, 400},	 {NULL, "/v1/ban", "{}", false, 500},
	};
	_cleanup_(release_call) struct call both = {
		.url = "/healthz", .header = {"X-Request-ID: no good", "X-Correlation-ID: second"}};
	_cleanup_(buffer_release) struct buffer stream = {0};
	int fd = connect_raw(false);

	(void)state;
	fake.code = 500;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		_cleanup_call_ struct call call = {.method = row[i].method,
						   .url = row[i].url,
						   .body = row[i].body,
						   .tcp = row[i].tcp,
						   .header = {"X-Request-ID: mine", JSON_HEADER}};

		perform(&call, row[i].code);
		assert_has(&call.headers, "X-Request-ID: mine\r\n");
	}
	perform(&both, 200);
	assert_has(&both.headers, "X-Request-ID: second\r\n");
	send_raw(fd, "GET /v1/events HTTP/1.1\r\nHost: weir\r\nX-Correlation-ID: mine\r\n\r\n");
	assert_true(read_until(fd, &stream, "X-Request-ID: mine\r\n", 5000));
	close(fd);
}

static void commands_reach_the_control_thread(void **state)
{
	_cleanup_call_ struct call ban = {
		.url = "/v1/ban",
		.body = "{\"prefix\":\"203.0.113.7\",\"seconds\":600}",
		.header = {"Content-Type: Application/JSON; charset=utf-8", "X-Request-ID: me"}};
	_cleanup_call_ struct call bans = {.url = "/v1/bans"};
	_cleanup_call_ struct call reload = {
		.url = "/v1/reload", .body = "{}", .header = {JSON_HEADER}};

	(void)state;
	fake.reply = "{\"prefix\":\"203.0.113.7\",\"seconds\":600,\"replaced\":false}";
	perform(&ban, 200);
	assert_string_equal(fake.command, "ban");
	assert_string_equal(fake.request_id, "me");
	assert_string_equal(fake.arguments, "{\"prefix\":\"203.0.113.7\",\"seconds\":600}");
	assert_has(&ban.text, "{\"prefix\":\"203.0.113.7\",\"seconds\":600,\"replaced\":false}\n");

	fake.reply = "{\"bans\":[]}";
	perform(&bans, 200);
	assert_string_equal(fake.command, "bans");
	assert_has(&bans.text, "{\"bans\":[]}\n");

	fake.code = 400;
	fake.reply = "{\"error\":\"invalid_configuration\",\"message\":\"weir.yaml:3: no\"}";
	perform(&reload, 400);
	assert_has(&reload.text, "weir.yaml:3: no");

	fake.code = -EIO;
	fake.reply = NULL;
	perform(&reload, 500);
	assert_has(
		&reload.text,
		"{\"error\":\"internal_error\",\"message\":\"the command reload gave no reply\"}");
}

static void a_command_may_take_its_time(void **state)
{
	_cleanup_call_ struct call detach = {
		.url = "/v1/detach", .body = "{}", .header = {JSON_HEADER}};

	(void)state;
	fake.command_ms = 300;
	perform(&detach, 200);
}

static void bad_bodies_are_refused_before_the_control_thread(void **state)
{
	/* clang-format off */
	static const struct {
		const char *body, *type;
		long code;
		const char *part;
	} row[] = {
		{"{}", "Content-Type: text/plain", 415, "unsupported_media_type"},
		{"{}", "Content-Type: application/x-www-form-urlencoded", 415, "unsupported_media_type"},
		{"{}", "Content-Type: application/jsonp", 415, "unsupported_media_type"},
		{"{}", "Content-Type:", 415, "unsupported_media_type"},
		{"", JSON_HEADER, 400, "not JSON"},
		{"{", JSON_HEADER, 400, "not JSON: line 1"},
		{"[]", JSON_HEADER, 400, "must be a JSON object"},
		{"7", JSON_HEADER, 400, "must be a JSON object"},
		{"{\"a\":1,\"a\":2}", JSON_HEADER, 400, "duplicate"},
		{"{} x", JSON_HEADER, 400, "not JSON"},
		{"{\"a\":\"\xff\"}", JSON_HEADER, 400, "not JSON"},
	};
	/* clang-format on */

	(void)state;
	fake.command[0] = '\0';
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		_cleanup_call_ struct call call = {
			.url = "/v1/ban", .body = row[i].body, .header = {row[i].type}};

		perform(&call, row[i].code);
		assert_has(&call.text, row[i].part);
	}
	assert_string_equal(fake.command, "");
}

/* A JSON object of exactly that many bytes */
static char *padded_object(size_t length)
{
	char *text = malloc(length + 1);

	memset(text, ' ', length);
	text[0] = '{';
	text[length - 1] = '}';
	text[length] = '\0';
	return text;
}

static void bodies_up_to_64_kib_are_taken(void **state)
{
	/* clang-format off */
	static const struct {
		size_t length;
		const char *header;
		long code;
	} row[] = {
		{65536, "X-A: b", 200},
		{65537, "X-A: b", 413},
		{65537, "Expect:", 413},
		{65536, "Transfer-Encoding: chunked", 200},
		{65537, "Transfer-Encoding: chunked", 413},
		{900000, "Transfer-Encoding: chunked", 413},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		_cleanup_free_ char *body = padded_object(row[i].length);
		_cleanup_call_ struct call call = {
			.url = "/v1/ban", .body = body, .header = {JSON_HEADER, row[i].header}};

		perform(&call, row[i].code);
		if (row[i].code == 413)
			assert_has(&call.text, "body_too_large");
	}
}

static void a_huge_body_is_refused_by_its_headers(void **state)
{
	_cleanup_close_ int fd = connect_raw(false);
	_cleanup_buffer_ struct buffer text = {0};
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char byte;

	(void)state;
	send_raw(fd, "POST /v1/ban HTTP/1.1\r\nHost: weir\r\nContent-Length: 9000000\r\n"
		     "Content-Type: application/json\r\n\r\n");
	assert_true(read_until(fd, &text, "body_too_large", 1000));
	assert_has(&text, "HTTP/1.1 413 ");
	assert_int_equal(poll(&poll_fd, 1, 1000), 1);
	while (read(fd, &byte, 1) == 1) /* what is left of the answer, then the end */
		;
}

static void a_body_without_end_is_cut(void **state)
{
	_cleanup_free_ char *body = padded_object(8 << 20);
	_cleanup_call_ struct call call = {.url = "/v1/ban",
					   .body = body,
					   .header = {JSON_HEADER, "Transfer-Encoding: chunked",
						      "Expect:"}};

	(void)state;
	assert_int_not_equal(try_call(&call), CURLE_OK);
	assert_int_equal(call.code, 0);
}

static void top_is_sorted_and_its_query_checked(void **state)
{
	/* clang-format off */
	static const struct {
		const char *url;
		long code;
		const char *part;
	} row[] = {
		{"/v1/top", 200, "\"by\":\"total\",\"clients\":[{\"client\":\"203.0.113.2\",\"service\":\"other\""},
		{"/v1/top?by=passed&limit=1", 200, "\"by\":\"passed\",\"clients\":[{\"client\":\"203.0.113.0\""},
		{"/v1/top?service=web", 200, "\"clients\":[{\"client\":\"203.0.113.1\",\"service\":\"web\""},
		{"/v1/top?service=nope", 404, "no_such_service\",\"message\":\"no service is named \\\"nope\\\"; there are: other, web\""},
		{"/v1/top?service=", 404, "no_such_service"},
		{"/v1/top?limit=0", 400, "limit must be 1 to 256"},
		{"/v1/top?limit=257", 400, "limit must be 1 to 256"},
		{"/v1/top?limit=-1", 400, "limit must be 1 to 256"},
		{"/v1/top?limit", 400, "limit must be 1 to 256"},
		{"/v1/top?by=name", 400, "total, refused or passed"},
		{"/v1/top?limits=3", 400, "no parameter is named \\\"limits\\\""},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		_cleanup_call_ struct call call = {.url = row[i].url};

		perform(&call, row[i].code);
		assert_has(&call.text, row[i].part);
	}
}

static void queries_of_latency_and_flows_are_checked(void **state)
{
	/* clang-format off */
	static const struct {
		const char *url;
		long code;
		const char *part;
	} row[] = {
		{"/v1/latency", 200, "\"services\":[{\"name\":\"other\",\"histograms\":[]},{\"name\":\"web\","},
		{"/v1/latency?name=web", 200, "\"services\":[{\"name\":\"web\",\"histograms\":[]}],\"upstreams\":[]"},
		{"/v1/latency?name=api&name=web", 200, "\"services\":[{\"name\":\"web\",\"histograms\":[]}],\"upstreams\":[{\"name\":\"api\","},
		{"/v1/latency?name=nope", 404, "no_such_name\",\"message\":\"no service or upstream is named \\\"nope\\\"; services: other, web; upstreams: api, db\""},
		{"/v1/latency?name=", 404, "no_such_name"},
		{"/v1/latency?name=web&service=web", 400, "no parameter is named \\\"service\\\"; there are only name"},
		{"/v1/latency?name=web&name=web&name=web&name=web&name=web&name=web&name=web&name=web", 200, "\"web\""},
		{"/v1/latency?name=web&name=web&name=web&name=web&name=web&name=web&name=web&name=web&name=nope", 400, "at most 8 parameters"},
		{"/v1/flows", 200, "\"by\":\"rate\",\"flows\":[]"},
		{"/v1/flows?by=bytes&limit=256&service=web&upstream=api", 200, "\"by\":\"bytes\",\"flows\":[]"},
		{"/v1/flows?by=total", 400, "rate or bytes"},
		{"/v1/flows?limit=0", 400, "limit must be 1 to 256"},
		{"/v1/flows?service=api", 404, "no_such_service"},
		{"/v1/flows?upstream=web", 404, "no_such_upstream\",\"message\":\"no upstream is named \\\"web\\\"; there are: api, db\""},
		{"/v1/flows?order=rate", 400, "there are limit, service, upstream and by"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		_cleanup_call_ struct call call = {.url = row[i].url};

		perform(&call, row[i].code);
		assert_has(&call.text, row[i].part);
	}
}

/* 64 services of 31 letters do not fit in one sentence: it ends in dots and is still JSON. */
static void an_error_lists_as_many_names_as_fit(void **state)
{
	_cleanup_call_ struct call call = {.url = "/v1/latency?name=nope"};
	json_t *error;

	(void)state;
	for (int i = 0; i < WEIR_SERVICES; i++)
		snprintf(fake.snapshot->service[i].name, WEIR_NAME, "service-%023d", i);
	perform(&call, 404);
	error = json_loads(buffer_string(&call.text), 0, NULL);
	assert_non_null(error);
	json_decref(error);
	assert_has(&call.text, "services: service-00000000000000000000000, service-0");
	assert_has(&call.text, ", ...; upstreams: api, db");
}

/* The snapshot with a cluster whose one hot client is 203.0.113.9 */
static void publish_cluster(void)
{
	struct snapshot_cluster *cluster;

	publish(HEALTH_HEALTHY, 0);
	pthread_mutex_lock(&fake.lock);
	cluster = &fake.snapshot->cluster;
	cluster->enabled = true;
	strcpy(cluster->redis, "redis://10.1.2.3:6379/0");
	strcpy(cluster->redis_state, "unreachable");
	fake.snapshot->limit = calloc(1, sizeof(*fake.snapshot->limit));
	fake.snapshot->limits = 1;
	cluster->hots = 1;
	cluster->hot[0] =
		(struct snapshot_hot){.addr = {[10] = 255, 255, 203, 0, 113, 9}, .length = 128};
	health_redis_judge(cluster, health_add(fake.snapshot, "redis"));
	pthread_mutex_unlock(&fake.lock);
}

static void the_cluster_is_told_to_all_but_clients_only_to_the_socket(void **state)
{
	_cleanup_call_ struct call admin = {.url = "/v1/cluster"},
				   tcp = {.url = "/v1/cluster", .tcp = true},
				   ready = {.url = "/health/ready"}, metrics = {.url = "/metrics"};

	(void)state;
	perform(&tcp, 200);
	assert_has(&tcp.text, ",\"enabled\":false}\n");
	perform(&metrics, 200);
	assert_has_not(&metrics.text, "weir_redis_up");

	publish_cluster();
	perform(&admin, 200);
	assert_has(&admin.text, "\"client\":\"203.0.113.9\"");
	perform(&tcp, 200);
	assert_has(&tcp.text, "\"enabled\":true,\"mode\":\"starting\",");
	assert_has(&tcp.text, "\"url\":\"redis://10.1.2.3:6379/0\",\"up\":false,");
	assert_has_not(&tcp.text, "203.0.113");
	assert_has_not(&tcp.text, "\"hot\":[");
	perform(&metrics, 200);
	assert_has(&metrics.text, "\nweir_redis_up 0\n");

	/* Limits hold without Redis: the host stays in service */
	perform(&ready, 200);
	assert_has(
		&ready.text,
		"{\"status\":\"ready\",\"reasons\":[\"redis: unreachable, no answer for 0 s\"]}");
}

static void status_is_whole(void **state)
{
	static const char *const key[] = {"status",	"version", "revision",	     "node",
					  "time",	"started", "uptime_seconds", "age_seconds",
					  "generation", "epoch",   "reload",	     "interfaces",
					  "services",	"table",   "upstreams",	     "flows",
					  "cluster",	"bans",	   "events",	     "programs",
					  "components"};
	_cleanup_call_ struct call call = {.url = "/v1/status"};
	json_t *status, *web;

	(void)state;
	perform(&call, 200);
	status = json_loads(buffer_string(&call.text), 0, NULL);
	assert_non_null(status);
	for (size_t i = 0; i < sizeof(key) / sizeof(key[0]); i++)
		if (!json_object_get(status, key[i]))
			fail_msg("no \"%s\"", key[i]);
	assert_int_equal(json_object_size(status), sizeof(key) / sizeof(key[0]));
	assert_string_equal(json_string_value(json_object_get(status, "time")),
			    "2023-11-14T22:13:32.500Z");

	web = json_array_get(json_object_get(status, "services"), 1);
	assert_string_equal(json_string_value(json_object_get(web, "name")), "web");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(web, "passed"), "packets")),
		100);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(web, "refused"), "bytes")), 420);
	json_decref(status);
}

static void events_stream_as_they_happen(void **state)
{
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_close_ int fd = connect_raw(false);

	(void)state;
	send_raw(fd, "GET /v1/events HTTP/1.1\r\nHost: weir\r\n\r\n");
	assert_true(read_until(fd, &text, "\r\n\r\n", 1000));
	assert_has(&text, "Content-Type: application/x-ndjson\r\n");
	usleep(600 * 1000); /* more than one wait of nothing */
	for (int i = 0; i < 3; i++) {
		char line[32];

		snprintf(line, sizeof(line), "{\"n\":%d}\n", ++fake.events);
		assert_true(read_until(fd, &text, line, 1000));
	}
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void an_idle_stream_costs_nothing_and_outlives_the_timeout(void **state)
{
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_close_ int fd = connect_raw(false);
	uint64_t before;

	(void)state;
	send_raw(fd, "GET /v1/events HTTP/1.1\r\nHost: weir\r\n\r\n");
	assert_true(read_until(fd, &text, "\r\n\r\n", 1000));
	before = cpu_ns();
	assert_false(read_until(fd, &text, "never", 11500)); /* the listeners' timeout is 10 s */
	assert_true(cpu_ns() - before <
		    1000000000u); /* the fake's polling included, under a sanitizer */
	fake.events++;
	assert_true(read_until(fd, &text, "{\"n\":", 1000));
}

static void a_reader_that_leaves_frees_its_stream(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		_cleanup_buffer_ struct buffer text = {0};
		_cleanup_close_ int fd = connect_raw(false);

		send_raw(fd, "GET /v1/events HTTP/1.1\r\nHost: weir\r\n\r\n");
		assert_true(read_until(fd, &text, "\r\n\r\n", 1000));
		if (i % 10 == 9) /* sixteen may be open; the one before us needs a wait to notice */
			usleep(400 * 1000);
	}
	assert_quiet();
}

static void streams_leave_room_for_commands(void **state)
{
	_cleanup_call_ struct call refused = {.url = "/v1/events"}, status = {.url = "/v1/status"};
	int fd[16];

	(void)state;
	for (size_t i = 0; i < 16; i++) {
		_cleanup_buffer_ struct buffer text = {0};

		fd[i] = connect_raw(false);
		send_raw(fd[i], "GET /v1/events HTTP/1.1\r\nHost: weir\r\n\r\n");
		assert_true(read_until(fd[i], &text, "200 OK", 1000));
	}
	perform(&refused, 503);
	assert_has(&refused.text, "too_many_streams");
	perform(&status, 200);
	for (size_t i = 0; i < 16; i++)
		close(fd[i]);
}

static void stopping_ends_streams_at_once(void **state)
{
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_close_ int fd = connect_raw(false);
	uint64_t before;

	send_raw(fd, "GET /v1/events HTTP/1.1\r\nHost: weir\r\n\r\n");
	assert_true(read_until(fd, &text, "\r\n\r\n", 1000));
	before = clock_monotonic_ns();
	http_stop(server);
	server = NULL;
	assert_true(clock_monotonic_ns() - before < 1000000000u);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(start(state), 0);
}

/* SIGTERM and SIGHUP must reach the control thread, which waits for them. */
static void no_http_thread_takes_signals(void **state)
{
	_cleanup_close_ int fd = connect_raw(false);
	_cleanup_buffer_ struct buffer text = {0};
	char name[300], line[256];
	unsigned long long blocked;
	size_t seen = 0;
	struct dirent *task;
	DIR *tasks;

	(void)state;
	send_raw(fd,
		 "GET /v1/events HTTP/1.1\r\nHost: weir\r\n\r\n"); /* a thread of a connection */
	assert_true(read_until(fd, &text, "200 OK", 1000));
	tasks = opendir("/proc/self/task");
	assert_non_null(tasks);
	while ((task = readdir(tasks))) {
		FILE *file;

		snprintf(name, sizeof(name), "/proc/self/task/%s/status", task->d_name);
		file = task->d_name[0] == '.' || atoi(task->d_name) == getpid() ? NULL
										: fopen(name, "re");
		while (file && fgets(line, sizeof(line), file)) {
			if (sscanf(line, "SigBlk: %llx", &blocked) != 1)
				continue;
			assert_true(blocked >> (SIGTERM - 1) & 1 && blocked >> (SIGHUP - 1) & 1);
			seen++;
		}
		if (file)
			fclose(file);
	}
	closedir(tasks);
	assert_in_range(seen, 5, 16); /* both listeners and their patience, the connection */
}

static void slow_clients_do_not_hold_up_others(void **state)
{
	int fd[30];

	(void)state;
	for (size_t i = 0; i < 30; i++) {
		fd[i] = connect_raw(i % 2);
		send_raw(fd[i], "GET /metrics HT");
	}
	for (size_t i = 0; i < 20; i++) {
		_cleanup_call_ struct call call = {.url = "/metrics", .tcp = i % 2};
		uint64_t before = clock_monotonic_ns();

		perform(&call, 200);
		assert_true(clock_monotonic_ns() - before < 1000000000u);
	}
	for (size_t i = 0; i < 30; i++)
		close(fd[i]);
}

static void silent_clients_are_cut_after_ten_seconds_but_not_who_waits_for_us(void **state)
{
	_cleanup_buffer_ struct buffer answer = {0};
	_cleanup_close_ int waiting = connect_raw(false);
	int fd[2] = {connect_raw(false), connect_raw(true)};

	(void)state;
	fake.command_ms = 11500; /* the socket's are cut after 10 to 11 s */
	send_raw(waiting, "POST /v1/detach HTTP/1.1\r\nHost: weir\r\nContent-Length: 2\r\n"
			  "Content-Type: application/json\r\n\r\n{}");
	for (size_t i = 0; i < 2; i++)
		send_raw(fd[i], "GET /metrics HTTP/1.1\r\nHost: w");
	for (size_t i = 0; i < 2; i++) {
		_cleanup_buffer_ struct buffer text = {0};
		uint64_t before = clock_monotonic_ns();
		struct pollfd poll_fd = {.fd = fd[i], .events = POLLIN};

		read_until(fd[i], &text, "never", 14000);
		assert_true(clock_monotonic_ns() - before < 13000000000u);
		assert_int_equal(poll(&poll_fd, 1, 0), 1); /* ended, not quiet */
		close(fd[i]);
	}
	assert_true(read_until(waiting, &answer, "200 OK", 5000));
}

/* Each thread: 50 requests of every kind, half of them on each listener */
static void *hammer(void *argument)
{
	static const char *const url[] = {"/metrics",	"/health/detailed", "/v1/latency",
					  "/v1/status", "/v1/top",	    "/v1/bans",
					  "/v1/flows"};
	long failed = 0;

	for (int i = 0; i < 50; i++) {
		_cleanup_call_ struct call call = {.url = url[i % 7],
						   .tcp = i % 7 < 3 && (uintptr_t)argument % 2};

		if (try_call(&call) != CURLE_OK || call.code != 200)
			failed++;
	}
	return (void *)failed;
}

static void many_at_once_while_snapshots_change(void **state)
{
	pthread_t thread[12];

	(void)state;
	for (uintptr_t i = 0; i < 12; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hammer, (void *)i), 0);
	for (int i = 0; i < 200; i++) {
		publish(HEALTH_HEALTHY, 0);
		usleep(1000);
	}
	for (size_t i = 0; i < 12; i++) {
		void *failed;

		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	assert_quiet();
}

static void the_socket_is_for_root_and_the_group(void **state)
{
	struct group *group = getgrnam("weir");
	struct stat status;

	(void)state;
	assert_int_equal(stat(path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 07777, 0660);
	if (group && !geteuid())
		assert_int_equal(status.st_gid, group->gr_gid);
}

static void assert_start_fails(const char *listen, const char *admin, int error, const char *part)
{
	struct http *other = NULL;
	char message[256] = "";

	assert_int_equal(http_start(listen, admin, &ops, &other, message, sizeof(message)), error);
	assert_null(other);
	if (!strstr(message, part))
		fail_msg("no \"%s\" in: %s", part, message);
	assert_null(strchr(message, '\n'));
}

static void what_cannot_be_had_is_explained(void **state)
{
	char used[64], file[160], deep[192], longer[200];
	struct stat before, after;
	_cleanup_call_ struct call call = {.url = "/v1/status"};

	(void)state;
	snprintf(used, sizeof(used), "127.0.0.1:%u", http_port(server));
	snprintf(file, sizeof(file), "%s/file", directory);
	snprintf(deep, sizeof(deep), "%s/no/such/socket", directory);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	fclose(fopen(file, "w"));

	assert_start_fails(used, NULL, -EADDRINUSE, "is in use by another program");
	assert_start_fails("203.0.113.1:9464", NULL, -EADDRNOTAVAIL, "no interface of this host");
	assert_start_fails("9464", NULL, -EINVAL, "is not ADDRESS:PORT, for example");
	assert_start_fails("127.0.0.1:65536", NULL, -EINVAL, "is not ADDRESS:PORT");
	assert_start_fails("127.0.0.1:", NULL, -EINVAL, "is not ADDRESS:PORT");
	assert_start_fails("localhost:80x", NULL, -EINVAL, "is not ADDRESS:PORT");
	assert_start_fails("::1:9464", NULL, -EINVAL, "is not ADDRESS:PORT");
	assert_start_fails("[::1:9464", NULL, -EINVAL, "is not ADDRESS:PORT");
	assert_start_fails(NULL, file, -EEXIST, "is in the way and is not a socket");
	assert_start_fails(NULL, deep, -ENOENT, "cannot make the directory");
	assert_start_fails(NULL, longer, -ENAMETOOLONG, "1 to 107 bytes");

	assert_int_equal(stat(path, &before), 0);
	assert_start_fails(NULL, path, -EADDRINUSE, "another weir answers on");
	assert_start_fails("127.0.0.1:0", path, -EADDRINUSE, "with http.admin");
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	perform(&call, 200);
}

/* A socket file whose owner is gone */
static void leave_stale_socket(const char *at)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, at);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	listen(fd, 1);
	close(fd);
}

static void a_stale_socket_is_replaced(void **state)
{
	char stale[160], error[256];
	struct http *other = NULL;

	(void)state;
	snprintf(stale, sizeof(stale), "%s/stale/socket",
		 directory); /* and the directory is made */
	assert_int_equal(http_start(NULL, stale, &ops, &other, error, sizeof(error)), 0);
	assert_int_equal(http_port(other), 0);
	http_stop(other);
	assert_int_equal(access(stale, F_OK), -1);

	leave_stale_socket(stale);
	assert_int_equal(http_start(NULL, stale, &ops, &other, error, sizeof(error)), 0);
	/* Somebody else's socket at our path is not ours to remove. */
	unlink(stale);
	leave_stale_socket(stale);
	http_stop(other);
	assert_int_equal(access(stale, F_OK), 0);
	unlink(stale);
}

static void ipv6_works_where_there_is_any(void **state)
{
	char error[256];
	struct http *other = NULL;
	int result = http_start("[::1]:0", NULL, &ops, &other, error, sizeof(error));

	(void)state;
	if (result == -EADDRNOTAVAIL || result == -EAFNOSUPPORT) {
		print_message("# skip: no IPv6 loopback on this host\n");
		skip();
	}
	assert_int_equal(result, 0);
	assert_int_not_equal(http_port(other), 0);
	http_stop(other);
}

static void remove_directory(void)
{
	char name[160];

	snprintf(name, sizeof(name), "%s/file", directory);
	unlink(name);
	snprintf(name, sizeof(name), "%s/stale", directory);
	rmdir(name);
	if (rmdir(directory))
		print_error("%s is left: %s\n", directory, strerror(errno));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
		TEST(both_listeners_serve_figures_and_health),
		TEST(the_admin_api_is_not_on_tcp),
		TEST(wrong_paths_and_methods_are_told_apart),
		TEST(head_has_the_headers_without_the_body),
		TEST(health_follows_the_components),
		TEST(a_silent_control_thread_is_not_ready_but_alive),
		TEST(before_the_first_snapshot_it_says_so),
		TEST(scrapers_get_the_format_they_ask_for),
		TEST(every_request_is_counted_where_it_went),
		TEST(request_ids_are_taken_or_made),
		TEST(every_answer_has_the_id),
		TEST(commands_reach_the_control_thread),
		TEST(a_command_may_take_its_time),
		TEST(bad_bodies_are_refused_before_the_control_thread),
		TEST(bodies_up_to_64_kib_are_taken),
		TEST(a_huge_body_is_refused_by_its_headers),
		TEST(a_body_without_end_is_cut),
		TEST(top_is_sorted_and_its_query_checked),
		TEST(queries_of_latency_and_flows_are_checked),
		TEST(an_error_lists_as_many_names_as_fit),
		TEST(the_cluster_is_told_to_all_but_clients_only_to_the_socket),
		TEST(status_is_whole),
		TEST(events_stream_as_they_happen),
		TEST(an_idle_stream_costs_nothing_and_outlives_the_timeout),
		TEST(a_reader_that_leaves_frees_its_stream),
		TEST(streams_leave_room_for_commands),
		TEST(stopping_ends_streams_at_once),
		TEST(no_http_thread_takes_signals),
		TEST(slow_clients_do_not_hold_up_others),
		TEST(silent_clients_are_cut_after_ten_seconds_but_not_who_waits_for_us),
		TEST(many_at_once_while_snapshots_change),
		TEST(the_socket_is_for_root_and_the_group),
		TEST(what_cannot_be_had_is_explained),
		TEST(a_stale_socket_is_replaced),
		TEST(ipv6_works_where_there_is_any),
	};
	int failed;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/weir.sock", directory);
	failed = cmocka_run_group_tests_name("http", tests, NULL, NULL);
	curl_global_cleanup();
	remove_directory();
	return failed;
}
