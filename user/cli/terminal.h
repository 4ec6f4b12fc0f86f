/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The terminal while `weir top` has it: another screen, no echo, keys one by one. One at a time in
 * a process, from one thread. Signals: SIGINT, SIGTERM and SIGHUP set terminal_stopped; SIGWINCH
 * wakes; SIGTSTP gives the terminal back until SIGCONT. One that comes just before a wait is seen
 * at its end.
 */
#pragma once

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

extern volatile sig_atomic_t terminal_stopped;

/* Signals alone, for plain output; with a screen too. 0 or -errno. */
int terminal_catch_signals(void);
int terminal_enter(void);
void terminal_leave(void);

/* Replaces what the screen shows, without a flicker. */
void terminal_show(const char *text, size_t length);

/*
 * Until the deadline (CLOCK_MONOTONIC, ns): a key, 0 at the deadline or after a change of size,
 * -EINTR when stopped.
 */
int terminal_wait(uint64_t deadline_ns);
