// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_poll.h"

#include <errno.h>
#include <time.h>

#include "user/base/clock.h"
#include "user/base/number.h"

int redis_poll(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd waited = {.fd = fd, .events = events};
	int result;

	do {
		uint64_t now = clock_monotonic_ns();
		uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
		struct timespec timeout = {
			.tv_sec = (time_t)(left / NS_PER_SEC),
			.tv_nsec = (long)(left % NS_PER_SEC),
		};

		result = ppoll(&waited, 1, &timeout, NULL);
	} while (result < 0 && errno == EINTR);
	return result < 0 ? -errno : result ? waited.revents : 0;
}
