// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_slot.h"

#include <string.h>

#include "user/base/number.h"

uint16_t redis_crc16(const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint16_t crc = 0;

	for (size_t i = 0; i < length; i++) {
		crc ^= (uint16_t)(bytes[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0));
	}
	return crc;
}

uint16_t redis_slot(const char *key)
{
	const char *open = strchr(key, '{'), *close = open ? strchr(open + 1, '}') : NULL;

	if (close && close > open + 1)
		return redis_crc16(open + 1, (size_t)(close - open - 1)) % REDIS_SLOTS;
	return redis_crc16(key, strlen(key)) % REDIS_SLOTS;
}

bool redis_redirect_parse(const char *error, struct redis_redirect *out)
{
	struct redis_redirect found = {.ask = !strncmp(error, "ASK ", 4)};
	const char *number = strchr(error, ' '), *host, *colon;
	char text[8];
	uint64_t value;
	size_t length;

	if (!found.ask && strncmp(error, "MOVED ", 6))
		return false;
	length = strcspn(++number, " ");
	host = number + length;
	if (length >= sizeof(text) || *host++ != ' ')
		return false;
	memcpy(text, number, length);
	text[length] = '\0';
	if (number_parse(text, 0, REDIS_SLOTS - 1, &value))
		return false;
	found.slot = (uint16_t)value;
	/* An IPv6 address has no brackets here, so the last colon is it */
	colon = strrchr(host, ':');
	if (!colon || (size_t)(colon - host) >= sizeof(found.host) ||
	    number_parse(colon + 1, 1, UINT16_MAX, &value))
		return false;
	memcpy(found.host, host, (size_t)(colon - host));
	found.port = (uint16_t)value;
	*out = found;
	return true;
}
