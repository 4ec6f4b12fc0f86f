-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
--
-- One batch of a node's round: counts its reports into the shared buckets, and answers what the shares are worked
-- out from (user/cluster/law.h, docs/cluster.md). Runs on Redis 6, 7 and Valkey; reads the clock of Redis only.
--
-- KEYS  1  generation of the data: says that Redis has lost its memory
--       2  this node's last batch
--       3  nodes: a sorted set of names by the time they were last heard
--       4- one bucket each. All keys have one hash tag. Nodes with another T use other keys.
-- ARGV  1 node  2 boot  3 sequence, growing with each batch of a boot  4 T in us  5 generation the node knows,
--       0: none  6 "1": count this node among the nodes, and say how many there are
--       then for each bucket  R units/s, B units, demand, part of it above the node's even share, spent, want,
--       hint ("": none); the last five are whole units
-- gives generation, now in us, epoch, epoch in which the batch was counted, 1 if it had been before, nodes (0: not
--       asked for), then for each bucket  demand in the last complete epoch, part of it above even shares, level
--       before this debit, advance
--
-- Precision: Lua's numbers are doubles. Times in us and counts of units are whole, and exact up to 2^53. A level
-- keeps its fraction, in binary, so that rounding does not add up over rounds; what is answered is rounded down.
local call, pack, unpack, floor, min, max = redis.call, struct.pack, struct.unpack, math.floor, math.min, math.max
-- epoch; demand in it, part above; demand in the one before, part above; level; when that was in us
local layout = '<ddddddd'
local day_ms, year_ms = 86400000, 31536000000

local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval = tonumber(ARGV[4])
local epoch = floor(now / interval)

-- A minute or twenty rounds: longer than a batch is ever tried again
local keep_ms = max(60000, floor(interval / 50))
local boot, sequence, counted = string.match(call('GET', KEYS[2]) or '', '^(%S+) (%d+) (%d+)$')
local is_repeat = boot == ARGV[2] and tonumber(ARGV[3]) <= tonumber(sequence)
if is_repeat then
	counted = tonumber(counted)
else
	-- First of all writes: where Redis is out of memory, nothing has been done
	counted = epoch
	call('SET', KEYS[2], string.format('%s %s %.0f', ARGV[2], ARGV[3], epoch), 'PX', keep_ms)
end

local generation = call('GET', KEYS[1])
if not generation then
	generation = string.format('%.0f', now)
	call('SET', KEYS[1], generation, 'PX', day_ms)
end
local knows = ARGV[5] == generation

local nodes = 0
if ARGV[6] == '1' then
	call('ZADD', KEYS[3], now, ARGV[1])
	call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - 5 * interval)
	call('PEXPIRE', KEYS[3], keep_ms)
	call('PEXPIRE', KEYS[1], day_ms)
	nodes = call('ZCARD', KEYS[3])
end

local answer = {tonumber(generation), now, epoch, counted, is_repeat and 1 or 0, nodes}
local argument, place = 7, 7
for i = 4, #KEYS do
	local rate, burst = tonumber(ARGV[argument]), tonumber(ARGV[argument + 1])
	local spent, hint = tonumber(ARGV[argument + 4]), tonumber(ARGV[argument + 6])
	local debt = burst + 2 * rate * interval / 1000000
	local stored = call('GET', KEYS[i])
	local last, running, running_above, complete, complete_above, level, changed = epoch, 0, 0, 0, 0, burst, now

	if stored then
		last, running, running_above, complete, complete_above, level, changed = unpack(layout, stored)
	end
	level = min(burst, level + rate * max(0, now - changed) / 1000000)
	-- Who remembers more than Redis does is believed where it has less: nobody gets a second burst
	if hint and not knows then
		level = min(level, hint)
	end
	if last ~= epoch then
		if last + 1 == epoch then
			complete, complete_above = running, running_above
		else
			complete, complete_above = 0, 0
		end
		running, running_above = 0, 0
	end

	local advance = 0
	if not is_repeat then
		local left = level - spent
		running = running + ARGV[argument + 2]
		running_above = running_above + ARGV[argument + 3]
		-- What an epoch asks for may have been spent once more already, and not been reported yet
		advance = max(0, min(tonumber(ARGV[argument + 5]), floor(left - min(burst / 2, max(running, complete)))))
		call('SET', KEYS[i], pack(layout, epoch, running, running_above, complete, complete_above,
			max(-debt, min(burst, left - advance)), now), 'PX',
			-- Whatever it owed, it is full again by then: to forget it loses nothing
			min(year_ms, floor(max(3 * interval / 1000, (burst + debt) / rate * 1000)) + 1))
	end
	answer[place], answer[place + 1], answer[place + 2], answer[place + 3] = complete, complete_above, floor(level), advance
	argument, place = argument + 7, place + 4
end
return answer
