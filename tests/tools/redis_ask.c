// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The worker that talks to Redis (user/cluster/redis_worker.h), by hand:
 *
 *   redis_ask [OPTION...] [WORK...]     each WORK, or each line of standard input, is a piece of work; all go to one worker
 *
 * A piece of work is a JSON array of commands, each ["SET", "a", "1"], whose second word says where in a cluster it goes, or
 * {"script": "return ARGV[1]", "keys": ["a"], "arguments": ["b"]}, where the first key does. Prints a line of JSON for each.
 *
 *   --redis HOST:PORT[,HOST:PORT...]  --unix PATH   --sentinel MASTER   --cluster   --database N
 *   --user NAME  --password TEXT  --password-file PATH   --tls  --ca PATH  --cert PATH  --key PATH
 *   --command-timeout MS  --connect-timeout MS      1000 each
 *   --library           only says which hiredis this is, and whether there is TLS
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/cluster/redis_worker.h"
#include "user/config/endpoint.h"

#define NS_PER_MS 1000000ULL

static uint64_t command_timeout_ns = 1000 * NS_PER_MS, connect_timeout_ns = 1000 * NS_PER_MS;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(2);
}

/* ------------------------------------------------------------------------------------- where Redis is */

static void add_addresses(struct config_redis *redis, char *list)
{
	for (char *text = strtok(list, ","); text; text = strtok(NULL, ",")) {
		struct problem problem;
		struct config_endpoint *grown =
			reallocarray(redis->address, redis->addresses + 1, sizeof(*redis->address));

		if (!grown || endpoint_parse(text, &grown[redis->addresses], &problem))
			die("%s is no HOST:PORT", text);
		redis->address = grown;
		redis->addresses++;
	}
}

enum {
	REDIS = 1,
	UNIX,
	SENTINEL,
	CLUSTER,
	DATABASE,
	USER,
	PASSWORD,
	PASSWORD_FILE,
	TLS,
	CA,
	CERT,
	KEY,
	COMMAND_TIMEOUT,
	CONNECT_TIMEOUT,
	LIBRARY
};

static const struct option options[] = {
	{"redis", required_argument, NULL, REDIS},
	{"unix", required_argument, NULL, UNIX},
	{"sentinel", required_argument, NULL, SENTINEL},
	{"cluster", no_argument, NULL, CLUSTER},
	{"database", required_argument, NULL, DATABASE},
	{"user", required_argument, NULL, USER},
	{"password", required_argument, NULL, PASSWORD},
	{"password-file", required_argument, NULL, PASSWORD_FILE},
	{"tls", no_argument, NULL, TLS},
	{"ca", required_argument, NULL, CA},
	{"cert", required_argument, NULL, CERT},
	{"key", required_argument, NULL, KEY},
	{"command-timeout", required_argument, NULL, COMMAND_TIMEOUT},
	{"connect-timeout", required_argument, NULL, CONNECT_TIMEOUT},
	{"library", no_argument, NULL, LIBRARY},
	{NULL, 0, NULL, 0},
};

static void print_library(void)
{
	printf("{\"version\": \"%s\", \"tls\": %s}\n", redis_library_version(),
	       redis_has_tls() ? "true" : "false");
	exit(0);
}

/* Texts: the configuration frees them */
static char **text_of(struct config_redis *redis, int option)
{
	switch (option) {
	case UNIX:
		return &redis->path;
	case SENTINEL:
		redis->kind = REDIS_SENTINEL;
		return &redis->master;
	case USER:
		return &redis->user;
	case PASSWORD:
		return &redis->password;
	case PASSWORD_FILE:
		return &redis->password_file;
	case CA:
		return &redis->tls_ca;
	case CERT:
		return &redis->tls_cert;
	case KEY:
		return &redis->tls_key;
	}
	return NULL;
}

static void take_option(struct config_redis *redis, int option, char *value)
{
	char **text = text_of(redis, option);

	if (text)
		*text = strdup(value);
	else if (option == REDIS)
		add_addresses(redis, value);
	else if (option == CLUSTER)
		redis->kind = REDIS_CLUSTER;
	else if (option == DATABASE)
		redis->database = (uint32_t)strtoul(value, NULL, 10);
	else if (option == TLS)
		redis->tls = true;
	else if (option == COMMAND_TIMEOUT)
		command_timeout_ns = strtoull(value, NULL, 10) * NS_PER_MS;
	else if (option == CONNECT_TIMEOUT)
		connect_timeout_ns = strtoull(value, NULL, 10) * NS_PER_MS;
	else if (option == LIBRARY)
		print_library();
	else
		die("see tests/tools/redis_ask.c");
}

/* ----------------------------------------------------------------------------------------- commands */

static size_t add_texts(const json_t *list, const char **text, size_t *length, size_t count)
{
	size_t index;
	json_t *item;

	json_array_foreach(list, index, item) {
		if (!json_is_string(item))
			die("words are strings");
		text[count] = json_string_value(item);
		length[count++] = json_string_length(item);
	}
	return count;
}

static struct redis_command make_command(const json_t *from)
{
	const json_t *keys = json_object_get(from, "keys"),
		     *rest = json_is_array(from) ? from : json_object_get(from, "arguments");
	size_t most = json_array_size(keys) + json_array_size(rest);
	const char **text = calloc(most + 1, sizeof(*text));
	size_t *length = calloc(most + 1, sizeof(*length)), count;
	struct redis_command command = {.argument = text, .length = length, .name = "ask"};

	if (!text || !length)
		die("%s", strerror(ENOMEM));
	count = add_texts(keys, text, length, 0);
	command.script = json_string_value(json_object_get(from, "script"));
	command.keys = count;
	command.arguments = add_texts(rest, text, length, count);
	if (command.script)
		command.routing_key = count ? text[0] : NULL;
	else
		command.routing_key = command.arguments > 1 ? text[1] : NULL;
	return command;
}

/* ------------------------------------------------------------------------------------------- replies */

static json_t *json_of_value(const struct redis_value *value)
{
	json_t *text;

	switch (value->type) {
	case REDIS_NIL:
		return json_null();
	case REDIS_INTEGER:
		return json_integer(value->integer);
	case REDIS_STRING:
	case REDIS_FAILED:
		break;
	}
	text = json_stringn(value->string, value->length);
	if (!text) /* no UTF-8 */
		text = json_sprintf("%zu bytes", value->length);
	return value->type == REDIS_STRING ? text : json_pack("{so}", "error", text);
}

static json_t *json_of_command(const struct redis_command *command)
{
	json_t *values = json_array();

	for (size_t i = 0; i < command->values; i++)
		json_array_append_new(values, json_of_value(&command->value[i]));
	return json_pack("{ss,sf,so}", "state", redis_state_word(command->state), "ms",
			 (double)command->duration_ns / 1e6, "values", values);
}

static void print_work(const struct redis_work *work, double seconds)
{
	json_t *commands = json_array(), *all;

	for (size_t i = 0; i < work->commands; i++)
		json_array_append_new(commands, json_of_command(&work->command[i]));
	all = json_pack("{ss,ss,ss,sb,sf,so}", "state", redis_state_word(work->state), "error",
			work->error, "remedy", redis_state_remedy(work->state), "reconnected",
			work->reconnected, "ms", seconds * 1e3, "commands", commands);
	json_dumpf(all, stdout, JSON_REAL_PRECISION(6));
	putchar('\n');
	fflush(stdout);
	json_decref(all);
}

static void ask(struct redis_worker *worker, const char *text)
{
	json_error_t error;
	json_t *list = json_loads(text, JSON_ALLOW_NUL, &error);
	struct redis_work work = {
		.commands = json_array_size(list),
		.command_timeout_ns = command_timeout_ns,
		.connect_timeout_ns = connect_timeout_ns,
	};
	struct pollfd done = {.fd = redis_worker_fd(worker), .events = POLLIN};
	uint64_t begin;

	if (!json_is_array(list))
		die("%s: %s", text, list ? "an array of commands is expected" : error.text);
	work.command = calloc(work.commands + 1, sizeof(*work.command));
	for (size_t i = 0; i < work.commands; i++)
		work.command[i] = make_command(json_array_get(list, i));
	begin = clock_monotonic_ns();
	if (!redis_worker_give(worker, &work))
		die("the worker does not take the work");
	if (poll(&done, 1, -1) != 1 || redis_worker_take(worker) != &work)
		die("the worker does not give the work back");
	print_work(&work, clock_seconds_since(begin));
	redis_work_clear(&work);
	for (size_t i = 0; i < work.commands; i++) {
		free((void *)work.command[i].argument);
		free((void *)work.command[i].length);
	}
	free(work.command);
	json_decref(list);
}

int main(int argc, char **argv)
{
	static const char *const interface = "lo";
	struct config_error error;
	struct redis_worker *worker;
	static struct config *config; /* until the end */
	char *line = NULL;
	size_t room = 0;
	int option;

	if (config_default(&interface, 1, &config, &error))
		die("%s", error.text);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&config->cluster.redis, option, optarg);
	worker = redis_worker_new(config);
	if (!worker)
		die("no worker: %s", strerror(errno));
	for (int i = optind; i < argc; i++)
		ask(worker, argv[i]);
	while (optind == argc && getline(&line, &room, stdin) > 0)
		ask(worker, line);
	free(line);
	redis_worker_free(worker);
	return 0;
}
