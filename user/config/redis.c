/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/config/redis.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "user/base/cleanup.h"
#include "user/base/number.h"
#include "user/config/endpoint.h"

#define EXPECTED "expected one such as redis://127.0.0.1:6379/0"

#define DIGITS "0123456789"
#define HEX DIGITS "abcdefABCDEF"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define UNRESERVED LETTERS DIGITS "-._~" /* RFC 3986, 2.3 */

#define REDIS_PORT 6379
#define SENTINEL_PORT 26379

enum form { FORM_SINGLE, FORM_UNIX, FORM_SENTINEL, FORM_CLUSTER };

static const struct scheme {
	const char *text;
	enum form form;
	bool tls;
} schemes[] = {
	{"redis", FORM_SINGLE, false},
	{"rediss", FORM_SINGLE, true},
	{"unix", FORM_UNIX, false},
	{"redis-sentinel", FORM_SENTINEL, false},
	{"rediss-sentinel", FORM_SENTINEL, true},
	{"redis-cluster", FORM_CLUSTER, false},
	{"rediss-cluster", FORM_CLUSTER, true},
};
#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

static void cleanup_redis(struct config_redis *redis)
{
	redis_clear(redis);
}

void redis_clear(struct config_redis *redis)
{
	free(redis->address);
	free(redis->path);
	free(redis->master);
	free(redis->user);
	free(redis->password);
	free(redis->password_file);
	free(redis->tls_ca);
	free(redis->tls_cert);
	free(redis->tls_key);
	free(redis->shown);
	*redis = (struct config_redis){};
}

/* ---------------------------------------------------------------------------------------------- the whole */

/* Only what can be a scheme is quoted: anything else before the :// may be a password. */
static int find_scheme(const char *text, const struct scheme **out, const char **rest,
		       struct problem *problem)
{
	const char *end = strstr(text, "://");
	char name[32] = "";
	size_t length;

	if (!end || end == text)
		return problem_set(problem, "has no scheme; " EXPECTED);
	length = (size_t)(end - text);
	for (size_t i = 0; i < SCHEMES; i++)
		if (strlen(schemes[i].text) == length && !memcmp(schemes[i].text, text, length)) {
			*out = &schemes[i];
			*rest = end + 3;
			return 0;
		}
	if (length < sizeof(name) && strspn(text, LETTERS DIGITS "+-.") == length)
		memcpy(name, text, length);
	return problem_set(
		problem,
		"has a scheme%s%s%s that is none of Redis; expected redis://, rediss://, unix://, "
		"redis-sentinel:// or redis-cluster://",
		*name ? " (" : "", name, *name ? ")" : "");
}

/*
 * What a stray delimiter in a password would do is found before anything is taken apart, so that what is taken apart
 * is what was meant.
 */
static int check_delimiters(const char *rest, struct problem *problem)
{
	const char *at = strchr(rest, '@');

	for (const char *c = rest; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return problem_set(
				problem, "has a blank or a control character in it; expected none, "
					 "in a user or password %%20 for a blank");
	if (strchr(rest, '#'))
		return problem_set(problem, "has a # in it; expected none, in a user or password "
					    "%%23");
	if (at && strchr(at + 1, '@'))
		return problem_set(problem, "has several @; expected at most one, in a user or "
					    "password %%40");
	if (at && (size_t)(at - rest) > strcspn(rest, "/?"))
		return problem_set(problem,
				   "has a / or ? before its @; expected %%2F and %%3F in a user or "
				   "password, and %%40 for an @ elsewhere");
	return 0;
}

/* -------------------------------------------------------------------------------------------------- pieces */

static int hex_value(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* %XX to bytes; for free(). `what` is what messages call it. */
static int decode(const char *text, size_t length, const char *what, char **out,
		  struct problem *problem)
{
	_cleanup_free_ char *decoded = malloc(length + 1);
	size_t n = 0;

	if (!decoded)
		return -ENOMEM;
	for (size_t i = 0; i < length; i++) {
		decoded[n] = text[i];
		if (text[i] == '%') {
			if (length - i < 3 || strspn(text + i + 1, HEX) < 2)
				return problem_set(problem,
						   "has a %% in its %s without two hexadecimal "
						   "digits behind it; expected %%25 for a %%",
						   what);
			decoded[n] = (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
			if (!decoded[n])
				return problem_set(problem,
						   "has %%00 in its %s; expected no NUL character",
						   what);
			i += 2;
		}
		n++;
	}
	decoded[n] = '\0';
	*out = steal_ptr(decoded);
	return 0;
}

/* USER:PASSWORD, USER or :PASSWORD, up to the @ at `end` */
static int parse_user_info(const char *text, const char *end, struct config_redis *out,
			   struct problem *problem)
{
	const char *colon = memchr(text, ':', (size_t)(end - text));
	const char *user_end = colon ? colon : end;
	int r = 0;

	if (end == text)
		return problem_set(problem, "has nothing before its @; expected USER:PASSWORD or "
					    ":PASSWORD there, or no @");
	if (colon && colon + 1 == end)
		return problem_set(problem,
				   "has no password behind the colon before its @; expected "
				   "USER:PASSWORD, :PASSWORD or USER");
	if (user_end > text)
		r = decode(text, (size_t)(user_end - text), "user", &out->user, problem);
	if (r == 0 && colon)
		r = decode(colon + 1, (size_t)(end - colon - 1), "password", &out->password,
			   problem);
	return r;
}

/* HOST or HOST:PORT, to the list. `name` is what messages call it. */
static int add_address(const char *name, const char *text, size_t length, uint16_t port,
		       struct config_redis *out, struct problem *problem)
{
	struct config_endpoint *to = &out->address[out->addresses];
	const char *bracket = memrchr(text, ']', length);
	const char *host_end = bracket ? bracket : text;
	bool has_port = memchr(host_end, ':', length - (size_t)(host_end - text));
	char address[WEIR_ENDPOINT_NAME + sizeof(":65535")];
	int r;

	if (length >= WEIR_ENDPOINT_NAME)
		return problem_set(problem, "%s has %zu bytes; expected at most %d", name, length,
				   WEIR_ENDPOINT_NAME - 1);
	if (has_port)
		snprintf(address, sizeof(address), "%.*s", (int)length, text);
	else
		snprintf(address, sizeof(address), "%.*s:%u", (int)length, text, port);
	r = endpoint_parse_as(name, address, to, problem);
	if (r < 0)
		return r;
	for (size_t i = 0; i < out->addresses; i++)
		if (endpoint_same(&out->address[i], to))
			return problem_set(problem,
					   "%s is address %zu once more; expected each one once",
					   name, i + 1);
	out->addresses++;
	return 0;
}

/* HOST[:PORT],HOST[:PORT]..., up to the / or ? or the end */
static int parse_addresses(const char *text, size_t length, enum form form,
			   struct config_redis *out, struct problem *problem)
{
	uint16_t port = form == FORM_SENTINEL ? SENTINEL_PORT : REDIS_PORT;
	size_t count = 1, each;
	char name[32];
	int r;

	for (size_t i = 0; i < length; i++)
		count += text[i] == ',';
	if (length == 0)
		return problem_set(problem, "has no host; " EXPECTED);
	if (count > 1 && form == FORM_SINGLE)
		return problem_set(problem,
				   "has several addresses; expected one, or redis-sentinel:// or "
				   "redis-cluster:// for several");
	if (count > REDIS_ADDRESSES_MAX)
		return problem_set(problem, "has %zu addresses; expected at most %d", count,
				   REDIS_ADDRESSES_MAX);
	out->address = calloc(count, sizeof(*out->address));
	if (!out->address)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		each = strcspn(text, ",/?");
		snprintf(name, sizeof(name), count > 1 ? "its address %zu" : "its address", i + 1);
		r = add_address(name, text, each, port, out, problem);
		if (r < 0)
			return r;
		text += each + 1;
	}
	return 0;
}

static int parse_database(const char *text, struct config_redis *out, struct problem *problem)
{
	uint64_t number = 0;

	if (*text && number_parse(text, 0, UINT16_MAX, &number) < 0)
		return problem_set(problem,
				   "has a database that is no number from 0 to 65535; expected one "
				   "such as the 0 of redis://127.0.0.1:6379/0");
	out->database = (uint32_t)number;
	return 0;
}

/* MASTER or MASTER/DATABASE */
static int parse_master(const char *text, struct config_redis *out, struct problem *problem)
{
	size_t length = strcspn(text, "/");

	if (length == 0)
		return problem_set(problem,
				   "has no name of a master; expected one such as the mymaster of "
				   "redis-sentinel://10.0.0.1:26379,10.0.0.2:26379/mymaster");
	if (strspn(text, LETTERS DIGITS "-._") < length)
		return problem_set(problem,
				   "has a name of a master that Sentinel does not take; expected "
				   "letters, digits, dots, dashes and underscores");
	out->master = strndup(text, length);
	if (!out->master)
		return -ENOMEM;
	return parse_database(text + length + (text[length] == '/'), out, problem);
}

/* /PATH[?db=N] */
static int parse_path(const char *text, struct config_redis *out, struct problem *problem)
{
	const size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	size_t length = strcspn(text, "?");
	const char *query = text + length;
	int r;

	if (*text != '/')
		return problem_set(problem, "has no absolute path; expected three slashes, as in "
					    "unix:///run/redis/redis.sock");
	r = decode(text, length, "path", &out->path, problem);
	if (r < 0)
		return r;
	length = strlen(out->path);
	if (out->path[length - 1] == '/')
		return problem_set(problem, "has a path that ends with a /, a folder; expected a "
					    "socket such as unix:///run/redis/redis.sock");
	if (length > most)
		return problem_set(problem, "has a path of %zu bytes; expected at most %zu", length,
				   most);
	if (*query && (strncmp(query, "?db=", 4) || !query[4]))
		return problem_set(problem, "has a ? that is not ?db=N; expected the database as "
					    "in unix:///run/redis/redis.sock?db=0");
	return parse_database(*query ? query + 4 : "", out, problem);
}

/* ------------------------------------------------------------------------------------------------- by form */

static int parse_hosts(const char *text, enum form form, struct config_redis *out,
		       struct problem *problem)
{
	size_t length = strcspn(text, "/?");
	const char *rest = text + length;
	int r;

	if (strchr(text, '?'))
		return problem_set(problem,
				   "has a ? in it; expected none (?db=N is of unix://; elsewhere "
				   "/N is the database), in a user or password %%3F");
	r = parse_addresses(text, length, form, out, problem);
	if (r < 0)
		return r;
	rest += *rest == '/';
	if (form == FORM_SENTINEL)
		return parse_master(rest, out, problem);
	if (form == FORM_CLUSTER && *rest)
		return problem_set(problem,
				   "has a database or more behind its addresses; expected nothing "
				   "there, a cluster has database 0 only");
	return parse_database(rest, out, problem);
}

static int parse_rest(const char *rest, enum form form, struct config_redis *out,
		      struct problem *problem)
{
	const char *at = strchr(rest, '@');
	int r;

	r = check_delimiters(rest, problem);
	if (r < 0)
		return r;
	if (at) {
		r = parse_user_info(rest, at, out, problem);
		if (r < 0)
			return r;
		rest = at + 1;
	}
	return form == FORM_UNIX ? parse_path(rest, out, problem)
				 : parse_hosts(rest, form, out, problem);
}

int redis_parse_url(const char *text, struct config_redis *out, struct problem *problem)
{
	_cleanup_(cleanup_redis) struct config_redis redis = {};
	const struct scheme *scheme = NULL;
	const char *rest = NULL;
	int r;

	if (strlen(text) > REDIS_URL_BYTES_MAX)
		return problem_set(problem, "has %zu bytes; expected at most %d", strlen(text),
				   REDIS_URL_BYTES_MAX);
	r = find_scheme(text, &scheme, &rest, problem);
	if (r < 0)
		return r;
	redis.kind = scheme->form == FORM_SENTINEL  ? REDIS_SENTINEL
		     : scheme->form == FORM_CLUSTER ? REDIS_CLUSTER
						    : REDIS_SINGLE;
	redis.tls = scheme->tls;
	r = parse_rest(rest, scheme->form, &redis, problem);
	if (r < 0)
		return r;
	redis.shown = redis_format_url(&redis, NULL);
	if (!redis.shown)
		return -ENOMEM;
	*out = redis;
	redis = (struct config_redis){};
	return 0;
}

/* -------------------------------------------------------------------------------------------------- as text */

/* `also`: what stands as it is besides the unreserved */
static void encode(const char *text, const char *also, FILE *out)
{
	for (; *text; text++)
		if (strchr(UNRESERVED, *text) || strchr(also, *text))
			fputc(*text, out);
		else
			fprintf(out, "%%%02X", (unsigned char)*text);
}

static void print_user_info(const struct config_redis *redis, const char *password, FILE *out)
{
	if (redis->user)
		encode(redis->user, "", out);
	if (password) {
		fputc(':', out);
		encode(password, "*", out);
	}
	if (redis->user || password)
		fputc('@', out);
}

static const char *scheme_of(const struct config_redis *redis)
{
	enum form form = redis->path			 ? FORM_UNIX
			 : redis->kind == REDIS_SENTINEL ? FORM_SENTINEL
			 : redis->kind == REDIS_CLUSTER	 ? FORM_CLUSTER
							 : FORM_SINGLE;

	for (size_t i = 0; i < SCHEMES; i++)
		if (schemes[i].form == form && schemes[i].tls == redis->tls)
			return schemes[i].text;
	return "redis"; /* unix has no TLS: redis_parse_url() makes none */
}

static void print_url(const struct config_redis *redis, const char *password, FILE *out)
{
	fprintf(out, "%s://", scheme_of(redis));
	print_user_info(redis, password, out);
	if (redis->path) {
		encode(redis->path, "/", out);
		fprintf(out, "?db=%u", redis->database);
		return;
	}
	for (size_t i = 0; i < redis->addresses; i++)
		fprintf(out, "%s%s", i ? "," : "", redis->address[i].name);
	if (redis->master)
		fprintf(out, "/%s", redis->master);
	if (redis->kind != REDIS_CLUSTER)
		fprintf(out, "/%u", redis->database);
}

char *redis_format_url(const struct config_redis *redis, const char *password)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int failed;

	if (!out)
		return NULL;
	print_url(redis, password, out);
	failed = ferror(out);
	failed |= fclose(out);
	return failed ? NULL : steal_ptr(text);
}
