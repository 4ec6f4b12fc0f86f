/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/breaker/recovery.h"

uint64_t recovery_random(uint64_t *state)
{
	uint64_t value = *state += 0x9e3779b97f4a7c15ULL;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ULL;
	value = (value ^ value >> 27) * 0x94d049bb133111ebULL;
	return value ^ value >> 31;
}

/* `ejections` times recovery_ns, up to recovery_max_ns */
static uint64_t due_ns(const struct config_breaker *config, uint32_t ejections)
{
	uint64_t due;

	if (__builtin_mul_overflow(config->recovery_ns, (uint64_t)ejections, &due) ||
	    due > config->recovery_max_ns)
		return config->recovery_max_ns;
	return due;
}

uint32_t recovery_most_ejections(const struct config_breaker *config)
{
	uint64_t most = config->recovery_max_ns / config->recovery_ns +
			(config->recovery_max_ns % config->recovery_ns != 0);

	return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

uint32_t recovery_eject(const struct config_breaker *config, uint32_t ejections)
{
	uint32_t most = recovery_most_ejections(config);

	return ejections < most ? ejections + 1 : most;
}

uint64_t recovery_wait_ns(const struct config_breaker *config, uint32_t ejections, uint64_t *random)
{
	uint64_t due = due_ns(config, ejections);
	uint64_t most = (uint64_t)((unsigned __int128)due * config->jitter / CONFIG_RATIO);
	uint64_t drawn = (uint64_t)((unsigned __int128)recovery_random(random) *
					    (2 * (unsigned __int128)most + 1) >>
				    64);
	uint64_t wait = due - most + drawn;

	return wait > 0 ? wait : 1;
}

unsigned int recovery_most_out(const struct config_breaker *config, unsigned int endpoints)
{
	unsigned int most =
		(unsigned int)((uint64_t)endpoints * config->max_ejection_percent / 100);

	if (most == 0)
		most = 1;
	if (endpoints > 1 && most >= endpoints && !config->eject_last)
		most = endpoints - 1;
	return most < endpoints ? most : endpoints;
}
