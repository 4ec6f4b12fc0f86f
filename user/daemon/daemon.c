// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weir run`: brings the parts up, turns the control loop, takes them down. */
#include "user/daemon/daemon.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/base/version.h"
#include "user/daemon/config_watch.h"
#include "user/daemon/orders_apply.h"
#include "user/daemon/control.h"
#include "user/daemon/links.h"

enum { EXIT_FAILED = 1, EXIT_INVALID = 2 };

/* --------------------------------------------------------------------------------- configuration */

/* The line as `weir check` has it; to the journal with a priority, by which it is looked for */
static void say_invalid(const char *text)
{
	if (log_is_journal())
		fprintf(stderr, "<%d>", LOG_ERR);
	fprintf(stderr, "%s\n", text);
}

static int load_config(const struct daemon_options *options, struct config **out)
{
	struct config_error error;
	int result;

	if (options->config_path)
		result = config_load(options->config_path, out, &error);
	else
		result =
			config_default(options->interfaces, options->interfaces_count, out, &error);
	if (result)
		say_invalid(error.text);
	return result;
}

static int log_level(const char *word, int otherwise)
{
	static const struct {
		const char *word;
		int level;
	} levels[] = {{"error", LOG_ERR},
		      {"warning", LOG_WARNING},
		      {"info", LOG_INFO},
		      {"debug", LOG_DEBUG}};

	for (size_t i = 0; word && i < sizeof(levels) / sizeof(levels[0]); i++)
		if (!strcmp(word, levels[i].word))
			return levels[i].level;
	return otherwise;
}

static void start_log(const struct daemon_options *options, const struct config *config)
{
	struct log_style style = {.journal = log_is_journal()};

	style.json = config->log_format == LOG_JSON ||
		     (config->log_format == LOG_AUTO && !style.journal && !isatty(STDERR_FILENO));
	if (options->log_format)
		style.json = !strcmp(options->log_format, "json");
	log_setup(style, log_level(options->log_level, config->log_level));
}

/* ------------------------------------------------------------------------------------ descriptors */

/* Signals arrive as reads; threads started later inherit the mask. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL))
		return -1;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_timer(void)
{
	const struct itimerspec second = {{1, 0}, {1, 0}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0)
		timerfd_settime(fd, 0, &second, NULL);
	return fd;
}

static void drain(int fd)
{
	char buffer[4096];

	while (read(fd, buffer, sizeof(buffer)) > 0)
		continue;
}

/* -------------------------------------------------------------------------------------- the loop */

static void reload(struct control *control)
{
	sd_notify(0, "RELOADING=1");
	control_reload(control, NULL);
	sd_notify(0, "READY=1");
}

static void on_signal(struct control *control, int fd)
{
	struct signalfd_siginfo signal;

	while (read(fd, &signal, sizeof(signal)) == sizeof(signal)) {
		if (signal.ssi_signo == SIGHUP) {
			reload(control);
			continue;
		}
		log_info("daemon", "%s: stopping",
			 signal.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
		control->stop = true;
	}
}

static void on_file(struct control *control, bool events, bool waited)
{
	const char *path = control->config->path;

	if (events && !config_watch_events(control->watch))
		log_warning("config",
			    "the directory of %s has gone: changes are not noticed any more; "
			    "`weir reload` still reads it",
			    path);
	if (waited && config_watch_changed(control->watch)) {
		log_info("config", "%s has changed", path);
		reload(control);
	}
}

static void loop(struct control *control, int signals, int timer, int links)
{
	struct pollfd fds[] = {
		{.fd = signals, .events = POLLIN},
		{.fd = timer, .events = POLLIN},
		{.fd = links, .events = POLLIN},
		{.fd = queue_fd(control->queue), .events = POLLIN},
		{.fd = datapath_events_fd(control->gather.datapath), .events = POLLIN},
		{.fd = resolve_fd(control->gather.resolve), .events = POLLIN},
		{.fd = datapath_outcomes_fd(control->gather.datapath), .events = POLLIN},
		{.fd = breakers_timer_fd(control->gather.breakers), .events = POLLIN},
		{.fd = breakers_probes_fd(control->gather.breakers), .events = POLLIN},
		{.fd = order_box_fd(control->orders), .events = POLLIN},
		{.fd = config_watch_fd(control->watch), .events = POLLIN},
		{.fd = config_watch_timer_fd(control->watch), .events = POLLIN},
	};

	while (!control->stop) {
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0 && errno != EINTR)
			break;
		if (fds[6].revents) /* first: somebody is calling what has just failed */
			breakers_on_outcomes(control->gather.breakers);
		if (fds[0].revents)
			on_signal(control, signals);
		if (fds[2].revents) {
			drain(links);
			control_watch_links(control);
		}
		if (fds[4].revents)
			control_read_events(control);
		if (fds[5].revents)
			upstreams_take(control);
		if (fds[7].revents || fds[8].revents)
			control_breakers(control, fds[7].revents, fds[8].revents);
		if (fds[9].revents && cluster_take_orders(control))
			control_publish(control);
		if (fds[10].revents || fds[11].revents)
			on_file(control, fds[10].revents, fds[11].revents);
		if (fds[1].revents) {
			drain(timer);
			control_tick(control);
			sd_notify(0, "WATCHDOG=1");
		}
		if (fds[3].revents)
			control_serve(control);
	}
}

/* Before the file is read for the first time. Without it everything else works. NULL, and *error: it cannot be watched. */
static struct config_watch *open_watch(const struct daemon_options *options, int *error)
{
	struct config_watch *watch = NULL;

	*error = options->config_path && !options->no_watch
			 ? config_watch_open(options->config_path, &watch)
			 : 0;
	return watch;
}

static void say_unwatched(const struct config *config, int error)
{
	if (error)
		log_warning("config",
			    "cannot watch %s: %s; a change is applied by `weir reload` only",
			    config->path, strerror(-error));
}

static void cleanup_watch(struct config_watch **watch)
{
	config_watch_free(*watch);
}

static void say_ready(const struct control *control)
{
	const struct config *config = control->gather.config;
	size_t count = config->interfaces;

	log_info("daemon", "ready: %zu service%s on %zu interface%s, admin %s%s%s",
		 config->services, config->services == 1 ? "" : "s", count, count == 1 ? "" : "s",
		 control->socket ? control->socket : config->admin,
		 config->http_listen ? ", metrics http://" : "",
		 config->http_listen ? config->http_listen : "");
	if (!config->path)
		log_info("daemon", "no configuration: observing, nothing is refused; "
				   "see weir.yaml(5) for limits");
}

/* 0 or the exit status */
static int start(const struct daemon_options *options, struct config *config, struct control **out)
{
	struct config_error error = {};
	struct seal *seal = NULL;
	int result = cluster_prepare(config, &seal, &error);

	if (result) {
		log_error("cluster", "%s", error.text);
		return result == -ENOMEM ? EXIT_FAILED : EXIT_INVALID;
	}
	return control_start(config, seal, options->socket, out) ? EXIT_FAILED : 0;
}

static int run(const struct daemon_options *options)
{
	_cleanup_close_ int signals = -1, timer = -1, links = -1;
	int unwatched;
	_cleanup_(cleanup_watch) struct config_watch *watch = open_watch(options, &unwatched);
	struct config *config = NULL;
	struct control *control = NULL;
	int result = load_config(options, &config);

	if (result)
		return result == -ENOMEM ? EXIT_FAILED : EXIT_INVALID;
	start_log(options, config);
	log_info("daemon", "weir %s (%s), %s", weir_version(), weir_revision(),
		 config->path ? config->path : "without a configuration file");
	signals = open_signals();
	timer = open_timer();
	links = links_open();
	if (signals < 0 || timer < 0 || links < 0) {
		log_error("daemon", "cannot watch signals, time and links: %s", strerror(errno));
		config_unref(config);
		return EXIT_FAILED;
	}
	say_unwatched(config, unwatched);
	result = start(options, config, &control);
	config_unref(config);
	if (result)
		return result;
	control->watch = watch;
	say_ready(control);
	sd_notify(0, "READY=1");
	loop(control, signals, timer, links);
	sd_notify(0, "STOPPING=1");
	return control_finish(control) ? EXIT_FAILED : 0;
}

int daemon_run(const struct daemon_options *options)
{
	int status = run(options);

	log_flush();
	return status;
}
