/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "user/base/cleanup.h"
#include "user/cli/cli.h"
#include "user/cli/command.h"
#include "user/config/model.h"

static void cleanup_config(struct config **config)
{
	config_unref(*config);
}

static size_t count_limits(const struct config_service *service)
{
	size_t count = 0;

	for (size_t tier = 0; tier < WEIR_TIERS; tier++)
		count += service->rule[tier].limits + service->rule[tier].groups;
	return count;
}

/* `other` is always in the model; it counts when the file limits it. */
static size_t count_services(const struct config *config)
{
	return config->services - !count_limits(&config->service[WEIR_SERVICE_OTHER]);
}

static void print_count(const char *before, size_t count, const char *noun)
{
	printf("%s %zu %s%s", before, count, noun, count == 1 ? "" : "s");
}

static void print_summary(const struct config *config, const char *path)
{
	size_t limits = 0;

	for (size_t i = 0; i < config->services; i++)
		limits += count_limits(&config->service[i]);
	printf("%s: valid:", path);
	print_count("", config->interfaces, "interface");
	print_count(",", count_services(config), "service");
	print_count(",", config->tiers, "tier");
	print_count(",", limits, "limit");
	putchar('\n');
}

int cli_check(const struct cli_options *options)
{
	_cleanup_(cleanup_config) struct config *config = NULL;
	struct config_error error = {""};

	if (config_load(options->operand, &config, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return CLI_USAGE;
	}
	if (!options->print) {
		print_summary(config, options->operand);
		return CLI_OK;
	}
	return config_print(config, stdout) ? CLI_FAILED : CLI_OK;
}
