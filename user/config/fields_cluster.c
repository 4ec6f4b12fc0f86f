/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The fields of `cluster`; see fields.c. docs/cluster.md explains what they are for. */
#include "user/base/number.h"
#include "user/config/reader.h"

/* Of files that the daemon reads: as long as it needs to be, and short enough for a message */
#define FILE_PATH .max = 255, .expected = "an absolute path of at most 255 bytes"

const struct field tls_fields[] = {
	{
		.name = "ca",
		.read = read_path,
		MEMBER(struct config_redis, tls_ca),
		FILE_PATH,
		.fallback = "the authorities of the system",
		.help = "File of certificates, in PEM: who may have signed that of Redis.",
	},
	{
		.name = "cert",
		.read = read_path,
		MEMBER(struct config_redis, tls_cert),
		FILE_PATH,
		.fallback = "none",
		.help = "This node's own certificate, in PEM, where Redis asks for one. Needs key.",
	},
	{
		.name = "key",
		.read = read_path,
		MEMBER(struct config_redis, tls_key),
		FILE_PATH,
		.fallback = "none",
		.help = "Its key, in PEM. Needs cert.",
	},
	{},
};

const struct field cluster_fields[] = {
	/* before what leans on it: password_file, tls */
	{
		.name = "redis",
		.read = read_redis,
		MEMBER(struct config_cluster, redis),
		.required = true,
		.expected = "a URL such as redis://127.0.0.1:6379/0",
		.help = "Where Redis is. See VALUES.",
	},
	{
		.name = "password_file",
		.read = read_path,
		MEMBER(struct config_cluster, redis.password_file),
		FILE_PATH,
		.fallback = "none",
		.help = "File whose first line is the password for Redis, in place of one in the URL. It is read for each "
			"connection, so that the password may change. weir check does not read it.",
	},
	{
		.name = "tls",
		.read = read_tls,
		MEMBER(struct config_cluster, redis),
		.expected = "a mapping such as {ca: /etc/weir/redis-ca.pem}",
		.help = "Certificates, for rediss:// and its like. weir check does not read them.",
		.inside = tls_fields,
		.nesting = "",
	},
	{
		.name = "interval",
		.read = read_duration,
		MEMBER(struct config_cluster, interval_ns),
		.min = 50000000,
		.max = 5 * NS_PER_SEC,
		.expected = "a duration from 50ms to 5s such as 100ms",
		.fallback = "100ms",
		.help = "How often each node tells Redis what it counted, and has its share of each limit "
			"from it. Shorter is more exact, and more work for Redis.",
	},
	{
		.name = "on_outage",
		.read = read_choice,
		MEMBER(struct config_cluster, on_outage),
		.choices = OUTAGE_CHOICES,
		.expected = "share, local, keep or deny",
		.fallback = "share",
		.help = "What each node lets pass of a cluster limit when Redis has not answered for three "
			"intervals. share: an even part of it. local: all of it. keep: what it last had. deny: "
			"nothing.",
	},
	{
		.name = "prefix",
		.read = read_redis_prefix,
		MEMBER(struct config_cluster, prefix),
		.expected = "1 to 63 letters, digits, dots, dashes, underscores and colons",
		.fallback = "weir",
		.help = "What all keys in Redis begin with. Clusters that share a Redis need one each.",
	},
	{
		.name = "hot_clients",
		.read = read_number,
		MEMBER(struct config_cluster, hot_clients),
		.min = 1,
		.max = 1000,
		.expected = "a number from 1 to 1000",
		.fallback = "500",
		.help = "Clients of this node, at most, that are shared out through Redis: the busiest. All "
			"others have an even part of the limit.",
	},
	{
		.name = "secret",
		.read = read_secret,
		MEMBER(struct config_cluster, secret),
		.min = 16,
		.max = 1024,
		.expected = "at least 16 characters, such as openssl rand -base64 32 prints",
		.fallback = "a random one that the nodes share through Redis",
		.help = "What addresses in Redis are hashed and bans encrypted with, so that who reads Redis "
			"does not learn them. The same on all nodes.",
	},
	{
		.name = "secret_file",
		.read = read_path,
		MEMBER(struct config_cluster, secret_file),
		FILE_PATH,
		.fallback = "none",
		.help = "File whose first line is the secret, in place of secret. It is read at the start and at a reload. "
			"weir check does not read it.",
	},
	{},
};
