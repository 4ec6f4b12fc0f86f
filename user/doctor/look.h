/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Looks, and changes nothing: fills facts. What cannot be looked at is noted as that. Redis is asked with the connection
 * the daemon would make, and one key of its own is written there and taken away.
 */
#pragma once

#include "user/doctor/facts.h"

/* By name of the interface; facts->interface and ->interfaces are set but for what is found. */
void look_at_interface(const char *pins, struct facts_interface *interface);

/* The interface of the default route; "": there is none */
void look_for_default_route(char out[IFNAMSIZ]);

void look_at_kernel(struct facts_kernel *out);
void look_at_daemon(pid_t pid, struct facts_daemon *out);
void look_at_files(const struct config *config, struct facts *out);
void look_at_socket(const char *path, struct facts_socket *out);
void look_for_ssh(struct facts_ssh *out);
void look_at_redis(struct config *config, struct facts_redis *out);
