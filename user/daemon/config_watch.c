// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/daemon/config_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "user/base/cleanup.h"

/* Not IN_CREATE nor IN_MODIFY: that is a file that somebody is still writing. */
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct config_watch {
	char path[PATH_MAX];
	int inotify, timer;
	bool waiting;
	struct stat noted; /* st_ino 0: there was none */
};

/* Without O_NOFOLLOW: what counts is where the links lead to. */
static struct stat look(const struct config_watch *watch)
{
	struct stat now;

	if (stat(watch->path, &now))
		now = (struct stat){0};
	return now;
}

static int watch_directory(const struct config_watch *watch)
{
	char parent[PATH_MAX] = ".";
	const char *slash = strrchr(watch->path, '/');

	if (slash)
		snprintf(parent, sizeof(parent), "%.*s",
			 slash == watch->path ? 1 : (int)(slash - watch->path), watch->path);
	return inotify_add_watch(watch->inotify, parent, EVENTS) < 0 ? -errno : 0;
}

int config_watch_open(const char *path, struct config_watch **out)
{
	struct config_watch *watch = calloc(1, sizeof(*watch));
	int result = 0;

	if (!watch)
		return -ENOMEM;
	watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->inotify < 0)
		result = -errno;
	watch->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (!result && watch->timer < 0)
		result = -errno;
	if (snprintf(watch->path, sizeof(watch->path), "%s", path) >= (int)sizeof(watch->path))
		result = -ENAMETOOLONG;
	if (!result)
		result = watch_directory(watch);
	if (result) {
		config_watch_free(watch);
		return result;
	}
	config_watch_note(watch);
	*out = watch;
	return 0;
}

void config_watch_free(struct config_watch *watch)
{
	if (!watch)
		return;
	cleanup_close(&watch->inotify);
	cleanup_close(&watch->timer);
	free(watch);
}

int config_watch_fd(const struct config_watch *watch)
{
	return watch ? watch->inotify : -1;
}

int config_watch_timer_fd(const struct config_watch *watch)
{
	return watch ? watch->timer : -1;
}

/* Not put off by later events: in a directory that is never quiet it would never end. */
static void wait_a_moment(struct config_watch *watch)
{
	const struct itimerspec moment = {.it_value.tv_nsec = CONFIG_WATCH_WAIT_MS * 1000000L};

	if (!watch->waiting && !timerfd_settime(watch->timer, 0, &moment, NULL))
		watch->waiting = true;
}

bool config_watch_events(struct config_watch *watch)
{
	_Alignas(struct inotify_event) char buffer[4096];
	bool there = true;
	ssize_t length;

	while ((length = read(config_watch_fd(watch), buffer, sizeof(buffer))) > 0)
		for (char *at = buffer; at < buffer + length;) {
			const struct inotify_event *event = (struct inotify_event *)at;

			there = there && !(event->mask & (IN_IGNORED | IN_MOVE_SELF));
			at += sizeof(*event) + event->len;
		}
	if (watch)
		wait_a_moment(watch);
	return there;
}

bool config_watch_changed(struct config_watch *watch)
{
	uint64_t expirations;
	struct stat now;

	if (!watch || read(watch->timer, &expirations, sizeof(expirations)) < 0)
		return false;
	watch->waiting = false;
	now = look(watch);
	return now.st_ino &&
	       (now.st_ino != watch->noted.st_ino || now.st_dev != watch->noted.st_dev ||
		now.st_size != watch->noted.st_size ||
		now.st_mtim.tv_sec != watch->noted.st_mtim.tv_sec ||
		now.st_mtim.tv_nsec != watch->noted.st_mtim.tv_nsec);
}

void config_watch_note(struct config_watch *watch)
{
	if (watch)
		watch->noted = look(watch);
}
