-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
--
-- What operators have ordered for the whole cluster (user/cluster/orders.h): takes new orders, and answers all of them if
-- anything has changed. Runs on Redis 6, 7 and Valkey; reads the clock of Redis only. Commands: TIME, HMGET, HGET, HGETALL,
-- HLEN, HSET, HDEL, PTTL, PEXPIRE, and with a shared secret GET and SET.
--
-- KEYS  1  a hash of orders: by name, "GIVEN EXPIRY TEXT". In the same hash, so that they are lost together or not at
--          all: `generation`, when its memory began; `version`, of the last change; `next`, the earliest expiry
--       2  the secret that nodes share; left out where it is configured. Both keys have one hash tag
-- ARGV  1 generation and 2 version the node knows, 0: none  3 the secret it offers
--       then for each order  name, given, expiry, text
-- gives generation, version, now in us, 1 if all orders follow, the secret in force if it is not the one offered (else ""),
--       for each order given: 1 stored, 0 what is there is as new or newer, or its time is over, -1 there is no room
--       then, if generation or version are not what the node knows,  name, "GIVEN EXPIRY TEXT"  of each
--
-- Times are ms of Redis' clock. Of two orders of a name the later one holds, of two given at the same time the one with
-- the later expiry. To lift something is an order as well, so nothing is ever removed but by its expiry.
local call, match, format, floor, max = redis.call, string.match, string.format, math.floor, math.max
local most, heads = 10000, 3 -- orders; fields of the hash that are none
local day_ms, month_ms = 86400000, 2592000000

local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local now_ms = floor(now / 1000)

local secret = ''
if KEYS[2] then
	local stored = call('GET', KEYS[2])
	if not stored then
		call('SET', KEYS[2], ARGV[3], 'PX', month_ms)
	elseif stored ~= ARGV[3] then
		secret = stored
	end
	if call('PTTL', KEYS[2]) < month_ms / 2 then
		call('PEXPIRE', KEYS[2], month_ms)
	end
end

local head = call('HMGET', KEYS[1], 'generation', 'version', 'next')
local generation, version, next_end = tonumber(head[1]), tonumber(head[2]), tonumber(head[3])
if not (generation and version and next_end) then
	generation, version, next_end = now, now, 0
	call('HSET', KEYS[1], 'generation', format('%.0f', now), 'version', format('%.0f', now), 'next', 0)
end

-- What is over says so itself: that it is gone is no news
if next_end > 0 and next_end <= now_ms then
	local all = call('HGETALL', KEYS[1])
	next_end = 0
	for i = 1, #all, 2 do
		local expiry = tonumber(match(all[i + 1], '^%d+ (%d+) ') or nil)
		if expiry and expiry <= now_ms then
			call('HDEL', KEYS[1], all[i])
		elseif expiry and (next_end == 0 or expiry < next_end) then
			next_end = expiry
		end
	end
	call('HSET', KEYS[1], 'next', format('%.0f', next_end))
end

local keep_ms, stored, answer = day_ms, 0, {}
for i = 4, #ARGV, 4 do
	local name, given, expiry = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
	local there = call('HGET', KEYS[1], name)
	local there_given, there_expiry = match(there or '', '^(%d+) (%d+) ')
	local result = 1

	there_given, there_expiry = tonumber(there_given or nil), tonumber(there_expiry or nil)
	if expiry <= now_ms then
		result = 0
	elseif there_given and (there_given > given or (there_given == given and there_expiry >= expiry)) then
		result = 0
	elseif not there and call('HLEN', KEYS[1]) - heads >= most then
		result = -1
	else
		if next_end == 0 or expiry < next_end then
			next_end = expiry
		end
		keep_ms = max(keep_ms, expiry - now_ms)
		stored = stored + 1
		call('HSET', KEYS[1], name, ARGV[i + 1] .. ' ' .. ARGV[i + 2] .. ' ' .. ARGV[i + 3])
	end
	answer[#answer + 1] = result
end
if stored > 0 then
	-- Never one that was there before, not even in a memory that this one has taken the place of
	version = max(version + 1, now)
	call('HSET', KEYS[1], 'version', format('%.0f', version), 'next', format('%.0f', next_end))
end
local left_ms = call('PTTL', KEYS[1])
if left_ms < (stored > 0 and keep_ms or day_ms / 2) then
	call('PEXPIRE', KEYS[1], keep_ms)
end

local changed = ARGV[1] ~= format('%.0f', generation) or ARGV[2] ~= format('%.0f', version)
if changed then
	local all = call('HGETALL', KEYS[1])
	for i = 1, #all, 2 do
		if match(all[i + 1], '^%d+ %d+ ') then
			answer[#answer + 1], answer[#answer + 2] = all[i], all[i + 1]
		end
	end
end
return {generation, version, now, changed and 1 or 0, secret, answer}
