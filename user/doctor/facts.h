/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What `weir doctor` judges by: everything it has looked at (look.h), as plain values, so that judgement (judge.h) is pure. A
 * finding is 0, -errno, or INSPECT_UNKNOWN: it could not be looked at.
 */
#pragma once

#include <linux/capability.h>
#include <net/if.h>
#include <sys/stat.h>

#include "user/cluster/redis_worker.h"
#include "user/config/model.h"
#include "user/datapath/inspect.h"
#include "user/metrics/health.h"

struct facts_kernel {
	char release[65];
	unsigned int major, minor;
	int btf;
	int unprivileged_bpf; /* kernel.unprivileged_bpf_disabled; -errno */
	int statistics;	      /* kernel.bpf_stats_enabled; -errno */
	char clock[32];	      /* the clock source; "": not known */
	int processors;
};

/* The daemon that has the pins */
struct facts_daemon {
	pid_t pid;	       /* 0: none */
	uint64_t capabilities; /* effective; a bit each */
	int found;	       /* whether they could be read */
	bool service;	       /* a unit of systemd is enabled, or this is a pod */
};

/* The configuration, and the files it names that hold secrets */
#define FACTS_FILES 5
struct facts_file {
	const char *path;
	const char *field; /* "cluster.password_file"; NULL: the configuration itself */
	int found;
	mode_t mode;
	uid_t owner;
};

struct facts_socket {
	int answers; /* -ENOENT: there is none; -ECONNREFUSED: left over; -ENOTSOCK: something else */
	mode_t mode;
	uid_t owner;
	char group[32];	 /* of the file */
	bool group_weir; /* there is a group of that name */
};

/* Ports by which people log in */
#define FACTS_SSH_PORTS 8
struct facts_ssh {
	uint16_t port[FACTS_SSH_PORTS];
	size_t ports;
};

struct facts_redis {
	enum redis_state state, script;
	char error[256];	/* of either */
	uint64_t round_trip_ns; /* the shortest of some */
	double ahead_seconds;	/* its clock before ours */
};

struct facts_interface {
	char name[IFNAMSIZ];
	bool there, up, ethernet;
	enum config_attach wanted;
	uint32_t mtu;
	char driver[32]; /* "": not known */
	int xdp;	 /* whether the kernel tells what XDP the driver can */
	uint64_t xdp_features;
	bool lro;		     /* switched on */
	uint32_t queues, queues_max; /* for receiving; 0: not known */
	char above[IFNAMSIZ];	     /* bridge or bond it is a port of */
	char below[IFNAMSIZ];	     /* what a VLAN, macvlan ... sits on */
	struct inspect_attached attached;
};

/* From linux/netdev.h of 6.3, which Debian 12 does not have yet */
#define XDP_FEATURE_BASIC (1 << 0)
#define XDP_FEATURE_TRANSMIT (1 << 2)
#define XDP_FEATURE_FRAGMENTS (1 << 5)

struct facts {
	const struct config *config; /* the file's; of defaults where there is none that is valid */
	const char *path;	     /* of the file */
	bool named;		     /* by -c: it must be there */
	int parsed;
	char parse_error[512];

	uid_t user; /* who asks */
	struct facts_kernel kernel;
	struct inspect_bpf bpf;
	struct inspect_pins pins;
	struct facts_daemon daemon;
	struct facts_file file[FACTS_FILES];
	size_t files;
	struct facts_socket socket;
	int listen; /* what binding to http.listen says */
	char listen_error[256];
	struct facts_ssh ssh;
	struct facts_redis redis;
	int memory_found;
	struct health_memory memory;
	struct facts_interface interface[WEIR_INTERFACES];
	size_t interfaces;
};
