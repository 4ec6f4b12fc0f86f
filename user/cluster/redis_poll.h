/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Waiting for a socket until a time of CLOCK_MONOTONIC. */
#pragma once

#include <poll.h>
#include <stdint.h>

/*
 * The events (POLLIN, POLLOUT, also POLLHUP and POLLERR); 0: the time is over; -errno. After the deadline it still says what
 * is there already.
 */
int redis_poll(int fd, short events, uint64_t deadline_ns);
