/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From text or a file to a checked model. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "bpf/abi/client.h"
#include "user/base/cleanup.h"
#include "user/config/check.h"
#include "user/config/reader.h"
#include "user/config/redis.h"

#define FILE_BYTES_MAX (16 << 20)
/* The guard lets a tenth of the table be new each second: ten seconds of a flood fill it. */
#define NEW_CLIENTS_SHARE 10

/* As most have them: 1 ms to 10 s in steps of 2 to 2.5 */
static const unsigned int default_buckets_us[] = {
	1000,	2500,	5000,	 10000,	  25000,   50000,    100000,
	250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

static void cleanup_config(struct config **config)
{
	config_unref(*config);
}

static void cleanup_tree(struct tree *tree)
{
	tree_free(tree);
}

static char *host_name(void)
{
	char name[HOST_NAME_MAX + 1] = "";

	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		return strdup("localhost");
	return strdup(name);
}

/* With every default that needs nothing else; NULL without memory. */
static struct config *new_config(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	atomic_init(&config->refs, 1);
	strcpy(config->tier[WEIR_TIER_DEFAULT].name, "default");
	config->tiers = 1;
	strcpy(config->service[WEIR_SERVICE_OTHER].name, "other");
	config->services = 1;
	for (size_t i = 0; i < WEIR_SERVICES; i++) {
		struct config_service *service = &config->service[i];

		service->client_ipv4 = 32;
		service->client_ipv6 = 64;
		service->parent_ipv4 = PARENT_UNSET;
		service->parent_ipv6 = PARENT_UNSET;
		service->new_clients = NEW_CLIENTS_UNSET;
	}
	config->service[WEIR_SERVICE_OTHER].latency = true;
	config->latency = true;
	config->buckets = sizeof(default_buckets_us) / sizeof(default_buckets_us[0]);
	for (size_t i = 0; i < config->buckets; i++)
		config->bucket_ns[i] = 1000ULL * default_buckets_us[i];
	config->clients = 1 << 20;
	config->flows = 1 << 17;
	config->log_level = LOG_INFO;
	config->protected = malloc(sizeof(*config->protected));
	config->http_listen = strdup("127.0.0.1:9464");
	config->admin = strdup("/run/weir/weir.sock");
	config->pins = strdup("/sys/fs/bpf/weir");
	config->node = host_name();
	if (!config->protected || !config->http_listen || !config->admin || !config->pins ||
	    !config->node) {
		config_unref(config);
		return NULL;
	}
	config->protected[0] =
		(struct config_match){.protocol = IPPROTO_TCP, .first = 22, .last = 22};
	config->protecteds = 1;
	return config;
}

/* Defaults that depend on what was read */
static void finish(struct config *config)
{
	config->clients = (config->clients + WEIR_WAYS - 1) / WEIR_WAYS * WEIR_WAYS;
	config->flows = (config->flows + WEIR_WAYS - 1) / WEIR_WAYS * WEIR_WAYS;
	for (size_t i = 0; i < config->services; i++) {
		struct config_service *service = &config->service[i];

		if (service->new_clients == NEW_CLIENTS_UNSET)
			service->new_clients = config->clients / NEW_CLIENTS_SHARE;
		if (service->parent_ipv4 == PARENT_UNSET)
			service->parent_ipv4 = 24;
		if (service->parent_ipv6 == PARENT_UNSET)
			service->parent_ipv6 = 48;
	}
}

int config_parse(const char *name, const char *text, size_t length, struct config **out,
		 struct config_error *error)
{
	const struct field file = {.expected = "a mapping with at least `interfaces`"};
	_cleanup_(cleanup_tree) struct tree tree = {};
	_cleanup_(cleanup_config) struct config *config = NULL;
	struct reader reader = {.file = name, .error = error};
	int r;

	r = tree_parse(name, text, length, &tree, error);
	if (r < 0)
		return r;
	reader.root = tree.root;
	if (schema_want(&reader, &file, tree.root, NODE_MAP) < 0)
		return -EINVAL;
	reader.config = config = new_config();
	if (!config)
		return schema_no_memory(&reader, tree.root);
	r = schema_read(&reader, config_fields, tree.root, config);
	if (r < 0)
		return r;
	finish(config);
	r = check_config(&reader);
	if (r < 0)
		return r;
	*out = steal_ptr(config);
	return 0;
}

static int read_error(struct config_error *error, const char *path, int code)
{
	line_fail(error, path, 0, "cannot be read: %s; expected a readable file", strerror(-code));
	return code;
}

/* The whole file into *text; for free(). */
static int read_file(const char *path, char **text, size_t *length, struct config_error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buffer = NULL;
	struct stat status;
	size_t done = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &status) < 0)
		return read_error(error, path, -errno);
	if (S_ISDIR(status.st_mode))
		return read_error(error, path, -EISDIR);
	buffer = malloc(FILE_BYTES_MAX + 1);
	if (!buffer)
		return read_error(error, path, -ENOMEM);
	do {
		n = read(fd, buffer + done, FILE_BYTES_MAX + 1 - done);
		done += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return read_error(error, path, -errno);
	if (done > FILE_BYTES_MAX)
		return line_fail(error, path, 0,
				 "is larger than 16 MiB; expected a configuration file");
	*text = steal_ptr(buffer);
	*length = done;
	return 0;
}

int config_load(const char *path, struct config **out, struct config_error *error)
{
	_cleanup_(cleanup_config) struct config *config = NULL;
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int r;

	r = read_file(path, &text, &length, error);
	if (r < 0)
		return r;
	r = config_parse(path, text, length, &config, error);
	if (r < 0)
		return r;
	config->path = strdup(path);
	if (!config->path)
		return read_error(error, path, -ENOMEM);
	*out = steal_ptr(config);
	return 0;
}

struct config *config_ref(struct config *config)
{
	if (config)
		atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
	return config;
}

void config_unref(struct config *config)
{
	if (!config || atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < WEIR_TIERS; i++)
		free(config->tier[i].prefixes.at);
	for (size_t i = 0; i < WEIR_SERVICES; i++) {
		free(config->service[i].match);
		free(config->service[i].destinations.at);
	}
	for (size_t i = 0; i < config->upstreams; i++)
		free(config->upstream[i].endpoint);
	free(config->upstream);
	redis_clear(&config->cluster.redis);
	free(config->cluster.secret);
	free(config->cluster.secret_file);
	free(config->deny.at);
	free(config->allow.at);
	free(config->protected);
	free(config->http_listen);
	free(config->admin);
	free(config->node);
	free(config->pins);
	free(config->path);
	free(config);
}
