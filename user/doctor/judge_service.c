// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The configuration, and the daemon around it */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/doctor/judge.h"
#include "user/doctor/place.h"

#define NEEDED (1ULL << CAP_BPF | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_PERFMON)
#define ALLOWED (NEEDED | 1ULL << CAP_NET_BIND_SERVICE)
#define PROTOCOL_TCP 6

/* Judged by a file, not by the defaults that stand for it */
static bool configured(const struct facts *facts)
{
	return facts->path && !facts->parsed;
}

void judge_configuration(const struct facts *facts, struct report_check *out)
{
	if (!facts->path)
		return;
	if (!facts->parsed) {
		report_say(out, REPORT_OK, "%s is valid", facts->path);
	} else if (facts->parsed == -EACCES) {
		report_say(out, REPORT_SKIP, "%s is not for this user to read; judging by defaults",
			   facts->path);
		report_fix(out, "run it as root, or in the group weir");
	} else if (facts->parsed == -ENOENT && !facts->named) {
		report_say(out, REPORT_WARN, "there is no %s; judging by defaults", facts->path);
		report_fix(out,
			   "write one, or name it with -c FILE; `weir run -i IFACE` looks around "
			   "without one");
	} else {
		report_say(out, REPORT_FAIL, "%s", facts->parse_error);
		report_fix(out,
			   "mend it; the rest of this report judges by defaults. Variables that a "
			   "service takes from /etc/weir/environment must be set here as well");
	}
}

static bool is_limited(const struct config_service *service)
{
	for (size_t tier = 0; tier < WEIR_TIERS; tier++)
		if (service->rule[tier].limits || service->rule[tier].groups)
			return true;
	return false;
}

void judge_mode(const struct facts *facts, struct report_check *out)
{
	const struct config *config = facts->config;
	size_t enforced = 0, observed = 0;

	if (!configured(facts))
		return;
	for (size_t i = 0; i < config->services; i++) {
		if (is_limited(&config->service[i]))
			*(config->service[i].observe ? &observed : &enforced) += 1;
	}
	if (enforced) {
		report_say(out, REPORT_OK, "limits of %zu services are enforced, of %zu observed",
			   enforced, observed);
		return;
	}
	report_say(out, REPORT_WARN,
		   observed ? "all limits are only observed: nothing is refused by them"
			    : "no service has limits");
	if (observed)
		report_fix(out, "when `weir status` shows that it would refuse the right ones: "
				"`mode: enforce`");
	else
		report_fix(out, "give a service `limits`: weir.yaml(5)");
}

void judge_on_exit(const struct facts *facts, struct report_check *out)
{
	if (!configured(facts))
		return;
	if (facts->config->keep_on_exit) {
		report_say(out, REPORT_OK, "on_exit: keep; limits outlive the daemon");
	} else if (facts->daemon.service) {
		report_say(out, REPORT_WARN,
			   "on_exit: detach; nothing is limited while the service restarts");
		report_fix(out, "on_exit: keep");
	} else {
		report_say(out, REPORT_OK, "on_exit: detach, and Weir is no service here");
	}
}

static bool is_protected(const struct config *config, uint16_t port)
{
	for (size_t i = 0; i < config->protecteds; i++) {
		const struct config_match *match = &config->protected[i];

		if (match->protocol == PROTOCOL_TCP && match->first <= port && port <= match->last)
			return true;
	}
	return false;
}

void judge_protected_ports(const struct facts *facts, struct report_check *out)
{
	char list[64] = "";
	size_t used = 0;

	for (size_t i = 0; i < facts->ssh.ports; i++) {
		uint16_t port = facts->ssh.port[i];

		if (!is_protected(facts->config, port)) {
			report_say(
				out, REPORT_WARN,
				"ssh listens on port %u, which is not protected: a limit could lock "
				"you out",
				port);
			report_fix(out, "add tcp/%u to protected_ports", port);
			return;
		}
		used += (size_t)snprintf(list + used, sizeof(list) - used, " %u", port);
	}
	if (facts->ssh.ports)
		report_say(out, REPORT_OK, "ssh is protected: port%s", list);
	else
		report_say(out, REPORT_OK, "no ssh server is seen here");
}

/* ---------------------------------------------------------------------------------------------- files */

/* true: nothing to complain about */
static bool judge_file(const struct facts *facts, const struct facts_file *file,
		       struct report_check *out)
{
	const struct config_cluster *cluster = &facts->config->cluster;
	bool inside = cluster->redis.password || cluster->secret;

	if (file->found) {
		report_say(out, file->found == -EACCES ? REPORT_SKIP : REPORT_FAIL,
			   "%s: %s cannot be looked at: %s", file->field ? file->field : "-c",
			   file->path, strerror(-file->found));
		report_fix(out, "see that it is there, and readable by the daemon");
	} else if (file->mode & 0022) {
		report_say(out, REPORT_WARN, "%s can be written by others (mode %04o)", file->path,
			   file->mode);
		report_fix(out, "chmod go-w %s", file->path);
	} else if (file->field && file->mode & 0077) {
		report_say(out, REPORT_WARN,
			   "%s: %s can be read by others (mode %04o); expected 0600", file->field,
			   file->path, file->mode);
		report_fix(out, "chmod 0600 %s", file->path);
	} else if (!file->field && inside && file->mode & 0004) {
		report_say(out, REPORT_WARN,
			   "everybody can read %s (mode %04o), which may hold a password",
			   file->path, file->mode);
		report_fix(out, "chmod o-r %s, or take the password from cluster.password_file",
			   file->path);
	} else {
		return true;
	}
	return false;
}

void judge_secrets(const struct facts *facts, struct report_check *out)
{
	if (!configured(facts))
		return;
	for (size_t i = 0; i < facts->files; i++)
		if (!judge_file(facts, &facts->file[i], out))
			return;
	report_say(out, REPORT_OK, "only their owner can change the configuration%s",
		   facts->files > 1 ? " and read the files of secrets" : "");
}

/* -------------------------------------------------------------------------------------------- listeners */

static void judge_socket_mode(const struct facts *facts, struct report_check *out)
{
	const struct facts_socket *socket = &facts->socket;
	bool closed = !(socket->mode & 0060);

	if (socket->mode & 0007 || socket->owner ||
	    (!closed && strcmp(socket->group, "weir") && strcmp(socket->group, "root"))) {
		report_say(
			out, REPORT_WARN,
			"%s has mode %04o, owner %u and group %s; expected 0660, root and the group "
			"weir: who can write there can take the limits away",
			facts->config->admin, socket->mode, socket->owner, socket->group);
		report_fix(out, "chown root:weir %s; chmod 0660 %s", facts->config->admin,
			   facts->config->admin);
	} else {
		report_say(out, REPORT_OK, "a daemon answers on %s, open to %s%s",
			   facts->config->admin, closed ? "root" : "root and the group ",
			   closed ? "" : socket->group);
	}
}

void judge_admin_socket(const struct facts *facts, struct report_check *out)
{
	const struct facts_socket *socket = &facts->socket;
	const char *path = facts->config->admin;

	switch (socket->answers) {
	case 0:
		judge_socket_mode(facts, out);
		return;
	case -ENOENT:
		report_say(out, REPORT_OK, "no daemon runs at %s; %s may use it", path,
			   socket->group_weir ? "root and the group weir"
					      : "without a group weir only root");
		return;
	case -ECONNREFUSED:
		report_say(out, REPORT_OK, "%s is left over; the next daemon replaces it", path);
		return;
	case -EACCES:
		report_say(out, REPORT_SKIP, "%s is not for this user", path);
		report_fix(out, "run it as root, or be in the group weir: usermod -aG weir NAME");
		return;
	case -ENOTSOCK:
		report_say(out, REPORT_FAIL, "%s is in the way and is not a socket", path);
		report_fix(out, "remove it, or choose another path with http.admin");
		return;
	}
	report_say(out, REPORT_FAIL, "%s: %s", path, strerror(-socket->answers));
	report_fix(out, "choose another path with http.admin");
}

void judge_listen(const struct facts *facts, struct report_check *out)
{
	const char *listen = facts->config->http_listen;

	if (!listen) {
		report_say(out, REPORT_OK, "http.listen is off");
	} else if (!facts->listen) {
		report_say(out, REPORT_OK, "%s is free", listen);
	} else if (facts->listen == -EADDRINUSE && (facts->daemon.pid || !facts->socket.answers)) {
		report_say(out, REPORT_OK, "%s is in use, and the daemon runs", listen);
	} else if (facts->listen == -EACCES && facts->bpf.missing[0]) {
		report_say(out, REPORT_SKIP, "this user may not listen on %s", listen);
	} else {
		report_say(out, REPORT_FAIL, "%s", facts->listen_error);
		if (facts->listen == -EADDRINUSE)
			report_fix(out, "`ss -ltnp` shows who has it");
		else
			report_fix(out, "set http.listen to an address and port that can be had");
	}
}

void judge_exposure(const struct facts *facts, struct report_check *out)
{
	const char *listen = facts->config->http_listen;

	if (!listen)
		return;
	switch (place_of(listen)) {
	case PLACE_HOST:
		report_say(out, REPORT_OK, "%s can be reached from this host only", listen);
		return;
	case PLACE_PRIVATE:
		report_say(out, REPORT_OK, "%s is an address of a private network", listen);
		return;
	case PLACE_ANY:
		report_say(
			out, REPORT_WARN,
			"%s is on every interface: who reaches one reads what this host serves and "
			"calls",
			listen);
		break;
	case PLACE_PUBLIC:
		report_say(out, REPORT_WARN,
			   "%s is a public address: everybody may read the metrics", listen);
		break;
	}
	report_fix(out,
		   "listen on 127.0.0.1 or an address of the network that scrapes it, or let a "
		   "firewall keep others out");
}

void judge_rights(const struct facts *facts, struct report_check *out)
{
	const struct facts_daemon *daemon = &facts->daemon;

	if (!daemon->pid) {
		report_say(out, REPORT_SKIP, "no daemon is seen that has these pins");
	} else if (daemon->found) {
		report_say(out, REPORT_SKIP, "/proc/%d/status cannot be read", daemon->pid);
	} else if ((daemon->capabilities & NEEDED) != NEEDED &&
		   !(daemon->capabilities & 1ULL << CAP_SYS_ADMIN)) {
		report_say(out, REPORT_FAIL,
			   "process %d has lost capabilities it needs (CapEff %llx)", daemon->pid,
			   (unsigned long long)daemon->capabilities);
		report_fix(out, "restart it with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON");
	} else if (daemon->capabilities & ~ALLOWED) {
		report_say(out, REPORT_WARN,
			   "process %d has more capabilities than it needs (CapEff %llx)",
			   daemon->pid, (unsigned long long)daemon->capabilities);
		report_fix(out, "run it as the service or pod of docs/deployment.md: CAP_BPF, "
				"CAP_NET_ADMIN and CAP_PERFMON are enough");
	} else {
		report_say(out, REPORT_OK, "process %d has what it needs, and no more",
			   daemon->pid);
	}
}
