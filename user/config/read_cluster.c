/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `cluster`: its values and defaults, and what contradicts itself. No message shows a password or the secret. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "user/base/number.h"
#include "user/config/reader.h"
#include "user/config/redis.h"

int read_redis(struct reader *reader, const struct field *field, const struct node *node,
	       void *into)
{
	struct problem problem = {};
	int r;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	r = redis_parse_url(node->text, into, &problem);
	if (r == -ENOMEM)
		return schema_no_memory(reader, node);
	if (r < 0)
		return schema_fail(reader, node, "%s", problem.text);
	return 0;
}

/* No braces: in a Redis Cluster they say which part of a key chooses its node. */
int read_redis_prefix(struct reader *reader, const struct field *field, const struct node *node,
		      void *into)
{
	size_t length;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	length = strlen(node->text);
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)node->text[i]) && !strchr("-_.:", node->text[i]))
			length = 0;
	if (length == 0 || length >= field->size)
		return schema_fail(reader, node, "%s is not a prefix of keys; expected %s",
				   quote(node->text).text, field->expected);
	memcpy(into, node->text, length + 1);
	return 0;
}

/* field->min: characters of UTF-8; max: bytes */
int read_secret(struct reader *reader, const struct field *field, const struct node *node,
		void *into)
{
	uint64_t characters = 0;
	char *secret;

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	for (const char *at = node->text; *at; at++)
		characters += ((unsigned char)*at & 0xc0) != 0x80;
	if (characters < field->min)
		return schema_fail(reader, node, "is too short; expected %s", field->expected);
	if (strlen(node->text) > field->max)
		return schema_fail(reader, node, "is too long; expected at most %llu bytes",
				   (unsigned long long)field->max);
	secret = strdup(node->text);
	if (!secret)
		return schema_no_memory(reader, node);
	*(char **)into = secret;
	return 0;
}

int read_tls(struct reader *reader, const struct field *field, const struct node *node, void *into)
{
	struct config_redis *redis = into;
	int r;

	r = read_mapping(reader, field, node, redis);
	if (r < 0)
		return r;
	if (!redis->tls)
		return schema_fail(
			reader, node,
			"is there, and the URL of redis asks for no TLS; expected "
			"rediss://, rediss-sentinel:// or rediss-cluster:// there, or no tls");
	if (!redis->tls_cert != !redis->tls_key)
		return schema_fail(reader, node, "has a %s without a %s; expected both, or neither",
				   redis->tls_cert ? "cert" : "key",
				   redis->tls_cert ? "key" : "cert");
	return 0;
}

static int check_password(struct reader *reader, const struct node *map,
			  const struct config_redis *redis)
{
	if (redis->password && redis->password_file)
		return schema_fail(
			reader, node_get(map, "password_file"),
			"is there, and the URL of redis has a password, too; expected one "
			"of them");
	/* What some other tools take for a password. */
	if (redis->user && !redis->password && !redis->password_file)
		return schema_fail(reader, node_get(map, "redis"),
				   "has something before its @ that has no colon: a user without a "
				   "password; expected USER:PASSWORD@ or :PASSWORD@, or a "
				   "password_file");
	return 0;
}

int read_cluster(struct reader *reader, const struct field *field, const struct node *node,
		 void *into)
{
	struct config_cluster *cluster = &((struct config *)into)->cluster;
	int r;

	cluster->interval_ns = NS_PER_SEC / 10;
	cluster->on_outage = OUTAGE_SHARE;
	cluster->hot_clients = 500;
	strcpy(cluster->prefix, "weir");
	r = read_mapping(reader, field, node, cluster);
	if (r < 0)
		return r;
	r = check_password(reader, node, &cluster->redis);
	if (r < 0)
		return r;
	if (cluster->secret && cluster->secret_file)
		return schema_fail(reader, node_get(node, "secret_file"),
				   "is there beside secret; expected one of them");
	cluster->enabled = true;
	return 0;
}
