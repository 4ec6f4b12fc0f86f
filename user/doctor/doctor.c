// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/doctor/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/doctor/judge.h"
#include "user/doctor/look.h"
#include "user/http/socket.h"

static void cleanup_config(struct config **config)
{
	config_unref(*config);
}

/* The file's; else defaults, by which the rest is judged. -errno: not even these */
static int load(const struct doctor_options *options, struct facts *facts, struct config **out)
{
	static const char *const any[] = {"lo"}; /* there must be one; it is not looked at */
	struct config_error error = {""};

	facts->named = options->config_path;
	facts->path = options->config_path	  ? options->config_path
		      : options->interfaces_count ? NULL
						  : options->default_path;
	if (facts->path) {
		facts->parsed = config_load(facts->path, out, &error);
		snprintf(facts->parse_error, sizeof(facts->parse_error), "%s", error.text);
		if (!facts->parsed)
			return 0;
	}
	return config_default(any, 1, out, &error);
}

static void add_interface(struct facts *facts, const char *name, enum config_attach wanted)
{
	struct facts_interface *interface = &facts->interface[facts->interfaces];

	if (facts->interfaces == WEIR_INTERFACES || !*name)
		return;
	interface->wanted = wanted;
	snprintf(interface->name, sizeof(interface->name), "%s", name);
	facts->interfaces++;
}

static enum config_attach wanted_for(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->interfaces; i++)
		if (!strcmp(config->interface[i].name, name))
			return config->interface[i].attach;
	return ATTACH_AUTO;
}

/* Those named, else those of the configuration, else the one of the default route */
static void choose_interfaces(const struct doctor_options *options, struct facts *facts)
{
	const struct config *config = facts->config;
	bool configured = facts->path && !facts->parsed;
	char route[IFNAMSIZ];

	for (size_t i = 0; i < options->interfaces_count; i++)
		add_interface(facts, options->interfaces[i],
			      wanted_for(config, options->interfaces[i]));
	for (size_t i = 0; i < config->interfaces && configured && !options->interfaces_count; i++)
		add_interface(facts, config->interface[i].name, config->interface[i].attach);
	if (facts->interfaces)
		return;
	look_for_default_route(route);
	add_interface(facts, route, ATTACH_AUTO);
}

static void look(struct config *config, struct facts *facts)
{
	facts->user = geteuid();
	look_at_kernel(&facts->kernel);
	inspect_bpf(&facts->bpf);
	inspect_pins(config->pins, &facts->pins);
	look_at_daemon(facts->pins.holder, &facts->daemon);
	look_at_files(config, facts);
	look_at_socket(config->admin, &facts->socket);
	if (config->http_listen)
		facts->listen = socket_try_tcp(config->http_listen, facts->listen_error,
					       sizeof(facts->listen_error));
	look_for_ssh(&facts->ssh);
	facts->memory_found = health_memory_read("/proc", "/sys/fs/cgroup", &facts->memory);
	for (size_t i = 0; i < facts->interfaces; i++)
		look_at_interface(config->pins, &facts->interface[i]);
	if (config->cluster.enabled)
		look_at_redis(config, &facts->redis);
}

int doctor_examine(const struct doctor_options *options, struct report *out)
{
	_cleanup_free_ struct facts *facts = calloc(1, sizeof(*facts));
	_cleanup_(cleanup_config) struct config *config = NULL;
	int result;

	if (!facts)
		return -ENOMEM;
	result = load(options, facts, &config);
	if (result)
		return result;
	facts->config = config;
	choose_interfaces(options, facts);
	look(config, facts);
	return judge(facts, out);
}
