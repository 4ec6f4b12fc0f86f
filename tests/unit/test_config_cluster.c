/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The configuration of cluster quotas: what is read, what is refused and how that reads, what is printed and what never is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/unit/config_equal.h"
#include "tests/unit/hidden.h"
#include "user/base/cleanup.h"
#include "user/base/number.h"
#include "user/config/model.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define INTERFACE "interfaces: [{name: eth0}]\n"
#define CLUSTER(text) INTERFACE "cluster: {" text "}\n"
#define REDIS(text) CLUSTER("redis: \"" text "\"")
#define WITH(text) CLUSTER("redis: \"redis://h\", " text)
#define SERVICE "services:\n  - name: web\n    match: [tcp/80]\n"
#define LIMIT(text) WITH("") SERVICE "    limits:\n      default: [" text "]\n"
#define LONELY(text) INTERFACE SERVICE "    limits:\n      default: [" text "]\n"

static struct config *parse(const char *text)
{
	struct config_error error = {};
	struct config *config = NULL;

	if (config_parse("f", text, strlen(text), &config, &error) < 0)
		fail_msg("refused: %s", error.text);
	return config;
}

static const char everything[] = INTERFACE
	"cluster:\n"
	"  redis: \"rediss-sentinel://weir:${WEIR_TEST_PASSWORD}@10.0.0.1,[::1]:7/m/3\"\n"
	"  tls: {ca: '/etc/c a.pem', cert: /etc/cert.pem, key: /etc/key.pem}\n"
	"  interval: 250ms\n"
	"  on_outage: keep\n"
	"  prefix: prod:weir-1.a_b\n"
	"  hot_clients: 1k\n"
	"  secret: \"${WEIR_TEST_SECRET}\"\n"
	"services:\n"
	"  - name: web\n"
	"    match: [tcp/80]\n"
	"    limits:\n"
	"      default:\n"
	"        - 5000/min connections burst 100 cluster\n"
	"        - 2/s packets cluster\n"
	"        - {rate: 1MB/s, unit: bytes, scope: cluster, on_outage: deny}\n"
	"        - {rate: 1/day, unit: connections, scope: node}\n"
	"    group_limits:\n"
	"      default:\n"
	"        - {rate: 50k/hour, unit: packets, burst: 7, scope: cluster, on_outage: local}\n"
	"        - 9/s packets\n";

static void set_secrets(void)
{
	setenv("WEIR_TEST_PASSWORD", HIDDEN, 1);
	setenv("WEIR_TEST_SECRET", HIDDEN "-secret", 1);
}

static void a_cluster_is_read(void **state)
{
	const struct config_cluster *cluster;
	struct config *config;

	(void)state;
	set_secrets();
	config = parse(everything);
	cluster = &config->cluster;
	assert_true(cluster->enabled);
	assert_int_equal(cluster->redis.kind, REDIS_SENTINEL);
	assert_true(cluster->redis.tls);
	assert_string_equal(cluster->redis.user, "weir");
	assert_string_equal(cluster->redis.password, HIDDEN);
	assert_int_equal(cluster->redis.addresses, 2);
	assert_string_equal(cluster->redis.address[0].name, "10.0.0.1:26379");
	assert_string_equal(cluster->redis.master, "m");
	assert_int_equal(cluster->redis.database, 3);
	assert_string_equal(cluster->redis.shown,
			    "rediss-sentinel://weir@10.0.0.1:26379,[::1]:7/m/3");
	assert_null(cluster->redis.password_file);
	assert_string_equal(cluster->redis.tls_ca, "/etc/c a.pem");
	assert_string_equal(cluster->redis.tls_cert, "/etc/cert.pem");
	assert_string_equal(cluster->redis.tls_key, "/etc/key.pem");
	assert_int_equal(cluster->interval_ns, NS_PER_SEC / 4);
	assert_int_equal(cluster->on_outage, OUTAGE_KEEP);
	assert_string_equal(cluster->prefix, "prod:weir-1.a_b");
	assert_int_equal(cluster->hot_clients, 1000);
	assert_string_equal(cluster->secret, HIDDEN "-secret");
	assert_null(cluster->secret_file);
	config_unref(config);
}

static void files_stand_for_secrets(void **state)
{
	struct config *config = parse(CLUSTER(
		"secret_file: /run/s, password_file: /run/p, redis: \"unix://weir@/run/r.sock\""));

	(void)state;
	/* Neither is there: a check reads no files. */
	assert_string_equal(config->cluster.redis.password_file, "/run/p");
	assert_string_equal(config->cluster.redis.user, "weir");
	assert_null(config->cluster.redis.password);
	assert_string_equal(config->cluster.redis.path, "/run/r.sock");
	assert_string_equal(config->cluster.secret_file, "/run/s");
	assert_null(config->cluster.secret);
	config_unref(config);
}

static void a_cluster_has_defaults(void **state)
{
	struct config *config = parse(REDIS("redis://127.0.0.1")), *none = parse(INTERFACE);
	const struct config_cluster *cluster = &config->cluster;

	(void)state;
	assert_true(cluster->enabled);
	assert_int_equal(cluster->interval_ns, NS_PER_SEC / 10);
	assert_int_equal(cluster->on_outage, OUTAGE_SHARE);
	assert_string_equal(cluster->prefix, "weir");
	assert_int_equal(cluster->hot_clients, 500);
	assert_null(cluster->secret);
	assert_null(cluster->secret_file);
	assert_null(cluster->redis.password);
	assert_null(cluster->redis.tls_ca);
	assert_false(none->cluster.enabled);
	assert_null(none->cluster.redis.shown);
	config_unref(config);
	config_unref(none);
}

static void assert_limit(const struct config_limit *limit, uint64_t amount, uint64_t burst,
			 bool cluster, enum outage on_outage)
{
	assert_int_equal(limit->amount, amount);
	assert_int_equal(limit->burst, burst);
	assert_int_equal(limit->cluster, cluster);
	if (cluster)
		assert_int_equal(limit->on_outage, on_outage);
}

static void limits_say_where_they_hold(void **state)
{
	const struct config_rule *rule;
	struct config *config;

	(void)state;
	set_secrets();
	config = parse(everything);
	rule = &config->service[1].rule[0];
	assert_int_equal(rule->limits, 4);
	assert_limit(&rule->limit[0], 5000, 100, true, OUTAGE_KEEP);
	assert_limit(&rule->limit[1], 2, 2, true, OUTAGE_KEEP);
	assert_limit(&rule->limit[2], 1000000, 1000000, true, OUTAGE_DENY);
	assert_limit(&rule->limit[3], 1, 1, false, 0);
	assert_int_equal(rule->groups, 2);
	assert_limit(&rule->group[0], 50000, 7, true, OUTAGE_LOCAL);
	assert_limit(&rule->group[1], 9, 9, false, 0);
	config_unref(config);
}

static void every_outage_has_its_word(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < OUTAGE_COUNT; i++) {
		char text[512];
		struct config *config;

		snprintf(text, sizeof(text),
			 WITH("on_outage: %s") SERVICE
			 "    limits: {default: [1/s packets cluster]}\n",
			 outage_word((enum outage)i));
		config = parse(text);
		assert_int_equal(config->cluster.on_outage, i);
		assert_int_equal(config->service[1].rule[0].limit[0].on_outage, i);
		config_unref(config);
	}
}

#define LAST "services[0].limits.default[0]"
#define OUTAGE_WORDS "; expected share, local, keep or deny"
#define PATH "; expected an absolute path of at most 255 bytes"
#define FIELDS \
	"redis, password_file, tls, interval, on_outage, prefix, hot_clients, secret, secret_file"
#define NO_FIELD \
	"f:2: cluster: holds something that is no field and has no value; expected NAME: VALUE with one of " FIELDS
#define NO_CLUSTER                                                                               \
	": is to hold over a cluster, and the file has none; expected a mapping `cluster` such " \
	"as {redis: \"redis://127.0.0.1:6379/0\"}, or scope: node"
#define NO_LIMIT(text)                                                                             \
	"f:7: " LAST ": \"" text "\" is not a limit; expected RATE UNIT [burst N] [cluster], for " \
	"example 100/min connections burst 20"

static const struct refusal {
	const char *text, *message;
} refusals[] = {
	{INTERFACE "cluster:\n", "f:2: cluster: has no value; expected a mapping such as {redis: "
				 "\"redis://127.0.0.1:6379/0\"}"},
	{INTERFACE "cluster: redis://:" HIDDEN "@h\n",
	 "f:2: cluster: is a single value; expected a mapping such as {redis: "
	 "\"redis://127.0.0.1:6379/0\"}"},
	{CLUSTER(""),
	 "f:2: cluster.redis: is missing; expected a URL such as redis://127.0.0.1:6379/0"},
	{CLUSTER("redis: ~"),
	 "f:2: cluster.redis: has no value; expected a URL such as redis://127.0.0.1:6379/0"},
	{CLUSTER("redis: [redis://h]"),
	 "f:2: cluster.redis: is a list; expected a URL such as redis://127.0.0.1:6379/0"},
	{CLUSTER("host: h"),
	 "f:2: cluster.host: unknown field; expected one of redis, password_file, tls, interval, "
	 "on_outage, prefix, hot_clients, secret, secret_file"},
	{CLUSTER("password: " HIDDEN),
	 "f:2: cluster.password: unknown field; expected one of redis, password_file, tls, "
	 "interval, on_outage, prefix, hot_clients, secret, secret_file"},
	{CLUSTER("redis:redis://:" HIDDEN "@h"), NO_FIELD},
	{CLUSTER("redis redis://:" HIDDEN "@h"), NO_FIELD},
	{WITH("secret, " HIDDEN "x"), NO_FIELD},
	{REDIS("redis://:" HIDDEN "$x@h"),
	 "f:2: cluster.redis: a single $; expected $$ for a $, or ${NAME} (quoted inside {} and "
	 "[])"},
	{REDIS("redis://:${" HIDDEN "-x@h}"),
	 "f:2: cluster.redis: a ${ that begins no variable; expected ${NAME} or ${NAME:-default} "
	 "($$ for a $)"},
	{REDIS("redis://:${WEIR_TEST_UNSET}@h"),
	 "f:2: cluster.redis: environment variable \"WEIR_TEST_UNSET\" is not set; expected it "
	 "set, or ${WEIR_TEST_UNSET:-default}"},
	{REDIS("127.0.0.1:6379"),
	 "f:2: cluster.redis: has no scheme; expected one such as redis://127.0.0.1:6379/0"},
	{REDIS("redis://:" HIDDEN "@h:port"),
	 "f:2: cluster.redis: its address has no port from 1 to 65535 behind its colon; expected "
	 "HOST:PORT such as 10.1.2.3:8443, [2001:db8::1]:53 or api.example.org:443"},
	{REDIS("redis://" HIDDEN "@h"),
	 "f:2: cluster.redis: has something before its @ that has no colon: a user without a "
	 "password; expected USER:PASSWORD@ or :PASSWORD@, or a password_file"},
	{CLUSTER("redis: \"redis://:" HIDDEN "@h\", password_file: /run/p"),
	 "f:2: cluster.password_file: is there, and the URL of redis has a password, too; expected "
	 "one of them"},
	{WITH("password_file: p"),
	 "f:2: cluster.password_file: \"p\" is not an absolute path" PATH},
	{WITH("redis: \"redis://:" HIDDEN "@h\""),
	 "f:2: cluster.redis: is there twice, first on line 2; expected it once"},
	{WITH("tls: {}"),
	 "f:2: cluster.tls: is there, and the URL of redis asks for no TLS; expected rediss://, "
	 "rediss-sentinel:// or rediss-cluster:// there, or no tls"},
	{CLUSTER("tls: {cert: /c}, redis: \"rediss://h\""),
	 "f:2: cluster.tls: has a cert without a key; expected both, or neither"},
	{CLUSTER("tls: {key: /k}, redis: \"rediss-cluster://h\""),
	 "f:2: cluster.tls: has a key without a cert; expected both, or neither"},
	{CLUSTER("tls: {ca: c.pem}, redis: \"rediss://h\""),
	 "f:2: cluster.tls.ca: \"c.pem\" is not an absolute path" PATH},
	{CLUSTER("tls: true, redis: \"rediss://h\""),
	 "f:2: cluster.tls: is a single value; expected a mapping such as {ca: "
	 "/etc/weir/redis-ca.pem}"},
	{CLUSTER("tls: {verify: no}, redis: \"rediss://h\""),
	 "f:2: cluster.tls.verify: unknown field; expected one of ca, cert, key"},
	{WITH("interval: 49ms"), "f:2: cluster.interval: \"49ms\" is out of range; expected a "
				 "duration from 50ms to 5s such as 100ms"},
	{WITH("interval: 5001ms"), "f:2: cluster.interval: \"5001ms\" is out of range; expected a "
				   "duration from 50ms to 5s such as 100ms"},
	{WITH("interval: 100"), "f:2: cluster.interval: \"100\" is not a duration; expected a "
				"duration from 50ms to 5s such as 100ms"},
	{WITH("on_outage: open"),
	 "f:2: cluster.on_outage: \"open\" is not known here" OUTAGE_WORDS},
	{WITH("on_outage: ''"), "f:2: cluster.on_outage: \"\" is not known here" OUTAGE_WORDS},
	{WITH("on_outage: share|local"),
	 "f:2: cluster.on_outage: \"share|local\" is not known here" OUTAGE_WORDS},
	{WITH("prefix: ''"),
	 "f:2: cluster.prefix: \"\" is not a prefix of keys; expected 1 to 63 letters, digits, "
	 "dots, dashes, underscores and colons"},
	{WITH("prefix: 'a{b}'"),
	 "f:2: cluster.prefix: \"a{b}\" is not a prefix of keys; expected 1 to 63 letters, digits, "
	 "dots, dashes, underscores and colons"},
	{WITH("prefix: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
	 "f:2: cluster.prefix: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\" is "
	 "not a prefix of keys; expected 1 to 63 letters, digits, dots, dashes, underscores and "
	 "colons"},
	{WITH("hot_clients: 0"),
	 "f:2: cluster.hot_clients: \"0\" is out of range; expected a number from 1 to 1000"},
	{WITH("hot_clients: 1001"),
	 "f:2: cluster.hot_clients: \"1001\" is out of range; expected a number from 1 to 1000"},
	{WITH("secret: Qx7Zk9Wv3Jm8Yq2"),
	 "f:2: cluster.secret: is too short; expected at least 16 characters, such as openssl rand "
	 "-base64 32 prints"},
	{WITH("secret: \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"),
	 "f:2: cluster.secret: is too short; expected at least 16 characters, such as openssl rand "
	 "-base64 32 prints"},
	{WITH("secret: [" HIDDEN "]"),
	 "f:2: cluster.secret: is a list; expected at least 16 characters, such as openssl rand "
	 "-base64 32 prints"},
	{WITH("secret: " HIDDEN HIDDEN ", secret_file: /run/s"),
	 "f:2: cluster.secret_file: is there beside secret; expected one of them"},
	{WITH("secret_file: run/s"),
	 "f:2: cluster.secret_file: \"run/s\" is not an absolute path" PATH},
	{LONELY("1/s packets cluster"), "f:6: " LAST NO_CLUSTER},
	{LONELY("{rate: 1/s, unit: packets, scope: cluster}"), "f:6: " LAST ".scope" NO_CLUSTER},
	{LONELY("{rate: 1/s, unit: packets, on_outage: share}"),
	 "f:6: " LAST ".on_outage: is for limits of a cluster, and this one is each node's own; "
	 "expected scope: cluster, or no on_outage"},
};

static const struct refusal limit_refusals[] = {
	{LIMIT("{rate: 1/s, unit: packets, scope: node, on_outage: share}"),
	 "f:7: " LAST ".on_outage: is for limits of a cluster, and this one is each node's own; "
	 "expected scope: cluster, or no on_outage"},
	{LIMIT("{rate: 1/s, unit: packets, scope: cluster, on_outage: open}"),
	 "f:7: " LAST ".on_outage: \"open\" is not known here" OUTAGE_WORDS},
	{LIMIT("{rate: 1/s, unit: packets, scope: global}"),
	 "f:7: " LAST ".scope: \"global\" is not known here; expected node or cluster"},
	{LIMIT("{rate: 1/s, unit: packets, scope: [cluster]}"),
	 "f:7: " LAST ".scope: is a list; expected node or cluster"},
	{LIMIT("1/s packets cluster burst 2"), NO_LIMIT("1/s packets cluster burst 2")},
	{LIMIT("1/s packets burst cluster"),
	 "f:7: " LAST ": burst \"cluster\" is not a number of packets; expected one such as 200"},
	{LIMIT("1/s packets cluster cluster"), NO_LIMIT("1/s packets cluster cluster")},
	{LIMIT("1/s packets node"), NO_LIMIT("1/s packets node")},
	{LIMIT("1/s cluster"),
	 "f:7: " LAST ": \"cluster\" is not a unit; expected packets, bytes or connections"},
	{LIMIT("25599/s bytes cluster"),
	 "f:7: " LAST ": rate 25599/s is too slow for bytes of a cluster, of which each node has a "
	 "share; expected at least 25600B/s"},
	{LIMIT("{rate: 1G/s, unit: packets, scope: cluster, burst: 9007199254740992}"),
	 "f:7: " LAST ".burst: a burst of 9007199254740992 is too large to be shared out in a "
	 "cluster; expected burst 9007199254740991 or less"},
};

static void assert_refusals(const struct refusal *refusal, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct config_error error = {};
		struct config *config = NULL;
		int r = config_parse("f", refusal[i].text, strlen(refusal[i].text), &config,
				     &error);

		if (r != -EINVAL || strcmp(error.text, refusal[i].message))
			fail_msg("%s\n  %s\n  wanted:\n  %s", refusal[i].text,
				 r ? error.text : "accepted", refusal[i].message);
		assert_hidden(refusal[i].text, error.text);
		assert_null(config);
	}
}

static void every_refusal_is_one_exact_line_without_secrets(void **state)
{
	(void)state;
	assert_refusals(refusals, COUNT(refusals));
	assert_refusals(limit_refusals, COUNT(limit_refusals));
	print_message("%zu refusals\n", COUNT(refusals) + COUNT(limit_refusals));
}

static void what_is_at_the_edge_passes(void **state)
{
	static const char *const texts[] = {
		WITH("interval: 50ms, hot_clients: 1"),
		WITH("interval: 5s, hot_clients: 1000"),
		WITH("secret: 1234567890123456"),
		WITH("prefix: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
		LIMIT("25600/s bytes cluster"),
		LIMIT("1/day packets cluster"),
		LIMIT("1G/s packets burst 9007199254740991 cluster"),
		LIMIT("1000GB/s bytes cluster"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		config_unref(parse(texts[i]));
}

/* ---------------------------------------------------------------------------------------------- printing */

static void what_is_printed_reads_back_without_secrets(void **state)
{
	static const char *const texts[] = {
		everything,
		REDIS("redis://h"),
		REDIS("redis-cluster://:" HIDDEN "@a:1,b"),
		REDIS("unix:///a%20b$$%25?db=3"),
		CLUSTER("redis: \"rediss://u%40:" HIDDEN "@h\", tls: {ca: '/a \"b\" $$'}"),
		CLUSTER("redis: \"rediss://h\", tls: {ca: \"/a\\N  b\\Lc\\Pd\\_e\\uFEFFf\"}"),
		CLUSTER("redis: \"redis://u@h\", password_file: /p, secret_file: '/s s'"),
	};

	(void)state;
	set_secrets();
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct config *config = parse(texts[i]), *again;
		_cleanup_free_ char *text = config_text(config), *text_again = NULL;

		assert_hidden(texts[i], text);
		again = parse(text);
		assert_config_equal(config, again);
		text_again = config_text(again);
		assert_string_equal(text, text_again);
		config_unref(config);
		config_unref(again);
	}
}

static void what_is_hidden_says_so(void **state)
{
	struct config *config;
	_cleanup_free_ char *text = NULL;

	(void)state;
	set_secrets();
	config = parse(everything);
	text = config_text(config);
	assert_non_null(strstr(
		text, "cluster:\n"
		      "  redis: \"rediss-sentinel://weir:********@10.0.0.1:26379,[::1]:7/m/3\""
		      "  # its password is not shown\n"
		      "  tls:\n"
		      "    ca: \"/etc/c a.pem\"\n"
		      "    cert: \"/etc/cert.pem\"\n"
		      "    key: \"/etc/key.pem\"\n"
		      "  interval: 250ms\n"
		      "  on_outage: keep\n"
		      "  prefix: \"prod:weir-1.a_b\"\n"
		      "  hot_clients: 1000\n"
		      "  secret: \"****************\"  # not shown\n"));
	assert_non_null(strstr(text, "- {rate: 5000/min, unit: connections, burst: 100, "
				     "scope: cluster, on_outage: keep}\n"));
	assert_non_null(strstr(text, "- 9/s packets burst 9\n"));
	config_unref(config);
}

/* ---------------------------------------------------------------------------------------------- mistakes */

/* A misprint may make the rest of the file anything, a name or a value of something else. */
static void try_spoilt(const char *text)
{
	struct config_error error = {};
	struct config *config = NULL;

	if (config_parse("f", text, strlen(text), &config, &error) < 0) {
		assert_hidden(text, error.text);
		assert_non_null(strstr(error.text, "; expected "));
	}
	config_unref(config);
}

static void no_mistake_shows_a_secret(void **state)
{
	static const char *const texts[] = {
		INTERFACE "cluster:\n  redis: \"redis://u:" HIDDEN "@h/1\"\n  interval: 1s\n",
		INTERFACE "cluster:\n  redis: redis://:" HIDDEN "@h/1\n  interval: 1s\n",
		INTERFACE "cluster:\n  redis: redis://h\n  secret: " HIDDEN "x\n  prefix: a\n",
		INTERFACE "cluster:\n  redis: redis://h\n  secret: '" HIDDEN "x'\n  prefix: a\n",
		CLUSTER("redis: 'redis://:" HIDDEN "@h', secret: \"" HIDDEN "x\", prefix: a"),
		CLUSTER("secret: " HIDDEN "x, redis: redis://h:1"),
	};
	unsigned int spoilt = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		spoilt += for_each_mistake(texts[i], try_spoilt);
	print_message("%u mistakes\n", spoilt);
	assert_true(spoilt > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cluster_is_read),
		cmocka_unit_test(files_stand_for_secrets),
		cmocka_unit_test(a_cluster_has_defaults),
		cmocka_unit_test(limits_say_where_they_hold),
		cmocka_unit_test(every_outage_has_its_word),
		cmocka_unit_test(every_refusal_is_one_exact_line_without_secrets),
		cmocka_unit_test(what_is_at_the_edge_passes),
		cmocka_unit_test(what_is_printed_reads_back_without_secrets),
		cmocka_unit_test(what_is_hidden_says_so),
		cmocka_unit_test(no_mistake_shows_a_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
