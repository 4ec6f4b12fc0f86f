/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/number.h"

#define ENTER "\033[?1049h\033[?25l" /* other screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"

volatile sig_atomic_t terminal_stopped;
static volatile sig_atomic_t suspended;
static struct termios before;
static bool entered;

static void on_signal(int number)
{
	if (number == SIGTSTP)
		suspended = 1;
	else if (number != SIGWINCH)
		terminal_stopped = 1;
}

/* To the terminal, all of it. Where it is gone there is nobody to tell. */
static void put(const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(STDOUT_FILENO, text, length);

		if (written < 0 && errno != EINTR)
			return;
		if (written > 0) {
			text += written;
			length -= (size_t)written;
		}
	}
}

int terminal_catch_signals(void)
{
	static const int number[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP};
	struct sigaction action = {.sa_handler = on_signal};

	for (size_t i = 0; i < sizeof(number) / sizeof(*number); i++)
		if (sigaction(number[i], &action, NULL))
			return -errno;
	return 0;
}

static int take(void)
{
	struct termios raw = before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* ISIG stays: Ctrl-C is a signal */
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw))
		return -errno;
	put(ENTER, strlen(ENTER));
	entered = true;
	return 0;
}

int terminal_enter(void)
{
	if (tcgetattr(STDIN_FILENO, &before))
		return -errno;
	return take();
}

void terminal_leave(void)
{
	if (!entered)
		return;
	entered = false;
	put(LEAVE, strlen(LEAVE));
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

static void suspend(void)
{
	bool had = entered;

	suspended = 0;
	terminal_leave();
	raise(SIGSTOP);
	if (had)
		take();
}

void terminal_show(const char *text, size_t length)
{
	put("\033[H", 3);
	while (length) {
		const char *newline = memchr(text, '\n', length);
		size_t line = newline ? (size_t)(newline - text) : length;

		put(text, line);
		put("\033[K", 3);
		text += line;
		length -= line;
		if (newline) {
			text++;
			length--;
			if (length) /* a line end in the last line would scroll */
				put("\n", 1);
		}
	}
	put("\033[J", 3);
}

static int read_key(void)
{
	unsigned char key[16];
	ssize_t got = read(STDIN_FILENO, key, sizeof(key));

	if (!got)
		terminal_stopped = 1; /* the terminal has gone */
	/* Arrows and the like come as several bytes that begin with ESC: no key of ours */
	return got == 1 ? key[0] : 0;
}

int terminal_wait(uint64_t deadline_ns)
{
	struct pollfd input = {.fd = entered ? STDIN_FILENO : -1, .events = POLLIN};
	uint64_t now = clock_monotonic_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec timeout = {(time_t)(left / NS_PER_SEC), (long)(left % NS_PER_SEC)};
	int ready = 0;

	/* A signal between these and ppoll() is seen at the deadline: at most one interval late */
	if (!terminal_stopped && !suspended)
		ready = ppoll(&input, 1, &timeout, NULL);
	if (suspended)
		suspend();
	if (terminal_stopped)
		return -EINTR;
	return ready > 0 ? read_key() : 0;
}
