-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
--
-- What operators have ordered for the whole cluster (user/cluster/orders.h): takes new orders, and answers those that the node does
-- not know. Runs on Redis 6, 7 and Valkey; reads the clock of Redis only. Commands: TIME, HMGET, HGET, HLEN, HSET, HDEL,
-- ZADD, ZREM, ZCARD, ZSCORE, ZRANGEBYSCORE, DEL, PTTL, PEXPIRE, and with a shared secret GET and SET.
--
-- KEYS  1  a hash of orders: by name, "GIVEN EXPIRY TEXT". In it, too: `generation`, when its memory began; `version`, of
--          the last change; `history`, versions that were the last one
--       2  their names by when they expire  3  their names by the version that each came with
--       4  the secret that nodes share; left out where it is configured. All keys have one hash tag
-- ARGV  1 generation, 2 base: the version that the node had heard of, and 3 cursor: up to which it has the orders; 0: none
--       4 the secret it offers
--       then for each order  name, given, expiry, text
-- gives generation, version, now in us, cursor, 1 if orders begin from the first, 1 if there are more, the secret in force if it
--       is not the one offered (else ""),
--       for each order given: 1 stored, 0 what is there is as new or newer, or its time is over, -1 there is no room
--       then  name, "GIVEN EXPIRY TEXT"  of each order above the cursor, at most a page
--
-- Times are ms of Redis' clock. Of two orders of a name the later one holds, of two given at the same time the one with
-- the later expiry. To lift something is an order as well, so nothing is ever removed but by its expiry.
--
-- A node whose base is not in the history knows a memory that this one has lost, by a restart or by a failover to a replica
-- that was behind: it begins from the first. So does one for which too much has happened meanwhile.
local call, match, format, floor, max = redis.call, string.match, string.format, math.floor, math.max
local most, heads, page, purge = 10000, 3, 250, 1000 -- orders; fields of the hash that are none; orders in an answer, removed at once
local digits = 17 -- of a version in the history: 16, and a space
local day_ms, month_ms = 86400000, 2592000000
local orders, expiries, versions, shared = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local now_ms = floor(now / 1000)

local secret = ''
if shared then
	local stored = call('GET', shared)
	if not stored then
		call('SET', shared, ARGV[4], 'PX', month_ms)
	elseif stored ~= ARGV[4] then
		secret = stored
	end
	if call('PTTL', shared) < month_ms / 2 then
		call('PEXPIRE', shared, month_ms)
	end
end

local head = call('HMGET', orders, 'generation', 'version')
local generation, version = tonumber(head[1] or nil), tonumber(head[2] or nil)
local count = call('ZCARD', versions)
-- All or nothing: a Redis that is short of memory may take away one key of three
if not (generation and version) or count ~= call('ZCARD', expiries) or count ~= call('HLEN', orders) - heads then
	generation, version, count = now, now, 0
	call('DEL', orders, expiries, versions)
	call('HSET', orders, 'generation', format('%.0f', now), 'version', format('%.0f', now), 'history',
		format('%016.0f ', now))
end

-- What is over says so itself: that it is gone is no news
local over = call('ZRANGEBYSCORE', expiries, '-inf', now_ms, 'LIMIT', 0, purge)
if #over > 0 then
	call('HDEL', orders, unpack(over))
	call('ZREM', expiries, unpack(over))
	call('ZREM', versions, unpack(over))
	count = count - #over
end

local keep_ms, stored, answer = day_ms, 0, {}
for i = 5, #ARGV, 4 do
	local name, given, expiry = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
	local there = call('HGET', orders, name)
	local there_given, there_expiry = match(there or '', '^(%d+) (%d+) ')
	local result = 1

	there_given, there_expiry = tonumber(there_given or nil), tonumber(there_expiry or nil)
	if expiry <= now_ms then
		result = 0
	elseif there_given and (there_given > given or (there_given == given and there_expiry >= expiry)) then
		result = 0
	elseif not there and count >= most then
		result = -1
	else
		count = count + (there and 0 or 1)
		stored = stored + 1
		keep_ms = max(keep_ms, expiry - now_ms)
		-- Never one that was there before, not even in a memory that this one has taken the place of
		version = max(version + 1, now)
		call('HSET', orders, name, ARGV[i + 1] .. ' ' .. ARGV[i + 2] .. ' ' .. ARGV[i + 3])
		call('ZADD', expiries, ARGV[i + 2], name)
		call('ZADD', versions, format('%.0f', version), name)
	end
	answer[#answer + 1] = result
end
if stored > 0 then
	local history = call('HGET', orders, 'history') .. format('%016.0f ', version)
	if #history > 256 * digits then
		history = string.sub(history, -128 * digits)
	end
	call('HSET', orders, 'version', format('%.0f', version), 'history', history)
end
if call('PTTL', orders) < (stored > 0 and keep_ms or day_ms / 2) then
	call('PEXPIRE', orders, keep_ms)
end
if count > 0 then
	keep_ms = call('PTTL', orders)
	if call('PTTL', versions) < keep_ms - 1000 then
		call('PEXPIRE', expiries, keep_ms)
		call('PEXPIRE', versions, keep_ms)
	end
end

local base, cursor = tonumber(ARGV[2]), tonumber(ARGV[3])
local known = base == version or string.find(call('HGET', orders, 'history'), format('%016.0f ', base), 1, true)
local start = ARGV[1] ~= format('%.0f', generation) or not known
if start then
	cursor = 0
end
local more = false
if cursor < version then
	local names = call('ZRANGEBYSCORE', versions, format('(%.0f', cursor), '+inf', 'LIMIT', 0, page + 1)
	more = #names > page
	if more then
		names[page + 1] = nil
		cursor = tonumber(call('ZSCORE', versions, names[page]))
	else
		cursor = version
	end
	if #names > 0 then
		local values = call('HMGET', orders, unpack(names))
		for i = 1, #names do
			answer[#answer + 1], answer[#answer + 2] = names[i], values[i]
		end
	end
end
return {generation, version, now, cursor, start and 1 or 0, more and 1 or 0, secret, answer}
