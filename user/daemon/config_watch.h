/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Notices that the configuration file is another one: written and closed, replaced by rename, or reached over
 * another link, as in a ConfigMap, where weir.yaml -> ..data/weir.yaml and ..data changes. inotify(7) on the directory
 * that holds the path; where a link leads out of that directory to, only a change of the link is seen. The control
 * thread's alone; all but open take NULL, which never sees anything.
 */
#pragma once

#include <stdbool.h>

struct config_watch;

/* 0 and *out, which has noted the file as it is; or -errno. */
int config_watch_open(const char *path, struct config_watch **out);
void config_watch_free(struct config_watch *watch);

/* For poll: events in the directory, and the end of the wait after one; -1 for NULL */
int config_watch_fd(const struct config_watch *watch);
int config_watch_timer_fd(const struct config_watch *watch);

/* After config_watch_fd(). False: the directory itself has gone, nothing will be seen any more. */
bool config_watch_events(struct config_watch *watch);

/*
 * After config_watch_timer_fd(): is it another file than was noted? Not while there is none. The wait of CONFIG_WATCH_WAIT_MS joins
 * the steps in which editors and the kubelet replace a file.
 */
bool config_watch_changed(struct config_watch *watch);
#define CONFIG_WATCH_WAIT_MS 200

/* The file is about to be read. What changes from here on is another one. */
void config_watch_note(struct config_watch *watch);
