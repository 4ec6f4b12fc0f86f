/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/cleanup.h"
#include "user/base/number.h"
#include "user/config/print.h"
#include "user/config/redis.h"

/* Of one length, whatever they stand for; a secret as long as the shortest there may be, so that it reads back */
#define HIDDEN_PASSWORD "********"
#define HIDDEN_SECRET "****************"

static void print_file(const char *indent, const char *name, const char *path, FILE *out)
{
	if (!path)
		return;
	fprintf(out, "%s%s: ", indent, name);
	print_text(path, out);
	fputc('\n', out);
}

static void print_redis(const struct config_redis *redis, FILE *out)
{
	_cleanup_free_ char *hidden = redis->password ? redis_format_url(redis, HIDDEN_PASSWORD)
						      : NULL;

	fputs("  redis: ", out);
	print_text(hidden ? hidden : redis->shown, out);
	fprintf(out, "%s\n", redis->password ? "  # its password is not shown" : "");
	print_file("  ", "password_file", redis->password_file, out);
	if (!redis->tls_ca && !redis->tls_cert)
		return;
	fputs("  tls:\n", out);
	print_file("    ", "ca", redis->tls_ca, out);
	print_file("    ", "cert", redis->tls_cert, out);
	print_file("    ", "key", redis->tls_key, out);
}

void print_cluster(const struct config_cluster *cluster, FILE *out)
{
	char interval[DURATION_TEXT];

	if (!cluster->enabled)
		return;
	fputs("cluster:\n", out);
	print_redis(&cluster->redis, out);
	fprintf(out, "  interval: %s\n  on_outage: %s\n  prefix: \"%s\"\n  hot_clients: %u\n",
		number_format_duration(cluster->interval_ns, interval, sizeof(interval)),
		outage_word(cluster->on_outage), cluster->prefix, cluster->hot_clients);
	if (cluster->secret)
		fputs("  secret: \"" HIDDEN_SECRET "\"  # not shown\n", out);
	print_file("  ", "secret_file", cluster->secret_file, out);
}
