/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/unit/hidden.h"
#include "user/base/cleanup.h"
#include "user/config/redis.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct good {
	const char *url;
	enum config_redis_kind kind;
	bool tls;
	const char *user, *password;
	const char *addresses; /* HOST:PORT, with blanks between them */
	const char *path, *master;
	uint32_t database;
	const char *shown;
} good[] = {
	{.url = "redis://h", .addresses = "h:6379", .shown = "redis://h:6379/0"},
	{.url = "redis://127.0.0.1",
	 .addresses = "127.0.0.1:6379",
	 .shown = "redis://127.0.0.1:6379/0"},
	{.url = "redis://127.0.0.1:6379/0",
	 .addresses = "127.0.0.1:6379",
	 .shown = "redis://127.0.0.1:6379/0"},
	{.url = "redis://h/", .addresses = "h:6379", .shown = "redis://h:6379/0"},
	{.url = "redis://h:1", .addresses = "h:1", .shown = "redis://h:1/0"},
	{.url = "redis://h:65535/65535",
	 .addresses = "h:65535",
	 .database = 65535,
	 .shown = "redis://h:65535/65535"},
	{.url = "redis://[::1]", .addresses = "[::1]:6379", .shown = "redis://[::1]:6379/0"},
	{.url = "redis://[2001:db8::1]:7000/3",
	 .addresses = "[2001:db8::1]:7000",
	 .database = 3,
	 .shown = "redis://[2001:db8::1]:7000/3"},
	{.url = "redis://Cache_1.Example.org.:6380",
	 .addresses = "Cache_1.Example.org.:6380",
	 .shown = "redis://Cache_1.Example.org.:6380/0"},
	{.url = "redis://:pw@h",
	 .password = "pw",
	 .addresses = "h:6379",
	 .shown = "redis://h:6379/0"},
	{.url = "redis://weir:pw@h:1/2",
	 .user = "weir",
	 .password = "pw",
	 .addresses = "h:1",
	 .database = 2,
	 .shown = "redis://weir@h:1/2"},
	{.url = "redis://weir@h",
	 .user = "weir",
	 .addresses = "h:6379",
	 .shown = "redis://weir@h:6379/0"},
	{.url = "redis://a:b:c@h",
	 .user = "a",
	 .password = "b:c",
	 .addresses = "h:6379",
	 .shown = "redis://a@h:6379/0"},
	{.url = "redis://::@h", .password = ":", .addresses = "h:6379", .shown = "redis://h:6379/0"},
	{.url = "redis://u%40x:p%40%2F%3f%23%25%3A%20@h",
	 .user = "u@x",
	 .password = "p@/?#%: ",
	 .addresses = "h:6379",
	 .shown = "redis://u%40x@h:6379/0"},
	{.url = "redis://u%3Av:w@h",
	 .user = "u:v",
	 .password = "w",
	 .addresses = "h:6379",
	 .shown = "redis://u%3Av@h:6379/0"},
	{.url = "redis://:p[a]s,s$w!o*rd;=+&'()@h",
	 .password = "p[a]s,s$w!o*rd;=+&'()",
	 .addresses = "h:6379",
	 .shown = "redis://h:6379/0"},
	{.url = "redis://\xc3\xa4:\xc3\xb6@h",
	 .user = "\xc3\xa4",
	 .password = "\xc3\xb6",
	 .addresses = "h:6379",
	 .shown = "redis://%C3%A4@h:6379/0"},
	{.url = "redis://u:p@[::1]:5/6",
	 .user = "u",
	 .password = "p",
	 .addresses = "[::1]:5",
	 .database = 6,
	 .shown = "redis://u@[::1]:5/6"},
	{.url = "rediss://h", .tls = true, .addresses = "h:6379", .shown = "rediss://h:6379/0"},
	{.url = "rediss://u:p@h:6390/1",
	 .tls = true,
	 .user = "u",
	 .password = "p",
	 .addresses = "h:6390",
	 .database = 1,
	 .shown = "rediss://u@h:6390/1"},
	{.url = "unix:///run/redis.sock",
	 .path = "/run/redis.sock",
	 .shown = "unix:///run/redis.sock?db=0"},
	{.url = "unix:///run/redis.sock?db=15",
	 .path = "/run/redis.sock",
	 .database = 15,
	 .shown = "unix:///run/redis.sock?db=15"},
	{.url = "unix://u:p@/r",
	 .user = "u",
	 .password = "p",
	 .path = "/r",
	 .shown = "unix://u@/r?db=0"},
	{.url = "unix://:p@/r?db=1",
	 .password = "p",
	 .path = "/r",
	 .database = 1,
	 .shown = "unix:///r?db=1"},
	{.url = "unix:///a%20b/c%40d%3fe:f,g%25",
	 .path = "/a b/c@d?e:f,g%",
	 .shown = "unix:///a%20b/c%40d%3Fe%3Af%2Cg%25?db=0"},
	{.url = "redis-sentinel://a,b:1,[::1],[::2]:3/mymaster",
	 .kind = REDIS_SENTINEL,
	 .addresses = "a:26379 b:1 [::1]:26379 [::2]:3",
	 .master = "mymaster",
	 .shown = "redis-sentinel://a:26379,b:1,[::1]:26379,[::2]:3/mymaster/0"},
	{.url = "redis-sentinel://a/my.master-1_x/7",
	 .kind = REDIS_SENTINEL,
	 .addresses = "a:26379",
	 .master = "my.master-1_x",
	 .database = 7,
	 .shown = "redis-sentinel://a:26379/my.master-1_x/7"},
	{.url = "redis-sentinel://a/m/",
	 .kind = REDIS_SENTINEL,
	 .addresses = "a:26379",
	 .master = "m",
	 .shown = "redis-sentinel://a:26379/m/0"},
	{.url = "redis-sentinel://u:p@a:1,b:2/m",
	 .kind = REDIS_SENTINEL,
	 .user = "u",
	 .password = "p",
	 .addresses = "a:1 b:2",
	 .master = "m",
	 .shown = "redis-sentinel://u@a:1,b:2/m/0"},
	{.url = "rediss-sentinel://a/m",
	 .kind = REDIS_SENTINEL,
	 .tls = true,
	 .addresses = "a:26379",
	 .master = "m",
	 .shown = "rediss-sentinel://a:26379/m/0"},
	{.url = "redis-cluster://a,b:1,10.0.0.3",
	 .kind = REDIS_CLUSTER,
	 .addresses = "a:6379 b:1 10.0.0.3:6379",
	 .shown = "redis-cluster://a:6379,b:1,10.0.0.3:6379"},
	{.url = "redis-cluster://a/",
	 .kind = REDIS_CLUSTER,
	 .addresses = "a:6379",
	 .shown = "redis-cluster://a:6379"},
	{.url = "redis-cluster://u:p@a:1,a:2",
	 .kind = REDIS_CLUSTER,
	 .user = "u",
	 .password = "p",
	 .addresses = "a:1 a:2",
	 .shown = "redis-cluster://u@a:1,a:2"},
	{.url = "rediss-cluster://:p@a",
	 .kind = REDIS_CLUSTER,
	 .tls = true,
	 .password = "p",
	 .addresses = "a:6379",
	 .shown = "rediss-cluster://a:6379"},
};

#define SCHEME                                                                                \
	"that is none of Redis; expected redis://, rediss://, unix://, redis-sentinel:// or " \
	"redis-cluster://"
#define URL "; expected one such as redis://127.0.0.1:6379/0"
#define HOST_PORT \
	"; expected HOST:PORT such as 10.1.2.3:8443, [2001:db8::1]:53 or api.example.org:443"
#define DATABASE                                                                           \
	"has a database that is no number from 0 to 65535; expected one such as the 0 of " \
	"redis://127.0.0.1:6379/0"
#define QUERY                                                                                     \
	"has a ? in it; expected none (?db=N is of unix://; elsewhere /N is the database), in a " \
	"user or password %3F"
#define NO_PORT "has no port from 1 to 65535 behind its colon" HOST_PORT
#define NO_NAME "has no name of a host before its port" HOST_PORT
#define BLANK                                                                                     \
	"has a blank or a control character in it; expected none, in a user or password %20 for " \
	"a blank"
#define BEFORE_AT                                                                                  \
	"has a / or ? before its @; expected %2F and %3F in a user or password, and %40 for an @ " \
	"elsewhere"
#define ONE_AT "has several @; expected at most one, in a user or password %40"
#define HASH "has a # in it; expected none, in a user or password %23"
#define HEX " without two hexadecimal digits behind it; expected %25 for a %"
#define QUERY_UNIX \
	"has a ? that is not ?db=N; expected the database as in unix:///run/redis/redis.sock?db=0"

static const struct bad {
	const char *url, *message;
} bad[] = {
	{"", "has no scheme" URL},
	{"h", "has no scheme" URL},
	{"h:6379", "has no scheme" URL},
	{"redis:h", "has no scheme" URL},
	{"redis:/h", "has no scheme" URL},
	{"://h", "has no scheme" URL},
	{"unix:/run/redis.sock", "has no scheme" URL},
	{"http://h", "has a scheme (http) " SCHEME},
	{"REDIS://h", "has a scheme (REDIS) " SCHEME},
	{"redis-sentinels://h/m", "has a scheme (redis-sentinels) " SCHEME},
	{"redis+cluster://h", "has a scheme (redis+cluster) " SCHEME},
	{"unixs:///x", "has a scheme (unixs) " SCHEME},
	{" redis://h", "has a scheme " SCHEME},
	{"u:hunter2@redis://h", "has a scheme " SCHEME},
	{"averyveryveryveryveryverylongscheme://h", "has a scheme " SCHEME},
	{"redis://", "has no host" URL},
	{"redis:///0", "has no host" URL},
	{"redis://:p@", "has no host" URL},
	{"redis://:p@/1", "has no host" URL},
	{"redis-sentinel:///m", "has no host" URL},
	{"redis-cluster://", "has no host" URL},
	{"redis://:6379", "its address has no host" HOST_PORT},
	{"redis://h:", "its address " NO_PORT},
	{"redis://h:0", "its address " NO_PORT},
	{"redis://h:65536", "its address " NO_PORT},
	{"redis://h:06379", "its address " NO_PORT},
	{"redis://h:+1", "its address " NO_PORT},
	{"redis://h:redis", "its address " NO_PORT},
	{"redis://u:hunter2", "its address " NO_PORT},
	{"redis://u:hunter2:h:1",
	 "its address has several colons; expected HOST:PORT, an IPv6 address in brackets such as "
	 "[2001:db8::1]:53"},
	{"redis://::1",
	 "its address has several colons; expected HOST:PORT, an IPv6 address in brackets such as "
	 "[2001:db8::1]:53"},
	{"redis://::1:6379",
	 "its address has several colons; expected HOST:PORT, an IPv6 address in brackets such as "
	 "[2001:db8::1]:53"},
	{"redis://[::1", "its address is not an endpoint" HOST_PORT},
	{"redis://[::1]6379", "its address is not an endpoint" HOST_PORT},
	{"redis://[]", "its address has no host" HOST_PORT},
	{"redis://[h]:1", "its address has no IPv6 address in its brackets" HOST_PORT},
	{"redis://[127.0.0.1]:1", "its address has no IPv6 address in its brackets" HOST_PORT},
	{"redis://[fe80::1%25eth0]", "its address has no IPv6 address in its brackets" HOST_PORT},
	{"redis://[::ffff:10.0.0.1]",
	 "its address is IPv4 written as IPv6; expected 10.0.0.1:6379"},
	{"redis://0.0.0.0",
	 "its address is no address that packets bear; expected one such as 127.0.0.1:6379 or "
	 "[::1]:6379"},
	{"redis://10.0.0.256", "its address has no IPv4 address before its port" HOST_PORT},
	{"redis://127.1:6379", "its address has no IPv4 address before its port" HOST_PORT},
	{"redis://-h", "its address " NO_NAME},
	{"redis://h_%41", "its address " NO_NAME},
	{"redis://a..b", "its address " NO_NAME},
	{"redis://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	 "its address has 82 bytes; expected at most 79"},
	{"redis://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	 "its address has 83 bytes; expected at most 79"},
	{"redis://a,b", "has several addresses; expected one, or redis-sentinel:// or "
			"redis-cluster:// for several"},
	{"rediss://a:1,b:2/0", "has several addresses; expected one, or redis-sentinel:// or "
			       "redis-cluster:// for several"},
	{"redis://h/x", DATABASE},
	{"redis://h/-1", DATABASE},
	{"redis://h/00", DATABASE},
	{"redis://h/01", DATABASE},
	{"redis://h/65536", DATABASE},
	{"redis://h/18446744073709551616", DATABASE},
	{"redis://h/1k", DATABASE},
	{"redis://h/0/", DATABASE},
	{"redis://h/0/1", DATABASE},
	{"redis://h//0", DATABASE},
	{"redis://h?db=1", QUERY},
	{"redis://h/0?timeout=1", QUERY},
	{"redis-sentinel://h/m?db=1", QUERY},
	{"redis-cluster://h?", QUERY},
	{"redis://h#1", HASH},
	{"redis://:hunt#er2@h", HASH},
	{"redis://@h",
	 "has nothing before its @; expected USER:PASSWORD or :PASSWORD there, or no @"},
	{"redis://:@h", "has no password behind the colon before its @; expected USER:PASSWORD, "
			":PASSWORD or USER"},
	{"redis://u:@h", "has no password behind the colon before its @; expected USER:PASSWORD, "
			 ":PASSWORD or USER"},
	{"redis://:hun%ter2@h", "has a % in its password" HEX},
	{"redis://:hunter%2@h", "has a % in its password" HEX},
	{"redis://:hunter2%@h", "has a % in its password" HEX},
	{"redis://:hunter%g2@h", "has a % in its password" HEX},
	{"redis://u%zz:hunter2@h", "has a % in its user" HEX},
	{"redis://:hunter%002@h", "has %00 in its password; expected no NUL character"},
	{"redis://:hun@ter2@h", ONE_AT},
	{"redis://u@v:hunter2@h", ONE_AT},
	{"redis://h@/@", ONE_AT},
	{"redis://:hun/ter2@h", BEFORE_AT},
	{"redis://:hun?ter2@h/1", BEFORE_AT},
	{"redis://h/hunter2@", BEFORE_AT},
	{"redis://:hun ter2@h", BLANK},
	{"redis://:hunter2@h\n", BLANK},
	{"redis://:hun\x7fter2@h", BLANK},
	{"redis-sentinel://h", "has no name of a master; expected one such as the mymaster of "
			       "redis-sentinel://10.0.0.1:26379,10.0.0.2:26379/mymaster"},
	{"redis-sentinel://h/", "has no name of a master; expected one such as the mymaster of "
				"redis-sentinel://10.0.0.1:26379,10.0.0.2:26379/mymaster"},
	{"redis-sentinel://h//0", "has no name of a master; expected one such as the mymaster of "
				  "redis-sentinel://10.0.0.1:26379,10.0.0.2:26379/mymaster"},
	{"redis-sentinel://h/my:master",
	 "has a name of a master that Sentinel does not take; expected letters, digits, dots, "
	 "dashes and underscores"},
	{"redis-sentinel://h/m/db", DATABASE},
	{"redis-sentinel://h/m/0/0", DATABASE},
	{"redis-sentinel://a,,b/m", "its address 2 has no host" HOST_PORT},
	{"redis-sentinel://a,/m", "its address 2 has no host" HOST_PORT},
	{"redis-sentinel://,a/m", "its address 1 has no host" HOST_PORT},
	{"redis-sentinel://a,b:99999/m", "its address 2 " NO_PORT},
	{"redis-sentinel://a,B,A:26379/m",
	 "its address 3 is address 1 once more; expected each one once"},
	{"redis-cluster://a,10.0.0.1:x", "its address 2 " NO_PORT},
	{"redis-cluster://a,a:6379",
	 "its address 2 is address 1 once more; expected each one once"},
	{"redis-cluster://a:1/0",
	 "has a database or more behind its addresses; expected nothing there, a cluster has "
	 "database 0 only"},
	{"redis-cluster://a:1/3",
	 "has a database or more behind its addresses; expected nothing there, a cluster has "
	 "database 0 only"},
	{"unix://",
	 "has no absolute path; expected three slashes, as in unix:///run/redis/redis.sock"},
	{"unix://run/redis.sock",
	 "has no absolute path; expected three slashes, as in unix:///run/redis/redis.sock"},
	{"unix://:p@run/redis.sock",
	 "has no absolute path; expected three slashes, as in unix:///run/redis/redis.sock"},
	{"unix:///", "has a path that ends with a /, a folder; expected a socket such as "
		     "unix:///run/redis/redis.sock"},
	{"unix:///run/?db=1", "has a path that ends with a /, a folder; expected a socket such as "
			      "unix:///run/redis/redis.sock"},
	{"unix:///a%2", "has a % in its path" HEX},
	{"unix:///a%00b", "has %00 in its path; expected no NUL character"},
	{"unix:///a@b", BEFORE_AT},
	{"unix:///a?", QUERY_UNIX},
	{"unix:///a?db", QUERY_UNIX},
	{"unix:///a?db=", QUERY_UNIX},
	{"unix:///a?DB=1", QUERY_UNIX},
	{"unix:///a?db=x", DATABASE},
	{"unix:///a?db=1&db=2", DATABASE},
	{"unix:///a?db=65536", DATABASE},
	{"unix:///a#b", HASH},
};

static void assert_text(const char *url, const char *got, const char *wanted)
{
	if (!got != !wanted || (got && strcmp(got, wanted)))
		fail_msg("%s: %s, expected %s", url, got ? got : "none", wanted ? wanted : "none");
}

static char *list_addresses(const struct config_redis *redis)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	for (size_t i = 0; i < redis->addresses; i++)
		fprintf(out, "%s%s", i ? " " : "", redis->address[i].name);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_is(const struct config_redis *redis, const struct good *wanted)
{
	_cleanup_free_ char *addresses = list_addresses(redis);

	assert_int_equal(redis->kind, wanted->kind);
	assert_int_equal(redis->tls, wanted->tls);
	assert_text(wanted->url, redis->user, wanted->user);
	assert_text(wanted->url, redis->password, wanted->password);
	assert_text(wanted->url, addresses, wanted->addresses ? wanted->addresses : "");
	assert_text(wanted->url, redis->path, wanted->path);
	assert_text(wanted->url, redis->master, wanted->master);
	assert_int_equal(redis->database, wanted->database);
	assert_text(wanted->url, redis->shown, wanted->shown);
	assert_null(redis->password_file);
	assert_null(redis->tls_ca);
}

static void good_urls_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct config_redis redis;
		struct problem problem = {};

		if (redis_parse_url(good[i].url, &redis, &problem) < 0)
			fail_msg("%s: %s", good[i].url, problem.text);
		assert_is(&redis, &good[i]);
		redis_clear(&redis);
	}
	print_message("%zu good URLs\n", COUNT(good));
}

static void bad_urls_are_refused_in_exact_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct config_redis redis = {.database = 77};
		struct problem problem = {};

		if (redis_parse_url(bad[i].url, &redis, &problem) != -EINVAL)
			fail_msg("%s is accepted", bad[i].url);
		if (strcmp(problem.text, bad[i].message))
			fail_msg("%s:\n  %s\n  wanted:\n  %s", bad[i].url, problem.text,
				 bad[i].message);
		assert_non_null(strstr(problem.text, "; expected "));
		assert_null(strstr(problem.text, "hunter"));
		assert_int_equal(redis.database, 77);
		assert_null(redis.address);
	}
	print_message("%zu bad URLs\n", COUNT(bad));
}

/* What is shown, with the password put back, is read as the same again. */
static void what_is_formatted_is_read_as_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct config_redis redis, again, shown;
		struct problem problem = {};
		_cleanup_free_ char *text = NULL;
		struct good hidden = good[i];

		assert_int_equal(redis_parse_url(good[i].url, &redis, &problem), 0);
		text = redis_format_url(&redis, redis.password);
		assert_non_null(text);
		if (redis_parse_url(text, &again, &problem) < 0)
			fail_msg("%s as %s: %s", good[i].url, text, problem.text);
		assert_is(&again, &good[i]);
		if (redis_parse_url(redis.shown, &shown, &problem) < 0)
			fail_msg("%s as %s: %s", good[i].url, redis.shown, problem.text);
		hidden.password = NULL;
		assert_is(&shown, &hidden);
		redis_clear(&redis);
		redis_clear(&again);
		redis_clear(&shown);
	}
}

static void addresses_are_as_sockets_want_them(void **state)
{
	static const uint8_t ipv4[16] = {[10] = 0xff, 0xff, 10, 0, 0, 3}, ipv6[16] = {[15] = 1};
	struct config_redis redis;
	struct problem problem = {};

	(void)state;
	assert_int_equal(
		redis_parse_url("redis-cluster://10.0.0.3,[::1]:7,h.org", &redis, &problem), 0);
	assert_int_equal(redis.addresses, 3);
	assert_true(redis.address[0].numeric);
	assert_memory_equal(redis.address[0].addr, ipv4, 16);
	assert_int_equal(redis.address[0].port, 6379);
	assert_string_equal(redis.address[1].host, "::1");
	assert_memory_equal(redis.address[1].addr, ipv6, 16);
	assert_int_equal(redis.address[1].port, 7);
	assert_string_equal(redis.address[2].host, "h.org");
	assert_false(redis.address[2].numeric);
	redis_clear(&redis);
	assert_null(redis.address);
	redis_clear(&redis);
}

static char *many_addresses(unsigned int count)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	fputs("redis-cluster://", out);
	for (unsigned int i = 0; i < count; i++)
		fprintf(out, "%sh%u", i ? "," : "", i);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void lengths_are_bounded(void **state)
{
	_cleanup_free_ char *most = many_addresses(REDIS_ADDRESSES_MAX);
	_cleanup_free_ char *over = many_addresses(REDIS_ADDRESSES_MAX + 1);
	char url[REDIS_URL_BYTES_MAX + 2] = "redis://:", path[128] = "unix:///";
	struct config_redis redis;
	struct problem problem = {};

	(void)state;
	assert_int_equal(redis_parse_url(most, &redis, &problem), 0);
	redis_clear(&redis);
	assert_int_equal(redis_parse_url(over, &redis, &problem), -EINVAL);
	assert_string_equal(problem.text, "has 65 addresses; expected at most 64");
	memset(url + 9, 'p', sizeof(url) - 10);
	memcpy(url + sizeof(url) - 3, "@h", 2);
	assert_int_equal(redis_parse_url(url, &redis, &problem), -EINVAL);
	assert_string_equal(problem.text, "has 8193 bytes; expected at most 8192");
	memcpy(url + sizeof(url) - 4, "@h", 3);
	assert_int_equal(redis_parse_url(url, &redis, &problem), 0);
	redis_clear(&redis);
	memset(path + 8, 'a', 106);
	assert_int_equal(redis_parse_url(path, &redis, &problem), 0);
	redis_clear(&redis);
	path[114] = 'a';
	assert_int_equal(redis_parse_url(path, &redis, &problem), -EINVAL);
	assert_string_equal(problem.text, "has a path of 108 bytes; expected at most 107");
}

/* Refused or not: nothing of the password is in the message, nor in what is shown. */
static void try_spoilt(const char *url)
{
	struct config_redis redis;
	struct problem problem = {};

	if (redis_parse_url(url, &redis, &problem) < 0) {
		assert_hidden(url, problem.text);
		assert_non_null(strstr(problem.text, "; expected "));
		return;
	}
	if (redis.password)
		assert_hidden(url, redis.shown);
	redis_clear(&redis);
}

static void no_mistake_shows_the_password(void **state)
{
	static const char *const urls[] = {
		"redis://:" HIDDEN "@[::1]:6379/0",
		"rediss://user:" HIDDEN "@127.0.0.1",
		"unix://user:" HIDDEN "@/run/redis.sock?db=1",
		"redis-sentinel://:" HIDDEN "@a:1,b:2/m/1",
		"redis-cluster://user:" HIDDEN "@a,b",
	};
	unsigned int spoilt = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++)
		spoilt += for_each_mistake(urls[i], try_spoilt);
	print_message("%u mistakes\n", spoilt);
	assert_true(spoilt > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_urls_are_read),
		cmocka_unit_test(bad_urls_are_refused_in_exact_words),
		cmocka_unit_test(what_is_formatted_is_read_as_the_same),
		cmocka_unit_test(addresses_are_as_sockets_want_them),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(no_mistake_shows_the_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
